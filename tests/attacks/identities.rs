//! I1, I3, I4, I5, W8, F6 on identities and what they sign: keys are never substituted in silence, names are of one kind, signatures of one use and one form.

use wardkey::{
    account::{Contact, Receipt, RecoveryProof, State},
    error::{Code, Result},
    identity::{AppId, Asked, Bundle, FirstUse, Identity, Met, Pin, Pins, Trust, UserId},
    journal::{self, Reading, Subject},
    key_pair::Suite,
    party::Party,
    secret::SecretBytes,
    signed::{Hash, Minimum, Unverified},
};

use super::common::{
    cbor::{self, Array, Item, Map, Null, Uint},
    code,
    craft::{
        flip,
        objects::{APP, Draft, Person, pin, sign, verify},
    },
    keys::Pair,
    rng::{Seeded, seeded},
};

const NAMES: [&str; 2] = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Zm9vYmFyLXRoaXMtaXMtbm90LWEtZ3JvdXAtaWQtX19"];

fn trust(first_use: FirstUse) -> Trust {
    Trust { first_use, ..Trust::default() }
}

fn renewed(rng: &mut Seeded, mut person: Person, pair: Pair) -> Person {
    person.renew(rng, pair);
    person
}

fn hybrid(rng: &mut Seeded) -> Pair {
    Pair::hybrid(rng)
}

#[test]
fn i1_a_first_contact_is_refused_where_the_application_says_so() {
    let mut rng = seeded("i1 first");
    let bob = Person::user(&mut rng, "bob").identity();
    let mut pins = Pins::default();
    assert_eq!(code(pins.meet(&bob, &trust(FirstUse::Reject))), Code::NotCertified);
    assert_eq!(pins, Pins::default(), "nothing is pinned of it");
    let anchored = Trust { anchors: vec![("bob".to_owned(), *bob.fingerprint())], ..trust(FirstUse::Reject) };
    assert_eq!(pins.meet(&bob, &anchored), Ok(Met::First));
    // From then on by the pin alone.
    assert_eq!(pins.meet(&bob, &trust(FirstUse::Reject)), Ok(Met::Known));
}

#[test]
fn i1_another_identity_under_a_known_name() {
    let mut rng = seeded("i1 later");
    let (bob, mallory) = (Person::user(&mut rng, "bob").identity(), Person::user(&mut rng, "bob").identity());
    for first_use in [FirstUse::Pin, FirstUse::Reject] {
        let mut pins = Pins::default();
        pins.meet(&bob, &trust(FirstUse::Pin)).unwrap();
        let before = pins.clone();
        let anchored = Trust { anchors: vec![("bob".to_owned(), *mallory.fingerprint())], ..trust(first_use) };
        // The pin holds, even against an anchor; and the anchor against whoever isn't it.
        assert_eq!(code(pins.meet(&mallory, &trust(first_use))), Code::PinMismatch);
        assert_eq!(code(pins.meet(&mallory, &anchored)), Code::PinMismatch);
        assert_eq!(code(pins.meet(&bob, &anchored)), Code::PinMismatch);
        assert_eq!(pins, before);
    }
    let mut pins = Pins::default();
    let anchored = Trust { anchors: vec![("bob".to_owned(), *bob.fingerprint())], ..Trust::default() };
    assert_eq!(code(pins.meet(&mallory, &anchored)), Code::PinMismatch);
}

#[test]
fn i1_the_key_server_itself() {
    let mut rng = seeded("i1 key server");
    let (server, evil) = (Person::key_server(&mut rng).identity(), Person::key_server(&mut rng).identity());
    let mut pins = Pins::default();
    let configured = Trust { key_server: Some(*server.fingerprint()), ..Trust::default() };
    assert_eq!(code(pins.meet(&evil, &configured)), Code::PinMismatch);
    // Without one that is configured, the first is pinned, whatever is set for first use.
    assert_eq!(pins.meet(&server, &trust(FirstUse::Reject)), Ok(Met::First));
    assert_eq!(code(pins.meet(&evil, &Trust::default())), Code::PinMismatch);
}

