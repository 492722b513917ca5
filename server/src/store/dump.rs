//! Backups: one file for both databases, so that one made of SQLite is restored to PostgreSQL, and the other way.
//!
//! ```text
//! file  = "wardkey backup 1\n" ‖ version u32 ‖ table… ‖ 0 ‖ SHA-256 of all before
//! table = 1 ‖ name ‖ columns u32 ‖ name… ‖ row…
//! row   = 2 ‖ value of each column
//! value = 0 | 1 ‖ i64 | 2 ‖ text | 3 ‖ bytes        name, text, bytes: length u32 ‖ bytes
//! ```
//!
//! Numbers are big-endian; the version is that of the tables. It holds what the database does: the server's secrets are sealed in it, and nothing else is secret of it
//! that isn't in a database's file.

use std::io::{BufRead, BufReader, Read, Write};

use sha2::{Digest, Sha256};
use wardkey_rules::{Kept, StoreError};

use super::{
    connection::{Connection, Value},
    ends, schema,
};

const MAGIC: &[u8] = b"wardkey backup 1\n";
const END: u8 = 0;
const TABLE: u8 = 1;
const ROW: u8 = 2;
/// No value is longer: a body of a request isn't.
const LONGEST: u32 = 1 << 28;
/// Rows of one transaction.
const OF_ONE_COMMIT: usize = 2_000;

fn broken(what: &str) -> StoreError {
    StoreError(["not a whole backup: ", what].concat())
}

fn unwritten(error: &std::io::Error) -> StoreError {
    StoreError(format!("the backup: {error}"))
}

/// What is written is hashed.
struct Sealing<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Sealing<W> {
    fn put(&mut self, bytes: &[u8]) -> Kept<()> {
        self.hash.update(bytes);
        self.to.write_all(bytes).map_err(|error| unwritten(&error))
    }

    fn put_long(&mut self, bytes: &[u8]) -> Kept<()> {
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= LONGEST);
        self.put(&length.ok_or_else(|| StoreError("a value too long for a backup".to_owned()))?.to_be_bytes())?;
        self.put(bytes)
    }

    fn put_value(&mut self, value: &Value) -> Kept<()> {
        match value {
            Value::Null => self.put(&[0]),
            Value::Int(number) => {
                self.put(&[1])?;
                self.put(&number.to_be_bytes())
            }
            Value::Text(text) => {
                self.put(&[2])?;
                self.put_long(text.as_bytes())
            }
            Value::Bytes(bytes) => {
                self.put(&[3])?;
                self.put_long(bytes)
            }
        }
    }
}

/// Writes all that there is, as it is in one transaction.
pub(crate) fn write(store: &mut dyn Connection, to: impl Write) -> Kept<()> {
    let mut out = Sealing { to, hash: Sha256::new() };
    schema::check(store)?;
    out.put(MAGIC)?;
    let version = u32::try_from(schema::VERSION).map_err(|_| broken("its version"))?;
    out.put(&version.to_be_bytes())?;
    for table in schema::tables(version) {
        let columns = store.columns(table)?;
        out.put(&[TABLE])?;
        out.put_long(table.as_bytes())?;
        out.put(&u32::try_from(columns.len()).map_err(|_| broken("its columns"))?.to_be_bytes())?;
        for column in &columns {
            out.put_long(column.as_bytes())?;
        }
        store.each(&format!("SELECT {} FROM {table}", columns.join(", ")), &mut |row| {
            out.put(&[ROW])?;
            row.values().try_for_each(|value| out.put_value(&value))
        })?;
    }
    out.put(&[END])?;
    let sum = out.hash.clone().finalize();
    out.put(&sum)?;
    out.to.flush().map_err(|error| unwritten(&error))
}

/// What is read is hashed.
struct Opening<R> {
    from: R,
    hash: Sha256,
}

impl<R: Read> Opening<R> {
    fn take<const N: usize>(&mut self) -> Kept<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(|_| broken("it ends early"))?;
        self.hash.update(bytes);
        Ok(bytes)
    }

    fn take_number(&mut self) -> Kept<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn take_long(&mut self) -> Kept<Vec<u8>> {
        let length = self.take_number()?;
        if length > LONGEST {
            return Err(broken("a length"));
        }
        let mut bytes = Vec::new();
        let read = self.from.by_ref().take(length.into()).read_to_end(&mut bytes);
        if read.ok().and_then(|read| u32::try_from(read).ok()) != Some(length) {
            return Err(broken("it ends early"));
        }
        self.hash.update(&bytes);
        Ok(bytes)
    }

    fn take_text(&mut self) -> Kept<String> {
        String::from_utf8(self.take_long()?).map_err(|_| broken("a text"))
    }

    /// A name goes into a statement.
    fn take_name(&mut self) -> Kept<String> {
        let name = self.take_text()?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if is_name { Ok(name) } else { Err(broken("a name")) }
    }

    fn take_value(&mut self) -> Kept<Value> {
        match self.take()? {
            [0] => Ok(Value::Null),
            [1] => self.take().map(i64::from_be_bytes).map(Value::Int),
            [2] => self.take_text().map(Value::Text),
            [3] => self.take_long().map(Value::Bytes),
            [_] => Err(broken("a value")),
        }
    }
}

