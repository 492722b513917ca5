//! `wardkey-server serve`: from its settings to a server that answers, until it is told to stop.

use core::{net::SocketAddr, time::Duration};
use std::{
    collections::HashMap,
    net::{TcpListener, ToSocketAddrs},
    path::Path,
    sync::Arc,
};

use axum::http::HeaderValue;
use axum_server::{
    Handle,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::rt::TokioTimer;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval, timeout},
};
use wardkey::{identity::AppId, random};
use wardkey_rules::Server;

use crate::{
    apps::{self, Configured},
    clock::now_ms,
    config::Serve,
    http::{self, App, Hub, Limits, Metrics, Origins, Patience, Rates, Service},
    mail::{Letters, Mailer, Post},
    sealed::OperatorSecret,
    store::{Database, Options, Place},
    tokens::Tokens,
};

/// What is being answered when the server is told to stop has so long.
const LAST: Duration = Duration::from_secs(20);
const UPKEEP: Duration = Duration::from_secs(60 * 60);

/// Where an application's tables are.
///
/// # Errors
/// A database that several applications would share.
pub(crate) fn place(data: &Path, database: Option<&str>, id: &AppId, is_only: bool) -> Result<Place, String> {
    match database {
        None => Ok(Place::Sqlite(apps::folder(data, id))),
        Some(url) if is_only || url.contains("{app}") => Ok(Place::Postgres(url.replace("{app}", &apps::segment(id)))),
        Some(_) => {
            Err("several applications: --database needs {app}, where the name of each one's own stands".to_owned())
        }
    }
}

/// Serves until it is told to stop.
///
/// # Errors
/// In one line, why it can't.
pub(crate) async fn serve(settings: Serve) -> Result<(), String> {
    let (configured, secret, is_dev) = who(&settings)?;
    let address = listen_address(&settings.listen)?;
    if is_dev && !address.ip().is_loopback() {
        return Err(format!("{address}: without --app, the application `dev` is served on loopback only"));
    }
    let letters = letters(&settings, is_dev)?;
    let origins = origins(&settings, is_dev)?;
    let is_only = configured.len() == 1;
    let mut apps = HashMap::new();
    for app in configured {
        let place = place(&settings.data, settings.database.as_deref(), &app.id, is_only)?;
        let app = open(app, &place, &secret, settings.connections).await?;
        apps.insert(app.id.as_str().to_owned(), Arc::new(app));
    }
    let patience = Duration::from_secs(settings.patience);
    let rates = Rates {
        public_per_minute: settings.public_rate,
        user_per_second: settings.user_rate,
        at_once: settings.at_once,
        proxies: settings.proxies,
        memory: settings.bodies.saturating_mul(1 << 20),
        patience,
    };
    let metrics = Metrics::new().map_err(|error| error.to_string())?;
    let service = Arc::new(Service {
        apps,
        limits: Limits::new(rates),
        metrics,
        mailer: Mailer::start(letters),
        health: http::Health::default(),
    });

    let watched = settings.metrics.map(bind).transpose().map_err(|why| format!("--metrics: {why}"))?;
    let handle = Handle::new();
    let upkeep = tokio::spawn(keep_up(Arc::clone(&service)));
    let watched = watched.map(|listener| tokio::spawn(watch(listener, Arc::clone(&service))));
    let stopping = tokio::spawn(stop(handle.clone(), Arc::clone(&service)));
    let router = http::router(Arc::clone(&service), origins).into_make_service_with_connect_info::<SocketAddr>();
    let listener = bind(address)?;
    let bound = listener.local_addr().map_err(|error| error.to_string())?;
    let tls = tls(&settings).await?;
    for app in service.apps.values() {
        let escrow_key = app.server.identity().fingerprint().to_string();
        tracing::info!(app = app.id.as_str(), escrow_key, database = ?app.database, "serves");
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!(address = %bound, url = format!("{scheme}://{bound}"), "listening");
    let said = |error: std::io::Error| error.to_string();
    let mut server = axum_server::from_tcp(listener).map_err(said)?.handle(handle).acceptor(Patience(patience));
    let builder = server.http_builder();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience);
    // Whoever says nothing is asked whether he is there, and has gone if he says nothing to that.
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(patience).keep_alive_timeout(patience);
    let served = match tls {
        None => server.serve(router).await,
        Some(tls) => {
            let secured = RustlsAcceptor::new(tls).handshake_timeout(patience);
            server.map(|acceptor| secured.acceptor(acceptor)).serve(router).await
        }
    };
    stopping.abort();
    upkeep.abort();
    if let Some(watched) = watched {
        watched.abort();
        let _ = watched.await;
    }
    let _ = (stopping.await, upkeep.await);
    close(&service).await;
    served.map_err(|error| error.to_string())
}

