//! G1 to G7, I2, I6: what a key server, a member and who was one can do to a group.

use std::{
    future::Future,
    pin::{Pin, pin},
};

use serde_json::{Value, json};
use wardkey::{
    backend::Outcome,
    client::{Client, Recipient},
    encoding::base64url,
    error::Code,
    group::{Epochs, Stanza},
    party::Party,
    session::{Rights, Session},
    signed::{Hash, Minimum},
};

use super::{
    clinic::{Clinic, DAY, HOUR, Served, Told, lifetimes, names, stanzas_of},
    common::{
        cbor::{self, Array, Item, Null, Uint},
        craft::{
            group::{ADMIN, Keys, MEMBER, add, epoch, epoch_of, epoch_pair, genesis, give_roles, remove, rotate},
            objects::Draft,
            session::{ENTRY, Entry, Genesis, Wraps, grant, hash as hash_of, payload_of},
            system,
        },
        people::{Person, app, directory},
        rng::{Seeded, draw_array, seeded},
        story::refs,
        ward::{FEED, KEYS, READ, cached, open, read, read_with, try_write, user, write},
        world::{Asked, MINUTE, PASSWORD, TestHost, bytes_at, failed, run, run_for},
    },
};

// ---------------------------------------------------------------- G1

#[test]
fn g1_a_member_whom_the_server_adds() {
    let clinic = Clinic::new("g1");
    let [anna, bob, _, mallory] = clinic.people();
    let stranger = Person::new(&mut seeded("g1 stranger"), "zoe");
    clinic.sent(b"before");
    let told = clinic.told();
    let taken_in = |by: &Person| told.story.next(by, add(&[(&mallory, MEMBER)]));
    let in_annas_name = Draft { seed: *mallory.seed(), ..taken_in(&anna) };
    for (operation, code) in [
        (taken_in(&mallory), Code::Forbidden),
        (taken_in(&bob), Code::Forbidden),
        (taken_in(&stranger), Code::BadSignature),
        (in_annas_name, Code::BadSignature),
    ] {
        // Whoever vouches for it.
        let told = told.then(&[&operation]);
        for by in [&bob, &mallory, &anna] {
            clinic.tell(&told.vouched(by, clinic.now()));
            clinic.assert_refused(code);
        }
        clinic.assert_mended();
    }
    // From the beginning: that is another group.
    let genesis = Draft::new("wardkey/v1/group", Vec::new(), anna.seed());
    let payload = payload_of(&told.story.genesis);
    let party = |person: &Person| person.party().to_bytes();
    let at = payload.windows(party(&bob).len()).position(|bytes| bytes == party(&bob)).unwrap();
    let replaced = [&payload[..at], &party(&Person::new(&mut seeded("g1"), "eve")), &payload[at + party(&bob).len()..]];
    let mut other = told.whole();
    other.story.genesis = genesis.around(&replaced.concat());
    clinic.tell(&other);
    clinic.assert_refused(Code::KeyMismatch);
    clinic.assert_mended();
}

/// Nor does she get a stanza in an epoch's keys: whoever signs for it isn't the admin, or the list isn't the log's.
#[test]
fn g1_a_stanza_that_the_server_adds() {
    let (clinic, rng) = (Clinic::new("g1 stanza"), &mut seeded("g1 stanza"));
    let [anna, bob, _, mallory] = clinic.people();
    let (_, message) = clinic.sent(b"x");
    let mut told = clinic.told_to("bob", &clinic.group);
    let secret = draw_array(rng);
    let real = &told.log(&[&anna, &bob]).epochs()[0].commitment.0.to_vec();
    let keys = Keys {
        commitment: real.clone(),
        ..Keys::of(rng, told.story.id, (0, 0), &secret, &anna, &[&anna, &bob, &mallory])
    };
    for seed in [anna.seed(), mallory.seed()] {
        told.keys = Some(keys.clone().only_for(&bob).draft(seed).encode());
        clinic.tell(&told);
        let bob = clinic.world.unlocked("bob", PASSWORD);
        assert_eq!(read(&bob, &message), Err(Code::BadSignature));
        clinic.assert_silent();
    }
    clinic.assert_mended();
}

// ---------------------------------------------------------------- G2, G6

/// The epochs that a member opens with what he was given.
fn epochs_of(told: &Told, member: &Person, people: &[Person]) -> Epochs {
    let log = told.log(&people.iter().collect::<Vec<_>>());
    let stanza = Stanza::find(&log, told.keys.as_ref().unwrap(), &member.party(), Minimum::default()).unwrap();
    Epochs::open(&log, stanza.open(&mut system(), &[member.pair()]).unwrap()).unwrap()
}

fn objects(list: &[Vec<u8>]) -> Value {
    list.iter().map(|object| base64url(object)).collect()
}

/// Of what was said to whomever, whole: as a key server has it that works with who left.
fn traffic(clinic: &Clinic, id: &Hash) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, Vec<u8>) {
    let body = json!({ "sessions": [{ "id": id.to_string() }], "signers": [], "groups": [] });
    let reply = clinic.world.ask(Some("anna"), "POST", "/v1/keys", Some(body)).unwrap();
    let answer = &reply["sessions"][0];
    let list = |name: &str| {
        let places = 0..answer[name].as_array().unwrap().len();
        places.map(|place| bytes_at(answer, &format!("/{name}/{place}"))).collect::<Vec<_>>()
    };
    (list("entries"), list("wraps"), bytes_at(answer, "/genesis"))
}

