//! Founding a group, and what its admins do: SPEC sections 12.8 to 12.12.

use rand_core::TryCryptoRng;

use super::{
    epoch::{Epoch, Epochs},
    genesis::{Genesis, Lifetimes, Name},
    head::Head,
    keys::Delivery,
    log::Log,
    member::{Member, Role},
    operation::{Action, Operation},
};
use crate::{
    data_key::DataKey,
    error::{Code, Error, Result},
    identity::AppId,
    party::{MAX_PARTIES, Party},
    random::Random,
    session::{Hand, Recipients},
    signed::{Hash, Signed},
};

const TOO_MANY: Error = Error::new(&(Code::Limit, "more than 10,000 members"));

/// A new group. Its group keys are to be delivered with the genesis.
#[derive(Debug)]
pub struct Created {
    /// The genesis, an object.
    pub genesis: Vec<u8>,
    /// The secret of epoch 0.
    pub secret: DataKey,
    /// Its state.
    pub log: Log,
    /// Its group keys.
    pub delivery: Delivery,
}

/// A new operation. It counts when the key server has taken it: `log` is what the log is then.
#[derive(Debug)]
pub struct Made {
    /// The operation, an object.
    pub operation: Vec<u8>,
    /// The log with this operation.
    pub log: Log,
    /// Its group keys, where it has any: they go together or not at all.
    pub delivery: Option<Delivery>,
    /// The secret of the epoch that it begins, where it does.
    pub secret: Option<DataKey>,
}

/// Founds a group; no server is needed for it. The hand's user is an admin of it, and needn't be named.
///
/// # Errors
/// `invalid-argument` where somebody is named twice, or is no user; `limit`; those of `recipients`; `forbidden` for the key server; `key-policy`, `rng`.
pub fn create<R: TryCryptoRng>(
    rng: &mut Random<R>,
    hand: &Hand<'_>,
    app_id: &AppId,
    (name, lifetimes): (Name, Lifetimes),
    members: &[Member],
    recipients: &dyn Recipients,
) -> Result<Created> {
    hand.check()?;
    let founder = hand.signer.party().ok_or(Error::new(&(Code::Forbidden, "the key server founds no group")))?;
    let mut members: Vec<Member> = members.iter().filter(|member| member.party != founder).cloned().collect();
    members.push(Member { party: founder, role: Role::Admin });
    let members = sorted(members)?;
    let secret = DataKey::generate(rng)?;
    let mut random = [0; 16];
    rng.fill(&mut random)?;
    let genesis = Genesis {
        app_id: app_id.clone(),
        creator: hand.signer.bundle,
        random,
        time: hand.now,
        name,
        members,
        epoch: Epoch::of(rng, &secret, None)?,
        lifetimes,
    };
    let genesis = Signed::sign(genesis, (), hand.key)?;
    let log = Log::of_genesis(genesis.hash(), genesis.payload(), genesis.value(), hand.signer.clone())?;
    let delivery = Delivery::begin(&log, &secret, recipients)?;
    Ok(Created { genesis: genesis.to_bytes(), secret, log, delivery })
}

/// Sorted by party, and no name twice.
fn sorted(mut members: Vec<Member>) -> Result<Vec<Member>> {
    members.sort_by(|a, b| a.party.cmp(&b.party));
    check(members.iter().map(|member| &member.party))?;
    Ok(members)
}

fn check<'a>(parties: impl ExactSizeIterator<Item = &'a Party>) -> Result<()> {
    match parties.len() {
        0 => return Err(Error::new(&(Code::InvalidArgument, "nobody is named"))),
        1..=MAX_PARTIES => {}
        _ => return Err(TOO_MANY),
    }
    let mut before = None;
    for party in parties {
        let Party::User { id, .. } = party else {
            return Err(Error::new(&(Code::InvalidArgument, "only users belong to groups")));
        };
        if before.replace(id) == Some(id) {
            return Err(Error::new(&(Code::InvalidArgument, "somebody is named twice")));
        }
    }
    Ok(())
}

