//! Who was given what: API section 7.3, SPEC section 14.1.

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    error::Code,
    identity::UserId,
    journal::{Entry, Head, Place, Subject, entry_hash},
};

use crate::{
    ApiError, Work, bytes,
    error::Result,
    request::{MAX_LIST, Members},
    store::Store,
};

const BROKEN: ApiError = ApiError::new(Code::Server, "an entry of the journal can't be read");

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn read_journal(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["sessionId", "after"])?;
        let (session, after) = (members.hash_or_null("sessionId")?, members.number("after")?);
        let subject = match session {
            None => Subject::User(caller.clone()),
            Some(id) => {
                self.check_reads_log(caller, &id)?;
                Subject::Session(id)
            }
        };
        let mut entries = self.store.journal(&subject, after, MAX_LIST + 1)?;
        let more = entries.len() > MAX_LIST;
        entries.truncate(MAX_LIST);
        let place = self.end(&subject)?.map_or(Place::START, |(place, _)| place);
        let head = Head::sign(&subject, place, self.now, self.server.hand()?)?;
        Ok(json!({ "entries": crate::objects(&entries), "head": bytes(head.to_bytes()), "more": more }))
    }

    /// Where the journal ends, and when.
    fn end(&mut self, subject: &Subject) -> Result<Option<(Place, u64)>> {
        let Some(last) = self.store.journal_end(subject)? else { return Ok(None) };
        let entry = Entry::from_bytes(&last).map_err(|_| BROKEN)?;
        Ok(Some((Place { sequence: entry.sequence, hash: entry_hash(&last) }, entry.time)))
    }

    /// Writes an entry after the last one. Its time doesn't fall, whatever the clock does.
    pub(crate) fn tell(
        &mut self,
        subject: &Subject,
        actor: Option<&UserId>,
        action: &str,
        detail: &[(&str, String)],
    ) -> Result<()> {
        let end = self.end(subject)?;
        let entry = Entry {
            subject: subject.clone(),
            sequence: end.map_or(0, |(place, _)| place.sequence) + 1,
            previous: end.map(|(place, _)| place.hash),
            time: end.map_or(0, |(_, time)| time).max(self.now),
            actor: actor.cloned(),
            action: action.to_owned(),
            detail: detail.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        };
        Ok(self.store.add_journal(subject, entry.sequence, &entry.to_bytes())?)
    }

    /// The same, of a user's account.
    pub(crate) fn tell_of(
        &mut self,
        user: &UserId,
        actor: Option<&UserId>,
        action: &str,
        detail: &[(&str, String)],
    ) -> Result<()> {
        self.tell(&Subject::User(user.clone()), actor, action, detail)
    }
}
