//! Sessions made off line: safely on the device, sent later, by whichever page.

use std::{
    pin::pin,
    rc::Rc,
    task::{Context as Task, Waker},
};

use wardkey::{
    backend::{Failure, Outcome},
    client::{Client, Event, OpenSession, Options, Recipient, Status},
    encoding::Context,
    error::Code,
    identity::{FirstUse, Trust, UserId},
    message::Padding,
    session::Rights,
    signed::Hash,
};

use super::super::common::{
    messages::Messages as _,
    world::{MINUTE, Mood, PASSWORD, TestDevice, TestHost, World, failed, options, run, run_for},
};

const READ: Rights = Rights::READ.with(Rights::FORWARD);

fn user(name: &str) -> Recipient {
    Recipient::User(UserId::new(name).unwrap())
}

/// Anna manages, Bob reads.
fn for_both() -> [(Recipient, Rights); 2] {
    [(user("anna"), Rights::MANAGE), (user("bob"), READ)]
}

fn write(client: &Client<TestHost>, open: &OpenSession, data: &[u8]) -> Vec<u8> {
    let context = Context::default();
    run(client.seal_messages(open, &[(data, &context)], true, Padding::None)).unwrap().pop().unwrap()
}

fn read_in(client: &Client<TestHost>, known: &mut Vec<Rc<OpenSession>>, message: &[u8]) -> Result<Vec<u8>, Code> {
    let context = Context::default();
    let opened = run(client.open_messages(&[(message, &context)], known)).map_err(|failure| failure.code())?;
    Ok(opened.into_iter().next().unwrap().map_err(|error| error.code())?.data)
}

fn read(client: &Client<TestHost>, message: &[u8]) -> Result<Vec<u8>, Code> {
    read_in(client, &mut Vec::new(), message)
}

/// Anna has met Bob.
fn two(name: &str) -> (Rc<World>, TestDevice, Client<TestHost>, Client<TestHost>) {
    let world = World::new(name);
    let (device, anna) = world.registered("anna", None);
    let (_, bob) = world.registered("bob", None);
    run(anna.identities(&[&UserId::new("bob").unwrap()])).unwrap();
    anna.take_events();
    world.take_asked();
    (world, device, anna, bob)
}

/// Ids of what waits on a device.
fn rows(device: &TestDevice) -> Vec<Hash> {
    let rows = device.rows.borrow();
    let names = rows.keys().filter(|row| row.starts_with("outbox."));
    names.map(|row| Hash::parse(row.rsplit('.').next().unwrap()).unwrap()).collect()
}

fn sent(client: &Client<TestHost>) -> Vec<(Hash, Result<(), Code>)> {
    let sent = run(client.send_outbox()).unwrap();
    sent.into_iter().map(|(id, outcome)| (id, outcome.map_err(|failure| failure.code()))).collect()
}

fn published(session: &OpenSession) -> Event {
    Event::Published { session: *session.id(), error: None }
}

/// What was told of sessions, and the error's code.
fn told(client: &Client<TestHost>) -> Vec<(Hash, Option<Code>)> {
    let events = client.take_events().into_iter();
    let told = events.filter_map(|event| match event {
        Event::Published { session, error } => Some((session, error.map(|error| error.code()))),
        _ => None,
    });
    told.collect()
}

#[test]
fn made_off_line_and_sent_on_line() {
    let (world, device, anna, bob) = two("off line");
    world.off_line.set(true);
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    let message = write(&anna, &open, b"femur");
    assert_eq!(read(&anna, &message).unwrap(), b"femur");
    assert!(!open.is_published());
    assert_eq!((rows(&device), run(anna.outbox_len())), (vec![*open.id()], 1));
    assert_eq!(sent(&anna), [(*open.id(), Err(Code::Network))]);
    assert_eq!(rows(&device), [*open.id()]);
    assert!(anna.take_events().is_empty() && world.take_asked().is_empty());

    world.off_line.set(false);
    assert_eq!(sent(&anna), [(*open.id(), Ok(()))]);
    assert!(open.is_published());
    assert_eq!(anna.take_events(), [published(&open)]);
    assert_eq!((rows(&device).len(), run(anna.outbox_len())), (0, 0));
    let asked = world.take_asked();
    assert_eq!(asked.last().unwrap(), "POST /v1/sessions");
    assert!(asked.len() <= 2);
    let mut bobs = Vec::new();
    assert_eq!(read_in(&bob, &mut bobs, &message).unwrap(), b"femur");
    // And it is a session as all others.
    assert_eq!(sent(&anna), []);
    let answer = write(&bob, &bobs[0], b"seen");
    assert_eq!(read_in(&anna, &mut vec![Rc::clone(&open)], &answer).unwrap(), b"seen");
    run(anna.revoke_recipients(&open, &[user("bob")])).unwrap();
    world.pass(MINUTE);
    assert_eq!(read(&bob, &message), Err(Code::Revoked));
    assert!(anna.take_events().is_empty());
}

