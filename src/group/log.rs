//! A group's log, verified operation by operation: SPEC section 12.10. Who belonged when is kept too: entries of sessions name states of the past.

use std::sync::Arc;

use super::{
    epoch::Epoch,
    genesis::{Genesis, Lifetimes, Name},
    member::{Member, Role},
    operation::{Action, Operation},
};
use crate::{
    error::{Code, Error, Result},
    identity::{AppId, UserId},
    key_pair::{Fingerprint, PublicKey},
    message::View,
    party::{MAX_PARTIES, Party},
    session::{Signer, Signers},
    signed::{Hash, Minimum, Payload, Signed, Unverified, decode_payload, hash_of},
};

/// Operations after the genesis.
const MAX_OPERATIONS: usize = 10_000;

const STRAY: Error = Error::new(&(Code::BadSignature, "an operation that doesn't follow the one before"));
const FORK: Error = Error::new(&(Code::Fork, "two logs of one group"));
const OTHER_GROUP: Error = Error::new(&(Code::KeyMismatch, "an operation of another group"));
const FULL: Error = Error::new(&(Code::Limit, "a log of more than 10,000 operations"));
const FORBIDDEN: Error = Error::new(&(Code::Forbidden, "not an admin of the group, or nothing that can be done to it"));

/// The log of a group up to its newest verified operation.
#[derive(Clone, Debug)]
pub struct Log {
    id: Hash,
    app_id: AppId,
    name: Name,
    lifetimes: Lifetimes,
    /// The genesis, and the operations.
    steps: Vec<Step>,
    /// In the order in which they came.
    people: Vec<Person>,
    /// Places in `people`, sorted by party: those of one user id stand side by side.
    order: Vec<usize>,
    admins: usize,
    members: usize,
    epochs: Vec<Epoch>,
    /// Of their keys, in the same order.
    fingerprints: Vec<Fingerprint>,
    /// Sequences of their operations.
    begun: Vec<usize>,
    /// The newest epoch's.
    key: Arc<PublicKey>,
    /// In the order in which they first signed.
    signers: Vec<Signer>,
}

#[derive(Clone, Debug)]
struct Step {
    hash: Hash,
    payload: Arc<[u8]>,
    time: u64,
    /// Place in `signers`.
    signer: usize,
    keys: Keys,
}

/// For whom an operation has group keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    Members,
    Added,
    Nobody,
}

/// Somebody who belongs or did.
#[derive(Clone, Debug)]
struct Person {
    party: Party,
    /// Sequences, rising, with what he is from there on.
    changes: Vec<(usize, Option<Role>)>,
}

impl Person {
    fn role(&self) -> Option<Role> {
        self.changes.last().and_then(|change| change.1)
    }

    fn role_at(&self, sequence: usize) -> Option<Role> {
        let since = self.changes.partition_point(|change| change.0 <= sequence);
        since.checked_sub(1).and_then(|last| self.changes.get(last)).and_then(|change| change.1)
    }
}

impl Log {
    /// Verifies the genesis of the group asked for.
    ///
    /// # Errors
    /// Those of SPEC section 12.10, step 1.
    pub fn begin(app_id: &AppId, id: &Hash, genesis: &[u8], signers: &dyn Signers, minimum: Minimum) -> Result<Self> {
        let genesis = Unverified::<Genesis>::parse(genesis, minimum)?;
        if genesis.hash() != id {
            return Err(Error::new(&(Code::KeyMismatch, "the genesis of another group")));
        }
        if genesis.claimed().app_id != *app_id {
            return Err(Error::new(&(Code::KeyMismatch, "a group of another application")));
        }
        let signer = signers.signer(&genesis.claimed().creator)?;
        let genesis = genesis.verify(&signer.key)?;
        Self::of_genesis(genesis.hash(), genesis.payload(), genesis.value(), signer)
    }

    /// Of a genesis that was verified, or made here.
    pub(super) fn of_genesis(id: &Hash, payload: &[u8], genesis: &Genesis, signer: Signer) -> Result<Self> {
        let key = genesis.epoch.key()?;
        let mut log = Self {
            id: *id,
            app_id: genesis.app_id.clone(),
            name: genesis.name.clone(),
            lifetimes: genesis.lifetimes,
            steps: Vec::new(),
            people: Vec::new(),
            order: Vec::new(),
            admins: 0,
            members: 0,
            epochs: vec![genesis.epoch.clone()],
            fingerprints: vec![*key.fingerprint()],
            begun: vec![0],
            key: Arc::new(key),
            signers: Vec::new(),
        };
        for member in &genesis.members {
            log.set(&member.party, Some(member.role));
        }
        if signer.party().and_then(|party| log.role(&party)) != Some(Role::Admin) {
            return Err(FORBIDDEN);
        }
        log.signers.push(signer);
        log.steps.push(Step { hash: *id, payload: payload.into(), time: genesis.time, signer: 0, keys: Keys::Members });
        Ok(log)
    }

