//! API section 7.1.

use serde_json::{Value, json};
use wardkey::session::Rights;
use wardkey_rules::{MemoryStore, Server, upkeep};

use crate::{
    sessions::Scene,
    user::{User, with},
    world::{DAY, World, seeded},
};

fn read(world: &mut World, user: &User, cursor: &Value) -> Value {
    world.post(user, "/v1/feed", json!({ "cursor": cursor }))
}

fn end(world: &mut World, user: &User) -> Value {
    let reply = read(world, user, &Value::Null);
    assert_eq!((&reply["items"], &reply["reset"], &reply["more"]), (&json!([]), &json!(true), &json!(false)));
    let cursor = reply["cursor"].clone();
    assert!((1..=64).contains(&cursor.as_str().unwrap().len()));
    cursor
}

#[test]
fn who_is_told_what() {
    let mut scene = Scene::new();
    let carol = with(&scene.carol, Rights::FORWARD);
    let made = scene.grant(&[carol]);
    scene.send(made);
    let Scene { world, alice, bob, carol, .. } = &mut scene;
    let cursors = [&*alice, &*bob, &*carol].map(|user| end(world, user));
    let bob_party = bob.party();
    let made = scene.revoke(&[bob_party]);
    scene.send(made);
    let Scene { world, alice, bob, carol, id, .. } = &mut scene;
    let of = |revoked: bool| json!([{ "sessionId": id, "revoked": revoked }]);
    for ((user, cursor), items) in
        [&*alice, &*bob, &*carol].into_iter().zip(&cursors).zip([of(false), of(true), json!([])])
    {
        let reply = read(world, user, cursor);
        assert_eq!((&reply["items"], &reply["reset"]), (&items, &json!(false)), "{}", user.id);
        // After it there is nothing.
        let again = read(world, user, &reply["cursor"]);
        assert_eq!((&again["items"], &again["cursor"], &again["reset"]), (&json!([]), &reply["cursor"], &json!(false)));
    }
    // Carol never read: she loses nothing, and isn't told. Alice is, of the end of all.
    let made = scene.revoke_all();
    scene.send(made);
    let reply = read(&mut scene.world, &scene.alice, &cursors[0]);
    assert_eq!(reply["items"][1], json!({ "sessionId": scene.id, "revoked": true }));
    assert_eq!(read(&mut scene.world, &scene.carol, &cursors[2])["items"], json!([]));
}

#[test]
fn from_registration_and_backup_on() {
    let mut world = World::new();
    let mut alice = User::new(&mut seeded(2), "alice");
    let body = alice.registration(&mut world, None);
    let first = world.post(&alice, "/v1/register", body)["cursor"].clone();
    assert_eq!(read(&mut world, &alice, &first)["reset"], json!(false));
    assert_eq!(world.call(Some(&alice), "GET", "/v1/backup", None)["cursor"], first);
    assert_eq!(end(&mut world, &alice), first);
}

/// Alice's feed with so many items.
fn filled(count: usize) -> (Scene, Value) {
    let mut scene = Scene::new();
    let cursor = end(&mut scene.world, &scene.alice);
    for _ in 0..count {
        let bob = scene.bob.party();
        let made = scene.revoke(&[bob]);
        scene.send(made);
        let bob = with(&scene.bob, Rights::READ);
        let made = scene.grant(&[bob]);
        scene.send(made);
        scene.world.now += DAY;
    }
    (scene, cursor)
}

