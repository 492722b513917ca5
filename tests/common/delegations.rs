//! What somebody reads of exchange keys and entities, and with what: the entries of `delegation.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wardkey::{
    data_key::DataKey,
    delegation::{Chain, ExchangeKeys, Manifest, Pair, Ring, entity},
    error::{Code, Error, Result},
    group::Epochs,
    identity::AppId,
    key_pair::Suite,
    message::View,
    party::Party,
    signed::Hash,
};

use super::{
    cbor::Item,
    craft::{self, session, system},
    hex::{hex, unhex, unhex_array},
    keys,
    known::{Group, Lazy},
    people::{APP, Person},
    rng::{Seeded, seeded},
    rows,
    story::{self, Private, Seen, all, refs},
};

/// The versions of a pair.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Versions {
    pub(crate) delegator: String,
    pub(crate) delegate: String,
    pub(crate) objects: Vec<String>,
    /// Versions that were seen before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) seen: Vec<Seen>,
}

impl Versions {
    pub(crate) fn of(exchange: &craft::delegation::Exchange) -> Self {
        Self {
            delegator: hex(exchange.delegator.to_bytes()),
            delegate: hex(exchange.delegate.to_bytes()),
            objects: exchange.objects.iter().map(hex).collect(),
            seen: Vec::new(),
        }
    }
}

/// A pair's keys as they were opened: hex, or the code with which they stay closed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub(crate) pair: String,
    pub(crate) versions: Vec<String>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) app_id: String,
    pub(crate) minimum: u64,
    /// Bundles, from version 1 on.
    pub(crate) identities: Vec<Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) pins: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) escrow_key: Option<String>,
    #[serde(default)]
    pub(crate) refuse_first_use: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<Group>,
    pub(crate) exchange_keys: Vec<Versions>,
    /// The reader's: the user first.
    pub(crate) parties: Vec<String>,
    /// Groups that he has left.
    pub(crate) former: Vec<String>,
    pub(crate) keys: Vec<Private>,
    /// What he opened before.
    pub(crate) opened: Vec<Opened>,
    /// JSON.
    pub(crate) entities: Vec<String>,
    pub(crate) manifest: Vec<String>,
    /// Id of the entity that is asked for.
    pub(crate) wanted: String,
}

impl Input {
    /// Of one who knows these people.
    pub(crate) fn of(reader: &Person, people: &[&Person]) -> Self {
        let private = |pair: &keys::Pair| Private { suite: pair.suite.name().to_owned(), private: hex(&pair.private) };
        Self {
            identities: people.iter().map(|person| person.bundles.iter().map(hex).collect()).collect(),
            parties: vec![hex(reader.party().to_bytes())],
            keys: reader.pairs.iter().map(private).collect(),
            ..Self::default().in_app()
        }
    }

    /// Of one who has opened these keys before.
    pub(crate) fn with(parties: &[&Party], opened: &[(&str, &[[u8; 32]])]) -> Self {
        let keys = |(pair, versions): &(&str, &[[u8; 32]])| Opened {
            pair: (*pair).to_owned(),
            versions: versions.iter().map(hex).collect(),
        };
        Self {
            parties: parties.iter().map(|party| hex(party.to_bytes())).collect(),
            opened: opened.iter().map(keys).collect(),
            ..Self::default().in_app()
        }
    }

    fn in_app(self) -> Self {
        Self { app_id: APP.to_owned(), minimum: 1, ..self }
    }

    pub(crate) fn reading(&self, entities: &[&Value]) -> Self {
        Self { entities: entities.iter().map(ToString::to_string).collect(), ..self.clone() }
    }

    pub(crate) fn texts(&self, entities: &[&str]) -> Self {
        Self { entities: entities.iter().map(|text| (*text).to_owned()).collect(), ..self.clone() }
    }

    fn known(&self) -> story::Input {
        story::Input {
            app_id: self.app_id.clone(),
            identities: self.identities.clone(),
            pins: self.pins.clone(),
            escrow_key: self.escrow_key.clone(),
            refuse_first_use: self.refuse_first_use,
            minimum: self.minimum,
            groups: self.groups.clone(),
            ..story::Input::default()
        }
    }

