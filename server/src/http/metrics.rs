//! What an operator watches, in the text format of Prometheus. Nobody is named in it.

use core::{fmt, time::Duration};
use std::sync::{Arc, atomic::Ordering};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use super::Service;

/// In seconds.
const BUCKETS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Counters of a process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    streams: IntGauge,
    free_places: IntGauge,
    mails: IntCounterVec,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}

impl Metrics {
    /// All of them at zero.
    ///
    /// # Errors
    /// Where two have one name; none in fact.
    pub(crate) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("wardkey_requests_total", "Requests, by path and how they ended"),
            &["method", "path", "status", "code"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("wardkey_request_seconds", "How long requests took").buckets(BUCKETS.to_vec()),
            &["method", "path"],
        )?;
        let streams = IntGauge::new("wardkey_event_streams", "Clients that listen for events")?;
        let free_places = IntGauge::new("wardkey_free_places", "Requests that could be taken on")?;
        let mails =
            IntCounterVec::new(Opts::new("wardkey_mails_total", "Codes by mail, sent or given up"), &["outcome"])?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(streams.clone()))?;
        registry.register(Box::new(free_places.clone()))?;
        registry.register(Box::new(mails.clone()))?;
        Ok(Self { registry, requests, seconds, streams, free_places, mails })
    }

    pub(super) fn answered(&self, method: &str, path: &str, status: u16, code: &str, took: Duration) {
        // Only methods of the API: others are the caller's to choose.
        let method = if ["GET", "POST", "PUT"].contains(&method) { method } else { "other" };
        self.requests.with_label_values(&[method, path, &status.to_string(), code]).inc();
        self.seconds.with_label_values(&[method, path]).observe(took.as_secs_f64());
    }

    pub(super) fn listening(&self) -> Listening {
        self.streams.inc();
        Listening(self.streams.clone())
    }
}

/// One stream.
pub(super) struct Listening(IntGauge);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.dec();
    }
}

pub(super) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let Metrics { registry, free_places, mails, .. } = &service.metrics;
    free_places.set(i64::try_from(service.limits.places_left()).unwrap_or(i64::MAX));
    let counts = service.mailer.counts();
    for (outcome, count) in [("sent", &counts.sent), ("failed", &counts.failed)] {
        let counter = mails.with_label_values(&[outcome]);
        counter.reset();
        counter.inc_by(count.load(Ordering::Relaxed));
    }
    let mut text = Vec::new();
    match TextEncoder::new().encode(&registry.gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(_) => axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
