//! What a client keeps of sessions, in memory and on the device: SPEC section 15, `k.`, `s.`, `g.`, `b.` and `feed`. Nothing of it is an error: what can't be read is not there.

use core::cell::{Cell, RefCell};
use std::{
    collections::BTreeMap,
    rc::{Rc, Weak},
};

use super::{
    Client, Event, Host, LOCKED,
    exchange::Exchanging,
    feed::Feed,
    fetch::Fetching,
    flight::Flight,
    met::People,
    open::{Known, OpenSession, Standing},
};
use crate::{
    cache::{Clock, Entries, Id, Item, KeyStore, Limits, Now, Owner, Sealed, Stats, Term},
    data_key::DataKey,
    delegation::Pair,
    encoding::{MALFORMED, Reader, encode_into},
    error::Result,
    group::Log,
    identity::{AppId, UserId},
    message::View,
    party::Party,
    secret::{Secret, SecretBytes},
    session::{Keys, Session, Signer, Signers},
    signed::Hash,
};

/// How a client keeps what opens sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// For so many milliseconds after it was fetched a key is used; 0: nothing is cached.
    pub ttl: u64,
    /// At most so many sessions with a key each; the least recently used goes first.
    pub max_entries: usize,
    /// Only if revocations were read within so many milliseconds; off line, the time to live decides.
    pub max_staleness: u64,
}

impl Default for CacheOptions {
    /// 12 hours, 10,000 keys, a minute.
    fn default() -> Self {
        let Limits { ttl, entries } = Limits::default();
        Self { ttl, max_entries: entries, max_staleness: 60_000 }
    }
}

/// What one identity has here, until it is locked.
pub(super) struct Cache<S> {
    pub(super) entries: Entries<S>,
    app_id: AppId,
    pub(super) own: Party,
    /// Sessions that somebody holds, sorted by id.
    open: RefCell<Vec<(Hash, Weak<OpenSession>)>>,
    loaded: Cell<bool>,
    loading: RefCell<Option<Rc<Flight<()>>>>,
    pub(super) feed: Feed,
    pub(super) fetching: RefCell<Vec<Fetching>>,
    /// The newest versions of exchange keys that were seen.
    pub(super) versions: RefCell<BTreeMap<Pair, View>>,
    /// Who asks for exchange keys now, and for which.
    pub(super) exchanging: RefCell<Vec<Exchanging>>,
    hits: Cell<u64>,
    misses: Cell<u64>,
    told_degraded: Cell<bool>,
}

const UNENDING: Term = Term { fetched: 0, end: u64::MAX };

/// The host's clocks.
pub(super) struct HostClock<'a, H>(&'a H);

impl<H: Host> Clock for HostClock<'_, H> {
    fn now(&self) -> Now {
        self.0.now()
    }
}

impl<S: KeyStore> Cache<S> {
    /// The session that somebody holds.
    pub(super) fn find(&self, id: &Hash) -> Option<Rc<OpenSession>> {
        let open = self.open.borrow();
        let place = open.binary_search_by(|(known, _)| known.cmp(id)).ok()?;
        open.get(place)?.1.upgrade()
    }

    /// Sessions that somebody holds.
    pub(super) fn all_open(&self) -> Vec<Rc<OpenSession>> {
        self.open.borrow().iter().filter_map(|(_, open)| open.upgrade()).collect()
    }

    /// A session that was opened: the one that somebody holds already, if there is one.
    ///
    /// # Errors
    /// `fork`.
    pub(super) fn hold(&self, known: Known, term: Option<Term>) -> Result<Rc<OpenSession>> {
        let id = *known.session.log().id();
        if let Some(open) = self.find(&id).filter(|open| open.check().is_ok())
            && let Some(term) = term
        {
            open.renew(known, term)?;
            return Ok(open);
        }
        let held = Rc::new(OpenSession::new(known, term));
        self.register(&held);
        Ok(held)
    }

