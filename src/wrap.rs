//! One data key for many public keys: SPEC section 6.

use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};

use crate::{
    data_key::{DataKey, KeyCommitment, KeyId},
    encoding::{Context, MALFORMED, Reader, encode, encode_into, framed, unframe},
    error::{Code, Error, Result},
    key_pair::{Fingerprint, KeyPair, PublicKey, Suite},
    random::Random,
    secret::{Secret, equal},
};

const MAGIC: [u8; 4] = *b"WKWS";
const MAX_STANZAS: usize = 10_000;
const MAX_LEN: usize = 16 << 20;
const MAX_UNKNOWN_BODY: usize = 4096;

/// Wraps `key` for each of these public keys; one that is given twice gets one stanza.
///
/// # Errors
/// `invalid-argument` without a recipient, `limit` for too many, `key-policy` for `rsa-2048` unless `allow_legacy`, `rng`.
pub fn wrap_key<'a, R: TryCryptoRng>(
    key: &DataKey,
    rng: &mut Random<R>,
    recipients: impl IntoIterator<Item = &'a PublicKey>,
    context: &Context,
    allow_legacy: bool,
) -> Result<Vec<u8>> {
    let mut wrapper = Wrapper::new(key, context, allow_legacy);
    for recipient in recipients {
        wrapper.add(key, rng, recipient)?;
    }
    wrapper.finish()
}

/// Wraps a data key, recipient by recipient.
#[derive(Debug)]
pub struct Wrapper {
    set: WrapSet,
    context: Context,
    allow_legacy: bool,
}

impl Wrapper {
    /// Begins a wrap set for this key.
    #[must_use]
    pub fn new(key: &DataKey, context: &Context, allow_legacy: bool) -> Self {
        let set = WrapSet { key_id: key.id(), commitment: *key.commitment(), stanzas: Vec::new() };
        Self { set, context: context.clone(), allow_legacy }
    }

    /// Adds a recipient. `key` is the one that the set was begun for.
    ///
    /// # Errors
    /// `key-mismatch`, `key-policy`, `limit`, `rng`.
    pub fn add<R: TryCryptoRng>(&mut self, key: &DataKey, rng: &mut Random<R>, recipient: &PublicKey) -> Result<()> {
        if !equal(&key.commitment().0, &self.set.commitment.0) {
            return Err(Error::new(&(Code::KeyMismatch, "another data key than the one the set was begun for")));
        }
        if recipient.suite() == Suite::Rsa2048 && !self.allow_legacy {
            return Err(Error::new(&(Code::KeyPolicy, "rsa-2048 is only for what exists: see allowLegacy")));
        }
        let Err(place) = self.set.find(recipient.fingerprint()) else { return Ok(()) };
        if self.set.stanzas.len() >= MAX_STANZAS {
            return Err(Error::new(&(Code::Limit, "more than 10,000 recipients")));
        }
        let body = stanza_body(key, rng, recipient, &self.context)?;
        let stanza = Stanza { suite: recipient.suite().number(), fingerprint: *recipient.fingerprint(), body };
        self.set.stanzas.insert(place, stanza);
        Ok(())
    }

    /// The wrap set.
    ///
    /// # Errors
    /// `invalid-argument` without a recipient, `limit`.
    pub fn finish(self) -> Result<Vec<u8>> {
        if self.set.stanzas.is_empty() {
            return Err(Error::new(&(Code::InvalidArgument, "a key is wrapped for at least one recipient")));
        }
        let bytes = self.set.encode();
        if bytes.len() > MAX_LEN { Err(Error::new(&(Code::Limit, "a wrap set larger than 16 MiB"))) } else { Ok(bytes) }
    }
}

/// Opens the stanza of `pair`. `rng` is for blinding.
///
/// # Errors
/// `invalid-format`, `truncated`, `unsupported-version`, `limit`: not a wrap set. `not-a-recipient`: no stanza for this key pair. `key-mismatch`: the
/// opened key isn't the one named. All else: `unwrap-failed`.
pub fn unwrap_key<R: TryCryptoRng>(
    wrapped: &[u8],
    rng: &mut Random<R>,
    pair: &KeyPair,
    context: &Context,
) -> Result<DataKey> {
    let unwrapping = Unwrapping::begin(wrapped, pair.public_key(), context)?;
    let opened = pair.unwrap(rng, &unwrapping.label, &unwrapping.body)?;
    unwrapping.finish(opened.expose())
}

const FAILED: Error = Error::new(&(Code::UnwrapFailed, "the wrapped key does not open"));

/// A wrap set of which one stanza is being opened. The private operation stands between its beginning and its end, and may be another engine's.
#[derive(Debug)]
pub struct Unwrapping {
    named: Named,
    label: [u8; 32],
    body: Vec<u8>,
}

impl Unwrapping {
    /// Finds the stanza of this public key.
    ///
    /// # Errors
    /// As [`unwrap_key`], but for `key-mismatch`.
    pub fn begin(wrapped: &[u8], public: &PublicKey, context: &Context) -> Result<Self> {
        let mut set = WrapSet::parse(wrapped)?;
        let place = set.find(public.fingerprint());
        let place = place.map_err(|_| Error::new(&(Code::NotARecipient, "nothing was wrapped for this key pair")))?;
        let stanza = set.stanzas.swap_remove(place);
        if stanza.suite != public.suite().number() {
            return Err(FAILED);
        }
        let named = Named { key_id: set.key_id, commitment: set.commitment };
        Ok(Self::of_stanza(&named, public, stanza.body, context))
    }

