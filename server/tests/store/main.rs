//! The store: memory, SQLite and a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod backup;
#[path = "../common/mod.rs"]
mod common;
mod conformance;
mod engine;
mod keeper;
mod things;
