//! What changed: the feed of revocations, SPEC section 14.3. What is kept is used only if the feed was read a short time ago, or if nobody answers anything.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{
    Client, Event, Host, PAGES,
    api::{Answer, Bundles, FeedItem, FeedPage, GroupAnswer, JsonOf, KeysReply, PairAnswer, Wanted},
    cache::Cache,
    fetch::{Fetched, PAGE},
    flight::Flight,
    met::People,
    open::Standing,
};
use crate::{
    account::Seen,
    backend::{Failure, Json, Outcome},
    cache::{Clock, Id, Item, KeyStore, Now, Sealed},
    encoding::{MALFORMED, Reader, encode},
    error::{Code, Error, Result},
    secret::SecretBytes,
    session::{Action, Entry},
    signed::{Hash, Minimum, Unverified},
};

const BLOCKED: Error = Error::new(&(Code::Stale, "the key server answers, but revocations can't be read"));
/// For so long nobody is asked again whether he answers, in milliseconds.
const OFF_LINE: u64 = 10_000;

/// What came of reading: sessions that were lost.
type Reading = Flight<Outcome<Rc<[Hash]>>>;

/// Up to where the feed was read, and what is still to be done about it.
#[derive(Default)]
pub(super) struct Feed {
    cursor: RefCell<Option<String>>,
    /// Everything that had happened then is known.
    read: Cell<Option<Now>>,
    /// The feed's end, as another answer told it.
    offered: RefCell<Option<(String, Now)>>,
    /// Entries that must go before the cursor is kept.
    doomed: RefCell<Vec<Id>>,
    all_doomed: Cell<bool>,
    /// Sessions and groups that were dropped, and when: what was fetched before, of a group the sessions that name it, isn't taken back from a store.
    gone: RefCell<Vec<(Hash, u64)>>,
    /// Nor is anything that was fetched before this.
    since: Cell<u64>,
    /// Lost sessions that another tab has told of.
    told: RefCell<Vec<Hash>>,
    reading: RefCell<Option<Rc<Reading>>>,
    /// Counts readings.
    begun: Cell<u64>,
}

impl Feed {
    /// The feed's end, in the answer to what was asked at this time.
    pub(super) fn offer(&self, cursor: String, asked: Now) {
        *self.offered.borrow_mut() = Some((cursor, asked));
    }

    /// Goes on from what was kept; without it, or where it isn't of this version, nothing is known of what happened to the entries. Is it there?
    pub(super) fn begin(&self, kept: Option<&[u8]>, now: Now) -> bool {
        let kept = kept.and_then(|kept| self.read(kept).ok());
        if kept.is_none() {
            self.since.set(now.wall);
        }
        let is_there = kept.is_some();
        *self.cursor.borrow_mut() = match (kept, self.offered.take()) {
            (kept, Some((end, asked))) if kept.as_ref().is_none_or(|kept| *kept == end) => {
                self.read.set(Some(asked));
                Some(end)
            }
            (kept, _) => kept,
        };
        is_there
    }

    fn read(&self, kept: &[u8]) -> Result<String> {
        let mut reader = Reader::new(kept);
        reader.map_of(3)?;
        reader.key(1)?;
        let cursor = reader.text()?.to_owned();
        reader.key(2)?;
        let since = reader.uint()?;
        reader.key(3)?;
        let mut gone = Vec::new();
        for _ in 0..reader.array()? {
            reader.array_of(2)?;
            gone.push((Hash(reader.fixed()?), reader.uint()?));
        }
        self.since.set(since);
        // Beside those of which another tab told meanwhile.
        self.gone.borrow_mut().extend(gone);
        Ok(cursor)
    }

    /// `CBOR{1: cursor, 2: time, 3: [[session or group id, time], …]}`; nothing without a cursor. What has ended by itself isn't named.
    pub(super) fn to_bytes(&self, now: Now, ttl: u64) -> Option<SecretBytes> {
        let gone = &mut *self.gone.borrow_mut();
        gone.retain(|(_, time)| now.wall < time.saturating_add(ttl));
        let cursor = self.cursor()?;
        Some(SecretBytes::new(encode(|w| {
            w.map(3);
            w.uint(1);
            w.text(&cursor);
            w.uint(2);
            w.uint(self.since.get());
            w.uint(3);
            w.array(gone.len());
            for (id, time) in gone {
                w.array(2);
                w.bytes(&id.0);
                w.uint(*time);
            }
        })))
    }

    pub(super) fn cursor(&self) -> Option<String> {
        self.cursor.borrow().clone()
    }

