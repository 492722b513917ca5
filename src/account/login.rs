//! What is checked before anything is derived from a password: SPEC section 11.1.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{
    encoding::{MALFORMED, encode},
    error::{Code, Error, Result},
    identity::{AppId, UserId},
    password::{Derivation, Kdf},
    secret::Secret,
};

/// The key server's part: a salt for every name, whether there is an account or not.
#[must_use]
pub fn server_salt(secret: &Secret<32>, app_id: &AppId, user_id: &UserId) -> [u8; 32] {
    let name = encode(|w| {
        w.array(3);
        w.text("wardkey/v1/server-salt");
        w.text(app_id.as_str());
        w.text(user_id.as_str());
    });
    // HMAC takes a key of any length.
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose());
    mac.map(|mac| mac.chain_update(name).finalize().into_bytes().into()).unwrap_or_default()
}

/// The salt of the slow key.
#[must_use]
pub fn login_salt(app_id: &AppId, user_id: &UserId, server_salt: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(encode(|w| {
        w.array(4);
        w.text("wardkey/v1/login-salt");
        w.text(app_id.as_str());
        w.text(user_id.as_str());
        w.bytes(server_salt);
    }))
    .into()
}

/// Takes what the key server says of an account: its parameters, which are within the bounds as every [`Kdf`] is, and its salt. `own` are the client's
/// parameters, `accepted` what the application lists besides. Only what comes out is derived with.
///
/// # Errors
/// `invalid-format` for a salt of another length; `kdf-policy` for other parameters.
pub fn check_login(
    app_id: &AppId,
    user_id: &UserId,
    kdf: Kdf,
    server_salt: &[u8],
    own: Kdf,
    accepted: &[Kdf],
) -> Result<Derivation> {
    let server_salt = server_salt.try_into().map_err(|_| MALFORMED)?;
    if kdf != own && !accepted.contains(&kdf) {
        return Err(Error::new(&(Code::KdfPolicy, "derivation parameters that the application doesn't accept")));
    }
    Derivation::new(kdf, &login_salt(app_id, user_id, server_salt))
}
