//! What a client keeps on its device: SPEC section 15. Whatever fails of it, or doesn't open, is not there; never an error.

use core::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::{
    account::State,
    backup::{Envelope, Keys, OpenedKeys, Owner, StateKey, open_payload_without_rsa, seal_payload_without_rsa},
    cobblestone,
    encoding::{MALFORMED, Reader, Writer, base64url, encode, encode_into},
    error::Result,
    identity::{AppId, UserId},
    key_pair::{KeyPair, Suite},
    random::Random,
    secret::{Secret, SecretBytes},
};

const VERSION: u8 = 1;
/// By so much clocks are set all the time, in milliseconds.
const CLOCK_STEP: u64 = 60_000;

/// The device's storage, and the key in it that nobody can take out.
#[allow(async_fn_in_trait, reason = "a client stays on its thread")]
pub trait Device {
    /// What is kept in a row.
    async fn read(&self, row: &str) -> Option<Vec<u8>>;
    /// Keeps this in a row, in the place of what stands there. Is it safely kept?
    async fn write(&self, row: &str, value: &[u8]) -> bool;
    /// Deletes a row.
    async fn delete(&self, row: &str);
    /// Names of the rows that begin so.
    async fn names(&self, prefix: &str) -> Vec<String>;

    /// Seals what this row is to hold, under a key that can't be extracted and goes with the row; nothing where there is none.
    async fn seal(&self, row: &str, context: &[u8], plain: &SecretBytes) -> Option<Vec<u8>>;
    /// Opens what was sealed for this row.
    async fn open(&self, row: &str, context: &[u8], sealed: &[u8]) -> Option<SecretBytes>;

    /// Keeps an RSA private key, PKCS#8, in a row that it can't be taken out of. Is it safely kept?
    async fn keep_rsa(&self, _row: &str, _pkcs8: &SecretBytes) -> bool {
        false
    }
    /// Takes the private key of a row into this page's memory, for as long as the identity is open. Is there one?
    async fn hold_rsa(&self, _row: &str) -> bool {
        false
    }
    /// Opens a stanza's body with the key that was held of a row, whatever became of the row: OAEP with this label. Nothing where there is none.
    async fn unwrap_rsa(&self, _row: &str, _label: &[u8; 32], _body: &[u8]) -> Option<Result<SecretBytes>> {
        None
    }
}

/// Memory alone: a page without storage. It has no key, so that each load asks for the password.
#[derive(Debug, Default)]
pub struct MemoryDevice(RefCell<BTreeMap<String, Vec<u8>>>);

impl Device for MemoryDevice {
    async fn read(&self, row: &str) -> Option<Vec<u8>> {
        self.0.borrow().get(row).cloned()
    }
    async fn write(&self, row: &str, value: &[u8]) -> bool {
        self.0.borrow_mut().insert(row.to_owned(), value.to_vec());
        true
    }
    async fn delete(&self, row: &str) {
        self.0.borrow_mut().remove(row);
    }
    async fn names(&self, prefix: &str) -> Vec<String> {
        self.0.borrow().keys().filter(|row| row.starts_with(prefix)).cloned().collect()
    }
    async fn seal(&self, _: &str, _: &[u8], _: &SecretBytes) -> Option<Vec<u8>> {
        None
    }
    async fn open(&self, _: &str, _: &[u8], _: &[u8]) -> Option<SecretBytes> {
        None
    }
}

/// The backup as the device has it.
#[derive(Debug)]
pub(super) struct KeptBackup {
    pub(super) envelope: Envelope,
    /// The highest version that was active when this device opened or activated it.
    pub(super) highest: u64,
}

/// What is needed to go on without the password.
pub(super) struct Resumed {
    pub(super) keys: OpenedKeys,
    pub(super) state: State,
    pub(super) state_key: StateKey,
    pub(super) version: u64,
}

/// The rows of one user.
pub(super) struct Rows<'a, D> {
    pub(super) device: &'a D,
    pub(super) app_id: &'a AppId,
    pub(super) user: &'a UserId,
    pub(super) tag: String,
    /// How often something was forgotten: now, and when these rows were asked for.
    forgets: (&'a Cell<u64>, u64),
}

impl<'a, D: Device> Rows<'a, D> {
    pub(super) fn new(device: &'a D, app_id: &'a AppId, user: &'a UserId, forgets: &'a Cell<u64>) -> Self {
        let digest = Sha256::digest(context("wardkey/v1/device", app_id, user, 0, |_| ()));
        let tag = base64url(digest.get(..16).unwrap_or_default());
        Self { device, app_id, user, tag, forgets: (forgets, forgets.get()) }
    }

    fn is_forgotten(&self) -> bool {
        self.forgets.0.get() != self.forgets.1
    }

