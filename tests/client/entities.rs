//! Entities over the key server's rules: who opens what, by how many requests, and why not.

use std::pin::pin;

use serde_json::{Value, json};
use wardkey::{
    backend::Outcome,
    client::Options,
    delegation::Manifest,
    error::Code,
    identity::{Trust, UserId},
    key_pair::Suite,
    signed::Hash,
};

use super::{
    super::common::{
        ward::{FEED, KEYS, NONE, cached},
        world::{MINUTE, PASSWORD, World, failed, run, run_all, run_for},
    },
    practice::{Practice, WRITE, all, encrypt, manifest, open_all, opens, pairs, patient, share, whole, why},
};

#[test]
fn from_one_to_another() {
    let practice = Practice::new("one to another");
    let Practice { anna, bob, carol, dora, .. } = &practice;
    let entity = encrypt(anna, "1234", None, &["bob"]);
    assert_eq!(pairs(&entity, "encryptionKeys"), ["anna→anna", "anna→bob"]);
    assert!(!entity.contains("Ada") && !entity.contains("allergic") && entity.contains("1984"));
    // One to see that there is nothing yet, Bob among those who came with it; who is pinned is remembered.
    assert_eq!(practice.asked(), [KEYS, "PUT /v1/backup", WRITE]);
    assert_eq!(opens(anna, &entity), Ok(whole("1234")));
    assert_eq!(practice.asked(), NONE);
    assert_eq!(opens(bob, &entity), Ok(whole("1234")));
    assert_eq!(practice.asked(), [KEYS]);
    assert_eq!(opens(bob, &entity), Ok(whole("1234")));
    assert_eq!(encrypt(anna, "1235", None, &["bob", "bob", "anna"]).len(), entity.len());
    assert_eq!(practice.asked(), NONE);
    assert_eq!(opens(carol, &entity), Err(Code::NotARecipient));
    // Another page.
    assert_eq!(opens(&practice.reload(1), &entity), Ok(whole("1234")));
    assert_eq!(practice.asked(), [FEED]);
    // Bob gives it to Carol, and she to Dora; nothing else of it changes.
    let shared = share(bob, &entity, &["carol", "anna"]);
    let further = share(carol, &shared, &["dora"]);
    let [before, after] = [&entity, &further].map(|text| serde_json::from_str::<Value>(text).unwrap());
    assert_eq!(pairs(&further, "delegations"), ["anna→anna", "anna→bob", "bob→carol", "carol→dora"]);
    for name in ["encryptedSelf", "secretForeignKeys", "born", "cryptedForeignKeys"] {
        assert_eq!(before[name], after[name]);
    }
    assert_eq!(before["encryptionKeys"]["anna→bob"], after["encryptionKeys"]["anna→bob"]);
    for reader in [anna, bob, carol, dora] {
        assert_eq!(opens(reader, &further), Ok(whole("1234")));
    }
    assert_eq!(share(carol, &further, &["dora"]), further);
    // An update keeps who reads it.
    let changed = json!({ "id": "1234", "name": "Ada King", "born": 1985 });
    let updated = run(dora.update_entity(&further, &changed.to_string(), &manifest())).unwrap();
    assert_eq!(opens(anna, &updated), Ok(changed));
}

#[test]
fn children_and_parents() {
    let practice = Practice::new("children");
    let Practice { anna, bob, carol, .. } = &practice;
    let parent = encrypt(anna, "1234", None, &["bob"]);
    let child = encrypt(bob, "4567", Some(&parent), &["anna"]);
    let value: Value = serde_json::from_str(&child).unwrap();
    let keys = run(anna.secret_foreign_keys(&parent)).unwrap();
    assert_eq!(value["secretForeignKeys"], json!(keys));
    assert_eq!(run(bob.secret_foreign_keys(&parent)).unwrap(), keys);
    assert_eq!(run(anna.parent_ids(&child)).unwrap(), ["1234"]);
    assert_eq!(run(bob.parent_ids(&parent)).unwrap(), Vec::<String>::new());
    assert!(!child.contains("1234"));
    practice.asked();
    // Nothing is made for a child of what doesn't open.
    let made = run(carol.encrypt_entity(("Contact", &patient("1")), &manifest(), Some(&parent), &[]));
    assert_eq!(failed(made), Code::NotARecipient);
    assert!(!practice.asked().contains(&WRITE.to_owned()));
}

