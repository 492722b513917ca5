//! Objects put together by hand, from SPEC alone, so that they can be wrong in one place only.

pub(crate) mod backup;
pub(crate) mod delegation;
pub(crate) mod group;
pub(crate) mod message;
pub(crate) mod objects;
pub(crate) mod session;
pub(crate) mod wrap;

use aes_gcm::{Aes256Gcm, aead::AeadInOut};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use wardkey::{cobblestone, random::Random, secret::Secret};

use super::rng::Seeded;

/// HKDF-Expand-SHA-512, RFC 5869 section 2.3.
pub(crate) fn hkdf_expand(prk: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    let mut block: Vec<u8> = Vec::new();
    for counter in 1..=255_u8 {
        block = hmac(prk, &[&block, info, &[counter]]);
        out.extend_from_slice(&block);
        if out.len() >= len {
            break;
        }
    }
    out.truncate(len);
    out
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// HKDF-SHA-512 with an empty salt.
pub(crate) fn hkdf(ikm: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    hkdf_expand(&hmac(&[], &[ikm]), info, len)
}

/// SPEC section 2.
pub(crate) fn expand(prk: &[u8], label: &str, len: usize) -> Vec<u8> {
    hkdf_expand(prk, &[b"wardkey/v1/", label.as_bytes(), &[0]].concat(), len)
}

/// `seal(K, C, plaintext)` of SPEC section 3.
pub(crate) fn seal(rng: &mut Seeded, key: &[u8], context: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let key = Secret::from_slice(key).expect("a key of 32 bytes");
    cobblestone::seal(&key, rng, context, plaintext).expect("a short plaintext")
}

/// key[32] ‖ base nonce[12] ‖ commitment[32] of SPEC section 3.
pub(crate) fn cobblestone_keys(key: &[u8], salt: &[u8], context: &[u8]) -> ([u8; 32], [u8; 12], [u8; 32]) {
    let name = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
    let derived = hkdf_expand(key, &[name.as_slice(), salt, context].concat(), 76);
    let (key, rest) = derived.split_at(32);
    let (nonce, commitment) = rest.split_at(12);
    let whole = "76 bytes";
    (key.try_into().expect(whole), nonce.try_into().expect(whole), commitment.try_into().expect(whole))
}

/// One bit of a copy turned round.
pub(crate) fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    copy[bit / 8] ^= 1 << (bit % 8);
    copy
}

/// A generator for where the vectors need none of their own.
pub(crate) const fn system() -> Random<getrandom::SysRng> {
    wardkey::random::system()
}

/// The body that `plaintext` gives with the salt of `body`: SPEC section 3, chunk by chunk.
pub(crate) fn body_again(key: &[u8], context: &[u8], body: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let salt = &body[..24];
    let (key, base_nonce, commitment) = cobblestone_keys(key, salt, context);
    let mut again = [salt, &commitment].concat();
    let (whole, last) = plaintext.as_chunks::<16_384>();
    for (number, chunk) in (0_u64..).zip(whole.iter().map(<[u8; 16_384]>::as_slice).chain([last])) {
        let cipher = Aes256Gcm::new(&key.into());
        let nonce = chunk_nonce(&base_nonce, number);
        let mut sealed = chunk.to_vec();
        let tag = cipher.encrypt_inout_detached(&nonce.into(), &[], sealed.as_mut_slice().into()).expect("a chunk");
        again.extend(sealed);
        again.extend(tag);
    }
    again
}

/// base nonce XOR the chunk's number.
pub(crate) fn chunk_nonce(base: &[u8; 12], number: u64) -> [u8; 12] {
    let mut nonce = *base;
    for (byte, counter) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
        *byte ^= counter;
    }
    nonce
}
