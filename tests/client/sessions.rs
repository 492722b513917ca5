//! Sessions on line.

use std::{pin::pin, rc::Rc};

use wardkey::{
    backend::Outcome,
    client::{Client, OpenSession, Recipient},
    encoding::Context,
    error::Code,
    identity::UserId,
    message::Padding,
    session::Rights,
    signed::Hash,
};

use super::super::common::{
    messages::Messages as _,
    world::{Logins, MINUTE, PASSWORD, TestHost, World, failed, run, run_for},
};

const READ: Rights = Rights::READ.with(Rights::FORWARD);

fn user(name: &str) -> Recipient {
    Recipient::User(UserId::new(name).unwrap())
}

fn write(client: &Client<TestHost>, open: &OpenSession, data: &[u8]) -> Vec<u8> {
    let context = Context::default();
    run(client.seal_messages(open, &[(data, &context)], true, Padding::None)).unwrap().pop().unwrap()
}

/// The data, and its author's name.
fn read(
    client: &Client<TestHost>,
    known: &mut Vec<Rc<OpenSession>>,
    message: &[u8],
) -> Result<(Vec<u8>, String), Code> {
    let context = Context::default();
    let opened = run(client.open_messages(&[(message, &context)], known)).unwrap().pop().unwrap();
    let opened = opened.map_err(|error| error.code())?;
    Ok((opened.data, opened.author.unwrap().user.unwrap().to_string()))
}

#[test]
fn from_one_to_another() {
    let world = World::new("sessions");
    let ((_, anna), (_, bob), (_, eve)) =
        (world.registered("anna", None), world.registered("bob", None), world.registered("eve", None));
    let open = run(anna.create_session(&[(user("anna"), Rights::MANAGE), (user("bob"), READ)])).unwrap();
    let message = write(&anna, &open, b"femur");
    let mut known = Vec::new();
    assert_eq!(read(&bob, &mut known, &message).unwrap(), (b"femur".to_vec(), "anna".to_owned()));
    let answer = write(&bob, &known[0], b"seen");
    assert_eq!(read(&anna, &mut vec![Rc::clone(&open)], &answer).unwrap().1, "bob");
    assert_eq!(read(&eve, &mut Vec::new(), &message), Err(Code::NotARecipient));
    let nobody = run(eve.open_sessions(&[Hash([7; 32])], &[])).unwrap().pop().unwrap();
    assert_eq!(nobody.unwrap_err().code(), Code::UnknownSession);
    // Later, by Bob, with what is stored unchanged.
    run(bob.add_recipients(&known[0], &[(user("eve"), Rights::READ)])).unwrap();
    let mut eves = Vec::new();
    assert_eq!(read(&eve, &mut eves, &message).unwrap().0, b"femur");
    assert_eq!(failed(run(eve.add_recipients(&eves[0], &[(user("eve"), READ)]))), Code::Forbidden);
    // Anna doesn't know of that: her entry comes after it, and the next message under a new generation.
    run(anna.revoke_recipients(&open, &[user("bob")])).unwrap();
    assert_eq!(open.with(|session| session.log().entries()), 2);
    let later = write(&anna, &open, b"tibia");
    assert_eq!(open.with(|session| session.log().newest_generation()), 1);
    assert_eq!(read(&bob, &mut known, &later), Err(Code::Revoked));
    assert_eq!(read(&bob, &mut Vec::new(), &later), Err(Code::Revoked));
    assert_eq!(read(&eve, &mut eves, &later).unwrap().0, b"tibia");
    assert_eq!(read(&eve, &mut eves, &message).unwrap().0, b"femur");
    assert_eq!(failed(run(anna.revoke_recipients(&open, &[user("bob")]))), Code::InvalidArgument);
    run(anna.revoke_all(&open)).unwrap();
    world.pass(MINUTE);
    assert_eq!(read(&eve, &mut Vec::new(), &later), Err(Code::Revoked));
}

#[test]
fn two_hundred_records_are_one_request() {
    let world = World::new("many");
    let ((_, anna), (device, bob)) = (world.registered("anna", None), world.registered("bob", None));
    let mut messages = Vec::new();
    for number in 0..200_u32 {
        let open = run(anna.create_session(&[(user("anna"), Rights::MANAGE), (user("bob"), READ)])).unwrap();
        messages.push(write(&anna, &open, &number.to_be_bytes()));
    }
    run(bob.lock());
    device.wipe();
    let bob = world.client(&device);
    run(bob.unlock("bob", PASSWORD, 0)).unwrap();
    world.take_asked();
    let context = Context::default();
    let items: Vec<(&[u8], &Context)> = messages.iter().map(|message| (message.as_slice(), &context)).collect();
    let mut known = Vec::new();
    let opened = run(bob.open_messages(&items, &mut known)).unwrap();
    for (number, opened) in (0..200_u32).zip(opened) {
        let opened = opened.unwrap();
        assert_eq!(opened.data, number.to_be_bytes());
        assert_eq!(opened.author.unwrap().user.unwrap().as_str(), "anna");
    }
    assert_eq!((world.take_asked(), known.len()), (vec!["POST /v1/keys".to_owned()], 200));
    run(bob.open_messages(&items, &mut known)).unwrap();
    assert!(world.take_asked().is_empty());
    // Who was met in reading is in the backup with the next write.
    run(bob.refresh()).unwrap();
    assert_eq!(bob.backup_version(), Some(2));
}

