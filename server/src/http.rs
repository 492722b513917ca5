//! The API over HTTP: from a request to who asks, within the limits, to the rules, and back. API section 1.

mod body;
mod events;
mod health;
mod limits;
mod metrics;
mod patience;

use core::net::{IpAddr, SocketAddr};
use std::{collections::HashMap, sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;
use tower_http::cors::{AllowOrigin, CorsLayer};
use wardkey::{encoding::from_base64url, error::Code, identity::AppId};
use wardkey_rules::{ApiError, Server};

use crate::{
    clock::now_ms,
    mail::{Language, Mailer},
    store::{Asked, AskedBy, Database},
    tokens::{Named, Tokens},
};

pub(crate) use self::{
    events::Hub,
    health::Health,
    limits::{Limits, Rates},
    metrics::Metrics,
    patience::Patience,
};

/// Who the client says it is: base64url of UTF-8.
const USER: HeaderName = HeaderName::from_static("wardkey-user");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// An application that is served.
#[derive(Debug)]
pub(crate) struct App {
    /// Its id.
    pub id: AppId,
    /// Who calls for it.
    pub tokens: Tokens,
    /// Its key server.
    pub server: Arc<Server>,
    /// What that keeps.
    pub database: Database,
    /// Who listens.
    pub hub: Hub,
}

/// Which pages may ask, by their origins.
#[derive(Clone, Debug)]
pub(crate) enum Origins {
    /// These.
    Listed(Vec<HeaderValue>),
    /// Those of this machine: for development.
    Loopback,
}

/// All that requests are served with.
#[derive(Debug)]
pub(crate) struct Service {
    /// By their ids.
    pub apps: HashMap<String, Arc<App>>,
    /// The limits.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Metrics,
    /// Sends codes.
    pub mailer: Mailer,
    /// Whether it can serve.
    pub health: Health,
}

/// What answers: health, the description, and the API of every application, below its id or, of an only one, at the root too.
pub(crate) fn router(service: Arc<Service>, origins: Origins) -> Router {
    let origins = match origins {
        Origins::Listed(origins) => AllowOrigin::list(origins),
        Origins::Loopback => AllowOrigin::predicate(|origin, _| is_loopback(origin)),
    };
    let cors = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, USER, IDEMPOTENCY_KEY])
        .expose_headers([header::RETRY_AFTER])
        .max_age(core::time::Duration::from_secs(24 * 60 * 60));
    Router::new()
        .route("/health", get(health::health))
        .route("/v1/openapi.json", get(described))
        .fallback(api)
        .layer(cors)
        .with_state(service)
}

async fn described() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], crate::openapi::description()).into_response()
}

/// What counts requests, on an address of its own.
pub(crate) fn metrics_router(service: Arc<Service>) -> Router {
    Router::new().route("/metrics", get(metrics::metrics)).with_state(service)
}

fn is_loopback(origin: &HeaderValue) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")).unwrap_or_default();
    let host = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(host, _)| host);
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

/// What one request is about, as far as the log and the metrics may know.
struct Seen {
    method: Method,
    /// The path without ids.
    path: String,
    begun: Instant,
}

/// A path of the API without ids.
fn pattern(method: &Method, path: &str) -> String {
    if wardkey_rules::check(method.as_str(), path).is_err() {
        return "unknown".to_owned();
    }
    let plain = |segment| if matches!(str::len(segment), 22 | 43) { "{id}" } else { segment };
    path.split('/').map(plain).collect::<Vec<_>>().join("/")
}

async fn api(
    State(service): State<Arc<Service>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let found = find(&service.apps, parts.uri.path());
    let path = found.map_or("", |(_, path)| path);
    let seen = Seen { method: parts.method.clone(), path: pattern(&parts.method, path), begun };
    let Some(_place) = service.limits.enter() else {
        let error = ApiError::throttled("too many requests at once", 1_000);
        return finish(&service, &seen, &error);
    };
    let address = service.limits.address(peer.ip(), &parts.headers);
    let answered = match found {
        Some((app, path)) => {
            let asked = Http { service: &service, app, method: &parts.method, path, headers: &parts.headers, address };
            asked.answer(body).await
        }
        None => Err(ApiError::not_here()),
    };
    match answered {
        Ok(response) => finish_well(&service, &seen, response),
        Err(error) => finish(&service, &seen, &error),
    }
}

/// The application of a path, and the path from `/v1` on.
fn find<'a, 'p>(apps: &'a HashMap<String, Arc<App>>, path: &'p str) -> Option<(&'a Arc<App>, &'p str)> {
    if path.starts_with("/v1/") {
        let mut all = apps.values();
        return all.next().filter(|_| all.next().is_none()).map(|app| (app, path));
    }
    let (name, _) = path.strip_prefix('/')?.split_once('/')?;
    let app = apps.get(name).or_else(|| {
        let name = String::from_utf8(from_base64url(name.strip_prefix('~')?).ok()?).ok()?;
        apps.get(&name)
    })?;
    Some((app, path.get(1 + name.len()..)?))
}