/// A renewal is the predecessor's to make; the directory's, it isn't.
#[test]
fn i1_a_renewal_that_the_predecessor_never_signed() {
    let mut rng = seeded("i1 renewal");
    let bob = Person::user(&mut rng, "bob");
    let mallory = Person::user(&mut rng, "bob");
    let pair = hybrid(&mut rng);
    let seed = [5; 32];
    let forged = bob.next(&pair, &seed);
    for by in [mallory.seeds[0], seed] {
        let more = vec![cbor::bytes(sign(&by, &forged.text()))];
        let forged = Draft { more, ..forged.clone() }.encode();
        let shown = verify(&[bob.bundles()[0].clone(), forged], &bob.app, asked(&bob), Minimum::default());
        assert_eq!(code(shown), Code::BadSignature);
    }
    // The new key agrees too: nobody makes another's key his own.
    let mut stolen = bob.followed(bob.next(mallory.pair(), &mallory.seeds[0]));
    stolen.seed = bob.seeds[0];
    let shown = verify(&[bob.bundles()[0].clone(), stolen.encode()], &bob.app, asked(&bob), Minimum::default());
    assert_eq!(code(shown), Code::BadSignature);
}

fn asked(person: &Person) -> Asked<'_> {
    person.user.as_ref().map_or(Asked::KeyServer, Asked::User)
}

#[test]
fn i1_an_older_or_split_identity() {
    let mut rng = seeded("i1 split");
    let bob = Person::user(&mut rng, "bob");
    let old = bob.identity();
    let twin = Person {
        app: bob.app.clone(),
        user: bob.user.clone(),
        pairs: Vec::new(),
        seeds: bob.seeds.clone(),
        drafts: bob.drafts.clone(),
    };
    let (next, other) = (hybrid(&mut rng), hybrid(&mut rng));
    let (bob, twin) = (renewed(&mut rng, bob, next).identity(), renewed(&mut rng, twin, other).identity());
    let mut pins = Pins::default();
    pins.meet(&old, &Trust::default()).unwrap();
    let raised = Met::Renewed { from: *old.newest().hash(), to: *bob.newest().hash() };
    assert_eq!(pins.meet(&bob, &Trust::default()), Ok(raised), "a renewal is told");
    assert_eq!(code(pins.meet(&old, &Trust::default())), Code::Rollback);
    assert_eq!(code(pins.meet(&twin, &Trust::default())), Code::Fork);
    assert_eq!(code(bob.check_fork(&twin)), Code::Fork);
    assert!(bob.check_fork(&old).is_ok());
}

#[test]
fn w8_a_weaker_suite_than_the_pinned_one() {
    let mut rng = seeded("w8");
    let bob = Person::user(&mut rng, "bob");
    let mut pins = Pins::default();
    pins.meet(&bob.identity(), &Trust::default()).unwrap();
    // Another identity with RSA, anchored or not: the suite is what is told.
    for suite in [Suite::Rsa3072, Suite::Rsa4096] {
        let weak = Person::with(&mut rng, Some("bob"), Pair::rsa(suite)).identity();
        let anchored = Trust { anchors: vec![("bob".to_owned(), *weak.fingerprint())], ..Trust::default() };
        assert_eq!(code(pins.meet(&weak, &Trust::default())), Code::Downgrade);
        assert_eq!(code(pins.meet(&weak, &anchored)), Code::Downgrade);
    }
    // A renewal that the owner's stolen key signs.
    let before = bob.identity();
    let weaker =
        Bundle::renewal(&before, &bob.signing_key(), Pair::rsa(Suite::Rsa4096).pair.public_key(), &bob.signing_key());
    assert_eq!(code(weaker), Code::Downgrade);
    let (app, user) = (bob.app.clone(), bob.user.clone().unwrap());
    let bob = renewed(&mut rng, bob, Pair::rsa(Suite::Rsa4096));
    assert_eq!(code(verify(&bob.bundles(), &app, Asked::User(&user), Minimum::default())), Code::Downgrade);
}

#[test]
fn w8_half_a_key_in_a_bundle() {
    let mut rng = seeded("w8 half");
    let bob = Person::user(&mut rng, "bob");
    let key = bob.pair().pair.public_key().as_bytes();
    let classical = key.len() - 32;
    let mut low = key.to_vec();
    low[classical..].fill(0);
    let shown = verify(&[bob.drafts[0].with(5, cbor::bytes(&low)).encode()], &bob.app, asked(&bob), Minimum::default());
    assert_eq!(code(shown), Code::KeyPolicy);
    let legacy = Pair::rsa(Suite::Rsa2048);
    let key = legacy.pair.public_key();
    let shown = verify(
        &[bob.drafts[0].with(5, cbor::bytes(key.as_bytes())).encode()],
        &bob.app,
        asked(&bob),
        Minimum::default(),
    );
    assert_eq!(code(shown), Code::KeyPolicy);
    assert_eq!(code(Bundle::first(&bob.app, bob.user.as_ref(), key, &bob.signing_key())), Code::KeyPolicy);
}

