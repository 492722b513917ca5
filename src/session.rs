//! Sessions: a log that says who may read, and the keys of those who do. SPEC section 12.
//!
//! A [`Session`] is verified whole, or extended by what came after, or restored from what was verified before. Groups can be named,
//! and where a rule needs what they are, the answer is `unknown-group`.

mod authorship;
mod delivery;
mod directory;
mod entry;
mod genesis;
mod kept;
mod log;
mod making;
mod opening;
mod parts;
mod reading;
mod rights;
mod serving;
mod signer;
mod wraps;

use crate::{
    data_key::KeyId,
    error::Result,
    identity::AppId,
    party::Party,
    signed::{Hash, Minimum},
};

pub use self::{
    authorship::Opened,
    delivery::Delivery,
    directory::Directory,
    entry::{Action, Entry},
    genesis::Genesis,
    log::{Holding, Log},
    making::{Created, Hand, Made, create},
    opening::{Keys, Sealed},
    parts::{Claim, Writing},
    reading::Reading,
    rights::{Grant, Rights},
    serving::{Served, Stanza, join, split},
    signer::{Recipients, Signer, Signers},
};

/// A session as far as it is known: its log, and what the verified wraps say.
#[derive(Clone, Debug)]
pub struct Session {
    log: Log,
    wrapped: wraps::Wrapped,
}

impl Session {
    /// Verifies a whole session: the genesis, the entries in their order, and all wraps.
    ///
    /// # Errors
    /// Those of SPEC sections 12.3 and 12.5; `bad-signature` where a wraps object is missing.
    pub fn read(
        app_id: &AppId,
        id: &Hash,
        genesis: &[u8],
        entries: &[&[u8]],
        wraps: &[&[u8]],
        signers: &dyn Signers,
        minimum: Minimum,
    ) -> Result<Self> {
        Reading::begin(app_id, id, genesis, (entries, wraps), signers, minimum)?.run(signers)
    }

    /// Takes what came after: entries in their order, and all their wraps. After an error nothing is changed.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn extend(
        &mut self,
        entries: &[&[u8]],
        wraps: &[&[u8]],
        signers: &dyn Signers,
        minimum: Minimum,
    ) -> Result<()> {
        *self = Reading::after(self.clone(), (entries, wraps), minimum)?.run(signers)?;
        Ok(())
    }

    /// Who may do what, and who said so.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// Ids of the generations' keys, from 0 on.
    pub fn key_ids(&self) -> impl Iterator<Item = &KeyId> {
        self.wrapped.generations.iter().map(|wrapping| &wrapping.key_id)
    }

    /// Whom the entry of this sequence has wraps for, sorted: nobody if it has none.
    pub fn wrapped_by(&self, sequence: usize) -> impl Iterator<Item = &Party> {
        self.log.wrapped_by(sequence)
    }

    /// Is a new generation to be made before anything is written? SPEC section 12.7. (Newer epochs of groups can't be known yet.)
    #[must_use]
    pub fn is_due(&self) -> bool {
        let reads = |party: &Party| self.log.rights(party).has(Rights::READ);
        self.log.is_superseded() || !self.log.covered().all(reads)
    }
}
