//! Facilities: made from the demo's file, each with an invitation for its first administrator, and the group that is its staff at the key server.

use axum::{extract::State, response::Response};
use rusqlite::{OptionalExtension as _, Row, Transaction};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use wardkey::signed::Hash;

use crate::{
    config::DemoFacility,
    events::About,
    http::{self, Json, Path, Shared},
    logins::{Caller, hash_of_invitation},
    mail, random,
    refused::{Outcome, Refused},
};

/// Groups are named one after the other: what is assigned at the key server is assigned to the one that is kept.
static NAMING: Mutex<()> = Mutex::const_new(());

/// What the key server knows a facility by that has no group.
fn placeholder(id: &str) -> String {
    format!("facility:{id}")
}

/// Makes those that aren't there yet; the invitation goes to the contact.
pub(crate) async fn set_up(app: &Shared) -> Outcome<()> {
    for facility in app.demo.facilities.clone() {
        let (folder, code) = (app.settings.mail_folder.clone(), random::invitation()?);
        let DemoFacility { id, name, kind, city, contact } = facility;
        app.store
            .write(move |store| {
                let sql = "INSERT INTO facility (id, name, kind, city, contact, invitation) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING";
                if store.execute(sql, (&id, &name, &kind, &city, &contact, hash_of_invitation(&code)))? == 0 {
                    return Ok(());
                }
                // Not made where the mail can't be written.
                mail::invite(&folder, &id, &name, contact.as_deref(), &code).map_err(|error| Refused::failed(&error))
            })
            .await?;
    }
    Ok(())
}

const COLUMNS: &str = "SELECT id, name, kind, city, group_id, contact FROM facility";

fn to_json(row: &Row<'_>) -> rusqlite::Result<Value> {
    Ok(json!({
        "id": row.get::<_, String>(0)?, "name": row.get::<_, String>(1)?, "kind": row.get::<_, String>(2)?, "city": row.get::<_, String>(3)?,
        "groupId": row.get::<_, Option<String>>(4)?, "contact": row.get::<_, Option<String>>(5)?,
    }))
}

fn all(store: &Transaction<'_>) -> Outcome<Vec<Value>> {
    let mut statement = store.prepare_cached(&format!("{COLUMNS} ORDER BY rowid"))?;
    let rows = statement.query_map((), to_json)?.collect::<Result<_, _>>()?;
    Ok(rows)
}

/// All of them, without what only who works in one may know: the mail addresses.
pub(crate) fn public(store: &Transaction<'_>) -> Outcome<Vec<Value>> {
    let mut facilities = all(store)?;
    for facility in facilities.iter_mut().filter_map(Value::as_object_mut) {
        facility.remove("contact");
    }
    Ok(facilities)
}

pub(crate) async fn list(State(app): State<Shared>, _: Caller) -> Outcome<Response> {
    let facilities = app.store.read(all).await?;
    Ok(http::json(&Value::Array(facilities)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Saying {
    group_id: String,
}

/// A facility's group, if it has one, and its contact.
fn known(store: &Transaction<'_>, facility: &str) -> Outcome<(Option<String>, Option<String>)> {
    let sql = "SELECT group_id, contact FROM facility WHERE id = ?1";
    let known = store.query_row(sql, [facility], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    known.ok_or(Refused::not_found())
}

/// May this group be this facility's? Gives whether it is already.
fn check_group(store: &Transaction<'_>, facility: &str, group: &str) -> Outcome<bool> {
    let sql = "SELECT 1 FROM facility WHERE group_id = ?1 AND id <> ?2";
    if store.query_row(sql, (group, facility), |_| Ok(())).optional()?.is_some() {
        return Err(Refused::conflict("the group is another facility's"));
    }
    match known(store, facility)?.0 {
        None => Ok(false),
        Some(before) if before == group => Ok(true),
        Some(_) => Err(Refused::conflict("the facility has another group")),
    }
}

/// An administrator says which group her facility is, one of which she is a member. What waits for a placeholder without a contact is assigned to it; one with a contact the page
/// claims. All that may fail comes before it is kept.
pub(crate) async fn say_group(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Json(asked): Json<Saying>,
) -> Outcome<Response> {
    if caller.facility_id != id {
        return Err(Refused::not_found());
    }
    caller.needs_admin()?;
    Hash::parse(&asked.group_id).ok_or(Refused::invalid("not the id of a group"))?;
    http::to_its_end(name(app, caller, id, asked.group_id)).await
}

async fn name(app: Shared, caller: Caller, id: String, group_id: String) -> Outcome<Response> {
    let _alone = NAMING.lock().await;
    let (facility, group) = (id.clone(), group_id.clone());
    let contact = app
        .store
        .read(move |store| {
            check_group(store, &facility, &group)?;
            Ok(known(store, &facility)?.1)
        })
        .await?;
    if !app.key_server.groups(&caller.user_id).await?.contains(&group_id) {
        return Err(Refused::forbidden("the key server knows no such group with this member"));
    }
    if contact.is_none() {
        app.key_server.assign(&placeholder(&id), &group_id).await?;
    }
    let (facility, group) = (id.clone(), group_id);
    let (is_new, told) = app
        .store
        .write(move |store| {
            // She may have been removed while the key server was asked.
            caller.is_still_admin(store)?;
            let is_new = !check_group(store, &facility, &group)?;
            store.execute("UPDATE facility SET group_id = ?2 WHERE id = ?1", (&facility, &group))?;
            Ok((is_new, store.query_row(&format!("{COLUMNS} WHERE id = ?1"), [&facility], to_json)?))
        })
        .await?;
    if is_new {
        app.hub.tell(&[], About::Facility, &id);
    }
    Ok(http::json(&told))
}
