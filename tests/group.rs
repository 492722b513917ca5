//! A group from its founding on: who belongs, who says so, who has which secret. SPEC sections 12.8 to 12.12.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use common::{
    cbor::{self, Array, Item, Null, Raw, Uint},
    code,
    craft::{
        objects::{Draft, draft_of, values},
        session::{object, payload_of},
        system,
    },
    people::{Person, app, directory},
    rng::{Seeded, seeded},
};
use wardkey::{
    data_key::DataKey,
    error::{Code, Error, Result},
    group::{
        Created, Delivery, Epochs, Lifetimes, Log, Made, Member, Name, Opening, Role, SignedHead, Stanza, create,
        sign_head,
    },
    identity::UserId,
    key_pair::{PublicKey, Suite},
    party::Party,
    session::{Directory, Hand, Recipients, Signer, Signers},
    signed::{Hash, Minimum},
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

#[test]
fn who_belongs_has_all_epochs() {
    let (mut ward, directory) = Ward::new("epochs");
    let Ward { rng, alice, bob, carol, mallory, server } = &mut ward;
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    server.remove(rng, alice, &[bob], &directory).unwrap();
    server.rotate(rng, alice, &directory).unwrap();
    server.add(rng, alice, &[admin(mallory)], &directory).unwrap();
    let log = server.read(&directory).unwrap();
    assert_eq!((log.operations(), log.epochs().len()), (4, 3));
    assert_eq!(log.name().as_str(), "Ward 7");
    let all: Vec<_> = log
        .epochs()
        .iter()
        .map(|epoch| PublicKey::from_bytes(&epoch.public_key).unwrap().fingerprint().to_string())
        .collect();
    for person in [&*alice, carol, mallory] {
        assert_eq!(fingerprints(&server.open(person, &directory).unwrap()), all, "from epoch 0 on, newcomers too");
    }
    assert_eq!(log.public_key().fingerprint().to_string(), all[2]);
    // One after the other.
    let mut opening = Opening::begin(&log, copy(server.open(alice, &directory).unwrap().newest())).unwrap();
    let steps = core::iter::from_fn(|| opening.step(&log).then_some(())).count();
    assert_eq!((steps, fingerprints(&opening.finish())), (2, all));
    let parties: Vec<_> = log.members().map(|(party, role)| (party.clone(), role)).collect();
    let mut expected = [(alice.party(), Role::Admin), (carol.party(), Role::Member), (mallory.party(), Role::Admin)];
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(parties, expected);
    assert_eq!(log.role_at(&bob.party(), 1), Some(Role::Member));
    assert_eq!(log.role_at(&bob.party(), 2), None);
    assert_eq!(log.role_at(&carol.party(), 0), None);
    assert_eq!(log.role_at(&carol.party(), 5), None, "beyond the end");
}

/// G2: who was removed gets no secret of a later epoch, with the server and all traffic.
#[test]
fn g2_a_removed_member_has_no_later_epoch() {
    let (mut ward, directory) = Ward::new("g2");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    let before = server.open(bob, &directory).unwrap();
    server.remove(rng, alice, &[bob], &directory).unwrap();
    server.rotate(rng, alice, &directory).unwrap();
    assert_eq!(code(server.open(bob, &directory)), Code::Revoked);
    let log = server.read(&directory).unwrap();
    // No later object has a stanza for him, and what he knows opens nothing of what the log holds.
    for (sequence, keys) in &server.keys[2..] {
        assert!(log.keyed_by(*sequence).all(|party| *party != bob.party()));
        assert_eq!(code(Stanza::find(&log, keys, &bob.party(), FIRST)), Code::Revoked);
    }
    assert_eq!(code(Epochs::open(&log, copy(before.newest()))), Code::KeyMismatch);
    assert!(before.find(log.public_key().fingerprint()).is_none());
    // Taken in again, he reads all.
    server.add(rng, alice, &[member(bob)], &directory).unwrap();
    assert_eq!(server.open(bob, &directory).unwrap().iter().count(), 3);
}

fn copy(key: &DataKey) -> DataKey {
    DataKey::from_slice(key.dangerously_expose().expose()).unwrap()
}

/// G1: the server inserts Mallory, by whatever hand it has.
#[test]
fn g1_only_admins_add() {
    let (mut ward, directory) = Ward::new("g1");
    let Ward { rng, alice, bob, mallory, server, .. } = &mut ward;
    server.rotate(rng, alice, &directory).unwrap();
    let log = server.read(&directory).unwrap();
    let epochs = server.open(alice, &directory).unwrap();
    for by in [&*bob, mallory] {
        assert_eq!(code(log.add(&by.hand(), &[member(mallory)], &epochs, &directory)), Code::Forbidden);
        let forged = operation(&log, by, vec![Uint(1), Array(vec![Array(vec![party(mallory), Uint(1)])])]);
        assert_eq!(code(log.clone().extend(&[&forged], &directory, FIRST)), Code::Forbidden);
        // In the admin's name.
        let mut fields = fields_of(&log, alice, vec![Uint(1), Array(vec![Array(vec![party(mallory), Uint(1)])])]);
        fields[4] = cbor::bytes(alice.signer.bundle.0);
        let forged = Draft::new("wardkey/v1/operation", fields, by.seed());
        assert_eq!(code(log.clone().extend(&[&Array(forged.items()).encode()], &directory, FIRST)), Code::BadSignature);
    }
    let made = log.add(&alice.hand(), &[member(mallory)], &epochs, &directory).unwrap();
    let good = made.operation;
    // Replayed, it doesn't follow any more; of another place, neither.
    let mut after = made.log.clone();
    assert_eq!(code(after.extend(&[&good], &directory, FIRST)), Code::BadSignature);
    assert_eq!(after.operations(), 2);
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

/// G3: what is shorter than what was seen, and what is another.
#[test]
fn g3_rollback_and_fork() {
    let (mut ward, directory) = Ward::new("g3");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    let early = server.read(&directory).unwrap();
    server.remove(rng, alice, &[bob], &directory).unwrap();
    let seen = server.read(&directory).unwrap().head();
    assert_eq!(code(early.check_view(&seen)), Code::Rollback);
    // Another history from there on.
    server.operations.truncate(1);
    server.rotate(rng, alice, &directory).unwrap();
    let other = server.read(&directory).unwrap();
    assert_eq!(code(other.check_view(&seen)), Code::Fork);
    assert_eq!(other.check_view(&other.head()), Ok(()));
}

/// G4: a key that the server knows, in the log or in what is wrapped.
#[test]
fn g4_a_foreign_secret() {
    let (mut ward, directory) = Ward::new("g4");
    let Ward { rng, alice, bob, carol, mallory, server } = &mut ward;
    let log = server.read(&directory).unwrap();
    let foreign = DataKey::from_slice(&[7; 32]).unwrap();
    assert_eq!(code(Epochs::open(&log, foreign)), Code::KeyMismatch);
    // An epoch whose public key isn't its secret's: the admin lied, or was made to.
    let epochs = server.open(alice, &directory).unwrap();
    let made = log.rotate(rng, &alice.hand(), Some(&epochs), &directory).unwrap();
    let (next, secret) = (made.log.epochs()[1].clone(), made.secret.unwrap());
    let public = log.epochs()[0].public_key.clone();
    let sealed = cbor::bytes(next.previous.unwrap());
    let epoch = Array(vec![cbor::bytes(next.commitment.0), cbor::bytes(&public), sealed.clone()]);
    let mut lied = log.clone();
    lied.extend(&[&operation(&log, alice, vec![Uint(4), epoch])], &directory, FIRST).unwrap();
    assert_eq!(code(Epochs::open(&lied, copy(&secret))), Code::KeyMismatch);
    // A history that was sealed for another.
    let mut broken = next.previous.unwrap();
    broken[80] ^= 1;
    let epoch = Array(vec![cbor::bytes(next.commitment.0), cbor::bytes(&next.public_key), cbor::bytes(broken)]);
    let mut damaged = log.clone();
    damaged.extend(&[&operation(&log, alice, vec![Uint(4), epoch])], &directory, FIRST).unwrap();
    let opened = Epochs::open(&damaged, copy(&secret)).unwrap();
    assert_eq!(opened.broken().map(|(number, why)| (number, why.code())), Some((0, Code::DecryptionFailed)));
    assert!(opened.find(damaged.public_key().fingerprint()).is_some());
    assert!(opened.find(log.public_key().fingerprint()).is_none());
    // Group keys that belong to another operation, to another group, to nobody.
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    let log = server.read(&directory).unwrap();
    let of_genesis = &server.keys[0].1;
    assert_eq!(code(Stanza::find(&log, of_genesis, &carol.party(), FIRST)), Code::NotARecipient);
    assert!(Stanza::find(&log, of_genesis, &bob.party(), FIRST).is_ok());
    let other = Server::found(rng, alice, &[member(bob)], &directory);
    assert_eq!(code(Stanza::find(&log, &other.keys[0].1, &bob.party(), FIRST)), Code::KeyMismatch);
    assert_eq!(code(Stanza::find(&log, of_genesis, &mallory.party(), FIRST)), Code::NotARecipient);
}

/// Epochs of another group, or of a log that was shorter: what was wrapped or sealed with them couldn't be taken back.
#[test]
fn only_with_the_newest_epoch() {
    let (mut ward, directory) = Ward::new("newest epoch");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    let older = server.open(alice, &directory).unwrap();
    let others = Server::found(rng, alice, &[], &directory).open(alice, &directory).unwrap();
    server.rotate(rng, alice, &directory).unwrap();
    let log = server.read(&directory).unwrap();
    for epochs in [&older, &others] {
        assert_eq!(code(log.add(&alice.hand(), &[member(carol)], epochs, &directory)), Code::KeyMismatch);
        assert_eq!(code(log.remove(rng, &alice.hand(), &[bob.party()], Some(epochs), &directory)), Code::KeyMismatch);
        assert_eq!(code(log.rotate(rng, &alice.hand(), Some(epochs), &directory)), Code::KeyMismatch);
    }
}

/// An admin who breaks what he begins is removed all the same, and what comes then is open.
#[test]
fn who_breaks_an_epoch_is_removed() {
    let (mut ward, directory) = Ward::new("breaks");
    let Ward { rng, alice, bob, mallory, server, .. } = &mut ward;
    server.add(rng, alice, &[admin(mallory)], &directory).unwrap();
    let log = server.read(&directory).unwrap();
    let next = log.rotate(rng, &mallory.hand(), Some(&server.open(mallory, &directory).unwrap()), &directory).unwrap();
    let (secret, next) = (next.secret.unwrap(), next.log.epochs()[1].clone());
    // Another history than the group's, and a secret that isn't the epoch's.
    for (public, history, opens) in
        [(&next.public_key, [7; 104], true), (&log.epochs()[0].public_key, next.previous.unwrap(), false)]
    {
        let epoch = Array(vec![cbor::bytes(next.commitment.0), cbor::bytes(public), cbor::bytes(history)]);
        let mut broken = log.clone();
        broken.extend(&[&operation(&log, mallory, vec![Uint(4), epoch])], &directory, FIRST).unwrap();
        let epochs = Epochs::open(&broken, copy(&secret)).ok();
        assert_eq!(epochs.is_some(), opens);
        let made = broken.remove(rng, &alice.hand(), &[mallory.party()], epochs.as_ref(), &directory).unwrap();
        let mut mended = broken.clone();
        mended.extend(&[&made.operation], &directory, FIRST).unwrap();
        assert_eq!(mended.role(&mallory.party()), None);
        let keys = delivered(made.delivery.unwrap(), rng, &alice.hand(), &directory);
        let opened = Epochs::open(&mended, self::secret(&mended, &keys, bob).unwrap()).unwrap();
        assert!(opened.find(mended.public_key().fingerprint()).is_some());
        let why = opened.broken().map(|(number, why)| (number, why.code()));
        assert_eq!(why, Some((usize::from(!opens), Code::DecryptionFailed)));
        assert_eq!(opened.iter().count(), 1 + usize::from(opens));
    }
}

/// What stands in group keys is what the log says, and signed by whoever did what they belong to.
#[test]
fn forged_group_keys() {
    let (mut ward, directory) = Ward::new("forged keys");
    let Ward { rng, alice, bob, carol, mallory, server } = &mut ward;
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    server.rotate(rng, alice, &directory).unwrap();
    let log = server.read(&directory).unwrap();
    let keys = &server.keys[2].1;
    let good = draft_of("wardkey/v1/group-keys", keys, alice.seed());
    assert_eq!(Array(good.items()).encode(), *keys);
    let find = |draft: &Draft| Stanza::find(&log, &Array(draft.items()).encode(), &bob.party(), FIRST);
    let stanzas = values(&good.fields[6].encode());
    let bodies = values(&good.more[0].encode());
    let fewer = |at: usize| -> (Item, Item) {
        let without = |list: &[Item]| {
            Array(list.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, it)| it.clone()).collect())
        };
        (without(&stanzas), without(&bodies))
    };
    let at = |person: &Person| log.keyed_by(2).position(|party| *party == person.party()).unwrap();
    // Carol is left out; Mallory is let in.
    let mut left_out = good.clone();
    (left_out.fields[6], left_out.more[0]) = fewer(at(carol));
    assert_eq!(code(find(&left_out)), Code::BadSignature);
    let mut let_in = good.clone();
    let mut hers = values(&stanzas[at(carol)].encode());
    hers[0] = party(mallory);
    let mut more = [stanzas.clone(), vec![Array(hers)]].concat();
    more.sort_by_key(|stanza| values(&stanza.encode())[0].encode());
    let place = more.iter().position(|stanza| values(&stanza.encode())[0].encode() == mallory.party().to_bytes());
    let mut more_bodies = bodies.clone();
    more_bodies.insert(place.unwrap(), bodies[at(carol)].clone());
    (let_in.fields[6], let_in.more[0]) = (Array(more), Array(more_bodies));
    assert_eq!(code(find(&let_in)), Code::BadSignature);
    // Another's body in his place; none.
    let mut swapped = good.clone();
    let mut others = bodies.clone();
    others.swap(at(bob), at(carol));
    swapped.more[0] = Array(others.clone());
    assert_eq!(code(find(&swapped)), Code::BadSignature);
    others = bodies.clone();
    others[at(bob)] = Null;
    swapped.more[0] = Array(others);
    assert_eq!(code(find(&swapped)), Code::BadSignature);
    others = bodies.clone();
    others[at(carol)] = Null;
    swapped.more[0] = Array(others);
    assert!(find(&swapped).is_ok(), "everybody is given his own");
    // By somebody else; of an operation without keys; of another epoch, or another key.
    let mut by_bob = draft_of("wardkey/v1/group-keys", keys, bob.seed());
    assert_eq!(code(find(&by_bob)), Code::BadSignature);
    assert_eq!(code(find(&good.with(6, cbor::bytes(bob.signer.bundle.0)))), Code::BadSignature, "in his name");
    by_bob = by_bob.with(6, cbor::bytes(bob.signer.bundle.0));
    assert_eq!(code(find(&by_bob)), Code::BadSignature);
    assert_eq!(code(find(&good.with(2, Uint(3)))), Code::BadSignature);
    assert_eq!(code(find(&good.with(2, Uint(1)))), Code::KeyMismatch);
    assert_eq!(code(find(&good.with(3, Uint(0)))), Code::KeyMismatch);
    assert_eq!(code(find(&good.with(5, cbor::bytes([1; 32])))), Code::KeyMismatch);
    assert_eq!(code(find(&good.with(1, cbor::bytes([1; 32])))), Code::KeyMismatch);
    let pairs = [bob.pair()];
    let other_id = find(&good.with(4, cbor::bytes([1; 16]))).unwrap().open(&mut system(), &pairs);
    assert_eq!(code(other_id), Code::UnwrapFailed, "the id is bound to what is wrapped");
}

