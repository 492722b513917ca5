//! The shares of the two-man rule on their way: SPEC sections 11.5 and 11.6. Each stands in a wrap set as a data key does.

use rand_core::TryCryptoRng;

use crate::{
    backup::TwoMen,
    data_key::DataKey,
    encoding::{Context, base64url},
    error::Result,
    identity::{AppId, UserId},
    key_pair::{KeyPair, PublicKey},
    random::Random,
    secret::Secret,
    wrap::{unwrap_key, wrap_key},
};

/// Draws the shares of a backup that is written whole.
///
/// # Errors
/// `rng`.
pub fn draw_shares<R: TryCryptoRng>(rng: &mut Random<R>) -> Result<TwoMen> {
    Ok(TwoMen { application: Secret::generate(rng)?, key_server: Secret::generate(rng)? })
}

/// Seals the key server's share for its newest bundle.
///
/// # Errors
/// `rng`, `limit`, `key-policy`.
pub fn wrap_share<R: TryCryptoRng>(
    rng: &mut Random<R>,
    share: &Secret<32>,
    key_server: &PublicKey,
    (app_id, user_id): (&AppId, &UserId),
    version: u64,
) -> Result<Vec<u8>> {
    wrap(rng, share, key_server, &context(app_id, user_id, version, None)?)
}

/// Opens the key server's share, at the key server.
///
/// # Errors
/// Those of [`unwrap_key`].
pub fn open_share<R: TryCryptoRng>(
    rng: &mut Random<R>,
    wrapped: &[u8],
    pair: &KeyPair,
    (app_id, user_id): (&AppId, &UserId),
    version: u64,
) -> Result<Secret<32>> {
    open(rng, wrapped, pair, &context(app_id, user_id, version, None)?)
}

/// Seals the key server's share for the key pair of a recovery, at the key server.
///
/// # Errors
/// `rng`, `limit`, `key-policy`.
pub fn wrap_recovery_share<R: TryCryptoRng>(
    rng: &mut Random<R>,
    share: &Secret<32>,
    key: &PublicKey,
    (app_id, user_id): (&AppId, &UserId),
    version: u64,
    recovery: &[u8; 16],
) -> Result<Vec<u8>> {
    wrap(rng, share, key, &context(app_id, user_id, version, Some(recovery))?)
}

/// Opens the share that the key server released for a recovery.
///
/// # Errors
/// Those of [`unwrap_key`].
pub fn open_recovery_share<R: TryCryptoRng>(
    rng: &mut Random<R>,
    wrapped: &[u8],
    pair: &KeyPair,
    (app_id, user_id): (&AppId, &UserId),
    version: u64,
    recovery: &[u8; 16],
) -> Result<Secret<32>> {
    open(rng, wrapped, pair, &context(app_id, user_id, version, Some(recovery))?)
}

fn wrap<R: TryCryptoRng>(
    rng: &mut Random<R>,
    share: &Secret<32>,
    key: &PublicKey,
    context: &Context,
) -> Result<Vec<u8>> {
    wrap_key(&DataKey::from_slice(share.expose())?, rng, [key], context, false)
}

fn open<R: TryCryptoRng>(rng: &mut Random<R>, wrapped: &[u8], pair: &KeyPair, context: &Context) -> Result<Secret<32>> {
    let opened = unwrap_key(wrapped, rng, pair, context)?;
    Secret::try_fill(|share| {
        share.copy_from_slice(opened.dangerously_expose().expose());
        Ok(())
    })
}

fn context(app_id: &AppId, user_id: &UserId, version: u64, recovery: Option<&[u8; 16]>) -> Result<Context> {
    let (version, recovery) = (version.to_string(), recovery.map(|id| base64url(id)));
    let named = [("app", app_id.as_str()), ("user", user_id.as_str()), ("version", &version)];
    Context::new(named.into_iter().chain(recovery.as_deref().map(|id| ("recovery", id))))
}
