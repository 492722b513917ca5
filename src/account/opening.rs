//! The rules of opening: SPEC section 11.4. Of an active and a pending backup one opens; then what it says is compared with everything else.

use super::State;
use crate::{
    backup::{Contents, Envelope, OpenedKeys, Owner, StateKey, TwoMen},
    error::{Code, Error, Result},
    identity::{AppId, Asked, Bundle, FirstUse, Identity, Met, Trust, UserId, compare},
    password::{Derivation, SlowKey},
    sign::{SigningKey, VerifyingKey},
    signed::{Minimum, Signed},
};

const OWN_KEYS: Error = Error::new(&(Code::KeyMismatch, "the backup's keys are not those of the own identity"));

/// The backups of a user, before a password or two men open one.
#[derive(Debug)]
pub struct Opening {
    active: Envelope,
    pending: Option<Envelope>,
}

/// Which of the two opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The active one.
    Active,
    /// The pending one: it is activated.
    Pending,
}

/// A backup that opened. Nothing of it is compared yet: [`accept`] does.
#[derive(Debug)]
pub struct Opened {
    /// Which one.
    pub which: Which,
    /// The backup.
    pub envelope: Envelope,
    /// What it holds.
    pub contents: Contents,
    /// The pending one, where it opens beside the active one: a write that was interrupted, and is finished.
    pub interrupted: Option<(Envelope, Contents)>,
    /// The highest version of both: the next write is of the one after it.
    pub highest: u64,
}

/// The shares of a recovery, of which each backup has its own.
#[derive(Debug)]
pub struct TwoManShares {
    /// For the active backup.
    pub active: TwoMen,
    /// For the pending one.
    pub pending: Option<TwoMen>,
}

impl Opening {
    /// Reads both backups. `derivation` is what the password was derived with, if it was.
    ///
    /// # Errors
    /// `no-backup` without an active one; those of [`Envelope::parse`]; `key-mismatch`, `kdf-policy`.
    pub fn begin(
        active: Option<&[u8]>,
        pending: Option<&[u8]>,
        owner: &Owner,
        derivation: Option<&Derivation>,
    ) -> Result<Self> {
        let active = active.ok_or(Error::new(&(Code::NoBackup, "there is no backup of this user")))?;
        let read = |bytes: &[u8]| {
            let envelope = Envelope::parse(bytes)?;
            envelope.check_owner(owner)?;
            Ok(envelope)
        };
        let opening = Self { active: read(active)?, pending: pending.map(read).transpose()? };
        let is_derived = |envelope: &Envelope| derivation.is_none_or(|asked| asked == envelope.derivation());
        if is_derived(&opening.active) && opening.pending.as_ref().is_none_or(is_derived) {
            Ok(opening)
        } else {
            Err(Error::new(&(Code::KdfPolicy, "the backup was made with other parameters")))
        }
    }

    /// By the password.
    ///
    /// # Errors
    /// `wrong-password` if it opens neither; `decryption-failed`, `invalid-format`, `key-mismatch`.
    pub fn open(self, key: &SlowKey) -> Result<Opened> {
        let active = self.active.open_account(key);
        let pending = self.pending.as_ref().map(|pending| pending.open_account(key));
        self.choose(active, pending, Code::WrongPassword)
    }

    /// By two men.
    ///
    /// # Errors
    /// `no-backup`, `decryption-failed`, `invalid-format`, `key-mismatch`.
    pub fn open_with_two_men(self, shares: &TwoManShares) -> Result<Opened> {
        let active = self.active.open_account_with_two_men(&shares.active);
        let pending = self.pending.as_ref().zip(shares.pending.as_ref());
        let pending = pending.map(|(pending, men)| pending.open_account_with_two_men(men));
        self.choose(active, pending, Code::DecryptionFailed)
    }

