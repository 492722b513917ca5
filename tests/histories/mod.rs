//! Histories of groups and sessions: what is done, what came of it by the requests alone, and who should read.

pub(crate) mod act;
pub(crate) mod evil;
pub(crate) mod play;
pub(crate) mod truth;
