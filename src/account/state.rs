//! What an account remembers, sealed in its backup: SPEC section 11.2.

use core::fmt;

use crate::{
    encoding::{MALFORMED, Reader, encode_into},
    error::{Code, Error, Result},
    identity::{Identity, Pin, Pins, UserId},
    secret::{Secret, SecretBytes, equal},
    signed::{Hash, Minimum},
};

const MAX: usize = 768 << 10;
/// More than a pin, and more than a group, takes beside the name.
const ITEM: usize = 96;

/// The highest that was seen of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its sequence.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

/// The state of an account. `Debug` shows nothing of it.
#[derive(PartialEq, Eq)]
pub struct State {
    /// Of users, the own one among them, and of the key server.
    pub pins: Pins,
    cache_key: Secret<32>,
    minimum: Minimum,
    /// Sorted by id.
    groups: Vec<(Hash, Seen)>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State(..)")
    }
}

impl State {
    /// The state of a new account, whose identity is pinned whatever is set for first use.
    #[must_use]
    pub fn new(cache_key: Secret<32>, own: &Identity) -> Self {
        Self { pins: Pins::of_own(own), cache_key, minimum: Minimum::default(), groups: Vec::new() }
    }

    /// Reads the state of this user.
    ///
    /// # Errors
    /// `limit`, `invalid-format`.
    pub fn from_bytes(bytes: &SecretBytes, own: &UserId) -> Result<Self> {
        let bytes = bytes.expose();
        if bytes.len() > MAX {
            return Err(Error::new(&(Code::Limit, "larger than any state")));
        }
        let mut reader = Reader::new(bytes);
        reader.map_of(5)?;
        reader.key(1)?;
        let mut pins = Pins::read_users(&mut reader)?;
        reader.key(2)?;
        let cache_key = Secret::from_slice(reader.bytes()?).ok_or(MALFORMED)?;
        reader.key(3)?;
        let minimum = Minimum(reader.uint()?);
        reader.key(4)?;
        let mut groups: Vec<(Hash, Seen)> = Vec::new();
        for _ in 0..reader.map()? {
            let id = Hash(reader.fixed()?);
            reader.array_of(2)?;
            let seen = Seen { sequence: reader.uint()?, hash: Hash(reader.fixed()?) };
            if groups.last().is_some_and(|(last, _)| *last >= id) {
                return Err(MALFORMED);
            }
            groups.push((id, seen));
        }
        reader.key(5)?;
        *pins.key_server_mut() = reader.null_or(Pin::read)?;
        let state = Self { pins, cache_key, minimum, groups };
        let is_whole = state.minimum.0 > 0 && state.pins.find(Some(own)).is_some();
        if is_whole && equal(state.encode().expose(), bytes) { Ok(state) } else { Err(MALFORMED) }
    }

    /// The payload of a backup.
    ///
    /// # Errors
    /// `limit`.
    pub fn to_bytes(&self) -> Result<SecretBytes> {
        let bytes = self.encode();
        if bytes.expose().len() > MAX {
            Err(Error::new(&(Code::Limit, "a state larger than 768 KiB")))
        } else {
            Ok(bytes)
        }
    }

    /// Written into memory that doesn't grow.
    fn encode(&self) -> SecretBytes {
        let users: usize = self.pins.users().iter().map(|(name, _)| name.as_str().len() + ITEM).sum();
        let capacity = users + ITEM * self.groups.len() + 3 * ITEM;
        let bytes = encode_into(Vec::with_capacity(capacity), |w| {
            w.map(5);
            w.uint(1);
            self.pins.write_users(w);
            w.uint(2);
            w.bytes(self.cache_key.expose());
            w.uint(3);
            w.uint(self.minimum.0);
            w.uint(4);
            w.map(self.groups.len());
            for (id, seen) in &self.groups {
                w.bytes(&id.0);
                w.array(2);
                w.uint(seen.sequence);
                w.bytes(&seen.hash.0);
            }
            w.uint(5);
            match self.pins.find(None) {
                Some(pin) => pin.write(w),
                None => w.null(),
            }
        });
        debug_assert!(bytes.len() <= capacity);
        SecretBytes::new(bytes)
    }

    /// Seals the caches of this account's devices.
    #[must_use]
    pub const fn cache_key(&self) -> &Secret<32> {
        &self.cache_key
    }

    /// What is read of a lower version is `downgrade`.
    #[must_use]
    pub const fn minimum(&self) -> Minimum {
        self.minimum
    }

    /// The account has written in this version.
    pub fn raise_minimum(&mut self, version: Minimum) {
        self.minimum = self.minimum.max(version);
    }

    /// The highest that was seen of a group's log.
    #[must_use]
    pub fn group(&self, id: &Hash) -> Option<Seen> {
        let place = self.place(id).ok()?;
        self.groups.get(place).map(|(_, seen)| *seen)
    }

    /// The highest that was seen of each group's log, sorted by id.
    #[must_use]
    pub fn groups(&self) -> &[(Hash, Seen)] {
        &self.groups
    }

    /// A group's log was seen up to there.
    ///
    /// # Errors
    /// `fork` for another hash of the sequence that is remembered. A lower sequence changes nothing.
    pub fn see_group(&mut self, id: Hash, seen: Seen) -> Result<()> {
        match self.place(&id) {
            Err(place) => self.groups.insert(place, (id, seen)),
            Ok(place) => {
                let Some((_, own)) = self.groups.get_mut(place) else { return Ok(()) };
                if own.sequence == seen.sequence && own.hash != seen.hash {
                    return Err(Error::new(&(Code::Fork, "two states of one group")));
                }
                if own.sequence < seen.sequence {
                    *own = seen;
                }
            }
        }
        Ok(())
    }

    fn place(&self, id: &Hash) -> core::result::Result<usize, usize> {
        self.groups.binary_search_by(|(own, _)| own.cmp(id))
    }

    /// Two states of one account: this one is of the backup with the higher version, and its cache key stays.
    ///
    /// # Errors
    /// `pin-mismatch`, `fork`.
    pub fn merge(mut self, other: &Self) -> Result<Self> {
        self.pins.merge(&other.pins)?;
        self.raise_minimum(other.minimum);
        for (id, seen) in &other.groups {
            self.see_group(*id, *seen)?;
        }
        Ok(self)
    }
}
