//! W3, W4, W5, W9, F6, F10, I2, I4, G6, G7 in a session: what a key server, a colluder or who was revoked can hand to a reader.

use sha2::{Digest, Sha256};
use wardkey::{
    cobblestone,
    data_key::DataKey,
    encoding::Context,
    error::{Code, Result},
    message::{self, Padding},
    secret::Secret,
    session::{Directory, Grant, Keys, Log, Opened, Recipients, Rights, Session},
    signed::{Hash, Minimum},
    wrap::unwrap_key,
};

use super::common::{
    cbor, code,
    craft::{
        expand,
        message::{Trailer, header, leaf, sealed},
        session::{ENTRY, Genesis, SESSION, WRAPS, Wraps, generation, grant, object, payload_of, revoke},
        system,
        wrap::WrapSet,
    },
    people::{Person, app, directory},
    rng::{Seeded, seeded},
    story::{Story, refs},
};

struct Ward {
    alice: Person,
    bob: Person,
    mallory: Person,
    key_server: Person,
    known: Directory,
}

fn ward(rng: &mut Seeded) -> Ward {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|name| Person::new(rng, name));
    let key_server = Person::key_server(rng);
    let known = directory([&alice, &bob, &mallory, &key_server]);
    Ward { alice, bob, mallory, key_server, known }
}

fn read(story: &Story, ward: &Ward) -> Result<Session> {
    read_from(story, ward, Minimum::default())
}

fn read_from(story: &Story, ward: &Ward, minimum: Minimum) -> Result<Session> {
    let (entries, wraps) = (refs(&story.entries), refs(&story.wraps));
    Session::read(&app(), &Hash(story.id), &story.genesis, &entries, &wraps, &ward.known, minimum)
}

fn open(session: &Session, person: &Person) -> Result<Keys> {
    session.open(&mut system(), &[person.party()], &[person.pair()])
}

/// What this reader comes to by what he is given.
fn opened(story: &Story, ward: &Ward, person: &Person) -> Result<Keys> {
    open(&read(story, ward)?, person)
}

fn opened_message(story: &Story, ward: &Ward, reader: &Person, message: &[u8]) -> Result<Opened> {
    let session = read(story, ward)?;
    let keys = open(&session, reader)?;
    session.open_message(&keys, message, &Context::default(), &ward.known, Minimum::default())
}

#[test]
fn w3_server_made_session_key() {
    let mut rng = seeded("w3");
    let ward = ward(&mut rng);
    let Ward { alice, bob, mallory, key_server, .. } = &ward;
    let story = Story::new(&mut rng, &[(alice, 15), (bob, 1)]);
    assert!(opened(&story, &ward, bob).is_ok());
    let own = [0x55; 32];
    let forged = Wraps::of(&mut rng, story.id, (0, 0), &own, alice, &[alice, bob]);
    // In the creator's name, signed by whomever it can.
    for signer in [key_server, mallory] {
        let story = Story { wraps: vec![forged.sign(signer.seed())], ..story.clone() };
        assert_eq!(code(opened(&story, &ward, bob)), Code::BadSignature);
        // In its own name.
        let named = Wraps { signer: signer.signer.bundle.0, ..forged.clone() };
        let story = Story { wraps: vec![named.sign(signer.seed())], ..story };
        assert_eq!(code(opened(&story, &ward, bob)), Code::BadSignature);
    }
    // With the creator's signature of the real one.
    let signature = |object: &[u8]| {
        let payload = payload_of(object);
        let at = object.windows(payload.len()).position(|window| window == payload).unwrap() + payload.len();
        object[at..at + 66].to_vec()
    };
    let real = &story.wraps[0];
    let mut object = forged.sign(alice.seed());
    let at = object.windows(66).position(|window| window == signature(&object)).unwrap();
    object[at..at + 66].copy_from_slice(&signature(real));
    assert_eq!(code(opened(&Story { wraps: vec![object], ..story.clone() }, &ward, bob)), Code::BadSignature);
    // Even the creator's signature doesn't put another key in the place of the one that the session's id stands for.
    let by_alice = Story { wraps: vec![forged.sign(alice.seed())], ..story.clone() };
    assert_eq!(code(opened(&by_alice, &ward, bob)), Code::KeyMismatch);
    // A whole session of its own under this id.
    let genesis = Genesis::of(key_server, &mut rng, &own, &[(alice.party(), 15), (bob.party(), 1)]);
    let other = Story { genesis: genesis.sign(key_server.seed()), ..by_alice };
    assert_eq!(code(read(&other, &ward)), Code::KeyMismatch);
    assert_eq!(code(read(&Story { id: genesis.id(), ..other }, &ward)), Code::Forbidden);
}

