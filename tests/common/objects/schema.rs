//! All bytes in lowercase hex; numbers of 64 bits in decimal, as text.

use serde::{Deserialize, Serialize};

/// An identity, and what is known of its name.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) app_id: String,
    /// Null: the key server's, or asked for by `bundle_hash`.
    pub(crate) user_id: Option<String>,
    pub(crate) bundle_hash: Option<String>,
    pub(crate) minimum: String,
    pub(crate) bundles: Vec<String>,
    /// What is pinned before; null: nothing.
    pub(crate) pin: Option<String>,
    pub(crate) anchor: Option<String>,
    /// Is first use refused?
    pub(crate) reject: bool,
    pub(crate) found: Option<Found>,
}

/// What verifying an identity gives.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) user_id: Option<String>,
    pub(crate) hashes: Vec<String>,
    /// What is pinned afterwards.
    pub(crate) pin: String,
    /// The newest keys, from which the newest bundle is made again.
    pub(crate) suite: String,
    pub(crate) private: String,
    pub(crate) seed: String,
    /// The seed before, for a renewal.
    pub(crate) old_seed: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SafetyNumber {
    pub(crate) name: String,
    pub(crate) app_id: String,
    /// Encoded: two users, or one group.
    pub(crate) parties: Vec<String>,
    /// What people compare, in any accepted form.
    pub(crate) compared: String,
    pub(crate) number: String,
    pub(crate) fingerprint: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) name: String,
    pub(crate) app_id: String,
    pub(crate) user_id: String,
    /// The key server's.
    pub(crate) secret: String,
    pub(crate) server_salt: String,
    pub(crate) salt: String,
}

/// A state, or two that are merged.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) user_id: String,
    pub(crate) state: String,
    /// One of a backup with a lower version.
    pub(crate) older: Option<String>,
    pub(crate) found: Option<FoundState>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct FoundState {
    pub(crate) merged: String,
    pub(crate) cache_key: String,
    pub(crate) minimum: String,
    pub(crate) pins: Vec<(String, String)>,
    /// Id, sequence, hash.
    pub(crate) groups: Vec<(String, String, String)>,
    pub(crate) key_server: Option<String>,
}

/// A contact, a receipt or a recovery proof, and what it is compared with.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) r#type: String,
    /// The signer's identity.
    pub(crate) bundles: Vec<String>,
    pub(crate) app_id: String,
    pub(crate) user_id: String,
    pub(crate) minimum: String,
    /// Of a contact.
    pub(crate) version: Option<String>,
    pub(crate) email: Option<String>,
    /// Of a receipt and a proof.
    pub(crate) recovery: Option<String>,
    /// Of a receipt.
    pub(crate) end: Option<String>,
    pub(crate) now: Option<String>,
    /// Of a proof.
    pub(crate) backup: Option<String>,
    pub(crate) object: String,
    /// The seed by which it is made again.
    pub(crate) seed: Option<String>,
    pub(crate) hash: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) name: String,
    pub(crate) app_id: String,
    pub(crate) user_id: String,
    pub(crate) version: String,
    pub(crate) recovery: Option<String>,
    pub(crate) suite: String,
    pub(crate) private: String,
    pub(crate) wrapped: String,
    pub(crate) share: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Journal {
    pub(crate) name: String,
    pub(crate) app_id: String,
    /// The key server's.
    pub(crate) bundles: Vec<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) after: String,
    pub(crate) entries: Vec<String>,
    pub(crate) head: String,
    /// Sequence and hash.
    pub(crate) remembered: Option<(String, String)>,
    /// What is remembered afterwards.
    pub(crate) place: Option<(String, String)>,
}

/// The log of a key server, or entries that stand in it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct JournalLog {
    pub(crate) name: String,
    pub(crate) app_id: String,
    /// The key server's.
    pub(crate) bundles: Vec<String>,
    /// From the first row on; null: entries with proofs.
    pub(crate) rows: Option<Vec<JournalRow>>,
    /// Numbers and hashes of headers that were kept elsewhere.
    pub(crate) kept: Vec<(String, String)>,
    /// Entries that follow one another in one journal.
    pub(crate) proved: Option<Vec<ProvedEntry>>,
    /// Number and hash of the newest row's header; null: there is none.
    pub(crate) place: Option<(String, String)>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct JournalRow {
    pub(crate) header: String,
    pub(crate) entries: Vec<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ProvedEntry {
    pub(crate) entry: String,
    pub(crate) header: String,
    pub(crate) index: u32,
    pub(crate) path: Vec<String>,
}

/// What an opening finds at the key server, or on the device.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) app_id: String,
    pub(crate) user_id: String,
    /// By the password, else by both shares.
    pub(crate) password: Option<String>,
    pub(crate) shares: Option<Shares>,
    pub(crate) active: Option<String>,
    pub(crate) pending: Option<String>,
    /// The parameters derived with, as a backup has them; null: the active backup's.
    pub(crate) derivation: Option<String>,
    pub(crate) remembered: String,
    /// The own bundles that are active.
    pub(crate) bundles: Vec<String>,
    pub(crate) renewal: Option<String>,
    /// The key server's; none: off line.
    pub(crate) key_server: Vec<String>,
    pub(crate) anchor: Option<String>,
    pub(crate) found: Option<FoundAccount>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Shares {
    pub(crate) application: String,
    pub(crate) active: String,
    pub(crate) pending: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct FoundAccount {
    pub(crate) pending: bool,
    pub(crate) interrupted: bool,
    pub(crate) version: String,
    /// The newest bundle.
    pub(crate) hash: String,
    /// Fingerprints of the encryption keys.
    pub(crate) keys: Vec<String>,
    /// With the pins raised.
    pub(crate) state: String,
}
