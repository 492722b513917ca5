//! Messages that the holder of the key doesn't open.

use super::{draw_key, invalid};
use crate::common::{
    cbor::{self, Item},
    craft::{
        flip,
        message::{Trailer, header, leaf, sealed},
    },
    hex::hex,
    rng::{Seeded, draw, draw_array},
    schema::{Entries, Invalid, Message},
};

const HEADER: usize = 22;
const CHUNK: usize = 16_400;

type Rows = Vec<Invalid<Message>>;

pub(super) fn rows(rng: &mut Seeded) -> Rows {
    let mut rows = Vec::new();
    small(rng, &mut rows);
    chunks(rng, &mut rows);
    paddings(rng, &mut rows);
    sessions(rng, &mut rows);
    rows
}

fn row(name: &str, key: &[u8; 32], context: &[(&str, &str)], sealed: &[u8], error: &str) -> Invalid<Message> {
    let context: Entries = context.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let entry = Message {
        name: name.to_owned(),
        key: hex(key),
        context,
        plaintext: String::new(),
        sealed: hex(sealed),
        author: None,
        session: None,
    };
    invalid(error, entry)
}

const RECORD: [(&str, &str); 2] = [("record", "4567"), ("field", "diagnosis")];

fn record() -> Item {
    cbor::context(RECORD)
}

/// One chunk: contexts, header, every part of the body.
fn small(rng: &mut Seeded, rows: &mut Rows) {
    const FAILED: &str = "decryption-failed";
    let key = draw_key(rng);
    let data = draw(rng, 60);
    let good = sealed(rng, &key, &header(&key, None, None, false), &record(), &data);
    let other_key = draw_key(rng);
    let contexts: [(&str, &[(&str, &str)]); 6] = [
        ("another value", &[("record", "4568"), ("field", "diagnosis")]),
        ("another key", &[("Record", "4567"), ("field", "diagnosis")]),
        ("an entry less", &[("record", "4567")]),
        ("an entry more", &[("record", "4567"), ("field", "diagnosis"), ("app", "")]),
        ("values exchanged", &[("record", "diagnosis"), ("field", "4567")]),
        ("no context", &[]),
    ];
    for (name, context) in contexts {
        rows.push(row(&format!("context: {name}"), &key, context, &good, FAILED));
    }
    let mut push = |name: &str, sealed: &[u8], error: &str| rows.push(row(name, &key, &RECORD, sealed, error));

    push("empty", &[], "invalid-format");
    push("three bytes", &good[..3], "invalid-format");
    push("magic of a wrap set", &[b"WKWS", &good[4..]].concat(), "invalid-format");
    push("magic in lower case", &[b"wkms", &good[4..]].concat(), "invalid-format");
    push("only the magic", &good[..4], "truncated");
    let with = |place: usize, byte: u8| {
        let mut copy = good.clone();
        copy[place] = byte;
        copy
    };
    for version in [0, 2, 0xff] {
        push(&format!("version {version}"), &with(4, version), "unsupported-version");
    }
    push("only magic and version 2", b"WKMS\x02", "unsupported-version");
    push("only magic and version", &good[..5], "truncated");
    for flag in [0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
        push(&format!("flags {flag:#04x}"), &with(5, flag), "unsupported-version");
    }
    push("unknown flag and nothing else", b"WKMS\x01\x08", "unsupported-version");
    push("signed without session", &with(5, 2), "invalid-format");
    push("signed and padded without session", &with(5, 3), "invalid-format");
    push("signed without session and nothing else", b"WKMS\x01\x02", "invalid-format");
    push("flag padded set", &with(5, 1), FAILED);
    push("flag session set", &with(5, 4), FAILED);
    let mut in_session = with(5, 6);
    in_session[86] = 0;
    push("flags session and signed set", &in_session, "truncated");
    for (name, place) in [
        ("key id, first bit", 6),
        ("key id, last byte", 21),
        ("salt, first byte", HEADER),
        ("salt, last byte", HEADER + 23),
        ("commitment, first byte", HEADER + 24),
        ("commitment, last byte", HEADER + 55),
        ("ciphertext, first byte", HEADER + 56),
        ("ciphertext, last byte", good.len() - 17),
        ("tag, first byte", good.len() - 16),
        ("tag, last byte", good.len() - 1),
    ] {
        push(&format!("flipped: {name}"), &flip(&good, 8 * place), FAILED);
    }
    for (name, len) in [
        ("inside the key id", 21),
        ("after the header", HEADER),
        ("inside the salt", HEADER + 23),
        ("inside the commitment", HEADER + 55),
        ("after the commitment", HEADER + 56),
        ("inside the first tag", HEADER + 71),
    ] {
        push(&format!("cut {name}"), &good[..len], "truncated");
    }
    push("cut after 16 bytes of chunk", &good[..HEADER + 72], FAILED);
    push("cut by one byte", &good[..good.len() - 1], FAILED);
    push("a byte appended", &[good.as_slice(), &[0]].concat(), FAILED);
    push("twice", &[good.as_slice(), &good].concat(), FAILED);
    rows.push(row("another key", &other_key, &RECORD, &good, FAILED));
}

