//! Founding groups, and what their members do: API sections 9.1 to 9.4, SPEC sections 12.8 to 12.12.

use std::collections::BTreeSet;

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    error::Code,
    group::{Action, Genesis, Head, Log, Member, Operation, Role, SignedHead, check_keys, join, split},
    identity::{Identity, UserId},
    message::View,
    party::Party,
    session::{Directory, Served},
    signed::{Hash, Minimum, Unverified},
};

use crate::{
    ApiError, MINUTE, Work, bytes, bytes_or_null,
    error::Result,
    keys::BEYOND,
    object, objects,
    request::Members,
    sessions::{OTHER_SIGNER, check_newest, given, kept},
    store::{About, Group, KeptHead, Logged, Membership, Room, Store, Wraps, size_of_log, size_of_wraps},
};

const FIRST: Minimum = Minimum(1);
/// Groups to which one user belongs.
const MAX_GROUPS: usize = 1_000;
/// How far a client's clock may be ahead.
const AHEAD: u64 = 5 * MINUTE;

pub(crate) const UNKNOWN_GROUP: ApiError = ApiError::new(Code::UnknownGroup, "there is no such group");
const STALE: ApiError = ApiError::new(Code::Stale, "nobody in the group has lately said what its newest state is");
const NO_MEMBER: ApiError = ApiError::new(Code::Forbidden, "no member of the group");
const CONFLICT: ApiError = ApiError::new(Code::Conflict, "another operation was first");

/// A group that is asked for.
pub(crate) struct AskedGroup {
    pub(crate) id: Hash,
    /// From this sequence on.
    pub(crate) from: u64,
    /// The newest epoch that the caller has open.
    pub(crate) epoch: Option<u64>,
}

/// Whom an operation names, and what its journal rows are called.
fn named(action: &Action) -> (Vec<&Party>, &'static str) {
    match action {
        Action::Add(members) => (members.iter().map(|member| &member.party).collect(), "group-add"),
        Action::Remove(parties, _) => (parties.iter().collect(), "group-remove"),
        Action::Roles(members) => (members.iter().map(|member| &member.party).collect(), "group-roles"),
        Action::Rotate(_) => (Vec::new(), "group-rotate"),
    }
}

