//! HMAC-SHA-512 (RFC 2104), whose state after the key is computed once.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

/// Bytes of a MAC.
pub const MAC: usize = 64;

/// The state after the key, wiped on drop.
#[derive(Clone)]
pub struct HmacSha512(Box<Hmac<Sha512>>);

impl HmacSha512 {
    /// A key of any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        match Hmac::new_from_slice(key) {
            Ok(state) => Self(Box::new(state)),
            Err(never) => unreachable!("HMAC takes a key of any length: {never}"),
        }
    }

    /// The MAC of these parts, joined.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; MAC] {
        let mut state = Hmac::clone(&self.0);
        for part in parts {
            state.update(part);
        }
        state.finalize().into_bytes().into()
    }
}

impl fmt::Debug for HmacSha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSha512(redacted)")
    }
}
