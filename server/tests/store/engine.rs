//! The engine: requests from many at once, each a transaction.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use wardkey::{
    identity::{AppId, UserId},
    journal::Subject,
    random,
    signed::Hash,
};
use wardkey_rules::{JournalEnd, JournalRow, RowId, Server, Spot, StanzaBody, Store, StoreError, Wraps};
use wardkey_server::store::{Asked, AskedBy, Database, Options, Place, Row, Tables, Value};

use crate::{
    common::{folder::Folder, postgres::Postgres},
    keeper::reading,
    things::placeholder,
};

const NOW: u64 = 1_790_000_000_000;

fn server() -> Arc<Server> {
    Arc::new(Server::generate(&mut random::system(), &AppId::new("app.example").unwrap()).unwrap())
}

fn asked(user: &str, method: &str, path: &str, body: Option<serde_json::Value>) -> Asked {
    Asked {
        caller: Some(AskedBy::User(UserId::new(user).unwrap())),
        method: method.to_owned(),
        path: path.to_owned(),
        idempotency_key: None,
        body: body.map(|body| body.to_string().into()).unwrap_or_default(),
    }
}

fn login() -> Asked {
    let kdf = json!({ "name": "pbkdf2-sha256", "iterations": 600_000 });
    asked("alice", "POST", "/v1/public/login", Some(json!({ "appId": "app.example", "userId": "alice", "kdf": kdf })))
}

async fn works(database: &Database) {
    let server = server();
    let reply = database.request(&server, login(), NOW).await.unwrap();
    assert!(reply.json["serverSalt"].is_string());
    let error = database.request(&server, asked("alice", "GET", "/v1/backup", None), NOW).await.unwrap_err();
    assert_eq!(error.code().as_str(), "no-backup");
    assert!(database.is_well().await);
    database.upkeep(NOW).await.unwrap();
    // What fails leaves nothing.
    let failed: Result<(), _> = database
        .transaction(false, |store| {
            let mut tables = Tables(store);
            tables.add_time(&UserId::new("alice").unwrap(), wardkey_rules::Counted::Try, NOW)?;
            Err(StoreError("no".to_owned()))
        })
        .await;
    assert_eq!(failed, Err(StoreError("no".to_owned())));
    // What panics, neither; and the next one is answered.
    let failed: Result<(), _> = database.transaction(false, |_| panic!("on purpose")).await;
    assert!(failed.unwrap_err().0.contains("panicked"));
    database.request(&server, login(), NOW).await.unwrap();
}

/// What PostgreSQL refuses for others' sake is begun again; what it goes on refusing may be asked later.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_others_is_begun_again() {
    let postgres = Postgres::start();
    let database = Database::open(&Place::Postgres(postgres.url()), Options::default()).unwrap();
    for code in ["40001", "40P01", "53200"] {
        let raise = format!("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$");
        let mut tries = 0;
        let done = database
            .transaction(false, move |store| {
                tries += 1;
                if tries < 4 { store.batch(&raise).map(|()| tries) } else { Ok(tries) }
            })
            .await;
        assert_eq!(done, Ok(4), "{code}");
    }
    let always = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53200'; END $$";
    let refused: Result<(), _> = database.transaction(false, |store| store.batch(always)).await;
    assert!(refused.unwrap_err().0.contains("no room"));
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_from_sqlite() {
    let folder = Folder::new();
    let place = Place::Sqlite(folder.path().join("data"));
    let refused = Database::open(&place, Options { migrate: false, ..Options::default() }).unwrap_err();
    assert!(refused.0.contains("migrate"), "{refused}");
    let database = Database::open(&place, Options::default()).unwrap();
    works(&database).await;
    let second = Database::open(&place, Options::default()).unwrap_err();
    assert!(second.0.contains("another wardkey-server"), "{second}");
    database.close().await;
    Database::open(&place, Options { migrate: false, ..Options::default() }).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_from_postgres() {
    let postgres = Postgres::start();
    let place = Place::Postgres(postgres.url());
    let refused = Database::open(&place, Options { migrate: false, ..Options::default() }).unwrap_err();
    assert!(refused.0.contains("migrate"), "{refused}");
    let database = Database::open(&place, Options::default()).unwrap();
    works(&database).await;
    database.close().await;
    Database::open(&place, Options { migrate: false, ..Options::default() }).unwrap();
}

/// Who reads stays at a moment while nothing is changed: what was acknowledged, he sees all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_read() {
    let folder = Folder::new();
    let database = Database::open(&Place::Sqlite(folder.path().join("data")), Options::default()).unwrap();
    let alice = UserId::new("alice").unwrap();
    // Not every second time: two who read may take turns.
    for round in 0..500 {
        let (user, is_disabled) = (alice.clone(), round % 3 == 0);
        database.transaction(false, move |store| Tables(store).put_disabled(&user, is_disabled)).await.unwrap();
        let user = alice.clone();
        let standing = database.transaction(true, move |store| Tables(store).standing(&user)).await.unwrap();
        assert_eq!(standing.is_disabled, is_disabled, "round {round}");
    }
}

