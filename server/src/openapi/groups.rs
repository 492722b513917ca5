//! API sections 9 and 10.

use utoipa::ToSchema;

use super::{Bytes, Done, Error, Id, SentTo, ShortId, UserName, sessions::Sequence};

#[derive(ToSchema)]
pub(crate) struct Ids {
    groups: Vec<Id>,
}

/// Groups of which the caller is a member.
#[utoipa::path(get, path = "/v1/groups", security(("user" = [])), responses(
    (status = 200, body = Ids), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn mine() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Founded {
    genesis: Bytes,
    keys: Bytes,
    head: Bytes,
}

/// Founds a group.
#[utoipa::path(post, path = "/v1/groups", request_body = Founded, security(("user" = [])), responses(
    (status = 200, body = Done), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn found() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    operation: Bytes,
    #[schema(required)]
    keys: Option<Bytes>,
    head: Bytes,
}

/// Changes a group.
#[utoipa::path(post, path = "/v1/groups/{id}/operations", request_body = Operation, security(("user" = [])), params(("id" = Id, Path)), responses(
    (status = 200, body = Sequence), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn operate() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    head: Bytes,
}

/// Says that a group's state is its newest.
#[utoipa::path(post, path = "/v1/groups/{id}/heads", request_body = Head, security(("user" = [])), params(("id" = Id, Path)), responses(
    (status = 200, body = Done), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn head() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Placeholder {
    placeholder: UserName,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claim {
    claim_id: ShortId,
    #[serde(flatten)]
    sent_to: SentTo,
}

/// Claims a placeholder with a contact: a code goes there.
#[utoipa::path(post, path = "/v1/groups/{id}/claims", request_body = Placeholder, security(("user" = [])),
    params(("id" = Id, Path), ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")), responses(
    (status = 200, body = Claim), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn claim() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimCode {
    #[schema(min_length = 1, max_length = 64)]
    code: String,
}

#[derive(ToSchema)]
pub(crate) struct Assigned {
    sessions: Vec<Id>,
    more: bool,
}

/// Answers the code.
#[utoipa::path(post, path = "/v1/groups/{id}/claims/{claim}", request_body = ClaimCode, security(("user" = [])),
    params(("id" = Id, Path), ("claim" = ShortId, Path), ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")), responses(
    (status = 200, body = Assigned), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn answer() {}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Assignment {
    placeholder: UserName,
    group_id: Id,
}

/// Assigns a placeholder without a contact.
#[utoipa::path(post, path = "/v1/assignments", request_body = Assignment, security(("application" = [])), responses(
    (status = 200, body = Assigned), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn assign() {}
