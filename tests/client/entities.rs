//! Entities over the key server's rules: who opens what, by how many requests, and why not.

use std::{pin::pin, rc::Rc};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wardkey::{
    client::{Client, Options, Recipient},
    delegation::{Manifest, entity},
    encoding::base64url,
    error::Code,
    group::Lifetimes,
    identity::UserId,
    key_pair::Suite,
    signed::Hash,
};

use super::super::common::{
    cache::HOUR,
    cbor::{Array, Null, bytes},
    craft::{
        delegation::{Exchange, To},
        objects::Draft,
    },
    rng::{draw_array, seeded},
    ward::{FEED, KEYS, NONE, cached},
    world::{MINUTE, PASSWORD, TestDevice, TestHost, World, failed, run, run_all, run_for},
};

const WRITE: &str = "POST /v1/exchange-keys";

type Person = Client<TestHost>;

fn named(name: &str) -> Recipient {
    Recipient::named(name).unwrap()
}

fn all(names: &[&str]) -> Vec<Recipient> {
    names.iter().map(|name| named(name)).collect()
}

fn manifest() -> Manifest {
    Manifest::new(["name", "notes[].text?"]).unwrap()
}

fn patient(id: &str) -> String {
    json!({ "id": id, "name": "Ada Vertes", "born": 1984, "notes": [{ "text": "allergic", "at": 1.50 }] }).to_string()
}

fn encrypt(by: &Person, id: &str, parent: Option<&str>, others: &[&str]) -> String {
    run(by.encrypt_entity(("Patient", &patient(id)), &manifest(), parent, &all(others))).unwrap()
}

fn opens(by: &Person, entity: &str) -> Result<Value, Code> {
    let opened = run(by.decrypt_entity(entity)).map_err(|failure| failure.code())?;
    Ok(serde_json::from_str(&opened).unwrap())
}

fn whole(id: &str) -> Value {
    serde_json::from_str(&patient(id)).unwrap()
}

fn share(by: &Person, entity: &str, others: &[&str]) -> String {
    run(by.share_entity(entity, &all(others))).unwrap()
}

fn open_all(by: &Person, entities: &[String]) -> Vec<Result<String, Code>> {
    let mut opened = vec![Err(Code::Server); entities.len()];
    let put = |place: usize, one: Result<String, wardkey::backend::Failure>| opened[place] = one.map_err(|e| e.code());
    let pairs = entities.iter().map(|one| entity::all_pairs(one).unwrap_or_default()).collect();
    run(by.decrypt_entities(entities.len(), pairs, |place| Ok(entities[place].clone()), put)).unwrap();
    opened
}

fn pairs(entity: &str, map: &str) -> Vec<String> {
    let entity: Value = serde_json::from_str(entity).unwrap();
    entity[map].as_object().unwrap().keys().cloned().collect()
}

/// A practice: Anna, Bob, Carol and Dora, each with a device that keeps a cache.
struct Practice {
    world: Rc<World>,
    anna: Person,
    bob: Person,
    carol: Person,
    dora: Person,
    devices: Vec<TestDevice>,
}

impl Practice {
    fn new(name: &str) -> Self {
        let world = World::new(name);
        let mut devices = Vec::new();
        let mut person = |name: &str| {
            let (device, first) = world.registered(name, None);
            device.keeps.set(true);
            run(first.lock());
            let client = world.client_with(&device, cached(|_| ()));
            run(client.unlock(name, PASSWORD, 0)).unwrap();
            client.take_events();
            devices.push(device);
            client
        };
        let (anna, bob, carol, dora) = (person("anna"), person("bob"), person("carol"), person("dora"));
        world.take_asked();
        Self { world, anna, bob, carol, dora, devices }
    }

    fn reload(&self, place: usize) -> Person {
        let client = self.world.client_with(&self.devices[place], cached(|_| ()));
        run(client.look(None)).unwrap();
        self.world.take_asked();
        client
    }

    /// Anna's group, with these.
    fn group(&self, members: &[&str]) -> Hash {
        let members: Vec<_> = members.iter().map(|name| UserId::new(name).unwrap()).collect();
        let group = run(self.anna.create_group(("Ward 3", Lifetimes::new(24, 7).unwrap()), &members, &[])).unwrap();
        self.world.take_asked();
        group
    }

    fn asked(&self) -> Vec<String> {
        self.world.take_asked()
    }
}

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

fn of_pair(pair: &str) -> Value {
    json!({ "sessions": [], "signers": [], "groups": [], "pairs": [{ "pair": pair }] })
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
    run(bob.clear_cache()).unwrap();
    assert_eq!(opens(bob, &entity), Err(Code::Rollback));
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
