//! How often a login, an invitation or a recovery may be tried, so that nobody guesses.

use core::{fmt, hash::Hash, net::IpAddr, num::NonZeroU32};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use crate::refused::{Outcome, Refused};

/// Names that are remembered before those are forgotten that have nothing against them.
const SWEEP: usize = 10_000;

/// An address has so many times the tries of a user: people of a ward share one.
const OF_AN_ADDRESS: NonZeroU32 = NonZeroU32::new(20).expect("it isn't 0");

/// Tries by name and by address.
pub(crate) struct Throttle {
    names: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Throttle(..)")
    }
}

impl Throttle {
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        let of_address = per_minute.saturating_mul(OF_AN_ADDRESS);
        Self {
            names: RateLimiter::keyed(Quota::per_minute(per_minute)),
            addresses: RateLimiter::keyed(Quota::per_minute(of_address)),
        }
    }

    /// Counts a try of this kind with this name, a user's or a facility's, from this address. What the address has too many of isn't held against the name.
    ///
    /// # Errors
    /// `throttled`.
    pub(crate) fn check(&self, address: IpAddr, what: &str, name: &str) -> Outcome<()> {
        count(&self.addresses, &address)?;
        count(&self.names, &format!("{what} {name}"))
    }
}

fn count<K: Clone + Eq + Hash>(tries: &DefaultKeyedRateLimiter<K>, key: &K) -> Outcome<()> {
    if tries.len() > SWEEP {
        tries.retain_recent();
    }
    tries.check_key(key).map_err(|until| {
        let wait = until.wait_time_from(governor::clock::DefaultClock::default().now());
        Refused::throttled(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1))
    })
}
