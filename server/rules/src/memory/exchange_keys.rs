//! Exchange keys in memory.

use wardkey::delegation::Pair;

use super::{MemoryStore, add, log_row, logged, tables::LogRow};
use crate::store::{ExchangeKeyStore, Kept, Logged};

impl ExchangeKeyStore for MemoryStore {
    fn newest_versions(&mut self, pairs: &[Pair]) -> Kept<Vec<u64>> {
        let newest = |pair: &Pair| {
            let versions = self.tables.exchange_keys.get(pair.as_str());
            versions.and_then(|versions| versions.last_key_value()).map_or(0, |(version, _)| *version)
        };
        Ok(pairs.iter().map(newest).collect())
    }

    fn exchange_key(&mut self, pair: &Pair, version: u64) -> Kept<Option<Logged>> {
        let row = self.tables.exchange_keys.get(pair.as_str()).and_then(|versions| versions.get(&version));
        row.map(|row| logged(version, row)).transpose()
    }

    fn exchange_keys(&mut self, from: &[(Pair, u64)]) -> Kept<Vec<Vec<Logged>>> {
        let versions = |(pair, from): &(Pair, u64)| {
            let rows = self.tables.exchange_keys.get(pair.as_str()).into_iter().flat_map(|rows| rows.range(from..));
            rows.map(|(version, row): (&u64, &LogRow)| logged(*version, row)).collect()
        };
        from.iter().map(versions).collect()
    }

    fn add_exchange_key(&mut self, pair: &Pair, version: &Logged) -> Kept<()> {
        let (number, row) = (version.sequence, log_row(version));
        self.on(
            |tables| &mut tables.exchange_keys,
            pair.to_string(),
            |versions| add(versions, number, row),
            move |versions, ()| {
                versions.remove(&number);
            },
        )
    }
}
