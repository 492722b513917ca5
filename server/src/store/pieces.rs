//! A session's pieces, which are rows of one table, and lie in it as they are read.

use wardkey::{party::Party, session::Rights, signed::Hash};
use wardkey_rules::{Head, Kept, Logged, Opening, Reading, StanzaBody, Wanted, Wraps, readings_in_parts};

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

/// A session of no more pieces is read at once. Of a longer one, what isn't asked may be most of it.
const SHORT: usize = 16;

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
    // Of other parties, the index alone is read.
    let sql = "SELECT asked.place, piece.kind, piece.party, piece.n, piece.more FROM ASKED JOIN piece ON piece.session = asked.a AND piece.kind <= 2 AND (piece.kind < 2 OR piece.party = asked.b)";
    let found = store.for_each(sql, &asked, Ok)?;
    let opening = |rows: Vec<Row>| {
        let mut opening = no_opening();
        for mut row in rows {
            let (kind, of) = (kind_of(&mut row)?, row.bytes()?);
            take_part(&mut opening, &kind, of, party, &mut row)?;
        }
        Ok(opening)
    };
    found.into_iter().map(opening).collect()
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

pub(crate) fn contents(store: &mut Tables<'_>, of: &[Wanted]) -> Kept<Vec<(Vec<Logged>, Vec<Wraps>)>> {
    let each = |one: &Wanted, b: Vec<u8>| {
        let n = i64::try_from(one.from).unwrap_or(i64::MAX);
        Each { a: one.session.0.into(), b, n, ..Each::default() }
    };
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

/// All pieces of a session that there are, for these parties.
fn reading(rows: Vec<Row>, from: u64, parties: &[(&Party, Vec<u8>)]) -> Kept<Reading> {
    let (mut opening, mut content) = (no_opening(), Content::default());
    let Some((own, own_bytes)) = parties.first() else { return Err(broken()) };
    for mut row in rows {
        let (kind, party, sequence) = (kind_of(&mut row)?, row.bytes()?, row.int()?);
        match kind {
            kind::PARTY if party != *own_bytes => {}
            kind::HEAD | kind::GROUP | kind::PARTY => take_part(&mut opening, &kind, party, own, &mut row)?,
            _ if sequence < from => {}
            kind::ENTRY => {
                row.skip(2);
                content.take_entry(entry(&mut row, sequence)?);
            }
            _ => {
                let Some((party, _)) = parties.iter().find(|(_, bytes)| *bytes == party) else { continue };
                let place = row.int()?;
                row.skip(2);
                content.take_body(sequence, place, party, row.bytes()?)?;
            }
        }
    }
    let (log, wraps) = content.in_order()?;
    Ok(Reading { opening, log, wraps })
}

pub(crate) fn readings(store: &mut Tables<'_>, of: &[(Hash, u64)], parties: &[Party]) -> Kept<Vec<Reading>> {
    let asked: Vec<_> = of.iter().map(|(id, _)| Each { a: id.0.into(), ..Each::default() }).collect();
    let sql = format!(
        "SELECT asked.place, piece.kind, piece.party, piece.sequence, piece.n, piece.more, piece.signer, piece.data, piece.wraps \
         FROM ASKED JOIN LATERAL (SELECT * FROM piece WHERE piece.session = asked.a LIMIT {}) AS piece ON TRUE",
        SHORT + 1
    );
    let found = store.for_each(&sql, &asked, Ok)?;
    let is_long = |rows: &Vec<Row>| rows.len() > SHORT;
    let long: Vec<_> = of.iter().zip(&found).filter(|(_, rows)| is_long(rows)).map(|(asked, _)| *asked).collect();
    let mut in_parts = if long.is_empty() { Vec::new() } else { readings_in_parts(store, &long, parties)? }.into_iter();
    let parties: Vec<_> = parties.iter().map(|party| (party, party.to_bytes())).collect();
    let read = |(rows, (_, from)): (Vec<Row>, &(Hash, u64))| {
        if is_long(&rows) { in_parts.next().ok_or_else(broken) } else { reading(rows, *from, &parties) }
    };
    found.into_iter().zip(of).map(read).collect()
}
