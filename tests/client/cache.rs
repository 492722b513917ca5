//! What is kept of sessions: how many requests it saves, and that no revocation comes later for it.

use std::{
    pin::pin,
    rc::Rc,
    task::{Context as Task, Poll, Waker},
};

use serde_json::{Value, json};
use wardkey::{
    backend::Failure,
    cache::Stats,
    client::{CacheOptions, Client, Event, OpenSession, Options, Recipient, Status},
    encoding::{Context, base64url},
    error::Code,
    identity::UserId,
    message::Padding,
    session::Rights,
    signed::Hash,
};

use super::super::common::{
    cache::{HOUR, Mood as StoreMood},
    world::{
        MINUTE, PASSWORD, TestDevice, TestHost, Text, World, failed, options, run, run_all, run_for,
    },
};

const READ: Rights = Rights::READ.with(Rights::FORWARD);
const KEYS: &str = "POST /v1/keys";
const FEED: &str = "POST /v1/feed";
const PROBE: &str = "POST /v1/directory";
const NONE: [&str; 0] = [];

fn user(name: &str) -> Recipient {
    Recipient::User(UserId::new(name).unwrap())
}

fn write(client: &Client<TestHost>, open: &OpenSession, data: &[u8]) -> Vec<u8> {
    try_write(client, open, data).unwrap()
}

fn try_write(client: &Client<TestHost>, open: &OpenSession, data: &[u8]) -> Result<Vec<u8>, Code> {
    let context = Context::default();
    let sealed = run(client.seal_messages(open, &[(data, &context)], true, Padding::None));
    Ok(sealed.map_err(|failure| failure.code())?.pop().unwrap())
}

fn read_all(client: &Client<TestHost>, messages: &[Vec<u8>]) -> Vec<Result<Vec<u8>, Code>> {
    read_in(client, &mut Vec::new(), messages)
}

fn read_in(
    client: &Client<TestHost>,
    known: &mut Vec<Rc<OpenSession>>,
    messages: &[Vec<u8>],
) -> Vec<Result<Vec<u8>, Code>> {
    let context = Context::default();
    let items: Vec<(&[u8], &Context)> = messages.iter().map(|message| (message.as_slice(), &context)).collect();
    match run(client.open_messages(&items, known)) {
        Ok(opened) => opened.into_iter().map(|one| Ok(one.map_err(|error| error.code())?.data)).collect(),
        Err(failure) => messages.iter().map(|_| Err(failure.code())).collect(),
    }
}

fn read(client: &Client<TestHost>, message: &[u8]) -> Result<Vec<u8>, Code> {
    read_all(client, &[message.to_vec()]).pop().unwrap()
}

fn open(client: &Client<TestHost>, id: &Hash) -> Result<Rc<OpenSession>, Code> {
    let opened = run(client.open_sessions(&[*id], &[])).map_err(|failure| failure.code())?;
    opened.into_iter().next().unwrap().map_err(|error| error.code())
}

fn stats(client: &Client<TestHost>) -> Stats {
    run(client.cache_stats()).unwrap()
}

fn feed_event() -> Text {
    Text(json!({ "type": "feed" }))
}

/// A ward: Anna manages what she makes, Bob reads it on a device that keeps a cache.
struct Ward {
    world: Rc<World>,
    anna: Client<TestHost>,
    device: TestDevice,
    bob: Client<TestHost>,
}

impl Ward {
    fn new(name: &str) -> Self {
        Self::with(name, cached(|_| ()))
    }

    fn with(name: &str, options: Options) -> Self {
        let world = World::new(name);
        let (_, anna) = world.registered("anna", None);
        let (device, first) = world.registered("bob", None);
        device.keeps.set(true);
        run(first.lock());
        let bob = world.client_with(&device, options);
        run(bob.unlock("bob", PASSWORD, 0)).unwrap();
        bob.take_events();
        world.take_asked();
        Self { world, anna, device, bob }
    }

