use serde_json::json;

use crate::world::{World, login, registration, session};

#[test]
fn an_administrator_invites_changes_and_removes() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let body = json!({ "userId": "bob", "name": "Bob", "role": "Nurse", "admin": false });
    let code = ada.ask("POST", "/api/staff", Some(body.clone())).ok()["invitation"].as_str().unwrap().to_owned();
    let listed = |joined: bool, admin: bool| json!({ "userId": "bob", "name": "Bob", "role": "Nurse", "admin": admin, "joined": joined });
    assert_eq!(ada.ask("GET", "/api/staff", None).ok()[1], listed(false, false));
    world.ask("POST", "/api/login", Some(login("bob"))).is(401, "unauthenticated");
    // A new one takes its place; and it is his alone, at this facility.
    let newer = ada.ask("POST", "/api/staff", Some(body.clone())).ok()["invitation"].as_str().unwrap().to_owned();
    for (user, facility, given) in [("bob", "a", &code), ("eve", "a", &newer), ("bob", "b", &newer)] {
        world.ask("POST", "/api/register", Some(registration(user, facility, given))).is(403, "forbidden");
    }
    let mut joining = registration("bob", "a", &newer);
    joining["name"] = json!("Bob");
    let joined = world.ask("POST", "/api/register", Some(joining));
    let bob = joined.cookie("wardkey-demo").unwrap();
    joined.ok();
    assert_eq!(ada.ask("GET", "/api/staff", None).ok()[1], listed(true, false));
    ada.ask("POST", "/api/staff", Some(body.clone())).is(409, "conflict");

    let invite = |cookie: &str| {
        world.ask_as(cookie, "POST", "/api/staff", Some(json!({ "userId": "eve", "name": "Eve", "admin": true })))
    };
    invite(&bob).is(403, "forbidden");
    world.ask_as(&bob, "PUT", "/api/staff/bob", Some(json!({ "admin": true }))).is(403, "forbidden");
    world.ask_as(&bob, "DELETE", "/api/staff/ada", None).is(403, "forbidden");
    ada.ask("PUT", "/api/staff/bob", Some(json!({ "admin": true }))).ok();
    assert_eq!(world.ask_as(&bob, "GET", "/api/me", None).ok()["admin"], true);
    ada.ask("PUT", "/api/staff/ada", Some(json!({ "admin": false }))).ok();
    world.ask_as(&bob, "PUT", "/api/staff/bob", Some(json!({ "admin": false }))).is(409, "conflict");
    world.ask_as(&bob, "DELETE", "/api/staff/bob", None).is(409, "conflict");

    world.ask_as(&bob, "DELETE", "/api/staff/ada", None).ok();
    ada.ask("GET", "/api/me", None).is(401, "unauthenticated");
    world.ask("POST", "/api/login", Some(login("ada"))).is(401, "unauthenticated");
    let disabled = |disabled: bool| ("/v1/admin/disable".to_owned(), json!({ "userId": "ada", "disabled": disabled }));
    assert_eq!(world.keys.asked().last(), Some(&disabled(true)));
    assert_eq!(world.ask_as(&bob, "GET", "/api/staff", None).ok().as_array().unwrap().len(), 1);
    // She may come again.
    let again = json!({ "userId": "ada", "name": "Ada", "admin": false });
    let code = world.ask_as(&bob, "POST", "/api/staff", Some(again)).ok()["invitation"].as_str().unwrap().to_owned();
    assert_eq!(world.keys.asked().last(), Some(&disabled(false)));
    world.ask("POST", "/api/register", Some(registration("ada", "a", &code))).ok();
    world.ask_as(&bob, "DELETE", "/api/staff/nobody", None).is(404, "not-found");
}

#[test]
fn a_facility_says_its_group_once() {
    let world = World::start();
    let (ada, bert) = (world.first("ada", "a"), world.first("bert", "b"));
    let group = |number: u8| Some(json!({ "groupId": session(number) }));
    world.ask("POST", "/api/facilities/a/group", group(1)).is(401, "unauthenticated");
    bert.ask("POST", "/api/facilities/a/group", group(1)).is(404, "not-found");
    ada.colleague("bob").ask("POST", "/api/facilities/a/group", group(1)).is(403, "forbidden");
    ada.ask("POST", "/api/facilities/a/group", Some(json!({ "groupId": "group" }))).is(400, "invalid-argument");
    for _ in 0..2 {
        assert_eq!(ada.ask("POST", "/api/facilities/a/group", group(1)).ok()["groupId"], session(1));
    }
    ada.ask("POST", "/api/facilities/a/group", group(2)).is(409, "conflict");
    // What waits for a placeholder without a contact is assigned, the same again; with one the page claims it.
    let assigned = ("/v1/assignments".to_owned(), json!({ "placeholder": "facility:a", "groupId": session(1) }));
    assert_eq!(world.keys.asked(), [assigned.clone(), assigned]);
    bert.ask("POST", "/api/facilities/b/group", group(3)).ok();
    assert_eq!(world.keys.asked().len(), 2);
    let groups: Vec<_> = ada
        .ask("GET", "/api/facilities", None)
        .ok()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["groupId"].clone())
        .collect();
    assert_eq!(groups, [json!(session(1)), json!(session(3)), json!(null)]);
}
