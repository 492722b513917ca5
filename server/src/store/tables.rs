//! The rules' tables of users and sessions, as SQL.

use core::fmt;

use wardkey::{identity::UserId, journal::Subject, party::Party, session::Rights, signed::Hash};
use wardkey_rules::{
    About, Account, Asker, Counted, FeedItem, Head, JournalEnd, JournalMark, JournalRow, Kept, Logged, LoggedRow,
    LooseRow, Opening, Reading, Recovery, Room, RowId, Spot, Standing, StanzaBody, Store, StoreError, Wanted, Wraps,
};

use super::{
    connection::{Connection, Each, Value, bytes, flag, int, or_null, text},
    ends, packed,
    pieces::{self, kind, nobody, rights, rights_place},
    row::{Row, broken},
};

/// The rules' store, within a transaction of this connection.
pub struct Tables<'c>(pub &'c mut dyn Connection);

impl fmt::Debug for Tables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tables(..)")
    }
}

pub(crate) fn name(user: &UserId) -> Value {
    text(user.as_str())
}

fn limit(most: usize) -> Kept<Value> {
    int(u64::try_from(most).unwrap_or(u64::MAX).min(1 << 32))
}

fn counted(what: Counted) -> Value {
    Value::Int(match what {
        Counted::Start => 1,
        Counted::Try => 2,
        Counted::Claim => 3,
        Counted::Claimed => 4,
        Counted::ClaimTry => 5,
    })
}

/// A user's journal and a session's are of one table.
pub(crate) fn subject_key(subject: &Subject) -> Vec<u8> {
    match subject {
        Subject::User(user) => [b"u", user.as_str().as_bytes()].concat(),
        Subject::Session(id) => [b"s".as_slice(), &id.0].concat(),
    }
}

fn subject(subject: &Subject) -> Value {
    Value::Bytes(subject_key(subject))
}

pub(crate) fn logged(mut row: Row) -> Kept<Logged> {
    Ok(Logged { sequence: row.int()?, signer: row.user_or_null()?, object: row.bytes()? })
}

fn feed_item(mut row: Row) -> Kept<FeedItem> {
    let (place, id, epoch) = (row.int()?, row.hash()?, row.int_or_null()?);
    let about = epoch.map_or(About::Session(id), |epoch| About::Group { id, epoch });
    Ok(FeedItem { place, about, revoked: row.flag()?, time: row.int()?, chain: row.fixed()? })
}

fn spot(row: &mut Row) -> Kept<Spot> {
    let small = |number: u64| u32::try_from(number).map_err(|_| broken());
    Ok(Spot { row: RowId(row.fixed()?), offset: small(row.int()?)?, length: small(row.int()?)? })
}

pub(crate) fn spot_values(spot: &Spot) -> Kept<[Value; 3]> {
    Ok([bytes(spot.row.0), int(spot.offset.into())?, int(spot.length.into())?])
}

fn journal_end(mut row: Row) -> Kept<JournalEnd> {
    Ok(JournalEnd { sequence: row.int()?, hash: row.hash()?, time: row.int()?, spot: spot(&mut row)? })
}

fn logged_row(mut row: Row) -> Kept<LoggedRow> {
    Ok(LoggedRow { id: RowId(row.fixed()?), header: row.bytes()?, blob: row.bytes()? })
}

impl Tables<'_> {
    pub(crate) fn run(&mut self, sql: &str, values: &[Value]) -> Kept<()> {
        self.0.run(sql, values).map(drop)
    }

    /// An entry or its wraps, which are one row: it is an error if this half stands there already.
    fn add_half(&mut self, sql: &str, values: &[Value]) -> Kept<()> {
        let changed = self.0.run(sql, values)?;
        if changed == 1 { Ok(()) } else { Err(StoreError("a row stands there already".to_owned())) }
    }

    pub(crate) fn all<T>(&mut self, sql: &str, values: &[Value], read: impl Fn(Row) -> Kept<T>) -> Kept<Vec<T>> {
        self.0.rows(sql, values)?.into_iter().map(read).collect()
    }

    /// What was found for each of these, in their order; rows of one have none.
    pub(crate) fn for_each<T>(
        &mut self,
        sql: &str,
        asked: &[Each],
        read: impl Fn(Row) -> Kept<T>,
    ) -> Kept<Vec<Vec<T>>> {
        let mut found: Vec<_> = asked.iter().map(|_| Vec::new()).collect();
        for mut row in self.0.many(sql, asked)? {
            let place = usize::try_from(row.int()?).ok().and_then(|place| place.checked_sub(1));
            place.and_then(|place| found.get_mut(place)).ok_or_else(broken)?.push(read(row)?);
        }
        Ok(found)
    }

    pub(crate) fn one<T>(&mut self, sql: &str, values: &[Value], read: impl Fn(Row) -> Kept<T>) -> Kept<Option<T>> {
        self.0.rows(sql, values)?.into_iter().next().map(read).transpose()
    }
}

