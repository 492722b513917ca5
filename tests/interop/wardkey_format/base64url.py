"""base64url without padding (SPEC section 1; RFC 4648 section 5)."""

from __future__ import annotations

import base64
import binascii
import string

from .errors import WardkeyError, require

ALPHABET = frozenset(string.ascii_letters + string.digits + "-_")


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of `text`; padding, foreign characters or set unused bits are refused."""
    require(ALPHABET.issuperset(text), "invalid-format", "not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as failure:
        raise WardkeyError("invalid-format", "base64url of an impossible length") from failure
    require(encode(data) == text, "invalid-format", "base64url with unused bits set")
    return data