#[test]
fn on_line_too_it_is_on_the_device_first() {
    let (world, device, anna, _) = two("durable");
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    assert_eq!(rows(&device), [*open.id()]);
    assert!(!open.is_published() && world.take_asked().is_empty());
    // Made on line, it doesn't wait.
    let online = run(anna.create_session(&for_both())).unwrap();
    assert!(online.is_published());
    assert_eq!(rows(&device), [*open.id()]);
}

#[test]
fn whoever_was_never_met_is_asked_for() {
    let (world, device, anna, _) = two("never met");
    let (_, carol) = world.registered("carol", None);
    let grants = [(user("anna"), Rights::MANAGE), (user("carol"), READ)];
    world.off_line.set(true);
    assert_eq!(failed(run(anna.create_session_off_line(&grants))), Code::Network);
    world.off_line.set(false);
    assert_eq!(failed(run(anna.create_session_off_line(&[(user("nobody"), READ)]))), Code::UnknownUser);
    assert_eq!(failed(run(anna.create_session_off_line(&[(user("anna"), Rights::FORWARD)]))), Code::InvalidArgument);
    assert_eq!(failed(run(world.client(&device).create_session_off_line(&grants))), Code::Locked);
    assert_eq!((rows(&device).len(), run(anna.outbox_len())), (0, 0));
    run(anna.create_session_off_line(&grants)).unwrap();
    // Anchors name who was never met.
    let fingerprint = carol.fingerprint().unwrap();
    let trust =
        Trust { anchors: vec![("carol".to_owned(), fingerprint)], first_use: FirstUse::Reject, key_server: None };
    let (device, dave) = world.registered("dave", None);
    run(dave.lock());
    world.off_line.set(true);
    let dave = world.client_with(&device, Options { trust, ..options() });
    run(dave.unlock("dave", PASSWORD, 0)).unwrap();
    let open = run(dave.create_session_off_line(&[(user("dave"), Rights::MANAGE), (user("carol"), READ)])).unwrap();
    assert_eq!(failed(run(dave.create_session_off_line(&[(user("bob"), READ)]))), Code::Network);
    let message = write(&dave, &open, b"x");
    world.off_line.set(false);
    assert_eq!(failed(run(dave.create_session_off_line(&[(user("bob"), READ)]))), Code::NotCertified);
    assert_eq!(sent(&dave), [(*open.id(), Ok(()))]);
    assert_eq!(read(&carol, &message).unwrap(), b"x");
}

#[test]
fn a_device_that_keeps_nothing() {
    let (world, device, anna, bob) = two("unkept");
    world.off_line.set(true);
    for mood in [Mood::Blocked, Mood::Unsafe] {
        device.mood.set(mood);
        assert_eq!(failed(run(anna.create_session_off_line(&for_both()))), Code::StorageUnavailable);
        assert_eq!((rows(&device).len(), run(anna.outbox_len())), (0, 0));
        assert_eq!(sent(&anna), []);
        device.mood.set(Mood::Good);
        assert_eq!((rows(&device).len(), run(anna.outbox_len())), (0, 0));
    }
    // What was kept before is still held by the page.
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    let message = write(&anna, &open, b"x");
    device.mood.set(Mood::Blocked);
    assert_eq!(run(anna.outbox_len()), 1);
    world.off_line.set(false);
    assert_eq!(sent(&anna), [(*open.id(), Ok(()))]);
    assert_eq!(read(&bob, &message).unwrap(), b"x");
}

