//! The versions of an exchange key, verified one after the other: SPEC section 18.3.

use super::{exchange_key::ExchangeKey, kept::Due, names::Pair};
use crate::{
    error::{Code, Error, Result},
    identity::AppId,
    message::{Authority, View},
    party::Party,
    session::{Signer, Signers, authority_party},
    signed::{Hash, Minimum, Signed, Unverified},
    stanzas::{Bodies, Stanza},
    wrap::Named,
};

const MAX_VERSIONS: usize = 10_000;

const STRAY: Error = Error::new(&(Code::BadSignature, "a version that doesn't follow the one before"));
const NOT_HIS: Error = Error::new(&(Code::BadSignature, "an exchange key by another than the delegator"));
const OTHER_PAIR: Error = Error::new(&(Code::KeyMismatch, "an exchange key of other parties"));
const OTHER_APP: Error = Error::new(&(Code::KeyMismatch, "an exchange key of another application"));
const FULL: Error = Error::new(&(Code::Limit, "more than 10,000 versions of an exchange key"));
const OTHER_EPOCH: Error =
    Error::new(&(Code::KeyMismatch, "an exchange key for another key than that of the group's epoch"));
const AHEAD: Error = Error::new(&(Code::Rollback, "an exchange key for an epoch that the group's log doesn't have"));

/// The versions of one pair's exchange key, up to the newest verified one. The newest seals; all open.
#[derive(Clone, Debug)]
pub struct Chain {
    pub(super) app_id: AppId,
    pub(super) delegator: Party,
    pub(super) delegate: Party,
    pair: Pair,
    versions: Vec<Version>,
}

/// A version that was verified.
#[derive(Clone, Debug)]
pub(super) struct Version {
    hash: Hash,
    signer: Signer,
    authority: Authority,
    pub(super) named: Named,
    pub(super) previous_key: Option<[u8; super::exchange_key::SEALED_KEY]>,
    /// One for each party, and bodies that were there.
    pub(super) stanzas: Vec<Stanza>,
    pub(super) epochs: Vec<Option<u64>>,
    pub(super) bodies: Bodies,
}

impl Chain {
    /// No version yet.
    ///
    /// # Errors
    /// `invalid-argument` for a placeholder.
    pub fn empty(app_id: &AppId, delegator: &Party, delegate: &Party) -> Result<Self> {
        let pair = Pair::of(delegator, delegate)?;
        let (delegator, delegate) = (delegator.clone(), delegate.clone());
        Ok(Self { app_id: app_id.clone(), delegator, delegate, pair, versions: Vec::new() })
    }

    /// Verifies all versions of a pair, from the first on.
    ///
    /// # Errors
    /// Those of SPEC section 18.3; `invalid-argument` for a placeholder.
    pub fn read(
        app_id: &AppId,
        (delegator, delegate): (&Party, &Party),
        objects: &[&[u8]],
        signers: &dyn Signers,
        minimum: Minimum,
    ) -> Result<Self> {
        let mut chain = Self::empty(app_id, delegator, delegate)?;
        chain.extend(objects, signers, minimum)?;
        Ok(chain)
    }

    /// Verifies the versions that follow, in this order. After an error the chain is what it was up to the version before.
    ///
    /// # Errors
    /// Those of SPEC section 18.3; `limit`.
    pub fn extend(&mut self, objects: &[&[u8]], signers: &dyn Signers, minimum: Minimum) -> Result<()> {
        if self.versions.len() + objects.len() > MAX_VERSIONS {
            return Err(FULL);
        }
        for object in objects {
            let object = Unverified::<ExchangeKey>::parse(object, minimum)?;
            let says = object.claimed();
            check_names(says, &self.app_id, (&self.delegator, &self.delegate))?;
            if !self.precedes(says) {
                return Err(STRAY);
            }
            let signer = signers.signer(&says.signer)?;
            let object = object.verify(&signer.key)?;
            self.take(&object, signer, signers)?;
        }
        Ok(())
    }

