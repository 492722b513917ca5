//! What changed, pushed to a facility's pages as server-sent events (WHATWG HTML, section 9.2). An event says only what to fetch.

use core::{convert::Infallible, time::Duration};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::{
    sync::{Notify, broadcast, mpsc},
    time::{Instant, sleep_until, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use wardkey::encoding::base64url;

use crate::{
    clock::now_ms,
    http::{self, Shared},
    logins::{self, Caller},
    random,
    refused::{Outcome, Refused},
};

/// Events that are told again to who comes back.
const KEPT: usize = 1_000;
/// Streams of one login. A browser has six connections to a server, for all its tabs: some are left for what they ask.
const OF_LOGIN: usize = 4;
/// Events that may wait for one page.
const WAITING: usize = 64;
const HEARTBEAT: Duration = Duration::from_secs(20);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What an event is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    Transfer,
    Message,
    Staff,
    Facility,
    AddressBook,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    number: u64,
    /// Whom it is for; none: all.
    facilities: Vec<String>,
    text: Bytes,
}

impl Event {
    fn is_for(&self, caller: &Caller) -> bool {
        self.facilities.is_empty() || self.facilities.contains(&caller.facility_id)
    }
}

/// What streams are told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Event(Event),
    /// This login has ended.
    EndOfLogin([u8; 32]),
    /// All of this user's have, but perhaps for one.
    EndOfUser {
        user: String,
        except: Option<[u8; 32]>,
    },
    /// The server stops.
    End,
}

/// Who listens, and what they were told last.
#[derive(Debug)]
pub(crate) struct Hub {
    /// Numbers of another run mean nothing to this one.
    run: String,
    sender: broadcast::Sender<Told>,
    last: Mutex<(u64, VecDeque<Event>)>,
    /// Of each login the streams, oldest first, and how each is told to end.
    open: Mutex<HashMap<[u8; 32], VecDeque<Arc<Notify>>>>,
}

/// A stream that counts for its login, until this is dropped.
struct Open {
    app: Shared,
    login: [u8; 32],
    end: Arc<Notify>,
}

impl Open {
    /// Begins one; where there are too many, the oldest is told to end.
    fn begin(app: &Shared, login: [u8; 32]) -> Self {
        let end = Arc::new(Notify::new());
        let mut open = app.hub.open.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = open.entry(login).or_default();
        streams.push_back(Arc::clone(&end));
        if streams.len() > OF_LOGIN
            && let Some(oldest) = streams.pop_front()
        {
            oldest.notify_one();
        }
        Self { app: Arc::clone(app), login, end }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.app.hub.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(streams) = open.get_mut(&self.login) {
            streams.retain(|end| !Arc::ptr_eq(end, &self.end));
            if streams.is_empty() {
                open.remove(&self.login);
            }
        }
    }
}

impl Hub {
    pub(crate) fn new() -> Outcome<Self> {
        let run = base64url(&random::bytes::<6>()?);
        Ok(Self { run, sender: broadcast::channel(KEPT).0, last: Mutex::default(), open: Mutex::default() })
    }

    /// Tells these facilities, or all.
    pub(crate) fn tell(&self, facilities: &[&str], about: About, id: &str) {
        let kind = match about {
            About::Transfer => "transfer",
            About::Message => "message",
            About::Staff => "staff",
            About::Facility => "facility",
            About::AddressBook => "address-book",
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.0 += 1;
        let number = last.0;
        let text = self.text(number, kind, id);
        let event = Event { number, facilities: facilities.iter().map(|id| (*id).to_owned()).collect(), text };
        last.1.push_back(event.clone());
        if last.1.len() > KEPT {
            last.1.pop_front();
        }
        // Nobody listens: nothing is lost.
        let _ = self.sender.send(Told::Event(event));
    }

    pub(crate) fn end(&self, told: Told) {
        let _ = self.sender.send(told);
    }

    fn text(&self, number: u64, kind: &str, id: &str) -> Bytes {
        format!("id: {}-{number}\ndata: {}\n\n", self.run, json!({ "type": kind, "id": id })).into()
    }

    /// Hears everything from now on, and what came after the last event that the page has; where that isn't known any more, that it has to fetch anew.
    fn listen(&self, last_event: Option<&str>) -> (broadcast::Receiver<Told>, Vec<Event>) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = self.sender.subscribe();
        let after = last_event.and_then(|id| id.strip_prefix(&self.run)?.strip_prefix('-')?.parse::<u64>().ok());
        let first = last.1.front().map_or(last.0 + 1, |event| event.number);
        match after.filter(|after| after.checked_add(1).is_some_and(|next| (first..=last.0 + 1).contains(&next))) {
            Some(after) => (heard, last.1.iter().filter(|event| event.number > after).cloned().collect()),
            None => {
                let text = self.text(last.0, "hello", "");
                (heard, vec![Event { number: last.0, facilities: Vec::new(), text }])
            }
        }
    }
}

/// `GET /api/events`
pub(crate) async fn listen(State(app): State<Shared>, headers: HeaderMap) -> Outcome<Response> {
    // Before it is asked who listens: who is logged out in between hears of it.
    let (mut heard, missed) = app.hub.listen(http::text(&headers, &LAST_EVENT_ID));
    let caller = logins::find(&app, &headers).await?.ok_or(Refused::unauthenticated())?;
    let left = u64::try_from(caller.ends).unwrap_or_default().saturating_sub(now_ms());
    let end = Instant::now() + Duration::from_millis(left);
    let (send, given) = mpsc::channel::<Result<Bytes, Infallible>>(WAITING);
    let open = Open::begin(&app, caller.token());
    tokio::spawn(async move {
        // How soon to come again; and so that the headers go out at once.
        let mut waiting = VecDeque::from([Bytes::from_static(b"retry: 1000\n\n")]);
        waiting.extend(missed.into_iter().filter(|event| event.is_for(&caller)).map(|event| event.text));
        loop {
            while let Some(text) = waiting.pop_front() {
                // A page that doesn't take what it is sent is gone.
                if !matches!(timeout(HEARTBEAT, send.send(Ok(text))).await, Ok(Ok(()))) {
                    return;
                }
            }
            tokio::select! {
                () = sleep_until(end) => return,
                () = send.closed() => return,
                () = open.end.notified() => {
                    // Without an id: who comes back names the last that he heard.
                    let _ = send.try_send(Ok(Bytes::from_static(b"data: {\"type\":\"closed\",\"id\":\"\"}\n\n")));
                    return;
                }
                told = timeout(HEARTBEAT, heard.recv()) => match told {
                    Err(_) => waiting.push_back(Bytes::from_static(b": here\n\n")),
                    Ok(Ok(Told::Event(event))) if event.is_for(&caller) => waiting.push_back(event.text),
                    Ok(Ok(Told::EndOfLogin(token))) if caller.is_by(&token) => return,
                    Ok(Ok(Told::EndOfUser { user, except }))
                        if user == caller.user_id && !except.is_some_and(|token| caller.is_by(&token)) => return,
                    Ok(Ok(Told::End) | Err(_)) => return,
                    Ok(Ok(_)) => {}
                },
            }
        }
    });
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(ReceiverStream::new(given))).into_response())
}
