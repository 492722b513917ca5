//! `wrapKey`, recipient by recipient, and `unwrapKey`.

use std::rc::Rc;

use wasm_bindgen::prelude::wasm_bindgen;

use super::{
    convert::context,
    data_key::CoreDataKey,
    error::JsResult,
    key_pair::{CoreKeyPair, CorePublicKey},
    random::with_random,
    scrubbed,
};
use crate::{
    data_key::DataKey,
    error::{Code, Error},
    wrap::{self, Unwrapping, Wrapper},
};

/// Wraps one data key.
#[wasm_bindgen(js_name = CoreWrapper)]
#[derive(Debug)]
pub struct CoreWrapper {
    key: Rc<DataKey>,
    wrapper: Option<Wrapper>,
}

#[wasm_bindgen(js_class = CoreWrapper)]
impl CoreWrapper {
    /// Begins a wrap set.
    #[wasm_bindgen(constructor)]
    pub fn new(key: &CoreDataKey, entries: Option<Vec<String>>, allow_legacy: bool) -> JsResult<CoreWrapper> {
        let wrapper = Some(Wrapper::new(&key.0, &context(entries)?, allow_legacy));
        Ok(Self { key: Rc::clone(&key.0), wrapper })
    }

    /// Adds a recipient.
    pub fn add(&mut self, recipient: &CorePublicKey) -> JsResult<()> {
        let Self { key, wrapper: Some(wrapper) } = self else { return Err(ENDED.into()) };
        Ok(with_random(|rng| wrapper.add(key, rng, &recipient.0))?)
    }

    /// The wrap set.
    pub fn finish(&mut self) -> JsResult<Vec<u8>> {
        Ok(self.wrapper.take().ok_or(ENDED)?.finish()?)
    }
}

const ENDED: Error = Error::new(&(Code::InvalidArgument, "the wrap set is finished"));

/// Opens the stanza of this key pair, at once.
#[wasm_bindgen(js_name = unwrapKey)]
pub fn unwrap_key(wrapped: &[u8], pair: &CoreKeyPair, entries: Option<Vec<String>>) -> JsResult<CoreDataKey> {
    let context = context(entries)?;
    let key = with_random(|rng| wrap::unwrap_key(wrapped, rng, &pair.0, &context))?;
    Ok(CoreDataKey(Rc::new(key)))
}

/// A wrap set of which one stanza is being opened; the private operation may be another engine's.
#[wasm_bindgen]
#[derive(Debug)]
pub struct CoreUnwrapping(Option<Unwrapping>);

#[wasm_bindgen]
impl CoreUnwrapping {
    /// Finds the stanza of this key pair.
    #[wasm_bindgen(constructor)]
    pub fn new(wrapped: &[u8], pair: &CoreKeyPair, entries: Option<Vec<String>>) -> JsResult<CoreUnwrapping> {
        Ok(Self(Some(Unwrapping::begin(wrapped, pair.0.public_key(), &context(entries)?)?)))
    }

    /// OAEP's label.
    pub fn label(&self) -> Vec<u8> {
        self.0.as_ref().map(|unwrapping| unwrapping.label().to_vec()).unwrap_or_default()
    }

    /// The ciphertext.
    pub fn body(&self) -> Vec<u8> {
        self.0.as_ref().map(|unwrapping| unwrapping.body().to_vec()).unwrap_or_default()
    }

    /// Takes what was opened.
    pub fn finish(&mut self, opened: &[u8]) -> JsResult<CoreDataKey> {
        let unwrapping = self.0.take().ok_or(UNWRAPPED)?;
        scrubbed(|| Ok(CoreDataKey(Rc::new(unwrapping.finish(opened)?))))
    }
}

const UNWRAPPED: Error = Error::new(&(Code::InvalidArgument, "the stanza was opened already"));
