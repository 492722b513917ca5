//! W3, W4, W5, W9 with groups as readers: what a key server, or a creator who works with it, can hand to a group's members.

use std::rc::Rc;

use sha2::{Digest, Sha256};
use wardkey::{client::Client, error::Code, key_pair::PublicKey, party::Party, signed::Hash};

use super::{
    clinic::{Clinic, Served, Told, lifetimes, names},
    common::{
        cbor::{self, Null},
        craft::{
            group::{ADMIN, MEMBER, genesis},
            session::{Genesis, Wraps, party},
        },
        people::Person,
        rng::{Seeded, draw_array, seeded},
        ward::{open, read, stats, write},
        world::{PASSWORD, TestHost, run},
    },
};

/// A session by hand, for its creator and parties with these keys.
fn made(rng: &mut Seeded, by: &Person, key: &[u8; 32], readers: &[(Party, Rc<PublicKey>)]) -> (Genesis, Wraps) {
    let rights: Vec<_> = readers.iter().map(|(party, _)| (party.clone(), 1)).chain([(by.party(), 15)]).collect();
    let genesis = Genesis::of(by, rng, key, &rights);
    let mut wraps = Wraps::of(rng, genesis.id(), (0, 0), key, by, &[by]);
    for (party, public) in readers {
        wraps.insert(rng, key, party, public);
    }
    (genesis, wraps)
}

/// Where a party's stanza stands.
fn place_of(wraps: &Wraps, of: &Party) -> usize {
    let of = party(of).encode();
    wraps.stanzas.iter().position(|stanza| stanza.0.encode() == of).unwrap()
}

/// Another body in a party's place, signed for.
fn put(wraps: &Wraps, of: &Party, body: Vec<u8>) -> Wraps {
    let (mut wraps, at) = (wraps.clone(), place_of(wraps, of));
    wraps.stanzas[at].3 = Sha256::digest(&body).into();
    wraps.bodies[at] = cbor::bytes(body);
    wraps
}

/// A key that is known elsewhere.
fn copy(public: &PublicKey) -> Rc<PublicKey> {
    Rc::new(PublicKey::from_bytes(public.as_bytes()).unwrap())
}

/// What is told of a group to one of its members, and its newest public key.
fn group_of(clinic: &Clinic, group: &Hash, member: &str) -> (Told, (Party, Rc<PublicKey>)) {
    let told = clinic.told_to(member, group);
    let public = copy(told.log(&clinic.people().each_ref()).public_key());
    (told, (Party::Group(*group), public))
}

/// Neither a member whose device knows the group, nor one that knows nothing, opens it; and nothing is kept.
#[track_caller]
fn assert_closed(clinic: &Clinic, told: &Told, served: &Served, code: Code) {
    clinic.serve(told, served);
    let before = stats(&clinic.bob).entries;
    for client in [&clinic.bob, &clinic.world.unlocked("bob", PASSWORD)] {
        assert_eq!(open(client, &served.hash()).unwrap_err(), code);
        clinic.assert_silent();
    }
    assert_eq!(stats(&clinic.bob).entries, before);
}

#[track_caller]
fn assert_opens(clinic: &Clinic, told: &Told, served: &Served, client: &Client<TestHost>) {
    clinic.serve(told, served);
    open(client, &served.hash()).unwrap();
}

