//! What a cache holds in memory: keys, and sealed entries that nobody asked for yet. The least recently used goes first.

use std::{collections::BTreeMap, rc::Rc};

use super::entry::Term;
use crate::data_key::{DataKey, KeyId};

/// A key, or the entry that it is sealed in.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Open(Rc<DataKey>),
    Sealed(Rc<[u8]>),
}

#[derive(Debug)]
struct Held {
    term: Term,
    value: Value,
    used: u64,
}

/// Keys by id, at most so many, each with its term.
#[derive(Debug)]
pub(super) struct MemoryStore {
    capacity: usize,
    held: BTreeMap<KeyId, Held>,
    by_use: BTreeMap<u64, KeyId>,
    uses: u64,
}

impl MemoryStore {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { capacity, held: BTreeMap::new(), by_use: BTreeMap::new(), uses: 0 }
    }

    /// Holds this as the most recently used, and gives the ids that had to go for it.
    pub(super) fn insert(&mut self, term: Term, value: Value) -> Vec<KeyId> {
        self.remove(&term.key_id);
        self.uses += 1;
        self.by_use.insert(self.uses, term.key_id);
        self.held.insert(term.key_id, Held { term, value, used: self.uses });
        let mut gone = Vec::new();
        while self.held.len() > self.capacity
            && let Some((_, id)) = self.by_use.pop_first()
        {
            self.held.remove(&id);
            gone.push(id);
        }
        gone
    }

    /// What is held of this key, which counts as used now.
    pub(super) fn get(&mut self, id: &KeyId) -> Option<(Term, Value)> {
        let held = self.held.get_mut(id)?;
        self.by_use.remove(&held.used);
        self.uses += 1;
        held.used = self.uses;
        self.by_use.insert(self.uses, *id);
        Some((held.term, held.value.clone()))
    }

    /// The entry of this key was opened.
    pub(super) fn open(&mut self, id: &KeyId, key: &Rc<DataKey>) {
        if let Some(held) = self.held.get_mut(id) {
            held.value = Value::Open(Rc::clone(key));
        }
    }

    pub(super) fn contains(&self, id: &KeyId) -> bool {
        self.held.contains_key(id)
    }

    pub(super) fn remove(&mut self, id: &KeyId) {
        if let Some(held) = self.held.remove(id) {
            self.by_use.remove(&held.used);
        }
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
        self.by_use.clear();
    }

    /// Drops what isn't allowed any more, and gives its ids.
    pub(super) fn expire(&mut self, allowed: impl Fn(&Term) -> bool) -> Vec<KeyId> {
        let gone: Vec<_> =
            self.held.values().filter(|held| !allowed(&held.term)).map(|held| held.term.key_id).collect();
        for id in &gone {
            self.remove(id);
        }
        gone
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }
}