impl Store for Tables<'_> {
    fn standing(&mut self, user: &UserId) -> Kept<Standing> {
        let sql = "SELECT CASE WHEN EXISTS (SELECT 1 FROM account WHERE user_id = ?1) THEN 1 ELSE 0 END, CASE WHEN EXISTS (SELECT 1 FROM disabled WHERE user_id = ?1) THEN 1 ELSE 0 END";
        let found = self
            .one(sql, &[name(user)], |mut row| Ok(Standing { is_registered: row.flag()?, is_disabled: row.flag()? }))?;
        found.ok_or_else(broken)
    }

    fn put_disabled(&mut self, user: &UserId, disabled: bool) -> Kept<()> {
        let sql = if disabled {
            "INSERT INTO disabled (user_id) VALUES (?1) ON CONFLICT (user_id) DO NOTHING"
        } else {
            "DELETE FROM disabled WHERE user_id = ?1"
        };
        self.run(sql, &[name(user)])
    }

    fn account(&mut self, user: &UserId) -> Kept<Option<Account>> {
        self.one("SELECT account FROM account WHERE user_id = ?1", &[name(user)], |mut row| {
            serde_json::from_str(&row.text()?).map_err(|_| broken())
        })
    }

    fn put_account(&mut self, user: &UserId, account: &Account) -> Kept<()> {
        let json =
            serde_json::to_string(account).map_err(|_| StoreError("an account that can't be written".to_owned()))?;
        self.run(
            "INSERT INTO account (user_id, account) VALUES (?1, ?2) ON CONFLICT (user_id) DO UPDATE SET account = excluded.account",
            &[name(user), text(json)],
        )
    }

    fn bundles(&mut self, user: &UserId) -> Kept<Vec<Vec<u8>>> {
        self.all("SELECT object FROM bundle WHERE user_id = ?1 ORDER BY version", &[name(user)], |mut row| row.bytes())
    }

    fn add_bundle(&mut self, user: &UserId, version: u64, hash: &Hash, object: &[u8]) -> Kept<()> {
        let known =
            self.one("SELECT MAX(version) FROM bundle WHERE user_id = ?1", &[name(user)], |mut row| row.int_or_null())?;
        if known.flatten().unwrap_or_default().checked_add(1) != Some(version) {
            return Err(StoreError("a bundle that doesn't follow the one before".to_owned()));
        }
        self.run(
            "INSERT INTO bundle (user_id, version, hash, object) VALUES (?1, ?2, ?3, ?4)",
            &[name(user), int(version)?, bytes(hash.0), bytes(object)],
        )
    }

    fn owner_of(&mut self, bundle: &Hash) -> Kept<Option<UserId>> {
        self.one("SELECT user_id FROM bundle WHERE hash = ?1", &[bytes(bundle.0)], |mut row| row.user())
    }

    fn bundles_of(&mut self, users: &[UserId]) -> Kept<Vec<Vec<Vec<u8>>>> {
        let sql =
            "SELECT asked.place, bundle.version, bundle.object FROM ASKED JOIN bundle ON bundle.user_id = asked.t";
        let asked: Vec<_> = users.iter().map(|user| Each { t: user.as_str().into(), ..Each::default() }).collect();
        let found = self.for_each(sql, &asked, |mut row| Ok((row.int()?, row.bytes()?)))?;
        let in_order = |mut bundles: Vec<(u64, Vec<u8>)>| {
            bundles.sort_unstable_by_key(|(version, _)| *version);
            bundles.into_iter().map(|(_, object)| object).collect()
        };
        Ok(found.into_iter().map(in_order).collect())
    }

    fn owners_of(&mut self, bundles: &[Hash]) -> Kept<Vec<Option<UserId>>> {
        let sql = "SELECT asked.place, bundle.user_id FROM ASKED JOIN bundle ON bundle.hash = asked.a";
        let asked: Vec<_> = bundles.iter().map(|hash| Each { a: hash.0.into(), ..Each::default() }).collect();
        let found = self.for_each(sql, &asked, |mut row| row.user())?;
        Ok(found.into_iter().map(|owners| owners.into_iter().next()).collect())
    }

    fn openings(&mut self, ids: &[Hash], party: &Party) -> Kept<Vec<Opening>> {
        pieces::openings(self, ids, party)
    }

    fn contents(&mut self, of: &[Wanted]) -> Kept<Vec<(Vec<Logged>, Vec<Wraps>)>> {
        pieces::contents(self, of)
    }

    fn readings(&mut self, of: &[(Hash, u64)], asker: &dyn Asker, room: &mut Room) -> Kept<Vec<Option<Reading>>> {
        pieces::readings(self, of, asker, room)
    }

    fn recovery(&mut self, id: &[u8; 16]) -> Kept<Option<Recovery>> {
        let sql = "SELECT user_id, code, ends, tries, answered, activated FROM recovery WHERE id = ?1";
        self.one(sql, &[bytes(id)], |mut row| {
            Ok(Recovery {
                user: row.user()?,
                code: row.fixed()?,
                end: row.int()?,
                tries: row.int()?,
                answered: row.int_or_null()?,
                activated: row.int_or_null()?,
            })
        })
    }

    fn put_recovery(&mut self, id: &[u8; 16], recovery: &Recovery) -> Kept<()> {
        let Recovery { user, code, end, tries, answered, activated } = recovery;
        self.run(
            "INSERT INTO recovery (id, user_id, code, ends, tries, answered, activated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, \
             code = excluded.code, ends = excluded.ends, tries = excluded.tries, answered = excluded.answered, activated = excluded.activated",
            &[
                bytes(id),
                name(user),
                bytes(code),
                int(*end)?,
                int(*tries)?,
                or_null(answered.map(int).transpose()?),
                or_null(activated.map(int).transpose()?),
            ],
        )
    }

    fn times(&mut self, who: &UserId, what: Counted, since: u64) -> Kept<Vec<u64>> {
        self.all(
            "SELECT at_ms FROM counted WHERE name = ?1 AND what = ?2 AND at_ms >= ?3",
            &[name(who), counted(what), int(since)?],
            |mut row| row.int(),
        )
    }

    fn add_time(&mut self, who: &UserId, what: Counted, time: u64) -> Kept<()> {
        self.run("INSERT INTO counted (name, what, at_ms) VALUES (?1, ?2, ?3)", &[name(who), counted(what), int(time)?])
    }

    fn session(&mut self, id: &Hash) -> Kept<Option<Head>> {
        if let Some(opening) = pieces::packed_opening(self, id, None)? {
            return Ok(opening.head);
        }
        let sql = "SELECT n, more FROM piece WHERE session = ?1 AND kind = ?2";
        let kind = Value::Int(kind::HEAD);
        self.one(sql, &[bytes(id.0), kind], |mut row| Ok(Head { sequence: row.int()?, generation: row.int()? }))
    }

    fn session_state(&mut self, id: &Hash) -> Kept<Option<Vec<u8>>> {
        self.one("SELECT state FROM session_state WHERE id = ?1", &[bytes(id.0)], |mut row| row.bytes())
    }

    fn put_session(&mut self, id: &Hash, head: Head, state: &[u8]) -> Kept<()> {
        if !packed::put_head(self, id, head)? {
            self.run(
                "INSERT INTO piece (session, kind, party, sequence, n, more) VALUES (?1, ?2, ?3, 0, ?4, ?5) ON CONFLICT (session, kind, party, sequence) DO UPDATE SET n = excluded.n, more = excluded.more",
                &[bytes(id.0), Value::Int(kind::HEAD), nobody(), int(head.sequence)?, int(head.generation)?],
            )?;
        }
        self.run(
            "INSERT INTO session_state (id, state) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET state = excluded.state",
            &[bytes(id.0), bytes(state)],
        )
    }

    fn log(&mut self, id: &Hash, from: u64) -> Kept<Vec<Logged>> {
        let wanted = Wanted { session: *id, from, parties: Vec::new() };
        Ok(self.contents(&[wanted])?.pop().map(|(log, _)| log).unwrap_or_default())
    }

    fn add_logged(&mut self, id: &Hash, logged: &Logged) -> Kept<()> {
        if packed::add_logged(self, id, logged)? {
            return Ok(());
        }
        // Its wraps may stand there already.
        self.add_half(
            "INSERT INTO piece (session, kind, party, sequence, signer, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (session, kind, party, sequence) DO UPDATE SET \
             signer = excluded.signer, data = excluded.data WHERE piece.data IS NULL",
            &[
                bytes(id.0),
                Value::Int(kind::ENTRY),
                nobody(),
                int(logged.sequence)?,
                or_null(logged.signer.as_ref().map(name)),
                bytes(&logged.object),
            ],
        )
    }

    fn wraps(&mut self, id: &Hash, from: u64, parties: &[Party]) -> Kept<Vec<Wraps>> {
        let wanted = Wanted { session: *id, from, parties: parties.to_vec() };
        Ok(self.contents(&[wanted])?.pop().map(|(_, wraps)| wraps).unwrap_or_default())
    }

    fn add_wraps(&mut self, id: &Hash, wraps: &Wraps) -> Kept<()> {
        if packed::add_wraps(self, id, wraps)? {
            return Ok(());
        }
        self.add_half(
            "INSERT INTO piece (session, kind, party, sequence, wraps) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (session, kind, party, sequence) DO UPDATE SET \
             wraps = excluded.wraps WHERE piece.wraps IS NULL",
            &[bytes(id.0), Value::Int(kind::ENTRY), nobody(), int(wraps.sequence)?, bytes(&wraps.signed)],
        )?;
        let row = |body: &StanzaBody| {
            let (sequence, place) = (int(wraps.sequence)?, int(body.place.into())?);
            let party = bytes(body.party.to_bytes());
            Ok(vec![bytes(id.0), Value::Int(kind::BODY), party, sequence, place, bytes(&body.bytes)])
        };
        let rows: Vec<_> = wraps.bodies.iter().map(row).collect::<Kept<_>>()?;
        self.0.insert("INSERT INTO piece (session, kind, party, sequence, n, data)", "", &rows)
    }

    fn delete_bodies(&mut self, id: &Hash, party: &Party) -> Kept<()> {
        self.0.wipe();
        if packed::delete_bodies(self, id, party)? {
            return Ok(());
        }
        self.run(
            "DELETE FROM piece WHERE session = ?1 AND kind = ?2 AND party = ?3",
            &[bytes(id.0), Value::Int(kind::BODY), bytes(party.to_bytes())],
        )
    }

    fn rights(&mut self, id: &Hash, party: &Party) -> Kept<Option<Rights>> {
        if let Some(opening) = pieces::packed_opening(self, id, Some(party))? {
            return Ok(opening.rights);
        }
        let sql = "SELECT n FROM piece WHERE session = ?1 AND kind = ?2 AND party = ?3";
        let (kind, place) = rights_place(party);
        self.one(sql, &[bytes(id.0), Value::Int(kind), Value::Bytes(place)], |mut row| rights(&mut row))
    }

    fn group_rights(&mut self, id: &Hash) -> Kept<Vec<(Hash, Rights)>> {
        if let Some(opening) = pieces::packed_opening(self, id, None)? {
            return Ok(opening.groups);
        }
        self.all(
            "SELECT party, n FROM piece WHERE session = ?1 AND kind = ?2",
            &[bytes(id.0), Value::Int(kind::GROUP)],
            |mut row| Ok((row.hash()?, rights(&mut row)?)),
        )
    }

    fn put_rights(&mut self, id: &Hash, party: &Party, rights: Rights) -> Kept<()> {
        if packed::put_rights(self, id, party, rights.number())? {
            return Ok(());
        }
        let (kind, place) = rights_place(party);
        self.run(
            "INSERT INTO piece (session, kind, party, sequence, n) VALUES (?1, ?2, ?3, 0, ?4) ON CONFLICT (session, kind, party, sequence) DO UPDATE SET n = excluded.n",
            &[bytes(id.0), Value::Int(kind), Value::Bytes(place), int(rights.number())?],
        )
    }

    fn feed_end(&mut self, user: &UserId) -> Kept<Option<FeedItem>> {
        let sql =
            "SELECT place, id, epoch, revoked, at_ms, chain FROM feed WHERE user_id = ?1 ORDER BY place DESC LIMIT 1";
        self.one(sql, &[name(user)], feed_item)
    }

    fn feed_item(&mut self, user: &UserId, place: u64) -> Kept<Option<FeedItem>> {
        let sql = "SELECT place, id, epoch, revoked, at_ms, chain FROM feed WHERE user_id = ?1 AND place = ?2";
        self.one(sql, &[name(user), int(place)?], feed_item)
    }

    fn feed(&mut self, user: &UserId, after: u64, most: usize) -> Kept<Vec<FeedItem>> {
        let sql = "SELECT place, id, epoch, revoked, at_ms, chain FROM feed WHERE user_id = ?1 AND place > ?2 ORDER BY place LIMIT ?3";
        self.all(sql, &[name(user), int(after)?, limit(most)?], feed_item)
    }

    fn add_feed_item(&mut self, user: &UserId, item: &FeedItem) -> Kept<()> {
        let (id, epoch) = match item.about {
            About::Session(id) => (id, None),
            About::Group { id, epoch } => (id, Some(epoch)),
        };
        self.run(
            "INSERT INTO feed (user_id, place, id, epoch, revoked, at_ms, chain) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                name(user),
                int(item.place)?,
                bytes(id.0),
                or_null(epoch.map(int).transpose()?),
                flag(item.revoked),
                int(item.time)?,
                bytes(item.chain),
            ],
        )
    }

    fn journal_ends(&mut self, subjects: &[Subject]) -> Kept<Vec<Option<JournalEnd>>> {
        let mut ends = vec![None; subjects.len()];
        if let Some(newest) = self.0.ends()? {
            ends = subjects.iter().map(|of| newest.of(of)).collect();
        }
        let left: Vec<_> = ends.iter_mut().zip(subjects).filter(|(end, _)| end.is_none()).collect();
        let sql = "SELECT asked.place, end_of.sequence, end_of.hash, end_of.at_ms, end_of.row_id, end_of.start, end_of.length FROM ASKED JOIN journal_end AS end_of ON end_of.subject = asked.a";
        let asked: Vec<_> = left.iter().map(|(_, of)| Each { a: subject_key(of), ..Each::default() }).collect();
        for ((end, _), found) in left.into_iter().zip(self.for_each(sql, &asked, journal_end)?) {
            *end = found.into_iter().next();
        }
        Ok(ends)
    }

    fn journal_mark(&mut self, of: &Subject, from: u64) -> Kept<Option<JournalMark>> {
        let sql = "SELECT sequence, row_id, start, length FROM journal_mark WHERE subject = ?1 AND sequence >= ?2 ORDER BY sequence LIMIT 1";
        self.one(sql, &[subject(of), int(from)?], |mut row| {
            Ok(JournalMark { subject: of.clone(), sequence: row.int()?, spot: spot(&mut row)? })
        })
    }

    fn journal_piece(&mut self, spot: &Spot) -> Kept<Vec<u8>> {
        let sql = "SELECT substr(blob, CAST(CAST(?2 AS BIGINT) AS INTEGER), CAST(CAST(?3 AS BIGINT) AS INTEGER)) FROM journal_row WHERE id = ?1";
        let start = Value::Int(i64::from(spot.offset).saturating_add(1));
        let found = self.one(sql, &[bytes(spot.row.0), start, int(spot.length.into())?], |mut row| row.bytes())?;
        found.ok_or_else(broken)
    }

    fn add_journal_row(&mut self, row: &JournalRow) -> Kept<()> {
        let id = bytes(row.id.0);
        self.run("INSERT INTO journal_row (id, blob) VALUES (?1, ?2)", &[id.clone(), bytes(&row.blob)])?;
        self.run(
            "INSERT INTO journal_loose (id, entries, root) VALUES (?1, ?2, ?3)",
            &[id, int(row.count.into())?, bytes(row.root.0)],
        )?;
        if self.0.ends()?.map(|ends| ends.put(row)).is_some() {
            ends::name(self.0, &row.id)?;
        } else {
            ends::put(self.0, row.ends.iter().map(|(of, end)| (subject_key(of), *end)))?;
        }
        for mark in &row.marks {
            let [row_id, start, length] = spot_values(&mark.spot)?;
            self.run(
                "INSERT INTO journal_mark (subject, sequence, row_id, start, length) VALUES (?1, ?2, ?3, ?4, ?5)",
                &[subject(&mark.subject), int(mark.sequence)?, row_id, start, length],
            )?;
        }
        Ok(())
    }

    fn loose_rows(&mut self, most: usize) -> Kept<Vec<LooseRow>> {
        let sql = "SELECT id, entries, root FROM journal_loose ORDER BY id LIMIT ?1";
        self.all(sql, &[limit(most)?], |mut row| {
            let id = RowId(row.fixed()?);
            Ok(LooseRow { id, count: u32::try_from(row.int()?).map_err(|_| broken())?, root: row.hash()? })
        })
    }

    fn log_end(&mut self) -> Kept<Option<Vec<u8>>> {
        self.one("SELECT header FROM journal_header ORDER BY number DESC LIMIT 1", &[], |mut row| row.bytes())
    }

    fn add_to_log(&mut self, row: &RowId, number: u64, header: &[u8]) -> Kept<()> {
        if self.0.run("DELETE FROM journal_loose WHERE id = ?1", &[bytes(row.0)])? != 1 {
            return Err(broken());
        }
        self.run(
            "INSERT INTO journal_header (number, row_id, header) VALUES (?1, ?2, ?3)",
            &[int(number)?, bytes(row.0), bytes(header)],
        )
    }

    fn logged_rows(&mut self, ids: &[RowId]) -> Kept<Vec<Option<LoggedRow>>> {
        let sql = "SELECT r.id, h.header, r.blob FROM journal_header AS h JOIN journal_row AS r ON r.id = h.row_id WHERE h.row_id = ?1";
        ids.iter().map(|id| self.one(sql, &[bytes(id.0)], logged_row)).collect()
    }

    fn log_rows(&mut self, after: u64, most: usize) -> Kept<Vec<LoggedRow>> {
        let sql = "SELECT r.id, h.header, r.blob FROM journal_header AS h JOIN journal_row AS r ON r.id = h.row_id WHERE h.number > ?1 ORDER BY h.number LIMIT ?2";
        self.all(sql, &[int(after)?, limit(most)?], logged_row)
    }

    fn answered(&mut self, name: &[u8; 32]) -> Kept<Option<Vec<u8>>> {
        self.one("SELECT answer FROM answered WHERE name = ?1", &[bytes(name)], |mut row| row.bytes())
    }

    fn put_answered(&mut self, name: &[u8; 32], time: u64, answer: &[u8]) -> Kept<()> {
        self.run(
            "INSERT INTO answered (name, at_ms, answer) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms, answer = excluded.answer",
            &[bytes(name), int(time)?, bytes(answer)],
        )
    }

    fn forget_before(&mut self, counted: u64, recoveries: u64, feeds: u64) -> Kept<()> {
        self.run("DELETE FROM counted WHERE at_ms < ?1", &[int(counted)?])?;
        self.run("DELETE FROM answered WHERE at_ms < ?1", &[int(counted)?])?;
        self.run("DELETE FROM recovery WHERE ends < ?1", &[int(recoveries)?])?;
        self.run("DELETE FROM claim WHERE ends < ?1", &[int(recoveries)?])?;
        self.run(
            "DELETE FROM feed WHERE at_ms < ?1 AND place < (SELECT MAX(newest.place) FROM feed AS newest WHERE newest.user_id = feed.user_id)",
            &[int(feeds)?],
        )
    }
}
