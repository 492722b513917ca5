//! The requests of `docs/API.md`, typed. What is missing or mistyped in a reply is `invalid-format`; unknown members are passed over.

use super::{Client, Host};
use crate::{
    backend::{Backend, Failure, Json, Method, Outcome, Request},
    delegation::Pair,
    encoding::{base64url, from_base64url},
    error::{Code, Error, Result},
    identity::UserId,
    password::Kdf,
    signed::Hash,
};

const MISTYPED: Error = Error::new(&(Code::InvalidFormat, "a reply of the key server has another form"));
const MAX_CURSOR: usize = 64;

/// Objects of an identity, from version 1 on.
pub(super) type Bundles = Vec<Vec<u8>>;

/// A reply to `/v1/public/login`.
pub(super) struct LoginParameters {
    pub(super) kdf: Kdf,
    pub(super) server_salt: Vec<u8>,
    pub(super) key_server: Bundles,
}

/// A backup, and what was written with it and waits for its activation.
pub(super) struct WrittenBackup {
    pub(super) backup: Vec<u8>,
    pub(super) bundle: Option<Vec<u8>>,
    pub(super) contact: Option<Vec<u8>>,
}

/// A reply to `GET /v1/backup`.
pub(super) struct Backups {
    pub(super) active: Vec<u8>,
    pub(super) pending: Option<WrittenBackup>,
    pub(super) identity: Bundles,
    pub(super) key_server: Bundles,
    pub(super) cursor: String,
}

/// What is written whole.
pub(super) struct WholeBody<'a> {
    pub(super) backup: &'a [u8],
    pub(super) share: Option<&'a [u8]>,
    pub(super) bundle: Option<&'a [u8]>,
    pub(super) contact: Option<&'a [u8]>,
}

/// A backup that a recovery releases.
pub(super) struct Released {
    pub(super) written: WrittenBackup,
    pub(super) share: Vec<u8>,
}

/// A reply to a right code.
pub(super) struct Release {
    pub(super) receipt: Vec<u8>,
    pub(super) backups: Vec<Released>,
    pub(super) identity: Bundles,
    pub(super) key_server: Bundles,
}

/// What opens a session, or what came after what is known of it.
pub(super) struct Answer {
    pub(super) genesis: Option<Vec<u8>>,
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) wraps: Vec<Vec<u8>>,
}

/// Of a group: its log, or what came after what is known of it.
pub(super) struct GroupAnswer {
    pub(super) genesis: Option<Vec<u8>>,
    pub(super) operations: Vec<Vec<u8>>,
    /// The group keys that have a stanza for the own user.
    pub(super) keys: Option<Vec<u8>>,
    pub(super) heads: Vec<Vec<u8>>,
}

/// A group that is asked for.
pub(super) struct AskedGroup {
    pub(super) id: Hash,
    /// Only what comes after this sequence.
    pub(super) after: Option<u64>,
    /// The newest epoch that is open.
    pub(super) epoch: Option<u64>,
}

/// What is asked for by a request to `/v1/keys`.
#[derive(Clone, Copy, Default)]
pub(super) struct Wanted<'a> {
    /// Each from its genesis or after a sequence.
    pub(super) sessions: &'a [(Hash, Option<u64>)],
    /// Bundles of signers.
    pub(super) signers: &'a [Hash],
    pub(super) groups: &'a [Hash],
    /// Each from its first version or after one.
    pub(super) pairs: &'a [(Pair, Option<u64>)],
}

/// Exchange keys of a pair.
pub(super) struct PairAnswer {
    pub(super) versions: Vec<Vec<u8>>,
    /// To be asked again.
    pub(super) more: bool,
}

/// A reply to `/v1/keys`.
pub(super) struct KeysReply {
    /// In the order in which they were asked for.
    pub(super) sessions: Vec<Result<Answer>>,
    /// Likewise.
    pub(super) pairs: Vec<Result<PairAnswer>>,
    pub(super) identities: Vec<Bundles>,
    pub(super) groups: Vec<(Hash, Result<GroupAnswer>)>,
    pub(super) feed: FeedPage,
}