#[test]
fn a_wipe_under_a_running_page() {
    let (world, device, anna, bob) = two("wiped");
    world.off_line.set(true);
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    let message = write(&anna, &open, b"x");
    device.wipe();
    assert_eq!(sent(&anna), [(*open.id(), Err(Code::Network))]);
    assert_eq!(rows(&device), [*open.id()]);
    // It is the same entry for who comes after.
    run(anna.lock());
    world.off_line.set(false);
    run(anna.unlock("anna", PASSWORD, 0)).unwrap();
    assert_eq!(read(&anna, &message).unwrap(), b"x");
    assert_eq!(sent(&anna), [(*open.id(), Ok(()))]);
    assert_eq!(read(&bob, &message).unwrap(), b"x");
}

#[test]
fn reloads_and_locks_lose_nothing() {
    let (world, device, anna, bob) = two("reloads");
    world.off_line.set(true);
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    let message = write(&anna, &open, b"before");
    // A reload.
    let anna = world.client(&device);
    assert_eq!(run(anna.look(None)).unwrap(), Status::Ready);
    assert_eq!(read(&anna, &message).unwrap(), b"before");
    let again = run(anna.open_sessions(&[*open.id()], &[])).unwrap().pop().unwrap().unwrap();
    assert!(!again.is_published());
    let later = write(&anna, &again, b"after");
    // A lock, and somebody else for a while.
    run(anna.lock());
    assert_eq!(run(anna.outbox_len()), 1);
    assert_eq!(failed(run(anna.send_outbox())), Code::Locked);
    world.off_line.set(false);
    let other = world.client(&device);
    run(other.unlock("bob", PASSWORD, 0)).unwrap();
    assert_eq!((run(other.outbox_len()), sent(&other)), (0, vec![]));
    assert_eq!(read(&other, &message), Err(Code::UnknownSession));
    world.off_line.set(true);
    run(anna.unlock("anna", PASSWORD, 0)).unwrap();
    assert_eq!(read(&anna, &later).unwrap(), b"after");
    assert_eq!(run(anna.outbox_len()), 1);
    world.off_line.set(false);
    world.take_asked();
    assert_eq!(sent(&anna), [(*open.id(), Ok(()))]);
    // What may have changed since another page sent it is read as it is there.
    assert_eq!(world.take_asked(), ["POST /v1/directory", "POST /v1/sessions", "POST /v1/keys"]);
    assert_eq!(read(&bob, &message).unwrap(), b"before");
    assert_eq!(read(&bob, &later).unwrap(), b"after");
}

#[test]
fn what_is_forgotten_is_told() {
    let (world, device, anna, _) = two("forgotten");
    world.off_line.set(true);
    let (first, second) =
        (run(anna.create_session_off_line(&for_both())), run(anna.create_session_off_line(&for_both())));
    let mut ids = [*first.unwrap().id(), *second.unwrap().id()];
    ids.sort();
    // Another user's stay.
    let other = world.client(&device);
    run(other.forget(Some("bob"))).unwrap();
    assert_eq!((rows(&device).len(), told(&other).len()), (2, 0));
    run(anna.forget(None)).unwrap();
    assert_eq!(told(&anna), ids.map(|id| (id, Some(Code::Aborted))));
    assert!(device.names().is_empty());
    assert_eq!(run(anna.outbox_len()), 0);
}

#[test]
fn places_are_named_off_line() {
    let (world, device, anna, _) = two("places");
    run(anna.lock());
    world.off_line.set(true);
    run(anna.unlock("anna", PASSWORD, 0)).unwrap();
    let ward = Recipient::Placeholder { name: UserId::new("ward 7").unwrap(), contact: None };
    let open = run(anna.create_session_off_line(&[(user("anna"), Rights::MANAGE), (ward, READ)])).unwrap();
    // The key server has other keys by now, too.
    world.renew_server();
    world.off_line.set(false);
    assert_eq!(sent(&anna), [(*open.id(), Ok(()))]);
    assert!(rows(&device).is_empty());
    // Once more, while it renews.
    let ward = Recipient::Placeholder { name: UserId::new("ward 8").unwrap(), contact: None };
    let open = run(anna.create_session_off_line(&[(user("anna"), Rights::MANAGE), (ward, READ)])).unwrap();
    world.renew_server();
    assert_eq!(sent(&anna), [(*open.id(), Ok(()))]);
}

