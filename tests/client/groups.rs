//! Groups as their members use them: who comes reads what was written, who leaves reads nothing new.

use std::{
    pin::pin,
    rc::Rc,
    task::{Context as Task, Waker},
};

use serde_json::json;
use wardkey::{
    client::{BackupHealth, Client, Event, GroupInfo, OpenSession, Recipient},
    error::Code,
    group::Lifetimes,
    identity::UserId,
    session::Rights,
    signed::Hash,
};

use super::super::common::{
    cache::HOUR,
    ward::{FEED, KEYS, NONE, READ, cached, open, read, read_with, try_write, user, write},
    world::{MINUTE, PASSWORD, TestDevice, TestHost, World, failed, run, run_all, run_for},
};

const DAY: u64 = 24 * HOUR;

fn names(users: &[&str]) -> Vec<UserId> {
    users.iter().map(|user| UserId::new(user).unwrap()).collect()
}

fn lifetimes() -> Lifetimes {
    Lifetimes::new(24, 7).unwrap()
}

/// Anna's group, with Bob; Carol is nobody yet, and Dora sends from elsewhere.
struct Clinic {
    world: Rc<World>,
    anna: Client<TestHost>,
    bob: Client<TestHost>,
    device: TestDevice,
    carol: Client<TestHost>,
    dora: Client<TestHost>,
    group: Hash,
}

impl Clinic {
    fn new(name: &str) -> Self {
        let world = World::new(name);
        let client = |user: &str| {
            let (device, first) = world.registered(user, None);
            device.keeps.set(true);
            run(first.lock());
            let client = world.client_with(&device, cached(|_| ()));
            run(client.unlock(user, PASSWORD, 0)).unwrap();
            client.take_events();
            (device, client)
        };
        let ((_, anna), (device, bob), (_, carol), (_, dora)) =
            (client("anna"), client("bob"), client("carol"), client("dora"));
        let group = run(anna.create_group(("Ward 3", lifetimes()), &names(&["bob"]), &[])).unwrap();
        world.take_asked();
        Self { world, anna, bob, device, carol, dora, group }
    }

    fn grants(&self) -> Vec<(Recipient, Rights)> {
        vec![(user("dora"), Rights::MANAGE), (Recipient::Group(self.group), READ)]
    }

    /// Dora's session for the group, and a message.
    fn sent(&self) -> (Rc<OpenSession>, Vec<u8>) {
        let made = run(self.dora.create_session(&self.grants())).unwrap();
        let message = write(&self.dora, &made, b"before");
        self.world.take_asked();
        (made, message)
    }

    fn add(&self, users: &[&str]) {
        run(self.anna.add_members(&self.group, &names(users), false)).unwrap();
    }

    fn remove(&self, users: &[&str]) {
        run(self.anna.remove_members(&self.group, &names(users))).unwrap();
    }

    /// What the key server says of the group.
    fn told(&self) -> serde_json::Value {
        let groups = json!([{ "id": self.group.to_string() }]);
        let body = json!({ "sessions": [], "signers": [], "groups": groups, "cursor": null });
        self.world.ask(Some("anna"), "POST", "/v1/keys", Some(body)).unwrap()["groups"].clone()
    }

    fn reload(&self) -> Client<TestHost> {
        let client = self.world.client_with(&self.device, cached(|_| ()));
        run(client.look(None)).unwrap();
        client
    }

    fn members(&self, client: &Client<TestHost>) -> Vec<(String, bool)> {
        let members = run(client.members(&self.group)).unwrap();
        members.into_iter().map(|(user, admin)| (user.as_str().to_owned(), admin)).collect()
    }
}

fn member(name: &str, admin: bool) -> (String, bool) {
    (name.to_owned(), admin)
}

