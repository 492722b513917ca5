//! Places for parts on their way in: what stands in memory at once is bounded, and nobody has it all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refused::{Outcome, Refused};

/// Of all: 128 MiB.
const ALL: usize = 16;
/// Of one user.
const OF_USER: usize = 2;

#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    users: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// Somebody's, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _own: OwnedSemaphorePermit,
    _one: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL)), users: Mutex::default() }
    }

    /// Waits for a place: for one of the user's own first, so that who has all of those takes nobody else's turn.
    pub(crate) async fn take(&self, user: &str) -> Outcome<Place> {
        let own = self.of(user).acquire_owned().await.map_err(|error| Refused::failed(&error))?;
        let one = Arc::clone(&self.all).acquire_owned().await.map_err(|error| Refused::failed(&error))?;
        Ok(Place { _own: own, _one: one })
    }

    fn of(&self, user: &str) -> Arc<Semaphore> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        // Whose nobody has or waits for are forgotten.
        users.retain(|_, own| Arc::strong_count(own) > 1);
        Arc::clone(users.entry(user.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(OF_USER))))
    }
}