#[test]
fn renewals_before_it_is_sent() {
    let (world, device, anna, bob) = two("renewals");
    world.off_line.set(true);
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    let message = write(&anna, &open, b"old keys");
    world.off_line.set(false);
    // The recipient's, and the own ones, here.
    run(bob.renew_keys(PASSWORD)).unwrap();
    run(anna.renew_keys(PASSWORD)).unwrap();
    let later = write(&anna, &open, b"new keys");
    assert_eq!(sent(&anna), [(*open.id(), Ok(()))]);
    for (message, data) in [(&message, b"old keys"), (&later, b"new keys")] {
        assert_eq!(read(&bob, message).unwrap(), data);
        assert_eq!(read(&world.unlocked("anna", PASSWORD), message).unwrap(), data);
    }
    run(anna.rotate(&open)).unwrap();

    // By another device: this one locks, and sends when it is open again.
    world.off_line.set(true);
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    let message = write(&anna, &open, b"twice");
    world.off_line.set(false);
    run(world.unlocked("anna", PASSWORD).renew_keys(PASSWORD)).unwrap();
    assert_eq!(failed(run(anna.send_outbox())), Code::Locked);
    assert_eq!(anna.user_id(), None);
    assert_eq!(rows(&device), [*open.id()]);
    run(anna.unlock("anna", PASSWORD, 0)).unwrap();
    assert_eq!(sent(&anna), [(*open.id(), Ok(()))]);
    assert_eq!(read(&bob, &message).unwrap(), b"twice");
    // What is on line says so as well.
    run(world.unlocked("anna", PASSWORD).renew_keys(PASSWORD)).unwrap();
    assert_eq!(failed(run(anna.create_session(&for_both()))), Code::Locked);
    run(anna.unlock("anna", PASSWORD, 0)).unwrap();
    run(world.unlocked("anna", PASSWORD).renew_keys(PASSWORD)).unwrap();
    assert_eq!(failed(run(anna.rotate(&open))), Code::Locked);
}

#[test]
fn two_pages_send_the_same() {
    let (world, device, anna, bob) = two("pages");
    world.off_line.set(true);
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    let message = write(&anna, &open, b"x");
    let other = world.client(&device);
    run(other.look(None)).unwrap();
    assert_eq!(read(&other, &message).unwrap(), b"x");
    world.off_line.set(false);
    // Step by step, one beside the other.
    let (mut left, mut right) = (Box::pin(anna.send_outbox()), Box::pin(other.send_outbox()));
    let (mut a, mut b) = (None, None);
    let mut task = Task::from_waker(Waker::noop());
    while a.is_none() || b.is_none() {
        for (future, result) in [(&mut left, &mut a), (&mut right, &mut b)] {
            if result.is_none()
                && let std::task::Poll::Ready(done) = future.as_mut().poll(&mut task)
            {
                *result = Some(done.unwrap());
            }
        }
    }
    assert_eq!(a, Some(vec![(*open.id(), Ok(()))]));
    assert_eq!(b, a);
    assert_eq!((told(&anna), told(&other)), (vec![(*open.id(), None)], vec![(*open.id(), None)]));
    assert!(rows(&device).is_empty());
    assert_eq!(read(&bob, &message).unwrap(), b"x");
    assert_eq!(read(&anna, &message).unwrap(), b"x");

    // One after the other.
    world.off_line.set(true);
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    world.off_line.set(false);
    assert_eq!(sent(&other), [(*open.id(), Ok(()))]);
    run(bob.add_recipients(
        &run(bob.open_sessions(&[*open.id()], &[])).unwrap()[0].clone().unwrap(),
        &[(user("bob"), READ)],
    ))
    .unwrap();
    assert!(!open.is_published());
    assert_eq!(sent(&anna), [(*open.id(), Ok(()))]);
    run(anna.update(&open)).unwrap();
    assert_eq!(open.with(|session| session.log().entries()), 1);
    assert!(rows(&device).is_empty());

    // Two calls of one page tell it once.
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    told(&anna);
    let (mut left, mut right) = (Box::pin(anna.send_outbox()), Box::pin(anna.send_outbox()));
    for _ in 0..3 {
        assert!(left.as_mut().poll(&mut task).is_pending() && right.as_mut().poll(&mut task).is_pending());
    }
    run(left).unwrap();
    run(right).unwrap();
    assert_eq!(told(&anna), [(*open.id(), None)]);
}