#[test]
fn g2_a_removed_member_reads_on() {
    let clinic = Clinic::new("g2");
    let people = clinic.people();
    let [anna, bob, ..] = &people;
    let (made, before) = clinic.sent(b"before");
    let bobs = open(&clinic.bob, made.id()).unwrap();
    assert_eq!(read_with(&clinic.bob, &bobs, &before).unwrap(), b"before");
    let then = clinic.told_to("bob", &clinic.group);
    let epochs = epochs_of(&then, bob, &people);

    run(clinic.anna.remove_members(&clinic.group, &names(&["bob"]))).unwrap();
    clinic.world.pass(MINUTE);
    let after = write(&clinic.dora, &made, b"after");
    let (later, message) = clinic.sent(b"later");
    let now = clinic.told_to("anna", &clinic.group);

    // The key server gives him all that Anna gets, as if he were she, and the group as it was.
    let (world, everybody) = (std::rc::Rc::clone(&clinic.world), clinic.identities());
    let told = then.whole();
    let all = [made.id(), later.id()].map(|id| (id.to_string(), traffic(&clinic, id)));
    let answers = all.clone();
    let group = Value::from(clinic.group.to_string());
    world.be_evil(move |asked, answer| {
        let mut answer = answer?;
        if asked.what == KEYS && asked.caller.as_deref() == Some("bob") {
            for (place, session) in asked.body["sessions"].as_array().unwrap().iter().enumerate() {
                let known = answers.iter().find(|(id, _)| session["id"] == **id);
                let Some((_, (entries, wraps, genesis))) = known else { continue };
                let after = session.get("after").and_then(Value::as_u64).map(|after| after as usize);
                answer["sessions"][place] = json!({
                    "genesis": after.is_none().then(|| base64url(genesis)),
                    "entries": objects(&entries[after.unwrap_or_default()..]),
                    "wraps": objects(&wraps[after.map_or(0, |after| after + 1)..]),
                });
            }
            let groups = answer["groups"].as_array_mut().unwrap();
            groups.retain(|told| told["id"] != group);
            groups.push(json!({
                "id": group, "genesis": base64url(&told.story.genesis), "operations": objects(&told.story.operations),
                "keys": base64url(told.keys.as_ref().unwrap()), "heads": objects(&told.heads),
            }));
            answer["identities"].as_array_mut().unwrap().extend(everybody.clone());
            answer["feed"]["items"] = json!([]);
        }
        if asked.what == FEED {
            answer["items"] = json!([]);
        }
        Ok(answer)
    });
    // Through his client, which goes on where he was, and through one that knows nothing.
    let fresh = clinic.world.unlocked("bob", PASSWORD);
    for client in [&clinic.bob, &fresh] {
        for closed in [&after, &message] {
            assert_eq!(read(client, closed), Err(Code::NotARecipient));
        }
    }
    assert_eq!(read_with(&clinic.bob, &bobs, &after), Err(Code::NotARecipient));
    // By hand, with every key that he has, what no client would.
    let mut known = directory(&people);
    known.insert_group(clinic.told().log(&[anna, bob])).unwrap();
    let annas = epochs_of(&now, anna, &people);
    for (id, (entries, wraps, genesis)) in &all {
        let (entries, wraps) = (refs(entries), refs(wraps));
        let id = Hash::parse(id).unwrap();
        let session = Session::read(&app(), &id, genesis, &entries, &wraps, &known, Minimum::default()).unwrap();
        let pairs: Vec<_> = epochs.iter().chain([bob.pair()]).collect();
        let parties = [bob.party(), Party::Group(clinic.group)];
        assert_eq!(session.open(&mut system(), &parties, &pairs).unwrap_err().code(), Code::NotARecipient);
        assert!(session.open(&mut system(), &parties, &annas.iter().collect::<Vec<_>>()).is_ok());
    }
    // She for whom it was written reads it.
    clinic.world.be_good();
    assert_eq!(read(&clinic.anna, &after).unwrap(), b"after");
}

/// Nor does what her application has kept open where her device knows that she is out, whatever the feed says.
#[test]
fn g2_what_was_serialized_before_a_removal() {
    let clinic = Clinic::new("g2 serialized");
    let (made, _) = clinic.sent(b"before");
    let text = run(clinic.bob.serialize_session(&open(&clinic.bob, made.id()).unwrap())).unwrap();
    run(clinic.anna.remove_members(&clinic.group, &names(&["bob"]))).unwrap();
    clinic.world.be_evil(|asked, answer| {
        let mut answer = answer?;
        match asked.what.as_str() {
            KEYS => answer["feed"]["items"] = json!([]),
            FEED => answer["items"] = json!([]),
            _ => {}
        }
        Ok(answer)
    });
    run(clinic.bob.group(&clinic.group)).unwrap();
    assert_eq!(failed(run(clinic.bob.deserialize_session(&text))), Code::Revoked);
    clinic.world.off_line.set(true);
    assert_eq!(failed(run(clinic.bob.deserialize_session(&text))), Code::Network);
}

