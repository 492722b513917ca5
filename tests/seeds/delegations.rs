//! Seeds for what delegations and the entries for others' formats read.

use minicbor::Encoder;
use serde_json::Value;
use wardkey::{
    delegation::{Manifest, entity},
    identity::UserId,
    key_pair::Suite,
    party::Party,
    signed::Hash,
};
use wardkey_fhir::ContentKey;

use super::{DELEGATION, SHARE, Seeds, of_vectors, small};
use crate::{
    common::{hex::unhex, keys::rsa_pkcs8, rng::Seeded},
    targets::{self, WARD, user},
};

const LEGACY: &str = include_str!("../../testdata/legacy.json");

pub(super) fn exchange_keys() -> Seeds {
    let mut seeds = of_vectors(DELEGATION, &["objects"]);
    seeds.sort_by_key(Vec::len);
    let whole = seeds.iter().filter(|seed| seed.len() > 1000).step_by(20).cloned().collect();
    [small(seeds), whole].concat()
}

pub(super) fn kept_exchanges() -> Seeds {
    let kept = |by: &Party, to: &Party, versions: &[Result<[u8; 32], &str>]| {
        let mut e = Encoder::new(Vec::new());
        e.map(7).unwrap().u8(1).unwrap();
        e.writer_mut().extend(by.to_bytes());
        e.u8(2).unwrap();
        e.writer_mut().extend(to.to_bytes());
        e.u8(3).unwrap().bytes(&[3; 32]).unwrap();
        let is_group = matches!(to, Party::Group(_));
        e.u8(4).unwrap().array(is_group.into()).unwrap();
        if let Party::Group(id) = to {
            e.array(2).unwrap().bytes(&id.0).unwrap().u8(2).unwrap();
        }
        e.u8(5).unwrap();
        match by {
            Party::Group(id) => {
                e.array(2).unwrap().bytes(&id.0).unwrap();
                e.writer_mut().extend(user("anna").to_bytes());
            }
            _ => drop(e.null().unwrap()),
        }
        e.u8(6).unwrap().array(1).unwrap().array(2).unwrap();
        e.writer_mut().extend(user("anna").to_bytes());
        e.bytes(&[5; 32]).unwrap().u8(7).unwrap().array(versions.len() as u64).unwrap();
        for version in versions {
            match version {
                Ok(key) => e.bytes(key).unwrap(),
                Err(code) => e.str(code).unwrap(),
            };
        }
        e.into_writer()
    };
    let (anna, bob) = (user("anna"), user("bob"));
    let name = UserId::new("ward").unwrap();
    let place = Party::Placeholder { name, escrow: Hash([4; 32]), contact: None };
    vec![
        kept(&anna, &anna, &[Ok([1; 32])]),
        kept(&anna, &bob, &[Ok([1; 32]), Err("unwrap-failed"), Ok([2; 32])]),
        kept(&bob, &WARD, &[Err("not-a-recipient")]),
        kept(&WARD, &bob, &[Ok([1; 32]), Ok([2; 32])]),
        kept(&anna, &place, &[Ok([1; 32])]),
    ]
}

const PATIENT: &str = r#"{"id":"1234","name":"Ada","address":{"street":"Hohe Gasse","city":"Graz"},"notes":[{"text":"x","at":1.50},{"at":2}],"n":-0.5e3}"#;
const PATHS: &str = "name\naddress.street\nnotes[].text\nextra.*?";

