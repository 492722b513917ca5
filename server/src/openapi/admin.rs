//! API section 10.

use utoipa::ToSchema;

use super::{Done, Error, Id, Number, UserName, sessions::Journal};

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AskedUser {
    user_id: UserName,
}

#[derive(ToSchema)]
pub(crate) struct Bundle {
    version: Number,
    fingerprint: Id,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Today {
    recovery_starts: Number,
    recovery_tries: Number,
    claim_starts: Number,
    claim_tries: Number,
}

#[derive(ToSchema)]
pub(crate) struct User {
    registered: bool,
    disabled: bool,
    bundles: Vec<Bundle>,
    #[schema(required)]
    backup: Option<Number>,
    #[schema(required)]
    pending: Option<Number>,
    #[schema(required)]
    contact: Option<String>,
    groups: Vec<Id>,
    today: Today,
}

/// What is kept of a user, without any key.
#[utoipa::path(post, path = "/v1/admin/user", request_body = AskedUser, security(("application" = [])), responses(
    (status = 200, body = User), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn user() {}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Disable {
    user_id: UserName,
    disabled: bool,
}

/// Refuses a user's requests, or answers them again.
#[utoipa::path(post, path = "/v1/admin/disable", request_body = Disable, security(("application" = [])), responses(
    (status = 200, body = Done), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn disable() {}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AnyJournal {
    /// One of this and `sessionId`.
    user_id: Option<UserName>,
    session_id: Option<Id>,
    after: Number,
    #[schema(nullable = false)]
    proofs: Option<bool>,
}

/// The journal of any user or session.
#[utoipa::path(post, path = "/v1/admin/journal", request_body = AnyJournal, security(("application" = [])), responses(
    (status = 200, body = Journal), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn journal() {}
