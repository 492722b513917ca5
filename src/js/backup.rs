//! `sealBackup` and `openBackup`.

use std::rc::Rc;

use serde::Deserialize;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{convert::whole, error::JsResult, key_pair::CoreKeyPair, random::with_random};
use crate::{
    backup,
    error::{Code, Error, Result},
    password::Kdf,
};

const NO_KDF: Error = Error::new(Code::InvalidArgument, "not a kdf: see the type Kdf");
const DEFAULT_MEMORY_KIB: f64 = 65_536.0;
const DEFAULT_PASSES: f64 = 3.0;

/// `Kdf` of the package.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct KdfOptions {
    name: String,
    #[serde(rename = "memoryKiB")]
    memory_kib: Option<f64>,
    passes: Option<f64>,
    iterations: Option<f64>,
}

impl KdfOptions {
    fn kdf(&self) -> Result<Kdf> {
        // What is too large for the type is too large for the bounds.
        let number = |number: f64| Ok(u32::try_from(whole(number)?).unwrap_or(u32::MAX));
        match (self.name.as_str(), self.memory_kib, self.passes, self.iterations) {
            ("argon2id", memory_kib, passes, None) => {
                let memory_kib = number(memory_kib.unwrap_or(DEFAULT_MEMORY_KIB))?;
                Kdf::argon2id(memory_kib, number(passes.unwrap_or(DEFAULT_PASSES))?)
            }
            ("pbkdf2-sha256", None, None, Some(iterations)) => Kdf::pbkdf2(number(iterations)?),
            ("pbkdf2-sha256", None, None, None) => Ok(Kdf::default_pbkdf2()),
            _ => Err(NO_KDF),
        }
    }
}

/// A key pair under a password. `kdf`: an object of the type `Kdf`, or undefined.
#[wasm_bindgen(js_name = sealBackup)]
pub fn seal_backup(pair: &CoreKeyPair, password: &str, user_id: &str, kdf: JsValue) -> JsResult<Vec<u8>> {
    let kdf = if kdf.is_undefined() {
        Kdf::default()
    } else {
        serde_wasm_bindgen::from_value::<KdfOptions>(kdf).map_err(|_| NO_KDF)?.kdf()?
    };
    Ok(with_random(|rng| backup::seal_backup(&pair.0, rng, password, user_id, kdf))?)
}

/// The key pair of a backup.
#[wasm_bindgen(js_name = openBackup)]
pub fn open_backup(bytes: &[u8], password: &str, user_id: &str) -> JsResult<CoreKeyPair> {
    Ok(CoreKeyPair(Rc::new(backup::open_backup(bytes, password, user_id)?)))
}