/// Rows of one table that wait to be inserted.
struct Table {
    /// `INSERT INTO …`
    insert: String,
    columns: usize,
    values: Vec<Value>,
}

impl Table {
    fn new(name: &str, columns: &[String]) -> Self {
        let insert = format!("INSERT INTO {name} ({})", columns.join(", "));
        Self { insert, columns: columns.len(), values: Vec::new() }
    }

    fn rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }

    fn insert(&mut self, store: &mut dyn Connection) -> Kept<()> {
        let values = core::mem::take(&mut self.values);
        let rows: Vec<_> = values.chunks(self.columns).map(<[Value]>::to_vec).collect();
        store.insert(&self.insert, "", &rows)
    }
}

/// What is done in one transaction.
pub(crate) type Within<'w> = &'w mut dyn FnMut(&mut dyn Connection) -> Kept<()>;

/// A backup that has begun like one.
pub(crate) struct Backup<R> {
    from: Opening<R>,
    version: u32,
}

/// Reads the begin of a backup.
pub(crate) fn open<R: Read>(from: R) -> Kept<Backup<R>> {
    let mut from = Opening { from, hash: Sha256::new() };
    if from.take::<17>()? != MAGIC {
        return Err(StoreError("not a backup of wardkey-server".to_owned()));
    }
    match from.take_number()? {
        0 => Err(broken("its version")),
        version if u64::from(version) > schema::VERSION => Err(schema::too_new(version.into())),
        version => Ok(Backup { from, version }),
    }
}

/// Is the sum at a backup's end that of all before it?
pub(crate) fn check(from: impl Read) -> Kept<()> {
    const SUM: usize = 32;
    let (mut from, mut hash) = (BufReader::with_capacity(1 << 20, from), Sha256::new());
    // What was read and may be the sum.
    let mut last = Vec::new();
    loop {
        let piece = from.fill_buf().map_err(|error| unwritten(&error))?;
        if piece.is_empty() {
            break;
        }
        last.extend_from_slice(piece);
        let read = piece.len();
        from.consume(read);
        let before = last.len().saturating_sub(SUM);
        hash.update(last.drain(..before).as_slice());
    }
    if last == hash.finalize().as_slice() { Ok(()) } else { Err(broken("its sum is another")) }
}

/// Reads the rest into a database without tables, each time in a transaction. Until it is whole, the database has no version.
pub(crate) fn read<R: Read>(backup: Backup<R>, commit: &mut dyn FnMut(Within<'_>) -> Kept<()>) -> Kept<()> {
    let Backup { mut from, version } = backup;
    commit(&mut |store| schema::make(store, version))?;
    let (mut table, mut left) = (None::<Table>, schema::tables(version));
    loop {
        match from.take()? {
            [ROW] => {
                let table = table.as_mut().ok_or_else(|| broken("a row without a table"))?;
                for _ in 0..table.columns {
                    table.values.push(from.take_value()?);
                }
                if table.rows() >= OF_ONE_COMMIT {
                    commit(&mut |store| table.insert(store))?;
                }
            }
            [tag @ (TABLE | END)] => {
                if let Some(mut table) = table.take() {
                    commit(&mut |store| table.insert(store))?;
                }
                if tag == END {
                    break;
                }
                let name = from.take_name()?;
                let place = left.iter().position(|left| *left == name).ok_or_else(|| broken("a table"))?;
                left.remove(place);
                let columns: Kept<Vec<_>> = (0..from.take_number()?.min(100)).map(|_| from.take_name()).collect();
                let columns = columns?;
                if columns.is_empty() {
                    return Err(broken("a table"));
                }
                table = Some(Table::new(&name, &columns));
            }
            [_] => return Err(broken("what isn't known")),
        }
    }
    let sum: [u8; 32] = from.hash.clone().finalize().into();
    if from.take::<32>()? != sum || !left.is_empty() || from.from.read(&mut [0]).unwrap_or(1) != 0 {
        return Err(broken("its sum is another"));
    }
    commit(&mut |store| {
        ends::write_all(store)?;
        schema::finish(store, version.into())
    })
}
