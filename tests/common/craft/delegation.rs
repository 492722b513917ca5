//! SPEC section 18: exchange keys, and what stands in entities.

use serde_json::Value;
use sha2::{Digest, Sha256};
use wardkey::{encoding, key_pair::PublicKey, party::Party};

use super::{
    super::{
        cbor::{self, Array, Item, Map, Null, Uint},
        people::{APP, Person},
        rng::{Seeded, draw_array},
    },
    expand,
    group::START,
    objects::Draft,
    seal,
    session::party,
    wrap::{WrapSet, hpke, material},
};

pub(crate) const EXCHANGE_KEY: &str = "wardkey/v1/exchange-key";

/// The text of a party.
pub(crate) fn name_of(party: &Party) -> String {
    match party {
        Party::User { id, .. } => id.as_str().to_owned(),
        Party::Group(id) => encoding::base64url(&id.0),
        Party::Placeholder { .. } => panic!("a placeholder has no exchange keys"),
    }
}

/// Somebody whom a version is wrapped for: the key, and a group's epoch.
#[derive(Clone)]
pub(crate) struct To {
    pub(crate) party: Party,
    pub(crate) public: Vec<u8>,
    pub(crate) epoch: Option<u64>,
}

impl To {
    pub(crate) fn person(person: &Person) -> Self {
        Self { party: person.party(), public: person.pair().public_key().as_bytes().to_vec(), epoch: None }
    }
}

/// The versions of a pair's exchange key, told by hand.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) delegator: Party,
    pub(crate) delegate: Party,
    pub(crate) keys: Vec<[u8; 32]>,
    pub(crate) hashes: Vec<[u8; 32]>,
    pub(crate) objects: Vec<Vec<u8>>,
}

impl Exchange {
    pub(crate) fn new(delegator: &Party, delegate: &Party) -> Self {
        let (delegator, delegate) = (delegator.clone(), delegate.clone());
        Self { delegator, delegate, keys: Vec::new(), hashes: Vec::new(), objects: Vec::new() }
    }

    /// The text of the pair.
    pub(crate) fn pair(&self) -> String {
        format!("{}→{}", name_of(&self.delegator), name_of(&self.delegate))
    }

