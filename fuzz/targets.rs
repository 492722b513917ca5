//! The bodies of the fuzz targets. Shared with `tests/fuzz_corpus.rs`, which runs the corpus as a test, and with F9 in `tests/attacks/`.
//!
//! Each takes any bytes. It must not panic, must fail with no other code than those that SPEC allows there, and what it reads must encode to the same bytes again.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod delegations;
mod entries;

use std::sync::OnceLock;

use hmac::{Hmac, KeyInit, Mac};
use minicbor::Encoder;
use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256, Sha512};
use wardkey::{
    account::{Contact, Receipt, RecoveryProof, State},
    backup::{Envelope, Owner, TwoMen, open_backup},
    cobblestone,
    data_key::DataKey,
    delegation::Claim,
    encoding::{Context, base64url, from_base64url},
    error::{Code, Error, Result},
    group,
    identity::{AppId, Bundle, UserId},
    journal,
    key_pair::{KeyPair, PublicKey, RsaNumbers},
    message::{self, Author, Authority, Header, Opener, Padding, View},
    password::Password,
    random::Random,
    secret::{Secret, SecretBytes},
    session::{Entry, Genesis, Served, Session, join, split},
    sign::{SigningKey, VerifyingKey},
    signed::{Hash, Minimum, Unverified},
    wrap::unwrap_key,
};

pub use delegations::*;
pub use entries::*;

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// Every target.
pub const ALL: &[(&str, Target)] = &[
    ("message", message),
    ("header", header),
    ("trailer", trailer),
    ("padding", padding),
    ("wrap_set", wrap_set),
    ("public_key", public_key),
    ("spki", spki),
    ("private_key", private_key),
    ("rsa_numbers", rsa_numbers),
    ("backup", backup),
    ("payload", payload),
    ("text", text),
    ("object", object),
    ("state", state),
    ("journal", journal),
    ("kept_session", kept_session),
    ("exchange_key", exchange_key),
    ("kept_exchange", kept_exchange),
    ("entity", entity),
    ("entity_values", entity_values),
    ("manifest", manifest),
    ("binary", binary),
    ("legacy", legacy),
];

/// A generator that counts: the same input does the same thing each time.
struct Counter(u64);

