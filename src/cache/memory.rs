//! What a cache holds in memory: keys, and sealed entries that nobody asked for yet. The least recently used goes first.

use std::{collections::HashMap, rc::Rc};

use super::entry::Term;
use crate::data_key::{DataKey, KeyId};

/// Uses are counted from here: after all that was fetched before, which ranks by its time.
const FIRST_USE: u64 = 1 << 63;

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

/// Keys by id, each with its term.
#[derive(Debug)]
pub(super) struct MemoryStore {
    capacity: usize,
    held: HashMap<KeyId, Held>,
    uses: u64,
}

impl MemoryStore {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, held: HashMap::new(), uses: FIRST_USE }
    }

    /// Holds a key as the most recently used.
    pub(super) fn insert(&mut self, term: Term, value: Value) {
        self.uses += 1;
        self.held.insert(term.key_id, Held { term, value, used: self.uses });
    }

    /// Holds an entry that was last used when it was fetched, as far as is known.
    pub(super) fn take_in(&mut self, term: Term, entry: Vec<u8>) {
        let held = Held { term, value: Value::Sealed(entry.into()), used: term.fetched.min(FIRST_USE) };
        self.held.insert(term.key_id, held);
    }

    /// What is held of this key, which counts as used now.
    pub(super) fn get(&mut self, id: &KeyId) -> Option<(Term, Value)> {
        let held = self.held.get_mut(id)?;
        self.uses += 1;
        held.used = self.uses;
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
        self.held.remove(id);
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
    }

    /// Drops what isn't allowed any more, then the least recently used beyond the capacity, and gives their ids.
    pub(super) fn tidy(&mut self, allowed: impl Fn(&Term) -> bool) -> Vec<KeyId> {
        let mut uses: Vec<u64> = self.held.values().filter(|held| allowed(&held.term)).map(|held| held.used).collect();
        uses.sort_unstable();
        let surplus = uses.len().saturating_sub(self.capacity);
        let first = uses.get(surplus).copied().unwrap_or(u64::MAX);
        // Several were fetched in the same moment.
        let mut ties = surplus - uses.partition_point(|used| *used < first);
        let mut gone = Vec::new();
        self.held.retain(|id, held| {
            let tied = held.used == first && ties > 0;
            let kept = held.used >= first && !tied && allowed(&held.term);
            if !kept {
                ties -= usize::from(tied && allowed(&held.term));
                gone.push(*id);
            }
            kept
        });
        gone
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }
}
