//! API section 6.3.

use serde_json::{Value, json};
use wardkey::{session::Rights, session::split, signed::Hash};
use wardkey_rules::{Body, Caller, GroupStore as _, Logged, Request, Store as _, read_apart};

use crate::{
    failing::Failing,
    sessions::Scene,
    user::{User, items, with},
    ward::{Ward, with_group},
    world::{FIRST, World, list, seeded, unb64},
};

fn ask(world: &mut World, caller: &User, body: Value) -> Value {
    world.post(caller, "/v1/keys", body)
}

fn of(ids: &[&str]) -> Value {
    json!({ "sessions": ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>(), "signers": [], "groups": [] })
}

/// For whom there are bodies in a wraps object.
fn bodies(object: &Value) -> Vec<String> {
    let served = split(&unb64(object), FIRST).unwrap();
    let given = served.stanzas.into_iter().filter(|stanza| stanza.body.is_some());
    given
        .map(|stanza| match stanza.party {
            wardkey::party::Party::User { id, .. } => id.as_str().to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

fn name(identity: &Value) -> String {
    let bundle = wardkey::signed::Unverified::<wardkey::identity::Bundle>::parse(&list(identity)[0], FIRST).unwrap();
    bundle.claimed().user_id().unwrap().as_str().to_owned()
}

fn names(reply: &Value) -> Vec<String> {
    reply["identities"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn everybody_is_given_his_own() {
    let mut scene = Scene::of_two_generations();
    let Scene { world, alice, bob, carol, id, body, .. } = &mut scene;
    for (user, per_object) in [
        (&*alice, [&["alice"][..], &[], &["alice"]]),
        (&*bob, [&["bob"], &[], &["bob"]]),
        (&*carol, [&[], &["carol"], &["carol"]]),
    ] {
        let reply = ask(world, user, of(&[id]));
        let answer = &reply["sessions"][0];
        assert_eq!(answer["genesis"], body["genesis"]);
        assert_eq!(list(&answer["entries"]).len(), 2);
        let found: Vec<_> = answer["wraps"].as_array().unwrap().iter().map(bodies).collect();
        assert_eq!(found, per_object, "{}", user.id);
        assert_eq!(names(&reply), ["alice"]);
        assert_eq!((&reply["groups"], reply.get("feed")), (&json!([]), None));
    }
    let journal = world.journal(alice, Some(id));
    assert_eq!(&journal[3..], ["alice", "bob", "carol"].map(|name| format!("{name} release generation=1")));
}

#[test]
fn after_a_sequence() {
    let mut scene = Scene::of_two_generations();
    let Scene { world, alice, bob, id, .. } = &mut scene;
    let released = world.journal(alice, Some(id)).len();
    for (after, entries, wraps) in [(0, 2, 2), (1, 1, 1), (2, 0, 0), (1_u64 << 50, 0, 0)] {
        let body = json!({ "sessions": [{ "id": id, "after": after }], "signers": [], "groups": [] });
        let reply = ask(world, bob, body);
        let answer = &reply["sessions"][0];
        assert_eq!(answer["genesis"], Value::Null);
        assert_eq!((list(&answer["entries"]).len(), list(&answer["wraps"]).len()), (entries, wraps), "{after}");
        assert_eq!(names(&reply).len(), usize::from(entries > 0));
    }
    // A release where a body was given, and only there.
    assert_eq!(world.journal(alice, Some(id)).len(), released + 2);
}

#[test]
fn errors_stand_in_their_place() {
    let mut scene = Scene::new();
    let bob_party = scene.bob.party();
    let made = scene.revoke(&[bob_party]);
    scene.send(made);
    let Scene { world, alice, bob, carol, id, .. } = &mut scene;
    let unknown = Hash([3; 32]).to_string();
    let reply = ask(world, bob, of(&[&unknown, id]));
    assert_eq!(reply["sessions"], json!([{ "error": "unknown-session" }, { "error": "revoked" }]));
    assert_eq!(reply["identities"], json!([]));
    assert_eq!(ask(world, carol, of(&[id]))["sessions"], json!([{ "error": "not-a-recipient" }]));
    let reply = ask(world, alice, of(&[&unknown, id]));
    assert!(reply["sessions"][1]["genesis"].is_string());
    assert_eq!(ask(world, alice, of(&[]))["sessions"], json!([]));
}

/// Who has a right without read reads the log, and gets no body.
#[test]
fn without_read() {
    let mut scene = Scene::new();
    let carol = with(&scene.carol, Rights::REVOKE);
    let made = scene.grant(&[carol]);
    scene.send(made);
    let before = scene.world.journal(&scene.alice, Some(&scene.id)).len();
    let carol = std::mem::replace(&mut scene.carol, User::new(&mut seeded(70), "x"));
    let answer = scene.read(&carol);
    assert_eq!(list(&answer["entries"]).len(), 1);
    assert!(answer["wraps"].as_array().unwrap().iter().all(|wraps| bodies(wraps).is_empty()));
    assert_eq!(scene.world.journal(&carol, Some(&scene.id)).len(), before);
    // And may do what it has the right to.
    let made = carol.sign(|hand| scene.session.revoke(hand, &[scene.bob.party()], &scene.directory).unwrap());
    scene.world.post(&carol, &scene.path, items(&[&made]));
}

/// Who could read once, and has another right now, isn't given what was wrapped for him.
#[test]
fn read_no_more() {
    let mut scene = Scene::new();
    let bob_party = scene.bob.party();
    let made = scene.revoke(&[bob_party]);
    scene.send(made);
    let bob_revokes = with(&scene.bob, Rights::REVOKE);
    let made = scene.grant(&[bob_revokes]);
    scene.send(made);
    let bob = std::mem::replace(&mut scene.bob, User::new(&mut seeded(70), "x"));
    let answer = scene.read(&bob);
    assert_eq!(list(&answer["entries"]).len(), 2);
    assert!(answer["wraps"].as_array().unwrap().iter().all(|wraps| bodies(wraps).is_empty()));
}

#[test]
fn signers_and_feed_come_along() {
    let mut scene = Scene::new();
    let Scene { world, alice, bob, carol, id, .. } = &mut scene;
    let carols = carol.identity().newest().hash().to_string();
    let alices = alice.identity().newest().hash().to_string();
    let body = json!({ "sessions": [{ "id": id }], "signers": [carols, alices, Hash([1; 32]).to_string()], "groups": [], "cursor": null });
    let reply = ask(world, bob, body);
    assert_eq!(names(&reply), ["alice", "carol"]);
    assert_eq!((&reply["feed"]["reset"], &reply["feed"]["items"]), (&json!(true), &json!([])));
    let cursor = reply["feed"]["cursor"].clone();
    let bob_party = scene.bob.party();
    let made = scene.revoke(&[bob_party]);
    scene.send(made);
    let body = json!({ "sessions": [], "signers": [], "groups": [], "cursor": cursor });
    let reply = ask(&mut scene.world, &scene.bob, body);
    assert_eq!(reply["feed"]["items"], json!([{ "sessionId": scene.id, "revoked": true }]));
}

#[test]
fn many_in_one_request() {
    let mut world = World::new();
    let mut alice = User::registered(&mut world, "alice");
    let known = crate::user::directory(&world, &[&alice]);
    let mut ids = Vec::new();
    for seed in 0..20 {
        let grants = [with(&alice, Rights::MANAGE)];
        let (session, body) = alice.session(&mut seeded(200 + seed), &grants, &known);
        world.post(&alice, "/v1/sessions", body);
        ids.push(session.log().id().to_string());
    }
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let reply = ask(&mut world, &alice, of(&ids));
    let answers = reply["sessions"].as_array().unwrap();
    let found: Vec<_> = answers.iter().map(|answer| Hash(*hash(&answer["genesis"])).to_string()).collect();
    assert_eq!(found, ids);
    assert_eq!(names(&reply), ["alice"]);
}

fn hash(genesis: &Value) -> Box<[u8; 32]> {
    let genesis = wardkey::signed::Unverified::<wardkey::session::Genesis>::parse(&unb64(genesis), FIRST).unwrap();
    Box::new(genesis.hash().0)
}

/// What is read of logs, wraps and groups for one request, and the answers.
fn contents(world: &mut World, caller: &User, body: &Value) -> (Vec<String>, Value) {
    let request = Request {
        now_ms: world.now,
        caller: Some(Caller::User(&caller.id)),
        method: "POST",
        path: "/v1/keys",
        idempotency_key: None,
        body: Body::Json(body),
    };
    let mut store = Failing::new(&mut world.store, 0, false);
    let (reply, _) = read_apart(&world.server, &mut store, &mut seeded(7), &request).unwrap();
    (store.contents, reply.json)
}

/// Who has no right costs a look at that; who has none to read, the log.
#[test]
fn nothing_is_read_for_who_is_given_nothing() {
    let mut scene = Scene::new();
    let bob_party = scene.bob.party();
    let made = scene.revoke(&[bob_party]);
    scene.send(made);
    let revokes = with(&scene.carol, Rights::REVOKE);
    let made = scene.grant(&[revokes]);
    scene.send(made);
    let Scene { world, alice, bob, carol, id, .. } = &mut scene;
    let stranger = User::registered(world, "stranger");
    let body = of(&[id, &Hash([3; 32]).to_string()]);
    for (user, code) in [(&*bob, "revoked"), (&stranger, "not-a-recipient")] {
        let (read, reply) = contents(world, user, &body);
        assert_eq!(read, [""; 0], "{}", user.id);
        assert_eq!(reply["sessions"], json!([{ "error": code }, { "error": "unknown-session" }]));
    }
    let (read, _) = contents(world, carol, &body);
    assert!(read.len() == 2 && read[0].starts_with("log ") && read[1].ends_with(", 0, [])"), "{read:?}");
    let (read, _) = contents(world, alice, &body);
    assert!(read.len() == 2 && read[1].contains("alice") && !read[1].contains("bob"), "{read:?}");
}

#[test]
fn nothing_is_asked_for_twice() {
    let mut scene = Scene::new();
    let Scene { world, alice, id, .. } = &mut scene;
    let (one, other) = (json!({ "id": id }), json!({ "id": id, "after": 0 }));
    let pair = json!({ "pair": "alice→bob" });
    for (sessions, groups, pairs) in [
        (json!([one, other]), json!([]), json!([])),
        (json!([]), json!([one, one]), json!([])),
        (json!([]), json!([]), json!([pair, pair])),
    ] {
        let body = json!({ "sessions": sessions, "signers": [], "groups": groups, "pairs": pairs });
        world.refuse("invalid-argument", Some(alice), "POST", "/v1/keys", body);
    }
    // A session and a group may have one name.
    ask(world, alice, json!({ "sessions": [one], "signers": [], "groups": [one], "pairs": [pair] }));
}

/// A reply holds so much, and at least the first of what is asked for; what is beyond isn't read once it is full, and is asked for again.
#[test]
fn a_reply_has_an_end() {
    const MIB: usize = 1 << 20;
    let mut ward = Ward::new();
    let (group, mut ids) = (*ward.log.id(), Vec::new());
    let known = ward.knowing();
    for seed in 0..4 {
        let grants = [with(&ward.anna, Rights::MANAGE), with_group(&ward.log, Rights::READ)];
        let (session, body) = ward.anna.session(&mut seeded(200 + seed), &grants, &known);
        ward.world.post(&ward.anna, "/v1/sessions", body);
        ids.push(*session.log().id());
    }
    let Ward { world, anna, .. } = &mut ward;
    let object = |bytes| Logged { sequence: 9, signer: None, object: vec![7; bytes] };
    for (id, size) in ids.iter().zip([40, 15, 15, 15]) {
        world.store.add_logged(id, &object(size * MIB)).unwrap();
    }
    world.store.add_operation(&group, &object(20 * MIB)).unwrap();
    world.store.commit();
    let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let places = |answers: &Value| -> Vec<bool> {
        let is_given = |answer: &Value| {
            let is_given = answer.get("error").is_none();
            assert!(is_given || answer["error"] == "limit", "{}", answer["error"]);
            is_given
        };
        answers.as_array().unwrap().iter().map(is_given).collect()
    };
    // The first, however large; after it nothing.
    let (read, reply) = contents(world, anna, &of(&texts.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(read.len(), 2, "{read:?}");
    assert_eq!((places(&reply["sessions"]), places(&reply["groups"])), (vec![true, false, false, false], vec![false]));
    assert_eq!(reply["groups"][0]["id"], json!(group.to_string()));
    assert_eq!(names(&reply), ["anna"]);
    // What fits together; nothing more after what didn't, not even what is small.
    let (read, reply) = contents(world, anna, &of(&[&texts[1], &texts[2], &texts[3], &Hash([3; 32]).to_string()]));
    assert_eq!(read.len(), 6, "{read:?}");
    assert_eq!((places(&reply["sessions"]), places(&reply["groups"])), (vec![true, true, false, false], vec![false]));
    // Sessions come first, then groups. Who isn't given a group's log isn't told of it.
    let body = |id: &str| json!({ "sessions": [{ "id": id, "after": 1 }], "signers": [], "groups": [{ "id": group.to_string() }] });
    let (_, reply) = contents(world, anna, &body(&texts[1]));
    assert_eq!((places(&reply["sessions"]), places(&reply["groups"])), (vec![true], vec![false]));
    let (_, reply) =
        contents(world, anna, &json!({ "sessions": [], "signers": [], "groups": [{ "id": group.to_string() }] }));
    assert_eq!(places(&reply["groups"]), [true]);
    // Of who was refused nothing counts.
    let (_, reply) = contents(world, anna, &of(&[&Hash([3; 32]).to_string(), &texts[0]]));
    assert_eq!(reply["sessions"][0], json!({ "error": "unknown-session" }));
    assert!(reply["sessions"][1]["genesis"].is_string());
}
