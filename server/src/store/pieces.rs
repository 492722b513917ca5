//! A session's pieces: together in one row ([`packed`]), or rows of one table, in which they lie as they are read.

use wardkey::{identity::UserId, party::Party, session::Rights, signed::Hash};
use wardkey_rules::{Asker, Head, Kept, Logged, Opening, Reading, Room, StanzaBody, Wanted, Wraps};

use super::{
    connection::{Each, Value},
    packed::{self, Piece},
    row::{Row, broken},
    tables::Tables,
};

/// Kinds of pieces, which lie beside each other in this order: a session's head, and what follows.
pub(super) mod kind {
    pub(crate) const HEAD: i64 = 0;
    /// The rights of a group.
    pub(crate) const GROUP: i64 = 1;
    /// The rights of another party.
    pub(crate) const PARTY: i64 = 2;
    /// An entry and its wraps, without bodies.
    pub(crate) const ENTRY: i64 = 3;
    /// A stanza's body.
    pub(crate) const BODY: i64 = 4;
}

/// A session of no more pieces, none of them large, is read at once. Of a longer one, what isn't asked may be most of it.
pub(super) const SHORT: usize = 16;
/// An entry and its wraps, or a body, of more bytes.
const LARGE: usize = 8 << 10;
/// So many sessions are looked at together: short ones are read before anybody knows whose they are, 32 MiB at most.
const AT_ONCE: usize = 250;

/// The pieces that are of no party.
pub(crate) const fn nobody() -> Value {
    Value::Bytes(Vec::new())
}

/// Where the rights of a party stand: a group's by its id.
pub(crate) fn rights_place(party: &Party) -> (i64, Vec<u8>) {
    match party {
        Party::Group(id) => (kind::GROUP, id.0.into()),
        _ => (kind::PARTY, party.to_bytes()),
    }
}

pub(crate) fn rights_of(number: u64) -> Rights {
    Rights::from_number(number).unwrap_or(Rights::NONE)
}

pub(crate) fn rights(row: &mut Row) -> Kept<Rights> {
    row.int().map(rights_of)
}

fn kind_of(row: &mut Row) -> Kept<i64> {
    i64::try_from(row.int()?).map_err(|_| broken())
}

