//! B8: what is kept for a placeholder goes to the group that its contact's code names, and to nobody else; and nothing waits that the log doesn't name.

use serde_json::{Value, json};
use wardkey::{
    client::Recipient,
    encoding::base64url,
    error::Code,
    identity::UserId,
    party::{Email, Party},
    session::Rights,
    signed::Hash,
};

use super::{
    clinic::{Clinic, HOUR, Served, Told, lifetimes, names, stanzas_of},
    common::{
        craft::session::{Entry, Genesis, Wraps, assignment, grant},
        people::Person,
        rng::{Seeded, draw_array, seeded},
        ward::{KEYS, PROBE, READ, open, read, stats, user, write},
        world::{PASSWORD, bytes_at, failed, run},
    },
};

fn contact() -> Option<Email> {
    Some(Email::new("it@clinic.example").unwrap())
}

fn place(contact: Option<Email>) -> Recipient {
    Recipient::Placeholder { name: UserId::new("clinic").unwrap(), contact }
}

/// All bodies that the key server holds, as its store writes them.
fn holds(clinic: &Clinic, body: &[u8]) -> bool {
    let snapshot = clinic.world.store.borrow().snapshot().unwrap();
    String::from_utf8(snapshot).unwrap().contains(&base64url(body))
}

/// The body for the placeholder in the wraps that Dora has sent last.
fn sent_for_it(clinic: &Clinic) -> Vec<u8> {
    let asked = clinic.world.asked.borrow();
    let wraps = asked.iter().rev().find_map(|asked| {
        let places = ["/wraps", "/items/0/wraps"];
        places.into_iter().find(|place| asked.body.pointer(place).is_some()).map(|place| bytes_at(&asked.body, place))
    });
    let mut stanzas = stanzas_of(&wraps.unwrap()).into_iter();
    stanzas.find(|stanza| matches!(stanza.party, Party::Placeholder { .. })).unwrap().body.unwrap()
}

/// Who is wrapped for in what was sent since it was asked last.
fn wrapped_for(clinic: &Clinic) -> Vec<Party> {
    let asked = clinic.world.asked.take();
    let wraps = |asked: &super::common::world::Asked| {
        let items = asked.body["items"].as_array().cloned().unwrap_or_else(|| vec![asked.body.clone()]);
        items.iter().filter(|item| item["wraps"].is_string()).map(|item| bytes_at(item, "/wraps")).collect::<Vec<_>>()
    };
    let sent = asked.iter().filter(|asked| asked.what.starts_with("POST /v1/sessions")).flat_map(wraps);
    sent.flat_map(|wraps| stanzas_of(&wraps)).map(|stanza| stanza.party).collect()
}

/// Whatever a key server says beside what is signed, nothing is wrapped for it unless the application names a placeholder.
#[test]
fn b8_a_forced_escrow_flag() {
    let (clinic, rng) = (Clinic::new("b8 forced"), &mut seeded("b8 forced"));
    let [_, _, dora, mallory] = clinic.people();
    let server = clinic.world.key_server();
    let escrow = Party::Placeholder {
        name: UserId::new("clinic").unwrap(),
        escrow: server.identity().fingerprint().to_owned(),
        contact: None,
    };
    clinic.world.be_evil(move |asked, answer| {
        let mut answer = answer?;
        if [KEYS, PROBE].contains(&asked.what.as_str()) {
            for (name, value) in
                [("escrow", json!(true)), ("escrowed", json!(["bob"])), ("placeholders", json!([{ "name": "clinic" }]))]
            {
                answer[name] = value;
            }
            for member in ["identities", "groups", "sessions"] {
                for item in answer[member].as_array_mut().into_iter().flatten().filter(|item| item.is_object()) {
                    item["escrow"] = json!(true);
                }
            }
        }
        Ok(answer)
    });
    clinic.world.asked.take();
    let everybody = [(user("dora"), Rights::MANAGE), (Recipient::Group(clinic.group), READ), (user("bob"), READ)];
    let made = run(clinic.dora.create_session(&everybody)).unwrap();
    run(clinic.dora.rotate(&made)).unwrap();
    run(clinic.dora.add_recipients(&made, &[(user("mallory"), READ)])).unwrap();
    let parties = wrapped_for(&clinic);
    assert_eq!(parties.len(), 3 + 3 + 1);
    assert!(parties.iter().all(|party| !matches!(party, Party::Placeholder { .. })));
    made.with(|session| assert!(session.log().holdings().all(|held| !matches!(held.party, Party::Placeholder { .. }))));
    clinic.world.be_good();

    // In the log: a right of the placeholder that the key server, or one without the right to give it, has signed.
    let (served, key) = managed(&clinic, rng, &dora, &[]);
    for by in [&server, &mallory] {
        let mut forced = served.clone();
        let entry = Entry::after(served.id, 1, served.id, by, grant(&[(escrow.clone(), 1)]));
        forced.entries.push(entry.sign(by.seed()));
        let mut wraps = Wraps::of(rng, served.id, (1, 0), &key, by, &[]);
        wraps.insert(rng, &key, &escrow, server.pair().public_key());
        forced.wraps.push((1, wraps.sign(by.seed())));
        assert_closed(&clinic, &forced, Code::Forbidden);
    }
}

