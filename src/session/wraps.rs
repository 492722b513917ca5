//! A generation's key for those who read: SPEC section 12.5.

use super::{log::Log, signer::Signers};
use crate::{
    data_key::{DataKey, KeyCommitment, KeyId},
    encoding::{Context, Reader, Writer, base64url},
    error::{Code, Error, Result},
    key_pair::{Fingerprint, Suite},
    serving::{self, Served, Stanzaed},
    signed::{Hash, Minimum, Payload, Unverified},
    stanzas::{Bodies, Stanza, read_stanzas, write_stanzas},
    wrap::Named,
};

/// The key of the generation before, sealed.
pub(super) const SEALED_KEY: usize = 104;

/// What whoever wraps a key signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wraps {
    pub(super) session: Hash,
    /// Of the entry that it belongs to.
    pub(super) sequence: u64,
    pub(super) generation: u64,
    pub(super) named: Named,
    pub(super) previous: Option<[u8; SEALED_KEY]>,
    pub(super) signer: Hash,
    /// Sorted by party.
    pub(super) stanzas: Vec<Stanza>,
}

impl Payload for Wraps {
    const LABEL: &'static str = "wardkey/v1/wraps";
    const MAX: usize = 16 << 20;
    type More = Bodies;

    fn write(&self, w: &mut Writer) {
        w.map(8);
        w.uint(1);
        w.bytes(&self.session.0);
        w.uint(2);
        w.uint(self.sequence);
        w.uint(3);
        w.uint(self.generation);
        w.uint(4);
        w.bytes(&self.named.key_id.0);
        w.uint(5);
        w.bytes(&self.named.commitment.0);
        w.uint(6);
        w.bytes_or_null(self.previous.as_ref().map(<[u8; SEALED_KEY]>::as_slice));
        w.uint(7);
        w.bytes(&self.signer.0);
        w.uint(8);
        write_stanzas(w, &self.stanzas);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(8)?;
        reader.key(1)?;
        let session = Hash(reader.fixed()?);
        reader.key(2)?;
        let sequence = reader.uint()?;
        reader.key(3)?;
        let generation = reader.uint()?;
        reader.key(4)?;
        let key_id = KeyId(reader.fixed()?);
        reader.key(5)?;
        let commitment = KeyCommitment(reader.fixed()?);
        reader.key(6)?;
        let previous = reader.null_or(Reader::fixed)?;
        reader.key(7)?;
        let signer = Hash(reader.fixed()?);
        reader.key(8)?;
        let stanzas = read_stanzas(reader)?;
        let named = Named { key_id, commitment };
        Ok(Self { session, sequence, generation, named, previous, signer, stanzas })
    }

    /// As many bodies as stanzas, and of their suites' lengths.
    fn agrees(&self, bodies: &Bodies) -> bool {
        bodies.fit(&self.stanzas)
    }
}

impl Stanzaed for Wraps {
    fn names(&self) -> (Hash, u64, Hash) {
        (self.session, self.sequence, self.signer)
    }

    fn stanzas(&self) -> &[Stanza] {
        &self.stanzas
    }
}

/// Takes a wraps object apart.
///
/// # Errors
/// `limit`, `unsupported-version`, `invalid-format`, `downgrade`.
pub fn split(object: &[u8], minimum: Minimum) -> Result<Served> {
    serving::split::<Wraps>(object, minimum)
}

/// Puts bodies into their places again.
///
/// # Errors
/// `invalid-format` where there is no such place, or the object is none.
pub fn join(signed: &[u8], bodies: impl IntoIterator<Item = (usize, Vec<u8>)>) -> Result<Vec<u8>> {
    serving::join::<Wraps>(signed, bodies)
}

/// What a stanza is bound to.
pub(super) fn context(session: &Hash, generation: usize) -> Result<Context> {
    Context::new([("session", base64url(&session.0).as_str()), ("generation", generation.to_string().as_str())])
}

