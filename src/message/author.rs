//! Who made a message: SPEC section 4.3.

use sha2::{Digest, Sha256};

use super::{Header, InSession, Leaf, SignedBy, open::Whole};
use crate::{
    crypto::{
        sign::VerifyingKey,
        tree::{leaf_hash, path_len, root_from_path},
    },
    data_key::DataKey,
    encoding::{Context, encode},
    error::{Code, Error, Result},
    secret,
};

/// Bytes of a trailer without its path.
pub(super) const FIXED_TRAILER: usize = 184;
const AUTHORITY: usize = 72;

const BAD: Error = Error::new(&(Code::BadSignature, "the author's signature does not verify"));

/// What the author had seen of the session's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Sequence number of the newest entry.
    pub sequence: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// In whose right the author wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// In his own.
    Signer,
    /// In that of a group, in this state of its log.
    Group {
        /// The group's id, never zero.
        id: [u8; 32],
        /// Sequence number of the newest operation that he had seen.
        sequence: u64,
        /// Its hash.
        hash: [u8; 32],
    },
}

/// What every message of a batch says of its author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Author {
    /// The session.
    pub session: [u8; 32],
    /// Hash of the signer's bundle.
    pub bundle_hash: [u8; 32],
    /// His view of the session.
    pub view: View,
    /// His authority.
    pub authority: Authority,
}

impl Author {
    /// What the header of message `index` of `size` says of the session and of him.
    #[must_use]
    pub fn header(&self, index: u32, size: u32) -> InSession {
        let signed_by = SignedBy { bundle_hash: self.bundle_hash, path_len: path_len(index, size) };
        InSession { id: self.session, signed_by: Some(signed_by) }
    }
}

/// A message whose author was verified. `Debug` doesn't show the data.
#[derive(PartialEq, Eq)]
pub struct Authored {
    /// The plaintext.
    pub data: Vec<u8>,
    /// Who made it.
    pub author: Author,
}

impl core::fmt::Debug for Authored {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Authored").field("author", &self.author).finish_non_exhaustive()
    }
}

/// Opens a signed message and verifies its author. `signer` gives the key of the bundle that the header names.
///
/// # Errors
/// Those of [`open()`](super::open()); `bad-signature` where the message isn't signed, the bundle is unknown or the signature doesn't verify. Nothing comes out then.
pub fn open_signed(
    key: &DataKey,
    message: &[u8],
    context: &Context,
    signer: impl FnOnce(&[u8; 32]) -> Option<VerifyingKey>,
) -> Result<Authored> {
    let (header, rest) = Header::parse(message)?;
    let whole = Whole::split(message, header, rest)?;
    let (mut data, leaf) = whole.open(key, context)?;
    let verified = leaf.ok_or(BAD).and_then(|leaf| verify_author(&whole.header, &leaf, whole.trailer, signer));
    if verified.is_err() {
        secret::wipe_from(&mut data, 0);
    }
    Ok(Authored { author: verified?, data })
}

/// Verifies the author of a message that was opened, or is being opened, elsewhere.
///
/// # Errors
/// `bad-signature`.
pub fn verify_author(
    header: &Header,
    leaf: &Leaf,
    trailer: &[u8],
    signer: impl FnOnce(&[u8; 32]) -> Option<VerifyingKey>,
) -> Result<Author> {
    let bundle = &header.signed_by().ok_or(BAD)?.bundle_hash;
    Verifier::default().verify(header, leaf, trailer, &signer(bundle).ok_or(BAD)?)
}

/// Verifies authors, and each signature once: one covers a whole batch.
#[derive(Debug, Default)]
pub struct Verifier {
    /// SHA-256 of key, signature and what is signed; sorted.
    good: Vec<[u8; 32]>,
}

