//! Logs of groups that are wrong in one place.

use wardkey::{identity::UserId, key_pair::Suite, party::Party, signed::Hash};

use super::{
    group::{Rows, seen},
    rows::Cast,
};
use crate::common::{
    cbor::{self, Array, Item, Null, Uint},
    craft::{
        flip,
        group::{
            ADMIN, GROUP, HEAD, KEYS, MEMBER, OPERATION, add, epoch, epoch_of, epoch_pair, genesis, give_roles, pairs,
            remove, rotate,
        },
        objects::{Draft, malformed},
        session::{hash, party, payload_of},
    },
    group_story::Story,
    hex::hex,
    keys::Pair,
    people::Person,
    rng::{Seeded, draw_array},
};

pub(super) fn logs(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    geneses(rng, cast, rows);
    operations(rng, cast, rows);
    actions(rng, cast, rows);
    rules(rng, cast, rows);
    before(rng, cast, rows);
}

/// Malformed as any object can be; one that is too large is too large for a vector.
pub(super) fn generic(draft: &Draft) -> impl Iterator<Item = (String, Vec<u8>, &'static str)> {
    let rows = malformed(draft, 0).into_iter().filter(|row| row.0 != "too large");
    rows.zip(1..).map(|((name, object, error), number)| (format!("{number}, {name}"), object, error))
}

/// Lists of members that are none.
fn lists(cast: &Cast) -> Vec<(&'static str, Item)> {
    let [alice, bob] = [&cast.alice, &cast.bob].map(|person| party(&person.party()));
    let (first, last) = if alice.encode() < bob.encode() { (&alice, &bob) } else { (&bob, &alice) };
    let group = party(&Party::Group(Hash([3; 32])));
    let name = UserId::new("rehab").expect("a name");
    let placeholder = party(&Party::Placeholder { name, escrow: cast.key_server.signer.identity, contact: None });
    let other = Array(vec![Uint(0), cbor::text("alice"), cbor::bytes([0; 32])]);
    let mut namesakes = [alice.clone(), other];
    namesakes.sort_by_key(Item::encode);
    vec![
        ("nobody", pairs(&[])),
        ("role 2", pairs(&[(alice.clone(), 2)])),
        ("a group", pairs(&[(group, 1)])),
        ("a placeholder", pairs(&[(placeholder, 1)])),
        ("not sorted", pairs(&[(last.clone(), 1), (first.clone(), 1)])),
        ("a party twice", pairs(&[(alice.clone(), 0), (alice.clone(), 1)])),
        ("a user id twice", pairs(&namesakes.map(|party| (party, 1)))),
        ("a party of no kind", pairs(&[(Array(vec![Uint(3), cbor::text("alice")]), 1)])),
        ("no role", Array(vec![Array(vec![alice.clone()])])),
        ("a role that is null", Array(vec![Array(vec![alice, Null])])),
    ]
}

/// Public keys of an epoch that are none, with their codes.
fn public_keys(rng: &mut Seeded) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let good = Pair::hybrid(rng).pair.public_key().as_bytes().to_vec();
    let framed = |suite: u64, raw: &[u8]| cbor::framed(b"WKPK", &Array(vec![Uint(suite), cbor::bytes(raw)]).encode());
    let raw = &good[10..];
    assert_eq!(framed(1, raw), good);
    let mut over_q = raw.to_vec();
    over_q[..3].fill(0xff);
    let mut low_order = raw.to_vec();
    low_order[1184..].fill(0);
    let mut later = good.clone();
    later[4] = 2;
    vec![
        ("an RSA key", "invalid-format", Pair::rsa(Suite::Rsa3072).pair.public_key().as_bytes().to_vec()),
        ("a key over 2 KiB", "invalid-format", vec![0; 2049]),
        ("an unknown suite, over 2 KiB", "invalid-format", framed(9, &[1; 2_039])),
        ("an empty key", "invalid-format", Vec::new()),
        ("another magic", "invalid-format", cbor::framed(b"WKWS", &good[5..])),
        ("a key cut after its magic", "truncated", b"WKPK".to_vec()),
        ("a key of a later version", "unsupported-version", later),
        ("a key cut", "invalid-format", good[..good.len() - 1].to_vec()),
        ("a byte behind the key", "invalid-format", [good.as_slice(), &[0]].concat()),
        ("an unknown suite", "unsupported-version", framed(9, raw)),
        ("a key of 1215 bytes", "key-policy", framed(1, &raw[1..])),
        ("ML-KEM numbers over q", "key-policy", framed(1, &over_q)),
        ("a point of low order", "key-policy", framed(1, &low_order)),
    ]
}

