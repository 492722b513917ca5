//! SQLite: a file. Write-ahead log, every commit on the disk before it is acknowledged.

mod log;

use core::fmt;
use std::{path::Path, time::Duration};

use rusqlite::{
    Error as SqliteError, ErrorCode, OpenFlags,
    backup::{Backup, StepResult},
    config::DbConfig,
    types::ValueRef,
};
use wardkey_rules::{Kept, StoreError};

use self::log::Log;
use super::{
    connection::{Connection, Each, Value},
    ends::Ends,
    row::Row,
};

/// How long one waits for another process, as one that makes a backup.
const PATIENCE: Duration = Duration::from_secs(10);
/// Statements that stay prepared.
const PREPARED: usize = 256;

/// A connection to a file. One at a time writes; who reads waits for nobody.
pub(crate) struct Sqlite {
    file: rusqlite::Connection,
    log: Log,
    /// Of the one that writes.
    ends: Option<Ends>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sqlite(..)")
    }
}

fn said(error: &SqliteError) -> StoreError {
    StoreError(format!("SQLite: {error}"))
}

impl Sqlite {
    /// Opens a file, which is made where there is none.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn writer(path: &Path) -> Kept<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut store = Self::open(path, flags)?;
        // What was deleted is overwritten: bodies of an escrow are gone when they are gone. The page's size is that of the file's first write.
        // The log's file keeps what it has when it begins anew, up to 96 MiB: what is written over needs no new place on the disk.
        store.batch(
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
             PRAGMA journal_size_limit = 100663296; PRAGMA cache_size = -16384",
        )?;
        // Who had it before may have died on the way.
        store.wipe();
        store.wipe_if_due();
        Ok(store)
    }

    /// Opens a file that is there, to read it.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn reader(path: &Path) -> Kept<Self> {
        // The log's index is written by who reads, too.
        let mut store = Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        // Not mapped into memory: a file that grows is mapped anew each time, and each page faults again.
        store.batch("PRAGMA query_only = ON; PRAGMA cache_size = -16384")?;
        Ok(store)
    }

    /// A new file that nobody else has before it is [`Self::close`]d: without a log.
    pub(crate) fn fresh(path: &Path) -> Kept<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut store = Self::open(path, flags)?;
        store.batch("PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
        Ok(store)
    }

    pub(crate) fn close(self) -> Kept<()> {
        self.file.close().map_err(|(_, error)| said(&error))
    }

    /// Puts what another file holds in the place of all that this one holds, in one transaction: who reads it meanwhile goes on reading what was there before, and who
    /// comes later reads all of the new. False: what is there is a database no more, and takes nothing.
    ///
    /// # Errors
    /// What SQLite says: then all is as it was before.
    pub(crate) fn replace(path: &Path, by: &Path) -> Kept<bool> {
        let mut file = Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?.file;
        let new = Self::open(by, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?.file;
        let durable = file.execute_batch("PRAGMA synchronous = FULL");
        match durable.and_then(|()| Backup::new(&new, &mut file)?.step(-1)) {
            Ok(StepResult::Done) => file.close().map(|()| true).map_err(|(_, error)| said(&error)),
            Ok(_) => Err(StoreError("SQLite: another process writes to the database that is there".to_owned())),
            Err(error) => match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Ok(false),
                _ => Err(said(&error)),
            },
        }
    }

    fn open(path: &Path, flags: OpenFlags) -> Kept<Self> {
        let connection = rusqlite::Connection::open_with_flags(path, flags).map_err(|error| said(&error))?;
        connection.busy_timeout(PATIENCE).map_err(|error| said(&error))?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        // A statement is prepared once, not for each number of its LIMIT.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(|error| said(&error))?;
        Ok(Self { file: connection, log: Log::default(), ends: None })
    }

    /// Runs this in a transaction: kept whole, or not at all where it fails.
    ///
    /// # Errors
    /// Those of `work`; what SQLite says of the commit.
    pub(crate) fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Kept<T>) -> Kept<T> {
        self.step("BEGIN IMMEDIATE")?;
        match work(self) {
            Ok(done) => {
                self.commit()?;
                Ok(done)
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// One of the words that begin and end transactions.
    pub(crate) fn step(&mut self, sql: &'static str) -> Kept<()> {
        let mut statement = self.file.prepare_cached(sql).map_err(|error| said(&error))?;
        statement.execute(()).map(drop).map_err(|error| said(&error))
    }

    /// From now on it knows the journals' ends, and keeps so many of them.
    pub(crate) fn keep_ends(&mut self, most: usize) -> Kept<()> {
        self.ends = Some(Ends::read(self, most)?);
        Ok(())
    }

    /// Begins a part of a transaction, which ends with [`Self::end_part`].
    pub(crate) fn begin_part(&mut self) -> Kept<usize> {
        self.step("SAVEPOINT part")?;
        Ok(self.ends.as_ref().map_or(0, Ends::done))
    }

    /// Keeps it, or takes it back.
    pub(crate) fn end_part(&mut self, begun: usize, keeps: bool) -> Kept<()> {
        if !keeps {
            self.step("ROLLBACK TO part")?;
            if let Some(ends) = &mut self.ends {
                ends.take_back(begun);
            }
        }
        self.step("RELEASE part")
    }

    pub(crate) fn commit(&mut self) -> Kept<()> {
        self.commit_with(Ends::write_due)
    }

    /// Writes the next of the journals' ends that are in memory to their table, where whoever opens the file next finds them; true: all are there.
    ///
    /// # Errors
    /// What SQLite says: then he finds them anew.
    pub(crate) fn puts_ends_away(&mut self) -> Kept<bool> {
        if self.ends.as_ref().is_none_or(Ends::are_written) {
            return Ok(true);
        }
        self.step("BEGIN IMMEDIATE")?;
        self.commit_with(Ends::write_rest)?;
        Ok(false)
    }

    fn commit_with(&mut self, write: fn(&mut Ends, &mut dyn Connection) -> Kept<()>) -> Kept<()> {
        let mut ends = self.ends.take();
        let written = ends.as_mut().map_or(Ok(()), |ends| write(ends, self));
        self.ends = ends;
        let committed = written.and_then(|()| self.step("COMMIT"));
        match (&committed, &mut self.ends) {
            (Err(_), _) => self.roll_back(),
            (Ok(()), Some(ends)) => ends.keep(),
            (Ok(()), None) => {}
        }
        if committed.is_ok() {
            self.wipe_if_due();
        }
        committed
    }

    /// What can't be rolled back was never begun, or SQLite has done it already.
    pub(crate) fn roll_back(&mut self) {
        if self.is_within() {
            self.step("ROLLBACK").ok();
        }
        if let Some(ends) = &mut self.ends {
            ends.take_back(0);
        }
    }

    /// Is there a transaction? An error of the disk ends it.
    pub(crate) fn is_within(&self) -> bool {
        !self.file.is_autocommit()
    }
}

fn read(row: &rusqlite::Row<'_>, columns: usize) -> rusqlite::Result<Row> {
    let column = |place| {
        Ok(match row.get_ref(place)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Int(number),
            ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
            ValueRef::Real(_) => return Err(SqliteError::InvalidQuery),
        })
    };
    Ok(Row::new((0..columns).map(column).collect::<rusqlite::Result<_>>()?))
}

impl Connection for Sqlite {
    fn ends(&mut self) -> Kept<Option<&mut Ends>> {
        self.ends
            .as_mut()
            .map(Some)
            .ok_or_else(|| StoreError("only the one that writes knows the journals' ends".to_owned()))
    }

    fn run(&mut self, sql: &str, values: &[Value]) -> Kept<u64> {
        let mut statement = self.file.prepare_cached(sql).map_err(|error| said(&error))?;
        let changed = statement.execute(rusqlite::params_from_iter(values)).map_err(|error| said(&error))?;
        Ok(changed as u64)
    }

    fn rows(&mut self, sql: &str, values: &[Value]) -> Kept<Vec<Row>> {
        let mut statement = self.file.prepare_cached(sql).map_err(|error| said(&error))?;
        let columns = statement.column_count();
        let rows = statement.query_map(rusqlite::params_from_iter(values), |row| read(row, columns));
        rows.and_then(Iterator::collect).map_err(|error| said(&error))
    }

    fn many(&mut self, sql: &str, asked: &[Each]) -> Kept<Vec<Row>> {
        let sql = sql.replace("ASKED JOIN LATERAL", "").replace(" ON TRUE", "");
        let sql = sql.replace("ASKED JOIN ", "").replacen(" ON ", " WHERE ", 1);
        let places =
            [("asked.a", "?1"), ("asked.b", "?2"), ("asked.n", "?3"), ("asked.t", "?4"), ("asked.place", "?5")];
        let sql = places.into_iter().fold(sql, |sql, (name, place)| sql.replace(name, place));
        let mut statement = self.file.prepare_cached(&sql).map_err(|error| said(&error))?;
        let columns = statement.column_count();
        let mut all = Vec::with_capacity(asked.len());
        for (place, Each { a, b, n, t }) in (1_i64..).zip(asked) {
            let mut rows = statement.query((a, b, n, t, place)).map_err(|error| said(&error))?;
            while let Some(row) = rows.next().map_err(|error| said(&error))? {
                all.push(read(row, columns).map_err(|error| said(&error))?);
            }
        }
        Ok(all)
    }

    fn each(&mut self, sql: &str, take: &mut dyn FnMut(Row) -> Kept<()>) -> Kept<()> {
        let mut statement = self.file.prepare(sql).map_err(|error| said(&error))?;
        let columns = statement.column_count();
        let mut rows = statement.query(()).map_err(|error| said(&error))?;
        while let Some(row) = rows.next().map_err(|error| said(&error))? {
            take(read(row, columns).map_err(|error| said(&error))?)?;
        }
        Ok(())
    }

    fn columns(&mut self, table: &str) -> Kept<Vec<String>> {
        let sql = "SELECT name FROM pragma_table_info(?1) ORDER BY name";
        self.rows(sql, &[Value::Text(table.to_owned())])?.into_iter().map(|mut row| row.text()).collect()
    }

    fn batch(&mut self, sql: &str) -> Kept<()> {
        self.file.execute_batch(sql).map_err(|error| said(&error))
    }

    fn wipe(&mut self) {
        self.log.is_to_be_wiped();
    }

    fn in_its_words(&self, sql: &str) -> String {
        sql.replace("BYTES", "BLOB").replace("SMALL", "WITHOUT ROWID").replace(" ROW ", " INTEGER ")
    }

    fn has_table(&mut self, name: &str) -> Kept<bool> {
        let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        Ok(!self.rows(sql, &[Value::Text(name.to_owned())])?.is_empty())
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        let value = match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        };
        Ok(rusqlite::types::ToSqlOutput::Borrowed(value))
    }
}
