//! One signature for all messages of a batch: SPEC section 4.3.

use rand_core::TryCryptoRng;

use super::{
    Author, Header, InSession, Leaf, Padding,
    author::{FIXED_TRAILER, signed_bytes},
    seal::seal_with,
};
use crate::{
    cobblestone::SALT,
    crypto::{
        sign::SigningKey,
        tree::{Tree, leaf_hash},
    },
    data_key::DataKey,
    encoding::Context,
    error::{Code, Error, Result},
    random::Random,
};

/// Messages of one author that are not signed yet.
#[derive(Debug)]
pub struct Batch {
    author: Author,
    size: u32,
    tree: Tree,
}

/// Their trailers.
#[derive(Debug)]
pub struct Trailers {
    /// View and authority.
    author: Vec<u8>,
    size: u32,
    tree: Tree,
    signature: [u8; 64],
}

impl Batch {
    /// For so many messages.
    ///
    /// # Errors
    /// `invalid-argument` for a group id of zero, `limit`.
    pub fn new(author: Author, size: usize) -> Result<Self> {
        author.authority.check()?;
        let size = u32::try_from(size).map_err(|_| Error::new(&(Code::Limit, "too many messages for one batch")))?;
        Ok(Self { author, size, tree: Tree::default() })
    }

    /// What the header of a message says of the session and of the author.
    #[must_use]
    pub fn header(&self, index: u32) -> InSession {
        self.author.header(index, self.size)
    }

    /// Takes the leaf of the next message.
    pub fn add(&mut self, leaf: &Leaf) {
        self.tree.push(leaf_hash(&leaf.0));
    }

    /// After the last leaf.
    ///
    /// # Errors
    /// `invalid-argument` for another number of leaves than of messages, or none.
    pub fn sign(mut self, signer: &SigningKey) -> Result<Trailers> {
        const OTHER: Error = Error::new(&(Code::InvalidArgument, "not as many messages as there are to be signed"));
        self.tree.finish();
        let root = self.tree.root().filter(|_| self.tree.len() == self.size as usize).ok_or(OTHER)?;
        let authority = self.author.authority.to_bytes();
        let signature = signer.sign(&signed_bytes(&self.author.view, &authority, self.size, root));
        let mut author = Vec::with_capacity(FIXED_TRAILER);
        author.extend_from_slice(&self.author.view.sequence.to_be_bytes());
        author.extend_from_slice(&self.author.view.hash);
        author.extend_from_slice(&authority);
        Ok(Trailers { author, size: self.size, tree: self.tree, signature })
    }
}

impl Trailers {
    /// Of how many messages.
    #[must_use]
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// The trailer of message number `index`.
    #[must_use]
    pub fn of(&self, index: u32) -> Vec<u8> {
        let path = self.tree.path(index as usize);
        let mut trailer = Vec::with_capacity(FIXED_TRAILER + 32 * path.len());
        trailer.extend_from_slice(&self.author);
        trailer.extend_from_slice(&index.to_be_bytes());
        trailer.extend_from_slice(&self.size.to_be_bytes());
        path.iter().for_each(|hash| trailer.extend_from_slice(hash));
        trailer.extend_from_slice(&self.signature);
        trailer
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
    let mut batch = Batch::new(*author, items.len())?;
    let mut salts = vec![0; SALT * items.len()];
    rng.fill_each(&mut salts, SALT)?;
    let (salts, _) = salts.as_chunks::<SALT>();
    let mut messages = Vec::with_capacity(items.len());
    for ((index, (data, context)), salt) in (0..).zip(items).zip(salts) {
        let session = Some(batch.header(index));
        let header = Header { padded: padding == Padding::Padme, key_id: key.id(), session };
        let (message, leaf) = seal_with(key, salt, &header, data, context)?;
        messages.push(message);
        leaf.iter().for_each(|leaf| batch.add(leaf));
    }
    if messages.is_empty() {
        return Ok(messages);
    }
    let trailers = batch.sign(signer)?;
    for (index, message) in (0..).zip(&mut messages) {
        message.extend_from_slice(&trailers.of(index));
    }
    Ok(messages)
}
