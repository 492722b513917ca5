//! What an author signs of a message: SPEC section 4.3.

use sha2::{Digest, Sha256};

use crate::cobblestone::SEALED_CHUNK;

/// SHA-256 of what precedes the chunks ‖ SHA-256 of the chunks' hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf(pub(super) [u8; 64]);

impl Leaf {
    /// Of the bytes before the first chunk, and the SHA-256 of each chunk with its tag, joined: these may come from another engine.
    #[must_use]
    pub fn new(start: &[u8], chunk_hashes: &[u8]) -> Self {
        let mut hasher = LeafHasher::new(start);
        hasher.hashed(chunk_hashes);
        hasher.finish()
    }

    /// A leaf that was made elsewhere; nothing for another length.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

/// Makes the leaf of a message from its chunks in their order, as they come.
#[derive(Clone, Debug)]
pub struct LeafHasher {
    start: [u8; 32],
    chunks: Sha256,
}

impl LeafHasher {
    /// `start`: header ‖ salt ‖ commitment.
    #[must_use]
    pub fn new(start: &[u8]) -> Self {
        Self { start: Sha256::digest(start).into(), chunks: Sha256::new() }
    }

    /// The next chunk, with its tag.
    pub(super) fn chunk(&mut self, sealed: &[u8]) {
        self.hashed(&Sha256::digest(sealed));
    }

    /// The SHA-256 of each of the next chunks, joined.
    pub fn hashed(&mut self, hashes: &[u8]) {
        self.chunks.update(hashes);
    }

    /// After the last chunk.
    #[must_use]
    pub fn finish(self) -> Leaf {
        let mut leaf = [0; 64];
        let (first, second) = leaf.split_at_mut(32);
        first.copy_from_slice(&self.start);
        second.copy_from_slice(&self.chunks.finalize());
        Leaf(leaf)
    }
}

/// The SHA-256 of each of these chunks, joined; all but the last are whole.
#[must_use]
pub fn chunk_hashes(sealed: &[u8]) -> Vec<u8> {
    sealed.chunks(SEALED_CHUNK).flat_map(Sha256::digest).collect()
}
