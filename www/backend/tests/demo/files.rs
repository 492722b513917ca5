use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
};

use serde_json::{Value, json};
use wardkey::encoding::base64url;

use crate::world::{Person, World, id, session};

const PART: usize = 8 << 20;

/// Bytes that differ from part to part: 251 is no divisor of a part.
fn data(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

fn begin(person: &Person<'_>, size: usize) -> String {
    let begun = person.ask("POST", "/api/files", Some(json!({ "size": size }))).ok();
    assert_eq!((&begun["partSize"], &begun["parts"]), (&json!(PART), &json!(size.div_ceil(PART))));
    begun["fileId"].as_str().unwrap().to_owned()
}

fn about(person: &Person<'_>, id: &str) -> Value {
    person.ask("GET", &format!("/api/files/{id}"), None).ok()
}

#[test]
fn an_upload_goes_on_after_a_break() {
    let mut world = World::start();
    let data = data(2 * PART + 1_000);
    let parts: Vec<&[u8]> = data.chunks(PART).collect();
    let (file, cookie) = {
        let ada = world.first("ada", "a");
        let file = begin(&ada, data.len());
        ada.put_part(&file, 2, parts[2]).ok();
        ada.put_part(&file, 0, &vec![0; PART]).ok();
        (file, ada.cookie)
    };
    // A power cut: what was answered is there.
    world.kill();
    world.run();
    let ada = Person { world: &world, cookie };
    assert_eq!(about(&ada, &file), json!({ "size": data.len(), "partSize": PART, "have": [0, 2], "complete": false }));
    let complete = format!("/api/files/{file}/complete");
    ada.ask("POST", &complete, None).is(409, "conflict");
    ada.content(&file, &[]).is(409, "conflict");
    ada.put_part(&file, 1, parts[1]).ok();
    // Sent again, it takes the place of what was there.
    ada.put_part(&file, 0, parts[0]).ok();
    for _ in 0..2 {
        ada.ask("POST", &complete, None).ok();
    }
    assert_eq!(about(&ada, &file)["complete"], true);
    ada.put_part(&file, 0, parts[0]).is(409, "conflict");
    let whole = ada.content(&file, &[]);
    assert!(whole.bytes == data, "as it was sent");
    assert_eq!(
        (whole.status, whole.header("accept-ranges"), whole.header("content-type")),
        (200, "bytes", "application/octet-stream")
    );
    let tag = whole.header("etag").to_owned();

    let size = data.len();
    for (range, start, end) in [
        ("bytes=0-0".to_owned(), 0, 1),
        (format!("bytes={}-{}", PART - 10, PART + 9), PART - 10, PART + 10),
        (format!("bytes={}-{}", PART - 1, 2 * PART), PART - 1, 2 * PART + 1),
        (format!("bytes={}-", size - 5), size - 5, size),
        ("bytes=-1001".to_owned(), size - 1_001, size),
        (format!("bytes={}-{}", size - 1, size + 99), size - 1, size),
    ] {
        let part = ada.content(&file, &[("range", &range), ("if-range", &tag)]);
        assert_eq!(
            (part.status, part.header("content-range")),
            (206, &*format!("bytes {start}-{}/{size}", end - 1)),
            "{range}"
        );
        assert!(part.bytes == data[start..end], "{range}");
    }
    let beyond = ada.content(&file, &[("range", &format!("bytes={size}-"))]);
    assert_eq!((beyond.status, beyond.header("content-range")), (416, &*format!("bytes */{size}")));
    assert_eq!(ada.content(&file, &[("range", "bytes=0-0"), ("if-range", "\"other\"")]).status, 200);
}

#[test]
fn parts_have_their_sizes() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let file = begin(&ada, PART + 5);
    for (place, length) in [(0, PART - 1), (0, 0), (1, 4), (1, 0)] {
        ada.put_part(&file, place, &vec![0; length]).is(400, "invalid-argument");
    }
    for (place, length) in [(0, PART + 1), (1, 6)] {
        ada.put_part(&file, place, &vec![0; length]).is(413, "too-large");
    }
    ada.put_part(&file, 2, &[]).is(400, "invalid-argument");
    assert_eq!(about(&ada, &file)["have"], json!([]));
    ada.ask("POST", "/api/files", Some(json!({ "size": 0 }))).is(400, "invalid-argument");
    ada.ask("POST", "/api/files", Some(json!({ "size": -1 }))).is(400, "invalid-argument");
    ada.ask("POST", "/api/files", Some(json!({ "size": (4_u64 << 30) + 1 }))).is(413, "too-large");
    ada.ask("GET", &format!("/api/files/{}", id(1)), None).is(404, "not-found");
}