/// With the session's key that she had, too: what is written next is under another one.
#[test]
fn g6_a_removed_member_keeps_the_session_key() {
    let clinic = Clinic::new("g6");
    let (made, before) = clinic.sent(b"before");
    let bobs = open(&clinic.bob, made.id()).unwrap();
    run(clinic.anna.remove_members(&clinic.group, &names(&["bob"]))).unwrap();
    clinic.world.pass(MINUTE);
    // Nobody tells her of it: her client has the key, and opens what it opened.
    let everybody = clinic.identities();
    clinic.world.be_evil(move |asked, answer| {
        if asked.what == FEED && asked.caller.as_deref() == Some("bob") {
            let mut feed = answer?;
            feed["items"] = json!([]);
            return Ok(feed);
        }
        let mut answer = answer?;
        if asked.what == KEYS && asked.caller.as_deref() == Some("bob") {
            let count = asked.body["sessions"].as_array().unwrap().len();
            let nothing = json!({ "genesis": null, "entries": [], "wraps": [] });
            answer = json!({
                "sessions": vec![nothing; count], "identities": everybody, "groups": [],
                "feed": { "cursor": answer["feed"]["cursor"], "items": [], "reset": false, "more": false },
            });
        }
        Ok(answer)
    });
    assert_eq!(read_with(&clinic.bob, &bobs, &before).unwrap(), b"before");
    let after = write(&clinic.dora, &made, b"after");
    made.with(|session| assert_eq!(session.log().newest_generation(), 1));
    assert_eq!(read_with(&clinic.bob, &bobs, &after), Err(Code::NotARecipient));
    assert_eq!(read(&clinic.anna, &after).unwrap(), b"after");
    // Nor is it wrapped for an epoch that she has.
    let (entries, wraps, _) = traffic(&clinic, made.id());
    assert_eq!((entries.len(), wraps.len()), (1, 2));
    let told = clinic.told();
    let [anna, bob, ..] = clinic.people();
    let newest = *told.log(&[&anna, &bob]).public_key().fingerprint();
    let group = Party::Group(clinic.group);
    let stanza = stanzas_of(&wraps[1]).into_iter().find(|stanza| stanza.party == group).unwrap();
    assert_eq!(stanza.fingerprint, newest);
}

/// Nor where the key server, which can't unsay it, tells what nobody believes of the group: what is known of it stays known.
#[test]
fn g6_a_group_that_is_refused() {
    let clinic = Clinic::new("g6 refused");
    let [_, bob, ..] = clinic.people();
    let (made, _) = clinic.sent(b"before");
    let before = clinic.told();
    run(clinic.anna.remove_members(&clinic.group, &names(&["bob"]))).unwrap();
    run(clinic.dora.group(&clinic.group)).unwrap();
    assert!(clinic.dora.is_due(&made).unwrap());
    let told = clinic.told();
    let forged = told.then(&[&told.story.next(&bob, give_roles(&[(&bob, ADMIN)]))]);
    let id = Value::from(clinic.group.to_string());
    let evil: [(&dyn Fn(), Code); 3] = [
        (&|| clinic.tell(&forged), Code::Forbidden),
        (&|| clinic.tell(&before.whole()), Code::Rollback),
        (
            &|| {
                let id = id.clone();
                clinic
                    .world
                    .change(KEYS, move |answer| answer["groups"] = json!([{ "id": id, "error": "unknown-group" }]));
            },
            Code::UnknownGroup,
        ),
    ];
    for (lie, code) in evil {
        lie();
        assert_eq!(failed(run(clinic.dora.group(&clinic.group))), code);
        clinic.world.take_asked();
        for _ in 0..2 {
            assert_eq!(try_write(&clinic.dora, &made, b"after"), Err(code));
        }
        clinic.assert_silent();
        clinic.world.be_good();
        run(clinic.dora.group(&clinic.group)).unwrap();
    }
    let after = write(&clinic.dora, &made, b"after");
    made.with(|session| assert_eq!(session.log().newest_generation(), 1));
    assert_eq!(read(&clinic.bob, &after), Err(Code::Revoked));
}

// ---------------------------------------------------------------- G3

/// Anna's and Bob's group, six operations later; Dora has seen them, and her backup says so.
fn six(name: &str) -> (Clinic, Told) {
    let clinic = Clinic::new(name);
    for _ in 0..3 {
        run(clinic.anna.set_admins(&clinic.group, &names(&["bob"]), &[])).unwrap();
        run(clinic.anna.set_admins(&clinic.group, &[], &names(&["bob"]))).unwrap();
    }
    clinic.sent(b"x");
    run(clinic.dora.refresh()).unwrap();
    let told = clinic.told();
    assert_eq!(told.story.operations.len(), 6);
    (clinic, told)
}

#[test]
fn g3_four_after_six() {
    let (clinic, told) = six("g3 rollback");
    let [anna, ..] = clinic.people();
    for sequence in [4, 0] {
        clinic.tell(&told.up_to(sequence).vouched(&anna, clinic.now()));
        clinic.assert_refused(Code::Rollback);
    }
    // A page that is loaded again has it from its device.
    run(clinic.dora.group(&clinic.group)).unwrap_err();
    let next = clinic.world.client_with(&clinic.device, cached(|_| ()));
    run(next.look(None)).unwrap();
    clinic.assert_refused_to(&next, Code::Rollback);
    clinic.assert_mended();
}

#[test]
fn g3_two_sevens() {
    let (clinic, told) = six("g3 fork");
    let [anna, bob, _, mallory] = clinic.people();
    // An admin who works with the key server.
    let one = told.then(&[&told.story.next(&anna, give_roles(&[(&bob, ADMIN)]))]).vouched(&anna, clinic.now());
    let two = told.then(&[&told.story.next(&anna, add(&[(&mallory, MEMBER)]))]).vouched(&anna, clinic.now());
    clinic.tell(&one);
    run(clinic.dora.group(&clinic.group)).unwrap();
    run(clinic.dora.refresh()).unwrap();
    // From the beginning; only what comes after; its head alone; and longer than the first.
    let longer = two.then(&[&two.story.next(&anna, give_roles(&[(&bob, ADMIN)]))]).vouched(&anna, clinic.now());
    for other in [two.whole(), longer.whole()] {
        clinic.tell(&other);
        clinic.assert_refused(Code::Fork);
    }
    for (other, code) in [(&two, Code::Fork), (&longer, Code::BadSignature)] {
        clinic.tell(other);
        clinic.assert_refused_to(&clinic.dora, code);
    }
    clinic.tell(&one);
    assert_eq!(run(clinic.dora.members(&clinic.group)).unwrap().len(), 2);
}

