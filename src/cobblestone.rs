//! Cobblestone-256: C2SP `chunked-encryption` v1 with SHA-512 and AES-256-GCM, <https://c2sp.org/chunked-encryption>. SPEC section 3.
//!
//! `key[32] ‖ base nonce[12] ‖ commitment[32] = HKDF-Expand-SHA-512(K, "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM" ‖ 0x00 ‖ salt ‖ context)`,
//! then chunks of 16 KiB, the last one short.

use zeroize::Zeroize;

use crate::{
    crypto::{
        aead::{self, Cipher},
        kdf::Expander,
    },
    error::{Code, Error, Result},
    random::Random,
    secret::{self, Secret},
};

/// Bytes of plaintext in every chunk but the last.
pub const CHUNK: usize = 16_384;
/// Bytes of a whole chunk with its tag.
pub const SEALED_CHUNK: usize = CHUNK + TAG;
/// Bytes of the tag after each chunk.
pub const TAG: usize = aead::TAG;
/// Bytes of the salt, with which a body begins.
pub const SALT: usize = 24;
/// Bytes of the commitment, which follows the salt.
pub const COMMITMENT: usize = 32;
/// Bytes before the first chunk.
pub const PREFIX: usize = SALT + COMMITMENT;
const MAX_CHUNKS: u64 = 1 << 38;
const NAME: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

const TRUNCATED: Error = Error::new(Code::Truncated, "the end is missing");
const LONG: Error = Error::new(Code::Limit, "longer than 2^38 chunks");

/// Length of the body for so many bytes of plaintext.
///
/// # Errors
/// `limit` from 2³⁸ chunks on.
pub fn sealed_len(plaintext: u64) -> Result<u64> {
    let chunks = plaintext / CHUNK as u64 + 1;
    if chunks > MAX_CHUNKS {
        return Err(LONG);
    }
    Ok(PREFIX as u64 + plaintext + TAG as u64 * chunks)
}

/// Length of the plaintext in a body of this length.
///
/// # Errors
/// `truncated` where no body has this length, `limit` from 2³⁸ chunks on.
pub fn opened_len(body: u64) -> Result<u64> {
    let chunks = body.checked_sub(PREFIX as u64).ok_or(TRUNCATED)?;
    let last = (chunks % SEALED_CHUNK as u64).checked_sub(TAG as u64).ok_or(TRUNCATED)?;
    let whole = chunks / SEALED_CHUNK as u64;
    if whole >= MAX_CHUNKS {
        return Err(LONG);
    }
    Ok(whole * CHUNK as u64 + last)
}

