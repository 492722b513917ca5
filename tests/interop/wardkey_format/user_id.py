"""User ids (SPEC section 1)."""

from __future__ import annotations

import unicodedata2

from .base64url import ALPHABET
from .errors import Code, require

MAX_BYTES = 128
LENGTH_OF_A_HASH = 43  # base64url of 32 bytes, which would look like the id of something else


def is_user_id(text: str) -> bool:
    try:
        length = len(text.encode())
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return (
        1 <= length <= MAX_BYTES
        and unicodedata2.normalize("NFC", text) == text
        and not any(unicodedata2.category(character) == "Cc" for character in text)
        and "→" not in text
        and not (len(text) == LENGTH_OF_A_HASH and ALPHABET.issuperset(text))
    )


def check(text: str, code: Code) -> None:
    """`code` is `invalid-argument` for the caller's, `invalid-format` inside an object."""
    require(is_user_id(text), code, "no user id")
