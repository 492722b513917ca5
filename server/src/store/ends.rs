//! Where the journals end, as far as it isn't in the file yet. A request that gives two hundred keys changes two hundred ends, each on another page: so they are kept in
//! memory, and written to their table in its order, a few with each commit. They are lost with the process, and found anew from the journal's rows, of which
//! `journal_late` names those whose ends may not be in the table.

use core::{fmt, mem, ops::Bound};
use std::collections::BTreeMap;

use wardkey::journal::Subject;
use wardkey_rules::{JournalEnd, JournalRow, Kept, RowId, row_ends};

use super::{
    connection::{Connection, Value, bytes, int},
    row::Row,
    tables::{spot_values, subject_key},
};

/// So many stay in memory: about 30 MB. The more, the more of them lie on a page of the table when they are written to it.
pub(crate) const MOST: usize = 200_000;
/// So many ends are kept for each late row: there are more of these, and all are read when the file is opened, only where each has few entries.
const OF_A_ROW: usize = 5;
/// With so many commits at most all that there are have been written, where it is time for it.
const COMMITS: usize = 256;
/// So many more than there came with it are written with a commit, where more are in memory than should be, as after the process was killed.
const MORE: usize = 1_000;
/// So many are written at once when nobody waits for a commit any more.
const AT_END: usize = 10_000;
/// Rows that are read at once.
const AT_ONCE: usize = 100;

/// A journal's key in the table, in the order of its bytes. To compare two, their first eight are enough nearly always: they lie where the map looks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    first: u64,
    bytes: Box<[u8]>,
}

impl Key {
    fn of(subject: &Subject) -> Self {
        let bytes = subject_key(subject);
        let mut first = [0; 8];
        for (to, byte) in first.iter_mut().zip(&bytes) {
            *to = *byte;
        }
        Self { first: u64::from_be_bytes(first), bytes: bytes.into() }
    }
}

/// An end, by its key.
type End = (Key, JournalEnd);

/// What was done since the transaction began, to be taken back.
enum Done {
    Put(Key, Option<JournalEnd>),
    Row,
    Moved(Option<Key>),
    Turned(Vec<RowId>),
}

/// Ends in memory. They follow the transaction of the one that writes.
pub struct Ends {
    most: usize,
    ends: BTreeMap<Key, JournalEnd>,
    /// Up to where the ends were written in this turn, which goes through all of them.
    hand: Option<Key>,
    /// Rows from before this turn: with its end, their ends are in the table.
    before: Vec<RowId>,
    /// Rows of this turn.
    since: Vec<RowId>,
    done: Vec<Done>,
}

impl fmt::Debug for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ends({})", self.ends.len())
    }
}

impl Ends {
    const fn new(most: usize) -> Self {
        Self { most, ends: BTreeMap::new(), hand: None, before: Vec::new(), since: Vec::new(), done: Vec::new() }
    }

    /// Those of the rows whose ends may not be in the table. So many will be kept, at most.
    pub(crate) fn read(store: &mut dyn Connection, most: usize) -> Kept<Self> {
        let (mut ends, mut all) = (Self::new(most), Vec::new());
        let sql =
            "SELECT late.id, r.blob FROM journal_late AS late JOIN journal_row AS r ON r.id = late.id ORDER BY late.id";
        store.each(sql, &mut |row| {
            let (id, found) = read(row)?;
            ends.before.push(id);
            all.extend(found.into_iter().map(|(of, end)| (Key::of(&of), end)));
            Ok(())
        })?;
        // Sorted at once, the later one of two that are equal last: so it stays.
        ends.ends = all.into_iter().collect();
        Ok(ends)
    }

    /// Where this journal ends; nothing: as the table says.
    pub(crate) fn of(&self, subject: &Subject) -> Option<JournalEnd> {
        self.ends.get(&Key::of(subject)).copied()
    }

    /// The ends of a row, which is late from now on.
    pub(crate) fn put(&mut self, row: &JournalRow) {
        self.since.push(row.id);
        self.done.push(Done::Row);
        for (subject, end) in &row.ends {
            let key = Key::of(subject);
            let before = self.ends.insert(key.clone(), *end);
            self.done.push(Done::Put(key, before));
        }
    }

    /// How much was done in this transaction.
    pub(crate) const fn done(&self) -> usize {
        self.done.len()
    }

