//! The tables, and how those of an earlier version become those of this one.

use wardkey_rules::{Kept, StoreError};

use super::connection::{Connection, int};

/// Of the tables below.
pub const VERSION: u64 = 3;

const VERSION_TABLE: &str = "CREATE TABLE schema_version (version BIGINT NOT NULL)";

/// Each step makes the tables of the next version. `BYTES` is the database's type for them, `ROW` that of a number at which a row itself stands; rows of a `SMALL` table are kept in its index, where a database can choose.
const STEPS: [&str; 3] = [
    r"
CREATE TABLE account (user_id TEXT PRIMARY KEY, account TEXT NOT NULL);
CREATE TABLE bundle (user_id TEXT NOT NULL, version BIGINT NOT NULL, hash BYTES NOT NULL UNIQUE, object BYTES NOT NULL, PRIMARY KEY (user_id, version));
CREATE TABLE recovery (id BYTES PRIMARY KEY, user_id TEXT NOT NULL, code BYTES NOT NULL, ends BIGINT NOT NULL, tries BIGINT NOT NULL, answered BIGINT, activated BIGINT);
CREATE INDEX recovery_ends ON recovery (ends);
CREATE TABLE counted (name TEXT NOT NULL, what BIGINT NOT NULL, at_ms BIGINT NOT NULL);
CREATE INDEX counted_name ON counted (name, what, at_ms);
CREATE INDEX counted_at ON counted (at_ms);
CREATE TABLE piece (session BYTES NOT NULL, kind BIGINT NOT NULL, party BYTES NOT NULL, sequence BIGINT NOT NULL, n BIGINT, more BIGINT, signer TEXT, data BYTES, wraps BYTES, PRIMARY KEY (session, kind, party, sequence));
CREATE TABLE session_state (id BYTES PRIMARY KEY, state BYTES NOT NULL);
CREATE TABLE feed (user_id TEXT NOT NULL, place BIGINT NOT NULL, id BYTES NOT NULL, epoch BIGINT, revoked BIGINT NOT NULL, at_ms BIGINT NOT NULL, chain BYTES NOT NULL, PRIMARY KEY (user_id, place));
CREATE INDEX feed_at ON feed (at_ms);
CREATE TABLE disabled (user_id TEXT PRIMARY KEY);
CREATE TABLE answered (name BYTES PRIMARY KEY, at_ms BIGINT NOT NULL, answer BYTES NOT NULL);
CREATE INDEX answered_at ON answered (at_ms);
CREATE TABLE journal_row (id BYTES PRIMARY KEY, blob BYTES NOT NULL);
CREATE TABLE journal_end (subject BYTES PRIMARY KEY, sequence BIGINT NOT NULL, hash BYTES NOT NULL, at_ms BIGINT NOT NULL, row_id BYTES NOT NULL, start BIGINT NOT NULL, length BIGINT NOT NULL) SMALL;
CREATE TABLE journal_late (id BYTES PRIMARY KEY) SMALL;
CREATE TABLE journal_mark (subject BYTES NOT NULL, sequence BIGINT NOT NULL, row_id BYTES NOT NULL, start BIGINT NOT NULL, length BIGINT NOT NULL, PRIMARY KEY (subject, sequence));
CREATE TABLE journal_loose (id BYTES PRIMARY KEY, entries BIGINT NOT NULL, root BYTES NOT NULL);
CREATE TABLE journal_header (number BIGINT PRIMARY KEY, row_id BYTES NOT NULL UNIQUE, header BYTES NOT NULL);
CREATE TABLE group_head (id BYTES PRIMARY KEY, sequence BIGINT NOT NULL, epoch BIGINT NOT NULL, epoch_key BYTES NOT NULL, fresh_until BIGINT NOT NULL);
CREATE TABLE group_state (id BYTES PRIMARY KEY, state BYTES NOT NULL);
CREATE TABLE operation (group_id BYTES NOT NULL, sequence BIGINT NOT NULL, signer TEXT, object BYTES NOT NULL, PRIMARY KEY (group_id, sequence));
CREATE TABLE group_keys (group_id BYTES NOT NULL, sequence BIGINT NOT NULL, signed BYTES NOT NULL, PRIMARY KEY (group_id, sequence));
CREATE TABLE group_body (group_id BYTES NOT NULL, party BYTES NOT NULL, sequence BIGINT NOT NULL, place BIGINT NOT NULL, body BYTES NOT NULL, PRIMARY KEY (group_id, party, sequence));
CREATE TABLE signed_head (group_id BYTES NOT NULL, place BIGINT NOT NULL, signer TEXT NOT NULL, object BYTES NOT NULL, PRIMARY KEY (group_id, place));
CREATE TABLE member (group_id BYTES NOT NULL, user_id TEXT NOT NULL, role BIGINT NOT NULL, PRIMARY KEY (group_id, user_id));
CREATE INDEX member_user ON member (user_id);
CREATE TABLE watcher (group_id BYTES NOT NULL, user_id TEXT NOT NULL, PRIMARY KEY (group_id, user_id));
CREATE TABLE waiting (name TEXT NOT NULL, place BIGINT NOT NULL, session BYTES NOT NULL, party BYTES NOT NULL, has_contact BIGINT NOT NULL, opens BIGINT NOT NULL, PRIMARY KEY (session, party));
CREATE INDEX waiting_name ON waiting (name, place);
CREATE TABLE claim (id BYTES PRIMARY KEY, user_id TEXT NOT NULL, group_id BYTES NOT NULL, placeholder BYTES NOT NULL, code BYTES NOT NULL, ends BIGINT NOT NULL, tries BIGINT NOT NULL, answered BIGINT NOT NULL);
CREATE INDEX claim_ends ON claim (ends);
CREATE TABLE event (id BYTES PRIMARY KEY, at_ms BIGINT NOT NULL, events TEXT NOT NULL);
CREATE INDEX event_at ON event (at_ms);
CREATE TABLE server (name TEXT PRIMARY KEY, value BYTES NOT NULL);
",
    r"
CREATE TABLE exchange_key (pair TEXT NOT NULL, version BIGINT NOT NULL, signer TEXT, object BYTES NOT NULL, PRIMARY KEY (pair, version));
",
    r"
CREATE TABLE packed (number ROW PRIMARY KEY, session BYTES NOT NULL, pieces BYTES NOT NULL);
",
];