fn geneses(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, mallory, key_server, .. } = cast;
    let people = cast.all();
    let secret = draw_array(rng);
    let good = genesis(rng, alice, &[(alice, ADMIN), (bob, MEMBER)], &secret);
    let fails = |rows: &mut Rows, name: &str, error: &str, genesis: &Draft, object: &[u8]| {
        rows.fails("group", &format!("genesis: {name}"), error, Story::of(genesis, object, secret).input(&people));
    };
    for (name, object, error) in generic(&good) {
        fails(rows, &name, error, &good, &object);
    }
    let other = good.with(3, cbor::bytes([1; 16]));
    fails(rows, "of another group", "key-mismatch", &good, &other.encode());
    let by = |person: &Person| Draft { seed: *person.seed(), ..good.with(2, cbor::bytes(person.signer.bundle.0)) };
    let changed = |rows: &mut Rows, name: &str, error: &str, genesis: &Draft| {
        fails(rows, name, error, genesis, &genesis.encode());
    };
    changed(rows, "of another application", "key-mismatch", &good.with(1, cbor::text("other.example")));
    changed(rows, "by an unknown bundle", "bad-signature", &good.with(2, cbor::bytes([9; 32])));
    changed(rows, "signed by another", "bad-signature", &Draft { seed: *mallory.seed(), ..good.clone() });
    changed(rows, "by who isn't in it", "forbidden", &by(mallory));
    changed(rows, "by who is no admin in it", "forbidden", &by(bob));
    changed(rows, "by the key server", "forbidden", &by(key_server));
    for (name, label) in [("an operation", OPERATION), ("group keys", KEYS), ("a session", "wardkey/v1/session")] {
        let object = Draft { label, ..good.clone() }.encode();
        fails(rows, &format!("signed as {name}"), "bad-signature", &good, &object);
    }
    let mut input = Story::of(&good, &good.encode(), secret).input(&people);
    input.minimum = 2;
    rows.fails("group", "genesis: below the minimum", "downgrade", input);
    let mut input = Story::of(&good, &good.encode(), secret).input(&people);
    input.refuse_first_use = true;
    rows.fails("group", "genesis: by somebody new, where first use is refused", "not-certified", input);
    let mut input = Story::of(&good, &good.encode(), secret).input(&people);
    let pin = serde_json::json!({ "fingerprint": hex([1; 32]), "version": 1, "hash": null, "suite": "hybrid" });
    input.pins.insert("alice".to_owned(), pin);
    rows.fails("group", "genesis: by another than the one who is pinned", "pin-mismatch", input);

    let format = "invalid-format";
    for (name, list) in lists(cast) {
        changed(rows, &format!("members: {name}"), format, &good.with(6, list));
    }
    for (name, error, key) in public_keys(rng) {
        changed(rows, &format!("epoch: {name}"), error, &good.with(7, epoch_of(&secret, &key, Null)));
    }
    let epoch_0 = |items: &[Item]| good.with(7, Array(items.to_vec()));
    let key = cbor::bytes(epoch_pair(&secret).pair.public_key().as_bytes());
    let [commitment, short] = [vec![1; 32], vec![1; 31]].map(cbor::bytes);
    let sealed = cbor::bytes([1; 104]);
    for (name, genesis) in [
        ("no app id", good.with(1, cbor::text(""))),
        ("an app id of 129 bytes", good.with(1, cbor::text(&"a".repeat(129)))),
        ("15 random bytes", good.with(3, cbor::bytes([1; 15]))),
        ("no name", good.with(5, cbor::text(""))),
        ("a name of 129 bytes", good.with(5, cbor::text(&"x".repeat(129)))),
        ("a control character in the name", good.with(5, cbor::text("a\nb"))),
        ("a control character of two bytes in the name", good.with(5, cbor::text("a\u{85}b"))),
        ("a short commitment", epoch_0(&[short, key.clone(), Null])),
        ("an epoch before the first", epoch_0(&[commitment.clone(), key.clone(), sealed])),
        ("an epoch of two elements", epoch_0(&[commitment.clone(), key.clone()])),
        ("an epoch of four elements", epoch_0(&[commitment, key, Null, Null])),
        ("no hours", good.with(8, Uint(0))),
        ("2161 hours", good.with(8, Uint(2_161))),
        ("no days", good.with(9, Uint(0))),
        ("91 days", good.with(9, Uint(91))),
    ] {
        changed(rows, name, format, &genesis);
    }
}

