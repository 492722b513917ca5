//! A session that is told by hand, step by step, right or wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wardkey::{
    encoding::Context,
    error::{Error, Result},
    group::Epochs,
    identity::{AppId, FirstUse, Identity, Pin, compare},
    key_pair::Suite,
    message::Header,
    party::Party,
    session::{Keys, Log, Session, Signers},
    signed::{Hash, Minimum},
};

use super::{
    cbor::{self, Array, Item, Null},
    craft::{
        message::{Trailer, header, leaf, sealed},
        session::{Entry, Genesis, Wraps, hash, payload_of},
        system,
    },
    hex::{hex, unhex, unhex_array},
    keys::Pair,
    known::{Group, Lazy},
    parts,
    people::{APP, Person},
    rng::{Seeded, draw_array},
};

/// What somebody reads of a session, and with what.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) app_id: String,
    /// Bundles, from version 1 on.
    pub(crate) identities: Vec<Vec<String>>,
    #[serde(default)]
    pub(crate) pins: BTreeMap<String, Value>,
    pub(crate) escrow_key: Option<String>,
    pub(crate) refuse_first_use: bool,
    pub(crate) minimum: u64,
    pub(crate) session_id: String,
    pub(crate) genesis: String,
    pub(crate) entries: Vec<String>,
    /// Entries that were seen before.
    pub(crate) seen: Vec<Seen>,
    #[serde(default)]
    pub(crate) wraps: Vec<String>,
    /// The reader's.
    #[serde(default)]
    pub(crate) parties: Vec<String>,
    #[serde(default)]
    pub(crate) keys: Vec<Private>,
    #[serde(default)]
    pub(crate) sealed: String,
    #[serde(default)]
    pub(crate) context: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<Group>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) sequence: u64,
    pub(crate) hash: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Private {
    pub(crate) suite: String,
    pub(crate) private: String,
}

impl Input {
    /// Compares an identity with its pin, and the key server's with the fingerprint that is configured.
    pub(super) fn meet(&self, identity: &Identity) -> Result<()> {
        let name = identity.user_id().map(|name| name.as_str());
        let pin = name.and_then(|name| self.pins.get(name)).map(pin_of);
        let anchor = self.escrow_key.as_deref().filter(|_| name.is_none()).map(|key| Hash(unhex_array(key)));
        let first_use = if self.refuse_first_use && name.is_some() { FirstUse::Reject } else { FirstUse::Pin };
        compare(identity, pin.as_ref(), anchor.as_ref(), first_use).map(drop)
    }

    pub(super) fn minimum(&self) -> Minimum {
        Minimum(self.minimum)
    }

    /// Without the identities that nothing names.
    pub(crate) fn trimmed(mut self) -> Self {
        let mut text = [self.genesis.as_str(), &self.entries.concat(), &self.sealed].join(" ");
        for group in &self.groups {
            text += &[group.genesis.as_str(), &group.operations.concat()].join(" ");
        }
        self.identities.retain(|bundles| {
            let hash = |bundle: &String| hex(hash("wardkey/v1/bundle", &payload_of(&unhex(bundle))));
            bundles.iter().any(|bundle| text.contains(&hash(bundle)))
        });
        self
    }

    fn log(&self, known: &Lazy<'_>) -> Result<Log> {
        let (app, id) = (AppId::new(&self.app_id)?, Hash(unhex_array(&self.session_id)));
        let mut log = Log::begin(&app, &id, &unhex(&self.genesis), known, self.minimum())?;
        let entries = all(&self.entries);
        log.extend(&refs(&entries), known, self.minimum())?;
        for seen in &self.seen {
            let view = wardkey::message::View { sequence: seen.sequence, hash: unhex_array(&seen.hash) };
            log.check_view(&view)?;
        }
        Ok(log)
    }

    pub(crate) fn session(&self, known: &Lazy<'_>) -> Result<Session> {
        self.log(known)?;
        let (app, id) = (AppId::new(&self.app_id)?, Hash(unhex_array(&self.session_id)));
        let (entries, wraps) = (all(&self.entries), all(&self.wraps));
        let genesis = unhex(&self.genesis);
        Session::read(&app, &id, &genesis, &refs(&entries), &refs(&wraps), known, self.minimum())
    }

