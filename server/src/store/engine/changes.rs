//! What was changed of that which others read: so that what was read is known to be the newest still, and nobody looks again at what is the same.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::queue::Queue;

/// How often something was changed.
#[derive(Debug, Default)]
struct Count {
    /// With the changes of the transaction that isn't kept yet.
    made: AtomicU64,
    kept: AtomicU64,
}

impl Count {
    fn add(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    fn keep(&self) {
        self.kept.store(self.made.load(Ordering::Relaxed), Ordering::Release);
    }

    fn kept(&self) -> u64 {
        self.kept.load(Ordering::Acquire)
    }
}

/// What a transaction leaves for those who read apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leaves {
    /// Nothing but rows of the journal, which they aren't given.
    Journal,
    /// What is the same whether it was asked before or after another request's read: a new session, a user's own state.
    New,
    /// What others may have read.
    Other,
}

/// Counted by the one that writes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Of what others may have read.
    other: Count,
    /// Of anything that they are given.
    any: Count,
    /// How many want that nobody stays at a moment longer than for one job.
    brief: AtomicUsize,
}

/// What can be read, at least: how often it was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    other: u64,
    any: u64,
}

impl Changes {
    /// Before the first word to the store: what one reads then is at least as new.
    pub(crate) fn seen(&self) -> Seen {
        // The wider count last: what it says is the same was the same for the other one, too.
        let other = self.other.kept();
        Seen { other, any: self.any.kept() }
    }

    /// Within the transaction that writes: is what others may have read still as it was then?
    pub(crate) fn are(&self, seen: Seen) -> bool {
        self.other.made.load(Ordering::Relaxed) == seen.other
    }

    /// Would one who looks again be given the same?
    pub(crate) fn is_newest(&self, seen: Seen) -> bool {
        self.brief.load(Ordering::Acquire) == 0 && self.any.kept() == seen.any
    }

    /// While this is kept, nobody stays at a moment that he sees, of those who wait for these.
    pub(crate) fn brief<T>(&self, reads: &Queue<T>) -> Brief<'_> {
        self.brief.fetch_add(1, Ordering::Release);
        reads.wake();
        Brief(self)
    }

    /// There is one more.
    pub(crate) fn add(&self, leaves: Leaves) {
        if leaves >= Leaves::New {
            self.any.add();
        }
        if leaves >= Leaves::Other {
            self.other.add();
        }
    }

    /// After the transaction: what was made can be read. If it was rolled back, nothing was changed but the count.
    pub(crate) fn keep(&self) {
        self.other.keep();
        self.any.keep();
    }
}

/// See [`Changes::brief`].
#[derive(Debug)]
pub(crate) struct Brief<'c>(&'c Changes);

impl Drop for Brief<'_> {
    fn drop(&mut self) {
        self.0.brief.fetch_sub(1, Ordering::Release);
    }
}
