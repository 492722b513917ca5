//! The key server's own secrets, sealed by the operator's secret: what stands in the database is of no use without it. `docs/guide/server.md`.
//!
//! `message::seal(key = the operator's secret, Server::to_secret_bytes, context = {"app": app id, "what": "wardkey/v1/key-server"})`

use wardkey::{
    data_key::DataKey,
    encoding::{Context, base64url, from_base64url},
    error::{Code, Error, Result},
    identity::AppId,
    message::{self, Padding},
    random::Random,
    secret::{Secret, SecretBytes},
};
use wardkey_rules::Server;

const WHAT: &str = "wardkey/v1/key-server";

/// 32 random bytes that the operator keeps apart from the database.
pub struct OperatorSecret(DataKey);

impl core::fmt::Debug for OperatorSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("OperatorSecret(redacted)")
    }
}

impl OperatorSecret {
    /// From its text: base64url of 32 bytes, as `wardkey-server secret` gives it.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn from_text(text: &str) -> Result<Self> {
        let bytes = SecretBytes::new(from_base64url(text.trim()).unwrap_or_default());
        let secret = Secret::from_slice(bytes.expose());
        let secret = secret.ok_or(Error::new(&(Code::InvalidArgument, "a secret is base64url of 32 bytes")))?;
        Ok(Self(DataKey::from_secret(secret)))
    }

    /// A new one, as text.
    ///
    /// # Errors
    /// `rng`.
    pub fn generate() -> Result<String> {
        Ok(base64url(Secret::<32>::generate(&mut wardkey::random::system())?.expose()))
    }

    /// Seals a key server's secrets.
    ///
    /// # Errors
    /// `rng`.
    pub fn seal<R: rand_core::TryCryptoRng>(&self, rng: &mut Random<R>, server: &Server) -> Result<Vec<u8>> {
        let context = context(server.app_id())?;
        message::seal(&self.0, rng, server.to_secret_bytes().expose(), &context, Padding::None)
    }

    /// Opens them.
    ///
    /// # Errors
    /// `decryption-failed` with another secret, or those of another application; what [`Server::from_secret_bytes`] says.
    pub fn open(&self, sealed: &[u8], app_id: &AppId) -> Result<Server> {
        let secrets = SecretBytes::new(message::open(&self.0, sealed, &context(app_id)?)?);
        Server::from_secret_bytes(&secrets)
    }
}

fn context(app_id: &AppId) -> Result<Context> {
    Context::new([("app", app_id.as_str()), ("what", WHAT)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_secret_for_the_same_application() {
        let mut rng = wardkey::random::system();
        let app = AppId::new("app.example").unwrap();
        let server = Server::generate(&mut rng, &app).unwrap();
        let text = OperatorSecret::generate().unwrap();
        let (secret, other) = (OperatorSecret::from_text(&text).unwrap(), OperatorSecret::generate().unwrap());
        let sealed = secret.seal(&mut rng, &server).unwrap();
        assert!(!sealed.windows(16).any(|window| server.to_secret_bytes().expose().windows(16).any(|of| of == window)));
        let opened = secret.open(&sealed, &app).unwrap();
        assert_eq!(opened.identity().fingerprint(), server.identity().fingerprint());
        let other = OperatorSecret::from_text(&other).unwrap();
        assert_eq!(other.open(&sealed, &app).unwrap_err().code(), Code::DecryptionFailed);
        let foreign = AppId::new("other.example").unwrap();
        assert_eq!(secret.open(&sealed, &foreign).unwrap_err().code(), Code::DecryptionFailed);
        for text in ["", "short", &text[1..], &format!("{text}AA")] {
            assert_eq!(OperatorSecret::from_text(text).unwrap_err().code(), Code::InvalidArgument);
        }
    }
}
