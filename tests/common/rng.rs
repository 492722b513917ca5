//! Generators: one that is seeded, and ones that are broken.

use core::convert::Infallible;

use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};
use wardkey::random::Random;

pub(crate) type Seeded = Random<ChaCha20Rng>;

/// ChaCha20, seeded with the SHA-256 of a name.
pub(crate) fn seeded(name: &str) -> Seeded {
    Random::new(ChaCha20Rng::from_seed(Sha256::digest(name).into()))
}

/// So many bytes, drawn.
pub(crate) fn draw(rng: &mut Seeded, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes).expect("a seeded generator doesn't fail");
    bytes
}

pub(crate) fn draw_array<const N: usize>(rng: &mut Seeded) -> [u8; N] {
    draw(rng, N).try_into().expect("as long as drawn")
}

/// Each byte of every draw is the same.
pub(crate) struct Constant(pub(crate) u8);

impl TryRng for Constant {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_ne_bytes([self.0; 4]))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_ne_bytes([self.0; 8]))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(self.0);
        Ok(())
    }
}
impl TryCryptoRng for Constant {}

/// No randomness to be had.
pub(crate) struct Broken;

impl TryRng for Broken {
    type Error = core::fmt::Error;
    fn try_next_u32(&mut self) -> Result<u32, core::fmt::Error> {
        Err(core::fmt::Error)
    }
    fn try_next_u64(&mut self) -> Result<u64, core::fmt::Error> {
        Err(core::fmt::Error)
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), core::fmt::Error> {
        Err(core::fmt::Error)
    }
}
impl TryCryptoRng for Broken {}
