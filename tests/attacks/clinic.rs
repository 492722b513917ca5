//! Anna's group with Bob in it, Dora who sends from elsewhere, Mallory who works with the key server; and what the key server tells of it.

use std::rc::Rc;

use serde_json::{Value, json};
use wardkey::{
    client::{Client, OpenSession, Recipient},
    encoding::{base64url, from_base64url},
    error::Code,
    group::{self, Lifetimes, Log},
    identity::UserId,
    session::Rights,
    signed::{Hash, Minimum},
};

use super::common::{
    craft::{
        group::{GROUP, OPERATION},
        objects::Draft,
        session::{Genesis, Wraps, hash, payload_of},
    },
    group_story::Story,
    people::{Person, app, directory},
    ward::{KEYS, READ, cached, read, user, write},
    world::{Asked, PASSWORD, TestDevice, TestHost, World, bytes_at, failed, run},
};

pub(crate) const HOUR: u64 = 3_600_000;
pub(crate) const DAY: u64 = 24 * HOUR;
const USERS: [&str; 4] = ["anna", "bob", "dora", "mallory"];

pub(crate) fn names(users: &[&str]) -> Vec<UserId> {
    users.iter().map(|user| UserId::new(user).unwrap()).collect()
}

/// For 24 hours, and 7 days without an admin.
pub(crate) fn lifetimes() -> Lifetimes {
    Lifetimes::new(24, 7).unwrap()
}

/// What a key server tells of a group.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) story: Story,
    pub(crate) heads: Vec<Vec<u8>>,
    /// In the place of those that the reader would get.
    pub(crate) keys: Option<Vec<u8>>,
    /// From its genesis, though less was asked for.
    pub(crate) whole: bool,
}

impl Told {
    /// The same with these operations more.
    pub(crate) fn then(&self, operations: &[&Draft]) -> Self {
        let mut told = self.clone();
        operations.iter().for_each(|operation| told.story.push(operation));
        told
    }

    /// Up to this sequence.
    pub(crate) fn up_to(&self, sequence: usize) -> Self {
        let mut told = self.clone();
        told.story.operations.truncate(sequence);
        told.story.hashes.truncate(sequence + 1);
        Self { whole: true, ..told }
    }

    /// With a head of its end by this member, from now on.
    pub(crate) fn vouched(&self, by: &Person, now: u64) -> Self {
        Self { heads: vec![self.story.head(by, now, now + DAY).encode()], ..self.clone() }
    }

    pub(crate) fn whole(&self) -> Self {
        Self { whole: true, ..self.clone() }
    }

    /// As it would be verified.
    pub(crate) fn log(&self, people: &[&Person]) -> Log {
        let (known, first) = (directory(people.iter().copied()), Minimum::default());
        let mut log = Log::begin(&app(), &Hash(self.story.id), &self.story.genesis, &known, first).unwrap();
        for operation in &self.story.operations {
            log.extend(&[operation], &known, first).unwrap();
        }
        log
    }

    /// In the place of an answer about it.
    fn answer(&self, asked: &Value, given: &Value) -> Value {
        let after = asked["groups"].as_array().into_iter().flatten();
        let after = after.filter(|group| group["id"] == given["id"]).find_map(|group| group["after"].as_u64());
        let after = after.filter(|_| !self.whole);
        let skip = usize::try_from(after.unwrap_or_default()).unwrap();
        let objects = |list: &[Vec<u8>]| list.iter().map(|object| base64url(object)).collect::<Value>();
        json!({
            "id": given["id"],
            "genesis": after.is_none().then(|| base64url(&self.story.genesis)),
            "operations": objects(self.story.operations.get(skip..).unwrap_or_default()),
            "keys": self.keys.as_ref().map_or(given.get("keys").cloned().unwrap_or_default(), |keys| base64url(keys).into()),
            "heads": objects(&self.heads),
        })
    }
}

/// What a key server gives of a session.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) id: [u8; 32],
    pub(crate) genesis: Vec<u8>,
    pub(crate) entries: Vec<Vec<u8>>,
    /// With the sequences of their entries.
    pub(crate) wraps: Vec<(u64, Vec<u8>)>,
}

impl Served {
    /// As its creator made it.
    pub(crate) fn made(genesis: &Genesis, wraps: &Wraps, by: &Person) -> Self {
        let wraps = vec![(0, wraps.sign(by.seed()))];
        Self { id: genesis.id(), genesis: genesis.sign(by.seed()), entries: Vec::new(), wraps }
    }

