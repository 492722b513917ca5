//! Export and verification of the journal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardkey::{
    error::Code,
    identity::{AppId, Asked, Bundle, Identity, UserId},
    journal::{Entry, Place, RowHeader, RowTree, Subject, entry_hash},
    key_pair::KeyPair,
    random,
    secret::Secret,
    sign::SigningKey,
    signed::{Hash, Minimum, Signed},
};
use wardkey_rules::{
    Body, Caller, LoggedRow, MemoryStore, Request, RowId, Server, Store, chain_journal, handle, row_entries,
};
use wardkey_server::journal::{
    Failed, OneReport, Report, export, export_one, head_text, read_head, verify, verify_one, verify_rows,
};

const NOW: u64 = 1_790_000_000_000;

fn app() -> AppId {
    AppId::new("app.example").unwrap()
}

/// A key server that tells whatever it is told to.
struct Teller {
    identity: Identity,
    signing: SigningKey,
    rows: Vec<LoggedRow>,
    last: Option<Signed<RowHeader>>,
    ends: BTreeMap<String, (u64, Hash)>,
}

fn blob(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut blob = vec![1];
    for entry in entries {
        blob.extend_from_slice(&u32::try_from(entry.len() + 1).unwrap().to_be_bytes());
        blob.push(0);
        blob.extend_from_slice(entry);
    }
    blob
}

impl Teller {
    fn new(seed: u8) -> Self {
        let secret = || Secret::from_slice(&[seed; 32]).unwrap();
        let (signing, pair) = (SigningKey::from_seed(secret()), KeyPair::from_seed(secret()).unwrap());
        let bundle = Bundle::first(&app(), None, pair.public_key(), &signing).unwrap().to_bytes();
        let identity = Identity::verify(&[&bundle], &app(), Asked::KeyServer, Minimum::default()).unwrap();
        Self { identity, signing, rows: Vec::new(), last: None, ends: BTreeMap::new() }
    }

    fn entry(&mut self, subject: &Subject) -> Vec<u8> {
        let end = self.ends.get(&format!("{subject:?}")).copied();
        let sequence = end.map_or(0, |(sequence, _)| sequence) + 1;
        let entry = Entry {
            subject: subject.clone(),
            sequence,
            previous: end.map(|(_, hash)| hash),
            time: NOW,
            actor: None,
            action: "release".to_owned(),
            detail: Vec::new(),
        };
        let bytes = entry.to_bytes();
        self.ends.insert(format!("{subject:?}"), (sequence, entry_hash(&bytes)));
        bytes
    }

    fn put(&mut self, entries: &[Vec<u8>]) {
        let root = RowTree::of(entries.iter().map(|entry| entry_hash(entry))).root().unwrap();
        let signer = (*self.identity.newest().hash(), &self.signing);
        let count = u32::try_from(entries.len()).unwrap();
        let header = RowHeader::sign(self.last.as_ref(), NOW, (count, root), (&signer.0, signer.1)).unwrap();
        let mut id = [0; 16];
        id[8..].copy_from_slice(&header.value().number.to_be_bytes());
        self.rows.push(LoggedRow { id: RowId(id), header: header.to_bytes(), blob: blob(entries) });
        self.last = Some(header);
    }

    fn add(&mut self, sessions: &[u8]) {
        let of = |session: &u8| Subject::Session(Hash([*session; 32]));
        let entries: Vec<_> = sessions.iter().map(|session| self.entry(&of(session))).collect();
        self.put(&entries);
    }

    /// Rows of several sessions, of which some come again.
    fn full() -> Self {
        let mut teller = Self::new(1);
        for row in 0..250_u8 {
            let sessions: Vec<_> = (0..=row % 7).map(|place| (row / 3 + place * 5) % 40).collect();
            teller.add(&sessions);
        }
        teller
    }

    fn page(&self) -> impl FnMut(u64) -> wardkey_rules::Kept<Vec<LoggedRow>> {
        |after| Ok(self.rows.iter().skip(usize::try_from(after).unwrap()).take(100).cloned().collect())
    }

