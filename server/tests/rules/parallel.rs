//! Many at once, over two engines: what is counted is counted once, and for all; and of many first versions of one exchange key one is the first.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use wardkey::{
    delegation::{Chain, Claim},
    secret::SecretBytes,
};
use wardkey_rules::Server;
use wardkey_server::store::{Asked, AskedBy, Database, Options, Place};

use crate::{
    common::folder::Folder,
    mirror::postgres,
    user::{User, directory},
    world::{FIRST, World, app, b64, list},
};

const OPTIONS: Options = Options { migrate: true, threads: 4, waiting: 2_000 };

fn asked(caller: Option<&User>, method: &str, path: &str, body: &Value) -> Asked {
    Asked {
        caller: caller.map(|user| AskedBy::User(user.id.clone())),
        method: method.to_owned(),
        path: path.to_owned(),
        body: body.to_string().into(),
        idempotency_key: None,
    }
}

async fn tries(engines: &[Database]) {
    let mut world = World::new();
    let server = Arc::new(
        Server::from_secret_bytes(&SecretBytes::new(world.server.to_secret_bytes().expose().to_vec())).unwrap(),
    );
    let mut dave = User::new(&mut crate::world::seeded(90), "dave");
    let register = dave.registration(&mut world, Some("dave@hospital.example"));
    engines[0].request(&server, asked(Some(&dave), "POST", "/v1/register", &register), world.now).await.unwrap();
    let start = asked(None, "POST", "/v1/public/recoveries", &json!({ "userId": "dave" }));
    let started = engines[0].request(&server, start, world.now).await.unwrap();
    let path = format!("/v1/public/recoveries/{}/code", started.json["recoveryId"].as_str().unwrap());
    let body = json!({ "code": "x", "key": b64(dave.pairs[0].public_key().as_bytes()) });
    let mut tasks = Vec::new();
    for number in 0..1_000 {
        let (engine, server) = (engines[number % engines.len()].clone(), Arc::clone(&server));
        let (asked, now) = (asked(None, "POST", &path, &body), world.now);
        tasks.push(tokio::spawn(async move { engine.request(&server, asked, now).await.unwrap_err() }));
    }
    let mut codes = BTreeMap::new();
    let mut left = Vec::new();
    for task in tasks {
        let error = task.await.unwrap();
        left.extend(error.attempts_left());
        *codes.entry(error.code().as_str()).or_insert(0) += 1;
    }
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4]);
    // A few may be refused for others' sake so often that they are given up: they weren't counted.
    assert_eq!(codes["otp-wrong"], 5, "{codes:?}");
    assert!(
        codes["otp-locked"] > 0 && codes.keys().all(|code| ["otp-wrong", "otp-locked", "server"].contains(code)),
        "{codes:?}"
    );
    assert_eq!(codes.get("server"), None, "{codes:?}");
}

/// Devices of one user that make the same first version, each another one, and what they read then.
async fn versions(engines: &[Database]) {
    let mut world = World::new();
    let server = Arc::new(
        Server::from_secret_bytes(&SecretBytes::new(world.server.to_secret_bytes().expose().to_vec())).unwrap(),
    );
    let [mut anna, mut ben] = ["anna", "ben"].map(|name| User::new(&mut crate::world::seeded(91), name));
    for user in [&mut anna, &mut ben] {
        let register = user.registration(&mut world, None);
        engines[0].request(&server, asked(Some(user), "POST", "/v1/register", &register), world.now).await.unwrap();
    }
    let known = directory(&world, &[&anna, &ben]);
    let chain = Chain::empty(&app(), &anna.party(), &ben.party()).unwrap();
    let mut tasks = Vec::new();
    for number in 0..40 {
        let made = anna.sign(|hand| chain.make(&mut world.rng, hand, None, &known).unwrap());
        let (engine, server) = (engines[number % engines.len()].clone(), Arc::clone(&server));
        let body = json!({ "items": [b64(&made.object)] });
        let (asked, now) = (asked(Some(&anna), "POST", "/v1/exchange-keys", &body), world.now);
        tasks.push(tokio::spawn(async move { (made.object, engine.request(&server, asked, now).await.unwrap().json) }));
    }
    let mut first = Vec::new();
    for task in tasks {
        let (object, answer) = task.await.unwrap();
        match &answer["items"][0] {
            taken if *taken == json!({ "version": 1 }) => first.push(object),
            refused => assert_eq!(*refused, json!({ "error": "conflict" })),
        }
    }
    assert_eq!(first.len(), 1);
    for engine in engines {
        let body = json!({ "sessions": [], "signers": [], "groups": [], "pairs": [{ "pair": "anna→ben" }] });
        let reply = engine.request(&server, asked(Some(&ben), "POST", "/v1/keys", &body), world.now).await.unwrap();
        let given = list(&reply.json["pairs"][0]["versions"]);
        let hash = |object: &[u8]| Claim::parse(object, FIRST).unwrap().hash;
        assert_eq!(given.iter().map(|one| hash(one)).collect::<Vec<_>>(), [hash(&first[0])]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_first_version_on_sqlite() {
    let folder = Folder::new();
    versions(&[Database::open(&Place::Sqlite(folder.path().to_owned()), OPTIONS).unwrap()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_first_version_over_two_engines_on_one_postgres() {
    let postgres = postgres();
    let place = Place::Postgres(postgres.database());
    versions(&[Database::open(&place, OPTIONS).unwrap(), Database::open(&place, OPTIONS).unwrap()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tries_on_sqlite() {
    let folder = Folder::new();
    tries(&[Database::open(&Place::Sqlite(folder.path().to_owned()), OPTIONS).unwrap()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tries_over_two_engines_on_one_postgres() {
    let postgres = postgres();
    let place = Place::Postgres(postgres.database());
    tries(&[Database::open(&place, OPTIONS).unwrap(), Database::open(&place, OPTIONS).unwrap()]).await;
}
