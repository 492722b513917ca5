//! `journal_log.json`: SPEC section 14.2.

use sha2::{Digest, Sha256};

use super::invalid;
use crate::common::{
    cbor::{self, Item, Map, Null, Uint},
    craft::objects::{APP, Draft, Person, malformed},
    hex::hex,
    keys::Pair,
    objects::schema::{JournalLog, JournalRow, ProvedEntry},
    rng::{Seeded, draw_array},
    schema::{File, Invalid},
};

const TIME: u64 = 1_800_000_000_000;

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

fn entry_hash(entry: &[u8]) -> [u8; 32] {
    sha256(&[b"wardkey/v1/journal\0", entry])
}

/// RFC 9162 section 2.1.1, word for word.
fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    if let [leaf] = leaves {
        return *leaf;
    }
    let split = leaves.len().next_power_of_two() / 2;
    sha256(&[&[1], &root(&leaves[..split]), &root(&leaves[split..])])
}

/// RFC 9162 section 2.1.3.1, from the leaf up.
fn path(index: usize, leaves: &[[u8; 32]]) -> Vec<[u8; 32]> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let split = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(split);
    if index < split {
        [path(index, left), vec![root(right)]].concat()
    } else {
        [path(index - split, right), vec![root(left)]].concat()
    }
}

fn leaves(entries: &[Vec<u8>]) -> Vec<[u8; 32]> {
    entries.iter().map(|entry| sha256(&[&[0], &entry_hash(entry)])).collect()
}

#[derive(Clone)]
struct Row {
    header: Draft,
    entries: Vec<Vec<u8>>,
}

impl Row {
    fn recorded(&self) -> JournalRow {
        JournalRow { header: hex(self.header.encode()), entries: self.entries.iter().map(hex).collect() }
    }
}

/// A log that grows.
#[derive(Clone)]
struct Scene {
    app: String,
    bundles: Vec<Vec<u8>>,
    rows: Vec<Row>,
    /// Where each subject's journal ends: sequence and hash.
    ends: Vec<(Item, u64, [u8; 32])>,
    /// Of the signer: its key and its bundle.
    signer: ([u8; 32], [u8; 32]),
}

fn by(server: &Person, version: usize) -> ([u8; 32], [u8; 32]) {
    (server.seeds[version], server.drafts[version].hash())
}

impl Scene {
    fn entry(&mut self, subject: &Item, time: u64) -> Vec<u8> {
        let end = self.ends.iter().position(|(known, ..)| known == subject);
        let place = end.unwrap_or_else(|| {
            self.ends.push((subject.clone(), 0, [0; 32]));
            self.ends.len() - 1
        });
        let (_, sequence, hash) = &mut self.ends[place];
        let previous = if *sequence == 0 { Null } else { cbor::bytes(*hash) };
        *sequence += 1;
        let fields = [
            subject.clone(),
            Uint(*sequence),
            previous,
            Uint(time),
            cbor::text("anna"),
            cbor::text("release"),
            cbor::context([("generation", "0")]),
        ];
        let entry = Map((1..).map(Uint).zip(fields).collect()).encode();
        *hash = entry_hash(&entry);
        entry
    }

    fn header(&self, entries: &[Vec<u8>], time: u64) -> Draft {
        let fields = vec![
            Uint(self.rows.len() as u64 + 1),
            self.rows.last().map_or(Null, |row| cbor::bytes(row.header.hash())),
            Uint(time),
            Uint(entries.len() as u64),
            cbor::bytes(root(&leaves(entries))),
            cbor::bytes(self.signer.1),
        ];
        Draft::new("wardkey/v1/journal-row", fields, &self.signer.0)
    }

    /// A row of these subjects.
    fn add(&mut self, subjects: &[&Item], time: u64) {
        let entries: Vec<_> = subjects.iter().map(|subject| self.entry(subject, time)).collect();
        self.put(entries, time);
    }

    fn put(&mut self, entries: Vec<Vec<u8>>, time: u64) {
        let header = self.header(&entries, time);
        self.rows.push(Row { header, entries });
    }

