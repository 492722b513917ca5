//! F1, F5, F7, F8: what stands in a message can't be changed, moved or measured.

use std::collections::BTreeSet;

use wardkey::{
    cobblestone,
    data_key::DataKey,
    encoding::Context,
    error::Code,
    message::{self, Author, Authority, Padding, View, open_signed, padded_len},
    random::Random,
    sign::VerifyingKey,
};

use super::{
    common::{
        code,
        flip::{flip_bits, flip_every_bit, three_chunks},
        keys::signing_key,
        rng::{Constant, Seeded, draw, draw_array, seeded},
    },
    context, data_key,
};

fn author(rng: &mut Seeded) -> Author {
    Author {
        session: draw_array(rng),
        bundle_hash: draw_array(rng),
        view: View { sequence: 5, hash: draw_array(rng) },
        authority: Authority::Group { id: draw_array(rng), sequence: 8, hash: draw_array(rng) },
    }
}

/// A batch of three, and who signed it.
fn signed(rng: &mut Seeded, key: &DataKey, context: &Context, padding: Padding) -> (Vec<Vec<u8>>, VerifyingKey) {
    let signer = signing_key(rng);
    let author = author(rng);
    let data = [draw(rng, 30), draw(rng, 10), draw(rng, 20)];
    let items: Vec<_> = data.iter().map(|data| (data.as_slice(), context)).collect();
    let sealed = message::seal_signed(key, rng, &signer, &author, &items, padding).unwrap();
    (sealed, signer.verifying_key().clone())
}

#[test]
fn f1_every_bit_of_a_record() {
    let mut rng = seeded("f1 record");
    let (key, _) = data_key(&mut rng);
    let context = context(&[("record", "4567")]);
    for padding in [Padding::None, Padding::Padme] {
        let sealed = message::seal(&key, &mut rng, b"fracture of the left wrist", &context, padding).unwrap();
        flip_every_bit(&sealed, &|sealed| message::open(&key, sealed, &context), None);
        let session = draw_array(&mut rng);
        let sealed = message::seal_in_session(&key, &mut rng, session, b"a record", &context, padding).unwrap();
        flip_every_bit(&sealed, &|sealed| message::open(&key, sealed, &context), None);
    }
}

#[test]
fn f1_every_bit_of_a_signed_message() {
    let mut rng = seeded("f1 signed");
    let (key, _) = data_key(&mut rng);
    let context = context(&[("record", "4567")]);
    for padding in [Padding::None, Padding::Padme] {
        let (sealed, public) = signed(&mut rng, &key, &context, padding);
        let verify =
            |sealed: &[u8]| open_signed(&key, sealed, &context, |_| Some(public.clone())).map(|opened| opened.data);
        flip_every_bit(&sealed[1], &verify, Some(Code::BadSignature));
        flip_every_bit(&sealed[2], &|sealed| message::open(&key, sealed, &context), None);
    }
}

/// All bits of everything but the whole chunks' ciphertext; of that every 61st, which meets each bit of a block. All of them: `tests/every_bit.rs`.
#[test]
fn f1_bits_of_a_file_of_three_chunks() {
    let (key, sealed) = three_chunks();
    let interior = |bit: &usize| {
        (22 + 56..22 + 56 + 16_384).contains(&(bit / 8)) || (16_478 + 16..16_478 + 16_400).contains(&(bit / 8))
    };
    let bits = (0..8 * sealed.len()).filter(|bit| !interior(bit) || bit % 61 == 0);
    flip_bits(&sealed, bits.collect(), &|sealed| message::open(&key, sealed, &Context::default()), None);
}

/// A body of a length that can't be, and every other cut.
#[test]
fn f1_every_length() {
    let mut rng = seeded("f1 lengths");
    let (key, _) = data_key(&mut rng);
    let none = Context::default();
    let data = draw(&mut rng, 16_384 + 100);
    let sealed = message::seal(&key, &mut rng, &data, &none, Padding::None).unwrap();
    for len in (0..sealed.len()).filter(|len| *len < 200 || *len > 16_400 || len % 97 == 0) {
        let expected = match len {
            0..4 => Code::InvalidFormat,
            4..22 => Code::Truncated,
            _ if cobblestone::opened_len(len as u64 - 22).is_err() => Code::Truncated,
            _ => Code::DecryptionFailed,
        };
        assert_eq!(code(message::open(&key, &sealed[..len], &none)), expected, "cut to {len}");
    }
}

