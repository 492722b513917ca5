//! The chunks of one message, in any order and any number at a time: for ranges, and for work that is cut into pieces or shared out.

use rand_core::TryCryptoRng;

use super::{Header, InSession, Padding, open, seal};
use crate::{
    cobblestone::{AES, Chunks, Derived, SALT, TRUNCATED},
    data_key::DataKey,
    encoding::Context,
    error::{Code, Error, Result},
    random::Random,
};

/// One message's header and keys. Chunks hold the plaintext as it is encrypted, with its padding where the header says so.
pub struct Body {
    header: Header,
    derived: Derived,
    chunks: BodyChunks,
}

/// The chunks alone, by number: for where the rest of the message isn't needed.
pub struct BodyChunks(Chunks);

impl core::fmt::Debug for BodyChunks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("BodyChunks(redacted)")
    }
}

impl core::fmt::Debug for Body {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Body").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Body {
    fn new(header: Header, derived: Derived) -> Self {
        Self { header, chunks: BodyChunks(derived.chunks()), derived }
    }

    /// A new message outside of any session, and what precedes its first chunk.
    ///
    /// # Errors
    /// `rng`.
    pub fn seal<R: TryCryptoRng>(
        key: &DataKey,
        rng: &mut Random<R>,
        context: &Context,
        padding: Padding,
    ) -> Result<(Self, Vec<u8>)> {
        Self::seal_for(key, rng, None, context, padding)
    }

    /// A new message, of a session or not, and what precedes its first chunk. Who signs it makes the trailer of that, and of the hashes of the chunks.
    ///
    /// # Errors
    /// `rng`.
    pub fn seal_for<R: TryCryptoRng>(
        key: &DataKey,
        rng: &mut Random<R>,
        session: Option<InSession>,
        context: &Context,
        padding: Padding,
    ) -> Result<(Self, Vec<u8>)> {
        let mut salt = [0; SALT];
        rng.fill(&mut salt)?;
        let header = Header { padded: padding == Padding::Padme, key_id: key.id(), session };
        let mut start = Vec::new();
        let derived = seal::begin(key, &salt, &header, context, &mut start);
        Ok((Self::new(header, derived), start))
    }

    /// Reads what precedes the first chunk, and says how many bytes that were. `message` has at least [`super::MAX_HEADER`] + 56 bytes, or is whole.
    ///
    /// # Errors
    /// `invalid-format`, `unsupported-version`, `truncated`, `decryption-failed`.
    pub fn open(key: &DataKey, message: &[u8], context: &Context) -> Result<(Self, usize)> {
        let (header, derived, taken) = open::begin(key, message, context)?;
        Ok((Self::new(header, derived), taken))
    }

    /// What stands in clear.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Its chunks.
    #[must_use]
    pub const fn chunks(&self) -> &BodyChunks {
        &self.chunks
    }

    /// AES key ‖ base nonce of this message alone, for another implementation of AES-256-GCM, or another thread. The nonce of a chunk is the base nonce XOR its number.
    #[must_use]
    pub fn dangerously_expose_aes(&self) -> &[u8] {
        let aes = self.derived.aes();
        debug_assert_eq!(aes.len(), AES);
        aes
    }
}

impl BodyChunks {
    /// Those of the message whose [`Body::dangerously_expose_aes`] this is.
    ///
    /// # Errors
    /// `invalid-argument` for another length.
    pub fn of_aes(aes: &[u8]) -> Result<Self> {
        let aes = aes.try_into().map_err(|_| Error::new(&(Code::InvalidArgument, "not a key and a nonce")))?;
        Ok(Self(Chunks::new(aes)))
    }

    /// Appends the chunks of `plaintext`, which begins with chunk number `first`: 16,384 bytes each, only the last of the message is shorter.
    ///
    /// # Errors
    /// `limit`.
    pub fn seal(&self, first: u64, plaintext: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if plaintext.is_empty() {
            return self.0.seal_onto(first, out, &[]);
        }
        self.0.seal_all(first, out, plaintext)
    }

    /// Appends the plaintext of `sealed`, which begins with chunk number `first`.
    ///
    /// # Errors
    /// `decryption-failed`, `truncated` for less than a tag, `limit`; nothing is appended then.
    pub fn open(&self, first: u64, sealed: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if sealed.is_empty() {
            return Err(TRUNCATED);
        }
        self.0.open_all(first, out, sealed)
    }
}
