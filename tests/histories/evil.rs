//! The key server, seen: what it is asked and takes is noted, and where it is evil its answers are changed.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
};

use serde_json::{Value, json};
use wardkey::{
    backend::Failure,
    encoding::{base64url, from_base64url},
};
use wardkey_rules::MemoryStore;

use super::{
    super::common::{
        cache::HOUR,
        cbor::{Array, Item, Null, Uint, bytes},
        craft::objects::Draft,
        people::Person,
        world::{Asked, World},
    },
    act::{Evil, Part, USERS},
    truth::{Known, Party, State, Truth, hash_of},
};

type Answer = Result<Value, Failure>;

/// What is noted of a server.
pub(crate) struct Court {
    pub(crate) truth: Truth,
    /// What honest answers told each user, by now; before this act; and what of it the backup says.
    pub(crate) known: Vec<Known>,
    pub(crate) before: Vec<Known>,
    pub(crate) saved: Vec<Known>,
    /// What there was to be known before this act.
    pub(crate) start: Known,
    /// After each act.
    pub(crate) pasts: Vec<Vec<u8>>,
    pub(crate) evil: Option<(Evil, u8)>,
    past: Option<(usize, MemoryStore)>,
    answers: BTreeMap<(String, String), Vec<Value>>,
    /// Wraps and group keys as they were sent, with all bodies, by session or group, and sequence.
    whole: BTreeMap<(String, u64), String>,
    /// What must not be.
    pub(crate) wrong: Vec<String>,
    pub(crate) honest_since: u64,
    /// So many answers were changed.
    pub(crate) changed: usize,
    /// Somebody nobody has heard of, the last of the citizens.
    outsider: Rc<Person>,
    /// What all of them sign with.
    pub(crate) seeds: Vec<[u8; 32]>,
}

pub(crate) const KEYS: &str = "POST /v1/keys";
const FEED: &str = "POST /v1/feed";

impl Court {
    pub(crate) fn new(truth: Truth, outsider: Rc<Person>) -> Rc<RefCell<Self>> {
        let known = || vec![Known::default(); USERS];
        Rc::new(RefCell::new(Self {
            truth,
            known: known(),
            before: known(),
            saved: known(),
            start: Known::default(),
            pasts: Vec::new(),
            evil: None,
            past: None,
            answers: BTreeMap::new(),
            whole: BTreeMap::new(),
            wrong: Vec::new(),
            honest_since: 0,
            changed: 0,
            outsider,
            seeds: Vec::new(),
        }))
    }

    /// Begins to look on.
    pub(crate) fn sit(court: &Rc<RefCell<Self>>, world: &Rc<World>) {
        let (court, world): (_, Weak<World>) = (Rc::clone(court), Rc::downgrade(world));
        let world_of = move || world.upgrade().unwrap();
        world_of().be_evil(move |asked, answer| court.borrow_mut().judge(&world_of(), asked, answer));
    }

    fn user(&self, name: &str) -> usize {
        self.truth.citizens.iter().position(|citizen| citizen.name == name).unwrap()
    }

    fn judge(&mut self, world: &World, asked: &Asked, answer: Answer) -> Answer {
        let Some(by) = asked.caller.as_deref().map(|name| self.user(name)) else { return answer };
        let now = world.now.get();
        let newest = self.evil.is_none().then_some(&self.start);
        let wrong = self.truth.sent((by, &self.before[by]), newest, now, &asked.what, &asked.body);
        self.wrong.extend(wrong);
        if answer.is_ok() {
            self.truth.took(by, now, &asked.what, &asked.body);
            self.keep_whole(asked);
            if asked.what == "PUT /v1/backup" {
                self.saved[by] = Known { sessions: BTreeMap::new(), ..self.known[by].clone() };
            }
        }
        let given = match self.evil {
            Some((evil, whom)) if whom & 1 << by != 0 => self.change(world, evil, by, asked, answer.clone()),
            _ => answer.clone(),
        };
        if let Ok(honest) = answer {
            if given.as_ref().is_ok_and(|given| *given == honest) {
                self.hear(by, asked, &honest);
            } else {
                self.changed += 1;
            }
            let answers = self.answers.entry((asked.what.clone(), by.to_string())).or_default();
            answers.push(honest);
        }
        given
    }

