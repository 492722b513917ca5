//! Sessions that are wrong in one place.

use sha2::{Digest, Sha256};
use wardkey::party::Party;

use super::session::{Cast, Rows};
use crate::common::{
    cbor::{self, Array, Item, Map, Null, Uint},
    craft::{
        expand, flip,
        message::{Trailer, group, header, leaf, sealed},
        session::{
            ENTRY, Entry, Genesis, SESSION, WRAPS, Wraps, assignment, generation, grant, object, party, payload_of,
            revoke, revoke_all,
        },
    },
    hex::hex,
    people::Person,
    rng::{Seeded, draw_array},
    story::{Input, Seen, Story, only_for},
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
    assert!(with(&good.sign(alice.seed())).log().is_ok());
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

pub(super) fn sessions(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let start = Story::new(rng, &[(alice, 15), (bob, 3)]);
    let mut story = start.clone();
    story.grant(rng, alice, &[(carol, 1)], &[]);
    let of_grant = story.wraps_for(rng, alice, &[carol]);
    story.wraps.push(of_grant.sign(alice.seed()));
    story.begin_generation(rng, bob);
    let of_generation = story.generation_wraps(rng, bob, &[alice, bob, carol]);
    let with = |at: usize, wraps: &[u8], reader: &Person| {
        let mut story = story.clone();
        story.wraps.push(of_generation.sign(bob.seed()));
        let mut story = story.given_to(reader);
        story.wraps[at] = wraps.to_vec();
        story.input(&people, reader)
    };
    assert!(with(2, &of_generation.sign(bob.seed()), carol).open("session").is_ok());

    type Change<'a> = Box<dyn Fn(&mut Wraps) + 'a>;
    let swap = |wraps: &mut Wraps, a: usize, b: usize| {
        wraps.stanzas.swap(a, b);
        wraps.bodies.swap(a, b);
    };
    let drop_at = |wraps: &mut Wraps, at: usize| {
        wraps.stanzas.remove(at);
        wraps.bodies.remove(at);
    };
    let other = [6; 32];
    let (other_id, other_commitment) = (expand(&other, "key-id", 16), expand(&other, "key-commitment", 32));
    let changes: Vec<(&str, &str, usize, Change<'_>)> = vec![
        ("of another session", "key-mismatch", 2, Box::new(|wraps: &mut Wraps| wraps.session = [3; 32])),
        ("of an entry that isn't there", "bad-signature", 2, Box::new(|wraps: &mut Wraps| wraps.sequence = 3)),
        ("of an entry far away", "bad-signature", 2, Box::new(|wraps: &mut Wraps| wraps.sequence = u64::MAX)),
        ("of an entry that has some", "bad-signature", 2, Box::new(|wraps: &mut Wraps| wraps.sequence = 1)),
        (
            "by another than the entry's signer",
            "bad-signature",
            2,
            Box::new(|wraps: &mut Wraps| wraps.signer = alice.signer.bundle.0),
        ),
        ("another generation", "key-mismatch", 2, Box::new(|wraps: &mut Wraps| wraps.generation = 0)),
        (
            "a generation beyond 32 bits",
            "key-mismatch",
            2,
            Box::new(|wraps: &mut Wraps| wraps.generation = 1 << 32 | 1),
        ),
        (
            "another commitment",
            "key-mismatch",
            2,
            Box::new(|wraps: &mut Wraps| wraps.commitment.clone_from(&other_commitment)),
        ),
        (
            "another key id in a grant",
            "key-mismatch",
            1,
            Box::new(|wraps: &mut Wraps| wraps.key_id.clone_from(&other_id)),
        ),
        (
            "a generation without the key before",
            "bad-signature",
            2,
            Box::new(|wraps: &mut Wraps| wraps.previous = Null),
        ),
        (
            "a grant with a key before",
            "bad-signature",
            1,
            Box::new(|wraps: &mut Wraps| wraps.previous = cbor::bytes([0; 104])),
        ),
        (
            "a key before of 103 bytes",
            "invalid-format",
            2,
            Box::new(|wraps: &mut Wraps| wraps.previous = cbor::bytes([0; 103])),
        ),
        ("a reader too few", "bad-signature", 2, Box::new(|wraps: &mut Wraps| drop_at(wraps, 1))),
        ("nobody", "invalid-format", 2, Box::new(|wraps: &mut Wraps| (0..3).for_each(|_| drop_at(wraps, 0)))),
        ("not sorted", "invalid-format", 2, Box::new(|wraps: &mut Wraps| swap(wraps, 0, 1))),
        (
            "a party twice",
            "invalid-format",
            2,
            Box::new(|wraps: &mut Wraps| wraps.stanzas[1].0 = wraps.stanzas[0].0.clone()),
        ),
        (
            "rsa-2048",
            "invalid-format",
            2,
            Box::new(|wraps: &mut Wraps| {
                wraps.stanzas[0].2 = 2;
                wraps.bodies[0] = cbor::bytes([0; 256]);
            }),
        ),
        ("an unknown suite", "invalid-format", 2, Box::new(|wraps: &mut Wraps| wraps.stanzas[0].2 = 5)),
        (
            "a body of another length",
            "invalid-format",
            2,
            Box::new(|wraps: &mut Wraps| wraps.bodies[0] = cbor::bytes([0; 1167])),
        ),
        ("a body too few", "invalid-format", 2, Box::new(|wraps: &mut Wraps| wraps.bodies.truncate(2))),
        ("a body too many", "invalid-format", 2, Box::new(|wraps: &mut Wraps| wraps.bodies.push(Null))),
        ("a body that is a number", "invalid-format", 2, Box::new(|wraps: &mut Wraps| wraps.bodies[0] = Uint(1))),
        ("bodies exchanged", "bad-signature", 2, Box::new(|wraps: &mut Wraps| wraps.bodies.swap(0, 1))),
        ("a body changed", "bad-signature", 2, Box::new(|wraps: &mut Wraps| wraps.bodies[1] = cbor::bytes([0; 1168]))),
    ];
    for (name, error, at, change) in changes {
        let (mut wraps, signer) = if at == 1 { (of_grant.clone(), alice) } else { (of_generation.clone(), bob) };
        change(&mut wraps);
        rows.fails("session", &format!("wraps: {name}"), error, with(at, &wraps.sign(signer.seed()), carol));
    }
    let signed = of_generation.sign(bob.seed());
    rows.fails(
        "session",
        "wraps: signed by another",
        "bad-signature",
        with(2, &of_generation.sign(mallory.seed()), carol),
    );
    let bodies = vec![Array(of_generation.bodies.clone())];
    let as_entry = object(ENTRY, &of_generation.payload(), bob.seed(), bodies);
    rows.fails("session", "wraps: signed as an entry", "bad-signature", with(2, &as_entry, carol));
    // W4: added, dropped, doubled.
    let mut more = of_generation.clone();
    more.add(rng, story.key(), mallory);
    rows.fails("session", "wraps: a reader too many", "bad-signature", with(2, &more.sign(bob.seed()), carol));
    let mut input = with(2, &signed, carol);
    input.wraps.push(hex(&signed));
    rows.fails("session", "wraps: two of one entry", "bad-signature", input);
    for at in 0..3 {
        let mut input = with(2, &signed, carol);
        input.wraps.remove(at);
        rows.fails("session", &format!("wraps: number {at} is missing"), "bad-signature", input);
    }
    let mut input = with(2, &signed, carol);
    input.minimum = 1;
    input.wraps[0] = hex(only_for(&story.wraps[0], &alice.party().to_bytes()));
    input.wraps[2] = hex(only_for(&signed, &alice.party().to_bytes()));
    rows.fails("session", "wraps: his own body is missing", "bad-signature", input);
    // Of entries that have none: a revocation, and a grant to who has a stanza.
    let mut none = start.clone();
    none.grant(rng, alice, &[(bob, 1)], &[bob]);
    rows.fails("session", "wraps: a second stanza of one party", "bad-signature", none.input(&people, bob));
    let mut none = start.clone();
    none.tell(alice, revoke(&[bob.party()]));
    let wraps = none.wraps_for(rng, alice, &[alice]);
    none.wraps.push(wraps.sign(alice.seed()));
    rows.fails("session", "wraps: of a revocation", "bad-signature", none.input(&people, alice));
    // W3: the key server's own key, with its own signature, or none.
    let mut forged = start.clone();
    forged.wraps = vec![start.wraps_for(rng, &cast.key_server, &[alice, bob]).sign(cast.key_server.seed())];
    rows.fails("session", "wraps: by the key server", "bad-signature", forged.input(&people, bob));

    openings(rng, cast, rows, &start);
}

fn openings(rng: &mut Seeded, cast: &Cast, rows: &mut Rows, start: &Story) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    rows.fails("session", "never a reader", "not-a-recipient", start.input(&people, mallory));
    let mut input = start.input(&people, bob);
    input.keys = start.input(&people, carol).keys;
    rows.fails("session", "another's private keys", "not-a-recipient", input);
    let mut story = start.clone();
    story.tell(alice, revoke(&[bob.party()]));
    rows.fails("session", "revoked", "revoked", story.input(&people, bob));
    story.rotate(rng, alice, &[alice]);
    rows.fails("session", "revoked, and a generation later", "revoked", story.input(&people, bob));
    story.tell(alice, revoke_all());
    rows.fails("session", "ended", "revoked", story.input(&people, alice));
    rows.fails("session", "ended, and never a reader", "not-a-recipient", story.input(&people, carol));

    // Signed as it should be, and wrong inside.
    let inside = |rng: &mut Seeded, change: &dyn Fn(&mut Seeded, &mut Wraps)| {
        let mut story = start.clone();
        let mut wraps = story.wraps_for(rng, alice, &[alice, bob]);
        change(rng, &mut wraps);
        story.wraps = vec![wraps.sign(alice.seed())];
        story.input(&people, bob)
    };
    // His name is the shorter one.
    let put_bob = |wraps: &mut Wraps, body: Vec<u8>| {
        wraps.stanzas[0].3 = Sha256::digest(&body).into();
        wraps.bodies[0] = cbor::bytes(body);
    };
    let key = start.key();
    let cases: Vec<(&str, &str, Input)> = vec![
        (
            "the stanza of another",
            "unwrap-failed",
            inside(rng, &|rng, wraps| {
                let body = wraps.body(rng, key, carol);
                put_bob(wraps, body);
            }),
        ),
        (
            "the stanza of another generation",
            "unwrap-failed",
            inside(rng, &|rng, wraps| {
                let later = Wraps { generation: 1, ..wraps.clone() };
                let body = later.body(rng, key, bob);
                put_bob(wraps, body);
            }),
        ),
        (
            "the stanza of another session",
            "unwrap-failed",
            inside(rng, &|rng, wraps| {
                let elsewhere = Wraps { session: [9; 32], ..wraps.clone() };
                let body = elsewhere.body(rng, key, bob);
                put_bob(wraps, body);
            }),
        ),
        (
            "the stanza of another suite",
            "unwrap-failed",
            inside(rng, &|_, wraps| {
                wraps.stanzas[0].2 = 3;
                put_bob(wraps, vec![1; 384]);
            }),
        ),
        // W5: another key for each reader.
        (
            "another key for one reader",
            "key-mismatch",
            inside(rng, &|rng, wraps| {
                let body = wraps.body(rng, &[6; 32], bob);
                put_bob(wraps, body);
            }),
        ),
        (
            "another key id for all",
            "key-mismatch",
            inside(rng, &|rng, wraps| {
                wraps.key_id = expand(&[6; 32], "key-id", 16);
                let body = wraps.body(rng, key, bob);
                put_bob(wraps, body);
            }),
        ),
    ];
    for (name, error, input) in cases {
        rows.fails("session", &format!("opening: {name}"), error, input);
    }
    let mut story = start.clone();
    story.begin_generation(rng, alice);
    let [before, key] = [story.keys[0], story.keys[1]];
    let good = story.generation_wraps(rng, alice, &[alice, bob]);
    let mut sealed_otherwise = |name: &str, error: &str, wraps: Wraps| {
        let mut story = story.clone();
        story.wraps.push(wraps.sign(alice.seed()));
        rows.fails("session", &format!("opening: {name}"), error, story.input(&people, bob));
    };
    sealed_otherwise("no key before", "decryption-failed", Wraps { previous: cbor::bytes([0; 104]), ..good.clone() });
    let with_other_numbers = Wraps { generation: 2, ..good.clone() }.with_previous(rng, &key, &before);
    let swapped = Wraps { previous: with_other_numbers.previous, ..good.clone() };
    sealed_otherwise("the key before of other numbers", "decryption-failed", swapped);
    let context = Array(vec![
        cbor::text("wardkey/v1/previous-key"),
        cbor::bytes(story.id),
        Uint(0),
        Uint(1),
        cbor::bytes(expand(&before, "key-commitment", 32)),
    ]);
    let other = crate::common::craft::seal(rng, &key, &context.encode(), &[6; 32]);
    sealed_otherwise("another key before", "key-mismatch", Wraps { previous: cbor::bytes(other), ..good });
}