    /// Verifies one version by the one before alone, which was verified when it came: so a key server does, which keeps them all. Of step 3 it sees nothing: that
    /// signers don't go back to older bundles is the caller's to see to.
    ///
    /// # Errors
    /// Those of SPEC section 18.3; `limit`.
    pub fn check_next(
        app_id: &AppId,
        before: Option<&[u8]>,
        object: &[u8],
        signers: &dyn Signers,
        minimum: Minimum,
    ) -> Result<()> {
        let before = before.map(|before| Unverified::<ExchangeKey>::parse(before, minimum)).transpose()?;
        let object = Unverified::<ExchangeKey>::parse(object, minimum)?;
        let says = object.claimed();
        let newest = before.as_ref().map(Unverified::claimed);
        let parties = newest.unwrap_or(says);
        check_names(says, app_id, (&parties.delegator, &parties.delegate))?;
        let number = newest.map_or(0, |newest| newest.version);
        if says.version != number.saturating_add(1) || says.previous.as_ref() != before.as_ref().map(Unverified::hash) {
            return Err(STRAY);
        }
        if says.version > MAX_VERSIONS as u64 {
            return Err(FULL);
        }
        let signer = signers.signer(&says.signer)?;
        let object = object.verify(&signer.key)?;
        let before = newest.map(|newest| Before { authority: &newest.authority, epochs: &newest.epochs });
        check_version(&object, before, &signer, signers)
    }

    /// Step 2: does this version follow the newest?
    fn precedes(&self, says: &ExchangeKey) -> bool {
        says.version == self.newest() + 1 && says.previous == self.versions.last().map(|version| version.hash)
    }

    /// Steps 3 to 6, for a version that follows and whose signature is good.
    pub(super) fn take(&mut self, object: &Signed<ExchangeKey>, signer: Signer, signers: &dyn Signers) -> Result<()> {
        if self.versions.len() >= MAX_VERSIONS {
            return Err(FULL);
        }
        let says = object.value();
        let newer = |known: &Version| known.signer.identity == signer.identity && known.signer.version > signer.version;
        if self.versions.iter().any(newer) {
            return Err(Error::new(&(Code::Rollback, "signed with an older bundle than a version before")));
        }
        let before = self.versions.last();
        let before = before.map(|version| Before { authority: &version.authority, epochs: &version.epochs });
        check_version(object, before, &signer, signers)?;
        self.versions.push(Version {
            hash: *object.hash(),
            signer,
            authority: says.authority,
            named: says.named,
            previous_key: says.previous_key,
            stanzas: says.stanzas.clone(),
            epochs: says.epochs.clone(),
            bodies: object.more().clone(),
        });
        Ok(())
    }

    /// Is a new version to be made before anything is sealed? SPEC section 18.5; whether the newest key opens, and whether users have newer keys, is for
    /// [`super::Kept::is_due`] to say.
    ///
    /// # Errors
    /// `unknown-group`.
    pub fn is_due(&self, groups: &dyn Signers) -> Result<bool> {
        self.due().map_or(Ok(true), |due| due.is_now(groups))
    }

    /// What a new version depends on; nothing while there is none.
    pub(super) fn due(&self) -> Option<Due> {
        let newest = self.versions.last()?;
        let epoch = |(stanza, epoch): (&Stanza, &Option<u64>)| match &stanza.party {
            Party::Group(id) => Some((*id, (*epoch)?)),
            _ => None,
        };
        let user = |stanza: &Stanza| match &stanza.party {
            Party::User { .. } => Some((stanza.party.clone(), stanza.fingerprint)),
            _ => None,
        };
        let by = match newest.authority {
            Authority::Group { id, .. } => newest.signer.party().map(|signer| (Hash(id), signer)),
            Authority::Signer => None,
        };
        Some(Due {
            epochs: newest.stanzas.iter().zip(&newest.epochs).filter_map(epoch).collect(),
            users: newest.stanzas.iter().filter_map(user).collect(),
            by,
        })
    }

