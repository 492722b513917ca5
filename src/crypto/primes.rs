//! Primes for RSA keys, as `crypto_primes::random_prime` finds them, but without its table of 2,047 reciprocals, an eighth of the package.
//! The tests of primality are the crate's.

use core::num::NonZero;

use chacha20::ChaCha20Rng;
use crypto_bigint::{BoxedUint, CheckedAdd, Limb, NonZero as NonZeroUint, Odd};
use crypto_primes::hazmat::{MillerRabin, SetBits, random_odd_integer};
use rand_core::{CryptoRng, SeedableRng};
use sha2::{Digest, Sha256};

/// Odd numbers that are sieved at a time: of 2048 bits, one in 710 is prime.
const WINDOW: u32 = 4096;
/// Random bases of Miller-Rabin.
const ROUNDS: usize = 5;
/// Up to here divisors are tried.
const DIVISORS: usize = 1 << 13;

/// The first prime from a random odd number on that has `bits` bits, the two highest set. Nothing where none of that length is left.
pub(super) fn random_prime<R: CryptoRng>(rng: &mut R, bits: NonZero<u32>) -> Option<BoxedUint> {
    let start: Odd<BoxedUint> = random_odd_integer(rng, bits, SetBits::TwoMsb).ok()?;
    let mut start = start.get();
    let divisors = odd_primes_below(DIVISORS);
    loop {
        for (steps, _) in (0_u32..).zip(sieve(&start, &divisors)).filter(|(_, composite)| !composite) {
            let candidate = Odd::new(ahead(&start, steps)?).into_option()?;
            if is_prime(&candidate) {
                return Some(candidate.get());
            }
        }
        start = ahead(&start, WINDOW)?;
    }
}

/// The odd number so many steps further, if it is no longer.
fn ahead(start: &BoxedUint, steps: u32) -> Option<BoxedUint> {
    start.checked_add(&BoxedUint::from(2 * steps)).into_option()
}

/// Which of the odd numbers from `start` on have one of these divisors.
fn sieve(start: &BoxedUint, divisors: &[u32]) -> Vec<bool> {
    let mut composite = vec![false; WINDOW as usize];
    for &divisor in divisors {
        let Some(limb) = NonZeroUint::new(Limb::from(divisor)).into_option() else { continue };
        #[allow(clippy::cast_possible_truncation, reason = "below the divisor")]
        let remainder = start.rem_limb(limb).0 as usize;
        let divisor = divisor as usize;
        // start + 2 × steps is a multiple of the divisor.
        let missing = (divisor - remainder) % divisor;
        let first = if missing.is_multiple_of(2) { missing / 2 } else { usize::midpoint(missing, divisor) };
        composite.iter_mut().skip(first).step_by(divisor).for_each(|composite| *composite = true);
    }
    composite
}

/// Eratosthenes.
fn odd_primes_below(limit: usize) -> Vec<u32> {
    let mut composite = vec![false; limit];
    let mut primes = Vec::new();
    for number in (3_u32..).step_by(2).take_while(|number| (*number as usize) < limit) {
        if composite.get(number as usize) == Some(&false) {
            primes.push(number);
            composite.iter_mut().step_by(number as usize).for_each(|composite| *composite = true);
        }
    }
    primes
}

/// FIPS 186-5, appendix B.3.1: Miller-Rabin with random bases; table B.1 asks for 4 or 5 of them for primes of 1024 bits and more. The bases come from
/// a generator that is keyed by the candidate, so that the search draws no more than where it begins.
fn is_prime(candidate: &Odd<BoxedUint>) -> bool {
    let test = MillerRabin::new(candidate.clone());
    if test.test_base_two().is_composite() {
        return false;
    }
    let mut bases = ChaCha20Rng::from_seed(Sha256::digest(candidate.to_be_bytes()).into());
    (0..ROUNDS).all(|_| !test.test_random_base(&mut bases).is_composite())
}

/// Of a number that comes from elsewhere: Miller-Rabin with so many bases of this generator that a random composite passes with a probability below 2⁻¹⁰⁰
/// (Damgård, Landrock, Pomerance 1993), one that was chosen to deceive with at most 4⁻ᵗ, t being their number. A base of 2048 bits takes 20 ms in
/// WebAssembly.
pub(super) fn is_prime_elsewhere<R: CryptoRng>(number: &Odd<BoxedUint>, bases: &mut R) -> bool {
    let rounds = match number.bits_vartime() {
        0..1536 => 5,
        1536..2048 => 3,
        _ => 2,
    };
    let test = MillerRabin::new(number.clone());
    (0..rounds).all(|_| !test.test_random_base(bases).is_composite())
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    /// The crate's own search gives the same primes of the same random numbers.
    #[test]
    fn as_the_crate_finds_them() {
        for (seed, bits) in (0..12).zip([64, 128, 256, 512, 512, 1024].into_iter().cycle()) {
            let bits = NonZero::new(bits).unwrap();
            let rng = || ChaCha20Rng::from_seed([seed; 32]);
            let factory = crypto_primes::hazmat::SmallFactorsSieveFactory::<BoxedUint>::new(
                crypto_primes::Flavor::Any,
                bits.get(),
                SetBits::TwoMsb,
            );
            let theirs = crypto_primes::sieve_and_find(&mut rng(), factory.unwrap(), |_, candidate| {
                crypto_primes::is_prime(crypto_primes::Flavor::Any, candidate)
            });
            assert_eq!(random_prime(&mut rng(), bits), theirs.unwrap(), "{bits} bits");
        }
    }

    #[test]
    fn the_length_ends() {
        assert_eq!(ahead(&BoxedUint::from(u64::MAX), 1), None);
    }
}
