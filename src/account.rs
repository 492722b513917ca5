//! An account: how a user comes back with nothing but a password, or by two men. SPEC section 11.

mod contact;
mod login;
mod opening;
mod recovery;
mod share;
mod state;

pub use contact::Contact;
pub use login::{check_login, login_salt, server_salt};
pub use opening::{Account, Opened, Opening, Presented, TwoManShares, Which, accept, accept_off_line};
pub use recovery::{Receipt, RecoveryProof};
pub use share::{draw_shares, open_recovery_share, open_share, wrap_recovery_share, wrap_share};
pub use state::{Seen, State};
