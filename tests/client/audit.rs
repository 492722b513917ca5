//! Journals, as a client reads them: verified, or not at all.

use std::rc::Rc;

use serde_json::{Value, json};
use wardkey::{
    backend::Outcome,
    client::{AuditEntry, Client, Recipient},
    encoding::{base64url, from_base64url},
    error::Code,
    identity::UserId,
    session::Rights,
    signed::Hash,
};
use wardkey_rules::MemoryStore;

use super::super::common::world::{MINUTE, PASSWORD, TestHost, World, failed, run};

fn user(name: &str) -> Recipient {
    Recipient::User(UserId::new(name).unwrap())
}

/// `anna grant entry=1`
fn lines(entries: Outcome<Vec<AuditEntry>>) -> Vec<String> {
    let line = |entry: AuditEntry| {
        let actor = entry.actor.map_or("-".to_owned(), |actor| actor.to_string());
        let detail = entry.detail.iter().map(|(key, value)| format!(" {key}={value}"));
        [actor, " ".to_owned(), entry.action, detail.collect()].concat()
    };
    entries.unwrap().into_iter().map(line).collect()
}

fn own(client: &Client<TestHost>) -> Outcome<Vec<AuditEntry>> {
    run(client.audit_log(None, 0))
}

/// Anna's session, which Bob has opened.
fn told(name: &str) -> (Rc<World>, Client<TestHost>, Client<TestHost>, Hash) {
    let world = World::new(name);
    let ((_, anna), (_, bob)) = (world.registered("anna", None), world.registered("bob", None));
    let grants = [(user("anna"), Rights::MANAGE), (user("bob"), Rights::READ)];
    let open = run(anna.create_session(&grants)).unwrap();
    run(bob.open_sessions(&[*open.id()], &[])).unwrap().pop().unwrap().unwrap();
    (world, anna, bob, *open.id())
}

#[test]
fn who_was_given_what() {
    let (world, anna, bob, id) = told("journal");
    let (_, eve) = world.registered("eve", None);
    let began = world.now.get();
    let expected = ["anna create entry=0", "bob release generation=0"];
    for client in [&anna, &bob] {
        assert_eq!(lines(run(client.audit_log(Some(&id), 0))), expected);
    }
    assert_eq!(failed(run(eve.audit_log(Some(&id), 0))), Code::NotARecipient);
    assert_eq!(failed(run(eve.audit_log(Some(&Hash([1; 32])), 0))), Code::UnknownSession);
    let open = run(anna.open_sessions(&[id], &[])).unwrap().pop().unwrap().unwrap();
    world.pass(MINUTE);
    run(anna.revoke_recipients(&open, &[user("bob")])).unwrap();
    run(anna.rotate(&open)).unwrap();
    assert_eq!(failed(run(bob.audit_log(Some(&id), 0))), Code::Revoked);
    let later = run(anna.audit_log(Some(&id), began + 1)).unwrap();
    assert!(later.iter().all(|entry| entry.session == Some(id) && entry.at == began + MINUTE));
    assert_eq!(lines(Ok(later)), ["anna revoke entry=1", "anna generation entry=2"]);
    // What she made is in her cache: no key was given to her.
    assert_eq!(run(anna.audit_log(Some(&id), 0)).unwrap().len(), 4);
}

#[test]
fn what_happened_to_an_account() {
    let world = World::new("account journal");
    let (_, anna) = world.registered("anna", Some("anna@example.org"));
    run(anna.renew_keys(PASSWORD)).unwrap();
    run(anna.start_recovery("anna")).unwrap();
    let entries = own(&anna).unwrap();
    assert!(entries.iter().all(|entry| entry.session.is_none()));
    let lines = lines(Ok(entries));
    let expected = [
        "anna register version=1",
        "anna backup-pending version=2",
        "anna backup-active version=2",
        "anna renew version=2",
    ];
    assert_eq!(lines[..4], expected);
    assert!(lines[4].starts_with("- recovery-start recovery="));
    assert_eq!(lines.len(), 5);
    run(anna.lock());
    assert_eq!(failed(own(&anna)), Code::Locked);
}

#[test]
fn more_than_a_page() {
    let (world, anna, bob, id) = told("pages");
    let asked = json!({ "sessions": [{ "id": id.to_string() }], "signers": [], "groups": [] });
    for _ in 0..1_000 {
        world.ask(Some("bob"), "POST", "/v1/keys", Some(asked.clone())).unwrap();
    }
    for client in [&anna, &bob] {
        world.take_asked();
        let entries = lines(run(client.audit_log(Some(&id), 0)));
        assert_eq!((entries.len(), entries[0].as_str()), (1_002, "anna create entry=0"));
        assert_eq!(world.take_asked(), ["POST /v1/journal"; 2]);
    }
    // A server that has no end.
    world.change("POST /v1/journal", |reply| {
        reply["more"] = true.into();
    });
    assert_eq!(failed(run(anna.audit_log(Some(&id), 0))), Code::InvalidFormat);
}

