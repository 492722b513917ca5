//! What is true, by what was sent and what the key server took, and who should read by that. It is decoded and replayed here once more, with nothing of the crate's.
//!
//! What is promised of a client c, whatever the server says; *known* is what an honest answer told c before the act began (and, after a wipe, what c's backup said of groups):
//!
//! 1. What c wraps for a group is for an epoch that isn't older than the known one, of a state that a head and an admin's signature made good then.
//! 2. What c wraps for users is for those alone whom the log names as readers, or as members, in a state that isn't older than the known one, and for their own keys.
//! 3. What c writes is under a key that nobody has but those who are readers, in such states of session and groups.
//!
//! With an honest server, everything is known that happened longer ago than the bound of staleness.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};
use wardkey::{encoding::from_base64url, key_pair::PublicKey};

use super::super::common::cbor::Item;

pub(crate) const READ: u8 = 1;
const FORWARD: u8 = 2;
const REVOKE: u8 = 4;
const MANAGE: u8 = 15;
const AHEAD: u64 = 5 * 60 * 1000;
const HOUR: u64 = 60 * 60 * 1000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Party {
    User(usize),
    Group(usize),
    Placeholder,
}

/// When something happened: a number for each event, and the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct When {
    pub(crate) event: usize,
    pub(crate) time: u64,
}

/// A group after an operation.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) when: When,
    /// By whose clock and hand.
    time: u64,
    signer: usize,
    pub(crate) members: BTreeMap<usize, bool>,
    pub(crate) epoch: usize,
    /// Of its operation.
    pub(crate) hash: [u8; 32],
}

#[derive(Clone, Debug)]
struct Head {
    sequence: usize,
    time: u64,
    end: u64,
    signer: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: String,
    /// By sequence.
    pub(crate) states: Vec<State>,
    heads: Vec<Head>,
    /// Fingerprints of the keys of its epochs.
    epochs: Vec<Vec<u8>>,
    /// Who was given the secret of which epoch, ever.
    given: Vec<(usize, usize)>,
    head_ms: u64,
    admin_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Grant(Vec<(Party, u8)>),
    Revoke(Vec<Party>),
    End,
    Generation,
    Assign(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) when: When,
    pub(crate) signer: usize,
    /// A group, and the sequence of its state.
    authority: Option<(usize, usize)>,
    pub(crate) deed: Deed,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) creator: usize,
    /// By sequence; the genesis is a grant.
    pub(crate) entries: Vec<Entry>,
}

/// A key of a session, and for whom it was wrapped.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: Vec<u8>,
    pub(crate) session: String,
    pub(crate) generation: u64,
    pub(crate) maker: usize,
    /// And key fingerprint. By requests that the key server took; and by all of them.
    taken: Vec<(Party, Vec<u8>)>,
    sent: Vec<(Party, Vec<u8>)>,
    pub(crate) is_taken: bool,
}

/// What a client knows: the newest sequences.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) groups: BTreeMap<usize, usize>,
    pub(crate) sessions: BTreeMap<String, usize>,
}

/// A user: name, bundle hash, encryption key's fingerprint.
#[derive(Clone, Debug)]
pub(crate) struct Citizen {
    pub(crate) name: &'static str,
    pub(crate) bundle: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) citizens: Vec<Citizen>,
    pub(crate) groups: Vec<Group>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) keys: Vec<Key>,
    events: usize,
}

fn payload(object: &[u8]) -> Item {
    Item::decode(Item::decode(object).unwrap().items()[1].as_bytes().unwrap()).unwrap()
}

/// The hash of a signed object.
pub(crate) fn hash_of(label: &str, object: &[u8]) -> [u8; 32] {
    let object = Item::decode(object).unwrap();
    Sha256::digest([label.as_bytes(), &[0], object.items()[1].as_bytes().unwrap()].concat()).into()
}

fn object(value: &Value) -> Vec<u8> {
    from_base64url(value.as_str().unwrap()).unwrap()
}

impl Item {
    fn at(&self, key: u64) -> &Self {
        self.field(key).unwrap()
    }
    fn number(&self) -> usize {
        self.uint().unwrap() as usize
    }
    fn raw(&self) -> &[u8] {
        self.as_bytes().unwrap()
    }
}

fn id_text(bytes: &[u8]) -> String {
    wardkey::encoding::base64url(bytes)
}

impl State {
    fn is_admin(&self, user: usize) -> bool {
        self.members.get(&user) == Some(&true)
    }
}

