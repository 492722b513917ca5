//! B1, B4: a server's parameters don't weaken the derivation or blow it up, and no part of a password is lost.

use wardkey::{
    backup::{Envelope, Owner, open_backup, seal_backup},
    error::Code,
    password::{Derivation, Kdf, Password},
    probe::slow_derivations,
};

use super::{
    common::{
        cbor::{self, Array, Item, Raw, Uint},
        code,
        craft::backup::{Draft, cheap_argon2id},
        keys::Pair,
        rng::{Seeded, seeded},
    },
    underived,
};

const PASSWORD: &str = "correct horse";
const ALICE: &str = "alice";

fn draft(rng: &mut Seeded) -> Draft {
    let pair = Pair::hybrid(rng);
    Draft::new(rng, &pair, PASSWORD, ALICE)
}

#[test]
fn b1_parameters_are_refused_before_deriving() {
    let mut rng = seeded("b1");
    let sealed = draft(&mut rng).seal(&mut rng);
    let salt = || cbor::bytes([7; 32]);
    let argon2id = |memory: u64, passes: u64| Array(vec![Uint(1), Uint(memory), Uint(passes), salt()]);
    let pbkdf2 = |iterations: u64| Array(vec![Uint(2), Uint(iterations), salt()]);
    let short = |len: usize| Array(vec![Uint(1), Uint(65_536), Uint(3), cbor::bytes(vec![7; len])]);
    let gib = 1 << 20;
    let mut kdfs: Vec<(String, Item)> = Vec::new();
    for iterations in [0, 1, 1000, 599_999, 5_000_001, 1 << 31, (1 << 32) + 600_000, u64::MAX] {
        kdfs.push((format!("{iterations} iterations"), pbkdf2(iterations)));
    }
    for memory in [0, 1, 8, 19_455, 262_145, gib, 4 * gib, 4 * gib + 65_536, (1 << 32) + 65_536, u64::MAX] {
        kdfs.push((format!("{memory} KiB"), argon2id(memory, 3)));
    }
    for passes in [0, 1, 11, 1000, (1 << 32) + 3, u64::MAX] {
        kdfs.push((format!("{passes} passes"), argon2id(65_536, passes)));
    }
    for len in [0, 1, 8, 15, 65, 4096] {
        kdfs.push((format!("salt of {len} bytes"), short(len)));
    }
    for number in [0, 3, 4, 24, u64::MAX] {
        let other = Array(vec![Uint(number), Uint(65_536), Uint(3), salt()]);
        kdfs.push((format!("algorithm {number}"), other));
        kdfs.push((format!("algorithm {number} alone"), Array(vec![Uint(number)])));
    }
    for (name, kdf) in kdfs {
        let bytes = sealed.with(4, kdf).encode();
        assert_eq!(code(underived(|| open_backup(&bytes, PASSWORD, ALICE))), Code::KdfPolicy, "{name}");
        // Before the owner and the password are even looked at.
        assert_eq!(code(underived(|| open_backup(&bytes, "", "eve"))), Code::KdfPolicy, "{name}");
        assert_eq!(code(underived(|| Envelope::parse(&bytes))), Code::KdfPolicy, "{name}");
    }
}

/// By the caller too.
#[test]
fn b1_the_callers_parameters() {
    for (memory, passes) in [(0, 3), (19_455, 3), (262_145, 3), (65_536, 0), (65_536, 1), (65_536, 11), (u32::MAX, 3)] {
        assert_eq!(code(Kdf::argon2id(memory, passes)), Code::KdfPolicy, "{memory} KiB, {passes} passes");
    }
    for iterations in [0, 1, 599_999, 5_000_001, u32::MAX] {
        assert_eq!(code(Kdf::pbkdf2(iterations)), Code::KdfPolicy, "{iterations}");
    }
    for (memory, passes) in [(19_456, 2), (262_144, 10)] {
        assert!(Kdf::argon2id(memory, passes).is_ok());
    }
    assert!(Kdf::pbkdf2(600_000).is_ok() && Kdf::pbkdf2(5_000_000).is_ok());
    for len in [0, 15, 65] {
        assert_eq!(code(Derivation::new(Kdf::default(), &vec![1; len])), Code::KdfPolicy, "salt of {len}");
    }
}

