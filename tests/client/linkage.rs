//! What the application's whole database, and all that the key server knows, say of which contact belongs to which patient: nothing, equal links among siblings apart.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wardkey::{
    client::Recipient,
    delegation::Manifest,
    encoding::{base64url, from_base64url},
    group::Lifetimes,
    identity::UserId,
};

use super::super::common::{
    craft::delegation::padded,
    rng::{Seeded, draw_array, seeded},
    world::{World, run},
};

const PATIENTS: usize = 16;
const CONTACTS: usize = 2 * PATIENTS;
/// By chance a program is right about each contact once in as many tries as there are patients: twice. Of the many that are tried here the luckiest is right some times more.
const LUCK: f64 = 11.0;

/// Patients and contacts as they are stored, and whose each contact is.
struct Database {
    patients: Vec<Value>,
    contacts: Vec<Value>,
    truth: Vec<usize>,
    /// Public keys of all who write and read, and what they are known by.
    public: Vec<Vec<u8>>,
    rng: Seeded,
}

impl Database {
    /// By two who write, for a group whose epochs go on meanwhile; ids of many lengths; contacts in any order.
    fn new() -> Self {
        let world = World::new("linkage");
        let (_, anna) = world.registered("anna", None);
        let (_, bob) = world.registered("bob", None);
        let group = run(anna.create_group(("Ward 3", Lifetimes::new(24, 7).unwrap()), &[], &[])).unwrap();
        let others = ["anna", "bob", &group.to_string()].map(|name| Recipient::named(name).unwrap());
        let (paths, mut rng) = (Manifest::new(["name"]).unwrap(), seeded("linkage"));
        let mut texts = Vec::new();
        let mut order: Vec<usize> = (0..PATIENTS).collect();
        order.sort_by_cached_key(|_| draw_array::<8>(&mut rng));
        for (number, place) in order.into_iter().enumerate() {
            let id = format!("p{number:02}{}", "x".repeat(4 * place));
            let plain = json!({ "id": id, "name": "n".repeat(1 + 60 * number) }).to_string();
            texts.push(run(anna.encrypt_entity(("Patient", &plain), &paths, None, &others)).unwrap());
            if number % 5 == 4 {
                run(anna.rotate_group(&group)).unwrap();
            }
        }
        let mut truth: Vec<usize> = (0..CONTACTS).map(|number| number % PATIENTS).collect();
        truth.sort_by_cached_key(|_| draw_array::<8>(&mut rng));
        let contacts = truth.iter().enumerate().map(|(number, patient)| {
            let plain = json!({ "id": format!("c{number:02}"), "name": "cough" }).to_string();
            let by = if number % 2 == 0 { &anna } else { &bob };
            run(by.encrypt_entity(("Contact", &plain), &paths, Some(&texts[*patient]), &others)).unwrap()
        });
        let parse = |text: &String| serde_json::from_str(text).unwrap();
        let contacts = contacts.collect::<Vec<_>>().iter().map(parse).collect();
        let names = ["anna", "bob"].map(|name| UserId::new(name).unwrap());
        let mut public = vec![group.0.to_vec()];
        for identity in run(anna.identities(&names.each_ref())).unwrap() {
            public.push(identity.fingerprint().0.to_vec());
            public.push(identity.encryption_key().as_bytes().to_vec());
            public.push(identity.encryption_key().fingerprint().0.to_vec());
        }
        Self { patients: texts.iter().map(parse).collect(), contacts, truth, public, rng }
    }

    /// The same, told more.
    fn leaking(&mut self, leak: impl Fn(&mut Seeded, &Value, &mut Value)) -> (String, f64) {
        let contacts = self.contacts.clone();
        for (contact, patient) in self.contacts.iter_mut().zip(&self.truth) {
            leak(&mut self.rng, &self.patients[*patient], contact);
        }
        let best = self.best();
        self.contacts = contacts;
        best
    }

    /// The program that is right most often, and how often.
    fn best(&self) -> (String, f64) {
        let (contacts, mut patients) = (fields(&self.contacts), fields(&self.patients));
        for text in patients.values_mut().flatten() {
            let hashed = |public: &[u8]| derived(public, &text.text);
            text.derived = [&[][..]].into_iter().chain(self.public.iter().map(Vec::as_slice)).map(hashed).collect();
        }
        let mut best = (String::new(), 0.0);
        for ((of_contact, theirs), (of_patient, others)) in
            contacts.iter().flat_map(|theirs| patients.iter().map(move |others| (theirs, others)))
        {
            for (how, likeness) in LIKENESSES {
                let hits = self.hits(|contact, patient| likeness(&theirs[contact], &others[patient]));
                if hits > best.1 {
                    best = (format!("{how} of {of_contact} and {of_patient}"), hits);
                }
            }
            for (how, ranks) in RANKS {
                let [ranks, of] = [ranks(theirs), ranks(others)];
                let hits = self.hits(|contact, patient| -(ranks[contact] / 2).abs_diff(of[patient]).cast_signed());
                if hits > best.1 {
                    best = (format!("{how} of {of_contact} and {of_patient}"), hits);
                }
            }
        }
        best
    }

    /// How often the true patient is the likeliest one; among several that are alike, a part.
    fn hits(&self, likeness: impl Fn(usize, usize) -> isize) -> f64 {
        let hit = |(contact, truth): (usize, &usize)| {
            let all: Vec<isize> = (0..PATIENTS).map(|patient| likeness(contact, patient)).collect();
            let most = all.iter().max().unwrap();
            if all[*truth] == *most { 1.0 / all.iter().filter(|one| *one == most).count() as f64 } else { 0.0 }
        };
        self.truth.iter().enumerate().map(hit).sum()
    }
}

