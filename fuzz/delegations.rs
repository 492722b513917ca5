//! Targets of what delegations are made of: SPEC section 18. Shared as `targets.rs` is.

use minicbor::Encoder;
use wardkey::{
    cobblestone,
    delegation::{Chain, Claim, ExchangeKeys, Kept, Manifest, Pair, Ring, entity, join, split},
    encoding::base64url,
    error::{Code, Result},
    identity::{AppId, UserId},
    party::Party,
    session::Directory,
    signed::{Hash, Minimum},
};

use super::{OBJECT, allow, key, rng};

/// A user of the corpus.
pub fn user(name: &str) -> Party {
    Party::User { id: UserId::new(name).expect("a user id"), identity: Hash([1; 32]) }
}

/// A group of the corpus.
pub const WARD: Party = Party::Group(Hash([7; 32]));

/// Anna's, who belongs to the ward, and was left by another group. One key serves all her pairs.
pub fn ring() -> Ring {
    let (anna, bob) = (user("anna"), user("bob"));
    let mut ring = Ring::new(&[anna.clone(), WARD], &[Hash([8; 32])]).expect("no placeholders");
    for (by, to) in [(&anna, &anna), (&anna, &bob), (&bob, &anna), (&bob, &WARD), (&WARD, &bob), (&anna, &WARD)] {
        let pair = Pair::of(by, to).expect("no placeholders");
        ring.insert(ExchangeKeys::kept(pair, vec![Ok(key())]));
    }
    ring
}

/// An exchange key: read, taken apart and put together, and taken by nobody who doesn't know its signer.
pub fn exchange_key(data: &[u8]) {
    let app = AppId::new("app.example").expect("an app id");
    let (claim, served) = (Claim::parse(data, Minimum::default()), split(data, Minimum::default()));
    allow(&claim, &OBJECT);
    assert_eq!(claim.as_ref().err(), served.as_ref().err());
    let (Ok(claim), Ok(served)) = (claim, served) else { return };
    let bodies: Vec<_> = served.stanzas.into_iter().enumerate().collect();
    let bodies = bodies.into_iter().filter_map(|(place, stanza)| Some((place, stanza.body?)));
    assert_eq!(join(&served.signed, bodies).as_deref(), Ok(data));
    let mut chain = Chain::empty(&app, &claim.delegator, &claim.delegate).expect("no placeholders");
    let known = chain.extend(&[data], &Directory::default(), Minimum::default());
    assert!(known.is_err() && chain.head().is_none());
    allow(&known, &[OBJECT.as_slice(), &[Code::BadSignature, Code::KeyMismatch, Code::UnknownGroup]].concat());
}

/// Exchange keys as a cache keeps them.
pub fn kept_exchange(data: &[u8]) {
    let read = Kept::from_bytes(data);
    allow(&read, &[Code::InvalidFormat]);
    if let Ok(kept) = read {
        assert_eq!(kept.to_bytes().expose(), data);
    }
}

const FORM: [Code; 4] = [Code::InvalidFormat, Code::Limit, Code::InvalidArgument, Code::Forbidden];
const CLOSED: [Code; 5] =
    [Code::NotARecipient, Code::Revoked, Code::DecryptionFailed, Code::KeyMismatch, Code::Truncated];

fn allow_closed<T>(result: &Result<T>) {
    allow(result, &[FORM.as_slice(), &CLOSED].concat());
}

/// An encrypted entity as a database gives it.
pub fn entity(data: &[u8]) {
    let (Ok(text), ring) = (core::str::from_utf8(data), ring()) else { return };
    allow(&entity::all_pairs(text), &[Code::InvalidFormat, Code::Limit]);
    let (opened, parents) = (entity::decrypt(&ring, text), entity::parent_ids(&ring, text));
    allow_closed(&opened);
    allow_closed(&parents);
    allow_closed(&entity::secret_foreign_keys(&ring, text));
    let (Ok(opened), Ok(parents)) = (opened, parents) else { return };
    let shared = entity::share(&mut rng(), &ring, text, &[WARD, user("bob")]);
    allow_closed(&shared);
    if let Ok(shared) = shared {
        assert_eq!(entity::decrypt(&ring, &shared), Ok(opened.clone()));
        assert_eq!(entity::parent_ids(&ring, &shared), Ok(parents.clone()));
        // He has it now.
        assert_eq!(entity::share(&mut rng(), &ring, &shared, &[WARD, user("bob")]).as_ref(), Ok(&shared));
    }
    let all = Manifest::new(["*?"]).expect("a manifest");
    let updated = entity::update(&mut rng(), &ring, text, &opened, &all).expect("what it holds");
    let again = entity::decrypt(&ring, &updated).expect("encrypted here");
    assert_eq!(again.len(), opened.len());
    assert_eq!(entity::parent_ids(&ring, &updated), Ok(parents));
}

