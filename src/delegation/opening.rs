//! The keys of a pair's versions, for who may have them: SPEC section 18.4.

use core::fmt;

use rand_core::TryCryptoRng;

use super::{
    chain::{Chain, Version},
    exchange_key::{context, previous_context},
    names::Pair,
};
use crate::{
    cobblestone,
    data_key::DataKey,
    error::{Code, Error, Result},
    key_pair::{Fingerprint, KeyPair, PublicKey, Suite},
    party::Party,
    random::Random,
    secret::{Secret, SecretBytes},
    stanzas::Stanza,
    wrap::Unwrapping,
};

const NO_KEY: Error = Error::new(&(Code::NotARecipient, "the exchange key was wrapped for a key pair that isn't here"));
const NOT_A_PARTY: Error = Error::new(&(Code::NotARecipient, "an exchange key between others"));
const MISSING: Error =
    Error::new(&(Code::BadSignature, "the exchange key was not wrapped for this user, or that was withheld"));
const NOT_TRIED: Error =
    Error::new(&(Code::NotARecipient, "the exchange key has no such version, or it was not opened"));
const OTHER_KEY: Error = Error::new(&(Code::KeyMismatch, "another exchange key than the version names"));

const UNOPENED: Error =
    Error::new(&(Code::UnwrapFailed, "the exchange key that was wrapped for this user does not open"));
const SEALED: Error = Error::new(&(Code::DecryptionFailed, "an exchange key that the version after it doesn't open"));

/// Why a version stays closed, by the code that was kept; nothing for what comes of no version: SPEC section 18.4.
pub(super) fn why_closed(code: &str) -> Option<Error> {
    [NO_KEY, MISSING, OTHER_KEY, UNOPENED, SEALED].into_iter().find(|error| error.code().as_str() == code)
}

/// Does this say something of the version, and not of the moment?
#[must_use]
pub fn is_lasting(error: Error) -> bool {
    why_closed(error.code().as_str()).is_some()
}

/// The opened versions of one pair's exchange key.
pub struct ExchangeKeys {
    pair: Pair,
    /// From version 1 on; nothing where it wasn't tried yet.
    versions: Vec<Option<Result<DataKey>>>,
}

impl fmt::Debug for ExchangeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExchangeKeys").field(&self.pair).field(&self.versions.len()).finish()
    }
}

impl ExchangeKeys {
    /// Keys that were kept, from version 1 on, each with why it is closed where it is.
    #[must_use]
    pub fn kept(pair: Pair, versions: Vec<Result<DataKey>>) -> Self {
        Self { pair, versions: versions.into_iter().map(Some).collect() }
    }

    /// The pair.
    #[must_use]
    pub const fn pair(&self) -> &Pair {
        &self.pair
    }

    /// The key of a version.
    ///
    /// # Errors
    /// Why it is closed: those of SPEC section 18.4; `not-a-recipient` where there is none.
    pub fn version(&self, version: u64) -> Result<&DataKey> {
        let place = version.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| self.versions.get(place)) {
            Some(Some(Ok(key))) => Ok(key),
            Some(Some(Err(error))) => Err(*error),
            _ => Err(NOT_TRIED),
        }
    }

    /// The key under which is sealed: the newest version's.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub fn newest(&self) -> Result<&DataKey> {
        self.version(self.versions.len() as u64)
    }

    /// All of them, from version 1 on.
    pub(super) fn versions(&self) -> impl Iterator<Item = Result<&DataKey>> {
        self.versions.iter().map(|version| match version {
            Some(Ok(key)) => Ok(key),
            Some(Err(error)) => Err(*error),
            None => Err(NOT_TRIED),
        })
    }

    /// The open ones, the newest first.
    pub(super) fn open(&self) -> impl Iterator<Item = &DataKey> {
        self.versions.iter().rev().filter_map(|version| version.as_ref()?.as_ref().ok())
    }

    /// Why the newest of those is closed that are.
    pub(super) fn why_closed(&self) -> Option<Error> {
        self.versions.iter().rev().find_map(|version| match version {
            Some(Ok(_)) => None,
            Some(Err(error)) => Some(*error),
            None => Some(NOT_TRIED),
        })
    }

    fn set(&mut self, place: usize, key: Result<DataKey>) {
        if let Some(version) = self.versions.get_mut(place) {
            *version = Some(key);
        }
    }
}

/// A stanza of one of the reader's parties.
#[derive(Debug)]
pub struct Sealed<'a> {
    chain: &'a Chain,
    place: usize,
    stanza: &'a Stanza,
    body: &'a [u8],
}

impl Sealed<'_> {
    /// Of the key pair that opens it.
    #[must_use]
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.stanza.fingerprint
    }

    /// Whose key pair that is.
    #[must_use]
    pub const fn party(&self) -> &Party {
        &self.stanza.party
    }

    /// Of that key pair, as who wrapped it says.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.stanza.suite
    }

    /// Begins opening it, for the key pair of this public key; the private operation may be another engine's.
    ///
    /// # Errors
    /// `not-a-recipient`, `unwrap-failed`.
    pub fn begin(&self, public: &PublicKey) -> Result<Unwrapping> {
        if public.fingerprint() != self.fingerprint() {
            return Err(NO_KEY);
        }
        if public.suite() != self.suite() {
            return Err(UNOPENED);
        }
        let version = self.chain.versions().get(self.place).ok_or(MISSING)?;
        let context = context(self.chain.pair(), self.place as u64 + 1)?;
        Ok(Unwrapping::of_stanza(&version.named, public, self.body.to_vec(), &context))
    }
}

