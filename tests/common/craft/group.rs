//! SPEC sections 12.8 to 12.12.

use sha2::{Digest, Sha256};
use wardkey::{key_pair::PublicKey, party::Party};

use super::{
    super::{
        cbor::{self, Array, Item, Null, Uint},
        keys::Pair,
        people::{APP, Person},
        rng::{Seeded, draw_array},
    },
    expand,
    objects::Draft,
    seal,
    session::party,
    wrap::{WrapSet, hpke, material},
};
use wardkey::key_pair::Suite;

pub(crate) const GROUP: &str = "wardkey/v1/group";
pub(crate) const OPERATION: &str = "wardkey/v1/operation";
pub(crate) const KEYS: &str = "wardkey/v1/group-keys";
pub(crate) const HEAD: &str = "wardkey/v1/group-head";

pub(crate) const START: u64 = 1_790_000_000_000;
pub(crate) const MEMBER: u64 = 0;
pub(crate) const ADMIN: u64 = 1;

/// Founded by somebody, with these members; for 24 hours and 7 days.
pub(crate) fn genesis(rng: &mut Seeded, by: &Person, members: &[(&Person, u64)], secret: &[u8; 32]) -> Draft {
    let fields = vec![
        cbor::text(APP),
        cbor::bytes(by.signer.bundle.0),
        cbor::bytes(draw_array::<16>(rng)),
        Uint(START),
        cbor::text("Ward 7"),
        roles_of(members),
        epoch(secret, Null),
        Uint(24),
        Uint(7),
    ];
    Draft::new(GROUP, fields, by.seed())
}

/// `[[party, role], …]`, sorted.
pub(crate) fn roles_of(members: &[(&Person, u64)]) -> Item {
    let mut members: Vec<_> = members.iter().map(|(person, role)| (party(&person.party()), *role)).collect();
    members.sort_by_key(|member| member.0.encode());
    pairs(&members)
}

/// The same, as they are.
pub(crate) fn pairs(members: &[(Item, u64)]) -> Item {
    Array(members.iter().map(|(party, role)| Array(vec![party.clone(), Uint(*role)])).collect())
}

/// The key pair of an epoch.
pub(crate) fn epoch_pair(secret: &[u8; 32]) -> Pair {
    Pair::read(Suite::Hybrid, &expand(secret, "epoch-key-pair", 32))
}

pub(crate) fn epoch(secret: &[u8; 32], previous: Item) -> Item {
    epoch_of(secret, epoch_pair(secret).pair.public_key().as_bytes(), previous)
}

/// With whatever public key.
pub(crate) fn epoch_of(secret: &[u8; 32], public: &[u8], previous: Item) -> Item {
    Array(vec![cbor::bytes(expand(secret, "key-commitment", 32)), cbor::bytes(public), previous])
}

/// The secret of the epoch before, sealed for this one.
pub(crate) fn sealed_before(
    rng: &mut Seeded,
    group: &[u8; 32],
    number: u64,
    secret: &[u8; 32],
    before: &[u8; 32],
) -> Item {
    sealed_as(rng, group, number, secret, before, before)
}

/// Another secret under the name of the one before.
pub(crate) fn sealed_as(
    rng: &mut Seeded,
    group: &[u8; 32],
    number: u64,
    secret: &[u8; 32],
    named: &[u8; 32],
    before: &[u8; 32],
) -> Item {
    let context = Array(vec![
        cbor::text("wardkey/v1/previous-epoch"),
        cbor::bytes(group),
        Uint(number - 1),
        Uint(number),
        cbor::bytes(expand(named, "key-commitment", 32)),
    ]);
    cbor::bytes(seal(rng, secret, &context.encode(), before))
}

pub(crate) fn add(members: &[(&Person, u64)]) -> Item {
    Array(vec![Uint(1), roles_of(members)])
}

pub(crate) fn remove(parties: &[Party], epoch: Item) -> Item {
    let mut parties: Vec<_> = parties.iter().map(party).collect();
    parties.sort_by_key(Item::encode);
    Array(vec![Uint(2), Array(parties), epoch])
}

pub(crate) fn give_roles(members: &[(&Person, u64)]) -> Item {
    Array(vec![Uint(3), roles_of(members)])
}