/// Whom it serves, and the secret that opens its own keys.
fn who(settings: &Serve) -> Result<(Vec<Configured>, OperatorSecret, bool), String> {
    let configured = apps::configured(&settings.app, &settings.admin)?;
    let given = match (&settings.secret, &settings.secret_file) {
        (_, Some(file)) => Some((apps::read(file)?, file.display().to_string())),
        (Some(secret), None) => Some((secret.clone(), "WARDKEY_SECRET".to_owned())),
        (None, None) => None,
    };
    let given = given
        .map(|(text, place)| OperatorSecret::from_text(&text).map_err(|error| format!("{place}: {error}")))
        .transpose()?;
    if configured.is_empty() {
        if !settings.admin.is_empty() {
            return Err("--admin needs its --app".to_owned());
        }
        let (dev, secret) = apps::development(&settings.data)?;
        return Ok((vec![dev], given.unwrap_or(secret), true));
    }
    let secret = given.ok_or(
        "--secret-file is missing: the secret that seals the key server's keys; `wardkey-server secret > FILE` makes one",
    )?;
    Ok((configured, secret, false))
}

fn listen_address(listen: &str) -> Result<SocketAddr, String> {
    let mut addresses = listen.to_socket_addrs().map_err(|_| format!("{listen}: HOST:PORT is wanted"))?;
    addresses.next().ok_or_else(|| format!("{listen}: no such host"))
}

fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address).map_err(|error| format!("{address}: {error}"))?;
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    Ok(listener)
}

fn letters(settings: &Serve, is_dev: bool) -> Result<Letters, String> {
    let post = match (&settings.smtp, &settings.mail_folder) {
        (Some(url), _) => Post::smtp(url).map_err(|why| format!("--smtp: {why}"))?,
        (None, Some(folder)) => Post::Folder(folder.clone()),
        (None, None) if is_dev => Post::Folder(settings.data.join(apps::DEV).join("mail")),
        (None, None) => {
            return Err(
                "--smtp is missing: the mail server that sends codes; or --mail-folder, for development".to_owned()
            );
        }
    };
    if let Post::Folder(folder) = &post {
        apps::make_folder(folder)?;
    }
    let from = settings.mail_from.parse().map_err(|_| format!("--mail-from: {} is no address", settings.mail_from))?;
    Ok(Letters { from, service: settings.mail_service.clone(), language: settings.mail_language, post })
}

fn origins(settings: &Serve, is_dev: bool) -> Result<Origins, String> {
    if is_dev && settings.cors_origin.is_empty() {
        return Ok(Origins::Loopback);
    }
    let read = |origin: &String| {
        let has_form = origin.split_once("://").is_some_and(|(_, host)| !host.is_empty() && !host.contains('/'));
        let value = HeaderValue::from_str(origin).ok().filter(|_| has_form);
        value.ok_or_else(|| format!("--cors-origin {origin}: an origin is wanted, as https://app.example"))
    };
    settings.cors_origin.iter().map(read).collect::<Result<_, _>>().map(Origins::Listed)
}

