//! Whom a session is for.

use crate::{
    identity::UserId,
    party::{Email, Party},
};

/// Whom a session is for. Groups come here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// A user.
    User(UserId),
    /// A place that is kept for a group.
    Placeholder {
        /// The application's name for it.
        name: UserId,
        /// Who gets the code that claims it.
        contact: Option<Email>,
    },
}

impl Recipient {
    pub(super) const fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Placeholder { .. } => None,
        }
    }

    pub(super) fn of(party: &Party) -> Option<Self> {
        match party {
            Party::User { id, .. } => Some(Self::User(id.clone())),
            Party::Placeholder { name, contact, .. } => {
                Some(Self::Placeholder { name: name.clone(), contact: contact.clone() })
            }
            Party::Group(_) => None,
        }
    }

    /// By the name; a placeholder whatever its contact.
    pub(super) fn is(&self, party: &Party) -> bool {
        match (self, party) {
            (Self::User(user), Party::User { id, .. }) => user == id,
            (Self::Placeholder { name: own, .. }, Party::Placeholder { name, .. }) => own == name,
            _ => false,
        }
    }
}
