//! The state of an account between its devices: written by compare-and-set, merged where another device was first, kept on the device where it can't be sent.

use super::{Client, Event, Host, LOCKED, TRIES, unlock::slices};
use crate::{
    account::State,
    backend::{Failure, Outcome},
    backup::Envelope,
    error::{Code, Error},
    identity::{Asked, Identity},
    secret::Secret,
};

/// What the active backup is to an open client.
enum Standing {
    /// Its own, or merged with it.
    Ours,
    /// Nothing can be written while another one is pending, or becomes the active one by this client.
    Pending,
    /// Written whole by another device.
    Superseded,
}

/// How the backup is, for what a front end shows before keys are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupHealth {
    /// It says all that this device knows.
    Current,
    /// Something waits on this device to be written.
    Outdated,
    /// None is known here.
    None,
}

impl<H: Host> Client<H> {
    /// How the backup of the open identity is, or of the one that was opened here last.
    pub async fn backup_health(&self) -> BackupHealth {
        if let Ok(unsaved) = self.with(|ready| ready.is_unsaved()) {
            return if unsaved == Ok(false) { BackupHealth::Current } else { BackupHealth::Outdated };
        }
        let Some(user) = self.last_user().await else { return BackupHealth::None };
        let rows = self.rows(&user);
        match (rows.backup().await, rows.has_unsent().await) {
            (None, _) => BackupHealth::None,
            (Some(_), true) => BackupHealth::Outdated,
            (Some(_), false) => BackupHealth::Current,
        }
    }

    /// Writes what the backup doesn't say yet. Has it done so? What can't be sent waits on the device.
    pub(super) async fn save_state(&self) -> Outcome<bool> {
        let locks = self.locks.get();
        for _ in 0..TRIES {
            self.check_locks(locks)?;
            let user = self.with(|ready| ready.user.clone())?;
            let rows = self.rows(&user);
            let next = self.with(|ready| {
                if !ready.is_unsaved()? {
                    return Ok(None);
                }
                let rng = &mut *self.host.random().borrow_mut();
                let (version, state) = (ready.envelope.version().saturating_add(1), ready.state.to_bytes()?);
                let sealed = rows.seal_unsent(rng, ready.state.cache_key(), &state)?;
                Ok::<_, Error>(Some((ready.envelope.with_state(rng, &ready.state_key, version, &state)?, sealed)))
            })??;
            let Some((envelope, sealed)) = next else {
                rows.forget_unsent().await;
                return Ok(true);
            };
            rows.keep_unsent(&sealed).await;
            let sent = self.send_state(&user, &envelope.encode()).await;
            self.check_locks(locks)?;
            match sent {
                Ok(()) => {
                    let version = envelope.version();
                    let newer = self.with(|ready| {
                        let newer = ready.envelope.version() < version;
                        if newer && envelope.differs_in_state_only(&ready.envelope) {
                            ready.envelope = envelope;
                        }
                        newer
                    })?;
                    // Else another call has read it before this answer came, and told.
                    if newer {
                        self.tell(Event::BackupChanged { version });
                    }
                    self.keep(false).await;
                }
                Err(failure) if failure.code() == Code::Conflict => match self.read_again().await {
                    Ok(Standing::Ours) => {}
                    Ok(Standing::Pending) => return Ok(false),
                    Ok(Standing::Superseded) => return Err(LOCKED.into()),
                    Err(failure) => return waits(failure),
                },
                Err(failure) => return waits(failure),
            }
        }
        Ok(false)
    }

    /// What the backup doesn't say yet waits on the device, for the next write, at the latest that of [`Self::tend_groups`]: reading asks for no more than it needs.
    pub(super) async fn hold_state(&self) -> Outcome<()> {
        let user = self.with(|ready| ready.user.clone())?;
        let rows = self.rows(&user);
        let sealed = self.with(|ready| {
            if !ready.is_unsaved()? {
                return Ok(None);
            }
            let rng = &mut *self.host.random().borrow_mut();
            rows.seal_unsent(rng, ready.state.cache_key(), &ready.state.to_bytes()?).map(Some)
        })??;
        if let Some(sealed) = sealed {
            rows.keep_unsent(&sealed).await;
        }
        Ok(())
    }

