//! Entities over the key server's rules: who opens what, by how many requests, and why not.

use serde_json::{Value, json};
use wardkey::{
    client::{Client, Recipient},
    delegation::Manifest,
    error::Code,
    group::Lifetimes,
    identity::UserId,
    signed::Hash,
};

use super::super::common::{
    ward::{FEED, KEYS, NONE, cached},
    world::{MINUTE, PASSWORD, TestDevice, TestHost, World, failed, options, run, run_all},
};
use std::rc::Rc;

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
    run(by.decrypt_entities(entities.len(), |place| entities[place].clone(), put)).unwrap();
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
    assert_eq!(opens(&practice.anna, "{}"), Err(Code::InvalidFormat));
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
