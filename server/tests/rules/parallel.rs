//! A thousand tries at once, over two engines: what is counted is counted once, and for all.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use wardkey::secret::SecretBytes;
use wardkey_rules::Server;
use wardkey_server::store::{Asked, AskedBy, Database, Options, Place};

use crate::{
    common::folder::Folder,
    mirror::postgres,
    user::User,
    world::{World, b64},
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