    /// With these wraps of its genesis.
    pub(crate) fn with(&self, wraps: &[Vec<u8>]) -> Self {
        Self { wraps: wraps.iter().map(|wraps| (0, wraps.clone())).collect(), ..self.clone() }
    }

    pub(crate) fn hash(&self) -> Hash {
        Hash(self.id)
    }

    fn answer(&self, asked: &Value) -> Value {
        let after = asked.get("after").and_then(Value::as_u64);
        let entries = self.entries.iter().skip(after.map_or(0, |after| usize::try_from(after).unwrap()));
        let wraps = self.wraps.iter().filter(|(sequence, _)| after.is_none_or(|after| *sequence > after));
        json!({
            "genesis": after.is_none().then(|| base64url(&self.genesis)),
            "entries": entries.map(|entry| base64url(entry)).collect::<Value>(),
            "wraps": wraps.map(|(_, wraps)| base64url(wraps)).collect::<Value>(),
        })
    }
}

pub(crate) struct Clinic {
    pub(crate) world: Rc<World>,
    pub(crate) anna: Client<TestHost>,
    pub(crate) bob: Client<TestHost>,
    pub(crate) dora: Client<TestHost>,
    /// Dora's.
    pub(crate) device: TestDevice,
    pub(crate) mallory: Client<TestHost>,
    pub(crate) group: Hash,
}

impl Clinic {
    pub(crate) fn new(name: &str) -> Self {
        let world = World::new(name);
        let client = |user: &str| {
            let (device, first) = world.registered(user, None);
            device.keeps.set(true);
            run(first.lock());
            let client = world.client_with(&device, cached(|_| ()));
            run(client.unlock(user, PASSWORD, 0)).unwrap();
            (device, client)
        };
        let [(_, anna), (_, bob), (device, dora), (_, mallory)] = USERS.map(client);
        let group = run(anna.create_group(("Ward 3", lifetimes()), &names(&["bob"]), &[])).unwrap();
        world.take_asked();
        Self { world, anna, bob, dora, device, mallory, group }
    }

    pub(crate) fn now(&self) -> u64 {
        self.world.now.get()
    }

    pub(crate) fn people(&self) -> [Person; 4] {
        USERS.map(|user| self.world.person(user))
    }

    /// Dora's, for the group.
    pub(crate) fn grants(&self) -> Vec<(Recipient, Rights)> {
        vec![(user("dora"), Rights::MANAGE), (Recipient::Group(self.group), READ)]
    }

    pub(crate) fn sent(&self, data: &[u8]) -> (Rc<OpenSession>, Vec<u8>) {
        let made = run(self.dora.create_session(&self.grants())).unwrap();
        let message = write(&self.dora, &made, data);
        self.world.take_asked();
        (made, message)
    }

    /// What an honest key server tells somebody of a group.
    pub(crate) fn told_to(&self, user: &str, group: &Hash) -> Told {
        let groups = json!([{ "id": group.to_string() }]);
        let body = json!({ "sessions": [], "signers": [], "groups": groups, "cursor": null });
        let reply = self.world.ask(Some(user), "POST", "/v1/keys", Some(body)).unwrap();
        let reply = &reply["groups"][0];
        let objects = |name: &str| -> Vec<Vec<u8>> {
            reply[name].as_array().unwrap().iter().map(|one| from_base64url(one.as_str().unwrap()).unwrap()).collect()
        };
        let operations = objects("operations");
        let hashes = operations.iter().map(|operation| hash(OPERATION, &payload_of(operation)));
        let genesis = bytes_at(reply, "/genesis");
        let id = hash(GROUP, &payload_of(&genesis));
        let hashes = [id].into_iter().chain(hashes).collect();
        let story = Story { id, genesis, operations, hashes, secrets: Vec::new() };
        let keys = reply["keys"].as_str().map(|keys| from_base64url(keys).unwrap());
        self.world.take_asked();
        Told { story, heads: objects("heads"), keys, whole: false }
    }

    /// To a sender, who gets no keys.
    pub(crate) fn told(&self) -> Told {
        Told { keys: None, ..self.told_to("dora", &self.group) }
    }

    /// From now on the key server tells this of the group, and who everybody is.
    pub(crate) fn tell(&self, told: &Told) {
        self.tell_and(told, |_, _| ());
    }

