//! What runs transactions: threads with a connection each, and work that waits for them.

pub(super) mod chain;
pub(super) mod changes;
mod checkpoint;
pub(super) mod file;
pub(super) mod job;
pub(super) mod news;
pub(super) mod pool;
pub(super) mod queue;

use std::thread::{Builder, JoinHandle};

use wardkey_rules::{Kept, StoreError};

/// Starts these.
fn threads(workers: Vec<Box<dyn FnOnce() + Send>>) -> Kept<Vec<JoinHandle<()>>> {
    let start = |worker| Builder::new().name("wardkey-store".to_owned()).spawn(worker);
    workers.into_iter().map(start).collect::<Result<_, _>>().map_err(|error| StoreError(format!("a thread: {error}")))
}
