//! How parties, pairs, entities and secret ids are called: SPEC section 18.1.

use core::fmt;

use crate::{
    encoding::MALFORMED,
    error::{Code, Error, Result},
    identity::UserId,
    party::Party,
    signed::Hash,
};

/// Between the two names of a pair. No user id has it, and no group id.
const ARROW: char = '→';

/// Bytes of an entity id or a secret id at most.
pub(super) const MAX_ID: usize = 1024;
/// Bytes of an entity type at most.
const MAX_TYPE: usize = 128;

/// The text of a party: a user id, or a group id as text.
///
/// # Errors
/// `invalid-argument` for a placeholder, which has no keys.
pub(super) fn name_of(party: &Party) -> Result<String> {
    match party {
        Party::User { id, .. } => Ok(id.as_str().to_owned()),
        Party::Group(id) => Ok(id.to_string()),
        Party::Placeholder { .. } => {
            Err(Error::new(&(Code::InvalidArgument, "entities are shared with users and groups")))
        }
    }
}

/// An ordered pair of parties, by their texts: `delegator→delegate`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    text: String,
    /// Where the arrow stands.
    arrow: usize,
}

impl Pair {
    /// The pair of these parties.
    ///
    /// # Errors
    /// `invalid-argument` for a placeholder.
    pub fn of(delegator: &Party, delegate: &Party) -> Result<Self> {
        Ok(Self::named(&name_of(delegator)?, &name_of(delegate)?))
    }

    /// Of parties that these are the texts of.
    pub(crate) fn named(delegator: &str, delegate: &str) -> Self {
        Self { text: [delegator, "→", delegate].concat(), arrow: delegator.len() }
    }

    /// Reads the text of a pair.
    ///
    /// # Errors
    /// `invalid-format`.
    pub fn parse(text: &str) -> Result<Self> {
        let (delegator, delegate) = text.split_once(ARROW).ok_or(MALFORMED)?;
        for name in [delegator, delegate] {
            if Hash::parse(name).is_none() {
                UserId::new(name).map_err(|_| MALFORMED)?;
            }
        }
        Ok(Self { text: text.to_owned(), arrow: delegator.len() })
    }

    /// Who seals.
    #[must_use]
    pub fn delegator(&self) -> &str {
        self.text.get(..self.arrow).unwrap_or_default()
    }

    /// For whom.
    #[must_use]
    pub fn delegate(&self) -> &str {
        self.text.get(self.arrow + ARROW.len_utf8()..).unwrap_or_default()
    }

    /// Is it of one party alone?
    #[must_use]
    pub fn is_self(&self) -> bool {
        self.delegator() == self.delegate()
    }

    /// `delegator→delegate`
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Has it the length of an entity id, or of a secret id?
pub(super) fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len())
}

/// Has it the length of an entity type?
pub(super) fn is_type(text: &str) -> bool {
    (1..=MAX_TYPE).contains(&text.len())
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_what_their_halves_are() {
        let group = Hash([7; 32]).to_string();
        for (delegator, delegate) in [("anna", "bob"), ("a b", "伊藤"), (&group, "anna"), ("anna", &group), ("x", "x")]
        {
            let pair = Pair::parse(&[delegator, "→", delegate].concat()).unwrap();
            assert_eq!((pair.delegator(), pair.delegate()), (delegator, delegate));
            assert_eq!(pair, Pair::named(delegator, delegate));
            assert_eq!(pair.is_self(), delegator == delegate);
        }
        // The last character of a group id has unused bits; so it is a text of 43 characters that names nobody.
        let stray = [&group[..42], "d"].concat();
        for text in ["", "→", "a", "a→", "→b", "a→b→c", "a\n→b", "mu\u{308}→b", &[&stray, "→b"].concat()]
        {
            assert_eq!(Pair::parse(text).unwrap_err().code(), Code::InvalidFormat, "{text:?}");
        }
    }
}