    /// The version that comes next, of this key.
    pub(crate) fn next(&self, rng: &mut Seeded, by: &Person, authority: Item, to: &[To], key: &[u8; 32]) -> Draft {
        let version = self.objects.len() as u64 + 1;
        let before = self.keys.last().map_or(Null, |before| cbor::bytes(self.previous(rng, version, key, before)));
        let mut to = to.to_vec();
        to.sort_by_key(|to| to.party.to_bytes());
        let (mut stanzas, mut epochs, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
        for to in &to {
            let public = PublicKey::from_bytes(&to.public).expect("a key");
            let body = self.body(rng, version, key, &public);
            let hash = Sha256::digest(&body);
            stanzas.push(Array(vec![
                party(&to.party),
                cbor::bytes(public.fingerprint().0),
                Uint(1),
                cbor::bytes(hash),
            ]));
            epochs.push(to.epoch.map_or(Null, Uint));
            bodies.push(cbor::bytes(body));
        }
        let fields = vec![
            cbor::text(APP),
            party(&self.delegator),
            party(&self.delegate),
            Uint(version),
            self.hashes.last().map_or(Null, cbor::bytes),
            Uint(START + version),
            cbor::bytes(by.signer.bundle.0),
            authority,
            cbor::bytes(expand(key, "key-id", 16)),
            cbor::bytes(expand(key, "key-commitment", 32)),
            before,
            Array(stanzas),
            Array(epochs),
        ];
        Draft { more: vec![Array(bodies)], ..Draft::new(EXCHANGE_KEY, fields, by.seed()) }
    }

    /// A key under the name of that of the version before, sealed for this one.
    pub(crate) fn previous(&self, rng: &mut Seeded, version: u64, key: &[u8; 32], before: &[u8; 32]) -> Vec<u8> {
        let named = self.keys.last().unwrap_or(before);
        let context = Array(vec![
            cbor::text("wardkey/v1/previous-exchange-key"),
            party(&self.delegator),
            party(&self.delegate),
            Uint(version - 1),
            Uint(version),
            cbor::bytes(expand(named, "key-commitment", 32)),
        ]);
        seal(rng, key, &context.encode(), before)
    }

    /// A stanza's body.
    pub(crate) fn body(&self, rng: &mut Seeded, version: u64, key: &[u8; 32], public: &PublicKey) -> Vec<u8> {
        let (pair, version) = (self.pair(), version.to_string());
        let context = cbor::context([("exchange", pair.as_str()), ("version", version.as_str())]);
        let (key_id, commitment) = (expand(key, "key-id", 16), expand(key, "key-commitment", 32));
        let set = WrapSet { key_id, commitment, stanzas: Vec::new() };
        hpke(rng, material(public), &set.info(1, &public.fingerprint().0, &context), key)
    }

    pub(crate) fn push(&mut self, key: [u8; 32], version: &Draft) {
        self.keys.push(key);
        self.hashes.push(version.hash());
        self.objects.push(version.encode());
    }

    /// A good version.
    pub(crate) fn tell(&mut self, rng: &mut Seeded, by: &Person, authority: Item, to: &[To]) {
        let key = draw_array(rng);
        let version = self.next(rng, by, authority, to, &key);
        self.push(key, &version);
    }
}

/// What a value of an entity's map is bound to.
pub(crate) fn value_context(entity: &Value, field: &str, pair: &str) -> Vec<u8> {
    let text = |name: &str| cbor::text(entity[name].as_str().expect("a text"));
    let label = cbor::text("wardkey/v1/delegation");
    Array(vec![label, text("id"), text("entityType"), cbor::text(field), cbor::text(pair)]).encode()
}

/// A value of an entity's map.
pub(crate) fn value(
    rng: &mut Seeded,
    key: &[u8; 32],
    entity: &Value,
    (field, pair): (&str, &str),
    plain: &[u8],
) -> String {
    encoding::base64url(&seal(rng, key, &value_context(entity, field, pair), plain))
}

/// `id ‖ zeros ‖ u16(length)`
pub(crate) fn padded(id: &str) -> Vec<u8> {
    let total = (id.len() + 2).div_ceil(64).max(2) * 64;
    let zeros = vec![0; total - 2 - id.len()];
    [id.as_bytes(), &zeros, &(id.len() as u16).to_be_bytes()].concat()
}

fn content_context(entity: &Value) -> Vec<u8> {
    let text = |name: &str| cbor::text(entity[name].as_str().expect("a text"));
    Array(vec![cbor::text("wardkey/v1/entity"), text("id"), text("entityType")]).encode()
}

/// `[[path, value], …]`
pub(crate) fn members(sealed: &[(&[Item], &str)]) -> Item {
    Array(sealed.iter().map(|(path, value)| Array(vec![Array(path.to_vec()), cbor::text(value)])).collect())
}

/// The content of an entity, field by field.
pub(crate) fn content(members: Item, parents: &[&str], secret_ids: &[&str]) -> Item {
    let parents = parents.iter().map(|id| cbor::bytes(padded(id))).collect();
    let secret_ids = secret_ids.iter().map(|id| cbor::text(id)).collect();
    Map(vec![(Uint(1), members), (Uint(2), Array(parents)), (Uint(3), Array(secret_ids))])
}

/// `encryptedSelf`
pub(crate) fn encrypted_self(rng: &mut Seeded, key: &[u8; 32], entity: &Value, content: &[u8]) -> String {
    let padded = super::super::parts::pad(content);
    encoding::base64url(&seal(rng, key, &content_context(entity), &padded))
}

/// What one pair's exchange key opens of a map.
pub(crate) fn open_value(key: &[u8; 32], entity: &Value, field: &str, pair: &str) -> Vec<u8> {
    let sealed = encoding::from_base64url(entity[field][pair][0].as_str().expect("a value")).expect("base64url");
    let key = wardkey::secret::Secret::from_slice(key).expect("32 bytes");
    wardkey::cobblestone::open(&key, &value_context(entity, field, pair), &sealed).expect("it opens")
}

/// The content, opened by the entity's key.
pub(crate) fn open_content(key: &[u8], entity: &Value) -> Item {
    let sealed = encoding::from_base64url(entity["encryptedSelf"].as_str().expect("a text")).expect("base64url");
    let key = wardkey::secret::Secret::from_slice(key).expect("32 bytes");
    let padded = wardkey::cobblestone::open(&key, &content_context(entity), &sealed).expect("it opens");
    let (data, length) = padded.split_last_chunk::<8>().expect("padded");
    Item::decode(&data[..u64::from_be_bytes(*length) as usize]).expect("CBOR")
}