#[test]
fn w4_wraps_moved_added_dropped() {
    let mut rng = seeded("w4 session");
    let ward = ward(&mut rng);
    let Ward { alice, bob, mallory, .. } = &ward;
    let mut story = Story::new(&mut rng, &[(alice, 15), (bob, 1)]);
    let first = story.wraps_for(&mut rng, alice, &[alice, bob]);
    story.rotate(&mut rng, alice, &[alice, bob]);
    let with = |at: usize, object: Vec<u8>| {
        let mut story = story.clone();
        story.wraps[at] = object;
        story
    };
    let resigned = |wraps: &Wraps| with(0, wraps.sign(alice.seed()));
    assert!(opened(&resigned(&first), &ward, bob).is_ok());

    // By the server: any change of what was signed, and of the bodies beside it.
    let added = {
        let mut wraps = first.clone();
        wraps.add(&mut rng, &story.keys[0], mallory);
        wraps
    };
    for signer in [mallory, &ward.key_server] {
        assert_eq!(code(opened(&with(0, added.sign(signer.seed())), &ward, mallory)), Code::BadSignature);
    }
    let swapped = {
        let mut wraps = first.clone();
        wraps.bodies.swap(0, 1);
        wraps
    };
    assert_eq!(code(opened(&resigned(&swapped), &ward, bob)), Code::BadSignature);
    let doubled = Story { wraps: [story.wraps.clone(), vec![story.wraps[0].clone()]].concat(), ..story.clone() };
    assert_eq!(code(opened(&doubled, &ward, bob)), Code::BadSignature);
    let dropped = Story { wraps: vec![story.wraps[1].clone()], ..story.clone() };
    assert_eq!(code(opened(&dropped, &ward, bob)), Code::BadSignature);
    let exchanged = Story { wraps: vec![story.wraps[0].clone(), story.wraps[0].clone()], ..story.clone() };
    assert_eq!(code(opened(&exchanged, &ward, bob)), Code::BadSignature);

    // By a signer who would: others than the log says.
    assert_eq!(code(opened(&resigned(&added), &ward, mallory)), Code::BadSignature);
    let alone = story.clone();
    let alone = Story { entries: Vec::new(), ..alone };
    let alone_wraps = Wraps::of(&mut rng, story.id, (0, 0), &story.keys[0], alice, &[alice]);
    let alone = Story { wraps: vec![alone_wraps.sign(alice.seed())], ..alone };
    assert_eq!(code(opened(&alone, &ward, alice)), Code::BadSignature);

    // A stanza opens only where it was put: another party's, another generation's, another session's. Bob's place is the first.
    let elsewhere = [
        first.body(&mut rng, &story.keys[0], mallory),
        Wraps { generation: 1, ..first.clone() }.body(&mut rng, &story.keys[0], bob),
        Wraps { session: [1; 32], ..first.clone() }.body(&mut rng, &story.keys[0], bob),
        {
            let set = WrapSet::of(&story.keys[0]);
            let info = set.info(1, &bob.pairs[0].fingerprint(), &cbor::context([]));
            let public = super::common::craft::wrap::material(bob.pair().public_key());
            super::common::craft::wrap::hpke(&mut rng, public, &info, &story.keys[0])
        },
    ];
    for body in elsewhere {
        let mut wraps = first.clone();
        wraps.stanzas[0].3 = Sha256::digest(&body).into();
        wraps.bodies[0] = cbor::bytes(body);
        let story = Story { entries: Vec::new(), wraps: vec![wraps.sign(alice.seed())], ..story.clone() };
        assert_eq!(code(opened(&story, &ward, bob)), Code::UnwrapFailed);
        // Alice's own is as it was.
        assert!(opened(&story, &ward, alice).is_ok());
    }
}