    fn keys(&self, session: &Session, known: &Lazy<'_>) -> Result<Keys> {
        let pair = |one: &Private| Pair::read(Suite::from_name(&one.suite).expect("a suite"), &unhex(&one.private));
        let pairs: Vec<_> = self.keys.iter().map(pair).collect();
        let parties: Vec<_> =
            self.parties.iter().map(|party| Party::from_bytes(&unhex(party)).expect("a party")).collect();
        let own: Vec<_> = pairs.iter().map(|pair| &pair.pair).collect();
        let epochs = parties.first().map_or(Ok(Vec::new()), |party| known.epochs(party, &own))?;
        let pairs: Vec<_> = own.into_iter().chain(epochs.iter().flat_map(Epochs::iter)).collect();
        session.open(&mut system(), &parties, &pairs)
    }

    /// What it gives, as this kind of entry.
    pub(crate) fn open(&self, kind: &str) -> Result<Value> {
        let known = Lazy::with_groups(self)?;
        match kind {
            "log" => self.log(&known).map(|log| log_json(&log)),
            "unconfirmed" => {
                let parties = self.log(&known)?.unconfirmed(&known)?;
                let mut parties: Vec<_> = parties.iter().map(|party| hex(party.to_bytes())).collect();
                parties.sort();
                Ok(json!(parties))
            }
            "session" => {
                let session = self.session(&known)?;
                let keys = self.keys(&session, &known)?;
                // Each is asked for by that after it.
                keys.broken().map_or_else(|| session_json(&session, &keys, &known), |(_, error)| Err(error))
            }
            "keys" => {
                let session = self.session(&known)?;
                Ok(keys_json(&session, &self.keys(&session, &known)?))
            }
            "message" => {
                let session = self.session(&known)?;
                let (keys, message) = (self.keys(&session, &known)?, unhex(&self.sealed));
                let entries = self.context.iter().map(|(key, value)| (key.as_str(), value.as_str()));
                let context = Context::new(entries)?;
                let opened = session.open_message(&keys, &message, &context, &known, self.minimum());
                let in_parts = parts::open_message(&session, &keys, &message, &context, &known, self.minimum());
                assert_eq!(in_parts.as_ref().map_err(Error::code), opened.as_ref().map_err(Error::code), "in parts",);
                let opened = opened?;
                let author = opened.author.map(|author| {
                    let user = author.user.expect("a user").as_str().to_owned();
                    json!({ "user_id": user, "fingerprint": hex(author.identity.0) })
                });
                let id = Header::parse(&message)?.0.key_id;
                let generation = keys.find(&id).expect("it opened").0;
                Ok(json!({ "plaintext": hex(opened.data), "author": author, "generation": generation }))
            }
            _ => panic!("no such kind: {kind}"),
        }
    }
}

fn pin_of(pin: &Value) -> Pin {
    let text = |name: &str| pin.get(name).and_then(Value::as_str);
    let suite = Suite::from_name(text("suite").expect("a suite")).expect("a suite");
    let fingerprint = cbor::bytes(unhex(text("fingerprint").expect("a fingerprint")));
    let version = pin.get("version").and_then(Value::as_u64).expect("a version");
    let hash = text("hash").map_or(Null, |hash| cbor::bytes(unhex(hash)));
    let encoded = Array(vec![fingerprint, Item::Uint(version), hash, Item::Uint(suite.number())]).encode();
    Pin::from_bytes(&encoded).expect("a pin")
}

pub(super) fn all(texts: &[String]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| unhex(text)).collect()
}

pub(crate) fn refs(objects: &[Vec<u8>]) -> Vec<&[u8]> {
    objects.iter().map(Vec::as_slice).collect()
}

fn log_json(log: &Log) -> Value {
    let sequence = log.head().sequence;
    let hash_at = |sequence: u64| {
        // Only the right hash is a view.
        let hashes = log.hashes().nth(sequence as usize).expect("in the log");
        log.check_view(&wardkey::message::View { sequence, hash: hashes.0 }).expect("its own");
        hex(hashes.0)
    };
    let rights: Vec<_> = log
        .holdings()
        .map(|holding| json!({ "party": hex(holding.party.to_bytes()), "rights": holding.rights.number() }))
        .collect();
    let newest = log.newest_generation();
    let began = (0..=sequence).find(|at| log.generation_at(*at) == newest).expect("it began");
    json!({
        "hashes": (0..=sequence).map(hash_at).collect::<Vec<_>>(),
        "creator": log.creator().and_then(|creator| creator.user.as_ref()).map(|user| user.as_str().to_owned()),
        "rights": rights,
        "generation": {
            "number": newest, "commitment": hex(log.commitment(newest).expect("the newest").0), "sequence": began,
        },
    })
}

