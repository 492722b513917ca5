//! API section 11.

use serde_json::{Value, json};
use wardkey::{
    data_key::DataKey,
    delegation::{Chain, Made, split},
    group::{Log, Role, Stanza},
    identity::AppId,
    party::Party,
    session::{Directory, Hand, Signer},
    signed::Hash,
};
use wardkey_rules::{ExchangeKeyStore, Logged};

use crate::{
    user::{User, directory},
    ward::{Ward, copy, member},
    world::{DAY, FIRST, World, app, b64, list, refs, seeded, unb64},
};

const PATH: &str = "/v1/exchange-keys";

/// The next version, by who may.
fn make(user: &User, world: &mut World, chain: &Chain, newest: Option<&DataKey>, known: &Directory) -> Made {
    let (now, rng) = (world.now, &mut world.rng);
    user.sign_at(now, |hand| chain.make(rng, hand, newest, known).unwrap())
}

/// By who may not: the signer is said to be another than he is.
fn forge(world: &mut World, chain: &Chain, signer: &Signer, key: &User, known: &Directory) -> Vec<u8> {
    let (now, rng) = (world.now, &mut world.rng);
    chain.make(rng, &Hand { signer, key: &key.signing[0], now }, None, known).unwrap().object
}

fn no_chain(delegator: &Party, delegate: &Party) -> Chain {
    Chain::empty(&app(), delegator, delegate).unwrap()
}

fn put(world: &mut World, caller: &User, objects: &[&Vec<u8>]) -> Value {
    let items: Vec<_> = objects.iter().map(b64).collect();
    world.post(caller, PATH, json!({ "items": items }))["items"].clone()
}

/// One that is refused with this code.
#[track_caller]
fn refuse(world: &mut World, code: &str, caller: &User, object: &Vec<u8>) {
    assert_eq!(put(world, caller, &[object]), json!([{ "error": code }]));
}

fn asking(pairs: &[&str]) -> Value {
    let pairs: Vec<_> = pairs.iter().map(|pair| json!({ "pair": pair })).collect();
    json!({ "sessions": [], "signers": [], "groups": [], "pairs": pairs })
}

fn ask(world: &mut World, caller: &User, pairs: &[&str]) -> Value {
    world.post(caller, "/v1/keys", asking(pairs))
}

/// For whom there are bodies in each object of an answer.
fn bodies(answer: &Value) -> Vec<Vec<String>> {
    let of = |object: &Vec<u8>| {
        let given = split(object, FIRST).unwrap().stanzas.into_iter().filter(|stanza| stanza.body.is_some());
        let name = |party| match party {
            Party::User { id, .. } => id.as_str().to_owned(),
            Party::Group(id) => id.to_string(),
            Party::Placeholder { .. } => panic!("{party:?}"),
        };
        given.map(|stanza| name(stanza.party)).collect()
    };
    list(&answer["versions"]).iter().map(of).collect()
}

fn names(reply: &Value) -> Vec<String> {
    let name = |identity: &Value| {
        let bundle = wardkey::signed::Unverified::<wardkey::identity::Bundle>::parse(&list(identity)[0], FIRST);
        bundle.unwrap().claimed().user_id().unwrap().as_str().to_owned()
    };
    let mut names: Vec<_> = reply["identities"].as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}

fn groups(reply: &Value) -> Vec<&str> {
    reply["groups"].as_array().unwrap().iter().map(|group| group["id"].as_str().unwrap()).collect()
}

/// What a client knows that has nothing but a reply.
fn learned(reply: &Value) -> Directory {
    let mut known = Directory::default();
    for identity in reply["identities"].as_array().unwrap() {
        let objects = list(identity);
        let bundle = wardkey::signed::Unverified::<wardkey::identity::Bundle>::parse(&objects[0], FIRST).unwrap();
        let user = wardkey::identity::Asked::User(bundle.claimed().user_id().unwrap());
        known.insert(wardkey::identity::Identity::verify(&refs(&objects), &app(), user, FIRST).unwrap()).unwrap();
    }
    for group in reply["groups"].as_array().unwrap() {
        let id = Hash::parse(group["id"].as_str().unwrap()).unwrap();
        let mut log = Log::begin(&app(), &id, &unb64(&group["genesis"]), &known, FIRST).unwrap();
        log.extend(&refs(&list(&group["operations"])), &known, FIRST).unwrap();
        known.insert_group(log).unwrap();
    }
    known
}

/// One request brings what opens, and what verifies it: to a member of the delegate, to the delegator, and before there is anything.
#[test]
fn one_request_opens() {
    let mut ward = Ward::new();
    let (dora, ben) = (ward.dora.party(), copy_of(&ward.ben));
    let group = Party::Group(*ward.log.id());
    let pair = format!("dora→{}", ward.id);
    let reply = ask(&mut ward.world, &ward.dora, &[&pair]);
    assert_eq!(reply["pairs"], json!([{ "versions": [], "more": false }]));
    assert_eq!((names(&reply), groups(&reply)), (vec!["anna".to_owned(), "dora".to_owned()], vec![&*ward.id]));
    // The first version is made of this reply alone.
    let known = learned(&reply);
    let made = make(&ward.dora, &mut ward.world, &no_chain(&dora, &group), None, &known);
    assert_eq!(put(&mut ward.world, &ward.dora, &[&made.object]), json!([{ "version": 1 }]));
    let next = make(&ward.dora, &mut ward.world, &made.chain, Some(&made.key), &known);
    assert_eq!(put(&mut ward.world, &ward.dora, &[&next.object]), json!([{ "version": 2 }]));

    let reply = ask(&mut ward.world, &ben, &[&pair]);
    let objects = list(&reply["pairs"][0]["versions"]);
    let chain = Chain::read(&app(), (&dora, &group), &refs(&objects), &learned(&reply), FIRST).unwrap();
    assert_eq!(chain.head(), next.chain.head());
    let given = &reply["groups"][0];
    let stanza = Stanza::find(&ward.log, &unb64(&given["keys"]), &ben.party(), FIRST).unwrap();
    let secret = stanza.open(&mut seeded(71), &[&ben.pairs[0]]).unwrap();
    let epochs = wardkey::group::Epochs::open(&ward.log, secret).unwrap();
    let pairs: Vec<_> = epochs.iter().collect();
    let keys = chain.open(&mut seeded(72), &[ben.party(), group], &pairs).unwrap();
    for (version, key) in [(1, &made.key), (2, &next.key)] {
        assert!(keys.version(version).unwrap().dangerously_expose() == key.dangerously_expose());
    }
    assert_eq!(bodies(&reply["pairs"][0]), [[&*ward.id], [&*ward.id]]);
    let reply = ask(&mut ward.world, &ward.dora, &[&pair]);
    assert_eq!(bodies(&reply["pairs"][0]), [["dora"], ["dora"]]);
}

fn copy_of(user: &User) -> User {
    let pair = wardkey::key_pair::KeyPair::from_seed(
        wardkey::secret::Secret::from_slice(user.pairs[0].to_secret_seed().unwrap().expose()).unwrap(),
    );
    User { pairs: vec![pair.unwrap()], bundles: user.bundles.clone(), ..User::new(&mut seeded(70), user.id.as_str()) }
}
