//! Tables in memory, as a snapshot has them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use wardkey::journal::Subject;

use crate::store::{Account, Head, JournalEnd, JournalRow, Kept, RowId, Spot};

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
    /// By pair and version.
    #[serde(default)]
    pub(super) exchange_keys: BTreeMap<String, BTreeMap<u64, LogRow>>,
    /// Times, by what is counted and a name.
    pub(super) counted: BTreeMap<String, Vec<u64>>,
    pub(super) journal: Journal,
    pub(super) disabled: BTreeSet<String>,
    /// When, and what.
    pub(super) answered: BTreeMap<String, (u64, Bytes)>,
}

/// All rows, by their names in base 16, and the log's headers.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) rows: BTreeMap<String, Bytes>,
    pub(super) headers: BTreeMap<u64, HeaderRow>,
    #[serde(skip)]
    pub(super) found: Found,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeaderRow {
    pub(super) row: String,
    pub(super) header: Bytes,
}

/// What follows from the rows and headers.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) ends: BTreeMap<Subject, JournalEnd>,
    pub(super) marks: BTreeMap<(Subject, u64), Spot>,
    /// The numbers of rows that are in the log.
    pub(super) numbers: BTreeMap<String, u64>,
    /// Those that aren't.
    pub(super) loose: BTreeSet<String>,
}

pub(super) fn row_name(id: &RowId) -> String {
    id.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn row_id(name: &str) -> Option<RowId> {
    let mut id = [0; 16];
    for (place, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(name.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    (name.len() == 32).then_some(RowId(id))
}

impl Found {
    /// Takes the next row. Gives the ends that it replaces.
    pub(super) fn take(&mut self, row: &JournalRow) -> Vec<(Subject, Option<JournalEnd>)> {
        self.loose.insert(row_name(&row.id));
        for mark in &row.marks {
            self.marks.insert((mark.subject.clone(), mark.sequence), mark.spot);
        }
        row.ends.iter().map(|(subject, end)| (subject.clone(), self.ends.insert(subject.clone(), *end))).collect()
    }
}

impl Journal {
    /// Finds anew what a snapshot doesn't hold.
    pub(super) fn find(&mut self) -> Kept<()> {
        self.found = Found::default();
        for (name, blob) in &self.rows {
            let id = row_id(name).ok_or_else(super::broken)?;
            self.found.take(&JournalRow::read(id, blob.0.clone())?);
        }
        for (number, header) in &self.headers {
            if !self.found.loose.remove(&header.row) {
                return Err(super::broken());
            }
            self.found.numbers.insert(header.row.clone(), *number);
        }
        Ok(())
    }
}

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) account: Option<Account>,
    pub(super) bundles: Vec<Bytes>,
    /// Those to which he belongs or belonged.
    pub(super) groups: BTreeSet<String>,
    pub(super) feed: BTreeMap<u64, FeedRow>,
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
