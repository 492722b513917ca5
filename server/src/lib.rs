//! Wardkey's key server: the rules of `docs/API.md` over HTTP, what they keep in SQLite or PostgreSQL, codes by mail.

mod admin;
mod apps;
mod audit;
pub mod cli;
mod clock;
mod config;
mod http;
pub mod journal;
mod mail;
mod openapi;
pub mod sealed;
mod serve;
pub mod store;
mod tokens;