/// What changed for the user.
#[derive(Clone, Copy)]
pub(super) enum FeedItem {
    /// A session, and whether this user lost it.
    Session(Hash, bool),
    /// A group that has begun an epoch, and whether this user doesn't belong to it any more.
    Group(Hash, bool),
}

/// What changed for the user after a cursor.
pub(super) struct FeedPage {
    /// The place after the last item.
    pub(super) cursor: String,
    /// In the order in which it happened.
    pub(super) items: Vec<FeedItem>,
    /// The cursor wasn't known: everything that is kept of sessions goes.
    pub(super) reset: bool,
    /// To be asked again.
    pub(super) more: bool,
}

/// A page of a journal, and the head of the whole.
pub(super) struct JournalPage {
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) head: Vec<u8>,
    /// To be asked again.
    pub(super) more: bool,
}

impl<H: Host> Client<H> {
    pub(super) async fn login_parameters(&self, user: &UserId, kdf: Kdf) -> Outcome<LoginParameters> {
        let body = vec![
            ("appId", Json::text(self.options.app_id.as_str())),
            ("userId", Json::text(user.as_str())),
            ("kdf", write_kdf(kdf)),
        ];
        let reply = self.ask(Method::Post, "/v1/public/login", None, Some(body)).await?;
        let server_salt = bytes(&reply, "serverSalt")?;
        let key_server = bundles(&member(&reply, "keyServer")?)?;
        Ok(LoginParameters { kdf: read_kdf(&member(&reply, "kdf")?)?, server_salt, key_server })
    }

    pub(super) async fn send_registration(&self, user: &UserId, whole: &WholeBody<'_>) -> Outcome<String> {
        let reply = self.ask(Method::Post, "/v1/register", Some(user), Some(write_whole(whole))).await?;
        Ok(cursor(&reply)?)
    }

    pub(super) async fn read_backups(&self, user: &UserId) -> Outcome<Backups> {
        let reply = self.ask(Method::Get, "/v1/backup", Some(user), None).await?;
        let pending = member(&reply, "pending")?;
        let pending = if pending.is_null() { None } else { Some(read_written(&pending)?) };
        Ok(Backups {
            active: bytes(&reply, "active")?,
            pending,
            identity: bundles(&member(&reply, "identity")?)?,
            key_server: bundles(&member(&reply, "keyServer")?)?,
            cursor: cursor(&reply)?,
        })
    }

    pub(super) async fn send_state(&self, user: &UserId, backup: &[u8]) -> Outcome<()> {
        let body = vec![("backup", write_bytes(backup))];
        self.ask(Method::Put, "/v1/backup", Some(user), Some(body)).await.map(drop)
    }

    pub(super) async fn send_pending(&self, user: &UserId, whole: &WholeBody<'_>) -> Outcome<()> {
        self.ask(Method::Put, "/v1/backup/pending", Some(user), Some(write_whole(whole))).await.map(drop)
    }

    pub(super) async fn activate(&self, user: &UserId, version: u64) -> Outcome<()> {
        let body = vec![("version", Json::number(version))];
        self.ask(Method::Post, "/v1/backup/activate", Some(user), Some(body)).await.map(drop)
    }

    /// Its id, and where the code goes.
    pub(super) async fn send_recovery(&self, user: &UserId) -> Outcome<([u8; 16], String)> {
        let body = vec![("userId", Json::text(user.as_str()))];
        let reply = self.ask(Method::Post, "/v1/public/recoveries", None, Some(body)).await?;
        let id = bytes(&reply, "recoveryId")?.try_into().map_err(|_| MISTYPED)?;
        Ok((id, text(&reply, "sentTo")?))
    }

