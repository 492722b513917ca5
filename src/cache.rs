//! The cache of data keys: a policy over a store that is trusted with nothing.
//!
//! A key is used for at most a time to live after it was fetched, absolutely; of more than so many keys the least recently used goes first. What a store
//! keeps is sealed under a cache key, bound to the cache's name, the user, the key's id and its term. All is held in memory too: a store that fails is left
//! alone from then on, and memory serves. Reading never fails: whatever can't be read is a miss.

mod clock;
mod entry;
mod limits;
mod memory;
mod owner;
mod sealing;
mod store;
mod upkeep;

use core::{cell::RefCell, fmt};
use std::rc::Rc;

use rand_core::TryCryptoRng;

use self::{
    clock::Time,
    entry::Term,
    memory::{MemoryStore, Value},
    sealing::{RESERVED, Sealing},
};
pub use self::{
    clock::{Clock, Now},
    limits::Limits,
    owner::Owner,
    sealing::SealedBy,
    store::{KeyStore, NoStore, StoreError, StoreResult},
};
use crate::{
    data_key::{DataKey, KeyId},
    encoding::base64url,
    error::{Code, Error, Result},
    random::Random,
};

const CLOSED: Error = Error::new(Code::InvalidArgument, "the cache is closed");

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
pub struct Fresh {
    term: Term,
    key: Rc<DataKey>,
    entry: Option<Vec<u8>>,
}

struct State {
    memory: MemoryStore,
    time: Time,
    sealing: Option<Sealing>,
    stats: Stats,
    /// Counts removals: what was read from the store before one may be what was removed.
    removals: u64,
    closed: bool,
}

