//! Takes SQLite's write-ahead log into the file beside those who read and write: <https://www.sqlite.org/wal.html>, section 2.2.

use std::{
    fs::File,
    process::abort,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

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
    /// So many pages of the log are in the file, and on the disk. Where the log began anew meanwhile it may be too many, for one turn: then the one that writes takes in
    /// more himself.
    taken: AtomicU64,
}

impl Checkpoints {
    pub(super) const fn new() -> Self {
        Self { asked: Queue::new(1), taken: AtomicU64::new(0) }
    }

    /// Takes in what is due until it is closed. Nobody waits for that.
    pub(super) fn work(&self, log: &Sqlite, file: &File) {
        while self.asked.next().is_some() {
            match log.takes_log() {
                Ok(taken) => {
                    sync(file);
                    self.taken.store(taken, Ordering::Relaxed);
                }
                // It is asked again when the log has grown.
                Err(error) => tracing::warn!(error = error.0, "the log stays as long as it is"),
            }
        }
    }
}

/// SQLite waits for the disk only where it took in all: then that would be left to the one that writes. Pages that SQLite holds to be in the file and that the disk
/// refused would be lost with the log: the next start takes them from it again.
fn sync(file: &File) {
    if let Err(error) = file.sync_data() {
        tracing::error!(%error, "the disk fails: the server ends, and finds what was committed in its log at the next start");
        abort();
    }
}

/// Of the one that writes: the log begins anew between two of his transactions.
#[derive(Debug)]
pub(super) struct Restarts {
    checkpoints: Arc<Checkpoints>,
    /// Pages of the log, after the last commit.
    pages: u64,
    /// From so many on, the next are asked for.
    due: u64,
    /// From so many on, it may begin anew.
    long: u64,
    /// From so many on, whoever reads is waited for.
    too_long: u64,
}

impl Restarts {
    pub(super) const fn new(checkpoints: Arc<Checkpoints>) -> Self {
        Self { checkpoints, pages: 0, due: DUE, long: LONG, too_long: TOO_LONG }
    }

    fn begin_anew(&mut self) {
        self.checkpoints.taken.store(0, Ordering::Relaxed);
        (self.pages, self.due, self.long, self.too_long) = (0, DUE, LONG, TOO_LONG);
    }

    /// After a commit, when all have their answers.
    pub(super) fn look(&mut self, writer: &Sqlite) {
        let pages = writer.log_pages();
        if pages < self.pages {
            self.begin_anew();
        }
        self.pages = pages;
        let left = pages.saturating_sub(self.checkpoints.taken.load(Ordering::Relaxed));
        let must = pages >= self.too_long;
        if must || (pages >= self.long && left <= FEW) {
            if writer.restarts_log(must) {
                return self.begin_anew();
            }
            (self.due, self.long) = (pages + FEW, pages + FEW);
            // Whoever reads for long, as a backup does, isn't waited for each time.
            if must {
                self.too_long = pages + pages / 4;
            }
        } else if pages >= self.due {
            // One who is asked already does all there is.
            self.checkpoints.asked.push(()).ok();
            self.due = pages + if pages >= self.long { FEW } else { DUE };
        }
    }
}

/// However it was that he ended who writes.
impl Drop for Restarts {
    fn drop(&mut self) {
        self.checkpoints.asked.close();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{fs, path::PathBuf};

    use super::*;
    use crate::store::connection::{Connection as _, Value};

    struct Scene {
        folder: PathBuf,
        writer: Sqlite,
        log: Sqlite,
        restarts: Restarts,
        commits: u8,
    }

    impl Scene {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("wardkey-{name}-{}", std::process::id()));
            fs::create_dir(&folder).unwrap();
            let mut writer = Sqlite::writer(&folder.join("file")).unwrap();
            writer.batch("PRAGMA synchronous = OFF; CREATE TABLE one (a); INSERT INTO one VALUES (0)").unwrap();
            let log = writer.leaves_log(&folder.join("file")).unwrap();
            Self { folder, writer, log, restarts: Restarts::new(Arc::new(Checkpoints::new())), commits: 0 }
        }

        /// A commit of some 500 pages; whether the taking in was asked for.
        fn commit(&mut self) -> bool {
            // SQLite writes no page that stays the same.
            self.commits = self.commits.wrapping_add(1);
            self.writer.run("UPDATE one SET a = ?1", &[Value::Bytes(vec![self.commits; 2 << 20])]).unwrap();
            self.restarts.look(&self.writer);
            self.restarts.checkpoints.asked.next_if_any().is_some()
        }

        fn take(&self) {
            self.restarts.checkpoints.taken.store(self.log.takes_log().unwrap(), Ordering::Relaxed);
        }

        /// As it grows to so many pages, while what is asked for is done.
        fn begins_anew_before(&mut self, most: u64) -> bool {
            loop {
                let pages = self.writer.log_pages();
                if self.commit() {
                    self.take();
                }
                if self.writer.log_pages() < pages || pages >= most {
                    return pages < most;
                }
            }
        }
    }

    impl Drop for Scene {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.folder).ok();
        }
    }

    /// The other connection is asked as the log grows, and it begins anew when little is left to take in.
    #[test]
    fn a_log_begins_anew() {
        let mut scene = Scene::new("anew");
        let mut asked = 0;
        while scene.writer.log_pages() < LONG - FEW {
            asked += u64::from(scene.commit());
        }
        assert_eq!(asked, LONG / DUE - 1);
        scene.take();
        assert!(scene.begins_anew_before(LONG + 4 * FEW));
    }

    /// While somebody reads it goes on growing, and nobody waits for him each time; when he has gone, it soon begins anew.
    #[test]
    fn a_log_that_is_read_grows() {
        let mut scene = Scene::new("read");
        let mut reader = Sqlite::reader(&scene.folder.join("file")).unwrap();
        reader.step("BEGIN").unwrap();
        reader.rows("SELECT length(a) FROM one", &[]).unwrap();
        assert!(!scene.begins_anew_before(TOO_LONG + 2 * FEW));
        assert!(scene.restarts.too_long > TOO_LONG + TOO_LONG / 5, "he was waited for once");
        reader.roll_back();
        let pages = scene.writer.log_pages();
        assert!(scene.begins_anew_before(pages + 4 * FEW));
    }
}
