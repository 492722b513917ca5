//! Messages of a session, made and opened in parts: what comes out is what comes out of one call.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use std::{cell::RefCell, sync::OnceLock};

use common::{
    code,
    flip::flip_bits,
    parts,
    people::{Person, app, directory},
    rng::{Seeded, draw, seeded},
};
use proptest::{collection::vec, prelude::*};
use wardkey::{
    cobblestone::{CHUNK, SEALED_CHUNK},
    data_key::DataKey,
    encoding::Context,
    error::{Code, Result},
    message::{self, Batch, Leaf, Padding, Verifier},
    session::{Created, Directory, Grant, Keys, Opened, Rights, Session, Writing, create},
    signed::Minimum,
};

const FIRST: Minimum = Minimum(1);
const TRAILER: usize = 184;

/// A session of Alice's, whom Bob writes with.
struct Scene {
    alice: Person,
    bob: Person,
    known: Directory,
    session: Session,
    raw: [u8; 32],
}

/// Made once: keys take their time.
fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let mut rng = seeded("session parts");
        let [alice, bob] = ["alice", "bob"].map(|name| Person::new(&mut rng, name));
        let known = directory([&alice, &bob]);
        let grants = [&alice, &bob].map(|person| Grant { party: person.party(), rights: Rights::READ });
        let Created { key, mut session, .. } = create(&mut rng, &alice.hand(), &app(), &grants).unwrap();
        session.wrap_genesis(&mut rng, &alice.hand(), &key, &known).unwrap();
        Scene { alice, bob, known, session, raw: *key.dangerously_expose().expose() }
    })
}

fn context(record: usize) -> Context {
    Context::new([("record", record.to_string().as_str())]).unwrap()
}

impl Scene {
    fn key(&self) -> DataKey {
        DataKey::from_slice(&self.raw).unwrap()
    }

    fn keys(&self) -> Keys {
        self.session.keys_from(0, self.key()).unwrap()
    }

    fn write(&self, by: &Person, sign: bool, size: usize, padding: Padding) -> Writing {
        self.session.write(&by.signer, sign, size, padding, &Directory::default()).unwrap()
    }

    /// One message in parts.
    fn seal(&self, rng: &mut Seeded, by: &Person, sign: bool, data: &[u8], padding: Padding) -> Vec<u8> {
        let mut writing = self.write(by, sign, 1, padding);
        let (mut message, leaf) = parts::seal(writing.begin(&self.key(), rng, 0, &context(0)).unwrap(), data);
        if sign {
            writing.add(&leaf);
            message.extend(writing.sign(by.signing.iter()).unwrap().of(0));
        }
        message
    }

    fn whole(&self, message: &[u8], record: usize) -> Result<Opened> {
        self.session.open_message(&self.keys(), message, &context(record), &self.known, FIRST)
    }

    fn in_parts(&self, message: &[u8], record: usize) -> Result<Opened> {
        parts::open_message(&self.session, &self.keys(), message, &context(record), &self.known, FIRST)
    }

    /// Both say the same.
    #[track_caller]
    fn open(&self, message: &[u8], record: usize) -> Result<Opened> {
        let (whole, in_parts) = (self.whole(message, record), self.in_parts(message, record));
        assert_eq!(in_parts.as_ref().map_err(|error| error.code()), whole.as_ref().map_err(|error| error.code()));
        whole
    }

    #[track_caller]
    fn opens(&self, message: &[u8], record: usize, data: &[u8], author: Option<&Person>) {
        let opened = self.open(message, record).unwrap();
        assert_eq!(opened.author.as_ref(), author.map(|person| &person.signer));
        assert!(opened.data == data, "{} bytes", data.len());
    }
}

const PADDINGS: [Padding; 2] = [Padding::None, Padding::Padme];

#[test]
fn of_every_size() {
    let (scene, mut rng) = (scene(), seeded("parts of every size"));
    for len in [0, 1, 16_383, 16_384, 16_385, (1 << 20) - 1, 1 << 20, (1 << 20) + 1] {
        let data = draw(&mut rng, len);
        for padding in PADDINGS {
            for sign in [true, false] {
                let author = sign.then_some(&scene.bob);
                let in_parts = scene.seal(&mut rng, &scene.bob, sign, &data, padding);
                scene.opens(&in_parts, 0, &data, author);
                let items = [(data.as_slice(), &context(0))];
                let sealed = scene.session.seal(
                    &mut rng,
                    &scene.bob.hand(),
                    (sign, padding),
                    &scene.keys(),
                    &items,
                    &Directory::default(),
                );
                let whole = sealed.unwrap().remove(0);
                assert_eq!(in_parts.len(), whole.len());
                scene.opens(&whole, 0, &data, author);
            }
        }
    }
}

