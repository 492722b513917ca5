//! Changes that end anywhere: the page is closed, the network goes, the battery is empty.

use std::rc::Rc;

use wardkey::{backend::Outcome, client::Client};

use super::super::common::world::{Logins, PASSWORD, TestHost, World, run, run_for};

const NEW: &str = "staple";

/// Stops `change` at each of its waits, in a world of its own; `check` is told whether it had ended.
fn at_every_wait<F: Future<Output = Outcome<()>>>(
    contact: Option<&str>,
    change: impl Fn(Rc<World>, Client<TestHost>) -> F,
    check: impl Fn(&Rc<World>, bool, usize),
) {
    for waits in 0.. {
        let world = World::new("crash");
        let (_, client) = world.registered("anna", contact);
        let done = run_for(waits, change(Rc::clone(&world), client));
        let is_done = done.is_some();
        if let Some(done) = done {
            done.unwrap();
        }
        check(&world, is_done, waits);
        if is_done {
            assert!(waits > 10);
            return;
        }
    }
}

#[test]
fn a_password_change_leaves_one_that_works() {
    for contact in [None, Some("anna@example.org")] {
        let change = |world: Rc<World>, client: Client<TestHost>| async move {
            client.change_password(PASSWORD, NEW, &Logins(world, "anna")).await
        };
        at_every_wait(contact, change, |world, is_done, waits| {
            // Whichever the application lets in opens, on a device that knows nothing.
            let (old, new) = (world.logs_in("anna", PASSWORD), world.logs_in("anna", NEW));
            assert!(old != new, "{waits}");
            assert!(!is_done || new);
            assert!(world.opens("anna", if old { PASSWORD } else { NEW }), "{waits}");
            // And is changed once more.
            let client = world.client(&world.device());
            let password = if old { PASSWORD } else { NEW };
            run(client.unlock("anna", password, 0)).unwrap();
            run(client.change_password(password, "third", &Logins(Rc::clone(world), "anna"))).unwrap();
            assert!(world.opens("anna", "third") && !world.opens("anna", password), "{waits}");
        });
    }
}

#[test]
fn a_renewal_that_was_interrupted_is_finished() {
    let renew = |_: Rc<World>, client: Client<TestHost>| async move { client.renew_keys(PASSWORD).await };
    at_every_wait(Some("anna@example.org"), renew, |world, is_done, waits| {
        let client = world.client(&world.device());
        run(client.unlock("anna", PASSWORD, 0)).unwrap();
        let answer = world.ask(Some("anna"), "GET", "/v1/backup", None).unwrap();
        assert!(answer["pending"].is_null(), "{waits}");
        let versions = answer["identity"].as_array().unwrap().len();
        assert!(versions == 2 || (versions == 1 && !is_done));
        // The bundles that are published are the ones whose keys are here.
        run(client.set_recovery_contact(PASSWORD, "new@example.org")).unwrap();
        run(world.client(&world.device()).unlock("anna", PASSWORD, 0)).unwrap();
    });
}

#[test]
fn after_any_crash_two_men_still_open_what_is_finished() {
    let change = |world: Rc<World>, client: Client<TestHost>| async move {
        client.change_password(PASSWORD, NEW, &Logins(world, "anna")).await
    };
    at_every_wait(Some("anna@example.org"), change, |world, _, waits| {
        let client = world.client(&world.device());
        let started = run(client.start_recovery("anna")).unwrap();
        let login = Logins(Rc::clone(world), "anna");
        let code = world.code();
        let finished = run(client.finish_recovery("anna", &started.recovery_id, &code, "third", &login));
        finished.unwrap_or_else(|failure| panic!("{waits}: {failure}"));
        assert!(world.opens("anna", "third") && world.logs_in("anna", "third"), "{waits}");
        assert!(!world.opens("anna", PASSWORD) && !world.opens("anna", NEW), "{waits}");
    });
}

#[test]
fn a_recovery_that_was_interrupted_leaves_a_password_that_works() {
    let recover = |world: Rc<World>, client: Client<TestHost>| async move {
        client.lock().await;
        let client = world.client(&world.device());
        let started = client.start_recovery("anna").await?;
        let login = Logins(Rc::clone(&world), "anna");
        client.finish_recovery("anna", &started.recovery_id, &world.code(), NEW, &login).await
    };
    at_every_wait(Some("anna@example.org"), recover, |world, is_done, waits| {
        let (old, new) = (world.logs_in("anna", PASSWORD), world.logs_in("anna", NEW));
        assert!(old != new && (!is_done || new), "{waits}");
        assert!(world.opens("anna", if old { PASSWORD } else { NEW }), "{waits}");
    });
}
