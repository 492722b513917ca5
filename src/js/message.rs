//! Long messages, some chunks at a time, so that neither the memory nor one task grows with them.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::wasm_bindgen;

use super::{
    convert::{context, padding, whole},
    data_key::CoreDataKey,
    error::JsResult,
    random::with_random,
};
use crate::{
    cobblestone::{self, CHUNK, TAG},
    error::{Code, Error, Result},
    message::{self, Body, Header, LeafHasher, MAX_HEADER, chunk_hashes},
    secret,
};

/// Bytes that an opener wants of the beginning of a message.
#[wasm_bindgen(js_name = messageStart)]
#[must_use]
pub fn message_start() -> usize {
    MAX_HEADER + cobblestone::PREFIX
}

/// Length of the plaintext, with its padding, for so many bytes of data.
#[wasm_bindgen(js_name = plaintextLength)]
pub fn plaintext_length(data: f64, padded: bool) -> JsResult<f64> {
    let data = whole(data)?;
    Ok(number(if padded { message::padded_len(data)? } else { data }))
}

/// Length of what follows the start of a message, for so many bytes of plaintext.
#[wasm_bindgen(js_name = chunksLength)]
pub fn chunks_length(plaintext: f64) -> JsResult<f64> {
    Ok(number(cobblestone::sealed_len(whole(plaintext)?)? - cobblestone::PREFIX as u64))
}

#[allow(clippy::cast_precision_loss, reason = "lengths of JavaScript are below 2^53")]
const fn number(length: u64) -> f64 {
    length as f64
}

/// What the beginning of a message says of its shape: bytes before the first chunk, bytes after the last, 1 if the plaintext is padded. Takes at
/// least `messageStart()` bytes, or all.
#[wasm_bindgen(js_name = messageShape)]
pub fn message_shape(start: &[u8]) -> JsResult<Vec<u32>> {
    let (header, rest) = Header::parse(start)?;
    if rest.len() < cobblestone::PREFIX {
        return Err(cobblestone::TRUNCATED.into());
    }
    let before = start.len() - rest.len() + cobblestone::PREFIX;
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(vec![small(before), small(header.trailer_len()), u32::from(header.padded)])
}

/// Length of the plaintext in chunks of this length.
#[wasm_bindgen(js_name = plaintextIn)]
pub fn plaintext_in(chunks: f64) -> JsResult<f64> {
    if chunks < 0.0 {
        return Err(cobblestone::TRUNCATED.into());
    }
    Ok(number(cobblestone::opened_len(whole(chunks)?.saturating_add(cobblestone::PREFIX as u64))?))
}

/// The chunks of one message, by the WebAssembly engine.
#[wasm_bindgen(js_name = CoreBody)]
pub struct CoreBody {
    body: Body,
    start: Vec<u8>,
    /// Where pieces pass through; kept from call to call. The allocator wipes them in the end.
    input: Vec<u8>,
    output: Vec<u8>,
}

impl CoreBody {
    pub(super) const fn new(body: Body, start: Vec<u8>) -> Self {
        Self { body, start, input: Vec::new(), output: Vec::new() }
    }
}

impl core::fmt::Debug for CoreBody {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.body.fmt(f)
    }
}

#[wasm_bindgen(js_class = CoreBody)]
impl CoreBody {
    /// Begins a message.
    pub fn seal(key: &CoreDataKey, entries: Option<Vec<String>>, padded: bool) -> JsResult<CoreBody> {
        let context = context(entries)?;
        let (body, start) = with_random(|rng| Body::seal(&key.0, rng, &context, padding(padded)))?;
        Ok(Self::new(body, start))
    }

    /// Reads the beginning of a message: at least `messageStart()` bytes, or all.
    pub fn open(key: &CoreDataKey, start: &[u8], entries: Option<Vec<String>>) -> JsResult<CoreBody> {
        let (body, _) = Body::open(&key.0, start, &context(entries)?)?;
        Ok(Self::new(body, Vec::new()))
    }

    /// What precedes the first chunk of a new message.
    pub fn start(&self) -> Vec<u8> {
        self.start.clone()
    }

    /// Puts the chunks of this plaintext into `out`, which has their length, and the SHA-256 of each into `hashes`, where they are wanted.
    #[wasm_bindgen(js_name = sealChunks)]
    pub fn seal_chunks(
        &mut self,
        first: f64,
        plaintext: &Uint8Array,
        out: &Uint8Array,
        hashes: Option<Uint8Array>,
    ) -> JsResult<()> {
        let first = whole(first)?;
        let more = (plaintext.length() as usize / CHUNK + 1) * TAG;
        self.pass(plaintext, out, more, |body, input, output| body.chunks().seal(first, input, output))?;
        Ok(put(hashes, || chunk_hashes(&self.output))?)
    }

    /// Puts the plaintext of these chunks into `out`, which has its length, and the SHA-256 of each chunk into `hashes`, where they are wanted.
    #[wasm_bindgen(js_name = openChunks)]
    pub fn open_chunks(
        &mut self,
        first: f64,
        sealed: &Uint8Array,
        out: &Uint8Array,
        hashes: Option<Uint8Array>,
    ) -> JsResult<()> {
        let first = whole(first)?;
        self.pass(sealed, out, 0, |body, input, output| body.chunks().open(first, input, output))?;
        let sealed = self.input.get(..sealed.length() as usize).unwrap_or_default();
        Ok(put(hashes, || chunk_hashes(sealed))?)
    }

    /// AES key ‖ base nonce, for WebCrypto or a worker.
    #[wasm_bindgen(js_name = exportAes)]
    pub fn export_aes(&self) -> Vec<u8> {
        self.body.dangerously_expose_aes().to_vec()
    }

    fn pass(
        &mut self,
        piece: &Uint8Array,
        out: &Uint8Array,
        more: usize,
        work: impl FnOnce(&Body, &[u8], &mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let len = piece.length() as usize;
        if len > self.input.len() {
            secret::make_room(&mut self.input, len)?;
            self.input.resize(len, 0);
        }
        let (input, _) = self.input.split_at_mut(len);
        piece.copy_to(input);
        secret::make_room(&mut self.output, len + more)?;
        work(&self.body, input, &mut self.output)?;
        copy(&self.output, out)
    }
}

fn put(out: Option<Uint8Array>, make: impl FnOnce() -> Vec<u8>) -> Result<()> {
    out.map_or(Ok(()), |out| copy(&make(), &out))
}

fn copy(bytes: &[u8], out: &Uint8Array) -> Result<()> {
    if bytes.len() != out.length() as usize {
        return Err(Error::new(&(Code::InvalidArgument, "the result has another length")));
    }
    out.copy_from(bytes);
    Ok(())
}

/// What an author signs of a message: made of its chunks' hashes, in their order.
#[wasm_bindgen(js_name = CoreLeaf)]
#[derive(Debug)]
pub struct CoreLeaf(LeafHasher);

#[wasm_bindgen(js_class = CoreLeaf)]
impl CoreLeaf {
    /// `start`: what precedes the first chunk.
    #[wasm_bindgen(constructor)]
    pub fn new(start: &[u8]) -> CoreLeaf {
        Self(LeafHasher::new(start))
    }

    /// The SHA-256 of each of the next chunks, joined.
    pub fn hashed(&mut self, hashes: &[u8]) {
        self.0.hashed(hashes);
    }

    /// After the last chunk.
    pub fn finish(&self) -> Vec<u8> {
        self.0.clone().finish().as_bytes().to_vec()
    }
}
