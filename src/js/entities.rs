//! Entities of an application: JSON as text in and out.

use core::slice;

use js_sys::{Array, Function, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use super::{
    client::CoreClient,
    error::{JsResult, about},
    task::{CoreTask, nothing},
};
use crate::{
    backend::Outcome,
    client::Recipient,
    delegation::{Manifest, Pair},
    encoding::MALFORMED,
};

fn recipients(ids: &[String]) -> JsResult<Vec<Recipient>> {
    ids.iter().map(|id| Recipient::named(id).map_err(|error| about(error, id))).collect()
}

fn manifest(paths: &[String]) -> JsResult<Manifest> {
    let manifest = |paths: &[String]| Manifest::new(paths.iter().map(String::as_str));
    manifest(paths).map_err(|error| {
        let bad = paths.iter().find(|path| manifest(slice::from_ref(path)).is_err());
        bad.map_or_else(|| error.into(), |path| about(error, path))
    })
}

fn texts(texts: Vec<String>) -> JsValue {
    texts.into_iter().map(JsValue::from).collect::<Array>().into()
}

#[wasm_bindgen(js_class = CoreClient)]
impl CoreClient {
    /// For the own user and these others.
    #[wasm_bindgen(js_name = encryptEntity)]
    pub fn encrypt_entity(
        &self,
        entity_type: String,
        entity: String,
        paths: Vec<String>,
        parent: Option<String>,
        others: Vec<String>,
    ) -> JsResult<CoreTask> {
        let (manifest, others) = (manifest(&paths)?, recipients(&others)?);
        Ok(self.task(async move |client| {
            let of = (entity_type.as_str(), entity.as_str());
            Ok(client.encrypt_entity(of, &manifest, parent.as_deref(), &others).await?.into())
        }))
    }

    /// What was sealed is put back.
    #[wasm_bindgen(js_name = decryptEntity)]
    pub fn decrypt_entity(&self, entity: String) -> CoreTask {
        self.task(async move |client| Ok(client.decrypt_entity(&entity).await?.into()))
    }

    /// Of each text, as UTF-8, `put` is told the place and what came of it, or why not: one after the other is copied here. `lists`: the texts of each entity's pairs, with line feeds
    /// between them, what several have in common once.
    #[wasm_bindgen(js_name = decryptEntities)]
    pub fn decrypt_entities(&self, texts: Array, lists: Vec<String>, put: Function) -> CoreTask {
        let pairs = lists.iter().map(|list| list.split('\n').filter_map(|pair| Pair::parse(pair).ok()).collect());
        let pairs: Vec<Vec<Pair>> = pairs.collect();
        self.task(async move |client| {
            let index = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
            let text = |place: usize| {
                let text: Uint8Array = texts.get(index(place)).unchecked_into();
                String::from_utf8(text.to_vec()).map_err(|_| MALFORMED)
            };
            let put = |place: usize, one: Outcome<String>| {
                let one = one.map_or_else(JsValue::from, JsValue::from);
                // It only takes it.
                put.call2(&JsValue::UNDEFINED, &index(place).into(), &one).ok();
            };
            nothing(client.decrypt_entities(texts.length() as usize, pairs, text, put).await)
        })
    }

    /// Under the same key, for the same readers.
    #[wasm_bindgen(js_name = updateEntity)]
    pub fn update_entity(&self, previous: String, entity: String, paths: Vec<String>) -> JsResult<CoreTask> {
        let manifest = manifest(&paths)?;
        Ok(self.task(async move |client| Ok(client.update_entity(&previous, &entity, &manifest).await?.into())))
    }

    /// For these others, too.
    #[wasm_bindgen(js_name = shareEntity)]
    pub fn share_entity(&self, entity: String, others: Vec<String>) -> JsResult<CoreTask> {
        let others = recipients(&others)?;
        Ok(self.task(async move |client| Ok(client.share_entity(&entity, &others).await?.into())))
    }

    /// By which its children are found.
    #[wasm_bindgen(js_name = secretForeignKeys)]
    pub fn secret_foreign_keys(&self, parent: String) -> CoreTask {
        self.task(async move |client| Ok(texts(client.secret_foreign_keys(&parent).await?)))
    }

    /// Ids of its parents.
    #[wasm_bindgen(js_name = parentIds)]
    pub fn parent_ids(&self, child: String) -> CoreTask {
        self.task(async move |client| Ok(texts(client.parent_ids(&child).await?)))
    }
}
