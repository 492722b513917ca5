//! F10: an author's name can't be put on what he didn't write.

use wardkey::{
    encoding::Context,
    error::Code,
    message::{self, Author, Authority, Padding, View, open_signed},
    sign::SigningKey,
};

use super::{
    common::{
        code,
        craft::{
            cobblestone_keys,
            message::{Trailer, body_context, leaf},
        },
        keys::signing_key,
        rng::{Seeded, draw, draw_array, seeded},
    },
    data_key,
    ghash::{Element, Tagger},
};

const HEADER: usize = 87;
const TRAILER: usize = 184;

struct Person {
    signer: SigningKey,
    author: Author,
}

/// Somebody of this session.
fn person(rng: &mut Seeded, session: [u8; 32]) -> Person {
    let view = View { sequence: 12, hash: [9; 32] };
    let author = Author { session, bundle_hash: draw_array(rng), view, authority: Authority::Signer };
    Person { signer: signing_key(rng), author }
}

impl Person {
    fn seal(&self, rng: &mut Seeded, key: &wardkey::data_key::DataKey, data: &[u8]) -> Vec<u8> {
        let items = [(data, &Context::default())];
        message::seal_signed(key, rng, &self.signer, &self.author, &items, Padding::None).unwrap().remove(0)
    }
}

#[test]
fn f10_bobs_trailer_on_alices_message() {
    let mut rng = seeded("f10 trailer");
    let (key, _) = data_key(&mut rng);
    let session = draw_array(&mut rng);
    let (alice, bob) = (person(&mut rng, session), person(&mut rng, session));
    let keys = [&alice, &bob];
    let know_all = |bundle: &[u8; 32]| {
        let found = keys.iter().find(|person| person.author.bundle_hash == *bundle);
        found.map(|person| person.signer.verifying_key().clone())
    };
    let verify = |sealed: &[u8]| open_signed(&key, sealed, &Context::default(), know_all);
    let alices = alice.seal(&mut rng, &key, b"discharge on Monday");
    let bobs = bob.seal(&mut rng, &key, b"discharge on Tuesday");
    assert_eq!(verify(&alices).unwrap().author, alice.author);

    let (body, _) = alices.split_at(alices.len() - TRAILER);
    let trailer = &bobs[bobs.len() - TRAILER..];
    assert_eq!(code(verify(&[body, trailer].concat())), Code::BadSignature);
    // Bob's name in the header: it is committed.
    let renamed = [&body[..54], &bob.author.bundle_hash, &body[86..], trailer].concat();
    assert_eq!(code(verify(&renamed)), Code::DecryptionFailed);
    // A message without a trailer is not "without author".
    let unsigned = message::seal_in_session(&key, &mut rng, session, b"x", &Context::default(), Padding::None).unwrap();
    assert_eq!(code(verify(&unsigned)), Code::BadSignature);
    // An unknown bundle.
    let carol = person(&mut rng, session);
    assert_eq!(code(verify(&carol.seal(&mut rng, &key, b"x"))), Code::BadSignature);
    // Bob's whole message as Alice's: his bundle is named, and he is named as its author.
    assert_eq!(verify(&bobs).unwrap().author, bob.author);
}

/// Mallory has no key, but a bundle and a signature of her own: the ciphertext is all that an author signs. Her name doesn't fit into a header that is committed.
#[test]
fn f10_a_keyless_attacker_signs_what_she_cannot_read() {
    let mut rng = seeded("f10 keyless");
    let (key, _) = data_key(&mut rng);
    let (alice, mallory) = (person(&mut rng, [4; 32]), person(&mut rng, [4; 32]));
    let sealed = alice.seal(&mut rng, &key, b"discharge on Monday");
    let (body, _) = sealed.split_at(sealed.len() - TRAILER);
    let mut stolen = body.to_vec();
    stolen[54..86].copy_from_slice(&mallory.author.bundle_hash);
    let trailer = Trailer::single(12, [9; 32]);
    let signed = trailer.sign(mallory.signer.seed().expose(), &leaf(&stolen, HEADER));
    let verify = |sealed: &[u8], person: &Person| {
        open_signed(&key, sealed, &Context::default(), |_| Some(person.signer.verifying_key().clone()))
    };
    let stolen = [stolen.as_slice(), &signed].concat();
    assert_eq!(code(verify(&stolen, &mallory)), Code::DecryptionFailed);
    // Her signature itself is good: over Alice's own header it verifies, under the name of Alice's bundle, whose key is another.
    let own = [body, &trailer.sign(mallory.signer.seed().expose(), &leaf(body, HEADER))].concat();
    assert_eq!(verify(&own, &mallory).unwrap().author.bundle_hash, alice.author.bundle_hash);
    assert_eq!(code(verify(&own, &alice)), Code::BadSignature);
}

/// Whoever knows the key makes another body with the same tags; the signature covers hashes of the chunks, not tags.
#[test]
fn f10_another_body_with_the_same_tags() {
    let mut rng = seeded("f10 tags");
    let (key, raw) = data_key(&mut rng);
    let alice = person(&mut rng, [4; 32]);
    let data = draw(&mut rng, 16_384 + 64);
    let sealed = alice.seal(&mut rng, &key, &data);
    let verify =
        |sealed: &[u8]| open_signed(&key, sealed, &Context::default(), |_| Some(alice.signer.verifying_key().clone()));
    assert_eq!(verify(&sealed).unwrap().data, data);

    // In the first chunk, block 3 is changed at will and block 700 so that the tag stays.
    let bound = body_context(&sealed[..HEADER], &super::common::cbor::context([]));
    let (aead_key, nonce, _) = cobblestone_keys(&raw, &sealed[HEADER..HEADER + 24], &bound);
    let tagger = Tagger::new(&aead_key, &nonce);
    let change = Element::from_block(b"increase dose!!!");
    let (first, second) = (tagger.weight(16_384, 3), tagger.weight(16_384, 700));
    let balance = change.times(first).times(second.inverse());
    let mut forged = sealed.clone();
    let chunk = HEADER + 56;
    for (block, delta) in [(3, change), (700, balance)] {
        let place = chunk + 16 * block;
        forged[place..place + 16].iter_mut().zip(delta.to_block()).for_each(|(byte, delta)| *byte ^= delta);
    }
    assert_ne!(forged, sealed);
    assert!(tagger.tag(&forged[chunk..chunk + 16_384]) == Element::from_block(&forged[chunk + 16_384..chunk + 16_400]));
    // For the key alone it is a good message, with other data ...
    let opened = message::open(&key, &forged, &Context::default()).unwrap();
    assert_ne!(opened, data);
    // ... but not the author's.
    assert_eq!(code(verify(&forged)), Code::BadSignature);
}
