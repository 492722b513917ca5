//! Errors as JavaScript sees them: an `Error` with `code`, which the facade turns into a `WardkeyError`.

use js_sys::{Error as JsError, Reflect};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::error::{Code, Error};

impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        with_message(error, error.message())
    }
}

/// The same error, of this among the caller's arguments.
pub(super) fn about(error: Error, name: &str) -> JsValue {
    with_message(error, &error.about(name))
}

fn with_message(error: Error, message: &str) -> JsValue {
    let value = JsError::new(message);
    // Cannot fail on an object that was just made.
    Reflect::set(&value, &"code".into(), &error.code().as_str().into()).ok();
    value.into()
}

/// The result of an exported function.
pub(super) type JsResult<T> = Result<T, JsValue>;

/// Every code of the core, for the test that compares them with the contract's.
#[wasm_bindgen(js_name = errorCodes)]
#[must_use]
pub fn error_codes() -> Vec<String> {
    Code::ALL.iter().map(|code| code.as_str().to_owned()).collect()
}
