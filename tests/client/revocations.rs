//! No revocation comes later for the cache than the application allows; and off line.

use std::{
    pin::pin,
    rc::Rc,
    task::{Context as Task, Waker},
};

use serde_json::{Value, json};
use wardkey::{
    backend::Failure, client::Event, encoding::base64url, error::Code, identity::UserId, session::Rights, signed::Hash,
};

use super::super::common::{
    cache::HOUR,
    ward::{
        FEED, KEYS, NONE, PROBE, READ, Ward, feed_event, open, read, read_in, read_with, stats, try_write, user, write,
    },
    world::{MINUTE, Text, failed, run, run_all, run_for},
};

#[test]
fn a_revoked_session_stops_opening_within_the_bound() {
    const WARM: usize = 10_000;
    let ward = Ward::new("bound");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    // Those that Bob makes for himself come into his cache without being asked for; the key server needn't have them for that.
    ward.world.deaf.set(Some("POST /v1/sessions"));
    let mut ids = vec![*made.id()];
    for _ in 1..WARM {
        ids.push(*run(ward.bob.create_session(&[(user("bob"), Rights::MANAGE)])).unwrap().id());
    }
    ward.world.deaf.set(None);
    assert_eq!(stats(&ward.bob).entries, WARM);
    ward.world.take_asked();
    let opened = |ids: &[Hash]| run(ward.bob.open_sessions(ids, &[])).unwrap();
    for _ in 0..3 {
        ward.world.pass(MINUTE);
        assert!(opened(&ids).iter().all(Result::is_ok));
        for some in ids.chunks(1_000) {
            assert!(opened(&some[..10]).iter().all(Result::is_ok));
            ward.world.pass(MINUTE / 20);
        }
        let asked: Vec<_> = ward.world.asked.take();
        assert_eq!(asked.iter().map(|asked| asked.what.as_str()).collect::<Vec<_>>(), [FEED]);
        assert!(asked[0].body.to_string().len() < 100);
    }
    ward.revoke(&made);
    ward.world.pass(MINUTE);
    let after = opened(&ids);
    assert_eq!(after[0].as_ref().unwrap_err().code(), Code::Revoked);
    assert!(after[1..].iter().all(Result::is_ok));
    assert_eq!(ward.world.take_asked(), [FEED, KEYS]);
    assert_eq!(ward.bob.take_events().pop(), Some(Event::Revoked { sessions: vec![*made.id()] }));
    // What is held stops too, without a request.
    assert_eq!(read_with(&ward.bob, &held, &message), Err(Code::Revoked));
    assert_eq!(try_write(&ward.bob, &held, b"x"), Err(Code::Revoked));
    assert_eq!(failed(run(ward.bob.update(&held))), Code::Revoked);
    assert_eq!(failed(run(ward.bob.add_recipients(&held, &[(user("anna"), READ)]))), Code::Revoked);
    assert_eq!(ward.world.take_asked(), NONE);
    assert_eq!(stats(&ward.bob).entries, WARM - 1);
}

#[test]
fn with_push_at_once() {
    let ward = Ward::new("push");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    ward.revoke(&made);
    // An event says nothing by itself, and may be double.
    run(ward.bob.pushed(&feed_event())).unwrap();
    run(ward.bob.pushed(&feed_event())).unwrap();
    assert_eq!(ward.world.take_asked(), [FEED, FEED]);
    assert_eq!(ward.bob.take_events(), [Event::Revoked { sessions: vec![*made.id()] }]);
    assert_eq!(read_with(&ward.bob, &held, &message), Err(Code::Revoked));
    assert_eq!(open(&ward.bob, made.id()).unwrap_err(), Code::Revoked);
    // Of the backup, and of what comes later.
    ward.world.take_asked();
    for (event, asked) in [
        (json!({ "type": "backup", "version": 1 }), None),
        (json!({ "type": "backup", "version": 9 }), Some("GET /v1/backup")),
        (json!({ "type": "backup" }), Some("GET /v1/backup")),
        (json!({ "type": "else" }), None),
        (json!({}), None),
        (Value::Null, None),
    ] {
        run(ward.bob.pushed(&Text(event))).unwrap();
        assert_eq!(ward.world.take_asked().first().map(String::as_str), asked);
    }
    run(ward.bob.lock());
    assert_eq!(failed(run(ward.bob.pushed(&feed_event()))), Code::Locked);
}

