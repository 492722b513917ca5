//! Logs of sessions that are wrong in one place.

use wardkey::party::Party;

use super::{rows::Cast, session::Rows};
use crate::common::{
    cbor::{self, Array, Item, Map, Null, Uint},
    craft::{
        flip,
        session::{
            ENTRY, Entry, Genesis, SESSION, WRAPS, assignment, generation, grant, hash, object, party, payload_of,
            revoke, revoke_all,
        },
    },
    hex::hex,
    people::Person,
    rng::{Seeded, draw_array},
    story::{Seen, Story},
};

pub(super) fn seen(sequence: u64, hash: [u8; 32]) -> Seen {
    Seen { sequence, hash: hex(hash) }
}

pub(super) fn logs(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    geneses(rng, cast, rows);
    entries(rng, cast, rows);
    rules(rng, cast, rows);
    before(rng, cast, rows);
}

fn geneses(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, mallory, key_server, .. } = cast;
    let people = cast.all();
    let key = draw_array(rng);
    let good = Genesis::of(alice, rng, &key, &[(alice.party(), 15), (bob.party(), 1)]);
    let fails = |rows: &mut Rows, name: &str, error: &str, genesis: &Genesis, object: &[u8]| {
        rows.fails("log", &format!("genesis: {name}"), error, Story::of(genesis, object, key).log_input(&people));
    };
    let signed = good.sign(alice.seed());
    let other = Genesis { random: [1; 16], ..good.clone() };
    fails(rows, "of another session", "key-mismatch", &good, &other.sign(alice.seed()));
    // W9: an enrolled colluder's own record.
    let colluders = Genesis { creator: mallory.signer.bundle.0, ..good.clone() };
    fails(rows, "another's record under this id", "key-mismatch", &good, &colluders.sign(mallory.seed()));
    let foreign = Genesis { app: "other.example".to_owned(), ..good.clone() };
    fails(rows, "of another application", "key-mismatch", &foreign, &foreign.sign(alice.seed()));
    let unknown = Genesis { creator: [9; 32], ..good.clone() };
    fails(rows, "by an unknown bundle", "bad-signature", &unknown, &unknown.sign(alice.seed()));
    fails(rows, "signed by another", "bad-signature", &good, &good.sign(mallory.seed()));
    for (name, label) in [("an entry", ENTRY), ("wraps", WRAPS), ("a bundle", "wardkey/v1/bundle")] {
        let object = object(label, &good.payload(), alice.seed(), Vec::new());
        fails(rows, &format!("signed as {name}"), "bad-signature", &good, &object);
    }
    let servers = Genesis { creator: key_server.signer.bundle.0, ..good.clone() };
    fails(rows, "by the key server", "forbidden", &servers, &servers.sign(key_server.seed()));
    let mut input = Story::of(&good, &signed, key).log_input(&people);
    input.minimum = 2;
    rows.fails("log", "genesis: below the minimum", "downgrade", input);

    let alices = party(&alice.party());
    let with = |grants: Vec<(Item, u64)>| Genesis { grants, ..good.clone() };
    let malformed = [
        ("no party", with(Vec::new())),
        ("no reader", with(vec![(alices.clone(), 6)])),
        ("no right", with(vec![(alices.clone(), 15), (party(&bob.party()), 0)])),
        ("manage alone", with(vec![(alices.clone(), 8)])),
        ("manage without revoke", with(vec![(alices.clone(), 11)])),
        ("an unknown right", with(vec![(alices.clone(), 16)])),
        ("not sorted", with(good.grants.iter().rev().cloned().collect())),
        ("a party twice", with(vec![(alices.clone(), 1), (alices.clone(), 15)])),
        ("a party of no kind", with(vec![(Array(vec![Uint(3), cbor::text("alice")]), 15)])),
        ("a user id shaped like a group's", with(vec![(user(&"a".repeat(43)), 15)])),
        ("a control character in a user id", with(vec![(user("a\nb"), 15)])),
        ("an app id of 129 bytes", Genesis { app: "a".repeat(129), ..good.clone() }),
        ("no app id", Genesis { app: String::new(), ..good.clone() }),
        ("a short commitment", Genesis { commitment: vec![1; 31], ..good.clone() }),
    ];
    for (name, genesis) in malformed {
        fails(rows, name, "invalid-format", &genesis, &genesis.sign(alice.seed()));
    }
    let Map(fields) = good.payload() else { unreachable!() };
    let mut more = fields.clone();
    more.push((Uint(7), Null));
    let fewer = fields[..5].to_vec();
    let mut swapped = fields;
    swapped.swap(0, 1);
    for (name, fields) in [("a field too many", more), ("a field missing", fewer), ("fields not sorted", swapped)] {
        fails(rows, name, "invalid-format", &good, &object(SESSION, &Map(fields), alice.seed(), Vec::new()));
    }
    fails(rows, "cut", "invalid-format", &good, &signed[..signed.len() - 1]);
    fails(rows, "nothing", "invalid-format", &good, &[]);
    fails(rows, "something behind it", "invalid-format", &good, &[signed.as_slice(), &[0]].concat());
    let mut later = signed.clone();
    later[1] = 2;
    fails(rows, "another version", "unsupported-version", &good, &later);
    let more = object(SESSION, &good.payload(), alice.seed(), vec![Null]);
    fails(rows, "an element too many", "invalid-format", &good, &more);
}

