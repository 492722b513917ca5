//! Identities that were verified and compared with their pins, so that a session finds bundles by their hashes and keys by their parties.

use super::signer::{Recipients, Signer, Signers};
use crate::{
    error::{Code, Error, Result},
    identity::{Identity, MISMATCH, UserId},
    key_pair::PublicKey,
    party::Party,
    signed::Hash,
};

/// Verified identities. Each was met by the pins before it came in, and is verified once for all sessions.
#[derive(Debug, Default)]
pub struct Directory {
    identities: Vec<Identity>,
    /// Their places, sorted by name.
    names: Vec<usize>,
    /// Bundles, sorted by hash, with the place of their identity.
    bundles: Vec<(Hash, usize)>,
}

impl Directory {
    /// Takes an identity in, in the place of an older view of the same.
    ///
    /// # Errors
    /// `fork` for two bundles of one version; `pin-mismatch` for another identity of the same name. Nothing changes then.
    pub fn insert(&mut self, identity: Identity) -> Result<()> {
        let rank = self.rank(identity.user_id());
        let place = rank.ok().and_then(|rank| self.names.get(rank).copied()).unwrap_or(self.identities.len());
        match self.identities.get_mut(place) {
            Some(known) => {
                if known.fingerprint() != identity.fingerprint() {
                    return Err(MISMATCH);
                }
                known.check_fork(&identity)?;
                if known.bundles().len() >= identity.bundles().len() {
                    return Ok(());
                }
                *known = identity;
            }
            None => {
                self.names.insert(rank.unwrap_or_else(|rank| rank), place);
                self.identities.push(identity);
            }
        }
        let hashes = self.identities.get(place).into_iter().flat_map(Identity::bundles).map(|bundle| *bundle.hash());
        for hash in hashes {
            if let Err(rank) = self.bundles.binary_search_by(|(known, _)| known.cmp(&hash)) {
                self.bundles.insert(rank, (hash, place));
            }
        }
        Ok(())
    }

    /// The identity of a name; of the key server where there is none.
    #[must_use]
    pub fn find(&self, user: Option<&UserId>) -> Option<&Identity> {
        let place = self.names.get(self.rank(user).ok()?)?;
        self.identities.get(*place)
    }

    pub(crate) fn into_identities(self) -> Vec<Identity> {
        self.identities
    }

    fn rank(&self, user: Option<&UserId>) -> core::result::Result<usize, usize> {
        self.names.binary_search_by(|place| self.identities.get(*place).map(Identity::user_id).cmp(&Some(user)))
    }

    /// The identity that has the bundle of this hash.
    #[must_use]
    pub fn with_bundle(&self, bundle: &Hash) -> Option<&Identity> {
        let rank = self.bundles.binary_search_by(|(known, _)| known.cmp(bundle)).ok()?;
        self.bundles.get(rank).and_then(|(_, place)| self.identities.get(*place))
    }
}

impl Signers for Directory {
    fn signer(&self, bundle: &Hash) -> Result<Signer> {
        let signer = self.with_bundle(bundle).and_then(|identity| Signer::of(identity, bundle));
        signer.ok_or(Error::new(&(Code::BadSignature, "signed with a bundle that nobody has")))
    }
}

impl Recipients for Directory {
    fn key_for(&self, party: &Party) -> Result<&PublicKey> {
        let (identity, fingerprint) = match party {
            Party::User { id, identity } => {
                (self.find(Some(id)).ok_or(Error::new(&(Code::UnknownUser, "no such user")))?, identity)
            }
            Party::Placeholder { escrow, .. } => {
                let unknown = Error::new(&(Code::NotCertified, "the key server's identity is not known"));
                (self.find(None).ok_or(unknown)?, escrow)
            }
            Party::Group(_) => return Err(Error::new(&(Code::UnknownGroup, "the epochs of this group are not known"))),
        };
        if identity.fingerprint() == fingerprint { Ok(identity.encryption_key()) } else { Err(MISMATCH) }
    }
}
