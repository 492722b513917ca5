//! SQLite and PostgreSQL, asked the same as memory.

use std::{
    cell::Cell,
    sync::{Arc, Mutex, Weak},
};

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::Value;
use wardkey::{identity::UserId, random::Random, secret::SecretBytes};
use wardkey_rules::{ApiError, Body, Caller, MemoryStore, Reply, Request, Server, StoreError, chain_journal, handle};
use wardkey_server::store::{Database, Options, Place, Tables};

use crate::common::{folder::Folder, postgres::Postgres};

/// A request that can be asked again.
#[derive(Clone)]
struct Step {
    server: Vec<u8>,
    now_ms: u64,
    caller: Option<Option<UserId>>,
    method: String,
    path: String,
    body: Option<Value>,
    key: Option<String>,
    seed: [u8; 32],
}

impl Step {
    fn ask(self, database: &Database) -> Result<Reply, ApiError> {
        let (sender, receiver) = std::sync::mpsc::channel();
        // What isn't to be kept fails here; the answer is another matter.
        let kept = database.blocking_transaction(false, move |store| {
            let server = Server::from_secret_bytes(&SecretBytes::new(self.server.clone())).unwrap();
            let mut rng = Random::new(ChaCha20Rng::from_seed(self.seed));
            let caller = self.caller.as_ref().map(|user| user.as_ref().map_or(Caller::Application, Caller::User));
            let body = self.body.as_ref().map_or(Body::None, Body::Json);
            let request = Request {
                now_ms: self.now_ms,
                caller,
                method: &self.method,
                path: &self.path,
                body,
                idempotency_key: self.key.as_deref(),
            };
            let mut tables = Tables(store);
            let result = handle(&server, &mut tables, &mut rng, &request);
            let keeps = result.as_ref().err().is_none_or(ApiError::keeps);
            sender.send(result).unwrap();
            if !keeps {
                return Err(StoreError("not kept".to_owned()));
            }
            chain_journal(&mut tables, &server, self.now_ms).map(drop).map_err(|error| StoreError(error.to_string()))
        });
        // It may have been run again: the last one counts.
        let result = receiver.try_iter().last().unwrap();
        let keeps = result.as_ref().err().is_none_or(ApiError::keeps);
        assert_eq!(kept.is_ok(), keeps, "{kept:?}");
        result
    }
}

const TABLES: &str = "tables";

/// Of whom one is enough for all tests that run at a time.
pub(crate) fn postgres() -> Arc<Postgres> {
    static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(postgres) = shared.upgrade() {
        return postgres;
    }
    let started = Arc::new(Postgres::start_with(&["fsync=off", "full_page_writes=off"]));
    // Copied for each test: it is faster than to make the tables.
    started.run(&format!("CREATE DATABASE {TABLES}"));
    Database::migrate(&Place::Postgres(started.url_of(TABLES))).unwrap();
    *shared = Arc::downgrade(&started);
    started
}

/// Databases, and what they live in, which goes last.
struct Open {
    databases: Vec<Database>,
    _folder: Folder,
    _postgres: Option<Arc<Postgres>>,
}

thread_local! {
    /// Worlds of a test that were asked of PostgreSQL, too.
    static SHARED: Cell<usize> = const { Cell::new(0) };
}

/// Another one of a test that makes hundreds needn't be: `WARDKEY_WORLDS` says how many are.
fn is_one_more() -> bool {
    let most = std::env::var("WARDKEY_WORLDS").ok().and_then(|most| most.parse().ok()).unwrap_or(1);
    SHARED.with(|shared| shared.replace(shared.get() + 1) < most)
}

impl Open {
    fn new(with_postgres: bool) -> Self {
        let folder = Folder::in_memory();
        let options = Options { threads: 1, ..Options::default() };
        let mut databases = vec![Database::open(&Place::Sqlite(folder.path().to_owned()), options).unwrap()];
        let postgres = (with_postgres && is_one_more()).then(postgres);
        if let Some(postgres) = &postgres {
            databases.push(Database::open(&Place::Postgres(postgres.copy_of(TABLES)), options).unwrap());
        }
        Self { databases, _folder: folder, _postgres: postgres }
    }
}

#[derive(Default)]
struct State {
    steps: Vec<Step>,
    last: MemoryStore,
    /// A test wrote to the memory by itself: this isn't its mirror any more.
    is_other: bool,
    is_copy: bool,
    open: Option<Open>,
}

#[derive(Default)]
pub(crate) struct Mirror(Mutex<State>);

impl Clone for Mirror {
    /// One of its own, which is made when it is asked.
    fn clone(&self) -> Self {
        let state = self.0.lock().unwrap();
        let State { steps, last, is_other, .. } = &*state;
        Self(Mutex::new(State {
            steps: steps.clone(),
            last: last.clone(),
            is_other: *is_other,
            is_copy: true,
            open: None,
        }))
    }
}

impl Mirror {
    /// Asks the same, with the same randomness, of stores that were the same before.
    pub(crate) fn ask(
        &self,
        server: &Server,
        (before, after): (&MemoryStore, &MemoryStore),
        request: &Request<'_>,
        seed: [u8; 32],
        result: &Result<Reply, ApiError>,
    ) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.is_other |= state.last != *before;
        if state.is_other {
            return;
        }
        let step = Step {
            server: server.to_secret_bytes().expose().to_vec(),
            now_ms: request.now_ms,
            caller: request.caller.map(|caller| if let Caller::User(id) = caller { Some(id.clone()) } else { None }),
            method: request.method.to_owned(),
            path: request.path.to_owned(),
            body: if let Body::Json(body) = request.body { Some(body.clone()) } else { None },
            key: request.idempotency_key.map(ToOwned::to_owned),
            seed,
        };
        let (with_postgres, steps) = (!state.is_copy, state.steps.clone());
        let open = state.open.get_or_insert_with(|| {
            let open = Open::new(with_postgres);
            for database in &open.databases {
                for step in &steps {
                    step.clone().ask(database).ok();
                }
            }
            open
        });
        for database in &open.databases {
            let got = step.clone().ask(database);
            assert_eq!(&got, result, "{database:?}: {} {}", step.method, step.path);
        }
        state.steps.push(step);
        state.last = after.clone();
    }
}
