//! `public_key.json`: SPEC section 5.

use wardkey::encoding::base64url;

use super::invalid;
use crate::common::{
    cbor::{self, Array, Item, Raw, Uint},
    craft::wrap::material,
    der::{self, pkcs1_public, spki, spki_of, tlv},
    hex::hex,
    keys::{Pair, RSA_SUITES, rsa_numbers},
    rng::Seeded,
    schema::{BadPublicKey, File, Invalid, PublicKey},
};
use wardkey::key_pair::Suite;

type Rows = Vec<Invalid<BadPublicKey>>;

pub(super) fn file(rng: &mut Seeded) -> File<PublicKey, BadPublicKey> {
    let mut vectors = Vec::new();
    vectors.push(vector("hybrid, seed of zeros", &Pair::read(Suite::Hybrid, &[0; 32]), None));
    for n in 0..3 {
        vectors.push(vector(&format!("hybrid {n}"), &Pair::hybrid(rng), None));
    }
    for suite in RSA_SUITES {
        let pair = Pair::rsa(suite);
        vectors.push(vector(suite.name(), &pair, None));
        let pem = der::pem("PUBLIC KEY", material(pair.pair.public_key()));
        vectors.push(vector(&format!("{}, PEM", suite.name()), &pair, Some(pem)));
    }
    let hybrid = Pair::hybrid(rng);
    let mut rows = Vec::new();
    texts(&hybrid, &mut rows);
    framing(&hybrid, &mut rows);
    hybrid_policy(&hybrid, &mut rows);
    rsa_policy(&mut rows);
    pems(&mut rows);
    File { vectors, invalid: rows }
}

fn vector(name: &str, pair: &Pair, text: Option<String>) -> PublicKey {
    PublicKey {
        name: name.to_owned(),
        suite: pair.suite.name().to_owned(),
        private: hex(&pair.private),
        text: text.unwrap_or_else(|| pair.pair.public_key().to_string()),
        fingerprint: hex(pair.fingerprint()),
    }
}

fn row(name: &str, text: &str, error: &str) -> Invalid<BadPublicKey> {
    invalid(error, BadPublicKey { name: name.to_owned(), text: text.to_owned() })
}

fn encoded(suite: u64, material: &[u8]) -> Vec<u8> {
    of_item(&Array(vec![Uint(suite), cbor::bytes(material)]))
}

fn of_item(item: &Item) -> Vec<u8> {
    cbor::framed(b"WKPK", &item.encode())
}