/// G5: roles.
#[test]
fn g5_roles() {
    let (mut ward, directory) = Ward::new("g5");
    let Ward { rng, alice, bob, carol, mallory, server } = &mut ward;
    server.add(rng, alice, &[member(carol)], &directory).unwrap();
    // A nurse removes an admin, makes herself one, begins an epoch.
    for result in [
        server.remove(rng, bob, &[alice], &directory),
        server.give_roles(rng, bob, &[admin(bob)], &directory),
        server.rotate(rng, bob, &directory),
        // The last admin goes, or is no longer one.
        server.remove(rng, alice, &[alice], &directory),
        server.give_roles(rng, alice, &[member(alice)], &directory),
        // Nothing that can be done.
        server.give_roles(rng, alice, &[admin(alice)], &directory),
        server.give_roles(rng, alice, &[admin(mallory)], &directory),
        server.remove(rng, alice, &[mallory], &directory),
        server.add(rng, alice, &[admin(bob)], &directory),
    ] {
        assert_eq!(code(result), Code::Forbidden);
    }
    assert_eq!(server.operations.len(), 1);
    // Who goes would know the secret of the epoch that he begins.
    let mut two = Server {
        operations: server.operations.clone(),
        genesis: server.genesis.clone(),
        keys: server.keys.clone(),
        id: server.id,
    };
    two.give_roles(rng, alice, &[admin(bob)], &directory).unwrap();
    assert_eq!(code(two.remove(rng, alice, &[alice], &directory)), Code::Forbidden);
    assert_eq!(code(two.remove(rng, alice, &[alice, carol], &directory)), Code::Forbidden);
    two.remove(rng, bob, &[alice, carol], &directory).unwrap();
    server.give_roles(rng, alice, &[admin(bob), member(alice)], &directory).unwrap();
    assert_eq!(code(server.rotate(rng, alice, &directory)), Code::Forbidden);
    server.remove(rng, bob, &[alice, carol], &directory).unwrap();
    let log = server.read(&directory).unwrap();
    assert_eq!(log.members().count(), 1);
    assert_eq!(code(server.remove(rng, bob, &[bob], &directory)), Code::Forbidden);
    // A namesake with another identity belongs no more than once.
    let namesake = Person::new(rng, "bob");
    let forged = operation(&log, bob, vec![Uint(1), Array(vec![Array(vec![party(&namesake), Uint(0)])])]);
    assert_eq!(code(log.clone().extend(&[&forged], &directory, FIRST)), Code::Forbidden);
    assert_eq!(log.member(bob.name.as_ref().unwrap()).unwrap().party, bob.party());
    assert_eq!(log.member(alice.name.as_ref().unwrap()), None);
}