#[test]
fn created_and_found() {
    let clinic = Clinic::new("created");
    let info = GroupInfo { name: "Ward 3".to_owned(), epoch: 0 };
    assert_eq!(clinic.anna.group_info(&clinic.group).unwrap(), info);
    assert_eq!(clinic.members(&clinic.anna), [member("anna", true), member("bob", false)]);
    assert_eq!(run(clinic.bob.groups()).unwrap(), [clinic.group]);
    assert_eq!(run(clinic.carol.groups()).unwrap(), []);
    // Who is no member, and has its id.
    assert_eq!(run(clinic.dora.group(&clinic.group)).unwrap(), info);
    assert_eq!(failed(run(clinic.dora.group(&Hash([7; 32])))), Code::UnknownGroup);
    let number = run(clinic.dora.safety_number(&clinic.group.to_string())).unwrap();
    assert_eq!(run(clinic.bob.safety_number(&clinic.group.to_string())).unwrap(), number);
    run(clinic.dora.verify(&clinic.group.to_string(), &number)).unwrap();
    let other = run(clinic.dora.safety_number("bob")).unwrap();
    assert_eq!(failed(run(clinic.dora.verify(&clinic.group.to_string(), &other))), Code::PinMismatch);
}

#[test]
fn members_read_in_one_request_and_warm_without() {
    let clinic = Clinic::new("warm");
    let (_, message) = clinic.sent();
    assert_eq!(read(&clinic.bob, &message).unwrap(), b"before");
    assert_eq!(clinic.world.take_asked(), [KEYS]);
    assert_eq!(read(&clinic.carol, &message), Err(Code::NotARecipient));
    // The next page: keys, log, group and author are kept.
    clinic.world.take_asked();
    let next = clinic.reload();
    assert_eq!(read(&next, &message).unwrap(), b"before");
    assert_eq!(clinic.world.take_asked(), [FEED]);
    // And writes in the group's right, which Dora accepts.
    let session = open(&next, &Hash(*wardkey_session(&message))).unwrap();
    let answer = write(&next, &session, b"answer");
    assert_eq!(clinic.world.take_asked(), NONE);
    assert_eq!(read(&clinic.dora, &answer).unwrap(), b"answer");
}

/// The session that a message names.
fn wardkey_session(message: &[u8]) -> &[u8; 32] {
    message.get(22..).unwrap().first_chunk().unwrap()
}

#[test]
fn newcomers_read_what_was_before_and_leavers_nothing_new() {
    let clinic = Clinic::new("come and go");
    let (made, before) = clinic.sent();
    let bobs = open(&clinic.bob, made.id()).unwrap();
    assert_eq!(read_with(&clinic.bob, &bobs, &before).unwrap(), b"before");
    clinic.add(&["carol"]);
    assert_eq!(read(&clinic.carol, &before).unwrap(), b"before");
    clinic.remove(&["bob"]);
    assert_eq!(clinic.anna.group_info(&clinic.group).unwrap().epoch, 1);
    // Dora hears of it by the feed, and nothing she writes is for Bob.
    clinic.world.pass(MINUTE);
    assert!(!clinic.dora.is_due(&made).unwrap());
    let after = write(&clinic.dora, &made, b"after");
    made.with(|session| assert_eq!(session.log().newest_generation(), 1));
    assert_eq!(read(&clinic.carol, &after).unwrap(), b"after");
    assert_eq!(read(&clinic.anna, &after).unwrap(), b"after");
    assert_eq!(read_with(&clinic.bob, &bobs, &after), Err(Code::Revoked));
    assert_eq!(try_write(&clinic.bob, &bobs, b"x"), Err(Code::Revoked));
    assert_eq!(read(&clinic.bob, &after), Err(Code::Revoked));
    assert_eq!(open(&clinic.bob, made.id()).unwrap_err(), Code::Revoked);
    // A newcomer after that reads all of it; so does who comes again, and whoever was wiped.
    clinic.add(&["bob"]);
    let bob = clinic.world.unlocked("bob", PASSWORD);
    for message in [&before, &after] {
        assert_eq!(read(&bob, message), read(&clinic.anna, message));
    }
}

