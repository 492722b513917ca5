//! API section 10.

use serde_json::{Value, json};
use wardkey::{journal::Subject, signed::Hash};
use wardkey_rules::{Body, Caller, Request};

use crate::{
    once::once,
    sessions::Scene,
    user::User,
    ward::Ward,
    world::{DAY, World, b64, list, seeded, unb64},
};

fn ask(world: &mut World, what: &str, body: &Value) -> Value {
    let reply = world.application("POST", &format!("/v1/admin/{what}"), body).unwrap();
    world.events.extend(reply.events);
    reply.json
}

fn disable(world: &mut World, name: &str, disabled: bool) {
    assert_eq!(ask(world, "disable", &json!({ "userId": name, "disabled": disabled })), json!({}));
}

const PATHS: [&str; 3] = ["/v1/admin/user", "/v1/admin/disable", "/v1/admin/journal"];

#[test]
fn who_may_ask() {
    let mut world = World::new();
    let alice = User::registered(&mut world, "alice");
    for path in PATHS {
        let body = json!({ "userId": "alice" });
        assert_eq!(world.refuse("forbidden", Some(&alice), "POST", path, body.clone()).status(), 403);
        assert_eq!(world.refuse("forbidden", None, "POST", path, body.clone()).status(), 401);
        for body in [json!({}), json!({ "userId": 1 }), json!({ "userId": "" }), json!({ "userId": "alice", "x": 1 })] {
            let error = world.application("POST", path, &body).unwrap_err();
            assert_eq!(error.code().as_str(), "invalid-argument", "{path} {body}");
        }
    }
}

#[test]
fn a_users_state() {
    let mut world = World::new();
    let mut alice = User::reachable(&mut world, "alice");
    let nobody = ask(&mut world, "user", &json!({ "userId": "nobody" }));
    let none = json!({ "recoveryStarts": 0, "recoveryTries": 0, "claimStarts": 0, "claimTries": 0 });
    let expected = json!({
        "registered": false, "disabled": false, "bundles": [], "backup": null, "pending": null, "contact": null,
        "groups": [], "today": none,
    });
    assert_eq!(nobody, expected);

    let bundle = alice.renew(&mut seeded(91));
    let mut whole = alice.write(&mut world, 2, true);
    whole["bundle"] = b64(bundle);
    world.call(Some(&alice), "PUT", "/v1/backup/pending", whole);
    world.post(&alice, "/v1/backup/activate", json!({ "version": 2 }));
    let pending = alice.write(&mut world, 3, true);
    world.call(Some(&alice), "PUT", "/v1/backup/pending", pending);
    let started = world.call(None, "POST", "/v1/public/recoveries", json!({ "userId": "alice" }));
    let path = format!("/v1/public/recoveries/{}/code", started["recoveryId"].as_str().unwrap());
    let wrong = json!({ "code": "x", "key": b64(alice.pairs[0].public_key().as_bytes()) });
    world.refuse("otp-wrong", None, "POST", &path, wrong);
    let state = ask(&mut world, "user", &json!({ "userId": "alice" }));
    let identity = alice.identity();
    let fingerprints: Vec<_> = identity.bundles().iter().map(|bundle| b64(bundle.hash().0)).collect();
    assert_eq!(fingerprints[0], b64(identity.fingerprint().0));
    let expected = json!({
        "registered": true,
        "disabled": false,
        "bundles": [{ "version": 1, "fingerprint": fingerprints[0] }, { "version": 2, "fingerprint": fingerprints[1] }],
        "backup": 2,
        "pending": 3,
        "contact": "a•••@hospital.example",
        "groups": [],
        "today": { "recoveryStarts": 1, "recoveryTries": 1, "claimStarts": 0, "claimTries": 0 },
    });
    assert_eq!(state, expected);
    world.now += DAY;
    assert_eq!(ask(&mut world, "user", &json!({ "userId": "alice" }))["today"], none);

    let mut ward = Ward::new();
    let state = ask(&mut ward.world, "user", &json!({ "userId": "ben" }));
    assert_eq!(state["groups"], json!([ward.id]));
}

