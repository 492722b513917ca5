//! The application's server as a process of its own, over HTTP and a file of SQLite, with a key server that only says who it is.
#![allow(missing_docs)]

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
