//! Who was given what: API section 7.3, SPEC section 14.

use std::collections::{BTreeMap, BTreeSet};

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    identity::UserId,
    journal::{Entry, Head, Place, Proof, RowHeader, Subject},
    signed::{Minimum, Signed},
};

use crate::{
    ApiError, Server, Work, bytes, bytes_or_null,
    error::Result,
    request::{MAX_LIST, Members},
    store::{JournalEnd, Kept, Proving, Spot, Store, Walk, Writer, walk},
};

/// Entries of a page, with where they stand: each may be of another row, which is read whole.
const MAX_PROVED: u64 = 100;
/// Rows that are put into the log at once.
const MAX_ROWS: usize = 1_000;

/// What happened, as an entry will tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    subject: Subject,
    actor: Option<UserId>,
    action: &'static str,
    detail: Vec<(String, String)>,
}

/// What is asked of a journal.
pub(crate) struct Page {
    after: u64,
    /// With where the entries stand in the log?
    is_proved: bool,
}

impl Page {
    pub(crate) fn asked(members: Members<'_>) -> Result<Self> {
        let is_proved = members.has("proofs") && members.flag("proofs")?;
        Ok(Self { after: members.number("after")?, is_proved })
    }
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn read_journal(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["sessionId", "after", "proofs"])?;
        let (session, page) = (members.hash_or_null("sessionId")?, Page::asked(members)?);
        let subject = match session {
            None => Subject::User(caller.clone()),
            Some(id) => {
                self.check_reads_log(caller, &id)?;
                Subject::Session(id)
            }
        };
        self.journal_page(&subject, page)
    }

    /// Entries of a journal, and where they stand in the log if that is asked for.
    pub(crate) fn journal_page(&mut self, subject: &Subject, page: Page) -> Result<Value> {
        let Page { after, is_proved } = page;
        let most = if is_proved { MAX_PROVED } else { MAX_LIST as u64 };
        let Walk { entries: found, end } = walk(self.store, subject, after, most)?;
        let place = end.map_or(Place::START, |end| Place { sequence: end.sequence, hash: end.hash });
        let last = after.saturating_add(found.len() as u64);
        let head = Head::sign(subject, place, self.now, self.server.hand()?)?;
        let entries: Vec<_> = found.iter().map(|(_, entry)| bytes(entry)).collect();
        let more = place.sequence > last;
        if !is_proved {
            return Ok(json!({ "entries": entries, "head": bytes(head.to_bytes()), "more": more }));
        }
        let spots: Vec<_> = found.into_iter().map(|(spot, _)| spot).collect();
        Ok(json!({
            "entries": entries,
            "head": bytes(head.to_bytes()),
            "more": more,
            "proofs": self.proofs(&spots)?,
            "log": bytes_or_null(self.store.log_end()?.as_ref()),
        }))
    }

    /// Where these entries stand in the log; null for one whose row isn't there yet.
    fn proofs(&mut self, spots: &[Spot]) -> Result<Vec<Value>> {
        let ids: BTreeSet<_> = spots.iter().map(|spot| spot.row).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let mut rows = BTreeMap::new();
        for row in self.store.logged_rows(&ids)?.into_iter().flatten() {
            rows.insert(row.id, Proving::new(row)?);
        }
        let mut proofs = Vec::with_capacity(spots.len());
        for spot in spots {
            proofs.push(match rows.get(&spot.row) {
                Some(row) => {
                    let Proof { header, index, path } = row.of(spot)?;
                    let path: Vec<_> = path.iter().map(|hash| bytes(hash.0)).collect();
                    json!({ "header": bytes(header), "index": index, "path": path })
                }
                None => Value::Null,
            });
        }
        Ok(proofs)
    }

    /// Takes down what happened. It becomes an entry at the request's end.
    pub(crate) fn tell(
        &mut self,
        subject: &Subject,
        actor: Option<&UserId>,
        action: &'static str,
        detail: &[(&str, String)],
    ) {
        let detail = detail.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        self.deferred.notes.push(Note { subject: subject.clone(), actor: actor.cloned(), action, detail });
    }

    /// The same, of a user's account.
    pub(crate) fn tell_of(
        &mut self,
        user: &UserId,
        actor: Option<&UserId>,
        action: &'static str,
        detail: &[(&str, String)],
    ) {
        self.tell(&Subject::User(user.clone()), actor, action, detail);
    }
}

/// Writes all that a request told, as one row. Times don't fall, whatever the clock does.
pub(crate) fn write_row(store: &mut impl Store, now: u64, notes: Vec<Note>, draw: [u8; 8]) -> Kept<()> {
    if notes.is_empty() {
        return Ok(());
    }
    let mut places = BTreeMap::new();
    let mut subjects = Vec::new();
    for Note { subject, .. } in &notes {
        places.entry(subject.clone()).or_insert_with(|| {
            subjects.push(subject.clone());
            subjects.len() - 1
        });
    }
    let mut ends: Vec<Option<JournalEnd>> = store.journal_ends(&subjects)?;
    ends.resize(subjects.len(), None);
    let mut row = Writer::new(now, draw, &ends);
    for Note { subject, actor, action, detail } in notes {
        let place = places.get(&subject).copied();
        let Some(end) = place.and_then(|place| ends.get_mut(place)) else { continue };
        let entry = Entry {
            subject,
            sequence: end.map_or(0, |end| end.sequence).saturating_add(1),
            previous: end.map(|end| end.hash),
            time: end.map_or(0, |end| end.time).max(now),
            actor,
            action: action.to_owned(),
            detail,
        };
        *end = Some(row.push(&entry, end.as_ref())?);
    }
    store.add_journal_row(&row.finish()?)
}

/// Puts rows that are loose into the log, oldest first, each with a signed header. Gives how many: what is beyond 1,000 waits for the next time. Within a transaction: the
/// requests' own, or one after theirs; whichever it is, requests don't meet at the log's end.
///
/// # Errors
/// Where the store fails, or what it holds can't be read.
pub fn chain_journal(store: &mut impl Store, server: &Server, now_ms: u64) -> Result<usize> {
    let rows = store.loose_rows(MAX_ROWS)?;
    if rows.is_empty() {
        return Ok(0);
    }
    let unreadable = |_| ApiError::server("the log's newest header can't be read");
    let mut last: Option<Signed<RowHeader>> = match store.log_end()? {
        Some(header) => Some(RowHeader::verify(&header, server.identity(), Minimum::default()).map_err(unreadable)?),
        None => None,
    };
    for row in &rows {
        let header = RowHeader::sign(last.as_ref(), now_ms, (row.count, row.root), server.hand()?)?;
        store.add_to_log(&row.id, header.value().number, &header.to_bytes())?;
        last = Some(header);
    }
    Ok(rows.len())
}