#[test]
fn what_another_page_sent_and_somebody_took_away() {
    for is_made_here in [true, false] {
        let (world, device, anna, bob) = two("taken away");
        device.keeps.set(true);
        let grants = [(user("anna"), READ), (user("bob"), Rights::MANAGE)];
        let open = run(anna.create_session_off_line(&grants)).unwrap();
        let message = write(&anna, &open, b"x");
        let row = device.rows.borrow().clone();
        let other = world.client(&device);
        run(other.look(None)).unwrap();
        assert_eq!(sent(&other), [(*open.id(), Ok(()))]);
        let theirs = run(bob.open_sessions(&[*open.id()], &[])).unwrap().remove(0).unwrap();
        run(bob.revoke_recipients(&theirs, &[user("anna")])).unwrap();
        // The page that made it, or one that finds a row which the other couldn't delete.
        let (page, open) = if is_made_here {
            run(anna.sync()).unwrap();
            (anna, open)
        } else {
            run(other.sync()).unwrap();
            device.rows.borrow_mut().extend(row.into_iter().filter(|(name, _)| name.starts_with("outbox.")));
            let page = world.client(&device);
            run(page.look(None)).unwrap();
            let open = run(page.open_sessions(&[*open.id()], &[])).unwrap().remove(0).unwrap();
            (page, open)
        };
        assert_eq!(read(&page, &message).unwrap(), b"x");
        assert_eq!(sent(&page), [(*open.id(), Ok(()))]);
        assert_eq!(read_in(&page, &mut vec![Rc::clone(&open)], &message), Err(Code::Revoked), "{is_made_here}");
        assert_eq!(read(&page, &message), Err(Code::Revoked), "{is_made_here}");
        let context = Context::default();
        let writing = run(page.seal_messages(&open, &[(b"y", &context)], true, Padding::None));
        assert_eq!(failed(writing), Code::Revoked);
    }
}

#[test]
fn what_another_page_sent_and_the_feed_names_is_written_as_it_is_there() {
    let (world, device, anna, bob) = two("named");
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    let before = write(&anna, &open, b"before");
    let other = world.client(&device);
    run(other.look(None)).unwrap();
    assert_eq!(sent(&other), [(*open.id(), Ok(()))]);
    let theirs = run(other.open_sessions(&[*open.id()], &[])).unwrap().remove(0).unwrap();
    run(other.revoke_recipients(&theirs, &[user("bob")])).unwrap();
    run(anna.sync()).unwrap();
    assert!(!open.is_published());
    // What was written is read without anybody.
    world.off_line.set(true);
    let context = Context::default();
    assert_eq!(read(&anna, &before).unwrap(), b"before");
    let writing = run(anna.seal_messages(&open, &[(b"x", &context)], true, Padding::None));
    assert_eq!(failed(writing), Code::Network);
    assert_eq!(failed(run(anna.write(&open, 1, true, Padding::None))), Code::Network);
    world.off_line.set(false);
    let after = write(&anna, &open, b"after");
    assert!(open.is_published());
    assert_eq!(told(&anna), [(*open.id(), None)]);
    assert_eq!(open.with(|session| session.log().newest_generation()), 1);
    assert_eq!(read(&world.unlocked("anna", PASSWORD), &after).unwrap(), b"after");
    assert_eq!(read(&bob, &after), Err(Code::Revoked));
}

