//! The application's server as a process of its own, over HTTP and a file of SQLite, with a key server that only says who it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test that fails says where")]

mod address_book;
mod events;
mod files;
mod key_server;
mod logins;
mod page;
mod rights;
mod shares;
mod staff;
mod transfers;
mod world;
