//! Can it serve?

use core::time::Duration;
use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::json;
use tokio::{sync::Mutex, time::Instant};

use super::Service;

/// How long what was found holds: strangers ask too, and each look is a commit.
const HOLDS: Duration = Duration::from_secs(1);

/// What was found last.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<Option<(Instant, bool)>>);

impl Health {
    /// Who asks while one looks waits for what that finds.
    async fn look(&self, service: &Service) -> bool {
        let mut last = self.0.lock().await;
        if let Some((at, is_well)) = *last
            && at.elapsed() < HOLDS
        {
            return is_well;
        }
        let mut is_well = true;
        for app in service.apps.values() {
            is_well = is_well && app.database.is_well().await;
        }
        *last = Some((Instant::now(), is_well));
        is_well
    }
}

/// 200 where every application's database answers, 503 where one doesn't.
pub(super) async fn health(State(service): State<Arc<Service>>) -> Response {
    if service.health.look(&service).await {
        super::json(StatusCode::OK, &json!({ "status": "ok" }))
    } else {
        super::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "the database doesn't answer" }))
    }
}
