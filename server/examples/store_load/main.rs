//! Fills a database with a million synthetic sessions, and measures the engine without HTTP.
//!
//! ```text
//! cargo run --profile server -p wardkey-server --example store_load -- fill  PLACE SESSIONS
//! cargo run --profile server -p wardkey-server --example store_load -- keys  PLACE SESSIONS [RATE] [SECONDS] [SIZE]
//! cargo run --profile server -p wardkey-server --example store_load -- write PLACE SESSIONS [AT ONCE] [SECONDS]
//! ```
//!
//! Over HTTP, against a server that runs (`seal` gives its database a secret to be started with):
//!
//! ```text
//! store_load seal       PLACE
//! store_load http-keys  URL,… KEY PROGRAM SESSIONS RATE SECONDS SIZE
//! store_load http-write URL,… KEY PROGRAM AT_ONCE SECONDS
//! ```
//!
//! KEY is the private key of the application's tokens, PROGRAM `wardkey-server`, which signs them. PLACE is a folder or a `postgres://` URL. Sessions are copies of real ones, of a user and a group, under other ids: to be read by the rules, not to be verified.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, dead_code, missing_docs)]

#[path = "../../rules/tests/rules/codes.rs"]
mod codes;
mod http;
mod mirror;
#[path = "../../rules/tests/rules/user.rs"]
mod user;
#[path = "../../rules/tests/rules/ward.rs"]
mod ward;
#[path = "../../rules/tests/rules/world.rs"]
mod world;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wardkey::{
    group::{Lifetimes, Role},
    identity::UserId,
    party::Party,
    secret::SecretBytes,
    session::Rights,
    signed::Hash,
};
use wardkey_rules::{Kept, Logged, Server, Store, Wraps};
use wardkey_server::store::{Asked, AskedBy, Database, Options, Place, Tables};

use crate::{
    user::with,
    ward::{Ward, member, with_group},
    world::{NOW, World, seeded},
};

/// As the server's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TEMPLATES: usize = 32;

/// All on one table: Anna manages, and reads; both groups read.
struct Scene {
    ward: Ward,
    other: wardkey::group::Log,
}

fn scene() -> Scene {
    let mut ward = Ward::new();
    let members = [member(&ward.ben, Role::Member)];
    let known = ward.knowing();
    let (other, _, body) = ward.anna.found((&mut seeded(60), ward.world.now), &members, Lifetimes::default(), &known);
    ward.world.post(&ward.anna, "/v1/groups", body);
    Scene { ward, other }
}

impl Scene {
    /// Sessions with so many groups, not sent.
    fn sessions(&mut self, seed: u8, count: usize, groups: usize) -> Vec<(String, Value)> {
        let mut known = self.ward.knowing();
        known.insert_group(self.other.clone()).unwrap();
        let grants = [
            with(&self.ward.anna, Rights::MANAGE),
            with_group(&self.ward.log, Rights::READ),
            with_group(&self.other, Rights::READ),
        ];
        let grants = &grants[..=groups];
        let mut rng = seeded(seed);
        let mut made = Vec::new();
        for _ in 0..count {
            let (session, body) = self.ward.anna.session(&mut rng, grants, &known);
            made.push((session.log().id().to_string(), body));
        }
        made
    }
}

fn place(text: &str) -> Place {
    if text.starts_with("postgres") { Place::Postgres(text.to_owned()) } else { Place::Sqlite(PathBuf::from(text)) }
}

fn id_of(number: usize, of: usize) -> Hash {
    let mut hash: [u8; 32] = Sha256::digest(number.to_be_bytes()).into();
    // In their order, so that the database fills quickly.
    let start = (u128::from(u64::MAX) * number as u128 / of as u128) as u64;
    hash[..8].copy_from_slice(&start.to_be_bytes());
    Hash(hash)
}

fn asked(caller: Option<&UserId>, method: &str, path: &str, body: Option<&Value>) -> Asked {
    Asked {
        caller: caller.map(|id| AskedBy::User(id.clone())),
        method: method.to_owned(),
        path: path.to_owned(),
        body: body.map(|body| body.to_string().into()).unwrap_or_default(),
        idempotency_key: None,
    }
}

