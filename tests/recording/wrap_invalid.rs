//! Wrap sets that don't open.

use rsa::RsaPublicKey;
use wardkey::key_pair::Suite;

use super::{draw_key, invalid, recipient};
use crate::common::{
    cbor::{self, Array, Item, Map, Raw, Uint},
    craft::{
        flip,
        wrap::{Stanza, WrapSet, hpke, material, oaep},
    },
    hex::hex,
    keys::{Pair, rsa_key},
    rng::{Seeded, draw, draw_array},
    schema::{BadWrap, Entries, Invalid},
};

type Rows = Vec<Invalid<BadWrap>>;

const CONTEXT: [(&str, &str); 1] = [("record", "4567")];

fn context() -> Item {
    cbor::context(CONTEXT)
}

fn row(name: &str, pair: &Pair, entries: &[(&str, &str)], wrapped: &[u8], error: &str) -> Invalid<BadWrap> {
    let context: Entries = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    invalid(error, BadWrap { name: name.to_owned(), context, recipient: recipient(pair), wrapped: hex(wrapped) })
}

pub(super) fn rows(rng: &mut Seeded, hybrid: &[Pair], rsa: &[Pair; 3]) -> Rows {
    let mut rows = Vec::new();
    let key = draw_key(rng);
    let set = WrapSet::of(&key);
    let [alice, bob, carol] = hybrid else { panic!("three pairs") };
    let hpke_stanza = |rng: &mut Seeded, pair: &Pair, set: &WrapSet, plaintext: &[u8]| -> Stanza {
        let info = set.info(1, &pair.fingerprint(), &context());
        (1, pair.fingerprint(), hpke(rng, material(pair.pair.public_key()), &info, plaintext))
    };
    let good = set.with([hpke_stanza(rng, alice, &set, &key)]);
    let pair_set = set.with([hpke_stanza(rng, alice, &set, &key), hpke_stanza(rng, bob, &set, &key)]).sorted();

    encodings(rng, &set, alice, &mut rows);
    bodies(rng, &good, &pair_set, alice, &mut rows);
    contexts(&good, alice, carol, &mut rows);
    stanzas(&good, &pair_set, alice, bob, &mut rows);

    // Sealed for Alice and bound to the set, but not the key that it names, or no key.
    let other = draw_key(rng);
    for (name, plaintext, error) in
        [("another key", other.as_slice(), "key-mismatch"), ("31 bytes", &key[..31], "unwrap-failed")]
    {
        let mut body = hpke_stanza(rng, alice, &set, plaintext);
        // A stanza's body has one length, so what is shorter is made up for, and no longer opens.
        body.2.resize(1168, 0);
        rows.push(row(&format!("hybrid: {name} inside"), alice, &CONTEXT, &set.with([body]).encode(), error));
    }
    for (name, half) in [("id", true), ("commitment", false)] {
        // The id of one key and the commitment of another.
        let mut chimera = WrapSet::of(&other);
        if half {
            chimera.commitment = set.commitment.clone();
        } else {
            chimera.key_id = set.key_id.clone();
        }
        let stanza = hpke_stanza(rng, alice, &chimera, &key);
        let name = format!("hybrid: another key's {name} named");
        rows.push(row(&name, alice, &CONTEXT, &chimera.with([stanza]).encode(), "key-mismatch"));
    }
    rsa_rows(rng, &set, &key, rsa, &mut rows);
    rows
}

