//! The random generator, handed in by the caller and watched: SPEC section 8.

use chacha20::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::error::{Code, Error, Result};

const WATCHED: usize = 16;

/// A generator whose failures, zeros and repetitions are the error `rng`, never a fallback.
pub struct Random<R> {
    generator: R,
    /// SHA-256 of the first 16 bytes of the last draw: the draw itself may be a key.
    previous: Option<[u8; 32]>,
}

impl<R> core::fmt::Debug for Random<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Random(..)")
    }
}

impl<R: TryCryptoRng> Random<R> {
    /// Watches this generator.
    pub const fn new(generator: R) -> Self {
        Self { generator, previous: None }
    }

    /// Fills `out` with one draw.
    ///
    /// # Errors
    /// `rng`, and `out` is zero then.
    pub fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        let size = out.len().max(1);
        self.fill_each(out, size)
    }

    /// Fills `out` with one call of the generator, of which every `size` bytes count as a draw of their own.
    pub(crate) fn fill_each(&mut self, out: &mut [u8], size: usize) -> Result<()> {
        let drawn = self.generator.try_fill_bytes(out).is_ok();
        if drawn && self.is_new(out, size) {
            return Ok(());
        }
        out.zeroize();
        Err(Error::new(&(Code::Rng, "the random generator failed or repeats")))
    }

    /// Is none of the draws all zero, or like the one before?
    fn is_new(&mut self, out: &[u8], size: usize) -> bool {
        let mut draws = out.chunks(size).filter_map(|draw| Some((draw, draw.first_chunk::<WATCHED>()?)));
        let Some((draw, first)) = draws.next() else { return true };
        let is_zero = |draw: &[u8]| draw.iter().all(|byte| *byte == 0);
        let mut last = first;
        let mut is_new = !is_zero(draw) && self.previous != Some(Sha256::digest(first).into());
        for (draw, first) in draws {
            is_new &= first != last && !is_zero(draw);
            last = first;
        }
        self.previous = Some(Sha256::digest(last).into());
        is_new
    }

    /// ChaCha20 (RFC 8439) keyed by a draw of 32 bytes, for algorithms that want a generator that can't fail.
    pub(crate) fn expand(&mut self) -> Result<ChaCha20Rng> {
        let mut seed = [0; 32];
        self.fill(&mut seed)?;
        let rng = ChaCha20Rng::from_seed(seed);
        seed.zeroize();
        Ok(rng)
    }
}

/// The system's generator.
pub type SystemRandom = Random<getrandom::SysRng>;

/// The system's generator: `getrandom`, in browsers `crypto.getRandomValues`.
#[must_use]
pub const fn system() -> SystemRandom {
    Random::new(getrandom::SysRng)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use core::convert::Infallible;

    use rand_core::{TryCryptoRng, TryRng};

    use super::*;

    struct Pattern(fn(u8) -> u8, u8);

    impl TryRng for Pattern {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> core::result::Result<u32, Infallible> {
            Ok(0)
        }
        fn try_next_u64(&mut self) -> core::result::Result<u64, Infallible> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> core::result::Result<(), Infallible> {
            out.fill(self.0(self.1));
            self.1 += 1;
            Ok(())
        }
    }
    impl TryCryptoRng for Pattern {}

    #[test]
    fn zeros_and_repetitions_are_refused() {
        assert_eq!(Random::new(Pattern(|_| 0, 0)).fill(&mut [1; 16]).unwrap_err().code(), Code::Rng);
        let mut constant = Random::new(Pattern(|_| 7, 0));
        constant.fill(&mut [0; 24]).unwrap();
        let mut out = [1; 24];
        assert_eq!(constant.fill(&mut out).unwrap_err().code(), Code::Rng);
        assert_eq!(out, [0; 24]);
        let mut counting = Random::new(Pattern(|n| n + 1, 0));
        counting.fill(&mut [0; 24]).unwrap();
        counting.fill(&mut [0; 24]).unwrap();
    }

    #[test]
    fn a_batch_is_checked_draw_by_draw() {
        let mut constant = Random::new(Pattern(|_| 7, 0));
        assert_eq!(constant.fill_each(&mut [0; 48], 24).unwrap_err().code(), Code::Rng);
    }
}
