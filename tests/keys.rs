//! Private RSA keys as others write them: each is the same key.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use common::{
    der::{Numbers, SEQUENCE, pem, pkcs8, tlv},
    keys::{RSA_SUITES, rsa_numbers, rsa_pem, rsa_pkcs8},
    rng::seeded,
};
use crypto_bigint::{BoxedUint, NonZero};
use wardkey::{
    data_key::DataKey,
    encoding::Context,
    error::Code,
    key_pair::{KeyPair, RsaNumbers, Suite},
    wrap::{unwrap_key, wrap_key},
};

fn number(bytes: &[u8], bits: u32) -> BoxedUint {
    BoxedUint::from_be_slice(bytes, bits).unwrap()
}

fn of_numbers(numbers: &Numbers) -> wardkey::error::Result<KeyPair> {
    let [n, e, d, p, q, dp, dq, qi] = numbers;
    KeyPair::from_rsa_numbers(&RsaNumbers { n, e, d, p, q, dp, dq, qi })
}

/// It unwraps what was wrapped for its public half.
fn works(pair: &KeyPair, name: &str) {
    let mut rng = seeded(name);
    let key = DataKey::generate(&mut rng).unwrap();
    let wrapped = wrap_key(&key, &mut rng, [pair.public_key()], &Context::default(), true).unwrap();
    let opened = unwrap_key(&wrapped, &mut rng, pair, &Context::default()).expect(name);
    assert_eq!(opened.id(), key.id());
}

/// The primes the other way round, with the coefficient that belongs to them.
fn swapped(numbers: &Numbers) -> Numbers {
    let [n, e, d, p, q, dp, dq, _] = numbers.clone();
    let bits = p.len() as u32 * 8;
    let (first, second) = (number(&p, bits), number(&q, bits));
    let coefficient =
        first.rem(&NonZero::new(second.clone()).unwrap()).invert_odd_mod(&second.to_odd().unwrap()).unwrap();
    [n, e, d, q, p, dq, dp, coefficient.to_be_bytes_trimmed_vartime().to_vec()]
}

/// The private exponent modulo φ(n), as RFC 8017 section 3.2 allows, instead of λ(n).
fn modulo_phi(numbers: &Numbers) -> Numbers {
    let mut numbers = numbers.clone();
    let bits = numbers[0].len() as u32 * 8;
    let one = BoxedUint::one_with_precision(bits);
    let [p, q] = [3, 4].map(|place| number(&numbers[place], bits).wrapping_sub(&one));
    let phi = p.wrapping_mul(&q);
    let exponent = number(&numbers[1], bits);
    numbers[2] = exponent.invert_mod(&NonZero::new(phi).unwrap()).unwrap().to_be_bytes_trimmed_vartime().to_vec();
    numbers
}

#[test]
fn one_key_in_every_form() {
    for suite in RSA_SUITES {
        let numbers = rsa_numbers(suite);
        let expected = KeyPair::from_pkcs8(&rsa_pkcs8(suite)).unwrap();
        works(&expected, suite.name());
        let padded = numbers.clone().map(|number| [vec![0; 3], number].concat());
        let forms = [
            ("PEM", KeyPair::from_pem(rsa_pem(suite))),
            ("PEM with CRLF", KeyPair::from_pem(&rsa_pem(suite).replace('\n', "\r\n"))),
            ("PEM in space", KeyPair::from_pem(&format!("\n  {}\n", rsa_pem(suite)))),
            ("PEM again", KeyPair::from_pem(&pem("PRIVATE KEY", &rsa_pkcs8(suite)))),
            ("numbers", of_numbers(&numbers)),
            ("numbers with zeros before them", of_numbers(&padded)),
            ("primes swapped with all that belongs to them", KeyPair::from_pkcs8(&pkcs8(&swapped(&numbers)))),
            ("private exponent modulo phi", KeyPair::from_pkcs8(&pkcs8(&modulo_phi(&numbers)))),
            ("both", of_numbers(&swapped(&modulo_phi(&numbers)))),
        ];
        for (name, pair) in forms {
            let pair = pair.expect(name);
            assert_eq!(pair.public_key().fingerprint(), expected.public_key().fingerprint(), "{name}");
            works(&pair, name);
        }
    }
}

/// As OpenSSL reads it: attributes, then a public key in version 2 only, each once.
#[test]
fn what_may_follow_in_pkcs8() {
    let plain = rsa_pkcs8(Suite::Rsa2048);
    let read = |version: u8, more: &[&[u8]]| {
        let mut content = plain[4..].to_vec();
        content[2] = version;
        KeyPair::from_pkcs8(&tlv(SEQUENCE, &[content.as_slice(), &more.concat()].concat())).map(drop)
    };
    let attributes = tlv(0xa0, &tlv(SEQUENCE, b"any"));
    let public = tlv(0x81, &[0, 1, 2, 3]);
    let good: [(u8, &[&[u8]]); 5] =
        [(0, &[]), (1, &[]), (0, &[&attributes]), (1, &[&public]), (1, &[&attributes, &public])];
    for (version, more) in good {
        read(version, more).unwrap();
    }
    let bad: [(u8, &[&[u8]]); 8] = [
        (2, &[]),
        (0, &[&public]),
        (1, &[&public, &attributes]),
        (0, &[&attributes, &attributes]),
        (1, &[&public, &public]),
        (0, &[&tlv(0xa0, b"garbage")]),
        (1, &[&tlv(0x81, &[])]),
        (1, &[&tlv(0x81, &[7, 1])]),
    ];
    for (version, more) in bad {
        assert_eq!(read(version, more).unwrap_err().code(), Code::InvalidFormat, "{version} {more:02x?}");
    }
}
