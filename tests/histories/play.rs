//! Plays a history, and compares what clients do with what is true.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use serde_json::json;
use wardkey::{
    backend::Outcome,
    client::{Client, OpenSession, Options, Recipient, Status},
    encoding::Context,
    error::Code,
    group::Lifetimes,
    identity::{Asked as By, Identity, UserId},
    message::{Header, Padding},
    session::{Opened, Rights},
    signed::{Hash, Minimum},
};

use super::{
    super::common::{
        cache::HOUR,
        cbor::Item,
        messages::Messages as _,
        people::{Person, app},
        rng::seeded,
        ward::cached,
        world::{PASSWORD, TestDevice, TestHost, World, bytes_at, run, run_all},
    },
    act::{Act, Evil, USERS, Whom},
    evil::Court,
    truth::{Citizen, Deed, Group, Key, Known, Party, READ, Truth},
};

const NAMES: [&str; USERS] = ["anna", "bob", "carol", "dora"];
const STALENESS: u64 = 60_000;
/// Of what is cached.
const LIFE: u64 = 12 * HOUR;
const PLACEHOLDER: &str = "room 7";

/// Users who are registered, and nothing more; and who they are.
fn base() -> Rc<Base> {
    thread_local!(static BASE: RefCell<Option<Rc<Base>>> = const { RefCell::new(None) });
    BASE.with(|base| {
        let made = || {
            let world = World::new("histories");
            for name in NAMES {
                world.registered(name, None);
            }
            let asked = json!({ "userIds": NAMES, "bundles": [] });
            let told = world.ask(Some(NAMES[0]), "POST", "/v1/directory", Some(asked)).unwrap();
            let citizen = |name: &'static str| {
                let user = UserId::new(name).unwrap();
                let identities = told["identities"].as_array().unwrap();
                let identity = identities.iter().find_map(|bundles| {
                    let bundle = bytes_at(bundles, "/0");
                    Identity::verify(&[&bundle], &app(), By::User(&user), Minimum::default()).ok()
                });
                citizen_of(name, &identity.unwrap())
            };
            Rc::new(Base { world, citizens: NAMES.into_iter().map(citizen).collect() })
        };
        Rc::clone(base.borrow_mut().get_or_insert_with(made))
    })
}

struct Base {
    world: Rc<World>,
    citizens: Vec<Citizen>,
}

/// Rights as the model has them, and as the client takes them.
type Grants = (Vec<(Party, u8)>, Vec<(Recipient, Rights)>);

fn citizen_of(name: &'static str, identity: &Identity) -> Citizen {
    let key = identity.encryption_key().fingerprint().0.to_vec();
    Citizen { name, bundle: identity.newest().hash().0.to_vec(), key }
}

fn options() -> Options {
    cached(|_| ())
}

struct Seat {
    device: TestDevice,
    client: Client<TestHost>,
    /// The version of the backup that the application remembers.
    least: u64,
}

/// A session that somebody made.
struct Made {
    id: Hash,
    creator: usize,
}

struct Message {
    key: Vec<u8>,
    session: usize,
    data: Vec<u8>,
    writer: usize,
    bytes: Vec<u8>,
}

/// What has come of histories: they are worth nothing where nothing happens.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Messages that were read, and weren't, by who should and shouldn't.
    pub(crate) read: usize,
    pub(crate) refused: usize,
    /// Keys that were made after the first one of a session.
    pub(crate) generations: usize,
    pub(crate) epochs: usize,
    pub(crate) assigned: usize,
    /// Answers that were changed.
    pub(crate) changed: usize,
}

impl Tally {
    pub(crate) const fn new() -> Self {
        Self { read: 0, refused: 0, generations: 0, epochs: 0, assigned: 0, changed: 0 }
    }

    pub(crate) fn with(self, other: Option<&Self>) -> Self {
        let other = other.copied().unwrap_or_default();
        Self {
            read: self.read + other.read,
            refused: self.refused + other.refused,
            generations: self.generations + other.generations,
            epochs: self.epochs + other.epochs,
            assigned: self.assigned + other.assigned,
            changed: self.changed + other.changed,
        }
    }

