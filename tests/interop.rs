//! Opens what the Python decoder of `tests/interop/` made:
//!
//! ```text
//! python tests/interop/make.py target/interop && cargo test --test interop
//! ```
//!
//! `WARDKEY_INTEROP` names another directory. Without the files this fails, so it isn't part of a plain `cargo test`.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{env, fs, path::PathBuf};

use common::{
    check, delegations, group_story, objects,
    rows::{self, Opened, Refused},
    schema, story,
};
use serde::de::DeserializeOwned;

fn read<V: DeserializeOwned, I: DeserializeOwned>(name: &str, least: (usize, usize)) -> schema::File<V, I> {
    let named = env::var_os("WARDKEY_INTEROP").map(PathBuf::from);
    let directory = named.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/interop"));
    let path = directory.join(name);
    let Ok(text) = fs::read_to_string(&path) else {
        panic!("{} is missing: run `python tests/interop/make.py {}` first", path.display(), directory.display());
    };
    let file: schema::File<V, I> = schema::read(&text);
    let found = (file.vectors.len(), file.invalid.len());
    assert!(found.0 >= least.0 && found.1 >= least.1, "{name}: only {found:?} entries");
    file
}

fn replay<V: DeserializeOwned>(name: &str, least: usize, vector: impl Fn(&V)) {
    read::<V, serde_json::Value>(name, (least, 0)).vectors.iter().for_each(vector);
}

/// What must fail, too.
fn replay_all<V: DeserializeOwned, I: DeserializeOwned>(
    file_name: &str,
    least: (usize, usize),
    vector: impl Fn(&V),
    name: impl Fn(&I) -> &str,
    open: impl Fn(&I) -> wardkey::error::Result<()>,
) {
    let file = read::<V, I>(file_name, least);
    file.vectors.iter().for_each(vector);
    let unlike: Vec<_> = file.invalid.iter().filter_map(|row| check::unlike(name(&row.entry), row, &open)).collect();
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
}

/// One whose entries are of several kinds.
fn replay_kinds<I: rows::Input + DeserializeOwned>(file_name: &str, least: (usize, usize)) {
    replay_all(file_name, least, Opened::<I>::check, |row: &Refused<I>| &row.name, Refused::open);
}

#[test]
fn messages_made_by_python() {
    replay("message.json", 40, check::message);
}

#[test]
fn wrap_sets_made_by_python() {
    replay("wrap.json", 6, check::wrap);
}

#[test]
fn backups_made_by_python() {
    replay("backup.json", 8, check::backup);
}

#[test]
fn identities_made_by_python() {
    replay_all("identity.json", (5, 30), objects::check::identity, |row| &row.name, objects::check::try_identity);
}

#[test]
fn safety_numbers_made_by_python() {
    replay_all("safety_number.json", (1, 0), objects::check::safety, |row| &row.name, objects::check::try_safety);
}

#[test]
fn logins_made_by_python() {
    replay("login.json", 1, objects::check::login);
}

#[test]
fn states_made_by_python() {
    replay_all("state.json", (1, 1), objects::check::state, |row| &row.name, objects::check::try_state);
}

#[test]
fn contacts_receipts_and_proofs_made_by_python() {
    replay_all("recovery.json", (3, 10), objects::check::object, |row| &row.name, objects::check::try_object);
}

#[test]
fn shares_made_by_python() {
    replay_all("share.json", (1, 1), objects::check::share, |row| &row.name, objects::check::try_share);
}

#[test]
fn accounts_made_by_python() {
    replay_all("account.json", (2, 5), objects::check::account, |row| &row.name, objects::check::try_account);
}

#[test]
fn journals_made_by_python() {
    replay_all("journal.json", (2, 10), objects::check::journal, |row| &row.name, objects::check::try_journal);
}

#[test]
fn sessions_made_by_python() {
    replay_kinds::<story::Input>("session.json", (20, 100));
}

#[test]
fn groups_made_by_python() {
    replay_kinds::<group_story::Input>("group.json", (15, 80));
}

#[test]
fn sessions_with_groups_made_by_python() {
    replay_kinds::<story::Input>("group_session.json", (24, 28));
}

#[test]
fn delegations_made_by_python() {
    replay_kinds::<delegations::Input>("delegation.json", (20, 40));
}