// ---------------------------------------------------------------- G4

#[test]
fn g4_a_group_key_that_the_server_knows() {
    let (clinic, rng) = (Clinic::new("g4"), &mut seeded("g4"));
    let [anna, bob, _, mallory] = clinic.people();
    let (_, before) = clinic.sent(b"before");
    run(clinic.anna.rotate_group(&clinic.group)).unwrap();
    run(clinic.dora.group(&clinic.group)).unwrap();
    let (_, message) = clinic.sent(b"x");
    let mut told = clinic.told_to("bob", &clinic.group);
    let log = told.log(&[&anna, &bob]);
    let foreign = draw_array(rng);
    let keys = Keys::of(rng, told.story.id, (1, 1), &foreign, &anna, &[&anna, &bob]);
    let mut named = Keys { commitment: log.epochs()[1].commitment.0.to_vec(), ..keys.clone() };
    named.put(&bob, named.body(rng, &foreign, bob.pair().public_key()));
    let theirs = Keys { signer: mallory.signer.bundle.0, ..named.clone() };
    for (keys, by, code) in [
        // What the admin signed, with another secret in Bob's place; the name of another secret.
        (&named, &anna, Code::KeyMismatch),
        (&keys, &anna, Code::KeyMismatch),
        // By others: in her name, and in their own.
        (&named, &mallory, Code::BadSignature),
        (&theirs, &mallory, Code::BadSignature),
    ] {
        told.keys = Some(keys.draft(by.seed()).encode());
        clinic.tell(&told);
        let bob = clinic.world.unlocked("bob", PASSWORD);
        assert_eq!(read(&bob, &message), Err(code));
        // Nor does he open with it what is older.
        assert_eq!(read(&bob, &before), Err(code));
    }
    clinic.world.be_good();
    clinic.assert_mended();
}

/// The public key in the log: the server's own in the place of the admin's, or one that isn't the secret's.
#[test]
fn g4_a_public_key_of_another_secret() {
    let (clinic, rng) = (Clinic::new("g4 public"), &mut seeded("g4 public"));
    let [anna, bob, _, mallory] = clinic.people();
    let (_, message) = clinic.sent(b"x");
    let told = clinic.told_to("bob", &clinic.group);
    let (secret, foreign) = (draw_array(rng), draw_array(rng));
    let begun = told.story.next(&anna, rotate(epoch(&foreign, Null)));
    let by_server = Draft { seed: *mallory.seed(), ..begun };
    clinic.tell(&told.then(&[&by_server]).vouched(&bob, clinic.now()));
    clinic.assert_refused(Code::BadSignature);
    let public = epoch_pair(&foreign).pair.public_key().as_bytes().to_vec();
    let mixed = told.story.next(&anna, rotate(epoch_of(&secret, &public, Null)));
    let keys = Keys::of(rng, told.story.id, (1, 1), &secret, &anna, &[&anna, &bob]);
    let mixed =
        Told { keys: Some(keys.draft(anna.seed()).encode()), ..told.then(&[&mixed]).vouched(&bob, clinic.now()) };
    clinic.tell(&mixed);
    let fresh = clinic.world.unlocked("bob", PASSWORD);
    assert_eq!(read(&fresh, &message), Err(Code::KeyMismatch));
    clinic.assert_silent();
}

// ---------------------------------------------------------------- G5

#[test]
fn g5_a_nurse_removes_an_admin() {
    let (clinic, rng) = (Clinic::new("g5"), &mut seeded("g5"));
    let [anna, bob, _, mallory] = clinic.people();
    clinic.sent(b"x");
    for outcome in [
        run(clinic.bob.remove_members(&clinic.group, &names(&["anna"]))),
        run(clinic.bob.set_admins(&clinic.group, &names(&["bob"]), &names(&["anna"]))),
        run(clinic.bob.add_members(&clinic.group, &names(&["mallory"]), true)),
        run(clinic.bob.rotate_group(&clinic.group)),
    ] {
        assert_eq!(failed(outcome), Code::Forbidden);
    }
    clinic.assert_silent();
    // By hand: an honest key server doesn't take it, and readers don't from another one.
    let told = clinic.told();
    let own = draw_array(rng);
    for action in [
        remove(&[anna.party()], epoch(&own, Null)),
        give_roles(&[(&anna, MEMBER), (&bob, ADMIN)]),
        give_roles(&[(&bob, ADMIN)]),
        rotate(epoch(&own, Null)),
    ] {
        let operation = told.story.next(&bob, action);
        let after = told.then(&[&operation]).vouched(&bob, clinic.now());
        let keys = Keys::of(rng, told.story.id, (1, 1), &own, &bob, &[&bob]).draft(bob.seed()).encode();
        let body = json!({ "operation": base64url(&operation.encode()), "keys": base64url(&keys), "head": base64url(&after.heads[0]) });
        let path = format!("/v1/groups/{}/operations", clinic.group);
        assert_eq!(failed(clinic.world.ask(Some("bob"), "POST", &path, Some(body))), Code::Forbidden);
        clinic.tell(&after);
        clinic.assert_refused(Code::Forbidden);
        assert_eq!(failed(run(clinic.anna.members(&clinic.group))), Code::Forbidden);
    }
    // Nor does an admin remove himself, or the last one step down.
    for action in [remove(&[anna.party()], epoch(&own, Null)), give_roles(&[(&anna, MEMBER)])] {
        clinic.tell(&told.then(&[&told.story.next(&anna, action)]).vouched(&anna, clinic.now()));
        clinic.assert_refused(Code::Forbidden);
    }
    drop(mallory);
    clinic.assert_mended();
}

