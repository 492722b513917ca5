//! The journal in memory.

use wardkey::journal::Subject;

use crate::store::{JournalEnd, JournalMark, JournalRow, Kept, LoggedRow, LooseRow, RowId, Spot, StoreError};

use super::{
    MemoryStore, TWICE, broken,
    tables::{Bytes, HeaderRow, row_id, row_name},
};

impl MemoryStore {
    pub(super) fn ends(&self, subjects: &[Subject]) -> Vec<Option<JournalEnd>> {
        let ends = &self.tables.journal.found.ends;
        subjects.iter().map(|subject| ends.get(subject).copied()).collect()
    }

    pub(super) fn mark(&self, subject: &Subject, from: u64) -> Option<JournalMark> {
        let mut marks = self.tables.journal.found.marks.range((subject.clone(), from)..=(subject.clone(), u64::MAX));
        marks.next().map(|((_, sequence), spot)| JournalMark {
            subject: subject.clone(),
            sequence: *sequence,
            spot: *spot,
        })
    }

    pub(super) fn piece(&self, spot: &Spot) -> Kept<Vec<u8>> {
        let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let (from, length) = (place(spot.offset), place(spot.length));
        let blob = self.tables.journal.rows.get(&row_name(&spot.row)).ok_or_else(broken)?;
        let piece = blob.0.get(from..).and_then(|rest| rest.get(..length)).ok_or_else(broken)?;
        Ok(piece.to_vec())
    }

    pub(super) fn add_row(&mut self, row: &JournalRow) -> Kept<()> {
        let name = row_name(&row.id);
        let journal = &mut self.tables.journal;
        super::add(&mut journal.rows, name.clone(), Bytes(row.blob.clone()))?;
        let before = journal.found.take(row);
        let marks: Vec<_> = row.marks.iter().map(|mark| (mark.subject.clone(), mark.sequence)).collect();
        self.undo.push(Box::new(move |tables| {
            let found = &mut tables.journal.found;
            tables.journal.rows.remove(&name);
            found.loose.remove(&name);
            for mark in marks {
                found.marks.remove(&mark);
            }
            for (subject, end) in before {
                match end {
                    Some(end) => drop(found.ends.insert(subject, end)),
                    None => drop(found.ends.remove(&subject)),
                }
            }
        }));
        Ok(())
    }

    pub(super) fn loose(&self, most: usize) -> Kept<Vec<LooseRow>> {
        let journal = &self.tables.journal;
        let read = |name: &String| {
            let (id, blob) = (row_id(name).ok_or_else(broken)?, journal.rows.get(name).ok_or_else(broken)?);
            let JournalRow { count, root, .. } = JournalRow::read(id, blob.0.clone())?;
            Ok(LooseRow { id, count, root })
        };
        journal.found.loose.iter().take(most).map(read).collect()
    }

    pub(super) fn add_header(&mut self, row: &RowId, number: u64, header: &[u8]) -> Kept<()> {
        let name = row_name(row);
        let journal = &mut self.tables.journal;
        if !journal.found.loose.contains(&name) {
            return Err(StoreError(TWICE.to_owned()));
        }
        let header = HeaderRow { row: name.clone(), header: Bytes(header.to_vec()) };
        super::add(&mut journal.headers, number, header)?;
        journal.found.loose.remove(&name);
        journal.found.numbers.insert(name.clone(), number);
        self.undo.push(Box::new(move |tables| {
            tables.journal.headers.remove(&number);
            tables.journal.found.numbers.remove(&name);
            tables.journal.found.loose.insert(name);
        }));
        Ok(())
    }

    pub(super) fn logged_row(&self, id: &RowId) -> Option<LoggedRow> {
        let (journal, name) = (&self.tables.journal, row_name(id));
        let header = journal.headers.get(journal.found.numbers.get(&name)?)?;
        Some(LoggedRow { id: *id, header: header.header.0.clone(), blob: journal.rows.get(&name)?.0.clone() })
    }

    pub(super) fn rows_after(&self, after: u64, most: usize) -> Kept<Vec<LoggedRow>> {
        let rows = self.tables.journal.headers.range(after.saturating_add(1)..).take(most);
        let read = |(_, row): (_, &HeaderRow)| row_id(&row.row).and_then(|id| self.logged_row(&id)).ok_or_else(broken);
        rows.map(read).collect()
    }
}
