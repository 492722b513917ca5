//! The face in WebAssembly, for `npm/fhir-binary.ts`.

#![allow(unreachable_pub, reason = "what is exported to JavaScript is public there")]

use wardkey::key_pair::PublicKey;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{
    ContentKey,
    face::{Answer, refused, with_random},
};

/// Key ‖ initialization vector ‖ the key, wrapped for this recipient.
#[wasm_bindgen(js_name = beginContent)]
pub fn begin_content(recipient: &str) -> Answer<Vec<u8>> {
    let recipient = PublicKey::parse(recipient).map_err(refused)?;
    with_random(|rng| {
        let content = ContentKey::generate(rng)?;
        let wrapped = content.wrap(rng, &recipient)?;
        Ok([&content.key()[..], content.iv(), &wrapped].concat())
    })
}

/// A key that nobody knows, in the place of one that doesn't unwrap.
#[wasm_bindgen(js_name = unknownKey)]
pub fn unknown_key() -> Answer<Vec<u8>> {
    with_random(|rng| Ok(ContentKey::generate(rng)?.key().to_vec()))
}

/// Ciphertext ‖ tag.
#[wasm_bindgen(js_name = sealContent)]
pub fn seal_content(key: &[u8], iv: &[u8], aad: &[u8], mut data: Vec<u8>) -> Answer<Vec<u8>> {
    ContentKey::from_parts(key, iv).and_then(|key| key.seal(aad, &mut data)).map_err(refused)?;
    Ok(data)
}

/// The content of ciphertext ‖ tag.
#[wasm_bindgen(js_name = openContent)]
pub fn open_content(key: &[u8], iv: &[u8], aad: &[u8], mut data: Vec<u8>) -> Answer<Vec<u8>> {
    ContentKey::from_parts(key, iv).and_then(|key| key.open(aad, &mut data)).map_err(refused)?;
    Ok(data)
}
