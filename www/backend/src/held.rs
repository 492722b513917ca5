//! What the servers hold of a record: the rows of both databases as they are, read from the files. For development.
//!
//! Nobody is shown what no server gives him otherwise: of such a column he sees the length, and that it is withheld.

use std::path::PathBuf;

use axum::{extract::State, response::Response};
use rusqlite::{Connection, ToSql, types::ValueRef};
use serde_json::{Map, Value, json};
use wardkey::{encoding::base64url, signed::Hash};

use crate::{
    http::{self, Path, Shared},
    logins::Caller,
    refused::{Outcome, Refused},
    store, transfers,
};

/// So much of a value is shown, in bytes; its length always is.
const SHOWN: usize = 4 << 10;
/// So many rows of a table.
const ROWS: usize = 100;

/// Who sees a table's secret columns.
#[derive(Clone, Copy)]
enum Whose {
    /// Who made the record: his account.
    Maker,
    /// The facility that sent it: keys wrapped for whom the key server refuses, once the right was taken away.
    Sender,
    /// Whoever is given files: both facilities, until the record is withdrawn.
    Readers,
}

struct Table {
    name: &'static str,
    sql: &'static str,
    secret: &'static [&'static str],
    whose: Whose,
}

impl Table {
    /// Without a secret column.
    const fn open(name: &'static str, sql: &'static str) -> Self {
        Self::with(name, sql, &[], Whose::Readers)
    }

    const fn with(name: &'static str, sql: &'static str, secret: &'static [&'static str], whose: Whose) -> Self {
        Self { name, sql, secret, whose }
    }
}

/// Of the application, by the transfer's id. Of a file's parts the first: each is 8 MiB.
const APPLICATION: [Table; 4] = [
    Table::open("transfer", "SELECT * FROM transfer WHERE id = ?1"),
    Table::open("message", "SELECT * FROM message WHERE transfer_id = ?1 ORDER BY place"),
    Table::open("file", "SELECT * FROM file WHERE transfer_id = ?1"),
    Table::with(
        "part",
        "SELECT part.* FROM part JOIN file ON file.id = file_id WHERE transfer_id = ?1 AND part = 0",
        &["data"],
        Whose::Readers,
    ),
];

/// Of the key server, by the session's id, its name in the journal, and its creator.
const KEY_SERVER: [Table; 7] = [
    Table::with("packed", "SELECT * FROM packed WHERE session = ?1", &["pieces"], Whose::Sender),
    Table::with(
        "piece",
        "SELECT * FROM piece WHERE session = ?1 ORDER BY kind, sequence",
        &["data", "wraps"],
        Whose::Sender,
    ),
    Table::open("session_state", "SELECT * FROM session_state WHERE id = ?1"),
    Table::open("waiting", "SELECT * FROM waiting WHERE session = ?1"),
    Table::open("journal_end", "SELECT * FROM journal_end WHERE subject = ?2"),
    Table::with("account", "SELECT * FROM account WHERE user_id = ?3", &["account"], Whose::Maker),
    Table::open("bundle", "SELECT * FROM bundle WHERE user_id = ?3"),
];

fn shown(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => {
            json!({ "base64url": base64url(bytes.get(..SHOWN).unwrap_or(bytes)), "length": bytes.len() })
        }
    }
}

/// Its length, as of what is shown.
fn withheld(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => json!({ "withheld": true, "length": bytes.len() }),
        // Numbers and nothing tell nothing.
        value => shown(value),
    }
}

/// The rows; secret columns where `may` says so.
fn read(database: &Connection, tables: &[Table], values: &[&dyn ToSql], may: impl Fn(Whose) -> bool) -> Outcome<Value> {
    let mut all = Map::new();
    for table in tables {
        let mut statement = database.prepare(table.sql)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let wanted = statement.parameter_count();
        for (place, value) in (1..).zip(values) {
            // A statement names those that it needs.
            if place <= wanted {
                statement.raw_bind_parameter(place, value)?;
            }
        }
        let is_open = |name: &str| may(table.whose) || !table.secret.contains(&name);
        let (mut rows, mut found) = (statement.raw_query(), Vec::new());
        while let Some(row) = rows.next()? {
            let values = names.iter().enumerate().map(|(place, name)| {
                let value = row.get_ref(place)?;
                Ok((name.clone(), if is_open(name) { shown(value) } else { withheld(value) }))
            });
            found.push(Value::Object(values.collect::<rusqlite::Result<_>>()?));
            if found.len() == ROWS {
                break;
            }
        }
        all.insert(table.name.to_owned(), found.into());
    }
    Ok(all.into())
}

/// `GET /api/dev/held/{transferId}`, for the two facilities.
pub(crate) async fn rows(State(app): State<Shared>, caller: Caller, Path(id): Path<String>) -> Outcome<Response> {
    let keys: PathBuf = app.settings.key_server_data.join(app.key_server.app_id().as_str()).join("wardkey.db");
    let (application, key_server) = app
        .store
        .read(move |store| {
            let transfer = transfers::find(store, &id, &caller)?;
            let session = Hash::parse(&transfer.session_id).ok_or(Refused::not_found())?;
            let subject = [b"s".as_slice(), &session.0].concat();
            let keys = store::reader(&keys)?;
            let values: [&dyn ToSql; 3] = [&session.0, &subject, &transfer.created_by];
            let may = |whose| match whose {
                Whose::Maker => transfer.created_by == caller.user_id,
                Whose::Sender => transfer.from == caller.facility_id,
                Whose::Readers => transfer.gives_files_to(&caller),
            };
            Ok((read(store, &APPLICATION, &[&id], may)?, read(&keys, &KEY_SERVER, &values, may)?))
        })
        .await?;
    Ok(http::json(&json!({ "application": application, "keyServer": key_server })))
}
