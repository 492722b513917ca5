//! A session of few and small pieces lies in one row, and is read by one look instead of one for each piece. When it grows beyond that, its pieces become rows of their own;
//! so are those of sessions that were kept before there was this.
//!
//! A row stands at the number that its session's id begins with, so that a database finds it without an index beside the table. Of two sessions with the same number, which nobody
//! meets by chance, the later one is rows of its own.
//!
//! A row is a version byte and then, for each piece in no order: its kind, a byte that says what it has, its party and its sequence, and what it has: two numbers, the
//! signer, data, wraps. Numbers are eight bytes, bytes and texts have their length before them in four.

use std::borrow::Cow;

use wardkey::{party::Party, signed::Hash};
use wardkey_rules::{Head, Kept, Logged, StoreError, Wraps};

use super::{
    connection::{Each, Value, bytes, int, or_null, text},
    pieces::{SHORT, kind, rights_place},
    row::broken,
    tables::Tables,
};

/// The version of a row.
const VERSION: u8 = 1;
/// What one row holds, in bytes. SQLite reads it with a page or two.
const MOST: usize = 8 << 10;

/// A piece of a session: a row of the table of that name, or a part of one of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: i64,
    pub(crate) party: Cow<'a, [u8]>,
    pub(crate) sequence: u64,
    pub(crate) n: Option<u64>,
    pub(crate) more: Option<u64>,
    pub(crate) signer: Option<Cow<'a, str>>,
    pub(crate) data: Option<Cow<'a, [u8]>>,
    pub(crate) wraps: Option<Cow<'a, [u8]>>,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Kept<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(broken)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Kept<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn bytes(&mut self) -> Kept<&'a [u8]> {
        let length = usize::try_from(u32::from_be_bytes(self.take()?)).map_err(|_| broken())?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(broken)?;
        self.0 = rest;
        Ok(taken)
    }

    fn piece(&mut self) -> Kept<Piece<'a>> {
        let [kind, has] = self.take()?;
        let (party, sequence) = (self.bytes()?.into(), self.number()?);
        let mut piece = Piece { kind: kind.into(), party, sequence, ..Piece::default() };
        for place in 0..5 {
            match place {
                _ if has >> place & 1 == 0 => {}
                0 => piece.n = Some(self.number()?),
                1 => piece.more = Some(self.number()?),
                2 => piece.signer = Some(core::str::from_utf8(self.bytes()?).map_err(|_| broken())?.into()),
                3 => piece.data = Some(self.bytes()?.into()),
                _ => piece.wraps = Some(self.bytes()?.into()),
            }
        }
        Ok(piece)
    }
}

/// The pieces of a row.
pub(crate) fn read(row: &[u8]) -> Kept<Vec<Piece<'_>>> {
    let (version, rest) = row.split_first().ok_or_else(broken)?;
    if *version != VERSION {
        return Err(broken());
    }
    let (mut reader, mut pieces) = (Reader(rest), Vec::with_capacity(SHORT));
    while !reader.0.is_empty() {
        pieces.push(reader.piece()?);
    }
    Ok(pieces)
}

/// As one row; nothing: it takes more.
fn write(pieces: &[Piece<'_>]) -> Option<Vec<u8>> {
    let mut row = vec![VERSION];
    let put = |row: &mut Vec<u8>, bytes: &[u8]| {
        row.extend_from_slice(&u32::try_from(bytes.len()).ok()?.to_be_bytes());
        row.extend_from_slice(bytes);
        Some(())
    };
    for Piece { kind, party, sequence, n, more, signer, data, wraps } in pieces {
        let has = [n.is_some(), more.is_some(), signer.is_some(), data.is_some(), wraps.is_some()];
        let has = has.into_iter().enumerate().map(|(place, is_there)| u8::from(is_there) << place).sum();
        row.extend_from_slice(&[u8::try_from(*kind).ok()?, has]);
        put(&mut row, party)?;
        for number in [Some(sequence), n.as_ref(), more.as_ref()].into_iter().flatten() {
            row.extend_from_slice(&number.to_be_bytes());
        }
        for bytes in [signer.as_ref().map(|signer| signer.as_bytes()), data.as_deref(), wraps.as_deref()] {
            bytes.map_or(Some(()), |bytes| put(&mut row, bytes))?;
        }
    }
    (pieces.len() <= SHORT && row.len() <= MOST).then_some(row)
}

/// Where the row of a session stands.
fn number(id: &Hash) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The rows of these sessions, in their order; nothing for one that has none.
pub(crate) fn rows(store: &mut Tables<'_>, ids: &[Hash]) -> Kept<Vec<Option<Vec<u8>>>> {
    let asked: Vec<_> = ids.iter().map(|id| Each { a: id.0.into(), n: number(id), ..Each::default() }).collect();
    let sql = "SELECT asked.place, packed.pieces FROM ASKED JOIN packed ON packed.number = asked.n AND packed.session = asked.a";
    let found = store.for_each(sql, &asked, |mut row| row.bytes())?;
    Ok(found.into_iter().map(|rows| rows.into_iter().next()).collect())
}

/// The row of this one.
pub(crate) fn row(store: &mut Tables<'_>, id: &Hash) -> Kept<Option<Vec<u8>>> {
    let sql = "SELECT pieces FROM packed WHERE number = ?1 AND session = ?2";
    store.one(sql, &[Value::Int(number(id)), bytes(id.0)], |mut row| row.bytes())
}

/// Changes the pieces of a session; false: they are rows of their own, or there are none.
fn change(store: &mut Tables<'_>, id: &Hash, work: impl FnOnce(&mut Vec<Piece<'_>>) -> Kept<()>) -> Kept<bool> {
    let Some(row) = row(store, id)? else { return Ok(false) };
    let mut pieces = read(&row)?;
    work(&mut pieces)?;
    match write(&pieces) {
        Some(row) => {
            store
                .run("UPDATE packed SET pieces = ?2 WHERE number = ?1", &[Value::Int(number(id)), Value::Bytes(row)])?;
        }
        None => unpack(store, id, &pieces)?,
    }
    Ok(true)
}