fn user(id: &str) -> Item {
    Array(vec![Uint(0), cbor::text(id), cbor::bytes([1; 32])])
}

fn entries(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, 15), (bob, 7)]);
    story.grant(rng, alice, &[(carol, 1)], &[]);
    let good = story.next(alice, revoke(&[carol.party()]));
    let with = |entry: &[u8]| {
        let mut input = story.log_input(&people);
        input.entries.push(hex(entry));
        input
    };
    assert!(with(&good.sign(alice.seed())).open("log").is_ok());
    type Change<'a> = Box<dyn Fn(&mut Entry) + 'a>;
    let changes: Vec<(&str, &str, Change<'_>)> = vec![
        ("of another session", "key-mismatch", Box::new(|entry: &mut Entry| entry.session = [3; 32])),
        ("a sequence too high", "bad-signature", Box::new(|entry: &mut Entry| entry.sequence = 3)),
        ("a sequence that was", "bad-signature", Box::new(|entry: &mut Entry| entry.sequence = 1)),
        ("the highest sequence", "bad-signature", Box::new(|entry: &mut Entry| entry.sequence = u64::MAX)),
        ("another hash before", "bad-signature", Box::new(|entry: &mut Entry| entry.previous[31] ^= 1)),
        (
            "the session's id as the hash before",
            "bad-signature",
            Box::new(|entry: &mut Entry| entry.previous = entry.session),
        ),
        ("by an unknown bundle", "bad-signature", Box::new(|entry: &mut Entry| entry.signer[0] ^= 1)),
        ("by another's bundle", "bad-signature", Box::new(|entry: &mut Entry| entry.signer = bob.signer.bundle.0)),
        ("sequence 0", "invalid-format", Box::new(|entry: &mut Entry| entry.sequence = 0)),
        ("action 6", "unsupported-version", Box::new(|entry: &mut Entry| entry.action = Array(vec![Uint(6)]))),
        (
            "action 0",
            "unsupported-version",
            Box::new(|entry: &mut Entry| entry.action = Array(vec![Uint(0), Null, Null])),
        ),
        ("no action", "invalid-format", Box::new(|entry: &mut Entry| entry.action = Array(Vec::new()))),
        ("an action that is null", "invalid-format", Box::new(|entry: &mut Entry| entry.action = Null)),
        ("a grant of nothing", "invalid-format", Box::new(|entry: &mut Entry| entry.action = grant(&[]))),
        ("a revocation of nobody", "invalid-format", Box::new(|entry: &mut Entry| entry.action = revoke(&[]))),
        (
            "a grant without its list",
            "invalid-format",
            Box::new(|entry: &mut Entry| entry.action = Array(vec![Uint(1)])),
        ),
        (
            "an end that names somebody",
            "invalid-format",
            Box::new(|entry: &mut Entry| entry.action = Array(vec![Uint(3), Array(Vec::new())])),
        ),
        ("a short commitment", "invalid-format", Box::new(|entry: &mut Entry| entry.action = generation(1, &[1; 31]))),
        (
            "a revocation not sorted",
            "invalid-format",
            Box::new(|entry: &mut Entry| {
                entry.action = Array(vec![Uint(2), Array(vec![party(&carol.party()), party(&bob.party())])]);
            }),
        ),
        (
            "a revocation of one party twice",
            "invalid-format",
            Box::new(|entry: &mut Entry| {
                entry.action = Array(vec![Uint(2), Array(vec![party(&bob.party()), party(&bob.party())])]);
            }),
        ),
        (
            "a user assigned",
            "invalid-format",
            Box::new(|entry: &mut Entry| entry.action = assignment(&bob.party(), &[1; 32])),
        ),
        (
            "authority of two elements",
            "invalid-format",
            Box::new(|entry: &mut Entry| {
                entry.authority = Array(vec![cbor::bytes([1; 32]), Uint(1)]);
            }),
        ),
        (
            "authority of a group",
            "unknown-group",
            Box::new(|entry: &mut Entry| {
                entry.authority = Array(vec![cbor::bytes([1; 32]), Uint(1), cbor::bytes([2; 32])]);
            }),
        ),
    ];
    for (name, error, change) in changes {
        let mut entry = good.clone();
        change(&mut entry);
        rows.fails("log", &format!("entry: {name}"), error, with(&entry.sign(alice.seed())));
    }
    rows.fails("log", "entry: signed by another", "bad-signature", with(&good.sign(mallory.seed())));
    for (name, label) in [("a session", SESSION), ("wraps", WRAPS), ("a receipt", "wardkey/v1/receipt")] {
        let object = object(label, &good.payload(), alice.seed(), Vec::new());
        rows.fails("log", &format!("entry: signed as {name}"), "bad-signature", with(&object));
    }
    rows.fails("log", "entry: the same once more", "bad-signature", with(&story.entries[0]));
    let signed = good.sign(alice.seed());
    let changed = flip(&signed, 8 * (signed.len() - 64));
    rows.fails("log", "entry: a flipped bit", "bad-signature", with(&changed));
    // In another order, or with a hole.
    let mut long = story.clone();
    long.push(&good, alice.seed());
    long.grant(rng, alice, &[(carol, 1)], &[]);
    let mut input = long.log_input(&people);
    input.entries.swap(0, 1);
    rows.fails("log", "entries in another order", "bad-signature", input);
    let mut input = long.log_input(&people);
    input.entries.remove(1);
    rows.fails("log", "an entry is missing", "bad-signature", input);
}