    /// Did all of it happen? A few histories are no measure.
    pub(crate) const fn is_rich(&self) -> bool {
        self.read > 0 && self.refused > 0 && self.generations > 0 && self.epochs > 0
    }
}

pub(crate) struct Play {
    world: Rc<World>,
    court: Rc<RefCell<Court>>,
    seats: Vec<Seat>,
    sessions: Vec<Made>,
    held: BTreeMap<(usize, usize), Rc<OpenSession>>,
    messages: Vec<Message>,
    /// Are there evil acts?
    is_watched: bool,
    /// Were entries forged by who could have signed them once? Then who took them has another log than the key server.
    is_forged: bool,
    is_over: bool,
    tally: Tally,
    spoken: Cell<u32>,
}

/// Plays it to its end, where the server is honest again, and everybody reads.
pub(crate) fn play(acts: &[Act]) -> Tally {
    let mut play = Play::new(acts.iter().any(|act| matches!(act, Act::Be(..))));
    for (number, act) in acts.iter().enumerate() {
        play.step(act, &format!("act {number}, {act:?}"));
    }
    play.step(&Act::Good, "honest in the end");
    if play.is_forged {
        // What was taken for a session's log is there for its life.
        (0..USERS).for_each(|user| play.lose_all(user));
        play.world.pass(LIFE);
    }
    play.is_over = true;
    play.step(&Act::Check, "in the end");
    let court = play.court.borrow();
    let count = |group: &Group| group.states.last().map_or(0, |state| state.epoch);
    Tally {
        generations: court.truth.keys.iter().filter(|key| key.generation > 0).count(),
        epochs: court.truth.groups.iter().map(count).sum(),
        changed: court.changed,
        ..play.tally
    }
}

/// What a user signs with, as it was sealed for the next page.
fn seed_of(resumed: &[u8]) -> [u8; 32] {
    let resumed = Item::decode(resumed).unwrap();
    let keys = Item::decode(resumed.field(1).unwrap().as_bytes().unwrap()).unwrap();
    keys.field(2).unwrap().items()[0].items()[1].as_bytes().unwrap().try_into().unwrap()
}

fn names(users: &[usize]) -> Vec<UserId> {
    users.iter().map(|user| UserId::new(NAMES[*user]).unwrap()).collect()
}

fn masked(mask: u8) -> Vec<usize> {
    (0..USERS).filter(|user| mask & 1 << user != 0).collect()
}

impl Play {
    fn new(is_watched: bool) -> Self {
        let base = base();
        let world = base.world.again("history");
        let outsider = Rc::new(Person::new(&mut seeded("outsider"), "mallory"));
        let mut citizens = base.citizens.clone();
        citizens.push(citizen_of("mallory", &outsider.identity()));
        let court = Court::new(Truth::of(citizens), Rc::clone(&outsider));
        Court::sit(&court, &world);
        let seat = |name: &str| {
            let device = world.device();
            device.keeps.set(true);
            let client = world.client_with(&device, options());
            run(client.unlock(name, PASSWORD, 0)).unwrap();
            let least = client.backup_version().unwrap();
            Seat { device, client, least }
        };
        let seats: Vec<Seat> = NAMES.iter().map(|name| seat(name)).collect();
        let mut seeds: Vec<[u8; 32]> = seats.iter().map(|seat| seed_of(&seat.device.sealed.borrow())).collect();
        seeds.push(*outsider.seed());
        court.borrow_mut().seeds = seeds;
        Self {
            world,
            court,
            seats,
            sessions: Vec::new(),
            held: BTreeMap::new(),
            messages: Vec::new(),
            is_watched,
            is_forged: false,
            is_over: false,
            tally: Tally::default(),
            spoken: Cell::new(0),
        }
    }

