//! Exchange keys over the key server's rules: when a version is made, how long it is kept, and what comes of one that is lost, withheld or false.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wardkey::{encoding::base64url, error::Code, identity::UserId, signed::Hash};

use super::{
    super::common::{
        cache::HOUR,
        cbor::{Array, Null, bytes},
        craft::{
            delegation::{Exchange, To},
            objects::Draft,
        },
        rng::{draw_array, seeded},
        ward::{KEYS, NONE, cached},
        world::{MINUTE, PASSWORD, World, failed, run, run_all},
    },
    practice::{Person, Practice, WRITE, all, encrypt, manifest, opens, patient, share, whole, why},
};

fn of_pair(pair: &str) -> Value {
    json!({ "sessions": [], "signers": [], "groups": [], "pairs": [{ "pair": pair }] })
}

#[test]
fn two_devices_make_one_first_key() {
    let practice = Practice::new("two devices");
    let Practice { world, anna, bob, .. } = &practice;
    let other = world.unlocked("anna", PASSWORD);
    practice.asked();
    let (type_, one, two) = ("Patient", patient("1"), patient("2"));
    let (paths, others) = (manifest(), all(&["bob"]));
    let made = run_all(vec![
        anna.encrypt_entity((type_, &one), &paths, None, &others),
        other.encrypt_entity((type_, &two), &paths, None, &others),
    ]);
    let made: Vec<String> = made.into_iter().map(Result::unwrap).collect();
    assert_eq!(practice.asked().iter().filter(|what| *what == WRITE).count(), 2, "both tried");
    let kept = world.ask(Some("bob"), "POST", "/v1/keys", Some(of_pair("anna→bob"))).unwrap();
    assert_eq!(kept["pairs"][0]["versions"].as_array().unwrap().len(), 1);
    for (entity, id) in made.iter().zip(["1", "2"]) {
        for reader in [bob, anna, &other] {
            assert_eq!(opens(reader, entity), Ok(whole(id)));
        }
    }
}

#[test]
fn no_version_without_a_fresh_head() {
    let practice = Practice::new("stale");
    let Practice { world, anna, dora, .. } = &practice;
    let ward = practice.group(&["bob"]).to_string();
    world.pass(25 * HOUR);
    let made = run(dora.encrypt_entity(("Patient", &patient("1")), &manifest(), None, &all(&[&ward])));
    assert_eq!(failed(made), Code::Stale);
    // Whoever of the group is on line says what its newest state is.
    run(anna.tend_groups()).unwrap();
    let entity = encrypt(dora, "1", None, &[&ward]);
    world.pass(25 * HOUR);
    assert_eq!(opens(anna, &entity), Ok(whole("1")));
    let own = encrypt(dora, "2", None, &[]);
    assert_eq!(opens(dora, &own), Ok(whole("2")));
}

#[test]
fn nothing_is_sealed_for_a_group_without_a_fresh_head() {
    let practice = Practice::new("stale group");
    let Practice { world, anna, bob, dora, .. } = &practice;
    let ward = practice.group(&["bob"]).to_string();
    let first = encrypt(dora, "1", None, &[&ward]);
    let for_carol = share(bob, &first, &["carol"]);
    practice.asked();
    encrypt(dora, "2", None, &[&ward]);
    assert_eq!(practice.asked(), NONE);
    // Nobody says what the group's newest state is, or it is withheld: no version is due, and none is sealed under.
    world.pass(25 * HOUR);
    let sealed = || run(dora.encrypt_entity(("Patient", &patient("3")), &manifest(), None, &all(&[&ward])));
    assert_eq!(failed(sealed()), Code::Stale);
    assert_eq!(failed(run(dora.share_entity(&encrypt(dora, "4", None, &[]), &all(&[&ward])))), Code::Stale);
    assert_eq!(opens(dora, &first), Ok(whole("1")));
    let fresh = world.client_with(&world.device(), cached(|_| ()));
    run(fresh.unlock("dora", PASSWORD, 0)).unwrap();
    let made = run(fresh.encrypt_entity(("Patient", &patient("3")), &manifest(), None, &all(&[&ward])));
    assert_eq!(failed(made), Code::Stale);
    // Where there is nobody to ask, nothing is sealed either.
    world.off_line.set(true);
    world.pass(MINUTE);
    assert_eq!(failed(sealed()), Code::Network);
    world.off_line.set(false);
    world.pass(2 * MINUTE);
    // A member says it himself, also in the right of the group.
    assert_eq!(opens(&practice.carol, &share(bob, &for_carol, &["dora"])), Ok(whole("1")));
    run(anna.tend_groups()).unwrap();
    practice.asked();
    assert!(sealed().is_ok());
    assert!(!practice.asked().contains(&WRITE.to_owned()));
}

