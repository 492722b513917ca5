//! GHASH (NIST SP 800-38D section 6.3), by hand: what somebody who knows the key can do to a tag.

use core::ops::Add;

use aes_gcm::aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};

/// An element of GF(2^128); the first bit of the block is the lowest power.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element(u128);

impl Element {
    pub(crate) const ONE: Self = Self(1 << 127);

    /// A block of at most 16 bytes, made up with zeros.
    pub(crate) fn from_block(block: &[u8]) -> Self {
        let mut whole = [0; 16];
        whole[..block.len()].copy_from_slice(block);
        Self(u128::from_be_bytes(whole))
    }

    pub(crate) const fn to_block(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub(crate) fn times(self, other: Self) -> Self {
        let (mut product, mut shifted) = (0, other.0);
        for bit in (0..128).rev() {
            if self.0 >> bit & 1 == 1 {
                product ^= shifted;
            }
            let carry = shifted & 1;
            shifted >>= 1;
            if carry == 1 {
                shifted ^= 0xe1 << 120;
            }
        }
        Self(product)
    }

    pub(crate) fn power(self, exponent: u128) -> Self {
        let mut result = Self::ONE;
        for bit in (0..128).rev() {
            result = result.times(result);
            if exponent >> bit & 1 == 1 {
                result = result.times(self);
            }
        }
        result
    }

    /// By Fermat: the 2^128 − 2nd power.
    pub(crate) fn inverse(self) -> Self {
        self.power(u128::MAX - 1)
    }
}

impl Add for Element {
    type Output = Self;
    #[allow(clippy::suspicious_arithmetic_impl, reason = "the characteristic is 2")]
    fn add(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

/// What makes the tag of a ciphertext without additional data.
pub(crate) struct Tagger {
    /// The hash key: the encryption of zeros.
    pub(crate) h: Element,
    /// The encryption of the first counter block.
    mask: Element,
}

impl Tagger {
    pub(crate) fn new(key: &[u8; 32], nonce: &[u8; 12]) -> Self {
        let cipher = Aes256::new(key.into());
        let encrypt = |block: [u8; 16]| {
            let mut block = block.into();
            cipher.encrypt_block(&mut block);
            Element::from_block(&block)
        };
        let mut counter = [0; 16];
        counter[..12].copy_from_slice(nonce);
        counter[15] = 1;
        Self { h: encrypt([0; 16]), mask: encrypt(counter) }
    }

    pub(crate) fn tag(&self, ciphertext: &[u8]) -> Element {
        let lengths = Element((ciphertext.len() as u128) * 8);
        let blocks = ciphertext.chunks(16).map(Element::from_block).chain([lengths]);
        blocks.fold(Element(0), |hash, block| (hash + block).times(self.h)) + self.mask
    }

    /// What block `number` of a ciphertext of so many bytes is multiplied with.
    pub(crate) fn weight(&self, len: usize, number: usize) -> Element {
        self.h.power((len.div_ceil(16) - number + 1) as u128)
    }
}

#[test]
fn ghash_is_the_one_of_aes_gcm() {
    use aes_gcm::{Aes256Gcm, aead::AeadInOut};
    let (key, nonce) = ([3; 32], [5; 12]);
    let mut text = [7; 45];
    let tag = Aes256Gcm::new(&key.into()).encrypt_inout_detached(&nonce.into(), &[], text.as_mut_slice().into());
    assert_eq!(Tagger::new(&key, &nonce).tag(&text).to_block()[..], tag.unwrap()[..]);
    let element = Element::from_block(&text[..16]);
    assert!(element.times(element.inverse()) == Element::ONE);
}