/// From now on its pieces are rows of their own.
fn unpack(store: &mut Tables<'_>, id: &Hash, pieces: &[Piece<'_>]) -> Kept<()> {
    store.run("DELETE FROM packed WHERE number = ?1", &[Value::Int(number(id))])?;
    let number = |number: Option<u64>| number.map(int).transpose().map(or_null);
    let row = |piece: &Piece<'_>| {
        Ok(vec![
            bytes(id.0),
            Value::Int(piece.kind),
            bytes(&piece.party),
            int(piece.sequence)?,
            number(piece.n)?,
            number(piece.more)?,
            or_null(piece.signer.as_deref().map(text)),
            or_null(piece.data.as_deref().map(bytes)),
            or_null(piece.wraps.as_deref().map(bytes)),
        ])
    };
    let rows: Vec<_> = pieces.iter().map(row).collect::<Kept<_>>()?;
    store.0.insert("INSERT INTO piece (session, kind, party, sequence, n, more, signer, data, wraps)", "", &rows)
}

/// The piece that stands there, or a new one.
fn at<'p, 'a>(pieces: &'p mut Vec<Piece<'a>>, kind: i64, party: &[u8], sequence: u64) -> &'p mut Piece<'a> {
    let is_it = |piece: &Piece<'_>| piece.kind == kind && piece.sequence == sequence && piece.party == party;
    let place = pieces.iter().position(is_it).unwrap_or_else(|| {
        pieces.push(Piece { kind, party: party.to_vec().into(), sequence, ..Piece::default() });
        pieces.len() - 1
    });
    // It stands there now.
    #[expect(clippy::indexing_slicing)]
    &mut pieces[place]
}

fn stands() -> StoreError {
    StoreError("a row stands there already".to_owned())
}

/// As of [`Store::put_session`](wardkey_rules::Store::put_session). A session of which nothing is kept begins as one row.
pub(crate) fn put_head(store: &mut Tables<'_>, id: &Hash, head: Head) -> Kept<bool> {
    let put = |pieces: &mut Vec<Piece<'_>>| {
        let piece = at(pieces, kind::HEAD, &[], 0);
        (piece.n, piece.more) = (Some(head.sequence), Some(head.generation));
        Ok(())
    };
    if change(store, id, put)? {
        return Ok(true);
    }
    if store.one("SELECT kind FROM piece WHERE session = ?1 LIMIT 1", &[bytes(id.0)], Ok)?.is_some()
        || store.one("SELECT number FROM packed WHERE number = ?1", &[Value::Int(number(id))], Ok)?.is_some()
    {
        return Ok(false);
    }
    let mut pieces = Vec::new();
    put(&mut pieces)?;
    let row = write(&pieces).ok_or_else(broken)?;
    let sql = "INSERT INTO packed (number, session, pieces) VALUES (?1, ?2, ?3)";
    store.run(sql, &[Value::Int(number(id)), bytes(id.0), Value::Bytes(row)])?;
    Ok(true)
}

/// As of [`Store::put_rights`](wardkey_rules::Store::put_rights).
pub(crate) fn put_rights(store: &mut Tables<'_>, id: &Hash, party: &Party, rights: u64) -> Kept<bool> {
    let (kind, place) = rights_place(party);
    change(store, id, |pieces| {
        at(pieces, kind, &place, 0).n = Some(rights);
        Ok(())
    })
}

/// As of [`Store::add_logged`](wardkey_rules::Store::add_logged).
pub(crate) fn add_logged(store: &mut Tables<'_>, id: &Hash, logged: &Logged) -> Kept<bool> {
    change(store, id, |pieces| {
        let piece = at(pieces, kind::ENTRY, &[], logged.sequence);
        piece.signer = logged.signer.as_ref().map(|signer| signer.as_str().to_owned().into());
        if piece.data.replace(logged.object.clone().into()).is_some() { Err(stands()) } else { Ok(()) }
    })
}

/// As of [`Store::add_wraps`](wardkey_rules::Store::add_wraps).
pub(crate) fn add_wraps(store: &mut Tables<'_>, id: &Hash, wraps: &Wraps) -> Kept<bool> {
    change(store, id, |pieces| {
        let piece = at(pieces, kind::ENTRY, &[], wraps.sequence);
        if piece.wraps.replace(wraps.signed.clone().into()).is_some() {
            return Err(stands());
        }
        for body in &wraps.bodies {
            let piece = at(pieces, kind::BODY, &body.party.to_bytes(), wraps.sequence);
            piece.n = Some(body.place.into());
            if piece.data.replace(body.bytes.clone().into()).is_some() {
                return Err(stands());
            }
        }
        Ok(())
    })
}

/// As of [`Store::delete_bodies`](wardkey_rules::Store::delete_bodies).
pub(crate) fn delete_bodies(store: &mut Tables<'_>, id: &Hash, party: &Party) -> Kept<bool> {
    let party = party.to_bytes();
    change(store, id, |pieces| {
        pieces.retain(|piece| piece.kind != kind::BODY || piece.party != party);
        Ok(())
    })
}
