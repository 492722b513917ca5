//! Tables in memory, as a snapshot has them.

use std::collections::BTreeMap;

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
}

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) account: Option<Account>,
    pub(super) bundles: Vec<Bytes>,
    pub(super) starts: Vec<u64>,
    pub(super) tries: Vec<u64>,
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

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogRow {
    pub(super) signer: String,
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
    pub(super) session: String,
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
