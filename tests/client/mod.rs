//! By what a user does.

mod account;
mod crash;
mod devices;
mod recovery;
mod sessions;
