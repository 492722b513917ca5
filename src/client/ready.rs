//! An identity that is open: what stays in memory from unlocking to locking.

use std::rc::Rc;

use super::{
    Client, Device, Host, LOCKED,
    device::{KeptBackup, resume_bytes},
    event::Status,
    met::People,
};
use crate::{
    account::{Account, State, accept_off_line},
    backend::Outcome,
    backup::{Contents, Envelope, OpenedKeys, Owner, StateKey},
    error::Result,
    identity::{Identity, UserId},
    journal::{Place, Subject},
    signed::Hash,
};

/// The open identity.
pub(super) struct Ready {
    pub(super) user: UserId,
    pub(super) keys: Rc<OpenedKeys>,
    pub(super) state: State,
    pub(super) state_key: StateKey,
    /// The active backup, as far as this client knows.
    pub(super) envelope: Envelope,
    /// The own identity, the key server's unless only the device was asked, and who was met since.
    pub(super) people: People,
    /// Up to where journals went.
    pub(super) journals: Vec<(Subject, Place)>,
}

impl Ready {
    pub(super) fn own(&self) -> Result<&Identity> {
        self.people.find(&self.user).ok_or(LOCKED)
    }

    /// Is there something in the state that its backup doesn't say?
    pub(super) fn is_unsaved(&self) -> Result<bool> {
        let saved = self.envelope.open_state(&self.state_key)?;
        Ok(saved.expose() != self.state.to_bytes()?.expose())
    }
}

impl<H: Host> Client<H> {
    /// What there is: an identity that a reload carries on is made ready. Without a user, the one who was here last.
    ///
    /// # Errors
    /// `invalid-argument` for what is no user id. Never because of the device.
    pub async fn look(&self, user_id: Option<&str>) -> Outcome<Status> {
        if self.ready.borrow().is_some() {
            return Ok(Status::Ready);
        }
        let user = match user_id {
            Some(id) => Some(UserId::new(id)?),
            None => self.last_user().await,
        };
        let Some(user) = user else { return Ok(Status::New) };
        let locks = self.locks.get();
        let Some(kept) = self.rows(&user).backup().await else { return Ok(Status::New) };
        if self.resume(locks, &user, kept).await.is_some() { Ok(Status::Ready) } else { Ok(Status::Locked) }
    }

