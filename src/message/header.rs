//! What stands before the body, in clear and committed: SPEC section 4.

use crate::{
    data_key::KeyId,
    encoding::{framed, unframe},
    error::{Code, Error, Result},
};

const MAGIC: [u8; 4] = *b"WKMS";
const PADDED: u8 = 1;
const SIGNED: u8 = 2;
const IN_SESSION: u8 = 4;
const MAX_PATH: u8 = 32;
/// Bytes of the longest header.
pub const MAX_HEADER: usize = 87;

const CUT: Error = Error::new(&(Code::Truncated, "ends inside its header"));

/// The header of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The length is hidden.
    pub padded: bool,
    /// Which key opens it.
    pub key_id: KeyId,
    /// The session it belongs to, if any.
    pub session: Option<InSession>,
}

/// The part of a header that only messages of a session have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InSession {
    /// The session's id.
    pub id: [u8; 32],
    /// Who signed, if anybody.
    pub signed_by: Option<SignedBy>,
}

/// The part of a header that only signed messages have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// Hash of the signer's bundle.
    pub bundle_hash: [u8; 32],
    /// Length of the inclusion path in the trailer, at most 32.
    pub path_len: u8,
}

impl Header {
    /// Reads the header with which `bytes` begin, and gives what follows it.
    ///
    /// # Errors
    /// `invalid-format`, `unsupported-version`, `truncated`.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8])> {
        let body = unframe(MAGIC, bytes)?;
        let (&flags, body) = body.split_first().ok_or(CUT)?;
        if flags & !(PADDED | SIGNED | IN_SESSION) != 0 {
            return Err(Error::new(&(Code::UnsupportedVersion, "a flag of a later version")));
        }
        let signed = flags & SIGNED != 0;
        if signed && flags & IN_SESSION == 0 {
            return Err(Error::new(&(Code::InvalidFormat, "signed, but in no session")));
        }
        let (key_id, mut rest) = body.split_first_chunk().ok_or(CUT)?;
        let mut session = None;
        if flags & IN_SESSION != 0 {
            let (id, after) = rest.split_first_chunk().ok_or(CUT)?;
            rest = after;
            let mut signed_by = None;
            if signed {
                let (bundle_hash, after) = rest.split_first_chunk().ok_or(CUT)?;
                let (&path_len, after) = after.split_first().ok_or(CUT)?;
                if path_len > MAX_PATH {
                    return Err(Error::new(&(Code::InvalidFormat, "an inclusion path longer than 32")));
                }
                rest = after;
                signed_by = Some(SignedBy { bundle_hash: *bundle_hash, path_len });
            }
            session = Some(InSession { id: *id, signed_by });
        }
        Ok((Self { padded: flags & PADDED != 0, key_id: KeyId(*key_id), session }, rest))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let signed_by = self.signed_by();
        let mut flags = 0;
        for (is_set, flag) in
            [(self.padded, PADDED), (signed_by.is_some(), SIGNED), (self.session.is_some(), IN_SESSION)]
        {
            if is_set {
                flags |= flag;
            }
        }
        let mut bytes = framed(MAGIC);
        bytes.push(flags);
        bytes.extend_from_slice(&self.key_id.0);
        if let Some(session) = &self.session {
            bytes.extend_from_slice(&session.id);
        }
        if let Some(signed_by) = signed_by {
            bytes.extend_from_slice(&signed_by.bundle_hash);
            bytes.push(signed_by.path_len);
        }
        bytes
    }

    /// Who signed, if anybody.
    #[must_use]
    pub const fn signed_by(&self) -> Option<&SignedBy> {
        match &self.session {
            Some(session) => session.signed_by.as_ref(),
            None => None,
        }
    }

    /// Bytes of the trailer.
    #[must_use]
    pub fn trailer_len(&self) -> usize {
        self.signed_by().map_or(0, |signed_by| super::author::FIXED_TRAILER + 32 * usize::from(signed_by.path_len))
    }
}

/// The id of the key that a message was made with.
///
/// # Errors
/// As [`Header::parse`].
pub fn key_id_of(message: &[u8]) -> Result<KeyId> {
    Header::parse(message).map(|(header, _)| header.key_id)
}
