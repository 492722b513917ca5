//! Making sessions and adding to their logs: API sections 6.1 and 6.2, SPEC section 12.

use std::collections::BTreeMap;

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    error::Code,
    identity::{Asked, Identity, UserId},
    journal::Subject,
    message::{Authority, View},
    party::Party,
    session::{Action, Directory, Entry, Genesis, Recipients, Rights, Served, Session, Signers, Stanza, join, split},
    signed::{Hash, Minimum, Unverified},
};

use crate::{
    ApiError, Work,
    error::Result,
    groups::{UNKNOWN_GROUP, check_fresh},
    reader::NOT_ONE,
    request::Members,
    store::{About, Body, Head, Logged, Store, Wraps},
};

/// Entries of one request.
const MAX_ITEMS: usize = 16;
const FIRST: Minimum = Minimum(1);

pub(crate) const UNKNOWN: ApiError = ApiError::new(Code::UnknownSession, "there is no such session");
pub(crate) const OTHER_SIGNER: ApiError = ApiError::new(Code::Forbidden, "signed by another than the caller");
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

/// As it is kept.
pub(crate) fn kept(served: Served) -> Wraps {
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

        let logged = Logged { sequence: 0, signer: Some(caller.clone()), object };
        self.store.put_session(&id, head_of(&session), &session.to_kept())?;
        self.take(&id, &session, logged, Some(served))?;
        self.tell(&Subject::Session(id), Some(caller), "create", &[("entry", "0".to_owned())]);
        Ok(json!({}))
    }

    pub(crate) fn append(&mut self, caller: &UserId, id: &Hash, body: &Value) -> Result<Value> {
        let items = read_items(body)?;
        if items.iter().any(|item| item.entry.claimed().session != *id) {
            return Err(ApiError::new(Code::KeyMismatch, "an entry of another session"));
        }
        self.store.session(id)?.ok_or(UNKNOWN)?;
        let (reader, groups) = (self.reader(caller)?, self.store.group_rights(id)?);
        let rights = self.rights(&reader, id, &groups)?;
        if rights.as_ref().is_err_and(|error| error.code() == Code::NotARecipient) {
            return Err(NOT_ONE);
        }
        let mut session = self.load(id)?;
        if items.iter().all(|item| session.log().check_view(&item.view()).is_ok()) {
            return Ok(json!({ "sequence": session.log().entries() }));
        }
        rights?;
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
        if let Authority::Group { id, .. } = says.authority {
            self.role_in(&Hash(id), caller)?;
            self.know_group(directory, &Hash(id))?;
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
        self.take(
            &id,
            session,
            Logged { sequence: says.sequence, signer: Some(caller.clone()), object: bytes },
            served,
        )?;
        if matches!(says.action, Action::Revoke(_) | Action::RevokeAll) {
            self.inform_all(session)?;
        }
        let detail = ("entry", says.sequence.to_string());
        self.tell(&Subject::Session(id), Some(caller), action_name(&says.action), &[detail]);
        Ok(())
    }

    /// Keeps the newest entry of a session, and whose rights it changed.
    pub(crate) fn take(&mut self, id: &Hash, session: &Session, logged: Logged, served: Option<Served>) -> Result<()> {
        // Rights, entry, wraps: a new session's rows lie as they are read.
        for (party, _, rights) in session.log().changed_by(session.log().entries()) {
            self.store.put_rights(id, party, rights)?;
            match party {
                Party::Placeholder { .. } if rights == Rights::NONE => self.store.remove_waiting(id, party)?,
                Party::Placeholder { .. } => self.store.put_waiting(id, party, true)?,
                _ => {}
            }
        }
        self.store.add_logged(id, &logged)?;
        if let Some(served) = served {
            // What was wrapped for it now may open, whatever the one before did.
            for Stanza { party, .. } in &served.stanzas {
                if matches!(party, Party::Placeholder { .. }) {
                    self.store.put_waiting(id, party, true)?;
                }
            }
            self.store.add_wraps(id, &kept(served))?;
        }
        Ok(())
    }

    /// After the newest entry has taken rights: who lost read, and who still has it.
    pub(crate) fn inform_all(&mut self, session: &Session) -> Result<()> {
        let log = session.log();
        let lost = log
            .changed_by(log.entries())
            .filter(|(_, before, after)| before.has(Rights::READ) && !after.has(Rights::READ))
            .map(|(party, ..)| (party, true));
        let left =
            log.holdings().filter(|holding| holding.rights.has(Rights::READ)).map(|holding| (holding.party, false));
        // Who reads by one of his parties still reads.
        let mut users = BTreeMap::new();
        for (party, revoked) in lost.chain(left) {
            users.extend(self.users_of(party)?.into_iter().map(|user| (user, revoked)));
        }
        for (user, revoked) in &users {
            self.inform(user, About::Session(*log.id()), *revoked)?;
        }
        Ok(())
    }

    /// Takes the identity of a user in.
    pub(crate) fn know_user(&mut self, directory: &mut Directory, id: &UserId) -> Result<()> {
        if directory.find(Some(id)).is_none() {
            directory.insert(self.identity(id)?)?;
        }
        Ok(())
    }

    /// Takes the log of a group in.
    pub(crate) fn know_group(&mut self, directory: &mut Directory, id: &Hash) -> Result<()> {
        if directory.group(id).is_err() {
            directory.insert_group(self.load_group(id)?)?;
        }
        Ok(())
    }

    /// Takes the key server's identity in.
    pub(crate) fn know_server(&self, directory: &mut Directory) -> Result<()> {
        if directory.find(None).is_none() {
            let objects: Vec<_> = self.server.bundles().iter().map(Vec::as_slice).collect();
            directory.insert(Identity::verify(&objects, self.server.app_id(), Asked::KeyServer, FIRST)?)?;
        }
        Ok(())
    }

    /// Every body is there, every party exists, and is wrapped for by its newest key; a group while it is fresh.
    pub(crate) fn check_recipients<'p>(
        &mut self,
        directory: &mut Directory,
        parties: impl Iterator<Item = &'p Party>,
        stanzas: &[Stanza],
    ) -> Result<()> {
        if stanzas.iter().any(|stanza| stanza.body.is_none()) {
            return Err(ApiError::argument("a stanza without its body"));
        }
        for party in parties {
            // Both are sorted by party.
            let stanza = stanzas.binary_search_by(|stanza| stanza.party.cmp(party)).ok();
            let wrapped_for = stanza.and_then(|place| stanzas.get(place)).map(|stanza| stanza.fingerprint);
            let newest = match party {
                Party::Group(id) => {
                    let group = self.store.group(id)?.ok_or(UNKNOWN_GROUP)?;
                    if wrapped_for.is_some() {
                        check_fresh(&group, self.now)?;
                    }
                    group.key
                }
                Party::User { id, .. } => {
                    self.know_user(directory, id)?;
                    *directory.key_for(party)?.fingerprint()
                }
                Party::Placeholder { .. } => {
                    self.know_server(directory)?;
                    *directory.key_for(party)?.fingerprint()
                }
            };
            if wrapped_for.is_some_and(|key| key != newest) {
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
        self.verify(&mut Directory::default(), id, &[])
    }

    /// A session from its objects, with the bodies of these parties.
    pub(crate) fn verify(&mut self, directory: &mut Directory, id: &Hash, parties: &[Party]) -> Result<Session> {
        let logged = self.store.log(id, 0)?;
        for Logged { sequence, signer, object } in &logged {
            match signer {
                Some(signer) => self.know_user(directory, signer)?,
                None => self.know_server(directory)?,
            }
            if *sequence > 0
                && let Authority::Group { id, .. } = Unverified::<Entry>::parse(object, FIRST)?.claimed().authority
            {
                self.know_group(directory, &Hash(id))?;
            }
        }
        let mut wraps = Vec::new();
        for kept in self.store.wraps(id, 0, parties)? {
            wraps.push(joined(kept)?);
        }
        let mut objects = logged.iter().map(|logged| logged.object.as_slice());
        let genesis = objects.next().ok_or(UNKNOWN)?;
        let wraps: Vec<_> = wraps.iter().map(Vec::as_slice).collect();
        let entries: Vec<_> = objects.collect();
        Ok(Session::read(self.server.app_id(), id, genesis, &entries, &wraps, &*directory, FIRST)?)
    }
}

/// Bodies, each with its place among the stanzas.
pub(crate) fn given(bodies: Vec<Body>) -> impl Iterator<Item = (usize, Vec<u8>)> {
    bodies.into_iter().map(|body| (usize::try_from(body.place).unwrap_or(usize::MAX), body.bytes))
}

/// A wraps object as it is given: with the bodies that were read.
pub(crate) fn joined(kept: Wraps) -> Result<Vec<u8>> {
    join(&kept.signed, given(kept.bodies)).map_err(|_| ApiError::new(Code::Server, "wraps that can't be read"))
}

/// Is this the newest bundle of an identity?
pub(crate) fn check_newest(identity: &Identity, bundle: &Hash) -> Result<()> {
    if identity.newest().hash() == bundle { Ok(()) } else { Err(OLD_SIGNER) }
}

pub(crate) fn head_of(session: &Session) -> Head {
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