    /// Keeps this in a row, unless somebody was forgotten since these rows were asked for. Is it safely kept?
    pub(super) async fn write(&self, row: &str, value: &[u8]) -> bool {
        self.unless_forgotten(row, async || self.device.write(row, value).await).await
    }

    /// What is written while somebody is forgotten may come after the deletions.
    async fn unless_forgotten(&self, row: &str, write: impl AsyncFnOnce() -> bool) -> bool {
        if self.is_forgotten() {
            return false;
        }
        let is_kept = write().await;
        if self.is_forgotten() {
            self.device.delete(row).await;
            return false;
        }
        is_kept
    }

    /// Stands in the rows' names.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    fn row(&self, name: &str) -> String {
        [name, ".", &self.tag].concat()
    }

    fn owner(&self) -> Owner {
        Owner::of(self.app_id, self.user)
    }

    pub(super) async fn backup(&self) -> Option<KeptBackup> {
        let bytes = self.device.read(&self.row("backup")).await?;
        let kept = KeptBackup::read(&bytes).ok()?;
        kept.envelope.check_owner(&self.owner()).ok()?;
        Some(kept)
    }

    pub(super) async fn keep_backup(&self, kept: &KeptBackup) {
        self.write(&self.row("backup"), &kept.to_bytes()).await;
    }

    /// Entries that carry on after a reload. One that would go on for longer than `longest` is none: the clock was set back, or the application allows less by now.
    pub(super) async fn resume(&self, now: u64, longest: u64) -> Option<Resumed> {
        let row = self.row("resume");
        let bytes = self.device.read(&row).await?;
        let (end, sealed) = split_end(&bytes)?;
        let rest = end.saturating_sub(now);
        if rest == 0 || longest == 0 || rest > longest.saturating_add(CLOCK_STEP) {
            self.forget_resume().await;
            return None;
        }
        let opened = self.device.open(&row, &self.resume_context(end), sealed).await?;
        let resumed = read_resume(&opened, self.user).ok()?;
        for pair in resumed.keys.encryption.iter().filter(|pair| pair.is_away()) {
            if !self.device.hold_rsa(&self.rsa_row(pair)).await {
                return None;
            }
        }
        Some(resumed)
    }

    /// For so long, absolutely. Where it can't be kept, the next load asks for the password.
    pub(super) async fn keep_resume(&self, end: u64, resume: &SecretBytes, keys: &OpenedKeys) {
        let row = self.row("resume");
        match self.device.seal(&row, &self.resume_context(end), resume).await {
            Some(sealed) if self.keep_rsa(keys).await => {
                let bytes = [[VERSION].as_slice(), &end.to_be_bytes(), &sealed].concat();
                self.write(&row, &bytes).await;
            }
            _ => self.forget_resume().await,
        }
    }

    /// Private keys that an entry doesn't hold stand beside it. Are they all there?
    async fn keep_rsa(&self, keys: &OpenedKeys) -> bool {
        let is_rsa = |pair: &&KeyPair| pair.public_key().suite() != Suite::Hybrid;
        let mut pairs = keys.encryption.iter().filter(is_rsa).peekable();
        let kept = if pairs.peek().is_some() { self.rsa_rows().await } else { Vec::new() };
        for pair in pairs {
            let row = self.rsa_row(pair);
            if kept.contains(&row) {
                continue;
            }
            let Ok(private) = pair.private_bytes() else { return false };
            if !self.unless_forgotten(&row, async || self.device.keep_rsa(&row, &private).await).await {
                return false;
            }
        }
        true
    }

    /// Opens a stanza's body with a private key that isn't in memory. Nothing: it is gone.
    pub(super) async fn unwrap_rsa(
        &self,
        pair: &KeyPair,
        label: &[u8; 32],
        body: &[u8],
    ) -> Option<Result<SecretBytes>> {
        self.device.unwrap_rsa(&self.rsa_row(pair), label, body).await
    }

    fn rsa_row(&self, pair: &KeyPair) -> String {
        [&self.rsa_prefix(), pair.public_key().fingerprint().to_string().as_str()].concat()
    }

    fn rsa_prefix(&self) -> String {
        ["rsa.", &self.tag, "."].concat()
    }

    async fn rsa_rows(&self) -> Vec<String> {
        self.device.names(&self.rsa_prefix()).await
    }

    /// When the entry ends that is there.
    pub(super) async fn resume_end(&self) -> Option<u64> {
        let bytes = self.device.read(&self.row("resume")).await?;
        split_end(&bytes).map(|(end, _)| end)
    }

    pub(super) async fn forget_resume(&self) {
        self.device.delete(&self.row("resume")).await;
        for row in self.rsa_rows().await {
            self.device.delete(&row).await;
        }
    }

    fn resume_context(&self, end: u64) -> Vec<u8> {
        context("wardkey/v1/resume", self.app_id, self.user, 1, |w| w.uint(end))
    }

    /// What isn't in the active backup yet.
    pub(super) async fn unsent(&self, cache_key: &Secret<32>) -> Option<State> {
        let bytes = self.device.read(&self.row("unsent")).await?;
        let (&VERSION, sealed) = bytes.split_first()? else { return None };
        let opened = cobblestone::open(cache_key, &self.unsent_context(), sealed).ok()?;
        State::from_bytes(&SecretBytes::new(opened), self.user).ok()
    }

    pub(super) async fn has_unsent(&self) -> bool {
        self.device.read(&self.row("unsent")).await.is_some()
    }

    /// A sealed state.
    pub(super) async fn keep_unsent(&self, sealed: &[u8]) {
        self.write(&self.row("unsent"), &[[VERSION].as_slice(), sealed].concat()).await;
    }

    pub(super) fn seal_unsent<R: rand_core::TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        cache_key: &Secret<32>,
        state: &SecretBytes,
    ) -> Result<Vec<u8>> {
        cobblestone::seal(cache_key, rng, &self.unsent_context(), state.expose())
    }

    pub(super) async fn forget_unsent(&self) {
        self.device.delete(&self.row("unsent")).await;
    }

    fn unsent_context(&self) -> Vec<u8> {
        context("wardkey/v1/unsent", self.app_id, self.user, 0, |_| ())
    }

    /// The identity is no longer of this device.
    pub(super) async fn forget(&self) {
        self.forget_resume().await;
        for name in ["backup", "unsent"] {
            self.device.delete(&self.row(name)).await;
        }
    }
}

