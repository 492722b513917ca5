//! Who calls: tokens that the application's server signs (JWT, RFC 7519, with EdDSA, RFC 8037), and the application's own credential. API section 1.

use core::fmt;
use std::{collections::HashSet, sync::Once};

use ed25519_dalek::{
    Signature, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, DecodePublicKey},
};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::ErrorKind,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use wardkey::{
    encoding::base64url,
    identity::{AppId, UserId},
};

/// No token is good for longer: one that leaks ends.
const LONGEST_S: u64 = 24 * 60 * 60;
/// How far the clocks of the two servers may differ.
const LEEWAY_S: u64 = 60;

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Claims {
    /// The user id.
    sub: String,
    /// The app id.
    aud: String,
    /// Seconds since 1970.
    iat: Option<u64>,
    exp: u64,
}

/// A user, and until when his token is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Who.
    pub user_id: UserId,
    /// Seconds since 1970.
    pub until_s: u64,
}

/// What an application's tokens and its own credential are checked by.
pub(crate) struct Tokens {
    app_id: AppId,
    keys: Vec<VerifyingKey>,
    /// SHA-256 of the application's credential.
    credential: Option<[u8; 32]>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens(of {}, {} keys)", self.app_id.as_str(), self.keys.len())
    }
}

impl Tokens {
    /// Several keys: a new one beside the one that it replaces.
    #[must_use]
    pub(crate) fn new(app_id: AppId, keys: Vec<VerifyingKey>, credential: Option<&str>) -> Self {
        install();
        Self { app_id, keys, credential: credential.map(|credential| Sha256::digest(credential).into()) }
    }

    /// The user whom a token names.
    #[must_use]
    pub(crate) fn user(&self, token: &str, now_s: u64) -> Option<Named> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[self.app_id.as_str()]);
        validation.required_spec_claims = HashSet::from(["exp", "aud", "sub"].map(str::to_owned));
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_S;
        let claims = self.keys.iter().find_map(|key| {
            let key = DecodingKey::from_ed_der(key.as_bytes());
            jsonwebtoken::decode::<Claims>(token, &key, &validation).ok()
        })?;
        let Claims { sub, exp, .. } = claims.claims;
        if exp > now_s.saturating_add(LONGEST_S + LEEWAY_S) {
            return None;
        }
        Some(Named { user_id: UserId::new(&sub).ok()?, until_s: exp })
    }

    /// Is this the application's credential?
    #[must_use]
    pub(crate) fn is_application(&self, credential: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(credential).into();
        self.credential.is_some_and(|kept| kept.ct_eq(&given).into())
    }
}

/// A token for a user: what the application's server does, here for development and tests.
///
/// # Errors
/// A key that isn't an Ed25519 key in PKCS #8, PEM.
pub(crate) fn sign_token(
    key_pem: &str,
    app_id: &AppId,
    user: &UserId,
    now_s: u64,
    life_s: u64,
) -> Result<String, String> {
    install();
    let key = read_private_key(key_pem)?;
    let claims = Claims {
        sub: user.as_str().to_owned(),
        aud: app_id.as_str().to_owned(),
        iat: Some(now_s),
        exp: now_s.saturating_add(life_s),
    };
    let key = EncodingKey::from_ed_der(key.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key)
        .map_err(|_| "the token can't be signed".to_owned())
}

/// Reads a private key: Ed25519, PKCS #8 in PEM (RFC 8410).
///
/// # Errors
/// In one line, what it should have been.
pub(crate) fn read_private_key(pem: &str) -> Result<SigningKey, String> {
    SigningKey::from_pkcs8_pem(pem.trim()).map_err(|_| "not an Ed25519 private key (PKCS #8, PEM)".to_owned())
}

/// Reads a public key: Ed25519, SubjectPublicKeyInfo in PEM (RFC 8410).
///
/// # Errors
/// In one line, what it should have been.
pub(crate) fn read_public_key(pem: &str) -> Result<VerifyingKey, String> {
    VerifyingKey::from_public_key_pem(pem.trim())
        .ok()
        .filter(|key| !key.is_weak())
        .ok_or_else(|| "not an Ed25519 public key (PEM, as of `openssl pkey -pubout`)".to_owned())
}

/// A new credential: 32 random bytes as text.
///
/// # Errors
/// Where the system has no randomness.
pub(crate) fn generate_credential() -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| "no randomness".to_owned())?;
    Ok(base64url(&bytes))
}

