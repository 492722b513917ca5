//! API sections 9.5 to 9.8.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wardkey::{
    encoding::base64url,
    group::{Lifetimes, Role},
    identity::UserId,
    party::{Email, Party},
    session::{Action, Entry, Grant, Rights, Session, split},
    signed::{Hash, Unverified},
};
use wardkey_rules::{MemoryStore, Store, upkeep};

use crate::{
    user::{User, items, take, with},
    ward::{Ward, member, with_group},
    world::{DAY, FIRST, MINUTE, app, b64, list, refs, seeded, unb64},
};

/// Dora's session waits for a clinic; Anna is an admin of its group.
pub(crate) struct Waiting {
    pub(crate) ward: Ward,
    session: Session,
    id: String,
}

fn placeholder(ward: &Ward, name: &str, contact: Option<&str>) -> Party {
    let escrow = *ward.world.server.identity().fingerprint();
    let contact = contact.map(|contact| Email::new(contact).unwrap());
    Party::Placeholder { name: UserId::new(name).unwrap(), escrow, contact }
}

impl Waiting {
    fn new(contact: Option<&str>) -> Self {
        let mut ward = Ward::new();
        let (session, id) = wait(&mut ward, "clinic", contact, 80);
        Self { ward, session, id }
    }

    pub(crate) fn with_contact() -> Self {
        Self::new(Some("it@clinic.example"))
    }

    /// Anna's claim: its path and its code.
    fn start(&mut self) -> (String, String) {
        let path = self.ward.path("claims");
        let reply = self.ward.world.post(&self.ward.anna, &path, json!({ "placeholder": "clinic" }));
        assert_eq!(reply["sentTo"], "i•••@clinic.example");
        let mail = self.ward.world.mails.pop().unwrap();
        assert_eq!((mail.to.as_str(), &mail.user_id), ("it@clinic.example", &None));
        assert!(!format!("{mail:?}").contains(&mail.code));
        (format!("{path}/{}", reply["claimId"].as_str().unwrap()), mail.code)
    }

    fn answer(&mut self, path: &str, code: &str) -> Value {
        self.ward.world.post(&self.ward.anna, path, json!({ "code": code }))
    }

    #[track_caller]
    fn refuse(&mut self, code: &str, path: &str, answer: &str) -> wardkey_rules::ApiError {
        let caller = Some(&self.ward.anna);
        self.ward.world.refuse(code, caller, "POST", path, json!({ "code": answer }))
    }
}

/// A session of Dora's for a placeholder.
fn wait(ward: &mut Ward, name: &str, contact: Option<&str>, seed: u8) -> (Session, String) {
    wait_with(ward, name, contact, seed, |body, _| body.clone())
}

fn wait_with(
    ward: &mut Ward,
    name: &str,
    contact: Option<&str>,
    seed: u8,
    change: impl FnOnce(&Value, &User) -> Value,
) -> (Session, String) {
    let place = Grant { party: placeholder(ward, name, contact), rights: Rights::READ };
    let grants = [with(&ward.dora, Rights::MANAGE), place];
    let known = ward.knowing();
    let (session, body) = ward.dora.session(&mut seeded(seed), &grants, &known);
    let body = change(&body, &ward.dora);
    ward.world.post(&ward.dora, "/v1/sessions", body);
    let id = session.log().id().to_string();
    (session, id)
}

/// All bodies of stanzas that the store holds for a party.
fn held(store: &mut MemoryStore, session: &Hash, party: &Party) -> Vec<Vec<u8>> {
    let wraps = store.wraps(session, 0, core::slice::from_ref(party)).unwrap();
    wraps.into_iter().flat_map(|wraps| wraps.bodies).map(|body| body.bytes).collect()
}

