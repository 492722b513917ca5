//! A user with his keys, who does what a client does.

use serde_json::{Value, json};
use wardkey::{
    account::{Contact, State, draw_shares, login_salt, wrap_share},
    backup::{Envelope, Keys, Owner, StateKey},
    identity::{Asked, Bundle, Identity, UserId},
    key_pair::{KeyPair, Suite},
    party::{Email, Party},
    password::{Derivation, Kdf, SlowKey},
    secret::Secret,
    session::{Directory, Grant, Hand, Made, Rights, Session, Signer, create},
    sign::SigningKey,
};

use crate::world::{NOW, Seeded, World, app, b64, key_server, refs, unb64};

pub(crate) struct User {
    pub(crate) id: UserId,
    /// The newest first.
    pub(crate) pairs: Vec<KeyPair>,
    pub(crate) signing: Vec<SigningKey>,
    /// From version 1 on.
    pub(crate) bundles: Vec<Vec<u8>>,
    pub(crate) state_key: Option<StateKey>,
    /// The last whole backup that he made.
    pub(crate) backup: Vec<u8>,
    pub(crate) session_keys: Vec<(String, wardkey::data_key::DataKey)>,
}

impl User {
    pub(crate) fn new(rng: &mut Seeded, name: &str) -> Self {
        Self::with_pair(rng, name, Suite::Hybrid)
    }

    fn with_pair(rng: &mut Seeded, name: &str, suite: Suite) -> Self {
        let id = UserId::new(name).unwrap();
        let pair = KeyPair::generate(rng, suite).unwrap();
        let signing = SigningKey::generate(rng).unwrap();
        let bundle = Bundle::first(&app(), Some(&id), pair.public_key(), &signing).unwrap().to_bytes();
        Self {
            id,
            pairs: vec![pair],
            signing: vec![signing],
            bundles: vec![bundle],
            state_key: None,
            backup: Vec::new(),
            session_keys: Vec::new(),
        }
    }

    /// With an account.
    pub(crate) fn registered(world: &mut World, name: &str) -> Self {
        let mut user = Self::new(&mut world.rng, name);
        let body = user.registration(world, None);
        world.post(&user, "/v1/register", body);
        user
    }

    /// With an account and a contact.
    pub(crate) fn reachable(world: &mut World, name: &str) -> Self {
        let mut user = Self::new(&mut world.rng, name);
        let body = user.registration(world, Some(&format!("{name}@hospital.example")));
        world.post(&user, "/v1/register", body);
        user
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity::verify(&refs(&self.bundles), &app(), Asked::User(&self.id), crate::world::FIRST).unwrap()
    }

    pub(crate) fn party(&self) -> Party {
        self.identity().party().unwrap()
    }

    pub(crate) fn signer(&self) -> Signer {
        let identity = self.identity();
        Signer::of(&identity, identity.newest().hash()).unwrap()
    }

    pub(crate) fn derivation(&self, world: &mut World) -> Derivation {
        let asked = json!({
            "appId": "app.example",
            "userId": self.id.as_str(),
            "kdf": { "name": "pbkdf2-sha256", "iterations": 600_000 },
        });
        let reply = world.call(None, "POST", "/v1/public/login", asked);
        let salt: [u8; 32] = unb64(&reply["serverSalt"]).try_into().unwrap();
        Derivation::new(Kdf::default_pbkdf2(), &login_salt(&app(), &self.id, &salt)).unwrap()
    }

    /// A whole backup of this version, and the share that belongs to it.
    pub(crate) fn whole(&mut self, world: &mut World, version: u64, two_men: bool) -> (Vec<u8>, Option<Vec<u8>>) {
        let derivation = self.derivation(world);
        self.whole_of(world, version, two_men, &derivation)
    }

    pub(crate) fn whole_of(
        &mut self,
        world: &mut World,
        version: u64,
        two_men: bool,
        derivation: &Derivation,
    ) -> (Vec<u8>, Option<Vec<u8>>) {
        let men = two_men.then(|| draw_shares(&mut world.rng).unwrap());
        let owner = Owner::of(&app(), &self.id);
        let encryption: Vec<_> = self.pairs.iter().collect();
        let signing: Vec<_> = self.signing.iter().collect();
        let keys = Keys { encryption: &encryption, signing: &signing };
        let sealing = Envelope::begin(&mut world.rng, &owner, version, derivation, men.as_ref(), &keys).unwrap();
        let state = State::new(Secret::generate(&mut world.rng).unwrap(), &self.identity()).to_bytes().unwrap();
        // The slow step is the client's own affair.
        let slow = SlowKey::new(&Secret::from_slice(&[7; 32]).unwrap());
        let (envelope, state_key) = sealing.with_state(state).finish_with_key(&mut world.rng, &slow).unwrap();
        self.state_key = Some(state_key);
        self.backup = envelope.encode();
        let share = men.map(|men| {
            let key = world.server.identity().encryption_key();
            wrap_share(&mut world.rng, &men.key_server, key, (&app(), &self.id), version).unwrap()
        });
        (self.backup.clone(), share)
    }

    pub(crate) fn contact(&self, version: u64, address: &str) -> Vec<u8> {
        let (signer, email) = (self.signer(), Email::new(address).unwrap());
        Contact::sign(&app(), &self.id, version, &email, (&signer.bundle, &self.signing[0])).unwrap().to_bytes()
    }

