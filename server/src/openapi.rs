//! `docs/API.md` as OpenAPI 3.1, for who generates clients or tests from it. What a request means, and in which order it is checked, stands there. Nothing here is
//! run but the description itself: requests are read by `wardkey_rules`, and a test holds both against each other.

#![allow(dead_code, reason = "types that are described, and never made")]

mod account;
mod admin;
mod exchange_keys;
mod groups;
mod sessions;

use std::sync::LazyLock;

use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};

/// How a request ends that doesn't succeed.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Error {
    /// Stable: `docs/API.md`, section 1.
    #[schema(example = "forbidden")]
    code: String,
    /// For developers.
    message: String,
    /// When it may be asked again.
    #[schema(nullable = false)]
    retry_after_ms: Option<u64>,
    /// Tries that are left for a code.
    #[schema(nullable = false)]
    attempts_left: Option<u64>,
}

/// Bytes, among them signed objects: base64url without padding.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]*$")]
pub(crate) struct Bytes(String);

/// A hash or an id: 32 bytes in base64url.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{43}$")]
pub(crate) struct Id(String);

/// The id of a recovery or claim: 16 bytes in base64url.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{22}$")]
pub(crate) struct ShortId(String);

/// Milliseconds since 1970, a count or a version.
#[derive(ToSchema)]
#[schema(value_type = u64, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
pub(crate) struct Number(u64);

/// A user id: SPEC, section 1.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 128)]
pub(crate) struct UserName(String);

/// Bundles from version 1 to the newest.
#[derive(ToSchema)]
#[schema(value_type = Vec<Bytes>)]
pub(crate) struct Identity(Vec<Bytes>);

/// Nothing but that it is done.
#[derive(ToSchema)]
pub(crate) struct Done {}

/// A version that was written.
#[derive(ToSchema)]
pub(crate) struct Version {
    version: Number,
}

/// A code went out.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SentTo {
    /// The address, masked.
    sent_to: String,
}

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let mut jwt = Http::new(HttpAuthScheme::Bearer);
        jwt.bearer_format = Some("JWT".to_owned());
        jwt.description =
            Some("signed by the application's server: EdDSA; sub: the user id, aud: the app id, exp".to_owned());
        let mut credential = Http::new(HttpAuthScheme::Bearer);
        credential.description = Some("the application's own credential".to_owned());
        components.add_security_scheme("user", SecurityScheme::Http(jwt));
        components.add_security_scheme("application", SecurityScheme::Http(credential));
    }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Wardkey key server", description = "See docs/API.md."),
    modifiers(&Schemes),
    paths(
        account::login, account::register, account::read_backup, account::write_state, account::write_pending, account::activate,
        account::start_recovery, account::answer_code, account::write_recovered, account::activate_recovered,
        account::directory,
        sessions::create, sessions::append, sessions::keys, sessions::feed, sessions::events, sessions::journal,
        groups::mine, groups::found, groups::operate, groups::head, groups::claim, groups::answer, groups::assign,
        admin::user, admin::disable, admin::journal,
        exchange_keys::put,
    ),
)]
struct Described;

/// The description, as it is served: put together once, whoever asks however often.
pub(crate) fn description() -> &'static str {
    static DESCRIPTION: LazyLock<String> = LazyLock::new(|| Described::openapi().to_json().unwrap_or_default());
    &DESCRIPTION
}
