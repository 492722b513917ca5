//! The chunks of a message in any order are those of the message as a whole.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{
    code,
    rng::{draw, seeded},
};
use proptest::prelude::*;
use wardkey::{
    cobblestone::{CHUNK, SEALED_CHUNK},
    data_key::DataKey,
    encoding::Context,
    error::Code,
    message::{self, Body, BodyChunks, Padding},
};

fn context() -> Context {
    Context::new([("record", "4567")]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sealed_by_number_opens_whole(len in 0..5 * CHUNK, seed: u64) {
        let mut rng = seeded(&seed.to_string());
        let key = DataKey::generate(&mut rng).unwrap();
        let data = draw(&mut rng, len);
        let (body, mut sealed) = Body::seal(&key, &mut rng, &context(), Padding::None).unwrap();
        let mut chunks: Vec<(u64, &[u8])> = (0..).zip(data.chunks(CHUNK)).collect();
        if len.is_multiple_of(CHUNK) {
            chunks.push((chunks.len() as u64, &[]));
        }
        // In reverse: each stands for itself.
        let mut pieces: Vec<(u64, Vec<u8>)> = Vec::new();
        for (number, chunk) in chunks.into_iter().rev() {
            let mut piece = Vec::new();
            body.chunks().seal(number, chunk, &mut piece).unwrap();
            pieces.push((number, piece));
        }
        pieces.sort();
        // By the message's key alone, the same.
        let alone = BodyChunks::of_aes(body.dangerously_expose_aes()).unwrap();
        let mut again = Vec::new();
        alone.seal(0, &data, &mut again).unwrap();
        if len.is_multiple_of(CHUNK) && len > 0 {
            alone.seal((len / CHUNK) as u64, &[], &mut again).unwrap();
        }
        prop_assert_eq!(&again, &pieces.iter().flat_map(|(_, piece)| piece.clone()).collect::<Vec<_>>());
        pieces.iter().for_each(|(_, piece)| sealed.extend_from_slice(piece));
        prop_assert_eq!(message::open(&key, &sealed, &context()).unwrap(), data);
    }

    #[test]
    fn sealed_whole_opens_by_number(len in 0..5 * CHUNK, seed: u64, padded: bool) {
        let mut rng = seeded(&seed.to_string());
        let key = DataKey::generate(&mut rng).unwrap();
        let data = draw(&mut rng, len);
        let padding = if padded { Padding::Padme } else { Padding::None };
        let sealed = message::seal(&key, &mut rng, &data, &context(), padding).unwrap();
        let (body, start) = Body::open(&key, &sealed, &context()).unwrap();
        prop_assert_eq!(body.header().padded, padded);
        let mut opened = Vec::new();
        for (number, chunk) in (0..).zip(sealed[start..].chunks(SEALED_CHUNK)) {
            body.chunks().open(number, chunk, &mut opened).unwrap();
        }
        prop_assert!(opened.starts_with(&data));
        prop_assert!(padded || opened.len() == data.len());
    }
}

/// F3: a chunk under another number, F1: nothing is left of those before a changed one.
#[test]
fn f3_chunks_out_of_place() {
    let mut rng = seeded("out of place");
    let key = DataKey::generate(&mut rng).unwrap();
    let sealed =
        message::seal(&key, &mut rng, &draw(&mut seeded("data"), 3 * CHUNK), &context(), Padding::None).unwrap();
    let (body, start) = Body::open(&key, &sealed, &context()).unwrap();
    let chunks = &sealed[start..start + 2 * SEALED_CHUNK];
    let mut out = b"before".to_vec();
    for (first, piece) in [(1, chunks), (0, &chunks[SEALED_CHUNK..]), (0, &chunks[..SEALED_CHUNK - 1])] {
        assert_eq!(code(body.chunks().open(first, piece, &mut out)), Code::DecryptionFailed);
    }
    assert_eq!(code(body.chunks().open(0, &[], &mut out)), Code::Truncated);
    assert_eq!(code(body.chunks().open(0, &chunks[..15], &mut out)), Code::Truncated);
    assert_eq!(out, b"before");
    assert_eq!(code(body.chunks().open(1 << 38, chunks, &mut out)), Code::Limit);
    assert_eq!(code(body.chunks().seal(1 << 38, b"more", &mut out)), Code::Limit);
}

/// F1: what a failing call wrote is wiped, not only taken back.
#[test]
fn f1_nothing_stays_in_the_memory() {
    let mut rng = seeded("wiped");
    let key = DataKey::generate(&mut rng).unwrap();
    let mut sealed = message::seal(&key, &mut rng, &[0xaa; CHUNK + 1000], &context(), Padding::None).unwrap();
    *sealed.last_mut().unwrap() ^= 1;
    let (body, start) = Body::open(&key, &sealed, &context()).unwrap();
    type Open<'a> = Box<dyn Fn(&mut Vec<u8>) -> wardkey::error::Result<()> + 'a>;
    let opens: [Open<'_>; 2] = [
        Box::new(|out| message::open_onto(out, &key, &sealed, &context())),
        Box::new(|out| body.chunks().open(0, &sealed[start..], out)),
    ];
    for open in opens {
        let mut out = Vec::with_capacity(3 * CHUNK);
        assert_eq!(code(open(&mut out)), Code::DecryptionFailed);
        assert_eq!((out.len(), out.capacity()), (0, 3 * CHUNK));
        // SAFETY: bytes within the capacity; the first chunk was written there.
        #[allow(unsafe_code)]
        let written = unsafe { core::slice::from_raw_parts(out.as_ptr(), CHUNK) };
        assert!(written.iter().all(|byte| *byte == 0), "plaintext is left");
    }
}