    pub(crate) fn registration(&mut self, world: &mut World, address: Option<&str>) -> Value {
        let (backup, share) = self.whole(world, 1, address.is_some());
        json!({
            "bundle": b64(&self.bundles[0]),
            "backup": b64(backup),
            "share": share.map(b64),
            "contact": address.map(|address| b64(self.contact(1, address))),
        })
    }

    /// A whole write, without bundle and contact.
    pub(crate) fn write(&mut self, world: &mut World, version: u64, two_men: bool) -> Value {
        let (backup, share) = self.whole(world, version, two_men);
        json!({ "backup": b64(backup), "share": share.map(b64), "bundle": null, "contact": null })
    }

    /// The active backup with another state.
    pub(crate) fn state(&self, world: &mut World, version: u64) -> Vec<u8> {
        let envelope = Envelope::parse(&self.backup).unwrap();
        let state = State::new(Secret::generate(&mut world.rng).unwrap(), &self.identity()).to_bytes().unwrap();
        let key = self.state_key.as_ref().unwrap();
        envelope.with_state(&mut world.rng, key, version, &state).unwrap().encode()
    }

    /// Takes new keys, and gives their bundle.
    pub(crate) fn renew(&mut self, rng: &mut Seeded) -> Vec<u8> {
        self.renew_with(KeyPair::generate(rng, Suite::Hybrid).unwrap(), rng)
    }

    fn renew_with(&mut self, pair: KeyPair, rng: &mut Seeded) -> Vec<u8> {
        let signing = SigningKey::generate(rng).unwrap();
        let bundle = Bundle::renewal(&self.identity(), &self.signing[0], pair.public_key(), &signing).unwrap();
        self.bundles.push(bundle.to_bytes());
        self.pairs.insert(0, pair);
        self.signing.insert(0, signing);
        bundle.to_bytes()
    }

    /// The same, written and activated.
    pub(crate) fn renewed(&mut self, world: &mut World, version: u64) {
        let bundle = self.renew(&mut world.rng);
        let mut body = self.write(world, version, false);
        body["bundle"] = b64(bundle);
        world.call(Some(self), "PUT", "/v1/backup/pending", body);
        world.post(self, "/v1/backup/activate", json!({ "version": version }));
    }

    // ------------------------------------------------------------ sessions

    /// Signs, whoever asks.
    pub(crate) fn sign<T>(&self, with: impl FnOnce(&Hand<'_>) -> T) -> T {
        let signer = self.signer();
        with(&Hand { signer: &signer, key: &self.signing[0], now: NOW })
    }

    /// A session, not sent yet.
    pub(crate) fn session(&mut self, rng: &mut Seeded, grants: &[Grant], directory: &Directory) -> (Session, Value) {
        let made = self.sign(|hand| create(rng, hand, &app(), grants).unwrap());
        let (mut session, key) = (made.session, made.key);
        let wraps = self.sign(|hand| session.wrap_genesis(rng, hand, &key, directory).unwrap());
        self.session_keys.push((session.log().id().to_string(), key));
        (session, json!({ "genesis": b64(made.genesis), "wraps": b64(wraps) }))
    }

    pub(crate) fn key(&self, session: &Session) -> &wardkey::data_key::DataKey {
        let id = session.log().id().to_string();
        &self.session_keys.iter().rev().find(|(known, _)| *known == id).unwrap().1
    }

    pub(crate) fn grant(&self, rng: &mut Seeded, session: &Session, grants: &[Grant], directory: &Directory) -> Made {
        let key = self.key(session);
        self.sign(|hand| session.grant(rng, hand, grants, key, directory).unwrap())
    }

    pub(crate) fn rotate(&mut self, rng: &mut Seeded, session: &Session, directory: &Directory) -> Made {
        let (made, key) = {
            let key = self.key(session);
            self.sign(|hand| session.rotate(rng, hand, key, directory).unwrap())
        };
        self.session_keys.push((session.log().id().to_string(), key));
        made
    }
}

/// Takes a user out of where he stands.
pub(crate) fn take(user: &mut User) -> User {
    std::mem::replace(user, User::new(&mut crate::world::seeded(70), "x"))
}

/// All these are known, and the key server.
pub(crate) fn directory(world: &World, users: &[&User]) -> Directory {
    let mut directory = Directory::default();
    for user in users {
        directory.insert(user.identity()).unwrap();
    }
    let mut copy = world.copy();
    let login = json!({
        "appId": "app.example",
        "userId": "nobody",
        "kdf": { "name": "pbkdf2-sha256", "iterations": 600_000 },
    });
    let reply = copy.call(None, "POST", "/v1/public/login", login);
    directory.insert(key_server(&reply["keyServer"])).unwrap();
    directory
}

pub(crate) fn with(user: &User, rights: Rights) -> Grant {
    Grant { party: user.party(), rights }
}

pub(crate) fn item(made: &Made) -> Value {
    json!({ "entry": b64(&made.entry), "wraps": made.wraps.as_ref().map(b64) })
}

pub(crate) fn items(made: &[&Made]) -> Value {
    json!({ "items": made.iter().map(|made| item(made)).collect::<Vec<_>>() })
}

/// The fixed RSA key of the core's tests.
pub(crate) fn rsa() -> KeyPair {
    KeyPair::from_pem(include_str!("../../../../testdata/rsa/3072.pem")).unwrap()
}
