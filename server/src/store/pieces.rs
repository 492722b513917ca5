//! A session's pieces, which are rows of one table, and lie in it as they are read.

use wardkey::{party::Party, session::Rights, signed::Hash};
use wardkey_rules::{Asker, Head, Kept, Logged, Opening, Reading, Room, StanzaBody, Wanted, Wraps};

use super::{
    connection::{Each, Value, bytes},
    row::{Row, broken},
    tables::Tables,
};

/// Kinds of pieces, which lie beside each other in this order: a session's head, and what follows.
pub(super) mod kind {
    use super::Value;

    pub(crate) const HEAD: Value = Value::Int(0);
    /// The rights of a group.
    pub(crate) const GROUP: Value = Value::Int(1);
    /// The rights of another party.
    pub(crate) const PARTY: Value = Value::Int(2);
    /// An entry and its wraps, without bodies.
    pub(crate) const ENTRY: Value = Value::Int(3);
    /// A stanza's body.
    pub(crate) const BODY: Value = Value::Int(4);
}

/// A session of no more pieces, none of them large, is read at once. Of a longer one, what isn't asked may be most of it.
const SHORT: usize = 16;
/// An entry and its wraps, or a body, of more bytes.
const LARGE: usize = 8 << 10;
/// So many sessions are looked at together: short ones are read before anybody knows whose they are, 32 MiB at most.
const AT_ONCE: usize = 250;

/// The pieces that are of no party.
pub(crate) const fn nobody() -> Value {
    Value::Bytes(Vec::new())
}

/// Where the rights of a party stand: a group's by its id.
pub(crate) fn rights_place(party: &Party) -> [Value; 2] {
    match party {
        Party::Group(id) => [kind::GROUP, bytes(id.0)],
        _ => [kind::PARTY, bytes(party.to_bytes())],
    }
}

pub(crate) fn rights(row: &mut Row) -> Kept<Rights> {
    Ok(Rights::from_number(row.int()?).unwrap_or(Rights::NONE))
}

fn kind_of(row: &mut Row) -> Kept<Value> {
    i64::try_from(row.int()?).map(Value::Int).map_err(|_| broken())
}

/// Takes in who has a part, for this party.
fn take_part(opening: &mut Opening, kind: &Value, party: Vec<u8>, own: &Party, row: &mut Row) -> Kept<()> {
    match *kind {
        kind::HEAD => opening.head = Some(Head { sequence: row.int()?, generation: row.int()? }),
        kind::GROUP => {
            let (id, rights) = (Hash(party.try_into().map_err(|_| broken())?), rights(row)?);
            if *own == Party::Group(id) {
                opening.rights = Some(rights);
            }
            opening.groups.push((id, rights));
        }
        _ => opening.rights = Some(rights(row)?),
    }
    Ok(())
}

const fn no_opening() -> Opening {
    Opening { head: None, rights: None, groups: Vec::new() }
}

pub(crate) fn openings(store: &mut Tables<'_>, ids: &[Hash], party: &Party) -> Kept<Vec<Opening>> {
    let own = party.to_bytes();
    let asked: Vec<_> = ids.iter().map(|id| Each { a: id.0.into(), b: own.clone(), ..Each::default() }).collect();
    let sql = "SELECT asked.place, piece.kind, piece.party, piece.n, piece.more FROM ASKED JOIN piece ON piece.session = asked.a AND piece.kind <= 1";
    let parts = store.for_each(sql, &asked, Ok)?;
    // Apart: a range of kinds would be all parties.
    let sql = "SELECT asked.place, piece.n FROM ASKED JOIN piece ON piece.session = asked.a AND piece.kind = 2 AND piece.party = asked.b";
    let own = store.for_each(sql, &asked, Ok)?;
    let opening = |(parts, own): (Vec<Row>, Vec<Row>)| {
        let mut opening = no_opening();
        for mut row in parts {
            let (kind, of) = (kind_of(&mut row)?, row.bytes()?);
            take_part(&mut opening, &kind, of, party, &mut row)?;
        }
        for mut row in own {
            opening.rights = Some(rights(&mut row)?);
        }
        Ok(opening)
    };
    parts.into_iter().zip(own).map(opening).collect()
}

/// An entry and its wraps: both, or one of them.
fn entry(row: &mut Row, sequence: u64) -> Kept<(Option<Logged>, Option<Wraps>)> {
    let signer = row.user_or_null()?;
    let logged = row.bytes_or_null()?.map(|object| Logged { sequence, signer, object });
    Ok((logged, row.bytes_or_null()?.map(|signed| Wraps { sequence, signed, bodies: Vec::new() })))
}

/// The log and the wraps, each in its order, of pieces in any.
#[derive(Default)]
struct Content {
    log: Vec<Logged>,
    wraps: Vec<Wraps>,
    bodies: Vec<(u64, StanzaBody)>,
}

impl Content {
    fn take_entry(&mut self, (logged, wraps): (Option<Logged>, Option<Wraps>)) {
        self.log.extend(logged);
        self.wraps.extend(wraps);
    }

