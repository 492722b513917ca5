//! What is printed of secrets: nothing. Snapshots pin it for every public type of the crate and of `wardkey-primitives` that holds one.
//! Those of `src/js/` are in WebAssembly only, and are not pinned.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod common;

use std::{fmt::Debug, rc::Rc};

use common::{
    cache::Device,
    der::pem,
    hex::hex,
    keys::{Pair, rsa_numbers, rsa_pkcs8},
};
use insta::assert_snapshot;
use wardkey::{
    account::{Opening, State, TwoManShares, accept_off_line},
    backup::{Envelope, Keys, OpenedKeys, Owner, StateKey, TwoMen, open_backup},
    cache::SealedBy,
    data_key::DataKey,
    encoding::{Context, from_base64url},
    error::Error,
    identity::{AppId, Asked, Bundle, Identity, UserId},
    key_pair::{KeyPair, PublicKey, RsaNumbers, Suite},
    message::{self, Author, Authored, Authority, Opener, Padding, Sealer, View},
    password::{Derivation, Kdf, Password},
    random,
    secret::{Secret, SecretBytes},
    sign::SigningKey,
    signed::Minimum,
    wrap::{Wrapper, unwrap_key},
};
use wardkey_primitives::{aes256_gcm::Cipher, hmac_sha512::HmacSha512, xwing_hpke::Private};

/// The canary: in no output, as text, hex or numbers.
const SECRET: [u8; 32] = *b"canary-canary-canary-canary-0123";

/// What `{:?}` and `{:#?}` print; neither shows the canary.
#[track_caller]
fn printed(value: &impl Debug) -> String {
    let outputs = [format!("{value:?}"), format!("{value:#?}")];
    for output in &outputs {
        no_canary(output);
    }
    outputs[0].clone()
}

#[track_caller]
fn no_canary(output: &str) {
    let list = |separator: &str| SECRET[..4].iter().map(u8::to_string).collect::<Vec<_>>().join(separator);
    let compact: String = output.split_whitespace().collect();
    for trace in ["canary".to_owned(), hex(&SECRET[..4]), hex(&SECRET[..4]).to_uppercase(), list(",")] {
        assert!(!compact.contains(&trace), "{output}");
    }
}

fn secret() -> Secret<32> {
    Secret::from_slice(&SECRET).unwrap()
}

fn hybrid() -> KeyPair {
    KeyPair::from_seed(secret()).unwrap()
}

#[test]
fn the_canary_would_be_seen() {
    for leak in
        [format!("{SECRET:?}"), format!("{SECRET:#?}"), hex(SECRET), String::from_utf8(SECRET.to_vec()).unwrap()]
    {
        let seen = std::panic::catch_unwind(|| no_canary(&leak));
        assert!(seen.is_err(), "{leak}");
    }
}

#[test]
fn bytes() {
    assert_snapshot!(printed(&secret()), @"Secret<32>(redacted)");
    assert_snapshot!(printed(&SecretBytes::new(SECRET.to_vec())), @"SecretBytes(redacted)");
    assert_snapshot!(printed(&Some(&secret())), @"Some(Secret<32>(redacted))");
}

#[test]
fn keys() {
    assert_snapshot!(printed(&DataKey::from_secret(secret())), @"DataKey(XqWvdtOubepPFsdJ1slSDQ)");
    assert_snapshot!(printed(&hybrid()), @"KeyPair(hybrid, muEk0VM0LDeGuBr0PspLc5G7Ib45fABsSrv4ZHgtrmc)");
    assert_snapshot!(printed(hybrid().public_key()), @"PublicKey(hybrid, muEk0VM0LDeGuBr0PspLc5G7Ib45fABsSrv4ZHgtrmc)");
    assert_snapshot!(printed(&SigningKey::from_seed(secret())), @"SigningKey { seed: Secret<32>(redacted), public: VerifyingKey([27, 57, 100, 203, 210, 221, 24, 217, 96, 10, 13, 253, 7, 119, 99, 1, 140, 252, 128, 36, 77, 222, 132, 28, 176, 214, 92, 55, 229, 144, 90, 109]) }");
    let rsa = KeyPair::from_pkcs8(&rsa_pkcs8(Suite::Rsa3072)).unwrap();
    let output = printed(&rsa);
    assert_snapshot!(output, @"KeyPair(rsa-3072, Esq5uP4BNoD_6LMuOKtNJirnu1lFDuT6PDbE8Eq6Big)");
    let [n, e, d, p, q, dp, dq, qi] = rsa_numbers(Suite::Rsa3072);
    let numbers = RsaNumbers { n: &n, e: &e, d: &d, p: &p, q: &q, dp: &dp, dq: &dq, qi: &qi };
    assert_snapshot!(printed(&numbers), @"RsaNumbers(redacted)");
}