/// Each wants to know what happened before he asked: a reading that was under way says nothing of that.
#[test]
fn readings_that_are_under_way() {
    let ward = Ward::new("under way");
    let (made, _) = ward.warm();
    let mut task = Task::from_waker(Waker::noop());
    let mut first = Box::pin(ward.bob.sync());
    // It has asked, and the answer is on its way.
    assert!(first.as_mut().poll(&mut task).is_pending() && first.as_mut().poll(&mut task).is_pending());
    ward.revoke(&made);
    let mut others = [Box::pin(ward.bob.sync()), Box::pin(ward.bob.sync())];
    for other in &mut others {
        assert!(other.as_mut().poll(&mut task).is_pending());
    }
    assert_eq!(run(first).unwrap(), []);
    for told in run_all(others.into()) {
        assert_eq!(told.unwrap(), [*made.id()]);
    }
    assert_eq!(ward.world.take_asked(), [FEED]);
}

/// What is asked for brings news too: an application is told of each revocation once, whatever reads of it first.
#[test]
fn news_that_come_twice() {
    let ward = Ward::new("twice");
    let (made, _) = ward.sessions(4);
    let [one, two, three, four] = [0, 1, 2, 3].map(|place: usize| *made[place].id());
    let mut task = Task::from_waker(Waker::noop());
    let told = |ids: &[Hash]| {
        let told = ward.bob.take_events();
        assert_eq!(told, ids.iter().map(|id| Event::Revoked { sessions: vec![*id] }).collect::<Vec<_>>());
    };
    let _held = [one, two].map(|id| open(&ward.bob, &id).unwrap());
    ward.revoke(&made[0]);
    let wanted = [three];
    let mut opening = pin!(ward.bob.open_sessions(&wanted, &[]));
    while ward.world.asked.borrow().is_empty() {
        assert!(opening.as_mut().poll(&mut task).is_pending());
    }
    run(ward.bob.pushed(&feed_event())).unwrap();
    assert!(run(opening).unwrap()[0].is_ok());
    assert_eq!(ward.world.take_asked(), [KEYS, FEED, FEED]);
    told(&[one]);
    // The other way round, and what came between is told too.
    ward.revoke(&made[1]);
    let mut reading = pin!(ward.bob.sync());
    while ward.world.asked.borrow().is_empty() {
        assert!(reading.as_mut().poll(&mut task).is_pending());
    }
    assert!(open(&ward.bob, &four).is_ok());
    ward.revoke(&made[2]);
    assert_eq!(run(reading).unwrap(), [two, three]);
    told(&[two, three]);
}

#[test]
fn what_another_tab_was_told() {
    let ward = Ward::new("told");
    let (made, message) = ward.warm();
    let tab = ward.reload();
    let held = open(&tab, made.id()).unwrap();
    ward.revoke(&made);
    assert_eq!(run(ward.bob.sync()).unwrap(), [*made.id()]);
    assert_eq!(ward.bob.take_events().len(), 1);
    ward.world.take_asked();
    tab.feed_told(&[*made.id()]);
    assert_eq!(read_with(&tab, &held, &message), Err(Code::Revoked));
    assert_eq!(ward.world.take_asked(), NONE);
    // It tells nobody twice.
    assert_eq!(run(tab.sync()).unwrap(), [*made.id()]);
    assert!(tab.take_events().is_empty());
    // Before anything was read in.
    let early = ward.reload();
    early.feed_told(&[*made.id()]);
    assert_eq!(open(&early, made.id()).unwrap_err(), Code::Revoked);
    ward.world.client(&ward.device).feed_told(&[*made.id()]);
}