#[test]
fn renewed_keys_open_what_was_and_alone_what_comes() {
    let practice = Practice::new("renewed");
    let Practice { world, anna, bob, .. } = &practice;
    let before = encrypt(anna, "1", None, &["bob"]);
    let versions = |pair: &str| {
        let kept = world.ask(Some("anna"), "POST", "/v1/keys", Some(of_pair(pair))).unwrap();
        kept["pairs"][0]["versions"].as_array().unwrap().len()
    };
    // Who has her old private key opens nothing that she seals from now on, nor does he who has Bob's: she hears of that while she makes a version.
    run(bob.renew_keys(PASSWORD)).unwrap();
    run(anna.renew_keys(PASSWORD)).unwrap();
    practice.asked();
    let after = encrypt(anna, "2", None, &["bob"]);
    assert!(practice.asked().contains(&WRITE.to_owned()));
    assert_eq!([versions("anna→anna"), versions("anna→bob")], [2, 2]);
    encrypt(anna, "3", None, &["bob"]);
    assert!(!practice.asked().contains(&WRITE.to_owned()));
    run(bob.renew_keys(PASSWORD)).unwrap();
    let own = share(bob, &before, &["carol"]);
    let other = world.unlocked("bob", PASSWORD);
    for reader in [bob, &other, anna] {
        assert_eq!(opens(reader, &before), Ok(whole("1")));
        assert_eq!(opens(reader, &after), Ok(whole("2")));
        assert_eq!(opens(reader, &own), Ok(whole("1")));
    }
    // What she opens of him brings his newer keys.
    encrypt(anna, "4", None, &["bob"]);
    assert_eq!(versions("anna→bob"), 2);
    assert_eq!(opens(anna, &encrypt(bob, "5", None, &["anna"])), Ok(whole("5")));
    encrypt(anna, "6", None, &["bob"]);
    assert_eq!(versions("anna→bob"), 3);
    practice.asked();
    encrypt(anna, "7", None, &["bob"]);
    assert_eq!(practice.asked(), NONE);
    run(practice.carol.identities(&[&UserId::new("dora").unwrap()])).unwrap();
    run(practice.dora.renew_keys(PASSWORD)).unwrap();
    let late = encrypt(&practice.carol, "8", None, &["dora"]);
    assert_eq!(opens(&practice.dora, &late), Ok(whole("8")));
}

/// What stands in the place of an exchange key that is lost: a version that was wrapped for a key of theirs, and opens nothing.
fn broken(world: &World, of: &str, to: &str, for_whom: &str) -> Vec<u8> {
    let [by, delegate] = [of, to].map(|name| world.person(name));
    let rng = &mut seeded("broken");
    let (exchange, key) = (Exchange::new(&by.party(), &delegate.party()), draw_array(rng));
    let recipients = [To::person(&by), To::person(&delegate)];
    let good = exchange.next(rng, &by, Null, &recipients, &key);
    let person = if for_whom == of { &by } else { &delegate };
    let place = usize::from(person.party().to_bytes() == by.party().to_bytes().max(delegate.party().to_bytes()));
    let body = exchange.body(rng, 1, &[9; 32], person.pair().public_key());
    let mut bodies = good.more[0].items().to_vec();
    let mut stanzas = good.fields[11].items().to_vec();
    let mut stanza = stanzas[place].items().to_vec();
    stanza[3] = bytes(Sha256::digest(&body));
    (stanzas[place], bodies[place]) = (Array(stanza), bytes(body));
    let draft = Draft { more: vec![Array(bodies)], ..good.with(12, Array(stanzas)) };
    draft.encode()
}

fn put(world: &World, user: &str, object: &[u8]) {
    let body = json!({ "items": [base64url(object)] });
    let answer = world.ask(Some(user), "POST", "/v1/exchange-keys", Some(body)).unwrap();
    assert_eq!(answer["items"], json!([{ "version": 1 }]));
}