fn reads(ward: &mut Ward, caller: &User, id: &str) -> Result<Session, String> {
    let known = ward.knowing();
    let asked = json!({ "sessions": [{ "id": id }], "signers": [], "groups": [] });
    let reply = ward.world.post(caller, "/v1/keys", asked);
    let answer = &reply["sessions"][0];
    if let Some(error) = answer["error"].as_str() {
        return Err(error.to_owned());
    }
    let (entries, wraps) = (list(&answer["entries"]), list(&answer["wraps"]));
    let id = Hash::parse(id).unwrap();
    let session = Session::read(&app(), &id, &unb64(&answer["genesis"]), &refs(&entries), &refs(&wraps), &known, FIRST);
    Ok(session.unwrap())
}

fn opens(ward: &Ward, session: &Session, caller: &User) -> bool {
    let parties = [caller.party(), Party::Group(*ward.log.id())];
    let pairs: Vec<_> = ward.epochs.iter().chain(&caller.pairs).collect();
    session.open(&mut seeded(81), &parties, &pairs).is_ok()
}

#[test]
fn a_claim() {
    let mut waiting = Waiting::with_contact();
    let (id, place) = (*waiting.session.log().id(), placeholder(&waiting.ward, "clinic", Some("it@clinic.example")));
    let bodies = held(&mut waiting.ward.world.store, &id, &place);
    assert_eq!(bodies.len(), 1);
    let text = base64url(&bodies[0]);
    let holds = |ward: &Ward| {
        let rows = ward.world.store.clone().log_rows(0, usize::MAX).unwrap();
        let is_told = rows.iter().any(|row| row.blob.windows(bodies[0].len()).any(|part| part == bodies[0]));
        assert!(!is_told, "the journal never has a key, sealed or not");
        String::from_utf8(ward.world.store.snapshot().unwrap()).unwrap().contains(&text)
    };
    assert!(holds(&waiting.ward));
    let ben = take(&mut waiting.ward.ben);
    assert_eq!(reads(&mut waiting.ward, &ben, &waiting.id).unwrap_err(), "not-a-recipient");
    let mut cursor = Value::Null;
    let dora = take(&mut waiting.ward.dora);
    waiting.ward.items(&dora, &mut cursor);

    let (path, code) = waiting.start();
    let expected = json!({ "sessions": [waiting.id], "more": false });
    assert_eq!(waiting.answer(&path, &code), expected);
    // What was kept for the placeholder is gone, for good.
    assert!(!holds(&waiting.ward));
    assert_eq!(held(&mut waiting.ward.world.store, &id, &place), [[0; 0]; 0]);
    waiting.ward.dora = dora;
    let dora = User { bundles: waiting.ward.dora.bundles.clone(), ..User::new(&mut seeded(70), "dora") };
    let session = reads(&mut waiting.ward, &ben, &waiting.id).unwrap();
    assert!(opens(&waiting.ward, &session, &ben));
    assert_eq!(session.log().rights(&place), Rights::NONE);
    assert_eq!(session.log().rights(&Party::Group(*waiting.ward.log.id())), Rights::READ);
    // The next who writes makes a new generation.
    assert!(session.is_due(&waiting.ward.knowing()).unwrap());

    let item = json!([{ "sessionId": waiting.id, "revoked": false }]);
    assert_eq!(waiting.ward.items(&dora, &mut cursor), item);
    let mut pushed = waiting.ward.world.pushed();
    pushed.sort();
    assert_eq!(pushed, ["anna", "ben", "dora"].map(|name| format!(r#"{name} {{"type":"feed"}}"#)));
    let group = waiting.ward.id.clone();
    let rows = ["claim-start", "claim-release"].map(|row| format!("anna {row} group={group} placeholder=clinic"));
    assert!(waiting.ward.world.journal(&waiting.ward.anna, None).ends_with(&rows));
    let row = format!("anna assign entry=1 group={group}");
    assert!(waiting.ward.world.journal(&dora, Some(&waiting.id)).contains(&row));

    // The same code again, as after a lost answer: nothing is left to do, and nothing is counted.
    for _ in 0..7 {
        assert_eq!(waiting.answer(&path, &code), json!({ "sessions": [], "more": false }));
    }
    waiting.ward.world.now += 10 * MINUTE;
    waiting.refuse("otp-expired", &path, &code);
    // It goes on as all sessions do: the state that is kept has the assignment.
    waiting.ward.refresh();
    let known = waiting.ward.knowing();
    let key = waiting.ward.dora.key(&waiting.session);
    let rotated = waiting.ward.dora.sign(|hand| session.rotate(&mut seeded(82), hand, key, &known).unwrap().0);
    let path = format!("/v1/sessions/{}/entries", waiting.id);
    waiting.ward.world.post(&waiting.ward.dora, &path, items(&[&rotated]));
    let session = reads(&mut waiting.ward, &ben, &waiting.id).unwrap();
    assert!(opens(&waiting.ward, &session, &ben));
    waiting.ward.world = waiting.ward.world.copy();
}

/// B8: without the contact's code the application assigns nothing.
#[test]
fn the_application_assigns() {
    let mut waiting = Waiting::with_contact();
    let group = waiting.ward.id.clone();
    let ask = |ward: &mut Ward, name: &str, group: &str| {
        let body = json!({ "placeholder": name, "groupId": group });
        let reply = ward.world.application("POST", "/v1/assignments", &body);
        reply.map(|reply| reply.json).map_err(|error| error.code().as_str())
    };
    let ward = &mut waiting.ward;
    assert_eq!(ask(ward, "clinic", &group), Err("forbidden"));
    assert_eq!(ask(ward, "nobody", &group), Err("unknown-session"));
    assert_eq!(ask(ward, "clinic", &Hash([9; 32]).to_string()), Err("unknown-group"));
    let (_, open) = wait(ward, "clinic", None, 83);
    let late = ward.world.now + DAY;
    let now = std::mem::replace(&mut ward.world.now, late);
    assert_eq!(ask(ward, "clinic", &group), Err("stale"));
    ward.world.now = now;
    // Those without a contact, and no others.
    assert_eq!(ask(ward, "clinic", &group), Ok(json!({ "sessions": [open], "more": false })));
    assert_eq!(ask(ward, "clinic", &group), Err("forbidden"));
    let ben = take(&mut ward.ben);
    let session = reads(ward, &ben, &open).unwrap();
    assert!(opens(ward, &session, &ben));
    assert_eq!(reads(ward, &ben, &waiting.id).unwrap_err(), "not-a-recipient");
    let row = format!("- assign entry=1 group={group}");
    assert!(ward.world.journal(&ward.dora, Some(&open)).contains(&row));

    // A user's token is none, nor is the application a user.
    let body = json!({ "placeholder": "clinic", "groupId": group });
    let error = ward.world.refuse("forbidden", Some(&ward.anna), "POST", "/v1/assignments", body.clone());
    assert_eq!(error.status(), 403);
    let error = ward.world.refuse("forbidden", None, "POST", "/v1/assignments", body.clone());
    assert_eq!(error.status(), 401);
    for (method, path) in [("POST", "/v1/feed"), ("POST", "/v1/groups"), ("POST", "/v1/keys")] {
        let error = ward.world.application(method, path, &body).unwrap_err();
        assert_eq!((error.code().as_str(), error.status()), ("forbidden", 403));
    }
    for body in
        [json!({}), json!({ "placeholder": "clinic", "groupId": "x" }), json!({ "placeholder": "", "groupId": group })]
    {
        let error = ward.world.application("POST", "/v1/assignments", &body).unwrap_err();
        assert_eq!(error.code().as_str(), "invalid-argument");
    }
}

#[test]
fn claims_that_are_refused() {
    let mut waiting = Waiting::with_contact();
    let (ben, carl) = (take(&mut waiting.ward.ben), take(&mut waiting.ward.carl));
    let asked = json!({ "placeholder": "clinic" });
    // Only an admin starts one.
    waiting.ward.refuse("forbidden", &ben, "claims", asked.clone());
    waiting.ward.refuse("forbidden", &carl, "claims", asked.clone());
    let unknown = format!("/v1/groups/{}/claims", Hash([7; 32]));
    waiting.ward.world.refuse("unknown-group", Some(&carl), "POST", &unknown, asked.clone());
    let anna = take(&mut waiting.ward.anna);
    waiting.ward.refuse("unknown-session", &anna, "claims", json!({ "placeholder": "nobody" }));
    wait(&mut waiting.ward, "free", None, 84);
    waiting.ward.refuse("unknown-session", &anna, "claims", json!({ "placeholder": "free" }));
    waiting.ward.refuse("invalid-argument", &anna, "claims", json!({ "placeholder": "" }));

    // Only the admin who started it answers it, and for that group.
    waiting.ward.anna = anna;
    let body = waiting.ward.gives_roles(&[member(&ben, Role::Admin)]);
    waiting.ward.send(body);
    let (path, code) = waiting.start();
    let claim = path.rsplit('/').next().unwrap().to_owned();
    let right = json!({ "code": code });
    waiting.ward.world.refuse("otp-expired", Some(&ben), "POST", &path, right.clone());
    waiting.ward.world.refuse("forbidden", Some(&carl), "POST", &path, right.clone());
    let now = waiting.ward.world.now;
    let (other, _, body) =
        waiting.ward.anna.found((&mut seeded(85), now), &[], Lifetimes::default(), &waiting.ward.known);
    waiting.ward.world.post(&waiting.ward.anna, "/v1/groups", body);
    waiting.refuse("otp-expired", &format!("/v1/groups/{}/claims/{claim}", other.id()), &code);
    waiting.refuse("unknown-group", &format!("{unknown}/{claim}"), &code);
    waiting.refuse("otp-expired", &waiting.ward.path(&format!("claims/{}", base64url(&[9; 16]))), &code);
    for bad in ["", &"1".repeat(65)] {
        waiting.refuse("invalid-argument", &path, bad);
    }
    // Nor is it a recovery's code.
    let recovery = json!({ "code": code, "key": b64(waiting.ward.anna.pairs[0].public_key().as_bytes()) });
    waiting.ward.world.refuse("otp-expired", None, "POST", &format!("/v1/public/recoveries/{claim}/code"), recovery);

    // An admin no more.
    let made = ben
        .sign_at(now, |hand| waiting.ward.log.give_roles(hand, &[member(&waiting.ward.anna, Role::Member)]).unwrap());
    let log = made.log.clone();
    let body = ben.operation((&mut seeded(86), now), made, &waiting.ward.known);
    waiting.ward.world.post(&ben, &waiting.ward.path("operations"), body);
    waiting.ward.log = log;
    waiting.refuse("forbidden", &path, &code);
    assert_eq!(reads(&mut waiting.ward, &ben, &waiting.id).unwrap_err(), "not-a-recipient");
}

#[test]
fn tries() {
    let mut waiting = Waiting::with_contact();
    let (first, code) = waiting.start();
    for left in (0..5).rev() {
        let error = waiting.refuse("otp-wrong", &first, "wrong");
        assert_eq!(error.attempts_left(), Some(left));
    }
    assert_eq!(waiting.refuse("otp-locked", &first, &code).retry_after_ms(), None);
    let row = format!("anna claim-wrong group={} placeholder=clinic", waiting.ward.id);
    assert_eq!(waiting.ward.world.journal(&waiting.ward.anna, None).last(), Some(&row));
    // Five more of the day.
    let (second, code) = waiting.start();
    for left in (1..5).rev() {
        assert_eq!(waiting.refuse("otp-wrong", &second, "wrong").attempts_left(), Some(left));
    }
    let mut right = waiting.ward.world.copy();
    assert_eq!(right.post(&waiting.ward.anna, &second, json!({ "code": code }))["more"], false);
    assert_eq!(waiting.refuse("otp-wrong", &second, "wrong").attempts_left(), Some(0));
    waiting.ward.world.now += MINUTE;
    let (third, code) = waiting.start();
    assert_eq!(waiting.refuse("otp-locked", &third, &code).retry_after_ms(), Some(DAY - MINUTE));
    // A recovery's tries are counted apart.
    waiting.ward.world.now += DAY - MINUTE - 1;
    waiting.refuse("otp-locked", &third, &code);
    waiting.ward.world.now += 1;
    waiting.refuse("otp-expired", &third, &code);
    let (fourth, code) = waiting.start();
    waiting.ward.refresh();
    assert_eq!(waiting.answer(&fourth, &code)["sessions"], json!([waiting.id]));
}

#[test]
fn after_its_end() {
    let mut waiting = Waiting::with_contact();
    let (path, code) = waiting.start();
    waiting.ward.world.now += 10 * MINUTE - 1;
    let mut in_time = waiting.ward.world.copy();
    in_time.post(&waiting.ward.anna, &path, json!({ "code": code }));
    waiting.ward.world.now += 1;
    waiting.refuse("otp-expired", &path, &code);
    // Upkeep drops it after a day.
    let now = waiting.ward.world.now;
    let before = waiting.ward.world.store.snapshot().unwrap();
    upkeep(&mut waiting.ward.world.store, now + DAY).unwrap();
    waiting.ward.world.store.commit();
    assert!(waiting.ward.world.store.snapshot().unwrap().len() < before.len());
    upkeep(&mut waiting.ward.world.store, now + DAY + 1).unwrap();
    waiting.ward.world.store.commit();
    waiting.refuse("otp-expired", &path, &code);
}

#[test]
fn starts() {
    let mut waiting = Waiting::with_contact();
    for _ in 0..10 {
        waiting.start();
        waiting.ward.world.now += MINUTE;
    }
    let asked = json!({ "placeholder": "clinic" });
    let path = waiting.ward.path("claims");
    let error = waiting.ward.world.refuse("throttled", Some(&waiting.ward.anna), "POST", &path, asked.clone());
    assert_eq!(error.retry_after_ms(), Some(DAY - 10 * MINUTE));
    // Nor by another for the same placeholder, nor by the same for another.
    let (ben, anna) = (take(&mut waiting.ward.ben), take(&mut waiting.ward.anna));
    let now = waiting.ward.world.now;
    let (other, _, body) = ben.found((&mut seeded(87), now), &[], Lifetimes::default(), &waiting.ward.known);
    waiting.ward.world.post(&ben, "/v1/groups", body);
    let bens = format!("/v1/groups/{}/claims", other.id());
    waiting.ward.world.refuse("throttled", Some(&ben), "POST", &bens, asked.clone());
    wait(&mut waiting.ward, "surgery", Some("it@surgery.example"), 88);
    waiting.ward.world.refuse("throttled", Some(&anna), "POST", &path, json!({ "placeholder": "surgery" }));
    waiting.ward.world.post(&ben, &bens, json!({ "placeholder": "surgery" }));
    waiting.ward.world.now += DAY - 10 * MINUTE;
    waiting.ward.world.post(&anna, &path, asked);
}

/// The group isn't fresh: the code stays good, and is not used up by trying.
#[test]
fn a_stale_group() {
    let mut waiting = Waiting::with_contact();
    waiting.ward.world.now += DAY - MINUTE;
    let (path, code) = waiting.start();
    waiting.ward.world.now += MINUTE;
    for _ in 0..7 {
        waiting.refuse("stale", &path, &code);
    }
    // The right one was counted, once.
    assert_eq!(waiting.refuse("otp-wrong", &path, "wrong").attempts_left(), Some(3));
    waiting.ward.refresh();
    assert_eq!(waiting.answer(&path, &code)["sessions"], json!([waiting.id]));
}

/// A hundred at a time, oldest first; another contact's wait on, and what doesn't open is passed over.
#[test]
fn many_sessions() {
    let mut ward = Ward::new();
    let (session, id) = wait_with(&mut ward, "clinic", Some("it@clinic.example"), 80, spoilt);
    let mut ids = vec![id.clone()];
    let mut waiting = Waiting { ward, session, id };
    let (_, other) = wait(&mut waiting.ward, "clinic", Some("other@clinic.example"), 89);
    for seed in 100..202 {
        ids.push(wait(&mut waiting.ward, "clinic", Some("it@clinic.example"), seed).1);
    }
    let before = waiting.session.log().head();
    let (path, code) = waiting.start();
    let first = waiting.answer(&path, &code);
    assert_eq!((&first["sessions"], &first["more"]), (&json!(ids[1..101]), &json!(true)));
    let second = waiting.answer(&path, &code);
    assert_eq!((&second["sessions"], &second["more"]), (&json!(ids[101..]), &json!(false)));
    assert_eq!(waiting.answer(&path, &code), json!({ "sessions": [], "more": false }));
    let ben = take(&mut waiting.ward.ben);
    for id in [&waiting.id, &other] {
        assert_eq!(reads(&mut waiting.ward, &ben, id).unwrap_err(), "not-a-recipient");
    }
    let dora = User { bundles: waiting.ward.dora.bundles.clone(), ..User::new(&mut seeded(70), "dora") };
    assert_eq!(reads(&mut waiting.ward, &dora, &waiting.id).unwrap().log().head(), before);

    // With a new generation it opens, and is assigned.
    let known = waiting.ward.knowing();
    let rotated = waiting.ward.dora.rotate(&mut seeded(90), &waiting.session, &known);
    let entries = format!("/v1/sessions/{}/entries", waiting.id);
    waiting.ward.world.post(&waiting.ward.dora, &entries, items(&[&rotated]));
    assert_eq!(waiting.answer(&path, &code), json!({ "sessions": [waiting.id], "more": false }));
    let session = reads(&mut waiting.ward, &ben, &waiting.id).unwrap();
    assert!(opens(&waiting.ward, &session, &ben));
}

/// Wraps of which the placeholder's body, the last one, was another from the start: nobody but the key server can tell.
fn spoilt(body: &Value, by: &User) -> Value {
    use ed25519_dalek::{Signer, SigningKey};
    let object = unb64(&body["wraps"]);
    let mut d = minicbor::Decoder::new(&object);
    d.array().unwrap();
    d.u8().unwrap();
    let payload = d.bytes().unwrap().to_vec();
    d.bytes().unwrap();
    let mut bodies = object[d.position()..].to_vec();
    let served = split(&object, FIRST).unwrap();
    let good = served.stanzas.last().unwrap().body.clone().unwrap();
    *bodies.last_mut().unwrap() ^= 1;
    let bad = bodies[bodies.len() - good.len()..].to_vec();
    let (old, new) = (Sha256::digest(&good), Sha256::digest(&bad));
    let place = payload.windows(32).position(|window| *window == *old).unwrap();
    let payload = [&payload[..place], &new, &payload[place + 32..]].concat();
    let text = [b"wardkey/v1/wraps\0".as_slice(), &payload].concat();
    let signature = SigningKey::from_bytes(by.signing[0].seed().expose()).sign(&text).to_bytes();
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(4).unwrap().u8(1).unwrap().bytes(&payload).unwrap().bytes(&signature).unwrap();
    let object = [e.into_writer(), bodies].concat();
    json!({ "genesis": body["genesis"], "wraps": b64(object) })
}

/// Rights without read, and a group that has rights already.
#[test]
fn what_is_given() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let place = |rights| Grant { party: placeholder(&ward, "clinic", None), rights };
    let own = with(&ward.dora, Rights::MANAGE);
    let grants = [
        vec![own.clone(), place(Rights::FORWARD)],
        vec![own.clone(), place(Rights::MANAGE), with_group(&ward.log, Rights::READ)],
        vec![own, with_group(&ward.log, Rights::MANAGE), place(Rights::READ)],
    ];
    let mut ids = Vec::new();
    for (seed, grants) in (91..).zip(&grants) {
        let (session, body) = ward.dora.session(&mut seeded(seed), grants, &known);
        ward.world.post(&ward.dora, "/v1/sessions", body);
        ids.push(session.log().id().to_string());
    }
    let body = json!({ "placeholder": "clinic", "groupId": ward.id });
    let reply = ward.world.application("POST", "/v1/assignments", &body).unwrap().json;
    assert_eq!(reply, json!({ "sessions": ids, "more": false }));
    let ben = take(&mut ward.ben);
    let group = Party::Group(*ward.log.id());
    for (id, (rights, reads_it)) in
        ids.iter().zip([(Rights::FORWARD, false), (Rights::MANAGE, true), (Rights::MANAGE, true)])
    {
        let session = reads(&mut ward, &ben, id).unwrap();
        assert_eq!(session.log().rights(&group), rights);
        assert_eq!(opens(&ward, &session, &ben), reads_it);
    }
}

/// The server's keys were renewed since.
#[test]
fn after_a_renewal_of_the_server() {
    let mut waiting = Waiting::with_contact();
    let server = wardkey_rules::Server::from_secret_bytes(&waiting.ward.world.server.to_secret_bytes()).unwrap();
    waiting.ward.world.server = server.renew(&mut seeded(92)).unwrap();
    let (path, code) = waiting.start();
    assert_eq!(waiting.answer(&path, &code)["sessions"], json!([waiting.id]));
    let ben = take(&mut waiting.ward.ben);
    let session = reads(&mut waiting.ward, &ben, &waiting.id).unwrap();
    assert!(opens(&waiting.ward, &session, &ben));
}

/// Who was revoked waits no more; whoever got rights first names the contact.
#[test]
fn who_waits() {
    let mut waiting = Waiting::with_contact();
    wait(&mut waiting.ward, "clinic", Some("mallory@evil.example"), 93);
    waiting.start();
    let place = placeholder(&waiting.ward, "clinic", Some("it@clinic.example"));
    let known = waiting.ward.knowing();
    let revoked = waiting.ward.dora.sign(|hand| waiting.session.revoke(hand, &[place], &known).unwrap());
    let entries = format!("/v1/sessions/{}/entries", waiting.id);
    waiting.ward.world.post(&waiting.ward.dora, &entries, items(&[&revoked]));
    let path = waiting.ward.path("claims");
    let reply = waiting.ward.world.post(&waiting.ward.anna, &path, json!({ "placeholder": "clinic" }));
    assert_eq!(reply["sentTo"], "m•••@evil.example");
}

/// An assignment that a client makes is none, whoever signs it.
#[test]
fn assignments_are_the_servers() {
    let mut waiting = Waiting::new(None);
    let body = json!({ "placeholder": "clinic", "groupId": waiting.ward.id });
    let mut copy = waiting.ward.world.copy();
    copy.application("POST", "/v1/assignments", &body).unwrap();
    let logged = copy.store.log(waiting.session.log().id(), 1).unwrap();
    let entry = Unverified::<Entry>::parse(&logged[0].object, FIRST).unwrap();
    assert!(matches!(entry.claimed().action, Action::Assignment { .. }));
    assert_eq!(logged[0].signer, None);
    let path = format!("/v1/sessions/{}/entries", waiting.id);
    let sent = json!({ "items": [{ "entry": b64(&logged[0].object), "wraps": null }] });
    waiting.ward.world.refuse("forbidden", Some(&waiting.ward.dora), "POST", &path, sent);
}
