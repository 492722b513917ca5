//! Making sessions and adding to their logs: API sections 6.1 and 6.2, SPEC section 12.

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    error::Code,
    identity::{Asked, Identity, UserId},
    journal::Subject,
    message::View,
    party::Party,
    session::{Action, Directory, Entry, Genesis, Recipients, Rights, Served, Session, Stanza, split},
    signed::{Hash, Minimum, Unverified},
};

use crate::{
    ApiError, Work,
    error::Result,
    request::Members,
    store::{Body, Head, Logged, Store, Wraps},
};

/// Entries of one request.
const MAX_ITEMS: usize = 16;
const FIRST: Minimum = Minimum(1);

pub(crate) const UNKNOWN: ApiError = ApiError::new(Code::UnknownSession, "there is no such session");
pub(crate) const REVOKED: ApiError = ApiError::new(Code::Revoked, "the rights in this session were taken away");
pub(crate) const NOT_ONE: ApiError = ApiError::new(Code::NotARecipient, "no rights in this session");
const OTHER_SIGNER: ApiError = ApiError::new(Code::Forbidden, "signed by another than the caller");
const OLD_SIGNER: ApiError = ApiError::new(Code::Stale, "signed with an older bundle than the caller's newest");

/// An entry that is to be appended.
struct Item {
    bytes: Vec<u8>,
    entry: Unverified<Entry>,
    wraps: Option<(Vec<u8>, Served)>,
}

impl Item {
    fn view(&self) -> View {
        View { sequence: self.entry.claimed().sequence, hash: self.entry.hash().0 }
    }

    fn follows(&self, end: &View) -> bool {
        let entry = self.entry.claimed();
        end.sequence.checked_add(1) == Some(entry.sequence) && entry.previous.0 == end.hash
    }
}

fn kept(served: Served) -> Wraps {
    let bodies = (0..).zip(served.stanzas).filter_map(|(place, stanza)| {
        let Stanza { party, body, .. } = stanza;
        Some(Body { place, party, bytes: body? })
    });
    Wraps { sequence: served.sequence, bodies: bodies.collect(), signed: served.signed }
}

const fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Grant(_) => "grant",
        Action::Revoke(_) => "revoke",
        Action::RevokeAll => "revoke-all",
        Action::Generation { .. } => "generation",
        Action::Assignment { .. } => "assign",
    }
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn create_session(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["genesis", "wraps"])?;
        let (object, wraps) = (members.bytes("genesis")?, members.bytes("wraps")?);
        let genesis = Unverified::<Genesis>::parse(&object, FIRST)?;
        let served = split(&wraps, FIRST)?;
        let (id, identity) = (*genesis.hash(), self.identity(caller)?);
        let creator = genesis.claimed().creator;
        if identity.bundle(&creator).is_none() {
            return Err(OTHER_SIGNER);
        }
        if self.store.session(&id)?.is_some() {
            return Ok(json!({}));
        }
        // A genesis that was made off line may be of an older one. Another's bundle is no good signature.
        if identity.bundle(&served.signer).is_some() {
            check_newest(&identity, &served.signer)?;
        }
        let mut directory = Directory::default();
        directory.insert(identity)?;
        let session = Session::read(self.server.app_id(), &id, &object, &[], &[&wraps], &directory, FIRST)?;
        let parties = genesis.claimed().grants.iter().map(|grant| &grant.party);
        self.check_recipients(&mut directory, parties, &served.stanzas)?;

        let logged = Logged { sequence: 0, signer: caller.clone(), object };
        self.store.put_session(&id, head_of(&session), &session.to_kept())?;
        self.take(&id, &session, logged, Some(served))?;
        self.tell(&Subject::Session(id), Some(caller), "create", ("entry", "0".to_owned()))?;
        Ok(json!({}))
    }

    pub(crate) fn append(&mut self, caller: &UserId, id: &Hash, body: &Value) -> Result<Value> {
        let items = read_items(body)?;
        if items.iter().any(|item| item.entry.claimed().session != *id) {
            return Err(ApiError::new(Code::KeyMismatch, "an entry of another session"));
        }
        self.store.session(id)?.ok_or(UNKNOWN)?;
        let party = self.party(caller)?;
        let rights = self.store.rights(id, &party)?.ok_or(NOT_ONE)?;
        let mut session = self.load(id)?;
        if items.iter().all(|item| session.log().check_view(&item.view()).is_ok()) {
            return Ok(json!({ "sequence": session.log().entries() }));
        }
        if rights == Rights::NONE {
            return Err(REVOKED);
        }
        if !items.first().is_some_and(|first| first.follows(&session.log().head())) {
            return Err(ApiError::new(Code::Conflict, "another entry was first"));
        }
        let mut directory = Directory::default();
        directory.insert(self.identity(caller)?)?;
        for item in items {
            self.append_one(caller, &mut session, &mut directory, item)?;
        }
        self.store.put_session(id, head_of(&session), &session.to_kept())?;
        Ok(json!({ "sequence": session.log().entries() }))
    }

    fn append_one(
        &mut self,
        caller: &UserId,
        session: &mut Session,
        directory: &mut Directory,
        item: Item,
    ) -> Result<()> {
        let follows = item.follows(&session.log().head());
        let Item { bytes, entry, wraps } = item;
        let says = entry.claimed();
        let own = directory.find(Some(caller)).filter(|identity| identity.bundle(&says.signer).is_some());
        check_newest(own.ok_or(OTHER_SIGNER)?, &says.signer)?;
        if matches!(says.action, Action::Assignment { .. }) {
            return Err(ApiError::new(Code::Forbidden, "placeholders are assigned by the key server"));
        }
        if !follows {
            return Err(ApiError::new(Code::BadSignature, "an entry that doesn't follow the one before"));
        }
        if session.wants_wraps(&bytes, &*directory, FIRST)? != wraps.is_some() {
            return Err(ApiError::argument("wraps that are missing, or that nobody wants"));
        }
        let objects: Vec<_> = wraps.iter().map(|(object, _)| object.as_slice()).collect();
        session.extend(&[&bytes], &objects, &*directory, FIRST)?;
        let served = wraps.map(|(_, served)| served);
        let stanzas = served.as_ref().map(|served| served.stanzas.as_slice()).unwrap_or_default();
        match &says.action {
            Action::Grant(grants) => {
                self.check_recipients(directory, grants.iter().map(|grant| &grant.party), stanzas)?;
            }
            _ => self.check_recipients(directory, stanzas.iter().map(|stanza| &stanza.party), stanzas)?,
        }

        let id = *session.log().id();
        self.take(&id, session, Logged { sequence: says.sequence, signer: caller.clone(), object: bytes }, served)?;
        if matches!(says.action, Action::Revoke(_) | Action::RevokeAll) {
            self.inform_all(session)?;
        }
        let detail = ("entry", says.sequence.to_string());
        self.tell(&Subject::Session(id), Some(caller), action_name(&says.action), detail)
    }

    /// Keeps the newest entry of a session, and whose rights it changed.
    fn take(&mut self, id: &Hash, session: &Session, logged: Logged, served: Option<Served>) -> Result<()> {
        self.store.add_logged(id, &logged)?;
        if let Some(served) = served {
            self.store.add_wraps(id, &kept(served))?;
        }
        for (party, _, rights) in session.log().changed_by(session.log().entries()) {
            self.store.put_rights(id, party, rights)?;
        }
        Ok(())
    }

    /// After the newest entry has taken rights: who lost read, and who still has it.
    fn inform_all(&mut self, session: &Session) -> Result<()> {
        let log = session.log();
        let lost = log
            .changed_by(log.entries())
            .filter(|(_, before, after)| before.has(Rights::READ) && !after.has(Rights::READ))
            .map(|(party, ..)| (party, true));
        let left =
            log.holdings().filter(|holding| holding.rights.has(Rights::READ)).map(|holding| (holding.party, false));
        for (party, revoked) in lost.chain(left) {
            if let Party::User { id, .. } = party {
                self.inform(id, log.id(), revoked)?;
            }
        }
        Ok(())
    }

    /// Every body is there, every party exists, and is wrapped for by its newest key.
    fn check_recipients<'p>(
        &mut self,
        directory: &mut Directory,
        parties: impl Iterator<Item = &'p Party>,
        stanzas: &[Stanza],
    ) -> Result<()> {
        if stanzas.iter().any(|stanza| stanza.body.is_none()) {
            return Err(ApiError::argument("a stanza without its body"));
        }
        for party in parties {
            match party {
                Party::User { id, .. } if directory.find(Some(id)).is_none() => directory.insert(self.identity(id)?)?,
                Party::Placeholder { .. } if directory.find(None).is_none() => {
                    let objects: Vec<_> = self.server.bundles().iter().map(Vec::as_slice).collect();
                    directory.insert(Identity::verify(&objects, self.server.app_id(), Asked::KeyServer, FIRST)?)?;
                }
                _ => {}
            }
            let key = directory.key_for(party)?;
            // Both are sorted by party.
            let stanza = stanzas.binary_search_by(|stanza| stanza.party.cmp(party)).ok();
            let stanza = stanza.and_then(|place| stanzas.get(place));
            if stanza.is_some_and(|stanza| stanza.fingerprint != *key.fingerprint()) {
                return Err(ApiError::new(Code::Stale, "wrapped for an older key than the party's newest"));
            }
        }
        Ok(())
    }

    /// A session as it was verified; or, where that can't be read any more, verified anew.
    fn load(&mut self, id: &Hash) -> Result<Session> {
        let state = self.store.session_state(id)?;
        let kept = state.and_then(|state| Session::from_kept(self.server.app_id(), id, &state).ok());
        if let Some(session) = kept {
            return Ok(session);
        }
        let logged = self.store.log(id, 0)?;
        let wraps = self.store.wraps(id, 0, &[])?;
        let mut directory = Directory::default();
        for Logged { signer, .. } in &logged {
            if directory.find(Some(signer)).is_none() {
                directory.insert(self.identity(signer)?)?;
            }
        }
        let mut objects = logged.iter().map(|logged| logged.object.as_slice());
        let genesis = objects.next().ok_or(UNKNOWN)?;
        let wraps: Vec<_> = wraps.iter().map(|wraps| wraps.signed.as_slice()).collect();
        let entries: Vec<_> = objects.collect();
        Ok(Session::read(self.server.app_id(), id, genesis, &entries, &wraps, &directory, FIRST)?)
    }

    /// How others name a user who has an account.
    pub(crate) fn party(&mut self, user: &UserId) -> Result<Party> {
        let identity = self.identity(user)?;
        identity.party().ok_or(ApiError::new(Code::UnknownUser, "no such user"))
    }

    /// Has the user any right in this session?
    pub(crate) fn check_reads_log(&mut self, user: &UserId, id: &Hash) -> Result<()> {
        self.store.session(id)?.ok_or(UNKNOWN)?;
        let party = self.party(user)?;
        match self.store.rights(id, &party)? {
            None => Err(NOT_ONE),
            Some(Rights::NONE) => Err(REVOKED),
            Some(_) => Ok(()),
        }
    }
}

fn check_newest(identity: &Identity, bundle: &Hash) -> Result<()> {
    if identity.newest().hash() == bundle { Ok(()) } else { Err(OLD_SIGNER) }
}

fn head_of(session: &Session) -> Head {
    let log = session.log();
    Head { sequence: log.entries() as u64, generation: log.newest_generation() as u64 }
}

/// Members first, then their objects' forms.
fn read_items(body: &Value) -> Result<Vec<Item>> {
    let members = Members::of(body, &["items"])?;
    let items = members.list("items", MAX_ITEMS, |item| {
        let members = Members::of(item, &["entry", "wraps"])?;
        Ok((members.bytes("entry")?, members.bytes_or_null("wraps")?))
    })?;
    if items.is_empty() {
        return Err(ApiError::argument("no entry"));
    }
    let mut read = Vec::with_capacity(items.len());
    for (bytes, wraps) in items {
        let entry = Unverified::parse(&bytes, FIRST)?;
        let wraps = match wraps {
            Some(object) => {
                let served = split(&object, FIRST)?;
                Some((object, served))
            }
            None => None,
        };
        read.push(Item { bytes, entry, wraps });
    }
    Ok(read)
}