fn finish_well(service: &Service, seen: &Seen, response: Response) -> Response {
    let took = seen.begun.elapsed();
    service.metrics.answered(seen.method.as_str(), &seen.path, response.status().as_u16(), "ok", took);
    tracing::debug!(
        method = seen.method.as_str(),
        path = %seen.path,
        status = response.status().as_u16(),
        ms = took.as_secs_f64() * 1e3,
        "answered"
    );
    response
}

fn finish(service: &Service, seen: &Seen, error: &ApiError) -> Response {
    let (took, status, code) = (seen.begun.elapsed(), error.status(), error.code().as_str());
    service.metrics.answered(seen.method.as_str(), &seen.path, status, code, took);
    let (method, path, ms) = (seen.method.as_str(), seen.path.as_str(), took.as_secs_f64() * 1e3);
    match error.cause() {
        // What the store says is the operator's.
        Some(cause) => tracing::error!(method, path, status, code, ms, cause, "failed"),
        None => tracing::debug!(method, path, status, code, ms, "refused"),
    }
    refused(error)
}

struct Http<'a> {
    service: &'a Service,
    app: &'a Arc<App>,
    method: &'a Method,
    path: &'a str,
    headers: &'a HeaderMap,
    address: IpAddr,
}

impl Http<'_> {
    async fn answer(&self, body: Body) -> Result<Response, ApiError> {
        let Self { service, app, method, path, headers, address } = *self;
        let is_public = wardkey_rules::check(method.as_str(), path)?;
        body::check_length(headers, is_public)?;
        let mut _place = None;
        let (caller, until_s) = if is_public {
            service.limits.public(address)?;
            _place = Some(service.limits.enter_as_stranger()?);
            (None, None)
        } else {
            let (caller, until_s) = self.caller()?;
            (Some(caller), until_s)
        };
        let body = body::read(body, &service.limits, is_public).await?;
        // Before the rules are asked: who is disabled while they answer is told of it.
        let listening = match &caller {
            Some(AskedBy::User(user)) if path == "/v1/events" => Some(app.hub.listen(user)?),
            _ => None,
        };
        let asked = Asked {
            caller,
            method: method.as_str().to_owned(),
            path: path.to_owned(),
            idempotency_key: idempotency_key(headers)?,
            body,
        };
        let reply = app.database.request(&app.server, asked, now_ms()).await?;
        let language = text(headers, &header::ACCEPT_LANGUAGE).and_then(Language::accepted);
        for mail in reply.mails {
            // Whose browser asks isn't who claims a placeholder's mail.
            let language = language.filter(|_| mail.user_id.is_some());
            service.mailer.send(mail, language);
        }
        if let Some(listening) = listening {
            return events::stream(service, listening, until_s.unwrap_or_default());
        }
        Ok(json(StatusCode::OK, &reply.json))
    }

    /// Who asks, by the token; and until when that is good.
    fn caller(&self) -> Result<(AskedBy, Option<u64>), ApiError> {
        let Self { service, app, headers, .. } = *self;
        let given = text(headers, &header::AUTHORIZATION).and_then(bearer).ok_or_else(ApiError::unauthenticated)?;
        if app.tokens.is_application(given) {
            return Ok((AskedBy::Application, None));
        }
        let named = app.tokens.user(given, now_ms() / 1_000);
        let Named { user_id, until_s } = named.ok_or_else(|| {
            // Tries of tokens are limited as public requests are.
            service.limits.public(self.address).err().unwrap_or_else(ApiError::unauthenticated)
        })?;
        if let Some(says) = headers.get(USER) {
            let says = says.to_str().ok().and_then(|says| from_base64url(says).ok());
            if says.is_none_or(|says| says != user_id.as_str().as_bytes()) {
                return Err(ApiError::other_caller());
            }
        }
        service.limits.user(&user_id)?;
        Ok((AskedBy::User(user_id), Some(until_s)))
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// RFC 6750, section 2.1.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Its form is the rules' to check, where it counts.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let unreadable =
        ApiError::new(Code::InvalidArgument, "an idempotency key has 1 to 255 visible characters of ASCII");
    key.to_str().map(|key| Some(key.to_owned())).map_err(|_| unreadable)
}

fn json(status: StatusCode, body: &Value) -> Response {
    const HEADERS: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let mut bytes = Vec::with_capacity(most_bytes(body));
    // Only a map whose keys aren't strings can't be written, and a disk that is full.
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => (status, HEADERS, bytes).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// About so long is it as text, or less: the answer to who opens a thousand sessions doesn't move while it is written.
fn most_bytes(body: &Value) -> usize {
    match body {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 24,
        Value::String(text) => text.len() + 3,
        Value::Array(items) => 3 + items.iter().map(most_bytes).sum::<usize>(),
        Value::Object(members) => {
            3 + members.iter().map(|(name, value)| name.len() + 4 + most_bytes(value)).sum::<usize>()
        }
    }
}

/// An error as its answer.
fn refused(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &error.to_json());
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(ms) = error.retry_after_ms() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
    }
    response
}
