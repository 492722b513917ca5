//! Cobblestone-256: C2SP `chunked-encryption` v1 with SHA-512 and AES-256-GCM, <https://c2sp.org/chunked-encryption>. SPEC section 3.
//!
//! `key[32] ‖ base nonce[12] ‖ commitment[32] = HKDF-Expand-SHA-512(K, "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM" ‖ 0x00 ‖ salt ‖ context)`,
//! then chunks of 16 KiB, the last one short.

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

pub(crate) const TRUNCATED: Error = Error::new(&(Code::Truncated, "the end is missing"));
const LONG: Error = Error::new(&(Code::Limit, "longer than 2^38 chunks"));

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
    seal_with(&Expander::new(key.expose()), rng, context, plaintext)
}

/// The same, for a key that is used often.
pub(crate) fn seal_with<R: rand_core::TryCryptoRng>(
    key: &Expander,
    rng: &mut Random<R>,
    context: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>> {
    let mut salt = [0; SALT];
    rng.fill(&mut salt)?;
    let derived = Derived::new(key, &salt, context);
    let chunks = derived.chunks();
    let len = usize::try_from(sealed_len(plaintext.len() as u64)?).map_err(|_| LONG)?;
    let mut body = secret::reserve(len)?;
    body.extend_from_slice(&salt);
    body.extend_from_slice(derived.commitment());
    chunks.seal_all(0, &mut body, plaintext)?;
    if plaintext.len().is_multiple_of(CHUNK) {
        chunks.seal_onto((plaintext.len() / CHUNK) as u64, &mut body, &[])?;
    }
    Ok(body)
}

/// Opens a body.
///
/// # Errors
/// `truncated`, `decryption-failed`, `limit`. Nothing comes out then.
pub fn open(key: &Secret<32>, context: &[u8], body: &[u8]) -> Result<Vec<u8>> {
    open_with(&Expander::new(key.expose()), context, body)
}

/// The same, for a key that is used often.
pub(crate) fn open_with(key: &Expander, context: &[u8], body: &[u8]) -> Result<Vec<u8>> {
    let len = usize::try_from(opened_len(body.len() as u64)?).map_err(|_| LONG)?;
    let (prefix, chunks) = body.split_first_chunk::<PREFIX>().ok_or(TRUNCATED)?;
    let derived = Derived::verified(key, prefix, context)?;
    let mut plaintext = secret::reserve(len)?;
    derived.chunks().open_all(0, &mut plaintext, chunks)?;
    Ok(plaintext)
}

/// What is derived for one body: `key[32] ‖ base nonce[12] ‖ commitment[32]`.
pub(crate) struct Derived(Secret<{ AES + COMMITMENT }>);

/// Bytes of the AES key and the base nonce.
pub(crate) const AES: usize = aead::KEY + aead::NONCE;

impl Derived {
    pub(crate) fn new(key: &Expander, salt: &[u8; SALT], context: &[u8]) -> Self {
        Self(key.expand_secret(&[NAME, salt, context].concat()))
    }

    /// For a body that begins with `prefix`. The commitment is compared before any use of the AEAD.
    pub(crate) fn verified(key: &Expander, prefix: &[u8; PREFIX], context: &[u8]) -> Result<Self> {
        let Some((salt, commitment)) = prefix.split_first_chunk::<SALT>() else { return Err(TRUNCATED) };
        let derived = Self::new(key, salt, context);
        if !secret::equal(derived.commitment(), commitment) {
            return Err(Error::new(&(Code::DecryptionFailed, "wrong key or context, or changed bytes")));
        }
        Ok(derived)
    }

    pub(crate) fn commitment(&self) -> &[u8] {
        self.0.expose().split_at(AES).1
    }

    /// AES key ‖ base nonce, for another implementation of AES-GCM.
    pub(crate) fn aes(&self) -> &[u8] {
        self.0.expose().split_at(AES).0
    }

    pub(crate) fn chunks(&self) -> Chunks {
        match self.0.expose().first_chunk() {
            Some(aes) => Chunks::new(aes),
            None => unreachable!("the array is longer"),
        }
    }
}

/// The chunks of one body, in any order: the nonce of each is the base nonce XOR its number.
pub(crate) struct Chunks {
    cipher: Cipher,
    base_nonce: [u8; aead::NONCE],
}

impl Chunks {
    /// `aes`: the key, and the base nonce.
    pub(crate) fn new(aes: &[u8; AES]) -> Self {
        match (aes.first_chunk(), aes.last_chunk()) {
            (Some(key), Some(base_nonce)) => Self { cipher: Cipher::new(key), base_nonce: *base_nonce },
            _ => unreachable!("the array is longer"),
        }
    }

    /// Appends a chunk, sealed. Every chunk but the last has [`CHUNK`] bytes.
    pub(crate) fn seal_onto(&self, number: u64, out: &mut Vec<u8>, plaintext: &[u8]) -> Result<()> {
        let nonce = self.nonce(number)?;
        let start = out.len();
        out.extend_from_slice(plaintext);
        let tag = self.cipher.seal(&nonce, out.get_mut(start..).unwrap_or_default())?;
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// Appends a chunk, opened. Nothing is appended where it doesn't verify.
    pub(crate) fn open_onto(&self, number: u64, out: &mut Vec<u8>, sealed: &[u8]) -> Result<()> {
        let nonce = self.nonce(number)?;
        let (data, tag) = sealed.split_last_chunk::<TAG>().ok_or(TRUNCATED)?;
        let start = out.len();
        out.extend_from_slice(data);
        let opened = self.cipher.open(&nonce, out.get_mut(start..).unwrap_or_default(), tag);
        if opened.is_err() {
            out.truncate(start);
        }
        opened
    }

    /// Appends the chunks of this plaintext from number `first` on, sealed. Only the last one of the body may be short.
    pub(crate) fn seal_all(&self, first: u64, out: &mut Vec<u8>, plaintext: &[u8]) -> Result<()> {
        (first..).zip(plaintext.chunks(CHUNK)).try_for_each(|(number, chunk)| self.seal_onto(number, out, chunk))
    }

    /// Appends the plaintext of these chunks from number `first` on. Nothing is appended where one of them doesn't verify.
    pub(crate) fn open_all(&self, first: u64, out: &mut Vec<u8>, sealed: &[u8]) -> Result<()> {
        let start = out.len();
        let opened = (first..)
            .zip(sealed.chunks(SEALED_CHUNK))
            .try_for_each(|(number, chunk)| self.open_onto(number, out, chunk));
        if opened.is_err() {
            secret::wipe_from(out, start);
        }
        opened
    }

    fn nonce(&self, number: u64) -> Result<[u8; aead::NONCE]> {
        if number >= MAX_CHUNKS {
            return Err(LONG);
        }
        let mut nonce = self.base_nonce;
        for (byte, counter) in nonce.iter_mut().rev().zip(number.to_be_bytes().iter().rev()) {
            *byte ^= counter;
        }
        Ok(nonce)
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

    fn chunks() -> Chunks {
        Derived::new(&Expander::new(&[1; 32]), &[0; SALT], b"").chunks()
    }

    /// F7.
    #[test]
    fn the_chunk_counter_ends() {
        let chunks = chunks();
        let mut out = Vec::new();
        chunks.seal_onto(MAX_CHUNKS - 1, &mut out, b"last").unwrap();
        assert_eq!(chunks.seal_onto(MAX_CHUNKS, &mut out, b"more").unwrap_err().code(), Code::Limit);
        assert_eq!(chunks.open_onto(MAX_CHUNKS, &mut out, &[0; 20]).unwrap_err().code(), Code::Limit);
    }

    /// F7: every bit of the number counts, and nothing else changes.
    #[test]
    fn no_nonce_comes_twice() {
        let chunks = chunks();
        let base = u128::from_be_bytes([[0; 4].as_slice(), &chunks.base_nonce].concat().try_into().unwrap());
        for bit in 0..38 {
            for number in [1_u64 << bit, (1 << bit) - 1, MAX_CHUNKS - 1 - (1 << bit)] {
                let nonce = [[0; 4].as_slice(), &chunks.nonce(number).unwrap()].concat();
                assert_eq!(u128::from_be_bytes(nonce.try_into().unwrap()) ^ base, u128::from(number));
            }
        }
    }
}
