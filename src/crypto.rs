//! Thin uses of the chosen crates. Nothing here decides; the modules above say what is derived from what.

pub(crate) mod aead;
pub(crate) mod der;
pub(crate) mod hybrid;
pub(crate) mod kdf;
mod primes;
pub(crate) mod rsa;
pub mod sign;
pub(crate) mod tree;