    fn place(&self, number: usize) -> Option<(String, String)> {
        let row = self.rows.get(number.checked_sub(1)?)?;
        Some((number.to_string(), hex(row.header.hash())))
    }

    fn log(&self, name: &str) -> JournalLog {
        JournalLog {
            name: name.to_owned(),
            app_id: self.app.clone(),
            bundles: self.bundles.iter().map(hex).collect(),
            rows: Some(self.rows.iter().map(Row::recorded).collect()),
            kept: Vec::new(),
            proved: None,
            place: self.place(self.rows.len()),
        }
    }

    /// These entries, each by its row and index.
    fn proofs(&self, name: &str, which: &[(usize, usize)]) -> JournalLog {
        let one = |&(number, index): &(usize, usize)| {
            let row = &self.rows[number - 1];
            ProvedEntry {
                entry: hex(&row.entries[index]),
                header: hex(row.header.encode()),
                index: index as u32,
                path: path(index, &leaves(&row.entries)).iter().map(hex).collect(),
            }
        };
        let place = which.last().and_then(|(number, _)| self.place(*number));
        JournalLog { rows: None, proved: Some(which.iter().map(one).collect()), place, ..self.log(name) }
    }
}

pub(super) fn file(rng: &mut Seeded) -> File<JournalLog> {
    let mut server = Person::key_server(rng);
    let next = Pair::hybrid(rng);
    server.renew(rng, next);
    let (anna, one) = (cbor::text("anna"), cbor::bytes(draw_array::<32>(rng)));
    let others: Vec<_> = (0..6).map(|_| cbor::bytes(draw_array::<32>(rng))).collect();
    let mut scene = Scene {
        app: APP.to_owned(),
        bundles: server.bundles(),
        rows: Vec::new(),
        ends: Vec::new(),
        signer: by(&server, 0),
    };
    let empty = scene.log("empty");
    scene.add(&[&anna], TIME);
    let single = scene.log("one row of one entry");
    scene.add(&[&one, &others[0], &one], TIME + 1);
    // The server renewed its keys; two rows are of one moment.
    scene.signer = by(&server, 1);
    scene.add(&[&others[1], &others[2], &one, &others[3], &others[4], &others[5], &anna], TIME + 1);
    scene.add(&[&one], TIME + 5);
    let kept = |name: &str, numbers: &[usize]| {
        let kept = numbers.iter().filter_map(|number| scene.place(*number)).collect();
        JournalLog { kept, ..scene.log(name) }
    };
    let session = [(2, 0), (2, 2), (3, 2), (4, 0)];
    let mut vectors = vec![
        empty,
        single,
        scene.log("rows of several sessions"),
        kept("with headers that were kept", &[1, 3, 4]),
        scene.proofs("a session's entries", &session),
        scene.proofs("some of them", &session[1..3]),
        scene.proofs("none", &[]),
    ];
    for index in 0..7 {
        vectors.push(scene.proofs(&format!("entry {index} of a row of seven"), &[(3, index)]));
    }
    let mut rows = Vec::new();
    headers(rng, &scene, &server, &mut rows);
    logs(&scene, &mut rows);
    histories(&scene, (&anna, &one), &mut rows);
    proofs(&scene, &session, &mut rows);
    File { vectors, invalid: rows }
}

fn bad(rows: &mut Vec<Invalid<JournalLog>>, code: &str, row: JournalLog) {
    rows.push(invalid(code, JournalLog { place: None, ..row }));
}