fn rules(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, key_server } = cast;
    let people = cast.all();
    let placeholder = cast.placeholder();
    let mut story = Story::new(rng, &[(alice, 15), (bob, 3), (carol, 4)]);
    story.tell(alice, grant(&[(placeholder.clone(), 1)]));
    let commitment = [5; 32];
    let to = |person: &Person, rights: u64| grant(&[(person.party(), rights)]);
    let cases: Vec<(&str, &Person, Item)> = vec![
        ("a grant by who has no rights", mallory, to(mallory, 1)),
        ("a grant without forward", carol, to(mallory, 4)),
        ("a grant of what the signer lacks", bob, to(mallory, 4)),
        ("a grant of manage by who doesn't", bob, to(bob, 15)),
        ("one right too many in a list", bob, grant(&[(carol.party(), 1), (mallory.party(), 7)])),
        ("a revocation without revoke", bob, revoke(&[carol.party()])),
        ("a revocation of oneself without revoke", bob, revoke(&[bob.party()])),
        ("a manager revoked by who isn't one", carol, revoke(&[alice.party()])),
        ("a manager among others revoked by who isn't one", carol, revoke(&[alice.party(), bob.party()])),
        ("a revocation of who has no rights", alice, revoke(&[bob.party(), mallory.party()])),
        ("the end by who doesn't manage", carol, revoke_all()),
        ("a generation by who doesn't read", carol, generation(1, &commitment)),
        ("a generation by who has no rights", mallory, generation(1, &commitment)),
        ("generation 0 again", alice, generation(0, &commitment)),
        ("generation 2 after 0", alice, generation(2, &commitment)),
        ("a generation beyond 32 bits", alice, generation(1 << 32 | 1, &commitment)),
        ("an assignment by a manager", alice, assignment(&placeholder, &[7; 32])),
        ("an assignment of who has no rights", key_server, assignment(&other_place(cast), &[7; 32])),
        ("a grant by the key server", key_server, to(mallory, 1)),
        ("a generation by the key server", key_server, generation(1, &commitment)),
    ];
    for (name, by, action) in cases {
        let mut story = story.clone();
        story.tell(by, action);
        rows.fails("log", name, "forbidden", story.log_input(&people));
    }
    // Of another identity of the same name.
    let namesake = Person::new(rng, "bob");
    let mut other = story.clone();
    other.tell(&namesake, to(mallory, 1));
    rows.fails("log", "a grant by another of the same name", "forbidden", other.log_input(&[alice, carol, &namesake]));
    // By another key server than the one that the placeholder names.
    let impostor = Person::key_server(rng);
    let mut other = story.clone();
    other.tell(&impostor, assignment(&placeholder, &[7; 32]));
    rows.fails(
        "log",
        "an assignment by another key server",
        "forbidden",
        other.log_input(&[alice, bob, carol, &impostor]),
    );
    // A user is no key server, though the placeholder names his identity.
    let name = wardkey::identity::UserId::new("own").expect("a name");
    let own = Party::Placeholder { name, escrow: alice.signer.identity, contact: None };
    let mut other = story.clone();
    other.tell(alice, grant(&[(own.clone(), 1)]));
    other.tell(alice, assignment(&own, &[7; 32]));
    rows.fails("log", "an assignment by the user whom the placeholder names", "forbidden", other.log_input(&people));
    // Once only.
    let mut other = story.clone();
    other.tell(key_server, assignment(&placeholder, &[7; 32]));
    other.tell(key_server, assignment(&placeholder, &[8; 32]));
    rows.fails("log", "an assignment of what was assigned", "forbidden", other.log_input(&people));
    // After the loss, and after the end.
    let mut other = story.clone();
    other.tell(alice, revoke(&[bob.party()]));
    other.tell(bob, to(mallory, 1));
    rows.fails("log", "a grant by who was revoked", "forbidden", other.log_input(&people));
    for (name, by, action) in [
        ("a grant", alice, to(alice, 15)),
        ("a generation", alice, generation(1, &commitment)),
        ("an assignment", key_server, assignment(&placeholder, &[7; 32])),
        ("another end", alice, revoke_all()),
    ] {
        let mut other = story.clone();
        other.tell(alice, revoke_all());
        other.tell(by, action);
        rows.fails("log", &format!("after the end: {name}"), "forbidden", other.log_input(&people));
    }
}

