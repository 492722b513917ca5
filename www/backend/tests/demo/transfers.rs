use serde_json::{Value, json};
use wardkey::encoding::base64url;

use crate::world::{World, id, session};

fn create(number: u8, to: &str, sealed: &[u8]) -> Value {
    json!({ "id": id(number), "sessionId": session(number), "to": to, "sealed": base64url(sealed), "files": [] })
}

#[test]
fn a_transfer_goes_its_way() {
    let world = World::start();
    let (ada, bert) = (world.first("ada", "a"), world.first("bert", "b"));
    let sent = ada.ask("POST", "/api/transfers", Some(create(1, "b", b"sealed"))).ok();
    for (member, value) in [
        ("id", json!(id(1))),
        ("sessionId", json!(session(1))),
        ("from", json!("a")),
        ("to", json!("b")),
        ("createdBy", json!("ada")),
        ("state", json!("sent")),
        ("sealed", json!(base64url(b"sealed"))),
    ] {
        assert_eq!(sent[member], value, "{member}");
    }
    let path = format!("/api/transfers/{}", id(1));
    assert_eq!(bert.ask("GET", &path, None).ok(), sent);
    let state =
        |state: &str, number: u8| Some(json!({ "id": id(number), "state": state, "sealed": base64url(b"why") }));
    let change = format!("{path}/state");
    ada.ask("POST", &change, state("accepted", 1)).is(403, "forbidden");
    bert.ask("POST", &change, state("withdrawn", 1)).is(403, "forbidden");
    bert.ask("POST", &change, state("sent", 1)).is(400, "invalid-argument");
    for _ in 0..2 {
        assert_eq!(bert.ask("POST", &change, state("accepted", 1)).ok()["state"], "accepted");
    }
    bert.ask("POST", &change, state("accepted", 2)).is(409, "conflict");
    bert.ask("POST", &change, state("declined", 2)).is(409, "conflict");

    let messages = format!("{path}/messages");
    let write = |number: u8, text: &[u8]| Some(json!({ "id": id(number), "sealed": base64url(text) }));
    let written = ada.ask("POST", &messages, write(2, b"one")).ok();
    assert_eq!((&written["by"], &written["transferId"]), (&json!("ada"), &json!(id(1))));
    assert_eq!(ada.ask("POST", &messages, write(2, b"one")).ok(), written);
    ada.ask("POST", &messages, write(2, b"other")).is(409, "conflict");
    bert.ask("POST", &messages, write(2, b"one")).is(409, "conflict");
    bert.ask("POST", &messages, Some(json!({ "sealed": base64url(b"two") }))).ok();
    let listed = ada.ask("GET", &messages, None).ok();
    let texts: Vec<_> = listed["messages"].as_array().unwrap().iter().map(|one| one["sealed"].clone()).collect();
    assert_eq!(texts, [b"why", b"one", b"two"].map(|text| json!(base64url(text))));
    assert_eq!(listed["more"], false);
    let later = ada.ask("GET", &format!("{messages}?after={}", id(2)), None).ok();
    assert_eq!(later["messages"].as_array().unwrap().len(), 1);
    ada.ask("GET", &format!("{messages}?after={}", id(9)), None).is(400, "invalid-argument");

    // What was answered is taken back, once, and stays so.
    for _ in 0..2 {
        assert_eq!(ada.ask("POST", &change, state("withdrawn", 3)).ok()["state"], "withdrawn");
    }
    ada.ask("POST", &change, state("withdrawn", 4)).is(409, "conflict");
    bert.ask("POST", &change, state("accepted", 4)).is(409, "conflict");
}

#[test]
fn sent_again_it_is_the_same_one() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let bob = ada.colleague("bob");
    let first = ada.ask("POST", "/api/transfers", Some(create(1, "b", b"sealed"))).ok();
    assert_eq!(ada.ask("POST", "/api/transfers", Some(create(1, "b", b"sealed"))).ok(), first);
    ada.ask("POST", "/api/transfers", Some(create(1, "b", b"other"))).is(409, "conflict");
    ada.ask("POST", "/api/transfers", Some(create(1, "c", b"sealed"))).is(409, "conflict");
    bob.ask("POST", "/api/transfers", Some(create(1, "b", b"sealed"))).is(409, "conflict");
    assert_eq!(ada.ask("GET", "/api/transfers", None).ok()["transfers"], json!([first]));
}

