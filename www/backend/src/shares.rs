//! The application's half of the two-man rule: docs/API.md section 4.5, docs/SPEC.md section 11.6. Its errors are a key server's, as the package expects them.

use axum::{extract::State, http::HeaderMap, response::Response};
use rusqlite::{OptionalExtension as _, Transaction};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use wardkey::{
    account::Receipt,
    encoding::{base64url, from_base64url},
    error::Code,
    identity::UserId,
    signed::Minimum,
};

use crate::{
    clock::now_ms,
    http::{self, Address, Json, Shared},
    logins::{self, hash_of_token, now},
    random,
    refused::{Outcome, Refused},
};

/// It proves that this browser was given the share: within the hour, nobody else's request counts as the recovered user's.
const COOKIE: &str = "wardkey-demo-recovery";
const HOUR_S: u64 = 60 * 60;

const NO_LOGIN: Refused =
    Refused::as_key_server(Code::Forbidden, "nobody is logged in as this user, nor has just recovered");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Replacing {
    user_id: String,
    share: String,
}

/// What is done without a login, once for each recovery, or again with the same.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    Share,
    Secret,
}

/// Is this the browser that recovered this user within the hour, and is it the first such request or the same again?
///
/// # Errors
/// `forbidden`.
pub(crate) fn use_recovery(
    store: &Transaction<'_>,
    headers: &HeaderMap,
    user_id: &str,
    what: Use,
    value: &[u8],
) -> Outcome<()> {
    let token = http::cookie(headers, COOKIE).and_then(hash_of_token).ok_or(NO_LOGIN)?;
    let (find, mark) = match what {
        Use::Share => (
            "SELECT share FROM recovery WHERE token = ?1 AND user_id = ?2 AND ends > ?3",
            "UPDATE recovery SET share = ?2 WHERE token = ?1",
        ),
        Use::Secret => (
            "SELECT secret FROM recovery WHERE token = ?1 AND user_id = ?2 AND ends > ?3",
            "UPDATE recovery SET secret = ?2 WHERE token = ?1",
        ),
    };
    let used: Option<Option<[u8; 32]>> = store.query_row(find, (token, user_id, now()), |row| row.get(0)).optional()?;
    let hash: [u8; 32] = Sha256::digest(value).into();
    match used {
        None => Err(NO_LOGIN),
        Some(Some(before)) if !bool::from(before.ct_eq(&hash)) => Err(NO_LOGIN),
        Some(_) => {
            store.execute(mark, (token, hash))?;
            Ok(())
        }
    }
}

/// What was recovered without a login is over; receipts that were used stay used.
pub(crate) fn end_recoveries(store: &Transaction<'_>, user_id: &str) -> Outcome<()> {
    store.execute("UPDATE recovery SET ends = min(ends, ?2) WHERE user_id = ?1", (user_id, now()))?;
    Ok(())
}

/// Deletes those whose receipts ended long before.
pub(crate) fn tidy(store: &Transaction<'_>) -> Outcome<()> {
    store.execute("DELETE FROM recovery WHERE ends <= ?1", [now() - HOUR_S as i64 * 1_000])?;
    Ok(())
}

/// Keeps a share, in the place of an earlier one.
pub(crate) async fn replace(
    State(app): State<Shared>,
    Address(address): Address,
    headers: HeaderMap,
    Json(asked): Json<Replacing>,
) -> Outcome<Response> {
    UserId::new(&asked.user_id)?;
    app.throttle.check(address, "share", &asked.user_id)?;
    let share = from_base64url(&asked.share).ok().filter(|share| share.len() == 32);
    let share = share.ok_or(Refused::as_key_server(Code::InvalidArgument, "a share is base64url of 32 bytes"))?;
    let caller = logins::find(&app, &headers).await?.filter(|caller| caller.user_id == asked.user_id);
    app.store
        .write(move |store| {
            if caller.is_none() {
                use_recovery(store, &headers, &asked.user_id, Use::Share, &share)?;
            }
            let sql = "INSERT INTO share (user_id, share) VALUES (?1, ?2) ON CONFLICT (user_id) DO UPDATE SET share = excluded.share";
            store.execute(sql, (&asked.user_id, share))?;
            Ok(())
        })
        .await?;
    Ok(http::json(&json!({})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Releasing {
    user_id: String,
    receipt: String,
}

/// Gives the share out, once for each recovery, for the key server's receipt.
pub(crate) async fn release(
    State(app): State<Shared>,
    Address(address): Address,
    Json(asked): Json<Releasing>,
) -> Outcome<Response> {
    let user_id = UserId::new(&asked.user_id)?;
    app.throttle.check(address, "receipt", &asked.user_id)?;
    let receipt = from_base64url(&asked.receipt)?;
    let key_server = app.key_server.identity().await?;
    let receipt = Receipt::verify(&receipt, &key_server, &user_id, now_ms(), Minimum::default())?;
    let recovery = *receipt.value().recovery();
    let token = base64url(&random::bytes::<32>()?);
    let hash = hash_of_token(&token).ok_or(Refused::failed(&"a token has its form"))?;
    let share = app
        .store
        .write(move |store| {
            let sql = "SELECT 1 FROM recovery WHERE id = ?1";
            if store.query_row(sql, [recovery], |_| Ok(())).optional()?.is_some() {
                return Err(Refused::as_key_server(Code::OtpExpired, "the receipt was used"));
            }
            // Nor who was removed, nor who was invited again and hasn't come: a code by mail is no invitation.
            let sql = "SELECT share FROM share JOIN staff USING (user_id) WHERE user_id = ?1 AND secret IS NOT NULL AND removed = 0";
            let share: Option<Vec<u8>> = store.query_row(sql, [user_id.as_str()], |row| row.get(0)).optional()?;
            let share = share.ok_or(Refused::as_key_server(Code::NoBackup, "there is no share of this user"))?;
            let sql = "INSERT INTO recovery (id, user_id, token, ends) VALUES (?1, ?2, ?3, ?4)";
            store.execute(sql, (recovery, user_id.as_str(), hash, now() + HOUR_S as i64 * 1_000))?;
            Ok(share)
        })
        .await?;
    Ok(http::with_cookie(COOKIE, &token, HOUR_S, http::json(&json!({ "share": base64url(&share) }))))
}
