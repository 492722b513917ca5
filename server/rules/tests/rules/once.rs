//! Idempotency keys: API section 1.

use serde_json::{Value, json};
use wardkey::key_pair::{KeyPair, Suite};
use wardkey_rules::{ApiError, Body, Caller, Reply, Request, upkeep};

use crate::{
    claims::Waiting,
    user::User,
    world::{DAY, World, b64, seeded},
};

/// One request under a key.
pub(crate) fn once(
    world: &mut World,
    caller: Option<&User>,
    key: &str,
    path: &str,
    body: &Value,
) -> Result<Reply, ApiError> {
    let caller = caller.map(|user| Caller::User(&user.id));
    let body = Body::Json(body);
    let asked = Request { now_ms: world.now, caller, method: "POST", path, idempotency_key: Some(key), body };
    world.store.request(&world.server, &mut world.rng, &asked)
}

fn refused(result: Result<Reply, ApiError>) -> (&'static str, Option<u64>, bool) {
    let error = result.unwrap_err();
    (error.code().as_str(), error.attempts_left(), error.keeps())
}

fn answer(code: &str) -> Value {
    let pair = KeyPair::generate(&mut seeded(50), Suite::Hybrid).unwrap();
    json!({ "code": code, "key": b64(pair.public_key().as_bytes()) })
}

const START: &str = "/v1/public/recoveries";

#[test]
fn a_start_is_repeated_without_another_mail() {
    let mut world = World::new();
    let alice = User::reachable(&mut world, "alice");
    User::reachable(&mut world, "bob");
    let body = json!({ "userId": "alice" });
    let first = once(&mut world, None, "k", START, &body).unwrap();
    assert_eq!(first.mails.len(), 1);
    for _ in 0..20 {
        let again = once(&mut world, None, "k", START, &body).unwrap();
        assert_eq!((again.json, again.mails.len()), (first.json.clone(), 0));
    }
    assert_eq!(world.journal(&alice, None).len(), 2);
    // Another key, another recovery; the same one for another body is refused.
    let other = once(&mut world, None, "K", START, &body).unwrap();
    assert_ne!(other.json, first.json);
    assert_eq!(refused(once(&mut world, None, "k", START, &json!({ "userId": "bob" }))).0, "conflict");
    assert_eq!(refused(once(&mut world, None, "k", START, &json!({ "userId": 1 }))).0, "conflict");
    // For a day, whether somebody cleans up or not.
    world.now += DAY - 1;
    assert_eq!(once(&mut world, None, "k", START, &body).unwrap().json, first.json);
    world.now += 1;
    let next = once(&mut world, None, "k", START, &body).unwrap();
    assert_eq!((next.mails.len(), next.json == first.json), (1, false));
    assert_eq!(once(&mut world, None, "k", START, &body).unwrap().json, next.json);
    let before = world.store.clone();
    world.now += DAY + 1;
    upkeep(&mut world.store, world.now).unwrap();
    world.store.commit();
    assert!(world.store.snapshot().unwrap().len() + 500 < before.snapshot().unwrap().len());
}