    fn own(&self) -> Vec<Party> {
        self.parties.iter().map(|party| Party::from_bytes(&unhex(party)).expect("a party")).collect()
    }

    fn chain(&self, versions: &Versions, known: &Lazy<'_>) -> Result<Chain> {
        let party = |text: &str| Party::from_bytes(&unhex(text)).expect("a party");
        let (delegator, delegate) = (party(&versions.delegator), party(&versions.delegate));
        let (app, minimum) = (AppId::new(&self.app_id)?, wardkey::signed::Minimum(self.minimum));
        let objects = all(&versions.objects);
        let chain = Chain::read(&app, (&delegator, &delegate), &refs(&objects), known, minimum)?;
        for seen in &versions.seen {
            chain.check_view(&View { sequence: seen.sequence, hash: unhex_array(&seen.hash) })?;
        }
        Ok(chain)
    }

    fn open_chain(&self, chain: &Chain, known: &Lazy<'_>) -> Result<ExchangeKeys> {
        let pair =
            |one: &Private| keys::Pair::read(Suite::from_name(&one.suite).expect("a suite"), &unhex(&one.private));
        let pairs: Vec<_> = self.keys.iter().map(pair).collect();
        let own: Vec<_> = pairs.iter().map(|pair| &pair.pair).collect();
        let parties = self.own();
        let epochs = parties.first().map_or(Ok(Vec::new()), |party| known.epochs(party, &own))?;
        let pairs: Vec<_> = own.into_iter().chain(epochs.iter().flat_map(Epochs::iter)).collect();
        chain.open(&mut system(), &parties, &pairs)
    }

    /// With all that he opens.
    pub(crate) fn ring(&self) -> Result<Ring> {
        let former: Vec<_> = self.former.iter().map(|group| Hash(unhex_array(group))).collect();
        let mut ring = Ring::new(&self.own(), &former)?;
        for Opened { pair, versions } in &self.opened {
            let key = |text: &String| match Code::ALL.iter().find(|code| code.as_str() == text) {
                Some(code) => Err(code.failed()),
                None => DataKey::from_slice(&unhex(text)),
            };
            ring.insert(ExchangeKeys::kept(Pair::parse(pair)?, versions.iter().map(key).collect()));
        }
        let known = self.known();
        let known = Lazy::with_groups(&known)?;
        for versions in &self.exchange_keys {
            let chain = self.chain(versions, &known)?;
            match self.open_chain(&chain, &known) {
                Ok(keys) => ring.insert(keys),
                // Between others.
                Err(error) => assert_eq!(error.code(), Code::NotARecipient),
            }
        }
        Ok(ring)
    }

    /// What it gives, as this kind of entry.
    pub(crate) fn open(&self, kind: &str) -> Result<Value> {
        match kind {
            "exchange-keys" => {
                let known = self.known();
                let known = Lazy::with_groups(&known)?;
                let chain = self.chain(&self.exchange_keys[0], &known)?;
                keys_json(&chain, &self.open_chain(&chain, &known)?, &known)
            }
            "decrypt" => {
                let (ring, text) = (self.ring()?, &self.entities[0]);
                let parents = entity::parent_ids(&ring, text);
                let whole = entity::decrypt(&ring, text);
                // The last step apart, both are the same.
                assert!(parents.is_ok() || parents.as_ref().err() == whole.as_ref().err());
                Ok(json!({ "entity": parsed(&whole?), "parents": parents? }))
            }
            "secret-foreign-keys" => Ok(json!(entity::secret_foreign_keys(&self.ring()?, &self.entities[0])?)),
            "manifest" => self.manifest(),
            "children" => self.children(),
            "parents" => self.parents(),
            _ => panic!("no such kind: {kind}"),
        }
    }