#[test]
fn refusals_are_told_once_and_nothing_is_lost() {
    let (world, device, anna, bob) = two("refusals");
    world.off_line.set(true);
    let (first, second) = (run(anna.create_session_off_line(&for_both())).unwrap(), {
        world.off_line.set(false);
        run(anna.create_session_off_line(&[(user("anna"), Rights::MANAGE)])).unwrap()
    });
    let message = write(&anna, &first, b"x");
    let id = first.id().to_string();
    // The first one's recipient is gone.
    world.be_evil(move |asked, answer| match asked.body.get("wraps") {
        Some(wraps) if wraps.as_str().unwrap().len() > 3_000 && asked.what == "POST /v1/sessions" => {
            Err(Failure { said: Some(7), ..Failure::answered("unknown-user", None, None) })
        }
        _ => answer,
    });
    let mut outcomes = sent(&anna);
    outcomes.sort_by_key(|(_, outcome)| outcome.is_ok());
    assert_eq!(outcomes, [(*first.id(), Err(Code::UnknownUser)), (*second.id(), Ok(()))], "{id}");
    let mut events = anna.take_events();
    events.sort_by_key(|event| *event == published(&second));
    let why = Failure { said: Some(7), ..Failure::answered("unknown-user", None, None) };
    assert_eq!(events, [Event::Published { session: *first.id(), error: Some(why) }, published(&second)]);
    for _ in 0..2 {
        assert_eq!(sent(&anna), [(*first.id(), Err(Code::UnknownUser))]);
    }
    assert_eq!((told(&anna), rows(&device)), (vec![], vec![*first.id()]));
    assert!(!first.is_published());
    // What she wrote stays hers, after a reload too; there it is told again.
    let reloaded = world.client(&device);
    run(reloaded.look(None)).unwrap();
    assert_eq!(read(&reloaded, &message).unwrap(), b"x");
    assert_eq!(sent(&reloaded), [(*first.id(), Err(Code::UnknownUser))]);
    assert_eq!(told(&reloaded), [(*first.id(), Some(Code::UnknownUser))]);
    world.be_good();
    assert_eq!(sent(&anna), [(*first.id(), Ok(()))]);
    assert_eq!(told(&anna), [(*first.id(), None)]);
    assert_eq!(read(&bob, &message).unwrap(), b"x");
}

#[test]
fn another_identity_is_refused_before_anything_is_wrapped() {
    let (world, device, anna, _) = two("another identity");
    world.off_line.set(true);
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    world.off_line.set(false);
    // After a reload Bob has to be asked for, and another one answers.
    let (_, mallory) = World::new("elsewhere").registered("bob", None);
    let bundles = run(mallory.identities(&[&UserId::new("bob").unwrap()])).unwrap();
    let bundles: Vec<String> =
        bundles[0].bundles().iter().map(|bundle| wardkey::encoding::base64url(&bundle.to_bytes())).collect();
    world.change("POST /v1/directory", move |reply| reply["identities"] = serde_json::json!([bundles]));
    let anna = world.client(&device);
    run(anna.look(None)).unwrap();
    world.take_asked();
    assert_eq!(sent(&anna), [(*open.id(), Err(Code::PinMismatch))]);
    assert_eq!(told(&anna), [(*open.id(), Some(Code::PinMismatch))]);
    assert!(!world.take_asked().contains(&"POST /v1/sessions".to_owned()));
    assert_eq!(rows(&device), [*open.id()]);
    world.be_good();
    assert_eq!(sent(&anna), [(*open.id(), Ok(()))]);
}

#[test]
fn what_waits_for_a_server_is_not_told() {
    let (world, device, anna, _) = two("busy");
    let ids = [0, 1].map(|_| *run(anna.create_session_off_line(&for_both())).unwrap().id());
    for (code, tries) in [("throttled", 1), ("server", 2)] {
        world.be_evil(move |asked, answer| match asked.what.as_str() {
            "POST /v1/sessions" => Err(Failure::answered(code, Some(5_000), None)),
            _ => answer,
        });
        world.take_asked();
        let outcomes = run(anna.send_outbox()).unwrap();
        assert!(
            outcomes.iter().all(|(id, outcome)| ids.contains(id) && outcome.unwrap_err().retry_after == Some(5_000))
        );
        // A server that has enough isn't asked again.
        assert_eq!(world.take_asked().iter().filter(|asked| *asked == "POST /v1/sessions").count(), tries, "{code}");
        assert_eq!((told(&anna).len(), rows(&device).len()), (0, 2));
    }
    world.be_good();
    assert_eq!(sent(&anna).iter().filter(|(_, outcome)| outcome.is_ok()).count(), 2);
}

