//! Backups that don't open.

use wardkey::key_pair::Suite;

use super::invalid;
use crate::common::{
    cbor::{self, Array, Item, Map, Null, Raw, Uint},
    craft::{
        backup::{Draft, Sealed, key_item, key_item_of, payload, signing_item},
        flip,
    },
    hex::hex,
    keys::Pair,
    rng::{Seeded, draw_array},
    schema::{BadBackup, Invalid},
};

type Rows = Vec<Invalid<BadBackup>>;

const ANNA: &str = "anna@example.org";
const PASSWORD: &str = "correct horse";
const MALFORMED: &str = "invalid-format";
const POLICY: &str = "kdf-policy";

fn row_of(name: &str, password: &str, app_id: &str, user_id: &str, backup: &[u8], error: &str) -> Invalid<BadBackup> {
    let entry = BadBackup {
        name: name.to_owned(),
        password: password.to_owned(),
        app_id: app_id.to_owned(),
        user_id: user_id.to_owned(),
        backup: hex(backup),
    };
    invalid(error, entry)
}

fn row(name: &str, backup: &[u8], error: &str) -> Invalid<BadBackup> {
    row_of(name, PASSWORD, "", ANNA, backup, error)
}

pub(super) fn rows(rng: &mut Seeded, pair: &Pair) -> Rows {
    let draft = Draft::new(rng, pair, PASSWORD, ANNA);
    let good = draft.seal(rng);
    let mut rows = Vec::new();
    encodings(&good, &mut rows);
    fields(&good, &mut rows);
    kdfs(&good, &mut rows);
    owners(&good, &mut rows);
    opened(rng, &draft, &good, &mut rows);
    payloads(rng, &draft, pair, &mut rows);
    rows
}

/// Framing and CBOR.
fn encodings(good: &Sealed, rows: &mut Rows) {
    let bytes = good.encode();
    let mut push = |name: &str, backup: &[u8], error: &str| rows.push(row(name, backup, error));
    push("empty", &[], MALFORMED);
    push("magic of a message", &[b"WKMS", &bytes[4..]].concat(), MALFORMED);
    push("only the magic", &bytes[..4], "truncated");
    push("version 0", &[b"WKBK\0", &bytes[5..]].concat(), "unsupported-version");
    push("version 2", &[b"WKBK\x02", &bytes[5..]].concat(), "unsupported-version");
    push("only magic and version", &bytes[..5], MALFORMED);
    push("cut by one byte", &bytes[..bytes.len() - 1], MALFORMED);
    push("a byte appended", &[bytes.as_slice(), &[0]].concat(), MALFORMED);
    let mut malformed = |name: &str, map: Vec<u8>| push(name, &cbor::framed(b"WKBK", &map), MALFORMED);
    let entries = good.entries();
    let map = Map(entries.clone()).encode();
    malformed("seven entries", Map(entries[..7].to_vec()).encode());
    malformed("a ninth entry", Map([entries.as_slice(), &[(Uint(9), Null)]].concat()).encode());
    let mut swapped = entries.clone();
    swapped.swap(6, 7);
    malformed("map keys not sorted", Map(swapped).encode());
    let mut twice = entries.clone();
    twice[1].0 = Uint(1);
    malformed("a map key twice", Map(twice).encode());
    let mut long_key = entries.clone();
    long_key[7].0 = Raw(cbor::long_head(0, 8, 1));
    malformed("map key in two bytes", Map(long_key).encode());
    malformed("indefinite map", [&[0xbf], &map[1..], &[0xff]].concat());
    malformed("map's length in two bytes", [&cbor::long_head(5, 8, 1), &map[1..]].concat());
    malformed("an array instead of the map", Array(entries.into_iter().map(|(_, value)| value).collect()).encode());
}

