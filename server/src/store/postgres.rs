//! PostgreSQL, and what speaks its protocol and SQL: serializable transactions, which the database may refuse for another's sake.

use core::{error::Error, fmt};
use std::collections::HashMap;

use postgres::{
    Client, Statement,
    error::SqlState,
    fallible_iterator::FallibleIterator as _,
    types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};
use wardkey_rules::{Kept, StoreError};

use super::{
    connection::{Connection, Each, Value, insertion},
    row::Row,
    tls::Address,
};

/// What the database makes of each statement, at most, and of a transaction in which nothing is asked: who hangs holds nobody up.
const LIMITS: &str = "SET statement_timeout = '15s'; SET idle_in_transaction_session_timeout = '30s'";

/// One connection to a database that others share.
pub(crate) struct Postgres {
    client: Client,
    prepared: HashMap<String, Statement>,
    trouble: Option<Trouble>,
}

/// Why a transaction ended, other than by its own fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// For another transaction's sake: it may be run again.
    Refused,
    /// The connection is lost.
    Lost,
}

/// How one went.
#[derive(Debug)]
pub(crate) enum Went {
    /// It has ended, and won't be run again.
    Ended(Kept<()>),
    /// Nothing was kept: it may be run again.
    Refused(StoreError),
    /// Nothing was kept, over another connection it may be run again.
    Lost(StoreError),
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres(..)")
    }
}

/// The whole of it, without what it was asked: SQL and values aren't in it.
fn said(error: &postgres::Error) -> StoreError {
    StoreError(match error.as_db_error() {
        Some(said) => format!("PostgreSQL: {} {}", said.code().code(), said.message()),
        None => match error.source() {
            Some(cause) => format!("PostgreSQL: {error}: {cause}"),
            None => format!("PostgreSQL: {error}"),
        },
    })
}

impl Postgres {
    pub(crate) fn connect(address: &Address) -> Kept<Self> {
        let client = address.config.connect(address.tls.clone()).map_err(|error| said(&error))?;
        let mut store = Self { client, prepared: HashMap::new(), trouble: None };
        store.batch(LIMITS)?;
        Ok(store)
    }

    /// One transaction, which `work` asks to be kept or not.
    pub(crate) fn transaction(&mut self, only_reads: bool, work: impl FnOnce(&mut Self) -> Kept<bool>) -> Went {
        self.trouble = None;
        let begin = if only_reads {
            "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"
        } else {
            "BEGIN ISOLATION LEVEL SERIALIZABLE"
        };
        let done = self.batch(begin).and_then(|()| work(self));
        if self.trouble.is_none() && matches!(done, Ok(true)) {
            let Err(error) = self.batch("COMMIT") else { return Went::Ended(Ok(())) };
            if self.trouble == Some(Trouble::Refused) {
                return Went::Refused(error);
            }
            // Nobody knows.
            self.client.batch_execute("ROLLBACK").ok();
            return Went::Ended(Err(error));
        }
        let rolled_back = self.batch("ROLLBACK");
        let error = || done.as_ref().err().cloned().unwrap_or_else(|| StoreError("PostgreSQL: refused".to_owned()));
        match self.trouble {
            Some(Trouble::Refused) if rolled_back.is_ok() => Went::Refused(error()),
            Some(_) => Went::Lost(error()),
            None => Went::Ended(done.map(drop)),
        }
    }

    /// Is the connection lost?
    pub(crate) fn is_lost(&self) -> bool {
        self.trouble == Some(Trouble::Lost) || self.client.is_closed()
    }

