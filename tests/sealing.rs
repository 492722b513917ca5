//! What was sealed can be opened: an argument that would make something unreadable is refused when it is given. And where an input has two faults, the one that
//! SPEC checks first is the one that is told.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use common::{
    cbor::{self, Array, Uint},
    code,
    craft::{
        backup::{Draft, cheap_argon2id, key_item, key_item_of, payload},
        wrap::stanzas_of,
    },
    keys::{Pair, signing_key},
    rng::{draw_array, seeded},
};
use wardkey::{
    backup::{Envelope, Keys, Owner, open_backup},
    data_key::DataKey,
    encoding::Context,
    error::Code,
    key_pair::PublicKey,
    message::{self, Author, Authority, Padding, View},
    password::{Derivation, Password},
    wrap::{Wrapper, unwrap_key},
};

/// SPEC section 7: "No key twice". Such an envelope opens for nobody, and the old one is gone.
#[test]
fn no_backup_of_a_key_twice() {
    let mut rng = seeded("twice");
    let (pair, signer) = (Pair::hybrid(&mut rng).pair, signing_key(&mut rng));
    let owner = Owner::new("app", "alice").unwrap();
    let derivation = Derivation::new(cheap_argon2id(), &[1; 16]).unwrap();
    let password = Password::new("p").unwrap();
    for keys in [
        Keys { encryption: &[&pair, &pair], signing: &[] },
        Keys { encryption: &[&pair], signing: &[&signer, &signer] },
    ] {
        let sealed = Envelope::seal(&mut rng, &owner, 1, &derivation, &password, None, &keys);
        assert_eq!(code(sealed), Code::InvalidArgument, "{keys:?}");
    }
}

/// SPEC section 7: the version is at least 1.
#[test]
fn no_backup_of_version_0() {
    let mut rng = seeded("version 0");
    let pair = Pair::hybrid(&mut rng).pair;
    let owner = Owner::new("app", "alice").unwrap();
    let derivation = Derivation::new(cheap_argon2id(), &[1; 16]).unwrap();
    let keys = Keys { encryption: &[&pair], signing: &[] };
    let sealed = Envelope::seal(&mut rng, &owner, 0, &derivation, &Password::new("p").unwrap(), None, &keys);
    assert_eq!(code(sealed), Code::InvalidArgument);
}

/// SPEC section 6: 10,000 recipients, and one more. Their keys differ in the X25519 half, which may be nearly any number.
#[test]
fn no_wrap_set_of_more_recipients_than_can_be_read() {
    let mut rng = seeded("recipients");
    let (key, context) = (DataKey::generate(&mut rng).unwrap(), Context::default());
    let pair = Pair::hybrid(&mut rng).pair;
    let mut other = || {
        let mut public = pair.public_key().as_bytes().to_vec();
        let end = public.len() - 32;
        public[end..].copy_from_slice(&draw_array::<32>(&mut rng));
        // Below 2²⁵⁵ − 19.
        *public.last_mut().unwrap() &= 0x3f;
        PublicKey::from_bytes(&public).unwrap()
    };
    let (others, one_more): (Vec<_>, _) = ((1..10_000).map(|_| other()).collect(), other());
    let mut wrapper = Wrapper::new(&key, &context, false);
    for recipient in others.iter().chain([pair.public_key()]) {
        wrapper.add(&key, &mut rng, recipient).unwrap();
    }
    assert_eq!(code(wrapper.add(&key, &mut rng, &one_more)), Code::Limit);
    // One that is given twice is none more.
    wrapper.add(&key, &mut rng, &others[0]).unwrap();
    let wrapped = wrapper.finish().unwrap();
    assert_eq!(stanzas_of(&wrapped).stanzas.len(), 10_000);
    let opened = unwrap_key(&wrapped, &mut rng, &pair, &context).unwrap();
    assert_eq!(opened.id(), key.id());
}

/// SPEC section 4.3: a zero group id is the signer himself, with nothing else beside it. Otherwise nobody verifies it.
#[test]
fn no_authority_of_group_zero() {
    let mut rng = seeded("group zero");
    let key = DataKey::generate(&mut rng).unwrap();
    let authority = Authority::Group { id: [0; 32], sequence: 1, hash: [2; 32] };
    let view = View { sequence: 1, hash: draw_array(&mut rng) };
    let author = Author { session: draw_array(&mut rng), bundle_hash: draw_array(&mut rng), view, authority };
    let signer = signing_key(&mut rng);
    let items: [(&[u8], &Context); 1] = [(b"x", &Context::default())];
    let sealed = message::seal_signed(&key, &mut rng, &signer, &author, &items, Padding::None);
    assert_eq!(code(sealed), Code::InvalidArgument);
}

/// SPEC section 7, opening, step 1: the fields in order. The version stands before the kdf.
#[test]
fn version_before_kdf() {
    let mut rng = seeded("version before kdf");
    let pair = Pair::hybrid(&mut rng);
    let sealed = Draft::new(&mut rng, &pair, "p", "alice").seal(&mut rng);
    let kdf = Array(vec![Uint(2), Uint(1), cbor::bytes([1; 16])]);
    let both = sealed.with(3, Uint(0)).with(4, kdf);
    assert_eq!(code(open_backup(&both.encode(), "p", "alice")), Code::InvalidFormat);
}

/// Step 6: the payload's form, then whether the keys are the ones named.
#[test]
fn form_before_fingerprint() {
    let mut rng = seeded("form before fingerprint");
    let pair = Pair::hybrid(&mut rng);
    let wrong = key_item_of(1, [7; 32], &pair.private);
    let good = key_item(&pair);
    for keys in [
        [payload(std::slice::from_ref(&wrong), &[]).encode(), vec![0]].concat(),
        payload(&[wrong.clone(), good.clone(), good], &[]).encode(),
        payload(&[wrong], &[cbor::Null]).encode(),
    ] {
        let backup = Draft { keys, ..Draft::new(&mut rng, &pair, "p", "alice") }.seal(&mut rng);
        assert_eq!(code(open_backup(&backup.encode(), "p", "alice")), Code::InvalidFormat);
    }
}
