//! Seeds for the fuzz targets: good inputs of every kind, and the small ones among the invalid vectors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod delegations;

use serde_json::Value;
use sha2::{Digest, Sha256};
use wardkey::{
    backup::{Envelope, Keys},
    encoding::from_base64url,
    key_pair::Suite,
    message::{self, Padding},
    password::Password,
    wrap::wrap_key,
};

use crate::{
    common::{
        craft::{
            backup::{cheap_argon2id, derivation, key_item, payload, signing_item},
            wrap::{material, stanzas_of},
        },
        hex::{hex, unhex},
        keys::{Pair, RSA_SUITES, rsa_numbers, rsa_pem},
        known::Lazy,
        rng::{Seeded, draw, draw_array, seeded},
        schema::{self, File},
        story::Input,
    },
    targets,
};

/// As much of the vectors as a corpus takes.
const SHARE: usize = 12_000;

pub(crate) type Seeds = Vec<Vec<u8>>;

/// Content-addressed.
pub(crate) fn name(seed: &[u8]) -> String {
    hex(&Sha256::digest(seed)[..8])
}

pub(crate) fn all() -> Vec<(&'static str, Seeds)> {
    let rng = &mut seeded("fuzz corpus");
    vec![
        ("message", messages(rng)),
        ("header", headers()),
        ("trailer", trailers()),
        ("padding", paddings()),
        ("wrap_set", wrap_sets(rng)),
        ("public_key", public_keys(rng)),
        ("spki", RSA_SUITES.map(|suite| material(Pair::rsa(suite).pair.public_key()).to_vec()).to_vec()),
        ("private_key", private_keys()),
        ("rsa_numbers", RSA_SUITES.map(numbers).to_vec()),
        ("backup", backups(rng)),
        ("payload", payloads(rng)),
        ("text", texts()),
        ("object", objects()),
        ("state", of_vectors(STATE, &["state"])),
        ("journal", of_vectors(JOURNAL, &["entries"])),
        ("kept_session", kept_sessions()),
        ("exchange_key", delegations::exchange_keys()),
        ("kept_exchange", delegations::kept_exchanges()),
        ("entity", delegations::entities(rng)),
        ("entity_values", delegations::entity_values()),
        ("manifest", delegations::manifests()),
        ("binary", delegations::binaries(rng)),
        ("legacy", delegations::legacies()),
    ]
}

/// The smallest first, up to the share.
fn small(mut seeds: Seeds) -> Seeds {
    seeds.sort_by_key(Vec::len);
    seeds.dedup();
    let mut total = 0;
    seeds.retain(|seed| {
        total += seed.len();
        total <= SHARE
    });
    seeds
}

fn messages(rng: &mut Seeded) -> Seeds {
    let (key, context) = (targets::key(), targets::context());
    let mut seeds = Vec::new();
    for padding in [Padding::None, Padding::Padme] {
        for len in [0, 1, 50] {
            let data = draw(rng, len);
            seeds.push(message::seal(&key, rng, &data, &context, padding).unwrap());
        }
        let session = draw_array(rng);
        seeds.push(message::seal_in_session(&key, rng, session, b"in a session", &context, padding).unwrap());
    }
    let long = draw(rng, 16_390);
    seeds.push(message::seal(&key, rng, &long, &context, Padding::None).unwrap());
    seeds.extend(targets::signed().iter().map(|(body, trailer)| [body.as_slice(), trailer].concat()));
    let file: File<schema::Message> = schema::read(include_str!("../../testdata/message.json"));
    seeds.extend(small(file.invalid.iter().map(|row| unhex(&row.entry.sealed)).collect()));
    seeds
}

fn headers() -> Seeds {
    let file: File<schema::Message> = schema::read(include_str!("../../testdata/message.json"));
    let rows = file.vectors.iter().chain(file.invalid.iter().map(|row| &row.entry));
    small(rows.map(|row| unhex(&row.sealed[..row.sealed.len().min(180)])).collect()).into_iter().step_by(2).collect()
}

