//! SPEC sections 9 and 12.

use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};
use wardkey::{key_pair::PublicKey, party::Party};

use super::{
    super::{
        cbor::{self, Array, Item, Map, Null, Raw, Uint},
        people::Person,
        rng::{Seeded, draw_array},
    },
    expand, seal,
    wrap::{WrapSet, hpke, material},
};

pub(crate) const SESSION: &str = "wardkey/v1/session";
pub(crate) const ENTRY: &str = "wardkey/v1/entry";
pub(crate) const WRAPS: &str = "wardkey/v1/wraps";

fn text_of(label: &str, payload: &[u8]) -> Vec<u8> {
    [label.as_bytes(), &[0], payload].concat()
}

pub(crate) fn hash(label: &str, payload: &[u8]) -> [u8; 32] {
    Sha256::digest(text_of(label, payload)).into()
}

/// A signed object of this payload.
pub(crate) fn object(label: &str, payload: &Item, seed: &[u8; 32], more: Vec<Item>) -> Vec<u8> {
    let payload = payload.encode();
    let signature = SigningKey::from_bytes(seed).sign(&text_of(label, &payload)).to_bytes();
    let outer = vec![Uint(1), cbor::bytes(&payload), cbor::bytes(signature)];
    Array([outer, more].concat()).encode()
}

/// The payload of a signed object.
pub(crate) fn payload_of(object: &[u8]) -> Vec<u8> {
    let mut decoder = minicbor::Decoder::new(object);
    let mut read = || -> Result<Vec<u8>, minicbor::decode::Error> {
        decoder.array()?;
        decoder.u8()?;
        Ok(decoder.bytes()?.to_vec())
    };
    read().expect("an object")
}

pub(crate) fn party(party: &Party) -> Item {
    Raw(party.to_bytes())
}

fn fields(values: Vec<Item>) -> Item {
    Map((1..).map(Uint).zip(values).collect())
}

/// A genesis, field by field; parties in the order given.
#[derive(Clone)]
pub(crate) struct Genesis {
    pub(crate) app: String,
    pub(crate) creator: [u8; 32],
    pub(crate) random: [u8; 16],
    pub(crate) time: u64,
    pub(crate) commitment: Vec<u8>,
    pub(crate) grants: Vec<(Item, u64)>,
}

impl Genesis {
    pub(crate) fn of(creator: &Person, rng: &mut Seeded, key: &[u8; 32], grants: &[(Party, u64)]) -> Self {
        Self {
            app: super::super::people::APP.to_owned(),
            creator: creator.signer.bundle.0,
            random: draw_array(rng),
            time: 1_790_000_000_000,
            commitment: expand(key, "key-commitment", 32),
            grants: sorted(grants),
        }
    }

    pub(crate) fn payload(&self) -> Item {
        fields(vec![
            cbor::text(&self.app),
            cbor::bytes(self.creator),
            cbor::bytes(self.random),
            Uint(self.time),
            cbor::bytes(&self.commitment),
            grants(&self.grants),
        ])
    }

    pub(crate) fn id(&self) -> [u8; 32] {
        hash(SESSION, &self.payload().encode())
    }

    pub(crate) fn sign(&self, seed: &[u8; 32]) -> Vec<u8> {
        object(SESSION, &self.payload(), seed, Vec::new())
    }
}

/// Sorted by the parties' encodings.
pub(crate) fn sorted(grants: &[(Party, u64)]) -> Vec<(Item, u64)> {
    let mut grants: Vec<_> = grants.iter().map(|(who, rights)| (party(who), *rights)).collect();
    grants.sort_by_key(|grant| grant.0.encode());
    grants
}

fn grants(grants: &[(Item, u64)]) -> Item {
    Array(grants.iter().map(|(party, rights)| Array(vec![party.clone(), Uint(*rights)])).collect())
}

/// An entry, field by field.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) session: [u8; 32],
    pub(crate) sequence: u64,
    pub(crate) previous: [u8; 32],
    pub(crate) time: u64,
    pub(crate) signer: [u8; 32],
    pub(crate) authority: Item,
    pub(crate) action: Item,
}

impl Entry {
    /// After the entry of this hash.
    pub(crate) fn after(session: [u8; 32], sequence: u64, previous: [u8; 32], signer: &Person, action: Item) -> Self {
        let signer = signer.signer.bundle.0;
        Self { session, sequence, previous, time: 1_790_000_000_000 + sequence, signer, authority: Null, action }
    }

    pub(crate) fn payload(&self) -> Item {
        fields(vec![
            cbor::bytes(self.session),
            Uint(self.sequence),
            cbor::bytes(self.previous),
            Uint(self.time),
            cbor::bytes(self.signer),
            self.authority.clone(),
            self.action.clone(),
        ])
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        hash(ENTRY, &self.payload().encode())
    }

    pub(crate) fn sign(&self, seed: &[u8; 32]) -> Vec<u8> {
        object(ENTRY, &self.payload(), seed, Vec::new())
    }
}

pub(crate) fn grant(to: &[(Party, u64)]) -> Item {
    Array(vec![Uint(1), grants(&sorted(to))])
}

