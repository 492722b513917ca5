//! A group's log as it is kept: SPEC section 15, `g.<group id>`. What was verified is replayed without signatures.

use super::log::Log;
use crate::{
    encoding::{MALFORMED, Reader, encode},
    error::{Code, Error, Result},
    identity::AppId,
    session::Signer,
    signed::Hash,
};

impl Log {
    /// The payload of the cache's entry.
    #[must_use]
    pub fn to_kept(&self) -> Vec<u8> {
        encode(|w| {
            w.map(2);
            w.uint(1);
            w.array(self.operations() + 1);
            self.payloads().for_each(|payload| w.bytes(payload));
            w.uint(2);
            w.array(self.signers().len());
            self.signers().iter().for_each(|signer| signer.write(w));
        })
    }

    /// The log that was kept.
    ///
    /// # Errors
    /// `invalid-format`, `key-mismatch` and others: it counts as not there.
    pub fn from_kept(app_id: &AppId, id: &Hash, kept: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(kept);
        reader.map_of(2)?;
        reader.key(1)?;
        let payloads = reader.list(Reader::bytes)?;
        reader.key(2)?;
        let signers = reader.list(Signer::read)?;
        let log = Self::restore(&payloads, &signers)?;
        if log.id() != id || log.app_id() != app_id {
            return Err(Error::new(&(Code::KeyMismatch, "another group")));
        }
        // Also what is left over, or isn't canonical.
        if log.to_kept() == kept { Ok(log) } else { Err(MALFORMED) }
    }
}
