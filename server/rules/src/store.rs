//! What a key server keeps: API section 8. One request is one transaction of its store.

mod groups;

use core::fmt;

use serde::{Deserialize, Serialize};
use wardkey::{identity::UserId, journal::Subject, party::Party, session::Rights, signed::Hash};

pub use groups::{Claim, Group, GroupStore, KeptHead, Membership};

/// The store failed: the request ends in `server`. The text is for the server's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for StoreError {}

/// What an operation of a store gives.
pub type Kept<T> = Result<T, StoreError>;

/// A whole account, but for its bundles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// SHA-256 of the backup that it was registered with.
    #[serde(with = "crate::text")]
    pub first: [u8; 32],
    /// The active backup.
    pub active: Backup,
    /// What waits to be activated.
    pub pending: Option<Pending>,
    /// Where codes go: an object that was verified when it came.
    #[serde(with = "crate::text::option")]
    pub contact: Option<Vec<u8>>,
}

/// A backup and what is replaced with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The version in it.
    pub version: u64,
    /// As it came.
    #[serde(with = "crate::text")]
    pub bytes: Vec<u8>,
    /// The key server's share.
    pub share: Option<Share>,
}

/// The key server's share, sealed as it came. Writes of the state leave it as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The version of the backup with which it came, to which it is bound.
    pub version: u64,
    /// A wrap set for the key server.
    #[serde(with = "crate::text")]
    pub sealed: Vec<u8>,
}

/// A pending backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The backup.
    pub backup: Backup,
    /// A renewal: an object.
    #[serde(with = "crate::text::option")]
    pub bundle: Option<Vec<u8>>,
    /// A contact: an object.
    #[serde(with = "crate::text::option")]
    pub contact: Option<Vec<u8>>,
    /// The recovery that stored it; none: the user.
    #[serde(with = "crate::text::option")]
    pub recovery: Option<[u8; 16]>,
}

/// A recovery, from its start on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Whose.
    pub user: UserId,
    /// HMAC-SHA-256 of its code.
    pub code: [u8; 32],
    /// When the code ends.
    pub end: u64,
    /// Tries that were counted.
    pub tries: u64,
    /// When its code was answered right.
    pub answered: Option<u64>,
    /// The version that it activated.
    pub activated: Option<u64>,
}

/// What is counted by the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Starts of a recovery, of a user.
    Start,
    /// Tries of a recovery's code, of a user.
    Try,
    /// Starts of a claim, by a user.
    Claim,
    /// Starts of a claim, for a placeholder.
    Claimed,
    /// Tries of a claim's code, by a user.
    ClaimTry,
}

/// Up to where a session goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Of the newest entry.
    pub sequence: u64,
    /// The newest.
    pub generation: u64,
}

/// A genesis (0), an entry or an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its place in the log.
    pub sequence: u64,
    /// Who signed it; none: the key server.
    pub signer: Option<UserId>,
    /// The object.
    pub object: Vec<u8>,
}

/// A wraps object or group keys, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wraps {
    /// Of the entry or operation that it belongs to.
    pub sequence: u64,
    /// The object without bodies.
    pub signed: Vec<u8>,
    /// Bodies, sorted by place.
    pub bodies: Vec<Body>,
}

/// A stanza's body: only its party is given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Among the stanzas of its object.
    pub place: u32,
    /// For whom.
    pub party: Party,
    /// The body.
    pub bytes: Vec<u8>,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A session's recipients.
    Session(Hash),
    /// A group has a new epoch.
    Group {
        /// The group.
        id: Hash,
        /// The epoch's number.
        epoch: u64,
    },
}

/// An item of a user's feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// 1, 2, … for each user.
    pub place: u64,
    /// What it is about.
    pub about: About,
    /// Did this user lose read there, or his place in the group?
    pub revoked: bool,
    /// When.
    pub time: u64,
    /// A hash of this item and all before: what a cursor is compared with.
    pub chain: [u8; 32],
}

/// The tables of a key server, within one transaction.
///
/// Transactions are serializable: where two of them meet, the store makes one wait, or refuses its commit, and the server calls [`crate::handle`] anew. All rules
/// that say "once" or "so often" rest on that. Parties are compared by [`Party::to_bytes`]. `put_…` inserts or replaces, `add_…` inserts; a row that stands there
/// already is an error of the store. Every operation may fail, and the request with it.
pub trait Store: GroupStore {
    /// Has this user an account?
    fn has_account(&mut self, user: &UserId) -> Kept<bool>;
    /// The account.
    fn account(&mut self, user: &UserId) -> Kept<Option<Account>>;
    /// Writes the account; what it replaces is gone.
    fn put_account(&mut self, user: &UserId, account: &Account) -> Kept<()>;

