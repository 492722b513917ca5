//! Backup and restore, by command.

use std::{
    fs::{File, remove_file, rename},
    io::{self, BufReader, BufWriter},
    path::{Path, PathBuf},
};

use wardkey_rules::{Kept, StoreError};

use super::{
    connection::Connection,
    database::{Place, apart, migrate_file, migrate_shared, transaction},
    dump::{self, Backup},
    engine::file::{Folder, database_file, private},
    postgres::{Postgres, Went},
    schema,
    sqlite::Sqlite,
    tls::Address,
};

fn said(path: &Path, error: &io::Error) -> StoreError {
    StoreError(format!("{}: {error}", path.display()))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The file has come to stay when this has returned.
fn sync(file: &File, path: &Path) -> Kept<()> {
    file.sync_all().map_err(|error| said(path, &error))
}

fn move_to(from: &Path, to: &Path) -> Kept<()> {
    rename(from, to).map_err(|error| said(to, &error))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| said(folder, &error))
}

pub(super) fn write(place: &Place, to: &Path) -> Kept<()> {
    let part = beside(to, ".part");
    let file = private(&part)?;
    file.set_len(0).map_err(|error| said(&part, &error))?;
    let out = BufWriter::with_capacity(1 << 20, &file);
    let written = at_one_moment(place, |store| dump::write(store, out));
    written.and_then(|()| sync(&file, &part)).and_then(|()| move_to(&part, to)).inspect_err(|_| {
        remove_file(&part).ok();
    })
}

/// Reads all that there is as it is at one moment, while others serve from it.
pub(super) fn at_one_moment<T: Send>(
    place: &Place,
    read: impl FnOnce(&mut dyn Connection) -> Kept<T> + Send,
) -> Kept<T> {
    match place {
        Place::Sqlite(folder) => {
            let mut store = Sqlite::reader(&database_file(folder))?;
            store.step("BEGIN")?;
            let done = read(&mut store);
            store.roll_back();
            done
        }
        Place::Postgres(url) => {
            let address = Address::parse(url)?;
            apart(|| {
                let mut store = Postgres::connect(&address)?;
                store.batch("SET statement_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
                let done = read(&mut store);
                store.batch("ROLLBACK")?;
                done
            })
        }
    }
}

pub(super) fn restore(from: &Path, place: &Place, force: bool) -> Kept<()> {
    let file = File::open(from).map_err(|error| said(from, &error))?;
    let backup = dump::open(BufReader::with_capacity(1 << 20, file))?;
    match place {
        Place::Sqlite(folder) => to_file(backup, folder, force),
        Place::Postgres(url) => {
            let address = Address::parse(url)?;
            // What is there is dropped first, and there is no second place: so nothing of it before the backup is known to be whole.
            dump::check(File::open(from).map_err(|error| said(from, &error))?)?;
            apart(|| to_shared(backup, &address, force))
        }
    }
}

fn taken() -> StoreError {
    StoreError("there is a database already: it is replaced only with --force".to_owned())
}

/// Into a file of its own first, so that a backup that isn't whole leaves all as it was. It takes the place of the one before at once.
fn to_file(backup: Backup<impl io::Read>, folder: &Path, force: bool) -> Kept<()> {
    let held = Folder::hold(folder)?;
    let file = database_file(folder);
    let is_there = file.exists();
    let holds_something = || Sqlite::reader(&file).and_then(|mut store| schema::is_there(&mut store)).unwrap_or(true);
    if is_there && !force && holds_something() {
        return Err(taken());
    }
    let part = beside(&file, ".part");
    remove(&part)?;
    let made = private(&part)?;
    let restored = (|| {
        let mut store = Sqlite::fresh(&part)?;
        dump::read(backup, &mut |work| store.transaction(|store| work(store)))?;
        migrate_file(&mut store, true)?;
        store.close()?;
        sync(&made, &part)?;
        // Nothing but SQLite knows who reads the one before, by a backup for example: a file that takes its name would be given its log.
        if is_there && Sqlite::replace(&file, &part)? {
            return remove(&part);
        }
        // What is left of one that isn't there any more would be taken for the new one's.
        for ending in ["-wal", "-shm", "-journal"] {
            remove(&beside(&file, ending))?;
        }
        move_to(&part, &file)
    })();
    restored.inspect_err(|_| {
        remove_file(&part).ok();
    })?;
    drop(held);
    Ok(())
}

/// It is gone when this has returned, or was never there.
fn remove(path: &Path) -> Kept<()> {
    match remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(said(path, &error)),
        _ => Ok(()),
    }
}

fn to_shared(backup: Backup<impl io::Read + Send>, address: &Address, force: bool) -> Kept<()> {
    let mut store = Postgres::connect(address)?;
    if schema::is_there(&mut store)? {
        if !force {
            return Err(taken());
        }
        transaction(&mut store, &mut schema::drop_all)?;
    }
    // Rows that were taken are gone from the one that reads: each transaction is run once.
    dump::read(backup, &mut |work| match store.transaction(false, |store| work(store).map(|()| true)) {
        Went::Ended(end) => end,
        Went::Refused(error) | Went::Lost(error) => Err(error),
    })?;
    migrate_shared(address, true)
}
