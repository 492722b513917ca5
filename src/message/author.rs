//! Who made a message: the trailer of SPEC section 4.3. One signature covers a batch.

use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};

use super::{
    Header, InSession, Padding, SignedBy,
    open::open_whole,
    seal::seal_with,
    tree::{Tree, leaf_hash, path_len, root_from_path},
};
use crate::{
    cobblestone::SALT,
    crypto::sign::{SigningKey, VerifyingKey},
    data_key::DataKey,
    encoding::{Context, encode},
    error::{Code, Error, Result},
    random::Random,
};

/// Bytes of a trailer without its path.
pub(super) const FIXED_TRAILER: usize = 184;
const AUTHORITY: usize = 72;

const BAD: Error = Error::new(Code::BadSignature, "the author's signature does not verify");

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

/// What an author signs of a message: SHA-256 of what precedes the chunks ‖ SHA-256 of the chunks' hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf(pub(super) [u8; 64]);

impl Leaf {
    /// Of the bytes before the first chunk, and the SHA-256 of each chunk with its tag, joined: these may come from another engine.
    #[must_use]
    pub fn new(start: &[u8], chunk_hashes: &[u8]) -> Self {
        Self::of_hashes(&Sha256::digest(start).into(), &Sha256::digest(chunk_hashes).into())
    }

    pub(super) fn of_hashes(start: &[u8; 32], chunks: &[u8; 32]) -> Self {
        let mut leaf = [0; 64];
        let (first, second) = leaf.split_at_mut(32);
        first.copy_from_slice(start);
        second.copy_from_slice(chunks);
        Self(leaf)
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

/// Seals a batch of data with one signature.
///
/// # Errors
/// `invalid-argument` for a group id of zero, `rng`, `limit`.
pub fn seal_signed<R: TryCryptoRng>(
    key: &DataKey,
    rng: &mut Random<R>,
    signer: &SigningKey,
    author: &Author,
    items: &[(&[u8], &Context)],
    padding: Padding,
) -> Result<Vec<Vec<u8>>> {
    author.authority.check()?;
    let size = batch_size(items.len())?;
    let mut salts = vec![0; SALT * items.len()];
    rng.fill_each(&mut salts, SALT)?;
    let (salts, _) = salts.as_chunks::<SALT>();
    let mut messages = Vec::with_capacity(items.len());
    let mut leaves: Vec<Leaf> = Vec::with_capacity(items.len());
    for ((index, (data, context)), salt) in (0..size).zip(items).zip(salts) {
        let session = Some(author.header(index, size));
        let header = Header { padded: padding == Padding::Padme, key_id: key.id(), session };
        let (message, leaf) = seal_with(key, salt, &header, data, context)?;
        messages.push(message);
        leaves.extend(leaf);
    }
    for (message, trailer) in messages.iter_mut().zip(sign_batch(signer, author, &leaves)?) {
        message.extend_from_slice(&trailer);
    }
    Ok(messages)
}

/// Signs the messages of a batch, in their order, and gives their trailers. Message number i was made with the header that [`Author::header`] gives for it.
///
/// # Errors
/// `invalid-argument` for a group id of zero, `limit`.
pub fn sign_batch(signer: &SigningKey, author: &Author, leaves: &[Leaf]) -> Result<Vec<Vec<u8>>> {
    author.authority.check()?;
    let size = batch_size(leaves.len())?;
    let tree = Tree::new(leaves.iter().map(|leaf| leaf_hash(&leaf.0)).collect());
    let Some(root) = tree.root() else { return Ok(Vec::new()) };
    let authority = author.authority.to_bytes();
    let signature = signer.sign(&signed_bytes(&author.view, &authority, size, root));
    let trailer = |index: u32| {
        let path = tree.path(index as usize);
        let mut trailer = Vec::with_capacity(FIXED_TRAILER + 32 * path.len());
        trailer.extend_from_slice(&author.view.sequence.to_be_bytes());
        trailer.extend_from_slice(&author.view.hash);
        trailer.extend_from_slice(&authority);
        trailer.extend_from_slice(&index.to_be_bytes());
        trailer.extend_from_slice(&size.to_be_bytes());
        path.iter().for_each(|hash| trailer.extend_from_slice(hash));
        trailer.extend_from_slice(&signature);
        trailer
    };
    Ok((0..size).map(trailer).collect())
}

fn batch_size(items: usize) -> Result<u32> {
    u32::try_from(items).map_err(|_| Error::new(Code::Limit, "too many messages for one batch"))
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
    let (header, _) = Header::parse(message)?;
    let (data, signed) = open_whole(key, message, context)?;
    let verified = signed.ok_or(BAD).and_then(|(leaf, trailer)| verify_author(&header, &leaf, &trailer, signer));
    match verified {
        Ok(author) => Ok(Authored { data, author }),
        Err(error) => {
            drop(crate::secret::SecretBytes::new(data));
            Err(error)
        }
    }
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
    let Some(session) = &header.session else { return Err(BAD) };
    let Some(signed_by) = &session.signed_by else { return Err(BAD) };
    let key = signer(&signed_by.bundle_hash).ok_or(BAD)?;
    let trailer = Trailer::parse(trailer).ok_or(BAD)?;
    if path_len(trailer.index, trailer.size) != signed_by.path_len {
        return Err(BAD);
    }
    let root = root_from_path(trailer.index, trailer.size, leaf_hash(&leaf.0), trailer.path).ok_or(BAD)?;
    let authority = Authority::from_bytes(trailer.authority).ok_or(BAD)?;
    key.verify(&signed_bytes(&trailer.view, trailer.authority, trailer.size, &root), trailer.signature)?;
    Ok(Author { session: session.id, bundle_hash: signed_by.bundle_hash, view: trailer.view, authority })
}

fn signed_bytes(view: &View, authority: &[u8; AUTHORITY], size: u32, root: &[u8; 32]) -> Vec<u8> {
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

/// The view that a message claims: nothing is verified.
pub(crate) fn view_of(message: &[u8]) -> Option<View> {
    let (header, rest) = Header::parse(message).ok()?;
    let trailer = rest.len().checked_sub(header.trailer_len()).and_then(|start| rest.get(start..))?;
    Trailer::parse(trailer).map(|trailer| trailer.view)
}

impl Authority {
    fn check(self) -> Result<()> {
        match self {
            Self::Group { id, .. } if id == [0; 32] => {
                Err(Error::new(Code::InvalidArgument, "no group has the id zero"))
            }
            _ => Ok(()),
        }
    }

    fn to_bytes(self) -> [u8; AUTHORITY] {
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
