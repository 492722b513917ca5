"""Salts and secret of the login (SPEC section 11.1)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from . import base64url, cbor, password
from .backup import login_secret
from .errors import require
from .slow_key import Argon2idKdf, Kdf, Pbkdf2Kdf

SERVER_SALT = 32


@dataclass(frozen=True)
class Parameters:
    """A kdf without its salt: `[1, memory in KiB, passes]` or `[2, iterations]`."""

    numbers: tuple[int, ...]

    def with_salt(self, salt: bytes) -> Kdf:
        match self.numbers:
            case (1, memory_kib, passes):
                return Argon2idKdf(memory_kib, passes, salt)
            case (2, iterations):
                return Pbkdf2Kdf(iterations, salt)
        raise AssertionError("no parameters")


def server_salt(secret: bytes, app_id: str, user_id: str) -> bytes:
    """It exists for every name."""
    text = cbor.encode(["wardkey/v1/server-salt", app_id, user_id])
    return hmac.digest(secret, text, "sha256")


def salt(app_id: str, user_id: str, salt_of_server: bytes) -> bytes:
    text = cbor.encode(["wardkey/v1/login-salt", app_id, user_id, salt_of_server])
    return sha256(text).digest()


def kdf(
    app_id: str,
    user_id: str,
    salt_of_server: bytes,
    given: Parameters,
    clients: Parameters,
    listed: Sequence[Parameters] = (),
) -> Kdf:
    """What is derived with; refused before anything is derived."""
    right = len(salt_of_server) == SERVER_SALT
    require(right, "invalid-format", "a server salt that isn't 32 bytes")
    found = given.with_salt(salt(app_id, user_id, salt_of_server))
    found.check()
    allowed = given == clients or given in listed
    require(allowed, "kdf-policy", "neither the client's parameters nor listed ones")
    return found


def secret_text(password_text: str, derive_with: Kdf) -> str:
    """The login secret, as the application takes it for the user's password."""
    slow = derive_with.derive(password.prepare(password_text))
    return base64url.encode(login_secret(slow))