    pub(crate) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    fn said(&mut self, error: &postgres::Error) -> StoreError {
        // The last one: the locks of all transactions are more than the database has room for.
        let for_others =
            [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::OUT_OF_MEMORY];
        let refused = error.code().is_some_and(|code| for_others.contains(code));
        // The database stops, was stopped, or says that it is only half there.
        let lost = error.is_closed()
            || self.client.is_closed()
            || error.code().is_none_or(|code| code.code().starts_with("57P") || code.code().starts_with("08"));
        if refused {
            self.trouble = Some(Trouble::Refused);
        } else if lost {
            self.trouble = Some(Trouble::Lost);
        }
        said(error)
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement, postgres::Error> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&sql.replace('?', "$"))?;
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn column(row: &postgres::Row, place: usize, kind: &Type) -> Result<Value, postgres::Error> {
    Ok(match *kind {
        Type::INT8 => row.try_get::<_, Option<i64>>(place)?.map_or(Value::Null, Value::Int),
        Type::INT4 => row.try_get::<_, Option<i32>>(place)?.map_or(Value::Null, |number| Value::Int(number.into())),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(place)?.map_or(Value::Null, Value::Bytes),
        _ => row.try_get::<_, Option<String>>(place)?.map_or(Value::Null, Value::Text),
    })
}

fn read(row: &postgres::Row) -> Result<Row, postgres::Error> {
    let columns = row.columns().iter().enumerate();
    Ok(Row::new(columns.map(|(place, of)| column(row, place, of.type_())).collect::<Result<_, _>>()?))
}

impl Connection for Postgres {
    fn run(&mut self, sql: &str, values: &[Value]) -> Kept<u64> {
        let changed = self.prepared(sql).and_then(|statement| self.client.execute(&statement, &parameters(values)));
        changed.map_err(|error| self.said(&error))
    }

    fn insert(&mut self, into: &str, then: &str, mut rows: &[Vec<Value>]) -> Kept<()> {
        // So few kinds of statements, and few of them for many rows.
        while let Some(first) = rows.first() {
            let at_once = [256, 32, 4, 1].into_iter().find(|size| *size <= rows.len()).unwrap_or(1);
            let (some, rest) = rows.split_at(at_once);
            let sql = insertion(into, then, at_once, first.len());
            self.run(&sql, &some.concat())?;
            rows = rest;
        }
        Ok(())
    }

    fn rows(&mut self, sql: &str, values: &[Value]) -> Kept<Vec<Row>> {
        let rows = self.prepared(sql).and_then(|statement| self.client.query(&statement, &parameters(values)));
        rows.and_then(|rows| rows.iter().map(read).collect()).map_err(|error| self.said(&error))
    }

    fn many(&mut self, sql: &str, asked: &[Each]) -> Kept<Vec<Row>> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let table = "unnest(CAST(?1 AS BYTEA[]), CAST(?2 AS BYTEA[]), CAST(?3 AS BIGINT[]), CAST(?4 AS TEXT[])) WITH ORDINALITY AS asked(a, b, n, t, place)";
        let a: Vec<_> = asked.iter().map(|each| each.a.as_slice()).collect();
        let b: Vec<_> = asked.iter().map(|each| each.b.as_slice()).collect();
        let n: Vec<_> = asked.iter().map(|each| each.n).collect();
        let t: Vec<_> = asked.iter().map(|each| each.t.as_str()).collect();
        let statement = self.prepared(&sql.replacen("ASKED", table, 1));
        let rows = statement.and_then(|statement| self.client.query(&statement, &[&a, &b, &n, &t]));
        rows.and_then(|rows| rows.iter().map(read).collect()).map_err(|error| self.said(&error))
    }

    fn each(&mut self, sql: &str, take: &mut dyn FnMut(Row) -> Kept<()>) -> Kept<()> {
        let none: [&(dyn ToSql + Sync); 0] = [];
        let mut rows = self.client.query_raw(sql, none).map_err(|error| said(&error))?;
        while let Some(row) = rows.next().map_err(|error| said(&error))? {
            take(read(&row).map_err(|error| said(&error))?)?;
        }
        Ok(())
    }

    fn columns(&mut self, table: &str) -> Kept<Vec<String>> {
        // Its own type of names isn't text.
        let sql = "SELECT CAST(column_name AS TEXT) FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ?1";
        let rows = self.rows(sql, &[Value::Text(table.to_owned())])?;
        let mut names: Vec<_> = rows.into_iter().map(|mut row| row.text()).collect::<Kept<_>>()?;
        names.sort_unstable();
        Ok(names)
    }

    fn batch(&mut self, sql: &str) -> Kept<()> {
        self.client.batch_execute(sql).map_err(|error| self.said(&error))
    }

    fn in_its_words(&self, sql: &str) -> String {
        sql.replace("BYTES", "BYTEA").replace(" SMALL", "").replace(" ROW ", " BIGINT ")
    }

    fn has_table(&mut self, name: &str) -> Kept<bool> {
        let sql =
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = ?1";
        let rows = self.rows(sql, &[Value::Text(name.to_owned())])?;
        Ok(rows.into_iter().next().map(|mut row| row.int()).transpose()? != Some(0))
    }
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
