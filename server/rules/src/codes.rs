//! One-time codes, and how often they may be sent and tried: API sections 4 and 9.

use rand_core::TryCryptoRng;
use wardkey::{error::Code, identity::UserId, secret::Secret};

use crate::{
    ApiError, DAY, MINUTE, Work,
    error::Result,
    request::Members,
    store::{Counted, Store},
};

/// Starts of one kind and name in 24 hours.
const STARTS: usize = 10;
/// Tries of a user in 24 hours.
const DAILY_TRIES: usize = 10;
/// Tries of one code.
const TRIES: u64 = 5;
/// A code lives so long, and so does a receipt.
pub(crate) const LIFE: u64 = 10 * MINUTE;
/// One more than the greatest code.
const CODES: u128 = 100_000_000;

const EXPIRED: ApiError = ApiError::new(Code::OtpExpired, "this code has ended, or there is none");
const LOCKED: ApiError = ApiError::new(Code::OtpLocked, "too many tries");

/// A code that was drawn.
pub(crate) struct Drawn {
    /// Of what it answers.
    pub(crate) id: [u8; 16],
    pub(crate) code: String,
    /// HMAC-SHA-256, as it is kept.
    pub(crate) kept: [u8; 32],
    pub(crate) end: u64,
}

/// A code that was sent, as far as trying it goes.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) id: &'a [u8; 16],
    pub(crate) kept: &'a [u8; 32],
    pub(crate) end: u64,
    pub(crate) tries: u64,
}

/// The first character of an address, and what begins with its `@`.
pub(crate) fn masked(address: &str) -> String {
    let host = address.find('@').and_then(|at| address.get(at..)).unwrap_or_default();
    address.chars().take(1).chain("•••".chars()).chain(host.chars()).collect()
}

/// A code in a request.
pub(crate) fn read_code<'a>(members: Members<'a>) -> Result<&'a str> {
    let code = members.text("code")?;
    if (1..=64).contains(&code.len()) { Ok(code) } else { Err(ApiError::argument("a code has 1 to 64 bytes")) }
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    /// May one more be sent, as these are counted?
    pub(crate) fn check_starts(&mut self, name: &UserId, what: Counted) -> Result<()> {
        let starts = self.today(name, what)?;
        if starts.len() >= STARTS {
            let throttled = ApiError::new(Code::Throttled, "too many codes were sent");
            return Err(throttled.after(self.until_free(&starts, STARTS)));
        }
        Ok(())
    }

    pub(crate) fn draw_code(&mut self) -> Result<Drawn> {
        let (mut id, mut draw) = ([0; 16], [0; 16]);
        self.rng.fill(&mut id)?;
        self.rng.fill(&mut draw)?;
        let code = format!("{:08}", u128::from_be_bytes(draw) % CODES);
        let kept = *self.server.code(&id, &code)?.expose();
        Ok(Drawn { id, code, kept, end: self.now.saturating_add(LIFE) })
    }

    /// May this code be tried? Gives the tries of the day.
    pub(crate) fn check_tries(&mut self, user: &UserId, what: Counted, sent: Sent<'_>) -> Result<usize> {
        if sent.tries >= TRIES {
            return Err(LOCKED);
        }
        let tries = self.today(user, what)?;
        if tries.len() >= DAILY_TRIES {
            return Err(LOCKED.after(self.until_free(&tries, DAILY_TRIES)));
        }
        if self.now >= sent.end {
            return Err(EXPIRED);
        }
        Ok(tries.len())
    }

    /// In constant time.
    pub(crate) fn is_right(&self, sent: Sent<'_>, code: &str) -> Result<bool> {
        Ok(Secret::from_slice(sent.kept) == Some(self.server.code(sent.id, code)?))
    }

    /// What a wrong code, the first one of a try that was counted, is answered with.
    pub(crate) fn wrong(sent: Sent<'_>, tries_before: usize) -> ApiError {
        let left = TRIES.saturating_sub(sent.tries + 1);
        let left = left.min((DAILY_TRIES - 1).saturating_sub(tries_before) as u64);
        ApiError::otp_wrong(left).keeping()
    }

    /// Times within the last 24 hours, or, where the clock was set back, later than now.
    pub(crate) fn today(&mut self, name: &UserId, what: Counted) -> Result<Vec<u64>> {
        let since = self.now.saturating_add(1).saturating_sub(DAY);
        let mut times = self.store.times(name, what, since)?;
        times.sort_unstable();
        Ok(times)
    }

    /// How long until fewer than `most` of these times are within a day.
    fn until_free(&self, times: &[u64], most: usize) -> u64 {
        let oldest = times.len().checked_sub(most).and_then(|place| times.get(place));
        oldest.map_or(0, |oldest| oldest.saturating_add(DAY).saturating_sub(self.now))
    }
}
