//! Many short messages, begun and finished apart, are those that are made and opened one by one.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{
    code,
    rng::{draw, seeded},
};
use proptest::{collection::vec, prelude::*};
use wardkey::{
    cobblestone::CHUNK,
    data_key::DataKey,
    encoding::Context,
    error::{Code, Result},
    message::{self, Author, Authority, Padding, View, seal_signed},
    probe::aead_calls,
    sign::SigningKey,
};

fn context(record: usize) -> Context {
    Context::new([("record", record.to_string().as_str())]).unwrap()
}

fn finish(begun: &[u8]) -> Vec<Option<Vec<u8>>> {
    let finished = message::finish(begun).unwrap();
    let mut rest = finished.as_slice();
    let mut pieces = Vec::new();
    while let Some((len, more)) = rest.split_first_chunk() {
        let len = u32::from_le_bytes(*len);
        let (piece, more) = more.split_at(if len == u32::MAX { 0 } else { usize::try_from(len).unwrap() });
        pieces.push((len != u32::MAX).then(|| piece.to_vec()));
        rest = more;
    }
    pieces
}

fn begin_opening(key: &DataKey, sealed: &[u8], context: &Context) -> Result<Vec<u8>> {
    let mut begun = Vec::new();
    message::begin_opening(&mut begun, key, sealed, context)?;
    Ok(begun)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn one_by_one_or_many(lengths in vec(prop_oneof![0..600_usize, CHUNK - 20..CHUNK + 20, 0..3 * CHUNK], 0..6), seed: u64, padded: bool) {
        let mut rng = seeded(&seed.to_string());
        let key = DataKey::generate(&mut rng).unwrap();
        let padding = if padded { Padding::Padme } else { Padding::None };
        let data: Vec<Vec<u8>> = lengths.iter().map(|len| draw(&mut rng, *len)).collect();
        let items: Vec<(&[u8], Context)> =
            data.iter().enumerate().map(|(record, data)| (data.as_slice(), context(record))).collect();
        let sealed = finish(&message::begin_sealing(&key, &mut rng, &items, padding).unwrap());
        prop_assert_eq!(sealed.len(), data.len());
        let mut begun = Vec::new();
        for (record, (sealed, data)) in sealed.iter().zip(&data).enumerate() {
            let sealed = sealed.as_ref().unwrap();
            prop_assert_eq!(&message::open(&key, sealed, &context(record)).unwrap(), data);
            let alone = message::seal(&key, &mut rng, data, &context(record), padding).unwrap();
            prop_assert_eq!(sealed.len(), alone.len());
            message::begin_opening(&mut begun, &key, &alone, &context(record)).unwrap();
        }
        prop_assert_eq!(finish(&begun), data.into_iter().map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn whatever_was_begun_ends(begun in vec(any::<u8>(), 0..200)) {
        if let Err(error) = message::finish(&begun) {
            prop_assert!(matches!(error.code(), Code::InvalidArgument | Code::Limit));
        }
    }
}

/// F1, F3: what fails is the same as of one message, and stands in its place.
#[test]
fn f1_each_fails_by_itself() {
    let mut rng = seeded("many fail");
    let key = DataKey::generate(&mut rng).unwrap();
    for padding in [Padding::None, Padding::Padme] {
        let good = message::seal(&key, &mut rng, b"data", &context(1), padding).unwrap();
        let mut begun = begin_opening(&key, &good, &context(1)).unwrap();
        let mut bad = 0;
        for at in 0..good.len() {
            for changed in [
                good.iter().enumerate().map(|(place, byte)| byte ^ u8::from(place == at)).collect(),
                good[..at].to_vec(),
            ] {
                let expected = code(message::open(&key, &changed, &context(1)));
                match begin_opening(&key, &changed, &context(1)) {
                    Err(error) => assert_eq!(error.code(), expected, "{at}"),
                    Ok(more) => {
                        assert_eq!(expected, Code::DecryptionFailed, "{at}");
                        begun.extend_from_slice(&more);
                        bad += 1;
                    }
                }
            }
        }
        begun.extend(begin_opening(&key, &good, &context(1)).unwrap());
        let pieces = finish(&begun);
        assert!(bad > 20 && pieces.len() == bad + 2);
        assert!(pieces[1..=bad].iter().all(Option::is_none));
        assert_eq!((&pieces[0], &pieces[bad + 1]), (&Some(b"data".to_vec()), &Some(b"data".to_vec())));
    }
}

/// F2: the commitment is compared where a message is begun, before any use of the AEAD.
#[test]
fn f2_another_key_begins_nothing() {
    let mut rng = seeded("many keys");
    let (key, other) = (DataKey::generate(&mut rng).unwrap(), DataKey::generate(&mut rng).unwrap());
    let sealed = message::seal(&key, &mut rng, b"data", &context(1), Padding::None).unwrap();
    let before = aead_calls();
    let mut begun = b"before".to_vec();
    for (key, context) in [(&other, context(1)), (&key, context(2))] {
        let opened = message::begin_opening(&mut begun, key, &sealed, &context);
        assert_eq!(code(opened), Code::DecryptionFailed);
    }
    assert_eq!((aead_calls(), begun.as_slice()), (before, b"before".as_slice()));
}

#[test]
fn a_signed_one_opens() {
    let mut rng = seeded("many signed");
    let key = DataKey::generate(&mut rng).unwrap();
    let signer = SigningKey::generate(&mut rng).unwrap();
    let view = View { sequence: 1, hash: [3; 32] };
    let author = Author { session: [1; 32], bundle_hash: [2; 32], view, authority: Authority::Signer };
    let context = context(1);
    let items: [(&[u8], &Context); 3] = [(b"a", &context), (b"b", &context), (b"c", &context)];
    let all = seal_signed(&key, &mut rng, &signer, &author, &items, Padding::None).unwrap();
    for (sealed, (data, _)) in all.iter().zip(items) {
        assert_eq!(finish(&begin_opening(&key, sealed, &context).unwrap()), [Some(data.to_vec())]);
        let cut = begin_opening(&key, &sealed[..sealed.len() - 1], &context).unwrap();
        assert_eq!(finish(&cut), [None]);
    }
}
