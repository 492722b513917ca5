"""What is derived from uniformly random secrets (SPEC section 2)."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from . import base64url
from .errors import require

KEY_LENGTH = 32


def expand(prk: bytes, label: str, length: int) -> bytes:
    """`expand(prk, label, L)`: HKDF-Expand under a label of Wardkey."""
    require(len(prk) == KEY_LENGTH, "invalid-argument", "a key isn't 32 bytes")
    info = b"wardkey/v1/" + label.encode() + b"\x00"
    return HKDFExpand(hashes.SHA512(), length, info).derive(prk)


def key_id(data_key: bytes) -> bytes:
    """Public; finds the key."""
    return expand(data_key, "key-id", 16)


def key_id_text(data_key: bytes) -> str:
    return base64url.encode(key_id(data_key))


def key_commitment(data_key: bytes) -> bytes:
    """Public; binds the key."""
    return expand(data_key, "key-commitment", 32)


def cache_seal(data_key: bytes) -> bytes:
    """Secret; seals the key cache."""
    return expand(data_key, "cache-seal", 32)
