//! Messages in parts, and many at a time.

use std::rc::Rc;

use wardkey::{
    client::{Client, OpenSession, Reading, Recipient},
    encoding::Context,
    error::Code,
    identity::UserId,
    message::{self, Leaf, MAX_HEADER, Padding},
    session::Rights,
};

use super::super::common::{
    parts,
    world::{MINUTE, TestHost, World, failed, run},
};

const READ: Rights = Rights::READ.with(Rights::FORWARD);
const KEYS: &str = "POST /v1/keys";

fn user(name: &str) -> Recipient {
    Recipient::User(UserId::new(name).unwrap())
}

fn seal(client: &Client<TestHost>, open: &OpenSession, data: &[u8]) -> Vec<u8> {
    let mut writing = run(client.write(open, 1, true, Padding::None)).unwrap();
    let begun = client.begin_message(open, &writing, 0, &Context::default()).unwrap();
    let (mut message, leaf) = parts::seal(begun, data);
    writing.add(&leaf);
    message.extend(client.sign(writing).unwrap().of(0));
    message
}

/// The data, and its author's name.
fn read(client: &Client<TestHost>, open: &OpenSession, message: &[u8]) -> Result<(Vec<u8>, Option<String>), Code> {
    let mut claimed = None;
    let opened = parts::open(message, |beginning| {
        assert!(beginning.len() <= MAX_HEADER + 56);
        let begun = run(client.begin_opening(open, beginning, &Context::default(), true));
        let (body, claim) = begun.map_err(|failure| failure.error)?;
        claimed = claim;
        Ok(body)
    });
    let opened = opened.map_err(|error| error.code())?;
    let author = match claimed {
        None => None,
        Some(claim) => {
            let author = run(client.author(open, claim, &opened.leaf, &opened.trailer));
            Some(author.map_err(|failure| failure.code())?.user.unwrap().to_string())
        }
    };
    Ok((opened.data, author))
}

fn opened(client: &Client<TestHost>, open: &OpenSession) -> Rc<OpenSession> {
    run(client.open_sessions(&[*open.id()], &[])).unwrap().pop().unwrap().unwrap()
}

type Verdict = Result<(Vec<u8>, Option<String>), Code>;

/// Many at a time.
fn read_many(client: &Client<TestHost>, sessions: &[&Rc<OpenSession>], messages: &[Vec<u8>]) -> Vec<Verdict> {
    let reading = Reading::new(Rc::clone(sessions[0]));
    sessions.iter().for_each(|open| reading.join(Rc::clone(open)));
    for message in messages {
        client.note(&reading, message).unwrap();
    }
    run(client.prepare(&reading)).unwrap();
    let mut results = Vec::new();
    for message in messages {
        let mut begun = Vec::new();
        let unverified = client.begin_reading(&reading, &mut begun, message, &Context::default());
        results.push(unverified.map_err(|error| error.code()).and_then(|unverified| {
            let mut data = message::finish(&begun).unwrap().split_off(4);
            let Some(unverified) = unverified else { return Ok((data, None)) };
            let leaf = Leaf::from_slice(&data.split_off(data.len() - 64)).unwrap();
            let author = client.author_of(&reading, unverified, &leaf).map_err(|error| error.code())?;
            Ok((data, Some(author.user.unwrap().to_string())))
        }));
    }
    results
}

#[test]
fn in_parts_between_clients() {
    let world = World::new("parts");
    let ((_, anna), (_, bob)) = (world.registered("anna", None), world.registered("bob", None));
    let open = run(anna.create_session(&[(user("anna"), Rights::MANAGE), (user("bob"), READ)])).unwrap();
    let theirs = opened(&bob, &open);
    world.take_asked();
    let message = seal(&anna, &open, &[7; 40_000]);
    assert_eq!(read(&bob, &theirs, &message), Ok((vec![7; 40_000], Some("anna".to_owned()))));
    assert_eq!(world.take_asked(), Vec::<String>::new());
    // Bob's answer: Anna hasn't met him as an author.
    let answer = seal(&bob, &theirs, b"seen");
    assert_eq!(read(&anna, &open, &answer).unwrap().1.as_deref(), Some("bob"));
    assert!(world.take_asked().len() <= 1);
    // One of another session.
    let other = run(anna.create_session(&[(user("anna"), Rights::MANAGE)])).unwrap();
    let stray = seal(&anna, &other, b"x");
    assert_eq!(read(&anna, &open, &stray), Err(Code::KeyMismatch));
    // After a revocation the next message is under a new key.
    run(anna.revoke_recipients(&open, &[user("bob")])).unwrap();
    let later = seal(&anna, &open, b"later");
    assert_eq!(open.with(|session| session.log().newest_generation()), 1);
    assert_eq!(read(&bob, &theirs, &later), Err(Code::Revoked));
}

