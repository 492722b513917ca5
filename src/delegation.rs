//! Delegations: entities that are encrypted member by member, linked by sealed ids, and shared by a few short values. SPEC section 18.
//!
//! An [`entity`] is JSON, as the application stores it. What is sealed for a party is sealed under the exchange key of an ordered pair of parties, which is a
//! [`Chain`] of signed versions. Who reads has a [`Ring`] of those that he opened.

mod chain;
mod content;
pub mod entity;
mod exchange_key;
mod form;
mod json;
mod kept;
mod making;
mod manifest;
mod members;
mod names;
mod opening;
mod ring;
mod value;

pub(crate) use self::manifest::NO_MATCH;
pub use self::{
    chain::Chain,
    exchange_key::{Claim, join, split},
    kept::Kept,
    making::{Made, Making},
    manifest::Manifest,
    names::Pair,
    opening::{ExchangeKeys, Sealed, is_lasting},
    ring::Ring,
};
