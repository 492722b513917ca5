//! Many messages in one crossing of the boundary.

use js_sys::Array;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::JsResult;
use crate::{
    backend::Outcome,
    encoding::Context,
    error::{Code, Error, Result},
    message, secret,
};

const LAYOUT: Error = Error::new(&(Code::InvalidArgument, "a batch and its layout don't fit"));

/// A batch of messages that are begun: to be finished here, or by a worker.
#[wasm_bindgen(js_name = CoreBatch)]
pub struct CoreBatch {
    begun: Vec<u8>,
    finished: Vec<u8>,
    errors: Array,
}

impl CoreBatch {
    pub(super) const fn new(begun: Vec<u8>, errors: Array) -> Self {
        Self { begun, finished: Vec::new(), errors }
    }

    /// Begins to open each of these, the first being number 0.
    pub(super) fn open(
        items: Packed<'_>,
        mut begin: impl FnMut(u32, &mut Vec<u8>, &[u8], &Context) -> Outcome<()>,
    ) -> Result<Self> {
        let errors = Array::new();
        let mut begun = secret::reserve(items.packed.len())?;
        for (index, item) in (0..).zip(items) {
            let begun = match item {
                Err(error) if error == LAYOUT => return Err(error),
                Err(error) => Err(error.into()),
                Ok((sealed, context)) => begin(index, &mut begun, sealed, &context),
            };
            if let Err(failure) = begun {
                errors.set(index, failure.into());
            }
        }
        Ok(Self::new(begun, errors))
    }
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
pub(super) struct Packed<'a> {
    pub(super) packed: &'a [u8],
    pub(super) texts: &'a [u8],
    pub(super) layout: &'a [u32],
}

impl<'a> Packed<'a> {
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

impl<'a> Iterator for Packed<'a> {
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
