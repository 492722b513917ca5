//! F9: what parsers disagree on, and lengths that lie. Each input may cost memory of its own order only.

use std::fs;

use wardkey::{
    backup::{Envelope, open_backup},
    encoding::{Context, base64url},
    error::{Code, Error, Result},
    key_pair::{KeyPair, PublicKey},
    message::{self, Header, open_signed},
    password::Password,
    wrap::unwrap_key,
};

use super::{
    allocations::peak,
    common::{
        cbor::{self, head},
        craft::{message::header, message::sealed, system},
        rng::{Seeded, draw, seeded},
    },
    targets,
};

/// What a decoder may hold for an input of so many bytes: some copies of it (text that isn't UTF-8 is longer once it is made so), and one chunk or a parsed key.
const fn allowance(len: usize) -> usize {
    8 * len + 24_000
}

type Decoder = fn(&[u8]) -> Result<()>;

/// Every decoder, with the keys of the corpus.
const DECODERS: [(&str, Decoder); 12] = [
    ("header", |data| Header::parse(data).map(drop)),
    ("message", |data| message::open(&targets::key(), data, &targets::context()).map(drop)),
    ("signed", |data| {
        let signer = targets::signer().verifying_key().clone();
        open_signed(&targets::key(), data, &targets::context(), |_| Some(signer)).map(drop)
    }),
    ("wrap set", |data| unwrap_key(data, &mut system(), &targets::pair(), &targets::context()).map(drop)),
    ("public key", |data| PublicKey::from_bytes(data).map(drop)),
    ("public key's text", |data| PublicKey::parse(&base64url(data)).map(drop)),
    ("public key in PEM", |data| PublicKey::parse(&String::from_utf8_lossy(data)).map(drop)),
    ("private key", |data| KeyPair::from_pkcs8(data).map(drop)),
    ("private key in PEM", |data| KeyPair::from_pem(&String::from_utf8_lossy(data)).map(drop)),
    ("envelope", |data| Envelope::parse(data).map(drop)),
    ("backup", |data| open_backup(data, "", "alice").map(drop)),
    ("password", |data| Password::new(&String::from_utf8_lossy(data)).map(drop)),
];

/// Everything through every decoder: no panic, bounded memory; the errors, where anybody wants them.
fn decode(data: &[u8], mut seen: impl FnMut(&str, Result<()>)) {
    for (name, decoder) in DECODERS {
        let (result, held) = peak(|| decoder(data));
        assert!(held <= allowance(data.len()), "{name}: {held} bytes for an input of {}", data.len());
        seen(name, result);
    }
}

/// The corpora of the fuzz targets.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(&directory).expect(&directory);
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let seeds: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).filter(|seed| seed.len() < 4000).collect();
    assert!(!seeds.is_empty(), "{target}");
    seeds
}

fn below(rng: &mut Seeded, end: usize) -> usize {
    let number = u32::from_be_bytes(draw(rng, 4).try_into().unwrap());
    number as usize % end.max(1)
}

/// A mutation of one seed, perhaps with a piece of another.
fn mutated(rng: &mut Seeded, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = seeds[below(rng, seeds.len())].clone();
    for _ in 0..=below(rng, 3) {
        let place = below(rng, data.len());
        match below(rng, 8) {
            0 if !data.is_empty() => data[place] ^= 1 << below(rng, 8),
            1 if !data.is_empty() => data[place] = draw(rng, 1)[0],
            2 => data.truncate(place),
            3 => drop(data.splice(place..place, draw(rng, 3))),
            4 if !data.is_empty() => drop(data.remove(place)),
            5 => {
                let other = &seeds[below(rng, seeds.len())];
                let from = below(rng, other.len());
                drop(data.splice(place.., other[from..].iter().copied()));
            }
            6 => {
                let bomb = head(below(rng, 8) as u8, u64::MAX >> below(rng, 64));
                drop(data.splice(place..place, bomb));
            }
            _ => data.extend_from_within(place..),
        }
    }
    data
}

#[test]
fn f9_mutated_corpus() {
    let mut rng = seeded("f9");
    for (name, target) in targets::ALL {
        let seeds = corpus(name);
        for _ in 0..250 {
            target(&mutated(&mut rng, &seeds));
        }
    }
    let all: Vec<_> = targets::ALL.iter().flat_map(|(name, _)| corpus(name)).collect();
    all.iter().for_each(|seed| decode(seed, |_, _| ()));
    for _ in 0..1500 {
        decode(&mutated(&mut rng, &all), |_, _| ());
    }
}

