//! API sections 3 to 5.

use utoipa::ToSchema;

use super::{Bytes, Error, Id, Identity, Number, SentTo, ShortId, UserName, Version};

/// Parameters of a password's derivation.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(examples(json!({"name": "argon2id", "memoryKiB": 65536, "passes": 3})))]
pub(crate) enum Kdf {
    Argon2id(Argon2id),
    Pbkdf2(Pbkdf2),
}

/// RFC 9106.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Argon2id {
    #[schema(pattern = "^argon2id$")]
    name: String,
    #[serde(rename = "memoryKiB")]
    memory_ki_b: Number,
    passes: Number,
}

/// RFC 8018.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pbkdf2 {
    #[schema(pattern = "^pbkdf2-sha256$")]
    name: String,
    iterations: Number,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Login {
    #[schema(min_length = 1, max_length = 128)]
    app_id: String,
    user_id: UserName,
    kdf: Kdf,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoginParameters {
    kdf: Kdf,
    server_salt: Bytes,
    key_server: Identity,
}

/// Login parameters, of names that nobody has too.
#[utoipa::path(post, path = "/v1/public/login", request_body = Login, security(()), responses(
    (status = 200, body = LoginParameters), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn login() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    bundle: Bytes,
    backup: Bytes,
    #[schema(required)]
    share: Option<Bytes>,
    #[schema(required)]
    contact: Option<Bytes>,
}

#[derive(ToSchema)]
pub(crate) struct Cursor {
    cursor: String,
}

/// Registers the caller.
#[utoipa::path(post, path = "/v1/register", request_body = Register, security(("user" = [])), responses(
    (status = 200, body = Cursor), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn register() {}

#[derive(ToSchema)]
pub(crate) struct Pending {
    backup: Bytes,
    #[schema(required)]
    bundle: Option<Bytes>,
    #[schema(required)]
    contact: Option<Bytes>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Backup {
    active: Bytes,
    #[schema(required)]
    pending: Option<Pending>,
    identity: Identity,
    key_server: Identity,
    cursor: String,
}

/// The caller's backup.
#[utoipa::path(get, path = "/v1/backup", security(("user" = [])), responses(
    (status = 200, body = Backup), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn read_backup() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    backup: Bytes,
}

/// Writes the backup's state.
#[utoipa::path(put, path = "/v1/backup", request_body = State, security(("user" = [])), responses(
    (status = 200, body = Version), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn write_state() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whole {
    backup: Bytes,
    #[schema(required)]
    share: Option<Bytes>,
    #[schema(required)]
    bundle: Option<Bytes>,
    #[schema(required)]
    contact: Option<Bytes>,
}

/// Writes a whole backup, which waits to be activated.
#[utoipa::path(put, path = "/v1/backup/pending", request_body = Whole, security(("user" = [])), responses(
    (status = 200, body = Version), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn write_pending() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activate {
    version: Number,
}

/// Makes it the active one.
#[utoipa::path(post, path = "/v1/backup/activate", request_body = Activate, security(("user" = [])), responses(
    (status = 200, body = Version), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn activate() {}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StartRecovery {
    user_id: UserName,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Recovery {
    recovery_id: ShortId,
    #[serde(flatten)]
    sent_to: SentTo,
}

/// Sends a code to the account's contact.
#[utoipa::path(post, path = "/v1/public/recoveries", request_body = StartRecovery, security(()),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")), responses(
    (status = 200, body = Recovery), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn start_recovery() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    #[schema(min_length = 1, max_length = 64)]
    code: String,
    /// A `hybrid` public key, for which the share is wrapped.
    key: Bytes,
}

#[derive(ToSchema)]
pub(crate) struct Shared {
    backup: Bytes,
    share: Bytes,
    #[schema(required)]
    bundle: Option<Bytes>,
    #[schema(required)]
    contact: Option<Bytes>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Released {
    receipt: Bytes,
    backups: Vec<Shared>,
    identity: Identity,
    key_server: Identity,
}

/// Answers the code.
#[utoipa::path(post, path = "/v1/public/recoveries/{id}/code", request_body = Code, security(()),
    params(("id" = ShortId, Path), ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")), responses(
    (status = 200, body = Released), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn answer_code() {}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recovered {
    backup: Bytes,
    share: Bytes,
    #[schema(required)]
    bundle: Option<Bytes>,
    #[schema(required)]
    contact: Option<Bytes>,
    proof: Bytes,
}

/// Writes the backup of who has recovered.
#[utoipa::path(put, path = "/v1/public/recoveries/{id}/pending", request_body = Recovered, security(()), params(("id" = ShortId, Path)), responses(
    (status = 200, body = Version), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn write_recovered() {}

/// Makes it the active one.
#[utoipa::path(post, path = "/v1/public/recoveries/{id}/activate", request_body = Activate, security(()), params(("id" = ShortId, Path)), responses(
    (status = 200, body = Version), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn activate_recovered() {}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Whose {
    #[schema(max_items = 1000)]
    user_ids: Vec<UserName>,
    #[schema(max_items = 1000)]
    bundles: Vec<Id>,
}

#[derive(ToSchema)]
pub(crate) struct Identities {
    identities: Vec<Identity>,
}

/// Whose keys are whose.
#[utoipa::path(post, path = "/v1/directory", request_body = Whose, security(("user" = [])), responses(
    (status = 200, body = Identities), (status = "4XX", body = Error), (status = "5XX", body = Error)))]
pub(crate) fn directory() {}
