//! What a store keeps under one name. No part of the frozen format: another version is a miss.
//!
//! `entry = version[1] ‖ fetched[8] ‖ end[8] ‖ Cobblestone(cache key, CBOR[label, cache, user, id, fetched, end], payload)`

use std::rc::Rc;

use zeroize::Zeroize;

use super::Owner;
use crate::{
    cobblestone,
    crypto::kdf::Expander,
    data_key::{DataKey, KeyId},
    encoding::{base64url, encode},
    error::Result,
    random::Random,
    secret::{Secret, SecretBytes, equal},
    signed::Hash,
};

const VERSION: u8 = 3;
const CLEAR: usize = 1 + 8 + 8;
const LEAST: usize = CLEAR + cobblestone::PREFIX + cobblestone::TAG;

/// What an entry is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Id {
    /// A data key.
    Key(KeyId),
    /// A session.
    Session(Hash),
    /// A group's log.
    Group(Hash),
    /// Somebody's bundle.
    Bundle(Hash),
    /// The exchange keys of a pair.
    Pair(Hash),
    /// Up to where the feed of revocations was read.
    Feed,
}

impl Id {
    pub(crate) const fn bytes(&self) -> &[u8] {
        match self {
            Self::Key(KeyId(bytes)) => bytes,
            Self::Session(Hash(bytes))
            | Self::Group(Hash(bytes))
            | Self::Bundle(Hash(bytes))
            | Self::Pair(Hash(bytes)) => bytes,
            Self::Feed => &[],
        }
    }

    const fn prefix(&self) -> &'static str {
        match self {
            Self::Key(_) => "k.",
            Self::Session(_) => "s.",
            Self::Group(_) => "g.",
            Self::Bundle(_) => "b.",
            Self::Pair(_) => "x.",
            Self::Feed => "feed",
        }
    }

    /// The name under which a store keeps the entry.
    pub(crate) fn row(&self) -> String {
        [self.prefix(), &base64url(self.bytes())].concat()
    }

    /// What an entry of this name is of.
    pub(crate) fn of(row: &str) -> Option<Self> {
        match row.split_once('.') {
            Some(("k", id)) => KeyId::parse(id).map(Self::Key),
            Some(("s", id)) => Hash::parse(id).map(Self::Session),
            Some(("g", id)) => Hash::parse(id).map(Self::Group),
            Some(("b", id)) => Hash::parse(id).map(Self::Bundle),
            Some(("x", id)) => Hash::parse(id).map(Self::Pair),
            _ => (row == "feed").then_some(Self::Feed),
        }
    }
}

/// What is in an entry.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A data key by itself, whose id is the entry's.
    Key(Rc<DataKey>),
    /// What only its owner understands.
    Payload(Rc<SecretBytes>),
}

impl Item {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Key(key) => key.dangerously_expose().expose(),
            Self::Payload(payload) => payload.expose(),
        }
    }
}

/// From when to when something is used. It stands in clear, so that a cache can be read in without opening anything; what an entry is used by is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) fetched: u64,
    pub(crate) end: u64,
}

impl Term {
    /// What an entry says of itself; nothing where it is none.
    pub(super) fn of(entry: &[u8]) -> Option<Self> {
        let (&version, rest) = entry.split_first()?;
        let (fetched, rest) = rest.split_first_chunk()?;
        let (end, _) = rest.split_first_chunk()?;
        let term = Self { fetched: u64::from_be_bytes(*fetched), end: u64::from_be_bytes(*end) };
        (version == VERSION && entry.len() >= LEAST && term.fetched < term.end).then_some(term)
    }

    fn context(&self, owner: &Owner, id: &Id) -> Vec<u8> {
        encode(|w| {
            w.array(6);
            w.text("wardkey/v1/cache-entry");
            w.text(&owner.name);
            w.text(owner.user.as_str());
            w.bytes(id.bytes());
            w.uint(self.fetched);
            w.uint(self.end);
        })
    }

    pub(super) fn seal<R: rand_core::TryCryptoRng>(
        &self,
        cache_key: &Expander,
        owner: &Owner,
        rng: &mut Random<R>,
        id: &Id,
        item: &Item,
    ) -> Result<Vec<u8>> {
        let body = cobblestone::seal_with(cache_key, rng, &self.context(owner, id), item.bytes())?;
        Ok([&[VERSION], self.fetched.to_be_bytes().as_slice(), &self.end.to_be_bytes(), &body].concat())
    }

    /// What is in an entry that says this of itself; nothing where it is not this owner's, changed, or another key than it is named by.
    pub(super) fn open(&self, cache_key: &Expander, owner: &Owner, id: &Id, entry: &[u8]) -> Option<Item> {
        let body = entry.get(CLEAR..)?;
        let mut opened = cobblestone::open_with(cache_key, &self.context(owner, id), body).ok()?;
        let (Id::Key(id), Some(secret)) = (id, Secret::from_slice(&opened)) else {
            return Some(Item::Payload(Rc::new(SecretBytes::new(opened))));
        };
        opened.zeroize();
        let key = DataKey::from_secret(secret);
        equal(&key.id().0, &id.0).then(|| Item::Key(Rc::new(key)))
    }
}
