//! How much one address, one user and all together may ask.

use core::{fmt, net::IpAddr, num::NonZeroU32, time::Duration};
use std::{
    hash::Hash,
    net::Ipv6Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::http::HeaderMap;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wardkey::identity::UserId;
use wardkey_rules::ApiError;

/// Keys that are remembered before those are forgotten that have nothing against them.
const SWEEP: usize = 10_000;

/// What an operator sets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// Requests without a token, by address and minute. A hospital is one address.
    pub public_per_minute: NonZeroU32,
    /// Requests of a user, by second.
    pub user_per_second: NonZeroU32,
    /// Requests that are worked on at once.
    pub at_once: usize,
    /// Proxies in front, each of which adds an address to `X-Forwarded-For`.
    pub proxies: usize,
    /// Bytes of bodies in memory at once.
    pub memory: usize,
    /// How long a client may send nothing.
    pub patience: Duration,
}

struct Keyed<K: Hash + Eq + Clone>(DefaultKeyedRateLimiter<K>);

impl<K: Hash + Eq + Clone> Keyed<K> {
    fn new(quota: Quota) -> Self {
        Self(RateLimiter::keyed(quota))
    }

    fn check(&self, key: &K) -> Result<(), ApiError> {
        if self.0.len() > SWEEP {
            self.0.retain_recent();
        }
        self.0.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(governor::clock::DefaultClock::default().now());
            let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            ApiError::throttled("too many requests", ms.saturating_add(1))
        })
    }
}

/// All limits of a process.
pub(crate) struct Limits {
    public: Keyed<IpAddr>,
    users: Keyed<UserId>,
    at_once: Arc<Semaphore>,
    /// Those among them that nobody answers for.
    strangers: Arc<Semaphore>,
    proxies: usize,
    memory: Memory,
    memory_of_strangers: Memory,
    streams: Arc<Semaphore>,
    /// How long a client may send nothing.
    pub(super) patience: Duration,
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limits({} places left)", self.at_once.available_permits())
    }
}

/// Streams of events of one process.
const STREAMS: usize = 20_000;

impl Limits {
    /// By what the operator set.
    #[must_use]
    pub(crate) fn new(rates: Rates) -> Self {
        // A whole minute's at once: a ward logs in together.
        let public = Quota::per_minute(rates.public_per_minute);
        let users = Quota::per_second(rates.user_per_second)
            .allow_burst(rates.user_per_second.saturating_mul(NonZeroU32::MIN.saturating_add(3)));
        Self {
            public: Keyed::new(public),
            users: Keyed::new(users),
            at_once: Arc::new(Semaphore::new(rates.at_once)),
            strangers: Arc::new(Semaphore::new(rates.at_once.div_ceil(2))),
            proxies: rates.proxies,
            memory: Memory { held: Arc::default(), most: rates.memory },
            memory_of_strangers: Memory { held: Arc::default(), most: rates.memory / 2 },
            streams: Arc::new(Semaphore::new(STREAMS)),
            patience: rates.patience,
        }
    }

    /// A place for one request, if there is one.
    pub(super) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.at_once).try_acquire_owned().ok()
    }

    /// One of the half of all places that is for requests without a token: whoever sends those slowly keeps no user out.
    pub(super) fn enter_as_stranger(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let full = |_| ApiError::throttled("too many requests at once", 1_000);
        Arc::clone(&self.strangers).try_acquire_owned().map_err(full)
    }

    /// A place for one stream of events.
    pub(super) fn listen(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let full = |_| ApiError::throttled("too many listen", 60_000);
        Arc::clone(&self.streams).try_acquire_owned().map_err(full)
    }

    /// How many requests are worked on.
    pub(super) fn places_left(&self) -> usize {
        self.at_once.available_permits()
    }

    pub(super) fn public(&self, address: IpAddr) -> Result<(), ApiError> {
        self.public.check(&network(address))
    }

    pub(super) fn user(&self, user: &UserId) -> Result<(), ApiError> {
        self.users.check(user)
    }

    /// The client's address: the peer's, or what the outermost of our own proxies saw.
    pub(super) fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if self.proxies == 0 {
            return peer;
        }
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let addresses: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        let place = addresses.len().checked_sub(self.proxies);
        place.and_then(|place| addresses.get(place)?.parse().ok()).unwrap_or(peer)
    }

    /// Strangers' bodies have half of the memory.
    pub(super) fn hold(&self, is_stranger: bool) -> Held {
        let more = is_stranger.then(|| self.memory_of_strangers.clone());
        Held { memory: core::iter::once(self.memory.clone()).chain(more).collect(), bytes: 0 }
    }
}

/// Who has one IPv6 address has 2⁶⁴.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        IpAddr::V4(_) => address.to_canonical(),
    }
}

/// Bytes that are held, and may be.
#[derive(Clone)]
struct Memory {
    held: Arc<AtomicUsize>,
    most: usize,
}

/// Bytes of a body, among all that stand in memory.
pub(super) struct Held {
    memory: Vec<Memory>,
    bytes: usize,
}

impl Held {
    pub(super) fn more(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.bytes += bytes;
        // Each counts it, so that each is given it back.
        let add =
            |Memory { held, most }: &Memory| held.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > *most;
        if self.memory.iter().map(add).fold(false, |any, one| any | one) {
            return Err(ApiError::throttled("too much is being sent at once", 2_000));
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for Memory { held, .. } in &self.memory {
            held.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

/// How often a stream of events says that it is alive.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(proxies: usize) -> Limits {
        let one = NonZeroU32::MIN;
        let rates = Rates {
            public_per_minute: one.saturating_add(2),
            user_per_second: one,
            at_once: 1,
            proxies,
            memory: 10,
            patience: HEARTBEAT,
        };
        Limits::new(rates)
    }

    #[test]
    fn an_address_asks_so_often_and_another_as_often() {
        let limits = limits(0);
        let (one, other): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..3 {
            limits.public(one).unwrap();
        }
        let refused = limits.public(one).unwrap_err();
        assert_eq!((refused.status(), refused.retry_after_ms().is_some_and(|ms| ms <= 20_001)), (429, true));
        limits.public(other).unwrap();
        let v6 = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
        for last in 0..3 {
            limits.public(v6(last)).unwrap();
        }
        assert!(limits.public(v6(9)).is_err(), "a network is one");
    }

    #[test]
    fn only_our_own_proxies_are_believed() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6, 1.2.3.4".parse().unwrap());
        headers.append("x-forwarded-for", "10.0.0.9".parse().unwrap());
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        for (proxies, seen) in [(0, "10.0.0.1"), (1, "10.0.0.9"), (2, "1.2.3.4"), (9, "10.0.0.1")] {
            assert_eq!(limits(proxies).address(peer, &headers).to_string(), seen);
        }
    }

    #[test]
    fn bodies_in_memory_are_bounded_together() {
        let limits = limits(0);
        let mut one = limits.hold(false);
        one.more(6).unwrap();
        let mut other = limits.hold(false);
        assert!(other.more(6).is_err());
        drop((one, other));
        let mut stranger = limits.hold(true);
        stranger.more(5).unwrap();
        assert!(limits.hold(true).more(1).is_err(), "strangers have half of it");
        limits.hold(false).more(5).unwrap();
        drop(stranger);
        limits.hold(true).more(5).unwrap();
        limits.hold(false).more(10).unwrap();
    }
}