/// Data keys by id, for one user.
pub struct KeyCache<S, C> {
    owner: Owner,
    limits: Limits,
    clock: C,
    store: Option<S>,
    state: RefCell<State>,
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
            Some(error) => cache.degrade(error),
            None => {
                if let Some(store) = &cache.store {
                    cache.load(store).await;
                }
            }
        }
        Ok(cache)
    }

    fn new(store: Option<S>, sealing: Option<Sealing>, owner: Owner, limits: Limits, clock: C) -> Self {
        let state = State {
            memory: MemoryStore::new(limits.entries),
            time: Time::starting(clock.now()),
            sealing,
            stats: Stats::default(),
            removals: 0,
            closed: false,
        };
        Self { owner, limits, clock, store, state: RefCell::new(state) }
    }

    /// The key of this id, if it may be used.
    pub async fn get(&self, id: KeyId) -> Option<Rc<DataKey>> {
        self.get_many(&[id]).await.pop().flatten()
    }

    /// So many more were asked for by what is no key id.
    pub fn count_misses(&self, misses: u64) {
        self.state.borrow_mut().stats.misses += misses;
    }

    /// For each id its key, if it may be used.
    pub async fn get_many(&self, ids: &[KeyId]) -> Vec<Option<Rc<DataKey>>> {
        let (_, time) = self.time();
        let (mut keys, mut missing, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for id in ids {
            let key = self.held(id, time);
            if key.is_none() {
                missing.push(row(id));
                places.push(keys.len());
            }
            keys.push(key);
        }
        // Another page of this cache may have had it since.
        let fetched = self.fetch(&missing).await;
        for (place, key) in places.iter().zip(fetched) {
            if let Some(slot) = keys.get_mut(*place) {
                *slot = key;
            }
        }
        let hits = keys.iter().flatten().count();
        let stats = &mut self.state.borrow_mut().stats;
        stats.hits += hits as u64;
        stats.misses += (keys.len() - hits) as u64;
        keys
    }

    /// The key that memory holds. An entry that has expired or doesn't open is dropped.
    fn held(&self, id: &KeyId, time: u64) -> Option<Rc<DataKey>> {
        let State { memory, sealing, .. } = &mut *self.state.borrow_mut();
        let (term, value) = memory.get(id)?;
        let key = match value {
            _ if !self.limits.allow(&term, time) => None,
            Value::Open(key) => return Some(key),
            Value::Sealed(entry) => {
                sealing.as_ref().and_then(|it| term.open(&it.key, &self.owner, &entry)).map(Rc::new)
            }
        };
        match &key {
            Some(key) => memory.open(id, key),
            None => memory.remove(id),
        }
        key
    }

    /// For each of these rows its key, if the store has it.
    async fn fetch(&self, rows: &[String]) -> Vec<Option<Rc<DataKey>>> {
        let Some(store) = self.store().filter(|_| !rows.is_empty()) else { return Vec::new() };
        let before = self.state.borrow().removals;
        let entries = match store.get_many(rows).await {
            Ok(entries) => entries,
            Err(error) => {
                self.degrade(error);
                return Vec::new();
            }
        };
        let (now, time) = self.time();
        if self.state.borrow().removals != before {
            return Vec::new();
        }
        let mut keys = Vec::new();
        for (id, entry) in rows.iter().zip(entries) {
            let entry = entry.unwrap_or_default();
            let term = Term::of(&entry).filter(|term| row(&term.key_id) == *id && !now.is_before(term.fetched));
            keys.push(term.and_then(|term| {
                self.state.borrow_mut().memory.insert(term, Value::Sealed(entry.into()));
                self.held(&term.key_id, time)
            }));
        }
        self.state.borrow_mut().memory.tidy(&|term| self.limits.allow(term, time));
        keys
    }

    /// Seals a key, for [`Self::save`]; its time to live begins.
    ///
    /// # Errors
    /// `invalid-argument` after [`Self::close`], `rng`.
    pub fn seal<R: TryCryptoRng>(&self, rng: &mut Random<R>, key: &Rc<DataKey>) -> Result<Fresh> {
        let (now, _) = self.time();
        let state = self.state.borrow();
        if state.closed {
            return Err(CLOSED);
        }
        let term = Term { key_id: key.id(), fetched: now.wall, expires: now.wall.saturating_add(self.limits.ttl) };
        let sealing = state.sealing.as_ref().filter(|_| state.stats.degraded.is_none() && self.limits.ttl > 0);
        let entry = sealing.map(|it| term.seal(&it.key, &self.owner, rng, key)).transpose()?;
        Ok(Fresh { term, key: Rc::clone(key), entry })
    }

    /// Keeps what was sealed, in one step where the store can.
    pub async fn save(&self, fresh: Vec<Fresh>) {
        let (now, time) = self.time();
        let (mut rows, mut ids, mut useless) = (Vec::new(), Vec::new(), Vec::new());
        {
            let State { memory, sealing, closed, .. } = &mut *self.state.borrow_mut();
            if *closed || self.limits.ttl == 0 {
                return;
            }
            // Not what was sealed before the clock was set back.
            for Fresh { term, key, entry } in fresh.into_iter().filter(|it| !now.is_before(it.term.fetched)) {
                memory.insert(term, Value::Open(key));
                ids.push(term.key_id);
                if let Some(entry) = entry {
                    rows.push((row(&term.key_id), entry));
                }
            }
            useless.extend(memory.tidy(&|term| self.limits.allow(term, time)).iter().map(row));
            if let Some(wrapped) = sealing.as_ref().and_then(|sealing| sealing.wrapped.as_ref()) {
                rows.push((RESERVED.to_owned(), wrapped.clone()));
            }
        }
        if let Some(store) = self.store().filter(|_| !ids.is_empty())
            && let Err(error) = store.set_many(&rows).await
        {
            self.degrade(error);
        }
        // Whatever went while it was being kept goes again.
        for id in &ids {
            if !self.state.borrow().memory.contains(id) {
                useless.push(row(id));
            }
        }
        self.delete_rows(&useless).await;
    }

    /// Deletes these keys, here and in the store.
    pub async fn delete(&self, ids: &[KeyId]) {
        self.forget(ids);
        let rows: Vec<String> = ids.iter().map(row).collect();
        self.delete_rows(&rows).await;
        if self.state.borrow().stats.degraded.is_some() {
            self.empty_store().await;
        }
    }

    /// Deletes everything, here and in the store.
    pub async fn clear(&self) {
        self.forget_all();
        self.empty_store().await;
    }

    /// Drops these keys from memory: another page has deleted them.
    pub fn forget(&self, ids: &[KeyId]) {
        let state = &mut *self.state.borrow_mut();
        state.removals += 1;
        for id in ids {
            state.memory.remove(id);
        }
    }

    /// Drops every key from memory: another page has cleared the cache.
    pub fn forget_all(&self) {
        let state = &mut *self.state.borrow_mut();
        state.removals += 1;
        state.memory.clear();
    }

    /// What this cache says of itself.
    pub fn stats(&self) -> Stats {
        let (_, time) = self.time();
        let State { memory, stats, .. } = &mut *self.state.borrow_mut();
        memory.tidy(&|term| self.limits.allow(term, time));
        let wipes = self.store.as_ref().map_or(0, KeyStore::wipes);
        Stats { entries: memory.len(), wipes, ..stats.clone() }
    }

    /// Drops every key from memory, and the cache key. The store keeps what it has.
    pub fn close(&self) {
        self.forget_all();
        let state = &mut *self.state.borrow_mut();
        (state.closed, state.sealing) = (true, None);
        if let Some(store) = &self.store {
            store.close();
        }
    }

    /// The present reading and the time. A clock that was set back costs all that was held.
    fn time(&self) -> (Now, u64) {
        let now = self.clock.now();
        let state = &mut *self.state.borrow_mut();
        let time = state.time.read(now).unwrap_or_else(|| {
            state.memory.clear();
            state.removals += 1;
            if self.store.is_some() {
                state.stats.degraded.get_or_insert_with(|| "the clock was set back".to_owned());
            }
            now.wall
        });
        (now, time)
    }
}

impl<S, C> fmt::Debug for KeyCache<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCache(..)")
    }
}

const PREFIX: &str = "k.";

/// The id under which a store keeps the entry of this key.
fn row(id: &KeyId) -> String {
    let mut row = PREFIX.to_owned();
    row.push_str(&base64url(&id.0));
    row
}