    /// Sessions with a message each.
    fn sessions(&self, count: u32) -> (Vec<Rc<OpenSession>>, Vec<Vec<u8>>) {
        let grants = [(user("anna"), Rights::MANAGE), (user("bob"), READ)];
        let made = (0..count).map(|number| {
            let open = run(self.anna.create_session(&grants)).unwrap();
            let message = write(&self.anna, &open, &number.to_be_bytes());
            (open, message)
        });
        let made = made.collect();
        self.world.take_asked();
        made
    }

    /// One session that Bob has opened and freed.
    fn warm(&self) -> (Rc<OpenSession>, Vec<u8>) {
        let (mut open, mut messages) = self.sessions(1);
        let (open, message) = (open.pop().unwrap(), messages.pop().unwrap());
        assert_eq!(read(&self.bob, &message).unwrap(), [0; 4]);
        assert_eq!(self.world.take_asked(), [KEYS]);
        (open, message)
    }

    fn revoke(&self, open: &OpenSession) {
        run(self.anna.revoke_recipients(open, &[user("bob")])).unwrap();
        self.world.take_asked();
    }

    /// The next page on Bob's device.
    fn reload(&self) -> Client<TestHost> {
        let client = self.world.client_with(&self.device, cached(|_| ()));
        assert_eq!(run(client.look(None)).unwrap(), Status::Ready);
        client
    }
}

fn data(results: Vec<Result<Vec<u8>, Code>>) -> Vec<u32> {
    results.into_iter().map(|data| u32::from_be_bytes(data.unwrap().try_into().unwrap())).collect()
}

/// A page that is loaded again goes on for days.
fn cached(change: impl FnOnce(&mut CacheOptions)) -> Options {
    let mut options = Options { resume: 100 * HOUR, ..options() };
    change(&mut options.cache);
    options
}

// ---------------------------------------------------------------- how many requests

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
    assert_eq!((stats(&ward.bob).hits, stats(&ward.bob).misses, stats(&ward.bob).entries), (0, 200, 200));
    // Warm, in this page.
    assert_eq!(data(read_all(&ward.bob, &messages)), all);
    assert_eq!(ward.world.take_asked(), NONE);
    ward.world.pass(MINUTE);
    assert_eq!(data(read_all(&ward.bob, &messages)), all);
    assert_eq!(ward.world.take_asked(), [FEED]);
    assert_eq!(stats(&ward.bob).hits, 400);
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
    let mut ids: Vec<Hash> = (0..1_500_u32).map(|number| Hash(std::array::from_fn(|at| number.to_be_bytes()[at % 4]))).collect();
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

// ---------------------------------------------------------------- revocations

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
    assert_eq!(read_in(&ward.bob, &mut vec![Rc::clone(&held)], &[message]), [Err(Code::Revoked)]);
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
    assert_eq!(read_in(&ward.bob, &mut vec![held], &[message]), [Err(Code::Revoked)]);
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
    assert_eq!(read_in(&tab, &mut vec![held], &[message]), [Err(Code::Revoked)]);
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
    assert_eq!(read_in(&ward.bob, &mut vec![Rc::clone(&held)], &[message.clone()]), [Ok(vec![0; 4])]);
    run(ward.bob.update(&held)).unwrap_or_else(|failure| assert_eq!(failure.code(), Code::Revoked));
    // Who holds what was lost opens it again.
    let again = open(&ward.bob, made.id()).unwrap();
    assert!(!Rc::ptr_eq(&again, &held));
    assert_eq!(read_in(&ward.bob, &mut vec![held], &[message.clone()]), [Err(Code::Revoked)]);
    assert_eq!(read_in(&ward.bob, &mut vec![again], &[message.clone()]), [Ok(vec![0; 4])]);
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
        let items = if pages < 3 { json!([{ "sessionId": other, "revoked": true }, { "groupId": other, "epoch": 2 }]) } else { json!([{ "sessionId": id, "revoked": true }]) };
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
    assert_eq!(read_in(&ward.bob, &mut vec![held], &[message.clone()]), [Ok(vec![0; 4])]);
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

