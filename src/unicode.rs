//! NFC (Unicode Standard Annex #15): the one thing that the core asks of its platform, because a browser has the tables already.
//! Code points that a platform's Unicode version doesn't know yet stay as they are; of those that it knows, NFC never changes.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn nfc(text: &str) -> String {
    // NFC makes at most three bytes of one: room, so that a password leaves no copy behind.
    let mut normal = String::with_capacity(3 * text.len());
    match icu_normalizer::ComposingNormalizerBorrowed::new_nfc().normalize_to(text, &mut normal) {
        Ok(()) => normal,
        Err(core::fmt::Error) => unreachable!("a String takes everything"),
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn nfc(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFC").into()
}

/// General category Zs.
pub(crate) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}