#[test]
fn others_leave() {
    let ward = Ward::new("others");
    let (made, message) = ward.warm();
    let (_, eve) = ward.world.registered("eve", None);
    run(ward.anna.add_recipients(&made, &[(user("eve"), READ)])).unwrap();
    let (bobs, eves) = (open(&ward.bob, made.id()).unwrap(), open(&eve, made.id()).unwrap());
    run(ward.anna.revoke_recipients(&made, &[user("eve")])).unwrap();
    ward.world.take_asked();
    run(ward.bob.pushed(&feed_event())).unwrap();
    assert!(ward.bob.take_events().is_empty());
    // It is fetched anew when it is used, and what Bob writes then is for those who are left.
    let later = write(&ward.bob, &bobs, b"later");
    let asked = ward.world.take_asked();
    assert_eq!((asked[0].as_str(), asked[1].as_str()), (FEED, KEYS));
    assert_eq!(bobs.with(|session| session.log().newest_generation()), 1);
    assert_eq!(read(&ward.anna, &later).unwrap(), b"later");
    let eves = read_in(&eve, &mut vec![eves], &[later, message.clone()]);
    assert_eq!(eves, [Err(Code::Revoked), Err(Code::Revoked)]);
    assert_eq!(read(&ward.bob, &message).unwrap(), [0; 4]);
}

#[test]
fn lost_and_given_again() {
    let ward = Ward::new("again");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    ward.revoke(&made);
    run(ward.anna.add_recipients(&made, &[(user("bob"), READ)])).unwrap();
    // The answer with the session is as new as the one with the item.
    run(ward.bob.clear_cache()).unwrap();
    assert_eq!(read_with(&ward.bob, &held, &message), Ok(vec![0; 4]));
    run(ward.bob.update(&held)).unwrap_or_else(|failure| assert_eq!(failure.code(), Code::Revoked));
    // Who holds what was lost opens it again.
    let again = open(&ward.bob, made.id()).unwrap();
    assert!(!Rc::ptr_eq(&again, &held));
    assert_eq!(read_with(&ward.bob, &held, &message), Err(Code::Revoked));
    assert_eq!(read_with(&ward.bob, &again, &message), Ok(vec![0; 4]));
    assert_eq!(read(&ward.bob, &message).unwrap(), [0; 4]);
}

/// The key server had answered before the revocation, and the answer came after it was told.
#[test]
fn an_answer_that_a_revocation_overtook() {
    let ward = Ward::new("overtaken");
    let (made, _) = ward.sessions(1);
    let ids = [*made[0].id()];
    let mut task = Task::from_waker(Waker::noop());
    let mut opening = pin!(ward.bob.open_sessions(&ids, &[]));
    while !ward.world.asked.borrow().iter().any(|asked| asked.what == KEYS) {
        assert!(opening.as_mut().poll(&mut task).is_pending());
    }
    ward.revoke(&made[0]);
    run(ward.bob.sync()).unwrap();
    let opened = run(opening).unwrap().pop().unwrap();
    assert_eq!(opened.unwrap_err().code(), Code::Revoked);
    assert_eq!(ward.world.take_asked(), [FEED, KEYS]);
    assert_eq!(stats(&ward.bob).entries, 0);
}

/// Who takes everybody's rights, his own too, may be told of it before his request is answered. It was taken all the same.
#[test]
fn an_own_revocation_that_the_feed_told_first() {
    let ward = Ward::new("told first");
    let (made, message) = ward.warm();
    let mut task = Task::from_waker(Waker::noop());
    let mut revoking = pin!(ward.anna.revoke_all(&made));
    let entry = format!("POST /v1/sessions/{}/entries", made.id());
    while !ward.world.asked.borrow().iter().any(|asked| asked.what == entry) {
        assert!(revoking.as_mut().poll(&mut task).is_pending());
    }
    assert_eq!(run(ward.anna.sync()).unwrap(), [*made.id()]);
    run(revoking).unwrap();
    assert_eq!(read_with(&ward.anna, &made, &message), Err(Code::Revoked));
    assert_eq!(failed(run(ward.anna.rotate(&made))), Code::Revoked);
    run(ward.bob.sync()).unwrap();
    assert_eq!(open(&ward.bob, made.id()).unwrap_err(), Code::Revoked);
}

