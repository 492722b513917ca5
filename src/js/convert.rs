//! Arguments from JavaScript.

use crate::{
    encoding::Context,
    error::{Code, Error, Result},
    message::Padding,
};

/// `[key, value, key, value, …]`.
pub(super) fn context(entries: Option<Vec<String>>) -> Result<Context> {
    let entries = entries.unwrap_or_default();
    let (pairs, []) = entries.as_chunks::<2>() else {
        return Err(Error::new(Code::InvalidArgument, "a context has a value for each key"));
    };
    Context::new(pairs.iter().map(|[key, value]| (key.as_str(), value.as_str())))
}

pub(super) const fn padding(padded: bool) -> Padding {
    if padded { Padding::Padme } else { Padding::None }
}

/// A number of JavaScript that must be a whole one.
pub(super) fn whole(number: f64) -> Result<u64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: 0 to 2^53")]
    if number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number) {
        Ok(number as u64)
    } else {
        Err(Error::new(Code::InvalidArgument, "not a whole number"))
    }
}
