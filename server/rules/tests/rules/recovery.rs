//! API section 4, and B6 of the published attacks.

use std::sync::Mutex;

use serde_json::{Value, json};
use wardkey::{
    account::{Receipt, RecoveryProof, open_recovery_share, open_share},
    backup::{Envelope, TwoMen},
    identity::{Asked, Identity},
    key_pair::{KeyPair, Suite},
    secret::Secret,
};
use wardkey_rules::{Body, Request, Server};

use crate::{
    user::{User, rsa},
    world::{DAY, FIRST, MINUTE, World, app, b64, key_server, list, refs, seeded, unb64},
};

struct Started {
    id: [u8; 16],
    path: String,
    code: String,
}

fn start(world: &mut World, name: &str) -> Started {
    let reply = world.call(None, "POST", "/v1/public/recoveries", json!({ "userId": name }));
    let id = unb64(&reply["recoveryId"]).try_into().unwrap();
    let path = format!("/v1/public/recoveries/{}", reply["recoveryId"].as_str().unwrap());
    Started { id, path, code: world.mails.last().unwrap().code.clone() }
}

fn ephemeral() -> KeyPair {
    KeyPair::generate(&mut seeded(50), Suite::Hybrid).unwrap()
}

fn answer(code: &str) -> Value {
    json!({ "code": code, "key": b64(ephemeral().public_key().as_bytes()) })
}

/// Another code of the same form.
fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '9' { '0' } else { char::from(digit as u8 + 1) }).collect()
}

/// A whole backup for a recovery, with its proof.
fn recovered(world: &mut World, user: &mut User, id: [u8; 16], version: u64) -> Value {
    let mut body = user.write(world, version, true);
    let signer = user.signer();
    let proof = RecoveryProof::sign(id, &user.backup, (&signer.bundle, &user.signing[0])).unwrap();
    body["proof"] = b64(proof.to_bytes());
    body
}