fn other_place(cast: &Cast) -> Party {
    let name = wardkey::identity::UserId::new("elsewhere").expect("a name");
    Party::Placeholder { name, escrow: cast.key_server.signer.identity, contact: None }
}

fn before(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, 15), (bob, 7)]);
    let start = story.clone();
    story.grant(rng, alice, &[(carol, 1)], &[]);
    let mut fork = start.clone();
    fork.tell(bob, revoke(&[bob.party()]));
    let mut input = start.log_input(&people);
    input.seen = vec![seen(1, story.hashes[1])];
    rows.fails("log", "shorter than seen before", "rollback", input);
    let mut input = fork.log_input(&people);
    input.seen = vec![seen(1, story.hashes[1])];
    rows.fails("log", "another entry than seen before", "fork", input);
}

/// Alice has renewed her keys.
pub(super) fn renewed(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let old = wardkey::signed::Hash(hash("wardkey/v1/bundle", &payload_of(&alice.bundles[0])));
    let mut story = Story::new(rng, &[(alice, 15), (bob, 7)]);
    let mut entry = story.next(alice, grant(&[(carol.party(), 1)]));
    entry.signer = old.0;
    story.push(&entry, alice.signing[1].seed().expose());
    rows.fails("log", "an older bundle than the genesis's", "rollback", story.log_input(&people));
}
