//! What happens in a session after its genesis: SPEC section 12.2.

use super::rights::{Grant, read_grants, write_grants};
use crate::{
    data_key::KeyCommitment,
    encoding::{MALFORMED, Reader, Writer},
    error::{Code, Error, Result},
    message::Authority,
    party::{MAX_PARTIES, Party, read_list},
    signed::{Hash, Payload},
};

/// An entry of a session's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The session.
    pub session: Hash,
    /// Its place in the log, from 1.
    pub sequence: u64,
    /// Hash of the entry before.
    pub previous: Hash,
    /// By the signer's clock, in milliseconds since 1970.
    pub time: u64,
    /// Hash of the signer's bundle.
    pub signer: Hash,
    /// In whose right.
    pub authority: Authority,
    /// What is done.
    pub action: Action,
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Gives rights, sorted by party.
    Grant(Vec<Grant>),
    /// Takes all rights from these parties, sorted.
    Revoke(Vec<Party>),
    /// Takes all rights from everybody: the session has ended.
    RevokeAll,
    /// A new key for what is written from now on.
    Generation {
        /// One more than the newest.
        number: u64,
        /// Of its key.
        commitment: KeyCommitment,
    },
    /// A placeholder's rights go to a group.
    Assignment {
        /// The placeholder.
        placeholder: Party,
        /// The group's id.
        group: Hash,
    },
}

impl Action {
    fn write(&self, w: &mut Writer) {
        match self {
            Self::Grant(grants) => {
                w.array(2);
                w.uint(1);
                write_grants(w, grants);
            }
            Self::Revoke(parties) => {
                w.array(2);
                w.uint(2);
                w.array(parties.len());
                parties.iter().for_each(|party| party.write(w));
            }
            Self::RevokeAll => {
                w.array(1);
                w.uint(3);
            }
            Self::Generation { number, commitment } => {
                w.array(3);
                w.uint(4);
                w.uint(*number);
                w.bytes(&commitment.0);
            }
            Self::Assignment { placeholder, group } => {
                w.array(3);
                w.uint(5);
                placeholder.write(w);
                w.bytes(&group.0);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let len = reader.array()?;
        match (reader.uint()?, len) {
            (1, 2) => Ok(Self::Grant(read_grants(reader)?)),
            (2, 2) => Ok(Self::Revoke(read_list(reader, MAX_PARTIES as u64, Party::read, |party| party)?)),
            (3, 1) => Ok(Self::RevokeAll),
            (4, 3) => Ok(Self::Generation { number: reader.uint()?, commitment: KeyCommitment(reader.fixed()?) }),
            (5, 3) => match Party::read(reader)? {
                placeholder @ Party::Placeholder { .. } => {
                    Ok(Self::Assignment { placeholder, group: Hash(reader.fixed()?) })
                }
                _ => Err(MALFORMED),
            },
            (1..=5, _) => Err(MALFORMED),
            _ => Err(Error::new(&(Code::UnsupportedVersion, "an action of a later version"))),
        }
    }
}

impl Payload for Entry {
    const LABEL: &'static str = "wardkey/v1/entry";
    const MAX: usize = 4 << 20;
    type More = ();

    fn write(&self, w: &mut Writer) {
        w.map(7);
        w.uint(1);
        w.bytes(&self.session.0);
        w.uint(2);
        w.uint(self.sequence);
        w.uint(3);
        w.bytes(&self.previous.0);
        w.uint(4);
        w.uint(self.time);
        w.uint(5);
        w.bytes(&self.signer.0);
        w.uint(6);
        write_authority(w, &self.authority);
        w.uint(7);
        self.action.write(w);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(7)?;
        reader.key(1)?;
        let session = Hash(reader.fixed()?);
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
        let authority = read_authority(reader)?;
        reader.key(7)?;
        let action = Action::read(reader)?;
        Ok(Self { session, sequence, previous, time, signer, authority, action })
    }
}

/// In whose right: null, or `[group id, group sequence, group hash]`.
pub(crate) fn write_authority(w: &mut Writer, authority: &Authority) {
    match authority {
        Authority::Signer => w.null(),
        Authority::Group { id, sequence, hash } => {
            w.array(3);
            w.bytes(id);
            w.uint(*sequence);
            w.bytes(hash);
        }
    }
}

pub(crate) fn read_authority(reader: &mut Reader<'_>) -> Result<Authority> {
    let group = reader.null_or(|reader| {
        reader.array_of(3)?;
        Ok(Authority::Group { id: reader.fixed()?, sequence: reader.uint()?, hash: reader.fixed()? })
    })?;
    Ok(group.unwrap_or(Authority::Signer))
}
