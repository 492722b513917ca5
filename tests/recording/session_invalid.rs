//! Wraps of sessions that are wrong in one place, and who opens nothing.

use sha2::{Digest, Sha256};

use super::{rows::Cast, session::Rows};
use crate::common::{
    cbor::{self, Array, Null, Uint},
    craft::{
        expand, seal,
        session::{ENTRY, Wraps, object, revoke, revoke_all},
    },
    hex::hex,
    people::Person,
    rng::Seeded,
    story::{Input, Story, only_for},
};

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
    let other = seal(rng, &key, &context.encode(), &[6; 32]);
    sealed_otherwise("another key before", "key-mismatch", Wraps { previous: cbor::bytes(other), ..good });
}