    /// Compares with a version that was seen before: its number, and its hash.
    ///
    /// # Errors
    /// `rollback` beyond the newest, `fork` for another.
    pub fn check_view(&self, seen: &View) -> Result<()> {
        let place = seen.sequence.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        let version = place.and_then(|place| self.versions.get(place));
        let version =
            version.ok_or(Error::new(&(Code::Rollback, "fewer versions of an exchange key than seen before")))?;
        if version.hash.0 == seen.hash {
            Ok(())
        } else {
            Err(Error::new(&(Code::Fork, "two exchange keys of one version")))
        }
    }

    /// The newest version and its hash, to be remembered; nothing while there is none.
    #[must_use]
    pub fn head(&self) -> Option<View> {
        self.versions.last().map(|version| View { sequence: self.newest(), hash: version.hash.0 })
    }

    /// The parties, as they stand in entities.
    #[must_use]
    pub const fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Number of the newest version; 0 while there is none.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.versions.len() as u64
    }

    /// Who seals, and for whom.
    #[must_use]
    pub const fn parties(&self) -> (&Party, &Party) {
        (&self.delegator, &self.delegate)
    }

    pub(super) fn versions(&self) -> &[Version] {
        &self.versions
    }
}

/// What the version before says, behind which none falls.
#[derive(Clone, Copy)]
struct Before<'a> {
    authority: &'a Authority,
    epochs: &'a [Option<u64>],
}

/// Step 1.
fn check_names(says: &ExchangeKey, app_id: &AppId, parties: (&Party, &Party)) -> Result<()> {
    if says.app_id != *app_id {
        return Err(OTHER_APP);
    }
    if (&says.delegator, &says.delegate) == parties { Ok(()) } else { Err(OTHER_PAIR) }
}

/// Steps 4 to 6.
fn check_version(
    object: &Signed<ExchangeKey>,
    before: Option<Before<'_>>,
    signer: &Signer,
    signers: &dyn Signers,
) -> Result<()> {
    let says = object.value();
    check_authority(says, before, signer, signers)?;
    check_epochs(says, before, signers)?;
    object.more().check(&says.stanzas)
}

/// Step 4: it is the delegator's own, or signed in the right of the group that is the delegator.
fn check_authority(
    says: &ExchangeKey,
    before: Option<Before<'_>>,
    signer: &Signer,
    signers: &dyn Signers,
) -> Result<()> {
    let is_his = match (&says.authority, &says.delegator) {
        (Authority::Signer, delegator) => signer.party().as_ref() == Some(delegator),
        (Authority::Group { id, .. }, Party::Group(delegator)) => *id == delegator.0,
        (Authority::Group { .. }, _) => false,
    };
    if !is_his {
        return Err(NOT_HIS);
    }
    authority_party(&says.authority, signer, signers)?;
    let sequence = |authority: &Authority| match authority {
        Authority::Signer => 0,
        Authority::Group { sequence, .. } => *sequence,
    };
    if before.is_some_and(|before| sequence(before.authority) > sequence(&says.authority)) {
        return Err(Error::new(&(Code::Rollback, "an older state of the group than in a version before")));
    }
    Ok(())
}

/// Step 5: the keys that it is wrapped for are those of the groups' epochs.
fn check_epochs(says: &ExchangeKey, before: Option<Before<'_>>, signers: &dyn Signers) -> Result<()> {
    let before = before.map(|before| before.epochs).unwrap_or_default();
    for (place, (stanza, epoch)) in says.stanzas.iter().zip(&says.epochs).enumerate() {
        let (Party::Group(id), Some(epoch)) = (&stanza.party, epoch) else { continue };
        let key = *signers.group(id)?.key_of(*epoch).ok_or(AHEAD)?;
        if key != stanza.fingerprint {
            return Err(OTHER_EPOCH);
        }
        if before.get(place).copied().flatten().is_some_and(|before| before > *epoch) {
            return Err(Error::new(&(Code::Rollback, "an older epoch than in the version before")));
        }
    }
    Ok(())
}
