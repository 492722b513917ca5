//! Placeholders that a group claims: a code goes to the contact that they name, and the right one assigns them. SPEC section 12.3, API sections 9.5 and 9.6.

use super::{Client, Host, PAGES};
use crate::{
    backend::Outcome,
    encoding::{MALFORMED, base64url, from_base64url},
    error::{Code, Error},
    identity::UserId,
    signed::Hash,
};

/// A claim that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimStarted {
    /// For [`Client::finish_claim`].
    pub claim_id: String,
    /// Where the code went, masked.
    pub sent_to: String,
}

impl<H: Host> Client<H> {
    /// Asks for a code to the contact of a placeholder. The group's newest state is vouched for with it: nothing is assigned to a stale one.
    ///
    /// # Errors
    /// `locked`; `forbidden` for who is no admin of the group; `unknown-session` where nothing waits with a contact; `throttled`; those of [`Self::group`].
    pub async fn start_claim(&self, group: &Hash, placeholder: &str) -> Outcome<ClaimStarted> {
        let placeholder = UserId::new(placeholder)?;
        let (user, cache) = (self.with(|ready| ready.user.clone())?, self.warm().await?);
        self.know_groups(&[*group], true).await?;
        self.check_cache(&cache)?;
        let (id, sent_to) = self.send_claim(&user, group, &placeholder).await?;
        Ok(ClaimStarted { claim_id: base64url(&id), sent_to })
    }

    /// Answers the code: the key server assigns what waits under the placeholder with that contact to the group, and deletes what it kept of it. Gives the sessions.
    ///
    /// # Errors
    /// `locked`, `invalid-argument`, `forbidden`; `otp-wrong`, `otp-expired`, `otp-locked`; `stale` where nobody vouches for the group; those of the backend.
    pub async fn finish_claim(&self, group: &Hash, claim_id: &str, code: &str) -> Outcome<Vec<Hash>> {
        const NO_CLAIM: Error = Error::new(&(Code::InvalidArgument, "not the id of a claim"));
        let claim = from_base64url(claim_id).ok().and_then(|id| <[u8; 16]>::try_from(id).ok()).ok_or(NO_CLAIM)?;
        let (user, cache) = (self.with(|ready| ready.user.clone())?, self.warm().await?);
        self.know_groups(&[*group], true).await?;
        let mut assigned = Vec::new();
        for _ in 0..PAGES {
            self.check_cache(&cache)?;
            let (sessions, more) = self.answer_claim(&user, group, &claim, code).await?;
            // None of them, where none of so many could be assigned.
            assigned.extend(sessions);
            if !more {
                return Ok(assigned);
            }
        }
        Err(MALFORMED.into())
    }
}
