//! base64url of what is public: faster than what takes the same time for all bytes.

use wardkey_primitives::base64url;

use super::MALFORMED;
use crate::error::Result;

/// RFC 4648 section 5, without padding, unused bits zero; for what need not be read in constant time.
///
/// # Errors
/// `invalid-format`.
pub(crate) fn from_public_base64url(text: &str) -> Result<Vec<u8>> {
    base64url::from_public_base64url(text).ok_or(MALFORMED)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::{
        super::{base64url, from_base64url},
        *,
    };

    /// As the other reads it.
    #[test]
    fn both_readers_agree() {
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).map(|number| number.wrapping_mul(151) ^ 0xa5).collect();
            assert_eq!(from_public_base64url(&base64url(&bytes)).unwrap(), bytes);
        }
        for a in 0..=u8::MAX {
            for text in [
                vec![a],
                vec![b'A', a],
                vec![b'A', b'A', a],
                vec![b'_', b'-', a, b'A'],
                vec![a, b'A', b'A', b'A', b'A', b'A'],
            ] {
                let Ok(text) = String::from_utf8(text) else { continue };
                assert_eq!(from_public_base64url(&text).ok(), from_base64url(&text).ok(), "{text:?}");
            }
        }
        for text in ["A", "AQ==", "AR", "AAB", "AA A", "AAé", "AAAA\n"] {
            assert_eq!(from_public_base64url(text), Err(MALFORMED), "{text:?}");
        }
    }
}
