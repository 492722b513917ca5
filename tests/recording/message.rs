//! `message.json`: SPEC sections 3 and 4.

use wardkey::{
    data_key::DataKey,
    message::{self, Author, Authority, Padding, View},
    sign::SigningKey,
};

use super::{author_invalid, draw_key, message_invalid};
use crate::common::{
    hex::hex,
    keys::signing_key,
    rng::{Seeded, draw, draw_array},
    schema::{self, Entries, File, Message, context_of},
};

const PLAIN: [usize; 6] = [0, 26, 16_383, 16_384, 16_385, 40_000];
/// On both sides of the buckets' edges; the last one is just longer than a chunk.
const PADDED: [usize; 10] = [0, 1, 247, 248, 249, 264, 265, 1016, 1017, 16_377];
const BATCHES: [u32; 4] = [1, 3, 5, 8];

pub(super) fn file(rng: &mut Seeded) -> File<Message> {
    let mut vectors = Vec::new();
    for size in PLAIN {
        let data = draw(rng, size);
        vectors.push(sealed(rng, &format!("{size} bytes"), &data, &[], Padding::None));
    }
    for size in PADDED {
        let data = draw(rng, size);
        vectors.push(sealed(rng, &format!("{size} bytes, padded"), &data, &[], Padding::Padme));
    }
    vectors.push(sealed(rng, "zeros, padded", &[0; 300], &[], Padding::Padme));
    let data = [draw(rng, 100), vec![0; 300]].concat();
    vectors.push(sealed(rng, "ends in zeros, padded", &data, &[], Padding::Padme));
    for (name, context) in contexts() {
        let context: Vec<_> = context.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        vectors.push(sealed(rng, &format!("context: {name}"), b"under a context", &context, Padding::None));
    }
    vectors.push(in_session(rng, "in a session", Padding::None));
    vectors.push(in_session(rng, "in a session, padded", Padding::Padme));
    for size in BATCHES {
        vectors.extend(batch(rng, size, false));
        vectors.extend(batch(rng, size, true));
    }
    vectors.push(signed_chunks(rng));

    let mut invalid = message_invalid::rows(rng);
    invalid.extend(author_invalid::rows(rng));
    File { vectors, invalid }
}

/// Contexts in which the order of the keys shows, or the lengths.
fn contexts() -> Vec<(&'static str, Vec<(String, String)>)> {
    let owned = |entries: &[(&str, &str)]| -> Vec<(String, String)> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let (long, longer) = ("a".repeat(23), "z".repeat(24));
    let (byte, word) = ("x".repeat(255), "x".repeat(256));
    vec![
        ("two entries", owned(&[("record", "4567"), ("field", "diagnosis")])),
        ("empty key and value", owned(&[("", ""), ("a", "")])),
        (
            "keys of different lengths",
            owned(&[("b", "1"), ("aa", "2"), ("a", "3"), ("", "0"), (&long, "23"), (&longer, "24")]),
        ),
        ("non-ASCII", owned(&[("naïve", "é"), ("Zoë", "ÿ"), ("患者", "記録"), ("пациент", "запись"), ("z", "→")])),
        // As UTF-16 the first would come first.
        ("UTF-8 order", owned(&[("\u{10000}", "f0 90 80 80"), ("\u{ff5e}a", "ef bd 9e 61")])),
        ("not normalised", owned(&[("\u{e9}", "composed"), ("e\u{301}", "decomposed")])),
        ("control characters", owned(&[("a\nb", "\0"), ("\u{7f}", "\u{85}")])),
        ("lengths in one byte and in two", owned(&[("k", &byte), (&word, "v")])),
    ]
}