impl TryRng for Counter {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> core::result::Result<u32, Self::Error> {
        self.try_next_u64().map(|number| number as u32)
    }
    fn try_next_u64(&mut self) -> core::result::Result<u64, Self::Error> {
        self.0 += 1;
        Ok(self.0)
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> core::result::Result<(), Self::Error> {
        for block in out.chunks_mut(32) {
            self.0 += 1;
            block.copy_from_slice(&Sha256::digest(self.0.to_be_bytes())[..block.len()]);
        }
        Ok(())
    }
}
impl TryCryptoRng for Counter {}

fn rng() -> Random<Counter> {
    Random::new(Counter(0))
}

/// The key that the corpus is made with.
pub fn key() -> DataKey {
    DataKey::from_slice(&[0x11; 32]).expect("32 bytes")
}

/// The key pair that the corpus is made for.
pub fn pair() -> KeyPair {
    KeyPair::from_seed(Secret::from_slice(&[0x22; 32]).expect("32 bytes")).expect("a seed")
}

/// Who signs in the corpus.
pub fn signer() -> SigningKey {
    SigningKey::from_seed(Secret::from_slice(&[0x33; 32]).expect("32 bytes"))
}

/// The context of the corpus.
pub fn context() -> Context {
    Context::new([("record", "4567")]).expect("a context")
}

/// The shares of the corpus.
pub fn men() -> TwoMen {
    let share = |byte| Secret::from_slice(&[byte; 32]).expect("32 bytes");
    TwoMen { application: share(0x44), key_server: share(0x55) }
}

#[track_caller]
fn allow<T>(result: &Result<T>, allowed: &[Code]) {
    if let Err(error) = result {
        assert!(allowed.contains(&error.code()), "{error}");
    }
}

const FRAME: [Code; 3] = [Code::InvalidFormat, Code::Truncated, Code::UnsupportedVersion];
const MESSAGE: [Code; 4] = [Code::InvalidFormat, Code::Truncated, Code::UnsupportedVersion, Code::DecryptionFailed];

/// Opening, at once and in pieces, gives the same.
pub fn message(data: &[u8]) {
    let (key, context) = (key(), context());
    let opened = message::open(&key, data, &context);
    allow(&opened, &MESSAGE);
    let streamed = stream(&key, data, &context);
    match (&opened, &streamed) {
        (Ok(opened), Ok(streamed)) => assert_eq!(opened, streamed),
        (Err(_), Err(error)) => allow::<()>(&Err(*error), &MESSAGE),
        _ => panic!("{opened:?} at once, {streamed:?} in pieces"),
    }
    let authored = message::open_signed(&key, data, &context, |_| Some(signer().verifying_key().clone()));
    allow(&authored, &[MESSAGE.as_slice(), &[Code::BadSignature]].concat());
    if let Ok(authored) = authored {
        assert_eq!(Ok(authored.data), opened);
    }
}

fn stream(key: &DataKey, data: &[u8], context: &Context) -> core::result::Result<Vec<u8>, Error> {
    let (mut opener, taken) = Opener::start(key, data, context)?;
    let mut out = Vec::new();
    // The lengths of the pieces come from the data.
    let mut rest = &data[taken..];
    let mut cuts = data.iter().cycle();
    while !rest.is_empty() {
        let len = 1 + usize::from(*cuts.next().unwrap_or(&1)) * 97 % 20_000;
        let (piece, more) = rest.split_at(len.min(rest.len()));
        opener.update(piece, &mut out)?;
        rest = more;
    }
    opener.end(&mut out)?;
    Ok(out)
}

/// The header alone.
pub fn header(data: &[u8]) {
    let parsed = Header::parse(data);
    allow(&parsed, &FRAME);
    assert_eq!(message::key_id_of(data), parsed.as_ref().map(|(header, _)| header.key_id).map_err(|error| *error));
    if let Ok((header, rest)) = parsed {
        assert!(data.ends_with(rest) && data.len() - rest.len() <= message::MAX_HEADER);
        let sealed_len = message::sealed_len(&header, 0).expect("short");
        let least = data.len() - rest.len() + header.trailer_len() + cobblestone::PREFIX + cobblestone::TAG;
        assert!(sealed_len >= least as u64);
    }
}

/// The first message of batches of 1, 2, 3, 5 and 9 (paths of 0 to 4): header and body, and the trailer.
pub fn signed() -> &'static [(Vec<u8>, Vec<u8>)] {
    static SIGNED: OnceLock<Vec<(Vec<u8>, Vec<u8>)>> = OnceLock::new();
    SIGNED.get_or_init(|| {
        let view = View { sequence: 3, hash: [6; 32] };
        let author = Author { session: [7; 32], bundle_hash: [8; 32], view, authority: Authority::Signer };
        let context = context();
        let first = |size: usize| {
            let items = vec![(b"signed".as_slice(), &context); size];
            let mut sealed = message::seal_signed(&key(), &mut rng(), &signer(), &author, &items, Padding::None)
                .expect("a counter doesn't repeat");
            let mut first = sealed.swap_remove(0);
            let trailer = Header::parse(&first).expect("sealed here").0.trailer_len();
            let trailer = first.split_off(first.len() - trailer);
            (first, trailer)
        };
        [1, 2, 3, 5, 9].map(first).to_vec()
    })
}

/// A trailer, after a number that chooses one of the bodies that open: cut or made up to its length.
pub fn trailer(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    let (body, trailer) = &signed()[usize::from(*which) % signed().len()];
    let mut sealed = body.clone();
    sealed.extend(data.iter().copied().chain(core::iter::repeat(0)).take(trailer.len()));
    let (key, context) = (key(), context());
    assert_eq!(message::open(&key, &sealed, &context).as_deref(), Ok(b"signed".as_slice()));
    let signer = *signer().verifying_key().as_bytes();
    for public in [signer, [0; 32], [1; 32], [0xff; 32]] {
        let opened = message::open_signed(&key, &sealed, &context, |_| Some(VerifyingKey::from_bytes(public)));
        allow(&opened, &[Code::BadSignature]);
        // Nobody else signs for the signer, and what verifies is to the byte what he wrote.
        assert_eq!(opened.is_ok(), public == signer && sealed.ends_with(trailer));
    }
}