    pub(super) async fn answer_code(&self, recovery: &[u8; 16], code: &str, key: &[u8]) -> Outcome<Release> {
        let body = vec![("code", Json::text(code)), ("key", write_bytes(key))];
        let reply = self.ask(Method::Post, &recovery_path(recovery, "code"), None, Some(body)).await?;
        let released = |item: &_| Ok(Released { written: read_written(item)?, share: bytes(item, "share")? });
        Ok(Release {
            receipt: bytes(&reply, "receipt")?,
            backups: list(&member(&reply, "backups")?)?.iter().map(released).collect::<Result<_>>()?,
            identity: bundles(&member(&reply, "identity")?)?,
            key_server: bundles(&member(&reply, "keyServer")?)?,
        })
    }

    pub(super) async fn send_recovered(&self, recovery: &[u8; 16], whole: &WholeBody<'_>, proof: &[u8]) -> Outcome<()> {
        let mut body = write_whole(whole);
        body.push(("proof", write_bytes(proof)));
        self.ask(Method::Put, &recovery_path(recovery, "pending"), None, Some(body)).await.map(drop)
    }

    pub(super) async fn activate_recovered(&self, recovery: &[u8; 16], version: u64) -> Outcome<()> {
        let body = vec![("version", Json::number(version))];
        self.ask(Method::Post, &recovery_path(recovery, "activate"), None, Some(body)).await.map(drop)
    }

    /// A reply's list, an item in a step.
    async fn read_list<T>(
        &self,
        reply: &JsonOf<H>,
        name: &'static str,
        read: impl Fn(&JsonOf<H>) -> Result<T>,
    ) -> Outcome<Vec<T>> {
        let items = list(&member(reply, name)?)?;
        let mut found = Vec::with_capacity(items.len());
        self.in_steps(&mut || {
            let Some(item) = items.get(found.len()) else { return Ok(false) };
            found.push(read(item)?);
            Ok(found.len() < items.len())
        })
        .await?;
        Ok(found)
    }

    /// Identities of these users and of who has these bundles.
    pub(super) async fn directory(&self, user: &UserId, users: &[&UserId], of: &[Hash]) -> Outcome<Vec<Bundles>> {
        let users = users.iter().map(|user| Json::text(user.as_str())).collect();
        let hashes = of.iter().map(|hash| write_bytes(&hash.0)).collect();
        let body = vec![("userIds", Json::list(users)), ("bundles", Json::list(hashes))];
        let reply = self.ask(Method::Post, "/v1/directory", Some(user), Some(body)).await?;
        self.read_list(&reply, "identities", bundles).await
    }

    pub(super) async fn send_session(&self, user: &UserId, genesis: &[u8], wraps: &[u8]) -> Outcome<()> {
        let body = vec![("genesis", write_bytes(genesis)), ("wraps", write_bytes(wraps))];
        self.ask(Method::Post, "/v1/sessions", Some(user), Some(body)).await.map(drop)
    }

    pub(super) async fn send_entry(&self, user: &UserId, id: &Hash, entry: &[u8], wraps: Option<&[u8]>) -> Outcome<()> {
        let item = Json::object(vec![("entry", write_bytes(entry)), ("wraps", bytes_or_null(wraps))]);
        let path = ["/v1/sessions/", &id.to_string(), "/entries"].concat();
        let body = vec![("items", Json::list(vec![item]))];
        self.ask(Method::Post, &path, Some(user), Some(body)).await.map(drop)
    }

