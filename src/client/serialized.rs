//! A session as text, which the application keeps wherever it likes: SPEC section 15. It is sealed for the identity, on whichever of its devices; its time to live ends it, and what was
//! revoked since is not opened by it.

use std::rc::Rc;

use super::{
    CONFLICT, Client, Host, PAGES, TRIES,
    api::FeedItem,
    cache::{Cache, read_key, write_key},
    device::context,
    open::{Known, OpenSession, Standing},
};
use crate::{
    backend::Outcome,
    cache::Term,
    cobblestone,
    encoding::{MALFORMED, Reader, base64url, encode_into, from_base64url},
    error::{Code, Error, Result},
    identity::UserId,
    secret::SecretBytes,
    session::{Keys, Session},
    signed::Hash,
};

const VERSION: u8 = 1;
/// A log of 10,000 entries has its room.
const MAX_TEXT: usize = 64 << 20;
const NEWER: Error = Error::new(&(Code::UnsupportedVersion, "serialized by another version"));

/// What stands before what is sealed.
struct Clear {
    id: Hash,
    term: Term,
}

impl Clear {
    /// `1 ‖ session id ‖ fetched ‖ end`
    fn to_bytes(&self) -> Vec<u8> {
        [&[VERSION], self.id.0.as_slice(), &self.term.fetched.to_be_bytes(), &self.term.end.to_be_bytes()].concat()
    }

    /// And what is sealed.
    fn read(bytes: &[u8]) -> Result<(Self, &[u8])> {
        let (&version, rest) = bytes.split_first().ok_or(MALFORMED)?;
        if version != VERSION {
            return Err(NEWER);
        }
        let (id, rest) = rest.split_first_chunk().ok_or(MALFORMED)?;
        let (fetched, rest) = rest.split_first_chunk().ok_or(MALFORMED)?;
        let (end, sealed) = rest.split_first_chunk().ok_or(MALFORMED)?;
        let term = Term { fetched: u64::from_be_bytes(*fetched), end: u64::from_be_bytes(*end) };
        Ok((Self { id: Hash(*id), term }, sealed))
    }
}

impl<H: Host> Client<H> {
    /// The session as text, which [`Self::deserialize_session`] brings back on any device of this identity.
    ///
    /// # Errors
    /// `locked`, `revoked`; those of [`Self::open_sessions`]; `network` where it isn't known up to when revocations were read.
    pub async fn serialize_session(&self, open: &OpenSession) -> Outcome<String> {
        let cache = self.warm().await?;
        for _ in 0..TRIES {
            self.usable(open).await?;
            if cache.feed.cursor().is_none() {
                self.sync().await?;
            }
            self.check_cache(&cache)?;
            // What was told of it just now isn't in it.
            if let Some(cursor) = cache.feed.cursor().filter(|_| open.standing() == Standing::Live) {
                return Ok(self.seal_session(&cache, open, &cursor)?);
            }
        }
        Err(CONFLICT.into())
    }

    fn seal_session(&self, cache: &Cache<H::Store>, open: &OpenSession, cursor: &str) -> Result<String> {
        let term = open.term().unwrap_or_else(|| self.term(cache));
        let clear = Clear { id: *open.id(), term };
        let Known { session, keys } = &*open.known.borrow();
        let log = session.to_kept();
        // Who made a session and doesn't read it.
        let through = self.with(|ready| ready.people.through(session))?.unwrap_or_else(|| cache.own.clone());
        let key = |generation| {
            Ok(write_key(
                keys.of(generation).ok_or(keys.why_closed(generation).unwrap_or(MALFORMED))?,
                open.id(),
                generation,
                &through,
            ))
        };
        let keys = (0..session.key_ids().count()).map(key).collect::<Result<Vec<SecretBytes>>>()?;
        let capacity = log.len() + keys.iter().map(|key| key.expose().len() + 9).sum::<usize>() + cursor.len() + 64;
        let payload = SecretBytes::new(encode_into(Vec::with_capacity(capacity), |w| {
            w.map(3);
            w.uint(1);
            w.bytes(&log);
            w.uint(2);
            w.array(keys.len());
            keys.iter().for_each(|key| w.bytes(key.expose()));
            w.uint(3);
            w.text(cursor);
        }));
        let rng = &mut *self.host.random().borrow_mut();
        let sealed = self.with(|ready| {
            let context = self.serialized_context(&ready.user, &clear);
            cobblestone::seal(ready.state.cache_key(), rng, &context, payload.expose())
        })??;
        Ok(base64url(&[clear.to_bytes(), sealed].concat()))
    }

