//! What two people compare: SPEC section 10.6.

use core::fmt::Write;

use sha2::{Digest, Sha512};

use super::AppId;
use crate::{
    encoding::{Writer, encode},
    error::{Code, Error, Result},
    party::Party,
    signed::Hash,
};

const GROUPS: usize = 12;
const DIGITS: usize = 60;

/// The number of two users, the same for both.
#[must_use]
pub fn safety_number(app_id: &AppId, a: &Party, b: &Party) -> String {
    let (first, second) = if a <= b { (a, b) } else { (b, a) };
    number(&encode(|w| {
        w.array(3);
        w.text(app_id.as_str());
        first.write(w);
        second.write(w);
    }))
}

/// The number of a group.
#[must_use]
pub fn group_number(app_id: &AppId, group: &Hash) -> String {
    number(&encode(|w: &mut Writer| {
        w.array(2);
        w.text(app_id.as_str());
        Party::Group(*group).write(w);
    }))
}

fn number(of: &[u8]) -> String {
    let digest = Sha512::new().chain_update("wardkey/v1/safety-number").chain_update([0]).chain_update(of).finalize();
    let mut text = String::with_capacity(DIGITS + GROUPS);
    for part in digest.as_chunks::<5>().0.iter().take(GROUPS) {
        if !text.is_empty() {
            text.push(' ');
        }
        let value = part.iter().fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
        let _ = write!(text, "{:05}", value % 100_000);
    }
    text
}

/// Is what people compared this number, or this fingerprint?
///
/// # Errors
/// `invalid-argument` if it has the form of neither; `pin-mismatch`.
pub fn check_compared(compared: &str, number: &str, fingerprint: &Hash) -> Result<()> {
    let without = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
    let digits = without(compared);
    let same = if digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits == without(number)
    } else if let Some(hash) = Hash::parse(compared) {
        hash == *fingerprint
    } else {
        return Err(Error::new(&(Code::InvalidArgument, "neither a safety number nor a fingerprint")));
    };
    if same { Ok(()) } else { Err(Error::new(&(Code::PinMismatch, "another identity than the one that was compared"))) }
}
