//! What several test binaries share; each uses a part of it.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

pub(crate) mod cache;
pub(crate) mod cbor;
pub(crate) mod check;
pub(crate) mod craft;
pub(crate) mod delegations;
pub(crate) mod der;
pub(crate) mod every_length;
pub(crate) mod flip;
pub(crate) mod group_story;
pub(crate) mod hex;
pub(crate) mod keys;
pub(crate) mod known;
pub(crate) mod messages;
pub(crate) mod objects;
pub(crate) mod parts;
pub(crate) mod people;
pub(crate) mod rng;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod story;
pub(crate) mod sums;
pub(crate) mod ward;
pub(crate) mod world;

use wardkey::error::{Code, Result};

/// The code of a call that must fail.
#[track_caller]
pub(crate) fn code<T>(result: Result<T>) -> Code {
    match result {
        Ok(_) => panic!("this had to fail"),
        Err(error) => error.code(),
    }
}
