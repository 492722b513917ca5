//! A cache over a store in memory, at a time that the test sets.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use rand_chacha::ChaCha20Rng;
use wardkey::{
    cache::{Clock, KeyCache, KeyStore, Limits, Now, Owner, SealedBy, StoreError, StoreResult},
    data_key::{DataKey, KeyId},
    error::Result,
};

use super::rng::{Seeded, seeded};

pub(crate) const HOUR: u64 = 60 * 60 * 1000;

/// Runs what waits for nothing but itself.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}

/// A clock that the test sets.
#[derive(Clone, Debug)]
pub(crate) struct TestClock(Rc<Cell<Now>>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Rc::new(Cell::new(Now { wall: 1_800_000_000_000, monotonic: 5000 })))
    }

    pub(crate) fn pass(&self, ms: u64) {
        let Now { wall, monotonic } = self.0.get();
        self.0.set(Now { wall: wall + ms, monotonic: monotonic + ms });
    }

    /// The wall clock alone.
    pub(crate) fn set_wall(&self, change: i64) {
        let now = self.0.get();
        self.0.set(Now { wall: now.wall.checked_add_signed(change).expect("after 1970"), ..now });
    }

    /// The device sleeps: the monotonic clock stands still.
    pub(crate) fn sleep(&self, ms: i64) {
        self.set_wall(ms);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Now {
        self.0.get()
    }
}

/// What a store does when it is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Good,
    /// Every call fails.
    Fails,
    /// Nothing can be written, everything read.
    Full,
}

/// What happens while a call runs.
type Meanwhile = Rc<RefCell<Option<Box<dyn FnOnce()>>>>;

/// Rows that outlive the caches over them.
#[derive(Clone, Default)]
pub(crate) struct TestStore {
    pub(crate) rows: Rc<RefCell<BTreeMap<String, Vec<u8>>>>,
    pub(crate) mood: Rc<Cell<Mood>>,
    pub(crate) calls: Rc<RefCell<Vec<&'static str>>>,
    /// Runs in the middle of the next call, once.
    pub(crate) meanwhile: Meanwhile,
    /// How often it was wiped, and of how many wipes nobody was told.
    pub(crate) wipes: Rc<Cell<(u32, u32)>>,
}

impl TestStore {
    fn called(&self, call: &'static str, writes: bool) -> StoreResult<()> {
        self.calls.borrow_mut().push(call);
        match self.mood.get() {
            Mood::Fails => Err(StoreError::new("it fails")),
            Mood::Full if writes => Err(StoreError::new("it is full")),
            _ => Ok(()),
        }
    }

    fn interrupted(&self) {
        let meanwhile = self.meanwhile.borrow_mut().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
    }

    /// Others empty it.
    pub(crate) fn wipe(&self) {
        self.rows.borrow_mut().clear();
        let (all, new) = self.wipes.get();
        self.wipes.set((all + 1, new + 1));
    }

    pub(crate) fn row(&self, id: KeyId) -> Option<Vec<u8>> {
        self.rows.borrow().get(&format!("k.{id}")).cloned()
    }
}

impl KeyStore for TestStore {
    async fn get_many(&self, ids: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        self.called("get_many", false)?;
        let found = ids.iter().map(|id| self.rows.borrow().get(id).cloned()).collect();
        self.interrupted();
        Ok(found)
    }
    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> StoreResult<()> {
        self.called("set_many", true)?;
        self.interrupted();
        self.rows.borrow_mut().extend(entries.iter().cloned());
        Ok(())
    }
    async fn delete_many(&self, ids: &[String]) -> StoreResult<()> {
        self.called("delete_many", true)?;
        self.rows.borrow_mut().retain(|id, _| !ids.contains(id));
        Ok(())
    }
    async fn all(&self) -> StoreResult<Vec<(String, Vec<u8>)>> {
        self.called("all", false)?;
        Ok(self.rows.borrow().clone().into_iter().collect())
    }
    async fn clear(&self) -> StoreResult<()> {
        self.called("clear", false)?;
        self.rows.borrow_mut().clear();
        Ok(())
    }
    fn wipes(&self) -> u32 {
        self.wipes.get().0
    }
    fn was_wiped(&self) -> bool {
        let (all, new) = self.wipes.get();
        self.wipes.set((all, 0));
        new > 0
    }
}

pub(crate) type Cache = KeyCache<TestStore, TestClock>;

/// What caches are opened with, one after the other, over the same rows.
pub(crate) struct Device {
    pub(crate) store: TestStore,
    pub(crate) clock: TestClock,
    pub(crate) rng: RefCell<Seeded>,
    pub(crate) sealed_by: SealedBy,
    pub(crate) limits: Limits,
}

impl Device {
    pub(crate) fn new(name: &str) -> Self {
        let mut rng: Seeded = seeded(name);
        let key = DataKey::generate(&mut rng).expect("a seeded generator doesn't fail");
        Self {
            store: TestStore::default(),
            clock: TestClock::new(),
            rng: RefCell::new(rng),
            sealed_by: SealedBy::DataKey(Rc::new(key)),
            limits: Limits::default(),
        }
    }

    pub(crate) fn try_open(&self, name: &str, user: &str) -> Result<Cache> {
        let owner = Owner::new(name, user)?;
        let (store, clock) = (self.store.clone(), self.clock.clone());
        run(KeyCache::open::<ChaCha20Rng>(store, &self.sealed_by, owner, self.limits, clock, &self.rng))
    }

    pub(crate) fn open(&self) -> Cache {
        self.try_open("keys", "alice").expect("no store makes it fail")
    }

    pub(crate) fn memory(&self) -> Cache {
        KeyCache::in_memory(Owner::new("keys", "alice").expect("a good name"), self.limits, self.clock.clone())
    }

    pub(crate) fn key(&self) -> Rc<DataKey> {
        Rc::new(DataKey::generate(&mut self.rng.borrow_mut()).expect("a seeded generator doesn't fail"))
    }

    pub(crate) fn keys(&self, count: usize) -> Vec<Rc<DataKey>> {
        (0..count).map(|_| self.key()).collect()
    }

    pub(crate) fn set(&self, cache: &Cache, keys: &[Rc<DataKey>]) {
        let fresh = keys.iter().map(|key| cache.seal(&mut self.rng.borrow_mut(), key).expect("it is open")).collect();
        run(cache.save(fresh));
    }
}

/// Whether each of these keys is there, and itself.
pub(crate) fn found(cache: &Cache, keys: &[Rc<DataKey>]) -> Vec<bool> {
    let ids: Vec<_> = keys.iter().map(|key| key.id()).collect();
    let found = run(cache.get_many(&ids));
    let same = |(key, found): (&Rc<DataKey>, Option<Rc<DataKey>>)| {
        found.is_some_and(|found| {
            assert_eq!(found.dangerously_expose(), key.dangerously_expose());
            true
        })
    };
    keys.iter().zip(found).map(same).collect()
}

pub(crate) fn has(cache: &Cache, key: &Rc<DataKey>) -> bool {
    found(cache, std::slice::from_ref(key)) == [true]
}
