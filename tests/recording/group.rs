//! `group.json`: SPEC sections 12.8 to 12.12.

use serde_json::json;
use wardkey::key_pair::Suite;

use super::{
    group_head_invalid, group_invalid, group_keys_invalid,
    rows::{self, Cast},
};
use crate::common::{
    cbor::{self, Uint},
    craft::group::{ADMIN, MEMBER, START, add, give_roles},
    group_story::{Input, Story},
    hex::hex,
    keys::{Pair, signing_key},
    people::{Person, app, directory},
    rng::{Seeded, draw_array},
    rows::{Opened, Refused},
    schema::File,
    story::Seen,
};

pub(super) const MINUTE: u64 = 60_000;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;

pub(super) type Rows = rows::Rows<Input>;

pub(super) fn file(rng: &mut Seeded) -> File<Opened<Input>, Refused<Input>> {
    let mut cast = Cast::new(rng);
    let mut rows = Rows::new();
    logs(rng, &cast, &mut rows);
    lifetimes(rng, &cast, &mut rows);
    openings(rng, &cast, &mut rows);
    heads(rng, &cast, &mut rows);
    group_invalid::logs(rng, &cast, &mut rows);
    group_keys_invalid::keys(rng, &cast, &mut rows);
    group_head_invalid::heads(rng, &cast, &mut rows);
    // At the end: who is renewed has two bundles from here on.
    let before = Story::new(rng, &[(&cast.alice, ADMIN), (&cast.bob, MEMBER)]);
    let keys = before.keys(rng, &cast.alice, &[&cast.alice, &cast.bob]).draft(cast.alice.seed()).encode();
    cast.alice.renew(rng);
    renewed(rng, &cast, &mut rows, before, &keys);
    group_invalid::renewed(rng, &cast, &mut rows);
    rows.file()
}

pub(super) fn seen(story: &Story, sequence: usize) -> Seen {
    Seen { sequence: sequence as u64, hash: hex(story.hashes[sequence]) }
}

fn logs(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, MEMBER)]);
    rows.opens("group", "a genesis", story.input(&people));
    story.tell(alice, add(&[(carol, MEMBER)]));
    rows.opens("group", "an addition", story.input(&people));
    story.remove(rng, alice, &[bob]);
    rows.opens("group", "a removal", story.input(&people));
    story.rotate(rng, alice);
    rows.opens("group", "a rotation", story.input(&people));
    story.tell(alice, add(&[(bob, ADMIN), (mallory, MEMBER)]));
    rows.opens("group", "two are added, one of them again", story.input(&people));
    story.tell(bob, give_roles(&[(alice, MEMBER), (carol, ADMIN)]));
    rows.opens("group", "roles", story.input(&people));
    story.remove(rng, carol, &[alice, bob, mallory]);
    rows.opens("group", "all others are removed", story.input(&people));

    let mut input = story.input(&people);
    input.seen = [0, 3, 6].map(|sequence| seen(&story, sequence)).into();
    rows.opens("group", "as it was seen before", input);
    let mut input = story.input(&people);
    let pin = |person: &Person| json!({ "fingerprint": hex(person.signer.identity.0), "version": 1, "hash": null, "suite": "hybrid" });
    input.pins =
        [("alice", alice), ("bob", bob), ("carol", carol)].map(|(name, who)| (name.to_owned(), pin(who))).into();
    input.refuse_first_use = true;
    rows.opens("group", "with pins", input);

    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, ADMIN)]);
    story.remove(rng, alice, &[bob]);
    rows.opens("group", "an admin is removed", story.input(&people));
    let namesake = Person::new(rng, "bob");
    story.tell(alice, add(&[(&namesake, MEMBER)]));
    rows.opens("group", "another of the name of who went", story.input(&people));
}

fn lifetimes(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let alice = &cast.alice;
    for (name, hours, days) in [("Weekend → Monday", 2_160, 90), ("Ä", 1, 1), (&"x".repeat(128), 24, 7)] {
        let secret = draw_array(rng);
        let genesis = crate::common::craft::group::genesis(rng, alice, &[(alice, ADMIN)], &secret);
        let genesis = genesis.with(5, cbor::text(name)).with(8, Uint(hours)).with(9, Uint(days));
        let story = Story::of(&genesis, &genesis.encode(), secret);
        rows.opens(
            "group",
            &format!("a name of {} bytes, {hours} hours, {days} days", name.len()),
            story.input(&[alice]),
        );
        let head = story.head(alice, START, START + hours * HOUR);
        let last = START + hours * HOUR - 1;
        if hours == 1 {
            rows.opens("fresh", "for an hour", story.with_heads(&[alice], &[head], last));
        }
    }
}

