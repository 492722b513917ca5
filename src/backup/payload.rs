//! The private keys inside a backup.

use super::{Keys, OpenedKeys};
use crate::{
    crypto::sign::SigningKey,
    encoding::{MALFORMED, Reader, encode_into},
    error::{Code, Error, Result},
    key_pair::{KeyPair, PublicKey, Suite},
    secret::{Secret, SecretBytes, equal},
};

const MAX_KEYS: usize = 64;

/// The keys payload as it is written: a private key beside the name of its public half, which is not yet compared.
struct Payload<'a> {
    encryption: Vec<(Suite, [u8; 32], &'a [u8])>,
    signing: Vec<([u8; 32], &'a [u8; 32])>,
}

pub(crate) fn seal_payload(keys: &Keys<'_>) -> Result<SecretBytes> {
    write(keys, KeyPair::private_bytes)
}

/// The same for a device that keeps RSA keys where they can't be taken out: their public halves stand in their place.
pub(crate) fn seal_payload_without_rsa(keys: &Keys<'_>) -> Result<SecretBytes> {
    write(keys, |pair| match pair.public_key().suite() {
        Suite::Hybrid => pair.private_bytes(),
        _ => Ok(SecretBytes::new(pair.public_key().as_bytes().to_vec())),
    })
}

fn write(keys: &Keys<'_>, half: impl Fn(&KeyPair) -> Result<SecretBytes>) -> Result<SecretBytes> {
    let private = keys.encryption.iter().map(|pair| half(pair)).collect::<Result<Vec<_>>>()?;
    let named = keys.encryption.iter().zip(&private);
    let payload = Payload {
        encryption: named
            .map(|(pair, private)| (pair.public_key().suite(), pair.public_key().fingerprint().0, private.expose()))
            .collect(),
        signing: keys.signing.iter().map(|key| (*key.verifying_key().as_bytes(), key.seed().expose())).collect(),
    };
    if payload.is_well_formed() {
        Ok(payload.encode())
    } else {
        Err(Error::new(&(Code::InvalidArgument, "a backup holds 1 to 64 keys, none twice")))
    }
}

/// The form of the whole, then each key.
pub(crate) fn open_payload(bytes: &SecretBytes) -> Result<OpenedKeys> {
    read(bytes, KeyPair::from_private_bytes)
}

/// What [`seal_payload_without_rsa`] wrote.
pub(crate) fn open_payload_without_rsa(bytes: &SecretBytes) -> Result<OpenedKeys> {
    read(bytes, |suite, half, fingerprint| {
        if suite == Suite::Hybrid {
            return KeyPair::from_private_bytes(suite, half, fingerprint);
        }
        let public = PublicKey::from_bytes(half)?;
        let same = public.suite() == suite && public.fingerprint().0 == *fingerprint;
        if same { Ok(KeyPair::away(public)) } else { Err(MALFORMED) }
    })
}

fn read(bytes: &SecretBytes, pair: impl Fn(Suite, &[u8], &[u8; 32]) -> Result<KeyPair>) -> Result<OpenedKeys> {
    let payload = Payload::parse(bytes.expose())?;
    let encryption = payload.encryption.iter().map(|(suite, fingerprint, half)| pair(*suite, half, fingerprint));
    let signing = payload.signing.iter().map(|(public, seed)| {
        let key = SigningKey::from_seed(Secret::from_slice(seed.as_slice()).ok_or(MALFORMED)?);
        let same = equal(key.verifying_key().as_bytes(), public);
        same.then_some(key).ok_or(Error::new(&(Code::KeyMismatch, "the private key is not the one of this public key")))
    });
    Ok(OpenedKeys { encryption: encryption.collect::<Result<_>>()?, signing: signing.collect::<Result<_>>()? })
}

impl<'a> Payload<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let mut payload = Self { encryption: Vec::new(), signing: Vec::new() };
        reader.map_of(2)?;
        reader.key(1)?;
        for _ in 0..count(&mut reader)? {
            reader.array_of(3)?;
            let suite = Suite::from_number(reader.uint()?).ok_or(MALFORMED)?;
            payload.encryption.push((suite, reader.fixed()?, reader.bytes()?));
        }
        reader.key(2)?;
        for _ in 0..count(&mut reader)? {
            reader.array_of(2)?;
            payload.signing.push((reader.fixed()?, reader.bytes()?.try_into().map_err(|_| MALFORMED)?));
        }
        let canonical = payload.is_well_formed() && equal(payload.encode().expose(), bytes);
        if canonical { Ok(payload) } else { Err(MALFORMED) }
    }

    /// 1 to 64 keys, none twice.
    fn is_well_formed(&self) -> bool {
        fn all_differ(names: impl Iterator<Item = [u8; 32]>) -> bool {
            let mut names: Vec<_> = names.collect();
            names.sort_unstable();
            names.windows(2).all(|pair| matches!(pair, [a, b] if a != b))
        }
        let counts = (1..=MAX_KEYS).contains(&self.encryption.len()) && self.signing.len() <= MAX_KEYS;
        counts
            && all_differ(self.encryption.iter().map(|(_, fingerprint, _)| *fingerprint))
            && all_differ(self.signing.iter().map(|(public, _)| *public))
    }

    /// Written into memory that doesn't grow.
    fn encode(&self) -> SecretBytes {
        let private: usize = self.encryption.iter().map(|(_, _, private)| private.len() + 64).sum();
        let capacity = private + 96 * self.signing.len() + 16;
        SecretBytes::new(encode_into(Vec::with_capacity(capacity), |w| {
            w.map(2);
            w.uint(1);
            w.array(self.encryption.len());
            for (suite, fingerprint, private) in &self.encryption {
                w.array(3);
                w.uint(suite.number());
                w.bytes(fingerprint);
                w.bytes(private);
            }
            w.uint(2);
            w.array(self.signing.len());
            for (public, seed) in &self.signing {
                w.array(2);
                w.bytes(public);
                w.bytes(seed.as_slice());
            }
        }))
    }
}

fn count(reader: &mut Reader<'_>) -> Result<u64> {
    reader.array().and_then(|count| if count <= MAX_KEYS as u64 { Ok(count) } else { Err(MALFORMED) })
}
