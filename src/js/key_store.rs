//! A store in JavaScript: `npm/indexed-db.ts`, or the application's own behind `npm/key-store.ts`. Both settle in time and answer in these shapes; what
//! they reject with is a reason in words.

use core::cell::Cell;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use super::{marker::Marker, task};
use crate::cache::{KeyStore, StoreError, StoreResult};

#[wasm_bindgen]
extern "C" {
    /// `CoreStore` in `npm/key-store.ts`.
    #[derive(Debug)]
    pub type CoreStore;

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
    /// Of which the client was told.
    told: Cell<u32>,
}

impl JsStore {
    pub(super) fn new(store: CoreStore, tag: &str) -> Self {
        Self { store, marker: Marker::new(tag), created: Cell::new(0), wipes: Cell::new(0), told: Cell::new(0) }
    }

    /// Has one of its methods called.
    async fn ask(&self, method: &str, arguments: &[JsValue]) -> StoreResult<JsValue> {
        let answer = task::ask(&self.store, method, arguments).await;
        answer.map_err(|reason| StoreError::new(reason.as_string().unwrap_or_default()))
    }
}

fn texts(ids: &[String]) -> JsValue {
    ids.iter().map(|id| JsValue::from_str(id)).collect::<Array>().into()
}

/// What isn't bytes is empty.
fn bytes(value: &JsValue) -> Vec<u8> {
    value.dyn_ref().map(Uint8Array::to_vec).unwrap_or_default()
}

impl KeyStore for JsStore {
    async fn get_many(&self, ids: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        let values = self.ask("getMany", &[texts(ids)]).await?;
        let value = |value: JsValue| (!value.is_undefined()).then(|| bytes(&value));
        Ok(values.unchecked_into::<Array>().iter().map(value).collect())
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> StoreResult<()> {
        let (ids, values) = (Array::new(), Array::new());
        for (id, value) in entries {
            ids.push(&JsValue::from_str(id));
            values.push(&Uint8Array::from(value.as_slice()));
        }
        self.ask("setMany", &[ids.into(), values.into()]).await.map(drop)
    }

    async fn delete_many(&self, ids: &[String]) -> StoreResult<()> {
        self.ask("deleteMany", &[texts(ids)]).await.map(drop)
    }

    async fn all(&self) -> StoreResult<Vec<(String, Vec<u8>)>> {
        let both: Array = self.ask("all", &[]).await?.unchecked_into();
        let (ids, values): (Array, Array) = (both.get(0).unchecked_into(), both.get(1).unchecked_into());
        let mut entries = Vec::new();
        for at in 0..ids.length() {
            entries.push((ids.get(at).as_string().unwrap_or_default(), bytes(&values.get(at))));
        }
        Ok(entries)
    }

    async fn replace(&self, id: &str, old: Option<&[u8]>, new: &[u8]) -> StoreResult<Option<Vec<u8>>> {
        let old = old.map_or(JsValue::UNDEFINED, |old| Uint8Array::from(old).into());
        let standing = self.ask("replace", &[id.into(), old, Uint8Array::from(new).into()]).await?;
        Ok((!standing.is_undefined()).then(|| bytes(&standing)))
    }

    async fn clear(&self) -> StoreResult<()> {
        self.ask("clear", &[]).await.map(drop)
    }

    /// A store that had to be made, although this page or the marker of an earlier one knows of it, was wiped.
    fn wipes(&self) -> u32 {
        if let Some(created) = self.store.created() {
            let newly = created.saturating_sub(self.created.replace(created));
            let wipes = match self.marker.first_read() {
                Some(known) => {
                    self.told.set(known.unwrap_or(0));
                    known.map_or(newly.saturating_sub(1), |known| known + newly)
                }
                None => self.wipes.get() + newly,
            };
            self.wipes.set(wipes);
            self.marker.write(wipes);
        }
        self.wipes.get()
    }

    fn was_wiped(&self) -> bool {
        let wipes = self.wipes();
        self.told.replace(wipes) < wipes
    }

    fn close(&self) {
        self.store.close();
    }
}
