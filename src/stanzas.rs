//! One key for many parties, each with a body of its own beside the signed list of them: SPEC sections 12.5 and 12.11.

use std::vec;

use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};

use crate::{
    data_key::DataKey,
    encoding::{Context, MALFORMED, Reader, Writer},
    error::{Code, Error, Result},
    key_pair::{Fingerprint, PublicKey, Suite},
    party::{MAX_PARTIES, Party, read_list},
    random::Random,
    session::Recipients,
    signed::More,
    wrap::stanza_body,
};

/// For whom a body is, and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stanza {
    pub(crate) party: Party,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) suite: Suite,
    pub(crate) body: [u8; 32],
}

impl Stanza {
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.array_of(4)?;
        let party = Party::read(reader)?;
        let fingerprint = Fingerprint(reader.fixed()?);
        let suite = Suite::from_number(reader.uint()?).filter(|suite| *suite != Suite::Rsa2048).ok_or(MALFORMED)?;
        Ok(Self { party, fingerprint, suite, body: reader.fixed()? })
    }
}

/// Sorted by party.
pub(crate) fn read_stanzas(reader: &mut Reader<'_>) -> Result<Vec<Stanza>> {
    read_list(reader, MAX_PARTIES as u64, Stanza::read, |stanza| &stanza.party)
}

pub(crate) fn write_stanzas(w: &mut Writer, stanzas: &[Stanza]) {
    w.array(stanzas.len());
    for stanza in stanzas {
        w.array(4);
        stanza.party.write(w);
        w.bytes(&stanza.fingerprint.0);
        w.uint(stanza.suite.number());
        w.bytes(&stanza.body);
    }
}

/// Bodies in the places of their stanzas; everybody is given his own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bodies(pub(crate) Vec<Option<Vec<u8>>>);

impl Bodies {
    /// As many as stanzas, and of their suites' lengths?
    pub(crate) fn fit(&self, stanzas: &[Stanza]) -> bool {
        let fits = |(stanza, body): (&Stanza, &Option<Vec<u8>>)| {
            body.as_ref().is_none_or(|body| body.len() == stanza.suite.body_len())
        };
        stanzas.len() == self.0.len() && stanzas.iter().zip(&self.0).all(fits)
    }

    /// Are those that are there the ones whose hashes were signed?
    ///
    /// # Errors
    /// `bad-signature`.
    pub(crate) fn check(&self, stanzas: &[Stanza]) -> Result<()> {
        let same = |(stanza, body): (&Stanza, &Option<Vec<u8>>)| {
            body.as_ref().is_none_or(|body| *Sha256::digest(body) == stanza.body)
        };
        if stanzas.iter().zip(&self.0).all(same) {
            Ok(())
        } else {
            Err(Error::new(&(Code::BadSignature, "another stanza than the one that was signed")))
        }
    }
}

impl More for Bodies {
    const COUNT: u64 = 1;

    fn write(&self, w: &mut Writer) {
        w.array(self.0.len());
        self.0.iter().for_each(|body| w.bytes_or_null(body.as_deref()));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let count = reader.array()?;
        let mut bodies = Vec::new();
        for _ in 0..count.min(MAX_PARTIES as u64 + 1) {
            bodies.push(reader.null_or(|reader| reader.bytes().map(<[u8]>::to_vec))?);
        }
        Ok(Self(bodies))
    }
}

/// A key that is being wrapped, for one party after the other. A wrap takes half a millisecond, and there may be thousands.
#[derive(Debug)]
pub(crate) struct Wrapping {
    pub(crate) key: DataKey,
    context: Context,
    /// Those whom it is not wrapped for yet.
    parties: vec::IntoIter<Party>,
    stanzas: Vec<Stanza>,
    bodies: Vec<Option<Vec<u8>>>,
}

impl Wrapping {
    /// Every party is looked up before anything is wrapped for one.
    ///
    /// # Errors
    /// Those of `recipients`; `key-policy`.
    pub(crate) fn begin(
        key: &DataKey,
        context: Context,
        parties: Vec<Party>,
        recipients: &dyn Recipients,
    ) -> Result<Self> {
        for party in &parties {
            acceptable(recipients, party)?;
        }
        let (stanzas, bodies) = (Vec::with_capacity(parties.len()), Vec::with_capacity(parties.len()));
        let key = DataKey::from_slice(key.dangerously_expose().expose())?;
        Ok(Self { key, context, parties: parties.into_iter(), stanzas, bodies })
    }

    /// Those whom it is not wrapped for yet.
    pub(crate) fn parties(&self) -> &[Party] {
        self.parties.as_slice()
    }

    /// Wraps for the next party. Is there more to do?
    ///
    /// # Errors
    /// Those of `recipients`; `key-policy`, `rng`.
    pub(crate) fn step<R: TryCryptoRng>(&mut self, rng: &mut Random<R>, recipients: &dyn Recipients) -> Result<bool> {
        let Some(party) = self.parties.next() else { return Ok(false) };
        let public = acceptable(recipients, &party)?;
        let body = stanza_body(&self.key, rng, public, &self.context)?;
        let hash = Sha256::digest(&body).into();
        self.stanzas.push(Stanza { party, fingerprint: *public.fingerprint(), suite: public.suite(), body: hash });
        self.bodies.push(Some(body));
        Ok(true)
    }

    /// After the last step.
    pub(crate) fn finish(self) -> (DataKey, Vec<Stanza>, Bodies) {
        (self.key, self.stanzas, Bodies(self.bodies))
    }
}

fn acceptable<'a>(recipients: &'a dyn Recipients, party: &Party) -> Result<&'a PublicKey> {
    let key = recipients.key_for(party)?;
    if key.suite() == Suite::Rsa2048 {
        return Err(Error::new(&(Code::KeyPolicy, "rsa-2048 is only for what exists")));
    }
    Ok(key)
}
