//! API sections 6.1 and 6.2.

use serde_json::{Value, json};
use wardkey::{
    party::{Email, Party},
    session::{Directory, Grant, Made, Rights, Session},
    signed::Hash,
};

use crate::{
    user::{User, directory, item, items, with},
    world::{World, b64, list, refs, seeded, unb64},
};

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) alice: User,
    pub(crate) bob: User,
    pub(crate) carol: User,
    pub(crate) directory: Directory,
    /// Alice manages, Bob reads.
    pub(crate) session: Session,
    pub(crate) body: Value,
    pub(crate) id: String,
    pub(crate) path: String,
}

impl Scene {
    /// A session that isn't sent yet.
    pub(crate) fn unsent() -> Self {
        let mut world = World::new();
        let mut alice = User::registered(&mut world, "alice");
        let bob = User::registered(&mut world, "bob");
        let carol = User::registered(&mut world, "carol");
        let directory = directory(&world, &[&alice, &bob, &carol]);
        let grants = [with(&alice, Rights::MANAGE), with(&bob, Rights::READ)];
        let (session, body) = alice.session(&mut world.rng, &grants, &directory);
        let id = session.log().id().to_string();
        let path = format!("/v1/sessions/{id}/entries");
        Self { world, alice, bob, carol, directory, session, body, id, path }
    }

    pub(crate) fn new() -> Self {
        let mut scene = Self::unsent();
        assert_eq!(scene.world.post(&scene.alice, "/v1/sessions", scene.body.clone()), json!({}));
        scene
    }

    /// Carol reads too, and then the keys were changed.
    pub(crate) fn of_two_generations() -> Self {
        let mut scene = Self::new();
        let carol = with(&scene.carol, Rights::READ);
        let made = scene.grant(&[carol]);
        scene.send(made);
        let made = scene.rotate();
        scene.send(made);
        scene
    }

    /// Alice's entry is sent.
    pub(crate) fn send(&mut self, made: Made) -> Value {
        let reply = self.world.post(&self.alice, &self.path, items(&[&made]));
        self.session = made.session;
        reply
    }

    pub(crate) fn grant(&mut self, grants: &[Grant]) -> Made {
        self.alice.grant(&mut self.world.rng, &self.session, grants, &self.directory)
    }

    pub(crate) fn revoke(&mut self, parties: &[Party]) -> Made {
        self.alice.sign(|hand| self.session.revoke(hand, parties, &self.directory).unwrap())
    }

    pub(crate) fn revoke_all(&mut self) -> Made {
        self.alice.sign(|hand| self.session.revoke_all(hand, &self.directory).unwrap())
    }

    pub(crate) fn rotate(&mut self) -> Made {
        self.alice.rotate(&mut self.world.rng, &self.session, &self.directory)
    }

    #[track_caller]
    pub(crate) fn refuse(&mut self, code: &str, caller: &User, body: Value) {
        self.world.refuse(code, Some(caller), "POST", &self.path.clone(), body);
    }

    /// The session as a user reads it.
    pub(crate) fn read(&mut self, caller: &User) -> Value {
        let body = json!({ "sessions": [{ "id": self.id }], "signers": [], "groups": [] });
        self.world.post(caller, "/v1/keys", body)["sessions"][0].clone()
    }
}

fn changed(body: &Value, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut body = body.clone();
    let mut bytes = unb64(&body[name]);
    change(&mut bytes);
    body[name] = b64(bytes);
    body
}

#[allow(clippy::ptr_arg)] // It stands where others change the length.
fn flip_last(bytes: &mut Vec<u8>) {
    *bytes.last_mut().unwrap() ^= 1;
}

#[test]
fn creation() {
    let mut scene = Scene::new();
    // Repeated; nothing is replaced, whatever the wraps are.
    let before = scene.world.store.snapshot().unwrap();
    assert_eq!(scene.world.post(&scene.alice, "/v1/sessions", scene.body.clone()), json!({}));
    assert!(scene.world.store.snapshot().unwrap() == before);
    assert_eq!(scene.world.journal(&scene.alice, Some(&scene.id)), ["alice create entry=0"]);
    assert_eq!(scene.world.pushed(), [""; 0]);
    // After a renewal too.
    scene.alice.renewed(&mut scene.world, 2);
    assert_eq!(scene.world.post(&scene.alice, "/v1/sessions", scene.body.clone()), json!({}));
}