/// What the verified wraps of a session say.
#[derive(Clone, Debug, Default)]
pub(super) struct Wrapped {
    /// Of generation 0, 1, …
    pub(super) generations: Vec<Wrapping>,
    /// Of the newest generation: party's place in the log, and its key.
    pub(super) newest: Vec<(usize, Fingerprint)>,
    /// Those that were there, of all generations.
    pub(super) bodies: Vec<Body>,
    /// By place in the log: the newest generation that has a stanza for the party.
    covered: Vec<Option<usize>>,
    /// Sequences of entries that have wraps, rising, and the places in the log of those whom they are for.
    objects: Vec<(usize, Vec<usize>)>,
}

#[derive(Clone, Debug)]
pub(super) struct Wrapping {
    pub(super) key_id: KeyId,
    pub(super) previous: Option<[u8; SEALED_KEY]>,
}

#[derive(Clone, Debug)]
pub(super) struct Body {
    /// Place in the log.
    pub(super) party: usize,
    pub(super) generation: usize,
    pub(super) fingerprint: Fingerprint,
    pub(super) suite: Suite,
    pub(super) body: Vec<u8>,
}

/// A party that a wraps object may be for: its place in the log, and whether it must be.
pub(super) type Wanted = (usize, bool);

const PARTIES: Error = Error::new(&(Code::BadSignature, "a key that is wrapped for others than the log says"));
const OTHER_SIGNER: Error = Error::new(&(Code::BadSignature, "wraps by another than the signer of their entry"));
pub(super) const MISSING: Error =
    Error::new(&(Code::BadSignature, "a wraps object is missing, or there is one too many"));

impl Wrapped {
    /// Of a session that was made here, and is wrapped for nobody yet.
    pub(super) fn unsent(key: &DataKey) -> Self {
        Self { generations: vec![Wrapping { key_id: key.id(), previous: None }], ..Self::default() }
    }

    /// Of a session that was kept: stanzas of the newest generation, without their bodies.
    pub(super) fn kept(generations: Vec<Wrapping>, newest: Vec<(usize, Fingerprint)>) -> Self {
        let mut wrapped = Self { generations, newest, ..Self::default() };
        let last = wrapped.generations.len().saturating_sub(1);
        let places: Vec<_> = wrapped.newest.iter().map(|(place, _)| *place).collect();
        places.into_iter().for_each(|place| wrapped.cover(place, last));
        wrapped
    }

    /// The newest generation that has a stanza for the party of this place.
    pub(super) fn covered(&self, place: usize) -> Option<usize> {
        self.covered.get(place).copied().flatten()
    }

    fn cover(&mut self, place: usize, generation: usize) {
        if self.covered.len() <= place {
            self.covered.resize(place + 1, None);
        }
        if let Some(covered) = self.covered.get_mut(place) {
            *covered = Some(generation);
        }
    }

    /// Whom the wraps object of the entry of this sequence is for, sorted by party, where those of all entries before were taken. Nobody: it has none.
    pub(super) fn wanted(&self, log: &Log, sequence: usize) -> Vec<Wanted> {
        if log.begins_generation(sequence) {
            return log.readers_at(sequence).collect();
        }
        let generation = log.generation_at(sequence as u64);
        let given = log.steps().get(sequence).map(|step| step.given.as_slice()).unwrap_or_default();
        given.iter().filter(|place| self.covered(**place) != Some(generation)).map(|place| (*place, true)).collect()
    }

    /// Whom the wraps object of the entry of this sequence is for.
    pub(super) fn for_whom(&self, log: &Log, sequence: usize) -> Vec<usize> {
        match self.objects.binary_search_by_key(&sequence, |(sequence, _)| *sequence) {
            Ok(found) => self.objects.get(found).map(|(_, places)| places.clone()).unwrap_or_default(),
            // One after it was taken: this entry has none.
            Err(later) if later < self.objects.len() => Vec::new(),
            Err(_) => self.wanted(log, sequence).into_iter().map(|(place, _)| place).collect(),
        }
    }

