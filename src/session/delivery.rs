//! A session's newest key that is being wrapped, for one party after the other. A wrap takes half a millisecond, and there may be thousands.

use std::vec;

use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};

use super::{
    Hand, Session,
    signer::Recipients,
    wraps::{Bodies, SEALED_KEY, Stanza, Wraps, context},
};
use crate::{
    data_key::DataKey,
    encoding::Context,
    error::{Code, Error, Result},
    key_pair::{PublicKey, Suite},
    party::Party,
    random::Random,
    signed::Signed,
    wrap::{Named, stanza_body},
};

/// The wraps object of an entry, until it is signed.
#[derive(Debug)]
pub struct Delivery {
    key: DataKey,
    context: Context,
    sequence: usize,
    generation: usize,
    previous: Option<[u8; SEALED_KEY]>,
    /// Those whom it is not wrapped for yet.
    parties: vec::IntoIter<Party>,
    stanzas: Vec<Stanza>,
    bodies: Vec<Option<Vec<u8>>>,
}

impl Delivery {
    /// Of the entry of this sequence. Every party is looked up before anything is wrapped for one.
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
        let parties: Vec<Party> = session.wrapped_by(sequence).cloned().collect();
        for party in &parties {
            acceptable(recipients, party)?;
        }
        let (stanzas, bodies) = (Vec::with_capacity(parties.len()), Vec::with_capacity(parties.len()));
        let key = DataKey::from_slice(key.dangerously_expose().expose())?;
        Ok(Self { key, context, sequence, generation, previous, parties: parties.into_iter(), stanzas, bodies })
    }

    /// Wraps for the next party. Is there more to do?
    ///
    /// # Errors
    /// Those of `recipients`; `key-policy`, `rng`.
    pub fn step<R: TryCryptoRng>(&mut self, rng: &mut Random<R>, recipients: &dyn Recipients) -> Result<bool> {
        let Some(party) = self.parties.next() else { return Ok(false) };
        let public = acceptable(recipients, &party)?;
        let body = stanza_body(&self.key, rng, public, &self.context)?;
        let hash = Sha256::digest(&body).into();
        self.stanzas.push(Stanza { party, fingerprint: *public.fingerprint(), suite: public.suite(), body: hash });
        self.bodies.push(Some(body));
        Ok(true)
    }

    /// Signs the object after the last step; the session, which is the one that it was begun for, knows then what it says.
    ///
    /// # Errors
    /// `conflict` where the hand is of another bundle than the one that signed the entry; `key-mismatch`, `limit`.
    pub fn sign(self, hand: &Hand<'_>, session: &mut Session) -> Result<Vec<u8>> {
        const RENEWED: Error = Error::new(&(Code::Conflict, "the signer has newer keys than when the entry was made"));
        hand.check()?;
        let Self { key, sequence, generation, previous, stanzas, bodies, .. } = self;
        let Some(step) = session.log.steps().get(sequence) else { return Err(RENEWED) };
        // Those of a genesis may be signed with a later bundle of its creator's.
        let is_same = session.log.signer_of(step).is_some_and(|signer| signer.bundle == hand.signer.bundle);
        if sequence > 0 && !is_same {
            return Err(RENEWED);
        }
        if session.log.begins_generation(sequence) {
            session.wrapped.newest.clear();
        }
        let newest = step.wrapped.iter().copied().zip(stanzas.iter().map(|stanza| stanza.fingerprint));
        session.wrapped.newest.extend(newest);
        let wraps = Wraps {
            session: *session.log.id(),
            sequence: sequence as u64,
            generation: generation as u64,
            named: Named::of(&key),
            previous,
            signer: hand.signer.bundle,
            stanzas,
        };
        Ok(Signed::sign(wraps, Bodies(bodies), hand.key)?.to_bytes())
    }
}

fn acceptable<'a>(recipients: &'a dyn Recipients, party: &Party) -> Result<&'a PublicKey> {
    let key = recipients.key_for(party)?;
    if key.suite() == Suite::Rsa2048 {
        return Err(Error::new(&(Code::KeyPolicy, "rsa-2048 is only for what exists")));
    }
    Ok(key)
}