    /// The same, and nothing is carried on: what was locked here stays so, whatever became of the entry on the device.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub async fn status(&self, user_id: Option<&str>) -> Outcome<Status> {
        let user = match user_id {
            Some(id) => Some(UserId::new(id)?),
            None => self.last_user().await,
        };
        let is_here = match user {
            Some(user) => self.rows(&user).backup().await.is_some(),
            None => false,
        };
        Ok(match (self.ready.borrow().is_some(), is_here) {
            (true, _) => Status::Ready,
            (false, true) => Status::Locked,
            (false, false) => Status::New,
        })
    }

    /// Goes on from the resume entry; whatever fails of that is no entry.
    async fn resume(&self, locks: u64, user: &UserId, kept: KeptBackup) -> Option<()> {
        let resumed = self.rows(user).resume(self.host.now().wall, self.options.resume).await?;
        let envelope = kept.envelope;
        // Another tab may have written the state since; a backup that was written whole isn't opened by this key.
        let saved = envelope.open_state(&resumed.state_key).ok()?;
        let mut state = State::from_bytes(&saved, user).ok()?.merge(&resumed.state).ok()?;
        if let Some(unsent) = self.rows(user).unsent(state.cache_key()).await {
            state = state.merge(&unsent).ok()?;
        }
        let contents = Contents { keys: resumed.keys, state: state.to_bytes().ok()?, state_key: resumed.state_key };
        let opened = (&envelope, contents);
        let account = accept_off_line(&self.options.app_id, user, opened, resumed.version).ok()?;
        self.make_ready(locks, user, account, envelope).ok()
    }

    /// Who was opened here last.
    pub async fn last_user(&self) -> Option<UserId> {
        let bytes = self.host.device().read(&self.last_row()).await?;
        UserId::new(&String::from_utf8(bytes).ok()?).ok()
    }

    fn last_row(&self) -> String {
        ["last.", self.options.app_id.as_str()].concat()
    }

    /// Was nothing locked since? Who is open now may be another.
    ///
    /// # Errors
    /// `locked`.
    pub(super) fn check_locks(&self, locks: u64) -> Result<()> {
        if self.locks.get() == locks { Ok(()) } else { Err(LOCKED) }
    }

    /// Unless it was locked meanwhile.
    pub(super) fn make_ready(&self, locks: u64, user: &UserId, account: Account, envelope: Envelope) -> Result<()> {
        self.check_locks(locks)?;
        let Account { keys, state, state_key, own, key_server, .. } = account;
        let (user, keys, mut people) = (user.clone(), Rc::new(keys), People::of(own, key_server)?);
        let before = self.ready.take().filter(|before| before.user == user);
        if before.is_none() {
            self.drop_cache();
            self.waiting.take();
        }
        let mut journals = Vec::new();
        if let Some(before) = before {
            // Calls that are under way have asked for them.
            people.keep(before.people, &state.pins)?;
            journals = before.journals;
        }
        *self.ready.borrow_mut() = Some(Ready { user, keys, state, state_key, envelope, people, journals });
        let cache = self.cache()?;
        self.recall(&cache);
        Ok(())
    }

    /// Keeps the open identity on the device.
    pub(super) async fn keep(&self, renew_resume: bool) {
        let locks = self.locks.get();
        let Ok((user, envelope)) = self.with(|ready| (ready.user.clone(), ready.envelope.clone())) else { return };
        let rows = self.rows(&user);
        let now = self.host.now().wall;
        // Another user is here. A page in which one of them is still open isn't a switch back.
        if renew_resume {
            if let Some(last) = self.last_user().await.filter(|last| *last != user) {
                self.rows(&last).forget_resume().await;
            }
            rows.write(&self.last_row(), user.as_str().as_bytes()).await;
        }
        let known = rows.backup().await;
        let highest = known.as_ref().map_or(0, |kept| kept.highest).max(envelope.version());
        let kept = KeptBackup { envelope, highest };
        rows.keep_backup(&kept).await;
        let end = match renew_resume {
            true => Some(now.saturating_add(self.options.resume)),
            false => rows.resume_end().await,
        };
        let entry = self.check_locks(locks).and_then(|()| {
            self.with(|ready| {
                let version = ready.envelope.version();
                let entry = resume_bytes(&ready.keys, &ready.state, &ready.state_key, version)?;
                Ok((entry, Rc::clone(&ready.keys)))
            })?
        });
        match (entry, end.filter(|end| *end > now)) {
            (Ok((entry, keys)), Some(end)) => rows.keep_resume(end, &entry, &keys).await,
            _ => rows.forget_resume().await,
        }
        if self.locks.get() != locks {
            rows.forget_resume().await;
        }
    }

    /// Keys out of memory, and no reload goes on without the password.
    pub async fn lock(&self) {
        // Nothing that could be no name.
        self.lock_user(None).await.ok();
    }

    /// The same of whoever is open and of this user; without either, of the one who was here last.
    ///
    /// # Errors
    /// `invalid-argument` for what is no user id, after locking.
    pub async fn lock_user(&self, user_id: Option<&str>) -> Outcome<()> {
        let open = self.drop_ready();
        let named = user_id.map(UserId::new).transpose()?.filter(|named| Some(named) != open.as_ref());
        let last = if open.is_none() && named.is_none() { self.last_user().await } else { None };
        for user in [open, named, last].into_iter().flatten() {
            self.rows(&user).forget_resume().await;
        }
        Ok(())
    }

    /// Keys out of memory, at once. Reloads go on as they would.
    pub fn close(&self) {
        self.drop_ready();
    }

    /// The same at once; gives whose it was.
    pub(super) fn drop_ready(&self) -> Option<UserId> {
        self.locks.set(self.locks.get().wrapping_add(1));
        self.derived.take();
        self.drop_cache();
        self.waiting.take();
        self.ready.take().map(|ready| ready.user)
    }

    /// Locks, and forgets the identity on this device. Without a user, the one who was here last. Sessions that weren't sent are lost, and nobody has their keys any
    /// more: [`Self::outbox_len`] says how many there are, [`Self::send_outbox`] sends them before, and each that is lost is told by [`super::Event::Published`].
    ///
    /// # Errors
    /// `invalid-argument` for what is no user id.
    pub async fn forget(&self, user_id: Option<&str>) -> Outcome<()> {
        let user = user_id.map(UserId::new).transpose()?;
        self.forgets.set(self.forgets.get().wrapping_add(1));
        let mut unsent: Vec<Hash> = self.waiting.borrow().iter().map(|open| *open.id()).collect();
        let open = self.drop_ready();
        let last = self.last_user().await;
        if let Some(user) = user.or_else(|| open.clone()).or_else(|| last.clone()) {
            let rows = self.rows(&user);
            unsent.retain(|_| open.as_ref() == Some(&user));
            rows.forget().await;
            self.forget_outbox(&rows, unsent).await;
            self.forget_cache(&user).await;
            if last.as_ref() == Some(&user) {
                self.host.device().delete(&self.last_row()).await;
            }
        }
        Ok(())
    }

    /// Whose identity is open.
    pub fn user_id(&self) -> Option<UserId> {
        self.with(|ready| ready.user.clone()).ok()
    }

    /// The identity fingerprint of the open identity.
    pub fn fingerprint(&self) -> Option<Hash> {
        self.with(|ready| ready.own().map(|own| *own.fingerprint()).ok()).ok().flatten()
    }

    /// The version of the active backup, as far as this client knows.
    pub fn backup_version(&self) -> Option<u64> {
        self.with(|ready| ready.envelope.version()).ok()
    }

    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Ready) -> T) -> Result<T> {
        self.ready.borrow_mut().as_mut().map(act).ok_or(LOCKED)
    }

    pub(super) fn owner(&self, user: &UserId) -> Owner {
        Owner::of(&self.options.app_id, user)
    }
}
