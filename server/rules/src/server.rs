//! The key server itself: its identity, and its secrets. API section 8, SPEC section 10.5.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};
use wardkey::{
    account::{open_share, server_salt},
    error::{Code, Error, Result},
    identity::{AppId, Asked, Bundle, Identity, UserId},
    key_pair::KeyPair,
    random::Random,
    secret::{Secret, SecretBytes},
    sign::SigningKey,
    signed::{Hash, Minimum},
};

/// The version of what [`Server::to_secret_bytes`] gives.
const VERSION: u8 = 1;
const SECRET: usize = 32;
/// Version, name, salts, codes.
const FIXED: usize = 1 + NAME + 2 * SECRET;
const NAME: usize = 16;

/// The private half of one version of the identity.
struct Keys {
    seed: Secret<SECRET>,
    pair: KeyPair,
    signing: SigningKey,
}

impl Keys {
    fn new(seed: Secret<SECRET>, signing: Secret<SECRET>) -> Result<Self> {
        let copy = Secret::from_slice(seed.expose()).ok_or(UNREADABLE)?;
        Ok(Self { pair: KeyPair::from_seed(copy)?, seed, signing: SigningKey::from_seed(signing) })
    }
}

/// The identity of a key server for one application, with its private keys, its secrets for salts and codes, and the name of its store for cursors.
pub struct Server {
    app_id: AppId,
    name: [u8; NAME],
    salts: Secret<SECRET>,
    codes: Secret<SECRET>,
    /// From version 1 on.
    keys: Vec<Keys>,
    bundles: Vec<Vec<u8>>,
    identity: Identity,
}

const UNREADABLE: Error = Error::new(&(Code::InvalidFormat, "not a key server's secrets"));

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.identity.fingerprint())
    }
}

impl Server {
    /// A new key server.
    ///
    /// # Errors
    /// `rng`.
    pub fn generate<R: TryCryptoRng>(rng: &mut Random<R>, app_id: &AppId) -> Result<Self> {
        let mut name = [0; NAME];
        rng.fill(&mut name)?;
        let (salts, codes) = (Secret::generate(rng)?, Secret::generate(rng)?);
        let keys = Keys::new(Secret::generate(rng)?, Secret::generate(rng)?)?;
        Self::of(app_id.clone(), name, salts, codes, vec![keys])
    }

    /// Takes new keys; what was wrapped for the old ones is still opened.
    ///
    /// # Errors
    /// `rng`; `limit` after 64 versions.
    pub fn renew<R: TryCryptoRng>(self, rng: &mut Random<R>) -> Result<Self> {
        let Self { app_id, name, salts, codes, mut keys, .. } = self;
        keys.push(Keys::new(Secret::generate(rng)?, Secret::generate(rng)?)?);
        Self::of(app_id, name, salts, codes, keys)
    }

    /// Gives the store another name, after it was set back: all cursors are of another store then.
    ///
    /// # Errors
    /// `rng`.
    pub fn rename_store<R: TryCryptoRng>(&mut self, rng: &mut Random<R>) -> Result<()> {
        rng.fill(&mut self.name)
    }

    /// Everything, the secrets among it: to be kept apart from the store, or beside it where both are one.
    #[must_use]
    pub fn to_secret_bytes(&self) -> SecretBytes {
        let app_id = self.app_id.as_str().as_bytes();
        let mut bytes = Vec::with_capacity(FIXED + 1 + self.keys.len() * 2 * SECRET + app_id.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.name);
        bytes.extend_from_slice(self.salts.expose());
        bytes.extend_from_slice(self.codes.expose());
        bytes.push(u8::try_from(self.keys.len()).unwrap_or(u8::MAX));
        for keys in &self.keys {
            bytes.extend_from_slice(keys.seed.expose());
            bytes.extend_from_slice(keys.signing.seed().expose());
        }
        bytes.extend_from_slice(app_id);
        SecretBytes::new(bytes)
    }

    /// Reads what [`Self::to_secret_bytes`] gave. Bundles are made anew: signatures come out the same each time.
    ///
    /// # Errors
    /// `invalid-format`, `unsupported-version`.
    pub fn from_secret_bytes(bytes: &SecretBytes) -> Result<Self> {
        let mut rest = bytes.expose();
        let mut take = |len: usize| {
            let (taken, left) = rest.split_at_checked(len).ok_or(UNREADABLE)?;
            rest = left;
            Ok::<_, Error>(taken)
        };
        if take(1)? != [VERSION] {
            return Err(Error::new(&(Code::UnsupportedVersion, "secrets of another version")));
        }
        let name = take(NAME)?.try_into().map_err(|_| UNREADABLE)?;
        let secret = |bytes: &[u8]| Secret::from_slice(bytes).ok_or(UNREADABLE);
        let (salts, codes) = (secret(take(SECRET)?)?, secret(take(SECRET)?)?);
        let count = take(1)?.first().copied().unwrap_or_default();
        let mut keys = Vec::new();
        for _ in 0..count {
            keys.push(Keys::new(secret(take(SECRET)?)?, secret(take(SECRET)?)?)?);
        }
        let app_id = core::str::from_utf8(rest).map_err(|_| UNREADABLE)?;
        Self::of(AppId::new(app_id).map_err(|_| UNREADABLE)?, name, salts, codes, keys)
    }

