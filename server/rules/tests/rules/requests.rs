//! What all paths have in common: API sections 1 and 2.

use serde_json::{Value, json};
use wardkey_rules::{Body, Caller, MAX_BODY, Request, handle, is_public};

use crate::{
    codes,
    user::User,
    world::{World, seeded},
};

const ID: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const RECOVERY: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// Method, path, public, names of the members.
fn paths() -> Vec<(&'static str, String, bool, &'static [&'static str])> {
    let of = |path: &str| path.to_owned();
    let recovery = |rest: &str| format!("/v1/public/recoveries/{RECOVERY}/{rest}");
    vec![
        ("POST", of("/v1/public/login"), true, &["appId", "userId", "kdf"]),
        ("POST", of("/v1/register"), false, &["bundle", "backup", "share", "contact"]),
        ("GET", of("/v1/backup"), false, &[]),
        ("PUT", of("/v1/backup"), false, &["backup"]),
        ("PUT", of("/v1/backup/pending"), false, &["backup", "share", "bundle", "contact"]),
        ("POST", of("/v1/backup/activate"), false, &["version"]),
        ("POST", of("/v1/public/recoveries"), true, &["userId"]),
        ("POST", recovery("code"), true, &["code", "key"]),
        ("PUT", recovery("pending"), true, &["backup", "share", "bundle", "contact", "proof"]),
        ("POST", recovery("activate"), true, &["version"]),
        ("POST", of("/v1/directory"), false, &["userIds", "bundles"]),
        ("POST", of("/v1/sessions"), false, &["genesis", "wraps"]),
        ("POST", format!("/v1/sessions/{ID}/entries"), false, &["items"]),
        ("POST", of("/v1/keys"), false, &["sessions", "signers", "groups"]),
        ("POST", of("/v1/exchange-keys"), false, &["items"]),
        ("GET", of("/v1/groups"), false, &[]),
        ("POST", of("/v1/groups"), false, &["genesis", "keys", "head"]),
        ("POST", format!("/v1/groups/{ID}/operations"), false, &["operation", "keys", "head"]),
        ("POST", format!("/v1/groups/{ID}/heads"), false, &["head"]),
        ("POST", format!("/v1/groups/{ID}/claims"), false, &["placeholder"]),
        ("POST", format!("/v1/groups/{ID}/claims/{RECOVERY}"), false, &["code"]),
        ("POST", of("/v1/feed"), false, &["cursor"]),
        ("GET", of("/v1/events"), false, &[]),
        ("POST", of("/v1/journal"), false, &["sessionId", "after"]),
    ]
}

#[test]
fn paths_that_are_not_here() {
    let mut world = World::new();
    let alice = User::registered(&mut world, "alice");
    let other = [
        "",
        "/",
        "/v1",
        "/v1/",
        "/v2/login",
        "/v1/public/login/",
        "/v1//login",
        "/v1/public/login?x=1",
        "/V1/login",
        "v1/login",
    ];
    let ids = [
        "/v1/public/recoveries/x/code",
        "/v1/sessions/x/entries",
        "/v1/sessions//entries",
        "/v1/public/recoveries/AAAA=/code",
    ];
    let groups = ["/v1/groups/x/heads", "/v1/groups//operations", "/v1/groups/x/claims", "/v1/groups/x"];
    let ids: Vec<_> = ids.into_iter().chain(groups).collect();
    for path in other.into_iter().chain(ids) {
        for method in ["GET", "POST", "PUT", "DELETE", "post", ""] {
            let error = world.refuse("invalid-argument", Some(&alice), method, path, json!({}));
            assert_eq!(error.status(), 404);
            assert!(!is_public(method, path));
        }
    }
    for (method, path, ..) in paths() {
        for other in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let is_backup = path == "/v1/backup" && other != "DELETE" && other != "PATCH" && other != "POST";
            let is_backup = is_backup || path == "/v1/groups" && matches!(other, "GET" | "POST");
            if other != method && !is_backup {
                assert_eq!(world.refuse("invalid-argument", None, other, &path, json!({})).status(), 404);
            }
        }
    }
}

#[test]
fn who_may_call() {
    let mut world = World::new();
    let stranger = User::new(&mut seeded(2), "stranger");
    for (method, path, public, _) in paths() {
        assert_eq!(is_public(method, &path), public, "{path}");
        if public {
            continue;
        }
        let error = world.refuse("forbidden", None, method, &path, json!({ "junk": true }));
        assert_eq!(error.status(), 401);
        // The caller before the members; registration and backups are for those without an account, too.
        let expected = match path.as_str() {
            "/v1/register" | "/v1/backup" => continue,
            _ => "unknown-user",
        };
        world.refuse(expected, Some(&stranger), method, &path, json!({ "junk": true }));
    }
}

