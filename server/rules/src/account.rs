//! Login parameters, registration, backups: API section 3, SPEC section 11.

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wardkey::{
    account::{Contact, login_salt},
    backup::{Envelope, Owner},
    error::Code,
    identity::{Asked, Bundle, Identity, UserId},
    password::Kdf,
    signed::{Minimum, Unverified},
};

use crate::{
    ApiError, Event, Work, bytes, bytes_or_null,
    error::Result,
    objects,
    request::Members,
    store::{Account, Backup, Pending, Share, Store},
};

const FIRST: Minimum = Minimum(1);

const CONFLICT: ApiError = ApiError::new(Code::Conflict, "another write was first");
const NO_BACKUP: ApiError = ApiError::new(Code::NoBackup, "there is no backup of this user");
const OTHER_KDF: ApiError = ApiError::new(Code::KdfPolicy, "other parameters than the account's");
const HALVES: ApiError = ApiError::argument("contact, share and the backup's root by two men belong together");

fn kdf_json(kdf: Kdf) -> Value {
    match (kdf.argon2id_cost(), kdf.pbkdf2_iterations()) {
        (Some((memory_kib, passes)), _) => json!({ "name": "argon2id", "memoryKiB": memory_kib, "passes": passes }),
        (None, iterations) => json!({ "name": "pbkdf2-sha256", "iterations": iterations }),
    }
}

/// A whole backup with what belongs to it, of which the form was checked.
pub(crate) struct Whole {
    bytes: Vec<u8>,
    envelope: Envelope,
    share: Option<Vec<u8>>,
    bundle: Option<Vec<u8>>,
    contact: Option<Vec<u8>>,
}

impl Whole {
    pub(crate) const NAMES: [&'static str; 4] = ["backup", "share", "bundle", "contact"];

    /// Members first, then their objects' forms.
    pub(crate) fn read(members: Members<'_>) -> Result<Self> {
        let bytes = members.bytes("backup")?;
        let share = members.bytes_or_null("share")?;
        let (bundle, contact) = (members.bytes_or_null("bundle")?, members.bytes_or_null("contact")?);
        let envelope = Envelope::parse(&bytes)?;
        if let Some(bundle) = &bundle {
            Unverified::<Bundle>::parse(bundle, FIRST)?;
        }
        check_contact_form(contact.as_deref())?;
        Ok(Self { bytes, envelope, share, bundle, contact })
    }

    pub(crate) fn backup(&self) -> &[u8] {
        &self.bytes
    }

    fn is(&self, pending: &Pending) -> bool {
        self.bytes == pending.backup.bytes && self.bundle == pending.bundle && self.contact == pending.contact
    }
}

fn check_contact_form(contact: Option<&[u8]>) -> Result<()> {
    if let Some(contact) = contact {
        Unverified::<Contact>::parse(contact, FIRST)?;
    }
    Ok(())
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn login(&mut self, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["appId", "userId", "kdf"])?;
        let app_id = members.app_id("appId")?;
        let (user, kdf) = (members.user_id("userId")?, members.kdf("kdf")?);
        if app_id != *self.server.app_id() {
            return Err(ApiError::new(Code::KeyMismatch, "this key server is another application's"));
        }
        let mut kdf = kdf?;
        if let Some(account) = self.store.account(&user)? {
            kdf = Envelope::parse(&account.active.bytes)?.derivation().kdf();
        }
        Ok(json!({
            "kdf": kdf_json(kdf),
            "serverSalt": bytes(self.server.salt(&user)),
            "keyServer": objects(self.server.bundles()),
        }))
    }

    pub(crate) fn register(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let members = Members::of(body, &["bundle", "backup", "share", "contact"])?;
        let (bundle, backup) = (members.bytes("bundle")?, members.bytes("backup")?);
        let (share, contact) = (members.bytes_or_null("share")?, members.bytes_or_null("contact")?);
        Unverified::<Bundle>::parse(&bundle, FIRST)?;
        let envelope = Envelope::parse(&backup)?;
        check_contact_form(contact.as_deref())?;
        let first = Sha256::digest(&backup).into();
        let reply = json!({ "cursor": self.feed_start(caller) });
        if let Some(account) = self.store.account(caller)? {
            let is_same = account.first == first && self.store.bundles(caller)?.first() == Some(&bundle);
            let registered = ApiError::new(Code::AlreadyRegistered, "this user has an account");
            return if is_same { Ok(reply) } else { Err(registered) };
        }
        let identity = Identity::verify(&[&bundle], self.server.app_id(), Asked::User(caller), FIRST)?;
        self.check_owner(&envelope, caller)?;
        if envelope.version() != 1 {
            return Err(CONFLICT);
        }
        let salt = login_salt(self.server.app_id(), caller, &self.server.salt(caller));
        if envelope.derivation().salt() != salt {
            return Err(OTHER_KDF);
        }
        if share.is_some() != contact.is_some() || share.is_some() != envelope.is_for_two_men() {
            return Err(HALVES);
        }
        if let Some(share) = &share {
            self.server.open_share(self.rng, share, caller, 1)?;
        }
        if let Some(contact) = &contact {
            Contact::verify(contact, &identity, 1, FIRST)?;
        }
        self.store.add_bundle(caller, 1, identity.fingerprint(), &bundle)?;
        let active = Backup { version: 1, bytes: backup, share: share.map(|sealed| Share { version: 1, sealed }) };
        self.store.put_account(caller, &Account { first, active, pending: None, contact })?;
        self.tell_of(caller, Some(caller), "register", &[version(1)]);
        Ok(reply)
    }

