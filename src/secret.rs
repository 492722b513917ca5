//! Secret bytes: on the heap, of fixed capacity, wiped on drop, redacted in `Debug`, compared in constant time.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    error::{Code, Error, Result},
    random::Random,
};

/// `N` secret bytes. Boxed, so that moving the secret leaves no copy behind.
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Draws a new secret.
    ///
    /// # Errors
    /// `rng`.
    pub fn generate<R: rand_core::TryCryptoRng>(rng: &mut Random<R>) -> Result<Self> {
        Self::try_fill(|bytes| rng.fill(bytes))
    }

    /// Copies a secret from bytes of exactly this length; wiping those is the caller's.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != N {
            return None;
        }
        let mut secret = Self(Box::new([0; N]));
        secret.0.copy_from_slice(bytes);
        Some(secret)
    }

    /// A secret that is written in place.
    pub(crate) fn try_fill<E>(
        write: impl FnOnce(&mut [u8; N]) -> core::result::Result<(), E>,
    ) -> core::result::Result<Self, E> {
        let mut secret = Self(Box::new([0; N]));
        write(&mut secret.0)?;
        Ok(secret)
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(redacted)")
    }
}

/// Secret bytes of a length known at run time. They never grow: a reallocation would leave a copy behind.
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes over bytes that were written once, into a vector that did not grow on the way.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        // In WebAssembly the allocator wipes what is freed, and faster.
        #[cfg(not(target_arch = "wasm32"))]
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for SecretBytes {}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(redacted)")
    }
}

/// Compares public values that stand for secrets (commitments, fingerprints of keys) in constant time.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Takes back what was written from `start` on.
pub(crate) fn wipe_from(bytes: &mut Vec<u8>, start: usize) {
    bytes.get_mut(start..).unwrap_or_default().zeroize();
    bytes.truncate(start);
}

/// A vector that can hold `capacity` bytes, or `limit` where the memory is not to be had.
pub(crate) fn reserve(capacity: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    make_room(&mut bytes, capacity)?;
    Ok(bytes)
}

/// Empties a vector, and lets it hold `capacity` bytes, or `limit` where the memory is not to be had.
pub(crate) fn make_room(bytes: &mut Vec<u8>, capacity: usize) -> Result<()> {
    bytes.clear();
    bytes.try_reserve_exact(capacity).map_err(|_| Error::new(&(Code::Limit, "not enough memory")))
}
