//! Who belongs to a group, and as what: SPEC section 12.8.

use crate::{
    encoding::{MALFORMED, Reader, Writer},
    error::Result,
    party::{MAX_PARTIES, Party, read_list},
};

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads and writes as the group.
    Member,
    /// Also says who belongs.
    Admin,
}

impl Role {
    const fn number(self) -> u64 {
        match self {
            Self::Member => 0,
            Self::Admin => 1,
        }
    }
}

/// A user, and what he is in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who: a user.
    pub party: Party,
    /// As what.
    pub role: Role,
}

impl Member {
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.array_of(2)?;
        let party = Party::read(reader)?;
        let role = match reader.uint()? {
            0 => Role::Member,
            1 => Role::Admin,
            _ => return Err(MALFORMED),
        };
        Ok(Self { party, role })
    }
}

pub(super) fn write_members(w: &mut Writer, members: &[Member]) {
    w.array(members.len());
    for member in members {
        w.array(2);
        member.party.write(w);
        w.uint(member.role.number());
    }
}

pub(super) fn read_members(reader: &mut Reader<'_>) -> Result<Vec<Member>> {
    let members = read_list(reader, MAX_PARTIES as u64, Member::read, |member| &member.party)?;
    only_users(members.iter().map(|member| &member.party))?;
    Ok(members)
}

pub(super) fn read_users(reader: &mut Reader<'_>) -> Result<Vec<Party>> {
    let parties = read_list(reader, MAX_PARTIES as u64, Party::read, |party| party)?;
    only_users(parties.iter())?;
    Ok(parties)
}

/// Sorted ones: those of one user id stand side by side.
fn only_users<'a>(parties: impl Iterator<Item = &'a Party>) -> Result<()> {
    let mut before = None;
    for party in parties {
        let Party::User { id, .. } = party else { return Err(MALFORMED) };
        if before.replace(id) == Some(id) {
            return Err(MALFORMED);
        }
    }
    Ok(())
}
