//! Transfers: who sends what to whom, sealed, and what became of it. Only the two facilities know that there is one.

use axum::{extract::State, http::Uri, response::Response};
use rusqlite::{OptionalExtension as _, Row, Transaction};
use serde::Deserialize;
use serde_json::{Value, json};
use wardkey::{
    encoding::{base64url, from_base64url},
    signed::Hash,
};

use crate::{
    clock::iso,
    events::About,
    http::{self, Json, Path, Shared},
    logins::{Caller, now},
    messages, random,
    refused::{Outcome, Refused},
};

/// Of a page.
const PAGE: usize = 500;
/// Of what is sealed, in bytes: a form, not a file.
const MAX_SEALED: usize = 64 << 10;
const MAX_FILES: usize = 50;

const COLUMNS: &str = "SELECT id, session_id, from_facility, to_facility, created_by, created_at, changed_at, state, sealed, change FROM transfer";

/// A transfer as it is kept.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub id: String,
    pub session_id: String,
    pub from: String,
    pub to: String,
    pub created_by: String,
    created_at: u64,
    changed_at: u64,
    state: String,
    sealed: Vec<u8>,
    change: i64,
}

impl Transfer {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            session_id: row.get(1)?,
            from: row.get(2)?,
            to: row.get(3)?,
            created_by: row.get(4)?,
            created_at: row.get::<_, i64>(5)?.unsigned_abs(),
            changed_at: row.get::<_, i64>(6)?.unsigned_abs(),
            state: row.get(7)?,
            sealed: row.get(8)?,
            change: row.get(9)?,
        })
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id, "sessionId": self.session_id, "from": self.from, "to": self.to, "createdBy": self.created_by,
            "createdAt": iso(self.created_at), "changedAt": iso(self.changed_at), "state": self.state, "sealed": base64url(&self.sealed),
        })
    }

    fn is_of(&self, facility: &str) -> bool {
        self.from == facility || self.to == facility
    }

    pub(crate) fn is_withdrawn(&self) -> bool {
        self.state == "withdrawn"
    }

    /// Who had the key may have kept it: what is withdrawn isn't given out to the other facility any more.
    pub(crate) fn gives_files_to(&self, caller: &Caller) -> bool {
        self.from == caller.facility_id || !self.is_withdrawn()
    }
}

/// The transfer, for one of the two facilities; for all others there is none.
pub(crate) fn find(store: &Transaction<'_>, id: &str, caller: &Caller) -> Outcome<Transfer> {
    let found = store.query_row(&format!("{COLUMNS} WHERE id = ?1"), [id], Transfer::of).optional()?;
    found.filter(|transfer| transfer.is_of(&caller.facility_id)).ok_or(Refused::not_found())
}

/// Sealed bytes of a request.
pub(crate) fn sealed(text: &str) -> Outcome<Vec<u8>> {
    let sealed = from_base64url(text).map_err(|_| Refused::invalid("sealed is base64url"))?;
    match sealed.len() {
        0 => Err(Refused::invalid("sealed is empty")),
        length if length > MAX_SEALED => Err(Refused::too_large("sealed is larger than 64 KiB")),
        _ => Ok(sealed),
    }
}

/// When it happened: now, but for who fills the demo.
pub(crate) fn moment(app: &Shared, at: Option<u32>) -> Outcome<i64> {
    match at {
        None => Ok(now()),
        Some(at) if app.settings.seeding => Ok(i64::from(at) * 1_000),
        Some(_) => Err(Refused::invalid("at is for seeding alone")),
    }
}

/// It was changed: its place among what changed is the last.
pub(crate) fn touch(store: &Transaction<'_>, id: &str, at: i64) -> Outcome<()> {
    let sql = "UPDATE transfer SET changed_at = ?2, change = (SELECT max(change) + 1 FROM transfer) WHERE id = ?1";
    store.execute(sql, (id, at))?;
    Ok(())
}

/// `GET /api/transfers`: what changed last comes first.
pub(crate) async fn list(State(app): State<Shared>, caller: Caller, uri: Uri) -> Outcome<Response> {
    let (is_in, is_out) = match http::query(&uri, "box").as_deref() {
        None | Some("all") => (true, true),
        Some("in") => (true, false),
        Some("out") => (false, true),
        Some(_) => return Err(Refused::invalid("box is in, out or all")),
    };
    let after = http::number(&uri, "after")?.unwrap_or(0);
    let before = http::number(&uri, "before")?.unwrap_or(i64::MAX);
    let (transfers, cursor) = app
        .store
        .read(move |store| {
            let facility = &caller.facility_id;
            let sql = format!(
                "{COLUMNS} WHERE ((?2 AND to_facility = ?1) OR (?3 AND from_facility = ?1)) AND change > ?4 AND change < ?5 ORDER BY change DESC LIMIT {}",
                PAGE + 1
            );
            let mut statement = store.prepare_cached(&sql)?;
            let transfers = statement.query_map((facility, is_in, is_out, after, before), Transfer::of)?;
            let sql = "SELECT coalesce(max(change), 0) FROM transfer WHERE to_facility = ?1 OR from_facility = ?1";
            let cursor: i64 = store.query_row(sql, [facility], |row| row.get(0))?;
            Ok((transfers.collect::<Result<Vec<_>, _>>()?, cursor))
        })
        .await?;
    let page = transfers.get(..PAGE).unwrap_or(&transfers);
    let next = page.last().filter(|_| transfers.len() > PAGE).map(|last| last.change.to_string());
    let page: Vec<Value> = page.iter().map(Transfer::to_json).collect();
    Ok(http::json(&json!({ "transfers": page, "cursor": cursor.to_string(), "next": next })))
}

