//! The cache of data keys: a policy over a store that is trusted with nothing.
//!
//! A key is used for at most a time to live after it was fetched, absolutely; of more than so many keys the least recently used goes first. What a store
//! keeps is sealed under a cache key, bound to the cache's name, the user, the key's id and its term. All is held in memory too: a store that fails is left
//! alone from then on, and memory serves. Reading never fails: whatever can't be read is a miss.

mod clock;
mod entries;
mod entry;
mod limits;
mod memory;
mod owner;
mod sealing;
mod store;

use core::{
    cell::{Cell, RefCell},
    fmt,
};
use std::rc::Rc;

use rand_core::TryCryptoRng;

use self::sealing::Sealing;
pub use self::{
    clock::{Clock, Now},
    limits::Limits,
    owner::Owner,
    sealing::SealedBy,
    store::{KeyStore, NoStore, StoreError, StoreResult},
};
pub(crate) use self::{
    entries::{Entries, Sealed},
    entry::{Id, Item, Term},
};
use crate::{
    data_key::{DataKey, KeyId},
    error::Result,
    random::Random,
};

/// What a cache says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Keys that it could give now.
    pub entries: usize,
    /// Keys that were asked for and given.
    pub hits: u64,
    /// Keys that were asked for and not given.
    pub misses: u64,
    /// Why the store isn't used any more.
    pub degraded: Option<String>,
    /// How often others emptied the store while it was used.
    pub wipes: u32,
}

/// A key that was sealed and not kept yet.
#[derive(Debug)]
pub struct Fresh(Sealed);

/// Data keys by id, for one user.
pub struct KeyCache<S, C> {
    entries: Entries<S>,
    clock: C,
    hits: Cell<u64>,
    misses: Cell<u64>,
}

impl<S: KeyStore, C: Clock> KeyCache<S, C> {
    /// A cache in memory alone.
    pub fn in_memory(owner: Owner, limits: Limits, clock: C) -> Self {
        Self::new(None, None, owner, limits, clock)
    }

    /// A cache over a store, which is read in at once. A store that fails leaves a cache in memory that says so.
    ///
    /// # Errors
    /// `key-policy` for a key pair of `rsa-2048`; `rng`. Never because of the store.
    pub async fn open<R: TryCryptoRng>(
        store: S,
        sealed_by: &SealedBy,
        owner: Owner,
        limits: Limits,
        clock: C,
        rng: &RefCell<Random<R>>,
    ) -> Result<Self> {
        let (sealing, error) = Sealing::find(sealed_by, &store, &owner, rng).await?;
        let cache = Self::new(Some(store), Some(sealing), owner, limits, clock);
        match error {
            Some(error) => cache.entries.degrade(error),
            None => drop(cache.entries.load(&cache.clock).await),
        }
        Ok(cache)
    }

    fn new(store: Option<S>, sealing: Option<Sealing>, owner: Owner, limits: Limits, clock: C) -> Self {
        let entries = Entries::new(store, sealing, owner, limits, false, clock.now());
        Self { entries, clock, hits: Cell::new(0), misses: Cell::new(0) }
    }

    /// The key of this id, if it may be used.
    pub async fn get(&self, id: KeyId) -> Option<Rc<DataKey>> {
        self.get_many(&[id]).await.pop().flatten()
    }

    /// So many more were asked for by what is no key id.
    pub fn count_misses(&self, misses: u64) {
        self.misses.set(self.misses.get() + misses);
    }

    /// For each id its key, if it may be used.
    pub async fn get_many(&self, ids: &[KeyId]) -> Vec<Option<Rc<DataKey>>> {
        let (mut keys, mut missing, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for id in ids {
            let id = Id::Key(*id);
            let key = self.entries.held(&id, &self.clock).and_then(|(item, _)| key(item));
            if key.is_none() {
                missing.push(id);
                places.push(keys.len());
            }
            keys.push(key);
        }
        // Another page of this cache may have had it since.
        let fetched = self.entries.fetch(&missing, &self.clock).await;
        for (place, item) in places.iter().zip(fetched) {
            if let Some(slot) = keys.get_mut(*place) {
                *slot = item.and_then(key);
            }
        }
        let hits = keys.iter().flatten().count();
        self.hits.set(self.hits.get() + hits as u64);
        self.count_misses((keys.len() - hits) as u64);
        keys
    }

    /// Seals a key, for [`Self::save`]; its time to live begins.
    ///
    /// # Errors
    /// `invalid-argument` after [`Self::close`], `rng`.
    pub fn seal<R: TryCryptoRng>(&self, rng: &mut Random<R>, key: &Rc<DataKey>) -> Result<Fresh> {
        let term = self.entries.term(&self.clock);
        self.entries.seal(rng, Id::Key(key.id()), term, Item::Key(Rc::clone(key))).map(Fresh)
    }

    /// Keeps what was sealed, in one step where the store can.
    pub async fn save(&self, fresh: Vec<Fresh>) {
        self.entries.save(fresh.into_iter().map(|fresh| fresh.0).collect(), &self.clock).await;
    }

    /// Deletes these keys, here and in the store.
    pub async fn delete(&self, ids: &[KeyId]) {
        self.entries.delete(&named(ids)).await;
    }

    /// Deletes everything, here and in the store.
    pub async fn clear(&self) {
        self.entries.clear().await;
    }

    /// Drops these keys from memory: another page has deleted them.
    pub fn forget(&self, ids: &[KeyId]) {
        self.entries.forget(&named(ids));
    }

    /// Drops every key from memory: another page has cleared the cache.
    pub fn forget_all(&self) {
        self.entries.forget_all();
    }

    /// What this cache says of itself.
    pub fn stats(&self) -> Stats {
        Stats {
            entries: self.entries.keys(&self.clock),
            hits: self.hits.get(),
            misses: self.misses.get(),
            degraded: self.entries.degraded(),
            wipes: self.entries.wipes(),
        }
    }

    /// Drops every key from memory, and the cache key. The store keeps what it has.
    pub fn close(&self) {
        self.entries.close();
    }
}

impl<S, C> fmt::Debug for KeyCache<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCache(..)")
    }
}

fn key(item: Item) -> Option<Rc<DataKey>> {
    match item {
        Item::Key(key) => Some(key),
        Item::Payload(_) => None,
    }
}

fn named(ids: &[KeyId]) -> Vec<Id> {
    ids.iter().copied().map(Id::Key).collect()
}
