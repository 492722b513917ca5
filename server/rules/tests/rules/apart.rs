//! Requests that are read, and what is written after them.

use serde_json::{Value, json};
use wardkey::{identity::UserId, party::Party};
use wardkey_rules::{Body, Caller, Deferred, Event, MemoryStore, Reply, Request, is_reading, read_apart, settle};

use crate::{
    failing::Failing,
    sessions::Scene,
    user::User,
    ward::Ward,
    world::{World, seeded},
};

fn asked<'a>(now_ms: u64, user: &'a UserId, method: &'a str, path: &'a str, body: Option<&'a Value>) -> Request<'a> {
    let body = body.map_or(Body::None, Body::Json);
    Request { now_ms, caller: Some(Caller::User(user)), method, path, idempotency_key: None, body }
}

/// From a store that can't be written.
fn read(world: &World, store: &mut MemoryStore, request: &Request<'_>) -> (Reply, Deferred) {
    let mut unwritable = Failing::new(store, 0, false);
    read_apart(&world.server, &mut unwritable, &mut seeded(7), request).unwrap()
}

fn group(world: &World, store: &mut MemoryStore, user: &User, id: &str) -> (Reply, Deferred) {
    let body = json!({ "sessions": [], "signers": [], "groups": [{ "id": id }] });
    read(world, store, &asked(world.now, &user.id, "POST", "/v1/keys", Some(&body)))
}

#[test]
fn nothing_is_written_before_it_is_settled() {
    let mut scene = Scene::new();
    let (alice, now) = (scene.alice.id.clone(), scene.world.now);
    let keys = json!({ "sessions": [{ "id": scene.id }], "signers": [], "groups": [], "cursor": null });
    let (feed, journal) = (json!({ "cursor": null }), json!({ "sessionId": scene.id, "after": 0, "proofs": true }));
    let all = json!({ "userIds": ["bob"], "bundles": [] });
    for (method, path, body, notes) in [
        ("GET", "/v1/backup", None, false),
        ("POST", "/v1/directory", Some(&all), false),
        ("GET", "/v1/groups", None, false),
        ("POST", "/v1/feed", Some(&feed), false),
        ("GET", "/v1/events", None, false),
        ("POST", "/v1/journal", Some(&journal), false),
        ("POST", "/v1/keys", Some(&keys), true),
    ] {
        assert!(is_reading(method, path));
        let request = asked(now, &alice, method, path, body);
        let mut store = scene.world.store.clone();
        let (reply, deferred) = read(&scene.world, &mut store, &request);
        assert!(store == scene.world.store);
        assert_eq!(deferred.is_empty(), !notes, "{path}");
        // Both halves together are the whole.
        settle(&mut store, &scene.world.server, now, deferred).unwrap();
        let whole = scene.world.copy().store.request(&scene.world.server, &mut seeded(7), &request).unwrap();
        assert_eq!(whole.json, reply.json);
    }
    let (before, body) = (scene.world.journal(&scene.alice, Some(&scene.id)), Some(&keys));
    let request = asked(now, &alice, "POST", "/v1/keys", body);
    let mut copy = scene.world.store.clone();
    let (_, deferred) = read(&scene.world, &mut copy, &request);
    settle(&mut scene.world.store, &scene.world.server, now + 5, deferred).unwrap();
    let after = scene.world.journal(&scene.alice, Some(&scene.id));
    assert_eq!(after, [before, vec!["alice release generation=0".to_owned()]].concat());
}

#[test]
fn what_writes_is_answered_whole() {
    let mut scene = Scene::unsent();
    let alice = scene.alice.id.clone();
    for (method, path) in [
        ("POST", "/v1/register"),
        ("PUT", "/v1/backup"),
        ("POST", "/v1/sessions"),
        ("POST", "/v1/groups"),
        ("POST", "/v1/exchange-keys"),
        ("POST", "/v1/public/recoveries"),
        ("POST", "/v1/assignments"),
        ("POST", "/v1/admin/disable"),
        ("POST", "/v1/nothing"),
    ] {
        assert!(!is_reading(method, path), "{path}");
        let request = asked(scene.world.now, &alice, method, path, Some(&scene.body));
        let mut rng = seeded(7);
        let error = read_apart(&scene.world.server, &mut scene.world.store, &mut rng, &request).unwrap_err();
        assert_eq!(error.code().as_str(), "server");
    }
    assert!(is_reading("POST", "/v1/public/login") && is_reading("POST", "/v1/admin/user"));
}

/// Between reading a group's log and telling so, an epoch begins: who read the old one is told all the same.
#[test]
fn an_epoch_that_begins_meanwhile() {
    let mut ward = Ward::new();
    let mut old = ward.world.store.clone();
    let read = group(&ward.world, &mut old, &ward.carl, &ward.id).1;
    let second = group(&ward.world, &mut old, &ward.carl, &ward.id).1;
    let cursor = ward.world.post(&ward.carl, "/v1/feed", json!({ "cursor": null }))["cursor"].clone();
    let ben: Party = ward.ben.party();
    let body = ward.removes(&[ben]);
    ward.send(body);
    ward.world.pushed();
    let events = settle(&mut ward.world.store, &ward.world.server, ward.world.now, read).unwrap();
    assert_eq!(events, [Event::Feed { user_id: ward.carl.id.clone() }]);
    let feed = ward.world.post(&ward.carl, "/v1/feed", json!({ "cursor": cursor }));
    assert_eq!(feed["items"], json!([{ "groupId": ward.id, "epoch": 1, "revoked": false }]));
    // He is told now: once is enough.
    assert_eq!(settle(&mut ward.world.store, &ward.world.server, ward.world.now, second).unwrap(), []);
    let body = ward.rotates();
    ward.send(body);
    assert_eq!(ward.world.pushed().len(), 2, "Anna, Carl");

    // Who read the newest log hasn't missed anything.
    let mut newest = ward.world.store.clone();
    let read = group(&ward.world, &mut newest, &ward.dora, &ward.id).1;
    assert_eq!(settle(&mut ward.world.store, &ward.world.server, ward.world.now, read).unwrap(), []);
}
