//! Exchange keys that open, and why versions stay closed: SPEC sections 18.2 to 18.5.

use super::{delegation::Rows, group_session::Ward, rows::Cast};
use crate::common::{
    cbor::{Item, Null},
    craft::{
        delegation::{Exchange, To},
        group::{MEMBER, add},
        objects::Draft,
    },
    delegations::{Input, Versions},
    hex::hex,
    people::Person,
    rng::{Seeded, draw_array},
    story::Seen,
};

/// The group of a ward, with its newest epoch.
pub(super) fn to_ward(ward: &Ward) -> To {
    let epoch = Some(ward.log.secrets.len() as u64 - 1);
    To { party: ward.party(), public: ward.public().as_bytes().to_vec(), epoch }
}

/// As somebody reads it who knows these people, and these wards as a member.
pub(super) fn read(reader: &Person, people: &[&Person], wards: &[(&Ward, bool)], exchanges: &[&Exchange]) -> Input {
    let mut input = Input::of(reader, people);
    for (ward, is_member) in wards {
        if *is_member {
            input.parties.push(hex(ward.party().to_bytes()));
        }
        input.groups.push(ward.log.known(is_member.then_some(ward.keys.as_slice())));
    }
    input.exchange_keys = exchanges.iter().map(|exchange| Versions::of(exchange)).collect();
    input
}

/// A version by Alice for Bob.
pub(super) fn by_alice(rng: &mut Seeded, cast: &Cast) -> Exchange {
    let Cast { alice, bob, .. } = cast;
    let mut exchange = Exchange::new(&alice.party(), &bob.party());
    exchange.tell(rng, alice, Null, &[To::person(alice), To::person(bob)]);
    exchange
}

/// With a version whose key isn't asked for by the next one.
fn changed(exchange: &Exchange, draft: &Draft) -> Exchange {
    let mut changed = exchange.clone();
    changed.push([0; 32], draft);
    changed
}

pub(super) fn chains(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, .. } = cast;
    let people = cast.all();
    let both = [To::person(alice), To::person(bob)];
    let mut opens = |name: &str, input: Input| rows.opens("exchange-keys", name, input);

    let mut own = Exchange::new(&alice.party(), &alice.party());
    own.tell(rng, alice, Null, &[To::person(alice)]);
    opens("of one party alone", read(alice, &people, &[], &[&own]));
    let mut exchange = by_alice(rng, cast);
    opens("by the delegator", read(alice, &people, &[], &[&exchange]));
    opens("by the delegate", read(bob, &people, &[], &[&exchange]));
    opens("without the private key", Input { keys: Vec::new(), ..read(bob, &people, &[], &[&exchange]) });
    let other = Input::of(carol, &people).keys;
    opens("with another private key", Input { keys: other, ..read(bob, &people, &[], &[&exchange]) });
    for _ in 0..2 {
        exchange.tell(rng, alice, Null, &both);
    }
    opens("three versions, each by the one after it", read(bob, &people, &[], &[&exchange]));
    let mut seen = read(bob, &people, &[], &[&exchange]);
    let view = |sequence: usize| Seen { sequence: sequence as u64 + 1, hash: hex(exchange.hashes[sequence]) };
    seen.exchange_keys[0].seen = vec![view(0), view(2)];
    opens("as it was seen before", seen);

    // The third without the second, without a good one, or without its body.
    let mut two = exchange.clone();
    two.keys.pop();
    two.hashes.pop();
    two.objects.pop();
    let key = draw_array(rng);
    let third = two.next(rng, alice, Null, &both, &key);
    let lost = changed(&two, &third.with(11, Null));
    opens("the version before was lost", read(bob, &people, &[], &[&lost]));
    let wrong = two.previous(rng, 3, &key, &[5; 32]);
    let broken = changed(&two, &third.with(11, crate::common::cbor::bytes(wrong)));
    opens("another key in the place of the one before", read(bob, &people, &[], &[&broken]));
    let flipped = two.previous(rng, 3, &[6; 32], &two.keys[1]);
    let broken = changed(&two, &third.with(11, crate::common::cbor::bytes(flipped)));
    opens("the key before doesn't open", read(bob, &people, &[], &[&broken]));
    let without = |place: usize| {
        let mut draft = third.clone();
        if let Item::Array(bodies) = &mut draft.more[0] {
            bodies[place] = Null;
        }
        changed(&two, &draft)
    };
    let bobs = usize::from(bob.party().to_bytes() > alice.party().to_bytes());
    opens("the newest body is missing", read(bob, &people, &[], &[&without(bobs)]));
    opens("another's body is missing", read(bob, &people, &[], &[&without(1 - bobs)]));

    groups(rng, cast, rows);
}

