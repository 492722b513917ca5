//! Sessions that aren't here, or not any more: many in one request, and one request for all who ask for the same.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{
    CONFLICT, Client, Host, TRIES,
    api::Wanted,
    cache::Cache,
    flight::Flight,
    open::{OpenSession, Standing},
};
use crate::{
    backend::{Failure, Outcome},
    cache::KeyStore,
    error::Code,
    message::View,
    signed::Hash,
};

/// Members of a list in one request.
pub(super) const PAGE: usize = 1_000;

/// What came of sessions that were asked for.
pub(super) type Opened = (Hash, Outcome<Rc<OpenSession>>);

/// A request for sessions.
pub(super) type Fetched = Flight<Rc<[Opened]>>;

/// Sessions that are asked for, sorted.
pub(super) struct Fetching {
    ids: Vec<Hash>,
    by: Rc<Fetched>,
    /// Only for what came after what is known: nobody else has use for the answer.
    is_update: bool,
    /// Of these something was told since.
    spoiled: RefCell<Vec<Hash>>,
    all_spoiled: Cell<bool>,
}

impl Fetching {
    pub(super) fn new(ids: Vec<Hash>, by: &Rc<Fetched>, is_update: bool) -> Self {
        let (spoiled, all_spoiled) = (RefCell::default(), Cell::new(false));
        Self { ids, by: Rc::clone(by), is_update, spoiled, all_spoiled }
    }

    fn has(&self, id: &Hash) -> bool {
        self.ids.binary_search(id).is_ok()
    }

    fn is_spoiled(&self, id: &Hash) -> bool {
        self.all_spoiled.get() || self.spoiled.borrow().contains(id)
    }
}

impl<S: KeyStore> Cache<S> {
    /// What was told of a session, or of all, came after what is asked for; but for what came with it.
    pub(super) fn spoil(&self, id: Option<&Hash>, own: Option<&Rc<Fetched>>) {
        for fetching in &*self.fetching.borrow() {
            let is_own = own.is_some_and(|own| Rc::ptr_eq(own, &fetching.by));
            match id {
                _ if is_own => {}
                Some(id) if fetching.has(id) => fetching.spoiled.borrow_mut().push(*id),
                Some(_) => {}
                None => fetching.all_spoiled.set(true),
            }
        }
    }

    pub(super) fn is_spoiled(&self, id: &Hash, by: &Rc<Fetched>) -> bool {
        self.fetching.borrow().iter().any(|it| Rc::ptr_eq(&it.by, by) && it.is_spoiled(id))
    }

    /// Who asks for a session now.
    fn asker(&self, id: &Hash) -> Option<Rc<Fetched>> {
        let fetching = self.fetching.borrow();
        let serves = |it: &&Fetching| !it.is_update && !it.by.is_over() && it.has(id) && !it.is_spoiled(id);
        fetching.iter().find(serves).map(|it| Rc::clone(&it.by))
    }

    /// Who has his answer holds it alone.
    pub(super) fn forget_fetched(&self) {
        self.fetching.borrow_mut().retain(|it| !it.by.is_over());
    }
}

