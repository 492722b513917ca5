//! API sections 9.1 to 9.4, and groups in 6.1 to 6.3 and 7.1.

use serde_json::{Value, json};
use wardkey::{
    group::{Log, Role, Stanza, split},
    session::{Rights, Session},
};

use crate::{
    user::{User, with},
    ward::{Ward, member, with_group},
    world::{FIRST, World, app, list, refs, seeded, unb64},
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
    let take = |user: &mut User| std::mem::replace(user, User::new(&mut seeded(70), "x"));
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
    let take = |user: &mut User| std::mem::replace(user, User::new(&mut seeded(70), "x"));
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
    ward.world.post(&ward.anna, &path, crate::user::items(&[&granted]));
    let session = granted.session;
    let revoked = ben.sign(|hand| session.revoke(hand, &[dora.party()], &known).unwrap());
    assert_eq!(ward.world.post(&ben, &path, crate::user::items(&[&revoked])), json!({ "sequence": 2 }));
    let mut pushed = ward.world.pushed();
    pushed.sort();
    assert_eq!(pushed, ["anna", "ben", "dora"].map(|name| format!(r#"{name} {{"type":"feed"}}"#)));

    let removal = ward.removes(&[ben.party()]);
    ward.send(removal);
    let reply = ward.world.post(&ben, "/v1/keys", asked);
    assert_eq!((&reply["sessions"], &reply["groups"]), (&json!([{ "error": "revoked" }]), &json!([])));
}
