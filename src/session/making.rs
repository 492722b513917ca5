//! New sessions and entries. Each is tried on the log first: nobody signs what others would refuse.

use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};

use super::{
    Session,
    entry::{Action, Entry},
    genesis::Genesis,
    log::Log,
    opening::previous_context,
    rights::{Grant, MAX_PARTIES, Rights},
    signer::{Recipients, Signer},
    wraps::{Bodies, SEALED_KEY, Stanza, Wrapped, Wrapping, Wraps, context},
};
use crate::{
    cobblestone,
    data_key::DataKey,
    encoding::MALFORMED,
    error::{Code, Error, Result},
    identity::AppId,
    key_pair::Suite,
    message::Authority,
    party::Party,
    random::Random,
    sign::SigningKey,
    signed::{Hash, Signed},
    wrap::{Named, stanza_body},
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

/// A new entry. It counts when the key server has taken it: `session` is what the session is then.
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

impl Hand<'_> {
    pub(super) fn check(&self) -> Result<()> {
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
        let generations = vec![Wrapping { key_id: key.id(), previous: None }];
        Self { log, wrapped: Wrapped { generations, ..Wrapped::default() } }
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
        self.wrapped.newest.clear();
        self.wrap(rng, hand, 0, key, None, recipients)
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
        let mut made = self.act(hand, Action::Grant(sorted(grants)?))?;
        let sequence = made.session.log.entries();
        if made.session.wrapped_by(sequence).next().is_some() {
            made.wraps = Some(made.session.wrap(rng, hand, sequence, newest, None, recipients)?);
        }
        Ok(made)
    }

    /// Takes all rights from these parties.
    ///
    /// # Errors
    /// `forbidden`, `invalid-argument`, `limit`.
    pub fn revoke(&self, hand: &Hand<'_>, parties: &[Party]) -> Result<Made> {
        let mut parties = parties.to_vec();
        parties.sort();
        parties.dedup();
        check_count(parties.len())?;
        self.act(hand, Action::Revoke(parties))
    }

    /// Takes all rights from everybody.
    ///
    /// # Errors
    /// `forbidden`, `limit`.
    pub fn revoke_all(&self, hand: &Hand<'_>) -> Result<Made> {
        self.act(hand, Action::RevokeAll)
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
        let before = self.log.newest_generation();
        self.check_key(before, newest)?;
        let (key, number) = (DataKey::generate(rng)?, before + 1);
        let mut made = self.act(hand, Action::Generation { number: number as u64, commitment: *key.commitment() })?;
        let context = previous_context(self.log.id(), number, newest.commitment());
        let sealed = cobblestone::seal(key.dangerously_expose(), rng, &context, newest.dangerously_expose().expose())?;
        let previous: [u8; SEALED_KEY] = sealed.try_into().map_err(|_| MALFORMED)?;
        made.session.wrapped.generations.push(Wrapping { key_id: key.id(), previous: Some(previous) });
        made.session.wrapped.newest.clear();
        let sequence = made.session.log.entries();
        made.wraps = Some(made.session.wrap(rng, hand, sequence, &key, Some(previous), recipients)?);
        Ok((made, key))
    }

    /// Signs an entry, if the log takes it.
    pub(crate) fn act(&self, hand: &Hand<'_>, action: Action) -> Result<Made> {
        hand.check()?;
        let head = self.log.head();
        let entry = Entry {
            session: *self.log.id(),
            sequence: head.sequence.saturating_add(1),
            previous: Hash(head.hash),
            time: hand.now,
            signer: hand.signer.bundle,
            authority: Authority::Signer,
            action,
        };
        let entry = Signed::sign(entry, (), hand.key)?;
        let mut session = self.clone();
        session.log.take(&entry, hand.signer)?;
        Ok(Made { entry: entry.to_bytes(), wraps: None, session })
    }

    /// The wraps object of an entry; the session knows then what it says.
    fn wrap<R: TryCryptoRng>(
        &mut self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        sequence: usize,
        key: &DataKey,
        previous: Option<[u8; SEALED_KEY]>,
        recipients: &dyn Recipients,
    ) -> Result<Vec<u8>> {
        hand.check()?;
        let generation = self.log.newest_generation();
        self.check_key(generation, key)?;
        let context = context(self.log.id(), generation)?;
        let places = self.log.steps().get(sequence).map(|step| step.wrapped.clone()).unwrap_or_default();
        let parties: Vec<_> = places.iter().filter_map(|place| self.log.party(*place).cloned()).collect();
        // Every party is looked up before anything is wrapped for one.
        let mut keys = Vec::with_capacity(parties.len());
        for party in &parties {
            let key = recipients.key_for(party)?;
            if key.suite() == Suite::Rsa2048 {
                return Err(Error::new(&(Code::KeyPolicy, "rsa-2048 is only for what exists")));
            }
            keys.push(key);
        }
        let (mut stanzas, mut bodies) = (Vec::with_capacity(keys.len()), Vec::with_capacity(keys.len()));
        for (party, public) in parties.into_iter().zip(&keys) {
            let body = stanza_body(key, rng, public, &context)?;
            let hash = Sha256::digest(&body).into();
            stanzas.push(Stanza { party, fingerprint: *public.fingerprint(), suite: public.suite(), body: hash });
            bodies.push(Some(body));
        }
        for (place, stanza) in places.iter().zip(&stanzas) {
            self.wrapped.newest.push((*place, stanza.fingerprint));
        }
        let wraps = Wraps {
            session: *self.log.id(),
            sequence: sequence as u64,
            generation: generation as u64,
            named: Named::of(key),
            previous,
            signer: hand.signer.bundle,
            stanzas,
        };
        Ok(Signed::sign(wraps, Bodies(bodies), hand.key)?.to_bytes())
    }
}
