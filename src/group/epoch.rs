//! What a group's members have in common until somebody leaves: SPEC section 12.11.

use core::fmt;

use rand_core::TryCryptoRng;

use super::log::Log;
use crate::{
    cobblestone,
    data_key::{DataKey, KeyCommitment},
    encoding::{MALFORMED, Reader, Writer, encode},
    error::{Code, Error, Result},
    key_pair::{Fingerprint, KeyPair, PublicKey, Suite},
    random::Random,
    secret::{Secret, SecretBytes, equal},
    signed::Hash,
};

/// The secret of the epoch before, sealed.
const SEALED: usize = 104;
const MAX_PUBLIC: usize = 2048;

const NOTHING_SEALED: Error = Error::new(&(Code::DecryptionFailed, "an epoch that doesn't hold the one before"));
const OTHER_EPOCH: Error = Error::new(&(Code::KeyMismatch, "another secret than that of the group's epoch"));

/// What a group's log says of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Of its secret.
    pub commitment: KeyCommitment,
    /// What is wrapped for the group is wrapped for this: an encoded hybrid key.
    pub public_key: Vec<u8>,
    /// The secret of the epoch before; nothing in epoch 0, and where whoever began this one couldn't open it.
    pub previous: Option<[u8; SEALED]>,
}

impl Epoch {
    pub(super) fn write(&self, w: &mut Writer) {
        w.array(3);
        w.bytes(&self.commitment.0);
        w.bytes(&self.public_key);
        w.bytes_or_null(self.previous.as_ref().map(<[u8; SEALED]>::as_slice));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.array_of(3)?;
        let commitment = KeyCommitment(reader.fixed()?);
        let public_key = reader.bytes()?.to_vec();
        let previous = reader.null_or(Reader::fixed)?;
        let epoch = Self { commitment, public_key, previous };
        epoch.key()?;
        Ok(epoch)
    }

    /// The key, parsed.
    pub(super) fn key(&self) -> Result<PublicKey> {
        if self.public_key.len() > MAX_PUBLIC {
            return Err(MALFORMED);
        }
        let key = PublicKey::from_bytes(&self.public_key)?;
        if key.suite() == Suite::Hybrid { Ok(key) } else { Err(MALFORMED) }
    }

    /// The epoch of this secret, which comes after `before`: its number and its secret.
    pub(super) fn of<R: TryCryptoRng>(
        rng: &mut Random<R>,
        secret: &DataKey,
        before: Option<(&Hash, usize, &DataKey)>,
    ) -> Result<Self> {
        let previous = before.map(|(group, number, before)| {
            let context = previous_context(group, number, before.commitment());
            let before = before.dangerously_expose().expose();
            cobblestone::seal(secret.dangerously_expose(), rng, &context, before)?.try_into().map_err(|_| MALFORMED)
        });
        let public_key = key_pair(secret)?.public_key().as_bytes().to_vec();
        Ok(Self { commitment: *secret.commitment(), public_key, previous: previous.transpose()? })
    }

    /// The key pair and the secret of this epoch, from the one above.
    fn open(&self, group: &Hash, number: usize, above: &Self, by: &DataKey) -> Result<(KeyPair, DataKey)> {
        let sealed = above.previous.ok_or(NOTHING_SEALED)?;
        let context = previous_context(group, number, &self.commitment);
        let opened = SecretBytes::new(cobblestone::open(by.dangerously_expose(), &context, &sealed)?);
        let secret = DataKey::from_secret(Secret::from_slice(opened.expose()).ok_or(OTHER_EPOCH)?);
        Ok((self.check(&secret)?, secret))
    }

    /// The key pair of a secret that should be this epoch's.
    fn check(&self, secret: &DataKey) -> Result<KeyPair> {
        let pair = key_pair(secret)?;
        let same =
            equal(&self.commitment.0, &secret.commitment().0) && equal(&self.public_key, pair.public_key().as_bytes());
        if same { Ok(pair) } else { Err(OTHER_EPOCH) }
    }
}

/// The key pair of an epoch's secret.
fn key_pair(secret: &DataKey) -> Result<KeyPair> {
    KeyPair::from_seed(secret.epoch_seed())
}