#[test]
fn a_hundred_that_wait_ask_for_everybody_once() {
    let (world, device, anna, bob) = two("hundred");
    let mut messages = Vec::new();
    for number in 0..100_u32 {
        let open = run(anna.create_session_off_line(&for_both())).unwrap();
        messages.push(write(&anna, &open, &number.to_be_bytes()));
    }
    let anna = world.client(&device);
    run(anna.look(None)).unwrap();
    world.take_asked();
    assert_eq!(sent(&anna).len(), 100);
    let asked = world.take_asked();
    assert_eq!((asked.len(), asked[0].as_str()), (102, "POST /v1/directory"));
    assert!(rows(&device).is_empty());
    let context = Context::default();
    let items: Vec<(&[u8], &Context)> = messages.iter().map(|message| (message.as_slice(), &context)).collect();
    assert!(run(bob.open_messages(&items, &mut Vec::new())).unwrap().into_iter().all(|opened| opened.is_ok()));
}

#[test]
fn changing_who_reads_sends_it_first() {
    let (world, _, anna, bob) = two("first");
    world.registered("carol", None);
    world.off_line.set(true);
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    for _ in 0..2 {
        assert_eq!(failed(run(anna.revoke_recipients(&open, &[user("bob")]))), Code::Network);
        assert_eq!(failed(run(anna.update(&open))), Code::Network);
    }
    world.off_line.set(false);
    run(anna.add_recipients(&open, &[(user("carol"), READ)])).unwrap();
    assert!(open.is_published());
    assert_eq!(told(&anna), [(*open.id(), None)]);
    assert!(run(bob.open_sessions(&[*open.id()], &[])).unwrap()[0].is_ok());
}

#[test]
fn rows_that_were_changed_are_not_there() {
    let (world, device, anna, _) = two("changed rows");
    world.off_line.set(true);
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    let message = write(&anna, &open, b"x");
    world.off_line.set(false);
    let good = device.rows.borrow().clone();
    let name = good.keys().find(|row| row.starts_with("outbox.")).unwrap().clone();
    let row = good[&name].clone();
    let mut bad: Vec<Vec<u8>> =
        (0..row.len()).map(|at| [&row[..at], &[row[at] ^ 1], &row[at + 1..]].concat()).collect();
    bad.extend([Vec::new(), row[..row.len() - 1].to_vec(), [row.as_slice(), &[0]].concat()]);
    for bad in bad {
        device.rows.borrow_mut().insert(name.clone(), bad.clone());
        let client = world.client(&device);
        assert_eq!(run(client.look(None)).unwrap(), Status::Ready);
        assert_eq!(sent(&client), []);
        // It may be of a later version: it isn't ours to delete.
        assert_eq!(device.rows.borrow()[&name], bad);
        assert_eq!(run(client.outbox_len()), 1);
        assert_eq!(read(&client, &message), Err(Code::UnknownSession));
    }
    // Under another name.
    *device.rows.borrow_mut() = good;
    let row = device.rows.borrow_mut().remove(&name).unwrap();
    let (start, _) = name.rsplit_once('.').unwrap();
    device.rows.borrow_mut().insert([start, ".", &Hash([7; 32]).to_string()].concat(), row.clone());
    device.rows.borrow_mut().insert([start, ".", "no id"].concat(), row);
    let client = world.client(&device);
    run(client.look(None)).unwrap();
    assert_eq!((sent(&client), run(client.outbox_len())), (vec![], 1));
    // Until she is forgotten here.
    run(client.forget(None)).unwrap();
    assert_eq!(told(&client), [(Hash([7; 32]), Some(Code::Aborted))]);
    assert!(device.names().is_empty());
}

