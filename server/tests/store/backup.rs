//! One backup for both databases.

use std::{fs, os::unix::fs::PermissionsExt};

use rusqlite::Connection;
use sha2::{Digest, Sha256};
use wardkey::identity::UserId;
use wardkey_rules::Store;
use wardkey_server::store::{Database, Options, Place};

use crate::{
    common::{folder::Folder, postgres::Postgres},
    keeper::{Keeper, opened, reading},
    things::{WRITES, look, write},
};

const STRICT: Options = Options { migrate: false, threads: 2, waiting: 100 };

/// Something in every table.
fn fill(database: &mut Database) {
    fill_with(database, WRITES, 60);
}

/// Something in the tables of the first of all kinds.
fn fill_with(database: &mut Database, kinds: u8, c: u8) {
    for kind in (0..kinds).filter(|kind| ![7, 10, 22].contains(kind)) {
        for a in 0..3 {
            let work = move |store: &mut dyn Store| write(store, (kind, a, 0, c + a)).map(|()| String::new());
            // Some stand there already.
            database.run(true, Box::new(work)).ok();
        }
    }
    database.put_secrets(b"sealed").unwrap();
}

#[test]
fn from_sqlite_to_postgres_and_back() {
    let (one, other, backups, postgres) = (Folder::new(), Folder::new(), Folder::new(), Postgres::start());
    let (first, second, third) = (
        Place::Sqlite(one.path().join("data")),
        Place::Postgres(postgres.database()),
        Place::Sqlite(other.path().join("data")),
    );
    let mut database = Database::open(&first, Options::default()).unwrap();
    fill(&mut database);
    let before = database.done(look);
    assert!(!database.is_restored().unwrap());
    // While it serves.
    let (file, again) = (backups.path().join("first"), backups.path().join("second"));
    Database::backup(&first, &file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(Database::restore(&file, &first, true).unwrap_err().0.contains("another wardkey-server"));
    // What comes after it isn't in it.
    database.done(|store| write(store, (3, 0, 0, 99)).map(|()| String::new()));
    assert_ne!(database.done(look), before);

    Database::restore(&file, &second, false).unwrap();
    let mut shared = Database::open(&second, STRICT).unwrap();
    assert_eq!(shared.done(look), before);
    assert_eq!(shared.secrets().unwrap().unwrap(), b"sealed");
    assert!(shared.is_restored().unwrap());
    assert!(!shared.replace_secrets(b"others", b"renamed").unwrap());
    assert!(shared.is_restored().unwrap());
    assert!(shared.replace_secrets(b"sealed", b"renamed").unwrap());
    assert!(!shared.is_restored().unwrap());
    assert_eq!(shared.put_secrets(b"late").unwrap(), b"renamed");
    Database::backup(&second, &again).unwrap();
    drop(shared);
    let refused = Database::restore(&file, &second, false).unwrap_err();
    assert!(refused.0.contains("--force"), "{refused}");
    Database::restore(&file, &second, true).unwrap();

    Database::restore(&again, &third, false).unwrap();
    let mut back = Database::open(&third, STRICT).unwrap();
    assert_eq!(back.done(look), before);
    drop(back);
    let refused = Database::restore(&file, &third, false).unwrap_err();
    assert!(refused.0.contains("--force"), "{refused}");

    // In the place of one that has gone on, whose log is longer.
    drop(database);
    Database::restore(&file, &first, true).unwrap();
    let mut restored = Database::open(&first, STRICT).unwrap();
    assert_eq!(restored.done(look), before);
    assert!(restored.is_restored().unwrap());
    let mode = fs::metadata(one.path().join("data/wardkey.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn users(reader: &Connection) -> i64 {
    reader.query_row("SELECT COUNT(*) FROM disabled", (), |row| row.get(0)).unwrap()
}

/// What is restored is whole, whoever reads what was there before; and he goes on reading that.
#[test]
fn restored_while_somebody_reads() {
    let (folder, backups) = (Folder::new(), Folder::new());
    let path = folder.path().join("data");
    let place = Place::Sqlite(path.clone());
    let mut database = Database::open(&place, Options::default()).unwrap();
    fill(&mut database);
    let before = database.done(look);
    let file = backups.path().join("backup");
    Database::backup(&place, &file).unwrap();
    let disable = |database: &mut Database, users: std::ops::Range<u32>| {
        for user in users {
            let user = UserId::new(&format!("user {user}")).unwrap();
            database.done(move |store| store.put_disabled(&user, true).map(|()| String::new()));
        }
    };
    disable(&mut database, 0..50);
    // One begins before the restore, one has only opened the file until after it; neither ever closes it.
    let (reader, late) = (reading(&path), opened(&path));
    let read = users(&reader);
    disable(&mut database, 50..100);
    drop(database);
    Database::restore(&file, &place, true).unwrap();
    assert_eq!(users(&reader), read);
    let mut restored = Database::open(&place, STRICT).unwrap();
    assert_eq!(restored.done(look), before);
    disable(&mut restored, 0..7);
    assert_eq!(users(&late), read - 50 + 7);
    assert_eq!(users(&reader), read);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(users(&reader), read - 50 + 7);
    let sound = reader.query_row("PRAGMA integrity_check", (), |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(sound, "ok");
}

/// Nothing of a database that is broken, or of which only the log is left, gets into what is restored.
#[test]
fn restored_over_what_was_left() {
    let (folder, backups) = (Folder::new(), Folder::new());
    let path = folder.path().join("data");
    let place = Place::Sqlite(path.clone());
    let mut database = Database::open(&place, Options::default()).unwrap();
    fill(&mut database);
    let before = database.done(look);
    let file = backups.path().join("backup");
    Database::backup(&place, &file).unwrap();
    fill_with(&mut database, WRITES, 90);
    // As after a power cut.
    let logs = ["-wal", "-shm"].map(|ending| path.join(format!("wardkey.db{ending}")));
    let left = logs.each_ref().map(|log| fs::read(log).unwrap());
    assert!(!left[0].is_empty());
    drop(database);
    for broken in [None, Some(vec![0x5a; 20_000])] {
        for (log, bytes) in logs.iter().zip(&left) {
            fs::write(log, bytes).unwrap();
        }
        match &broken {
            None => fs::remove_file(path.join("wardkey.db")).unwrap(),
            Some(bytes) => {
                fs::write(path.join("wardkey.db"), bytes).unwrap();
                let refused = Database::restore(&file, &place, false).unwrap_err();
                assert!(refused.0.contains("--force"), "{refused}");
            }
        }
        Database::restore(&file, &place, broken.is_some()).unwrap();
        let mut restored = Database::open(&place, STRICT).unwrap();
        assert_eq!(restored.done(look), before);
    }
}

/// A backup that a server of the first version made, of what `fill_with(.., 24, 6)` wrote.
const VERSION_1: &[u8] = include_bytes!("version-1.backup");

/// What the first version kept is all there, and what it didn't know can be kept beside it.
#[test]
fn tables_of_the_first_version() {
    let (folder, other, backups, postgres) = (Folder::new(), Folder::new(), Folder::new(), Postgres::start());
    let file = backups.path().join("version-1");
    fs::write(&file, VERSION_1).unwrap();
    let mut same = Database::open(&Place::Sqlite(other.path().join("data")), Options::default()).unwrap();
    fill_with(&mut same, 24, 6);
    let before = same.done(look);
    same.done(|store| write(store, (24, 1, 1, 6)).map(|()| String::new()));
    let after = same.done(look);
    assert_ne!(before, after);
    for place in [Place::Sqlite(folder.path().join("data")), Place::Postgres(postgres.database())] {
        Database::restore(&file, &place, false).unwrap();
        let mut database = Database::open(&place, STRICT).unwrap();
        assert_eq!(database.done(look), before, "{place:?}");
        assert_eq!(database.secrets().unwrap().unwrap(), b"sealed");
        // As it was where that version served.
        let back = "DROP TABLE exchange_key; DROP TABLE packed; UPDATE schema_version SET version = 1";
        database.blocking_transaction(false, move |store| store.batch(back)).unwrap();
        drop(database);
        let refused = Database::open(&place, STRICT).unwrap_err();
        assert!(refused.0.contains("of version 1") && refused.0.contains("migrate"), "{refused}");
        assert!(Database::backup(&place, &backups.path().join("none")).unwrap_err().0.contains("migrate"));
        Database::migrate(&place).unwrap();
        let mut database = Database::open(&place, STRICT).unwrap();
        assert_eq!(database.done(look), before, "{place:?}");
        database.done(|store| write(store, (24, 1, 1, 6)).map(|()| String::new()));
        assert_eq!(database.done(look), after, "{place:?}");
        drop(database);
        // Once more is nothing, and tables of a version that isn't known are left alone.
        Database::migrate(&place).unwrap();
        let database = Database::open(&place, Options::default()).unwrap();
        let ahead = "UPDATE schema_version SET version = 4";
        database.blocking_transaction(false, move |store| store.batch(ahead)).unwrap();
        drop(database);
        assert!(Database::open(&place, Options::default()).unwrap_err().0.contains("takes a newer one"));
    }
}

/// A backup of which a byte was changed, or the end is missing, leaves what is there as it is.
#[test]
fn a_backup_that_isnt_whole() {
    let (folder, backups, postgres) = (Folder::new(), Folder::new(), Postgres::start());
    let place = Place::Sqlite(folder.path().join("data"));
    let mut database = Database::open(&place, Options::default()).unwrap();
    fill(&mut database);
    let before = database.done(look);
    let file = backups.path().join("backup");
    Database::backup(&place, &file).unwrap();
    drop(database);
    let whole = fs::read(&file).unwrap();
    let (shared, kept) = (Place::Postgres(postgres.database()), Place::Postgres(postgres.database()));
    Database::restore(&file, &kept, false).unwrap();
    for at in [3, 20, whole.len() / 3, whole.len() / 2, whole.len() - 40, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&file, &changed).unwrap();
        assert!(Database::restore(&file, &place, true).is_err(), "{at}");
        assert!(Database::restore(&file, &shared, true).is_err(), "{at}");
        assert!(Database::restore(&file, &kept, true).is_err(), "{at}");
        fs::write(&file, &whole[..at]).unwrap();
        assert!(Database::restore(&file, &place, true).is_err(), "{at}");
        assert!(Database::restore(&file, &kept, true).is_err(), "{at}");
        assert!(Database::restore(&file, &shared, true).is_err(), "{at}");
        // One that was begun is nobody's database: the sum is right, and what it is of isn't whole.
        fs::write(&file, [&whole[..at], Sha256::digest(&whole[..at]).as_slice()].concat()).unwrap();
        assert!(Database::restore(&file, &shared, true).is_err(), "{at}");
        let refused = Database::open(&shared, Options::default());
        assert!(at <= 20 || refused.is_err_and(|error| error.0.contains("restore")), "{at}");
    }
    fs::write(&file, [whole.as_slice(), b"more"].concat()).unwrap();
    assert!(Database::restore(&file, &place, true).is_err());
    assert!(Database::restore(&file, &kept, true).is_err());
    assert_eq!(Database::open(&kept, STRICT).unwrap().done(look), before);
    let mut database = Database::open(&place, STRICT).unwrap();
    assert_eq!(database.done(look), before);
    fs::write(&file, &whole).unwrap();
    Database::restore(&file, &shared, true).unwrap();
    assert_eq!(Database::open(&shared, STRICT).unwrap().done(look), before);
}