/// Keys of no operation, of another group, for somebody else: who has opened the epochs goes on with those, and for who needs them they fail what needs them.
#[test]
fn g5_a_stray_epoch_key() {
    let (clinic, rng) = (Clinic::new("g5 stray"), &mut seeded("g5 stray"));
    let [anna, bob, _, mallory] = clinic.people();
    let (made, message) = clinic.sent(b"x");
    assert_eq!(read(&clinic.bob, &message).unwrap(), b"x");
    let others = run(clinic.mallory.create_group(("Trap", lifetimes()), &names(&["bob"]), &[])).unwrap();
    let others = clinic.told_to("bob", &others).keys.unwrap();
    let told = clinic.told_to("bob", &clinic.group);
    let secret = draw_array(rng);
    let mut of =
        |place| Keys::of(rng, told.story.id, place, &secret, &mallory, &[&anna, &bob]).draft(mallory.seed()).encode();
    for (stray, code) in [
        (others, Code::KeyMismatch),
        (of((0, 0)), Code::BadSignature),
        (of((0, 1)), Code::BadSignature),
        (of((7, 1)), Code::BadSignature),
        (vec![0; 8], Code::InvalidFormat),
    ] {
        clinic.tell(&Told { keys: Some(stray), ..told.clone() });
        // Ignored.
        let held = open(&clinic.bob, made.id()).unwrap();
        run(clinic.bob.update(&held)).unwrap();
        run(clinic.bob.group(&clinic.group)).unwrap();
        assert_eq!(read_with(&clinic.bob, &held, &message).unwrap(), b"x");
        write(&clinic.bob, &held, b"goes on");
        // Reported, by what it is.
        let fresh = clinic.world.unlocked("bob", PASSWORD);
        assert_eq!(read(&fresh, &message), Err(code));
        // And not remembered.
        clinic.world.be_good();
        assert_eq!(read(&fresh, &message).unwrap(), b"x");
    }
}

// ---------------------------------------------------------------- G7

/// Dora's session, which the group manages; its key, and what the key server has of it.
fn managed(clinic: &Clinic, rng: &mut Seeded) -> (Served, [u8; 32]) {
    let [anna, bob, dora, _] = clinic.people();
    let (key, group) = (draw_array(rng), Party::Group(clinic.group));
    let genesis = Genesis::of(&dora, rng, &key, &[(dora.party(), 15), (group.clone(), 15)]);
    let mut wraps = Wraps::of(rng, genesis.id(), (0, 0), &key, &dora, &[&dora]);
    wraps.insert(rng, &key, &group, clinic.told().log(&[&anna, &bob]).public_key());
    (Served::made(&genesis, &wraps, &dora), key)
}

/// An entry that follows, in the right of a group as it was then.
fn in_its_right(
    served: &Served,
    by: &Person,
    (group, sequence, hash): ([u8; 32], u64, [u8; 32]),
    action: Item,
) -> Entry {
    let sequence_of = served.entries.len() as u64 + 1;
    let last = served.entries.last();
    let previous = last.map_or(served.id, |entry| hash_of(ENTRY, &payload_of(entry)));
    let authority = Array(vec![cbor::bytes(group), Uint(sequence), cbor::bytes(hash)]);
    Entry { authority, ..Entry::after(served.id, sequence_of, previous, by, action) }
}

#[test]
fn g7_back_dated_authority() {
    let (clinic, rng) = (Clinic::new("g7"), &mut seeded("g7"));
    let [_, bob, _, mallory] = clinic.people();
    let (mut served, key) = managed(&clinic, rng);
    let then = clinic.told();
    run(clinic.anna.remove_members(&clinic.group, &names(&["bob"]))).unwrap();
    // He signs for the state in which he was a member: the right to read for Mallory, with the key that he has.
    let old = (then.story.id, 0, then.story.id);
    let entry = in_its_right(&served, &bob, old, grant(&[(mallory.party(), 15)]));
    served.entries.push(entry.sign(bob.seed()));
    let wraps = Wraps::of(rng, served.id, (1, 0), &key, &bob, &[&mallory]);
    served.wraps.push((1, wraps.sign(bob.seed())));
    let now = clinic.told_to("anna", &clinic.group);
    clinic.serve(&now, &served);
    for client in [&clinic.anna, &clinic.world.unlocked("anna", PASSWORD)] {
        let open = open(client, &served.hash()).unwrap();
        assert_eq!(client.unconfirmed(&open).unwrap(), [mallory.party()]);
        assert!(client.is_due(&open).unwrap());
        clinic.world.take_asked();
        write(client, &open, b"after");
        // What is sent is for Dora and the group's newest epoch, and for nobody else.
        let sent = clinic.world.asked.take();
        let sent: Vec<_> = sent.iter().filter(|asked| asked.what.ends_with("/entries")).collect();
        assert_eq!(sent.len(), 1);
        let stanzas = stanzas_of(&bytes_at(&sent[0].body, "/items/0/wraps"));
        let parties: Vec<_> = stanzas.iter().map(|stanza| stanza.party.clone()).collect();
        assert_eq!(parties.len(), 2);
        assert!(parties.contains(&Party::Group(clinic.group)) && !parties.contains(&mallory.party()));
        let newest = now.log(&clinic.people().each_ref()).public_key().fingerprint().0;
        assert!(stanzas.iter().any(|stanza| stanza.fingerprint.0 == newest));
    }
}

