//! The 256-bit key that data is encrypted with, and what is derived from it: SPEC section 2.

use core::fmt;

use crate::{
    crypto::kdf::Expander,
    encoding::{base64url, from_base64url},
    error::{Code, Error, Result},
    random::Random,
    secret::Secret,
};

/// Finds a key: `expand(K, "key-id", 16)`. Not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 16]);

impl KeyId {
    /// The id of this text; nothing where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        from_base64url(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url(&self.0))
    }
}

/// Binds a key: `expand(K, "key-commitment", 32)`. Not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCommitment(pub [u8; 32]);

/// K: exactly 32 uniformly random bytes.
pub struct DataKey {
    secret: Secret<32>,
    expander: Expander,
    id: KeyId,
    commitment: KeyCommitment,
}

impl DataKey {
    /// A new key.
    ///
    /// # Errors
    /// `rng`.
    pub fn generate<R: rand_core::TryCryptoRng>(rng: &mut Random<R>) -> Result<Self> {
        Ok(Self::from_secret(Secret::generate(rng)?))
    }

    /// A key from elsewhere.
    ///
    /// # Errors
    /// `invalid-argument` if it isn't 32 bytes.
    pub fn from_slice(raw: &[u8]) -> Result<Self> {
        Secret::from_slice(raw)
            .map(Self::from_secret)
            .ok_or(Error::new(&(Code::InvalidArgument, "a data key has exactly 32 bytes")))
    }

    /// A key of these bytes.
    #[must_use]
    pub fn from_secret(secret: Secret<32>) -> Self {
        let expander = Expander::new(secret.expose());
        let id = KeyId(*expander.derive("key-id").expose());
        let commitment = KeyCommitment(*expander.derive("key-commitment").expose());
        Self { secret, expander, id, commitment }
    }

    /// The bytes themselves, for migration only.
    #[must_use]
    pub const fn dangerously_expose(&self) -> &Secret<32> {
        &self.secret
    }

    /// Its id, which stands in the header of all that it encrypts.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Its commitment, which stands in what wraps it.
    #[must_use]
    pub const fn commitment(&self) -> &KeyCommitment {
        &self.commitment
    }

    /// The key of the key cache's entries: `expand(K, "cache-seal", 32)`.
    #[must_use]
    pub fn cache_seal(&self) -> Secret<32> {
        self.expander.derive("cache-seal")
    }

    /// The seed of an epoch's key pair, where this is the secret of a group's epoch: `expand(E, "epoch-key-pair", 32)`.
    pub(crate) fn epoch_seed(&self) -> Secret<32> {
        self.expander.derive("epoch-key-pair")
    }

    pub(crate) const fn expander(&self) -> &Expander {
        &self.expander
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.id)
    }
}
