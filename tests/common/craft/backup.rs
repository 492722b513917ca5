//! SPEC section 7.

use sha2::{Digest, Sha256};
use wardkey::{
    password::{Derivation, Kdf, Password},
    secret::Secret,
};

use super::{
    super::{
        cbor::{self, Array, Item, Map, Null, Uint},
        keys::Pair,
        rng::{Seeded, draw, draw_array},
    },
    expand, hkdf, seal,
};

/// What goes into an envelope; every part can be replaced before it is sealed.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) app_id: String,
    pub(crate) user_id: String,
    pub(crate) version: u64,
    pub(crate) password: String,
    /// `[number, …, salt]`
    pub(crate) kdf: Item,
    pub(crate) two_men: Option<([u8; 32], [u8; 32])>,
    pub(crate) root: [u8; 32],
    pub(crate) keys: Vec<u8>,
    pub(crate) state: Vec<u8>,
}

/// The eight fields, sealed.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) fields: [Item; 8],
}

impl Draft {
    /// The backup of one hybrid key pair, with the cheapest Argon2id.
    pub(crate) fn new(rng: &mut Seeded, pair: &Pair, password: &str, user_id: &str) -> Self {
        let salt = draw(rng, 32);
        Self {
            app_id: String::new(),
            user_id: user_id.to_owned(),
            version: 1,
            password: password.to_owned(),
            kdf: Array(vec![Uint(1), Uint(19_456), Uint(2), cbor::bytes(salt)]),
            two_men: None,
            root: draw_array(rng),
            keys: payload(&[key_item(pair)], &[]).encode(),
            state: vec![0xa0],
        }
    }

    /// expand(slow key, "backup-wrap", 32), for Argon2id.
    fn password_key(&self) -> Vec<u8> {
        let Array(kdf) = &self.kdf else { panic!("a kdf") };
        let [Uint(1), Uint(memory), Uint(passes), Item::Bytes(salt)] = kdf.as_slice() else { panic!("Argon2id") };
        // The slow key itself isn't public, so it is computed here.
        let params = argon2::Params::new(*memory as u32, *passes as u32, 1, Some(32)).expect("good parameters");
        let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let mut slow = [0; 32];
        let password = Password::new(&self.password).expect("a password");
        argon2.hash_password_into(password.expose(), salt, &mut slow).expect("Argon2id");
        expand(&slow, "backup-wrap", 32)
    }

    /// CBOR[label, app, user, …]
    fn context(&self, label: &str, more: &[Item]) -> Vec<u8> {
        let mut items = vec![cbor::text(label), cbor::text(&self.app_id), cbor::text(&self.user_id)];
        items.extend_from_slice(more);
        Array(items).encode()
    }

    pub(crate) fn seal(&self, rng: &mut Seeded) -> Sealed {
        let root_context = self.context("wardkey/v1/backup/root", std::slice::from_ref(&self.kdf));
        let root = cbor::bytes(seal(rng, &self.password_key(), &root_context, &self.root));
        let two_man_root = self.two_men.map_or(Null, |(application, server)| {
            let info = self.context("wardkey/v1/two-man", &[]);
            let key = hkdf(&[application, server].concat(), &info, 32);
            let context = self.context("wardkey/v1/backup/two-man-root", &[]);
            cbor::bytes(seal(rng, &key, &context, &self.root))
        });
        let keys_key = expand(&self.root, "backup-keys", 32);
        let keys = cbor::bytes(seal(rng, &keys_key, &self.context("wardkey/v1/backup/keys", &[]), &self.keys));
        let head = [cbor::text(&self.app_id), cbor::text(&self.user_id), Uint(self.version), self.kdf.clone()];
        let [app, user, version, kdf] = head;
        let mut sealed = Sealed { fields: [app, user, version, kdf, root, two_man_root, keys, Null] };
        sealed.fields[7] = self.seal_state(rng, &sealed);
        sealed
    }

    /// Field 8 over fields that may have been changed since.
    pub(crate) fn seal_state(&self, rng: &mut Seeded, sealed: &Sealed) -> Item {
        let [.., kdf, root, two_man_root, keys, _] = sealed.fields.clone();
        let rest = Sha256::digest(Array(vec![kdf, root, two_man_root, keys]).encode());
        let context = self.context("wardkey/v1/backup/state", &[Uint(self.version), cbor::bytes(rest)]);
        cbor::bytes(seal(rng, &expand(&self.root, "backup-state", 32), &context, &self.state))
    }
}

impl Sealed {
    /// Map key and value, in order.
    pub(crate) fn entries(&self) -> Vec<(Item, Item)> {
        (1..).map(Uint).zip(self.fields.clone()).collect()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        cbor::framed(b"WKBK", &Map(self.entries()).encode())
    }

    /// Another value of field `number`.
    pub(crate) fn with(&self, number: usize, value: Item) -> Self {
        let mut copy = self.clone();
        copy.fields[number - 1] = value;
        copy
    }

    /// The bytes of a field that is a byte string.
    pub(crate) fn bytes(&self, number: usize) -> &[u8] {
        match &self.fields[number - 1] {
            Item::Bytes(bytes) => bytes,
            _ => panic!("field {number} is no byte string"),
        }
    }
}

/// `[suite, fingerprint, private key]`
pub(crate) fn key_item(pair: &Pair) -> Item {
    key_item_of(pair.suite.number(), pair.fingerprint(), &pair.private)
}

pub(crate) fn key_item_of(suite: u64, fingerprint: [u8; 32], private: &[u8]) -> Item {
    Array(vec![Uint(suite), cbor::bytes(fingerprint), cbor::bytes(private)])
}

/// `[public key, seed]`
pub(crate) fn signing_item(public: [u8; 32], seed: &[u8]) -> Item {
    Array(vec![cbor::bytes(public), cbor::bytes(seed)])
}

/// The keys payload.
pub(crate) fn payload(encryption: &[Item], signing: &[Item]) -> Item {
    Map(vec![(Uint(1), Array(encryption.to_vec())), (Uint(2), Array(signing.to_vec()))])
}

/// The cheapest parameters of each kind.
pub(crate) fn cheap_argon2id() -> Kdf {
    Kdf::argon2id(19_456, 2).expect("at the bound")
}

pub(crate) fn derivation(rng: &mut Seeded, kdf: Kdf, salt: usize) -> Derivation {
    Derivation::new(kdf, &draw(rng, salt)).expect("a salt of a good length")
}

pub(crate) fn share(rng: &mut Seeded) -> Secret<32> {
    Secret::generate(rng).expect("a seeded generator doesn't fail")
}