/// Short and long ones, one signature; each is opened by itself and among the others.
#[test]
fn a_batch() {
    let (scene, mut rng) = (scene(), seeded("a batch in parts"));
    for (size, padding) in [(1, Padding::None), (2, Padding::Padme), (7, Padding::None), (33, Padding::Padme)] {
        let data: Vec<Vec<u8>> = (0..size).map(|place| draw(&mut rng, [20, 300, 17_000][place % 3])).collect();
        let mut writing = scene.write(&scene.alice, true, size, padding);
        let mut made: Vec<(Vec<u8>, Leaf)> = Vec::new();
        for (place, data) in data.iter().enumerate() {
            let index = place as u32;
            made.push(if place % 3 == 2 {
                parts::seal(writing.begin(&scene.key(), &mut rng, index, &context(place)).unwrap(), data)
            } else {
                let items = [(data.as_slice(), context(place))];
                let begun = writing.begin_many(&scene.key(), &mut rng, index, &items).unwrap();
                let mut message = message::finish(&begun).unwrap().split_off(4);
                // The leaf is the end of the trailer's room.
                let leaf = Leaf::from_slice(message.last_chunk::<64>().unwrap()).unwrap();
                let trailer = message::Header::parse(&message).unwrap().0.trailer_len();
                assert!(message[message.len() - trailer..message.len() - 64].iter().all(|byte| *byte == 0));
                message.truncate(message.len() - trailer);
                (message, leaf)
            });
        }
        made.iter().for_each(|(_, leaf)| writing.add(leaf));
        let trailers = writing.sign(scene.alice.signing.iter()).unwrap();
        assert_eq!(trailers.size() as usize, size);
        let mut verifier = Verifier::default();
        for (place, ((mut message, leaf), data)) in made.into_iter().zip(&data).enumerate() {
            let trailer = trailers.of(place as u32);
            message.extend_from_slice(&trailer);
            scene.opens(&message, place, data, Some(&scene.alice));
            let (header, _) = message::Header::parse(&message).unwrap();
            // Again, when the signature was met before; another leaf is no better for that.
            let key = &scene.alice.signer.key;
            for _ in 0..2 {
                assert_eq!(verifier.verify(&header, &leaf, &trailer, key).unwrap().view, scene.session.log().head());
                let other = Leaf::new(b"another", b"message");
                assert_eq!(code(verifier.verify(&header, &other, &trailer, key)), Code::BadSignature);
                assert_eq!(code(verifier.verify(&header, &leaf, &trailer, &scene.bob.signer.key)), Code::BadSignature);
            }
            // Under its neighbour's trailer.
            if size > 1 {
                let end = message.len() - trailer.len();
                message.truncate(end);
                let neighbour = if place + 1 < size { place + 1 } else { place - 1 };
                message.extend_from_slice(&trailers.of(neighbour as u32));
                assert!(scene.open(&message, place).is_err(), "{place} of {size}");
            }
        }
    }
}

#[test]
fn a_batch_is_signed_whole() {
    let (scene, mut rng) = (scene(), seeded("whole batches"));
    let leaf = Leaf::new(b"start", b"");
    for (size, added) in [(1, 0), (1, 2), (3, 2), (0, 0)] {
        let mut writing = scene.write(&scene.alice, true, size, Padding::None);
        (0..added).for_each(|_| writing.add(&leaf));
        assert_eq!(code(writing.sign(scene.alice.signing.iter())), Code::InvalidArgument, "{added} of {size}");
    }
    // By somebody else, who may have unlocked meanwhile.
    let mut writing = scene.write(&scene.alice, true, 1, Padding::None);
    writing.add(&leaf);
    assert_eq!(code(writing.sign(scene.bob.signing.iter())), Code::KeyMismatch);
    let writing = scene.write(&scene.alice, false, 1, Padding::None);
    assert!(!writing.is_signed());
    assert_eq!(code(writing.sign(scene.alice.signing.iter())), Code::InvalidArgument);
    let stranger = Person::new(&mut rng, "stranger");
    assert_eq!(
        code(scene.session.write(&stranger.signer, true, 1, Padding::None, &Directory::default())),
        Code::Forbidden
    );
}

/// F1: what every flipped bit ends in is what it ends in for a message that is opened whole.
#[test]
fn f1_every_bit() {
    let (scene, mut rng) = (scene(), seeded("parts f1"));
    for padding in PADDINGS {
        let short = scene.seal(&mut rng, &scene.alice, true, b"fracture of the left wrist", padding);
        let data = draw(&mut rng, 2 * CHUNK + 10);
        let long = scene.seal(&mut rng, &scene.alice, true, &data, padding);
        for (message, every) in [(&short, 1), (&long, 499)] {
            let bits = (0..8 * message.len()).step_by(every);
            // A header that names another session, key or signer is refused before anything is opened.
            let names = |bit: &usize| (6..86).contains(&(bit / 8));
            let (named, others): (Vec<_>, Vec<_>) = bits.partition(names);
            let open = |message: &[u8]| scene.open(message, 0).map(|opened| opened.data);
            flip_bits(message, others, &open, Some(Code::BadSignature));
            for bit in named {
                let expected = match bit / 8 {
                    6..22 => Code::NotARecipient,
                    22..54 => Code::KeyMismatch,
                    _ => Code::BadSignature,
                };
                assert_eq!(code(scene.open(&common::craft::flip(message, bit), 0)), expected, "bit {bit}");
            }
        }
    }
}