    fn file(&self) -> String {
        let mut out = Vec::new();
        let rows = export((&self.identity, &app()), self.page(), &mut out).unwrap();
        assert_eq!(rows, self.rows.len() as u64);
        String::from_utf8(out).unwrap()
    }

    /// The same by the file and by the store.
    fn verify(&self, kept: &[Place]) -> Result<Report, (u64, Code)> {
        let by_store = verify_rows(&self.identity, self.page(), kept).map_err(at);
        let by_file = verify(self.file().as_bytes(), Some(self.identity.fingerprint()), kept).map_err(at);
        assert_eq!(by_store, by_file);
        by_file
    }

    fn place(&self, number: usize) -> Place {
        let header = RowHeader::verify(&self.rows[number - 1].header, &self.identity, Minimum::default()).unwrap();
        Place { sequence: header.value().number, hash: *header.hash() }
    }
}

fn at(failed: Failed) -> (u64, Code) {
    match failed {
        Failed::At(number, error) => (number, error.code()),
        other => panic!("{other}"),
    }
}

#[test]
fn a_whole_log() {
    let teller = Teller::full();
    let report = teller.verify(&[]).unwrap();
    let entries: usize = teller.rows.iter().map(|row| row_entries(&row.blob).unwrap().len()).sum();
    let expected = Report {
        rows: 250,
        entries: entries as u64,
        subjects: 40,
        head: Some(teller.place(250)),
        time: Some(NOW),
        key_server: *teller.identity.fingerprint(),
    };
    assert_eq!(report, expected);
    let kept = [1, 100, 101, 250].map(|number| read_head(&head_text(&teller.place(number))).unwrap());
    assert_eq!(teller.verify(&kept).unwrap(), expected);
    assert_eq!(verify(teller.file().as_bytes(), None, &[]).unwrap(), expected);
    let empty = Teller::new(1).verify(&[]).unwrap();
    assert_eq!((empty.rows, empty.entries, empty.head), (0, 0, None));
    for text in ["", "1", "x y", "1 short", "-1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(read_head(text), None, "{text}");
    }
}

type Change = fn(&mut Teller);

#[test]
fn what_is_found() {
    let changes: [(&str, Change, u64); 11] = [
        ("a gap", |teller| drop(teller.rows.remove(120)), 121),
        ("no beginning", |teller| drop(teller.rows.remove(0)), 1),
        ("a reorder", |teller| teller.rows.swap(120, 121), 121),
        ("a row twice", |teller| teller.rows.insert(121, teller.rows[120].clone()), 122),
        (
            "a changed entry",
            |teller| {
                let last = teller.rows[120].blob.len() - 1;
                teller.rows[120].blob[last - 10] ^= 1;
            },
            121,
        ),
        (
            "an entry less",
            |teller| {
                let entries = row_entries(&teller.rows[121].blob).unwrap();
                let entries: Vec<_> = entries.iter().skip(1).map(|entry| entry.to_vec()).collect();
                teller.rows[121].blob = blob(&entries);
            },
            122,
        ),
        (
            "a changed header",
            |teller| {
                let header = &mut teller.rows[120].header;
                header[20] ^= 1;
            },
            121,
        ),
        (
            "an unsigned header",
            |teller| {
                let header = &mut teller.rows[120].header;
                let last = header.len() - 1;
                header[last] ^= 1;
            },
            121,
        ),
        (
            "another's header",
            |teller| {
                let other = Teller { rows: Vec::new(), ..Teller::full() };
                let mut eve = Teller { signing: SigningKey::from_seed(Secret::from_slice(&[9; 32]).unwrap()), ..other };
                eve.add(&[1]);
                teller.rows.push(eve.rows.pop().unwrap());
            },
            251,
        ),
        (
            "a session's entry that is missing",
            |teller| {
                teller.entry(&Subject::Session(Hash([3; 32])));
                teller.add(&[3]);
            },
            251,
        ),
        (
            "a session's entry that doesn't follow",
            |teller| {
                teller.ends.values_mut().for_each(|end| end.1 = Hash([0; 32]));
                teller.add(&[3]);
            },
            251,
        ),
    ];
    for (name, change, row) in changes {
        let mut teller = Teller::full();
        change(&mut teller);
        let found = teller.verify(&[]).unwrap_err();
        assert_eq!(found.0, row, "{name}");
        assert!(matches!(found.1, Code::BadSignature | Code::InvalidFormat), "{name}: {}", found.1);
    }
}

