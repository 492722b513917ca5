//! Messages of sessions whose chunks are worked on elsewhere, and many at a time. What waits for the key server comes before the bodies, and for an author who had
//! seen more of the session than is known here, after one. SPEC section 13.

use core::cell::RefCell;
use std::rc::Rc;

use super::{
    Client, Host,
    fetch::PAGE,
    open::{Known, OpenSession},
    ready::Ready,
};
use crate::{
    backend::{Failure, Outcome},
    encoding::Context,
    error::{Code, Error, Result},
    message::{Body, Header, Leaf, Padding, Trailers, Verifier, Whole},
    party::Party,
    session::{Claim, Signer, Signers, Writing},
    signed::Hash,
};

const OTHER_SESSION: Error = Error::new(&(Code::KeyMismatch, "a message of another session"));
const NO_KEY: Error = Error::new(&(Code::NotARecipient, "no key of this session is known here"));

impl<H: Host> Client<H> {
    /// So many messages of a session, under a new generation where one is due.
    ///
    /// # Errors
    /// `locked`, `forbidden`, `limit`; those of [`Self::rotate`] and [`Self::group`].
    pub async fn write(&self, open: &OpenSession, size: usize, sign: bool, padding: Padding) -> Outcome<Writing> {
        self.usable(open).await?;
        // Who made a session and doesn't read it can't fetch it, and is told of its groups by themselves.
        let groups = || open.with(|session| session.log().groups().copied().collect::<Vec<_>>());
        if open.term().is_none() && open.is_published() {
            match self.know_groups(&groups(), true).await {
                Err(failure) if failure.code() == Code::Network => {}
                known => known?,
            }
        }
        let due = match self.is_due(open) {
            Ok(due) => due,
            // What was told of a group isn't true: perhaps what is told now is.
            Err(_) => {
                self.fetch_groups(&groups()).await?;
                self.is_due(open)?
            }
        };
        if due {
            self.rotate(open).await?;
        }
        open.check()?;
        Ok(self.with_hand(|_, hand, people| {
            open.with(|session| session.write(hand.signer, sign, size, padding, people))
        })?)
    }

    /// Is a new generation to be made before anything is written?
    ///
    /// # Errors
    /// `locked`; `unknown-group`, and why else nothing is known of a group.
    pub fn is_due(&self, open: &OpenSession) -> Result<bool> {
        self.with(|ready| {
            open.with(|session| {
                // What waits to be sent may be for a group that nobody was asked for yet.
                if open.is_published() {
                    session.log().groups().try_for_each(|id| ready.people.group(id).map(drop))?;
                }
                session.is_due(&ready.people)
            })
        })?
    }

    /// Who has rights by entries only of people who aren't entitled any more: SPEC section 12.4.
    ///
    /// # Errors
    /// `locked`, `unknown-group`.
    pub fn unconfirmed(&self, open: &OpenSession) -> Result<Vec<Party>> {
        self.with(|ready| open.with(|session| session.log().unconfirmed(&ready.people)))?
    }

    /// Begins one of them: its keys, and what precedes its first chunk.
    ///
    /// # Errors
    /// `revoked`, `locked`, `not-a-recipient`, `rng`.
    pub fn begin_message(
        &self,
        open: &OpenSession,
        writing: &Writing,
        index: u32,
        context: &Context,
    ) -> Result<(Body, Vec<u8>)> {
        open.check()?;
        let Known { keys, .. } = &*open.known.borrow();
        let key = keys.of(writing.generation()).ok_or(NO_KEY)?;
        writing.begin(key, &mut self.host.random().borrow_mut(), index, context)
    }

    /// Begins short ones from number `first` on, for [`finish`](crate::message::finish).
    ///
    /// # Errors
    /// `revoked`, `locked`, `not-a-recipient`, `rng`, `limit`.
    pub fn begin_messages(
        &self,
        open: &OpenSession,
        writing: &Writing,
        first: u32,
        items: &[(&[u8], Context)],
    ) -> Result<Vec<u8>> {
        open.check()?;
        let Known { keys, .. } = &*open.known.borrow();
        let key = keys.of(writing.generation()).ok_or(NO_KEY)?;
        writing.begin_many(key, &mut self.host.random().borrow_mut(), first, items)
    }

    /// Signs them, when their leaves are there.
    ///
    /// # Errors
    /// `locked`; as [`Writing::sign`].
    pub fn sign(&self, writing: Writing) -> Result<Trailers> {
        self.with(|ready| writing.sign(ready.keys.signing.iter()))?
    }

