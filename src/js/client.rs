//! `Wardkey`. Every task holds what it works on: the object that it was called on may be freed meanwhile.

use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use super::{
    backend::{JsJson, JsLoginStore},
    backup::kdf,
    cache::stats,
    convert::{get, number, whole},
    error::JsResult,
    host::{CoreHost, JsHost},
    scrub_stack,
    session::{CoreSession, grants},
    task::{CoreTask, nothing},
};
use crate::{
    backend::Failure,
    client::{AuditEntry, BackupHealth, CacheOptions, Client, Event, Named, Options, Status, Unlocked, named_by},
    error::{Code, Error, Result},
    group::{Lifetimes, NO_GROUP},
    identity::{AppId, FirstUse, Trust, UserId},
    key_pair::Suite,
    signed::Hash,
};

const NO_ID: Error = Error::new(&(Code::InvalidArgument, "a session's id is 43 characters of base64url"));
const NO_FINGERPRINT: Error = Error::new(&(Code::InvalidArgument, "a fingerprint is 43 characters of base64url"));

/// An identity on a device, and what it asks of a key server.
#[wasm_bindgen(js_name = CoreClient)]
#[derive(Debug)]
pub struct CoreClient(pub(super) Rc<Client<JsHost>>);

/// What an application sets, as plain members: `npm/client-options.ts`.
fn options(given: &JsValue) -> Result<Options> {
    const MISSING: Error = Error::new(&(Code::InvalidArgument, "an option has another type"));
    let text = |name| get(given, name).as_string();
    let hash = |text: &str| Hash::parse(text).ok_or(NO_FINGERPRINT);
    let mut options = Options::new(AppId::new(&text("appId").ok_or(MISSING)?)?);
    if let Some(suite) = text("suite") {
        options.suite = Suite::from_name(&suite)?;
        if options.suite == Suite::Rsa2048 {
            return Err(Error::new(&(Code::KeyPolicy, "no new RSA keys of 2048 bits")));
        }
    }
    let default = get(given, "kdf");
    if !default.is_undefined() {
        options.kdf = kdf(&default)?;
    }
    options.accepted = Array::from(&get(given, "acceptKdf")).iter().map(|item| kdf(&item)).collect::<Result<_>>()?;
    options.resume = whole(get(given, "resumeMs").as_f64().ok_or(MISSING)?)?;
    let cache = |name, default| get(given, name).as_f64().map_or(Ok(default), whole);
    let CacheOptions { ttl, max_entries, max_staleness } = options.cache;
    let most = cache("maxEntries", max_entries as u64)?;
    options.cache = CacheOptions {
        ttl: cache("ttlMs", ttl)?,
        max_entries: usize::try_from(most).unwrap_or(usize::MAX),
        max_staleness: cache("maxStalenessMs", max_staleness)?,
    };
    let pairs = Array::from(&get(given, "anchors"));
    let anchors = pairs.iter().map(|item| {
        let [name, fingerprint] = [0, 1].map(|index| item.unchecked_ref::<Array>().get(index).as_string());
        Ok((name.ok_or(MISSING)?, hash(&fingerprint.ok_or(MISSING)?)?))
    });
    options.trust = Trust {
        anchors: anchors.collect::<Result<_>>()?,
        first_use: if get(given, "reject").is_truthy() { FirstUse::Reject } else { FirstUse::Pin },
        key_server: text("escrowKey").map(|key| hash(&key)).transpose()?,
    };
    Ok(options)
}

impl CoreClient {
    pub(super) fn task(&self, work: impl AsyncFnOnce(&Client<JsHost>) -> JsResult<JsValue> + 'static) -> CoreTask {
        let client = Rc::clone(&self.0);
        CoreTask::new(async move {
            let result = work(&client).await;
            scrub_stack();
            result
        })
    }
}

#[wasm_bindgen(js_class = CoreClient)]
impl CoreClient {
    /// A client of these options that is not ready yet.
    #[wasm_bindgen(constructor)]
    pub fn new(host: CoreHost, given: JsValue) -> JsResult<CoreClient> {
        Ok(Self(Rc::new(Client::new(JsHost::new(host), options(&given)?))))
    }

