//! Sessions as they are given to someone: first it is seen what is his, then no more is read than that and than fits into a reply.

use wardkey::{party::Party, session::Rights, signed::Hash};

use super::{Head, Kept, Logged, Store, Wraps};

/// What is looked at before a session is given to someone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// As of [`Store::session`].
    pub head: Option<Head>,
    /// As of [`Store::rights`].
    pub rights: Option<Rights>,
    /// As of [`Store::group_rights`].
    pub groups: Vec<(Hash, Rights)>,
}

/// What is read of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The session.
    pub session: Hash,
    /// From this sequence on.
    pub from: u64,
    /// With the bodies of these parties.
    pub parties: Vec<Party>,
}

/// A session, as it is given to someone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What is looked at before.
    pub opening: Opening,
    /// As of [`Store::log`]; empty for who is given nothing.
    pub log: Vec<Logged>,
    /// As of [`Store::wraps`]; empty for who is given nothing.
    pub wraps: Vec<Wraps>,
}

impl Reading {
    /// The bytes of log, wraps and bodies.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of_log(&self.log) + self.wraps.iter().map(size_of_wraps).sum::<usize>()
    }
}

pub(crate) fn size_of_log(log: &[Logged]) -> usize {
    log.iter().map(|logged| logged.object.len()).sum()
}

pub(crate) fn size_of_wraps(wraps: &Wraps) -> usize {
    wraps.signed.len() + wraps.bodies.iter().map(|body| body.bytes.len()).sum::<usize>()
}

/// Who asks for sessions.
pub trait Asker {
    /// He himself.
    fn party(&self) -> &Party;
    /// The parties whose bodies he is given along with the log: he himself and groups, of those that have or had a right. Nothing: he isn't given the log, either.
    fn bodies(&self, opening: &Opening) -> Option<Vec<Party>>;
}

/// How much more fits into a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    whole: usize,
    left: usize,
}

impl Room {
    /// Room for so many bytes.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self { whole: bytes, left: bytes }
    }

    /// Do so many bytes fit? Then they take their room. The first do, however many they are; after some that don't, none do.
    pub fn take(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.left || self.left == self.whole;
        self.left = if fits { self.left.saturating_sub(bytes) } else { 0 };
        fits
    }

    /// Is it taken?
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.left == 0
    }
}

/// [`Store::readings`] by the store's other operations, one session after the other.
///
/// # Errors
/// The store's.
pub fn readings_in_parts<S: Store + ?Sized>(
    store: &mut S,
    of: &[(Hash, u64)],
    asker: &dyn Asker,
    room: &mut Room,
) -> Kept<Vec<Option<Reading>>> {
    let mut reading = |(session, from): &(Hash, u64)| {
        if room.is_full() {
            return Ok(None);
        }
        let Some(opening) = store.openings(&[*session], asker.party())?.pop() else { return Ok(None) };
        let mut reading = Reading { opening, log: Vec::new(), wraps: Vec::new() };
        let Some(parties) = asker.bodies(&reading.opening) else { return Ok(Some(reading)) };
        let wanted = Wanted { session: *session, from: *from, parties };
        (reading.log, reading.wraps) = store.contents(&[wanted])?.pop().unwrap_or_default();
        Ok(room.take(reading.size()).then_some(reading))
    };
    of.iter().map(&mut reading).collect()
}
