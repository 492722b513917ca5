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
//! let asked = Request { now_ms: 1_790_000_000_000, caller: Some(Caller::User(&alice)), method: "GET", path: "/v1/backup", body: Body::None };
//! let error = store.request(&server, &mut rng, &asked).unwrap_err();
//! assert_eq!((error.status(), error.code().as_str()), (404, "no-backup"));
//! # Ok(())
//! # }
//! ```

mod account;
mod claims;
mod codes;
mod directory;
mod error;
mod feed;
mod groups;
mod journal;
mod keys;
mod memory;
mod reader;
mod recovery;
mod request;
mod server;
mod sessions;
mod store;
mod text;

use core::fmt;
use std::{borrow::Cow, collections::BTreeSet};

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{encoding::base64url, error::Code, identity::UserId, random::Random};

use request::Route;

pub use error::{ApiError, Result};
pub use memory::MemoryStore;
pub use request::{Body, Caller, MAX_BODY, Request};
pub use server::Server;
pub use store::{
    About, Account, Backup, Body as StanzaBody, Claim, Counted, FeedItem, Group, GroupStore, Head, Kept, KeptHead,
    Logged, Membership, Pending, Recovery, Share, Store, StoreError, Wraps,
};

pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;
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
            Self::Feed { user_id } | Self::Backup { user_id, .. } => user_id,
        }
    }

    /// As it is sent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Feed { .. } => json!({ "type": "feed" }),
            Self::Backup { version, .. } => json!({ "type": "backup", "version": version }),
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
}

/// Answers one request, within one transaction of the store. The caller commits after a reply, and after an error that [`ApiError::keeps`] (a try was counted); after
/// any other error it rolls back. Mails and events go out after the commit.
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
    if matches!(request.body, Body::Bytes(bytes) if bytes.len() > MAX_BODY) {
        return Err(ApiError::new(Code::Limit, "a body larger than 24 MiB"));
    }
    let route = Route::find(request.method, request.path)?;
    let caller = if route.is_public() { None } else { Some(request.caller.ok_or(ApiError::unauthenticated())?) };
    if caller.is_some_and(|caller| route.is_for_application() != (caller == Caller::Application)) {
        return Err(ApiError::new(Code::Forbidden, "for another kind of caller"));
    }
    if let Some(Caller::User(caller)) = caller
        && !route.is_for_strangers()
        && !store.has_account(caller)?
    {
        return Err(ApiError::new(Code::UnknownUser, "this user isn't registered"));
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
    let mut work = Work {
        server,
        store,
        rng,
        now: request.now_ms,
        mails: Vec::new(),
        events: Vec::new(),
        informed: BTreeSet::new(),
    };
    let json = match caller {
        Some(Caller::User(caller)) => work.of_user(route, caller, body)?,
        Some(Caller::Application) => work.of_application(route, body)?,
        None => work.of_public(route, body)?,
    };
    let Work { mails, mut events, informed, .. } = work;
    events.extend(informed.into_iter().map(|user_id| Event::Feed { user_id }));
    Ok(Reply { json, mails, events })
}

/// Does this path need no token? The HTTP server then doesn't look at one.
#[must_use]
pub fn is_public(method: &str, path: &str) -> bool {
    Route::find(method, path).is_ok_and(Route::is_public)
}

/// Drops what no rule looks at any more: to be called now and then, within a transaction.
///
/// # Errors
/// Where the store fails.
pub fn upkeep(store: &mut impl Store, now_ms: u64) -> Kept<()> {
    store.forget_before(now_ms.saturating_sub(DAY), now_ms.saturating_sub(DAY), now_ms.saturating_sub(FEED))
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
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

/// Bytes in a reply.
pub(crate) fn bytes(bytes: impl AsRef<[u8]>) -> Value {
    base64url(bytes.as_ref()).into()
}

pub(crate) fn bytes_or_null(value: Option<&Vec<u8>>) -> Value {
    value.map_or(Value::Null, bytes)
}

pub(crate) fn objects(objects: &[Vec<u8>]) -> Value {
    objects.iter().map(bytes).collect()
}
