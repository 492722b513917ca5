//! SQLite: one connection writes, others read. What was answered is on the disk.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::task::spawn_blocking;

use crate::refused::{Outcome, Refused};

const PATIENCE: Duration = Duration::from_secs(10);
/// Connections for reading that are kept.
const READERS: usize = 8;

/// Of the tables below.
const VERSION: i64 = 2;

/// Times are milliseconds since 1970. `demo_password`: she was registered by the seeding, with the demo's password, and has it still. `change` numbers what happens to transfers, one after the other.
const TABLES: &str = "
CREATE TABLE facility (id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, city TEXT NOT NULL, contact TEXT, group_id TEXT, invitation BLOB) STRICT;
CREATE TABLE staff (user_id TEXT PRIMARY KEY, facility_id TEXT NOT NULL REFERENCES facility, name TEXT NOT NULL, role TEXT NOT NULL, admin INTEGER NOT NULL,
  invitation BLOB, invited_until INTEGER, secret BLOB, demo_password INTEGER NOT NULL, removed INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX staff_facility ON staff (facility_id);
CREATE TABLE login (token BLOB PRIMARY KEY, user_id TEXT NOT NULL REFERENCES staff, ends INTEGER NOT NULL) STRICT;
CREATE INDEX login_user ON login (user_id);
CREATE TABLE share (user_id TEXT PRIMARY KEY REFERENCES staff, share BLOB NOT NULL) STRICT;
CREATE TABLE recovery (id BLOB PRIMARY KEY, user_id TEXT NOT NULL REFERENCES staff, token BLOB NOT NULL UNIQUE, ends INTEGER NOT NULL, share BLOB, secret BLOB) STRICT;
CREATE TABLE transfer (id TEXT PRIMARY KEY, session_id TEXT NOT NULL UNIQUE, from_facility TEXT NOT NULL REFERENCES facility, to_facility TEXT NOT NULL REFERENCES facility,
  created_by TEXT NOT NULL REFERENCES staff, created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, state TEXT NOT NULL, sealed BLOB NOT NULL, change INTEGER NOT NULL UNIQUE) STRICT;
CREATE INDEX transfer_from ON transfer (from_facility, change);
CREATE INDEX transfer_to ON transfer (to_facility, change);
CREATE TABLE message (place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, transfer_id TEXT NOT NULL REFERENCES transfer, by_user TEXT NOT NULL REFERENCES staff,
  at INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT;
CREATE INDEX message_transfer ON message (transfer_id, place);
CREATE TABLE file (id TEXT PRIMARY KEY, made_by TEXT NOT NULL REFERENCES staff, made_at INTEGER NOT NULL, size INTEGER NOT NULL, complete INTEGER NOT NULL DEFAULT 0,
  transfer_id TEXT REFERENCES transfer) STRICT;
CREATE INDEX file_transfer ON file (transfer_id);
CREATE INDEX file_maker ON file (made_by);
CREATE TABLE address_book (facility_id TEXT NOT NULL REFERENCES facility, entry INTEGER NOT NULL, by_user TEXT NOT NULL REFERENCES staff, at INTEGER NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (facility_id, entry)) STRICT;
CREATE TABLE part (file_id TEXT NOT NULL REFERENCES file ON DELETE CASCADE, part INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (file_id, part)) STRICT;
";

/// All that the application keeps.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    file: PathBuf,
    writer: Arc<Mutex<Connection>>,
    readers: Arc<Mutex<Vec<Connection>>>,
}

impl Store {
    /// Opens the database in this folder, and makes it where there is none.
    ///
    /// # Errors
    /// In one line, what is wrong.
    pub(crate) fn open(folder: &Path) -> Result<Self, String> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let file = folder.join("demo.db");
        let writer = writer(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let version: i64 = writer
            .query_row("PRAGMA user_version", (), |row| row.get(0))
            .map_err(|error| format!("{}: {error}", file.display()))?;
        match version {
            VERSION => {}
            0 => writer
                .execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT"))
                .map_err(|error| format!("{}: {error}", file.display()))?,
            other => {
                return Err(format!("{}: its tables are of version {other}: start over with --reset", file.display()));
            }
        }
        Ok(Self { file, writer: Arc::new(Mutex::new(writer)), readers: Arc::default() })
    }

    /// Does this in one transaction: kept whole, or not at all where it is refused.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let writer = Arc::clone(&self.writer);
        let done = spawn_blocking(move || {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        });
        done.await.map_err(|error| Refused::failed(&error))?
    }

    /// Reads, all from one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let store = self.clone();
        let done = spawn_blocking(move || {
            let kept = store.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut reader = kept.map_or_else(|| reader(&store.file), Ok)?;
            let done = work(&reader.transaction()?);
            let mut readers = store.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.len() < READERS {
                readers.push(reader);
            }
            done
        });
        done.await.map_err(|error| Refused::failed(&error))?
    }
}

fn writer(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = FAST; PRAGMA journal_size_limit = 67108864",
    )?;
    Ok(connection)
}

/// A connection that only reads; of this database, or of the key server's.
pub(crate) fn reader(file: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}
