//! Exchange keys that are wrong in one place.

use super::{
    delegation::Rows,
    exchange_key::{by_alice, read, to_ward},
    group_session::Ward,
    rows::Cast,
};
use crate::common::{
    cbor::{self, Array, Item, Null, Uint},
    craft::{
        delegation::{EXCHANGE_KEY, Exchange, To},
        objects::{Draft, malformed},
        session::party,
    },
    delegations::Input,
    hex::hex,
    people::Person,
    rng::{Seeded, draw_array},
    story::Seen,
};

const MAX: usize = 8 * 1024;

fn items(item: &Item) -> Vec<Item> {
    item.items().to_vec()
}

pub(super) fn chains(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, key_server } = cast;
    let people = cast.all();
    let both = [To::person(alice), To::person(bob)];
    let mut exchange = by_alice(rng, cast);
    let keys = [draw_array(rng), draw_array(rng)];
    let first = Exchange::new(&alice.party(), &bob.party()).next(rng, alice, Null, &both, &keys[0]);
    let good = exchange.next(rng, alice, Null, &both, &keys[1]);
    let with = |object: Vec<u8>| {
        let mut input = read(bob, &people, &[], &[&exchange]);
        input.exchange_keys[0].objects.push(hex(object));
        input
    };
    assert!(with(good.encode()).open("exchange-keys").is_ok());
    let mut fails = |name: &str, error: &str, input: Input| rows.fails("exchange-keys", name, error, input);
    for ((name, object, error), number) in malformed(&good, MAX).into_iter().zip(1..) {
        fails(&format!("{number}, {name}"), error, with(object));
    }
    let by = |person: &Person| Draft { seed: *person.seed(), ..good.with(7, cbor::bytes(person.signer.bundle.0)) };
    let (stanzas, epochs) = (items(&good.fields[11]), items(&good.fields[12]));
    let stanza = |place: usize, field: usize, value: Item| {
        let (mut stanzas, mut fields) = (stanzas.clone(), items(&stanzas[place]));
        fields[field] = value;
        stanzas[place] = Array(fields);
        good.with(12, Array(stanzas))
    };
    let bodies = items(&good.more[0]);
    let with_bodies = |bodies: Vec<Item>| Draft { more: vec![Array(bodies)], ..good.clone() };
    let placeholder = party(&cast.placeholder());
    let right = |id: [u8; 32]| Array(vec![cbor::bytes(id), Uint(0), cbor::bytes(id)]);
    for (name, error, draft) in [
        ("of another application", "key-mismatch", good.with(1, cbor::text("another.example"))),
        ("of another delegator", "invalid-format", good.with(2, party(&carol.party()))),
        ("of another delegate", "invalid-format", good.with(3, party(&carol.party()))),
        ("the other way round", "key-mismatch", good.with(2, party(&bob.party())).with(3, party(&alice.party()))),
        ("of a placeholder", "invalid-format", good.with(2, placeholder.clone())),
        ("for a placeholder", "invalid-format", good.with(3, placeholder)),
        ("version 0", "invalid-format", good.with(4, Uint(0))),
        ("version 1 again", "invalid-format", good.with(4, Uint(1))),
        ("version 1, after nothing, again", "bad-signature", first.clone()),
        ("version 3 after 1", "bad-signature", good.with(4, Uint(3))),
        ("the highest version", "bad-signature", good.with(4, Uint(u64::MAX))),
        ("after nothing", "invalid-format", good.with(5, Null)),
        ("after another", "bad-signature", good.with(5, cbor::bytes([1; 32]))),
        ("by an unknown bundle", "bad-signature", good.with(7, cbor::bytes([9; 32]))),
        ("signed by another", "bad-signature", Draft { seed: *mallory.seed(), ..good.clone() }),
        ("by the delegate", "bad-signature", by(bob)),
        ("by a stranger", "bad-signature", by(mallory)),
        ("by the key server", "bad-signature", by(key_server)),
        ("of a user, in the right of a group", "bad-signature", good.with(8, right([4; 32]))),
        ("an authority of two", "invalid-format", good.with(8, Array(vec![cbor::bytes([4; 32]), Uint(0)]))),
        ("the key before of 103 bytes", "invalid-format", good.with(11, cbor::bytes([0; 103]))),
        (
            "nobody's stanza",
            "invalid-format",
            Draft { more: vec![Array(vec![])], ..good.with(12, Array(vec![])).with(13, Array(vec![])) },
        ),
        (
            "one stanza",
            "invalid-format",
            Draft {
                more: vec![Array(bodies[..1].to_vec())],
                ..good.with(12, Array(stanzas[..1].to_vec())).with(13, Array(epochs[..1].to_vec()))
            },
        ),
        ("stanzas exchanged", "invalid-format", good.with(12, Array(vec![stanzas[1].clone(), stanzas[0].clone()]))),
        ("a stanza of another party", "invalid-format", stanza(1, 0, party(&carol.party()))),
        ("rsa-2048", "invalid-format", stanza(0, 2, Uint(2))),
        ("an unknown suite", "invalid-format", stanza(0, 2, Uint(9))),
        ("a body of another suite's length", "invalid-format", stanza(0, 2, Uint(3))),
        ("an epoch of a user", "invalid-format", good.with(13, Array(vec![Uint(0), Null]))),
        ("three epochs", "invalid-format", good.with(13, Array(vec![Null, Null, Null]))),
        ("another body", "bad-signature", with_bodies(vec![bodies[1].clone(), bodies[0].clone()])),
        ("a body less", "invalid-format", with_bodies(bodies[..1].to_vec())),
        ("a body more", "invalid-format", with_bodies([bodies.clone(), vec![Null]].concat())),
        ("a body of no bytes", "invalid-format", with_bodies(vec![cbor::bytes([]), bodies[1].clone()])),
        ("signed as an entry", "bad-signature", Draft { label: "wardkey/v1/entry", ..good.clone() }),
        ("signed as wraps", "bad-signature", Draft { label: "wardkey/v1/wraps", ..good.clone() }),
        ("signed as group keys", "bad-signature", Draft { label: "wardkey/v1/group-keys", ..good.clone() }),
    ] {
        fails(name, error, with(draft.encode()));
    }
    assert_eq!(good.label, EXCHANGE_KEY);
    // Alone: the first has no key before.
    let alone = |draft: Draft| {
        let mut input = read(bob, &people, &[], &[&exchange]);
        input.exchange_keys[0].objects = vec![hex(draft.encode())];
        input
    };
    assert!(alone(first.clone()).open("exchange-keys").is_ok());
    fails("version 1 with a key before", "invalid-format", alone(first.with(11, cbor::bytes([0; 104]))));
    fails("version 1 after another", "invalid-format", alone(first.with(5, cbor::bytes([0; 32]))));
    fails("version 2 alone", "bad-signature", alone(good.clone()));
    fails("between others", "not-a-recipient", read(carol, &people, &[], &[&exchange]));
    let minimum = Input { minimum: 2, ..read(bob, &people, &[], &[&exchange]) };
    fails("below the minimum", "downgrade", minimum);
    let mut other = read(bob, &people, &[], &[&exchange]);
    other.exchange_keys[0].seen = vec![Seen { sequence: 1, hash: hex([1; 32]) }];
    fails("another version 1 was seen", "fork", other);
    let mut none = read(bob, &people, &[], &[&exchange]);
    none.exchange_keys[0].objects.clear();
    none.exchange_keys[0].seen = vec![Seen { sequence: 1, hash: hex(exchange.hashes[0]) }];
    fails("none, and one was seen", "rollback", none);
    let namesake = Person::new(rng, "bob");
    let mut to_him = read(bob, &people, &[], &[&exchange]);
    to_him.exchange_keys[0].delegate = hex(namesake.party().to_bytes());
    fails("for another of the same name", "key-mismatch", to_him);
    exchange.tell(rng, alice, Null, &both);
    let mut gap = read(bob, &people, &[], &[&exchange]);
    gap.exchange_keys[0].objects.swap(0, 1);
    fails("the second before the first", "bad-signature", gap);

    groups(rng, cast, rows);
}

