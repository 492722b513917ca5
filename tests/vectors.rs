//! The recorded vectors: each opens to what it says, each is made again to the byte, and none has changed.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod recording;

use std::{fs, path::PathBuf};

use common::{
    check, delegations, group_story, objects,
    rows::{self, Opened, Refused},
    schema::{self, File},
    story, sums,
};
use serde::de::DeserializeOwned;

fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// Replays a file: so many entries at least.
fn replay<V: DeserializeOwned, I: DeserializeOwned>(
    file_name: &str,
    least: (usize, usize),
    vector: impl Fn(&V),
    name: impl Fn(&I) -> &str,
    open: impl Fn(&I) -> wardkey::error::Result<()>,
) {
    let file: File<V, I> = schema::read(&fs::read_to_string(testdata().join(file_name)).expect(file_name));
    let found = (file.vectors.len(), file.invalid.len());
    assert!(found.0 >= least.0 && found.1 >= least.1, "{file_name}: {found:?} entries");
    file.vectors.iter().for_each(vector);
    let unlike: Vec<_> = file.invalid.iter().filter_map(|row| check::unlike(name(&row.entry), row, &open)).collect();
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
}

/// One whose entries are of several kinds.
fn replay_kinds<I: rows::Input + DeserializeOwned>(file_name: &str, least: (usize, usize)) {
    replay(file_name, least, Opened::<I>::check, |row: &Refused<I>| &row.name, Refused::open);
}

#[test]
fn derive() {
    replay::<_, schema::Derive>("derive.json", (8, 0), check::derive, |row| &row.name, |_| panic!("no such entry"));
}

#[test]
fn message() {
    replay::<_, schema::Message>("message.json", (60, 110), check::message, |row| &row.name, check::try_message);
}

#[test]
fn messages_of_every_length() {
    common::every_length::same_bytes();
}

#[test]
fn public_key() {
    replay::<_, schema::BadPublicKey>(
        "public_key.json",
        (10, 90),
        check::public_key,
        |row| &row.name,
        check::try_public_key,
    );
}

#[test]
fn wrap() {
    replay::<_, schema::BadWrap>("wrap.json", (8, 70), check::wrap, |row| &row.name, check::try_wrap);
}

#[test]
fn backup() {
    replay::<_, schema::BadBackup>("backup.json", (12, 110), check::backup, |row| &row.name, check::try_backup);
}

#[test]
fn password() {
    replay::<_, schema::BadPassword>("password.json", (20, 15), check::password, |row| &row.name, check::try_password);
}

#[test]
fn session() {
    replay_kinds::<story::Input>("session.json", (30, 140));
}

#[test]
fn group() {
    replay_kinds::<group_story::Input>("group.json", (40, 300));
}

#[test]
fn group_session() {
    replay_kinds::<story::Input>("group_session.json", (85, 100));
}

#[test]
fn delegation() {
    replay_kinds::<delegations::Input>("delegation.json", (50, 150));
}

#[test]
fn identity() {
    replay("identity.json", (11, 90), objects::check::identity, |row| &row.name, objects::check::try_identity);
}

#[test]
fn safety_number() {
    replay("safety_number.json", (6, 10), objects::check::safety, |row| &row.name, objects::check::try_safety);
}

#[test]
fn login() {
    replay::<_, objects::schema::Login>(
        "login.json",
        (4, 0),
        objects::check::login,
        |row| &row.name,
        |_| panic!("no such entry"),
    );
}

#[test]
fn state() {
    replay("state.json", (7, 20), objects::check::state, |row| &row.name, objects::check::try_state);
}

/// Contacts, receipts, recovery proofs.
#[test]
fn recovery() {
    replay("recovery.json", (6, 120), objects::check::object, |row| &row.name, objects::check::try_object);
}

#[test]
fn share() {
    replay("share.json", (3, 7), objects::check::share, |row| &row.name, objects::check::try_share);
}

#[test]
fn account() {
    replay("account.json", (11, 30), objects::check::account, |row| &row.name, objects::check::try_account);
}

#[test]
fn journal() {
    replay("journal.json", (9, 70), objects::check::journal, |row| &row.name, objects::check::try_journal);
}

#[test]
fn journal_log() {
    let check = objects::check::journal_log;
    replay("journal_log.json", (7, 70), check, |row| &row.name, objects::check::try_journal_log);
}

#[test]
fn made_again_to_the_byte() {
    for (name, text) in recording::all() {
        let recorded = fs::read_to_string(testdata().join(name)).expect(name);
        let differs = text.lines().zip(recorded.lines()).position(|(made, recorded)| made != recorded);
        assert!(text == recorded, "{name} is made differently from line {differs:?} on");
    }
}

#[test]
fn none_has_changed() {
    let found = sums::of_files(&testdata()).expect("testdata");
    let recorded = sums::recorded(&testdata());
    assert!(recorded.len() >= 10, "{} sums", recorded.len());
    assert_eq!(found, recorded);
}
