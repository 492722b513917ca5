//! A practice whose people encrypt entities for each other.

use std::rc::Rc;

use serde_json::{Value, json};
use wardkey::{
    client::{Client, Recipient},
    delegation::{Manifest, entity},
    error::Code,
    group::Lifetimes,
    identity::UserId,
    signed::Hash,
};

use super::super::common::{
    ward::cached,
    world::{PASSWORD, TestDevice, TestHost, World, run},
};

pub(super) const WRITE: &str = "POST /v1/exchange-keys";

pub(super) type Person = Client<TestHost>;

pub(super) fn named(name: &str) -> Recipient {
    Recipient::named(name).unwrap()
}

pub(super) fn all(names: &[&str]) -> Vec<Recipient> {
    names.iter().map(|name| named(name)).collect()
}

pub(super) fn manifest() -> Manifest {
    Manifest::new(["name", "notes[].text?"]).unwrap()
}

pub(super) fn patient(id: &str) -> String {
    json!({ "id": id, "name": "Ada Vertes", "born": 1984, "notes": [{ "text": "allergic", "at": 1.50 }] }).to_string()
}

pub(super) fn encrypt(by: &Person, id: &str, parent: Option<&str>, others: &[&str]) -> String {
    run(by.encrypt_entity(("Patient", &patient(id)), &manifest(), parent, &all(others))).unwrap()
}

pub(super) fn opens(by: &Person, entity: &str) -> Result<Value, Code> {
    let opened = run(by.decrypt_entity(entity)).map_err(|failure| failure.code())?;
    Ok(serde_json::from_str(&opened).unwrap())
}

/// Why somebody can't open it, as a developer reads it: the face adds who.
pub(super) fn why(by: &Person, entity: &str) -> String {
    by.host().message(run(by.decrypt_entity(entity)).unwrap_err())
}

pub(super) fn whole(id: &str) -> Value {
    serde_json::from_str(&patient(id)).unwrap()
}

pub(super) fn share(by: &Person, entity: &str, others: &[&str]) -> String {
    run(by.share_entity(entity, &all(others))).unwrap()
}

pub(super) fn open_all(by: &Person, entities: &[String]) -> Vec<Result<String, Code>> {
    let mut opened = vec![Err(Code::Server); entities.len()];
    let put = |place: usize, one: Result<String, wardkey::backend::Failure>| opened[place] = one.map_err(|e| e.code());
    let pairs = entities.iter().map(|one| entity::all_pairs(one).unwrap_or_default()).collect();
    run(by.decrypt_entities(entities.len(), pairs, |place| Ok(entities[place].clone()), put)).unwrap();
    opened
}

pub(super) fn pairs(entity: &str, map: &str) -> Vec<String> {
    let entity: Value = serde_json::from_str(entity).unwrap();
    entity[map].as_object().unwrap().keys().cloned().collect()
}

/// A practice: Anna, Bob, Carol and Dora, each with a device that keeps a cache.
pub(super) struct Practice {
    pub(super) world: Rc<World>,
    pub(super) anna: Person,
    pub(super) bob: Person,
    pub(super) carol: Person,
    pub(super) dora: Person,
    pub(super) devices: Vec<TestDevice>,
}

impl Practice {
    pub(super) fn new(name: &str) -> Self {
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

    pub(super) fn reload(&self, place: usize) -> Person {
        let client = self.world.client_with(&self.devices[place], cached(|_| ()));
        run(client.look(None)).unwrap();
        self.world.take_asked();
        client
    }

    /// Anna's group, with these.
    pub(super) fn group(&self, members: &[&str]) -> Hash {
        let members: Vec<_> = members.iter().map(|name| UserId::new(name).unwrap()).collect();
        let group = run(self.anna.create_group(("Ward 3", Lifetimes::new(24, 7).unwrap()), &members, &[])).unwrap();
        self.world.take_asked();
        group
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.world.take_asked()
    }
}
