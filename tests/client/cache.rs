//! Sessions that are here already: how many requests that saves, and who waits for whom.

use std::{
    rc::Rc,
    task::{Context as Task, Waker},
};

use serde_json::json;
use wardkey::{client::Event, error::Code, session::Rights, signed::Hash};

use super::super::common::{
    cache::HOUR,
    ward::{FEED, KEYS, NONE, PROBE, READ, Ward, data, open, read, read_all, stats, user, write},
    world::{MINUTE, PASSWORD, SAID, run, run_all, run_for},
};

#[test]
fn two_hundred_records_cold_and_warm() {
    let ward = Ward::new("two hundred");
    let (open, mut messages) = ward.sessions(200);
    // One of them is by another than who made the session.
    let (_, carol) = ward.world.registered("carol", None);
    run(ward.anna.add_recipients(&open[0], &[(user("carol"), READ)])).unwrap();
    let carols = self::open(&carol, open[0].id()).unwrap();
    messages.push(write(&carol, &carols, &200_u32.to_be_bytes()));
    ward.world.take_asked();

    let all: Vec<u32> = (0..=200).collect();
    assert_eq!(data(read_all(&ward.bob, &messages)), all);
    assert_eq!(ward.world.take_asked(), [KEYS]);
    // A page looks twice: when it finds the sessions, and when it uses them.
    assert_eq!((stats(&ward.bob).hits, stats(&ward.bob).misses, stats(&ward.bob).entries), (200, 200, 200));
    // Warm, in this page.
    assert_eq!(data(read_all(&ward.bob, &messages)), all);
    assert_eq!(ward.world.take_asked(), NONE);
    ward.world.pass(MINUTE);
    assert_eq!(data(read_all(&ward.bob, &messages)), all);
    assert_eq!(ward.world.take_asked(), [FEED]);
    assert_eq!((stats(&ward.bob).hits, stats(&ward.bob).misses), (1_000, 200));
    // In the next one.
    let next = ward.reload();
    assert_eq!(data(read_all(&next, &messages)), all);
    assert_eq!(ward.world.take_asked(), [FEED]);
    // After the password: the answer that opened the backup says that the feed's end hasn't moved.
    run(next.lock());
    run(next.unlock("bob", PASSWORD, 0)).unwrap();
    ward.world.take_asked();
    assert_eq!(data(read_all(&next, &messages)), all);
    assert_eq!(ward.world.take_asked(), NONE);
    // What is cold is asked for together, and the feed with it.
    let (_, more) = ward.sessions(3);
    ward.world.pass(MINUTE);
    let both = [&messages[..3], &more].concat();
    assert_eq!(data(read_all(&next, &both)), [0, 1, 2, 0, 1, 2]);
    assert_eq!(ward.world.take_asked(), [KEYS]);
    assert!(next.take_events().iter().all(|event| matches!(event, Event::BackupChanged { .. })));
}

#[test]
fn more_than_a_page_of_sessions() {
    let ward = Ward::new("pages");
    let (open, _) = ward.sessions(2);
    // Those that don't exist are answered too.
    let mut ids: Vec<Hash> =
        (0..1_500_u32).map(|number| Hash(std::array::from_fn(|at| number.to_be_bytes()[at % 4]))).collect();
    ids.push(*open[0].id());
    ids.insert(0, *open[1].id());
    ids.push(*open[0].id());
    let opened = run(ward.bob.open_sessions(&ids, &[])).unwrap();
    assert_eq!(ward.world.take_asked(), [KEYS, KEYS]);
    assert_eq!(opened.len(), ids.len());
    for (id, opened) in ids.iter().zip(&opened) {
        match opened {
            Ok(open) => assert_eq!(open.id(), id),
            Err(error) => assert_eq!(error.code(), Code::UnknownSession),
        }
    }
    assert!(Rc::ptr_eq(opened[1501].as_ref().unwrap(), opened[1502].as_ref().unwrap()));
    assert_eq!(opened.iter().flatten().count(), 3);
}