fn operations(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, ADMIN)]);
    story.tell(alice, give_roles(&[(bob, MEMBER)]));
    story.tell(alice, give_roles(&[(bob, ADMIN)]));
    let good = story.next(alice, add(&[(carol, MEMBER)]));
    let with = |operation: &[u8]| {
        let mut input = story.input(&people);
        input.operations.push(hex(operation));
        input
    };
    assert!(with(&good.encode()).open("group").is_ok());
    for (name, object, error) in generic(&good) {
        rows.fails("group", &format!("operation: {name}"), error, with(&object));
    }
    for (name, error, operation) in [
        ("of another group", "key-mismatch", good.with(1, cbor::bytes([3; 32]))),
        ("a sequence too high", "bad-signature", good.with(2, Uint(4))),
        ("a sequence that was", "bad-signature", good.with(2, Uint(2))),
        ("the highest sequence", "bad-signature", good.with(2, Uint(u64::MAX))),
        ("sequence 0", "invalid-format", good.with(2, Uint(0))),
        ("another hash before", "bad-signature", good.with(3, cbor::bytes([1; 32]))),
        ("the group's id as the hash before", "bad-signature", good.with(3, cbor::bytes(story.id))),
        ("by an unknown bundle", "bad-signature", good.with(5, cbor::bytes([9; 32]))),
        ("by another's bundle", "bad-signature", good.with(5, cbor::bytes(bob.signer.bundle.0))),
        ("signed by another", "bad-signature", Draft { seed: *mallory.seed(), ..good.clone() }),
        ("signed as a genesis", "bad-signature", Draft { label: GROUP, ..good.clone() }),
        ("signed as a head", "bad-signature", Draft { label: HEAD, ..good.clone() }),
        ("signed as an entry", "bad-signature", Draft { label: "wardkey/v1/entry", ..good.clone() }),
    ] {
        rows.fails("group", &format!("operation: {name}"), error, with(&operation.encode()));
    }
    rows.fails("group", "operation: the same once more", "bad-signature", with(&story.operations[1]));
    let signed = good.encode();
    let flipped = flip(&signed, 8 * (signed.len() - 64));
    rows.fails("group", "operation: a flipped bit", "bad-signature", with(&flipped));
    let mut long = story.clone();
    long.push(&good);
    let mut input = long.input(&people);
    input.operations.swap(0, 1);
    rows.fails("group", "operations in another order", "bad-signature", input);
    let mut input = long.input(&people);
    input.operations.remove(1);
    rows.fails("group", "an operation is missing", "bad-signature", input);
    let other = Story::new(rng, &[(alice, ADMIN), (bob, ADMIN)]);
    let mut input = other.input(&people);
    input.operations = long.input(&people).operations;
    rows.fails("group", "operations of another group", "key-mismatch", input);
}

