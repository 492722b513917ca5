//! A group that is told by hand, operation by operation, right or wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wardkey::{
    error::Result,
    group::{Epochs, Log, Role, SignedHead, Stanza},
    identity::AppId,
    key_pair::{PublicKey, Suite},
    message::View,
    party::Party,
    signed::Hash,
};

use super::{
    cbor::Item,
    craft::{
        group::{self, GROUP, Keys, OPERATION, START},
        objects::Draft,
        session::{hash, payload_of},
        system,
    },
    hex::{hex, unhex, unhex_array},
    keys::Pair,
    known::{self, Lazy},
    people::{APP, Person},
    rng::{Seeded, draw_array},
    story::{self, Private, Seen, refs},
};

const HOUR: u64 = 3_600_000;

/// What somebody reads of a group, and with what.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) app_id: String,
    /// Bundles, from version 1 on.
    pub(crate) identities: Vec<Vec<String>>,
    pub(crate) pins: BTreeMap<String, Value>,
    pub(crate) escrow_key: Option<String>,
    pub(crate) refuse_first_use: bool,
    pub(crate) minimum: u64,
    pub(crate) group_id: String,
    pub(crate) genesis: String,
    pub(crate) operations: Vec<String>,
    /// Operations that were seen before.
    pub(crate) seen: Vec<Seen>,
    /// Group keys.
    pub(crate) keys: String,
    /// The reader's.
    pub(crate) party: String,
    pub(crate) pairs: Vec<Private>,
    pub(crate) heads: Vec<String>,
    pub(crate) now: u64,
}

impl Input {
    /// With the identities of signers alone: fields 2, 5 and 6 of a genesis, an operation, a head.
    pub(crate) fn trimmed(mut self) -> Self {
        let text = [self.genesis.as_str(), &self.operations.concat(), &self.heads.concat()].join(" ");
        let signs = |bundle: &String| {
            let hash = hex(hash("wardkey/v1/bundle", &payload_of(&unhex(bundle))));
            ["02", "05", "06"].iter().any(|field| text.contains(&[field, "5820", &hash].concat()))
        };
        self.identities.retain(|bundles| bundles.iter().any(signs));
        self
    }

    /// Who is known, as for a session.
    fn known(&self) -> story::Input {
        story::Input {
            app_id: self.app_id.clone(),
            identities: self.identities.clone(),
            pins: self.pins.clone(),
            escrow_key: self.escrow_key.clone(),
            refuse_first_use: self.refuse_first_use,
            minimum: self.minimum,
            ..story::Input::default()
        }
    }

    fn log(&self, known: &story::Input) -> Result<Log> {
        let (app, id) = (AppId::new(&self.app_id)?, Hash(unhex_array(&self.group_id)));
        let mut log = Log::begin(&app, &id, &unhex(&self.genesis), &Lazy::new(known), known.minimum())?;
        let operations: Vec<_> = self.operations.iter().map(|operation| unhex(operation)).collect();
        log.extend(&refs(&operations), &Lazy::new(known), known.minimum())?;
        for seen in &self.seen {
            log.check_view(&View { sequence: seen.sequence, hash: unhex_array(&seen.hash) })?;
        }
        Ok(log)
    }

    fn epochs(&self, log: &Log, known: &story::Input) -> Result<Epochs> {
        let party = Party::from_bytes(&unhex(&self.party)).expect("a party");
        let stanza = Stanza::find(log, &unhex(&self.keys), &party, known.minimum())?;
        let pair = |one: &Private| Pair::read(Suite::from_name(&one.suite).expect("a suite"), &unhex(&one.private));
        let pairs: Vec<_> = self.pairs.iter().map(pair).collect();
        let secret = stanza.open(&mut system(), &pairs.iter().map(|pair| &pair.pair).collect::<Vec<_>>())?;
        let epochs = Epochs::open(log, secret)?;
        // All are asked for.
        epochs.broken().map_or(Ok(epochs), |(_, error)| Err(error))
    }

