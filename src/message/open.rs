//! Opening a message, at once or piece by piece. Nothing comes out that was not verified.

use super::{Header, author::Leaf, body_context, padding::Unpadder, seal::LeafHasher};
use crate::{
    cobblestone::{self, Chunks, Derived, PREFIX, SEALED_CHUNK, TAG},
    data_key::DataKey,
    encoding::Context,
    error::{Code, Error, Result},
    secret,
};

const CUT: Error = Error::new(Code::Truncated, "the end is missing");

/// The leaf and the trailer of a signed message.
pub(super) type Signed = (Leaf, Vec<u8>);

/// Decrypts a message, as the holder of its key: a trailer is passed over, and says nothing of the author here.
///
/// # Errors
/// `invalid-format`, `unsupported-version`, `truncated`, `decryption-failed`, `limit`. Nothing comes out then.
pub fn open(key: &DataKey, message: &[u8], context: &Context) -> Result<Vec<u8>> {
    open_whole(key, message, context).map(|(data, _)| data)
}

/// Decrypts a message as [`open`] does, and appends the data.
///
/// # Errors
/// As [`open`]; nothing is appended then.
pub fn open_onto(out: &mut Vec<u8>, key: &DataKey, message: &[u8], context: &Context) -> Result<()> {
    append(out, key, message, context).map(|_| ())
}

/// Data, and what is needed to verify the author.
pub(super) fn open_whole(key: &DataKey, message: &[u8], context: &Context) -> Result<(Vec<u8>, Option<Signed>)> {
    let mut data = Vec::new();
    let signed = append(&mut data, key, message, context)?;
    Ok((data, signed))
}

fn append(out: &mut Vec<u8>, key: &DataKey, message: &[u8], context: &Context) -> Result<Option<Signed>> {
    let (header, rest) = Header::parse(message)?;
    let body = rest.len().checked_sub(header.trailer_len()).ok_or(CUT)?;
    let len = usize::try_from(cobblestone::opened_len(body as u64)?).map_err(|_| CUT)?;
    out.try_reserve_exact(len).map_err(|_| Error::new(Code::Limit, "not enough memory"))?;
    let start = out.len();
    let (mut opener, taken) = Opener::start(key, message, context)?;
    let opened = opener.finish(message.get(taken..).unwrap_or_default(), out);
    if opened.is_err() {
        secret::wipe_from(out, start);
    }
    opened
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
        let (header, body) = Header::parse(message)?;
        let prefix = body.first_chunk::<PREFIX>().ok_or(CUT)?;
        let header_len = message.len() - body.len();
        let (header_bytes, _) = message.split_at(header_len);
        let chunks = Derived::verified(key.expander(), prefix, &body_context(header_bytes, context))?.chunks();
        let taken = header_len + PREFIX;
        let hasher = header.signed_by().map(|_| LeafHasher::new(message.get(..taken).unwrap_or_default()));
        let unpadder = header.padded.then(Unpadder::default);
        let trailer = header.trailer_len();
        Ok((Self { chunks, next: 0, hasher, unpadder, trailer, pending: Vec::new(), failed: None }, taken))
    }

    /// Takes more of the message, and appends the data that is verified.
    ///
    /// # Errors
    /// `decryption-failed`, `limit`; nothing is appended then.
    pub fn update(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.guard(out, |this, out| this.take(piece, out))
    }

    /// Takes the end of the message, appends the rest of the data, and gives the leaf and the trailer of a signed message.
    ///
    /// # Errors
    /// `truncated`, `decryption-failed`, `limit`; nothing is appended then.
    pub(super) fn finish(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Option<Signed>> {
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

    fn last(&mut self, end: &[u8], out: &mut Vec<u8>) -> Result<Option<Signed>> {
        let chunk = end.len().checked_sub(self.trailer).ok_or(CUT)?;
        let (chunk, trailer) = end.split_at(chunk);
        if chunk.len() < TAG {
            return Err(CUT);
        }
        self.chunk(chunk, out)?;
        if let Some(unpadder) = self.unpadder.take() {
            unpadder.finish(out)?;
        }
        Ok(self.hasher.take().map(|hasher| (hasher.finish(), trailer.to_vec())))
    }
}