/// Else whoever was told of it once could be shown its rows as its sender.
#[test]
fn a_session_is_of_one_transfer() {
    let world = World::start();
    let (ada, bert) = (world.first("ada", "a"), world.first("bert", "b"));
    ada.ask("POST", "/api/transfers", Some(create(1, "b", b"sealed"))).ok();
    let mut other = create(2, "a", b"sealed");
    other["sessionId"] = json!(session(1));
    bert.ask("POST", "/api/transfers", Some(other.clone())).is(409, "conflict");
    other["to"] = json!("c");
    ada.ask("POST", "/api/transfers", Some(other)).is(409, "conflict");
    assert_eq!(ada.ask("GET", "/api/transfers", None).ok()["transfers"].as_array().unwrap().len(), 1);
}

#[test]
fn malformed_transfers_leave_nothing() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let with = |name: &str, value: Value| {
        let mut body = create(1, "b", b"sealed");
        body[name] = value;
        Some(body)
    };
    for body in [
        with("id", json!("short")),
        with("sessionId", json!("short")),
        with("to", json!("a")),
        with("to", json!("nowhere")),
        with("sealed", json!("")),
        with("sealed", json!("=")),
        with("files", json!([id(1)])),
        with("at", json!(1_700_000_000)),
        with("state", json!("accepted")),
        Some(json!({})),
    ] {
        ada.ask("POST", "/api/transfers", body).is(400, "invalid-argument");
    }
    let large = base64url(&vec![0; (64 << 10) + 1]);
    ada.ask("POST", "/api/transfers", with("sealed", json!(large))).is(413, "too-large");
    for query in ["box=up", "after=x", "before=1.5"] {
        ada.ask("GET", &format!("/api/transfers?{query}"), None).is(400, "invalid-argument");
    }
    assert_eq!(ada.ask("GET", "/api/transfers", None).ok()["transfers"], json!([]));
}

#[test]
fn lists_say_what_changed_and_go_on() {
    // Times of the past are for who fills the demo.
    let mut world = World::with(&["--seeding"]);
    let (ada, bert) = (world.first("ada", "a"), world.first("bert", "b"));
    for number in 0..=250 {
        let mut body = create(number, "b", &[number]);
        body["at"] = json!(1_700_000_000 + u32::from(number));
        ada.ask("POST", "/api/transfers", Some(body.clone())).ok();
        // As many more, with ids of the server's.
        body.as_object_mut().unwrap().remove("id");
        body["sessionId"] = json!(base64url(&[[255; 16], [number; 16]].concat()));
        ada.ask("POST", "/api/transfers", Some(body)).ok();
    }
    bert.send("a", b"back");
    let ids = |list: &Value| -> Vec<String> {
        list["transfers"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let list = |query: &str| ada.ask("GET", &format!("/api/transfers?{query}"), None).ok();
    let first = list("");
    assert_eq!(ids(&first).len(), 500);
    let second = list(&format!("before={}", first["next"].as_str().unwrap()));
    assert_eq!((ids(&second).len(), &second["next"]), (3, &Value::Null));
    assert_eq!(*ids(&second).last().unwrap(), id(0));
    assert_eq!(second["transfers"][2]["createdAt"], "2023-11-14T22:13:20.000Z");
    assert_eq!(ids(&list("box=in")).len(), 1);
    assert_eq!(ids(&list("box=out")).len(), 500);
    let cursor = first["cursor"].as_str().unwrap().to_owned();
    assert_eq!(ids(&list(&format!("after={cursor}"))), [""; 0]);
    bert.ask("POST", &format!("/api/transfers/{}/messages", id(7)), Some(json!({ "sealed": base64url(b"said") }))).ok();
    let changed = list(&format!("after={cursor}"));
    assert_eq!(ids(&changed), [id(7)]);
    assert_ne!(changed["transfers"][0]["changedAt"], changed["transfers"][0]["createdAt"]);
    let cookie = ada.cookie;
    world.kill();
    world.run();
    let after = world.ask_as(&cookie, "GET", &format!("/api/transfers?after={cursor}"), None).ok();
    assert_eq!(after, changed, "as before");
}
