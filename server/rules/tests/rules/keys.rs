//! API section 6.3.

use serde_json::{Value, json};
use wardkey::{session::Rights, session::split, signed::Hash};

use crate::{
    sessions::Scene,
    user::{User, items, with},
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
    let reply = ask(world, alice, of(&[&unknown, id, id]));
    assert!(reply["sessions"][1]["genesis"].is_string());
    assert_eq!(reply["sessions"][1], reply["sessions"][2]);
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
