//! Where one-time codes go: SPEC section 11.5.

use super::{read_owner, write_owner};
use crate::{
    crypto::sign::SigningKey,
    encoding::{MALFORMED, Reader, Writer},
    error::{Code, Error, Result},
    identity::{AppId, Identity, UserId},
    party::Email,
    signed::{Hash, Minimum, Payload, Signed, Unverified},
};

/// What a contact says. It is believed only in one write with the backup of its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    app_id: AppId,
    user_id: UserId,
    version: u64,
    email: Email,
    signer: Hash,
}

impl Contact {
    /// Signs by the user's newest active bundle, for the backup of this version.
    ///
    /// # Errors
    /// `limit`.
    pub fn sign(
        app_id: &AppId,
        user_id: &UserId,
        version: u64,
        email: &Email,
        signer: (&Hash, &SigningKey),
    ) -> Result<Signed<Self>> {
        let (hash, key) = signer;
        let (app_id, user_id, email) = (app_id.clone(), user_id.clone(), email.clone());
        Signed::sign(Self { app_id, user_id, version, email, signer: *hash }, (), key)
    }

    /// Reads the contact of a user, written with the backup of this version.
    ///
    /// # Errors
    /// `limit`, `unsupported-version`, `invalid-format`, `downgrade`; `key-mismatch`: another's, or of another version; `bad-signature`.
    pub fn verify(object: &[u8], user: &Identity, version: u64, minimum: Minimum) -> Result<Signed<Self>> {
        let contact = Unverified::<Self>::parse(object, minimum)?;
        let says = contact.claimed();
        let is_his = says.app_id == *user.app_id() && Some(&says.user_id) == user.user_id();
        if !is_his || says.version != version {
            return Err(Error::new(&(Code::KeyMismatch, "the contact of another user or version")));
        }
        let key = user.newest_signing_key(&says.signer)?.clone();
        contact.verify(&key)
    }

    /// The address.
    #[must_use]
    pub const fn email(&self) -> &Email {
        &self.email
    }

    /// The version of the backup with which it was written.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }
}

impl Payload for Contact {
    const LABEL: &'static str = "wardkey/v1/contact";
    const MAX: usize = 8 << 10;
    type More = ();

    fn write(&self, w: &mut Writer) {
        w.map(5);
        write_owner(w, &self.app_id, &self.user_id);
        w.uint(3);
        w.uint(self.version);
        w.uint(4);
        w.text(self.email.as_str());
        w.uint(5);
        w.bytes(&self.signer.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.map_of(5)?;
        let (app_id, user_id) = read_owner(reader)?;
        reader.key(3)?;
        let version = reader.uint()?;
        if version == 0 {
            return Err(MALFORMED);
        }
        reader.key(4)?;
        let email = Email::read(reader)?;
        reader.key(5)?;
        let signer = Hash(reader.fixed()?);
        Ok(Self { app_id, user_id, version, email, signer })
    }
}
