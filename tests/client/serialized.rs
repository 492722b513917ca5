//! Sessions as text.

use std::rc::Rc;

use wardkey::{
    backend::Failure,
    client::{CacheOptions, Client, OpenSession, Options, Recipient},
    encoding::{Context, base64url, from_base64url},
    error::Code,
    identity::UserId,
    message::Padding,
    session::Rights,
};

use super::super::common::{
    messages::Messages as _,
    world::{MINUTE, PASSWORD, TestDevice, TestHost, World, failed, options, run},
};

const READ: Rights = Rights::READ.with(Rights::FORWARD);

fn user(name: &str) -> Recipient {
    Recipient::User(UserId::new(name).unwrap())
}

fn read(client: &Client<TestHost>, open: &Rc<OpenSession>, message: &[u8]) -> Result<Vec<u8>, Code> {
    let opened = run(client.open_messages(&[(message, &Context::default())], &mut vec![Rc::clone(open)]));
    let opened = opened.map_err(|failure| failure.code())?.remove(0);
    Ok(opened.map_err(|error| error.code())?.data)
}

/// What Bob keeps of a session of Anna's, of two generations.
struct Scene {
    world: Rc<World>,
    anna: Client<TestHost>,
    device: TestDevice,
    bob: Client<TestHost>,
    open: Rc<OpenSession>,
    messages: [Vec<u8>; 2],
    text: String,
}

impl Scene {
    fn new(name: &str) -> Self {
        let world = World::new(name);
        let (_, anna) = world.registered("anna", None);
        let (device, bob) = world.registered("bob", None);
        world.registered("eve", None);
        let grants = [(user("anna"), Rights::MANAGE), (user("bob"), READ), (user("eve"), Rights::READ)];
        let open = run(anna.create_session(&grants)).unwrap();
        let write = |data: &[u8]| {
            run(anna.seal_messages(&open, &[(data, &Context::default())], true, Padding::None)).unwrap().remove(0)
        };
        let first = write(b"first");
        run(anna.rotate(&open)).unwrap();
        let messages = [first, write(b"second")];
        let theirs = run(bob.open_sessions(&[*open.id()], &[])).unwrap().remove(0).unwrap();
        let text = run(bob.serialize_session(&theirs)).unwrap();
        let scene = Self { world, anna, device, bob, open, messages, text };
        scene.world.take_asked();
        scene
    }

    /// Bob, who knows nothing of the session any more.
    fn again(&mut self) {
        self.bob = self.world.client(&self.device);
        run(self.bob.look(None)).unwrap();
        self.world.take_asked();
    }

    fn back(&self) -> Result<Rc<OpenSession>, Code> {
        run(self.bob.deserialize_session(&self.text)).map_err(|failure| failure.code())
    }

    fn reads_both(&self, open: &Rc<OpenSession>) {
        for (message, data) in self.messages.iter().zip([b"first".as_slice(), b"second"]) {
            assert_eq!(read(&self.bob, open, message).unwrap(), data);
        }
    }
}

#[test]
fn there_and_back() {
    let mut scene = Scene::new("serialized");
    // Here it is the one that is open.
    let open = scene.back().unwrap();
    assert!(scene.world.take_asked().is_empty());
    // After a reload the feed is read, from where it was then.
    drop(open);
    scene.again();
    let open = scene.back().unwrap();
    assert_eq!(scene.world.take_asked(), ["POST /v1/feed"]);
    scene.reads_both(&open);
    assert_eq!(open.id(), scene.open.id());
    // It goes on as all others.
    run(scene.anna.rotate(&scene.open)).unwrap();
    run(scene.bob.update(&open)).unwrap();
    assert_eq!(open.with(|session| session.log().newest_generation()), 2);
    let text = run(scene.bob.serialize_session(&open)).unwrap();
    // Another device of his, which has read the feed just now.
    let other = scene.world.unlocked("bob", PASSWORD);
    let open = run(other.deserialize_session(&text)).unwrap();
    assert_eq!(open.with(|session| session.log().newest_generation()), 2);
    assert_eq!(read(&other, &open, &scene.messages[0]).unwrap(), b"first");
    run(scene.bob.lock());
    assert_eq!(failed(run(scene.bob.deserialize_session(&text))), Code::Locked);
    assert_eq!(failed(run(scene.bob.serialize_session(&open))), Code::Locked);
}

#[test]
fn many_need_no_request() {
    let mut scene = Scene::new("serialized many");
    scene.again();
    run(scene.bob.sync()).unwrap();
    scene.world.take_asked();
    let open = scene.back().unwrap();
    assert!(scene.world.take_asked().is_empty());
    scene.reads_both(&open);
    // Read a while ago, that says nothing.
    scene.again();
    run(scene.bob.sync()).unwrap();
    scene.world.pass(2 * MINUTE);
    run(scene.anna.revoke_recipients(&scene.open, &[user("bob")])).unwrap();
    assert_eq!(scene.back().unwrap_err(), Code::Revoked);
}