pub(crate) fn revoke(from: &[Party]) -> Item {
    let mut parties: Vec<_> = from.iter().map(party).collect();
    parties.sort_by_key(Item::encode);
    Array(vec![Uint(2), Array(parties)])
}

pub(crate) fn revoke_all() -> Item {
    Array(vec![Uint(3)])
}

pub(crate) fn generation(number: u64, commitment: &[u8]) -> Item {
    Array(vec![Uint(4), Uint(number), cbor::bytes(commitment)])
}

pub(crate) fn assignment(placeholder: &Party, group: &[u8; 32]) -> Item {
    Array(vec![Uint(5), party(placeholder), cbor::bytes(group)])
}

/// A wraps object, field by field.
#[derive(Clone)]
pub(crate) struct Wraps {
    pub(crate) session: [u8; 32],
    pub(crate) sequence: u64,
    pub(crate) generation: u64,
    pub(crate) key_id: Vec<u8>,
    pub(crate) commitment: Vec<u8>,
    pub(crate) previous: Item,
    pub(crate) signer: [u8; 32],
    /// Party, fingerprint, suite, hash of the body.
    pub(crate) stanzas: Vec<(Item, [u8; 32], u64, [u8; 32])>,
    pub(crate) bodies: Vec<Item>,
}

impl Wraps {
    /// Of this key, for these people's newest keys.
    pub(crate) fn of(
        rng: &mut Seeded,
        session: [u8; 32],
        (sequence, generation): (u64, u64),
        key: &[u8; 32],
        signer: &Person,
        readers: &[&Person],
    ) -> Self {
        let mut wraps = Self {
            session,
            sequence,
            generation,
            key_id: expand(key, "key-id", 16),
            commitment: expand(key, "key-commitment", 32),
            previous: Null,
            signer: signer.signer.bundle.0,
            stanzas: Vec::new(),
            bodies: Vec::new(),
        };
        let mut readers = readers.to_vec();
        readers.sort_by_key(|reader| reader.party().to_bytes());
        for reader in readers {
            wraps.add(rng, key, reader);
        }
        wraps
    }

    /// Another stanza, at the end.
    pub(crate) fn add(&mut self, rng: &mut Seeded, key: &[u8; 32], reader: &Person) {
        let body = self.body(rng, key, reader);
        let fingerprint = reader.pairs[0].fingerprint();
        self.stanzas.push((party(&reader.party()), fingerprint, 1, Sha256::digest(&body).into()));
        self.bodies.push(cbor::bytes(body));
    }

    /// A stanza for whatever party, in its place.
    pub(crate) fn insert(&mut self, rng: &mut Seeded, key: &[u8; 32], to: &Party, public: &PublicKey) {
        let body = self.body_for(rng, key, public);
        let party = party(to);
        let at = self.stanzas.partition_point(|stanza| stanza.0.encode() < party.encode());
        self.stanzas.insert(at, (party, public.fingerprint().0, 1, Sha256::digest(&body).into()));
        self.bodies.insert(at, cbor::bytes(body));
    }

    /// A stanza's body.
    pub(crate) fn body(&self, rng: &mut Seeded, key: &[u8; 32], reader: &Person) -> Vec<u8> {
        self.body_for(rng, key, reader.pair().public_key())
    }

    /// The same for this key, which is hybrid.
    pub(crate) fn body_for(&self, rng: &mut Seeded, key: &[u8; 32], public: &PublicKey) -> Vec<u8> {
        let session = wardkey::encoding::base64url(&self.session);
        let context = cbor::context([("session", session.as_str()), ("generation", &self.generation.to_string())]);
        let set = WrapSet { key_id: self.key_id.clone(), commitment: self.commitment.clone(), stanzas: Vec::new() };
        let info = set.info(1, &public.fingerprint().0, &context);
        hpke(rng, material(public), &info, key)
    }

    /// Seals the key before.
    pub(crate) fn with_previous(mut self, rng: &mut Seeded, key: &[u8; 32], before: &[u8; 32]) -> Self {
        let context = Array(vec![
            cbor::text("wardkey/v1/previous-key"),
            cbor::bytes(self.session),
            Uint(self.generation - 1),
            Uint(self.generation),
            cbor::bytes(expand(before, "key-commitment", 32)),
        ]);
        self.previous = cbor::bytes(seal(rng, key, &context.encode(), before));
        self
    }

    pub(crate) fn payload(&self) -> Item {
        let stanzas = self.stanzas.iter().map(|(party, fingerprint, suite, body)| {
            Array(vec![party.clone(), cbor::bytes(fingerprint), Uint(*suite), cbor::bytes(body)])
        });
        fields(vec![
            cbor::bytes(self.session),
            Uint(self.sequence),
            Uint(self.generation),
            cbor::bytes(&self.key_id),
            cbor::bytes(&self.commitment),
            self.previous.clone(),
            cbor::bytes(self.signer),
            Array(stanzas.collect()),
        ])
    }

    pub(crate) fn sign(&self, seed: &[u8; 32]) -> Vec<u8> {
        object(WRAPS, &self.payload(), seed, vec![Array(self.bodies.clone())])
    }
}
