//! The face in WebAssembly, for `npm/testing.ts`. What it gives is JSON text; what it throws is the JSON text of an error of the API.

#![allow(unreachable_pub, reason = "what is exported to JavaScript is public there")]

use core::fmt;

use getrandom::SysRng;
use serde_json::{Value, json};
use wardkey::{
    identity::{AppId, UserId},
    random,
};
use wardkey_rules::{ApiError, Event, Mail, Reply, is_public};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::KeyServer;

/// What is freed is wiped.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

type Answer<T> = Result<T, String>;

fn refused(error: impl Into<ApiError>) -> String {
    error.into().to_json().to_string()
}

fn user(name: &str) -> Answer<UserId> {
    UserId::new(name).map_err(refused)
}

/// A key server with its application.
#[wasm_bindgen]
pub struct TestServer(KeyServer<SysRng>);

#[wasm_bindgen]
impl TestServer {
    /// An empty one.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self(KeyServer::new(random::system()))
    }

    /// That of a state.
    pub fn restore(state: &str) -> Answer<TestServer> {
        KeyServer::restore(random::system(), state).map(Self).map_err(refused)
    }

    /// Everything.
    pub fn state(&self) -> Answer<String> {
        self.0.state().map_err(refused)
    }

    /// `{"reply", "mails": [{"to", "userId"?, "code"}, …], "events": [{"userId", "event"}, …]}`
    pub fn request(
        &mut self,
        now: u64,
        method: &str,
        path: &str,
        body: Option<String>,
        caller: Option<String>,
    ) -> Answer<String> {
        // What a public request knows of its caller is not used.
        let caller = caller.filter(|_| !is_public(method, path)).map(|caller| user(&caller)).transpose()?;
        let reply = self.0.request(now, caller.as_ref(), (method, path), body.as_deref()).map_err(refused)?;
        let Reply { json, mails, events } = reply;
        Ok(json!({
            "reply": json,
            "mails": mails.iter().map(mail).collect::<Vec<_>>(),
            "events": events.iter().map(event).collect::<Vec<_>>(),
        })
        .to_string())
    }

    /// The key server's fingerprint.
    #[wasm_bindgen(js_name = escrowKey)]
    pub fn escrow_key(&mut self, app_id: &str) -> Answer<String> {
        let app_id = AppId::new(app_id).map_err(refused)?;
        Ok(self.0.escrow_key(&app_id).map_err(refused)?.to_string())
    }

    /// `appShare.put`
    #[wasm_bindgen(js_name = putShare)]
    pub fn put_share(&mut self, name: &str, share: &str) -> Answer<()> {
        self.0.put_share(&user(name)?, share).map_err(refused)
    }

    /// `appShare.get`
    #[wasm_bindgen(js_name = takeShare)]
    pub fn take_share(&mut self, now: u64, name: &str, receipt: &str) -> Answer<String> {
        self.0.take_share(now, &user(name)?, receipt).map_err(refused)
    }

    /// Assigns a placeholder to a group: `[{"userId", "event"}, …]`
    #[wasm_bindgen(js_name = assignPlaceholder)]
    pub fn assign_placeholder(&mut self, now: u64, placeholder: &str, group: &str) -> Answer<String> {
        let events = self.0.assign_placeholder(now, placeholder, group).map_err(refused)?;
        Ok(events.iter().map(event).collect::<Value>().to_string())
    }
}

fn mail(mail: &Mail) -> Value {
    let mut json = json!({ "to": mail.to, "code": mail.code });
    if let Some((user, members)) = mail.user_id.as_ref().zip(json.as_object_mut()) {
        members.insert("userId".to_owned(), user.as_str().into());
    }
    json
}

fn event(event: &Event) -> Value {
    json!({ "userId": event.user_id().as_str(), "event": event.to_json() })
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
