//! Takes SQLite's write-ahead log into the file beside those who read and write: <https://www.sqlite.org/wal.html>, section 2.2.

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use wardkey_rules::StoreError;

use super::{super::sqlite::Sqlite, queue::Queue};

/// So many more pages of the log are due.
const DUE: u64 = 4_000;
/// A log of so many pages is to begin anew, as soon as all but a few of them are in the file.
const LONG: u64 = 16_000;
/// The one that writes takes so many in himself, and nobody's answer waits long for that.
const FEW: u64 = 1_000;
/// So long it gets only where there is always somebody who reads from it, or where the disk is too slow: 256 MiB.
const TOO_LONG: u64 = 64_000;

/// What the one that writes, and the one that takes the log in, know of each other.
#[derive(Debug)]
pub(super) struct Checkpoints {
    asked: Queue<()>,
    /// So many pages of the log are in the file.
    taken: AtomicU64,
}

impl Checkpoints {
    pub(super) const fn new() -> Self {
        Self { asked: Queue::new(1), taken: AtomicU64::new(0) }
    }

    /// Takes in what is due until it is closed. Nobody waits for that.
    pub(super) fn work(&self, log: &Sqlite, file: &File) {
        while self.asked.next().is_some() {
            // SQLite waits for the disk only where it took in all: then that would be left to the one that writes.
            let on_disk = |taken| file.sync_data().map(|()| taken).map_err(|error| StoreError(error.to_string()));
            match log.takes_log().and_then(on_disk) {
                Ok(taken) => self.taken.store(taken, Ordering::Relaxed),
                // The next commit asks again.
                Err(error) => tracing::warn!(error = error.0, "the log stays as long as it is"),
            }
        }
    }
}

/// Of the one that writes: the log begins anew between two of his transactions.
#[derive(Debug)]
pub(super) struct Restarts {
    with: Arc<Checkpoints>,
    /// From so many pages of the log on, the next are asked for.
    due: u64,
    /// From so many on, it may begin anew.
    long: u64,
}

impl Restarts {
    pub(super) const fn new(with: Arc<Checkpoints>) -> Self {
        Self { with, due: DUE, long: LONG }
    }

    /// After a commit, when all have their answers.
    pub(super) fn look(&mut self, writer: &Sqlite) {
        let pages = writer.log_pages();
        if pages < DUE {
            // It has begun anew.
            (self.due, self.long) = (DUE, LONG);
            return;
        }
        let is_long = pages >= self.long;
        let is_too_long = pages >= TOO_LONG;
        let left = pages.saturating_sub(self.with.taken.load(Ordering::Relaxed));
        if is_long && (left <= FEW || is_too_long) {
            let begins_anew = writer.restarts_log(is_too_long);
            if begins_anew {
                self.with.taken.store(0, Ordering::Relaxed);
            }
            // Whoever reads for long, as a backup does, isn't waited for with each commit.
            let later = if is_too_long { pages / 4 } else { FEW };
            (self.due, self.long) = if begins_anew { (DUE, LONG) } else { (pages + FEW, pages + later) };
        } else if pages >= self.due {
            // One who is asked already does all there is.
            self.with.asked.push(()).ok();
            self.due = pages + if is_long { FEW } else { DUE };
        }
    }
}

/// However it was that he ended who writes.
impl Drop for Restarts {
    fn drop(&mut self) {
        self.with.asked.close();
    }
}
