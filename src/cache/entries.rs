//! The policy of a cache over its store: what is used and for how long, and what remains when the store fails.

use core::cell::RefCell;

use rand_core::TryCryptoRng;

use super::{
    clock::{Clock, Now, Time},
    entry::{Id, Item, Term},
    limits::Limits,
    memory::{MemoryStore, Value},
    owner::Owner,
    sealing::{CacheKey, RESERVED, Sealing},
    store::{KeyStore, StoreError},
};
use crate::{
    error::{Code, Error, Result},
    random::Random,
    secret::Secret,
};

const CLOSED: Error = Error::new(&(Code::InvalidArgument, "the cache is closed"));

/// What was sealed and isn't kept yet.
#[derive(Debug)]
pub(crate) struct Sealed {
    id: Id,
    term: Term,
    item: Item,
    entry: Option<Vec<u8>>,
}

/// Entries by what they are of, in memory and in a store.
pub(crate) struct Entries<S> {
    owner: Owner,
    limits: Limits,
    store: Option<S>,
    /// Besides keys, also what a client keeps.
    of_client: bool,
    state: RefCell<State>,
}

struct State {
    memory: MemoryStore,
    time: Time,
    sealing: Option<Sealing>,
    degraded: Option<String>,
    /// Counts removals: what was read from the store before one may be what was removed.
    removals: u64,
    /// The wall clock was set back, and nobody was told yet.
    set_back: bool,
    closed: bool,
}

impl<S: KeyStore> Entries<S> {
    /// A client's, which come into a store under this key, or, without a store, are in memory alone.
    pub(crate) fn of_client(
        store: Option<S>,
        key: Secret<32>,
        owner: Owner,
        limits: Limits,
        clock: &dyn Clock,
    ) -> Self {
        let sealing = Sealing { key: CacheKey::new(key), wrapped: None, new: false };
        Self::new(store, Some(sealing), owner, limits, true, clock.now())
    }

    /// Are they sealed under this key?
    pub(crate) fn is_under(&self, key: &Secret<32>) -> bool {
        self.state.borrow().sealing.as_ref().is_some_and(|sealing| sealing.key.secret == *key)
    }

    pub(super) fn new(
        store: Option<S>,
        sealing: Option<Sealing>,
        owner: Owner,
        limits: Limits,
        of_client: bool,
        now: Now,
    ) -> Self {
        let state = State {
            memory: MemoryStore::new(limits.entries),
            time: Time::starting(now),
            sealing,
            degraded: None,
            removals: 0,
            set_back: false,
            closed: false,
        };
        Self { owner, limits, store, of_client, state: RefCell::new(state) }
    }

    /// What memory holds of this. An entry that has expired or doesn't open is dropped.
    pub(crate) fn held(&self, id: &Id, clock: &dyn Clock) -> Option<(Item, Term)> {
        let (_, time) = self.time(clock);
        let State { memory, sealing, .. } = &mut *self.state.borrow_mut();
        let (term, value) = memory.get(id)?;
        let item = match value {
            _ if !self.limits.allow(&term, time) => None,
            Value::Open(item) => return Some((item, term)),
            Value::Sealed(entry) => {
                sealing.as_ref().and_then(|it| term.open(&it.key.expander, &self.owner, id, &entry))
            }
        };
        match &item {
            // Opened once for all uses.
            Some(item @ Item::Key(_)) => memory.open(id, item),
            Some(Item::Payload(_)) => {}
            None => memory.remove(id),
        }
        item.map(|item| (item, term))
    }

    /// Do these times still allow a use?
    pub(crate) fn allows(&self, term: &Term, clock: &dyn Clock) -> bool {
        let (now, time) = self.time(clock);
        self.limits.allow(term, time) && !now.is_before(term.fetched)
    }

    /// For each of these what the store has of it, which memory holds from then on.
    pub(super) async fn fetch(&self, ids: &[Id], clock: &dyn Clock) -> Vec<Option<Item>> {
        let Some(store) = self.store().filter(|_| !ids.is_empty()) else { return Vec::new() };
        let before = self.state.borrow().removals;
        let rows: Vec<String> = ids.iter().map(Id::row).collect();
        let entries = match store.get_many(&rows).await {
            Ok(entries) => entries,
            Err(error) => {
                self.degrade(error);
                return Vec::new();
            }
        };
        let (now, time) = self.time(clock);
        if self.state.borrow().removals != before {
            return Vec::new();
        }
        let mut items = Vec::new();
        for (id, entry) in ids.iter().zip(entries) {
            let entry = entry.unwrap_or_default();
            let term = Term::of(&entry).filter(|term| !now.is_before(term.fetched));
            items.push(term.and_then(|term| {
                self.state.borrow_mut().memory.insert(*id, term, Value::Sealed(entry.into()));
                self.held(id, clock).map(|(item, _)| item)
            }));
        }
        self.state.borrow_mut().memory.tidy(&|term| self.limits.allow(term, time));
        items
    }