/// Whoever has seen more of the session: it is fetched when his signature is good, and not before.
#[test]
fn an_author_who_has_seen_more() {
    let world = World::new("seen more");
    let ((_, anna), (_, bob)) = (world.registered("anna", None), world.registered("bob", None));
    world.registered("carol", None);
    let open = run(anna.create_session(&[(user("anna"), Rights::MANAGE), (user("bob"), READ)])).unwrap();
    let theirs = opened(&bob, &open);
    run(anna.add_recipients(&open, &[(user("carol"), READ)])).unwrap();
    let message = seal(&anna, &open, b"femur");
    world.take_asked();
    let mut forged = message.clone();
    let end = forged.len() - 1;
    forged[end] ^= 1;
    assert_eq!(read(&bob, &theirs, &forged), Err(Code::BadSignature));
    assert_eq!(world.take_asked(), Vec::<String>::new());
    world.off_line.set(true);
    assert_eq!(read(&bob, &theirs, &message), Err(Code::Network));
    world.off_line.set(false);
    assert_eq!(read(&bob, &theirs, &message).unwrap().1.as_deref(), Some("anna"));
    assert_eq!(world.take_asked(), [KEYS]);
    assert_eq!(theirs.with(|session| session.log().entries()), 1);

    // Many at a time: one that is forged doesn't hinder the others.
    let theirs = opened(&bob, &open);
    run(anna.rotate(&open)).unwrap();
    let newer = seal(&anna, &open, b"tibia");
    let all = [forged, message, newer];
    world.take_asked();
    world.off_line.set(true);
    let verdicts = read_many(&bob, &[&theirs], &all);
    assert_eq!(verdicts[0], Err(Code::BadSignature));
    assert_eq!(verdicts[1].as_ref().unwrap().0, b"femur");
    assert_eq!(verdicts[2], Err(Code::Network));
    world.off_line.set(false);
    let verdicts = read_many(&bob, &[&theirs], &all);
    assert_eq!(verdicts[0], Err(Code::BadSignature));
    assert_eq!(
        [&verdicts[1], &verdicts[2]].map(|verdict| verdict.as_ref().unwrap().0.as_slice()),
        [b"femur", b"tibia"]
    );
    assert_eq!(world.take_asked(), [KEYS]);
}

/// W3: a server that keeps back what an author has seen.
#[test]
fn what_is_kept_back_is_a_rollback() {
    let world = World::new("kept back");
    let ((_, anna), (_, bob)) = (world.registered("anna", None), world.registered("bob", None));
    world.registered("carol", None);
    let open = run(anna.create_session(&[(user("anna"), Rights::MANAGE), (user("bob"), READ)])).unwrap();
    let theirs = opened(&bob, &open);
    run(anna.add_recipients(&open, &[(user("carol"), READ)])).unwrap();
    let message = seal(&anna, &open, b"femur");
    world.change(KEYS, |answer| {
        answer["sessions"][0]["entries"] = serde_json::json!([]);
        answer["sessions"][0]["wraps"] = serde_json::json!([]);
    });
    assert_eq!(read(&bob, &theirs, &message), Err(Code::Rollback));
    assert_eq!(read_many(&bob, &[&theirs], &[message]), [Err(Code::Rollback)]);
}

#[test]
fn many_authors_are_one_request() {
    const WRITERS: usize = 5;
    let world = World::new("many authors");
    let (_, anna) = world.registered("anna", None);
    let writers: Vec<_> = (0..WRITERS).map(|n| world.registered(&format!("writer {n}"), None).1).collect();
    let mut grants = vec![(user("anna"), Rights::MANAGE)];
    grants.extend((0..WRITERS).map(|n| (user(&format!("writer {n}")), READ)));
    let open = run(anna.create_session(&grants)).unwrap();
    let mut messages = vec![seal(&anna, &open, b"own")];
    for (number, writer) in writers.iter().enumerate() {
        let theirs = opened(writer, &open);
        for _ in 0..3 {
            messages.push(seal(writer, &theirs, &[number as u8]));
        }
    }
    // Somebody who knows nobody yet.
    let reader = &writers[0];
    let theirs = opened(reader, &open);
    world.take_asked();
    world.off_line.set(true);
    let verdicts = read_many(reader, &[&theirs], &messages);
    let known = verdicts.iter().filter(|verdict| verdict.is_ok()).count();
    assert_eq!(known, 4, "the creator and himself: {verdicts:?}");
    assert!(verdicts.iter().all(|verdict| verdict.is_ok() || *verdict == Err(Code::Network)));
    world.off_line.set(false);
    world.take_asked();
    let verdicts = read_many(reader, &[&theirs], &messages);
    for (place, verdict) in verdicts.into_iter().enumerate().skip(1) {
        let number = (place - 1) / 3;
        assert_eq!(verdict, Ok((vec![number as u8], Some(format!("writer {number}")))));
    }
    assert_eq!(world.take_asked(), [KEYS]);
    read_many(reader, &[&theirs], &messages);
    assert!(world.take_asked().is_empty());
    // One after the other, too.
    let other = &writers[1];
    let theirs = opened(other, &open);
    world.take_asked();
    for _ in 0..2 {
        assert_eq!(read(other, &theirs, messages.last().unwrap()).unwrap().1.as_deref(), Some("writer 4"));
    }
    assert_eq!(world.take_asked(), [KEYS]);
    // Nobody asks for whom a part says nothing of.
    let theirs = opened(&writers[2], &open);
    world.take_asked();
    let (_, claim) =
        run(writers[2].begin_opening(&theirs, messages.last().unwrap(), &Context::default(), false)).unwrap();
    assert!(claim.is_none() && world.take_asked().is_empty());
}

