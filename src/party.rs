//! For whom and by whom: users, groups, and places that are kept for groups. SPEC section 10.1.

use core::cmp::Ordering;

use crate::{
    encoding::{MALFORMED, Reader, Writer, encode},
    error::{Code, Error, Result},
    identity::UserId,
    signed::Hash,
    unicode::is_space,
};

/// Parties in one object.
pub(crate) const MAX_PARTIES: usize = 10_000;

/// Who can have a right. Sorted as the encodings are: groups, users, placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// A person, or whatever has an identity.
    User {
        /// Its name.
        id: UserId,
        /// Its identity fingerprint: whom the name means.
        identity: Hash,
    },
    /// A group, by its id.
    Group(Hash),
    /// A place that is kept for a group, which the key server assigns.
    Placeholder {
        /// The application's name for it.
        name: UserId,
        /// The identity fingerprint of the key server that may assign it.
        escrow: Hash,
        /// Who gets the code that claims it.
        contact: Option<Email>,
    },
}

impl Party {
    pub(crate) fn write(&self, w: &mut Writer) {
        match self {
            Self::User { id, identity } => {
                w.array(3);
                w.uint(0);
                w.text(id.as_str());
                w.bytes(&identity.0);
            }
            Self::Group(id) => {
                w.array(2);
                w.uint(1);
                w.bytes(&id.0);
            }
            Self::Placeholder { name, escrow, contact } => {
                w.array(4);
                w.uint(2);
                w.text(name.as_str());
                w.bytes(&escrow.0);
                w.text_or_null(contact.as_ref().map(Email::as_str));
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        match (reader.array()?, reader.uint()?) {
            (3, 0) => Ok(Self::User { id: UserId::read(reader)?, identity: Hash(reader.fixed()?) }),
            (2, 1) => Ok(Self::Group(Hash(reader.fixed()?))),
            (4, 2) => Ok(Self::Placeholder {
                name: UserId::read(reader)?,
                escrow: Hash(reader.fixed()?),
                contact: reader.null_or(Email::read)?,
            }),
            _ => Err(MALFORMED),
        }
    }

    /// Reads a party by itself.
    ///
    /// # Errors
    /// `invalid-format`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let party = Self::read(&mut Reader::new(bytes))?;
        if party.to_bytes() == bytes { Ok(party) } else { Err(MALFORMED) }
    }

    /// Its encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|w| self.write(w))
    }
}

/// A text's encoding begins with its length.
fn by_encoding(a: &str, b: &str) -> Ordering {
    (a.len(), a).cmp(&(b.len(), b))
}

impl Ord for Party {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::User { id: a, identity: x }, Self::User { id: b, identity: y }) => {
                by_encoding(a.as_str(), b.as_str()).then_with(|| x.cmp(y))
            }
            (Self::Group(a), Self::Group(b)) => a.cmp(b),
            (
                Self::Placeholder { name: a, escrow: x, contact: u },
                Self::Placeholder { name: b, escrow: y, contact: v },
            ) => by_encoding(a.as_str(), b.as_str()).then_with(|| x.cmp(y)).then_with(|| match (u, v) {
                (Some(u), Some(v)) => by_encoding(u.as_str(), v.as_str()),
                // null is the higher byte.
                _ => v.is_some().cmp(&u.is_some()),
            }),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Party {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Party {
    /// The length of its array, with which the encoding begins.
    const fn rank(&self) -> u8 {
        match self {
            Self::Group(_) => 2,
            Self::User { .. } => 3,
            Self::Placeholder { .. } => 4,
        }
    }
}

/// A list of 1 to `max` items, sorted by their parties, none twice.
pub(crate) fn read_list<T>(
    reader: &mut Reader<'_>,
    max: u64,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T>,
    party: impl Fn(&T) -> &Party,
) -> Result<Vec<T>> {
    let count = reader.array()?;
    if count == 0 || count > max {
        return Err(MALFORMED);
    }
    let mut items: Vec<T> = Vec::new();
    for _ in 0..count {
        let item = read(reader)?;
        if items.last().is_some_and(|last| party(last) >= party(&item)) {
            return Err(MALFORMED);
        }
        items.push(item);
    }
    Ok(items)
}

/// Where one-time codes go: 3 to 254 bytes, one `@` in the middle, no control characters and spaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Takes an address that has the form of one.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn new(address: &str) -> Result<Self> {
        let halves = address.split_once('@');
        let is_pair = halves.is_some_and(|(a, b)| !a.is_empty() && !b.is_empty() && !b.contains('@'));
        let fits = (3..=254).contains(&address.len()) && !address.chars().any(|c| c.is_control() || is_space(c));
        if is_pair && fits {
            Ok(Self(address.to_owned()))
        } else {
            Err(Error::new(&(Code::InvalidArgument, "a contact is an e-mail address of 3 to 254 bytes")))
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        Self::new(reader.text()?).map_err(|_| MALFORMED)
    }
}
