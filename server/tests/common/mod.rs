//! What tests of the server share.
#![allow(dead_code, reason = "not every test uses all of it")]

pub(crate) mod folder;
pub(crate) mod postgres;
