//! The cache key, under which entries are sealed: derived from a data key, or random and wrapped for a key pair.

use core::{cell::RefCell, fmt};
use std::rc::Rc;

use rand_core::TryCryptoRng;

use super::{KeyStore, Owner, StoreError};
use crate::{
    crypto::kdf::Expander,
    data_key::DataKey,
    encoding::Context,
    error::Result,
    key_pair::KeyPair,
    random::Random,
    secret::Secret,
    wrap::{self, Wrapper},
};

/// Where the wrapped cache key of a key pair stands among the entries.
pub(super) const RESERVED: &str = "cache-key";

/// Who can open the entries again.
#[derive(Clone, Debug)]
pub enum SealedBy {
    /// The cache key is `expand(K, "cache-seal", 32)`.
    DataKey(Rc<DataKey>),
    /// The cache key comes of a random data key, which is wrapped for this key pair and kept beside the entries, and of the private key: anybody can wrap
    /// for a public key, so a data key that the store gives may be known to others.
    KeyPair(Rc<KeyPair>),
}

/// The cache key, and what is computed of it once for all entries.
pub(super) struct CacheKey {
    pub(super) secret: Secret<32>,
    pub(super) expander: Expander,
}

impl CacheKey {
    pub(super) fn new(secret: Secret<32>) -> Self {
        Self { expander: Expander::new(secret.expose()), secret }
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CacheKey(redacted)")
    }
}

/// The cache key, and how it is wrapped.
#[derive(Debug)]
pub(super) struct Sealing {
    pub(super) key: CacheKey,
    /// What must stand under [`RESERVED`] for the entries to open again: it is written with each of them, in case it was wiped meanwhile.
    pub(super) wrapped: Option<Vec<u8>>,
    /// Just made: what is sealed already is under another.
    pub(super) new: bool,
}

impl Sealing {
    /// The cache key that the store has for this key pair, or a new one. A store that fails leaves one that only this cache knows, and says why.
    pub(super) async fn find<S: KeyStore, R: TryCryptoRng>(
        by: &SealedBy,
        store: &S,
        owner: &Owner,
        rng: &RefCell<Random<R>>,
    ) -> Result<(Self, Option<StoreError>)> {
        let pair = match by {
            SealedBy::DataKey(key) => {
                return Ok((Self { key: CacheKey::new(key.cache_seal()), wrapped: None, new: false }, None));
            }
            SealedBy::KeyPair(pair) => pair,
        };
        let context = Context::new([("wardkey", "cache-key"), ("cache", &owner.name), ("user", owner.user.as_str())])?;
        let from_data_key = |key: &DataKey| pair.cache_seal(key).map(CacheKey::new);
        let unwrap = |wrapped: &[u8]| wrap::unwrap_key(wrapped, &mut rng.borrow_mut(), pair, &context);
        let found = store.get_many(&[RESERVED.to_owned()]).await;
        let old = found.map(|found| found.into_iter().next().flatten());
        if let Ok(Some(wrapped)) = &old
            && let Ok(key) = unwrap(wrapped)
        {
            return Ok((Self { key: from_data_key(&key)?, wrapped: Some(wrapped.clone()), new: false }, None));
        }
        let key = DataKey::generate(&mut rng.borrow_mut())?;
        let mut wrapper = Wrapper::new(&key, &context, false);
        wrapper.add(&key, &mut rng.borrow_mut(), pair.public_key())?;
        let wrapped = wrapper.finish()?;
        let standing = match old {
            Ok(old) => store.replace(RESERVED, old.as_deref(), &wrapped).await,
            Err(error) => Err(error),
        };
        let ours = Self { key: from_data_key(&key)?, wrapped: Some(wrapped), new: true };
        Ok(match standing {
            Err(error) => (ours, Some(error)),
            Ok(None) => (ours, None),
            Ok(Some(theirs)) => match unwrap(&theirs) {
                Ok(key) => {
                    let new = ours.wrapped.as_deref() == Some(theirs.as_slice());
                    (Self { key: from_data_key(&key)?, wrapped: Some(theirs), new }, None)
                }
                Err(_) => (ours, None),
            },
        })
    }
}
