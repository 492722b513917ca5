//! X-Wing (X25519 + ML-KEM-768) in single-shot HPKE: RFC 9180 base mode, KEM 0x647A, KDF HKDF-SHA-256, AEAD AES-256-GCM, no additional data.

use core::fmt;

use chacha20::ChaCha20Rng;
use curve25519_dalek::MontgomeryPoint;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, aead::AesGcm256, kdf::HkdfSha256, kem::XWing,
    single_shot_open, single_shot_seal_with_rng,
};

/// Bytes of a seed, the private key.
pub const SEED: usize = 32;
/// Bytes of a public key.
pub const PUBLIC: usize = 1216;
/// Bytes of an encapsulation.
pub const ENC: usize = 1120;
const X25519: usize = 32;

/// Recipient's half.
pub struct Public(Box<<XWing as Kem>::PublicKey>);

impl Public {
    /// Nothing: wrong length, ML-KEM modulus check (FIPS 203 section 7.2), X25519 half of low order or not below 2²⁵⁵ − 19.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != PUBLIC || ends_in_low_order(bytes) || !ends_canonically(bytes) {
            return None;
        }
        Deserializable::from_bytes(bytes).ok().map(|key| Self(Box::new(key)))
    }

    /// ML-KEM encapsulation key ‖ X25519.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// enc ‖ ct.
    #[must_use]
    pub fn seal(&self, rng: &mut ChaCha20Rng, info: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        let sealed = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
            &OpModeS::Base,
            &self.0,
            info,
            plaintext,
            &[],
            rng,
        );
        let (enc, ct) = sealed.ok()?;
        let mut body = enc.to_bytes().to_vec();
        body.extend_from_slice(&ct);
        Some(body)
    }
}

/// Holder's half, kept parsed; wiped on drop.
pub struct Private(Box<<XWing as Kem>::PrivateKey>);

impl Private {
    /// The key of a seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; SEED]) -> Option<Self> {
        <XWing as Kem>::PrivateKey::from_bytes(seed).ok().map(|key| Self(Box::new(key)))
    }

    /// The half to give away.
    #[must_use]
    pub fn public(&self) -> Public {
        Public(Box::new(XWing::sk_to_pk(&self.0)))
    }

    /// The plaintext of enc ‖ ct. Nothing, whatever failed.
    #[must_use]
    pub fn open(&self, info: &[u8], body: &[u8]) -> Option<Vec<u8>> {
        let (enc, ct) = body.split_at_checked(ENC)?;
        if ends_in_low_order(enc) {
            return None;
        }
        let enc = <XWing as Kem>::EncappedKey::from_bytes(enc).ok()?;
        single_shot_open::<AesGcm256, HkdfSha256, XWing>(&OpModeR::Base, &self.0, &enc, info, ct, &[]).ok()
    }
}

/// Is the X25519 point at the end of low order? Then, and only then, every (clamped) scalar takes it to zero; the `hpke` crate lets that pass.
/// The cofactors are 8 on the curve and 4 on its twist, so eight times the point tells. The point is public.
#[must_use]
pub fn ends_in_low_order(bytes: &[u8]) -> bool {
    let Some(point) = bytes.last_chunk::<X25519>() else { return true };
    MontgomeryPoint(*point).mul_bits_be([true, false, false, false].into_iter()).to_bytes() == [0; X25519]
}

/// Is the X25519 point at the end below 2²⁵⁵ − 19? RFC 7748 takes others modulo that; one key would have several fingerprints.
fn ends_canonically(bytes: &[u8]) -> bool {
    match bytes.last_chunk::<X25519>() {
        Some([low, middle @ .., high]) => {
            *high < 0x7f || (*high == 0x7f && (*low < 0xed || middle.iter().any(|byte| *byte != 0xff)))
        }
        None => false,
    }
}

impl fmt::Debug for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Public(X-Wing)")
    }
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private(redacted)")
    }
}
