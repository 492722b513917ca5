//! Replies that don't hold all that was asked for.

use std::rc::Rc;

use serde_json::{Value, json};
use wardkey::{
    client::{Client, OpenSession, Recipient},
    error::Code,
    group::Lifetimes,
    identity::UserId,
    session::Rights,
    signed::Hash,
};

use super::super::common::{
    ward::{KEYS, READ, user},
    world::{PASSWORD, TestHost, World, failed, run},
};

/// Ben, on a new device, is a member of a group that reads these sessions, sorted.
fn scene(name: &str) -> (Rc<World>, Client<TestHost>, Hash, Vec<Hash>) {
    let world = World::new(name);
    let ((_, anna), (device, ben)) = (world.registered("anna", None), world.registered("ben", None));
    let group = run(anna.create_group(("Ward 3", Lifetimes::new(24, 7).unwrap()), &[UserId::new("ben").unwrap()], &[]))
        .unwrap();
    let grants = [(user("anna"), Rights::MANAGE), (Recipient::Group(group), READ)];
    let made = (0..10).map(|_| *run(anna.create_session(&grants)).unwrap().id());
    let mut ids: Vec<Hash> = made.collect();
    ids.sort_unstable();
    run(ben.lock());
    device.wipe();
    let ben = world.client(&device);
    run(ben.unlock("ben", PASSWORD, 0)).unwrap();
    world.take_asked();
    (world, ben, group, ids)
}

/// In the place of what comes after the first `most` of sessions and groups.
fn limit(answer: &mut Value, most: usize) {
    let mut left = most;
    for list in ["sessions", "groups"] {
        for item in answer[list].as_array_mut().unwrap() {
            match left.checked_sub(1) {
                Some(less) => left = less,
                None if list == "groups" => *item = json!({ "id": item["id"], "error": "limit" }),
                None => *item = json!({ "error": "limit" }),
            }
        }
    }
}

/// How many sessions and groups each request was for.
fn asked(world: &World) -> Vec<(usize, usize)> {
    let asked = world.asked.take().into_iter();
    let count = |list: &Value| {
        let list = list.as_array().unwrap();
        let ids: std::collections::BTreeSet<_> = list.iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), list.len(), "none twice");
        list.len()
    };
    asked
        .filter(|asked| asked.what == KEYS)
        .map(|it| (count(&it.body["sessions"]), count(&it.body["groups"])))
        .collect()
}

fn opened(ben: &Client<TestHost>, ids: &[Hash]) -> Vec<Result<Rc<OpenSession>, Code>> {
    let opened = run(ben.open_sessions(ids, &[])).unwrap();
    opened.into_iter().map(|open| open.map_err(|failure| failure.code())).collect()
}

#[test]
fn what_is_beyond_is_asked_for_again() {
    let (world, ben, group, ids) = scene("limits");
    world.change(KEYS, |answer| limit(answer, 3));
    for (open, id) in opened(&ben, &ids).into_iter().zip(&ids) {
        assert_eq!(open.unwrap().id(), id);
    }
    // The group has room only beside the last session.
    assert_eq!(asked(&world), [(10, 0), (7, 1), (4, 1), (1, 1)]);
    assert!(run(ben.group(&group)).is_ok());
    // One at a time.
    let device = world.device();
    let other = world.client(&device);
    run(other.unlock("ben", PASSWORD, 0)).unwrap();
    world.change(KEYS, |answer| limit(answer, 1));
    asked(&world);
    assert!(opened(&other, &ids).iter().all(Result::is_ok));
    assert_eq!(asked(&world).len(), 11);
}

/// What changes between two of the requests counts: a session that was given before it is asked for anew.
#[test]
fn what_changed_between_counts() {
    let (world, ben, group, ids) = scene("limits between");
    let anna = world.unlocked("anna", PASSWORD);
    let revoked = ids[0];
    let mut open = Some(run(anna.open_sessions(&[revoked], &[])).unwrap().pop().unwrap().unwrap());
    // One from before, so that there is a cursor.
    run(ben.open_sessions(&ids[9..], &[])).unwrap();
    asked(&world);
    world.change(KEYS, move |answer| {
        limit(answer, 3);
        if let Some(open) = open.take() {
            run(anna.revoke_recipients(&open, &[Recipient::Group(group)])).unwrap();
        }
    });
    let opened = opened(&ben, &ids[..9]);
    assert_eq!(opened[0].as_ref().unwrap_err(), &Code::Revoked);
    assert!(opened[1..].iter().all(Result::is_ok));
}

/// A key server that always says so is believed soon.
#[test]
fn a_limit_without_end() {
    let (world, ben, group, ids) = scene("limits without end");
    world.change(KEYS, |answer| limit(answer, 0));
    assert!(opened(&ben, &ids).iter().all(|open| open.as_ref().is_err_and(|code| *code == Code::Limit)));
    assert_eq!(asked(&world).len(), 2);
    assert_eq!(failed(run(ben.group(&group))), Code::Limit);
    assert!(asked(&world).len() <= 2);
    // Nor with more groups each time.
    let mut number = 0;
    world.change(KEYS, move |answer| {
        limit(answer, 0);
        for _ in 0..2 {
            number += 1;
            let id = Hash([number; 32]).to_string();
            answer["groups"].as_array_mut().unwrap().push(json!({ "id": id, "error": "limit" }));
        }
    });
    assert!(opened(&ben, &ids).iter().all(|open| open.as_ref().is_err_and(|code| *code == Code::Limit)));
    assert_eq!(failed(run(ben.group(&group))), Code::Limit);
    assert!(asked(&world).len() <= 4);
    // And when it is good again, so is everything else.
    world.be_good();
    assert!(opened(&ben, &ids).iter().all(Result::is_ok));
}
