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

use common::{check, schema};
use serde::de::DeserializeOwned;

fn replay<V: DeserializeOwned>(name: &str, least: usize, vector: impl Fn(&V)) {
    let named = env::var_os("WARDKEY_INTEROP").map(PathBuf::from);
    let directory = named.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/interop"));
    let path = directory.join(name);
    let Ok(text) = fs::read_to_string(&path) else {
        panic!("{} is missing: run `python tests/interop/make.py {}` first", path.display(), directory.display());
    };
    let file: schema::File<V> = schema::read(&text);
    assert!(file.vectors.len() >= least, "{name}: only {} vectors", file.vectors.len());
    file.vectors.iter().for_each(vector);
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
