//! Group keys, and epochs, that are wrong in one place.

use super::{group::Rows, group_invalid::generic, rows::Cast};
use crate::common::{
    cbor::{self, Array, Item, Null, Uint},
    craft::{
        expand,
        group::{
            ADMIN, HEAD, Keys, MEMBER, OPERATION, add, epoch_of, epoch_pair, give_roles, rotate, sealed_as,
            sealed_before,
        },
        objects::Draft,
        session::WRAPS,
    },
    group_story::{Input, Story},
    hex::hex,
    people::Person,
    rng::{Seeded, draw_array},
};

pub(super) fn keys(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    objects(rng, cast, rows);
    parties(rng, cast, rows);
    readers(rng, cast, rows);
    insides(rng, cast, rows);
    epochs(rng, cast, rows);
}

/// Alice, Bob and Carol, who was added; an epoch later.
fn start(rng: &mut Seeded, cast: &Cast) -> (Story, Keys) {
    let Cast { alice, bob, carol, .. } = cast;
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, ADMIN)]);
    story.tell(alice, add(&[(carol, MEMBER)]));
    story.tell(alice, give_roles(&[(bob, MEMBER)]));
    story.rotate(rng, alice);
    let keys = story.keys(rng, alice, &[alice, bob, carol]);
    (story, keys)
}

fn objects(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, mallory, .. } = cast;
    let people = cast.all();
    let (story, keys) = start(rng, cast);
    let good = keys.draft(alice.seed());
    let read = |object: &[u8]| story.opening(&people, bob, object);
    assert!(read(&good.encode()).open("group-keys").is_ok());
    for (name, object, error) in generic(&good) {
        rows.fails("group-keys", &name, error, read(&object));
    }
    for (name, error, draft) in [
        ("of another group", "key-mismatch", good.with(1, cbor::bytes([1; 32]))),
        ("of an operation that isn't in the log", "bad-signature", good.with(2, Uint(4))),
        ("of the highest sequence", "bad-signature", good.with(2, Uint(u64::MAX))),
        ("of an operation that gives roles", "bad-signature", good.with(2, Uint(2))),
        ("of an operation in another epoch", "key-mismatch", good.with(2, Uint(1))),
        ("another epoch", "key-mismatch", good.with(3, Uint(0))),
        ("an epoch that isn't there", "key-mismatch", good.with(3, Uint(2))),
        ("another commitment", "key-mismatch", good.with(5, cbor::bytes([1; 32]))),
        ("a key id of 15 bytes", "invalid-format", good.with(4, cbor::bytes([1; 15]))),
        ("a commitment of 31 bytes", "invalid-format", good.with(5, cbor::bytes([1; 31]))),
        (
            "by another member",
            "bad-signature",
            Draft { seed: *bob.seed(), ..good.with(6, cbor::bytes(bob.signer.bundle.0)) },
        ),
        ("by an unknown bundle", "bad-signature", good.with(6, cbor::bytes([9; 32]))),
        ("signed by another", "bad-signature", Draft { seed: *mallory.seed(), ..good.clone() }),
        ("signed as wraps", "bad-signature", Draft { label: WRAPS, ..good.clone() }),
        ("signed as an operation", "bad-signature", Draft { label: OPERATION, ..good.clone() }),
        ("signed as a head", "bad-signature", Draft { label: HEAD, ..good.clone() }),
        ("no stanza", "invalid-format", Draft { more: vec![Array(Vec::new())], ..good.with(7, Array(Vec::new())) }),
        ("a body too few", "invalid-format", Draft { more: vec![Array(keys.bodies[..2].to_vec())], ..good.clone() }),
        (
            "a body too many",
            "invalid-format",
            Draft { more: vec![Array([keys.bodies.clone(), vec![Null]].concat())], ..good.clone() },
        ),
        ("bodies that are null", "invalid-format", Draft { more: vec![Null], ..good.clone() }),
    ] {
        rows.fails("group-keys", name, error, read(&draft.encode()));
    }
    let mut input = read(&good.encode());
    let mut later = good.items();
    later[0] = Uint(2);
    input.keys = hex(Array(later).encode());
    rows.fails("group-keys", "of a later version", "unsupported-version", input);
}

