//! Sessions that are here or are fetched, and messages of them: many at a time, in one request.

use core::ptr;
use std::rc::Rc;

use super::{
    Client, Host, LOCKED,
    cache::Cache,
    fetch::Opened,
    open::{OpenSession, Standing},
};
use crate::{
    backend::{Failure, Outcome},
    encoding::MALFORMED,
    error::{Code, Error, Result},
    message::Header,
    session::Signers,
    signed::Hash,
};

/// What a message says of itself: its session, and its signer's bundle.
pub type Named = (Hash, Option<Hash>);

/// What a message, or its beginning, names.
///
/// # Errors
/// `invalid-argument`: not of a session; those of SPEC section 4.
pub fn named_by(message: &[u8]) -> Result<Named> {
    const NO_SESSION: Error = Error::new(&(Code::InvalidArgument, "a message that isn't of a session"));
    let (header, _) = Header::parse(message)?;
    let session = header.session.as_ref().ok_or(NO_SESSION)?;
    Ok((Hash(session.id), header.signed_by().map(|by| Hash(by.bundle_hash))))
}

/// The place of an id among pairs that are sorted by it.
fn find<'a, T>(id: &Hash, sorted: &'a [(Hash, T)]) -> Option<&'a T> {
    let place = sorted.binary_search_by(|(other, _)| other.cmp(id)).ok()?;
    sorted.get(place).map(|(_, found)| found)
}

impl<H: Host> Client<H> {
    /// Opens these sessions: what isn't here in one request for each thousand; the bundles of `signers` come with it. A session is one for all who hold it.
    ///
    /// # Errors
    /// `locked`; those of the backend where nothing could be opened. In a session's place: those of SPEC section 12.6, and of the backend.
    pub async fn open_sessions(&self, ids: &[Hash], signers: &[Hash]) -> Outcome<Vec<Outcome<Rc<OpenSession>>>> {
        let (opened, failure) = self.open_all(ids, signers).await?;
        match failure {
            Some(failure) if opened.iter().all(|(_, open)| open.is_err()) => Err(failure),
            _ => Ok(ids.iter().map(|id| find(id, &opened).ok_or(MALFORMED)?.clone()).collect()),
        }
    }

    /// The sessions that messages name, each with the bundle of its signer: signers who aren't known come with them.
    ///
    /// # Errors
    /// As [`Self::open_sessions`].
    pub async fn open_named(&self, named: &[Named]) -> Outcome<Vec<Outcome<Rc<OpenSession>>>> {
        let mut ids: Vec<Hash> = named.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let signers = self.unknown_signers(&ids, named.iter()).await?;
        let opened = self.open_sessions(&ids, &signers).await?;
        let found = |id| opened.get(ids.binary_search(id).ok()?);
        Ok(named.iter().map(|(id, _)| found(id).ok_or(MALFORMED)?.clone()).collect())
    }

    /// The same, each once and sorted; and why the key server didn't answer.
    pub(super) async fn open_all(&self, ids: &[Hash], signers: &[Hash]) -> Outcome<(Vec<Opened>, Option<Failure>)> {
        let cache = self.warm().await?;
        let mut wanted = ids.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let (mut here, mut missing) = self.look_for(&cache, wanted).await?;
        if !missing.is_empty() {
            // Made off line before this page was loaded, perhaps.
            let waiting = self.find_waiting(&missing).await?;
            let mut waits = waiting.iter().map(Option::is_some);
            missing.retain(|_| waits.next() != Some(true));
            here.extend(waiting.into_iter().flatten());
        }
        cache.count(here.len(), missing.len());
        let (mut opened, mut failure) = (Vec::with_capacity(here.len()), None);
        if !missing.is_empty() || !signers.is_empty() {
            (opened, failure) = self.fetch_sessions(&cache, &missing, signers).await;
        }
        // Nobody else knows of those that weren't sent yet.
        let (own, here): (Vec<_>, Vec<_>) = here.into_iter().partition(|open| open.term().is_none());
        opened.extend(own.into_iter().map(|open| (*open.id(), Ok(open))));
        let mut dropped = Vec::new();
        if !here.is_empty() {
            let fresh = self.fresh(&cache).await;
            failure = failure.or(fresh.err());
            for open in here {
                match fresh {
                    Err(failure) => opened.push((*open.id(), Err(failure))),
                    // What was told of it just now counts.
                    Ok(()) if open.standing() == Standing::Live => opened.push((*open.id(), Ok(open))),
                    Ok(()) => dropped.push(*open.id()),
                }
            }
        }
        if !dropped.is_empty() {
            let (fetched, why_not) = self.fetch_sessions(&cache, &dropped, &[]).await;
            opened.extend(fetched);
            failure = failure.or(why_not);
        }
        if !missing.is_empty() || !signers.is_empty() {
            self.hold_state().await?;
        }
        self.check_cache(&cache)?;
        opened.sort_unstable_by_key(|(id, _)| *id);
        Ok((opened, failure))
    }

