//! How often a login may be tried, so that nobody guesses.

use core::{fmt, num::NonZeroU32};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use crate::refused::{Outcome, Refused};

/// Names that are remembered before those are forgotten that have nothing against them.
const SWEEP: usize = 10_000;

/// Tries by name: of a login, or of an invitation.
pub(crate) struct Throttle(DefaultKeyedRateLimiter<String>);

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Throttle(..)")
    }
}

impl Throttle {
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(per_minute)))
    }

    /// Counts a try.
    ///
    /// # Errors
    /// `throttled`.
    pub(crate) fn check(&self, what: &str, name: &str) -> Outcome<()> {
        if self.0.len() > SWEEP {
            self.0.retain_recent();
        }
        self.0.check_key(&format!("{what} {name}")).map_err(|until| {
            let wait = until.wait_time_from(governor::clock::DefaultClock::default().now());
            Refused::throttled(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1))
        })
    }
}