#[test]
fn what_is_wrong_is_said_before_anything_is_asked_for() {
    let practice = Practice::new("wrong");
    let one = |kind: &str, entity: &str, manifest: &Manifest| {
        failed(run(practice.anna.encrypt_entity((kind, entity), manifest, None, &all(&["bob"]))))
    };
    assert_eq!(one("", &patient("1"), &manifest()), Code::InvalidArgument);
    assert_eq!(one("Patient", "{}", &manifest()), Code::InvalidArgument);
    assert_eq!(one("Patient", "{", &manifest()), Code::InvalidFormat);
    assert_eq!(one("Patient", &patient("1"), &Manifest::new(["nmae"]).unwrap()), Code::InvalidArgument);
    // A row that isn't one at all.
    for row in ["{}", &patient("1")] {
        let failure = run(practice.anna.decrypt_entity(row)).unwrap_err();
        assert_eq!(failure.code(), Code::InvalidFormat);
        assert!(failure.error.message().starts_with("no encrypted entity"));
    }
    assert_eq!(practice.asked(), NONE);
    assert_eq!(
        failed(run(practice.anna.encrypt_entity(("P", &patient("1")), &manifest(), None, &all(&["nobody"])))),
        Code::UnknownUser
    );
    let stray = Hash([7; 32]).to_string();
    assert_eq!(
        failed(run(practice.anna.encrypt_entity(("P", &patient("1")), &manifest(), None, &all(&[&stray])))),
        Code::UnknownGroup
    );
    let entity = encrypt(&practice.anna, "1234", None, &[]);
    run(practice.anna.lock());
    assert_eq!(opens(&practice.anna, &entity), Err(Code::Locked));
}

#[test]
fn what_it_is_about_is_named() {
    let practice = Practice::new("named");
    let anna = &practice.anna;
    let entity = encrypt(anna, "1", None, &["bob"]);
    let why = |outcome: Outcome<String>| anna.host().message(outcome.unwrap_err());
    let typo = Manifest::new(["name", "extra?", "notes[].txet", "nmae"]).unwrap();
    let stray = Hash([7; 32]).to_string();
    for (found, message) in [
        (
            why(run(anna.encrypt_entity(("Patient", &patient("1")), &typo, None, &[]))),
            "a path that matches nothing, and doesn't end in '?': 'notes[].txet'",
        ),
        (
            why(run(anna.update_entity(&entity, &patient("1"), &typo))),
            "a path that matches nothing, and doesn't end in '?': 'notes[].txet'",
        ),
        (
            why(run(anna.update_entity(&entity, &patient("2"), &typo))),
            "the entity has another id than what it replaces",
        ),
        (why(run(anna.share_entity(&entity, &all(&["bob", "nobody", "carol"])))), "no such user: 'nobody'"),
        (
            why(run(anna.encrypt_entity(("Patient", &patient("1")), &manifest(), None, &all(&["bob", "nobody"])))),
            "no such user: 'nobody'",
        ),
        (why(run(anna.share_entity(&entity, &all(&["carol", &stray])))), &format!("no such group: '{stray}'")),
    ] {
        assert_eq!(found, message);
    }
    // Who isn't taken as he is, among others.
    let trust = Trust { anchors: vec![("carol".to_owned(), Hash([7; 32]))], ..Trust::default() };
    let wary = practice.world.client_with(&practice.world.device(), Options { trust, ..cached(|_| ()) });
    run(wary.unlock("anna", PASSWORD, 0)).unwrap();
    let failure = run(wary.share_entity(&entity, &all(&["bob", "carol"]))).unwrap_err();
    assert_eq!(failure.code(), Code::PinMismatch);
    assert!(wary.host().message(failure).ends_with(": 'carol'"), "{failure}");
}