/// Types, lengths and forms of the fields.
fn fields(good: &Sealed, rows: &mut Rows) {
    let mut push = |name: &str, number: usize, value: Item| {
        rows.push(row(name, &good.with(number, value).encode(), MALFORMED));
    };
    push("app id as bytes", 1, cbor::bytes([]));
    push("app id of 129 bytes", 1, cbor::text(&"a".repeat(129)));
    push("app id not UTF-8", 1, Raw(vec![0x61, 0xff]));
    push("app id in pieces", 1, Raw(vec![0x7f, 0xff]));
    for (name, user) in [
        ("empty", String::new()),
        ("of 129 bytes", "a".repeat(129)),
        ("shaped like a group id", "Ab0-_".repeat(9)[..43].to_owned()),
        ("with an arrow", "a→b".to_owned()),
        ("with a control character", "a\nb".to_owned()),
        ("with a C1 control character", "a\u{85}b".to_owned()),
        ("not in NFC", "mu\u{308}ller".to_owned()),
    ] {
        push(&format!("user id {name}"), 2, cbor::text(&user));
    }
    push("version 0 of the state", 3, Uint(0));
    push("negative version", 3, Raw(vec![0x20]));
    push("version in two bytes", 3, Raw(cbor::long_head(0, 1, 1)));
    push("version in nine bytes", 3, Raw(cbor::long_head(0, 1, 8)));
    push("version is null", 3, Null);
    for number in [5, 6] {
        push(&format!("field {number} of 103 bytes"), number, cbor::bytes([1; 103]));
        push(&format!("field {number} of 105 bytes"), number, cbor::bytes([1; 105]));
    }
    push("field 5 is null", 5, Null);
    push("field 6 is undefined", 6, Raw(vec![0xf7]));
    push("field 6 is false", 6, Raw(vec![0xf4]));
    push("field 7 is null", 7, Null);
    push("field 7 as text", 7, cbor::text("keys"));
    let keys = good.bytes(7);
    push("field 7's length in five bytes", 7, Raw([&cbor::long_head(2, keys.len() as u64, 4), keys].concat()));
    push("field 7 in pieces", 7, Raw([&[0x5f], cbor::bytes(keys).encode().as_slice(), &[0xff]].concat()));
    push("field 8 is null", 8, Null);
    push("field 8 claims 2^32 bytes", 8, Raw(cbor::head(2, 1 << 32)));
}

/// Refused before anything is derived.
fn kdfs(good: &Sealed, rows: &mut Rows) {
    let salt = cbor::bytes([9; 32]);
    let argon2id = |memory: u64, passes: u64, salt: Item| Array(vec![Uint(1), Uint(memory), Uint(passes), salt]);
    let pbkdf2 = |iterations: u64, salt: Item| Array(vec![Uint(2), Uint(iterations), salt]);
    let mut push = |name: &str, kdf: Item, error: &str| {
        rows.push(row(&format!("kdf: {name}"), &good.with(4, kdf).encode(), error));
    };
    for memory in [0, 1, 19_455, 262_145, 4 << 20, 1 << 32, (1 << 32) + 65_536, u64::MAX] {
        push(&format!("{memory} KiB"), argon2id(memory, 3, salt.clone()), POLICY);
    }
    for passes in [0, 1, 11, (1 << 32) + 3, u64::MAX] {
        push(&format!("{passes} passes"), argon2id(65_536, passes, salt.clone()), POLICY);
    }
    for iterations in [0, 1, 599_999, 5_000_001, (1 << 32) + 600_000, u64::MAX] {
        push(&format!("{iterations} iterations"), pbkdf2(iterations, salt.clone()), POLICY);
    }
    for len in [0, 8, 15, 65, 1000] {
        push(&format!("salt of {len} bytes"), argon2id(65_536, 3, cbor::bytes(vec![1; len])), POLICY);
        push(&format!("pbkdf2, salt of {len} bytes"), pbkdf2(600_000, cbor::bytes(vec![1; len])), POLICY);
    }
    for number in [0, 3, 255, u64::MAX] {
        let kdf = Array(vec![Uint(number), Uint(65_536), Uint(3), salt.clone()]);
        push(&format!("number {number}"), kdf, POLICY);
    }
    push("number 3 alone", Array(vec![Uint(3)]), POLICY);
    push("number 3, then something else", Array(vec![Uint(3), cbor::text("scrypt"), Null]), POLICY);
    push("empty", Array(vec![]), MALFORMED);
    push("null", Null, MALFORMED);
    push("a name", Array(vec![cbor::text("argon2id"), salt.clone()]), MALFORMED);
    push("a negative number", Array(vec![Raw(vec![0x20]), Uint(65_536), Uint(3), salt.clone()]), MALFORMED);
    push("argon2id of three", Array(vec![Uint(1), Uint(65_536), salt.clone()]), MALFORMED);
    push("argon2id of five", Array(vec![Uint(1), Uint(65_536), Uint(3), salt.clone(), Uint(1)]), MALFORMED);
    push("pbkdf2 of four", Array(vec![Uint(2), Uint(600_000), Uint(1), salt.clone()]), MALFORMED);
    push("salt as text", argon2id(65_536, 3, cbor::text("0123456789abcdef")), MALFORMED);
    push("passes in two bytes", argon2id(65_536, 3, salt.clone()).with_long_passes(), MALFORMED);
    push("indefinite", Raw([&[0x9f], &argon2id(65_536, 3, salt).encode()[1..], &[0xff]].concat()), MALFORMED);
}

