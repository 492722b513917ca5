//! `DataKey`: data in memory, one record or many in one crossing of the boundary.

use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::prelude::wasm_bindgen;

use super::{
    convert::{context, padding},
    error::JsResult,
    random::with_random,
    scrub_stack,
};
use crate::{
    data_key::DataKey,
    encoding::Context,
    error::{Code, Error, Result},
    message, secret,
};

const LAYOUT: Error = Error::new(Code::InvalidArgument, "a batch and its layout don't fit");

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
        let items = Batch { packed, texts, layout }.collect::<Result<Vec<_>>>()?;
        let begun = with_random(|rng| message::begin_sealing(&self.0, rng, &items, padding(padded)))?;
        Ok(CoreBatch { begun, finished: Vec::new(), errors: Array::new() })
    }

    /// Begins to open many messages, packed like those.
    #[wasm_bindgen(js_name = decryptMany)]
    pub fn decrypt_many(&self, packed: &[u8], texts: &[u8], layout: &[u32]) -> JsResult<CoreBatch> {
        let errors = Array::new();
        let mut begun = secret::reserve(packed.len())?;
        for (index, item) in (0..).zip(Batch { packed, texts, layout }) {
            match item.and_then(|(sealed, context)| message::begin_opening(&mut begun, &self.0, sealed, &context)) {
                Err(error) if error == LAYOUT => return Err(error.into()),
                Err(error) => errors.set(index, error.into()),
                Ok(()) => {}
            }
        }
        Ok(CoreBatch { begun, finished: Vec::new(), errors })
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

/// A batch of messages that are begun: to be finished here, or by a worker.
#[wasm_bindgen(js_name = CoreBatch)]
pub struct CoreBatch {
    begun: Vec<u8>,
    finished: Vec<u8>,
    errors: Array,
}

impl core::fmt::Debug for CoreBatch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("CoreBatch(redacted)")
    }
}

#[wasm_bindgen(js_class = CoreBatch)]
impl CoreBatch {
    /// An error in the place of each item that can't be begun; it is not among the others.
    pub fn errors(&self) -> Array {
        self.errors.clone()
    }

    /// What a worker needs for `finishMany()`.
    pub fn begun(&self) -> Vec<u8> {
        self.begun.clone()
    }

    /// As `finishMany()`, here. It stays in the module's memory, at this address: JavaScript cuts the pieces out there, which saves a copy.
    pub fn finish(&mut self) -> JsResult<usize> {
        self.finished = message::finish(&self.begun)?;
        Ok(self.finished.as_ptr().addr())
    }
}

/// The items of a packed batch. After an error of the layout nothing more can be read.
struct Batch<'a> {
    packed: &'a [u8],
    texts: &'a [u8],
    layout: &'a [u32],
}

impl<'a> Batch<'a> {
    fn number(&mut self) -> Result<usize> {
        let (&number, rest) = self.layout.split_first().ok_or(LAYOUT)?;
        self.layout = rest;
        Ok(number as usize)
    }

    fn text(&mut self) -> Result<&'a str> {
        let len = self.number()?;
        let (text, rest) = self.texts.split_at_checked(len).ok_or(LAYOUT)?;
        self.texts = rest;
        core::str::from_utf8(text).map_err(|_| LAYOUT)
    }

    fn item(&mut self) -> Result<(&'a [u8], Context)> {
        let count = self.number()?;
        let entries = (0..count).map(|_| Ok((self.text()?, self.text()?))).collect::<Result<Vec<_>>>()?;
        let len = self.number()?;
        let (data, rest) = self.packed.split_at_checked(len).ok_or(LAYOUT)?;
        self.packed = rest;
        let context = if entries.is_empty() { Context::default() } else { Context::new(entries)? };
        Ok((data, context))
    }
}

impl<'a> Iterator for Batch<'a> {
    type Item = Result<(&'a [u8], Context)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.layout.is_empty() {
            return None;
        }
        let item = self.item();
        if item.as_ref().is_err_and(|error| *error == LAYOUT) {
            self.layout = &[];
        }
        Some(item)
    }
}
