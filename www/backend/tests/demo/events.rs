use std::io::{BufRead, BufReader, Lines};

use serde_json::{Value, json};
use wardkey::encoding::base64url;

use crate::world::{Person, World, login, session};

/// Somebody's stream.
struct Stream {
    lines: Lines<BufReader<Box<dyn std::io::Read + Send>>>,
    last: String,
}

fn listen(world: &World, cookie: &str, last: &str) -> Stream {
    let mut request = ureq::get(format!("{}/api/events", world.url)).header("cookie", cookie);
    if !last.is_empty() {
        request = request.header("last-event-id", last);
    }
    let response = request.call().unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let reader: Box<dyn std::io::Read + Send> = Box::new(response.into_body().into_reader());
    Stream { lines: BufReader::new(reader).lines(), last: last.to_owned() }
}

impl Stream {
    /// The next event; none: the stream has ended.
    fn next(&mut self) -> Option<(String, String)> {
        loop {
            let line = self.lines.next()?.ok()?;
            if let Some(id) = line.strip_prefix("id: ") {
                self.last = id.to_owned();
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let event: Value = serde_json::from_str(data).unwrap();
                let text = |name: &str| event[name].as_str().unwrap().to_owned();
                return Some((text("type"), text("id")));
            }
        }
    }

    #[track_caller]
    fn says(&mut self, kind: &str, id: &str) {
        assert_eq!(self.next(), Some((kind.to_owned(), id.to_owned())));
    }
}

fn message(person: &Person<'_>, transfer: &str) {
    let body = json!({ "sealed": base64url(b"said") });
    person.ask("POST", &format!("/api/transfers/{transfer}/messages"), Some(body)).ok();
}

#[test]
fn the_two_facilities_hear_of_what_changes() {
    let world = World::start();
    let (ada, bert, carl) = (world.first("ada", "a"), world.first("bert", "b"), world.first("carl", "c"));
    let mut streams = [&ada, &bert, &carl].map(|person| listen(&world, &person.cookie, ""));
    for stream in &mut streams {
        stream.says("hello", "");
    }
    let [a, b, c] = &mut streams;
    let sent = ada.send("b", b"sealed");
    let id = sent["id"].as_str().unwrap();
    message(&bert, id);
    let accept = json!({ "id": crate::world::id(1), "state": "accepted", "sealed": base64url(b"yes") });
    for _ in 0..2 {
        bert.ask("POST", &format!("/api/transfers/{id}/state"), Some(accept.clone())).ok();
    }
    // Refused, it is no event.
    bert.ask("POST", &format!("/api/transfers/{id}/state"), Some(json!({ "state": "declined", "sealed": "AA" })))
        .is(409, "conflict");
    for stream in [a, b] {
        stream.says("transfer", id);
        stream.says("message", id);
        stream.says("transfer", id);
    }
    // A facility's group is everybody's to know; its staff are not. Who wasn't concerned heard nothing before.
    carl.ask("POST", "/api/staff", Some(json!({ "userId": "cleo", "name": "Cleo", "admin": false }))).ok();
    world.keys.adds("ada", &session(1));
    ada.ask("POST", "/api/facilities/a/group", Some(json!({ "groupId": session(1) }))).ok();
    c.says("staff", "cleo");
    c.says("facility", "a");
    streams[0].says("facility", "a");
    streams[1].says("facility", "a");
}

#[test]
fn who_comes_back_hears_what_he_missed() {
    let mut world = World::start();
    let last = {
        let (ada, bert) = (world.first("ada", "a"), world.first("bert", "b"));
        let sent = ada.send("b", b"sealed")["id"].as_str().unwrap().to_owned();
        let mut stream = listen(&world, &bert.cookie, "");
        stream.says("hello", "");
        message(&ada, &sent);
        stream.says("message", &sent);
        let last = stream.last.clone();
        drop(stream);
        message(&ada, &sent);
        ada.ask("POST", "/api/staff", Some(json!({ "userId": "bob", "name": "Bob", "admin": false }))).ok();
        ada.send("c", b"another's");
        message(&bert, &sent);
        let mut again = listen(&world, &bert.cookie, &last);
        again.says("message", &sent);
        again.says("message", &sent);
        message(&ada, &sent);
        again.says("message", &sent);
        // Nothing was missed.
        let mut now = listen(&world, &bert.cookie, &again.last);
        message(&ada, &sent);
        now.says("message", &sent);
        let (run, _) = now.last.rsplit_once('-').unwrap();
        for unknown in ["x", "x-1", &format!("{}9", now.last), &format!("{run}-{}", u64::MAX), "-1"] {
            listen(&world, &bert.cookie, unknown).says("hello", "");
        }
        now.last
    };
    // Another run knows nothing of it: fetch anew.
    world.kill();
    world.run();
    let cookie = world.ask("POST", "/api/login", Some(login("bert"))).cookie("wardkey-demo").unwrap();
    listen(&world, &cookie, &last).says("hello", "");
}

#[test]
fn a_login_has_so_many_streams() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let other = world.ask("POST", "/api/login", Some(login("ada"))).cookie("wardkey-demo").unwrap();
    let hears = |cookie: &str| {
        let mut stream = listen(&world, cookie, "");
        stream.says("hello", "");
        stream
    };
    let mut of_other = hears(&other);
    let mut streams: Vec<Stream> = (0..4).map(|_| hears(&ada.cookie)).collect();
    // One more: the oldest is told that it ends, and hears nothing more; the others do.
    for user in ["bob", "carl", "dora"] {
        streams.push(hears(&ada.cookie));
        ada.ask("POST", "/api/staff", Some(json!({ "userId": user, "name": user, "admin": false }))).ok();
        let mut oldest = streams.remove(0);
        oldest.says("closed", "");
        assert_eq!(oldest.next(), None);
        for stream in streams.iter_mut().chain([&mut of_other]) {
            stream.says("staff", user);
        }
    }
}

#[test]
fn a_stream_ends_with_its_login_and_with_the_server() {
    let mut world = World::start();
    let ada = world.first("ada", "a");
    let (bob, eve) = (ada.colleague("bob"), ada.colleague("eve"));
    let mut streams = [&ada, &bob, &eve].map(|person| listen(&world, &person.cookie, ""));
    for stream in &mut streams {
        stream.says("hello", "");
    }
    let [a, b, e] = &mut streams;
    bob.ask("POST", "/api/logout", None).ok();
    assert_eq!(b.next(), None);
    ada.ask("DELETE", "/api/staff/eve", None).ok();
    assert_eq!(e.next(), None);
    a.says("staff", "eve");
    let cookie = ada.cookie;
    assert!(world.stop(), "it doesn't wait for who listens");
    assert_eq!(streams[0].next(), None);
    world.run();
    listen(&world, &cookie, "").says("hello", "");
}