fn session_json(session: &Session, keys: &Keys, signers: &dyn Signers) -> Result<Value> {
    let mut stanzas = vec![Vec::new(); session.key_ids().count()];
    for sequence in 0..=session.log().entries() {
        let generation = session.log().generation_at(sequence as u64);
        stanzas[generation].extend(session.wrapped_by(sequence).map(Party::to_bytes));
    }
    stanzas.iter_mut().for_each(|parties| parties.sort());
    let mut keys: Vec<_> = keys.iter().collect();
    keys.sort_by_key(|(generation, _)| *generation);
    Ok(json!({
        "keys": keys.iter().map(|(_, key)| hex(key.dangerously_expose().expose())).collect::<Vec<_>>(),
        "stanzas": stanzas.iter().map(|parties| parties.iter().map(hex).collect::<Vec<_>>()).collect::<Vec<_>>(),
        "due": session.is_due(signers)?,
    }))
}

/// Those that are open, and why the others aren't.
fn keys_json(session: &Session, keys: &Keys) -> Value {
    let one = |generation: usize| {
        let key = keys.of(generation).map(|key| hex(key.dangerously_expose().expose()));
        json!({ "key": key, "error": keys.why_closed(generation).map(|error| error.code().as_str()) })
    };
    (0..session.key_ids().count()).map(one).collect()
}

/// Without its bodies, but for this party's.
pub(crate) fn only_for(wraps: &[u8], party: &[u8]) -> Vec<u8> {
    let mut decoder = minicbor::Decoder::new(wraps);
    decoder.array().expect("an array");
    for _ in 0..3 {
        decoder.skip().expect("an element");
    }
    let start = decoder.position();
    let count = decoder.array().expect("bodies").expect("of a length");
    let bodies: Vec<_> = (0..count).map(|_| decoder.bytes().expect("a body").to_vec()).collect();
    let parties = parties_of(&payload_of(wraps));
    let kept = bodies.into_iter().zip(parties).map(|(body, of)| if of == party { cbor::bytes(body) } else { Null });
    [&wraps[..start], &Array(kept.collect()).encode()].concat()
}

fn parties_of(payload: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = minicbor::Decoder::new(payload);
    decoder.map().expect("a map");
    for _ in 0..15 {
        decoder.skip().expect("an element");
    }
    let count = decoder.array().expect("stanzas").expect("of a length");
    let mut one = || {
        decoder.array().expect("a stanza");
        let start = decoder.position();
        decoder.skip().expect("a party");
        let party = payload[start..decoder.position()].to_vec();
        (0..3).for_each(|_| decoder.skip().expect("an element"));
        party
    };
    (0..count).map(|_| one()).collect()
}

/// A session, told by hand.
#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) id: [u8; 32],
    pub(crate) genesis: Vec<u8>,
    pub(crate) entries: Vec<Vec<u8>>,
    /// Of the genesis and of each entry.
    pub(crate) hashes: Vec<[u8; 32]>,
    pub(crate) wraps: Vec<Vec<u8>>,
    /// By generation.
    pub(crate) keys: Vec<[u8; 32]>,
    /// In whose right the next entries are signed; null: their signers' own.
    pub(crate) right: Item,
}

impl Story {
    /// Created by the first one, who manages; with the wraps of generation 0 for those who read.
    pub(crate) fn new(rng: &mut Seeded, people: &[(&Person, u64)]) -> Self {
        let key = draw_array(rng);
        let creator = people[0].0;
        let grants: Vec<_> = people.iter().map(|(person, rights)| (person.party(), *rights)).collect();
        let genesis = Genesis::of(creator, rng, &key, &grants);
        let mut story = Self::of(&genesis, &genesis.sign(creator.seed()), key);
        let readers: Vec<_> = people.iter().filter(|(_, rights)| rights & 1 == 1).map(|(person, _)| *person).collect();
        let wraps = Wraps::of(rng, story.id, (0, 0), &key, creator, &readers);
        story.wraps.push(wraps.sign(creator.seed()));
        story
    }

    pub(crate) fn of(genesis: &Genesis, object: &[u8], key: [u8; 32]) -> Self {
        let id = genesis.id();
        Self {
            id,
            genesis: object.to_vec(),
            entries: Vec::new(),
            hashes: vec![id],
            wraps: Vec::new(),
            keys: vec![key],
            right: Null,
        }
    }

    /// The entry that comes next.
    pub(crate) fn next(&self, by: &Person, action: Item) -> Entry {
        let sequence = self.entries.len() as u64 + 1;
        let entry = Entry::after(self.id, sequence, *self.hashes.last().expect("a genesis"), by, action);
        Entry { authority: self.right.clone(), ..entry }
    }

    pub(crate) fn push(&mut self, entry: &Entry, seed: &[u8; 32]) {
        self.hashes.push(entry.hash());
        self.entries.push(entry.sign(seed));
    }

