//! From a password to keys: SPEC section 7. Parameters come from servers that are not trusted, so they are bounded before anything is derived.

use core::{fmt, ops::RangeInclusive};

use zeroize::Zeroizing;

use crate::{
    crypto::kdf::{self, Expander},
    encoding::{MALFORMED, Reader, Writer, encode},
    error::{Code, Error, Result},
    secret::{Secret, SecretBytes},
    unicode::{is_space, nfc},
};

const MEMORY_KIB: RangeInclusive<u32> = 19_456..=262_144;
const PASSES: RangeInclusive<u32> = 2..=10;
const ITERATIONS: RangeInclusive<u32> = 600_000..=5_000_000;
const SALT: RangeInclusive<usize> = 16..=64;
const MAX_PASSWORD: usize = 1024;

const POLICY: Error = Error::new(&(Code::KdfPolicy, "derivation parameters outside of the bounds"));

/// A password after RFC 8265 OpaqueString: NFC, spaces as U+0020, no control character, nothing trimmed or cut.
pub struct Password(SecretBytes);

impl Password {
    /// Prepares what the user typed.
    ///
    /// # Errors
    /// `password-format`: a control character, empty, or over 1,024 bytes.
    pub fn new(typed: &str) -> Result<Self> {
        if typed.chars().any(char::is_control) {
            return Err(Error::new(&(Code::PasswordFormat, "a password holds no control characters")));
        }
        // Far over the limit already: NFC never makes less than a quarter of it.
        if typed.len() > 4 * MAX_PASSWORD {
            return Err(Error::new(&(Code::PasswordFormat, "a password has 1 to 1,024 bytes")));
        }
        let mut spaced = Zeroizing::new(String::with_capacity(typed.len()));
        spaced.extend(typed.chars().map(|c| if is_space(c) { ' ' } else { c }));
        let prepared = SecretBytes::new(nfc(&spaced).into_bytes());
        if !(1..=MAX_PASSWORD).contains(&prepared.expose().len()) {
            return Err(Error::new(&(Code::PasswordFormat, "a password has 1 to 1,024 bytes")));
        }
        Ok(Self(prepared))
    }

    /// What was prepared elsewhere: where the slow step runs by itself.
    ///
    /// # Errors
    /// `password-format`: empty, or over 1,024 bytes.
    pub fn from_prepared(prepared: &[u8]) -> Result<Self> {
        if !(1..=MAX_PASSWORD).contains(&prepared.len()) {
            return Err(Error::new(&(Code::PasswordFormat, "a password has 1 to 1,024 bytes")));
        }
        Ok(Self(SecretBytes::new(prepared.to_vec())))
    }

    /// The prepared UTF-8.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// How a password is made into a key, within the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kdf(Algorithm);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Argon2id { memory_kib: u32, passes: u32 },
    Pbkdf2 { iterations: u32 },
}

impl Kdf {
    /// Argon2id v1.3, p = 1.
    ///
    /// # Errors
    /// `kdf-policy` outside of 19–256 MiB and 2–10 passes.
    pub fn argon2id(memory_kib: u32, passes: u32) -> Result<Self> {
        let within = MEMORY_KIB.contains(&memory_kib) && PASSES.contains(&passes);
        if within { Ok(Self(Algorithm::Argon2id { memory_kib, passes })) } else { Err(POLICY) }
    }

    /// PBKDF2-HMAC-SHA-256.
    ///
    /// # Errors
    /// `kdf-policy` outside of 600,000–5,000,000 iterations.
    pub fn pbkdf2(iterations: u32) -> Result<Self> {
        let within = ITERATIONS.contains(&iterations);
        if within { Ok(Self(Algorithm::Pbkdf2 { iterations })) } else { Err(POLICY) }
    }

    /// Memory in KiB and passes, of Argon2id.
    #[must_use]
    pub const fn argon2id_cost(self) -> Option<(u32, u32)> {
        match self.0 {
            Algorithm::Argon2id { memory_kib, passes } => Some((memory_kib, passes)),
            Algorithm::Pbkdf2 { .. } => None,
        }
    }

    /// Iterations, of PBKDF2.
    #[must_use]
    pub const fn pbkdf2_iterations(self) -> Option<u32> {
        match self.0 {
            Algorithm::Pbkdf2 { iterations } => Some(iterations),
            Algorithm::Argon2id { .. } => None,
        }
    }