    /// Bundles of a user, from version 1 on: objects.
    fn bundles(&mut self, user: &UserId) -> Kept<Vec<Vec<u8>>>;
    /// The next bundle of a user, with its version.
    fn add_bundle(&mut self, user: &UserId, version: u64, hash: &Hash, object: &[u8]) -> Kept<()>;
    /// Whose bundle has this hash?
    fn owner_of(&mut self, bundle: &Hash) -> Kept<Option<UserId>>;

    /// A recovery by its id.
    fn recovery(&mut self, id: &[u8; 16]) -> Kept<Option<Recovery>>;
    /// Writes a recovery.
    fn put_recovery(&mut self, id: &[u8; 16], recovery: &Recovery) -> Kept<()>;
    /// Times from this one on, in any order. The name is a user's, or a placeholder's.
    fn times(&mut self, name: &UserId, what: Counted, since: u64) -> Kept<Vec<u64>>;
    /// Counts. The same time may be added more than once.
    fn add_time(&mut self, name: &UserId, what: Counted, time: u64) -> Kept<()>;

    /// Up to where the session of this id goes; nothing: there is none.
    fn session(&mut self, id: &Hash) -> Kept<Option<Head>>;
    /// Its verified state, beside the log from which it can be made again.
    fn session_state(&mut self, id: &Hash) -> Kept<Option<Vec<u8>>>;
    /// Writes both.
    fn put_session(&mut self, id: &Hash, head: Head, state: &[u8]) -> Kept<()>;
    /// Genesis and entries from this sequence on, in their order.
    fn log(&mut self, id: &Hash, from: u64) -> Kept<Vec<Logged>>;
    /// Appends to the log.
    fn add_logged(&mut self, id: &Hash, logged: &Logged) -> Kept<()>;
    /// Wraps of this sequence and all after it, in their order, each with the bodies of these parties alone.
    fn wraps(&mut self, id: &Hash, from: u64, parties: &[Party]) -> Kept<Vec<Wraps>>;
    /// Keeps wraps.
    fn add_wraps(&mut self, id: &Hash, wraps: &Wraps) -> Kept<()>;
    /// Deletes all bodies of a party for good.
    fn delete_bodies(&mut self, id: &Hash, party: &Party) -> Kept<()>;
    /// The rights of a party; [`Rights::NONE`] if it had some, nothing if it never had.
    fn rights(&mut self, id: &Hash, party: &Party) -> Kept<Option<Rights>>;
    /// The groups among the parties that have rights or had some, with what they have now, in any order.
    fn group_rights(&mut self, id: &Hash) -> Kept<Vec<(Hash, Rights)>>;
    /// Writes the rights of a party.
    fn put_rights(&mut self, id: &Hash, party: &Party, rights: Rights) -> Kept<()>;

    /// The newest item of a user's feed.
    fn feed_end(&mut self, user: &UserId) -> Kept<Option<FeedItem>>;
    /// The item at this place.
    fn feed_item(&mut self, user: &UserId, place: u64) -> Kept<Option<FeedItem>>;
    /// Items after this place, in their order, so many at most.
    fn feed(&mut self, user: &UserId, after: u64, most: usize) -> Kept<Vec<FeedItem>>;
    /// Appends an item.
    fn add_feed_item(&mut self, user: &UserId, item: &FeedItem) -> Kept<()>;

    /// The newest entry of a journal.
    fn journal_end(&mut self, subject: &Subject) -> Kept<Option<Vec<u8>>>;
    /// Entries after this sequence, in their order, so many at most.
    fn journal(&mut self, subject: &Subject, after: u64, most: usize) -> Kept<Vec<Vec<u8>>>;
    /// Appends an entry.
    fn add_journal(&mut self, subject: &Subject, sequence: u64, entry: &[u8]) -> Kept<()>;

    /// Drops what was counted before this time, recoveries and claims whose code ended before it, and items of feeds before it, of each feed the newest excepted.
    fn forget_before(&mut self, counted: u64, recoveries: u64, feeds: u64) -> Kept<()>;
}
