//! The application's half of the two-man rule: API section 4.5, SPEC section 11.6. Whoever names a user is logged in here as that user, as with requests: his hour
//! without a login makes no difference.

use std::collections::{BTreeMap, BTreeSet};

use wardkey::{
    account::Receipt,
    encoding::{base64url, from_base64url},
    error::{Code, Error, Result},
    identity::{Identity, UserId},
    secret::Secret,
    signed::Minimum,
};

const NO_SHARE: Error = Error::new(&(Code::InvalidArgument, "a share is base64url of 32 bytes"));

/// Shares by user, and recoveries for which one was given out.
#[derive(Default)]
pub(crate) struct Application {
    pub(crate) shares: BTreeMap<String, Secret<32>>,
    pub(crate) recoveries: BTreeSet<[u8; 16]>,
}

impl Application {
    /// Keeps the share of a user, in the place of an earlier one.
    pub(crate) fn put(&mut self, user: &UserId, share: &str) -> Result<()> {
        let share = from_base64url(share).ok().and_then(|share| Secret::from_slice(&share)).ok_or(NO_SHARE)?;
        self.shares.insert(user.as_str().to_owned(), share);
        Ok(())
    }

    /// Gives the share out, once for each recovery, for the key server's receipt. It stays until another takes its place: a recovery may break off.
    pub(crate) fn take(&mut self, user: &UserId, receipt: &str, key_server: &Identity, now_ms: u64) -> Result<String> {
        let receipt = Receipt::verify(&from_base64url(receipt)?, key_server, user, now_ms, Minimum::default())?;
        let recovery = *receipt.value().recovery();
        if self.recoveries.contains(&recovery) {
            return Err(Error::new(&(Code::OtpExpired, "the receipt was used")));
        }
        let share =
            self.shares.get(user.as_str()).ok_or(Error::new(&(Code::NoBackup, "there is no share of this user")))?;
        self.recoveries.insert(recovery);
        Ok(base64url(share.expose()))
    }
}
