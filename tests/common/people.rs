//! Users of an application, and its key server.

use wardkey::{
    backup::OpenedKeys,
    identity::{AppId, Asked, Bundle, Identity, UserId},
    key_pair::KeyPair,
    party::Party,
    session::{Directory, Hand, Signer},
    sign::SigningKey,
    signed::Minimum,
};

use super::{
    keys::{Pair, signing_key},
    rng::Seeded,
};

pub(crate) const APP: &str = "app.example";

pub(crate) fn app() -> AppId {
    AppId::new(APP).expect("an app id")
}

/// A user, or the key server, whose name is none.
pub(crate) struct Person {
    pub(crate) name: Option<UserId>,
    /// Objects, from version 1 on.
    pub(crate) bundles: Vec<Vec<u8>>,
    /// The newest first.
    pub(crate) pairs: Vec<Pair>,
    pub(crate) signing: Vec<SigningKey>,
    /// Of the newest bundle.
    pub(crate) signer: Signer,
}

impl Person {
    pub(crate) fn new(rng: &mut Seeded, name: &str) -> Self {
        Self::with_pair(Some(name), Pair::hybrid(rng), signing_key(rng))
    }

    pub(crate) fn key_server(rng: &mut Seeded) -> Self {
        Self::with_pair(None, Pair::hybrid(rng), signing_key(rng))
    }

    pub(crate) fn with_pair(name: Option<&str>, pair: Pair, signing: SigningKey) -> Self {
        let name = name.map(|name| UserId::new(name).expect("a user id"));
        let bundle = Bundle::first(&app(), name.as_ref(), pair.pair.public_key(), &signing).expect("a bundle");
        let bundles = vec![bundle.to_bytes()];
        let signer = signer_of(&bundles, name.as_ref());
        Self { name, bundles, pairs: vec![pair], signing: vec![signing], signer }
    }

    /// Somebody whose backup was opened: what his client wouldn't sign, he can.
    pub(crate) fn opened(name: &UserId, bundles: Vec<Vec<u8>>, keys: OpenedKeys) -> Self {
        let pairs = keys.encryption.into_iter();
        let pairs = pairs.map(|pair| Pair { suite: pair.public_key().suite(), private: Vec::new(), pair }).collect();
        let signer = signer_of(&bundles, Some(name));
        Self { name: Some(name.clone()), bundles, pairs, signing: keys.signing, signer }
    }

    /// Takes new keys.
    pub(crate) fn renew(&mut self, rng: &mut Seeded) {
        let (pair, signing) = (Pair::hybrid(rng), signing_key(rng));
        let bundle = Bundle::renewal(&self.identity(), &self.signing[0], pair.pair.public_key(), &signing);
        self.bundles.push(bundle.expect("a renewal").to_bytes());
        self.pairs.insert(0, pair);
        self.signing.insert(0, signing);
        self.signer = signer_of(&self.bundles, self.name.as_ref());
    }

    pub(crate) fn identity(&self) -> Identity {
        identity_of(&self.bundles, self.name.as_ref())
    }

    pub(crate) fn party(&self) -> Party {
        self.signer.party().expect("a user")
    }

    pub(crate) fn hand(&self) -> Hand<'_> {
        Hand { signer: &self.signer, key: &self.signing[0], now: 1_790_000_000_000 }
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.pairs[0].pair
    }

    pub(crate) fn seed(&self) -> &[u8; 32] {
        self.signing[0].seed().expose()
    }
}

fn identity_of(bundles: &[Vec<u8>], name: Option<&UserId>) -> Identity {
    let objects: Vec<_> = bundles.iter().map(Vec::as_slice).collect();
    let asked = name.map_or(Asked::KeyServer, Asked::User);
    Identity::verify(&objects, &app(), asked, Minimum::default()).expect("an identity")
}

fn signer_of(bundles: &[Vec<u8>], name: Option<&UserId>) -> Signer {
    let identity = identity_of(bundles, name);
    Signer::of(&identity, identity.newest().hash()).expect("its newest bundle")
}

/// All these are known.
pub(crate) fn directory<'a>(people: impl IntoIterator<Item = &'a Person>) -> Directory {
    let mut directory = Directory::default();
    for person in people {
        directory.insert(person.identity()).expect("one identity a name");
    }
    directory
}