/// Paths, one in a line, and after an empty line an entity that is not encrypted yet.
pub fn manifest(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let (paths, plain) = text.split_once("\n\n").unwrap_or((text, "{}"));
    let manifest = Manifest::new(paths.lines());
    allow(&manifest, &[Code::InvalidArgument]);
    let Ok(manifest) = manifest else { return };
    let (ring, anna) = (ring(), user("anna"));
    let sealed = entity::encrypt(&mut rng(), &ring, (&anna, &[]), ("Patient", plain), &manifest, None);
    allow(&sealed, &[Code::InvalidArgument, Code::InvalidFormat, Code::Limit]);
    if let Ok(sealed) = sealed {
        assert_eq!(manifest.unmatched(plain), None);
        let opened = entity::decrypt(&ring, &sealed).expect("encrypted here");
        // Put back where it stood: the paths find it again.
        assert_eq!(manifest.unmatched(&opened), None);
    } else if let Some(path) = manifest.unmatched(plain) {
        assert!(paths.lines().any(|line| line == path) && !path.ends_with('?'));
    }
}

/// What the target below seals.
const VALUES: [&str; 4] = ["encryptedSelf", "encryptionKeys", "delegations", "cryptedForeignKeys"];

/// `id ‖ zeros ‖ u16(length)`: SPEC section 18.8.
pub fn padded_id(id: &str) -> Vec<u8> {
    let mut padded = id.as_bytes().to_vec();
    padded.resize((id.len() + 2).next_multiple_of(64).max(128) - 2, 0);
    padded.extend_from_slice(&(id.len() as u16).to_be_bytes());
    padded
}

/// Padmé, as of messages.
pub fn padded_content(content: &[u8]) -> Vec<u8> {
    let mut padded = content.to_vec();
    let total = wardkey::message::padded_len(content.len() as u64).expect("short");
    padded.resize(total as usize - 8, 0);
    padded.extend_from_slice(&(content.len() as u64).to_be_bytes());
    padded
}

/// Without members, of a parent "p" with the secret id "s".
pub fn content() -> Vec<u8> {
    let mut content = Encoder::new(Vec::new());
    content.map(3).and_then(|e| e.u8(1)).and_then(|e| e.array(0)).expect("memory");
    content.u8(2).and_then(|e| e.array(1)).and_then(|e| e.bytes(&padded_id("p"))).expect("memory");
    content.u8(3).and_then(|e| e.array(1)).and_then(|e| e.str("s")).expect("memory");
    content.into_writer()
}

fn sealed(context: &[&str], plaintext: &[u8]) -> String {
    let mut bound = Encoder::new(Vec::new());
    bound.array(context.len() as u64).expect("memory");
    for text in context {
        bound.str(text).expect("memory");
    }
    let sealed = cobblestone::seal(key().dangerously_expose(), &mut rng(), bound.writer(), plaintext);
    base64url(&sealed.expect("a counter doesn't repeat"))
}

/// After a number that says which: a plaintext that is sealed in the place of one of an entity's values by somebody who has its keys; a content also padded.
pub fn entity_values(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    let (which, is_padded) = (usize::from(*which) % 5, *which % 5 == 4);
    let plaintext = |place: usize, good: Vec<u8>| match place {
        0 if is_padded => padded_content(data),
        _ if place == which => data.to_vec(),
        _ => good,
    };
    let value = |place: usize, good: Vec<u8>| {
        let context = ["wardkey/v1/delegation", "1234", "Patient", VALUES[place], "anna→anna"];
        format!("\"{}\":{{\"anna→anna\":[\"{}\"]}}", VALUES[place], sealed(&context, &plaintext(place, good)))
    };
    let own = sealed(&["wardkey/v1/entity", "1234", "Patient"], &plaintext(0, padded_content(&content())));
    let key = key().dangerously_expose().expose().to_vec();
    let members = [
        "\"id\":\"1234\",\"entityType\":\"Patient\",\"secretForeignKeys\":[\"s\"]".to_owned(),
        format!("\"encryptedSelf\":\"{own}\""),
        value(1, key),
        value(2, padded_id("d")),
        value(3, padded_id("p")),
    ];
    let (entity, ring) = (format!("{{{}}}", members.join(",")), ring());
    let (opened, ids) = (entity::decrypt(&ring, &entity), entity::secret_foreign_keys(&ring, &entity));
    let codes = [Code::InvalidFormat, Code::Limit, Code::DecryptionFailed, Code::KeyMismatch];
    allow(&opened, &codes);
    allow(&ids, &codes);
    match which {
        // The links are what was sealed in it; its own secret id is anything that is one.
        1 => assert_eq!(opened.is_ok(), data == self::key().dangerously_expose().expose()),
        2 => assert_eq!(ids.as_deref().ok().map(|ids| padded_id(&ids[0])), ids.is_ok().then(|| data.to_vec())),
        3 => assert_eq!(opened.is_ok(), data == padded_id("p")),
        _ => assert!(ids.is_err() || ids == Ok(vec!["d".to_owned()])),
    }
}
