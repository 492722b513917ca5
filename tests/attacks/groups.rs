//! G1 to G7, I2, I6: what a key server, a member and who was one can do to a group.

use serde_json::{Value, json};
use wardkey::{
    client::Recipient,
    encoding::base64url,
    error::Code,
    group::{Epochs, Stanza},
    party::Party,
    session::{Rights, Session},
    signed::{Hash, Minimum},
};

use super::{
    clinic::{Clinic, DAY, HOUR, Told, lifetimes, names, stanzas_of},
    common::{
        cbor::Null,
        craft::{
            expand,
            group::{ADMIN, Keys, MEMBER, add, epoch, epoch_of, epoch_pair, give_roles, head, remove, rotate},
            objects::Draft,
            session::{Entry, Wraps, grant},
            system,
        },
        people::{Person, app, directory},
        rng::{draw_array, seeded},
        ward::{KEYS, READ, open, read, read_with, try_write, user, write},
        world::{MINUTE, PASSWORD, bytes_at, failed, run},
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
    let payload = super::common::craft::session::payload_of(&told.story.genesis);
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
    let keys = Keys { commitment: real.clone(), ..Keys::of(rng, told.story.id, (0, 0), &secret, &anna, &[&anna, &bob, &mallory]) };
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
    let [anna, bob, dora, _] = &people;
    let (made, before) = clinic.sent(b"before");
    let bobs = open(&clinic.bob, made.id()).unwrap();
    assert_eq!(read_with(&clinic.bob, &bobs, &before).unwrap(), b"before");
    let then = clinic.told_to("bob", &clinic.group);
    let log = then.log(&[anna, bob]);
    let stanza = Stanza::find(&log, then.keys.as_ref().unwrap(), &bob.party(), Minimum::default()).unwrap();
    let secret = stanza.open(&mut system(), &[bob.pair()]).unwrap();
    let epochs = Epochs::open(&log, secret).unwrap();

    run(clinic.anna.remove_members(&clinic.group, &names(&["bob"]))).unwrap();
    clinic.world.pass(MINUTE);
    let after = write(&clinic.dora, &made, b"after");
    let (later, message) = clinic.sent(b"later");

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
        if asked.what == super::common::ward::FEED {
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
    for (id, (entries, wraps, genesis)) in &all {
        let (entries, wraps) = (super::common::story::refs(entries), super::common::story::refs(wraps));
        let id = Hash::parse(id).unwrap();
        let session = Session::read(&app(), &id, genesis, &entries, &wraps, &known, Minimum::default()).unwrap();
        let pairs: Vec<_> = epochs.iter().chain([bob.pair()]).collect();
        let parties = [bob.party(), Party::Group(clinic.group)];
        assert_eq!(session.open(&mut system(), &parties, &pairs).unwrap_err().code(), Code::NotARecipient);
        assert!(session.open(&mut system(), &[dora.party()], &[dora.pair()]).is_ok());
    }
    // She for whom it was written reads it.
    clinic.world.be_good();
    assert_eq!(read(&clinic.anna, &after).unwrap(), b"after");
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
        if asked.what == super::common::ward::FEED && asked.caller.as_deref() == Some("bob") {
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
    let next = clinic.world.client_with(&clinic.device, super::common::ward::cached(|_| ()));
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
    let mixed = Told { keys: Some(keys.draft(anna.seed()).encode()), ..told.then(&[&mixed]).vouched(&bob, clinic.now()) };
    clinic.tell(&mixed);
    let fresh = clinic.world.unlocked("bob", PASSWORD);
    assert_eq!(read(&fresh, &message), Err(Code::KeyMismatch));
    clinic.assert_silent();
}
