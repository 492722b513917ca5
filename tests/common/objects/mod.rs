//! Vectors of SPEC sections 9 to 14: their JSON, and the check of each entry.

pub(crate) mod check;
pub(crate) mod schema;