/// Every object of a lower version than the state's minimum, before its signature is even looked at.
#[test]
fn f6_suites_and_versions_only_rise() {
    let mut rng = seeded("f6 suites");
    let scene = Scene::new(&mut rng);
    for object in scene.all() {
        for (minimum, expected) in [(0, None), (1, None), (2, Some(Code::Downgrade)), (u64::MAX, Some(Code::Downgrade))]
        {
            let found = (object.open)(&scene, &object.draft.encode(), Minimum(minimum));
            assert_eq!(found.err().map(|error| error.code()), expected, "{}", object.draft.label);
        }
        let unsigned = Draft { seed: [1; 32], ..object.draft.clone() }.encode();
        assert_eq!(code((object.open)(&scene, &unsigned, Minimum(2))), Code::Downgrade);
    }
    // Of two states of one account the stronger suite and the higher minimum remain, whichever is newer.
    let own = scene.user.identity();
    let state = |minimum: u64, suite: Suite| {
        let hash = own.fingerprint().0;
        let fields = [
            Map(vec![(cbor::text("anna"), pin(hash, 1, None, suite))]),
            cbor::bytes([1; 32]),
            Uint(minimum),
            Map(Vec::new()),
            Null,
        ];
        let bytes = Map((1..).map(Uint).zip(fields).collect()).encode();
        State::from_bytes(&SecretBytes::new(bytes), &UserId::new("anna").unwrap()).unwrap()
    };
    for (newer, older) in [((1, Suite::Rsa3072), (2, Suite::Hybrid)), ((2, Suite::Hybrid), (1, Suite::Rsa3072))] {
        let merged = state(newer.0, newer.1).merge(&state(older.0, older.1)).unwrap();
        assert_eq!(merged, state(2, Suite::Hybrid));
    }
    let mut raised = state(2, Suite::Hybrid);
    raised.raise_minimum(Minimum(1));
    assert_eq!(raised.minimum(), Minimum(2));
}

#[test]
fn i3_a_name_is_no_hash_and_a_hash_no_name() {
    let mut rng = seeded("i3");
    let scene = Scene::new(&mut rng);
    for name in NAMES {
        assert_eq!(name.len(), 43);
        assert_eq!(code(UserId::new(name)), Code::InvalidArgument);
        // In every object, where it has a user id.
        for object in scene.all() {
            for place in object.names {
                let named = object.draft.with(*place, cbor::text(name)).encode();
                let found = code((object.open)(&scene, &named, Minimum::default()));
                assert_eq!(found, Code::InvalidFormat, "{} {place}", object.draft.label);
            }
        }
        for party in [
            Array(vec![Uint(0), cbor::text(name), cbor::bytes([1; 32])]),
            Array(vec![Uint(2), cbor::text(name), cbor::bytes([1; 32]), Null]),
            Array(vec![Uint(1), cbor::text(name)]),
        ] {
            assert_eq!(code(Party::from_bytes(&party.encode())), Code::InvalidFormat);
        }
        let entry = |subject: Item, actor: Item| {
            let fields = [subject, Uint(1), Null, Uint(0), actor, cbor::text("create"), Map(Vec::new())];
            Map((1..).map(Uint).zip(fields).collect()).encode()
        };
        assert!(journal::Entry::from_bytes(&entry(cbor::text("anna"), Null)).is_ok());
        for entry in [entry(cbor::text(name), Null), entry(cbor::text("anna"), cbor::text(name))] {
            assert_eq!(code(journal::Entry::from_bytes(&entry)), Code::InvalidFormat);
        }
    }
    // A group's id doesn't pass for a user's, nor one kind of party for another.
    let group = Party::Group(Hash([7; 32]));
    let user = Party::User { id: UserId::new("anna").unwrap(), identity: Hash([7; 32]) };
    let placeholder = Party::Placeholder { name: UserId::new("anna").unwrap(), escrow: Hash([7; 32]), contact: None };
    for (place, party) in [&group, &user, &placeholder].into_iter().enumerate() {
        assert_eq!(Party::from_bytes(&party.to_bytes()).as_ref(), Ok(party));
        for number in (0..4).filter(|number| *number != [1, 0, 2][place]) {
            let mut other = party.to_bytes();
            other[1] = number;
            assert_eq!(code(Party::from_bytes(&other)), Code::InvalidFormat);
        }
    }
    assert_eq!(
        code(Party::from_bytes(&Array(vec![Uint(0), cbor::bytes([7; 32]), cbor::bytes([7; 32])]).encode())),
        Code::InvalidFormat
    );
}