/// Who has a part, for this party. Pieces that don't tell it are passed over.
fn opening(pieces: &[Piece<'_>], own: Option<&Party>) -> Kept<Opening> {
    let (mut opening, own_bytes) = (no_opening(), own.map(Party::to_bytes));
    for Piece { kind, party, n, more, .. } in pieces {
        let rights = || n.map(rights_of).ok_or_else(broken);
        match *kind {
            kind::HEAD => {
                let (sequence, generation) = n.zip(*more).ok_or_else(broken)?;
                opening.head = Some(Head { sequence, generation });
            }
            kind::GROUP => {
                let id = Hash((**party).try_into().map_err(|_| broken())?);
                if own == Some(&Party::Group(id)) {
                    opening.rights = Some(rights()?);
                }
                opening.groups.push((id, rights()?));
            }
            kind::PARTY if own_bytes.as_deref() == Some(party) => opening.rights = Some(rights()?),
            _ => {}
        }
    }
    Ok(opening)
}

const fn no_opening() -> Opening {
    Opening { head: None, rights: None, groups: Vec::new() }
}

/// What the row of a session says, for this party; nothing: it has none.
pub(crate) fn packed_opening(store: &mut Tables<'_>, id: &Hash, party: Option<&Party>) -> Kept<Option<Opening>> {
    packed::row(store, id)?.map(|row| opening(&packed::read(&row)?, party)).transpose()
}

/// Each of these that is one row as `of_row` says, all others as `of_rows` does; in their order.
fn each_of<A: Clone, T>(
    store: &mut Tables<'_>,
    asked: &[A],
    id: impl Fn(&A) -> Hash,
    of_row: impl Fn(&A, &[Piece<'_>]) -> Kept<T>,
    of_rows: impl FnOnce(&mut Tables<'_>, &[A]) -> Kept<Vec<T>>,
) -> Kept<Vec<T>> {
    let rows = packed::rows(store, &asked.iter().map(id).collect::<Vec<_>>())?;
    let others: Vec<_> = asked.iter().zip(&rows).filter(|(_, row)| row.is_none()).map(|(one, _)| one.clone()).collect();
    let others = if others.is_empty() { Vec::new() } else { of_rows(store, &others)? };
    let mut others = others.into_iter();
    let each = |(row, one): (&Option<Vec<u8>>, &A)| match row {
        Some(row) => of_row(one, &packed::read(row)?),
        None => others.next().ok_or_else(broken),
    };
    rows.iter().zip(asked).map(each).collect()
}

pub(crate) fn openings(store: &mut Tables<'_>, ids: &[Hash], party: &Party) -> Kept<Vec<Opening>> {
    each_of(
        store,
        ids,
        |id| *id,
        |_, pieces| opening(pieces, Some(party)),
        |store, ids| openings_of_rows(store, ids, party),
    )
}

fn openings_of_rows(store: &mut Tables<'_>, ids: &[Hash], party: &Party) -> Kept<Vec<Opening>> {
    let own = party.to_bytes();
    let asked: Vec<_> = ids.iter().map(|id| Each { a: id.0.into(), b: own.clone(), ..Each::default() }).collect();
    let piece = |mut row: Row| {
        let (kind, party) = (kind_of(&mut row)?, row.bytes()?.into());
        Ok(Piece { kind, party, n: row.int_or_null()?, more: row.int_or_null()?, ..Piece::default() })
    };
    let sql = "SELECT asked.place, piece.kind, piece.party, piece.n, piece.more FROM ASKED JOIN piece ON piece.session = asked.a AND piece.kind <= 1";
    let parts = store.for_each(sql, &asked, piece)?;
    // Apart: a range of kinds would be all parties.
    let sql = "SELECT asked.place, piece.kind, piece.party, piece.n, piece.more FROM ASKED JOIN piece ON piece.session = asked.a AND piece.kind = 2 AND piece.party = asked.b";
    let own = store.for_each(sql, &asked, piece)?;
    parts.into_iter().zip(own).map(|(parts, own)| opening(&[parts, own].concat(), Some(party))).collect()
}

/// The log and the wraps, each in its order, of pieces in any.
#[derive(Default)]
struct Content {
    log: Vec<Logged>,
    wraps: Vec<Wraps>,
    bodies: Vec<(u64, StanzaBody)>,
}

impl Content {
    /// An entry and its wraps: both, or one of them.
    fn take_entry(&mut self, Piece { sequence, signer, data, wraps, .. }: Piece<'_>) -> Kept<()> {
        let signer = signer.map(|name| UserId::new(&name).map_err(|_| broken())).transpose()?;
        self.log.extend(data.map(|data| Logged { sequence, signer, object: data.into_owned() }));
        self.wraps.extend(wraps.map(|wraps| Wraps { sequence, signed: wraps.into_owned(), bodies: Vec::new() }));
        Ok(())
    }

    fn take_body(&mut self, Piece { sequence, n, data, .. }: Piece<'_>, party: &Party) -> Kept<()> {
        let place = n.and_then(|place| u32::try_from(place).ok()).ok_or_else(broken)?;
        let bytes = data.ok_or_else(broken)?.into_owned();
        self.bodies.push((sequence, StanzaBody { place, party: party.clone(), bytes }));
        Ok(())
    }

    /// Of all pieces of a session those from a sequence on, with the bodies of these parties.
    fn of(pieces: &[Piece<'_>], from: u64, parties: &[Party]) -> Kept<Self> {
        let parties: Vec<_> = parties.iter().map(|party| (party, party.to_bytes())).collect();
        let mut content = Self::default();
        for piece in pieces.iter().filter(|piece| piece.sequence >= from) {
            if piece.kind == kind::ENTRY {
                content.take_entry(piece.clone())?;
            } else if piece.kind == kind::BODY
                && let Some((party, _)) = parties.iter().find(|(_, bytes)| **bytes == *piece.party)
            {
                content.take_body(piece.clone(), party)?;
            }
        }
        Ok(content)
    }

    fn in_order(self) -> Kept<(Vec<Logged>, Vec<Wraps>)> {
        let Self { mut log, mut wraps, bodies } = self;
        log.sort_unstable_by_key(|logged| logged.sequence);
        wraps.sort_unstable_by_key(|wraps| wraps.sequence);
        for (sequence, body) in bodies {
            let rank = wraps.binary_search_by_key(&sequence, |wraps| wraps.sequence).map_err(|_| broken())?;
            wraps.get_mut(rank).ok_or_else(broken)?.bodies.push(body);
        }
        for wraps in &mut wraps {
            wraps.bodies.sort_unstable_by_key(|body| body.place);
        }
        Ok((log, wraps))
    }
}

fn each(one: &Wanted, b: Vec<u8>) -> Each {
    let n = i64::try_from(one.from).unwrap_or(i64::MAX);
    Each { a: one.session.0.into(), b, n, ..Each::default() }
}

pub(crate) fn contents(store: &mut Tables<'_>, of: &[Wanted]) -> Kept<Vec<(Vec<Logged>, Vec<Wraps>)>> {
    each_of(store, of, |one| one.session, content, contents_of_rows)
}

pub(crate) fn content(wanted: &Wanted, pieces: &[Piece<'_>]) -> Kept<(Vec<Logged>, Vec<Wraps>)> {
    Content::of(pieces, wanted.from, &wanted.parties)?.in_order()
}

fn contents_of_rows(store: &mut Tables<'_>, of: &[Wanted]) -> Kept<Vec<(Vec<Logged>, Vec<Wraps>)>> {
    // Of no party.
    let asked: Vec<_> = of.iter().map(|one| each(one, Vec::new())).collect();
    let sql = "SELECT asked.place, piece.sequence, piece.signer, piece.data, piece.wraps FROM ASKED JOIN piece ON piece.session = asked.a AND piece.kind = 3 AND piece.party = asked.b AND piece.sequence >= asked.n";
    let entries = store.for_each(sql, &asked, |mut row| {
        let (sequence, signer) = (row.int()?, row.text_or_null()?.map(Into::into));
        let (data, wraps) = (row.bytes_or_null()?.map(Into::into), row.bytes_or_null()?.map(Into::into));
        Ok(Piece { kind: kind::ENTRY, sequence, signer, data, wraps, ..Piece::default() })
    })?;
    let mut all: Vec<_> = of.iter().map(|_| Content::default()).collect();
    for (content, entries) in all.iter_mut().zip(entries) {
        entries.into_iter().try_for_each(|entry| content.take_entry(entry))?;
    }
    let (mut asked, mut whose) = (Vec::with_capacity(of.len()), Vec::with_capacity(of.len()));
    for (number, one) in of.iter().enumerate() {
        for party in &one.parties {
            asked.push(each(one, party.to_bytes()));
            whose.push((number, party));
        }
    }
    let sql = "SELECT asked.place, piece.sequence, piece.n, piece.data FROM ASKED JOIN piece ON piece.session = asked.a AND piece.kind = 4 AND piece.party = asked.b AND piece.sequence >= asked.n";
    let found = store.for_each(sql, &asked, |mut row| {
        let (sequence, n, data) = (row.int()?, Some(row.int()?), Some(row.bytes()?.into()));
        Ok(Piece { kind: kind::BODY, sequence, n, data, ..Piece::default() })
    })?;
    for ((number, party), bodies) in whose.into_iter().zip(found) {
        let content = all.get_mut(number).ok_or_else(broken)?;
        for body in bodies {
            content.take_body(body, party)?;
        }
    }
    all.into_iter().map(Content::in_order).collect()
}

/// A session that is too long to be read at once, and what is read of it.
type Judged = (Opening, Option<Wanted>);

/// How many bytes [`contents`] would read of each.
fn sizes(store: &mut Tables<'_>, of: &[Judged]) -> Kept<Vec<usize>> {
    let (mut asked, mut whose) = (Vec::with_capacity(of.len()), Vec::with_capacity(of.len()));
    for (number, (_, wanted)) in of.iter().enumerate() {
        let Some(one) = wanted else { continue };
        for party in core::iter::once(Vec::new()).chain(one.parties.iter().map(Party::to_bytes)) {
            asked.push(each(one, party));
            whose.push(number);
        }
    }
    let mut sizes = vec![0_usize; of.len()];
    if asked.is_empty() {
        return Ok(sizes);
    }
    let sql = format!(
        "SELECT asked.place, sized.bytes FROM ASKED JOIN LATERAL (SELECT COALESCE(SUM({LENGTH}), 0) AS bytes FROM piece \
         WHERE piece.session = asked.a AND piece.kind IN (3, 4) AND piece.party = asked.b AND piece.sequence >= asked.n) AS sized ON TRUE"
    );
    for (number, found) in whose.into_iter().zip(store.for_each(&sql, &asked, |mut row| row.int())?) {
        let bytes = usize::try_from(found.into_iter().sum::<u64>()).map_err(|_| broken())?;
        let size = sizes.get_mut(number).ok_or_else(broken)?;
        *size = size.saturating_add(bytes);
    }
    Ok(sizes)
}

/// The bytes of a piece. No database reads them for this.
const LENGTH: &str = "COALESCE(length(piece.data), 0) + COALESCE(length(piece.wraps), 0)";

/// The pieces of a session, as far as they were looked at.
struct Pieces<'a> {
    pieces: Vec<Piece<'a>>,
    /// There are more, or large ones.
    is_long: bool,
}

/// Up to one piece more than a short session has, of each. No data of what came before, of the bodies of other users, and of what is large.
fn pieces(store: &mut Tables<'_>, of: &[(Hash, u64)], own: &[u8]) -> Kept<Vec<Pieces<'static>>> {
    let asked = of.iter().map(|(id, from)| {
        let wanted = Wanted { session: *id, from: *from, parties: Vec::new() };
        each(&wanted, own.to_vec())
    });
    // The names of groups are as long as each other.
    let group = Party::Group(Hash([0; 32])).to_bytes().len();
    let wanted = format!(
        "piece.kind >= 3 AND piece.sequence >= asked.n AND (piece.kind = 3 OR piece.party = asked.b OR length(piece.party) = {group})"
    );
    let sql = format!(
        "SELECT asked.place, piece.kind, piece.party, piece.sequence, CASE WHEN {wanted} AND {LENGTH} > {LARGE} THEN 1 ELSE 0 END, piece.n, piece.more, piece.signer, \
         CASE WHEN {wanted} AND {LENGTH} <= {LARGE} THEN piece.data END, CASE WHEN {wanted} AND {LENGTH} <= {LARGE} THEN piece.wraps END \
         FROM ASKED JOIN LATERAL (SELECT * FROM piece WHERE piece.session = asked.a LIMIT {}) AS piece ON TRUE",
        SHORT + 1
    );
    let piece = |mut row: Row| {
        let (kind, party, sequence) = (kind_of(&mut row)?, row.bytes()?.into(), row.int()?);
        let is_large = row.flag()?;
        let (n, more, signer) = (row.int_or_null()?, row.int_or_null()?, row.text_or_null()?.map(Into::into));
        let (data, wraps) = (row.bytes_or_null()?.map(Into::into), row.bytes_or_null()?.map(Into::into));
        Ok((Piece { kind, party, sequence, n, more, signer, data, wraps }, is_large))
    };
    let of_one = |rows: Vec<(Piece<'static>, bool)>| {
        let is_long = rows.len() > SHORT || rows.iter().any(|(_, is_large)| *is_large);
        Pieces { pieces: rows.into_iter().map(|(piece, _)| piece).collect(), is_long }
    };
    Ok(store.for_each(&sql, &asked.collect::<Vec<_>>(), piece)?.into_iter().map(of_one).collect())
}

/// All pieces of a session that there are, for who asks.
fn reading(pieces: &[Piece<'_>], from: u64, asker: &dyn Asker, room: &mut Room) -> Kept<Option<Reading>> {
    let opening = opening(pieces, Some(asker.party()))?;
    let Some(parties) = asker.bodies(&opening) else { return Ok(Some(given_nothing(opening))) };
    let (log, wraps) = Content::of(pieces, from, &parties)?.in_order()?;
    let reading = Reading { opening, log, wraps };
    Ok(room.take(reading.size()).then_some(reading))
}

const fn given_nothing(opening: Opening) -> Reading {
    Reading { opening, log: Vec::new(), wraps: Vec::new() }
}

pub(crate) fn readings(
    store: &mut Tables<'_>,
    of: &[(Hash, u64)],
    asker: &dyn Asker,
    room: &mut Room,
) -> Kept<Vec<Option<Reading>>> {
    let mut all = Vec::with_capacity(of.len());
    for some in of.chunks(AT_ONCE) {
        if room.is_full() {
            break;
        }
        all.extend(readings_at_once(store, some, asker, room)?);
    }
    all.resize(of.len(), None);
    Ok(all)
}

fn readings_at_once(
    store: &mut Tables<'_>,
    of: &[(Hash, u64)],
    asker: &dyn Asker,
    room: &mut Room,
) -> Kept<Vec<Option<Reading>>> {
    let rows = packed::rows(store, &of.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
    let others: Vec<_> = of.iter().zip(&rows).filter(|(_, row)| row.is_none()).map(|(asked, _)| *asked).collect();
    let others = if others.is_empty() { Vec::new() } else { pieces(store, &others, &asker.party().to_bytes())? };
    let mut others = others.into_iter();
    let mut found = Vec::with_capacity(of.len());
    for row in &rows {
        found.push(match row {
            Some(row) => Pieces { pieces: packed::read(row)?, is_long: false },
            None => others.next().ok_or_else(broken)?,
        });
    }
    let long: Vec<_> = of.iter().zip(&found).filter(|(_, pieces)| pieces.is_long).map(|(asked, _)| *asked).collect();
    let judged = if long.is_empty() { Vec::new() } else { judged(store, &long, asker)? };
    let sizes = sizes(store, &judged)?;
    let mut long = judged.into_iter().zip(sizes);
    // In their order each takes its room, and no long one is read that has none.
    let (mut all, mut fitting, mut places) = (Vec::with_capacity(of.len()), Vec::new(), Vec::new());
    for (pieces, (_, from)) in found.into_iter().zip(of) {
        if !pieces.is_long {
            all.push(if room.is_full() { None } else { reading(&pieces.pieces, *from, asker, room)? });
            continue;
        }
        let ((opening, wanted), size) = long.next().ok_or_else(broken)?;
        let fits = !room.is_full() && (wanted.is_none() || room.take(size));
        if let Some(one) = wanted.filter(|_| fits) {
            places.push(all.len());
            fitting.push(one);
        }
        all.push(fits.then(|| given_nothing(opening)));
    }
    let contents = if fitting.is_empty() { Vec::new() } else { contents(store, &fitting)? };
    for (place, (log, wraps)) in places.into_iter().zip(contents) {
        let reading = all.get_mut(place).and_then(Option::as_mut).ok_or_else(broken)?;
        (reading.log, reading.wraps) = (log, wraps);
    }
    Ok(all)
}

/// Who has a part in each, and what is to be read of it, if anything is the asker's.
fn judged(store: &mut Tables<'_>, of: &[(Hash, u64)], asker: &dyn Asker) -> Kept<Vec<Judged>> {
    let ids: Vec<_> = of.iter().map(|(id, _)| *id).collect();
    let judge = |(opening, (session, from)): (Opening, &(Hash, u64))| {
        let parties = asker.bodies(&opening);
        (opening, parties.map(|parties| Wanted { session: *session, from: *from, parties }))
    };
    Ok(openings(store, &ids, asker.party())?.into_iter().zip(of).map(judge).collect())
}