    fn step(&mut self, act: &Act, place: &str) {
        {
            let court = &mut *self.court.borrow_mut();
            court.before = court.known.clone();
            court.start = Known { sessions: BTreeMap::new(), ..court.truth.known_at(u64::MAX) };
            if self.is_watched {
                court.remember(&self.world);
            }
        }
        let keys = self.court.borrow().truth.keys.iter().filter(|key| key.is_taken).count();
        let outcome = self.act(act);
        let court = self.court.borrow();
        assert!(court.wrong.is_empty(), "{place}: {:?}", court.wrong);
        assert_eq!(outcome, Ok(()), "{place}");
        // Whoever made new keys left nobody out.
        for key in court.truth.keys.iter().filter(|key| key.is_taken).skip(keys) {
            if let Some(maker) = act.by() {
                let out = court.truth.left_out(key, &court.before[maker]);
                assert!(out.is_empty(), "{place}: generation {} isn't for {out:?}", key.generation);
            }
        }
    }

    fn is_honest(&self) -> bool {
        self.court.borrow().evil.is_none()
    }

    fn now(&self) -> u64 {
        self.world.now.get()
    }

    /// Its identity is open, unless the server is in the way.
    fn wake(&mut self, user: usize) -> bool {
        let (is_honest, seat) = (self.is_honest(), &mut self.seats[user]);
        if seat.client.user_id().is_none() && run(seat.client.look(None)) != Ok(Status::Ready) {
            let unlocked = run(seat.client.unlock(NAMES[user], PASSWORD, seat.least));
            assert!(!is_honest || unlocked.is_ok(), "{user} can't unlock: {unlocked:?}");
        }
        seat.least = seat.least.max(seat.client.backup_version().unwrap_or_default());
        seat.client.user_id().is_some()
    }

    fn group(&self, number: usize) -> Option<(usize, Hash)> {
        let groups = &self.court.borrow().truth.groups;
        let number = number % groups.len().max(1);
        groups.get(number).map(|group| (number, Hash::parse(&group.id).unwrap()))
    }

    /// The session that a user holds, opened if it isn't yet.
    fn open(&mut self, user: usize, number: usize) -> Option<(usize, Result<Rc<OpenSession>, Code>)> {
        let number = number % self.sessions.len().max(1);
        let id = self.sessions.get(number)?.id;
        if let Some(held) = self.held.get(&(user, number)) {
            return Some((number, Ok(Rc::clone(held))));
        }
        Some((number, self.open_anew(user, number, &id)))
    }

    fn open_anew(&mut self, user: usize, number: usize, id: &Hash) -> Result<Rc<OpenSession>, Code> {
        let opened = run(self.seats[user].client.open_sessions(&[*id], &[])).map_err(|failure| failure.code())?;
        let opened = opened.into_iter().next().unwrap().map_err(|failure| failure.code())?;
        self.held.insert((user, number), Rc::clone(&opened));
        Ok(opened)
    }

    /// It is not known any more what was seen of a session.
    fn lose(&mut self, user: usize, number: usize) {
        self.held.remove(&(user, number));
        let id = self.sessions[number].id.to_string();
        let court = &mut *self.court.borrow_mut();
        court.known[user].sessions.remove(&id);
        court.before[user].sessions.remove(&id);
    }

    fn lose_all(&mut self, user: usize) {
        (0..self.sessions.len()).for_each(|number| self.lose(user, number));
    }

    fn recipient(&self, whom: Whom) -> Option<(Party, Recipient)> {
        Some(match whom {
            Whom::User(user) => (Party::User(user), Recipient::User(UserId::new(NAMES[user]).unwrap())),
            Whom::Group(number) => {
                let (number, id) = self.group(number)?;
                (Party::Group(number), Recipient::Group(id))
            }
            Whom::Placeholder => {
                let name = UserId::new(PLACEHOLDER).unwrap();
                (Party::Placeholder, Recipient::Placeholder { name, contact: None })
            }
        })
    }

    fn grants(&self, grants: &[(Whom, u8)]) -> Grants {
        let grant = |(whom, rights): &(Whom, u8)| {
            let (party, recipient) = self.recipient(*whom)?;
            Some(((party, *rights), (recipient, Rights::from_number((*rights).into()).unwrap())))
        };
        grants.iter().filter_map(grant).unzip()
    }

