//! Private keys under a password: SPEC section 7. An envelope holds a random root, sealed by the password and, where wanted, by two men;
//! from the root come the key of the private keys and the key of the state.

mod payload;
mod sealing;
mod stand_alone;

use core::fmt;

use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};

use crate::{
    cobblestone,
    crypto::{
        kdf::{Expander, hkdf},
        sign::SigningKey,
    },
    encoding::{MALFORMED, Reader, Writer, encode, encode_into, framed, unframe},
    error::{Code, Error, Result},
    identity::{AppId, UserId},
    key_pair::KeyPair,
    password::{Derivation, Password, SlowKey},
    random::Random,
    secret::{Secret, SecretBytes},
};

use payload::open_payload;
pub(crate) use payload::{open_payload_without_rsa, seal_payload_without_rsa};
pub use sealing::Sealing;
pub use stand_alone::{begin_opening, begin_sealing, finish_opening, open_backup, seal_backup};

const MAGIC: [u8; 4] = *b"WKBK";
const MAX_LEN: usize = 1 << 20;
const MAX_APP: usize = 128;
const ROOT: usize = 32;
const SEALED_ROOT: usize = ROOT + cobblestone::PREFIX + cobblestone::TAG;

/// Whose backup it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    app_id: String,
    user_id: UserId,
}

impl Owner {
    /// A user of an application.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn new(app_id: &str, user_id: &str) -> Result<Self> {
        if app_id.len() > MAX_APP {
            return Err(Error::new(&(Code::InvalidArgument, "an app id has at most 128 bytes")));
        }
        Ok(Self { app_id: app_id.to_owned(), user_id: UserId::new(user_id)? })
    }

    /// A user whose backups a key server keeps.
    #[must_use]
    pub fn of(app_id: &AppId, user_id: &UserId) -> Self {
        Self { app_id: app_id.as_str().to_owned(), user_id: user_id.clone() }
    }

    /// A user, where the application keeps its backups by itself.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn stand_alone(user_id: &str) -> Result<Self> {
        Self::new("", user_id)
    }

    /// `CBOR[label, app, user, …]`.
    fn context(&self, label: &str, more: usize, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        encode(|w| {
            w.array(3 + more);
            w.text(label);
            w.text(&self.app_id);
            w.text(self.user_id.as_str());
            write(w);
        })
    }
}

/// The shares of the two-man rule, one of the application and one of the key server.
pub struct TwoMen {
    /// The application's.
    pub application: Secret<32>,
    /// The key server's.
    pub key_server: Secret<32>,
}

impl TwoMen {
    fn key(&self, owner: &Owner) -> Secret<32> {
        let shares = [self.application.expose().as_slice(), self.key_server.expose().as_slice()];
        hkdf(&shares, &owner.context("wardkey/v1/two-man", 0, |_| ()))
    }
}

impl fmt::Debug for TwoMen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TwoMen(redacted)")
    }
}

/// The private keys that go into a backup, the newest first.
#[derive(Debug)]
pub struct Keys<'a> {
    /// At least one.
    pub encryption: &'a [&'a KeyPair],
    /// May be none.
    pub signing: &'a [&'a SigningKey],
}

/// The private keys of a backup, the newest first.
#[derive(Debug)]
pub struct OpenedKeys {
    /// At least one.
    pub encryption: Vec<KeyPair>,
    /// May be none.
    pub signing: Vec<SigningKey>,
}

impl OpenedKeys {
    /// For sealing them again.
    pub(crate) fn refs(&self) -> (Vec<&KeyPair>, Vec<&SigningKey>) {
        (self.encryption.iter().collect(), self.signing.iter().collect())
    }
}

/// What a backup of an account holds.
#[derive(Debug)]
pub struct Contents {
    /// The private keys.
    pub keys: OpenedKeys,
    /// The state's payload.
    pub state: SecretBytes,
    /// For writing the state again.
    pub state_key: StateKey,
}

/// The key of the state under one root: what an unlocked client keeps, so that it can write the state without the private keys.
pub struct StateKey(Secret<32>);

impl StateKey {
    /// A key that was kept.
    #[must_use]
    pub const fn from_secret(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// Its bytes, to be kept sealed.
    #[must_use]
    pub const fn secret(&self) -> &Secret<32> {
        &self.0
    }

    fn of(root: &Expander) -> Self {
        Self(root.derive("backup-state"))
    }
}

impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateKey(redacted)")
    }
}

