//! The JSON of `testdata/`: all bytes in lowercase hex, text plain.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wardkey::encoding::Context;

/// A file: what opens to what it says, and what ends in the error that it names.
#[derive(Serialize, Deserialize)]
pub(crate) struct File<V, I = V> {
    pub(crate) vectors: Vec<V>,
    pub(crate) invalid: Vec<Invalid<I>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Invalid<T> {
    #[serde(flatten)]
    pub(crate) entry: T,
    pub(crate) error: String,
}

pub(crate) type Entries = BTreeMap<String, String>;

pub(crate) fn context_of(entries: &Entries) -> Context {
    Context::new(entries.iter().map(|(key, value)| (key.as_str(), value.as_str()))).expect("a context of the vectors")
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Derive {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) commitment: String,
    pub(crate) cache_seal: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) context: Entries,
    pub(crate) plaintext: String,
    pub(crate) sealed: String,
    /// Verify him; else: open as the holder of the key only.
    pub(crate) author: Option<Author>,
    pub(crate) session: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Author {
    pub(crate) public_key: String,
    pub(crate) bundle_hash: String,
    /// Decimal: JSON's numbers end too early.
    pub(crate) sequence: String,
    pub(crate) log_hash: String,
    /// 72 bytes.
    pub(crate) authority: String,
    pub(crate) index: u32,
    pub(crate) size: u32,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PublicKey {
    pub(crate) name: String,
    pub(crate) suite: String,
    pub(crate) private: String,
    pub(crate) text: String,
    pub(crate) fingerprint: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BadPublicKey {
    pub(crate) name: String,
    pub(crate) text: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Wrap {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) context: Entries,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) wrapped: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Recipient {
    pub(crate) suite: String,
    pub(crate) private: String,
    pub(crate) text: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BadWrap {
    pub(crate) name: String,
    pub(crate) context: Entries,
    pub(crate) recipient: Recipient,
    pub(crate) wrapped: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Backup {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) app_id: String,
    pub(crate) user_id: String,
    pub(crate) version: u64,
    pub(crate) two_man: Option<TwoMan>,
    pub(crate) keys: Vec<PrivateKey>,
    pub(crate) signing: Vec<SigningKey>,
    pub(crate) backup: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct TwoMan {
    pub(crate) application: String,
    pub(crate) server: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PrivateKey {
    pub(crate) suite: String,
    pub(crate) private: String,
    pub(crate) fingerprint: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct SigningKey {
    pub(crate) public: String,
    pub(crate) seed: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BadBackup {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) app_id: String,
    pub(crate) user_id: String,
    pub(crate) backup: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Password {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) prepared: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BadPassword {
    pub(crate) name: String,
    pub(crate) password: String,
}

#[track_caller]
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("the schema of the vectors")
}
