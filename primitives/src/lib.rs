//! The hot instances of Wardkey's primitives. A generic algorithm is compiled where it is made concrete; these are made concrete here, in a crate that the
//! release profile compiles for speed, while the rest of the module is compiled for size. Nothing here decides or derives: see `src/crypto/`. What passes over every byte of
//! an entity is here, too.

pub mod aes256_gcm;
pub mod base64url;
pub mod hmac_sha512;
pub mod json;
pub mod xwing_hpke;