#[test]
fn a_lost_exchange_key() {
    let practice = Practice::new("lost");
    let Practice { world, anna, bob, carol, dora, .. } = &practice;
    // For Bob: Anna doesn't know. Another pair opens it.
    put(world, "anna", &broken(world, "anna", "bob", "bob"));
    let entity = encrypt(anna, "1", None, &["bob", "carol"]);
    assert_eq!(opens(bob, &entity), Err(Code::UnwrapFailed));
    // In the same words when it is fetched and when it is here.
    for reader in [bob, &practice.reload(1)] {
        assert_eq!(why(reader, &entity), "the exchange key that was wrapped for this user does not open");
    }
    assert_eq!(opens(carol, &entity), Ok(whole("1")));
    assert_eq!(opens(bob, &share(carol, &entity, &["bob"])), Ok(whole("1")));
    // For Dora, who made it: she makes another one, and the old one stays closed for her.
    put(world, "dora", &broken(world, "dora", "bob", "dora"));
    let entity = encrypt(dora, "2", None, &["bob"]);
    assert_eq!(opens(bob, &entity), Ok(whole("2")));
    let versions = world.ask(Some("dora"), "POST", "/v1/keys", Some(of_pair("dora→bob"))).unwrap();
    assert_eq!(versions["pairs"][0]["versions"].as_array().unwrap().len(), 2);
    // Withheld from who never saw it, and from who did.
    let page = practice.reload(1);
    world.change(KEYS, |answer| {
        for pair in answer["pairs"].as_array_mut().into_iter().flatten() {
            *pair = json!({ "versions": [], "more": false });
        }
    });
    run(page.clear_cache()).unwrap();
    assert_eq!(opens(&page, &entity), Err(Code::NotARecipient));
    assert_eq!(why(&page, &entity), "the key server has no exchange key of the pair by which it was shared");
    run(bob.clear_cache()).unwrap();
    assert_eq!(opens(bob, &entity), Err(Code::Rollback));
    assert_eq!(why(bob, &entity), "fewer versions of an exchange key than seen before");
    world.be_good();
    assert_eq!(opens(&page, &entity), Ok(whole("2")));
}

#[test]
fn what_is_kept_says_how_many_versions_there_are() {
    let practice = Practice::new("kept versions");
    let Practice { world, anna, bob, .. } = &practice;
    let entity = encrypt(anna, "1", None, &["bob"]);
    assert_eq!(opens(bob, &entity), Ok(whole("1")));
    let page = practice.reload(1);
    world.change(KEYS, |answer| answer["pairs"] = json!([{ "versions": [], "more": false }]));
    // By what is kept it doesn't open; what is fetched anew is less.
    let other = encrypt(anna, "2", None, &["bob"]);
    let swapped: Value = serde_json::from_str(&other).unwrap();
    let mut mixed: Value = serde_json::from_str(&entity).unwrap();
    mixed["encryptionKeys"]["anna→bob"] = swapped["encryptionKeys"]["anna→bob"].clone();
    assert_eq!(opens(&page, &mixed.to_string()), Err(Code::Rollback));
    assert_eq!(opens(&page, &entity), Ok(whole("1")));
    world.be_good();
    assert_eq!(opens(&page, &mixed.to_string()), Err(Code::DecryptionFailed));
}

#[test]
fn versions_that_came_since_are_fetched_once() {
    let practice = Practice::new("since");
    let Practice { world, anna, bob, carol, .. } = &practice;
    let ward = practice.group(&["bob", "carol"]).to_string();
    let before = encrypt(anna, "1", None, &["bob", &ward]);
    assert_eq!(opens(carol, &before), Ok(whole("1")));
    assert_eq!(opens(bob, &before), Ok(whole("1")));
    // Carol's client hasn't heard of the new epoch yet.
    run(anna.remove_members(&Hash::parse(&ward).unwrap(), &[UserId::new("bob").unwrap()])).unwrap();
    let after = encrypt(anna, "2", None, &[&ward]);
    practice.asked();
    assert_eq!(opens(carol, &after), Ok(whole("2")));
    assert_eq!(practice.asked(), [KEYS]);
    assert_eq!(opens(carol, &after), Ok(whole("2")));
    assert_eq!(practice.asked(), NONE);
    // What doesn't open with any is asked for once more in each call.
    let mut cut: Value = serde_json::from_str(&after).unwrap();
    let pair = format!("anna→{ward}");
    let value = cut["encryptionKeys"][&pair][0].as_str().unwrap().replacen(|c: char| c != 'A', "A", 40);
    cut["encryptionKeys"][&pair][0] = value.into();
    let cut = cut.to_string();
    assert_eq!(opens(carol, &cut), Err(Code::DecryptionFailed));
    assert_eq!(practice.asked(), [KEYS]);
    // Nobody answers: nobody knows.
    world.off_line.set(true);
    world.pass(2 * MINUTE);
    assert_eq!(opens(carol, &after), Ok(whole("2")));
    assert_eq!(opens(carol, &cut), Err(Code::Network));
    run(carol.clear_cache()).unwrap();
    assert_eq!(opens(carol, &after), Err(Code::Network));
}

