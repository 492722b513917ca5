//! What a request writes after it was answered.

use wardkey::{identity::UserId, signed::Hash};

use crate::{
    Event, Server,
    error::Result,
    feed::add_item,
    journal::{Note, write_row},
    store::{About, Store},
};

/// What is left to write of a request that was read: what the journal is told of it, and who was given the log of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deferred {
    pub(crate) notes: Vec<Note>,
    /// Of the row's name.
    pub(crate) draw: [u8; 8],
    /// Groups whose log was given, to whom, and with which epoch as the newest.
    pub(crate) watched: Vec<(Hash, UserId, u64)>,
}

impl Deferred {
    /// Is there nothing to write? Then nothing need be settled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty() && self.watched.is_empty()
    }
}

/// Writes what is left of a request, within a transaction. Events are to be pushed after it, as those of a reply.
///
/// # Errors
/// Where the store fails.
pub fn settle(store: &mut impl Store, server: &Server, now_ms: u64, deferred: Deferred) -> Result<Vec<Event>> {
    let Deferred { notes, draw, watched } = deferred;
    let mut events = Vec::new();
    for (id, user, epoch) in watched {
        if store.is_watcher(&id, &user)? {
            continue;
        }
        store.add_watcher(&id, &user)?;
        // An epoch that began since the log was read: nobody knew that he is to be told.
        if let Some(group) = store.group(&id)?.filter(|group| group.epoch > epoch) {
            add_item(store, server, now_ms, &user, (About::Group { id, epoch: group.epoch }, false))?;
            events.push(Event::Feed { user_id: user });
        }
    }
    write_row(store, now_ms, notes, draw)?;
    Ok(events)
}