#[test]
fn arguments() {
    let (mut ward, directory) = Ward::new("arguments");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    let log = server.read(&directory).unwrap();
    let epochs = server.open(alice, &directory).unwrap();
    let twice = [member(carol), admin(carol)];
    assert_eq!(code(log.add(&alice.hand(), &twice, &epochs, &directory)), Code::InvalidArgument);
    assert_eq!(code(log.add(&alice.hand(), &[], &epochs, &directory)), Code::InvalidArgument);
    let group = Member { party: Party::Group(Hash([1; 32])), role: Role::Member };
    assert_eq!(code(log.add(&alice.hand(), &[group], &epochs, &directory)), Code::InvalidArgument);
    assert_eq!(code(log.remove(rng, &alice.hand(), &[], Some(&epochs), &directory)), Code::InvalidArgument);
    let other_hand = Hand { signer: &alice.signer, ..bob.hand() };
    assert_eq!(code(log.give_roles(&other_hand, &[admin(bob)])), Code::KeyMismatch);
    for name in ["", "a\u{7}b", &"x".repeat(129)] {
        assert_eq!(code(Name::new(name)), Code::InvalidArgument, "{name:?}");
    }
    assert!(Name::new("Station 3 → OP, 24 h").is_ok());
    for (hours, days) in [(0, 7), (2161, 7), (24, 0), (24, 91)] {
        assert_eq!(code(Lifetimes::new(hours, days)), Code::InvalidArgument);
    }
    let unknown = Person::new(rng, "unknown");
    assert_eq!(code(log.add(&alice.hand(), &[member(&unknown)], &epochs, &directory)), Code::UnknownUser);
}

