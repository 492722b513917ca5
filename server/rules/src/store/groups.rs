//! What a key server keeps of groups, and of placeholders that wait for one.

use wardkey::{group::Role, identity::UserId, key_pair::Fingerprint, party::Party, signed::Hash};

use super::{Kept, Logged, Wraps};

/// Up to where a group goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Of the newest operation.
    pub sequence: u64,
    /// The newest.
    pub epoch: u64,
    /// Of the newest epoch's key.
    pub key: Fingerprint,
    /// Until when the heads that are kept make it fresh.
    pub fresh_until: u64,
}

/// What a user is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// He was a member.
    Left,
    /// He is one.
    Is(Role),
}

/// A head of a group's newest operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptHead {
    /// Who signed it.
    pub signer: UserId,
    /// The object.
    pub object: Vec<u8>,
}

/// A claim of a placeholder, from its start on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub user: UserId,
    /// For this group.
    pub group: Hash,
    /// With the contact that the code went to.
    pub placeholder: Party,
    /// HMAC-SHA-256 of its code.
    pub code: [u8; 32],
    /// When the code ends.
    pub end: u64,
    /// Tries that were counted.
    pub tries: u64,
    /// Was its code answered right?
    pub answered: bool,
}

/// The tables of groups, in the same transaction, with the same words. See [`super::Store`].
pub trait GroupStore {
    /// Up to where the group of this id goes; nothing: there is none.
    fn group(&mut self, id: &Hash) -> Kept<Option<Group>>;
    /// Writes that.
    fn put_group(&mut self, id: &Hash, group: &Group) -> Kept<()>;
    /// Its verified log, beside the objects from which it can be made again.
    fn group_state(&mut self, id: &Hash) -> Kept<Option<Vec<u8>>>;
    /// Writes that.
    fn put_group_state(&mut self, id: &Hash, state: &[u8]) -> Kept<()>;
    /// Genesis and operations from this sequence on, in their order.
    fn operations(&mut self, id: &Hash, from: u64) -> Kept<Vec<Logged>>;
    /// Appends to the log.
    fn add_operation(&mut self, id: &Hash, logged: &Logged) -> Kept<()>;
    /// Keeps group keys.
    fn add_group_keys(&mut self, id: &Hash, keys: &Wraps) -> Kept<()>;
    /// Group keys of the highest sequence at which this party has a body, with that body alone.
    fn newest_group_keys(&mut self, id: &Hash, party: &Party) -> Kept<Option<Wraps>>;
    /// Heads, in the order in which they were put.
    fn heads(&mut self, id: &Hash) -> Kept<Vec<KeptHead>>;
    /// Writes heads in the place of all others.
    fn put_heads(&mut self, id: &Hash, heads: &[KeptHead]) -> Kept<()>;

    /// What a user is in a group; nothing: he never was a member.
    fn membership(&mut self, id: &Hash, user: &UserId) -> Kept<Option<Membership>>;
    /// Writes that.
    fn put_membership(&mut self, id: &Hash, user: &UserId, membership: Membership) -> Kept<()>;
    /// Groups to which a user belongs or belonged, in any order.
    fn memberships(&mut self, user: &UserId) -> Kept<Vec<(Hash, Membership)>>;
    /// Who belongs to a group, in any order.
    fn members(&mut self, id: &Hash) -> Kept<Vec<UserId>>;
    /// Was the user given the log?
    fn is_watcher(&mut self, id: &Hash, user: &UserId) -> Kept<bool>;
    /// He was.
    fn add_watcher(&mut self, id: &Hash, user: &UserId) -> Kept<()>;
    /// Who was given the log, in any order.
    fn watchers(&mut self, id: &Hash) -> Kept<Vec<UserId>>;

    /// A placeholder has rights in a session. `opens`: no stanza of it was found that doesn't open. Rows keep the order in which they were inserted.
    fn put_waiting(&mut self, session: &Hash, placeholder: &Party, opens: bool) -> Kept<()>;
    /// It has none any more.
    fn remove_waiting(&mut self, session: &Hash, placeholder: &Party) -> Kept<()>;
    /// Sessions in which this placeholder has rights and which open, oldest row first, so many at most.
    fn waiting(&mut self, placeholder: &Party, most: usize) -> Kept<Vec<Hash>>;
    /// Of the placeholders of this name with a contact, or without one, that have rights anywhere, the one of the oldest row.
    fn first_waiting(&mut self, name: &UserId, with_contact: bool) -> Kept<Option<Party>>;
    /// A claim by its id.
    fn claim(&mut self, id: &[u8; 16]) -> Kept<Option<Claim>>;
    /// Writes a claim.
    fn put_claim(&mut self, id: &[u8; 16], claim: &Claim) -> Kept<()>;
}
