//! One account on several devices.

use std::{
    pin::{Pin, pin},
    task::{Context as Task, Waker},
};

use serde_json::json;
use wardkey::{
    backend::{Failure, Outcome},
    client::{Client, Event, Recipient, Status, Unlocked},
    error::Code,
    identity::UserId,
    session::Rights,
};

use super::super::common::world::{Asked, PASSWORD, TestHost, Text, World, failed, run, run_for};

fn id(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

#[test]
fn pins_of_two_devices_are_merged() {
    let world = World::new("merge");
    let (_, first) = world.registered("anna", None);
    world.registered("bob", None);
    world.registered("carol", None);
    let second = world.client(&world.device());
    run(second.unlock("anna", PASSWORD, 0)).unwrap();
    run(first.identities(&[&id("bob")])).unwrap();
    run(second.identities(&[&id("carol")])).unwrap();
    assert_eq!((first.backup_version(), second.backup_version()), (Some(2), Some(3)));
    // A device that knows nothing has both: nobody is met for the first time.
    let third = world.client(&world.device());
    run(third.unlock("anna", PASSWORD, 3)).unwrap();
    world.take_asked();
    run(third.identities(&[&id("carol"), &id("bob")])).unwrap();
    assert_eq!(world.take_asked(), ["POST /v1/directory"]);
    run(first.refresh()).unwrap();
    assert_eq!(first.backup_version(), Some(3));
    assert_eq!(failed(run(first.identities(&[&id("nobody")]))), Code::UnknownUser);
}

/// The answer to a write comes after another call has read what was written: an application is told of each version once.
#[test]
fn a_written_backup_that_was_read_before_its_answer() {
    let world = World::new("read first");
    let (_, client) = world.registered("anna", None);
    world.registered("bob", None);
    client.take_events();
    let bob = id("bob");
    let ids = [&bob];
    let mut task = Task::from_waker(Waker::noop());
    let mut meeting = pin!(client.identities(&ids));
    while !world.asked.borrow().iter().any(|asked| asked.what == "PUT /v1/backup") {
        assert!(meeting.as_mut().poll(&mut task).is_pending());
    }
    run(client.refresh()).unwrap();
    assert_eq!(client.backup_version(), Some(2));
    run(meeting).unwrap();
    assert_eq!(client.take_events(), [Event::BackupChanged { version: 2 }]);
}

/// An answer that another call has overtaken is older than what is known by now, and no rollback: it isn't older than what was known when it was asked for.
#[test]
fn an_answer_that_was_overtaken() {
    let world = World::new("overtaken");
    let (_, client) = world.registered("anna", None);
    for user in ["bob", "carol"] {
        world.registered(user, None);
    }
    client.take_events();
    run(world.unlocked("anna", PASSWORD).identities(&[&id("bob")])).unwrap();
    world.asked.take();
    let mut task = Task::from_waker(Waker::noop());
    let mut reading = pin!(client.refresh());
    while world.asked.borrow().is_empty() {
        assert!(reading.as_mut().poll(&mut task).is_pending());
    }
    run(client.identities(&[&id("carol")])).unwrap();
    assert_eq!(client.backup_version(), Some(3));
    run(reading).unwrap();
    assert_eq!(client.backup_version(), Some(3));
    assert_eq!(client.take_events(), [2, 3].map(|version| Event::BackupChanged { version }));
}

#[test]
fn what_cannot_be_sent_waits_on_the_device() {
    let unanswered = |asked: &Asked, answer| {
        if asked.what == "PUT /v1/backup" { Err(Failure::unanswered()) } else { answer }
    };
    for (unlock, answer_lost) in [(false, false), (false, true), (true, false), (true, true)] {
        let world = World::new("unsent");
        let (device, client) = world.registered("anna", None);
        world.registered("bob", None);
        if answer_lost {
            world.be_evil(unanswered);
        } else {
            world.lost.set(Some("PUT /v1/backup"));
        }
        run(client.identities(&[&id("bob")])).unwrap();
        assert_eq!(client.backup_version(), Some(1));
        assert!(device.names().contains(&"unsent".to_owned()));
        world.be_good();
        world.lost.set(None);
        // After a reload, and after a lock.
        let next = world.client(&device);
        if unlock {
            run(next.lock());
            run(next.unlock("anna", PASSWORD, 0)).unwrap();
        } else {
            assert_eq!(run(next.look(None)).unwrap(), Status::Ready);
            run(next.refresh()).unwrap();
        }
        assert_eq!(next.backup_version(), Some(2));
        assert!(!device.names().contains(&"unsent".to_owned()));
        world.take_asked();
        run(next.identities(&[&id("bob")])).unwrap();
        assert_eq!(world.take_asked(), ["POST /v1/directory"]);
    }
}

#[test]
fn a_superseded_device_locks_and_merges_later() {
    let world = World::new("superseded");
    let (device, first) = world.registered("anna", None);
    world.registered("bob", None);
    let second = world.client(&world.device());
    run(second.unlock("anna", PASSWORD, 0)).unwrap();
    run(second.change_password(PASSWORD, "new", &())).unwrap();
    assert_eq!(second.take_events().last(), Some(&Event::BackupChanged { version: 2 }));
    // It meets somebody before it knows.
    assert_eq!(failed(run(first.identities(&[&id("bob")]))), Code::Locked);
    assert_eq!(first.user_id(), None);
    assert_eq!(run(first.look(None)).unwrap(), Status::Locked);
    assert!(device.names().contains(&"unsent".to_owned()));
    assert_eq!(failed(run(first.unlock("anna", PASSWORD, 0))), Code::WrongPassword);
    assert_eq!(run(first.unlock("anna", "new", 0)).unwrap(), Unlocked::Restored);
    assert_eq!(first.backup_version(), Some(3));
    assert!(!device.names().contains(&"unsent".to_owned()));
    // By an event.
    run(second.refresh()).unwrap();
    run(second.renew_keys("new")).unwrap();
    assert_eq!(failed(run(first.refresh())), Code::Locked);
    assert_eq!(run(first.unlock("anna", "new", 0)).unwrap(), Unlocked::Restored);
    // By its own change.
    run(second.change_password("new", "newest", &())).unwrap();
    assert_eq!(failed(run(first.change_password("new", "other", &()))), Code::Locked);
    assert!(world.opens("anna", "newest"));
}

#[test]
fn its_own_whole_write_supersedes_nobody() {
    let world = World::new("own-write");
    let (_, anna) = world.registered("anna", None);
    for (version, password, next) in [(2, PASSWORD, "new"), (3, "new", "newer")] {
        let mut change = Box::pin(anna.change_password(password, next, &()));
        let mut context = Task::from_waker(Waker::noop());
        world.take_asked();
        while !world.take_asked().iter().any(|asked| asked == "POST /v1/backup/activate") {
            assert!(change.as_mut().poll(&mut context).is_pending());
        }
        // The key server has done it, its event is here, and its answer isn't.
        let event = Text(json!({ "type": "backup", "version": version }));
        run(anna.pushed(&event)).unwrap();
        run(anna.refresh()).unwrap();
        run(change).unwrap();
        assert_eq!((anna.backup_version(), run(anna.look(None)).unwrap()), (Some(version), Status::Ready));
        run(anna.pushed(&event)).unwrap();
        assert!(world.opens("anna", next));
    }
}

#[test]
fn two_tabs_at_once() {
    let world = World::new("tabs");
    let (device, _) = world.registered("anna", None);
    let (a, b) = (world.client(&device), world.client(&device));
    let (mut left, mut right) = (Box::pin(a.unlock("anna", PASSWORD, 0)), Box::pin(b.unlock("anna", PASSWORD, 0)));
    let mut context = Task::from_waker(Waker::noop());
    let (mut x, mut y) = (None, None);
    while x.is_none() || y.is_none() {
        for (future, result) in [(&mut left, &mut x), (&mut right, &mut y)] {
            if result.is_none()
                && let std::task::Poll::Ready(done) = future.as_mut().poll(&mut context)
            {
                *result = Some(done.unwrap());
            }
        }
    }
    assert_eq!((x, y), (Some(Unlocked::Local), Some(Unlocked::Local)));
    assert_eq!(run(world.client(&device).look(None)).unwrap(), Status::Ready);
}

#[test]
fn renewed_keys_are_told_and_open_what_was_before() {
    let world = World::new("renewed");
    let (_, anna) = world.registered("anna", None);
    let (_, bob) = world.registered("bob", None);
    run(bob.identities(&[&id("anna")])).unwrap();
    for _ in 0..2 {
        run(anna.renew_keys(PASSWORD)).unwrap();
    }
    bob.take_events();
    let found = run(bob.identities(&[&id("anna")])).unwrap();
    assert_eq!(found[0].bundles().len(), 3);
    assert!(matches!(&bob.take_events()[0], Event::PinChanged { id: Some(name), .. } if name.as_str() == "anna"));
    assert_eq!(Some(*found[0].fingerprint()), anna.fingerprint());
    let number = run(bob.safety_number("anna")).unwrap();
    assert_eq!(run(anna.safety_number("bob")).unwrap(), number);
    run(bob.verify("anna", &number)).unwrap();
    assert_eq!(failed(run(bob.verify("anna", &"1".repeat(60)))), Code::PinMismatch);
    // Off line, too, the own bundles are made again.
    run(anna.lock());
    world.off_line.set(true);
    run(anna.unlock("anna", PASSWORD, 0)).unwrap();
}

type Work = for<'a> fn(&'a Client<TestHost>) -> Pin<Box<dyn Future<Output = Outcome<()>> + 'a>>;