#[test]
fn newer_keys_are_wrapped_for() {
    let world = World::new("newer");
    let ((_, anna), (_, bob)) = (world.registered("anna", None), world.registered("bob", None));
    let recipients = [(user("anna"), Rights::MANAGE), (user("bob"), READ)];
    let first = run(anna.create_session(&recipients)).unwrap();
    run(bob.renew_keys(PASSWORD)).unwrap();
    // Anna wraps for the keys that she knows, is told that they are old, and asks again.
    let second = run(anna.create_session(&recipients)).unwrap();
    run(anna.rotate(&first)).unwrap();
    for open in [&first, &second] {
        let message = write(&anna, open, b"x");
        assert_eq!(read(&bob, &mut Vec::new(), &message).unwrap().1, "anna");
    }
    // What was wrapped for the old ones opens too, and what Bob signed with them is still his.
    run(bob.renew_keys(PASSWORD)).unwrap();
    let message = write(&anna, &first, b"y");
    let mut known = Vec::new();
    read(&bob, &mut known, &message).unwrap();
    let answer = write(&bob, &known[0], b"z");
    assert_eq!(read(&anna, &mut vec![first], &answer).unwrap().1, "bob");
}

#[test]
fn two_writers_at_once() {
    let world = World::new("writers");
    let ((_, anna), (_, bob)) = (world.registered("anna", None), world.registered("bob", None));
    for name in ["carol", "dave"] {
        world.registered(name, None);
    }
    let open = run(anna.create_session(&[(user("anna"), Rights::MANAGE), (user("bob"), Rights::MANAGE)])).unwrap();
    let theirs = run(bob.open_sessions(&[*open.id()], &[])).unwrap().pop().unwrap().unwrap();
    run(anna.add_recipients(&open, &[(user("carol"), READ)])).unwrap();
    run(bob.add_recipients(&theirs, &[(user("dave"), READ)])).unwrap();
    run(anna.rotate(&open)).unwrap();
    run(bob.rotate(&theirs)).unwrap();
    run(anna.update(&open)).unwrap();
    let hashes = |open: &OpenSession| open.with(|session| session.log().hashes().copied().collect::<Vec<_>>());
    assert_eq!(hashes(&open), hashes(&theirs));
    assert_eq!(open.with(|session| (session.log().entries(), session.log().newest_generation())), (4, 2));
    // Bob reads what Anna wrote under a generation that he made, and the other way.
    let message = write(&anna, &open, b"a");
    assert_eq!(read(&bob, &mut vec![theirs], &message).unwrap().1, "anna");
}

#[test]
fn placeholders_wait_at_the_key_server() {
    let world = World::new("placeholders");
    let (_, anna) = world.registered("anna", None);
    let ward = Recipient::Placeholder { name: UserId::new("ward 7").unwrap(), contact: None };
    let open = run(anna.create_session(&[(user("anna"), Rights::MANAGE), (ward.clone(), READ)])).unwrap();
    assert_eq!(open.with(|session| session.log().holdings().count()), 2);
    run(anna.revoke_recipients(&open, &[ward])).unwrap();
    write(&anna, &open, b"x");
}

#[test]
fn after_a_reload_the_key_server_is_asked_who_it_is() {
    let world = World::new("placeholder, reloaded");
    let (device, client) = world.registered("anna", None);
    let ward = Recipient::Placeholder { name: UserId::new("ward 7").unwrap(), contact: None };
    let open = run(client.create_session(&[(user("anna"), Rights::MANAGE)])).unwrap();
    let reloaded = world.client(&device);
    run(reloaded.look(None)).unwrap();
    run(reloaded.create_session(&[(ward.clone(), READ)])).unwrap();
    let again = world.client(&device);
    run(again.look(None)).unwrap();
    let open = run(again.open_sessions(&[*open.id()], &[])).unwrap().remove(0).unwrap();
    run(again.add_recipients(&open, &[(ward, READ)])).unwrap();
    let third = world.client(&device);
    run(third.look(None)).unwrap();
    let open = run(third.open_sessions(&[*open.id()], &[])).unwrap().remove(0).unwrap();
    run(third.rotate(&open)).unwrap();
}

/// Stops `work` of Anna's at each of its waits, writes her account anew, and lets it end. She has a session of her own, and an id of Bob's that she hasn't opened.
fn beside_a_new_password(work: impl AsyncFn(&Client<TestHost>, &OpenSession, &[u8]) -> Outcome<()>) {
    for waits in 0.. {
        let world = World::new("beside");
        let (_, anna) = world.registered("anna", None);
        let (_, bob) = world.registered("bob", None);
        let _eve = world.registered("eve", None);
        let own = run(anna.create_session(&[(user("anna"), Rights::MANAGE)])).unwrap();
        let bobs = run(bob.create_session(&[(user("bob"), Rights::MANAGE), (user("anna"), READ)])).unwrap();
        let message = write(&bob, &bobs, b"x");
        let mut working = pin!(work(&anna, &own, &message));
        let done = run_for(waits, &mut working);
        let is_done = done.is_some();
        run(anna.change_password(PASSWORD, "another", &Logins(Rc::clone(&world), "anna"))).unwrap();
        let outcome = done.unwrap_or_else(|| run(working));
        assert_eq!(outcome.map_err(|failure| failure.code()), Ok(()), "{waits}");
        if is_done {
            assert!(waits > 5);
            return;
        }
    }
}

/// Whoever was met stays so: a call that has asked for him goes on.
#[test]
fn while_the_account_is_written_anew() {
    let grants = ["anna", "bob", "eve"].map(|name| (user(name), READ));
    beside_a_new_password(async |anna, _, _| anna.create_session(&grants).await.map(drop));
    beside_a_new_password(async |anna, own, _| anna.add_recipients(own, &grants[1..]).await);
    beside_a_new_password(async |anna, _, message| {
        let context = Context::default();
        let opened = anna.open_messages(&[(message, &context)], &mut Vec::new()).await?;
        for message in opened {
            message?;
        }
        Ok(())
    });
}
