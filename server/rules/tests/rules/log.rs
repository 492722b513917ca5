//! The log: SPEC section 14.2, and how it is kept.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardkey::{
    error::Code,
    journal::{Entry, Proof, RowHeader, RowTree, Subject, entry_hash, verify_proofs},
    signed::Hash,
};
use wardkey_rules::{
    Body, Caller, JournalRow, LoggedRow, MemoryStore, Request, RowId, Store, chain_journal, handle, row_entries,
};

use crate::{
    failing::Failing,
    sessions::Scene,
    user::User,
    world::{FIRST, World, list, seeded, unb64},
};

/// One session's keys, so many times.
fn give(scene: &mut Scene, times: usize) {
    let body = json!({ "sessions": [{ "id": scene.id }], "signers": [], "groups": [] });
    for _ in 0..times {
        let Scene { world, alice, .. } = scene;
        let (now_ms, caller) = (world.now, Some(Caller::User(&alice.id)));
        let body = Body::Json(&body);
        let asked = Request { now_ms, caller, method: "POST", path: "/v1/keys", idempotency_key: None, body };
        world.store.request(&world.server, &mut world.rng, &asked).unwrap();
    }
}

fn rows(world: &mut World) -> Vec<LoggedRow> {
    world.store.log_rows(0, usize::MAX).unwrap()
}

/// Verifies the whole log, and gives how many entries each row has.
fn check(world: &mut World) -> Vec<u32> {
    let (mut last, mut counts) = (None, Vec::new());
    let mut ends: BTreeMap<String, (u64, Option<Hash>, Option<RowId>)> = BTreeMap::new();
    let rows = rows(world);
    for row in &rows {
        let header = RowHeader::verify(&row.header, world.server.identity(), FIRST).unwrap();
        let says = header.value();
        assert_eq!((says.number, says.previous), last.map_or((1, None), |(number, hash)| (number + 1, Some(hash))));
        let entries = row_entries(&row.blob).unwrap();
        assert_eq!(entries.len(), says.count as usize);
        assert_eq!(RowTree::of(entries.iter().map(|bytes| entry_hash(bytes))).root(), Some(says.root));
        for bytes in entries {
            let entry = Entry::from_bytes(bytes).unwrap();
            let end = ends.entry(format!("{:?}", entry.subject)).or_default();
            assert_eq!((entry.sequence, entry.previous), (end.0 + 1, end.1));
            assert!(end.2 <= Some(row.id), "rows by their names are in the order of their entries");
            *end = (entry.sequence, Some(entry_hash(bytes)), Some(row.id));
        }
        last = Some((says.number, *header.hash()));
        counts.push(says.count);
    }
    counts
}

#[test]
fn one_row_for_a_request() {
    let mut scene = Scene::new();
    assert_eq!(check(&mut scene.world), [1, 1, 1, 1], "three users, a session");
    let mut ids = vec![scene.id.clone()];
    for seed in 0..20 {
        let known = crate::user::directory(&scene.world, &[&scene.alice]);
        let grants = [crate::user::with(&scene.alice, wardkey::session::Rights::MANAGE)];
        let (session, body) = scene.alice.session(&mut seeded(200 + seed), &grants, &known);
        scene.world.post(&scene.alice, "/v1/sessions", body);
        ids.push(session.log().id().to_string());
    }
    let all = ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>();
    scene.world.post(&scene.alice, "/v1/keys", json!({ "sessions": all, "signers": [], "groups": [] }));
    let counts = check(&mut scene.world);
    assert_eq!((counts.len(), counts.last()), (25, Some(&21)), "each session");
    // Nothing to tell, no row.
    scene.world.post(&scene.alice, "/v1/keys", json!({ "sessions": [], "signers": [], "groups": [] }));
    assert_eq!(rows(&mut scene.world).len(), 25);
}