/// After an entry that names the state without him, none of his that names one before.
#[test]
fn g7_sequences_never_fall() {
    let (clinic, rng) = (Clinic::new("g7 sequences"), &mut seeded("g7 sequences"));
    let [anna, bob, _, mallory] = clinic.people();
    let (mut served, key) = managed(&clinic, rng);
    run(clinic.anna.remove_members(&clinic.group, &names(&["bob"]))).unwrap();
    let now = clinic.told_to("anna", &clinic.group);
    let (sequence, hash) = now.story.view();
    let entry = in_its_right(&served, &anna, (now.story.id, sequence, hash), grant(&[(anna.party(), 3)]));
    served.entries.push(entry.sign(anna.seed()));
    served.wraps.push((1, Wraps::of(rng, served.id, (1, 0), &key, &anna, &[&anna]).sign(anna.seed())));
    clinic.serve(&now, &served);
    open(&clinic.anna, &served.hash()).unwrap();
    for (named, code) in
        [((0, now.story.id), Code::Rollback), ((sequence, hash), Code::Forbidden), ((0, hash), Code::Fork)]
    {
        let mut later = served.clone();
        let entry = in_its_right(&later, &bob, (now.story.id, named.0, named.1), grant(&[(mallory.party(), 15)]));
        later.entries.push(entry.sign(bob.seed()));
        later.wraps.push((2, Wraps::of(rng, served.id, (2, 0), &key, &bob, &[&mallory]).sign(bob.seed())));
        clinic.serve(&now, &later);
        let fresh = clinic.world.unlocked("anna", PASSWORD);
        clinic.world.take_asked();
        assert_eq!(open(&fresh, &served.hash()).unwrap_err(), code);
        let held = open(&clinic.anna, &served.hash()).unwrap();
        assert_eq!(failed(run(clinic.anna.update(&held))), code);
        clinic.assert_silent();
        held.with(|session| assert_eq!(session.log().entries(), 1));
    }
}

// ---------------------------------------------------------------- I2

/// Two chains, signed by an admin who works with the key server: Bob is told the first, others the second.
fn split(name: &str) -> (Clinic, Told, Told) {
    let clinic = Clinic::new(name);
    let [anna, bob, _, mallory] = clinic.people();
    let told = clinic.told_to("bob", &clinic.group);
    let first = told.then(&[&told.story.next(&anna, give_roles(&[(&bob, ADMIN)]))]);
    let second = told.then(&[&told.story.next(&anna, add(&[(&mallory, MEMBER)]))]);
    let now = clinic.now();
    (clinic, first.vouched(&anna, now), second.vouched(&anna, now))
}

#[test]
fn i2_split_view_and_heads() {
    let (clinic, first, second) = split("i2 heads");
    let [anna, bob, ..] = clinic.people();
    clinic.sent(b"x");
    // What Bob signed of the first reaches who was told the second.
    let head = first.vouched(&bob, clinic.now()).heads;
    let both = Told { heads: [head, second.heads.clone()].concat(), ..second.clone() };
    clinic.tell(&both);
    clinic.assert_refused(Code::Fork);
    // And of who is told the one after the other.
    clinic.tell(&first);
    run(clinic.dora.group(&clinic.group)).unwrap();
    run(clinic.dora.refresh()).unwrap();
    clinic.tell(&second.whole());
    clinic.assert_refused(Code::Fork);
    clinic.tell(&Told { heads: first.vouched(&anna, clinic.now()).heads, ..first });
    run(clinic.dora.group(&clinic.group)).unwrap();
}

#[test]
fn i2_split_view_and_trailers() {
    let (clinic, first, second) = split("i2 trailers");
    let (made, before) = clinic.sent(b"before");
    assert_eq!(read(&clinic.bob, &before).unwrap(), b"before");
    clinic.tell(&first);
    run(clinic.bob.group(&clinic.group)).unwrap();
    let bobs = open(&clinic.bob, made.id()).unwrap();
    let message = write(&clinic.bob, &bobs, b"from Bob");
    clinic.tell(&second);
    run(clinic.dora.group(&clinic.group)).unwrap();
    assert_eq!(read_with(&clinic.dora, &made, &message), Err(Code::Fork));
    assert_eq!(read(&clinic.dora, &message), Err(Code::Fork));
    let fresh = clinic.world.unlocked("dora", PASSWORD);
    assert_eq!(read(&fresh, &message), Err(Code::Fork));
    // With as much of the log as he had seen withheld.
    clinic.world.be_good();
    let none = clinic.told_to("anna", &clinic.group).whole();
    let fresh = clinic.world.unlocked("anna", PASSWORD);
    clinic.tell(&none);
    assert_eq!(read(&fresh, &message), Err(Code::Rollback));
    clinic.assert_silent();
}

// ---------------------------------------------------------------- I6

