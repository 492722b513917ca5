//! A store in memory, with a snapshot: for `memoryBackend()` and for tests.

mod exchange_keys;
mod groups;
mod journal;
mod tables;

use core::fmt;
use std::collections::BTreeMap;

use rand_core::TryCryptoRng;
use wardkey::{
    encoding::{base64url, from_base64url},
    error::{Code, Error},
    identity::UserId,
    journal::Subject,
    party::Party,
    random::Random,
    session::Rights,
    signed::Hash,
};

use crate::{
    Reply, Request, Server, chain_journal, handle,
    store::{
        About, Account, Body, Counted, FeedItem, Head, JournalEnd, JournalMark, JournalRow, Kept, Logged, LoggedRow,
        LooseRow, Recovery, RowId, Spot, Standing, Store, StoreError, Wraps,
    },
};

use self::tables::{Bytes, FeedRow, LogRow, RecoveryRow, Session, Snapshot, Tables, User, WrapsRow};

/// The version of a snapshot. One of version 2 has no exchange keys, and is read as one that has none.
const VERSION: u64 = 3;

type Undo = Box<dyn FnOnce(&mut Tables) + Send>;

/// Everything in memory. Writes can be taken back up to the last [`Self::commit`].
#[derive(Default)]
pub struct MemoryStore {
    tables: Tables,
    undo: Vec<Undo>,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tables { users, sessions, .. } = &self.tables;
        write!(f, "MemoryStore({} users, {} sessions)", users.len(), sessions.len())
    }
}

impl Clone for MemoryStore {
    /// In the copy everything is committed.
    fn clone(&self) -> Self {
        Self { tables: self.tables.clone(), undo: Vec::new() }
    }
}

impl PartialEq for MemoryStore {
    fn eq(&self, other: &Self) -> bool {
        self.tables == other.tables
    }
}

impl Eq for MemoryStore {}

const TWICE: &str = "a row stands there already";

fn broken() -> StoreError {
    StoreError("a row that can't be read".to_owned())
}

fn user_id(text: &str) -> Kept<UserId> {
    UserId::new(text).map_err(|_| broken())
}

fn party_key(party: &Party) -> String {
    base64url(&party.to_bytes())
}

fn counted_key(name: &UserId, what: Counted) -> String {
    let what = match what {
        Counted::Start => "start",
        Counted::Try => "try",
        Counted::Claim => "claim",
        Counted::Claimed => "claimed",
        Counted::ClaimTry => "claim-try",
    };
    [what, name.as_str()].join(" ")
}

fn logged(sequence: u64, row: &LogRow) -> Kept<Logged> {
    let signer = row.signer.as_deref().map(user_id).transpose()?;
    Ok(Logged { sequence, signer, object: row.object.0.clone() })
}

fn log_row(logged: &Logged) -> LogRow {
    let signer = logged.signer.as_ref().map(|signer| signer.as_str().to_owned());
    LogRow { signer, object: Bytes(logged.object.clone()) }
}

/// With the bodies of these parties alone.
fn wraps(sequence: u64, row: &WrapsRow, parties: &[Party]) -> Wraps {
    let body = |party: &Party| {
        let (place, bytes) = row.bodies.get(&party_key(party))?;
        Some(Body { place: *place, party: party.clone(), bytes: bytes.0.clone() })
    };
    let mut bodies: Vec<_> = parties.iter().filter_map(body).collect();
    bodies.sort_by_key(|body| body.place);
    Wraps { sequence, signed: row.signed.0.clone(), bodies }
}

fn wraps_row(wraps: &Wraps) -> WrapsRow {
    let bodies = wraps.bodies.iter().map(|body| (party_key(&body.party), (body.place, Bytes(body.bytes.clone()))));
    WrapsRow { signed: Bytes(wraps.signed.clone()), bodies: bodies.collect() }
}

/// Inserts a row where there is none.
fn add<K: Ord, V>(rows: &mut BTreeMap<K, V>, key: K, row: V) -> Kept<()> {
    if rows.contains_key(&key) {
        return Err(StoreError(TWICE.to_owned()));
    }
    rows.insert(key, row);
    Ok(())
}