#[test]
fn the_key_servers_new_keys() {
    let (world, anna, _, id) = told("renewed");
    world.renew_server();
    assert_eq!(lines(run(anna.audit_log(Some(&id), 0))).len(), 2);
    // Also where nothing of it is known.
    run(anna.lock());
    world.off_line.set(true);
    run(anna.unlock("anna", PASSWORD, 0)).unwrap();
    assert_eq!(failed(own(&anna)), Code::Network);
    world.off_line.set(false);
    assert_eq!(lines(run(anna.audit_log(Some(&id), 0))).len(), 2);
}

#[test]
fn changed_journals() {
    let (world, _, bob, id) = told("changed");
    let asked = json!({ "sessionId": null, "after": 0 });
    let other = world.ask(Some("anna"), "POST", "/v1/journal", Some(asked)).unwrap();
    fn flip(value: &mut Value) {
        let mut bytes = from_base64url(value.as_str().unwrap()).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        *value = base64url(&bytes).into();
    }
    fn list(reply: &mut Value) -> &mut Vec<Value> {
        reply["entries"].as_array_mut().unwrap()
    }
    type Change = Box<dyn FnMut(&mut Value)>;
    let others = other.clone();
    let changes: Vec<(&str, Code, Change)> = vec![
        ("one is missing", Code::BadSignature, Box::new(|reply| drop(list(reply).remove(1)))),
        ("the first is missing", Code::BadSignature, Box::new(|reply| drop(list(reply).remove(0)))),
        ("the last is missing", Code::BadSignature, Box::new(|reply| drop(list(reply).pop()))),
        ("all are missing", Code::BadSignature, Box::new(|reply| list(reply).clear())),
        ("in another order", Code::BadSignature, Box::new(|reply| list(reply).reverse())),
        (
            "twice",
            Code::BadSignature,
            Box::new(|reply| {
                let first = list(reply)[0].clone();
                list(reply).insert(0, first);
            }),
        ),
        ("a bit of the last entry", Code::BadSignature, Box::new(|reply| flip(list(reply).last_mut().unwrap()))),
        ("a bit of the head", Code::BadSignature, Box::new(|reply| flip(&mut reply["head"]))),
        ("another journal", Code::KeyMismatch, Box::new(move |reply| *reply = other.clone())),
        ("another journal's head", Code::KeyMismatch, Box::new(move |reply| reply["head"] = others["head"].clone())),
        ("no entry", Code::InvalidFormat, Box::new(|reply| list(reply).push("AA".into()))),
        ("no list", Code::InvalidFormat, Box::new(|reply| reply["entries"] = Value::Null)),
    ];
    for (name, code, change) in changes {
        world.change("POST /v1/journal", change);
        assert_eq!(failed(run(bob.audit_log(Some(&id), 0))), code, "{name}");
        world.be_good();
        assert_eq!(lines(run(bob.audit_log(Some(&id), 0))).len(), 2, "{name}");
    }
}

#[test]
fn a_journal_that_went_back() {
    let (world, anna, bob, id) = told("back");
    let before = world.store.borrow().snapshot().unwrap();
    let restore = || *world.store.borrow_mut() = MemoryStore::restore(&before).unwrap();
    let open_again = || {
        run(bob.clear_cache()).unwrap();
        run(bob.open_sessions(&[id], &[])).unwrap();
    };
    open_again();
    run(anna.audit_log(Some(&id), 0)).unwrap();
    restore();
    assert_eq!(failed(run(anna.audit_log(Some(&id), 0))), Code::Rollback);
    // A journal of the account is another one.
    own(&anna).unwrap();
    world.pass(1);
    open_again();
    assert_eq!(failed(run(anna.audit_log(Some(&id), 0))), Code::Fork);
    // Who hasn't read it can't know.
    assert_eq!(lines(run(bob.audit_log(Some(&id), 0))).len(), 3);
    // After a change of the password it is remembered still.
    run(anna.change_password(PASSWORD, "new", &())).unwrap();
    assert_eq!(failed(run(anna.audit_log(Some(&id), 0))), Code::Fork);
}

#[test]
fn a_journal_without_an_end() {
    let (world, anna, _, id) = told("journal endless");
    world.take_asked();
    world.change("POST /v1/journal", |reply| {
        reply["entries"] = json!(["AAAA"]);
        reply["more"] = true.into();
    });
    assert_eq!(failed(run(anna.audit_log(Some(&id), 0))), Code::InvalidFormat);
    assert!(world.take_asked().len() < 1_100);
}