// ---------------------------------------------------------------- off line

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
    assert_eq!(read_in(&ward.bob, &mut vec![Rc::clone(&held)], &[message.clone()]), [Err(Code::Network)]);
    assert_eq!(try_write(&ward.bob, &held, b"x"), Err(Code::Network));
    // On line again: what is held goes on.
    ward.world.off_line.set(false);
    ward.world.take_asked();
    assert_eq!(read_in(&ward.bob, &mut vec![held], &[message]), [Ok(vec![0; 4])]);
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
    assert_eq!(read_in(&ward.bob, &mut vec![held], &[message.clone()]), [Err(Code::Revoked)]);
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

// ---------------------------------------------------------------- what is no entry

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
    let changes: [(&str, &dyn Fn(&mut Vec<u8>, &str)); 6] = [
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
            assert_eq!((stats(&next).hits, stats(&next).misses), (0, 1));
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
    let ward = Ward::new("clock");
    ward.world.pass(24 * HOUR);
    let now = ward.world.now.get();
    let (made, message) = ward.warm();
    let held = open(&ward.bob, made.id()).unwrap();
    ward.world.now.set(now - HOUR);
    assert_eq!(read_in(&ward.bob, &mut vec![held], &[message.clone()]), [Ok(vec![0; 4])]);
    assert_eq!(ward.world.take_asked(), [KEYS]);
    assert_eq!(ward.bob.take_events().pop(), Some(Event::CacheDegraded { reason: "the clock was set back".to_owned() }));
    // Between pages.
    ward.world.now.set(now);
    let (made, message) = Ward { bob: ward.world.client(&ward.device), ..ward }.set_back(now);
    drop((made, message));
}

impl Ward {
    fn set_back(self, now: u64) -> (Rc<OpenSession>, Vec<u8>) {
        run(self.bob.unlock("bob", PASSWORD, 0)).unwrap();
        self.world.take_asked();
        let (made, message) = self.warm();
        self.world.now.set(now - HOUR);
        run(self.bob.lock());
        let next = self.world.client(&self.device);
        run(next.unlock("bob", PASSWORD, 0)).unwrap();
        self.world.take_asked();
        assert_eq!(read(&next, &message).unwrap(), [0; 4]);
        assert_eq!(self.world.take_asked(), [KEYS]);
        (made, message)
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
    assert_eq!(read_in(&ward.bob, &mut vec![held], &[message.clone()]), [Ok(vec![0; 4])]);
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

// ---------------------------------------------------------------- the store

#[test]
fn a_store_that_fails_leaves_memory() {
    for mood in [StoreMood::Fails, StoreMood::Full] {
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
    ward.device.store().mood.set(StoreMood::Fails);
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
    assert_eq!(read_in(&ward.bob, &mut vec![Rc::clone(&held)], &[message.clone()]), [Err(Code::Locked)]);
    assert_eq!(try_write(&ward.bob, &held, b"x"), Err(Code::Locked));
    assert_eq!(read(&ward.bob, &message).unwrap(), [0; 4]);
    // A change of the password doesn't lock.
    let held = open(&ward.bob, made.id()).unwrap();
    run(ward.bob.change_password(PASSWORD, "new", &())).unwrap();
    ward.world.take_asked();
    assert_eq!(read_in(&ward.bob, &mut vec![held], &[message.clone()]), [Ok(vec![0; 4])]);
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
        assert_eq!(read_in(&ward.bob, &mut vec![Rc::clone(&held)], &[message.clone()]), [Ok(vec![0; 4])]);
        assert_eq!(ward.world.take_asked().len(), usize::from(minute > 0));
        ward.world.pass(13 * HOUR);
    }
    ward.world.off_line.set(true);
    assert_eq!(read_in(&ward.bob, &mut vec![Rc::clone(&held)], &[message.clone()]), [Err(Code::Network)]);
    ward.world.off_line.set(false);
    ward.world.pass(MINUTE);
    ward.revoke(made);
    assert_eq!(read_in(&ward.bob, &mut vec![held], &[message.clone()]), [Err(Code::Revoked)]);
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
    let (made, message) = ward.warm();
    for _ in 0..2 {
        read(&ward.bob, &message).unwrap();
        assert_eq!(ward.world.take_asked(), [FEED]);
    }
    ward.revoke(&made);
    assert_eq!(read(&ward.bob, &message), Err(Code::Revoked));
}

// ---------------------------------------------------------------- what a message has that a session lacks

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