fn trailers() -> Seeds {
    let with = |(which, (_, trailer)): (u8, &(Vec<u8>, Vec<u8>))| [&[which], trailer.as_slice()].concat();
    let mut seeds: Seeds = (0..).zip(targets::signed()).map(with).collect();
    // One's trailer on another's message.
    seeds.extend([[&[1], &seeds[2][1..]].concat(), [&[2], &seeds[1][1..]].concat()]);
    seeds
}

fn paddings() -> Seeds {
    let padded = |len: usize, total: usize, claimed: u64| {
        let mut plaintext = vec![0x5a; len];
        plaintext.resize(total - 8, 0);
        plaintext.extend_from_slice(&claimed.to_be_bytes());
        plaintext
    };
    vec![
        padded(0, 256, 0),
        padded(10, 256, 10),
        padded(248, 256, 248),
        padded(249, 272, 249),
        padded(100, 272, 249),
        padded(1000, 1024, 1000),
        padded(0, 8, 0),
        padded(0, 255, 0),
        padded(0, 256, u64::MAX),
        padded(100, 256, 99),
        Vec::new(),
    ]
}

fn wrap_sets(rng: &mut Seeded) -> Seeds {
    let (key, context, pair) = (targets::key(), targets::context(), targets::pair());
    let other = Pair::hybrid(rng);
    let rsa = RSA_SUITES.map(Pair::rsa);
    let one = wrap_key(&key, rng, [pair.public_key()], &context, false).unwrap();
    let all =
        [pair.public_key(), other.pair.public_key()].into_iter().chain(rsa.iter().map(|rsa| rsa.pair.public_key()));
    let all = wrap_key(&key, rng, all, &context, true).unwrap();
    let mut set = stanzas_of(&one);
    set.stanzas.extend([(9, [3; 32], vec![1]), (0, [0; 32], vec![2; 40])]);
    let file: File<schema::Wrap, schema::BadWrap> = schema::read(include_str!("../../testdata/wrap.json"));
    let mut seeds = small(file.invalid.iter().map(|row| unhex(&row.entry.wrapped)).collect());
    seeds.extend([one, all, set.sorted().encode()]);
    seeds
}

fn public_keys(rng: &mut Seeded) -> Seeds {
    let mut seeds: Seeds = RSA_SUITES.map(|suite| Pair::rsa(suite).pair.public_key().as_bytes().to_vec()).to_vec();
    let hybrid = Pair::hybrid(rng);
    seeds.push(hybrid.pair.public_key().as_bytes().to_vec());
    seeds.push(hybrid.pair.public_key().to_string().into_bytes());
    seeds.push(Pair::rsa(Suite::Rsa2048).pair.public_key().to_string().into_bytes());
    let file: File<schema::PublicKey, schema::BadPublicKey> =
        schema::read(include_str!("../../testdata/public_key.json"));
    let pem = file.vectors.iter().filter(|row| row.text.starts_with("-----")).map(|row| row.text.clone().into_bytes());
    seeds.extend(pem);
    let decoded = file.invalid.iter().filter_map(|row| from_base64url(&row.entry.text).ok());
    seeds.extend(small(decoded.collect()));
    seeds
}

fn private_keys() -> Seeds {
    let der = RSA_SUITES.map(|suite| Pair::rsa(suite).private);
    der.into_iter().chain([rsa_pem(Suite::Rsa2048).as_bytes().to_vec()]).collect()
}

fn numbers(suite: Suite) -> Vec<u8> {
    let with_len = |number: &Vec<u8>| [&(number.len() as u16).to_be_bytes(), number.as_slice()].concat();
    rsa_numbers(suite).iter().flat_map(with_len).collect()
}

