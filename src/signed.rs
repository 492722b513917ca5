//! What one party says to others: a payload with a signature, SPEC section 9. Bytes become an [`Unverified`] object, and only its signature makes that a [`Signed`] one.

use core::fmt;

use sha2::{Digest, Sha256};

use crate::{
    crypto::sign::{SigningKey, VerifyingKey},
    encoding::{MALFORMED, Reader, VERSION, base64url, encode, encode_into, from_base64url},
    error::{Code, Error, Result},
};

pub(crate) use form::{More, Payload};

/// Apart from the crate's face: these traits are for its own types.
mod form {
    use core::fmt::Debug;

    use crate::{
        encoding::{Reader, Writer},
        error::Result,
    };

    /// A type of signed object.
    pub trait Payload: Clone + Debug + Eq {
        /// What its signatures and hashes begin with.
        const LABEL: &'static str;
        /// The size of the object at most.
        const MAX: usize;
        /// What follows the signature.
        type More: More;

        /// Writes the map of the payload.
        fn write(&self, w: &mut Writer);
        /// Reads what [`Self::write`] wrote. What it lets pass need not be canonical: the payload is compared with its own encoding.
        fn read(reader: &mut Reader<'_>) -> Result<Self>;
        /// Does what follows the signature have the form that the payload asks for?
        fn agrees(&self, _: &Self::More) -> bool {
            true
        }
    }

    /// What follows the signature; not covered by it.
    pub trait More: Clone + Debug + Eq {
        /// Number of elements.
        const COUNT: u64;
        /// Writes those elements.
        fn write(&self, w: &mut Writer);
        /// Reads them, with the same freedom.
        fn read(reader: &mut Reader<'_>) -> Result<Self>;
    }

    impl More for () {
        const COUNT: u64 = 0;
        fn write(&self, _: &mut Writer) {}
        fn read(_: &mut Reader<'_>) -> Result<Self> {
            Ok(())
        }
    }
}

/// SHA-256 of a signed text: what an object, and what it made, is called by. `Display` gives the text of 43 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

/// Characters of a hash in base64url.
const TEXT: usize = 43;

impl Hash {
    /// The hash of this text; nothing where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Most of what isn't one has another length.
        if text.len() != TEXT {
            return None;
        }
        from_base64url(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url(&self.0))
    }
}

/// The lowest version of the format that is still read: of the state of an account, SPEC section 11.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minimum(pub u64);

impl Minimum {
    /// Is what is written in this version still read?
    ///
    /// # Errors
    /// `downgrade`.
    pub fn check(self, version: u8) -> Result<()> {
        let fits = u64::from(version) >= self.0;
        if fits {
            Ok(())
        } else {
            Err(Error::new(&(Code::Downgrade, "of an older version of the format than is accepted")))
        }
    }
}

impl Default for Minimum {
    /// The first.
    fn default() -> Self {
        Self(1)
    }
}

/// A well-formed object of which nothing is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified<T: Payload> {
    outer: Outer,
    value: T,
    more: T::More,
}

/// A signed object whose signature verified, or that was signed here. What its type's section asks for besides is for others to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T: Payload>(Unverified<T>);

impl<T: Payload> Unverified<T> {
    /// Reads an object. `minimum` is of the state, or the default where there is none.
    ///
    /// # Errors
    /// `limit`, `unsupported-version`, `invalid-format`, `downgrade`.
    pub fn parse(bytes: &[u8], minimum: Minimum) -> Result<Self> {
        if bytes.len() > T::MAX {
            return Err(Error::new(&(Code::Limit, "larger than any object of this type")));
        }
        let mut reader = Reader::new(bytes);
        let outer = Outer::read(&mut reader, T::LABEL, T::More::COUNT)?;
        let more = T::More::read(&mut reader)?;
        if outer.encode(bytes.len(), &more) != bytes {
            return Err(MALFORMED);
        }
        let value: T = decode_payload(&outer.payload)?;
        if !value.agrees(&more) {
            return Err(MALFORMED);
        }
        minimum.check(VERSION)?;
        Ok(Self { outer, value, more })
    }

    /// What it says: to be used for finding the signer's key, and nothing else.
    #[must_use]
    pub const fn claimed(&self) -> &T {
        &self.value
    }

    /// Its hash.
    #[must_use]
    pub const fn hash(&self) -> &Hash {
        &self.outer.hash
    }