    fn manifest(&self) -> Result<Value> {
        let me = &self.own()[0];
        let pair = Pair::of(me, me)?;
        let mut ring = Ring::new(&self.own(), &[])?;
        ring.insert(ExchangeKeys::kept(pair.clone(), vec![DataKey::from_slice(&[7; 32])]));
        let manifest = Manifest::new(self.manifest.iter().map(String::as_str))?;
        let text = &self.entities[0];
        let made = entity::encrypt(&mut seeded("manifest"), &ring, (me, &[]), ("Patient", text), &manifest, None)?;
        assert_eq!(parsed(&entity::decrypt(&ring, &made)?), parsed(text), "put back");
        let mut clear = parsed(&made);
        let key = craft::delegation::open_value(&[7; 32], &clear, "encryptionKeys", pair.as_str());
        let content = craft::delegation::open_content(&key, &clear);
        let step = |step: &Item| step.as_text().map_or_else(|| json!(step.uint()), |name| json!(name));
        let member = |member: &Item| {
            let path: Vec<_> = member.items()[0].items().iter().map(step).collect();
            json!([path, parsed(member.items()[1].as_text().expect("JSON"))])
        };
        let sealed: Vec<_> = content.field(1).expect("members").items().iter().map(member).collect();
        for name in
            ["entityType", "encryptedSelf", "encryptionKeys", "delegations", "cryptedForeignKeys", "secretForeignKeys"]
        {
            clear.as_object_mut().expect("an object").remove(name);
        }
        Ok(json!({ "clear": clear, "sealed": sealed }))
    }

    fn find(&self, id: &str) -> &str {
        let found = self.entities.iter().find(|text| parsed(text)["id"] == id);
        found.expect("in the database")
    }

    /// The children of the entity that is wanted: its secret ids are looked for in the clear fields of all.
    fn children(&self) -> Result<Value> {
        let ring = self.ring()?;
        let asked = entity::secret_foreign_keys(&ring, self.find(&self.wanted))?;
        let is_child = |text: &&String| {
            let keys = parsed(text)["secretForeignKeys"].clone();
            keys.as_array().is_some_and(|keys| keys.iter().any(|key| asked.iter().any(|id| key == id)))
        };
        let children =
            self.entities.iter().filter(is_child).map(|text| entity::decrypt(&ring, text).map(|text| parsed(&text)));
        Ok(json!({ "secret_ids": asked, "found": children.collect::<Result<Vec<_>>>()? }))
    }

    /// The parents of the entity that is wanted.
    fn parents(&self) -> Result<Value> {
        let ring = self.ring()?;
        let ids = entity::parent_ids(&ring, self.find(&self.wanted))?;
        let parents = ids.iter().map(|id| entity::decrypt(&ring, self.find(id)).map(|text| parsed(&text)));
        Ok(json!({ "ids": ids, "found": parents.collect::<Result<Vec<_>>>()? }))
    }
}

impl rows::Input for Input {
    /// With the identities of signers alone.
    fn trimmed(mut self) -> Self {
        let mut text: String = self.exchange_keys.iter().map(|versions| versions.objects.concat()).collect();
        for group in &self.groups {
            text += &[group.genesis.as_str(), &group.operations.concat()].concat();
        }
        let signs = |bundle: &String| {
            let hash = session::hash("wardkey/v1/bundle", &session::payload_of(&unhex(bundle)));
            text.contains(&["5820", &hex(hash)].concat())
        };
        self.identities.retain(|bundles| bundles.iter().any(signs));
        self
    }

    fn open(&self, kind: &str) -> Result<Value> {
        self.open(kind)
    }
}

pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn keys_json(chain: &Chain, keys: &ExchangeKeys, known: &Lazy<'_>) -> Result<Value> {
    let version = |number: u64| {
        let key = keys.version(number);
        let error = key.as_ref().err().map(|error: &Error| error.code().as_str());
        json!({ "key": key.ok().map(|key| hex(key.dangerously_expose().expose())), "error": error })
    };
    Ok(json!({
        "pair": keys.pair().as_str(),
        "versions": (1..=chain.newest()).map(version).collect::<Vec<_>>(),
        "head": chain.head().map(|head| hex(head.hash)),
        "due": chain.is_due(known)?,
    }))
}

/// Exchange keys without a chain: of pairs by their texts.
pub(crate) fn drawn(rng: &mut Seeded, pairs: &[&str]) -> Vec<(String, [u8; 32])> {
    pairs.iter().map(|pair| ((*pair).to_owned(), super::rng::draw_array(rng))).collect()
}