    /// Begins to open a message by its beginning, as [`Body::open`] wants it. Without `author`, nobody asks who wrote it.
    ///
    /// # Errors
    /// `locked`; those of SPEC section 13, steps 1 to 3, and of the backend.
    pub async fn begin_opening(
        &self,
        open: &OpenSession,
        beginning: &[u8],
        context: &Context,
        author: bool,
    ) -> Outcome<(Body, Option<Claim>)> {
        let (header, _) = Header::parse(beginning)?;
        open.check()?;
        if open.with(|session| session.lacks_key(&header)) {
            self.update(open).await?;
        }
        let signer = if author { self.unknown_signer(open, &header)? } else { None };
        let (usable, failure) = self.usable_all(&[open], signer.as_slice()).await?;
        usable.into_iter().collect::<Outcome<()>>()?;
        if let Some(failure) = failure.filter(|_| author && self.unknown_signer(open, &header) != Ok(None)) {
            return Err(failure);
        }
        let Known { session, keys } = &*open.known.borrow();
        let claimed = self.with(|ready| {
            let minimum = ready.state.minimum();
            if author {
                return session.admit(keys, &header, &ready.people, minimum);
            }
            session.key_for(keys, &header, minimum).map(|(_, key)| (key, None))
        })?;
        let (key, claim) = claimed?;
        let (body, _) = Body::open(key, beginning, context)?;
        Ok((body, claim))
    }

    /// Verifies the author, when the body was opened: the rest of step 4, and steps 5 to 7.
    ///
    /// # Errors
    /// `bad-signature`; those of SPEC section 13, and of the backend.
    pub async fn author(&self, open: &OpenSession, claim: Claim, leaf: &Leaf, trailer: &[u8]) -> Outcome<Signer> {
        let author = claim.verify(&mut Verifier::default(), leaf, trailer)?;
        let lacks = |ready: &mut Ready| {
            open.with(|session| session.lacks_state(&author.view, &author.authority, &ready.people))
        };
        if self.with(lacks)? {
            self.update(open).await?;
        }
        self.with(|ready| {
            open.with(|session| session.check_author(claim.generation, &claim.signer, &author, &ready.people))
        })??;
        Ok(claim.signer)
    }

    /// The bundle of a message's signer, if it isn't known.
    fn unknown_signer(&self, open: &OpenSession, header: &Header) -> Result<Option<Hash>> {
        let Some(signed_by) = header.signed_by() else { return Ok(None) };
        let bundle = Hash(signed_by.bundle_hash);
        let is_known = open.knows(&bundle) || self.knows(&bundle)?;
        Ok((!is_known).then_some(bundle))
    }
}

/// Many messages of these sessions that are being opened: looked at first, all of them, so that one request serves them all.
#[derive(Debug)]
pub struct Reading {
    /// Sorted by their ids.
    sessions: RefCell<Vec<Rc<OpenSession>>>,
    notes: RefCell<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    /// Bundles that aren't known.
    signers: Vec<Hash>,
    /// Sessions that aren't known as far as a message has seen them.
    outdated: Vec<Hash>,
    /// Why the bundles couldn't be fetched.
    unfetched: Option<Failure>,
    /// Why sessions can't be used.
    unusable: Vec<(Hash, Failure)>,
    /// Why sessions couldn't be updated.
    refused: Vec<(Hash, Failure)>,
    verifier: Verifier,
}

/// A message that was begun, and whose author isn't verified yet.
#[derive(Debug)]
pub struct Unverified {
    open: Rc<OpenSession>,
    claim: Claim,
    trailer: Vec<u8>,
}

impl Reading {
    /// Of messages of this session.
    #[must_use]
    pub fn new(open: Rc<OpenSession>) -> Self {
        Self { sessions: RefCell::new(vec![open]), notes: RefCell::default() }
    }

    /// And of this one.
    pub fn join(&self, open: Rc<OpenSession>) {
        let sessions = &mut *self.sessions.borrow_mut();
        if let Err(place) = sessions.binary_search_by_key(&open.id(), |open| open.id()) {
            sessions.insert(place, open);
        }
    }

    fn session(&self, header: &Header) -> Result<Rc<OpenSession>> {
        let id = Hash(header.session.as_ref().ok_or(OTHER_SESSION)?.id);
        let sessions = self.sessions.borrow();
        let place = sessions.binary_search_by_key(&&id, |open| open.id()).map_err(|_| OTHER_SESSION)?;
        sessions.get(place).map(Rc::clone).ok_or(OTHER_SESSION)
    }

    /// The error for what isn't known here: that it couldn't be fetched, if so.
    fn why(&self, open: &OpenSession, error: Error) -> Failure {
        let notes = self.notes.borrow();
        let instead = match error.code() {
            Code::BadSignature => notes.unfetched,
            Code::NotARecipient | Code::Rollback => told_of(&notes.refused, open),
            _ => None,
        };
        instead.unwrap_or(error.into())
    }
}

