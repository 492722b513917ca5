//! Identities that were verified and compared with their pins, so that a session finds bundles by their hashes and keys by their parties.

use std::sync::Arc;

use super::signer::{Recipients, Signer, Signers};
use crate::{
    error::{Code, Error, Result},
    group,
    identity::{Identity, MISMATCH, UserId},
    key_pair::PublicKey,
    party::Party,
    signed::Hash,
};

const NO_GROUP: Error = Error::new(&(Code::UnknownGroup, "the log of this group is not known"));

/// Verified identities. Each was met by the pins before it came in, and is verified once for all sessions.
#[derive(Debug, Default)]
pub struct Directory {
    identities: Vec<Identity>,
    /// Their places, sorted by name.
    names: Vec<usize>,
    /// Bundles, sorted by hash, with the place of their identity.
    bundles: Vec<(Hash, usize)>,
    /// Sorted by id.
    groups: Vec<Arc<group::Log>>,
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

    /// Takes the log of a group in, in the place of a shorter one.
    ///
    /// # Errors
    /// `fork` where they differ. Nothing changes then.
    pub fn insert_group(&mut self, log: impl Into<Arc<group::Log>>) -> Result<()> {
        let log = log.into();
        let place = self.group_place(log.id());
        match place.ok().and_then(|place| self.groups.get_mut(place)) {
            None => self.groups.insert(place.unwrap_or_else(|place| place), log),
            Some(known) if known.operations() <= log.operations() => {
                log.check_view(&known.head())?;
                *known = log;
            }
            Some(known) => known.check_view(&log.head())?,
        }
        Ok(())
    }

    /// The identity of a name; of the key server where there is none.
    #[must_use]
    pub fn find(&self, user: Option<&UserId>) -> Option<&Identity> {
        let place = self.names.get(self.rank(user).ok()?)?;
        self.identities.get(*place)
    }

    /// The groups whose logs are known.
    pub fn groups(&self) -> impl Iterator<Item = &group::Log> {
        self.groups.iter().map(Arc::as_ref)
    }

    /// The log of a group, to be held while others may take a longer one in.
    pub(crate) fn shared_group(&self, id: &Hash) -> Result<Arc<group::Log>> {
        self.log(id).map(Arc::clone)
    }

    fn log(&self, id: &Hash) -> Result<&Arc<group::Log>> {
        self.group_place(id).ok().and_then(|place| self.groups.get(place)).ok_or(NO_GROUP)
    }

    pub(crate) fn into_parts(self) -> (Vec<Identity>, Vec<Arc<group::Log>>) {
        (self.identities, self.groups)
    }

    fn rank(&self, user: Option<&UserId>) -> core::result::Result<usize, usize> {
        self.names.binary_search_by(|place| self.identities.get(*place).map(Identity::user_id).cmp(&Some(user)))
    }

    fn group_place(&self, id: &Hash) -> core::result::Result<usize, usize> {
        self.groups.binary_search_by(|log| log.id().cmp(id))
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

    fn group(&self, id: &Hash) -> Result<&group::Log> {
        self.log(id).map(Arc::as_ref)
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
            Party::Group(id) => return Ok(self.group(id)?.public_key()),
        };
        if identity.fingerprint() == fingerprint { Ok(identity.encryption_key()) } else { Err(MISMATCH) }
    }
}
