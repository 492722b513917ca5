use std::{
    io::Write as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

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
    for (user, number) in [("ada", 1), ("ada", 2), ("bert", 1), ("bert", 3)] {
        world.keys.adds(user, &session(number));
    }
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
    // A group is one facility's.
    bert.ask("POST", "/api/facilities/b/group", group(1)).is(409, "conflict");
    bert.ask("POST", "/api/facilities/b/group", group(3)).ok();
    assert_eq!(world.keys.asked().len(), 2);
    assert_eq!(groups(&world), [json!(session(1)), json!(session(3)), json!(null)]);
}

fn groups(world: &World) -> Vec<Value> {
    let config = world.ask("GET", "/api/config", None).ok();
    config["facilities"].as_array().unwrap().iter().map(|one| one["groupId"].clone()).collect()
}

#[test]
fn a_group_is_verified_before_it_is_kept() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let group = |number: u8| Some(json!({ "groupId": session(number) }));
    // One that the key server doesn't know, or in which somebody else is.
    world.keys.adds("eve", &session(1));
    ada.ask("POST", "/api/facilities/a/group", group(1)).is(403, "forbidden");
    // One to which nothing can be assigned now.
    world.keys.adds("ada", &session(2));
    world.keys.is_stale(true);
    ada.ask("POST", "/api/facilities/a/group", group(2)).is(409, "conflict");
    assert_eq!(world.keys.asked(), []);
    assert_eq!(groups(&world), [json!(null), json!(null), json!(null)], "nothing is half done");
    world.keys.is_stale(false);
    // She changed her mind.
    world.keys.adds("ada", &session(3));
    ada.ask("POST", "/api/facilities/a/group", group(3)).ok();
    assert_eq!(groups(&world)[0], session(3));
}

#[test]
fn of_two_groups_at_once_one_wins() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let said: Vec<_> = std::thread::scope(|scope| {
        let (world, ada) = (&world, &ada);
        let begun: Vec<_> = (1..=8)
            .map(|number| {
                world.keys.adds("ada", &session(number));
                scope.spawn(move || {
                    let body = json!({ "groupId": session(number) });
                    (session(number), ada.ask("POST", "/api/facilities/a/group", Some(body)))
                })
            })
            .collect();
        begun.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = said.into_iter().partition(|(_, answer)| answer.status == 200);
    assert_eq!(won.len(), 1);
    lost.iter().for_each(|(_, answer)| answer.is(409, "conflict"));
    assert_eq!(groups(&world)[0], won[0].0);
    // Nothing was given to another one.
    let assigned = ("/v1/assignments".to_owned(), json!({ "placeholder": "facility:a", "groupId": won[0].0 }));
    assert_eq!(world.keys.asked(), [assigned]);
}

#[test]
fn what_was_begun_ends_though_nobody_waits_for_it() {
    let world = World::start();
    let ada = world.first("ada", "a");
    world.keys.adds("ada", &session(1));
    let paused = world.keys.pauses();
    let body = json!({ "groupId": session(1) }).to_string();
    let request = format!(
        "POST /api/facilities/a/group HTTP/1.1\r\nhost: localhost\r\nx-requested-with: wardkey-demo\r\ncookie: {}\r\ncontent-length: {}\r\n\r\n{body}",
        ada.cookie,
        body.len()
    );
    let mut line = TcpStream::connect(world.url.trim_start_matches("http://")).unwrap();
    line.write_all(request.as_bytes()).unwrap();
    // It is at work when the key server is asked.
    while world.keys.connections() == 0 {
        std::thread::yield_now();
    }
    drop(line);
    for _ in 0..20 {
        ada.ask("GET", "/api/me", None).ok();
    }
    drop(paused);
    let end = Instant::now() + Duration::from_secs(30);
    while groups(&world)[0] != session(1) {
        assert!(Instant::now() < end, "it was given up half done");
        std::thread::yield_now();
    }
}
