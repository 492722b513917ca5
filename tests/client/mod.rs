//! By what a user does.

mod account;
mod audit;
mod cache;
mod crash;
mod devices;
mod messages;
mod outbox;
mod recovery;
mod rsa;
mod serialized;
mod sessions;
