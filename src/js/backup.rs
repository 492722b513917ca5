//! `sealBackup` and `openBackup`.

use std::rc::Rc;

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{
    convert::{check_keys, get, whole},
    error::JsResult,
    key_pair::CoreKeyPair,
    random::with_random,
    scrubbed,
};
use crate::{
    backup,
    error::{Code, Error, Result},
    password::Kdf,
};

const NO_KDF: Error = Error::new(Code::InvalidArgument, "not a kdf: see the type Kdf");
const DEFAULT_MEMORY_KIB: u32 = 65_536;
const DEFAULT_PASSES: u32 = 3;

/// `Kdf` of the package.
fn kdf(options: &JsValue) -> Result<Kdf> {
    check_keys(options, &["name", "memoryKiB", "passes", "iterations"]).ok_or(NO_KDF)?;
    let number = |name: &str| match get(options, name) {
        value if value.is_undefined() => Ok(None),
        // What is too large for the type is too large for the bounds.
        value => Ok(Some(u32::try_from(whole(value.as_f64().ok_or(NO_KDF)?)?).unwrap_or(u32::MAX))),
    };
    let name = get(options, "name").as_string();
    match (name.as_deref(), number("memoryKiB")?, number("passes")?, number("iterations")?) {
        (Some("argon2id"), memory_kib, passes, None) => {
            Kdf::argon2id(memory_kib.unwrap_or(DEFAULT_MEMORY_KIB), passes.unwrap_or(DEFAULT_PASSES))
        }
        (Some("pbkdf2-sha256"), None, None, Some(iterations)) => Kdf::pbkdf2(iterations),
        (Some("pbkdf2-sha256"), None, None, None) => Ok(Kdf::default_pbkdf2()),
        _ => Err(NO_KDF),
    }
}

/// A key pair under a password. `options`: an object of the type `Kdf`, or undefined.
#[wasm_bindgen(js_name = sealBackup)]
pub fn seal_backup(pair: &CoreKeyPair, password: &str, user_id: &str, options: JsValue) -> JsResult<Vec<u8>> {
    let kdf = if options.is_undefined() { Kdf::default() } else { kdf(&options)? };
    scrubbed(|| Ok(with_random(|rng| backup::seal_backup(&pair.0, rng, password, user_id, kdf))?))
}

/// The key pair of a backup.
#[wasm_bindgen(js_name = openBackup)]
pub fn open_backup(bytes: &[u8], password: &str, user_id: &str) -> JsResult<CoreKeyPair> {
    scrubbed(|| Ok(CoreKeyPair(Rc::new(backup::open_backup(bytes, password, user_id)?))))
}
