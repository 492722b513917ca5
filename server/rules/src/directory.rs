//! Whose keys are whose: API section 5.

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    error::Code,
    identity::{Asked, Identity, UserId},
    signed::Minimum,
};

use crate::{ApiError, Work, error::Result, objects, request::Members, store::Store};

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn directory(&mut self, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["userIds", "bundles"])?;
        let (mut users, bundles) = (members.user_ids("userIds")?, members.hashes("bundles")?);
        users.extend(self.store.owners_of(&bundles)?.into_iter().flatten());
        Ok(json!({ "identities": self.identities(&users)? }))
    }

    /// The objects of these users' identities, each once; those who have none are left out.
    pub(crate) fn identities(&mut self, users: &[UserId]) -> Result<Vec<Value>> {
        let mut given = std::collections::BTreeSet::new();
        let users: Vec<_> = users.iter().filter(|user| given.insert(*user)).cloned().collect();
        let identities = self.store.bundles_of(&users)?;
        Ok(identities.iter().filter(|bundles| !bundles.is_empty()).map(|bundles| objects(bundles)).collect())
    }

    /// The active identity of a user who has an account.
    pub(crate) fn identity(&mut self, user: &UserId) -> Result<Identity> {
        self.identity_with(user, None)
    }

    /// The same, with a renewal after it.
    pub(crate) fn identity_with(&mut self, user: &UserId, renewal: Option<&[u8]>) -> Result<Identity> {
        let bundles = self.store.bundles(user)?;
        if bundles.is_empty() {
            return Err(ApiError::new(Code::UnknownUser, "no such user"));
        }
        let objects: Vec<_> = bundles.iter().map(Vec::as_slice).chain(renewal).collect();
        Ok(Identity::verify(&objects, self.server.app_id(), Asked::User(user), Minimum::default())?)
    }
}