    /// A session that was serialized: as it was, until its time to live ends, if the feed doesn't name it since; else, or where that isn't known off line, it is fetched anew, which off line is `network`.
    ///
    /// # Errors
    /// `locked`; `invalid-format`, `limit`, `unsupported-version`: no such text; `decryption-failed`: another identity's, or changed; `revoked`, and those of
    /// [`Self::open_sessions`].
    pub async fn deserialize_session(&self, text: &str) -> Outcome<Rc<OpenSession>> {
        if text.len() > MAX_TEXT {
            return Err(Error::new(&(Code::Limit, "longer than any serialized session")).into());
        }
        let bytes = from_base64url(text)?;
        let (clear, sealed) = Clear::read(&bytes)?;
        let payload = self.with(|ready| {
            let context = self.serialized_context(&ready.user, &clear);
            cobblestone::open(ready.state.cache_key(), &context, sealed).map(SecretBytes::new)
        })??;
        let cache = self.warm().await?;
        let (known, cursor) = self.restore(&clear.id, &payload)?;
        let is_here = self.find_waiting(&[clear.id]).await?.iter().any(Option::is_some);
        // Groups that this device doesn't know come with the session.
        let groups: Vec<Hash> = known.session.log().groups().copied().collect();
        let knows_groups = self.with(|ready| ready.people.knows_groups(&known.session))?;
        // By what is known of them by now.
        let is_reader = self.check_reader(&known.session).is_ok();
        if !is_here
            && knows_groups
            && is_reader
            && self.with(|ready| cache.look(&clear.id, &ready.people, &self.host.now()))?.is_none()
            && self.is_unchanged(&cache, &clear, &groups, cursor).await?
        {
            self.check_cache(&cache)?;
            let open = cache.hold(known, Some(clear.term))?;
            self.keep_sessions(&cache, &[&open], &[]).await?;
            return Ok(open);
        }
        let opened = self.open_sessions(&[clear.id], &[]).await?;
        opened.into_iter().next().ok_or(MALFORMED)?
    }

    fn restore(&self, id: &Hash, payload: &SecretBytes) -> Result<(Known, String)> {
        let mut reader = Reader::new(payload.expose());
        reader.map_of(3)?;
        reader.key(1)?;
        let session = Session::from_kept(&self.options.app_id, id, reader.bytes()?)?;
        reader.key(2)?;
        let generations = session.key_ids().count();
        reader.array_of(generations as u64)?;
        let mut keys = Keys::default();
        for generation in 0..generations {
            let key = read_key(reader.bytes()?, id, generation)?.0;
            session.check_key(generation, &key)?;
            keys.insert(generation, key);
        }
        reader.key(3)?;
        Ok((Known::new(session, keys), reader.text()?.to_owned()))
    }

    /// Has its life not ended, and doesn't the feed name it or one of its groups, from there on to its end? Off line its life decides, unless the feed was read on since.
    async fn is_unchanged(
        &self,
        cache: &Rc<Cache<H::Store>>,
        clear: &Clear,
        groups: &[Hash],
        mut cursor: String,
    ) -> Outcome<bool> {
        let names = |item: &FeedItem| match item {
            FeedItem::Session(id, _) => *id == clear.id,
            FeedItem::Group(id, _) => groups.contains(id),
        };
        if !cache.entries.allows(&clear.term, &self.clock()) {
            return Ok(false);
        }
        // What was read since may have named it.
        let is_last = |cursor: &str| cache.feed.cursor().is_none_or(|known| known == cursor);
        if self.is_off_line() {
            return Ok(is_last(&cursor));
        }
        let user = self.with(|ready| ready.user.clone())?;
        for _ in 0..TRIES {
            let known = cache.feed.cursor();
            if known.as_deref() == Some(&cursor) && self.is_fresh(cache) {
                return Ok(true);
            }
            for number in 1.. {
                let page = match self.read_feed(&user, Some(&cursor)).await {
                    Err(failure) if failure.code() == Code::Network => {
                        let failure = self.unanswered().await?;
                        return if failure.code() == Code::Network { Ok(is_last(&cursor)) } else { Err(failure) };
                    }
                    page => page?,
                };
                if page.reset || page.items.iter().any(names) {
                    return Ok(false);
                }
                cursor = page.cursor;
                match page.more {
                    false => break,
                    true if page.items.is_empty() || number == PAGES => return Err(MALFORMED.into()),
                    true => {}
                }
            }
            // Another call may have read further meanwhile, and not known of this session.
            if cache.feed.cursor() == known {
                return Ok(true);
            }
        }
        Err(CONFLICT.into())
    }

    /// `CBOR[label, app, user, session id, fetched, end]`
    fn serialized_context(&self, user: &UserId, clear: &Clear) -> Vec<u8> {
        context("wardkey/v1/serialized", &self.options.app_id, user, 3, |w| {
            w.bytes(&clear.id.0);
            w.uint(clear.term.fetched);
            w.uint(clear.term.end);
        })
    }
}