/// Every place of an object takes a head that claims much: of bytes, text, an array, a map.
#[test]
fn f9_length_bombs_in_cbor() {
    let mut bombs = 0;
    for (target, decoder) in [("wrap_set", "wrap set"), ("public_key", "public key"), ("backup", "envelope")] {
        let longest = corpus(target).into_iter().filter(|seed| seed.len() < 1500).max_by_key(Vec::len).unwrap();
        let bytes_at = longest.len().min(400);
        for place in 5..bytes_at {
            for (major, claim) in [(2, u64::MAX), (3, 1 << 32), (4, 1 << 31), (5, 1 << 40), (2, 1 << 24), (4, 10_000)] {
                let mut bomb = longest.clone();
                bomb.splice(place..=place, head(major, claim));
                decode(&bomb, |name, result| {
                    if name == decoder {
                        bombs += usize::from(result.is_err());
                    }
                });
            }
        }
    }
    assert!(bombs > 4000, "{bombs}");
}

/// DER's lengths in four bytes, at every place.
#[test]
fn f9_length_bombs_in_der() {
    for (target, names) in [("spki", ["public key", "public key's text"]), ("private_key", ["private key", "backup"])] {
        for seed in corpus(target).into_iter().filter(|seed| seed.first() == Some(&0x30)).take(1) {
            for place in 1..seed.len().min(80) {
                for length in [[0x84, 0xff, 0xff, 0xff, 0xff], [0x84, 0x7f, 0xff, 0xff, 0xff], [0x84, 0, 1, 0, 0]] {
                    let mut bomb = seed.clone();
                    bomb.splice(place..=place, length);
                    decode(&bomb, |name, result| assert!(!names.contains(&name) || result.is_err()));
                }
            }
        }
    }
}

/// A padding that claims more than there is, sealed by who knows the key.
#[test]
fn f9_length_bombs_in_padding() {
    let mut rng = seeded("f9 padding");
    let key = targets::key();
    let raw = key.dangerously_expose().expose();
    let header = header(raw, None, None, true);
    let bound = cbor::context([("record", "4567")]);
    for claim in [1 << 16, 1 << 31, 1 << 40, 1 << 61, 1 << 62, 1 << 63, u64::MAX, u64::MAX - 8] {
        for len in [256_usize, 272, 16_384] {
            let mut plaintext = vec![0; len];
            plaintext[len - 8..].copy_from_slice(&u64::to_be_bytes(claim));
            let message = sealed(&mut rng, raw, &header, &bound, &plaintext);
            decode(&message, |name, result| {
                let expected = Code::DecryptionFailed;
                assert!(name != "message" || result.map_err(|error: Error| error.code()) == Err(expected));
            });
        }
    }
}

/// Larger than anything of its kind: refused by the length alone.
#[test]
fn f9_too_large() {
    let of = |magic: &[u8], len: usize| [magic, &vec![0x40; len - magic.len()]].concat();
    for (name, decoder, input) in [
        ("wrap set", 3, of(b"WKWS\x01\xa3", (16 << 20) + 1)),
        ("public key", 4, of(b"WKPK\x01\x82", 4097)),
        ("envelope", 9, of(b"WKBK\x01\xa8", (1 << 20) + 1)),
    ] {
        assert_eq!(DECODERS[decoder].0, name);
        let (result, held) = peak(|| DECODERS[decoder].1(&input));
        assert_eq!(result.unwrap_err().code(), Code::Limit, "{name}");
        assert!(held < 30_000, "{name}: {held}");
    }
    let (password, held) = peak(|| Password::new(&"x".repeat(10 << 20)));
    assert_eq!(password.unwrap_err().code(), Code::PasswordFormat);
    assert!(held <= (10 << 20) + 1000, "{held}");
    let value = "x".repeat(70_000);
    assert_eq!(Context::new([("a", value.as_str())]).unwrap_err().code(), Code::Limit);
}

/// 10,000 stanzas are read in time and memory of their order; one more isn't read at all.
#[test]
fn f9_many_stanzas() {
    use super::common::craft::wrap::WrapSet;
    let stanza = |n: u32| {
        let mut fingerprint = [0; 32];
        fingerprint[..4].copy_from_slice(&n.to_be_bytes());
        (9, fingerprint, vec![1])
    };
    let set = WrapSet::of(targets::key().dangerously_expose().expose());
    for (count, expected) in [(10_000, Code::NotARecipient), (10_001, Code::InvalidFormat)] {
        let encoded = set.with((0..count).map(stanza)).encode();
        let (opened, held) = peak(|| unwrap_key(&encoded, &mut system(), &targets::pair(), &Context::default()));
        assert_eq!(opened.unwrap_err().code(), expected);
        assert!(held <= allowance(encoded.len()), "{held} for {}", encoded.len());
    }
}