    /// `[what there is, who was here last]`: "new", "locked" or "ready". Does it go on with what an earlier page, or another one, unlocked?
    pub fn look(&self, user: Option<String>, resumes: bool) -> CoreTask {
        self.task(async move |client| {
            let status =
                if resumes { client.look(user.as_deref()).await } else { client.status(user.as_deref()).await };
            let status = match status? {
                Status::New => "new",
                Status::Locked => "locked",
                Status::Ready => "ready",
            };
            let last = client.last_user().await;
            let last = last.map_or(JsValue::UNDEFINED, |user| user.as_str().into());
            Ok(Array::of2(&status.into(), &last).into())
        })
    }

    /// What the application authenticates the user by.
    #[wasm_bindgen(js_name = loginSecret)]
    pub fn login_secret(&self, user: String, password: String) -> CoreTask {
        self.task(async move |client| Ok(client.login_secret(&user, &password).await?.into()))
    }

    /// Drops a derivation that was kept for two minutes.
    #[wasm_bindgen(js_name = expireDerivation)]
    pub fn expire_derivation(&self) {
        self.0.expire_derivation();
        scrub_stack();
    }

    /// A new account.
    pub fn register(&self, user: String, password: String, contact: Option<String>) -> CoreTask {
        self.task(async move |client| nothing(client.register(&user, &password, contact.as_deref()).await))
    }

    /// Opens the identity: "local" or "restored".
    pub fn unlock(&self, user: String, password: String, least: f64) -> JsResult<CoreTask> {
        let least = whole(least)?;
        Ok(self.task(async move |client| {
            Ok(JsValue::from(match client.unlock(&user, &password, least).await? {
                Unlocked::Local => "local",
                Unlocked::Restored => "restored",
            }))
        }))
    }

    /// Another password. `store`: a function, or undefined.
    #[wasm_bindgen(js_name = changePassword)]
    pub fn change_password(&self, host: CoreHost, old: String, new: String, store: JsValue) -> CoreTask {
        let login = JsLoginStore { host, function: store };
        self.task(async move |client| nothing(client.change_password(&old, &new, &login).await))
    }

    /// `[recovery id, where the code went]`.
    #[wasm_bindgen(js_name = startRecovery)]
    pub fn start_recovery(&self, user: String) -> CoreTask {
        self.task(async move |client| {
            let started = client.start_recovery(&user).await?;
            Ok(Array::of2(&started.recovery_id.into(), &started.sent_to.into()).into())
        })
    }

    /// Opens the backup by two men, and writes it under the new password.
    #[wasm_bindgen(js_name = finishRecovery)]
    pub fn finish_recovery(
        &self,
        host: CoreHost,
        user: String,
        recovery: String,
        code: String,
        password: String,
        store: JsValue,
    ) -> CoreTask {
        let login = JsLoginStore { host, function: store };
        self.task(async move |client| nothing(client.finish_recovery(&user, &recovery, &code, &password, &login).await))
    }

    /// New keys for the same identity.
    #[wasm_bindgen(js_name = renewKeys)]
    pub fn renew_keys(&self, password: String) -> CoreTask {
        self.task(async move |client| nothing(client.renew_keys(&password).await))
    }

    /// Where one-time codes go.
    #[wasm_bindgen(js_name = setRecoveryContact)]
    pub fn set_recovery_contact(&self, password: String, email: String) -> CoreTask {
        self.task(async move |client| nothing(client.set_recovery_contact(&password, &email).await))
    }

    /// Reads the backup: another device may have written it.
    pub fn refresh(&self) -> CoreTask {
        self.task(async |client| nothing(client.refresh().await))
    }

    /// How the backup is: "current", "outdated" or "none".
    #[wasm_bindgen(js_name = backupHealth)]
    pub fn backup_health(&self) -> CoreTask {
        self.task(async |client| {
            Ok(JsValue::from(match client.backup_health().await {
                BackupHealth::Current => "current",
                BackupHealth::Outdated => "outdated",
                BackupHealth::None => "none",
            }))
        })
    }

    /// Keys out of memory, at once; and no reload goes on without the password.
    pub fn lock(&self, user: Option<String>) -> CoreTask {
        self.task(async move |client| nothing(client.lock_user(user.as_deref()).await))
    }