/// The log is taken into the file, and begins anew, though there is always somebody who reads.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_begins_anew_under_load() {
    const MIB: u64 = 1 << 20;
    // Each of a quarter of a MiB.
    const WRITES: usize = 800;
    let folder = Folder::new();
    let path = folder.path().join("data");
    let database = Database::open(&Place::Sqlite(path.clone()), Options::default()).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut reading = Vec::new();
    for _ in 0..4 {
        let (database, is_over) = (database.clone(), Arc::clone(&is_over));
        reading.push(tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let read = database.transaction(true, |store| {
                    let end = Tables(store).log_end();
                    std::thread::sleep(Duration::from_millis(25));
                    end
                });
                read.await.unwrap();
            }
        }));
    }
    let log = path.join("wardkey.db-wal");
    let write = async |of: u8| {
        let mut longest = 0;
        for number in 0..WRITES {
            // SQLite writes no page that stays the same.
            let answer = vec![u8::try_from(number % 256).unwrap(); 256 << 10];
            database
                .transaction(false, move |store| Tables(store).put_answered(&[of; 32], NOW, &answer))
                .await
                .unwrap();
            longest = longest.max(std::fs::metadata(&log).unwrap().len());
        }
        longest
    };
    let longest = tokio::join!(write(1), write(2), write(3), write(4));
    let longest = [longest.0, longest.1, longest.2, longest.3].into_iter().max().unwrap();
    is_over.store(true, Ordering::Relaxed);
    for reading in reading {
        reading.await.unwrap();
    }
    database.close().await;
    assert!(longest < 400 * MIB, "{longest} bytes");
    assert_eq!(std::fs::metadata(&log).map_or(0, |log| log.len()), 0, "all is in the file after an orderly end");
}