/// Framing and CBOR, of a set with one short stanza of an unknown suite.
fn encodings(rng: &mut Seeded, set: &WrapSet, alice: &Pair, rows: &mut Rows) {
    const MALFORMED: &str = "invalid-format";
    let pair_set = set.with([(9, draw_array(rng), vec![1]), (9, draw_array(rng), vec![2])]).sorted();
    let good = set.with(pair_set.stanzas[..1].to_vec());
    let bytes = good.encode();
    let mut push = |name: &str, wrapped: &[u8], error: &str| rows.push(row(name, alice, &CONTEXT, wrapped, error));
    push("empty", &[], MALFORMED);
    push("magic of a backup", &[b"WKBK", &bytes[4..]].concat(), MALFORMED);
    push("only the magic", &bytes[..4], "truncated");
    push("version 0", &[b"WKWS\0", &bytes[5..]].concat(), "unsupported-version");
    push("version 2", &[b"WKWS\x02", &bytes[5..]].concat(), "unsupported-version");
    push("only magic and version", &bytes[..5], MALFORMED);
    push("cut by one byte", &bytes[..bytes.len() - 1], MALFORMED);
    push("a byte appended", &[bytes.as_slice(), &[0]].concat(), MALFORMED);

    let mut malformed = |name: &str, map: Vec<u8>| push(name, &cbor::framed(b"WKWS", &map), MALFORMED);
    let items = good.items();
    let with = |place: usize, key: Option<Item>, value: Option<Item>| {
        let mut items = items.clone();
        if let Some(key) = key {
            items[place].0 = key;
        }
        if let Some(value) = value {
            items[place].1 = value;
        }
        Map(items).encode()
    };
    malformed("two entries", Map(items[..2].to_vec()).encode());
    malformed("a fourth entry", Map([items.as_slice(), &[(Uint(4), cbor::Null)]].concat()).encode());
    malformed("map key 4 for 3", with(2, Some(Uint(4)), None));
    malformed("map keys not sorted", Map(vec![items[1].clone(), items[0].clone(), items[2].clone()]).encode());
    malformed("a map key twice", Map(vec![items[0].clone(), items[0].clone(), items[2].clone()]).encode());
    malformed("map key as text", with(0, Some(cbor::text("1")), None));
    malformed("map key in two bytes", with(0, Some(Raw(cbor::long_head(0, 1, 1))), None));
    malformed("an array instead of the map", Array(items.iter().map(|(_, value)| value.clone()).collect()).encode());
    let endless = |map: &[u8]| [&[0xbf], &map[1..], &[0xff]].concat();
    malformed("indefinite map", endless(&Map(items.clone()).encode()));
    malformed(
        "map's length in two bytes",
        [cbor::long_head(5, 3, 1), Map(items.clone()).encode()[1..].to_vec()].concat(),
    );
    malformed("key id of 15 bytes", with(0, None, Some(cbor::bytes(&good.key_id[..15]))));
    malformed("key id of 17 bytes", with(0, None, Some(cbor::bytes([good.key_id.as_slice(), &[0]].concat()))));
    malformed("commitment of 31 bytes", with(1, None, Some(cbor::bytes(&good.commitment[..31]))));
    let long = [cbor::long_head(2, 32, 2), good.commitment.clone()].concat();
    malformed("commitment's length in three bytes", with(1, None, Some(Raw(long))));
    malformed("no stanza", with(2, None, Some(Array(vec![]))));
    malformed("10,001 stanzas claimed", with(2, None, Some(Raw(cbor::head(4, 10_001)))));
    malformed("2^64 - 1 stanzas claimed", with(2, None, Some(Raw(cbor::head(4, u64::MAX)))));
    malformed("one stanza more claimed", {
        let Array(stanzas) = &items[2].1 else { panic!("stanzas") };
        with(2, None, Some(Raw([cbor::head(4, 2), stanzas[0].encode()].concat())))
    });
    let [first, second] = pair_set.stanzas.as_slice() else { panic!("two stanzas") };
    malformed("stanzas not sorted", Map(good.with([second.clone(), first.clone()]).items()).encode());
    malformed("a stanza twice", Map(good.with([first.clone(), first.clone()]).items()).encode());
    let stanza = &good.stanzas[0];
    let stanza_item = |items: Vec<Item>| with(2, None, Some(Array(vec![Array(items)])));
    let [suite, fingerprint, body] = [Uint(stanza.0), cbor::bytes(stanza.1), cbor::bytes(&stanza.2)];
    malformed("stanza of two", stanza_item(vec![suite.clone(), fingerprint.clone()]));
    malformed("stanza of four", stanza_item(vec![suite, fingerprint.clone(), body.clone(), cbor::Null]));
    malformed("suite in nine bytes", stanza_item(vec![Raw(cbor::long_head(0, 1, 8)), fingerprint, body.clone()]));
    malformed("fingerprint of 31 bytes", stanza_item(vec![Uint(1), cbor::bytes([1; 31]), body]));
}