    /// The active one, or where it fails with this code the pending one.
    fn choose(self, active: Result<Contents>, pending: Option<Result<Contents>>, otherwise: Code) -> Result<Opened> {
        let highest = self.pending.as_ref().map_or(0, Envelope::version).max(self.active.version());
        match (active, self.pending.zip(pending)) {
            // A pending one that doesn't open stays.
            (Ok(contents), pending) => {
                let interrupted = pending.and_then(|(envelope, contents)| Some((envelope, contents.ok()?)));
                Ok(Opened { which: Which::Active, envelope: self.active, contents, interrupted, highest })
            }
            (Err(error), Some((envelope, contents))) if error.code() == otherwise => {
                Ok(Opened { which: Which::Pending, envelope, contents: contents?, interrupted: None, highest })
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// What the key server gives beside the backups.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The own bundles that are active, from version 1 on.
    pub own: &'a [&'a [u8]],
    /// The renewal that is pending with the backup in question.
    pub renewal: Option<&'a [u8]>,
    /// The key server's bundles.
    pub key_server: &'a [&'a [u8]],
}

/// An account that was opened and compared.
#[derive(Debug)]
pub struct Account {
    /// The private keys, the newest first.
    pub keys: OpenedKeys,
    /// Its state; the pins are raised to what was presented.
    pub state: State,
    /// For writing the state.
    pub state_key: StateKey,
    /// The own identity.
    pub own: Identity,
    /// The key server's; none off line.
    pub key_server: Option<Identity>,
    /// What came of comparing both with their pins.
    pub met: [Met; 2],
}

/// Compares what a backup holds with what this device or the application remembers, and with what the key server presents: steps 4 and 5.
///
/// # Errors
/// `backup-rollback`; `invalid-format`, `limit`: the state; those of [`Identity::verify`] and [`crate::identity::Pins::meet`]; `key-mismatch`: private keys that aren't
/// those of the newest bundle.
pub fn accept(
    app_id: &AppId,
    user_id: &UserId,
    (envelope, contents): (&Envelope, Contents),
    remembered: u64,
    presented: &Presented<'_>,
    trust: &Trust,
) -> Result<Account> {
    let (keys, mut state, state_key) = open_state(user_id, envelope, contents, remembered)?;
    let minimum = state.minimum();
    let own: Vec<&[u8]> = presented.own.iter().copied().chain(presented.renewal).collect();
    let own = Identity::verify(&own, app_id, Asked::User(user_id), minimum)?;
    let met_own = state.pins.meet(&own, trust)?;
    let same = newest_keys(&keys).is_some_and(|(encryption, signing)| {
        encryption == own.encryption_key().as_bytes() && signing == own.newest().value().signing_key()
    });
    if !same {
        return Err(OWN_KEYS);
    }
    let key_server = Identity::verify(presented.key_server, app_id, Asked::KeyServer, minimum)?;
    let met_key_server = state.pins.meet(&key_server, trust)?;
    Ok(Account { keys, state, state_key, own, key_server: Some(key_server), met: [met_own, met_key_server] })
}

/// The same where nothing is presented: the own bundles are made again from the private keys, and agree with the own pin.
///
/// # Errors
/// `backup-rollback`; `invalid-format`, `limit`: the state; `key-mismatch`.
pub fn accept_off_line(
    app_id: &AppId,
    user_id: &UserId,
    (envelope, contents): (&Envelope, Contents),
    remembered: u64,
) -> Result<Account> {
    let (keys, state, state_key) = open_state(user_id, envelope, contents, remembered)?;
    let own = made_again(app_id, user_id, &keys).map_err(|_| OWN_KEYS)?;
    let met = compare(&own, state.pins.find(Some(user_id)), None, FirstUse::Reject).map_err(|_| OWN_KEYS)?;
    Ok(Account { keys, state, state_key, own, key_server: None, met: [met, Met::Known] })
}

fn open_state(
    user_id: &UserId,
    envelope: &Envelope,
    contents: Contents,
    remembered: u64,
) -> Result<(OpenedKeys, State, StateKey)> {
    if envelope.version() < remembered {
        return Err(Error::new(&(Code::BackupRollback, "an older backup than the one that is remembered")));
    }
    let Contents { keys, state, state_key } = contents;
    Ok((keys, State::from_bytes(&state, user_id)?, state_key))
}

fn newest_keys(keys: &OpenedKeys) -> Option<(&[u8], &VerifyingKey)> {
    Some((keys.encryption.first()?.public_key().as_bytes(), keys.signing.first()?.verifying_key()))
}

/// The bundles of these keys, the last of which is the oldest. Signatures come out the same each time.
fn made_again(app_id: &AppId, user_id: &UserId, keys: &OpenedKeys) -> Result<Identity> {
    if keys.encryption.len() != keys.signing.len() {
        return Err(OWN_KEYS);
    }
    let mut last: Option<(Signed<Bundle>, &SigningKey)> = None;
    let mut objects = Vec::with_capacity(keys.signing.len());
    for (pair, signing) in keys.encryption.iter().zip(&keys.signing).rev() {
        let bundle = match last {
            None => Bundle::first(app_id, Some(user_id), pair.public_key(), signing),
            Some((bundle, old)) => Bundle::next(&bundle, old, pair.public_key(), signing),
        }?;
        objects.push(bundle.to_bytes());
        last = Some((bundle, signing));
    }
    let objects: Vec<&[u8]> = objects.iter().map(Vec::as_slice).collect();
    Identity::verify(&objects, app_id, Asked::User(user_id), Minimum::default())
}
