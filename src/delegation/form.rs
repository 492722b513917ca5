//! An encrypted entity as the application stores it, and what is asked of it before anything is opened: SPEC sections 18.6 and 18.7.

use std::borrow::Cow;

use super::{
    json::{self, Kind, Member},
    names::{Pair, is_id, is_type},
    value::{Field, SEALED_ID, SEALED_ID_MAX, SEALED_KEY},
};
use crate::{
    encoding::{MALFORMED, base64url, from_public_base64url},
    error::{Code, Error, Result},
};

/// Members that are never sealed by a manifest.
pub(super) const RESERVED: [&str; 7] =
    ["id", "entityType", "encryptedSelf", "encryptionKeys", "delegations", "cryptedForeignKeys", "secretForeignKeys"];

pub(super) const MAX_PAIRS: usize = 1000;
pub(super) const MAX_VALUES: usize = 64;
/// Pairs from the self pair to a party.
const MAX_DEPTH: usize = 8;

const FULL: Error = Error::new(&(Code::Limit, "an entity with more than 1,000 pairs"));
const STRAY: Error =
    Error::new(&(Code::Forbidden, "pairs that aren't reached from one self pair in at most eight steps, or go round"));
const OTHER_PAIRS: Error = Error::new(&(Code::Forbidden, "an entity whose maps have different pairs"));
const NOT_ENCRYPTED: Error = Error::new(&(
    Code::InvalidFormat,
    "no encrypted entity: id, entityType, encryptedSelf, encryptionKeys, delegations, cryptedForeignKeys or secretForeignKeys isn't there",
));
pub(super) const OWN_ID: Error = Error::new(&(Code::InvalidArgument, "a party with the id of the entity"));

pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Values of one field by pair, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Map(pub(super) Vec<(Pair, Vec<Vec<u8>>)>);

impl Map {
    /// Those of one map are mostly those of another: pairs that are `known` aren't looked at again.
    fn read(text: &str, field: Field, known: &Self) -> Result<Self> {
        let members = json::object(text)?;
        if members.len() > MAX_PAIRS {
            return Err(FULL);
        }
        let mut map = Vec::with_capacity(members.len());
        for member in members {
            let values = json::strings(member.value)?
                .iter()
                .map(|value| from_public_base64url(value))
                .collect::<Result<Vec<_>>>()?;
            let fits = |value: &Vec<u8>| match field {
                Field::EncryptionKeys => value.len() == SEALED_KEY,
                _ => (SEALED_ID..=SEALED_ID_MAX).contains(&value.len()) && (value.len() - SEALED_ID).is_multiple_of(64),
            };
            let most = if field == Field::EncryptionKeys { 1 } else { MAX_VALUES };
            if !(1..=most).contains(&values.len()) || !values.iter().all(fits) {
                return Err(MALFORMED);
            }
            map.push((known.pair_named(&member.name)?, values));
        }
        map.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Self(map))
    }

    /// The pair of this text.
    fn pair_named(&self, text: &str) -> Result<Pair> {
        let place = self.0.binary_search_by(|(known, _)| known.as_str().cmp(text));
        match place.ok().and_then(|place| self.0.get(place)) {
            Some((known, _)) => Ok(known.clone()),
            None => Pair::parse(text),
        }
    }

    /// The values of a pair; none where it isn't there.
    pub(super) fn values(&self, pair: &Pair) -> &[Vec<u8>] {
        let place = self.0.binary_search_by(|(known, _)| known.cmp(pair));
        place.ok().and_then(|place| self.0.get(place)).map(|(_, values)| values.as_slice()).unwrap_or_default()
    }

    /// Sets the values of a pair.
    pub(super) fn set(&mut self, pair: Pair, values: Vec<Vec<u8>>) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&pair)) {
            Ok(place) => {
                if let Some((_, known)) = self.0.get_mut(place) {
                    *known = values;
                }
            }
            Err(place) => self.0.insert(place, (pair, values)),
        }
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = &Pair> + Clone {
        self.0.iter().map(|(pair, _)| pair)
    }

    /// Values in an order that says nothing: that of their bytes.
    pub(super) fn write(&self, out: &mut String) {
        out.push('{');
        json::write_joined(out, &self.0, |out, (pair, values)| {
            json::write_string(out, pair.as_str());
            out.push_str(":[");
            let mut texts: Vec<_> = values.iter().map(|value| base64url(value)).collect();
            texts.sort_unstable();
            json::write_joined(out, &texts, |out, text| json::write_string(out, text));
            out.push(']');
        });
        out.push('}');
    }
}

/// An encrypted entity of good form.
#[derive(Clone, Debug)]
pub(super) struct Stored<'a> {
    /// All members, as they stand there.
    pub(super) members: Vec<Member<'a>>,
    pub(super) id: Cow<'a, str>,
    pub(super) entity_type: Cow<'a, str>,
    pub(super) encrypted_self: Vec<u8>,
    pub(super) encryption_keys: Map,
    pub(super) delegations: Map,
    pub(super) crypted_foreign_keys: Map,
    /// Sorted.
    pub(super) secret_foreign_keys: Vec<Cow<'a, str>>,
}