    /// Takes back what was done after so much.
    pub(crate) fn take_back(&mut self, to: usize) {
        for done in self.done.drain(to.min(self.done.len())..).rev() {
            match done {
                Done::Put(key, Some(end)) => drop(self.ends.insert(key, end)),
                Done::Put(key, None) => drop(self.ends.remove(&key)),
                Done::Row => drop(self.since.pop()),
                Done::Moved(hand) => self.hand = hand,
                Done::Turned(before) => self.since = mem::replace(&mut self.before, before),
            }
        }
    }

    /// The transaction was kept.
    pub(crate) fn keep(&mut self) {
        self.done.clear();
    }

    /// How many are to be written with this commit.
    fn due(&self) -> usize {
        let is_late = self.before.len() + self.since.len() > self.most / OF_A_ROW;
        let some = if is_late { self.ends.len() / COMMITS + 1 } else { 0 };
        self.ends.len().saturating_sub(self.most).min(self.done.len() + MORE).max(some)
    }

    /// Takes the next ends out, which have neighbours in the table; with the rows of which all have been taken out now.
    fn next(&mut self, most: usize) -> (Vec<End>, Vec<RowId>) {
        let start = self.hand.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.ends.range((start, Bound::Unbounded));
        let taken: Vec<_> = range.take(most).map(|(key, end)| (key.clone(), *end)).collect();
        for (key, end) in &taken {
            self.ends.remove(key);
            self.done.push(Done::Put(key.clone(), Some(*end)));
        }
        if taken.len() == most {
            let hand = mem::replace(&mut self.hand, taken.last().map(|(key, _)| key.clone()));
            self.done.push(Done::Moved(hand));
            return (taken, Vec::new());
        }
        self.done.push(Done::Moved(self.hand.take()));
        let rows = mem::replace(&mut self.before, mem::take(&mut self.since));
        self.done.push(Done::Turned(rows.clone()));
        (taken, rows)
    }

    /// Writes those that are due, within the transaction.
    pub(crate) fn write_due(&mut self, store: &mut dyn Connection) -> Kept<()> {
        match self.due() {
            0 => Ok(()),
            due => self.write(store, due),
        }
    }

    /// Are all of them in their table?
    pub(crate) fn are_written(&self) -> bool {
        self.ends.is_empty() && self.before.is_empty() && self.since.is_empty()
    }

    /// Writes the next of those that are left.
    pub(crate) fn write_rest(&mut self, store: &mut dyn Connection) -> Kept<()> {
        self.write(store, AT_END)
    }

    fn write(&mut self, store: &mut dyn Connection, most: usize) -> Kept<()> {
        let (ends, rows) = self.next(most);
        put(store, ends.into_iter().map(|(key, end)| (key.bytes, end)))?;
        forget(store, &rows)
    }
}

fn read(mut row: Row) -> Kept<(RowId, Vec<(Subject, JournalEnd)>)> {
    let (id, blob) = (RowId(row.fixed()?), row.bytes()?);
    Ok((id, row_ends(id, &blob)?))
}

/// Names a row whose ends aren't in the table.
pub(crate) fn name(store: &mut dyn Connection, row: &RowId) -> Kept<()> {
    store.run("INSERT INTO journal_late (id) VALUES (?1)", &[bytes(row.0)]).map(drop)
}

fn forget(store: &mut dyn Connection, rows: &[RowId]) -> Kept<()> {
    rows.iter().try_for_each(|row| store.run("DELETE FROM journal_late WHERE id = ?1", &[bytes(row.0)]).map(drop))
}

/// Puts ends into their table, each journal's once.
pub(crate) fn put(
    store: &mut dyn Connection,
    ends: impl IntoIterator<Item = (impl Into<Vec<u8>>, JournalEnd)>,
) -> Kept<()> {
    let row = |(key, end): (Vec<u8>, JournalEnd)| {
        let JournalEnd { sequence, hash, time, spot } = end;
        let [row_id, start, length] = spot_values(&spot)?;
        Ok(vec![Value::Bytes(key), int(sequence)?, bytes(hash.0), int(time)?, row_id, start, length])
    };
    let mut ends: Vec<(Vec<u8>, _)> = ends.into_iter().map(|(key, end)| (key.into(), end)).collect();
    // Two requests that give many of the same keys would wait for each other, each with rows that the other wants, if they didn't take them in one order.
    ends.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let rows: Vec<_> = ends.into_iter().map(row).collect::<Kept<_>>()?;
    store.insert(
        "INSERT INTO journal_end (subject, sequence, hash, at_ms, row_id, start, length)",
        "ON CONFLICT (subject) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash, at_ms = excluded.at_ms, row_id = excluded.row_id, start = excluded.start, \
         length = excluded.length",
        &rows,
    )
}