pub(super) fn messages(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, key_server } = cast;
    let people = cast.all();
    let start = Story::new(rng, &[(alice, 15), (bob, 1)]);
    let mut story = start.clone();
    story.tell(alice, revoke(&[bob.party()]));
    let revoked = story.clone();
    story.rotate(rng, alice, &[alice]);
    let mut fails = |name: &str, error: &str, message: &[u8]| {
        rows.fails("message", name, error, story.message_input(&people, alice, message));
    };
    let mut of = |by: &Person, generation: usize, trailer: &Trailer| story.message(rng, by, generation, trailer, b"x");
    fails("by a stranger", "forbidden", &of(mallory, 0, &start.view()));
    fails("by the key server", "forbidden", &of(key_server, 0, &start.view()));
    fails("by who was revoked in his view", "forbidden", &of(bob, 0, &revoked.view()));
    // Whoever gave him the new key.
    fails("under a key from after his loss, with the view before", "forbidden", &of(bob, 1, &start.view()));
    fails("under a key from after his loss, with the view then", "forbidden", &of(bob, 1, &story.view()));
    fails("under an old key, with a new view", "forbidden", &of(alice, 0, &story.view()));
    fails("a view beyond the log", "rollback", &of(alice, 1, &Trailer::single(3, [1; 32])));
    fails("a view far beyond the log", "rollback", &of(alice, 1, &Trailer::single(u64::MAX, [1; 32])));
    fails("a view of another log", "fork", &of(alice, 1, &Trailer::single(2, [1; 32])));
    let by_group = Trailer { authority: group(&[1; 32], 4, &[2; 32]), ..story.view() };
    fails("authority of a group", "unknown-group", &of(alice, 1, &by_group));
    let unknown = Person::new(rng, "dave");
    fails("by an unknown bundle", "bad-signature", &story.message(rng, &unknown, 1, &story.view(), b"x"));
    let message = story.message(rng, alice, 1, &story.view(), b"x");
    fails("the signature changed", "bad-signature", &flip(&message, 8 * message.len() - 1));
    fails("the view changed", "bad-signature", &flip(&message, 8 * (message.len() - 184)));
    fails("cut", "truncated", &message[..message.len() - 100]);
    // F10: Bob's trailer on Alice's message; Alice's name on what Bob signed.
    let bobs = start.message(rng, bob, 0, &start.view(), b"x");
    let alices = start.message(rng, alice, 0, &start.view(), b"x");
    let swapped = [&alices[..alices.len() - 184], &bobs[bobs.len() - 184..]].concat();
    fails("another's trailer", "bad-signature", &swapped);
    let key = &story.keys[1];
    let named = header(key, Some(&story.id), Some((&alice.signer.bundle.0, 0)), false);
    let body = sealed(rng, key, &named, &cbor::context([]), b"x");
    let forged = [body.as_slice(), &story.view().sign(bob.seed(), &leaf(&body, named.len()))].concat();
    fails("signed by another than it names", "bad-signature", &forged);

    let unsigned = |rng: &mut Seeded, session: Option<&[u8; 32]>, key: &[u8; 32]| {
        let header = header(key, session, None, false);
        sealed(rng, key, &header, &cbor::context([]), b"x")
    };
    fails("of another session", "key-mismatch", &unsigned(rng, Some(&[4; 32]), key));
    fails("of no session", "key-mismatch", &unsigned(rng, None, key));
    fails("under a key that isn't there", "not-a-recipient", &unsigned(rng, Some(&story.id), &[6; 32]));
    fails("in another context", "decryption-failed", &{
        let header = header(key, Some(&story.id), None, false);
        sealed(rng, key, &header, &cbor::context([("a", "b")]), b"x")
    });

    // The creator who doesn't read writes only while generation 0 is the newest.
    let mut creators = Story::new(rng, &[(bob, 2), (carol, 15)]);
    creators.rotate(rng, carol, &[carol]);
    let message = creators.message(rng, bob, 1, &creators.view(), b"x");
    rows.fails(
        "message",
        "by a creator who doesn't read, later",
        "forbidden",
        creators.message_input(&people, carol, &message),
    );
    let message = start.message(rng, bob, 0, &start.view(), b"x");
    let mut input = start.message_input(&people, alice, &message);
    input.minimum = 2;
    rows.fails("message", "below the minimum", "downgrade", input);
}

/// Alice has renewed her keys.
pub(super) fn renewed(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let old =
        wardkey::signed::Hash(crate::common::craft::session::hash("wardkey/v1/bundle", &payload_of(&alice.bundles[0])));
    let mut story = Story::new(rng, &[(alice, 15), (bob, 7)]);
    let mut entry = story.next(alice, grant(&[(carol.party(), 1)]));
    entry.signer = old.0;
    story.push(&entry, alice.signing[1].seed().expose());
    rows.fails("log", "an older bundle than the genesis's", "rollback", story.log_input(&people));
}