    /// An entry without wraps.
    pub(crate) fn tell(&mut self, by: &Person, action: Item) {
        let entry = self.next(by, action);
        self.push(&entry, by.seed());
    }

    /// A grant, with wraps of the newest key for these.
    pub(crate) fn grant(&mut self, rng: &mut Seeded, by: &Person, to: &[(&Person, u64)], wrapped: &[&Person]) {
        let grants: Vec<_> = to.iter().map(|(person, rights)| (person.party(), *rights)).collect();
        self.tell(by, super::craft::session::grant(&grants));
        if !wrapped.is_empty() {
            let wraps = self.wraps_for(rng, by, wrapped);
            self.wraps.push(wraps.sign(by.seed()));
        }
    }

    /// A wraps object of the newest entry, of the newest key.
    pub(crate) fn wraps_for(&self, rng: &mut Seeded, by: &Person, readers: &[&Person]) -> Wraps {
        let (sequence, generation) = (self.entries.len() as u64, self.keys.len() as u64 - 1);
        Wraps::of(rng, self.id, (sequence, generation), self.key(), by, readers)
    }

    /// A generation's entry, without wraps.
    pub(crate) fn begin_generation(&mut self, rng: &mut Seeded, by: &Person) {
        let key: [u8; 32] = draw_array(rng);
        let commitment = super::craft::expand(&key, "key-commitment", 32);
        self.tell(by, super::craft::session::generation(self.keys.len() as u64, &commitment));
        self.keys.push(key);
    }

    /// Its wraps.
    pub(crate) fn generation_wraps(&self, rng: &mut Seeded, by: &Person, readers: &[&Person]) -> Wraps {
        let [.., before, key] = self.keys.as_slice() else { panic!("two generations") };
        self.wraps_for(rng, by, readers).with_previous(rng, key, before)
    }

    pub(crate) fn rotate(&mut self, rng: &mut Seeded, by: &Person, readers: &[&Person]) {
        self.begin_generation(rng, by);
        let wraps = self.generation_wraps(rng, by, readers);
        self.wraps.push(wraps.sign(by.seed()));
    }

    /// The newest key.
    pub(crate) fn key(&self) -> &[u8; 32] {
        self.keys.last().expect("generation 0")
    }

    /// A trailer with the view of the newest entry.
    pub(crate) fn view(&self) -> Trailer {
        Trailer::single(self.entries.len() as u64, *self.hashes.last().expect("a genesis"))
    }

    /// A message under a generation's key, with this trailer.
    pub(crate) fn message(
        &self,
        rng: &mut Seeded,
        by: &Person,
        generation: usize,
        trailer: &Trailer,
        data: &[u8],
    ) -> Vec<u8> {
        let key = &self.keys[generation];
        let header = header(key, Some(&self.id), Some((&by.signer.bundle.0, 0)), false);
        let body = sealed(rng, key, &header, &cbor::context([]), data);
        let root = leaf(&body, header.len());
        [body, trailer.sign(by.seed(), &root)].concat()
    }

    /// What everybody reads of it who knows these people.
    pub(crate) fn log_input(&self, people: &[&Person]) -> Input {
        Input {
            app_id: APP.to_owned(),
            identities: people.iter().map(|person| person.bundles.iter().map(hex).collect()).collect(),
            minimum: 1,
            session_id: hex(self.id),
            genesis: hex(&self.genesis),
            entries: self.entries.iter().map(hex).collect(),
            ..Input::default()
        }
    }

    /// With the bodies alone that the key server gives this reader.
    pub(crate) fn given_to(&self, reader: &Person) -> Self {
        let party = reader.party().to_bytes();
        Self { wraps: self.wraps.iter().map(|wraps| only_for(wraps, &party)).collect(), ..self.clone() }
    }

    /// What one of them reads of it.
    pub(crate) fn input(&self, people: &[&Person], reader: &Person) -> Input {
        let private = |pair: &Pair| Private { suite: pair.suite.name().to_owned(), private: hex(&pair.private) };
        Input {
            wraps: self.wraps.iter().map(hex).collect(),
            parties: reader.signer.party().iter().map(|party| hex(party.to_bytes())).collect(),
            keys: reader.pairs.iter().map(private).collect(),
            ..self.log_input(people)
        }
    }

    /// The message as one of them reads it.
    pub(crate) fn message_input(&self, people: &[&Person], reader: &Person, message: &[u8]) -> Input {
        Input { sealed: hex(message), ..self.given_to(reader).input(people, reader) }
    }
}
