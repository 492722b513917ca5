//! Sessions: a log that says who may read, and the keys of those who do. SPEC section 12.
//!
//! A [`Session`] is verified whole, or extended by what came after, or restored from what was verified before. Where a rule needs a group whose log isn't known, the
//! answer is `unknown-group`.

mod authorship;
mod book;
mod confirmed;
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
mod signer;
mod wraps;

use crate::{
    data_key::KeyId,
    error::{Code, Error, Result},
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
    signer::{Recipients, Signer, Signers},
    wraps::{join, split},
};
pub use crate::serving::{Served, Stanza};

pub(crate) use self::{
    entry::{read_authority, write_authority},
    log::authority_party,
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
        self.wrapped.for_whom(&self.log, sequence).into_iter().filter_map(|place| self.log.party(place))
    }

    /// Has the entry that follows, which is verified here, a wraps object?
    ///
    /// # Errors
    /// As [`Log::extend`].
    pub fn wants_wraps(&self, entry: &[u8], signers: &dyn Signers, minimum: Minimum) -> Result<bool> {
        let mut log = self.log.clone();
        log.extend(&[entry], signers, minimum)?;
        Ok(!self.wrapped.wanted(&log, log.entries()).is_empty())
    }

    /// Is each group known at least as far as whoever wrapped for it last knew it?
    ///
    /// # Errors
    /// `rollback`.
    fn check_epochs(&self, groups: &dyn Signers) -> Result<()> {
        for (place, fingerprint) in &self.wrapped.newest {
            if let Some(Party::Group(id)) = self.log.party(*place)
                && let Ok(group) = groups.group(id)
                && !group.has_key(fingerprint)
            {
                return Err(Error::new(&(
                    Code::Rollback,
                    "a key was wrapped for an epoch that the group's log doesn't have",
                )));
            }
        }
        Ok(())
    }

    /// Is a new generation to be made before anything is written? SPEC section 12.7.
    ///
    /// # Errors
    /// `unknown-group` where confirming needs it, and why what was told of a group that has a stanza isn't true.
    pub fn is_due(&self, groups: &dyn Signers) -> Result<bool> {
        if self.log.is_superseded() {
            return Ok(true);
        }
        let readers = self.log.wrapped_readers(groups)?;
        for (place, fingerprint) in &self.wrapped.newest {
            let is_newest = match self.log.party(*place) {
                Some(Party::Group(id)) => {
                    groups.verified_group(id).is_none_or(|group| group.public_key().fingerprint() == fingerprint)
                }
                _ => true,
            };
            if !is_newest || readers.get(*place) != Some(&true) {
                return Ok(true);
            }
        }
        Ok(!self.log.is_newest_entitled(groups)?)
    }
}