/// Anna's call ends when Bob has unlocked on the same page: nothing of it is his.
#[test]
fn another_user_comes_meanwhile() {
    let works: [(Work, usize); 7] = [
        (|page| Box::pin(async { page.create_session(&[(named("eve"), Rights::MANAGE)]).await.map(drop) }), 10),
        (|page| Box::pin(async { page.identities(&[&id("eve")]).await.map(drop) }), 10),
        (|page| Box::pin(async { page.verify("eve", &"0".repeat(60)).await }), 2),
        (|page| Box::pin(async { page.refresh().await }), 2),
        (|page| Box::pin(async { page.send_outbox().await.map(drop) }), 1),
        (|page| Box::pin(async { page.change_password(PASSWORD, "another", &()).await }), 20),
        (|page| Box::pin(async { page.renew_keys(PASSWORD).await }), 20),
    ];
    for (number, (work, least)) in works.into_iter().enumerate() {
        for waits in 0.. {
            let world = World::new("switch");
            world.registered("eve", None);
            world.registered("bob", None);
            let (device, page) = world.registered("anna", None);
            let mut working = work(&page);
            if run_for(waits, working.as_mut()).is_some() {
                assert!(waits >= least, "{number} {waits}");
                break;
            }
            run(page.lock());
            run(page.unlock("bob", PASSWORD, 0)).unwrap();
            let waiting = run(page.create_session_off_line(&[(named("bob"), Rights::MANAGE)])).unwrap();
            page.take_events();
            // Or it was done.
            if let Err(failure) = run(working) {
                assert_eq!(failure.code(), Code::Locked, "{number} {waits}");
            }
            assert_eq!(page.user_id(), Some(id("bob")), "{number} {waits}");
            assert_eq!(page.take_events(), [], "{number} {waits}");
            assert_eq!(page.backup_version(), Some(1), "{number} {waits}");
            assert_eq!(device.names().iter().filter(|name| *name == "outbox").count(), 1, "{number} {waits}");
            assert!(!waiting.is_published());
            // Bob meets Eve himself.
            world.take_asked();
            run(page.create_session(&[(named("eve"), Rights::MANAGE)])).unwrap();
            assert_eq!(world.take_asked()[0], "POST /v1/directory", "{number} {waits}");
        }
    }
}

fn named(name: &str) -> Recipient {
    Recipient::User(id(name))
}