fn backups(rng: &mut Seeded) -> Seeds {
    let (pair, signer, men) = (targets::pair(), targets::signer(), targets::men());
    let derivation = derivation(rng, cheap_argon2id(), 16);
    let password = Password::new("p").unwrap();
    let mut seal = |men| {
        let keys = Keys { encryption: &[&pair], signing: &[&signer] };
        Envelope::seal(rng, &targets::owner(), 3, &derivation, &password, men, &keys).unwrap().encode()
    };
    let mut seeds = vec![seal(None), seal(Some(&men))];
    let file: File<schema::Backup, schema::BadBackup> = schema::read(include_str!("../../testdata/backup.json"));
    seeds.extend(small(file.invalid.iter().map(|row| unhex(&row.entry.backup)).collect()));
    seeds
}

fn payloads(rng: &mut Seeded) -> Seeds {
    let pair = Pair::read(Suite::Hybrid, &[0x22; 32]);
    let rsa = Pair::rsa(Suite::Rsa2048);
    let signer = targets::signer();
    let signing = signing_item(*signer.verifying_key().as_bytes(), signer.seed().expose());
    let (key, other) = (key_item(&pair), key_item(&Pair::hybrid(rng)));
    vec![
        payload(std::slice::from_ref(&key), &[]).encode(),
        payload(&[key.clone(), other], std::slice::from_ref(&signing)).encode(),
        payload(&[key_item(&rsa)], &[signing]).encode(),
        payload(&[key.clone(), key], &[]).encode(),
        payload(&[], &[]).encode(),
    ]
}

fn texts() -> Seeds {
    let file: File<schema::Password, schema::BadPassword> = schema::read(include_str!("../../testdata/password.json"));
    let good = file.vectors.into_iter().map(|row| row.password.into_bytes());
    let bad = file.invalid.into_iter().map(|row| row.entry.password.into_bytes());
    let mut seeds = small(good.chain(bad).collect());
    for text in ["record=4567\nfield=diagnosis", "a=1\na=2", "b=\naa=\n=\n", "AQ", "AR", "a→b", "anna@example.org"] {
        seeds.push(text.as_bytes().to_vec());
    }
    seeds.push(vec![b'A'; 43]);
    seeds
}

const STATE: &str = include_str!("../../testdata/state.json");
const JOURNAL: &str = include_str!("../../testdata/journal.json");
const SESSION: &str = include_str!("../../testdata/session.json");
const DELEGATION: &str = include_str!("../../testdata/delegation.json");
const GROUP: &str = include_str!("../../testdata/group.json");

/// What the vectors of a file say under these names, wherever they stand: the short ones.
fn of_vectors(file: &str, names: &[&str]) -> Seeds {
    fn find(value: &Value, wanted: bool, names: &[&str], found: &mut Seeds) {
        match value {
            Value::String(text) if wanted => found.extend((text.len() < SHARE).then(|| unhex(text))),
            Value::Array(items) => items.iter().for_each(|item| find(item, wanted, names, found)),
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| find(value, names.contains(&name.as_str()), names, found));
            }
            _ => {}
        }
    }
    let mut found = Seeds::new();
    find(&serde_json::from_str(file).unwrap(), false, names, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

/// One or two of each type and file.
fn objects() -> Seeds {
    let files: [(&str, &[&str]); 7] = [
        (include_str!("../../testdata/identity.json"), &["bundles"]),
        (include_str!("../../testdata/recovery.json"), &["receipt", "proof", "contact", "object"]),
        (JOURNAL, &["head"]),
        (SESSION, &["genesis", "entries", "wraps"]),
        (GROUP, &["genesis", "operations", "heads"]),
        (GROUP, &["keys"]),
        (DELEGATION, &["objects"]),
    ];
    let few = |(file, names)| {
        let mut found = of_vectors(file, names);
        found.sort_by_key(Vec::len);
        found.into_iter().take(24)
    };
    files.into_iter().flat_map(few).collect()
}

fn kept_sessions() -> Seeds {
    let file: Value = serde_json::from_str(SESSION).unwrap();
    let read = |vector: &Value| {
        let input = serde_json::from_value::<Input>(vector["input"].clone()).ok()?;
        input.session(&Lazy::new(&input)).ok()
    };
    file["vectors"].as_array().unwrap().iter().filter_map(read).map(|session| session.to_kept()).collect()
}
