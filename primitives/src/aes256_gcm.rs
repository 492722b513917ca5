//! AES-256-GCM (NIST SP 800-38D), in place, without additional data.

use core::fmt;

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};

/// Bytes of a key.
pub const KEY: usize = 32;
/// Bytes of a nonce.
pub const NONCE: usize = 12;
/// Bytes of a tag.
pub const TAG: usize = 16;

/// A key schedule, wiped on drop; boxed because it is large and secret.
pub struct Cipher(Box<Aes256Gcm>);

impl Cipher {
    /// The schedule of this key.
    #[must_use]
    pub fn new(key: &[u8; KEY]) -> Self {
        Self(Box::new(Aes256Gcm::new(key.into())))
    }

    /// Encrypts in place. Nothing: longer than AES-GCM allows.
    #[must_use]
    pub fn seal(&self, nonce: &[u8; NONCE], data: &mut [u8]) -> Option<[u8; TAG]> {
        self.0.encrypt_inout_detached(nonce.into(), &[], data.into()).ok().map(Into::into)
    }

    /// Verifies, then decrypts in place. False: the data doesn't verify, and is unchanged.
    #[must_use]
    pub fn open(&self, nonce: &[u8; NONCE], data: &mut [u8], tag: &[u8; TAG]) -> bool {
        self.0.decrypt_inout_detached(nonce.into(), &[], data.into(), tag.into()).is_ok()
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(redacted)")
    }
}