#[test]
fn a_removal_reaches_the_cache_within_the_bound() {
    let clinic = Clinic::new("bound");
    let (_, message) = clinic.sent();
    assert_eq!(read(&clinic.bob, &message).unwrap(), b"before");
    clinic.remove(&["bob"]);
    clinic.world.pass(MINUTE);
    let next = clinic.reload();
    assert_eq!(read(&next, &message), Err(Code::Revoked));
    // What is there stays there, and is not given.
    assert_eq!(read(&clinic.reload(), &message), Err(Code::Revoked));
}

#[test]
fn what_was_lost_is_not_lost_again_with_the_group() {
    let clinic = Clinic::new("lost once");
    let (made, _) = clinic.sent();
    let _held = open(&clinic.bob, made.id()).unwrap();
    run(clinic.dora.revoke_recipients(&made, &[Recipient::Group(clinic.group)])).unwrap();
    clinic.remove(&["bob"]);
    assert_eq!(run(clinic.bob.sync()).unwrap(), [*made.id()]);
    assert_eq!(run(clinic.bob.sync()).unwrap(), []);
}

/// What is lost with a group is told, also where another answer brought the feed's beginning first.
#[test]
fn a_removal_in_an_answer_that_was_overtaken() {
    let clinic = Clinic::new("overtaken");
    let (with_group, _) = clinic.sent();
    let bobs = [(user("dora"), Rights::MANAGE), (user("bob"), READ)];
    let [other, wanted] = [0, 1].map(|_| run(clinic.dora.create_session(&bobs)).unwrap());
    let _held = [&with_group, &other].map(|made| open(&clinic.bob, made.id()).unwrap());
    run(clinic.dora.revoke_recipients(&other, &[user("bob")])).unwrap();
    clinic.world.take_asked();
    let mut task = Task::from_waker(Waker::noop());
    let mut reading = pin!(clinic.bob.sync());
    while clinic.world.asked.borrow().is_empty() {
        assert!(reading.as_mut().poll(&mut task).is_pending());
    }
    clinic.remove(&["bob"]);
    clinic.world.take_asked();
    let wanted = [*wanted.id()];
    let mut opening = pin!(clinic.bob.open_sessions(&wanted, &[]));
    while clinic.world.asked.borrow().is_empty() {
        assert!(opening.as_mut().poll(&mut task).is_pending());
    }
    run(reading).unwrap();
    assert!(run(opening).unwrap()[0].is_ok());
    let told: Vec<_> =
        clinic.bob.take_events().into_iter().filter(|event| matches!(event, Event::Revoked { .. })).collect();
    assert_eq!(told, [&other, &with_group].map(|made| Event::Revoked { sessions: vec![*made.id()] }));
}

#[test]
fn the_group_manages_and_outlives_its_members() {
    let clinic = Clinic::new("manages");
    let manage = [(Recipient::Group(clinic.group), Rights::MANAGE)];
    let made = run(clinic.bob.create_session(&manage)).unwrap();
    let message = write(&clinic.bob, &made, b"of the group");
    // Another member shares, and takes back.
    let annas = open(&clinic.anna, made.id()).unwrap();
    run(clinic.anna.add_recipients(&annas, &[(user("dora"), READ)])).unwrap();
    assert_eq!(read(&clinic.dora, &message).unwrap(), b"of the group");
    run(clinic.bob.update(&made)).unwrap();
    run(clinic.bob.revoke_recipients(&made, &[user("dora")])).unwrap();
    clinic.world.pass(MINUTE);
    assert_eq!(read(&clinic.dora, &message), Err(Code::Revoked));
    run(clinic.anna.add_recipients(&annas, &[(user("carol"), READ)])).unwrap();
    clinic.remove(&["bob"]);
    clinic.world.pass(MINUTE);
    let after = write(&clinic.anna, &annas, b"without bob");
    assert_eq!(read(&clinic.carol, &after).unwrap(), b"without bob");
    assert_eq!(read(&clinic.bob, &after), Err(Code::Revoked));
    assert_eq!(clinic.anna.unconfirmed(&annas).unwrap(), []);
}

