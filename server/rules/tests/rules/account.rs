//! API section 3.

use serde_json::{Value, json};
use wardkey::{
    account::login_salt,
    identity::{Asked, Identity},
    key_pair::KeyPair,
    password::{Derivation, Kdf},
};

use crate::{
    user::{User, rsa},
    world::{FIRST, World, app, b64, key_server, list, refs, seeded, unb64},
};

fn flip(value: &Value) -> Value {
    let mut bytes = unb64(value);
    let place = bytes.len() - 3;
    bytes[place] ^= 1;
    b64(bytes)
}

#[test]
fn login() {
    let mut world = World::new();
    let ask = |name: &str, kdf: Value| json!({ "appId": "app.example", "userId": name, "kdf": kdf });
    let argon = json!({ "name": "argon2id", "memoryKiB": 65_536, "passes": 3 });
    let stranger = world.call(None, "POST", "/v1/public/login", ask("alice", argon.clone()));
    assert_eq!(stranger["kdf"], argon);
    assert_eq!(unb64(&stranger["serverSalt"]).len(), 32);
    let known = key_server(&stranger["keyServer"]);
    assert_eq!(known.fingerprint(), world.server.identity().fingerprint());

    // An account keeps its parameters, and the salt was there before it.
    User::registered(&mut world, "alice");
    let alice = world.call(None, "POST", "/v1/public/login", ask("alice", argon.clone()));
    assert_eq!(alice["kdf"], json!({ "name": "pbkdf2-sha256", "iterations": 600_000 }));
    assert_eq!(alice["serverSalt"], stranger["serverSalt"]);
    let bob = world.call(None, "POST", "/v1/public/login", ask("bob", argon));
    assert_ne!(bob["serverSalt"], alice["serverSalt"]);

    for kdf in [
        json!({ "name": "argon2id", "memoryKiB": 1024, "passes": 3 }),
        json!({ "name": "argon2id", "memoryKiB": 65_536, "passes": 11 }),
        json!({ "name": "pbkdf2-sha256", "iterations": 1000 }),
        json!({ "name": "pbkdf2-sha256", "iterations": 1_u64 << 40 }),
    ] {
        world.refuse("kdf-policy", None, "POST", "/v1/public/login", ask("alice", kdf));
    }
    for kdf in [
        json!({ "name": "scrypt", "iterations": 600_000 }),
        json!({ "name": "pbkdf2-sha256", "iterations": 600_000, "passes": 3 }),
        json!({ "name": "argon2id", "memoryKiB": 65_536 }),
        json!({ "name": "argon2id", "memoryKiB": -1, "passes": 3 }),
        json!({ "name": "argon2id", "memoryKiB": 65_536.5, "passes": 3 }),
        json!({}),
        json!("argon2id"),
    ] {
        world.refuse("invalid-argument", None, "POST", "/v1/public/login", ask("alice", kdf));
    }
}

#[test]
fn a_login_names_its_application() {
    let mut world = World::new();
    let kdf = json!({ "name": "argon2id", "memoryKiB": 65_536, "passes": 3 });
    let ask = |app_id: Value, kdf: &Value| json!({ "appId": app_id, "userId": "alice", "kdf": kdf });
    world.call(None, "POST", "/v1/public/login", ask(json!("app.example"), &kdf));
    for other in ["app.example2", "App.example", "app.example ", &"a".repeat(128)] {
        world.refuse("key-mismatch", None, "POST", "/v1/public/login", ask(json!(other), &kdf));
        // Before its parameters; after the members.
        world.refuse(
            "key-mismatch",
            None,
            "POST",
            "/v1/public/login",
            ask(json!(other), &json!({ "name": "pbkdf2-sha256", "iterations": 1 })),
        );
        world.refuse("invalid-argument", None, "POST", "/v1/public/login", ask(json!(other), &json!(null)));
    }
    for mistyped in [json!(null), json!(7), json!(""), json!("a".repeat(129)), json!(["app.example"])] {
        world.refuse("invalid-argument", None, "POST", "/v1/public/login", ask(mistyped, &kdf));
    }
    world.refuse("invalid-argument", None, "POST", "/v1/public/login", json!({ "userId": "alice", "kdf": kdf }));
}

