//! API section 11: what is taken and given.

use serde_json::{Value, json};
use wardkey::{
    data_key::DataKey,
    delegation::{Chain, Made, split},
    group::{Epochs, Log, Stanza},
    identity::{Asked, Bundle, Identity},
    party::Party,
    session::Directory,
    signed::{Hash, Unverified},
};
use wardkey_rules::{ExchangeKeyStore, Logged};

use crate::{
    exchange_keys_refused::refuse,
    user::{User, directory, take},
    ward::Ward,
    world::{FIRST, World, app, b64, list, refs, seeded, unb64},
};

pub(crate) const PATH: &str = "/v1/exchange-keys";

/// The next version, by who may.
pub(crate) fn make(user: &User, world: &mut World, chain: &Chain, newest: Option<&DataKey>, known: &Directory) -> Made {
    let (now, rng) = (world.now, &mut world.rng);
    user.sign_at(now, |hand| chain.make(rng, hand, newest, known).unwrap())
}

pub(crate) fn no_chain(delegator: &Party, delegate: &Party) -> Chain {
    Chain::empty(&app(), delegator, delegate).unwrap()
}

pub(crate) fn put(world: &mut World, caller: &User, objects: &[&Vec<u8>]) -> Value {
    let items: Vec<_> = objects.iter().map(b64).collect();
    world.post(caller, PATH, json!({ "items": items }))["items"].clone()
}

pub(crate) fn asking(pairs: &[&str]) -> Value {
    let pairs: Vec<_> = pairs.iter().map(|pair| json!({ "pair": pair })).collect();
    json!({ "sessions": [], "signers": [], "groups": [], "pairs": pairs })
}

pub(crate) fn ask(world: &mut World, caller: &User, pairs: &[&str]) -> Value {
    world.post(caller, "/v1/keys", asking(pairs))
}

