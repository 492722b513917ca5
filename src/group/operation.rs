//! What happens in a group after its genesis: SPEC section 12.9.

use super::{
    epoch::Epoch,
    member::{Member, read_members, read_users, write_members},
};
use crate::{
    encoding::{MALFORMED, Reader, Writer},
    error::{Code, Error, Result},
    party::Party,
    signed::{Hash, Payload},
};

/// An operation of a group's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The group.
    pub group: Hash,
    /// Its place in the log, from 1.
    pub sequence: u64,
    /// Hash of the operation before.
    pub previous: Hash,
    /// By the signer's clock, in milliseconds since 1970.
    pub time: u64,
    /// Hash of the signer's bundle.
    pub signer: Hash,
    /// What is done.
    pub action: Action,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// These belong from now on, sorted by party.
    Add(Vec<Member>),
    /// These no longer, sorted; so an epoch begins.
    Remove(Vec<Party>, Epoch),
    /// These are from now on something else, sorted by party.
    Roles(Vec<Member>),
    /// An epoch begins.
    Rotate(Epoch),
}

impl Action {
    fn write(&self, w: &mut Writer) {
        match self {
            Self::Add(members) => {
                w.array(2);
                w.uint(1);
                write_members(w, members);
            }
            Self::Remove(parties, epoch) => {
                w.array(3);
                w.uint(2);
                w.array(parties.len());
                parties.iter().for_each(|party| party.write(w));
                epoch.write(w);
            }
            Self::Roles(members) => {
                w.array(2);
                w.uint(3);
                write_members(w, members);
            }
            Self::Rotate(epoch) => {
                w.array(2);
                w.uint(4);
                epoch.write(w);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let len = reader.array()?;
        match (reader.uint()?, len) {
            (1, 2) => Ok(Self::Add(read_members(reader)?)),
            (2, 3) => Ok(Self::Remove(read_users(reader)?, Epoch::read(reader)?)),
            (3, 2) => Ok(Self::Roles(read_members(reader)?)),
            (4, 2) => Ok(Self::Rotate(Epoch::read(reader)?)),
            (1..=4, _) => Err(MALFORMED),
            _ => Err(Error::new(&(Code::UnsupportedVersion, "an action of a later version"))),
        }
    }
}

impl Payload for Operation {
    const LABEL: &'static str = "wardkey/v1/operation";
    const MAX: usize = 4 << 20;
    type More = ();

    fn write(&self, w: &mut Writer) {
        w.map(6);
        w.uint(1);
        w.bytes(&self.group.0);
        w.uint(2);
        w.uint(self.sequence);
        w.uint(3);
        w.bytes(&self.previous.0);
        w.uint(4);
        w.uint(self.time);
        w.uint(5);
        w.bytes(&self.signer.0);
        w.uint(6);
        self.action.write(w);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(6)?;
        reader.key(1)?;
        let group = Hash(reader.fixed()?);
        reader.key(2)?;
        let sequence = reader.uint()?;
        if sequence == 0 {
            return Err(MALFORMED);
        }
        reader.key(3)?;
        let previous = Hash(reader.fixed()?);
        reader.key(4)?;
        let time = reader.uint()?;
        reader.key(5)?;
        let signer = Hash(reader.fixed()?);
        reader.key(6)?;
        Ok(Self { group, sequence, previous, time, signer, action: Action::read(reader)? })
    }
}