fn user_of(party: &Party) -> Option<&UserId> {
    if let Party::User { id, .. } = party { Some(id) } else { None }
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn my_groups(&mut self, caller: &UserId) -> Result<Value> {
        let mut groups = self.groups_of(caller)?;
        groups.sort_unstable();
        Ok(json!({ "groups": groups.iter().map(|id| bytes(id.0)).collect::<Vec<_>>() }))
    }

    /// Those to which a user belongs now.
    pub(crate) fn groups_of(&mut self, user: &UserId) -> Result<Vec<Hash>> {
        let groups = self.store.memberships(user)?.into_iter();
        Ok(groups.filter(|(_, membership)| *membership != Membership::Left).map(|(id, _)| id).collect())
    }

    /// What the caller is in a group that there is.
    pub(crate) fn role_in(&mut self, id: &Hash, caller: &UserId) -> Result<Role> {
        self.store.group(id)?.ok_or(UNKNOWN_GROUP)?;
        match self.store.membership(id, caller)? {
            Some(Membership::Is(role)) => Ok(role),
            _ => Err(NO_MEMBER),
        }
    }

    pub(crate) fn create_group(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["genesis", "keys", "head"])?;
        let (object, keys, head) = (members.bytes("genesis")?, members.bytes("keys")?, members.bytes("head")?);
        let genesis = Unverified::<Genesis>::parse(&object, FIRST)?;
        let served = split(&keys, FIRST)?;
        Unverified::<Head>::parse(&head, FIRST)?;
        let (id, identity) = (*genesis.hash(), self.identity(caller)?);
        let creator = genesis.claimed().creator;
        if identity.bundle(&creator).is_none() {
            return Err(OTHER_SIGNER);
        }
        if self.store.group(&id)?.is_some() {
            return Ok(json!({}));
        }
        check_newest(&identity, &creator)?;
        let mut directory = Directory::default();
        directory.insert(identity)?;
        let log = Log::begin(self.server.app_id(), &id, &object, &directory, FIRST)?;
        check_keys(&log, &keys, FIRST)?;
        self.check_keyed(&mut directory, &served)?;
        let members = &genesis.claimed().members;
        self.check_room(members)?;
        let head = self.check_head(caller, &directory, &log, head)?;

        let operation = Logged { sequence: 0, signer: Some(caller.clone()), object };
        self.keep_operation(&log, operation, Some(served), head)?;
        self.give_roles(&id, members)?;
        let users = members.iter().filter_map(|member| user_of(&member.party));
        self.tell_members(&id, 0, caller, users.cloned(), "group-create");
        Ok(json!({}))
    }

    pub(crate) fn operate(&mut self, caller: &UserId, id: &Hash, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["operation", "keys", "head"])?;
        let (object, keys) = (members.bytes("operation")?, members.bytes_or_null("keys")?);
        let head = members.bytes("head")?;
        let operation = Unverified::<Operation>::parse(&object, FIRST)?;
        let says = operation.claimed();
        if says.group != *id {
            return Err(ApiError::new(Code::KeyMismatch, "an operation of another group"));
        }
        let served = keys.as_deref().map(|keys| split(keys, FIRST)).transpose()?;
        Unverified::<Head>::parse(&head, FIRST)?;
        let before = self.store.group(id)?.ok_or(UNKNOWN_GROUP)?;
        self.store.membership(id, caller)?.ok_or(NO_MEMBER)?;
        let mut log = self.load_group(id)?;
        if log.check_view(&View { sequence: says.sequence, hash: operation.hash().0 }).is_ok() {
            return Ok(json!({ "sequence": log.operations() }));
        }
        let end = log.head();
        if end.sequence.checked_add(1) != Some(says.sequence) || says.previous.0 != end.hash {
            return Err(CONFLICT);
        }
        let mut directory = self.directory_of(caller, &says.signer)?;
        log.extend(&[&object], &directory, FIRST)?;
        if log.keyed_by(log.operations()).next().is_some() != served.is_some() {
            return Err(ApiError::argument("group keys that are missing, or that nobody wants"));
        }
        if let Some((keys, served)) = keys.as_deref().zip(served.as_ref()) {
            check_keys(&log, keys, FIRST)?;
            if served.sequence != says.sequence {
                return Err(ApiError::new(Code::BadSignature, "group keys of another operation"));
            }
            self.check_keyed(&mut directory, served)?;
        }
        if let Action::Add(members) = &says.action {
            self.check_room(members)?;
        }
        let head = self.check_head(caller, &directory, &log, head)?;

        let members = self.store.members(id)?;
        let logged = Logged { sequence: says.sequence, signer: Some(caller.clone()), object: object.clone() };
        self.keep_operation(&log, logged, served, head)?;
        let (parties, name) = named(&says.action);
        let users: BTreeSet<&UserId> = parties.into_iter().filter_map(user_of).collect();
        match &says.action {
            Action::Add(members) | Action::Roles(members) => self.give_roles(id, members)?,
            Action::Remove(..) => {
                for user in &users {
                    self.store.put_membership(id, user, Membership::Left)?;
                }
            }
            Action::Rotate(_) => {}
        }
        let epoch = log.epoch_at(log.operations()) as u64;
        if epoch > before.epoch {
            let known: BTreeSet<_> = self.store.watchers(id)?.into_iter().chain(members).collect();
            for user in &known {
                self.inform(user, About::Group { id: *id, epoch }, users.contains(user))?;
            }
        }
        self.tell_members(id, says.sequence, caller, users.into_iter().cloned(), name);
        Ok(json!({ "sequence": log.operations() }))
    }

    pub(crate) fn say_head(&mut self, caller: &UserId, id: &Hash, body: &Value) -> Result<Value> {
        let object = Members::of(body, &["head"])?.bytes("head")?;
        let head = Unverified::<Head>::parse(&object, FIRST)?;
        self.role_in(id, caller)?;
        let mut directory = self.directory_of(caller, &head.claimed().signer)?;
        let log = self.load_group(id)?;
        let new = self.check_head(caller, &directory, &log, object)?;

        let before = self.store.heads(id)?;
        let mut heads = Vec::with_capacity(before.len() + 1);
        for head in &before {
            self.know_user(&mut directory, &head.signer)?;
            heads.push((head.clone(), SignedHead::read(&log, &head.object, &directory, FIRST)?));
        }
        heads.push(new);
        let is_admin =
            |head: &SignedHead| head.signer().party().and_then(|party| log.role(&party)) == Some(Role::Admin);
        // Of those that end together, the first.
        let places = || heads.iter().enumerate().rev();
        let last = places().max_by_key(|(_, (_, head))| head.head().end);
        let admins = places().filter(|(_, (_, head))| is_admin(head)).max_by_key(|(_, (_, head))| head.head().end);
        let places: BTreeSet<_> = last.into_iter().chain(admins).map(|(place, _)| place).collect();
        let heads = places.into_iter().filter_map(|place| heads.get(place).cloned()).collect::<Vec<_>>();
        if !heads.iter().map(|(head, _)| head).eq(&before) {
            self.keep_heads(&log, heads)?;
        }
        Ok(json!({}))
    }

    /// The caller alone, whose newest bundle this is.
    fn directory_of(&mut self, caller: &UserId, bundle: &Hash) -> Result<Directory> {
        let identity = self.identity(caller)?;
        check_own(&identity, bundle)?;
        let mut directory = Directory::default();
        directory.insert(identity)?;
        Ok(directory)
    }

    /// A head of the newest operation, by the caller, at this time.
    fn check_head(
        &self,
        caller: &UserId,
        directory: &Directory,
        log: &Log,
        object: Vec<u8>,
    ) -> Result<(KeptHead, SignedHead)> {
        let says = Unverified::<Head>::parse(&object, FIRST)?;
        check_own(directory.find(Some(caller)).ok_or(OTHER_SIGNER)?, &says.claimed().signer)?;
        let head = SignedHead::read(log, &object, directory, FIRST)?;
        if head.head().time > self.now.saturating_add(AHEAD) || head.head().end <= self.now {
            return Err(ApiError::new(Code::Stale, "a head that isn't of this time"));
        }
        if head.head().view != log.head() {
            return Err(CONFLICT);
        }
        Ok((KeptHead { signer: caller.clone(), object }, head))
    }

    /// Whom group keys are for, each with a body: they exist, and these are their newest keys.
    fn check_keyed(&mut self, directory: &mut Directory, served: &Served) -> Result<()> {
        self.check_recipients(directory, served.stanzas.iter().map(|stanza| &stanza.party), &served.stanzas)
    }

    /// May those who come belong to one group more?
    fn check_room(&mut self, members: &[Member]) -> Result<()> {
        for user in members.iter().filter_map(|member| user_of(&member.party)) {
            if self.groups_of(user)?.len() >= MAX_GROUPS {
                return Err(ApiError::new(Code::Limit, "a member of too many groups"));
            }
        }
        Ok(())
    }

    /// Keeps the newest operation of a log.
    fn keep_operation(
        &mut self,
        log: &Log,
        operation: Logged,
        keys: Option<Served>,
        head: (KeptHead, SignedHead),
    ) -> Result<()> {
        self.store.put_group_state(log.id(), &log.to_kept())?;
        self.store.add_operation(log.id(), &operation)?;
        if let Some(keys) = keys {
            self.store.add_group_keys(log.id(), &kept(keys))?;
        }
        self.keep_heads(log, vec![head])
    }

    fn keep_heads(&mut self, log: &Log, heads: Vec<(KeptHead, SignedHead)>) -> Result<()> {
        let (kept, heads): (Vec<_>, Vec<_>) = heads.into_iter().unzip();
        let group = Group {
            sequence: log.operations() as u64,
            epoch: log.epoch_at(log.operations()) as u64,
            key: *log.public_key().fingerprint(),
            fresh_until: log.fresh_until(&heads, self.now),
        };
        self.store.put_group(log.id(), &group)?;
        Ok(self.store.put_heads(log.id(), &kept)?)
    }

    fn give_roles(&mut self, id: &Hash, members: &[Member]) -> Result<()> {
        for member in members {
            if let Some(user) = user_of(&member.party) {
                self.store.put_membership(id, user, Membership::Is(member.role))?;
            }
        }
        Ok(())
    }

    /// Journal rows of the caller and of these.
    fn tell_members(
        &mut self,
        id: &Hash,
        sequence: u64,
        caller: &UserId,
        users: impl Iterator<Item = UserId>,
        action: &'static str,
    ) {
        let users: BTreeSet<_> = users.chain([caller.clone()]).collect();
        let detail = [("group", id.to_string()), ("operation", sequence.to_string())];
        for user in &users {
            self.tell_of(user, Some(caller), action, &detail);
        }
    }

    /// A group's log as it was verified; or, where that can't be read any more, verified anew.
    pub(crate) fn load_group(&mut self, id: &Hash) -> Result<Log> {
        let state = self.store.group_state(id)?;
        if let Some(log) = state.and_then(|state| Log::from_kept(self.server.app_id(), id, &state).ok()) {
            return Ok(log);
        }
        let logged = self.store.operations(id, 0)?;
        let mut directory = Directory::default();
        for signer in logged.iter().filter_map(|logged| logged.signer.as_ref()) {
            self.know_user(&mut directory, signer)?;
        }
        let mut objects = logged.iter().map(|logged| logged.object.as_slice());
        let genesis = objects.next().ok_or(UNKNOWN_GROUP)?;
        let mut log = Log::begin(self.server.app_id(), id, genesis, &directory, FIRST)?;
        log.extend(&objects.collect::<Vec<_>>(), &directory, FIRST)?;
        Ok(log)
    }

    /// A group in 6.3, if there is room for it: what came after a sequence, and the caller's keys, unless he has this epoch open and it is the newest.
    pub(crate) fn group_for(
        &mut self,
        (caller, party): (&UserId, &Party),
        asked: &AskedGroup,
        room: &mut Room,
        signers: &mut Vec<UserId>,
    ) -> Result<Value> {
        let AskedGroup { id, from, epoch } = asked;
        let in_its_place = |error: ApiError| Ok(json!({ "id": bytes(id.0), "error": error.code().as_str() }));
        if room.is_full() {
            return in_its_place(BEYOND);
        }
        let Some(group) = self.store.group(id)? else {
            return in_its_place(UNKNOWN_GROUP);
        };
        let logged = self.store.operations(id, *from)?;
        let heads = self.store.heads(id)?;
        let is_member = matches!(self.store.membership(id, caller)?, Some(Membership::Is(_)));
        let keys =
            if is_member && *epoch != Some(group.epoch) { self.store.newest_group_keys(id, party)? } else { None };
        let size = heads.iter().map(|head| head.object.len()).sum::<usize>() + keys.as_ref().map_or(0, size_of_wraps);
        if !room.take(size + size_of_log(&logged)) {
            return in_its_place(BEYOND);
        }
        if !self.store.is_watcher(id, caller)? {
            self.deferred.watched.push((*id, caller.clone(), group.epoch));
        }
        signers.extend(heads.iter().map(|head| head.signer.clone()));
        let (mut genesis, mut operations) = (Value::Null, Vec::new());
        for logged in logged {
            signers.extend(logged.signer);
            match logged.sequence {
                0 => genesis = bytes(logged.object),
                _ => operations.push(logged.object),
            }
        }
        let join = |keys: Wraps| join(&keys.signed, given(keys.bodies));
        let keys = keys.map(join).transpose().map_err(|_| ApiError::server("group keys that can't be read"))?;
        let heads: Vec<_> = heads.into_iter().map(|head| head.object).collect();
        Ok(object([
            ("id", bytes(id.0)),
            ("genesis", genesis),
            ("operations", objects(&operations)),
            ("keys", bytes_or_null(keys.as_ref())),
            ("heads", objects(&heads)),
        ]))
    }
}

/// Has somebody lately said what the group's newest state is?
pub(crate) fn check_fresh(group: &Group, now: u64) -> Result<()> {
    if group.fresh_until > now { Ok(()) } else { Err(STALE) }
}

/// The newest bundle of an identity.
pub(crate) fn check_own(identity: &Identity, bundle: &Hash) -> Result<()> {
    if identity.bundle(bundle).is_none() {
        return Err(OTHER_SIGNER);
    }
    check_newest(identity, bundle)
}
