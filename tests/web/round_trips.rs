//! What is made here opens here; and the system's generator is the browser's.

use std::collections::BTreeSet;

use wardkey::{
    backup::{open_backup, seal_backup},
    data_key::DataKey,
    encoding::Context,
    error::Code,
    key_pair::{KeyPair, Suite},
    message::{self, Padding},
    password::Kdf,
    random, wrap,
};
use wasm_bindgen_test::wasm_bindgen_test;

const LENGTHS: [usize; 9] = [0, 1, 255, 256, 16_383, 16_384, 16_385, 32_768, 100_001];

#[wasm_bindgen_test]
fn messages() {
    let mut rng = random::system();
    let key = DataKey::generate(&mut rng).unwrap();
    let context = Context::new([("record", "4567")]).unwrap();
    for length in LENGTHS {
        let data = vec![0x5a; length];
        for padding in [Padding::None, Padding::Padme] {
            let mut sealed = message::seal(&key, &mut rng, &data, &context, padding).unwrap();
            assert_eq!(message::open(&key, &sealed, &context).unwrap(), data, "{length}");
            let foreign = message::open(&key, &sealed, &Context::default()).unwrap_err();
            assert_eq!(foreign.code(), Code::DecryptionFailed, "{length}");
            *sealed.last_mut().unwrap() ^= 1;
            let changed = message::open(&key, &sealed, &context).unwrap_err();
            assert_eq!(changed.code(), Code::DecryptionFailed, "{length}");
        }
    }
}

#[wasm_bindgen_test]
fn messages_of_every_length() {
    crate::every_length::same_bytes();
}

#[wasm_bindgen_test]
fn wraps_and_backups() {
    let mut rng = random::system();
    let key = DataKey::generate(&mut rng).unwrap();
    let context = Context::new([("record", "4567")]).unwrap();
    let hybrid = KeyPair::generate(&mut rng, Suite::Hybrid).unwrap();
    let rsa = KeyPair::from_pem(include_str!("../../testdata/rsa/3072.pem")).unwrap();
    let recipients = [hybrid.public_key(), rsa.public_key()];
    let wrapped = wrap::wrap_key(&key, &mut rng, recipients, &context, false).unwrap();
    for pair in [&hybrid, &rsa] {
        let opened = wrap::unwrap_key(&wrapped, &mut rng, pair, &context).unwrap();
        assert_eq!(opened.id(), key.id());
        let elsewhere = wrap::unwrap_key(&wrapped, &mut rng, pair, &Context::default()).unwrap_err();
        assert_eq!(elsewhere.code(), Code::UnwrapFailed);

        let kdf = Kdf::argon2id(19_456, 2).unwrap();
        let backup = seal_backup(pair, &mut rng, "three blue herons", "anna@example.org", kdf).unwrap();
        let restored = open_backup(&backup, "three blue herons", "anna@example.org").unwrap();
        assert_eq!(restored.public_key().as_bytes(), pair.public_key().as_bytes());
        let wrong = open_backup(&backup, "three blue heron", "anna@example.org").unwrap_err();
        assert_eq!(wrong.code(), Code::WrongPassword);
    }
}

/// No two draws alike, and every bit takes both values: not zeros, not a counter.
#[wasm_bindgen_test]
fn the_generator_is_random() {
    let mut rng = random::system();
    let mut seen = BTreeSet::new();
    let (mut ones, mut zeros) = ([0_u8; 32], [0_u8; 32]);
    for _ in 0..256 {
        let mut draw = [0; 32];
        rng.fill(&mut draw).unwrap();
        for (at, byte) in draw.iter().enumerate() {
            ones[at] |= byte;
            zeros[at] |= !byte;
        }
        assert!(seen.insert(draw));
    }
    assert_eq!((ones, zeros), ([0xff; 32], [0xff; 32]));

    // More than `crypto.getRandomValues` gives in one call.
    let mut long = vec![0; 200_000];
    rng.fill(&mut long).unwrap();
    assert!(long.chunks(32).all(|part| part.iter().any(|byte| *byte != 0)));
}
