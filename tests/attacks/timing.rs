//! S1: time says nothing of secrets. After "Dude, is my code constant time?" (Reparaz, Balasch, Verbauwhede, 2017): two classes of inputs, taken in a random
//! order, and Welch's t between their times. Each measurement is shown to see a difference where there is one.
//!
//! The machine is busy with other tests: a difference that is there shows each time, one that isn't goes away when it is measured again.

use std::{hint::black_box, time::Instant};

use rsa::RsaPublicKey;
use sha2::{Digest, Sha256};
use wardkey::{
    cobblestone,
    encoding::Context,
    key_pair::{KeyPair, Suite},
    secret::Secret,
    wrap::unwrap_key,
};

use super::{
    common::{
        cbor,
        craft::{system, wrap::WrapSet},
        keys::{Pair, rsa_key},
        rng::{Seeded, draw, draw_array, seeded},
    },
    data_key,
    wrapping::{encoded_message, raw_rsa},
};

/// Beyond it nobody doubts (dudect says 10, where 4.5 is the first sign).
const CERTAIN: f64 = 10.0;
const TRIES: usize = 8;

/// Welch's t of the times of both classes: `run(input)` for each, in a random order. The slowest are the machine's doing, and left out. Both inputs stand in the same
/// place when it is their turn: how an address lies in the caches is no difference between them.
fn welch<T: Clone>(rng: &mut Seeded, rounds: usize, inputs: &[T; 2], mut run: impl FnMut(&T)) -> f64 {
    let mut times = [Vec::with_capacity(rounds), Vec::with_capacity(rounds)];
    let mut input = inputs[0].clone();
    for order in draw(rng, rounds) {
        // Both, one after the other: what changes slowly concerns them alike.
        let first = order & 1 == 1;
        for class in [first, !first] {
            input.clone_from(&inputs[usize::from(class)]);
            let start = Instant::now();
            run(black_box(&input));
            times[usize::from(class)].push(start.elapsed().as_nanos() as f64);
        }
    }
    let [a, b] = times.map(|mut times| {
        // The faster half of each: the other is the machine's doing.
        times.sort_unstable_by(f64::total_cmp);
        times.truncate(rounds / 2);
        let len = times.len() as f64;
        let mean = times.iter().sum::<f64>() / len;
        (mean, times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (len - 1.0) / len)
    });
    ((a.0 - b.0) / (a.1 + b.1).max(f64::MIN_POSITIVE).sqrt()).abs()
}

/// No difference that would show each time.
#[track_caller]
fn assert_even(what: &str, measure: impl FnMut() -> f64) {
    let mut found = std::iter::repeat_with(measure).take(TRIES);
    assert!(found.any(|t| t < CERTAIN), "{what}: t was over {CERTAIN}, {TRIES} times");
}

/// A difference that is there is seen each time.
#[track_caller]
fn assert_uneven(what: &str, mut measure: impl FnMut() -> f64) {
    for _ in 0..3 {
        let t = measure();
        assert!(t > CERTAIN, "the measurement sees {what}: t = {t}");
    }
}

/// What must not be: it stops at the first difference.
#[inline(never)]
fn naive(a: &[u8], b: &[u8]) -> bool {
    for (a, b) in a.iter().zip(b) {
        if black_box(a) != black_box(b) {
            return false;
        }
    }
    true
}

/// Two values that differ from `secret` in the first byte, and in the last.
fn wrong(secret: &[u8; 32]) -> [[u8; 32]; 2] {
    let (mut first, mut last) = (*secret, *secret);
    first[0] ^= 1;
    last[31] ^= 1;
    [first, last]
}

#[test]
fn s1_comparing_secrets() {
    let mut rng = seeded("s1 compare");
    let raw: [u8; 32] = draw_array(&mut rng);
    let wrong = wrong(&raw);
    // A comparison takes less than the clock's step: many in a row.
    let many = |same: &dyn Fn() -> bool| (0..40).for_each(|_| assert!(!black_box(same())));
    assert_uneven("an early stop", || welch(&mut rng, 10_000, &wrong, |guess| many(&|| naive(&raw, black_box(guess)))));

    let secret = Secret::<32>::from_slice(&raw).unwrap();
    assert_even("a secret", || {
        welch(&mut rng, 10_000, &wrong, |guess| {
            let guess = Secret::<32>::from_slice(guess).unwrap();
            many(&|| secret == *black_box(&guess));
        })
    });
}

/// The commitment of a body, which stands before its first chunk; and the tag of its only one.
#[test]
fn s1_commitment_and_tag() {
    let mut rng = seeded("s1 tag");
    let key = Secret::<32>::from_slice(&draw_array::<32>(&mut rng)).unwrap();
    let sealed = cobblestone::seal(&key, &mut rng, b"context", &[7; 64]).unwrap();
    let end = sealed.len();
    let with = |at: usize| {
        let mut bytes = sealed.clone();
        bytes[at] ^= 1;
        bytes
    };
    let open = |body: &[u8]| assert!(cobblestone::open(&key, b"context", body).is_err());
    // 24 bytes of salt, then the commitment; the tag is at the end.
    for (what, bodies) in [("commitment", [with(24), with(24 + 31)]), ("tag", [with(end - 16), with(end - 1)])] {
        assert_even(what, || welch(&mut rng, 4_000, &bodies, |body| open(body)));
    }
    // A body that fails at its commitment is spared the decryption: no secret, and it shows how small a difference is seen.
    let bodies = [with(24), with(end - 1)];
    assert_uneven("one chunk", || welch(&mut rng, 4_000, &bodies, |body| open(body)));
}

/// Manger's question (is the first byte zero?), and whether the label or the padding is what is wrong.
#[test]
fn s1_unwrapping_rsa() {
    let mut rng = seeded("s1 rsa");
    let pair = Pair::rsa(Suite::Rsa2048);
    let key = RsaPublicKey::from(&rsa_key(Suite::Rsa2048));
    let (_, raw) = data_key(&mut rng);
    let set = WrapSet::of(&raw);
    let size = 256;
    let hash = Sha256::digest(set.info(Suite::Rsa2048.number(), &pair.fingerprint(), &cbor::context([])));
    let block = |hash: &[u8], fill: u8| {
        let padding = vec![fill; size - 33 - 32 - 1 - raw.len()];
        [hash, &padding, &[1], raw.as_slice()].concat()
    };
    let stanza = |first: u8, block: &[u8]| {
        let body = raw_rsa(&key, &encoded_message(size, first, block));
        set.with([(Suite::Rsa2048.number(), pair.fingerprint(), body)]).encode()
    };
    let first_byte = stanza(1, &block(&hash, 0));
    let label = stanza(0, &block(&[9; 32], 0));
    let padding = stanza(0, &block(&hash, 2));
    let fails = |pair: &KeyPair, wrapped: &[u8]| {
        assert!(unwrap_key(wrapped, &mut system(), pair, &Context::default()).is_err());
    };
    let blocks = [("first byte or label", [first_byte, label.clone()]), ("label or padding", [label.clone(), padding])];
    for (what, classes) in &blocks {
        assert_even(what, || welch(&mut rng, 300, classes, |wrapped| fails(&pair.pair, wrapped)));
    }
    // What must not be: a failure that is tried again in another way.
    assert_uneven("a second try", || {
        welch(&mut rng, 200, &[1, 2], |times| (0..*times).for_each(|_| fails(&pair.pair, &label)))
    });
}
