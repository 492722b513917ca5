//! A key server and an application in one, in memory.

use core::fmt;

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    error::{Code, Error},
    identity::{AppId, UserId},
    random::Random,
    signed::Hash,
};
use wardkey_rules::{ApiError, Body, Caller, Event, MemoryStore, Reply, Request, Result, Server};

use crate::application::Application;

const NOBODY: &str = "nobody's";

/// Everything that `memoryBackend()` holds. Which application it serves, the first login says, or whoever asks for its fingerprint before.
pub struct KeyServer<R> {
    pub(crate) rng: Random<R>,
    /// None before that.
    pub(crate) server: Option<Server>,
    pub(crate) store: MemoryStore,
    pub(crate) application: Application,
}

impl<R> fmt::Debug for KeyServer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyServer({:?})", self.store)
    }
}

impl<R: TryCryptoRng> KeyServer<R> {
    /// An empty one.
    pub fn new(rng: Random<R>) -> Self {
        Self { rng, server: None, store: MemoryStore::default(), application: Application::default() }
    }

    /// One request, its body as text.
    ///
    /// # Errors
    /// Those of the API.
    pub fn request(
        &mut self,
        now_ms: u64,
        caller: Option<&UserId>,
        (method, path): (&str, &str),
        body: Option<&str>,
    ) -> Result<Reply> {
        let body = body.map_or(Body::None, |text| Body::Bytes(text.as_bytes()));
        let caller = caller.map(Caller::User);
        let asked = Request { now_ms, caller, method, path, idempotency_key: None, body };
        if let Some(server) = &self.server {
            return self.store.request(server, &mut self.rng, &asked);
        }
        // A server that nobody knows yet has nothing to give but its own identity, at the first login: until then it is a new one each time.
        let server = Server::generate(&mut self.rng, &app_id(&asked)?)?;
        let reply = self.store.request(&server, &mut self.rng, &asked)?;
        self.server = Some(server);
        Ok(reply)
    }

    /// Assigns a placeholder to a group, in every session that waits for that.
    ///
    /// # Errors
    /// `invalid-argument`; those of the API.
    pub fn assign_placeholder(&mut self, now_ms: u64, placeholder: &str, group: &str) -> Result<Vec<Event>> {
        UserId::new(placeholder).map_err(|_| Error::new(&(Code::InvalidArgument, "not a placeholder")))?;
        Hash::parse(group).ok_or(Error::new(&(Code::InvalidArgument, "not the id of a group")))?;
        let unknown = ApiError::new(Code::UnknownGroup, "there is no such group");
        let server = self.server.as_ref().ok_or(unknown)?;
        let body = json!({ "placeholder": placeholder, "groupId": group });
        let caller = Some(Caller::Application);
        let asked = Request {
            now_ms,
            caller,
            method: "POST",
            path: "/v1/assignments",
            idempotency_key: None,
            body: Body::Json(&body),
        };
        let mut events = Vec::new();
        loop {
            let reply = self.store.request(server, &mut self.rng, &asked)?;
            events.extend(reply.events);
            if reply.json.get("more") != Some(&Value::Bool(true)) {
                return Ok(events);
            }
        }
    }

    /// The key server's fingerprint: what its operator tells the developers of this application.
    ///
    /// # Errors
    /// `key-mismatch` for another application than the one that it serves; `rng`.
    pub fn escrow_key(&mut self, app_id: &AppId) -> Result<Hash> {
        let server = match self.server.take() {
            Some(server) => server,
            None => Server::generate(&mut self.rng, app_id)?,
        };
        let server = self.server.insert(server);
        if server.app_id() != app_id {
            return Err(ApiError::new(Code::KeyMismatch, "this key server is another application's"));
        }
        Ok(*server.identity().fingerprint())
    }

    /// `appShare.put`
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn put_share(&mut self, user: &UserId, share: &str) -> Result<()> {
        Ok(self.application.put(user, share)?)
    }

    /// `appShare.get`
    ///
    /// # Errors
    /// Those of [`wardkey::account::Receipt::verify`]; `otp-expired` for a receipt that was used; `no-backup` without a share.
    pub fn take_share(&mut self, now_ms: u64, user: &UserId, receipt: &str) -> Result<String> {
        let unsigned = ApiError::new(Code::BadSignature, "this key server hasn't signed anything yet");
        let server = self.server.as_ref().ok_or(unsigned)?;
        Ok(self.application.take(user, receipt, server.identity(), now_ms)?)
    }
}

/// The application that a login is for; of other requests, none of which succeeds before the first login, nobody's.
fn app_id(asked: &Request<'_>) -> Result<AppId> {
    let body = match asked.body {
        Body::Bytes(bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
        _ => Value::Null,
    };
    let named = body.get("appId").and_then(Value::as_str).unwrap_or(NOBODY);
    Ok(AppId::new(named).or_else(|_| AppId::new(NOBODY))?)
}