    pub(super) fn make_stale(&self) {
        self.read.set(None);
    }

    fn was_read(&self, asked: Now) {
        if self.read.get().is_none_or(|read| read.monotonic <= asked.monotonic) {
            self.read.set(Some(asked));
        }
    }

    fn drop(&self, id: &Hash, now: u64) {
        let gone = &mut *self.gone.borrow_mut();
        gone.retain(|(other, _)| other != id);
        gone.push((*id, now));
    }

    /// Was it dropped since it was fetched at this time?
    pub(super) fn is_gone(&self, id: &Hash, fetched: u64) -> bool {
        self.gone.borrow().iter().any(|(gone, time)| gone == id && fetched < *time)
    }

    /// Entries that must go.
    pub(super) fn doomed(&self) -> Vec<Id> {
        self.doomed.borrow().clone()
    }

    /// By the longer of both clocks. A wall clock that was set back tells nothing.
    fn is_fresh(&self, now: Now, max: u64) -> bool {
        self.read.get().is_some_and(|read| is_within(read, now, max))
    }
}

fn is_within(since: Now, now: Now, max: u64) -> bool {
    let wall = now.wall.checked_sub(since.wall);
    wall.is_some_and(|wall| wall.max(now.monotonic.saturating_sub(since.monotonic)) < max)
}

impl<S: KeyStore> Cache<S> {
    /// Drops what a page names, and gives the sessions that this user lost. What `own` fetches came with the page.
    fn take_page(
        &self,
        asked_from: Option<&str>,
        page: &FeedPage,
        own: Option<&Rc<Fetched>>,
        people: &People,
        clock: &dyn Clock,
    ) -> Vec<Hash> {
        if page.reset {
            self.entries.forget_all();
            self.doubt();
            self.feed.all_doomed.set(true);
            self.feed.since.set(clock.now().wall);
            self.spoil(None, own);
        }
        let mut lost = Vec::new();
        for item in &page.items {
            match item {
                FeedItem::Session(id, revoked) => {
                    self.drop_session(id, if *revoked { Standing::Revoked } else { Standing::Outdated }, clock);
                    self.spoil(Some(id), own);
                    if *revoked && !lost.contains(id) {
                        lost.push(*id);
                    }
                }
                FeedItem::Group(id, revoked) => {
                    lost.extend(self.drop_group(id, *revoked, people, clock));
                    // Which sessions name it is not known of those that are asked for.
                    self.spoil(None, own);
                }
            }
        }
        // Another answer may have moved it: what came between is read once more, then.
        let cursor = &mut *self.feed.cursor.borrow_mut();
        if cursor.as_deref() == asked_from {
            *cursor = Some(page.cursor.clone());
        }
        lost
    }

    /// Drops what a store gave back: entries that were dropped before, here or by another tab.
    pub(super) fn drop_what_is_gone(&self, clock: &dyn Clock) {
        self.entries.forget_before(self.feed.since.get());
        for (id, time) in &*self.feed.gone.borrow() {
            let is_older = |id: &Id| self.entries.held(id, clock).is_some_and(|(_, term)| term.fetched < *time);
            if is_older(&Id::Session(*id)) {
                self.doom(self.ids_of(id, clock));
            }
            if is_older(&Id::Group(*id)) {
                self.doom(vec![Id::Group(*id)]);
            }
        }
        // Of what another tab told meanwhile.
        self.entries.forget(&self.feed.doomed());
    }

    /// Drops these entries here; in the store they go before the cursor is kept.
    pub(super) fn doom(&self, ids: Vec<Id>) {
        self.entries.forget(&ids);
        self.feed.doomed.borrow_mut().extend(ids);
    }

    /// A group has begun an epoch: its log is fetched anew, and so are the sessions that name it. Gives those that are held and lost, where the user was taken out of it.
    fn drop_group(&self, id: &Hash, is_out: bool, people: &People, clock: &dyn Clock) -> Vec<Hash> {
        self.doom(vec![Id::Group(*id)]);
        self.feed.drop(id, clock.now().wall);
        let mut lost = Vec::new();
        for open in self.all_open() {
            let (names, reads) = open.with(|session| {
                let names = session.log().groups().any(|group| group == id);
                (names, !is_out || people.through_but(session, Some(id)).is_some())
            });
            // What was lost before isn't lost again.
            if !names || !open.can_change() || open.check().is_err() {
                continue;
            }
            if !open.is_published() {
                open.name();
            } else if reads || open.term().is_none() {
                open.mark(Standing::Outdated);
            } else {
                self.drop_session(open.id(), Standing::Revoked, clock);
                lost.push(*open.id());
            }
        }
        lost
    }