/// The key server tells two stories, or less than before: only what was kept elsewhere shows it.
#[test]
fn forks() {
    let (one, mut other) = (Teller::full(), Teller::full());
    other.rows.truncate(200);
    let last = RowHeader::verify(&other.rows[199].header, &one.identity, Minimum::default()).unwrap();
    other.last = Some(last);
    other.ends.clear();
    other.add(&[100]);
    assert!(other.verify(&[]).is_ok());
    assert!(other.verify(&[one.place(200)]).is_ok());
    assert_eq!(other.verify(&[one.place(201)]), Err((201, Code::Fork)));
    assert_eq!(other.verify(&[one.place(200), one.place(250)]), Err((201, Code::Rollback)));
    assert_eq!(one.verify(&[one.place(5), other.place(201)]), Err((201, Code::Fork)));
    assert_eq!(one.verify(&[one.place(201), other.place(201)]), Err((0, Code::Fork)));
}

#[test]
fn files() {
    let teller = Teller::full();
    let file = teller.file();
    let line = |file: &str| match verify(file.as_bytes(), None, &[]) {
        Err(Failed::Line(number, _)) => number,
        other => panic!("{other:?}"),
    };
    let lines: Vec<_> = file.lines().collect();
    assert_eq!(line(""), 1);
    assert_eq!(line(&lines[..100].join("\n")), 101, "cut off between rows");
    assert_eq!(line(&[file.as_str(), "\n"].concat()), 253);
    assert_eq!(
        line(
            &lines.iter().filter(|line| !line.contains("\"rows\"")).map(|line| format!("{line}\n")).collect::<String>()
        ),
        252
    );
    assert_eq!(line(&file.replace("{\"rows\":250}", "{\"rows\":249}")), 252);
    assert_eq!(line(&file.replace("\"version\":1", "\"version\":2")), 1);
    assert_eq!(line(&file.replace("\"journal\"", "\"diary\"")), 1);
    assert_eq!(line(&file.replacen("\"entries\"", "\"things\"", 1)), 2);
    let mut eve = Teller::new(2);
    eve.add(&[1]);
    let wrong = verify(file.as_bytes(), Some(eve.identity.fingerprint()), &[]);
    assert!(matches!(wrong, Err(Failed::KeyServer(found)) if found == *teller.identity.fingerprint()));
    // Eve's rows under this key server's name.
    let eve = eve.file();
    let forged = [lines[0], eve.lines().nth(1).unwrap(), "{\"rows\":1}\n"].join("\n");
    assert_eq!(at(verify(forged.as_bytes(), None, &[]).unwrap_err()), (1, Code::BadSignature));
    assert!(!format!("{}", verify(forged.as_bytes(), None, &[]).unwrap_err()).is_empty());
}

/// A key server with users who were disabled again and again: entries without any account.
struct Real {
    server: Server,
    store: MemoryStore,
}

impl Real {
    fn new() -> Self {
        let mut real =
            Self { server: Server::generate(&mut random::system(), &app()).unwrap(), store: MemoryStore::default() };
        for round in 0..65 {
            for user in ["anna", "bob"] {
                for disabled in [true, false] {
                    real.ask("/v1/admin/disable", &json!({ "userId": user, "disabled": disabled }));
                }
            }
            if round % 10 > 0 {
                chain_journal(&mut real.store, &real.server, NOW).unwrap();
            }
        }
        chain_journal(&mut real.store, &real.server, NOW).unwrap();
        real
    }

