//! A new account.

use super::{Client, Event, Host, api::WholeBody};
use crate::{
    account::{Account, Contact, State, draw_shares, wrap_share},
    backend::{Backend, NO_SHARES, Outcome},
    backup::{Envelope, Keys, OpenedKeys},
    encoding::base64url,
    error::{Code, Error},
    identity::{Asked, Bundle, Identity, Met, UserId},
    party::Email,
    password::Password,
    secret::Secret,
    sign::SigningKey,
    signed::Minimum,
};

impl<H: Host> Client<H> {
    /// Makes the keys, publishes the public half, stores the backup. A call whose answer was lost isn't repeated: what it made then opens with [`Self::unlock`].
    ///
    /// # Errors
    /// `already-registered`; `invalid-argument`, `password-format`, `kdf-policy`, `pin-mismatch` of the key server; those of the backend.
    pub async fn register(&self, user_id: &str, password: &str, contact: Option<&str>) -> Outcome<()> {
        let (user, password) = (UserId::new(user_id)?, Password::new(password)?);
        let email = contact.map(Email::new).transpose()?;
        if email.is_some() && !self.host.backend().has_app_share() {
            return Err(NO_SHARES.into());
        }
        let locks = self.locks.get();
        let derived = self.derived(&user, password).await?;
        let pair = self.host.generate(self.options.suite).await?;

        let app_id = &self.options.app_id;
        let (first, account, envelope, share, contact, men) = {
            let rng = &mut *self.host.random().borrow_mut();
            let signing = SigningKey::generate(rng)?;
            let bundle = Bundle::first(app_id, Some(&user), pair.public_key(), &signing)?;
            let first = bundle.to_bytes();
            let own = Identity::verify(&[&first], app_id, Asked::User(&user), Minimum::default())?;
            let mut state = State::new(Secret::generate(rng)?, &own);
            let key_server: Vec<&[u8]> = derived.key_server.iter().map(Vec::as_slice).collect();
            let key_server = Identity::verify(&key_server, app_id, Asked::KeyServer, Minimum::default())?;
            // The user's own name may be anchored.
            state.pins.meet(&own, &self.options.trust)?;
            state.pins.meet(&key_server, &self.options.trust)?;
            let men = email.as_ref().map(|_| draw_shares(rng)).transpose()?;
            let keys = Keys { encryption: &[&pair], signing: &[&signing] };
            let sealing = Envelope::begin(rng, &self.owner(&user), 1, &derived.derivation, men.as_ref(), &keys)?;
            let (envelope, state_key) = sealing.with_state(state.to_bytes()?).finish_with_key(rng, &derived.slow)?;
            let wrap = |men| wrap_share(rng, men, key_server.encryption_key(), (app_id, &user), 1);
            let share = men.as_ref().map(|men| &men.key_server).map(wrap).transpose()?;
            let sign = |email| Contact::sign(app_id, &user, 1, email, (bundle.hash(), &signing));
            let contact = email.as_ref().map(sign).transpose()?.map(|contact| contact.to_bytes());
            let keys = OpenedKeys { encryption: vec![pair], signing: vec![signing] };
            let met = [Met::Known, Met::Known];
            let account = Account { keys, state, state_key, own, key_server: Some(key_server), met };
            (first, account, envelope, share, contact, men)
        };

        if let Some(men) = &men {
            self.check_unregistered(&user).await?;
            self.host.backend().put_share(&user, &base64url(men.application.expose())).await?;
        }
        let backup = envelope.encode();
        let (share, contact) = (share.as_deref(), contact.as_deref());
        let whole = WholeBody { backup: &backup, share, bundle: Some(&first), contact };
        let asked = self.host.now();
        let cursor = self.send_registration(&user, &whole).await?;
        self.make_ready(locks, &user, account, envelope)?;
        self.cache()?.feed.offer(cursor, asked);
        self.derived.take();
        self.tell(Event::BackupChanged { version: 1 });
        self.keep(true).await;
        Ok(())
    }

    /// Before the application is given a new half of a recovery: an account that is there needs the one that it has. Of two who register at once one may still replace the
    /// other's: he has to store a contact anew.
    async fn check_unregistered(&self, user: &UserId) -> Outcome<()> {
        const REGISTERED: Error = Error::new(&(Code::AlreadyRegistered, "this user has an account"));
        match self.read_backups(user).await {
            Ok(_) => Err(REGISTERED.into()),
            Err(failure) if failure.code() == Code::NoBackup => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}
