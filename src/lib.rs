//! Wardkey: end-to-end encryption for web applications that handle medical data. This crate is the core: pure, synchronous where it computes, with the
//! random generator passed in. `docs/SPEC.md` says every byte. In WebAssembly, `js` is the face that the npm package is made of.
//!
//! ```
//! use wardkey::{backup, encoding::Context, key_pair::{KeyPair, Suite}, message::{self, Padding}, random, wrap, data_key::DataKey};
//!
//! # fn main() -> wardkey::error::Result<()> {
//! let mut rng = random::system();
//! let clinician = KeyPair::generate(&mut rng, Suite::Hybrid)?;
//!
//! // Encrypt a record, and wrap its key for who may read it.
//! let key = DataKey::generate(&mut rng)?;
//! let context = Context::new([("record", "4567")])?;
//! let sealed = message::seal(&key, &mut rng, b"fracture of the left wrist", &context, Padding::Padme)?;
//! let wrapped = wrap::wrap_key(&key, &mut rng, [clinician.public_key()], &context, false)?;
//!
//! // Elsewhere.
//! let key = wrap::unwrap_key(&wrapped, &mut rng, &clinician, &context)?;
//! assert_eq!(message::open(&key, &sealed, &context)?, b"fracture of the left wrist");
//! # Ok(())
//! # }
//! ```

// ---------------------------------------------------------------- foundations
pub mod encoding;
pub mod error;
pub mod random;
pub mod secret;

mod crypto;
#[cfg(feature = "probe")]
pub mod probe;
mod unicode;

// ---------------------------------------------------------------- the format
pub mod backup;
pub mod cobblestone;
pub mod data_key;
pub mod key_pair;
pub mod message;
pub mod password;
pub mod wrap;

pub use crypto::sign;

// ---------------------------------------------------------------- the protocol: signed objects and their rules
pub mod account;
pub mod delegation;
pub mod group;
pub mod identity;
pub mod journal;
pub mod party;
mod serving;
pub mod session;
pub mod signed;
mod stanzas;

// ---------------------------------------------------------------- what is kept on the device
pub mod cache;

// ---------------------------------------------------------------- the client: orchestration only
pub mod backend;
pub mod client;

// ---------------------------------------------------------------- the face of the npm package
#[cfg(all(target_arch = "wasm32", feature = "face"))]
mod js;
