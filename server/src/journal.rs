//! The journal in a file, and whether it is whole: SPEC section 14.
//!
//! Files are lines of JSON, bytes in base64url. The log's: first `{"wardkey": "journal", "version": 1, "appId", "keyServer"}`, the last with the key server's bundles;
//! then a line `{"header", "entries"}` for each row; then `{"rows"}`, how many there were. A subject's: first `{"wardkey": "journal of one", …, "userId", "sessionId",
//! "head", "log"}`, with the heads of its journal and of the log; then a line `{"entry", "proof": {"header", "index", "path"} | null}` for each entry; then `{"entries"}`.
//!
//! Both are verified without the key server, by whoever knows its fingerprint. That nothing was cut off, or told to others otherwise, only headers show that were kept
//! elsewhere: from time to time an operator keeps the one that [`verify`] gives.

mod one;
mod text;
mod whole;

use core::fmt;
use std::io;

use wardkey::{error::Error, journal::Place, signed::Hash};
use wardkey_rules::StoreError;

pub use self::{
    one::{OneReport, export_one, verify_one},
    whole::{PAGE, export, verify, verify_rows},
};

/// What a verified log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Rows.
    pub rows: u64,
    /// Entries in them.
    pub entries: u64,
    /// Users and sessions of which they tell.
    pub subjects: usize,
    /// The newest header: to be kept elsewhere. None: the log is empty.
    pub head: Option<Place>,
    /// When that row was put into the log.
    pub time: Option<u64>,
    /// By the key server of this fingerprint.
    pub key_server: Hash,
}

/// Why a journal isn't whole, or couldn't be read.
#[derive(Debug)]
pub enum Failed {
    /// At this row, or this entry of one journal, counted from 1; 0: before the first.
    At(u64, Error),
    /// This line of the file, counted from 1, is none of a journal.
    Line(u64, &'static str),
    /// It is another key server's.
    KeyServer(Hash),
    /// The file, or what it is written to.
    Io(io::Error),
    /// The store.
    Store(StoreError),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(0, error) => error.fmt(f),
            Self::At(number, error) => write!(f, "{number}: {error}"),
            Self::Line(number, why) => write!(f, "line {number}: {why}"),
            Self::KeyServer(found) => write!(f, "the journal of another key server, {found}"),
            Self::Io(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Failed {}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A head that was kept: `number hash`, as [`head_text`] writes it.
#[must_use]
pub fn read_head(text: &str) -> Option<Place> {
    let (number, hash) = text.trim().split_once(' ')?;
    Some(Place { sequence: number.parse().ok()?, hash: Hash::parse(hash)? })
}

/// A head, to be kept.
#[must_use]
pub fn head_text(place: &Place) -> String {
    format!("{} {}", place.sequence, place.hash)
}
