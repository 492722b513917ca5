//! A session whose keys are in memory, for as long as the application or a call holds it.

use core::{
    cell::{Cell, RefCell},
    fmt,
};
use std::rc::Rc;

use super::{LOCKED, Recipient, met::People};
use crate::{
    cache::Term,
    data_key::DataKey,
    encoding::MALFORMED,
    error::{Code, Error, Result},
    session::{Delivery, Keys, Session},
    signed::Hash,
};

pub(super) const REVOKED: Error = Error::new(&(Code::Revoked, "the right to read was taken away"));

/// A session whose keys are here.
pub struct OpenSession {
    id: Hash,
    /// As far as it is known.
    pub(super) known: RefCell<Known>,
    standing: Cell<Standing>,
    /// From when to when it is used before it is fetched anew; nothing: it can't be fetched, or isn't at the key server yet.
    term: Cell<Option<Term>>,
    /// Counts what was told of it.
    told: Cell<u32>,
    /// Its genesis, until the key server has it.
    unsent: RefCell<Option<Vec<u8>>>,
    /// Has the feed named it while it waited? Then another page has sent it.
    named: Cell<bool>,
    /// As what it was refused last.
    refused: Cell<Option<Code>>,
}

pub(super) struct Known {
    /// A call keeps what it began with, while another one goes on.
    pub(super) session: Rc<Session>,
    pub(super) keys: Keys,
}

/// What may be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is used.
    Live,
    /// Something has changed: before it is used it is fetched anew.
    Outdated,
    /// This user lost it. If he got it again, it is opened again.
    Revoked,
    /// The identity was locked since.
    Locked,
}

impl fmt::Debug for OpenSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenSession({})", self.id)
    }
}

impl OpenSession {
    pub(super) fn new(known: Known, term: Option<Term>) -> Self {
        Self {
            id: *known.session.log().id(),
            known: RefCell::new(known),
            standing: Cell::new(Standing::Live),
            term: Cell::new(term),
            told: Cell::new(0),
            unsent: RefCell::new(None),
            named: Cell::new(false),
            refused: Cell::new(None),
        }
    }

    /// Waits to be sent, with this genesis. One that was made before this page was loaded may be there already, and have changed.
    pub(super) fn waiting(known: Known, genesis: Vec<u8>, standing: Standing) -> Self {
        let (unsent, standing) = (RefCell::new(Some(genesis)), Cell::new(standing));
        Self { unsent, standing, ..Self::new(known, None) }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &Hash {
        &self.id
    }

    /// Its log and wraps, as far as they are known.
    pub fn with<T>(&self, read: impl FnOnce(&Session) -> T) -> T {
        read(&self.known.borrow().session)
    }

    pub(super) fn with_keys<T>(&self, read: impl FnOnce(&Keys) -> T) -> T {
        read(&self.known.borrow().keys)
    }

    /// Has the key server taken it, as far as this client knows?
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.unsent.borrow().is_none()
    }

    pub(super) fn unsent(&self) -> Option<Vec<u8>> {
        self.unsent.borrow().clone()
    }

    /// The feed has named it: what waits goes on as it is until it is sent from here, too.
    pub(super) fn name(&self) {
        self.named.set(true);
        self.mark(Standing::Outdated);
    }

    /// Has the key server got it, by another page, and has it changed there since?
    pub(super) fn is_behind(&self) -> bool {
        self.named.get() && !self.is_published()
    }

    /// The key server has it, and it is used for so long. Is that new?
    pub(super) fn published(&self, term: Option<Term>) -> bool {
        let is_new = self.unsent.take().is_some();
        if is_new {
            self.term.set(term);
        }
        is_new
    }

    /// The key server doesn't take it. Is that new?
    pub(super) fn refuse(&self, code: Code) -> bool {
        self.refused.replace(Some(code)) != Some(code)
    }

    /// Who has rights.
    pub(super) fn recipients(&self) -> Vec<Recipient> {
        self.with(|session| session.log().holdings().map(|held| Recipient::of(held.party)).collect())
    }

    /// The wraps of its genesis, begun, for the newest keys of its readers.
    pub(super) fn begin_genesis(&self, people: &People) -> Result<Delivery> {
        let Known { session, keys } = &*self.known.borrow();
        session.begin_genesis(keys.of(0).ok_or(MALFORMED)?, people)
    }

    pub(super) const fn standing(&self) -> Standing {
        self.standing.get()
    }

    pub(super) const fn term(&self) -> Option<Term> {
        self.term.get()
    }

    /// Can the key server tell of it? Not where it can't be fetched.
    pub(super) fn can_change(&self) -> bool {
        self.term().is_some() || !self.is_published()
    }

    pub(super) const fn told(&self) -> u32 {
        self.told.get()
    }

    /// Does its log name the signer with this bundle?
    pub(super) fn knows(&self, bundle: &Hash) -> bool {
        self.with(|session| session.log().signers().iter().any(|signer| signer.bundle == *bundle))
    }

    /// Was it neither lost nor locked?
    ///
    /// # Errors
    /// `revoked`, `locked`.
    pub(super) const fn check(&self) -> Result<()> {
        match self.standing.get() {
            Standing::Live | Standing::Outdated => Ok(()),
            Standing::Revoked => Err(REVOKED),
            Standing::Locked => Err(LOCKED),
        }
    }

    /// Something was told of it. What was lost or locked has no keys from then on.
    pub(super) fn mark(&self, standing: Standing) {
        self.told.set(self.told.get().wrapping_add(1));
        if self.check().is_err() {
            return;
        }
        self.standing.set(standing);
        if self.check().is_err() {
            self.known.borrow_mut().keys = Keys::default();
        }
    }

    /// It is as it was fetched now.
    pub(super) fn revive(&self) {
        if self.standing.get() == Standing::Outdated {
            self.standing.set(Standing::Live);
        }
    }

    /// An entry was made, and the key server has taken it.
    pub(super) fn take(&self, next: Session, key: Option<DataKey>) {
        let known = &mut *self.known.borrow_mut();
        if let Some(key) = key {
            known.keys.insert(next.log().newest_generation(), key);
        }
        if known.session.log().entries() < next.log().entries() {
            known.session = Rc::new(next);
        }
    }

    /// Fetched anew.
    ///
    /// # Errors
    /// `fork`.
    pub(super) fn renew(&self, fetched: Known, term: Term) -> Result<()> {
        self.advance(fetched)?;
        self.term.set(Some(term));
        self.revive();
        Ok(())
    }

    /// What was seen of its log stays seen: another call may have been faster, and an entry that was made since the request is not in its answer.
    ///
    /// # Errors
    /// `fork`.
    pub(super) fn advance(&self, fetched: Known) -> Result<()> {
        let known = &mut *self.known.borrow_mut();
        if known.session.log().entries() > fetched.session.log().entries() {
            known.session.log().check_follows(fetched.session.log())?;
        } else {
            fetched.session.log().check_follows(known.session.log())?;
            known.session = fetched.session;
        }
        known.keys.join(fetched.keys);
        Ok(())
    }
}

impl Known {
    pub(super) fn new(session: Session, keys: Keys) -> Self {
        Self { session: Rc::new(session), keys }
    }

    pub(super) fn newest(&self) -> Result<&DataKey> {
        let newest = self.keys.of(self.session.log().newest_generation());
        newest.ok_or(Error::new(&(Code::NotARecipient, "the newest key of this session is not known")))
    }
}
