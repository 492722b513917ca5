//! Takes SQLite's write-ahead log into the file, beside those who read and write: <https://www.sqlite.org/wal.html>, section 2.2.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{
    super::sqlite::Sqlite,
    changes::{Brief, Changes},
    file::Jobs,
    queue::Queue,
};

/// So many more pages of the log are due.
const DUE: u64 = 2_000;
/// A log of so many pages begins anew: for that, nobody may read from it for a moment.
const LONG: u64 = 16_000;
/// And where somebody always does, one waits for those who do now. That is 256 MiB.
const TOO_LONG: u64 = 64_000;

/// When the log's pages are due.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// From so many on.
    from: AtomicU64,
    asked: Queue<()>,
}

impl Checkpoints {
    pub(super) const fn new() -> Self {
        Self { from: AtomicU64::new(DUE), asked: Queue::new(1) }
    }

    /// After a commit: the log has so many pages.
    fn look(&self, pages: u64) {
        if pages >= self.from.load(Ordering::Relaxed) {
            // What is refused was asked already.
            self.asked.push(()).ok();
        }
    }

    /// Takes in what is due until it is closed. Nobody waits for that.
    pub(super) fn work(&self, file: &Sqlite) {
        while self.asked.next().is_some() {
            match file.take_log() {
                Ok(pages) => self.from.store(pages + DUE, Ordering::Relaxed),
                // The next commit asks again.
                Err(error) => tracing::warn!(error = error.0, "the log stays as long as it is"),
            }
        }
    }
}

/// Of the one that writes: it alone lets the log begin anew, between two transactions, and so needs not wait for itself.
pub(super) struct Restarts<'c> {
    changes: &'c Changes,
    reads: &'c Jobs,
    /// While the log is long and somebody reads from it.
    brief: Option<Brief<'c>>,
}

impl<'c> Restarts<'c> {
    pub(super) const fn new(changes: &'c Changes, reads: &'c Jobs) -> Self {
        Self { changes, reads, brief: None }
    }

    /// After a commit, when all have their answers.
    pub(super) fn look(&mut self, writer: &Sqlite, checkpoints: &Checkpoints) {
        let pages = writer.log_pages();
        checkpoints.look(pages);
        if pages < LONG {
            self.brief = None;
        } else if self.brief.is_none() {
            // Whoever stays at a moment leaves it meanwhile.
            self.brief = Some(self.changes.brief(self.reads));
        } else if writer.restart_log(pages >= TOO_LONG).unwrap_or(false) {
            self.brief = None;
            checkpoints.from.store(DUE, Ordering::Relaxed);
        }
    }
}

/// Closes it when all others have ended, however that was.
#[derive(Debug)]
pub(super) struct Closing(pub(super) Arc<Checkpoints>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.asked.close();
    }
}
