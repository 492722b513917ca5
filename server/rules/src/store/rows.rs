//! How the journal is kept: one row for each request, and where its entries stand. Nothing here is signed or shown; SPEC section 14 is what others verify.
//!
//! A row's blob is a version byte and then, for each entry, `length u32 ‖ piece`, where `piece = place of its subject's entry before ‖ entry`, and the place is 0, or
//! `1 ‖ row[16] ‖ offset u32 ‖ length u32` of that entry's piece. So a journal is read from its end backwards, and needs no index of its entries. Where each journal
//! ends follows from the rows: [`JournalRow::read`].

use std::collections::BTreeMap;

use wardkey::{
    journal::{Entry, Proof, RowTree, Subject, entry_hash},
    signed::Hash,
};

use super::{Kept, Store, StoreError};

/// The version of a blob.
const VERSION: u8 = 1;
/// Entries whose sequence is a multiple of this are marked.
const MARK: u64 = 64;
/// Bytes of a place that isn't none.
const PLACE: usize = 1 + 16 + 4 + 4;

fn broken() -> StoreError {
    StoreError("a row of the journal that can't be read".to_owned())
}

fn long() -> StoreError {
    StoreError("a row of the journal beyond 4 GiB".to_owned())
}

/// A row's name: its time in milliseconds, eight bytes, then eight random ones. It is greater than those of all rows with entries before its own, so that rows in the
/// order of their names are in the order of every journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub [u8; 16]);

impl RowId {
    fn new(time: u64, draw: [u8; 8]) -> Self {
        let mut id = [0; 16];
        for (byte, from) in id.iter_mut().zip(time.to_be_bytes().into_iter().chain(draw)) {
            *byte = from;
        }
        Self(id)
    }

    fn time(&self) -> u64 {
        self.0.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default()
    }
}

/// Where an entry's piece stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// In this row.
    pub row: RowId,
    /// Bytes of the blob before it.
    pub offset: u32,
    /// Its bytes.
    pub length: u32,
}

/// The newest entry of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalEnd {
    /// Its sequence.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
    /// Its time.
    pub time: u64,
    /// Where it stands.
    pub spot: Spot,
}

/// An entry from which a journal can be read backwards, other than the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalMark {
    /// Of this journal.
    pub subject: Subject,
    /// Its sequence: a multiple of 64.
    pub sequence: u64,
    /// Where it stands.
    pub spot: Spot,
}

/// All entries of a request, and what follows from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRow {
    /// Its name.
    pub id: RowId,
    /// The entries: what is kept. The rest follows from it.
    pub blob: Vec<u8>,
    /// How many there are.
    pub count: u32,
    /// Of the tree over their hashes.
    pub root: Hash,
    /// Where the journals that they belong to end now, each subject once.
    pub ends: Vec<(Subject, JournalEnd)>,
    /// Those that are marked.
    pub marks: Vec<JournalMark>,
}

/// A row that isn't in the log yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LooseRow {
    /// Its name.
    pub id: RowId,
    /// Its entries.
    pub count: u32,
    /// Of the tree over their hashes.
    pub root: Hash,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRow {
    /// Its name.
    pub id: RowId,
    /// Its header: a signed object.
    pub header: Vec<u8>,
    /// Its entries.
    pub blob: Vec<u8>,
}

/// Makes a row.
pub(crate) struct Writer {
    id: RowId,
    blob: Vec<u8>,
    hashes: Vec<Hash>,
    ends: Vec<(Subject, JournalEnd)>,
    marks: Vec<JournalMark>,
}

impl Writer {
    /// A row at this time, after the rows in which these journals end.
    pub(crate) fn new(now: u64, draw: [u8; 8], before: &[Option<JournalEnd>]) -> Self {
        let times = before.iter().flatten().map(|end| end.spot.row.time().saturating_add(1));
        let id = RowId::new(times.fold(now, u64::max), draw);
        Self { id, blob: vec![VERSION], hashes: Vec::new(), ends: Vec::new(), marks: Vec::new() }
    }

