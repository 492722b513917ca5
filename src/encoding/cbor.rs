//! Deterministic CBOR: RFC 8949 section 4.2.1.

use minicbor::{Decoder, Encoder};

use super::MALFORMED;
use crate::error::Result;

/// Writes CBOR into a vector; that cannot fail.
pub struct Writer(Encoder<Vec<u8>>);

pub(crate) fn encode(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    encode_into(Vec::new(), write)
}

/// Writes after what stands in `start`.
pub(crate) fn encode_into(start: Vec<u8>, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer(Encoder::new(start));
    write(&mut writer);
    writer.0.into_writer()
}

impl Writer {
    pub(crate) fn uint(&mut self, value: u64) {
        self.0.u64(value).ok();
    }
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.0.bytes(value).ok();
    }
    pub(crate) fn text(&mut self, value: &str) {
        self.0.str(value).ok();
    }
    pub(crate) fn array(&mut self, len: usize) {
        self.0.array(len as u64).ok();
    }
    pub(crate) fn map(&mut self, len: usize) {
        self.0.map(len as u64).ok();
    }
    pub(crate) fn bytes_or_null(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bytes(value),
            None => self.null(),
        }
    }
    pub(crate) fn text_or_null(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }
    pub(crate) fn null(&mut self) {
        self.0.null().ok();
    }
    /// CBOR that is encoded already.
    pub(crate) fn raw(&mut self, encoded: &[u8]) {
        self.0.writer_mut().extend_from_slice(encoded);
    }
}

/// Reads CBOR. What it lets pass need not be canonical: the object's decoder compares with its own encoding.
pub struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Decoder::new(bytes))
    }
    pub(crate) fn uint(&mut self) -> Result<u64> {
        self.0.u64().map_err(|_| MALFORMED)
    }
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        self.0.bytes().map_err(|_| MALFORMED)
    }
    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes()?.try_into().map_err(|_| MALFORMED)
    }
    pub(crate) fn text(&mut self) -> Result<&'a str> {
        self.0.str().map_err(|_| MALFORMED)
    }
    /// Is the next item a text?
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.0.datatype(), Ok(minicbor::data::Type::String))
    }
    pub(crate) fn array(&mut self) -> Result<u64> {
        self.0.array().ok().flatten().ok_or(MALFORMED)
    }
    /// An array of exactly this length.
    pub(crate) fn array_of(&mut self, len: u64) -> Result<()> {
        if self.array()? == len { Ok(()) } else { Err(MALFORMED) }
    }
    /// An array of as many as there are.
    pub(crate) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.array()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }
    pub(crate) fn map(&mut self) -> Result<u64> {
        self.0.map().ok().flatten().ok_or(MALFORMED)
    }
    /// A map of exactly this length.
    pub(crate) fn map_of(&mut self, len: u64) -> Result<()> {
        if self.map()? == len { Ok(()) } else { Err(MALFORMED) }
    }
    /// The next key of a map, which must be this one.
    pub(crate) fn key(&mut self, key: u64) -> Result<()> {
        if self.uint()? == key { Ok(()) } else { Err(MALFORMED) }
    }
    pub(crate) fn null_or<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        if self.0.datatype().map_err(|_| MALFORMED)? == minicbor::data::Type::Null {
            self.0.null().map_err(|_| MALFORMED)?;
            return Ok(None);
        }
        read(self).map(Some)
    }
}
