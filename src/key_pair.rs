//! Key pairs that data keys are wrapped for: SPEC section 5.

use core::fmt;

use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};

use crate::{
    crypto::{der::from_pem, hybrid, kdf::hkdf, rsa},
    data_key::DataKey,
    encoding::{MALFORMED, Reader, base64url, encode_into, framed, from_base64url, unframe},
    error::{Code, Error, Result},
    random::Random,
    secret::{Secret, SecretBytes, equal},
};

pub use crate::crypto::rsa::RsaNumbers;

const MAGIC: [u8; 4] = *b"WKPK";
const MAX_PUBLIC: usize = 4096;
/// Base64url of 4,096 bytes, or the PEM of an RSA key, with room.
const MAX_TEXT: usize = 8192;
const NO_PEM: Error = Error::new(&(Code::InvalidFormat, "not a PEM text of this kind of key"));

/// Which algorithm a key pair is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// X25519 + ML-KEM-768 (X-Wing) in HPKE.
    Hybrid,
    /// RSA-OAEP-SHA-256; only for what exists.
    Rsa2048,
    /// RSA-OAEP-SHA-256.
    Rsa3072,
    /// RSA-OAEP-SHA-256.
    Rsa4096,
}

impl Suite {
    const ALL: [Self; 4] = [Self::Hybrid, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    /// Its number in the format.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Hybrid => 1,
            Self::Rsa2048 => 2,
            Self::Rsa3072 => 3,
            Self::Rsa4096 => 4,
        }
    }

    /// Its name in the package's API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }

    /// The suite of this name.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn from_name(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|suite| suite.name() == name);
        found.ok_or(Error::new(&(Code::InvalidArgument, "no such suite")))
    }

    pub(crate) fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.number() == number)
    }

    /// Length of a stanza's body.
    pub(crate) const fn body_len(self) -> usize {
        match self {
            Self::Hybrid => hybrid::BODY,
            Self::Rsa2048 => 256,
            Self::Rsa3072 => 384,
            Self::Rsa4096 => 512,
        }
    }

    /// Is it weaker than the other? RSA by its size, and `hybrid` is the strongest: SPEC section 10.3.
    #[must_use]
    pub const fn is_weaker_than(self, other: Self) -> bool {
        const fn strength(suite: Suite) -> u64 {
            match suite {
                Suite::Hybrid => u64::MAX,
                rsa => rsa.number(),
            }
        }
        strength(self) < strength(other)
    }

    fn of_bits(bits: u32) -> Option<Self> {
        match bits {
            2048 => Some(Self::Rsa2048),
            3072 => Some(Self::Rsa3072),
            4096 => Some(Self::Rsa4096),
            _ => None,
        }
    }
}

/// SHA-256 of the whole encoded public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url(&self.0))
    }
}

enum Public {
    Hybrid(hybrid::Public),
    Rsa(rsa::Public),
}

/// The half that others wrap data keys for. `Display` gives the text that [`PublicKey::parse`] takes.
pub struct PublicKey {
    suite: Suite,
    encoded: Vec<u8>,
    fingerprint: Fingerprint,
    key: Public,
}

