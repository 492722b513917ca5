//! The face in WebAssembly, for `npm/legacy-keys.ts`. What it throws is the JSON text of code and message.

#![allow(unreachable_pub, reason = "what is exported to JavaScript is public there")]

use core::cell::RefCell;

use wardkey::{
    delegation::{Manifest, entity},
    error::Error,
    random::{SystemRandom, system},
};
use wasm_bindgen::prelude::wasm_bindgen;

/// What is freed is wiped.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

std::thread_local! {
    /// One for the whole module, so that a repetition is seen from call to call.
    static RANDOM: RefCell<SystemRandom> = const { RefCell::new(system()) };
}

fn refused(error: Error) -> String {
    format!(r#"{{"code":"{}","message":{:?}}}"#, error.code(), error.message())
}

/// A key that is wrapped by RSA-OAEP with SHA-1.
#[wasm_bindgen]
pub fn unwrap(pkcs8: &[u8], wrapped: &[u8]) -> Result<Vec<u8>, String> {
    let opened = RANDOM.with(|random| crate::unwrap(&mut random.borrow_mut(), pkcs8, wrapped));
    Ok(opened.map_err(refused)?.expose().to_vec())
}

/// What AES-CBC holds.
#[wasm_bindgen]
pub fn open(key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, String> {
    Ok(crate::open(key, sealed).map_err(refused)?.expose().to_vec())
}

/// Would this entity be taken, with this manifest, for parties of these names?
#[wasm_bindgen(js_name = checkEntity)]
pub fn check_entity(entity_type: &str, entity: &str, paths: Vec<String>, names: Vec<String>) -> Result<(), String> {
    Manifest::new(paths.iter().map(String::as_str))
        .and_then(|manifest| entity::check((entity_type, entity), &manifest, &names))
        .map_err(refused)
}
