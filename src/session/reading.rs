//! A session that is being verified, one signature at a time: SPEC sections 12.3 and 12.5. Long logs are read without keeping a thread busy for long.

use std::vec;

use super::{
    Session,
    log::Log,
    signer::Signers,
    wraps::{MISSING, Wrapped, Wraps},
};
use crate::{
    error::Result,
    identity::AppId,
    signed::{Hash, Minimum, Unverified},
};

/// What was fetched of a session and isn't verified yet.
#[derive(Debug)]
pub struct Reading<'a> {
    log: Log,
    wrapped: Wrapped,
    entries: &'a [&'a [u8]],
    objects: &'a [&'a [u8]],
    parsed: Vec<Unverified<Wraps>>,
    /// The same, in the order of the log, once all are parsed.
    wraps: vec::IntoIter<Unverified<Wraps>>,
    /// Of the log: up to where its wraps were taken.
    taken: usize,
    minimum: Minimum,
}

impl<'a> Reading<'a> {
    /// Begins with the genesis, which is verified here.
    ///
    /// # Errors
    /// Those of SPEC section 12.3, step 1; `limit`.
    pub fn begin(
        app_id: &AppId,
        id: &Hash,
        genesis: &[u8],
        (entries, objects): (&'a [&'a [u8]], &'a [&'a [u8]]),
        signers: &dyn Signers,
        minimum: Minimum,
    ) -> Result<Self> {
        let log = Log::begin(app_id, id, genesis, signers, minimum)?;
        Self::new(log, Wrapped::default(), 0, (entries, objects), minimum)
    }

    /// Goes on from what is known of a session: with entries in their order, and all their wraps.
    ///
    /// # Errors
    /// `limit`.
    pub fn after(
        session: Session,
        (entries, objects): (&'a [&'a [u8]], &'a [&'a [u8]]),
        minimum: Minimum,
    ) -> Result<Self> {
        let Session { log, wrapped } = session;
        let taken = log.steps().len();
        Self::new(log, wrapped, taken, (entries, objects), minimum)
    }

    fn new(
        log: Log,
        wrapped: Wrapped,
        taken: usize,
        (entries, objects): (&'a [&'a [u8]], &'a [&'a [u8]]),
        minimum: Minimum,
    ) -> Result<Self> {
        log.check_room(entries.len())?;
        let (parsed, wraps) = (Vec::with_capacity(objects.len()), Vec::new().into_iter());
        Ok(Self { log, wrapped, entries, objects, parsed, wraps, taken, minimum })
    }

    /// Verifies the next object. Is there more to do?
    ///
    /// # Errors
    /// Those of SPEC sections 12.3 and 12.5; `bad-signature` where a wraps object is missing. It can't go on then.
    pub fn step(&mut self, signers: &dyn Signers) -> Result<bool> {
        if let Some((entry, rest)) = self.entries.split_first() {
            self.log.extend(&[entry], signers, self.minimum)?;
            self.entries = rest;
        } else if let Some((object, rest)) = self.objects.split_first() {
            self.parsed.push(Wrapped::parse(&self.log, object, self.minimum)?);
            self.objects = rest;
            if rest.is_empty() {
                let mut parsed = core::mem::take(&mut self.parsed);
                parsed.sort_by_key(|object| object.claimed().sequence);
                self.wraps = parsed.into_iter();
            }
        } else {
            let wants = |(_, step): &(usize, &super::log::Step)| !step.wrapped.is_empty();
            let next = self.log.steps().iter().enumerate().skip(self.taken).find(wants);
            let Some((sequence, step)) = next else {
                return self.wraps.next().map_or(Ok(false), |_| Err(MISSING));
            };
            let object = self.wraps.next().filter(|object| object.claimed().sequence == sequence as u64);
            self.wrapped.take(&self.log, sequence, step, object.ok_or(MISSING)?, signers)?;
            self.taken = sequence + 1;
        }
        Ok(true)
    }

    /// The session, after the last step.
    #[must_use]
    pub fn finish(self) -> Session {
        Session { log: self.log, wrapped: self.wrapped }
    }

    pub(super) fn run(mut self, signers: &dyn Signers) -> Result<Session> {
        while self.step(signers)? {}
        Ok(self.finish())
    }
}