#[test]
fn a_thousand_by_twenty_in_one_request() {
    let world = World::new("a thousand");
    let bob = world.client_with(&world.device(), Options { suite: Suite::Rsa3072, ..cached(|_| ()) });
    run(bob.register("bob", PASSWORD, None)).unwrap();
    let mut entities = Vec::new();
    for number in 0..20 {
        let (_, by) = world.registered(&format!("user {number}"), None);
        entities.extend((0..50).map(|of| encrypt(&by, &format!("{number}-{of}"), None, &["bob"])));
    }
    world.take_asked();
    let opened = open_all(&bob, &entities);
    assert!(opened.iter().all(Result::is_ok));
    assert_eq!(world.take_asked(), [KEYS]);
    assert_eq!(bob.host().unwrapped.get(), 20);
    assert!(open_all(&bob, &entities).iter().all(Result::is_ok));
    assert_eq!((world.take_asked().as_slice(), bob.host().unwrapped.get()), (NONE.map(String::from).as_slice(), 20));
    // One that is bad is an error in its place, and asked for once more: the key server might have another version.
    entities[7] = entities[7].replace("\"born\":1984", "\"born\":1");
    entities[8] = entities[8].replacen("encryptedSelf\":\"", "encryptedSelf\":\"AA", 1);
    entities[9] = "[]".to_owned();
    let opened = open_all(&bob, &entities);
    assert!(opened[7].as_ref().unwrap().contains("\"born\":1,"), "what is clear is the database's");
    let errors: Vec<_> = opened.iter().filter_map(|one| one.as_ref().err()).collect();
    assert_eq!(errors, [&Code::DecryptionFailed, &Code::InvalidFormat]);
    assert_eq!(world.take_asked(), [KEYS]);
    // Many at once, with nothing here.
    run(bob.clear_cache()).unwrap();
    let all = run_all(entities[20..60].iter().map(|entity| bob.decrypt_entity(entity)).collect());
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(world.take_asked().len(), 2, "one for each of two who encrypted");
    run(bob.clear_cache()).unwrap();
    let all = run_all(entities.iter().step_by(50).map(|entity| bob.decrypt_entity(entity)).collect());
    assert!(all.iter().all(Result::is_ok), "each by another");
    // Without a cache nobody has use for another's answer.
    let page = world.client_with(&world.device(), Options { suite: Suite::Rsa3072, ..cached(|cache| cache.ttl = 0) });
    run(page.unlock("bob", PASSWORD, 0)).unwrap();
    assert!(
        run_all(entities[20..30].iter().map(|entity| page.decrypt_entity(entity)).collect()).iter().all(Result::is_ok)
    );
}

