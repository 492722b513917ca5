//! Here, there is none: the server's tests have a database in its place, `server/tests/rules/mirror.rs`.

use wardkey_rules::{ApiError, MemoryStore, Reply, Request, Server};

#[derive(Clone, Default)]
pub(crate) struct Mirror(());

impl Mirror {
    /// Asks the same, with the same randomness, of a store that was the same before.
    #[expect(clippy::unused_self, reason = "the server's has something")]
    pub(crate) const fn ask(
        &self,
        _: &Server,
        _: (&MemoryStore, &MemoryStore),
        _: &Request<'_>,
        _: [u8; 32],
        _: &Result<Reply, ApiError>,
    ) {
    }
}
