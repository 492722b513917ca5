//! What the application asks the key server itself: who it is (API section 3.1), and what only its credential may (9.7, 10.1 and 10.2).

use core::{fmt, time::Duration};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use wardkey::{
    encoding::from_base64url,
    identity::{AppId, Asked, Identity},
    signed::{Hash, Minimum},
};

use crate::refused::{Outcome, Refused};

const PATIENCE: Duration = Duration::from_secs(10);
/// More of an assignment are asked for at most so often.
const ROUNDS: usize = 10_000;

/// The key server.
#[derive(Clone)]
pub(crate) struct KeyServer(Arc<Inner>);

struct Inner {
    agent: ureq::Agent,
    url: String,
    pages_url: String,
    credential: String,
    app_id: AppId,
    anchor: Hash,
}

impl fmt::Debug for KeyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyServer({})", self.0.url)
    }
}

impl KeyServer {
    pub(crate) fn new(url: &str, pages_url: &str, credential: &str, app_id: AppId, anchor: Hash) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let [url, pages_url] = [url, pages_url].map(|url| url.trim_end_matches('/').to_owned());
        let (agent, credential) = (ureq::Agent::new_with_config(config), credential.trim().to_owned());
        Self(Arc::new(Inner { agent, url, pages_url, credential, app_id, anchor }))
    }

    /// Its fingerprint, in text.
    pub(crate) fn anchor(&self) -> String {
        self.0.anchor.to_string()
    }

    /// As pages reach it.
    pub(crate) fn pages_url(&self) -> &str {
        &self.0.pages_url
    }

    pub(crate) fn app_id(&self) -> &AppId {
        &self.0.app_id
    }

    /// Its identity, verified against the anchor.
    pub(crate) async fn identity(&self) -> Outcome<Identity> {
        let kdf = json!({ "name": "pbkdf2-sha256", "iterations": 600_000 });
        let body = json!({ "appId": self.0.app_id.as_str(), "userId": "application", "kdf": kdf });
        let told = self.ask("/v1/public/login", body).await?.1;
        let bundles = told.get("keyServer").and_then(Value::as_array).into_iter().flatten();
        let bundles: Vec<Vec<u8>> = bundles.filter_map(|bundle| from_base64url(bundle.as_str()?).ok()).collect();
        let bundles: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
        let identity = Identity::verify(&bundles, &self.0.app_id, Asked::KeyServer, Minimum::default());
        let identity = identity.map_err(|error| Refused::key_server(&error))?;
        if *identity.fingerprint() != self.0.anchor {
            return Err(Refused::key_server(&"it isn't the one that is anchored"));
        }
        Ok(identity)
    }

    /// From now on it refuses whatever this user asks, or no longer.
    pub(crate) async fn disable(&self, user_id: &str, disabled: bool) -> Outcome<()> {
        let (status, told) = self.ask("/v1/admin/disable", json!({ "userId": user_id, "disabled": disabled })).await?;
        if status == 200 { Ok(()) } else { Err(Refused::key_server(&code(&told))) }
    }

    /// The groups of which this user is a member.
    pub(crate) async fn groups(&self, user_id: &str) -> Outcome<Vec<String>> {
        let (status, told) = self.ask("/v1/admin/user", json!({ "userId": user_id })).await?;
        let groups = told.get("groups").and_then(Value::as_array).filter(|_| status == 200);
        let groups = groups.ok_or_else(|| Refused::key_server(&code(&told)))?;
        Ok(groups.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect())
    }

    /// Gives what was sealed for a placeholder without a contact to a group.
    pub(crate) async fn assign(&self, placeholder: &str, group_id: &str) -> Outcome<()> {
        for _ in 0..ROUNDS {
            let body = json!({ "placeholder": placeholder, "groupId": group_id });
            let (status, told) = self.ask("/v1/assignments", body).await?;
            match (status, code(&told)) {
                (200, _) if told.get("more") == Some(&Value::Bool(true)) => {}
                // Nothing waits for it, or nothing that the application may give.
                (200, _) | (_, "unknown-session" | "forbidden") => return Ok(()),
                (_, "unknown-group") => return Err(Refused::invalid("the key server knows no such group")),
                (_, "stale") => {
                    return Err(Refused::conflict("the group's heads have ended: an admin of it signs new ones"));
                }
                (_, code) => return Err(Refused::key_server(&code)),
            }
        }
        Err(Refused::key_server(&"an assignment that doesn't end"))
    }

    async fn ask(&self, path: &'static str, body: Value) -> Outcome<(u16, Value)> {
        let inner = Arc::clone(&self.0);
        let asked = spawn_blocking(move || {
            let url = format!("{}{path}", inner.url);
            let asked = inner.agent.post(&url).header("authorization", format!("Bearer {}", inner.credential));
            let mut answer = asked.send_json(&body)?;
            Ok::<_, ureq::Error>((answer.status().as_u16(), answer.body_mut().read_json::<Value>()?))
        });
        let asked = asked.await.map_err(|error| Refused::failed(&error))?;
        asked.map_err(|error| Refused::key_server(&error))
    }
}

fn code(told: &Value) -> &str {
    told.get("code").and_then(Value::as_str).unwrap_or_default()
}
