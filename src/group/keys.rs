//! An epoch's secret for those who belong: SPEC section 12.11.

use rand_core::TryCryptoRng;

use super::log::Log;
use crate::{
    data_key::{DataKey, KeyCommitment, KeyId},
    encoding::{Context, Reader, Writer, base64url},
    error::{Code, Error, Result},
    key_pair::{Fingerprint, KeyPair, PublicKey, Suite},
    party::Party,
    random::Random,
    serving::{self, Served, Stanzaed},
    session::{Hand, Recipients},
    signed::{Hash, Minimum, Payload, Signed, Unverified},
    stanzas::{self, Bodies, Wrapping, read_stanzas, write_stanzas},
    wrap::{Named, Unwrapping},
};

/// What whoever wraps an epoch's secret signs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct GroupKeys {
    group: Hash,
    /// Of the operation that it belongs to.
    sequence: u64,
    epoch: u64,
    named: Named,
    signer: Hash,
    /// Sorted by party.
    stanzas: Vec<stanzas::Stanza>,
}

impl Payload for GroupKeys {
    const LABEL: &'static str = "wardkey/v1/group-keys";
    const MAX: usize = 16 << 20;
    type More = Bodies;

    fn write(&self, w: &mut Writer) {
        w.map(7);
        w.uint(1);
        w.bytes(&self.group.0);
        w.uint(2);
        w.uint(self.sequence);
        w.uint(3);
        w.uint(self.epoch);
        w.uint(4);
        w.bytes(&self.named.key_id.0);
        w.uint(5);
        w.bytes(&self.named.commitment.0);
        w.uint(6);
        w.bytes(&self.signer.0);
        w.uint(7);
        write_stanzas(w, &self.stanzas);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(7)?;
        reader.key(1)?;
        let group = Hash(reader.fixed()?);
        reader.key(2)?;
        let sequence = reader.uint()?;
        reader.key(3)?;
        let epoch = reader.uint()?;
        reader.key(4)?;
        let key_id = KeyId(reader.fixed()?);
        reader.key(5)?;
        let commitment = KeyCommitment(reader.fixed()?);
        reader.key(6)?;
        let signer = Hash(reader.fixed()?);
        reader.key(7)?;
        let stanzas = read_stanzas(reader)?;
        Ok(Self { group, sequence, epoch, named: Named { key_id, commitment }, signer, stanzas })
    }

    /// As many bodies as stanzas, and of their suites' lengths.
    fn agrees(&self, bodies: &Bodies) -> bool {
        bodies.fit(&self.stanzas)
    }
}

impl Stanzaed for GroupKeys {
    fn names(&self) -> (Hash, u64, Hash) {
        (self.group, self.sequence, self.signer)
    }

    fn stanzas(&self) -> &[stanzas::Stanza] {
        &self.stanzas
    }
}

/// Takes group keys apart, as a key server keeps them.
///
/// # Errors
/// `limit`, `unsupported-version`, `invalid-format`, `downgrade`.
pub fn split(object: &[u8], minimum: Minimum) -> Result<Served> {
    serving::split::<GroupKeys>(object, minimum)
}

/// Puts bodies into their places again.
///
/// # Errors
/// `invalid-format` where there is no such place, or the object is none.
pub fn join(signed: &[u8], bodies: impl IntoIterator<Item = (usize, Vec<u8>)>) -> Result<Vec<u8>> {
    serving::join::<GroupKeys>(signed, bodies)
}

/// What a stanza is bound to.
fn context(group: &Hash, epoch: u64) -> Result<Context> {
    Context::new([("group", base64url(&group.0).as_str()), ("epoch", epoch.to_string().as_str())])
}

const STRAY: Error = Error::new(&(Code::BadSignature, "group keys of no operation that has any"));
const NOT_FOR_THIS: Error = Error::new(&(Code::NotARecipient, "nothing was wrapped for this member"));

/// A member's stanza of the newest epoch.
#[derive(Debug)]
pub struct Stanza {
    named: Named,
    fingerprint: Fingerprint,
    suite: Suite,
    body: Vec<u8>,
    context: Context,
}

impl Stanza {
    /// Verifies group keys, and finds this member's place in them.
    ///
    /// # Errors
    /// Those of SPEC section 12.11.
    pub fn find(log: &Log, object: &[u8], party: &Party, minimum: Minimum) -> Result<Self> {
        let wanted = log.newest_keys_for(party).ok_or(if log.has_belonged(party) {
            Error::new(&(Code::Revoked, "no longer a member of the group"))
        } else {
            Error::new(&(Code::NotARecipient, "not a member of the group"))
        })?;
        let object = verify(log, object, minimum)?;
        let keys = object.value();
        if keys.sequence != wanted as u64 {
            return Err(NOT_FOR_THIS);
        }
        let place = keys.stanzas.binary_search_by(|stanza| stanza.party.cmp(party)).map_err(|_| NOT_FOR_THIS)?;
        let body = object.more().0.get(place).cloned().flatten();
        let body = body.ok_or(Error::new(&(Code::BadSignature, "the stanza that was signed is missing")))?;
        let stanza = keys.stanzas.get(place).ok_or(NOT_FOR_THIS)?;
        let (fingerprint, suite) = (stanza.fingerprint, stanza.suite);
        Ok(Self { named: keys.named, fingerprint, suite, body, context: context(log.id(), keys.epoch)? })
    }

