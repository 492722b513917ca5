//! Groups: a log that says who belongs, and the secrets of its epochs. SPEC sections 12.8 to 12.12.
//!
//! What is wrapped for a group is wrapped for the key pair of its newest epoch. Whoever belongs has that epoch's secret, and by it all earlier ones; a removal
//! begins a new epoch.

mod epoch;
mod genesis;
mod head;
mod kept;
mod keys;
mod log;
mod making;
mod member;
mod operation;

use crate::error::{Code, Error};

pub use self::{
    epoch::{Epoch, Epochs, Opening},
    genesis::{Genesis, Lifetimes, Name},
    head::{Head, SignedHead},
    keys::{Delivery, Stanza, check_keys, join, split},
    log::Log,
    making::{Created, Made, create, sign_head},
    member::{Member, Role},
    operation::{Action, Operation},
};

pub(crate) const NO_GROUP: Error = Error::new(&(Code::UnknownGroup, "no such group"));