#[test]
fn w3_server_made_session_key_for_a_group() {
    let (clinic, rng) = (Clinic::new("w3 group"), &mut seeded("w3 group"));
    let [_, _, dora, mallory] = clinic.people();
    let (told, group) = group_of(&clinic, &clinic.group, "bob");
    let (real, own) = (draw_array(rng), draw_array(rng));
    let (genesis, wraps) = made(rng, &dora, &real, std::slice::from_ref(&group));
    let served = Served::made(&genesis, &wraps, &dora);
    // Its own, for the group's epoch: in Dora's name, in its own; and even with Dora's signature it isn't what the id stands for.
    let mut forged = Wraps::of(rng, genesis.id(), (0, 0), &own, &dora, &[&dora]);
    forged.insert(rng, &own, &group.0, &group.1);
    let in_its_own = Wraps { signer: mallory.signer.bundle.0, ..forged.clone() };
    for (wraps, by, code) in [
        (&forged, &mallory, Code::BadSignature),
        (&in_its_own, &mallory, Code::BadSignature),
        (&forged, &dora, Code::KeyMismatch),
    ] {
        assert_closed(&clinic, &told, &served.with(&[wraps.sign(by.seed())]), code);
    }
    // A whole session of its own under this id.
    let (other, wraps) = made(rng, &mallory, &own, std::slice::from_ref(&group));
    let other = Served { id: served.id, ..Served::made(&other, &wraps, &mallory) };
    assert_closed(&clinic, &told, &other, Code::KeyMismatch);
    assert_opens(&clinic, &told, &served, &clinic.bob);
}

#[test]
fn w4_wraps_of_groups_moved_dropped_doubled() {
    let (clinic, rng) = (Clinic::new("w4 group"), &mut seeded("w4 group"));
    let [_, _, dora, _] = clinic.people();
    let (_, old) = group_of(&clinic, &clinic.group, "bob");
    run(clinic.anna.rotate_group(&clinic.group)).unwrap();
    let (told, group) = group_of(&clinic, &clinic.group, "bob");
    let other = run(clinic.anna.create_group(("Ward 4", lifetimes()), &names(&["mallory"]), &[])).unwrap();
    let (_, other) = group_of(&clinic, &other, "mallory");
    let key = draw_array(rng);
    let (genesis, wraps) = made(rng, &dora, &key, &[group.clone(), other.clone()]);
    let served = Served::made(&genesis, &wraps, &dora);
    let sign = |wraps: &Wraps| wraps.sign(dora.seed());
    let (at, others) = (place_of(&wraps, &group.0), place_of(&wraps, &other.0));
    // By the server: bodies beside the list that was signed.
    let mut swapped = wraps.clone();
    swapped.bodies.swap(at, others);
    let mut dropped = wraps.clone();
    dropped.bodies[at] = Null;
    let mut doubled = wraps.clone();
    doubled.bodies[at] = doubled.bodies[others].clone();
    for (objects, code) in [
        (vec![sign(&swapped)], Code::BadSignature),
        (vec![sign(&dropped)], Code::BadSignature),
        (vec![sign(&doubled)], Code::BadSignature),
        (vec![sign(&wraps), sign(&wraps)], Code::BadSignature),
        (vec![], Code::BadSignature),
    ] {
        assert_closed(&clinic, &told, &served.with(&objects), code);
    }
    // By Dora, who would: a stanza opens only as that of its group, epoch, session and generation.
    let elsewhere = [
        wraps.body_for(rng, &key, &other.1),
        wraps.body_for(rng, &key, &old.1),
        Wraps { session: [1; 32], ..wraps.clone() }.body_for(rng, &key, &group.1),
        Wraps { generation: 1, ..wraps.clone() }.body_for(rng, &key, &group.1),
    ];
    for body in elsewhere {
        let moved = served.with(&[sign(&put(&wraps, &group.0, body))]);
        assert_closed(&clinic, &told, &moved, Code::UnwrapFailed);
    }
    // A group less, twice the same one, one more.
    let mut without = wraps.clone();
    without.stanzas.remove(at);
    without.bodies.remove(at);
    let mut twice = wraps.clone();
    twice.stanzas.insert(at, twice.stanzas[at].clone());
    twice.bodies.insert(at, twice.bodies[at].clone());
    let mut more = wraps.clone();
    more.insert(rng, &key, &Party::Group(Hash([7; 32])), &other.1);
    for (wraps, code) in [(without, Code::BadSignature), (twice, Code::InvalidFormat), (more, Code::BadSignature)] {
        assert_closed(&clinic, &told, &served.with(&[sign(&wraps)]), code);
    }
    // For an epoch that is over: members have it still, so it opens, and the next message is under a new key.
    let mut before = Wraps::of(rng, genesis.id(), (0, 0), &key, &dora, &[&dora]);
    before.insert(rng, &key, &group.0, &old.1);
    before.insert(rng, &key, &other.0, &other.1);
    let before = served.with(&[sign(&before)]);
    assert_opens(&clinic, &told, &before, &clinic.bob);
    let Party::Group(id) = other.0 else { unreachable!() };
    run(clinic.bob.group(&id)).unwrap();
    assert!(clinic.bob.is_due(&open(&clinic.bob, &served.hash()).unwrap()).unwrap());
    assert_opens(&clinic, &told, &served, &clinic.world.unlocked("bob", PASSWORD));
}