#[test]
fn cursors_of_another_store() {
    let (mut scene, cursor) = filled(2);
    let Scene { world, alice, bob, .. } = &mut scene;
    let last = end(world, alice);
    let bobs = end(world, bob);
    for unknown in [json!(""), json!("x"), json!("A".repeat(43)), json!("A".repeat(64)), json!("é"), bobs] {
        assert_eq!(read(world, alice, &unknown)["reset"], json!(true), "{unknown}");
    }
    // A snapshot keeps them.
    let mut copy = world.copy();
    assert_eq!(read(&mut copy, alice, &cursor)["items"].as_array().unwrap().len(), 2);
    // A store that was made anew, with the same server.
    let mut anew = world.copy();
    anew.store = MemoryStore::default();
    let body = User::new(&mut seeded(40), "alice").registration(&mut anew, None);
    anew.post(alice, "/v1/register", body);
    assert_eq!(read(&mut anew, alice, &last)["reset"], json!(true));
    // One that is given another name after it was set back.
    copy.server.rename_store(&mut seeded(41)).unwrap();
    assert_eq!(read(&mut copy, alice, &cursor)["reset"], json!(true));
    // Another key server.
    let mut other = world.copy();
    other.server = Server::generate(&mut seeded(42), &crate::world::app()).unwrap();
    assert_eq!(read(&mut other, alice, &cursor)["reset"], json!(true));
}

/// A store that was set back and went on otherwise knows none of what came between.
#[test]
fn a_store_that_was_set_back() {
    let mut scene = Scene::new();
    let before = scene.world.copy();
    let made = {
        let bob = scene.bob.party();
        scene.revoke(&[bob])
    };
    scene.send(made.clone_for_test());
    let lost = end(&mut scene.world, &scene.alice);
    scene.world = before;
    assert_eq!(read(&mut scene.world, &scene.alice, &lost)["reset"], json!(true));
    scene.world.now += 1;
    scene.send(made);
    assert_eq!(read(&mut scene.world, &scene.alice, &lost)["reset"], json!(true));
}

trait CloneForTest {
    fn clone_for_test(&self) -> wardkey::session::Made;
}

impl CloneForTest for wardkey::session::Made {
    fn clone_for_test(&self) -> Self {
        Self { entry: self.entry.clone(), wraps: self.wraps.clone(), session: self.session.clone() }
    }
}

#[test]
fn what_is_cut_off() {
    let (mut scene, cursor) = filled(3);
    let Scene { world, alice, .. } = &mut scene;
    let page = read(world, alice, &cursor);
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    let last = page["cursor"].clone();
    let mut late = world.copy();
    // The first item is older than 90 days then.
    late.now += 87 * DAY + 1;
    upkeep(&mut late.store, late.now - 1).unwrap();
    assert_eq!(read(&mut late, alice, &cursor)["items"].as_array().unwrap().len(), 3);
    upkeep(&mut late.store, late.now).unwrap();
    late.store.commit();
    assert_eq!(read(&mut late, alice, &cursor)["reset"], json!(true));
    assert_eq!(read(&mut late, alice, &last)["reset"], json!(false));
    // The newest stays, so that places go on.
    late.now += 1000 * DAY;
    upkeep(&mut late.store, late.now).unwrap();
    late.store.commit();
    assert_eq!(read(&mut late, alice, &last)["reset"], json!(false));
    assert_eq!(end(&mut late, alice), last);
}

#[test]
fn pages() {
    let mut scene = Scene::new();
    let cursor = end(&mut scene.world, &scene.alice);
    // Straight into the store: 1,001 items.
    let (id, alice) = (*scene.session.log().id(), scene.alice.id.clone());
    let mut chain = [0; 32];
    for place in 1..=1001_u64 {
        chain[..8].copy_from_slice(&place.to_be_bytes());
        let item =
            wardkey_rules::FeedItem { place, about: wardkey_rules::About::Session(id), revoked: false, time: 1, chain };
        wardkey_rules::Store::add_feed_item(&mut scene.world.store, &alice, &item).unwrap();
    }
    scene.world.store.commit();
    let first = read(&mut scene.world, &scene.alice, &cursor);
    assert_eq!((first["items"].as_array().unwrap().len(), &first["more"]), (1000, &json!(true)));
    let rest = read(&mut scene.world, &scene.alice, &first["cursor"]);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["more"]), (1, &json!(false)));
}
