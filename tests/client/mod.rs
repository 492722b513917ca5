//! By what a user does.

mod account;
mod crash;
mod devices;
mod outbox;
mod recovery;
mod sessions;