#[test]
fn w5_a_different_key_for_user_and_group() {
    let (clinic, rng) = (Clinic::new("w5 group"), &mut seeded("w5 group"));
    let [anna, _, dora, _] = clinic.people();
    let (told, group) = group_of(&clinic, &clinic.group, "bob");
    let (first, second) = (draw_array(rng), draw_array(rng));
    let annas = (anna.party(), copy(anna.pair().public_key()));
    let (genesis, wraps) = made(rng, &dora, &first, &[annas, group.clone()]);
    let served = Served::made(&genesis, &wraps, &dora);
    let body = wraps.body_for(rng, &second, &group.1);
    let split = served.with(&[put(&wraps, &group.0, body).sign(dora.seed())]);
    assert_closed(&clinic, &told, &split, Code::KeyMismatch);
    // Anna has it for herself, and so she doesn't go by the group.
    let annas = Told { keys: clinic.told_to("anna", &clinic.group).keys, ..told.clone() };
    assert_opens(&clinic, &annas, &split, &clinic.anna);
    assert_opens(&clinic, &told, &served, &clinic.world.unlocked("bob", PASSWORD));
}

#[test]
fn w9_a_colluders_session_or_group_under_the_asked_id() {
    let (clinic, rng) = (Clinic::new("w9 group"), &mut seeded("w9 group"));
    let [_, bob, _, mallory] = clinic.people();
    let (told, group) = group_of(&clinic, &clinic.group, "bob");
    let (made_by_dora, message) = clinic.sent(b"x");
    let key = draw_array(rng);
    let (theirs, wraps) = made(rng, &mallory, &key, std::slice::from_ref(&group));
    let theirs = Served { id: made_by_dora.id().0, ..Served::made(&theirs, &wraps, &mallory) };
    assert_closed(&clinic, &told, &theirs, Code::KeyMismatch);
    assert_eq!(read(&clinic.bob, &message), Err(Code::KeyMismatch));
    // His generation in Dora's session: he has no right in it.
    clinic.world.be_good();
    // His group under the id of Anna's, and the group's id as a session's, or the other way round.
    let secret = draw_array(rng);
    let his = genesis(rng, &mallory, &[(&mallory, ADMIN), (&bob, MEMBER)], &secret);
    let mut other = told.whole();
    other.story.genesis = his.encode();
    other.keys = None;
    clinic.tell(&other.vouched(&mallory, clinic.now()));
    clinic.assert_refused(Code::KeyMismatch);
    let as_session =
        Served { id: told.story.id, genesis: told.story.genesis.clone(), entries: Vec::new(), wraps: Vec::new() };
    clinic.serve(&told, &as_session);
    assert!(open(&clinic.bob, &clinic.group).is_err());
    let mut as_group = told.whole();
    as_group.story.genesis = theirs.genesis.clone();
    clinic.tell(&as_group);
    let error = run(clinic.dora.group(&clinic.group)).unwrap_err().code();
    assert!([Code::KeyMismatch, Code::InvalidFormat].contains(&error), "{error:?}");
    clinic.world.be_good();
    // What Dora writes next is for her group, whatever she was told.
    write(&clinic.dora, &made_by_dora, b"next");
    clinic.assert_mended();
}
