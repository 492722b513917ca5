//! One error type with a closed set of stable codes.

use core::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])+ $variant:ident = $text:literal,)+) => {
        /// What went wrong, as a stable word: the `KnownErrorCode` of the published package.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])+ $variant,)+ }

        impl Code {
            /// Every code, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// What a key server answered.
            #[must_use]
            pub const fn refused(self) -> Error {
                match self { $(Self::$variant => Error::new(&(Self::$variant, "the key server refused")),)+ }
            }

            /// What came of a step that ran elsewhere.
            #[must_use]
            pub const fn failed(self) -> Error {
                match self { $(Self::$variant => Error::new(&(Self::$variant, "a step that ran elsewhere failed")),)+ }
            }

            /// The code as it stands in the package's `KnownErrorCode`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

codes! {
    /// Called before `init` was done.
    NotInitialised = "not-initialised",
    /// The caller's argument has a wrong type or value.
    InvalidArgument = "invalid-argument",
    /// The bytes are not what they should be.
    InvalidFormat = "invalid-format",
    /// Made by a later version.
    UnsupportedVersion = "unsupported-version",
    /// An older version or weaker suite than the one remembered.
    Downgrade = "downgrade",
    /// Wrong key or context, or changed bytes.
    DecryptionFailed = "decryption-failed",
    /// The end is missing.
    Truncated = "truncated",
    /// A wrapped key did not open.
    UnwrapFailed = "unwrap-failed",
    /// A key is not the one that was named.
    KeyMismatch = "key-mismatch",
    /// A key of a kind or size that is refused.
    KeyPolicy = "key-policy",
    /// The password does not open the backup.
    WrongPassword = "wrong-password",
    /// The password holds what a password may not hold, or is empty or too long.
    PasswordFormat = "password-format",
    /// Derivation parameters out of bounds.
    KdfPolicy = "kdf-policy",
    /// The server has no backup of this user.
    NoBackup = "no-backup",
    /// An older backup than the one remembered.
    BackupRollback = "backup-rollback",
    /// The identity is locked.
    Locked = "locked",
    /// The user exists already.
    AlreadyRegistered = "already-registered",
    /// There is no such user.
    UnknownUser = "unknown-user",
    /// There is no such group.
    UnknownGroup = "unknown-group",
    /// There is no such session.
    UnknownSession = "unknown-session",
    /// Nothing was wrapped for this key.
    NotARecipient = "not-a-recipient",
    /// The right is missing.
    Forbidden = "forbidden",
    /// The right was taken away.
    Revoked = "revoked",
    /// A view of the state that is too old.
    Stale = "stale",
    /// Time went back.
    Rollback = "rollback",
    /// Two histories of one thing.
    Fork = "fork",
    /// Somebody else was first.
    Conflict = "conflict",
    /// No proof that this key belongs to this name.
    NotCertified = "not-certified",
    /// Another key than the one remembered.
    PinMismatch = "pin-mismatch",
    /// A signature that can't be verified.
    BadSignature = "bad-signature",
    /// The one-time code is wrong.
    OtpWrong = "otp-wrong",
    /// The one-time code is used up or too old.
    OtpExpired = "otp-expired",
    /// Too many wrong one-time codes.
    OtpLocked = "otp-locked",
    /// Too many requests.
    Throttled = "throttled",
    /// The browser's storage can't be used.
    StorageUnavailable = "storage-unavailable",
    /// No answer.
    Network = "network",
    /// The server failed.
    Server = "server",
    /// The caller's signal.
    Aborted = "aborted",
    /// Larger than what is allowed.
    Limit = "limit",
    /// The random generator failed or repeats.
    Rng = "rng",
    /// The environment lacks something that is needed.
    UnsupportedEnvironment = "unsupported-environment",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A [`Code`] and a sentence for the developer. The sentence is fixed text, so it can name no secret.
/// One pointer: every function that may fail passes it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(&'static (Code, &'static str));

impl Error {
    /// An error of this code.
    #[must_use]
    pub const fn new(what: &'static (Code, &'static str)) -> Self {
        Self(what)
    }

    /// What to branch on.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.0.0
    }

    /// What a developer reads.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        self.0.1
    }

    /// The same, with what of the caller's arguments it is about: a user's or a group's id, a path of a manifest. No value, and nothing that is secret.
    #[must_use]
    pub fn about(&self, name: &str) -> String {
        [self.message(), ": '", name, "'"].concat()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl core::error::Error for Error {}

/// A result with Wardkey's [`Error`].
pub type Result<T> = core::result::Result<T, Error>;
