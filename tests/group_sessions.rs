//! Sessions that groups take part in: who reads, who acts in their right, and what counts when somebody has left. SPEC sections 12.3 to 12.7.
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
    cbor::{self, Array, Item, Uint},
    code,
    craft::{
        self,
        objects::{draft_of, values},
        system,
    },
    people::{Person, app, directory},
    rng::{Seeded, seeded},
};
use wardkey::{
    data_key::DataKey,
    encoding::Context,
    error::{Code, Result},
    group::{self, Epochs, Lifetimes, Member, Name, Role},
    key_pair::PublicKey,
    message::Padding,
    party::Party,
    session::{Created, Directory, Grant, Keys, Made, Recipients, Rights, Session, Signer, Signers, create},
    signed::{Hash, Minimum},
};

const FIRST: Minimum = Minimum(1);

/// A group as its admin, Bob, holds it.
struct Group {
    log: group::Log,
    epochs: Epochs,
}

impl Group {
    fn found(rng: &mut Seeded, bob: &Person, members: &[&Person], known: &Directory) -> Self {
        let about = (Name::new("Ward").unwrap(), Lifetimes::default());
        let members: Vec<_> = members.iter().map(|one| Member { party: one.party(), role: Role::Member }).collect();
        let created = group::create(rng, &bob.hand(), &app(), about, &members, known).unwrap();
        let epochs = Epochs::open(&created.log, created.secret).unwrap();
        Self { log: created.log, epochs }
    }

    fn party(&self) -> Party {
        Party::Group(*self.log.id())
    }

    fn add(&mut self, bob: &Person, one: &Person, known: &Directory) {
        let member = Member { party: one.party(), role: Role::Member };
        self.log = self.log.add(&bob.hand(), &[member], &self.epochs, known).unwrap().log;
    }

    fn remove(&mut self, rng: &mut Seeded, bob: &Person, one: &Person, known: &Directory) {
        let made = self.log.remove(rng, &bob.hand(), &[one.party()], Some(&self.epochs), known).unwrap();
        self.epochs = Epochs::open(&made.log, made.secret.unwrap()).unwrap();
        self.log = made.log;
    }
}

/// What a key server has of a session.
struct Server {
    genesis: Vec<u8>,
    entries: Vec<Vec<u8>>,
    wraps: Vec<Vec<u8>>,
    id: Hash,
}

impl Server {
    fn take(&mut self, made: Made) -> Session {
        self.entries.push(made.entry);
        self.wraps.extend(made.wraps);
        made.session
    }

    fn read(&self, known: &Directory) -> Result<Session> {
        let [entries, wraps]: [Vec<&[u8]>; 2] =
            [&self.entries, &self.wraps].map(|objects| objects.iter().map(Vec::as_slice).collect());
        Session::read(&app(), &self.id, &self.genesis, &entries, &wraps, known, FIRST)
    }
}

struct Ward {
    rng: Seeded,
    alice: Person,
    bob: Person,
    carol: Person,
    eve: Person,
    group: Group,
}

impl Ward {
    /// Bob and Carol are the group; Alice is somewhere else.
    fn new(name: &str) -> Self {
        let mut rng = seeded(name);
        let [alice, bob, carol, eve] = ["alice", "bob", "carol", "eve"].map(|name| Person::new(&mut rng, name));
        let known = directory([&alice, &bob, &carol, &eve]);
        let group = Group::found(&mut rng, &bob, &[&carol], &known);
        Self { rng, alice, bob, carol, eve, group }
    }

    /// What somebody knows who has the group's log as it is now.
    fn known(&self) -> Directory {
        let mut known = directory([&self.alice, &self.bob, &self.carol, &self.eve]);
        known.insert_group(self.group.log.clone()).unwrap();
        known
    }

    /// Bob takes Carol out of the group. What somebody knows then.
    fn without_carol(&mut self) -> Directory {
        let known = self.known();
        let Self { rng, bob, carol, group, .. } = self;
        group.remove(rng, bob, carol, &known);
        self.known()
    }

    /// Alice makes a session: she has all rights, and the group these.
    fn session(&mut self, rights: Rights) -> (Server, Session, DataKey) {
        let known = self.known();
        let grants =
            [Grant { party: self.alice.party(), rights: Rights::MANAGE }, Grant { party: self.group.party(), rights }];
        let Created { genesis, key, mut session } = create(&mut self.rng, &self.alice.hand(), &app(), &grants).unwrap();
        let wraps = session.wrap_genesis(&mut self.rng, &self.alice.hand(), &key, &known).unwrap();
        let id = *session.log().id();
        (Server { genesis, entries: Vec::new(), wraps: vec![wraps], id }, session, key)
    }

