//! Coming back with the password alone: SPEC section 11.4.

use super::{
    CONFLICT, Client, Event, Host, TRIES,
    api::{Backups, Bundles},
    device::KeptBackup,
    whole::{By, Whole},
};
use crate::{
    account::{Account, Contact, Opened, Opening, Presented, Which, accept, accept_off_line},
    backend::{Failure, Outcome},
    backup::Envelope,
    encoding::MALFORMED,
    error::{Code, Result},
    identity::{Identity, UserId},
    password::{Derivation, Password, SlowKey},
    sign::SigningKey,
    signed::Hash,
};

/// Where the identity was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlocked {
    /// On the device.
    Local,
    /// In the backup: after a wipe, on a new device, or where another device wrote it anew.
    Restored,
}

/// An account as the key server has it, opened and compared.
pub(super) struct OnLine {
    pub(super) account: Account,
    pub(super) envelope: Envelope,
    /// The next write is of the version after this one.
    pub(super) highest: u64,
    /// The own bundles that are active.
    pub(super) identity: Bundles,
    pub(super) key_server: Bundles,
    pub(super) cursor: String,
    /// A write that was interrupted, with everything that it was to replace.
    interrupted: Option<Interrupted>,
}

impl OnLine {
    /// Opened by two men: nothing is finished besides.
    pub(super) fn recovered(
        account: Account,
        envelope: Envelope,
        highest: u64,
        identity: Bundles,
        key_server: Bundles,
    ) -> Self {
        Self { account, envelope, highest, identity, key_server, cursor: String::new(), interrupted: None }
    }
}

struct Interrupted {
    account: Account,
    renewal: Option<Vec<u8>>,
    contact: Option<Vec<u8>>,
    version: u64,
}

impl<H: Host> Client<H> {
    /// Opens the identity. `least` is the lowest version of the backup that the application takes (0: any).
    ///
    /// # Errors
    /// `wrong-password`, `no-backup`, `backup-rollback`; those of [`accept`] and of the backend.
    pub async fn unlock(&self, user_id: &str, password: &str, least: u64) -> Outcome<Unlocked> {
        let (user, password) = (UserId::new(user_id)?, Password::new(password)?);
        let locks = self.locks.get();
        let kept = self.rows(&user).backup().await;
        let remembered = kept.as_ref().map_or(0, |kept| kept.highest).max(least);
        let derived = match self.derived(&user, Password::from_prepared(password.expose())?).await {
            Err(failure) if failure.code() == Code::Network => {
                return self.unlock_off_line(locks, &user, &password, kept, remembered, failure).await;
            }
            derived => derived?,
        };
        let asked = self.host.now();
        let found = match self.open_on_line(&user, &derived.derivation, &derived.slow, remembered).await {
            Err(failure) if failure.code() == Code::Network => {
                let opened = self.unlock_off_line(locks, &user, &password, kept, remembered, failure).await;
                // The backup that nobody could read may say otherwise.
                return opened.map_err(|other| if other.code() == Code::WrongPassword { failure } else { other });
            }
            found => found?,
        };
        let envelope = &found.envelope;
        let is_here = |kept: &KeptBackup| kept.envelope == *envelope || kept.envelope.differs_in_state_only(envelope);
        let unlocked = if kept.as_ref().is_some_and(is_here) { Unlocked::Local } else { Unlocked::Restored };
        let known = kept.as_ref().map_or(0, |kept| kept.highest);
        let mut found = self.finish_interrupted(&user, &derived.slow, found).await;

        if let Some(unsent) = self.rows(&user).unsent(found.account.state.cache_key()).await {
            found.account.state = found.account.state.merge(&unsent)?;
        }
        let [own, key_server] = found.account.met;
        self.tell_of(Some(&user), own);
        self.tell_of(None, key_server);
        if known < found.envelope.version() {
            self.tell(Event::BackupChanged { version: found.envelope.version() });
        }
        self.make_ready(locks, &user, found.account, found.envelope)?;
        self.cache()?.feed.offer(found.cursor, asked);
        self.derived.take();
        self.keep(true).await;
        self.save_state().await?;
        Ok(unlocked)
    }

    /// By the copy on the device, if there is one.
    async fn unlock_off_line(
        &self,
        locks: u64,
        user: &UserId,
        password: &Password,
        kept: Option<KeptBackup>,
        remembered: u64,
        failure: Failure,
    ) -> Outcome<Unlocked> {
        let Some(KeptBackup { envelope, .. }) = kept else { return Err(failure) };
        let slow = self.derive_off_line(envelope.derivation(), password).await?;
        let contents = envelope.open_account(&slow)?;
        let mut account = accept_off_line(&self.options.app_id, user, (&envelope, contents), remembered)?;
        if let Some(unsent) = self.rows(user).unsent(account.state.cache_key()).await {
            account.state = account.state.merge(&unsent)?;
        }
        self.make_ready(locks, user, account, envelope)?;
        self.keep(true).await;
        Ok(Unlocked::Local)
    }