impl MemoryStore {
    /// One request as one transaction.
    ///
    /// # Errors
    /// Those of [`handle`].
    pub fn request<R: TryCryptoRng>(
        &mut self,
        server: &Server,
        rng: &mut Random<R>,
        request: &Request<'_>,
    ) -> crate::Result<Reply> {
        let result = handle(server, self, rng, request);
        if result.as_ref().err().is_some_and(|error| !error.keeps()) {
            self.roll_back();
            return result;
        }
        match chain_journal(self, server, request.now_ms) {
            Ok(_) => self.commit(),
            Err(error) => {
                self.roll_back();
                return Err(error);
            }
        }
        result
    }

    /// Keeps what was written.
    pub fn commit(&mut self) {
        self.undo.clear();
    }

    /// Takes back what was written since the last commit.
    pub fn roll_back(&mut self) {
        for undo in core::mem::take(&mut self.undo).into_iter().rev() {
            undo(&mut self.tables);
        }
    }

    /// Everything, as JSON: the same state gives the same bytes. The server's own secrets are apart: [`Server::to_secret_bytes`].
    ///
    /// # Errors
    /// `server`; none in fact.
    pub fn snapshot(&self) -> Result<Vec<u8>, Error> {
        let snapshot = Snapshot { version: VERSION, tables: self.tables.clone() };
        serde_json::to_vec(&snapshot).map_err(|_| Error::new(&(Code::Server, "the store can't be written")))
    }

    /// The store of a snapshot.
    ///
    /// # Errors
    /// `invalid-format`, `unsupported-version`.
    pub fn restore(snapshot: &[u8]) -> Result<Self, Error> {
        let malformed = Error::new(&(Code::InvalidFormat, "not a snapshot"));
        let json: serde_json::Value = serde_json::from_slice(snapshot).map_err(|_| malformed)?;
        match json.get("version").and_then(serde_json::Value::as_u64) {
            Some(2 | VERSION) => {}
            Some(_) => return Err(Error::new(&(Code::UnsupportedVersion, "a snapshot of another version"))),
            None => return Err(malformed),
        }
        let Snapshot { mut tables, .. } = serde_json::from_value(json).map_err(|_| malformed)?;
        tables.journal.find().map_err(|_| malformed)?;
        Ok(Self { tables, undo: Vec::new() })
    }

    /// Writes to a row of a table, which is made where there is none; `undo` takes it back.
    fn on<Row: Default + 'static, T: Send + 'static>(
        &mut self,
        rows: fn(&mut Tables) -> &mut BTreeMap<String, Row>,
        key: String,
        write: impl FnOnce(&mut Row) -> Kept<T>,
        undo: impl FnOnce(&mut Row, T) + Send + 'static,
    ) -> Kept<()> {
        let is_new = !rows(&mut self.tables).contains_key(&key);
        let before = write(rows(&mut self.tables).entry(key.clone()).or_default())?;
        self.undo.push(Box::new(move |tables| {
            if is_new {
                rows(tables).remove(&key);
            } else if let Some(row) = rows(tables).get_mut(&key) {
                undo(row, before);
            }
        }));
        Ok(())
    }

    /// Inserts or replaces a row.
    fn put<Row: Send + 'static>(&mut self, rows: fn(&mut Tables) -> &mut BTreeMap<String, Row>, key: String, row: Row) {
        let before = rows(&mut self.tables).insert(key.clone(), row);
        self.undo.push(Box::new(move |tables| match before {
            Some(row) => drop(rows(tables).insert(key, row)),
            None => drop(rows(tables).remove(&key)),
        }));
    }

    fn user(&self, user: &UserId) -> Option<&User> {
        self.tables.users.get(user.as_str())
    }

    fn session_of(&self, id: &Hash) -> Option<&Session> {
        self.tables.sessions.get(&id.to_string())
    }

    /// Writes to a user; `undo` takes it back.
    fn on_user<T: Send + 'static>(
        &mut self,
        user: &UserId,
        write: impl FnOnce(&mut User) -> Kept<T>,
        undo: impl FnOnce(&mut User, T) + Send + 'static,
    ) -> Kept<()> {
        self.on(|tables| &mut tables.users, user.as_str().to_owned(), write, undo)
    }

    /// The same, of a session.
    fn on_session<T: Send + 'static>(
        &mut self,
        id: &Hash,
        write: impl FnOnce(&mut Session) -> Kept<T>,
        undo: impl FnOnce(&mut Session, T) + Send + 'static,
    ) -> Kept<()> {
        self.on(|tables| &mut tables.sessions, id.to_string(), write, undo)
    }
}