#[test]
fn passwords() {
    let password = Password::new(std::str::from_utf8(&SECRET).unwrap()).unwrap();
    assert_snapshot!(printed(&password), @"Password(redacted)");
    let derivation = Derivation::new(Kdf::argon2id(19_456, 2).unwrap(), &[7; 16]).unwrap();
    let slow = derivation.derive(&password).unwrap();
    assert_snapshot!(printed(&slow), @"SlowKey(redacted)");
    assert_snapshot!(printed(&slow.login_secret()), @"Secret<32>(redacted)");
    let login = hex(&slow.login_secret().expose()[..4]);
    assert!(!format!("{slow:?}").contains(&login));
}

#[test]
fn backups() {
    let men = TwoMen { application: secret(), key_server: secret() };
    assert_snapshot!(printed(&men), @"TwoMen(redacted)");
    let (pair, signer) = (hybrid(), SigningKey::from_seed(secret()));
    let keys = Keys { encryption: &[&pair], signing: &[&signer] };
    assert_snapshot!(printed(&keys), @"Keys { encryption: [KeyPair(hybrid, muEk0VM0LDeGuBr0PspLc5G7Ib45fABsSrv4ZHgtrmc)], signing: [SigningKey { seed: Secret<32>(redacted), public: VerifyingKey([27, 57, 100, 203, 210, 221, 24, 217, 96, 10, 13, 253, 7, 119, 99, 1, 140, 252, 128, 36, 77, 222, 132, 28, 176, 214, 92, 55, 229, 144, 90, 109]) }] }");
    let opened = OpenedKeys { encryption: vec![hybrid()], signing: vec![SigningKey::from_seed(secret())] };
    assert_snapshot!(printed(&opened), @"OpenedKeys { encryption: [KeyPair(hybrid, muEk0VM0LDeGuBr0PspLc5G7Ib45fABsSrv4ZHgtrmc)], signing: [SigningKey { seed: Secret<32>(redacted), public: VerifyingKey([27, 57, 100, 203, 210, 221, 24, 217, 96, 10, 13, 253, 7, 119, 99, 1, 140, 252, 128, 36, 77, 222, 132, 28, 176, 214, 92, 55, 229, 144, 90, 109]) }] }");
    let derivation = Derivation::new(Kdf::argon2id(19_456, 2).unwrap(), &[7; 16]).unwrap();
    let password = Password::new(std::str::from_utf8(&SECRET).unwrap()).unwrap();
    let owner = Owner::new("app", "alice").unwrap();
    let sealed = Envelope::seal(&mut random::system(), &owner, 1, &derivation, &password, Some(&men), &keys).unwrap();
    printed(&sealed);
    printed(&sealed.open(&password).unwrap());
}

#[test]
fn accounts() {
    let app = AppId::new("app").unwrap();
    let user = UserId::new("alice").unwrap();
    let (pair, signer) = (hybrid(), SigningKey::from_seed(secret()));
    let bundle = Bundle::first(&app, Some(&user), pair.public_key(), &signer).unwrap().to_bytes();
    let own = Identity::verify(&[&bundle], &app, Asked::User(&user), Minimum::default()).unwrap();
    let state = State::new(secret(), &own);
    assert_snapshot!(printed(&state), @"State(..)");
    printed(&own);
    assert_snapshot!(printed(&StateKey::from_secret(secret())), @"StateKey(redacted)");
    let derivation = Derivation::new(Kdf::argon2id(19_456, 2).unwrap(), &[7; 16]).unwrap();
    let slow = derivation.derive(&Password::new(std::str::from_utf8(&SECRET).unwrap()).unwrap()).unwrap();
    let men = || TwoMen { application: secret(), key_server: secret() };
    let shares = TwoManShares { active: men(), pending: Some(men()) };
    assert_snapshot!(printed(&shares), @"TwoManShares { active: TwoMen(redacted), pending: Some(TwoMen(redacted)) }");
    let keys = Keys { encryption: &[&pair], signing: &[&signer] };
    let (mut rng, owner) = (random::system(), Owner::of(&app, &user));
    let sealing = Envelope::begin(&mut rng, &owner, 1, &derivation, Some(&men()), &keys).unwrap();
    let sealing = sealing.with_state(state.to_bytes().unwrap());
    printed(&sealing);
    let sealed = sealing.finish(&mut rng, &slow).unwrap().encode();
    let opening = Opening::begin(Some(&sealed), Some(&sealed), &owner, Some(&derivation)).unwrap();
    printed(&opening);
    let opened = opening.open(&slow).unwrap();
    printed(&opened);
    printed(&accept_off_line(&app, &user, (&opened.envelope, opened.contents), 0).unwrap());
}