/// Has a key for everybody.
struct Anyone(PublicKey);

impl Signers for Anyone {
    fn signer(&self, _: &Hash) -> Result<Signer> {
        Err(Error::new(&(Code::BadSignature, "not here")))
    }

    fn group(&self, _: &Hash) -> Result<&Log> {
        Err(Error::new(&(Code::UnknownGroup, "not here")))
    }
}

impl Recipients for Anyone {
    fn key_for(&self, _: &Party) -> Result<&PublicKey> {
        Ok(&self.0)
    }
}

#[test]
fn ten_thousand_members() {
    let (mut ward, directory) = Ward::new("many");
    let Ward { rng, alice, bob, .. } = &mut ward;
    let anyone = Anyone(PublicKey::from_bytes(bob.pair().public_key().as_bytes()).unwrap());
    let named = |number: usize| Member {
        party: Party::User { id: UserId::new(&number.to_string()).unwrap(), identity: Hash([1; 32]) },
        role: Role::Member,
    };
    let members: Vec<_> = (0..10_000).map(named).collect();
    let about = || (Name::new("Ward 7").unwrap(), Lifetimes::default());
    assert_eq!(code(create(rng, &alice.hand(), &app(), about(), &members, &anyone)), Code::Limit);
    let Created { log, secret, .. } = create(rng, &alice.hand(), &app(), about(), &members[1..], &anyone).unwrap();
    assert_eq!(log.members().count(), 10_000);
    let epochs = Epochs::open(&log, secret).unwrap();
    assert_eq!(code(log.add(&alice.hand(), &members[..1], &epochs, &anyone)), Code::Limit);
    let one = Array(vec![Raw(members[0].party.to_bytes()), Uint(0)]);
    let forged = operation(&log, alice, vec![Uint(1), Array(vec![one])]);
    assert_eq!(code(log.clone().extend(&[&forged], &directory, FIRST)), Code::Forbidden);
    // One goes, one comes.
    let gone = [members[9_999].party.clone()];
    let Made { log, secret, .. } = log.remove(rng, &alice.hand(), &gone, Some(&epochs), &anyone).unwrap();
    let epochs = Epochs::open(&log, secret.unwrap()).unwrap();
    assert_eq!(log.add(&alice.hand(), &members[..1], &epochs, &anyone).unwrap().log.members().count(), 10_000);
}

