//! The keys of a session, for who may read it: SPEC section 12.6.

use core::fmt;

use rand_core::TryCryptoRng;

use super::{
    Session,
    rights::Rights,
    wraps::{Body, context},
};
use crate::{
    cobblestone,
    data_key::{DataKey, KeyCommitment, KeyId},
    encoding::encode,
    error::{Code, Error, Result},
    key_pair::{Fingerprint, KeyPair, PublicKey, Suite},
    party::Party,
    random::Random,
    secret::{Secret, SecretBytes},
    signed::Hash,
    wrap::{Named, Unwrapping},
};

const NOT_FOR_THIS: Error = Error::new(&(Code::NotARecipient, "nothing was wrapped for these keys"));
const OTHER_KEY: Error = Error::new(&(Code::KeyMismatch, "another key than the session names"));

/// A stanza of one of the user's parties.
#[derive(Debug)]
pub struct Sealed<'a> {
    session: &'a Session,
    body: &'a Body,
}

impl Sealed<'_> {
    /// Of the key pair that opens it.
    #[must_use]
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.body.fingerprint
    }

    /// Of that key pair, as who wrapped it says.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.body.suite
    }

    /// The generation whose key it holds.
    #[must_use]
    pub const fn generation(&self) -> usize {
        self.body.generation
    }

    /// Whom it is for.
    #[must_use]
    pub fn party(&self) -> Option<&Party> {
        self.session.log().party(self.body.party)
    }

    /// Begins opening it, for the key pair of this public key; the private operation may be another engine's.
    ///
    /// # Errors
    /// `not-a-recipient`, `unwrap-failed`.
    pub fn begin(&self, public: &PublicKey) -> Result<Unwrapping> {
        if public.fingerprint() != self.fingerprint() {
            return Err(NOT_FOR_THIS);
        }
        if public.suite() != self.suite() {
            return Err(Error::new(&(Code::UnwrapFailed, "the wrapped key does not open")));
        }
        let named = self.session.named(self.generation()).ok_or(OTHER_KEY)?;
        let context = context(self.session.log().id(), self.generation())?;
        Ok(Unwrapping::of_stanza(&named, public, self.body.body.clone(), &context))
    }
}

/// The keys of a session, by generation.
#[derive(Default)]
pub struct Keys {
    open: Vec<(usize, DataKey)>,
    /// Generations whose keys didn't open by that after them, and why. Nor did those before, by this path.
    broken: Vec<(usize, Error)>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.open.iter().map(|(generation, _)| generation)).finish()
    }
}

impl Keys {
    /// Takes a key in, in the place of another of its generation. It was checked: [`Session::check_key`].
    pub fn insert(&mut self, generation: usize, key: DataKey) {
        self.open.retain(|(known, _)| *known != generation);
        self.open.push((generation, key));
    }

    /// Takes in what was opened from an earlier generation down: [`Session::sealed_below`].
    pub fn join(&mut self, earlier: Self) {
        earlier.open.into_iter().for_each(|(generation, key)| self.insert(generation, key));
        for (generation, error) in earlier.broken {
            if self.broken.iter().all(|(known, _)| *known != generation) {
                self.broken.push((generation, error));
            }
        }
    }

    /// The newest generation whose key isn't sealed as it should be in the one after it, if there is one, and why. It may be open all the same.
    #[must_use]
    pub fn broken(&self) -> Option<(usize, Error)> {
        self.broken.iter().max_by_key(|(generation, _)| *generation).copied()
    }

    /// Why this generation's key stayed closed: `decryption-failed`, `key-mismatch`.
    #[must_use]
    pub fn why_closed(&self, generation: usize) -> Option<Error> {
        let above = self.broken.iter().filter(|(broken, _)| *broken >= generation);
        let nearest = above.min_by_key(|(broken, _)| *broken).filter(|_| self.of(generation).is_none());
        nearest.map(|(_, error)| *error)
    }

    /// The key of a generation.
    #[must_use]
    pub fn of(&self, generation: usize) -> Option<&DataKey> {
        self.open.iter().find(|(known, _)| *known == generation).map(|(_, key)| key)
    }

    /// The key of this id, and its generation.
    #[must_use]
    pub fn find(&self, id: &KeyId) -> Option<(usize, &DataKey)> {
        self.open.iter().find(|(_, key)| key.id() == *id).map(|(generation, key)| (*generation, key))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &DataKey)> {
        self.open.iter().map(|(generation, key)| (*generation, key))
    }
}

impl Session {
    /// The newest generation that was wrapped for one of these parties.
    #[must_use]
    pub fn newest_for(&self, parties: &[Party]) -> Option<usize> {
        parties.iter().filter_map(|party| self.wrapped.covered(self.log().place(party)?)).max()
    }

