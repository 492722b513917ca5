//! Makes the files of `testdata/`, the same bytes each time: the generator is seeded with the file's name. What is recorded never changes; new vectors
//! go into new files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod account;
mod author_invalid;
mod backup;
mod backup_invalid;
mod delegation;
mod derive;
mod entity;
mod entity_invalid;
mod exchange_key;
mod exchange_key_invalid;
mod group;
mod group_head_invalid;
mod group_invalid;
mod group_keys_invalid;
mod group_session;
mod group_session_broken;
mod group_session_invalid;
mod identity;
mod journal;
mod journal_log;
mod log_invalid;
mod manifest;
mod message;
mod message_invalid;
mod oaep;
mod opening;
mod password;
mod public_key;
mod rows;
mod session;
mod session_invalid;
mod session_message_invalid;
mod wrap;
mod wrap_invalid;

use serde::Serialize;

use crate::common::{
    hex::hex,
    keys::Pair,
    rng::{Seeded, draw_array, seeded},
    schema::{Invalid, Recipient},
};

/// Name and text of every file.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    vec![
        file("derive.json", derive::file),
        file("message.json", message::file),
        file("public_key.json", public_key::file),
        file("wrap.json", wrap::file),
        file("backup.json", backup::file),
        file("password.json", password::file),
        file("oaep.json", oaep::file),
        file("identity.json", identity::file),
        file("safety_number.json", identity::safety_numbers),
        file("login.json", account::logins),
        file("state.json", account::states),
        file("recovery.json", account::objects),
        file("share.json", account::shares),
        file("account.json", opening::file),
        file("journal.json", journal::file),
        file("journal_log.json", journal_log::file),
        file("session.json", session::file),
        file("group.json", group::file),
        file("group_session.json", group_session::file),
        file("delegation.json", delegation::file),
    ]
}

fn file<T: Serialize>(name: &'static str, make: fn(&mut Seeded) -> T) -> (&'static str, String) {
    let mut text = serde_json::to_string_pretty(&make(&mut seeded(name))).expect("JSON");
    text.push('\n');
    (name, text)
}

fn invalid<T>(error: &str, entry: T) -> Invalid<T> {
    Invalid { entry, error: error.to_owned() }
}

fn draw_key(rng: &mut Seeded) -> [u8; 32] {
    draw_array(rng)
}

fn recipient(pair: &Pair) -> Recipient {
    Recipient {
        suite: pair.suite.name().to_owned(),
        private: hex(&pair.private),
        text: pair.pair.public_key().to_string(),
    }
}
