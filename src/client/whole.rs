//! A backup that is written whole: SPEC section 11.3. Pending, read back, the application's share, its login secret, active: wherever that ends, a password that
//! the application knows opens one of the two.

use core::cell::RefCell;

use super::{
    Client, Host, LoginStore,
    api::WholeBody,
    unlock::{OnLine, slices},
};
use crate::{
    account::{Account, Contact, Presented, RecoveryProof, accept, draw_shares, wrap_share},
    backend::{Backend, NO_SHARES, Outcome},
    backup::{Envelope, Keys},
    encoding::{MALFORMED, base64url},
    error::{Code, Error},
    identity::UserId,
    key_pair::KeyPair,
    party::Email,
    password::SlowKey,
    secret::SecretBytes,
    sign::SigningKey,
    signed::Hash,
};

const OTHER: Error = Error::new(&(Code::Conflict, "another backup is pending than the one that was written"));

/// Who writes.
#[derive(Clone, Copy)]
pub(super) enum By {
    /// The user, who has a token.
    User,
    /// A recovery, whose code was answered.
    Recovery([u8; 16]),
}

/// What is written.
pub(super) struct Whole<'a> {
    pub(super) by: By,
    /// Of the password that opens it.
    pub(super) slow: &'a SlowKey,
    /// The newest first.
    pub(super) encryption: Vec<&'a KeyPair>,
    pub(super) signing: Vec<&'a SigningKey>,
    pub(super) state: SecretBytes,
    /// The next bundle.
    pub(super) renewal: Option<Vec<u8>>,
    /// Where it changes.
    pub(super) contact: Option<Email>,
    /// The newest active bundle.
    pub(super) signer: (Hash, &'a SigningKey),
}

/// What this client is making the active backup: it goes on with it when the answer is here, and an event or a reading that is faster is nothing new.
struct Activating<'a>(&'a RefCell<Vec<Envelope>>, &'a Envelope);

impl<'a> Activating<'a> {
    fn begin(all: &'a RefCell<Vec<Envelope>>, envelope: &'a Envelope) -> Self {
        all.borrow_mut().push(envelope.clone());
        Self(all, envelope)
    }
}

impl Drop for Activating<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().retain(|one| one != self.1);
    }
}

impl<H: Host> Client<H> {
    /// Writes over what was found, and opens what was written. `conflict`: the key server has something else by now.
    pub(super) async fn write_whole(
        &self,
        user: &UserId,
        found: &OnLine,
        whole: &Whole<'_>,
        login: &impl LoginStore,
        changes_password: bool,
    ) -> Outcome<(Account, Envelope)> {
        let app_id = &self.options.app_id;
        let version = found.highest.saturating_add(1);
        let is_for_two_men = whole.contact.is_some() || found.envelope.is_for_two_men();
        if is_for_two_men && !self.host.backend().has_app_share() {
            return Err(NO_SHARES.into());
        }
        let (envelope, men, share, contact, proof) = {
            let rng = &mut *self.host.random().borrow_mut();
            let men = is_for_two_men.then(|| draw_shares(rng)).transpose()?;
            let keys = Keys { encryption: &whole.encryption, signing: &whole.signing };
            let derivation = found.envelope.derivation();
            let sealing = Envelope::begin(rng, &self.owner(user), version, derivation, men.as_ref(), &keys)?;
            let state = SecretBytes::new(whole.state.expose().to_vec());
            let envelope = sealing.with_state(state).finish(rng, whole.slow)?;
            let key_server = found.account.key_server.as_ref().ok_or(MALFORMED)?.encryption_key();
            let wrap = |share| wrap_share(rng, share, key_server, (app_id, user), version);
            let share = men.as_ref().map(|men| &men.key_server).map(wrap).transpose()?;
            let (hash, key) = whole.signer;
            let sign = |email| Contact::sign(app_id, user, version, email, (&hash, key));
            let contact = whole.contact.as_ref().map(sign).transpose()?.map(|contact| contact.to_bytes());
            let proof = match whole.by {
                By::User => None,
                By::Recovery(id) => Some(RecoveryProof::sign(id, &envelope.encode(), (&hash, key))?.to_bytes()),
            };
            (envelope, men, share, contact, proof)
        };

        let backup = envelope.encode();
        let body = WholeBody {
            backup: &backup,
            share: share.as_deref(),
            bundle: whole.renewal.as_deref(),
            contact: contact.as_deref(),
        };
        match (whole.by, &proof) {
            (By::Recovery(id), Some(proof)) => self.send_recovered(&id, &body, proof).await?,
            _ => {
                self.send_pending(user, &body).await?;
                let pending = self.read_backups(user).await?.pending.ok_or(OTHER)?;
                if pending.backup != backup {
                    return Err(OTHER.into());
                }
            }
        }
        // What goes wrong here does so before anything depends on it.
        let contents = Envelope::parse(&backup)?.open_account(whole.slow)?;
        let (own, key_server) = (slices(&found.identity), slices(&found.key_server));
        let presented = Presented { own: &own, renewal: whole.renewal.as_deref(), key_server: &key_server };
        let account = accept(app_id, user, (&envelope, contents), 0, &presented, &self.options.trust)?;

        if let Some(men) = &men {
            self.host.backend().put_share(user, &base64url(men.application.expose())).await?;
        }
        if changes_password {
            login.store(&base64url(whole.slow.login_secret().expose())).await?;
        }
        let begun = Activating::begin(&self.activating, &envelope);
        match whole.by {
            By::User => self.activate(user, version).await?,
            By::Recovery(id) => self.activate_recovered(&id, version).await?,
        }
        drop(begun);
        Ok((account, envelope))
    }
}
