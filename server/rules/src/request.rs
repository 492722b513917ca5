//! From a request to typed values: path and method, then members. API sections 1 and 2.

use core::fmt;

use serde_json::{Map, Value};
use wardkey::{
    encoding::from_base64url,
    error::Code,
    identity::{AppId, UserId},
    password::Kdf,
    signed::Hash,
};

use crate::error::{ApiError, Result};

/// A body may have so many bytes.
pub const MAX_BODY: usize = 24 << 20;
/// And one of a public request so many.
pub const MAX_PUBLIC_BODY: usize = 2 << 20;
/// Members of a list in a request, and items of a page.
pub(crate) const MAX_LIST: usize = 1_000;

/// The greatest integer that every JSON parser reads exactly.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    /// A user.
    User(&'a UserId),
    /// The application's own server.
    Application,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The server's clock: milliseconds since 1970.
    pub now_ms: u64,
    /// Who asks, as the token says (in memory: the request's `userId`); none without a valid one. Public paths don't look at it.
    pub caller: Option<Caller<'a>>,
    /// `GET`, `POST`, `PUT`.
    pub method: &'a str,
    /// From `/v1` on, without a query.
    pub path: &'a str,
    /// The header `Idempotency-Key`, if there is one.
    pub idempotency_key: Option<&'a str>,
    /// The body.
    pub body: Body<'a>,
}

/// The body of a request. `Debug` shows nothing of it: it may be a code.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// There is none.
    None,
    /// It was parsed, and its size was checked.
    Json(&'a Value),
    /// As it came. No bytes: there is none.
    Bytes(&'a [u8]),
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(..)")
    }
}

/// A path with its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Login,
    Register,
    ReadBackup,
    WriteState,
    WritePending,
    Activate,
    StartRecovery,
    AnswerCode([u8; 16]),
    WriteRecovered([u8; 16]),
    ActivateRecovered([u8; 16]),
    Directory,
    CreateSession,
    Append(Hash),
    Keys,
    PutExchangeKeys,
    MyGroups,
    CreateGroup,
    Operate(Hash),
    SayHead(Hash),
    StartClaim(Hash),
    AnswerClaim(Hash, [u8; 16]),
    Assign,
    SeeUser,
    Disable,
    SeeJournal,
    Feed,
    Events,
    Journal,
}

impl Route {
    pub(crate) fn find(method: &str, path: &str) -> Result<Self> {
        let segments: Vec<_> = path.strip_prefix("/v1/").map(|rest| rest.split('/').collect()).unwrap_or_default();
        let short = |id: &str| fixed::<16>(id).ok_or(ApiError::not_here());
        let hash = |id: &str| Hash::parse(id).ok_or(ApiError::not_here());
        match (method, segments.as_slice()) {
            ("POST", ["public", "login"]) => Ok(Self::Login),
            ("POST", ["register"]) => Ok(Self::Register),
            ("GET", ["backup"]) => Ok(Self::ReadBackup),
            ("PUT", ["backup"]) => Ok(Self::WriteState),
            ("PUT", ["backup", "pending"]) => Ok(Self::WritePending),
            ("POST", ["backup", "activate"]) => Ok(Self::Activate),
            ("POST", ["public", "recoveries"]) => Ok(Self::StartRecovery),
            ("POST", ["public", "recoveries", id, "code"]) => Ok(Self::AnswerCode(short(id)?)),
            ("PUT", ["public", "recoveries", id, "pending"]) => Ok(Self::WriteRecovered(short(id)?)),
            ("POST", ["public", "recoveries", id, "activate"]) => Ok(Self::ActivateRecovered(short(id)?)),
            ("POST", ["directory"]) => Ok(Self::Directory),
            ("POST", ["sessions"]) => Ok(Self::CreateSession),
            ("POST", ["sessions", id, "entries"]) => Ok(Self::Append(hash(id)?)),
            ("POST", ["keys"]) => Ok(Self::Keys),
            ("POST", ["exchange-keys"]) => Ok(Self::PutExchangeKeys),
            ("GET", ["groups"]) => Ok(Self::MyGroups),
            ("POST", ["groups"]) => Ok(Self::CreateGroup),
            ("POST", ["groups", id, "operations"]) => Ok(Self::Operate(hash(id)?)),
            ("POST", ["groups", id, "heads"]) => Ok(Self::SayHead(hash(id)?)),
            ("POST", ["groups", id, "claims"]) => Ok(Self::StartClaim(hash(id)?)),
            ("POST", ["groups", id, "claims", claim]) => Ok(Self::AnswerClaim(hash(id)?, short(claim)?)),
            ("POST", ["assignments"]) => Ok(Self::Assign),
            ("POST", ["admin", "user"]) => Ok(Self::SeeUser),
            ("POST", ["admin", "disable"]) => Ok(Self::Disable),
            ("POST", ["admin", "journal"]) => Ok(Self::SeeJournal),
            ("POST", ["feed"]) => Ok(Self::Feed),
            ("GET", ["events"]) => Ok(Self::Events),
            ("POST", ["journal"]) => Ok(Self::Journal),
            _ => Err(ApiError::not_here()),
        }
    }

