//! How objects become bytes: framing, deterministic CBOR, context, base64url. SPEC section 1.

mod cbor;
mod public;

use crate::error::{Code, Error, Result};
use base64ct::{Base64UrlUnpadded, Encoding};

pub(crate) use cbor::{Reader, Writer, encode, encode_into};
pub(crate) use public::from_public_base64url;

/// The version byte of every object of this format.
pub(crate) const VERSION: u8 = 1;
const MAX_CONTEXT: usize = 65_536;

pub(crate) const MALFORMED: Error = Error::new(&(Code::InvalidFormat, "not the canonical encoding of this object"));

/// Entries that are bound to a ciphertext without being stored in it, in their canonical encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context(Vec<u8>);

impl Context {
    /// A context of these entries, in any order.
    ///
    /// # Errors
    /// `invalid-argument` for a key given twice, `limit` over 65,536 bytes.
    pub fn new<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        Self::encoded(entries.into_iter().collect())
    }

    /// Apart from [`Self::new`], so that it is compiled once.
    fn encoded(mut entries: Vec<(&str, &str)>) -> Result<Self> {
        // In the order of the keys' encodings: those begin with the length.
        entries.sort_by_key(|(key, _)| (key.len(), *key));
        if entries.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
            return Err(Error::new(&(Code::InvalidArgument, "a context key is given twice")));
        }
        let len: usize = entries.iter().map(|(key, value)| key.len() + value.len() + 10).sum();
        let bytes = encode_into(Vec::with_capacity(len + 5), |w| {
            w.map(entries.len());
            for (key, value) in &entries {
                w.text(key);
                w.text(value);
            }
        });
        if bytes.len() > MAX_CONTEXT {
            return Err(Error::new(&(Code::Limit, "the context is larger than 65,536 bytes")));
        }
        Ok(Self(bytes))
    }

    /// The CBOR map.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Default for Context {
    /// No entries.
    fn default() -> Self {
        Self(vec![0xa0])
    }
}

/// The first bytes of an object.
pub(crate) fn framed(magic: [u8; 4]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(96);
    bytes.extend_from_slice(&magic);
    bytes.push(VERSION);
    bytes
}

/// Checks magic and version and gives what follows.
pub(crate) fn unframe(magic: [u8; 4], bytes: &[u8]) -> Result<&[u8]> {
    let Some((found, rest)) = bytes.split_at_checked(4) else {
        return Err(Error::new(&(Code::InvalidFormat, "too short for a Wardkey object")));
    };
    if found != magic {
        return Err(Error::new(&(Code::InvalidFormat, "not this kind of Wardkey object")));
    }
    match rest.split_first() {
        None => Err(Error::new(&(Code::Truncated, "ends before its version"))),
        Some((&VERSION, body)) => Ok(body),
        Some(_) => Err(Error::new(&(Code::UnsupportedVersion, "made by another version of the format"))),
    }
}

/// RFC 4648 section 5, without padding.
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// RFC 4648 section 5, without padding, unused bits zero.
///
/// # Errors
/// `invalid-format`.
pub fn from_base64url(text: &str) -> Result<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| Error::new(&(Code::InvalidFormat, "not base64url")))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn context_keys_are_sorted_by_their_encoding() {
        let context = Context::new([("bb", "1"), ("c", "2"), ("a", "3")]).unwrap();
        assert_eq!(context.as_bytes(), b"\xa3\x61a\x613\x61c\x612\x62bb\x611");
        assert_eq!(Context::new([]).unwrap(), Context::default());
        assert_eq!(Context::new([("a", ""), ("a", "")]).unwrap_err().code(), Code::InvalidArgument);
        let long = "x".repeat(MAX_CONTEXT);
        assert_eq!(Context::new([("a", long.as_str())]).unwrap_err().code(), Code::Limit);
    }

    #[test]
    fn base64url_is_strict() {
        assert_eq!(from_base64url("AQ").unwrap(), [1]);
        for text in ["AR", "AQ==", "A", "A/", " AQ"] {
            assert_eq!(from_base64url(text).unwrap_err().code(), Code::InvalidFormat, "{text}");
        }
    }
}
