"""The one exception of this package (SPEC section 1, "Errors")."""

from __future__ import annotations

from typing import Literal

Code = Literal[
    "backup-rollback",
    "bad-signature",
    "conflict",
    "decryption-failed",
    "downgrade",
    "forbidden",
    "fork",
    "invalid-argument",
    "invalid-format",
    "kdf-policy",
    "key-mismatch",
    "key-policy",
    "limit",
    "no-backup",
    "not-a-recipient",
    "not-certified",
    "otp-expired",
    "password-format",
    "pin-mismatch",
    "revoked",
    "rng",
    "rollback",
    "stale",
    "truncated",
    "unknown-group",
    "unsupported-version",
    "unwrap-failed",
    "wrong-password",
]


class WardkeyError(Exception):
    """Every failure that SPEC names. `code` is stable; the detail is for people only."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code: Code = code


def require(condition: bool, code: Code, detail: str) -> None:
    """Raises a WardkeyError unless `condition` holds."""
    if not condition:
        raise WardkeyError(code, detail)
