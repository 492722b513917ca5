//! What is remembered of a name: SPEC sections 10.4 and 10.5. A changed key is an error, never a silent update.

use super::{Identity, UserId, bundle::MAX_VERSION};
use crate::{
    encoding::{MALFORMED, Reader, Writer, encode},
    error::{Code, Error, Result},
    key_pair::Suite,
    signed::Hash,
};

const DOWNGRADE: Error = Error::new(&(Code::Downgrade, "a weaker suite than the one that is pinned"));
pub(crate) const MISMATCH: Error =
    Error::new(&(Code::PinMismatch, "another identity than the one that is known under this name"));
const ROLLBACK: Error = Error::new(&(Code::Rollback, "an older identity than the one that is pinned"));
const FORK: Error = Error::new(&(Code::Fork, "two bundles of one identity and version"));
const UNCERTIFIED: Error = Error::new(&(Code::NotCertified, "nothing proves that this identity belongs to this name"));

/// What was seen of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    identity: Hash,
    version: u64,
    hash: Hash,
    suite: Suite,
}

impl Pin {
    /// The newest of this identity.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        let newest = identity.newest();
        Self {
            identity: *identity.fingerprint(),
            version: newest.value().version(),
            hash: *newest.hash(),
            suite: identity.suite(),
        }
    }

    /// The identity fingerprint.
    #[must_use]
    pub const fn identity(&self) -> &Hash {
        &self.identity
    }

    /// The highest version that was seen.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Its hash.
    #[must_use]
    pub const fn hash(&self) -> &Hash {
        &self.hash
    }

    /// Two pins of one name.
    fn merge(self, other: Self) -> Result<Self> {
        if self.identity != other.identity {
            return Err(MISMATCH);
        }
        if self.version == other.version && self.hash != other.hash {
            return Err(FORK);
        }
        let higher = if self.version >= other.version { self } else { other };
        let suite = if self.suite.is_weaker_than(other.suite) { other.suite } else { self.suite };
        Ok(Self { suite, ..higher })
    }

    /// Its encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|w| self.write(w))
    }

    /// Reads a pin by itself.
    ///
    /// # Errors
    /// `invalid-format`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let pin = Self::read(&mut Reader::new(bytes))?;
        if pin.to_bytes() == bytes { Ok(pin) } else { Err(MALFORMED) }
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.array(4);
        w.bytes(&self.identity.0);
        w.uint(self.version);
        w.bytes_or_null((self.version > 1).then_some(self.hash.0.as_slice()));
        w.uint(self.suite.number());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.array_of(4)?;
        let identity = Hash(reader.fixed()?);
        let version = reader.uint()?;
        let hash = reader.null_or(Reader::fixed)?.map(Hash);
        let suite = Suite::from_number(reader.uint()?).filter(|suite| *suite != Suite::Rsa2048).ok_or(MALFORMED)?;
        if !(1..=MAX_VERSION).contains(&version) || hash.is_none() != (version == 1) {
            return Err(MALFORMED);
        }
        Ok(Self { identity, version, hash: hash.unwrap_or(identity), suite })
    }
}

/// What happens when a name is met for the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstUse {
    /// It is pinned.
    #[default]
    Pin,
    /// It is `not-certified`.
    Reject,
}

/// What the application says of whom to trust.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Fingerprints known out of band, by name.
    pub anchors: Vec<(String, Hash)>,
    /// For users without anchor and pin.
    pub first_use: FirstUse,
    /// The key server's fingerprint (`escrowKey`). Without it, the first one seen is pinned.
    pub key_server: Option<Hash>,
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// As it was.
    Known,
    /// Pinned now.
    First,
    /// A renewal: the application is told.
    Renewed {
        /// The hash that was pinned.
        from: Hash,
        /// The one that is pinned now.
        to: Hash,
    },
}