#[test]
fn messages() {
    let key = DataKey::from_secret(secret());
    let none = Context::default();
    let mut rng = random::system();
    let mut sealer = Sealer::new(&key, &mut rng, &none, Padding::None, &mut Vec::new()).unwrap();
    sealer.update(&SECRET, &mut Vec::new()).unwrap();
    assert_snapshot!(printed(&sealer), @"Sealer(32 bytes so far)");
    let sealed = message::seal(&key, &mut rng, &SECRET, &none, Padding::Padme).unwrap();
    let (mut opener, taken) = Opener::start(&key, &sealed, &none).unwrap();
    opener.update(&sealed[taken..], &mut Vec::new()).unwrap();
    assert_snapshot!(printed(&opener), @"Opener(..)");
    assert_snapshot!(printed(&rng), @"Random(..)");
    let wrapper = Wrapper::new(&key, &none, false);
    assert_snapshot!(printed(&wrapper), @"Wrapper { set: WrapSet { key_id: KeyId([94, 165, 175, 118, 211, 174, 109, 234, 79, 22, 199, 73, 214, 201, 82, 13]), commitment: KeyCommitment([11, 130, 63, 52, 196, 41, 218, 191, 25, 174, 195, 87, 235, 163, 126, 44, 207, 216, 131, 86, 139, 26, 5, 67, 193, 67, 51, 172, 217, 195, 236, 206]), stanzas: [] }, context: Context([160]), allow_legacy: false }");
}

#[test]
fn caches() {
    let sealed_by = SealedBy::DataKey(Rc::new(DataKey::from_secret(secret())));
    assert_snapshot!(printed(&sealed_by), @"DataKey(DataKey(XqWvdtOubepPFsdJ1slSDQ))");
    assert_snapshot!(printed(&SealedBy::KeyPair(Rc::new(hybrid()))), @"KeyPair(KeyPair(hybrid, muEk0VM0LDeGuBr0PspLc5G7Ib45fABsSrv4ZHgtrmc))");
    let mut device = Device::new("secrets");
    device.sealed_by = sealed_by;
    let key = Rc::new(DataKey::from_secret(secret()));
    for cache in [device.memory(), device.open()] {
        printed(&cache.seal(&mut device.rng.borrow_mut(), &key).unwrap());
        device.set(&cache, &[Rc::clone(&key)]);
        assert_eq!(printed(&cache), "KeyCache(..)");
        printed(&cache.stats());
    }
}

/// The plaintext of a verified message: what `open_signed` gives is the easiest thing to log.
#[test]
fn an_authored_plaintext_is_not_printed() {
    let view = View { sequence: 1, hash: [2; 32] };
    let author = Author { session: [3; 32], bundle_hash: [4; 32], view, authority: Authority::Signer };
    assert_snapshot!(printed(&Authored { data: SECRET.to_vec(), author }), @"Authored { author: Author { session: [3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3], bundle_hash: [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4], view: View { sequence: 1, hash: [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2] }, authority: Signer }, .. }");
}

#[test]
fn primitives() {
    assert_snapshot!(printed(&Cipher::new(&SECRET)), @"Cipher(redacted)");
    assert_snapshot!(printed(&HmacSha512::new(&SECRET)), @"HmacSha512(redacted)");
    assert_snapshot!(printed(&Private::from_seed(&SECRET).unwrap()), @"Private(redacted)");
}

/// Errors are fixed text: the input stands in none of them.
#[test]
fn errors_never_contain_input() {
    let canary = std::str::from_utf8(&SECRET).unwrap();
    let mut errors: Vec<Error> = Vec::new();
    let mut failed = |error: Option<Error>| errors.push(error.expect("this had to fail"));
    failed(UserId::new(&format!("{canary}\n")).err());
    failed(Owner::new(&canary.repeat(9), "alice").err());
    failed(Password::new(&format!("{canary}\0")).err());
    failed(Password::new(&canary.repeat(40)).err());
    failed(Suite::from_name(canary).err());
    failed(Context::new([(canary, ""), (canary, "")]).err());
    failed(from_base64url(&format!("{canary}!")).err());
    failed(PublicKey::parse(&format!("{canary}!")).err());
    failed(PublicKey::parse(canary).err());
    failed(PublicKey::parse(&pem("PUBLIC KEY", &SECRET)).err());
    failed(KeyPair::from_pem(&pem("PRIVATE KEY", &SECRET)).err());
    failed(KeyPair::from_pem(canary).err());
    failed(KeyPair::from_pkcs8(&SECRET).err());
    failed(DataKey::from_slice(&SECRET[1..]).err());
    failed(open_backup(&SECRET, canary, canary).err());
    failed(Envelope::parse(&[b"WKBK\x01".as_slice(), &SECRET].concat()).err());
    let key = DataKey::from_secret(secret());
    failed(message::open(&key, &SECRET, &Context::default()).err());
    let sealed = message::seal(&key, &mut random::system(), &SECRET, &Context::default(), Padding::None).unwrap();
    failed(message::open(&key, &sealed, &Context::new([(canary, canary)]).unwrap()).err());
    failed(unwrap_key(&SECRET, &mut random::system(), &Pair::rsa(Suite::Rsa2048).pair, &Context::default()).err());
    for error in errors {
        for output in [format!("{error}"), format!("{error:?}"), error.message().to_owned()] {
            no_canary(&output);
        }
        assert!(format!("{error}").starts_with(error.code().as_str()));
    }
}
