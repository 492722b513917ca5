//! `password.json`: SPEC section 7, after RFC 8265.

use wardkey::password::Password as Prepared;

use super::invalid;
use crate::common::{
    hex::hex,
    rng::Seeded,
    schema::{BadPassword, File, Password},
};

pub(super) fn file(_: &mut Seeded) -> File<Password, BadPassword> {
    let good = |name: &str, password: &str| Password {
        name: name.to_owned(),
        password: password.to_owned(),
        prepared: hex(Prepared::new(password).expect("a good password").expose()),
    };
    let bad =
        |(name, password): (&str, String)| invalid("password-format", BadPassword { name: name.to_owned(), password });
    let vectors = vec![
        good("ASCII", "correct horse battery staple"),
        good("one byte", "x"),
        good("a space", " "),
        good("spaces around", "  trimmed? no  "),
        good("composed", "Z\u{fc}rich \u{e9}"),
        good("decomposed", "Zu\u{308}rich e\u{301}"),
        good("two marks in the other order", "a\u{0323}\u{0302} a\u{0302}\u{0323}"),
        good("case is kept", "PassWord \u{130} \u{df} \u{1e9e}"),
        good("compatibility characters are kept", "\u{fb01} \u{ff21} \u{2460} \u{b2}"),
        good("singletons", "\u{212a} \u{2126} \u{212b}"),
        good("Hangul jamo", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
        good("composition exclusion", "\u{958} \u{fb2c}"),
        good(
            "all spaces",
            "\u{20}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{202f}\u{205f}\u{3000}",
        ),
        good("no spaces", "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{180e}"),
        good("line and paragraph separators are not Zs", "\u{2028}\u{2029}"),
        good("space and mark", "\u{a0}\u{308}"),
        good("emoji", "\u{1f9d1}\u{200d}\u{2695}\u{fe0f}"),
        good("unassigned and private use", "\u{378} \u{e000} \u{10ffff}"),
        good("73 bytes, as bcrypt wouldn't", &format!("{}y", "x".repeat(72))),
        good("1024 bytes", &"x".repeat(1024)),
        good("1024 bytes after NFC", &"e\u{301}".repeat(512)),
        good("1024 bytes after the spaces", &"\u{3000}".repeat(1024)),
    ];
    let bad_rows = [
        ("empty", String::new()),
        ("1025 bytes", "x".repeat(1025)),
        ("1025 bytes in NFC", format!("{}x", "\u{e9}".repeat(512))),
        ("1026 bytes, 1023 characters", format!("{}\u{20ac}", "x".repeat(1023))),
        ("NFC makes it longer", "\u{958}".repeat(342)),
        ("5,000 bytes", "x".repeat(5_000)),
        ("NUL", "pass\0word".to_owned()),
        ("tab", "pass\tword".to_owned()),
        ("line feed at the end", "password\n".to_owned()),
        ("carriage return", "\rpassword".to_owned()),
        ("escape", "\u{1b}".to_owned()),
        ("unit separator", "a\u{1f}b".to_owned()),
        ("delete", "a\u{7f}b".to_owned()),
        ("C1, first", "a\u{80}b".to_owned()),
        ("next line", "a\u{85}b".to_owned()),
        ("C1, last", "a\u{9f}b".to_owned()),
    ];
    File { vectors, invalid: bad_rows.into_iter().map(bad).collect() }
}
