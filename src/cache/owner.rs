//! Whose cache it is.

use sha2::{Digest, Sha256};

use crate::{
    encoding::{base64url, encode},
    error::{Code, Error, Result},
    identity::{AppId, UserId},
};

const MAX_NAME: usize = 128;
/// Whose cache it is: a name that the application chooses, and a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub(super) name: String,
    pub(super) user: UserId,
}

impl Owner {
    /// The cache of this name and user.
    ///
    /// # Errors
    /// `invalid-argument` for a name that is empty, longer than 128 bytes or holds control characters, and for what is no user id.
    pub fn new(name: &str, user: &str) -> Result<Self> {
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Error::new(&(
                Code::InvalidArgument,
                "a cache's name has 1 to 128 bytes, without control characters",
            )));
        }
        Ok(Self { name: name.to_owned(), user: UserId::new(user)? })
    }

    /// A client's.
    pub(crate) fn of_client(app_id: &AppId, user: &UserId) -> Self {
        Self { name: app_id.as_str().to_owned(), user: user.clone() }
    }

    /// A word for both: 22 characters, different for each owner.
    #[must_use]
    pub fn tag(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(encode(|w| {
            w.array(3);
            w.text("wardkey/v1/cache-owner");
            w.text(&self.name);
            w.text(self.user.as_str());
        }))
        .into();
        let (tag, _) = digest.split_at(16);
        base64url(tag)
    }
}