/// Bodies that aren't of their suite's length, and ones that don't open.
fn bodies(rng: &mut Seeded, good: &WrapSet, pair_set: &WrapSet, alice: &Pair, rows: &mut Rows) {
    let (suite, fingerprint, body) = good.stanzas[0].clone();
    let mut push = |name: &str, suite: u64, body: &[u8], error: &str| {
        let set = good.with([(suite, fingerprint, body.to_vec())]);
        rows.push(row(name, alice, &CONTEXT, &set.encode(), error));
    };
    push("hybrid: body a byte short", suite, &body[..1167], "invalid-format");
    push("hybrid: body a byte long", suite, &[body.as_slice(), &[0]].concat(), "invalid-format");
    for (number, len) in [(2, 255), (4, 513)] {
        push(&format!("suite {number}: body of {len} bytes"), number, &vec![1; len], "invalid-format");
    }
    push("unknown suite: body empty", 9, &[], "invalid-format");
    push("unknown suite: body of 4097 bytes", 9, &[1; 4097], "invalid-format");
    push("another suite than the key pair's", 3, &draw(rng, 384), "unwrap-failed");
    push("unknown suite at the key pair's fingerprint", 9, &body, "unwrap-failed");
    for (name, place) in [
        ("ML-KEM ciphertext, first byte", 0),
        ("X25519, first byte", 1088),
        ("ct, first byte", 1120),
        ("ct, last byte", 1167),
    ] {
        push(&format!("hybrid: flipped: {name}"), suite, &flip(&body, 8 * place), "unwrap-failed");
    }
    let with_point = |point: &[u8]| [&body[..1088], point, &body[1120..]].concat();
    push("hybrid: X25519 zero", suite, &with_point(&[0; 32]), "unwrap-failed");
    push("hybrid: all zero", suite, &[0; 1168], "unwrap-failed");
    let theirs = pair_set.stanzas.iter().find(|stanza| stanza.1 != fingerprint).expect("the other stanza");
    push("hybrid: another recipient's body", suite, &theirs.2, "unwrap-failed");
}

fn contexts(good: &WrapSet, alice: &Pair, carol: &Pair, rows: &mut Rows) {
    let bytes = good.encode();
    for (name, context) in [("another context", &[("record", "4568")][..]), ("no context", &[])] {
        rows.push(row(name, alice, context, &bytes, "unwrap-failed"));
    }
    rows.push(row("not a recipient", carol, &CONTEXT, &bytes, "not-a-recipient"));
}

/// Moved, added, dropped (W4).
fn stanzas(good: &WrapSet, pair_set: &WrapSet, alice: &Pair, bob: &Pair, rows: &mut Rows) {
    let mut push = |name: &str, pair: &Pair, set: &WrapSet, error: &str| {
        rows.push(row(name, pair, &CONTEXT, &set.encode(), error))
    };
    let mut renamed = good.clone();
    renamed.key_id[0] ^= 1;
    push("key id changed", alice, &renamed, "unwrap-failed");
    let mut renamed = good.clone();
    renamed.commitment[31] ^= 1;
    push("commitment changed", alice, &renamed, "unwrap-failed");
    let (suite, _, body) = good.stanzas[0].clone();
    push("copied to another fingerprint", bob, &good.with([(suite, bob.fingerprint(), body)]), "unwrap-failed");
    let dropped = pair_set.stanzas.iter().filter(|stanza| stanza.1 != bob.fingerprint()).cloned();
    push("dropped", bob, &good.with(dropped), "not-a-recipient");
    let other_set = WrapSet { stanzas: good.stanzas.clone(), ..WrapSet::of(&[5; 32]) };
    push("moved to another key's set", alice, &other_set, "unwrap-failed");
}

/// RSAES-OAEP: RFC 8017 section 7.1.
fn rsa_rows(rng: &mut Seeded, set: &WrapSet, key: &[u8; 32], pairs: &[Pair; 3], rows: &mut Rows) {
    for pair in pairs {
        let public = RsaPublicKey::from(&rsa_key(pair.suite));
        let suite = pair.suite.number();
        let info = set.info(suite, &pair.fingerprint(), &context());
        let size = match pair.suite {
            Suite::Rsa2048 => 256,
            Suite::Rsa3072 => 384,
            _ => 512,
        };
        let good = oaep(rng, &public, &info, key);
        let mut push = |name: &str, body: Vec<u8>, error: &str| {
            let set = set.with([(suite, pair.fingerprint(), body)]);
            let name = format!("{}: {name}", pair.suite.name());
            rows.push(row(&name, pair, &CONTEXT, &set.encode(), error));
        };
        push("flipped, last byte", flip(&good, 8 * (size - 1)), "unwrap-failed");
        push("33 bytes inside", oaep(rng, &public, &info, &[key.as_slice(), &[0]].concat()), "unwrap-failed");
        if pair.suite != Suite::Rsa3072 {
            continue;
        }
        push("flipped, first byte", flip(&good, 0), "unwrap-failed");
        push("zero", vec![0; size], "unwrap-failed");
        push("over the modulus", vec![0xff; size], "unwrap-failed");
        push("another label", oaep(rng, &public, &[0; 32], key), "unwrap-failed");
        push("no label", oaep(rng, &public, &[], key), "unwrap-failed");
        push("31 bytes inside", oaep(rng, &public, &info, &key[..31]), "unwrap-failed");
        push("nothing inside", oaep(rng, &public, &info, &[]), "unwrap-failed");
        let other = draw_key(rng);
        push("another key inside", oaep(rng, &public, &info, &other), "key-mismatch");
    }
}
