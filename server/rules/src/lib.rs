//! The rules of Wardkey's key server: `docs/API.md`, from a request to its reply, over a [`Store`]. No HTTP, no clock, no database, no randomness of its own. The
//! HTTP server, `memoryBackend()` in the page, and tests are this one function, [`handle`].
//!
//! ```
//! use serde_json::json;
//! use wardkey::{identity::{AppId, UserId}, random};
//! use wardkey_rules::{Body, Caller, MemoryStore, Request, Server};
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! let mut rng = random::system();
//! let server = Server::generate(&mut rng, &AppId::new("app.example")?)?;
//! let mut store = MemoryStore::default();
//! let alice = UserId::new("alice")?;
//!
//! let asked = Request { now_ms: 1_790_000_000_000, caller: Some(Caller::User(&alice)), method: "GET", path: "/v1/backup", idempotency_key: None, body: Body::None };
//! let error = store.request(&server, &mut rng, &asked).unwrap_err();
//! assert_eq!((error.status(), error.code().as_str()), (404, "no-backup"));
//! # Ok(())
//! # }
//! ```

mod account;
mod admin;
mod claims;
mod codes;
mod deferred;
mod directory;
mod error;
mod exchange_keys;
mod feed;
mod groups;
mod journal;
mod keys;
mod memory;
mod once;
mod reader;
mod recovery;
mod request;
mod server;
mod sessions;
mod store;
mod text;

use core::fmt;
use std::{borrow::Cow, collections::BTreeSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{error::Code, identity::UserId, random::Random};

use request::Route;

pub use deferred::{Deferred, settle};
pub use error::{ApiError, Result};
pub use journal::chain_journal;
pub use memory::MemoryStore;
pub use request::{Body, Caller, MAX_BODY, MAX_PUBLIC_BODY, Request};
pub use server::Server;
pub use store::{
    About, Account, Asker, Backup, Body as StanzaBody, Claim, Counted, ExchangeKeyStore, FeedItem, Group, GroupStore,
    Head, JournalEnd, JournalMark, JournalRow, Kept, KeptHead, Logged, LoggedRow, LooseRow, Membership, Opening,
    Pending, Reading, Recovery, Room, RowId, Share, Spot, Standing, Store, StoreError, Wanted, Wraps,
    readings_in_parts, row_ends, row_entries,
};

pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;
const DISABLED: ApiError = ApiError::new(Code::Forbidden, "the application disabled this user");
/// How long items of a feed are kept.
const FEED: u64 = 90 * DAY;

/// A request that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The body.
    pub json: Value,
    /// To be sent after the transaction.
    pub mails: Vec<Mail>,
    /// To be pushed after the transaction.
    pub events: Vec<Event>,
}

/// A one-time code, for the contact of a user or of a placeholder. `Debug` shows no code.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// Whose account it is; none where a placeholder is claimed.
    pub user_id: Option<UserId>,
    /// The code.
    pub code: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({} of {})", self.to, self.user_id.as_ref().map_or("a placeholder", UserId::as_str))
    }
}

/// What a user's clients are told: it says nothing by itself, and may be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is something new in the feed.
    Feed {
        /// Whose.
        user_id: UserId,
    },
    /// The application disabled the user: his streams end, and nothing is sent.
    Disabled {
        /// Whom.
        user_id: UserId,
    },
    /// There is another active backup.
    Backup {
        /// Whose.
        user_id: UserId,
        /// Its version.
        version: u64,
    },
}

impl Event {
    /// Whose clients get it.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        match self {
            Self::Feed { user_id } | Self::Disabled { user_id } | Self::Backup { user_id, .. } => user_id,
        }
    }

    /// As it is sent; nothing: the streams end.
    #[must_use]
    pub fn to_json(&self) -> Option<Value> {
        match self {
            Self::Feed { .. } => Some(json!({ "type": "feed" })),
            Self::Disabled { .. } => None,
            Self::Backup { version, .. } => Some(json!({ "type": "backup", "version": version })),
        }
    }
}

/// What a request works with, and what it leaves beside its writes.
pub(crate) struct Work<'a, S, R> {
    server: &'a Server,
    store: &'a mut S,
    rng: &'a mut Random<R>,
    now: u64,
    mails: Vec<Mail>,
    events: Vec<Event>,
    /// Who got an item of the feed.
    informed: BTreeSet<UserId>,
    /// What is written at the end.
    deferred: Deferred,
}