impl Item {
    /// The third item of an array in its longer form.
    fn with_long_passes(self) -> Self {
        let Array(mut items) = self else { panic!("an array") };
        items[2] = Raw(cbor::long_head(0, 3, 1));
        Array(items)
    }
}

fn owners(good: &Sealed, rows: &mut Rows) {
    let bytes = good.encode();
    rows.push(row_of("another user", PASSWORD, "", "anna@example.com", &bytes, "key-mismatch"));
    rows.push(row_of("another app", PASSWORD, "transfers.example", ANNA, &bytes, "key-mismatch"));
    // The user before the password's form, and that before the password.
    rows.push(row_of("another user and a bad password", "a\nb", "", "otto", &bytes, "key-mismatch"));
    rows.push(row_of("control character in the password", "a\nb", "", ANNA, &bytes, "password-format"));
    rows.push(row_of("empty password", "", "", ANNA, &bytes, "password-format"));
    rows.push(row_of("another password", "correct  horse", "", ANNA, &bytes, "wrong-password"));
    rows.push(row_of("another case", "Correct horse", "", ANNA, &bytes, "wrong-password"));
    rows.push(row_of("a space after", "correct horse ", "", ANNA, &bytes, "wrong-password"));
}

/// Well-formed, and changed.
fn opened(rng: &mut Seeded, draft: &Draft, good: &Sealed, rows: &mut Rows) {
    let otto = "otto@example.org";
    let mut push = |name: &str, sealed: &Sealed, error: &str| rows.push(row(name, &sealed.encode(), error));
    let renamed = good.with(2, cbor::text(otto));
    let flipped = |number: usize, byte: usize| good.with(number, cbor::bytes(flip(good.bytes(number), 8 * byte)));
    push("root: salt flipped", &flipped(5, 0), "wrong-password");
    push("root: tag flipped", &flipped(5, 103), "wrong-password");
    push("root: zero", &good.with(5, cbor::bytes([0; 104])), "wrong-password");
    let Array(mut kdf) = good.fields[3].clone() else { panic!("a kdf") };
    kdf[2] = Uint(3);
    push("kdf: passes changed within the bounds", &good.with(4, Array(kdf)), "wrong-password");
    push("version changed", &good.with(3, Uint(2)), "decryption-failed");
    push("field 6 added", &good.with(6, cbor::bytes(good.bytes(5))), "decryption-failed");
    push("keys flipped", &flipped(7, 100), "decryption-failed");
    push("keys empty", &good.with(7, cbor::bytes([])), "decryption-failed");
    push("state flipped", &flipped(8, 60), "decryption-failed");
    push("state empty", &good.with(8, cbor::bytes([])), "decryption-failed");
    push(
        "state and keys exchanged",
        &good.with(7, good.fields[7].clone()).with(8, good.fields[6].clone()),
        "decryption-failed",
    );
    // The same draft sealed twice: each part opens, but not in the other envelope.
    let again = draft.seal(rng);
    push("root of another envelope", &good.with(5, again.fields[4].clone()), "decryption-failed");
    push("keys of another envelope", &good.with(7, again.fields[6].clone()), "decryption-failed");
    push("state of another envelope", &good.with(8, again.fields[7].clone()), "decryption-failed");
    let two_men = Draft { two_men: Some((draw_array(rng), draw_array(rng))), ..draft.clone() }.seal(rng);
    push("field 6 taken away", &two_men.with(6, Null), "decryption-failed");
    // Field 8 over it, so that only field 7 is wrong.
    let cut = good.with(7, cbor::bytes(&good.bytes(7)[..good.bytes(7).len() - 1]));
    let state = draft.seal_state(rng, &cut);
    push("keys cut under a good state", &cut.with(8, state), "decryption-failed");
    rows.push(row_of("another user's name written in", PASSWORD, "", otto, &renamed.encode(), "wrong-password"));
}