    /// Of a stanza that stands in another object.
    pub(crate) fn of_stanza(named: &Named, public: &PublicKey, body: Vec<u8>, context: &Context) -> Self {
        let label = info(named, public.suite(), public.fingerprint(), context);
        Self { named: *named, label, body }
    }

    /// What the wrap is bound to: HPKE's info, OAEP's label.
    #[must_use]
    pub const fn label(&self) -> &[u8; 32] {
        &self.label
    }

    /// What the private key opens.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Takes what was opened.
    ///
    /// # Errors
    /// `unwrap-failed` if it is no key; `key-mismatch` if it isn't the one that the set names.
    pub fn finish(self, opened: &[u8]) -> Result<DataKey> {
        let key = DataKey::from_secret(Secret::from_slice(opened).ok_or(FAILED)?);
        if self.named.is(&key) {
            Ok(key)
        } else {
            Err(Error::new(&(Code::KeyMismatch, "the opened key is not the one that the set names")))
        }
    }
}

/// The key that a set of stanzas is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) key_id: KeyId,
    pub(crate) commitment: KeyCommitment,
}

impl Named {
    pub(crate) const fn of(key: &DataKey) -> Self {
        Self { key_id: key.id(), commitment: *key.commitment() }
    }

    /// Is it this key?
    pub(crate) fn is(&self, key: &DataKey) -> bool {
        equal(&key.id().0, &self.key_id.0) && equal(&key.commitment().0, &self.commitment.0)
    }
}

/// A stanza's body.
pub(crate) fn stanza_body<R: TryCryptoRng>(
    key: &DataKey,
    rng: &mut Random<R>,
    recipient: &PublicKey,
    context: &Context,
) -> Result<Vec<u8>> {
    let info = info(&Named::of(key), recipient.suite(), recipient.fingerprint(), context);
    recipient.wrap(rng, &info, key.dangerously_expose().expose())
}

/// What a stanza is bound to: HPKE's info, OAEP's label.
fn info(named: &Named, suite: Suite, fingerprint: &Fingerprint, context: &Context) -> [u8; 32] {
    Sha256::digest(encode(|w| {
        w.array(6);
        w.text("wardkey/v1/wrap");
        w.uint(suite.number());
        w.bytes(&fingerprint.0);
        w.bytes(&named.key_id.0);
        w.bytes(&named.commitment.0);
        w.raw(context.as_bytes());
    }))
    .into()
}

#[derive(Debug)]
struct Stanza {
    suite: u64,
    fingerprint: Fingerprint,
    body: Vec<u8>,
}

#[derive(Debug)]
struct WrapSet {
    key_id: KeyId,
    commitment: KeyCommitment,
    /// Sorted by fingerprint.
    stanzas: Vec<Stanza>,
}

impl WrapSet {
    fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_LEN {
            return Err(Error::new(&(Code::Limit, "larger than any wrap set")));
        }
        let mut reader = Reader::new(unframe(MAGIC, bytes)?);
        reader.map_of(3)?;
        reader.key(1)?;
        let key_id = KeyId(reader.fixed()?);
        reader.key(2)?;
        let commitment = KeyCommitment(reader.fixed()?);
        reader.key(3)?;
        let count = reader.array()?;
        if count == 0 || count > MAX_STANZAS as u64 {
            return Err(MALFORMED);
        }
        let mut stanzas: Vec<Stanza> = Vec::new();
        for _ in 0..count {
            reader.array_of(3)?;
            let suite = reader.uint()?;
            let fingerprint = Fingerprint(reader.fixed()?);
            let body = reader.bytes()?;
            let fits = match Suite::from_number(suite) {
                Some(suite) => body.len() == suite.body_len(),
                None => (1..=MAX_UNKNOWN_BODY).contains(&body.len()),
            };
            if !fits || stanzas.last().is_some_and(|last| last.fingerprint >= fingerprint) {
                return Err(MALFORMED);
            }
            stanzas.push(Stanza { suite, fingerprint, body: body.to_vec() });
        }
        let set = Self { key_id, commitment, stanzas };
        if set.encode() == bytes { Ok(set) } else { Err(MALFORMED) }
    }

    fn encode(&self) -> Vec<u8> {
        encode_into(framed(MAGIC), |w| {
            w.map(3);
            w.uint(1);
            w.bytes(&self.key_id.0);
            w.uint(2);
            w.bytes(&self.commitment.0);
            w.uint(3);
            w.array(self.stanzas.len());
            for stanza in &self.stanzas {
                w.array(3);
                w.uint(stanza.suite);
                w.bytes(&stanza.fingerprint.0);
                w.bytes(&stanza.body);
            }
        })
    }

    fn find(&self, fingerprint: &Fingerprint) -> core::result::Result<usize, usize> {
        self.stanzas.binary_search_by(|stanza| stanza.fingerprint.cmp(fingerprint))
    }
}