#[test]
fn nobody_elses() {
    let scene = Scene::new("serialized foreign");
    let eve = scene.world.unlocked("eve", PASSWORD);
    assert_eq!(failed(run(eve.deserialize_session(&scene.text))), Code::DecryptionFailed);
    assert_eq!(failed(run(scene.anna.deserialize_session(&scene.text))), Code::DecryptionFailed);
    // The same name elsewhere.
    let elsewhere = World::new("serialized elsewhere");
    elsewhere.pass(1);
    let (_, bob) = elsewhere.registered("bob", None);
    assert_eq!(failed(run(bob.deserialize_session(&scene.text))), Code::DecryptionFailed);
    assert_eq!(failed(run(scene.world.client(&scene.device).deserialize_session(&scene.text))), Code::Locked);
}

#[test]
fn changed_texts() {
    let mut scene = Scene::new("serialized changed");
    scene.again();
    let bytes = from_base64url(&scene.text).unwrap();
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let code = failed(run(scene.bob.deserialize_session(&base64url(&changed))));
        assert_eq!(code, if place == 0 { Code::UnsupportedVersion } else { Code::DecryptionFailed }, "{place}");
    }
    for len in 0..bytes.len() {
        let code = failed(run(scene.bob.deserialize_session(&base64url(&bytes[..len]))));
        assert!(matches!(code, Code::InvalidFormat | Code::DecryptionFailed | Code::Truncated), "{len}: {code}");
    }
    for text in ["", "?", &scene.text[1..], &[scene.text.as_str(), "="].concat()] {
        let code = failed(run(scene.bob.deserialize_session(text)));
        assert!(matches!(code, Code::InvalidFormat | Code::UnsupportedVersion), "{code}");
    }
    assert_eq!(failed(run(scene.bob.deserialize_session(&"A".repeat((64 << 20) + 4)))), Code::Limit);
    assert!(scene.world.take_asked().is_empty());
    assert!(scene.back().is_ok());
}

#[test]
fn its_time_to_live() {
    let mut scene = Scene::new("serialized life");
    let ttl = CacheOptions::default().ttl;
    // Off line, until its end.
    scene.world.pass(ttl - 1);
    scene.bob = scene.world.unlocked("bob", PASSWORD);
    scene.world.off_line.set(true);
    let open = scene.back().unwrap();
    scene.reads_both(&open);
    drop(open);
    scene.world.pass(1);
    assert_eq!(scene.back().unwrap_err(), Code::Network);
    // On line it is fetched anew.
    scene.world.off_line.set(false);
    scene.world.take_asked();
    let open = scene.back().unwrap();
    assert_eq!(scene.world.take_asked(), ["POST /v1/keys"]);
    scene.reads_both(&open);

    // A clock that is behind, and a shorter life by now.
    let mut scene = Scene::new("serialized clock");
    scene.again();
    scene.world.now.set(scene.world.now.get() - MINUTE);
    scene.world.off_line.set(true);
    scene.again();
    assert_eq!(scene.back().unwrap_err(), Code::Network);
    scene.world.pass(2 * MINUTE);
    let cache = CacheOptions { ttl: MINUTE, ..CacheOptions::default() };
    scene.bob = scene.world.client_with(&scene.device, Options { cache, ..options() });
    run(scene.bob.look(None)).unwrap();
    assert_eq!(scene.back().unwrap_err(), Code::Network);
    scene.again();
    assert!(scene.back().is_ok());
}

#[test]
fn what_was_revoked_since() {
    let mut scene = Scene::new("serialized revoked");
    run(scene.anna.revoke_recipients(&scene.open, &[user("bob")])).unwrap();
    for pages in [1, 2] {
        scene.again();
        if pages == 2 {
            // Another session's item stands before it.
            let mut is_first = true;
            scene.world.be_evil(move |asked, answer| {
                let mut answer = answer?;
                if asked.what == "POST /v1/feed" && core::mem::take(&mut is_first) {
                    answer["items"][0]["sessionId"] = base64url(&[7; 32]).into();
                    answer["cursor"] = asked.body["cursor"].clone();
                    answer["more"] = true.into();
                }
                Ok(answer)
            });
        }
        assert_eq!(scene.back().unwrap_err(), Code::Revoked);
        let asked = scene.world.take_asked();
        assert_eq!(asked.iter().filter(|asked| *asked == "POST /v1/feed").count(), pages);
        scene.world.be_good();
    }
    // Named, and then nobody answers.
    scene.again();
    scene.world.lost.set(Some("POST /v1/keys"));
    assert_eq!(scene.back().unwrap_err(), Code::Network);
    scene.world.lost.set(None);
    // Given again, it is his again.
    run(scene.anna.add_recipients(&scene.open, &[(user("bob"), READ)])).unwrap();
    scene.again();
    let open = scene.back().unwrap();
    assert_eq!(open.with(|session| session.log().entries()), 3);
}