impl KeptBackup {
    fn to_bytes(&self) -> Vec<u8> {
        let body = encode(|w| {
            w.map(2);
            w.uint(1);
            w.bytes(&self.envelope.encode());
            w.uint(2);
            w.uint(self.highest);
        });
        [[VERSION].as_slice(), &body].concat()
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        let Some((&VERSION, body)) = bytes.split_first() else { return Err(MALFORMED) };
        let mut reader = Reader::new(body);
        reader.map_of(2)?;
        reader.key(1)?;
        let envelope = Envelope::parse(reader.bytes()?)?;
        reader.key(2)?;
        let highest = reader.uint()?.max(envelope.version());
        Ok(Self { envelope, highest })
    }
}

/// `CBOR{1: keys payload, 2: state key, 3: state payload, 4: version}`; of RSA the public keys.
pub(super) fn resume_bytes(
    keys: &OpenedKeys,
    state: &State,
    state_key: &StateKey,
    version: u64,
) -> Result<SecretBytes> {
    let (encryption, signing) = keys.refs();
    let payload = seal_payload_without_rsa(&Keys { encryption: &encryption, signing: &signing })?;
    let state = state.to_bytes()?;
    let capacity = payload.expose().len() + state.expose().len() + 96;
    Ok(SecretBytes::new(encode_into(Vec::with_capacity(capacity), |w| {
        w.map(4);
        w.uint(1);
        w.bytes(payload.expose());
        w.uint(2);
        w.bytes(state_key.secret().expose());
        w.uint(3);
        w.bytes(state.expose());
        w.uint(4);
        w.uint(version);
    })))
}

fn read_resume(bytes: &SecretBytes, user: &UserId) -> Result<Resumed> {
    let mut reader = Reader::new(bytes.expose());
    reader.map_of(4)?;
    reader.key(1)?;
    let keys = open_payload_without_rsa(&SecretBytes::new(reader.bytes()?.to_vec()))?;
    reader.key(2)?;
    let state_key = StateKey::from_secret(Secret::from_slice(reader.bytes()?).ok_or(MALFORMED)?);
    reader.key(3)?;
    let state = State::from_bytes(&SecretBytes::new(reader.bytes()?.to_vec()), user)?;
    reader.key(4)?;
    Ok(Resumed { keys, state, state_key, version: reader.uint()? })
}

fn split_end(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&VERSION, rest) = bytes.split_first()? else { return None };
    let (end, sealed) = rest.split_first_chunk()?;
    Some((u64::from_be_bytes(*end), sealed))
}

/// `CBOR[label, app, user, …]`
pub(super) fn context(
    label: &str,
    app_id: &AppId,
    user: &UserId,
    more: usize,
    write: impl FnOnce(&mut Writer),
) -> Vec<u8> {
    encode(|w| {
        w.array(3 + more);
        w.text(label);
        w.text(app_id.as_str());
        w.text(user.as_str());
        write(w);
    })
}
