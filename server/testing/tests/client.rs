//! Clients and their key server in memory.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../tests/common/messages.rs"]
mod messages;
mod world;

use wardkey::{
    client::{Recipient, Unlocked},
    encoding::{Context, base64url},
    error::Code,
    group::Lifetimes,
    identity::UserId,
    message::Padding,
    party::Email,
    session::Rights,
};
use wardkey_rules::Event;
use wardkey_testing::KeyServer;

use messages::Messages as _;
use world::{NOW, PASSWORD, World, run, seeded};

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn to(name: &str) -> Recipient {
    Recipient::User(user(name))
}

#[test]
fn everything_goes_on_after_a_reload() {
    let world = World::new();
    let anna = world.registered("anna", None);
    let bob = world.registered("bob", None);
    let grants = [(to("anna"), Rights::MANAGE), (to("bob"), Rights::READ)];
    let session = run(anna.create_session(&grants)).unwrap();
    let context = Context::default();
    let message = run(anna.seal_messages(&session, &[(b"femur", &context)], true, Padding::None)).unwrap();

    let world = world.reloaded();
    let again = world.client("app.example");
    assert_eq!(run(again.unlock("bob", PASSWORD, 0)).unwrap(), Unlocked::Restored);
    assert_eq!(again.fingerprint(), bob.fingerprint());
    let opened = run(again.open_messages(&[(&message[0], &context)], &mut Vec::new())).unwrap().pop().unwrap();
    assert_eq!(opened.unwrap().data, b"femur");
    let back = world.client("app.example");
    run(back.unlock("anna", PASSWORD, 0)).unwrap();
    let session = run(back.open_sessions(&[session.with(|session| *session.log().id())], &[])).unwrap();
    run(back.revoke_recipients(session[0].as_ref().unwrap(), &[to("bob")])).unwrap();
    let told = |name: &str| world.events.borrow().contains(&Event::Feed { user_id: user(name) });
    assert!(told("anna") && told("bob"));
}

#[test]
fn a_state_is_the_same_again() {
    let world = World::new();
    world.registered("anna", Some("anna@hospital.example"));
    let started = run(world.client("app.example").start_recovery("anna")).unwrap();
    let client = world.client("app.example");
    run(client.finish_recovery("anna", &started.recovery_id, &world.code(), "new", &())).unwrap();
    let state = world.server.borrow().state().unwrap();
    assert_eq!(KeyServer::restore(seeded(9), &state).unwrap().state().unwrap(), state);

    let code = |state: &str| KeyServer::restore(seeded(9), state).map(drop).unwrap_err().code();
    for bad in ["", "{}", "[]", "null", &state[1..], &state[..state.len() - 1], &format!("{state}1")] {
        assert_eq!(code(bad), Code::InvalidFormat, "{bad:.20}");
    }
    // Accounts without their server; a share, a recovery and secrets of another form; another version.
    let json = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json = serde_json::from_str(&state).unwrap();
        change(&mut json);
        json.to_string()
    };
    assert_eq!(code(&json(&|json| json["server"] = serde_json::Value::Null)), Code::InvalidFormat);
    assert_eq!(code(&json(&|json| json["server"] = "AQAB".into())), Code::InvalidFormat);
    assert_eq!(code(&json(&|json| json["shares"]["anna"] = "AQAB".into())), Code::InvalidFormat);
    assert_eq!(code(&json(&|json| json["recoveries"][0] = "AQAB".into())), Code::InvalidFormat);
    assert_eq!(code(&json(&|json| json["more"] = 1.into())), Code::InvalidFormat);
    assert_eq!(code(&json(&|json| json["store"]["version"] = 1.into())), Code::UnsupportedVersion);
}

