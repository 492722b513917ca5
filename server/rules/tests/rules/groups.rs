//! API sections 9.1 to 9.4, and groups in 6.1 to 6.3 and 7.1.

use serde_json::{Value, json};
use wardkey::{
    group::{Lifetimes, Log, Member, Role, Stanza, split},
    secret::Secret,
    session::{Directory, Rights, Session},
    sign::SigningKey,
    signed::Hash,
};
use wardkey_rules::{GroupStore, Membership};

use crate::{
    user::{User, directory, items, take, with},
    ward::{Ward, member, with_group},
    world::{DAY, FIRST, MINUTE, NOW, World, app, b64, list, refs, seeded, unb64},
};

/// For whom there are bodies in group keys.
fn bodies(object: &Value) -> Vec<String> {
    let served = split(&unb64(object), FIRST).unwrap();
    let given = served.stanzas.into_iter().filter(|stanza| stanza.body.is_some());
    given
        .map(|stanza| match stanza.party {
            wardkey::party::Party::User { id, .. } => id.as_str().to_owned(),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn mine(world: &mut World, caller: &User) -> Value {
    world.call(Some(caller), "GET", "/v1/groups", None)["groups"].clone()
}

#[test]
fn a_life() {
    let mut ward = Ward::new();
    let (ben, carl) = (take(&mut ward.ben), take(&mut ward.carl));
    assert_eq!(mine(&mut ward.world, &ben), json!([ward.id]));
    assert_eq!(mine(&mut ward.world, &carl), json!([]));
    // Ben reads what Anna wrapped for him, and nothing else.
    let given = ward.given(&ben);
    assert_eq!(bodies(&given["keys"]), ["ben"]);
    assert_eq!(list(&given["heads"]).len(), 1);
    let mut log = Log::begin(&app(), ward.log.id(), &unb64(&given["genesis"]), &ward.known, FIRST).unwrap();
    let stanza = Stanza::find(&log, &unb64(&given["keys"]), &ben.party(), FIRST).unwrap();
    let secret = stanza.open(&mut seeded(71), &[&ben.pairs[0]]).unwrap();
    assert!(secret.dangerously_expose() == ward.epochs.newest().dangerously_expose());
    // Carl is given the log, and no keys.
    let given = ward.given(&carl);
    assert_eq!((given["genesis"].is_string(), &given["keys"]), (true, &Value::Null));

    let body = ward.adds(&[member(&carl, Role::Member)]);
    assert_eq!(ward.send(body.clone()), json!({ "sequence": 1 }));
    assert_eq!(mine(&mut ward.world, &carl), json!([ward.id]));
    assert_eq!(bodies(&ward.given(&carl)["keys"]), ["carl"]);
    assert_eq!(ward.world.pushed(), [""; 0]);
    let mut cursors = [Value::Null, Value::Null];
    ward.items(&ben, &mut cursors[0]);
    ward.items(&carl, &mut cursors[1]);
    let removal = ward.removes(&[ben.party()]);
    assert_eq!(ward.send(removal), json!({ "sequence": 2 }));
    let item = |revoked: bool| json!([{ "groupId": ward.id, "epoch": 1, "revoked": revoked }]);
    let (to_ben, to_carl) = (item(true), item(false));
    assert_eq!(ward.items(&ben, &mut cursors[0]), to_ben);
    assert_eq!(ward.items(&carl, &mut cursors[1]), to_carl);
    assert_eq!(mine(&mut ward.world, &ben), json!([]));
    assert_eq!(ward.given(&ben)["keys"], Value::Null);
    // Repeated: the log's end is what is told.
    assert_eq!(ward.send(body), json!({ "sequence": 2 }));

    let given = ward.given(&carl);
    log.extend(&refs(&list(&given["operations"])), &ward.known, FIRST).unwrap();
    assert_eq!(log.head(), ward.log.head());
    let stanza = Stanza::find(&log, &unb64(&given["keys"]), &carl.party(), FIRST).unwrap();
    stanza.open(&mut seeded(72), &[&carl.pairs[0]]).unwrap();
}

/// A member reads by his group, in one request; who has left gets nothing.
#[test]
fn sessions_of_a_group() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let grants = [with_group(&ward.log, Rights::MANAGE)];
    let (session, body) = ward.anna.session(&mut ward.world.rng, &grants, &known);
    let (ben, dora) = (take(&mut ward.ben), take(&mut ward.dora));
    ward.world.post(&ward.anna, "/v1/sessions", body);
    let id = session.log().id().to_string();
    let asked = json!({ "sessions": [{ "id": id }], "signers": [], "groups": [] });
    let reply = ward.world.post(&ben, "/v1/keys", asked.clone());
    let answer = &reply["sessions"][0];
    let wraps = list(&answer["wraps"]);
    let read = Session::read(&app(), session.log().id(), &unb64(&answer["genesis"]), &[], &refs(&wraps), &known, FIRST);
    let parties = [ben.party(), wardkey::party::Party::Group(*ward.log.id())];
    let pairs: Vec<_> = ward.epochs.iter().collect();
    read.unwrap().open(&mut seeded(73), &parties, &pairs).unwrap();
    // The group comes along, whole.
    assert_eq!(reply["groups"][0]["id"], json!(ward.id));
    assert_eq!(bodies(&reply["groups"][0]["keys"]), ["ben"]);
    // Who is no member.
    let refused = ward.world.post(&dora, "/v1/keys", asked.clone());
    assert_eq!(refused["sessions"], json!([{ "error": "not-a-recipient" }]));
    assert_eq!(refused["groups"], json!([]));
    // Ben revokes in the group's right.
    let granted = ward.anna.sign_at(ward.world.now, |hand| {
        session.grant(&mut seeded(74), hand, &[with(&dora, Rights::READ)], ward.anna.key(&session), &known).unwrap()
    });
    let path = format!("/v1/sessions/{id}/entries");
    ward.world.post(&ward.anna, &path, items(&[&granted]));
    let session = granted.session;
    let revoked = ben.sign(|hand| session.revoke(hand, &[dora.party()], &known).unwrap());
    assert_eq!(ward.world.post(&ben, &path, items(&[&revoked])), json!({ "sequence": 2 }));
    let mut pushed = ward.world.pushed();
    pushed.sort();
    assert_eq!(pushed, ["anna", "ben", "dora"].map(|name| format!(r#"{name} {{"type":"feed"}}"#)));

    let removal = ward.removes(&[ben.party()]);
    ward.send(removal);
    let reply = ward.world.post(&ben, "/v1/keys", asked);
    assert_eq!((&reply["sessions"], &reply["groups"]), (&json!([{ "error": "revoked" }]), &json!([])));
}

// ---------------------------------------------------------------- what is refused

fn changed(body: &Value, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut body = body.clone();
    let mut bytes = unb64(&body[name]);
    change(&mut bytes);
    body[name] = b64(bytes);
    body
}

#[allow(clippy::ptr_arg, reason = "It stands where others change the length.")]
fn flip_last(bytes: &mut Vec<u8>) {
    *bytes.last_mut().unwrap() ^= 1;
}

fn without_bodies(body: &Value) -> Value {
    changed(body, "keys", |keys| *keys = split(keys, FIRST).unwrap().signed)
}

/// An object, signed by whom you like.
fn forged(label: &str, signer: &User, payload: impl FnOnce(&mut minicbor::Encoder<Vec<u8>>)) -> Value {
    use ed25519_dalek::{Signer, SigningKey};
    let mut e = minicbor::Encoder::new(Vec::new());
    payload(&mut e);
    let payload = e.into_writer();
    let text = [label.as_bytes(), &[0], &payload].concat();
    let signature = SigningKey::from_bytes(signer.signing[0].seed().expose()).sign(&text).to_bytes();
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(3).unwrap().u8(1).unwrap().bytes(&payload).unwrap().bytes(&signature).unwrap();
    b64(e.into_writer())
}

fn forged_head(signer: &User, log: &Log, (sequence, hash): (u64, [u8; 32]), (time, end): (u64, u64)) -> Value {
    forged("wardkey/v1/group-head", signer, |e| {
        e.map(6).unwrap().u8(1).unwrap().bytes(&log.id().0).unwrap().u8(2).unwrap().u64(sequence).unwrap();
        e.u8(3).unwrap().bytes(&hash).unwrap().u8(4).unwrap().u64(time).unwrap().u8(5).unwrap().u64(end).unwrap();
        e.u8(6).unwrap().bytes(&signer.signer().bundle.0).unwrap();
    })
}

/// The next operation of a log: adds (1) a member, or changes his role (3).
fn forged_operation(signer: &User, log: &Log, action: u8, (who, role): (&User, u8)) -> Value {
    let head = log.head();
    forged("wardkey/v1/operation", signer, |e| {
        e.map(6).unwrap().u8(1).unwrap().bytes(&log.id().0).unwrap().u8(2).unwrap().u64(head.sequence + 1).unwrap();
        e.u8(3).unwrap().bytes(&head.hash).unwrap().u8(4).unwrap().u64(NOW).unwrap();
        e.u8(5).unwrap().bytes(&signer.signer().bundle.0).unwrap().u8(6).unwrap();
        e.array(2).unwrap().u8(action).unwrap().array(1).unwrap().array(2).unwrap();
        let party = who.party().to_bytes();
        e.writer_mut().extend_from_slice(&party);
        e.u8(role).unwrap();
    })
}

#[test]
fn foundations_that_are_refused() {
    let mut ward = Ward::unsent();
    let (body, log) = (ward.body.clone(), ward.log.clone());
    let (anna, ben) = (take(&mut ward.anna), take(&mut ward.ben));
    let now = ward.world.now;
    let mut refuse = |code: &str, caller: &User, body: Value| {
        ward.world.refuse(code, Some(caller), "POST", "/v1/groups", body);
    };
    refuse("forbidden", &ben, body.clone());
    for name in ["genesis", "keys", "head"] {
        refuse("invalid-format", &anna, changed(&body, name, |bytes| bytes.truncate(20)));
        refuse("unsupported-version", &anna, changed(&body, name, |bytes| bytes[1] = 2));
        refuse("bad-signature", &anna, changed(&body, name, flip_last));
    }
    refuse("invalid-argument", &anna, without_bodies(&body));
    let members = [member(&ben, Role::Member)];
    let (_, _, other) = anna.found((&mut seeded(60), now), &members, Lifetimes::default(), &ward.known);
    for name in ["keys", "head"] {
        let mut mixed = body.clone();
        mixed[name] = other[name].clone();
        refuse("key-mismatch", &anna, mixed);
    }
    let mut with_head = |code: &str, head: Value| {
        let mut body = body.clone();
        body["head"] = head;
        refuse(code, &anna, body);
    };
    let view = (0, log.head().hash);
    with_head("forbidden", ben.head(now, &log));
    with_head("rollback", forged_head(&anna, &log, (1, [1; 32]), (now, now + 1)));
    with_head("fork", forged_head(&anna, &log, (0, [1; 32]), (now, now + 1)));
    with_head("forbidden", forged_head(&anna, &log, view, (now, now + DAY + 1)));
    with_head("stale", forged_head(&anna, &log, view, (now + 5 * MINUTE + 1, now + DAY)));
    with_head("stale", forged_head(&anna, &log, view, (now - DAY, now)));
    assert_eq!(ward.world.journal(&anna, None).len(), 1);

    // A clock that is ahead a little is borne.
    let mut body = body;
    body["head"] = forged_head(&anna, &log, view, (now + 5 * MINUTE, now + DAY));
    ward.world.post(&anna, "/v1/groups", body.clone());
    // Repeated; nothing is replaced, whatever comes with it.
    let before = ward.world.store.snapshot().unwrap();
    assert_eq!(ward.world.post(&anna, "/v1/groups", without_bodies(&body)), json!({}));
    assert!(ward.world.store.snapshot().unwrap() == before);
    let row = format!("anna group-create group={} operation=0", log.id());
    for user in [&anna, &ben] {
        assert_eq!(ward.world.journal(user, None).last(), Some(&row));
    }
}

#[test]
fn members_of_a_new_group() {
    let mut ward = Ward::unsent();
    let now = ward.world.now;
    let stranger = User::new(&mut seeded(20), "stranger");
    let false_carl = User::new(&mut seeded(21), "carl");
    let found = |ward: &mut Ward, members: &[Member], known: &Directory| {
        ward.anna.found((&mut seeded(61), now), members, Lifetimes::default(), known).2
    };
    let refuse = |ward: &mut Ward, code: &str, body: Value| {
        ward.world.refuse(code, Some(&ward.anna), "POST", "/v1/groups", body);
    };
    let known = directory(&ward.world, &[&ward.anna, &stranger]);
    let body = found(&mut ward, &[member(&stranger, Role::Member)], &known);
    refuse(&mut ward, "unknown-user", body);
    let known = directory(&ward.world, &[&ward.anna, &false_carl]);
    let body = found(&mut ward, &[member(&false_carl, Role::Admin)], &known);
    refuse(&mut ward, "pin-mismatch", body);
    // Keys that changed meanwhile: a member's, and the founder's own.
    let body = ward.body.clone();
    let mut ben = take(&mut ward.ben);
    ben.renewed(&mut ward.world, 2);
    refuse(&mut ward, "stale", body);
    let known = directory(&ward.world, &[&ward.anna, &ben]);
    let body = found(&mut ward, &[member(&ben, Role::Member)], &known);
    let mut anna = take(&mut ward.anna);
    let seed = Secret::from_slice(anna.signing[0].seed().expose()).unwrap();
    let before = User { signing: vec![SigningKey::from_seed(seed)], ..ward_copy(&anna) };
    anna.renewed(&mut ward.world, 2);
    ward.anna = anna;
    refuse(&mut ward, "stale", body);
    // Her older bundle alone, all else being new.
    let known = directory(&ward.world, &[&ward.anna, &ben]);
    let (log, _, mut body) =
        before.found((&mut seeded(61), now), &[member(&ben, Role::Member)], Lifetimes::default(), &known);
    body["head"] = ward.anna.head(now, &log);
    refuse(&mut ward, "stale", body);
    // A thousand groups are enough.
    let known = directory(&ward.world, &[&ward.anna, &ben]);
    let body = found(&mut ward, &[member(&ben, Role::Member)], &known);
    in_a_thousand(&mut ward.world, &ben);
    refuse(&mut ward, "limit", body.clone());
    // One that he has left isn't one.
    ward.world.store.put_membership(&Hash([7; 32]), &ben.id, Membership::Left).unwrap();
    ward.world.store.commit();
    ward.world.post(&ward.anna, "/v1/groups", body);
}

/// A user belongs to so many groups.
fn in_a_thousand(world: &mut World, user: &User) {
    let mut id = [7; 32];
    for number in 0..1000_u16 {
        world.store.put_membership(&Hash(id), &user.id, Membership::Is(Role::Member)).unwrap();
        id[..2].copy_from_slice(&number.to_be_bytes());
    }
    world.store.commit();
}

#[test]
fn operations_that_are_refused() {
    let mut ward = Ward::unsent();
    let (ben, carl, dora) = (take(&mut ward.ben), take(&mut ward.carl), take(&mut ward.dora));
    let (founded, first_keys) = (ward.log.clone(), ward.body["keys"].clone());
    let body = ward.adds(&[member(&carl, Role::Member)]);
    let added = std::mem::replace(&mut ward.log, founded.clone());
    let anna = take(&mut ward.anna);
    ward.refuse("unknown-group", &anna, "operations", body.clone());
    ward.world.post(&anna, "/v1/groups", ward.body.clone());

    ward.refuse("forbidden", &carl, "operations", body.clone());
    // A member, but none of his.
    ward.refuse("forbidden", &ben, "operations", body.clone());
    let other = format!("/v1/groups/{}/operations", Hash([7; 32]));
    ward.world.refuse("key-mismatch", Some(&anna), "POST", &other, body.clone());
    for name in ["operation", "keys", "head"] {
        ward.refuse("invalid-format", &anna, "operations", changed(&body, name, |bytes| bytes.truncate(20)));
        ward.refuse("bad-signature", &anna, "operations", changed(&body, name, flip_last));
    }
    let mut refuse = |code: &str, name: &str, value: Value| {
        let mut body = body.clone();
        body[name] = value;
        ward.refuse(code, &anna, "operations", body);
    };
    refuse("invalid-argument", "keys", Value::Null);
    refuse("invalid-argument", "keys", without_bodies(&body)["keys"].clone());
    // Group keys of the operation before, good as they were there.
    refuse("bad-signature", "keys", first_keys);
    refuse("invalid-argument", "head", Value::Null);
    refuse("conflict", "head", anna.head(NOW, &founded));
    refuse("forbidden", "head", ben.head(NOW, &added));
    refuse("stale", "head", forged_head(&anna, &added, (1, added.head().hash), (NOW - DAY, NOW)));

    // G1: only admins, and only what can be done. The server adds nobody.
    let send = |ward: &mut Ward, caller: &User, operation: Value| {
        let body = json!({ "operation": operation, "keys": null, "head": caller.head(NOW, &founded) });
        ward.refuse("forbidden", caller, "operations", body);
    };
    send(&mut ward, &ben, forged_operation(&ben, &founded, 1, (&dora, 0)));
    send(&mut ward, &ben, forged_operation(&ben, &founded, 3, (&ben, 1)));
    send(&mut ward, &anna, forged_operation(&anna, &founded, 3, (&anna, 0)));
    send(&mut ward, &anna, forged_operation(&anna, &founded, 3, (&ben, 0)));
    send(&mut ward, &anna, forged_operation(&anna, &founded, 1, (&ben, 0)));
    // Keys that nobody wants.
    ward.anna = anna;
    let mut roles = ward.gives_roles(&[member(&ben, Role::Admin)]);
    roles["keys"] = body["keys"].clone();
    let anna = take(&mut ward.anna);
    ward.refuse("invalid-argument", &anna, "operations", roles.clone());
    assert_eq!(ward.world.journal(&anna, None).len(), 2);

    // Of two the first counts, and of the other nothing stays.
    roles["keys"] = Value::Null;
    ward.world.post(&anna, &ward.path("operations"), roles.clone());
    // Who never belonged isn't told either that it is in the log.
    ward.refuse("forbidden", &carl, "operations", roles);
    ward.refuse("conflict", &anna, "operations", body);
    let row = format!("anna group-roles group={} operation=1", ward.id);
    assert_eq!(ward.world.journal(&ben, None).last(), Some(&row));
    assert_eq!(ward.world.journal(&carl, None).len(), 1);
    // Ben is one now; an older bundle of his isn't good any more.
    let made = ben.sign_at(NOW, |hand| ward.log.give_roles(hand, &[member(&anna, Role::Member)]).unwrap());
    let body = ben.operation((&mut seeded(62), NOW), made, &ward.known);
    let mut ben = ben;
    ben.renewed(&mut ward.world, 2);
    ward.refuse("stale", &ben, "operations", body);
}

#[test]
fn who_is_added() {
    let mut ward = Ward::new();
    let stranger = User::new(&mut seeded(20), "stranger");
    let false_carl = User::new(&mut seeded(21), "carl");
    let (log, known) = (ward.log.clone(), directory(&ward.world, &[&ward.anna, &stranger, &false_carl]));
    let known = std::mem::replace(&mut ward.known, known);
    for (code, user) in [("unknown-user", &stranger), ("pin-mismatch", &false_carl)] {
        let body = ward.adds(&[member(user, Role::Member)]);
        ward.log = log.clone();
        let path = ward.path("operations");
        ward.world.refuse(code, Some(&ward.anna), "POST", &path, body);
    }
    ward.known = known;
    let mut carl = take(&mut ward.carl);
    let body = ward.adds(&[member(&carl, Role::Member)]);
    ward.log = log.clone();
    carl.renewed(&mut ward.world, 2);
    let path = ward.path("operations");
    ward.world.refuse("stale", Some(&ward.anna), "POST", &path, body);
    // A member of too many.
    let body = ward.adds(&[member(&ward_copy(&ward.dora), Role::Member)]);
    ward.log = log.clone();
    in_a_thousand(&mut ward.world, &ward.dora);
    ward.world.refuse("limit", Some(&ward.anna), "POST", &path, body);
    // Who stays, in the same way.
    let mut ben = take(&mut ward.ben);
    let body = ward.rotates();
    ward.log = log;
    ben.renewed(&mut ward.world, 2);
    ward.world.refuse("stale", Some(&ward.anna), "POST", &path, body);
}

#[test]
fn heads() {
    let mut ward = Ward::new();
    let (anna, mut ben, carl) = (take(&mut ward.anna), take(&mut ward.ben), take(&mut ward.carl));
    let (log, view) = (ward.log.clone(), (0, ward.log.head().hash));
    let mut refuse =
        |code: &str, caller: &User, head: Value| ward.refuse(code, caller, "heads", json!({ "head": head }));
    refuse("forbidden", &carl, ben.head(NOW, &log));
    refuse("forbidden", &ben, anna.head(NOW, &log));
    refuse("rollback", &ben, forged_head(&ben, &log, (1, [1; 32]), (NOW, NOW + 1)));
    refuse("fork", &ben, forged_head(&ben, &log, (0, [1; 32]), (NOW, NOW + 1)));
    refuse("forbidden", &ben, forged_head(&ben, &log, view, (NOW, NOW + DAY + 1)));
    refuse("stale", &ben, forged_head(&ben, &log, view, (NOW + 5 * MINUTE + 1, NOW + DAY)));
    refuse("stale", &ben, forged_head(&ben, &log, view, (NOW - DAY, NOW)));
    refuse("invalid-format", &ben, b64([1]));
    let unknown = format!("/v1/groups/{}/heads", Hash([7; 32]));
    ward.world.refuse("unknown-group", Some(&ben), "POST", &unknown, json!({ "head": ben.head(NOW, &log) }));
    let (other, _, body) = anna.found((&mut seeded(63), NOW), &[], Lifetimes::default(), &ward.known);
    ward.world.post(&anna, "/v1/groups", body);
    let path = format!("/v1/groups/{}/heads", other.id());
    ward.world.refuse("key-mismatch", Some(&anna), "POST", &path, json!({ "head": anna.head(NOW, &log) }));
    let old = ben.head(NOW, &log);
    ben.renewed(&mut ward.world, 2);
    ward.refuse("stale", &ben, "heads", json!({ "head": old }));

    // Of the newest operation the one that ends last, and the admins' that ends last.
    let mut say = |by: &User, ends: u64| {
        let head = forged_head(by, &log, view, (NOW, NOW + ends));
        let path = ward.path("heads");
        ward.world.post(by, &path, json!({ "head": head }));
        let kept: Vec<_> = ward.given(by)["heads"].as_array().unwrap().clone();
        let ends = kept.iter().map(|object| {
            let head = wardkey::signed::Unverified::<wardkey::group::Head>::parse(&unb64(object), FIRST).unwrap();
            (head.claimed().signer == anna.signer().bundle, head.claimed().end - NOW)
        });
        ends.collect::<Vec<_>>()
    };
    let first = say(&anna, DAY - 10);
    assert_eq!(first, [(true, DAY)], "one that ends sooner is not kept");
    assert_eq!(say(&ben, DAY - 5), [(true, DAY)]);
    ward.world.now += MINUTE;
    let now = ward.world.now;
    let path = ward.path("heads");
    ward.world.post(&ben, &path, json!({ "head": forged_head(&ben, &log, view, (now, now + DAY)) }));
    assert_eq!(list(&ward.given(&ben)["heads"]).len(), 2);
    let before = ward.world.store.snapshot().unwrap();
    ward.world.post(&ben, &path, json!({ "head": forged_head(&ben, &log, view, (now, now + DAY)) }));
    assert!(ward.world.store.snapshot().unwrap() == before, "repeated");
    ward.world.post(&anna, &path, json!({ "head": forged_head(&anna, &log, view, (now, now + DAY - 1)) }));
    assert_eq!(list(&ward.given(&ben)["heads"]).len(), 2);

    // Of the newest operation alone.
    ward.anna = anna;
    let body = ward.gives_roles(&[member(&ben, Role::Admin)]);
    ward.send(body);
    assert_eq!(list(&ward.given(&ben)["heads"]).len(), 1);
    ward.refuse("conflict", &ben, "heads", json!({ "head": ben.head(now, &log) }));
}

/// What is wrapped for a group is wrapped for its newest epoch, while it is fresh.
#[test]
fn wrapped_for_a_group() {
    let mut ward = Ward::new();
    let grants = [with_group(&ward.log, Rights::MANAGE), with(&ward.dora, Rights::READ)];
    let mut dora = take(&mut ward.dora);
    ward.dora = ward_copy(&dora);
    let create = |ward: &mut Ward, dora: &mut User, seed: u8| {
        let known = ward.knowing();
        dora.session(&mut seeded(seed), &grants, &known)
    };
    let unknown =
        [with_group(&dora.found((&mut seeded(90), NOW), &[], Lifetimes::default(), &ward.known).0, Rights::READ)];
    let (log, ..) = dora.found((&mut seeded(90), NOW), &[], Lifetimes::default(), &ward.known);
    let mut known = ward.knowing();
    known.insert_group(log).unwrap();
    let (_, body) = dora.session(&mut seeded(91), &unknown, &known);
    ward.world.refuse("unknown-group", Some(&dora), "POST", "/v1/sessions", body);

    let (_, old_epoch) = create(&mut ward, &mut dora, 92);
    let (session, body) = create(&mut ward, &mut dora, 93);
    ward.world.post(&dora, "/v1/sessions", body);
    let rotation = ward.rotates();
    ward.send(rotation);
    ward.world.refuse("stale", Some(&dora), "POST", "/v1/sessions", old_epoch);
    let (_, body) = create(&mut ward, &mut dora, 94);
    // Nobody has said for a day what the state is.
    ward.world.now += DAY - 1;
    let mut early = ward.world.copy();
    early.post(&dora, "/v1/sessions", body.clone());
    ward.world.now += 1;
    ward.world.refuse("stale", Some(&dora), "POST", "/v1/sessions", body.clone());
    // In an entry, too; where nothing is wrapped for it, it needn't be.
    let path = format!("/v1/sessions/{}/entries", session.log().id());
    let known = ward.knowing();
    let anna = &ward.anna;
    let mut session = session;
    let keys = dora.key(&session);
    let rotated = anna.sign_at(NOW, |hand| session.rotate(&mut seeded(95), hand, keys, &known).unwrap().0);
    ward.world.refuse("stale", Some(anna), "POST", &path, items(&[&rotated]));
    let granted = anna.sign_at(NOW, |hand| {
        session.grant(&mut seeded(96), hand, &[with_group(&ward.log, Rights::READ)], keys, &known).unwrap()
    });
    ward.world.post(anna, &path, items(&[&granted]));
    session = granted.session;
    // A member says so; after a week without an admin that isn't enough.
    let say = |ward: &mut Ward, by: &User| {
        let body = json!({ "head": by.head(ward.world.now, &ward.log) });
        let path = ward.path("heads");
        ward.world.post(by, &path, body);
    };
    let ben = take(&mut ward.ben);
    say(&mut ward, &ben);
    ward.world.copy().post(&dora, "/v1/sessions", body.clone());
    ward.world.now = NOW + 7 * DAY;
    say(&mut ward, &ben);
    ward.world.refuse("stale", Some(&dora), "POST", "/v1/sessions", body.clone());
    ward.refresh();
    ward.world.post(&dora, "/v1/sessions", body);
    assert_eq!(session.log().entries(), 1);
}

fn ward_copy(user: &User) -> User {
    User { bundles: user.bundles.clone(), ..User::new(&mut seeded(70), user.id.as_str()) }
}

/// Who has left signs nothing in the group's right, whatever rights he has himself.
#[test]
fn authority_of_who_has_left() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let (ben, dora) = (take(&mut ward.ben), take(&mut ward.dora));
    let grants = [with_group(&ward.log, Rights::MANAGE), with(&ben, Rights::READ), with(&dora, Rights::READ)];
    let (session, body) = ward.anna.session(&mut seeded(80), &grants, &known);
    ward.world.post(&ward.anna, "/v1/sessions", body);
    let id = session.log().id().to_string();
    let path = format!("/v1/sessions/{id}/entries");
    let revoked = ben.sign(|hand| session.revoke(hand, &[dora.party()], &known).unwrap());
    let removal = ward.removes(&[ben.party()]);
    ward.send(removal);
    ward.world.refuse("forbidden", Some(&ben), "POST", &path, items(&[&revoked]));
    // In his own he reads on.
    let asked = json!({ "sessions": [{ "id": id }], "signers": [], "groups": [] });
    let reply = ward.world.post(&ben, "/v1/keys", asked);
    let served = wardkey::session::split(&unb64(&reply["sessions"][0]["wraps"][0]), FIRST).unwrap();
    let given: Vec<_> =
        served.stanzas.iter().filter(|stanza| stanza.body.is_some()).map(|stanza| &stanza.party).collect();
    assert_eq!(given, [&ben.party()]);
    assert_eq!(reply["groups"][0]["keys"], Value::Null);
}

#[test]
fn groups_in_keys() {
    let mut ward = Ward::new();
    let (ben, carl) = (take(&mut ward.ben), take(&mut ward.carl));
    let body = ward.adds(&[member(&carl, Role::Admin)]);
    ward.send(body);
    let body = ward.rotates();
    ward.send(body);
    let ask = |ward: &mut Ward, caller: &User, groups: Value| {
        let body = json!({ "sessions": [], "signers": [], "groups": groups });
        ward.world.post(caller, "/v1/keys", body)
    };
    let unknown = Hash([9; 32]).to_string();
    let id = ward.id.clone();
    let asked = json!([{ "id": unknown }, { "id": id, "after": 0, "epoch": 0 }]);
    let reply = ask(&mut ward, &ben, asked);
    let groups = &reply["groups"];
    assert_eq!(groups[0], json!({ "id": unknown, "error": "unknown-group" }));
    assert_eq!((&groups[1]["genesis"], list(&groups[1]["operations"]).len()), (&Value::Null, 2));
    // Whatever `after` is: of the newest operation that has something for him.
    assert_eq!(bodies(&groups[1]["keys"]), ["ben"]);
    assert_eq!(split(&unb64(&groups[1]["keys"]), FIRST).unwrap().sequence, 2);
    let reply = ask(&mut ward, &ben, json!([{ "id": id, "after": 2, "epoch": 1 }]));
    let group = &reply["groups"][0];
    assert_eq!((&group["keys"], list(&group["operations"]).len()), (&Value::Null, 0));
    assert_eq!(list(&group["heads"]).len(), 1);
    // The heads' signers come along, though none of her operations does.
    assert_eq!(reply["identities"].as_array().unwrap().len(), 1);
    let body = json!([{ "id": id, "epoch": "1" }]);
    ward.world.refuse(
        "invalid-argument",
        Some(&ben),
        "POST",
        "/v1/keys",
        json!({ "sessions": [], "signers": [], "groups": body }),
    );
}

/// Who was given the log hears of epochs from then on; who never was, and is no member, doesn't.
#[test]
fn watchers() {
    let mut ward = Ward::new();
    let (carl, dora) = (take(&mut ward.carl), take(&mut ward.dora));
    let mut cursor = Value::Null;
    ward.items(&carl, &mut cursor);
    let mut other = Value::Null;
    ward.items(&dora, &mut other);
    ward.given(&carl);
    let body = ward.rotates();
    ward.send(body);
    let id = ward.id.clone();
    assert_eq!(ward.items(&carl, &mut cursor), json!([{ "groupId": id, "epoch": 1, "revoked": false }]));
    assert_eq!(ward.items(&dora, &mut other), json!([]));
    let mut pushed = ward.world.pushed();
    pushed.sort();
    assert_eq!(pushed, ["anna", "ben", "carl"].map(|name| format!(r#"{name} {{"type":"feed"}}"#)));
    // Roles begin no epoch.
    let ben = take(&mut ward.ben);
    let body = ward.gives_roles(&[member(&ben, Role::Admin)]);
    ward.send(body);
    assert_eq!(ward.items(&carl, &mut cursor), json!([]));
    // Who has left, and had the log, hears of the next one.
    ward.given(&ben);
    let body = ward.removes(&[ben.party()]);
    ward.send(body);
    let mut bens = Value::Null;
    ward.items(&ben, &mut bens);
    let body = ward.rotates();
    ward.send(body);
    assert_eq!(ward.items(&ben, &mut bens), json!([{ "groupId": id, "epoch": 3, "revoked": false }]));
}

/// In 6.2: of a group its members, each once, and nobody who reads on.
#[test]
fn who_loses_read_with_his_group() {
    let mut ward = Ward::new();
    let known = ward.knowing();
    let grants = [with(&ward.dora, Rights::MANAGE), with_group(&ward.log, Rights::READ), with(&ward.ben, Rights::READ)];
    let (session, body) = ward.dora.session(&mut seeded(80), &grants, &known);
    ward.world.post(&ward.dora, "/v1/sessions", body);
    let (anna, ben, dora) = (take(&mut ward.anna), take(&mut ward.ben), take(&mut ward.dora));
    let mut cursors = [Value::Null, Value::Null, Value::Null];
    for (user, cursor) in [&anna, &ben, &dora].into_iter().zip(&mut cursors) {
        ward.items(user, cursor);
    }
    let group = wardkey::party::Party::Group(*ward.log.id());
    let revoked = dora.sign(|hand| session.revoke(hand, &[group], &known).unwrap());
    let path = format!("/v1/sessions/{}/entries", session.log().id());
    ward.world.post(&dora, &path, items(&[&revoked]));
    for ((user, lost), cursor) in [(&anna, true), (&ben, false), (&dora, false)].into_iter().zip(&mut cursors) {
        let item = json!([{ "sessionId": session.log().id().to_string(), "revoked": lost }]);
        assert_eq!(ward.items(user, cursor), item, "{}", user.id);
    }
    let asked = json!({ "sessionId": session.log().id().to_string(), "after": 0 });
    ward.world.refuse("revoked", Some(&anna), "POST", "/v1/journal", asked.clone());
    ward.world.refuse("not-a-recipient", Some(&ward.carl), "POST", "/v1/journal", asked.clone());
    ward.world.post(&ben, "/v1/journal", asked);
}

/// A log that can't be read any more, as after a change of its form, is made again.
#[test]
fn the_log_is_made_again() {
    let mut ward = Ward::new();
    let body = ward.rotates();
    ward.send(body);
    let id = *ward.log.id();
    let kept = ward.world.store.group_state(&id).unwrap().unwrap();
    ward.world.store.put_group_state(&id, b"of another version").unwrap();
    ward.world.store.commit();
    let body = ward.rotates();
    assert_eq!(ward.send(body), json!({ "sequence": 2 }));
    assert!(ward.world.store.group_state(&id).unwrap().unwrap().len() > kept.len());
}

#[test]
fn a_snapshot_goes_on() {
    let mut ward = Ward::new();
    let body = ward.rotates();
    ward.send(body);
    ward.given(&ward_copy(&ward.dora));
    let snapshot = ward.world.store.snapshot().unwrap();
    let restored = wardkey_rules::MemoryStore::restore(&snapshot).unwrap();
    assert_eq!(restored, ward.world.store);
    assert_eq!(restored.snapshot().unwrap(), snapshot);
    ward.world = ward.world.copy();
    let body = ward.rotates();
    assert_eq!(ward.send(body), json!({ "sequence": 2 }));
    let (mut cursor, dora) = (Value::Null, ward_copy(&ward.dora));
    ward.items(&dora, &mut cursor);
    let body = ward.rotates();
    ward.send(body);
    assert_eq!(ward.items(&dora, &mut cursor)[0]["epoch"], json!(3));
}