/// Seals `plaintext` under `key` with a fresh salt.
///
/// # Errors
/// `rng`, `limit`.
pub fn seal<R: rand_core::TryCryptoRng>(
    key: &Secret<32>,
    rng: &mut Random<R>,
    context: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>> {
    let mut salt = [0; SALT];
    rng.fill(&mut salt)?;
    let (mut chunks, commitment) = Chunks::derive(&Expander::new(key.expose()), &salt, context);
    let len = usize::try_from(sealed_len(plaintext.len() as u64)?).map_err(|_| LONG)?;
    let mut body = secret::reserve(len)?;
    body.extend_from_slice(&salt);
    body.extend_from_slice(&commitment);
    let mut rest = plaintext;
    while let Some((chunk, more)) = rest.split_at_checked(CHUNK) {
        chunks.seal_onto(&mut body, chunk)?;
        rest = more;
    }
    chunks.seal_onto(&mut body, rest)?;
    Ok(body)
}

/// Opens a body.
///
/// # Errors
/// `truncated`, `decryption-failed`, `limit`. Nothing comes out then.
pub fn open(key: &Secret<32>, context: &[u8], body: &[u8]) -> Result<Vec<u8>> {
    let len = usize::try_from(opened_len(body.len() as u64)?).map_err(|_| LONG)?;
    let (prefix, mut rest) = body.split_first_chunk::<PREFIX>().ok_or(TRUNCATED)?;
    let mut chunks = Chunks::open(&Expander::new(key.expose()), prefix, context)?;
    let mut plaintext = secret::reserve(len)?;
    let mut open_all = || {
        while let Some((chunk, more)) = rest.split_at_checked(SEALED_CHUNK) {
            chunks.open_onto(&mut plaintext, chunk)?;
            rest = more;
        }
        chunks.open_onto(&mut plaintext, rest)
    };
    let opened = open_all();
    if opened.is_err() {
        plaintext.zeroize();
    }
    opened.map(|()| plaintext)
}

/// The key and nonces of one body, used chunk after chunk.
pub(crate) struct Chunks {
    cipher: Cipher,
    base_nonce: [u8; aead::NONCE],
    next: u64,
}

impl Chunks {
    /// The state before the first chunk, and the commitment.
    pub(crate) fn derive(key: &Expander, salt: &[u8; SALT], context: &[u8]) -> (Self, [u8; COMMITMENT]) {
        let mut derived = [0; aead::KEY + aead::NONCE + COMMITMENT];
        key.expand(&[NAME, salt, context].concat(), &mut derived);
        let mut base_nonce = [0; aead::NONCE];
        let mut commitment = [0; COMMITMENT];
        let cipher = match derived.split_first_chunk::<{ aead::KEY }>() {
            Some((key, rest)) => {
                let (nonce, last) = rest.split_at(aead::NONCE);
                base_nonce.copy_from_slice(nonce);
                commitment.copy_from_slice(last);
                Cipher::new(key)
            }
            None => unreachable!("the array is longer"),
        };
        derived.zeroize();
        (Self { cipher, base_nonce, next: 0 }, commitment)
    }

    /// The state before the first chunk of a body that begins with `prefix`. The commitment is compared before any use of the AEAD.
    pub(crate) fn open(key: &Expander, prefix: &[u8; PREFIX], context: &[u8]) -> Result<Self> {
        let Some((salt, found)) = prefix.split_first_chunk::<SALT>() else { return Err(TRUNCATED) };
        let (chunks, commitment) = Self::derive(key, salt, context);
        if !secret::equal(&commitment, found) {
            return Err(Error::new(Code::DecryptionFailed, "wrong key or context, or changed bytes"));
        }
        Ok(chunks)
    }

    /// Appends the next chunk, sealed. Every chunk but the last has [`CHUNK`] bytes.
    pub(crate) fn seal_onto(&mut self, out: &mut Vec<u8>, plaintext: &[u8]) -> Result<()> {
        let nonce = self.nonce()?;
        let start = out.len();
        out.extend_from_slice(plaintext);
        let tag = self.cipher.seal(&nonce, out.get_mut(start..).unwrap_or_default())?;
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// Appends the next chunk, opened. Nothing is appended where it doesn't verify.
    pub(crate) fn open_onto(&mut self, out: &mut Vec<u8>, sealed: &[u8]) -> Result<()> {
        let nonce = self.nonce()?;
        let (data, tag) = sealed.split_last_chunk::<TAG>().ok_or(TRUNCATED)?;
        let start = out.len();
        out.extend_from_slice(data);
        let opened = self.cipher.open(&nonce, out.get_mut(start..).unwrap_or_default(), tag);
        if opened.is_err() {
            out.truncate(start);
        }
        opened
    }

    /// base nonce XOR the chunk's number.
    fn nonce(&mut self) -> Result<[u8; aead::NONCE]> {
        if self.next >= MAX_CHUNKS {
            return Err(LONG);
        }
        let mut nonce = self.base_nonce;
        for (byte, counter) in nonce.iter_mut().rev().zip(self.next.to_be_bytes().iter().rev()) {
            *byte ^= counter;
        }
        self.next += 1;
        Ok(nonce)
    }

    #[cfg(test)]
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) const fn skip_to(&mut self, chunk: u64) {
        self.next = chunk;
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        for (plain, sealed) in [(0, 72), (1, 73), (16_383, 16_455), (16_384, 16_472), (16_385, 16_473)] {
            assert_eq!(sealed_len(plain).unwrap(), sealed);
            assert_eq!(opened_len(sealed).unwrap(), plain);
        }
        let most = MAX_CHUNKS * CHUNK as u64 - 1;
        assert_eq!(opened_len(sealed_len(most).unwrap()).unwrap(), most);
        assert_eq!(sealed_len(most + 1).unwrap_err().code(), Code::Limit);
        assert_eq!(opened_len(u64::MAX).unwrap_err().code(), Code::Limit);
        for body in [0, 55, 56, 71, 16_456, 16_471] {
            assert_eq!(opened_len(body).unwrap_err().code(), Code::Truncated, "{body}");
        }
    }

    /// F7.
    #[test]
    fn the_chunk_counter_ends() {
        let (mut chunks, _) = Chunks::derive(&Expander::new(&[1; 32]), &[0; SALT], b"");
        chunks.skip_to(MAX_CHUNKS - 1);
        let mut out = Vec::new();
        chunks.seal_onto(&mut out, b"last").unwrap();
        assert_eq!(chunks.seal_onto(&mut out, b"more").unwrap_err().code(), Code::Limit);
        assert_eq!(chunks.open_onto(&mut out, &[0; 20]).unwrap_err().code(), Code::Limit);
    }
}
