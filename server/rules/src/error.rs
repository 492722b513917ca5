//! How a request ends when it doesn't succeed: API section 1.

use core::fmt;

use serde_json::{Value, json};
use wardkey::error::{Code, Error};

use crate::store::StoreError;

/// What a client gets in the place of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    code: Code,
    status: u16,
    message: &'static str,
    retry_after_ms: Option<u64>,
    attempts_left: Option<u64>,
    keeps: bool,
    cause: Option<String>,
}

/// A result of a request, or of a step of it.
pub type Result<T> = core::result::Result<T, ApiError>;

/// The status of a code. Codes that no rule ends in are the server's failure.
const fn status(code: Code) -> Option<u16> {
    Some(match code {
        Code::InvalidArgument
        | Code::InvalidFormat
        | Code::UnsupportedVersion
        | Code::Truncated
        | Code::Downgrade
        | Code::KeyPolicy
        | Code::KdfPolicy
        | Code::KeyMismatch
        | Code::UnwrapFailed
        | Code::BadSignature
        | Code::PinMismatch => 400,
        Code::Forbidden | Code::Revoked | Code::NotARecipient | Code::OtpWrong => 403,
        Code::UnknownUser | Code::UnknownGroup | Code::UnknownSession | Code::NoBackup => 404,
        Code::AlreadyRegistered | Code::Conflict | Code::Stale | Code::Rollback | Code::Fork => 409,
        Code::OtpExpired => 410,
        Code::Limit => 413,
        Code::Throttled | Code::OtpLocked => 429,
        Code::Server => 500,
        _ => return None,
    })
}

impl ApiError {
    /// An error of this code; one that isn't among those of the API is `server`.
    #[must_use]
    pub const fn new(code: Code, message: &'static str) -> Self {
        let (code, status) = match status(code) {
            Some(status) => (code, status),
            None => (Code::Server, 500),
        };
        Self { code, status, message, retry_after_ms: None, attempts_left: None, keeps: false, cause: None }
    }

    /// There is no such path, or not with this method.
    #[must_use]
    pub fn not_here() -> Self {
        Self { status: 404, ..Self::new(Code::InvalidArgument, "there is no such path") }
    }

    /// No caller, or a token that isn't valid.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self { status: 401, ..Self::new(Code::Forbidden, "this needs a valid token") }
    }

    /// The client names another user (`Wardkey-User`) than its token does.
    #[must_use]
    pub const fn other_caller() -> Self {
        Self::new(Code::Forbidden, "the token is another user's")
    }

    /// Too much at once, or too often: may be asked again after so many milliseconds.
    #[must_use]
    pub fn throttled(message: &'static str, retry_after_ms: u64) -> Self {
        Self::new(Code::Throttled, message).after(retry_after_ms)
    }

    pub(crate) const fn argument(message: &'static str) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    pub(crate) const fn server(message: &'static str) -> Self {
        Self::new(Code::Server, message)
    }

    pub(crate) fn after(self, retry_after_ms: u64) -> Self {
        Self { retry_after_ms: Some(retry_after_ms), ..self }
    }

    pub(crate) fn otp_wrong(attempts_left: u64) -> Self {
        Self { attempts_left: Some(attempts_left), ..Self::new(Code::OtpWrong, "a wrong code") }
    }

    /// What was written stays.
    pub(crate) fn keeping(self) -> Self {
        Self { keeps: true, ..self }
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// For `Retry-After`.
    #[must_use]
    pub const fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after_ms
    }

    /// Tries that are left for a code.
    #[must_use]
    pub const fn attempts_left(&self) -> Option<u64> {
        self.attempts_left
    }

    /// Is the transaction committed all the same? Then a try was counted, and nothing else was written.
    #[must_use]
    pub const fn keeps(&self) -> bool {
        self.keeps
    }

    /// What the store said, for the server's log alone.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The body.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = json!({ "code": self.code.as_str(), "message": self.message });
        if let Value::Object(members) = &mut json {
            let more = [("retryAfterMs", self.retry_after_ms), ("attemptsLeft", self.attempts_left)];
            members.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
        }
        json
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl core::error::Error for ApiError {}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::new(error.code(), error.message())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self { cause: Some(error.0), ..Self::new(Code::Server, "the store failed") }
    }
}
