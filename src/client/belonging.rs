//! Groups that are known: what the key server tells of their logs, heads and epochs, verified. SPEC sections 12.10 to 12.12.

use std::{rc::Rc, sync::Arc};

use super::{
    Client, Host,
    api::{GroupAnswer, Wanted},
    cache::Cache,
    fetch::PAGE,
    ready::Ready,
};
use crate::{
    account::Seen,
    backend::Outcome,
    data_key::DataKey,
    error::{Code, Error, Result},
    group::{Epochs, Log, NO_GROUP, Opening, SignedHead, Stanza, sign_head},
    message::View,
    party::Party,
    session::{Signer, Signers},
    signed::Hash,
};

fn view_of(seen: &Seen) -> View {
    View { sequence: seen.sequence, hash: seen.hash.0 }
}

pub(super) fn seen_of(log: &Log) -> Seen {
    let View { sequence, hash } = log.head();
    Seen { sequence, hash: Hash(hash) }
}

impl Ready {
    /// What is known of a group's log, if no more of it was seen: by another device, too, whose backup was read since.
    pub(super) fn newest_group(&self, id: &Hash) -> Result<&Log> {
        let log = self.people.group(id)?;
        self.check_remembered(log)?;
        Ok(log)
    }

    /// Is this log what is remembered of it, or more?
    fn check_remembered(&self, log: &Log) -> Result<()> {
        self.state.group(log.id()).map_or(Ok(()), |seen| log.check_view(&view_of(&seen)))
    }

    /// Do the logs that are known agree with what another device has seen of them? The states alone tell only of equal lengths.
    ///
    /// # Errors
    /// `fork`.
    pub(super) fn check_seen(&self, groups: &[(Hash, Seen)]) -> Result<()> {
        groups.iter().try_for_each(|(id, seen)| {
            let log = self.people.directory.group(id).ok().filter(|log| seen.sequence <= log.head().sequence);
            log.map_or(Ok(()), |log| log.check_view(&view_of(seen)))
        })
    }

    /// A log that was kept, if it is what was seen and who signed it is pinned.
    pub(super) fn recall_group(&mut self, log: Log) -> Result<()> {
        let pinned = |signer: &Signer| {
            let pin = self.state.pins.find(signer.user.as_ref());
            pin.is_some_and(|pin| *pin.identity() == signer.identity)
        };
        if !log.signers().iter().all(pinned) {
            return Ok(());
        }
        self.check_remembered(&log)?;
        let id = *log.id();
        self.people.directory.insert_group(log)?;
        if let Some(known) = self.people.belonging_mut(&id) {
            known.is_kept = true;
        }
        Ok(())
    }
}

impl<H: Host> Client<H> {
    /// Takes what was told of groups, each by itself: one that isn't as it should be fails what needs it, and nothing else. `seen`: what was remembered when they were asked for.
    pub(super) async fn take_groups(
        &self,
        cache: &Rc<Cache<H::Store>>,
        answers: &[(Hash, Result<GroupAnswer>)],
        seen: &[(Hash, Seen)],
    ) -> Result<()> {
        for (id, answer) in answers {
            let seen = seen.iter().find(|(known, _)| known == id).map(|(_, seen)| view_of(seen));
            let outcome = match answer {
                Ok(answer) => self.take_group(cache, id, answer, seen.as_ref()).await,
                Err(error) if error.code() == Code::UnknownGroup => Err(NO_GROUP),
                Err(error) => Err(*error),
            };
            self.check_cache(cache)?;
            self.with(|ready| {
                let refused = &mut ready.people.refused_groups;
                refused.retain(|(known, _)| known != id);
                refused.extend(outcome.err().map(|error| (*id, error)));
            })?;
        }
        Ok(())
    }

    async fn take_group(
        &self,
        cache: &Rc<Cache<H::Store>>,
        id: &Hash,
        answer: &GroupAnswer,
        seen: Option<&View>,
    ) -> Result<()> {
        let minimum = self.with(|ready| ready.state.minimum())?;
        let begin = |ready: &mut Ready| match &answer.genesis {
            Some(genesis) => Log::begin(&self.options.app_id, id, genesis, &ready.people, minimum).map(Arc::new),
            None => ready.people.directory.shared_group(id),
        };
        let mut log = self.with(begin)??;
        let mut operations = answer.operations.iter();
        self.in_steps(&mut || {
            self.check_cache(cache)?;
            let Some(operation) = operations.next() else { return Ok(false) };
            // Another call may have been faster.
            if !log.holds(operation, minimum)? {
                self.with(|ready| Arc::make_mut(&mut log).extend(&[operation], &ready.people, minimum))??;
            }
            Ok(true)
        })
        .await?;
        // Also where less is known by now: what was remembered is kept over a wipe.
        seen.map_or(Ok(()), |seen| log.check_view(seen))?;
        let mut heads = Vec::with_capacity(answer.heads.len());
        for head in &answer.heads {
            match self.with(|ready| SignedHead::read(&log, head, &ready.people, minimum))? {
                Ok(head) => heads.push(head),
                // A member has seen another log, or more of it.
                Err(error) if matches!(error.code(), Code::Fork | Code::Rollback) => return Err(error),
                Err(_) => {}
            }
        }
        self.know_group(log, heads)?;
        if let Some(keys) = &answer.keys {
            self.open_epochs(cache, id, keys).await?;
        }
        Ok(())
    }