    /// Appends an entry of a journal that ended there. Gives the new end.
    pub(crate) fn push(&mut self, entry: &Entry, before: Option<&JournalEnd>) -> Kept<JournalEnd> {
        let bytes = entry.to_bytes();
        let place = before.map(|end| place_of(&end.spot)).unwrap_or_else(|| vec![0]);
        let length = u32::try_from(place.len() + bytes.len()).map_err(|_| long())?;
        self.blob.extend_from_slice(&length.to_be_bytes());
        let offset = u32::try_from(self.blob.len()).map_err(|_| long())?;
        self.blob.extend_from_slice(&place);
        self.blob.extend_from_slice(&bytes);
        Ok(self.ended(entry, entry_hash(&bytes), Spot { row: self.id, offset, length }))
    }

    fn ended(&mut self, entry: &Entry, hash: Hash, spot: Spot) -> JournalEnd {
        let Entry { subject, sequence, time, .. } = entry;
        let end = JournalEnd { sequence: *sequence, hash, time: *time, spot };
        if sequence.is_multiple_of(MARK) {
            self.marks.push(JournalMark { subject: subject.clone(), sequence: *sequence, spot });
        }
        self.hashes.push(hash);
        self.ends.push((subject.clone(), end));
        end
    }

    pub(crate) fn finish(self) -> Kept<JournalRow> {
        let Self { id, blob, hashes, ends, marks } = self;
        let count = u32::try_from(hashes.len()).map_err(|_| long())?;
        let root = RowTree::of(hashes).root().ok_or_else(broken)?;
        // Of each journal the last one.
        let mut places = BTreeMap::new();
        for (place, (subject, _)) in ends.iter().enumerate() {
            places.insert(subject.clone(), place);
        }
        let is_last =
            |(place, end): (usize, (Subject, JournalEnd))| (places.get(&end.0) == Some(&place)).then_some(end);
        let ends = ends.into_iter().enumerate().filter_map(is_last).collect();
        Ok(JournalRow { id, blob, count, root, ends, marks })
    }
}

fn place_of(spot: &Spot) -> Vec<u8> {
    let mut place = Vec::with_capacity(PLACE);
    place.push(1);
    place.extend_from_slice(&spot.row.0);
    place.extend_from_slice(&spot.offset.to_be_bytes());
    place.extend_from_slice(&spot.length.to_be_bytes());
    place
}

fn u32_of(bytes: &[u8]) -> Option<(u32, &[u8])> {
    bytes.split_first_chunk().map(|(number, rest)| (u32::from_be_bytes(*number), rest))
}

/// Where the entry before stands, and the entry.
fn piece(bytes: &[u8]) -> Kept<(Option<Spot>, &[u8])> {
    let read = || match bytes.split_first()? {
        (0, entry) => Some((None, entry)),
        (1, rest) => {
            let (row, rest) = rest.split_first_chunk()?;
            let ((offset, rest), row) = (u32_of(rest)?, RowId(*row));
            let (length, entry) = u32_of(rest)?;
            Some((Some(Spot { row, offset, length }), entry))
        }
        _ => None,
    };
    read().ok_or_else(broken)
}

/// The entries of a blob, each with the offset of its piece and the piece's length.
fn pieces(blob: &[u8]) -> Kept<Vec<(u32, &[u8])>> {
    let (version, mut rest) = blob.split_first().ok_or_else(broken)?;
    if *version != VERSION {
        return Err(broken());
    }
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (length, after) = u32_of(rest).ok_or_else(broken)?;
        let offset = u32::try_from(blob.len() - after.len()).map_err(|_| broken())?;
        let length = usize::try_from(length).map_err(|_| broken())?;
        let (one, after) = after.split_at_checked(length).ok_or_else(broken)?;
        found.push((offset, one));
        rest = after;
    }
    Ok(found)
}

/// The entries of a blob, in their order.
///
/// # Errors
/// What can't be read.
pub fn row_entries(blob: &[u8]) -> Kept<Vec<&[u8]>> {
    pieces(blob)?.into_iter().map(|(_, bytes)| piece(bytes).map(|(_, entry)| entry)).collect()
}