#[test]
fn the_first_login_says_which_application() {
    let world = World::new();
    // Before it, there is nobody, whatever is asked.
    let stranger = world.client("one.example");
    assert_eq!(run(stranger.start_recovery("anna")).unwrap_err().code(), Code::NoBackup);
    let empty = world.server.borrow().state().unwrap();
    let ask = |who: Option<&UserId>, method: &str, path: &str, body: Option<&str>| {
        world.server.borrow_mut().request(NOW, who, (method, path), body).map(|_| ()).unwrap_err().code()
    };
    let anna = user("anna");
    assert_eq!(ask(Some(&anna), "GET", "/v1/backup", None), Code::NoBackup);
    assert_eq!(ask(Some(&anna), "GET", "/v1/events", None), Code::UnknownUser);
    assert_eq!(ask(None, "GET", "/v1/events", None), Code::Forbidden);
    assert_eq!(ask(Some(&anna), "GET", "/v1/nothing", None), Code::InvalidArgument);
    // A login that is refused chooses none.
    let weak = r#"{"appId":"weak.example","userId":"anna","kdf":{"name":"pbkdf2-sha256","iterations":1}}"#;
    assert_eq!(ask(None, "POST", "/v1/public/login", Some(weak)), Code::KdfPolicy);
    assert_eq!(ask(None, "POST", "/v1/public/login", Some(r#"{"appId":"","userId":"anna"}"#)), Code::InvalidArgument);
    assert_eq!(ask(None, "POST", "/v1/public/login", Some("{")), Code::InvalidArgument);
    assert_eq!(ask(None, "POST", "/v1/public/login", None), Code::InvalidArgument);
    assert_eq!(world.server.borrow().state().unwrap(), empty);

    // A registration for a server that is no more.
    let elsewhere = World::new();
    elsewhere.registered("anna", None);
    let registration = elsewhere.last("POST", "/v1/register").body;
    assert_eq!(ask(Some(&anna), "POST", "/v1/register", registration.as_deref()), Code::KeyMismatch);

    let secret = run(stranger.login_secret("anna", PASSWORD)).unwrap();
    assert_eq!(
        run(world.client("other.example").login_secret("anna", PASSWORD)).unwrap_err().code(),
        Code::KeyMismatch
    );
    // Its salts are its own, and stay.
    assert_eq!(run(world.client("one.example").login_secret("anna", PASSWORD)).unwrap(), secret);
    assert_eq!(run(world.reloaded().client("one.example").login_secret("anna", PASSWORD)).unwrap(), secret);
    assert_ne!(run(elsewhere.client("app.example").login_secret("anna", PASSWORD)).unwrap(), secret);
}

#[test]
fn two_men() {
    let world = World::new();
    let anna = world.registered("anna", Some("anna@hospital.example"));
    let client = world.client("app.example");
    let started = run(client.start_recovery("anna")).unwrap();
    // Between the two: a reload.
    let (code, world) = (world.code(), world.reloaded());
    let client = world.client("app.example");
    run(client.finish_recovery("anna", &started.recovery_id, &code, "new", &())).unwrap();
    assert_eq!(client.fingerprint(), anna.fingerprint());
    assert_eq!(run(world.client("app.example").unlock("anna", "new", 0)).unwrap(), Unlocked::Restored);
    assert_eq!(run(world.client("app.example").unlock("anna", PASSWORD, 0)).unwrap_err().code(), Code::WrongPassword);
}

/// A receipt of a new recovery of this user.
fn receipt(world: &World, name: &str) -> String {
    let mut server = world.server.borrow_mut();
    let start = format!(r#"{{"userId":"{name}"}}"#);
    let started = server.request(world.now.get(), None, ("POST", "/v1/public/recoveries"), Some(&start)).unwrap();
    let path = format!("/v1/public/recoveries/{}/code", started.json["recoveryId"].as_str().unwrap());
    let pair = wardkey::key_pair::KeyPair::generate(&mut seeded(7), wardkey::key_pair::Suite::Hybrid).unwrap();
    let (code, key) = (&started.mails[0].code, base64url(pair.public_key().as_bytes()));
    let answer = format!(r#"{{"code":"{code}","key":"{key}"}}"#);
    let released = server.request(world.now.get(), None, ("POST", &path), Some(&answer)).unwrap();
    released.json["receipt"].as_str().unwrap().to_owned()
}

#[test]
fn the_application_checks_receipts() {
    let world = World::new();
    world.registered("anna", Some("anna@hospital.example"));
    world.registered("bob", Some("bob@hospital.example"));
    let (anna, bob) = (user("anna"), user("bob"));
    let good = receipt(&world, "anna");
    let take = |world: &World, whose: &UserId, receipt: &str| {
        let taken = world.server.borrow_mut().take_share(world.now.get(), whose, receipt);
        taken.map_err(|error| error.code())
    };
    for malformed in ["", "!", "AQAB", &good[4..]] {
        assert_eq!(take(&world, &anna, malformed), Err(Code::InvalidFormat));
    }
    let last = if good.ends_with('A') { "Q" } else { "A" };
    let forged = [&good[..good.len() - 1], last].concat();
    assert!(matches!(take(&world, &anna, &forged), Err(Code::BadSignature | Code::InvalidFormat)));
    assert_eq!(take(&world, &bob, &good), Err(Code::KeyMismatch));
    // Of another key server.
    let other = World::new();
    *other.server.borrow_mut() = KeyServer::new(seeded(5));
    assert_eq!(take(&other, &anna, &good), Err(Code::BadSignature));
    other.registered("anna", Some("anna@hospital.example"));
    assert_eq!(take(&other, &anna, &good), Err(Code::BadSignature));
    // Too late; nothing was used up by all that.
    world.now.set(NOW + 600_000);
    assert_eq!(take(&world, &anna, &good), Err(Code::OtpExpired));
    world.now.set(NOW + 599_999);
    let share = take(&world, &anna, &good).unwrap();
    assert_eq!(wardkey::encoding::from_base64url(&share).unwrap().len(), 32);
    // Once; also after a reload. Another recovery gives it again.
    assert_eq!(take(&world, &anna, &good), Err(Code::OtpExpired));
    assert_eq!(take(&world.reloaded(), &anna, &good), Err(Code::OtpExpired));
    let again = receipt(&world, "anna");
    assert_eq!(take(&world, &anna, &again).unwrap(), share);

    // What is put takes its place.
    let put = |share: &str| world.server.borrow_mut().put_share(&anna, share).map_err(|error| error.code());
    for bad in ["", "!", "AQAB", &format!("{share}A"), &share[1..]] {
        assert_eq!(put(bad), Err(Code::InvalidArgument), "{bad}");
    }
    let new = base64url(&[7; 32]);
    put(&new).unwrap();
    assert_eq!(take(&world, &anna, &receipt(&world, "anna")).unwrap(), new);
    // A receipt for a share that was never put isn't used up.
    let without = World::new();
    without.registered("anna", Some("anna@hospital.example"));
    let text = without.server.borrow().state().unwrap();
    let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
    let shares = std::mem::replace(&mut state["shares"], serde_json::json!({}));
    let without = World::with(KeyServer::restore(seeded(6), &state.to_string()).unwrap());
    let good = receipt(&without, "anna");
    assert_eq!(take(&without, &anna, &good), Err(Code::NoBackup));
    let share = shares["anna"].as_str().unwrap();
    without.server.borrow_mut().put_share(&anna, share).unwrap();
    assert_eq!(take(&without, &anna, &good).unwrap(), share);
}

#[test]
fn placeholders_wait_for_groups() {
    let world = World::new();
    world.registered("anna", None);
    let code = |placeholder: &str, group: &str| {
        world.server.borrow_mut().assign_placeholder(NOW, placeholder, group).unwrap_err().code()
    };
    let group = base64url(&[7; 32]);
    assert_eq!(code("clinic-7", &group), Code::UnknownGroup);
    assert_eq!(code("", &group), Code::InvalidArgument);
    assert_eq!(code(&group, &group), Code::InvalidArgument);
    assert_eq!(code("clinic-7", "clinic-7"), Code::InvalidArgument);
    assert_eq!(code("clinic-7", &group[1..]), Code::InvalidArgument);
}

/// The application assigns a placeholder without contact, in all sessions; with one its group claims it.
#[test]
fn placeholders_become_groups() {
    let world = World::new();
    let anna = world.registered("anna", None);
    let bob = world.registered("bob", None);
    let dora = world.registered("dora", None);
    let group = run(anna.create_group(("Ward 7", Lifetimes::default()), &[user("bob")], &[])).unwrap();
    let place = |contact: Option<&str>| {
        let contact = contact.map(|contact| Email::new(contact).unwrap());
        Recipient::Placeholder { name: user("clinic"), contact }
    };
    let context = Context::default();
    let send = |place: Recipient| {
        let session = run(dora.create_session(&[(to("dora"), Rights::MANAGE), (place, Rights::READ)])).unwrap();
        let mut messages = run(dora.seal_messages(&session, &[(b"hip", &context)], true, Padding::None)).unwrap();
        messages.remove(0)
    };
    let read = |message: &[u8]| {
        let opened = run(bob.open_messages(&[(message, &context)], &mut Vec::new())).unwrap().pop().unwrap();
        opened.map(|opened| opened.data).map_err(|error| error.code())
    };
    // More than one page.
    let open: Vec<_> = (0..101).map(|_| send(place(None))).collect();
    let closed = send(place(Some("it@clinic.example")));
    assert_eq!(read(&open[0]), Err(Code::NotARecipient));
    let assign = |name: &str| {
        let group = base64url(&group.0);
        world.server.borrow_mut().assign_placeholder(NOW, name, &group).map_err(|error| error.code())
    };
    assert_eq!(assign("nobody").unwrap_err(), Code::UnknownSession);
    let events = assign("clinic").unwrap();
    assert!(["anna", "bob", "dora"].iter().all(|name| events.contains(&Event::Feed { user_id: user(name) })));
    for message in [&open[0], &open[100]] {
        assert_eq!(read(message).unwrap(), b"hip");
    }
    assert_eq!(assign("clinic").unwrap_err(), Code::Forbidden);
    assert_eq!(read(&closed), Err(Code::NotARecipient));

    let started = run(anna.start_claim(&group, "clinic")).unwrap();
    assert_eq!(started.sent_to, "i•••@clinic.example");
    assert_eq!(world.mails.borrow().last().unwrap().user_id, None);
    // The claim is kept with all else.
    let state = world.server.borrow().state().unwrap();
    assert_eq!(KeyServer::restore(seeded(9), &state).unwrap().state().unwrap(), state);
    let code = world.code();
    let world = world.reloaded();
    let anna = world.client("app.example");
    run(anna.unlock("anna", PASSWORD, 0)).unwrap();
    assert_eq!(run(anna.finish_claim(&group, &started.claim_id, &code)).unwrap().len(), 1);
    let bob = world.client("app.example");
    run(bob.unlock("bob", PASSWORD, 0)).unwrap();
    let opened = run(bob.open_messages(&[(&closed, &context)], &mut Vec::new())).unwrap().pop().unwrap();
    assert_eq!(opened.unwrap().data, b"hip");
}

#[test]
fn debug_shows_no_secret() {
    let world = World::new();
    world.registered("anna", Some("anna@hospital.example"));
    assert_eq!(format!("{:?}", world.server.borrow()), "KeyServer(MemoryStore(1 users, 0 sessions))");
}
