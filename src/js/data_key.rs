//! `DataKey`: data in memory, one record or many in one crossing of the boundary.

use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::prelude::wasm_bindgen;

use super::{
    batch::{CoreBatch, Packed},
    convert::{context, padding},
    error::JsResult,
    random::with_random,
    scrub_stack,
};
use crate::{data_key::DataKey, error::Result, message};

/// A data key. Whatever works on it for longer holds a reference of its own.
#[wasm_bindgen(js_name = CoreDataKey)]
#[derive(Debug)]
pub struct CoreDataKey(pub(super) Rc<DataKey>);

#[wasm_bindgen(js_class = CoreDataKey)]
impl CoreDataKey {
    /// A new key.
    pub fn generate() -> JsResult<CoreDataKey> {
        Ok(Self(Rc::new(with_random(DataKey::generate)?)))
    }

    /// A key of exactly 32 bytes.
    #[wasm_bindgen(js_name = importRaw)]
    pub fn import_raw(raw: &[u8]) -> JsResult<CoreDataKey> {
        Ok(Self(Rc::new(DataKey::from_slice(raw)?)))
    }

    /// The 32 bytes.
    #[wasm_bindgen(js_name = exportRaw)]
    pub fn export_raw(&self) -> Vec<u8> {
        self.0.dangerously_expose().expose().to_vec()
    }

    /// The same key, held once more.
    pub fn share(&self) -> CoreDataKey {
        Self(Rc::clone(&self.0))
    }

    /// Its id, base64url.
    pub fn id(&self) -> String {
        self.0.id().to_string()
    }

    /// One message.
    pub fn encrypt(&self, data: &[u8], entries: Option<Vec<String>>, padded: bool) -> JsResult<Vec<u8>> {
        let context = context(entries)?;
        Ok(with_random(|rng| message::seal(&self.0, rng, data, &context, padding(padded)))?)
    }

    /// The data of one message.
    pub fn decrypt(&self, sealed: &[u8], entries: Option<Vec<String>>) -> JsResult<Vec<u8>> {
        Ok(message::open(&self.0, sealed, &context(entries)?)?)
    }

    /// Begins many messages. `packed`: the data of all; `texts`: all keys and values of their contexts; `layout`: for each item the number of context
    /// entries, the lengths of each key and value, the length of the data.
    #[wasm_bindgen(js_name = encryptMany)]
    pub fn encrypt_many(&self, packed: &[u8], texts: &[u8], layout: &[u32], padded: bool) -> JsResult<CoreBatch> {
        let items = Packed { packed, texts, layout }.collect::<Result<Vec<_>>>()?;
        let begun = with_random(|rng| message::begin_sealing(&self.0, rng, &items, padding(padded)))?;
        Ok(CoreBatch::new(begun, Array::new()))
    }

    /// Begins to open many messages, packed like those.
    #[wasm_bindgen(js_name = decryptMany)]
    pub fn decrypt_many(&self, packed: &[u8], texts: &[u8], layout: &[u32]) -> JsResult<CoreBatch> {
        Ok(CoreBatch::open(Packed { packed, texts, layout }, |_, begun, sealed, context| {
            Ok(message::begin_opening(begun, &self.0, sealed, context)?)
        })?)
    }

    /// Gives the key up, and wipes what calls left on the stack.
    pub fn destroy(self) {
        drop(self);
        scrub_stack();
    }
}

/// The id in the header of a message.
#[wasm_bindgen(js_name = keyIdOf)]
pub fn key_id_of(sealed: &[u8]) -> JsResult<String> {
    Ok(message::key_id_of(sealed)?.to_string())
}
