//! Codes and their statuses, as API section 1 has them.

use wardkey_rules::ApiError;

const CODES: &[(u16, &str)] = &[
    (400, "invalid-argument"),
    (400, "invalid-format"),
    (400, "unsupported-version"),
    (400, "truncated"),
    (400, "downgrade"),
    (400, "key-policy"),
    (400, "kdf-policy"),
    (400, "key-mismatch"),
    (400, "unwrap-failed"),
    (400, "bad-signature"),
    (400, "pin-mismatch"),
    (401, "forbidden"),
    (403, "forbidden"),
    (403, "revoked"),
    (403, "not-a-recipient"),
    (403, "otp-wrong"),
    (404, "unknown-user"),
    (404, "unknown-group"),
    (404, "unknown-session"),
    (404, "no-backup"),
    (404, "invalid-argument"),
    (409, "already-registered"),
    (409, "conflict"),
    (409, "stale"),
    (409, "rollback"),
    (409, "fork"),
    (410, "otp-expired"),
    (413, "limit"),
    (429, "throttled"),
    (429, "otp-locked"),
    (500, "server"),
];

#[track_caller]
pub(crate) fn check(error: &ApiError) {
    let found = (error.status(), error.code().as_str());
    assert!(CODES.contains(&found), "{found:?}");
    let json = error.to_json();
    assert_eq!(json["code"], error.code().as_str());
    assert!(json["message"].is_string());
    assert_eq!(json.get("retryAfterMs").is_some(), error.retry_after_ms().is_some());
    assert_eq!(json.get("attemptsLeft").is_some(), error.attempts_left().is_some());
    // `stale`: a claim's code was right.
    let keeps = matches!(error.code().as_str(), "otp-wrong" | "stale") || error.status() == 500;
    assert!(!error.keeps() || keeps, "{error}");
}