/// What stands in a field, and what it says as base64url, a character for each byte.
struct Text {
    text: String,
    decoded: String,
    /// What anybody can make of it who has all public keys.
    derived: Vec<String>,
}

/// As a secret id is written.
fn derived(public: &[u8], text: &str) -> String {
    let hash = Sha256::new().chain_update(public).chain_update(text).finalize();
    base64url(&hash[..16])
}

type Likeness = fn(&Text, &Text) -> isize;

const LIKENESSES: [(&str, Likeness); 5] = [
    ("equality", |a, b| isize::from(a.text == b.text)),
    ("length", |a, b| -(a.text.len().abs_diff(b.text.len()).cast_signed())),
    ("length of what is decoded", |a, b| -(a.decoded.chars().count().abs_diff(b.text.len()).cast_signed())),
    ("a hash", |a, b| isize::from(b.derived.contains(&a.text))),
    ("one in the other", |a, b| {
        let [ours, theirs] = [a, b].map(|one| [&one.text, &one.decoded]);
        let both = ours.iter().flat_map(|one| theirs.iter().map(move |other| (one, other)));
        isize::from(both.into_iter().any(|(one, other)| holds(one, other) || holds(other, one)))
    }),
];

fn holds(whole: &str, part: &str) -> bool {
    part.len() > 1 && whole.contains(part)
}

/// Each text that all of these have, by where it stands; members in their order.
fn fields(all: &[Value]) -> BTreeMap<String, Vec<Text>> {
    let mut found = BTreeMap::<String, Vec<Text>>::new();
    for one in all {
        collect(one, "", &mut found);
    }
    found.retain(|_, texts| texts.len() == all.len());
    found
}

fn collect(value: &Value, path: &str, found: &mut BTreeMap<String, Vec<Text>>) {
    let place = |number: usize| format!("{path}.{number}");
    match value {
        // Who wrote is known by the pairs; what is there for each reader stands in the same place.
        Value::Object(members) => members.iter().enumerate().for_each(|(number, (name, value))| {
            let path = if name.contains('→') { place(number) } else { format!("{path}.{name}") };
            collect(value, &path, found);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(number, item)| collect(item, &place(number), found)),
        Value::String(text) => {
            let decoded = from_base64url(text).unwrap_or_default().into_iter().map(char::from).collect();
            let text = text.clone();
            found.entry(path.to_owned()).or_default().push(Text { text, decoded, derived: Vec::new() });
        }
        _ => {}
    }
}

type Ranks = fn(&[Text]) -> Vec<usize>;

const RANKS: [(&str, Ranks); 2] = [
    ("order", |texts| ranks(texts.iter().map(|one| one.text.as_str()).collect())),
    ("order by length", |texts| ranks(texts.iter().map(|one| one.text.len()).collect())),
];

fn ranks<T: Ord>(all: Vec<T>) -> Vec<usize> {
    let before = |one: &T| all.iter().filter(|other| *other < one).count();
    all.iter().map(before).collect()
}

#[test]
fn nothing_links_contacts_to_patients() {
    let mut database = Database::new();
    let (how, hits) = database.best();
    assert!(hits < LUCK, "{how}: right about {hits} of {CONTACTS}");
    // Siblings are known, and by that alone: as many secret ids as patients, none of which stands anywhere else.
    let mut links: Vec<&str> =
        database.contacts.iter().map(|contact| contact["secretForeignKeys"][0].as_str().unwrap()).collect();
    links.sort_unstable();
    links.dedup();
    assert_eq!(links.len(), PATIENTS);
    let everything = json!(database.patients).to_string();
    assert!(!links.iter().any(|link| everything.contains(link)));
    // The programs are able: each of these would be seen.
    let set = |contact: &mut Value, bytes: &dyn Fn(&mut Seeded) -> Vec<u8>, rng: &mut Seeded| {
        for values in contact["cryptedForeignKeys"].as_object_mut().unwrap().values_mut() {
            *values = json!([base64url(&bytes(rng))]);
        }
    };
    let id = |patient: &Value| patient["id"].as_str().unwrap().to_owned();
    let random = |rng: &mut Seeded, len: usize| (0..len).map(|_| draw_array::<1>(rng)[0]).collect::<Vec<u8>>();
    let without_padding = |rng: &mut Seeded, patient: &Value, contact: &mut Value| {
        let len = 72 + id(patient).len();
        set(contact, &|rng| random(rng, len), rng);
    };
    let without_sealing = |rng: &mut Seeded, patient: &Value, contact: &mut Value| {
        set(contact, &|_| padded(&id(patient)), rng);
    };
    let in_clear = |_: &mut Seeded, patient: &Value, contact: &mut Value| contact["of"] = json!(id(patient));
    let longer = |_: &mut Seeded, patient: &Value, contact: &mut Value| {
        let len = patient["encryptedSelf"].as_str().unwrap().len();
        contact["encryptedSelf"] = json!("A".repeat(len));
    };
    let in_order = |_: &mut Seeded, patient: &Value, contact: &mut Value| {
        // The value that the patient's own secret id would sort by.
        let value = patient["delegations"].as_object().unwrap().values().next().unwrap()[0].as_str().unwrap();
        contact["secretForeignKeys"] = json!([&value[..4]]);
    };
    let last = database.public.last().unwrap().clone();
    let of_public_keys = move |_: &mut Seeded, patient: &Value, contact: &mut Value| {
        contact["secretForeignKeys"] = json!([derived(&last, &id(patient))]);
    };
    for leaks in [
        database.leaking(of_public_keys),
        database.leaking(without_padding),
        database.leaking(without_sealing),
        database.leaking(in_clear),
        database.leaking(longer),
        database.leaking(in_order),
    ] {
        assert!(leaks.1 > 1.8 * LUCK, "{leaks:?}");
    }
}
