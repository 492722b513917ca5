//! Entities of the application, encrypted for users and groups, and opened: with the exchange keys that are here or are fetched. SPEC sections 18.11 and 18.12.

use core::slice;
use std::{collections::BTreeSet, rc::Rc};

use super::{Client, Host, cache::Cache, exchange::keys_of, met::People, recipient::Recipient};
use crate::{
    backend::{Failure, Outcome},
    delegation::{ExchangeKeys, Kept, Manifest, NO_MATCH, Pair, Ring, entity},
    error::{Code, Error, Result},
    identity::UserId,
    party::Party,
    session::Signers,
    signed::Hash,
};

const NO_PARTY: Error = Error::new(&(Code::InvalidArgument, "entities are shared with users and groups"));

/// A ring for some entities, as far as their exchange keys could be had.
struct EntityRing {
    ring: Ring,
    /// Of what is in it something wasn't fetched now, or nobody was asked: another time may give more.
    may_grow: bool,
    /// Why the key server didn't answer.
    failure: Option<Failure>,
}

/// What is to be asked for.
#[derive(Default)]
struct Wanted {
    pairs: BTreeSet<Pair>,
    groups: BTreeSet<Hash>,
    /// Pairs by which some of the entities may open too were left out.
    is_part: bool,
}

impl Wanted {
    /// Pairs that end with the own user; where there is none, or `all` are wanted, those too that end with a group of his, or with one that isn't known.
    fn add(&mut self, pairs: Vec<Pair>, people: &People, all: bool) {
        let is_own = |pair: &Pair| matches!(&people.own, Party::User { id, .. } if id.as_str() == pair.delegate());
        let (own, others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(is_own);
        let is_enough = !own.is_empty() && !all;
        self.pairs.extend(own);
        for pair in others {
            let Some(id) = Hash::parse(pair.delegate()) else { continue };
            let is_known = people.group(&id).is_ok();
            // He may have joined it since.
            if is_enough || (is_known && !all && !people.belongs(&id)) {
                self.is_part = true;
                continue;
            }
            if !is_known {
                self.groups.insert(id);
            }
            self.pairs.insert(pair);
        }
    }
}

impl EntityRing {
    fn insert(&mut self, kept: &[Rc<Kept>]) {
        for kept in kept {
            self.ring.insert(Rc::clone(kept.keys()));
        }
    }

    /// Might it open with what is fetched anew: versions that came since, groups that the user joined?
    fn may_heal(&self, error: Error) -> bool {
        self.may_grow && is_of_keys(error)
    }

    /// Where the key server didn't answer, nobody knows what it would have given.
    fn explain(&self, error: Error) -> Failure {
        match self.failure {
            Some(failure) if is_of_keys(error) || error == failure.error => failure,
            _ => error.into(),
        }
    }
}

/// Does it come of exchange keys that are missing, or are others than those that are needed?
const fn is_of_keys(error: Error) -> bool {
    matches!(
        error.code(),
        Code::DecryptionFailed
            | Code::NotARecipient
            | Code::UnwrapFailed
            | Code::KeyMismatch
            | Code::BadSignature
            | Code::Rollback
            | Code::Revoked
            | Code::UnknownGroup
    )
}

impl<H: Host> Client<H> {
    /// Encrypts an entity, JSON, for the own user and for these others; with a parent, as a child of that.
    ///
    /// # Errors
    /// `locked`; `invalid-argument`, `invalid-format`, `limit`, before anything is asked for; as [`Self::decrypt_entity`] of the parent; `unknown-user`, `unknown-group`,
    /// `not-certified`, `pin-mismatch`, `stale`, `conflict`; those of the backend. A path that matches nothing, and a user or group that isn't taken, are named.
    pub async fn encrypt_entity(
        &self,
        (entity_type, entity): (&str, &str),
        manifest: &Manifest,
        parent: Option<&str>,
        others: &[Recipient],
    ) -> Outcome<String> {
        let own = self.with(|ready| Recipient::User(ready.user.clone()))?;
        let names = names(&[others, slice::from_ref(&own)].concat())?;
        let named = |error: Error| self.name_path(error.into(), manifest, entity);
        entity::check((entity_type, entity), manifest, &names).map_err(named)?;
        let cache = self.warm().await?;
        let by = own.user().map(UserId::as_str).unwrap_or_default();
        let pairs: Vec<Pair> = names.iter().map(|name| Pair::named(by, name)).collect();
        if let Some(parent) = parent {
            // Nothing is made for a child of what doesn't open.
            self.read_entity(parent, |ring| entity::parent_ids(ring, parent)).await?;
        }
        let kept = self.sealing_keys(&cache, &pairs).await?;
        let parties: Vec<Party> = kept.iter().map(|kept| kept.parties()[1].clone()).collect();
        let seal = |ring: &mut EntityRing| {
            ring.insert(&kept);
            let by = self.with(|ready| ready.people.own.clone())?;
            let rng = &mut *self.host.random().borrow_mut();
            entity::encrypt(rng, &ring.ring, (&by, &parties), (entity_type, entity), manifest, parent)
        };
        self.with_ring(parent, seal).await
    }