#[test]
fn f5_record_b_under_id_a() {
    let mut rng = seeded("f5");
    let (key, _) = data_key(&mut rng);
    let of = |record, field| context(&[("app", "transfers"), ("type", "record"), ("record", record), ("field", field)]);
    let b = message::seal(&key, &mut rng, b"no allergies", &of("B", "notes"), Padding::Padme).unwrap();
    assert_eq!(message::open(&key, &b, &of("B", "notes")).unwrap(), b"no allergies");
    for (record, field) in [("A", "notes"), ("B", "diagnosis"), ("notes", "B"), ("b", "notes"), ("B", "notes ")] {
        assert_eq!(code(message::open(&key, &b, &of(record, field))), Code::DecryptionFailed, "{record} {field}");
    }
    // The boundary between key and value is part of it.
    let glued = context(&[("record", "45"), ("field", "6")]);
    let sealed = message::seal(&key, &mut rng, b"x", &glued, Padding::None).unwrap();
    for other in
        [[("record4", "5"), ("field", "6")], [("record", "456"), ("field", "")], [("field", "45"), ("record", "6")]]
    {
        assert_eq!(code(message::open(&key, &sealed, &context(&other))), Code::DecryptionFailed);
    }
}

/// Two messages never share a salt: a generator that repeats is found out. (The end of the chunk counter: `cobblestone::tests::the_chunk_counter_ends`.)
#[test]
fn f7_generator_repeats() {
    let mut rng = seeded("f7");
    let (key, _) = data_key(&mut rng);
    let none = Context::default();
    let mut constant = Random::new(Constant(7));
    message::seal(&key, &mut constant, b"first", &none, Padding::None).unwrap();
    assert_eq!(code(message::seal(&key, &mut constant, b"second", &none, Padding::None)), Code::Rng);
    // In a batch too, whose salts are drawn at once.
    let items: [(&[u8], &Context); 2] = [(b"first", &none), (b"second", &none)];
    let author = author(&mut rng);
    let signer = signing_key(&mut rng);
    let batch = message::seal_signed(&key, &mut Random::new(Constant(7)), &signer, &author, &items, Padding::None);
    assert_eq!(code(batch), Code::Rng);
}

#[test]
fn f7_counter_at_its_end() {
    let most = (1_u64 << 38) * 16_384 - 1;
    assert!(cobblestone::sealed_len(most).is_ok());
    for more in [most + 1, most + 2, u64::MAX] {
        assert_eq!(code(cobblestone::sealed_len(more)), Code::Limit);
    }
    let longest = cobblestone::sealed_len(most).unwrap();
    assert_eq!(cobblestone::opened_len(longest), Ok(most));
    assert_eq!(code(cobblestone::opened_len(longest + 17)), Code::Limit);
}

/// The same text compresses well and badly: only how long it is may show, and with padding only the bucket.
#[test]
fn f8_length_depends_on_the_bucket_only() {
    let mut rng = seeded("f8");
    let (key, _) = data_key(&mut rng);
    let none = Context::default();
    let mut sealed_len = |data: &[u8], padding| message::seal(&key, &mut rng, data, &none, padding).unwrap().len();
    for len in [0, 1, 100, 5000] {
        for padding in [Padding::None, Padding::Padme] {
            let random = draw(&mut seeded("f8 data"), len);
            assert_eq!(sealed_len(&vec![0; len], padding), sealed_len(&random, padding), "{len}");
            assert_eq!(sealed_len(&vec![b'a'; len], padding), sealed_len(&random, padding), "{len}");
        }
    }
    let mut lengths = BTreeSet::new();
    for len in 0..3000 {
        let found = sealed_len(&vec![1; len], Padding::Padme);
        assert_eq!(found as u64, 22 + 72 + padded_len(len as u64).unwrap(), "{len}");
        lengths.insert(found);
    }
    // 248 lengths look like one, and so on: 3,000 lengths make few.
    assert_eq!(lengths.len(), 1 + 16 + 16 + 16 + 8, "{lengths:?}");
}
