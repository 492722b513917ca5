//! How often what others read was changed: so that what was read is known to be the newest still.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counted by the one that writes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// With those of the transaction that isn't kept yet.
    made: AtomicU64,
    kept: AtomicU64,
}

impl Changes {
    /// So many can be read, at least.
    pub(crate) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Acquire)
    }

    /// Within the transaction that writes: is it so many still?
    pub(crate) fn are(&self, changes: u64) -> bool {
        self.made.load(Ordering::Relaxed) == changes
    }

    /// There is one more.
    pub(crate) fn add(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// After the transaction: what was made can be read. If it was rolled back, nothing was changed but the count.
    pub(crate) fn keep(&self) {
        self.kept.store(self.made.load(Ordering::Relaxed), Ordering::Release);
    }
}
