//! What a client stands on: everything that it waits for, and that isn't computed in one go.

use core::cell::RefCell;

use rand_core::TryCryptoRng;

use super::device::Device;
use crate::{
    backend::{Backend, Outcome},
    cache::{KeyStore, Now},
    error::{Code, Result},
    key_pair::{KeyPair, Suite},
    password::{Derivation, Password, SlowKey},
    random::Random,
    secret::SecretBytes,
};

/// The world of a client. Nothing of it is borrowed while it is waited for.
#[allow(async_fn_in_trait, reason = "a client stays on its thread")]
pub trait Host {
    /// The key server.
    type Backend: Backend;
    /// The device's storage.
    type Device: Device;
    /// Where a cache is kept from page to page.
    type Store: KeyStore;
    /// The random generator.
    type Rng: TryCryptoRng;

    /// The key server.
    fn backend(&self) -> &Self::Backend;
    /// The device's storage.
    fn device(&self) -> &Self::Device;
    /// The random generator.
    fn random(&self) -> &RefCell<Random<Self::Rng>>;
    /// Both clocks.
    fn now(&self) -> Now;

    /// Opens the store of an identity's cache, which has this tag in its name; nothing: memory alone. It is closed when the identity is locked.
    fn open_store(&self, tag: &str) -> Option<Self::Store>;

    /// Waits until the call with this ticket has ended, which runs now.
    async fn settled(&self, ticket: u64);
    /// The call with this ticket has ended.
    fn settle(&self, ticket: u64);

    /// Remembers a message that says more than the error's own, and gives the number by which it is found: [`Failure::said`]. Nothing: nobody would read it.
    ///
    /// [`Failure::said`]: crate::backend::Failure::said
    fn say(&self, _code: Code, _message: &str) -> Option<u64> {
        None
    }

    /// Between pieces of work that take a millisecond each: others may run.
    async fn breathe(&self) {}

    /// The slow step, which may run elsewhere.
    async fn derive(&self, derivation: &Derivation, password: &Password) -> Result<SlowKey> {
        derivation.derive(password)
    }

    /// A new key pair, which may be made elsewhere.
    async fn generate(&self, suite: Suite) -> Result<KeyPair> {
        KeyPair::generate(&mut self.random().borrow_mut(), suite)
    }

    /// Opens a stanza's body with an RSA key pair, which takes long enough to run elsewhere: OAEP with this label. Whatever fails of it is `unwrap-failed`.
    async fn unwrap_rsa(&self, pair: &KeyPair, label: &[u8; 32], body: &[u8]) -> Result<SecretBytes> {
        pair.unwrap(&mut self.random().borrow_mut(), label, body)
    }
}

/// Where the application keeps login secrets: `storeLoginSecret`.
#[allow(async_fn_in_trait, reason = "a client stays on its thread")]
pub trait LoginStore {
    /// Keeps the secret of a new password.
    async fn store(&self, secret: &str) -> Outcome<()>;
}

/// The application keeps none.
impl LoginStore for () {
    async fn store(&self, _: &str) -> Outcome<()> {
        Ok(())
    }
}