#[test]
fn registration() {
    let mut world = World::new();
    let mut alice = User::new(&mut seeded(2), "alice");
    let body = alice.registration(&mut world, Some("alice@hospital.example"));
    let first = world.post(&alice, "/v1/register", body.clone());
    // Repeated by content, also later on.
    assert_eq!(world.post(&alice, "/v1/register", body.clone()), first);
    let state = alice.state(&mut world, 2);
    world.call(Some(&alice), "PUT", "/v1/backup", json!({ "backup": b64(state) }));
    assert_eq!(world.post(&alice, "/v1/register", body.clone()), first);

    let again = alice.registration(&mut world, Some("alice@hospital.example"));
    world.refuse("already-registered", Some(&alice), "POST", "/v1/register", again);
    let mut other = body.clone();
    other["bundle"] = b64(&User::new(&mut seeded(3), "alice").bundles[0]);
    world.refuse("already-registered", Some(&alice), "POST", "/v1/register", other);

    let read = world.call(Some(&alice), "GET", "/v1/backup", None);
    assert_eq!(list(&read["identity"]), alice.bundles);
    assert_eq!(world.journal(&alice, None), ["alice register version=1"]);
    assert!(world.events.iter().all(|event| event.to_json().unwrap()["type"] == "backup"));
}

#[test]
fn registrations_that_are_refused() {
    let mut world = World::new();
    let mut alice = User::new(&mut seeded(2), "alice");
    let good = alice.registration(&mut world, Some("alice@hospital.example"));
    let plain = alice.registration(&mut world, None);
    let mut refuse = |code: &str, body: Value| {
        world.refuse(code, Some(&alice), "POST", "/v1/register", body);
    };
    let changed = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    refuse("bad-signature", changed("bundle", flip(&good["bundle"])));
    refuse("invalid-format", changed("bundle", b64([1, 2, 3])));
    refuse("limit", changed("bundle", b64(vec![0; 9 << 10])));
    refuse("limit", changed("backup", b64(vec![0; (1 << 20) + 1])));
    refuse("truncated", changed("backup", b64(b"WKBK")));
    refuse("unsupported-version", changed("backup", b64(b"WKBK\x02")));
    refuse("invalid-format", changed("contact", b64([0xa0])));
    refuse("bad-signature", changed("contact", flip(&good["contact"])));
    refuse("invalid-format", changed("share", b64([0xa0])));
    refuse("unwrap-failed", changed("share", flip(&good["share"])));
    refuse("invalid-argument", changed("share", Value::Null));
    refuse("invalid-argument", changed("contact", Value::Null));
    refuse("invalid-argument", changed("backup", plain["backup"].clone()));
    let mut halves = plain.clone();
    halves["backup"] = good["backup"].clone();
    refuse("invalid-argument", halves);

    // Objects are read in the order of the members, and before any rule.
    let mut two = changed("bundle", b64([1]));
    two["backup"] = b64(b"WKBK");
    refuse("invalid-format", two.clone());
    two["bundle"] = flip(&good["bundle"]);
    refuse("truncated", two);

    // Another's.
    let mut bob = User::new(&mut seeded(3), "bob");
    let of_bob = bob.registration(&mut world, Some("bob@hospital.example"));
    for name in ["bundle", "backup", "contact"] {
        let body = changed_with(&good, name, of_bob[name].clone());
        world.refuse("key-mismatch", Some(&alice), "POST", "/v1/register", body);
    }
    let body = changed_with(&good, "share", of_bob["share"].clone());
    world.refuse("unwrap-failed", Some(&alice), "POST", "/v1/register", body);

    // A share for somebody else's key.
    let share = wardkey::account::wrap_share(
        &mut world.rng,
        &wardkey::secret::Secret::from_slice(&[5; 32]).unwrap(),
        bob.pairs[0].public_key(),
        (&app(), &alice.id),
        1,
    );
    let body = changed_with(&good, "share", b64(share.unwrap()));
    world.refuse("not-a-recipient", Some(&alice), "POST", "/v1/register", body);

    // Versions and parameters.
    let second = alice.write(&mut world, 2, false);
    world.refuse(
        "conflict",
        Some(&alice),
        "POST",
        "/v1/register",
        changed_with(&plain, "backup", second["backup"].clone()),
    );
    let salt = Derivation::new(Kdf::default(), &[9; 32]).unwrap();
    let (backup, _) = alice.whole_of(&mut world, 1, false, &salt);
    world.refuse("kdf-policy", Some(&alice), "POST", "/v1/register", changed_with(&plain, "backup", b64(backup)));
    let contact = b64(alice.contact(2, "alice@hospital.example"));
    world.refuse("key-mismatch", Some(&alice), "POST", "/v1/register", changed_with(&good, "contact", contact));

    // A renewal is no beginning.
    alice.renew(&mut seeded(4));
    let body = changed_with(&plain, "bundle", b64(&alice.bundles[1]));
    world.refuse("bad-signature", Some(&alice), "POST", "/v1/register", body);
    assert_eq!(world.store, wardkey_rules::MemoryStore::default());
}

