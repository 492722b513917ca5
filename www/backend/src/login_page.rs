//! What the page knows before anybody has logged in, and whose names it shows to who has.

use axum::{extract::State, http::HeaderMap, response::Response};
use serde_json::{Value, json};

use crate::{
    facilities,
    http::{self, Shared},
    logins,
    refused::Outcome,
};

/// `GET /api/config`: where the key server is, and the facilities. In development the demo's people too, with their passwords for as long as they have them. Who is logged in is told
/// everybody's name, also of who has left: as authors they remain.
pub(crate) async fn config(State(app): State<Shared>, headers: HeaderMap) -> Outcome<Response> {
    let is_in = logins::find(&app, &headers).await?.is_some();
    let of = std::sync::Arc::clone(&app);
    let (facilities, people) = app
        .store
        .read(move |store| {
            let password = |user_id: &str| {
                let known = of.demo.people.iter().find(|person| person.user_id == user_id);
                known.map(|person| person.password.as_str()).filter(|_| of.settings.development)
            };
            let sql = "SELECT user_id, name, facility_id, role, secret IS NOT NULL AND demo_password FROM staff ORDER BY rowid";
            let mut statement = store.prepare_cached(sql)?;
            let people = statement.query_map((), |row| {
                let user_id: String = row.get(0)?;
                let password = if row.get(4)? { password(&user_id) } else { None };
                let mut person = json!({
                    "userId": user_id, "name": row.get::<_, String>(1)?, "facilityId": row.get::<_, String>(2)?, "role": row.get::<_, String>(3)?,
                });
                if let (Some(password), Some(members)) = (password, person.as_object_mut()) {
                    members.insert("demoPassword".to_owned(), password.into());
                }
                Ok((is_in || password.is_some()).then_some(person))
            })?;
            let people: Vec<Value> = people.filter_map(Result::transpose).collect::<Result<_, _>>()?;
            Ok((facilities::public(store)?, people))
        })
        .await?;
    Ok(http::json(&json!({
        "appId": app.key_server.app_id().as_str(), "keyServer": app.key_server.pages_url(), "escrowKey": app.key_server.anchor(),
        "facilities": facilities, "people": people, "development": app.settings.development,
    })))
}