#[test]
fn what_is_kept_ends() {
    let practice = Practice::new("ends");
    let Practice { world, anna, bob, .. } = &practice;
    let entity = encrypt(anna, "1", None, &["bob"]);
    assert_eq!(opens(bob, &entity), Ok(whole("1")));
    let store = practice.devices[1].store();
    let rows = store.rows.borrow().clone();
    let (name, value) = rows.into_iter().find(|(row, _)| row.starts_with("x.")).unwrap();
    practice.asked();
    // What was changed is not there.
    for place in [0, 1, 17, value.len() - 1] {
        let mut bad = value.clone();
        bad[place] ^= 1;
        store.rows.borrow_mut().insert(name.clone(), bad);
        assert_eq!(opens(&practice.reload(1), &entity), Ok(whole("1")));
    }
    // Neither is what has ended, and nothing is kept without a time to live.
    world.pass(13 * HOUR);
    practice.asked();
    assert_eq!(opens(bob, &entity), Ok(whole("1")));
    assert_eq!(practice.asked(), [KEYS]);
    let page = world.client_with(&practice.devices[1], cached(|cache| cache.ttl = 0));
    run(page.look(None)).unwrap();
    for _ in 0..2 {
        practice.asked();
        assert_eq!(opens(&page, &entity), Ok(whole("1")));
        assert_eq!(practice.asked(), [KEYS]);
    }
    assert_eq!(opens(&page, &share(&page, &entity, &["carol"])), Ok(whole("1")));
    // A clock that was set back, a cursor that nobody knows: all of it goes.
    let stats = |client: &Person| run(client.cache_stats()).unwrap().entries;
    assert_eq!(stats(bob), 1);
    world.now.set(world.now.get() - HOUR);
    assert_eq!(stats(bob), 0);
}

#[test]
fn an_evil_server_gives_no_key() {
    let practice = Practice::new("evil");
    let Practice { world, anna, bob, carol, .. } = &practice;
    let entity = encrypt(anna, "1", None, &["bob"]);
    encrypt(carol, "2", None, &["bob"]);
    let others = world.ask(Some("bob"), "POST", "/v1/keys", Some(of_pair("carol→bob"))).unwrap()["pairs"][0].clone();
    let (_, mallory) = world.registered("mallory", None);
    drop(mallory);
    // Another pair's; one that the key server made, of which the signer isn't who he says.
    for (versions, code) in [
        (others["versions"].clone(), Code::KeyMismatch),
        (json!([base64url(&forged(world))]), Code::BadSignature),
        (json!(["AA"]), Code::InvalidFormat),
    ] {
        let page = practice.reload(1);
        world.change(KEYS, move |answer| {
            if answer["pairs"].as_array().is_some_and(|pairs| !pairs.is_empty()) {
                answer["pairs"] = json!([{ "versions": versions, "more": false }]);
            }
        });
        assert_eq!(opens(&page, &entity), Err(code));
        world.be_good();
        assert_eq!(opens(&page, &entity), Ok(whole("1")));
        run(page.clear_cache()).unwrap();
    }
    // A list without end.
    world.change(KEYS, |answer| answer["pairs"] = json!([{ "versions": [], "more": true }]));
    let page = practice.reload(1);
    assert_eq!(opens(&page, &entity), Err(Code::InvalidFormat));
    // Fewer answers than were asked for.
    world.change(KEYS, |answer| answer["pairs"] = json!([]));
    assert_eq!(opens(&page, &entity), Err(Code::InvalidFormat));
    // Taken, and nothing said of it.
    world.change(WRITE, |answer| answer["items"] = json!([]));
    let made = run(anna.encrypt_entity(("Patient", &patient("1")), &manifest(), None, &all(&["carol"])));
    assert_eq!(failed(made), Code::InvalidFormat);
    world.be_good();
    assert_eq!(opens(carol, &encrypt(anna, "3", None, &["carol"])), Ok(whole("3")));
    assert_eq!(opens(bob, &entity), Ok(whole("1")));
}

/// For Anna and Bob, by Mallory in her name.
fn forged(world: &World) -> Vec<u8> {
    let [anna, bob, mallory] = ["anna", "bob", "mallory"].map(|name| world.person(name));
    let rng = &mut seeded("forged");
    let to = [To::person(&anna), To::person(&bob)];
    Exchange::new(&anna.party(), &bob.party()).next(rng, &mallory, Null, &to, &[3; 32]).encode()
}
