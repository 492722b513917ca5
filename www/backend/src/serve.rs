//! From its settings to a server that answers, until it is told to stop.

use core::{net::SocketAddr, time::Duration};
use std::{io, net::TcpListener, sync::Arc};

use axum_server::Handle;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};
use tracing_subscriber::{Layer as _, filter::LevelFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};
use wardkey::{identity::AppId, signed::Hash};

use crate::{
    config::{self, Demo, Serve},
    events::{Hub, Told},
    facilities, files,
    http::{self, App, Shared},
    key_server::KeyServer,
    logins,
    places::Places,
    shares,
    store::Store,
    throttle::Throttle,
    tokens::Signer,
};

/// What is being answered when the server is told to stop has so long.
const LAST: Duration = Duration::from_secs(10);
const TIDY: Duration = Duration::from_secs(60 * 60);

/// Serves until it is told to stop.
///
/// # Errors
/// In one line, why it can't.
pub(crate) fn run(settings: Serve) -> Result<(), String> {
    // No name, id, token or code stands in the log.
    let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false).with_writer(io::stderr);
    tracing_subscriber::registry().with(layer.with_filter(LevelFilter::INFO)).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(serve(settings))
}

async fn serve(settings: Serve) -> Result<(), String> {
    let listen = settings.listen;
    if !listen.ip().is_loopback() {
        return Err(format!(
            "{listen}: a demo without TLS, that may show passwords and mails, is served on loopback only"
        ));
    }
    let app = open(settings)?;
    facilities::set_up(&app).await.map_err(|_| "the facilities can't be made".to_owned())?;
    let listener = TcpListener::bind(listen).map_err(|error| format!("{listen}: {error}"))?;
    let said = |error: io::Error| error.to_string();
    listener.set_nonblocking(true).map_err(said)?;
    let bound = listener.local_addr().map_err(said)?;

    let handle = Handle::new();
    let tidying = tokio::spawn(keep_tidy(Arc::clone(&app)));
    let stopping = tokio::spawn(stop(handle.clone(), Arc::clone(&app)));
    tracing::info!(address = %bound, url = format!("http://{bound}"), "listening");
    let server = axum_server::from_tcp(listener).map_err(said)?.handle(handle);
    let served = server.serve(http::router(app).into_make_service_with_connect_info::<SocketAddr>()).await;
    stopping.abort();
    tidying.abort();
    tracing::info!("stopped");
    served.map_err(said)
}

fn open(settings: Serve) -> Result<Shared, String> {
    let app_id = AppId::new(&settings.app_id).map_err(|error| format!("--app-id: {error}"))?;
    let anchor =
        Hash::parse(&settings.escrow_key).ok_or("--escrow-key: not a fingerprint, as the key server logs it")?;
    let signer = Signer::from_pem(&config::text(&settings.app_key)?)
        .map_err(|why| format!("{}: {why}", settings.app_key.display()))?;
    let credential = config::text(&settings.credential)?;
    let pages_url = settings.pages_key_server.as_ref().unwrap_or(&settings.key_server);
    let key_server = KeyServer::new(&settings.key_server, pages_url, &credential, app_id, anchor);
    let demo = Demo::read(&settings.demo)?;
    let store = Store::open(&settings.data)?;
    let hub = Hub::new().map_err(|_| "no randomness".to_owned())?;
    let throttle = Throttle::new(settings.login_rate);
    let places = Places::new();
    Ok(Arc::new(App { settings, demo, store, hub, throttle, places, signer, key_server }))
}

/// Deletes what has ended.
async fn keep_tidy(app: Shared) {
    let mut times = interval(TIDY);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        // What fails is in the log, and is tried again.
        let _ = app
            .store
            .write(|store| {
                logins::tidy(store)?;
                shares::tidy(store)?;
                files::tidy(store)
            })
            .await;
    }
}

/// Waits for SIGTERM or SIGINT: nothing new is taken in then, what is being answered is finished, and streams end.
async fn stop(handle: Handle<SocketAddr>, app: Shared) {
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
    app.hub.end(Told::End);
}
