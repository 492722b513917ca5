//! From a password to its slow key: SPEC section 11.1. Nothing is derived with parameters that the application doesn't accept, and nothing derived is sent before.

use std::rc::Rc;

use super::{Client, Host, api::Bundles};
use crate::{
    account::check_login,
    backend::Outcome,
    cache::Now,
    encoding::base64url,
    error::{Code, Error, Result},
    identity::UserId,
    password::{Derivation, Password, SlowKey},
    secret::equal,
};

/// How long a derivation is kept for the call that follows.
const LIFE: u64 = 2 * 60 * 1000;

/// A slow key, and what it was derived from.
pub(super) struct Derived {
    user: UserId,
    password: Password,
    since: Now,
    pub(super) derivation: Derivation,
    pub(super) slow: SlowKey,
    /// As the key server presented itself.
    pub(super) key_server: Bundles,
}

impl Derived {
    fn is_of(&self, user: &UserId, password: &Password) -> bool {
        self.user == *user && equal(self.password.expose(), password.expose())
    }

    /// By the longer of both clocks.
    fn has_ended(&self, now: Now) -> bool {
        let since = |now: u64, then: u64| now.saturating_sub(then);
        since(now.wall, self.since.wall).max(since(now.monotonic, self.since.monotonic)) >= LIFE
    }
}

impl<H: Host> Client<H> {
    /// What the application authenticates the user by. The derivation is kept for two minutes, for [`Self::register`] or [`Self::unlock`].
    ///
    /// # Errors
    /// `invalid-argument`, `password-format`, `kdf-policy`, `invalid-format`; those of the backend.
    pub async fn login_secret(&self, user_id: &str, password: &str) -> Outcome<String> {
        let (user, password) = (UserId::new(user_id)?, Password::new(password)?);
        let derived = self.derived(&user, password).await?;
        Ok(base64url(derived.slow.login_secret().expose()))
    }

    /// Drops a derivation that has been kept for two minutes: for a timer.
    pub fn expire_derivation(&self) {
        let now = self.host.now();
        self.derived.borrow_mut().take_if(|derived| derived.has_ended(now));
    }

    /// By the key server's parameters.
    pub(super) async fn derived(&self, user: &UserId, password: Password) -> Outcome<Rc<Derived>> {
        self.expire_derivation();
        if let Some(derived) = self.derived.borrow().as_ref().filter(|derived| derived.is_of(user, &password)) {
            return Ok(Rc::clone(derived));
        }
        let (locks, Self { options, .. }) = (self.locks.get(), self);
        let reply = self.login_parameters(user, options.kdf).await?;
        let salt = reply.server_salt.as_slice();
        let derivation = check_login(&options.app_id, user, reply.kdf, salt, options.kdf, &options.accepted)?;
        let slow = self.host.derive(&derivation, &password).await?;
        let (user, since, key_server) = (user.clone(), self.host.now(), reply.key_server);
        let derived = Rc::new(Derived { user, password, since, derivation, slow, key_server });
        if self.check_locks(locks).is_ok() {
            *self.derived.borrow_mut() = Some(Rc::clone(&derived));
        }
        Ok(derived)
    }

    /// By the parameters of a backup on this device.
    pub(super) async fn derive_off_line(&self, derivation: &Derivation, password: &Password) -> Result<SlowKey> {
        let kdf = derivation.kdf();
        if kdf != self.options.kdf && !self.options.accepted.contains(&kdf) {
            return Err(Error::new(&(Code::KdfPolicy, "derivation parameters that the application doesn't accept")));
        }
        self.host.derive(derivation, password).await
    }
}
