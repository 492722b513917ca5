//! Whom a session is for.

use crate::{
    error::Result,
    identity::UserId,
    party::{Email, Party},
    signed::Hash,
};

/// Whom a session is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// A user.
    User(UserId),
    /// A group.
    Group(Hash),
    /// A place that is kept for a group.
    Placeholder {
        /// The application's name for it.
        name: UserId,
        /// Who gets the code that claims it.
        contact: Option<Email>,
    },
}

impl Recipient {
    /// The user or the group of this id.
    ///
    /// # Errors
    /// `invalid-argument` for what is no id.
    pub fn named(id: &str) -> Result<Self> {
        Hash::parse(id).map_or_else(|| UserId::new(id).map(Self::User), |id| Ok(Self::Group(id)))
    }

    pub(super) const fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user) => Some(user),
            _ => None,
        }
    }

    pub(super) const fn group(&self) -> Option<&Hash> {
        match self {
            Self::Group(id) => Some(id),
            _ => None,
        }
    }

    pub(super) fn of(party: &Party) -> Self {
        match party {
            Party::User { id, .. } => Self::User(id.clone()),
            Party::Group(id) => Self::Group(*id),
            Party::Placeholder { name, contact, .. } => {
                Self::Placeholder { name: name.clone(), contact: contact.clone() }
            }
        }
    }

    /// By the name; a placeholder whatever its contact.
    pub(super) fn is(&self, party: &Party) -> bool {
        match (self, party) {
            (Self::User(user), Party::User { id, .. }) => user == id,
            (Self::Group(own), Party::Group(id)) => own == id,
            (Self::Placeholder { name: own, .. }, Party::Placeholder { name, .. }) => own == name,
            _ => false,
        }
    }
}