/// Sealed by somebody who knows the password, and not what they should be.
fn payloads(rng: &mut Seeded, draft: &Draft, pair: &Pair, rows: &mut Rows) {
    let other = Pair::hybrid(rng);
    let seed = draw_array::<32>(rng);
    let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    let key = key_item(pair);
    let rsa = Pair::rsa(Suite::Rsa3072);
    let mut push = |rng: &mut Seeded, name: &str, keys: Vec<u8>, error: &str| {
        let sealed = Draft { keys, ..draft.clone() }.seal(rng);
        rows.push(row(&format!("payload: {name}"), &sealed.encode(), error));
    };
    let good = payload(std::slice::from_ref(&key), &[]);
    push(rng, "empty", Vec::new(), MALFORMED);
    push(rng, "a byte appended", [good.encode(), vec![0]].concat(), MALFORMED);
    push(rng, "no encryption key", payload(&[], &[signing_item(public, &seed)]).encode(), MALFORMED);
    push(rng, "a key twice", payload(&[key.clone(), key.clone()], &[]).encode(), MALFORMED);
    let signing = signing_item(public, &seed);
    push(
        rng,
        "a signing key twice",
        payload(std::slice::from_ref(&key), &[signing.clone(), signing]).encode(),
        MALFORMED,
    );
    push(rng, "unknown suite", payload(&[key_item_of(9, pair.fingerprint(), &pair.private)], &[]).encode(), MALFORMED);
    push(
        rng,
        "seed of 31 bytes",
        payload(&[key_item_of(1, pair.fingerprint(), &pair.private[..31])], &[]).encode(),
        MALFORMED,
    );
    push(
        rng,
        "signing seed of 33 bytes",
        payload(std::slice::from_ref(&key), &[signing_item(public, &[1; 33])]).encode(),
        MALFORMED,
    );
    push(rng, "no signing keys given", Map(vec![(Uint(1), Array(vec![key.clone()]))]).encode(), MALFORMED);
    let long = Array(vec![Raw(cbor::long_head(0, 1, 1)), cbor::bytes(pair.fingerprint()), cbor::bytes(&pair.private)]);
    push(rng, "suite in two bytes", payload(&[long], &[]).encode(), MALFORMED);
    let foreign = key_item_of(1, other.fingerprint(), &pair.private);
    push(rng, "another key's fingerprint", payload(&[foreign], &[]).encode(), "key-mismatch");
    push(
        rng,
        "another key under the fingerprint",
        payload(&[key_item_of(1, pair.fingerprint(), &other.private)], &[]).encode(),
        "key-mismatch",
    );
    push(
        rng,
        "rsa: another key's fingerprint",
        payload(&[key_item_of(3, pair.fingerprint(), &rsa.private)], &[]).encode(),
        "key-mismatch",
    );
    push(rng, "rsa: not PKCS#8", payload(&[key_item_of(3, rsa.fingerprint(), &[0x5a; 100])], &[]).encode(), MALFORMED);
    push(
        rng,
        "another signing public key",
        payload(std::slice::from_ref(&key), &[signing_item([7; 32], &seed)]).encode(),
        "key-mismatch",
    );
    let state = Draft { state: Vec::new(), ..draft.clone() }.seal(rng);
    rows.push(row("state: empty payload", &state.encode(), MALFORMED));
    let state = Draft { state: vec![0xa1, 1, 1], ..draft.clone() }.seal(rng);
    rows.push(row("state: an entry", &state.encode(), MALFORMED));
}
