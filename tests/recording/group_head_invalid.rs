//! Heads that are wrong in one place, and states that are stale.

use super::{
    group::{DAY, HOUR, MINUTE, Rows},
    rows::Cast,
};
use crate::common::{
    cbor::{self, Uint},
    craft::{
        group::{ADMIN, GROUP, KEYS, MEMBER, OPERATION, START, add, give_roles, head},
        objects::{Draft, malformed},
    },
    group_story::Story,
    people::Person,
    rng::Seeded,
};

const MAX: usize = 8 * 1024;

pub(super) fn heads(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    objects(rng, cast, rows);
    stale(rng, cast, rows);
}

fn objects(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, key_server } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, MEMBER)]);
    let first = story.view();
    story.tell(alice, add(&[(carol, MEMBER)]));
    story.remove(rng, alice, &[bob]);
    let good = story.head(alice, START, START + DAY);
    let mut fails = |name: &str, error: &str, object: &[u8]| {
        let mut input = story.input(&people);
        input.heads = vec![crate::common::hex::hex(object)];
        rows.fails("heads", name, error, input);
    };
    for ((name, object, error), number) in malformed(&good, MAX).into_iter().zip(1..) {
        fails(&format!("{number}, {name}"), error, &object);
    }
    let by = |person: &Person| Draft { seed: *person.seed(), ..good.with(6, cbor::bytes(person.signer.bundle.0)) };
    for (name, error, draft) in [
        ("of another group", "key-mismatch", good.with(1, cbor::bytes([1; 32]))),
        ("beyond the log", "rollback", good.with(2, Uint(3))),
        ("the highest sequence", "rollback", good.with(2, Uint(u64::MAX))),
        ("another hash", "fork", good.with(3, cbor::bytes([1; 32]))),
        ("the hash of another operation", "fork", good.with(2, Uint(1))),
        ("the end is the time", "invalid-format", good.with(5, Uint(START))),
        ("the end before the time", "invalid-format", good.with(5, Uint(START - 1))),
        ("an end too late", "forbidden", good.with(5, Uint(START + DAY + 1))),
        ("the latest end", "forbidden", good.with(5, Uint(u64::MAX))),
        ("by an unknown bundle", "bad-signature", good.with(6, cbor::bytes([9; 32]))),
        ("signed by another", "bad-signature", Draft { seed: *mallory.seed(), ..good.clone() }),
        ("by a stranger", "forbidden", by(mallory)),
        ("by the key server", "forbidden", by(key_server)),
        ("by who was removed", "forbidden", by(bob)),
        ("by who wasn't a member yet", "forbidden", head(carol, story.id, first, (START, START + DAY))),
        ("signed as a genesis", "bad-signature", Draft { label: GROUP, ..good.clone() }),
        ("signed as an operation", "bad-signature", Draft { label: OPERATION, ..good.clone() }),
        ("signed as group keys", "bad-signature", Draft { label: KEYS, ..good.clone() }),
        ("signed as a journal's head", "bad-signature", Draft { label: "wardkey/v1/journal-head", ..good.clone() }),
    ] {
        fails(name, error, &draft.encode());
    }
}

fn stale(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, MEMBER)]);
    let mut fails = |name: &str, story: &Story, heads: &[Draft], now: u64| {
        rows.fails("fresh", name, "stale", story.with_heads(&people, heads, now));
    };
    fails("no head", &story, &[], START);
    let bobs = [story.head(bob, START + DAY, START + 2 * DAY)];
    fails("it has ended", &story, &bobs, START + 2 * DAY);
    fails("it is ahead by more than five minutes", &story, &bobs, START + DAY - 5 * MINUTE - 1);
    let bobs = [story.head(bob, START + 7 * DAY, START + 8 * DAY)];
    fails("no admin for seven days", &story, &bobs, START + 7 * DAY);
    let hers = story.head(alice, START + 2 * DAY, START + 3 * DAY);
    let both = [hers.clone(), story.head(bob, START + 9 * DAY, START + 10 * DAY)];
    fails("an admin's head, seven days ago", &story, &both, START + 9 * DAY);

    let old = [hers, story.head(bob, START + 2 * DAY, START + 3 * DAY)];
    let mut longer = story.clone();
    longer.tell(alice, add(&[(carol, MEMBER)]));
    fails("heads of an older state alone", &longer, &old, START + 2 * DAY);
    let late = [old[0].clone(), longer.head(bob, START + 8 * DAY, START + 9 * DAY)];
    fails("an admin's head of an older state is none of his signatures", &longer, &late, START + 8 * DAY);
    // Alice has signed all, and is no admin any more.
    story.tell(alice, give_roles(&[(bob, ADMIN), (alice, MEMBER)]));
    let hers = [story.head(alice, START, START + HOUR)];
    fails("who was an admin signs", &story, &hers, START);
    // Bob is one now; his signature makes it fresh.
    let his = [hers[0].clone(), story.head(bob, START, START + HOUR)];
    assert!(story.with_heads(&people, &his, START).open("fresh").is_ok());
}