#[test]
fn what_was_made_here_is_warm() {
    let ward = Ward::new("made");
    let open = run(ward.bob.create_session(&[(user("bob"), Rights::MANAGE), (user("anna"), READ)])).unwrap();
    let message = write(&ward.bob, &open, b"made");
    run(ward.bob.rotate(&open)).unwrap();
    let later = write(&ward.bob, &open, b"later");
    ward.world.take_asked();
    let next = ward.reload();
    assert_eq!(read_all(&next, &[message, later]), [Ok(b"made".to_vec()), Ok(b"later".to_vec())]);
    assert_eq!(ward.world.take_asked(), [FEED]);
    // And written in: nobody needs to be met for that.
    let theirs = self::open(&next, open.id()).unwrap();
    let message = write(&next, &theirs, b"again");
    assert_eq!(ward.world.take_asked(), NONE);
    assert_eq!(read(&ward.anna, &message).unwrap(), b"again");
}

#[test]
fn a_session_is_one_for_all_who_hold_it() {
    let ward = Ward::new("one");
    let (made, _) = ward.sessions(1);
    let (one, two) = (open(&ward.bob, made[0].id()).unwrap(), open(&ward.bob, made[0].id()).unwrap());
    assert!(Rc::ptr_eq(&one, &two));
    ward.world.pass(12 * HOUR);
    assert!(Rc::ptr_eq(&one, &open(&ward.bob, made[0].id()).unwrap()));
    assert_eq!(Rc::strong_count(&one), 2);
    drop((one, two));
    run(ward.bob.clear_cache()).unwrap();
    ward.world.take_asked();
    open(&ward.bob, made[0].id()).unwrap();
    assert_eq!(ward.world.take_asked(), [KEYS]);
}

#[test]
fn fifty_at_once_make_one_request() {
    let ward = Ward::new("fifty");
    let (made, _) = ward.sessions(2);
    let ids = [*made[0].id()];
    let opened = run_all((0..50).map(|_| ward.bob.open_sessions(&ids, &[])).collect());
    assert_eq!(ward.world.take_asked(), [KEYS]);
    let first = opened[0].as_ref().unwrap()[0].as_ref().unwrap();
    assert!(opened.iter().all(|one| Rc::ptr_eq(one.as_ref().unwrap()[0].as_ref().unwrap(), first)));
    // Who asks for more waits for what is asked for already, and asks for the rest.
    let unknown = [Hash([7; 32])];
    let lists: [&[Hash]; 3] = [&unknown, &[unknown[0], *made[1].id()], &unknown];
    let opened = run_all(lists.iter().map(|ids| ward.bob.open_sessions(ids, &[])).collect());
    assert_eq!(ward.world.take_asked(), [KEYS, KEYS]);
    let asked = ward.world.asked.borrow().len();
    assert_eq!(asked, 0);
    assert_eq!(opened[2].as_ref().unwrap()[0].as_ref().unwrap_err().code(), Code::UnknownSession);
    assert!(opened[1].as_ref().unwrap()[1].is_ok());
    // A stale feed is read once.
    ward.world.pass(MINUTE);
    run_all((0..50).map(|_| ward.bob.open_sessions(&ids, &[])).collect());
    assert_eq!(ward.world.take_asked(), [FEED]);
    // Off line, nobody is asked fifty times.
    ward.world.pass(MINUTE);
    ward.world.off_line.set(true);
    assert!(run_all((0..50).map(|_| ward.bob.open_sessions(&ids, &[])).collect()).iter().all(Result::is_ok));
    assert_eq!(ward.world.unanswered.take(), [FEED, PROBE]);
}

#[test]
fn who_asked_along_is_told_why_not() {
    let ward = Ward::new("asked along");
    let (made, _) = ward.sessions(1);
    let ids = [*made[0].id()];
    let refused = |request| {
        ward.world.refused.set(Some(request));
        for one in run_all((0..50).map(|_| ward.bob.open_sessions(&ids, &[])).collect()) {
            let failure = one.and_then(|mut opened| opened.remove(0)).unwrap_err();
            assert_eq!((failure.code(), failure.said), (Code::Forbidden, Some(SAID)));
        }
        ward.world.refused.set(None);
    };
    refused(KEYS);
    // What is held, and must be known to be up to date.
    let _held = open(&ward.bob, &ids[0]).unwrap();
    ward.world.pass(MINUTE);
    refused(FEED);
}