impl PublicKey {
    /// Reads the text of a public key, or an RSA key in PEM (`PUBLIC KEY`).
    ///
    /// # Errors
    /// `invalid-format`, `unsupported-version`, `key-policy`, `limit`.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_TEXT {
            return Err(Error::new(&(Code::Limit, "longer than any public key")));
        }
        if text.trim_start().starts_with("-----") {
            let der = from_pem("PUBLIC KEY", text).ok_or(NO_PEM)?;
            return Self::new(Public::Rsa(rsa::Public::from_spki(der.expose())?));
        }
        Self::from_bytes(&from_base64url(text)?)
    }

    /// Reads an encoded public key.
    ///
    /// # Errors
    /// `invalid-format`, `unsupported-version`, `key-policy`, `limit`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_PUBLIC {
            return Err(Error::new(&(Code::Limit, "longer than any public key")));
        }
        let mut reader = Reader::new(unframe(MAGIC, bytes)?);
        reader.array_of(2)?;
        let number = reader.uint()?;
        let material = reader.bytes()?;
        if encode_public(number, material) != bytes {
            return Err(MALFORMED);
        }
        let suite = Suite::from_number(number)
            .ok_or(Error::new(&(Code::UnsupportedVersion, "a key of a suite that this version doesn't know")))?;
        let key = match suite {
            Suite::Hybrid => Public::Hybrid(hybrid::Public::from_bytes(material)?),
            _ => Public::Rsa(rsa::Public::from_spki(material)?),
        };
        let key = Self::new(key)?;
        if key.suite == suite {
            Ok(key)
        } else {
            Err(Error::new(&(Code::KeyPolicy, "an RSA key of another size than its suite's")))
        }
    }

    fn new(key: Public) -> Result<Self> {
        let (suite, material) = match &key {
            Public::Hybrid(key) => (Suite::Hybrid, key.to_bytes()),
            Public::Rsa(key) => {
                let suite =
                    Suite::of_bits(key.bits()).ok_or(Error::new(&(Code::KeyPolicy, "an RSA key of this size")))?;
                (suite, key.to_spki())
            }
        };
        let encoded = encode_public(suite.number(), &material);
        let fingerprint = Fingerprint(Sha256::digest(&encoded).into());
        Ok(Self { suite, encoded, fingerprint, key })
    }

    /// Its suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// SHA-256 of [`Self::as_bytes`].
    #[must_use]
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The encoded key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.encoded
    }

    /// A stanza's body.
    pub(crate) fn wrap<R: TryCryptoRng>(&self, rng: &mut Random<R>, info: &[u8; 32], key: &[u8]) -> Result<Vec<u8>> {
        match &self.key {
            Public::Hybrid(public) => public.wrap(rng, info, key),
            Public::Rsa(public) => public.wrap(rng, info, key),
        }
    }

    /// RSAES-OAEP with SHA-256 and no label, for who knows the standard alone: RFC 7518 section 4.3.
    ///
    /// # Errors
    /// `key-policy` for a hybrid key; `rng`.
    pub fn wrap_without_label<R: TryCryptoRng>(&self, rng: &mut Random<R>, key: &[u8]) -> Result<Vec<u8>> {
        match &self.key {
            Public::Hybrid(_) => Err(Error::new(&(Code::KeyPolicy, "not an RSA key"))),
            Public::Rsa(public) => public.wrap(rng, &[], key),
        }
    }
}

fn encode_public(suite: u64, material: &[u8]) -> Vec<u8> {
    encode_into(framed(MAGIC), |w| {
        w.array(2);
        w.uint(suite);
        w.bytes(material);
    })
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url(&self.encoded))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.suite.name(), self.fingerprint)
    }
}

enum Private {
    Hybrid(hybrid::Private),
    Rsa(rsa::Private),
    /// Somewhere that it can't be taken out of.
    Away,
}

const AWAY: Error = Error::new(&(Code::Locked, "the private key isn't in memory"));

/// A private key and its public half.
pub struct KeyPair {
    public: PublicKey,
    key: Private,
}

impl KeyPair {
    /// A new key pair.
    ///
    /// # Errors
    /// `rng`; `key-policy` for `rsa-2048`.
    pub fn generate<R: TryCryptoRng>(rng: &mut Random<R>, suite: Suite) -> Result<Self> {
        match suite {
            Suite::Hybrid => Self::from_seed(Secret::generate(rng)?),
            Suite::Rsa2048 => Err(Error::new(&(Code::KeyPolicy, "no new RSA keys of 2048 bits"))),
            Suite::Rsa3072 => Self::new(Private::Rsa(rsa::Private::generate(rng, 3072)?)),
            Suite::Rsa4096 => Self::new(Private::Rsa(rsa::Private::generate(rng, 4096)?)),
        }
    }

    /// The hybrid key pair of an X-Wing seed.
    ///
    /// # Errors
    /// None in fact; the crate's type says otherwise.
    pub fn from_seed(seed: Secret<32>) -> Result<Self> {
        Self::new(Private::Hybrid(hybrid::Private::from_seed(seed)?))
    }

