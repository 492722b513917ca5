//! The journal's log on a shared database: put together in transactions of their own, so that requests don't meet at its end.

use std::sync::Arc;
use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use wardkey_rules::Server;

/// How long one waits before one looks, though nobody said that there is something: another process may have died.
const LOOK: Duration = Duration::from_secs(5);

/// Wakes the one that does it.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whose log it is, and the time of the newest request.
    last: Option<(Arc<Server>, u64)>,
    is_more: bool,
    is_over: bool,
}

impl Chain {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There may be something.
    pub(crate) fn wake(&self, server: &Arc<Server>, now_ms: u64) {
        let mut state = self.lock();
        if state.last.as_ref().is_none_or(|(known, last)| !Arc::ptr_eq(known, server) || *last < now_ms) {
            state.last = Some((Arc::clone(server), now_ms));
        }
        state.is_more = true;
        drop(state);
        self.changed.notify_one();
    }

    /// Nothing is waited for any more.
    pub(crate) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_one();
    }

    /// Waits until there may be something; nothing: it is over, and nothing is left.
    pub(crate) fn next(&self) -> Option<(Arc<Server>, u64)> {
        let mut state = self.lock();
        loop {
            if let Some((server, now_ms)) = state.last.clone()
                && state.is_more
            {
                state.is_more = false;
                return Some((server, now_ms));
            }
            if state.is_over {
                return None;
            }
            let (after, waited) = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner);
            state = after;
            state.is_more |= waited.timed_out();
        }
    }
}