impl<'a> Stored<'a> {
    /// Reads an entity.
    ///
    /// # Errors
    /// Those of SPEC section 18.7.
    pub(super) fn read(text: &'a str) -> Result<Self> {
        let members = json::object(text)?;
        let find = |name: &str| members.iter().find(|member| member.name == name).map(|member| member.value);
        let member = |name: &str| find(name).ok_or(NOT_ENCRYPTED);
        let map = |name: &str, field: Field, known: &Map| {
            let value = member(name)?;
            if json::kind(value) == Kind::Object { Map::read(value, field, known) } else { Err(MALFORMED) }
        };
        let id = json::string(member("id")?)?;
        let entity_type = json::string(member("entityType")?)?;
        let encrypted_self = from_public_base64url(&json::string(member("encryptedSelf")?)?)?;
        let encryption_keys = map("encryptionKeys", Field::EncryptionKeys, &Map::default())?;
        let delegations = map("delegations", Field::Delegations, &encryption_keys)?;
        let crypted_foreign_keys = map("cryptedForeignKeys", Field::CryptedForeignKeys, &encryption_keys)?;
        let mut secret_foreign_keys = json::strings(member("secretForeignKeys")?)?;
        secret_foreign_keys.sort_unstable();
        let ids_fit = secret_foreign_keys.len() <= MAX_VALUES && secret_foreign_keys.iter().all(|id| is_id(id));
        if !is_id(&id) || !is_type(&entity_type) || !ids_fit {
            return Err(MALFORMED);
        }
        let stored = Self {
            id,
            entity_type,
            encrypted_self,
            encryption_keys,
            delegations,
            crypted_foreign_keys,
            secret_foreign_keys,
            members,
        };
        stored.check()?;
        Ok(stored)
    }

    /// Steps 2 to 4.
    fn check(&self) -> Result<()> {
        if self.encryption_keys.pairs().any(|pair| pair.delegator() == self.id || pair.delegate() == self.id) {
            return Err(OWN_ID);
        }
        check_pairs(self.encryption_keys.pairs())?;
        let like_keys = |map: &Map| map.pairs().eq(self.encryption_keys.pairs());
        let has_foreign = !self.crypted_foreign_keys.0.is_empty();
        if like_keys(&self.delegations) && (!has_foreign || like_keys(&self.crypted_foreign_keys)) {
            Ok(())
        } else {
            Err(OTHER_PAIRS)
        }
    }
}

/// Step 3: one self pair, from which all others are reached in few steps, and none goes round.
///
/// # Errors
/// `forbidden`, `limit`.
pub(super) fn check_pairs<'p>(pairs: impl Iterator<Item = &'p Pair> + Clone) -> Result<()> {
    if pairs.clone().nth(MAX_PAIRS).is_some() {
        return Err(FULL);
    }
    let mut own = pairs.clone().filter(|pair| pair.is_self());
    let (Some(root), None) = (own.next(), own.next()) else { return Err(STRAY) };
    let others = pairs.clone().filter(|pair| !pair.is_self());
    // What most entities have: all from who made it.
    if others.clone().all(|pair| pair.delegator() == root.delegator()) {
        return Ok(());
    }
    let mut names: Vec<&str> = pairs.flat_map(|pair| [pair.delegator(), pair.delegate()]).collect();
    names.sort_unstable();
    names.dedup();
    let place = |name: &str| names.binary_search(&name).unwrap_or_default();
    let mut edges: Vec<(usize, usize)> = others.map(|pair| (place(pair.delegator()), place(pair.delegate()))).collect();
    edges.sort_unstable();
    // Party by party, each after all that lead to it: the first has nobody before it, and it alone.
    let mut before = vec![0_usize; names.len()];
    edges.iter().for_each(|(_, to)| increase(&mut before, *to));
    let mut depths = vec![usize::MAX; names.len()];
    let root = place(root.delegator());
    if before.iter().enumerate().any(|(place, before)| (*before == 0) != (place == root)) {
        return Err(STRAY);
    }
    let mut ready = vec![root];
    if let Some(depth) = depths.get_mut(root) {
        *depth = 0;
    }
    let mut done = 0;
    while let Some(from) = ready.pop() {
        done += 1;
        let depth = depths.get(from).copied().unwrap_or(usize::MAX).saturating_add(1);
        let start = edges.partition_point(|edge| edge.0 < from);
        for (_, to) in edges.get(start..).unwrap_or_default().iter().take_while(|edge| edge.0 == from) {
            let (Some(least), Some(left)) = (depths.get_mut(*to), before.get_mut(*to)) else { continue };
            *least = depth.min(*least);
            *left = left.saturating_sub(1);
            if *left == 0 {
                ready.push(*to);
            }
        }
    }
    let is_shallow = depths.iter().all(|depth| *depth <= MAX_DEPTH);
    if done == names.len() && is_shallow { Ok(()) } else { Err(STRAY) }
}

fn increase(counts: &mut [usize], place: usize) {
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
    }
}

/// Does `from` come before `to` on the way from the self pair, or is it the same?
pub(super) fn precedes(map: &Map, from: &str, to: &str) -> bool {
    let mut before = vec![to];
    let mut at = 0;
    while let Some(party) = before.get(at).copied() {
        for pair in map.pairs().filter(|pair| !pair.is_self() && pair.delegate() == party) {
            if !before.contains(&pair.delegator()) {
                before.push(pair.delegator());
            }
        }
        at += 1;
    }
    before.contains(&from)
}
