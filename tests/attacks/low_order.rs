//! An HPKE message whose X25519 half is a point of low order: RFC 9180 and X-Wing by hand, as no library makes it.

use hmac::{Hmac, KeyInit, Mac};
use ml_kem::{EncapsulationKey, MlKem768, kem::Key};
use sha2::Sha256;
use sha3::{Digest, Sha3_256};

use super::common::rng::{Seeded, draw_array};

/// KEM X-Wing, KDF HKDF-SHA-256, AEAD AES-256-GCM.
const SUITE: &[u8] = b"HPKE\x64\x7a\x00\x01\x00\x02";

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// RFC 9180 section 4.
fn labeled_extract(salt: &[u8], label: &[u8], ikm: &[u8]) -> Vec<u8> {
    hmac(salt, &[b"HPKE-v1", SUITE, label, ikm])
}

/// At most 32 bytes.
fn labeled_expand(prk: &[u8], label: &[u8], info: &[u8], len: u8) -> Vec<u8> {
    let mut out = hmac(prk, &[&[0, len], b"HPKE-v1", SUITE, label, info, &[1]]);
    out.truncate(len.into());
    out
}

/// enc ‖ ct for this recipient, whose X25519 half contributes nothing: the shared secret of both is zero.
pub(crate) fn seal(rng: &mut Seeded, public: &[u8], point: &[u8], info: &[u8], plaintext: &[u8; 32]) -> Vec<u8> {
    let (ml_kem, x25519) = public.split_at(1184);
    let key = Key::<EncapsulationKey<MlKem768>>::try_from(ml_kem).unwrap();
    let randomness: [u8; 32] = draw_array(rng);
    let (ciphertext, shared) =
        EncapsulationKey::<MlKem768>::new(&key).unwrap().encapsulate_deterministic(&randomness.into());
    // draft-connolly-cfrg-xwing-kem, the combiner.
    let combined = [shared.as_slice(), &[0; 32], point, x25519, br"\.//^\"].concat();
    let secret = Sha3_256::digest(combined);
    // RFC 9180 section 5.1, base mode.
    let hashes = [labeled_extract(&[], b"psk_id_hash", &[]), labeled_extract(&[], b"info_hash", info)].concat();
    let schedule = [&[0], hashes.as_slice()].concat();
    let secret = labeled_extract(&secret, b"secret", &[]);
    let aead_key: [u8; 32] = labeled_expand(&secret, b"key", &schedule, 32).try_into().unwrap();
    let nonce: [u8; 12] = labeled_expand(&secret, b"base_nonce", &schedule, 12).try_into().unwrap();
    let mut data = *plaintext;
    use aes_gcm::{Aes256Gcm, aead::AeadInOut};
    let cipher = Aes256Gcm::new(&aead_key.into());
    let tag = cipher.encrypt_inout_detached(&nonce.into(), &[], data.as_mut_slice().into()).unwrap();
    [ciphertext.as_slice(), point, &data, &tag].concat()
}

/// The `hpke` crate itself lets it pass: the check is what refuses it.
#[test]
fn w7_the_crate_alone_lets_it_pass() {
    use hpke::{Deserializable, Kem, OpModeR, aead::AesGcm256, kdf::HkdfSha256, kem::XWing, single_shot_open};
    let mut rng = super::common::rng::seeded("w7 crate");
    let pair = super::common::keys::Pair::hybrid(&mut rng);
    let public = super::common::craft::wrap::material(pair.pair.public_key());
    let body = seal(&mut rng, public, &[0; 32], b"info", &[7; 32]);
    let private = <XWing as Kem>::PrivateKey::from_bytes(&pair.private).unwrap();
    let enc = <XWing as Kem>::EncappedKey::from_bytes(&body[..1120]).unwrap();
    let opened =
        single_shot_open::<AesGcm256, HkdfSha256, XWing>(&OpModeR::Base, &private, &enc, b"info", &body[1120..], &[]);
    assert_eq!(opened.unwrap(), [7; 32]);
}
