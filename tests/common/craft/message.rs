//! SPEC section 4.

use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

use super::{
    super::{
        cbor::{self, Array, Item, Uint},
        rng::Seeded,
    },
    expand, seal,
};

pub(crate) const PADDED: u8 = 1;
pub(crate) const SIGNED: u8 = 2;
pub(crate) const IN_SESSION: u8 = 4;

/// The header of a message under `key`.
pub(crate) fn header(key: &[u8], session: Option<&[u8; 32]>, signer: Option<(&[u8; 32], u8)>, padded: bool) -> Vec<u8> {
    let flags =
        PADDED * u8::from(padded) + SIGNED * u8::from(signer.is_some()) + IN_SESSION * u8::from(session.is_some());
    let mut header = cbor::framed(b"WKMS", &[flags]);
    header.extend(expand(key, "key-id", 16));
    header.extend(session.into_iter().flatten());
    if let Some((bundle_hash, path_len)) = signer {
        header.extend_from_slice(bundle_hash);
        header.push(path_len);
    }
    header
}

/// The context of a body: SPEC section 4.1.
pub(crate) fn body_context(header: &[u8], context: &Item) -> Vec<u8> {
    Array(vec![cbor::text("wardkey/v1/message"), cbor::bytes(header), context.clone()]).encode()
}

/// Header and body; the plaintext stands in the body as it is given, padding included.
pub(crate) fn sealed(rng: &mut Seeded, key: &[u8], header: &[u8], context: &Item, plaintext: &[u8]) -> Vec<u8> {
    [header, &seal(rng, key, &body_context(header, context), plaintext)].concat()
}

/// Leaf hash of a message: SPEC section 4.3. `body` begins after so many bytes of header.
pub(crate) fn leaf(header_and_body: &[u8], header: usize) -> [u8; 32] {
    let (start, chunks) = header_and_body.split_at(header + 56);
    let hashes: Vec<u8> = chunks.chunks(16_400).flat_map(Sha256::digest).collect();
    let leaf_data = [Sha256::digest(start), Sha256::digest(hashes)].concat();
    Sha256::digest([&[0], leaf_data.as_slice()].concat()).into()
}

/// RFC 9162 section 2.1.
pub(crate) fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::digest([&[1], left.as_slice(), right].concat()).into()
}

/// A trailer that is not yet signed.
#[derive(Clone)]
pub(crate) struct Trailer {
    pub(crate) sequence: u64,
    pub(crate) log_hash: [u8; 32],
    pub(crate) authority: [u8; 72],
    pub(crate) index: u32,
    pub(crate) size: u32,
    pub(crate) path: Vec<[u8; 32]>,
}

impl Trailer {
    /// Of a single message, by the signer himself.
    pub(crate) const fn single(sequence: u64, log_hash: [u8; 32]) -> Self {
        Self { sequence, log_hash, authority: [0; 72], index: 0, size: 1, path: Vec::new() }
    }

    /// Its bytes, signed over this root.
    pub(crate) fn sign(&self, seed: &[u8; 32], root: &[u8; 32]) -> Vec<u8> {
        let statement = Array(vec![
            cbor::text("wardkey/v1/author"),
            Uint(self.sequence),
            cbor::bytes(self.log_hash),
            cbor::bytes(self.authority),
            Uint(self.size.into()),
            cbor::bytes(root),
        ]);
        self.encode(&SigningKey::from_bytes(seed).sign(&statement.encode()).to_bytes())
    }

    /// Its bytes with this signature.
    pub(crate) fn encode(&self, signature: &[u8; 64]) -> Vec<u8> {
        let mut bytes = self.sequence.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.log_hash);
        bytes.extend_from_slice(&self.authority);
        bytes.extend_from_slice(&self.index.to_be_bytes());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend(self.path.concat());
        bytes.extend_from_slice(signature);
        bytes
    }
}

/// The authority of a group.
pub(crate) fn group(id: &[u8; 32], sequence: u64, hash: &[u8; 32]) -> [u8; 72] {
    [id.as_slice(), &sequence.to_be_bytes(), hash].concat().try_into().expect("72 bytes")
}