fn item(place: u64, row: &FeedRow) -> Kept<FeedItem> {
    let id = Hash::parse(&row.id).ok_or_else(broken)?;
    let about = row.epoch.map_or(About::Session(id), |epoch| About::Group { id, epoch });
    Ok(FeedItem { place, about, revoked: row.revoked, time: row.time, chain: row.chain })
}

impl Store for MemoryStore {
    fn standing(&mut self, user: &UserId) -> Kept<Standing> {
        let is_registered = self.user(user).is_some_and(|user| user.account.is_some());
        Ok(Standing { is_registered, is_disabled: self.tables.disabled.contains(user.as_str()) })
    }

    fn put_disabled(&mut self, user: &UserId, disabled: bool) -> Kept<()> {
        let name = user.as_str().to_owned();
        let set = |tables: &mut Tables, name: String, disabled| {
            if disabled { tables.disabled.insert(name) } else { tables.disabled.remove(&name) }
        };
        if set(&mut self.tables, name.clone(), disabled) {
            self.undo.push(Box::new(move |tables| {
                set(tables, name, !disabled);
            }));
        }
        Ok(())
    }

    fn account(&mut self, user: &UserId) -> Kept<Option<Account>> {
        Ok(self.user(user).and_then(|user| user.account.clone()))
    }

    fn put_account(&mut self, user: &UserId, account: &Account) -> Kept<()> {
        let account = account.clone();
        self.on_user(user, |user| Ok(user.account.replace(account)), |user, before| user.account = before)
    }

    fn bundles(&mut self, user: &UserId) -> Kept<Vec<Vec<u8>>> {
        let bundles = self.user(user).map(|user| user.bundles.as_slice()).unwrap_or_default();
        Ok(bundles.iter().map(|bundle| bundle.0.clone()).collect())
    }

    fn add_bundle(&mut self, user: &UserId, version: u64, hash: &Hash, object: &[u8]) -> Kept<()> {
        let (key, object) = (hash.to_string(), Bytes(object.to_vec()));
        let known = self.user(user).map_or(0, |user| user.bundles.len()) as u64;
        if version != known + 1 {
            return Err(StoreError(TWICE.to_owned()));
        }
        add(&mut self.tables.bundles, key.clone(), user.as_str().to_owned())?;
        self.undo.push(Box::new(move |tables| {
            tables.bundles.remove(&key);
        }));
        self.on_user(
            user,
            |user| {
                user.bundles.push(object);
                Ok(())
            },
            |user, ()| {
                user.bundles.pop();
            },
        )
    }

    fn owner_of(&mut self, bundle: &Hash) -> Kept<Option<UserId>> {
        self.tables.bundles.get(&bundle.to_string()).map(|owner| user_id(owner)).transpose()
    }

    fn recovery(&mut self, id: &[u8; 16]) -> Kept<Option<Recovery>> {
        let Some(row) = self.tables.recoveries.get(&base64url(id)) else { return Ok(None) };
        let RecoveryRow { user, code, end, tries, answered, activated } = row.clone();
        Ok(Some(Recovery { user: user_id(&user)?, code, end, tries, answered, activated }))
    }

    fn put_recovery(&mut self, id: &[u8; 16], recovery: &Recovery) -> Kept<()> {
        let Recovery { user, code, end, tries, answered, activated } = recovery.clone();
        let row = RecoveryRow { user: user.as_str().to_owned(), code, end, tries, answered, activated };
        self.put(|tables| &mut tables.recoveries, base64url(id), row);
        Ok(())
    }

    fn times(&mut self, name: &UserId, what: Counted, since: u64) -> Kept<Vec<u64>> {
        let times = self.tables.counted.get(&counted_key(name, what));
        Ok(times.into_iter().flatten().copied().filter(|time| *time >= since).collect())
    }