#[test]
fn who_asked_first_may_be_given_up() {
    let ward = Ward::new("given up");
    let (made, _) = ward.sessions(1);
    let ids = [*made[0].id()];
    for waits in 1..4 {
        run(ward.bob.clear_cache()).unwrap();
        ward.world.take_asked();
        let (mut first, mut second) =
            (Box::pin(ward.bob.open_sessions(&ids, &[])), Box::pin(ward.bob.open_sessions(&ids, &[])));
        let mut task = Task::from_waker(Waker::noop());
        for _ in 0..waits {
            let _ = first.as_mut().poll(&mut task);
            assert!(second.as_mut().poll(&mut task).is_pending());
        }
        drop(first);
        assert!(run_for(50, second).unwrap().unwrap()[0].is_ok(), "{waits}");
        assert!(ward.world.take_asked().len() <= 2);
    }
    // Reading the feed, and reading the store in.
    ward.world.pass(MINUTE);
    for client in [&ward.bob, &ward.reload()] {
        let (mut first, second) = (Box::pin(client.sync()), Box::pin(client.sync()));
        assert!(first.as_mut().poll(&mut Task::from_waker(Waker::noop())).is_pending());
        let mut second = second;
        assert!(second.as_mut().poll(&mut Task::from_waker(Waker::noop())).is_pending());
        drop(first);
        assert_eq!(run_for(50, second).unwrap().unwrap(), []);
    }
}

#[test]
fn a_miss_after_a_share_asks_once() {
    let ward = Ward::new("share");
    let (made, mut messages) = ward.sessions(3);
    read_all(&ward.bob, &messages).into_iter().for_each(|data| drop(data.unwrap()));
    // Entries and keys that came since, of three sessions.
    for open in &made {
        run(ward.anna.rotate(open)).unwrap();
        for _ in 0..3 {
            messages.push(write(&ward.anna, open, &[0; 4]));
        }
    }
    ward.world.take_asked();
    assert!(read_all(&ward.bob, &messages).iter().all(Result::is_ok));
    assert_eq!(ward.world.take_asked(), [KEYS]);
    assert!(read_all(&ward.reload(), &messages).iter().all(Result::is_ok));
    assert_eq!(ward.world.take_asked(), [FEED]);
    // The key server knows nothing of them.
    run(ward.anna.rotate(&made[0])).unwrap();
    let unknown: Vec<_> = (0..3).map(|_| write(&ward.anna, &made[0], b"x")).collect();
    ward.world.change(KEYS, |reply| {
        for answer in reply["sessions"].as_array_mut().unwrap() {
            (answer["entries"], answer["wraps"]) = (json!([]), json!([]));
        }
    });
    ward.world.take_asked();
    assert_eq!(read_all(&ward.bob, &unknown), vec![Err(Code::NotARecipient); 3]);
    assert_eq!(ward.world.take_asked(), [KEYS]);
    // An author who has seen more than there is, under a key that is known.
    ward.world.be_good();
    run(ward.anna.add_recipients(&made[1], &[(user("anna"), READ), (user("bob"), Rights::MANAGE)])).unwrap();
    let ahead = write(&ward.anna, &made[1], b"y");
    ward.world.change(KEYS, |reply| {
        for answer in reply["sessions"].as_array_mut().unwrap() {
            (answer["entries"], answer["wraps"]) = (json!([]), json!([]));
        }
    });
    ward.world.take_asked();
    assert_eq!(read_all(&ward.bob, &[ahead.clone(), ahead]), vec![Err(Code::Rollback); 2]);
    assert_eq!(ward.world.take_asked(), [KEYS]);
}

#[test]
fn a_session_that_went_back_or_forked() {
    let ward = Ward::new("went back");
    let (made, _) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    run(ward.anna.rotate(&made)).unwrap();
    run(ward.bob.update(&held)).unwrap();
    ward.world.pass(12 * HOUR);
    ward.world.change(KEYS, |reply| {
        let answer = &mut reply["sessions"][0];
        answer["entries"] = json!([]);
        answer["wraps"].as_array_mut().unwrap().truncate(1);
    });
    assert_eq!(open(&ward.bob, made.id()).unwrap_err(), Code::Rollback);
    assert_eq!(held.with(|session| session.log().entries()), 1);
}

/// The creator who doesn't read what he makes writes until he frees it.
#[test]
fn who_made_it_and_does_not_read_it() {
    let ward = Ward::new("creator");
    let open = run(ward.bob.create_session(&[(user("anna"), Rights::MANAGE)])).unwrap();
    ward.world.pass(24 * HOUR);
    let message = write(&ward.bob, &open, b"from afar");
    assert_eq!(read(&ward.anna, &message).unwrap(), b"from afar");
    let kept = ward.device.store().rows.borrow().keys().any(|row| row.starts_with("k."));
    assert!(!kept);
    drop(open);
    assert_eq!(read(&ward.bob, &message), Err(Code::NotARecipient));
}