/// A plaintext that is sealed as it is, and said to be padded.
pub fn padding(data: &[u8]) {
    let (key, context) = (key(), context());
    let sealed = message::seal(&key, &mut rng(), b"", &context, Padding::Padme).expect("a counter doesn't repeat");
    let head = &sealed[..22];
    // SPEC section 4.1.
    let mut bound = Encoder::new(Vec::new());
    bound.array(3).and_then(|e| e.str("wardkey/v1/message")).and_then(|e| e.bytes(head)).expect("memory");
    bound.map(1).and_then(|e| e.str("record")).and_then(|e| e.str("4567")).expect("memory");
    let body = cobblestone::seal(key.dangerously_expose(), &mut rng(), bound.writer(), data).expect("a counter");
    let sealed = [head, &body].concat();
    let opened = message::open(&key, &sealed, &context);
    allow(&opened, &[Code::DecryptionFailed]);
    assert_eq!(opened.as_ref().ok(), stream(&key, &sealed, &context).as_ref().ok());
    if let Ok(opened) = opened {
        assert!(data.starts_with(&opened));
        assert_eq!(message::padded_len(opened.len() as u64), Ok(data.len() as u64));
    }
}

/// A wrap set for the pair of the corpus.
pub fn wrap_set(data: &[u8]) {
    let opened = unwrap_key(data, &mut rng(), &pair(), &context());
    let more = [Code::Limit, Code::NotARecipient, Code::UnwrapFailed, Code::KeyMismatch];
    allow(&opened, &[FRAME.as_slice(), &more].concat());
}

const POLICY: [Code; 2] = [Code::KeyPolicy, Code::Limit];

/// A public key, encoded and as text.
pub fn public_key(data: &[u8]) {
    let allowed = [FRAME.as_slice(), &POLICY].concat();
    let parsed = PublicKey::from_bytes(data);
    allow(&parsed, &allowed);
    if let Ok(key) = &parsed {
        assert_eq!(key.as_bytes(), data);
        let again = PublicKey::parse(&key.to_string()).expect("its own text");
        assert_eq!(again.fingerprint(), key.fingerprint());
    }
    let of_text = PublicKey::parse(&base64url(data));
    assert_eq!(of_text.is_ok(), parsed.is_ok());
    if let Ok(text) = core::str::from_utf8(data) {
        allow(&PublicKey::parse(text), &allowed);
    }
}

/// SubjectPublicKeyInfo, in every suite and in PEM.
pub fn spki(data: &[u8]) {
    let mut accepted = 0;
    for suite in 1..=4 {
        let mut key = Encoder::new(b"WKPK\x01".to_vec());
        key.array(2).and_then(|e| e.u64(suite)).and_then(|e| e.bytes(data)).expect("memory");
        let key_bytes = key.into_writer();
        let parsed = PublicKey::from_bytes(&key_bytes);
        allow(&parsed, &POLICY);
        if let Ok(key) = parsed {
            assert_eq!(key.as_bytes(), &key_bytes[..], "not canonical");
            accepted += 1;
        }
    }
    assert!(accepted <= 1);
    let parsed = PublicKey::parse(&pem("PUBLIC KEY", data));
    allow(&parsed, &[Code::KeyPolicy, Code::Limit, Code::InvalidFormat]);
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = base64url(der).replace('-', "+").replace('_', "/");
    let padding = ["", "", "==", "="][base64.len() % 4];
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}{padding}\n-----END {label}-----\n", lines.join("\n"))
}

const PRIVATE: [Code; 3] = [Code::InvalidFormat, Code::KeyPolicy, Code::KeyMismatch];

/// PKCS#8, in DER and PEM.
pub fn private_key(data: &[u8]) {
    let pair = KeyPair::from_pkcs8(data);
    allow(&pair, &PRIVATE);
    if let Ok(text) = core::str::from_utf8(data) {
        allow(&KeyPair::from_pem(text), &PRIVATE);
    }
    if data.len() < 5000 {
        let of_pem = KeyPair::from_pem(&pem("PRIVATE KEY", data));
        assert_eq!(of_pem.is_ok(), pair.is_ok());
    }
}

/// The numbers of a JWK, each after its length in two bytes.
pub fn rsa_numbers(data: &[u8]) {
    let mut rest = data;
    let numbers: [&[u8]; 8] = core::array::from_fn(|_| {
        let (len, more) = rest.split_first_chunk::<2>().unwrap_or((&[0, 0], &[]));
        let (number, more) = more.split_at(usize::from(u16::from_be_bytes(*len)).min(more.len()));
        rest = more;
        number
    });
    let [n, e, d, p, q, dp, dq, qi] = numbers;
    allow(&KeyPair::from_rsa_numbers(&RsaNumbers { n, e, d, p, q, dp, dq, qi }), &PRIVATE);
}

const ENVELOPE: [Code; 5] =
    [Code::InvalidFormat, Code::Truncated, Code::UnsupportedVersion, Code::KdfPolicy, Code::Limit];

