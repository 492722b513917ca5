//! `journal.json`: SPEC section 14.1.

use sha2::{Digest, Sha256};

use super::invalid;
use crate::common::{
    cbor::{self, Item, Map, Null, Uint},
    craft::objects::{APP, Draft, Person, malformed},
    hex::hex,
    keys::Pair,
    objects::schema::Journal,
    rng::{Seeded, draw_array},
    schema::{File, Invalid},
};

const TIME: u64 = 1_800_000_000_000;

/// An entry's fields 1 to 7.
type Fields = Vec<Item>;

fn encode(fields: &Fields) -> Vec<u8> {
    Map((1..).map(Uint).zip(fields.clone()).collect()).encode()
}

fn hash(entry: &[u8]) -> [u8; 32] {
    Sha256::digest([b"wardkey/v1/journal\0".as_slice(), entry].concat()).into()
}

/// Action, actor, detail.
type Action<'a> = (&'a str, Option<&'a str>, &'a [(&'a str, &'a str)]);

/// A chain of these actions.
fn chain(subject: &Item, actions: &[Action<'_>]) -> Vec<Fields> {
    let mut entries: Vec<Fields> = Vec::new();
    for (sequence, (action, actor, detail)) in (1..).zip(actions) {
        entries.push(vec![
            subject.clone(),
            Uint(sequence),
            entries.last().map_or(Null, |last| cbor::bytes(hash(&encode(last)))),
            Uint(TIME + sequence / 2),
            actor.map_or(Null, cbor::text),
            cbor::text(action),
            cbor::context(detail.iter().copied()),
        ]);
    }
    entries
}

fn head(key_server: &Person, subject: &Item, last: (u64, [u8; 32])) -> Draft {
    let fields =
        vec![subject.clone(), Uint(last.0), cbor::bytes(last.1), Uint(TIME + 9), cbor::bytes(key_server.hash().0)];
    Draft::new("wardkey/v1/journal-head", fields, key_server.seed())
}

struct Scene {
    key_server: Person,
    subject: Item,
    entries: Vec<Fields>,
}

impl Scene {
    fn bytes(&self) -> Vec<Vec<u8>> {
        self.entries.iter().map(encode).collect()
    }

    fn place(&self, sequence: usize) -> (u64, [u8; 32]) {
        (sequence as u64, sequence.checked_sub(1).map_or([0; 32], |place| hash(&encode(&self.entries[place]))))
    }

    fn head(&self) -> Draft {
        head(&self.key_server, &self.subject, self.place(self.entries.len()))
    }

    fn row(&self, name: &str, after: usize) -> Journal {
        let (user_id, session_id) = match &self.subject {
            Item::Text(id) => (Some(id.clone()), None),
            Item::Bytes(id) => (None, Some(hex(id))),
            _ => panic!("a subject"),
        };
        let (sequence, last) = self.place(self.entries.len());
        Journal {
            name: name.to_owned(),
            app_id: APP.to_owned(),
            bundles: self.key_server.bundles().iter().map(hex).collect(),
            user_id,
            session_id,
            after: after.to_string(),
            entries: self.bytes()[after..].iter().map(hex).collect(),
            head: hex(self.head().encode()),
            remembered: None,
            place: Some((sequence.to_string(), hex(last))),
        }
    }

    /// The same, with this place remembered.
    fn remembering(&self, name: &str, after: usize, remembered: usize) -> Journal {
        let (sequence, last) = self.place(remembered);
        Journal { remembered: Some((sequence.to_string(), hex(last))), ..self.row(name, after) }
    }
}

pub(super) fn file(rng: &mut Seeded) -> File<Journal> {
    let mut key_server = Person::key_server(rng);
    let next = Pair::hybrid(rng);
    key_server.renew(rng, next);
    let of_user = chain(
        &cbor::text("anna"),
        &[
            ("register", Some("anna"), &[("version", "1")]),
            ("recovery-start", None, &[("recovery", "AAAAAAAAAAAAAAAAAAAAAA")]),
            ("backup-pending", Some("anna"), &[("version", "2")]),
            ("renew", Some("anna"), &[("version", "2"), ("a", ""), ("bb", "c")]),
        ],
    );
    let session = cbor::bytes(draw_array::<32>(rng));
    let of_session = chain(
        &session,
        &[
            ("create", Some("anna"), &[("entry", "0")]),
            ("release", Some("bob"), &[("generation", "0")]),
            ("revoke", Some("anna"), &[("entry", "1")]),
        ],
    );
    let older = Person {
        seeds: key_server.seeds[..1].to_vec(),
        drafts: key_server.drafts[..1].to_vec(),
        pairs: Vec::new(),
        app: key_server.app.clone(),
        user: None,
    };
    let by_older = head(&older, &session, (3, hash(&encode(&of_session[2])))).encode();
    let user = Scene { key_server, subject: cbor::text("anna"), entries: of_user };
    let server = &user.key_server;
    let copy = |server: &Person| Person {
        app: server.app.clone(),
        user: None,
        pairs: Vec::new(),
        seeds: server.seeds.clone(),
        drafts: server.drafts.clone(),
    };
    let empty = Scene { key_server: copy(server), subject: cbor::text("bob"), entries: Vec::new() };
    let session = Scene { key_server: copy(server), subject: session, entries: of_session };
    let vectors = vec![
        user.row("a user's", 0),
        session.row("a session's", 0),
        empty.row("empty", 0),
        user.row("from the third entry on", 2),
        user.remembering("remembered, from there on", 2, 2),
        user.remembering("remembered, from before", 1, 3),
        user.remembering("nothing new", 4, 4),
        user.remembering("empty was remembered", 0, 0),
        Journal { head: hex(by_older), ..session.row("head by an older bundle", 0) },
    ];
    let mut rows = Vec::new();
    heads(rng, &user, &mut rows);
    entries(&user, &mut rows);
    histories(rng, &user, &mut rows);
    File { vectors, invalid: rows }
}

fn bad(rows: &mut Vec<Invalid<Journal>>, code: &str, row: Journal) {
    rows.push(invalid(code, Journal { place: None, ..row }));
}

fn heads(rng: &mut Seeded, user: &Scene, rows: &mut Vec<Invalid<Journal>>) {
    let good = user.head();
    let with = |name: &str, head: Vec<u8>| Journal { head: hex(head), ..user.row(name, 0) };
    for (name, bytes, code) in malformed(&good, 8192) {
        bad(rows, code, with(&format!("head: {name}"), bytes));
    }
    let eve = Person::key_server(rng);
    let last = user.place(4);
    for (name, draft, code) in [
        ("head of another user", good.with(1, cbor::text("eve")), "key-mismatch"),
        ("head of a session", good.with(1, cbor::bytes([7; 32])), "key-mismatch"),
        ("head of no entry, with a hash", good.with(2, Uint(0)), "invalid-format"),
        ("head of another sequence", good.with(2, Uint(5)), "bad-signature"),
        ("head of an earlier entry", head(&user.key_server, &user.subject, user.place(3)), "bad-signature"),
        ("head of an empty journal", head(&user.key_server, &user.subject, (0, [0; 32])), "bad-signature"),
        ("head with another hash", good.with(3, cbor::bytes([1; 32])), "bad-signature"),
        ("head by another key server", head(&eve, &user.subject, last), "bad-signature"),
        ("head by another, in the key server's name", Draft { seed: eve.seeds[0], ..good.clone() }, "bad-signature"),
        (
            "head by the key of another version",
            Draft { seed: user.key_server.seeds[0], ..good.clone() },
            "bad-signature",
        ),
    ] {
        bad(rows, code, with(name, draft.encode()));
    }
}

fn entries(user: &Scene, rows: &mut Vec<Invalid<Journal>>) {
    let bytes = user.bytes();
    let with =
        |name: &str, entries: &[Vec<u8>]| Journal { entries: entries.iter().map(hex).collect(), ..user.row(name, 0) };
    let replaced = |place: usize, entry: Vec<u8>| {
        let mut entries = bytes.clone();
        entries[place] = entry;
        entries
    };
    let changed = |place: usize, field: usize, item: Item| {
        let mut fields = user.entries[place].clone();
        fields[field - 1] = item;
        replaced(place, encode(&fields))
    };
    let unsorted = Map(vec![(cbor::text("bb"), cbor::text("")), (cbor::text("a"), cbor::text(""))]);
    let twice = Map(vec![(cbor::text("a"), cbor::text("")), (cbor::text("a"), cbor::text(""))]);
    for (name, entries) in [
        ("entry cut", replaced(3, bytes[3][..bytes[3].len() - 1].to_vec())),
        ("entry with a byte more", replaced(3, [bytes[3].as_slice(), &[0]].concat())),
        ("entry empty", replaced(0, Vec::new())),
        ("sequence 0", changed(0, 2, Uint(0))),
        ("first entry with a previous hash", changed(0, 3, cbor::bytes([0; 32]))),
        ("second entry without a previous hash", changed(1, 3, Null)),
        ("subject like a hash", changed(0, 1, cbor::text(&"a".repeat(43)))),
        ("subject of 31 bytes", changed(0, 1, cbor::bytes([1; 31]))),
        ("subject null", changed(0, 1, Null)),
        ("actor with an arrow", changed(0, 5, cbor::text("a→b"))),
        ("action null", changed(0, 6, Null)),
        ("detail not sorted", changed(3, 7, unsorted)),
        ("detail with a key twice", changed(3, 7, twice)),
    ] {
        bad(rows, "invalid-format", with(name, &entries));
    }
    bad(rows, "key-mismatch", with("an entry of another user", &changed(3, 1, cbor::text("eve"))));
    bad(rows, "key-mismatch", with("an entry of a session", &changed(3, 1, cbor::bytes([1; 32]))));
    for (name, entries) in [
        ("an entry changed", changed(1, 6, cbor::text("contact"))),
        ("the last entry changed", changed(3, 5, Null)),
        ("an entry left out", [&bytes[..1], &bytes[2..]].concat()),
        ("the first entry left out", bytes[1..].to_vec()),
        ("the last entry left out", bytes[..3].to_vec()),
        ("all entries left out", Vec::new()),
        ("an entry twice", [&bytes[..2], &bytes[1..]].concat()),
        ("entries exchanged", vec![bytes[0].clone(), bytes[2].clone(), bytes[1].clone(), bytes[3].clone()]),
    ] {
        bad(rows, "bad-signature", with(name, &entries));
    }
    let beyond =
        Journal { entries: user.row("", 2).entries, ..user.row("entries from elsewhere on than asked for", 1) };
    bad(rows, "bad-signature", beyond);
}

/// The key server itself tells something else than before.
fn histories(rng: &mut Seeded, user: &Scene, rows: &mut Vec<Invalid<Journal>>) {
    let backwards = {
        let mut entries = user.entries.clone();
        entries[3][3] = Uint(TIME);
        entries
    };
    let copy = |entries: Vec<Fields>| Scene {
        key_server: Person {
            app: user.key_server.app.clone(),
            user: None,
            pairs: Vec::new(),
            seeds: user.key_server.seeds.clone(),
            drafts: user.key_server.drafts.clone(),
        },
        subject: user.subject.clone(),
        entries,
    };
    bad(rows, "bad-signature", copy(backwards).row("a time that falls", 0));
    let shorter = copy(user.entries[..3].to_vec());
    let remembered = |name: &str, scene: &Scene, after: usize, place: (u64, [u8; 32])| Journal {
        remembered: Some((place.0.to_string(), hex(place.1))),
        ..scene.row(name, after)
    };
    bad(rows, "rollback", remembered("shorter than remembered", &shorter, 0, user.place(4)));
    bad(rows, "rollback", remembered("shorter, from its end on", &shorter, 3, user.place(4)));
    let elsewhere = draw_array(rng);
    bad(rows, "fork", remembered("another first entry than remembered", user, 0, (1, elsewhere)));
    bad(rows, "fork", remembered("another last entry than remembered", user, 0, (4, elsewhere)));
    bad(rows, "fork", remembered("another entry before the first", user, 2, (2, elsewhere)));
    bad(rows, "fork", remembered("nothing new, and another head", user, 4, (4, elsewhere)));
}