#[test]
fn a_lock_ends_a_creation() {
    for is_switch in [false, true] {
        for waits in 0.. {
            let (_, device, anna, _) = two("lock");
            let mut creating = pin!(create(&anna));
            let mut task = Task::from_waker(Waker::noop());
            if (0..=waits).any(|_| creating.as_mut().poll(&mut task).is_ready()) {
                assert!(waits > 1);
                break;
            }
            match is_switch {
                false => run(anna.lock()),
                true => assert!(run(anna.unlock("bob", PASSWORD, 0)).is_ok()),
            }
            assert_eq!(failed(run(creating)), Code::Locked, "{waits}");
            assert!(rows(&device).is_empty(), "{waits}");
            assert_eq!((told(&anna), run(anna.outbox_len())), (vec![], 0));
        }
    }
}

async fn create(anna: &Client<TestHost>) -> Outcome<Rc<OpenSession>> {
    anna.create_session_off_line(&for_both()).await
}

#[test]
fn a_creation_that_ends_anywhere() {
    for waits in 0.. {
        let (world, device, anna, bob) = two("crash of a creation");
        world.off_line.set(true);
        let open = run_for(waits, anna.create_session_off_line(&for_both()));
        let message = open.as_ref().map(|open| write(&anna, open.as_ref().unwrap(), b"x"));
        // The next page.
        world.off_line.set(false);
        let next = world.client(&device);
        assert_eq!(run(next.look(None)).unwrap(), Status::Ready);
        // It is there whole, or not at all.
        let waiting = rows(&device);
        assert_eq!(sent(&next), waiting.iter().map(|id| (*id, Ok(()))).collect::<Vec<_>>(), "{waits}");
        assert!(rows(&device).is_empty());
        for id in waiting {
            assert!(run(bob.open_sessions(&[id], &[])).unwrap()[0].is_ok(), "{waits}");
        }
        if let Some(message) = message {
            assert_eq!(read(&bob, &message).unwrap(), b"x");
            assert!(waits > 1);
            return;
        }
    }
}

#[test]
fn a_sending_that_ends_anywhere() {
    for waits in 0.. {
        let (world, device, anna, bob) = two("crash of a sending");
        let open = run(anna.create_session_off_line(&for_both())).unwrap();
        let message = write(&anna, &open, b"x");
        let anna = world.client(&device);
        run(anna.look(None)).unwrap();
        let is_done = run_for(waits, anna.send_outbox()).is_some();
        // It waits, or it is there; or both.
        let reached = read(&bob, &message);
        assert!(rows(&device) == [*open.id()] || reached.is_ok(), "{waits}");
        assert!(!is_done || reached.is_ok());
        let next = world.client(&device);
        run(next.look(None)).unwrap();
        assert_eq!(read(&next, &message).unwrap(), b"x", "{waits}");
        sent(&next);
        assert!(rows(&device).is_empty(), "{waits}");
        assert_eq!(read(&bob, &message).unwrap(), b"x", "{waits}");
        assert_eq!(read(&world.unlocked("anna", PASSWORD), &message).unwrap(), b"x", "{waits}");
        if is_done {
            assert!(waits > 4);
            return;
        }
    }
}

#[test]
fn a_row_of_what_was_sent_takes_nobodys_session_away() {
    let (world, device, anna, bob) = two("outbox again");
    let open = run(anna.create_session_off_line(&for_both())).unwrap();
    let kept = device.rows.borrow().clone();
    assert_eq!(sent(&anna), [(*open.id(), Ok(()))]);
    // Another page writes it once more, or somebody has kept a copy of the device.
    let is_waiting = |(row, _): &(String, Vec<u8>)| row.starts_with("outbox.");
    device.rows.borrow_mut().extend(kept.into_iter().filter(is_waiting));
    assert_eq!(rows(&device), [*open.id()]);
    // Something has changed: it isn't opened from what is here.
    let other = world.unlocked("anna", PASSWORD);
    let theirs = run(other.open_sessions(&[*open.id()], &[])).unwrap().remove(0).unwrap();
    run(other.revoke_recipients(&theirs, &[user("bob")])).unwrap();
    run(anna.sync()).unwrap();
    let again = run(anna.open_sessions(&[*open.id()], &[])).unwrap().remove(0).unwrap();
    assert!(Rc::ptr_eq(&open, &again) && again.is_published());
    assert_eq!(rows(&device), []);
    let message = write(&anna, &open, b"x");
    assert_eq!(read(&other, &message).unwrap(), b"x");
    assert_eq!(read(&bob, &message), Err(Code::Revoked));
}