fn headers(rng: &mut Seeded, scene: &Scene, server: &Person, rows: &mut Vec<Invalid<JournalLog>>) {
    let last = scene.rows.len() - 1;
    let good = &scene.rows[last].header;
    let with = |name: &str, header: Vec<u8>| {
        let mut row = scene.log(name);
        row.rows.as_mut().unwrap()[last].header = hex(header);
        row
    };
    for (name, bytes, code) in malformed(good, 8192) {
        bad(rows, code, with(&format!("header: {name}"), bytes));
    }
    let eve = Person::key_server(rng);
    for (name, draft, code) in [
        ("number 0", good.with(1, Uint(0)), "invalid-format"),
        ("number 1 with a header before", good.with(1, Uint(1)), "invalid-format"),
        ("no header before", good.with(2, Null), "invalid-format"),
        ("no entries", good.with(4, Uint(0)), "invalid-format"),
        ("2^32 entries", good.with(4, Uint(1 << 32)), "invalid-format"),
        ("a row is missing before", good.with(1, Uint(5)), "bad-signature"),
        ("a number again", good.with(1, Uint(3)), "bad-signature"),
        ("another header before", good.with(2, cbor::bytes([1; 32])), "bad-signature"),
        ("a time that falls", good.with(3, Uint(TIME)), "bad-signature"),
        ("another count", good.with(4, Uint(2)), "bad-signature"),
        ("another root", good.with(5, cbor::bytes([1; 32])), "bad-signature"),
        ("a signer who isn't there", good.with(6, cbor::bytes([1; 32])), "bad-signature"),
        ("another key server's", good.with(6, cbor::bytes(eve.hash().0)), "bad-signature"),
        ("by another, in the key server's name", Draft { seed: eve.seeds[0], ..good.clone() }, "bad-signature"),
        ("by the key of another version", Draft { seed: server.seeds[0], ..good.clone() }, "bad-signature"),
    ] {
        bad(rows, code, with(&format!("header: {name}"), draft.encode()));
    }
    let bundles = eve.bundles().iter().map(hex).collect();
    bad(rows, "bad-signature", JournalLog { bundles, ..scene.log("the log of another key server") });
}

fn logs(scene: &Scene, rows: &mut Vec<Invalid<JournalLog>>) {
    let with = |name: &str, change: &dyn Fn(&mut Vec<JournalRow>)| {
        let mut row = scene.log(name);
        change(row.rows.as_mut().unwrap());
        row
    };
    for (name, change) in [
        ("the first row left out", (|rows| drop(rows.remove(0))) as fn(&mut Vec<JournalRow>)),
        ("a row left out", |rows| drop(rows.remove(1))),
        ("a row twice", |rows| rows.insert(2, rows[1].clone())),
        ("rows exchanged", |rows| rows.swap(1, 2)),
        ("headers exchanged", |rows| {
            let header = rows[1].header.clone();
            rows[1].header = std::mem::replace(&mut rows[2].header, header);
        }),
        ("an entry changed", |rows| {
            let entry = &mut rows[2].entries[3];
            *entry = entry.replace(&hex("anna"), &hex("dora"));
        }),
        ("an entry left out", |rows| drop(rows[2].entries.remove(3))),
        ("the last entry left out", |rows| drop(rows[2].entries.pop())),
        ("all entries left out", |rows| rows[3].entries.clear()),
        ("an entry twice", |rows| {
            let entry = rows[3].entries[0].clone();
            rows[3].entries.push(entry);
        }),
        ("entries exchanged", |rows| rows[2].entries.swap(0, 1)),
        ("an entry of another row", |rows| rows[3].entries[0] = rows[2].entries[2].clone()),
    ] {
        bad(rows, "bad-signature", with(name, &change));
    }
    let kept = |name: &str, kept: Vec<(String, String)>| JournalLog { kept, ..scene.log(name) };
    let other = hex([1; 32]);
    for number in 1..=4 {
        let row = kept(&format!("another header {number} was kept"), vec![(number.to_string(), other.clone())]);
        bad(rows, "fork", row);
    }
    let beyond = ("5".to_owned(), other.clone());
    bad(rows, "rollback", kept("a later header was kept", vec![beyond.clone()]));
    bad(
        rows,
        "rollback",
        JournalLog { rows: Some(Vec::new()), ..kept("a header of an empty log", vec![beyond.clone()]) },
    );
    bad(rows, "fork", kept("two of one number were kept", vec![beyond, ("5".to_owned(), hex([2; 32]))]));
}

