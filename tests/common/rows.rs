//! Entries of files that hold several kinds of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wardkey::error::Result;

use super::{group_story, story};

/// What somebody reads, and with what.
pub(crate) trait Input: Serialize {
    /// Without what nothing names.
    fn trimmed(self) -> Self;

    /// What it gives, as this kind of entry.
    fn open(&self, kind: &str) -> Result<Value>;
}

impl Input for story::Input {
    fn trimmed(self) -> Self {
        Self::trimmed(self)
    }

    fn open(&self, kind: &str) -> Result<Value> {
        Self::open(self, kind)
    }
}

impl Input for group_story::Input {
    fn trimmed(self) -> Self {
        Self::trimmed(self)
    }

    fn open(&self, kind: &str) -> Result<Value> {
        Self::open(self, kind)
    }
}

/// An entry of `vectors`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Opened<I> {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) input: I,
    pub(crate) expected: Value,
}

impl<I: Input> Opened<I> {
    /// It opens to what it says.
    pub(crate) fn check(&self) {
        let found = self.input.open(&self.kind).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert_eq!(found, self.expected, "{}, {}", self.kind, self.name);
    }
}

/// An entry of `invalid`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Refused<I> {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) input: I,
}

impl<I: Input> Refused<I> {
    pub(crate) fn open(&self) -> Result<()> {
        self.input.open(&self.kind).map(drop)
    }
}
