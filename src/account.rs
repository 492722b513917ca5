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

use crate::{
    encoding::{Reader, Writer},
    error::Result,
    identity::{AppId, UserId},
};

/// Fields 1 and 2 of a signed object: whose account it is about.
fn write_owner(w: &mut Writer, app_id: &AppId, user_id: &UserId) {
    w.uint(1);
    w.text(app_id.as_str());
    w.uint(2);
    w.text(user_id.as_str());
}

fn read_owner(reader: &mut Reader<'_>) -> Result<(AppId, UserId)> {
    reader.key(1)?;
    let app_id = AppId::read(reader)?;
    reader.key(2)?;
    Ok((app_id, UserId::read(reader)?))
}