    /// By what a member of the group has: his own keys and its epochs'.
    fn open(&self, session: &Session, person: &Person, epochs: &Epochs) -> Result<Keys> {
        let pairs: Vec<_> = [person.pair()].into_iter().chain(epochs.iter()).collect();
        session.open(&mut system(), &[person.party(), self.group.party()], &pairs)
    }
}

fn write(ward: &mut Ward, session: &Session, by: &str, keys: &Keys, known: &Directory) -> Result<Vec<u8>> {
    let by = [&ward.alice, &ward.bob, &ward.carol, &ward.eve]
        .into_iter()
        .find(|one| one.name.as_ref().unwrap().as_str() == by)
        .unwrap();
    let context = Context::default();
    let items = [(by.name.as_ref().unwrap().as_str().as_bytes(), &context)];
    let sealed = session.seal(&mut ward.rng, &by.hand(), (true, Padding::None), keys, &items, known);
    sealed.map(|mut sealed| sealed.remove(0))
}

/// Who wrote it.
fn author(session: &Session, keys: &Keys, message: &[u8], known: &Directory) -> Result<String> {
    let opened = session.open_message(keys, message, &Context::default(), known, FIRST)?;
    Ok(opened.author.unwrap().user.unwrap().as_str().to_owned())
}

#[test]
fn a_group_reads_and_writes() {
    let mut ward = Ward::new("reads");
    let (server, session, key) = ward.session(Rights::READ);
    let known = ward.known();
    let alices = session.keys_from(0, key).unwrap();
    let read = server.read(&known).unwrap();
    assert_eq!(read.is_due(&known), Ok(false));
    for name in ["bob", "carol"] {
        let person = if name == "bob" { &ward.bob } else { &ward.carol };
        let keys = ward.open(&read, person, &ward.group.epochs).unwrap();
        let message = write(&mut ward, &read, name, &keys, &known).unwrap();
        assert_eq!(author(&session, &alices, &message, &known).unwrap(), name, "in the group's right");
        let without = directory([&ward.alice, &ward.bob, &ward.carol]);
        assert_eq!(code(author(&session, &alices, &message, &without)), Code::UnknownGroup);
    }
    // Who doesn't know the group's log knows of no newer epoch.
    assert_eq!(read.is_due(&directory([&ward.alice])), Ok(false));
    // Eve doesn't belong to it, whatever she has.
    assert_eq!(code(write(&mut ward, &read, "eve", &alices, &known)), Code::Forbidden);
    let pairs = [ward.eve.pair()];
    let parties = [ward.eve.party(), ward.group.party()];
    assert_eq!(code(read.open(&mut system(), &parties, &pairs)), Code::NotARecipient);
    // Only read: the group gives nothing on.
    let eve = Grant { party: ward.eve.party(), rights: Rights::READ };
    let keys = ward.open(&read, &ward.bob, &ward.group.epochs).unwrap();
    let refused = read.grant(&mut ward.rng, &ward.bob.hand(), &[eve], keys.of(0).unwrap(), &known);
    assert_eq!(code(refused), Code::Forbidden);
}

