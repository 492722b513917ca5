//! New sessions and entries. Each is tried on the log first: nobody signs what others would refuse.

use rand_core::TryCryptoRng;

use super::{
    Session,
    delivery::Delivery,
    entry::{Action, Entry},
    genesis::Genesis,
    log::Log,
    opening::previous_context,
    rights::{Grant, Rights},
    signer::{Recipients, Signer, Signers},
    wraps::{SEALED_KEY, Wrapped, Wrapping},
};
use crate::{
    cobblestone,
    data_key::DataKey,
    encoding::MALFORMED,
    error::{Code, Error, Result},
    identity::AppId,
    party::{MAX_PARTIES, Party},
    random::Random,
    sign::SigningKey,
    signed::{Hash, Signed},
};

/// Who signs: with his newest bundle, at this time.
#[derive(Clone, Copy, Debug)]
pub struct Hand<'a> {
    /// The bundle.
    pub signer: &'a Signer,
    /// Its private half.
    pub key: &'a SigningKey,
    /// Milliseconds since 1970.
    pub now: u64,
}

/// A new session. Nothing is wrapped yet: [`Session::wrap_genesis`].
#[derive(Debug)]
pub struct Created {
    /// The genesis, an object.
    pub genesis: Vec<u8>,
    /// The key of generation 0.
    pub key: DataKey,
    /// Its state.
    pub session: Session,
}

/// A new entry. It has its wraps when they are signed: see [`Made::deliver`]. It counts when the key server has taken it: `session` is what the session is then.
#[derive(Debug)]
pub struct Made {
    /// The entry, an object.
    pub entry: Vec<u8>,
    /// Its wraps, an object, where it has any: they go together or not at all.
    pub wraps: Option<Vec<u8>>,
    /// The session with this entry.
    pub session: Session,
}

pub(super) const TWO_HANDS: Error = Error::new(&(Code::KeyMismatch, "another signing key than the bundle's"));

impl Made {
    /// Takes the wraps in, after their last step.
    ///
    /// # Errors
    /// As [`Delivery::sign`].
    pub fn deliver(&mut self, delivery: Delivery, hand: &Hand<'_>) -> Result<()> {
        self.wraps = Some(delivery.sign(hand, &mut self.session)?);
        Ok(())
    }

    /// For all at once.
    fn delivered<R: TryCryptoRng>(
        mut self,
        delivery: Option<Delivery>,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        recipients: &dyn Recipients,
    ) -> Result<Self> {
        if let Some(mut delivery) = delivery {
            while delivery.step(rng, recipients)? {}
            self.deliver(delivery, hand)?;
        }
        Ok(self)
    }
}

impl Hand<'_> {
    pub(crate) fn check(&self) -> Result<()> {
        if self.key.verifying_key() == &self.signer.key { Ok(()) } else { Err(TWO_HANDS) }
    }
}

/// Creates a session; no server is needed for it. A party that is given twice gets the rights of both.
///
/// # Errors
/// `invalid-argument` without a reader, `limit`, `forbidden` for the key server, `rng`.
pub fn create<R: TryCryptoRng>(
    rng: &mut Random<R>,
    hand: &Hand<'_>,
    app_id: &AppId,
    grants: &[Grant],
) -> Result<Created> {
    hand.check()?;
    let grants = sorted(grants)?;
    if !grants.iter().any(|grant| grant.rights.has(Rights::READ)) {
        return Err(Error::new(&(Code::InvalidArgument, "a session has at least one reader")));
    }
    let key = DataKey::generate(rng)?;
    let mut random = [0; 16];
    rng.fill(&mut random)?;
    let genesis = Genesis {
        app_id: app_id.clone(),
        creator: hand.signer.bundle,
        random,
        time: hand.now,
        commitment: *key.commitment(),
        grants,
    };
    let genesis = Signed::sign(genesis, (), hand.key)?;
    let payload = genesis.payload().to_vec();
    let log = Log::of_genesis(genesis.hash(), payload, genesis.value(), hand.signer.clone())?;
    let session = Session::unwrapped(log, &key);
    Ok(Created { genesis: genesis.to_bytes(), key, session })
}