#[test]
fn w5_a_different_key_for_each_reader() {
    let mut rng = seeded("w5");
    let ward = ward(&mut rng);
    let Ward { alice, bob, .. } = &ward;
    let story = Story::new(&mut rng, &[(alice, 15), (bob, 1)]);
    let (mut wraps, second) = (story.wraps_for(&mut rng, alice, &[alice, bob]), [0x66; 32]);
    let body = wraps.body(&mut rng, &second, bob);
    wraps.stanzas[0].3 = Sha256::digest(&body).into();
    wraps.bodies[0] = cbor::bytes(body);
    let split = Story { wraps: vec![wraps.sign(alice.seed())], ..story.clone() };
    assert!(opened(&split, &ward, alice).is_ok());
    assert_eq!(code(opened(&split, &ward, bob)), Code::KeyMismatch);
    // Named so in the list as well: not what the id stands for.
    let set = WrapSet::of(&second);
    let named = Wraps { key_id: set.key_id, commitment: set.commitment, ..wraps };
    let split = Story { wraps: vec![named.sign(alice.seed())], ..story.clone() };
    assert_eq!(code(opened(&split, &ward, bob)), Code::KeyMismatch);
    // Two keys of one generation, one in the genesis's wraps and one in a grant's.
    let mut granted = story;
    granted.tell(alice, grant(&[(ward.mallory.party(), 1)]));
    let mut later = granted.wraps_for(&mut rng, alice, &[&ward.mallory]);
    later.key_id = expand(&second, "key-id", 16);
    granted.wraps.push(later.sign(alice.seed()));
    assert_eq!(code(opened(&granted, &ward, &ward.mallory)), Code::KeyMismatch);
    // Nor is an earlier key exchanged for some readers.
    let mut rotated = Story::new(&mut rng, &[(alice, 15), (bob, 1)]);
    rotated.begin_generation(&mut rng, alice);
    let key = *rotated.key();
    let good = rotated.generation_wraps(&mut rng, alice, &[alice, bob]);
    let other = Wraps { previous: cbor::Null, ..good.clone() }.with_previous(&mut rng, &key, &second);
    rotated.wraps.push(other.sign(alice.seed()));
    let bobs = opened(&rotated, &ward, bob).unwrap();
    assert_eq!(ids(&bobs), [id_of(&key), id_of(&rotated.keys[0])], "by his stanza of then");
    rotated.tell(alice, grant(&[(ward.mallory.party(), 1)]));
    rotated.wraps.push(rotated.wraps_for(&mut rng, alice, &[&ward.mallory]).sign(alice.seed()));
    let later = opened(&rotated, &ward, &ward.mallory).unwrap();
    assert_eq!(ids(&later), [id_of(&key)]);
    assert_eq!(later.why_closed(0).map(|error| error.code()), Some(Code::DecryptionFailed));
}

fn id_of(key: &[u8; 32]) -> Vec<u8> {
    expand(key, "key-id", 16)
}

/// In the order in which they were opened.
fn ids(keys: &Keys) -> Vec<Vec<u8>> {
    keys.iter().map(|(_, key)| key.id().0.to_vec()).collect()
}

