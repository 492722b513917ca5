//! Many short messages: begun where their data key is, finished there or elsewhere. Finishing one takes the key of that message alone.
//!
//! One that is begun: `kind u8 ‖ length of start u32 ‖ length of rest u32 ‖ start ‖ AES key ‖ base nonce ‖ rest`; the start is what stands before the first chunk
//! of a message that is new, or whose author is to be verified. One that is finished: `length u32 ‖ message or data`. Of a new message that is signed, the leaf
//! stands at the end of its trailer's room; of one whose author is to be verified, after the data. All joined; little-endian. Both pass between threads, and are
//! stored nowhere.

use rand_core::TryCryptoRng;

use super::{Header, InSession, LeafHasher, MAX_HEADER, Opener, Padding, Sealer, Whole, padding, seal};
use crate::{
    cobblestone::{self, AES, Chunks, PREFIX, SALT},
    data_key::DataKey,
    encoding::Context,
    error::{Code, Error, Result},
    random::Random,
    secret,
};

const PADDED: u8 = 1;
const NEW: u8 = 2;
const SIGNED: u8 = 4;
const HEAD: usize = 1 + 4 + 4 + AES;
/// In place of a length: it doesn't open.
const FAILED: u32 = u32::MAX;

const LONG: Error = Error::new(&(Code::Limit, "too long for the memory"));
const STRANGE: Error = Error::new(&(Code::InvalidArgument, "not messages that were begun"));

/// Begins many messages outside of any session; one call of the generator serves them all.
///
/// # Errors
/// `rng`, `limit`; then none is begun.
pub fn begin_sealing<R: TryCryptoRng>(
    key: &DataKey,
    rng: &mut Random<R>,
    items: &[(&[u8], Context)],
    padding: Padding,
) -> Result<Vec<u8>> {
    begin_sealing_in(key, rng, |_| None, items, padding)
}

/// As [`begin_sealing`]; `session` gives what the header of each says of its session.
///
/// # Errors
/// `rng`, `limit`; then none is begun.
pub fn begin_sealing_in<R: TryCryptoRng>(
    key: &DataKey,
    rng: &mut Random<R>,
    session: impl Fn(usize) -> Option<InSession>,
    items: &[(&[u8], Context)],
    padding: Padding,
) -> Result<Vec<u8>> {
    let mut salts = vec![0; SALT * items.len()];
    rng.fill_each(&mut salts, SALT)?;
    let mut begun = secret::reserve(items.iter().map(|(data, _)| HEAD + MAX_HEADER + PREFIX + data.len()).sum())?;
    for ((index, (data, context)), salt) in items.iter().enumerate().zip(salts.as_chunks().0) {
        let header = Header { padded: padding == Padding::Padme, key_id: key.id(), session: session(index) };
        push_head(&mut begun, NEW | kind(&header, true), header.to_bytes().len() + PREFIX, data.len())?;
        let derived = seal::begin(key, salt, &header, context, &mut begun);
        begun.extend_from_slice(derived.aes());
        begun.extend_from_slice(data);
    }
    Ok(begun)
}

/// Begins to open a message: all that comes before the first use of the AEAD. An author is passed over.
///
/// # Errors
/// `invalid-format`, `unsupported-version`, `truncated`, `decryption-failed`, `limit`; nothing is appended then.
pub fn begin_opening(begun: &mut Vec<u8>, key: &DataKey, message: &[u8], context: &Context) -> Result<()> {
    let (header, rest) = Header::parse(message)?;
    Whole::split(message, header, rest)?.begin(begun, key, context, false)
}

impl Whole<'_> {
    /// As [`begin_opening`]; `hashed`: of a signed message the leaf is wanted, too.
    pub(crate) fn begin(&self, begun: &mut Vec<u8>, key: &DataKey, context: &Context, hashed: bool) -> Result<()> {
        let derived = self.derive(key, context)?;
        let kind = kind(&self.header, hashed);
        let start = if kind & SIGNED != 0 { self.start() } else { Vec::new() };
        begun.try_reserve(HEAD + start.len() + self.chunks.len()).map_err(|_| LONG)?;
        push_head(begun, kind, start.len(), self.chunks.len())?;
        begun.extend_from_slice(&start);
        begun.extend_from_slice(derived.aes());
        begun.extend_from_slice(self.chunks);
        Ok(())
    }
}

