//! Work that waits for a thread, so much at most.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use wardkey_rules::{ApiError, StoreError};

/// First in, first out.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    most: usize,
    waiting: Mutex<Waiting<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<T>,
    is_closed: bool,
}

/// Why something wasn't taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// So much waits already.
    Full,
    /// Nothing is done any more.
    Closed,
}

/// After so long who was refused asks again.
const AGAIN_MS: u64 = 1_000;

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::throttled("too much is asked at once", AGAIN_MS),
            Refused::Closed => StoreError("the server stops".to_owned()).into(),
        }
    }
}

impl<T> Queue<T> {
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            most,
            waiting: Mutex::new(Waiting { items: VecDeque::new(), is_closed: false }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        // Nothing panics while it holds the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes it in, or gives it back.
    pub(crate) fn push(&self, item: T) -> Result<(), (T, Refused)> {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return Err((item, Refused::Closed));
        }
        if waiting.items.len() >= self.most {
            return Err((item, Refused::Full));
        }
        waiting.items.push_back(item);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// The next one, as soon as there is one; nothing: closed, and all is done.
    pub(crate) fn next(&self) -> Option<T> {
        let mut waiting = self.lock();
        loop {
            if let Some(item) = waiting.items.pop_front() {
                return Some(item);
            }
            if waiting.is_closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until [`Self::next`] has an answer; false: it has none yet, and it is time for something else.
    pub(crate) fn is_ready_by(&self, due: Instant) -> bool {
        let mut waiting = self.lock();
        while waiting.items.is_empty() && !waiting.is_closed {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            waiting = self.changed.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// The next one, if there is one now.
    pub(crate) fn next_if_any(&self) -> Option<T> {
        self.lock().items.pop_front()
    }

    /// Takes nothing in any more. What waits is still done.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }
}
