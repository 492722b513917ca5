//! API section 11.

use serde_json::{Value, json};
use wardkey::{
    data_key::DataKey,
    delegation::{Chain, Made, split},
    group::{Epochs, Log, Role, Stanza},
    identity::{AppId, Asked, Bundle, Identity},
    party::Party,
    session::{Directory, Hand, Signer},
    signed::{Hash, Unverified},
};
use wardkey_rules::{ExchangeKeyStore, Logged};

use crate::{
    user::{User, directory, take},
    ward::{Ward, member},
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
fn learned(reply: &Value) -> Directory {
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
    let ward_body = vec![id.clone()];
    let one = |name: &str| vec![vec![name.to_owned()]];
    let both = |name: &str| vec![vec![id.clone(), name.to_owned()]];
    let wanted: [(&User, [Option<Vec<Vec<String>>>; 7]); 4] = [
        (
            anna,
            [
                Some(one("anna")),
                Some(one("anna")),
                Some(both("anna")),
                Some(vec![ward_body.clone()]),
                Some(vec![ward_body.clone()]),
                Some(vec![ward_body.clone()]),
                Some(vec![]),
            ],
        ),
        (
            ben,
            [
                None,
                Some(one("ben")),
                Some(vec![ward_body.clone()]),
                Some(both("ben")),
                Some(vec![ward_body.clone()]),
                Some(vec![ward_body.clone()]),
                None,
            ],
        ),
        (carl, [None, None, None, None, Some(one("carl")), None, Some(vec![])]),
        (dora, [None, None, None, None, None, None, None]),
    ];
    for (user, wanted) in wanted {
        let reply = ask(world, user, &pairs);
        for ((answer, wanted), pair) in reply["pairs"].as_array().unwrap().iter().zip(wanted).zip(&pairs) {
            match wanted {
                Some(wanted) => assert_eq!(bodies(answer), wanted, "{} {pair}", user.id),
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
    // In the order of the request, one twice.
    let reply = ask(world, ben, &["ben→anna", "anna→ben", "anna→ben"]);
    let counts: Vec<_> = reply["pairs"].as_array().unwrap().iter().map(|answer| bodies(answer).len()).collect();
    assert_eq!(counts, [0, 3, 3]);
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

/// Two devices make the first version at once: one is first, the other reads it and goes on after it.
#[test]
fn two_devices_end_with_one() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let Ward { world, anna, ben, .. } = &mut ward;
    let (annas, bens) = (anna.party(), ben.party());
    let one = make(anna, world, &no_chain(&annas, &bens), None, &known);
    let other = make(anna, world, &no_chain(&annas, &bens), None, &known);
    let more = make(anna, world, &no_chain(&annas, &annas), None, &known);
    assert_eq!(put(world, anna, &[&one.object]), json!([{ "version": 1 }]));
    // What else is in the request is taken all the same.
    let taken = put(world, anna, &[&other.object, &more.object]);
    assert_eq!(taken, json!([{ "error": "conflict" }, { "version": 1 }]));
    let reply = ask(world, anna, &["anna→ben"]);
    let objects = list(&reply["pairs"][0]["versions"]);
    let chain = Chain::read(&app(), (&annas, &bens), &refs(&objects), &learned(&reply), FIRST).unwrap();
    assert_eq!(chain.head(), one.chain.head());
    // Both go on from there: again one is first.
    let next = make(anna, world, &chain, None, &known);
    let too_late = make(anna, world, &chain, None, &known);
    assert_eq!(put(world, anna, &[&next.object]), json!([{ "version": 2 }]));
    refuse(world, "conflict", anna, &too_late.object);
    // After the one that was refused.
    let stray = make(anna, world, &other.chain, None, &known);
    refuse(world, "conflict", anna, &stray.object);
}

/// Versions that were skipped, or come in the place of another.
#[test]
fn versions_follow() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let Ward { world, anna, ben, .. } = &mut ward;
    let first = make(anna, world, &no_chain(&anna.party(), &ben.party()), None, &known);
    let second = make(anna, world, &first.chain, Some(&first.key), &known);
    let third = make(anna, world, &second.chain, Some(&second.key), &known);
    refuse(world, "conflict", anna, &second.object);
    assert_eq!(put(world, anna, &[&first.object]), json!([{ "version": 1 }]));
    refuse(world, "conflict", anna, &third.object);
    assert_eq!(put(world, anna, &[&second.object]), json!([{ "version": 2 }]));
    let replacing = make(anna, world, &first.chain, Some(&first.key), &known);
    refuse(world, "conflict", anna, &replacing.object);
    assert_eq!(put(world, anna, &[&third.object]), json!([{ "version": 3 }]));
    let given = list(&ask(world, ben, &["anna→ben"])["pairs"][0]["versions"]);
    let made = [&first.object, &second.object, &third.object];
    assert!(
        given
            .iter()
            .zip(made)
            .all(|(given, made)| { split(given, FIRST).unwrap().signed == split(made, FIRST).unwrap().signed })
    );
}

/// Who makes it: the delegator, with his newest bundle, and nobody else.
#[test]
fn another_signer() {
    let mut ward = Ward::new();
    let (group, known) = (Party::Group(*ward.log.id()), ward.knowing());
    let Ward { world, anna, ben, carl, dora, .. } = &mut ward;
    let (annas, bens) = (anna.party(), ben.party());
    let chain = no_chain(&annas, &bens);
    let made = make(anna, world, &chain, None, &known);
    // Sent by the delegate, or by somebody else.
    refuse(world, "forbidden", ben, &made.object);
    refuse(world, "forbidden", dora, &made.object);
    // Of another pair than the sender's, which he signed himself.
    let says_anna = Signer { user: Some(anna.id.clone()), identity: anna.signer().identity, ..ben.signer() };
    let forged = forge(world, &chain, &says_anna, ben, &known);
    refuse(world, "forbidden", ben, &forged);
    // Her bundle, and another's signature; her signature, and another's bundle.
    let others = Signer { key: ben.signer().key, ..anna.signer() };
    let forged = forge(world, &chain, &others, ben, &known);
    refuse(world, "bad-signature", anna, &forged);
    let others = Signer { bundle: ben.signer().bundle, ..anna.signer() };
    let forged = forge(world, &chain, &others, anna, &known);
    refuse(world, "forbidden", anna, &forged);
    // In the right of a group to which the sender doesn't belong.
    let of_ward = no_chain(&group, &bens);
    let as_ben = Signer { user: Some(ben.id.clone()), identity: ben.signer().identity, ..carl.signer() };
    let forged = forge(world, &of_ward, &as_ben, carl, &known);
    refuse(world, "forbidden", carl, &forged);
    let by_anna = make(anna, world, &of_ward, None, &known);
    refuse(world, "forbidden", dora, &by_anna.object);
    // Signed by another member than the one who sends it.
    refuse(world, "forbidden", ben, &by_anna.object);
    // Of a group that isn't there.
    let (now, members) = (world.now, [member(ben, Role::Member)]);
    let (log, ..) = anna.found((&mut world.rng, now), &members, Default::default(), &known);
    let (unsent, mut more) = (Party::Group(*log.id()), directory(world, &[anna, ben]));
    more.insert_group(log).unwrap();
    let made_for_unsent = make(anna, world, &no_chain(&annas, &unsent), None, &more);
    refuse(world, "unknown-group", anna, &made_for_unsent.object);
    let made_by_unsent = make(anna, world, &no_chain(&unsent, &annas), None, &more);
    refuse(world, "unknown-group", anna, &made_by_unsent.object);
    // With an older bundle.
    anna.renewed(world, 2);
    refuse(world, "stale", anna, &made.object);
    let known = directory(world, &[anna, ben]);
    let made = make(anna, world, &chain, None, &known);
    assert_eq!(put(world, anna, &[&made.object]), json!([{ "version": 1 }]));
    assert_eq!(bodies(&ask(world, ben, &["anna→ben"])["pairs"][0]).len(), 1);
}

/// Whom it is wrapped for: those who exist, by their newest keys.
#[test]
fn other_keys() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let Ward { world, anna, ben, body, .. } = &mut ward;
    let (annas, bens) = (anna.party(), ben.party());
    let eve = User::new(&mut seeded(73), "eve");
    let unknown = make(anna, world, &no_chain(&annas, &eve.party()), None, &directory(world, &[anna, &eve]));
    refuse(world, "unknown-user", anna, &unknown.object);
    let double = User::new(&mut seeded(74), "ben");
    let other = make(anna, world, &no_chain(&annas, &double.party()), None, &directory(world, &[anna, &double]));
    refuse(world, "pin-mismatch", anna, &other.object);
    let other_app = Chain::empty(&AppId::new("other.example").unwrap(), &annas, &bens).unwrap();
    let other = make(anna, world, &other_app, None, &known);
    refuse(world, "key-mismatch", anna, &other.object);
    let made = make(anna, world, &no_chain(&annas, &bens), None, &known);
    let mut changed = made.object.clone();
    // The last byte is of a body.
    *changed.last_mut().unwrap() ^= 1;
    refuse(world, "bad-signature", anna, &changed);
    refuse(world, "invalid-argument", anna, &split(&made.object, FIRST).unwrap().signed);
    ben.renewed(world, 2);
    refuse(world, "stale", anna, &made.object);
    // What is no exchange key ends the request, and nothing of it is taken.
    let good = make(anna, world, &no_chain(&annas, &annas), None, &known);
    for (code, bad) in [
        ("invalid-format", made.object[..40].to_vec()),
        ("invalid-format", unb64(&body["genesis"])),
        ("limit", vec![0; (8 << 10) + 1]),
    ] {
        world.refuse(code, Some(anna), "POST", PATH, json!({ "items": [b64(&good.object), b64(bad)] }));
    }
    assert_eq!(ask(world, anna, &["anna→anna"])["pairs"], json!([{ "versions": [], "more": false }]));
    for (code, count) in [("invalid-argument", 0), ("limit", 101)] {
        world.refuse(code, Some(anna), "POST", PATH, json!({ "items": vec![b64(&good.object); count] }));
    }
    assert_eq!(put(world, anna, &vec![&good.object; 100]), json!(vec![json!({ "version": 1 }); 100]));
    for pair in ["anna", "anna→", "anna→ben→carl", "anna->ben", "a\nb→anna", ""] {
        world.refuse("invalid-argument", Some(anna), "POST", "/v1/keys", asking(&[pair]));
    }
    world.refuse("limit", Some(anna), "POST", "/v1/keys", asking(&["anna→anna"; 1_001]));
}

/// In the right of a group: its state as the server has it, and never an older one than before.
#[test]
fn states_of_a_group() {
    let mut ward = Ward::new();
    let (group, carl, dora) = (Party::Group(*ward.log.id()), take(&mut ward.carl), take(&mut ward.dora));
    let (old, chain) = (knowing(&ward, &ward.log, &[&carl, &dora]), no_chain(&group, &carl.party()));
    // A state that the server doesn't have yet, and later another one than its own.
    let fork = [member(&dora, Role::Member)];
    let forked = ward.anna.sign_at(ward.world.now, |hand| ward.log.add(hand, &fork, &ward.epochs, &old).unwrap().log);
    let forked = knowing(&ward, &forked, &[&carl, &dora]);
    let ahead = make(&ward.anna, &mut ward.world, &chain, None, &forked);
    refuse(&mut ward.world, "rollback", &ward.anna, &ahead.object);
    let body = ward.adds(&[member(&carl, Role::Member)]);
    ward.send(body);
    refuse(&mut ward.world, "fork", &ward.anna, &ahead.object);
    let new = knowing(&ward, &ward.log, &[&carl, &dora]);
    // Who came later signs in the state before.
    let as_ben = Signer { user: Some(ward.ben.id.clone()), identity: ward.ben.signer().identity, ..carl.signer() };
    let too_early = forge(&mut ward.world, &chain, &as_ben, &carl, &old);
    refuse(&mut ward.world, "forbidden", &carl, &too_early);
    // A member's, in a state that wasn't the newest: it was one. After the newest, it is one no more.
    let first = make(&ward.ben, &mut ward.world, &chain, None, &old);
    assert_eq!(put(&mut ward.world, &ward.ben, &[&first.object]), json!([{ "version": 1 }]));
    let second = make(&carl, &mut ward.world, &first.chain, None, &new);
    assert_eq!(put(&mut ward.world, &carl, &[&second.object]), json!([{ "version": 2 }]));
    // Carl wasn't there in the state before; Ben was, but it has been passed.
    let third = make(&carl, &mut ward.world, &second.chain, Some(&second.key), &new);
    refuse(&mut ward.world, "forbidden", &carl, &restated(&third.object, &carl, (&new, &old)));
    let by_ben = make(&ward.ben, &mut ward.world, &second.chain, Some(&second.key), &new);
    refuse(&mut ward.world, "rollback", &ward.ben, &restated(&by_ben.object, &ward.ben, (&new, &old)));
    // A new epoch: what is wrapped for the one before, and then for a group that nobody vouches for.
    let before = make(&ward.ben, &mut ward.world, &second.chain, Some(&second.key), &new);
    let rotation = ward.rotates();
    ward.send(rotation);
    refuse(&mut ward.world, "stale", &ward.ben, &before.object);
    let newest = knowing(&ward, &ward.log, &[&carl, &dora]);
    let third = make(&ward.ben, &mut ward.world, &second.chain, Some(&second.key), &newest);
    ward.world.now += 2 * DAY;
    refuse(&mut ward.world, "stale", &ward.ben, &third.object);
    ward.refresh();
    // The same key, said to be another epoch's.
    let epochs = |epoch: u8| [0x0d, 0x82, epoch, 0xf6];
    for (code, epoch) in [("key-mismatch", 0), ("rollback", 2)] {
        let said = rewritten(&third.object, &ward.ben, &epochs(1), &epochs(epoch));
        refuse(&mut ward.world, code, &ward.ben, &said);
    }
    assert_eq!(put(&mut ward.world, &ward.ben, &[&third.object]), json!([{ "version": 3 }]));
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
fn knowing(ward: &Ward, log: &Log, more: &[&User]) -> Directory {
    let mut known = directory(&ward.world, &[&[&ward.anna, &ward.ben], more].concat());
    known.insert_group(log.clone()).unwrap();
    known
}

/// An object of which some bytes of what is signed are others, signed again.
fn rewritten(object: &[u8], by: &User, from: &[u8], to: &[u8]) -> Vec<u8> {
    use ed25519_dalek::{Signer, SigningKey};
    let mut d = minicbor::Decoder::new(object);
    d.array().unwrap();
    d.u8().unwrap();
    let payload = d.bytes().unwrap();
    d.bytes().unwrap();
    let bodies = &object[d.position()..];
    let places: Vec<_> = payload.windows(from.len()).enumerate().filter(|(_, window)| *window == from).collect();
    let [(place, _)] = places[..] else { panic!("{} places", places.len()) };
    let payload = [&payload[..place], to, &payload[place + from.len()..]].concat();
    let text = [b"wardkey/v1/exchange-key\0".as_slice(), &payload].concat();
    let signature = SigningKey::from_bytes(by.signing[0].seed().expose()).sign(&text).to_bytes();
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(4).unwrap().u8(1).unwrap().bytes(&payload).unwrap().bytes(&signature).unwrap();
    [e.into_writer(), bodies.to_vec()].concat()
}

/// In the right of another state of the group.
fn restated(object: &[u8], by: &User, (from, to): (&Directory, &Directory)) -> Vec<u8> {
    let state = |known: &Directory| {
        let head = known.groups().next().unwrap().head();
        [&[head.sequence as u8, 0x58, 32][..], &head.hash].concat()
    };
    rewritten(object, by, &state(from), &state(to))
}
