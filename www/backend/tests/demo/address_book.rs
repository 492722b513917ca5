use serde_json::{Value, json};
use wardkey::encoding::base64url;

use crate::world::World;

fn entry(number: i64, sealed: &[u8]) -> Option<Value> {
    Some(json!({ "entry": number, "sealed": base64url(sealed) }))
}

const PATH: &str = "/api/address-book";

#[test]
fn entries_follow_each_other_and_are_the_facilitys_own() {
    let world = World::start();
    let (ada, bert) = (world.first("ada", "a"), world.first("bert", "b"));
    let bob = ada.colleague("bob");
    assert_eq!(ada.ask("GET", PATH, None).ok(), json!({ "entries": [], "more": false }));
    ada.ask("POST", PATH, entry(1, b"too early")).is(409, "conflict");
    for _ in 0..2 {
        ada.ask("POST", PATH, entry(0, b"zero")).ok();
    }
    // Two at once: the second one reads, and comes after.
    bob.ask("POST", PATH, entry(0, b"other")).is(409, "conflict");
    bob.ask("POST", PATH, entry(0, b"zero")).is(409, "conflict");
    bob.ask("POST", PATH, entry(1, b"one")).ok();

    let read = ada.ask("GET", PATH, None).ok();
    let told: Vec<_> =
        read["entries"].as_array().unwrap().iter().map(|one| (&one["entry"], &one["by"], &one["sealed"])).collect();
    let (zero, one) = (json!(base64url(b"zero")), json!(base64url(b"one")));
    assert_eq!(told, [(&json!(0), &json!("ada"), &zero), (&json!(1), &json!("bob"), &one)]);
    assert_eq!(ada.ask("GET", &format!("{PATH}?from=1"), None).ok()["entries"].as_array().unwrap().len(), 1);

    assert_eq!(bert.ask("GET", PATH, None).ok()["entries"], json!([]));
    bert.ask("POST", PATH, entry(0, b"of another")).ok();
    assert_eq!(ada.ask("GET", PATH, None).ok(), read);
}

#[test]
fn what_is_no_entry_is_refused() {
    let world = World::start();
    let ada = world.first("ada", "a");
    world.ask("GET", PATH, None).is(401, "unauthenticated");
    world.ask("POST", PATH, entry(0, b"zero")).is(401, "unauthenticated");
    ada.ask("POST", PATH, entry(0, b"")).is(400, "invalid-argument");
    ada.ask("POST", PATH, entry(-1, b"minus")).is(409, "conflict");
    ada.ask("POST", PATH, entry(0, &vec![0; (64 << 10) + 1])).is(413, "too-large");
    ada.ask("POST", PATH, Some(json!({ "entry": 0, "sealed": "AA", "at": 1 }))).is(400, "invalid-argument");
    ada.ask("GET", &format!("{PATH}?from=x"), None).is(400, "invalid-argument");
    assert_eq!(ada.ask("GET", PATH, None).ok()["entries"], json!([]));
}