/// Sorted by party, none twice.
fn sorted(grants: &[Grant]) -> Result<Vec<Grant>> {
    let mut grants = grants.to_vec();
    grants.sort_by(|a, b| a.party.cmp(&b.party));
    grants.dedup_by(|next, kept| {
        let same = next.party == kept.party;
        if same {
            kept.rights = kept.rights.with(next.rights);
        }
        same
    });
    if grants.iter().any(|grant| grant.rights == Rights::NONE) {
        return Err(Error::new(&(Code::InvalidArgument, "a grant without a right")));
    }
    check_count(grants.len())?;
    Ok(grants)
}

fn check_count(parties: usize) -> Result<()> {
    match parties {
        0 => Err(Error::new(&(Code::InvalidArgument, "nobody is named"))),
        1..=MAX_PARTIES => Ok(()),
        _ => Err(Error::new(&(Code::Limit, "more than 10,000 parties"))),
    }
}

impl Session {
    fn unwrapped(log: Log, key: &DataKey) -> Self {
        Self { log, wrapped: Wrapped::unsent(key) }
    }

    /// A session that waits to be sent: its genesis, which is verified again, and its key.
    ///
    /// # Errors
    /// As [`Log::begin`]; `key-mismatch` for another key.
    pub fn unsent(log: Log, key: &DataKey) -> Result<Self> {
        let session = Self::unwrapped(log, key);
        session.check_key(0, key)?;
        Ok(session)
    }

    /// Wraps generation 0 for the readers of the genesis. The hand may be of a later bundle of the creator's than the genesis.
    ///
    /// # Errors
    /// Those of `recipients`; `key-mismatch`, `key-policy`, `limit`, `rng`.
    pub fn wrap_genesis<R: TryCryptoRng>(
        &mut self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        key: &DataKey,
        recipients: &dyn Recipients,
    ) -> Result<Vec<u8>> {
        hand.check()?;
        let mut delivery = self.begin_genesis(key, recipients)?;
        while delivery.step(rng, recipients)? {}
        delivery.sign(hand, self)
    }

    /// The same, begun.
    ///
    /// # Errors
    /// Those of `recipients`; `key-mismatch`, `key-policy`.
    pub fn begin_genesis(&self, key: &DataKey, recipients: &dyn Recipients) -> Result<Delivery> {
        Delivery::begin(self, 0, key, None, recipients)
    }

