//! How long a key is used, and how many are held.

use super::entry::Term;

/// How long, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For so many milliseconds after it was fetched a key is used; 0: nothing is cached.
    pub ttl: u64,
    /// At most so many keys are held.
    pub entries: usize,
}

impl Default for Limits {
    /// 12 hours, 10,000 keys.
    fn default() -> Self {
        Self { ttl: 12 * 60 * 60 * 1000, entries: 10_000 }
    }
}

impl Limits {
    /// This term has not ended: neither as it was when the key was fetched, nor by the present time to live.
    pub(super) const fn allow(&self, term: &Term, time: u64) -> bool {
        time < term.end && time < term.fetched.saturating_add(self.ttl)
    }
}