/// Dora's session by hand: for the group, and for these.
fn managed(clinic: &Clinic, rng: &mut Seeded, dora: &Person, others: &[&Party]) -> (Served, [u8; 32]) {
    let told = clinic.told();
    let (key, group, server) = (draw_array(rng), Party::Group(clinic.group), clinic.world.key_server());
    let others: Vec<_> = others.iter().map(|party| ((*party).clone(), 1)).collect();
    let rights = [vec![(dora.party(), 15), (group.clone(), 1)], others.clone()].concat();
    let genesis = Genesis::of(dora, rng, &key, &rights);
    let mut wraps = Wraps::of(rng, genesis.id(), (0, 0), &key, dora, &[dora]);
    wraps.insert(rng, &key, &group, told.log(&clinic.people().each_ref()).public_key());
    for (party, _) in &others {
        wraps.insert(rng, &key, party, server.pair().public_key());
    }
    (Served::made(&genesis, &wraps, dora), key)
}

/// Neither for who holds the session nor for who asks for it first.
#[track_caller]
fn assert_closed(clinic: &Clinic, served: &Served, code: Code) {
    let told = clinic.told_to("bob", &clinic.group);
    clinic.serve(&told, served);
    let kept = stats(&clinic.bob).entries;
    for client in [&clinic.bob, &clinic.world.unlocked("bob", PASSWORD)] {
        assert_eq!(open(client, &served.hash()).unwrap_err(), code);
        clinic.assert_silent();
    }
    assert_eq!(stats(&clinic.bob).entries, kept);
    clinic.world.be_good();
}

