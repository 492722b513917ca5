//! Two clocks in one: the wall clock can be set back, the monotonic one stops where the device sleeps. The longer of the two counts.

/// Wall clocks are corrected by so much now and then, in milliseconds.
const SLACK: u64 = 10_000;

/// A reading of both clocks, in milliseconds: since 1970, and since any moment of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Can be set forward and back.
    pub wall: u64,
    /// Never goes back.
    pub monotonic: u64,
}

impl Now {
    /// This moment of the wall clock has not come yet.
    pub(super) const fn is_before(&self, wall: u64) -> bool {
        self.wall.saturating_add(SLACK) < wall
    }
}

/// Where a cache reads the time.
pub trait Clock {
    /// The present reading.
    fn now(&self) -> Now;
}

/// One reading for what is done at once: asking the host takes longer than what it is asked for.
impl Clock for Now {
    fn now(&self) -> Now {
        *self
    }
}

/// The time of one cache, which never runs slower than either clock.
#[derive(Debug)]
pub(super) struct Time {
    start: Now,
    latest: u64,
}

impl Time {
    pub(super) const fn starting(now: Now) -> Self {
        Self { start: now, latest: now.wall }
    }

    /// The time, or nothing where the wall clock was set back; it counts anew from there.
    pub(super) fn read(&mut self, now: Now) -> Option<u64> {
        if now.is_before(self.latest) {
            *self = Self::starting(now);
            return None;
        }
        self.latest = self.latest.max(now.wall);
        let elapsed = now.monotonic.saturating_sub(self.start.monotonic);
        Some(now.wall.max(self.start.wall.saturating_add(elapsed)))
    }
}