    /// Keys out of memory, at once; reloads go on as they would.
    pub fn close(&self) {
        self.0.close();
        scrub_stack();
    }

    /// Locks, and forgets the identity on this device.
    pub fn forget(&self, user: Option<String>) -> CoreTask {
        self.task(async move |client| nothing(client.forget(user.as_deref()).await))
    }

    /// Whose identity is open.
    #[wasm_bindgen(js_name = userId)]
    pub fn user_id(&self) -> Option<String> {
        self.0.user_id().map(|user| user.as_str().to_owned())
    }

    /// Its fingerprint.
    pub fn fingerprint(&self) -> Option<String> {
        self.0.fingerprint().map(|fingerprint| fingerprint.to_string())
    }

    /// What the open identity and this user, or anybody of this group, compare.
    #[wasm_bindgen(js_name = safetyNumber)]
    pub fn safety_number(&self, user: String) -> CoreTask {
        self.task(async move |client| Ok(client.safety_number(&user).await?.into()))
    }

    /// Pins whom people compared.
    pub fn verify(&self, user: String, compared: String) -> CoreTask {
        self.task(async move |client| nothing(client.verify(&user, &compared).await))
    }

    /// What happened since the last call of this: `[name, ...]` each.
    pub fn events(&self) -> Array {
        self.0.take_events().into_iter().map(event).collect()
    }

    /// A session for `[kind, name, contact, rights]` each.
    #[wasm_bindgen(js_name = createSession)]
    pub fn create_session(&self, recipients: Array, off_line: bool) -> JsResult<CoreTask> {
        let (grants, own) = (grants(&recipients)?, Rc::clone(&self.0));
        Ok(self.task(async move |client| {
            let open = match off_line {
                true => client.create_session_off_line(&grants).await?,
                false => client.create_session(&grants).await?,
            };
            Ok(CoreSession::new(own, open).into())
        }))
    }

    /// Sends what waits; gives how many sessions still do.
    #[wasm_bindgen(js_name = sendOutbox)]
    pub fn send_outbox(&self) -> CoreTask {
        self.task(async |client| {
            let sent = client.send_outbox().await?;
            Ok(number(sent.iter().filter(|(_, outcome)| outcome.is_err()).count() as u64))
        })
    }

    /// How many sessions wait to be sent.
    #[wasm_bindgen(js_name = outboxLength)]
    pub fn outbox_length(&self) -> CoreTask {
        self.task(async |client| Ok(number(client.outbox_len().await as u64)))
    }

    /// Of the account, or of a session: `[at, actor, action, session, group, [name, value, ...]]` each.
    #[wasm_bindgen(js_name = auditLog)]
    pub fn audit_log(&self, session: Option<String>, since: f64) -> JsResult<CoreTask> {
        let session = session.map(|id| Hash::parse(&id).ok_or(NO_ID)).transpose()?;
        let since = whole(since)?;
        Ok(self.task(async move |client| {
            let entries = client.audit_log(session.as_ref(), since).await?;
            Ok(entries.iter().map(told).collect::<Array>().into())
        }))
    }

    /// For each id, or beginning of a message, its session or why not; and the messages' signers with them.
    #[wasm_bindgen(js_name = openSessions)]
    pub fn open_sessions(&self, wanted: Array) -> CoreTask {
        let wanted: Vec<Result<Named>> = wanted.iter().map(|item| named(&item)).collect();
        let own = Rc::clone(&self.0);
        self.task(async move |client| {
            let named: Vec<_> = wanted.iter().flatten().copied().collect();
            let mut opened = client.open_named(&named).await?.into_iter();
            let session = |wanted: Result<_>| match wanted
                .map_err(Failure::from)
                .and_then(|_| opened.next().unwrap_or(Err(NO_ID.into())))
            {
                Ok(open) => CoreSession::new(Rc::clone(&own), open).into(),
                Err(error) => JsValue::from(error),
            };
            Ok(wanted.into_iter().map(session).collect::<Array>().into())
        })
    }

