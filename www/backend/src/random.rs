//! Ids, tokens and codes.

use wardkey::encoding::{base64url, from_base64url};

use crate::refused::{Outcome, Refused};

/// Without what looks like something else: 32 characters, 5 bits each.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

pub(crate) fn bytes<const N: usize>() -> Outcome<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Refused::failed(&"no randomness"))?;
    Ok(bytes)
}

/// 16 random bytes, base64url.
pub(crate) fn id() -> Outcome<String> {
    Ok(base64url(&bytes::<16>()?))
}

/// An id that a client made has the same form.
pub(crate) fn check_id(id: &str) -> Outcome<()> {
    match from_base64url(id) {
        Ok(bytes) if bytes.len() == 16 => Ok(()),
        _ => Err(Refused::invalid("an id is base64url of 16 bytes")),
    }
}

/// What somebody types who was invited: 80 bits in groups of four.
pub(crate) fn invitation() -> Outcome<String> {
    let drawn = bytes::<16>()?;
    let letters: Vec<char> =
        drawn.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32))).map(|letter| char::from(*letter)).collect();
    Ok(letters.chunks(4).map(|group| group.iter().collect()).collect::<Vec<String>>().join("-"))
}