    /// Verifies the operations that follow, in this order. After an error the log is what it was up to the operation before.
    ///
    /// # Errors
    /// Those of SPEC section 12.10, steps 2 to 6; `limit`.
    pub fn extend(&mut self, operations: &[&[u8]], signers: &dyn Signers, minimum: Minimum) -> Result<()> {
        // Before one of them is verified, as for a session's entries.
        if self.operations() + operations.len() > MAX_OPERATIONS {
            return Err(FULL);
        }
        for operation in operations {
            let operation = Unverified::<Operation>::parse(operation, minimum)?;
            let claimed = operation.claimed();
            if claimed.group != self.id {
                return Err(OTHER_GROUP);
            }
            if !self.precedes(claimed) {
                return Err(STRAY);
            }
            let signer = signers.signer(&claimed.signer)?;
            self.take(&operation.verify(&signer.key)?, &signer)?;
        }
        Ok(())
    }

    /// Is this operation in the log, as it stands there?
    ///
    /// # Errors
    /// Those of its form; `key-mismatch` for another group's; `fork` where another has its sequence.
    pub fn holds(&self, operation: &[u8], minimum: Minimum) -> Result<bool> {
        let operation = Unverified::<Operation>::parse(operation, minimum)?;
        if operation.claimed().group != self.id {
            return Err(OTHER_GROUP);
        }
        match self.check_view(&View { sequence: operation.claimed().sequence, hash: operation.hash().0 }) {
            Err(error) if error.code() == Code::Rollback => Ok(false),
            held => held.map(|()| true),
        }
    }

    /// What is kept of a log on a device: payloads whose signatures were verified before, and who signed them.
    ///
    /// # Errors
    /// `invalid-format`, and those of a replay.
    pub fn restore(payloads: &[&[u8]], signers: &[Signer]) -> Result<Self> {
        let known = |bundle: &Hash| signers.iter().find(|signer| signer.bundle == *bundle).cloned().ok_or(STRAY);
        let (genesis, operations) = payloads.split_first().ok_or(STRAY)?;
        let says: Genesis = decode_payload(genesis)?;
        let mut log = Self::of_genesis(&hash_of(Genesis::LABEL, genesis), genesis, &says, known(&says.creator)?)?;
        for payload in operations {
            let says: Operation = decode_payload(payload)?;
            if says.group != log.id || !log.precedes(&says) {
                return Err(STRAY);
            }
            log.append(&hash_of(Operation::LABEL, payload), payload, &says, &known(&says.signer)?)?;
        }
        Ok(log)
    }

    /// Does this operation follow the log's end?
    fn precedes(&self, operation: &Operation) -> bool {
        let head = self.head();
        head.sequence.checked_add(1) == Some(operation.sequence) && operation.previous.0 == head.hash
    }

    /// Takes an operation that follows, and was verified or made here.
    pub(super) fn take(&mut self, operation: &Signed<Operation>, signer: &Signer) -> Result<()> {
        self.append(operation.hash(), operation.payload(), operation.value(), signer)
    }

    /// Steps 3 to 6.
    fn append(&mut self, hash: &Hash, payload: &[u8], operation: &Operation, signer: &Signer) -> Result<()> {
        if self.operations() >= MAX_OPERATIONS {
            return Err(FULL);
        }
        let newer = |known: &Signer| known.identity == signer.identity && known.version > signer.version;
        if self.signers.iter().any(newer) {
            return Err(Error::new(&(Code::Rollback, "signed with an older bundle than an operation before")));
        }
        let by = signer.party().filter(|party| self.role(party) == Some(Role::Admin)).ok_or(FORBIDDEN)?;
        self.check(&by, &operation.action)?;
        let keys = self.act(&operation.action)?;
        let known = self.signers.iter().position(|known| known.bundle == signer.bundle);
        let signer = known.unwrap_or_else(|| {
            self.signers.push(signer.clone());
            self.signers.len() - 1
        });
        self.steps.push(Step { hash: *hash, payload: payload.into(), time: operation.time, signer, keys });
        Ok(())
    }

