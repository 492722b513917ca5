//! F1 for each of the 263,000 bits of a file of three chunks. Seven seconds where it is optimised, six minutes where not, so it is not part of a plain
//! `cargo test`:
//!
//! ```text
//! CARGO_PROFILE_TEST_OPT_LEVEL=1 cargo test --test every_bit
//! ```
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::flip::{flip_every_bit, three_chunks};
use wardkey::{encoding::Context, message};

#[test]
fn f1_every_bit_of_a_file() {
    let (key, sealed) = three_chunks();
    flip_every_bit(&sealed, &|sealed| message::open(&key, sealed, &Context::default()), None);
}
