//! What a party may do in a session: SPEC section 12.1.

use crate::{
    encoding::{MALFORMED, Reader, Writer},
    error::Result,
    party::{MAX_PARTIES, Party, read_list},
};

/// A set of rights. Who manages has them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rights(u8);

impl Rights {
    /// No right at all.
    pub const NONE: Self = Self(0);
    /// Gets the keys.
    pub const READ: Self = Self(1);
    /// Gives on what it has.
    pub const FORWARD: Self = Self(2);
    /// Takes rights from those who don't manage.
    pub const REVOKE: Self = Self(4);
    /// Everything: also takes rights from managers, and ends the session.
    pub const MANAGE: Self = Self(15);

    /// The rights of this sum; nothing where it is none of SPEC.
    #[must_use]
    pub fn from_number(sum: u64) -> Option<Self> {
        u8::try_from(sum).ok().filter(|sum| matches!(sum, 1..=7 | 15)).map(Self)
    }

    /// Their sum.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0 as u64
    }

    /// Are all these among them?
    #[must_use]
    pub const fn has(self, these: Self) -> bool {
        self.0 & these.0 == these.0
    }

    /// These too.
    #[must_use]
    pub const fn with(self, these: Self) -> Self {
        Self(self.0 | these.0)
    }
}

/// A party, and what it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who.
    pub party: Party,
    /// At least one.
    pub rights: Rights,
}

impl Grant {
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.array_of(2)?;
        let party = Party::read(reader)?;
        Ok(Self { party, rights: Rights::from_number(reader.uint()?).ok_or(MALFORMED)? })
    }
}

pub(super) fn read_grants(reader: &mut Reader<'_>) -> Result<Vec<Grant>> {
    read_list(reader, MAX_PARTIES as u64, Grant::read, |grant| &grant.party)
}

pub(super) fn write_grants(w: &mut Writer, grants: &[Grant]) {
    w.array(grants.len());
    for grant in grants {
        w.array(2);
        grant.party.write(w);
        w.uint(grant.rights.number());
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        let good: Vec<_> = (0..300).filter(|sum| Rights::from_number(*sum).is_some()).collect();
        assert_eq!(good, [1, 2, 3, 4, 5, 6, 7, 15]);
        assert_eq!(Rights::from_number(1 << 32 | 1), None);
        for a in &good {
            for b in &good {
                let both = Rights::from_number(*a).unwrap().with(Rights::from_number(*b).unwrap());
                assert!(Rights::from_number(both.number()).is_some(), "{a} and {b}");
            }
        }
    }
}
