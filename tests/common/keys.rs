//! Key pairs, the fixed RSA ones of `testdata/rsa` among them.

use rsa::{
    RsaPrivateKey,
    pkcs1::RsaPrivateKeyRef,
    pkcs8::{
        DecodePrivateKey, PrivateKeyInfoRef,
        der::{Decode, pem},
    },
};
use wardkey::{
    key_pair::{KeyPair, Suite},
    secret::Secret,
    sign::SigningKey,
};

use super::{
    der::Numbers,
    rng::{Seeded, draw_array},
};

pub(crate) const RSA_SUITES: [Suite; 3] = [Suite::Rsa2048, Suite::Rsa3072, Suite::Rsa4096];

/// A key pair and the bytes of its private half, as section 5 of SPEC has them.
pub(crate) struct Pair {
    pub(crate) suite: Suite,
    pub(crate) private: Vec<u8>,
    pub(crate) pair: KeyPair,
}

impl Pair {
    pub(crate) fn read(suite: Suite, private: &[u8]) -> Self {
        let pair = match suite {
            Suite::Hybrid => KeyPair::from_seed(Secret::from_slice(private).expect("32 bytes")),
            _ => KeyPair::from_pkcs8(private),
        };
        Self { suite, private: private.to_vec(), pair: pair.expect("a good private key") }
    }

    pub(crate) fn hybrid(rng: &mut Seeded) -> Self {
        Self::read(Suite::Hybrid, &draw_array::<32>(rng))
    }

    pub(crate) fn rsa(suite: Suite) -> Self {
        Self::read(suite, &rsa_pkcs8(suite))
    }

    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        self.pair.public_key().fingerprint().0
    }
}

pub(crate) fn rsa_pem(suite: Suite) -> &'static str {
    match suite {
        Suite::Rsa2048 => include_str!("../../testdata/rsa/2048.pem"),
        Suite::Rsa3072 => include_str!("../../testdata/rsa/3072.pem"),
        Suite::Rsa4096 => include_str!("../../testdata/rsa/4096.pem"),
        Suite::Hybrid => panic!("not an RSA suite"),
    }
}

/// PKCS#8, DER.
pub(crate) fn rsa_pkcs8(suite: Suite) -> Vec<u8> {
    pem::decode_vec(rsa_pem(suite).as_bytes()).expect("the PEM of testdata").1
}

/// The same key in the `rsa` crate.
pub(crate) fn rsa_key(suite: Suite) -> RsaPrivateKey {
    RsaPrivateKey::from_pkcs8_der(&rsa_pkcs8(suite)).expect("the key of testdata")
}

/// Its numbers: n, e, d, p, q, dp, dq, qi.
pub(crate) fn rsa_numbers(suite: Suite) -> Numbers {
    numbers_in(&rsa_pkcs8(suite))
}

/// The same numbers, of a PKCS#8 key.
pub(crate) fn numbers_in(der: &[u8]) -> Numbers {
    let info = PrivateKeyInfoRef::from_der(der).expect("PKCS#8");
    let key = RsaPrivateKeyRef::from_der(info.private_key.as_bytes()).expect("PKCS#1");
    let public = [key.modulus, key.public_exponent, key.private_exponent];
    let [n, e, d] = public.map(|number| number.as_bytes().to_vec());
    let secret = [key.prime1, key.prime2, key.exponent1, key.exponent2, key.coefficient];
    let [p, q, dp, dq, qi] = secret.map(|number| number.as_bytes().to_vec());
    [n, e, d, p, q, dp, dq, qi]
}

pub(crate) fn signing_key(rng: &mut Seeded) -> SigningKey {
    SigningKey::generate(rng).expect("a seeded generator doesn't fail")
}