    /// A log that was verified or made here, and heads of it.
    pub(super) fn know_group(&self, log: Arc<Log>, heads: Vec<SignedHead>) -> Result<()> {
        self.with(|ready| {
            let (id, before) = (*log.id(), ready.people.directory.group(log.id()).map(Log::operations).ok());
            if let Some(seen) = ready.state.group(&id).filter(|seen| seen.sequence <= log.head().sequence) {
                log.check_view(&view_of(&seen))?;
            }
            // Others are remembered where somebody asks for them, or a session names them.
            if ready.state.group(&id).is_some() {
                ready.state.see_group(id, seen_of(&log))?;
            }
            ready.people.directory.insert_group(log)?;
            let log = ready.people.directory.group(&id)?;
            let (view, after) = (log.head(), log.operations());
            // Also of a group of which what was told before isn't true.
            let belongs = ready.people.role(log).is_some();
            let Some(known) = ready.people.belonging_mut(&id) else { return Ok(()) };
            known.heads.retain(|head| head.head().view == view);
            for head in heads.into_iter().filter(|head| head.head().view == view) {
                if !known.heads.contains(&head) {
                    known.heads.push(head);
                }
            }
            known.is_kept &= before == Some(after);
            if !belongs {
                (known.epochs, known.opened, known.closed) = (None, 0, None);
            }
            Ok(())
        })?
    }

    /// Opens the epochs of a group to which the own user belongs, by group keys that the key server gave. What doesn't open fails what needs it.
    async fn open_epochs(&self, cache: &Rc<Cache<H::Store>>, id: &Hash, object: &[u8]) -> Result<()> {
        let (log, own) = self.with(|ready| {
            let (people, log) = (&ready.people, ready.people.directory.shared_group(id)?);
            let is_open = people.belonging(id).is_some_and(|known| known.opened == log.epochs().len());
            let opens = !is_open && people.role(&log).is_some();
            Ok::<_, Error>((opens.then_some(log), people.own.clone()))
        })??;
        let Some(log) = log else { return Ok(()) };
        let secret = match self.open_keys_of(&log, &own, object).await {
            Err(error) if error.code() == Code::Locked => return Err(error),
            secret => secret,
        };
        self.check_cache(cache)?;
        let epochs = match secret {
            Ok(secret) => self.open_all_epochs(&log, secret).await,
            Err(error) => Err(error),
        };
        self.check_cache(cache)?;
        self.hold_epochs(&log, epochs)
    }

    /// The secret of the newest epoch.
    async fn open_keys_of(&self, log: &Log, own: &Party, object: &[u8]) -> Result<DataKey> {
        const OTHERS: Error = Error::new(&(Code::NotARecipient, "the group's keys are wrapped for none of these keys"));
        let (minimum, keys) = self.with(|ready| (ready.state.minimum(), Rc::clone(&ready.keys)))?;
        let stanza = Stanza::find(log, object, own, minimum)?;
        let pair = keys.encryption.iter().find(|pair| pair.public_key().fingerprint() == stanza.fingerprint());
        let pair = pair.ok_or(OTHERS)?;
        let unwrapping = stanza.begin(pair.public_key())?;
        let opened = self.unwrap(pair, &unwrapping).await?;
        unwrapping.finish(opened.expose())
    }

    /// From the newest down.
    pub(super) async fn open_all_epochs(&self, log: &Log, newest: DataKey) -> Result<Rc<Epochs>> {
        let mut opening = Opening::begin(log, newest)?;
        while opening.step(log) {
            self.host.breathe().await;
        }
        Ok(Rc::new(opening.finish()))
    }

    /// What came of opening the epochs of this state of a log, unless more is known by now.
    pub(super) fn hold_epochs(&self, log: &Log, epochs: Result<Rc<Epochs>>) -> Result<()> {
        self.with(|ready| {
            let count = log.epochs().len();
            // He may have been taken out of it meanwhile. What was told of it before may not have been true.
            let is_member = |log: &Log| ready.people.role(log).is_some();
            if !ready.people.verified_group(log.id()).is_some_and(is_member) {
                return;
            }
            let Some(known) = ready.people.belonging_mut(log.id()).filter(|known| known.opened < count) else { return };
            match epochs {
                Ok(epochs) => (known.epochs, known.opened, known.closed) = (Some(epochs), count, None),
                // Those that were open before stay so.
                Err(error) => known.closed = Some(error),
            }
        })
    }

