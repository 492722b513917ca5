//! What an application is told beside the results of its calls.

use super::{Client, Host};
use crate::{
    backend::Failure,
    identity::{Met, UserId},
    signed::Hash,
};

/// Is there an identity?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing on this device.
    New,
    /// A sealed identity is here.
    Locked,
    /// An open one.
    Ready,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A renewal, signed by its predecessor.
    PinChanged {
        /// Whose; nothing: the key server's.
        id: Option<UserId>,
        /// The bundle that was pinned.
        from: Hash,
        /// The one that is pinned now.
        to: Hash,
    },
    /// There is another active backup: the application may remember its version.
    BackupChanged {
        /// Its version.
        version: u64,
    },
    /// This user may not read these sessions any more.
    Revoked {
        /// Their ids.
        sessions: Vec<Hash>,
    },
    /// The cache's store isn't used any more: memory serves.
    CacheDegraded {
        /// In words for a developer.
        reason: String,
    },
    /// Others emptied the cache's store.
    CacheWiped,
    /// A session that was made off line: the key server has it, or won't take it as it is. After an error it waits on, unless it was forgotten (`aborted`).
    Published {
        /// Its id.
        session: Hash,
        /// Why not.
        error: Option<Failure>,
    },
}

impl<H: Host> Client<H> {
    /// What happened since the last call of this.
    pub fn take_events(&self) -> Vec<Event> {
        self.events.take()
    }

    pub(super) fn tell(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    pub(super) fn tell_of(&self, id: Option<&UserId>, met: Met) {
        if let Met::Renewed { from, to } = met {
            self.tell(Event::PinChanged { id: id.cloned(), from, to });
        }
    }
}