pub(super) fn entities(rng: &mut Seeded) -> Seeds {
    let (ring, anna, bob) = (targets::ring(), user("anna"), user("bob"));
    let paths = Manifest::new(PATHS.lines()).unwrap();
    let mut encrypt = |by: &Party, others: &[Party], plain: &str, paths: &Manifest, parent: Option<&str>| {
        entity::encrypt(rng, &ring, (by, others), ("Patient", plain), paths, parent).unwrap()
    };
    let one = encrypt(&anna, std::slice::from_ref(&bob), PATIENT, &paths, None);
    let none = Manifest::new([]).unwrap();
    let child = encrypt(&anna, &[WARD], r#"{"id":"4567"}"#, &none, Some(&one));
    let bare = encrypt(&anna, &[], r#"{"id":"7"}"#, &none, None);
    let shared = entity::share(rng, &ring, &child, &[bob]).unwrap();
    // For others alone, and for a group that was left.
    let others = bare.replace("anna→anna", "carol→carol");
    let left = others.replace("carol→carol", &format!("carol→{}", Hash([8; 32])));
    let file: Value = serde_json::from_str(DELEGATION).unwrap();
    let texts = file["invalid"].as_array().unwrap().iter().filter_map(|row| row["input"]["entities"].as_array());
    let invalid = texts.flatten().map(|text| text.as_str().unwrap().as_bytes().to_vec());
    let made = [one, child, bare, shared, others, left].map(String::into_bytes);
    made.into_iter().chain(small(invalid.filter(|text| text.len() < SHARE).collect())).collect()
}

/// After the number that says in which place.
pub(super) fn entity_values() -> Seeds {
    let mut sealed = Encoder::new(Vec::new());
    sealed.map(3).unwrap().u8(1).unwrap().array(1).unwrap().array(2).unwrap();
    sealed.array(3).unwrap().str("notes").unwrap().u8(0).unwrap().str("text").unwrap().str("\"x\"").unwrap();
    sealed.u8(2).unwrap().array(1).unwrap().bytes(&targets::padded_id("p")).unwrap();
    sealed.u8(3).unwrap().array(1).unwrap().str("s").unwrap();
    let key = targets::key().dangerously_expose().expose().to_vec();
    let at = |which: u8, value: Vec<u8>| [&[which], value.as_slice()].concat();
    vec![
        at(0, targets::padded_content(&targets::content())),
        at(1, key),
        at(2, targets::padded_id("d")),
        at(2, targets::padded_id(&"é".repeat(70))),
        at(3, targets::padded_id("p")),
        at(3, targets::padded_id("q")),
        at(4, targets::content()),
        at(4, sealed.into_writer()),
        at(4, Vec::new()),
    ]
}

pub(super) fn manifests() -> Seeds {
    let with = |paths: &str, plain: &str| [paths, "\n\n", plain].concat().into_bytes();
    vec![
        with(PATHS, PATIENT),
        with("*", PATIENT),
        with("nmae\nname", PATIENT),
        with("notes[][].text?\n*[].at\nn", PATIENT),
        with("*.*?\n*[].*?", r#"{"id":"1","a":[{"b":[1]},{}],"c":{"d":{"e":null}}}"#),
        with("", r#"{"id":"1","\u0061":"\ud83d\ude00"}"#),
        b"a..b".to_vec(),
    ]
}

pub(super) fn binaries(rng: &mut Seeded) -> Seeds {
    let mut sealed = |len: usize| {
        let iv: [u8; 12] = crate::common::rng::draw_array(rng);
        let mut data = vec![0x5a; len];
        ContentKey::from_parts(&[0x11; 32], &iv).unwrap().seal(b"e30", &mut data).unwrap();
        [&iv[..], &data].concat()
    };
    [0, 1, 16, 1000].map(&mut sealed).into()
}

/// AES-CBC of nothing and of a note, by Python's `cryptography`: under the keys of 16 and 32 bytes that the target has.
const SEALED: [(u8, &str); 4] = [
    (0, "000102030405060708090a0b0c0d0e0f08eef6dab83eafdefa93b2a556eeb24d"),
    (
        0,
        "000102030405060708090a0b0c0d0e0faf22afc21a64f68d4a0b146e11669d956731888412684fb0bbc817c3f99064d9671907b19ac8043a0d0a7b761391d29e",
    ),
    (1, "000102030405060708090a0b0c0d0e0f31b0cb66c88e4a89049f48b3717574c9"),
    (
        1,
        "000102030405060708090a0b0c0d0e0fee945c0484ed7900b4bca73bcde3d199af170937566f4e72fcbfc1ed9ae5aaab6f39018b66be47488cdb0aed950fee82",
    ),
];

/// Values, and a private key with what was wrapped for it.
pub(super) fn legacies() -> Seeds {
    let file: Value = serde_json::from_str(LEGACY).unwrap();
    let wrapped = unhex(file["parties"][0]["hcPartyKeys"]["ada-0f1c"][0].as_str().unwrap());
    let (private, of) = (rsa_pkcs8(Suite::Rsa2048), |which: u8, rest: Vec<u8>| [vec![which], rest].concat());
    let with_key = [&(private.len() as u16).to_be_bytes(), private.as_slice(), &wrapped].concat();
    let values = SEALED.iter().map(|(which, sealed)| of(*which, unhex(sealed)));
    values.chain([of(2, with_key)]).collect()
}