#[derive(Clone)]
struct Template {
    head: wardkey_rules::Head,
    state: Vec<u8>,
    log: Vec<Logged>,
    wraps: Vec<Wraps>,
    rights: Vec<(Party, Rights)>,
}

fn template(store: &mut impl Store, id: &Hash, parties: &[Party]) -> Kept<Template> {
    let mut rights = Vec::new();
    for party in parties {
        rights.extend(store.rights(id, party)?.map(|rights| (party.clone(), rights)));
    }
    Ok(Template {
        head: store.session(id)?.unwrap(),
        state: store.session_state(id)?.unwrap(),
        log: store.log(id, 0)?,
        wraps: store.wraps(id, 0, parties)?,
        rights,
    })
}

async fn fill(database: &Database, count: usize) {
    let mut scene = scene();
    for (_, body) in scene.sessions(61, TEMPLATES, 1) {
        scene.ward.world.post(&scene.ward.anna, "/v1/sessions", body);
    }
    let World { server, mirror, .. } = &scene.ward.world;
    database.put_secrets(server.to_secret_bytes().expose()).unwrap();
    let server = the_server(database);
    let mut ids = Vec::new();
    let seen = core::mem::take(&mut *mirror.0.lock().unwrap());
    for seen in &seen {
        let asked = asked(seen.caller.as_ref(), &seen.method, &seen.path, seen.body.as_ref());
        database.request(&server, asked, NOW).await.unwrap();
        if seen.path == "/v1/sessions" {
            let genesis = wardkey::encoding::from_base64url(seen.body.as_ref().unwrap()["genesis"].as_str().unwrap());
            ids.push(
                wardkey::signed::Unverified::<wardkey::session::Genesis>::parse(&genesis.unwrap(), world::FIRST)
                    .map(|genesis| *genesis.hash())
                    .unwrap(),
            );
        }
    }
    let parties = vec![scene.ward.anna.party(), Party::Group(*scene.ward.log.id()), Party::Group(*scene.other.id())];
    let templates = database.transaction(true, move |store| {
        ids.iter().map(|id| template(&mut Tables(store), id, &parties)).collect::<Kept<Vec<_>>>()
    });
    let templates = Arc::new(templates.await.unwrap());
    let begun = Instant::now();
    for start in (0..count).step_by(5_000) {
        let templates = Arc::clone(&templates);
        database
            .transaction(false, move |store| {
                let mut store = Tables(store);
                for number in start..(start + 5_000).min(count) {
                    let (id, from) = (id_of(number, count), &templates[number % templates.len()]);
                    store.put_session(&id, from.head, &from.state)?;
                    // As the rules do.
                    for (party, rights) in &from.rights {
                        store.put_rights(&id, party, *rights)?;
                    }
                    for logged in &from.log {
                        store.add_logged(&id, logged)?;
                    }
                    for wraps in &from.wraps {
                        store.add_wraps(&id, wraps)?;
                    }
                }
                Ok(())
            })
            .await
            .unwrap();
        if start % 100_000 == 0 {
            println!("{start} {:?}", begun.elapsed());
        }
    }
    println!("{count} sessions in {:?}", begun.elapsed());
}

fn the_server(database: &Database) -> Arc<Server> {
    let secrets = database.secrets().unwrap().expect("fill it first");
    Arc::new(Server::from_secret_bytes(&SecretBytes::new(secrets)).unwrap())
}

fn report(what: &str, mut times: Vec<Duration>, begun: Instant) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!(
        "{what}: {} in {:.1?}, {:.0}/s; median {:.1?}, 95th {:.1?}, 99th {:.1?}, longest {:.1?}",
        times.len(),
        begun.elapsed(),
        times.len() as f64 / begun.elapsed().as_secs_f64(),
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0)
    );
}

fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn now_ms() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
}

/// A request for so many sessions, picked evenly from all, each once.
fn keys_of(rng: &mut impl Rng, size: usize, count: usize) -> Value {
    let mut picked = BTreeSet::new();
    let mut ids = Vec::with_capacity(size);
    while ids.len() < size.min(count) {
        let number = rng.next_u64() as usize % count;
        if picked.insert(number) {
            ids.push(json!({ "id": id_of(number, count).to_string() }));
        }
    }
    json!({ "sessions": ids, "signers": [], "groups": [], "cursor": null })
}

