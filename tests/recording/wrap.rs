//! `wrap.json`: SPEC section 6.

use wardkey::{data_key::DataKey, wrap::wrap_key};

use super::{draw_key, recipient, wrap_invalid};
use crate::common::{
    craft::wrap::stanzas_of,
    hex::hex,
    keys::{Pair, RSA_SUITES},
    rng::{Seeded, draw, draw_array},
    schema::{BadWrap, Entries, File, Wrap, context_of},
};

pub(super) fn file(rng: &mut Seeded) -> File<Wrap, BadWrap> {
    let hybrid: Vec<_> = (0..3).map(|_| Pair::hybrid(rng)).collect();
    let rsa = RSA_SUITES.map(Pair::rsa);
    let record: &[(&str, &str)] = &[("record", "4567"), ("患者", "é"), ("a", "")];
    let mut vectors = vec![
        vector(rng, "hybrid", &[&hybrid[0]], &[]),
        vector(rng, "hybrid, with a context", &[&hybrid[0]], record),
        vector(rng, "hybrid, three recipients", &[&hybrid[0], &hybrid[1], &hybrid[2]], record),
    ];
    for pair in &rsa {
        vectors.push(vector(rng, pair.suite.name(), &[pair], record));
    }
    let all: Vec<_> = hybrid.iter().take(2).chain(&rsa).collect();
    vectors.push(vector(rng, "all suites", &all, record));
    vectors.push(with_strangers(rng, &hybrid[0]));
    let invalid = wrap_invalid::rows(rng, &hybrid, &rsa);
    File { vectors, invalid }
}

fn vector(rng: &mut Seeded, name: &str, recipients: &[&Pair], context: &[(&str, &str)]) -> Wrap {
    let raw = draw_key(rng);
    let context: Entries = context.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let key = DataKey::from_slice(&raw).expect("32 bytes");
    let public = recipients.iter().map(|pair| pair.pair.public_key());
    let wrapped = wrap_key(&key, rng, public, &context_of(&context), true).expect("wrapped");
    Wrap {
        name: name.to_owned(),
        key: hex(raw),
        context,
        recipients: recipients.iter().map(|pair| recipient(pair)).collect(),
        wrapped: hex(wrapped),
    }
}

/// Stanzas of suites that nobody knows yet are passed over, the shortest and the longest.
fn with_strangers(rng: &mut Seeded, pair: &Pair) -> Wrap {
    let mut vector = vector(rng, "unknown suites", &[pair], &[]);
    let mut set = stanzas_of(&crate::common::hex::unhex(&vector.wrapped));
    for (suite, len) in [(0, 1), (5, 1168), (u64::MAX, 4096)] {
        set.stanzas.push((suite, draw_array(rng), draw(rng, len)));
    }
    vector.wrapped = hex(set.sorted().encode());
    vector
}
