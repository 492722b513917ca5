//! What is slow, by itself: bytes in, bytes out. Runs in a worker's instance of the module, or in the page's where there is no worker.

use wasm_bindgen::prelude::wasm_bindgen;

use super::{convert::whole, error::JsResult, random::with_random, scrubbed};
use crate::{
    cobblestone::{CHUNK, TAG},
    crypto::rsa,
    error::{Code, Error},
    key_pair::{KeyPair, Suite},
    message::{self, BodyChunks},
    password::{Derivation, Password},
    secret::{self, Secret},
};

/// Bytes of a SHA-256.
const HASH: usize = 32;

/// 32 bytes from a prepared password.
#[wasm_bindgen(js_name = deriveSlow)]
pub fn derive_slow(derivation: &[u8], password: &[u8]) -> JsResult<Vec<u8>> {
    scrubbed(|| {
        let derivation = Derivation::from_bytes(derivation)?;
        Ok(derivation.derive_raw(&Password::from_prepared(password)?)?.expose().to_vec())
    })
}

/// PKCS#8 of a new RSA key pair.
#[wasm_bindgen(js_name = rsaGenerate)]
pub fn rsa_generate(suite: &str) -> JsResult<Vec<u8>> {
    const NO_RSA: Error = Error::new(&(Code::InvalidArgument, "not a suite of RSA"));
    let suite = Suite::from_name(suite)?;
    if suite == Suite::Hybrid {
        return Err(NO_RSA.into());
    }
    scrubbed(|| Ok(with_random(|rng| KeyPair::generate(rng, suite))?.private_bytes()?.expose().to_vec()))
}

/// Are the primes of this private key prime? `key-policy` if not; nothing comes back.
#[wasm_bindgen(js_name = rsaCheck)]
pub fn rsa_check(pkcs8: &[u8]) -> JsResult<Vec<u8>> {
    scrubbed(|| {
        let key = rsa::Private::from_pkcs8(pkcs8)?;
        with_random(|rng| key.check_primes(rng))?;
        Ok(Vec::new())
    })
}

/// RSA-OAEP, blinded. Whatever fails of the opening is the same `unwrap-failed`.
#[wasm_bindgen(js_name = rsaUnwrap)]
pub fn rsa_unwrap(pkcs8: &[u8], label: &[u8], body: &[u8]) -> JsResult<Vec<u8>> {
    scrubbed(|| {
        let key = rsa::Private::from_pkcs8(pkcs8)?;
        Ok(with_random(|rng| key.unwrap(rng, label, body))?.expose().to_vec())
    })
}

/// Is there randomness? `rng` if not: for keys that are made elsewhere, by the same browser.
#[wasm_bindgen(js_name = checkRandom)]
pub fn check_random() -> JsResult<()> {
    Ok(with_random(Secret::<32>::generate).map(drop)?)
}

/// Chunks of one message from number `first` on, by its AES key ‖ base nonce: sealed, or opened. Where hashes are wanted, the SHA-256 of each sealed chunk follows.
#[wasm_bindgen(js_name = workChunks)]
pub fn work_chunks(aes: &[u8], sealing: bool, first: f64, input: &[u8], hashed: bool) -> JsResult<Vec<u8>> {
    let first = whole(first)?;
    let chunks = BodyChunks::of_aes(aes)?;
    let more = if sealing { TAG } else { 0 } + if hashed { HASH } else { 0 };
    let mut out = secret::reserve(input.len() + (input.len() / CHUNK + 1) * more)?;
    if sealing {
        chunks.seal(first, input, &mut out)?;
    } else {
        chunks.open(first, input, &mut out)?;
    }
    if hashed {
        let hashes = message::chunk_hashes(if sealing { &out } else { input });
        out.extend_from_slice(&hashes);
    }
    Ok(out)
}

/// Messages that were begun on the page, by their own keys: before each its length, or 2³² − 1 where it doesn't open.
#[wasm_bindgen(js_name = finishMany)]
pub fn finish_many(begun: &[u8]) -> JsResult<Vec<u8>> {
    Ok(message::finish(begun)?)
}
