//! The forgotten password.

use std::rc::Rc;

use wardkey::{client::Event, error::Code};

use super::super::common::world::{Logins, MINUTE, PASSWORD, World, failed, run};

#[test]
fn a_code_and_two_men() {
    let world = World::new("recovery");
    let (device, old) = world.registered("anna", Some("anna@example.org"));
    let fingerprint = old.fingerprint();
    device.wipe();
    let client = world.client(&device);
    let started = run(client.start_recovery("anna")).unwrap();
    assert_eq!(started.sent_to, "a•••@example.org");
    let login = Logins(Rc::clone(&world), "anna");
    let finish = |code: &str| run(client.finish_recovery("anna", &started.recovery_id, code, "new", &login));
    let code = world.code();
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    let failure = finish(wrong).unwrap_err();
    assert_eq!((failure.code(), failure.attempts_left), (Code::OtpWrong, Some(4)));
    let bad = run(client.finish_recovery("anna", &started.recovery_id, &code, "\n", &login));
    assert_eq!(failed(bad), Code::PasswordFormat);
    finish(&code).unwrap();
    assert_eq!(client.fingerprint(), fingerprint);
    assert_eq!(client.take_events(), [Event::BackupChanged { version: 2 }]);
    assert!(world.logs_in("anna", "new") && world.opens("anna", "new") && !world.opens("anna", PASSWORD));
    // It was answered.
    assert_eq!(failed(finish(&code)), Code::OtpExpired);
    // The shares are new ones, and serve again.
    world.pass(MINUTE);
    let started = run(client.start_recovery("anna")).unwrap();
    let again = run(client.finish_recovery("anna", &started.recovery_id, &world.code(), "newest", &login));
    again.unwrap();
    assert!(world.opens("anna", "newest"));
}

/// Who is registered already keeps both halves of a recovery, on whatever device, with whatever password.
#[test]
fn a_second_registration_leaves_both_shares() {
    let world = World::new("registered twice");
    let (device, client) = world.registered("anna", Some("anna@example.org"));
    device.wipe();
    let fingerprint = client.fingerprint();
    let other = world.client(&world.device());
    for password in [PASSWORD, "another"] {
        let refused = run(other.register("anna", password, Some("other@example.org")));
        assert_eq!(failed(refused), Code::AlreadyRegistered);
    }
    let started = run(other.start_recovery("anna")).unwrap();
    run(other.finish_recovery("anna", &started.recovery_id, &world.code(), "new", &())).unwrap();
    assert_eq!(other.fingerprint(), fingerprint);
}

#[test]
fn without_a_contact_there_is_nothing() {
    let world = World::new("no contact");
    let (_, client) = world.registered("anna", None);
    assert_eq!(failed(run(client.start_recovery("anna"))), Code::NoBackup);
    assert_eq!(failed(run(client.start_recovery("nobody"))), Code::NoBackup);
    run(client.set_recovery_contact(PASSWORD, "b@example.org")).unwrap();
    assert_eq!(run(client.start_recovery("anna")).unwrap().sent_to, "b•••@example.org");
    assert_eq!(failed(run(client.set_recovery_contact("wrong", "c@example.org"))), Code::WrongPassword);
}

#[test]
fn after_a_renewal() {
    let world = World::new("renewal");
    let (_, client) = world.registered("anna", Some("anna@example.org"));
    run(client.renew_keys(PASSWORD)).unwrap();
    run(client.change_password(PASSWORD, "other", &())).unwrap();
    let other = world.client(&world.device());
    let started = run(other.start_recovery("anna")).unwrap();
    run(other.finish_recovery("anna", &started.recovery_id, &world.code(), "new", &())).unwrap();
    assert_eq!(other.fingerprint(), client.fingerprint());
    run(other.renew_keys("new")).unwrap();
}