#[test]
fn i6_the_clock_is_past_the_end() {
    let clinic = Clinic::new("i6");
    let people = clinic.people();
    let [_, bob, _, mallory] = &people;
    let grants = [(user("mallory"), READ)];
    let (made, _) = clinic.sent(b"x");
    run(clinic.dora.add_recipients(&made, &grants)).unwrap();
    let plain = run(clinic.dora.create_session(&[(user("dora"), Rights::MANAGE)])).unwrap();
    let told = clinic.told();
    clinic.world.pass(25 * HOUR);
    let now = clinic.now();
    let head = |by: &Person, time, end| vec![told.story.head(by, time, end).encode()];
    clinic.world.off_line.set(true);
    let waiting = run(clinic.dora.create_session_off_line(&clinic.grants())).unwrap();
    clinic.world.off_line.set(false);
    for heads in [
        // Nothing new; longer than the group allows; from a time that isn't yet; by nobody of the group; none.
        told.heads.clone(),
        head(bob, now - HOUR, now + DAY),
        head(bob, now + HOUR, now + DAY),
        head(mallory, now, now + DAY),
        Vec::new(),
    ] {
        clinic.tell(&Told { heads, ..told.clone() });
        clinic.world.take_asked();
        for client in [&clinic.dora, &clinic.world.unlocked("dora", PASSWORD)] {
            assert_eq!(failed(run(client.create_session(&clinic.grants()))), Code::Stale);
            let [theirs, own] = [&made, &plain].map(|made| open(client, made.id()).unwrap());
            assert_eq!(failed(run(client.rotate(&theirs))), Code::Stale);
            let group = [(Recipient::Group(clinic.group), READ)];
            assert_eq!(failed(run(client.add_recipients(&own, &group))), Code::Stale);
        }
        let sent = run(clinic.dora.send_outbox()).unwrap();
        assert_eq!(sent.into_iter().map(|(_, outcome)| failed(outcome)).collect::<Vec<_>>(), [Code::Stale]);
        assert!(!waiting.is_published());
        clinic.assert_silent();
    }
    // What was wrapped goes on; where a generation is due it waits.
    let goes_on = write(&clinic.dora, &made, b"goes on");
    assert_eq!(read(&clinic.bob, &goes_on).unwrap(), b"goes on");
    run(clinic.dora.revoke_recipients(&made, &[user("mallory")])).unwrap();
    clinic.world.take_asked();
    assert_eq!(try_write(&clinic.dora, &made, b"due"), Err(Code::Stale));
    clinic.assert_silent();
    // Members say so, and after a week without an admin they don't suffice.
    clinic.world.be_good();
    run(clinic.bob.tend_groups()).unwrap();
    write(&clinic.dora, &made, b"fresh");
    clinic.world.pass(6 * DAY);
    run(clinic.bob.tend_groups()).unwrap();
    let told = clinic.told();
    clinic.tell(&told);
    clinic.world.take_asked();
    assert_eq!(failed(run(clinic.dora.create_session(&clinic.grants()))), Code::Stale);
    clinic.assert_silent();
    clinic.world.be_good();
    run(clinic.anna.tend_groups()).unwrap();
    run(clinic.dora.create_session(&clinic.grants())).unwrap();
}

#[test]
fn i6_an_older_head_and_one_beyond() {
    let clinic = Clinic::new("i6 older");
    let [anna, bob, ..] = clinic.people();
    clinic.sent(b"x");
    let before = clinic.told();
    run(clinic.anna.set_admins(&clinic.group, &names(&["bob"]), &[])).unwrap();
    let told = clinic.told();
    run(clinic.dora.group(&clinic.group)).unwrap();
    run(clinic.dora.refresh()).unwrap();
    // Of the operation before: nobody says that the newest is good.
    let older = Told { heads: before.vouched(&bob, clinic.now()).heads, ..told.clone() };
    clinic.tell(&older);
    let fresh = clinic.world.unlocked("dora", PASSWORD);
    clinic.world.take_asked();
    assert_eq!(failed(run(fresh.create_session(&clinic.grants()))), Code::Stale);
    clinic.assert_silent();
    // Somebody has seen more than the key server tells.
    let more = told.then(&[&told.story.next(&anna, give_roles(&[(&bob, MEMBER)]))]);
    clinic.tell(&Told { heads: more.vouched(&bob, clinic.now()).heads, ..told.clone() });
    clinic.assert_refused(Code::Rollback);
    clinic.assert_mended();
}

/// A revocation that the key server withholds from one device is known to the other, and with the backup to both.
#[test]
fn i6_what_another_device_has_seen() {
    let clinic = Clinic::new("i6 devices");
    clinic.sent(b"x");
    let before = clinic.told();
    run(clinic.anna.remove_members(&clinic.group, &names(&["bob"]))).unwrap();
    let other = clinic.world.unlocked("dora", PASSWORD);
    run(other.group(&clinic.group)).unwrap();
    run(other.refresh()).unwrap();
    // From here on nothing new.
    let taken = move |answer: &mut Value| answer["feed"]["items"] = json!([]);
    clinic.tell_and(&before, move |_, answer| taken(answer));
    run(clinic.dora.refresh()).unwrap();
    clinic.world.off_line.set(true);
    let waiting = run(clinic.dora.create_session_off_line(&clinic.grants())).unwrap();
    clinic.world.off_line.set(false);
    clinic.world.take_asked();
    assert_eq!(failed(run(clinic.dora.create_session(&clinic.grants()))), Code::Rollback);
    let sent = run(clinic.dora.send_outbox()).unwrap();
    assert!(sent.into_iter().all(|(_, outcome)| failed(outcome) == Code::Rollback) && !waiting.is_published());
    clinic.assert_silent();
    clinic.world.be_good();
    run(clinic.dora.send_outbox()).unwrap().into_iter().for_each(|(_, outcome)| outcome.unwrap());
}

// ---------------------------------------------------------------- what comes between

