//! What a key server does with wraps: it keeps what is signed once, and gives everybody his own body. SPEC section 12.5.

use super::wraps::Wraps;
use crate::{
    encoding::MALFORMED,
    error::Result,
    key_pair::Fingerprint,
    party::Party,
    signed::{Hash, Minimum, Unverified},
    stanzas::Bodies,
};

/// A wraps object, taken apart. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The session that it names.
    pub session: Hash,
    /// The entry that it names.
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

/// Takes a wraps object apart.
///
/// # Errors
/// `limit`, `unsupported-version`, `invalid-format`, `downgrade`.
pub fn split(object: &[u8], minimum: Minimum) -> Result<Served> {
    let object = Unverified::<Wraps>::parse(object, minimum)?;
    let (says, bodies) = (object.claimed(), object.more());
    let signed = object.with_more(&Bodies(vec![None; bodies.0.len()]));
    let stanzas = says.stanzas.iter().zip(&bodies.0).map(|(stanza, body)| Stanza {
        party: stanza.party.clone(),
        fingerprint: stanza.fingerprint,
        body: body.clone(),
    });
    let (session, sequence, signer) = (says.session, says.sequence, says.signer);
    Ok(Served { session, sequence, signer, signed, stanzas: stanzas.collect() })
}

/// Puts bodies into their places again.
///
/// # Errors
/// `invalid-format` where there is no such place, or the object is none.
pub fn join(signed: &[u8], bodies: impl IntoIterator<Item = (usize, Vec<u8>)>) -> Result<Vec<u8>> {
    let mut bodies = bodies.into_iter().peekable();
    if bodies.peek().is_none() {
        return Ok(signed.to_vec());
    }
    let object = Unverified::<Wraps>::parse(signed, Minimum::default())?;
    let mut places = object.more().clone();
    for (place, body) in bodies {
        *places.0.get_mut(place).ok_or(MALFORMED)? = Some(body);
    }
    Ok(object.with_more(&places))
}