#[test]
fn what_a_leaver_gave_is_unconfirmed_until_somebody_entitled_gives_it() {
    let clinic = Clinic::new("unconfirmed");
    let manage = [(Recipient::Group(clinic.group), Rights::MANAGE)];
    let made = run(clinic.anna.create_session(&manage)).unwrap();
    let bobs = open(&clinic.bob, made.id()).unwrap();
    run(clinic.bob.add_recipients(&bobs, &[(user("carol"), READ)])).unwrap();
    clinic.remove(&["bob"]);
    run(clinic.anna.update(&made)).unwrap();
    assert_eq!(clinic.anna.unconfirmed(&made).unwrap().len(), 1);
    let after = write(&clinic.anna, &made, b"not for carol");
    assert_eq!(read(&clinic.dora, &after), Err(Code::NotARecipient));
    assert!(read(&clinic.carol, &after).is_err());
    run(clinic.anna.add_recipients(&made, &[(user("dora"), READ)])).unwrap();
    // Another's right doesn't mend it; the same one does.
    assert_eq!(clinic.anna.unconfirmed(&made).unwrap().len(), 1);
    run(clinic.anna.add_recipients(&made, &[(user("carol"), READ)])).unwrap();
    assert_eq!(clinic.anna.unconfirmed(&made).unwrap(), []);
    let again = write(&clinic.anna, &made, b"for carol");
    assert_eq!(read(&clinic.carol, &again).unwrap(), b"for carol");
}

#[test]
fn who_may_do_what() {
    let clinic = Clinic::new("may");
    let group = clinic.group;
    for outcome in [
        run(clinic.bob.add_members(&group, &names(&["carol"]), false)),
        run(clinic.bob.remove_members(&group, &names(&["anna"]))),
        run(clinic.bob.set_admins(&group, &names(&["bob"]), &[])),
        run(clinic.bob.rotate_group(&group)),
        run(clinic.dora.add_members(&group, &names(&["dora"]), true)),
        // The last admin.
        run(clinic.anna.remove_members(&group, &names(&["anna"]))),
        run(clinic.anna.set_admins(&group, &[], &names(&["anna"]))),
    ] {
        assert_eq!(failed(outcome), Code::Forbidden);
    }
    for outcome in [
        run(clinic.anna.add_members(&group, &names(&["bob"]), false)),
        run(clinic.anna.remove_members(&group, &names(&["dora"]))),
        run(clinic.anna.add_members(&group, &[], false)),
        run(clinic.anna.set_admins(&group, &names(&["bob"]), &names(&["bob"]))),
        run(clinic.anna.create_group(("", lifetimes()), &[], &[])).map(drop),
    ] {
        assert_eq!(failed(outcome), Code::InvalidArgument);
    }
    assert_eq!(failed(run(clinic.anna.add_members(&group, &names(&["zoe"]), false))), Code::UnknownUser);
    run(clinic.anna.set_admins(&group, &names(&["bob"]), &[])).unwrap();
    run(clinic.bob.set_admins(&group, &[], &names(&["anna"]))).unwrap();
    assert_eq!(clinic.members(&clinic.carol), [member("anna", false), member("bob", true)]);
    run(clinic.bob.rotate_group(&group)).unwrap();
    assert_eq!(run(clinic.anna.group(&group)).unwrap().epoch, 1);
}

#[test]
fn two_admins_at_once() {
    let clinic = Clinic::new("two");
    run(clinic.anna.set_admins(&clinic.group, &names(&["bob"]), &[])).unwrap();
    let (carol, dora) = (names(&["carol"]), names(&["dora"]));
    let both = run_all(vec![
        Box::pin(clinic.anna.add_members(&clinic.group, &carol, false)),
        Box::pin(clinic.bob.add_members(&clinic.group, &dora, false)),
    ]);
    assert!(both.iter().all(Result::is_ok), "{both:?}");
    let all = ["anna", "bob", "carol", "dora"].map(|name| member(name, name < "carol"));
    assert_eq!(clinic.members(&clinic.anna), all);
    // The same wish is done once.
    let both = run_all(vec![
        Box::pin(clinic.anna.remove_members(&clinic.group, &carol)),
        Box::pin(clinic.bob.remove_members(&clinic.group, &carol)),
    ]);
    assert!(both.iter().all(Result::is_ok), "{both:?}");
    assert_eq!(run(clinic.anna.group(&clinic.group)).unwrap().epoch, 1);
}