pub(crate) fn rotate(epoch: Item) -> Item {
    Array(vec![Uint(4), epoch])
}

/// Group keys, field by field.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) group: [u8; 32],
    pub(crate) sequence: u64,
    pub(crate) epoch: u64,
    pub(crate) key_id: Vec<u8>,
    pub(crate) commitment: Vec<u8>,
    pub(crate) signer: [u8; 32],
    /// Party, fingerprint, suite, hash of the body.
    pub(crate) stanzas: Vec<(Item, [u8; 32], u64, [u8; 32])>,
    pub(crate) bodies: Vec<Item>,
}

impl Keys {
    /// Of this secret, for these people's newest keys, which are hybrid.
    pub(crate) fn of(
        rng: &mut Seeded,
        group: [u8; 32],
        (sequence, epoch): (u64, u64),
        secret: &[u8; 32],
        signer: &Person,
        members: &[&Person],
    ) -> Self {
        let mut keys = Self {
            group,
            sequence,
            epoch,
            key_id: expand(secret, "key-id", 16),
            commitment: expand(secret, "key-commitment", 32),
            signer: signer.signer.bundle.0,
            stanzas: Vec::new(),
            bodies: Vec::new(),
        };
        let mut members = members.to_vec();
        members.sort_by_key(|member| member.party().to_bytes());
        for member in members {
            let body = keys.body(rng, secret, member.pair().public_key());
            let fingerprint = member.pairs[0].fingerprint();
            keys.stanzas.push((party(&member.party()), fingerprint, 1, Sha256::digest(&body).into()));
            keys.bodies.push(cbor::bytes(body));
        }
        keys
    }

    /// A stanza's body under the names that stand here.
    pub(crate) fn body(&self, rng: &mut Seeded, secret: &[u8; 32], public: &PublicKey) -> Vec<u8> {
        let group = wardkey::encoding::base64url(&self.group);
        let context = cbor::context([("group", group.as_str()), ("epoch", &self.epoch.to_string())]);
        let set = WrapSet { key_id: self.key_id.clone(), commitment: self.commitment.clone(), stanzas: Vec::new() };
        hpke(rng, material(public), &set.info(1, &public.fingerprint().0, &context), secret)
    }

    /// Where somebody's stanza stands.
    pub(crate) fn place_of(&self, person: &Person) -> usize {
        let party = person.party().to_bytes();
        self.stanzas.iter().position(|stanza| stanza.0.encode() == party).expect("his stanza")
    }

    /// Another body in somebody's place, signed for.
    pub(crate) fn put(&mut self, person: &Person, body: Vec<u8>) {
        let at = self.place_of(person);
        self.stanzas[at].3 = Sha256::digest(&body).into();
        self.bodies[at] = cbor::bytes(body);
    }

    /// As the key server gives it to one of them.
    pub(crate) fn only_for(mut self, person: &Person) -> Self {
        let at = self.place_of(person);
        for (place, body) in self.bodies.iter_mut().enumerate() {
            if place != at {
                *body = Null;
            }
        }
        self
    }

    pub(crate) fn draft(&self, seed: &[u8; 32]) -> Draft {
        let stanzas = self.stanzas.iter().map(|(party, fingerprint, suite, body)| {
            Array(vec![party.clone(), cbor::bytes(fingerprint), Uint(*suite), cbor::bytes(body)])
        });
        let fields = vec![
            cbor::bytes(self.group),
            Uint(self.sequence),
            Uint(self.epoch),
            cbor::bytes(&self.key_id),
            cbor::bytes(&self.commitment),
            cbor::bytes(self.signer),
            Array(stanzas.collect()),
        ];
        Draft { more: vec![Array(self.bodies.clone())], ..Draft::new(KEYS, fields, seed) }
    }
}

/// A head of this place in a log.
pub(crate) fn head(by: &Person, group: [u8; 32], (sequence, hash): (u64, [u8; 32]), (time, end): (u64, u64)) -> Draft {
    let fields = vec![
        cbor::bytes(group),
        Uint(sequence),
        cbor::bytes(hash),
        Uint(time),
        Uint(end),
        cbor::bytes(by.signer.bundle.0),
    ];
    Draft::new(HEAD, fields, by.seed())
}
