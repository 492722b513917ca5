//! The write-ahead log: wiped where something was deleted, taken into the file, and begun anew.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use rusqlite::{Error as SqliteError, OpenFlags, hooks::Wal};
use wardkey_rules::Kept;

use super::{super::connection::Connection as _, PATIENCE, Sqlite, said};

/// How long a commit waits for who reads, to wipe the log. Where that doesn't do, it is tried again, for twice as long each time, up to the last.
const WIPING: Duration = Duration::from_millis(20);
const LAST_WIPING: Duration = Duration::from_millis(160);
/// After so many times what was waited: readers hold up who writes for a tenth of the time at most. (And each time he waits for the other connection, while it takes the log in.)
const AGAIN: u32 = 10;
/// How long one waits for who reads, so that it begins anew; and where it must, or ends.
const RESTARTING: Duration = Duration::from_millis(20);
const ENDING: Duration = Duration::from_secs(1);

/// How long SQLite waits by itself; then it is asked anew. It waits for a read mark that was behind when it began: where the next one who reads has moved that mark to the
/// log's end meanwhile, and others join him before he goes, it would wait for ever for what needn't be waited for.
const AT_ONCE: Duration = Duration::from_millis(20);
const AGAIN_AT_ONCE: Duration = Duration::from_millis(1);

/// What a connection knows of it.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Is there something in it that was deleted, and has to go?
    wiping: Option<Wiping>,
    /// So many pages it had after the last commit.
    pages: Arc<AtomicU64>,
    /// One connection at a time takes it into the file: SQLite would refuse the other.
    turn: Arc<Mutex<()>>,
}

impl Log {
    pub(super) fn is_to_be_wiped(&mut self) {
        self.wiping = Some(Wiping { due: Instant::now(), patience: WIPING });
    }
}

/// The next try to wipe it.
#[derive(Clone, Copy, Debug)]
struct Wiping {
    due: Instant,
    patience: Duration,
}

impl Wiping {
    fn again(self) -> Self {
        Self { due: Instant::now() + self.patience * AGAIN, patience: LAST_WIPING.min(self.patience * 2) }
    }
}

/// How much of it is in the file.
struct Taken {
    /// All of it, and nobody reads from it: of those that wait for that.
    is_all: bool,
    pages: u64,
}

impl Sqlite {
    /// From now on commits leave the log to another connection, which this gives: it calls [`Self::takes_log`].
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn leaves_log(&mut self, path: &Path) -> Kept<Self> {
        let mut taker = Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        taker.batch("PRAGMA synchronous = FULL")?;
        taker.log.turn = Arc::clone(&self.log.turn);
        let pages = Arc::clone(&self.log.pages);
        let look = move |_: &mut Wal, now| {
            pages.store(u64::try_from(now).unwrap_or_default(), Ordering::Relaxed);
            Ok(())
        };
        // In the place of SQLite's own, which takes the log in with a commit.
        self.file.wal_hook(Some(look)).map_err(|error| said(&error))?;
        Ok(taker)
    }

    /// So many the log had after the last commit.
    pub(crate) fn log_pages(&self) -> u64 {
        self.log.pages.load(Ordering::Relaxed)
    }

    /// Takes into the file what nobody reads from the log any more, and waits for nobody; how many pages of the log are there now.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn takes_log(&self) -> Kept<u64> {
        let taken = self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)", Duration::ZERO);
        taken.map(|taken| taken.pages).map_err(|error| said(&error))
    }

    /// Takes all of the log into the file, so that the next commit begins it anew; false: somebody reads from it still. `must`: he is waited for longer.
    pub(crate) fn restarts_log(&self, must: bool) -> bool {
        let patience = if must { ENDING } else { RESTARTING };
        self.checkpoint("PRAGMA wal_checkpoint(RESTART)", patience).is_ok_and(|taken| taken.is_all)
    }

    /// When the log is to be wiped, if it is: whoever doesn't commit before calls [`Self::wipe_if_due`] then.
    pub(crate) fn wipes_at(&self) -> Option<Instant> {
        self.log.wiping.map(|wiping| wiping.due)
    }

    /// Wipes the log, if it is time to: not within a transaction. While somebody reads from it, this is tried again later.
    pub(crate) fn wipe_if_due(&mut self) {
        if let Some(wiping) = self.log.wiping.filter(|wiping| wiping.due <= Instant::now()) {
            self.log.wiping = (!self.empties_log(wiping.patience)).then(|| wiping.again());
        }
    }

    /// Nobody commits any more. What is left to wipe, because somebody reads, goes when he closes the file, or when it is opened the next time.
    ///
    /// SQLite empties the log by itself when the last connection closes, but where two close at once, neither knows that it is the last.
    pub(crate) fn end_log(&self) {
        self.empties_log(ENDING);
    }

    /// Takes the log into the file, where what was deleted is overwritten, and empties it; false: somebody reads from it still. What was committed stays so, whatever
    /// this says.
    fn empties_log(&self, patience: Duration) -> bool {
        self.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)", patience).is_ok_and(|taken| taken.is_all)
    }

    fn checkpoint(&self, sql: &str, patience: Duration) -> rusqlite::Result<Taken> {
        // Nothing panics while it has the turn.
        let _turn = self.log.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        self.file.busy_timeout(patience.min(AT_ONCE))?;
        let taken = loop {
            let taken = self.file.query_row(sql, (), |row| {
                Ok::<_, SqliteError>(Taken {
                    is_all: row.get::<_, i64>(0)? == 0,
                    pages: u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default(),
                })
            });
            if !taken.as_ref().is_ok_and(|taken| !taken.is_all) || begun.elapsed() >= patience {
                break taken;
            }
            // For another process that takes it in, SQLite doesn't wait.
            sleep(AGAIN_AT_ONCE);
        };
        self.file.busy_timeout(PATIENCE)?;
        taken
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{fs, thread};

    use super::*;
    use crate::store::connection::Value;

    /// The log is read without a break, each one beginning before the last has gone; nobody for long.
    #[test]
    fn who_reads_in_turn_holds_nothing_up() {
        let folder = std::env::temp_dir().join(format!("wardkey-turns-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("file");
        let mut writer = Sqlite::writer(&path).unwrap();
        let _taker = writer.leaves_log(&path).unwrap();
        writer.batch("CREATE TABLE one (a); INSERT INTO one VALUES (0)").unwrap();
        let begin = |reader: &mut Sqlite| {
            reader.step("BEGIN").unwrap();
            reader.rows("SELECT a FROM one", &[]).unwrap();
        };
        let (mut one, mut other) = (Sqlite::reader(&path).unwrap(), Sqlite::reader(&path).unwrap());
        begin(&mut one);
        // He who reads is behind.
        writer.run("UPDATE one SET a = ?1", &[Value::Int(1)]).unwrap();
        let is_over = AtomicU64::new(0);
        let begins_anew = thread::scope(|scope| {
            scope.spawn(|| {
                // Until he is waited for.
                sleep(2 * AT_ONCE);
                one.roll_back();
                begin(&mut other);
                while is_over.load(Ordering::Relaxed) == 0 {
                    sleep(AT_ONCE / 4);
                    begin(&mut one);
                    other.roll_back();
                    sleep(AT_ONCE / 4);
                    begin(&mut other);
                    one.roll_back();
                }
            });
            // However busy this machine is.
            let taken = writer.checkpoint("PRAGMA wal_checkpoint(RESTART)", Duration::from_secs(30));
            is_over.store(1, Ordering::Relaxed);
            taken.unwrap().is_all
        });
        assert!(begins_anew);
        fs::remove_dir_all(&folder).unwrap();
    }
}
