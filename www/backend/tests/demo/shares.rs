//! API section 4.5, as the package asks it: without the page's header, with a key server's errors.

use serde_json::json;
use wardkey::encoding::base64url;

use crate::{
    key_server::{APP, KeyServer},
    world::{Answer, Person, World, login, now_ms, registration, secret},
};

const COOKIE: &str = "wardkey-demo-recovery";

fn put(world: &World, cookie: &str, user: &str, share: u8) -> Answer {
    let body = json!({ "userId": user, "share": base64url(&[share; 32]) });
    let headers = [("content-type", "application/json"), ("cookie", cookie)];
    world.send("PUT", "/api/share", &headers, Some(body.to_string().as_bytes()))
}

fn get(world: &World, user: &str, receipt: &str) -> Answer {
    let body = json!({ "userId": user, "receipt": receipt });
    world.send("POST", "/api/share", &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
}

fn receipt(world: &World, recovery: u8) -> String {
    world.keys.receipt(APP, "ada", [recovery; 16], now_ms() + 600_000)
}

fn new_secret(world: &World, cookie: &str, to: &str) -> Answer {
    let body = json!({ "userId": "ada", "loginSecret": secret(to) });
    world.ask_as(cookie, "PUT", "/api/login-secret", Some(body))
}

#[test]
fn a_share_is_given_out_once_for_a_receipt() {
    let mut world = World::start();
    let ada = world.first("ada", "a").cookie;
    put(&world, "", "ada", 1).is(401, "forbidden");
    get(&world, "ada", &receipt(&world, 1)).is(404, "no-backup");
    for share in [1, 2] {
        put(&world, &ada, "ada", share).ok();
    }
    // No share: the receipt wasn't used up.
    let given = get(&world, "ada", &receipt(&world, 1));
    assert_eq!(given.json, json!({ "share": base64url(&[2; 32]) }));
    assert!(given.header("set-cookie").contains("; Max-Age=3600; HttpOnly; SameSite=Strict"));
    get(&world, "ada", &receipt(&world, 1)).is(410, "otp-expired");
    world.kill();
    world.run();
    get(&world, "ada", &receipt(&world, 1)).is(410, "otp-expired");
    get(&world, "ada", &receipt(&world, 2)).ok();
}

#[test]
fn a_receipt_of_anything_else_is_refused() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let bob = ada.colleague("bob");
    put(&world, &ada.cookie, "ada", 1).ok();
    put(&world, &bob.cookie, "bob", 2).ok();
    let soon = now_ms() + 600_000;
    let other = KeyServer::start();
    for (receipt, status, code) in [
        (world.keys.receipt(APP, "bob", [1; 16], soon), 400, "key-mismatch"),
        (world.keys.receipt("other.example", "ada", [1; 16], soon), 400, "key-mismatch"),
        (world.keys.receipt(APP, "ada", [1; 16], now_ms() - 1), 410, "otp-expired"),
        (other.receipt(APP, "ada", [1; 16], soon), 400, "bad-signature"),
        (base64url(b"receipt"), 400, "invalid-format"),
        ("?".to_owned(), 400, "invalid-format"),
    ] {
        let answer = get(&world, "ada", &receipt);
        answer.is(status, code);
        assert_eq!(answer.cookie(COOKIE), None);
    }
    // What the signature covers doesn't change unseen.
    let mut bytes = wardkey::encoding::from_base64url(&receipt(&world, 1)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    get(&world, "ada", &base64url(&bytes)).is(400, "bad-signature");
    get(&world, "nobody", &world.keys.receipt(APP, "nobody", [1; 16], soon)).is(404, "no-backup");
    get(&world, "ada", &receipt(&world, 1)).ok();
}

#[test]
fn a_key_server_that_is_another_is_not_believed() {
    let mut world = World::start();
    let ada = world.first("ada", "a").cookie;
    put(&world, &ada, "ada", 1).ok();
    world.kill();
    // Another one at the same place: the anchor is the first one's.
    let (first, other) = (world.keys.fingerprint(), KeyServer::start());
    world.keys = other;
    world.flags(&["--escrow-key", &first]);
    world.run();
    get(&world, "ada", &receipt(&world, 1)).is(502, "server");
}

#[test]
fn who_recovered_puts_one_share_and_one_secret() {
    let mut world = World::start();
    let ada = world.first("ada", "a").cookie;
    put(&world, &ada, "ada", 1).ok();
    let given = get(&world, "ada", &receipt(&world, 1));
    let cookie = given.cookie(COOKIE).unwrap();
    given.ok();
    // Nobody else's hour it is.
    put(&world, "", "ada", 3).is(401, "forbidden");
    put(&world, &format!("{COOKIE}={}", base64url(&[0; 32])), "ada", 3).is(401, "forbidden");
    put(&world, &cookie, "bob", 3).is(401, "forbidden");
    new_secret(&world, "", "new").is(401, "forbidden");
    // One, and the same again.
    put(&world, &cookie, "ada", 2).ok();
    world.kill();
    world.run();
    put(&world, &cookie, "ada", 2).ok();
    put(&world, &cookie, "ada", 3).is(401, "forbidden");
    for _ in 0..2 {
        new_secret(&world, &cookie, "new").ok();
    }
    new_secret(&world, &cookie, "newer").is(401, "forbidden");
    world.ask_as(&ada, "GET", "/api/me", None).is(401, "unauthenticated");
    world.ask("POST", "/api/login", Some(login("ada"))).is(401, "unauthenticated");
    world.ask("POST", "/api/login", Some(json!({ "userId": "ada", "loginSecret": secret("new") }))).ok();
    assert_eq!(get(&world, "ada", &receipt(&world, 2)).ok(), json!({ "share": base64url(&[2; 32]) }));
}

#[test]
fn the_hour_after_a_recovery_ends() {
    let mut world = World::start();
    let ada = world.first("ada", "a").cookie;
    put(&world, &ada, "ada", 1).ok();
    let cookie = get(&world, "ada", &receipt(&world, 1)).cookie(COOKIE).unwrap();
    world.stop();
    let database = rusqlite::Connection::open(world.at("data/demo.db")).unwrap();
    let now = i64::try_from(now_ms()).unwrap();
    let sql = "UPDATE recovery SET ends = ?1 WHERE abs(ends - 3600000 - ?1) < 60000";
    assert_eq!(database.execute(sql, [now]).unwrap(), 1, "an hour");
    drop(database);
    world.run();
    put(&world, &cookie, "ada", 2).is(401, "forbidden");
    new_secret(&world, &cookie, "new").is(401, "forbidden");
    put(&world, &ada, "ada", 2).ok();
}

#[test]
fn who_was_removed_recovers_nothing() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let bob: Person<'_> = ada.colleague("bob");
    put(&world, &bob.cookie, "bob", 1).ok();
    let receipt = |recovery| world.keys.receipt(APP, "bob", [recovery; 16], now_ms() + 600_000);
    let cookie = get(&world, "bob", &receipt(1)).cookie(COOKIE).unwrap();
    ada.ask("DELETE", "/api/staff/bob", None).ok();
    get(&world, "bob", &receipt(2)).is(404, "no-backup");
    put(&world, &cookie, "bob", 2).is(401, "forbidden");
    let body = json!({ "userId": "bob", "loginSecret": secret("new") });
    world.ask_as(&cookie, "PUT", "/api/login-secret", Some(body)).is(401, "forbidden");
}