/// `GET /api/transfers/{id}`
pub(crate) async fn one(State(app): State<Shared>, caller: Caller, Path(id): Path<String>) -> Outcome<Response> {
    let found = app.store.read(move |store| find(store, &id, &caller)).await?;
    Ok(http::json(&found.to_json()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Creating {
    id: Option<String>,
    session_id: String,
    to: String,
    sealed: String,
    #[serde(default)]
    files: Vec<String>,
    at: Option<u32>,
}

/// `POST /api/transfers`: with an id of the client's own it may be sent again.
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    Json(asked): Json<Creating>,
) -> Outcome<Response> {
    Hash::parse(&asked.session_id).ok_or(Refused::invalid("not the id of a session"))?;
    let id = asked.id.clone().map_or_else(random::id, Ok)?;
    random::check_id(&id)?;
    let sealed = sealed(&asked.sealed)?;
    let at = moment(&app, asked.at)?;
    if asked.to == caller.facility_id {
        return Err(Refused::invalid("a transfer goes to another facility"));
    }
    if asked.files.len() > MAX_FILES {
        return Err(Refused::invalid("a transfer has at most 50 files"));
    }
    let (transfer, is_new) = app
        .store
        .write(move |store| {
            let known = store.query_row(&format!("{COLUMNS} WHERE id = ?1"), [&id], Transfer::of).optional()?;
            if let Some(known) = known {
                let is_same = known.created_by == caller.user_id
                    && known.session_id == asked.session_id
                    && known.to == asked.to
                    && known.sealed == sealed;
                return if is_same { Ok((known, false)) } else { Err(Refused::conflict("another transfer has this id")) };
            }
            let sql = "SELECT 1 FROM transfer WHERE session_id = ?1";
            if store.query_row(sql, [&asked.session_id], |_| Ok(())).optional()?.is_some() {
                return Err(Refused::conflict("another transfer has this session"));
            }
            let sql = "SELECT 1 FROM facility WHERE id = ?1";
            let is_there = store.query_row(sql, [&asked.to], |_| Ok(())).optional()?;
            is_there.ok_or(Refused::invalid("there is no such facility"))?;
            let sql = "INSERT INTO transfer (id, session_id, from_facility, to_facility, created_by, created_at, changed_at, state, sealed, change) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 'sent', ?7, (SELECT coalesce(max(change), 0) + 1 FROM transfer))";
            store.execute(sql, (&id, &asked.session_id, &caller.facility_id, &asked.to, &caller.user_id, at, &sealed))?;
            for file in &asked.files {
                let sql = "UPDATE file SET transfer_id = ?2 WHERE id = ?1 AND made_by = ?3 AND complete = 1 AND transfer_id IS NULL";
                if store.execute(sql, (file, &id, &caller.user_id))? == 0 {
                    return Err(Refused::invalid("a file that isn't complete, isn't yours, or belongs to another transfer"));
                }
            }
            Ok((find(store, &id, &caller)?, true))
        })
        .await?;
    if is_new {
        app.hub.tell(&[&transfer.from, &transfer.to], About::Transfer, &transfer.id);
    }
    Ok(http::json(&transfer.to_json()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangingState {
    id: Option<String>,
    state: String,
    sealed: String,
    at: Option<u32>,
}

/// `POST /api/transfers/{id}/state`: the receiving facility accepts or declines, once; the sending one withdraws, then too. `sealed` says why, and is one of its messages.
pub(crate) async fn change_state(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Json(asked): Json<ChangingState>,
) -> Outcome<Response> {
    let message_id = asked.id.map_or_else(random::id, Ok)?;
    random::check_id(&message_id)?;
    let (sealed, at) = (sealed(&asked.sealed)?, moment(&app, asked.at)?);
    let (transfer, is_new) = app
        .store
        .write(move |store| {
            let transfer = find(store, &id, &caller)?;
            let may = match asked.state.as_str() {
                "accepted" | "declined" => &transfer.to,
                "withdrawn" => &transfer.from,
                _ => return Err(Refused::invalid("a state is accepted, declined or withdrawn")),
            };
            if *may != caller.facility_id {
                return Err(Refused::forbidden("the other facility may"));
            }
            let message = messages::New { id: &message_id, transfer: &transfer, caller: &caller, sealed: &sealed, at };
            if transfer.state == asked.state && messages::is_there(store, &message)? {
                return Ok((transfer, false));
            }
            // What was answered can still be taken back, once.
            if transfer.state == "withdrawn" || (transfer.state != "sent" && asked.state != "withdrawn") {
                return Err(Refused::conflict("it was accepted, declined or withdrawn before"));
            }
            messages::add(store, &message)?;
            store.execute("UPDATE transfer SET state = ?2 WHERE id = ?1", (&id, &asked.state))?;
            touch(store, &id, at)?;
            Ok((find(store, &id, &caller)?, true))
        })
        .await?;
    if is_new {
        app.hub.tell(&[&transfer.from, &transfer.to], About::Transfer, &transfer.id);
    }
    Ok(http::json(&transfer.to_json()))
}