/// The same of an answer with what came after that is known: what was told stays to be fetched, and nothing is written for who has left.
#[test]
fn an_update_that_a_revocation_overtook() {
    let ward = Ward::new("overtaken update");
    let (made, _) = ward.warm();
    let _eve = ward.world.registered("eve", None);
    run(ward.anna.add_recipients(&made, &[(user("eve"), READ)])).unwrap();
    let held = open(&ward.bob, made.id()).unwrap();
    ward.world.take_asked();
    let mut task = Task::from_waker(Waker::noop());
    let mut updating = pin!(ward.bob.update(&held));
    while !ward.world.asked.borrow().iter().any(|asked| asked.what == KEYS) {
        assert!(updating.as_mut().poll(&mut task).is_pending());
    }
    run(ward.anna.revoke_recipients(&made, &[user("eve")])).unwrap();
    run(ward.bob.sync()).unwrap();
    run(updating).unwrap();
    write(&ward.bob, &held, b"later");
    assert_eq!(held.with(|session| session.log().newest_generation()), 1);
}

/// Two answers, of which the shorter one is taken first.
#[test]
fn updates_beside_each_other() {
    for waits in 0.. {
        let ward = Ward::new("two updates");
        let (made, _) = ward.warm();
        let _eve = ward.world.registered("eve", None);
        let held = open(&ward.bob, made.id()).unwrap();
        run(ward.anna.add_recipients(&made, &[(user("eve"), READ)])).unwrap();
        ward.world.take_asked();
        let mut task = Task::from_waker(Waker::noop());
        let mut first = Box::pin(ward.bob.update(&held));
        while !ward.world.asked.borrow().iter().any(|asked| asked.what == KEYS) {
            assert!(first.as_mut().poll(&mut task).is_pending());
        }
        run(ward.anna.revoke_recipients(&made, &[user("eve")])).unwrap();
        let mut second = Box::pin(ward.bob.update(&held));
        let done = (0..waits).any(|_| second.as_mut().poll(&mut task).is_ready());
        run(first).unwrap();
        if !done {
            run(second).unwrap();
        }
        assert_eq!(held.with(|session| session.log().entries()), 2, "{waits}");
        write(&ward.bob, &held, b"later");
        assert_eq!(held.with(|session| session.log().newest_generation()), 1, "{waits}");
        if done {
            assert!(waits > 2);
            return;
        }
    }
}

#[test]
fn many_items_are_read_to_their_end() {
    let ward = Ward::new("items");
    let (made, _) = ward.warm();
    // A page of others before the one that matters.
    let id = made.id().to_string();
    let mut pages = 0;
    ward.world.change(FEED, move |feed| {
        pages += 1;
        let other = base64url(&[pages; 32]);
        let items = if pages < 3 {
            json!([{ "sessionId": other, "revoked": true }, { "groupId": other, "epoch": 2, "revoked": false }, { "later": other }])
        } else {
            json!([{ "sessionId": id, "revoked": true }])
        };
        (feed["items"], feed["more"]) = (items, json!(pages < 3));
    });
    let lost = run(ward.bob.sync()).unwrap();
    assert_eq!(lost, [Hash([1; 32]), Hash([2; 32]), *made.id()]);
    assert_eq!(ward.world.take_asked(), [FEED, FEED, FEED]);
    // Ever more of nothing isn't read for ever.
    ward.world.change(FEED, |feed| feed["more"] = json!(true));
    assert_eq!(failed(run(ward.bob.sync())), Code::InvalidFormat);
    // More than came with sessions.
    ward.world.change(KEYS, |reply| {
        reply["feed"]["more"] = json!(true);
        reply["feed"]["items"] = json!([{ "sessionId": base64url(&[9; 32]), "revoked": false }]);
    });
    ward.world.take_asked();
    open(&ward.bob, &Hash([8; 32])).unwrap_err();
    assert_eq!(ward.world.take_asked(), [KEYS, FEED]);
}

