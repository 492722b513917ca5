//! The opened exchange keys of a pair as they are kept: SPEC section 15, `x.`. What was verified isn't verified again.

use std::rc::Rc;

use super::{
    chain::Chain,
    names::Pair,
    opening::{ExchangeKeys, why_closed},
};
use crate::{
    data_key::DataKey,
    encoding::{MALFORMED, Reader, Writer, encode_into},
    error::Result,
    key_pair::Fingerprint,
    message::View,
    party::Party,
    secret::{Secret, SecretBytes},
    session::{Recipients, Signers},
    signed::Hash,
};

/// What a new version depends on: SPEC section 18.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Groups that the newest version is wrapped for, and the epochs.
    pub(super) epochs: Vec<(Hash, u64)>,
    /// Users that it is wrapped for, and their keys.
    pub(super) users: Vec<(Party, Fingerprint)>,
    /// In the right of this group somebody signed it.
    pub(super) by: Option<(Hash, Party)>,
}

impl Due {
    /// Is one to be made now?
    pub(super) fn is_now(&self, groups: &dyn Signers) -> Result<bool> {
        for (id, epoch) in &self.epochs {
            if groups.group(id)?.newest_epoch() != *epoch {
                return Ok(true);
            }
        }
        match &self.by {
            Some((id, signer)) => Ok(groups.group(id)?.role(signer).is_none()),
            None => Ok(false),
        }
    }

    /// Has one of the users another key now, as far as they are known?
    fn is_renewed(&self, recipients: &dyn Recipients) -> bool {
        let is_other = |(user, key): &(Party, Fingerprint)| {
            recipients.key_for(user).is_ok_and(|newest| newest.fingerprint() != key)
        };
        self.users.iter().any(is_other)
    }
}

/// The opened exchange keys of a pair, and what is asked of them before something is sealed.
#[derive(Clone, Debug)]
pub struct Kept {
    delegator: Party,
    delegate: Party,
    head: View,
    due: Due,
    keys: Rc<ExchangeKeys>,
}

impl Kept {
    /// What was opened of a chain; nothing while it has no version.
    #[must_use]
    pub fn of(chain: &Chain, keys: ExchangeKeys) -> Option<Self> {
        let (delegator, delegate) = chain.parties();
        let (delegator, delegate) = (delegator.clone(), delegate.clone());
        Some(Self { delegator, delegate, head: chain.head()?, due: chain.due()?, keys: keys.into() })
    }

    /// The keys.
    #[must_use]
    pub const fn keys(&self) -> &Rc<ExchangeKeys> {
        &self.keys
    }

    /// The newest version, and its hash.
    #[must_use]
    pub const fn head(&self) -> &View {
        &self.head
    }

    /// Who seals, and for whom.
    #[must_use]
    pub const fn parties(&self) -> [&Party; 2] {
        [&self.delegator, &self.delegate]
    }

    /// Is a new version to be made before anything is sealed? SPEC section 18.5.
    ///
    /// # Errors
    /// `unknown-group`.
    pub fn is_due(&self, recipients: &dyn Recipients) -> Result<bool> {
        Ok(self.keys.newest().is_err() || self.due.is_renewed(recipients) || self.due.is_now(recipients)?)
    }

    /// The payload of the cache's entry.
    #[must_use]
    pub fn to_bytes(&self) -> SecretBytes {
        let versions: Vec<_> = self.keys.versions().collect();
        // Keys must not stay behind in what it grew out of.
        let capacity = 256 + 48 * versions.len() + 96 * (self.due.epochs.len() + self.due.users.len());
        let capacity = capacity + 3 * (self.delegator.to_bytes().len() + self.delegate.to_bytes().len());
        SecretBytes::new(encode_into(Vec::with_capacity(capacity), |w| {
            w.map(7);
            w.uint(1);
            self.delegator.write(w);
            w.uint(2);
            self.delegate.write(w);
            w.uint(3);
            w.bytes(&self.head.hash);
            w.uint(4);
            w.array(self.due.epochs.len());
            for (id, epoch) in &self.due.epochs {
                w.array(2);
                w.bytes(&id.0);
                w.uint(*epoch);
            }
            w.uint(5);
            self.write_by(w);
            w.uint(6);
            w.array(self.due.users.len());
            for (user, key) in &self.due.users {
                w.array(2);
                user.write(w);
                w.bytes(&key.0);
            }
            w.uint(7);
            w.array(versions.len());
            for version in versions {
                match version {
                    Ok(key) => w.bytes(key.dangerously_expose().expose()),
                    Err(error) => w.text(error.code().as_str()),
                }
            }
        }))
    }

    fn write_by(&self, w: &mut Writer) {
        match &self.due.by {
            Some((id, signer)) => {
                w.array(2);
                w.bytes(&id.0);
                signer.write(w);
            }
            None => w.null(),
        }
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// `invalid-format`: it counts as not there.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        reader.map_of(7)?;
        reader.key(1)?;
        let delegator = Party::read(&mut reader)?;
        reader.key(2)?;
        let delegate = Party::read(&mut reader)?;
        reader.key(3)?;
        let hash = reader.fixed()?;
        reader.key(4)?;
        let epochs = reader.list(|reader| {
            reader.array_of(2)?;
            Ok((Hash(reader.fixed()?), reader.uint()?))
        })?;
        reader.key(5)?;
        let by = reader.null_or(|reader| {
            reader.array_of(2)?;
            Ok((Hash(reader.fixed()?), Party::read(reader)?))
        })?;
        reader.key(6)?;
        let users = reader.list(|reader| {
            reader.array_of(2)?;
            Ok((Party::read(reader)?, Fingerprint(reader.fixed()?)))
        })?;
        reader.key(7)?;
        let versions = reader.list(|reader| {
            if !reader.is_text() {
                return Ok(Ok(DataKey::from_secret(Secret::from_slice(reader.bytes()?).ok_or(MALFORMED)?)));
            }
            Ok(Err(why_closed(reader.text()?).ok_or(MALFORMED)?))
        })?;
        let head = View { sequence: versions.len() as u64, hash };
        let pair = Pair::of(&delegator, &delegate).map_err(|_| MALFORMED)?;
        let keys = ExchangeKeys::kept(pair, versions).into();
        let kept = Self { delegator, delegate, head, due: Due { epochs, users, by }, keys };
        // Also what is left over, or isn't canonical.
        if kept.to_bytes().expose() == bytes { Ok(kept) } else { Err(MALFORMED) }
    }
}