#[test]
fn a_try_is_counted_once() {
    let mut world = World::new();
    let alice = User::reachable(&mut world, "alice");
    let started = world.call(None, "POST", START, json!({ "userId": "alice" }));
    let path = format!("{START}/{}/code", started["recoveryId"].as_str().unwrap());
    let code = world.mails[0].code.clone();
    for _ in 0..10 {
        let first = refused(once(&mut world, None, "w", &path, &answer("x")));
        assert_eq!((first.0, first.1), ("otp-wrong", Some(4)));
    }
    assert!(!refused(once(&mut world, None, "w", &path, &answer("x"))).2);
    assert_eq!(world.journal(&alice, None).len(), 3);
    assert_eq!(refused(once(&mut world, None, "w", &path, &answer("y"))).0, "conflict");
    assert_eq!(refused(once(&mut world, None, "v", &path, &answer("x"))).1, Some(3));

    let right = answer(&code);
    let first = once(&mut world, None, "r", &path, &right).unwrap().json;
    assert_eq!(once(&mut world, None, "r", &path, &right).unwrap().json, first);
    assert_eq!(world.journal(&alice, None).last().unwrap().split(' ').nth(1), Some("recovery-release"));
    assert_eq!(world.journal(&alice, None).len(), 5);
    // Without the key it was answered before.
    world.refuse("otp-expired", None, "POST", &path, right.clone());
    assert_eq!(refused(once(&mut world, None, "s", &path, &right)).0, "otp-expired");

    // Of the code, the receipt, the share and the body nothing is to be read in what is kept.
    let snapshot = String::from_utf8(world.store.snapshot().unwrap()).unwrap();
    for secret in [&first["receipt"], &first["backups"][0]["share"], &right["key"]] {
        assert!(!snapshot.contains(secret.as_str().unwrap()), "{secret}");
    }
    let kept: Value = serde_json::from_str(&snapshot).unwrap();
    let kept = kept["tables"]["answered"].as_object().unwrap();
    assert_eq!(kept.len(), 3, "two wrong ones, one right");
    for row in kept.values() {
        let sealed = wardkey::encoding::from_base64url(row[1].as_str().unwrap()).unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"\"body\"" || part == b"\"reply"));
    }
}

#[test]
fn claims() {
    let mut waiting = Waiting::with_contact();
    let path = waiting.ward.path("claims");
    let body = json!({ "placeholder": "clinic" });
    let Waiting { ward, .. } = &mut waiting;
    let first = once(&mut ward.world, Some(&ward.anna), "k", &path, &body).unwrap();
    let again = once(&mut ward.world, Some(&ward.anna), "k", &path, &body).unwrap();
    assert_eq!((&again.json, again.mails.len()), (&first.json, 0));
    // A key is its caller's.
    assert_eq!(refused(once(&mut ward.world, Some(&ward.ben), "k", &path, &body)).0, "forbidden");
    let path = format!("{path}/{}", first.json["claimId"].as_str().unwrap());
    for _ in 0..7 {
        let wrong = refused(once(&mut ward.world, Some(&ward.anna), "w", &path, &json!({ "code": "x" })));
        assert_eq!((wrong.0, wrong.1), ("otp-wrong", Some(4)));
    }
    let right = json!({ "code": first.mails[0].code });
    let given = once(&mut ward.world, Some(&ward.anna), "r", &path, &right).unwrap();
    assert_eq!(given.json["sessions"].as_array().unwrap().len(), 1);
    let again = once(&mut ward.world, Some(&ward.anna), "r", &path, &right).unwrap();
    assert_eq!((&again.json, again.events.len()), (&given.json, 0));
    // Another key asks anew: nothing is left.
    let anew = once(&mut ward.world, Some(&ward.anna), "s", &path, &right).unwrap();
    assert_eq!(anew.json["sessions"], json!([]));
}

#[test]
fn keys() {
    let mut world = World::new();
    let alice = User::reachable(&mut world, "alice");
    let body = json!({ "userId": "alice" });
    let long = "x".repeat(256);
    for key in ["", " ", "a b", "é", "\u{7f}", &long] {
        assert_eq!(refused(once(&mut world, None, key, START, &body)).0, "invalid-argument");
    }
    once(&mut world, None, &long[1..], START, &body).unwrap();
    // Elsewhere it is passed over.
    let feed = json!({ "cursor": null });
    once(&mut world, Some(&alice), "", "/v1/feed", &feed).unwrap();
    once(&mut world, Some(&alice), "k", "/v1/feed", &feed).unwrap();
    let other = once(&mut world, Some(&alice), "k", "/v1/feed", &json!({ "cursor": "x" })).unwrap();
    assert_eq!(other.json["reset"], json!(true));
}

/// What fails otherwise isn't kept.
#[test]
fn failures_are_not_kept() {
    let mut world = World::new();
    User::registered(&mut world, "carol");
    let body = json!({ "userId": "carol" });
    assert_eq!(refused(once(&mut world, None, "k", START, &body)).0, "no-backup");
    assert_eq!(refused(once(&mut world, None, "k", START, &json!({ "userId": "nobody" }))).0, "no-backup");
}