#[test]
fn who_comes_back_recovers_what_he_had() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let bob = ada.colleague("bob");
    put(&world, &bob.cookie, "bob", 1).ok();
    let receipt = |recovery| world.keys.receipt(APP, "bob", [recovery; 16], now_ms() + 600_000);
    let before = get(&world, "bob", &receipt(1)).cookie(COOKIE).unwrap();
    ada.ask("DELETE", "/api/staff/bob", None).ok();
    let gone = || {
        world.ask("POST", "/api/login", Some(login("bob"))).is(401, "unauthenticated");
        get(&world, "bob", &receipt(2)).is(404, "no-backup");
        put(&world, &before, "bob", 9).is(401, "forbidden");
    };
    gone();
    let invited = ada.ask("POST", "/api/staff", Some(json!({ "userId": "bob", "name": "Bob", "admin": false }))).ok();
    // A code by mail is no invitation.
    gone();
    let mut coming = registration("bob", "a", invited["invitation"].as_str().unwrap());
    coming["loginSecret"] = json!(secret("new"));
    world.ask("POST", "/api/register", Some(coming)).ok();
    world.ask("POST", "/api/login", Some(login("bob"))).is(401, "unauthenticated");
    world.ask("POST", "/api/login", Some(json!({ "userId": "bob", "loginSecret": secret("new") }))).ok();
    // What was before is over; what he had comes back.
    put(&world, &before, "bob", 9).is(401, "forbidden");
    get(&world, "bob", &receipt(1)).is(410, "otp-expired");
    assert_eq!(get(&world, "bob", &receipt(2)).ok(), json!({ "share": base64url(&[1; 32]) }));
}

#[test]
fn shares_are_asked_for_as_seldom_as_logins_are_tried() {
    let world = World::with(&["--login-rate", "3"]);
    let ada = world.first("ada", "a");
    let bob = ada.colleague("bob");
    for share in 1..=3 {
        put(&world, &ada.cookie, "ada", share).ok();
    }
    put(&world, &ada.cookie, "ada", 4).is(429, "throttled");
    put(&world, &bob.cookie, "bob", 1).ok();
    // Wrong receipts are counted by themselves: who sends them keeps nobody from storing a share.
    for _ in 0..3 {
        get(&world, "bob", &base64url(b"receipt")).is(400, "invalid-format");
    }
    let refused = get(&world, "bob", &base64url(b"receipt"));
    refused.is(429, "throttled");
    assert!(refused.json["retryAfterMs"].as_u64().unwrap() > 0);
    put(&world, &bob.cookie, "bob", 2).ok();
}

#[test]
fn a_share_has_its_form() {
    let world = World::start();
    let ada = world.first("ada", "a").cookie;
    let headers = [("content-type", "application/json"), ("cookie", ada.as_str())];
    for share in [base64url(&[0; 31]), base64url(&[0; 33]), "=".to_owned(), String::new()] {
        let body = json!({ "userId": "ada", "share": share }).to_string();
        world.send("PUT", "/api/share", &headers, Some(body.as_bytes())).is(400, "invalid-argument");
    }
    // A form of another site has no such type.
    let body = json!({ "userId": "ada", "share": base64url(&[0; 32]) }).to_string();
    let form = [("content-type", "text/plain"), ("cookie", ada.as_str())];
    world.send("PUT", "/api/share", &form, Some(body.as_bytes())).is(403, "forbidden");
}
