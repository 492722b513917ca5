//! Who made a message: the trailer of SPEC section 4.3. One signature covers a batch.

use rand_core::TryCryptoRng;

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
    if matches!(author.authority, Authority::Group { id, .. } if id == [0; 32]) {
        return Err(Error::new(Code::InvalidArgument, "no group has the id zero"));
    }
    let size = u32::try_from(items.len()).map_err(|_| Error::new(Code::Limit, "too many messages for one batch"))?;
    let mut salts = vec![0; SALT * items.len()];
    rng.fill_each(&mut salts, SALT)?;
    let (salts, _) = salts.as_chunks::<SALT>();
    let mut messages = Vec::with_capacity(items.len());
    let mut leaves = Vec::with_capacity(items.len());
    for ((index, (data, context)), salt) in (0..size).zip(items).zip(salts) {
        let signed_by = SignedBy { bundle_hash: author.bundle_hash, path_len: path_len(index, size) };
        let session = Some(InSession { id: author.session, signed_by: Some(signed_by) });
        let header = Header { padded: padding == Padding::Padme, key_id: key.id(), session };
        let (message, leaf) = seal_with(key, salt, &header, data, context)?;
        messages.push(message);
        leaves.extend(leaf.map(|leaf| leaf_hash(&leaf)));
    }
    let tree = Tree::new(leaves);
    let Some(root) = tree.root() else { return Ok(messages) };
    let authority = author.authority.to_bytes();
    let signature = signer.sign(&signed_bytes(&author.view, &authority, size, root));
    for (index, message) in (0..size).zip(&mut messages) {
        message.extend_from_slice(&author.view.sequence.to_be_bytes());
        message.extend_from_slice(&author.view.hash);
        message.extend_from_slice(&authority);
        message.extend_from_slice(&index.to_be_bytes());
        message.extend_from_slice(&size.to_be_bytes());
        message.extend(tree.path(index as usize).concat());
        message.extend_from_slice(&signature);
    }
    Ok(messages)
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
    let verified = verify(&header, signed, signer);
    match verified {
        Ok(author) => Ok(Authored { data, author }),
        Err(error) => {
            drop(crate::secret::SecretBytes::new(data));
            Err(error)
        }
    }
}

fn verify(
    header: &Header,
    signed: Option<([u8; 64], Vec<u8>)>,
    signer: impl FnOnce(&[u8; 32]) -> Option<VerifyingKey>,
) -> Result<Author> {
    let (Some(session), Some((leaf, trailer))) = (&header.session, signed) else { return Err(BAD) };
    let Some(signed_by) = &session.signed_by else { return Err(BAD) };
    let key = signer(&signed_by.bundle_hash).ok_or(BAD)?;
    let trailer = Trailer::parse(&trailer).ok_or(BAD)?;
    if path_len(trailer.index, trailer.size) != signed_by.path_len {
        return Err(BAD);
    }
    let root = root_from_path(trailer.index, trailer.size, leaf_hash(&leaf), trailer.path).ok_or(BAD)?;
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

impl Authority {
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
