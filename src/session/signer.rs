//! Who signs in a session, and whom keys are wrapped for: what the identities of SPEC sections 10.3 and 10.4 come to here.

use crate::{
    encoding::{MALFORMED, Reader, Writer, encode},
    error::Result,
    group,
    identity::{Identity, UserId},
    key_pair::PublicKey,
    party::Party,
    sign::VerifyingKey,
    signed::Hash,
};

/// A bundle of a verified identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The bundle's hash.
    pub bundle: Hash,
    /// Whose it is; nothing: the key server's.
    pub user: Option<UserId>,
    /// The identity fingerprint.
    pub identity: Hash,
    /// The bundle's version.
    pub version: u64,
    /// The bundle's signing key.
    pub key: VerifyingKey,
}

impl Signer {
    /// The bundle of this hash, if it is one of this identity's.
    #[must_use]
    pub fn of(identity: &Identity, bundle: &Hash) -> Option<Self> {
        let bundle = identity.bundle(bundle)?;
        Some(Self {
            bundle: *bundle.hash(),
            user: identity.user_id().cloned(),
            identity: *identity.fingerprint(),
            version: bundle.value().version(),
            key: bundle.value().signing_key().clone(),
        })
    }

    /// What is kept of it on a device: SPEC section 15.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|w| self.write(w))
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// `invalid-format`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let signer = Self::read(&mut Reader::new(bytes))?;
        if signer.to_bytes() == bytes { Ok(signer) } else { Err(MALFORMED) }
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.array(5);
        w.bytes(&self.bundle.0);
        w.text_or_null(self.user.as_ref().map(UserId::as_str));
        w.bytes(&self.identity.0);
        w.uint(self.version);
        w.bytes(self.key.as_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.array_of(5)?;
        Ok(Self {
            bundle: Hash(reader.fixed()?),
            user: reader.null_or(UserId::read)?,
            identity: Hash(reader.fixed()?),
            version: reader.uint()?,
            key: VerifyingKey::from_bytes(reader.fixed()?),
        })
    }

    /// The party that he is; the key server is none.
    #[must_use]
    pub fn party(&self) -> Option<Party> {
        Some(Party::User { id: self.user.clone()?, identity: self.identity })
    }
}

/// Bundles by their hashes. An identity is verified once, when it comes in, and not for each session.
pub trait Signers {
    /// The bundle of this hash, of an identity that is verified for the application and compared with its pin (SPEC 10.3, 10.4).
    ///
    /// # Errors
    /// `bad-signature` where there is none; what verifying the identity ended in.
    fn signer(&self, bundle: &Hash) -> Result<Signer>;

    /// The verified log of a group, as far as it is known.
    ///
    /// # Errors
    /// `unknown-group`.
    fn group(&self, id: &Hash) -> Result<&group::Log>;

    /// What was verified of a group, also where more was told of it that isn't true.
    fn verified_group(&self, id: &Hash) -> Option<&group::Log> {
        self.group(id).ok()
    }
}

/// Keys of those whom a key is wrapped for.
pub trait Recipients: Signers {
    /// The key of the party's newest bundle (a group's: of its newest epoch; a placeholder's: the key server's), verified and compared with its pin.
    ///
    /// # Errors
    /// `pin-mismatch` where the identity fingerprint isn't the one in the party; `unknown-user`, `unknown-group`; what verifying the identity ended in.
    fn key_for(&self, party: &Party) -> Result<&PublicKey>;
}
