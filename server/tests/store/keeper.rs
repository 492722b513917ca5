//! A store of any kind, by transactions.

use std::path::Path;

use rusqlite::Connection;
use wardkey_rules::{Kept, MemoryStore, Store, StoreError};
use wardkey_server::store::{Database, Options, Place, Tables};

use crate::common::{folder::Folder, postgres::Postgres};

/// What is done in a transaction: what it gives is text, so that stores are compared.
pub(crate) type Work = Box<dyn FnMut(&mut dyn Store) -> Kept<String> + Send>;

pub(crate) trait Keeper {
    fn name(&self) -> &'static str;

    /// Keeps what was written, if it is to be kept and nothing failed.
    fn run(&mut self, keep: bool, work: Work) -> Kept<String>;

    /// A transaction that has to succeed.
    #[track_caller]
    fn done(&mut self, work: impl FnMut(&mut dyn Store) -> Kept<String> + Send + 'static) -> String
    where
        Self: Sized,
    {
        self.run(true, Box::new(work)).unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }
}

impl Keeper for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn run(&mut self, keep: bool, mut work: Work) -> Kept<String> {
        let done = work(self);
        if keep && done.is_ok() {
            self.commit();
        } else {
            self.roll_back();
        }
        done
    }
}

impl Keeper for Database {
    fn name(&self) -> &'static str {
        "a database"
    }

    fn run(&mut self, keep: bool, mut work: Work) -> Kept<String> {
        const BACK: &str = "taken back: ";
        let done = self.blocking_transaction(false, move |store| {
            let done = work(&mut Tables(store))?;
            if keep { Ok(done) } else { Err(StoreError([BACK, &done].concat())) }
        });
        match done {
            Err(error) if !keep => error.0.strip_prefix(BACK).map(ToOwned::to_owned).ok_or(error),
            done => done,
        }
    }
}

pub(crate) fn sqlite(folder: &Folder) -> Database {
    Database::open(&Place::Sqlite(folder.path().to_owned()), Options::default()).unwrap()
}

/// The database's file in this data folder, opened by somebody else.
pub(crate) fn opened(folder: &Path) -> Connection {
    Connection::open(folder.join("wardkey.db")).unwrap()
}

/// He reads it as it is now, until he commits.
pub(crate) fn reading(folder: &Path) -> Connection {
    let reader = opened(folder);
    reader.execute_batch("BEGIN; SELECT * FROM schema_version").unwrap();
    reader
}

pub(crate) fn shared(postgres: &Postgres) -> Database {
    Database::open(&Place::Postgres(postgres.database()), Options::default()).unwrap()
}
