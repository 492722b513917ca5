//! The public half of an identity in one version: SPEC section 10.2.

use super::{AppId, Identity, UserId};
use crate::{
    crypto::sign::{SigningKey, VerifyingKey},
    encoding::{MALFORMED, Reader, Writer, encode},
    error::{Code, Error, Result},
    key_pair::{PublicKey, Suite},
    signed::{Hash, More, Payload, Signed, signed_text},
};

/// Versions of an identity.
pub(super) const MAX_VERSION: u64 = 64;

pub(super) const LEGACY: Error = Error::new(&(Code::KeyPolicy, "an identity has no rsa-2048 key"));
pub(super) const WEAKER: Error = Error::new(&(Code::Downgrade, "a weaker suite than before"));

/// What a bundle says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    app_id: AppId,
    user_id: Option<UserId>,
    version: u64,
    previous: Option<Hash>,
    encryption_key: Vec<u8>,
    signing_key: VerifyingKey,
}

impl Bundle {
    /// The first bundle of a user, or of a key server where there is no user id.
    ///
    /// # Errors
    /// `key-policy` for an `rsa-2048` key.
    pub fn first(
        app_id: &AppId,
        user_id: Option<&UserId>,
        encryption: &PublicKey,
        signing: &SigningKey,
    ) -> Result<Signed<Self>> {
        Self {
            app_id: app_id.clone(),
            user_id: user_id.cloned(),
            version: 1,
            previous: None,
            encryption_key: encryption.as_bytes().to_vec(),
            signing_key: signing.verifying_key().clone(),
        }
        .sign(encryption, signing, None)
    }

    /// The next bundle of an identity, whose signing key so far is `old`.
    ///
    /// # Errors
    /// `key-mismatch` if it isn't; `key-policy` for an `rsa-2048` key; `downgrade` for a weaker suite; `limit` after 64 versions.
    pub fn renewal(
        identity: &Identity,
        old: &SigningKey,
        encryption: &PublicKey,
        signing: &SigningKey,
    ) -> Result<Signed<Self>> {
        if encryption.suite().is_weaker_than(identity.suite()) {
            return Err(WEAKER);
        }
        Self::next(identity.newest(), old, encryption, signing)
    }

    /// The bundle after this one, of whatever suite.
    pub(crate) fn next(
        newest: &Signed<Self>,
        old: &SigningKey,
        encryption: &PublicKey,
        signing: &SigningKey,
    ) -> Result<Signed<Self>> {
        let last = newest.value();
        if last.signing_key != *old.verifying_key() {
            return Err(Error::new(&(Code::KeyMismatch, "not the signing key of the newest bundle")));
        }
        if last.version >= MAX_VERSION {
            return Err(Error::new(&(Code::Limit, "an identity has at most 64 versions")));
        }
        Self {
            app_id: last.app_id.clone(),
            user_id: last.user_id.clone(),
            version: last.version + 1,
            previous: Some(*newest.hash()),
            encryption_key: encryption.as_bytes().to_vec(),
            signing_key: signing.verifying_key().clone(),
        }
        .sign(encryption, signing, Some(old))
    }

    fn sign(self, encryption: &PublicKey, signing: &SigningKey, old: Option<&SigningKey>) -> Result<Signed<Self>> {
        if encryption.suite() == Suite::Rsa2048 {
            return Err(LEGACY);
        }
        let by_old = old.map(|old| old.sign(&signed_text(Self::LABEL, &encode(|w| self.write(w)))));
        Signed::sign(self, Predecessor(by_old), signing)
    }

    /// The application.
    #[must_use]
    pub const fn app_id(&self) -> &AppId {
        &self.app_id
    }

    /// The user; none: the key server.
    #[must_use]
    pub const fn user_id(&self) -> Option<&UserId> {
        self.user_id.as_ref()
    }

    /// 1 to 64.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The hash of the bundle before.
    #[must_use]
    pub const fn previous(&self) -> Option<&Hash> {
        self.previous.as_ref()
    }

    /// What verifies this version's signatures.
    #[must_use]
    pub const fn signing_key(&self) -> &VerifyingKey {
        &self.signing_key
    }

    /// What is wrapped for.
    ///
    /// # Errors
    /// Those of SPEC section 5, and `key-policy` for `rsa-2048`.
    pub fn encryption_key(&self) -> Result<PublicKey> {
        let key = PublicKey::from_bytes(&self.encryption_key)?;
        if key.suite() == Suite::Rsa2048 { Err(LEGACY) } else { Ok(key) }
    }
}

impl Payload for Bundle {
    const LABEL: &'static str = "wardkey/v1/bundle";
    const MAX: usize = 8 << 10;
    type More = Predecessor;

    fn write(&self, w: &mut Writer) {
        w.map(6);
        w.uint(1);
        w.text(self.app_id.as_str());
        w.uint(2);
        w.text_or_null(self.user_id.as_ref().map(UserId::as_str));
        w.uint(3);
        w.uint(self.version);
        w.uint(4);
        w.bytes_or_null(self.previous.as_ref().map(|hash| hash.0.as_slice()));
        w.uint(5);
        w.bytes(&self.encryption_key);
        w.uint(6);
        w.bytes(self.signing_key.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(6)?;
        reader.key(1)?;
        let app_id = AppId::read(reader)?;
        reader.key(2)?;
        let user_id = reader.null_or(UserId::read)?;
        reader.key(3)?;
        let version = reader.uint()?;
        reader.key(4)?;
        let previous = reader.null_or(Reader::fixed)?.map(Hash);
        if !(1..=MAX_VERSION).contains(&version) || previous.is_none() != (version == 1) {
            return Err(MALFORMED);
        }
        reader.key(5)?;
        let encryption_key = reader.bytes()?.to_vec();
        reader.key(6)?;
        let signing_key = VerifyingKey::from_bytes(reader.fixed()?);
        Ok(Self { app_id, user_id, version, previous, encryption_key, signing_key })
    }

    fn agrees(&self, more: &Predecessor) -> bool {
        more.0.is_none() == (self.version == 1)
    }
}

/// The signature of the same text by the key of the bundle before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predecessor(pub(super) Option<[u8; 64]>);

impl More for Predecessor {
    const COUNT: u64 = 1;

    fn write(&self, w: &mut Writer) {
        w.bytes_or_null(self.0.as_ref().map(<[u8; 64]>::as_slice));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.null_or(Reader::fixed).map(Self)
    }
}
