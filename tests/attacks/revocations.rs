//! C1, C2, C4 in a client: what a device keeps gives nobody a key whose time is over, who isn't its user, or after a lock.

use std::collections::BTreeMap;

use serde_json::json;
use wardkey::{
    backend::Failure,
    client::{Client, Status},
    data_key::{DataKey, KeyId},
    encoding::from_base64url,
    error::Code,
    session::Rights,
};

use super::common::{
    cache::HOUR,
    ward::{FEED, KEYS, Ward, cached, open, read, read_with, stats, try_write, user},
    world::{MINUTE, PASSWORD, TestHost, failed, run},
};

const DAY: u64 = 24 * HOUR;

fn rows(ward: &Ward) -> BTreeMap<String, Vec<u8>> {
    ward.device.store().rows.borrow().clone()
}

/// A page of Bob's that is loaded now.
fn page(ward: &Ward) -> Client<TestHost> {
    let client = ward.world.client_with(&ward.device, cached(|_| ()));
    run(client.look(None)).unwrap();
    client
}

/// Off line nothing but what is kept can give a key.
#[track_caller]
fn assert_gives_nothing(ward: &Ward, client: &Client<TestHost>, message: &[u8]) {
    ward.world.off_line.set(true);
    assert_eq!(read(client, message), Err(Code::Network));
    ward.world.off_line.set(false);
    ward.world.pass(MINUTE);
}

#[test]
fn c1_no_key_of_a_session_is_on_the_device() {
    let ward = Ward::new("c1 sessions");
    let (made, _) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    run(ward.anna.rotate(&made)).unwrap();
    run(ward.bob.update(&held)).unwrap();
    let text = run(ward.bob.serialize_session(&held)).unwrap();
    let ids: Vec<KeyId> = held.with(|session| session.key_ids().copied().collect());
    assert_eq!(ids.len(), 2);
    let mut stored = vec![from_base64url(&text).unwrap()];
    stored.extend(rows(&ward).into_values().chain(ward.device.rows.borrow().clone().into_values()));
    for bytes in stored {
        // Whatever stands there, it isn't one of the keys.
        for window in bytes.windows(32) {
            assert!(!ids.contains(&DataKey::from_slice(window).unwrap().id()));
        }
    }
}

#[test]
fn c2_after_a_lock_nothing_is_usable() {
    let ward = Ward::new("c2");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    let other = page(&ward);
    run(ward.bob.lock());
    assert_eq!(failed(run(ward.bob.open_sessions(&[*made.id()], &[]))), Code::Locked);
    assert_eq!(read_with(&ward.bob, &held, &message), Err(Code::Locked));
    assert_eq!(try_write(&ward.bob, &held, b"x"), Err(Code::Locked));
    assert_eq!(failed(run(ward.bob.serialize_session(&held))), Code::Locked);
    assert_eq!(run(ward.bob.cache_stats()).unwrap_err().code(), Code::Locked);
    // No reload goes on, though what is sealed is there still.
    assert!(rows(&ward).keys().any(|row| row.starts_with("k.")));
    let next = ward.world.client_with(&ward.device, cached(|_| ()));
    assert_eq!(run(next.look(None)).unwrap(), Status::Locked);
    assert_eq!(failed(run(next.open_sessions(&[*made.id()], &[]))), Code::Locked);
    // A tab that was open goes on until it is told to lock.
    assert_eq!(read(&other, &message).unwrap(), [0; 4]);
    run(other.lock());
    assert_eq!(read(&other, &message), Err(Code::Locked));
}

#[test]
fn c4_a_revoked_session_within_the_bound() {
    let ward = Ward::new("c4 revoked");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    ward.revoke(&made);
    ward.world.pass(MINUTE);
    assert_eq!(read_with(&ward.bob, &held, &message), Err(Code::Revoked));
    assert_eq!(try_write(&ward.bob, &held, b"x"), Err(Code::Revoked));
    assert_eq!(read(&ward.bob, &message), Err(Code::Revoked));
    assert_eq!(stats(&ward.bob).entries, 0);
    assert_gives_nothing(&ward, &ward.bob, &message);
    assert_gives_nothing(&ward, &page(&ward), &message);
}