fn openings(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, MEMBER)]);
    let of_genesis = story.keys(rng, alice, &[alice, bob]);
    let all_of_genesis = of_genesis.draft(alice.seed()).encode();
    rows.opens("group-keys", "of a genesis", story.opening(&people, bob, &all_of_genesis));
    story.tell(alice, add(&[(carol, MEMBER)]));
    let of_addition = story.keys(rng, alice, &[carol]).draft(alice.seed()).encode();
    rows.opens("group-keys", "a newcomer, in epoch 0", story.opening(&people, carol, &of_addition));
    let his = of_genesis.only_for(bob).draft(alice.seed()).encode();
    rows.opens("group-keys", "a member of the first hour, his own body alone", story.opening(&people, bob, &his));
    story.tell(alice, give_roles(&[(carol, ADMIN)]));
    rows.opens("group-keys", "roles have none", story.opening(&people, carol, &of_addition));
    story.remove(rng, alice, &[bob]);
    let of_removal = story.keys(rng, alice, &[alice, carol]).draft(alice.seed()).encode();
    rows.opens("group-keys", "two epochs, by a removal", story.opening(&people, carol, &of_removal));
    story.rotate(rng, carol);
    let of_rotation = story.keys(rng, carol, &[alice, carol]);
    let hers = of_rotation.only_for(alice).draft(carol.seed()).encode();
    rows.opens("group-keys", "three epochs, a member of the first hour", story.opening(&people, alice, &hers));
    story.tell(carol, add(&[(mallory, MEMBER), (bob, MEMBER)]));
    let of_addition = story.keys(rng, carol, &[mallory, bob]).draft(carol.seed()).encode();
    rows.opens("group-keys", "three epochs, a newcomer", story.opening(&people, mallory, &of_addition));
    rows.opens(
        "group-keys",
        "three epochs, who was removed and comes again",
        story.opening(&people, bob, &of_addition),
    );
    rows.opens("group-keys", "an addition changes nothing for others", story.opening(&people, alice, &hers));

    let dave = Person::with_pair(Some("dave"), Pair::rsa(Suite::Rsa3072), signing_key(rng));
    let (story, keys) = made_here(rng, alice, &dave);
    rows.opens("group-keys", "rsa-3072", story.opening(&[alice, &dave], &dave, &keys));
    rows.opens("group-keys", "hybrid next to rsa-3072", story.opening(&[alice, &dave], alice, &keys));
}

/// Made by the crate, for a key that isn't made by hand.
fn made_here(rng: &mut Seeded, alice: &Person, dave: &Person) -> (Story, Vec<u8>) {
    use wardkey::group::{Created, Lifetimes, Member, Name, Role, create};
    let about = (Name::new("Ward 8").expect("a name"), Lifetimes::default());
    let known = directory([alice, dave]);
    let members = [Member { party: dave.party(), role: Role::Member }];
    let Created { genesis, log, mut delivery, .. } =
        create(rng, &alice.hand(), &app(), about, &members, &known).expect("created");
    while delivery.step(rng, &known).expect("wrapped") {}
    let keys = delivery.sign(&alice.hand()).expect("signed");
    let id = log.id().0;
    (Story { id, genesis, operations: Vec::new(), hashes: vec![id], secrets: Vec::new() }, keys)
}

fn heads(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let mut story = Story::new(rng, &[(alice, ADMIN), (bob, MEMBER)]);
    let bobs = story.head(bob, START + DAY, START + 2 * DAY);
    let at = |now: u64| story.with_heads(&people, core::slice::from_ref(&bobs), now);
    rows.opens("heads", "by a member", at(0));
    rows.opens("fresh", "from its time on", at(START + DAY));
    rows.opens("fresh", "to its last millisecond", at(START + 2 * DAY - 1));
    rows.opens("fresh", "the member's clock is ahead by five minutes", at(START + DAY - 5 * MINUTE));
    let short = story.head(bob, START, START + 1);
    rows.opens("fresh", "for a millisecond", story.with_heads(&people, &[short], START));
    let late = story.head(bob, START + 6 * DAY, START + 7 * DAY);
    rows.opens(
        "fresh",
        "the last millisecond without an admin",
        story.with_heads(&people, &[late], START + 7 * DAY - 1),
    );
    let hers = story.head(alice, START + 2 * DAY, START + 3 * DAY);
    let later = story.head(bob, START + 8 * DAY, START + 9 * DAY);
    let ahead = story.head(alice, START + 100 * DAY, START + 101 * DAY);
    let with_ahead = [later.clone(), ahead];
    let at = story.with_heads(&people, &with_ahead, START + 8 * DAY);
    rows.fails("fresh", "an admin's head from the future", "stale", at);
    let both = [later, hers];
    rows.opens(
        "fresh",
        "an admin's head, which has ended, counts as his signature",
        story.with_heads(&people, &both, START + 9 * DAY - 1),
    );
    let before = story.clone();
    story.tell(alice, add(&[(carol, ADMIN)]));
    let newest = story.head(carol, START + DAY, START + DAY + HOUR);
    let old = before.head(bob, START, START + DAY);
    rows.opens(
        "fresh",
        "one of the newest state beside one of an older",
        story.with_heads(&people, &[old, newest], START + DAY),
    );
    story.remove(rng, carol, &[bob]);
    let then = before.head(bob, START + DAY, START + 2 * DAY);
    rows.opens("heads", "of a state in which the signer still was a member", story.with_heads(&people, &[then], 0));
    rows.opens("heads", "none", story.with_heads(&people, &[], 0));
}

fn renewed(rng: &mut Seeded, cast: &Cast, rows: &mut Rows, mut story: Story, keys: &[u8]) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    rows.opens("group-keys", "wrapped for an admin's key of before", story.opening(&people, alice, keys));
    story.tell(alice, add(&[(carol, MEMBER)]));
    rows.opens("group", "a renewed signer", story.input(&people));
    story.rotate(rng, alice);
    let keys = story.keys(rng, alice, &[alice, bob, carol]).draft(alice.seed()).encode();
    rows.opens("group-keys", "by and for a renewed admin", story.opening(&people, alice, &keys));
    let head = story.head(alice, START, START + DAY);
    rows.opens("fresh", "a head by a renewed admin", story.with_heads(&people, &[head], START));
}