    fn ask(&mut self, path: &str, body: &Value) -> Value {
        let asked = Request {
            now_ms: NOW,
            caller: Some(Caller::Application),
            method: "POST",
            path,
            idempotency_key: None,
            body: Body::Json(body),
        };
        handle(&self.server, &mut self.store, &mut random::system(), &asked).unwrap().json
    }

    fn one(&mut self, user: &str) -> String {
        let secrets = self.server.to_secret_bytes();
        let server = Server::from_secret_bytes(&secrets).unwrap();
        let subject = Subject::User(UserId::new(user).unwrap());
        let mut out = Vec::new();
        let ask = |after| Ok(self.ask("/v1/admin/journal", &json!({ "userId": user, "after": after, "proofs": true })));
        export_one((server.identity(), &app()), &subject, ask, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}

fn read_one(real: &Real, file: &str) -> Result<OneReport, Failed> {
    verify_one(file.as_bytes(), Some(real.server.identity().fingerprint()))
}

#[test]
fn one_journal_without_the_others() {
    let mut real = Real::new();
    let mut copy = real.store.clone();
    let report = verify_rows(real.server.identity(), |after| copy.log_rows(after, 7), &[]).unwrap();
    assert_eq!((report.rows, report.entries, report.subjects), (260, 260, 2));
    let file = real.one("anna");
    let one = read_one(&real, &file).unwrap();
    assert_eq!((one.place.sequence, one.logged, one.log), (130, 130, report.head));
    assert_eq!(one.subject, Subject::User(UserId::new("anna").unwrap()));
    assert!(!file.contains("\"bob\""));

    // The newest one isn't in the log yet.
    real.ask("/v1/admin/disable", &json!({ "userId": "anna", "disabled": true }));
    let file = real.one("anna");
    let loose = read_one(&real, &file).unwrap();
    assert_eq!((loose.place.sequence, loose.logged), (131, 130));
    let nobody = real.one("nobody");
    let nobody = read_one(&real, &nobody).unwrap();
    assert_eq!((nobody.place, nobody.logged), (Place::START, 0));
}

#[test]
fn one_journal_that_is_another() {
    let mut real = Real::new();
    let file = real.one("anna");
    let other = real.one("bob");
    let lines: Vec<_> = file.lines().collect();
    let others: Vec<_> = other.lines().collect();
    let code = |lines: &[&str]| at(read_one(&real, &(lines.join("\n") + "\n")).unwrap_err()).1;
    let with = |place: usize, line: &str| {
        let mut lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[place] = line.to_owned();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        code(&lines)
    };
    assert_eq!(with(0, others[0]), Code::KeyMismatch, "another's head");
    assert_eq!(with(5, others[5]), Code::KeyMismatch, "another's entry");
    let proof = |line: &str| serde_json::from_str::<Value>(line).unwrap()["proof"].clone();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut line: Value = serde_json::from_str(lines[5]).unwrap();
        change(&mut line);
        line.to_string()
    };
    let foreign = changed(&|line| line["proof"] = proof(lines[6]));
    assert_eq!(with(5, &foreign), Code::BadSignature, "another row");
    assert_eq!(with(5, &changed(&|line| line["proof"] = Value::Null)), Code::BadSignature, "a hole");
    let first = |change: &dyn Fn(&mut Value)| {
        let mut line: Value = serde_json::from_str(lines[0]).unwrap();
        change(&mut line);
        line.to_string()
    };
    let header = proof(lines[3])["header"].clone();
    assert_eq!(with(0, &first(&|line| line["log"] = header.clone())), Code::Rollback, "an older log");
    assert_eq!(with(0, &first(&|line| drop(line.as_object_mut().unwrap().remove("log")))), Code::Rollback);
    let stranger = Server::generate(&mut random::system(), &app()).unwrap();
    let wrong = verify_one(file.as_bytes(), Some(stranger.identity().fingerprint()));
    assert!(matches!(wrong, Err(Failed::KeyServer(_))));
    assert!(matches!(verify_one(lines[..50].join("\n").as_bytes(), None), Err(Failed::Line(51, _))));
}
