//! Who was given what, as the key server's journals tell it: chains up to a signed head. SPEC section 14.1.

use super::{Client, Host, NO_SERVER, PAGES};
use crate::{
    backend::Outcome,
    encoding::MALFORMED,
    error::Code,
    identity::UserId,
    journal::{Entry, Record, Subject, check},
    signed::Hash,
};

/// What happened to an account, or in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// By the key server's clock, in milliseconds since 1970.
    pub at: u64,
    /// Who did it; nothing: the key server, or the application.
    pub actor: Option<UserId>,
    /// What: the actions of SPEC section 14.1.
    pub action: String,
    /// The session that it tells of; nothing: it tells of the account.
    pub session: Option<Hash>,
    /// The group that it tells of.
    pub group: Option<Hash>,
    /// What belongs to it.
    pub detail: Vec<(String, String)>,
}

impl AuditEntry {
    fn of(entry: Entry) -> Self {
        let Entry { subject, time, actor, action, detail, .. } = entry;
        let session = match subject {
            Subject::Session(id) => Some(id),
            Subject::User(_) => None,
        };
        let group = detail.iter().find(|(name, _)| name == "group").and_then(|(_, id)| Hash::parse(id));
        Self { at: time, actor, action, session, group, detail }
    }
}

impl<H: Host> Client<H> {
    /// The journal of the own account, or of a session, from its first entry on, verified; of that, what happened since a time. Up to where it went is remembered while
    /// the identity is open.
    ///
    /// # Errors
    /// `locked`; `unknown-session`, `revoked`, `not-a-recipient`; `bad-signature` for what is no chain up to a head of the key server's, `rollback` and `fork` for another one
    /// than was read before; those of the backend.
    pub async fn audit_log(&self, session: Option<&Hash>, since: u64) -> Outcome<Vec<AuditEntry>> {
        let user = self.with(|ready| ready.user.clone())?;
        let subject = session.map_or_else(|| Subject::User(user.clone()), |id| Subject::Session(*id));
        self.know_server().await?;
        // As it was before anything is read: what other calls read meanwhile may be newer.
        let remembered =
            self.with(|ready| ready.journals.iter().find(|(known, _)| *known == subject).map(|(_, place)| *place))?;
        let (mut records, mut after, mut pages) = (Vec::new(), 0, 0);
        let head = loop {
            let page = self.journal(&user, session, after).await?;
            let count = page.entries.len();
            let mut unread = page.entries.iter();
            self.in_steps(&mut || {
                let Some(entry) = unread.next() else { return Ok(false) };
                records.push(Record::read(entry)?);
                Ok(true)
            })
            .await?;
            pages += 1;
            after = records.len() as u64;
            match page.more {
                false => break page.head,
                true if count == 0 || pages == PAGES => return Err(MALFORMED.into()),
                true => {}
            }
        };
        let read = || {
            self.with(|ready| {
                let key_server = ready.people.directory.find(None).ok_or(NO_SERVER)?;
                check((&subject, 0), &head, &records, key_server, remembered, ready.state.minimum())
            })
        };
        let place = match read()? {
            // The key server may have newer keys than it had when this client read them.
            Err(error) if error.code() == Code::BadSignature => {
                self.refresh().await?;
                read()?
            }
            read => read,
        }?;
        self.with(|ready| match ready.journals.iter_mut().find(|(known, _)| *known == subject) {
            Some((_, known)) if known.sequence < place.sequence => *known = place,
            Some(_) => {}
            None => ready.journals.push((subject.clone(), place)),
        })?;
        let entries = records.into_iter().map(|record| record.entry);
        Ok(entries.filter(|entry| entry.time >= since).map(AuditEntry::of).collect())
    }
}
