//! Where a cache keeps its sealed entries: the trait that every store is behind.

use core::fmt;

/// Why a store can't be used, in words for a developer. They name no secret: a store sees none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub(super) String);

impl StoreError {
    /// An error with this reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The result of a store's call.
pub type StoreResult<T> = Result<T, StoreError>;

/// Keeps sealed values by id. It is trusted with nothing: what it loses, changes or exchanges is a miss.
#[allow(async_fn_in_trait, reason = "a cache stays on its thread")]
pub trait KeyStore {
    /// For each id its value, where there is one.
    async fn get_many(&self, ids: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>>;
    /// Keeps these values, all or none where the store can.
    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> StoreResult<()>;
    /// Deletes these ids.
    async fn delete_many(&self, ids: &[String]) -> StoreResult<()>;
    /// Everything, in bulk. A value that can't be read is empty.
    async fn all(&self) -> StoreResult<Vec<(String, Vec<u8>)>>;
    /// Deletes everything.
    async fn clear(&self) -> StoreResult<()>;

    /// Puts `new` in the place of `old`, and gives what stands there then: where somebody else was first, his. In one step where the store can.
    async fn replace(&self, id: &str, old: Option<&[u8]>, new: &[u8]) -> StoreResult<Option<Vec<u8>>> {
        let ids = [id.to_owned()];
        if self.get_many(&ids).await?.into_iter().next().flatten().as_deref() == old {
            self.set_many(&[(id.to_owned(), new.to_vec())]).await?;
        }
        Ok(self.get_many(&ids).await?.into_iter().next().flatten())
    }

    /// How often it was found emptied by others since it was opened.
    fn wipes(&self) -> u32 {
        0
    }

    /// Was it emptied by others since the last call of this, or, at the first one, between an earlier page and this?
    fn was_wiped(&self) -> bool {
        false
    }

    /// Nothing more will be asked.
    fn close(&self) {}
}

/// No store: the cache is in memory alone.
#[derive(Debug)]
pub enum NoStore {}

impl KeyStore for NoStore {
    async fn get_many(&self, _: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        match *self {}
    }
    async fn set_many(&self, _: &[(String, Vec<u8>)]) -> StoreResult<()> {
        match *self {}
    }
    async fn delete_many(&self, _: &[String]) -> StoreResult<()> {
        match *self {}
    }
    async fn all(&self) -> StoreResult<Vec<(String, Vec<u8>)>> {
        match *self {}
    }
    async fn clear(&self) -> StoreResult<()> {
        match *self {}
    }
}