#[test]
fn b8_only_with_the_contacts_code() {
    let clinic = Clinic::new("b8 code");
    let trap = run(clinic.mallory.create_group(("Trap", lifetimes()), &[], &[])).unwrap();
    let made = run(clinic.dora.create_session(&[(user("dora"), Rights::MANAGE), (place(contact()), READ)])).unwrap();
    let body = sent_for_it(&clinic);
    let before = write(&clinic.dora, &made, b"waits");
    assert!(holds(&clinic, &body));
    // The application, which has no code; who is no admin; who has no code; another's claim; another group.
    for group in [&clinic.group, &trap] {
        assert_eq!(failed(clinic.world.assign("clinic", group)), Code::Forbidden);
    }
    assert_eq!(failed(run(clinic.bob.start_claim(&clinic.group, "clinic"))), Code::Forbidden);
    assert_eq!(failed(run(clinic.mallory.start_claim(&clinic.group, "clinic"))), Code::Forbidden);
    let hers = run(clinic.mallory.start_claim(&trap, "clinic")).unwrap();
    assert_eq!(hers.sent_to, "i•••@clinic.example");
    assert_eq!(failed(run(clinic.mallory.finish_claim(&trap, &hers.claim_id, "000000"))), Code::OtpWrong);
    let claim = run(clinic.anna.start_claim(&clinic.group, "clinic")).unwrap();
    let code = clinic.world.code();
    assert_eq!(failed(run(clinic.mallory.finish_claim(&trap, &claim.claim_id, &code))), Code::OtpExpired);
    assert_eq!(failed(run(clinic.mallory.finish_claim(&trap, &hers.claim_id, &code))), Code::OtpWrong);
    assert_eq!(failed(run(clinic.mallory.finish_claim(&clinic.group, &claim.claim_id, &code))), Code::Forbidden);
    assert_eq!(failed(run(clinic.bob.finish_claim(&clinic.group, &claim.claim_id, &code))), Code::Forbidden);
    for client in [&clinic.anna, &clinic.bob, &clinic.mallory] {
        assert_eq!(read(client, &before), Err(Code::NotARecipient));
    }
    run(clinic.dora.update(&made)).unwrap();
    made.with(|session| assert_eq!(session.log().entries(), 0));

    assert_eq!(run(clinic.anna.finish_claim(&clinic.group, &claim.claim_id, &code)).unwrap(), [*made.id()]);
    // What was kept for it is gone, and so is every other body for it, of later generations too.
    assert!(!holds(&clinic, &body));
    for member in [&clinic.anna, &clinic.bob] {
        assert_eq!(read(member, &before).unwrap(), b"waits");
    }
    assert_eq!(read(&clinic.mallory, &before), Err(Code::NotARecipient));
    // Nothing is left for a second claim, and the next writer begins a generation, which isn't wrapped for it.
    assert_eq!(failed(run(clinic.mallory.start_claim(&trap, "clinic"))), Code::UnknownSession);
    clinic.world.pass(super::common::world::MINUTE);
    clinic.world.asked.take();
    let after = write(&clinic.dora, &made, b"after");
    made.with(|session| assert_eq!(session.log().newest_generation(), 1));
    let parties = wrapped_for(&clinic);
    assert!(parties.len() == 2 && parties.contains(&Party::Group(clinic.group)));
    assert_eq!(read(&clinic.bob, &after).unwrap(), b"after");
    let (claims, wanted) = (run(clinic.anna.audit_log(None, 0)).unwrap(), ["claim-start", "claim-release"]);
    assert!(wanted.iter().all(|wanted| claims.iter().any(|entry| entry.action == *wanted)));
    let journal = run(clinic.dora.audit_log(Some(made.id()), 0)).unwrap();
    assert!(journal.iter().any(|entry| entry.action == "assign" && entry.actor == Some(UserId::new("anna").unwrap())));
}

/// Bodies of each generation go, and where nobody vouches for the group nothing is assigned.
#[test]
fn b8_generations_and_a_stale_group() {
    let clinic = Clinic::new("b8 stale");
    let made = run(clinic.dora.create_session(&[(user("dora"), Rights::MANAGE), (place(None), READ)])).unwrap();
    let first = sent_for_it(&clinic);
    run(clinic.dora.rotate(&made)).unwrap();
    let second = sent_for_it(&clinic);
    assert!(holds(&clinic, &first) && holds(&clinic, &second));
    clinic.world.pass(25 * HOUR);
    assert_eq!(failed(clinic.world.assign("clinic", &clinic.group)), Code::Stale);
    assert!(holds(&clinic, &first) && holds(&clinic, &second));
    run(clinic.anna.tend_groups()).unwrap();
    let message = write(&clinic.dora, &made, b"x");
    assert_eq!(clinic.world.assign("clinic", &clinic.group).unwrap()["sessions"], json!([made.id().to_string()]));
    assert!(!holds(&clinic, &first) && !holds(&clinic, &second));
    assert_eq!(read(&clinic.bob, &message).unwrap(), b"x");
}

