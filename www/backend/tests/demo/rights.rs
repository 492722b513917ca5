//! What is another facility's isn't there.

use serde_json::json;
use wardkey::encoding::base64url;

use crate::world::{World, id};

#[test]
fn a_third_facility_sees_and_touches_nothing() {
    let world = World::start();
    let (ada, bert, carl) = (world.first("ada", "a"), world.first("bert", "b"), world.first("carl", "c"));
    let file = ada.upload(b"ciphertext");
    let body = json!({ "id": id(1), "sessionId": crate::world::session(1), "to": "b", "sealed": base64url(b"sealed"), "files": [file] });
    ada.ask("POST", "/api/transfers", Some(body)).ok();
    bert.ask("GET", &format!("/api/files/{file}"), None).ok();
    assert_eq!(bert.content(&file, &[]).bytes, b"ciphertext");

    let sealed = Some(json!({ "sealed": base64url(b"x") }));
    let accept = Some(json!({ "state": "accepted", "sealed": base64url(b"x") }));
    let (of, transfer) = (format!("/api/files/{file}"), format!("/api/transfers/{}", id(1)));
    for (method, path, body) in [
        ("GET", transfer.clone(), None),
        ("POST", format!("{transfer}/state"), accept.clone()),
        ("GET", format!("{transfer}/messages"), None),
        ("POST", format!("{transfer}/messages"), sealed.clone()),
        ("GET", format!("/api/dev/held/{}", id(1)), None),
        ("GET", of.clone(), None),
        ("POST", format!("{of}/complete"), None),
        ("DELETE", of.clone(), None),
        ("DELETE", "/api/staff/ada".to_owned(), None),
        ("PUT", "/api/staff/ada".to_owned(), Some(json!({ "admin": false }))),
        ("POST", "/api/facilities/a/group".to_owned(), Some(json!({ "groupId": crate::world::session(1) }))),
    ] {
        carl.ask(method, &path, body.clone()).is(404, "not-found");
        world.ask(method, &path, body).is(401, "unauthenticated");
    }
    for path in ["/api/transfers/%ff".to_owned(), format!("{of}/parts/first"), format!("{of}/parts/-1")] {
        ada.ask(if path.contains("parts") { "PUT" } else { "GET" }, &path, None).is(404, "not-found");
    }
    carl.content(&file, &[]).is(404, "not-found");
    carl.put_part(&file, 0, b"ciphertext").is(404, "not-found");
    assert_eq!(carl.ask("GET", "/api/transfers?box=all", None).ok()["transfers"], json!([]));
    let staff = carl.ask("GET", "/api/staff", None).ok();
    assert_eq!(staff.as_array().unwrap().len(), 1);
    assert_eq!(staff[0]["userId"], "carl");
    // Nor can it take a name that somebody has.
    let body = json!({ "userId": "ada", "name": "Ada", "admin": false });
    carl.ask("POST", "/api/staff", Some(body)).is(409, "conflict");
    // The receiving facility reads a file, and no more.
    bert.put_part(&file, 0, b"ciphertext").is(403, "forbidden");
    bert.ask("DELETE", &of, None).is(403, "forbidden");
    assert_eq!(ada.ask("GET", &transfer, None).ok()["state"], "sent");
}

/// Who had the key may have kept it: what she hadn't fetched she doesn't get any more, nor does she say anything there.
#[test]
fn what_is_withdrawn_is_closed_to_the_other_facility() {
    let world = World::start();
    let (ada, bert) = (world.first("ada", "a"), world.first("bert", "b"));
    let bob = ada.colleague("bob");
    let file = ada.upload(b"ciphertext");
    let body = json!({ "id": id(1), "sessionId": crate::world::session(1), "to": "b", "sealed": base64url(b"sealed"), "files": [file] });
    ada.ask("POST", "/api/transfers", Some(body)).ok();
    let transfer = format!("/api/transfers/{}", id(1));
    let state = |state: &str| Some(json!({ "state": state, "sealed": base64url(b"x") }));
    let said = |number: u8| Some(json!({ "id": id(number), "sealed": base64url(b"said") }));
    // What was declined can still be read, and talked about.
    bert.ask("POST", &format!("{transfer}/state"), state("declined")).ok();
    assert_eq!(bert.content(&file, &[]).bytes, b"ciphertext");
    bert.ask("POST", &format!("{transfer}/messages"), said(2)).ok();

    bob.ask("POST", &format!("{transfer}/state"), state("withdrawn")).ok();
    bert.content(&file, &[]).is(404, "not-found");
    bert.content(&file, &[("range", "bytes=0-3")]).is(404, "not-found");
    bert.ask("GET", &format!("/api/files/{file}"), None).is(404, "not-found");
    for person in [&ada, &bert] {
        person.ask("POST", &format!("{transfer}/messages"), said(3)).is(409, "conflict");
    }
    // Its answer may have been lost before.
    bert.ask("POST", &format!("{transfer}/messages"), said(2)).ok();
    assert_eq!(bert.ask("GET", &transfer, None).ok()["state"], "withdrawn");
    for person in [&ada, &bob] {
        assert_eq!(person.content(&file, &[]).bytes, b"ciphertext");
    }
}

#[test]
fn everything_needs_a_login_but_what_says_otherwise() {
    let world = World::start();
    for (method, path) in [
        ("GET", "/api/me"),
        ("POST", "/api/token"),
        ("GET", "/api/facilities"),
        ("GET", "/api/staff"),
        ("GET", "/api/transfers"),
        ("GET", "/api/events"),
    ] {
        world.ask(method, path, None).is(401, "unauthenticated");
    }
    for path in ["/api/config", "/api/dev/mail"] {
        world.ask("GET", path, None).ok();
    }
}

#[test]
fn another_site_can_have_nothing_changed() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let file = ada.upload(b"ciphertext");
    let cookie = ("cookie", ada.cookie.as_str());
    let json = ("content-type", "application/json");
    for (method, path) in [
        ("POST", "/api/logout".to_owned()),
        ("POST", "/api/login".to_owned()),
        ("POST", "/api/register".to_owned()),
        ("POST", "/api/token".to_owned()),
        ("PUT", "/api/login-secret".to_owned()),
        ("POST", "/api/staff".to_owned()),
        ("DELETE", "/api/staff/ada".to_owned()),
        ("POST", "/api/transfers".to_owned()),
        ("POST", "/api/files".to_owned()),
        ("DELETE", format!("/api/files/{file}")),
    ] {
        world.send(method, &path, &[cookie, json], Some(b"{}")).is(403, "forbidden");
        world
            .send(method, &path, &[cookie, json, ("x-requested-with", "XMLHttpRequest")], Some(b"{}"))
            .is(403, "forbidden");
    }
    // A name that was made to lead here.
    for host in ["evil.example", "localhost.evil.example:8080", "127.0.0.1.evil.example", ""] {
        world.send("GET", "/api/me", &[cookie, ("host", host)], None).is(403, "forbidden");
    }
    for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080"] {
        world.send("GET", "/api/me", &[cookie, ("host", host)], None).ok();
    }
}