    /// PBKDF2-HMAC-SHA-256 with 600,000 iterations.
    #[must_use]
    pub const fn default_pbkdf2() -> Self {
        Self(Algorithm::Pbkdf2 { iterations: *ITERATIONS.start() })
    }
}

impl Default for Kdf {
    /// Argon2id, 64 MiB, 3 passes.
    fn default() -> Self {
        Self(Algorithm::Argon2id { memory_kib: 65_536, passes: 3 })
    }
}

/// A [`Kdf`] with its salt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    kdf: Kdf,
    salt: Vec<u8>,
}

impl Derivation {
    /// With this salt.
    ///
    /// # Errors
    /// `kdf-policy` for a salt outside of 16–64 bytes.
    pub fn new(kdf: Kdf, salt: &[u8]) -> Result<Self> {
        let within = SALT.contains(&salt.len());
        if within { Ok(Self { kdf, salt: salt.to_vec() }) } else { Err(POLICY) }
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// `invalid-format`, `kdf-policy`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let derivation = Self::read(&mut Reader::new(bytes))?;
        if derivation.to_bytes() == bytes { Ok(derivation) } else { Err(MALFORMED) }
    }

    /// Parameters and salt, as a backup holds them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|w| self.write(w))
    }

    /// Without its salt.
    #[must_use]
    pub const fn kdf(&self) -> Kdf {
        self.kdf
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Of PBKDF2, which others compute too.
    #[must_use]
    pub const fn pbkdf2_iterations(&self) -> Option<u32> {
        self.kdf.pbkdf2_iterations()
    }

    /// The slow step.
    ///
    /// # Errors
    /// `limit` where the memory is not to be had.
    pub fn derive(&self, password: &Password) -> Result<SlowKey> {
        Ok(SlowKey::new(&self.derive_raw(password)?))
    }

    /// The slow step by itself, for [`SlowKey::new`]: it may run in another place than what comes before and after it.
    ///
    /// # Errors
    /// `limit` where the memory is not to be had.
    pub fn derive_raw(&self, password: &Password) -> Result<Secret<32>> {
        match self.kdf.0 {
            Algorithm::Argon2id { memory_kib, passes } => {
                kdf::argon2id(password.expose(), &self.salt, memory_kib, passes)
            }
            Algorithm::Pbkdf2 { iterations } => Ok(kdf::pbkdf2(password.expose(), &self.salt, iterations)),
        }
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        match self.kdf.0 {
            Algorithm::Argon2id { memory_kib, passes } => {
                w.array(4);
                w.uint(1);
                w.uint(memory_kib.into());
                w.uint(passes.into());
            }
            Algorithm::Pbkdf2 { iterations } => {
                w.array(3);
                w.uint(2);
                w.uint(iterations.into());
            }
        }
        w.bytes(&self.salt);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let len = reader.array()?;
        if len == 0 {
            return Err(MALFORMED);
        }
        let number = |reader: &mut Reader<'_>| Ok(u32::try_from(reader.uint()?).unwrap_or(u32::MAX));
        let kdf = match reader.uint()? {
            1 if len == 4 => Kdf::argon2id(number(reader)?, number(reader)?),
            2 if len == 3 => Kdf::pbkdf2(number(reader)?),
            1 | 2 => return Err(MALFORMED),
            _ => return Err(POLICY),
        };
        let salt = reader.bytes()?;
        Self::new(kdf?, salt)
    }
}

/// What a password gives, after the slow step: two keys that say nothing of each other.
pub struct SlowKey(Expander);

impl SlowKey {
    /// From what [`Derivation::derive_raw`] gave.
    #[must_use]
    pub fn new(derived: &Secret<32>) -> Self {
        Self(Expander::new(derived.expose()))
    }

    /// What the application authenticates the user by; it never sees the password.
    #[must_use]
    pub fn login_secret(&self) -> Secret<32> {
        self.0.derive("login")
    }

    /// Opens and seals the backup's root.
    pub(crate) fn password_key(&self) -> Secret<32> {
        self.0.derive("backup-wrap")
    }
}

impl fmt::Debug for SlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlowKey(redacted)")
    }
}
