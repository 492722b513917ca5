//! The face in WebAssembly, for `npm/legacy-keys.ts`.

#![allow(unreachable_pub, reason = "what is exported to JavaScript is public there")]

use wardkey::delegation::{Manifest, entity};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::face::{Answer, refused, with_random};

/// A key that is wrapped by RSA-OAEP with SHA-1.
#[wasm_bindgen]
pub fn unwrap(pkcs8: &[u8], wrapped: &[u8]) -> Answer<Vec<u8>> {
    Ok(with_random(|rng| crate::unwrap(rng, pkcs8, wrapped))?.expose().to_vec())
}

/// What AES-CBC holds.
#[wasm_bindgen]
pub fn open(key: &[u8], sealed: &[u8]) -> Answer<Vec<u8>> {
    Ok(crate::open(key, sealed).map_err(refused)?.expose().to_vec())
}

/// Would this entity be taken, with this manifest, for parties of these names?
#[wasm_bindgen(js_name = checkEntity)]
pub fn check_entity(entity_type: &str, entity: &str, paths: Vec<String>, names: Vec<String>) -> Answer<()> {
    Manifest::new(paths.iter().map(String::as_str))
        .and_then(|manifest| entity::check((entity_type, entity), &manifest, &names))
        .map_err(refused)
}
