//! What a cache holds in memory: what was opened, and sealed entries that nobody asked for yet. The least recently used goes first.

use core::hash::{BuildHasherDefault, Hasher};
use std::{collections::HashMap, rc::Rc};

use super::entry::{Id, Item, Term};

/// Uses are counted from here: after all that was fetched before, which ranks by its time.
const FIRST_USE: u64 = 1 << 63;

/// What is kept, or the entry that it is sealed in.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Open(Item),
    Sealed(Rc<[u8]>),
}

#[derive(Debug)]
struct Held {
    term: Term,
    value: Value,
    used: u64,
}

/// An id is a hash already.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_usize(&mut self, _: usize) {}
    fn finish(&self) -> u64 {
        self.0
    }
}

/// Entries by what they are of, each with its term.
#[derive(Debug)]
pub(super) struct MemoryStore {
    capacity: usize,
    held: HashMap<Id, Held, BuildHasherDefault<IdHasher>>,
    uses: u64,
}

impl MemoryStore {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, held: HashMap::default(), uses: FIRST_USE }
    }

    /// Holds an entry as the most recently used.
    pub(super) fn insert(&mut self, id: Id, term: Term, value: Value) {
        self.uses += 1;
        self.held.insert(id, Held { term, value, used: self.uses });
    }

    /// Holds an entry that was last used when it was fetched, as far as is known.
    pub(super) fn take_in(&mut self, id: Id, term: Term, entry: Vec<u8>) {
        let held = Held { term, value: Value::Sealed(entry.into()), used: term.fetched.min(FIRST_USE) };
        self.held.insert(id, held);
    }

    /// What is held of this, which counts as used now.
    pub(super) fn get(&mut self, id: &Id) -> Option<(Term, Value)> {
        let held = self.held.get_mut(id)?;
        self.uses += 1;
        held.used = self.uses;
        Some((held.term, held.value.clone()))
    }

    /// This entry was opened.
    pub(super) fn open(&mut self, id: &Id, item: &Item) {
        if let Some(held) = self.held.get_mut(id) {
            held.value = Value::Open(item.clone());
        }
    }

    pub(super) fn contains(&self, id: &Id) -> bool {
        self.held.contains_key(id)
    }

    pub(super) fn remove(&mut self, id: &Id) {
        self.held.remove(id);
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
    }

    /// Drops what isn't allowed any more, then the least recently used beyond the capacity, and gives their ids.
    pub(super) fn tidy(&mut self, allowed: &dyn Fn(&Term) -> bool) -> Vec<Id> {
        let mut gone = Vec::new();
        self.drop_unless(&mut |held| allowed(&held.term), &mut gone);
        let mut surplus = self.held.len().saturating_sub(self.capacity);
        if surplus > 0 {
            let last = self.used_by_rank(surplus);
            // Those that were fetched in the very moment `last` go as far as they must.
            self.drop_unless(&mut |held| held.used >= last, &mut gone);
            surplus = self.held.len().saturating_sub(self.capacity);
            let mut drop_one = |held: &Held| {
                let kept = held.used > last || surplus == 0;
                surplus -= usize::from(!kept);
                kept
            };
            self.drop_unless(&mut drop_one, &mut gone);
        }
        gone
    }

    /// The least moment of use that so many entries are not after.
    fn used_by_rank(&self, rank: usize) -> u64 {
        let (mut low, mut high) = (0, u64::MAX);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.held.values().filter(|held| held.used <= middle).count() < rank {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn drop_unless(&mut self, keep: &mut dyn FnMut(&Held) -> bool, gone: &mut Vec<Id>) {
        self.held.retain(|id, held| {
            let kept = keep(held);
            if !kept {
                gone.push(*id);
            }
            kept
        });
    }

    /// How many data keys are held; those of a pair are one.
    pub(super) fn keys(&self) -> usize {
        self.ids().filter(|id| matches!(id, Id::Key(_) | Id::Pair(_))).count()
    }

    /// What is held.
    pub(super) fn ids(&self) -> impl Iterator<Item = &Id> {
        self.held.keys()
    }
}
