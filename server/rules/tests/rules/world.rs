//! A key server in memory, and what it sent.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::Value;
use wardkey::{
    encoding::{base64url, from_base64url},
    identity::{AppId, Asked, Identity, UserId},
    journal::Entry,
    random::Random,
    signed::Minimum,
};
use wardkey_rules::{ApiError, Body, Caller, Event, Mail, MemoryStore, Reply, Request, Server, Store, row_entries};

use crate::{codes, mirror::Mirror, user::User};

pub(crate) type Seeded = Random<ChaCha20Rng>;

pub(crate) const FIRST: Minimum = Minimum(1);
pub(crate) const NOW: u64 = 1_790_000_000_000;
pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const DAY: u64 = 24 * 60 * MINUTE;

pub(crate) fn app() -> AppId {
    AppId::new("app.example").unwrap()
}

pub(crate) fn seeded(seed: u8) -> Seeded {
    Random::new(ChaCha20Rng::from_seed([seed; 32]))
}

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) store: MemoryStore,
    pub(crate) rng: Seeded,
    pub(crate) now: u64,
    pub(crate) mails: Vec<Mail>,
    pub(crate) events: Vec<Event>,
    /// Another store, which is asked the same.
    pub(crate) mirror: Mirror,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut rng = seeded(1);
        let server = Server::generate(&mut rng, &app()).unwrap();
        Self {
            server,
            store: MemoryStore::default(),
            rng,
            now: NOW,
            mails: Vec::new(),
            events: Vec::new(),
            mirror: Mirror::default(),
        }
    }

    /// The same again.
    pub(crate) fn copy(&self) -> Self {
        Self {
            server: Server::from_secret_bytes(&self.server.to_secret_bytes()).unwrap(),
            store: MemoryStore::restore(&self.store.snapshot().unwrap()).unwrap(),
            rng: seeded(99),
            now: self.now,
            mails: Vec::new(),
            events: Vec::new(),
            mirror: self.mirror.clone(),
        }
    }

    fn ask(&mut self, caller: Option<Caller<'_>>, method: &str, path: &str, body: Body<'_>) -> Result<Reply, ApiError> {
        let before = self.store.clone();
        let request = Request { now_ms: self.now, caller, method, path, idempotency_key: None, body };
        let mut seed = [0; 32];
        self.rng.fill(&mut seed).unwrap();
        let result = self.store.request(&self.server, &mut Random::new(ChaCha20Rng::from_seed(seed)), &request);
        self.mirror.ask(&self.server, (&before, &self.store), &request, seed, &result);
        if let Err(error) = &result {
            codes::check(error);
            let is_same = self.store == before;
            assert_eq!(is_same, !error.keeps(), "{method} {path}: {error}");
        }
        result
    }

    /// One request. Whatever it is, an error has a known code and leaves nothing behind, unless it says so.
    pub(crate) fn request(
        &mut self,
        caller: Option<&UserId>,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, ApiError> {
        self.ask(caller.map(Caller::User), method, path, body.map_or(Body::None, Body::Json))
    }

    /// What the application asks.
    pub(crate) fn application(&mut self, method: &str, path: &str, body: &Value) -> Result<Reply, ApiError> {
        self.ask(Some(Caller::Application), method, path, Body::Json(body))
    }

    /// One that succeeds; gives its body.
    #[track_caller]
    pub(crate) fn call(
        &mut self,
        caller: Option<&User>,
        method: &str,
        path: &str,
        body: impl Into<Option<Value>>,
    ) -> Value {
        let reply = self.request(caller.map(|user| &user.id), method, path, body.into().as_ref());
        let reply = reply.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        self.mails.extend(reply.mails);
        self.events.extend(reply.events);
        reply.json
    }

    /// One that fails with this code.
    #[track_caller]
    pub(crate) fn refuse(
        &mut self,
        code: &str,
        caller: Option<&User>,
        method: &str,
        path: &str,
        body: impl Into<Option<Value>>,
    ) -> ApiError {
        match self.request(caller.map(|user| &user.id), method, path, body.into().as_ref()) {
            Ok(reply) => panic!("{method} {path} had to be {code}: {}", reply.json),
            Err(error) => {
                assert_eq!(error.code().as_str(), code, "{method} {path}: {error}");
                error
            }
        }
    }

    pub(crate) fn post(&mut self, caller: &User, path: &str, body: Value) -> Value {
        self.call(Some(caller), "POST", path, body)
    }

    /// Events since the last time, as text.
    pub(crate) fn pushed(&mut self) -> Vec<String> {
        let events = std::mem::take(&mut self.events);
        events.iter().map(|event| format!("{} {}", event.user_id(), event.to_json().unwrap_or_default())).collect()
    }

    /// All that was ever told, row by row.
    pub(crate) fn told(&mut self) -> Vec<Entry> {
        let rows = self.store.log_rows(0, usize::MAX).unwrap();
        let entries = rows.iter().flat_map(|row| row_entries(&row.blob).unwrap());
        entries.map(|bytes| Entry::from_bytes(bytes).unwrap()).collect()
    }

    /// The journal of a user or a session: actor, action, detail.
    pub(crate) fn journal(&mut self, caller: &User, session: Option<&str>) -> Vec<String> {
        let reply = self.post(caller, "/v1/journal", serde_json::json!({ "sessionId": session, "after": 0 }));
        let entries = list(&reply["entries"]);
        let entries = entries.iter().map(|bytes| Entry::from_bytes(bytes).unwrap());
        entries
            .map(|entry| {
                let actor = entry.actor.as_ref().map_or("-", UserId::as_str).to_owned();
                let detail = entry.detail.iter().map(|(key, value)| format!(" {key}={value}")).collect::<String>();
                format!("{actor} {}{detail}", entry.action)
            })
            .collect()
    }
}

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> Value {
    base64url(bytes.as_ref()).into()
}

pub(crate) fn unb64(value: &Value) -> Vec<u8> {
    from_base64url(value.as_str().unwrap_or_else(|| panic!("not bytes: {value}"))).unwrap()
}

pub(crate) fn list(value: &Value) -> Vec<Vec<u8>> {
    value.as_array().unwrap().iter().map(unb64).collect()
}

pub(crate) fn refs(objects: &[Vec<u8>]) -> Vec<&[u8]> {
    objects.iter().map(Vec::as_slice).collect()
}

pub(crate) fn key_server(value: &Value) -> Identity {
    Identity::verify(&refs(&list(value)), &app(), Asked::KeyServer, FIRST).unwrap()
}
