//! Who was met: identities whose signatures are verified and whose keys are wrapped for, and groups whose logs are.

use core::iter;
use std::{collections::BTreeSet, rc::Rc, sync::Arc};

use super::{api::AskedGroup, fetch::PAGE};
use crate::{
    encoding::MALFORMED,
    error::{Code, Error, Result},
    group::{Epochs, Log, Role, SignedHead},
    identity::{Identity, Pin, Pins, UserId},
    key_pair::{Fingerprint, PublicKey},
    party::Party,
    session::{Directory, Recipients, Rights, Session, Signer, Signers},
    signed::Hash,
};

/// What is known of a group beside its log.
#[derive(Debug)]
pub(super) struct Belonging {
    pub(super) id: Hash,
    /// Of its newest operation.
    pub(super) heads: Vec<SignedHead>,
    /// Those of its epochs that are open, where the own user is a member.
    pub(super) epochs: Option<Rc<Epochs>>,
    /// So many epochs had the log when they were opened.
    pub(super) opened: usize,
    /// Why those after them aren't.
    pub(super) closed: Option<Error>,
    /// Is the log kept as it is?
    pub(super) is_kept: bool,
}

/// Identities that were met, and why others weren't; and groups.
#[derive(Debug)]
pub(super) struct People {
    pub(super) directory: Directory,
    /// The own user.
    pub(super) own: Party,
    /// Bundles of those who were met before this page was loaded.
    pub(super) recalled: Vec<Signer>,
    pub(super) refused: Vec<(Hash, Error)>,
    /// Sorted by id.
    belongings: Vec<Belonging>,
    /// Groups of which the key server told what isn't true.
    pub(super) refused_groups: Vec<(Hash, Error)>,
}

const NO_EPOCH: Error = Error::new(&(Code::NotARecipient, "no key of this epoch of the group is known"));

impl Signers for People {
    fn signer(&self, bundle: &Hash) -> Result<Signer> {
        let unknown = match self.directory.signer(bundle) {
            Ok(signer) => return Ok(signer),
            Err(unknown) => unknown,
        };
        if let Some((_, error)) = self.refused.iter().find(|(refused, _)| refused == bundle) {
            return Err(*error);
        }
        self.recalled.iter().find(|signer| signer.bundle == *bundle).cloned().ok_or(unknown)
    }

    fn group(&self, id: &Hash) -> Result<&Log> {
        match self.refused_groups.iter().find(|(refused, _)| refused == id) {
            Some((_, error)) => Err(*error),
            None => self.directory.group(id),
        }
    }

    fn verified_group(&self, id: &Hash) -> Option<&Log> {
        self.directory.group(id).ok()
    }
}

impl Recipients for People {
    fn key_for(&self, party: &Party) -> Result<&PublicKey> {
        match party {
            Party::Group(id) => Ok(self.group(id)?.public_key()),
            _ => self.directory.key_for(party),
        }
    }
}

impl People {
    /// The own identity and the key server's.
    pub(super) fn of(own: Identity, key_server: Option<Identity>) -> Result<Self> {
        let mut people = Self {
            directory: Directory::default(),
            own: own.party().ok_or(MALFORMED)?,
            recalled: Vec::new(),
            refused: Vec::new(),
            belongings: Vec::new(),
            refused_groups: Vec::new(),
        };
        people.directory.insert(own)?;
        key_server.map_or(Ok(()), |key_server| people.directory.insert(key_server))?;
        Ok(people)
    }

    /// Those who were met before, as far as they are still who is pinned; and the groups.
    pub(super) fn keep(&mut self, before: Self, pins: &Pins) -> Result<()> {
        let (identities, groups) = before.directory.into_parts();
        for identity in identities {
            let name = identity.user_id();
            let is_pinned = pins.find(name) == Some(&Pin::of(&identity));
            if is_pinned && self.directory.find(name).is_none() {
                self.directory.insert(identity)?;
            }
        }
        for log in groups {
            self.directory.insert_group(log)?;
        }
        (self.belongings, self.refused_groups) = (before.belongings, before.refused_groups);
        Ok(())
    }

    pub(super) fn find(&self, user: &UserId) -> Option<&Identity> {
        self.directory.find(Some(user))
    }

    /// Both again.
    pub(super) fn meet(&mut self, own: Identity, key_server: Identity) -> Result<()> {
        self.directory.insert(own)?;
        self.directory.insert(key_server)
    }

    /// What is known of a group beside its log.
    pub(super) fn belonging(&self, id: &Hash) -> Option<&Belonging> {
        let place = self.belonging_place(id).ok()?;
        self.belongings.get(place)
    }