#[test]
fn creations_that_are_refused() {
    let mut scene = Scene::unsent();
    let Scene { world, alice, bob, body, directory, .. } = &mut scene;
    let mut refuse = |code: &str, caller: &User, body: Value| {
        world.refuse(code, Some(caller), "POST", "/v1/sessions", body);
    };
    refuse("forbidden", bob, body.clone());
    refuse("invalid-format", alice, changed(body, "genesis", |bytes| bytes.truncate(20)));
    refuse("invalid-format", alice, changed(body, "wraps", |bytes| bytes.truncate(20)));
    refuse("unsupported-version", alice, changed(body, "genesis", |bytes| bytes[1] = 2));
    refuse("limit", alice, changed(body, "genesis", |bytes| bytes.resize((4 << 20) + 1, 0)));
    refuse("bad-signature", alice, changed(body, "genesis", flip_last));
    // The last byte is of a body.
    refuse("bad-signature", alice, changed(body, "wraps", flip_last));
    // Null in the place of a body.
    let wraps = unb64(&body["wraps"]);
    let served = wardkey::session::split(&wraps, crate::world::FIRST).unwrap();
    let mut bodiless = body.clone();
    bodiless["wraps"] = b64(served.signed);
    refuse("invalid-argument", alice, bodiless);

    let (_, other) = alice.session(&mut seeded(60), &[with(alice, Rights::MANAGE)], directory);
    let mut mixed = body.clone();
    mixed["wraps"] = other["wraps"].clone();
    refuse("key-mismatch", alice, mixed);
    assert_eq!(world.journal(alice, None).len(), 1);
}

#[test]
fn parties_of_a_new_session() {
    let mut world = World::new();
    let mut alice = User::registered(&mut world, "alice");
    let stranger = User::new(&mut seeded(20), "stranger");
    let mut bob = User::registered(&mut world, "bob");
    let own = with(&alice, Rights::MANAGE);
    let mut known = directory(&world, &[&alice, &bob, &stranger]);
    let create = |world: &mut World, alice: &mut User, code: &str, grants: &[Grant], known: &Directory| {
        let (_, body) = alice.session(&mut seeded(61), grants, known);
        world.refuse(code, Some(alice), "POST", "/v1/sessions", body);
    };
    create(&mut world, &mut alice, "unknown-user", &[own.clone(), with(&stranger, Rights::READ)], &known);
    // Without read, nothing is wrapped, and he has to exist all the same.
    create(&mut world, &mut alice, "unknown-user", &[own.clone(), with(&stranger, Rights::FORWARD)], &known);
    let false_bob = User::new(&mut seeded(21), "bob");
    let lied = directory(&world, &[&alice, &false_bob]);
    create(&mut world, &mut alice, "pin-mismatch", &[own.clone(), with(&false_bob, Rights::READ)], &lied);
    create(&mut world, &mut alice, "pin-mismatch", &[own.clone(), with(&false_bob, Rights::REVOKE)], &lied);
    let group = Grant { party: Party::Group(Hash([1; 32])), rights: Rights::FORWARD };
    create(&mut world, &mut alice, "unknown-group", &[own.clone(), group], &known);

    // Bob takes new keys, and Alice doesn't know yet.
    let with_bob = [own.clone(), with(&bob, Rights::READ)];
    bob.renewed(&mut world, 2);
    create(&mut world, &mut alice, "stale", &with_bob, &known);
    known = directory(&world, &[&alice, &bob]);
    let (_, body) = alice.session(&mut seeded(62), &with_bob, &known);
    world.post(&alice, "/v1/sessions", body);

    // Signed with an older bundle of one's own.
    let (_, body) = alice.session(&mut seeded(63), &with_bob, &known);
    alice.renewed(&mut world, 2);
    world.refuse("stale", Some(&alice), "POST", "/v1/sessions", body);
    // Also where nothing is wrapped for oneself.
    let (_, body) = alice.session(&mut seeded(64), &with_bob[1..], &directory(&world, &[&alice, &bob]));
    alice.renewed(&mut world, 3);
    world.refuse("stale", Some(&alice), "POST", "/v1/sessions", body);
}