/// Three chunks, the last of 10 bytes.
fn chunks(rng: &mut Seeded, rows: &mut Rows) {
    let key = draw_key(rng);
    let none = cbor::context([]);
    let header = header(&key, None, None, false);
    let data = draw(rng, 2 * 16_384 + 10);
    let good = sealed(rng, &key, &header, &none, &data);
    let (start, all) = good.split_at(HEADER + 56);
    let [first, second, last] = [&all[..CHUNK], &all[CHUNK..2 * CHUNK], &all[2 * CHUNK..]];
    let mut push = |name: &str, chunks: &[&[u8]], error: &str| {
        let sealed = [start, &chunks.concat()].concat();
        rows.push(row(name, &key, &[], &sealed, error));
    };
    push("chunks swapped", &[second, first, last], "decryption-failed");
    push("last chunk dropped", &[first], "truncated");
    push("last chunk first and only", &[last], "decryption-failed");
}

/// Properly sealed over a plaintext that no padding gives.
fn paddings(rng: &mut Seeded, rows: &mut Rows) {
    let padded = |data: usize, total: usize, len: u64| {
        let mut plaintext = vec![0x5a; data];
        plaintext.resize(total - 8, 0);
        plaintext.extend_from_slice(&len.to_be_bytes());
        plaintext
    };
    let not_zero = |place: usize| {
        let mut plaintext = padded(100, 256, 100);
        plaintext[place] = 1;
        plaintext
    };
    let cases = [
        ("no plaintext", Vec::new()),
        ("7 bytes", vec![0; 7]),
        ("only the length", padded(0, 8, 0)),
        ("255 bytes", padded(0, 255, 0)),
        ("257 bytes", padded(0, 257, 0)),
        ("272 bytes for no data", padded(0, 272, 0)),
        ("256 bytes for 249", padded(248, 256, 249)),
        ("length over the total", padded(100, 256, 256)),
        ("length of 2^63", padded(100, 256, 1 << 63)),
        ("length of 2^64 - 1", padded(100, 256, u64::MAX)),
        ("length a bucket too large", padded(100, 256, 249)),
        ("length little-endian", padded(100, 256, 100_u64.swap_bytes())),
        ("not zero, first", not_zero(100)),
        ("not zero, last", not_zero(247)),
        ("not Padmé: 1040 for 1009", padded(1009, 1040, 1009)),
    ];
    for (name, plaintext) in cases {
        let key = draw_key(rng);
        let sealed = sealed(rng, &key, &header(&key, None, None, true), &record(), &plaintext);
        rows.push(row(&format!("padding: {name}"), &key, &RECORD, &sealed, "decryption-failed"));
    }
}

/// The longer headers.
fn sessions(rng: &mut Seeded, rows: &mut Rows) {
    const FAILED: &str = "decryption-failed";
    let key = draw_key(rng);
    let session = draw_array(rng);
    let bundle_hash = draw_array(rng);
    let data = draw(rng, 300);
    let plain = sealed(rng, &key, &header(&key, Some(&session), None, false), &record(), &data);
    let signed_header = header(&key, Some(&session), Some((&bundle_hash, 0)), false);
    let unsigned = sealed(rng, &key, &signed_header, &record(), &data);
    let trailer = Trailer::single(7, draw_array(rng)).sign(&draw_array(rng), &leaf(&unsigned, 87));
    let signed = [unsigned, trailer].concat();
    let mut push = |name: &str, sealed: &[u8], error: &str| rows.push(row(name, &key, &RECORD, sealed, error));
    push("session id flipped", &flip(&plain, 8 * 22), FAILED);
    push("session id cut", &plain[..53], "truncated");
    push("session header alone", &plain[..54], "truncated");
    push("session flag taken away", &[&plain[..5], &[0], &plain[6..]].concat(), FAILED);
    push("signed: bundle hash flipped", &flip(&signed, 8 * 54), FAILED);
    push("signed: bundle hash cut", &signed[..85], "truncated");
    push("signed: no path length", &signed[..86], "truncated");
    push("signed: header alone", &signed[..87], "truncated");
    let with_path = |len: u8| [&signed[..86], &[len], &signed[87..]].concat();
    push("signed: path length 1", &with_path(1), FAILED);
    push("signed: path length 32", &with_path(32), "truncated");
    push("signed: path length 33", &with_path(33), "invalid-format");
    push("signed: path length 255", &with_path(255), "invalid-format");
    push("signed: path length 33 and nothing else", &with_path(33)[..87], "invalid-format");
    push("signed: ciphertext flipped", &flip(&signed, 8 * (87 + 56)), FAILED);
    push("signed: cut by one byte", &signed[..signed.len() - 1], FAILED);
    push("signed: a byte appended", &[signed.as_slice(), &[0]].concat(), FAILED);
    push("signed: trailer dropped", &signed[..signed.len() - 184], FAILED);
    push(
        "signed: body shorter than 72 bytes",
        &[&signed[..87 + 71], &signed[signed.len() - 184..]].concat(),
        "truncated",
    );
    push("signed: less than a trailer", &signed[..87 + 183], "truncated");
}