    /// Reads, opens and compares; a pending backup that opens in the place of the active one is activated.
    pub(super) async fn open_on_line(
        &self,
        user: &UserId,
        derivation: &Derivation,
        slow: &SlowKey,
        remembered: u64,
    ) -> Outcome<OnLine> {
        for _ in 0..TRIES {
            let backups = self.read_backups(user).await?;
            let pending = backups.pending.as_ref().map(|pending| pending.backup.as_slice());
            let opening = Opening::begin(Some(&backups.active), pending, &self.owner(user), Some(derivation))?;
            let opened = opening.open(slow)?;
            let (which, version) = (opened.which, opened.envelope.version());
            let mut found = self.compare(user, opened, backups, remembered)?;
            if which == Which::Active {
                return Ok(found);
            }
            match self.activate(user, version).await {
                // It was replaced meanwhile.
                Err(failure) if failure.code() == Code::Conflict => continue,
                done => done?,
            }
            found.identity = objects(&found.account.own);
            return Ok(found);
        }
        Err(CONFLICT.into())
    }

    fn compare(&self, user: &UserId, opened: Opened, backups: Backups, remembered: u64) -> Result<OnLine> {
        let Opened { which, envelope, contents, interrupted, highest } = opened;
        let Backups { pending, identity, key_server, cursor, .. } = backups;
        let renewal = pending.as_ref().and_then(|pending| pending.bundle.as_deref());
        let (own, keys) = (slices(&identity), slices(&key_server));
        let accept = |envelope: &Envelope, contents, remembered, renewal| {
            let presented = Presented { own: &own, renewal, key_server: &keys };
            accept(&self.options.app_id, user, (envelope, contents), remembered, &presented, &self.options.trust)
        };
        let renewed = if which == Which::Pending { renewal } else { None };
        let account = accept(&envelope, contents, remembered, renewed)?;
        // What it would have replaced opens too: if it can't be finished, it stays.
        let interrupted = interrupted.and_then(|(envelope, contents)| {
            let account = accept(&envelope, contents, 0, renewal).ok()?;
            let (renewal, contact) = pending.as_ref().map(|it| (it.bundle.clone(), it.contact.clone()))?;
            Some(Interrupted { account, renewal, contact, version: envelope.version() })
        });
        Ok(OnLine { account, envelope, highest, identity, key_server, cursor, interrupted })
    }

    /// The write that was interrupted, again. What fails of it leaves what is active as it was.
    async fn finish_interrupted(&self, user: &UserId, slow: &SlowKey, mut found: OnLine) -> OnLine {
        let Some(interrupted) = found.interrupted.take() else { return found };
        match self.write_interrupted(user, slow, &found, interrupted).await {
            Ok((account, envelope)) => OnLine { account, envelope, ..found },
            Err(_) => found,
        }
    }

    async fn write_interrupted(
        &self,
        user: &UserId,
        slow: &SlowKey,
        found: &OnLine,
        interrupted: Interrupted,
    ) -> Outcome<(Account, Envelope)> {
        let Interrupted { account, renewal, contact, version } = interrupted;
        let minimum = account.state.minimum();
        let contact = contact.map(|it| Contact::verify(&it, &found.account.own, version, minimum)).transpose()?;
        let (encryption, signing) = account.keys.refs();
        let state = account.state.merge(&found.account.state)?;
        let whole = Whole {
            by: By::User,
            slow,
            encryption,
            signing,
            state: state.to_bytes()?,
            renewal,
            contact: contact.map(|contact| contact.value().email().clone()),
            signer: newest_signer(&found.account)?,
        };
        self.write_whole(user, found, &whole, &(), false).await
    }
}

/// The newest active bundle, and its key.
pub(super) fn newest_signer(account: &Account) -> Result<(Hash, &SigningKey)> {
    let key = account.keys.signing.first().ok_or(MALFORMED)?;
    Ok((*account.own.newest().hash(), key))
}

pub(super) fn slices(bundles: &Bundles) -> Vec<&[u8]> {
    bundles.iter().map(Vec::as_slice).collect()
}

pub(super) fn objects(identity: &Identity) -> Bundles {
    identity.bundles().iter().map(|bundle| bundle.to_bytes()).collect()
}