/// A reader who seals nothing as the key before the one that he begins takes nothing from those who had it.
#[test]
fn w5_a_broken_generation() {
    let mut rng = seeded("w5 broken");
    let ward = ward(&mut rng);
    let Ward { alice, bob, mallory, .. } = &ward;
    let mut story = Story::new(&mut rng, &[(alice, 15), (mallory, 1)]);
    let old = story.message(&mut rng, alice, 0, &story.view(), b"old");
    let break_next = |rng: &mut Seeded, story: &mut Story, readers: &[&Person]| {
        story.begin_generation(rng, mallory);
        let wraps = story.wraps_for(rng, mallory, readers);
        story.wraps.push(Wraps { previous: cbor::bytes([0; 104]), ..wraps }.sign(mallory.seed()));
    };
    break_next(&mut rng, &mut story, &[alice, mallory]);
    story.grant(&mut rng, alice, &[(bob, 1)], &[bob]);
    story.rotate(&mut rng, alice, &[alice, bob, mallory]);
    break_next(&mut rng, &mut story, &[alice, bob, mallory]);
    let session = read(&story, &ward).unwrap();
    let all: Vec<_> = story.keys.iter().rev().map(id_of).collect();
    let keys = opened(&story, &ward, alice).unwrap();
    assert_eq!(ids(&keys), all);
    assert_eq!(keys.broken().map(|(generation, why)| (generation, why.code())), Some((2, Code::DecryptionFailed)));
    assert!((0..4).all(|generation| keys.why_closed(generation).is_none()));
    assert_eq!(opened_message(&story, &ward, alice, &old).unwrap().data, b"old");
    // Who came in generation 1 has all from there on.
    assert_eq!(ids(&opened(&story, &ward, bob).unwrap()), all[..3]);
    assert_eq!(code(opened_message(&story, &ward, bob, &old)), Code::DecryptionFailed);
    // One stanza after the other, as where the private key is the browser's.
    let parties = [alice.party()];
    let unwrapped = |generation: usize| DataKey::from_slice(&story.keys[generation]).unwrap();
    let mut below = session.sealed_for(&parties).unwrap().generation();
    let mut keys = session.keys_from(below, unwrapped(below)).unwrap();
    assert_eq!((below, ids(&keys).len()), (3, 1));
    let mut used = Vec::new();
    while let Some(next) = session.sealed_below(&parties, &keys, below) {
        below = next.generation();
        used.push(below);
        keys.join(session.keys_from(below, unwrapped(below)).unwrap());
    }
    assert_eq!((used, ids(&keys)), (vec![2, 0], all));
    // Nothing is broken: nothing is tried.
    let whole = Story::new(&mut rng, &[(alice, 15)]);
    let session = read(&whole, &ward).unwrap();
    assert!(session.sealed_below(&parties, &Keys::default(), 1).is_none());
    assert!(opened(&whole, &ward, alice).unwrap().broken().is_none());
}

