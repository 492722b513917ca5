//! Registration, the nightly wipe, reloads, locks.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use wardkey::{
    backend::{Failure, Outcome},
    client::{Event, Options, Status, Unlocked},
    error::Code,
    identity::AppId,
    password::Kdf,
};

use super::super::common::world::{MINUTE, Mood, PASSWORD, World, failed, options, run, run_for};

#[test]
fn a_wiped_device_comes_back_with_the_password_alone() {
    let world = World::new("wipe");
    let (device, client) = world.registered("anna", None);
    let fingerprint = client.fingerprint().unwrap();
    assert_eq!(client.take_events(), [Event::BackupChanged { version: 1 }]);
    assert_eq!(world.take_asked(), ["POST /v1/public/login", "POST /v1/register"]);
    device.wipe();
    let client = world.client(&device);
    assert_eq!(run(client.look(Some("anna"))).unwrap(), Status::New);
    run(client.login_secret("anna", PASSWORD)).unwrap();
    assert_eq!(run(client.unlock("anna", PASSWORD, 1)).unwrap(), Unlocked::Restored);
    assert_eq!(client.fingerprint(), Some(fingerprint));
    // One derivation for both, and two requests.
    assert_eq!(client.host().derived.get(), 1);
    assert_eq!(world.take_asked(), ["POST /v1/public/login", "GET /v1/backup"]);
    run(client.lock());
    assert_eq!(run(client.unlock("anna", PASSWORD, 0)).unwrap(), Unlocked::Local);
    assert_eq!(failed(run(world.client(&device).unlock("anna", "wrong", 0))), Code::WrongPassword);
}

#[test]
fn never_more_than_four_requests_after_a_wipe() {
    let world = World::new("requests");
    let (device, client) = world.registered("anna", Some("anna@example.org"));
    // The password was changed up to the last step, and the key server has new keys: a write for each.
    loses_activation(&world, client.change_password(PASSWORD, "new", &()));
    world.renew_server();
    device.wipe();
    world.take_asked();
    let client = world.client(&device);
    assert_eq!(run(client.unlock("anna", "new", 0)).unwrap(), Unlocked::Restored);
    let asked = world.take_asked();
    assert_eq!(asked, ["POST /v1/public/login", "GET /v1/backup", "POST /v1/backup/activate", "PUT /v1/backup"]);
    assert!(client.take_events().iter().any(|event| matches!(event, Event::PinChanged { id: None, .. })));
}

#[test]
fn a_key_server_of_another_application_is_left_before_anything_is_derived() {
    let world = World::new("other app");
    world.registered("anna", None);
    world.take_asked();
    let other = Options { app_id: AppId::new("other.example").unwrap(), ..options() };
    let client = world.client_with(&world.device(), other);
    assert_eq!(failed(run(client.unlock("anna", PASSWORD, 0))), Code::KeyMismatch);
    assert_eq!(failed(run(client.register("anna", PASSWORD, None))), Code::KeyMismatch);
    assert_eq!(client.host().derived.get(), 0);
    assert_eq!(world.take_asked(), ["POST /v1/public/login"; 2]);
}

/// The network goes when the new backup was read back.
fn loses_activation(world: &World, change: impl Future<Output = Outcome<()>>) {
    let mut change = pin!(change);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let asked: Vec<String> = world.asked.borrow().iter().map(|asked| asked.what.clone()).collect();
        world.off_line.set(asked.ends_with(&["PUT /v1/backup/pending".to_owned(), "GET /v1/backup".to_owned()]));
        if let Poll::Ready(outcome) = change.as_mut().poll(&mut context) {
            assert_eq!(failed(outcome), Code::Network);
            world.off_line.set(false);
            return;
        }
    }
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_asked() {
    let world = World::new("refused");
    let client = world.client(&world.device());
    assert_eq!(failed(run(client.register("a\u{7}", PASSWORD, None))), Code::InvalidArgument);
    assert_eq!(failed(run(client.register("anna", "", None))), Code::PasswordFormat);
    assert_eq!(failed(run(client.register("anna", PASSWORD, Some("nowhere")))), Code::InvalidArgument);
    assert_eq!(failed(run(client.unlock("anna", "a\0", 0))), Code::PasswordFormat);
    assert_eq!(failed(run(client.change_password("a", "b", &()))), Code::Locked);
    assert_eq!(failed(run(client.renew_keys("a"))), Code::Locked);
    assert_eq!(failed(run(client.set_recovery_contact("a", "a@b"))), Code::Locked);
    assert_eq!(failed(run(client.refresh())), Code::Locked);
    assert!(world.take_asked().is_empty());
}

#[test]
fn an_account_is_made_once() {
    let world = World::new("once");
    let (_, first) = world.registered("anna", None);
    let other = world.client(&world.device());
    assert_eq!(failed(run(other.register("anna", PASSWORD, None))), Code::AlreadyRegistered);
    assert_eq!(failed(run(other.register("anna", "another", None))), Code::AlreadyRegistered);
    assert_eq!(other.user_id(), None);
    run(other.unlock("anna", PASSWORD, 0)).unwrap();
    assert_eq!(other.fingerprint(), first.fingerprint());
    assert_eq!(failed(run(world.client(&world.device()).unlock("nobody", PASSWORD, 0))), Code::NoBackup);
}