    fn act(&mut self, act: &Act) -> Result<(), String> {
        if let Some(user) = act.by()
            && !self.wake(user)
        {
            return Ok(());
        }
        match act {
            Act::Found(by, members, admins) => self.found(*by, *members, *admins),
            Act::Add(..) | Act::Remove(..) | Act::Admin(..) | Act::RotateGroup(..) => self.operate(act),
            Act::Both(a, b) => self.both(a, b),
            Act::Create(by, grants) => self.create(*by, grants),
            Act::CreateOffLine(by, grants) => self.create_off_line(*by, grants),
            Act::SendOutbox(by) => {
                let sent = run(self.seats[*by].client.send_outbox());
                self.expect(sent.is_ok(), &format!("the outbox: {sent:?}"))
            }
            Act::Write(by, session) => self.write(*by, *session),
            Act::Grant(by, session, whom, rights) => {
                let (grants, recipients) = self.grants(&[(*whom, *rights)]);
                let grants = if grants.is_empty() { return Ok(()) } else { grants };
                self.append(*by, *session, &Deed::Grant(grants), &|client, open| {
                    run(client.add_recipients(open, &recipients))
                })
            }
            Act::Revoke(by, session, whom) => {
                let Some((party, recipient)) = self.recipient(*whom) else { return Ok(()) };
                let recipients = [recipient];
                self.append(*by, *session, &Deed::Revoke(vec![party]), &|client, open| {
                    run(client.revoke_recipients(open, &recipients))
                })
            }
            Act::RevokeAll(by, session) => {
                self.append(*by, *session, &Deed::End, &|client, open| run(client.revoke_all(open)))
            }
            Act::Rotate(by, session) => {
                self.append(*by, *session, &Deed::Generation, &|client, open| run(client.rotate(open)))
            }
            Act::Assign(group) => self.assign(*group),
            Act::Read(by) => self.read(*by, false),
            Act::Check => {
                self.world.pass(STALENESS + 1);
                (0..USERS).try_for_each(|user| if self.wake(user) { self.read(user, true) } else { Ok(()) })
            }
            Act::Reload(user) => {
                self.lose_all(*user);
                let seat = &mut self.seats[*user];
                seat.client = self.world.client_with(&seat.device, options());
                self.wake(*user);
                Ok(())
            }
            Act::Lock(user) => {
                self.lose_all(*user);
                run(self.seats[*user].client.lock());
                Ok(())
            }
            Act::Wipe(user) => {
                self.lose_all(*user);
                let seat = &mut self.seats[*user];
                seat.device.wipe();
                seat.client = self.world.client_with(&seat.device, options());
                {
                    let court = &mut *self.court.borrow_mut();
                    court.known[*user] = court.saved[*user].clone();
                    court.before[*user] = court.saved[*user].clone();
                }
                self.wake(*user);
                Ok(())
            }
            Act::Tend(by) => {
                let tended = run(self.seats[*by].client.tend_groups());
                self.expect(tended.is_ok(), &format!("tending: {tended:?}"))
            }
            Act::Pass(time) => {
                self.world.pass(time.ms());
                Ok(())
            }
            Act::Be(evil, whom) => {
                self.is_forged |= matches!(evil, Evil::Forge(..));
                self.court.borrow_mut().evil = Some((*evil, *whom));
                Ok(())
            }
            Act::Good => {
                let court = &mut *self.court.borrow_mut();
                if court.evil.take().is_some() {
                    court.honest_since = self.world.now.get();
                }
                Ok(())
            }
        }
    }

    /// With an honest server.
    fn expect(&self, holds: bool, what: &str) -> Result<(), String> {
        if holds || !self.is_honest() || self.is_forged { Ok(()) } else { Err(what.to_owned()) }
    }

    fn expect_done(&self, done: Result<(), Code>, must: Option<bool>, what: &str) -> Result<(), String> {
        self.expect(must.is_none_or(|must| must == done.is_ok()), &format!("{what}: {done:?}, and must {must:?}"))
    }

    fn found(&self, by: usize, members: u8, admins: u8) -> Result<(), String> {
        if self.court.borrow().truth.groups.len() >= 2 {
            return Ok(());
        }
        let (members, admins) = (names(&masked(members)), names(&masked(admins)));
        let lives = Lifetimes::new(24, 7).unwrap();
        let made = run(self.seats[by].client.create_group(("A ward", lives), &members, &admins));
        self.expect(made.is_ok(), &format!("{made:?}"))
    }

