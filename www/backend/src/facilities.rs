//! Facilities: made from the demo's file, each with an invitation for its first administrator, and the group that is its staff at the key server.

use axum::{extract::State, response::Response};
use rusqlite::{OptionalExtension as _, Row, Transaction};
use serde::Deserialize;
use serde_json::{Value, json};
use wardkey::signed::Hash;

use crate::{
    config::DemoFacility,
    events::About,
    http::{self, Json, Path, Shared},
    logins::{Caller, hash_of_invitation},
    mail, random,
    refused::{Outcome, Refused},
};

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

/// All of them.
pub(crate) fn all(store: &Transaction<'_>) -> Outcome<Vec<Value>> {
    let mut statement = store.prepare_cached(&format!("{COLUMNS} ORDER BY rowid"))?;
    let rows = statement.query_map((), to_json)?.collect::<Result<_, _>>()?;
    Ok(rows)
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

/// An administrator says which group her facility is. What waits for a placeholder without a contact is assigned to it; one with a contact the page claims.
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
    let (facility, group) = (id.clone(), asked.group_id.clone());
    let (is_new, contact, told) = app
        .store
        .write(move |store| {
            let sql = "SELECT group_id, contact FROM facility WHERE id = ?1";
            let known: Option<(Option<String>, Option<String>)> =
                store.query_row(sql, [&facility], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let (before, contact) = known.ok_or(Refused::not_found())?;
            if before.as_ref().is_some_and(|before| *before != group) {
                return Err(Refused::conflict("the facility has another group"));
            }
            store.execute("UPDATE facility SET group_id = ?2 WHERE id = ?1", (&facility, &group))?;
            let told = store.query_row(&format!("{COLUMNS} WHERE id = ?1"), [&facility], to_json)?;
            Ok((before.is_none(), contact, told))
        })
        .await?;
    if is_new {
        app.hub.tell(&[], About::Facility, &id);
    }
    if contact.is_none() {
        app.key_server.assign(&placeholder(&id), &asked.group_id).await?;
    }
    Ok(http::json(&told))
}