#[test]
fn members() {
    let mut world = World::new();
    let alice = User::registered(&mut world, "alice");
    let junk = [json!(null), json!(true), json!(-1), json!(1.5), json!({ "a": 1 }), json!("not base64!"), json!([[]])];
    for (method, path, _, names) in paths() {
        if names.is_empty() {
            for body in [json!({}), json!(null)] {
                world.refuse("invalid-argument", Some(&alice), method, &path, body);
            }
            continue;
        }
        world.refuse("invalid-argument", Some(&alice), method, &path, None);
        for body in junk.iter().cloned().chain([json!({}), json!([]), json!({ "unknown": 1 })]) {
            world.refuse("invalid-argument", Some(&alice), method, &path, body);
        }
        // All there, none of a good type.
        for value in &junk {
            let body: Value = names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            let is_good = match names {
                ["cursor"] => value.is_null() || value.is_string(),
                ["userId" | "placeholder" | "code"] => value.is_string(),
                _ => false,
            };
            if !is_good {
                world.refuse("invalid-argument", Some(&alice), method, &path, body);
            }
        }
    }
    // Strict base64url, and lengths of hashes.
    for id in ["AR", "AQ==", "A", "A/AA", ID.get(1..).unwrap()] {
        let body = json!({ "sessionId": id, "after": 0 });
        world.refuse("invalid-argument", Some(&alice), "POST", "/v1/journal", body);
    }
    for name in ["", "a\nb", ID, "a→b"] {
        world.refuse(
            "invalid-argument",
            Some(&alice),
            "POST",
            "/v1/directory",
            json!({ "userIds": [name], "bundles": [] }),
        );
    }
    let too_great = json!({ "version": 1_u64 << 53 });
    world.refuse("invalid-argument", Some(&alice), "POST", "/v1/backup/activate", too_great);
}

#[test]
fn limits() {
    let mut world = World::new();
    let alice = User::registered(&mut world, "alice");
    let many = |count: usize, value: Value| Value::Array(vec![value; count]);
    for (path, body) in [
        ("/v1/directory", json!({ "userIds": many(1001, json!("a")), "bundles": [] })),
        ("/v1/directory", json!({ "userIds": [], "bundles": many(1001, json!(ID)) })),
        ("/v1/keys", json!({ "sessions": many(1001, json!({ "id": ID })), "signers": [], "groups": [] })),
        ("/v1/keys", json!({ "sessions": [], "signers": many(1001, json!(ID)), "groups": [] })),
        ("/v1/keys", json!({ "sessions": [], "signers": [], "groups": many(1001, json!({ "id": ID })) })),
        ("/v1/exchange-keys", json!({ "items": many(101, json!("")) })),
        (&format!("/v1/sessions/{ID}/entries"), json!({ "items": many(17, json!({ "entry": "", "wraps": null })) })),
    ] {
        world.refuse("limit", Some(&alice), "POST", path, body);
    }
    world.post(&alice, "/v1/directory", json!({ "userIds": many(1000, json!("a")), "bundles": [] }));
}

#[test]
fn bodies_as_they_come() {
    let mut world = World::new();
    let alice = User::registered(&mut world, "alice");
    let mut ask = |method: &str, path: &str, bytes: &[u8]| {
        let body = Body::Bytes(bytes);
        let request =
            Request { now_ms: 1, caller: Some(Caller::User(&alice.id)), method, path, idempotency_key: None, body };
        let result = handle(&world.server, &mut world.store, &mut world.rng, &request);
        result.map_err(|error| {
            codes::check(&error);
            (error.code().as_str(), error.status())
        })
    };
    assert!(ask("GET", "/v1/backup", b"").is_ok());
    assert!(ask("POST", "/v1/feed", br#"{"cursor": null}"#).is_ok());
    for bytes in [b"".as_slice(), b"{", b"\xff", b"{} {}", br#"{"cursor": null"#] {
        assert_eq!(ask("POST", "/v1/feed", bytes).unwrap_err(), ("invalid-argument", 400));
    }
    // The size is looked at first, the path before the caller and the body.
    let large = vec![b' '; MAX_BODY + 1];
    assert_eq!(ask("POST", "/v1/nothing", &large).unwrap_err(), ("limit", 413));
    assert_eq!(ask("POST", "/v1/nothing", b"{").unwrap_err(), ("invalid-argument", 404));
    // Nested beyond reason.
    let deep = "[".repeat(100_000);
    assert_eq!(ask("POST", "/v1/feed", deep.as_bytes()).unwrap_err(), ("invalid-argument", 400));
}

#[test]
fn who_may_listen() {
    let mut world = World::new();
    let alice = User::registered(&mut world, "alice");
    assert_eq!(world.call(Some(&alice), "GET", "/v1/events", None), json!({}));
}

#[test]
fn directory() {
    let mut world = World::new();
    let mut alice = User::registered(&mut world, "alice");
    let bob = User::registered(&mut world, "bob");
    let old = *alice.identity().newest().hash();
    alice.renewed(&mut world, 2);
    let new = *alice.identity().newest().hash();
    let ask = |users: &[&str], bundles: &[String]| json!({ "userIds": users, "bundles": bundles });
    let reply = world.post(
        &bob,
        "/v1/directory",
        ask(&["bob", "nobody", "alice", "bob"], &[old.to_string(), new.to_string(), ID.to_owned()]),
    );
    let identities = reply["identities"].as_array().unwrap();
    let found: Vec<_> = identities.iter().map(crate::world::list).collect();
    assert_eq!(found, [bob.bundles.clone(), alice.bundles.clone()]);
    let reply = world.post(&bob, "/v1/directory", ask(&[], &[new.to_string(), old.to_string()]));
    assert_eq!(reply["identities"].as_array().unwrap().len(), 1);
    assert_eq!(world.post(&bob, "/v1/directory", ask(&[], &[])), json!({ "identities": [] }));
    // The key server has no name, and isn't in it.
    let server = world.server.identity().fingerprint().to_string();
    assert_eq!(world.post(&bob, "/v1/directory", ask(&[], &[server])), json!({ "identities": [] }));
}
