//! R1: without randomness nothing is made. Debian 2008, and `getRandomValues` that throws, gives zeros or repeats.

use core::fmt::Error as Failure;

use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};
use wardkey::{
    backup::{Envelope, Keys, Owner, TwoMen, seal_backup},
    cobblestone,
    data_key::DataKey,
    encoding::Context,
    error::{Code, Result},
    key_pair::{KeyPair, Suite},
    message::{self, Author, Authority, Padding, Sealer, View},
    password::{Derivation, Password},
    random::Random,
    secret::Secret,
    sign::SigningKey,
    wrap::{unwrap_key, wrap_key},
};

use super::common::{code, craft::backup::cheap_argon2id, keys::Pair, rng::seeded};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Throws,
    Zeros,
    Repeats,
    /// Only the first 16 bytes, which is what is compared.
    RepeatsItsBeginning,
}

const FAULTS: [Fault; 4] = [Fault::Throws, Fault::Zeros, Fault::Repeats, Fault::RepeatsItsBeginning];

/// A generator that is good for so many draws, and then isn't.
struct Faulty {
    good: ChaCha20Rng,
    left: usize,
    fault: Fault,
    last: Vec<u8>,
}

impl TryRng for Faulty {
    type Error = Failure;
    fn try_next_u32(&mut self) -> core::result::Result<u32, Failure> {
        unreachable!("randomness is drawn in bytes")
    }
    fn try_next_u64(&mut self) -> core::result::Result<u64, Failure> {
        unreachable!("randomness is drawn in bytes")
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> core::result::Result<(), Failure> {
        if self.left > 0 {
            self.left -= 1;
            self.good.try_fill_bytes(out).unwrap();
            self.last = out.to_vec();
            return Ok(());
        }
        match self.fault {
            Fault::Throws => return Err(Failure),
            Fault::Zeros => out.fill(0),
            Fault::Repeats => out.iter_mut().zip(self.last.iter().cycle()).for_each(|(out, last)| *out = *last),
            Fault::RepeatsItsBeginning => {
                self.good.try_fill_bytes(out).unwrap();
                out[..16].copy_from_slice(&self.last[..16]);
            }
        }
        Ok(())
    }
}
impl TryCryptoRng for Faulty {}

type Rng = Random<Faulty>;

/// Calls `act` with a generator that fails at the first draw, at the second, …, until it is good for all: so many draws there were. Before each call one
/// draw is made, so that there is something to repeat.
fn draws(name: &str, fault: Fault, act: &dyn Fn(&mut Rng) -> Result<()>) -> usize {
    for good in 0.. {
        let generator = Faulty { good: ChaCha20Rng::from_seed([9; 32]), left: good + 1, fault, last: Vec::new() };
        let mut rng = Random::new(generator);
        rng.fill(&mut [0; 32]).unwrap();
        match act(&mut rng) {
            Ok(()) => return good,
            Err(error) => assert_eq!(error.code(), Code::Rng, "{name}: {fault:?} at draw {good}"),
        }
    }
    unreachable!()
}

fn author() -> Author {
    let view = View { sequence: 1, hash: [3; 32] };
    Author { session: [1; 32], bundle_hash: [2; 32], view, authority: Authority::Signer }
}

#[test]
fn r1_every_function_that_draws() {
    let mut good = seeded("r1");
    let key = DataKey::generate(&mut good).unwrap();
    let none = Context::default();
    let pairs = [Pair::hybrid(&mut good), Pair::hybrid(&mut good), Pair::rsa(Suite::Rsa3072)];
    let rsa = &pairs[2];
    let wrapped = wrap_key(&key, &mut good, [rsa.pair.public_key()], &none, false).unwrap();
    let signer = SigningKey::generate(&mut good).unwrap();
    let owner = Owner::new("app", "alice").unwrap();
    let derivation = Derivation::new(cheap_argon2id(), &[5; 32]).unwrap();
    let password = Password::new("p").unwrap();
    let men =
        TwoMen { application: Secret::generate(&mut good).unwrap(), key_server: Secret::generate(&mut good).unwrap() };
    let items: [(&[u8], &Context); 3] = [(b"a", &none), (b"b", &none), (b"c", &none)];
    let many = items.map(|(data, context)| (data, context.clone()));
    let envelope = |rng: &mut Rng, men| {
        let keys = Keys { encryption: &[&pairs[0].pair], signing: &[&signer] };
        Envelope::seal(rng, &owner, 1, &derivation, &password, men, &keys).map(drop)
    };
    // Name, draws, call.
    type Call<'a> = (&'a str, usize, Box<dyn Fn(&mut Rng) -> Result<()> + 'a>);
    let calls: [Call<'_>; 18] = [
        ("Random::fill", 1, Box::new(|rng| rng.fill(&mut [0; 16]))),
        ("Secret::generate", 1, Box::new(|rng| Secret::<32>::generate(rng).map(drop))),
        ("DataKey::generate", 1, Box::new(|rng| DataKey::generate(rng).map(drop))),
        ("SigningKey::generate", 1, Box::new(|rng| SigningKey::generate(rng).map(drop))),
        ("KeyPair::generate", 1, Box::new(|rng| KeyPair::generate(rng, Suite::Hybrid).map(drop))),
        (
            "cobblestone::seal",
            1,
            Box::new(|rng| cobblestone::seal(&Secret::from_slice(&[1; 32]).unwrap(), rng, b"", b"x").map(drop)),
        ),
        ("message::seal", 1, Box::new(|rng| message::seal(&key, rng, b"x", &none, Padding::Padme).map(drop))),
        (
            "message::begin_sealing",
            1,
            Box::new(|rng| message::begin_sealing(&key, rng, &many, Padding::None).map(drop)),
        ),
        (
            "message::seal_in_session",
            1,
            Box::new(|rng| message::seal_in_session(&key, rng, [1; 32], b"x", &none, Padding::None).map(drop)),
        ),
        (
            "message::seal_signed",
            1,
            Box::new(|rng| message::seal_signed(&key, rng, &signer, &author(), &items, Padding::None).map(drop)),
        ),
        ("Body::seal", 1, Box::new(|rng| message::Body::seal(&key, rng, &none, Padding::None).map(drop))),
        ("Sealer::new", 1, Box::new(|rng| Sealer::new(&key, rng, &none, Padding::None, &mut Vec::new()).map(drop))),
        (
            "wrap_key",
            3,
            Box::new(|rng| {
                wrap_key(&key, rng, pairs.iter().map(|pair| pair.pair.public_key()), &none, false).map(drop)
            }),
        ),
        ("unwrap_key, RSA's blinding", 1, Box::new(|rng| unwrap_key(&wrapped, rng, &rsa.pair, &none).map(drop))),
        // Root, and three salts; with two men one more; the salt of the derivation.
        ("Envelope::seal", 4, Box::new(|rng| envelope(rng, None))),
        ("Envelope::seal, two men", 5, Box::new(|rng| envelope(rng, Some(&men)))),
        ("seal_backup", 5, Box::new(|rng| seal_backup(&pairs[1].pair, rng, "p", "alice", cheap_argon2id()).map(drop))),
        ("seal_backup, RSA", 5, Box::new(|rng| seal_backup(&rsa.pair, rng, "p", "alice", cheap_argon2id()).map(drop))),
    ];
    for (name, expected, call) in &calls {
        for fault in FAULTS {
            assert_eq!(draws(name, fault, call), *expected, "{name}: {fault:?}");
        }
    }
}

/// RSA generation takes its bytes from a draw of its own; a failure comes before the long search.
#[test]
fn r1_rsa_generation() {
    for fault in FAULTS {
        for suite in [Suite::Rsa3072, Suite::Rsa4096] {
            let generator = Faulty { good: ChaCha20Rng::from_seed([9; 32]), left: 1, fault, last: Vec::new() };
            let mut rng = Random::new(generator);
            rng.fill(&mut [0; 32]).unwrap();
            assert_eq!(code(KeyPair::generate(&mut rng, suite)), Code::Rng, "{fault:?}");
        }
    }
}

/// A batch draws its salts at once; each of them counts.
#[test]
fn r1_salts_of_a_batch() {
    let mut good = seeded("r1 batch");
    let key = DataKey::generate(&mut good).unwrap();
    let signer = SigningKey::generate(&mut good).unwrap();
    let none = Context::default();
    let seal = |salts: &[[u8; 24]]| {
        let generator = || Random::new(Written(salts.concat()));
        let items: Vec<(&[u8], &Context)> = salts.iter().map(|_| (b"x".as_slice(), &none)).collect();
        let many: Vec<_> = items.iter().map(|(data, context)| (*data, Context::clone(context))).collect();
        let begun = message::begin_sealing(&key, &mut generator(), &many, Padding::None);
        let signed = message::seal_signed(&key, &mut generator(), &signer, &author(), &items, Padding::None);
        assert_eq!(begun.map(|_| ()), signed.as_ref().map(|_| ()).map_err(|error| *error));
        signed
    };
    assert_eq!(seal(&[[1; 24], [2; 24], [3; 24]]).unwrap().len(), 3);
    for salts in [[[1; 24], [1; 24], [3; 24]], [[1; 24], [3; 24], [3; 24]], [[1; 24], [0; 24], [3; 24]], [[0; 24]; 3]] {
        assert_eq!(code(seal(&salts)), Code::Rng);
    }
    let mut same_beginning = [[1; 24], [2; 24], [2; 24]];
    same_beginning[2][20] = 9;
    assert_eq!(code(seal(&same_beginning)), Code::Rng);
}

/// Gives these bytes.
struct Written(Vec<u8>);

impl TryRng for Written {
    type Error = Failure;
    fn try_next_u32(&mut self) -> core::result::Result<u32, Failure> {
        Err(Failure)
    }
    fn try_next_u64(&mut self) -> core::result::Result<u64, Failure> {
        Err(Failure)
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> core::result::Result<(), Failure> {
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&core::mem::replace(&mut self.0, rest));
        Ok(())
    }
}
impl TryCryptoRng for Written {}

/// What was half drawn is not left behind.
#[test]
fn r1_nothing_is_left_of_a_failed_draw() {
    for fault in FAULTS {
        let generator = Faulty { good: ChaCha20Rng::from_seed([9; 32]), left: 1, fault, last: Vec::new() };
        let mut rng = Random::new(generator);
        rng.fill(&mut [0; 32]).unwrap();
        let mut out = [0x77; 32];
        assert_eq!(code(rng.fill(&mut out)), Code::Rng);
        assert_eq!(out, [0; 32], "{fault:?}");
    }
}
