//! Clients against an evil key server: B2, B3, B5, B6, B7, I1, I3, W8, F6. A row passes when the call ends in its code, and nothing came of it: no request that
//! says more, nothing derived, nothing open, nothing kept.

use std::{cell::Cell, rc::Rc};

use serde_json::{Value, json};
use wardkey::{
    account::login_salt,
    backend::Failure,
    backup::Envelope,
    client::{Client, Options, Recipient, Status},
    encoding::{Context, base64url},
    error::Code,
    identity::{Bundle, FirstUse, Trust, UserId},
    key_pair::Suite,
    message::Padding,
    session::Rights,
    sign::SigningKey,
    signed::Hash,
};

use super::common::{
    keys::Pair,
    messages::Messages as _,
    people::{Person, app},
    rng::seeded,
    world::{Logins, MINUTE, PASSWORD, TestHost, World, bytes_at, failed, options, run},
};

const DAY: u64 = 24 * 60 * MINUTE;

fn id(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn list(bundles: &[Vec<u8>]) -> Value {
    bundles.iter().map(|bundle| base64url(bundle)).collect()
}

/// A device that has been wiped, with a client on it that knows nothing.
fn fresh(world: &Rc<World>) -> Client<TestHost> {
    world.client(&world.device())
}

/// Nothing is open, nothing is kept.
#[track_caller]
fn assert_closed(client: &Client<TestHost>) {
    assert_eq!(client.user_id(), None);
    assert_eq!(run(client.look(Some("anna"))).unwrap(), Status::New);
    assert!(client.host().device.names().is_empty());
}

// ---------------------------------------------------------------- B2

#[test]
fn b2_evil_parameters_get_nothing_out_of_a_password() {
    let world = World::new("b2");
    world.registered("anna", None);
    let evil = [
        (json!({ "kdf": { "name": "argon2id", "memoryKiB": 8, "passes": 1 } }), Code::KdfPolicy),
        (json!({ "kdf": { "name": "argon2id", "memoryKiB": 4_194_304, "passes": 3 } }), Code::KdfPolicy),
        (
            json!({ "kdf": { "name": "argon2id", "memoryKiB": 9_007_199_254_740_991_u64, "passes": 3 } }),
            Code::KdfPolicy,
        ),
        (json!({ "kdf": { "name": "argon2id", "memoryKiB": 65_536, "passes": 3 } }), Code::KdfPolicy),
        (json!({ "kdf": { "name": "pbkdf2-sha256", "iterations": 1 } }), Code::KdfPolicy),
        (json!({ "kdf": { "name": "pbkdf2-sha256", "iterations": 600_000 } }), Code::KdfPolicy),
        (json!({ "kdf": { "name": "scrypt", "iterations": 600_000 } }), Code::InvalidFormat),
        (json!({ "kdf": { "name": "argon2id", "memoryKiB": "19456", "passes": 2 } }), Code::InvalidFormat),
        (json!({ "serverSalt": "" }), Code::InvalidFormat),
        (json!({ "serverSalt": base64url(&[0; 31]) }), Code::InvalidFormat),
        (json!({ "serverSalt": 7 }), Code::InvalidFormat),
    ];
    for (members, code) in evil {
        let told = members.to_string();
        world.change("POST /v1/public/login", move |reply| {
            for (name, value) in members.as_object().unwrap() {
                reply[name] = value.clone();
            }
        });
        // What is asked for two passwords is the same, byte by byte.
        let transcripts = [PASSWORD, "another"].map(|password| {
            let client = fresh(&world);
            world.take_asked();
            assert_eq!(failed(run(client.login_secret("anna", password))), code, "{told}");
            assert_eq!(failed(run(client.unlock("anna", password, 0))), code, "{told}");
            assert_eq!(failed(run(client.register("anna", password, None))), code, "{told}");
            assert_eq!(client.host().derived.get(), 0, "{told}");
            assert_closed(&client);
            world.asked.take()
        });
        assert_eq!(transcripts[0], transcripts[1]);
        assert_eq!(transcripts[0].len(), 3);
    }
}

/// An own salt of the server's choice gives it nothing either: the backup says which one is right, before a second secret is made.
#[test]
fn b2_a_salt_of_the_servers_choice() {
    let world = World::new("b2 salt");
    world.registered("anna", None);
    world.change("POST /v1/public/login", |reply| reply["serverSalt"] = base64url(&[9; 32]).into());
    let client = fresh(&world);
    assert_eq!(failed(run(client.unlock("anna", PASSWORD, 0))), Code::KdfPolicy);
    assert_closed(&client);
    let known = login_salt(&app(), &id("anna"), &[9; 32]);
    let answer = world.ask(Some("anna"), "GET", "/v1/backup", None).unwrap();
    assert_ne!(Envelope::parse(&bytes_at(&answer, "/active")).unwrap().derivation().salt(), known);
}

/// Neither the password nor what opens the backup is in any request.
#[test]
fn b2_no_request_holds_what_opens() {
    let world = World::new("b2 requests");
    let (_, client) = world.registered("anna", Some("anna@example.org"));
    run(client.change_password(PASSWORD, "staple", &())).unwrap();
    run(client.renew_keys("staple")).unwrap();
    run(fresh(&world).unlock("anna", "staple", 0)).unwrap();
    let login = run(client.login_secret("anna", "staple")).unwrap();
    let share = world.shares.borrow().get("anna").cloned().unwrap();
    for asked in world.asked.take() {
        let body = asked.body.to_string();
        for secret in [PASSWORD, "staple", &login, &share] {
            assert!(!body.contains(secret), "{}", asked.what);
        }
    }
}

// ---------------------------------------------------------------- B3

/// With the blob alone each guess costs a slow derivation of its own; the client makes one for each password that it is given.
#[test]
fn b3_a_guess_costs_a_derivation() {
    let world = World::new("b3");
    world.registered("anna", None);
    let client = fresh(&world);
    for (guess, password) in (1..).zip(["a", "b", "a", "c"]) {
        assert_eq!(failed(run(client.unlock("anna", password, 0))), Code::WrongPassword);
        assert_eq!(client.host().derived.get(), guess);
    }
    assert_closed(&client);
}

// ---------------------------------------------------------------- B5

#[test]
fn b5_an_old_backup_is_not_opened_where_a_newer_is_remembered() {
    let world = World::new("b5");
    let (device, client) = world.registered("anna", None);
    let old = world.ask(Some("anna"), "GET", "/v1/backup", None).unwrap();
    run(client.set_recovery_contact(PASSWORD, "anna@example.org")).unwrap();
    let serve = || {
        let old = old.clone();
        world.change("GET /v1/backup", move |reply| reply["active"] = old["active"].clone());
    };
    // By the device, by the application, and by an open client.
    serve();
    assert_eq!(failed(run(client.refresh())), Code::BackupRollback);
    run(client.lock());
    assert_eq!(failed(run(client.unlock("anna", PASSWORD, 0))), Code::BackupRollback);
    assert_eq!(client.user_id(), None);
    assert_eq!(failed(run(fresh(&world).unlock("anna", PASSWORD, 2))), Code::BackupRollback);
    // As the pending one beside it: opened by the same password, it would be written again.
    world.be_good();
    run(client.unlock("anna", PASSWORD, 0)).unwrap();
    run(client.change_password(PASSWORD, "new", &())).unwrap();
    run(client.lock());
    let copy = old.clone();
    world.change("GET /v1/backup", move |reply| {
        reply["pending"] = json!({ "backup": copy["active"], "bundle": null, "contact": null });
    });
    assert_eq!(failed(run(client.unlock("anna", PASSWORD, 0))), Code::BackupRollback);
    assert_eq!(client.user_id(), None);
    // The device goes on remembering.
    serve();
    device.change("resume", Vec::clear);
    assert_eq!(failed(run(world.client(&device).unlock("anna", PASSWORD, 0))), Code::BackupRollback);
}

#[test]
fn b5_two_backups_of_one_version() {
    let world = World::new("b5 fork");
    let (_, client) = world.registered("anna", None);
    let open = run(world.client(&world.device()).unlock("anna", PASSWORD, 0));
    open.unwrap();
    // The same keys, another write of version 2 on each side.
    let other = fresh(&world);
    run(other.unlock("anna", PASSWORD, 0)).unwrap();
    world.registered("bob", None);
    run(client.identities(&[&id("bob")])).unwrap();
    world.change("GET /v1/backup", |reply| {
        let mut backup = bytes_at(reply, "/active");
        *backup.last_mut().unwrap() ^= 1;
        reply["active"] = base64url(&backup).into();
    });
    assert_eq!(failed(run(client.refresh())), Code::Fork);
    // A newer one that was changed: nothing of it is taken.
    assert_eq!(failed(run(other.refresh())), Code::DecryptionFailed);
    assert_eq!(other.backup_version(), Some(1));
}

#[test]
fn b5_another_users_backup_or_none() {
    let world = World::new("b5 others");
    let (device, client) = world.registered("anna", None);
    run(client.lock());
    world.registered("bob", None);
    let bobs = world.ask(Some("bob"), "GET", "/v1/backup", None).unwrap();
    world.change("GET /v1/backup", move |reply| *reply = bobs.clone());
    assert_eq!(failed(run(fresh(&world).unlock("anna", PASSWORD, 0))), Code::KeyMismatch);
    // "There is none" makes no new identity, here or on a device that has one.
    world.be_evil(|asked, answer| match asked.what.as_str() {
        "GET /v1/backup" => Err(Failure::answered("no-backup", None, None)),
        _ => answer,
    });
    for client in [fresh(&world), world.client(&device)] {
        world.take_asked();
        assert_eq!(failed(run(client.unlock("anna", PASSWORD, 0))), Code::NoBackup);
        assert_eq!(world.take_asked(), ["POST /v1/public/login", "GET /v1/backup"]);
        assert_eq!(client.user_id(), None);
    }
    assert!(device.names().contains(&"backup".to_owned()));
    // Another identity under this name.
    let mallory = Person::new(&mut seeded("mallory"), "anna");
    world.change("GET /v1/backup", move |reply| reply["identity"] = list(&mallory.bundles));
    let client = fresh(&world);
    assert_eq!(failed(run(client.unlock("anna", PASSWORD, 0))), Code::PinMismatch);
    assert_closed(&client);
}

/// What the server says to have stored isn't believed: before the application changes anything, the backup was read back.
#[test]
fn b5_a_whole_write_that_was_not_stored() {
    let evil: [fn(&mut Value); 2] = [
        |reply| reply["pending"] = Value::Null,
        |reply| {
            if !reply["pending"].is_null() {
                reply["pending"]["backup"] = reply["active"].clone();
            }
        },
    ];
    for change in evil {
        let world = World::new("b5 stored");
        let (_, client) = world.registered("anna", Some("anna@example.org"));
        let before = (world.shares.borrow().clone(), world.logins.borrow().clone());
        let login = Logins(Rc::clone(&world), "anna");
        world.change("GET /v1/backup", change);
        world.take_asked();
        assert_eq!(failed(run(client.change_password(PASSWORD, "new", &login))), Code::Conflict);
        assert_eq!((world.shares.borrow().clone(), world.logins.borrow().clone()), before);
        assert!(!world.take_asked().contains(&"POST /v1/backup/activate".to_owned()));
    }
}

// ---------------------------------------------------------------- B6

#[test]
fn b6_codes_are_not_guessed() {
    let world = World::new("b6");
    world.registered("anna", Some("anna@example.org"));
    let client = fresh(&world);
    let finish = |recovery: &str, code: &str| {
        run(client.finish_recovery("anna", recovery, code, "new", &Logins(Rc::clone(&world), "anna")))
    };
    let wrong = |right: &str| if right == "00000000" { "00000001" } else { "00000000" };
    let first = run(client.start_recovery("anna")).unwrap().recovery_id;
    let right = world.code();
    for left in (0..5).rev() {
        let failure = finish(&first, wrong(&right)).unwrap_err();
        assert_eq!((failure.code(), failure.attempts_left), (Code::OtpWrong, Some(left)));
    }
    // The sixth is right.
    assert_eq!(failed(finish(&first, &right)), Code::OtpLocked);
    // Beginning again gives no more than ten a day.
    let second = run(client.start_recovery("anna")).unwrap().recovery_id;
    let right = world.code();
    assert_eq!(failed(finish(&first, &right)), Code::OtpLocked);
    for _ in 0..5 {
        assert_eq!(failed(finish(&second, wrong(&right))), Code::OtpWrong);
    }
    let third = run(client.start_recovery("anna")).unwrap().recovery_id;
    let failure = finish(&third, &world.code()).unwrap_err();
    assert_eq!(failure.code(), Code::OtpLocked);
    assert!(failure.retry_after.is_some());
    assert_eq!(client.user_id(), None);
    // Another day: a code of another recovery is wrong, its time ends, it serves once.
    world.pass(DAY);
    let [a, b] = [(); 2].map(|()| {
        let recovery = run(client.start_recovery("anna")).unwrap().recovery_id;
        (recovery, world.code())
    });
    assert_eq!(failed(finish(&a.0, &b.1)), Code::OtpWrong);
    finish(&b.0, &b.1).unwrap();
    assert_eq!(failed(finish(&b.0, &b.1)), Code::OtpExpired);
    world.pass(10 * MINUTE);
    assert_eq!(failed(finish(&a.0, &a.1)), Code::OtpExpired);
    assert!(world.opens("anna", "new"));
}

/// 1,000 at once are 5 that count, and a right one among the later ones is none.
#[test]
fn b6_codes_in_parallel() {
    let world = World::new("b6 parallel");
    world.registered("anna", Some("anna@example.org"));
    let starter = fresh(&world);
    let recovery = run(starter.start_recovery("anna")).unwrap().recovery_id;
    let right: u32 = world.code().parse().unwrap();
    // A client makes a key for each, which is what takes the time here.
    let key = base64url(Pair::hybrid(&mut seeded("b6 key")).pair.public_key().as_bytes());
    let mut codes = Vec::new();
    for guess in 0..1000 {
        let code = if guess == 500 { right } else { (right + 1 + guess) % 100_000_000 };
        let body = json!({ "code": format!("{code:08}"), "key": key });
        let path = format!("/v1/public/recoveries/{recovery}/code");
        codes.push(world.ask(None, "POST", &path, Some(body)).map_err(|failure| failure.code()).unwrap_err());
    }
    assert_eq!(codes.iter().filter(|code| **code == Code::OtpWrong).count(), 5);
    assert_eq!(codes.iter().filter(|code| **code == Code::OtpLocked).count(), 995);
}

// ---------------------------------------------------------------- B7

#[test]
fn b7_one_of_the_two_cheats() {
    let world = World::new("b7");
    world.registered("anna", Some("anna@example.org"));
    world.registered("bob", Some("bob@example.org"));
    let good = world.shares.borrow().clone();
    let attempt = |change: &dyn Fn(&World), code: Code| {
        let client = fresh(&world);
        let recovery = run(client.start_recovery("anna")).unwrap().recovery_id;
        let otp = world.code();
        change(&world);
        world.take_asked();
        let login = Logins(Rc::clone(&world), "anna");
        assert_eq!(failed(run(client.finish_recovery("anna", &recovery, &otp, "new", &login))), code);
        // Nothing is written, and nobody is logged in by it.
        let asked = world.take_asked();
        assert!(!asked.iter().any(|what| what.starts_with("PUT")), "{asked:?}");
        assert_closed(&client);
        world.be_good();
        *world.shares.borrow_mut() = good.clone();
        assert!(world.logs_in("anna", PASSWORD) && world.opens("anna", PASSWORD));
    };
    let share = |world: &World, share: String| {
        world.shares.borrow_mut().insert("anna".to_owned(), share);
    };
    attempt(&|world| share(world, base64url(&[0; 32])), Code::DecryptionFailed);
    attempt(&|world| share(world, base64url(&[0; 31])), Code::DecryptionFailed);
    attempt(&|world| share(world, good["bob"].clone()), Code::DecryptionFailed);
    // A share of the key server for another version is sealed for that.
    let answer = |world: &World, change: Box<dyn Fn(&mut Value)>| {
        world.be_evil(move |asked, answer| {
            let mut answer = answer?;
            if asked.what.ends_with("/code") {
                change(&mut answer);
            }
            Ok(answer)
        });
    };
    attempt(&|world| answer(world, Box::new(|reply| reply["backups"] = json!([]))), Code::InvalidFormat);
    let bobs = world.ask(Some("bob"), "GET", "/v1/backup", None).unwrap()["active"].clone();
    attempt(
        &|world| {
            let bobs = bobs.clone();
            answer(world, Box::new(move |reply| reply["backups"][0]["backup"] = bobs.clone()));
        },
        Code::KeyMismatch,
    );
    // The receipt of another: the application keeps its share.
    attempt(&|world| answer(world, Box::new(|reply| reply["receipt"] = "AA".into())), Code::InvalidFormat);
    // Another identity for the right keys.
    let mallory = Person::new(&mut seeded("mallory"), "anna");
    attempt(
        &|world| {
            let bundles = list(&mallory.bundles);
            answer(world, Box::new(move |reply| reply["identity"] = bundles.clone()));
        },
        Code::PinMismatch,
    );
}

#[test]
fn b7_neither_database_opens_alone() {
    let world = World::new("b7 alone");
    world.registered("anna", Some("anna@example.org"));
    // A thief with the application's share has no receipt; one with a code and the key server has no share.
    world.shares.borrow_mut().clear();
    let client = fresh(&world);
    let recovery = run(client.start_recovery("anna")).unwrap().recovery_id;
    let finished = run(client.finish_recovery("anna", &recovery, &world.code(), "new", &()));
    assert_eq!(failed(finished), Code::Server);
    assert_closed(&client);
}

// ---------------------------------------------------------------- I1, I3

#[test]
fn i1_first_contact_and_later_change() {
    let world = World::new("i1");
    let (_, bob) = world.registered("bob", None);
    let device = world.device();
    let reject = Trust { first_use: FirstUse::Reject, ..Trust::default() };
    let strict = world.client_with(&device, Options { trust: reject.clone(), ..options() });
    // Who is to be somebody else makes no account under this name.
    let anchored = Trust { anchors: vec![("anna".to_owned(), bob.fingerprint().unwrap())], ..reject };
    let other = world.client_with(&device, Options { trust: anchored, ..options() });
    world.take_asked();
    assert_eq!(failed(run(other.register("anna", PASSWORD, None))), Code::PinMismatch);
    assert_eq!(world.take_asked(), ["POST /v1/public/login"]);
    run(strict.register("anna", PASSWORD, None)).unwrap();
    world.take_asked();
    assert_eq!(failed(run(strict.identities(&[&id("bob")]))), Code::NotCertified);
    assert_eq!(world.take_asked(), ["POST /v1/directory"]);
    // What people compared is pinned.
    let number = run(bob.safety_number("anna")).unwrap();
    assert_eq!(failed(run(strict.verify("bob", &number.replace('1', "2")))), Code::PinMismatch);
    assert_eq!(failed(run(strict.identities(&[&id("bob")]))), Code::NotCertified);
    run(strict.verify("bob", &number)).unwrap();
    run(strict.identities(&[&id("bob")])).unwrap();
    // Another identity under his name, also after a wipe of the device, and beside somebody who is met for the first time.
    let mallory = Person::new(&mut seeded("mallory"), "bob");
    let bundles = list(&mallory.bundles);
    world.change("POST /v1/directory", move |reply| reply["identities"] = json!([bundles]));
    let after = fresh(&world);
    run(after.unlock("anna", PASSWORD, 0)).unwrap();
    for client in [&strict, &after] {
        let before = client.backup_version();
        assert_eq!(failed(run(client.identities(&[&id("bob")]))), Code::PinMismatch);
        assert_eq!(failed(run(client.verify("bob", &number))), Code::PinMismatch);
        assert_eq!(client.backup_version(), before);
    }
}

/// Whoever a session is for is compared before a key is wrapped for anybody, and who signed before anything of it is read.
#[test]
fn i1_no_wrap_for_another_key() {
    let world = World::new("i1 wraps");
    let ((_, anna), (_, bob)) = (world.registered("anna", None), world.registered("bob", None));
    world.registered("carol", None);
    let for_all = [("anna", Rights::MANAGE), ("bob", Rights::READ), ("carol", Rights::READ)]
        .map(|(name, rights)| (Recipient::User(id(name)), rights));
    let open = run(bob
        .create_session(&[(Recipient::User(id("bob")), Rights::MANAGE), (Recipient::User(id("anna")), Rights::READ)]));
    let context = Context::default();
    let message =
        run(bob.seal_messages(&open.unwrap(), &[(b"femur", &context)], true, Padding::None)).unwrap().remove(0);
    run(anna.identities(&[&id("bob")])).unwrap();
    let mallory = list(&Person::new(&mut seeded("mallory"), "bob").bundles);
    world.be_evil(move |_, answer| {
        let mut answer = answer?;
        let identities = answer.get_mut("identities").and_then(Value::as_array_mut);
        for identity in identities.into_iter().flatten() {
            let bundle = bytes_at(identity, "/0");
            if bundle.windows(4).any(|bytes| bytes == b"\x63bob") {
                *identity = mallory.clone();
            }
        }
        Ok(answer)
    });
    world.take_asked();
    assert_eq!(failed(run(anna.create_session(&for_all))), Code::PinMismatch);
    assert_eq!(world.take_asked(), ["POST /v1/directory"]);
    let opened = run(anna.open_messages(&[(&message, &context)], &mut Vec::new())).unwrap().remove(0);
    assert_eq!(opened.unwrap_err().code(), Code::BadSignature);
    world.be_good();
    let opened = run(anna.open_messages(&[(&message, &context)], &mut Vec::new())).unwrap().remove(0);
    assert_eq!(opened.unwrap().author.unwrap().user, Some(id("bob")));
}

#[test]
fn i1_another_key_server() {
    let world = World::new("i1 server");
    let (_, client) = world.registered("anna", None);
    run(client.lock());
    let evil = Person::key_server(&mut seeded("evil"));
    let bundles = list(&evil.bundles);
    world.be_evil(move |_, answer| {
        let mut answer = answer?;
        if answer.get("keyServer").is_some() {
            answer["keyServer"] = bundles.clone();
        }
        Ok(answer)
    });
    assert_eq!(failed(run(client.unlock("anna", PASSWORD, 0))), Code::PinMismatch);
    assert_eq!(failed(run(fresh(&world).unlock("anna", PASSWORD, 0))), Code::PinMismatch);
    // A new account takes the one that is configured, and no other.
    let configured = Trust {
        key_server: Some(*world.server.borrow().as_ref().unwrap().identity().fingerprint()),
        ..Trust::default()
    };
    let careful = world.client_with(&world.device(), Options { trust: configured, ..options() });
    world.take_asked();
    assert_eq!(failed(run(careful.register("bob", PASSWORD, Some("bob@example.org")))), Code::PinMismatch);
    assert_eq!(world.take_asked(), ["POST /v1/public/login"]);
    assert!(!world.shares.borrow().contains_key("bob"));
}

#[test]
fn i3_a_name_is_no_hash() {
    let world = World::new("i3");
    let (_, anna) = world.registered("anna", None);
    let like_group = "A".repeat(43);
    world.take_asked();
    let client = fresh(&world);
    assert_eq!(failed(run(client.login_secret(&like_group, PASSWORD))), Code::InvalidArgument);
    assert_eq!(failed(run(client.register(&like_group, PASSWORD, None))), Code::InvalidArgument);
    assert_eq!(failed(run(client.unlock(&like_group, PASSWORD, 0))), Code::InvalidArgument);
    assert_eq!(failed(run(client.start_recovery(&like_group))), Code::InvalidArgument);
    assert_eq!(failed(run(anna.add_members(&Hash([1; 32]), &[], false))), Code::UnknownGroup);
    assert!(UserId::new(&like_group).is_err());
    // Where either may stand it is a group's id, and nobody is asked for a user of this name.
    assert_eq!(failed(run(anna.safety_number(&like_group))), Code::UnknownGroup);
    assert_eq!(world.take_asked(), ["POST /v1/keys", "POST /v1/keys"]);
    // From the server: the bundle of a user whose name was replaced by one that has the form of a hash.
    world.registered("B".repeat(42).as_str(), None);
    let bundles = Cell::new(None);
    let answer =
        world.ask(Some("anna"), "POST", "/v1/directory", Some(json!({ "userIds": ["B".repeat(42)], "bundles": [] })));
    bundles.set(Some(bytes_at(&answer.unwrap(), "/identities/0/0")));
    let bundle = bundles.take().unwrap();
    let at = bundle.windows(42).position(|bytes| bytes == [b'B'; 42]).unwrap();
    let mut renamed = bundle;
    renamed.insert(at, b'B');
    renamed[at - 1] += 1;
    // The payload's length, three bytes before its map.
    let length = renamed.windows(2).position(|bytes| bytes[0] == 0x59).unwrap();
    let size = u16::from_be_bytes([renamed[length + 1], renamed[length + 2]]) + 1;
    renamed[length + 1..length + 3].copy_from_slice(&size.to_be_bytes());
    world.change("POST /v1/directory", move |reply| reply["identities"] = json!([[base64url(&renamed)]]));
    assert_eq!(failed(run(anna.identities(&[&id("bob")]))), Code::InvalidFormat);
    assert_eq!(anna.backup_version(), Some(1));
}

// ---------------------------------------------------------------- W8, F6

#[test]
fn w8_a_renewal_to_rsa_for_a_pinned_hybrid() {
    let world = World::new("w8");
    let (_, anna) = world.registered("anna", None);
    let mut rng = seeded("w8 bob");
    let bob = Person::new(&mut rng, "bob");
    let bundles = Rc::new(std::cell::RefCell::new(bob.bundles.clone()));
    let served = Rc::clone(&bundles);
    world.change("POST /v1/directory", move |reply| reply["identities"] = json!([list(&served.borrow())]));
    run(anna.identities(&[&id("bob")])).unwrap();
    // Signed by whoever holds Bob's key, but weaker.
    let rsa = Pair::rsa(Suite::Rsa3072);
    let next = SigningKey::generate(&mut rng).unwrap();
    let refused = Bundle::renewal(&bob.identity(), &bob.signing[0], rsa.pair.public_key(), &next);
    assert_eq!(refused.unwrap_err().code(), Code::Downgrade);
    // Another first bundle under the same name, of RSA from its beginning.
    let weaker = Person::with_pair(Some("bob"), rsa, next);
    *bundles.borrow_mut() = weaker.bundles.clone();
    assert_eq!(failed(run(anna.identities(&[&id("bob")]))), Code::Downgrade);
    let after = fresh(&world);
    run(after.unlock("anna", PASSWORD, 0)).unwrap();
    assert_eq!(failed(run(after.identities(&[&id("bob")]))), Code::Downgrade);
}

/// The suites that were seen are in the backup, so a wipe doesn't lower them; nor does a client that is set to a weaker one.
#[test]
fn f6_the_own_suite_only_rises() {
    let world = World::new("f6");
    let (_, anna) = world.registered("anna", None);
    let weaker = Options { suite: Suite::Rsa3072, ..options() };
    let client = world.client_with(&world.device(), weaker);
    run(client.unlock("anna", PASSWORD, 0)).unwrap();
    run(client.renew_keys(PASSWORD)).unwrap();
    assert_eq!(failed(run(anna.refresh())), Code::Locked);
    let found = world.ask(Some("anna"), "POST", "/v1/directory", Some(json!({ "userIds": ["anna"], "bundles": [] })));
    assert_eq!(found.unwrap()["identities"][0].as_array().unwrap().len(), 2);
    // The server offers an RSA identity in the place of the own one.
    let rsa =
        Person::with_pair(Some("anna"), Pair::rsa(Suite::Rsa4096), SigningKey::generate(&mut seeded("f6")).unwrap());
    world.change("GET /v1/backup", move |reply| reply["identity"] = list(&rsa.bundles));
    assert_eq!(failed(run(fresh(&world).unlock("anna", PASSWORD, 0))), Code::Downgrade);
}
