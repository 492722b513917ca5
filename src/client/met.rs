//! Who was met: identities whose signatures are verified and whose keys are wrapped for.

use crate::{
    error::{Error, Result},
    identity::{Identity, Pin, Pins, UserId},
    key_pair::PublicKey,
    party::Party,
    session::{Directory, Recipients, Signer, Signers},
    signed::Hash,
};

/// Identities that were met, and why others weren't.
#[derive(Debug, Default)]
pub(super) struct People {
    pub(super) directory: Directory,
    /// Bundles of those who were met before this page was loaded.
    pub(super) recalled: Vec<Signer>,
    pub(super) refused: Vec<(Hash, Error)>,
}

impl Signers for People {
    fn signer(&self, bundle: &Hash) -> Result<Signer> {
        let unknown = match self.directory.signer(bundle) {
            Ok(signer) => return Ok(signer),
            Err(unknown) => unknown,
        };
        if let Some((_, error)) = self.refused.iter().find(|(refused, _)| refused == bundle) {
            return Err(*error);
        }
        self.recalled.iter().find(|signer| signer.bundle == *bundle).cloned().ok_or(unknown)
    }
}

impl Recipients for People {
    fn key_for(&self, party: &Party) -> Result<&PublicKey> {
        self.directory.key_for(party)
    }
}

impl People {
    /// The own identity and the key server's.
    pub(super) fn of(own: Identity, key_server: Option<Identity>) -> Result<Self> {
        let mut people = Self::default();
        people.directory.insert(own)?;
        key_server.map_or(Ok(()), |key_server| people.directory.insert(key_server))?;
        Ok(people)
    }

    /// Those who were met before, as far as they are still who is pinned.
    pub(super) fn keep(&mut self, before: Self, pins: &Pins) -> Result<()> {
        for identity in before.directory.into_identities() {
            let name = identity.user_id();
            let is_pinned = pins.find(name) == Some(&Pin::of(&identity));
            if is_pinned && self.directory.find(name).is_none() {
                self.directory.insert(identity)?;
            }
        }
        Ok(())
    }

    pub(super) fn find(&self, user: &UserId) -> Option<&Identity> {
        self.directory.find(Some(user))
    }

    /// Both again.
    pub(super) fn meet(&mut self, own: Identity, key_server: Identity) -> Result<()> {
        self.directory.insert(own)?;
        self.directory.insert(key_server)
    }
}
