"""App ids of a client (SPEC section 9). A backup's own is wider: see `backup`."""

from __future__ import annotations

from . import cbor
from .errors import require

MAX_BYTES = 128


def is_app_id(text: str) -> bool:
    try:
        return 1 <= len(text.encode()) <= MAX_BYTES
    except UnicodeEncodeError:  # a lone surrogate
        return False


def read(reader: cbor.Reader) -> str:
    text = reader.text()
    require(is_app_id(text), "invalid-format", "an app id not of 1 to 128 bytes")
    return text
