//! Random histories of groups and sessions, of the real client over the key server's real rules, honest and evil: who should read, reads; nobody else does. What is
//! promised is said in `histories/truth.rs`.
//!
//! `WARDKEY_HISTORIES` of each kind are played, 1,000 if nothing is said; one that fails is cut down to the acts that it needs, and printed with its seed:
//! `WARDKEY_SEED` begins there; `random` begins anywhere, where an ordinary run plays the same ones each time.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;
mod histories;

use std::{cell::Cell, env, panic, sync::Once};

use histories::{
    act::{Act, evil_too, honest},
    play::{Tally, play},
};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use sha2::{Digest, Sha256};

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect("a number"))
}

thread_local! {
    static IS_TRYING: Cell<bool> = const { Cell::new(false) };
    static TALLY: Cell<Tally> = const { Cell::new(Tally::new()) };
}

/// Why it failed; nothing is printed of it.
fn try_play(acts: &[Act]) -> Result<(), TestCaseError> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_TRYING.get() {
                loud(info)
            }
        }));
    });
    IS_TRYING.set(true);
    let played = panic::catch_unwind(|| play(acts));
    IS_TRYING.set(false);
    TALLY.set(TALLY.get().with(played.as_ref().ok()));
    played.map(drop).map_err(|why| {
        let text = why.downcast_ref::<String>().cloned();
        let text = text.or_else(|| why.downcast_ref::<&str>().map(ToString::to_string));
        TestCaseError::fail(text.unwrap_or_default())
    })
}

fn play_all(strategy: impl Strategy<Value = Vec<Act>>) -> Tally {
    let by_chance = || rand_core::TryRng::try_next_u64(&mut getrandom::SysRng).unwrap();
    let first = match env::var("WARDKEY_SEED").as_deref() {
        Ok("random") => by_chance(),
        _ => number("WARDKEY_SEED").unwrap_or_default(),
    };
    for seed in (0..number("WARDKEY_HISTORIES").unwrap_or(1000)).map(|place| first.wrapping_add(place)) {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &Sha256::digest(seed.to_be_bytes()));
        let config = Config { cases: 1, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
        let outcome = TestRunner::new_with_rng(config, rng).run(&strategy, |acts| try_play(&acts));
        match outcome {
            Err(TestError::Fail(why, acts)) => {
                panic!("WARDKEY_SEED={seed}: {why}\nplay(&{acts:?});")
            }
            outcome => outcome.unwrap(),
        }
    }
    TALLY.get()
}

#[test]
fn with_an_honest_server() {
    let tally = play_all(honest());
    assert!(tally.is_rich() && tally.assigned > 0, "{tally:?}");
}

#[test]
fn with_an_evil_server() {
    let tally = play_all(evil_too());
    assert!(tally.is_rich() && tally.changed > 0, "{tally:?}");
}
/// Found by chance: what opened after a lie about the group was thrown away.
#[test]
fn an_epoch_that_opens_after_a_lie() {
    use histories::act::{
        Act::{Be, Create, Found, Grant, Pass, Read, Reload, Rotate, Write},
        Evil::Forge,
        Time::Minute,
        Whom::{Group, User},
    };
    let made = [Found(0, 10, 0), Create(0, vec![(User(0), 15), (Group(0), 15)]), Write(0, 0), Act::Add(0, 0, 2, false)];
    let lied = [Act::Remove(0, 0, 2), Read(3), Pass(Minute), Reload(3), Be(Forge(2, 1), 8), Read(3), Write(3, 0)];
    play(&[made.as_slice(), &lied, &[Rotate(3, 0), Grant(3, 0, User(3), 1)]].concat());
}