    /// Reads the backup again, and writes what waits: after an event, and when the network is back. A superseded client locks.
    ///
    /// # Errors
    /// `locked`, also from now on; `backup-rollback`, `fork`, `pin-mismatch`; those of the backend.
    pub async fn refresh(&self) -> Outcome<()> {
        match self.read_again().await? {
            Standing::Superseded => Err(LOCKED.into()),
            Standing::Ours | Standing::Pending => self.save_state().await.map(drop),
        }
    }

    async fn read_again(&self) -> Outcome<Standing> {
        let locks = self.locks.get();
        let (user, remembered) = self.with(|ready| (ready.user.clone(), ready.envelope.version()))?;
        let backups = self.read_backups(&user).await?;
        self.check_locks(locks)?;
        let active = Envelope::parse(&backups.active)?;
        active.check_owner(&self.owner(&user))?;
        let (own, key_server) = (slices(&backups.identity), slices(&backups.key_server));
        let standing = self.with(|ready| {
            let known = ready.envelope.version();
            if active.version() < remembered {
                return Err(Error::new(&(Code::BackupRollback, "an older backup than the one that is remembered")));
            }
            // While the answer was on its way, another call has read or written a newer one.
            if active.version() < known {
                return Ok((Standing::Ours, false, Vec::new()));
            }
            if active.version() == known && active != ready.envelope {
                return Err(Error::new(&(Code::Fork, "two backups of one version")));
            }
            if active != ready.envelope && !active.differs_in_state_only(&ready.envelope) {
                let is_own = self.activating.borrow().contains(&active);
                return Ok((if is_own { Standing::Pending } else { Standing::Superseded }, false, Vec::new()));
            }
            let minimum = ready.state.minimum();
            let own = Identity::verify(&own, &self.options.app_id, Asked::User(&user), minimum)?;
            let key_server = Identity::verify(&key_server, &self.options.app_id, Asked::KeyServer, minimum)?;
            let newer = active != ready.envelope;
            let theirs = State::from_bytes(&active.open_state(&ready.state_key)?, &user)?;
            ready.check_seen(theirs.groups())?;
            let mut merged = theirs.merge(&ready.state)?;
            let met_own = merged.pins.meet(&own, &self.options.trust)?;
            let met = merged.pins.meet(&key_server, &self.options.trust)?;
            (ready.state, ready.envelope) = (merged, active);
            ready.people.meet(own, key_server)?;
            let standing = if backups.pending.is_some() { Standing::Pending } else { Standing::Ours };
            Ok((standing, newer, vec![(Some(user.clone()), met_own), (None, met)]))
        })?;
        let (standing, newer, met) = standing?;
        for (id, met) in met {
            self.tell_of(id.as_ref(), met);
        }
        match standing {
            Standing::Superseded => self.supersede().await,
            _ if newer => {
                if let Some(version) = self.backup_version() {
                    self.tell(Event::BackupChanged { version });
                }
                self.keep(false).await;
            }
            _ => {}
        }
        Ok(standing)
    }

    /// Another device wrote the backup whole: what is known here waits for the next opening.
    pub(super) async fn supersede(&self) {
        let locks = self.locks.get();
        let sealed = self.with(|ready| {
            let state = ready.state.to_bytes()?;
            let cache_key = Secret::from_slice(ready.state.cache_key().expose()).ok_or(LOCKED)?;
            let sealed =
                self.rows(&ready.user).seal_unsent(&mut self.host.random().borrow_mut(), &cache_key, &state)?;
            Ok::<_, Error>((ready.user.clone(), sealed))
        });
        if let Ok(Ok((user, sealed))) = sealed {
            self.rows(&user).keep_unsent(&sealed).await;
        }
        if self.check_locks(locks).is_ok() {
            self.lock().await;
        }
    }
}

/// What can be sent later is no failure now.
fn waits(failure: Failure) -> Outcome<bool> {
    match failure.code() {
        Code::Network | Code::Server | Code::Throttled | Code::Conflict => Ok(false),
        _ => Err(failure),
    }
}
