//! A generation's key for those who read: SPEC section 12.5.

use super::{
    log::{Log, Step},
    signer::Signers,
};
use crate::{
    data_key::{KeyCommitment, KeyId},
    encoding::{Context, Reader, Writer, base64url},
    error::{Code, Error, Result},
    key_pair::{Fingerprint, Suite},
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

const PARTIES: Error = Error::new(&(Code::BadSignature, "a key that is wrapped for others than the log says"));
const OTHER_SIGNER: Error = Error::new(&(Code::BadSignature, "wraps by another than the signer of their entry"));
pub(super) const MISSING: Error =
    Error::new(&(Code::BadSignature, "a wraps object is missing, or there is one too many"));

impl Wrapped {
    /// The beginning of step 1.
    pub(super) fn parse(log: &Log, object: &[u8], minimum: Minimum) -> Result<Unverified<Wraps>> {
        let object = Unverified::<Wraps>::parse(object, minimum)?;
        if object.claimed().session != *log.id() {
            return Err(Error::new(&(Code::KeyMismatch, "wraps of another session")));
        }
        Ok(object)
    }

    /// The end of step 1, and steps 2 to 5.
    pub(super) fn take(
        &mut self,
        log: &Log,
        sequence: usize,
        step: &Step,
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
        let signer = log.signer_of(step).ok_or(MISSING)?;
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
        let expected = step.wrapped.iter().filter_map(|place| log.party(*place));
        if !wraps.stanzas.iter().map(|stanza| &stanza.party).eq(expected) {
            return Err(PARTIES);
        }
        if begins {
            self.generations.push(Wrapping { key_id: wraps.named.key_id, previous: wraps.previous });
            self.newest.clear();
        }
        if self.generations.get(generation).map(|wrapping| wrapping.key_id) != Some(wraps.named.key_id) {
            return Err(Error::new(&(Code::KeyMismatch, "two keys of one generation")));
        }
        bodies.check(&wraps.stanzas)?;
        for ((party, stanza), body) in step.wrapped.iter().zip(&wraps.stanzas).zip(&bodies.0) {
            self.newest.push((*party, stanza.fingerprint));
            let Some(body) = body else { continue };
            let (fingerprint, suite) = (stanza.fingerprint, stanza.suite);
            self.bodies.push(Body { party: *party, generation, fingerprint, suite, body: body.clone() });
        }
        Ok(())
    }
}
