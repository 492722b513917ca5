//! A session's newest key that is being wrapped for its readers: SPEC section 12.5.

use rand_core::TryCryptoRng;

use super::{
    Hand, Session,
    signer::Recipients,
    wraps::{SEALED_KEY, Wraps, context},
};
use crate::{
    data_key::DataKey,
    error::{Code, Error, Result},
    party::Party,
    random::Random,
    signed::Signed,
    stanzas::{Stanza, Wrapping},
    wrap::Named,
};

/// The wraps object of an entry, until it is signed.
#[derive(Debug)]
pub struct Delivery {
    wrapping: Wrapping,
    sequence: usize,
    generation: usize,
    previous: Option<[u8; SEALED_KEY]>,
}

impl Delivery {
    /// Of the entry of this sequence.
    pub(super) fn begin(
        session: &Session,
        sequence: usize,
        key: &DataKey,
        previous: Option<[u8; SEALED_KEY]>,
        recipients: &dyn Recipients,
    ) -> Result<Self> {
        let generation = session.log().newest_generation();
        session.check_key(generation, key)?;
        let context = context(session.log().id(), generation)?;
        let mut places = session.wrapped.for_whom(session.log(), sequence);
        if sequence > 0 && session.log.begins_generation(sequence) {
            let readers = session.log.wrapped_readers(recipients)?;
            places.retain(|place| readers.get(*place) == Some(&true));
        }
        session.check_epochs(recipients)?;
        let parties = places.into_iter().filter_map(|place| session.log.party(place)).cloned().collect();
        Ok(Self { wrapping: Wrapping::begin(key, context, parties, recipients)?, sequence, generation, previous })
    }

    /// Those whom it is not wrapped for yet.
    #[must_use]
    pub fn parties(&self) -> &[Party] {
        self.wrapping.parties()
    }

    /// Wraps for the next party. Is there more to do?
    ///
    /// # Errors
    /// Those of `recipients`; `key-policy`, `rng`.
    pub fn step<R: TryCryptoRng>(&mut self, rng: &mut Random<R>, recipients: &dyn Recipients) -> Result<bool> {
        self.wrapping.step(rng, recipients)
    }

    /// Signs the object after the last step; the session, which is the one that it was begun for, knows then what it says.
    ///
    /// # Errors
    /// `conflict` where the hand is of another bundle than the one that signed the entry; `key-mismatch`, `limit`.
    pub fn sign(self, hand: &Hand<'_>, session: &mut Session) -> Result<Vec<u8>> {
        const RENEWED: Error = Error::new(&(Code::Conflict, "the signer has newer keys than when the entry was made"));
        hand.check()?;
        let Self { wrapping, sequence, generation, previous } = self;
        let (key, stanzas, bodies) = wrapping.finish();
        let Some(step) = session.log.steps().get(sequence) else { return Err(RENEWED) };
        // Those of a genesis may be signed with a later bundle of its creator's.
        let is_same = session.log.signer_of(step).is_some_and(|signer| signer.bundle == hand.signer.bundle);
        if sequence > 0 && !is_same {
            return Err(RENEWED);
        }
        let place = |stanza: &Stanza| Some((session.log.place(&stanza.party)?, stanza.fingerprint));
        let newest: Vec<_> = stanzas.iter().filter_map(place).collect();
        session.wrapped.record(&session.log, sequence, &newest);
        let wraps = Wraps {
            session: *session.log.id(),
            sequence: sequence as u64,
            generation: generation as u64,
            named: Named::of(&key),
            previous,
            signer: hand.signer.bundle,
            stanzas,
        };
        Ok(Signed::sign(wraps, bodies, hand.key)?.to_bytes())
    }
}
