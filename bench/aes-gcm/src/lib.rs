//! Bare primitives with raw exports, without wasm-bindgen: what the machine could do. Every function returns 0 for success.

use aes_gcm::{Aes256Gcm, KeyInit, Tag, aead::AeadInOut};
use argon2::{Algorithm, Argon2, Block, Params, Version};

const TAG: usize = 16;
/// A chunk of 16 KiB with room for its tag.
const CHUNK: usize = 16_384 + TAG;

/// Memory of the page's own; it is never given back.
#[unsafe(no_mangle)]
extern "C" fn alloc(len: usize) -> *mut u8 {
    vec![0_u8; len].leak().as_mut_ptr()
}

/// # Safety
/// `ptr` comes from `alloc`, with at least `len` bytes.
unsafe fn bytes<'a>(ptr: *mut u8, len: usize) -> &'a mut [u8] {
    unsafe { core::slice::from_raw_parts_mut(ptr, len) }
}

fn cipher() -> Aes256Gcm {
    Aes256Gcm::new(&[7; 32].into())
}

fn nonce(index: usize) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&(index as u64).to_be_bytes());
    nonce
}

/// Encrypts in place, chunk by chunk, each tag behind its chunk.
///
/// # Safety
/// As `bytes`.
#[unsafe(no_mangle)]
unsafe extern "C" fn seal(ptr: *mut u8, len: usize) -> i32 {
    let cipher = cipher();
    for (index, chunk) in unsafe { bytes(ptr, len) }.chunks_mut(CHUNK).enumerate() {
        let (data, tag) = chunk.split_at_mut(chunk.len() - TAG);
        let Ok(made) = cipher.encrypt_inout_detached(&nonce(index).into(), &[], data.into()) else { return 1 };
        tag.copy_from_slice(&made);
    }
    0
}

/// Verifies and decrypts what `seal` made.
///
/// # Safety
/// As `bytes`.
#[unsafe(no_mangle)]
unsafe extern "C" fn open(ptr: *mut u8, len: usize) -> i32 {
    let cipher = cipher();
    for (index, chunk) in unsafe { bytes(ptr, len) }.chunks_mut(CHUNK).enumerate() {
        let (data, tag) = chunk.split_at_mut(chunk.len() - TAG);
        let Ok(tag) = Tag::try_from(&*tag) else { return 1 };
        if cipher.decrypt_inout_detached(&nonce(index).into(), &[], data.into(), &tag).is_err() {
            return 1;
        }
    }
    0
}

/// Argon2id over memory that is allocated and freed each time, as a derivation does it.
#[unsafe(no_mangle)]
extern "C" fn argon2id(memory_kib: u32, passes: u32) -> i32 {
    let Ok(params) = Params::new(memory_kib, passes, 1, Some(32)) else { return 1 };
    let mut memory = vec![Block::default(); params.block_count()];
    let mut out = [0; 32];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let done = argon2.hash_password_into_with_memory(b"three blue herons at dawn", &[7; 32], &mut out, &mut memory);
    core::hint::black_box(&out);
    i32::from(done.is_err())
}

/// PBKDF2-HMAC-SHA-256.
#[unsafe(no_mangle)]
extern "C" fn pbkdf2(iterations: u32) -> i32 {
    let mut out = [0; 32];
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(b"three blue herons at dawn", &[7; 32], iterations, &mut out);
    core::hint::black_box(&out);
    0
}