    /// Step 5, by the state before.
    fn check(&self, by: &Party, action: &Action) -> Result<()> {
        let lost = |role: Role| usize::from(role == Role::Admin);
        let (fits, admins, members) = match action {
            Action::Add(added) => {
                let is_new = |member: &Member| matches!(&member.party, Party::User { id, .. } if self.person_named(id).is_none());
                (added.iter().all(is_new), self.admins + added.len(), self.members + added.len())
            }
            Action::Remove(removed, _) => {
                let roles: Option<Vec<_>> = removed.iter().map(|party| self.role(party)).collect();
                let (roles, all) = (roles.as_deref().unwrap_or_default(), roles.is_some());
                // Who begins an epoch knows its secret.
                let all = all && !removed.contains(by);
                (all, self.admins - roles.iter().map(|role| lost(*role)).sum::<usize>(), self.members)
            }
            Action::Roles(changed) => {
                let other = |member: &Member| self.role(&member.party).is_some_and(|role| role != member.role);
                let all = changed.iter().all(other);
                let demoted = changed.iter().filter(|member| member.role == Role::Member).count();
                let promoted = changed.len() - demoted;
                (all, (self.admins + promoted).saturating_sub(demoted), self.members)
            }
            Action::Rotate(_) => (true, self.admins, self.members),
        };
        if fits && admins > 0 && members <= MAX_PARTIES { Ok(()) } else { Err(FORBIDDEN) }
    }

    /// What comes of it, and for whom it has group keys.
    fn act(&mut self, action: &Action) -> Result<Keys> {
        match action {
            Action::Add(members) => {
                members.iter().for_each(|member| self.set(&member.party, Some(member.role)));
                Ok(Keys::Added)
            }
            Action::Remove(parties, epoch) => {
                let key = epoch.key()?;
                parties.iter().for_each(|party| self.set(party, None));
                self.begin_epoch(epoch, key);
                Ok(Keys::Members)
            }
            Action::Roles(members) => {
                members.iter().for_each(|member| self.set(&member.party, Some(member.role)));
                Ok(Keys::Nobody)
            }
            Action::Rotate(epoch) => {
                let key = epoch.key()?;
                self.begin_epoch(epoch, key);
                Ok(Keys::Members)
            }
        }
    }

    fn begin_epoch(&mut self, epoch: &Epoch, key: PublicKey) {
        self.epochs.push(epoch.clone());
        self.fingerprints.push(*key.fingerprint());
        self.begun.push(self.steps.len());
        self.key = Arc::new(key);
    }

    /// Makes somebody this, from the operation on that comes next.
    fn set(&mut self, party: &Party, role: Option<Role>) {
        let sequence = self.steps.len();
        let rank = self.find(party);
        let place = rank.ok().and_then(|rank| self.order.get(rank).copied());
        let before = place.and_then(|place| self.people.get(place)).and_then(Person::role);
        match place.and_then(|place| self.people.get_mut(place)) {
            Some(person) => person.changes.push((sequence, role)),
            None => {
                self.order.insert(rank.unwrap_or_else(|rank| rank), self.people.len());
                self.people.push(Person { party: party.clone(), changes: vec![(sequence, role)] });
            }
        }
        let count = |role: Option<Role>| (usize::from(role.is_some()), usize::from(role == Some(Role::Admin)));
        let ((was, was_admin), (is, is_admin)) = (count(before), count(role));
        self.members = (self.members + is).saturating_sub(was);
        self.admins = (self.admins + is_admin).saturating_sub(was_admin);
    }

    /// Where the party stands in `order`.
    fn find(&self, party: &Party) -> core::result::Result<usize, usize> {
        self.order.binary_search_by(|place| self.people.get(*place).map(|person| &person.party).cmp(&Some(party)))
    }

    fn person(&self, party: &Party) -> Option<&Person> {
        let rank = self.find(party).ok()?;
        self.people.get(*self.order.get(rank)?)
    }

    /// The member with this user id, whatever identity he has.
    fn person_named(&self, user: &UserId) -> Option<&Person> {
        let first = Party::User { id: user.clone(), identity: Hash([0; 32]) };
        let rank = self.find(&first).unwrap_or_else(|rank| rank);
        let same = |person: &&Person| matches!(&person.party, Party::User { id, .. } if id == user);
        let people = self.order.iter().skip(rank).filter_map(|place| self.people.get(*place));
        people.take_while(same).find(|person| person.role().is_some())
    }

    /// The group's id.
    #[must_use]
    pub const fn id(&self) -> &Hash {
        &self.id
    }

    /// The application.
    #[must_use]
    pub const fn app_id(&self) -> &AppId {
        &self.app_id
    }

