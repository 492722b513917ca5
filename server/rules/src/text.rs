//! Bytes in JSON: base64url, as everywhere.

use serde::{Deserialize, Deserializer, Serializer, de::Error};
use wardkey::encoding::{base64url, from_base64url};

/// Bytes, or so many of them.
pub(crate) fn serialize<S: Serializer>(bytes: impl AsRef<[u8]>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&base64url(bytes.as_ref()))
}

/// The same.
pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: TryFrom<Vec<u8>>>(from: D) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    let bytes = from_base64url(&text).map_err(D::Error::custom)?;
    bytes.try_into().map_err(|_| D::Error::custom("bytes of another length"))
}

/// Bytes or null.
pub(crate) mod option {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use wardkey::encoding::{base64url, from_base64url};

    pub(crate) fn serialize<S: Serializer, T: AsRef<[u8]>>(bytes: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => to.serialize_some(&base64url(bytes.as_ref())),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: TryFrom<Vec<u8>>>(from: D) -> Result<Option<T>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let bytes = from_base64url(&text).map_err(D::Error::custom)?;
        bytes.try_into().map(Some).map_err(|_| D::Error::custom("bytes of another length"))
    }
}