/// Base64url: RFC 4648 section 5.
fn texts(pair: &Pair, rows: &mut Rows) {
    let good = pair.pair.public_key().to_string();
    let bytes = pair.pair.public_key().as_bytes();
    let mut push = |name: &str, text: &str| rows.push(row(&format!("text: {name}"), text, "invalid-format"));
    push("empty", "");
    push("one character", "V");
    push("padded with =", &format!("{good}="));
    push("a space before", &format!(" {good}"));
    push("a line break after", &format!("{good}\n"));
    push("base64 instead of base64url", &data_encoding::BASE64_NOPAD.encode(bytes));
    push("not ASCII", "WKPK→");
    // 1,226 bytes: the last character holds four unused bits.
    let (head, last) = good.split_at(good.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = alphabet.find(last).expect("base64url");
    push("unused bits", &format!("{head}{}", &alphabet[place + 1..=place + 1]));
}

fn framing(pair: &Pair, rows: &mut Rows) {
    let public = pair.pair.public_key();
    let (good, material) = (public.as_bytes(), material(public));
    let mut push = |name: &str, bytes: &[u8], error: &str| rows.push(row(name, &base64url(bytes), error));
    push("three bytes", b"WKP", "invalid-format");
    push("magic of a message", &[b"WKMS", &good[4..]].concat(), "invalid-format");
    push("only the magic", b"WKPK", "truncated");
    push("version 0", &[b"WKPK\0", &good[5..]].concat(), "unsupported-version");
    push("version 2", &[b"WKPK\x02", &good[5..]].concat(), "unsupported-version");
    push("only magic and version", &good[..5], "invalid-format");
    push("cut by one byte", &good[..good.len() - 1], "invalid-format");
    push("a byte appended", &[good, &[0]].concat(), "invalid-format");
    let suite = |number| encoded(number, material);
    for number in [0, 5, 24, u64::MAX] {
        push(&format!("suite {number}"), &suite(number), "unsupported-version");
    }
    push("unknown suite, no key", &encoded(9, &[]), "unsupported-version");
    let long = |major, value: u64, width| Raw(cbor::long_head(major, value, width));
    let key = cbor::bytes(material);
    let mut malformed = |name: &str, item: Item| push(name, &of_item(&item), "invalid-format");
    malformed("array of one", Array(vec![Uint(1)]));
    malformed("array of three", Array(vec![Uint(1), key.clone(), Uint(0)]));
    malformed("suite in two bytes", Array(vec![long(0, 1, 1), key.clone()]));
    malformed("suite as text", Array(vec![cbor::text("hybrid"), key.clone()]));
    malformed("negative suite", Array(vec![Raw(vec![0x20]), key.clone()]));
    malformed("key as text", Array(vec![Uint(1), cbor::text(&"k".repeat(1216))]));
    malformed("key is null", Array(vec![Uint(1), cbor::Null]));
    malformed("tagged", Raw([&[0xc1], Array(vec![Uint(1), key.clone()]).encode().as_slice()].concat()));
    let long_array = [cbor::long_head(4, 2, 1), Uint(1).encode(), key.encode()].concat();
    malformed("array's length in two bytes", Raw(long_array));
    let long_bytes = [cbor::long_head(2, material.len() as u64, 4), material.to_vec()].concat();
    malformed("key's length in four bytes", Array(vec![Uint(1), Raw(long_bytes)]));
    let endless = [vec![0x9f], Uint(1).encode(), key.encode(), vec![0xff]].concat();
    malformed("indefinite array", Raw(endless));
    let pieces = [vec![0x5f], key.encode(), vec![0xff]].concat();
    malformed("indefinite key", Array(vec![Uint(1), Raw(pieces)]));
    malformed("length of 2^64 - 1", Array(vec![Uint(1), Raw(cbor::head(2, u64::MAX))]));
    push("4097 bytes", &encoded(1, &[0; 4097 - 10]), "limit");
}

fn hybrid_policy(pair: &Pair, rows: &mut Rows) {
    let material = material(pair.pair.public_key());
    let mut push = |name: &str, key: &[u8]| rows.push(row(name, &base64url(&encoded(1, key)), "key-policy"));
    push("hybrid: empty", &[]);
    push("hybrid: 1215 bytes", &material[..1215]);
    push("hybrid: 1217 bytes", &[material, &[0]].concat());
    push("hybrid: X25519 only", &material[1184..]);
    // FIPS 203 section 7.2: twelve bits each, less than 3329.
    for (name, coefficient, place) in
        [("first is 3329", 3329_u16, 0), ("first is 4095", 4095, 0), ("last is 3329", 3329, 1152 - 3)]
    {
        let mut key = material.to_vec();
        if place == 0 {
            key[0] = coefficient as u8;
            key[1] = key[1] & 0xf0 | (coefficient >> 8) as u8;
        } else {
            key[1150] = key[1150] & 0x0f | ((coefficient << 4) as u8 & 0xf0);
            key[1151] = (coefficient >> 4) as u8;
        }
        push(&format!("hybrid: ML-KEM coefficient, {name}"), &key);
    }
    for (name, point) in low_order_points() {
        push(&format!("hybrid: X25519 is {name}"), &[&material[..1184], &point].concat());
    }
    let rsa = spki(&rsa_numbers(Suite::Rsa3072)[0], &[1, 0, 1]);
    push("hybrid: an RSA key", &rsa);
}

/// All encodings of the points of low order on Curve25519 and its twist.
fn low_order_points() -> Vec<(&'static str, [u8; 32])> {
    let unhex = crate::common::hex::unhex_array::<32>;
    // p - 1, p, p + 1: little-endian, p = 2^255 - 19.
    let near_p = |low: u8| {
        let mut point = [0xff; 32];
        (point[0], point[31]) = (low, 0x7f);
        point
    };
    let small = |low: u8| {
        let mut point = [0; 32];
        point[0] = low;
        point
    };
    let first = unhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    let second = unhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157");
    let high_bit = |mut point: [u8; 32]| {
        point[31] |= 0x80;
        point
    };
    vec![
        ("0", small(0)),
        ("1", small(1)),
        ("of order 8", first),
        ("of order 8, the other", second),
        ("p - 1", near_p(0xec)),
        ("p", near_p(0xed)),
        ("p + 1", near_p(0xee)),
        ("0 with the high bit", high_bit(small(0))),
        ("1 with the high bit", high_bit(small(1))),
        ("of order 8, with the high bit", high_bit(first)),
        ("of order 8, the other, with the high bit", high_bit(second)),
        ("p - 1 with the high bit", high_bit(near_p(0xec))),
    ]
}

fn rsa_policy(rows: &mut Rows) {
    let [n, ..] = rsa_numbers(Suite::Rsa3072);
    let [small, ..] = rsa_numbers(Suite::Rsa2048);
    let e = [1, 0, 1];
    let mut push = |name: &str, suite: u64, key: &[u8]| {
        rows.push(row(&format!("rsa: {name}"), &base64url(&encoded(suite, key)), "key-policy"));
    };
    let good = spki(&n, &e);
    push("empty", 3, &[]);
    push("3072 bits as rsa-4096", 4, &good);
    push("3072 bits as rsa-2048", 2, &good);
    push("2048 bits as rsa-3072", 3, &spki(&small, &e));
    push("a hybrid key", 3, &[7; 1216]);
    let top = |n: &[u8], bits: u8| [&[bits], &n[1..]].concat();
    push("3071 bits", 3, &spki(&top(&n, 0x7f), &e));
    push("3073 bits", 3, &spki(&[&[1], n.as_slice()].concat(), &e));
    for (bits, suite) in [(512, 2), (1024, 2), (1024, 3), (2056, 2)] {
        push(&format!("{bits} bits in suite {suite}"), suite, &spki(&n[n.len() - bits / 8..], &e));
    }
    let even = [&n[..n.len() - 1], &[n[n.len() - 1] & 0xfe]].concat();
    push("even modulus", 3, &spki(&even, &e));
    push("modulus 0", 3, &spki(&[0], &e));
    for exponent in [&[0][..], &[1], &[2], &[3], &[17], &[1, 0, 0], &[1, 0, 3], &[1, 0, 0, 1], &[1, 0, 0, 0, 1, 0, 1]] {
        push(&format!("exponent {}", hex(exponent)), 3, &spki(&n, exponent));
    }
    let key = pkcs1_public(&n, &e);
    push("PKCS#1 instead of SubjectPublicKeyInfo", 3, &key);
    push("no parameters", 3, &spki_of(der::RSA_ENCRYPTION, &[], &key));
    push("parameters that are not NULL", 3, &spki_of(der::RSA_ENCRYPTION, &[0x30, 0], &key));
    push("RSASSA-PSS", 3, &spki_of(der::RSASSA_PSS, &[], &key));
    push("RSASSA-PSS with NULL", 3, &spki_of(der::RSASSA_PSS, der::NULL, &key));
    push("a byte after", 3, &[good.as_slice(), &[0]].concat());
    push("cut by one byte", 3, &good[..good.len() - 1]);
    // Not canonical.
    let one_more_zero = tlv(der::INTEGER, &[&[0, 0], n.as_slice()].concat());
    let padded = tlv(der::SEQUENCE, &[one_more_zero, der::integer(&e)].concat());
    push("modulus with a zero too many", 3, &spki_of(der::RSA_ENCRYPTION, der::NULL, &padded));
    let negative = tlv(der::SEQUENCE, &[tlv(der::INTEGER, &n), der::integer(&e)].concat());
    push("negative modulus", 3, &spki_of(der::RSA_ENCRYPTION, der::NULL, &negative));
    let exponent = tlv(der::SEQUENCE, &[der::integer(&n), tlv(der::INTEGER, &[0, 1, 0, 1])].concat());
    push("exponent with a zero too many", 3, &spki_of(der::RSA_ENCRYPTION, der::NULL, &exponent));
    let mut long_form = good.clone();
    long_form.splice(1..2, [0x83, 0]);
    push("length in long form", 3, &long_form);
    let trailing = [key.as_slice(), &[0]].concat();
    push("a byte after the key", 3, &spki_of(der::RSA_ENCRYPTION, der::NULL, &trailing));
    let mut unused = good.clone();
    let place = 4 + 15 + 4;
    assert_eq!(unused[place], 0, "unused bits of the bit string");
    unused[place] = 1;
    push("unused bits in the bit string", 3, &unused);
}

fn pems(rows: &mut Rows) {
    let [n, ..] = rsa_numbers(Suite::Rsa3072);
    let good = spki(&n, &[1, 0, 1]);
    let mut push = |name: &str, text: &str, error: &str| rows.push(row(&format!("PEM: {name}"), text, error));
    push("RSA PUBLIC KEY", &der::pem("RSA PUBLIC KEY", &pkcs1_public(&n, &[1, 0, 1])), "invalid-format");
    push("PRIVATE KEY", &der::pem("PRIVATE KEY", &good), "invalid-format");
    push("CERTIFICATE", &der::pem("CERTIFICATE", &good), "invalid-format");
    push("no end", der::pem("PUBLIC KEY", &good).split("-----END").next().unwrap_or_default(), "invalid-format");
    let mixed = der::pem("PUBLIC KEY", &good).replace("-----END PUBLIC", "-----END PRIVATE");
    push("ends with another label", &mixed, "invalid-format");
    push("not base64", &der::pem("PUBLIC KEY", &good).replace('M', "*"), "invalid-format");
    push("PKCS#1 inside", &der::pem("PUBLIC KEY", &pkcs1_public(&n, &[1, 0, 1])), "key-policy");
    push("1024 bits", &der::pem("PUBLIC KEY", &spki(&n[256..], &[1, 0, 1])), "key-policy");
    push("exponent 3", &der::pem("PUBLIC KEY", &spki(&n, &[3])), "key-policy");
    push("a byte after the key", &der::pem("PUBLIC KEY", &[good.as_slice(), &[0]].concat()), "key-policy");
}
