//! Who somebody is: SPEC sections 1 and 10. User ids are names, the application's; an identity is what proves that signatures and keys are of one party,
//! and pins keep a name's identity from being another one tomorrow.

mod bundle;
mod chain;
mod pin;
mod safety_number;

use core::fmt;

use crate::{
    encoding::{MALFORMED, Reader},
    error::{Code, Error, Result},
    unicode::nfc,
};

pub use bundle::Bundle;
pub use chain::{Asked, Identity};
pub(crate) use pin::MISMATCH;
pub use pin::{FirstUse, Met, Pin, Pins, Trust, compare};
pub use safety_number::{check_compared, group_number, safety_number};

const MAX: usize = 128;
const GROUP_ID: usize = 43;

/// A user id: 1–128 bytes of UTF-8 in NFC, no control character, no `→`, not shaped like a group id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(String);

impl UserId {
    /// Takes a name that has the form of a user id.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn new(name: &str) -> Result<Self> {
        let like_group = name.len() == GROUP_ID
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        let refused = name.is_empty()
            || name.len() > MAX
            || like_group
            || name.chars().any(|c| c.is_control() || c == '→')
            || (!name.is_ascii() && nfc(name) != name);
        if refused {
            return Err(Error::new(&(
                Code::InvalidArgument,
                "a user id has 1 to 128 bytes in NFC, without control characters and '→', and isn't shaped like a group id",
            )));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        Self::new(reader.text()?).map_err(|_| MALFORMED)
    }
}

/// An app id: 1–128 bytes of UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppId(String);

impl AppId {
    /// Takes a text that has the form of an app id.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn new(text: &str) -> Result<Self> {
        if (1..=MAX).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::new(&(Code::InvalidArgument, "an app id has 1 to 128 bytes")))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        Self::new(reader.text()?).map_err(|_| MALFORMED)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["a", "dr.müller@emergency", "伊藤", "x y", &"a".repeat(128), &"a".repeat(42), &"ä".repeat(64)]
        {
            assert_eq!(UserId::new(name).unwrap().as_str(), name);
        }
        for name in ["", &"a".repeat(129), &"a".repeat(43), "a→b", "a\nb", "a\u{85}", "mu\u{308}ller"] {
            assert_eq!(UserId::new(name).unwrap_err().code(), Code::InvalidArgument, "{name:?}");
        }
    }
}