    fn add_time(&mut self, name: &UserId, what: Counted, time: u64) -> Kept<()> {
        self.on(
            |tables| &mut tables.counted,
            counted_key(name, what),
            |times| {
                times.push(time);
                Ok(())
            },
            |times, ()| {
                times.pop();
            },
        )
    }

    fn session(&mut self, id: &Hash) -> Kept<Option<Head>> {
        Ok(self.session_of(id).and_then(|session| session.head))
    }

    fn session_state(&mut self, id: &Hash) -> Kept<Option<Vec<u8>>> {
        Ok(self.session_of(id).and_then(|session| session.state.clone()).map(|state| state.0))
    }

    fn put_session(&mut self, id: &Hash, head: Head, state: &[u8]) -> Kept<()> {
        let state = Bytes(state.to_vec());
        self.on_session(
            id,
            |session| Ok((session.head.replace(head), session.state.replace(state))),
            |session, (head, state)| {
                session.head = head;
                session.state = state;
            },
        )
    }

    fn log(&mut self, id: &Hash, from: u64) -> Kept<Vec<Logged>> {
        let rows = self.session_of(id).into_iter().flat_map(|session| session.log.range(from..));
        rows.map(|(sequence, row)| logged(*sequence, row)).collect()
    }

    fn add_logged(&mut self, id: &Hash, logged: &Logged) -> Kept<()> {
        let (sequence, row) = (logged.sequence, log_row(logged));
        self.on_session(
            id,
            |session| add(&mut session.log, sequence, row),
            move |session, ()| {
                session.log.remove(&sequence);
            },
        )
    }

    fn wraps(&mut self, id: &Hash, from: u64, parties: &[Party]) -> Kept<Vec<Wraps>> {
        let rows = self.session_of(id).into_iter().flat_map(|session| session.wraps.range(from..));
        Ok(rows.map(|(sequence, row)| wraps(*sequence, row, parties)).collect())
    }

    fn add_wraps(&mut self, id: &Hash, wraps: &Wraps) -> Kept<()> {
        let (sequence, row) = (wraps.sequence, wraps_row(wraps));
        self.on_session(
            id,
            |session| add(&mut session.wraps, sequence, row),
            move |session, ()| {
                session.wraps.remove(&sequence);
            },
        )
    }

    fn delete_bodies(&mut self, id: &Hash, party: &Party) -> Kept<()> {
        let key = party_key(party);
        let again = key.clone();
        self.on_session(
            id,
            |session| {
                let rows = session.wraps.iter_mut();
                Ok(rows.filter_map(|(place, row)| Some((*place, row.bodies.remove(&key)?))).collect::<Vec<_>>())
            },
            move |session, deleted| {
                for (place, body) in deleted {
                    if let Some(row) = session.wraps.get_mut(&place) {
                        row.bodies.insert(again.clone(), body);
                    }
                }
            },
        )
    }

    fn rights(&mut self, id: &Hash, party: &Party) -> Kept<Option<Rights>> {
        let number = self.session_of(id).and_then(|session| session.rights.get(&party_key(party)));
        Ok(number.map(|number| Rights::from_number(*number).unwrap_or(Rights::NONE)))
    }

    fn group_rights(&mut self, id: &Hash) -> Kept<Vec<(Hash, Rights)>> {
        let rows = self.session_of(id).into_iter().flat_map(|session| &session.rights);
        let mut found = Vec::new();
        for (party, number) in rows {
            let party = from_base64url(party).and_then(|bytes| Party::from_bytes(&bytes)).map_err(|_| broken())?;
            if let Party::Group(group) = party {
                found.push((group, Rights::from_number(*number).unwrap_or(Rights::NONE)));
            }
        }
        Ok(found)
    }

    fn put_rights(&mut self, id: &Hash, party: &Party, rights: Rights) -> Kept<()> {
        let key = party_key(party);
        let again = key.clone();
        self.on_session(
            id,
            |session| Ok(session.rights.insert(key, rights.number())),
            |session, before| match before {
                Some(number) => drop(session.rights.insert(again, number)),
                None => drop(session.rights.remove(&again)),
            },
        )
    }