    /// And changes the rest of its answers, too.
    pub(crate) fn tell_and(&self, told: &Told, change: impl Fn(&Asked, &mut Value) + 'static) {
        let (told, id) = (told.clone(), Value::from(Hash(told.story.id).to_string()));
        let everybody = self.identities();
        self.world.be_evil(move |asked, answer| {
            let mut answer = answer?;
            if asked.what == KEYS {
                let groups = answer["groups"].as_array_mut().unwrap();
                if !groups.iter().any(|group| group["id"] == id) {
                    groups.push(json!({ "id": id }));
                }
                for group in groups {
                    if group["id"] == id {
                        *group = told.answer(&asked.body, group);
                    }
                }
                answer["identities"].as_array_mut().unwrap().extend(everybody.clone());
                change(asked, &mut answer);
            }
            Ok(answer)
        });
    }

    /// And this of a session, as far as it is asked for; what is sent in it is taken.
    pub(crate) fn serve(&self, told: &Told, served: &Served) {
        let (id, served) = (Value::from(Hash(served.id).to_string()), served.clone());
        let before = {
            self.tell_and(told, move |asked, answer| {
                for (place, session) in asked.body["sessions"].as_array().unwrap().iter().enumerate() {
                    if session["id"] == id {
                        answer["sessions"][place] = served.answer(session);
                    }
                }
            });
            self.world.evil.take()
        };
        let mut tell = before.unwrap();
        self.world.be_evil(move |asked, answer| match asked.what.as_str() {
            what if what.starts_with("POST /v1/sessions") => Ok(json!({ "sequence": 1 })),
            _ => tell(asked, answer),
        });
    }

    /// Of everybody who is here.
    pub(crate) fn identities(&self) -> Vec<Value> {
        let body = json!({ "userIds": USERS, "bundles": [] });
        let reply = self.world.ask(Some("dora"), "POST", "/v1/directory", Some(body)).unwrap();
        self.world.take_asked();
        reply["identities"].as_array().unwrap().clone()
    }

    /// Dora sends nothing to the group, as it is told: by a client that knows it, and by one that knows what the backup says.
    #[track_caller]
    pub(crate) fn assert_refused(&self, code: Code) {
        self.assert_refused_to(&self.dora, code);
        self.assert_refused_to(&self.world.unlocked("dora", PASSWORD), code);
    }

    #[track_caller]
    pub(crate) fn assert_refused_to(&self, client: &Client<TestHost>, code: Code) {
        let kept = self.kept();
        self.world.take_asked();
        assert_eq!(failed(run(client.group(&self.group))), code);
        assert_eq!(failed(run(client.members(&self.group))), code);
        assert_eq!(failed(run(client.create_session(&self.grants()))), code);
        self.assert_silent();
        assert_eq!(self.kept(), kept, "something was cached");
    }

    /// Nothing was sent since it was asked last.
    #[track_caller]
    pub(crate) fn assert_silent(&self) {
        let asked = self.world.take_asked();
        let sends = |what: &String| what.starts_with("POST /v1/sessions") || what.starts_with("POST /v1/groups");
        assert!(!asked.iter().any(sends), "{asked:?}");
    }

    /// What Dora's device has of sessions, keys and groups.
    pub(crate) fn kept(&self) -> Vec<(String, Vec<u8>)> {
        let store = self.device.store();
        let rows = store.rows.borrow();
        rows.iter().filter(|(name, _)| *name != "feed").map(|(name, row)| (name.clone(), row.clone())).collect()
    }

    /// The key server tells the truth again: Dora sends, the members read, and Mallory doesn't.
    pub(crate) fn assert_mended(&self) {
        self.world.be_good();
        let members = run(self.dora.members(&self.group)).unwrap();
        assert!(members.iter().all(|(user, _)| user.as_str() != "mallory"));
        let (made, message) = self.sent(b"for the group");
        assert_eq!(read(&self.bob, &message).unwrap(), b"for the group");
        assert_eq!(read(&self.mallory, &message), Err(Code::NotARecipient));
        made.with(|session| assert_eq!(session.log().holdings().count(), 2));
    }
}

/// The names in the list of group keys or wraps.
pub(crate) fn stanzas_of(object: &[u8]) -> Vec<wardkey::session::Stanza> {
    match group::split(object, Minimum::default()) {
        Ok(served) => served.stanzas,
        Err(_) => wardkey::session::split(object, Minimum::default()).unwrap().stanzas,
    }
}
