//! The last resort: two men, and a code that proves nothing but that its reader reads the contact's mail. SPEC section 11.6.

use super::{
    Client, Event, Host, LoginStore,
    api::{Release, Released},
    unlock::{OnLine, newest_signer, slices},
    whole::{By, Whole},
};
use crate::{
    account::{Account, Contact, Opened, Opening, Presented, TwoManShares, Which, accept, open_recovery_share},
    backend::{Backend, NO_SHARES, Outcome},
    backup::{Envelope, TwoMen},
    encoding::{MALFORMED, base64url, from_base64url},
    error::{Code, Error, Result},
    identity::{Asked, Identity, UserId},
    key_pair::{KeyPair, Suite},
    party::Email,
    password::{Derivation, Password},
    secret::Secret,
    sign::SigningKey,
    signed::{Hash, Minimum},
};

/// A recovery that waits for its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryStarted {
    /// Its name, as text.
    pub recovery_id: String,
    /// Where the code went, masked.
    pub sent_to: String,
}

/// What two men opened, before it is written again.
struct Recovered {
    found: OnLine,
    renewal: Option<Vec<u8>>,
    contact: Option<Email>,
    /// Of the newest active bundle.
    signer: Hash,
    /// Its place among the signing keys.
    place: usize,
}

impl<H: Host> Client<H> {
    /// Has a code sent to the contact of this user.
    ///
    /// # Errors
    /// `no-backup` without a contact, `throttled`; `invalid-argument`; those of the backend.
    pub async fn start_recovery(&self, user_id: &str) -> Outcome<RecoveryStarted> {
        let user = UserId::new(user_id)?;
        let (id, sent_to) = self.send_recovery(&user).await?;
        Ok(RecoveryStarted { recovery_id: base64url(&id), sent_to })
    }

    /// Opens the backup by two men, and writes it under the new password.
    ///
    /// # Errors
    /// `otp-wrong`, `otp-expired`, `otp-locked`; `decryption-failed`, `key-mismatch` where one of the two cheats; `password-format`, `kdf-policy`, before the code is
    /// sent; `backup-rollback` and those of [`accept`]; those of the backend.
    pub async fn finish_recovery(
        &self,
        user_id: &str,
        recovery_id: &str,
        code: &str,
        new_password: &str,
        login: &impl LoginStore,
    ) -> Outcome<()> {
        const NO_RECOVERY: Error = Error::new(&(Code::InvalidArgument, "not a recovery's id"));
        let (user, password) = (UserId::new(user_id)?, Password::new(new_password)?);
        let id: [u8; 16] = from_base64url(recovery_id).ok().and_then(|id| id.try_into().ok()).ok_or(NO_RECOVERY)?;
        if !self.host.backend().has_app_share() {
            return Err(NO_SHARES.into());
        }
        let locks = self.locks.get();
        // A code is spent once: whatever can be refused without it is refused before.
        let derived = self.derived(&user, password).await?;
        let pair = KeyPair::generate(&mut self.host.random().borrow_mut(), Suite::Hybrid)?;
        let release = self.answer_code(&id, code, pair.public_key().as_bytes()).await?;
        let share = self.host.backend().take_share(&user, &base64url(&release.receipt)).await?;
        let share = from_base64url(&share).ok().and_then(|share| Secret::from_slice(&share));
        let application =
            share.ok_or(Error::new(&(Code::DecryptionFailed, "the application's share has another form")))?;

        let remembered = self.rows(&user).backup().await.map_or(0, |kept| kept.highest);
        let opened = self.open_by_two_men(&user, &release, &derived.derivation, &pair, &id, &application)?;
        let recovered = self.accept_recovered(&user, opened, release, remembered)?;
        drop(pair);

        let Recovered { found, renewal, contact, signer, place } = recovered;
        let (encryption, signing) = found.account.keys.refs();
        let key: &SigningKey = signing.get(place).copied().ok_or(MALFORMED)?;
        let whole = Whole {
            by: By::Recovery(id),
            slow: &derived.slow,
            encryption,
            signing,
            state: found.account.state.to_bytes()?,
            renewal,
            contact,
            signer: (signer, key),
        };
        let (account, envelope) = self.write_whole(&user, &found, &whole, login, true).await?;
        let version = envelope.version();
        self.make_ready(locks, &user, account, envelope)?;
        self.derived.take();
        self.tell(Event::BackupChanged { version });
        self.keep(true).await;
        Ok(())
    }

    fn open_by_two_men(
        &self,
        user: &UserId,
        release: &Release,
        derivation: &Derivation,
        pair: &KeyPair,
        id: &[u8; 16],
        application: &Secret<32>,
    ) -> Result<Opened> {
        let men = |released: &Released| {
            let version = Envelope::parse(&released.written.backup)?.version();
            let rng = &mut *self.host.random().borrow_mut();
            let names = (&self.options.app_id, user);
            let key_server = open_recovery_share(rng, &released.share, pair, names, version, id)?;
            let application = Secret::from_slice(application.expose()).ok_or(MALFORMED)?;
            Ok(TwoMen { application, key_server })
        };
        let (active, pending) = match release.backups.as_slice() {
            [active] => (active, None),
            [active, pending] => (active, Some(pending)),
            _ => return Err(MALFORMED),
        };
        let backup = |released: &Released| released.written.backup.clone();
        let (active_backup, pending_backup) = (backup(active), pending.map(backup));
        let owner = self.owner(user);
        let opening = Opening::begin(Some(&active_backup), pending_backup.as_deref(), &owner, Some(derivation))?;
        opening.open_with_two_men(&TwoManShares { active: men(active)?, pending: pending.map(men).transpose()? })
    }

    fn accept_recovered(&self, user: &UserId, opened: Opened, release: Release, remembered: u64) -> Result<Recovered> {
        let Opened { which, envelope, contents, highest, .. } = opened;
        let Release { mut backups, identity, key_server, .. } = release;
        let pending = if which == Which::Pending { backups.pop() } else { None };
        let (renewal, contact) = pending.map_or((None, None), |it| (it.written.bundle, it.written.contact));
        let own = slices(&identity);
        let presented = Presented { own: &own, renewal: renewal.as_deref(), key_server: &slices(&key_server) };
        let app_id = &self.options.app_id;
        let account: Account =
            accept(app_id, user, (&envelope, contents), remembered, &presented, &self.options.trust)?;
        let minimum = account.state.minimum();
        // What signs is active already; a renewal isn't.
        let (signer, place, contact) = match renewal {
            None => (newest_signer(&account)?.0, 0, contact_of(contact, &account.own, &envelope, minimum)?),
            Some(_) => {
                let active = Identity::verify(&own, app_id, Asked::User(user), minimum)?;
                (*active.newest().hash(), 1, contact_of(contact, &active, &envelope, minimum)?)
            }
        };
        let found = OnLine::recovered(account, envelope, highest, identity, key_server);
        Ok(Recovered { found, renewal, contact, signer, place })
    }
}

/// The address of a contact that was pending.
fn contact_of(
    contact: Option<Vec<u8>>,
    own: &Identity,
    envelope: &Envelope,
    minimum: Minimum,
) -> Result<Option<Email>> {
    let contact = contact.map(|contact| Contact::verify(&contact, own, envelope.version(), minimum)).transpose()?;
    Ok(contact.map(|contact| contact.value().email().clone()))
}
