//! Opening a message, at once or piece by piece. Nothing comes out that was not verified.

use super::{
    Header, body_context,
    leaf::{Leaf, LeafHasher},
    padding::Unpadder,
};
use crate::{
    cobblestone::{self, Chunks, Derived, PREFIX, SEALED_CHUNK, TAG, TRUNCATED},
    data_key::DataKey,
    encoding::Context,
    error::{Code, Error, Result},
    secret,
};

/// Decrypts a message, as the holder of its key: a trailer is passed over, and says nothing of the author here.
///
/// # Errors
/// `invalid-format`, `unsupported-version`, `truncated`, `decryption-failed`, `limit`. Nothing comes out then.
pub fn open(key: &DataKey, message: &[u8], context: &Context) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    open_onto(&mut data, key, message, context)?;
    Ok(data)
}

/// Decrypts a message as [`open`] does, and appends the data.
///
/// # Errors
/// As [`open`]; nothing is appended then.
pub fn open_onto(out: &mut Vec<u8>, key: &DataKey, message: &[u8], context: &Context) -> Result<()> {
    let (header, rest) = Header::parse(message)?;
    Whole::split(message, header, rest)?.open_onto(out, key, context, false).map(|_| ())
}

/// A message that is whole.
pub(crate) struct Whole<'m> {
    pub(crate) header: Header,
    header_bytes: &'m [u8],
    prefix: &'m [u8; PREFIX],
    pub(super) chunks: &'m [u8],
    pub(crate) trailer: &'m [u8],
    plaintext: usize,
}

impl<'m> Whole<'m> {
    /// `rest`: what follows the header.
    ///
    /// # Errors
    /// `truncated`, `limit`.
    pub(crate) fn split(message: &'m [u8], header: Header, rest: &'m [u8]) -> Result<Self> {
        let (header_bytes, _) = message.split_at(message.len() - rest.len());
        let body = rest.len().checked_sub(header.trailer_len()).ok_or(TRUNCATED)?;
        let (body, trailer) = rest.split_at(body);
        let plaintext = usize::try_from(cobblestone::opened_len(body.len() as u64)?).map_err(|_| TRUNCATED)?;
        let (prefix, chunks) = body.split_first_chunk().ok_or(TRUNCATED)?;
        Ok(Self { header, header_bytes, prefix, chunks, trailer, plaintext })
    }

    /// Its keys.
    pub(super) fn derive(&self, key: &DataKey, context: &Context) -> Result<Derived> {
        Derived::verified(key.expander(), self.prefix, &body_context(self.header_bytes, context))
    }

    /// What precedes the first chunk.
    pub(super) fn start(&self) -> Vec<u8> {
        [self.header_bytes, self.prefix].concat()
    }

    /// The data, and the leaf of a signed message.
    pub(crate) fn open(&self, key: &DataKey, context: &Context) -> Result<(Vec<u8>, Option<Leaf>)> {
        let mut data = Vec::new();
        let leaf = self.open_onto(&mut data, key, context, self.header.signed_by().is_some())?;
        Ok((data, leaf))
    }

    fn open_onto(&self, out: &mut Vec<u8>, key: &DataKey, context: &Context, hashed: bool) -> Result<Option<Leaf>> {
        out.try_reserve_exact(self.plaintext).map_err(|_| Error::new(&(Code::Limit, "not enough memory")))?;
        let chunks = self.derive(key, context)?.chunks();
        Opener::resume(chunks, self.header.padded, hashed.then(|| LeafHasher::new(&self.start())))
            .finish(self.chunks, out)
    }
}

/// Reads what precedes the first chunk, verifies it, and says how many bytes that were.
pub(super) fn begin(key: &DataKey, message: &[u8], context: &Context) -> Result<(Header, Derived, usize)> {
    let (header, body) = Header::parse(message)?;
    let prefix = body.first_chunk::<PREFIX>().ok_or(TRUNCATED)?;
    let (header_bytes, _) = message.split_at(message.len() - body.len());
    let derived = Derived::verified(key.expander(), prefix, &body_context(header_bytes, context))?;
    Ok((header, derived, header_bytes.len() + PREFIX))
}

/// Opens a message piece by piece. After an error it gives the same error again.
pub struct Opener {
    chunks: Chunks,
    next: u64,
    hasher: Option<LeafHasher>,
    unpadder: Option<Unpadder>,
    trailer: usize,
    pending: Vec<u8>,
    failed: Option<Error>,
}

impl core::fmt::Debug for Opener {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Opener(..)")
    }
}

