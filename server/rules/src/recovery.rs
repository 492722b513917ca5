//! Recovery by two men, as far as the key server is one of them: API section 4, SPEC section 11.6.

use rand_core::TryCryptoRng;
use serde_json::{Value, json};
use wardkey::{
    account::{Contact, Receipt, RecoveryProof, wrap_recovery_share},
    encoding::base64url,
    error::Code,
    identity::UserId,
    key_pair::{PublicKey, Suite},
    secret::Secret,
    signed::{Minimum, Unverified},
};

use crate::{
    ApiError, DAY, HOUR, MINUTE, Mail, Work,
    account::Whole,
    bytes, bytes_or_null,
    error::Result,
    objects,
    request::Members,
    store::{Counted, Recovery, Store},
};

/// Starts of an account in 24 hours.
const STARTS: usize = 10;
/// Tries of an account in 24 hours.
const DAILY_TRIES: usize = 10;
/// Tries of one recovery.
const TRIES: u64 = 5;
/// A code lives so long, and so does a receipt.
const LIFE: u64 = 10 * MINUTE;
/// A new backup is written and activated in this time after the right code.
const REST: u64 = HOUR;
/// One more than the greatest code.
const CODES: u128 = 100_000_000;

const EXPIRED: ApiError = ApiError::new(Code::OtpExpired, "this recovery has ended, or there is none");
const LOCKED: ApiError = ApiError::new(Code::OtpLocked, "too many tries");
const NO_BACKUP: ApiError = ApiError::new(Code::NoBackup, "there is nothing to recover by a code");

/// The first character of an address, and what begins with its `@`.
fn masked(address: &str) -> String {
    let host = address.find('@').and_then(|at| address.get(at..)).unwrap_or_default();
    address.chars().take(1).chain("•••".chars()).chain(host.chars()).collect()
}

impl<S: Store, R: TryCryptoRng> Work<'_, S, R> {
    pub(crate) fn start_recovery(&mut self, body: &Value) -> Result<Value> {
        let user = Members::of(body, &["userId"])?.user_id("userId")?;
        let contact = self.store.account(&user)?.and_then(|account| account.contact).ok_or(NO_BACKUP)?;
        let contact = Unverified::<Contact>::parse(&contact, Minimum::default())?;
        let to = contact.claimed().email().as_str();
        let starts = self.today(&user, Counted::Start)?;
        if starts.len() >= STARTS {
            let throttled = ApiError::new(Code::Throttled, "too many recoveries of this account");
            return Err(throttled.after(self.until_free(&starts, STARTS)));
        }
        let (mut id, mut draw) = ([0; 16], [0; 16]);
        self.rng.fill(&mut id)?;
        self.rng.fill(&mut draw)?;
        let code = format!("{:08}", u128::from_be_bytes(draw) % CODES);
        let recovery = Recovery {
            user: user.clone(),
            code: *self.server.code(&id, &code)?.expose(),
            end: self.now.saturating_add(LIFE),
            tries: 0,
            answered: None,
            activated: None,
        };
        self.store.put_recovery(&id, &recovery)?;
        self.store.add_time(&user, Counted::Start, self.now)?;
        self.tell_of(&user, None, "recovery-start", named(&id))?;
        self.mails.push(Mail { to: to.to_owned(), user_id: user, code });
        Ok(json!({ "recoveryId": bytes(id), "sentTo": masked(to) }))
    }

    pub(crate) fn answer_code(&mut self, id: &[u8; 16], body: &Value) -> Result<Value> {
        let members = Members::of(body, &["code", "key"])?;
        let (code, key) = (members.text("code")?, members.bytes("key")?);
        if !(1..=64).contains(&code.len()) {
            return Err(ApiError::argument("a code has 1 to 64 bytes"));
        }
        let key = PublicKey::from_bytes(&key)?;
        if key.suite() != Suite::Hybrid {
            return Err(ApiError::new(Code::KeyPolicy, "shares are wrapped for hybrid keys only"));
        }
        let mut recovery = self.store.recovery(id)?.filter(|recovery| recovery.answered.is_none()).ok_or(EXPIRED)?;
        if recovery.tries >= TRIES {
            return Err(LOCKED);
        }
        let user = recovery.user.clone();
        let tries = self.today(&user, Counted::Try)?;
        if tries.len() >= DAILY_TRIES {
            return Err(LOCKED.after(self.until_free(&tries, DAILY_TRIES)));
        }
        if self.now >= recovery.end {
            return Err(EXPIRED);
        }
        recovery.tries += 1;
        self.store.put_recovery(id, &recovery)?;
        self.store.add_time(&user, Counted::Try, self.now)?;
        if Secret::from_slice(&recovery.code) != Some(self.server.code(id, code).map_err(ApiError::from)?) {
            self.tell_of(&user, None, "recovery-wrong", named(id))?;
            let left = TRIES.saturating_sub(recovery.tries).min((DAILY_TRIES - 1).saturating_sub(tries.len()) as u64);
            return Err(ApiError::new(Code::OtpWrong, "a wrong code").with_attempts_left(left).keeping());
        }
        // Whatever fails from here on, the try stays counted. Nothing is written before nothing but the store can fail.
        let reply = self.release(id, &user, &key).map_err(ApiError::keeping)?;
        recovery.answered = Some(self.now);
        self.store.put_recovery(id, &recovery)?;
        self.tell_of(&user, None, "recovery-release", named(id))?;
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

    /// Times within the last 24 hours, or, where the clock was set back, later than now.
    fn today(&mut self, user: &UserId, what: Counted) -> Result<Vec<u64>> {
        let since = self.now.saturating_add(1).saturating_sub(DAY);
        let mut times = self.store.times(user, what, since)?;
        times.sort_unstable();
        Ok(times)
    }

    /// How long until fewer than `most` of these times are within a day.
    fn until_free(&self, times: &[u64], most: usize) -> u64 {
        let oldest = times.len().checked_sub(most).and_then(|place| times.get(place));
        oldest.map_or(0, |oldest| oldest.saturating_add(DAY).saturating_sub(self.now))
    }
}

fn named(id: &[u8; 16]) -> (&'static str, String) {
    ("recovery", base64url(id))
}
