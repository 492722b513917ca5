//! What a cache does with its store besides reading and writing: taking it in, tidying it, leaving it alone.

use super::{Clock, KeyCache, KeyStore, PREFIX, State, StoreError, entry::Term, row, sealing::RESERVED};

impl<S: KeyStore, C: Clock> KeyCache<S, C> {
    /// Reads the store in, and deletes from it what is of no use any more.
    pub(super) async fn load(&self) {
        let Some(store) = self.store() else { return };
        let entries = match store.all().await {
            Ok(entries) => entries,
            Err(error) => return self.degrade(error),
        };
        self.state.borrow_mut().stats.wipes = store.wipes();
        let useless = self.take_in(entries);
        self.delete_rows(&useless).await;
    }

    /// Holds what can be of use, and gives the ids of all else.
    pub(super) fn take_in(&self, entries: Vec<(String, Vec<u8>)>) -> Vec<String> {
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
                    // It opens: not a byte that fell over, but a clock.
                    set_back = set_back || term.open(&sealing.key, &self.owner, &entry).is_some();
                    useless.push(id);
                }
                Some(term) if !sealing.new => memory.take_in(term, entry),
                _ => useless.push(id),
            }
        }
        let gone = memory.tidy(|term| !set_back && self.limits.allow(term, time));
        useless.extend(gone.iter().map(row));
        useless
    }

    /// The store, as long as it can be used.
    pub(super) fn store(&self) -> Option<&S> {
        let state = self.state.borrow();
        self.store.as_ref().filter(|_| state.stats.degraded.is_none() && !state.closed && !state.suspect)
    }

    pub(super) fn degrade(&self, error: StoreError) {
        self.state.borrow_mut().stats.degraded.get_or_insert(error.0);
    }

    /// After a clock that was set back, what the store has may be older than it says.
    pub(super) async fn settle(&self) {
        if self.state.borrow().suspect {
            self.clear_store().await;
        }
    }

    /// Deletes these rows. A store that can't is left alone.
    pub(super) async fn delete_rows(&self, rows: &[String]) {
        if let Some(store) = self.store().filter(|_| !rows.is_empty())
            && let Err(error) = store.delete_many(rows).await
        {
            self.degrade(error);
        }
    }

    /// Empties the store, even one that failed before: a key that was deleted must not come back from it.
    pub(super) async fn clear_store(&self) {
        let Some(store) = self.store.as_ref().filter(|_| !self.state.borrow().closed) else { return };
        match store.clear().await {
            Ok(()) => self.restore(store).await,
            Err(error) => self.degrade(error),
        }
        self.state.borrow_mut().suspect = false;
    }

    /// Where others emptied the store, the wrapped cache key is gone too.
    pub(super) async fn mend(&self, store: &S) {
        let wipes = store.wipes();
        let seen = core::mem::replace(&mut self.state.borrow_mut().stats.wipes, wipes);
        if wipes != seen {
            self.restore(store).await;
        }
    }

    /// Puts the wrapped cache key back.
    pub(super) async fn restore(&self, store: &S) {
        let wrapped = self.state.borrow().sealing.as_ref().and_then(|sealing| sealing.wrapped.clone());
        if let Some(wrapped) = wrapped
            && let Err(error) = store.replace(RESERVED, None, &wrapped).await
        {
            self.degrade(error);
        }
    }
}
