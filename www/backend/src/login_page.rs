//! What the page knows before anybody has logged in.

use std::collections::HashMap;

use axum::{extract::State, response::Response};
use serde_json::{Value, json};

use crate::{
    facilities,
    http::{self, Shared},
    refused::Outcome,
};

/// `GET /api/config`: where the key server is, the facilities, and everybody's name, also of who has left: as authors they remain. Of the demo's people who may log in the password
/// too, until they change it.
pub(crate) async fn config(State(app): State<Shared>) -> Outcome<Response> {
    let passwords: HashMap<String, String> =
        app.demo.people.iter().map(|person| (person.user_id.clone(), person.password.clone())).collect();
    let (facilities, people) = app
        .store
        .read(move |store| {
            let sql = "SELECT user_id, name, facility_id, role, secret IS NOT NULL AND NOT secret_changed FROM staff ORDER BY rowid";
            let mut statement = store.prepare_cached(sql)?;
            let people = statement.query_map((), |row| {
                let user_id: String = row.get(0)?;
                let mut person = json!({
                    "userId": user_id, "name": row.get::<_, String>(1)?, "facilityId": row.get::<_, String>(2)?, "role": row.get::<_, String>(3)?,
                });
                let password = passwords.get(&user_id).filter(|_| matches!(row.get(4), Ok(true)));
                if let (Some(password), Some(members)) = (password, person.as_object_mut()) {
                    members.insert("demoPassword".to_owned(), password.as_str().into());
                }
                Ok(person)
            })?;
            Ok((facilities::all(store)?, people.collect::<Result<Vec<Value>, _>>()?))
        })
        .await?;
    Ok(http::json(&json!({
        "appId": app.key_server.app_id().as_str(), "keyServer": app.key_server.pages_url(), "escrowKey": app.key_server.anchor(),
        "facilities": facilities, "people": people, "development": true,
    })))
}