#[test]
fn by_groups_who_come_and_go() {
    let practice = Practice::new("groups");
    let Practice { world, anna, bob, carol, dora, .. } = &practice;
    let group = practice.group(&["bob"]);
    let ward = group.to_string();
    // Dora writes for a group that she doesn't belong to.
    let before = encrypt(dora, "1234", None, &[&ward]);
    practice.asked();
    assert_eq!(opens(bob, &before), Ok(whole("1234")));
    assert_eq!(practice.asked(), [KEYS]);
    assert_eq!(opens(&practice.reload(1), &before), Ok(whole("1234")));
    assert_eq!(opens(carol, &before), Err(Code::NotARecipient));
    assert_eq!(why(carol, &before), "the entity was not shared with this user or one of his groups");
    // Bob gives it to Carol in the group's right, and she gives it on.
    let shared = share(bob, &before, &["carol"]);
    assert!(pairs(&shared, "encryptionKeys").contains(&format!("{ward}→carol")));
    assert_eq!(opens(carol, &shared), Ok(whole("1234")));
    // A child by a member, for the group.
    let child =
        run(bob.encrypt_entity(("Contact", &patient("4567")), &manifest(), Some(&before), &all(&[&ward]))).unwrap();
    assert_eq!(run(anna.parent_ids(&child)).unwrap(), ["1234"]);
    // Who comes reads what was before.
    run(anna.add_members(&group, &[UserId::new("carol").unwrap()], false)).unwrap();
    assert_eq!(opens(carol, &before), Ok(whole("1234")));
    // Who left reads nothing, neither old nor new, and nothing is sealed for him.
    run(anna.remove_members(&group, &[UserId::new("bob").unwrap()])).unwrap();
    world.pass(MINUTE);
    practice.asked();
    let after = encrypt(dora, "1235", None, &[&ward]);
    assert!(practice.asked().contains(&WRITE.to_owned()), "a new version for the new epoch");
    for reader in [anna, carol] {
        assert_eq!(opens(reader, &before), Ok(whole("1234")));
        assert_eq!(opens(reader, &after), Ok(whole("1235")));
    }
    for entity in [&before, &after, &child.replace("bob→bob", "bill→bill").replace("bob→", "bill→")] {
        assert_eq!(opens(bob, entity), Err(Code::Revoked));
        assert_eq!(opens(&practice.reload(1), entity), Err(Code::Revoked));
        assert_eq!(why(bob, entity), "the entity was shared with a group that this user has left");
    }
    // What he had made for the group in its right is made anew before it is used again: he has its key.
    practice.asked();
    let once_more = share(anna, &before, &["carol", "bob"]);
    assert_eq!(opens(bob, &once_more), Ok(whole("1234")), "as himself");
    // And who comes again reads it all.
    run(anna.add_members(&group, &[UserId::new("bob").unwrap()], false)).unwrap();
    assert_eq!(opens(bob, &after), Ok(whole("1235")));
}

#[test]
fn pairs_that_no_entity_has_are_not_asked_for() {
    let practice = Practice::new("pairs");
    let Practice { anna, bob, .. } = &practice;
    let entity = encrypt(anna, "1", None, &["bob"]);
    let with = |pairs: Vec<String>| {
        let mut entity: Value = serde_json::from_str(&entity).unwrap();
        for map in ["encryptionKeys", "delegations"] {
            for pair in &pairs {
                entity[map][pair] = entity[map]["anna→bob"].clone();
            }
        }
        entity.to_string()
    };
    let from = |count: usize| (0..count).map(|number| format!("x{number}→bob")).collect::<Vec<_>>();
    let through = |count: usize| from(count).into_iter().chain((0..count).map(|number| format!("anna→x{number}")));
    practice.asked();
    for (pairs, code) in [
        (from(20_000), Code::Limit),
        (through(500).collect(), Code::Limit),
        (from(1), Code::Forbidden),
        (vec!["bob→anna".to_owned()], Code::Forbidden),
        (vec!["bob→bob".to_owned()], Code::Forbidden),
    ] {
        let entity = with(pairs);
        assert_eq!(opens(bob, &entity), Err(code));
        assert_eq!(open_all(bob, &[entity]), [Err(code)]);
        assert_eq!(practice.asked(), NONE, "{code}");
    }
    // As many as there may be, in one request.
    assert_eq!(opens(bob, &with(through(499).collect())), Ok(whole("1")));
    assert_eq!(practice.asked(), [KEYS]);
}

#[test]
fn a_lock_ends_what_is_under_way() {
    let practice = Practice::new("lock");
    let Practice { world, anna, bob, .. } = &practice;
    let entity = encrypt(anna, "1", None, &["bob"]);
    for waits in 0.. {
        run(bob.unlock("bob", PASSWORD, 0)).unwrap();
        run(bob.clear_cache()).unwrap();
        let mut call = pin!(bob.decrypt_entity(&entity));
        match run_for(waits, async { (&mut call).await }) {
            Some(opened) => {
                assert!(opened.is_ok() && waits > 3);
                break;
            }
            None => {
                run(bob.lock());
                assert_eq!(failed(run(call)), Code::Locked, "after {waits}");
            }
        }
    }
    world.take_asked();
}
