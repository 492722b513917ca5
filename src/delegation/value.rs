//! What stands in an entity's maps, sealed under exchange keys: SPEC section 18.8.

use rand_core::TryCryptoRng;

use super::{
    content::EntityKey,
    names::{MAX_ID, Pair, is_id},
    opening::ExchangeKeys,
};
use crate::{
    cobblestone::{self, Derived, PREFIX, TAG},
    data_key::DataKey,
    encoding::{Writer, encode_into},
    error::{Code, Error, Result},
    random::Random,
    secret::{Secret, SecretBytes},
};

/// Bytes around what is sealed.
const OVERHEAD: usize = PREFIX + TAG;
/// Bytes of a sealed key.
pub(super) const SEALED_KEY: usize = OVERHEAD + 32;
/// Bytes of a sealed id at least; ids of up to 126 bytes all have it.
pub(super) const SEALED_ID: usize = OVERHEAD + LEAST;
/// Bytes of a sealed id at most.
pub(super) const SEALED_ID_MAX: usize = OVERHEAD + (MAX_ID + LENGTH).next_multiple_of(BLOCK);
const LEAST: usize = 128;
const BLOCK: usize = 64;
const LENGTH: usize = 2;

const FAILED: Error = Error::new(&(Code::DecryptionFailed, "wrong key or context, or changed bytes"));

/// A map of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    EncryptionKeys,
    Delegations,
    CryptedForeignKeys,
}

impl Field {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::EncryptionKeys => "encryptionKeys",
            Self::Delegations => "delegations",
            Self::CryptedForeignKeys => "cryptedForeignKeys",
        }
    }

    /// The map of this member.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::EncryptionKeys, Self::Delegations, Self::CryptedForeignKeys]
            .into_iter()
            .find(|field| field.name() == name)
    }
}

/// The entity that a value is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<'a> {
    pub(super) id: &'a str,
    pub(super) entity_type: &'a str,
}

impl Of<'_> {
    fn context(self, field: Field, pair: &Pair) -> Vec<u8> {
        self.encode(pair.as_str().len(), |w| {
            w.array(5);
            w.text("wardkey/v1/delegation");
            w.text(self.id);
            w.text(self.entity_type);
            w.text(field.name());
            w.text(pair.as_str());
        })
    }

    /// What the content is bound to.
    pub(super) fn content_context(self) -> Vec<u8> {
        self.encode(0, |w| {
            w.array(3);
            w.text("wardkey/v1/entity");
            w.text(self.id);
            w.text(self.entity_type);
        })
    }

    /// With room for this much beside what all contexts have: they are made for each value.
    fn encode(self, more: usize, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        encode_into(Vec::with_capacity(64 + self.id.len() + self.entity_type.len() + more), write)
    }

    /// Seals one value.
    pub(super) fn seal<R: TryCryptoRng>(
        self,
        rng: &mut Random<R>,
        (field, pair): (Field, &Pair),
        exchange_key: &DataKey,
        value: &[u8],
    ) -> Result<Vec<u8>> {
        cobblestone::seal_with(exchange_key.expander(), rng, &self.context(field, pair), value)
    }

    /// Opens one value with the version of the exchange key that it is of: its commitment tells.
    pub(super) fn open(
        self,
        (field, pair): (Field, &Pair),
        keys: &ExchangeKeys,
        value: &[u8],
    ) -> core::result::Result<SecretBytes, Failure> {
        let context = self.context(field, pair);
        let (prefix, chunks) = value.split_first_chunk::<PREFIX>().ok_or(Failure::Bad(FAILED))?;
        for key in keys.open() {
            if let Ok(derived) = Derived::verified(key.expander(), prefix, &context) {
                let mut opened = Vec::with_capacity(chunks.len());
                derived.chunks().open_all(0, &mut opened, chunks).map_err(Failure::Bad)?;
                return Ok(SecretBytes::new(opened));
            }
        }
        Err(keys.why_closed().map_or(Failure::Bad(FAILED), Failure::Closed))
    }
}

/// Why a value stays closed.
pub(super) enum Failure {
    /// By an exchange key that is closed.
    Closed(Error),
    /// By itself.
    Bad(Error),
}

impl Failure {
    pub(super) const fn error(&self) -> Error {
        match self {
            Self::Closed(error) | Self::Bad(error) => *error,
        }
    }
}

/// An id, so that its length doesn't show: `id ‖ zeros ‖ u16(length)`.
pub(super) fn pad_id(id: &str) -> Vec<u8> {
    let total = (id.len() + LENGTH).next_multiple_of(BLOCK).max(LEAST);
    let mut padded = Vec::with_capacity(total);
    padded.extend_from_slice(id.as_bytes());
    padded.resize(total - LENGTH, 0);
    padded.extend_from_slice(&u16::try_from(id.len()).unwrap_or(u16::MAX).to_be_bytes());
    padded
}

/// The id again.
///
/// # Errors
/// `decryption-failed`.
pub(super) fn unpad_id(padded: &[u8]) -> Result<&str> {
    let (id, length) = padded.split_last_chunk::<LENGTH>().ok_or(FAILED)?;
    let (id, zeros) = id.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(FAILED)?;
    let total = (id.len() + LENGTH).next_multiple_of(BLOCK).max(LEAST);
    let id = core::str::from_utf8(id).map_err(|_| FAILED)?;
    let fits = total == padded.len() && zeros.iter().all(|byte| *byte == 0) && is_id(id);
    if fits { Ok(id) } else { Err(FAILED) }
}

/// The entity's key.
///
/// # Errors
/// `decryption-failed`.
pub(super) fn key_of(value: &SecretBytes) -> Result<EntityKey> {
    Secret::from_slice(value.expose()).map(EntityKey::new).ok_or(FAILED)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn ids_of_many_lengths_look_alike() {
        for (length, padded) in
            [(1, 128), (62, 128), (63, 128), (126, 128), (127, 192), (190, 192), (191, 256), (1024, 1088)]
        {
            let id = "x".repeat(length);
            assert_eq!(pad_id(&id).len(), padded, "{length}");
            assert_eq!(unpad_id(&pad_id(&id)).unwrap(), id);
        }
        assert_eq!((SEALED_KEY, SEALED_ID, SEALED_ID_MAX), (104, 200, 1160));
    }

    #[test]
    fn padding_has_one_form() {
        let good = pad_id("1234");
        let changed = |change: fn(&mut Vec<u8>)| {
            let mut padded = good.clone();
            change(&mut padded);
            unpad_id(&padded).map(str::to_owned)
        };
        assert!(changed(|_| ()).is_ok());
        for change in [
            |padded: &mut Vec<u8>| padded[100] = 1,
            |padded: &mut Vec<u8>| padded[127] = 127,
            |padded: &mut Vec<u8>| padded[127] = 0,
            |padded: &mut Vec<u8>| padded[127] = 3,
            |padded: &mut Vec<u8>| padded[0] = 0xff,
            |padded: &mut Vec<u8>| padded.truncate(64),
            |padded: &mut Vec<u8>| padded.truncate(1),
            |padded: &mut Vec<u8>| {
                padded.splice(4..4, [0; 64]);
            },
        ] {
            assert_eq!(changed(change), Err(FAILED));
        }
    }
}