    /// An RSA key pair in PKCS#8, DER.
    ///
    /// # Errors
    /// `invalid-format`, `key-policy`, `key-mismatch`.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        Self::new(Private::Rsa(rsa::Private::from_pkcs8(der)?))
    }

    /// An RSA key pair in PKCS#8, PEM (`PRIVATE KEY`).
    ///
    /// # Errors
    /// `invalid-format`, `key-policy`, `key-mismatch`.
    pub fn from_pem(text: &str) -> Result<Self> {
        Self::from_pkcs8(from_pem("PRIVATE KEY", text).ok_or(NO_PEM)?.expose())
    }

    /// An RSA key pair from its numbers, as a JWK has them.
    ///
    /// # Errors
    /// `invalid-format`, `key-policy`, `key-mismatch`.
    pub fn from_rsa_numbers(numbers: &RsaNumbers<'_>) -> Result<Self> {
        Self::new(Private::Rsa(rsa::Private::from_numbers(numbers)?))
    }

    /// For an RSA key pair that was made elsewhere: are its primes prime, and far enough from each other? Its parts fit together without that, too. Takes
    /// a while.
    ///
    /// # Errors
    /// `key-policy`, `rng`.
    pub fn check_primes<R: TryCryptoRng>(&self, rng: &mut Random<R>) -> Result<()> {
        match &self.key {
            Private::Hybrid(_) => Ok(()),
            Private::Rsa(key) => key.check_primes(rng),
            Private::Away => Err(AWAY),
        }
    }

    fn new(key: Private) -> Result<Self> {
        let public = match &key {
            Private::Hybrid(key) => Public::Hybrid(key.public()),
            Private::Rsa(key) => Public::Rsa(key.public()),
            Private::Away => return Err(AWAY),
        };
        Ok(Self { public: PublicKey::new(public)?, key })
    }

    /// Of which only the public half is in memory: the other one can be used elsewhere, and not taken out.
    pub(crate) const fn away(public: PublicKey) -> Self {
        Self { public, key: Private::Away }
    }

    pub(crate) const fn is_away(&self) -> bool {
        matches!(self.key, Private::Away)
    }

    /// The half to give away.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Opens a stanza's body.
    pub(crate) fn unwrap<R: TryCryptoRng>(
        &self,
        rng: &mut Random<R>,
        info: &[u8; 32],
        body: &[u8],
    ) -> Result<SecretBytes> {
        match &self.key {
            Private::Hybrid(key) => key.unwrap(info, body),
            Private::Rsa(key) => key.unwrap(rng, info, body),
            Private::Away => Err(AWAY),
        }
    }

    /// The private half as a backup holds it: the seed, or PKCS#8.
    pub(crate) fn private_bytes(&self) -> Result<SecretBytes> {
        match &self.key {
            Private::Hybrid(key) => Ok(SecretBytes::new(key.seed().expose().to_vec())),
            Private::Rsa(key) => key.to_pkcs8(),
            Private::Away => Err(AWAY),
        }
    }

    /// The key of a key cache that is sealed by this key pair. It is nobody else's, whoever made the data key.
    pub(crate) fn cache_seal(&self, key: &DataKey) -> Result<Secret<32>> {
        let private = self.private_bytes()?;
        Ok(hkdf(&[key.cache_seal().expose(), private.expose()], b"wardkey/v1/cache-seal-by-pair"))
    }

    /// Reads what [`Self::private_bytes`] wrote; the public half is recomputed and must be the one named.
    pub(crate) fn from_private_bytes(suite: Suite, private: &[u8], fingerprint: &[u8; 32]) -> Result<Self> {
        const MISMATCH: Error = Error::new(&(Code::KeyMismatch, "the private key is not the one of this public key"));
        let pair = match suite {
            Suite::Hybrid => Self::from_seed(Secret::from_slice(private).ok_or(MALFORMED)?)?,
            _ => Self::from_pkcs8(private)?,
        };
        let same = pair.public.suite == suite && equal(&pair.public.fingerprint.0, fingerprint);
        if same { Ok(pair) } else { Err(MISMATCH) }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({}, {})", self.public.suite.name(), self.public.fingerprint)
    }
}