    /// A session that was serialized.
    #[wasm_bindgen(js_name = deserializeSession)]
    pub fn deserialize_session(&self, text: String) -> CoreTask {
        let own = Rc::clone(&self.0);
        self.task(async move |client| {
            let open = client.deserialize_session(&text).await?;
            Ok(CoreSession::new(own, open).into())
        })
    }

    /// A new group: its id. The lifetimes of its heads in hours, and of an admin's signature in days.
    #[wasm_bindgen(js_name = createGroup)]
    pub fn create_group(
        &self,
        name: String,
        members: Vec<String>,
        admins: Vec<String>,
        head_hours: f64,
        admin_days: f64,
    ) -> JsResult<CoreTask> {
        let lifetimes = Lifetimes::new(whole(head_hours)?, whole(admin_days)?)?;
        let (members, admins) = (users(&members)?, users(&admins)?);
        Ok(self.task(async move |client| {
            let id = client.create_group((&name, lifetimes), &members, &admins).await?;
            Ok(id.to_string().into())
        }))
    }

    /// Fetches a group.
    pub fn group(&self, id: String) -> JsResult<CoreTask> {
        let id = group_id(&id)?;
        Ok(self.task(async move |client| nothing(client.group(&id).await.map(drop))))
    }

    /// Ids of the groups to which the user belongs, which are fetched.
    pub fn groups(&self) -> CoreTask {
        self.task(async |client| Ok(ids(&client.groups().await?).into()))
    }

    /// What is known of a group: `[name, epoch]`.
    #[wasm_bindgen(js_name = groupInfo)]
    pub fn group_info(&self, id: String) -> JsResult<Array> {
        let info = self.0.group_info(&group_id(&id)?)?;
        Ok(Array::of2(&info.name.into(), &number(info.epoch as u64)))
    }

    /// `[user, is an admin]` each.
    #[wasm_bindgen(js_name = groupMembers)]
    pub fn group_members(&self, id: String) -> JsResult<CoreTask> {
        let id = group_id(&id)?;
        Ok(self.task(async move |client| {
            let members = client.members(&id).await?;
            let member = |(user, admin): (UserId, bool)| Array::of2(&user.as_str().into(), &admin.into());
            Ok(members.into_iter().map(member).collect::<Array>().into())
        }))
    }

    /// Takes members in.
    #[wasm_bindgen(js_name = addMembers)]
    pub fn add_members(&self, id: String, names: Vec<String>, admin: bool) -> JsResult<CoreTask> {
        let (id, users) = (group_id(&id)?, users(&names)?);
        Ok(self.task(async move |client| nothing(client.add_members(&id, &users, admin).await)))
    }

    /// Takes members out.
    #[wasm_bindgen(js_name = removeMembers)]
    pub fn remove_members(&self, id: String, names: Vec<String>) -> JsResult<CoreTask> {
        let (id, users) = (group_id(&id)?, users(&names)?);
        Ok(self.task(async move |client| nothing(client.remove_members(&id, &users).await)))
    }

    /// Makes members admins, and admins members.
    #[wasm_bindgen(js_name = setAdmins)]
    pub fn set_admins(&self, id: String, add: Vec<String>, remove: Vec<String>) -> JsResult<CoreTask> {
        let (id, add, remove) = (group_id(&id)?, users(&add)?, users(&remove)?);
        Ok(self.task(async move |client| nothing(client.set_admins(&id, &add, &remove).await)))
    }

    /// A new epoch for the same members.
    #[wasm_bindgen(js_name = rotateGroup)]
    pub fn rotate_group(&self, id: String) -> JsResult<CoreTask> {
        let id = group_id(&id)?;
        Ok(self.task(async move |client| nothing(client.rotate_group(&id).await)))
    }

    /// Says what the newest states of the user's groups are, where nobody has lately.
    #[wasm_bindgen(js_name = tendGroups)]
    pub fn tend_groups(&self) -> CoreTask {
        self.task(async |client| nothing(client.tend_groups().await))
    }

    /// `[claim id, where the code went]`.
    #[wasm_bindgen(js_name = startClaim)]
    pub fn start_claim(&self, id: String, placeholder: String) -> JsResult<CoreTask> {
        let id = group_id(&id)?;
        Ok(self.task(async move |client| {
            let started = client.start_claim(&id, &placeholder).await?;
            Ok(Array::of2(&started.claim_id.into(), &started.sent_to.into()).into())
        }))
    }

