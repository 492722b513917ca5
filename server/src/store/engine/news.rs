//! Events: those of this process at once, those of other processes through a table of the database.
//!
//! Who commits writes a row, and wakes the others up where the database can (`NOTIFY`). They read the table then, and every second. Its clock is that of who wrote,
//! and nothing is counted by the database: the last seconds are read again, and what is in them is told once. An event may be lost or double, API section 7.2.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value as Json, json};
use tokio::sync::broadcast;
use wardkey::{identity::UserId, random};
use wardkey_rules::{Event, Kept, StoreError};

use super::super::connection::{Connection, bytes, int, text};

/// Events that a slow listener may be behind.
const BEHIND: usize = 4_096;
/// How long after it was written a row may come to light, in milliseconds: transactions take a while, and clocks differ.
const WINDOW: u64 = 15_000;
/// How long rows stay.
const KEPT: u64 = 600_000;

/// What is told to who listens.
#[derive(Debug)]
pub(crate) struct News {
    sender: broadcast::Sender<Event>,
    /// Are there other processes?
    is_shared: bool,
    /// Does the database know `NOTIFY`?
    notifies: AtomicBool,
    /// Rows that were told, with their times.
    told: Mutex<HashMap<[u8; 16], u64>>,
}

fn broken() -> StoreError {
    StoreError("an event that can't be read".to_owned())
}

fn to_json(event: &Event) -> Json {
    let what = match event {
        Event::Feed { .. } => Json::Null,
        Event::Disabled { .. } => false.into(),
        Event::Backup { version, .. } => (*version).into(),
    };
    json!([event.user_id().as_str(), what])
}

fn from_json(json: &Json) -> Option<Event> {
    let user_id = UserId::new(json.get(0)?.as_str()?).ok()?;
    Some(match json.get(1)? {
        Json::Null => Event::Feed { user_id },
        Json::Bool(false) => Event::Disabled { user_id },
        version => Event::Backup { user_id, version: version.as_u64()? },
    })
}

impl News {
    pub(crate) fn new(is_shared: bool) -> Self {
        Self {
            sender: broadcast::Sender::new(BEHIND),
            is_shared,
            notifies: AtomicBool::new(false),
            told: Mutex::default(),
        }
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// From now on others are woken up.
    pub(crate) fn can_notify(&self) {
        self.notifies.store(true, Ordering::Relaxed);
    }

    /// For other processes, within the transaction.
    pub(crate) fn write(&self, store: &mut dyn Connection, events: &[Event], now_ms: u64) -> Kept<()> {
        if !self.is_shared || events.is_empty() {
            return Ok(());
        }
        let mut drawn = [0; 16];
        random::system().fill(&mut drawn).map_err(|_| StoreError("no randomness".to_owned()))?;
        self.told().insert(drawn, now_ms);
        let events = Json::Array(events.iter().map(to_json).collect());
        store.run(
            "INSERT INTO event (id, at_ms, events) VALUES (?1, ?2, ?3)",
            &[bytes(drawn), int(now_ms)?, text(events.to_string())],
        )?;
        if self.notifies.load(Ordering::Relaxed) {
            store.batch("NOTIFY wardkey")?;
        }
        Ok(())
    }

    /// To who listens here.
    pub(crate) fn tell(&self, events: &[Event]) {
        for event in events {
            // Nobody may listen.
            self.sender.send(event.clone()).ok();
        }
    }

    fn told(&self) -> MutexGuard<'_, HashMap<[u8; 16], u64>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What others wrote since they were last asked. The first time, what is there is old.
    pub(crate) fn read(&self, store: &mut dyn Connection, last_ms: Option<u64>, now_ms: u64) -> Kept<()> {
        let since = last_ms.unwrap_or(now_ms).min(now_ms).saturating_sub(WINDOW);
        let rows = store.rows("SELECT id, at_ms, events FROM event WHERE at_ms >= ?1", &[int(since)?])?;
        let mut fresh = Vec::new();
        let mut told = self.told();
        for mut row in rows {
            let (id, at, events) = (row.fixed()?, row.int()?, row.text()?);
            if told.insert(id, at).is_none() && last_ms.is_some() {
                fresh.push(events);
            }
        }
        told.retain(|_, at| *at >= since);
        drop(told);
        for events in fresh {
            let events: Json = serde_json::from_str(&events).map_err(|_| broken())?;
            for event in events.as_array().ok_or_else(broken)? {
                self.sender.send(from_json(event).ok_or_else(broken)?).ok();
            }
        }
        Ok(())
    }

    /// Drops rows that nobody looks at any more.
    pub(crate) fn forget(&self, store: &mut dyn Connection, now_ms: u64) -> Kept<()> {
        let before = int(now_ms.saturating_sub(KEPT))?;
        store.run("DELETE FROM event WHERE at_ms < ?1", &[before]).map(drop)
    }
}
