//! `wardkey-server admin`: what the application's server asks, from the command line. API section 10.

use std::path::Path;

use serde_json::{Value, json};
use wardkey::{
    encoding::from_base64url,
    identity::{AppId, Asked, Identity, UserId},
    journal::{Entry, Subject},
    signed::{Hash, Minimum},
};
use wardkey_rules::StoreError;

use crate::{
    apps,
    config::{Admin, AdminCommand},
    journal::{Failed, export_one},
};

const ASSIGN: &str = "/v1/assignments";

/// A running server, and who asks it.
struct Asking<'a> {
    agent: ureq::Agent,
    url: &'a str,
    credential: String,
}

impl Asking<'_> {
    fn ask(&self, path: &str, body: &Value) -> Result<Value, String> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        let asked = self.agent.post(&url).header("Authorization", format!("Bearer {}", self.credential.trim()));
        let mut answer = asked.send_json(body).map_err(|error| format!("{url}: {error}"))?;
        let status = answer.status();
        let read = answer.body_mut().with_config().limit(1 << 28).read_json::<Value>();
        let json = read.map_err(|_| format!("{url}: {status}, and no JSON"))?;
        if status.is_success() {
            return Ok(json);
        }
        let said = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(format!("{}: {}", said("code"), said("message")))
    }

    /// The key server's identity, as any client is told it.
    fn key_server(&self, app_id: &AppId) -> Result<Identity, String> {
        let kdf = json!({ "name": "pbkdf2-sha256", "iterations": 600_000 });
        let asked = json!({ "appId": app_id.as_str(), "userId": "wardkey-server admin", "kdf": kdf });
        let told = self.ask("/v1/public/login", &asked)?;
        let bundles = told.get("keyServer").and_then(Value::as_array).into_iter().flatten();
        let bundles: Vec<_> =
            bundles.filter_map(|bundle| bundle.as_str().and_then(|text| from_base64url(text).ok())).collect();
        let bundles: Vec<_> = bundles.iter().map(Vec::as_slice).collect();
        Identity::verify(&bundles, app_id, Asked::KeyServer, Minimum::default()).map_err(|error| error.to_string())
    }

    /// A journal, in lines.
    fn journal(&self, of: &Value, mut after: u64) -> Result<String, String> {
        let mut lines = Vec::new();
        loop {
            let page = self.ask("/v1/admin/journal", &with(of, "after", after.into()))?;
            let entries = page.get("entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            after += entries.len() as u64;
            for entry in entries {
                lines.push(line(entry)?);
            }
            if !has_more(&page) || entries.is_empty() {
                return Ok(lines.join("\n"));
            }
        }
    }

    fn export(&self, app: &str, (subject, of): (&Subject, &Value), to: &Path) -> Result<String, String> {
        let app_id = AppId::new(app).map_err(|error| error.to_string())?;
        let key_server = self.key_server(&app_id)?;
        let mut file = apps::new_file(to)?;
        let asked = with(of, "proofs", true.into());
        let page = |after: u64| {
            let page = self.ask("/v1/admin/journal", &with(&asked, "after", after.into()));
            page.map_err(|why| Failed::Store(StoreError(why)))
        };
        let entries = export_one((&key_server, &app_id), subject, page, &mut file);
        let entries = entries.map_err(|error| format!("{}: {error}", to.display()))?;
        Ok(format!("{}: {entries} entries", to.display()))
    }

    /// Assigns, until nothing waits any more.
    fn assign(&self, body: &Value) -> Result<String, String> {
        let mut sessions = Vec::new();
        loop {
            let done = self.ask(ASSIGN, body)?;
            sessions.extend(done.get("sessions").and_then(Value::as_array).into_iter().flatten().cloned());
            if !has_more(&done) {
                return pretty(&json!({ "sessions": sessions }));
            }
        }
    }
}

fn has_more(answer: &Value) -> bool {
    answer.get("more") == Some(&Value::Bool(true))
}

fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    body
}

fn pretty(json: &Value) -> Result<String, String> {
    serde_json::to_string_pretty(json).map_err(|error| error.to_string())
}

/// Asks a running server; gives its answer, for people.
///
/// # Errors
/// In one line, what it said.
pub(crate) fn ask(admin: &Admin) -> Result<String, String> {
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
    let asking = Asking { agent, url: &admin.url, credential: apps::read(&admin.credential_file)? };
    let disable = |user_id: &str, disabled: bool| {
        pretty(&asking.ask("/v1/admin/disable", &json!({ "userId": user_id, "disabled": disabled }))?)
    };
    match &admin.what {
        AdminCommand::User { user_id } => pretty(&asking.ask("/v1/admin/user", &json!({ "userId": user_id }))?),
        AdminCommand::Disable { user_id } => disable(user_id, true),
        AdminCommand::Enable { user_id } => disable(user_id, false),
        AdminCommand::Assign { placeholder, group_id } => {
            asking.assign(&json!({ "placeholder": placeholder, "groupId": group_id }))
        }
        AdminCommand::Journal { user, session, after } => {
            asking.journal(&subject(user.as_deref(), session.as_deref())?.1, *after)
        }
        AdminCommand::ExportJournal { app, user, session, to } => {
            let (subject, of) = subject(user.as_deref(), session.as_deref())?;
            asking.export(app, (&subject, &of), to)
        }
    }
}

/// Of whom or what a journal is, and how that is asked for.
fn subject(user: Option<&str>, session: Option<&str>) -> Result<(Subject, Value), String> {
    match (user, session) {
        (_, Some(id)) => {
            let hash = Hash::parse(id).ok_or_else(|| format!("{id}: not the id of a session"))?;
            Ok((Subject::Session(hash), json!({ "sessionId": id })))
        }
        (user, None) => {
            let id = UserId::new(user.unwrap_or_default()).map_err(|error| error.to_string())?;
            let asked = json!({ "userId": id.as_str() });
            Ok((Subject::User(id), asked))
        }
    }
}

/// An entry of a journal.
fn line(given: &Value) -> Result<String, String> {
    let bytes = given.as_str().and_then(|text| from_base64url(text).ok()).unwrap_or_default();
    let Entry { sequence, time, actor, action, detail, .. } =
        Entry::from_bytes(&bytes).map_err(|_| "an entry of the journal can't be read".to_owned())?;
    let actor = actor.as_ref().map(UserId::as_str);
    let detail: serde_json::Map<_, _> = detail.into_iter().map(|(name, value)| (name, value.into())).collect();
    let line = json!({ "sequence": sequence, "time": time, "actor": actor, "action": action, "detail": detail });
    Ok(line.to_string())
}