/// G2, G6: who has left reads nothing new, though she had the session's key; the others and newcomers read all.
#[test]
fn g6_who_left_reads_nothing_new() {
    let mut ward = Ward::new("g6");
    let (mut server, _, _) = ward.session(Rights::READ);
    let known = ward.known();
    let read = server.read(&known).unwrap();
    let hers = ward.open(&read, &ward.carol, &ward.group.epochs).unwrap();
    let old = write(&mut ward, &read, "carol", &hers, &known).unwrap();
    let before = Epochs::open(&ward.group.log, copy(ward.group.epochs.newest())).unwrap();
    let known = ward.without_carol();
    // Whoever knows of the removal makes a new generation first.
    let keys = ward.open(&read, &ward.bob, &ward.group.epochs).unwrap();
    assert_eq!(read.is_due(&known), Ok(true));
    assert_eq!(code(write(&mut ward, &read, "bob", &keys, &known)), Code::Stale);
    let (made, newest) = read.rotate(&mut ward.rng, &ward.bob.hand(), keys.of(0).unwrap(), &known).unwrap();
    let next = server.take(made);
    assert_eq!(next.is_due(&known), Ok(false));
    let read = server.read(&known).unwrap();
    let keys = ward.open(&read, &ward.bob, &ward.group.epochs).unwrap();
    assert_eq!(keys.of(1).unwrap().id(), newest.id());
    let new = write(&mut ward, &read, "bob", &keys, &known).unwrap();
    // She, with the server and all traffic.
    let opened = ward.open(&read, &ward.carol, &before);
    assert_eq!(code(opened), Code::NotARecipient);
    assert!(hers.iter().all(|(_, key)| key.id() != newest.id()));
    assert_eq!(code(author(&read, &hers, &new, &known)), Code::NotARecipient);
    assert_eq!(code(write(&mut ward, &read, "carol", &keys, &known)), Code::Forbidden);
    // A newcomer.
    let known_before = ward.known();
    let Ward { bob, eve, group, .. } = &mut ward;
    group.add(bob, eve, &known_before);
    let known = ward.known();
    let keys = ward.open(&read, &ward.eve, &ward.group.epochs).unwrap();
    assert_eq!(author(&read, &keys, &old, &known).unwrap(), "carol", "what she wrote then stays hers");
    assert_eq!(author(&read, &keys, &new, &known).unwrap(), "bob");
    assert_eq!(read.is_due(&known), Ok(false), "an addition takes nothing away");
}

/// G3: whoever is shown the group as it was before wraps nothing for it, if the session shows that somebody has seen more.
#[test]
fn g3_a_session_tells_of_a_newer_epoch() {
    let mut ward = Ward::new("g3 epoch");
    let (mut server, _, _) = ward.session(Rights::READ.with(Rights::FORWARD));
    let before = ward.known();
    let known = ward.without_carol();
    let read = server.read(&known).unwrap();
    let keys = ward.open(&read, &ward.bob, &ward.group.epochs).unwrap();
    let (made, _) = read.rotate(&mut ward.rng, &ward.bob.hand(), keys.of(0).unwrap(), &known).unwrap();
    server.take(made);
    // Alice has been wiped, and the key server hides the removal.
    let read = server.read(&known).unwrap();
    let keys = ward.open(&read, &ward.alice, &ward.group.epochs).unwrap();
    let hand = ward.alice.hand();
    assert_eq!(code(read.rotate(&mut ward.rng, &hand, keys.of(1).unwrap(), &before)), Code::Rollback);
    let eve = Grant { party: ward.eve.party(), rights: Rights::READ };
    assert_eq!(code(read.grant(&mut ward.rng, &hand, &[eve], keys.of(1).unwrap(), &before)), Code::Rollback);
    assert_eq!(read.is_due(&known), Ok(false));
}

fn copy(key: &DataKey) -> DataKey {
    DataKey::from_slice(key.dangerously_expose().expose()).unwrap()
}