    /// Needs no token.
    pub(crate) const fn is_public(self) -> bool {
        matches!(
            self,
            Self::Login
                | Self::StartRecovery
                | Self::AnswerCode(_)
                | Self::WriteRecovered(_)
                | Self::ActivateRecovered(_)
        )
    }

    /// Writes nothing but notes, and who was given the log of a group.
    pub(crate) const fn is_reading(self) -> bool {
        matches!(
            self,
            Self::Login
                | Self::ReadBackup
                | Self::Directory
                | Self::Keys
                | Self::MyGroups
                | Self::Feed
                | Self::Events
                | Self::Journal
                | Self::SeeUser
                | Self::SeeJournal
        )
    }

    /// Has effects each time, and is answered once for each idempotency key.
    pub(crate) const fn is_answered_once(self) -> bool {
        matches!(self, Self::StartRecovery | Self::AnswerCode(_) | Self::StartClaim(_) | Self::AnswerClaim(..))
    }

    /// The application asks, and nobody else.
    pub(crate) const fn is_for_application(self) -> bool {
        matches!(self, Self::Assign | Self::SeeUser | Self::Disable | Self::SeeJournal)
    }

    /// Answers those who have no account, too.
    pub(crate) const fn is_for_strangers(self) -> bool {
        self.is_public() || matches!(self, Self::Register | Self::ReadBackup | Self::WriteState)
    }

    /// Writes nothing.
    pub(crate) const fn only_reads(self) -> bool {
        matches!(
            self,
            Self::Login
                | Self::ReadBackup
                | Self::Directory
                | Self::MyGroups
                | Self::Feed
                | Self::Events
                | Self::Journal
        )
    }

    pub(crate) const fn has_body(self) -> bool {
        !matches!(self, Self::ReadBackup | Self::MyGroups | Self::Events)
    }
}

fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    from_base64url(text).ok()?.try_into().ok()
}

const MISTYPED: ApiError = ApiError::argument("a member is missing, or of another type");