fn parties(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let (story, good) = start(rng, cast);
    let fails = |rows: &mut Rows, name: &str, error: &str, keys: &Keys| {
        rows.fails("group-keys", name, error, story.opening(&people, bob, &keys.draft(alice.seed()).encode()));
    };
    let with = |change: &dyn Fn(&mut Keys)| {
        let mut keys = good.clone();
        change(&mut keys);
        keys
    };
    fails(rows, "a member is left out", "bad-signature", &story.keys(rng, alice, &[alice, bob]));
    fails(rows, "a stranger is let in", "bad-signature", &story.keys(rng, alice, &[alice, bob, carol, mallory]));
    fails(rows, "a stranger in a member's place", "bad-signature", &story.keys(rng, alice, &[alice, bob, mallory]));
    let swapped = with(&|keys| keys.bodies.swap(0, 1));
    fails(rows, "two bodies in each other's place", "bad-signature", &swapped);
    let his = good.place_of(bob);
    fails(rows, "null in his place", "bad-signature", &with(&|keys| keys.bodies[his] = Null));
    let others = with(&|keys| keys.bodies[(his + 1) % 3] = cbor::bytes([1; 1168]));
    fails(rows, "a body in another's place that wasn't signed for", "bad-signature", &others);
    let reversed = with(&|keys| {
        keys.stanzas.reverse();
        keys.bodies.reverse();
    });
    fails(rows, "stanzas not sorted", "invalid-format", &reversed);
    let twice = with(&|keys| {
        keys.stanzas[1] = keys.stanzas[0].clone();
        keys.bodies[1] = keys.bodies[0].clone();
    });
    fails(rows, "a party twice", "invalid-format", &twice);
    for suite in [0, 2, 5] {
        fails(rows, &format!("suite {suite}"), "invalid-format", &with(&|keys| keys.stanzas[his].2 = suite));
    }
    let short = with(&|keys| keys.put(bob, vec![1; 1167]));
    fails(rows, "a body that is too short", "invalid-format", &short);
    let of_another_suite = with(&|keys| keys.put(bob, vec![1; 384]));
    fails(rows, "a body of another suite", "invalid-format", &of_another_suite);

    // Of an addition: who was added alone.
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, MEMBER)]);
    story.tell(alice, add(&[(carol, MEMBER)]));
    let all = story.keys(rng, alice, &[alice, bob, carol]).draft(alice.seed()).encode();
    rows.fails("group-keys", "an addition for all", "bad-signature", story.opening(&people, carol, &all));
    // Of a removal: not for who was removed.
    let was = story.clone();
    story.remove(rng, alice, &[bob]);
    let all = story.keys(rng, alice, &[alice, bob, carol]).draft(alice.seed()).encode();
    rows.fails(
        "group-keys",
        "a removal, also for who was removed",
        "bad-signature",
        story.opening(&people, carol, &all),
    );
    // Of a genesis: not for who was added.
    let mut of_genesis = was.keys(rng, alice, &[alice, bob, carol]);
    of_genesis.sequence = 0;
    let object = of_genesis.draft(alice.seed()).encode();
    rows.fails(
        "group-keys",
        "a genesis, also for who was added",
        "bad-signature",
        was.opening(&people, carol, &object),
    );
}

fn readers(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, MEMBER)]);
    let of_genesis = story.keys(rng, alice, &[alice, bob]).draft(alice.seed()).encode();
    rows.fails("group-keys", "never a member", "not-a-recipient", story.opening(&people, mallory, &of_genesis));
    let mut input = story.opening(&people, bob, &of_genesis);
    input.pairs = story.opening(&people, carol, &of_genesis).pairs;
    rows.fails("group-keys", "another's private keys", "not-a-recipient", input);
    let mut input = story.opening(&people, bob, &of_genesis);
    input.pairs.clear();
    rows.fails("group-keys", "no private key", "not-a-recipient", input);
    let namesake = Person::new(rng, "bob");
    let input = story.opening(&people, &namesake, &of_genesis);
    rows.fails("group-keys", "another of a member's name", "not-a-recipient", input);
    story.tell(alice, add(&[(carol, MEMBER)]));
    let input = story.opening(&people, carol, &of_genesis);
    rows.fails("group-keys", "a newcomer, of an operation before", "not-a-recipient", input);
    story.rotate(rng, alice);
    let input = story.opening(&people, bob, &of_genesis);
    rows.fails("group-keys", "of an operation before the newest", "not-a-recipient", input);
    story.remove(rng, alice, &[bob]);
    let of_removal = story.keys(rng, alice, &[alice, carol]).draft(alice.seed()).encode();
    for (name, keys) in [("of the genesis", &of_genesis), ("of his removal", &of_removal)] {
        let input = story.opening(&people, bob, keys);
        rows.fails("group-keys", &format!("removed, with the keys {name}"), "revoked", input);
    }
}

