//! A group from its founding on: who belongs, who says so, who has which secret. SPEC sections 12.8 to 12.12.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;
#[path = "group/mod.rs"]
mod group;
