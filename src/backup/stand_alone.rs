//! A key pair in a backup by itself, which the application keeps: no app id, one key, version 1.

use rand_core::TryCryptoRng;

use super::{Envelope, Keys, Owner, Sealing};
use crate::{
    encoding::MALFORMED,
    error::Result,
    key_pair::KeyPair,
    password::{Derivation, Kdf, Password, SlowKey},
    random::Random,
};

const SALT: usize = 32;

/// Seals a key pair under a password.
///
/// # Errors
/// `invalid-argument` for a user id, `password-format`, `rng`, `limit`.
pub fn seal_backup<R: TryCryptoRng>(
    pair: &KeyPair,
    rng: &mut Random<R>,
    password: &str,
    user_id: &str,
    kdf: Kdf,
) -> Result<Vec<u8>> {
    let (sealing, password) = begin_sealing(pair, rng, password, user_id, kdf)?;
    let key = sealing.derivation().derive(&password)?;
    Ok(sealing.finish(rng, &key)?.encode())
}

/// As [`seal_backup`], up to the slow step; gives the password as it goes into that.
///
/// # Errors
/// `invalid-argument` for a user id, `password-format`, `rng`.
pub fn begin_sealing<R: TryCryptoRng>(
    pair: &KeyPair,
    rng: &mut Random<R>,
    password: &str,
    user_id: &str,
    kdf: Kdf,
) -> Result<(Sealing, Password)> {
    let owner = Owner::stand_alone(user_id)?;
    let password = Password::new(password)?;
    let mut salt = [0; SALT];
    rng.fill(&mut salt)?;
    let derivation = Derivation::new(kdf, &salt)?;
    let keys = Keys { encryption: &[pair], signing: &[] };
    Ok((Envelope::begin(rng, &owner, 1, &derivation, None, &keys)?, password))
}

/// Opens a backup that [`seal_backup`] made for this user.
///
/// # Errors
/// `invalid-format`, `truncated`, `unsupported-version`, `limit`: not a backup. `kdf-policy`, `key-mismatch` (another user's), `password-format`: nothing was derived.
/// `wrong-password`. `decryption-failed`, `key-mismatch`: changed.
pub fn open_backup(backup: &[u8], password: &str, user_id: &str) -> Result<KeyPair> {
    let (envelope, password) = begin_opening(backup, password, user_id)?;
    finish_opening(&envelope, &envelope.derivation().derive(&password)?)
}

/// As [`open_backup`], up to the slow step; gives the password as it goes into that.
///
/// # Errors
/// Those of [`open_backup`] for which nothing is derived.
pub fn begin_opening(backup: &[u8], password: &str, user_id: &str) -> Result<(Envelope, Password)> {
    let envelope = Envelope::parse(backup)?;
    envelope.check_owner(&Owner::stand_alone(user_id)?)?;
    Ok((envelope, Password::new(password)?))
}

/// As [`open_backup`], after the slow step.
///
/// # Errors
/// Those of [`open_backup`] for which something is derived.
pub fn finish_opening(envelope: &Envelope, key: &SlowKey) -> Result<KeyPair> {
    let opened = envelope.open_with(key)?;
    let mut encryption = opened.encryption.into_iter();
    match (encryption.next(), encryption.next(), opened.signing.is_empty()) {
        (Some(pair), None, true) => Ok(pair),
        _ => Err(MALFORMED),
    }
}