/// An envelope: parsed, and opened without the slow step.
pub fn backup(data: &[u8]) {
    let parsed = Envelope::parse(data);
    allow(&parsed, &ENVELOPE);
    if let Ok(envelope) = parsed {
        assert_eq!(envelope.encode(), data);
        allow(&envelope.check_owner(&owner()), &[Code::KeyMismatch]);
        let more = [Code::NoBackup, Code::DecryptionFailed, Code::InvalidFormat, Code::KeyMismatch, Code::KeyPolicy];
        allow(&envelope.open_with_two_men(&men()), &more);
    }
    // Refused before the slow step, whatever it is: the password is empty.
    let refused = open_backup(data, "", "alice");
    allow(&refused, &[ENVELOPE.as_slice(), &[Code::KeyMismatch, Code::PasswordFormat]].concat());
    assert!(refused.is_err());
}

/// The owner in the corpus.
pub fn owner() -> Owner {
    Owner::new("app", "alice").expect("an owner")
}

fn expand(prk: &[u8], label: &str) -> Secret<32> {
    let mut mac = Hmac::<Sha512>::new_from_slice(prk).expect("a key of any length");
    for part in [b"wardkey/v1/".as_slice(), label.as_bytes(), &[0, 1]] {
        mac.update(part);
    }
    Secret::from_slice(&mac.finalize().into_bytes()[..32]).expect("32 bytes")
}

/// A keys payload in an envelope that two men open.
pub fn payload(data: &[u8]) {
    let root = [0x66; 32];
    let bound = |label: &str, more: &[u8], count: u64| {
        let mut bound = Encoder::new(Vec::new());
        let written = bound.array(3 + count).and_then(|e| e.str(label)).and_then(|e| e.str("app"));
        written.and_then(|e| e.str("alice")).expect("memory");
        [bound.into_writer().as_slice(), more].concat()
    };
    let mut rng = rng();
    let mut seal = |key: &Secret<32>, bound: &[u8], data: &[u8]| {
        cobblestone::seal(key, &mut rng, bound, data).expect("a counter doesn't repeat")
    };
    let men = men();
    let shares = [men.application.expose().as_slice(), men.key_server.expose()].concat();
    let mut extract = Hmac::<Sha512>::new_from_slice(&[]).expect("a key of any length");
    extract.update(&shares);
    let mut mac = Hmac::<Sha512>::new_from_slice(&extract.finalize().into_bytes()).expect("a key of any length");
    mac.update(&bound("wardkey/v1/two-man", &[], 0));
    mac.update(&[1]);
    let two_man_key = Secret::from_slice(&mac.finalize().into_bytes()[..32]).expect("32 bytes");

    let mut rest = Encoder::new(Vec::new());
    rest.array(4).and_then(|e| e.u8(1)).and_then(|e| e.u32(65_536)).and_then(|e| e.u8(3)).expect("memory");
    rest.bytes(&[9; 32]).expect("memory");
    let kdf = rest.into_writer();
    let field = |bytes: &[u8]| {
        let mut field = Encoder::new(Vec::new());
        field.bytes(bytes).expect("memory");
        field.into_writer()
    };
    let five = field(&[0; 104]);
    let six = field(&seal(&two_man_key, &bound("wardkey/v1/backup/two-man-root", &[], 0), &root));
    let seven = field(&seal(&expand(&root, "backup-keys"), &bound("wardkey/v1/backup/keys", &[], 0), data));
    let sum = Sha256::digest([&[0x84], kdf.as_slice(), &five, &six, &seven].concat());
    let vouched = [&[1], field(&sum).as_slice()].concat();
    let state = bound("wardkey/v1/backup/state", &vouched, 2);
    let eight = field(&seal(&expand(&root, "backup-state"), &state, &[0xa0]));
    let head = b"WKBK\x01\xa8\x01\x63app\x02\x65alice\x03\x01\x04";
    let envelope = [head, kdf.as_slice(), &[5], &five, &[6], &six, &[7], &seven, &[8], &eight].concat();
    let Ok(envelope) = Envelope::parse(&envelope) else { return assert!(data.len() > 1_000_000) };
    let opened = envelope.open_with_two_men(&men);
    allow(&opened, &[Code::InvalidFormat, Code::KeyMismatch, Code::KeyPolicy]);
    if let Ok(opened) = opened {
        assert!((1..=64).contains(&opened.encryption.len()) && opened.signing.len() <= 64);
    }
}

