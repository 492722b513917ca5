//! An identity: its bundles from the first to the newest, verified. SPEC section 10.3.

use super::{
    AppId, Bundle, UserId,
    bundle::{MAX_VERSION, WEAKER},
};
use crate::{
    crypto::sign::VerifyingKey,
    encoding::MALFORMED,
    error::{Code, Error, Result},
    key_pair::{PublicKey, Suite},
    party::Party,
    signed::{Hash, Minimum, Signed, Unverified},
};

const BAD: Error = Error::new(&(Code::BadSignature, "the bundles are no chain of signatures"));
const UNKNOWN: Error = Error::new(&(Code::BadSignature, "the bundle isn't one of this identity's that may sign"));
const OTHER: Error = Error::new(&(Code::KeyMismatch, "the identity of another application or user"));

/// Whose identity was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// This user's.
    User(&'a UserId),
    /// The key server's.
    KeyServer,
    /// That of whoever has the bundle of this hash: the name is the one of version 1, and its pin says whether it is right.
    Bundle(&'a Hash),
}

/// A verified identity. Whether it is the one that its name had before, [`super::Pins`] say.
#[derive(Debug)]
pub struct Identity {
    /// From version 1 on, at least one.
    bundles: Vec<Signed<Bundle>>,
    newest: Signed<Bundle>,
    fingerprint: Hash,
    encryption_key: PublicKey,
}

impl Identity {
    /// Verifies bundles, from version 1 to the newest.
    ///
    /// # Errors
    /// `limit`, `unsupported-version`, `invalid-format`, `downgrade`, `key-policy`: a bundle's form and key. `key-mismatch`: another app or user than asked for.
    /// `bad-signature`: no chain of versions, hashes and signatures, or the bundle asked for isn't in it. `downgrade`: a suite weaker than that of an earlier version.
    pub fn verify(objects: &[&[u8]], app_id: &AppId, asked: Asked<'_>, minimum: Minimum) -> Result<Self> {
        if objects.len() as u64 > MAX_VERSION {
            return Err(Error::new(&(Code::Limit, "more than 64 bundles")));
        }
        let mut found = Vec::with_capacity(objects.len());
        let mut keys = Vec::with_capacity(objects.len());
        for object in objects {
            let bundle = Unverified::<Bundle>::parse(object, minimum)?;
            keys.push(bundle.claimed().encryption_key()?);
            found.push(bundle);
        }
        let user_id = match asked {
            Asked::User(user_id) => Some(user_id.clone()),
            Asked::KeyServer => None,
            Asked::Bundle(_) => found.first().ok_or(MALFORMED)?.claimed().user_id().cloned(),
        };
        let is_asked = |bundle: &Bundle| bundle.app_id() == app_id && bundle.user_id() == user_id.as_ref();
        if !found.iter().all(|bundle| is_asked(bundle.claimed())) {
            return Err(OTHER);
        }
        let mut bundles: Vec<Signed<Bundle>> = Vec::with_capacity(found.len());
        for (version, bundle) in (1..).zip(found) {
            let key = bundle.claimed().signing_key().clone();
            let bundle = bundle.verify(&key)?;
            let last = bundles.last();
            if bundle.value().version() != version || bundle.value().previous() != last.map(Signed::hash) {
                return Err(BAD);
            }
            if let Some((last, signature)) = last.zip(bundle.more().0.as_ref()) {
                bundle.also(last.value().signing_key(), signature)?;
            }
            bundles.push(bundle);
        }
        if keys.windows(2).any(|pair| matches!(pair, [a, b] if b.suite().is_weaker_than(a.suite()))) {
            return Err(WEAKER);
        }
        let (Some(first), Some(newest), Some(encryption_key)) = (bundles.first(), bundles.last(), keys.pop()) else {
            return Err(MALFORMED);
        };
        let identity = Self { fingerprint: *first.hash(), newest: newest.clone(), bundles, encryption_key };
        match asked {
            Asked::Bundle(hash) if identity.bundle(hash).is_none() => Err(UNKNOWN),
            _ => Ok(identity),
        }
    }

    /// The application.
    #[must_use]
    pub const fn app_id(&self) -> &AppId {
        self.newest.value().app_id()
    }

    /// The user; none: the key server.
    #[must_use]
    pub const fn user_id(&self) -> Option<&UserId> {
        self.newest.value().user_id()
    }

    /// The identity fingerprint, which renewals don't change.
    #[must_use]
    pub const fn fingerprint(&self) -> &Hash {
        &self.fingerprint
    }

    /// The newest bundle.
    #[must_use]
    pub const fn newest(&self) -> &Signed<Bundle> {
        &self.newest
    }

    /// All bundles, from version 1 on.
    #[must_use]
    pub fn bundles(&self) -> &[Signed<Bundle>] {
        &self.bundles
    }

    /// The bundle of this hash.
    #[must_use]
    pub fn bundle(&self, hash: &Hash) -> Option<&Signed<Bundle>> {
        self.bundles.iter().find(|bundle| bundle.hash() == hash)
    }

    /// The bundle of this version.
    #[must_use]
    pub fn version(&self, version: u64) -> Option<&Signed<Bundle>> {
        self.bundles.iter().find(|bundle| bundle.value().version() == version)
    }

    /// What verifies a signature by the bundle of this hash, any version's.
    ///
    /// # Errors
    /// `bad-signature` if it is none of this identity's.
    pub fn signing_key(&self, hash: &Hash) -> Result<&VerifyingKey> {
        self.bundle(hash).map(|bundle| bundle.value().signing_key()).ok_or(UNKNOWN)
    }

    /// The same, where only the newest bundle may sign.
    ///
    /// # Errors
    /// `bad-signature` if this isn't its hash.
    pub fn newest_signing_key(&self, hash: &Hash) -> Result<&VerifyingKey> {
        if self.newest.hash() == hash { Ok(self.newest.value().signing_key()) } else { Err(UNKNOWN) }
    }

    /// The newest bundle's key: for it, it is wrapped.
    #[must_use]
    pub const fn encryption_key(&self) -> &PublicKey {
        &self.encryption_key
    }

    /// The newest bundle's.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.encryption_key.suite()
    }

    /// How others name a user; a key server is no party.
    #[must_use]
    pub fn party(&self) -> Option<Party> {
        self.user_id().map(|id| Party::User { id: id.clone(), identity: self.fingerprint })
    }

    /// Compares with what was known of the same identity from another source.
    ///
    /// # Errors
    /// `fork` for two bundles of one version.
    pub fn check_fork(&self, other: &Self) -> Result<()> {
        let is_fork = self.fingerprint == other.fingerprint
            && self.bundles.iter().zip(&other.bundles).any(|(a, b)| a.hash() != b.hash());
        if is_fork { Err(Error::new(&(Code::Fork, "two bundles of one identity and version"))) } else { Ok(()) }
    }
}
