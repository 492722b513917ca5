//! The rules' table of exchange keys, as SQL.

use wardkey::delegation::Pair;
use wardkey_rules::{ExchangeKeyStore, Kept, Logged};

use super::{
    connection::{Each, bytes, int, or_null, text},
    tables::{Tables, logged, name},
};

fn of(pair: &Pair, from: u64) -> Each {
    Each { t: pair.to_string(), n: i64::try_from(from).unwrap_or(i64::MAX), ..Each::default() }
}

impl ExchangeKeyStore for Tables<'_> {
    fn newest_versions(&mut self, pairs: &[Pair]) -> Kept<Vec<u64>> {
        let sql = "SELECT asked.place, newest.version FROM ASKED JOIN exchange_key AS newest ON newest.pair = asked.t AND newest.version = (SELECT MAX(one.version) FROM exchange_key AS one WHERE one.pair = asked.t)";
        let asked: Vec<_> = pairs.iter().map(|pair| of(pair, 0)).collect();
        let found = self.for_each(sql, &asked, |mut row| row.int())?;
        Ok(found.into_iter().map(|newest| newest.into_iter().next().unwrap_or_default()).collect())
    }

    fn exchange_key(&mut self, pair: &Pair, version: u64) -> Kept<Option<Logged>> {
        let sql = "SELECT version, signer, object FROM exchange_key WHERE pair = ?1 AND version = ?2";
        self.one(sql, &[text(pair.as_str()), int(version)?], logged)
    }

    fn exchange_keys(&mut self, from: &[(Pair, u64)]) -> Kept<Vec<Vec<Logged>>> {
        let sql = "SELECT asked.place, one.version, one.signer, one.object FROM ASKED JOIN exchange_key AS one ON one.pair = asked.t AND one.version >= asked.n";
        let asked: Vec<_> = from.iter().map(|(pair, from)| of(pair, *from)).collect();
        let mut found = self.for_each(sql, &asked, logged)?;
        for versions in &mut found {
            versions.sort_unstable_by_key(|version| version.sequence);
        }
        Ok(found)
    }

    fn add_exchange_key(&mut self, pair: &Pair, version: &Logged) -> Kept<()> {
        self.run(
            "INSERT INTO exchange_key (pair, version, signer, object) VALUES (?1, ?2, ?3, ?4)",
            &[
                text(pair.as_str()),
                int(version.sequence)?,
                or_null(version.signer.as_ref().map(name)),
                bytes(&version.object),
            ],
        )
    }
}
