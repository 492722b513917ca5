"""Padmé, which hides the length of a message (SPEC section 4.2)."""

from __future__ import annotations

from .errors import require

SHORTEST = 256
LENGTH_FIELD = 8


def padme(length: int) -> int:
    """The next length whose binary form ends in enough zeros: at most 12 % more."""
    e = length.bit_length() - 1  # floor(log2 length)
    s = e.bit_length()  # floor(log2 e) + 1
    mask = (1 << e - s) - 1
    return (length + mask) & ~mask


def padded_length(data_length: int) -> int:
    return max(SHORTEST, padme(data_length + LENGTH_FIELD))


def pad(data: bytes) -> bytes:
    zeros = padded_length(len(data)) - len(data) - LENGTH_FIELD
    return data + bytes(zeros) + len(data).to_bytes(LENGTH_FIELD, "big")


def unpad(plaintext: bytes) -> bytes:
    """The data; anything that `pad` doesn't give is `decryption-failed`."""
    require(len(plaintext) >= SHORTEST, "decryption-failed", "too short for a padded message")
    length = int.from_bytes(plaintext[-LENGTH_FIELD:], "big")
    fits = len(plaintext) == padded_length(length)
    require(fits, "decryption-failed", "not the padded length of this data")
    zeros = plaintext[length:-LENGTH_FIELD]
    require(not any(zeros), "decryption-failed", "the padding isn't zero")
    return plaintext[:length]