    /// Decrypts an entity.
    ///
    /// # Errors
    /// `locked`; those of SPEC sections 18.7 and 18.11; those of the backend.
    pub async fn decrypt_entity(&self, entity: &str) -> Outcome<String> {
        self.read_entity(entity, |ring| entity::decrypt(ring, entity)).await
    }

    /// Decrypts so many entities, in one request where one is needed: `text` gives each, and `put` takes what came of it; `pairs` are theirs, as [`entity::all_pairs`]
    /// has them: those of one entity together, and what several have in common once.
    ///
    /// # Errors
    /// `locked`. In an entity's place: as [`Self::decrypt_entity`].
    pub async fn decrypt_entities(
        &self,
        count: usize,
        pairs: Vec<Vec<Pair>>,
        text: impl Fn(usize) -> Result<String>,
        mut put: impl FnMut(usize, Outcome<String>),
    ) -> Outcome<()> {
        let cache = self.warm().await?;
        let mut ring = self.ring_for(&cache, pairs.into_iter(), false).await?;
        let mut left: Vec<usize> = (0..count).collect();
        for anew in [false, true] {
            let mut places = core::mem::take(&mut left).into_iter();
            self.in_steps(&mut || {
                self.check_cache(&cache)?;
                let Some(place) = places.next() else { return Ok(false) };
                match text(place).and_then(|text| entity::decrypt(&ring.ring, &text)) {
                    Err(error) if !anew && ring.may_heal(error) => left.push(place),
                    opened => put(place, opened.map_err(|error| ring.explain(error))),
                }
                Ok(true)
            })
            .await?;
            if left.is_empty() {
                break;
            }
            let pairs = left.iter().map(|place| text(*place).and_then(|text| entity::all_pairs(&text)));
            ring = self.ring_for(&cache, pairs.map(Result::unwrap_or_default), true).await?;
        }
        Ok(())
    }

    /// Encrypts an entity anew in the place of what it was: its key, those who read it and its links stay.
    ///
    /// # Errors
    /// As [`Self::decrypt_entity`] of the previous one; `invalid-argument`, `invalid-format`, `limit`.
    pub async fn update_entity(&self, previous: &str, entity: &str, manifest: &Manifest) -> Outcome<String> {
        let update = |ring: &Ring| {
            let rng = &mut *self.host.random().borrow_mut();
            entity::update(rng, ring, previous, entity, manifest)
        };
        self.read_entity(previous, update).await.map_err(|failure| self.name_path(failure, manifest, entity))
    }

    /// Gives an entity to these, too. All else of it stays, byte for byte.
    ///
    /// # Errors
    /// As [`Self::decrypt_entity`]; `forbidden` for who is too far from who made it; otherwise as [`Self::encrypt_entity`].
    pub async fn share_entity(&self, entity: &str, others: &[Recipient]) -> Outcome<String> {
        let names = names(others)?;
        let cache = self.warm().await?;
        let by = |ring: &Ring| {
            // What is refused is refused before anything is asked for.
            entity::without(ring, entity, &names)?;
            entity::delegator(ring, entity)
        };
        let by = self.read_entity(entity, by).await?;
        let pairs: Vec<Pair> = names.iter().map(|name| Pair::named(&by, name)).collect();
        let known = self.exchange(&cache, &pairs, &[], false).await?;
        let with_known = |ring: &mut EntityRing| {
            for (pair, known) in &known {
                keys_of(pair, known).into_iter().for_each(|keys| ring.ring.insert(keys));
            }
        };
        let missing = |ring: &mut EntityRing| {
            with_known(ring);
            let missing = entity::without(&ring.ring, entity, &names)?;
            Ok(missing.into_iter().map(|name| Pair::named(&by, name)).collect::<Vec<_>>())
        };
        let missing = self.with_ring(Some(entity), missing).await?;
        let kept = self.sealing_keys(&cache, &missing).await?;
        let parties: Vec<Party> = kept.iter().map(|kept| kept.parties()[1].clone()).collect();
        let share = |ring: &mut EntityRing| {
            with_known(ring);
            ring.insert(&kept);
            entity::share(&mut *self.host.random().borrow_mut(), &ring.ring, entity, &parties)
        };
        self.with_ring(Some(entity), share).await
    }

