//! The first entry of a session, whose hash is the session's id: SPEC section 12.1.

use super::rights::{Grant, Rights, read_grants, write_grants};
use crate::{
    data_key::KeyCommitment,
    encoding::{MALFORMED, Reader, Writer},
    error::Result,
    identity::AppId,
    signed::{Hash, Payload},
};

/// What the creator of a session signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The application.
    pub app_id: AppId,
    /// Hash of the creator's bundle, which signs.
    pub creator: Hash,
    /// Makes the id unlike all others.
    pub random: [u8; 16],
    /// By the creator's clock, in milliseconds since 1970.
    pub time: u64,
    /// Of the key of generation 0.
    pub commitment: KeyCommitment,
    /// Who has which rights, sorted by party; at least one reads.
    pub grants: Vec<Grant>,
}

impl Payload for Genesis {
    const LABEL: &'static str = "wardkey/v1/session";
    const MAX: usize = 4 << 20;
    type More = ();

    fn write(&self, w: &mut Writer) {
        w.map(6);
        w.uint(1);
        w.text(self.app_id.as_str());
        w.uint(2);
        w.bytes(&self.creator.0);
        w.uint(3);
        w.bytes(&self.random);
        w.uint(4);
        w.uint(self.time);
        w.uint(5);
        w.bytes(&self.commitment.0);
        w.uint(6);
        write_grants(w, &self.grants);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(6)?;
        reader.key(1)?;
        let app_id = AppId::read(reader)?;
        reader.key(2)?;
        let creator = Hash(reader.fixed()?);
        reader.key(3)?;
        let random = reader.fixed()?;
        reader.key(4)?;
        let time = reader.uint()?;
        reader.key(5)?;
        let commitment = KeyCommitment(reader.fixed()?);
        reader.key(6)?;
        let grants = read_grants(reader)?;
        if !grants.iter().any(|grant| grant.rights.has(Rights::READ)) {
            return Err(MALFORMED);
        }
        Ok(Self { app_id, creator, random, time, commitment, grants })
    }
}
