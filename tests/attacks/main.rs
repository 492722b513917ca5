//! Published attacks that Wardkey survives. Each test is a row of the list of attacks and bears its id; it passes when the call ends in the named code and
//! nothing else happened: no plaintext came out, nothing was derived.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

#[path = "../common/mod.rs"]
mod common;

#[path = "../../fuzz/targets.rs"]
mod targets;

mod accounts;
mod allocations;
mod authors;
mod backup;
mod cached;
mod chunks;
mod clients;
mod clinic;
mod commitment;
mod decoders;
mod delegations;
mod escrow;
mod format;
mod ghash;
mod group_sessions;
mod groups;
mod identities;
mod low_order;
mod overwriting;
mod randomness;
mod revocations;
mod sessions;
mod timing;
mod weak_keys;
mod wrapping;

use common::rng::{Seeded, draw_array};
use wardkey::{
    data_key::DataKey,
    encoding::Context,
    probe::{aead_calls, slow_derivations},
};

/// A data key and its bytes.
fn data_key(rng: &mut Seeded) -> (DataKey, [u8; 32]) {
    let raw = draw_array(rng);
    (DataKey::from_slice(&raw).unwrap(), raw)
}

/// Nothing slow happened, nor any decryption, while `act` ran.
fn underived<T>(act: impl FnOnce() -> T) -> T {
    let before = (slow_derivations(), aead_calls());
    let result = act();
    assert_eq!((slow_derivations(), aead_calls()), before, "something was derived or opened");
    result
}

fn context(entries: &[(&str, &str)]) -> Context {
    Context::new(entries.iter().copied()).unwrap()
}
