//! Bodies: their size, how slowly they may come, and how much of them stands in memory at once.

use core::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use tokio::time::timeout;
use wardkey::error::Code;
use wardkey_rules::{ApiError, MAX_BODY, MAX_PUBLIC_BODY};

use super::limits::{Held, Limits};

/// The slowest line that is served, in bytes a second: a whole body takes no longer than its share and the client's patience once.
const SLOWEST: u64 = 64 << 10;

const TOO_LARGE: ApiError = ApiError::new(Code::Limit, "a body larger than 24 MiB, or 2 MiB without a token");
const CUT_OFF: ApiError = ApiError::new(Code::InvalidArgument, "the body broke off");
const TOO_SLOW: ApiError = ApiError::new(Code::InvalidArgument, "the body came too slowly");

/// A body that was read, and its place among all that stand in memory: given back together with the bytes, after whatever waited and was done with them.
struct Read {
    bytes: Box<[u8]>,
    _held: Held,
}

impl AsRef<[u8]> for Read {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

const fn most(is_stranger: bool) -> usize {
    if is_stranger { MAX_PUBLIC_BODY } else { MAX_BODY }
}

/// Refuses a body by the length that is announced, before any of it is read.
pub(super) fn check_length(headers: &HeaderMap, is_stranger: bool) -> Result<(), ApiError> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most(is_stranger) as u64) { Err(TOO_LARGE) } else { Ok(()) }
}

pub(super) async fn read(mut body: Body, limits: &Limits, is_stranger: bool) -> Result<Bytes, ApiError> {
    let (mut bytes, mut held, begun) = (Vec::new(), limits.hold(is_stranger), tokio::time::Instant::now());
    loop {
        let Ok(frame) = timeout(limits.patience, body.frame()).await else { return Err(TOO_SLOW) };
        let Some(frame) = frame else { break };
        let Ok(piece) = frame.map_err(|_| CUT_OFF)?.into_data() else { continue };
        if bytes.len().saturating_add(piece.len()) > most(is_stranger) {
            return Err(TOO_LARGE);
        }
        held.more(piece.len())?;
        bytes.extend_from_slice(&piece);
        let share = Duration::from_millis(bytes.len() as u64 * 1_000 / SLOWEST);
        if begun.elapsed() > limits.patience + share {
            return Err(TOO_SLOW);
        }
    }
    Ok(Bytes::from_owner(Read { bytes: bytes.into_boxed_slice(), _held: held }))
}