/// The members of an object, all of which have these names.
#[derive(Clone, Copy)]
pub(crate) struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    pub(crate) fn of(value: &'a Value, names: &[&str]) -> Result<Self> {
        let members = value.as_object().ok_or(ApiError::argument("not an object"))?;
        if members.keys().all(|name| names.contains(&name.as_str())) {
            Ok(Self(members))
        } else {
            Err(ApiError::argument("a member that isn't known"))
        }
    }

    pub(crate) fn value(self, name: &str) -> Result<&'a Value> {
        self.0.get(name).ok_or(MISTYPED)
    }

    /// A member that may be missing.
    pub(crate) fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn text(self, name: &str) -> Result<&'a str> {
        self.value(name)?.as_str().ok_or(MISTYPED)
    }

    pub(crate) fn text_or_null(self, name: &str) -> Result<Option<&'a str>> {
        if self.value(name)?.is_null() { Ok(None) } else { self.text(name).map(Some) }
    }

    pub(crate) fn number(self, name: &str) -> Result<u64> {
        self.value(name)?.as_u64().filter(|number| *number <= MAX_NUMBER).ok_or(MISTYPED)
    }

    pub(crate) fn flag(self, name: &str) -> Result<bool> {
        self.value(name)?.as_bool().ok_or(MISTYPED)
    }

    pub(crate) fn bytes(self, name: &str) -> Result<Vec<u8>> {
        from_base64url(self.text(name)?).map_err(|_| MISTYPED)
    }

    pub(crate) fn bytes_or_null(self, name: &str) -> Result<Option<Vec<u8>>> {
        if self.value(name)?.is_null() { Ok(None) } else { self.bytes(name).map(Some) }
    }

    pub(crate) fn app_id(self, name: &str) -> Result<AppId> {
        AppId::new(self.text(name)?).map_err(|_| MISTYPED)
    }

    pub(crate) fn user_id(self, name: &str) -> Result<UserId> {
        UserId::new(self.text(name)?).map_err(|_| MISTYPED)
    }

    pub(crate) fn hash(self, name: &str) -> Result<Hash> {
        Hash::parse(self.text(name)?).ok_or(MISTYPED)
    }

    pub(crate) fn hash_or_null(self, name: &str) -> Result<Option<Hash>> {
        if self.value(name)?.is_null() { Ok(None) } else { self.hash(name).map(Some) }
    }

    /// A number that may be missing.
    pub(crate) fn number_if_any(self, name: &str) -> Result<Option<u64>> {
        if self.has(name) { self.number(name).map(Some) } else { Ok(None) }
    }

    /// A list of so many members at most.
    pub(crate) fn list<T>(self, name: &str, most: usize, read: impl Fn(&'a Value) -> Result<T>) -> Result<Vec<T>> {
        let items = self.value(name)?.as_array().ok_or(MISTYPED)?;
        if items.len() > most {
            return Err(ApiError::new(Code::Limit, "too many members in a list"));
        }
        items.iter().map(read).collect()
    }

    pub(crate) fn user_ids(self, name: &str) -> Result<Vec<UserId>> {
        let read = |value: &Value| UserId::new(value.as_str().ok_or(MISTYPED)?).map_err(|_| MISTYPED);
        self.list(name, MAX_LIST, read)
    }

    pub(crate) fn hashes(self, name: &str) -> Result<Vec<Hash>> {
        self.list(name, MAX_LIST, |value| value.as_str().and_then(Hash::parse).ok_or(MISTYPED))
    }

    pub(crate) fn objects(self, name: &str, most: usize) -> Result<Vec<Vec<u8>>> {
        self.list(name, most, |value| from_base64url(value.as_str().ok_or(MISTYPED)?).map_err(|_| MISTYPED))
    }

    /// Parameters of a derivation, whatever their bounds: those are a rule.
    pub(crate) fn kdf(self, name: &str) -> Result<core::result::Result<Kdf, wardkey::error::Error>> {
        let value = self.value(name)?;
        let cost =
            |members: Members<'_>, name| -> Result<_> { Ok(u32::try_from(members.number(name)?).unwrap_or(u32::MAX)) };
        match value.get("name").and_then(Value::as_str) {
            Some("argon2id") => {
                let members = Members::of(value, &["name", "memoryKiB", "passes"])?;
                Ok(Kdf::argon2id(cost(members, "memoryKiB")?, cost(members, "passes")?))
            }
            Some("pbkdf2-sha256") => {
                let members = Members::of(value, &["name", "iterations"])?;
                Ok(Kdf::pbkdf2(cost(members, "iterations")?))
            }
            _ => Err(MISTYPED),
        }
    }
}