    /// Drops a session's entries, here at once, and in the store before the cursor is kept there.
    pub(super) fn drop_session(&self, id: &Hash, standing: Standing, clock: &dyn Clock) {
        self.doom(self.ids_of(id, clock));
        self.feed.drop(id, clock.now().wall);
        if let Some(open) = self.find(id).filter(|open| open.can_change()) {
            // Another page has sent what waits here too: its key is the only one until that is known.
            if open.is_published() { open.mark(standing) } else { open.name() }
        }
    }
}

impl<H: Host> Client<H> {
    /// Reads what changed, now: sessions that this user lost since it was read last.
    ///
    /// # Errors
    /// `locked`, `network`; `stale` where everything but the feed answers; those of the backend.
    pub async fn sync(&self) -> Outcome<Vec<Hash>> {
        let cache = self.warm().await?;
        let begun = cache.feed.begun.get();
        Ok(self.read_after(&cache, begun).await?.to_vec())
    }

    /// What a backend's `events` told: the feed is read, or the backup.
    ///
    /// # Errors
    /// As [`Self::sync`] and [`Self::refresh`].
    pub async fn pushed(&self, event: &JsonOf<H>) -> Outcome<()> {
        match event.member("type").and_then(|kind| kind.to_text()).as_deref() {
            Some("feed") => self.sync().await.map(drop),
            Some("backup") => {
                let version = event.member("version").and_then(|version| version.to_number());
                if version.is_some_and(|version| self.backup_version().is_some_and(|known| version <= known)) {
                    return Ok(());
                }
                self.refresh().await
            }
            _ => Ok(()),
        }
    }

    /// Another tab has read that these were lost: it tells them to its own application, and no event does.
    pub fn feed_told(&self, lost: &[Hash]) {
        let Ok(cache) = self.cache() else { return };
        for id in lost {
            cache.drop_session(id, Standing::Revoked, &self.clock());
            cache.spoil(Some(id), None);
        }
        cache.feed.told.borrow_mut().extend(lost);
    }

    /// May what is kept be used, for as long as it is kept? Reads the feed where that was too long ago.
    ///
    /// # Errors
    /// Whatever the feed answered; `stale` where everything but the feed answers; `network` off line, where nothing is kept.
    pub(super) async fn fresh(&self, cache: &Rc<Cache<H::Store>>) -> Outcome<()> {
        if self.is_fresh(cache) {
            return Ok(());
        }
        let read = match self.is_off_line() {
            true => Err(Failure::unanswered()),
            // One that is being read does as well.
            false => self.read_after(cache, cache.feed.begun.get().saturating_sub(1)).await.map(drop),
        };
        match read {
            Err(failure) if failure.code() == Code::Network && self.options.cache.ttl > 0 => Ok(()),
            read => read,
        }
    }

    /// Did nobody answer, a short time ago?
    pub(super) fn is_off_line(&self) -> bool {
        let patience = OFF_LINE.min(self.options.cache.max_staleness);
        self.off_line.get().is_some_and(|since| is_within(since, self.host.now(), patience))
    }

    pub(super) fn is_fresh(&self, cache: &Cache<H::Store>) -> bool {
        cache.feed.is_fresh(self.host.now(), self.options.cache.max_staleness)
    }

    /// A reading later than the `number`-th: another call's, or one of its own.
    async fn read_after(&self, cache: &Rc<Cache<H::Store>>, number: u64) -> Outcome<Rc<[Hash]>> {
        loop {
            let another = cache.feed.reading.borrow().as_ref().filter(|flight| !flight.is_over()).map(Rc::clone);
            let Some(flight) = another else { break };
            let its_number = cache.feed.begun.get();
            let outcome = self.follow(&flight).await;
            self.check_cache(cache)?;
            if let Some(outcome) = outcome.filter(|_| its_number > number) {
                return outcome;
            }
        }
        let lead = self.lead();
        *cache.feed.reading.borrow_mut() = Some(Rc::clone(lead.flight()));
        cache.feed.begun.set(cache.feed.begun.get() + 1);
        let outcome = match self.read_on(cache).await {
            Err(failure) if failure.code() == Code::Network => Err(self.unanswered().await?),
            outcome => outcome,
        };
        lead.land(outcome.clone());
        outcome
    }