/// Nor does whoever writes the store bring it back: neither its entries, nor the whole store as it was.
#[test]
fn c4_a_store_that_gives_back_what_was_deleted() {
    let ward = Ward::new("c4 replay");
    let (made, message) = ward.warm();
    let before = rows(&ward);
    ward.world.pass(MINUTE);
    ward.revoke(&made);
    run(ward.bob.sync()).unwrap();
    let store = ward.device.store();
    for (name, row) in before.iter().filter(|(name, _)| *name != "feed") {
        store.rows.borrow_mut().insert(name.clone(), row.clone());
    }
    assert_gives_nothing(&ward, &page(&ward), &message);
    assert_eq!(read(&page(&ward), &message), Err(Code::Revoked));
    // With the cursor as it was, the feed is read from there.
    store.rows.borrow_mut().clone_from(&before);
    assert_eq!(read(&page(&ward), &message), Err(Code::Revoked));
    // After a cursor that was lost, too.
    ward.world.pass(MINUTE);
    ward.world.change(FEED, |feed| feed["reset"] = json!(true));
    let client = page(&ward);
    run(client.sync()).unwrap();
    ward.world.be_good();
    for (name, row) in before.iter().filter(|(name, _)| *name != "feed") {
        store.rows.borrow_mut().insert(name.clone(), row.clone());
    }
    assert_gives_nothing(&ward, &page(&ward), &message);
    // Without one nothing is taken from it.
    store.rows.borrow_mut().clone_from(&before);
    store.rows.borrow_mut().remove("feed");
    assert_gives_nothing(&ward, &page(&ward), &message);
}

#[test]
fn c4_the_feed_alone_is_blocked() {
    let ward = Ward::new("c4 blocked");
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    ward.revoke(&made);
    ward.world.pass(MINUTE);
    let blocked = |client: &Client<TestHost>, code| {
        assert_eq!(read(client, &message), Err(code));
        assert_eq!(read_with(client, &held, &message), Err(code));
    };
    // It reaches nobody; its answer doesn't come; something else comes.
    ward.world.lost.set(Some(FEED));
    blocked(&ward.bob, Code::Stale);
    assert_eq!(try_write(&ward.bob, &held, b"x"), Err(Code::Stale));
    ward.world.lost.set(None);
    ward.world.be_evil(|asked, answer| if asked.what == FEED { Err(Failure::unanswered()) } else { answer });
    blocked(&ward.bob, Code::Stale);
    // Wherever a cursor is sent, nobody answers.
    ward.world.be_evil(|asked, answer| match asked.body.get("cursor") {
        Some(_) => Err(Failure::unanswered()),
        None => answer,
    });
    blocked(&ward.bob, Code::Stale);
    ward.world.be_evil(
        |asked, answer| if asked.what == FEED { Err(Failure::answered("server", None, None)) } else { answer },
    );
    blocked(&ward.bob, Code::Server);
    // Without the member that was asked for.
    ward.world.change(KEYS, |reply| drop(reply.as_object_mut().unwrap().remove("feed")));
    let (cold, _) = ward.sessions(1);
    assert_eq!(open(&ward.bob, cold[0].id()).unwrap_err(), Code::InvalidFormat);
}

#[test]
fn c4_anothers_entries_and_old_ones() {
    let ward = Ward::new("c4 foreign");
    let (made, message) = ward.warm();
    let (device, eve) = ward.world.registered("eve", None);
    device.keeps.set(true);
    run(ward.anna.add_recipients(&made, &[(user("eve"), Rights::READ)])).unwrap();
    run(eve.lock());
    let eve = ward.world.client_with(&device, cached(|_| ()));
    run(eve.unlock("eve", PASSWORD, 0)).unwrap();
    read(&eve, &message).unwrap();
    // Bob's entries among hers, and with her cursor.
    let own = device.store().rows.borrow().get("feed").cloned().unwrap();
    for feed in [None, Some(own)] {
        device.store().rows.borrow_mut().clone_from(&rows(&ward));
        if let Some(feed) = feed {
            device.store().rows.borrow_mut().insert("feed".to_owned(), feed);
        }
        let next = ward.world.client_with(&device, cached(|_| ()));
        assert_eq!(run(next.look(None)).unwrap(), Status::Ready);
        assert_gives_nothing(&ward, &next, &message);
    }
    // Their time is over; and it begins again, because the clock was set back.
    let now = ward.world.now.get();
    ward.world.pass(12 * HOUR);
    assert_gives_nothing(&ward, &page(&ward), &message);
    assert_gives_nothing(&ward, &ward.bob, &message);
    read(&ward.bob, &message).unwrap();
    ward.world.now.set(now);
    assert_gives_nothing(&ward, &ward.bob, &message);
    ward.world.now.set(now - DAY);
    let next = page(&ward);
    run(next.unlock("bob", PASSWORD, 0)).unwrap();
    assert_gives_nothing(&ward, &next, &message);
}
