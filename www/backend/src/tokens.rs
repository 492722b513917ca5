//! Tokens for the key server: a JWT (RFC 7519) with EdDSA (RFC 8037), as docs/guide/server.md says.

use core::fmt;

use ed25519_dalek::{Signer as _, SigningKey, pkcs8::DecodePrivateKey};
use serde_json::json;
use wardkey::{encoding::base64url, identity::AppId};

/// Short: who is removed asks for no other.
pub(crate) const LIFE_MS: u64 = 5 * 60 * 1_000;

/// Signs them.
pub(crate) struct Signer(SigningKey);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(..)")
    }
}

impl Signer {
    /// Of a private key in PKCS #8, PEM.
    ///
    /// # Errors
    /// What it should have been.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, String> {
        let key = SigningKey::from_pkcs8_pem(pem.trim());
        key.map(Self).map_err(|_| "not an Ed25519 private key (PKCS #8, PEM)".to_owned())
    }

    /// A token of this user.
    pub(crate) fn token(&self, app_id: &AppId, user_id: &str, now_ms: u64) -> String {
        let now = now_ms / 1_000;
        let claims = json!({ "sub": user_id, "aud": app_id.as_str(), "iat": now, "exp": now + LIFE_MS / 1_000 });
        let part = |json: &serde_json::Value| base64url(json.to_string().as_bytes());
        let text = format!("{}.{}", part(&json!({ "alg": "EdDSA", "typ": "JWT" })), part(&claims));
        let signature = self.0.sign(text.as_bytes());
        format!("{text}.{}", base64url(&signature.to_bytes()))
    }
}