#[test]
fn a_file_is_its_makers_until_a_transfer_names_it() {
    let world = World::start();
    let (ada, bert) = (world.first("ada", "a"), world.first("bert", "b"));
    let bob = ada.colleague("bob");
    let transfer = |number: u8, files: &[&str]| {
        Some(
            json!({ "id": id(number), "sessionId": session(number), "to": "b", "sealed": base64url(b"sealed"), "files": files }),
        )
    };
    let (file, begun) = (ada.upload(b"one"), begin(&ada, 3));
    for person in [&bob, &bert] {
        person.content(&file, &[]).is(404, "not-found");
        person.ask("DELETE", &format!("/api/files/{file}"), None).is(404, "not-found");
    }
    bob.ask("POST", "/api/transfers", transfer(1, &[&file])).is(400, "invalid-argument");
    ada.ask("POST", "/api/transfers", transfer(1, &[&file, &begun])).is(400, "invalid-argument");
    ada.ask("POST", "/api/transfers", transfer(1, &[&file, &file])).is(400, "invalid-argument");
    // None of these took it.
    ada.ask("POST", "/api/transfers", transfer(1, &[&file])).ok();
    ada.ask("POST", "/api/transfers", transfer(2, &[&file])).is(400, "invalid-argument");
    for person in [&ada, &bob, &bert] {
        assert_eq!(person.content(&file, &[]).bytes, b"one");
    }
    ada.ask("DELETE", &format!("/api/files/{file}"), None).is(409, "conflict");
    // Cancelled: it is gone with its parts.
    ada.put_part(&begun, 0, b"two").ok();
    ada.ask("DELETE", &format!("/api/files/{begun}"), None).ok();
    ada.ask("GET", &format!("/api/files/{begun}"), None).is(404, "not-found");
    ada.put_part(&begun, 0, b"two").is(404, "not-found");
}

#[test]
fn what_nobody_named_within_a_day_is_deleted() {
    let mut world = World::start();
    let cookie = {
        let ada = world.first("ada", "a");
        let (old, new, named) = (ada.upload(b"old"), ada.upload(b"new"), ada.upload(b"named"));
        let body = json!({ "sessionId": session(1), "to": "b", "sealed": base64url(b"sealed"), "files": [named] });
        ada.ask("POST", "/api/transfers", Some(body)).ok();
        std::fs::write(world.at("ids"), json!([old, new, named]).to_string()).unwrap();
        ada.cookie
    };
    world.stop();
    let ids: Vec<String> = serde_json::from_slice(&std::fs::read(world.at("ids")).unwrap()).unwrap();
    let database = rusqlite::Connection::open(world.at("data/demo.db")).unwrap();
    for place in [0, 2] {
        database.execute("UPDATE file SET made_at = made_at - 90000000 WHERE id = ?1", [&ids[place]]).unwrap();
    }
    drop(database);
    world.run();
    let ada = Person { world: &world, cookie };
    // It tidies at its start, beside the first requests; with the file its parts go.
    while ada.ask("GET", &format!("/api/files/{}", ids[0]), None).status != 404 {
        std::thread::yield_now();
    }
    assert_eq!(ada.content(&ids[1], &[]).bytes, b"new");
    assert_eq!(ada.content(&ids[2], &[]).bytes, b"named");
    let database = rusqlite::Connection::open(world.at("data/demo.db")).unwrap();
    let parts: i64 = database.query_row("SELECT count(*) FROM part", (), |row| row.get(0)).unwrap();
    assert_eq!(parts, 2);
}

/// An upload of which the body doesn't come, begun: the server waits for it.
fn stalled(person: &Person<'_>, file: &str) -> TcpStream {
    let mut stream = TcpStream::connect(person.world.url.trim_start_matches("http://")).unwrap();
    let head = format!(
        "PUT /api/files/{file}/parts/0 HTTP/1.1\r\nhost: localhost\r\nx-requested-with: wardkey-demo\r\ncookie: {}\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n",
        person.cookie
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn slow_uploads_of_one_hold_up_nobody_else() {
    let world = World::start();
    let (ada, bert) = (world.first("ada", "a"), world.first("bert", "b"));
    let (file, other) = (begin(&ada, 3), begin(&bert, 3));
    let mut slow: Vec<TcpStream> = (0..40).map(|_| stalled(&ada, &file)).collect();
    // Two are waited for at least; the server says so where it begins to read.
    slow.iter().for_each(|stream| stream.set_nonblocking(true).unwrap());
    while slow.iter().filter(|stream| stream.peek(&mut [0; 64]).is_ok()).count() < 2 {
        std::thread::yield_now();
    }
    bert.put_part(&other, 0, b"two").ok();
    for stream in &mut slow {
        let mut said = Vec::new();
        let ended = stream.read_to_end(&mut said).unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::WouldBlock, "none was given up for it");
        assert!(said.is_empty() || said == b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    // Her own go on when these have gone.
    drop(slow);
    ada.put_part(&file, 0, b"one").ok();
}

#[test]
fn one_user_begins_so_many() {
    let world = World::start();
    let ada = world.first("ada", "a");
    let files: Vec<_> = (0..50).map(|_| begin(&ada, 1)).collect();
    ada.ask("POST", "/api/files", Some(json!({ "size": 1 }))).is(409, "conflict");
    ada.ask("DELETE", &format!("/api/files/{}", files[0]), None).ok();
    begin(&ada, 1);
}
