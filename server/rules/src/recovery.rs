//! Recovery by two men, as far as the key server is one of them: API section 4, SPEC section 11.6.

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    account::{Contact, Receipt, RecoveryProof, wrap_recovery_share},
    encoding::base64url,
    error::Code,
    identity::UserId,
    key_pair::{PublicKey, Suite},
    signed::{Minimum, Unverified},
};

use crate::{
    ApiError, HOUR, Mail, Work,
    account::Whole,
    bytes, bytes_or_null,
    codes::{Drawn, LIFE, Sent, masked, read_code},
    error::Result,
    objects,
    request::{Members, Route},
    store::{Counted, Recovery, Store},
};

/// A new backup is written and activated in this time after the right code.
const REST: u64 = HOUR;

const EXPIRED: ApiError = ApiError::new(Code::OtpExpired, "this recovery has ended, or there is none");
const NO_BACKUP: ApiError = ApiError::new(Code::NoBackup, "there is nothing to recover by a code");

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    /// The user whose recovery a public request is of, as far as it names one.
    pub(crate) fn recovering(&mut self, route: Route, body: &Value) -> Result<Option<UserId>> {
        match route {
            Route::StartRecovery => Ok(body.get("userId").and_then(Value::as_str).and_then(|id| UserId::new(id).ok())),
            Route::AnswerCode(id) | Route::WriteRecovered(id) | Route::ActivateRecovered(id) => {
                Ok(self.store.recovery(&id)?.map(|recovery| recovery.user))
            }
            _ => Ok(None),
        }
    }

    pub(crate) fn start_recovery(&mut self, body: &Value) -> Result<Value> {
        let user = Members::of(body, &["userId"])?.user_id("userId")?;
        let contact = self.store.account(&user)?.and_then(|account| account.contact).ok_or(NO_BACKUP)?;
        let contact = Unverified::<Contact>::parse(&contact, Minimum::default())?;
        let to = contact.claimed().email().as_str();
        self.check_starts(&user, Counted::Start)?;
        let Drawn { id, code, kept, end } = self.draw_code()?;
        let recovery = Recovery { user: user.clone(), code: kept, end, tries: 0, answered: None, activated: None };
        self.store.put_recovery(&id, &recovery)?;
        self.store.add_time(&user, Counted::Start, self.now)?;
        self.tell_of(&user, None, "recovery-start", &[named(&id)]);
        self.mails.push(Mail { to: to.to_owned(), user_id: Some(user), code });
        Ok(json!({ "recoveryId": bytes(id), "sentTo": masked(to) }))
    }

    pub(crate) fn answer_code(&mut self, id: &[u8; 16], body: &Value) -> Result<Value> {
        let members = Members::of(body, &["code", "key"])?;
        let (code, key) = (read_code(members)?, members.bytes("key")?);
        let key = PublicKey::from_bytes(&key)?;
        if key.suite() != Suite::Hybrid {
            return Err(ApiError::new(Code::KeyPolicy, "shares are wrapped for hybrid keys only"));
        }
        let mut recovery = self.store.recovery(id)?.filter(|recovery| recovery.answered.is_none()).ok_or(EXPIRED)?;
        let user = recovery.user.clone();
        let sent = Sent { id, kept: &recovery.code, end: recovery.end, tries: recovery.tries };
        let tries = self.check_tries(&user, Counted::Try, sent)?;
        let (is_right, wrong) = (self.is_right(sent, code)?, Self::wrong(sent, tries));
        recovery.tries += 1;
        self.store.put_recovery(id, &recovery)?;
        self.store.add_time(&user, Counted::Try, self.now)?;
        if !is_right {
            self.tell_of(&user, None, "recovery-wrong", &[named(id)]);
            return Err(wrong);
        }
        // Whatever fails from here on, the try stays counted. Nothing is written before nothing but the store can fail.
        let reply = self.release(id, &user, &key).map_err(ApiError::keeping)?;
        recovery.answered = Some(self.now);
        self.store.put_recovery(id, &recovery)?;
        self.tell_of(&user, None, "recovery-release", &[named(id)]);
        Ok(reply)
    }

    /// What a right code is answered with.
    fn release(&mut self, id: &[u8; 16], user: &UserId, key: &PublicKey) -> Result<Value> {
        let account = self.store.account(user)?.ok_or(NO_BACKUP)?;
        let pending = account.pending.as_ref().map(|pending| {
            let bundle = bytes_or_null(pending.bundle.as_ref());
            (&pending.backup, bundle, bytes_or_null(pending.contact.as_ref()))
        });
        let active = (&account.active, Value::Null, Value::Null);
        let mut backups = Vec::new();
        for (backup, bundle, contact) in [Some(active), pending].into_iter().flatten() {
            let Some(share) = &backup.share else { continue };
            let share = self.server.open_share(self.rng, &share.sealed, user, share.version)?;
            let owner = (self.server.app_id(), user);
            let share = wrap_recovery_share(self.rng, &share, key, owner, backup.version, id)?;
            backups.push(json!({
                "backup": bytes(&backup.bytes),
                "share": bytes(share),
                "bundle": bundle,
                "contact": contact,
            }));
        }
        if account.active.share.is_none() {
            return Err(NO_BACKUP);
        }
        let end = self.now.saturating_add(LIFE);
        let receipt = Receipt::sign(self.server.app_id(), user, *id, end, self.server.hand()?)?;
        Ok(json!({
            "receipt": bytes(receipt.to_bytes()),
            "backups": backups,
            "identity": objects(&self.store.bundles(user)?),
            "keyServer": objects(self.server.bundles()),
        }))
    }

    pub(crate) fn write_recovered(&mut self, id: &[u8; 16], body: &Value) -> Result<Value> {
        let members = Members::of(body, &["backup", "share", "bundle", "contact", "proof"])?;
        members.bytes("share")?;
        let proof = members.bytes("proof")?;
        let whole = Whole::read(members)?;
        Unverified::<RecoveryProof>::parse(&proof, Minimum::default())?;
        let recovery = self.open_recovery(id)?;
        if recovery.activated.is_some() {
            return Err(EXPIRED);
        }
        let identity = self.identity(&recovery.user)?;
        RecoveryProof::verify(&proof, id, whole.backup(), &identity, Minimum::default())?;
        self.write_whole(&recovery.user, whole, Some(*id))
    }

    pub(crate) fn activate_recovered(&mut self, id: &[u8; 16], body: &Value) -> Result<Value> {
        let version = Members::of(body, &["version"])?.number("version")?;
        let reply = json!({ "version": version });
        let known = self.store.recovery(id)?.ok_or(EXPIRED)?;
        if known.activated == Some(version) {
            return Ok(reply);
        }
        let mut recovery = self.open_recovery(id)?;
        if recovery.activated.is_some() {
            return Err(EXPIRED);
        }
        let user = recovery.user.clone();
        let account = self.store.account(&user)?.ok_or(NO_BACKUP)?;
        if account.pending.as_ref().is_some_and(|pending| pending.recovery != Some(*id)) {
            return Err(ApiError::new(Code::Conflict, "what is pending is another's"));
        }
        if account.active.version != version {
            self.activate_pending(&user, account, version)?;
            recovery.activated = Some(version);
            self.store.put_recovery(id, &recovery)?;
        }
        Ok(reply)
    }

    /// A recovery whose code was answered, within its time.
    fn open_recovery(&mut self, id: &[u8; 16]) -> Result<Recovery> {
        let recovery = self.store.recovery(id)?.ok_or(EXPIRED)?;
        let is_open = recovery.answered.is_some_and(|answered| self.now <= answered.saturating_add(REST));
        if is_open { Ok(recovery) } else { Err(EXPIRED) }
    }
}

fn named(id: &[u8; 16]) -> (&'static str, String) {
    ("recovery", base64url(id))
}