#[test]
fn renewed_signers() {
    let (mut ward, _) = Ward::new("renewed");
    let mut dora = Person::new(&mut ward.rng, "dora");
    let before = dora.signer.clone();
    let known = directory([&ward.alice, &ward.bob, &ward.carol, &dora]);
    let mut server = Server::found(&mut ward.rng, &dora, &[member(&ward.bob)], &known);
    dora.renew(&mut ward.rng);
    let known = directory([&ward.alice, &ward.bob, &ward.carol, &dora]);
    server.add(&mut ward.rng, &dora, &[member(&ward.carol)], &known).unwrap();
    let log = server.read(&known).unwrap();
    let mut fields = fields_of(&log, &dora, vec![Uint(1), Array(vec![Array(vec![party(&ward.alice), Uint(0)])])]);
    fields[4] = cbor::bytes(before.bundle.0);
    let older = Draft::new("wardkey/v1/operation", fields, dora.signing[1].seed().expose());
    assert_eq!(
        code(log.clone().extend(&[&Array(older.items()).encode()], &known, FIRST)),
        Code::Rollback,
        "an older bundle than before"
    );
    assert_eq!(server.open(&dora, &known).unwrap().iter().count(), 1, "by the key that it was wrapped for");
}

fn head_by(person: &Person, log: &Log, now: u64) -> Vec<u8> {
    sign_head(&Hand { now, ..person.hand() }, log).unwrap()
}

