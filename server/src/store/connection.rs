//! A database, within one transaction.

use wardkey_rules::{Kept, StoreError};

use super::{ends::Ends, row::Row};

/// What stands in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// `BIGINT`
    Int(i64),
    /// `TEXT`
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// What is asked for, one of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Each {
    /// Mostly an id.
    pub a: Vec<u8>,
    /// What else.
    pub b: Vec<u8>,
    /// From which sequence on.
    pub n: i64,
    /// A name.
    pub t: String,
}

/// One transaction of a database. Statements are plain SQL with the parameters `?1`, `?2`, …; each is prepared once.
pub trait Connection {
    /// Runs a statement; gives how many rows it has changed.
    ///
    /// # Errors
    /// What the database says, among it that a row stands there already.
    fn run(&mut self, sql: &str, values: &[Value]) -> Kept<u64>;

    /// The journals' ends that aren't in their table yet; none: all are.
    ///
    /// # Errors
    /// If this isn't the connection that knows them.
    fn ends(&mut self) -> Kept<Option<&mut Ends>> {
        Ok(None)
    }

    /// Inserts rows: `INSERT INTO … VALUES`, the row's places, and what comes after.
    ///
    /// # Errors
    /// What the database says.
    fn insert(&mut self, into: &str, then: &str, rows: &[Vec<Value>]) -> Kept<()> {
        let mut rows = rows.iter().peekable();
        let sql = rows.peek().map(|row| insertion(into, then, 1, row.len())).unwrap_or_default();
        rows.try_for_each(|row| self.run(&sql, row).map(drop))
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// What the database says.
    fn rows(&mut self, sql: &str, values: &[Value]) -> Kept<Vec<Row>>;

    /// The rows of a query for each of these, in any order. It begins `SELECT asked.place, … FROM ASKED JOIN <table> ON …`, or `… JOIN LATERAL (SELECT …) AS <table> ON TRUE`, where `asked` has the columns `a`, `b`, `n`,
    /// `t` and `place`, which counts from 1. SQLite is asked for one after the other, which costs nothing there; who is asked over a network, for all at once.
    ///
    /// # Errors
    /// What the database says.
    fn many(&mut self, sql: &str, asked: &[Each]) -> Kept<Vec<Row>>;

    /// The rows of a query without parameters, of which there may be more than one has in memory.
    ///
    /// # Errors
    /// What the database says; what `read` says, after which no more is read.
    fn each(&mut self, sql: &str, read: &mut dyn FnMut(Row) -> Kept<()>) -> Kept<()>;

    /// The columns of a table, sorted.
    ///
    /// # Errors
    /// What the database says.
    fn columns(&mut self, table: &str) -> Kept<Vec<String>>;

    /// Statements without parameters, of which the database takes several at once.
    ///
    /// # Errors
    /// What the database says.
    fn batch(&mut self, sql: &str) -> Kept<()>;

    /// What was deleted in this transaction is to be nowhere on the disk once that is kept and nobody reads it any more, as far as this is the database's to say.
    fn wipe(&mut self) {}

    /// Statements that make tables, with this database's words for `BYTES` and `SMALL`.
    fn in_its_words(&self, sql: &str) -> String;

    /// Is there such a table?
    ///
    /// # Errors
    /// What the database says.
    fn has_table(&mut self, name: &str) -> Kept<bool>;
}

/// A statement that inserts so many rows of so many columns.
pub(crate) fn insertion(into: &str, then: &str, rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places: Vec<_> = (1..=columns).map(|column| format!("?{}", row * columns + column)).collect();
        ["(", &places.join(", "), ")"].concat()
    };
    let rows: Vec<_> = (0..rows).map(row).collect();
    [into, " VALUES ", &rows.join(", "), " ", then].concat()
}

/// A number of the rules', as a database counts.
pub(crate) fn int(number: u64) -> Kept<Value> {
    i64::try_from(number).map(Value::Int).map_err(|_| StoreError("a number beyond what a database counts".to_owned()))
}

pub(crate) fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

pub(crate) fn bytes(bytes: impl AsRef<[u8]>) -> Value {
    Value::Bytes(bytes.as_ref().to_vec())
}

pub(crate) fn or_null(value: Option<Value>) -> Value {
    value.unwrap_or(Value::Null)
}

pub(crate) fn flag(is_so: bool) -> Value {
    Value::Int(i64::from(is_so))
}
