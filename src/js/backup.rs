//! `sealBackup` and `openBackup`, in two steps each: the slow derivation stands between.

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
    backup::{self, Envelope, Sealing},
    error::{Code, Error, Result},
    password::{Derivation, Kdf, Password, SlowKey},
    secret::Secret,
};

const ENDED: Error = Error::new(&(Code::InvalidArgument, "the backup is finished"));
const NO_KDF: Error = Error::new(&(Code::InvalidArgument, "not a kdf: see the type Kdf"));
const DEFAULT_MEMORY_KIB: u32 = 65_536;
const DEFAULT_PASSES: u32 = 3;

/// `Kdf` of the package.
pub(super) fn kdf(options: &JsValue) -> Result<Kdf> {
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

/// The slow step, which may run elsewhere: in WebCrypto, in a worker.
struct Slow {
    derivation: Derivation,
    password: Password,
}

macro_rules! slow_step {
    ($class:ident) => {
        #[wasm_bindgen]
        impl $class {
            /// The parameters and the salt, for `deriveSlow`.
            pub fn derivation(&self) -> Vec<u8> {
                self.slow.derivation.to_bytes()
            }

            /// The salt alone.
            pub fn salt(&self) -> Vec<u8> {
                self.slow.derivation.salt().to_vec()
            }

            /// Where it is PBKDF2.
            pub fn iterations(&self) -> Option<u32> {
                self.slow.derivation.pbkdf2_iterations()
            }

            /// The prepared password.
            pub fn password(&self) -> Vec<u8> {
                self.slow.password.expose().to_vec()
            }
        }

        impl core::fmt::Debug for $class {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($class), "(redacted)"))
            }
        }
    };
}

/// A backup that is being made.
#[wasm_bindgen]
pub struct CoreSealing {
    sealing: Option<Sealing>,
    slow: Slow,
}

slow_step!(CoreSealing);

#[wasm_bindgen]
impl CoreSealing {
    /// A key pair under a password. `options`: an object of the type `Kdf`, or undefined.
    #[wasm_bindgen(constructor)]
    pub fn new(pair: &CoreKeyPair, password: &str, user_id: &str, options: JsValue) -> JsResult<CoreSealing> {
        let kdf = if options.is_undefined() { Kdf::default() } else { kdf(&options)? };
        scrubbed(|| {
            let begun = with_random(|rng| backup::begin_sealing(&pair.0, rng, password, user_id, kdf));
            let (sealing, password) = begun?;
            let slow = Slow { derivation: sealing.derivation().clone(), password };
            Ok(Self { sealing: Some(sealing), slow })
        })
    }

    /// The backup.
    pub fn finish(&mut self, derived: &[u8]) -> JsResult<Vec<u8>> {
        let sealing = self.sealing.take().ok_or(ENDED)?;
        scrubbed(|| Ok(with_random(|rng| sealing.finish(rng, &slow_key(derived)?))?.encode()))
    }
}

/// A backup that is being opened.
#[wasm_bindgen]
pub struct CoreOpening {
    envelope: Envelope,
    slow: Slow,
}

slow_step!(CoreOpening);

#[wasm_bindgen]
impl CoreOpening {
    /// Refuses whatever needs no derivation to be refused.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &[u8], password: &str, user_id: &str) -> JsResult<CoreOpening> {
        scrubbed(|| {
            let (envelope, password) = backup::begin_opening(bytes, password, user_id)?;
            let slow = Slow { derivation: envelope.derivation().clone(), password };
            Ok(Self { envelope, slow })
        })
    }

    /// The key pair of the backup.
    pub fn finish(&self, derived: &[u8]) -> JsResult<CoreKeyPair> {
        scrubbed(|| {
            let pair = backup::finish_opening(&self.envelope, &slow_key(derived)?)?;
            Ok(CoreKeyPair(Rc::new(pair)))
        })
    }
}

fn slow_key(derived: &[u8]) -> Result<SlowKey> {
    const LENGTH: Error = Error::new(&(Code::InvalidArgument, "a derived key has 32 bytes"));
    Secret::from_slice(derived).map(|derived| SlowKey::new(&derived)).ok_or(LENGTH)
}