/// G7: a removed manager signs against an old state of the group; nobody wraps for whom she lets in.
#[test]
fn g7_back_dated_authority() {
    let mut ward = Ward::new("g7");
    let (mut server, _, _) = ward.session(Rights::MANAGE);
    let old = ward.known();
    let read = server.read(&old).unwrap();
    let keys = ward.open(&read, &ward.carol, &ward.group.epochs).unwrap();
    let known = ward.without_carol();
    // With the state before, which the server goes on giving her.
    let eve = Grant { party: ward.eve.party(), rights: Rights::READ };
    let made =
        read.grant(&mut ward.rng, &ward.carol.hand(), std::slice::from_ref(&eve), keys.of(0).unwrap(), &old).unwrap();
    server.take(made);
    let read = server.read(&known).unwrap();
    assert_eq!(read.log().rights(&ward.eve.party()), Rights::READ, "as far as the log alone says");
    assert_eq!(read.log().unconfirmed(&known).unwrap(), [ward.eve.party()]);
    assert_eq!(read.log().unconfirmed(&old).unwrap(), [], "who doesn't know better");
    assert_eq!(read.is_due(&known), Ok(true));
    // Alice's new generation leaves Eve out, and those who don't know of the removal yet take it.
    let alices = read.open(&mut system(), &[ward.alice.party()], &[ward.alice.pair()]).unwrap();
    let (made, newest) = read.rotate(&mut ward.rng, &ward.alice.hand(), alices.of(0).unwrap(), &known).unwrap();
    server.take(made);
    for reader in [&known, &old] {
        let read = server.read(reader).unwrap();
        let wrapped: Vec<_> = read.wrapped_by(2).cloned().collect();
        let mut expected = [ward.alice.party(), ward.group.party()];
        expected.sort();
        assert_eq!(wrapped, expected);
    }
    let read = server.read(&known).unwrap();
    let hers = read.open(&mut system(), &[ward.eve.party()], &[ward.eve.pair()]).unwrap();
    assert!(hers.iter().all(|(_, key)| key.id() != newest.id()));
    // An entitled manager gives the same right: now she is let in.
    let bobs = ward.open(&read, &ward.bob, &ward.group.epochs).unwrap();
    let made = read.grant(&mut ward.rng, &ward.bob.hand(), &[eve], bobs.of(1).unwrap(), &known).unwrap();
    server.take(made);
    let read = server.read(&known).unwrap();
    assert_eq!(read.log().unconfirmed(&known).unwrap(), []);
    assert_eq!(read.is_due(&known), Ok(false));
    let hers = read.open(&mut system(), &[ward.eve.party()], &[ward.eve.pair()]).unwrap();
    assert_eq!(hers.of(1).unwrap().id(), newest.id());
    // From here on no entry names an older state of the group.
    let refused = read.revoke(&ward.carol.hand(), &[ward.alice.party()], &old).map(drop);
    assert_eq!(code(refused), Code::Rollback);
}

/// What a member did while she belonged counts when a later entry names a state in which she did.
#[test]
fn confirmed_by_a_later_entry() {
    let mut ward = Ward::new("confirmed");
    let (mut server, _, _) = ward.session(Rights::MANAGE);
    let old = ward.known();
    let read = server.read(&old).unwrap();
    let keys = ward.open(&read, &ward.carol, &ward.group.epochs).unwrap();
    let eve = Grant { party: ward.eve.party(), rights: Rights::READ };
    let made = read.grant(&mut ward.rng, &ward.carol.hand(), &[eve], keys.of(0).unwrap(), &old).unwrap();
    let read = server.take(made);
    // Bob, before she goes.
    let (made, _) = read.rotate(&mut ward.rng, &ward.bob.hand(), keys.of(0).unwrap(), &old).unwrap();
    server.take(made);
    let known = ward.without_carol();
    let read = server.read(&known).unwrap();
    assert_eq!(read.log().unconfirmed(&known).unwrap(), []);
    assert_eq!(read.is_due(&known), Ok(true), "for the group's new epoch");
    let keys = ward.open(&read, &ward.bob, &ward.group.epochs).unwrap();
    let (made, _) = read.rotate(&mut ward.rng, &ward.bob.hand(), keys.of(1).unwrap(), &known).unwrap();
    server.take(made);
    let wrapped = server.read(&known).unwrap().wrapped_by(3).count();
    assert_eq!(wrapped, 3, "Alice, Eve, the group");
}

/// A generation whose signer isn't confirmed is followed by another.
#[test]
fn a_generation_of_somebody_who_left() {
    let mut ward = Ward::new("generation");
    let (mut server, _, _) = ward.session(Rights::MANAGE);
    let old = ward.known();
    let read = server.read(&old).unwrap();
    let keys = ward.open(&read, &ward.carol, &ward.group.epochs).unwrap();
    let known = ward.without_carol();
    let (made, _) = read.rotate(&mut ward.rng, &ward.carol.hand(), keys.of(0).unwrap(), &old).unwrap();
    server.take(made);
    let read = server.read(&known).unwrap();
    assert_eq!(read.is_due(&known), Ok(true));
}

/// Who has the newest keys of everybody, and an old state of the group.
struct Forger<'a> {
    old: &'a Directory,
    new: &'a Directory,
}

impl Signers for Forger<'_> {
    fn signer(&self, bundle: &Hash) -> Result<Signer> {
        self.new.signer(bundle)
    }

    fn group(&self, id: &Hash) -> Result<&group::Log> {
        self.old.group(id)
    }
}

impl Recipients for Forger<'_> {
    fn key_for(&self, party: &Party) -> Result<&PublicKey> {
        self.new.key_for(party)
    }
}