    /// Gives rights to these parties; who is given read gets the newest key, if he hasn't got it. A party that is given twice gets the rights of both.
    ///
    /// # Errors
    /// `forbidden`, `invalid-argument`, `limit`; those of `recipients`; `key-mismatch` where `newest` isn't the newest key, `key-policy`, `rng`.
    pub fn grant<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        grants: &[Grant],
        newest: &DataKey,
        recipients: &dyn Recipients,
    ) -> Result<Made> {
        let (made, delivery) = self.begin_grant(hand, grants, newest, recipients)?;
        made.delivered(delivery, rng, hand, recipients)
    }

    /// The same, begun: its wraps are to be delivered, if it has any.
    ///
    /// # Errors
    /// `forbidden`, `invalid-argument`, `limit`; those of `recipients`; `key-mismatch`, `key-policy`.
    pub fn begin_grant(
        &self,
        hand: &Hand<'_>,
        grants: &[Grant],
        newest: &DataKey,
        recipients: &dyn Recipients,
    ) -> Result<(Made, Option<Delivery>)> {
        self.begin_giving(hand, Action::Grant(sorted(grants)?), Some(newest), recipients)
    }

    /// Assigns a placeholder to a group, by the key server's hand; if that gives it read it gets the newest key, if it hasn't got it.
    ///
    /// # Errors
    /// `forbidden`, `limit`; those of `recipients`; `not-a-recipient` where the key is wanted and isn't there; `key-mismatch`, `key-policy`, `rng`.
    pub fn assign<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        (placeholder, group): (&Party, &Hash),
        newest: Option<&DataKey>,
        recipients: &dyn Recipients,
    ) -> Result<Made> {
        let action = Action::Assignment { placeholder: placeholder.clone(), group: *group };
        let (made, delivery) = self.begin_giving(hand, action, newest, recipients)?;
        made.delivered(delivery, rng, hand, recipients)
    }

    fn begin_giving(
        &self,
        hand: &Hand<'_>,
        action: Action,
        newest: Option<&DataKey>,
        recipients: &dyn Recipients,
    ) -> Result<(Made, Option<Delivery>)> {
        let made = self.act(hand, action, recipients)?;
        let sequence = made.session.log.entries();
        if made.session.wrapped_by(sequence).next().is_none() {
            return Ok((made, None));
        }
        let newest = newest.ok_or(Error::new(&(Code::NotARecipient, "the newest key of this session is not known")))?;
        let delivery = Delivery::begin(&made.session, sequence, newest, None, recipients)?;
        Ok((made, Some(delivery)))
    }

    /// Takes all rights from these parties.
    ///
    /// # Errors
    /// `forbidden`, `invalid-argument`, `limit`.
    pub fn revoke(&self, hand: &Hand<'_>, parties: &[Party], groups: &dyn Signers) -> Result<Made> {
        let mut parties = parties.to_vec();
        parties.sort();
        parties.dedup();
        check_count(parties.len())?;
        self.act(hand, Action::Revoke(parties), groups)
    }

    /// Takes all rights from everybody.
    ///
    /// # Errors
    /// `forbidden`, `limit`.
    pub fn revoke_all(&self, hand: &Hand<'_>, groups: &dyn Signers) -> Result<Made> {
        self.act(hand, Action::RevokeAll, groups)
    }

    /// Makes a new generation, wrapped for all readers. `newest` is the key so far.
    ///
    /// # Errors
    /// `forbidden`, `limit`; those of `recipients`; `key-mismatch`, `key-policy`, `rng`.
    pub fn rotate<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        newest: &DataKey,
        recipients: &dyn Recipients,
    ) -> Result<(Made, DataKey)> {
        let (made, key, delivery) = self.begin_rotate(rng, hand, newest, recipients)?;
        Ok((made.delivered(Some(delivery), rng, hand, recipients)?, key))
    }

    /// The same, begun: its wraps are to be delivered.
    ///
    /// # Errors
    /// `forbidden`, `limit`; those of `recipients`; `key-mismatch`, `key-policy`, `rng`.
    pub fn begin_rotate<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        newest: &DataKey,
        recipients: &dyn Recipients,
    ) -> Result<(Made, DataKey, Delivery)> {
        let before = self.log.newest_generation();
        self.check_key(before, newest)?;
        let (key, number) = (DataKey::generate(rng)?, before + 1);
        let action = Action::Generation { number: number as u64, commitment: *key.commitment() };
        let mut made = self.act(hand, action, recipients)?;
        let context = previous_context(self.log.id(), number, newest.commitment());
        let sealed = cobblestone::seal(key.dangerously_expose(), rng, &context, newest.dangerously_expose().expose())?;
        let previous: [u8; SEALED_KEY] = sealed.try_into().map_err(|_| MALFORMED)?;
        made.session.wrapped.generations.push(Wrapping { key_id: key.id(), previous: Some(previous) });
        let delivery = Delivery::begin(&made.session, made.session.log.entries(), &key, Some(previous), recipients)?;
        Ok((made, key, delivery))
    }

    /// Signs an entry, if the log takes it.
    pub(crate) fn act(&self, hand: &Hand<'_>, action: Action, groups: &dyn Signers) -> Result<Made> {
        hand.check()?;
        let head = self.log.head();
        let entry = Entry {
            session: *self.log.id(),
            sequence: head.sequence.saturating_add(1),
            previous: Hash(head.hash),
            time: hand.now,
            signer: hand.signer.bundle,
            authority: self.log.authority_for(hand.signer, &action, groups),
            action,
        };
        let entry = Signed::sign(entry, (), hand.key)?;
        let mut session = self.clone();
        session.log.take(&entry, hand.signer, groups)?;
        Ok(Made { entry: entry.to_bytes(), wraps: None, session })
    }
}