/// A backup as it is stored. What it says is not verified before it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    owner: Owner,
    version: u64,
    derivation: Derivation,
    root: [u8; SEALED_ROOT],
    two_man_root: Option<[u8; SEALED_ROOT]>,
    keys: Vec<u8>,
    state: Vec<u8>,
}

impl Envelope {
    /// Reads an envelope; nothing of it is verified yet.
    ///
    /// # Errors
    /// `invalid-format`, `truncated`, `unsupported-version`, `kdf-policy`, `limit`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_LEN {
            return Err(Error::new(&(Code::Limit, "larger than any backup")));
        }
        let mut reader = Reader::new(unframe(MAGIC, bytes)?);
        reader.map_of(8)?;
        reader.key(1)?;
        let app_id = reader.text()?;
        reader.key(2)?;
        let owner = Owner::new(app_id, reader.text()?).map_err(|_| MALFORMED)?;
        reader.key(3)?;
        let version = reader.uint()?;
        if version == 0 {
            return Err(MALFORMED);
        }
        reader.key(4)?;
        let derivation = Derivation::read(&mut reader)?;
        reader.key(5)?;
        let root = reader.fixed()?;
        reader.key(6)?;
        let two_man_root = reader.null_or(Reader::fixed)?;
        reader.key(7)?;
        let keys = reader.bytes()?.to_vec();
        reader.key(8)?;
        let state = reader.bytes()?.to_vec();
        let envelope = Self { owner, version, derivation, root, two_man_root, keys, state };
        if envelope.encode() == bytes { Ok(envelope) } else { Err(MALFORMED) }
    }

    /// The bytes to store.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode_into(framed(MAGIC), |w| {
            w.map(8);
            w.uint(1);
            w.text(&self.owner.app_id);
            w.uint(2);
            w.text(self.owner.user_id.as_str());
            w.uint(3);
            w.uint(self.version);
            w.uint(4);
            self.derivation.write(w);
            w.uint(5);
            w.bytes(&self.root);
            w.uint(6);
            write_two_man(w, self.two_man_root.as_ref());
            w.uint(7);
            w.bytes(&self.keys);
            w.uint(8);
            w.bytes(&self.state);
        })
    }

    /// Is it this user's?
    ///
    /// # Errors
    /// `key-mismatch`.
    pub fn check_owner(&self, owner: &Owner) -> Result<()> {
        if self.owner == *owner { Ok(()) } else { Err(Error::new(&(Code::KeyMismatch, "the backup of another user"))) }
    }

    /// What to derive.
    #[must_use]
    pub const fn derivation(&self) -> &Derivation {
        &self.derivation
    }

    /// Opens it with the password, after the slow derivation.
    ///
    /// # Errors
    /// `wrong-password`, `decryption-failed`, `invalid-format`, `key-mismatch`, `limit`.
    pub fn open(&self, password: &Password) -> Result<OpenedKeys> {
        self.open_with(&self.derivation.derive(password)?)
    }

    /// Opens it with what [`Self::derivation`] gave.
    ///
    /// # Errors
    /// `wrong-password`, `decryption-failed`, `invalid-format`, `key-mismatch`.
    pub fn open_with(&self, key: &SlowKey) -> Result<OpenedKeys> {
        self.open_root(&self.root_by_password(key)?)
    }

    /// Opens it with the shares of both men.
    ///
    /// # Errors
    /// `no-backup` where it has no such root; `decryption-failed`, `invalid-format`, `key-mismatch`.
    pub fn open_with_two_men(&self, men: &TwoMen) -> Result<OpenedKeys> {
        self.open_root(&self.root_by_two_men(men)?)
    }

    /// As [`Self::open_with`], where it holds the state of an account.
    ///
    /// # Errors
    /// `wrong-password`, `decryption-failed`, `invalid-format`, `key-mismatch`.
    pub fn open_account(&self, key: &SlowKey) -> Result<Contents> {
        self.open_contents(&self.root_by_password(key)?)
    }

    /// As [`Self::open_with_two_men`], where it holds the state of an account.
    ///
    /// # Errors
    /// `no-backup` where it has no such root; `decryption-failed`, `invalid-format`, `key-mismatch`.
    pub fn open_account_with_two_men(&self, men: &TwoMen) -> Result<Contents> {
        self.open_contents(&self.root_by_two_men(men)?)
    }

    /// The state alone.
    ///
    /// # Errors
    /// `decryption-failed`, also where the backup was written whole since this key was.
    pub fn open_state(&self, key: &StateKey) -> Result<SecretBytes> {
        cobblestone::open(&key.0, &self.state_context(), &self.state).map(SecretBytes::new).map_err(|_| CHANGED)
    }

    /// The same backup with another version and state: SPEC section 11.3.
    ///
    /// # Errors
    /// `invalid-argument` for version 0; `rng`, `limit`.
    pub fn with_state<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        key: &StateKey,
        version: u64,
        state: &SecretBytes,
    ) -> Result<Self> {
        if version == 0 {
            return Err(NO_VERSION);
        }
        let mut envelope = Self { version, state: Vec::new(), ..self.clone() };
        envelope.state = envelope.seal_state(rng, key, state.expose())?;
        Ok(envelope)
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Can it be opened by two men?
    #[must_use]
    pub const fn is_for_two_men(&self) -> bool {
        self.two_man_root.is_some()
    }

    /// Do the two differ in nothing but version and state? So it is with a write of the state.
    #[must_use]
    pub fn differs_in_state_only(&self, other: &Self) -> bool {
        let parts = |it: &Self| (it.owner.clone(), it.derivation.clone(), it.root, it.two_man_root, it.keys.clone());
        parts(self) == parts(other)
    }

    fn root_by_password(&self, key: &SlowKey) -> Result<SecretBytes> {
        let context = root_context(&self.owner, &self.derivation);
        let root = cobblestone::open(&key.password_key(), &context, &self.root);
        root.map(SecretBytes::new)
            .map_err(|_| Error::new(&(Code::WrongPassword, "the password doesn't open this backup")))
    }

    fn root_by_two_men(&self, men: &TwoMen) -> Result<SecretBytes> {
        let sealed = self.two_man_root.as_ref();
        let sealed = sealed.ok_or(Error::new(&(Code::NoBackup, "this backup can't be opened by two men")))?;
        let root = cobblestone::open(&men.key(&self.owner), &two_man_context(&self.owner), sealed);
        root.map(SecretBytes::new).map_err(|_| CHANGED)
    }

    /// Where the state is the empty map.
    fn open_root(&self, root: &SecretBytes) -> Result<OpenedKeys> {
        let (_, state, payload) = self.unseal(root)?;
        if state.expose() != EMPTY_STATE {
            return Err(MALFORMED);
        }
        open_payload(&payload)
    }

    fn open_contents(&self, root: &SecretBytes) -> Result<Contents> {
        let (state_key, state, payload) = self.unseal(root)?;
        Ok(Contents { keys: open_payload(&payload)?, state, state_key })
    }

    /// State and private keys. The state first: it authenticates all the rest.
    fn unseal(&self, root: &SecretBytes) -> Result<(StateKey, SecretBytes, SecretBytes)> {
        let expander = Expander::new(root.expose());
        let state_key = StateKey::of(&expander);
        let state = self.open_state(&state_key)?;
        let payload = cobblestone::open(&expander.derive("backup-keys"), &keys_context(&self.owner), &self.keys)
            .map(SecretBytes::new)
            .map_err(|_| CHANGED)?;
        Ok((state_key, state, payload))
    }

    fn seal_state<R: TryCryptoRng>(&self, rng: &mut Random<R>, key: &StateKey, state: &[u8]) -> Result<Vec<u8>> {
        cobblestone::seal(&key.0, rng, &self.state_context(), state)
    }

    fn state_context(&self) -> Vec<u8> {
        let rest = Sha256::digest(encode(|w| {
            w.array(4);
            self.derivation.write(w);
            w.bytes(&self.root);
            write_two_man(w, self.two_man_root.as_ref());
            w.bytes(&self.keys);
        }));
        self.owner.context("wardkey/v1/backup/state", 2, |w| {
            w.uint(self.version);
            w.bytes(&rest);
        })
    }
}

const CHANGED: Error = Error::new(&(Code::DecryptionFailed, "the backup was changed"));
const NO_VERSION: Error = Error::new(&(Code::InvalidArgument, "versions begin with 1"));
/// The empty CBOR map.
const EMPTY_STATE: &[u8] = &[0xa0];

fn write_two_man(w: &mut Writer, root: Option<&[u8; SEALED_ROOT]>) {
    match root {
        Some(root) => w.bytes(root),
        None => w.null(),
    }
}

fn root_context(owner: &Owner, derivation: &Derivation) -> Vec<u8> {
    owner.context("wardkey/v1/backup/root", 1, |w| derivation.write(w))
}

fn two_man_context(owner: &Owner) -> Vec<u8> {
    owner.context("wardkey/v1/backup/two-man-root", 0, |_| ())
}

fn keys_context(owner: &Owner) -> Vec<u8> {
    owner.context("wardkey/v1/backup/keys", 0, |_| ())
}