#[test]
fn w9_a_colluders_record_under_the_same_id() {
    let mut rng = seeded("w9");
    let ward = ward(&mut rng);
    let Ward { alice, bob, mallory, .. } = &ward;
    let story = Story::new(&mut rng, &[(alice, 15), (bob, 1)]);
    // Validly signed, by somebody enrolled, with the same readers.
    let own = [0x77; 32];
    let genesis = Genesis::of(mallory, &mut rng, &own, &[(alice.party(), 15), (bob.party(), 1)]);
    let wraps = Wraps::of(&mut rng, genesis.id(), (0, 0), &own, mallory, &[alice, bob]);
    let mut colluders = Story::of(&genesis, &genesis.sign(mallory.seed()), own);
    colluders.wraps.push(wraps.sign(mallory.seed()));
    assert!(opened(&colluders, &ward, alice).is_ok());
    let served = Story { id: story.id, ..colluders };
    assert_eq!(code(opened(&served, &ward, alice)), Code::KeyMismatch);
    // Even with the same random bytes, readers and commitment.
    let alike = Genesis::of(alice, &mut rng, &story.keys[0], &[(alice.party(), 15), (bob.party(), 1)]);
    let twin = Genesis { creator: mallory.signer.bundle.0, ..alike.clone() };
    let served = Story { id: alike.id(), genesis: twin.sign(mallory.seed()), ..story.clone() };
    assert_eq!(code(read(&served, &ward)), Code::KeyMismatch);

    // His generation for the session that is: refused, and Alice goes on with her own.
    let session = read(&story, &ward).unwrap();
    let mut alices = session.clone();
    let entry = story.next(mallory, generation(1, &expand(&own, "key-commitment", 32)));
    let wraps =
        Wraps { sequence: 1, generation: 1, ..Wraps::of(&mut rng, story.id, (1, 1), &own, mallory, &[alice, bob]) };
    let wraps = wraps.with_previous(&mut rng, &own, &story.keys[0]).sign(mallory.seed());
    for (object, expected) in [
        (entry.sign(mallory.seed()), Code::Forbidden),
        (
            super::common::craft::session::Entry { signer: alice.signer.bundle.0, ..entry }.sign(mallory.seed()),
            Code::BadSignature,
        ),
    ] {
        let extended = alices.extend(&[&object], &[&wraps], &ward.known, Minimum::default());
        assert_eq!(code(extended), expected);
    }
    assert_eq!(alices.to_kept(), session.to_kept());
    let keys = open(&alices, alice).unwrap();
    let items = [(b"next".as_slice(), &Context::default())];
    let next = alices
        .seal(&mut rng, &alice.hand(), (true, Padding::None), &keys, &items, &Directory::default())
        .unwrap()
        .remove(0);
    assert_eq!(message::key_id_of(&next).unwrap().0[..], expand(&story.keys[0], "key-id", 16));
    assert!(message::open(&DataKey::from_slice(&own).unwrap(), &next, &Context::default()).is_err());
}

#[test]
fn f6_below_the_minimum() {
    let mut rng = seeded("f6 session");
    let ward = ward(&mut rng);
    let Ward { alice, bob, .. } = &ward;
    let mut story = Story::new(&mut rng, &[(alice, 15), (bob, 1)]);
    story.rotate(&mut rng, alice, &[alice, bob]);
    let raised = Minimum(2);
    assert_eq!(code(read_from(&story, &ward, raised)), Code::Downgrade);
    let id = Hash(story.id);
    assert_eq!(code(Log::begin(&app(), &id, &story.genesis, &ward.known, raised)), Code::Downgrade);
    let mut log = Log::begin(&app(), &id, &story.genesis, &ward.known, Minimum::default()).unwrap();
    assert_eq!(code(log.extend(&refs(&story.entries), &ward.known, raised)), Code::Downgrade);
    let session = read(&story, &ward).unwrap();
    let keys = open(&session, bob).unwrap();
    let message = story.message(&mut rng, alice, 1, &story.view(), b"x");
    let refused = session.open_message(&keys, &message, &Context::default(), &ward.known, raised);
    assert_eq!(code(refused), Code::Downgrade);
    // A version of the object itself: the payload is as good as before.
    let mut later = story.clone();
    later.genesis[1] = 2;
    assert_eq!(code(read(&later, &ward)), Code::UnsupportedVersion);
    // A stanza said to be of a weaker suite than the key that is named.
    let mut wraps = Wraps::of(&mut rng, story.id, (0, 0), &story.keys[0], alice, &[alice, bob]);
    wraps.stanzas[0].2 = 3;
    wraps.stanzas[0].3 = Sha256::digest([0; 384]).into();
    wraps.bodies[0] = cbor::bytes([0; 384]);
    let weaker = Story { entries: Vec::new(), wraps: vec![wraps.sign(alice.seed())], ..story };
    assert_eq!(code(opened(&weaker, &ward, bob)), Code::UnwrapFailed);
}