    fn feed_end(&mut self, user: &UserId) -> Kept<Option<FeedItem>> {
        let last = self.user(user).and_then(|user| user.feed.last_key_value());
        last.map(|(place, row)| item(*place, row)).transpose()
    }

    fn feed_item(&mut self, user: &UserId, place: u64) -> Kept<Option<FeedItem>> {
        let row = self.user(user).and_then(|user| user.feed.get(&place));
        row.map(|row| item(place, row)).transpose()
    }

    fn feed(&mut self, user: &UserId, after: u64, most: usize) -> Kept<Vec<FeedItem>> {
        let rows = self.user(user).into_iter().flat_map(|user| user.feed.range(after.saturating_add(1)..));
        rows.take(most).map(|(place, row)| item(*place, row)).collect()
    }

    fn add_feed_item(&mut self, user: &UserId, item: &FeedItem) -> Kept<()> {
        let FeedItem { place, about, revoked, time, chain } = item.clone();
        let (id, epoch) = match about {
            About::Session(id) => (id, None),
            About::Group { id, epoch } => (id, Some(epoch)),
        };
        let row = FeedRow { id: id.to_string(), epoch, revoked, time, chain };
        self.on_user(
            user,
            |user| add(&mut user.feed, place, row),
            move |user, ()| {
                user.feed.remove(&place);
            },
        )
    }

    fn journal_ends(&mut self, subjects: &[Subject]) -> Kept<Vec<Option<JournalEnd>>> {
        Ok(self.ends(subjects))
    }

    fn journal_mark(&mut self, subject: &Subject, from: u64) -> Kept<Option<JournalMark>> {
        Ok(self.mark(subject, from))
    }

    fn journal_piece(&mut self, spot: &Spot) -> Kept<Vec<u8>> {
        self.piece(spot)
    }

    fn add_journal_row(&mut self, row: &JournalRow) -> Kept<()> {
        self.add_row(row)
    }

    fn loose_rows(&mut self, most: usize) -> Kept<Vec<LooseRow>> {
        self.loose(most)
    }

    fn log_end(&mut self) -> Kept<Option<Vec<u8>>> {
        Ok(self.tables.journal.headers.last_key_value().map(|(_, row)| row.header.0.clone()))
    }

    fn add_to_log(&mut self, row: &RowId, number: u64, header: &[u8]) -> Kept<()> {
        self.add_header(row, number, header)
    }

    fn logged_rows(&mut self, ids: &[RowId]) -> Kept<Vec<Option<LoggedRow>>> {
        Ok(ids.iter().map(|id| self.logged_row(id)).collect())
    }

    fn log_rows(&mut self, after: u64, most: usize) -> Kept<Vec<LoggedRow>> {
        self.rows_after(after, most)
    }

    fn answered(&mut self, name: &[u8; 32]) -> Kept<Option<Vec<u8>>> {
        Ok(self.tables.answered.get(&base64url(name)).map(|(_, answer)| answer.0.clone()))
    }

    fn put_answered(&mut self, name: &[u8; 32], time: u64, answer: &[u8]) -> Kept<()> {
        self.put(|tables| &mut tables.answered, base64url(name), (time, Bytes(answer.to_vec())));
        Ok(())
    }

    fn forget_before(&mut self, counted: u64, recoveries: u64, feeds: u64) -> Kept<()> {
        // Upkeep is rare: all is kept to be taken back.
        let before = self.tables.clone();
        self.undo.push(Box::new(|tables| *tables = before));
        for times in self.tables.counted.values_mut() {
            times.retain(|time| *time >= counted);
        }
        self.tables.counted.retain(|_, times| !times.is_empty());
        for user in self.tables.users.values_mut() {
            let newest = user.feed.last_key_value().map(|(place, _)| *place);
            user.feed.retain(|place, row| row.time >= feeds || Some(*place) == newest);
        }
        self.tables.answered.retain(|_, (time, _)| *time >= counted);
        self.tables.recoveries.retain(|_, row| row.end >= recoveries);
        self.tables.claims.retain(|_, row| row.end >= recoveries);
        Ok(())
    }
}
