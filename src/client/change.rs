//! What writes the backup anew: another password, other keys, another contact.

use super::{
    CONFLICT, Client, Event, Host, LOCKED, LoginStore, TRIES,
    unlock::{OnLine, newest_signer, objects, slices},
    whole::{By, Whole},
};
use crate::{
    account::{Account, State},
    backend::{Backend, NO_SHARES, Outcome},
    backup::Envelope,
    error::{Code, Result},
    identity::{Asked, Bundle, Identity, UserId},
    key_pair::KeyPair,
    party::Email,
    password::{Derivation, Password, SlowKey},
    sign::SigningKey,
};

/// What changes.
enum Change<'a> {
    Password(&'a SlowKey),
    Keys(KeyPair, SigningKey),
    Contact(Email),
}

impl<H: Host> Client<H> {
    /// Another password. Wherever it ends early, either password still opens, and the one whose login secret the application has does.
    ///
    /// # Errors
    /// `locked`, `password-format`, `wrong-password`; what `login` ends in; those of the backend.
    pub async fn change_password(&self, old: &str, new: &str, login: &impl LoginStore) -> Outcome<()> {
        let locks = self.locks.get();
        let (old, new) = (Password::new(old)?, Password::new(new)?);
        let (user, derivation, old) = self.check_password(&old).await?;
        let new = self.host.derive(&derivation, &new).await?;
        self.rewrite(locks, &user, (&derivation, &old), &Change::Password(&new), login).await
    }

    /// New keys for the same identity, signed by the old ones.
    ///
    /// # Errors
    /// `locked`, `password-format`, `wrong-password`, `limit` after 64 versions; those of the backend.
    pub async fn renew_keys(&self, password: &str) -> Outcome<()> {
        let locks = self.locks.get();
        let password = Password::new(password)?;
        let (user, derivation, slow) = self.check_password(&password).await?;
        self.check_locks(locks)?;
        let own = self.with(|ready| ready.own().map(Identity::suite))??;
        let suite = if self.options.suite.is_weaker_than(own) { own } else { self.options.suite };
        let pair = self.host.generate(suite).await?;
        let signing = SigningKey::generate(&mut self.host.random().borrow_mut())?;
        self.rewrite(locks, &user, (&derivation, &slow), &Change::Keys(pair, signing), &()).await
    }

    /// Where one-time codes go from now on.
    ///
    /// # Errors
    /// `locked`, `password-format`, `wrong-password`, `invalid-argument`; those of the backend.
    pub async fn set_recovery_contact(&self, password: &str, email: &str) -> Outcome<()> {
        let locks = self.locks.get();
        let (password, email) = (Password::new(password)?, Email::new(email)?);
        if !self.host.backend().has_app_share() {
            return Err(NO_SHARES.into());
        }
        let (user, derivation, slow) = self.check_password(&password).await?;
        self.rewrite(locks, &user, (&derivation, &slow), &Change::Contact(email), &()).await
    }

    /// Derived as the backup says, which this client has opened; `wrong-password` if it doesn't open it again.
    async fn check_password(&self, password: &Password) -> Outcome<(UserId, Derivation, SlowKey)> {
        let (user, envelope) = self.with(|ready| (ready.user.clone(), ready.envelope.clone()))?;
        let derivation = envelope.derivation().clone();
        let slow = self.host.derive(&derivation, password).await?;
        envelope.open_account(&slow)?;
        Ok((user, derivation, slow))
    }

    async fn rewrite(
        &self,
        locks: u64,
        user: &UserId,
        (derivation, old): (&Derivation, &SlowKey),
        change: &Change<'_>,
        login: &impl LoginStore,
    ) -> Outcome<()> {
        for _ in 0..TRIES {
            self.check_locks(locks)?;
            let remembered = self.with(|ready| ready.envelope.version())?;
            let found = match self.open_on_line(user, derivation, old, remembered).await {
                // Another device has changed the password since.
                Err(failure) if failure.code() == Code::WrongPassword && self.check_locks(locks).is_ok() => {
                    self.supersede().await;
                    return Err(LOCKED.into());
                }
                found => found?,
            };
            self.check_locks(locks)?;
            match self.write_changed(user, old, &found, change, login).await {
                Err(failure) if failure.code() == Code::Conflict => {}
                Err(failure) => return Err(failure),
                Ok((mut account, envelope)) => {
                    self.check_locks(locks)?;
                    // What was met meanwhile.
                    account.state = self.with(|ready| account.state.merge(&ready.state))??;
                    let version = envelope.version();
                    let [own, key_server] = found.account.met;
                    self.tell_of(Some(user), own);
                    self.tell_of(None, key_server);
                    self.make_ready(locks, user, account, envelope)?;
                    self.tell(Event::BackupChanged { version });
                    self.keep(true).await;
                    self.save_state().await?;
                    return Ok(());
                }
            }
        }
        Err(CONFLICT.into())
    }

    async fn write_changed(
        &self,
        user: &UserId,
        old: &SlowKey,
        found: &OnLine,
        change: &Change<'_>,
        login: &impl LoginStore,
    ) -> Outcome<(Account, Envelope)> {
        let account = &found.account;
        let mut state = copy(&account.state, user)?;
        state = self.with(|ready| state.merge(&ready.state))??;
        let (mut encryption, mut signing) = account.keys.refs();
        let (mut slow, mut contact, mut renewal) = (old, None, None);
        match change {
            Change::Password(new) => slow = new,
            Change::Contact(email) => contact = Some(email.clone()),
            Change::Keys(pair, key) => {
                let (_, old) = newest_signer(account)?;
                let bundle = Bundle::renewal(&account.own, old, pair.public_key(), key)?.to_bytes();
                let mut own = objects(&account.own);
                own.push(bundle.clone());
                let own = Identity::verify(&slices(&own), &self.options.app_id, Asked::User(user), state.minimum())?;
                state.pins.meet(&own, &self.options.trust)?;
                renewal = Some(bundle);
                encryption.insert(0, pair);
                signing.insert(0, key);
            }
        }
        let whole = Whole {
            by: By::User,
            slow,
            encryption,
            signing,
            state: state.to_bytes()?,
            renewal,
            contact,
            signer: newest_signer(account)?,
        };
        let changes_password = matches!(change, Change::Password(_));
        self.write_whole(user, found, &whole, login, changes_password).await
    }
}

/// States aren't cloned without a reason; this one may be thrown away.
pub(super) fn copy(state: &State, user: &UserId) -> Result<State> {
    State::from_bytes(&state.to_bytes()?, user)
}