#[test]
fn another_was_revoked_since() {
    let mut scene = Scene::new("serialized changed since");
    run(scene.anna.revoke_recipients(&scene.open, &[user("eve")])).unwrap();
    scene.again();
    let open = scene.back().unwrap();
    assert_eq!(open.with(|session| session.log().entries()), 2);
    assert_eq!(scene.world.take_asked(), ["POST /v1/feed", "POST /v1/keys"]);
    scene.reads_both(&open);
}

#[test]
fn a_cursor_that_nobody_knows() {
    let mut scene = Scene::new("serialized cursor");
    scene.again();
    scene.world.change("POST /v1/feed", |reply| {
        reply["reset"] = true.into();
        reply["items"] = serde_json::json!([]);
    });
    let open = scene.back().unwrap();
    assert_eq!(scene.world.take_asked()[..2], ["POST /v1/feed", "POST /v1/keys"]);
    scene.reads_both(&open);
}

#[test]
fn only_the_feed_is_blocked() {
    let mut scene = Scene::new("serialized blocked");
    scene.again();
    for failure in [Failure::unanswered(), Failure::answered("server", None, None)] {
        scene.world.be_evil(move |asked, answer| if asked.what == "POST /v1/feed" { Err(failure) } else { answer });
        let expected = if failure.code() == Code::Network { Code::Stale } else { Code::Server };
        assert_eq!(scene.back().unwrap_err(), expected);
    }
    scene.world.be_good();
    assert!(scene.back().is_ok());
    // A feed without an end.
    scene.again();
    scene.world.change("POST /v1/feed", |reply| reply["more"] = true.into());
    assert_eq!(scene.back().unwrap_err(), Code::InvalidFormat);
}

#[test]
fn revoked_while_it_comes_back() {
    // The feed of this page is read by another call, beside the one from the text's cursor.
    for waits in 0.. {
        let mut scene = Scene::new("serialized beside");
        scene.again();
        let mut task = std::task::Context::from_waker(std::task::Waker::noop());
        let mut back = Box::pin(scene.bob.deserialize_session(&scene.text));
        let mut done = None;
        for _ in 0..waits {
            if let std::task::Poll::Ready(open) = back.as_mut().poll(&mut task) {
                done = Some(open);
                break;
            }
        }
        if done.is_some() {
            assert!(waits > 3);
            return;
        }
        run(scene.anna.revoke_recipients(&scene.open, &[user("bob")])).unwrap();
        run(scene.bob.sync()).unwrap();
        match run(back) {
            Err(failure) => assert_eq!(failure.code(), Code::Revoked, "{waits}"),
            Ok(open) => assert_eq!(read(&scene.bob, &open, &scene.messages[0]), Err(Code::Revoked), "{waits}"),
        }
    }
}

#[test]
fn what_waits_to_be_sent() {
    let scene = Scene::new("serialized waiting");
    let open = run(scene.anna.create_session_off_line(&[(user("anna"), Rights::MANAGE), (user("bob"), READ)])).unwrap();
    scene.world.off_line.set(true);
    let text = run(scene.anna.serialize_session(&open)).unwrap();
    let same = run(scene.anna.deserialize_session(&text)).unwrap();
    assert!(Rc::ptr_eq(&same, &open) && !same.is_published());
    // What was lost can't be serialized.
    scene.world.off_line.set(false);
    let theirs = run(scene.bob.open_sessions(&[*scene.open.id()], &[])).unwrap().remove(0).unwrap();
    run(scene.anna.revoke_recipients(&scene.open, &[user("bob")])).unwrap();
    run(scene.bob.sync()).unwrap();
    assert_eq!(failed(run(scene.bob.serialize_session(&theirs))), Code::Revoked);
}

#[test]
fn what_was_read_as_revoked_stays_so_off_line() {
    let mut scene = Scene::new("serialized read");
    scene.again();
    run(scene.bob.sync()).unwrap();
    run(scene.anna.revoke_recipients(&scene.open, &[user("bob")])).unwrap();
    assert_eq!(run(scene.bob.sync()).unwrap(), [*scene.open.id()]);
    scene.world.off_line.set(true);
    // Also when it is known that nobody answers.
    for _ in 0..2 {
        assert_eq!(scene.back().unwrap_err(), Code::Network);
    }
    scene.world.off_line.set(false);
    scene.world.pass(MINUTE);
    assert_eq!(scene.back().unwrap_err(), Code::Revoked);
}

#[test]
fn a_feed_without_an_end() {
    let mut scene = Scene::new("serialized endless");
    scene.again();
    let mut items = 0_u32;
    scene.world.change("POST /v1/feed", move |reply| {
        items += 1;
        let id = [items.to_be_bytes().as_slice(), &[0; 28]].concat();
        reply["items"] = serde_json::json!([{ "sessionId": base64url(&id), "revoked": true }]);
        reply["cursor"] = items.to_string().into();
        reply["reset"] = false.into();
        reply["more"] = true.into();
    });
    assert_eq!(scene.back().unwrap_err(), Code::InvalidFormat);
    assert_eq!(failed(run(scene.bob.sync())), Code::InvalidFormat);
    assert!(scene.world.take_asked().len() < 2_100);
    scene.world.be_good();
    assert!(scene.back().is_ok());
}
