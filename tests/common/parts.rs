//! Messages chunk by chunk, as another engine works on them: by the key of one message alone, in any order, hashed elsewhere.

use sha2::{Digest, Sha256};
use wardkey::{
    cobblestone::{self, CHUNK, PREFIX, SEALED_CHUNK},
    data_key::DataKey,
    encoding::Context,
    error::{Code, Error, Result},
    message::{self, Author, Body, BodyChunks, Header, Leaf, LeafHasher, MAX_HEADER, Verifier},
    session::{self, Keys, Session, Signers},
    sign::VerifyingKey,
    signed::Minimum,
};

const CUT: Error = Error::new(&(Code::Truncated, "cut"));
const FAILED: Error = Error::new(&(Code::DecryptionFailed, "no padding"));

/// What is left to do when all chunks were opened.
pub(crate) struct Opened {
    pub(crate) data: Vec<u8>,
    pub(crate) header: Header,
    pub(crate) leaf: Leaf,
    pub(crate) trailer: Vec<u8>,
}

/// `begin` sees no more of the message than its beginning.
pub(crate) fn open(message: &[u8], begin: impl FnOnce(&[u8]) -> Result<Body>) -> Result<Opened> {
    let beginning = &message[..message.len().min(MAX_HEADER + PREFIX)];
    let (header, rest) = Header::parse(beginning)?;
    let start = beginning.len() - rest.len() + PREFIX;
    let end = message.len().checked_sub(header.trailer_len()).ok_or(CUT)?;
    cobblestone::opened_len(end.checked_sub(start - PREFIX).ok_or(CUT)? as u64)?;
    let body = begin(beginning)?;
    let alone = BodyChunks::of_aes(body.dangerously_expose_aes())?;
    let (mut pieces, mut hashes) = (Vec::new(), Vec::new());
    for (number, chunk) in (0..).zip(message[start..end].chunks(SEALED_CHUNK)) {
        pieces.push((number, chunk));
        hashes.extend_from_slice(&Sha256::digest(chunk));
    }
    // A message that ends with a whole chunk was cut.
    let mut opened = Vec::new();
    for (number, chunk) in pieces.into_iter().rev() {
        let mut piece = Vec::new();
        alone.open(number, chunk, &mut piece)?;
        opened.push(piece);
    }
    opened.reverse();
    let mut data = opened.concat();
    if header.padded {
        unpad(&mut data)?;
    }
    let mut hasher = LeafHasher::new(&message[..start]);
    hashes.chunks(32 * 3).for_each(|some| hasher.hashed(some));
    Ok(Opened { data, header, leaf: hasher.finish(), trailer: message[end..].to_vec() })
}

/// As [`message::open`].
pub(crate) fn open_by_key(key: &DataKey, message: &[u8], context: &Context) -> Result<Opened> {
    open(message, |beginning| Body::open(key, beginning, context).map(|(body, _)| body))
}

/// As [`message::open_signed`].
pub(crate) fn open_signed(
    key: &DataKey,
    message: &[u8],
    context: &Context,
    signer: impl FnOnce(&[u8; 32]) -> Option<VerifyingKey>,
) -> Result<(Vec<u8>, Author)> {
    const BAD: Error = Error::new(&(Code::BadSignature, "no signer"));
    let opened = open_by_key(key, message, context)?;
    let bundle = opened.header.signed_by().ok_or(BAD)?.bundle_hash;
    let key = signer(&bundle).ok_or(BAD)?;
    let author = Verifier::default().verify(&opened.header, &opened.leaf, &opened.trailer, &key)?;
    Ok((opened.data, author))
}

/// As `Session::open_message`, with the chunks worked on elsewhere.
pub(crate) fn open_message(
    session: &Session,
    keys: &Keys,
    message: &[u8],
    context: &Context,
    signers: &dyn Signers,
    minimum: Minimum,
) -> Result<session::Opened> {
    let (key, claim) = session.admit(keys, &Header::parse(message)?.0, signers, minimum)?;
    let opened = open_by_key(key, message, context)?;
    let Some(claim) = claim else { return Ok(session::Opened { data: opened.data, author: None }) };
    let author = claim.verify(&mut Verifier::default(), &opened.leaf, &opened.trailer)?;
    session.check_author(claim.generation, &claim.signer, &author, signers)?;
    Ok(session::Opened { data: opened.data, author: Some(claim.signer) })
}

fn unpad(plaintext: &mut Vec<u8>) -> Result<()> {
    let length = plaintext.split_last_chunk::<8>().ok_or(FAILED)?.1;
    let length = u64::from_be_bytes(*length);
    let total = plaintext.len();
    let data = usize::try_from(length).ok().filter(|length| *length <= total - 8).ok_or(FAILED)?;
    if message::padded_len(length)? != total as u64 || plaintext[data..total - 8].iter().any(|byte| *byte != 0) {
        return Err(FAILED);
    }
    plaintext.truncate(data);
    Ok(())
}

pub(crate) fn pad(data: &[u8]) -> Vec<u8> {
    let total = message::padded_len(data.len() as u64).expect("short") as usize;
    let mut plaintext = data.to_vec();
    plaintext.resize(total - 8, 0);
    plaintext.extend_from_slice(&(data.len() as u64).to_be_bytes());
    plaintext
}

/// The message but for its trailer, and its leaf.
pub(crate) fn seal((body, start): (Body, Vec<u8>), data: &[u8]) -> (Vec<u8>, Leaf) {
    let plaintext = if body.header().padded { pad(data) } else { data.to_vec() };
    let alone = BodyChunks::of_aes(body.dangerously_expose_aes()).expect("a key and a nonce");
    let mut chunks: Vec<&[u8]> = plaintext.chunks(CHUNK).collect();
    if plaintext.len().is_multiple_of(CHUNK) {
        chunks.push(&[]);
    }
    let mut pieces = Vec::new();
    for (number, chunk) in (0..).zip(chunks).collect::<Vec<_>>().into_iter().rev() {
        let mut piece = Vec::new();
        alone.seal(number, chunk, &mut piece).expect("short");
        pieces.push(piece);
    }
    pieces.reverse();
    let hashes: Vec<u8> = pieces.iter().flat_map(Sha256::digest).collect();
    let leaf = Leaf::new(&start, &hashes);
    ([start, pieces.concat()].concat(), leaf)
}
