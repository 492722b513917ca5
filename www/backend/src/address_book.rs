//! A facility's address book, sealed for its own staff: which group another facility is, and who has compared that. Entries are only ever added, each in its place.

use axum::{extract::State, http::Uri, response::Response};
use rusqlite::{OptionalExtension as _, Row};
use serde::Deserialize;
use serde_json::{Value, json};
use wardkey::encoding::base64url;

use crate::{
    clock::iso,
    events::About,
    http::{self, Json, Shared},
    logins::{Caller, now},
    refused::{Outcome, Refused},
    transfers,
};

/// Of a page.
const PAGE: usize = 500;
/// Entries of a facility.
const MOST: i64 = 20_000;

fn to_json(row: &Row<'_>) -> rusqlite::Result<Value> {
    Ok(json!({
        "entry": row.get::<_, i64>(0)?, "by": row.get::<_, String>(1)?, "at": iso(row.get::<_, i64>(2)?.unsigned_abs()),
        "sealed": base64url(&row.get::<_, Vec<u8>>(3)?),
    }))
}

/// `GET /api/address-book`: the caller's facility's, oldest first, from the entry named on.
pub(crate) async fn list(State(app): State<Shared>, caller: Caller, uri: Uri) -> Outcome<Response> {
    let from = http::number(&uri, "from")?.unwrap_or(0);
    let mut entries = app
        .store
        .read(move |store| {
            let sql = format!(
                "SELECT entry, by_user, at, sealed FROM address_book WHERE facility_id = ?1 AND entry >= ?2 ORDER BY entry LIMIT {}",
                PAGE + 1
            );
            let mut statement = store.prepare_cached(&sql)?;
            let entries = statement.query_map((&caller.facility_id, from), to_json)?;
            Ok(entries.collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
    let more = entries.len() > PAGE;
    entries.truncate(PAGE);
    Ok(http::json(&json!({ "entries": entries, "more": more })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Adding {
    entry: i64,
    sealed: String,
}

/// `POST /api/address-book`: the next entry. Whoever was slower reads what came, and adds his after it; the same again is there already.
pub(crate) async fn add(State(app): State<Shared>, caller: Caller, Json(asked): Json<Adding>) -> Outcome<Response> {
    let sealed = transfers::sealed(&asked.sealed)?;
    let facility = caller.facility_id.clone();
    let is_new = app
        .store
        .write(move |store| {
            let sql =
                "SELECT 1 FROM address_book WHERE facility_id = ?1 AND entry = ?2 AND by_user = ?3 AND sealed = ?4";
            let same = (&caller.facility_id, asked.entry, &caller.user_id, &sealed);
            if store.query_row(sql, same, |_| Ok(())).optional()?.is_some() {
                return Ok(false);
            }
            let sql = "SELECT coalesce(max(entry) + 1, 0) FROM address_book WHERE facility_id = ?1";
            let next: i64 = store.query_row(sql, [&caller.facility_id], |row| row.get(0))?;
            if asked.entry != next {
                return Err(Refused::conflict("it isn't the next entry"));
            }
            if next >= MOST {
                return Err(Refused::too_large("the address book is full"));
            }
            let sql = "INSERT INTO address_book (facility_id, entry, by_user, at, sealed) VALUES (?1, ?2, ?3, ?4, ?5)";
            store.execute(sql, (&caller.facility_id, next, &caller.user_id, now(), &sealed))?;
            Ok(true)
        })
        .await?;
    if is_new {
        app.hub.tell(&[&facility], About::AddressBook, &facility);
    }
    Ok(http::json(&json!({})))
}