#[test]
fn heads_and_freshness() {
    let (mut ward, directory) = Ward::new("heads");
    let Ward { rng, alice, bob, mallory, server, .. } = &mut ward;
    let start = alice.hand().now;
    let log = server.read(&directory).unwrap();
    let read = |log: &Log, head: &[u8]| SignedHead::read(log, head, &directory, FIRST);
    let head = read(&log, &head_by(bob, &log, start + DAY)).unwrap();
    assert_eq!((head.head().time, head.head().end), (start + DAY, start + 2 * DAY));
    let heads = [head];
    assert_eq!(code(log.check_fresh(&[], start)), Code::Stale);
    assert_eq!(log.check_fresh(&heads, start + DAY), Ok(()));
    assert_eq!(log.check_fresh(&heads, start + 2 * DAY - 1), Ok(()));
    assert_eq!(code(log.check_fresh(&heads, start + 2 * DAY)), Code::Stale, "it has ended");
    assert_eq!(log.check_fresh(&heads, start + DAY - 5 * 60_000), Ok(()), "a clock that is ahead a little");
    assert_eq!(code(log.check_fresh(&heads, start + DAY - 5 * 60_000 - 1)), Code::Stale);
    // Members go on for a week without an admin.
    for (day, fresh) in [(6, true), (7, false)] {
        let heads = [read(&log, &head_by(bob, &log, start + day * DAY)).unwrap()];
        assert_eq!(log.check_fresh(&heads, start + day * DAY).is_ok(), fresh, "day {day}");
        let with_admin = [heads[0].clone(), read(&log, &head_by(alice, &log, start + 2 * DAY)).unwrap()];
        assert_eq!(log.check_fresh(&with_admin, start + day * DAY), Ok(()), "day {day}");
    }
    // Of somebody else, of another group, too long, wrongly signed.
    assert_eq!(code(sign_head(&mallory.hand(), &log)), Code::Forbidden);
    let draft = |person: &Person, view: (u64, [u8; 32]), end: u64| {
        let fields = vec![
            cbor::bytes(log.id().0),
            Uint(view.0),
            cbor::bytes(view.1),
            Uint(start),
            Uint(end),
            cbor::bytes(person.signer.bundle.0),
        ];
        Array(Draft::new("wardkey/v1/group-head", fields, person.seed()).items()).encode()
    };
    let view = (0, log.head().hash);
    assert!(read(&log, &draft(bob, view, start + DAY)).is_ok());
    assert_eq!(code(read(&log, &draft(mallory, view, start + DAY))), Code::Forbidden);
    assert_eq!(code(read(&log, &draft(bob, view, start + DAY + 1))), Code::Forbidden);
    assert_eq!(code(read(&log, &draft(bob, view, start))), Code::InvalidFormat);
    assert_eq!(code(read(&log, &draft(bob, (0, [1; 32]), start + DAY))), Code::Fork);
    assert_eq!(code(read(&log, &draft(bob, (1, view.1), start + DAY))), Code::Rollback);
    let other = Server::found(rng, alice, &[member(bob)], &directory).read(&directory).unwrap();
    assert_eq!(code(read(&log, &head_by(bob, &other, start))), Code::KeyMismatch);
    // After a removal, a head of the state before says nothing of the newest one; nor does one of who was removed.
    server.remove(rng, alice, &[bob], &directory).unwrap();
    let newest = server.read(&directory).unwrap();
    assert_eq!(code(newest.check_fresh(&heads, start + DAY)), Code::Stale);
    let late = head_by(bob, &log, start + DAY);
    assert!(read(&newest, &late).is_ok(), "he was a member then");
    let view = (1, newest.head().hash);
    assert_eq!(code(read(&newest, &draft(bob, view, start + DAY))), Code::Forbidden);
}

/// An admin whose clock was years ahead hasn't signed for all these years.
#[test]
fn an_admin_in_the_future() {
    let (mut ward, directory) = Ward::new("future");
    let Ward { rng, alice, bob, server, .. } = &mut ward;
    let start = alice.hand().now;
    let log = server.read(&directory).unwrap();
    let ahead = Hand { now: start + 1000 * DAY, ..alice.hand() };
    let made = log.rotate(rng, &ahead, Some(&server.open(alice, &directory).unwrap()), &directory).unwrap();
    server.take(rng, alice, made, &directory);
    let log = server.read(&directory).unwrap();
    let fresh = |day: u64| {
        let head = SignedHead::read(&log, &head_by(bob, &log, start + day * DAY), &directory, FIRST).unwrap();
        log.check_fresh(&[head], start + day * DAY)
    };
    assert_eq!(fresh(6), Ok(()));
    assert_eq!(code(fresh(8)), Code::Stale);
    assert_eq!(fresh(1000), Ok(()));
}