/// Within the bounds they are authenticated: another derivation than the sealer's gives another key, and the state covers them besides.
#[test]
fn b1_parameters_are_authenticated() {
    let mut rng = seeded("b1 authenticated");
    let sealed = draft(&mut rng).seal(&mut rng);
    let Array(kdf) = &sealed.fields[3] else { panic!("a kdf") };
    for (place, value) in [(1, Uint(19_457)), (2, Uint(3)), (3, cbor::bytes([1; 32]))] {
        let mut kdf = kdf.clone();
        kdf[place] = value;
        let bytes = sealed.with(4, Array(kdf)).encode();
        assert_eq!(code(open_backup(&bytes, PASSWORD, ALICE)), Code::WrongPassword, "item {place}");
    }
}

/// Malformed, another user's, a malformed password: all before the slow step.
#[test]
fn b1_nothing_slow_for_what_is_refused_anyway() {
    let mut rng = seeded("b1 order");
    let sealed = draft(&mut rng).seal(&mut rng);
    let good = sealed.encode();
    for (bytes, password, user, expected) in [
        (good.clone(), PASSWORD, "eve", Code::KeyMismatch),
        (good.clone(), "pass\0word", "eve", Code::KeyMismatch),
        (good.clone(), "pass\0word", ALICE, Code::PasswordFormat),
        (good.clone(), "", ALICE, Code::PasswordFormat),
        (good.clone(), PASSWORD, "a→b", Code::InvalidArgument),
        (good[..good.len() - 1].to_vec(), PASSWORD, ALICE, Code::InvalidFormat),
        ([good.as_slice(), &[0]].concat(), PASSWORD, ALICE, Code::InvalidFormat),
        (sealed.with(8, Raw(vec![0xf6])).encode(), PASSWORD, ALICE, Code::InvalidFormat),
        (sealed.with(1, cbor::text("other")).encode(), PASSWORD, ALICE, Code::KeyMismatch),
        (vec![0; (1 << 20) + 1], PASSWORD, ALICE, Code::Limit),
    ] {
        assert_eq!(code(underived(|| open_backup(&bytes, password, user))), expected);
    }
    let before = slow_derivations();
    assert!(open_backup(&good, PASSWORD, ALICE).is_ok());
    assert_eq!(slow_derivations(), before + 1, "the probe counts");
}

/// One slow derivation per guess: nothing in the envelope tells sooner (B3's native part).
#[test]
fn b1_a_guess_costs_a_derivation() {
    let mut rng = seeded("b3");
    let bytes = draft(&mut rng).seal(&mut rng).encode();
    let before = slow_derivations();
    for guess in ["correct", "horse", "Correct horse"] {
        assert_eq!(code(open_backup(&bytes, guess, ALICE)), Code::WrongPassword);
    }
    assert_eq!(slow_derivations(), before + 3);
}

fn opens(backup: &[u8], password: &str) -> Result<(), Code> {
    open_backup(backup, password, ALICE).map(drop).map_err(|error| error.code())
}

#[test]
fn b4_nothing_is_lost_of_a_password() {
    let mut rng = seeded("b4");
    let pair = Pair::hybrid(&mut rng);
    let mut seal = |password: &str| seal_backup(&pair.pair, &mut rng, password, ALICE, cheap_argon2id()).unwrap();
    // bcrypt stops at 72 bytes (Okta, 2024).
    let long = "x".repeat(72);
    let backup = seal(&format!("{long}1"));
    assert_eq!(opens(&backup, &format!("{long}1")), Ok(()));
    for other in [format!("{long}2"), long.clone(), format!("{long}11")] {
        assert_eq!(opens(&backup, &other), Err(Code::WrongPassword), "{other}");
    }
    let backup = seal("secret ");
    assert_eq!(opens(&backup, "secret "), Ok(()));
    for other in ["secret", "secret  ", " secret ", "secret.", "Secret "] {
        assert_eq!(opens(&backup, other), Err(Code::WrongPassword), "{other:?}");
    }
    // The last of 1,024 bytes.
    let longest = "y".repeat(1024);
    let backup = seal(&longest);
    assert_eq!(opens(&backup, &longest), Ok(()));
    assert_eq!(opens(&backup, &format!("{}z", &longest[1..])), Err(Code::WrongPassword));
    assert_eq!(opens(&backup, &longest[1..]), Err(Code::WrongPassword));
}