async fn keys(database: &Database, count: usize, rate: usize, seconds: usize, size: usize) {
    let server = the_server(database);
    // He reads by the group alone: a key of each.
    let caller = UserId::new("ben").unwrap();
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([7; 32]);
    let mut bodies = Vec::new();
    for _ in 0..rate * seconds {
        bodies.push(keys_of(&mut rng, size, count));
    }
    let (mut tasks, begun, cpu_before) = (Vec::new(), Instant::now(), cpu());
    let bytes = Arc::new(AtomicUsize::new(0));
    for (number, body) in bodies.into_iter().enumerate() {
        // An open loop: who is late waits from when he was due.
        let due = begun + Duration::from_secs_f64(number as f64 / rate as f64);
        tokio::time::sleep_until(due.into()).await;
        let (database, server, bytes) = (database.clone(), Arc::clone(&server), Arc::clone(&bytes));
        let asked = asked(Some(&caller), "POST", "/v1/keys", Some(&body));
        tasks.push(tokio::spawn(async move {
            let reply = database.request(&server, asked, now_ms()).await.unwrap_or_else(|error| panic!("{error:?}"));
            assert_eq!(reply.json["sessions"].as_array().unwrap().len(), size);
            assert!(reply.json["sessions"][0]["genesis"].is_string());
            // As HTTP sends it.
            let mut sent = Vec::with_capacity(1 << 20);
            serde_json::to_writer(&mut sent, &reply.json).unwrap();
            bytes.fetch_add(sent.len(), Ordering::Relaxed);
            due.elapsed()
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.push(task.await.unwrap());
    }
    let per = |total: usize| total / times.len();
    println!(
        "{} KB each, CPU {:.2?} each",
        per(bytes.load(Ordering::Relaxed)) / 1000,
        (cpu() - cpu_before) / times.len() as u32
    );
    report(&format!("keys of {size} sessions"), times, begun);
}

async fn write(database: &Database, at_once: usize, seconds: usize) {
    let server = the_server(database);
    let mut scene = scene();
    println!("making sessions");
    let seed = (now_ms() % 150 + 80) as u8;
    let made = Arc::new(scene.sessions(seed, 600 * seconds, 2));
    let caller = scene.ward.anna.id.clone();
    let (next, begun, cpu_before) = (Arc::new(AtomicUsize::new(0)), Instant::now(), cpu());
    let mut tasks = Vec::new();
    for _ in 0..at_once {
        let (database, server, made, next, caller) =
            (database.clone(), Arc::clone(&server), Arc::clone(&made), Arc::clone(&next), caller.clone());
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while let Some((_, body)) = made.get(next.fetch_add(1, Ordering::Relaxed)) {
                let asked = asked(Some(&caller), "POST", "/v1/sessions", Some(body));
                let sent = Instant::now();
                database.request(&server, asked, NOW + 1000).await.unwrap_or_else(|error| panic!("{error:?}"));
                times.push(sent.elapsed());
            }
            times
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    println!("CPU {:.2?} each", (cpu() - cpu_before) / times.len() as u32);
    report("sessions with two groups, written", times, begun);
}

#[tokio::main]
async fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let number = |place: usize, other: usize| args.get(place).map_or(other, |text| text.parse().unwrap());
    match args[0].as_str() {
        "http-keys" => {
            return http::keys(
                &args[1].split(',').collect::<Vec<_>>(),
                &args[2],
                &args[3],
                number(4, 1_000_000),
                (number(5, 200), number(6, 20), number(7, 200)),
            );
        }
        "http-write" => {
            let urls: Vec<_> = args[1].split(',').collect();
            return http::write(&urls, &args[2], &args[3], number(4, 32), number(5, 10));
        }
        _ => {}
    }
    let opened = Instant::now();
    let threads = number(6, 2);
    let database = Database::open(&place(&args[1]), Options { threads, ..Options::default() }).unwrap();
    println!("opened in {:?}", opened.elapsed());
    let count = number(2, 1_000_000);
    match args[0].as_str() {
        "seal" => http::seal(&database),
        "fill" => fill(&database, count).await,
        "keys" => keys(&database, count, number(3, 200), number(4, 20), number(5, 200)).await,
        "write" => write(&database, number(3, 32), number(4, 10)).await,
        other => panic!("{other}: fill, keys or write"),
    }
    database.close().await;
}
