//! Files: ciphertext in parts, uploaded in any order and again after a break, read by range. Only who began one may write it; who may read the transfer that names it may read it, the other facility until it is withdrawn.

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rusqlite::{OptionalExtension as _, Transaction};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    http::{self, Json, Path, Shared},
    logins::{Caller, now},
    random,
    ranges::{self, Asked},
    refused::{Outcome, Refused},
    store::Store,
};

/// Of every part but the last.
const PART: u64 = 8 << 20;
/// Of a file.
const MOST: u64 = 4 << 30;
/// Files of one user that no transfer names yet.
const UNNAMED: i64 = 50;
/// Those that nobody named after this are deleted.
const UNNAMED_MS: i64 = 24 * 60 * 60 * 1_000;

#[derive(Clone, Debug)]
struct File {
    size: u64,
    complete: bool,
    transfer: Option<String>,
    is_mine: bool,
}

impl File {
    const fn parts(&self) -> u64 {
        self.size.div_ceil(PART)
    }

    /// Its length; the last one's is what is left.
    fn part_size(&self, part: u64) -> Option<u64> {
        (part < self.parts()).then(|| PART.min(self.size - part * PART))
    }
}

/// A file that the caller may read.
fn find(store: &Transaction<'_>, id: &str, caller: &Caller) -> Outcome<File> {
    let sql = "SELECT size, complete, transfer_id, made_by = ?2 FROM file WHERE id = ?1 AND (made_by = ?2 OR EXISTS \
               (SELECT 1 FROM transfer WHERE transfer.id = file.transfer_id AND (from_facility = ?3 OR (to_facility = ?3 AND state <> 'withdrawn'))))";
    let found = store.query_row(sql, (id, &caller.user_id, &caller.facility_id), |row| {
        let size = row.get::<_, i64>(0)?.unsigned_abs();
        Ok(File { size, complete: row.get(1)?, transfer: row.get(2)?, is_mine: row.get(3)? })
    });
    found.optional()?.ok_or(Refused::not_found())
}

