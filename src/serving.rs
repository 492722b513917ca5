//! What a key server does with stanzas: it keeps what is signed once, and gives everybody his own body. SPEC sections 12.5 and 12.11.

use crate::{
    encoding::MALFORMED,
    error::Result,
    key_pair::Fingerprint,
    party::Party,
    signed::{Hash, Minimum, Payload, Unverified},
    stanzas::{self, Bodies},
};

/// A signed object with stanzas, taken apart. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The session or the group that it names.
    pub of: Hash,
    /// The entry or the operation that it names.
    pub sequence: u64,
    /// The signer's bundle that it names.
    pub signer: Hash,
    /// The object without bodies: null in each place.
    pub signed: Vec<u8>,
    /// In the places of the object.
    pub stanzas: Vec<Stanza>,
}

/// For whom a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanza {
    /// Who.
    pub party: Party,
    /// The key that it is wrapped for.
    pub fingerprint: Fingerprint,
    /// What only this party is given.
    pub body: Option<Vec<u8>>,
}

/// A payload whose object has its stanzas' bodies after the signature.
pub(crate) trait Stanzaed: Payload<More = Bodies> {
    /// Of what: session or group, and the sequence there; and the signer's bundle.
    fn names(&self) -> (Hash, u64, Hash);
    fn stanzas(&self) -> &[stanzas::Stanza];
}

/// Takes an object apart.
pub(crate) fn split<T: Stanzaed>(object: &[u8], minimum: Minimum) -> Result<Served> {
    let object = Unverified::<T>::parse(object, minimum)?;
    let (says, bodies) = (object.claimed(), object.more());
    let signed = object.with_more(&Bodies(vec![None; bodies.0.len()]));
    let stanzas = says.stanzas().iter().zip(&bodies.0).map(|(stanza, body)| Stanza {
        party: stanza.party.clone(),
        fingerprint: stanza.fingerprint,
        body: body.clone(),
    });
    let (of, sequence, signer) = says.names();
    Ok(Served { of, sequence, signer, signed, stanzas: stanzas.collect() })
}

/// Puts bodies into their places again.
pub(crate) fn join<T: Stanzaed>(signed: &[u8], bodies: impl IntoIterator<Item = (usize, Vec<u8>)>) -> Result<Vec<u8>> {
    let mut bodies = bodies.into_iter().peekable();
    if bodies.peek().is_none() {
        return Ok(signed.to_vec());
    }
    let object = Unverified::<T>::parse(signed, Minimum::default())?;
    let mut places = object.more().clone();
    for (place, body) in bodies {
        *places.0.get_mut(place).ok_or(MALFORMED)? = Some(body);
    }
    Ok(object.with_more(&places))
}