    fn of(
        app_id: AppId,
        name: [u8; NAME],
        salts: Secret<SECRET>,
        codes: Secret<SECRET>,
        keys: Vec<Keys>,
    ) -> Result<Self> {
        let verify = |bundles: &[Vec<u8>]| {
            let objects: Vec<_> = bundles.iter().map(Vec::as_slice).collect();
            Identity::verify(&objects, &app_id, Asked::KeyServer, Minimum::default())
        };
        let mut versions = keys.iter();
        let mut last = versions.next().ok_or(UNREADABLE)?;
        let mut bundles = vec![Bundle::first(&app_id, None, last.pair.public_key(), &last.signing)?.to_bytes()];
        let mut identity = verify(&bundles)?;
        for next in versions {
            let renewal = Bundle::renewal(&identity, &last.signing, next.pair.public_key(), &next.signing)?;
            bundles.push(renewal.to_bytes());
            identity = verify(&bundles)?;
            last = next;
        }
        Ok(Self { app_id, name, salts, codes, keys, bundles, identity })
    }

    /// The application that it serves.
    #[must_use]
    pub const fn app_id(&self) -> &AppId {
        &self.app_id
    }

    /// Its identity, whose fingerprint applications configure as `escrowKey`.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its identity's objects.
    pub(crate) fn bundles(&self) -> &[Vec<u8>] {
        &self.bundles
    }

    /// What signs.
    pub(crate) fn hand(&self) -> core::result::Result<(&Hash, &SigningKey), crate::ApiError> {
        Ok((self.identity.newest().hash(), self.signing_key()?))
    }

    /// Of its newest bundle.
    pub(crate) fn signing_key(&self) -> Result<&SigningKey> {
        let keys = self.keys.last().ok_or(Error::new(&(Code::Server, "the key server has no keys")))?;
        Ok(&keys.signing)
    }

    /// Key pairs of all versions.
    pub(crate) fn pairs(&self) -> Vec<&KeyPair> {
        self.keys.iter().map(|keys| &keys.pair).collect()
    }

    pub(crate) fn salt(&self, user: &UserId) -> [u8; 32] {
        server_salt(&self.salts, &self.app_id, user)
    }

    /// Opens its share of an account, sealed for its newest key or one before.
    pub(crate) fn open_share<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        share: &[u8],
        user: &UserId,
        version: u64,
    ) -> Result<Secret<32>> {
        let mut opened = Err(Error::new(&(Code::NotARecipient, "the share isn't sealed for this key server")));
        for keys in self.keys.iter().rev() {
            opened = open_share(rng, share, &keys.pair, (&self.app_id, user), version);
            if !opened.as_ref().is_err_and(|error| error.code() == Code::NotARecipient) {
                break;
            }
        }
        opened
    }

    /// `HMAC-SHA-256(secret for codes, recovery id ‖ code)`, compared in constant time.
    pub(crate) fn code(&self, recovery: &[u8; 16], code: &str) -> Result<Secret<32>> {
        let mac = Hmac::<Sha256>::new_from_slice(self.codes.expose()).map_err(|_| UNREADABLE)?;
        let mac = mac.chain_update(recovery).chain_update(code).finalize().into_bytes();
        Secret::from_slice(&mac).ok_or(UNREADABLE)
    }

    /// What seals answers that are kept: `HMAC-SHA-256(secret for codes, name)`. A code's text is longer than that name.
    pub(crate) fn answers(&self) -> Result<Secret<32>> {
        let mac = Hmac::<Sha256>::new_from_slice(self.codes.expose()).map_err(|_| UNREADABLE)?;
        let mac = mac.chain_update("wardkey/answered").finalize().into_bytes();
        Secret::from_slice(&mac).ok_or(UNREADABLE)
    }

    /// Before the first item of a user's feed.
    pub(crate) fn feed_start(&self, user: &UserId) -> [u8; 32] {
        Sha256::new().chain_update(self.name).chain_update(user.as_str()).finalize().into()
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_bound_to_its_recovery_and_server() {
        let mut rng = wardkey::random::system();
        let app_id = AppId::new("app.example").unwrap();
        let (one, other) = (Server::generate(&mut rng, &app_id).unwrap(), Server::generate(&mut rng, &app_id).unwrap());
        let code = one.code(&[1; 16], "12345678").unwrap();
        assert_eq!(one.code(&[1; 16], "12345678").unwrap(), code);
        assert_ne!(one.code(&[2; 16], "12345678").unwrap(), code);
        assert_ne!(one.code(&[1; 16], "12345679").unwrap(), code);
        assert_ne!(other.code(&[1; 16], "12345678").unwrap(), code);
    }
}
