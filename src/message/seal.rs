//! Making a message, at once or piece by piece.

use rand_core::TryCryptoRng;

use super::{
    Header, InSession, Padding, body_context,
    leaf::{Leaf, LeafHasher},
    padding,
};
use crate::{
    cobblestone::{self, CHUNK, Chunks, Derived, SALT},
    data_key::DataKey,
    encoding::Context,
    error::{Code, Error, Result},
    random::Random,
    secret,
};

/// Encrypts `data` under `key`, bound to `context`.
///
/// # Errors
/// `rng`, `limit`.
pub fn seal<R: TryCryptoRng>(
    key: &DataKey,
    rng: &mut Random<R>,
    data: &[u8],
    context: &Context,
    padding: Padding,
) -> Result<Vec<u8>> {
    let mut salt = [0; SALT];
    rng.fill(&mut salt)?;
    let header = Header { padded: padding == Padding::Padme, key_id: key.id(), session: None };
    seal_with(key, &salt, &header, data, context).map(|(message, _)| message)
}

/// Encrypts `data` as an unsigned message of a session.
///
/// # Errors
/// `rng`, `limit`.
pub fn seal_in_session<R: TryCryptoRng>(
    key: &DataKey,
    rng: &mut Random<R>,
    session: [u8; 32],
    data: &[u8],
    context: &Context,
    padding: Padding,
) -> Result<Vec<u8>> {
    let mut salt = [0; SALT];
    rng.fill(&mut salt)?;
    let session = Some(InSession { id: session, signed_by: None });
    let header = Header { padded: padding == Padding::Padme, key_id: key.id(), session };
    seal_with(key, &salt, &header, data, context).map(|(message, _)| message)
}

/// Length of the message that [`seal`] makes of so much data.
///
/// # Errors
/// `limit`.
pub fn sealed_len(header: &Header, data: u64) -> Result<u64> {
    let plaintext = if header.padded { padding::padded_len(data)? } else { data };
    Ok(header.to_bytes().len() as u64 + cobblestone::sealed_len(plaintext)? + header.trailer_len() as u64)
}

/// One message, without its trailer, and the leaf that an author signs.
pub(super) fn seal_with(
    key: &DataKey,
    salt: &[u8; SALT],
    header: &Header,
    data: &[u8],
    context: &Context,
) -> Result<(Vec<u8>, Option<Leaf>)> {
    let mut message = reserve(sealed_len(header, data.len() as u64)?)?;
    let leaf = seal_onto(&mut message, key, salt, header, data, context)?;
    Ok((message, leaf))
}

fn seal_onto(
    out: &mut Vec<u8>,
    key: &DataKey,
    salt: &[u8; SALT],
    header: &Header,
    data: &[u8],
    context: &Context,
) -> Result<Option<Leaf>> {
    Sealer::start(key, salt, header, context, out).finish(data, out)
}

/// Writes what stands before the first chunk, and gives the keys of the chunks.
pub(super) fn begin(
    key: &DataKey,
    salt: &[u8; SALT],
    header: &Header,
    context: &Context,
    out: &mut Vec<u8>,
) -> Derived {
    let header_bytes = header.to_bytes();
    let derived = Derived::new(key.expander(), salt, &body_context(&header_bytes, context));
    out.extend_from_slice(&header_bytes);
    out.extend_from_slice(salt);
    out.extend_from_slice(derived.commitment());
    derived
}

fn reserve(len: u64) -> Result<Vec<u8>> {
    secret::reserve(usize::try_from(len).map_err(|_| Error::new(&(Code::Limit, "too long for the memory")))?)
}

/// Makes a message piece by piece. What comes out depends on the bytes alone, not on how they were cut.
pub struct Sealer {
    chunks: Chunks,
    next: u64,
    hasher: Option<LeafHasher>,
    padded: bool,
    len: u64,
    pending: Vec<u8>,
}

impl core::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Sealer({} bytes so far)", self.len)
    }
}

