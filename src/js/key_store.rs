//! A store in JavaScript: `npm/indexed-db.ts`, or the application's own behind `npm/key-store.ts`. Both settle in time and answer in these shapes; what
//! they reject with is a reason in words.

use core::cell::Cell;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use super::marker::Marker;
use crate::cache::{KeyStore, StoreError, StoreResult};

#[wasm_bindgen]
extern "C" {
    /// `CoreStore` in `npm/key-store.ts`.
    #[derive(Debug)]
    pub type CoreStore;

    #[wasm_bindgen(method, catch, js_name = getMany)]
    async fn get_many(this: &CoreStore, ids: Vec<String>) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setMany)]
    async fn set_many(this: &CoreStore, ids: Vec<String>, values: Vec<Uint8Array>) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = deleteMany)]
    async fn delete_many(this: &CoreStore, ids: Vec<String>) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn all(this: &CoreStore) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn replace(this: &CoreStore, id: &str, old: Option<Uint8Array>, new: Uint8Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn clear(this: &CoreStore) -> Result<(), JsValue>;
    #[wasm_bindgen(method, getter)]
    fn created(this: &CoreStore) -> Option<u32>;
    #[wasm_bindgen(method)]
    fn close(this: &CoreStore);
}

/// A store in JavaScript, and what is known of its wipes.
#[derive(Debug)]
pub(super) struct JsStore {
    store: CoreStore,
    marker: Marker,
    created: Cell<u32>,
    wipes: Cell<u32>,
}

impl JsStore {
    pub(super) fn new(store: CoreStore, tag: &str) -> Self {
        Self { store, marker: Marker::new(tag), created: Cell::new(0), wipes: Cell::new(0) }
    }
}

fn failed(reason: JsValue) -> StoreError {
    StoreError::new(reason.as_string().unwrap_or_else(|| "the store failed".to_owned()))
}

fn bytes(value: &JsValue) -> Option<Vec<u8>> {
    value.dyn_ref().map(Uint8Array::to_vec)
}

fn array(value: &JsValue) -> StoreResult<&Array> {
    value.dyn_ref().ok_or_else(|| StoreError::new("the store gave something else"))
}

impl KeyStore for JsStore {
    async fn get_many(&self, ids: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        let values = self.store.get_many(ids.to_vec()).await.map_err(failed)?;
        Ok(array(&values)?.iter().map(|value| bytes(&value)).collect())
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> StoreResult<()> {
        let (mut ids, mut values) = (Vec::new(), Vec::new());
        for (id, value) in entries {
            ids.push(id.clone());
            values.push(Uint8Array::from(value.as_slice()));
        }
        self.store.set_many(ids, values).await.map_err(failed)
    }

    async fn delete_many(&self, ids: &[String]) -> StoreResult<()> {
        self.store.delete_many(ids.to_vec()).await.map_err(failed)
    }

    async fn all(&self) -> StoreResult<Vec<(String, Vec<u8>)>> {
        let both = self.store.all().await.map_err(failed)?;
        let (ids, values) = (array(&both)?.get(0), array(&both)?.get(1));
        let (ids, values) = (array(&ids)?, array(&values)?);
        let mut entries = Vec::new();
        for at in 0..ids.length() {
            if let Some(id) = ids.get(at).as_string() {
                entries.push((id, bytes(&values.get(at)).unwrap_or_default()));
            }
        }
        Ok(entries)
    }

    async fn replace(&self, id: &str, old: Option<&[u8]>, new: &[u8]) -> StoreResult<Option<Vec<u8>>> {
        let standing = self.store.replace(id, old.map(Uint8Array::from), new.into()).await.map_err(failed)?;
        Ok(bytes(&standing))
    }

    async fn clear(&self) -> StoreResult<()> {
        self.store.clear().await.map_err(failed)
    }

    /// A store that had to be made, although this page or the marker of an earlier one knows of it, was wiped.
    fn wipes(&self) -> u32 {
        if let Some(created) = self.store.created() {
            let newly = created.saturating_sub(self.created.replace(created));
            let wipes = match self.marker.first_read() {
                Some(known) => known.map_or(newly.saturating_sub(1), |known| known + newly),
                None => self.wipes.get() + newly,
            };
            self.wipes.set(wipes);
            self.marker.write(wipes);
        }
        self.wipes.get()
    }

    fn close(&self) {
        self.store.close();
    }
}