    fn keep_whole(&mut self, asked: &Asked) {
        let mut keep = |object: &Value| {
            let Some(text) = object.as_str() else { return };
            let payload = payload(text);
            let id = base64url(payload.field(1).unwrap().as_bytes().unwrap());
            self.whole.insert((id, payload.field(2).unwrap().uint().unwrap()), text.to_owned());
        };
        keep(&asked.body["wraps"]);
        keep(&asked.body["keys"]);
        asked.body["items"].as_array().into_iter().flatten().for_each(|item| keep(&item["wraps"]));
    }

    /// He was told so.
    fn hear(&mut self, by: usize, asked: &Asked, answer: &Value) {
        let known = &mut self.known[by];
        if asked.what.ends_with("/operations") {
            let id = from_base64url(asked.what.split('/').nth(3).unwrap()).unwrap();
            let group = self.truth.group(&id).unwrap();
            known.groups.insert(group, answer["sequence"].as_u64().unwrap() as usize);
        }
        if asked.what != KEYS {
            return;
        }
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        for group in list(&answer["groups"]).iter().filter(|group| group.get("error").is_none()) {
            let id = group["id"].as_str().unwrap();
            let from = if group["genesis"].is_null() { after(&asked.body["groups"], id) } else { 0 };
            let number = self.truth.group(&from_base64url(id).unwrap()).unwrap();
            let told = known.groups.entry(number).or_default();
            *told = (*told).max(from as usize + list(&group["operations"]).len());
        }
        for (wish, session) in list(&asked.body["sessions"]).iter().zip(list(&answer["sessions"])) {
            if session.get("error").is_none() {
                let from = wish["after"].as_u64().unwrap_or_default() as usize;
                let told = known.sessions.entry(wish["id"].as_str().unwrap().to_owned()).or_default();
                *told = (*told).max(from + list(&session["entries"]).len());
            }
        }
    }

    /// What the store said so many acts ago.
    fn ask_past(&mut self, world: &World, back: usize, asked: &Asked) -> Answer {
        let place = self.pasts.len().saturating_sub(back + 1);
        if self.past.as_ref().is_none_or(|(known, _)| *known != place) {
            let store = MemoryStore::restore(&self.pasts[place]).unwrap();
            self.past = Some((place, store));
        }
        world.ask_store(&mut self.past.as_mut().unwrap().1, asked)
    }

    fn change(&mut self, world: &World, evil: Evil, by: usize, asked: &Asked, answer: Answer) -> Answer {
        let is_read = [KEYS, FEED, "GET /v1/groups", "POST /v1/directory"].contains(&asked.what.as_str());
        match evil {
            Evil::Mute => return if is_read { answer } else { answer.and(Err(Failure::unanswered())) },
            Evil::Past(back) if is_read => return self.ask_past(world, back, asked),
            Evil::Replay(which) => {
                let earlier = self.answers.get(&(asked.what.clone(), by.to_string()));
                let earlier = earlier.filter(|_| is_read || asked.what == "GET /v1/backup");
                return earlier.and_then(|answers| answers.iter().rev().nth(which)).cloned().map_or(answer, Ok);
            }
            Evil::Mistake if is_read => {
                let other = (by + 1) % USERS;
                let asked = Asked { caller: Some(self.truth.citizens[other].name.to_owned()), ..asked.clone() };
                return world.ask_store(&mut world.store.borrow_mut(), &asked);
            }
            Evil::Withhold if asked.what == FEED => {
                return Ok(withheld(&asked.body));
            }
            _ => {}
        }
        let mut answer = answer?;
        if asked.what != KEYS {
            return Ok(answer);
        }
        match evil {
            Evil::Withhold => answer["feed"] = withheld(&asked.body),
            Evil::PastPart(back, part) => {
                let Ok(past) = self.ask_past(world, back, asked) else { return Ok(answer) };
                match part {
                    Part::Groups => answer["groups"] = past["groups"].clone(),
                    Part::Sessions => answer["sessions"] = past["sessions"].clone(),
                    Part::Feed => answer["feed"] = past["feed"].clone(),
                    Part::Heads => {
                        for (group, past) in
                            items(&mut answer["groups"]).iter_mut().zip(past["groups"].as_array().unwrap())
                        {
                            group["heads"] = past["heads"].clone();
                        }
                    }
                }
            }
            Evil::CutOperations => given(&mut answer["groups"]).for_each(|group| cut(&mut group["operations"])),
            Evil::CutEntries => given(&mut answer["sessions"]).for_each(|session| cut(&mut session["entries"])),
            Evil::Headless => {
                for group in given(&mut answer["groups"]) {
                    group["heads"] = json!([]);
                }
            }
            Evil::Swap => self.swap(&mut answer),
            Evil::Forge(who, how) => self.forge(world.now.get(), (by, who, how), asked, &mut answer),
            Evil::Collude(back) => self.collude(world, back, by, asked, &mut answer),
            _ => {}
        }
        Ok(answer)
    }