    fn take_body(&mut self, sequence: u64, place: u64, party: &Party, bytes: Vec<u8>) -> Kept<()> {
        let place = u32::try_from(place).map_err(|_| broken())?;
        self.bodies.push((sequence, StanzaBody { place, party: party.clone(), bytes }));
        Ok(())
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
    // Of no party.
    let asked: Vec<_> = of.iter().map(|one| each(one, Vec::new())).collect();
    let sql = "SELECT asked.place, piece.sequence, piece.signer, piece.data, piece.wraps FROM ASKED JOIN piece ON piece.session = asked.a AND piece.kind = 3 AND piece.party = asked.b AND piece.sequence >= asked.n";
    let entries = store.for_each(sql, &asked, |mut row| {
        let sequence = row.int()?;
        entry(&mut row, sequence)
    })?;
    let mut all: Vec<_> = of.iter().map(|_| Content::default()).collect();
    for (content, entries) in all.iter_mut().zip(entries) {
        entries.into_iter().for_each(|entry| content.take_entry(entry));
    }
    let (mut asked, mut whose) = (Vec::with_capacity(of.len()), Vec::with_capacity(of.len()));
    for (number, one) in of.iter().enumerate() {
        for party in &one.parties {
            asked.push(each(one, party.to_bytes()));
            whose.push((number, party));
        }
    }
    let sql = "SELECT asked.place, piece.sequence, piece.n, piece.data FROM ASKED JOIN piece ON piece.session = asked.a AND piece.kind = 4 AND piece.party = asked.b AND piece.sequence >= asked.n";
    let found = store.for_each(sql, &asked, |mut row| Ok((row.int()?, row.int()?, row.bytes()?)))?;
    for ((number, party), bodies) in whose.into_iter().zip(found) {
        let content = all.get_mut(number).ok_or_else(broken)?;
        for (sequence, place, bytes) in bodies {
            content.take_body(sequence, place, party, bytes)?;
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

/// A piece of a session that may be short, and what else is in its row.
struct Piece {
    kind: Value,
    party: Vec<u8>,
    sequence: u64,
    is_large: bool,
    row: Row,
}

impl Piece {
    fn read(mut row: Row) -> Kept<Self> {
        let (kind, party) = (kind_of(&mut row)?, row.bytes()?);
        Ok(Self { kind, party, sequence: row.int()?, is_large: row.flag()?, row })
    }
}

/// Up to one piece more than a short session has, of each. No data of what came before, of the bodies of other users, and of what is large.
fn pieces(store: &mut Tables<'_>, of: &[(Hash, u64)], own: &[u8]) -> Kept<Vec<Vec<Piece>>> {
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
    store.for_each(&sql, &asked.collect::<Vec<_>>(), Piece::read)
}

/// All pieces of a session that there are, for who asks.
fn reading(pieces: Vec<Piece>, from: u64, asker: &dyn Asker, room: &mut Room) -> Kept<Option<Reading>> {
    let (own, own_bytes) = (asker.party(), asker.party().to_bytes());
    let (parts, rest): (Vec<_>, Vec<_>) =
        pieces.into_iter().partition(|piece| matches!(piece.kind, kind::HEAD | kind::GROUP | kind::PARTY));
    let mut opening = no_opening();
    for Piece { kind, party, mut row, .. } in parts {
        if kind != kind::PARTY || party == own_bytes {
            take_part(&mut opening, &kind, party, own, &mut row)?;
        }
    }
    let Some(parties) = asker.bodies(&opening) else { return Ok(Some(given_nothing(opening))) };
    let parties: Vec<_> = parties.iter().map(|party| (party, party.to_bytes())).collect();
    let mut content = Content::default();
    for Piece { kind, party, sequence, mut row, .. } in rest {
        if sequence < from {
            continue;
        }
        if kind == kind::ENTRY {
            row.skip(2);
            content.take_entry(entry(&mut row, sequence)?);
        } else if let Some((party, _)) = parties.iter().find(|(_, bytes)| *bytes == party) {
            let place = row.int()?;
            row.skip(2);
            content.take_body(sequence, place, party, row.bytes()?)?;
        }
    }
    let (log, wraps) = content.in_order()?;
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
    let found = pieces(store, of, &asker.party().to_bytes())?;
    let is_long = |pieces: &Vec<Piece>| pieces.len() > SHORT || pieces.iter().any(|piece| piece.is_large);
    let long: Vec<_> = of.iter().zip(&found).filter(|(_, pieces)| is_long(pieces)).map(|(asked, _)| *asked).collect();
    let judged = if long.is_empty() { Vec::new() } else { judged(store, &long, asker)? };
    let sizes = sizes(store, &judged)?;
    let mut long = judged.into_iter().zip(sizes);
    // In their order each takes its room, and no long one is read that has none.
    let (mut all, mut fitting, mut places) = (Vec::with_capacity(of.len()), Vec::new(), Vec::new());
    for (pieces, (_, from)) in found.into_iter().zip(of) {
        if !is_long(&pieces) {
            all.push(if room.is_full() { None } else { reading(pieces, *from, asker, room)? });
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
