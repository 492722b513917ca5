//! SPEC section 7: NFC of Unicode 18.0. Passwords and user ids as the tables of that version have them, for every character there is.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic)]

use unicode_normalization::{UNICODE_VERSION, UnicodeNormalization, is_nfc};
use wardkey::{identity::UserId, password::Password};

/// Every character that may stand in a password.
fn characters() -> impl Iterator<Item = char> {
    ('\0'..=char::MAX).filter(|c| !c.is_control())
}

/// Zs of Unicode 18.0.
const SPACES: &str = " \u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{202f}\u{205f}\u{3000}";

fn prepared(typed: &str) -> String {
    String::from_utf8(Password::new(typed).unwrap().expose().to_vec()).unwrap()
}

#[test]
fn nfc_of_unicode_18() {
    assert_eq!(UNICODE_VERSION, (18, 0, 0));
    let mut wrong = Vec::new();
    for c in characters().filter(|c| !SPACES.contains(*c)) {
        let composed: String = std::iter::once(c).nfc().collect();
        let decomposed: String = std::iter::once(c).nfd().collect();
        // Alone, taken apart, and between marks that are put in order around it.
        let between: String = ['a', '\u{301}', c, '\u{323}'].into_iter().collect();
        let right = prepared(&c.to_string()) == composed
            && prepared(&decomposed) == composed
            && prepared(&between) == between.nfc().collect::<String>();
        if !right {
            wrong.push(format!("U+{:04X}", u32::from(c)));
        }
    }
    assert!(wrong.is_empty(), "{} characters, e.g. {:?}", wrong.len(), &wrong[..wrong.len().min(12)]);
}

#[test]
fn spaces_of_unicode_18() {
    for c in characters() {
        assert_eq!(prepared(&format!("a{c}b")) == "a b", SPACES.contains(c), "U+{:04X}", u32::from(c));
    }
}

#[test]
fn user_ids_in_nfc_of_unicode_18() {
    let mut wrong = Vec::new();
    for c in characters().filter(|c| *c != '→') {
        let name = format!("a{c}");
        if UserId::new(&name).is_ok() != is_nfc(&name) {
            wrong.push(format!("U+{:04X}", u32::from(c)));
        }
    }
    assert!(wrong.is_empty(), "{} characters, e.g. {:?}", wrong.len(), &wrong[..wrong.len().min(12)]);
}