#[test]
fn made_off_line_before_a_renewal() {
    let mut scene = Scene::new();
    let grants = [with(&scene.alice, Rights::MANAGE), with(&scene.bob, Rights::READ)];
    let (mut session, mut body) = scene.alice.session(&mut scene.world.rng, &grants, &scene.directory);
    scene.alice.renewed(&mut scene.world, 2);
    scene.directory = directory(&scene.world, &[&scene.alice, &scene.bob]);
    // Wrapped with the keys that she had then.
    scene.world.refuse("stale", Some(&scene.alice), "POST", "/v1/sessions", body.clone());
    let (rng, known) = (&mut scene.world.rng, &scene.directory);
    let key = scene.alice.key(&session);
    let wraps = scene.alice.sign(|hand| session.wrap_genesis(rng, hand, key, known).unwrap());
    // By another, who has no part in it.
    let by_bob = scene.bob.sign(|hand| session.wrap_genesis(rng, hand, key, known).unwrap());
    body["wraps"] = b64(by_bob);
    scene.world.refuse("bad-signature", Some(&scene.alice), "POST", "/v1/sessions", body.clone());
    body["wraps"] = b64(wraps);
    assert_eq!(scene.world.post(&scene.alice, "/v1/sessions", body), json!({}));
    // It goes on as all others do.
    scene.session = session;
    scene.id = scene.session.log().id().to_string();
    scene.path = format!("/v1/sessions/{}/entries", scene.id);
    let made = scene.revoke(&[scene.bob.party()]);
    scene.send(made);
    let made = scene.rotate();
    scene.send(made);
    let alice = scene.alice;
    let body = json!({ "sessions": [{ "id": scene.id }], "signers": [], "groups": [] });
    let reply = scene.world.post(&alice, "/v1/keys", body);
    let (entries, wraps) = (list(&reply["sessions"][0]["entries"]), list(&reply["sessions"][0]["wraps"]));
    let read = Session::read(
        &crate::world::app(),
        scene.session.log().id(),
        &unb64(&reply["sessions"][0]["genesis"]),
        &refs(&entries),
        &refs(&wraps),
        &scene.directory,
        crate::world::FIRST,
    );
    assert_eq!(read.unwrap().to_kept(), scene.session.to_kept());
}

#[test]
fn placeholders() {
    let mut world = World::new();
    let mut alice = User::registered(&mut world, "alice");
    let known = directory(&world, &[&alice]);
    let escrow = *world.server.identity().fingerprint();
    let place = |escrow: Hash| Grant {
        party: Party::Placeholder {
            name: wardkey::identity::UserId::new("clinic").unwrap(),
            escrow,
            contact: Some(Email::new("it@clinic.example").unwrap()),
        },
        rights: Rights::READ,
    };
    let own = with(&alice, Rights::MANAGE);
    let (session, body) = alice.session(&mut seeded(64), &[own.clone(), place(escrow)], &known);
    world.post(&alice, "/v1/sessions", body.clone());
    // Its body is given to nobody.
    let asked = json!({ "sessions": [{ "id": session.log().id().to_string() }], "signers": [], "groups": [] });
    let reply = world.post(&alice, "/v1/keys", asked);
    let served = wardkey::session::split(&unb64(&reply["sessions"][0]["wraps"][0]), crate::world::FIRST).unwrap();
    let bodies: Vec<_> = served.stanzas.iter().map(|stanza| stanza.body.is_some()).collect();
    assert_eq!(bodies, [true, false]);

    // Another key server's place, without a key.
    let mut grant = place(Hash([9; 32]));
    grant.rights = Rights::FORWARD;
    let (_, body) = alice.session(&mut seeded(65), &[own.clone(), grant], &known);
    world.refuse("pin-mismatch", Some(&alice), "POST", "/v1/sessions", body);
    // The key server's older key.
    let (_, body) = alice.session(&mut seeded(66), &[own, place(escrow)], &known);
    let server = wardkey_rules::Server::from_secret_bytes(&world.server.to_secret_bytes()).unwrap();
    world.server = server.renew(&mut seeded(67)).unwrap();
    world.refuse("stale", Some(&alice), "POST", "/v1/sessions", body);
}