    /// What to look for in the `secretForeignKeys` of others to find the children of this entity.
    ///
    /// # Errors
    /// As [`Self::decrypt_entity`].
    pub async fn secret_foreign_keys(&self, parent: &str) -> Outcome<Vec<String>> {
        self.read_entity(parent, |ring| entity::secret_foreign_keys(ring, parent)).await
    }

    /// Ids of the parents of this entity.
    ///
    /// # Errors
    /// As [`Self::decrypt_entity`].
    pub async fn parent_ids(&self, child: &str) -> Outcome<Vec<String>> {
        self.read_entity(child, |ring| entity::parent_ids(ring, child)).await
    }

    async fn read_entity<T>(&self, entity: &str, read: impl Fn(&Ring) -> Result<T>) -> Outcome<T> {
        self.with_ring(Some(entity), |ring| read(&ring.ring)).await
    }

    /// Says of a path that matches nothing which it is.
    fn name_path(&self, failure: Failure, manifest: &Manifest, entity: &str) -> Failure {
        match manifest.unmatched(entity) {
            Some(path) if failure.error == NO_MATCH => self.about(failure, path),
            _ => failure,
        }
    }

    /// Does something with the ring for an entity; if that fails for want of keys, once more with what is fetched anew.
    async fn with_ring<T>(&self, entity: Option<&str>, act: impl Fn(&mut EntityRing) -> Result<T>) -> Outcome<T> {
        let cache = self.warm().await?;
        // What has another form is said of it when it is opened.
        let pairs = entity.map(|entity| entity::all_pairs(entity).unwrap_or_default());
        let mut ring = self.ring_for(&cache, pairs.clone().into_iter(), false).await?;
        match act(&mut ring) {
            Err(error) if ring.may_heal(error) => {
                ring = self.ring_for(&cache, pairs.into_iter(), true).await?;
                act(&mut ring).map_err(|error| ring.explain(error))
            }
            done => done.map_err(|error| ring.explain(error)),
        }
    }

    /// The exchange keys by which entities with these pairs open for the own user and his groups. `anew`: whatever is here.
    async fn ring_for(
        &self,
        cache: &Rc<Cache<H::Store>>,
        mut entities: impl Iterator<Item = Vec<Pair>>,
        anew: bool,
    ) -> Outcome<EntityRing> {
        let mut wanted = Wanted::default();
        self.in_steps(&mut || {
            self.check_cache(cache)?;
            let Some(pairs) = entities.next() else { return Ok(false) };
            // What no entity can have is said of it when it is opened: nobody is asked for thousands of them.
            if entity::check_pairs(&pairs).is_ok() {
                self.with(|ready| wanted.add(pairs, &ready.people, anew))?;
            }
            Ok(true)
        })
        .await?;
        let (pairs, groups): (Vec<Pair>, Vec<Hash>) =
            (wanted.pairs.into_iter().collect(), wanted.groups.into_iter().collect());
        let (known, failure) = match self.exchange(cache, &pairs, &groups, anew).await {
            Ok(known) => (known, None),
            Err(failure) if failure.code() == Code::Locked => return Err(failure),
            Err(failure) => (self.exchange_here(cache, &pairs).await?, Some(failure)),
        };
        self.check_cache(cache)?;
        let (parties, former) = self.with(|ready| (ready.people.own_parties(), ready.people.former_groups()))?;
        let mut ring = Ring::new(&parties, &former)?;
        for pair in &pairs {
            let keys = match (known.get(pair), &failure) {
                (Some(known), _) => keys_of(pair, known),
                (None, Some(failure)) => Some(ExchangeKeys::kept(pair.clone(), vec![Err(failure.error)]).into()),
                (None, None) => None,
            };
            keys.into_iter().for_each(|keys| ring.insert(keys));
        }
        let may_grow =
            !anew && failure.is_none() && (wanted.is_part || known.values().flatten().any(|one| !one.is_fetched()));
        Ok(EntityRing { ring, may_grow, failure })
    }
}

/// The texts of these parties, each once.
fn names(parties: &[Recipient]) -> Result<Vec<String>> {
    let name = |party: &Recipient| match party {
        Recipient::User(id) => Ok(id.as_str().to_owned()),
        Recipient::Group(id) => Ok(id.to_string()),
        Recipient::Placeholder { .. } => Err(NO_PARTY),
    };
    let mut names = parties.iter().map(name).collect::<Result<Vec<_>>>()?;
    names.sort_unstable();
    names.dedup();
    Ok(names)
}