/// Another device has seen another chain, and its backup is read while this one asks.
#[test]
fn g3_a_fork_that_is_told_beside_an_answer() {
    let mut is_over = false;
    for waits in 0.. {
        let (clinic, told) = six("g3 beside");
        let [anna, bob, _, mallory] = clinic.people();
        let one = told.then(&[&told.story.next(&anna, give_roles(&[(&bob, ADMIN)]))]).vouched(&anna, clinic.now());
        let two = told.then(&[&told.story.next(&anna, add(&[(&mallory, MEMBER)]))]);
        let two = two.then(&[&two.story.next(&anna, give_roles(&[(&bob, ADMIN)]))]).vouched(&anna, clinic.now());
        let other = clinic.world.unlocked("dora", PASSWORD);
        clinic.tell(&one);
        run(other.group(&clinic.group)).unwrap();
        run(other.refresh()).unwrap();
        clinic.tell(&two);
        let mut working = pin!(clinic.dora.group(&clinic.group));
        let done = run_for(waits, &mut working);
        is_over |= done.is_some();
        let refreshed = run(clinic.dora.refresh());
        match done {
            // It was known before, so the backup doesn't fit.
            Some(told) => assert_eq!((told.is_ok(), failed(refreshed)), (true, Code::Fork)),
            None => match run(working) {
                Err(failure) => assert_eq!((failure.code(), refreshed.is_ok()), (Code::Fork, true), "{waits}"),
                Ok(_) => assert_eq!(failed(refreshed), Code::Fork, "{waits}"),
            },
        }
        if is_over {
            assert!(waits > 5);
            return;
        }
    }
}

/// Groups that nobody asked for don't keep a client from asking for those that it wants.
#[test]
fn g5_groups_pushed_unasked() {
    let (clinic, rng) = (Clinic::new("g5 pushed"), &mut seeded("g5 pushed"));
    let [.., mallory] = clinic.people();
    let secret = draw_array(rng);
    let pushed: Vec<Value> = (0..1_100)
        .map(|_| {
            let genesis = genesis(rng, &mallory, &[(&mallory, ADMIN)], &secret);
            let id = Hash(genesis.hash()).to_string();
            json!({ "id": id, "genesis": base64url(&genesis.encode()), "operations": [], "keys": null, "heads": [] })
        })
        .collect();
    let told = clinic.told();
    clinic.tell_and(&told, move |_, answer| answer["groups"].as_array_mut().unwrap().extend(pushed.clone()));
    run(clinic.dora.group(&clinic.group)).unwrap();
    clinic.world.be_good();
    clinic.world.asked.take();
    let (_, message) = clinic.sent(b"x");
    assert_eq!(read(&clinic.bob, &message).unwrap(), b"x");
    run(clinic.anna.rotate_group(&clinic.group)).unwrap();
    assert_eq!(run(clinic.dora.group(&clinic.group)).unwrap().epoch, 1);
    let asked = clinic.world.asked.take();
    let asked: Vec<_> = asked.iter().filter(|asked| asked.what == KEYS).collect();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|asked| asked.body["groups"].as_array().unwrap().len() <= 1_000));
}

/// Whoever opens his identity while another's call is under way, whom he knows, gets nothing of it: no log, no epoch, no place in his backup; and signs nothing for it.
#[test]
fn g4_another_user_opens_meanwhile() {
    type Work = for<'c> fn(&'c Client<TestHost>, Hash) -> Pin<Box<dyn Future<Output = Outcome<()>> + 'c>>;
    let works: [Work; 5] = [
        |anna, group| Box::pin(async move { anna.remove_members(&group, &names(&["bob"])).await }),
        |anna, group| Box::pin(async move { anna.add_members(&group, &names(&["mallory"]), true).await }),
        |anna, _| {
            Box::pin(async move { anna.create_group(("Ward 4", lifetimes()), &names(&["bob"]), &[]).await.map(drop) })
        },
        |anna, _| Box::pin(async move { anna.groups().await.map(drop) }),
        |anna, _| Box::pin(async move { anna.tend_groups().await }),
    ];
    for work in works {
        for waits in (0..).step_by(3) {
            let clinic = Clinic::new("g4 meanwhile");
            clinic.world.pass(13 * HOUR);
            let client = clinic.world.unlocked("anna", PASSWORD);
            let mut working = pin!(work(&client, clinic.group));
            let done = run_for(waits, &mut working);
            run(client.lock());
            run(client.unlock("dora", PASSWORD, 0)).unwrap();
            run(client.create_session(&[(user("anna"), READ)])).unwrap();
            clinic.world.asked.take();
            let is_done = done.is_some();
            if !is_done {
                // Nothing was left to be done but what is kept on the device.
                run(working).ok();
            }
            assert_eq!(client.group_info(&clinic.group).unwrap_err().code(), Code::UnknownGroup, "{waits}");
            let asked = clinic.world.asked.take();
            let sends = |what: &str| what.starts_with("POST /v1/groups");
            let as_dora = |asked: &&Asked| asked.caller.as_deref() == Some("dora") && sends(&asked.what);
            assert!(!asked.iter().any(|asked| as_dora(&asked)), "{waits}: {asked:?}");
            run(client.refresh()).unwrap();
            assert_eq!(client.group_info(&clinic.group).unwrap_err().code(), Code::UnknownGroup, "{waits}");
            run(client.tend_groups()).unwrap();
            assert!(clinic.world.take_asked().iter().all(|what| what != KEYS), "{waits}: her backup names a group");
            if is_done {
                break;
            }
        }
    }
}
