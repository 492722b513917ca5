//! A client: an identity on a device, and what it asks of a key server. Orchestration only: rules are in [`crate::account`], [`crate::identity`], [`crate::backup`].
//!
//! Every call borrows the client shared and holds nothing borrowed while it waits, so that calls may run beside each other, and a call may end at any wait.

mod api;
mod audit;
mod belonging;
mod cache;
mod change;
mod claims;
mod device;
mod entities;
mod event;
mod exchange;
mod exchange_making;
mod feed;
mod fetch;
mod flight;
mod groups;
mod host;
mod login;
mod messages;
mod met;
mod open;
mod opening;
mod outbox;
mod people;
mod ready;
mod recipient;
mod recovery;
mod register;
mod serialized;
mod sessions;
mod state;
mod unlock;
mod whole;

use core::{
    cell::{Cell, RefCell},
    fmt,
};
use std::rc::Rc;

pub use self::{
    audit::AuditEntry,
    cache::CacheOptions,
    claims::ClaimStarted,
    device::{Device, MemoryDevice},
    event::{Event, Status},
    groups::GroupInfo,
    host::{Host, LoginStore},
    messages::{Reading, Unverified},
    open::OpenSession,
    opening::{Named, named_by},
    recipient::Recipient,
    recovery::RecoveryStarted,
    state::BackupHealth,
    unlock::Unlocked,
};
use self::{cache::Cache, device::Rows, login::Derived, ready::Ready};
use crate::{
    backend::Failure,
    backup::Envelope,
    cache::Now,
    error::{Code, Error, Result},
    identity::{AppId, Trust, UserId},
    key_pair::Suite,
    password::Kdf,
};

const LOCKED: Error = Error::new(&(Code::Locked, "the identity is locked"));
const NO_SERVER: Error = Error::new(&(Code::NotCertified, "the key server's identity is not known"));
const CONFLICT: Error = Error::new(&(Code::Conflict, "other devices write all the time"));
/// How often a write begins again that another device's came before.
const TRIES: u32 = 4;
/// A list of the key server's that has more pages than this is said to have no end.
const PAGES: usize = 1_000;

/// What an application sets.
#[derive(Clone, Debug)]
pub struct Options {
    /// The application.
    pub app_id: AppId,
    /// Of new keys.
    pub suite: Suite,
    /// Of new accounts, and the one that existing ones have.
    pub kdf: Kdf,
    /// What existing accounts may have besides.
    pub accepted: Vec<Kdf>,
    /// Whom to trust.
    pub trust: Trust,
    /// For how long a reload needs no password, in milliseconds from the unlocking.
    pub resume: u64,
    /// What is kept of sessions.
    pub cache: CacheOptions,
}

impl Options {
    /// The defaults for an application.
    #[must_use]
    pub fn new(app_id: AppId) -> Self {
        let (suite, kdf, trust) = (Suite::Hybrid, Kdf::default(), Trust::default());
        Self {
            app_id,
            suite,
            kdf,
            accepted: Vec::new(),
            trust,
            resume: 8 * 60 * 60 * 1000,
            cache: CacheOptions::default(),
        }
    }
}

/// A client.
pub struct Client<H: Host> {
    host: H,
    options: Options,
    ready: RefCell<Option<Ready>>,
    derived: RefCell<Option<Rc<Derived>>>,
    events: RefCell<Vec<Event>>,
    /// Sessions of the open identity that the key server doesn't have yet.
    waiting: RefCell<Vec<Rc<OpenSession>>>,
    /// Whole backups that are being made the active ones here.
    activating: RefCell<Vec<Envelope>>,
    /// Counts locks: what was begun before one doesn't make it ready again.
    locks: Cell<u64>,
    /// Counts what was forgotten: what was begun before writes nothing to the device any more.
    forgets: Cell<u64>,
    /// Of the open identity.
    cache: RefCell<Option<Rc<Cache<H::Store>>>>,
    /// Of calls that others may wait for.
    tickets: Cell<u64>,
    /// Since when nobody answers anything.
    off_line: Cell<Option<Now>>,
}

impl<H: Host> fmt::Debug for Client<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client(..)")
    }
}

impl<H: Host> Client<H> {
    /// A client that is not ready yet: [`Self::look`].
    #[must_use]
    pub const fn new(host: H, options: Options) -> Self {
        Self {
            host,
            options,
            ready: RefCell::new(None),
            derived: RefCell::new(None),
            events: RefCell::new(Vec::new()),
            waiting: RefCell::new(Vec::new()),
            activating: RefCell::new(Vec::new()),
            locks: Cell::new(0),
            forgets: Cell::new(0),
            cache: RefCell::new(None),
            tickets: Cell::new(0),
            off_line: Cell::new(None),
        }
    }

    /// The world.
    pub const fn host(&self) -> &H {
        &self.host
    }

    /// Takes one step after the other, each a millisecond or less, while there are more; between them others may run.
    async fn in_steps(&self, step: &mut dyn FnMut() -> Result<bool>) -> Result<()> {
        while step()? {
            self.host.breathe().await;
        }
        Ok(())
    }

    /// The failure of this among what the caller named.
    fn about(&self, failure: impl Into<Failure>, name: &str) -> Failure {
        let failure = failure.into();
        let said = failure.said.or_else(|| self.host.say(failure.code(), &failure.error.about(name)));
        Failure { said, ..failure }
    }

    fn rows<'a>(&'a self, user: &'a UserId) -> Rows<'a, H::Device> {
        Rows::new(self.host.device(), &self.options.app_id, user, &self.forgets)
    }
}