    /// Whoever asks for this session finds it, as long as somebody holds it.
    pub(super) fn register(&self, held: &Rc<OpenSession>) {
        let open = &mut *self.open.borrow_mut();
        // Before it grows, those go that nobody holds any more.
        if open.len() == open.capacity() {
            open.retain(|(_, open)| open.strong_count() > 0);
        }
        let (id, held) = (*held.id(), Rc::downgrade(held));
        match open.binary_search_by(|(known, _)| known.cmp(&id)) {
            Ok(place) => open.splice(place..=place, [(id, held)]).for_each(drop),
            Err(place) => open.insert(place, (id, held)),
        }
    }

    /// The session of this id, if it is here and may be used, but for what the feed says.
    pub(super) fn look(&self, id: &Hash, people: &People, clock: &dyn Clock) -> Option<Rc<OpenSession>> {
        if self.entries.was_set_back(clock) {
            self.doubt();
        }
        if let Some(open) = self.find(id).filter(|open| open.check().is_ok()) {
            let lasts = open.term().is_none_or(|term| term == UNENDING || self.entries.allows(&term, clock));
            return (lasts && open.standing() == Standing::Live).then_some(open);
        }
        let (known, term) = self.read(id, people, clock)?;
        self.hold(known, Some(term)).ok()
    }

    /// The clock was set back, or the cursor was lost: nothing that was fetched is used any more.
    pub(super) fn doubt(&self) {
        for open in self.all_open() {
            if open.can_change() {
                open.mark(Standing::Outdated);
            }
        }
        self.feed.make_stale();
    }

    /// What the entries say of a session, with all its keys.
    fn read(&self, id: &Hash, people: &People, clock: &dyn Clock) -> Option<(Known, Term)> {
        let (session, mut term) = self.read_session(id, clock)?;
        let through = people.through(&session).filter(|_| people.knows_groups(&session))?;
        if session.log().groups().any(|group| self.feed.is_gone(group, term.fetched)) {
            self.doom(self.ids_of(id, clock));
            return None;
        }
        let mut keys = Keys::default();
        for (generation, key_id) in session.key_ids().enumerate() {
            let (Item::Payload(payload), its) = self.entries.held(&Id::Key(*key_id), clock)? else { return None };
            let (key, _) = read_key(payload.expose(), id, generation).ok().filter(|(_, party)| *party == through)?;
            session.check_key(generation, &key).ok()?;
            keys.insert(generation, key);
            term = Term { fetched: term.fetched.min(its.fetched), end: term.end.min(its.end) };
        }
        Some((Known::new(session, keys), term))
    }

    fn read_session(&self, id: &Hash, clock: &dyn Clock) -> Option<(Session, Term)> {
        let (Item::Payload(payload), term) = self.entries.held(&Id::Session(*id), clock)? else { return None };
        let session = Session::from_kept(&self.app_id, id, payload.expose()).ok()?;
        Some((session, term))
    }

    /// What there is of a session.
    pub(super) fn ids_of(&self, id: &Hash, clock: &dyn Clock) -> Vec<Id> {
        let mut ids = vec![Id::Session(*id)];
        let mut add = |session: &Session| ids.extend(session.key_ids().copied().map(Id::Key));
        match self.find(id) {
            Some(open) => open.with(add),
            None => {
                if let Some((session, _)) = self.read_session(id, clock) {
                    add(&session);
                }
            }
        }
        ids
    }

    /// The entries of a session; none where it isn't to be kept.
    fn payloads(&self, open: &OpenSession, people: &People) -> Option<(Vec<(Id, SecretBytes)>, Term)> {
        let term = open.term().filter(|_| open.standing() == Standing::Live)?;
        let Known { session, keys } = &*open.known.borrow();
        let through = people.through(session)?;
        let mut payloads = vec![(Id::Session(*open.id()), SecretBytes::new(session.to_kept()))];
        for (generation, key) in keys.iter() {
            payloads.push((Id::Key(key.id()), write_key(key, open.id(), generation, &through)));
        }
        Some((payloads, term))
    }

