use serde_json::json;

use crate::world::{World, registration};

#[test]
fn the_page_and_what_every_answer_says() {
    let world = World::start();
    for path in ["/", "/index.html"] {
        let page = world.send("GET", path, &[], None);
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(page.bytes.starts_with(b"<!doctype html>"));
    }
    let script = world.send("GET", "/assets/main.js", &[], None);
    assert_eq!((script.status, script.header("content-type")), (200, "text/javascript; charset=utf-8"));
    for path in [
        "/nothing.html",
        "/assets",
        "/assets/",
        "/index.html/more",
        &format!("/{}", "long".repeat(100)),
        "/.hidden",
        "/%2e%2e/token.pem",
        "/..%2ftoken.pem",
        "/assets/%2e%2e/%2e%2e/token.pem",
        "/api",
        "/api/",
        "/api/nothing",
        "/api/files",
        "//etc/passwd",
    ] {
        world.send("GET", path, &[], None).is(404, "not-found");
    }
    world.ask("DELETE", "/", None).is(404, "not-found");
    world.ask("DELETE", "/api/login", None).is(404, "not-found");
    let policy = format!("connect-src 'self' {}; ", world.keys.url);
    for path in ["/", "/assets/main.js", "/api/me", "/api/config", "/nothing"] {
        let answer = world.send("GET", path, &[], None);
        let said = answer.header("content-security-policy");
        for part in [
            "default-src 'self'; ",
            "script-src 'self' 'wasm-unsafe-eval'; ",
            &policy,
            "object-src 'none'; ",
            "base-uri 'none'; ",
            "frame-ancestors 'none'; ",
        ] {
            assert!(said.contains(part), "{path}: {said}");
        }
        assert!(!said.contains("unsafe-inline"));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", if path.starts_with("/api") { "no-store" } else { "no-cache" }),
        ] {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}

#[test]
fn config_says_what_the_login_page_needs() {
    let mut world = World::with(&["--seeding"]);
    let cookie = {
        let config = || world.ask("GET", "/api/config", None).ok();
        let before = config();
        assert_eq!((&before["appId"], &before["people"]), (&json!("transfers.example"), &json!([])));
        assert_eq!(
            (&before["keyServer"], &before["escrowKey"]),
            (&json!(world.keys.url), &json!(world.keys.fingerprint()))
        );
        // Whom the facility is reached by isn't everybody's to know.
        let b = json!({ "id": "b", "name": "Facility b", "kind": "emergency", "city": "Basel", "groupId": null });
        assert_eq!(before["facilities"][1], b);
        let ada = world.first("ada", "a");
        assert_eq!(ada.ask("GET", "/api/facilities", None).ok()[1]["contact"], "b@b.example");
        ada.colleague("bob");
        ada.ask("POST", "/api/staff", Some(json!({ "userId": "eve", "name": "eve", "admin": false }))).ok();
        let person = |user: &str, role: &str| json!({ "userId": user, "name": user, "facilityId": "a", "role": role });
        let mut first = person("ada", "Physician");
        first["demoPassword"] = json!("three blue herons at dawn");
        // Nor are people's names, but of the demo's; who is logged in reads them all, as authors.
        assert_eq!((&config()["people"], &config()["development"]), (&json!([first]), &json!(true)));
        assert_eq!(
            ada.ask("GET", "/api/config", None).ok()["people"],
            json!([first, person("bob", ""), person("eve", "")])
        );
        ada.cookie
    };
    // Elsewhere than in development nobody's password is shown, nor a mail or a row.
    world.kill();
    world.is_development = false;
    world.run();
    for (cookie, people) in [("", 0), (&*cookie, 3)] {
        let config = world.ask_as(cookie, "GET", "/api/config", None).ok();
        assert_eq!((config["people"].as_array().unwrap().len(), &config["development"]), (people, &json!(false)));
        assert!(!config.to_string().contains("herons"));
        for path in ["/api/dev/mail", "/api/dev/held/AQEBAQEBAQEBAQEBAQEBAQ"] {
            world.ask_as(cookie, "GET", path, None).is(404, "not-found");
        }
    }
}

#[test]
fn a_demo_password_is_shown_while_it_is_somebodys() {
    let mut world = World::with(&["--seeding"]);
    let shown = |world: &World| world.ask("GET", "/api/config", None).ok()["people"].as_array().unwrap().len();
    let (cookie, invitation) = {
        let bob = world.first("bob", "a");
        bob.ask("PUT", "/api/staff/bob", Some(json!({ "admin": true }))).ok();
        let ada = bob.colleague("ada");
        assert_eq!(shown(&world), 1);
        // Removed, and come again with a password of her own.
        bob.ask("DELETE", "/api/staff/ada", None).ok();
        assert_eq!(shown(&world), 0);
        let invited =
            bob.ask("POST", "/api/staff", Some(json!({ "userId": "ada", "name": "Ada", "admin": false }))).ok();
        assert_eq!(shown(&world), 0);
        ada.ask("GET", "/api/me", None).is(401, "unauthenticated");
        (bob.cookie, invited["invitation"].as_str().unwrap().to_owned())
    };
    world.kill();
    world.flags(&[]);
    world.run();
    world.ask("POST", "/api/register", Some(registration("ada", "a", &invitation))).ok();
    assert_eq!(shown(&world), 0);
    assert_eq!(world.ask_as(&cookie, "GET", "/api/config", None).ok()["people"].as_array().unwrap().len(), 2);
}

#[test]
fn what_it_is_started_with_is_checked() {
    let world = World::start();
    for (more, why) in [
        (&["--listen", "0.0.0.0:0"][..], "loopback"),
        (&["--escrow-key", "short"], "--escrow-key"),
        (&["--app-key", "/nowhere.pem"], "/nowhere.pem"),
        (&["--app-id", ""], "--app-id"),
        (&["--demo", "/dev/null"], "/dev/null"),
        (&["--listen", world.url.trim_start_matches("http://")], "in use"),
    ] {
        let ended = world.command(more).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && said.to_lowercase().contains(why), "{why}: {said}");
    }
}
