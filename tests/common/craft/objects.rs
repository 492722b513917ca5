//! SPEC sections 9 to 14: signed objects by hand, and people who sign them.

use ed25519_dalek::Signer;
use sha2::{Digest, Sha256};
use wardkey::{
    identity::{AppId, Asked, Identity, UserId},
    key_pair::Suite,
    secret::Secret,
    sign::SigningKey,
    signed::{Hash, Minimum},
};

use super::super::{
    cbor::{self, Array, Item, Map, Null, Raw, Uint},
    keys::Pair,
    rng::{Seeded, draw_array},
};

/// A signed object before it is signed; every part can be replaced.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) label: &'static str,
    /// Of keys 1, 2, ….
    pub(crate) fields: Vec<Item>,
    pub(crate) seed: [u8; 32],
    /// What follows the signature.
    pub(crate) more: Vec<Item>,
}

impl Draft {
    pub(crate) fn new(label: &'static str, fields: Vec<Item>, seed: &[u8; 32]) -> Self {
        Self { label, fields, seed: *seed, more: Vec::new() }
    }

    /// Another value of field `number`.
    pub(crate) fn with(&self, number: usize, value: Item) -> Self {
        let mut copy = self.clone();
        copy.fields[number - 1] = value;
        copy
    }

    pub(crate) fn payload(&self) -> Vec<u8> {
        Map((1..).map(Uint).zip(self.fields.clone()).collect()).encode()
    }

    pub(crate) fn text(&self) -> Vec<u8> {
        [self.label.as_bytes(), &[0], &self.payload()].concat()
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text()).into()
    }

    /// `[1, payload, signature, …]`
    pub(crate) fn items(&self) -> Vec<Item> {
        let signature = sign(&self.seed, &self.text());
        let mut items = vec![Uint(1), cbor::bytes(self.payload()), cbor::bytes(signature)];
        items.extend_from_slice(&self.more);
        items
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        Array(self.items()).encode()
    }

    /// The object around another payload, signed by its signer.
    pub(crate) fn around(&self, payload: &[u8]) -> Vec<u8> {
        let mut items = self.items();
        items[1] = cbor::bytes(payload);
        items[2] = cbor::bytes(sign(&self.seed, &[self.label.as_bytes(), &[0], payload].concat()));
        Array(items).encode()
    }
}

pub(crate) fn sign(seed: &[u8; 32], text: &[u8]) -> [u8; 64] {
    ed25519_dalek::SigningKey::from_bytes(seed).sign(text).to_bytes()
}

/// What is malformed in the same way for every type, with the code that it ends in.
pub(crate) fn malformed(draft: &Draft, max: usize) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = draft.encode();
    let with = |place: usize, item: Item| {
        let mut items = draft.items();
        items[place] = item;
        Array(items).encode()
    };
    let without = |count: usize| Array(draft.items()[..count].to_vec()).encode();
    let longer = Array([draft.items(), vec![Null]].concat()).encode();
    let payload = draft.payload();
    let entries = |change: fn(&mut Vec<(Item, Item)>)| {
        let mut entries: Vec<_> = (1..).map(Uint).zip(draft.fields.clone()).collect();
        change(&mut entries);
        draft.around(&Map(entries).encode())
    };
    let elsewhere = Draft { label: "wardkey/v1/else", ..draft.clone() };
    let other = Draft { seed: [9; 32], ..draft.clone() };
    let (format, version, signature) = ("invalid-format", "unsupported-version", "bad-signature");
    let mut rows = vec![
        ("empty", Vec::new(), format),
        ("empty array", Array(Vec::new()).encode(), format),
        ("a map", Map(vec![(Uint(1), cbor::bytes(&payload))]).encode(), format),
        ("cut", good[..good.len() - 1].to_vec(), format),
        ("a byte more", [good.as_slice(), &[0]].concat(), format),
        ("version 0", with(0, Uint(0)), version),
        ("version 2", with(0, Uint(2)), version),
        ("version 2, alone", Array(vec![Uint(2)]).encode(), version),
        ("version as text", with(0, cbor::text("1")), format),
        ("version in a longer form", with(0, Raw(vec![0x18, 1])), format),
        ("an element less", without(draft.items().len() - 1), format),
        ("an element more", longer, format),
        ("payload as a map", with(1, Raw(payload.clone())), format),
        ("payload empty", draft.around(&[]), format),
        ("payload cut", draft.around(&payload[..payload.len() - 1]), format),
        ("payload with a byte more", draft.around(&[payload.as_slice(), &[0]].concat()), format),
        (
            "payload with its head in a longer form",
            {
                let head = [vec![0xb8, payload[0] & 0x1f], payload[1..].to_vec()].concat();
                draft.around(&head)
            },
            format,
        ),
        (
            "payload of indefinite length",
            {
                let open = [vec![0xbf], payload[1..].to_vec(), vec![0xff]].concat();
                draft.around(&open)
            },
            format,
        ),
        ("payload as an array", draft.around(&Array(draft.fields.clone()).encode()), format),
        ("fields exchanged", entries(|entries| entries.swap(0, 1)), format),
        ("a field less", entries(|entries| drop(entries.pop())), format),
        ("a field more", entries(|entries| entries.push((Uint(99), Null))), format),
        ("a field twice", entries(|entries| entries.push(entries[entries.len() - 1].clone())), format),
        ("a key as text", entries(|entries| entries[0].0 = cbor::text("1")), format),
        ("signature of 63 bytes", with(2, cbor::bytes([1; 63])), format),
        ("signature null", with(2, Null), format),
        ("no signature, but zeros", with(2, cbor::bytes([0; 64])), signature),
        ("by another key", other.encode(), signature),
        (
            "signed with another label",
            {
                let mut items = draft.items();
                items[2] = elsewhere.items()[2].clone();
                Array(items).encode()
            },
            signature,
        ),
        ("signed without the label", with(2, cbor::bytes(sign(&draft.seed, &payload))), signature),
        ("too large", vec![0; max + 1], "limit"),
    ];
    for number in 1..=draft.fields.len() {
        rows.push(("a field of another type", draft.with(number, Array(Vec::new())).encode(), format));
    }
    rows
}