    /// So many were asked for that are here, and that aren't.
    pub(super) fn count(&self, hits: usize, misses: usize) {
        self.hits.set(self.hits.get() + hits as u64);
        self.misses.set(self.misses.get() + misses as u64);
    }

    /// Locked: keys out of memory, also of what the application holds.
    pub(super) fn close(&self) {
        for open in self.all_open() {
            open.mark(Standing::Locked);
        }
        self.entries.close();
    }
}

impl<H: Host> Client<H> {
    pub(super) const fn clock(&self) -> HostClock<'_, H> {
        HostClock(&self.host)
    }

    /// The term of what is fetched now. Without a time to live nothing is cached, and who holds a session goes on until it is lost.
    pub(super) fn term(&self, cache: &Cache<H::Store>) -> Term {
        if self.options.cache.ttl == 0 { UNENDING } else { cache.entries.term(&self.clock()) }
    }

    /// What the open identity has here.
    pub(super) fn cache(&self) -> Result<Rc<Cache<H::Store>>> {
        let of_key = |key: &_| self.cache.borrow().as_ref().filter(|cache| cache.entries.is_under(key)).map(Rc::clone);
        if let Some(cache) = self.with(|ready| of_key(ready.state.cache_key()))? {
            return Ok(cache);
        }
        let (user, own, key) = self.with(|ready| {
            let key = Secret::from_slice(ready.state.cache_key().expose()).ok_or(MALFORMED)?;
            Ok((ready.user.clone(), ready.own()?.party().ok_or(MALFORMED)?, key))
        })??;
        self.drop_cache();
        let CacheOptions { ttl, max_entries, .. } = self.options.cache;
        let store = if ttl > 0 { self.host.open_store(self.rows(&user).tag()) } else { None };
        let app_id = self.options.app_id.clone();
        // A session, and its key.
        let limits = Limits { ttl, entries: max_entries.saturating_mul(2) };
        let cache = Rc::new(Cache {
            entries: Entries::of_client(store, key, Owner::of_client(&app_id, &user), limits, &self.clock()),
            app_id,
            own,
            open: RefCell::default(),
            loaded: Cell::new(false),
            loading: RefCell::default(),
            feed: Feed::default(),
            fetching: RefCell::default(),
            versions: RefCell::default(),
            exchanging: RefCell::default(),
            hits: Cell::new(0),
            misses: Cell::new(0),
            told_degraded: Cell::new(false),
        });
        *self.cache.borrow_mut() = Some(Rc::clone(&cache));
        Ok(cache)
    }

    /// Is it still this one?
    ///
    /// # Errors
    /// `locked`.
    pub(super) fn check_cache(&self, cache: &Rc<Cache<H::Store>>) -> Result<()> {
        if Rc::ptr_eq(&self.cache()?, cache) { Ok(()) } else { Err(LOCKED) }
    }

    /// Keys out of memory; the store keeps what it has.
    pub(super) fn drop_cache(&self) {
        if let Some(cache) = self.cache.take() {
            cache.close();
        }
    }

    /// The same, read in.
    ///
    /// # Errors
    /// `locked`.
    pub(super) async fn warm(&self) -> Result<Rc<Cache<H::Store>>> {
        let locks = self.locks.get();
        loop {
            self.check_locks(locks)?;
            let cache = self.cache()?;
            if cache.loaded.get() {
                return Ok(cache);
            }
            let another = cache.loading.borrow().as_ref().filter(|flight| !flight.is_over()).map(Rc::clone);
            if let Some(flight) = another {
                self.follow(&flight).await;
                continue;
            }
            let lead = self.lead();
            *cache.loading.borrow_mut() = Some(Rc::clone(lead.flight()));
            self.load(&cache).await;
            lead.land(());
        }
    }

    async fn load(&self, cache: &Rc<Cache<H::Store>>) {
        let feed = match cache.entries.load(&self.clock()).await {
            Some(Item::Payload(feed)) => Some(feed),
            _ => None,
        };
        let is_known = cache.feed.begin(feed.as_deref().map(SecretBytes::expose), self.host.now());
        // What has changed since is not known.
        if !is_known && !cache.entries.is_empty() {
            cache.entries.clear().await;
        }
        cache.drop_what_is_gone(&self.clock());
        self.recall(cache);
        self.recall_groups(cache).await;
        cache.loaded.set(true);
        self.tell_of_cache(cache);
    }

    /// Authors whose bundles are kept, if they are still who is pinned.
    pub(super) fn recall(&self, cache: &Cache<H::Store>) {
        for id in cache.entries.bundles() {
            let (Id::Bundle(hash), Some((Item::Payload(payload), _))) = (id, cache.entries.held(&id, &self.clock()))
            else {
                continue;
            };
            let Ok(signer) = Signer::from_bytes(payload.expose()) else { continue };
            // Locked meanwhile: nobody is.
            let _ = self.with(|ready| {
                let pin = ready.state.pins.find(signer.user.as_ref());
                if signer.bundle == hash && pin.is_some_and(|pin| *pin.identity() == signer.identity) {
                    ready.people.recalled.push(signer);
                }
            });
        }
    }

    /// Groups whose logs are kept, as far as they are what was seen of them, and signed by who is pinned.
    async fn recall_groups(&self, cache: &Rc<Cache<H::Store>>) {
        for id in cache.entries.groups() {
            self.host.breathe().await;
            let (Id::Group(group), Some((Item::Payload(payload), _))) = (id, cache.entries.held(&id, &self.clock()))
            else {
                continue;
            };
            let Ok(log) = Log::from_kept(&self.options.app_id, &group, payload.expose()) else { continue };
            // Locked meanwhile: nothing is known, and another's groups are none of the next user's.
            let _ = self.check_cache(cache).and_then(|()| self.with(|ready| ready.recall_group(log))?);
        }
    }

    /// Keeps these sessions, as far as they are to be kept, the bundles of these authors, and the logs of groups.
    ///
    /// # Errors
    /// `rng`.
    pub(super) async fn keep_sessions(
        &self,
        cache: &Rc<Cache<H::Store>>,
        open: &[&OpenSession],
        authors: &[Hash],
    ) -> Result<()> {
        self.settle_feed(cache).await?;
        for open in open {
            self.remember_groups(&open.with(|session| session.log().groups().copied().collect::<Vec<_>>()))?;
        }
        if self.options.cache.ttl == 0 {
            return Ok(());
        }
        let seal = |(id, payload), term| {
            let rng = &mut *self.host.random().borrow_mut();
            cache.entries.seal(rng, id, term, Item::Payload(Rc::new(payload)))
        };
        let mut parts = Vec::with_capacity(open.len());
        let mut unkept = open.iter();
        self.in_steps(&mut || {
            self.check_cache(cache)?;
            let Some(open) = unkept.next() else { return Ok(false) };
            if let Some((payloads, term)) = self.with(|ready| cache.payloads(open, &ready.people))? {
                let told = open.told();
                let sealed = payloads.into_iter().map(|payload| seal(payload, term)).collect::<Result<Vec<_>>>()?;
                parts.push((open, told, sealed));
            }
            Ok(true)
        })
        .await?;
        let now = cache.entries.term(&self.clock());
        // Not those of which something was told since.
        let mut sealed: Vec<_> = parts
            .into_iter()
            .filter(|(open, told, _)| open.told() == *told)
            .flat_map(|(_, _, sealed)| sealed)
            .collect();
        for author in authors {
            let signer = self.with(|ready| ready.people.directory.signer(author))?;
            if let Ok(signer) = signer {
                sealed.push(seal((Id::Bundle(*author), SecretBytes::new(signer.to_bytes())), now)?);
            }
        }
        let is_there = |id: &Hash| cache.entries.has(&Id::Group(*id));
        for log in self.with(|ready| ready.people.unkept(is_there))? {
            let (id, payload) = (Id::Group(*log.id()), SecretBytes::new(log.to_kept()));
            sealed.push(seal((id, payload), now)?);
        }
        sealed.extend(self.seal_feed(cache)?);
        self.save_entries(cache, sealed).await;
        self.tell_of_cache(cache);
        Ok(())
    }

    /// What is written while somebody is forgotten may come after the deletions.
    pub(super) async fn save_entries(&self, cache: &Cache<H::Store>, sealed: Vec<Sealed>) {
        let forgets = self.forgets.get();
        cache.entries.save(sealed, &self.clock()).await;
        if let Party::User { id, .. } = &cache.own
            && self.forgets.get() != forgets
        {
            self.forget_cache(id).await;
        }
    }

    /// What happened to the store.
    pub(super) fn tell_of_cache(&self, cache: &Cache<H::Store>) {
        if let Some(reason) = cache.entries.degraded()
            && !cache.told_degraded.replace(true)
        {
            self.tell(Event::CacheDegraded { reason });
        }
        if cache.entries.was_wiped() {
            self.tell(Event::CacheWiped);
        }
    }

    /// What the cache says of itself.
    ///
    /// # Errors
    /// `locked`.
    pub async fn cache_stats(&self) -> Result<Stats> {
        let cache = self.warm().await?;
        Ok(Stats {
            entries: cache.entries.keys(&self.clock()),
            hits: cache.hits.get(),
            misses: cache.misses.get(),
            degraded: cache.entries.degraded(),
            wipes: cache.entries.wipes(),
        })
    }

    /// Deletes what is cached, here and in the store. What the application holds stays open.
    ///
    /// # Errors
    /// `locked`.
    pub async fn clear_cache(&self) -> Result<()> {
        let cache = self.warm().await?;
        cache.entries.clear().await;
        self.tell_of_cache(&cache);
        Ok(())
    }

    /// Deletes what is cached for this user, who isn't open.
    pub(super) async fn forget_cache(&self, user: &UserId) {
        let store = self.host.open_store(self.rows(user).tag());
        if let Some(store) = store {
            // One that refuses has nothing that opens without the account.
            store.clear().await.ok();
            store.close();
        }
    }
}

