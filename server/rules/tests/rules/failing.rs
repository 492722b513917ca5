//! A store that fails when it is told to.

use wardkey::{delegation::Pair, identity::UserId, journal::Subject, party::Party, session::Rights, signed::Hash};
use wardkey_rules::{
    Account, Claim, Counted, ExchangeKeyStore, FeedItem, Group, GroupStore, Head, JournalEnd, JournalMark, JournalRow,
    Kept, KeptHead, Logged, LoggedRow, LooseRow, Membership, MemoryStore, Recovery, RowId, Spot, Standing, Store,
    StoreError, Wraps,
};

pub(crate) struct Failing<'a> {
    pub(crate) store: &'a mut MemoryStore,
    /// Operations until one fails.
    pub(crate) left: usize,
    /// Do reads count, too?
    pub(crate) reads: bool,
    /// What was asked of logs and wraps, and of group logs.
    pub(crate) contents: Vec<String>,
}

impl<'a> Failing<'a> {
    pub(crate) const fn new(store: &'a mut MemoryStore, left: usize, reads: bool) -> Self {
        Self { store, left, reads, contents: Vec::new() }
    }

    fn step(&mut self, writes: bool) -> Kept<()> {
        if !writes && !self.reads {
            return Ok(());
        }
        let failed = StoreError("told to fail".to_owned());
        self.left = self.left.checked_sub(1).ok_or(failed)?;
        Ok(())
    }
}

macro_rules! pass {
    ($trait:ident: $($writes:literal $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)+) => {
        impl $trait for Failing<'_> {
            $(fn $name(&mut self, $($arg: $type),*) -> Kept<$out> {
                self.step($writes)?;
                if matches!(stringify!($name), "log" | "wraps" | "operations" | "newest_group_keys") {
                    self.contents.push(format!("{} {:?}", stringify!($name), ($($arg),*)));
                }
                self.store.$name($($arg),*)
            })+
        }
    };
}

pass! {
    Store:
    false standing(user: &UserId) -> Standing;
    true put_disabled(user: &UserId, disabled: bool) -> ();
    false account(user: &UserId) -> Option<Account>;
    true put_account(user: &UserId, account: &Account) -> ();
    false bundles(user: &UserId) -> Vec<Vec<u8>>;
    true add_bundle(user: &UserId, version: u64, hash: &Hash, object: &[u8]) -> ();
    false owner_of(bundle: &Hash) -> Option<UserId>;
    false recovery(id: &[u8; 16]) -> Option<Recovery>;
    true put_recovery(id: &[u8; 16], recovery: &Recovery) -> ();
    false times(user: &UserId, what: Counted, since: u64) -> Vec<u64>;
    true add_time(user: &UserId, what: Counted, time: u64) -> ();
    false session(id: &Hash) -> Option<Head>;
    false session_state(id: &Hash) -> Option<Vec<u8>>;
    true put_session(id: &Hash, head: Head, state: &[u8]) -> ();
    false log(id: &Hash, from: u64) -> Vec<Logged>;
    true add_logged(id: &Hash, logged: &Logged) -> ();
    false wraps(id: &Hash, from: u64, parties: &[Party]) -> Vec<Wraps>;
    true add_wraps(id: &Hash, wraps: &Wraps) -> ();
    false rights(id: &Hash, party: &Party) -> Option<Rights>;
    true delete_bodies(id: &Hash, party: &Party) -> ();
    false group_rights(id: &Hash) -> Vec<(Hash, Rights)>;
    true put_rights(id: &Hash, party: &Party, rights: Rights) -> ();
    false feed_end(user: &UserId) -> Option<FeedItem>;
    false feed_item(user: &UserId, place: u64) -> Option<FeedItem>;
    false feed(user: &UserId, after: u64, most: usize) -> Vec<FeedItem>;
    true add_feed_item(user: &UserId, item: &FeedItem) -> ();
    false journal_ends(subjects: &[Subject]) -> Vec<Option<JournalEnd>>;
    false journal_mark(subject: &Subject, from: u64) -> Option<JournalMark>;
    false journal_piece(spot: &Spot) -> Vec<u8>;
    true add_journal_row(row: &JournalRow) -> ();
    false loose_rows(most: usize) -> Vec<LooseRow>;
    false log_end() -> Option<Vec<u8>>;
    true add_to_log(row: &RowId, number: u64, header: &[u8]) -> ();
    false logged_rows(ids: &[RowId]) -> Vec<Option<LoggedRow>>;
    false log_rows(after: u64, most: usize) -> Vec<LoggedRow>;
    false answered(name: &[u8; 32]) -> Option<Vec<u8>>;
    true put_answered(name: &[u8; 32], time: u64, answer: &[u8]) -> ();
    true forget_before(counted: u64, recoveries: u64, feeds: u64) -> ();
}

pass! {
    GroupStore:
    false group(id: &Hash) -> Option<Group>;
    true put_group(id: &Hash, group: &Group) -> ();
    false group_state(id: &Hash) -> Option<Vec<u8>>;
    true put_group_state(id: &Hash, state: &[u8]) -> ();
    false operations(id: &Hash, from: u64) -> Vec<Logged>;
    true add_operation(id: &Hash, logged: &Logged) -> ();
    true add_group_keys(id: &Hash, keys: &Wraps) -> ();
    false newest_group_keys(id: &Hash, party: &Party) -> Option<Wraps>;
    false heads(id: &Hash) -> Vec<KeptHead>;
    true put_heads(id: &Hash, heads: &[KeptHead]) -> ();
    false membership(id: &Hash, user: &UserId) -> Option<Membership>;
    true put_membership(id: &Hash, user: &UserId, membership: Membership) -> ();
    false memberships(user: &UserId) -> Vec<(Hash, Membership)>;
    false members(id: &Hash) -> Vec<UserId>;
    false is_watcher(id: &Hash, user: &UserId) -> bool;
    true add_watcher(id: &Hash, user: &UserId) -> ();
    false watchers(id: &Hash) -> Vec<UserId>;
    true put_waiting(session: &Hash, placeholder: &Party, opens: bool) -> ();
    true remove_waiting(session: &Hash, placeholder: &Party) -> ();
    false waiting(placeholder: &Party, most: usize) -> Vec<Hash>;
    false first_waiting(name: &UserId, with_contact: bool) -> Option<Party>;
    false claim(id: &[u8; 16]) -> Option<Claim>;
    true put_claim(id: &[u8; 16], claim: &Claim) -> ();
}

pass! {
    ExchangeKeyStore:
    false newest_versions(pairs: &[Pair]) -> Vec<u64>;
    false exchange_key(pair: &Pair, version: u64) -> Option<Logged>;
    false exchange_keys(from: &[(Pair, u64)]) -> Vec<Vec<Logged>>;
    true add_exchange_key(pair: &Pair, version: &Logged) -> ();
}
