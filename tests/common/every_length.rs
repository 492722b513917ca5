//! AES-256-GCM by whatever implementation the target has: each works on another number of blocks at once, and the bytes must be the same.

use sha2::{Digest, Sha256};
use wardkey::{cobblestone, secret::Secret};

use super::{hex::hex, rng::seeded};

/// Of all bodies made here, by a processor with instructions for AES.
const DIGEST: &str = "9ffa789815401e29892b607ee01977c06489110c14c46648009b660b09dfcf0a";

/// Bodies of every length up to 40 blocks, and around a chunk.
pub(crate) fn same_bytes() {
    let mut rng = seeded("every length");
    let key = Secret::generate(&mut rng).unwrap();
    let mut all = Sha256::new();
    for len in (0..=640_usize).chain(16_380..=16_390) {
        let data: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let body = cobblestone::seal(&key, &mut rng, b"", &data).unwrap();
        assert_eq!(cobblestone::open(&key, b"", &body).unwrap(), data, "{len}");
        all.update(&body);
    }
    assert_eq!(hex(all.finalize()), DIGEST);
}
