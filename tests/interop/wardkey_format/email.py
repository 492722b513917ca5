"""E-mail addresses, as contacts and placeholders have them (SPEC section 10.1)."""

from __future__ import annotations

import unicodedata2

from .errors import Code, require

SHORTEST, LONGEST = 3, 254


def is_email(text: str) -> bool:
    try:
        length = len(text.encode())
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return (
        SHORTEST <= length <= LONGEST
        and not any(unicodedata2.category(character) in ("Cc", "Zs") for character in text)
        and text.count("@") == 1
        and not text.startswith("@")
        and not text.endswith("@")
    )


def check(text: str, code: Code) -> None:
    """`code` is `invalid-argument` for the caller's, `invalid-format` inside an object."""
    require(is_email(text), code, "no e-mail address")