/// The clock is set back, and two rows are of one moment: names are in the order of the journals all the same.
#[test]
fn names_follow_the_journals() {
    let mut scene = Scene::new();
    give(&mut scene, 5);
    scene.world.now -= 1_000_000;
    give(&mut scene, 5);
    scene.world.now += 2_000_000;
    give(&mut scene, 1);
    assert_eq!(check(&mut scene.world).len(), 15);
    let times = rows(&mut scene.world)
        .into_iter()
        .map(|row| RowHeader::verify(&row.header, scene.world.server.identity(), FIRST).unwrap().value().time);
    assert!(times.is_sorted());
}

/// Rows of several requests wait, also of those that didn't know of one another.
#[test]
fn loose_rows() {
    let mut scene = Scene::new();
    let body = json!({ "sessions": [{ "id": scene.id }], "signers": [], "groups": [] });
    let mut store: MemoryStore = scene.world.store.clone();
    for user in [&scene.bob, &scene.alice, &scene.bob] {
        let (now_ms, caller) = (scene.world.now, Some(Caller::User(&user.id)));
        let body = Body::Json(&body);
        let asked = Request { now_ms, caller, method: "POST", path: "/v1/keys", idempotency_key: None, body };
        handle(&scene.world.server, &mut store, &mut seeded(9), &asked).unwrap();
    }
    let asked = json!({ "sessionId": scene.id, "after": 0, "proofs": true });
    scene.world.store = store.clone();
    let reply = scene.world.post(&scene.alice, "/v1/journal", asked.clone());
    let proofs = reply["proofs"].as_array().unwrap().clone();
    assert_eq!(proofs.iter().map(Value::is_null).collect::<Vec<_>>(), [false, true, true, true]);
    assert_eq!(list(&reply["entries"]).len(), 4, "they are read before they are in the log");

    // A snapshot holds them as loose as they were; it is chained once.
    store = MemoryStore::restore(&store.snapshot().unwrap()).unwrap();
    assert_eq!(store.loose_rows(10).unwrap().len(), 3);
    assert_eq!(chain_journal(&mut store, &scene.world.server, 0).unwrap(), 3);
    assert_eq!(chain_journal(&mut store, &scene.world.server, 0).unwrap(), 0);
    store.commit();
    scene.world.store = store;
    assert_eq!(check(&mut scene.world).len(), 7);
    let reply = scene.world.post(&scene.alice, "/v1/journal", asked);
    assert!(reply["proofs"].as_array().unwrap().iter().all(Value::is_object));
}

/// Everything but the blobs follows from them.
#[test]
fn ends_and_marks_are_found_anew() {
    let mut scene = Scene::new();
    give(&mut scene, 130);
    let restored = MemoryStore::restore(&scene.world.store.snapshot().unwrap()).unwrap();
    assert!(restored == scene.world.store);
    let subject = Subject::Session(*scene.session.log().id());
    let marks: Vec<_> = [1, 64, 65, 128].map(|from| restored.clone().journal_mark(&subject, from).unwrap()).into();
    let sequences: Vec<_> = marks.iter().flatten().map(|mark| mark.sequence).collect();
    assert_eq!(sequences, [64, 64, 128, 128]);
    assert_eq!(restored.clone().journal_mark(&subject, 129).unwrap(), None);
    for row in rows(&mut scene.world) {
        let read = JournalRow::read(row.id, row.blob.clone()).unwrap();
        assert_eq!(read.blob, row.blob);
        for change in [row.blob[..row.blob.len() - 1].to_vec(), [&[2], &row.blob[1..]].concat(), vec![1], vec![]] {
            assert!(JournalRow::read(row.id, change).is_err());
        }
    }
}

#[test]
fn every_page() {
    let mut scene = Scene::new();
    give(&mut scene, 200);
    let subject = Subject::Session(*scene.session.log().id());
    let told: Vec<_> = rows(&mut scene.world)
        .iter()
        .flat_map(|row| row_entries(&row.blob).unwrap().into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>())
        .filter(|bytes| Entry::from_bytes(bytes).unwrap().subject == subject)
        .collect();
    assert_eq!(told.len(), 201);
    for after in 0..=202 {
        let asked = json!({ "sessionId": scene.id, "after": after, "proofs": true });
        let reply = scene.world.post(&scene.alice, "/v1/journal", asked);
        let last = (after + 100).min(201);
        assert_eq!(list(&reply["entries"]), told.get(after..last.max(after)).unwrap_or_default(), "{after}");
        assert_eq!(reply["more"], json!(last < 201), "{after}");
    }
}

