//! Signed steps of a recovery: SPEC section 11.6.

use sha2::{Digest, Sha256};

use super::{read_owner, write_owner};
use crate::{
    crypto::sign::SigningKey,
    encoding::{Reader, Writer},
    error::{Code, Error, Result},
    identity::{AppId, Identity, UserId},
    signed::{Hash, Minimum, Payload, Signed, Unverified},
};

/// The key server says that a code was right: the application gives out its share once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    app_id: AppId,
    user_id: UserId,
    recovery: [u8; 16],
    end: u64,
    signer: Hash,
}

impl Receipt {
    /// Signs, at the key server.
    ///
    /// # Errors
    /// `limit`.
    pub fn sign(
        app_id: &AppId,
        user_id: &UserId,
        recovery: [u8; 16],
        end: u64,
        signer: (&Hash, &SigningKey),
    ) -> Result<Signed<Self>> {
        let (app_id, user_id) = (app_id.clone(), user_id.clone());
        Signed::sign(Self { app_id, user_id, recovery, end, signer: *signer.0 }, (), signer.1)
    }

    /// The application's check, but for one thing that it must remember: that no receipt of this recovery was used before.
    ///
    /// # Errors
    /// `limit`, `unsupported-version`, `invalid-format`, `downgrade`; `bad-signature`; `key-mismatch`: another app's or user's; `otp-expired`.
    pub fn verify(
        object: &[u8],
        key_server: &Identity,
        user_id: &UserId,
        now: u64,
        minimum: Minimum,
    ) -> Result<Signed<Self>> {
        let receipt = Unverified::<Self>::parse(object, minimum)?;
        let key = key_server.signing_key(&receipt.claimed().signer)?.clone();
        let receipt = receipt.verify(&key)?;
        let says = receipt.value();
        if says.app_id != *key_server.app_id() || says.user_id != *user_id {
            return Err(Error::new(&(Code::KeyMismatch, "the receipt of another user")));
        }
        if now >= says.end {
            return Err(Error::new(&(Code::OtpExpired, "the receipt has ended")));
        }
        Ok(receipt)
    }

    /// The recovery.
    #[must_use]
    pub const fn recovery(&self) -> &[u8; 16] {
        &self.recovery
    }
}

impl Payload for Receipt {
    const LABEL: &'static str = "wardkey/v1/receipt";
    const MAX: usize = 8 << 10;
    type More = ();

    fn write(&self, w: &mut Writer) {
        w.map(5);
        write_owner(w, &self.app_id, &self.user_id);
        w.uint(3);
        w.bytes(&self.recovery);
        w.uint(4);
        w.uint(self.end);
        w.uint(5);
        w.bytes(&self.signer.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(5)?;
        let (app_id, user_id) = read_owner(reader)?;
        reader.key(3)?;
        let recovery = reader.fixed()?;
        reader.key(4)?;
        let end = reader.uint()?;
        reader.key(5)?;
        let signer = Hash(reader.fixed()?);
        Ok(Self { app_id, user_id, recovery, end, signer })
    }
}

/// The user's identity, opened by two men, says that this backup is its own: a code alone overwrites nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryProof {
    recovery: [u8; 16],
    backup: [u8; 32],
    signer: Hash,
}

impl RecoveryProof {
    /// Signs for a pending backup, by the user's newest active bundle.
    ///
    /// # Errors
    /// `limit`.
    pub fn sign(recovery: [u8; 16], backup: &[u8], signer: (&Hash, &SigningKey)) -> Result<Signed<Self>> {
        let backup = Sha256::digest(backup).into();
        Signed::sign(Self { recovery, backup, signer: *signer.0 }, (), signer.1)
    }

    /// The key server's check.
    ///
    /// # Errors
    /// `limit`, `unsupported-version`, `invalid-format`, `downgrade`; `key-mismatch`: of another recovery or backup; `bad-signature`.
    pub fn verify(
        object: &[u8],
        recovery: &[u8; 16],
        backup: &[u8],
        user: &Identity,
        minimum: Minimum,
    ) -> Result<Signed<Self>> {
        let proof = Unverified::<Self>::parse(object, minimum)?;
        let says = proof.claimed();
        if says.recovery != *recovery || says.backup != *Sha256::digest(backup) {
            return Err(Error::new(&(Code::KeyMismatch, "the proof of another recovery or backup")));
        }
        let key = user.newest_signing_key(&says.signer)?.clone();
        proof.verify(&key)
    }
}

impl Payload for RecoveryProof {
    const LABEL: &'static str = "wardkey/v1/recovery-proof";
    const MAX: usize = 8 << 10;
    type More = ();

    fn write(&self, w: &mut Writer) {
        w.map(3);
        w.uint(1);
        w.bytes(&self.recovery);
        w.uint(2);
        w.bytes(&self.backup);
        w.uint(3);
        w.bytes(&self.signer.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(3)?;
        reader.key(1)?;
        let recovery = reader.fixed()?;
        reader.key(2)?;
        let backup = reader.fixed()?;
        reader.key(3)?;
        let signer = Hash(reader.fixed()?);
        Ok(Self { recovery, backup, signer })
    }
}
