//! Arguments from JavaScript.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

use crate::{
    encoding::Context,
    error::{Code, Error, Result},
    message::Padding,
};

/// `[key, value, key, value, …]`.
pub(super) fn context(entries: Option<Vec<String>>) -> Result<Context> {
    let entries = entries.unwrap_or_default();
    let (pairs, []) = entries.as_chunks::<2>() else {
        return Err(Error::new(&(Code::InvalidArgument, "a context has a value for each key")));
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
        Err(Error::new(&(Code::InvalidArgument, "not a whole number")))
    }
}

#[allow(clippy::cast_precision_loss, reason = "nobody counts to 2^53")]
pub(super) fn number(number: u64) -> JsValue {
    JsValue::from_f64(number as f64)
}

/// A member of an object; undefined where there is none, or where a getter throws.
pub(super) fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}

/// Nothing if it is an object without other members than these.
pub(super) fn check_keys(object: &JsValue, known: &[&str]) -> Option<()> {
    let object: &Object = wasm_bindgen::JsCast::dyn_ref(object)?;
    let is_known = |key: JsValue| key.as_string().is_some_and(|key| known.contains(&key.as_str()));
    Object::keys(object).iter().all(is_known).then_some(())
}