    /// The stanza through which these parties, the user and then his groups, come to the newest key that they can have.
    ///
    /// # Errors
    /// `revoked`, `not-a-recipient`; `bad-signature` where its body is missing.
    pub fn sealed_for(&self, parties: &[Party]) -> Result<Sealed<'_>> {
        let log = self.log();
        if !parties.iter().any(|party| log.rights(party).has(Rights::READ)) {
            return Err(if parties.iter().any(|party| log.has_read(party)) {
                Error::new(&(Code::Revoked, "the right to read was taken away"))
            } else {
                Error::new(&(Code::NotARecipient, "no right to read this session"))
            });
        }
        let newest = self.newest_for(parties).ok_or(NOT_FOR_THIS)?;
        let body = parties.iter().find_map(|party| {
            let place = log.place(party)?;
            self.wrapped.bodies.iter().find(|body| body.party == place && body.generation == newest)
        });
        body.map(|body| Sealed { session: self, body })
            .ok_or(Error::new(&(Code::BadSignature, "the stanza that was signed is missing")))
    }

    /// Where one was broken: the newest stanza below a generation through which these parties come to a key that isn't among these, which are those of
    /// [`Self::keys_from`]. One that doesn't open is passed over: the next is below its generation.
    #[must_use]
    pub fn sealed_below(&self, parties: &[Party], keys: &Keys, below: usize) -> Option<Sealed<'_>> {
        keys.broken()?;
        let bodies = parties.iter().filter_map(|party| self.log().place(party)).flat_map(|place| {
            let closed = |body: &&Body| body.generation < below && keys.of(body.generation).is_none();
            self.wrapped.bodies.iter().filter(move |body| body.party == place).filter(closed)
        });
        // Of one generation, that of the first party.
        let newest = bodies.reduce(|newest, body| if body.generation > newest.generation { body } else { newest });
        newest.map(|body| Sealed { session: self, body })
    }

    /// From the key of a generation down: those of all before, to the first that doesn't open: [`Keys::broken`]. Where the session was restored, down to
    /// the first one whose successor was fetched.
    ///
    /// # Errors
    /// `key-mismatch` where it isn't this generation's key.
    pub fn keys_from(&self, generation: usize, key: DataKey) -> Result<Keys> {
        self.check_key(generation, &key)?;
        let mut keys = Keys { open: vec![(generation, key)], broken: Vec::new() };
        while let Some((number, key)) = keys.open.last() {
            let Some(before) = number.checked_sub(1) else { break };
            let Some(sealed) = self.wrapped.generations.get(*number).and_then(|wrapping| wrapping.previous) else {
                break;
            };
            match self.key_before(*number, key, &sealed) {
                Ok(opened) => keys.open.push((before, opened)),
                Err(error) => {
                    keys.broken.push((before, error));
                    break;
                }
            }
        }
        Ok(keys)
    }

    /// The key before that of a generation, which is sealed by it.
    fn key_before(&self, number: usize, key: &DataKey, sealed: &[u8]) -> Result<DataKey> {
        let before = number.checked_sub(1).ok_or(OTHER_KEY)?;
        let commitment = self.log().commitment(before).ok_or(OTHER_KEY)?;
        let context = previous_context(self.log().id(), number, commitment);
        let opened = SecretBytes::new(cobblestone::open(key.dangerously_expose(), &context, sealed)?);
        let opened = DataKey::from_secret(Secret::from_slice(opened.expose()).ok_or(OTHER_KEY)?);
        self.check_key(before, &opened)?;
        Ok(opened)
    }

    /// Opens the session for these parties with the key pairs that the user has, those of his groups' epochs among them.
    ///
    /// # Errors
    /// Those of SPEC section 12.6, steps 2 and 3.
    pub fn open<R: TryCryptoRng>(&self, rng: &mut Random<R>, parties: &[Party], pairs: &[&KeyPair]) -> Result<Keys> {
        let mut from = |sealed: &Sealed<'_>| {
            let pair = pairs.iter().find(|pair| pair.public_key().fingerprint() == sealed.fingerprint());
            let pair = pair.ok_or(NOT_FOR_THIS)?;
            let unwrapping = sealed.begin(pair.public_key())?;
            let opened = pair.unwrap(rng, unwrapping.label(), unwrapping.body())?;
            self.keys_from(sealed.generation(), unwrapping.finish(opened.expose())?)
        };
        let mut sealed = self.sealed_for(parties)?;
        let mut keys = from(&sealed)?;
        while let Some(next) = self.sealed_below(parties, &keys, sealed.generation()) {
            if let Ok(earlier) = from(&next) {
                keys.join(earlier);
            }
            sealed = next;
        }
        Ok(keys)
    }

    /// Is this the key of this generation?
    ///
    /// # Errors
    /// `key-mismatch`.
    pub fn check_key(&self, generation: usize, key: &DataKey) -> Result<()> {
        if self.named(generation).is_some_and(|named| named.is(key)) { Ok(()) } else { Err(OTHER_KEY) }
    }

    pub(super) fn named(&self, generation: usize) -> Option<Named> {
        let key_id = self.wrapped.generations.get(generation)?.key_id;
        Some(Named { key_id, commitment: *self.log().commitment(generation)? })
    }
}

/// What the key before generation `number` is bound to.
pub(super) fn previous_context(session: &Hash, number: usize, commitment: &KeyCommitment) -> Vec<u8> {
    encode(|w| {
        w.array(5);
        w.text("wardkey/v1/previous-key");
        w.bytes(&session.0);
        w.uint((number as u64).saturating_sub(1));
        w.uint(number as u64);
        w.bytes(&commitment.0);
    })
}
