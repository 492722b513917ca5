//! The whole log.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};
use wardkey::{
    encoding::base64url,
    identity::{AppId, Identity},
    journal::{Log, Place},
    signed::{Hash, Minimum},
};
use wardkey_rules::{Kept, LoggedRow, row_entries};

use super::{
    Failed, Report,
    text::{First, Lines, write},
};

/// Rows that are read at once.
pub const PAGE: usize = 100;
const WHAT: &str = "journal";

/// A row, or the end.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Row { header: String, entries: Vec<String> },
    End { rows: u64 },
}

/// Each row of the log. `page` gives those after a number, [`PAGE`] or so of them: `store.log_rows(after, PAGE)`, each time within another transaction; none: that is all.
fn each(
    mut page: impl FnMut(u64) -> Kept<Vec<LoggedRow>>,
    mut with: impl FnMut(u64, &LoggedRow) -> Result<(), Failed>,
) -> Result<u64, Failed> {
    let mut number = 0;
    loop {
        let rows = page(number)?;
        if rows.is_empty() {
            return Ok(number);
        }
        for row in &rows {
            number += 1;
            with(number, row)?;
        }
    }
}

/// Writes all rows that are in the log, as they come from `page`. Gives how many. What was told last gets there by [`wardkey_rules::chain_journal`].
///
/// # Errors
/// Of the store and of the file; nothing is verified.
pub fn export(
    (key_server, app_id): (&Identity, &AppId),
    page: impl FnMut(u64) -> Kept<Vec<LoggedRow>>,
    out: &mut impl Write,
) -> Result<u64, Failed> {
    write(out, &First::of(WHAT, key_server, app_id))?;
    let rows = each(page, |_, row| {
        let entries = row_entries(&row.blob)?.into_iter().map(base64url).collect();
        write(out, &Line::Row { header: base64url(&row.header), entries })
    })?;
    write(out, &Line::End { rows })?;
    out.flush()?;
    Ok(rows)
}

fn report(log: &Log, key_server: &Identity) -> Result<Report, Failed> {
    let rows = log.place().map_or(0, |place| place.sequence);
    let head = log.finish().map_err(|error| Failed::At(rows, error))?;
    let key_server = *key_server.fingerprint();
    Ok(Report { rows, entries: log.entries(), subjects: log.subjects(), head, time: log.time(), key_server })
}

/// Verifies the log in a store, whose rows come as for [`export`], with headers that were kept elsewhere.
///
/// # Errors
/// Where it isn't whole, and why.
pub fn verify_rows(
    key_server: &Identity,
    page: impl FnMut(u64) -> Kept<Vec<LoggedRow>>,
    kept: &[Place],
) -> Result<Report, Failed> {
    let mut log = Log::new(kept).map_err(|error| Failed::At(0, error))?;
    each(page, |number, row| {
        let entries = row_entries(&row.blob)?;
        let taken = log.take(&row.header, &entries, key_server, Minimum::default());
        taken.map_err(|error| Failed::At(number, error))
    })?;
    report(&log, key_server)
}

/// Verifies a file that [`export`] wrote, with headers that were kept elsewhere. Without a fingerprint it is any key server's: the report says whose.
///
/// # Errors
/// Where it isn't whole, and why.
pub fn verify(input: impl BufRead, fingerprint: Option<&Hash>, kept: &[Place]) -> Result<Report, Failed> {
    let mut lines = Lines::new(input);
    let (_, key_server) = lines.first(WHAT, fingerprint)?;
    let mut log = Log::new(kept).map_err(|error| Failed::At(0, error))?;
    for number in 1.. {
        match lines.next()? {
            Line::Row { header, entries } => {
                let (header, entries) = (lines.bytes(&header)?, lines.all_bytes(&entries)?);
                let entries: Vec<_> = entries.iter().map(Vec::as_slice).collect();
                let taken = log.take(&header, &entries, &key_server, Minimum::default());
                taken.map_err(|error| Failed::At(number, error))?;
            }
            Line::End { rows } if rows + 1 == number => break,
            Line::End { .. } => return Err(lines.no("another number of rows")),
        }
    }
    lines.finish()?;
    report(&log, &key_server)
}