/// Signed as it should be, and wrong inside.
fn insides(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let (story, good) = start(rng, cast);
    let secret = *story.secret();
    let public = bob.pair().public_key();
    let mut fails = |name: &str, error: &str, keys: &Keys| {
        let input = story.opening(&people, bob, &keys.draft(alice.seed()).encode());
        rows.fails("group-keys", &format!("opening: {name}"), error, input);
    };
    let put = |body: Vec<u8>| {
        let mut keys = good.clone();
        keys.put(bob, body);
        keys
    };
    fails("the stanza of another", "unwrap-failed", &put(good.body(rng, &secret, carol.pair().public_key())));
    let earlier = Keys { epoch: 0, ..good.clone() };
    fails("the stanza of another epoch", "unwrap-failed", &put(earlier.body(rng, &secret, public)));
    let elsewhere = Keys { group: [9; 32], ..good.clone() };
    fails("the stanza of another group", "unwrap-failed", &put(elsewhere.body(rng, &secret, public)));
    let other_id = Keys { key_id: vec![1; 16], ..good.clone() };
    fails("another key id for all, not the one wrapped under", "unwrap-failed", &other_id);
    let mut of_rsa = put(vec![1; 384]);
    let his = of_rsa.place_of(bob);
    of_rsa.stanzas[his].2 = 3;
    fails("the stanza of another suite", "unwrap-failed", &of_rsa);
    let mut low_order = vec![1; 1168];
    low_order[1088..1120].fill(0);
    fails("a point of low order", "unwrap-failed", &put(low_order));
    fails("another secret for one member", "key-mismatch", &put(good.body(rng, &[6; 32], public)));
    fails("the secret of the epoch before", "key-mismatch", &put(good.body(rng, &story.secrets[0], public)));
    let mut other_id = Keys { key_id: expand(&[6; 32], "key-id", 16), ..good.clone() };
    let body = other_id.body(rng, &secret, public);
    other_id.put(bob, body);
    fails("another key id for all", "key-mismatch", &other_id);
}

/// G4: what an admin says of an epoch and isn't so.
fn epochs(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, .. } = cast;
    let people = cast.all();
    let start = Story::new(rng, &[(alice, ADMIN), (bob, MEMBER)]);
    let before = *start.secret();
    let rotated = |rng: &mut Seeded, start: &Story, secret: [u8; 32], epoch: Item| -> Input {
        let mut story = start.clone();
        story.secrets.push(secret);
        story.tell(alice, rotate(epoch));
        let keys = story.keys(rng, alice, &[alice, bob]).draft(alice.seed()).encode();
        story.opening(&people, bob, &keys)
    };
    let secret: [u8; 32] = draw_array(rng);
    let public = |secret: &[u8; 32]| epoch_pair(secret).pair.public_key().as_bytes().to_vec();
    let sealed = sealed_before(rng, &start.id, 1, &secret, &before);
    let input = rotated(rng, &start, secret, epoch_of(&secret, &public(&before), sealed));
    rows.fails("group-keys", "epoch: another public key than the secret's", "key-mismatch", input);
    let previous = [
        ("null before it", "decryption-failed", Null),
        ("nothing sealed before it", "decryption-failed", cbor::bytes([0; 104])),
        ("sealed for another group", "decryption-failed", sealed_before(rng, &[9; 32], 1, &secret, &before)),
        ("sealed with other numbers", "decryption-failed", sealed_before(rng, &start.id, 2, &secret, &before)),
        ("sealed under another secret", "decryption-failed", sealed_before(rng, &start.id, 1, &before, &before)),
        ("another commitment before it", "decryption-failed", sealed_before(rng, &start.id, 1, &secret, &[6; 32])),
        ("another secret before it", "key-mismatch", sealed_as(rng, &start.id, 1, &secret, &before, &[6; 32])),
    ];
    for (name, error, sealed) in previous {
        let input = rotated(rng, &start, secret, epoch_of(&secret, &public(&secret), sealed));
        rows.fails("group-keys", &format!("epoch: {name}"), error, input);
    }
    // Epoch 0 lies, and shows only from epoch 1 on.
    let mut genesis = crate::common::craft::group::genesis(rng, alice, &[(alice, ADMIN), (bob, MEMBER)], &before);
    genesis = genesis.with(7, epoch_of(&before, &public(&[6; 32]), Null));
    let lied = Story::of(&genesis, &genesis.encode(), before);
    let sealed = sealed_before(rng, &lied.id, 1, &secret, &before);
    let input = rotated(rng, &lied, secret, epoch_of(&secret, &public(&secret), sealed));
    rows.fails("group-keys", "epoch: another public key of the epoch before", "key-mismatch", input);
    // The public key is right, and the commitment isn't.
    let public_0 = cbor::bytes(public(&before));
    genesis = genesis.with(7, Array(vec![cbor::bytes(expand(&[6; 32], "key-commitment", 32)), public_0, Null]));
    let lied = Story::of(&genesis, &genesis.encode(), before);
    let sealed = sealed_as(rng, &lied.id, 1, &secret, &[6; 32], &before);
    let input = rotated(rng, &lied, secret, epoch_of(&secret, &public(&secret), sealed));
    rows.fails("group-keys", "epoch: another commitment of the epoch before", "key-mismatch", input);
}