/// The key server signs what doesn't follow.
fn histories(scene: &Scene, (anna, one): (&Item, &Item), rows: &mut Vec<Invalid<JournalLog>>) {
    let ended = |scene: &Scene, subject: &Item| {
        scene.ends.iter().position(|(known, ..)| known == subject).expect("one of whom was told")
    };
    let mut forged = |name: &str, code: &str, change: &dyn Fn(&mut Scene)| {
        let mut scene = scene.clone();
        change(&mut scene);
        bad(rows, code, scene.log(name));
    };
    forged("an entry of a session is missing", "bad-signature", &|scene| {
        let place = ended(scene, one);
        scene.ends[place].1 += 1;
        scene.add(&[one], TIME + 9);
    });
    forged("an entry again", "bad-signature", &|scene| {
        let entry = scene.rows[3].entries[0].clone();
        scene.put(vec![entry], TIME + 9);
    });
    forged("another entry before", "bad-signature", &|scene| {
        let place = ended(scene, anna);
        scene.ends[place].2 = [1; 32];
        scene.add(&[anna], TIME + 9);
    });
    forged("a session that begins in the middle", "bad-signature", &|scene| {
        let other = cbor::bytes([9; 32]);
        scene.ends.push((other.clone(), 1, [1; 32]));
        scene.add(&[&other], TIME + 9);
    });
    forged("a session's time that falls", "bad-signature", &|scene| {
        let entry = scene.entry(one, TIME);
        scene.put(vec![entry], TIME + 9);
    });
    forged("an entry that is none", "invalid-format", &|scene| scene.put(vec![vec![0xa0]], TIME + 9));
    forged("an entry of no bytes", "invalid-format", &|scene| scene.put(vec![Vec::new()], TIME + 9));
}

fn proofs(scene: &Scene, session: &[(usize, usize)], rows: &mut Vec<Invalid<JournalLog>>) {
    let with = |name: &str, change: &dyn Fn(&mut Vec<ProvedEntry>)| {
        let mut row = scene.proofs(&format!("proof: {name}"), session);
        change(row.proved.as_mut().unwrap());
        row
    };
    for (name, change) in [
        ("another index", (|all| all[2].index = 3) as fn(&mut Vec<ProvedEntry>)),
        ("an index beyond the row", |all| all[2].index = 7),
        ("the index of another leaf of the same path", |all| all[3].index = 1),
        ("a path that is longer", |all| all[2].path.push(hex([0; 32]))),
        ("a path that is shorter", |all| drop(all[2].path.pop())),
        ("no path", |all| all[2].path.clear()),
        ("a path in another order", |all| all[2].path.reverse()),
        ("another path", |all| all[2].path[1] = hex([1; 32])),
        ("of another entry", |all| all[2].entry = all[3].entry.clone()),
        ("an entry changed", |all| all[2].entry = all[2].entry.replace(&hex("anna"), &hex("dora"))),
        ("another row's header", |all| all[2].header = all[3].header.clone()),
        ("entries exchanged", |all| all.swap(2, 3)),
        ("entries of one row exchanged", |all| all.swap(0, 1)),
        ("an entry twice", |all| all.insert(1, all[0].clone())),
    ] {
        bad(rows, "bad-signature", with(name, &change));
    }
    let flipped = |all: &mut Vec<ProvedEntry>| {
        let header = &mut all[3].header;
        let last = if header.ends_with('0') { "1" } else { "0" };
        header.replace_range(header.len() - 1.., last);
    };
    bad(rows, "bad-signature", with("a header whose signature is another", &flipped));
    bad(rows, "invalid-format", with("no header", &|all| all[0].header.clear()));
    // A row of one number twice.
    let mut other = scene.clone();
    let (seed, row) = (other.signer.0, &mut other.rows[3]);
    row.header = Draft { seed, ..row.header.with(3, Uint(TIME + 6)) };
    let mut both = scene.proofs("proof: two rows of one number", session);
    both.proved.as_mut().unwrap().extend(other.proofs("", &session[3..]).proved.unwrap());
    bad(rows, "fork", both);
}