/// Answers one request, within one transaction of the store. The caller commits after a reply, and after an error that [`ApiError::keeps`] (a try was counted); after
/// any other error it rolls back. Mails and events go out after the commit. What was told to the journal is a row that [`chain_journal`] puts into the log, in this
/// transaction or in one after it.
///
/// `GET /v1/events` is answered with an empty object: the caller may listen, and the HTTP server begins its stream.
///
/// # Errors
/// Those of the API.
pub fn handle<S: Store, R: TryCryptoRng>(
    server: &Server,
    store: &mut S,
    rng: &mut Random<R>,
    request: &Request<'_>,
) -> Result<Reply> {
    let (result, deferred) = answer(server, store, rng, request);
    if result.as_ref().is_err_and(|error| !error.keeps()) {
        return result;
    }
    let more = settle(store, server, request.now_ms, deferred)?;
    result.map(|reply| Reply { events: [reply.events, more].concat(), ..reply })
}

/// The same for a request that [`is_reading`], in two halves: this one only reads, also from a copy of the store that was the newest a moment ago; and what is left to
/// write, [`settle`] writes, in another transaction. **Nothing of the reply goes out before that is committed:** it may be keys that nobody was told were given.
///
/// # Errors
/// Those of the API; `server` for a request that writes.
pub fn read_apart<S: Store, R: TryCryptoRng>(
    server: &Server,
    store: &mut S,
    rng: &mut Random<R>,
    request: &Request<'_>,
) -> Result<(Reply, Deferred)> {
    if !is_reading(request.method, request.path) {
        return Err(ApiError::server("a request that writes is answered whole"));
    }
    let (result, deferred) = answer(server, store, rng, request);
    result.map(|reply| (reply, deferred))
}

fn answer<S: Store, R: TryCryptoRng>(
    server: &Server,
    store: &mut S,
    rng: &mut Random<R>,
    request: &Request<'_>,
) -> (Result<Reply>, Deferred) {
    let mut work = Work {
        server,
        store,
        rng,
        now: request.now_ms,
        mails: Vec::new(),
        events: Vec::new(),
        informed: BTreeSet::new(),
        deferred: Deferred::default(),
    };
    let result = work.run(request);
    let Work { mails, mut events, informed, deferred, .. } = work;
    events.extend(informed.into_iter().map(|user_id| Event::Feed { user_id }));
    (result.map(|json| Reply { json, mails, events }), deferred)
}

/// Does this path need no token? The HTTP server then doesn't look at one.
#[must_use]
pub fn is_public(method: &str, path: &str) -> bool {
    Route::find(method, path).is_ok_and(Route::is_public)
}

/// Is there such a path, and does it need no token?
///
/// # Errors
/// Status 404.
pub fn check(method: &str, path: &str) -> Result<bool> {
    Route::find(method, path).map(Route::is_public)
}

/// Does a request for this path write nothing, however it ends? It may then be answered from any state that was committed.
#[must_use]
pub fn only_reads(method: &str, path: &str) -> bool {
    Route::find(method, path).map_or(true, Route::only_reads)
}

/// Does this path write nothing but what [`read_apart`] leaves to [`settle`]?
#[must_use]
pub fn is_reading(method: &str, path: &str) -> bool {
    Route::find(method, path).is_ok_and(Route::is_reading)
}

/// Is this path answered from journals?
#[must_use]
pub fn reads_journal(method: &str, path: &str) -> bool {
    matches!(Route::find(method, path), Ok(Route::Journal | Route::SeeJournal))
}