    /// Must it be done, by the newest state? And what is asked.
    fn may_operate(&self, act: &Act) -> Option<(usize, bool)> {
        let (Act::Add(by, of, ..) | Act::Remove(by, of, ..) | Act::Admin(by, of, ..) | Act::RotateGroup(by, of)) = act
        else {
            return None;
        };
        let (number, _) = self.group(*of)?;
        let court = self.court.borrow();
        let state = court.truth.groups[number].states.last().unwrap();
        let role = |user: &usize| state.members.get(user).copied();
        let admins = state.members.values().filter(|admin| **admin).count();
        let may = match act {
            Act::Add(_, _, who, _) => role(who).is_none(),
            Act::Remove(by, _, who) => role(who).is_some() && who != by,
            Act::Admin(_, _, who, make) => role(who) == Some(!make) && (*make || admins > 1),
            _ => true,
        };
        Some((number, may && role(by) == Some(true)))
    }

    async fn send(&self, act: &Act) -> Outcome<()> {
        let group = |of: usize| self.group(of).unwrap().1;
        match act {
            Act::Add(by, of, who, admin) => {
                self.seats[*by].client.add_members(&group(*of), &names(&[*who]), *admin).await
            }
            Act::Remove(by, of, who) => self.seats[*by].client.remove_members(&group(*of), &names(&[*who])).await,
            Act::Admin(by, of, who, true) => self.seats[*by].client.set_admins(&group(*of), &names(&[*who]), &[]).await,
            Act::Admin(by, of, who, false) => {
                self.seats[*by].client.set_admins(&group(*of), &[], &names(&[*who])).await
            }
            Act::RotateGroup(by, of) => self.seats[*by].client.rotate_group(&group(*of)).await,
            _ => Ok(()),
        }
    }

    fn operate(&self, act: &Act) -> Result<(), String> {
        let Some((number, must)) = self.may_operate(act) else { return Ok(()) };
        let before = self.court.borrow().truth.groups[number].newest();
        let done = run(self.send(act)).map_err(|failure| failure.code());
        self.expect_done(done, Some(must), "the operation")?;
        let after = self.court.borrow().truth.groups[number].newest();
        self.expect(after == before + usize::from(must), "operations")?;
        self.has_come(act, number, done)
    }

    /// What was answered with success is so, whatever the server is.
    fn has_come(&self, act: &Act, number: usize, done: Result<(), Code>) -> Result<(), String> {
        let court = self.court.borrow();
        let role = |user: &usize| court.truth.groups[number].states.last().unwrap().members.get(user).copied();
        let holds = match act {
            _ if done.is_err() => true,
            Act::Add(_, _, who, admin) => role(who) == Some(*admin),
            Act::Remove(_, _, who) => role(who).is_none(),
            Act::Admin(_, _, who, make) => role(who) == Some(*make),
            _ => true,
        };
        if holds { Ok(()) } else { Err("it was said to be done, and isn't".to_owned()) }
    }

    /// Neither hinders the other for good.
    fn both(&mut self, a: &Act, b: &Act) -> Result<(), String> {
        let (Some(first), Some(second)) = (a.by(), b.by()) else { return Ok(()) };
        if first == second || !self.wake(second) || self.may_operate(a).is_none() {
            return Ok(());
        }
        let before = [self.may_operate(a), self.may_operate(b)].map(|may| may.is_some_and(|(_, may)| may));
        let done = run_all(vec![Box::pin(self.send(a)), Box::pin(self.send(b))]);
        let one = done.iter().zip(before).any(|(done, may)| done.is_ok() && may);
        self.expect(one || before == [false, false], &format!("neither of both: {done:?}"))?;
        let codes = done.iter().filter_map(|done| done.as_ref().err()).map(|failure| failure.code());
        let known = [Code::Forbidden, Code::InvalidArgument, Code::Conflict];
        self.expect(codes.clone().all(|code| known.contains(&code)), &format!("{done:?}"))
    }

