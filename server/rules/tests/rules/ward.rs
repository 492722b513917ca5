//! A group at the key server, and what its admins send.

use serde_json::{Value, json};
use wardkey::{
    group::{self, Epochs, Lifetimes, Log, Made, Member, Name, Role},
    party::Party,
    session::{Directory, Grant, Hand, Rights},
};

use crate::{
    user::{User, directory},
    world::{Seeded, World, app, b64},
};

/// Anna is an admin, Ben a member, Carl and Dora are not in it.
pub(crate) struct Ward {
    pub(crate) world: World,
    pub(crate) anna: User,
    pub(crate) ben: User,
    pub(crate) carl: User,
    pub(crate) dora: User,
    pub(crate) known: Directory,
    pub(crate) log: Log,
    pub(crate) epochs: Epochs,
    pub(crate) body: Value,
    pub(crate) id: String,
}

pub(crate) fn member(user: &User, role: Role) -> Member {
    Member { party: user.party(), role }
}

pub(crate) fn with_group(log: &Log, rights: Rights) -> Grant {
    Grant { party: Party::Group(*log.id()), rights }
}

impl User {
    /// Signs at this time.
    pub(crate) fn sign_at<T>(&self, now: u64, with: impl FnOnce(&Hand<'_>) -> T) -> T {
        let signer = self.signer();
        with(&Hand { signer: &signer, key: &self.signing[0], now })
    }

    pub(crate) fn head(&self, now: u64, log: &Log) -> Value {
        b64(self.sign_at(now, |hand| group::sign_head(hand, log).unwrap()))
    }

    /// What founds a group.
    pub(crate) fn found(
        &self,
        (rng, now): (&mut Seeded, u64),
        members: &[Member],
        lifetimes: Lifetimes,
        known: &Directory,
    ) -> (Log, Epochs, Value) {
        let named = (Name::new("Ward 7").unwrap(), lifetimes);
        let created = self.sign_at(now, |hand| group::create(rng, hand, &app(), named, members, known).unwrap());
        let mut delivery = created.delivery;
        while delivery.step(rng, known).unwrap() {}
        let keys = self.sign_at(now, |hand| delivery.sign(hand).unwrap());
        let body = json!({ "genesis": b64(created.genesis), "keys": b64(keys), "head": self.head(now, &created.log) });
        let epochs = Epochs::open(&created.log, created.secret).unwrap();
        (created.log, epochs, body)
    }

    /// What sends an operation.
    pub(crate) fn operation(&self, (rng, now): (&mut Seeded, u64), made: Made, known: &Directory) -> Value {
        let keys = made.delivery.map(|mut delivery| {
            while delivery.step(rng, known).unwrap() {}
            self.sign_at(now, |hand| delivery.sign(hand).unwrap())
        });
        // Who isn't a member signs none.
        let head = self.sign_at(now, |hand| group::sign_head(hand, &made.log));
        json!({ "operation": b64(made.operation), "keys": keys.map(b64), "head": head.map_or(Value::Null, b64) })
    }
}

impl Ward {
    pub(crate) fn unsent() -> Self {
        let mut world = World::new();
        let [anna, ben, carl, dora] = ["anna", "ben", "carl", "dora"].map(|name| User::registered(&mut world, name));
        let known = directory(&world, &[&anna, &ben, &carl, &dora]);
        let members = [member(&ben, Role::Member)];
        let now = world.now;
        let (log, epochs, body) = anna.found((&mut world.rng, now), &members, Lifetimes::default(), &known);
        let id = log.id().to_string();
        Self { world, anna, ben, carl, dora, known, log, epochs, body, id }
    }

    pub(crate) fn new() -> Self {
        let mut ward = Self::unsent();
        assert_eq!(ward.world.post(&ward.anna, "/v1/groups", ward.body.clone()), json!({}));
        ward
    }

    pub(crate) fn path(&self, what: &str) -> String {
        format!("/v1/groups/{}/{what}", self.id)
    }

    fn keep(&mut self, made: Made) -> Value {
        let log = made.log.clone();
        if let Some(secret) = &made.secret {
            self.epochs = Epochs::open(&log, copy(secret)).unwrap();
        }
        let now = self.world.now;
        let body = self.anna.operation((&mut self.world.rng, now), made, &self.known);
        self.log = log;
        body
    }

    pub(crate) fn send(&mut self, body: Value) -> Value {
        self.world.post(&self.anna, &self.path("operations"), body)
    }

    // Anna's operations, made but not sent; the log goes on with them.

    pub(crate) fn adds(&mut self, members: &[Member]) -> Value {
        let made =
            self.anna.sign_at(self.world.now, |hand| self.log.add(hand, members, &self.epochs, &self.known).unwrap());
        self.keep(made)
    }

    pub(crate) fn removes(&mut self, parties: &[Party]) -> Value {
        let (rng, epochs) = (&mut self.world.rng, Some(&self.epochs));
        let made =
            self.anna.sign_at(self.world.now, |hand| self.log.remove(rng, hand, parties, epochs, &self.known).unwrap());
        self.keep(made)
    }

    pub(crate) fn rotates(&mut self) -> Value {
        let (rng, epochs) = (&mut self.world.rng, Some(&self.epochs));
        let made = self.anna.sign_at(self.world.now, |hand| self.log.rotate(rng, hand, epochs, &self.known).unwrap());
        self.keep(made)
    }

    pub(crate) fn gives_roles(&mut self, members: &[Member]) -> Value {
        let made = self.anna.sign_at(self.world.now, |hand| self.log.give_roles(hand, members).unwrap());
        self.keep(made)
    }

    /// Whoever wraps for the group knows its log.
    pub(crate) fn knowing(&self) -> Directory {
        let mut known = directory(&self.world, &[&self.anna, &self.ben, &self.carl, &self.dora]);
        known.insert_group(self.log.clone()).unwrap();
        known
    }

    /// A new head by Anna.
    pub(crate) fn refresh(&mut self) {
        let body = json!({ "head": self.anna.head(self.world.now, &self.log) });
        assert_eq!(self.world.post(&self.anna, &self.path("heads"), body), json!({}));
    }

    #[track_caller]
    pub(crate) fn refuse(&mut self, code: &str, caller: &User, what: &str, body: Value) {
        let path = self.path(what);
        self.world.refuse(code, Some(caller), "POST", &path, body);
    }

    /// The group as somebody is given it.
    pub(crate) fn given(&mut self, caller: &User) -> Value {
        let groups = [json!({ "id": self.id })];
        let body = json!({ "sessions": [], "signers": [], "groups": groups });
        self.world.post(caller, "/v1/keys", body)["groups"][0].clone()
    }

    /// His items since a cursor, which goes on.
    pub(crate) fn items(&mut self, caller: &User, cursor: &mut Value) -> Value {
        let reply = self.world.post(caller, "/v1/feed", json!({ "cursor": cursor.take() }));
        *cursor = reply["cursor"].clone();
        reply["items"].clone()
    }
}

pub(crate) fn copy(key: &wardkey::data_key::DataKey) -> wardkey::data_key::DataKey {
    wardkey::data_key::DataKey::from_slice(key.dangerously_expose().expose()).unwrap()
}