fn told_of(list: &[(Hash, Failure)], open: &OpenSession) -> Option<Failure> {
    list.iter().find(|(id, _)| id == open.id()).map(|(_, failure)| *failure)
}

impl<H: Host> Client<H> {
    /// Notes what this message names that isn't known.
    ///
    /// # Errors
    /// `locked`.
    pub fn note(&self, reading: &Reading, message: &[u8]) -> Result<()> {
        let Ok((header, _)) = Header::parse(message) else { return Ok(()) };
        let Ok(open) = reading.session(&header) else { return Ok(()) };
        // Locked since: the session says so itself.
        let lacks = self.with(|ready| open.with(|session| session.lacks(message, &ready.people))).unwrap_or_default();
        let Notes { signers, outdated, .. } = &mut *reading.notes.borrow_mut();
        add(signers, self.unknown_signer(&open, &header)?);
        add(outdated, lacks.then_some(*open.id()));
        Ok(())
    }

    /// Looks whether the sessions may be used, and fetches what was noted: in one request, and one more for what a message has seen of a session that isn't known here.
    /// What can't be fetched fails the messages that name it, and no other.
    ///
    /// # Errors
    /// `locked`.
    pub async fn prepare(&self, reading: &Reading) -> Outcome<()> {
        let (signers, outdated) = {
            let notes = &mut *reading.notes.borrow_mut();
            (core::mem::take(&mut notes.signers), core::mem::take(&mut notes.outdated))
        };
        let sessions = reading.sessions.borrow().clone();
        let sessions: Vec<&OpenSession> = sessions.iter().map(Rc::as_ref).collect();
        let (usable, failure) = self.usable_all(&sessions, &signers).await?;
        {
            let notes = &mut *reading.notes.borrow_mut();
            notes.unfetched = failure;
            let unusable = sessions.iter().zip(usable);
            notes.unusable.extend(unusable.filter_map(|(open, usable)| Some((*open.id(), usable.err()?))));
        }
        let outdated: Vec<_> = sessions.into_iter().filter(|open| outdated.contains(open.id())).collect();
        for page in outdated.chunks(PAGE) {
            let updated = self.update_all(page).await;
            let result = |place: usize| match &updated {
                Ok(updated) => updated.get(place).and_then(|updated| updated.err()).map(Failure::from),
                Err(failure) => Some(*failure),
            };
            let refused = page.iter().enumerate().filter_map(|(place, open)| Some((*open.id(), result(place)?)));
            reading.notes.borrow_mut().refused.extend(refused);
        }
        Ok(())
    }

    /// Begins to open one of them, for [`finish`](crate::message::finish).
    ///
    /// # Errors
    /// `locked`; those of SPEC section 13, steps 1 to 3, and of what couldn't be fetched; nothing is appended then.
    pub fn begin_reading(
        &self,
        reading: &Reading,
        begun: &mut Vec<u8>,
        message: &[u8],
        context: &Context,
    ) -> Outcome<Option<Unverified>> {
        let (header, rest) = Header::parse(message)?;
        let open = reading.session(&header)?;
        open.check()?;
        if let Some(failure) = told_of(&reading.notes.borrow().unusable, &open) {
            return Err(failure);
        }
        let Known { session, keys } = &*open.known.borrow();
        self.with(|ready| {
            let admitted = session.admit(keys, &header, &ready.people, ready.state.minimum());
            let (key, claim) = admitted.map_err(|error| reading.why(&open, error))?;
            let whole = Whole::split(message, header, rest)?;
            whole.begin(begun, key, context, true)?;
            Ok(claim.map(|claim| Unverified { open: Rc::clone(&open), claim, trailer: whole.trailer.to_vec() }))
        })?
    }

    /// Verifies the author of one that was opened.
    ///
    /// # Errors
    /// `bad-signature`; those of SPEC section 13, steps 5 to 7.
    pub fn author_of(&self, reading: &Reading, unverified: Unverified, leaf: &Leaf) -> Outcome<Signer> {
        let Unverified { open, claim, trailer } = unverified;
        let author = claim.verify(&mut reading.notes.borrow_mut().verifier, leaf, &trailer)?;
        let checked = self.with(|ready| {
            open.with(|session| session.check_author(claim.generation, &claim.signer, &author, &ready.people))
        })?;
        checked.map_err(|error| reading.why(&open, error))?;
        Ok(claim.signer)
    }
}

/// Once.
fn add(list: &mut Vec<Hash>, item: Option<Hash>) {
    if let Some(item) = item
        && let Err(place) = list.binary_search(&item)
    {
        list.insert(place, item);
    }
}