    fn swap(&self, answer: &mut Value) {
        for session in given(&mut answer["sessions"]) {
            for wraps in items(&mut session["wraps"]) {
                *wraps = swapped(wraps);
            }
        }
        let groups: Vec<&mut Value> = given(&mut answer["groups"]).collect();
        let objects: Vec<Value> = groups.iter().rev().map(|group| group["keys"].clone()).collect();
        for (group, other) in groups.into_iter().zip(objects) {
            let own = core::mem::replace(&mut group["keys"], other);
            if group["keys"] == own && !own.is_null() {
                group["keys"] = swapped(&own);
            }
        }
    }

    /// One who isn't entitled, as he to whom it is told knows, adds the outsider to each group and session, and signs what the newest state is.
    fn forge(&self, now: u64, (by, who, how): (usize, usize, usize), asked: &Asked, answer: &mut Value) {
        let known = &self.before[by];
        let outsider = Item::Raw(self.outsider.party().to_bytes());
        let bundle = bytes(&self.truth.citizens[who].bundle);
        let bundles: Vec<String> = self.outsider.bundles.iter().map(|bundle| base64url(bundle)).collect();
        items(&mut answer["identities"]).push(json!(bundles));
        // The last state in which he belonged to a group of which it is known that he doesn't any more; none: he never did.
        let left = |group: usize| {
            let states = &self.truth.groups[group].states;
            let (is_in, known) = (|state: &State| state.members.contains_key(&who), *known.groups.get(&group)?);
            let is_gone = !states[known..].iter().any(is_in);
            is_gone.then(|| states.iter().rposition(is_in))
        };
        let wished = asked.body["groups"].clone();
        for group in given(&mut answer["groups"]) {
            let id = from_base64url(group["id"].as_str().unwrap()).unwrap();
            let Some(last) = self.truth.group(&id).and_then(left) else { continue };
            if let Some(last) = last.filter(|_| how == 3 && !group["genesis"].is_null()) {
                items(&mut group["operations"]).truncate(last);
            }
            let after = if group["genesis"].is_null() { after(&wished, group["id"].as_str().unwrap()) } else { 0 };
            let sequence = after + group["operations"].as_array().unwrap().len() as u64;
            let states = &self.truth.groups[self.truth.group(&id).unwrap()].states;
            let previous = bytes(states[sequence as usize].hash);
            let end = Uint(now + 24 * HOUR);
            let head = vec![bytes(&id), Uint(sequence), previous.clone(), Uint(now), end, bundle.clone()];
            items(&mut group["heads"]).push(json!(self.signed(who, "wardkey/v1/group-head", head)));
            if how > 0 {
                let added = Array(vec![Uint(1), Array(vec![Array(vec![outsider.clone(), Uint(1)])])]);
                let operation = vec![bytes(&id), Uint(sequence + 1), previous, Uint(now), bundle.clone(), added];
                items(&mut group["operations"]).push(json!(self.signed(who, "wardkey/v1/operation", operation)));
            }
        }
        for (place, session) in items(&mut answer["sessions"]).iter_mut().enumerate() {
            let wish = &asked.body["sessions"][place];
            let id = wish["id"].as_str().unwrap();
            let Some(truth) = self.truth.session(id).filter(|_| session.get("error").is_none()) else { continue };
            let holds = truth.rights(truth.newest()).contains_key(&Party::User(who));
            let mut groups = (0..self.truth.groups.len()).filter_map(|group| Some((group, left(group)??)));
            let authority = match groups.next_back().filter(|_| how != 1) {
                Some((group, last)) => {
                    let (id, hash) = (&self.truth.groups[group].id, self.truth.groups[group].states[last].hash);
                    Array(vec![bytes(from_base64url(id).unwrap()), Uint(last as u64), bytes(hash)])
                }
                None if !holds => Null,
                None => continue,
            };
            let entries = session["entries"].as_array().unwrap();
            let sequence = wish["after"].as_u64().unwrap_or_default() + entries.len() as u64 + 1;
            let last = entries
                .last()
                .map(|last| hash_of("wardkey/v1/entry", &from_base64url(last.as_str().unwrap()).unwrap()).to_vec());
            // Where nothing was told, what is known is the end.
            let Some(previous) = last.or_else(|| (sequence == 1).then(|| from_base64url(id).unwrap())) else {
                continue;
            };
            let granted = Array(vec![Uint(1), Array(vec![Array(vec![outsider.clone(), Uint(15)])])]);
            let id = bytes(from_base64url(id).unwrap());
            let entry = vec![id, Uint(sequence), bytes(previous), Uint(now), bundle.clone(), authority, granted];
            items(&mut session["entries"]).push(json!(self.signed(who, "wardkey/v1/entry", entry)));
        }
    }