    /// The term of what is fetched now.
    pub(crate) fn term(&self, clock: &dyn Clock) -> Term {
        let (now, _) = self.time(clock);
        Term { fetched: now.wall, end: now.wall.saturating_add(self.limits.ttl) }
    }

    /// Seals for [`Self::save`].
    ///
    /// # Errors
    /// `invalid-argument` after [`Self::close`], `rng`.
    pub(crate) fn seal<R: TryCryptoRng>(&self, rng: &mut Random<R>, id: Id, term: Term, item: Item) -> Result<Sealed> {
        let state = self.state.borrow();
        if state.closed {
            return Err(CLOSED);
        }
        let kept = self.store.is_some() && state.degraded.is_none() && term.fetched < term.end;
        let sealing = state.sealing.as_ref().filter(|_| kept);
        let entry = sealing.map(|it| term.seal(&it.key.expander, &self.owner, rng, &id, &item)).transpose()?;
        Ok(Sealed { id, term, item, entry })
    }

    /// Keeps what was sealed, in one step where the store can.
    pub(crate) async fn save(&self, fresh: Vec<Sealed>, clock: &dyn Clock) {
        let (now, time) = self.time(clock);
        let (mut rows, mut ids, mut useless) = (Vec::new(), Vec::new(), Vec::new());
        {
            let State { memory, sealing, closed, .. } = &mut *self.state.borrow_mut();
            if *closed || self.limits.ttl == 0 {
                return;
            }
            // Not what was sealed before the clock was set back.
            for Sealed { id, term, item, entry } in fresh.into_iter().filter(|it| !now.is_before(it.term.fetched)) {
                if let Some(entry) = entry {
                    rows.push((id.row(), entry));
                }
                if id != Id::Feed {
                    memory.insert(id, term, Value::Open(item));
                    ids.push(id);
                }
            }
            useless.extend(memory.tidy(&|term| self.limits.allow(term, time)).iter().map(Id::row));
            if !rows.is_empty()
                && let Some(wrapped) = sealing.as_ref().and_then(|sealing| sealing.wrapped.as_ref())
            {
                rows.push((RESERVED.to_owned(), wrapped.clone()));
            }
        }
        if let Some(store) = self.store().filter(|_| !rows.is_empty())
            && let Err(error) = store.set_many(&rows).await
        {
            self.degrade(error);
        }
        // Whatever went while it was being kept goes again.
        for id in &ids {
            if !self.state.borrow().memory.contains(id) {
                useless.push(id.row());
            }
        }
        self.delete_rows(&useless).await;
    }

    /// Deletes these, here and in the store.
    pub(crate) async fn delete(&self, ids: &[Id]) {
        self.forget(ids);
        let rows: Vec<String> = ids.iter().map(Id::row).collect();
        self.delete_rows(&rows).await;
        if self.state.borrow().degraded.is_some() {
            self.empty_store().await;
        }
    }

    /// Deletes everything, here and in the store.
    pub(crate) async fn clear(&self) {
        self.forget_all();
        self.empty_store().await;
    }

    /// Drops these from memory.
    pub(crate) fn forget(&self, ids: &[Id]) {
        let state = &mut *self.state.borrow_mut();
        state.removals += 1;
        for id in ids {
            state.memory.remove(id);
        }
    }

    /// Drops from memory what was fetched before.
    pub(crate) fn forget_before(&self, time: u64) {
        let state = &mut *self.state.borrow_mut();
        state.removals += 1;
        state.memory.tidy(&|term| term.fetched >= time);
    }

    /// Drops everything from memory.
    pub(crate) fn forget_all(&self) {
        let state = &mut *self.state.borrow_mut();
        state.removals += 1;
        state.memory.clear();
    }

    /// How many keys could be given now.
    pub(crate) fn keys(&self, clock: &dyn Clock) -> usize {
        let (_, time) = self.time(clock);
        let memory = &mut self.state.borrow_mut().memory;
        memory.tidy(&|term| self.limits.allow(term, time));
        memory.keys()
    }

    /// Is there an entry of this?
    pub(crate) fn has(&self, id: &Id) -> bool {
        self.state.borrow().memory.contains(id)
    }

    /// Of which groups there are logs.
    pub(crate) fn groups(&self) -> Vec<Id> {
        self.state.borrow().memory.ids().filter(|id| matches!(id, Id::Group(_))).copied().collect()
    }

    /// Of whom there are bundles.
    pub(crate) fn bundles(&self) -> Vec<Id> {
        self.state.borrow().memory.ids().filter(|id| matches!(id, Id::Bundle(_))).copied().collect()
    }

    /// How often others emptied the store while it was used.
    pub(crate) fn wipes(&self) -> u32 {
        self.store.as_ref().map_or(0, KeyStore::wipes)
    }

