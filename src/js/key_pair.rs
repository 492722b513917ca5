//! `KeyPair` and `PublicKey`.

use std::rc::Rc;

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{convert::get, error::JsResult, random::with_random, scrub_stack, scrubbed};
use crate::{
    encoding::from_base64url,
    error::{Code, Error, Result},
    key_pair::{KeyPair, PublicKey, RsaNumbers, Suite},
    secret::SecretBytes,
};

/// A private key and its public half.
#[wasm_bindgen(js_name = CoreKeyPair)]
#[derive(Debug)]
pub struct CoreKeyPair(pub(super) Rc<KeyPair>);

#[wasm_bindgen(js_class = CoreKeyPair)]
impl CoreKeyPair {
    /// A new key pair of this suite.
    pub fn generate(suite: &str) -> JsResult<CoreKeyPair> {
        let suite = Suite::from_name(suite)?;
        scrubbed(|| Ok(Self(Rc::new(with_random(|rng| KeyPair::generate(rng, suite))?))))
    }

    /// RSA, PKCS#8 in PEM.
    #[wasm_bindgen(js_name = fromPem)]
    pub fn from_pem(text: &str) -> JsResult<CoreKeyPair> {
        scrubbed(|| Ok(Self(Rc::new(KeyPair::from_pem(text)?))))
    }

    /// RSA, PKCS#8 in DER.
    #[wasm_bindgen(js_name = fromPkcs8)]
    pub fn from_pkcs8(der: &[u8]) -> JsResult<CoreKeyPair> {
        scrubbed(|| Ok(Self(Rc::new(KeyPair::from_pkcs8(der)?))))
    }

    /// RSA, JWK.
    #[wasm_bindgen(js_name = fromJwk)]
    pub fn from_jwk(jwk: JsValue) -> JsResult<CoreKeyPair> {
        scrubbed(|| Ok(Self(Rc::new(from_jwk(&jwk)?))))
    }

    /// The private half of an RSA key pair, for the engine that is to use it.
    pub fn pkcs8(&self) -> JsResult<Vec<u8>> {
        const NO_RSA: Error = Error::new(&(Code::InvalidArgument, "not an RSA key pair"));
        if self.0.public_key().suite() == Suite::Hybrid {
            return Err(NO_RSA.into());
        }
        scrubbed(|| Ok(self.0.private_bytes()?.expose().to_vec()))
    }

    /// The half to give away.
    #[wasm_bindgen(js_name = publicKey)]
    pub fn public_key(&self) -> JsResult<CorePublicKey> {
        Ok(CorePublicKey(PublicKey::from_bytes(self.0.public_key().as_bytes())?))
    }

    /// Gives the key pair up, and wipes what calls left on the stack.
    pub fn destroy(self) {
        drop(self);
        scrub_stack();
    }
}

/// A public key.
#[wasm_bindgen(js_name = CorePublicKey)]
#[derive(Debug)]
pub struct CorePublicKey(pub(super) PublicKey);

#[wasm_bindgen(js_class = CorePublicKey)]
impl CorePublicKey {
    /// From its text, or PEM.
    pub fn parse(text: &str) -> JsResult<CorePublicKey> {
        Ok(Self(PublicKey::parse(text)?))
    }

    /// Its text.
    pub fn text(&self) -> String {
        self.0.to_string()
    }

    /// The name of its suite.
    pub fn suite(&self) -> String {
        self.0.suite().name().to_owned()
    }

    /// Its fingerprint, base64url.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint().to_string()
    }
}

const NO_JWK: Error = Error::new(&(Code::InvalidFormat, "not a private RSA key as a JWK"));

/// RFC 7518 section 6.3: all members of a key with two primes.
fn from_jwk(jwk: &JsValue) -> Result<KeyPair> {
    if get(jwk, "kty").as_string().as_deref() != Some("RSA") || !get(jwk, "oth").is_undefined() {
        return Err(Error::new(&(Code::KeyPolicy, "only RSA keys of two primes")));
    }
    let number = |name: &str| {
        let text = get(jwk, name).as_string().filter(|text| text.len() <= 1024).ok_or(NO_JWK)?;
        from_base64url(&text).map(SecretBytes::new).map_err(|_| NO_JWK)
    };
    KeyPair::from_rsa_numbers(&RsaNumbers {
        n: number("n")?.expose(),
        e: number("e")?.expose(),
        d: number("d")?.expose(),
        p: number("p")?.expose(),
        q: number("q")?.expose(),
        dp: number("dp")?.expose(),
        dq: number("dq")?.expose(),
        qi: number("qi")?.expose(),
    })
}