/// What the secret of epoch `number` is bound to, in the next one.
fn previous_context(group: &Hash, number: usize, commitment: &KeyCommitment) -> Vec<u8> {
    encode(|w| {
        w.array(5);
        w.text("wardkey/v1/previous-epoch");
        w.bytes(&group.0);
        w.uint(number as u64);
        w.uint((number as u64).saturating_add(1));
        w.bytes(&commitment.0);
    })
}

/// The key pairs of a group's epochs, down to where one doesn't open, and the newest one's secret.
pub struct Epochs {
    pairs: Vec<KeyPair>,
    newest: DataKey,
    broken: Option<(usize, Error)>,
}

impl fmt::Debug for Epochs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Epochs").field(&self.pairs.len()).finish()
    }
}

impl Epochs {
    /// From the newest epoch's secret down. What an admin has broken further down breaks nothing above: else nobody could remove him.
    ///
    /// # Errors
    /// `key-mismatch` for another secret than the newest epoch's.
    pub fn open(log: &Log, newest: DataKey) -> Result<Self> {
        let mut opening = Opening::begin(log, newest)?;
        while opening.step(log) {}
        Ok(opening.finish())
    }

    /// The newest epoch that doesn't open, if there is one, and why: `decryption-failed`, `key-mismatch`. Those before it don't open either.
    #[must_use]
    pub const fn broken(&self) -> Option<(usize, Error)> {
        self.broken
    }

    /// The newest epoch's secret.
    #[must_use]
    pub const fn newest(&self) -> &DataKey {
        &self.newest
    }

    /// The same, for those who are added to this log and for its next epoch: nobody can take back what was wrapped or sealed once.
    pub(super) fn newest_of(&self, log: &Log) -> Result<&DataKey> {
        let newest = log.epochs().last().ok_or(OTHER_EPOCH)?;
        newest.check(&self.newest)?;
        Ok(&self.newest)
    }

    /// The key pair with this fingerprint.
    #[must_use]
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<&KeyPair> {
        self.pairs.iter().rev().find(|pair| pair.public_key().fingerprint() == fingerprint)
    }

    /// Rising: from epoch 0 on, or from the one after that which doesn't open.
    pub fn iter(&self) -> impl Iterator<Item = &KeyPair> {
        self.pairs.iter()
    }
}

/// Epochs that are being opened, one after the other: each takes a fraction of a millisecond, and there may be thousands.
#[derive(Debug)]
pub struct Opening {
    epochs: Epochs,
    /// The secret of the last one that was opened, if that isn't the newest.
    above: Option<DataKey>,
    /// Epochs that are still to be opened: those before this one.
    left: usize,
}

impl Opening {
    /// With the newest epoch's secret.
    ///
    /// # Errors
    /// As [`Epochs::open`].
    pub fn begin(log: &Log, newest: DataKey) -> Result<Self> {
        let (last, earlier) = log.epochs().split_last().ok_or(OTHER_EPOCH)?;
        let epochs = Epochs { pairs: vec![last.check(&newest)?], newest, broken: None };
        Ok(Self { epochs, above: None, left: earlier.len() })
    }

    /// Opens the next one down, by the same log. Is there more to do?
    pub fn step(&mut self, log: &Log) -> bool {
        let Some(number) = self.left.checked_sub(1) else { return false };
        let by = self.above.as_ref().unwrap_or(&self.epochs.newest);
        let opened = match (log.epochs().get(number), log.epochs().get(self.left)) {
            (Some(epoch), Some(above)) => epoch.open(log.id(), number, above, by),
            _ => Err(OTHER_EPOCH),
        };
        match opened {
            Ok((pair, secret)) => {
                self.epochs.pairs.push(pair);
                (self.above, self.left) = (Some(secret), number);
            }
            Err(error) => (self.epochs.broken, self.left) = (Some((number, error)), 0),
        }
        true
    }

    /// After the last step.
    #[must_use]
    pub fn finish(mut self) -> Epochs {
        self.epochs.pairs.reverse();
        self.epochs
    }
}
