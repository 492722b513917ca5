//! What the servers hold of a record: the rows of both databases as they are, read from the files. For development.

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

/// Of the application, by the transfer's id. Of a file's parts the first: each is 8 MiB.
const APPLICATION: [(&str, &str); 4] = [
    ("transfer", "SELECT * FROM transfer WHERE id = ?1"),
    ("message", "SELECT * FROM message WHERE transfer_id = ?1 ORDER BY place"),
    ("file", "SELECT * FROM file WHERE transfer_id = ?1"),
    ("part", "SELECT part.* FROM part JOIN file ON file.id = file_id WHERE transfer_id = ?1 AND part = 0"),
];

/// Of the key server, by the session's id, its name in the journal, and its creator.
const KEY_SERVER: [(&str, &str); 7] = [
    ("packed", "SELECT * FROM packed WHERE session = ?1"),
    ("piece", "SELECT * FROM piece WHERE session = ?1 ORDER BY kind, sequence"),
    ("session_state", "SELECT * FROM session_state WHERE id = ?1"),
    ("waiting", "SELECT * FROM waiting WHERE session = ?1"),
    ("journal_end", "SELECT * FROM journal_end WHERE subject = ?2"),
    ("account", "SELECT * FROM account WHERE user_id = ?3"),
    ("bundle", "SELECT * FROM bundle WHERE user_id = ?3"),
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

fn read(database: &Connection, tables: &[(&str, &str)], values: &[&dyn ToSql]) -> Outcome<Value> {
    let mut all = Map::new();
    for (table, sql) in tables {
        let mut statement = database.prepare(sql)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let wanted = statement.parameter_count();
        for (place, value) in (1..).zip(values) {
            // A statement names those that it needs.
            if place <= wanted {
                statement.raw_bind_parameter(place, value)?;
            }
        }
        let (mut rows, mut found) = (statement.raw_query(), Vec::new());
        while let Some(row) = rows.next()? {
            let values = names.iter().enumerate().map(|(place, name)| Ok((name.clone(), shown(row.get_ref(place)?))));
            found.push(Value::Object(values.collect::<rusqlite::Result<_>>()?));
            if found.len() == ROWS {
                break;
            }
        }
        all.insert((*table).to_owned(), found.into());
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
            Ok((read(store, &APPLICATION, &[&id])?, read(&keys, &KEY_SERVER, &values)?))
        })
        .await?;
    Ok(http::json(&json!({ "application": application, "keyServer": key_server })))
}