    /// What it gives, as this kind of entry.
    pub(crate) fn open(&self, kind: &str) -> Result<Value> {
        let known = self.known();
        let log = self.log(&known)?;
        let heads = || -> Result<Vec<_>> {
            let read = |head: &String| SignedHead::read(&log, &unhex(head), &Lazy::new(&known), known.minimum());
            self.heads.iter().map(read).collect()
        };
        match kind {
            "group" => Ok(log_json(&log)),
            "group-keys" => self.epochs(&log, &known).map(|epochs| epochs_json(&epochs)),
            "heads" => heads().map(|heads| heads_json(&heads)),
            "fresh" => {
                let heads = heads()?;
                log.check_fresh(&heads, self.now)?;
                Ok(heads_json(&heads))
            }
            _ => panic!("no such kind: {kind}"),
        }
    }
}

fn log_json(log: &Log) -> Value {
    let labels = [GROUP].into_iter().chain(core::iter::repeat(OPERATION));
    let hashes: Vec<_> = labels.zip(log.payloads()).map(|(label, payload)| hash(label, payload)).collect();
    for (sequence, hash) in (0..).zip(&hashes) {
        log.check_view(&View { sequence, hash: *hash }).expect("its own");
    }
    assert_eq!(hashes.last(), Some(&log.head().hash));
    let members = log
        .members()
        .map(|(party, role)| json!({ "party": hex(party.to_bytes()), "role": u8::from(role == Role::Admin) }));
    let epochs = log.epochs().iter().map(|epoch| {
        let public = PublicKey::from_bytes(&epoch.public_key).expect("it was read");
        json!({ "commitment": hex(epoch.commitment.0), "fingerprint": hex(public.fingerprint().0) })
    });
    json!({
        "name": log.name().as_str(),
        "hours": log.lifetimes().head_ms() / HOUR,
        "days": log.lifetimes().admin_ms() / (24 * HOUR),
        "hashes": hashes.iter().map(hex).collect::<Vec<_>>(),
        "members": members.collect::<Vec<_>>(),
        "epochs": epochs.collect::<Vec<_>>(),
    })
}

fn epochs_json(epochs: &Epochs) -> Value {
    let fingerprints = epochs.iter().map(|pair| hex(pair.public_key().fingerprint().0));
    json!({
        "secret": hex(epochs.newest().dangerously_expose().expose()),
        "fingerprints": fingerprints.collect::<Vec<_>>(),
    })
}

fn heads_json(heads: &[SignedHead]) -> Value {
    let one = |head: &SignedHead| {
        let head = head.head();
        json!({ "sequence": head.view.sequence, "hash": hex(head.view.hash), "time": head.time, "end": head.end })
    };
    heads.iter().map(one).collect()
}

/// A group, told by hand.
#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) id: [u8; 32],
    pub(crate) genesis: Vec<u8>,
    pub(crate) operations: Vec<Vec<u8>>,
    /// Of the genesis and of each operation.
    pub(crate) hashes: Vec<[u8; 32]>,
    /// The epochs' secrets.
    pub(crate) secrets: Vec<[u8; 32]>,
}

impl Story {
    /// Founded by the first one.
    pub(crate) fn new(rng: &mut Seeded, people: &[(&Person, u64)]) -> Self {
        let secret = draw_array(rng);
        let genesis = group::genesis(rng, people[0].0, people, &secret);
        Self::of(&genesis, &genesis.encode(), secret)
    }

    pub(crate) fn of(genesis: &Draft, object: &[u8], secret: [u8; 32]) -> Self {
        let id = genesis.hash();
        Self { id, genesis: object.to_vec(), operations: Vec::new(), hashes: vec![id], secrets: vec![secret] }
    }

    /// Sequence and hash of the newest operation.
    pub(crate) fn view(&self) -> (u64, [u8; 32]) {
        (self.operations.len() as u64, *self.hashes.last().expect("a genesis"))
    }

