//! What the client asks of the world: the requests of `docs/API.md`. Their JSON stays where it is parsed anyhow, which in a page is JavaScript: members are
//! handed over one by one, so that the module holds no parser.

use core::fmt;

use crate::{
    error::{Code, Error},
    identity::UserId,
};

/// A JSON value of whoever parses it.
pub trait Json: Sized {
    /// `null`
    fn null() -> Self;
    /// A string.
    fn text(text: &str) -> Self;
    /// A number.
    fn number(number: u64) -> Self;
    /// An array.
    fn list(items: Vec<Self>) -> Self;
    /// An object of these members.
    fn object(members: Vec<(&'static str, Self)>) -> Self;

    /// The member of an object; nothing where there is none.
    fn member(&self, name: &str) -> Option<Self>;
    /// The items of an array.
    fn items(&self) -> Option<Vec<Self>>;
    /// Is it `null`?
    fn is_null(&self) -> bool;
    /// A string.
    fn to_text(&self) -> Option<String>;
    /// A whole number up to 2⁵³ − 1.
    fn to_number(&self) -> Option<u64>;
    /// A boolean.
    fn to_bool(&self) -> Option<bool>;
}

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

impl Method {
    /// As HTTP has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A request to the key server.
#[derive(Debug)]
pub struct Request<'a, J> {
    /// How.
    pub method: Method,
    /// From `/v1` on.
    pub path: &'a str,
    /// What; nothing where the path has no body.
    pub body: Option<J>,
    /// Who asks; nothing: a public path, which needs no token.
    pub caller: Option<&'a UserId>,
}

/// The key server, and the application's half of the two-man rule.
#[allow(async_fn_in_trait, reason = "a client stays on its thread")]
pub trait Backend {
    /// What bodies are made of.
    type Json: Json;

    /// Asks the key server. `network` is for a request that nobody answered, and for no other.
    async fn request(&self, request: Request<'_, Self::Json>) -> Outcome<Self::Json>;

    /// Does the application keep shares?
    fn has_app_share(&self) -> bool {
        false
    }
    /// The application keeps this share of a user, in the place of an earlier one.
    async fn put_share(&self, _user: &UserId, _share: &str) -> Outcome<()> {
        Err(NO_SHARES.into())
    }
    /// The application gives a user's share out, for a receipt.
    async fn take_share(&self, _user: &UserId, _receipt: &str) -> Outcome<String> {
        Err(NO_SHARES.into())
    }
}

/// Where the backend has no `appShare`.
pub(crate) const NO_SHARES: Error =
    Error::new(&(Code::InvalidArgument, "a recovery contact needs an application that keeps shares: appShare"));

/// An error, and what a server may say beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// When to try again, in milliseconds from now.
    pub retry_after: Option<u64>,
    /// How many codes may still be tried.
    pub attempts_left: Option<u64>,
    /// By what number the host remembers what was said besides.
    pub said: Option<u64>,
}

impl Failure {
    /// The failure that a server named; a code that isn't known is `server`.
    #[must_use]
    pub fn answered(code: &str, retry_after: Option<u64>, attempts_left: Option<u64>) -> Self {
        let known = Code::ALL.iter().find(|known| known.as_str() == code && **known != Code::Network);
        let error = known.copied().unwrap_or(Code::Server).refused();
        Self { error, retry_after, attempts_left, said: None }
    }

    /// Nobody answered.
    #[must_use]
    pub fn unanswered() -> Self {
        Error::new(&(Code::Network, "nobody answered")).into()
    }

    /// What to branch on.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.error.code()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, retry_after: None, attempts_left: None, said: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for Failure {}

/// A result of what needs the world.
pub type Outcome<T> = Result<T, Failure>;
