//! The core inside a browser: every recorded vector, some round trips, the system's generator. It can't read files there, so the vectors are compiled in.
//!
//! `wasm-pack test --headless --chrome --chromedriver /usr/bin/chromedriver --test web`
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "../common/every_length.rs"]
mod every_length;
#[path = "../common/hex.rs"]
#[allow(dead_code)]
mod hex;
#[path = "../common/rng.rs"]
#[allow(dead_code)]
mod rng;
#[path = "../common/schema.rs"]
#[allow(dead_code)]
mod schema;

mod round_trips;
mod vectors;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