    /// Sessions, exchange keys, and these groups in the place of those that are `wanted`; identities of their signers and of who has these bundles; and what changed after a
    /// cursor.
    pub(super) async fn keys(
        &self,
        user: &UserId,
        wanted: Wanted<'_>,
        groups: &[AskedGroup],
        cursor: Option<&str>,
    ) -> Outcome<KeysReply> {
        let after = |id: &Hash, after: Option<u64>| {
            let mut members = vec![("id", write_bytes(&id.0))];
            members.extend(after.map(|after| ("after", Json::number(after))));
            members
        };
        let sessions = wanted.sessions.iter().map(|(id, known)| Json::object(after(id, *known)));
        let groups = groups.iter().map(|group| {
            let mut members = after(&group.id, group.after);
            members.extend(group.epoch.map(|epoch| ("epoch", Json::number(epoch))));
            Json::object(members)
        });
        let mut body = vec![
            ("sessions", Json::list(sessions.collect())),
            ("signers", Json::list(wanted.signers.iter().map(|hash| write_bytes(&hash.0)).collect())),
            ("groups", Json::list(groups.collect())),
            ("cursor", cursor.map_or_else(Json::null, Json::text)),
        ];
        let pairs = wanted.pairs.iter().map(|(pair, known)| {
            let mut members = vec![("pair", Json::text(pair.as_str()))];
            members.extend(known.map(|known| ("after", Json::number(known))));
            Json::object(members)
        });
        if !wanted.pairs.is_empty() {
            body.push(("pairs", Json::list(pairs.collect())));
        }
        let reply = self.ask(Method::Post, "/v1/keys", Some(user), Some(body)).await?;
        let sessions = self.read_list(&reply, "sessions", |item| Ok(read_answer(item))).await?;
        let pairs = match wanted.pairs {
            [] => Vec::new(),
            _ => self.read_list(&reply, "pairs", |item| Ok(read_versions(item))).await?,
        };
        let identities = self.read_list(&reply, "identities", bundles).await?;
        let groups = self.read_list(&reply, "groups", |item| Ok((hash(item, "id")?, read_group(item)))).await?;
        Ok(KeysReply { sessions, pairs, identities, groups, feed: read_feed_page(&member(&reply, "feed")?)? })
    }

    /// Versions of exchange keys. Each is taken by itself.
    pub(super) async fn send_exchange_keys(&self, user: &UserId, objects: &[Vec<u8>]) -> Outcome<Vec<Result<()>>> {
        let body = vec![("items", Json::list(objects.iter().map(|object| write_bytes(object)).collect()))];
        let reply = self.ask(Method::Post, "/v1/exchange-keys", Some(user), Some(body)).await?;
        self.read_list(&reply, "items", |item| Ok(check_answer(item))).await
    }

    /// Groups to which the user belongs.
    pub(super) async fn list_groups(&self, user: &UserId) -> Outcome<Vec<Hash>> {
        let reply = self.ask(Method::Get, "/v1/groups", Some(user), None).await?;
        Ok(hashes(&member(&reply, "groups")?)?)
    }

    pub(super) async fn send_group(&self, user: &UserId, genesis: &[u8], keys: &[u8], head: &[u8]) -> Outcome<()> {
        let body = vec![("genesis", write_bytes(genesis)), ("keys", write_bytes(keys)), ("head", write_bytes(head))];
        self.ask(Method::Post, "/v1/groups", Some(user), Some(body)).await.map(drop)
    }

    pub(super) async fn send_operation(
        &self,
        user: &UserId,
        id: &Hash,
        operation: &[u8],
        keys: Option<&[u8]>,
        head: &[u8],
    ) -> Outcome<()> {
        let (operation, keys) = (write_bytes(operation), bytes_or_null(keys));
        let body = vec![("operation", operation), ("keys", keys), ("head", write_bytes(head))];
        self.ask(Method::Post, &group_path(id, "operations"), Some(user), Some(body)).await.map(drop)
    }

    pub(super) async fn send_head(&self, user: &UserId, id: &Hash, head: &[u8]) -> Outcome<()> {
        let body = vec![("head", write_bytes(head))];
        self.ask(Method::Post, &group_path(id, "heads"), Some(user), Some(body)).await.map(drop)
    }

    /// Its id, and where the code goes.
    pub(super) async fn send_claim(
        &self,
        user: &UserId,
        group: &Hash,
        placeholder: &UserId,
    ) -> Outcome<([u8; 16], String)> {
        let body = vec![("placeholder", Json::text(placeholder.as_str()))];
        let reply = self.ask(Method::Post, &group_path(group, "claims"), Some(user), Some(body)).await?;
        let id = bytes(&reply, "claimId")?.try_into().map_err(|_| MISTYPED)?;
        Ok((id, text(&reply, "sentTo")?))
    }