fn groups(rng: &mut Seeded, cast: &Cast, rows: &mut Rows) {
    let Cast { alice, bob, carol, mallory, .. } = cast;
    let people = cast.all();
    let mut opens = |name: &str, input: Input| rows.opens("exchange-keys", name, input);
    let ward = Ward::new(rng, cast);
    let mut exchange = Exchange::new(&alice.party(), &ward.party());
    exchange.tell(rng, alice, Null, &[To::person(alice), to_ward(&ward)]);
    opens("for a group, by a member", read(carol, &people, &[(&ward, true)], &[&exchange]));
    opens("for a group, by the delegator", read(alice, &people, &[(&ward, false)], &[&exchange]));
    let mut back = Exchange::new(&ward.party(), &alice.party());
    back.tell(rng, carol, ward.right(0), &[To::person(alice), to_ward(&ward)]);
    opens("of a group, by the delegate", read(alice, &people, &[(&ward, false)], &[&back]));
    opens("of a group, by another member", read(bob, &people, &[(&ward, true)], &[&back]));
    let mut own = Exchange::new(&ward.party(), &ward.party());
    own.tell(rng, carol, ward.right(0), &[to_ward(&ward)]);
    opens("of a group alone", read(bob, &people, &[(&ward, true)], &[&own]));

    let after = ward.without_carol(rng, cast);
    opens("a new epoch: one is due", read(bob, &people, &[(&after, true)], &[&exchange]));
    opens("who made it has left: one is due", read(bob, &people, &[(&after, true)], &[&own]));
    let mut newer = exchange.clone();
    newer.tell(rng, alice, Null, &[To::person(alice), to_ward(&after)]);
    opens("for the new epoch, and by it all before", read(bob, &people, &[(&after, true)], &[&newer]));
    let mut newer = back.clone();
    newer.tell(rng, bob, after.right(1), &[To::person(alice), to_ward(&after)]);
    opens("another member makes the next", read(bob, &people, &[(&after, true)], &[&newer]));
    let mut larger = ward.clone();
    larger.log.tell(bob, add(&[(mallory, MEMBER)]));
    let larger = larger.keyed(rng, bob, &[mallory]);
    opens("a newcomer opens what was before", read(mallory, &people, &[(&larger, true)], &[&exchange]));
    opens("nobody was removed: none is due", read(alice, &people, &[(&larger, false)], &[&back]));

    let other =
        Ward { log: crate::common::group_story::Story::new(rng, &[(alice, 1), (mallory, 0)]), keys: Vec::new() };
    let other = other.keyed(rng, alice, &[alice, mallory]);
    let mut between = Exchange::new(&other.party(), &ward.party());
    between.tell(rng, mallory, other.right(0), &[to_ward(&ward), to_ward(&other)]);
    let wards = |of_ward: bool| [(&ward, of_ward), (&other, !of_ward)];
    opens("from group to group, by the delegate", read(carol, &people, &wards(true), &[&between]));
    opens("from group to group, by the delegator", read(alice, &people, &wards(false), &[&between]));
}

pub(super) fn renewed(rng: &mut Seeded, cast: &Cast, rows: &mut Rows, mut exchange: Exchange) {
    let Cast { alice, bob, .. } = cast;
    let people = cast.all();
    rows.opens("exchange-keys", "wrapped for a key of before", read(alice, &people, &[], &[&exchange]));
    let before = exchange.clone();
    exchange.tell(rng, alice, Null, &[To::person(alice), To::person(bob)]);
    rows.opens("exchange-keys", "by a renewed delegator", read(alice, &people, &[], &[&exchange]));

    // Her first bundle signs after her second.
    let mut back = exchange.clone();
    let key = draw_array(rng);
    let draft = back.next(rng, alice, Null, &[To::person(alice), To::person(bob)], &key);
    let first = alice.identity().bundles().first().map(|bundle| bundle.hash().0).expect("her first bundle");
    let old = Draft { seed: *alice.signing[1].seed().expose(), ..draft.with(7, crate::common::cbor::bytes(first)) };
    back.push(key, &old);
    rows.fails("exchange-keys", "an older bundle than before", "rollback", read(bob, &people, &[], &[&back]));
    let mut fewer = read(bob, &people, &[], &[&before]);
    fewer.exchange_keys[0].seen = vec![Seen { sequence: 2, hash: hex(exchange.hashes[1]) }];
    rows.fails("exchange-keys", "fewer versions than seen", "rollback", fewer);
}