fn actions(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, MEMBER)]);
    let fails = |rows: &mut Rows, story: &Story, name: &str, error: &str, action: Item| {
        let mut story = story.clone();
        story.tell(alice, action);
        rows.fails("group", &format!("action: {name}"), error, story.input(&people));
    };
    let start = story.clone();
    let next = story.epoch(rng);
    let secret = *story.secret();
    let [format, version] = ["invalid-format", "unsupported-version"];
    for (kind, name) in [(1, "addition"), (3, "roles")] {
        for (which, list) in lists(cast) {
            fails(rows, &start, &format!("{name}: {which}"), format, Array(vec![Uint(kind), list]));
        }
    }
    let [bobs, carols] = [bob, carol].map(|person| party(&person.party()));
    let (first, last) = if bobs.encode() < carols.encode() { (&bobs, &carols) } else { (&carols, &bobs) };
    let removal = |parties: &[&Item]| {
        Array(vec![Uint(2), Array(parties.iter().map(|party| (*party).clone()).collect()), next.clone()])
    };
    let group = party(&Party::Group(Hash([3; 32])));
    let namesake = Array(vec![Uint(0), cbor::text("bob"), cbor::bytes([0; 32])]);
    let mut namesakes = [&bobs, &namesake];
    namesakes.sort_by_key(|party| party.encode());
    let [commitment, short] = [vec![1; 32], vec![1; 31]].map(cbor::bytes);
    let key = epoch_pair(&secret).pair.public_key().as_bytes().to_vec();
    let sealed = cbor::bytes([1; 104]);
    let of = |items: &[&Item]| rotate(Array(items.iter().map(|item| (*item).clone()).collect()));
    let public = cbor::bytes(&key);
    for (name, error, action) in [
        ("none", format, Array(Vec::new())),
        ("null", format, Null),
        ("0", version, Array(vec![Uint(0), Null])),
        ("5", version, Array(vec![Uint(5)])),
        ("as text", format, Array(vec![cbor::text("add")])),
        ("an addition without its list", format, Array(vec![Uint(1)])),
        ("an addition with an epoch", format, Array(vec![Uint(1), add(&[(carol, MEMBER)]), next.clone()])),
        ("roles without their list", format, Array(vec![Uint(3)])),
        ("a rotation without an epoch", format, Array(vec![Uint(4)])),
        ("a rotation with a number", format, Array(vec![Uint(4), Uint(1), next.clone()])),
        ("a removal without an epoch", format, Array(vec![Uint(2), Array(vec![bobs.clone()])])),
        ("removal: nobody", format, removal(&[])),
        ("removal: not sorted", format, removal(&[last, first])),
        ("removal: a party twice", format, removal(&[&bobs, &bobs])),
        ("removal: a user id twice", format, removal(&namesakes)),
        ("removal: a group", format, removal(&[&group])),
        ("epoch: 103 bytes before it", format, rotate(epoch(&secret, cbor::bytes([0; 103])))),
        ("epoch: 105 bytes before it", format, rotate(epoch(&secret, cbor::bytes([0; 105])))),
        ("epoch: a short commitment", format, of(&[&short, &public, &sealed])),
        ("epoch: two elements", format, of(&[&commitment, &public])),
        ("epoch: four elements", format, of(&[&commitment, &public, &sealed, &Null])),
    ] {
        fails(rows, &start, name, error, action);
    }
    for (name, error, key) in public_keys(rng) {
        fails(rows, &start, &format!("epoch: {name}"), error, rotate(epoch_of(&secret, &key, sealed.clone())));
    }
}

