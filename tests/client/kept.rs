//! What is kept on the device, by whom it is read, and what its store does to it.

use std::task::{Context as Task, Waker};

use wardkey::{client::Event, error::Code};

use super::super::common::{
    cache::{HOUR, Mood},
    ward::{
        FEED, KEYS, NONE, READ, Ward, cached, data, open, read, read_all, read_in, read_with, stats, try_write, user,
    },
    world::{MINUTE, PASSWORD, failed, run},
};

/// What a store makes of a row of this name.
type Change<'a> = &'a dyn Fn(&mut Vec<u8>, &str);

#[test]
fn entries_that_are_none() {
    let ward = Ward::new("none");
    let (made, message) = ward.warm();
    let rows = ward.device.store().rows;
    let good = rows.borrow().clone();
    assert_eq!(good.keys().map(|row| row.split('.').next().unwrap()).collect::<Vec<_>>(), ["b", "feed", "k", "s"]);
    let other = {
        let (more, _) = ward.sessions(1);
        open(&ward.bob, more[0].id()).unwrap();
        rows.borrow().clone()
    };
    let changes: [(&str, Change<'_>); 6] = [
        ("cut", &|row, _| row.truncate(20)),
        ("empty", &|row, _| row.clear()),
        ("version", &|row, _| row[0] = 1),
        ("flipped", &|row, _| *row.last_mut().unwrap() ^= 1),
        ("longer life", &|row, _| row[14] ^= 1),
        ("another's", &|row, name| {
            let another = other.iter().find(|(other, _)| other[..2] == name[..2] && *other != name);
            *row = another.unwrap().1.clone();
        }),
    ];
    ward.world.take_asked();
    for prefix in ["k.", "s."] {
        for (told, change) in &changes {
            *rows.borrow_mut() = good.clone();
            for (name, row) in rows.borrow_mut().iter_mut().filter(|(name, _)| name.starts_with(prefix)) {
                change(row, name);
            }
            let next = ward.reload();
            assert_eq!(read(&next, &message).unwrap(), [0; 4]);
            assert_eq!(ward.world.take_asked(), [KEYS], "{prefix} {told}");
            assert_eq!((stats(&next).hits, stats(&next).misses), (1, 1));
            // And good again.
            assert_eq!(read(&ward.reload(), &message).unwrap(), [0; 4]);
            assert_eq!(ward.world.take_asked(), [FEED]);
        }
    }
    // Without its key, a session is none.
    *rows.borrow_mut() = good;
    rows.borrow_mut().retain(|name, _| !name.starts_with("k."));
    let next = ward.reload();
    open(&next, made.id()).unwrap();
    assert_eq!(ward.world.take_asked(), [KEYS]);
}

#[test]
fn the_clock_was_set_back() {
    for reload in [false, true] {
        let ward = Ward::new("clock");
        ward.world.pass(24 * HOUR);
        let (made, message) = ward.warm();
        let held = open(&ward.bob, made.id()).unwrap();
        ward.world.now.set(ward.world.now.get() - HOUR);
        let next = ward.reload();
        let (client, mut known) = if reload { (&next, Vec::new()) } else { (&ward.bob, vec![held]) };
        assert_eq!(read_in(client, &mut known, &[message]), [Ok(vec![0; 4])]);
        assert_eq!(ward.world.take_asked(), [KEYS]);
        let told = || Event::CacheDegraded { reason: "the clock was set back".to_owned() };
        assert_eq!(client.take_events().pop(), (!reload).then(told));
    }
}

#[test]
fn the_time_to_live_is_absolute() {
    let ward = Ward::new("absolute");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    for _ in 0..11 {
        ward.world.pass(HOUR);
        assert_eq!(read(&ward.bob, &message).unwrap(), [0; 4]);
        run(ward.bob.update(&held)).unwrap();
    }
    ward.world.take_asked();
    ward.world.pass(HOUR);
    assert_eq!(read_with(&ward.bob, &held, &message), Ok(vec![0; 4]));
    assert_eq!(ward.world.take_asked(), [KEYS]);
    ward.world.pass(12 * HOUR);
    assert_eq!(stats(&ward.reload()).entries, 0);
}

#[test]
fn anothers_entries() {
    let ward = Ward::new("another");
    let (made, message) = ward.warm();
    let (theirs, eve) = ward.world.registered("eve", None);
    run(ward.anna.add_recipients(&made, &[(user("eve"), READ)])).unwrap();
    theirs.keeps.set(true);
    run(eve.lock());
    let eve = ward.world.client(&theirs);
    run(eve.unlock("eve", PASSWORD, 0)).unwrap();
    read(&eve, &message).unwrap();
    let bobs = ward.device.store().rows.borrow().clone();
    *theirs.store().rows.borrow_mut() = bobs;
    run(eve.lock());
    run(eve.unlock("eve", PASSWORD, 0)).unwrap();
    ward.world.take_asked();
    assert_eq!(stats(&eve).entries, 0);
    read(&eve, &message).unwrap();
    assert_eq!(ward.world.take_asked(), [KEYS]);
}

#[test]
fn a_store_that_fails_leaves_memory() {
    for mood in [Mood::Fails, Mood::Full] {
        let ward = Ward::new("fails");
        let (_, message) = ward.warm();
        ward.device.store().mood.set(mood);
        let (_, more) = ward.sessions(1);
        read(&ward.bob, &more[0]).unwrap();
        assert!(matches!(&ward.bob.take_events()[..], [Event::CacheDegraded { .. }]), "{mood:?}");
        ward.world.take_asked();
        assert_eq!(data(read_all(&ward.bob, &[message, more[0].clone()])), [0, 0]);
        assert_eq!(ward.world.take_asked(), NONE);
        assert!(ward.bob.take_events().is_empty());
        assert!(stats(&ward.bob).degraded.is_some());
    }
    // From the beginning.
    let ward = Ward::new("fails at once");
    let (_, message) = ward.warm();
    ward.device.store().mood.set(Mood::Fails);
    let next = ward.reload();
    read(&next, &message).unwrap();
    assert_eq!(ward.world.take_asked(), [KEYS]);
    assert_eq!(next.take_events(), [Event::CacheDegraded { reason: "it fails".to_owned() }]);
    read(&next, &message).unwrap();
    assert_eq!(ward.world.take_asked(), NONE);
}

#[test]
fn a_store_that_is_wiped() {
    let ward = Ward::new("wiped");
    let (_, message) = ward.warm();
    ward.device.store().wipe();
    read(&ward.bob, &message).unwrap();
    let (_, more) = ward.sessions(1);
    read(&ward.bob, &more[0]).unwrap();
    assert_eq!(ward.bob.take_events(), [Event::CacheWiped]);
    assert_eq!((stats(&ward.bob).wipes, stats(&ward.bob).degraded), (1, None));
    assert!(ward.bob.take_events().is_empty());
    // What was kept since is there.
    ward.world.take_asked();
    read(&ward.reload(), &more[0]).unwrap();
    assert_eq!(ward.world.take_asked(), [FEED]);
}

#[test]
fn locked_and_forgotten() {
    let ward = Ward::new("locked");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    run(ward.bob.lock());
    assert_eq!(failed(run(ward.bob.open_sessions(&[*made.id()], &[]))), Code::Locked);
    assert_eq!(run(ward.bob.cache_stats()).unwrap_err().code(), Code::Locked);
    run(ward.bob.unlock("bob", PASSWORD, 0)).unwrap();
    // What was held before has no keys.
    assert_eq!(read_with(&ward.bob, &held, &message), Err(Code::Locked));
    assert_eq!(try_write(&ward.bob, &held, b"x"), Err(Code::Locked));
    assert_eq!(read(&ward.bob, &message).unwrap(), [0; 4]);
    // A change of the password doesn't lock.
    let held = open(&ward.bob, made.id()).unwrap();
    run(ward.bob.change_password(PASSWORD, "new", &())).unwrap();
    ward.world.take_asked();
    assert_eq!(read_with(&ward.bob, &held, &message), Ok(vec![0; 4]));
    assert_eq!(ward.world.take_asked(), NONE);
    for locked in [false, true] {
        assert!(!ward.device.store().rows.borrow().is_empty());
        if locked {
            run(ward.bob.lock());
        }
        run(ward.bob.forget(None)).unwrap();
        assert!(ward.device.store().rows.borrow().is_empty(), "{locked}");
        run(ward.bob.unlock("bob", "new", 0)).unwrap();
        read(&ward.bob, &message).unwrap();
    }
}

#[test]
fn an_answer_that_a_lock_overtook() {
    for waits in 1..12 {
        let ward = Ward::new("lock overtook");
        let (made, _) = ward.sessions(1);
        let ids = [*made[0].id()];
        let mut opening = Box::pin(ward.bob.open_sessions(&ids, &[]));
        for _ in 0..waits {
            if opening.as_mut().poll(&mut Task::from_waker(Waker::noop())).is_ready() {
                return assert!(waits > 4);
            }
        }
        run(ward.bob.lock());
        run(ward.bob.unlock("bob", PASSWORD, 0)).unwrap();
        assert_eq!(failed(run(opening)), Code::Locked, "{waits}");
    }
}

#[test]
fn without_a_time_to_live_nothing_is_kept() {
    let ward = Ward::with("no ttl", cached(|cache| cache.ttl = 0));
    let (made, message) = ward.sessions(1);
    let (made, message) = (&made[0], &message[0]);
    for _ in 0..2 {
        read(&ward.bob, message).unwrap();
        assert_eq!(ward.world.take_asked(), [KEYS]);
    }
    assert!(ward.device.stores.borrow().values().all(|store| store.rows.borrow().is_empty()));
    assert_eq!(stats(&ward.bob).entries, 0);
    // Who holds a session goes on with it, and is told what changes.
    let held = open(&ward.bob, made.id()).unwrap();
    ward.world.take_asked();
    for minute in 0..3 {
        assert_eq!(read_with(&ward.bob, &held, message), Ok(vec![0; 4]));
        assert_eq!(ward.world.take_asked().len(), usize::from(minute > 0));
        ward.world.pass(13 * HOUR);
    }
    ward.world.off_line.set(true);
    assert_eq!(read_with(&ward.bob, &held, message), Err(Code::Network));
    ward.world.off_line.set(false);
    ward.world.pass(MINUTE);
    ward.revoke(made);
    assert_eq!(read_with(&ward.bob, &held, message), Err(Code::Revoked));
}

#[test]
fn the_least_recently_used_goes_first() {
    let ward = Ward::with("lru", cached(|cache| cache.max_entries = 3));
    let (_, messages) = ward.sessions(4);
    for message in &messages[..3] {
        read(&ward.bob, message).unwrap();
    }
    read(&ward.bob, &messages[0]).unwrap();
    read(&ward.bob, &messages[3]).unwrap();
    ward.world.take_asked();
    for number in [0, 2, 3] {
        read(&ward.bob, &messages[number]).unwrap();
    }
    assert_eq!(ward.world.take_asked(), NONE);
    read(&ward.bob, &messages[1]).unwrap();
    assert_eq!(ward.world.take_asked(), [KEYS]);
}

#[test]
fn the_bound_is_the_applications() {
    let ward = Ward::with("staleness", cached(|cache| cache.max_staleness = 0));
    let (mut made, mut messages) = ward.sessions(1);
    let (made, message) = (made.remove(0), messages.remove(0));
    read(&ward.bob, &message).unwrap();
    ward.world.take_asked();
    for _ in 0..2 {
        let open = open(&ward.bob, made.id()).unwrap();
        assert_eq!(ward.world.take_asked(), [FEED]);
        read_with(&ward.bob, &open, &message).unwrap();
        assert_eq!(ward.world.take_asked(), [FEED]);
    }
    ward.revoke(&made);
    assert_eq!(read(&ward.bob, &message), Err(Code::Revoked));
}
