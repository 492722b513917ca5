//! `derive.json`: SPEC section 2.

use wardkey::data_key::DataKey;

use super::draw_key;
use crate::common::{
    hex::hex,
    rng::Seeded,
    schema::{Derive, File},
};

pub(super) fn file(rng: &mut Seeded) -> File<Derive> {
    let mut counting = [0; 32];
    (0..).zip(&mut counting).for_each(|(n, byte)| *byte = n);
    let mut keys =
        vec![("zeros".to_owned(), [0; 32]), ("ones".to_owned(), [0xff; 32]), ("00 to 1f".to_owned(), counting)];
    keys.extend((0..5).map(|n| (format!("random {n}"), draw_key(rng))));
    let vectors = keys.into_iter().map(|(name, key)| derive(name, &key)).collect();
    File { vectors, invalid: Vec::new() }
}

fn derive(name: String, raw: &[u8; 32]) -> Derive {
    let key = DataKey::from_slice(raw).expect("32 bytes");
    Derive {
        name,
        key: hex(raw),
        id: hex(key.id().0),
        commitment: hex(key.commitment().0),
        cache_seal: hex(key.cache_seal().expose()),
    }
}