    /// The operation that comes next.
    pub(crate) fn next(&self, by: &Person, action: Item) -> Draft {
        let (sequence, previous) = self.view();
        let bytes = super::cbor::bytes;
        let fields = vec![
            bytes(self.id),
            Item::Uint(sequence + 1),
            bytes(previous),
            Item::Uint(START + sequence + 1),
            bytes(by.signer.bundle.0),
            action,
        ];
        Draft::new(OPERATION, fields, by.seed())
    }

    pub(crate) fn push(&mut self, operation: &Draft) {
        self.hashes.push(operation.hash());
        self.operations.push(operation.encode());
    }

    pub(crate) fn tell(&mut self, by: &Person, action: Item) {
        let operation = self.next(by, action);
        self.push(&operation);
    }

    /// The next epoch, whose secret is the newest from here on.
    pub(crate) fn epoch(&mut self, rng: &mut Seeded) -> Item {
        let secret = draw_array(rng);
        let before = *self.secret();
        let sealed = group::sealed_before(rng, &self.id, self.secrets.len() as u64, &secret, &before);
        self.secrets.push(secret);
        group::epoch(&secret, sealed)
    }

    pub(crate) fn remove(&mut self, rng: &mut Seeded, by: &Person, people: &[&Person]) {
        let parties: Vec<_> = people.iter().map(|person| person.party()).collect();
        let epoch = self.epoch(rng);
        self.tell(by, group::remove(&parties, epoch));
    }

    pub(crate) fn rotate(&mut self, rng: &mut Seeded, by: &Person) {
        let epoch = self.epoch(rng);
        self.tell(by, group::rotate(epoch));
    }

    /// The newest epoch's.
    pub(crate) fn secret(&self) -> &[u8; 32] {
        self.secrets.last().expect("epoch 0")
    }

    /// Group keys of the newest operation.
    pub(crate) fn keys(&self, rng: &mut Seeded, by: &Person, members: &[&Person]) -> Keys {
        let place = (self.operations.len() as u64, self.secrets.len() as u64 - 1);
        Keys::of(rng, self.id, place, self.secret(), by, members)
    }

    /// What somebody knows of it, with the group keys that he was given.
    pub(crate) fn known(&self, keys: Option<&[u8]>) -> known::Group {
        known::Group {
            group_id: hex(self.id),
            genesis: hex(&self.genesis),
            operations: self.operations.iter().map(hex).collect(),
            keys: keys.map(hex),
        }
    }

    /// A head of the newest operation.
    pub(crate) fn head(&self, by: &Person, time: u64, end: u64) -> Draft {
        group::head(by, self.id, self.view(), (time, end))
    }

    /// What everybody reads of it who knows these people.
    pub(crate) fn input(&self, people: &[&Person]) -> Input {
        Input {
            app_id: APP.to_owned(),
            identities: people.iter().map(|person| person.bundles.iter().map(hex).collect()).collect(),
            minimum: 1,
            group_id: hex(self.id),
            genesis: hex(&self.genesis),
            operations: self.operations.iter().map(hex).collect(),
            ..Input::default()
        }
    }

    /// What one of them opens of it.
    pub(crate) fn opening(&self, people: &[&Person], reader: &Person, keys: &[u8]) -> Input {
        let private = |pair: &Pair| Private { suite: pair.suite.name().to_owned(), private: hex(&pair.private) };
        Input {
            keys: hex(keys),
            party: hex(reader.party().to_bytes()),
            pairs: reader.pairs.iter().map(private).collect(),
            ..self.input(people)
        }
    }

    /// With these heads, at this time.
    pub(crate) fn with_heads(&self, people: &[&Person], heads: &[Draft], now: u64) -> Input {
        Input { heads: heads.iter().map(|head| hex(head.encode())).collect(), now, ..self.input(people) }
    }
}