impl Opener {
    /// Reads what precedes the first chunk from the beginning of the message, and says how many bytes that were. `message` has at least
    /// [`super::MAX_HEADER`] + 56 bytes, or is whole.
    ///
    /// # Errors
    /// `invalid-format`, `unsupported-version`, `truncated`, `decryption-failed`.
    pub fn start(key: &DataKey, message: &[u8], context: &Context) -> Result<(Self, usize)> {
        let (header, derived, taken) = begin(key, message, context)?;
        let mut opener = Self::resume(derived.chunks(), header.padded, None);
        opener.trailer = header.trailer_len();
        Ok((opener, taken))
    }

    /// A message whose first bytes are read, without its trailer.
    pub(super) fn resume(chunks: Chunks, padded: bool, hasher: Option<LeafHasher>) -> Self {
        let unpadder = padded.then(Unpadder::default);
        Self { chunks, next: 0, hasher, unpadder, trailer: 0, pending: Vec::new(), failed: None }
    }

    /// Takes more of the message, and appends the data that is verified.
    ///
    /// # Errors
    /// `decryption-failed`, `limit`; nothing is appended then.
    pub fn update(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.guard(out, |this, out| this.take(piece, out))
    }

    /// Takes the end of the message, appends the rest of the data, and gives the leaf where it is wanted.
    ///
    /// # Errors
    /// `truncated`, `decryption-failed`, `limit`; nothing is appended then.
    pub(super) fn finish(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Option<Leaf>> {
        self.guard(out, |this, out| {
            if this.pending.is_empty() {
                // Nothing is left over from before: the end needs no place of its own.
                let end = this.whole_chunks(piece, out)?;
                return this.last(end, out);
            }
            this.take(piece, out)?;
            let end = core::mem::take(&mut this.pending);
            this.last(&end, out)
        })
    }

    /// Appends the rest of the data.
    ///
    /// # Errors
    /// `truncated`, `decryption-failed`, `limit`; nothing is appended then.
    pub fn end(mut self, out: &mut Vec<u8>) -> Result<()> {
        self.finish(&[], out).map(|_| ())
    }

    /// Poisons the opener at the first error, and wipes what the failing call wrote.
    fn guard<T>(&mut self, out: &mut Vec<u8>, step: impl FnOnce(&mut Self, &mut Vec<u8>) -> Result<T>) -> Result<T> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let start = out.len();
        let result = step(self, out);
        if let Err(error) = result {
            self.failed = Some(error);
            secret::wipe_from(out, start);
        }
        result
    }

    /// A whole chunk is never the last one; the trailer's bytes are held back.
    fn take(&mut self, mut piece: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let enough = SEALED_CHUNK + self.trailer;
        while !self.pending.is_empty() {
            let (head, rest) = piece.split_at(piece.len().min(enough - self.pending.len()));
            self.pending.extend_from_slice(head);
            piece = rest;
            if self.pending.len() < enough {
                return Ok(());
            }
            let mut pending = core::mem::take(&mut self.pending);
            let (chunk, _) = pending.split_at(SEALED_CHUNK);
            self.chunk(chunk, out)?;
            pending.drain(..SEALED_CHUNK);
            self.pending = pending;
        }
        let rest = self.whole_chunks(piece, out)?;
        if !rest.is_empty() {
            self.pending.reserve_exact(enough);
            self.pending.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Opens the chunks that aren't the last for sure, and gives the rest.
    fn whole_chunks<'a>(&mut self, mut piece: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8]> {
        while piece.len() >= SEALED_CHUNK + self.trailer {
            let (chunk, rest) = piece.split_at(SEALED_CHUNK);
            self.chunk(chunk, out)?;
            piece = rest;
        }
        Ok(piece)
    }

    fn chunk(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        self.chunks.open_onto(self.next, out, sealed)?;
        self.next += 1;
        if let Some(hasher) = &mut self.hasher {
            hasher.chunk(sealed);
        }
        if let Some(unpadder) = &mut self.unpadder {
            unpadder.pass(out, start)?;
        }
        Ok(())
    }

    fn last(&mut self, end: &[u8], out: &mut Vec<u8>) -> Result<Option<Leaf>> {
        let chunk = end.len().checked_sub(self.trailer).ok_or(TRUNCATED)?;
        let (chunk, _) = end.split_at(chunk);
        if chunk.len() < TAG {
            return Err(TRUNCATED);
        }
        self.chunk(chunk, out)?;
        if let Some(unpadder) = self.unpadder.take() {
            unpadder.finish(out)?;
        }
        Ok(self.hasher.take().map(LeafHasher::finish))
    }
}