#[test]
fn b4_nfc_is_nfd() {
    let mut rng = seeded("b4 nfc");
    let pair = Pair::hybrid(&mut rng);
    let (composed, decomposed) = ("Zu\u{308}rich \u{1112}\u{1161}\u{11ab}", "Z\u{fc}rich \u{d55c}");
    let backup = seal_backup(&pair.pair, &mut rng, composed, ALICE, cheap_argon2id()).unwrap();
    assert_eq!(opens(&backup, decomposed), Ok(()));
    assert_eq!(opens(&backup, &decomposed.replace(' ', "\u{3000}")), Ok(()));
    // Compatibility characters are others.
    assert_eq!(opens(&backup, &decomposed.replace('r', "\u{ff52}")), Err(Code::WrongPassword));
    assert_eq!(opens(&backup, "Zurich \u{d55c}"), Err(Code::WrongPassword));
}

#[test]
fn b4_what_a_password_may_not_be() {
    let control = (0..=0x1f).chain(0x7f..=0x9f).map(|code| char::from_u32(code).unwrap());
    for control in control {
        for password in [format!("{control}"), format!("a{control}"), format!("{control}b"), format!("a{control}b")] {
            assert_eq!(code(Password::new(&password)), Code::PasswordFormat, "{password:?}");
        }
    }
    let euro = "\u{20ac}";
    for (password, fits) in [
        (String::new(), false),
        ("x".repeat(1024), true),
        ("x".repeat(1025), false),
        (format!("{}{euro}", "x".repeat(1021)), true),
        (format!("{}{euro}", "x".repeat(1022)), false),
        // Measured after NFC and the spaces: 1,536 and 3,072 bytes typed.
        ("e\u{301}".repeat(512), true),
        ("\u{3000}".repeat(1024), true),
        // The most that NFC takes away: 7 bytes become 2.
        ("\u{1fbe}\u{308}\u{301}".repeat(512), true),
        ("\u{3000}".repeat(1025), false),
        // And longer by NFC: 1,023 bytes typed.
        ("\u{fb2c}".repeat(170), true),
        ("\u{fb2c}".repeat(171), false),
        ("x".repeat(1 << 20), false),
    ] {
        let prepared = Password::new(&password);
        assert_eq!(prepared.is_ok(), fits, "{} bytes", password.len());
        assert!(fits || code(prepared) == Code::PasswordFormat);
    }
}

/// The application's part of what a password gives says nothing of the backup's.
#[test]
fn b4_login_secret_is_another() {
    let mut rng = seeded("b4 login");
    let pair = Pair::hybrid(&mut rng);
    let derivation = Derivation::new(cheap_argon2id(), &[3; 32]).unwrap();
    let login = derivation.derive(&Password::new(PASSWORD).unwrap()).unwrap().login_secret();
    let other = derivation.derive(&Password::new("another").unwrap()).unwrap().login_secret();
    assert_ne!(login, other);
    let draft = Draft {
        kdf: Array(vec![Uint(1), Uint(19_456), Uint(2), cbor::bytes([3; 32])]),
        ..Draft::new(&mut rng, &pair, PASSWORD, ALICE)
    };
    let sealed = draft.seal(&mut rng);
    let owner = Owner::stand_alone(ALICE).unwrap();
    let bound = [cbor::text("wardkey/v1/backup/root"), cbor::text(""), cbor::text(ALICE), draft.kdf.clone()];
    let bound = Array(bound.to_vec()).encode();
    assert_eq!(code(wardkey::cobblestone::open(&login, &bound, sealed.bytes(5))), Code::DecryptionFailed);
    let envelope = Envelope::parse(&sealed.encode()).unwrap();
    envelope.check_owner(&owner).unwrap();
    assert!(envelope.open(&Password::new(PASSWORD).unwrap()).is_ok());
}