    /// Those that are here, which are held from now on, and those that aren't.
    async fn look_for(&self, cache: &Cache<H::Store>, ids: Vec<Hash>) -> Result<(Vec<Rc<OpenSession>>, Vec<Hash>)> {
        let (mut here, mut missing) = (Vec::with_capacity(ids.len()), Vec::new());
        let mut ids = ids.into_iter();
        // First: what is found of the last one still stands then.
        self.host.breathe().await;
        self.in_steps(&mut || {
            let Some(id) = ids.next() else { return Ok(false) };
            match self.with(|ready| cache.look(&id, &ready.people, &self.host.now()))? {
                Some(open) => here.push(open),
                None => missing.push(id),
            }
            Ok(ids.len() > 0)
        })
        .await?;
        Ok((here, missing))
    }

    /// May a session that somebody holds be written in? It wasn't lost, the feed was read, and where something has changed it was fetched anew.
    ///
    /// # Errors
    /// `revoked`, `locked`; those of [`Self::open_sessions`].
    pub(super) async fn usable(&self, open: &OpenSession) -> Outcome<()> {
        if open.is_behind() {
            self.publish(open).await?;
        }
        let (usable, _) = self.usable_all(&[open], &[]).await?;
        usable.into_iter().next().ok_or(MALFORMED)?
    }

    /// The same of many, and the bundles of `signers`, in one request where one is needed; and why the key server didn't answer it.
    pub(super) async fn usable_all(
        &self,
        sessions: &[&OpenSession],
        signers: &[Hash],
    ) -> Outcome<(Vec<Outcome<()>>, Option<Failure>)> {
        // Of the others nobody else knows, or they can't be fetched.
        let fetched = sessions.iter().filter(|open| open.check().is_ok() && open.term().is_some());
        let ids: Vec<Hash> = fetched.map(|open| *open.id()).collect();
        let (mut opened, mut failure) = (Vec::new(), None);
        if !ids.is_empty() || !signers.is_empty() {
            (opened, failure) = self.open_all(&ids, signers).await?;
        }
        let usable = |open: &&OpenSession| {
            open.check()?;
            let Some(same) = find(open.id(), &opened) else { return Ok(()) };
            let same = same.as_ref().map_err(|failure| *failure)?;
            if ptr::eq(Rc::as_ptr(same), *open) { Ok(()) } else { Err(LOCKED.into()) }
        };
        Ok((sessions.iter().map(usable).collect(), failure))
    }

    /// Signers that neither a log of these sessions names nor anybody who was met.
    async fn unknown_signers<'n>(&self, ids: &[Hash], named: impl Iterator<Item = &'n Named>) -> Result<Vec<Hash>> {
        let cache = self.warm().await?;
        let mut unknown: Vec<(Hash, Hash)> = Vec::new();
        for (id, signer) in named {
            if let Some(signer) = signer
                && !self.knows(signer)?
                && ids.binary_search(id).is_ok()
            {
                unknown.push((*id, *signer));
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        let look = |id: &Hash| self.with(|ready| cache.look(id, &ready.people, &self.host.now())).ok().flatten();
        let mut open: Option<Rc<OpenSession>> = None;
        unknown.retain(|(id, signer)| {
            if open.as_ref().is_none_or(|open| open.id() != id) {
                open = look(id);
            }
            !open.as_ref().is_some_and(|open| open.knows(signer))
        });
        let mut signers: Vec<Hash> = unknown.into_iter().map(|(_, signer)| signer).collect();
        signers.sort_unstable();
        signers.dedup();
        Ok(signers)
    }

    /// Was whoever has this bundle met?
    pub(super) fn knows(&self, signer: &Hash) -> Result<bool> {
        self.with(|ready| ready.people.signer(signer).is_ok())
    }
}
