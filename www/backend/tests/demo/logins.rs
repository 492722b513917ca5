use ed25519_dalek::{Signature, SigningKey, Verifier};
use serde_json::{Value, json};
use wardkey::encoding::{base64url, from_base64url};

use crate::{
    key_server::APP,
    world::{Person, TOKEN_SEED, World, login, now_ms, registration, secret},
};

#[test]
fn who_was_invited_logs_in_and_out() {
    let world = World::start();
    let code = world.first_invitation("a");
    // As it is typed.
    let typed = code.to_lowercase().replace('-', " ");
    let registered = world.ask("POST", "/api/register", Some(registration("ada", "a", &typed)));
    let set = registered.header("set-cookie").to_owned();
    assert!(set.contains("; HttpOnly; SameSite=Strict") && set.contains("; Max-Age=43200"), "{set}");
    let me = json!({ "userId": "ada", "name": "ada", "facilityId": "a", "role": "Physician", "admin": true });
    assert_eq!(registered.json, me);
    // The answer was lost, and it is asked again.
    assert_eq!(world.ask("POST", "/api/register", Some(registration("ada", "a", &code))).ok(), me);
    world.ask("POST", "/api/register", Some(registration("eve", "a", &code))).is(403, "forbidden");

    let answer = world.ask("POST", "/api/login", Some(login("ada")));
    let cookie = answer.cookie("wardkey-demo").unwrap();
    assert_eq!(answer.ok(), me);
    assert_eq!(world.ask_as(&cookie, "GET", "/api/me", None).ok(), me);
    let out = world.ask_as(&cookie, "POST", "/api/logout", None);
    assert_eq!(out.cookie("wardkey-demo").unwrap(), "wardkey-demo=");
    out.ok();
    world.ask_as(&cookie, "GET", "/api/me", None).is(401, "unauthenticated");
    // The other one goes on.
    let first = registered.cookie("wardkey-demo").unwrap();
    assert_eq!(world.ask_as(&first, "GET", "/api/me", None).ok(), me);
}

#[test]
fn a_wrong_secret_and_an_unknown_user_are_the_same() {
    let world = World::start();
    world.first("ada", "a");
    let wrong = |user: &str, given: &str| {
        world.ask("POST", "/api/login", Some(json!({ "userId": user, "loginSecret": secret(given) })))
    };
    let answers = [wrong("ada", "eve"), wrong("nobody", "eve"), wrong("nobody", "nobody")];
    for answer in &answers {
        answer.is(401, "unauthenticated");
        assert_eq!(answer.bytes, answers[0].bytes);
        assert_eq!(answer.cookie("wardkey-demo"), None);
    }
    // Who was invited and hasn't joined has no secret yet.
    for cookie in ["", "wardkey-demo=", "wardkey-demo=x", &format!("wardkey-demo={}", base64url(&[0; 32]))] {
        world.ask_as(cookie, "GET", "/api/me", None).is(401, "unauthenticated");
    }
}

#[test]
fn tries_are_limited_by_user() {
    let world = World::with(&["--login-rate", "3"]);
    world.first("ada", "a");
    for _ in 0..3 {
        let body = json!({ "userId": "ada", "loginSecret": secret("eve") });
        world.ask("POST", "/api/login", Some(body)).is(401, "unauthenticated");
    }
    let refused = world.ask("POST", "/api/login", Some(login("ada")));
    refused.is(429, "throttled");
    let wait = refused.json["retryAfterMs"].as_u64().unwrap();
    assert!((1..=20_001).contains(&wait), "{wait}");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 21);
    world.ask("POST", "/api/login", Some(login("bob"))).is(401, "unauthenticated");
    for _ in 0..3 {
        world.ask("POST", "/api/register", Some(registration("bob", "b", "AAAA-AAAA"))).is(403, "forbidden");
    }
    world.ask("POST", "/api/register", Some(registration("bob", "b", "AAAA-AAAA"))).is(429, "throttled");
}