/// What isn't the escrow's assignment of a placeholder that has rights isn't obeyed; and one to another group than the one that claimed is seen.
#[test]
fn b8_assignments_that_readers_see() {
    let (clinic, rng) = (Clinic::new("b8 seen"), &mut seeded("b8 seen"));
    let [anna, _, dora, mallory] = clinic.people();
    let server = clinic.world.key_server();
    let stranger = Person::key_server(&mut seeded("b8 stranger"));
    let named = |name: &str, by: &Person| Party::Placeholder {
        name: UserId::new(name).unwrap(),
        escrow: by.identity().fingerprint().to_owned(),
        contact: contact(),
    };
    let (clinics, nobodys, strangers) =
        (named("clinic", &server), named("nobody", &server), named("clinic", &stranger));
    let trap = run(clinic.mallory.create_group(("Trap", lifetimes()), &names(&["anna"]), &[])).unwrap();
    let traps = clinic.told_to("anna", &trap);
    let public = traps.log(&clinic.people().each_ref());
    let (served, key) = managed(&clinic, rng, &dora, &[&clinics, &strangers]);
    let mut with = |by: &Person, placeholder: &Party, group: &Hash| {
        let mut told = served.clone();
        let entry = Entry::after(served.id, 1, served.id, by, assignment(placeholder, &group.0));
        told.entries.push(entry.sign(by.seed()));
        if *group == trap {
            let mut wraps = Wraps::of(rng, served.id, (1, 0), &key, by, &[]);
            wraps.insert(rng, &key, &Party::Group(trap), public.public_key());
            told.wraps.push((1, wraps.sign(by.seed())));
        }
        told
    };
    for (forged, code) in [
        // The log doesn't name it.
        (with(&server, &nobodys, &clinic.group), Code::Forbidden),
        (with(&server, &nobodys, &trap), Code::Forbidden),
        // By others than its escrow: who made the session, an admin, a colluder, the key server where another one is named.
        (with(&dora, &clinics, &clinic.group), Code::Forbidden),
        (with(&anna, &clinics, &clinic.group), Code::Forbidden),
        (with(&mallory, &clinics, &trap), Code::Forbidden),
        (with(&server, &strangers, &clinic.group), Code::Forbidden),
        (with(&stranger, &strangers, &clinic.group), Code::BadSignature),
    ] {
        assert_closed(&clinic, &forged, code);
    }
    // To Mallory's group, by a key server that works with her: Dora sees whom it was given to.
    let other = with(&server, &clinics, &trap);
    let dora = clinic.world.unlocked("dora", PASSWORD);
    let answer = serve_two(&clinic, &traps, &other);
    let seen = open(&dora, &served.hash());
    // Hers is not among the wraps as Dora gets them here; her log is.
    let seen = seen.unwrap();
    seen.with(|session| {
        assert_eq!(session.log().rights(&clinics), Rights::NONE);
        assert_eq!(session.log().rights(&Party::Group(trap)), Rights::READ);
        let held = session.log().holdings().find(|held| *held.party == Party::Group(trap)).unwrap();
        assert_eq!((held.added_by.user.clone(), held.added_by.identity), (None, *server.identity().fingerprint()));
    });
    assert!(dora.is_due(&seen).unwrap(), "a new generation follows: {answer}");
}

/// This session, with both groups that it names.
fn serve_two(clinic: &Clinic, other: &Told, served: &Served) -> Value {
    clinic.serve(&clinic.told(), served);
    let mut tell = clinic.world.evil.take().unwrap();
    let id = Hash(other.story.id).to_string();
    let group = json!({
        "id": id, "genesis": base64url(&other.story.genesis), "operations": [], "keys": null,
        "heads": other.heads.iter().map(|head| base64url(head)).collect::<Value>(),
    });
    clinic.world.be_evil(move |asked, answer| {
        let mut answer = tell(asked, answer)?;
        if asked.what == KEYS {
            answer["groups"].as_array_mut().unwrap().push(group.clone());
        }
        Ok(answer)
    });
    Value::from(id)
}