    /// What people call it.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// How long what it says of itself is good.
    #[must_use]
    pub const fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// Number of operations after the genesis, which is the sequence of the newest.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.steps.len().saturating_sub(1)
    }

    /// The newest operation.
    #[must_use]
    pub fn head(&self) -> View {
        let hash = self.steps.last().map_or(self.id, |step| step.hash);
        View { sequence: self.operations() as u64, hash: hash.0 }
    }

    /// Payloads of the genesis and of the operations, as they were signed: for [`Self::restore`].
    pub fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.steps.iter().map(|step| &*step.payload)
    }

    /// Who signed anything here: verified identities' bundles.
    #[must_use]
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// What somebody is now.
    #[must_use]
    pub fn role(&self, party: &Party) -> Option<Role> {
        self.person(party).and_then(Person::role)
    }

    /// What somebody was after the operation of this sequence.
    #[must_use]
    pub fn role_at(&self, party: &Party, sequence: u64) -> Option<Role> {
        let sequence = usize::try_from(sequence).ok().filter(|sequence| *sequence < self.steps.len())?;
        self.person(party)?.role_at(sequence)
    }

    /// Did somebody ever belong?
    #[must_use]
    pub fn has_belonged(&self, party: &Party) -> bool {
        self.person(party).is_some()
    }

    /// The member of this name.
    #[must_use]
    pub fn member(&self, user: &UserId) -> Option<Member> {
        let person = self.person_named(user)?;
        Some(Member { party: person.party.clone(), role: person.role()? })
    }

    /// Who belongs, sorted.
    pub fn members(&self) -> impl Iterator<Item = (&Party, Role)> {
        let people = self.order.iter().filter_map(|place| self.people.get(*place));
        people.filter_map(|person| Some((&person.party, person.role()?)))
    }

    /// For whom the operation of this sequence has group keys, sorted: nobody, where it has none.
    pub fn keyed_by(&self, sequence: usize) -> impl Iterator<Item = &Party> {
        let keys = self.steps.get(sequence).map_or(Keys::Nobody, |step| step.keys);
        let people = self.order.iter().filter_map(|place| self.people.get(*place));
        people.filter_map(move |person| {
            let belongs = person.role_at(sequence).is_some();
            let came = || person.changes.iter().any(|change| change.0 == sequence);
            let is_keyed = match keys {
                Keys::Members => belongs,
                Keys::Added => belongs && came(),
                Keys::Nobody => false,
            };
            is_keyed.then_some(&person.party)
        })
    }

    /// The newest operation that has group keys for this member.
    #[must_use]
    pub fn newest_keys_for(&self, party: &Party) -> Option<usize> {
        let person = self.person(party).filter(|person| person.role().is_some())?;
        let came = person.changes.iter().rposition(|change| change.1.is_none()).map_or(0, |left| left + 1);
        let came = person.changes.get(came)?.0;
        Some(self.begun.last().map_or(came, |begun| came.max(*begun)))
    }

    /// Epochs, from 0 on.
    #[must_use]
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// Number of the epoch after the operation of this sequence.
    #[must_use]
    pub fn epoch_at(&self, sequence: usize) -> usize {
        self.begun.partition_point(|begun| *begun <= sequence).saturating_sub(1)
    }

    /// What is wrapped for the group is wrapped for this: the newest epoch's.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// Has one of its epochs this key?
    #[must_use]
    pub fn has_key(&self, fingerprint: &Fingerprint) -> bool {
        self.fingerprints.iter().rev().any(|known| known == fingerprint)
    }

    /// The key of an epoch.
    pub(crate) fn key_of(&self, epoch: u64) -> Option<&Fingerprint> {
        self.fingerprints.get(usize::try_from(epoch).ok()?)
    }

    /// Number of the newest epoch.
    pub(crate) fn newest_epoch(&self) -> u64 {
        (self.fingerprints.len() as u64).saturating_sub(1)
    }

    /// Who signed the operation of this sequence.
    pub(super) fn signer_of(&self, sequence: usize) -> Option<&Signer> {
        self.signers.get(self.steps.get(sequence)?.signer)
    }

    /// The newest time, up to this one, at which somebody signed who is an admin now.
    pub(super) fn newest_admin_time(&self, latest: u64) -> u64 {
        let is_admin = |signer: &Signer| signer.party().and_then(|party| self.role(&party)) == Some(Role::Admin);
        let admins: Vec<_> = self.signers.iter().map(is_admin).collect();
        let signed = self.steps.iter().filter(|step| admins.get(step.signer) == Some(&true));
        signed.map(|step| step.time).filter(|time| *time <= latest).max().unwrap_or_default()
    }

    /// Compares with what was seen of this log before.
    ///
    /// # Errors
    /// `rollback` where this one is shorter, `fork` where they differ.
    pub fn check_view(&self, view: &View) -> Result<()> {
        let place = usize::try_from(view.sequence).unwrap_or(usize::MAX);
        let step = self
            .steps
            .get(place)
            .ok_or(Error::new(&(Code::Rollback, "a group's log that is shorter than one seen before")))?;
        if step.hash.0 == view.hash { Ok(()) } else { Err(FORK) }
    }
}