#[test]
fn f10_in_a_session() {
    let mut rng = seeded("f10 session");
    let ward = ward(&mut rng);
    let Ward { alice, bob, mallory, .. } = &ward;
    let story = Story::new(&mut rng, &[(alice, 15), (bob, 1)]);
    let view = story.view();
    let alices = story.message(&mut rng, alice, 0, &view, b"discharge on Monday");
    let bobs = story.message(&mut rng, bob, 0, &view, b"discharge on Tuesday");
    let open = |message: &[u8]| opened_message(&story, &ward, bob, message);
    assert_eq!(open(&alices).unwrap().author, Some(alice.signer.clone()));

    // The keyless: trailers exchanged, another name in the header, another's signature of the ciphertext.
    let (body, trailer) = alices.split_at(alices.len() - 184);
    assert_eq!(code(open(&[body, &bobs[bobs.len() - 184..]].concat())), Code::BadSignature);
    let renamed = [&body[..54], &bob.signer.bundle.0, &body[86..], trailer].concat();
    assert_eq!(code(open(&renamed)), Code::DecryptionFailed);
    let signed = view.sign(mallory.seed(), &leaf(body, 87));
    assert_eq!(code(open(&[body, &signed].concat())), Code::BadSignature);
    // The insider has the key: what he seals in Alice's name he can't sign in it, nor does her signature fit.
    let named = header(&story.keys[0], Some(&story.id), Some((&alice.signer.bundle.0, 0)), false);
    let forged = sealed(&mut rng, &story.keys[0], &named, &cbor::context([]), b"discharge at once");
    for trailer in [trailer.to_vec(), view.sign(bob.seed(), &leaf(&forged, 87))] {
        assert_eq!(code(open(&[forged.as_slice(), &trailer].concat())), Code::BadSignature);
    }
    // Without a signature it is nobody's.
    let unsigned = header(&story.keys[0], Some(&story.id), None, false);
    let unsigned = sealed(&mut rng, &story.keys[0], &unsigned, &cbor::context([]), b"x");
    assert_eq!(open(&unsigned).unwrap().author, None);
    // A reader's message of another session, sealed again under this one's key.
    let elsewhere = Story { id: [4; 32], ..story.clone() };
    let moved = elsewhere.message(&mut rng, alice, 0, &view, b"x");
    assert_eq!(code(open(&moved)), Code::KeyMismatch);
    // Somebody of the directory who has no right here, whoever gave her the key.
    let stray = story.message(&mut rng, mallory, 0, &view, b"x");
    assert_eq!(code(open(&stray)), Code::Forbidden);
}

#[test]
fn i2_two_logs_of_one_session() {
    let mut rng = seeded("i2 session");
    let ward = ward(&mut rng);
    let Ward { alice, bob, mallory, .. } = &ward;
    let start = Story::new(&mut rng, &[(alice, 15), (bob, 7)]);
    let (mut one, mut two) = (start.clone(), start.clone());
    one.grant(&mut rng, alice, &[(mallory, 1)], &[mallory]);
    two.tell(bob, revoke(&[bob.party()]));
    let [one_log, two_log, start_log] = [&one, &two, &start].map(|story| read(story, &ward).unwrap());
    assert_eq!(code(two_log.log().check_follows(one_log.log())), Code::Fork);
    assert_eq!(code(one_log.log().check_follows(two_log.log())), Code::Fork);
    assert_eq!(code(start_log.log().check_follows(one_log.log())), Code::Rollback);
    // Heads meet in what authors write.
    let message = one.message(&mut rng, alice, 0, &one.view(), b"x");
    assert_eq!(code(opened_message(&two, &ward, alice, &message)), Code::Fork);
    assert_eq!(code(opened_message(&start, &ward, alice, &message)), Code::Rollback);
    // What comes after the one doesn't go on after the other.
    one.tell(alice, revoke(&[bob.party()]));
    let mut extended = two_log.clone();
    let refused = extended.extend(&[&one.entries[1]], &[], &ward.known, Minimum::default());
    assert_eq!(code(refused), Code::BadSignature);
    assert_eq!(extended.to_kept(), two_log.to_kept());
}