#[test]
fn a_cursor_that_is_lost_drops_all() {
    let ward = Ward::new("cursor");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    // The key server was made anew, say.
    ward.world.change(FEED, |feed| feed["reset"] = json!(true));
    run(ward.bob.sync()).unwrap();
    ward.world.be_good();
    assert_eq!(stats(&ward.bob).entries, 0);
    assert!(!ward.device.store().rows.borrow().keys().any(|row| row.starts_with("k.") || row.starts_with("s.")));
    ward.world.take_asked();
    assert_eq!(read_with(&ward.bob, &held, &message), Ok(vec![0; 4]));
    assert_eq!(ward.world.take_asked(), [KEYS]);
    // The device has lost it, or has another.
    for change in [|row: &mut Vec<u8>| row.clear(), |row: &mut Vec<u8>| *row.last_mut().unwrap() ^= 1] {
        change(ward.device.store().rows.borrow_mut().get_mut("feed").unwrap());
        let next = ward.reload();
        assert_eq!(stats(&next).entries, 0);
        assert_eq!(read(&next, &message).unwrap(), [0; 4]);
        let asked: Vec<_> = ward.world.asked.take();
        assert_eq!((asked[0].what.as_str(), &asked[0].body["cursor"], asked.len()), (KEYS, &Value::Null, 1));
    }
    // Kept with the next entry.
    let next = ward.reload();
    assert_eq!(read(&next, &message).unwrap(), [0; 4]);
    assert_eq!(ward.world.take_asked(), [FEED]);
}

/// Wherever it ends: what the feed told isn't forgotten while the cursor goes on.
#[test]
fn a_reading_that_ends_anywhere() {
    for waits in 0.. {
        let ward = Ward::new("crash");
        let (made, message) = ward.warm();
        ward.revoke(&made);
        let done = run_for(waits, ward.bob.sync()).is_some();
        // This page goes on, and the next one.
        if waits % 2 == 0 {
            let _ = run(ward.bob.sync());
        }
        for client in [&ward.bob, &ward.reload()] {
            ward.world.pass(MINUTE);
            assert_eq!(read(client, &message), Err(Code::Revoked), "{waits}");
        }
        if done {
            assert!(waits > 5);
            return;
        }
    }
}

#[test]
fn an_opening_that_ends_anywhere() {
    for waits in 0.. {
        let ward = Ward::new("crash of opening");
        let (made, message) = ward.sessions(1);
        let done = run_for(waits, ward.bob.open_sessions(&[*made[0].id()], &[])).is_some();
        for client in [&ward.bob, &ward.reload()] {
            assert_eq!(read(client, &message[0]).unwrap(), [0; 4], "{waits}");
        }
        ward.revoke(&made[0]);
        ward.world.pass(MINUTE);
        for client in [&ward.bob, &ward.reload()] {
            assert_eq!(read(client, &message[0]), Err(Code::Revoked), "{waits}");
        }
        if done {
            assert!(waits > 5);
            return;
        }
    }
}