    /// Assigns what waits to the group.
    #[wasm_bindgen(js_name = finishClaim)]
    pub fn finish_claim(&self, id: String, claim: String, code: String) -> JsResult<CoreTask> {
        let id = group_id(&id)?;
        Ok(self.task(async move |client| nothing(client.finish_claim(&id, &claim, &code).await.map(drop))))
    }

    /// Reads the feed of revocations: ids of sessions that were lost.
    pub fn sync(&self) -> CoreTask {
        self.task(async |client| Ok(ids(&client.sync().await?).into()))
    }

    /// What a backend's events told.
    pub fn pushed(&self, event: JsValue) -> CoreTask {
        self.task(async move |client| nothing(client.pushed(&JsJson(event)).await))
    }

    /// Another tab has read that these were lost.
    #[wasm_bindgen(js_name = feedTold)]
    pub fn feed_told(&self, lost: Vec<String>) {
        let lost: Vec<Hash> = lost.iter().filter_map(|id| Hash::parse(id)).collect();
        self.0.feed_told(&lost);
        scrub_stack();
    }

    /// `[entries, hits, misses, wipes, degraded]`.
    #[wasm_bindgen(js_name = cacheStats)]
    pub fn cache_stats(&self) -> CoreTask {
        self.task(async |client| Ok(stats(client.cache_stats().await?).into()))
    }

    /// Deletes what is cached.
    #[wasm_bindgen(js_name = clearCache)]
    pub fn clear_cache(&self) -> CoreTask {
        self.task(async |client| Ok(client.clear_cache().await.map(|()| JsValue::UNDEFINED)?))
    }

    /// Gives it up, and wipes what calls left on the stack.
    pub fn destroy(self) {
        drop(self);
        scrub_stack();
    }
}

fn group_id(id: &str) -> Result<Hash> {
    Hash::parse(id).ok_or(NO_GROUP)
}

fn users(names: &[String]) -> Result<Vec<UserId>> {
    names.iter().map(|name| UserId::new(name)).collect()
}

/// The session that is wanted, and who signed the message that names it.
fn named(item: &JsValue) -> Result<Named> {
    if let Some(id) = item.as_string() {
        return Ok((Hash::parse(&id).ok_or(NO_ID)?, None));
    }
    named_by(&item.dyn_ref().map(Uint8Array::to_vec).unwrap_or_default())
}

fn ids(sessions: &[Hash]) -> Array {
    sessions.iter().map(|id| JsValue::from(id.to_string())).collect()
}

fn event(event: Event) -> JsValue {
    match event {
        Event::PinChanged { id, from, to } => {
            let id = id.map_or(JsValue::NULL, |id: UserId| id.as_str().into());
            Array::of4(&"pin-changed".into(), &id, &from.to_string().into(), &to.to_string().into())
        }
        Event::BackupChanged { version } => Array::of2(&"backup-changed".into(), &number(version)),
        Event::Published { session, error } => {
            let error = error.map_or(JsValue::UNDEFINED, JsValue::from);
            Array::of3(&"published".into(), &session.to_string().into(), &error)
        }
        Event::Revoked { sessions } => Array::of2(&"revoked".into(), &ids(&sessions)),
        Event::CacheDegraded { reason } => Array::of2(&"cache-degraded".into(), &reason.into()),
        Event::CacheWiped => Array::of1(&"cache-wiped".into()),
    }
    .into()
}

fn told(entry: &AuditEntry) -> Array {
    let text = |text: Option<&str>| text.map_or(JsValue::UNDEFINED, JsValue::from);
    let [session, group] = [entry.session, entry.group].map(|id| id.map(|id| id.to_string()));
    let detail = entry.detail.iter().flat_map(|(name, value)| [JsValue::from(name), JsValue::from(value)]);
    [
        number(entry.at),
        text(entry.actor.as_ref().map(UserId::as_str)),
        text(Some(&entry.action)),
        text(session.as_deref()),
        text(group.as_deref()),
        detail.collect::<Array>().into(),
    ]
    .into_iter()
    .collect()
}
