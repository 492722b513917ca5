//! What changed for a user: API section 7.1, SPEC section 14.3.
//!
//! A cursor is a place and the hash of all items up to it, from the store's name on. A store that was made anew, or set back and gone on otherwise, has no such place.

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wardkey::{
    encoding::{base64url, from_base64url},
    identity::UserId,
};

use crate::{
    Server, Work, bytes,
    error::Result,
    request::{MAX_LIST, Members},
    store::{About, FeedItem, Kept, Store},
};

/// Of the hash, in a cursor.
const CHAIN: usize = 24;

fn cursor(place: u64, chain: &[u8; 32]) -> String {
    let chain = chain.iter().copied().take(CHAIN);
    base64url(&place.to_be_bytes().into_iter().chain(chain).collect::<Vec<_>>())
}

/// The place that a cursor names, if it has the form of one.
fn place(cursor: &str) -> Option<u64> {
    let bytes = from_base64url(cursor).ok().filter(|bytes| bytes.len() == size_of::<u64>() + CHAIN)?;
    // A database counts up to there.
    bytes.first_chunk().copied().map(u64::from_be_bytes).filter(|place| i64::try_from(*place).is_ok())
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn read_feed(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["cursor"])?;
        self.feed(caller, members.text_or_null("cursor")?)
    }

    /// Items after the cursor.
    pub(crate) fn feed(&mut self, user: &UserId, after: Option<&str>) -> Result<Value> {
        let Some(place) = self.known(user, after)? else {
            return Ok(json!({ "cursor": self.feed_end(user)?, "items": [], "reset": true, "more": false }));
        };
        let mut items = self.store.feed(user, place, MAX_LIST + 1)?;
        let more = items.len() > MAX_LIST;
        items.truncate(MAX_LIST);
        let end = match items.last() {
            Some(last) => cursor(last.place, &last.chain),
            None => after.unwrap_or_default().to_owned(),
        };
        let items = items.iter().map(|item| match item.about {
            About::Session(id) => json!({ "sessionId": bytes(id.0), "revoked": item.revoked }),
            About::Group { id, epoch } => json!({ "groupId": bytes(id.0), "epoch": epoch, "revoked": item.revoked }),
        });
        Ok(json!({ "cursor": end, "items": items.collect::<Vec<_>>(), "reset": false, "more": more }))
    }

    /// The place of a cursor of this store, after which nothing was cut off.
    fn known(&mut self, user: &UserId, after: Option<&str>) -> Result<Option<u64>> {
        let Some((after, place)) = after.and_then(|after| Some((after, place(after)?))) else { return Ok(None) };
        let chain = if place == 0 {
            let is_whole = match self.store.feed(user, 0, 1)?.first() {
                Some(first) => first.place == 1,
                None => true,
            };
            is_whole.then(|| self.server.feed_start(user))
        } else {
            self.store.feed_item(user, place)?.map(|item| item.chain)
        };
        Ok(chain.filter(|chain| cursor(place, chain) == after).map(|_| place))
    }

    /// The cursor of the feed's end.
    pub(crate) fn feed_end(&mut self, user: &UserId) -> Result<String> {
        let (place, chain) = self.end_of(user)?;
        Ok(cursor(place, &chain))
    }

    /// The cursor before the first item.
    pub(crate) fn feed_start(&self, user: &UserId) -> String {
        cursor(0, &self.server.feed_start(user))
    }

    fn end_of(&mut self, user: &UserId) -> Result<(u64, [u8; 32])> {
        Ok(end_of(self.store, self.server, user)?)
    }

    /// Gives a user an item.
    pub(crate) fn inform(&mut self, user: &UserId, about: About, revoked: bool) -> Result<()> {
        add_item(self.store, self.server, self.now, user, (about, revoked))?;
        self.informed.insert(user.clone());
        Ok(())
    }
}

fn end_of(store: &mut impl Store, server: &Server, user: &UserId) -> Kept<(u64, [u8; 32])> {
    let last = store.feed_end(user)?;
    Ok(last.map_or_else(|| (0, server.feed_start(user)), |last| (last.place, last.chain)))
}

/// Gives a user an item.
pub(crate) fn add_item(
    store: &mut impl Store,
    server: &Server,
    now: u64,
    user: &UserId,
    (about, revoked): (About, bool),
) -> Kept<()> {
    let (place, before) = end_of(store, server, user)?;
    let chain = Sha256::new().chain_update(before);
    let chain = match about {
        About::Session(id) => chain.chain_update(id.0),
        About::Group { id, epoch } => chain.chain_update(id.0).chain_update(epoch.to_be_bytes()),
    };
    let chain = chain.chain_update([u8::from(revoked)]).chain_update(now.to_be_bytes()).finalize().into();
    store.add_feed_item(user, &FeedItem { place: place + 1, about, revoked, time: now, chain })
}
