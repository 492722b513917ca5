//! From a request to what answers it: paths, bodies, cookies, and what every answer says to the browser.

use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{self, ConnectInfo, FromRequest, FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get, post, put},
};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::{
    address_book,
    config::Serve,
    events::{self, Hub},
    facilities, files, held,
    key_server::KeyServer,
    login_page, logins, mail, messages, page,
    places::Places,
    refused::{Outcome, Refused},
    shares, staff,
    store::Store,
    throttle::Throttle,
    tokens::Signer,
    transfers,
};

/// A request that changes something says so by this header, which no form and no other site's page can send unasked.
const ASKED_BY: HeaderName = HeaderName::from_static("x-requested-with");
const PAGE: &str = "wardkey-demo";
/// What the package itself asks, by docs/API.md: without that header.
const SHARE: &str = "/api/share";
/// Of a JSON body: more than the largest sealed text in base64url.
const MOST: usize = 1 << 20;
/// How long a client may send nothing.
const PATIENCE: Duration = Duration::from_secs(20);
/// The slowest line that is served, in bytes a second: a body takes no longer than its share, and the patience once.
const SLOWEST: u64 = 16 << 10;

/// All that requests are answered with.
#[derive(Debug)]
pub(crate) struct App {
    pub settings: Serve,
    pub demo: crate::config::Demo,
    pub store: Store,
    pub hub: Hub,
    pub throttle: Throttle,
    pub places: Places,
    pub signer: Signer,
    pub key_server: KeyServer,
}

pub(crate) type Shared = Arc<App>;

/// Every path.
pub(crate) fn router(app: Shared) -> Router {
    let mut api = Router::new()
        .route("/config", get(login_page::config))
        .route("/register", post(logins::register))
        .route("/login", post(logins::login))
        .route("/logout", post(logins::logout))
        .route("/me", get(logins::me))
        .route("/token", post(logins::token))
        .route("/login-secret", put(logins::change_secret))
        .route("/share", put(shares::replace).post(shares::release))
        .route("/facilities", get(facilities::list))
        .route("/facilities/{id}/group", post(facilities::say_group))
        .route("/address-book", get(address_book::list).post(address_book::add))
        .route("/staff", get(staff::list).post(staff::invite))
        .route("/staff/{user}", put(staff::change).delete(staff::remove))
        .route("/transfers", get(transfers::list).post(transfers::create))
        .route("/transfers/{id}", get(transfers::one))
        .route("/transfers/{id}/state", post(transfers::change_state))
        .route("/transfers/{id}/messages", get(messages::list).post(messages::write))
        .route("/files", post(files::begin))
        .route("/files/{id}", get(files::about).delete(files::cancel))
        .route("/files/{id}/parts/{part}", put(files::put_part))
        .route("/files/{id}/complete", post(files::complete))
        .route("/files/{id}/content", get(files::content))
        .route("/events", get(events::listen));
    if app.settings.development {
        api = api.route("/dev/held/{transfer}", get(held::rows)).route("/dev/mail", get(mail::list));
    }
    let api = api.route("/{*rest}", any(nothing)).method_not_allowed_fallback(nothing);
    Router::new()
        .nest("/api", api)
        .fallback(page::serve)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard))
        .with_state(app)
}

async fn nothing() -> Refused {
    Refused::not_found()
}

/// Who may ask at all, and what every answer says to the browser.
async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = match check(&request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    let headers = response.headers_mut();
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' {}; img-src 'self' blob:; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'self'",
        app.key_server.pages_url()
    );
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let kept = if is_api { "no-store" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

fn check(request: &Request) -> Outcome<()> {
    // Another site's name that was made to lead to this machine.
    let host = text(request.headers(), &header::HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !["localhost", "127.0.0.1", "[::1]"].contains(&name) {
        return Err(Refused::forbidden("this server is localhost"));
    }
    if [Method::GET, Method::HEAD].contains(request.method()) {
        return Ok(());
    }
    let path = request.uri().path();
    // A body of this type needs leave that no other site gets, too.
    let is_share = path == SHARE && text(request.headers(), &header::CONTENT_TYPE) == Some("application/json");
    if !is_share && text(request.headers(), &ASKED_BY) != Some(PAGE) {
        return Err(Refused::forbidden(
            "a request that changes something has the header x-requested-with: wardkey-demo",
        ));
    }
    Ok(())
}

pub(crate) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// A cookie's value.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Tells the browser to keep a cookie that no script sees and no other site sends; 0 seconds: to forget it.
pub(crate) fn with_cookie(name: &str, value: &str, seconds: u64, mut response: Response) -> Response {
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// An answer.
pub(crate) fn json(body: &Value) -> Response {
    json_response(StatusCode::OK, body)
}

/// A JSON body of exactly these members.
#[derive(Debug)]
pub(crate) struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &Shared) -> Outcome<Self> {
        let bytes = read(request.into_body(), MOST).await?;
        let parsed = serde_json::from_slice(&bytes);
        // What serde says would tell the request's text again.
        parsed.map(Self).map_err(|_| Refused::invalid("the body isn't the JSON that this path takes"))
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address(pub IpAddr);

impl FromRequestParts<Shared> for Address {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Outcome<Self> {
        let found = ConnectInfo::<SocketAddr>::from_request_parts(parts, app).await;
        found.map(|ConnectInfo(address)| Self(address.ip())).map_err(|error| Refused::failed(&error))
    }
}

/// What stands in the path; of what hasn't its form there is nothing.
#[derive(Debug)]
pub(crate) struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Path<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Outcome<Self> {
        let found = extract::Path::<T>::from_request_parts(parts, app).await;
        found.map(|extract::Path(values)| Self(values)).map_err(|_| Refused::not_found())
    }
}

/// Does what is done at the key server too: to its end, though who asked has gone. Else it would stop in the middle.
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Outcome<T>> + Send + 'static,
) -> Outcome<T> {
    tokio::spawn(work).await.map_err(|error| Refused::failed(&error))?
}

/// A body of so many bytes at most.
pub(crate) async fn read(mut body: Body, most: usize) -> Outcome<Bytes> {
    const TOO_SLOW: Refused = Refused::invalid("the body came too slowly");
    let (mut bytes, begun) = (Vec::new(), Instant::now());
    loop {
        let Some(frame) = timeout(PATIENCE, body.frame()).await.map_err(|_| TOO_SLOW)? else { break };
        let Ok(piece) = frame.map_err(|_| Refused::invalid("the body broke off"))?.into_data() else { continue };
        if bytes.len().saturating_add(piece.len()) > most {
            return Err(Refused::too_large("the body is too large"));
        }
        bytes.extend_from_slice(&piece);
        if begun.elapsed() > PATIENCE + Duration::from_secs(bytes.len() as u64 / SLOWEST) {
            return Err(TOO_SLOW);
        }
    }
    Ok(bytes.into())
}

/// A member of a query.
pub(crate) fn query(uri: &axum::http::Uri, name: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A number in a query.
pub(crate) fn number(uri: &axum::http::Uri, name: &str) -> Outcome<Option<i64>> {
    let parsed =
        query(uri, name).map(|text| text.parse().map_err(|_| Refused::invalid("a number of the query is none")));
    parsed.transpose()
}
