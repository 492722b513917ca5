//! The rules, request by request.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod account;
mod admin;
mod apart;
mod atomicity;
mod claims;
mod codes;
mod exchange_keys;
mod exchange_keys_refused;
mod failing;
mod feed;
mod groups;
mod histories;
mod journal;
mod keys;
mod log;
mod mirror;
mod once;
mod random;
mod recovery;
mod requests;
mod server;
mod sessions;
mod user;
mod ward;
mod world;