fn changed_with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

#[test]
fn a_backup_is_read() {
    let mut world = World::new();
    let mut alice = User::new(&mut seeded(2), "alice");
    world.refuse("no-backup", Some(&alice), "GET", "/v1/backup", None);
    let body = alice.registration(&mut world, None);
    let registered = world.post(&alice, "/v1/register", body);
    let read = world.call(Some(&alice), "GET", "/v1/backup", None);
    assert_eq!(unb64(&read["active"]), alice.backup);
    assert_eq!(read["pending"], Value::Null);
    assert_eq!(read["cursor"], registered["cursor"]);
    assert_eq!(key_server(&read["keyServer"]).fingerprint(), world.server.identity().fingerprint());

    let pending = alice.write(&mut world, 2, false);
    world.call(Some(&alice), "PUT", "/v1/backup/pending", pending.clone());
    let read = world.call(Some(&alice), "GET", "/v1/backup", None);
    assert_eq!(read["pending"], json!({ "backup": pending["backup"], "bundle": null, "contact": null }));
}

#[test]
fn the_state_is_written() {
    let mut world = World::new();
    let mut alice = User::registered(&mut world, "alice");
    let put = |state: &[u8]| json!({ "backup": b64(state) });
    let second = alice.state(&mut world, 2);
    assert_eq!(world.call(Some(&alice), "PUT", "/v1/backup", put(&second)), json!({ "version": 2 }));
    assert_eq!(world.pushed(), [r#"alice {"type":"backup","version":2}"#]);
    // Repeated: nothing happens.
    assert_eq!(world.call(Some(&alice), "PUT", "/v1/backup", put(&second)), json!({ "version": 2 }));
    assert_eq!(world.pushed(), [""; 0]);

    for version in [1, 2, 4] {
        let state = alice.state(&mut world, version);
        world.refuse("conflict", Some(&alice), "PUT", "/v1/backup", put(&state));
    }
    // A whole backup isn't a state.
    let (whole, _) = alice.whole(&mut world, 3, false);
    world.refuse("forbidden", Some(&alice), "PUT", "/v1/backup", put(&whole));
    let bob = User::registered(&mut world, "bob");
    let state = bob.state(&mut world, 3);
    world.refuse("key-mismatch", Some(&alice), "PUT", "/v1/backup", put(&state));
    world.refuse("truncated", Some(&alice), "PUT", "/v1/backup", put(b"WKBK"));
    let carol = User::new(&mut seeded(5), "carol");
    world.refuse("no-backup", Some(&carol), "PUT", "/v1/backup", put(&state));

    // Not while a whole one is pending.
    let pending = bob_writes(&mut world, "dave");
    world.refuse("conflict", Some(&pending.0), "PUT", "/v1/backup", put(&pending.1));
}

/// A user with a pending backup, and a state of the next version.
fn bob_writes(world: &mut World, name: &str) -> (User, Vec<u8>) {
    let mut user = User::registered(world, name);
    let state = user.state(world, 2);
    let pending = user.write(world, 2, false);
    world.call(Some(&user), "PUT", "/v1/backup/pending", pending);
    (user, state)
}

#[test]
fn a_password_changes() {
    let mut world = World::new();
    let mut alice = User::registered(&mut world, "alice");
    let before = world.call(Some(&alice), "GET", "/v1/backup", None);
    let second = alice.write(&mut world, 2, false);
    let put = |world: &mut World, body: &Value| world.call(Some(&alice), "PUT", "/v1/backup/pending", body.clone());
    assert_eq!(put(&mut world, &second), json!({ "version": 2 }));
    assert_eq!(put(&mut world, &second), json!({ "version": 2 }));
    assert_eq!(world.call(Some(&alice), "GET", "/v1/backup", None)["active"], before["active"]);
    // Another takes its place.
    let third = alice.write(&mut world, 3, false);
    world.call(Some(&alice), "PUT", "/v1/backup/pending", third.clone());
    world.refuse("conflict", Some(&alice), "PUT", "/v1/backup/pending", second.clone());
    world.refuse("conflict", Some(&alice), "POST", "/v1/backup/activate", json!({ "version": 2 }));
    assert_eq!(world.pushed(), [""; 0]);
    for _ in 0..2 {
        let reply = world.post(&alice, "/v1/backup/activate", json!({ "version": 3 }));
        assert_eq!(reply, json!({ "version": 3 }));
    }
    assert_eq!(world.pushed(), [r#"alice {"type":"backup","version":3}"#]);
    let read = world.call(Some(&alice), "GET", "/v1/backup", None);
    assert_eq!((&read["active"], &read["pending"]), (&third["backup"], &Value::Null));
    world.refuse("conflict", Some(&alice), "POST", "/v1/backup/activate", json!({ "version": 4 }));
    // The active one's version is the next one's base.
    let state = alice.state(&mut world, 4);
    world.call(Some(&alice), "PUT", "/v1/backup", json!({ "backup": b64(state) }));
    assert_eq!(
        world.journal(&alice, None),
        [
            "alice register version=1",
            "alice backup-pending version=2",
            "alice backup-pending version=3",
            "alice backup-active version=3"
        ]
    );
}

#[test]
fn whole_backups_that_are_refused() {
    let mut world = World::new();
    let mut alice = User::registered(&mut world, "alice");
    let mut bob = User::registered(&mut world, "bob");
    let good = alice.write(&mut world, 2, false);
    let path = "/v1/backup/pending";
    let mut refuse = |code: &str, name: &str, value: Value| {
        world.refuse(code, Some(&alice), "PUT", path, changed_with(&good, name, value));
    };
    refuse("invalid-format", "bundle", b64([1]));
    refuse("invalid-format", "contact", b64([1]));
    refuse("invalid-format", "backup", b64([1]));
    refuse("invalid-argument", "backup", Value::Null);
    refuse("invalid-argument", "share", b64([1]));
    let of_bob = bob.write(&mut world, 2, false);
    world.refuse("key-mismatch", Some(&alice), "PUT", path, of_bob);
    for version in [1, 3] {
        let body = alice.write(&mut world, version, false);
        world.refuse("conflict", Some(&alice), "PUT", path, body);
    }
    let salt: [u8; 32] = {
        let asked = json!({ "appId": "app.example", "userId": "alice", "kdf": { "name": "argon2id", "memoryKiB": 65_536, "passes": 3 } });
        unb64(&world.call(None, "POST", "/v1/public/login", asked)["serverSalt"]).try_into().unwrap()
    };
    let other = Derivation::new(Kdf::default(), &login_salt(&app(), &alice.id, &salt)).unwrap();
    let (backup, _) = alice.whole_of(&mut world, 2, false, &other);
    world.refuse("kdf-policy", Some(&alice), "PUT", path, changed_with(&good, "backup", b64(backup)));

    // Without an account.
    let mut carol = User::new(&mut seeded(5), "carol");
    let body = carol.write(&mut world, 2, false);
    world.refuse("unknown-user", Some(&carol), "PUT", path, body);
    world.refuse("unknown-user", Some(&carol), "POST", "/v1/backup/activate", json!({ "version": 1 }));

    // A backup that two men open, without a contact.
    let body = alice.write(&mut world, 2, true);
    world.refuse("invalid-argument", Some(&alice), "PUT", path, body.clone());
    // With one: all there, of this version, and his.
    let contact = alice.contact(2, "alice@hospital.example");
    let body = changed_with(&body, "contact", b64(contact));
    world.refuse("invalid-argument", Some(&alice), "PUT", path, changed_with(&body, "share", Value::Null));
    world.refuse("unwrap-failed", Some(&alice), "PUT", path, changed_with(&body, "share", flip(&body["share"])));
    let old = b64(alice.contact(1, "alice@hospital.example"));
    world.refuse("key-mismatch", Some(&alice), "PUT", path, changed_with(&body, "contact", old));
    world.refuse("bad-signature", Some(&alice), "PUT", path, changed_with(&body, "contact", flip(&body["contact"])));
    world.call(Some(&alice), "PUT", path, body);
}

#[test]
fn a_contact_is_set_and_replaced() {
    let mut world = World::new();
    let mut alice = User::registered(&mut world, "alice");
    let start = json!({ "userId": "alice" });
    let mut body = alice.write(&mut world, 2, true);
    body["contact"] = b64(alice.contact(2, "alice@hospital.example"));
    world.call(Some(&alice), "PUT", "/v1/backup/pending", body);
    // Not before it is active.
    world.refuse("no-backup", None, "POST", "/v1/public/recoveries", start.clone());
    world.post(&alice, "/v1/backup/activate", json!({ "version": 2 }));
    let sent = world.call(None, "POST", "/v1/public/recoveries", start.clone());
    assert_eq!(sent["sentTo"], "a•••@hospital.example");
    // From now on each whole backup has its share.
    let plain = alice.write(&mut world, 3, false);
    world.refuse("invalid-argument", Some(&alice), "PUT", "/v1/backup/pending", plain);
    let mut body = alice.write(&mut world, 3, true);
    body["contact"] = b64(alice.contact(3, "new@clinic.example"));
    world.call(Some(&alice), "PUT", "/v1/backup/pending", body);
    world.post(&alice, "/v1/backup/activate", json!({ "version": 3 }));
    world.call(None, "POST", "/v1/public/recoveries", start);
    assert_eq!(world.mails.last().unwrap().to, "new@clinic.example");
    let journal = world.journal(&alice, None);
    assert!(journal.contains(&"alice contact version=2".to_owned()), "{journal:?}");
    assert!(journal.contains(&"alice contact version=3".to_owned()), "{journal:?}");
}

#[test]
fn keys_are_renewed() {
    let mut world = World::new();
    let mut alice = User::registered(&mut world, "alice");
    let hash = *alice.identity().newest().hash();
    let bundle = alice.renew(&mut seeded(6));
    let mut body = alice.write(&mut world, 2, false);
    body["bundle"] = b64(&bundle);
    world.call(Some(&alice), "PUT", "/v1/backup/pending", body);
    let asked = json!({ "userIds": [], "bundles": [hash.to_string()] });
    assert_eq!(world.post(&alice, "/v1/directory", asked.clone())["identities"][0].as_array().unwrap().len(), 1);
    let read = world.call(Some(&alice), "GET", "/v1/backup", None);
    assert_eq!(unb64(&read["pending"]["bundle"]), bundle);
    world.post(&alice, "/v1/backup/activate", json!({ "version": 2 }));
    let identities = world.post(&alice, "/v1/directory", asked)["identities"].clone();
    let identity = Identity::verify(&refs(&list(&identities[0])), &app(), Asked::Bundle(&hash), FIRST).unwrap();
    assert_eq!(identity.bundles().len(), 2);
    assert!(world.journal(&alice, None).contains(&"alice renew version=2".to_owned()));

    // Of another's keys; of the one before; weaker.
    let bob = User::registered(&mut world, "bob");
    let mut body = alice.write(&mut world, 3, false);
    for (code, bundle) in
        [("key-mismatch", &bob.bundles[0]), ("bad-signature", &bundle), ("bad-signature", &alice.bundles[0])]
    {
        body["bundle"] = b64(bundle);
        world.refuse(code, Some(&alice), "PUT", "/v1/backup/pending", body.clone());
    }
    let weaker = weak(&alice, &rsa());
    body["bundle"] = b64(weaker);
    world.refuse("downgrade", Some(&alice), "PUT", "/v1/backup/pending", body);
}

/// A renewal with this key, which the core itself doesn't make: the payload is put together from a renewal and a bundle.
fn weak(user: &User, pair: &KeyPair) -> Vec<u8> {
    use ed25519_dalek::{Signer, SigningKey};
    let identity = user.identity();
    let newest = identity.newest().value();
    let mut e = minicbor::Encoder::new(Vec::new());
    e.map(6).unwrap().u8(1).unwrap().str("app.example").unwrap().u8(2).unwrap().str(user.id.as_str()).unwrap();
    e.u8(3).unwrap().u64(newest.version() + 1).unwrap().u8(4).unwrap().bytes(&identity.newest().hash().0).unwrap();
    e.u8(5).unwrap().bytes(pair.public_key().as_bytes()).unwrap();
    e.u8(6).unwrap().bytes(user.signing[0].verifying_key().as_bytes()).unwrap();
    let payload = e.into_writer();
    let text = [b"wardkey/v1/bundle\0".as_slice(), &payload].concat();
    let signature = SigningKey::from_bytes(user.signing[0].seed().expose()).sign(&text).to_bytes();
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(4).unwrap().u8(1).unwrap().bytes(&payload).unwrap().bytes(&signature).unwrap().bytes(&signature).unwrap();
    e.into_writer()
}