/// `CBOR{1: key, 2: session id, 3: generation, 4: party}`
pub(super) fn write_key(key: &DataKey, session: &Hash, generation: usize, party: &Party) -> SecretBytes {
    let capacity = party.to_bytes().len() + 96;
    SecretBytes::new(encode_into(Vec::with_capacity(capacity), |w| {
        w.map(4);
        w.uint(1);
        w.bytes(key.dangerously_expose().expose());
        w.uint(2);
        w.bytes(&session.0);
        w.uint(3);
        w.uint(generation as u64);
        w.uint(4);
        party.write(w);
    }))
}

/// The key, if it is of this session and generation, and the party through which it came.
pub(super) fn read_key(payload: &[u8], session: &Hash, generation: usize) -> Result<(DataKey, Party)> {
    let mut reader = Reader::new(payload);
    reader.map_of(4)?;
    reader.key(1)?;
    let key = Secret::from_slice(reader.bytes()?).ok_or(MALFORMED)?;
    reader.key(2)?;
    let of_session = reader.bytes()? == session.0;
    reader.key(3)?;
    let of_generation = reader.uint()? == generation as u64;
    reader.key(4)?;
    let through = Party::read(&mut reader)?;
    if of_session && of_generation { Ok((DataKey::from_secret(key), through)) } else { Err(MALFORMED) }
}