/// Somebody with an identity.
pub(crate) struct Person {
    pub(crate) app: AppId,
    pub(crate) user: Option<UserId>,
    /// The oldest first.
    pub(crate) pairs: Vec<Pair>,
    pub(crate) seeds: Vec<[u8; 32]>,
    pub(crate) drafts: Vec<Draft>,
}

pub(crate) const APP: &str = "transfers.example";

impl Person {
    pub(crate) fn user(rng: &mut Seeded, name: &str) -> Self {
        let pair = Pair::hybrid(rng);
        Self::with(rng, Some(name), pair)
    }

    pub(crate) fn key_server(rng: &mut Seeded) -> Self {
        let pair = Pair::hybrid(rng);
        Self::with(rng, None, pair)
    }

    pub(crate) fn with(rng: &mut Seeded, name: Option<&str>, pair: Pair) -> Self {
        let (app, user) = (AppId::new(APP).unwrap(), name.map(|name| UserId::new(name).unwrap()));
        let mut person = Self { app, user, pairs: Vec::new(), seeds: Vec::new(), drafts: Vec::new() };
        person.renew(rng, pair);
        person
    }

    /// The next bundle.
    pub(crate) fn renew(&mut self, rng: &mut Seeded, pair: Pair) {
        let seed = draw_array(rng);
        let draft = self.next(&pair, &seed);
        self.pairs.push(pair);
        self.seeds.push(seed);
        self.drafts.push(draft);
    }

    pub(crate) fn next(&self, pair: &Pair, seed: &[u8; 32]) -> Draft {
        let public = *signing_key(seed).verifying_key().as_bytes();
        let fields = vec![
            cbor::text(self.app.as_str()),
            self.user.as_ref().map_or(Null, |user| cbor::text(user.as_str())),
            Uint(self.drafts.len() as u64 + 1),
            self.drafts.last().map_or(Null, |last| cbor::bytes(last.hash())),
            cbor::bytes(pair.pair.public_key().as_bytes()),
            cbor::bytes(public),
        ];
        let draft = Draft::new("wardkey/v1/bundle", fields, seed);
        self.followed(draft)
    }

    /// With the signature of the newest key so far.
    pub(crate) fn followed(&self, draft: Draft) -> Draft {
        let by = self.seeds.last().map_or(Null, |seed| cbor::bytes(sign(seed, &draft.text())));
        Draft { more: vec![by], ..draft }
    }

    pub(crate) fn name(&self) -> &str {
        self.user.as_ref().expect("a user").as_str()
    }

    pub(crate) fn bundles(&self) -> Vec<Vec<u8>> {
        self.drafts.iter().map(Draft::encode).collect()
    }

    pub(crate) fn identity(&self) -> Identity {
        let asked = self.user.as_ref().map_or(Asked::KeyServer, Asked::User);
        verify(&self.bundles(), &self.app, asked, Minimum::default()).expect("a good identity")
    }

    pub(crate) fn hash(&self) -> Hash {
        Hash(self.drafts.last().expect("a bundle").hash())
    }

    pub(crate) fn seed(&self) -> &[u8; 32] {
        self.seeds.last().expect("a seed")
    }

    pub(crate) fn signing_key(&self) -> SigningKey {
        signing_key(self.seed())
    }

    pub(crate) fn pair(&self) -> &Pair {
        self.pairs.last().expect("a key pair")
    }
}

pub(crate) fn signing_key(seed: &[u8; 32]) -> SigningKey {
    SigningKey::from_seed(Secret::from_slice(seed).expect("32 bytes"))
}

pub(crate) fn verify(
    bundles: &[Vec<u8>],
    app: &AppId,
    asked: Asked<'_>,
    minimum: Minimum,
) -> wardkey::error::Result<Identity> {
    let bundles: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
    Identity::verify(&bundles, app, asked, minimum)
}

/// A pin as section 10.4 has it.
pub(crate) fn pin(identity: [u8; 32], version: u64, hash: Option<[u8; 32]>, suite: Suite) -> Item {
    Array(vec![cbor::bytes(identity), Uint(version), hash.map_or(Null, cbor::bytes), Uint(suite.number())])
}

pub(crate) fn party(person: &Person) -> Item {
    Array(vec![Uint(0), cbor::text(person.name()), cbor::bytes(person.drafts[0].hash())])
}

/// An object taken apart, to be signed again.
pub(crate) fn draft_of(label: &'static str, object: &[u8], seed: &[u8; 32]) -> Draft {
    let payload = super::session::payload_of(object);
    let mut draft = Draft::new(label, values(&payload), seed);
    draft.more = values(object).split_off(3);
    draft
}

/// The values of a map with numbers for keys, or of an array.
pub(crate) fn values(encoded: &[u8]) -> Vec<Item> {
    let mut decoder = minicbor::Decoder::new(encoded);
    let is_map = encoded[0] >> 5 == 5;
    let count = if is_map { decoder.map() } else { decoder.array() }.unwrap().unwrap();
    let value = |_| {
        if is_map {
            decoder.u64().unwrap();
        }
        let start = decoder.position();
        decoder.skip().unwrap();
        Raw(encoded[start..decoder.position()].to_vec())
    };
    (0..count).map(value).collect()
}