impl Chain {
    /// Nothing is open yet. One version after the other is, from the newest down: [`Self::next_sealed`].
    ///
    /// # Errors
    /// `not-a-recipient` where none of these is a party of the pair.
    pub fn begin_opening(&self, parties: &[Party]) -> Result<ExchangeKeys> {
        let is_party = parties.contains(&self.delegator) || parties.contains(&self.delegate);
        let versions = self.versions().iter().map(|_| None).collect();
        if is_party { Ok(ExchangeKeys { pair: self.pair().clone(), versions }) } else { Err(NOT_A_PARTY) }
    }

    /// The stanza by which these parties open the newest version that wasn't tried yet. What came of it is for [`Self::take_opened`]. Versions that have none
    /// for them stay closed.
    pub fn next_sealed(&self, keys: &mut ExchangeKeys, parties: &[Party]) -> Option<Sealed<'_>> {
        loop {
            let place = keys.versions.iter().rposition(Option::is_none)?;
            match self.sealed(place, parties) {
                Ok(sealed) => return Some(sealed),
                Err(error) => keys.set(place, Err(error)),
            }
        }
    }

    /// Of several that of the user, then that of the delegate.
    fn sealed(&self, place: usize, parties: &[Party]) -> Result<Sealed<'_>> {
        let version = self.versions().get(place).ok_or(MISSING)?;
        let rank = |party: &Party| (matches!(party, Party::Group(_)), *party != self.delegate);
        let own = version.stanzas.iter().zip(&version.bodies.0).filter(|(stanza, _)| parties.contains(&stanza.party));
        let bodies = own.filter_map(|(stanza, body)| Some((stanza, body.as_deref()?)));
        let (stanza, body) = bodies.min_by_key(|(stanza, _)| rank(&stanza.party)).ok_or(MISSING)?;
        Ok(Sealed { chain: self, place, stanza, body })
    }

    /// Takes what came of the newest version that wasn't tried yet, and opens those before it.
    pub fn take_opened(&self, keys: &mut ExchangeKeys, opened: Result<DataKey>) {
        let Some(mut place) = keys.versions.iter().rposition(Option::is_none) else { return };
        // In the words in which it is said of what was kept.
        let opened = opened.map_err(|error| why_closed(error.code().as_str()).unwrap_or(error));
        let opened = opened.and_then(|key| self.checked(place, key));
        let is_open = opened.is_ok();
        keys.set(place, opened);
        while is_open && let Some(before) = place.checked_sub(1) {
            let (Some(version), Some(Some(Ok(key)))) = (self.versions().get(place), keys.versions.get(place)) else {
                return;
            };
            let Ok(opened) = self.key_before(version, place, key) else { return };
            keys.set(before, Ok(opened));
            place = before;
        }
    }

    /// The key of the version before, which is sealed by that of this one.
    fn key_before(&self, version: &Version, place: usize, key: &DataKey) -> Result<DataKey> {
        let before = place.checked_sub(1).ok_or(OTHER_KEY)?;
        let commitment = self.versions().get(before).map(|before| before.named.commitment).ok_or(OTHER_KEY)?;
        let sealed =
            version.previous_key.ok_or(Error::new(&(Code::DecryptionFailed, "a version without the one before")))?;
        let context = previous_context(&self.delegator, &self.delegate, place as u64 + 1, &commitment);
        let opened = SecretBytes::new(cobblestone::open(key.dangerously_expose(), &context, &sealed)?);
        self.checked(before, DataKey::from_secret(Secret::from_slice(opened.expose()).ok_or(OTHER_KEY)?))
    }

    fn checked(&self, place: usize, key: DataKey) -> Result<DataKey> {
        let is_it = self.versions().get(place).is_some_and(|version| version.named.is(&key));
        if is_it { Ok(key) } else { Err(OTHER_KEY) }
    }

    /// Opens all versions for these parties with the key pairs that the user has, those of his groups' epochs among them.
    ///
    /// # Errors
    /// `not-a-recipient` where none of these is a party of the pair. What doesn't open of a version is for [`ExchangeKeys::version`].
    pub fn open<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        parties: &[Party],
        pairs: &[&KeyPair],
    ) -> Result<ExchangeKeys> {
        let mut keys = self.begin_opening(parties)?;
        while let Some(sealed) = self.next_sealed(&mut keys, parties) {
            let pair = pairs.iter().find(|pair| pair.public_key().fingerprint() == sealed.fingerprint());
            let opened = pair.ok_or(NO_KEY).and_then(|pair| {
                let unwrapping = sealed.begin(pair.public_key())?;
                let opened = pair.unwrap(rng, unwrapping.label(), unwrapping.body())?;
                unwrapping.finish(opened.expose())
            });
            self.take_opened(&mut keys, opened);
        }
        Ok(keys)
    }
}