/// The version of the tables that are there; 0: none.
///
/// # Errors
/// What the database says.
pub(crate) fn version(store: &mut dyn Connection) -> Kept<u64> {
    if !store.has_table("schema_version")? {
        return Ok(0);
    }
    let mut rows = store.rows("SELECT version FROM schema_version", &[])?;
    rows.pop()
        .map_or_else(|| Err(StoreError("a restore of this database wasn't finished".to_owned())), |mut row| row.int())
}

/// Are the tables of this program's version?
///
/// # Errors
/// If not, with what to do.
pub(crate) fn check(store: &mut dyn Connection) -> Kept<()> {
    match version(store)? {
        VERSION => Ok(()),
        0 => Err(StoreError("the database is empty: wardkey-server migrate makes its tables".to_owned())),
        found if found < VERSION => Err(StoreError(format!(
            "the tables are of version {found}, this program's of {VERSION}: wardkey-server migrate changes them"
        ))),
        found => Err(too_new(found)),
    }
}

pub(crate) fn too_new(found: u64) -> StoreError {
    StoreError(format!(
        "the tables are of version {found}, and this program knows up to {VERSION}: it takes a newer one"
    ))
}

/// The tables of a version that hold something worth keeping.
pub(crate) fn tables(version: u32) -> Vec<&'static str> {
    // The version's own isn't among the steps, and what happened a moment ago is over.
    let steps = STEPS.iter().take(usize::try_from(version).unwrap_or(usize::MAX));
    let lines = steps.flat_map(|step| step.lines()).filter_map(|line| line.strip_prefix("CREATE TABLE "));
    lines.filter_map(|line| line.split(' ').next()).filter(|table| *table != "event").collect()
}

/// Is there anything of a wardkey-server's?
pub(crate) fn is_there(store: &mut dyn Connection) -> Kept<bool> {
    store.has_table("schema_version")
}

/// Makes the tables of a version, but no version.
pub(crate) fn make(store: &mut dyn Connection, version: u32) -> Kept<()> {
    store.batch(VERSION_TABLE)?;
    for step in STEPS.iter().take(usize::try_from(version).unwrap_or(usize::MAX)) {
        store.batch(&store.in_its_words(step))?;
    }
    Ok(())
}

/// They are whole, and those of a database that was restored.
pub(crate) fn finish(store: &mut dyn Connection, version: u64) -> Kept<()> {
    put_version(store, version)?;
    super::database::put_setting(store, super::database::RESTORED, &[])
}

/// Drops all tables.
pub(crate) fn drop_all(store: &mut dyn Connection) -> Kept<()> {
    for table in tables(u32::MAX).into_iter().chain(["event", "schema_version"]) {
        store.batch(&["DROP TABLE IF EXISTS ", table].concat())?;
    }
    Ok(())
}

fn put_version(store: &mut dyn Connection, version: u64) -> Kept<()> {
    store.run("DELETE FROM schema_version", &[])?;
    store.run("INSERT INTO schema_version (version) VALUES (?1)", &[int(version)?]).map(drop)
}

/// Makes the next version's tables, within a transaction. Gives the version that there is now.
///
/// # Errors
/// What the database says; tables of a later version than this program's.
pub(crate) fn step(store: &mut dyn Connection) -> Kept<u64> {
    let found = version(store)?;
    if found > VERSION {
        return Err(too_new(found));
    }
    let step = usize::try_from(found).ok().and_then(|found| STEPS.get(found));
    let Some(step) = step else { return Ok(found) };
    if found == 0 {
        store.batch(VERSION_TABLE)?;
    }
    store.batch(&store.in_its_words(step))?;
    put_version(store, found + 1)?;
    Ok(found + 1)
}