fn groups(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let mut fails = |name: &str, error: &str, input: Input| rows.fails("exchange-keys", name, error, input);
    let ward = Ward::new(rng, cast);
    let after = ward.without_carol(rng, cast);
    let to_both = |ward: &Ward| vec![To::person(alice), to_ward(ward)];
    let told = |rng: &mut Seeded, start: &Exchange, by: &Person, authority: Item, to: &[To]| {
        let mut exchange = start.clone();
        exchange.tell(rng, by, authority, to);
        exchange
    };
    let (of_ward, for_ward) =
        (Exchange::new(&ward.party(), &alice.party()), Exchange::new(&alice.party(), &ward.party()));
    let at = |ward: &Ward, exchange: &Exchange| read(alice, &people, &[(ward, false)], &[exchange]);
    let unknown = |exchange: &Exchange| read(alice, &people, &[], &[exchange]);

    let good = told(rng, &of_ward, carol, ward.right(0), &to_both(&ward));
    assert!(at(&ward, &good).open("exchange-keys").is_ok());
    fails("of a group that isn't known", "unknown-group", unknown(&good));
    let exchange = told(rng, &of_ward, mallory, ward.right(0), &to_both(&ward));
    fails("by who is no member", "forbidden", at(&ward, &exchange));
    let exchange = told(rng, &of_ward, bob, Null, &to_both(&ward));
    fails("of a group, in nobody's right but his own", "bad-signature", at(&ward, &exchange));
    let exchange = told(rng, &of_ward, carol, after.right(1), &to_both(&after));
    fails("by who has left", "forbidden", at(&after, &exchange));
    let exchange = told(rng, &of_ward, bob, after.right(1), &to_both(&ward));
    fails("in the right of a state beyond the log", "rollback", at(&ward, &exchange));
    let fork = Array(vec![cbor::bytes(ward.log.id), Uint(0), cbor::bytes([1; 32])]);
    let exchange = told(rng, &of_ward, bob, fork, &to_both(&ward));
    fails("in the right of another state", "fork", at(&ward, &exchange));
    let first = told(rng, &of_ward, bob, after.right(1), &to_both(&after));
    let second = told(rng, &first, carol, ward.right(0), &to_both(&after));
    fails("who has left makes the next by an old state", "rollback", at(&after, &second));
    let other = Ward::new(rng, cast);
    let exchange = told(rng, &of_ward, bob, other.right(0), &to_both(&ward));
    let both = read(alice, &people, &[(&ward, false), (&other, false)], &[&exchange]);
    fails("in the right of another group", "bad-signature", both);

    let good = told(rng, &for_ward, alice, Null, &to_both(&ward));
    assert!(at(&ward, &good).open("exchange-keys").is_ok());
    fails("for a group that isn't known", "unknown-group", unknown(&good));
    let with_epoch = |to: To, epoch: u64| To { epoch: Some(epoch), ..to };
    let exchange = told(rng, &for_ward, alice, Null, &to_both(&after));
    fails("for an epoch beyond the log", "rollback", at(&ward, &exchange));
    let to = [To::person(alice), with_epoch(to_ward(&ward), u64::MAX)];
    let exchange = told(rng, &for_ward, alice, Null, &to);
    fails("for the highest epoch", "rollback", at(&ward, &exchange));
    let to = [To::person(alice), with_epoch(to_ward(&ward), 1)];
    let exchange = told(rng, &for_ward, alice, Null, &to);
    fails("another epoch's key", "key-mismatch", at(&after, &exchange));
    let strange = To { public: mallory.pair().public_key().as_bytes().to_vec(), ..to_ward(&ward) };
    let exchange = told(rng, &for_ward, alice, Null, &[To::person(alice), strange]);
    fails("a key of nobody in the group", "key-mismatch", at(&ward, &exchange));
    let exchange = told(rng, &for_ward, alice, Null, &[To::person(alice), To { epoch: None, ..to_ward(&ward) }]);
    fails("no epoch of a group", "invalid-format", at(&ward, &exchange));
    let first = told(rng, &for_ward, alice, Null, &to_both(&after));
    let second = told(rng, &first, alice, Null, &to_both(&ward));
    fails("an older epoch than before", "rollback", at(&after, &second));
}