    fn create(&mut self, by: usize, grants: &[(Whom, u8)]) -> Result<(), String> {
        if self.sessions.len() >= 3 {
            return Ok(());
        }
        let (parties, recipients) = self.grants(grants);
        let readers: Vec<Party> =
            parties.into_iter().filter(|(_, own)| own & READ > 0).map(|(party, _)| party).collect();
        let must = !readers.is_empty() && self.court.borrow().truth.can_wrap(by, readers, self.now());
        let made = run(self.seats[by].client.create_session(&recipients));
        self.expect(made.is_ok() == must, &format!("{made:?}, and must {must}"))?;
        if let Ok(open) = made {
            self.made(by, open);
        }
        Ok(())
    }

    fn made(&mut self, by: usize, open: Rc<OpenSession>) {
        let number = self.sessions.len();
        self.sessions.push(Made { id: *open.id(), creator: by });
        self.held.insert((by, number), open);
    }

    fn create_off_line(&mut self, by: usize, grants: &[(Whom, u8)]) -> Result<(), String> {
        if self.sessions.len() >= 3 {
            return Ok(());
        }
        let (_, recipients) = self.grants(grants);
        self.world.off_line.set(true);
        let made = run(self.seats[by].client.create_session_off_line(&recipients));
        let outcome = match made {
            Ok(open) => {
                self.made(by, open);
                let number = self.sessions.len() - 1;
                self.write_in(by, number, true)
            }
            Err(_) => Ok(()),
        };
        self.world.off_line.set(false);
        self.world.pass(11_000);
        outcome
    }

    fn write(&mut self, by: usize, session: usize) -> Result<(), String> {
        let Some((number, opened)) = self.open(by, session) else { return Ok(()) };
        let must = self.must_write(by, number);
        match opened {
            Ok(_) => self.write_in(by, number, must == Some(true)),
            Err(code) => self.expect(must != Some(true), &format!("it doesn't open: {code}")),
        }
    }

    /// Must who reads be able to write, and who doesn't not? Where it is neither, others' knowledge decides.
    fn must_write(&self, by: usize, number: usize) -> Option<bool> {
        let made = &self.sessions[number];
        let court = self.court.borrow();
        let truth = &court.truth;
        let Some(session) = truth.session(&made.id.to_string()) else {
            return Some(made.creator == by).filter(|own| !own);
        };
        let sure = truth.sure_readers(session);
        let is_sure = truth.parties(by).iter().any(|party| sure.contains(party));
        let key = truth
            .keys
            .iter()
            .find(|key| key.session == session.id && key.is_taken && key.generation == session.generation())?;
        if is_sure && truth.should_read(by, key) && truth.can_wrap(by, sure, self.now()) {
            return Some(true);
        }
        let reads = truth.may(by, session, &Deed::Generation);
        // What was lost within the bound is not known yet.
        if reads || session.creator == by { None } else { self.was_calm().then_some(false) }
    }

    /// Has nothing happened that somebody needn't know?
    fn was_calm(&self) -> bool {
        let court = self.court.borrow();
        let (now, truth) = (self.now(), &court.truth);
        let states = truth.groups.iter().flat_map(|group| group.states.iter().map(|state| state.when.time));
        let entries = truth.sessions.iter().flat_map(|session| session.entries.iter().map(|entry| entry.when.time));
        states.chain(entries).all(|time| time + STALENESS <= now) && court.honest_since + STALENESS <= now
    }

    fn known(&self, user: usize) -> Known {
        let court = self.court.borrow();
        let known = court.before[user].clone();
        let past = self.now().saturating_sub(STALENESS);
        if court.evil.is_none() && court.honest_since <= past { known.with(&court.truth.known_at(past)) } else { known }
    }