#[test]
fn forms() {
    let (mut ward, directory) = Ward::new("forms");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    let log = server.read(&directory).unwrap();
    let epochs = server.open(alice, &directory).unwrap();
    let epoch = log.rotate(rng, &alice.hand(), Some(&epochs), &directory).unwrap().log.epochs()[1].clone();
    let of_epoch =
        |public: &[u8], previous: Item| Array(vec![cbor::bytes(epoch.commitment.0), cbor::bytes(public), previous]);
    let sealed = || cbor::bytes(epoch.previous.unwrap());
    let rsa = common::keys::Pair::rsa(Suite::Rsa3072);
    let [one, two] = [party(bob), party(carol)];
    let pair = |party: &Item, role: u64| Array(vec![party.clone(), Uint(role)]);
    let group = Raw(Party::Group(Hash([3; 32])).to_bytes());
    let long = Raw(Party::User { id: carol.name.clone().unwrap(), identity: Hash([9; 32]) }.to_bytes());
    let mut carols = [two.clone(), long];
    carols.sort_by_key(Item::encode);
    for (name, action, expected) in [
        ("no action", vec![], Code::InvalidFormat),
        ("a later one", vec![Uint(5), Uint(1)], Code::UnsupportedVersion),
        ("nobody", vec![Uint(1), Array(vec![])], Code::InvalidFormat),
        ("no role", vec![Uint(1), Array(vec![pair(&two, 2)])], Code::InvalidFormat),
        ("a group", vec![Uint(1), Array(vec![pair(&group, 0)])], Code::InvalidFormat),
        ("not sorted", vec![Uint(1), Array(vec![pair(&two, 0), pair(&one, 0)])], Code::InvalidFormat),
        ("one name twice", vec![Uint(1), Array(carols.iter().map(|it| pair(it, 0)).collect())], Code::InvalidFormat),
        ("removal without an epoch", vec![Uint(2), Array(vec![one.clone()])], Code::InvalidFormat),
        ("a short one before", vec![Uint(4), of_epoch(&epoch.public_key, cbor::bytes([0; 103]))], Code::InvalidFormat),
        ("an RSA key", vec![Uint(4), of_epoch(rsa.pair.public_key().as_bytes(), sealed())], Code::InvalidFormat),
        ("no whole key", vec![Uint(4), of_epoch(b"WKPK", sealed())], Code::Truncated),
    ] {
        let object = operation(&log, alice, action);
        assert_eq!(code(log.clone().extend(&[&object], &directory, FIRST)), expected, "{name}");
    }
    let begin = |object: &[u8], id: &Hash| Log::begin(&app(), id, object, &directory, FIRST);
    assert_eq!(code(begin(&server.genesis, &Hash([1; 32]))), Code::KeyMismatch);
    let payload = Raw(payload_of(&server.genesis));
    let other = object("wardkey/v1/session", &payload, alice.seed(), vec![]);
    assert_eq!(code(begin(&other, &server.id)), Code::BadSignature, "signed as something else");
    for cut in [0, 1, 40, server.genesis.len() - 1] {
        assert_eq!(code(begin(&server.genesis[..cut], &server.id)), Code::InvalidFormat);
    }
    // A creator who is no admin in it.
    let mut fields = genesis_fields(&log, bob);
    let draft = Draft::new("wardkey/v1/group", fields.clone(), bob.seed());
    assert_eq!(code(begin(&Array(draft.items()).encode(), &Hash(draft.hash()))), Code::Forbidden);
    fields = genesis_fields(&log, alice);
    for (at, value) in [(5, cbor::text("")), (5, cbor::text(&"x".repeat(129))), (8, Uint(0)), (9, Uint(91))] {
        let draft = Draft::new("wardkey/v1/group", fields.clone(), alice.seed()).with(at, value);
        assert_eq!(code(begin(&Array(draft.items()).encode(), &Hash(draft.hash()))), Code::InvalidFormat, "{at}");
    }
    let with_sealed = of_epoch(&epoch.public_key, sealed());
    let draft = Draft::new("wardkey/v1/group", fields.clone(), alice.seed()).with(7, with_sealed);
    assert_eq!(code(begin(&Array(draft.items()).encode(), &Hash(draft.hash()))), Code::InvalidFormat);
    let draft = Draft::new("wardkey/v1/group", fields, alice.seed()).with(1, cbor::text("other.example"));
    assert_eq!(code(begin(&Array(draft.items()).encode(), &Hash(draft.hash()))), Code::KeyMismatch);
}