/// A message of no session, or of another; cut ones; ones of nobody.
#[test]
fn each_fails_by_itself() {
    let world = World::new("each fails");
    let (_, anna) = world.registered("anna", None);
    let [open, other] = [(), ()].map(|()| run(anna.create_session(&[(user("anna"), Rights::MANAGE)])).unwrap());
    let good = seal(&anna, &open, b"good");
    let stray = seal(&anna, &other, b"stray");
    let mut stranger = good.clone();
    stranger[60] ^= 1;
    let mut key = good.clone();
    key[6] ^= 1;
    let all = [good.clone(), stray, b"WKMS".to_vec(), good[..150].to_vec(), stranger, key, Vec::new(), good.clone()];
    let good = Ok((b"good".to_vec(), Some("anna".to_owned())));
    let mut expected = vec![
        good.clone(),
        Err(Code::KeyMismatch),
        Err(Code::Truncated),
        Err(Code::Truncated),
        Err(Code::BadSignature),
        Err(Code::NotARecipient),
        Err(Code::InvalidFormat),
        good,
    ];
    assert_eq!(read_many(&anna, &[&open], &all), expected);
    expected[1] = Ok((b"stray".to_vec(), Some("anna".to_owned())));
    assert_eq!(read_many(&anna, &[&open, &other], &all), expected);
}

/// C4: what was revoked is neither written in nor read any more, once that could be known; whichever call is the first one then.
#[test]
fn c4_what_was_revoked() {
    type First = fn(&Client<TestHost>, &Rc<OpenSession>, &[u8]) -> Code;
    let none = Context::default;
    let firsts: [First; 5] = [
        |bob, open, message| read_many(bob, &[open], &[message.to_vec()])[0].clone().unwrap_err(),
        |bob, open, message| read(bob, open, message).unwrap_err(),
        |bob, open, message| failed(run(bob.begin_opening(open, message, &Context::default(), false)).map(drop)),
        |bob, open, _| failed(run(bob.write(open, 1, true, Padding::None)).map(drop)),
        |bob, open, _| failed(run(bob.write(open, 1, false, Padding::None)).map(drop)),
    ];
    for (place, first) in firsts.iter().enumerate() {
        let world = World::new(&format!("revoked parts {place}"));
        let ((_, anna), (_, bob)) = (world.registered("anna", None), world.registered("bob", None));
        let open = run(anna.create_session(&[(user("anna"), Rights::MANAGE), (user("bob"), READ)])).unwrap();
        let theirs = opened(&bob, &open);
        let message = seal(&anna, &open, b"femur");
        let writing = run(bob.write(&theirs, 1, true, Padding::None)).unwrap();
        let reading = Reading::new(Rc::clone(&theirs));
        run(bob.prepare(&reading)).unwrap();
        run(anna.revoke_recipients(&open, &[user("bob")])).unwrap();
        assert_eq!(read(&bob, &theirs, &message).unwrap().0, b"femur");
        world.pass(2 * MINUTE);
        assert_eq!(first(&bob, &theirs, &message), Code::Revoked, "{place}");
        for (again, next) in firsts.iter().enumerate() {
            assert_eq!(next(&bob, &theirs, &message), Code::Revoked, "{again} after {place}");
        }
        // Nor does what was prepared before begin.
        assert_eq!(bob.begin_message(&theirs, &writing, 0, &none()).unwrap_err().code(), Code::Revoked);
        assert_eq!(bob.begin_messages(&theirs, &writing, 0, &[]).unwrap_err().code(), Code::Revoked);
        let begun = bob.begin_reading(&reading, &mut Vec::new(), &message, &none());
        assert_eq!(begun.unwrap_err().code(), Code::Revoked);
    }
}

#[test]
fn who_is_locked_signs_nothing() {
    let world = World::new("locked");
    let (_, anna) = world.registered("anna", None);
    let open = run(anna.create_session(&[(user("anna"), Rights::MANAGE)])).unwrap();
    let message = seal(&anna, &open, b"x");
    let mut writing = run(anna.write(&open, 1, true, Padding::None)).unwrap();
    let begun = anna.begin_message(&open, &writing, 0, &Context::default()).unwrap();
    writing.add(&parts::seal(begun, b"y").1);
    run(anna.lock());
    assert_eq!(anna.sign(writing).unwrap_err().code(), Code::Locked);
    assert_eq!(failed(run(anna.write(&open, 1, true, Padding::None))), Code::Locked);
    assert_eq!(read(&anna, &open, &message), Err(Code::Locked));
    let reading = Reading::new(open);
    let mut begun = Vec::new();
    let refused = anna.begin_reading(&reading, &mut begun, &message, &Context::default());
    assert_eq!((refused.unwrap_err().code(), begun.len()), (Code::Locked, 0));
}