impl Log {
    /// Takes members in, and gives them the secret of the newest epoch.
    ///
    /// # Errors
    /// `forbidden`, `invalid-argument`, `limit`; those of `recipients`; `key-mismatch`, `key-policy`.
    pub fn add(
        &self,
        hand: &Hand<'_>,
        members: &[Member],
        epochs: &Epochs,
        recipients: &dyn Recipients,
    ) -> Result<Made> {
        if self.members().count() + members.len() > MAX_PARTIES {
            return Err(TOO_MANY);
        }
        let newest = epochs.newest_of(self)?;
        let (operation, log) = self.sign(hand, Action::Add(sorted(members.to_vec())?))?;
        let delivery = Some(Delivery::begin(&log, newest, recipients)?);
        Ok(Made { operation, log, delivery, secret: None })
    }

    /// Takes members out, and begins an epoch for those who stay. Without epochs, where the newest one doesn't open, the new one holds none before.
    ///
    /// # Errors
    /// `forbidden`, also for the hand's own user, whom another admin takes out; `invalid-argument`, `limit`; those of `recipients`; `key-mismatch`, `key-policy`, `rng`.
    pub fn remove<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        parties: &[Party],
        epochs: Option<&Epochs>,
        recipients: &dyn Recipients,
    ) -> Result<Made> {
        let mut parties = parties.to_vec();
        parties.sort();
        check(parties.iter())?;
        self.begin_next(rng, hand, epochs, recipients, |epoch| Action::Remove(parties, epoch))
    }

    /// Begins an epoch; without epochs as [`Self::remove`].
    ///
    /// # Errors
    /// `forbidden`, `limit`; those of `recipients`; `key-mismatch`, `key-policy`, `rng`.
    pub fn rotate<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        epochs: Option<&Epochs>,
        recipients: &dyn Recipients,
    ) -> Result<Made> {
        self.begin_next(rng, hand, epochs, recipients, Action::Rotate)
    }

    fn begin_next<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        hand: &Hand<'_>,
        epochs: Option<&Epochs>,
        recipients: &dyn Recipients,
        action: impl FnOnce(Epoch) -> Action,
    ) -> Result<Made> {
        let before = self.epochs().len().saturating_sub(1);
        let newest = epochs.map(|epochs| epochs.newest_of(self)).transpose()?;
        let secret = DataKey::generate(rng)?;
        let epoch = Epoch::of(rng, &secret, newest.map(|newest| (self.id(), before, newest)))?;
        let (operation, log) = self.sign(hand, action(epoch))?;
        let delivery = Some(Delivery::begin(&log, &secret, recipients)?);
        Ok(Made { operation, log, delivery, secret: Some(secret) })
    }

    /// Makes members admins, and admins members.
    ///
    /// # Errors
    /// `forbidden`, also where no admin would stay; `invalid-argument`, `limit`, `key-mismatch`.
    pub fn give_roles(&self, hand: &Hand<'_>, members: &[Member]) -> Result<Made> {
        let (operation, log) = self.sign(hand, Action::Roles(sorted(members.to_vec())?))?;
        Ok(Made { operation, log, delivery: None, secret: None })
    }

    /// Signs an operation, if the log takes it.
    fn sign(&self, hand: &Hand<'_>, action: Action) -> Result<(Vec<u8>, Self)> {
        hand.check()?;
        let head = self.head();
        let operation = Operation {
            group: *self.id(),
            sequence: head.sequence.saturating_add(1),
            previous: Hash(head.hash),
            time: hand.now,
            signer: hand.signer.bundle,
            action,
        };
        let operation = Signed::sign(operation, (), hand.key)?;
        let mut log = self.clone();
        log.take(&operation, hand.signer)?;
        Ok((operation.to_bytes(), log))
    }
}

/// Says what the newest state is, as a member.
///
/// # Errors
/// `forbidden` for somebody who is none; `key-mismatch`.
pub fn sign_head(hand: &Hand<'_>, log: &Log) -> Result<Vec<u8>> {
    hand.check()?;
    if hand.signer.party().and_then(|party| log.role(&party)).is_none() {
        return Err(Error::new(&(Code::Forbidden, "only a member says what the group's state is")));
    }
    let head = Head {
        group: *log.id(),
        view: log.head(),
        time: hand.now,
        end: hand.now.saturating_add(log.lifetimes().head_ms()),
        signer: hand.signer.bundle,
    };
    Ok(Signed::sign(head, (), hand.key)?.to_bytes())
}
