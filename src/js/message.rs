//! Long messages, piece by piece, so that neither the memory nor one task grows with them.

use std::rc::Rc;

use wasm_bindgen::prelude::wasm_bindgen;

use super::{
    convert::{context, padding, whole},
    data_key::CoreDataKey,
    error::JsResult,
    random::with_random,
};
use crate::{
    cobblestone::{self, SEALED_CHUNK},
    error::{Code, Error},
    message::{self, Header, MAX_HEADER, Opener, Sealer},
    secret,
};

const ENDED: Error = Error::new(Code::InvalidArgument, "the message has ended");

/// Bytes that an opener wants of the beginning of a message.
#[wasm_bindgen(js_name = messageStart)]
#[must_use]
pub fn message_start() -> usize {
    MAX_HEADER + cobblestone::PREFIX
}

/// Length of the message for so many bytes of data.
#[wasm_bindgen(js_name = sealedLength)]
pub fn sealed_length(key: &CoreDataKey, length: f64, padded: bool) -> JsResult<f64> {
    let header = Header { padded, key_id: key.0.id(), session: None };
    #[allow(clippy::cast_precision_loss, reason = "lengths of JavaScript are below 2^53")]
    Ok(message::sealed_len(&header, whole(length)?)? as f64)
}

/// Length of the plaintext, with its padding, of a message of this length that begins so.
#[wasm_bindgen(js_name = openedLength)]
pub fn opened_length(start: &[u8], length: f64) -> JsResult<f64> {
    const CUT: Error = Error::new(Code::Truncated, "the end is missing");
    let (header, rest) = Header::parse(start)?;
    let around = (start.len() - rest.len() + header.trailer_len()) as u64;
    let body = whole(length)?.checked_sub(around).ok_or(CUT)?;
    #[allow(clippy::cast_precision_loss, reason = "lengths of JavaScript are below 2^53")]
    Ok(cobblestone::opened_len(body)? as f64)
}

/// Makes one message.
#[wasm_bindgen(js_name = CoreSealer)]
#[derive(Debug)]
pub struct CoreSealer {
    sealer: Option<Sealer>,
    start: Vec<u8>,
}

#[wasm_bindgen(js_class = CoreSealer)]
impl CoreSealer {
    /// Begins a message.
    #[wasm_bindgen(constructor)]
    pub fn new(key: &CoreDataKey, entries: Option<Vec<String>>, padded: bool) -> JsResult<CoreSealer> {
        let context = context(entries)?;
        let mut start = Vec::new();
        let sealer = with_random(|rng| Sealer::new(&key.0, rng, &context, padding(padded), &mut start))?;
        Ok(Self { sealer: Some(sealer), start })
    }

    /// Takes data, gives what is sealed of the message.
    pub fn update(&mut self, data: &[u8]) -> JsResult<Vec<u8>> {
        let sealer = self.sealer.as_mut().ok_or(ENDED)?;
        let mut out = secret::reserve(self.start.len() + data.len() + (data.len() / cobblestone::CHUNK + 2) * 32)?;
        out.append(&mut self.start);
        sealer.update(data, &mut out)?;
        Ok(out)
    }

    /// Gives the rest of the message.
    pub fn finish(&mut self) -> JsResult<Vec<u8>> {
        let mut out = core::mem::take(&mut self.start);
        self.sealer.take().ok_or(ENDED)?.end(&mut out)?;
        Ok(out)
    }
}

/// Opens one message.
#[wasm_bindgen(js_name = CoreOpener)]
#[derive(Debug)]
pub struct CoreOpener {
    opener: Option<Opener>,
    taken: usize,
}

#[wasm_bindgen(js_class = CoreOpener)]
impl CoreOpener {
    /// Reads the beginning of a message: at least `messageStart()` bytes, or all.
    #[wasm_bindgen(constructor)]
    pub fn new(key: &CoreDataKey, start: &[u8], entries: Option<Vec<String>>) -> JsResult<CoreOpener> {
        let key = Rc::clone(&key.0);
        let (opener, taken) = Opener::start(&key, start, &context(entries)?)?;
        Ok(Self { opener: Some(opener), taken })
    }

    /// How many bytes of the message that was.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Takes more of the message, gives the data that is verified.
    pub fn update(&mut self, piece: &[u8]) -> JsResult<Vec<u8>> {
        let mut out = secret::reserve(piece.len() + SEALED_CHUNK)?;
        self.opener.as_mut().ok_or(ENDED)?.update(piece, &mut out)?;
        Ok(out)
    }

    /// Gives the rest of the data.
    pub fn finish(&mut self) -> JsResult<Vec<u8>> {
        let mut out = secret::reserve(SEALED_CHUNK)?;
        self.opener.take().ok_or(ENDED)?.end(&mut out)?;
        Ok(out)
    }
}
