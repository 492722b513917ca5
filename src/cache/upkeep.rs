//! What a cache does with its store besides reading and writing: taking it in, tidying it, leaving it alone.

use super::{Clock, KeyCache, KeyStore, PREFIX, State, StoreError, entry::Term, row};

impl<S: KeyStore, C: Clock> KeyCache<S, C> {
    /// Reads the store in, and deletes from it what is of no use any more.
    pub(super) async fn load(&self, store: &S) {
        match store.all().await {
            Ok(entries) => self.delete_rows(&self.take_in(entries)).await,
            Err(error) => self.degrade(error),
        }
        // A wipe before this page is noted now.
        store.wipes();
    }

    /// Holds what can be of use, and gives the ids of all else.
    fn take_in(&self, entries: Vec<(String, Vec<u8>)>) -> Vec<String> {
        let (now, time) = self.time();
        let State { memory, sealing, .. } = &mut *self.state.borrow_mut();
        let Some(sealing) = sealing else { return Vec::new() };
        let (mut useless, mut set_back) = (Vec::new(), false);
        for (id, entry) in entries {
            if !id.starts_with(PREFIX) {
                continue;
            }
            match Term::of(&entry).filter(|term| row(&term.key_id) == id) {
                Some(term) if now.is_before(term.fetched) => {
                    // It opens: not a byte that fell over, but a clock that was set back, and all else may be older than it says.
                    set_back = set_back || term.open(&sealing.key, &self.owner, &entry).is_some();
                    useless.push(id);
                }
                Some(term) if !sealing.new => memory.take_in(term, entry),
                _ => useless.push(id),
            }
        }
        let gone = memory.tidy(&|term| !set_back && self.limits.allow(term, time));
        useless.extend(gone.iter().map(row));
        useless
    }

    /// The store, as long as it can be used.
    pub(super) fn store(&self) -> Option<&S> {
        let state = self.state.borrow();
        self.store.as_ref().filter(|_| state.stats.degraded.is_none() && !state.closed)
    }

    /// Leaves the store alone from now on.
    pub(super) fn degrade(&self, error: StoreError) {
        self.state.borrow_mut().stats.degraded.get_or_insert(error.0);
    }

    /// Deletes these rows.
    pub(super) async fn delete_rows(&self, rows: &[String]) {
        if let Some(store) = self.store().filter(|_| !rows.is_empty())
            && let Err(error) = store.delete_many(rows).await
        {
            self.degrade(error);
        }
    }

    /// Empties the store. One that failed is asked too: what was deleted must not come back from it.
    pub(super) async fn empty_store(&self) {
        let closed = self.state.borrow().closed;
        if let Some(store) = self.store.as_ref().filter(|_| !closed)
            && let Err(error) = store.clear().await
        {
            self.degrade(error);
        }
    }
}
