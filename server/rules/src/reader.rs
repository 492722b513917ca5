//! Who reads what: the rights of a user, and of the groups to which he belongs. API section 6.

use std::collections::BTreeMap;

use rand_core::TryCryptoRng;
use wardkey::{delegation::Pair, error::Code, identity::UserId, party::Party, session::Rights, signed::Hash};

use crate::{
    ApiError, Work,
    error::Result,
    sessions::UNKNOWN,
    store::{Asker, Membership, Opening, Store},
};

pub(crate) const REVOKED: ApiError = ApiError::new(Code::Revoked, "the rights in this session were taken away");
pub(crate) const NOT_ONE: ApiError = ApiError::new(Code::NotARecipient, "no rights in this session");

const LEFT: ApiError = ApiError::new(Code::Revoked, "an exchange key of a group that this user has left");
const OTHERS: ApiError = ApiError::new(Code::NotARecipient, "an exchange key between others");

/// A user as sessions know him.
pub(crate) struct Reader {
    party: Party,
    groups: BTreeMap<Hash, Membership>,
}

impl Reader {
    fn belongs_to(&self, group: &Hash) -> bool {
        matches!(self.groups.get(group), Some(Membership::Is(_)))
    }

    /// His rights by himself and by his groups: at least one. `revoked` if he had one, `not-a-recipient` if not.
    pub(crate) fn rights(
        &self,
        own: Option<Rights>,
        groups: &[(Hash, Rights)],
    ) -> core::result::Result<Rights, ApiError> {
        let through = groups.iter().filter(|(group, _)| self.belongs_to(group));
        let rights = through.fold(own.unwrap_or(Rights::NONE), |rights, (_, more)| rights.with(*more));
        let had_one = own.is_some() || groups.iter().any(|(group, _)| self.groups.contains_key(group));
        match rights {
            Rights::NONE => Err(if had_one { REVOKED } else { NOT_ONE }),
            rights => Ok(rights),
        }
    }

    /// Is this he, or a group to which he belongs?
    pub(crate) fn is(&self, party: &Party) -> bool {
        match party {
            Party::Group(id) => self.belongs_to(id),
            party => *party == self.party,
        }
    }

    /// May he have exchange keys of this pair? By the names alone: who may not doesn't learn whether there are any. `revoked` if he belonged to one of the two,
    /// `not-a-recipient` if not.
    pub(crate) fn check_pair(&self, pair: &Pair) -> core::result::Result<(), ApiError> {
        let names = [pair.delegator(), pair.delegate()];
        let groups = names.map(Hash::parse);
        let is_named = matches!(&self.party, Party::User { id, .. } if names.contains(&id.as_str()));
        if is_named || groups.iter().flatten().any(|group| self.belongs_to(group)) {
            return Ok(());
        }
        Err(if groups.iter().flatten().any(|group| self.groups.contains_key(group)) { LEFT } else { OTHERS })
    }
}

impl Asker for Reader {
    fn party(&self) -> &Party {
        &self.party
    }

    fn bodies(&self, opening: &Opening) -> Option<Vec<Party>> {
        opening.head?;
        let rights = self.rights(opening.rights, &opening.groups).ok()?;
        if !rights.has(Rights::READ) {
            return Some(Vec::new());
        }
        let own = opening.rights.map(|_| self.party.clone());
        let groups = opening.groups.iter().filter(|(group, _)| self.belongs_to(group));
        Some(own.into_iter().chain(groups.map(|(group, _)| Party::Group(*group))).collect())
    }
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn reader(&mut self, user: &UserId) -> Result<Reader> {
        Ok(Reader { party: self.party(user)?, groups: self.store.memberships(user)?.into_iter().collect() })
    }

    /// The rights of a user in a session, of whose parties these are groups.
    pub(crate) fn rights(
        &mut self,
        reader: &Reader,
        session: &Hash,
        groups: &[(Hash, Rights)],
    ) -> Result<core::result::Result<Rights, ApiError>> {
        let own = self.store.rights(session, &reader.party)?;
        Ok(reader.rights(own, groups))
    }

    /// Has the user any right in this session?
    pub(crate) fn check_reads_log(&mut self, user: &UserId, id: &Hash) -> Result<()> {
        self.store.session(id)?.ok_or(UNKNOWN)?;
        let (reader, groups) = (self.reader(user)?, self.store.group_rights(id)?);
        self.rights(&reader, id, &groups)?.map(drop)
    }

    /// The users who are a party now, or belong to it.
    pub(crate) fn users_of(&mut self, party: &Party) -> Result<Vec<UserId>> {
        Ok(match party {
            Party::User { id, .. } => vec![id.clone()],
            Party::Group(id) => self.store.members(id)?,
            Party::Placeholder { .. } => Vec::new(),
        })
    }

    /// How others name a user who has an account.
    fn party(&mut self, user: &UserId) -> Result<Party> {
        let identity = self.identity(user)?;
        identity.party().ok_or(ApiError::new(Code::UnknownUser, "no such user"))
    }
}