/// RFC 8037 for `jsonwebtoken`, which brings six more algorithms with either provider of its own.
fn install() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| match algorithm {
            Algorithm::EdDSA => {
                let seed = key.as_bytes().try_into().map_err(|_| ErrorKind::InvalidKeyFormat)?;
                Ok(Box::new(Signs(SigningKey::from_bytes(seed))))
            }
            _ => Err(ErrorKind::InvalidAlgorithm.into()),
        },
        verifier_factory: |algorithm, key| match algorithm {
            Algorithm::EdDSA => {
                let bytes = key.try_get_as_bytes()?.try_into().map_err(|_| ErrorKind::InvalidKeyFormat)?;
                Ok(Box::new(Verifies(VerifyingKey::from_bytes(bytes).map_err(|_| ErrorKind::InvalidKeyFormat)?)))
            }
            _ => Err(ErrorKind::InvalidAlgorithm.into()),
        },
        key_utils: KeyUtils::new_unimplemented(),
    };
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Refused only where somebody else was first in this process, who then is this function.
        let _ = PROVIDER.install_default();
    });
}

struct Signs(SigningKey);

impl signature::Signer<Vec<u8>> for Signs {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(ed25519_dalek::Signer::sign(&self.0, message).to_vec())
    }
}

impl JwtSigner for Signs {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Verifies(VerifyingKey);

impl signature::Verifier<Vec<u8>> for Verifies {
    fn verify(&self, message: &[u8], given: &Vec<u8>) -> Result<(), signature::Error> {
        let given = Signature::from_slice(given).map_err(|_| signature::Error::new())?;
        self.0.verify_strict(message, &given).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Verifies {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::pkcs8::{EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding};

    fn now() -> u64 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
    }

    fn pair() -> (String, String) {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        let key = SigningKey::from_bytes(&seed);
        let public = key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
        (key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string(), public)
    }

    #[test]
    fn a_token_names_its_user_for_its_application_alone() {
        let ((private, public), (foreign, _)) = (pair(), pair());
        let (app, other) = (AppId::new("app.example").unwrap(), AppId::new("other.example").unwrap());
        let (alice, now) = (UserId::new("alice").unwrap(), now());
        let tokens = Tokens::new(app.clone(), vec![read_public_key(&public).unwrap()], Some("secret"));
        let token = |key: &str, app: &AppId, from, life| sign_token(key, app, &alice, from, life).unwrap();

        let named = tokens.user(&token(&private, &app, now, 600), now).unwrap();
        assert_eq!(named, Named { user_id: alice.clone(), until_s: now + 600 });
        assert_eq!(tokens.user(&token(&foreign, &app, now, 600), now), None, "another key");
        assert_eq!(tokens.user(&token(&private, &other, now, 600), now), None, "another application's");
        assert_eq!(tokens.user(&token(&private, &app, now - 1_000, 600), now), None, "ended");
        assert_eq!(tokens.user(&token(&private, &app, now, LONGEST_S + 120), now), None, "too long");
        assert!(tokens.is_application("secret"));
        assert!(!tokens.is_application("secre"));
        assert!(!Tokens::new(app, Vec::new(), None).is_application(""));
    }

    #[test]
    fn no_other_algorithm_and_no_missing_claim() {
        let (private, public) = pair();
        let app = AppId::new("app.example").unwrap();
        let tokens = Tokens::new(app.clone(), vec![read_public_key(&public).unwrap()], None);
        let signed = sign_token(&private, &app, &UserId::new("alice").unwrap(), now(), 600).unwrap();
        let rest = signed.split_once('.').unwrap().1;
        let claims = rest.split_once('.').unwrap().0;
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS256"}"#, r#"{"alg":"EdDSA","crit":["x"],"x":1}"#] {
            let header = base64url(header.as_bytes());
            assert_eq!(tokens.user(&format!("{header}.{rest}"), now()), None);
            assert_eq!(tokens.user(&format!("{header}.{claims}."), now()), None);
        }
        let key = SigningKey::from_pkcs8_pem(&private).unwrap();
        let header = base64url(br#"{"alg":"EdDSA"}"#);
        for claims in [
            format!(r#"{{"aud":"app.example","exp":{}}}"#, now() + 60),
            format!(r#"{{"sub":"alice","exp":{}}}"#, now() + 60),
            r#"{"sub":"alice","aud":"app.example"}"#.to_owned(),
            format!(r#"{{"sub":"alice","aud":"app.example","exp":{},"nbf":{}}}"#, now() + 600, now() + 300),
            format!(r#"{{"sub":"a→b","aud":"app.example","exp":{}}}"#, now() + 60),
        ] {
            let message = format!("{header}.{}", base64url(claims.as_bytes()));
            let signature = base64url(&ed25519_dalek::Signer::sign(&key, message.as_bytes()).to_bytes());
            assert_eq!(tokens.user(&format!("{message}.{signature}"), now()), None, "{claims}");
        }
        for text in ["", ".", "..", "a.b.c", "é"] {
            assert_eq!(tokens.user(text, now()), None);
        }
    }
}