#[test]
fn heads_end_and_are_signed_by_who_is_on_line() {
    let clinic = Clinic::new("heads");
    let (made, _) = clinic.sent();
    clinic.world.pass(25 * HOUR);
    // Nobody was there: nothing is wrapped for the group, but in what was wrapped it is written and read.
    assert_eq!(failed(run(clinic.dora.create_session(&clinic.grants()))), Code::Stale);
    assert_eq!(failed(run(clinic.dora.rotate(&made))), Code::Stale);
    let carol = [(user("carol"), READ)];
    run(clinic.dora.add_recipients(&made, &carol)).unwrap();
    let message = write(&clinic.dora, &made, b"goes on");
    assert_eq!(read(&clinic.bob, &message).unwrap(), b"goes on");
    // Bob is on line.
    run(clinic.bob.tend_groups()).unwrap();
    run(clinic.dora.create_session(&clinic.grants())).unwrap();
    // Without an admin for a week, members alone don't do.
    clinic.world.pass(6 * DAY);
    run(clinic.bob.tend_groups()).unwrap();
    assert_eq!(failed(run(clinic.dora.create_session(&clinic.grants()))), Code::Stale);
    run(clinic.anna.tend_groups()).unwrap();
    run(clinic.dora.create_session(&clinic.grants())).unwrap();
    // Who belongs says so himself where he needs it.
    clinic.world.pass(2 * DAY);
    run(clinic.bob.create_session(&[(Recipient::Group(clinic.group), READ)])).unwrap();
}