    /// Did others since the last call of this?
    pub(crate) fn was_wiped(&self) -> bool {
        self.store.as_ref().is_some_and(KeyStore::was_wiped)
    }

    /// Why the store isn't used any more.
    pub(crate) fn degraded(&self) -> Option<String> {
        self.state.borrow().degraded.clone()
    }

    /// Drops everything from memory, and the cache key. The store keeps what it has.
    pub(crate) fn close(&self) {
        self.forget_all();
        let state = &mut *self.state.borrow_mut();
        (state.closed, state.sealing) = (true, None);
        if let Some(store) = &self.store {
            store.close();
        }
    }

    /// Does memory hold nothing?
    pub(crate) fn is_empty(&self) -> bool {
        self.state.borrow().memory.ids().next().is_none()
    }

    /// The present reading and the time. A clock that was set back costs all that was held.
    fn time(&self, clock: &dyn Clock) -> (Now, u64) {
        let now = clock.now();
        let state = &mut *self.state.borrow_mut();
        let time = state.time.read(now).unwrap_or_else(|| {
            state.memory.clear();
            state.removals += 1;
            state.set_back = true;
            if self.store.is_some() {
                state.degraded.get_or_insert_with(|| "the clock was set back".to_owned());
            }
            now.wall
        });
        (now, time)
    }

    /// Was the wall clock set back since the last call of this?
    pub(crate) fn was_set_back(&self, clock: &dyn Clock) -> bool {
        self.time(clock);
        core::mem::take(&mut self.state.borrow_mut().set_back)
    }

    /// Reads the store in, and deletes from it what is of no use any more. Gives up to where the feed was read.
    pub(crate) async fn load(&self, clock: &dyn Clock) -> Option<Item> {
        let store = self.store()?;
        let mut feed = None;
        match store.all().await {
            Ok(entries) => {
                let useless = self.take_in(entries, &mut feed, clock);
                self.delete_rows(&useless).await;
            }
            Err(error) => self.degrade(error),
        }
        // A wipe before this page is noted now.
        store.wipes();
        feed
    }

    /// Holds what can be of use, and gives the ids of all else.
    fn take_in(&self, entries: Vec<(String, Vec<u8>)>, feed: &mut Option<Item>, clock: &dyn Clock) -> Vec<String> {
        let (now, time) = self.time(clock);
        let State { memory, sealing, .. } = &mut *self.state.borrow_mut();
        let Some(sealing) = sealing else { return Vec::new() };
        let (mut useless, mut set_back) = (Vec::new(), false);
        for (row, entry) in entries {
            if !self.owns(&row) {
                continue;
            }
            match Id::of(&row).and_then(|id| Some((id, Term::of(&entry)?))) {
                Some((id, term)) if now.is_before(term.fetched) => {
                    // It opens: not a byte that fell over, but a clock that was set back, and all else may be older than it says.
                    set_back = set_back || term.open(&sealing.key.expander, &self.owner, &id, &entry).is_some();
                    useless.push(row);
                }
                Some((id @ Id::Feed, term)) if self.limits.allow(&term, time) => {
                    *feed = term.open(&sealing.key.expander, &self.owner, &id, &entry);
                }
                Some((id, term)) if !sealing.new && id != Id::Feed => memory.take_in(id, term, entry),
                _ => useless.push(row),
            }
        }
        if set_back {
            *feed = None;
        }
        let gone = memory.tidy(&|term| !set_back && self.limits.allow(term, time));
        useless.extend(gone.iter().map(Id::row));
        useless
    }

    /// Is what has this form of name this cache's to delete?
    fn owns(&self, row: &str) -> bool {
        let prefixes: &[&str] = if self.of_client { &["k.", "s.", "g.", "b.", "x.", "feed"] } else { &["k."] };
        prefixes.iter().any(|prefix| row.starts_with(prefix))
    }

    /// The store, as long as it can be used.
    fn store(&self) -> Option<&S> {
        let state = self.state.borrow();
        self.store.as_ref().filter(|_| state.degraded.is_none() && !state.closed)
    }

    /// Leaves the store alone from now on.
    pub(super) fn degrade(&self, error: StoreError) {
        self.state.borrow_mut().degraded.get_or_insert(error.0);
    }

    /// Deletes these rows.
    async fn delete_rows(&self, rows: &[String]) {
        if let Some(store) = self.store().filter(|_| !rows.is_empty())
            && let Err(error) = store.delete_many(rows).await
        {
            self.degrade(error);
        }
    }

    /// Empties the store. One that failed is asked too: what was deleted must not come back from it.
    async fn empty_store(&self) {
        let closed = self.state.borrow().closed;
        if let Some(store) = self.store.as_ref().filter(|_| !closed)
            && let Err(error) = store.clear().await
        {
            self.degrade(error);
        }
    }
}