/// What an escrow deletes is in no file any more as soon as nobody reads it, though nobody writes any more, or the server stops. Nobody's answer waits for who reads.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_wiped_when_who_read_has_gone() {
    const WAITS: Duration = Duration::from_millis(500);
    let folder = Folder::new();
    let path = folder.path().join("data");
    let open = || Database::open(&Place::Sqlite(path.clone()), Options::default()).unwrap();
    let mut database = open();
    let in_files = |body: &[u8]| {
        let files = std::fs::read_dir(&path).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
        files.filter(|file| file.windows(body.len()).any(|part| part == body)).count()
    };
    let delete = async |database: &Database, of: u8| {
        let body = vec![of; 100];
        let wraps = Wraps {
            sequence: 0,
            signed: vec![of],
            bodies: vec![StanzaBody { place: 0, party: placeholder(of), bytes: body.clone() }],
        };
        let id = Hash([of; 32]);
        database.transaction(false, move |store| Tables(store).add_wraps(&id, &wraps)).await.unwrap();
        let reader = reading(&path);
        let begun = Instant::now();
        database.transaction(false, move |store| Tables(store).delete_bodies(&id, &placeholder(of))).await.unwrap();
        let took = begun.elapsed();
        assert!(in_files(&body) > 0, "somebody reads it");
        (reader, body, took)
    };
    // A machine that stops now and then makes some late.
    let (mut reader, mut body, mut took) = delete(&database, 0xa1).await;
    for of in 0xa2..0xa8 {
        if took >= WAITS {
            (reader, body, took) = delete(&database, of).await;
        }
    }
    assert!(took < WAITS, "{took:?}");
    tokio::time::sleep(2 * WAITS).await;
    assert!(in_files(&body) > 0);
    // He stays connected.
    reader.execute_batch("COMMIT").unwrap();
    let begun = Instant::now();
    while in_files(&body) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{body:?} is there still");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Who stops waits for him for a second; a machine that is late for that begins again.
    for of in 0xb1..0xb8 {
        let (reader, body, _) = delete(&database, of).await;
        let begun = Instant::now();
        let closing = tokio::spawn(database.close());
        tokio::time::sleep(WAITS / 2).await;
        reader.execute_batch("COMMIT").unwrap();
        let is_late = begun.elapsed() >= WAITS;
        closing.await.unwrap();
        if !is_late {
            assert_eq!(in_files(&body), 0);
            return;
        }
        database = open();
    }
    panic!("this machine is too busy");
}

/// A ward that opens the same list at once, in whatever order: nobody waits for one who waits for him, which would take PostgreSQL a second to see.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_sees_no_deadlock() {
    const AT_ONCE: u8 = 16;
    const EACH: u8 = 8;
    const SESSIONS: u8 = 100;
    let postgres = Postgres::start();
    let place = Place::Postgres(postgres.url());
    let database = Database::open(&place, Options { threads: 16, ..Options::default() }).unwrap();
    let mut all = Vec::new();
    for one in 0..AT_ONCE {
        let database = database.clone();
        all.push(tokio::spawn(async move {
            for round in 0..EACH {
                let id = RowId([[one, round].as_slice(), &[0; 14]].concat().try_into().unwrap());
                let end = |session| {
                    let spot = Spot { row: id, offset: 0, length: 1 };
                    let end = JournalEnd { sequence: 1, hash: Hash([0; 32]), time: NOW, spot };
                    (Subject::Session(Hash([session; 32])), end)
                };
                let mut ends: Vec<_> = (0..SESSIONS).map(end).collect();
                ends.rotate_left(usize::from((one * 7 + round) % SESSIONS));
                let row = JournalRow { id, blob: vec![1], count: 1, root: Hash([0; 32]), ends, marks: Vec::new() };
                database.transaction(false, move |store| Tables(store).add_journal_row(&row)).await.unwrap();
            }
        }));
    }
    for one in all {
        one.await.unwrap();
    }
    // It counts them with a second's delay.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let deadlocks = database.transaction(true, move |store| store.rows(sql, &[])).await.unwrap();
    assert_eq!(format!("{deadlocks:?}"), format!("{:?}", [Row::new(vec![Value::Int(0)])]));
}

/// Two engines on one PostgreSQL, which goes away and comes back: requests go on, and what one tells is heard by the other.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_goes_and_comes_back() {
    let mut postgres = Postgres::start();
    let place = Place::Postgres(postgres.url());
    let (one, other) =
        (Database::open(&place, Options::default()).unwrap(), Database::open(&place, Options::default()).unwrap());
    let server = server();
    one.request(&server, login(), NOW).await.unwrap();
    tokio::task::block_in_place(|| postgres.stop());
    assert!(!other.is_well().await);
    let waits = tokio::spawn({
        let (one, server) = (one.clone(), Arc::clone(&server));
        async move { one.request(&server, login(), NOW).await }
    });
    tokio::task::block_in_place(|| postgres.restart());
    // What was asked meanwhile was only late.
    waits.await.unwrap().unwrap();
    other.request(&server, login(), NOW).await.unwrap();
    assert!(other.is_well().await);
    one.close().await;
    other.close().await;
}