    pub(crate) fn read_backup(&mut self, caller: &UserId) -> Result<Value> {
        let account = self.store.account(caller)?.ok_or(NO_BACKUP)?;
        let pending = account.pending.as_ref().map_or(Value::Null, |pending| {
            json!({
                "backup": bytes(&pending.backup.bytes),
                "bundle": bytes_or_null(pending.bundle.as_ref()),
                "contact": bytes_or_null(pending.contact.as_ref()),
            })
        });
        Ok(json!({
            "active": bytes(&account.active.bytes),
            "pending": pending,
            "identity": objects(&self.store.bundles(caller)?),
            "keyServer": objects(self.server.bundles()),
            "cursor": self.feed_end(caller)?,
        }))
    }

    pub(crate) fn write_state(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let backup = Members::of(body, &["backup"])?.bytes("backup")?;
        let envelope = Envelope::parse(&backup)?;
        let mut account = self.store.account(caller)?.ok_or(NO_BACKUP)?;
        let written = envelope.version();
        if account.active.bytes != backup {
            self.check_owner(&envelope, caller)?;
            if account.pending.is_some() || Some(written) != account.active.version.checked_add(1) {
                return Err(CONFLICT);
            }
            if !envelope.differs_in_state_only(&Envelope::parse(&account.active.bytes)?) {
                return Err(ApiError::new(Code::Forbidden, "more than the state was changed"));
            }
            account.active = Backup { version: written, bytes: backup, share: account.active.share };
            self.store.put_account(caller, &account)?;
            self.events.push(Event::Backup { user_id: caller.clone(), version: written });
        }
        Ok(version_json(written))
    }

    pub(crate) fn write_pending(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let whole = Whole::read(Members::of(body, &Whole::NAMES)?)?;
        self.write_whole(caller, whole, None)
    }

    /// For the user, or for a recovery of his.
    pub(crate) fn write_whole(&mut self, user: &UserId, whole: Whole, recovery: Option<[u8; 16]>) -> Result<Value> {
        let mut account = self.store.account(user)?.ok_or(NO_BACKUP)?;
        let written = whole.envelope.version();
        let is_same =
            |pending: &Pending| whole.is(pending) && recovery.is_none_or(|recovery| pending.recovery == Some(recovery));
        if account.pending.as_ref().is_some_and(is_same) {
            return Ok(version_json(written));
        }
        self.check_owner(&whole.envelope, user)?;
        let highest = account.pending.as_ref().map_or(0, |pending| pending.backup.version).max(account.active.version);
        if Some(written) != highest.checked_add(1) {
            return Err(CONFLICT);
        }
        if whole.envelope.derivation() != Envelope::parse(&account.active.bytes)?.derivation() {
            return Err(OTHER_KDF);
        }
        let identity = self.identity(user)?;
        if let Some(bundle) = &whole.bundle {
            self.identity_with(user, Some(bundle))?;
        }
        let has_contact = whole.contact.is_some() || account.contact.is_some();
        if whole.share.is_some() != has_contact || whole.envelope.is_for_two_men() != has_contact {
            return Err(HALVES);
        }
        if let Some(share) = &whole.share {
            self.server.open_share(self.rng, share, user, written)?;
        }
        if let Some(contact) = &whole.contact {
            Contact::verify(contact, &identity, written, FIRST)?;
        }
        let Whole { bytes, share, bundle, contact, .. } = whole;
        let share = share.map(|sealed| Share { version: written, sealed });
        let backup = Backup { version: written, bytes, share };
        account.pending = Some(Pending { backup, bundle, contact, recovery });
        self.store.put_account(user, &account)?;
        self.tell_of(user, Some(user), "backup-pending", &[version(written)]);
        Ok(version_json(written))
    }

    pub(crate) fn activate(&mut self, caller: &UserId, body: &Value) -> Result<Value> {
        let version = Members::of(body, &["version"])?.number("version")?;
        let account = self.store.account(caller)?.ok_or(NO_BACKUP)?;
        if account.active.version != version {
            self.activate_pending(caller, account, version)?;
        }
        Ok(version_json(version))
    }

    /// What is pending takes the place of what is active.
    pub(crate) fn activate_pending(&mut self, user: &UserId, account: Account, activated: u64) -> Result<()> {
        let Account { first, pending, contact, .. } = account;
        let pending = pending.filter(|pending| pending.backup.version == activated).ok_or(CONFLICT)?;
        if let Some(bundle) = &pending.bundle {
            let identity = self.identity_with(user, Some(bundle))?;
            let newest = identity.newest();
            self.store.add_bundle(user, newest.value().version(), newest.hash(), bundle)?;
        }
        let (renews, changes_contact) = (pending.bundle.is_some(), pending.contact.is_some());
        let account = Account { first, active: pending.backup, pending: None, contact: pending.contact.or(contact) };
        self.store.put_account(user, &account)?;
        self.tell_of(user, Some(user), "backup-active", &[version(activated)]);
        for (happened, action) in [(renews, "renew"), (changes_contact, "contact")] {
            if happened {
                self.tell_of(user, Some(user), action, &[version(activated)]);
            }
        }
        self.events.push(Event::Backup { user_id: user.clone(), version: activated });
        Ok(())
    }

    fn check_owner(&self, envelope: &Envelope, user: &UserId) -> Result<()> {
        Ok(envelope.check_owner(&Owner::of(self.server.app_id(), user))?)
    }
}

fn version(version: u64) -> (&'static str, String) {
    ("version", version.to_string())
}

fn version_json(version: u64) -> Value {
    json!({ "version": version })
}
