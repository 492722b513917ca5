//! Tables in memory, as a snapshot has them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::store::{Account, Head};

/// Bytes that stand in JSON as base64url.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Bytes(#[serde(with = "crate::text")] pub(super) Vec<u8>);

/// All tables. Names, ids and hashes are text here, as in JSON.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tables {
    pub(super) users: BTreeMap<String, User>,
    pub(super) bundles: BTreeMap<String, String>,
    pub(super) recoveries: BTreeMap<String, RecoveryRow>,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) groups: BTreeMap<String, Group>,
    /// By placeholder.
    pub(super) waiting: BTreeMap<String, Waiting>,
    pub(super) claims: BTreeMap<String, ClaimRow>,
    /// Times, by what is counted and a name.
    pub(super) counted: BTreeMap<String, Vec<u64>>,
}

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) account: Option<Account>,
    pub(super) bundles: Vec<Bytes>,
    /// Those to which he belongs or belonged.
    pub(super) groups: BTreeSet<String>,
    pub(super) feed: BTreeMap<u64, FeedRow>,
    pub(super) journal: BTreeMap<u64, Bytes>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecoveryRow {
    pub(super) user: String,
    #[serde(with = "crate::text")]
    pub(super) code: [u8; 32],
    pub(super) end: u64,
    pub(super) tries: u64,
    pub(super) answered: Option<u64>,
    pub(super) activated: Option<u64>,
}

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) head: Option<Head>,
    pub(super) state: Option<Bytes>,
    pub(super) log: BTreeMap<u64, LogRow>,
    pub(super) wraps: BTreeMap<u64, WrapsRow>,
    pub(super) rights: BTreeMap<String, u64>,
    pub(super) journal: BTreeMap<u64, Bytes>,
}

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) head: Option<GroupRow>,
    pub(super) state: Option<Bytes>,
    pub(super) operations: BTreeMap<u64, LogRow>,
    pub(super) keys: BTreeMap<u64, WrapsRow>,
    pub(super) heads: Vec<HeadRow>,
    /// Is he an admin? Nothing: he has left.
    pub(super) members: BTreeMap<String, Option<bool>>,
    pub(super) watchers: BTreeSet<String>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GroupRow {
    pub(super) sequence: u64,
    pub(super) epoch: u64,
    #[serde(with = "crate::text")]
    pub(super) key: [u8; 32],
    pub(super) fresh_until: u64,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeadRow {
    pub(super) signer: String,
    pub(super) object: Bytes,
}

/// Sessions in which a placeholder of one name has rights.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) rows: BTreeMap<u64, WaitingRow>,
    /// By session and party.
    pub(super) places: BTreeMap<String, u64>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WaitingRow {
    pub(super) session: String,
    pub(super) party: Bytes,
    pub(super) opens: bool,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClaimRow {
    pub(super) user: String,
    pub(super) group: String,
    pub(super) placeholder: Bytes,
    #[serde(with = "crate::text")]
    pub(super) code: [u8; 32],
    pub(super) end: u64,
    pub(super) tries: u64,
    pub(super) answered: bool,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogRow {
    /// None: the key server.
    pub(super) signer: Option<String>,
    pub(super) object: Bytes,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WrapsRow {
    pub(super) signed: Bytes,
    /// Party, place, body.
    pub(super) bodies: BTreeMap<String, (u32, Bytes)>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FeedRow {
    /// The session's, or where there is an epoch the group's.
    pub(super) id: String,
    pub(super) epoch: Option<u64>,
    pub(super) revoked: bool,
    pub(super) time: u64,
    #[serde(with = "crate::text")]
    pub(super) chain: [u8; 32],
}

#[derive(Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) version: u64,
    pub(super) tables: Tables,
}
