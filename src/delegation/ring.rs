//! Who reads and writes entities: his parties, and the exchange keys that he opened.

use std::rc::Rc;

use super::{
    form::Stored,
    names::{Pair, name_of},
    opening::ExchangeKeys,
};
use crate::{
    data_key::DataKey,
    error::{Code, Error, Result},
    party::Party,
    signed::Hash,
};

const NO_PAIR: Error =
    Error::new(&(Code::NotARecipient, "the entity was not shared with this user or one of his groups"));
const LEFT: Error = Error::new(&(Code::Revoked, "the entity was shared with a group that this user has left"));
pub(super) const NO_KEY: Error =
    Error::new(&(Code::NotARecipient, "the key server has no exchange key of the pair by which it was shared"));

/// A reader's parties, and the opened exchange keys, each pair once.
#[derive(Debug, Default)]
pub struct Ring {
    users: Vec<String>,
    groups: Vec<String>,
    /// Groups that he has left.
    former: Vec<String>,
    /// Sorted by pair.
    keys: Vec<Rc<ExchangeKeys>>,
}

impl Ring {
    /// Of these parties: a user and his groups. `former` are groups that he belonged to.
    ///
    /// # Errors
    /// `invalid-argument` for a placeholder.
    pub fn new(parties: &[Party], former: &[Hash]) -> Result<Self> {
        let mut ring = Self { former: former.iter().map(ToString::to_string).collect(), ..Self::default() };
        for party in parties {
            let names = if matches!(party, Party::Group(_)) { &mut ring.groups } else { &mut ring.users };
            names.push(name_of(party)?);
        }
        Ok(ring)
    }

    /// Takes opened exchange keys in, in the place of others of the pair.
    pub fn insert(&mut self, keys: impl Into<Rc<ExchangeKeys>>) {
        let keys = keys.into();
        match self.keys.binary_search_by(|known| known.pair().cmp(keys.pair())) {
            Ok(place) => {
                if let Some(known) = self.keys.get_mut(place) {
                    *known = keys;
                }
            }
            Err(place) => self.keys.insert(place, keys),
        }
    }

    /// The opened exchange keys of a pair.
    #[must_use]
    pub fn find(&self, pair: &Pair) -> Option<&ExchangeKeys> {
        let place = self.keys.binary_search_by(|known| known.pair().cmp(pair)).ok()?;
        self.keys.get(place).map(Rc::as_ref)
    }

    /// What is sealed for a pair is sealed under this.
    pub(super) fn sealing(&self, pair: &Pair) -> Result<&DataKey> {
        self.find(pair).ok_or(NO_KEY)?.newest()
    }

    /// The pairs by which an entity opens, in the order in which they are tried: SPEC section 18.11.
    pub(super) fn readable<'s>(&self, stored: &'s Stored<'_>) -> Result<Vec<&'s Pair>> {
        let is_for = |names: &[String], pair: &Pair| names.iter().any(|name| name == pair.delegate());
        let own = stored.encryption_keys.pairs().filter(|pair| is_for(&self.users, pair));
        let of_groups = stored.encryption_keys.pairs().filter(|pair| is_for(&self.groups, pair));
        let pairs: Vec<_> = own.chain(of_groups).collect();
        if pairs.is_empty() {
            let has_left = stored.encryption_keys.pairs().any(|pair| is_for(&self.former, pair));
            return Err(if has_left { LEFT } else { NO_PAIR });
        }
        Ok(pairs)
    }
}