async fn tls(settings: &Serve) -> Result<Option<RustlsConfig>, String> {
    let (Some(cert), Some(key)) = (&settings.tls_cert, &settings.tls_key) else { return Ok(None) };
    // Refused only where another was installed before, which then is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = RustlsConfig::from_pem_file(cert, key).await;
    config.map(Some).map_err(|error| format!("--tls-cert {}, --tls-key {}: {error}", cert.display(), key.display()))
}

async fn open(app: Configured, place: &Place, secret: &OperatorSecret, connections: usize) -> Result<App, String> {
    let Configured { id, keys, credential } = app;
    let of = |why: &dyn core::fmt::Display| format!("{}: {why}", id.as_str());
    let options = match place {
        Place::Sqlite(_) => Options { migrate: true, ..Options::default() },
        // Where several processes share tables, bringing them up to date is a step of its own.
        Place::Postgres(_) => Options { migrate: false, threads: connections, ..Options::default() },
    };
    let database = Database::open(place, options).map_err(|error| of(&error))?;
    let server = own_keys(&database, &id, secret).map_err(|why| of(&why))?;
    let hub = Hub::start(database.events());
    let tokens = Tokens::new(id.clone(), keys, credential.as_deref());
    Ok(App { id, tokens, server: Arc::new(server), database, hub })
}

/// The key server's own keys, made at the first start.
fn own_keys(database: &Database, id: &AppId, secret: &OperatorSecret) -> Result<Server, String> {
    let mut rng = random::system();
    let said = |error: wardkey_rules::StoreError| error.to_string();
    let sealed = match database.secrets().map_err(said)? {
        Some(sealed) => sealed,
        None => {
            let server = Server::generate(&mut rng, id).map_err(|error| error.to_string())?;
            let sealed = secret.seal(&mut rng, &server).map_err(|error| error.to_string())?;
            database.put_secrets(&sealed).map_err(said)?
        }
    };
    let mut server = secret
        .open(&sealed, id)
        .map_err(|_| "the key server's keys don't open: another secret than the one they were sealed with, or another application's database".to_owned())?;
    if database.is_restored().map_err(said)? {
        server.rename_store(&mut rng).map_err(|error| error.to_string())?;
        let renamed = secret.seal(&mut rng, &server).map_err(|error| error.to_string())?;
        if !database.replace_secrets(&sealed, &renamed).map_err(said)? {
            return Err("another process was restoring too: start again".to_owned());
        }
        tracing::warn!(app = id.as_str(), "the database was restored: every client reads its feed anew");
    }
    Ok(server)
}

async fn keep_up(service: Arc<Service>) {
    let mut times = interval(UPKEEP);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        for app in service.apps.values() {
            if let Err(error) = app.database.upkeep(now_ms()).await {
                tracing::error!(app = app.id.as_str(), cause = %error, "upkeep failed");
            }
        }
    }
}

async fn watch(listener: TcpListener, service: Arc<Service>) {
    let router = http::metrics_router(service).into_make_service();
    let served = async { axum_server::from_tcp(listener)?.serve(router).await };
    if let Err(error) = served.await {
        tracing::error!(%error, "metrics aren't served any more");
    }
}

/// Waits for SIGTERM or SIGINT: nothing new is taken in then, what is being answered is finished, and streams end.
async fn stop(handle: Handle<SocketAddr>, service: Arc<Service>) {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        tracing::error!("signals can't be heard");
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    tracing::info!("stopping");
    handle.graceful_shutdown(Some(LAST));
    for app in service.apps.values() {
        app.hub.end();
    }
}

/// What was cut off may hold the service still: nothing is taken in any more all the same.
async fn close(service: &Service) {
    for app in service.apps.values() {
        app.database.clone().close().await;
    }
    if timeout(LAST, service.mailer.close()).await.is_err() {
        tracing::error!("mails that wait are lost");
    }
    tracing::info!("stopped");
}