/// For whom there are bodies in each object of an answer.
pub(crate) fn bodies(answer: &Value) -> Vec<Vec<String>> {
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
        let bundle = Unverified::<Bundle>::parse(&list(identity)[0], FIRST);
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
pub(crate) fn learned(reply: &Value) -> Directory {
    let mut known = Directory::default();
    for identity in reply["identities"].as_array().unwrap() {
        let objects = list(identity);
        let bundle = Unverified::<Bundle>::parse(&objects[0], FIRST).unwrap();
        let user = Asked::User(bundle.claimed().user_id().unwrap());
        known.insert(Identity::verify(&refs(&objects), &app(), user, FIRST).unwrap()).unwrap();
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
    let (dora, ben) = (ward.dora.party(), take(&mut ward.ben));
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
    let epochs = Epochs::open(&ward.log, secret).unwrap();
    let pairs: Vec<_> = epochs.iter().collect();
    let keys = chain.open(&mut seeded(72), &[ben.party(), group], &pairs).unwrap();
    for (version, key) in [(1, &made.key), (2, &next.key)] {
        assert!(keys.version(version).unwrap().dangerously_expose() == key.dangerously_expose());
    }
    assert_eq!(bodies(&reply["pairs"][0]), [[&*ward.id], [&*ward.id]]);
    let reply = ask(&mut ward.world, &ward.dora, &[&pair]);
    assert_eq!(bodies(&reply["pairs"][0]), [["dora"], ["dora"]]);
}

/// Everybody is given the bodies of his own parties; and what a pair's two names tell, whoever asks.
#[test]
fn everybody_is_given_his_own() {
    let mut ward = Ward::new();
    let (group, known) = (Party::Group(*ward.log.id()), ward.knowing());
    let Ward { world, anna, ben, carl, dora, id, .. } = &mut ward;
    let (annas, bens) = (anna.party(), ben.party());
    let pairs = [(&annas, &annas), (&annas, &bens), (&annas, &group), (&bens, &group)];
    let mut objects = Vec::new();
    for (delegator, delegate) in pairs {
        let user = if delegator == &annas { &*anna } else { &*ben };
        let made = make(user, world, &no_chain(delegator, delegate), None, &known);
        assert_eq!(put(world, user, &[&made.object]), json!([{ "version": 1 }]));
        objects.push(made.object);
    }
    // In the group's right, by any member: to somebody, and to itself.
    let carls = carl.party();
    for (user, delegate) in [(&*ben, &carls), (&*anna, &group)] {
        let made = make(user, world, &no_chain(&group, delegate), None, &known);
        assert_eq!(put(world, user, &[&made.object]), json!([{ "version": 1 }]));
    }
    let [to_ward, of_ben, to_carl, own] = [("anna", &**id), ("ben", id), (id, "carl"), (id, id)]
        .map(|(delegator, delegate)| format!("{delegator}→{delegate}"));
    let pairs = ["anna→anna", "anna→ben", &to_ward, &of_ben, &to_carl, &own, "carl→anna"];
    let no = json!({ "error": "not-a-recipient" });
    // For whom there is a body, the group by +; or none at all.
    for (user, wanted) in [
        (&*anna, [Some("anna"), Some("anna"), Some("+ anna"), Some("+"), Some("+"), Some("+"), Some("")]),
        (ben, [None, Some("ben"), Some("+"), Some("+ ben"), Some("+"), Some("+"), None]),
        (carl, [None, None, None, None, Some("carl"), None, Some("")]),
        (dora, [None; 7]),
    ] {
        let reply = ask(world, user, &pairs);
        for ((answer, wanted), pair) in reply["pairs"].as_array().unwrap().iter().zip(wanted).zip(&pairs) {
            match wanted {
                Some(wanted) => {
                    let given: Vec<_> =
                        bodies(answer).iter().map(|names| names.join(" ").replace(&**id, "+")).collect();
                    assert_eq!(given.join(", "), wanted, "{} {pair}", user.id);
                }
                None => assert_eq!(answer, &no, "{} {pair}", user.id),
            }
        }
    }
    // A stranger is answered the same where there is nothing, and is given nothing beside it.
    let reply = ask(world, dora, &["anna→ben", "ben→anna", "anna→nobody", &format!("{id}→anna")]);
    assert_eq!(reply["pairs"], json!([no, no, no, no]));
    assert_eq!((&reply["identities"], &reply["groups"]), (&json!([]), &json!([])));
    // As it came, but for the bodies.
    let given = list(&ask(world, anna, &["anna→ben"])["pairs"][0]["versions"]);
    assert_eq!(split(&given[0], FIRST).unwrap().signed, split(&objects[1], FIRST).unwrap().signed);
}

#[test]
fn after_a_version() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let Ward { world, anna, ben, .. } = &mut ward;
    let (mut chain, mut key, mut objects) = (no_chain(&anna.party(), &ben.party()), None, Vec::new());
    for _ in 0..3 {
        let made = make(anna, world, &chain, key.as_ref(), &known);
        (chain, key) = (made.chain, Some(made.key));
        objects.push(made.object);
    }
    // Several of one pair, one after the other.
    let taken = put(world, anna, &[&objects[0], &objects[1], &objects[2]]);
    assert_eq!(taken, json!([{ "version": 1 }, { "version": 2 }, { "version": 3 }]));
    // Repeated: the newest is what is told, and nothing happens.
    let told = world.journal(anna, None).len();
    assert_eq!(put(world, anna, &[&objects[0], &objects[2]]), json!([{ "version": 3 }, { "version": 3 }]));
    assert_eq!(world.journal(anna, None).len(), told);
    for (after, count) in [(0, 3), (1, 2), (2, 1), (3, 0), (4, 0), ((1_u64 << 53) - 1, 0)] {
        let body =
            json!({ "sessions": [], "signers": [], "groups": [], "pairs": [{ "pair": "anna→ben", "after": after }] });
        let reply = world.post(ben, "/v1/keys", body);
        let given = list(&reply["pairs"][0]["versions"]);
        let signed =
            |objects: &[Vec<u8>]| objects.iter().map(|one| split(one, FIRST).unwrap().signed).collect::<Vec<_>>();
        assert_eq!(signed(&given), signed(&objects[3 - count..]), "{after}");
        assert_eq!(reply["pairs"][0]["more"], json!(false));
        assert_eq!(names(&reply), ["anna", "ben"]);
    }
    // In the order of the request.
    let reply = ask(world, ben, &["ben→anna", "anna→ben"]);
    let counts: Vec<_> = reply["pairs"].as_array().unwrap().iter().map(|answer| bodies(answer).len()).collect();
    assert_eq!(counts, [0, 3]);
    // And beside sessions only where it is asked for.
    let none = json!({ "sessions": [], "signers": [], "groups": [] });
    assert_eq!(world.post(ben, "/v1/keys", none).get("pairs"), None);
}

#[test]
fn what_the_journal_tells() {
    let mut ward = Ward::new();
    let (group, known) = (Party::Group(*ward.log.id()), ward.knowing());
    let Ward { world, anna, ben, carl, id, .. } = &mut ward;
    let before = [&*anna, &*ben, &*carl].map(|user| world.journal(user, None).len());
    let made = make(anna, world, &no_chain(&anna.party(), &carl.party()), None, &known);
    put(world, anna, &[&made.object]);
    let made = make(ben, world, &no_chain(&group, &carl.party()), None, &known);
    put(world, ben, &[&made.object]);
    let of_group = format!("{id}→carl");
    ask(world, carl, &["anna→carl", &of_group, "carl→anna"]);
    ask(world, anna, &["anna→carl", "anna→ben"]);
    // Nothing of it was given: nothing is told.
    let body = json!({ "sessions": [], "signers": [], "groups": [], "pairs": [{ "pair": "anna→carl", "after": 1 }] });
    world.post(carl, "/v1/keys", body);
    ask(world, ben, &["anna→carl"]);
    let mut told = |user: &User, before: usize| world.journal(user, None).split_off(before);
    assert_eq!(
        told(anna, before[0]),
        [
            "anna exchange-key pair=anna→carl version=1",
            "carl exchange-release pair=anna→carl version=1",
            "anna exchange-release pair=anna→carl version=1"
        ]
    );
    assert_eq!(told(ben, before[1]), [format!("ben exchange-key pair={of_group} version=1")]);
    assert_eq!(
        told(carl, before[2]),
        [
            "carl exchange-release pair=anna→carl version=1".to_owned(),
            format!("carl exchange-release pair={of_group} version=1")
        ]
    );
}

/// Who has left neither makes versions nor is given bodies; everybody else learns from the feed that new ones are due.
#[test]
fn who_has_left() {
    let mut ward = Ward::new();
    let (ben, carl) = (take(&mut ward.ben), take(&mut ward.carl));
    let group = Party::Group(*ward.log.id());
    let known = knowing(&ward, &ward.log, &[&ben, &carl]);
    let [to_carl, from_carl, bens] =
        [format!("{}→carl", ward.id), format!("carl→{}", ward.id), format!("ben→{}", ward.id)];
    let made = make(&ben, &mut ward.world, &no_chain(&group, &carl.party()), None, &known);
    put(&mut ward.world, &ben, &[&made.object]);
    let from = make(&carl, &mut ward.world, &no_chain(&carl.party(), &group), None, &known);
    put(&mut ward.world, &carl, &[&from.object]);
    let own = make(&ben, &mut ward.world, &no_chain(&ben.party(), &group), None, &known);
    put(&mut ward.world, &ben, &[&own.object]);
    assert_eq!(bodies(&ask(&mut ward.world, &ben, &[&from_carl])["pairs"][0]), [[&*ward.id]]);
    // Carl isn't in the group: he was given its log with the pair.
    let mut cursors = [Value::Null, Value::Null];
    ward.items(&ben, &mut cursors[0]);
    ward.items(&carl, &mut cursors[1]);
    ask(&mut ward.world, &carl, &[&to_carl]);

    let next = make(&ben, &mut ward.world, &made.chain, Some(&made.key), &known);
    let removal = ward.removes(&[ben.party()]);
    ward.send(removal);
    let item = |revoked: bool| json!([{ "groupId": ward.id, "epoch": 1, "revoked": revoked }]);
    let (to_ben, to_others) = (item(true), item(false));
    assert_eq!(ward.items(&ben, &mut cursors[0]), to_ben);
    assert_eq!(ward.items(&carl, &mut cursors[1]), to_others);
    let world = &mut ward.world;
    refuse(world, "forbidden", &ben, &next.object);
    // Not even what was his own: whether it was taken is no longer his affair.
    refuse(world, "forbidden", &ben, &made.object);
    let reply = ask(world, &ben, &[&to_carl, &from_carl, &bens]);
    assert_eq!(reply["pairs"][0], json!({ "error": "revoked" }));
    assert_eq!(reply["pairs"][1], json!({ "error": "revoked" }));
    // He is still the delegator of his own: with his own body, and no other.
    assert_eq!(bodies(&reply["pairs"][2]), [["ben"]]);
    assert_eq!(reply["groups"][0]["keys"], Value::Null);

    // Carl makes the one that is due, for the new epoch; Ben isn't told of it.
    let known = learned(&ask(&mut ward.world, &carl, &[&from_carl]));
    assert!(from.chain.is_due(&known).unwrap());
    let renewed = make(&carl, &mut ward.world, &from.chain, Some(&from.key), &known);
    assert_eq!(put(&mut ward.world, &carl, &[&renewed.object]), json!([{ "version": 2 }]));
    assert_eq!(ward.items(&ben, &mut cursors[0]), json!([]));
    let annas = list(&ask(&mut ward.world, &ward.anna, &[&from_carl])["pairs"][0]["versions"]);
    let known = knowing(&ward, &ward.log, &[&carl]);
    let chain = Chain::read(&app(), (&carl.party(), &group), &refs(&annas), &known, FIRST).unwrap();
    let pairs: Vec<_> = ward.epochs.iter().collect();
    let keys = chain.open(&mut seeded(75), &[group], &pairs).unwrap();
    assert!(keys.version(2).unwrap().dangerously_expose() == renewed.key.dangerously_expose());
}

/// A reply holds so many versions, and whole pairs; what doesn't fit is asked for again.
#[test]
fn more_than_a_reply_holds() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let Ward { world, anna, ben, .. } = &mut ward;
    let mut fill = |user: &User, delegate: &Party, count: u64| {
        let made = make(user, world, &no_chain(&user.party(), delegate), None, &known);
        let pair = made.chain.pair().clone();
        for sequence in 1..=count {
            let version = Logged { sequence, signer: Some(user.id.clone()), object: made.object.clone() };
            world.store.add_exchange_key(&pair, &version).unwrap();
        }
        world.store.commit();
    };
    fill(anna, &anna.party(), 3_000);
    fill(anna, &ben.party(), 1_001);
    fill(ben, &anna.party(), 1_000);
    fill(ben, &ben.party(), 4_001);
    let counts = |reply: &Value| {
        let count = |answer: &Value| (answer["versions"].as_array().unwrap().len(), answer["more"] == json!(true));
        reply["pairs"].as_array().unwrap().iter().map(count).collect::<Vec<_>>()
    };
    // After one that doesn't fit none does, so that each asking goes on.
    let pairs = ["carl→anna", "anna→anna", "anna→ben", "ben→anna"];
    assert_eq!(counts(&ask(world, anna, &pairs)), [(0, false), (3_000, false), (0, true), (0, true)]);
    assert_eq!(counts(&ask(world, anna, &pairs[2..])), [(1_001, false), (1_000, false)]);
    assert_eq!(counts(&ask(world, anna, &["anna→anna", "ben→anna"])), [(3_000, false), (1_000, false)]);
    // One that is longer than a reply is given alone.
    assert_eq!(counts(&ask(world, ben, &["ben→ben", "ben→anna", "ben→carl"])), [(4_001, false), (0, true), (0, false)]);
    assert_eq!(counts(&ask(world, ben, &["ben→anna", "ben→ben"])), [(1_000, false), (0, true)]);
}

/// These people, and this state of the group.
pub(crate) fn knowing(ward: &Ward, log: &Log, more: &[&User]) -> Directory {
    let mut known = directory(&ward.world, &[&[&ward.anna, &ward.ben], more].concat());
    known.insert_group(log.clone()).unwrap();
    known
}