/// Drops what no rule looks at any more: to be called now and then, within a transaction.
///
/// # Errors
/// Where the store fails.
pub fn upkeep(store: &mut impl Store, now_ms: u64) -> Kept<()> {
    store.forget_before(now_ms.saturating_sub(DAY), now_ms.saturating_sub(DAY), now_ms.saturating_sub(FEED))
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    fn run(&mut self, request: &Request<'_>) -> Result<Value> {
        if matches!(request.body, Body::Bytes(bytes) if bytes.len() > MAX_BODY) {
            return Err(ApiError::new(Code::Limit, "a body larger than 24 MiB"));
        }
        let route = Route::find(request.method, request.path)?;
        if route.is_public() && matches!(request.body, Body::Bytes(bytes) if bytes.len() > MAX_PUBLIC_BODY) {
            return Err(ApiError::new(Code::Limit, "a body larger than 2 MiB"));
        }
        let caller = if route.is_public() { None } else { Some(request.caller.ok_or(ApiError::unauthenticated())?) };
        if caller.is_some_and(|caller| route.is_for_application() != (caller == Caller::Application)) {
            return Err(ApiError::new(Code::Forbidden, "for another kind of caller"));
        }
        if let Some(Caller::User(caller)) = caller {
            let standing = self.store.standing(caller)?;
            if standing.is_disabled {
                return Err(DISABLED);
            }
            if !standing.is_registered && !route.is_for_strangers() {
                return Err(ApiError::new(Code::UnknownUser, "this user isn't registered"));
            }
        }
        let parsed = match request.body {
            Body::Bytes([]) | Body::None => None,
            Body::Json(value) => Some(Cow::Borrowed(value)),
            Body::Bytes(bytes) => {
                Some(Cow::Owned(serde_json::from_slice::<Value>(bytes).map_err(|_| ApiError::argument("not JSON"))?))
            }
        };
        let body = match (&parsed, route.has_body()) {
            (Some(value), true) => value.as_ref(),
            (None, false) => &Value::Null,
            _ => return Err(ApiError::argument("a body that is missing, or that this path doesn't have")),
        };
        if let Some(user) = self.recovering(route, body)?
            && self.store.standing(&user)?.is_disabled
        {
            return Err(DISABLED);
        }
        let run = |work: &mut Self| match caller {
            Some(Caller::User(caller)) => work.of_user(route, caller, body),
            Some(Caller::Application) => work.of_application(route, body),
            None => work.of_public(route, body),
        };
        let result = match request.idempotency_key {
            Some(key) if route.is_answered_once() => self.once(request, (key, body), run),
            _ => run(self),
        };
        if !self.deferred.notes.is_empty() {
            self.rng.fill(&mut self.deferred.draw)?;
        }
        result
    }

    fn of_public(&mut self, route: Route, body: &Value) -> Result<Value> {
        match route {
            Route::Login => self.login(body),
            Route::StartRecovery => self.start_recovery(body),
            Route::AnswerCode(id) => self.answer_code(&id, body),
            Route::WriteRecovered(id) => self.write_recovered(&id, body),
            Route::ActivateRecovered(id) => self.activate_recovered(&id, body),
            _ => Err(ApiError::not_here()),
        }
    }

    fn of_application(&mut self, route: Route, body: &Value) -> Result<Value> {
        match route {
            Route::Assign => self.assign(body),
            Route::SeeUser => self.see_user(body),
            Route::Disable => self.disable(body),
            Route::SeeJournal => self.see_journal(body),
            _ => Err(ApiError::not_here()),
        }
    }

    fn of_user(&mut self, route: Route, caller: &UserId, body: &Value) -> Result<Value> {
        match route {
            Route::Register => self.register(caller, body),
            Route::ReadBackup => self.read_backup(caller),
            Route::WriteState => self.write_state(caller, body),
            Route::WritePending => self.write_pending(caller, body),
            Route::Activate => self.activate(caller, body),
            Route::Directory => self.directory(body),
            Route::CreateSession => self.create_session(caller, body),
            Route::Append(id) => self.append(caller, &id, body),
            Route::Keys => self.keys(caller, body),
            Route::PutExchangeKeys => self.put_exchange_keys(caller, body),
            Route::MyGroups => self.my_groups(caller),
            Route::CreateGroup => self.create_group(caller, body),
            Route::Operate(id) => self.operate(caller, &id, body),
            Route::SayHead(id) => self.say_head(caller, &id, body),
            Route::StartClaim(id) => self.start_claim(caller, &id, body),
            Route::AnswerClaim(id, claim) => self.answer_claim(caller, &id, &claim, body),
            Route::Feed => self.read_feed(caller, body),
            Route::Events => Ok(json!({})),
            Route::Journal => self.read_journal(caller, body),
            _ => Err(ApiError::not_here()),
        }
    }
}

/// Bytes in a reply. They aren't secret to who is given them, so the codec need not take the same time for all.
pub(crate) fn bytes(bytes: impl AsRef<[u8]>) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

/// An object of a reply, whose members are moved: `json!` copies them.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub(crate) fn bytes_or_null(value: Option<&Vec<u8>>) -> Value {
    value.map_or(Value::Null, bytes)
}

pub(crate) fn objects(objects: &[Vec<u8>]) -> Value {
    objects.iter().map(bytes).collect()
}