    /// Is the newest state of every group among these fresh?
    ///
    /// # Errors
    /// `stale`; `unknown-group`.
    pub(super) fn check_fresh(&self, parties: &[Party]) -> Result<()> {
        parties.iter().try_for_each(|party| match party {
            Party::Group(id) => self.check_fresh_group(id),
            _ => Ok(()),
        })
    }

    fn check_fresh_group(&self, id: &Hash) -> Result<()> {
        let now = self.host.now().wall;
        self.with(|ready| ready.newest_group(id)?.check_fresh(ready.people.heads(id), now))?
    }

    /// The newest states of these groups: fetched where one isn't known or isn't fresh, or all. Where the own user belongs he says what the state is, if nobody else has.
    ///
    /// # Errors
    /// `unknown-group`, `rollback`, `fork`, and those of a replay, each with the group that it is about; those of the backend. Not `stale`: nothing is wrapped for such a group, see [`Self::check_fresh`].
    pub(super) async fn know_groups(&self, groups: &[Hash], all: bool) -> Outcome<()> {
        let is_wanted = |id: &&Hash| all || self.check_fresh_group(id).is_err();
        let wanted: Vec<Hash> = groups.iter().filter(is_wanted).copied().collect();
        let locks = self.locks.get();
        self.fetch_groups(&wanted).await?;
        for id in &wanted {
            self.check_locks(locks)?;
            let known = self.with(|ready| ready.newest_group(id).map(drop))?;
            known.map_err(|error| self.about(error, &id.to_string()))?;
            self.tend(id).await?;
        }
        Ok(self.check_locks(locks)?)
    }

    /// Asks for these groups, as many in a request as it takes, and for what came after all that are known.
    pub(super) async fn fetch_groups(&self, groups: &[Hash]) -> Outcome<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let cache = self.warm().await?;
        for page in groups.chunks(PAGE) {
            self.check_cache(&cache)?;
            let given = self.ask_keys(&cache, Wanted { groups: page, ..Wanted::default() }, None).await?;
            self.meet_others(&cache, &given.others).await?;
            self.remember_groups(page)?;
            self.keep_sessions(&cache, &[], &[]).await?;
            self.hold_state().await?;
        }
        Ok(())
    }

    /// Up to where the logs of these groups go is kept in the backup from now on: not of what a key server tells unasked, which would fill it.
    pub(super) fn remember_groups(&self, groups: &[Hash]) -> Result<()> {
        self.with(|ready| {
            for id in groups {
                if let Ok(log) = ready.people.group(id) {
                    ready.state.see_group(*id, seen_of(log))?;
                }
            }
            Ok(())
        })?
    }

    /// Signs what the newest state of a group is, where the own user belongs to it and its heads end soon. Its log was fetched just now. If that can't be sent, the next call does it.
    ///
    /// # Errors
    /// `locked`.
    pub(super) async fn tend(&self, id: &Hash) -> Outcome<()> {
        if !self.is_head_due(id)? {
            return Ok(());
        }
        let locks = self.locks.get();
        let (user, log, head) = self.with_hand(|user, hand, people| {
            people.group(id)?;
            let log = people.directory.shared_group(id)?;
            let head = sign_head(hand, &log)?;
            Ok((user.clone(), log, head))
        })?;
        let sent = self.send_head(&user, id, &head).await;
        self.check_locks(locks)?;
        if sent.is_err() {
            return Ok(());
        }
        let head = self.with(|ready| SignedHead::read(&log, &head, &ready.people, ready.state.minimum()))??;
        Ok(self.know_group(log, vec![head])?)
    }

    /// Has less than half of its life left what says that the group's newest state is good, and can the own user say so?
    fn is_head_due(&self, id: &Hash) -> Result<bool> {
        let now = self.host.now().wall;
        self.with(|ready| {
            let Ok(log) = ready.newest_group(id) else { return false };
            ready.people.role(log).is_some_and(|role| log.wants_head(ready.people.heads(id), role, now))
        })
    }

    /// Fetches what came after the groups that are known or remembered, and says of those of the own user what their newest states are, where that ends soon. For
    /// whoever is on line, now and then: it keeps a group from becoming `stale`. What reading left to be written is written then: after a wipe, the backup alone knows
    /// how far a group's log was seen.
    ///
    /// # Errors
    /// `locked`; those of the backend; as [`Self::refresh`], where another device has written meanwhile.
    pub async fn tend_groups(&self) -> Outcome<()> {
        let remembered: Vec<Hash> = self.with(|ready| ready.state.groups().iter().map(|(id, _)| *id).collect())?;
        self.fetch_groups(&remembered).await?;
        for id in &remembered {
            self.tend(id).await?;
        }
        self.save_state().await.map(drop)
    }
}