fn genesis_fields(log: &Log, creator: &Person) -> Vec<Item> {
    let epoch = &log.epochs()[0];
    let members =
        log.members().map(|(party, role)| Array(vec![Raw(party.to_bytes()), Uint(u64::from(role == Role::Admin))]));
    vec![
        cbor::text(common::people::APP),
        cbor::bytes(creator.signer.bundle.0),
        cbor::bytes([5; 16]),
        Uint(1_790_000_000_000),
        cbor::text("Ward 7"),
        Array(members.collect()),
        Array(vec![cbor::bytes(epoch.commitment.0), cbor::bytes(&epoch.public_key), Null]),
        Uint(24),
        Uint(7),
    ]
}

#[test]
fn limits() {
    let (ward, directory) = Ward::new("limits");
    let Ward { alice, server, .. } = &ward;
    let log = server.read(&directory).unwrap();
    let begin = |object: &[u8]| Log::begin(&app(), &server.id, object, &directory, FIRST);
    assert_eq!(code(begin(&vec![0; 4 * 1024 * 1024 + 1])), Code::Limit);
    assert_eq!(code(begin(&vec![0; 4 * 1024 * 1024])), Code::InvalidFormat);
    let extend = |operations: &[&[u8]]| log.clone().extend(operations, &directory, FIRST);
    assert_eq!(code(extend(&[&vec![0; 4 * 1024 * 1024 + 1]])), Code::Limit);
    assert_eq!(code(extend(&vec![[].as_slice(); 10_001])), Code::Limit);
    assert_eq!(code(extend(&vec![[].as_slice(); 10_000])), Code::InvalidFormat);
    let find = |object: &[u8]| Stanza::find(&log, object, &alice.party(), FIRST);
    assert_eq!(code(find(&vec![0; 16 * 1024 * 1024 + 1])), Code::Limit);
    assert_eq!(code(find(&vec![0; 16 * 1024 * 1024])), Code::InvalidFormat);
    // Two are members.
    let party = |n: usize| Array(vec![Uint(0), cbor::text(&n.to_string()), cbor::bytes([0; 32])]);
    let added = |count: usize| {
        let mut parties: Vec<_> = (10_000..10_000 + count).map(|n| Array(vec![party(n), Uint(0)])).collect();
        parties.sort_by_key(Item::encode);
        operation(&log, alice, vec![Uint(1), Array(parties)])
    };
    assert_eq!(extend(&[&added(9_998)]), Ok(()));
    assert_eq!(code(extend(&[&added(9_999)])), Code::Forbidden);
    assert_eq!(code(extend(&[&added(10_001)])), Code::InvalidFormat);
}

/// What was verified once is replayed without signatures, and is the same.
#[test]
fn kept_and_restored() {
    let (mut ward, directory) = Ward::new("kept");
    let Ward { rng, alice, bob, carol, server, .. } = &mut ward;
    server.add(rng, alice, &[admin(carol)], &directory).unwrap();
    server.remove(rng, carol, &[bob], &directory).unwrap();
    let log = server.read(&directory).unwrap();
    let payloads: Vec<_> = log.payloads().collect();
    let restored = Log::restore(&payloads, log.signers()).unwrap();
    assert_eq!(restored.head(), log.head());
    assert!(restored.members().eq(log.members()));
    assert_eq!(restored.epochs(), log.epochs());
    assert_eq!(code(Log::restore(&payloads, &log.signers()[..1])), Code::BadSignature);
    assert_eq!(code(Log::restore(&[], log.signers())), Code::BadSignature);
    let kept = log.to_kept();
    assert_eq!(Log::from_kept(log.app_id(), log.id(), &kept).unwrap().to_kept(), kept);
    let other = Hash([7; 32]);
    assert_eq!(code(Log::from_kept(log.app_id(), &other, &kept)), Code::KeyMismatch);
    assert_eq!(code(Log::from_kept(log.app_id(), log.id(), &[kept.as_slice(), &[0]].concat())), Code::InvalidFormat);
    assert_eq!(code(Log::restore(&[payloads[0], payloads[2]], log.signers())), Code::BadSignature);
}

#[test]
fn a_group_with_lifetimes_of_its_own() {
    let (mut ward, directory) = Ward::new("lifetimes");
    let about = (Name::new("Weekend ward").unwrap(), Lifetimes::new(2160, 90).unwrap());
    let Created { genesis, log, .. } =
        create(&mut ward.rng, &ward.alice.hand(), &app(), about, &[], &directory).unwrap();
    let log = Log::begin(&app(), log.id(), &genesis, &directory, FIRST).unwrap();
    assert_eq!((log.lifetimes().head_ms(), log.lifetimes().admin_ms()), (90 * DAY, 90 * DAY));
    assert_eq!(log.members().collect::<Vec<_>>(), [(&ward.alice.party(), Role::Admin)]);
}
