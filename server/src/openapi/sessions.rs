//! API sections 6 and 7.

use utoipa::ToSchema;

use super::{
    Bytes, Done, Error, Id, Identity, Number,
    exchange_keys::{AskedPair, Versions},
};

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Created {
    genesis: Bytes,
    wraps: Bytes,
}

/// Makes a session.
#[utoipa::path(post, path = "/v1/sessions", request_body = Created, security(("user" = [])), responses(
    (status = 200, body = Done), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn create() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Item {
    entry: Bytes,
    #[schema(required)]
    wraps: Option<Bytes>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Items {
    #[schema(min_items = 1, max_items = 16)]
    items: Vec<Item>,
}

#[derive(ToSchema)]
pub(crate) struct Sequence {
    sequence: Number,
}

/// Appends to a session's log.
#[utoipa::path(post, path = "/v1/sessions/{id}/entries", request_body = Items, security(("user" = [])), params(("id" = Id, Path)), responses(
    (status = 200, body = Sequence), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn append() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedSession {
    id: Id,
    #[schema(nullable = false)]
    after: Option<Number>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedGroup {
    id: Id,
    #[schema(nullable = false)]
    after: Option<Number>,
    #[schema(nullable = false)]
    epoch: Option<Number>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    /// None twice.
    #[schema(max_items = 1000)]
    sessions: Vec<AskedSession>,
    #[schema(max_items = 1000)]
    signers: Vec<Id>,
    /// None twice.
    #[schema(max_items = 1000)]
    groups: Vec<AskedGroup>,
    /// None twice.
    #[schema(max_items = 1000, nullable = false)]
    pairs: Option<Vec<AskedPair>>,
    /// There and null: the feed is read from its end.
    cursor: Option<String>,
}

#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum Answer {
    Given(Given),
    Refused(Refused),
}

#[derive(ToSchema)]
pub(crate) struct Given {
    #[schema(required)]
    genesis: Option<Bytes>,
    entries: Vec<Bytes>,
    wraps: Vec<Bytes>,
}

#[derive(ToSchema)]
pub(crate) struct Refused {
    error: String,
}

#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum Group {
    Given(GroupLog),
    Refused(RefusedGroup),
}

#[derive(ToSchema)]
pub(crate) struct GroupLog {
    id: Id,
    #[schema(required)]
    genesis: Option<Bytes>,
    operations: Vec<Bytes>,
    #[schema(required)]
    keys: Option<Bytes>,
    heads: Vec<Bytes>,
}

#[derive(ToSchema)]
pub(crate) struct RefusedGroup {
    id: Id,
    error: String,
}

#[derive(ToSchema)]
pub(crate) struct Opened {
    sessions: Vec<Answer>,
    identities: Vec<Identity>,
    groups: Vec<Group>,
    /// Where the request has any.
    #[schema(nullable = false)]
    pairs: Option<Vec<Versions>>,
    #[schema(nullable = false)]
    feed: Option<Feed>,
}

/// What opens sessions, a thousand of them in one request; and exchange keys of pairs of parties.
#[utoipa::path(post, path = "/v1/keys", request_body = Keys, security(("user" = [])), responses(
    (status = 200, body = Opened), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn keys() {}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FeedItem {
    #[schema(nullable = false)]
    session_id: Option<Id>,
    #[schema(nullable = false)]
    group_id: Option<Id>,
    #[schema(nullable = false)]
    epoch: Option<Number>,
    revoked: bool,
}

#[derive(ToSchema)]
pub(crate) struct Feed {
    cursor: String,
    items: Vec<FeedItem>,
    reset: bool,
    more: bool,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedFeed {
    #[schema(required)]
    cursor: Option<String>,
}

/// What changed for the caller.
#[utoipa::path(post, path = "/v1/feed", request_body = AskedFeed, security(("user" = [])), responses(
    (status = 200, body = Feed), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn feed() {}

/// The same, pushed: server-sent events, for as long as the client listens.
#[utoipa::path(get, path = "/v1/events", security(("user" = [])), responses(
    (status = 200, body = String, content_type = "text/event-stream"), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn events() {}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AskedJournal {
    #[schema(required)]
    session_id: Option<Id>,
    after: Number,
    #[schema(nullable = false)]
    proofs: Option<bool>,
}

/// Where an entry stands in the log: RFC 9162.
#[derive(ToSchema)]
pub(crate) struct Proof {
    header: Bytes,
    index: Number,
    path: Vec<Id>,
}

#[derive(ToSchema)]
pub(crate) struct Journal {
    entries: Vec<Bytes>,
    head: Bytes,
    more: bool,
    #[schema(nullable = false)]
    proofs: Option<Vec<Option<Proof>>>,
    log: Option<Bytes>,
}

/// Who was given what.
#[utoipa::path(post, path = "/v1/journal", request_body = AskedJournal, security(("user" = [])), responses(
    (status = 200, body = Journal), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn journal() {}