#[test]
fn a_life() {
    let mut scene = Scene::new();
    let carol = with(&scene.carol, Rights::READ);
    let made = scene.grant(&[carol]);
    assert_eq!(scene.send(made), json!({ "sequence": 1 }));
    assert_eq!(scene.world.pushed(), [""; 0]);
    let bob = scene.bob.party();
    let made = scene.revoke(&[bob]);
    assert_eq!(scene.send(made), json!({ "sequence": 2 }));
    let mut pushed = scene.world.pushed();
    pushed.sort();
    assert_eq!(pushed, ["alice", "bob", "carol"].map(|name| format!(r#"{name} {{"type":"feed"}}"#)));
    let made = scene.rotate();
    assert_eq!(scene.send(made), json!({ "sequence": 3 }));
    let made = scene.revoke_all();
    assert_eq!(scene.send(made), json!({ "sequence": 4 }));
    let subject = wardkey::journal::Subject::Session(*scene.session.log().id());
    let told = scene.world.told().into_iter().filter(|entry| entry.subject == subject);
    assert_eq!(
        told.map(|entry| entry.action).collect::<Vec<_>>(),
        ["create", "grant", "revoke", "generation", "revoke-all"]
    );
}

#[test]
fn entries_are_repeated_by_content() {
    let mut scene = Scene::new();
    let carol = with(&scene.carol, Rights::READ);
    let granted = scene.grant(&[carol]);
    let body = items(&[&granted]);
    scene.send(granted);
    let before = scene.world.store.snapshot().unwrap();
    assert_eq!(scene.world.post(&scene.alice, &scene.path, body.clone()), json!({ "sequence": 1 }));
    assert!(scene.world.store.snapshot().unwrap() == before);
    let ended = scene.revoke_all();
    let last = items(&[&ended]);
    scene.send(ended);
    // Who took his own rights away learns that he did.
    assert_eq!(scene.world.post(&scene.alice, &scene.path, last), json!({ "sequence": 2 }));
    assert_eq!(scene.world.post(&scene.alice, &scene.path, body), json!({ "sequence": 2 }));
}

#[test]
fn several_at_once() {
    let mut scene = Scene::new();
    let bob = scene.bob.party();
    let revoked = scene.revoke(&[bob]);
    let before = std::mem::replace(&mut scene.session, revoked.session.clone());
    let rotated = scene.rotate();
    scene.session = rotated.session.clone();
    let carol = with(&scene.carol, Rights::READ);
    let granted = scene.grant(&[carol]);
    // All or none.
    let mut spoilt = items(&[&revoked, &rotated, &granted]);
    spoilt["items"][2]["wraps"] = Value::Null;
    let alice = std::mem::replace(&mut scene.alice, User::new(&mut seeded(70), "x"));
    scene.refuse("invalid-argument", &alice, spoilt);
    // In their order.
    scene.refuse("conflict", &alice, items(&[&rotated, &revoked]));
    scene.refuse("bad-signature", &alice, items(&[&revoked, &revoked]));
    scene.refuse("bad-signature", &alice, items(&[&revoked, &granted]));
    let reply = scene.world.post(&alice, &scene.path, items(&[&revoked, &rotated, &granted]));
    assert_eq!(reply, json!({ "sequence": 3 }));
    assert_eq!(before.log().entries(), 0);
    // A part of them is repeated, and a part of them with something new isn't.
    assert_eq!(scene.world.post(&alice, &scene.path, items(&[&revoked, &rotated])), json!({ "sequence": 3 }));
    let ended = alice.sign(|hand| granted.session.revoke_all(hand, &scene.directory).unwrap());
    scene.refuse("conflict", &alice, items(&[&granted, &ended]));
}

#[test]
fn of_two_the_first_counts() {
    let mut scene = Scene::new();
    let carol = with(&scene.carol, Rights::READ);
    let one = scene.grant(&[carol]);
    let bob = scene.bob.party();
    let two = scene.revoke(&[bob]);
    let body = items(&[&two]);
    scene.send(one);
    let alice = std::mem::replace(&mut scene.alice, User::new(&mut seeded(70), "x"));
    scene.refuse("conflict", &alice, body);
}

#[test]
fn entries_that_are_refused() {
    let mut scene = Scene::new();
    let (alice, bob, carol) = {
        let mut take = |name: &str| match name {
            "alice" => std::mem::replace(&mut scene.alice, User::new(&mut seeded(70), "x")),
            "bob" => std::mem::replace(&mut scene.bob, User::new(&mut seeded(71), "y")),
            _ => std::mem::replace(&mut scene.carol, User::new(&mut seeded(72), "z")),
        };
        (take("alice"), take("bob"), take("carol"))
    };
    let session = scene.session.clone();
    let known = &scene.directory;
    let granted = alice.grant(&mut seeded(73), &session, &[with(&carol, Rights::READ)], known);
    let revoked = alice.sign(|hand| session.revoke(hand, &[bob.party()], &Directory::default()).unwrap());

    // Of whom.
    scene.refuse("not-a-recipient", &carol, items(&[&granted]));
    scene.refuse("forbidden", &bob, items(&[&granted]));
    let unknown = format!("/v1/sessions/{}/entries", Hash([7; 32]));
    scene.world.refuse("key-mismatch", Some(&alice), "POST", &unknown, items(&[&granted]));
    // Form.
    let spoilt = |change: fn(&mut Vec<u8>)| {
        let mut body = items(&[&granted]);
        body["items"][0] = changed(&body["items"][0], "entry", change);
        body
    };
    scene.refuse("invalid-format", &alice, spoilt(|bytes| bytes.truncate(9)));
    scene.refuse("unsupported-version", &alice, spoilt(|bytes| bytes[1] = 2));
    scene.refuse("bad-signature", &alice, spoilt(flip_last));
    scene.refuse("invalid-argument", &alice, json!({ "items": [] }));
    // Wraps: where they are wanted, and nowhere else.
    let mut body = items(&[&granted]);
    body["items"][0]["wraps"] = Value::Null;
    scene.refuse("invalid-argument", &alice, body.clone());
    let mut body = items(&[&revoked]);
    body["items"][0]["wraps"] = b64(granted.wraps.as_ref().unwrap());
    scene.refuse("invalid-argument", &alice, body);
    let mut body = items(&[&granted]);
    body["items"][0] = changed(&body["items"][0], "wraps", flip_last);
    scene.refuse("bad-signature", &alice, body);
    let served = wardkey::session::split(granted.wraps.as_ref().unwrap(), crate::world::FIRST).unwrap();
    let mut body = items(&[&granted]);
    body["items"][0]["wraps"] = b64(served.signed);
    scene.refuse("invalid-argument", &alice, body);
    // The genesis' wraps once more.
    let mut body = items(&[&granted]);
    body["items"][0]["wraps"] = scene.body["wraps"].clone();
    scene.refuse("bad-signature", &alice, body);
    // No right for it: Bob only reads. The core doesn't make such an entry; it is made in a session where he may.
    let entry = forged(&bob, &session, |e| {
        e.array(1).unwrap().u8(3).unwrap();
    });
    scene.refuse("forbidden", &bob, json!({ "items": [{ "entry": b64(entry), "wraps": null }] }));
    // Assignments are the key server's.
    let entry = forged(&alice, &session, |e| {
        e.array(3).unwrap().u8(5).unwrap();
        e.array(4).unwrap().u8(2).unwrap().str("clinic").unwrap().bytes(&[1; 32]).unwrap().null().unwrap();
        e.bytes(&[2; 32]).unwrap();
    });
    scene.refuse("forbidden", &alice, json!({ "items": [{ "entry": b64(entry), "wraps": null }] }));
    let entry = forged(&alice, &session, |e| {
        e.array(1).unwrap().u8(9).unwrap();
    });
    scene.refuse("unsupported-version", &alice, json!({ "items": [{ "entry": b64(entry), "wraps": null }] }));

    // Who had a right.
    scene.world.post(&alice, &scene.path, items(&[&revoked]));
    let entry = forged(&bob, &revoked.session, |e| {
        e.array(1).unwrap().u8(3).unwrap();
    });
    scene.refuse("revoked", &bob, json!({ "items": [{ "entry": b64(entry), "wraps": null }] }));
}

/// The next entry of a session, signed by whom you like.
fn forged(signer: &User, session: &Session, action: impl FnOnce(&mut minicbor::Encoder<Vec<u8>>)) -> Vec<u8> {
    use ed25519_dalek::{Signer, SigningKey};
    let head = session.log().head();
    let mut e = minicbor::Encoder::new(Vec::new());
    e.map(7).unwrap().u8(1).unwrap().bytes(&session.log().id().0).unwrap();
    e.u8(2).unwrap().u64(head.sequence + 1).unwrap().u8(3).unwrap().bytes(&head.hash).unwrap();
    e.u8(4).unwrap().u64(crate::world::NOW).unwrap().u8(5).unwrap().bytes(&signer.signer().bundle.0).unwrap();
    e.u8(6).unwrap().null().unwrap().u8(7).unwrap();
    action(&mut e);
    let payload = e.into_writer();
    let text = [b"wardkey/v1/entry\0".as_slice(), &payload].concat();
    let signature = SigningKey::from_bytes(signer.signing[0].seed().expose()).sign(&text).to_bytes();
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(3).unwrap().u8(1).unwrap().bytes(&payload).unwrap().bytes(&signature).unwrap();
    e.into_writer()
}

#[test]
fn parties_of_an_entry() {
    let mut scene = Scene::new();
    let stranger = User::new(&mut seeded(22), "stranger");
    let known = directory(&scene.world, &[&scene.alice, &scene.bob, &scene.carol, &stranger]);
    let session = scene.session.clone();
    let alice = std::mem::replace(&mut scene.alice, User::new(&mut seeded(70), "x"));
    let grant = |grants: &[Grant], known: &Directory| items(&[&alice.grant(&mut seeded(74), &session, grants, known)]);
    scene.refuse("unknown-user", &alice, grant(&[with(&stranger, Rights::READ)], &known));
    // Also where nothing is wrapped.
    scene.refuse("unknown-user", &alice, grant(&[with(&stranger, Rights::REVOKE)], &known));
    let group = Grant { party: Party::Group(Hash([1; 32])), rights: Rights::FORWARD };
    scene.refuse("unknown-group", &alice, grant(&[group], &known));
    let false_carol = User::new(&mut seeded(23), "carol");
    let lied = directory(&scene.world, &[&alice, &false_carol]);
    scene.refuse("pin-mismatch", &alice, grant(&[with(&false_carol, Rights::READ)], &lied));
    // Keys that changed meanwhile: of who is given read, and of who reads a new generation.
    let old = grant(&[with(&scene.carol, Rights::READ)], &known);
    let mut carol = std::mem::replace(&mut scene.carol, User::new(&mut seeded(75), "z"));
    carol.renewed(&mut scene.world, 2);
    scene.refuse("stale", &alice, old);
    let mut alice = alice;
    let rotated = alice.rotate(&mut seeded(76), &session, &known);
    let mut bob = std::mem::replace(&mut scene.bob, User::new(&mut seeded(77), "y"));
    bob.renewed(&mut scene.world, 2);
    scene.refuse("stale", &alice, items(&[&rotated]));
    // One's own.
    let revoked = alice.sign(|hand| session.revoke(hand, &[bob.party()], &Directory::default()).unwrap());
    alice.renewed(&mut scene.world, 2);
    scene.refuse("stale", &alice, items(&[&revoked]));
}

/// A state that can't be read any more, as after a change of its form, is made again from the log.
#[test]
fn the_state_is_made_again() {
    let mut scene = Scene::new();
    let carol = with(&scene.carol, Rights::READ);
    let made = scene.grant(&[carol]);
    scene.send(made);
    let (id, store) = (*scene.session.log().id(), &mut scene.world.store);
    let head = wardkey_rules::Store::session(store, &id).unwrap().unwrap();
    let kept = wardkey_rules::Store::session_state(store, &id).unwrap().unwrap();
    wardkey_rules::Store::put_session(store, &id, head, b"of another version").unwrap();
    store.commit();
    let bob = scene.bob.party();
    let made = scene.revoke(&[bob]);
    assert_eq!(scene.send(made), json!({ "sequence": 2 }));
    let again = wardkey_rules::Store::session_state(&mut scene.world.store, &id).unwrap().unwrap();
    assert!(again.len() > kept.len());
    let made = scene.rotate();
    assert_eq!(scene.send(made), json!({ "sequence": 3 }));
}

#[test]
fn what_a_client_verifies() {
    let mut scene = Scene::of_two_generations();
    let carol = std::mem::replace(&mut scene.carol, User::new(&mut seeded(70), "x"));
    let answer = scene.read(&carol);
    let (entries, wraps) = (list(&answer["entries"]), list(&answer["wraps"]));
    let session = Session::read(
        &crate::world::app(),
        scene.session.log().id(),
        &unb64(&answer["genesis"]),
        &refs(&entries),
        &refs(&wraps),
        &scene.directory,
        crate::world::FIRST,
    );
    let session = session.unwrap();
    let keys = session.open(&mut seeded(80), &[carol.party()], &[&carol.pairs[0]]).unwrap();
    assert_eq!(keys.iter().count(), 2);
    assert!(item(&scene.rotate())["wraps"].is_string());
}