    fn write_in(&mut self, by: usize, number: usize, must: bool) -> Result<(), String> {
        self.spoken.set(self.spoken.get() + 1);
        let data = format!("message {} of {}", self.spoken.get(), NAMES[by]).into_bytes();
        let known = self.known(by);
        let client = &self.seats[by].client;
        let context = Context::default();
        let sealed = |open: &OpenSession| {
            run(client.seal_messages(open, &[(&data, &context)], true, Padding::None)).map_err(|failure| failure.code())
        };
        let held = Rc::clone(&self.held[&(by, number)]);
        let mut written = sealed(&held);
        if written.as_ref().is_err_and(|code| matches!(code, Code::Revoked | Code::Locked | Code::Forbidden)) {
            // As an application would: it is opened again.
            let id = *held.id();
            drop(held);
            self.lose(by, number);
            let opened = self.open_anew(by, number, &id);
            let client = &self.seats[by].client;
            written = opened.and_then(|open| {
                let _ = run(client.update(&open));
                let sealed = run(client.seal_messages(&open, &[(&data, &context)], true, Padding::None));
                sealed.map_err(|failure| failure.code())
            });
        }
        self.expect(!must || written.is_ok(), &format!("it isn't written: {:?}", written.as_ref().err()))?;
        if self.must_write(by, number) == Some(false) && written.is_ok() {
            self.expect(false, "who doesn't read has written")?;
        }
        let Ok(mut written) = written else { return Ok(()) };
        let bytes = written.pop().unwrap();
        let key = Header::parse(&bytes).unwrap().0.key_id.0.to_vec();
        let court = self.court.borrow();
        let truth = &court.truth;
        if let Some(used) = truth.keys.iter().find(|known| known.id == key) {
            let mut others = truth.overhears(used, &known);
            others.retain(|user| *user != by);
            // Who made a session and doesn't read it is told nothing of it, and goes on under its first key: SPEC section 12.6.
            let is_told = truth.session(&used.session).is_none_or(|session| {
                session.creator != by
                    || truth.parties(by).iter().any(|party| truth.sure_readers(session).contains(party))
            });
            if !others.is_empty() && is_told {
                return Err(format!("it is written under generation {}, which {others:?} have", used.generation));
            }
        }
        drop(court);
        self.messages.push(Message { key, session: number, data, writer: by, bytes });
        Ok(())
    }

    fn append(
        &mut self,
        by: usize,
        session: usize,
        deed: &Deed,
        send: &dyn Fn(&Client<TestHost>, &OpenSession) -> Outcome<()>,
    ) -> Result<(), String> {
        let must = {
            let Some(made) = self.sessions.get(session % self.sessions.len().max(1)) else { return Ok(()) };
            let court = self.court.borrow();
            let truth = &court.truth;
            truth.session(&made.id.to_string()).map(|session| self.must_append(truth, by, session, deed))
        };
        let Some((number, opened)) = self.open(by, session) else { return Ok(()) };
        let mut done = opened.and_then(|open| send(&self.seats[by].client, &open).map_err(|failure| failure.code()));
        if done.is_err() {
            // As an application would: perhaps something has changed that nobody was told of.
            let id = self.sessions[number].id;
            self.lose(by, number);
            let opened = self.open_anew(by, number, &id);
            let client = &self.seats[by].client;
            done = opened.and_then(|open| {
                run(client.update(&open)).map_err(|failure| failure.code())?;
                send(client, &open).map_err(|failure| failure.code())
            });
        }
        self.expect_done(done, must.flatten(), "the entry")
    }

    fn must_append(&self, truth: &Truth, by: usize, session: &super::truth::Session, deed: &Deed) -> Option<bool> {
        let rights = session.rights(session.newest());
        if let Deed::Revoke(parties) = deed
            && parties.iter().any(|party| !rights.contains_key(party))
        {
            return Some(false);
        }
        if !truth.may(by, session, deed) {
            return Some(false);
        }
        let (newest, sure) = (session.generation(), truth.sure_readers(session));
        let key =
            truth.keys.iter().find(|key| key.session == session.id && key.is_taken && key.generation == newest)?;
        let wrapped: Vec<Party> = match deed {
            Deed::Grant(grants) => grants.iter().map(|(party, _)| party.clone()).collect(),
            Deed::Generation => sure.into_iter().collect(),
            _ => Vec::new(),
        };
        let can = truth.should_read(by, key) && truth.can_wrap(by, wrapped, self.now());
        can.then_some(true)
    }