impl Sealer {
    /// Begins a message outside of any session, and writes its first bytes.
    ///
    /// # Errors
    /// `rng`.
    pub fn new<R: TryCryptoRng>(
        key: &DataKey,
        rng: &mut Random<R>,
        context: &Context,
        padding: Padding,
        out: &mut Vec<u8>,
    ) -> Result<Self> {
        let mut salt = [0; SALT];
        rng.fill(&mut salt)?;
        let header = Header { padded: padding == Padding::Padme, key_id: key.id(), session: None };
        Ok(Self::start(key, &salt, &header, context, out))
    }

    fn start(key: &DataKey, salt: &[u8; SALT], header: &Header, context: &Context, out: &mut Vec<u8>) -> Self {
        let start = out.len();
        let derived = begin(key, salt, header, context, out);
        let hasher = header.signed_by().map(|_| LeafHasher::new(out.get(start..).unwrap_or_default()));
        Self::resume(derived.chunks(), header.padded, hasher)
    }

    /// A message whose first bytes are written.
    pub(super) const fn resume(chunks: Chunks, padded: bool, hasher: Option<LeafHasher>) -> Self {
        Self { chunks, next: 0, hasher, padded, len: 0, pending: Vec::new() }
    }

    /// Takes more data, and appends the chunks that are complete.
    ///
    /// # Errors
    /// `limit`.
    pub fn update(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.len += data.len() as u64;
        self.push(data, out)
    }

    fn push(&mut self, mut data: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if !self.pending.is_empty() {
            let (head, rest) = data.split_at(data.len().min(CHUNK - self.pending.len()));
            self.pending.extend_from_slice(head);
            data = rest;
            if self.pending.len() < CHUNK {
                return Ok(());
            }
            let mut pending = core::mem::take(&mut self.pending);
            let sealed = self.chunk(&pending, out);
            pending.clear();
            self.pending = pending;
            sealed?;
        }
        let rest = self.whole_chunks(data, out)?;
        if !rest.is_empty() {
            self.pending.reserve_exact(CHUNK);
            self.pending.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Seals what fills chunks, and gives the rest.
    fn whole_chunks<'a>(&mut self, mut data: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8]> {
        while let Some((chunk, rest)) = data.split_at_checked(CHUNK) {
            self.chunk(chunk, out)?;
            data = rest;
        }
        Ok(data)
    }

    fn chunk(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        self.chunks.seal_onto(self.next, out, plaintext)?;
        self.next += 1;
        if let Some(hasher) = &mut self.hasher {
            hasher.chunk(out.get(start..).unwrap_or_default());
        }
        Ok(())
    }

    /// Takes the last of the data, appends the end of the body, and gives the leaf where it is wanted.
    ///
    /// # Errors
    /// `limit`.
    pub(super) fn finish(mut self, data: &[u8], out: &mut Vec<u8>) -> Result<Option<Leaf>> {
        self.len += data.len() as u64;
        if self.pending.is_empty() && !self.padded {
            // Nothing is left over from before or to come: the rest needs no place of its own.
            let rest = self.whole_chunks(data, out)?;
            self.chunk(rest, out)?;
        } else {
            self.push(data, out)?;
            if self.padded {
                self.pad(out)?;
            }
            let pending = secret::SecretBytes::new(core::mem::take(&mut self.pending));
            self.chunk(pending.expose(), out)?;
        }
        Ok(self.hasher.take().map(LeafHasher::finish))
    }

    fn pad(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let (mut zeros, length) = padding::tail(self.len)?;
        while zeros > 0 {
            let some = zeros.min(CHUNK as u64);
            self.push([0; CHUNK].get(..usize::try_from(some).unwrap_or(0)).unwrap_or_default(), out)?;
            zeros -= some;
        }
        self.push(&length, out)
    }

    /// Appends the end of the message.
    ///
    /// # Errors
    /// `limit`.
    pub fn end(self, out: &mut Vec<u8>) -> Result<()> {
        self.finish(&[], out).map(|_| ())
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        drop(secret::SecretBytes::new(core::mem::take(&mut self.pending)));
    }
}