    /// The object of this entry is for these.
    pub(super) fn record(&mut self, log: &Log, sequence: usize, stanzas: &[(usize, Fingerprint)]) {
        let generation = log.generation_at(sequence as u64);
        if log.begins_generation(sequence) {
            self.newest.clear();
        }
        self.newest.extend_from_slice(stanzas);
        stanzas.iter().for_each(|(place, _)| self.cover(*place, generation));
        self.objects.push((sequence, stanzas.iter().map(|(place, _)| *place).collect()));
    }

    /// The beginning of step 1.
    pub(super) fn parse(log: &Log, object: &[u8], minimum: Minimum) -> Result<Unverified<Wraps>> {
        let object = Unverified::<Wraps>::parse(object, minimum)?;
        if object.claimed().session != *log.id() {
            return Err(Error::new(&(Code::KeyMismatch, "wraps of another session")));
        }
        Ok(object)
    }

    /// The end of step 1, and steps 2 to 5, for the object of the entry of this sequence.
    pub(super) fn take(
        &mut self,
        log: &Log,
        (sequence, wanted): (usize, &[Wanted]),
        object: Unverified<Wraps>,
        signers: &dyn Signers,
    ) -> Result<()> {
        let generation = log.generation_at(sequence as u64);
        let begins = log.begins_generation(sequence);
        if object.claimed().previous.is_some() != (begins && generation > 0) {
            return Err(Error::new(&(
                Code::BadSignature,
                "the key before is sealed in each new generation, and nowhere else",
            )));
        }
        let signer = log.steps().get(sequence).and_then(|step| log.signer_of(step)).ok_or(MISSING)?;
        let object = if object.claimed().signer == signer.bundle {
            object.verify(&signer.key)?
        } else {
            // What is made off line is wrapped when it is sent: its creator may have newer keys by then.
            let later = signers.signer(&object.claimed().signer).map_err(|_| OTHER_SIGNER)?;
            if sequence > 0 || later.party() != signer.party() || later.version < signer.version {
                return Err(OTHER_SIGNER);
            }
            object.verify(&later.key)?
        };
        let (wraps, bodies) = (object.value(), object.more());
        if wraps.generation != generation as u64 || Some(&wraps.named.commitment) != log.commitment(generation) {
            return Err(Error::new(&(Code::KeyMismatch, "wraps of another key than the log says")));
        }
        let places = places(log, wanted, wraps).ok_or(PARTIES)?;
        if begins {
            self.generations.push(Wrapping { key_id: wraps.named.key_id, previous: wraps.previous });
        }
        if self.generations.get(generation).map(|wrapping| wrapping.key_id) != Some(wraps.named.key_id) {
            return Err(Error::new(&(Code::KeyMismatch, "two keys of one generation")));
        }
        bodies.check(&wraps.stanzas)?;
        for ((party, stanza), body) in places.iter().zip(&wraps.stanzas).zip(&bodies.0) {
            let Some(body) = body else { continue };
            let (fingerprint, suite) = (stanza.fingerprint, stanza.suite);
            self.bodies.push(Body { party: *party, generation, fingerprint, suite, body: body.clone() });
        }
        let stanzas: Vec<_> = places.into_iter().zip(wraps.stanzas.iter().map(|stanza| stanza.fingerprint)).collect();
        self.record(log, sequence, &stanzas);
        Ok(())
    }
}

/// The places in the log of the stanzas' parties: all that must be there, and only such as may. Both are sorted by party.
fn places(log: &Log, wanted: &[Wanted], wraps: &Wraps) -> Option<Vec<usize>> {
    let mut wanted = wanted.iter();
    let mut places = Vec::with_capacity(wraps.stanzas.len());
    for stanza in &wraps.stanzas {
        loop {
            let (place, needed) = wanted.next()?;
            if log.party(*place) == Some(&stanza.party) {
                places.push(*place);
                break;
            }
            if *needed {
                return None;
            }
        }
    }
    wanted.all(|(_, needed)| !needed).then_some(places)
}