#[test]
fn reloads_go_on_until_the_absolute_end() {
    let world = World::new("reload");
    let (device, client) = world.registered("anna", None);
    world.take_asked();
    let minutes = options().resume / MINUTE;
    for _ in 0..minutes - 1 {
        world.pass(MINUTE);
    }
    let reloaded = world.client(&device);
    assert_eq!(run(reloaded.look(None)).unwrap(), Status::Ready);
    assert_eq!(reloaded.fingerprint(), client.fingerprint());
    assert_eq!(reloaded.user_id().unwrap().as_str(), "anna");
    assert!(world.take_asked().is_empty());
    // What is written meanwhile doesn't make it longer.
    world.renew_server();
    run(reloaded.refresh()).unwrap();
    assert_eq!(reloaded.backup_version(), Some(2));
    world.pass(MINUTE);
    assert_eq!(run(world.client(&device).look(None)).unwrap(), Status::Locked);
    assert!(!device.names().contains(&"resume".to_owned()));
    run(client.lock());
    assert_eq!(run(client.unlock("anna", PASSWORD, 0)).unwrap(), Unlocked::Local);
    assert_eq!(run(world.client(&device).look(None)).unwrap(), Status::Ready);
    run(client.lock());
    assert_eq!(run(world.client(&device).look(None)).unwrap(), Status::Locked);
    run(client.unlock("anna", PASSWORD, 0)).unwrap();
    run(client.forget(None)).unwrap();
    assert_eq!(run(client.look(None)).unwrap(), Status::New);
    assert!(device.names().is_empty());
}

#[test]
fn a_clock_set_back_makes_no_entry_longer() {
    let world = World::new("reload, back");
    let (device, _) = world.registered("anna", None);
    world.now.set(world.now.get() - MINUTE);
    assert_eq!(run(world.client(&device).look(None)).unwrap(), Status::Ready);
    world.now.set(world.now.get() - 1);
    assert_eq!(run(world.client(&device).look(None)).unwrap(), Status::Locked);
    assert!(!device.names().contains(&"resume".to_owned()));
    // Nor does an application that allows less since.
    for (resume, status) in [(options().resume, Status::Ready), (0, Status::Locked)] {
        let client = world.client(&device);
        run(client.unlock("anna", PASSWORD, 0)).unwrap();
        let reloaded = world.client_with(&device, Options { resume, ..options() });
        assert_eq!(run(reloaded.look(None)).unwrap(), status);
    }
}

#[test]
fn a_page_of_another_user_takes_nothing_away() {
    let world = World::new("another user's page");
    let (device, anna) = world.registered("anna", None);
    let bob = world.client(&device);
    run(bob.register("bob", PASSWORD, None)).unwrap();
    assert_eq!(run(world.client(&device).look(Some("anna"))).unwrap(), Status::Locked);
    // She is open still in a page, and writes.
    world.renew_server();
    run(anna.refresh()).unwrap();
    assert_eq!(anna.backup_version(), Some(2));
    assert_eq!(run(world.client(&device).look(None)).unwrap(), Status::Ready);
    assert_eq!(run(world.client(&device).last_user()).unwrap().as_str(), "bob");
}

#[test]
fn what_is_locked_here_stays_so_whatever_is_on_the_device() {
    let world = World::new("locked here");
    let (device, client) = world.registered("anna", None);
    let rows = device.rows.borrow().clone();
    run(client.lock());
    *device.rows.borrow_mut() = rows;
    assert_eq!(run(client.status(None)).unwrap(), Status::Locked);
    assert_eq!(run(client.look(None)).unwrap(), Status::Ready);
    // Another user's entry isn't taken away with it.
    let other = world.client(&device);
    run(other.lock_user(Some("bob"))).unwrap();
    assert_eq!(run(world.client(&device).look(None)).unwrap(), Status::Ready);
    run(other.lock_user(Some("anna"))).unwrap();
    assert_eq!(run(world.client(&device).look(None)).unwrap(), Status::Locked);
}

#[test]
fn several_users_on_one_device() {
    let world = World::new("users");
    let (device, anna) = world.registered("anna", None);
    let bob = world.client(&device);
    run(bob.register("bob", "another", None)).unwrap();
    // Who comes after ends the reloads of who was there before.
    assert_eq!(run(world.client(&device).look(Some("anna"))).unwrap(), Status::Locked);
    assert_eq!(run(world.client(&device).look(Some("bob"))).unwrap(), Status::Ready);
    assert_eq!(run(world.client(&device).look(Some("carol"))).unwrap(), Status::New);
    assert_eq!(run(world.client(&device).look(None)).unwrap(), Status::Ready);
    assert_eq!(run(anna.unlock("anna", PASSWORD, 0)).unwrap(), Unlocked::Local);
    run(bob.forget(Some("bob"))).unwrap();
    assert_eq!(run(world.client(&device).look(None)).unwrap(), Status::Ready);
    assert_eq!(run(world.client(&device).look(Some("bob"))).unwrap(), Status::New);
}