/// Names, passwords, contexts, base64url.
pub fn text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    allow(&UserId::new(&text), &[Code::InvalidArgument]);
    let password = Password::new(&text);
    allow(&password, &[Code::PasswordFormat]);
    if let Ok(password) = password {
        let prepared = core::str::from_utf8(password.expose()).expect("UTF-8");
        assert!((1..=1024).contains(&prepared.len()) && !prepared.chars().any(char::is_control));
        let again = Password::new(prepared).expect("prepared already");
        assert_eq!(again.expose(), password.expose());
    }
    if let Ok(bytes) = from_base64url(&text) {
        assert_eq!(base64url(&bytes), text);
    }
    let mut entries: Vec<_> = text.split('\n').map(|line| line.split_once('=').unwrap_or((line, ""))).collect();
    let bound = Context::new(entries.iter().copied());
    allow(&bound, &[Code::InvalidArgument, Code::Limit]);
    entries.reverse();
    assert_eq!(Context::new(entries.iter().copied()), bound);
}

const OBJECT: [Code; 5] =
    [Code::InvalidFormat, Code::UnsupportedVersion, Code::Limit, Code::KeyPolicy, Code::Truncated];

/// Every type of signed object: who reads one reads no other.
pub fn object(data: &[u8]) {
    macro_rules! count {
        ($($payload:ty),*) => {
            0 $(+ {
                let parsed = Unverified::<$payload>::parse(data, Minimum::default());
                allow(&parsed, &OBJECT);
                usize::from(parsed.is_ok())
            })*
        };
    }
    let read = count!(
        Bundle,
        Genesis,
        Entry,
        Contact,
        Receipt,
        RecoveryProof,
        journal::Head,
        journal::RowHeader,
        group::Genesis,
        group::Operation,
        group::Head
    );
    let (wraps, keys) = (split(data, Minimum::default()), group::split(data, Minimum::default()));
    for served in [&wraps, &keys] {
        allow(served, &OBJECT);
    }
    let exchange = Claim::parse(data, Minimum::default());
    allow(&exchange, &OBJECT);
    let served = usize::from(wraps.is_ok()) + usize::from(keys.is_ok()) + usize::from(exchange.is_ok());
    assert!(read + served <= 1, "one object of two types");
    let bodies = |served: &Served| {
        let stanzas = served.stanzas.clone().into_iter().enumerate();
        stanzas.filter_map(|(place, stanza)| Some((place, stanza.body?))).collect::<Vec<_>>()
    };
    if let Ok(wraps) = wraps {
        assert_eq!(join(&wraps.signed, bodies(&wraps)).as_deref(), Ok(data));
    }
    if let Ok(keys) = keys {
        assert_eq!(group::join(&keys.signed, bodies(&keys)).as_deref(), Ok(data));
    }
}

/// What an account's backup seals beside its keys.
pub fn state(data: &[u8]) {
    let user = UserId::new("anna").expect("a user id");
    let read = State::from_bytes(&SecretBytes::new(data.to_vec()), &user);
    allow(&read, &[Code::InvalidFormat, Code::UnsupportedVersion, Code::Limit, Code::Downgrade, Code::KeyMismatch]);
    if let Ok(state) = read {
        assert_eq!(state.to_bytes().expect("it was read").expose(), data);
    }
}

/// An entry of a key server's journal.
pub fn journal(data: &[u8]) {
    let read = journal::Entry::from_bytes(data);
    allow(&read, &[Code::InvalidFormat, Code::UnsupportedVersion, Code::Limit]);
    if let Ok(entry) = read {
        assert_eq!(entry.to_bytes(), data);
    }
}

/// A session as a cache keeps it: under the id that its genesis has.
pub fn kept_session(data: &[u8]) {
    let app = AppId::new("app.example").expect("an app id");
    let codes = [OBJECT.as_slice(), &[Code::KeyMismatch, Code::Forbidden, Code::BadSignature, Code::InvalidArgument]];
    for id in [Hash([0; 32]), kept_id(data)] {
        let read = Session::from_kept(&app, &id, data);
        allow(&read, &codes.concat());
        if let Ok(session) = read {
            assert_eq!(session.to_kept(), data);
        }
    }
}

/// The hash of the genesis that stands first.
fn kept_id(data: &[u8]) -> Hash {
    let genesis = || {
        let mut reader = minicbor::Decoder::new(data);
        reader.map().ok()?;
        reader.u8().ok()?;
        reader.bytes().ok()
    };
    let hashed = Sha256::new().chain_update(b"wardkey/v1/session\0").chain_update(genesis().unwrap_or_default());
    Hash(hashed.finalize().into())
}