fn rules(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, key_server } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, MEMBER), (carol, ADMIN)]);
    story.tell(alice, give_roles(&[(carol, MEMBER)]));
    let start = story.clone();
    let next = story.epoch(rng);
    let namesake = Person::new(rng, "bob");
    let removal = |people: &[&Person]| {
        let parties: Vec<_> = people.iter().map(|person| person.party()).collect();
        remove(&parties, next.clone())
    };
    let cases: Vec<(&str, &Person, Item)> = vec![
        ("an addition by a member", bob, add(&[(mallory, MEMBER)])),
        ("an addition by a stranger", mallory, add(&[(mallory, ADMIN)])),
        ("an addition by the key server", key_server, add(&[(mallory, ADMIN)])),
        ("an addition by who was an admin", carol, add(&[(mallory, MEMBER)])),
        ("a removal by a member", bob, removal(&[alice])),
        ("a member goes by himself", bob, removal(&[bob])),
        ("a rotation by a member", bob, rotate(next.clone())),
        ("a member makes himself an admin", bob, give_roles(&[(bob, ADMIN)])),
        ("who is a member is added", alice, add(&[(bob, ADMIN)])),
        ("who is a member is added among others", alice, add(&[(bob, MEMBER), (mallory, MEMBER)])),
        ("another of a member's name is added", alice, add(&[(&namesake, MEMBER)])),
        ("who is no member is removed", alice, removal(&[mallory])),
        ("who is no member is removed among others", alice, removal(&[bob, mallory])),
        ("another of a member's name is removed", alice, removal(&[&namesake])),
        ("a role for who is no member", alice, give_roles(&[(mallory, ADMIN)])),
        ("a role for another of a member's name", alice, give_roles(&[(&namesake, ADMIN)])),
        ("the role that he has", alice, give_roles(&[(bob, MEMBER)])),
        ("the role that one of them has", alice, give_roles(&[(bob, MEMBER), (carol, ADMIN)])),
        ("the last admin goes", alice, removal(&[alice])),
        ("all go", alice, removal(&[alice, bob, carol])),
        ("the last admin is one no longer", alice, give_roles(&[(alice, MEMBER)])),
    ];
    for (name, by, action) in cases {
        let mut story = start.clone();
        story.tell(by, action);
        rows.fails("group", name, "forbidden", story.input(&people));
    }
    let mut other = start.clone();
    other.tell(alice, give_roles(&[(bob, ADMIN)]));
    other.tell(&namesake, add(&[(mallory, MEMBER)]));
    rows.fails("group", "by another of an admin's name", "forbidden", other.input(&[alice, bob, carol, &namesake]));
    let mut other = start.clone();
    other.tell(alice, give_roles(&[(bob, ADMIN)]));
    other.remove(rng, bob, &[alice]);
    other.tell(alice, add(&[(mallory, MEMBER)]));
    rows.fails("group", "by an admin who was removed", "forbidden", other.input(&people));
    let mut other = start.clone();
    other.tell(alice, give_roles(&[(bob, ADMIN)]));
    other.remove(rng, bob, &[bob, carol]);
    rows.fails("group", "an admin goes by himself", "forbidden", other.input(&people));
}

fn before(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let start = Story::new(rng, &[(alice, ADMIN), (bob, MEMBER)]);
    let mut story = start.clone();
    story.tell(alice, add(&[(carol, MEMBER)]));
    let mut fork = start.clone();
    fork.tell(alice, add(&[(carol, ADMIN)]));
    for (name, error, found) in
        [("shorter than seen before", "rollback", &start), ("another operation than seen before", "fork", &fork)]
    {
        let mut input = found.input(&people);
        input.seen = vec![seen(&story, 1)];
        rows.fails("group", name, error, input);
    }
    fork.rotate(rng, alice);
    let mut input = fork.input(&people);
    input.seen = vec![seen(&story, 1)];
    rows.fails("group", "longer, another operation than seen before", "fork", input);
}

/// Alice has renewed her keys.
pub(super) fn renewed(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let old = hash("wardkey/v1/bundle", &payload_of(&alice.bundles[0]));
    let older = |draft: Draft| {
        let seed = *alice.signing[1].seed().expose();
        Draft { seed, ..draft.with(5, cbor::bytes(old)) }
    };
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, ADMIN)]);
    let operation = older(story.next(alice, add(&[(carol, MEMBER)])));
    let mut other = story.clone();
    other.push(&operation);
    rows.fails("group", "an older bundle than the genesis's", "rollback", other.input(&people));

    let secret = draw_array(rng);
    let genesis = genesis(rng, bob, &[(alice, ADMIN), (bob, ADMIN)], &secret);
    story = Story::of(&genesis, &genesis.encode(), secret);
    story.tell(alice, add(&[(carol, MEMBER)]));
    let operation = older(story.next(alice, add(&[(mallory, MEMBER)])));
    story.push(&operation);
    rows.fails("group", "an older bundle than before", "rollback", story.input(&people));
}