/// How an object of a type is opened.
type Open = fn(&Scene, &[u8], Minimum) -> Result<()>;

struct Object {
    draft: Draft,
    /// Fields that are user ids.
    names: &'static [usize],
    open: Open,
}

struct Scene {
    user: Person,
    server: Person,
}

impl Scene {
    fn new(rng: &mut Seeded) -> Self {
        Self { user: Person::user(rng, "anna"), server: Person::key_server(rng) }
    }

    /// One good object of each type, by one and the same key.
    fn all(&self) -> Vec<Object> {
        let (user, server) = (&self.user, &self.server);
        let app = || cbor::text(APP);
        let anna = || cbor::text("anna");
        let by = |person: &Person| cbor::bytes(person.hash().0);
        let proof = vec![cbor::bytes([4; 16]), cbor::bytes(sha256(b"backup")), by(user)];
        let contact = vec![app(), anna(), Uint(1), cbor::text("a@b"), by(user)];
        let receipt = vec![app(), anna(), cbor::bytes([4; 16]), Uint(100), by(server)];
        let head = vec![anna(), Uint(0), cbor::bytes([0; 32]), Uint(0), by(server)];
        let object = |draft: Draft, names, open| Object { draft, names, open };
        vec![
            object(user.drafts[0].clone(), &[2], |scene, bytes, minimum| {
                verify(&[bytes.to_vec()], &scene.user.app, asked(&scene.user), minimum).map(drop)
            }),
            object(Draft::new("wardkey/v1/contact", contact, user.seed()), &[2], |scene, bytes, minimum| {
                Contact::verify(bytes, &scene.user.identity(), 1, minimum).map(drop)
            }),
            object(Draft::new("wardkey/v1/receipt", receipt, server.seed()), &[2], |scene, bytes, minimum| {
                let user = scene.user.user.as_ref().unwrap();
                Receipt::verify(bytes, &scene.server.identity(), user, 1, minimum).map(drop)
            }),
            object(Draft::new("wardkey/v1/recovery-proof", proof, user.seed()), &[], |scene, bytes, minimum| {
                RecoveryProof::verify(bytes, &[4; 16], b"backup", &scene.user.identity(), minimum).map(drop)
            }),
            object(Draft::new("wardkey/v1/journal-head", head, server.seed()), &[1], |scene, bytes, minimum| {
                let subject = Subject::User(scene.user.user.clone().unwrap());
                let reading = Reading { subject: &subject, after: 0, entries: &[], head: bytes };
                journal::verify(&reading, &scene.server.identity(), None, minimum).map(drop)
            }),
        ]
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

#[test]
fn i4_a_signature_counts_in_its_own_context_only() {
    const LABELS: [&str; 12] = [
        "wardkey/v1/bundle",
        "wardkey/v1/contact",
        "wardkey/v1/receipt",
        "wardkey/v1/recovery-proof",
        "wardkey/v1/session",
        "wardkey/v1/entry",
        "wardkey/v1/wraps",
        "wardkey/v1/journal-head",
        "wardkey/v1/journal",
        "wardkey/v1/author",
        "wardkey/v2/bundle",
        "",
    ];
    let mut rng = seeded("i4");
    let scene = Scene::new(&mut rng);
    let mut hashes = Vec::new();
    for object in scene.all() {
        let good = object.draft.encode();
        (object.open)(&scene, &good, Minimum::default()).unwrap();
        let with = |signature: [u8; 64]| {
            let mut items = object.draft.items();
            items[2] = cbor::bytes(signature);
            Array(items).encode()
        };
        let refused = |signature: [u8; 64], from: &str| {
            let found = code((object.open)(&scene, &with(signature), Minimum::default()));
            assert_eq!(found, Code::BadSignature, "{} signed as {from:?}", object.draft.label);
        };
        // The same payload, signed by the same key as an object of every other type.
        for label in LABELS.into_iter().filter(|label| *label != object.draft.label) {
            let elsewhere = Draft { label, ..object.draft.clone() };
            refused(sign(&elsewhere.seed, &elsewhere.text()), label);
            hashes.push(elsewhere.hash());
        }
        let (seed, payload, label) = (&object.draft.seed, object.draft.payload(), object.draft.label);
        refused(sign(seed, &payload), "no label at all");
        refused(sign(seed, &[label.as_bytes(), &payload].concat()), "without the byte between");
        // In the form of section 4.3, and a signature of a hash instead of the text.
        refused(sign(seed, &Array(vec![cbor::text(label), cbor::bytes(&payload)]).encode()), "an array");
        refused(sign(seed, &object.draft.hash()), "a hash");
        // Signatures of the other objects by the same key.
        for other in scene.all().iter().filter(|other| other.draft.label != label) {
            refused(sign(&other.draft.seed, &other.draft.text()), other.draft.label);
        }
        hashes.push(object.draft.hash());
    }
    // One payload has another hash in each type.
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

/// A signature of a message's author is no object's, whatever the payload.
#[test]
fn i4_objects_and_authors_differ_in_their_first_byte() {
    let mut rng = seeded("i4 author");
    for object in Scene::new(&mut rng).all() {
        assert_eq!(object.draft.text()[0], b'w');
    }
    // Section 4.3 signs an array of six.
    assert_eq!(cbor::head(4, 6), [0x86]);
}

/// RFC 8032 section 5.1.7: signatures that only a loose verifier takes.
#[test]
fn i5_malleable_signatures_and_weak_keys() {
    /// The order of the group, little-endian.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut rng = seeded("i5");
    let scene = Scene::new(&mut rng);
    for object in scene.all() {
        let mut items = object.draft.items();
        let Item::Bytes(signature) = items[2].clone() else { panic!("a signature") };
        let mut malleated = signature.clone();
        let mut carry = 0;
        for (byte, add) in malleated[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        let mut refused = |signature: &[u8]| {
            items[2] = cbor::bytes(signature);
            let found = code((object.open)(&scene, &Array(items.clone()).encode(), Minimum::default()));
            assert_eq!(found, Code::BadSignature, "{}", object.draft.label);
        };
        refused(&malleated);
        for bit in 0..512 {
            if bit % 37 == 0 {
                refused(&flip(&signature, bit));
            }
        }
    }
    // Points of small order, in canonical and in other encodings, for which R = A, S = 0 verifies loosely for some or all texts.
    let encodings = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000080",
    ];
    let mut identity = [0; 64];
    identity[0] = 1;
    for encoding in encodings {
        let public = super::common::hex::unhex(encoding);
        let draft = scene.user.drafts[0].with(6, cbor::bytes(&public));
        let mut with_own = [0; 64];
        with_own[..32].copy_from_slice(&public);
        for signature in [identity, with_own, [0; 64]] {
            let mut items = draft.items();
            items[2] = cbor::bytes(signature);
            let shown = verify(&[Array(items).encode()], &scene.user.app, asked(&scene.user), Minimum::default());
            assert_eq!(code(shown), Code::BadSignature, "{encoding}");
        }
    }
}

/// Nothing is made `Signed` but by its signature, over the bytes that were received.
#[test]
fn i5_every_bit_of_a_payload_is_signed() {
    let mut rng = seeded("i5 bits");
    let scene = Scene::new(&mut rng);
    for object in scene.all().into_iter().skip(1) {
        let good = object.draft.encode();
        for bit in 0..8 * good.len() {
            assert!((object.open)(&scene, &flip(&good, bit), Minimum::default()).is_err(), "bit {bit}");
        }
    }
    let bundle = Unverified::<Bundle>::parse(&scene.user.drafts[0].encode(), Minimum::default()).unwrap();
    let key = scene.server.signing_key();
    assert_eq!(code(bundle.clone().verify(key.verifying_key())), Code::BadSignature);
    let key = scene.user.signing_key();
    assert_eq!(bundle.verify(key.verifying_key()).unwrap().hash().0, scene.user.drafts[0].hash());
}

/// The pin of a name says which identity it is, not only that it is one.
#[test]
fn i1_a_pin_is_of_its_identity() {
    let mut rng = seeded("i1 pin");
    let bob = Person::user(&mut rng, "bob");
    let identity: Identity = bob.identity();
    let found = Pin::of(&identity);
    assert_eq!(
        (found.identity(), found.version(), found.hash()),
        (identity.fingerprint(), 1, identity.newest().hash())
    );
    let app = AppId::new("other.example").unwrap();
    assert_eq!(code(verify(&bob.bundles(), &app, asked(&bob), Minimum::default())), Code::KeyMismatch);
    let eve = UserId::new("eve").unwrap();
    assert_eq!(code(verify(&bob.bundles(), &bob.app, Asked::User(&eve), Minimum::default())), Code::KeyMismatch);
}