/// A page of a long journal is read from the next mark, not from its end.
#[test]
fn a_page_costs_what_it_gives() {
    let mut scene = Scene::new();
    give(&mut scene, 1000);
    let body = json!({ "sessionId": scene.id, "after": 0, "proofs": true });
    let asked = Request {
        now_ms: scene.world.now,
        caller: Some(Caller::User(&scene.alice.id)),
        method: "POST",
        path: "/v1/journal",
        idempotency_key: None,
        body: Body::Json(&body),
    };
    let mut failing = Failing::new(&mut scene.world.store, 100 + 64 + 20, true);
    handle(&scene.world.server, &mut failing, &mut seeded(7), &asked).unwrap();
}

/// Entries of a reply, with their proofs.
fn proofs(reply: &Value) -> Vec<(Vec<u8>, Proof)> {
    let hash = |text: &Value| Hash::parse(text.as_str().unwrap()).unwrap();
    let proof = |proof: &Value| Proof {
        header: unb64(&proof["header"]),
        index: proof["index"].as_u64().unwrap() as u32,
        path: proof["path"].as_array().unwrap().iter().map(hash).collect(),
    };
    list(&reply["entries"]).into_iter().zip(reply["proofs"].as_array().unwrap().iter().map(proof)).collect()
}

#[test]
fn a_session_without_the_others() {
    let mut scene = Scene::new();
    User::registered(&mut scene.world, "eve");
    give(&mut scene, 3);
    let asked = json!({ "sessionId": scene.id, "after": 0, "proofs": true });
    let reply = scene.world.post(&scene.alice, "/v1/journal", asked.clone());
    let server = scene.world.server.identity();
    let check = |given: &[(Vec<u8>, Proof)]| {
        let given: Vec<_> = given.iter().map(|(entry, proof)| (entry.as_slice(), proof)).collect();
        verify_proofs(&given, server, FIRST).map_err(|error| error.code())
    };
    let given = proofs(&reply);
    let place = check(&given).unwrap().unwrap();
    assert_eq!((given.len(), place.sequence), (4, 8));
    // It is the newest row: the head that came with it.
    let log = RowHeader::verify(&unb64(&reply["log"]), server, FIRST).unwrap();
    assert_eq!((log.value().number, *log.hash()), (place.sequence, place.hash));
    assert_eq!(check(&[]).unwrap(), None);

    let mut swapped = given.clone();
    swapped.swap(1, 2);
    assert_eq!(check(&swapped), Err(Code::BadSignature));
    let mut other = given.clone();
    other[1].1 = given[2].1.clone();
    assert_eq!(check(&other), Err(Code::BadSignature));
    let mut changed = given.clone();
    let last = changed[2].0.len() - 1;
    changed[2].0[last] ^= 1;
    assert_eq!(check(&changed), Err(Code::BadSignature));
    let mut forged = given.clone();
    let last = forged[3].1.header.len() - 1;
    forged[3].1.header[last] ^= 1;
    assert_eq!(check(&forged), Err(Code::BadSignature));
    let mut longer = given.clone();
    longer[0].1.path.push(Hash([0; 32]));
    assert_eq!(check(&longer), Err(Code::BadSignature));
    let twice = [given[0].clone(), given[0].clone()];
    assert_eq!(check(&twice), Err(Code::BadSignature));

    // Two stores of one server: rows of one number.
    let mut copy = scene.world.copy();
    copy.now += 1;
    copy.store = MemoryStore::default();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let (mut fork, others) = (Vec::new(), names.map(|name| User::registered(&mut copy, name)));
    for user in &others {
        let reply = copy.post(user, "/v1/journal", json!({ "sessionId": null, "after": 0, "proofs": true }));
        fork.extend(proofs(&reply));
    }
    let last = given[3].clone();
    assert_eq!(check(&[last, fork[7].clone()]), Err(Code::Fork));
}
