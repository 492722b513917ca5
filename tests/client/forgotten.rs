//! What was begun before somebody was forgotten, and ends after: nothing of it is on the device.

use std::pin::pin;

use wardkey::{
    backend::Outcome,
    client::{Client, Options, Recipient},
    identity::UserId,
    key_pair::Suite,
    session::Rights,
};

use super::super::common::{
    cache::TestStore,
    world::{PASSWORD, TestDevice, TestHost, World, options, run, run_for},
};

/// Stops `work` at each of its waits, forgets the user, and lets it end.
fn at_every_wait<T>(suite: Suite, least: usize, work: impl AsyncFn(&Client<TestHost>) -> Outcome<T>) {
    for waits in 0.. {
        let world = World::new("forgotten");
        world.registered("bob", None);
        let device = world.device();
        device.keeps.set(true);
        let anna = world.client_with(&device, Options { suite, ..options() });
        run(anna.register("anna", PASSWORD, None)).unwrap();
        let mut working = pin!(work(&anna));
        if run_for(waits, &mut working).is_some() {
            assert!(waits >= least, "{waits}");
            return;
        }
        run(anna.forget(None)).unwrap();
        run(working).ok();
        assert!(is_empty(&device), "{waits}: {:?}", device.names());
    }
}

fn is_empty(device: &TestDevice) -> bool {
    let has_none = |store: &TestStore| store.rows.borrow().is_empty();
    device.names().is_empty() && device.rsa.borrow().is_empty() && device.stores.borrow().values().all(has_none)
}

#[test]
fn an_unlocking() {
    for suite in [Suite::Hybrid, Suite::Rsa3072] {
        at_every_wait(suite, 10, async |anna| anna.unlock("anna", PASSWORD, 0).await);
    }
}

#[test]
fn what_is_learnt() {
    let bob = UserId::new("bob").unwrap();
    at_every_wait(Suite::Hybrid, 10, async |anna| anna.identities(&[&bob]).await.map(drop));
}

#[test]
fn new_keys() {
    at_every_wait(Suite::Hybrid, 20, async |anna| anna.renew_keys(PASSWORD).await);
}

#[test]
fn a_session_that_waits() {
    let grants = ["anna", "bob"].map(|name| (Recipient::User(UserId::new(name).unwrap()), Rights::MANAGE));
    at_every_wait(Suite::Hybrid, 3, async |anna| anna.create_session_off_line(&grants).await.map(drop));
    // One whose row was wiped is written once more.
    at_every_wait(Suite::Hybrid, 3, async |anna| {
        anna.create_session_off_line(&grants).await?;
        anna.host().device.rows.borrow_mut().retain(|row, _| !row.starts_with("outbox."));
        anna.send_outbox().await.map(drop)
    });
}

#[test]
fn what_is_cached() {
    let grants = ["anna", "bob"].map(|name| (Recipient::User(UserId::new(name).unwrap()), Rights::MANAGE));
    at_every_wait(Suite::Hybrid, 10, async |anna| anna.create_session(&grants).await.map(drop));
}

#[test]
fn who_comes_back_meanwhile_stays() {
    let mut lost = Vec::new();
    for waits in 0.. {
        let world = World::new("back");
        let (device, anna) = world.registered("anna", None);
        let mut unlocking = pin!(anna.unlock("anna", PASSWORD, 0));
        if run_for(waits, &mut unlocking).is_some() {
            // But where a write of "last" or "backup" itself takes longer than forgetting and unlocking.
            assert!(waits > 10 && lost.len() == 4, "{lost:?} of {waits}");
            return;
        }
        run(anna.forget(None)).unwrap();
        run(anna.unlock("anna", PASSWORD, 0)).unwrap();
        run(unlocking).ok();
        let names = device.names();
        if ["backup", "last"].iter().any(|name| !names.iter().any(|there| there == name)) {
            lost.push(waits);
        }
    }
}
