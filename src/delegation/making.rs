//! New versions of an exchange key. Each is tried on the chain first: nobody signs what others would refuse. SPEC sections 18.2 and 18.5.

use rand_core::TryCryptoRng;

use super::{
    chain::Chain,
    exchange_key::{ExchangeKey, context, parties, previous_context},
};
use crate::{
    cobblestone,
    data_key::DataKey,
    encoding::MALFORMED,
    error::{Code, Error, Result},
    message::{Authority, View},
    party::Party,
    random::Random,
    session::{Hand, Recipients},
    signed::{Hash, Signed},
    stanzas::Wrapping,
    wrap::Named,
};

const NOT_HIS: Error = Error::new(&(Code::Forbidden, "an exchange key is made by the delegator, or by a member of it"));

/// A new version that is being wrapped, for one party after the other.
#[derive(Debug)]
pub struct Making {
    wrapping: Wrapping,
    authority: Authority,
    previous_key: Option<[u8; super::exchange_key::SEALED_KEY]>,
    epochs: Vec<Option<u64>>,
}

/// A new version. It counts when the key server has taken it: `chain` is what the chain is then.
#[derive(Debug)]
pub struct Made {
    /// The version, an object.
    pub object: Vec<u8>,
    /// Its key.
    pub key: DataKey,
    /// The chain with this version.
    pub chain: Chain,
}

impl Chain {
    /// Begins the next version. `newest` is the key of the newest so far; nothing where there is none, or where it is lost: what was sealed under it then opens by
    /// that alone.
    ///
    /// # Errors
    /// `forbidden` for somebody else than the delegator or a member of it; those of `recipients`; `key-mismatch` for another key than the newest, `key-policy`,
    /// `rng`.
    pub fn begin_version<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        newest: Option<&DataKey>,
        recipients: &dyn Recipients,
    ) -> Result<Making> {
        hand.check()?;
        let authority = self.authority_of(hand, recipients)?;
        let parties = parties(&self.delegator, &self.delegate);
        let epoch = |party: &Party| match party {
            Party::Group(id) => recipients.group(id).map(|group| Some(group.newest_epoch())),
            _ => Ok(None),
        };
        let epochs = parties.iter().map(epoch).collect::<Result<Vec<_>>>()?;
        let version = self.newest() + 1;
        let key = DataKey::generate(rng)?;
        let wrapping = Wrapping::begin(&key, context(self.pair(), version)?, parties, recipients)?;
        let previous_key = match newest {
            Some(newest) => Some(self.seal_previous(rng, version, newest, &key)?),
            None => None,
        };
        Ok(Making { wrapping, authority, previous_key, epochs })
    }

    fn seal_previous<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        version: u64,
        newest: &DataKey,
        key: &DataKey,
    ) -> Result<[u8; super::exchange_key::SEALED_KEY]> {
        if !self.versions().last().is_some_and(|version| version.named.is(newest)) {
            return Err(Error::new(&(Code::KeyMismatch, "another key than that of the newest version")));
        }
        let context = previous_context(&self.delegator, &self.delegate, version, newest.commitment());
        let sealed = cobblestone::seal(key.dangerously_expose(), rng, &context, newest.dangerously_expose().expose())?;
        sealed.try_into().map_err(|_| MALFORMED)
    }

    fn authority_of(&self, hand: &Hand<'_>, recipients: &dyn Recipients) -> Result<Authority> {
        let signer = hand.signer.party().ok_or(NOT_HIS)?;
        match &self.delegator {
            Party::Group(id) => {
                let group = recipients.group(id)?;
                group.role(&signer).ok_or(NOT_HIS)?;
                let View { sequence, hash } = group.head();
                Ok(Authority::Group { id: id.0, sequence, hash })
            }
            delegator if *delegator == signer => Ok(Authority::Signer),
            _ => Err(NOT_HIS),
        }
    }

    /// Makes the next version at once.
    ///
    /// # Errors
    /// As [`Self::begin_version`] and [`Making::sign`].
    pub fn make<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        newest: Option<&DataKey>,
        recipients: &dyn Recipients,
    ) -> Result<Made> {
        let mut making = self.begin_version(rng, hand, newest, recipients)?;
        while making.step(rng, recipients)? {}
        making.sign(hand, self, recipients)
    }
}

impl Making {
    /// Wraps for the next party. Is there more to do?
    ///
    /// # Errors
    /// Those of `recipients`; `key-policy`, `rng`.
    pub fn step<R: TryCryptoRng>(&mut self, rng: &mut Random<R>, recipients: &dyn Recipients) -> Result<bool> {
        self.wrapping.step(rng, recipients)
    }

    /// Signs the object after the last step, for the chain that it was begun for.
    ///
    /// # Errors
    /// Those of SPEC section 18.3 where the chain or a group has gone on meanwhile; `limit`.
    pub fn sign(self, hand: &Hand<'_>, chain: &Chain, recipients: &dyn Recipients) -> Result<Made> {
        hand.check()?;
        let (key, stanzas, bodies) = self.wrapping.finish();
        let says = ExchangeKey {
            app_id: chain.app_id.clone(),
            delegator: chain.delegator.clone(),
            delegate: chain.delegate.clone(),
            version: chain.newest() + 1,
            previous: chain.head().map(|head| Hash(head.hash)),
            time: hand.now,
            signer: hand.signer.bundle,
            authority: self.authority,
            named: Named::of(&key),
            previous_key: self.previous_key,
            stanzas,
            epochs: self.epochs,
        };
        let signed = Signed::sign(says, bodies, hand.key)?;
        let mut chain = chain.clone();
        chain.take(&signed, hand.signer.clone(), recipients)?;
        Ok(Made { object: signed.to_bytes(), key, chain })
    }
}
