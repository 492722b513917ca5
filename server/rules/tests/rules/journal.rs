//! API section 7.3.

use serde_json::{Value, json};
use wardkey::{
    journal::{Place, Reading, Subject, verify},
    signed::Hash,
};

use crate::{
    sessions::Scene,
    user::User,
    world::{FIRST, World, list, refs, unb64},
};

fn ask(world: &mut World, user: &User, session: Option<&str>, after: u64) -> Value {
    world.post(user, "/v1/journal", json!({ "sessionId": session, "after": after }))
}

fn check(world: &World, subject: &Subject, after: u64, reply: &Value, known: Option<Place>) -> (usize, Place) {
    let (entries, head) = (list(&reply["entries"]), unb64(&reply["head"]));
    let reading = Reading { subject, after, entries: &refs(&entries), head: &head };
    let (entries, place) = verify(&reading, world.server.identity(), known, FIRST).unwrap();
    (entries.len(), place)
}

#[test]
fn a_chain_up_to_its_signed_head() {
    let mut world = World::new();
    let alice = User::reachable(&mut world, "alice");
    let subject = Subject::User(alice.id.clone());
    let reply = ask(&mut world, &alice, None, 0);
    let (count, place) = check(&world, &subject, 0, &reply, None);
    assert_eq!((count, place.sequence), (1, 1));
    // Times don't fall, even if the clock does.
    world.now -= 1000;
    world.call(None, "POST", "/v1/public/recoveries", json!({ "userId": "alice" }));
    world.now += 5000;
    world.call(None, "POST", "/v1/public/recoveries", json!({ "userId": "alice" }));
    let reply = ask(&mut world, &alice, None, 1);
    let (count, place) = check(&world, &subject, 1, &reply, Some(place));
    assert_eq!((count, place.sequence), (2, 3));
    let reply = ask(&mut world, &alice, None, 3);
    assert_eq!(check(&world, &subject, 3, &reply, Some(place)).0, 0);
    assert_eq!(reply["more"], json!(false));
    // Reading leaves no trace.
    assert_eq!(check(&world, &subject, 0, &ask(&mut world.copy(), &alice, None, 0), None).0, 3);
}

#[test]
fn who_reads_a_sessions() {
    let mut scene = Scene::new();
    let subject = Subject::Session(*scene.session.log().id());
    let reply = ask(&mut scene.world, &scene.bob, Some(&scene.id), 0);
    assert_eq!(check(&scene.world, &subject, 0, &reply, None).0, 1);
    let bob = scene.bob.party();
    let made = scene.revoke(&[bob]);
    scene.send(made);
    let Scene { world, alice, bob, carol, id, .. } = &mut scene;
    let body = |id: &str| json!({ "sessionId": id, "after": 0 });
    world.refuse("revoked", Some(bob), "POST", "/v1/journal", body(id));
    world.refuse("not-a-recipient", Some(carol), "POST", "/v1/journal", body(id));
    world.refuse("unknown-session", Some(carol), "POST", "/v1/journal", body(&Hash([0; 32]).to_string()));
    assert_eq!(world.journal(alice, Some(id)), ["alice create entry=0", "alice revoke entry=1"]);
}

#[test]
fn pages() {
    let mut scene = Scene::new();
    for _ in 0..1003 {
        let body = json!({ "sessions": [{ "id": scene.id }], "signers": [], "groups": [] });
        scene
            .world
            .store
            .request(
                &scene.world.server,
                &mut scene.world.rng,
                &wardkey_rules::Request {
                    now_ms: 1,
                    caller: Some(wardkey_rules::Caller::User(&scene.alice.id)),
                    method: "POST",
                    path: "/v1/keys",
                    idempotency_key: None,
                    body: wardkey_rules::Body::Json(&body),
                },
            )
            .unwrap();
    }
    let Scene { world, alice, id, session, .. } = &mut scene;
    let first = ask(world, alice, Some(id), 0);
    assert_eq!((list(&first["entries"]).len(), &first["more"]), (1000, &json!(true)));
    let rest = ask(world, alice, Some(id), 1000);
    assert_eq!((list(&rest["entries"]).len(), &rest["more"]), (4, &json!(false)));
    // Together they are verified.
    let entries: Vec<_> = [list(&first["entries"]), list(&rest["entries"])].concat();
    let both = json!({ "entries": entries.iter().map(crate::world::b64).collect::<Vec<_>>(), "head": rest["head"] });
    assert_eq!(check(world, &Subject::Session(*session.log().id()), 0, &both, None).0, 1004);
}