#[test]
fn from_the_code_to_a_new_backup() {
    let mut world = World::new();
    let mut alice = User::reachable(&mut world, "alice");
    let before = world.call(Some(&alice), "GET", "/v1/backup", None);
    let started = start(&mut world, "alice");
    let mail = world.mails[0].clone();
    assert_eq!((mail.to.as_str(), mail.user_id.as_ref().unwrap().as_str()), ("alice@hospital.example", "alice"));
    assert!(mail.code.len() == 8 && mail.code.bytes().all(|digit| digit.is_ascii_digit()), "{}", mail.code);

    world.now += 5 * MINUTE;
    let reply = world.call(None, "POST", &format!("{}/code", started.path), answer(&started.code));
    let server = key_server(&reply["keyServer"]);
    let receipt = unb64(&reply["receipt"]);
    let end = world.now + 10 * MINUTE;
    let read = Receipt::verify(&receipt, &server, &alice.id, end - 1, FIRST).unwrap();
    assert_eq!(read.value().recovery(), &started.id);
    assert_eq!(Receipt::verify(&receipt, &server, &alice.id, end, FIRST).unwrap_err().code().as_str(), "otp-expired");
    assert_eq!(list(&reply["identity"]), alice.bundles);
    let backups = reply["backups"].as_array().unwrap();
    assert_eq!(backups.len(), 1);
    assert_eq!(backups[0]["backup"], before["active"]);
    assert_eq!((&backups[0]["bundle"], &backups[0]["contact"]), (&Value::Null, &Value::Null));
    let share = unb64(&backups[0]["share"]);
    open_recovery_share(&mut seeded(51), &share, &ephemeral(), (&app(), &alice.id), 1, &started.id).unwrap();

    let body = recovered(&mut world, &mut alice, started.id, 2);
    let pending = format!("{}/pending", started.path);
    for _ in 0..2 {
        assert_eq!(world.call(None, "PUT", &pending, body.clone()), json!({ "version": 2 }));
    }
    let activate = format!("{}/activate", started.path);
    world.pushed();
    for _ in 0..2 {
        assert_eq!(world.call(None, "POST", &activate, json!({ "version": 2 })), json!({ "version": 2 }));
    }
    assert_eq!(world.pushed(), [r#"alice {"type":"backup","version":2}"#]);
    world.refuse("otp-expired", None, "POST", &activate, json!({ "version": 3 }));
    world.refuse("otp-expired", None, "PUT", &pending, body.clone());
    let after = world.call(Some(&alice), "GET", "/v1/backup", None);
    assert_eq!(after["active"], body["backup"]);
    let id = wardkey::encoding::base64url(&started.id);
    assert_eq!(
        world.journal(&alice, None),
        [
            "alice register version=1".to_owned(),
            format!("- recovery-start recovery={id}"),
            format!("- recovery-release recovery={id}"),
            "alice backup-pending version=2".to_owned(),
            "alice backup-active version=2".to_owned(),
        ]
    );
}

#[test]
fn the_share_that_is_released_opens_by_two_men() {
    let mut world = World::new();
    let alice = User::new(&mut seeded(2), "alice");
    // Shares that the test knows.
    let men = TwoMen {
        application: Secret::from_slice(&[1; 32]).unwrap(),
        key_server: Secret::from_slice(&[2; 32]).unwrap(),
    };
    let derivation = alice.derivation(&mut world);
    let encryption: Vec<_> = alice.pairs.iter().collect();
    let signing: Vec<_> = alice.signing.iter().collect();
    let keys = wardkey::backup::Keys { encryption: &encryption, signing: &signing };
    let owner = wardkey::backup::Owner::of(&app(), &alice.id);
    let sealing = Envelope::begin(&mut world.rng, &owner, 1, &derivation, Some(&men), &keys).unwrap();
    let slow = wardkey::password::SlowKey::new(&Secret::from_slice(&[7; 32]).unwrap());
    let backup = sealing.finish(&mut world.rng, &slow).unwrap().encode();
    let key = world.server.identity().encryption_key();
    let share = wardkey::account::wrap_share(&mut world.rng, &men.key_server, key, (&app(), &alice.id), 1).unwrap();
    let body = json!({ "bundle": b64(&alice.bundles[0]), "backup": b64(backup), "share": b64(share), "contact": b64(alice.contact(1, "a@b")) });
    world.post(&alice, "/v1/register", body);

    let started = start(&mut world, "alice");
    let reply = world.call(None, "POST", &format!("{}/code", started.path), answer(&started.code));
    let given = &reply["backups"][0];
    let share = unb64(&given["share"]);
    let mut rng = seeded(51);
    let key_server = open_recovery_share(&mut rng, &share, &ephemeral(), (&app(), &alice.id), 1, &started.id).unwrap();
    let envelope = Envelope::parse(&unb64(&given["backup"])).unwrap();
    let alone = TwoMen { application: Secret::from_slice(&[3; 32]).unwrap(), key_server };
    assert!(envelope.open_account_with_two_men(&alone).is_err());
    envelope.open_account_with_two_men(&TwoMen { application: men.application, ..alone }).unwrap();
    // Bound to this recovery, and useless where it was sealed for the server.
    assert!(open_recovery_share(&mut rng, &share, &ephemeral(), (&app(), &alice.id), 1, &[0; 16]).is_err());
    assert!(open_share(&mut rng, &share, &ephemeral(), (&app(), &alice.id), 1).is_err());
}

#[test]
fn what_is_pending_is_given_too() {
    let mut world = World::new();
    let mut alice = User::reachable(&mut world, "alice");
    let bundle = alice.renew(&mut seeded(6));
    let mut body = alice.write(&mut world, 2, true);
    body["bundle"] = b64(&bundle);
    world.call(Some(&alice), "PUT", "/v1/backup/pending", body.clone());
    let started = start(&mut world, "alice");
    let reply = world.call(None, "POST", &format!("{}/code", started.path), answer(&started.code));
    let backups = reply["backups"].as_array().unwrap();
    assert_eq!(backups.len(), 2);
    assert_eq!((&backups[1]["backup"], &backups[1]["bundle"]), (&body["backup"], &body["bundle"]));
    let share = unb64(&backups[1]["share"]);
    open_recovery_share(&mut seeded(51), &share, &ephemeral(), (&app(), &alice.id), 2, &started.id).unwrap();

    // What another stored isn't this recovery's to activate.
    world.refuse("conflict", None, "POST", &format!("{}/activate", started.path), json!({ "version": 2 }));
    let identity = Identity::verify(&refs(&list(&reply["identity"])), &app(), Asked::User(&alice.id), FIRST).unwrap();
    assert_eq!(identity.bundles().len(), 1);
}

#[test]
fn starts() {
    let mut world = World::new();
    User::registered(&mut world, "bob");
    for name in ["nobody", "bob"] {
        world.refuse("no-backup", None, "POST", "/v1/public/recoveries", json!({ "userId": name }));
    }
    User::reachable(&mut world, "alice");
    let mut codes = std::collections::BTreeSet::new();
    for _ in 0..10 {
        world.now += MINUTE;
        codes.insert(start(&mut world, "alice").code);
    }
    assert_eq!(codes.len(), 10);
    let error = world.refuse("throttled", None, "POST", "/v1/public/recoveries", json!({ "userId": "alice" }));
    let wait = error.retry_after_ms().unwrap();
    assert_eq!(wait, DAY - 9 * MINUTE);
    world.now += wait - 1;
    world.refuse("throttled", None, "POST", "/v1/public/recoveries", json!({ "userId": "alice" }));
    world.now += 1;
    start(&mut world, "alice");
    world.refuse("throttled", None, "POST", "/v1/public/recoveries", json!({ "userId": "alice" }));
    // Others aren't throttled.
    User::reachable(&mut world, "carol");
    start(&mut world, "carol");
}

#[test]
fn answers_that_are_refused() {
    let mut world = World::new();
    User::reachable(&mut world, "alice");
    let started = start(&mut world, "alice");
    let path = format!("{}/code", started.path);
    let good = answer(&started.code);
    for (code, key) in [
        ("invalid-format", vec![1]),
        ("unsupported-version", b"WKPK\x02".to_vec()),
        ("limit", vec![0; 5000]),
        ("key-policy", rsa().public_key().as_bytes().to_vec()),
    ] {
        world.refuse(code, None, "POST", &path, json!({ "code": started.code, "key": b64(key) }));
    }
    for text in ["".to_owned(), "1".repeat(65)] {
        world.refuse("invalid-argument", None, "POST", &path, answer(&text));
    }
    world.refuse("otp-expired", None, "POST", "/v1/public/recoveries/AAAAAAAAAAAAAAAAAAAAAA/code", good.clone());
    // None of these was a try.
    let error = world.refuse("otp-wrong", None, "POST", &path, answer(&wrong(&started.code)));
    assert_eq!(error.attempts_left(), Some(4));
    world.now += 10 * MINUTE - 1;
    let mut late = world.copy();
    late.now += 1;
    late.refuse("otp-expired", None, "POST", &path, good.clone());
    world.call(None, "POST", &path, good);
}

#[test]
fn what_a_recovery_writes() {
    let mut world = World::new();
    let mut alice = User::reachable(&mut world, "alice");
    let mut bob = User::reachable(&mut world, "bob");
    let started = start(&mut world, "alice");
    let pending = format!("{}/pending", started.path);
    let activate = format!("{}/activate", started.path);
    let good = recovered(&mut world, &mut alice, started.id, 2);
    // Not before the code was answered.
    world.refuse("otp-expired", None, "PUT", &pending, good.clone());
    world.refuse("otp-expired", None, "POST", &activate, json!({ "version": 2 }));
    world.call(None, "POST", &format!("{}/code", started.path), answer(&started.code));
    world.refuse("conflict", None, "POST", &activate, json!({ "version": 2 }));

    let mut body = recovered(&mut world, &mut alice, [0; 16], 2);
    world.refuse("key-mismatch", None, "PUT", &pending, body.clone());
    body["proof"] = good["proof"].clone();
    world.refuse("key-mismatch", None, "PUT", &pending, body);
    // The code alone overwrites nothing.
    let mut body = good.clone();
    let signer = bob.signer();
    let proof = RecoveryProof::sign(started.id, &unb64(&good["backup"]), (&signer.bundle, &bob.signing[0])).unwrap();
    body["proof"] = b64(proof.to_bytes());
    world.refuse("bad-signature", None, "PUT", &pending, body.clone());
    let alices = alice.signer();
    let proof = RecoveryProof::sign(started.id, &unb64(&good["backup"]), (&alices.bundle, &bob.signing[0])).unwrap();
    body["proof"] = b64(proof.to_bytes());
    world.refuse("bad-signature", None, "PUT", &pending, body.clone());
    body["proof"] = b64([1]);
    world.refuse("invalid-format", None, "PUT", &pending, body);
    let mut body = good.clone();
    body["share"] = Value::Null;
    world.refuse("invalid-argument", None, "PUT", &pending, body);
    // Then as any whole write.
    let body = recovered(&mut world, &mut alice, started.id, 3);
    world.refuse("conflict", None, "PUT", &pending, body);
    let mut body = bob.write(&mut world, 2, true);
    let proof = RecoveryProof::sign(started.id, &bob.backup, (&alices.bundle, &alice.signing[0])).unwrap();
    body["proof"] = b64(proof.to_bytes());
    world.refuse("key-mismatch", None, "PUT", &pending, body);

    world.call(None, "PUT", &pending, good.clone());
    // The user's own write takes its place.
    let mut other = world.copy();
    let third = alice.write(&mut other, 3, true);
    other.call(Some(&alice), "PUT", "/v1/backup/pending", third);
    other.refuse("conflict", None, "POST", &activate, json!({ "version": 2 }));
    other.refuse("conflict", None, "POST", &activate, json!({ "version": 3 }));

    world.now += 60 * MINUTE + 1;
    world.refuse("otp-expired", None, "POST", &activate, json!({ "version": 2 }));
    world.refuse("otp-expired", None, "PUT", &pending, good.clone());
    world.now -= 1;
    world.call(None, "POST", &activate, json!({ "version": 2 }));
    // Repeated, even later.
    world.now += 60 * MINUTE;
    world.call(None, "POST", &activate, json!({ "version": 2 }));
}

// ---------------------------------------------------------------- B6

#[test]
fn the_sixth_right_code_is_locked() {
    let mut world = World::new();
    User::reachable(&mut world, "alice");
    let started = start(&mut world, "alice");
    let path = format!("{}/code", started.path);
    for left in (0..5).rev() {
        let error = world.refuse("otp-wrong", None, "POST", &path, answer(&wrong(&started.code)));
        assert_eq!(error.attempts_left(), Some(left));
    }
    world.refuse("otp-locked", None, "POST", &path, answer(&started.code));
    world.now += 11 * MINUTE;
    world.refuse("otp-locked", None, "POST", &path, answer(&started.code));
}

#[test]
fn of_a_thousand_in_parallel_five_count() {
    let mut world = World::new();
    User::reachable(&mut world, "alice");
    let started = start(&mut world, "alice");
    let path = format!("{}/code", started.path);
    let body = answer(&wrong(&started.code));
    let server = Server::from_secret_bytes(&world.server.to_secret_bytes()).unwrap();
    let (now, shared) = (world.now, Mutex::new(world));
    let ask = |thread: u8| {
        let mut rng = seeded(100 + thread);
        let mut codes = Vec::new();
        for _ in 0..250 {
            let asked = Request {
                now_ms: now,
                caller: None,
                method: "POST",
                path: &path,
                idempotency_key: None,
                body: Body::Json(&body),
            };
            let result = shared.lock().unwrap().store.request(&server, &mut rng, &asked);
            codes.push(result.unwrap_err().code().as_str());
        }
        codes
    };
    let codes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || ask(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let count = |code: &str| codes.iter().filter(|found| **found == code).count();
    assert_eq!((count("otp-wrong"), count("otp-locked")), (5, 995));
}

#[test]
fn ten_tries_a_day_over_all_recoveries() {
    let mut world = World::new();
    let alice = User::reachable(&mut world, "alice");
    let first = world.now;
    let mut refused = Vec::new();
    for _ in 0..5 {
        let started = start(&mut world, "alice");
        for _ in 0..3 {
            let path = format!("{}/code", started.path);
            let body = answer(&wrong(&started.code));
            let error = world.request(None, "POST", &path, Some(&body)).unwrap_err();
            refused.push((error.code().as_str(), error.attempts_left()));
            world.now += MINUTE;
        }
    }
    let wrong_ones = refused.iter().filter(|(code, _)| *code == "otp-wrong").count();
    assert_eq!(wrong_ones, 10);
    assert_eq!(refused[9], ("otp-wrong", Some(0)));
    assert_eq!(refused[8], ("otp-wrong", Some(1)));
    assert!(refused[10..].iter().all(|(code, _)| *code == "otp-locked"));
    let started = start(&mut world, "alice");
    let path = format!("{}/code", started.path);
    let error = world.refuse("otp-locked", None, "POST", &path, answer(&started.code));
    assert_eq!(error.retry_after_ms(), Some(first + DAY - world.now));
    let journal = world.journal(&alice, None);
    assert_eq!(journal.iter().filter(|line| line.starts_with("- recovery-wrong")).count(), 10);

    // The next day.
    world.now = first + DAY;
    let started = start(&mut world, "alice");
    let path = format!("{}/code", started.path);
    let error = world.refuse("otp-wrong", None, "POST", &path, answer(&wrong(&started.code)));
    assert_eq!(error.attempts_left(), Some(0));
    world.refuse("otp-locked", None, "POST", &path, answer(&started.code));
    // A clock that is set back frees nothing.
    world.now -= DAY;
    world.refuse("otp-locked", None, "POST", &path, answer(&started.code));
}

#[test]
fn a_right_try_counts_for_the_day() {
    let mut world = World::new();
    User::reachable(&mut world, "alice");
    for _ in 0..5 {
        let started = start(&mut world, "alice");
        let path = format!("{}/code", started.path);
        world.refuse("otp-wrong", None, "POST", &path, answer(&wrong(&started.code)));
        world.call(None, "POST", &path, answer(&started.code));
    }
    let started = start(&mut world, "alice");
    world.refuse("otp-locked", None, "POST", &format!("{}/code", started.path), answer(&started.code));
}

/// The share is bound to the version of the whole write, and what is released to the version of the backup beside it.
#[test]
fn after_writes_of_the_state() {
    let mut world = World::new();
    let alice = User::reachable(&mut world, "alice");
    for version in 2..4 {
        let state = alice.state(&mut world, version);
        world.call(Some(&alice), "PUT", "/v1/backup", json!({ "backup": b64(state) }));
    }
    let started = start(&mut world, "alice");
    let reply = world.call(None, "POST", &format!("{}/code", started.path), answer(&started.code));
    let backup = Envelope::parse(&unb64(&reply["backups"][0]["backup"])).unwrap();
    assert_eq!(backup.version(), 3);
    let share = unb64(&reply["backups"][0]["share"]);
    open_recovery_share(&mut seeded(51), &share, &ephemeral(), (&app(), &alice.id), 3, &started.id).unwrap();
}

#[test]
fn a_code_is_of_its_recovery() {
    let mut world = World::new();
    User::reachable(&mut world, "alice");
    let (one, other) = (start(&mut world, "alice"), start(&mut world, "alice"));
    world.refuse("otp-wrong", None, "POST", &format!("{}/code", one.path), answer(&other.code));
    world.refuse("otp-wrong", None, "POST", &format!("{}/code", other.path), answer(&one.code));
    world.call(None, "POST", &format!("{}/code", other.path), answer(&other.code));
}

#[test]
fn a_code_is_used_once() {
    let mut world = World::new();
    User::reachable(&mut world, "alice");
    let started = start(&mut world, "alice");
    let path = format!("{}/code", started.path);
    world.call(None, "POST", &path, answer(&started.code));
    world.refuse("otp-expired", None, "POST", &path, answer(&started.code));
    world.refuse("otp-expired", None, "POST", &path, answer(&wrong(&started.code)));
}

/// From the beginning of time on: some tests' clocks stand there.
#[test]
fn tries_count_at_time_zero() {
    let mut world = World::new();
    User::reachable(&mut world, "alice");
    world.now = 0;
    for _ in 0..2 {
        let started = start(&mut world, "alice");
        for _ in 0..5 {
            world.refuse("otp-wrong", None, "POST", &format!("{}/code", started.path), answer(&wrong(&started.code)));
        }
    }
    let started = start(&mut world, "alice");
    world.refuse("otp-locked", None, "POST", &format!("{}/code", started.path), answer(&started.code));
}

#[test]
fn a_snapshot_keeps_tries() {
    let mut world = World::new();
    User::reachable(&mut world, "alice");
    let started = start(&mut world, "alice");
    let path = format!("{}/code", started.path);
    for _ in 0..4 {
        world.refuse("otp-wrong", None, "POST", &path, answer(&wrong(&started.code)));
        world = world.copy();
    }
    world.call(None, "POST", &path, answer(&started.code));
    world.copy().refuse("otp-expired", None, "POST", &path, answer(&started.code));
}

#[test]
fn addresses_are_masked() {
    let mut world = World::new();
    for (name, address, masked) in
        [("x", "ä.b@c.example", "ä•••@c.example"), ("y", "a@b", "a•••@b"), ("z", "long.name@h", "l•••@h")]
    {
        let mut user = User::new(&mut seeded(30), name);
        let body = user.registration(&mut world, Some(address));
        world.post(&user, "/v1/register", body);
        let reply = world.call(None, "POST", "/v1/public/recoveries", json!({ "userId": name }));
        assert_eq!(reply["sentTo"], masked);
    }
}
