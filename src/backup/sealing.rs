//! The making of a backup, around the slow step.

use rand_core::TryCryptoRng;

use super::{
    EMPTY_STATE, Envelope, Keys, NO_VERSION, Owner, ROOT, StateKey, TwoMen, keys_context, payload::seal_payload,
    root_context, two_man_context,
};
use crate::{
    cobblestone,
    crypto::kdf::Expander,
    encoding::MALFORMED,
    error::Result,
    password::{Derivation, Password, SlowKey},
    random::Random,
    secret::{Secret, SecretBytes},
};

/// A backup before the slow step: whatever could be refused was.
#[derive(Debug)]
pub struct Sealing {
    owner: Owner,
    version: u64,
    derivation: Derivation,
    two_man_key: Option<Secret<32>>,
    payload: SecretBytes,
    state: Option<SecretBytes>,
    root: Secret<ROOT>,
}

impl Sealing {
    /// What to derive.
    #[must_use]
    pub const fn derivation(&self) -> &Derivation {
        &self.derivation
    }

    /// The state that goes into it: an account's. Without one it is the empty map.
    #[must_use]
    pub fn with_state(self, state: SecretBytes) -> Self {
        Self { state: Some(state), ..self }
    }

    /// After the slow step: seals everything.
    ///
    /// # Errors
    /// `rng`, `limit`.
    pub fn finish<R: TryCryptoRng>(self, rng: &mut Random<R>, key: &SlowKey) -> Result<Envelope> {
        self.finish_with_key(rng, key).map(|(envelope, _)| envelope)
    }

    /// As [`Self::finish`]; gives the state's key too.
    ///
    /// # Errors
    /// `rng`, `limit`.
    pub fn finish_with_key<R: TryCryptoRng>(self, rng: &mut Random<R>, key: &SlowKey) -> Result<(Envelope, StateKey)> {
        let Self { owner, version, derivation, two_man_key, payload, state, root } = self;
        let expander = Expander::new(root.expose());
        let mut seal_root = |key: &Secret<32>, context: &[u8]| {
            let sealed = cobblestone::seal(key, rng, context, root.expose())?;
            sealed.try_into().map_err(|_| MALFORMED)
        };
        let sealed_root = seal_root(&key.password_key(), &root_context(&owner, &derivation))?;
        let two_man_root = match two_man_key {
            Some(key) => Some(seal_root(&key, &two_man_context(&owner))?),
            None => None,
        };
        let keys = cobblestone::seal(&expander.derive("backup-keys"), rng, &keys_context(&owner), payload.expose())?;
        let mut envelope =
            Envelope { owner, version, derivation, root: sealed_root, two_man_root, keys, state: Vec::new() };
        let state_key = StateKey::of(&expander);
        envelope.state =
            envelope.seal_state(rng, &state_key, state.as_ref().map_or(EMPTY_STATE, SecretBytes::expose))?;
        Ok((envelope, state_key))
    }
}

impl Envelope {
    /// Draws a new root and seals everything under it.
    ///
    /// # Errors
    /// `invalid-argument` for version 0, and for no key, too many, or one twice; `rng`, `limit`.
    pub fn seal<R: TryCryptoRng>(
        rng: &mut Random<R>,
        owner: &Owner,
        version: u64,
        derivation: &Derivation,
        password: &Password,
        two_men: Option<&TwoMen>,
        keys: &Keys<'_>,
    ) -> Result<Self> {
        let sealing = Self::begin(rng, owner, version, derivation, two_men, keys)?;
        sealing.finish(rng, &derivation.derive(password)?)
    }

    /// As [`Self::seal`], up to the slow step.
    ///
    /// # Errors
    /// `invalid-argument` for version 0, and for no key, too many, or one twice; `rng`.
    pub fn begin<R: TryCryptoRng>(
        rng: &mut Random<R>,
        owner: &Owner,
        version: u64,
        derivation: &Derivation,
        two_men: Option<&TwoMen>,
        keys: &Keys<'_>,
    ) -> Result<Sealing> {
        if version == 0 {
            return Err(NO_VERSION);
        }
        let payload = seal_payload(keys)?;
        let two_man_key = two_men.map(|men| men.key(owner));
        let (owner, derivation, root) = (owner.clone(), derivation.clone(), Secret::generate(rng)?);
        Ok(Sealing { owner, version, derivation, two_man_key, payload, state: None, root })
    }
}
