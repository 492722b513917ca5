//! The rules' own tests, each request asked of SQLite and of a real PostgreSQL, too: all three answer alike.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

#[path = "../common/mod.rs"]
mod common;
mod mirror;
mod parallel;
mod statements;

#[path = "../../rules/tests/rules/account.rs"]
mod account;
#[path = "../../rules/tests/rules/atomicity.rs"]
mod atomicity;
#[path = "../../rules/tests/rules/claims.rs"]
mod claims;
#[path = "../../rules/tests/rules/codes.rs"]
mod codes;
#[path = "../../rules/tests/rules/exchange_keys.rs"]
mod exchange_keys;
#[path = "../../rules/tests/rules/exchange_keys_refused.rs"]
mod exchange_keys_refused;
#[path = "../../rules/tests/rules/failing.rs"]
mod failing;
#[path = "../../rules/tests/rules/feed.rs"]
mod feed;
#[path = "../../rules/tests/rules/groups.rs"]
mod groups;
#[path = "../../rules/tests/rules/histories.rs"]
mod histories;
#[path = "../../rules/tests/rules/journal.rs"]
mod journal;
#[path = "../../rules/tests/rules/keys.rs"]
mod keys;
#[path = "../../rules/tests/rules/random.rs"]
mod random;
#[path = "../../rules/tests/rules/recovery.rs"]
mod recovery;
#[path = "../../rules/tests/rules/requests.rs"]
mod requests;
#[path = "../../rules/tests/rules/server.rs"]
mod server;
#[path = "../../rules/tests/rules/sessions.rs"]
mod sessions;
#[path = "../../rules/tests/rules/user.rs"]
mod user;
#[path = "../../rules/tests/rules/ward.rs"]
mod ward;
#[path = "../../rules/tests/rules/world.rs"]
mod world;