/// Also where it is wrapped for the group's new epoch, as the log of the group lets her do.
#[test]
fn a_generation_of_somebody_who_left_for_the_newest_epoch() {
    let mut ward = Ward::new("newest epoch");
    let (mut server, _, _) = ward.session(Rights::MANAGE);
    let old = ward.known();
    let read = server.read(&old).unwrap();
    let keys = ward.open(&read, &ward.carol, &ward.group.epochs).unwrap();
    let known = ward.without_carol();
    let forger = Forger { old: &old, new: &known };
    let (made, _) = read.rotate(&mut ward.rng, &ward.carol.hand(), keys.of(0).unwrap(), &forger).unwrap();
    server.take(made);
    let read = server.read(&known).unwrap();
    assert_eq!(read.is_due(&known), Ok(true), "she has its key");
    let keys = ward.open(&read, &ward.bob, &ward.group.epochs).unwrap();
    let (made, _) = read.rotate(&mut ward.rng, &ward.bob.hand(), keys.of(1).unwrap(), &known).unwrap();
    server.take(made);
    assert_eq!(server.read(&known).unwrap().is_due(&known), Ok(false));
}

/// An entry in the right of a group whose named state its signer isn't in.
#[test]
fn authority_of_a_stranger() {
    let mut ward = Ward::new("stranger");
    let (mut server, session, _) = ward.session(Rights::MANAGE);
    let known = ward.without_carol();
    let head = ward.group.log.head();
    for person in [&ward.carol, &ward.eve] {
        let action = craft::session::revoke(&[ward.alice.party()]);
        let mut entry = craft::session::Entry::after(server.id.0, 1, session.log().head().hash, person, action);
        entry.authority = Array(vec![cbor::bytes(ward.group.log.id().0), Uint(head.sequence), cbor::bytes(head.hash)]);
        server.entries = vec![entry.sign(person.seed())];
        assert_eq!(code(server.read(&known)), Code::Forbidden);
    }
}

/// Nobody is left out whose right doesn't hang on a group.
#[test]
fn readers_that_are_left_out() {
    let mut ward = Ward::new("left out");
    let (mut server, session, _) = ward.session(Rights::READ);
    let known = ward.known();
    for at in 0..2 {
        let mut draft = draft_of("wardkey/v1/wraps", &server.wraps[0], ward.alice.seed());
        let without = |list: &Item| {
            let items = values(&list.encode()).into_iter().enumerate().filter(|(place, _)| *place != at);
            Array(items.map(|(_, item)| item).collect())
        };
        (draft.fields[7], draft.more[0]) = (without(&draft.fields[7]), without(&draft.more[0]));
        let whole = std::mem::replace(&mut server.wraps[0], Array(draft.items()).encode());
        assert_eq!(code(server.read(&known)), Code::BadSignature, "{at} of {}", session.log().holdings().count());
        server.wraps[0] = whole;
    }
    assert!(server.read(&known).is_ok());
}

/// Of states of a group that an entry may name.
#[test]
fn states_that_are_named() {
    let mut ward = Ward::new("states");
    let (mut server, _, _) = ward.session(Rights::MANAGE);
    let read = server.read(&ward.known()).unwrap();
    let early = ward.known();
    let Ward { bob, eve, group, .. } = &mut ward;
    group.add(bob, eve, &early);
    let known = ward.known();
    let made = read.revoke(&ward.bob.hand(), &[ward.alice.party()], &known).unwrap();
    server.take(made);
    assert!(server.read(&known).is_ok());
    assert_eq!(code(server.read(&early)), Code::Rollback, "a state that this reader hasn't seen yet");
    assert_eq!(code(server.read(&directory([&ward.alice, &ward.bob]))), Code::UnknownGroup);
    // Another group of this id can't be; another history of it can.
    let mut other = ward.group.log.clone();
    let mut forked = directory([&ward.alice, &ward.bob, &ward.carol, &ward.eve]);
    let base = early_log(&ward, &early);
    other =
        base.rotate(&mut ward.rng, &ward.bob.hand(), Some(&ward.group.epochs), &known).map_or(other, |made| made.log);
    forked.insert_group(other.clone()).unwrap();
    assert_eq!(code(server.read(&forked)), Code::Fork);
    assert_eq!(code(forked.insert_group(ward.group.log.clone())), Code::Fork);
}

fn early_log(ward: &Ward, early: &Directory) -> group::Log {
    early.group(ward.group.log.id()).unwrap().clone()
}
