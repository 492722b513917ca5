//! A small marker in localStorage, which is often wiped apart from IndexedDB: it tells a store that is new from one that was emptied, and counts.
//! Workers have none. It says that there is a cache, and nothing of what is in it.

use core::cell::Cell;

use gloo_storage::{LocalStorage, Storage};
/// The marker of one cache.
#[derive(Debug)]
pub(super) struct Marker {
    key: String,
    written: Cell<Option<u32>>,
}

impl Marker {
    pub(super) fn new(tag: &str) -> Self {
        Self { key: format!("wardkey.cache.{tag}"), written: Cell::new(None) }
    }

    /// The first time: how many wipes it knows of, or that there is none.
    pub(super) fn first_read(&self) -> Option<Option<u32>> {
        if self.written.get().is_some() {
            return None;
        }
        Some(storage().and_then(|storage| storage.get_item(&self.key).ok().flatten()?.parse().ok()))
    }

    /// Notes this number, unless it stands there.
    pub(super) fn write(&self, wipes: u32) {
        if self.written.replace(Some(wipes)) != Some(wipes)
            && let Some(storage) = storage()
        {
            // Full or refused: then there is no marker.
            storage.set_item(&self.key, &wipes.to_string()).ok();
        }
    }
}

/// localStorage, where there is one and it may be used: `raw()` throws otherwise, through the module. An environment of tests may have a `window` that is
/// no Window.
fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()??;
    Some(LocalStorage::raw())
}
