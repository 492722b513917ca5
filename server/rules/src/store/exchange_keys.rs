//! What a key server keeps of exchange keys.

use wardkey::delegation::Pair;

use super::{Kept, Logged};

/// The table of exchange keys, in the same transaction, with the same words. See [`super::Store`]. The sequence of one is its version, from 1 on.
pub trait ExchangeKeyStore {
    /// The newest version of each pair; 0: there is none.
    fn newest_versions(&mut self, pairs: &[Pair]) -> Kept<Vec<u64>>;
    /// One version.
    fn exchange_key(&mut self, pair: &Pair, version: u64) -> Kept<Option<Logged>>;
    /// Of each pair this version and all after it, in their order.
    fn exchange_keys(&mut self, from: &[(Pair, u64)]) -> Kept<Vec<Vec<Logged>>>;
    /// Keeps a version.
    fn add_exchange_key(&mut self, pair: &Pair, version: &Logged) -> Kept<()>;
}
