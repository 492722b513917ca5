//! A facility's staff, as its administrators change it. Who reads its records is the group's to say, at the key server; here is who may log in.

use axum::{extract::State, response::Response};
use rusqlite::{OptionalExtension as _, Transaction};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    events::{About, Told},
    http::{self, Json, Path, Shared},
    logins::{Caller, check_name, check_user, hash_of_invitation, now},
    random,
    refused::{Outcome, Refused},
    shares,
};

/// How long an invitation is good.
const INVITED_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// The caller's facility's.
pub(crate) async fn list(State(app): State<Shared>, caller: Caller) -> Outcome<Response> {
    let staff = app
        .store
        .read(move |store| {
            let sql = "SELECT user_id, name, role, admin, secret IS NOT NULL FROM staff WHERE facility_id = ?1 AND removed = 0 ORDER BY rowid";
            let mut statement = store.prepare_cached(sql)?;
            let staff = statement.query_map([caller.facility_id], |row| {
                Ok(json!({
                    "userId": row.get::<_, String>(0)?, "name": row.get::<_, String>(1)?, "role": row.get::<_, String>(2)?,
                    "admin": row.get::<_, bool>(3)?, "joined": row.get::<_, bool>(4)?,
                }))
            })?;
            Ok(staff.collect::<Result<Vec<Value>, _>>()?)
        })
        .await?;
    Ok(http::json(&Value::Array(staff)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inviting {
    user_id: String,
    name: String,
    #[serde(default)]
    role: String,
    admin: bool,
}

/// Makes an invitation, a new one for who hasn't joined yet. Who was removed may come again.
pub(crate) async fn invite(
    State(app): State<Shared>,
    caller: Caller,
    Json(asked): Json<Inviting>,
) -> Outcome<Response> {
    caller.needs_admin()?;
    check_user(&asked.user_id)?;
    check_name(&asked.name)?;
    if !asked.role.is_empty() {
        check_name(&asked.role)?;
    }
    http::to_its_end(keep_invitation(app, caller, asked)).await
}

async fn keep_invitation(app: Shared, caller: Caller, asked: Inviting) -> Outcome<Response> {
    let code = random::invitation()?;
    let (facility, hash, user) = (caller.facility_id.clone(), hash_of_invitation(&code), asked.user_id.clone());
    let still = caller.clone();
    let was_known = app
        .store
        .write(move |store| {
            // She may have been removed while her request came in.
            still.is_still_admin(store)?;
            let sql = "SELECT facility_id, secret IS NOT NULL FROM staff WHERE user_id = ?1";
            let known: Option<(String, bool)> =
                store.query_row(sql, [&asked.user_id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            if known.as_ref().is_some_and(|(of, joined)| *of != facility || *joined) {
                return Err(Refused::conflict("this user id is taken"));
            }
            let sql = "INSERT INTO staff (user_id, facility_id, name, role, admin, demo_password, invitation, invited_until) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7) ON CONFLICT (user_id) DO UPDATE \
                       SET name = excluded.name, role = excluded.role, admin = excluded.admin, invitation = excluded.invitation, invited_until = excluded.invited_until, secret = NULL, removed = 0";
            let until = now() + INVITED_MS;
            store.execute(sql, (&asked.user_id, &facility, &asked.name, &asked.role, asked.admin, hash, until))?;
            Ok(known.is_some())
        })
        .await?;
    // Perhaps removed before; repeated where this fails.
    if was_known {
        app.key_server.disable(&user, false).await?;
    }
    app.hub.tell(&[&caller.facility_id], About::Staff, &user);
    Ok(http::json(&json!({ "invitation": code })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changing {
    admin: bool,
}

/// Makes somebody an administrator, or no longer.
pub(crate) async fn change(
    State(app): State<Shared>,
    caller: Caller,
    Path(user): Path<String>,
    Json(asked): Json<Changing>,
) -> Outcome<Response> {
    caller.needs_admin()?;
    let (facility, id, still) = (caller.facility_id.clone(), user.clone(), caller.clone());
    app.store
        .write(move |store| {
            still.is_still_admin(store)?;
            let sql = "UPDATE staff SET admin = ?3 WHERE user_id = ?1 AND facility_id = ?2 AND removed = 0";
            if store.execute(sql, (&id, &facility, asked.admin))? == 0 {
                return Err(Refused::not_found());
            }
            one_is_left(store, &facility)
        })
        .await?;
    app.hub.tell(&[&caller.facility_id], About::Staff, &user);
    Ok(http::json(&json!({})))
}

/// Nobody could invite any more.
fn one_is_left(store: &Transaction<'_>, facility: &str) -> Outcome<()> {
    let sql = "SELECT 1 FROM staff WHERE facility_id = ?1 AND admin = 1 AND removed = 0 AND secret IS NOT NULL LIMIT 1";
    let left = store.query_row(sql, [facility], |_| Ok(())).optional()?;
    left.ok_or(Refused::conflict("a facility keeps one administrator"))
}

/// Logs somebody out everywhere, for good, at the key server too. The page takes him out of the group. His half of a recovery is kept, and given to nobody: should he come again with
/// another password, it brings back what the old one sealed.
pub(crate) async fn remove(State(app): State<Shared>, caller: Caller, Path(user): Path<String>) -> Outcome<Response> {
    caller.needs_admin()?;
    http::to_its_end(take_off(app, caller, user)).await
}

async fn take_off(app: Shared, caller: Caller, user: String) -> Outcome<Response> {
    let (facility, id, still) = (caller.facility_id.clone(), user.clone(), caller.clone());
    app.store
        .write(move |store| {
            still.is_still_admin(store)?;
            let sql = "UPDATE staff SET removed = 1, admin = 0, secret = NULL, demo_password = 0, invitation = NULL WHERE user_id = ?1 AND facility_id = ?2";
            if store.execute(sql, (&id, &facility))? == 0 {
                return Err(Refused::not_found());
            }
            one_is_left(store, &facility)?;
            store.execute("DELETE FROM login WHERE user_id = ?1", [&id])?;
            shares::end_recoveries(store, &id)
        })
        .await?;
    app.hub.end(Told::EndOfUser { user: user.clone(), except: None });
    app.hub.tell(&[&caller.facility_id], About::Staff, &user);
    // Repeated where this fails: what is above is done again without harm.
    app.key_server.disable(&user, true).await?;
    Ok(http::json(&json!({})))
}