fn entries(context: &[(&str, &str)]) -> Entries {
    context.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn sealed(rng: &mut Seeded, name: &str, data: &[u8], context: &[(&str, &str)], padding: Padding) -> Message {
    let raw = draw_key(rng);
    let context = entries(context);
    let key = DataKey::from_slice(&raw).expect("32 bytes");
    let sealed = message::seal(&key, rng, data, &context_of(&context), padding).expect("sealed");
    Message {
        name: name.to_owned(),
        key: hex(raw),
        context,
        plaintext: hex(data),
        sealed: hex(sealed),
        author: None,
        session: None,
    }
}

fn in_session(rng: &mut Seeded, name: &str, padding: Padding) -> Message {
    let raw = draw_key(rng);
    let session = draw_array(rng);
    let context = entries(&[("record", "4567")]);
    let key = DataKey::from_slice(&raw).expect("32 bytes");
    let data = b"unsigned, in a session";
    let sealed = message::seal_in_session(&key, rng, session, data, &context_of(&context), padding).expect("sealed");
    Message {
        name: name.to_owned(),
        key: hex(raw),
        context,
        plaintext: hex(data),
        sealed: hex(sealed),
        author: None,
        session: Some(hex(session)),
    }
}

/// A batch under one signature, of items that differ in length and context.
fn batch(rng: &mut Seeded, size: u32, group: bool) -> Vec<Message> {
    let items: Vec<_> = (0..size)
        .map(|n| (draw(rng, 40 * n as usize), entries(&[("record", &n.to_string()), ("ward", "Notaufnahme 患者")])))
        .collect();
    // Every other batch is padded.
    let padding = if group { Padding::Padme } else { Padding::None };
    let whose = if group { "for a group, padded" } else { "by himself" };
    signed(rng, &format!("batch of {size}, {whose}"), &items, group, padding)
}

/// A signed message of two chunks, the last one empty.
fn signed_chunks(rng: &mut Seeded) -> Message {
    let items = [(draw(rng, 16_384), entries(&[]))];
    signed(rng, "signed, 16384 bytes", &items, true, Padding::None).remove(0)
}

fn signed(rng: &mut Seeded, name: &str, items: &[(Vec<u8>, Entries)], group: bool, padding: Padding) -> Vec<Message> {
    let raw = draw_key(rng);
    let key = DataKey::from_slice(&raw).expect("32 bytes");
    let signer = signing_key(rng);
    let author = author(rng, group);
    let contexts: Vec<_> = items.iter().map(|(_, context)| context_of(context)).collect();
    let drafts: Vec<_> = items.iter().zip(&contexts).map(|((data, _), context)| (data.as_slice(), context)).collect();
    let sealed = message::seal_signed(&key, rng, &signer, &author, &drafts, padding).expect("sealed");
    let size = items.len() as u32;
    (0..size)
        .zip(items)
        .zip(sealed)
        .map(|((index, (data, context)), sealed)| Message {
            name: format!("{name}, item {index}"),
            key: hex(raw),
            context: context.clone(),
            plaintext: hex(data),
            sealed: hex(sealed),
            author: Some(author_row(&signer, &author, index, size)),
            session: Some(hex(author.session)),
        })
        .collect()
}

fn author(rng: &mut Seeded, group: bool) -> Author {
    let session = draw_array(rng);
    let bundle_hash = draw_array(rng);
    let view = View { sequence: u64::from_be_bytes(draw_array(rng)), hash: draw_array(rng) };
    let authority = if group {
        let id = draw_array(rng);
        Authority::Group { id, sequence: 1 << 60, hash: draw_array(rng) }
    } else {
        Authority::Signer
    };
    Author { session, bundle_hash, view, authority }
}

fn author_row(signer: &SigningKey, author: &Author, index: u32, size: u32) -> schema::Author {
    let authority = match author.authority {
        Authority::Signer => [0; 72],
        Authority::Group { id, sequence, hash } => crate::common::craft::message::group(&id, sequence, &hash),
    };
    schema::Author {
        public_key: hex(signer.verifying_key().as_bytes()),
        bundle_hash: hex(author.bundle_hash),
        sequence: author.view.sequence.to_string(),
        log_hash: hex(author.view.hash),
        authority: hex(authority),
        index,
        size,
    }
}
