//! Others: whoever a key is wrapped for, or whose signature is verified, is compared with what is known of the name. SPEC section 10.4.

use super::{Client, Host};
use crate::{
    backend::{Failure, Outcome},
    encoding::MALFORMED,
    error::{Code, Error, Result},
    identity::{Asked, Bundle, FirstUse, Identity, Trust, UserId, check_compared, group_number, safety_number},
    signed::{Hash, Minimum, Unverified},
};

const UNKNOWN: Error = Error::new(&(Code::UnknownUser, "no such user"));

impl<H: Host> Client<H> {
    /// The identities of these users, in their order, verified and met. What was pinned is kept in the backup.
    ///
    /// # Errors
    /// `locked`, `unknown-user`; those of [`Identity::verify`] and of the comparison; those of the backend. The user whom it is about is named.
    pub async fn identities(&self, users: &[&UserId]) -> Outcome<Vec<Identity>> {
        let locks = self.locks.get();
        let found = self.fetch(users).await?;
        let met = self.with(|ready| -> Outcome<_> {
            let mut met = Vec::with_capacity(found.len());
            for identity in &found {
                let id = identity.user_id();
                let change = ready.state.pins.meet(identity, &self.options.trust);
                met.push((id.cloned(), change.map_err(|error| self.about_user(error, id))?));
            }
            Ok(met)
        })?;
        for (id, met) in met? {
            self.tell_of(id.as_ref(), met);
        }
        self.save_state().await?;
        self.check_locks(locks)?;
        Ok(found)
    }

    /// What the open identity and this user compare; or what anybody compares of a group.
    ///
    /// # Errors
    /// As [`Self::identities`], and as [`Self::group`].
    pub async fn safety_number(&self, user_or_group_id: &str) -> Outcome<String> {
        if let Some(group) = Hash::parse(user_or_group_id) {
            self.know_groups(&[group], true).await?;
            return Ok(group_number(&self.options.app_id, &group));
        }
        let user = UserId::new(user_or_group_id)?;
        let found = self.fetch(&[&user]).await?;
        let identity = found.first().ok_or(UNKNOWN)?;
        Ok(self.number(identity)?)
    }

    /// Pins whom people compared, whatever is set for first use. A group's id says itself which group it is: of one, up to where its log goes is remembered.
    ///
    /// # Errors
    /// `pin-mismatch` for another number or fingerprint; as [`Self::identities`], and as [`Self::group`].
    pub async fn verify(&self, user_or_group_id: &str, compared: &str) -> Outcome<()> {
        if let Some(group) = Hash::parse(user_or_group_id) {
            check_compared(compared, &group_number(&self.options.app_id, &group), &group)?;
            self.know_groups(&[group], true).await?;
            return self.save_state().await.map(drop);
        }
        let user = UserId::new(user_or_group_id)?;
        let found = self.fetch(&[&user]).await?;
        let identity = found.first().ok_or(UNKNOWN)?;
        check_compared(compared, &self.number(identity)?, identity.fingerprint())?;
        let trust = Trust { first_use: FirstUse::Pin, ..self.options.trust.clone() };
        let met = self.with(|ready| ready.state.pins.meet(identity, &trust))??;
        self.tell_of(Some(&user), met);
        self.save_state().await?;
        Ok(())
    }

    fn number(&self, other: &Identity) -> Result<String> {
        let other = other.party().ok_or(UNKNOWN)?;
        let own = self.with(|ready| ready.own().map(Identity::party))??.ok_or(UNKNOWN)?;
        Ok(safety_number(&self.options.app_id, &own, &other))
    }

    /// Verified, and not met yet.
    async fn fetch(&self, users: &[&UserId]) -> Outcome<Vec<Identity>> {
        let locks = self.locks.get();
        let (user, minimum) = self.with(|ready| (ready.user.clone(), ready.state.minimum()))?;
        let given = self.directory(&user, users, &[]).await?;
        let mut named = Vec::with_capacity(given.len());
        self.in_steps(&mut || {
            let Some(bundles) = given.get(named.len()) else { return Ok(false) };
            let first = Unverified::<Bundle>::parse(bundles.first().ok_or(MALFORMED)?, Minimum::default())?;
            named.push((first.claimed().user_id().cloned(), bundles));
            Ok(named.len() < given.len())
        })
        .await?;
        let mut found = Vec::with_capacity(users.len());
        let mut verify = || {
            let Some(user) = users.get(found.len()) else { return Ok(false) };
            let (_, bundles) = named.iter().find(|(name, _)| name.as_ref() == Some(*user)).ok_or(UNKNOWN)?;
            let objects: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
            found.push(Identity::verify(&objects, &self.options.app_id, Asked::User(user), minimum)?);
            Ok(found.len() < users.len())
        };
        let verified = self.in_steps(&mut verify).await;
        verified.map_err(|error| self.about_user(error, users.get(found.len()).copied()))?;
        self.check_locks(locks)?;
        Ok(found)
    }

    fn about_user(&self, error: Error, user: Option<&UserId>) -> Failure {
        user.map_or_else(|| error.into(), |user| self.about(error, user.as_str()))
    }
}