#[test]
fn disabled() {
    let mut world = World::new();
    let alice = User::reachable(&mut world, "alice");
    let bob = User::registered(&mut world, "bob");
    let started = world.call(None, "POST", "/v1/public/recoveries", json!({ "userId": "alice" }));
    let recovery = format!("/v1/public/recoveries/{}", started["recoveryId"].as_str().unwrap());
    let code = world.mails[0].code.clone();
    let answer = json!({ "code": code, "key": b64(alice.pairs[0].public_key().as_bytes()) });
    once(&mut world, None, "k", &format!("{recovery}/code"), &answer).unwrap();
    let before = world.call(Some(&alice), "GET", "/v1/backup", None);
    world.pushed();

    for _ in 0..2 {
        disable(&mut world, "alice", true);
    }
    assert_eq!(world.pushed(), ["alice null"], "her streams end, once");
    assert_eq!(ask(&mut world, "user", &json!({ "userId": "alice" }))["disabled"], json!(true));
    for (method, path) in [
        ("POST", "/v1/register"),
        ("GET", "/v1/backup"),
        ("PUT", "/v1/backup"),
        ("POST", "/v1/directory"),
        ("POST", "/v1/keys"),
        ("POST", "/v1/feed"),
        ("POST", "/v1/journal"),
        ("GET", "/v1/events"),
    ] {
        let body = if method == "GET" { None } else { Some(json!({})) };
        assert_eq!(world.refuse("forbidden", Some(&alice), method, path, body).status(), 403);
    }
    let start = json!({ "userId": "alice" });
    world.refuse("forbidden", None, "POST", "/v1/public/recoveries", start.clone());
    world.refuse("forbidden", None, "POST", &format!("{recovery}/code"), answer.clone());
    world.refuse("forbidden", None, "PUT", &format!("{recovery}/pending"), json!({}));
    world.refuse("forbidden", None, "POST", &format!("{recovery}/activate"), json!({}));
    // Not even what was answered already.
    let again = once(&mut world, None, "k", &format!("{recovery}/code"), &answer);
    assert_eq!(again.unwrap_err().code().as_str(), "forbidden");
    // Others aren't, and still find her.
    let asked = json!({ "userIds": ["alice"], "bundles": [] });
    assert_eq!(world.post(&bob, "/v1/directory", asked)["identities"].as_array().unwrap().len(), 1);

    world = world.copy();
    world.refuse("forbidden", Some(&alice), "GET", "/v1/backup", None);
    disable(&mut world, "alice", false);
    assert_eq!(world.pushed(), [""; 0]);
    assert_eq!(world.call(Some(&alice), "GET", "/v1/backup", None), before);
    world.call(None, "POST", "/v1/public/recoveries", start);
    let journal = world.journal(&alice, None);
    let told = journal.iter().filter(|line| line.contains("able")).collect::<Vec<_>>();
    assert_eq!(told, ["- disable", "- enable"]);

    // Who isn't registered can't register.
    disable(&mut world, "dave", true);
    let mut dave = User::new(&mut seeded(90), "dave");
    let registration = dave.registration(&mut world, None);
    world.refuse("forbidden", Some(&dave), "POST", "/v1/register", registration.clone());
    disable(&mut world, "dave", false);
    world.post(&dave, "/v1/register", registration);
}

#[test]
fn any_journal() {
    let mut scene = Scene::new();
    let world = &mut scene.world;
    let actions = |reply: &Value| {
        let entries = list(&reply["entries"]);
        entries.iter().map(|entry| wardkey::journal::Entry::from_bytes(entry).unwrap().action).collect::<Vec<_>>()
    };
    let reply = ask(world, "journal", &json!({ "userId": null, "sessionId": scene.id, "after": 0 }));
    assert_eq!(actions(&reply), ["create"]);
    let reply = ask(world, "journal", &json!({ "userId": "alice", "after": 0 }));
    assert_eq!(actions(&reply), ["register"]);
    let reply = ask(world, "journal", &json!({ "userId": "alice", "after": 1 }));
    assert_eq!(actions(&reply), [""; 0]);
    let head = |reply: &Value| {
        let (entries, head) = (list(&reply["entries"]), unb64(&reply["head"]));
        let reading = wardkey::journal::Reading {
            subject: &Subject::Session(Hash([7; 32])),
            after: 0,
            entries: &crate::world::refs(&entries),
            head: &head,
        };
        wardkey::journal::verify(&reading, scene.world.server.identity(), None, crate::world::FIRST).unwrap().1
    };
    let unknown = json!({ "sessionId": Hash([7; 32]).to_string(), "after": 0 });
    let server = Caller::Application;
    let asked = Request {
        now_ms: scene.world.now,
        caller: Some(server),
        method: "POST",
        path: "/v1/admin/journal",
        idempotency_key: None,
        body: Body::Json(&unknown),
    };
    let reply = scene.world.store.request(&scene.world.server, &mut scene.world.rng, &asked).unwrap();
    assert_eq!(head(&reply.json), wardkey::journal::Place::START);
    for body in [
        json!({ "after": 0 }),
        json!({ "userId": "alice", "sessionId": scene.id, "after": 0 }),
        json!({ "userId": null, "after": 0 }),
        json!({ "userId": "alice" }),
        json!({ "userId": "alice", "after": 0, "proofs": 1 }),
    ] {
        let error = scene.world.application("POST", "/v1/admin/journal", &body).unwrap_err();
        assert_eq!(error.code().as_str(), "invalid-argument", "{body}");
    }
}