    /// The same, to be changed.
    pub(super) fn belonging_mut(&mut self, id: &Hash) -> Option<&mut Belonging> {
        let place = self.belonging_place(id).unwrap_or_else(|place| {
            let (heads, id) = (Vec::new(), *id);
            let known = Belonging { id, heads, epochs: None, opened: 0, closed: None, is_kept: false };
            self.belongings.insert(place, known);
            place
        });
        self.belongings.get_mut(place)
    }

    fn belonging_place(&self, id: &Hash) -> core::result::Result<usize, usize> {
        self.belongings.binary_search_by(|known| known.id.cmp(id))
    }

    /// How these groups are asked for, and all others that are known: as many as one request takes, those to which the own user belongs first. What a session names comes with
    /// it all the same.
    pub(super) fn ask_for(&self, groups: &[Hash]) -> Vec<AskedGroup> {
        let others = |belongs| self.directory.groups().map(Log::id).filter(move |id| self.belongs(id) == belongs);
        let ask = |id: &Hash| {
            let opened = self.belonging(id).map(|known| known.opened as u64);
            let epoch = opened.and_then(|opened| opened.checked_sub(1));
            match self.directory.group(id) {
                Ok(log) => AskedGroup { id: *id, after: Some(log.head().sequence), epoch },
                Err(_) => AskedGroup { id: *id, after: None, epoch: None },
            }
        };
        let mut asked = BTreeSet::new();
        let once = groups.iter().chain(others(true)).chain(others(false)).filter(|id| asked.insert(**id));
        once.take(PAGE).map(ask).collect()
    }

    /// Logs that aren't kept as they are; from now on they are. `is_there`: is a group's log kept at all?
    pub(super) fn unkept(&mut self, is_there: impl Fn(&Hash) -> bool) -> Vec<Arc<Log>> {
        let mut logs = Vec::new();
        for known in self.belongings.iter_mut().filter(|known| !known.is_kept || !is_there(&known.id)) {
            known.is_kept = true;
            logs.extend(self.directory.shared_group(&known.id));
        }
        logs
    }

    /// The epochs of a group, if that of this fingerprint is among those that are open.
    ///
    /// # Errors
    /// Why it isn't: those of SPEC section 12.11, `not-a-recipient`.
    pub(super) fn epoch_of(&self, id: &Hash, fingerprint: &Fingerprint) -> Result<Rc<Epochs>> {
        self.group(id)?;
        let known = self.belonging(id);
        let epochs = known.and_then(|known| known.epochs.as_ref());
        let found = epochs.filter(|epochs| epochs.find(fingerprint).is_some());
        let broken = || epochs.and_then(|epochs| epochs.broken()).map(|(_, error)| error);
        found.map(Rc::clone).ok_or_else(|| known.and_then(|known| known.closed).or_else(broken).unwrap_or(NO_EPOCH))
    }

    /// The epochs of a group, if the newest is open.
    ///
    /// # Errors
    /// As [`Self::epoch_of`].
    pub(super) fn newest_epochs(&self, id: &Hash) -> Result<Rc<Epochs>> {
        self.epoch_of(id, self.group(id)?.public_key().fingerprint())
    }

    /// Heads of a group's newest operation.
    pub(super) fn heads(&self, id: &Hash) -> &[SignedHead] {
        self.belonging(id).map_or(&[], |known| &known.heads)
    }

    /// What the own user is by this log.
    pub(super) fn role(&self, log: &Log) -> Option<Role> {
        log.role(&self.own)
    }

    /// Does the own user belong to this group?
    pub(super) fn belongs(&self, id: &Hash) -> bool {
        self.group(id).is_ok_and(|log| self.role(log).is_some())
    }

    /// The own user, and those of his groups that this session names.
    pub(super) fn parties(&self, session: &Session) -> Vec<Party> {
        let groups = session.log().groups().filter(|id| self.belongs(id));
        iter::once(self.own.clone()).chain(groups.map(|id| Party::Group(*id))).collect()
    }

    /// The party through which the own user reads a session: he himself, or one of his groups.
    pub(super) fn through(&self, session: &Session) -> Option<Party> {
        self.through_but(session, None)
    }

    /// The same, if he didn't belong to this group.
    pub(super) fn through_but(&self, session: &Session, but: Option<&Hash>) -> Option<Party> {
        let reads = |party: &Party| session.log().rights(party).has(Rights::READ);
        if reads(&self.own) {
            return Some(self.own.clone());
        }
        let mut groups = session.log().groups().filter(|id| Some(*id) != but && self.belongs(id));
        groups.find(|id| reads(&Party::Group(**id))).map(|id| Party::Group(*id))
    }

    /// Are the logs known of all groups that this session names?
    pub(super) fn knows_groups(&self, session: &Session) -> bool {
        session.log().groups().all(|id| self.group(id).is_ok())
    }
}