#[test]
fn what_was_made_off_line_waits_for_a_fresh_head() {
    let clinic = Clinic::new("off line");
    clinic.sent();
    clinic.world.pass(25 * HOUR);
    clinic.world.off_line.set(true);
    let made = run(clinic.dora.create_session_off_line(&clinic.grants())).unwrap();
    let message = write(&clinic.dora, &made, b"off line");
    clinic.world.off_line.set(false);
    let sent = run(clinic.dora.send_outbox()).unwrap();
    assert_eq!(sent.into_iter().map(|(_, outcome)| failed(outcome)).collect::<Vec<_>>(), [Code::Stale]);
    assert!(!made.is_published() && run(clinic.dora.outbox_len()) == 1);
    clinic.remove(&["bob"]);
    assert!(run(clinic.dora.send_outbox()).unwrap().into_iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!(read(&clinic.anna, &message).unwrap(), b"off line");
    // It was wrapped for those who belong now.
    assert_eq!(read(&clinic.bob, &message), Err(Code::Revoked));
}

/// What was seen of a group is in the backup: after a wipe a server can't go back.
#[test]
fn what_was_seen_survives_a_wipe() {
    let clinic = Clinic::new("seen");
    let earlier = clinic.told();
    clinic.add(&["carol"]);
    clinic.world.change(KEYS, move |answer| answer["groups"] = earlier.clone());
    let anna = clinic.world.unlocked("anna", PASSWORD);
    assert_eq!(failed(run(anna.group(&clinic.group))), Code::Rollback);
    assert_eq!(failed(run(clinic.anna.group(&clinic.group))), Code::Rollback);
    // Carol has seen nothing of it: nothing tells her.
    assert_eq!(run(clinic.carol.group(&clinic.group)).unwrap().epoch, 0);
    clinic.world.be_good();
    assert_eq!(clinic.members(&anna).len(), 3);
    assert_eq!(clinic.members(&clinic.anna).len(), 3);
}

/// Who sends to a group changes nothing of his own: what he saw is written some time later, and a wipe comes after that.
#[test]
fn what_a_sender_saw_survives_a_wipe() {
    let clinic = Clinic::new("seen by a sender");
    let earlier = clinic.told();
    clinic.add(&["carol"]);
    clinic.sent();
    assert_eq!(run(clinic.dora.backup_health()), BackupHealth::Outdated);
    run(clinic.dora.tend_groups()).unwrap();
    assert_eq!(run(clinic.dora.backup_health()), BackupHealth::Current);
    assert_eq!(clinic.world.take_asked().iter().filter(|asked| *asked == "PUT /v1/backup").count(), 1);
    // Nothing is left to write.
    run(clinic.dora.tend_groups()).unwrap();
    assert!(!clinic.world.take_asked().contains(&"PUT /v1/backup".to_owned()));
    clinic.world.change(KEYS, move |answer| answer["groups"] = earlier.clone());
    let dora = clinic.world.unlocked("dora", PASSWORD);
    assert_eq!(failed(run(dora.group(&clinic.group))), Code::Rollback);
}

/// What isn't true of a group stands in nobody's way once the key server tells what is.
#[test]
fn a_lie_about_a_group_passes() {
    let clinic = Clinic::new("lie");
    let manage = [(Recipient::Group(clinic.group), Rights::MANAGE)];
    let made = run(clinic.anna.create_session(&manage)).unwrap();
    let message = write(&clinic.bob, &open(&clinic.bob, made.id()).unwrap(), b"of bob");
    assert_eq!(read_with(&clinic.anna, &made, &message).unwrap(), b"of bob");
    let lie = |answer: &mut serde_json::Value| answer["groups"][0]["operations"] = json!(["AAAA"]);
    clinic.world.change(KEYS, lie);
    assert_eq!(failed(run(clinic.anna.group(&clinic.group))), Code::InvalidFormat);
    assert!(run(clinic.anna.remove_members(&clinic.group, &names(&["bob"]))).is_err());
    clinic.world.be_good();
    // Who holds the session asks once more who its author is; who fetches it again has the group's keys.
    assert_eq!(read_with(&clinic.anna, &made, &message).unwrap(), b"of bob");
    clinic.world.change(KEYS, lie);
    assert_eq!(failed(run(clinic.anna.group(&clinic.group))), Code::InvalidFormat);
    clinic.world.be_good();
    drop(made);
    run(clinic.anna.clear_cache()).unwrap();
    assert_eq!(read(&clinic.anna, &message).unwrap(), b"of bob");
}

/// A key server that keeps an admin from the newest epoch doesn't make him close those before it to all.
#[test]
fn who_is_not_given_an_epoch_begins_none() {
    let clinic = Clinic::new("withheld");
    let (_, message) = clinic.sent();
    run(clinic.anna.set_admins(&clinic.group, &names(&["bob"]), &[])).unwrap();
    clinic.add(&["carol"]);
    clinic.world.change(KEYS, |answer| answer["groups"][0]["keys"] = json!(null));
    let bob = clinic.world.unlocked("bob", PASSWORD);
    assert_eq!(failed(run(bob.remove_members(&clinic.group, &names(&["carol"])))), Code::NotARecipient);
    assert_eq!(failed(run(bob.rotate_group(&clinic.group))), Code::NotARecipient);
    clinic.world.be_good();
    run(bob.remove_members(&clinic.group, &names(&["carol"]))).unwrap();
    assert_eq!(read(&clinic.world.unlocked("anna", PASSWORD), &message).unwrap(), b"before");
}

/// Who signs an assignment is asked for where only the device was asked before.
#[test]
fn what_was_assigned_is_read_after_a_reload() {
    let clinic = Clinic::new("assigned");
    let room = || Recipient::Placeholder { name: UserId::new("room 7").unwrap(), contact: None };
    let made = run(clinic.dora.create_session(&[(user("dora"), Rights::MANAGE), (room(), READ)])).unwrap();
    let message = write(&clinic.dora, &made, b"for whoever comes");
    assert_eq!(read(&clinic.bob, &message), Err(Code::NotARecipient));
    clinic.world.assign("room 7", &clinic.group).unwrap();
    assert_eq!(read(&clinic.reload(), &message).unwrap(), b"for whoever comes");
    // Whoever holds the session learns of it so, too: the next message is under a new key.
    let dora = clinic.world.unlocked("dora", PASSWORD);
    let held = open(&dora, made.id()).unwrap();
    let after = write(&dora, &held, b"for the group");
    assert_eq!(read(&clinic.reload(), &after).unwrap(), b"for the group");
}

/// Who was wiped remembers what his backup says: told what was before a removal, he writes nothing under what the removed one has.
#[test]
fn nothing_is_written_by_a_state_that_was_rolled_back() {
    let clinic = Clinic::new("rolled back");
    let grants = [(user("anna"), Rights::MANAGE), (Recipient::Group(clinic.group), READ)];
    let made = run(clinic.anna.create_session(&grants)).unwrap();
    write(&clinic.anna, &made, b"before");
    let told = {
        let body =
            json!({ "sessions": [{ "id": made.id().to_string() }], "signers": [], "groups": [], "cursor": null });
        clinic.world.ask(Some("anna"), "POST", "/v1/keys", Some(body)).unwrap()
    };
    clinic.remove(&["bob"]);
    clinic.world.change(KEYS, move |answer| {
        answer["groups"] = told["groups"].clone();
        if answer["sessions"].as_array().is_some_and(|sessions| !sessions.is_empty()) {
            answer["sessions"] = told["sessions"].clone();
        }
    });
    let anna = clinic.world.unlocked("anna", PASSWORD);
    let held = open(&anna, made.id()).unwrap();
    assert_eq!(try_write(&anna, &held, b"after"), Err(Code::Rollback));
    clinic.world.be_good();
    let after = write(&anna, &held, b"after");
    held.with(|session| assert_eq!(session.log().newest_generation(), 1));
    assert_eq!(read(&clinic.bob, &after), Err(Code::Revoked));
}

/// Whom only somebody who left has let in makes a generation: nobody writes under his key.
#[test]
fn nobody_writes_under_a_key_of_who_is_not_entitled() {
    let clinic = Clinic::new("unconfirmed key");
    let made = run(clinic.anna.create_session(&[(Recipient::Group(clinic.group), Rights::MANAGE)])).unwrap();
    let bobs = open(&clinic.bob, made.id()).unwrap();
    run(clinic.bob.add_recipients(&bobs, &[(user("carol"), Rights::MANAGE)])).unwrap();
    clinic.remove(&["bob"]);
    let carols = open(&clinic.carol, made.id()).unwrap();
    run(clinic.carol.rotate(&carols)).unwrap();
    run(clinic.anna.update(&made)).unwrap();
    made.with(|session| assert_eq!(session.log().newest_generation(), 1));
    assert!(clinic.anna.is_due(&made).unwrap());
    let message = write(&clinic.anna, &made, b"of the group");
    made.with(|session| assert_eq!(session.log().newest_generation(), 2));
    assert_eq!(read_with(&clinic.carol, &carols, &message), Err(Code::NotARecipient));
    assert_eq!(read(&clinic.world.unlocked("anna", PASSWORD), &message).unwrap(), b"of the group");
}

/// Whoever opens the page after a lock gets nothing of what was under way: no keys, and no group in his backup.
#[test]
fn what_a_lock_interrupts_is_not_the_next_users() {
    let clinic = Clinic::new("interrupted");
    let client = &clinic.anna;
    let begin = async |founds: bool| match founds {
        true => client.create_group(("Night", lifetimes()), &names(&["bob"]), &[]).await.map(drop),
        false => client.rotate_group(&clinic.group).await,
    };
    for founds in [false, true] {
        // What was done once takes longer the next time: there is an epoch more.
        for waits in (0..1_000).step_by(3) {
            let mut begun = pin!(begin(founds));
            let done = run_for(waits, begun.as_mut());
            run(client.lock());
            run(client.unlock("dora", PASSWORD, 0)).unwrap();
            let is_done = done.is_some();
            if let Some(outcome) = done {
                outcome.unwrap();
            } else {
                let outcome = run_for(1_000, begun).unwrap();
                // Or it was done already, but for what the device keeps.
                assert!(outcome.is_ok() || failed(outcome) == Code::Locked, "{waits}");
            }
            assert_eq!(run(client.groups()).unwrap(), [], "{waits}");
            run(client.tend_groups()).unwrap();
            assert_eq!(client.group_info(&clinic.group).unwrap_err().code(), Code::UnknownGroup, "{waits}");
            run(client.lock());
            run(client.unlock("anna", PASSWORD, 0)).unwrap();
            if is_done {
                break;
            }
        }
    }
}

/// The key server tells of so many groups in one answer, and a client may know more.
#[test]
fn more_groups_than_one_request_asks_for() {
    let clinic = Clinic::new("more");
    let found = |founder: &Client<TestHost>, count| {
        (0..count).map(|_| run(founder.create_group(("Ward", lifetimes()), &[], &[])).unwrap()).collect::<Vec<_>>()
    };
    let mut grants = clinic.grants();
    for group in [found(&clinic.anna, 600), found(&clinic.bob, 401)].concat() {
        grants.push((Recipient::Group(group), READ));
    }
    let made = run(clinic.dora.create_session(&grants)).unwrap();
    let message = write(&clinic.dora, &made, b"to all");
    assert_eq!(read(&clinic.anna, &message).unwrap(), b"to all");
    assert_eq!(read(&clinic.bob, &message).unwrap(), b"to all");
    // Knowing them all she goes on asking, and hears of one that she didn't ask for by what names it.
    clinic.add(&["carol"]);
    clinic.remove(&["bob"]);
    clinic.world.pass(MINUTE);
    run(clinic.dora.tend_groups()).unwrap();
    let after = write(&clinic.dora, &made, b"but one");
    assert_eq!(read(&clinic.carol, &after).unwrap(), b"but one");
    assert_eq!(run(clinic.anna.groups()).unwrap().len(), 601);
}

/// Who made a session that he doesn't read is told of its groups all the same.
#[test]
fn a_creator_who_does_not_read_hears_of_a_removal() {
    let clinic = Clinic::new("no reader");
    let made = run(clinic.dora.create_session(&[(Recipient::Group(clinic.group), READ)])).unwrap();
    let before = write(&clinic.dora, &made, b"before");
    assert_eq!(read(&clinic.bob, &before).unwrap(), b"before");
    clinic.remove(&["bob"]);
    assert_eq!(try_write(&clinic.dora, &made, b"after"), Err(Code::Forbidden));
}

/// What a key server tells of groups that nobody asked for is not kept in the backup.
#[test]
fn groups_told_unasked_are_not_remembered() {
    let clinic = Clinic::new("unasked");
    let body = json!({ "sessions": [], "signers": [], "groups": [{ "id": clinic.group.to_string() }], "cursor": null });
    let told = clinic.world.ask(Some("anna"), "POST", "/v1/keys", Some(body)).unwrap();
    let made = run(clinic.carol.create_session(&[(user("carol"), Rights::MANAGE)])).unwrap();
    run(clinic.carol.refresh()).unwrap();
    let version = clinic.carol.backup_version();
    clinic.world.change(KEYS, move |answer| answer["groups"] = told["groups"].clone());
    run(clinic.carol.update(&made)).unwrap();
    clinic.world.be_good();
    run(clinic.carol.refresh()).unwrap();
    assert_eq!(clinic.carol.backup_version(), version);
    run(clinic.carol.group(&clinic.group)).unwrap();
    run(clinic.carol.refresh()).unwrap();
    assert!(clinic.carol.backup_version() > version);
}
