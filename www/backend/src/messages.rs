//! What the two facilities say to each other in a transfer, sealed.

use axum::{extract::State, http::Uri, response::Response};
use rusqlite::{OptionalExtension as _, Row, Transaction};
use serde::Deserialize;
use serde_json::{Value, json};
use wardkey::encoding::base64url;

use crate::{
    clock::iso,
    events::About,
    http::{self, Json, Path, Shared},
    logins::Caller,
    random,
    refused::{Outcome, Refused},
    transfers::{self, Transfer},
};

/// Of a page.
const PAGE: usize = 500;
const COLUMNS: &str = "SELECT id, transfer_id, by_user, at, sealed FROM message";

fn to_json(row: &Row<'_>) -> rusqlite::Result<Value> {
    Ok(json!({
        "id": row.get::<_, String>(0)?, "transferId": row.get::<_, String>(1)?, "by": row.get::<_, String>(2)?,
        "at": iso(row.get::<_, i64>(3)?.unsigned_abs()), "sealed": base64url(&row.get::<_, Vec<u8>>(4)?),
    }))
}

/// One that is to be added.
#[derive(Debug)]
pub(crate) struct New<'a> {
    pub id: &'a str,
    pub transfer: &'a Transfer,
    pub caller: &'a Caller,
    pub sealed: &'a [u8],
    pub at: i64,
}

/// Was it added before?
pub(crate) fn is_there(store: &Transaction<'_>, new: &New<'_>) -> Outcome<bool> {
    let sql = "SELECT 1 FROM message WHERE id = ?1 AND transfer_id = ?2 AND by_user = ?3 AND sealed = ?4";
    let found = store.query_row(sql, (new.id, &new.transfer.id, &new.caller.user_id, new.sealed), |_| Ok(()));
    Ok(found.optional()?.is_some())
}

/// Adds it.
pub(crate) fn add(store: &Transaction<'_>, new: &New<'_>) -> Outcome<()> {
    let sql = "INSERT INTO message (id, transfer_id, by_user, at, sealed) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING";
    match store.execute(sql, (new.id, &new.transfer.id, &new.caller.user_id, new.at, new.sealed))? {
        0 => Err(Refused::conflict("another message has this id")),
        _ => Ok(()),
    }
}

/// `GET /api/transfers/{id}/messages`: oldest first, those after the one named.
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    uri: Uri,
) -> Outcome<Response> {
    let after = http::query(&uri, "after");
    let mut messages = app
        .store
        .read(move |store| {
            transfers::find(store, &id, &caller)?;
            let place: i64 = match after {
                None => 0,
                Some(after) => {
                    let sql = "SELECT place FROM message WHERE id = ?1 AND transfer_id = ?2";
                    let place = store.query_row(sql, (after, &id), |row| row.get(0)).optional()?;
                    place.ok_or(Refused::invalid("after is the id of a message of this transfer"))?
                }
            };
            let sql = format!("{COLUMNS} WHERE transfer_id = ?1 AND place > ?2 ORDER BY place LIMIT {}", PAGE + 1);
            let mut statement = store.prepare_cached(&sql)?;
            let messages = statement.query_map((id, place), to_json)?;
            Ok(messages.collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
    let more = messages.len() > PAGE;
    messages.truncate(PAGE);
    Ok(http::json(&json!({ "messages": messages, "more": more })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Writing {
    id: Option<String>,
    sealed: String,
    at: Option<u32>,
}

/// `POST /api/transfers/{id}/messages`: with an id of the client's own it may be sent again.
pub(crate) async fn write(
    State(app): State<Shared>,
    caller: Caller,
    Path(transfer): Path<String>,
    Json(asked): Json<Writing>,
) -> Outcome<Response> {
    let id = asked.id.map_or_else(random::id, Ok)?;
    random::check_id(&id)?;
    let (sealed, at) = (transfers::sealed(&asked.sealed)?, transfers::moment(&app, asked.at)?);
    let (facilities, transfer, message, is_new) = app
        .store
        .write(move |store| {
            let transfer = transfers::find(store, &transfer, &caller)?;
            let new = New { id: &id, transfer: &transfer, caller: &caller, sealed: &sealed, at };
            let is_new = !is_there(store, &new)?;
            if is_new {
                if transfer.is_withdrawn() {
                    return Err(Refused::conflict("the transfer was withdrawn"));
                }
                add(store, &new)?;
                transfers::touch(store, &transfer.id, at)?;
            }
            let message = store.query_row(&format!("{COLUMNS} WHERE id = ?1"), [&id], to_json)?;
            Ok(([transfer.from, transfer.to], transfer.id, message, is_new))
        })
        .await?;
    if is_new {
        app.hub.tell(&facilities.each_ref().map(String::as_str), About::Message, &transfer);
    }
    Ok(http::json(&message))
}
