//! API section 11.

use utoipa::ToSchema;

use super::{Bytes, Error, Number, Version, sessions::Refused};

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExchangeKeys {
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<Bytes>,
}

#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum Taken {
    Taken(Version),
    Refused(Refused),
}

#[derive(ToSchema)]
pub(crate) struct AllTaken {
    items: Vec<Taken>,
}

/// Makes versions of exchange keys.
#[utoipa::path(post, path = "/v1/exchange-keys", request_body = ExchangeKeys, security(("user" = [])), responses(
    (status = 200, body = AllTaken), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn put() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedPair {
    /// Two parties, each a user id or a group id: SPEC, section 18.1.
    #[schema(example = "anna→ben")]
    pair: String,
    #[schema(nullable = false)]
    after: Option<Number>,
}

#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum Versions {
    Given(GivenVersions),
    Refused(Refused),
}

#[derive(ToSchema)]
pub(crate) struct GivenVersions {
    versions: Vec<Bytes>,
    more: bool,
}
