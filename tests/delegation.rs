//! Delegations: what is shared with whom, what stays as it is, and what comes of keys that are renewed, left behind or lost. SPEC section 18.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use core::slice;
use std::collections::BTreeMap;

use common::{
    code,
    craft::{
        group::{ADMIN, MEMBER, add},
        system,
    },
    delegations::parsed,
    group_story,
    people::{Person, app, directory},
    rng::{Seeded, draw, seeded},
    story::refs,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use wardkey::{
    data_key::DataKey,
    delegation::{Chain, Claim, ExchangeKeys, Kept, Made, Manifest, Pair, Ring, entity, join, split},
    error::{Code, Result},
    group::Log,
    key_pair::KeyPair,
    party::Party,
    session::Directory,
    signed::{Hash, Minimum},
};

/// Keys of pairs that are simply there.
fn ring(of: &[&Party], pairs: &[(&Party, &Party)]) -> Ring {
    let of: Vec<_> = of.iter().map(|&party| party.clone()).collect();
    let mut ring = Ring::new(&of, &[]).unwrap();
    for (delegator, delegate) in pairs {
        let pair = Pair::of(delegator, delegate).unwrap();
        let key = DataKey::from_slice(&draw(&mut seeded(pair.as_str()), 32));
        ring.insert(ExchangeKeys::kept(pair, vec![key]));
    }
    ring
}

fn party(name: &str) -> Party {
    Party::User { id: wardkey::identity::UserId::new(name).unwrap(), identity: Hash([1; 32]) }
}

fn manifest(paths: &[&str]) -> Manifest {
    Manifest::new(paths.iter().copied()).unwrap()
}

#[test]
fn sharing_adds_and_changes_nothing() {
    let mut rng = seeded("share");
    let [a, b, c] = ["a", "b", "c"].map(party);
    let hers = ring(&[&a], &[(&a, &a), (&a, &b), (&a, &c)]);
    let paths = manifest(&["name"]);
    let plain = r#"{ "id":"1", "name":"x", "n":1.50e3 ,"o":{"z":1,"a":[ ]}}"#;
    let one = entity::encrypt(&mut rng, &hers, (&a, &[]), ("Patient", plain), &paths, None).unwrap();
    assert!(one.contains("1.50e3") && one.contains("[ ]"), "spelled as it was");
    let shared = entity::share(&mut rng, &hers, &one, &[b.clone(), c.clone(), b.clone()]).unwrap();
    let (before, after) = (parsed(&one), parsed(&shared));
    for (name, value) in before.as_object().unwrap() {
        match value {
            Value::Object(map) if name.ends_with("Keys") || name == "delegations" => {
                map.iter().for_each(|(pair, values)| assert_eq!(&after[name][pair], values));
            }
            value => assert_eq!(&after[name], value),
        }
    }
    let raw = |text: &str| text.split("\"encryptedSelf\":").nth(1).unwrap().split(',').next().unwrap().to_owned();
    assert_eq!(raw(&one), raw(&shared));
    let (pairs, whole): (Vec<_>, _) = (after["delegations"].as_object().unwrap().keys().collect(), parsed(plain));
    assert_eq!(pairs, ["a→a", "a→b", "a→c"]);
    // With whom it is shared already, and with whom it came from, nothing happens.
    let his = ring(&[&b], &[(&a, &b), (&b, &a), (&b, &c)]);
    assert_eq!(entity::share(&mut rng, &hers, &shared, &[a.clone(), b.clone(), c.clone()]).unwrap(), shared);
    assert_eq!(entity::share(&mut rng, &his, &shared, &[a.clone(), b.clone()]).unwrap(), shared);
    assert_eq!(parsed(&entity::decrypt(&his, &shared).unwrap()), whole);
    let on = entity::share(&mut rng, &his, &shared, slice::from_ref(&c)).unwrap();
    assert_eq!(parsed(&entity::decrypt(&ring(&[&c], &[(&b, &c)]), &on).unwrap()), whole);
    assert_eq!(entity::delegator(&his, &shared).unwrap(), "b");
    let tried: Vec<_> = entity::pairs(&ring(&[&c], &[]), &on).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(tried, ["a→c", "b→c"]);
    // Where no exchange key is at hand, nothing is shared.
    assert_eq!(code(entity::share(&mut rng, &his, &shared, &[party("d")])), Code::NotARecipient);
    assert_eq!(code(entity::share(&mut rng, &his, &shared, &[party("1")])), Code::InvalidArgument);
}

#[test]
fn updates_keep_key_parties_and_links() {
    let mut rng = seeded("update");
    let [a, b] = ["a", "b"].map(party);
    let (hers, his) = (ring(&[&a], &[(&a, &a), (&a, &b)]), ring(&[&b], &[(&a, &b)]));
    let paths = manifest(&["name?", "note?"]);
    let mut make = |plain: &str, parent: Option<&str>| {
        entity::encrypt(&mut rng, &hers, (&a, slice::from_ref(&b)), ("Contact", plain), &paths, parent).unwrap()
    };
    let parent = make(r#"{"id":"1"}"#, None);
    let one = make(r#"{"id":"2","name":"x","clear":1}"#, Some(&parent));
    let changed = r#"{"id":"2","note":["y"],"rev":"3"}"#;
    let next = entity::update(&mut rng, &his, &one, changed, &paths).unwrap();
    let (before, after) = (parsed(&one), parsed(&next));
    for name in ["entityType", "encryptionKeys", "delegations", "cryptedForeignKeys", "secretForeignKeys"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert_ne!(before["encryptedSelf"], after["encryptedSelf"]);
    assert!(after.get("clear").is_none() && after.get("note").is_none());
    assert_eq!(parsed(&entity::decrypt(&hers, &next).unwrap()), parsed(changed));
    assert_eq!(entity::parent_ids(&hers, &next).unwrap(), ["1"]);
    let update =
        |rng: &mut Seeded, plain: &str, paths: &[&str]| code(entity::update(rng, &his, &one, plain, &manifest(paths)));
    assert_eq!(update(&mut rng, r#"{"id":"3"}"#, &[]), Code::InvalidArgument);
    assert_eq!(update(&mut rng, r#"{"id":"2","delegations":{}}"#, &[]), Code::InvalidArgument);
    assert_eq!(update(&mut rng, r#"{"id":"2"}"#, &["name"]), Code::InvalidArgument);
}

#[test]
fn a_party_is_no_entity() {
    let mut rng = seeded("party");
    let [a, b] = ["a", "b"].map(party);
    let hers = ring(&[&a], &[(&a, &a), (&a, &b)]);
    let none = manifest(&[]);
    let mut encrypt = |id: &str, others: &[Party], parent: Option<&str>| {
        let plain = json!({ "id": id }).to_string();
        entity::encrypt(&mut rng, &hers, (&a, others), ("Patient", &plain), &none, parent)
    };
    assert_eq!(code(encrypt("a", &[], None)), Code::InvalidArgument);
    assert_eq!(code(encrypt("b", slice::from_ref(&b), None)), Code::InvalidArgument);
    let parent = encrypt("b", &[], None).unwrap();
    assert_eq!(code(encrypt("1", slice::from_ref(&b), Some(&parent))), Code::InvalidArgument);
    let child = encrypt("1", &[], Some(&parent)).unwrap();
    assert_eq!(code(entity::share(&mut rng, &hers, &child, slice::from_ref(&b))), Code::InvalidArgument);
    let escrow =
        Party::Placeholder { name: wardkey::identity::UserId::new("p").unwrap(), escrow: Hash([1; 32]), contact: None };
    assert_eq!(code(entity::share(&mut rng, &hers, &child, &[escrow])), Code::InvalidArgument);
}

/// A ward and its members, as a client knows them.
struct Clinic {
    rng: Seeded,
    anna: Person,
    bob: Person,
    carol: Person,
    story: group_story::Story,
}

impl Clinic {
    fn new(name: &str) -> Self {
        let mut rng = seeded(name);
        let [anna, bob, carol] = ["anna", "bob", "carol"].map(|name| Person::new(&mut rng, name));
        let story = group_story::Story::new(&mut rng, &[(&bob, ADMIN), (&carol, MEMBER)]);
        Self { rng, anna, bob, carol, story }
    }

    fn ward(&self) -> Party {
        Party::Group(Hash(self.story.id))
    }

    fn known(&self) -> Directory {
        let mut known = directory([&self.anna, &self.bob, &self.carol]);
        let id = Hash(self.story.id);
        let mut log = Log::begin(&app(), &id, &self.story.genesis, &known, Minimum::default()).unwrap();
        log.extend(&refs(&self.story.operations), &known, Minimum::default()).unwrap();
        known.insert_group(log).unwrap();
        known
    }

    /// Key pairs of the ward's epochs, up to this one.
    fn epochs(&self, count: usize) -> Vec<KeyPair> {
        let pair = |secret: &[u8; 32]| common::craft::group::epoch_pair(secret).pair;
        self.story.secrets[..count].iter().map(pair).collect()
    }
}

fn opened(chain: &Chain, party: &Party, pairs: &[&KeyPair]) -> ExchangeKeys {
    chain.open(&mut system(), slice::from_ref(party), pairs).unwrap()
}

#[test]
fn a_departed_member_opens_nothing_that_comes_after() {
    let mut clinic = Clinic::new("departed");
    let (ward, known) = (clinic.ward(), clinic.known());
    let chain = Chain::empty(&app(), &clinic.anna.party(), &ward).unwrap();
    assert!(chain.is_due(&known).unwrap() && chain.head().is_none());
    let Made { object, key, chain } = chain.make(&mut clinic.rng, &clinic.anna.hand(), None, &known).unwrap();
    assert!(!chain.is_due(&known).unwrap());
    let claim = Claim::parse(&object, Minimum::default()).unwrap();
    assert_eq!((claim.version, claim.previous, claim.epochs), (1, None, vec![(Hash(clinic.story.id), 0)]));
    assert_eq!((claim.delegator, claim.delegate), (clinic.anna.party(), ward.clone()));
    assert_eq!(chain.head().unwrap().hash, claim.hash.0);
    // The key server keeps what is signed once, and gives everybody his own body.
    let served = split(&object, Minimum::default()).unwrap();
    let bodies: Vec<_> = served.stanzas.iter().map(|stanza| stanza.body.clone().unwrap()).enumerate().collect();
    assert_eq!(join(&served.signed, bodies).unwrap(), object);

    let Clinic { rng, bob, carol, story, .. } = &mut clinic;
    story.remove(rng, bob, &[&*carol]);
    let known = clinic.known();
    assert!(chain.is_due(&known).unwrap());
    let next = chain.make(&mut clinic.rng, &clinic.anna.hand(), Some(&key), &known).unwrap();
    assert!(!next.chain.is_due(&known).unwrap());
    let all = clinic.epochs(2);
    let (hers, whole): (Vec<_>, Vec<_>) = (all[..1].iter().collect(), all.iter().collect());
    let (left, stays) = (opened(&next.chain, &ward, &hers), opened(&next.chain, &ward, &whole));
    assert!(left.version(1).is_ok());
    assert_eq!(code(left.version(2)), Code::NotARecipient);
    assert!(stays.version(1).is_ok() && stays.version(2).is_ok());

    // What is sealed from now on.
    let anna = clinic.anna.party();
    let sealing = |keys: ExchangeKeys| {
        let mut ring = ring(&[&anna], &[(&anna, &anna)]);
        ring.insert(keys);
        ring
    };
    let mut encrypt = |ring: &Ring, id: &str| {
        let plain = json!({ "id": id, "name": "x" }).to_string();
        entity::encrypt(
            &mut clinic.rng,
            ring,
            (&anna, slice::from_ref(&ward)),
            ("Patient", &plain),
            &manifest(&["name"]),
            None,
        )
    };
    let annas = [clinic.anna.pair()];
    let before = encrypt(&sealing(opened(&chain, &anna, &annas)), "1").unwrap();
    let after = encrypt(&sealing(opened(&next.chain, &anna, &annas)), "2").unwrap();
    let reading = |keys: ExchangeKeys| {
        let mut ring = Ring::new(slice::from_ref(&ward), &[]).unwrap();
        ring.insert(keys);
        ring
    };
    let (left, stays) = (reading(left), reading(stays));
    assert!(entity::decrypt(&left, &before).is_ok());
    assert_eq!(code(entity::decrypt(&left, &after)), Code::NotARecipient);
    for text in [&before, &after] {
        assert!(entity::decrypt(&stays, text).is_ok());
    }
    let gone = Ring::new(&[clinic.carol.party()], &[Hash(clinic.story.id)]).unwrap();
    assert_eq!(code(entity::decrypt(&gone, &after)), Code::Revoked);
}

#[test]
fn who_makes_an_exchange_key() {
    let mut clinic = Clinic::new("makes");
    let (ward, known) = (clinic.ward(), clinic.known());
    let of_ward = Chain::empty(&app(), &ward, &clinic.anna.party()).unwrap();
    assert_eq!(code(of_ward.make(&mut clinic.rng, &clinic.anna.hand(), None, &known)), Code::Forbidden);
    let Made { chain, key, .. } = of_ward.make(&mut clinic.rng, &clinic.carol.hand(), None, &known).unwrap();
    let other = DataKey::from_slice(&[1; 32]).unwrap();
    assert_eq!(code(chain.make(&mut clinic.rng, &clinic.bob.hand(), Some(&other), &known)), Code::KeyMismatch);
    let own = Chain::empty(&app(), &clinic.anna.party(), &clinic.bob.party()).unwrap();
    assert_eq!(code(own.make(&mut clinic.rng, &clinic.bob.hand(), None, &known)), Code::Forbidden);
    // Who has left has its key: one is due, though the epoch is the newest.
    let Clinic { rng, bob, carol, story, .. } = &mut clinic;
    story.remove(rng, bob, &[&*carol]);
    let known = clinic.known();
    assert!(chain.is_due(&known).unwrap());
    assert_eq!(code(chain.make(&mut clinic.rng, &clinic.carol.hand(), Some(&key), &known)), Code::Forbidden);
    // Somebody new changes nothing.
    let mut grown = Clinic::new("grown");
    let made = Chain::empty(&app(), &grown.ward(), &grown.ward()).unwrap();
    let known = grown.known();
    let made = made.make(&mut grown.rng, &grown.carol.hand(), None, &known).unwrap();
    let anna = Person::new(&mut grown.rng, "zoe");
    grown.story.tell(&grown.bob, add(&[(&anna, MEMBER)]));
    assert!(!made.chain.is_due(&grown.known()).unwrap());
}

/// A key server verifies each version by the one before alone, and takes what a reader of all of them takes.
#[test]
fn versions_one_by_one() {
    let mut rng = seeded("one by one");
    let [a, b] = ["a", "b"].map(|name| Person::new(&mut rng, name));
    let (alice, bob) = (a.party(), b.party());
    let known = directory([&a, &b]);
    let next = |before: Option<&Vec<u8>>, object: &[u8]| {
        Chain::check_next(&app(), before.map(Vec::as_slice), object, &known, Minimum::default())
    };
    let (mut chain, mut objects) = (Chain::empty(&app(), &alice, &bob).unwrap(), Vec::new());
    for _ in 0..3 {
        let made = chain.make(&mut rng, &a.hand(), None, &known).unwrap();
        next(objects.last(), &made.object).unwrap();
        chain = made.chain;
        objects.push(made.object);
    }
    Chain::read(&app(), (&alice, &bob), &refs(&objects), &known, Minimum::default()).unwrap();
    let [first, second, third] = [&objects[0], &objects[1], &objects[2]];
    for (before, object) in [(None, second), (Some(first), first), (Some(first), third), (Some(second), second)] {
        assert_eq!(code(next(before, object)), Code::BadSignature);
    }
    let mut flipped = second.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(code(next(Some(first), &flipped)), Code::BadSignature, "the last byte is a body's");
    let back = Chain::empty(&app(), &bob, &alice).unwrap().make(&mut rng, &b.hand(), None, &known).unwrap();
    assert_eq!(code(next(Some(first), &back.object)), Code::KeyMismatch);
    let nobody = Directory::default();
    let unsigned = Chain::check_next(&app(), Some(first), second, &nobody, Minimum::default());
    assert_eq!(code(unsigned), Code::BadSignature);
}

#[test]
fn a_lost_exchange_key_is_replaced() {
    let mut rng = seeded("lost");
    let [a, b] = ["a", "b"].map(|name| Person::new(&mut rng, name));
    let (alice, bob) = (a.party(), b.party());
    let known = directory([&a, &b]);
    let first = Chain::empty(&app(), &alice, &bob).unwrap().make(&mut rng, &a.hand(), None, &known).unwrap();
    let own = [(&alice, &alice)];
    let with = |chain: &Chain, of: &Party, pairs: &[&KeyPair]| {
        let mut ring = ring(&[of], if *of == alice { &own } else { &[] });
        ring.insert(opened(chain, of, pairs));
        ring
    };
    let plain = json!({ "id": "1", "name": "x" }).to_string();
    let paths = manifest(&["name"]);
    let hers = with(&first.chain, &alice, &[a.pair()]);
    let one =
        entity::encrypt(&mut rng, &hers, (&alice, slice::from_ref(&bob)), ("Patient", &plain), &paths, None).unwrap();
    // Neither has the private key that it was wrapped for.
    let lost = with(&first.chain, &bob, &[]);
    assert_eq!(code(entity::decrypt(&lost, &one)), Code::NotARecipient);
    let closed = with(&first.chain, &alice, &[]);
    assert!(entity::decrypt(&closed, &one).is_ok(), "by her own pair");
    assert_eq!(code(entity::share(&mut rng, &closed, &one, slice::from_ref(&bob))), Code::NotARecipient);
    let mut renewed = a;
    renewed.renew(&mut rng);
    let known = directory([&renewed, &b]);
    let next = first.chain.make(&mut rng, &renewed.hand(), None, &known).unwrap();
    let hers = with(&next.chain, &alice, &[renewed.pair()]);
    let his = with(&next.chain, &bob, &[b.pair()]);
    assert!(hers.find(&Pair::of(&alice, &bob).unwrap()).unwrap().version(1).is_err());
    let again = entity::share(&mut rng, &hers, &one, slice::from_ref(&bob)).unwrap();
    assert_ne!(again, one, "its values are made anew");
    assert_eq!(parsed(&again)["encryptedSelf"], parsed(&one)["encryptedSelf"]);
    assert_eq!(parsed(&entity::decrypt(&his, &again).unwrap()), parsed(&plain));
    assert_eq!(entity::share(&mut rng, &hers, &again, slice::from_ref(&bob)).unwrap(), again);
    // Kept, with the version that is lost.
    let kept = Kept::of(&next.chain, opened(&next.chain, &alice, &[renewed.pair()])).unwrap();
    let bytes = kept.to_bytes();
    let read = Kept::from_bytes(bytes.expose()).unwrap();
    assert_eq!((read.head(), read.parties(), read.is_due(&known)), (kept.head(), kept.parties(), Ok(false)));
    // For a key that was the newest then. Of whom nobody knows, nobody says so.
    let late = directory([&renewed]);
    assert_eq!(read.is_due(&late), Ok(false));
    let mut b = b;
    b.renew(&mut rng);
    assert_eq!(read.is_due(&directory([&renewed, &b])), Ok(true));
    let [one, two] = [1, 2].map(|version| read.keys().version(version).map(DataKey::id).map_err(|error| error.code()));
    assert_eq!((one, two), (Err(Code::NotARecipient), Ok(next.key.id())));
    for end in 0..bytes.expose().len() {
        assert!(Kept::from_bytes(&bytes.expose()[..end]).is_err());
    }
    assert!(Kept::from_bytes(&[bytes.expose(), &[0]].concat()).is_err());
}

/// Given the database alone: no field of a contact says more of its patient than chance, equal clear links among siblings apart.
#[test]
fn nothing_links_a_contact_to_its_patient() {
    let mut rng = seeded("linkage");
    let [a, b] = ["a", "b"].map(party);
    let pairs = [(&a, &a), (&a, &b)];
    // The exchange keys are renewed on the way.
    let versions = |count: u8| {
        let mut ring = Ring::new(slice::from_ref(&a), &[]).unwrap();
        for (delegator, delegate) in pairs {
            let keys = (0..count).map(|version| DataKey::from_slice(&[version + 1; 32])).collect();
            ring.insert(ExchangeKeys::kept(Pair::of(delegator, delegate).unwrap(), keys));
        }
        ring
    };
    let count = 60_usize;
    let (mut patients, mut contacts) = (Vec::new(), Vec::new());
    for number in 0..count {
        let ring = versions(1 + (number % 3) as u8);
        // Ids of many lengths.
        let id = format!("{number}{}", "p".repeat(number % 60 * 2));
        let mut make = |kind: &str, plain: Value, parent: Option<&str>| {
            let (parties, paths) = ((&a, slice::from_ref(&b)), manifest(&["name"]));
            entity::encrypt(&mut rng, &ring, parties, (kind, &plain.to_string()), &paths, parent).unwrap()
        };
        let patient = make("Patient", json!({ "id": id, "name": "x".repeat(number) }), None);
        let contact = make("Contact", json!({ "id": format!("c{number:02}"), "name": "y" }), Some(&patient));
        patients.push(parsed(&patient));
        contacts.push(parsed(&contact));
    }
    let texts = |one: &Value| {
        let mut found = Vec::new();
        collect(one, &mut found);
        found
    };
    for (number, contact) in contacts.iter().enumerate() {
        let own = texts(contact);
        for patient in &patients {
            let other = texts(patient);
            let common = own.iter().filter(|text| text.len() > 16 && other.contains(text)).count();
            assert_eq!(common, 0, "a value of contact {number} stands in a patient");
        }
    }
    // All contacts look the same by lengths and order; patients, in all but their clear id and the bucket of their content.
    let shape = |one: &Value| -> Vec<(String, usize)> {
        let maps = ["encryptionKeys", "delegations", "cryptedForeignKeys"].into_iter().flat_map(|map| {
            let values = one[map].as_object().unwrap().iter();
            values.map(move |(pair, values)| (format!("{map} {pair}"), values[0].as_str().unwrap().len()))
        });
        maps.collect()
    };
    let sizes = |one: &Value| one["encryptedSelf"].as_str().unwrap().len();
    assert!(
        contacts.iter().all(|contact| shape(contact) == shape(&contacts[0]) && sizes(contact) == sizes(&contacts[0]))
    );
    assert!(patients.iter().all(|patient| shape(patient) == shape(&patients[0])));
    // A byte of a value at a place tells nothing of that of another.
    let hits = |place: usize| {
        let byte = |one: &Value, map: &str| {
            wardkey::encoding::from_base64url(one[map]["a→b"][0].as_str().unwrap()).unwrap()[place]
        };
        let same = |(contact, patient): (&Value, &Value)| {
            byte(contact, "cryptedForeignKeys") % 8 == byte(patient, "delegations") % 8
        };
        contacts.iter().zip(&patients).filter(|pair| same(*pair)).count()
    };
    let total: usize = (0..200).map(hits).sum();
    let expected = 200 * count / 8;
    assert!(total.abs_diff(expected) < expected / 5, "{total} of {expected}");
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(members) => members.values().for_each(|value| collect(value, found)),
        _ => (),
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("a number", |number| number.is_finite()).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab.*\\[\\]é\"\\\\]{0,2}", inner, 0..4)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

fn any_path() -> impl Strategy<Value = String> {
    let step = ("(a|b|é|ab|\\*)", "(\\[\\]){0,2}").prop_map(|(name, arrays)| (name, arrays));
    prop::collection::vec(step, 1..4).prop_map(|steps| {
        let last = steps.len() - 1;
        let part =
            |(number, (name, arrays)): (usize, (String, String))| if number == last { name } else { name + &arrays };
        steps.into_iter().enumerate().map(part).collect::<Vec<_>>().join(".") + "?"
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is sealed comes back, and nothing else changes.
    #[test]
    fn any_entity_with_any_manifest(members in prop::collection::btree_map("[abé]{0,2}", any_json(), 0..5), paths in prop::collection::vec(any_path(), 0..4), seed: u64) {
        let a = party("a→".trim_end_matches('→'));
        let ring = ring(&[&a], &[(&a, &a)]);
        let mut plain: BTreeMap<String, Value> = members;
        plain.insert("id".to_owned(), json!("1"));
        let text = json!(plain).to_string();
        let paths = Manifest::new(paths.iter().map(String::as_str)).unwrap();
        let rng = &mut seeded(&seed.to_string());
        let one = entity::encrypt(rng, &ring, (&a, &[]), ("T", &text), &paths, None).unwrap();
        prop_assert_eq!(parsed(&entity::decrypt(&ring, &one).unwrap()), parsed(&text));
        let again = entity::update(rng, &ring, &one, &text, &paths).unwrap();
        prop_assert_eq!(parsed(&entity::decrypt(&ring, &again).unwrap()), parsed(&text));
    }

    /// Nothing that comes from a database panics.
    #[test]
    fn any_text_is_an_answer(text in ".{0,200}", cut in any::<prop::sample::Index>(), byte: u8) {
        let a = party("a");
        let ring = ring(&[&a], &[(&a, &a)]);
        let read = |text: &str| -> Result<String> { entity::decrypt(&ring, text) };
        prop_assert!(read(&text).is_err());
        let rng = &mut seeded("any text");
        let one = entity::encrypt(rng, &ring, (&a, &[]), ("T", r#"{"id":"1","x":{"y":["z"]}}"#), &manifest(&["x.y"]), None).unwrap();
        let mut bytes = one.into_bytes();
        let at = cut.index(bytes.len());
        bytes[at] = byte & 0x7f;
        let changed = String::from_utf8(bytes).unwrap_or_default();
        drop(read(&changed));
        drop(entity::secret_foreign_keys(&ring, &changed));
        drop(entity::share(rng, &ring, &changed, &[]));
        drop(Pair::parse(&text));
        drop(Manifest::new([text.as_str()]));
    }
}