/// A file that the caller may write.
fn find_mine(store: &Transaction<'_>, id: &str, caller: &Caller) -> Outcome<File> {
    let file = find(store, id, caller)?;
    if file.is_mine { Ok(file) } else { Err(Refused::forbidden("who began the file may")) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Beginning {
    size: u64,
}

/// `POST /api/files`
pub(crate) async fn begin(
    State(app): State<Shared>,
    caller: Caller,
    Json(asked): Json<Beginning>,
) -> Outcome<Response> {
    let Beginning { size } = asked;
    if size == 0 {
        return Err(Refused::invalid("an empty file: ciphertext has at least a header"));
    }
    if size > MOST {
        return Err(Refused::too_large("a file has at most 4 GiB"));
    }
    let id = random::id()?;
    let file_id = id.clone();
    app.store
        .write(move |store| {
            let sql = "SELECT count(*) FROM file WHERE made_by = ?1 AND transfer_id IS NULL";
            if store.query_row(sql, [&caller.user_id], |row| row.get::<_, i64>(0))? >= UNNAMED {
                return Err(Refused::conflict("too many files that no transfer names"));
            }
            let sql = "INSERT INTO file (id, made_by, made_at, size) VALUES (?1, ?2, ?3, ?4)";
            store.execute(sql, (&file_id, &caller.user_id, now(), i64::try_from(size).unwrap_or(i64::MAX)))?;
            Ok(())
        })
        .await?;
    Ok(http::json(&json!({ "fileId": id, "partSize": PART, "parts": size.div_ceil(PART) })))
}

/// `GET /api/files/{id}`: what of it is there.
pub(crate) async fn about(State(app): State<Shared>, caller: Caller, Path(id): Path<String>) -> Outcome<Response> {
    let (file, have) = app
        .store
        .read(move |store| {
            let file = find(store, &id, &caller)?;
            let mut statement = store.prepare_cached("SELECT part FROM part WHERE file_id = ?1 ORDER BY part")?;
            let have = statement.query_map([&id], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
            Ok((file, have))
        })
        .await?;
    Ok(http::json(&json!({ "size": file.size, "partSize": PART, "have": have, "complete": file.complete })))
}

/// `PUT /api/files/{id}/parts/{k}`: it is on the disk when this is answered. Sent again, it takes the place of what was there.
pub(crate) async fn put_part(
    State(app): State<Shared>,
    caller: Caller,
    Path((id, part)): Path<(String, u64)>,
    request: Request,
) -> Outcome<Response> {
    let (file_id, asker) = (id.clone(), caller.clone());
    let file = app.store.read(move |store| find_mine(store, &file_id, &asker)).await?;
    let size = file.part_size(part).ok_or(Refused::invalid("the file has no such part"))?;
    let _place = app.places.take(&caller.user_id).await?;
    let data = http::read(request.into_body(), usize::try_from(size).unwrap_or(usize::MAX)).await?;
    if data.len() as u64 != size {
        return Err(Refused::invalid("a part has 8 MiB, the last one what is left"));
    }
    app.store
        .write(move |store| {
            if find_mine(store, &id, &caller)?.complete {
                return Err(Refused::conflict("the file is complete"));
            }
            let sql = "INSERT INTO part (file_id, part, data) VALUES (?1, ?2, ?3) ON CONFLICT (file_id, part) DO UPDATE SET data = excluded.data";
            store.execute(sql, (&id, i64::try_from(part).unwrap_or(i64::MAX), &data[..]))?;
            Ok(())
        })
        .await?;
    Ok(http::json(&json!({})))
}

/// `POST /api/files/{id}/complete`
pub(crate) async fn complete(State(app): State<Shared>, caller: Caller, Path(id): Path<String>) -> Outcome<Response> {
    app.store
        .write(move |store| {
            let file = find_mine(store, &id, &caller)?;
            let have: i64 = store.query_row("SELECT count(*) FROM part WHERE file_id = ?1", [&id], |row| row.get(0))?;
            if have.unsigned_abs() != file.parts() {
                return Err(Refused::conflict("parts are missing"));
            }
            store.execute("UPDATE file SET complete = 1 WHERE id = ?1", [&id])?;
            Ok(())
        })
        .await?;
    Ok(http::json(&json!({})))
}

/// `DELETE /api/files/{id}`: cancelled.
pub(crate) async fn cancel(State(app): State<Shared>, caller: Caller, Path(id): Path<String>) -> Outcome<Response> {
    app.store
        .write(move |store| {
            if find_mine(store, &id, &caller)?.transfer.is_some() {
                return Err(Refused::conflict("a transfer names this file"));
            }
            store.execute("DELETE FROM file WHERE id = ?1", [&id])?;
            Ok(())
        })
        .await?;
    Ok(http::json(&json!({})))
}

/// Deletes what was begun and never named.
pub(crate) fn tidy(store: &Transaction<'_>) -> Outcome<()> {
    let sql = "DELETE FROM file WHERE transfer_id IS NULL AND made_at < ?1";
    store.execute(sql, [now() - UNNAMED_MS])?;
    Ok(())
}

/// `GET /api/files/{id}/content`, whole or a range of it (RFC 9110, section 14). Its bytes never change.
pub(crate) async fn content(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let file_id = id.clone();
    let file = app.store.read(move |store| find(store, &file_id, &caller)).await?;
    if !file.complete {
        return Err(Refused::conflict("the file isn't complete"));
    }
    let (status, start, end) = match ranges::asked(&headers, &format!("\"{id}\""), file.size) {
        Asked::Whole => (StatusCode::OK, 0, file.size),
        Asked::Part { start, end } => (StatusCode::PARTIAL_CONTENT, start, end),
        Asked::Nothing => {
            let mut response = Refused::unsatisfiable().into_response();
            put(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", file.size));
            return Ok(response);
        }
    };
    let mut response = (status, body(app.store.clone(), id.clone(), start, end)).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::ACCEPT_RANGES, "bytes"),
        (header::ETAG, &format!("\"{id}\"")),
        (header::CONTENT_LENGTH, &(end - start).to_string()),
    ] {
        put(&mut response, name, value);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        put(&mut response, header::CONTENT_RANGE, &format!("bytes {start}-{}/{}", end - 1, file.size));
    }
    Ok(response)
}

fn put(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Bytes from `start` to `end`, a part at a time: no more stands in memory than a slow reader leaves there.
fn body(store: Store, id: String, start: u64, end: u64) -> Body {
    let (send, given) = mpsc::channel::<Result<Bytes, Refused>>(1);
    tokio::spawn(async move {
        let mut at = start;
        while at < end {
            let (part, from) = (at / PART, at % PART);
            let length = (PART - from).min(end - at);
            let id = id.clone();
            let piece = store.read(move |store| {
                // SQLite counts from 1.
                let sql = "SELECT substr(data, ?3, ?4) FROM part WHERE file_id = ?1 AND part = ?2";
                let numbers = [part, from + 1, length].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
                let piece: Vec<u8> =
                    store.query_row(sql, (id, numbers[0], numbers[1], numbers[2]), |row| row.get(0))?;
                Ok(Bytes::from(piece))
            });
            let piece = piece.await;
            let has_failed = piece.is_err();
            // A reader that has gone, or an answer that breaks off: the length says that it did.
            if send.send(piece).await.is_err() || has_failed {
                return;
            }
            at += length;
        }
    });
    Body::from_stream(tokio_stream::StreamExt::map(ReceiverStream::new(given), |piece| {
        piece.map_err(|_| std::io::Error::other("the file can't be read"))
    }))
}