/// Each payload under each other label, by the right signer.
#[test]
fn i4_a_signature_in_another_context() {
    let mut rng = seeded("i4 session");
    let ward = ward(&mut rng);
    let Ward { alice, bob, .. } = &ward;
    let mut story = Story::new(&mut rng, &[(alice, 15), (bob, 1)]);
    story.tell(alice, revoke(&[bob.party()]));
    assert!(read(&story, &ward).is_ok());
    let labels = [
        SESSION,
        ENTRY,
        WRAPS,
        "wardkey/v1/bundle",
        "wardkey/v1/contact",
        "wardkey/v1/receipt",
        "wardkey/v1/recovery-proof",
        "wardkey/v1/journal-head",
        "wardkey/v1/author",
        "",
    ];
    let again = |object_bytes: &[u8], label: &str, more: Vec<cbor::Item>| {
        object(label, &cbor::Item::Raw(payload_of(object_bytes)), alice.seed(), more)
    };
    let bodies = |wraps: &[u8]| {
        let payload = payload_of(wraps);
        let at = wraps.windows(payload.len()).position(|window| window == payload).unwrap() + payload.len() + 66;
        vec![cbor::Item::Raw(wraps[at..].to_vec())]
    };
    for label in labels {
        for which in 0..3 {
            let own = [SESSION, ENTRY, WRAPS][which];
            let mut changed = story.clone();
            match which {
                0 => changed.genesis = again(&story.genesis, label, Vec::new()),
                1 => changed.entries[0] = again(&story.entries[0], label, Vec::new()),
                _ => changed.wraps[0] = again(&story.wraps[0], label, bodies(&story.wraps[0])),
            }
            let found = read(&changed, &ward).map(drop).map_err(|error| error.code());
            let expected = if label == own { Ok(()) } else { Err(Code::BadSignature) };
            assert_eq!(found, expected, "{own} signed as {label}");
        }
    }
}

/// She keeps the key and has all that the server has. Nobody has to remember to make a new one: without it nothing is written.
#[test]
fn g6_after_a_revocation_the_next_message_stays_closed() {
    let mut rng = seeded("g6 session");
    let ward = ward(&mut rng);
    let Ward { alice, bob, mallory, known, .. } = &ward;
    let mut story = Story::new(&mut rng, &[(alice, 15), (bob, 1), (mallory, 3)]);
    let before = read(&story, &ward).unwrap();
    let hers = open(&before, mallory).unwrap();
    story.tell(alice, revoke(&[mallory.party()]));
    let session = read(&story, &ward).unwrap();
    let keys = open(&session, alice).unwrap();
    let items = [(b"the next".as_slice(), &Context::default())];
    for sign in [true, false] {
        let sealed = session.seal(&mut rng, &alice.hand(), (sign, Padding::None), &keys, &items, &Directory::default());
        assert_eq!(code(sealed), Code::Stale);
    }
    let (made, key) = session.rotate(&mut rng, &alice.hand(), keys.of(0).unwrap(), known).unwrap();
    let mut keys = Keys::default();
    keys.insert(1, key);
    let session = made.session;
    let next = session
        .seal(&mut rng, &alice.hand(), (true, Padding::None), &keys, &items, &Directory::default())
        .unwrap()
        .remove(0);

    // All traffic.
    story.entries.push(made.entry);
    story.wraps.push(made.wraps.unwrap());
    let all = read(&story, &ward).unwrap();
    assert!(all.wrapped_by(2).all(|party| *party != mallory.party()));
    assert_eq!(code(open(&all, mallory)), Code::Revoked);
    assert_eq!(code(opened_message(&story, &ward, mallory, &next)), Code::Revoked);
    let (_, old) = hers.iter().next().unwrap();
    assert_eq!(code(message::open(old, &next, &Context::default())), Code::DecryptionFailed);
    // Others' stanzas don't open for her, however she names them, and the chain of keys leads back only.
    let mut stanzas = minicbor::Decoder::new(story.wraps.last().unwrap());
    stanzas.array().unwrap();
    (0..3).for_each(|_| stanzas.skip().unwrap());
    let count = stanzas.array().unwrap().unwrap();
    for _ in 0..count {
        let body = stanzas.bytes().unwrap().to_vec();
        let named = WrapSet::of(&[0; 32]).with([(1, mallory.pairs[0].fingerprint(), body)]).encode();
        assert_eq!(code(unwrap_key(&named, &mut system(), mallory.pair(), &Context::default())), Code::UnwrapFailed);
    }
    let payload = payload_of(story.wraps.last().unwrap());
    let link = payload.windows(3).position(|window| window == [6, 0x58, 104]).unwrap() + 3;
    let sealed_key = &payload[link..link + 104];
    let secret = Secret::from_slice(old.dangerously_expose().expose()).unwrap();
    assert_eq!(code(cobblestone::open(&secret, &[], sealed_key)), Code::DecryptionFailed);
    // Bob reads on.
    assert_eq!(opened_message(&story, &ward, bob, &next).unwrap().data, b"the next");
    // Nor does she write: under the old key with the view before it is what she may have written then, later it is not.
    // Nor with the new one, whoever gives it to her.
    story.keys.push(*keys.of(1).unwrap().dangerously_expose().expose());
    for view in [Trailer::single(0, story.id), Trailer::single(2, session.log().head().hash)] {
        let message = story.message(&mut rng, mallory, 1, &view, b"x");
        assert_eq!(code(opened_message(&story, &ward, bob, &message)), Code::Forbidden);
    }
    let now = Trailer::single(2, session.log().head().hash);
    assert_eq!(
        code(opened_message(&story, &ward, bob, &story.message(&mut rng, mallory, 0, &now, b"x"))),
        Code::Forbidden
    );
    let after_loss = Trailer::single(1, story.hashes[1]);
    let message = story.message(&mut rng, mallory, 0, &after_loss, b"x");
    assert_eq!(code(opened_message(&story, &ward, bob, &message)), Code::Forbidden);
}