    /// What follows the signature.
    pub(crate) const fn more(&self) -> &T::More {
        &self.more
    }

    /// The object's bytes, with this after the signature.
    pub(crate) fn with_more(&self, more: &T::More) -> Vec<u8> {
        self.outer.encode(self.outer.payload.len() + 80, more)
    }

    /// Verifies the signature, over the payload as it was received.
    ///
    /// # Errors
    /// `bad-signature`.
    pub fn verify(self, key: &VerifyingKey) -> Result<Signed<T>> {
        self.outer.verify(T::LABEL, key, &self.outer.signature)?;
        Ok(Signed(self))
    }
}

impl<T: Payload> Signed<T> {
    /// Signs.
    ///
    /// # Errors
    /// `limit`.
    pub(crate) fn sign(value: T, more: T::More, key: &SigningKey) -> Result<Self> {
        let payload = encode(|w| value.write(w));
        let text = signed_text(T::LABEL, &payload);
        let outer = Outer { hash: Hash(Sha256::digest(&text).into()), signature: key.sign(&text), payload };
        let signed = Self(Unverified { outer, value, more });
        if signed.to_bytes().len() > T::MAX {
            return Err(Error::new(&(Code::Limit, "larger than an object of this type may be")));
        }
        Ok(signed)
    }

    /// What it says.
    #[must_use]
    pub const fn value(&self) -> &T {
        &self.0.value
    }

    /// What it says, by itself.
    #[must_use]
    pub fn into_value(self) -> T {
        self.0.value
    }

    /// Its hash.
    #[must_use]
    pub const fn hash(&self) -> &Hash {
        &self.0.outer.hash
    }

    /// What follows the signature, which doesn't cover it.
    #[must_use]
    pub const fn more(&self) -> &T::More {
        &self.0.more
    }

    /// The payload as it was received.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.0.outer.payload
    }

    /// The object's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.outer.encode(self.0.outer.payload.len() + 80, &self.0.more)
    }

    /// Another's signature of the same text.
    pub(crate) fn also(&self, key: &VerifyingKey, signature: &[u8; 64]) -> Result<()> {
        self.0.outer.verify(T::LABEL, key, signature)
    }
}

/// `label ‖ 0x00 ‖ payload`
pub(crate) fn signed_text(label: &str, payload: &[u8]) -> Vec<u8> {
    [label.as_bytes(), &[0], payload].concat()
}

/// `SHA-256(label ‖ 0x00 ‖ payload)`
pub(crate) fn hash_of(label: &str, payload: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update(label).chain_update([0]).chain_update(payload).finalize().into())
}

/// Reads a payload by itself: what was verified before, and kept.
pub(crate) fn decode_payload<T: Payload>(payload: &[u8]) -> Result<T> {
    let value = T::read(&mut Reader::new(payload))?;
    let same = encode_into(Vec::with_capacity(payload.len()), |w| value.write(w)) == payload;
    if same { Ok(value) } else { Err(MALFORMED) }
}

/// What is alike in all types.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outer {
    payload: Vec<u8>,
    signature: [u8; 64],
    hash: Hash,
}

impl Outer {
    fn read(reader: &mut Reader<'_>, label: &str, more: u64) -> Result<Self> {
        let count = reader.array()?;
        if count == 0 {
            return Err(MALFORMED);
        }
        if reader.uint()? != u64::from(VERSION) {
            return Err(Error::new(&(Code::UnsupportedVersion, "made by another version of the format")));
        }
        if count != 3 + more {
            return Err(MALFORMED);
        }
        let payload = reader.bytes()?.to_vec();
        let signature = reader.fixed()?;
        let hash = hash_of(label, &payload);
        Ok(Self { payload, signature, hash })
    }

    fn encode<M: More>(&self, capacity: usize, more: &M) -> Vec<u8> {
        encode_into(Vec::with_capacity(capacity), |w| {
            w.array(3 + usize::try_from(M::COUNT).unwrap_or_default());
            w.uint(VERSION.into());
            w.bytes(&self.payload);
            w.bytes(&self.signature);
            more.write(w);
        })
    }

    fn verify(&self, label: &str, key: &VerifyingKey, signature: &[u8; 64]) -> Result<()> {
        key.verify(&signed_text(label, &self.payload), signature)
    }
}
