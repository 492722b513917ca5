//! Clients over the key server's rules: accounts from registration to the last resort.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

#[path = "client/mod.rs"]
mod client;
#[path = "common/mod.rs"]
mod common;
