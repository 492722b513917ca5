//! Requests, to be asked of a database.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use wardkey::identity::UserId;
use wardkey_rules::{ApiError, Body, Caller, MemoryStore, Reply, Request, Server};

pub(crate) struct Seen {
    pub(crate) caller: Option<UserId>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

#[derive(Clone, Default)]
pub(crate) struct Mirror(pub(crate) Arc<Mutex<Vec<Seen>>>);

impl Mirror {
    pub(crate) fn ask(
        &self,
        _: &Server,
        _: (&MemoryStore, &MemoryStore),
        request: &Request<'_>,
        _: [u8; 32],
        _: &Result<Reply, ApiError>,
    ) {
        let caller = if let Some(Caller::User(id)) = request.caller { Some(id.clone()) } else { None };
        let body = if let Body::Json(body) = request.body { Some(body.clone()) } else { None };
        let (method, path) = (request.method.to_owned(), request.path.to_owned());
        self.0.lock().unwrap().push(Seen { caller, method, path, body });
    }
}
