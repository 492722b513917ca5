//! What the key server keeps, in a database: the tables of `docs/API.md` section 8 in plain SQL, the same for SQLite and for what speaks PostgreSQL's protocol.
//!
//! One request is one serializable transaction, answered when it is durable. SQLite is for one process: one thread writes, as many requests in one commit as came
//! meanwhile, others read. PostgreSQL is for many: each connection is a thread's, and what the database refuses for another's sake is run again.

mod backup;
mod connection;
mod database;
mod dump;
mod ends;
mod engine;
mod exchange_keys;
mod groups;
mod packed;
mod pieces;
mod postgres;
mod row;
mod schema;
mod sqlite;
mod tables;
mod tls;

pub use self::{
    connection::{Connection, Each, Value},
    database::{Database, Options, Place},
    engine::job::{Asked, AskedBy},
    row::Row,
    schema::VERSION,
    tables::Tables,
};