    /// Sessions that were assigned, and whether there are more.
    pub(super) async fn answer_claim(
        &self,
        user: &UserId,
        group: &Hash,
        claim: &[u8; 16],
        code: &str,
    ) -> Outcome<(Vec<Hash>, bool)> {
        let path = [&group_path(group, "claims"), "/", &base64url(claim)].concat();
        let reply = self.ask(Method::Post, &path, Some(user), Some(vec![("code", Json::text(code))])).await?;
        Ok((hashes(&member(&reply, "sessions")?)?, boolean(&reply, "more")?))
    }

    /// One page of what changed after a cursor. Without one: the end.
    pub(super) async fn read_feed(&self, user: &UserId, cursor: Option<&str>) -> Outcome<FeedPage> {
        let body = vec![("cursor", cursor.map_or_else(Json::null, Json::text))];
        let reply = self.ask(Method::Post, "/v1/feed", Some(user), Some(body)).await?;
        Ok(read_feed_page(&reply)?)
    }

    /// One page of the journal of a session, or of the user, after a sequence.
    pub(super) async fn journal(&self, user: &UserId, session: Option<&Hash>, after: u64) -> Outcome<JournalPage> {
        let session = session.map_or_else(Json::null, |id| write_bytes(&id.0));
        let body = vec![("sessionId", session), ("after", Json::number(after))];
        let reply = self.ask(Method::Post, "/v1/journal", Some(user), Some(body)).await?;
        let entries = bundles(&member(&reply, "entries")?)?;
        Ok(JournalPage { entries, head: bytes(&reply, "head")?, more: boolean(&reply, "more")? })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        caller: Option<&UserId>,
        body: Option<Vec<(&'static str, JsonOf<H>)>>,
    ) -> Outcome<JsonOf<H>> {
        let body = body.map(Json::object);
        let answer = self.host.backend().request(Request { method, path, body, caller }).await;
        if answer.as_ref().map_or_else(Failure::code, |_| Code::Server) != Code::Network {
            self.off_line.set(None);
        }
        answer
    }
}

pub(super) type JsonOf<H> = <<H as Host>::Backend as Backend>::Json;

fn recovery_path(recovery: &[u8; 16], step: &str) -> String {
    ["/v1/public/recoveries/", &base64url(recovery), "/", step].concat()
}

fn group_path(group: &Hash, step: &str) -> String {
    ["/v1/groups/", &group.to_string(), "/", step].concat()
}

fn write_whole<J: Json>(whole: &WholeBody<'_>) -> Vec<(&'static str, J)> {
    vec![
        ("backup", write_bytes(whole.backup)),
        ("share", bytes_or_null(whole.share)),
        ("bundle", bytes_or_null(whole.bundle)),
        ("contact", bytes_or_null(whole.contact)),
    ]
}

fn write_bytes<J: Json>(bytes: &[u8]) -> J {
    J::text(&base64url(bytes))
}

fn bytes_or_null<J: Json>(bytes: Option<&[u8]>) -> J {
    bytes.map_or_else(J::null, write_bytes)
}

fn write_kdf<J: Json>(kdf: Kdf) -> J {
    let number = |number: u32| J::number(number.into());
    J::object(match (kdf.argon2id_cost(), kdf.pbkdf2_iterations()) {
        (Some((memory_kib, passes)), _) => {
            vec![("name", J::text("argon2id")), ("memoryKiB", number(memory_kib)), ("passes", number(passes))]
        }
        (None, iterations) => {
            vec![("name", J::text("pbkdf2-sha256")), ("iterations", number(iterations.unwrap_or_default()))]
        }
    })
}

fn read_kdf<J: Json>(kdf: &J) -> Result<Kdf> {
    let cost = |name| {
        let number = member(kdf, name)?.to_number().ok_or(MISTYPED)?;
        // What is too large for the type is too large for the bounds.
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    };
    match text(kdf, "name")?.as_str() {
        "argon2id" => Kdf::argon2id(cost("memoryKiB")?, cost("passes")?),
        "pbkdf2-sha256" => Kdf::pbkdf2(cost("iterations")?),
        _ => Err(MISTYPED),
    }
}

fn member<J: Json>(object: &J, name: &str) -> Result<J> {
    object.member(name).ok_or(MISTYPED)
}

fn text<J: Json>(object: &J, name: &str) -> Result<String> {
    member(object, name)?.to_text().ok_or(MISTYPED)
}

fn bytes<J: Json>(object: &J, name: &str) -> Result<Vec<u8>> {
    from_base64url(&text(object, name)?)
}

fn read_bytes_or_null<J: Json>(object: &J, name: &str) -> Result<Option<Vec<u8>>> {
    if member(object, name)?.is_null() { Ok(None) } else { bytes(object, name).map(Some) }
}

fn list<J: Json>(value: &J) -> Result<Vec<J>> {
    value.items().ok_or(MISTYPED)
}

fn bundles<J: Json>(value: &J) -> Result<Bundles> {
    list(value)?.iter().map(|item| from_base64url(&item.to_text().ok_or(MISTYPED)?)).collect()
}

fn read_written<J: Json>(value: &J) -> Result<WrittenBackup> {
    Ok(WrittenBackup {
        backup: bytes(value, "backup")?,
        bundle: read_bytes_or_null(value, "bundle")?,
        contact: read_bytes_or_null(value, "contact")?,
    })
}

/// Isn't there an error in the place of this answer?
fn check_answer<J: Json>(answer: &J) -> Result<()> {
    match answer.member("error") {
        Some(code) => Err(Failure::answered(&code.to_text().ok_or(MISTYPED)?, None, None).error),
        None => Ok(()),
    }
}

fn read_versions<J: Json>(answer: &J) -> Result<PairAnswer> {
    check_answer(answer)?;
    Ok(PairAnswer { versions: bundles(&member(answer, "versions")?)?, more: boolean(answer, "more")? })
}

fn read_answer<J: Json>(answer: &J) -> Result<Answer> {
    check_answer(answer)?;
    let (entries, wraps) = (bundles(&member(answer, "entries")?)?, bundles(&member(answer, "wraps")?)?);
    Ok(Answer { genesis: read_bytes_or_null(answer, "genesis")?, entries, wraps })
}

fn read_group<J: Json>(answer: &J) -> Result<GroupAnswer> {
    check_answer(answer)?;
    Ok(GroupAnswer {
        genesis: read_bytes_or_null(answer, "genesis")?,
        operations: bundles(&member(answer, "operations")?)?,
        keys: read_bytes_or_null(answer, "keys")?,
        heads: bundles(&member(answer, "heads")?)?,
    })
}

fn hash<J: Json>(object: &J, name: &str) -> Result<Hash> {
    Ok(Hash(bytes(object, name)?.try_into().map_err(|_| MISTYPED)?))
}

fn hashes<J: Json>(value: &J) -> Result<Vec<Hash>> {
    list(value)?.iter().map(|item| Hash::parse(&item.to_text().ok_or(MISTYPED)?).ok_or(MISTYPED)).collect()
}

fn read_feed_page<J: Json>(feed: &J) -> Result<FeedPage> {
    let item = |item: &J| {
        let revoked = || boolean(item, "revoked");
        // Others are of something that came later.
        Ok(if item.member("sessionId").is_some() {
            Some(FeedItem::Session(hash(item, "sessionId")?, revoked()?))
        } else if item.member("groupId").is_some() {
            Some(FeedItem::Group(hash(item, "groupId")?, revoked()?))
        } else {
            None
        })
    };
    Ok(FeedPage {
        cursor: cursor(feed)?,
        items: list(&member(feed, "items")?)?.iter().filter_map(|of| item(of).transpose()).collect::<Result<_>>()?,
        reset: boolean(feed, "reset")?,
        more: boolean(feed, "more")?,
    })
}

fn boolean<J: Json>(object: &J, name: &str) -> Result<bool> {
    member(object, name)?.to_bool().ok_or(MISTYPED)
}

fn cursor<J: Json>(reply: &J) -> Result<String> {
    let cursor = text(reply, "cursor")?;
    if (1..=MAX_CURSOR).contains(&cursor.len()) { Ok(cursor) } else { Err(MISTYPED) }
}