impl Verifier {
    /// The author of a message whose header names the bundle of this key.
    ///
    /// # Errors
    /// `bad-signature`.
    pub fn verify(&mut self, header: &Header, leaf: &Leaf, trailer: &[u8], key: &VerifyingKey) -> Result<Author> {
        let session = header.session.as_ref().ok_or(BAD)?;
        let signed_by = session.signed_by.as_ref().ok_or(BAD)?;
        let trailer = Trailer::parse(trailer).ok_or(BAD)?;
        if path_len(trailer.index, trailer.size) != signed_by.path_len {
            return Err(BAD);
        }
        let root = root_from_path(trailer.index, trailer.size, leaf_hash(&leaf.0), trailer.path).ok_or(BAD)?;
        let authority = Authority::from_bytes(trailer.authority).ok_or(BAD)?;
        let signed = signed_bytes(&trailer.view, trailer.authority, trailer.size, &root);
        let hasher = Sha256::new().chain_update(key.as_bytes()).chain_update(trailer.signature).chain_update(&signed);
        let all = hasher.finalize().into();
        if let Err(place) = self.good.binary_search(&all) {
            key.verify(&signed, trailer.signature)?;
            self.good.insert(place, all);
        }
        Ok(Author { session: session.id, bundle_hash: signed_by.bundle_hash, view: trailer.view, authority })
    }
}

pub(super) fn signed_bytes(view: &View, authority: &[u8; AUTHORITY], size: u32, root: &[u8; 32]) -> Vec<u8> {
    encode(|w| {
        w.array(6);
        w.text("wardkey/v1/author");
        w.uint(view.sequence);
        w.bytes(&view.hash);
        w.bytes(authority);
        w.uint(size.into());
        w.bytes(root);
    })
}

/// The view and the authority that a message claims, of which this follows the header: nothing is verified.
pub(crate) fn claims_of(header: &Header, rest: &[u8]) -> Option<(View, Authority)> {
    let trailer = rest.len().checked_sub(header.trailer_len()).and_then(|start| rest.get(start..))?;
    Trailer::parse(trailer).and_then(|trailer| Some((trailer.view, Authority::from_bytes(trailer.authority)?)))
}

impl Authority {
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Group { id, .. } if id == [0; 32] => {
                Err(Error::new(&(Code::InvalidArgument, "no group has the id zero")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn to_bytes(self) -> [u8; AUTHORITY] {
        let mut bytes = Vec::with_capacity(AUTHORITY);
        if let Self::Group { id, sequence, hash } = self {
            bytes.extend_from_slice(&id);
            bytes.extend_from_slice(&sequence.to_be_bytes());
            bytes.extend_from_slice(&hash);
        }
        bytes.try_into().unwrap_or([0; AUTHORITY])
    }

    fn from_bytes(bytes: &[u8; AUTHORITY]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk::<32>()?;
        let (sequence, hash) = rest.split_first_chunk::<8>()?;
        if *id != [0; 32] {
            return Some(Self::Group { id: *id, sequence: u64::from_be_bytes(*sequence), hash: hash.try_into().ok()? });
        }
        (*bytes == [0; AUTHORITY]).then_some(Self::Signer)
    }
}

struct Trailer<'a> {
    view: View,
    authority: &'a [u8; AUTHORITY],
    index: u32,
    size: u32,
    path: &'a [[u8; 32]],
    signature: &'a [u8; 64],
}

impl<'a> Trailer<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (sequence, rest) = bytes.split_first_chunk()?;
        let (hash, rest) = rest.split_first_chunk()?;
        let (authority, rest) = rest.split_first_chunk()?;
        let (index, rest) = rest.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let (path, signature) = rest.split_last_chunk()?;
        let (path, []) = path.as_chunks() else { return None };
        Some(Self {
            view: View { sequence: u64::from_be_bytes(*sequence), hash: *hash },
            authority,
            index: u32::from_be_bytes(*index),
            size: u32::from_be_bytes(*size),
            path,
            signature,
        })
    }
}
