//! What is slow runs where the caller wants: between the beginning and the end of a backup, and of an unwrapping, stands a step of bytes alone.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{
    code,
    craft::{backup::cheap_argon2id, system},
    keys::Pair,
    rng::seeded,
};
use wardkey::{
    backup::{begin_opening, begin_sealing, finish_opening, open_backup, seal_backup},
    data_key::DataKey,
    encoding::Context,
    error::Code,
    key_pair::Suite,
    password::{Derivation, Kdf, Password, SlowKey},
    probe::{aead_calls, slow_derivations},
    secret::Secret,
    wrap::{Unwrapping, unwrap_key, wrap_key},
};

const PASSWORD: &str = "three blue herons at dawn";
const ALICE: &str = "alice";

/// As a worker does it: from bytes to bytes.
fn elsewhere(derivation: &[u8], password: &[u8]) -> SlowKey {
    let derivation = Derivation::from_bytes(derivation).unwrap();
    let derived = derivation.derive_raw(&Password::from_prepared(password).unwrap()).unwrap();
    SlowKey::new(&Secret::from_slice(derived.expose()).unwrap())
}

#[test]
fn a_backup_in_steps_is_the_one_in_one() {
    for kdf in [cheap_argon2id(), Kdf::default_pbkdf2()] {
        let mut rng = seeded("steps");
        let pair = Pair::hybrid(&mut rng);
        let before = (slow_derivations(), aead_calls());
        let (sealing, password) = begin_sealing(&pair.pair, &mut rng, PASSWORD, ALICE, kdf).unwrap();
        assert_eq!((slow_derivations(), aead_calls()), before, "nothing slow yet");
        let key = elsewhere(&sealing.derivation().to_bytes(), password.expose());
        let sealed = sealing.finish(&mut rng, &key).unwrap().encode();

        let mut again = seeded("steps");
        let same = Pair::hybrid(&mut again);
        assert_eq!(sealed, seal_backup(&same.pair, &mut again, PASSWORD, ALICE, kdf).unwrap());

        let before = (slow_derivations(), aead_calls());
        let (envelope, password) = begin_opening(&sealed, PASSWORD, ALICE).unwrap();
        assert_eq!((slow_derivations(), aead_calls()), before, "nothing slow yet");
        let key = elsewhere(&envelope.derivation().to_bytes(), password.expose());
        let opened = finish_opening(&envelope, &key).unwrap();
        assert_eq!(opened.public_key().fingerprint(), pair.pair.public_key().fingerprint());
        assert!(open_backup(&sealed, PASSWORD, ALICE).is_ok());

        // Another's key, as a worker that lies would send it.
        let other = SlowKey::new(&Secret::from_slice(&[7; 32]).unwrap());
        assert_eq!(code(finish_opening(&envelope, &other)), Code::WrongPassword);
    }
}

#[test]
fn a_derivation_has_one_form_within_the_bounds() {
    for kdf in [cheap_argon2id(), Kdf::default(), Kdf::default_pbkdf2(), Kdf::pbkdf2(5_000_000).unwrap()] {
        let derivation = Derivation::new(kdf, &[3; 32]).unwrap();
        let bytes = derivation.to_bytes();
        assert_eq!(Derivation::from_bytes(&bytes).unwrap(), derivation);
        assert_eq!(derivation.pbkdf2_iterations().is_some(), bytes[1] == 2);
        assert_eq!(derivation.salt(), [3; 32]);
        assert_eq!(code(Derivation::from_bytes(&[bytes.as_slice(), &[0]].concat())), Code::InvalidFormat);
        for end in 0..bytes.len() {
            assert!(Derivation::from_bytes(&bytes[..end]).is_err(), "{end} bytes");
        }
    }
    // 599,999 iterations; 1 pass.
    let weak = [&[0x83, 2, 0x1a, 0, 9, 0x27, 0xbf, 0x50], [3; 16].as_slice()].concat();
    assert_eq!(code(Derivation::from_bytes(&weak)), Code::KdfPolicy);
    let weak = [&[0x84, 1, 0x1a, 0, 1, 0, 0, 1, 0x50], [3; 16].as_slice()].concat();
    assert_eq!(code(Derivation::from_bytes(&weak)), Code::KdfPolicy);
    for prepared in [&[][..], &[b'x'; 1025]] {
        assert_eq!(code(Password::from_prepared(prepared)), Code::PasswordFormat);
    }
}

#[test]
fn an_unwrapping_in_steps() {
    let mut rng = seeded("unwrapping");
    let pair = Pair::rsa(Suite::Rsa3072);
    let other = Pair::hybrid(&mut rng);
    let key = DataKey::generate(&mut rng).unwrap();
    let context = Context::new([("record", "4567")]).unwrap();
    let wrapped = wrap_key(&key, &mut rng, [pair.pair.public_key()], &context, false).unwrap();
    let begin = || Unwrapping::begin(&wrapped, pair.pair.public_key(), &context).unwrap();

    // The private operation, by another implementation.
    let label = begin().label().to_vec();
    let oaep = rsa::Oaep::<sha2::Sha256>::new_with_label(label);
    let opened = common::keys::rsa_key(Suite::Rsa3072).decrypt(oaep, begin().body()).unwrap();
    assert_eq!(opened, key.dangerously_expose().expose());
    assert_eq!(begin().finish(&opened).unwrap().id(), key.id());
    assert_eq!(unwrap_key(&wrapped, &mut system(), &pair.pair, &context).unwrap().id(), key.id());

    assert_eq!(code(begin().finish(&[7; 32])), Code::KeyMismatch);
    for opened in [&[][..], &[7; 31], &[7; 33]] {
        assert_eq!(code(begin().finish(opened)), Code::UnwrapFailed);
    }
    assert_eq!(code(Unwrapping::begin(&wrapped, other.pair.public_key(), &context)), Code::NotARecipient);
    assert_eq!(code(Unwrapping::begin(&wrapped[1..], pair.pair.public_key(), &context)), Code::InvalidFormat);
}