#[test]
fn whatever_storage_does_is_no_error() {
    let world = World::new("storage");
    for mood in [Mood::Blocked, Mood::Keyless] {
        let device = world.device();
        device.mood.set(mood);
        let client = world.client(&device);
        let name = format!("anna {mood:?}");
        run(client.register(&name, PASSWORD, None)).unwrap();
        let expected = if mood == Mood::Blocked { Status::New } else { Status::Locked };
        assert_eq!(run(world.client(&device).look(Some(&name))).unwrap(), expected);
        run(client.lock());
        run(client.unlock(&name, PASSWORD, 0)).unwrap();
        run(client.forget(None)).unwrap();
    }
    let (device, _) = world.registered("anna", None);
    type Change = fn(&mut Vec<u8>);
    let changes: [Change; 4] =
        [|row| row[0] ^= 3, |row| row.truncate(20), Vec::clear, |row| *row.last_mut().unwrap() ^= 1];
    for change in changes {
        for name in ["backup", "resume", "last"] {
            let copy = device.rows.borrow().clone();
            device.change(name, change);
            let client = world.client(&device);
            run(client.look(Some("anna"))).unwrap();
            run(client.look(None)).unwrap();
            run(client.lock());
            run(client.unlock("anna", PASSWORD, 0)).unwrap();
            *device.rows.borrow_mut() = copy;
        }
    }
}

#[test]
fn off_line_the_device_opens() {
    let world = World::new("off line");
    let (device, client) = world.registered("anna", None);
    run(client.lock());
    world.off_line.set(true);
    assert_eq!(failed(run(client.login_secret("anna", PASSWORD))), Code::Network);
    assert_eq!(run(client.unlock("anna", PASSWORD, 0)).unwrap(), Unlocked::Local);
    run(client.lock());
    assert_eq!(failed(run(client.unlock("anna", "wrong", 0))), Code::WrongPassword);
    assert_eq!(failed(run(client.unlock("anna", PASSWORD, 2))), Code::BackupRollback);
    assert_eq!(failed(run(client.unlock("bob", PASSWORD, 0))), Code::Network);
    assert_eq!(failed(run(world.client(&world.device()).unlock("anna", PASSWORD, 0))), Code::Network);
    let strict = Options { kdf: Kdf::default(), ..options() };
    assert_eq!(failed(run(world.client_with(&device, strict).unlock("anna", PASSWORD, 0))), Code::KdfPolicy);
    // Any answer is on line.
    world.off_line.set(false);
    world.be_evil(|_, _| Err(Failure::answered("server", None, None)));
    assert_eq!(failed(run(client.unlock("anna", PASSWORD, 0))), Code::Server);
}

#[test]
fn what_began_before_a_lock_does_not_open_after_it() {
    let world = World::new("late");
    let (_, client) = world.registered("anna", None);
    run(client.lock());
    for waits in 1.. {
        let mut unlocking = pin!(client.unlock("anna", PASSWORD, 0));
        let mut context = Context::from_waker(Waker::noop());
        let mut is_done = false;
        for _ in 0..waits {
            is_done = is_done || unlocking.as_mut().poll(&mut context).is_ready();
        }
        if is_done {
            assert!(waits > 5);
            break;
        }
        run(client.lock());
        let late = run(unlocking);
        assert_eq!(client.user_id(), None, "{waits}");
        assert!(late.is_err() || waits > 5);
        assert_eq!(run(client.look(None)).unwrap(), Status::Locked, "{waits}");
    }
}

#[test]
fn a_derivation_lives_two_minutes() {
    let world = World::new("derivation");
    let (_, client) = world.registered("anna", None);
    run(client.login_secret("anna", PASSWORD)).unwrap();
    let derived = client.host().derived.get();
    world.pass(2 * MINUTE - 1);
    run(client.login_secret("anna", PASSWORD)).unwrap();
    assert_eq!(client.host().derived.get(), derived);
    run(client.login_secret("anna", "another")).unwrap();
    assert_eq!(client.host().derived.get(), derived + 1);
    world.pass(2 * MINUTE);
    run(client.unlock("anna", PASSWORD, 0)).unwrap();
    assert_eq!(client.host().derived.get(), derived + 2);
}

/// What was locked while it was derived isn't kept for a call that follows.
#[test]
fn a_derivation_that_a_lock_overtook() {
    let world = World::new("derivation");
    let client = world.client(&world.device());
    for waits in 0.. {
        let before = client.host().derived.get();
        let mut deriving = pin!(client.login_secret("anna", PASSWORD));
        if run_for(waits, &mut deriving).is_some() {
            assert!(waits > 2);
            return;
        }
        run(client.lock());
        run(deriving).unwrap();
        run(client.login_secret("anna", PASSWORD)).unwrap();
        assert_eq!(client.host().derived.get(), before + 2, "{waits}");
        run(client.lock());
    }
}