impl Group {
    pub(crate) fn newest(&self) -> usize {
        self.states.len() - 1
    }

    /// May anything be wrapped for this state of it?
    fn is_fresh(&self, sequence: usize, now: u64) -> bool {
        let state = &self.states[sequence];
        let past = |time: u64| time <= now + AHEAD;
        let heads: Vec<&Head> = self.heads.iter().filter(|head| head.sequence == sequence && past(head.time)).collect();
        let signed =
            self.states[..=sequence].iter().filter(|before| state.is_admin(before.signer) && past(before.time));
        let times = signed.map(|before| before.time);
        let admins = times.chain(heads.iter().filter(|head| state.is_admin(head.signer)).map(|head| head.time));
        let is_good = |head: &&Head| now < head.end && head.end - head.time <= self.head_ms;
        heads.iter().any(is_good) && admins.max().is_some_and(|time| now < time + self.admin_ms)
    }

    /// Could this user make it good?
    fn can_tend(&self, user: usize, now: u64) -> bool {
        let state = &self.states[self.newest()];
        let signed = |before: &&State| state.is_admin(before.signer);
        let times = self.states.iter().filter(signed).map(|before| before.time);
        let heads = self.heads.iter().filter(|head| head.sequence == self.newest() && state.is_admin(head.signer));
        let newest = times.chain(heads.map(|head| head.time)).max();
        state.members.get(&user).is_some_and(|admin| *admin || newest.is_some_and(|time| now < time + self.admin_ms))
    }

    /// By those states that were the newest since `known` was, up to now.
    fn since(&self, known: usize) -> &[State] {
        &self.states[known.min(self.newest())..]
    }
}

impl Deed {
    fn apply(&self, rights: &mut BTreeMap<Party, u8>) {
        match self {
            Self::Grant(grants) => {
                for (party, given) in grants {
                    *rights.entry(party.clone()).or_default() |= given;
                }
            }
            Self::Revoke(parties) => rights.retain(|party, _| !parties.contains(party)),
            Self::End => rights.clear(),
            Self::Generation => {}
            Self::Assign(group) => {
                if let Some(given) = rights.remove(&Party::Placeholder) {
                    *rights.entry(Party::Group(*group)).or_default() |= given;
                }
            }
        }
    }

    /// May a party with these rights do it?
    pub(crate) fn is_allowed(&self, own: u8, rights: &BTreeMap<Party, u8>) -> bool {
        let has = |these: u8| own & these == these;
        match self {
            Self::Grant(grants) => has(FORWARD) && grants.iter().all(|(_, given)| has(*given)),
            Self::Revoke(parties) => {
                has(REVOKE) && parties.iter().all(|party| rights.get(party) != Some(&MANAGE) || own == MANAGE)
            }
            Self::End => own == MANAGE,
            Self::Generation => has(READ),
            Self::Assign(_) => true,
        }
    }
}

impl Session {
    /// By the whole log up to here.
    pub(crate) fn rights(&self, sequence: usize) -> BTreeMap<Party, u8> {
        let mut rights = BTreeMap::new();
        self.entries[..=sequence].iter().for_each(|entry| entry.deed.apply(&mut rights));
        rights
    }

    pub(crate) fn newest(&self) -> usize {
        self.entries.len() - 1
    }

    pub(crate) fn generation(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.deed == Deed::Generation).count() as u64
    }

    /// Readers by the whole log who are readers too if nothing counts that was signed by who isn't entitled, by these states of the groups.
    fn readers(&self, sequence: usize, groups: &[Group], newest: &dyn Fn(usize) -> usize) -> BTreeSet<Party> {
        let entries = &self.entries[..=sequence];
        let is_in = |user: usize, group: usize, state: usize| groups[group].states[state].members.contains_key(&user);
        let confirmed: Vec<bool> =
            (0..entries.len()).map(|place| self.is_confirmed(entries, place, newest, &is_in)).collect();
        let mut rights = BTreeMap::new();
        for (entry, confirmed) in entries.iter().zip(confirmed) {
            let own = match (entry.authority, &entry.deed) {
                _ if entry.when == entries[0].when => u8::MAX,
                (Some((group, _)), _) => rights.get(&Party::Group(group)).copied().unwrap_or_default(),
                (None, Deed::Assign(_)) => 0,
                (None, _) => rights.get(&Party::User(entry.signer)).copied().unwrap_or_default(),
            };
            if confirmed && (own == u8::MAX || entry.deed.is_allowed(own, &rights)) {
                entry.deed.apply(&mut rights);
            }
        }
        let full = self.rights(sequence);
        let reads = |rights: &BTreeMap<Party, u8>, party: &Party| rights.get(party).is_some_and(|own| own & READ > 0);
        full.keys().filter(|party| reads(&full, party) && reads(&rights, party)).cloned().collect()
    }

    fn is_confirmed(
        &self,
        entries: &[Entry],
        place: usize,
        newest: &dyn Fn(usize) -> usize,
        is_in: &dyn Fn(usize, usize, usize) -> bool,
    ) -> bool {
        let Some((group, _)) = entries[place].authority else { return true };
        let signer = entries[place].signer;
        let later = (place + 1..entries.len()).filter(|later| {
            entries[*later].authority.is_some_and(|(other, sequence)| other == group && is_in(signer, group, sequence))
                && self.is_confirmed(entries, *later, newest, is_in)
        });
        is_in(signer, group, newest(group)) || later.count() > 0
    }
}