    /// Of the key pair that opens it.
    #[must_use]
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Begins opening it, for the key pair of this public key; the private operation may be another engine's. What comes out is for [`super::Epochs::open`].
    ///
    /// # Errors
    /// `not-a-recipient`, `unwrap-failed`.
    pub fn begin(self, public: &PublicKey) -> Result<Unwrapping> {
        if public.fingerprint() != &self.fingerprint {
            return Err(NOT_FOR_THIS);
        }
        if public.suite() != self.suite {
            return Err(Error::new(&(Code::UnwrapFailed, "the wrapped key does not open")));
        }
        Ok(Unwrapping::of_stanza(&self.named, public, self.body, &self.context))
    }

    /// Opens it with one of the key pairs that the member has.
    ///
    /// # Errors
    /// `not-a-recipient`, `unwrap-failed`, `key-mismatch`.
    pub fn open<R: TryCryptoRng>(self, rng: &mut Random<R>, pairs: &[&KeyPair]) -> Result<DataKey> {
        let pair = pairs.iter().find(|pair| pair.public_key().fingerprint() == &self.fingerprint);
        let pair = pair.ok_or(NOT_FOR_THIS)?;
        let unwrapping = self.begin(pair.public_key())?;
        let opened = pair.unwrap(rng, unwrapping.label(), unwrapping.body())?;
        unwrapping.finish(opened.expose())
    }
}

/// Verifies group keys, whomever they are for.
///
/// # Errors
/// Those of SPEC section 12.11.
pub fn check_keys(log: &Log, object: &[u8], minimum: Minimum) -> Result<()> {
    verify(log, object, minimum).map(drop)
}

/// Steps 1 to 5.
fn verify(log: &Log, object: &[u8], minimum: Minimum) -> Result<Signed<GroupKeys>> {
    let object = Unverified::<GroupKeys>::parse(object, minimum)?;
    let claimed = object.claimed();
    if claimed.group != *log.id() {
        return Err(Error::new(&(Code::KeyMismatch, "keys of another group")));
    }
    let sequence = usize::try_from(claimed.sequence).map_err(|_| STRAY)?;
    let operator = log.signer_of(sequence).filter(|_| log.keyed_by(sequence).next().is_some()).ok_or(STRAY)?;
    if claimed.signer != operator.bundle {
        return Err(Error::new(&(Code::BadSignature, "group keys by another than the signer of their operation")));
    }
    let object = object.verify(&operator.key)?;
    let (keys, bodies) = (object.value(), object.more());
    let epoch = log.epoch_at(sequence);
    let commitment = log.epochs().get(epoch).map(|epoch| &epoch.commitment);
    if keys.epoch != epoch as u64 || commitment != Some(&keys.named.commitment) {
        return Err(Error::new(&(Code::KeyMismatch, "keys of another epoch than the log says")));
    }
    if !keys.stanzas.iter().map(|stanza| &stanza.party).eq(log.keyed_by(sequence)) {
        return Err(Error::new(&(Code::BadSignature, "group keys for others than the log says")));
    }
    bodies.check(&keys.stanzas)?;
    Ok(object)
}

/// The group keys of an operation, until they are signed.
#[derive(Debug)]
pub struct Delivery {
    wrapping: Wrapping,
    group: Hash,
    sequence: u64,
    epoch: u64,
}

impl Delivery {
    /// Of the log's newest operation.
    pub(super) fn begin(log: &Log, secret: &DataKey, recipients: &dyn Recipients) -> Result<Self> {
        let sequence = log.operations();
        let epoch = log.epoch_at(sequence) as u64;
        let parties = log.keyed_by(sequence).cloned().collect();
        let wrapping = Wrapping::begin(secret, context(log.id(), epoch)?, parties, recipients)?;
        Ok(Self { wrapping, group: *log.id(), sequence: sequence as u64, epoch })
    }

    /// Wraps for the next member. Is there more to do?
    ///
    /// # Errors
    /// Those of `recipients`; `key-policy`, `rng`.
    pub fn step<R: TryCryptoRng>(&mut self, rng: &mut Random<R>, recipients: &dyn Recipients) -> Result<bool> {
        self.wrapping.step(rng, recipients)
    }

    /// Signs the object after the last step, by the hand that signed the operation.
    ///
    /// # Errors
    /// `key-mismatch`, `limit`.
    pub fn sign(self, hand: &Hand<'_>) -> Result<Vec<u8>> {
        hand.check()?;
        let (key, stanzas, bodies) = self.wrapping.finish();
        let keys = GroupKeys {
            group: self.group,
            sequence: self.sequence,
            epoch: self.epoch,
            named: Named::of(&key),
            signer: hand.signer.bundle,
            stanzas,
        };
        Ok(Signed::sign(keys, bodies, hand.key)?.to_bytes())
    }
}