impl<H: Host> Client<H> {
    /// Asks for sessions, sorted, and for these bundles; and why not all was answered.
    pub(super) async fn fetch_sessions(
        &self,
        cache: &Rc<Cache<H::Store>>,
        ids: &[Hash],
        bundles: &[Hash],
    ) -> (Vec<Opened>, Option<Failure>) {
        let (mut opened, mut failure) = (Vec::with_capacity(ids.len()), None);
        let (mut wanted, mut bundles) = (ids.to_vec(), bundles);
        for _ in 0..TRIES {
            cache.forget_fetched();
            let mut own = Vec::with_capacity(wanted.len());
            let mut others = Vec::new();
            for id in wanted.drain(..) {
                match cache.asker(&id) {
                    Some(by) => others.push((id, by)),
                    None => own.push(id),
                }
            }
            if !own.is_empty() || !bundles.is_empty() {
                let lead = self.lead();
                cache.fetching.borrow_mut().push(Fetching::new(own.clone(), lead.flight(), false));
                let (answered, why_not) = self.fetch_pages(cache, &own, bundles, lead.flight()).await;
                wanted.extend(own.iter().filter(|id| answered.binary_search_by(|(other, _)| other.cmp(id)).is_err()));
                lead.land(answered.iter().cloned().collect());
                cache.forget_fetched();
                opened.extend(answered);
                failure = why_not;
                bundles = &[];
            }
            for (id, by) in others {
                let answered = self.follow(&by).await.unwrap_or_default();
                match answered.binary_search_by(|(other, _)| other.cmp(&id)).ok().and_then(|place| answered.get(place))
                {
                    Some(answered) => opened.push(answered.clone()),
                    None => wanted.push(id),
                }
            }
            if wanted.is_empty() {
                break;
            }
            wanted.sort_unstable();
        }
        opened.extend(wanted.into_iter().map(|id| (id, Err(CONFLICT.into()))));
        (opened, failure)
    }

    /// One request for each thousand. What isn't among the answers, which are sorted, is to be asked for again.
    async fn fetch_pages(
        &self,
        cache: &Rc<Cache<H::Store>>,
        ids: &[Hash],
        bundles: &[Hash],
        own: &Rc<Fetched>,
    ) -> (Vec<Opened>, Option<Failure>) {
        let (mut ids, mut bundles, mut opened) = (ids, bundles, Vec::with_capacity(ids.len()));
        while !ids.is_empty() || !bundles.is_empty() {
            let (page, rest) = ids.split_at(ids.len().min(PAGE));
            let (names, more) = bundles.split_at(bundles.len().min(PAGE));
            match self.fetch_page(cache, page, names, own).await {
                Ok(answered) => opened.extend(answered),
                Err(failure) => {
                    opened.extend(ids.iter().map(|id| (*id, Err(failure))));
                    return (opened, Some(failure));
                }
            }
            (ids, bundles) = (rest, more);
        }
        (opened, None)
    }

    async fn fetch_page(
        &self,
        cache: &Rc<Cache<H::Store>>,
        ids: &[Hash],
        bundles: &[Hash],
        own: &Rc<Fetched>,
    ) -> Outcome<Vec<Opened>> {
        let term = self.term(cache);
        let seen = ids.iter().map(|id| {
            let open = cache.find(id).filter(|open| open.check().is_ok())?;
            Some(open.with(|session| session.log().head()))
        });
        let seen: Vec<Option<View>> = seen.collect();
        let asked: Vec<_> = ids.iter().map(|id| (*id, None)).collect();
        let wanted = Wanted { sessions: &asked, signers: bundles, ..Wanted::default() };
        let given = self.ask_keys(cache, wanted, Some(own)).await?;
        self.meet_others(cache, &given.others).await?;
        let mut opened = Vec::with_capacity(ids.len());
        for ((id, seen), answer) in ids.iter().zip(seen).zip(given.sessions) {
            self.host.breathe().await;
            let known = match answer {
                Ok(answer) => self.open_answer(id, &answer, seen.as_ref()).await,
                Err(error) => Err(error),
            };
            self.check_cache(cache)?;
            if cache.is_spoiled(id, own) {
                continue;
            }
            let held = known.and_then(|known| cache.hold(known, Some(term)));
            if held.as_ref().is_err_and(|error| error.code() == Code::Revoked) {
                cache.drop_session(id, Standing::Revoked, &self.clock());
            }
            opened.push((*id, held.map_err(Failure::from)));
        }
        let good: Vec<&OpenSession> = opened.iter().filter_map(|(_, open)| open.as_deref().ok()).collect();
        self.keep_sessions(cache, &good, bundles).await?;
        Ok(opened)
    }
}
