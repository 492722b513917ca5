//! By what a user does.

mod account;
mod audit;
mod cache;
mod crash;
mod devices;
mod entities;
mod exchange_keys;
mod forgotten;
mod groups;
mod kept;
mod limits;
mod linkage;
mod messages;
mod outbox;
mod practice;
mod recovery;
mod revocations;
mod rsa;
mod serialized;
mod sessions;
