//! Long messages, piece by piece, so that neither the memory nor one task grows with them.

use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::wasm_bindgen;

use super::{
    convert::{context, padding, whole},
    data_key::CoreDataKey,
    error::JsResult,
    random::with_random,
};
use crate::{
    cobblestone::{self, SEALED_CHUNK},
    error::{Code, Error, Result},
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

/// Buffers that a long message passes through, kept from piece to piece. The allocator wipes them in the end.
#[derive(Default)]
struct Passage {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl core::fmt::Debug for Passage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Passage(redacted)")
    }
}

impl Passage {
    /// Takes a piece in, has it worked on, puts at the beginning of `out` what came of it, and says how many bytes that were. `more`: by how much
    /// that may be longer than the piece.
    fn pass(
        &mut self,
        piece: &Uint8Array,
        out: &Uint8Array,
        more: usize,
        work: impl FnOnce(&[u8], &mut Vec<u8>) -> Result<()>,
    ) -> Result<u32> {
        const FULL: Error = Error::new(Code::InvalidArgument, "the result doesn't fit");
        let len = piece.length() as usize;
        if len > self.input.len() {
            secret::make_room(&mut self.input, len)?;
            self.input.resize(len, 0);
        }
        let (input, _) = self.input.split_at_mut(len);
        piece.copy_to(input);
        secret::make_room(&mut self.output, len + more)?;
        work(input, &mut self.output)?;
        let written = u32::try_from(self.output.len()).map_err(|_| FULL)?;
        if written > out.length() {
            return Err(FULL);
        }
        out.subarray(0, written).copy_from(&self.output);
        Ok(written)
    }
}

/// Makes one message.
#[wasm_bindgen(js_name = CoreSealer)]
#[derive(Debug)]
pub struct CoreSealer {
    sealer: Option<Sealer>,
    start: Vec<u8>,
    passage: Passage,
}

#[wasm_bindgen(js_class = CoreSealer)]
impl CoreSealer {
    /// Begins a message.
    #[wasm_bindgen(constructor)]
    pub fn new(key: &CoreDataKey, entries: Option<Vec<String>>, padded: bool) -> JsResult<CoreSealer> {
        let context = context(entries)?;
        let mut start = Vec::new();
        let sealer = with_random(|rng| Sealer::new(&key.0, rng, &context, padding(padded), &mut start))?;
        Ok(Self { sealer: Some(sealer), start, passage: Passage::default() })
    }

    /// Takes data, puts what is sealed of the message into `out`, and gives its length.
    pub fn update(&mut self, data: &Uint8Array, out: &Uint8Array) -> JsResult<u32> {
        let Self { sealer, start, passage } = self;
        let sealer = sealer.as_mut().ok_or(ENDED)?;
        let more = start.len() + (data.length() as usize / cobblestone::CHUNK + 2) * 32;
        Ok(passage.pass(data, out, more, |data, out| {
            out.append(start);
            sealer.update(data, out)
        })?)
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
    passage: Passage,
}

#[wasm_bindgen(js_class = CoreOpener)]
impl CoreOpener {
    /// Reads the beginning of a message: at least `messageStart()` bytes, or all.
    #[wasm_bindgen(constructor)]
    pub fn new(key: &CoreDataKey, start: &[u8], entries: Option<Vec<String>>) -> JsResult<CoreOpener> {
        let key = Rc::clone(&key.0);
        let (opener, taken) = Opener::start(&key, start, &context(entries)?)?;
        Ok(Self { opener: Some(opener), taken, passage: Passage::default() })
    }

    /// How many bytes of the message that was.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Takes more of the message, puts the data that is verified into `out`, and gives its length.
    pub fn update(&mut self, piece: &Uint8Array, out: &Uint8Array) -> JsResult<u32> {
        let opener = self.opener.as_mut().ok_or(ENDED)?;
        Ok(self.passage.pass(piece, out, SEALED_CHUNK, |piece, out| opener.update(piece, out))?)
    }

    /// Gives the rest of the data.
    pub fn finish(&mut self) -> JsResult<Vec<u8>> {
        let mut out = secret::reserve(SEALED_CHUNK)?;
        self.opener.take().ok_or(ENDED)?.end(&mut out)?;
        Ok(out)
    }
}