    fn assign(&mut self, group: usize) -> Result<(), String> {
        let Some((number, id)) = self.group(group) else { return Ok(()) };
        let done = self.world.assign(PLACEHOLDER, &id);
        if let Ok(done) = done {
            self.tally.assigned += 1;
            let now = self.now();
            for session in done["sessions"].as_array().unwrap() {
                self.court.borrow_mut().truth.assigned(now, session.as_str().unwrap(), number);
            }
        }
        Ok(())
    }

    /// One reads all there is: never what isn't his, and, if so, exactly what is.
    fn read(&mut self, user: usize, exactly: bool) -> Result<(), String> {
        let context = Context::default();
        let items: Vec<(&[u8], &Context)> =
            self.messages.iter().map(|message| (&message.bytes[..], &context)).collect();
        if items.is_empty() {
            return Ok(());
        }
        let mut known: Vec<_> =
            self.held.iter().filter(|((by, _), _)| *by == user).map(|(_, open)| Rc::clone(open)).collect();
        known.sort_by_key(|open| *open.id());
        known.retain(|open| !exactly || open.is_published());
        if exactly {
            // Whoever doesn't hold them.
            known.clear();
        }
        let opened = run(self.seats[user].client.open_messages(&items, &mut known));
        let opened: Vec<Result<Opened, Code>> = match opened {
            Ok(opened) => opened.into_iter().map(|one| one.map_err(|failure| failure.code())).collect(),
            Err(failure) => items.iter().map(|_| Err(failure.code())).collect(),
        };
        let (court, is_honest) = (self.court.borrow(), self.is_honest());
        let truth = &court.truth;
        for (message, opened) in self.messages.iter().zip(opened) {
            let says =
                |what: &str| Err(format!("{} {what} of {}", NAMES[user], String::from_utf8_lossy(&message.data)));
            let made = &self.sessions[message.session];
            let key = truth.keys.iter().find(|key| key.id == message.key && key.is_taken);
            // Who made a key has it, though nobody wrapped it for him.
            let made_it = |key: &&Key| key.maker == user && truth.is_reader(user, key);
            let own = made.creator == user || message.writer == user || key.iter().any(made_it);
            if let Ok(opened) = &opened {
                let author = opened.author.as_ref().and_then(|author| author.user.as_ref()).map(UserId::as_str);
                if opened.data != message.data || author != Some(NAMES[message.writer]) {
                    return says("reads something else instead");
                }
                if !own && key.is_none_or(|key| !truth.has(user, key)) {
                    return says("reads what nobody wrapped for him:");
                }
            }
            if !is_honest || !exactly || (self.is_forged && !self.is_over) {
                continue;
            }
            let is_left = court.honest_since > 0 && self.now() < court.honest_since + LIFE;
            let should = key.is_some_and(|key| truth.should_read(user, key));
            *if opened.is_ok() { &mut self.tally.read } else { &mut self.tally.refused } += 1;
            match opened {
                // What an evil server gave is there until its life ends.
                Ok(_) if !should && !own && !is_left => return says("should not read, and does:"),
                Err(code) if should => return says(&format!("should read, and gets {code} instead")),
                Err(code)
                    if !should
                        && !matches!(code, Code::Revoked | Code::NotARecipient | Code::UnknownSession)
                        && !own =>
                {
                    return says(&format!("should not read, and gets {code}"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Act {
    /// Who does it.
    fn by(&self) -> Option<usize> {
        match self {
            Self::Found(by, ..)
            | Self::Add(by, ..)
            | Self::Remove(by, ..)
            | Self::Admin(by, ..)
            | Self::RotateGroup(by, ..)
            | Self::Create(by, ..)
            | Self::CreateOffLine(by, ..)
            | Self::SendOutbox(by)
            | Self::Write(by, ..)
            | Self::Grant(by, ..)
            | Self::Revoke(by, ..)
            | Self::RevokeAll(by, ..)
            | Self::Rotate(by, ..)
            | Self::Read(by)
            | Self::Tend(by) => Some(*by),
            Self::Both(a, _) => a.by(),
            _ => None,
        }
    }
}