    /// Is there nobody who answers, or is it the feed alone that can't be read?
    pub(super) async fn unanswered(&self) -> Outcome<Failure> {
        let user = self.with(|ready| ready.user.clone())?;
        let now = self.host.now();
        match self.directory(&user, &[], &[]).await {
            Err(failure) if failure.code() == Code::Network => {
                self.off_line.set(Some(now));
                Ok(failure)
            }
            _ => Ok(BLOCKED.into()),
        }
    }

    /// Reads to the feed's end.
    async fn read_on(&self, cache: &Rc<Cache<H::Store>>) -> Outcome<Rc<[Hash]>> {
        let user = self.with(|ready| ready.user.clone())?;
        let asked = self.host.now();
        let mut lost = Vec::new();
        for number in 1.. {
            let cursor = cache.feed.cursor();
            let page = self.read_feed(&user, cursor.as_deref()).await?;
            self.check_cache(cache)?;
            let (taken, is_overtaken) = self.take(cache, cursor.as_deref(), &page, None)?;
            lost.extend(taken.into_iter().filter(|id| !lost.contains(id)).collect::<Vec<_>>());
            if !page.more && !is_overtaken {
                break;
            }
            // What was read of it is taken, and the next reading goes on from there.
            if page.items.is_empty() || number == PAGES {
                return Err(MALFORMED.into());
            }
        }
        cache.feed.was_read(asked);
        self.settle_feed(cache).await?;
        Ok(lost.into())
    }

    /// Takes a page, and tells of it. Was it overtaken, so that the feed is to be read on from where it is now? Then another answer has told of its beginning, and what is
    /// read now tells of the rest; but what was lost with a group isn't lost again, and is told here.
    fn take(
        &self,
        cache: &Cache<H::Store>,
        asked_from: Option<&str>,
        page: &FeedPage,
        own: Option<&Rc<Fetched>>,
    ) -> Result<(Vec<Hash>, bool)> {
        let is_overtaken = !page.items.is_empty() && cache.feed.cursor().as_deref() != asked_from;
        let lost = self.with(|ready| cache.take_page(asked_from, page, own, &ready.people, &self.clock()))?;
        let names =
            |id: &Hash| page.items.iter().any(|item| matches!(item, FeedItem::Session(named, _) if named == id));
        let due: Vec<Hash> = lost.iter().filter(|id| !is_overtaken || !names(id)).copied().collect();
        let told = &mut *cache.feed.told.borrow_mut();
        let news: Vec<Hash> = due.iter().filter(|id| !told.contains(id)).copied().collect();
        told.retain(|id| !due.contains(id));
        if !news.is_empty() {
            self.tell(Event::Revoked { sessions: news });
        }
        Ok((lost, is_overtaken))
    }

    /// Deletes from the store what must go, and keeps the cursor then.
    ///
    /// # Errors
    /// `rng`.
    pub(super) async fn settle_feed(&self, cache: &Cache<H::Store>) -> Result<()> {
        let (all, mut ids) = (cache.feed.all_doomed.get(), cache.feed.doomed());
        if !all && ids.is_empty() {
            return Ok(());
        }
        let feed = self.seal_feed(cache)?;
        if all {
            cache.entries.clear().await;
        } else {
            cache.entries.delete(&ids).await;
        }
        self.save_entries(cache, feed.into_iter().collect()).await;
        cache.feed.all_doomed.set(cache.feed.all_doomed.get() && !all);
        ids.sort_unstable();
        cache.feed.doomed.borrow_mut().retain(|id| ids.binary_search(id).is_err());
        self.tell_of_cache(cache);
        Ok(())
    }

    /// What is kept of the feed.
    pub(super) fn seal_feed(&self, cache: &Cache<H::Store>) -> Result<Option<Sealed>> {
        let Some(feed) = cache.feed.to_bytes(self.host.now(), self.options.cache.ttl) else { return Ok(None) };
        let (term, item) = (cache.entries.term(&self.clock()), Item::Payload(Rc::new(feed)));
        cache.entries.seal(&mut self.host.random().borrow_mut(), Id::Feed, term, item).map(Some)
    }