fn kind(header: &Header, hashed: bool) -> u8 {
    let signed = if hashed && header.signed_by().is_some() { SIGNED } else { 0 };
    signed | u8::from(header.padded)
}

fn push_head(begun: &mut Vec<u8>, kind: u8, start: usize, rest: usize) -> Result<()> {
    begun.push(kind);
    for len in [start, rest] {
        begun.extend_from_slice(&u32::try_from(len).map_err(|_| LONG)?.to_le_bytes());
    }
    Ok(())
}

/// Finishes messages that were begun. One that doesn't open has the length 2³² − 1, and no data.
///
/// # Errors
/// `limit`, `invalid-argument`.
pub fn finish(mut begun: &[u8]) -> Result<Vec<u8>> {
    // Data always finds room in it: what is opened is never copied on the way.
    let mut out = secret::reserve(begun.len())?;
    while !begun.is_empty() {
        let finished = Message::take(&mut begun).ok_or(STRANGE).and_then(|message| message.finish(&mut out));
        if let Err(error) = finished {
            secret::wipe_from(&mut out, 0);
            return Err(error);
        }
    }
    Ok(out)
}

struct Message<'a> {
    kind: u8,
    start: &'a [u8],
    aes: &'a [u8; AES],
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes the first off.
    fn take(begun: &mut &'a [u8]) -> Option<Self> {
        let [kind] = *take_array(begun)?;
        let start = u32::from_le_bytes(*take_array(begun)?);
        let rest = u32::from_le_bytes(*take_array(begun)?);
        let start = take(begun, start as usize)?;
        Some(Self { kind, start, aes: take_array(begun)?, rest: take(begun, rest as usize)? })
    }

    fn finish(&self, out: &mut Vec<u8>) -> Result<()> {
        let before = out.len();
        out.extend_from_slice(&FAILED.to_le_bytes());
        let start = out.len();
        let chunks = Chunks::new(self.aes);
        let padded = self.kind & PADDED != 0;
        let hasher = (self.kind & SIGNED != 0).then(|| LeafHasher::new(self.start));
        if self.kind & NEW != 0 {
            let len = self.rest.len() as u64;
            let body = cobblestone::sealed_len(if padded { padding::padded_len(len)? } else { len })?;
            let body = usize::try_from(body).map_err(|_| LONG)?;
            let trailer = if hasher.is_some() { self.trailer_len()? } else { 0 };
            out.try_reserve(self.start.len() + body + trailer).map_err(|_| LONG)?;
            out.extend_from_slice(self.start);
            let leaf = Sealer::resume(chunks, padded, hasher).finish(self.rest, out)?;
            if let Some(leaf) = leaf {
                out.resize(out.len() + trailer.saturating_sub(leaf.as_bytes().len()), 0);
                out.extend_from_slice(leaf.as_bytes());
            }
        } else {
            match Opener::resume(chunks, padded, hasher).finish(self.rest, out) {
                Err(error) if error.code() == Code::DecryptionFailed => return Ok(()),
                leaf => leaf?.iter().for_each(|leaf| out.extend_from_slice(leaf.as_bytes())),
            }
        }
        let len = u32::try_from(out.len() - start).map_err(|_| LONG)?;
        out.get_mut(before..start).unwrap_or_default().copy_from_slice(&len.to_le_bytes());
        Ok(())
    }

    fn trailer_len(&self) -> Result<usize> {
        Header::parse(self.start).map(|(header, _)| header.trailer_len()).map_err(|_| STRANGE)
    }
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

fn take_array<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    take(bytes, N)?.try_into().ok()
}