/// A manager who was revoked, with the server's help.
#[test]
fn g7_a_revoked_manager_gives_on() {
    let mut rng = seeded("g7 session");
    let ward = ward(&mut rng);
    let Ward { alice, bob, mallory, known, .. } = &ward;
    let mut story = Story::new(&mut rng, &[(alice, 15), (bob, 15)]);
    let before = story.clone();
    story.tell(alice, revoke(&[bob.party()]));
    let session = read(&story, &ward).unwrap();
    // After his loss.
    let mut later = story.clone();
    later.grant(&mut rng, bob, &[(mallory, 1)], &[mallory]);
    assert_eq!(code(read(&later, &ward)), Code::Forbidden);
    let made = session.grant(
        &mut rng,
        &bob.hand(),
        &[Grant { party: mallory.party(), rights: Rights::READ }],
        &key_of(&story),
        known,
    );
    assert_eq!(code(made), Code::Forbidden);
    // In the place of his loss: who has seen the one isn't given the other, and what was signed after the one doesn't follow the other.
    let mut back_dated = before;
    back_dated.grant(&mut rng, bob, &[(mallory, 1)], &[mallory]);
    let forked = read(&back_dated, &ward).unwrap();
    assert_eq!(code(forked.log().check_follows(session.log())), Code::Fork);
    let mut extended = session.clone();
    let refused = extended.extend(&[&back_dated.entries[0]], &[&back_dated.wraps[1]], known, Minimum::default());
    assert_eq!(code(refused), Code::BadSignature);
    // Nothing is wrapped for her.
    let keys = open(&session, alice).unwrap();
    let (made, _) = extended.rotate(&mut rng, &alice.hand(), keys.of(0).unwrap(), known).unwrap();
    let readers: Vec<_> = made.session.wrapped_by(2).cloned().collect();
    assert_eq!(readers, [alice.party()]);
    assert!(known.key_for(&mallory.party()).is_ok());
}

fn key_of(story: &Story) -> DataKey {
    DataKey::from_slice(story.key()).unwrap()
}