/// Writes the ends of all late rows: a database that was restored, of whatever kind, has none.
pub(crate) fn write_all(store: &mut dyn Connection) -> Kept<()> {
    let sql = "SELECT late.id, r.blob FROM journal_late AS late JOIN journal_row AS r ON r.id = late.id ORDER BY late.id LIMIT ?1";
    loop {
        let rows = store.rows(sql, &[int(AT_ONCE as u64)?])?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            let (id, ends) = read(row)?;
            let last: BTreeMap<_, _> = ends.into_iter().map(|(of, end)| (subject_key(&of), end)).collect();
            put(store, last)?;
            forget(store, &[id])?;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::PathBuf;

    use rand_core::{Rng, SeedableRng};
    use wardkey::{journal::Entry, signed::Hash};
    use wardkey_rules::{Spot, Store as _};

    use super::{
        super::{
            backup,
            database::{Place, migrate_file},
            sqlite::Sqlite,
            tables::Tables,
        },
        *,
    };

    fn row(number: u8, subjects: &[u8]) -> JournalRow {
        let id = RowId([number; 16]);
        let end = |of: &u8| {
            let end = JournalEnd {
                sequence: number.into(),
                hash: Hash([number; 32]),
                time: 0,
                spot: Spot { row: id, offset: 1, length: 1 },
            };
            (Subject::Session(Hash([*of; 32])), end)
        };
        let ends = subjects.iter().map(end).collect();
        JournalRow { id, blob: Vec::new(), count: 1, root: Hash([0; 32]), ends, marks: Vec::new() }
    }

    fn sequences(ends: &Ends) -> Vec<Option<u64>> {
        (0..6).map(|of| ends.of(&Subject::Session(Hash([of; 32]))).map(|end| end.sequence)).collect()
    }

    /// A row is forgotten with the end of the turn that began after it: then each of its ends was taken out, or a newer one.
    #[test]
    fn a_turn() {
        let mut ends = Ends::new(10);
        ends.put(&row(1, &[0, 1, 2, 3]));
        let first = |taken: Vec<End>| taken.iter().map(|(key, _)| key.bytes[1]).collect::<Vec<_>>();
        // The turn had begun before it.
        let (taken, rows) = ends.next(9);
        assert_eq!((first(taken), rows.len()), (vec![0, 1, 2, 3], 0));
        ends.put(&row(2, &[0, 3, 4]));
        let (taken, rows) = ends.next(1);
        assert_eq!((first(taken), rows.len()), (vec![0], 0));
        // Behind the hand, and before it.
        ends.put(&row(3, &[0, 4]));
        let (taken, rows) = ends.next(2);
        assert_eq!((first(taken), rows.len()), (vec![3, 4], 0));
        let (taken, rows) = ends.next(2);
        assert_eq!((first(taken), rows), (vec![], vec![RowId([1; 16])]));
        assert_eq!(sequences(&ends), [Some(3), None, None, None, None, None]);
        let (taken, rows) = ends.next(2);
        assert_eq!((first(taken), rows), (vec![0], vec![RowId([2; 16]), RowId([3; 16])]));
    }

    /// Nobody's commit writes all that a process that was killed left to be found.
    #[test]
    fn what_is_too_much_goes_little_by_little() {
        let (mut ends, many) = (Ends::new(10), 5 * MORE);
        let (_, end) = row(1, &[0]).ends.remove(0);
        for number in 0..many as u64 {
            let mut of = [0; 32];
            of[..8].copy_from_slice(&number.to_be_bytes());
            ends.ends.insert(Key::of(&Subject::Session(Hash(of))), end);
        }
        assert_eq!(ends.due(), MORE);
        ends.put(&row(2, &[1, 2, 3]));
        assert!((MORE + 3..MORE + 10).contains(&ends.due()), "{} with it", ends.due());
    }

    /// What is taken back is as if it hadn't been, also a turn that ended.
    #[test]
    fn taken_back() {
        let mut ends = Ends::new(10);
        ends.put(&row(1, &[0, 1, 2]));
        ends.next(1);
        ends.keep();
        let seen = |ends: &Ends| (sequences(ends), ends.hand.clone(), ends.before.clone(), ends.since.clone());
        let before = seen(&ends);
        ends.put(&row(2, &[0, 2, 4]));
        let (part, between) = (ends.done(), seen(&ends));
        ends.next(2);
        ends.put(&row(3, &[1, 5]));
        ends.next(9);
        ends.put(&row(4, &[5]));
        ends.next(1);
        ends.take_back(part);
        assert_eq!(seen(&ends), between);
        ends.take_back(0);
        assert_eq!(seen(&ends), before);
    }

    /// A row as the rules make it, but that each entry is the only one of its journal.
    fn told(number: u64, subjects: &[u8]) -> JournalRow {
        let mut blob = vec![1];
        for of in subjects {
            let subject = Subject::Session(Hash([*of; 32]));
            let (action, detail) = ("release".to_owned(), Vec::new());
            let previous = (number > 1).then_some(Hash([7; 32]));
            let entry = Entry { subject, sequence: number, previous, time: number, actor: None, action, detail };
            let bytes = [&[0], entry.to_bytes().as_slice()].concat();
            blob.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
            blob.extend_from_slice(&bytes);
        }
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        JournalRow::read(RowId(id), blob).unwrap()
    }

    fn all(store: &mut Sqlite) -> Vec<Option<JournalEnd>> {
        let subjects: Vec<_> = (0..=255).map(|of| Subject::Session(Hash([of; 32]))).collect();
        Tables(store).journal_ends(&subjects).unwrap()
    }

    fn opened(folder: &std::path::Path, most: usize) -> Sqlite {
        let mut store = Sqlite::writer(&folder.join("wardkey.db")).unwrap();
        migrate_file(&mut store, true).unwrap();
        store.keep_ends(most).unwrap();
        store
    }

    fn late(store: &mut Sqlite) -> u64 {
        store.rows("SELECT COUNT(*) FROM journal_late", &[]).unwrap().remove(0).int().unwrap()
    }

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    fn folder(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("wardkey-{name}-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    /// Whatever was kept is found again by who comes after, though nobody closed it; in a backup of it, too. What was taken back is not.
    #[test]
    fn ends_survive_the_process() {
        let (home, other) = (folder("ends"), folder("ends-restored"));
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([5; 32]);
        let mut want = vec![None; 256];
        let mut number = 0;
        for round in 0..12 {
            // Also few of a row, and many.
            let (most, of_a_row) = ([20, 60, 400][round % 3], [1, 12, 90][round % 3]);
            let mut store = opened(&home.0, most);
            assert_eq!(all(&mut store), want, "{round}");
            for _ in 0..15 {
                store.step("BEGIN IMMEDIATE").unwrap();
                let mut now = want.clone();
                for _ in 0..3 {
                    number += 1;
                    let mut subjects: Vec<_> =
                        (0..of_a_row).map(|_| u8::try_from(rng.next_u32() % 256).unwrap()).collect();
                    subjects.sort_unstable();
                    subjects.dedup();
                    let row = told(number, &subjects);
                    let (part, keeps) = (store.begin_part().unwrap(), !rng.next_u32().is_multiple_of(4));
                    Tables(&mut store).add_journal_row(&row).unwrap();
                    store.end_part(part, keeps).unwrap();
                    if keeps {
                        for (of, (_, end)) in subjects.iter().zip(&row.ends) {
                            now[usize::from(*of)] = Some(*end);
                        }
                    }
                    assert_eq!(all(&mut store), now, "{round}");
                }
                if rng.next_u32().is_multiple_of(5) {
                    store.roll_back();
                } else {
                    store.commit().unwrap();
                    want = now;
                }
                assert_eq!(all(&mut store), want, "{round}");
            }
            // An orderly end now and then: nothing is left to be found.
            if round % 4 == 1 {
                while !store.puts_ends_away().unwrap() {}
                assert_eq!(late(&mut store), 0, "{round}");
                assert!(opened(&home.0, most).ends().unwrap().unwrap().are_written(), "{round}");
                assert_eq!(all(&mut store), want, "{round}");
            }
        }
        let backup = home.0.join("backup");
        backup::write(&Place::Sqlite(home.0.clone()), &backup).unwrap();
        backup::restore(&backup, &Place::Sqlite(other.0.clone()), false).unwrap();
        assert_eq!(all(&mut opened(&other.0, 10)), want);
        // And some of them were in the table only.
        let mut store = opened(&home.0, 20);
        let rows = late(&mut store);
        assert!(rows > 0 && rows < number / 4, "{rows} of {number}");
    }
}