    fn signed(&self, who: usize, label: &'static str, fields: Vec<Item>) -> String {
        base64url(&Draft::new(label, fields, &self.seeds[who]).encode())
    }

    /// He is given what anybody would be given, with everybody's bodies, and all group keys that were ever for him.
    fn collude(&mut self, world: &World, back: usize, by: usize, asked: &Asked, answer: &mut Value) {
        for other in 0..USERS {
            let caller = Some(self.truth.citizens[other].name.to_owned());
            let Ok(theirs) = self.ask_past(world, back, &Asked { caller, ..asked.clone() }) else { continue };
            let mut is_told = false;
            for (place, session) in items(&mut answer["sessions"]).iter_mut().enumerate() {
                let told = theirs["sessions"][place].clone();
                if session.get("error").is_some() && told.get("error").is_none() {
                    *session = told;
                    for wraps in items(&mut session["wraps"]) {
                        let payload = payload(wraps.as_str().unwrap());
                        let id = base64url(payload.field(1).unwrap().as_bytes().unwrap());
                        let sequence = payload.field(2).unwrap().uint().unwrap();
                        if let Some(whole) = self.whole.get(&(id, sequence)) {
                            *wraps = json!(whole);
                        }
                    }
                    is_told = true;
                }
            }
            if is_told {
                answer["identities"] = theirs["identities"].clone();
                answer["groups"] = theirs["groups"].clone();
            }
        }
        let name = self.truth.citizens[by].name;
        for group in given(&mut answer["groups"]) {
            let id = group["id"].as_str().unwrap().to_owned();
            let is_for = |(known, _): &(&(String, u64), &String)| known.0 == id;
            let has = |object: &str| {
                let payload = payload(object);
                let stanzas = payload.field(7).unwrap().items().to_vec();
                stanzas.iter().any(|stanza| stanza.items()[0].items()[1].as_text() == Some(name))
            };
            let newest = self.whole.iter().filter(is_for).rfind(|(_, object)| has(object));
            if let Some((_, object)) = newest {
                group["keys"] = json!(object);
            }
        }
    }

    /// The past of what is there now.
    pub(crate) fn remember(&mut self, world: &World) {
        self.pasts.push(world.store.borrow().snapshot().unwrap());
    }
}

fn payload(object: &str) -> Item {
    let object = Item::decode(&from_base64url(object).unwrap()).unwrap();
    Item::decode(object.items()[1].as_bytes().unwrap()).unwrap()
}

/// No item, and the place that was asked from.
fn withheld(body: &Value) -> Value {
    let cursor = body["cursor"].as_str().unwrap_or("nowhere");
    json!({ "cursor": cursor, "items": [], "reset": false, "more": false })
}

fn items(value: &mut Value) -> &mut Vec<Value> {
    value.as_array_mut().unwrap()
}

/// After which sequence something is asked for.
fn after(wished: &Value, id: &str) -> u64 {
    let wish = wished.as_array().and_then(|list| list.iter().find(|item| item["id"] == id));
    wish.and_then(|wish| wish["after"].as_u64()).unwrap_or_default()
}

/// Those that are no errors.
fn given(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    items(list).iter_mut().filter(|item| item.get("error").is_none())
}

fn cut(list: &mut Value) {
    if let Some(list) = list.as_array_mut() {
        list.pop();
    }
}

/// The bodies in the reverse order.
fn swapped(object: &Value) -> Value {
    let Some(Array(mut parts)) = Item::decode(&from_base64url(object.as_str().unwrap()).unwrap()) else {
        unreachable!()
    };
    if let Array(bodies) = &mut parts[3] {
        bodies.reverse();
    }
    json!(base64url(&Array(parts).encode()))
}
