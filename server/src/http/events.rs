//! What changed, pushed as server-sent events (WHATWG HTML, section 9.2). API section 7.2.

use core::{convert::Infallible, time::Duration};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, Bytes},
    http::header,
    response::{IntoResponse, Response},
};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use wardkey::identity::UserId;
use wardkey_rules::{ApiError, Event};

use super::{Service, limits::HEARTBEAT};
use crate::clock::now_ms;

/// Events of one user that wait: with more, the stream ends, and who comes again reads the feed, which has them all.
const WAITING: usize = 16;
/// Streams of one user: pages share one each browser.
const OF_ONE: usize = 20;

type Listeners = Arc<Mutex<HashMap<UserId, broadcast::Sender<Told>>>>;

#[derive(Clone, Debug)]
enum Told {
    Line(Bytes),
    End,
}

/// Who listens, of one application.
#[derive(Debug)]
pub(crate) struct Hub {
    listeners: Listeners,
    heard: JoinHandle<()>,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.heard.abort();
    }
}

impl Hub {
    /// Hears what the store tells, of this process and of others.
    #[must_use]
    pub(crate) fn start(mut events: broadcast::Receiver<Event>) -> Self {
        let listeners = Listeners::default();
        let told = Arc::clone(&listeners);
        let heard = tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(event) => tell(&told, &event),
                    // Somebody disabled may be among those of whom one didn't hear.
                    Err(RecvError::Lagged(_)) => tell_all(&told, &Told::End),
                    Err(RecvError::Closed) => return,
                }
            }
        });
        Self { listeners, heard }
    }

    /// Ends all streams: the server stops.
    pub(crate) fn end(&self) {
        tell_all(&self.listeners, &Told::End);
    }

    /// Hears what this user is told from now on. To be called before it is asked whether he may: who is disabled in between hears of it.
    pub(super) fn listen(&self, user: &UserId) -> Result<Listener, ApiError> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = listeners.entry(user.clone()).or_insert_with(|| broadcast::channel(WAITING).0);
        if sender.receiver_count() >= OF_ONE {
            return Err(ApiError::throttled("this user listens too often", 60_000));
        }
        let told = sender.subscribe();
        Ok(Listener { listeners: Arc::clone(&self.listeners), user: user.clone(), told })
    }
}

/// One who listens. Nothing is left of a user when the last one has gone.
#[derive(Debug)]
pub(super) struct Listener {
    listeners: Listeners,
    user: UserId,
    told: broadcast::Receiver<Told>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        // This one's own receiver is there still; one whose sender has gone is of none of these.
        let is_last = |sender: &broadcast::Sender<Told>| sender.receiver_count() <= 1;
        if listeners.get(&self.user).is_some_and(is_last) {
            listeners.remove(&self.user);
        }
    }
}

fn tell(listeners: &Listeners, event: &Event) {
    let mut listeners = listeners.lock().unwrap_or_else(PoisonError::into_inner);
    let user = event.user_id();
    if listeners.get(user).is_some_and(|sender| sender.send(told(event)).is_err()) {
        listeners.remove(user);
    }
}

fn tell_all(listeners: &Listeners, told: &Told) {
    let mut listeners = listeners.lock().unwrap_or_else(PoisonError::into_inner);
    listeners.retain(|_, sender| sender.send(told.clone()).is_ok());
}

fn told(event: &Event) -> Told {
    event.to_json().map_or(Told::End, |json| Told::Line(line(&json)))
}

fn line(json: &serde_json::Value) -> Bytes {
    format!("data: {json}\n\n").into()
}

/// A stream for a user, until his token ends or the server stops.
pub(super) fn stream(service: &Service, mut heard: Listener, until_s: u64) -> Result<Response, ApiError> {
    let place = service.limits.listen()?;
    let listening = service.metrics.listening();
    let left = Duration::from_millis((until_s.saturating_mul(1_000)).saturating_sub(now_ms()));
    let end = Instant::now() + left;
    let (send, given) = tokio::sync::mpsc::channel::<Result<Bytes, Infallible>>(WAITING);
    tokio::spawn(async move {
        let _held = (place, listening);
        // How soon to come again; and so that the headers go out at once, through every proxy.
        let mut next = Bytes::from_static(b"retry: 3000\n\n: here\n\n");
        loop {
            // A client that doesn't take what it is sent is gone.
            if !matches!(timeout(HEARTBEAT, send.send(Ok(next))).await, Ok(Ok(()))) {
                return;
            }
            next = tokio::select! {
                () = sleep_until(end) => return,
                () = send.closed() => return,
                told = timeout(HEARTBEAT, heard.told.recv()) => match told {
                    Err(_) => Bytes::from_static(b": here\n\n"),
                    Ok(Ok(Told::Line(line))) => line,
                    // Who comes again reads the feed.
                    Ok(Ok(Told::End) | Err(RecvError::Lagged(_) | RecvError::Closed)) => return,
                },
            };
        }
    });
    const HEADERS: [(header::HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx holds answers back otherwise.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((HEADERS, Body::from_stream(ReceiverStream::new(given))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_listens_hears_and_leaves_nothing_behind() {
        let (sender, events) = broadcast::channel(4);
        let hub = Hub::start(events);
        let user = UserId::new("alice").unwrap();
        let left = || hub.listeners.lock().unwrap().len();
        let (mut one, other) = (hub.listen(&user).unwrap(), hub.listen(&user).unwrap());
        sender.send(Event::Disabled { user_id: user.clone() }).unwrap();
        assert!(matches!(one.told.recv().await, Ok(Told::End)));
        drop(one);
        assert_eq!(left(), 1);
        drop(other);
        assert_eq!(left(), 0);
    }
}
