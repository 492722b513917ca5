//! A group, and what a key server has of it.

mod epochs;
mod forms;
mod heads;
mod log;

use wardkey::{
    data_key::DataKey,
    error::Result,
    group::{Created, Delivery, Epochs, Lifetimes, Log, Made, Member, Name, Role, Stanza, create},
    session::{Directory, Hand},
    signed::{Hash, Minimum},
};

use crate::common::{
    cbor::{self, Array, Item, Raw, Uint},
    craft::{objects::Draft, system},
    people::{Person, app, directory},
    rng::{Seeded, seeded},
};

const FIRST: Minimum = Minimum(1);
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// What a key server has of a group.
struct Server {
    genesis: Vec<u8>,
    operations: Vec<Vec<u8>>,
    /// Group keys with the sequences of their operations.
    keys: Vec<(usize, Vec<u8>)>,
    id: Hash,
}

fn refs(objects: &[Vec<u8>]) -> Vec<&[u8]> {
    objects.iter().map(Vec::as_slice).collect()
}

fn delivered(mut delivery: Delivery, rng: &mut Seeded, hand: &Hand<'_>, directory: &Directory) -> Vec<u8> {
    while delivery.step(rng, directory).unwrap() {}
    delivery.sign(hand).unwrap()
}

impl Server {
    fn found(rng: &mut Seeded, by: &Person, members: &[Member], directory: &Directory) -> Self {
        let about = (Name::new("Ward 7").unwrap(), Lifetimes::default());
        let Created { genesis, log, delivery, .. } =
            create(rng, &by.hand(), &app(), about, members, directory).unwrap();
        let keys = vec![(0, delivered(delivery, rng, &by.hand(), directory))];
        Self { genesis, operations: Vec::new(), keys, id: *log.id() }
    }

    fn read(&self, directory: &Directory) -> Result<Log> {
        let mut log = Log::begin(&app(), &self.id, &self.genesis, directory, FIRST)?;
        log.extend(&refs(&self.operations), directory, FIRST)?;
        Ok(log)
    }

    fn take(&mut self, rng: &mut Seeded, by: &Person, made: Made, directory: &Directory) {
        self.operations.push(made.operation);
        let keys = made.delivery.map(|delivery| delivered(delivery, rng, &by.hand(), directory));
        self.keys.extend(keys.map(|keys| (self.operations.len(), keys)));
    }

    /// What the server gives a member, and what he makes of it.
    fn open(&self, person: &Person, directory: &Directory) -> Result<Epochs> {
        let log = self.read(directory)?;
        let wanted = log.newest_keys_for(&person.party()).unwrap_or_default();
        let (_, keys) = self.keys.iter().find(|(sequence, _)| *sequence == wanted).expect("group keys");
        Epochs::open(&log, secret(&log, keys, person)?)
    }

    fn add(&mut self, rng: &mut Seeded, by: &Person, members: &[Member], directory: &Directory) -> Result<()> {
        let log = self.read(directory)?;
        let made = log.add(&by.hand(), members, &self.open(by, directory)?, directory)?;
        self.take(rng, by, made, directory);
        Ok(())
    }

    fn remove(&mut self, rng: &mut Seeded, by: &Person, people: &[&Person], directory: &Directory) -> Result<()> {
        let parties: Vec<_> = people.iter().map(|person| person.party()).collect();
        let log = self.read(directory)?;
        let made = log.remove(rng, &by.hand(), &parties, Some(&self.open(by, directory)?), directory)?;
        self.take(rng, by, made, directory);
        Ok(())
    }

    fn rotate(&mut self, rng: &mut Seeded, by: &Person, directory: &Directory) -> Result<()> {
        let made = self.read(directory)?.rotate(rng, &by.hand(), Some(&self.open(by, directory)?), directory)?;
        self.take(rng, by, made, directory);
        Ok(())
    }

    fn give_roles(&mut self, rng: &mut Seeded, by: &Person, members: &[Member], directory: &Directory) -> Result<()> {
        let made = self.read(directory)?.give_roles(&by.hand(), members)?;
        self.take(rng, by, made, directory);
        Ok(())
    }
}

fn secret(log: &Log, keys: &[u8], person: &Person) -> Result<DataKey> {
    let stanza = Stanza::find(log, keys, &person.party(), FIRST)?;
    let pairs: Vec<_> = person.pairs.iter().map(|pair| &pair.pair).collect();
    stanza.open(&mut system(), &pairs)
}

fn member(person: &Person) -> Member {
    Member { party: person.party(), role: Role::Member }
}

fn admin(person: &Person) -> Member {
    Member { party: person.party(), role: Role::Admin }
}

struct Ward {
    rng: Seeded,
    alice: Person,
    bob: Person,
    carol: Person,
    mallory: Person,
    server: Server,
}

impl Ward {
    /// Alice is its admin, Bob a member.
    fn new(name: &str) -> (Self, Directory) {
        let mut rng = seeded(name);
        let [alice, bob, carol, mallory] = ["alice", "bob", "carol", "mallory"].map(|name| Person::new(&mut rng, name));
        let directory = directory([&alice, &bob, &carol, &mallory]);
        let server = Server::found(&mut rng, &alice, &[member(&bob)], &directory);
        (Self { rng, alice, bob, carol, mallory, server }, directory)
    }
}

fn fingerprints(epochs: &Epochs) -> Vec<String> {
    epochs.iter().map(|pair| pair.public_key().fingerprint().to_string()).collect()
}

fn copy(key: &DataKey) -> DataKey {
    DataKey::from_slice(key.dangerously_expose().expose()).unwrap()
}

fn party(person: &Person) -> Item {
    Raw(person.party().to_bytes())
}

fn fields_of(log: &Log, by: &Person, action: Vec<Item>) -> Vec<Item> {
    let head = log.head();
    vec![
        cbor::bytes(log.id().0),
        Uint(head.sequence + 1),
        cbor::bytes(head.hash),
        Uint(1_790_000_000_000),
        cbor::bytes(by.signer.bundle.0),
        Array(action),
    ]
}

/// An operation that follows, whatever it does.
fn operation(log: &Log, by: &Person, action: Vec<Item>) -> Vec<u8> {
    Array(Draft::new("wardkey/v1/operation", fields_of(log, by, action), by.seed()).items()).encode()
}
