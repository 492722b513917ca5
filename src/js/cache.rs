//! `KeyCache`. Every task holds what it works on: the object that it was called on may be freed meanwhile.

use std::rc::Rc;

use js_sys::{Array, Date};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{
    convert::{number, whole},
    data_key::CoreDataKey,
    error::JsResult,
    key_pair::CoreKeyPair,
    key_store::{CoreStore, JsStore},
    random::{shared_random, with_random},
    scrub_stack,
    task::CoreTask,
};
use crate::{
    cache::{Clock, Fresh, KeyCache, Limits, Now, Owner, SealedBy, Stats},
    data_key::KeyId,
    error::Result,
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// `Date.now()` and `performance.now()`.
#[derive(Debug)]
pub(super) struct JsClock;

impl Clock for JsClock {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
    fn now(&self) -> Now {
        Now { wall: Date::now() as u64, monotonic: performance_now() as u64 }
    }
}

type Cache = KeyCache<JsStore, JsClock>;

/// What a cache of this name and user is called: 22 characters.
#[wasm_bindgen(js_name = cacheTag)]
pub fn cache_tag(name: &str, user: &str) -> JsResult<String> {
    Ok(Owner::new(name, user)?.tag())
}

/// Keys by id.
#[wasm_bindgen(js_name = CoreKeyCache)]
#[derive(Debug)]
pub struct CoreKeyCache(Rc<Cache>);

#[wasm_bindgen(js_class = CoreKeyCache)]
impl CoreKeyCache {
    /// A cache in memory alone.
    #[wasm_bindgen(js_name = inMemory)]
    pub fn in_memory(name: &str, user: &str, ttl: f64, entries: f64) -> JsResult<CoreKeyCache> {
        let (owner, limits) = (Owner::new(name, user)?, limits(ttl, entries)?);
        Ok(Self(Rc::new(Cache::in_memory(owner, limits, JsClock))))
    }

    /// A cache over a store, sealed by a data key.
    #[wasm_bindgen(js_name = openWithKey)]
    pub fn open_with_key(
        name: &str,
        user: &str,
        ttl: f64,
        entries: f64,
        store: CoreStore,
        key: &CoreDataKey,
    ) -> JsResult<CoreTask> {
        Ok(open(Owner::new(name, user)?, limits(ttl, entries)?, store, SealedBy::DataKey(Rc::clone(&key.0))))
    }

    /// A cache over a store, sealed by a key pair.
    #[wasm_bindgen(js_name = openWithPair)]
    pub fn open_with_pair(
        name: &str,
        user: &str,
        ttl: f64,
        entries: f64,
        store: CoreStore,
        pair: &CoreKeyPair,
    ) -> JsResult<CoreTask> {
        Ok(open(Owner::new(name, user)?, limits(ttl, entries)?, store, SealedBy::KeyPair(Rc::clone(&pair.0))))
    }

    /// For each id its key, or undefined.
    #[wasm_bindgen(js_name = getMany)]
    pub fn get_many(&self, ids: Vec<String>) -> CoreTask {
        let cache = Rc::clone(&self.0);
        CoreTask::new(async move {
            let ids: Vec<_> = ids.iter().map(|id| KeyId::parse(id)).collect();
            let known: Vec<_> = ids.iter().copied().flatten().collect();
            cache.count_misses((ids.len() - known.len()) as u64);
            let mut found = cache.get_many(&known).await.into_iter();
            let key = |id: Option<KeyId>| match id.and_then(|_| found.next().flatten()) {
                Some(key) => CoreDataKey(key).into(),
                None => JsValue::UNDEFINED,
            };
            Ok(ids.into_iter().map(key).collect::<Array>().into())
        })
    }

    /// Keys to be kept together.
    pub fn batch(&self) -> CoreKeyBatch {
        CoreKeyBatch { cache: Rc::clone(&self.0), fresh: Vec::new() }
    }

    /// Deletes these keys, or all, here and in the store.
    pub fn delete(&self, ids: Option<Vec<String>>) -> CoreTask {
        let cache = Rc::clone(&self.0);
        CoreTask::new(async move {
            match ids {
                Some(ids) => cache.delete(&known(&ids)).await,
                None => cache.clear().await,
            }
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Drops these keys, or all, from memory.
    pub fn forget(&self, ids: Option<Vec<String>>) {
        match ids {
            Some(ids) => self.0.forget(&known(&ids)),
            None => self.0.forget_all(),
        }
        scrub_stack();
    }

    /// `[entries, hits, misses, wipes, degraded]`.
    pub fn stats(&self) -> Array {
        stats(self.0.stats())
    }

    /// Drops every key from memory, and wipes what calls left on the stack.
    pub fn close(&self) {
        self.0.close();
        scrub_stack();
    }
}

/// Keys to be kept together.
#[wasm_bindgen(js_name = CoreKeyBatch)]
#[derive(Debug)]
pub struct CoreKeyBatch {
    cache: Rc<Cache>,
    fresh: Vec<Fresh>,
}

#[wasm_bindgen(js_class = CoreKeyBatch)]
impl CoreKeyBatch {
    /// Seals a key.
    pub fn add(&mut self, key: &CoreDataKey) -> JsResult<()> {
        self.fresh.push(with_random(|rng| self.cache.seal(rng, &key.0))?);
        Ok(())
    }

    /// Keeps them.
    pub fn save(self) -> CoreTask {
        CoreTask::new(async move {
            self.cache.save(self.fresh).await;
            Ok(JsValue::UNDEFINED)
        })
    }
}

pub(super) fn stats(stats: Stats) -> Array {
    let Stats { entries, hits, misses, wipes, degraded } = stats;
    let degraded = degraded.map_or(JsValue::UNDEFINED, JsValue::from);
    Array::of5(&number(entries as u64), &number(hits), &number(misses), &number(wipes.into()), &degraded)
}

fn open(owner: Owner, limits: Limits, store: CoreStore, sealed_by: SealedBy) -> CoreTask {
    let store = JsStore::new(store, &owner.tag());
    CoreTask::new(async move {
        let cache = Cache::open(store, &sealed_by, owner, limits, JsClock, &shared_random()).await;
        scrub_stack();
        Ok(CoreKeyCache(Rc::new(cache?)).into())
    })
}

fn limits(ttl: f64, entries: f64) -> Result<Limits> {
    Ok(Limits { ttl: whole(ttl)?, entries: usize::try_from(whole(entries)?).unwrap_or(usize::MAX) })
}

fn known(ids: &[String]) -> Vec<KeyId> {
    ids.iter().filter_map(|id| KeyId::parse(id)).collect()
}