#[test]
fn off_line_the_time_to_live_decides() {
    let ward = Ward::new("off line");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    let (cold, _) = ward.sessions(1);
    ward.world.off_line.set(true);
    for _ in 0..11 {
        ward.world.pass(HOUR);
        assert_eq!(read(&ward.bob, &message).unwrap(), [0; 4]);
        assert!(try_write(&ward.bob, &held, b"off line").is_ok());
    }
    // Some seconds pass before somebody is asked again whether he answers.
    ward.world.unanswered.take();
    for _ in 0..10 {
        ward.world.pass(1_000);
        assert_eq!(read(&ward.bob, &message).unwrap(), [0; 4]);
    }
    assert_eq!(ward.world.unanswered.take(), [FEED, PROBE]);
    // What isn't here fails in its place; alone, the call does.
    let both = run(ward.bob.open_sessions(&[*made.id(), *cold[0].id()], &[])).unwrap();
    assert!(both[0].is_ok());
    assert_eq!(both[1].as_ref().unwrap_err().code(), Code::Network);
    assert_eq!(open(&ward.bob, cold[0].id()).unwrap_err(), Code::Network);
    // In the next page too.
    let next = ward.reload();
    assert_eq!(read(&next, &message).unwrap(), [0; 4]);
    ward.world.pass(HOUR);
    for client in [&ward.bob, &next, &ward.reload()] {
        assert_eq!(read(client, &message), Err(Code::Network));
    }
    assert_eq!(read_with(&ward.bob, &held, &message), Err(Code::Network));
    assert_eq!(try_write(&ward.bob, &held, b"x"), Err(Code::Network));
    // On line again: what is held goes on.
    ward.world.off_line.set(false);
    ward.world.take_asked();
    assert_eq!(read_with(&ward.bob, &held, &message), Ok(vec![0; 4]));
    assert_eq!(ward.world.take_asked(), [KEYS]);
}

#[test]
fn what_was_revoked_stays_so_off_line() {
    let ward = Ward::new("revoked off line");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    ward.revoke(&made);
    run(ward.bob.sync()).unwrap();
    ward.world.off_line.set(true);
    assert_eq!(read_with(&ward.bob, &held, &message), Err(Code::Revoked));
    assert_eq!(read(&ward.bob, &message), Err(Code::Network));
    assert_eq!(read(&ward.reload(), &message), Err(Code::Network));
}

#[test]
fn the_feed_alone_does_not_answer() {
    let ward = Ward::new("blocked");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    ward.revoke(&made);
    ward.world.pass(MINUTE);
    ward.world.lost.set(Some(FEED));
    assert_eq!(read(&ward.bob, &message), Err(Code::Stale));
    assert_eq!(try_write(&ward.bob, &held, b"x"), Err(Code::Stale));
    assert_eq!(failed(run(ward.bob.sync())), Code::Stale);
    // Neither for a page that has just come.
    assert_eq!(read(&ward.reload(), &message), Err(Code::Stale));
    // Whatever is an answer is one.
    ward.world.lost.set(None);
    for code in ["server", "throttled", "forbidden", "unknown-user", "something else"] {
        ward.world.be_evil(move |asked, answer| match asked.what.as_str() {
            FEED => Err(Failure::answered(code, Some(5), None)),
            _ => answer,
        });
        let expected = Failure::answered(code, None, None).code();
        assert_eq!(read(&ward.bob, &message), Err(expected), "{code}");
    }
    let malformed: [fn(&mut Value); 3] = [
        |feed| *feed = json!({}),
        |feed| feed["cursor"] = json!(""),
        |feed| feed["items"] = json!([{ "sessionId": "x" }]),
    ];
    for change in malformed {
        ward.world.change(FEED, change);
        assert_eq!(read(&ward.bob, &message), Err(Code::InvalidFormat));
    }
    // Off line a moment ago, and somebody answers: that isn't off line any more.
    ward.world.be_good();
    ward.world.off_line.set(true);
    assert_eq!(read(&ward.bob, &message).unwrap(), [0; 4]);
    ward.world.off_line.set(false);
    ward.world.lost.set(Some(FEED));
    run(ward.bob.identities(&[&UserId::new("anna").unwrap()])).unwrap();
    assert_eq!(read(&ward.bob, &message), Err(Code::Stale));
}