/// Compares a verified identity with what is known of its name. Unless it is [`Met::Known`], its pin is now [`Pin::of`] it.
///
/// # Errors
/// `downgrade`, `pin-mismatch`, `rollback`, `fork`, `not-certified`.
pub fn compare(identity: &Identity, pin: Option<&Pin>, anchor: Option<&Hash>, first_use: FirstUse) -> Result<Met> {
    if pin.is_some_and(|pin| identity.suite().is_weaker_than(pin.suite)) {
        return Err(DOWNGRADE);
    }
    let mut known = anchor.into_iter().chain(pin.map(Pin::identity));
    if known.any(|known| known != identity.fingerprint()) {
        return Err(MISMATCH);
    }
    let Some(pin) = pin else {
        let refused = anchor.is_none() && first_use == FirstUse::Reject;
        return if refused { Err(UNCERTIFIED) } else { Ok(Met::First) };
    };
    if *identity.version(pin.version).ok_or(ROLLBACK)?.hash() != pin.hash {
        return Err(FORK);
    }
    let (from, to) = (pin.hash, *identity.newest().hash());
    Ok(if from == to { Met::Known } else { Met::Renewed { from, to } })
}

/// The pins of an account. They are never lowered, and never dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    /// Sorted by the names' encodings.
    users: Vec<(UserId, Pin)>,
    key_server: Option<Pin>,
}

impl Pins {
    /// The first pin of an account: its own.
    pub(crate) fn of_own(identity: &Identity) -> Self {
        let mut pins = Self::default();
        pins.set(identity.user_id().cloned(), Pin::of(identity));
        pins
    }

    /// The pin of a user, or of the key server.
    #[must_use]
    pub fn find(&self, name: Option<&UserId>) -> Option<&Pin> {
        let Some(name) = name else { return self.key_server.as_ref() };
        let place = self.place(name).ok()?;
        self.users.get(place).map(|(_, pin)| pin)
    }

    /// Users and their pins.
    #[must_use]
    pub fn users(&self) -> &[(UserId, Pin)] {
        &self.users
    }

    /// Compares a verified identity with what is known of its name, and pins it.
    ///
    /// # Errors
    /// `downgrade`, `pin-mismatch`, `rollback`, `fork`, `not-certified`. Nothing changes then.
    pub fn meet(&mut self, identity: &Identity, trust: &Trust) -> Result<Met> {
        let name = identity.user_id();
        let (anchor, first_use) = match name {
            None => (trust.key_server.as_ref(), FirstUse::Pin),
            Some(name) => {
                let anchor = trust.anchors.iter().find(|(anchored, _)| anchored == name.as_str());
                (anchor.map(|(_, fingerprint)| fingerprint), trust.first_use)
            }
        };
        let met = compare(identity, self.find(name), anchor, first_use)?;
        if met != Met::Known {
            self.set(name.cloned(), Pin::of(identity));
        }
        Ok(met)
    }

    /// The pins of two states of one account.
    ///
    /// # Errors
    /// `pin-mismatch`, `fork`. Nothing changes then.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        let mut merged = self.clone();
        let users = other.users.iter().map(|(name, pin)| (Some(name), pin));
        for (name, pin) in users.chain(other.key_server.iter().map(|pin| (None, pin))) {
            let pin = match merged.find(name) {
                Some(own) => own.merge(*pin)?,
                None => *pin,
            };
            merged.set(name.cloned(), pin);
        }
        *self = merged;
        Ok(())
    }

    fn place(&self, name: &UserId) -> core::result::Result<usize, usize> {
        let key = |name: &UserId| name.as_str().len();
        self.users.binary_search_by(|(own, _)| key(own).cmp(&key(name)).then_with(|| own.cmp(name)))
    }

    fn set(&mut self, name: Option<UserId>, pin: Pin) {
        let Some(name) = name else { return self.key_server = Some(pin) };
        match self.place(&name) {
            Ok(place) => {
                if let Some((_, own)) = self.users.get_mut(place) {
                    *own = pin;
                }
            }
            Err(place) => self.users.insert(place, (name, pin)),
        }
    }

    /// The map of users.
    pub(crate) fn write_users(&self, w: &mut Writer) {
        w.map(self.users.len());
        for (name, pin) in &self.users {
            w.text(name.as_str());
            pin.write(w);
        }
    }

    /// The same. Names in another order would not come out the same again, but one that stands twice would.
    pub(crate) fn read_users(reader: &mut Reader<'_>) -> Result<Self> {
        let mut pins = Self::default();
        for _ in 0..reader.map()? {
            let name = UserId::read(reader)?;
            if pins.place(&name) != Err(pins.users.len()) {
                return Err(MALFORMED);
            }
            pins.users.push((name, Pin::read(reader)?));
        }
        Ok(pins)
    }

    pub(crate) const fn key_server_mut(&mut self) -> &mut Option<Pin> {
        &mut self.key_server
    }
}
