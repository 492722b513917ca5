//! What a key server keeps: API section 8. One request is one transaction of its store.

mod exchange_keys;
mod groups;
mod readings;
mod rows;

use core::fmt;

use serde::{Deserialize, Serialize};
use wardkey::{identity::UserId, journal::Subject, party::Party, session::Rights, signed::Hash};

pub use exchange_keys::ExchangeKeyStore;
pub use groups::{Claim, Group, GroupStore, KeptHead, Membership};
pub use readings::{Asker, Opening, Reading, Room, Wanted, readings_in_parts};
pub(crate) use readings::{size_of_log, size_of_wraps};
pub use rows::{JournalEnd, JournalMark, JournalRow, LoggedRow, LooseRow, RowId, Spot, row_ends, row_entries};
pub(crate) use rows::{Proving, Walk, Writer, walk};

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

/// What is asked of a user before all else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Has he an account?
    pub is_registered: bool,
    /// Did the application disable him?
    pub is_disabled: bool,
}

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

/// A genesis (0), an entry or an operation; or a version of an exchange key, whose log is its pair's.
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
/// already is an error of the store. Every operation may fail, and the request with it. Those that ask the same of many are here for stores that have to be asked over a
/// network: in the order of what they are asked.
pub trait Store: GroupStore + ExchangeKeyStore {
    /// Has this user an account, and may he use it?
    fn standing(&mut self, user: &UserId) -> Kept<Standing>;
    /// Disables a user, who need not have an account yet, or lets him in again.
    fn put_disabled(&mut self, user: &UserId, disabled: bool) -> Kept<()>;
    /// The account.
    fn account(&mut self, user: &UserId) -> Kept<Option<Account>>;
    /// Writes the account; what it replaces is gone.
    fn put_account(&mut self, user: &UserId, account: &Account) -> Kept<()>;

    /// Bundles of a user, from version 1 on: objects.
    fn bundles(&mut self, user: &UserId) -> Kept<Vec<Vec<u8>>>;
    /// The same of each.
    fn bundles_of(&mut self, users: &[UserId]) -> Kept<Vec<Vec<Vec<u8>>>> {
        users.iter().map(|user| self.bundles(user)).collect()
    }
    /// The next bundle of a user, with its version.
    fn add_bundle(&mut self, user: &UserId, version: u64, hash: &Hash, object: &[u8]) -> Kept<()>;
    /// Whose bundle has this hash?
    fn owner_of(&mut self, bundle: &Hash) -> Kept<Option<UserId>>;
    /// The same of each.
    fn owners_of(&mut self, bundles: &[Hash]) -> Kept<Vec<Option<UserId>>> {
        bundles.iter().map(|bundle| self.owner_of(bundle)).collect()
    }

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
    /// What is asked of each session before it is given, for this party.
    fn openings(&mut self, ids: &[Hash], party: &Party) -> Kept<Vec<Opening>> {
        let opening = |id| {
            let (head, rights) = (self.session(id)?, self.rights(id, party)?);
            Ok(Opening { head, rights, groups: self.group_rights(id)? })
        };
        ids.iter().map(opening).collect()
    }
    /// Logs and wraps of each.
    fn contents(&mut self, of: &[Wanted]) -> Kept<Vec<(Vec<Logged>, Vec<Wraps>)>> {
        let content = |one: &Wanted| {
            let Wanted { session, from, parties } = one;
            Ok((self.log(session, *from)?, self.wraps(session, *from, parties)?))
        };
        of.iter().map(content).collect()
    }

    /// Sessions for who asks, from these sequences on; nothing of those that don't fit any more. Of what he isn't given nothing is read that may be long.
    fn readings(&mut self, of: &[(Hash, u64)], asker: &dyn Asker, room: &mut Room) -> Kept<Vec<Option<Reading>>> {
        readings_in_parts(self, of, asker, room)
    }

    /// The newest item of a user's feed.
    fn feed_end(&mut self, user: &UserId) -> Kept<Option<FeedItem>>;
    /// The item at this place.
    fn feed_item(&mut self, user: &UserId, place: u64) -> Kept<Option<FeedItem>>;
    /// Items after this place, in their order, so many at most.
    fn feed(&mut self, user: &UserId, after: u64, most: usize) -> Kept<Vec<FeedItem>>;
    /// Appends an item.
    fn add_feed_item(&mut self, user: &UserId, item: &FeedItem) -> Kept<()>;

    /// Where these journals end; nothing: nothing was told of this subject. In the order of the subjects, of which none comes twice.
    fn journal_ends(&mut self, subjects: &[Subject]) -> Kept<Vec<Option<JournalEnd>>>;
    /// The mark of the lowest sequence from this one on. A store that finds none, or a higher one, makes reading slower and nothing else.
    fn journal_mark(&mut self, subject: &Subject, from: u64) -> Kept<Option<JournalMark>>;
    /// So many bytes of a row's blob.
    fn journal_piece(&mut self, spot: &Spot) -> Kept<Vec<u8>>;
    /// Appends a row, with its ends in the place of those before and its marks. It is loose: not in the log yet. What is kept of it for good is its blob: ends and
    /// marks may be kept in memory alone, and found anew by [`JournalRow::read`].
    fn add_journal_row(&mut self, row: &JournalRow) -> Kept<()>;
    /// Loose rows in the order of their names, so many at most.
    fn loose_rows(&mut self, most: usize) -> Kept<Vec<LooseRow>>;
    /// The newest header of the log.
    fn log_end(&mut self) -> Kept<Option<Vec<u8>>>;
    /// Puts a loose row into the log, with its number and its header.
    fn add_to_log(&mut self, row: &RowId, number: u64, header: &[u8]) -> Kept<()>;
    /// Rows by their names, each once; nothing for one that isn't in the log.
    fn logged_rows(&mut self, ids: &[RowId]) -> Kept<Vec<Option<LoggedRow>>>;
    /// Rows of the log after this number, in their order, so many at most.
    fn log_rows(&mut self, after: u64, most: usize) -> Kept<Vec<LoggedRow>>;

    /// What was answered to a request that isn't repeated, by the request's name: as it was put.
    fn answered(&mut self, name: &[u8; 32]) -> Kept<Option<Vec<u8>>>;
    /// Keeps that, from this time on.
    fn put_answered(&mut self, name: &[u8; 32], time: u64, answer: &[u8]) -> Kept<()>;

    /// Drops what was counted or answered before this time, recoveries and claims whose code ended before it, and items of feeds before it, of each feed the newest excepted.
    fn forget_before(&mut self, counted: u64, recoveries: u64, feeds: u64) -> Kept<()>;
}