impl Truth {
    pub(crate) fn of(citizens: Vec<Citizen>) -> Self {
        Self { citizens, ..Self::default() }
    }

    fn when(&mut self, now: u64) -> When {
        self.events += 1;
        When { event: self.events, time: now }
    }

    fn user(&self, bundle: &[u8]) -> usize {
        self.citizens.iter().position(|citizen| citizen.bundle == bundle).unwrap()
    }

    pub(crate) fn group(&self, id: &[u8]) -> Option<usize> {
        let id = id_text(id);
        self.groups.iter().position(|group| group.id == id)
    }

    pub(crate) fn session(&self, id: &str) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == id)
    }

    fn party(&self, item: &Item) -> Party {
        let items = item.items();
        match items[0].number() {
            0 => {
                let name = items[1].as_text().unwrap();
                Party::User(self.citizens.iter().position(|citizen| citizen.name == name).unwrap())
            }
            1 => Party::Group(self.group(items[1].raw()).unwrap()),
            _ => Party::Placeholder,
        }
    }

    fn grants(&self, item: &Item) -> Vec<(Party, u8)> {
        item.items().iter().map(|grant| (self.party(&grant.items()[0]), grant.items()[1].number() as u8)).collect()
    }

    fn users(&self, item: &Item) -> Vec<(usize, bool)> {
        let member = |(party, role): (Party, u8)| match party {
            Party::User(user) => (user, role == 1),
            _ => unreachable!(),
        };
        self.grants(item).into_iter().map(member).collect()
    }

    fn stanzas(&self, item: &Item) -> Vec<(Party, Vec<u8>)> {
        item.items().iter().map(|stanza| (self.party(&stanza.items()[0]), stanza.items()[1].raw().to_vec())).collect()
    }

    /// What somebody asks of the key server, before it answers: what he wraps is out. What is wrong about it.
    /// `newest`: what an honest server tells whoever makes a generation, who asks for it then.
    pub(crate) fn sent(
        &mut self,
        (by, known): (usize, &Known),
        newest: Option<&Known>,
        now: u64,
        what: &str,
        body: &Value,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        if !what.starts_with("POST /v1/groups") && !what.starts_with("POST /v1/sessions") {
            return wrong;
        }
        if let Some(head) = body.get("head") {
            self.see_head(&payload(&object(head)));
        }
        if what == "POST /v1/sessions" {
            let genesis = payload(&object(&body["genesis"]));
            let readers = self.grants(genesis.at(6)).into_iter().filter(|(_, given)| given & READ > 0);
            let readers: BTreeSet<Party> = readers.map(|(party, _)| party).collect();
            self.see_wraps((by, known), now, &body["wraps"], &readers, &mut wrong);
        }
        for item in
            body.get("items").and_then(Value::as_array).into_iter().flatten().filter(|item| !item["wraps"].is_null())
        {
            let entry = payload(&object(&item["entry"]));
            let id = id_text(entry.at(1).raw());
            let mut readers = BTreeSet::new();
            let is_generation = entry.at(7).items()[0].number() == 4;
            let known = &newest.filter(|_| is_generation).map_or(known.clone(), |newest| known.with(newest));
            if let Some(session) = self.session(&id).cloned() {
                let from = known.sessions.get(&id).copied().unwrap_or_default().min(session.newest());
                for sequence in from..=session.newest() {
                    readers.extend(self.readers_since(&session, sequence, known));
                }
            }
            if entry.at(7).items()[0].number() == 1 {
                readers.extend(self.grants(&entry.at(7).items()[1]).into_iter().map(|(party, _)| party));
            }
            self.see_wraps((by, known), now, &item["wraps"], &readers, &mut wrong);
        }
        if let Some(keys) = body.get("keys").filter(|keys| !keys.is_null()) {
            let keys = payload(&object(keys));
            let stanzas = self.stanzas(keys.at(7));
            if let Some(group) = self.group(keys.at(1).raw()) {
                let sequence = known.groups.get(&group).copied().unwrap_or_default();
                let operation = payload(&object(&body["operation"]));
                let action = operation.at(6).items();
                let added = if action[0].number() == 1 { self.users(&action[1]) } else { Vec::new() };
                for (party, _) in &stanzas {
                    let Party::User(user) = party else { unreachable!() };
                    let belongs = |state: &State| state.members.contains_key(user);
                    if !self.groups[group].since(sequence).iter().any(belongs)
                        && !added.iter().any(|(new, _)| new == user)
                    {
                        wrong.push(format!("{by} wraps group {group} for {user}, who left before"));
                    }
                }
            }
            self.check_keys(&stanzas, by, &mut wrong);
        }
        wrong
    }

    /// Parties who read in this state, by some states of the groups since these were known.
    fn readers_since(&self, session: &Session, sequence: usize, known: &Known) -> BTreeSet<Party> {
        let mut readers = BTreeSet::new();
        for event in self.events_since(known) {
            let newest = |group: usize| self.sequence_at(group, known, event);
            readers.extend(session.readers(sequence, &self.groups, &newest));
        }
        readers
    }

    /// Events at which something of groups changed that isn't known.
    fn events_since(&self, known: &Known) -> Vec<usize> {
        let mut events = vec![0];
        for (number, group) in self.groups.iter().enumerate() {
            let after = known.groups.get(&number).copied().unwrap_or_default();
            events.extend(group.since(after).iter().map(|state| state.when.event));
        }
        events
    }

    /// What is known of a group at this event by who hears everything from now on.
    fn sequence_at(&self, group: usize, known: &Known, event: usize) -> usize {
        let then = self.groups[group].states.iter().filter(|state| state.when.event <= event).count();
        then.saturating_sub(1).max(known.groups.get(&group).copied().unwrap_or_default())
    }

    fn see_head(&mut self, head: &Item) {
        // Of a group that is being founded: see `took`.
        let Some(group) = self.group(head.at(1).raw()) else { return };
        let signer = self.user(head.at(6).raw());
        let (sequence, time, end) = (head.at(2).number(), head.at(4).uint().unwrap(), head.at(5).uint().unwrap());
        self.groups[group].heads.push(Head { sequence, time, end, signer });
    }

    fn check_keys(&self, stanzas: &[(Party, Vec<u8>)], by: usize, wrong: &mut Vec<String>) {
        for (party, key) in stanzas {
            if let Party::User(user) = party
                && self.citizens[*user].key != *key
            {
                wrong.push(format!("{by} wraps for {user} with another's key"));
            }
        }
    }

    fn see_wraps(
        &mut self,
        (by, known): (usize, &Known),
        now: u64,
        wraps: &Value,
        readers: &BTreeSet<Party>,
        wrong: &mut Vec<String>,
    ) {
        let wraps = payload(&object(wraps));
        let stanzas = self.stanzas(wraps.at(8));
        self.check_keys(&stanzas, by, wrong);
        for (party, key) in &stanzas {
            if !readers.contains(party) {
                wrong.push(format!("{by} wraps for {party:?}, who isn't entitled: {readers:?}"));
            }
            let Party::Group(number) = party else { continue };
            let group = &self.groups[*number];
            let Some(epoch) = group.epochs.iter().position(|known| known == key) else {
                wrong.push(format!("{by} wraps for group {number} with a key that it never had"));
                continue;
            };
            let least = known.groups.get(number).copied().unwrap_or_default();
            if epoch < group.states[least].epoch {
                wrong.push(format!("{by} wraps for epoch {epoch} of group {number}, and knows of sequence {least}"));
            }
            let good = |sequence: &usize| group.states[*sequence].epoch == epoch && group.is_fresh(*sequence, now);
            if !(least..group.states.len()).any(|sequence| good(&sequence)) {
                wrong.push(format!("{by} wraps for epoch {epoch} of group {number}, which isn't fresh"));
            }
        }
        let (id, session) = (wraps.at(4).raw().to_vec(), id_text(wraps.at(1).raw()));
        let generation = wraps.at(3).uint().unwrap();
        match self.keys.iter_mut().find(|key| key.id == id) {
            Some(key) => key.sent.extend(stanzas),
            None => {
                let (taken, sent, is_taken) = (Vec::new(), stanzas, false);
                self.keys.push(Key { id, session, generation, maker: by, taken, sent, is_taken });
            }
        }
    }

    /// The key server took it.
    pub(crate) fn took(&mut self, by: usize, now: u64, what: &str, body: &Value) {
        let parts: Vec<&str> = what.split('/').collect();
        match (parts.get(2).copied(), parts.get(4).copied()) {
            (Some("groups"), None) if what.starts_with("POST") => self.founded(by, now, body),
            (Some("groups"), Some("operations")) => self.operated(now, body),
            (Some("sessions"), None) => self.created(by, now, body),
            (Some("sessions"), Some("entries")) => {
                for item in body["items"].as_array().unwrap() {
                    self.appended(now, item);
                }
            }
            _ => {}
        }
    }

    fn founded(&mut self, by: usize, now: u64, body: &Value) {
        let (genesis, keys) = (payload(&object(&body["genesis"])), payload(&object(&body["keys"])));
        let id = id_text(keys.at(1).raw());
        if self.groups.iter().any(|group| group.id == id) {
            return;
        }
        let members = self.users(genesis.at(6)).into_iter().collect();
        let epochs = vec![fingerprint(genesis.at(7))];
        let given = self.given(&keys);
        let hash = from_base64url(&id).unwrap().try_into().unwrap();
        let state =
            State { when: self.when(now), time: genesis.at(4).uint().unwrap(), signer: by, members, epoch: 0, hash };
        let (head_ms, admin_ms) = (genesis.at(8).uint().unwrap() * HOUR, genesis.at(9).uint().unwrap() * 24 * HOUR);
        self.groups.push(Group { id, states: vec![state], heads: Vec::new(), epochs, given, head_ms, admin_ms });
        self.see_head(&payload(&object(&body["head"])));
    }

    fn given(&self, keys: &Item) -> Vec<(usize, usize)> {
        let epoch = keys.at(3).number();
        let user = |(party, _): (Party, Vec<u8>)| match party {
            Party::User(user) => (user, epoch),
            _ => unreachable!(),
        };
        self.stanzas(keys.at(7)).into_iter().map(user).collect()
    }

    fn operated(&mut self, now: u64, body: &Value) {
        let operation = payload(&object(&body["operation"]));
        let group = self.group(operation.at(1).raw()).unwrap();
        // An answer that was lost, and asked for again.
        if operation.at(2).number() < self.groups[group].states.len() {
            return;
        }
        let given = if body["keys"].is_null() { Vec::new() } else { self.given(&payload(&object(&body["keys"]))) };
        let (when, signer) = (self.when(now), self.user(operation.at(5).raw()));
        let State { mut members, mut epoch, .. } = self.groups[group].states.last().unwrap().clone();
        let action = operation.at(6).items();
        let begun = match action[0].number() {
            1 | 3 => {
                members.extend(self.users(&action[1]));
                None
            }
            2 => {
                for party in action[1].items() {
                    let Party::User(user) = self.party(party) else { unreachable!() };
                    members.remove(&user);
                }
                Some(&action[2])
            }
            _ => Some(&action[1]),
        };
        if let Some(begun) = begun {
            epoch += 1;
            self.groups[group].epochs.push(fingerprint(begun));
        }
        let time = operation.at(4).uint().unwrap();
        let hash = hash_of("wardkey/v1/operation", &object(&body["operation"]));
        self.groups[group].states.push(State { when, time, signer, members, epoch, hash });
        self.groups[group].given.extend(given);
    }

    fn created(&mut self, by: usize, now: u64, body: &Value) {
        let (genesis, wraps) = (payload(&object(&body["genesis"])), payload(&object(&body["wraps"])));
        let id = id_text(wraps.at(1).raw());
        if self.session(&id).is_some() {
            return;
        }
        let deed = Deed::Grant(self.grants(genesis.at(6)));
        let entry = Entry { when: self.when(now), signer: by, authority: None, deed };
        self.sessions.push(Session { id, creator: by, entries: vec![entry] });
        self.keep(&wraps);
    }

    /// The stanzas of these wraps are at the key server.
    fn keep(&mut self, wraps: &Item) {
        let stanzas = self.stanzas(wraps.at(8));
        let id = wraps.at(4).raw();
        let key = self.keys.iter_mut().find(|key| key.id == id).unwrap();
        key.is_taken = true;
        key.taken.extend(stanzas);
    }

    fn appended(&mut self, now: u64, item: &Value) {
        let entry = payload(&object(&item["entry"]));
        let id = id_text(entry.at(1).raw());
        if entry.at(2).number() <= self.session(&id).unwrap().newest() {
            return;
        }
        let authority = entry.at(6).items();
        let authority = authority.first().map(|id| (self.group(id.raw()).unwrap(), authority[1].number()));
        let action = entry.at(7).items();
        let deed = match action[0].number() {
            1 => Deed::Grant(self.grants(&action[1])),
            2 => Deed::Revoke(action[1].items().iter().map(|party| self.party(party)).collect()),
            3 => Deed::End,
            _ => Deed::Generation,
        };
        let (when, signer) = (self.when(now), self.user(entry.at(5).raw()));
        let session = self.sessions.iter_mut().find(|session| session.id == id).unwrap();
        session.entries.push(Entry { when, signer, authority, deed });
        if !item["wraps"].is_null() {
            self.keep(&payload(&object(&item["wraps"])));
        }
    }

    /// The key server assigned the placeholder in this session: what it wraps is for the newest epoch.
    pub(crate) fn assigned(&mut self, now: u64, id: &str, group: usize) {
        let when = self.when(now);
        let session = self.sessions.iter_mut().find(|session| session.id == id).unwrap();
        session.entries.push(Entry { when, signer: usize::MAX, authority: None, deed: Deed::Assign(group) });
        let (session, party) = (self.session(id).unwrap(), Party::Group(group));
        let (generation, reads) = (session.generation(), session.rights(session.newest())[&party] & READ > 0);
        let key = self.groups[group].epochs.last().unwrap().clone();
        let of = |known: &&mut Key| known.session == id && known.generation == generation && known.is_taken;
        let newest = self.keys.iter_mut().find(of).unwrap();
        if reads && !newest.taken.iter().any(|(known, _)| *known == party) {
            newest.taken.push((party.clone(), key.clone()));
            newest.sent.push((party, key));
        }
    }

    /// Could this user have the key?
    pub(crate) fn has(&self, user: usize, key: &Key) -> bool {
        let creates = self.session(&key.session).is_none_or(|session| session.creator == user);
        key.maker == user || (creates && key.generation == 0) || self.opens(user, key)
    }

    /// By what was wrapped for him and his groups, with everything that the key server has, or because he made a later one?
    fn opens(&self, user: usize, key: &Key) -> bool {
        let opens = |(party, with): &(Party, Vec<u8>)| match party {
            Party::User(other) => *other == user,
            Party::Group(number) => {
                let group = &self.groups[*number];
                let epoch = group.epochs.iter().position(|known| known == with);
                group.given.iter().any(|(other, given)| *other == user && epoch.is_some_and(|epoch| epoch <= *given))
            }
            Party::Placeholder => false,
        };
        let later = |other: &&Key| other.session == key.session && other.generation > key.generation;
        let mut chain = self.keys.iter().filter(later).chain([key]);
        chain.any(|key| (key.generation > 0 && key.maker == user) || key.sent.iter().any(&opens))
    }

    /// Who has the key, though he is no reader by any state since what the writer knew.
    pub(crate) fn overhears(&self, key: &Key, known: &Known) -> Vec<usize> {
        let Some(session) = self.session(&key.session) else { return Vec::new() };
        let from = known.sessions.get(&key.session).copied().unwrap_or_default().min(session.newest());
        let mut entitled = BTreeSet::new();
        for event in self.events_since(known) {
            let newest = |group: usize| self.sequence_at(group, known, event);
            for sequence in from..=session.newest() {
                for party in session.readers(sequence, &self.groups, &newest) {
                    match party {
                        Party::User(user) => drop(entitled.insert(user)),
                        Party::Group(group) => entitled.extend(self.groups[group].states[newest(group)].members.keys()),
                        Party::Placeholder => {}
                    }
                }
            }
        }
        (0..self.citizens.len()).filter(|user| self.opens(*user, key) && !entitled.contains(user)).collect()
    }

    /// The parties through which a user acts now.
    pub(crate) fn parties(&self, user: usize) -> Vec<Party> {
        let belongs = |group: &usize| self.groups[*group].states.last().unwrap().members.contains_key(&user);
        [Party::User(user)].into_iter().chain((0..self.groups.len()).filter(belongs).map(Party::Group)).collect()
    }

    /// Does he read what was written under this key, by the key server's books?
    pub(crate) fn should_read(&self, user: usize, key: &Key) -> bool {
        let Some(session) = self.session(&key.session) else { return false };
        let (parties, rights) = (self.parties(user), session.rights(session.newest()));
        let has = |party: &&Party| rights.get(party).is_some_and(|own| own & READ > 0);
        if parties.iter().filter(has).count() == 0 {
            return false;
        }
        let own = |other: &&Key| other.session == key.session && other.generation >= key.generation;
        let mut stanzas = self.keys.iter().filter(own).flat_map(|key| &key.taken);
        stanzas.any(|(party, _)| parties.contains(party))
    }

    /// Has he read in the key's session, by the key server's books?
    pub(crate) fn is_reader(&self, user: usize, key: &Key) -> bool {
        self.session(&key.session).is_some_and(|session| self.may(user, session, &Deed::Generation))
    }

    /// May he do it in this session now, in his own right or in that of one of his groups?
    pub(crate) fn may(&self, user: usize, session: &Session, deed: &Deed) -> bool {
        let rights = session.rights(session.newest());
        self.parties(user).iter().any(|party| deed.is_allowed(rights.get(party).copied().unwrap_or_default(), &rights))
    }

    /// Can he get anything wrapped for all these?
    pub(crate) fn can_wrap(&self, user: usize, parties: impl IntoIterator<Item = Party>, now: u64) -> bool {
        parties.into_iter().all(|party| match party {
            Party::Group(group) => {
                let group = &self.groups[group];
                group.is_fresh(group.newest(), now) || group.can_tend(user, now)
            }
            _ => true,
        })
    }

    /// Readers of whom nobody doubts that they are.
    pub(crate) fn sure_readers(&self, session: &Session) -> BTreeSet<Party> {
        session.readers(session.newest(), &self.groups, &|group| self.groups[group].newest())
    }

    /// For whom a key must have been wrapped and wasn't, of whoever was a reader by every state since what its maker knew.
    pub(crate) fn left_out(&self, key: &Key, known: &Known) -> Vec<Party> {
        let Some(session) = self.session(&key.session).filter(|_| key.is_taken && key.generation > 0) else {
            return Vec::new();
        };
        let mut sure: Option<BTreeSet<Party>> = None;
        for event in self.events_since(known) {
            let newest = |group: usize| self.sequence_at(group, known, event);
            let readers = session.readers(session.newest(), &self.groups, &newest);
            sure = Some(sure.map_or(readers.clone(), |sure| sure.intersection(&readers).cloned().collect()));
        }
        let has = |party: &Party| key.taken.iter().any(|(known, _)| known == party);
        sure.into_iter().flatten().filter(|party| !has(party)).collect()
    }

    /// What everybody knows who heard of all that had happened at this time.
    pub(crate) fn known_at(&self, time: u64) -> Known {
        let then = |when: &When| when.time <= time;
        let count = |states: &[State]| states.iter().filter(|state| then(&state.when)).count().saturating_sub(1);
        let groups = self.groups.iter().enumerate().map(|(number, group)| (number, count(&group.states)));
        let entries = |session: &Session| session.entries.iter().filter(|entry| then(&entry.when)).count();
        let sessions = self.sessions.iter().map(|session| (session.id.clone(), entries(session).saturating_sub(1)));
        Known { groups: groups.collect(), sessions: sessions.collect() }
    }
}

impl Known {
    /// The more of both.
    pub(crate) fn with(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for (group, sequence) in &other.groups {
            let known = both.groups.entry(*group).or_default();
            *known = (*known).max(*sequence);
        }
        for (session, sequence) in &other.sessions {
            let known = both.sessions.entry(session.clone()).or_default();
            *known = (*known).max(*sequence);
        }
        both
    }
}

fn fingerprint(epoch: &Item) -> Vec<u8> {
    PublicKey::from_bytes(epoch.items()[1].raw()).unwrap().fingerprint().0.to_vec()
}