/// The entries of a row, each with its hash and where it stands.
fn entries(id: RowId, blob: &[u8]) -> Kept<Vec<(Entry, Hash, Spot)>> {
    let read = |(offset, bytes): (u32, &[u8])| {
        let (_, entry) = piece(bytes)?;
        let spot = Spot { row: id, offset, length: u32::try_from(bytes.len()).map_err(|_| broken())? };
        Ok((Entry::from_bytes(entry).map_err(|_| broken())?, entry_hash(entry), spot))
    };
    pieces(blob)?.into_iter().map(read).collect()
}

impl JournalRow {
    /// What follows from a row's entries: so ends and marks, where they were lost, are found anew from the rows, oldest name first.
    ///
    /// # Errors
    /// What can't be read.
    pub fn read(id: RowId, blob: Vec<u8>) -> Kept<Self> {
        let mut writer = Writer { id, blob: Vec::new(), hashes: Vec::new(), ends: Vec::new(), marks: Vec::new() };
        for (entry, hash, spot) in entries(id, &blob)? {
            writer.ended(&entry, hash, spot);
        }
        let row = writer.finish()?;
        Ok(Self { blob, ..row })
    }
}

/// Where the journals end after a row, in the order of its entries: the last one of a journal counts. What [`JournalRow::read`] tells, and no more.
///
/// # Errors
/// What can't be read.
pub fn row_ends(id: RowId, blob: &[u8]) -> Kept<Vec<(Subject, JournalEnd)>> {
    let end =
        |(Entry { subject, sequence, time, .. }, hash, spot)| (subject, JournalEnd { sequence, hash, time, spot });
    Ok(entries(id, blob)?.into_iter().map(end).collect())
}

/// A part of a journal.
pub(crate) struct Walk {
    /// Entries in their order, each with where it stands.
    pub(crate) entries: Vec<(Spot, Vec<u8>)>,
    /// Where the journal ends.
    pub(crate) end: Option<JournalEnd>,
}

/// Entries of a journal after a sequence, so many at most.
pub(crate) fn walk(store: &mut (impl Store + ?Sized), subject: &Subject, after: u64, most: u64) -> Kept<Walk> {
    let end = store.journal_ends(core::slice::from_ref(subject))?.pop().flatten();
    let Some(newest) = end.filter(|end| end.sequence > after) else {
        return Ok(Walk { entries: Vec::new(), end });
    };
    let last = after.saturating_add(most).min(newest.sequence);
    let mark = if last < newest.sequence { store.journal_mark(subject, last)? } else { None };
    let (mut sequence, mut spot) = mark.map_or((newest.sequence, newest.spot), |mark| (mark.sequence, mark.spot));
    let mut entries = Vec::new();
    while sequence > after {
        let bytes = store.journal_piece(&spot)?;
        let (before, entry) = piece(&bytes)?;
        if sequence <= last {
            entries.push((spot, entry.to_vec()));
        }
        sequence -= 1;
        match before {
            Some(before) => spot = before,
            None if sequence == 0 => break,
            None => return Err(broken()),
        }
    }
    entries.reverse();
    Ok(Walk { entries, end })
}

/// A row of the log, whose entries can be shown to stand in it.
pub(crate) struct Proving {
    header: Vec<u8>,
    offsets: Vec<u32>,
    tree: RowTree,
}

impl Proving {
    pub(crate) fn new(row: LoggedRow) -> Kept<Self> {
        let pieces = pieces(&row.blob)?;
        let mut hashes = Vec::with_capacity(pieces.len());
        for (_, bytes) in &pieces {
            hashes.push(entry_hash(piece(bytes)?.1));
        }
        let offsets = pieces.iter().map(|(offset, _)| *offset).collect();
        Ok(Self { header: row.header, offsets, tree: RowTree::of(hashes) })
    }

    /// Of the entry that stands there.
    pub(crate) fn of(&self, spot: &Spot) -> Kept<Proof> {
        let index = self.offsets.binary_search(&spot.offset).map_err(|_| broken())?;
        let path = self.tree.path(index);
        Ok(Proof { header: self.header.clone(), index: u32::try_from(index).map_err(|_| broken())?, path })
    }
}
