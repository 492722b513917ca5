//! What is refused, and how that is said: `{"code", "message"}` with a status.

use core::fmt::Display;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use wardkey::error::{Code, Error};

use crate::http::json_response;

/// Why a request isn't answered. It names nothing that is secret.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    retry_after_ms: Option<u64>,
}

/// What a request gives.
pub(crate) type Outcome<T> = Result<T, Refused>;

impl Refused {
    const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, retry_after_ms: None }
    }

    pub(crate) const fn invalid(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-argument", message)
    }

    pub(crate) const fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "nobody is logged in, or name and secret don't belong together",
        )
    }

    pub(crate) const fn forbidden(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// Also of what is another facility's: that it is there is nobody else's to know.
    pub(crate) const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is no such thing here")
    }

    pub(crate) const fn conflict(message: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    pub(crate) const fn too_large(message: &'static str) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message)
    }

    pub(crate) const fn unsatisfiable() -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "invalid-argument", "nothing of the file is in this range")
    }

    pub(crate) const fn throttled(retry_after_ms: u64) -> Self {
        let refused = Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", "too many requests");
        Self { retry_after_ms: Some(retry_after_ms), ..refused }
    }

    /// What isn't the client's fault; the cause is for the log alone.
    pub(crate) fn failed(cause: &dyn Display) -> Self {
        tracing::error!(%cause, "failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server", "the application's server failed")
    }

    /// The key server didn't do its part; who asks again may have more luck.
    pub(crate) fn key_server(cause: &dyn Display) -> Self {
        tracing::error!(%cause, "the key server failed");
        Self::new(StatusCode::BAD_GATEWAY, "server", "the key server didn't do its part")
    }

    /// As a key server says it: API section 1. For what is asked by the package itself, section 4.5.
    pub(crate) const fn as_key_server(code: Code, message: &'static str) -> Self {
        let status = match code {
            Code::Forbidden => StatusCode::UNAUTHORIZED,
            Code::NoBackup => StatusCode::NOT_FOUND,
            Code::OtpExpired => StatusCode::GONE,
            Code::Limit => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, code.as_str(), message)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::as_key_server(error.code(), error.message())
    }
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::failed(&error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut body = json!({ "code": self.code, "message": self.message });
        if let (Some(ms), Some(members)) = (self.retry_after_ms, body.as_object_mut()) {
            members.insert("retryAfterMs".to_owned(), ms.into());
        }
        let mut response = json_response(self.status, &body);
        if let Some(ms) = self.retry_after_ms {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        }
        response
    }
}
