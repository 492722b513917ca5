//! A session as it is kept on the device: SPEC section 15, `s.<session id>`. What was verified is replayed without signatures.

use super::{
    Session,
    log::Log,
    signer::Signer,
    wraps::{Wrapped, Wrapping},
};
use crate::{
    data_key::KeyId,
    encoding::{MALFORMED, Reader, encode},
    error::{Code, Error, Result},
    identity::AppId,
    key_pair::Fingerprint,
    party::Party,
    signed::Hash,
};

impl Session {
    /// The payload of the cache's entry.
    #[must_use]
    pub fn to_kept(&self) -> Vec<u8> {
        let (log, wrapped) = (&self.log, &self.wrapped);
        encode(|w| {
            w.map(5);
            w.uint(1);
            let mut steps = log.steps().iter();
            w.bytes(steps.next().map(|step| step.payload.as_slice()).unwrap_or_default());
            w.uint(2);
            w.array(log.entries());
            steps.for_each(|step| w.bytes(&step.payload));
            w.uint(3);
            w.array(log.signers().len());
            log.signers().iter().for_each(|signer| signer.write(w));
            w.uint(4);
            w.array(wrapped.generations.len());
            wrapped.generations.iter().for_each(|wrapping| w.bytes(&wrapping.key_id.0));
            w.uint(5);
            w.array(wrapped.newest.len());
            for (place, fingerprint) in &wrapped.newest {
                w.array(2);
                if let Some(party) = log.party(*place) {
                    party.write(w);
                }
                w.bytes(&fingerprint.0);
            }
        })
    }

    /// The session that was kept. It knows no stanzas' bodies: its keys are kept beside it, or it is fetched anew.
    ///
    /// # Errors
    /// `invalid-format`, `key-mismatch` and others: it counts as not there.
    pub fn from_kept(app_id: &AppId, id: &Hash, kept: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(kept);
        reader.map_of(5)?;
        reader.key(1)?;
        let genesis = reader.bytes()?;
        reader.key(2)?;
        let entries = reader.list(Reader::bytes)?;
        reader.key(3)?;
        let signers = reader.list(Signer::read)?;
        reader.key(4)?;
        let generations = reader.list(|reader| Ok(Wrapping { key_id: KeyId(reader.fixed()?), previous: None }))?;
        reader.key(5)?;
        let stanzas = reader.list(|reader| {
            reader.array_of(2)?;
            Ok((Party::read(reader)?, Fingerprint(reader.fixed()?)))
        })?;

        let mut log = Log::restore(genesis, &signers)?;
        if log.id() != id || log.app_id() != app_id {
            return Err(Error::new(&(Code::KeyMismatch, "another session")));
        }
        entries.into_iter().try_for_each(|payload| log.restore_entry(payload, &signers))?;
        let place = |(party, fingerprint): (Party, Fingerprint)| Some((log.place(&party)?, fingerprint));
        let newest: Vec<_> = stanzas.into_iter().filter_map(place).collect();
        let session = Self { log, wrapped: Wrapped::kept(generations, newest) };
        let whole = session.wrapped.generations.len() == session.log.newest_generation() + 1;
        // Also what is left over, or isn't canonical.
        if whole && session.to_kept() == kept { Ok(session) } else { Err(MALFORMED) }
    }
}