    /// Asks for what is wanted and what came after the groups that are known, and reads the feed in the same request; and again for what one reply doesn't hold, as long as
    /// that becomes less. What `own` asks for came with it. Who came with the last reply is to be met: [`Self::meet_others`].
    pub(super) async fn ask_keys(
        &self,
        cache: &Rc<Cache<H::Store>>,
        wanted: Wanted<'_>,
        own: Option<&Rc<Fetched>>,
    ) -> Outcome<Given> {
        let mut given = self.ask_keys_once(cache, wanted, own).await?;
        let (mut groups, mut before) = (wanted.groups.to_vec(), (usize::MAX, usize::MAX));
        loop {
            let beyond = |(_, answer): &(_, &Result<Answer>)| answer.as_ref().is_err_and(is_beyond);
            let left: Vec<usize> = given.sessions.iter().enumerate().filter(beyond).map(|(place, _)| place).collect();
            // Those that one request doesn't take wait for the next.
            groups.drain(..groups.len().min(PAGE));
            let answers = given.others.groups.iter();
            groups.extend(answers.filter(|(_, answer)| answer.as_ref().is_err_and(is_beyond)).map(|(id, _)| *id));
            let now = (left.len(), groups.len());
            if now == (0, 0) || now >= before {
                return Ok(given);
            }
            before = now;
            // Groups that were given are known then, and aren't given again.
            self.meet_others(cache, &given.others).await?;
            let sessions: Vec<_> = left.iter().filter_map(|place| wanted.sessions.get(*place).copied()).collect();
            let rest = Wanted { sessions: &sessions, groups: &groups, ..Wanted::default() };
            // What the feed tells now may have come after what was given before.
            let more = self.ask_keys_once(cache, rest, None).await?;
            for (place, answer) in left.into_iter().zip(more.sessions) {
                if let Some(session) = given.sessions.get_mut(place) {
                    *session = answer;
                }
            }
            given.others = more.others;
        }
    }

    async fn ask_keys_once(
        &self,
        cache: &Rc<Cache<H::Store>>,
        wanted: Wanted<'_>,
        own: Option<&Rc<Fetched>>,
    ) -> Outcome<Given> {
        let (groups, seen) = self.with(|ready| (ready.people.ask_for(wanted.groups), ready.state.groups().to_vec()))?;
        let user = self.with(|ready| ready.user.clone())?;
        let (asked, cursor) = (self.host.now(), cache.feed.cursor());
        let reply = self.keys(&user, wanted, &groups, cursor.as_deref()).await?;
        self.check_cache(cache)?;
        let KeysReply { sessions, pairs, identities, groups, feed: page } = reply;
        if sessions.len() != wanted.sessions.len() || pairs.len() != wanted.pairs.len() {
            return Err(MALFORMED.into());
        }
        let (_, is_overtaken) = self.take(cache, cursor.as_deref(), &page, own)?;
        if page.more || is_overtaken {
            self.read_on(cache).await?;
        } else {
            cache.feed.was_read(asked);
        }
        self.know_assigner(&sessions).await?;
        self.check_cache(cache)?;
        Ok(Given { sessions, pairs, others: Others { identities, groups, seen } })
    }

    /// The key server signs assignments. After a reload it may not be known yet; if it can't be, that fails the sessions that it signed in, and nothing else.
    ///
    /// # Errors
    /// `locked`.
    async fn know_assigner(&self, answers: &[Result<Answer>]) -> Outcome<()> {
        let is_assignment = |entry: &Vec<u8>| {
            let entry = Unverified::<Entry>::parse(entry, Minimum::default());
            entry.is_ok_and(|entry| matches!(entry.claimed().action, Action::Assignment { .. }))
        };
        let is_known = self.with(|ready| ready.people.directory.find(None).is_some())?;
        if !is_known && answers.iter().flatten().flat_map(|answer| &answer.entries).any(is_assignment) {
            return self
                .refresh()
                .await
                .or_else(|failure| if failure.code() == Code::Locked { Err(failure) } else { Ok(()) });
        }
        Ok(())
    }

    /// Signers, and then the groups whose logs they signed.
    pub(super) async fn meet_others(&self, cache: &Rc<Cache<H::Store>>, others: &Others) -> Result<()> {
        self.meet_all(cache, &others.identities).await?;
        self.take_groups(cache, &others.groups, &others.seen).await
    }
}

/// What a request for keys gave, in the order in which it was asked for.
pub(super) struct Given {
    pub(super) sessions: Vec<Result<Answer>>,
    pub(super) pairs: Vec<Result<PairAnswer>>,
    pub(super) others: Others,
}

/// Did the reply not hold it?
fn is_beyond(error: &Error) -> bool {
    error.code() == Code::Limit
}

/// Who came with it.
pub(super) struct Others {
    identities: Vec<Bundles>,
    groups: Vec<(Hash, Result<GroupAnswer>)>,
    /// What was remembered of groups when it was asked for.
    seen: Vec<(Hash, Seen)>,
}