/// F4: a signed message is cut anywhere.
#[test]
fn f4_cut() {
    let (scene, mut rng) = (scene(), seeded("parts f4"));
    let data = draw(&mut rng, CHUNK + 100);
    let message = scene.seal(&mut rng, &scene.alice, true, &data, Padding::None);
    let codes = RefCell::new(Vec::new());
    for len in (0..message.len()).filter(|len| *len < 200 || *len > CHUNK || len % 97 == 0) {
        let found = code(scene.open(&message[..len], 0));
        assert!(
            matches!(found, Code::InvalidFormat | Code::Truncated | Code::DecryptionFailed),
            "cut to {len}: {found:?}"
        );
        codes.borrow_mut().push(found);
    }
    let after_a_chunk = 87 + 56 + SEALED_CHUNK;
    assert_eq!(code(scene.open(&message[..after_a_chunk], 0)), Code::DecryptionFailed);
    assert_eq!(code(scene.open(&message[..message.len() - 1], 0)), Code::DecryptionFailed);
    assert!(codes.borrow().contains(&Code::Truncated));
}

/// F10: who knows the key makes another body under the same start, with good tags; and puts his own trailer, or another of hers, to her message.
#[test]
fn f10_an_insider() {
    let (scene, mut rng) = (scene(), seeded("parts f10"));
    let context = context(0);
    for padding in PADDINGS {
        let alices = scene.seal(&mut rng, &scene.alice, true, b"discharge on Monday", padding);
        let another = scene.seal(&mut rng, &scene.alice, true, b"discharge on Friday", padding);
        let bobs = scene.seal(&mut rng, &scene.bob, true, b"discharge on Sunday", padding);
        let end = alices.len() - TRAILER;
        for trailer in [&another[end..], &bobs[end..], &[0; TRAILER]] {
            let message = [&alices[..end], trailer].concat();
            assert_eq!(code(scene.open(&message, 0)), Code::BadSignature);
            // For the key alone it is a good message.
            assert_eq!(message::open(&scene.key(), &message, &context).unwrap(), b"discharge on Monday");
        }
        for data in [b"discharge on Sunday".as_slice(), b"", &[7; 3 * CHUNK]] {
            let (body, start) = message::Body::open(&scene.key(), &alices, &context).unwrap();
            let (forged, leaf) = parts::seal((body, alices[..start].to_vec()), data);
            let message = [&forged, &alices[end..]].concat();
            assert_eq!(message::open(&scene.key(), &message, &context).unwrap(), data);
            assert_eq!(code(scene.open(&message, 0)), Code::BadSignature);
            // Signed by himself: her name is in the header.
            let author = scene.session.author(&scene.bob.signer, &Directory::default()).unwrap();
            let mut batch = Batch::new(author, 1).unwrap();
            batch.add(&leaf);
            let trailer = batch.sign(&scene.bob.signing[0]).unwrap().of(0);
            assert_eq!(code(scene.open(&[forged, trailer].concat(), 0)), Code::BadSignature);
        }
        // Not signed at all is another header.
        let mut unsigned = alices[..end].to_vec();
        unsigned[5] &= !2;
        unsigned.drain(54..87);
        assert_eq!(code(scene.open(&unsigned, 0)), Code::DecryptionFailed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever became of a message: opened at once or in parts, it ends in the same way.
    #[test]
    fn one_verdict(
        data in vec(any::<u8>(), 0..3000), long: bool, padded: bool, sign: bool, seed: u64,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3), cut in any::<Option<prop::sample::Index>>(),
    ) {
        let (scene, mut rng) = (scene(), seeded(&seed.to_string()));
        let data = if long { data.repeat(12) } else { data };
        let padding = if padded { Padding::Padme } else { Padding::None };
        let sealed = scene.seal(&mut rng, &scene.alice, sign, &data, padding);
        let mut message = sealed.clone();
        for (place, byte) in changes {
            let place = place.index(message.len());
            message[place] = byte;
        }
        if let Some(cut) = cut {
            message.truncate(cut.index(sealed.len() + 1));
        }
        match scene.open(&message, 0) {
            Ok(opened) => prop_assert!(message == sealed && opened.data == data && opened.author.is_some() == sign),
            Err(_) => prop_assert!(message != sealed),
        }
    }
}