/// Twenty times as many as of a user: whatever is tried, and under whatever names.
#[test]
fn tries_are_limited_by_address() {
    let world = World::with(&["--login-rate", "1"]);
    let name = |number: u32| format!("user-{number}");
    let asked = [
        ("POST", "/api/login", (&|number| login(&name(number))) as &dyn Fn(u32) -> Value),
        ("POST", "/api/share", &|number| json!({ "userId": name(number), "receipt": "AA" })),
        ("PUT", "/api/share", &|number| json!({ "userId": name(number), "share": base64url(&[0; 32]) })),
        ("POST", "/api/register", &|number| registration(&name(number), &name(number), "AAAA-AAAA")),
    ];
    let mut tries = 0;
    for (method, path, body) in asked {
        // Of others than the first one it is soon: they are counted together.
        let refused = (0..100).find_map(|number| {
            tries += 1;
            let answer = world.ask(method, path, Some(body(number)));
            (answer.status == 429).then_some(answer)
        });
        refused.expect("a limit").is(429, "throttled");
        assert!(tries > 20, "{path}: {tries}");
    }
}

#[test]
fn a_token_is_of_who_is_logged_in() {
    let world = World::start();
    let ada = world.first("ada", "a");
    world.ask("POST", "/api/token", None).is(401, "unauthenticated");
    let told = ada.ask("POST", "/api/token", None).ok();
    let (text, signature) = told["token"].as_str().unwrap().rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&from_base64url(signature).unwrap()).unwrap();
    SigningKey::from_bytes(&TOKEN_SEED).verifying_key().verify(text.as_bytes(), &signature).unwrap();
    let part = |place| -> Value {
        serde_json::from_slice(&from_base64url(text.split('.').nth(place).unwrap()).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({ "alg": "EdDSA", "typ": "JWT" }));
    let claims = part(1);
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("ada"), &json!(APP)));
    let left = claims["exp"].as_u64().unwrap() * 1_000 - now_ms();
    assert!((200_000..=300_000).contains(&left), "{left}");
    assert!(told["expiresAt"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_new_secret_ends_the_other_logins() {
    let world = World::with(&["--seeding"]);
    let ada = world.first("ada", "a");
    let other = world.ask("POST", "/api/login", Some(login("ada"))).cookie("wardkey-demo").unwrap();
    let people = || world.ask("GET", "/api/config", None).ok()["people"].clone();
    assert_eq!(people()[0]["demoPassword"], "three blue herons at dawn");
    let new = json!({ "userId": "ada", "loginSecret": secret("new"), "presentSecret": secret("ada") });
    // Each by itself isn't enough: a cookie that was left behind, or a secret without a login.
    world.ask("PUT", "/api/login-secret", Some(new.clone())).is(401, "unauthenticated");
    for present in [Value::Null, json!(secret("eve"))] {
        let body = json!({ "userId": "ada", "loginSecret": secret("new"), "presentSecret": present });
        assert_eq!(ada.ask("PUT", "/api/login-secret", Some(body)).status, 401);
    }
    world.ask_as(&other, "GET", "/api/me", None).ok();
    // The answer was lost, and it is asked again.
    for _ in 0..2 {
        ada.ask("PUT", "/api/login-secret", Some(new.clone())).ok();
    }
    ada.ask("GET", "/api/me", None).ok();
    world.ask_as(&other, "GET", "/api/me", None).is(401, "unauthenticated");
    world.ask("POST", "/api/login", Some(login("ada"))).is(401, "unauthenticated");
    world.ask("POST", "/api/login", Some(json!({ "userId": "ada", "loginSecret": secret("new") }))).ok();
    assert_eq!(people(), json!([]), "it isn't hers any more");
    // Naming somebody else helps nobody.
    let bob = ada.colleague("bob");
    let body = json!({ "userId": "ada", "loginSecret": secret("bob"), "presentSecret": secret("new") });
    bob.ask("PUT", "/api/login-secret", Some(body)).is(401, "unauthenticated");
    world.ask("POST", "/api/login", Some(json!({ "userId": "ada", "loginSecret": secret("new") }))).ok();
}

#[test]
fn present_secrets_are_guessed_as_seldom_as_logins() {
    let world = World::with(&["--login-rate", "3"]);
    let ada = world.first("ada", "a");
    let change = |present: &str| {
        let body = json!({ "userId": "ada", "loginSecret": secret("new"), "presentSecret": secret(present) });
        ada.ask("PUT", "/api/login-secret", Some(body))
    };
    for _ in 0..3 {
        change("eve").is(401, "unauthenticated");
    }
    change("ada").is(429, "throttled");
    world.ask("POST", "/api/login", Some(login("ada"))).is(429, "throttled");
}

#[test]
fn a_user_has_so_many_logins() {
    let world = World::with(&["--login-rate", "100"]);
    let ada = world.first("ada", "a");
    let again = || world.ask("POST", "/api/login", Some(login("ada"))).cookie("wardkey-demo").unwrap();
    let later: Vec<String> = (0..20).map(|_| again()).collect();
    ada.ask("GET", "/api/me", None).is(401, "unauthenticated");
    for cookie in later {
        world.ask_as(&cookie, "GET", "/api/me", None).ok();
    }
}

#[test]
fn malformed_requests_are_refused_one_by_one() {
    let world = World::start();
    let code = world.first_invitation("a");
    let with = |name: &str, value: Value| {
        let mut body = registration("ada", "a", &code);
        body[name] = value;
        body
    };
    for body in [
        with("userId", json!("")),
        with("userId", json!("a→b")),
        with("name", json!(" ")),
        with("name", json!("a\nb")),
        with("name", json!("x".repeat(201))),
        with("loginSecret", json!(base64url(&[0; 31]))),
        with("loginSecret", json!("=")),
        with("invitation", Value::Null),
        with("admin", json!(true)),
        json!([]),
        json!(null),
    ] {
        world.ask("POST", "/api/register", Some(body)).is(400, "invalid-argument");
    }
    let headers = [("x-requested-with", "wardkey-demo")];
    for body in [&b""[..], b"{", b"\xff\xfe"] {
        world.send("POST", "/api/login", &headers, Some(body)).is(400, "invalid-argument");
    }
    world.send("POST", "/api/login", &headers, Some(&vec![b' '; (1 << 20) + 1])).is(413, "too-large");
    // None of it used the invitation up.
    Person::register(&world, "ada", "a", &code);
}

#[test]
fn restarted_or_cut_off_it_knows_who_is_logged_in() {
    let mut world = World::start();
    let cookie = world.first("ada", "a").cookie;
    let invitation = world.first_invitation("b");
    world.kill();
    world.run();
    assert_eq!(world.ask_as(&cookie, "GET", "/api/me", None).ok()["userId"], "ada");
    assert!(world.stop());
    world.run();
    world.ask("POST", "/api/login", Some(login("ada"))).ok();
    // The invitations that were mailed are good still, and are mailed once.
    assert_eq!(world.first_invitation("b"), invitation);
    Person::register(&world, "bob", "b", &invitation);
    world.ask("POST", "/api/register", Some(registration("eve", "a", "AAAA-AAAA-AAAA-AAAA"))).is(403, "forbidden");
}

#[test]
fn what_has_ended_is_over() {
    let mut world = World::start();
    let (cookie, invitation) = {
        let ada = world.first("ada", "a");
        let body = json!({ "userId": "bob", "name": "Bob", "admin": false });
        let invited = ada.ask("POST", "/api/staff", Some(body)).ok();
        (ada.cookie, invited["invitation"].as_str().unwrap().to_owned())
    };
    world.stop();
    let change = |world: &World, sql: &str| {
        let database = rusqlite::Connection::open(world.at("data/demo.db")).unwrap();
        assert_eq!(database.execute(sql, [i64::try_from(now_ms()).unwrap()]).unwrap(), 1);
    };
    // A login is good for half a day, an invitation for a week: to the end of it, and no longer.
    change(&world, "UPDATE login SET ends = ?1 + 60000 WHERE abs(ends - 43200000 - ?1) < 60000");
    change(&world, "UPDATE staff SET invited_until = ?1 + 60000 WHERE abs(invited_until - 604800000 - ?1) < 60000");
    world.run();
    world.ask_as(&cookie, "GET", "/api/me", None).ok();
    world.stop();
    change(&world, "UPDATE login SET ends = ?1");
    change(&world, "UPDATE staff SET invited_until = ?1 WHERE invited_until IS NOT NULL");
    world.run();
    world.ask_as(&cookie, "GET", "/api/me", None).is(401, "unauthenticated");
    world.ask("POST", "/api/register", Some(registration("bob", "a", &invitation))).is(403, "forbidden");
}
