"""How a password becomes bytes (SPEC section 7, "Password").

Unicode 18.0 comes from the package unicodedata2; Python's own unicodedata may be older.
"""

from __future__ import annotations

import unicodedata2

from .errors import WardkeyError, require

MAX_PREPARED = 1_024

assert unicodedata2.unidata_version == "18.0.0"


def prepare(password: str) -> bytes:
    """The prepared password, as the UTF-8 that the slow derivation takes."""
    categories = [unicodedata2.category(character) for character in password]
    forbidden = {"Cs", "Cc"}.intersection(categories)
    require(not forbidden, "password-format", "a lone surrogate or a control character")
    spaced = "".join(
        " " if category == "Zs" else character
        for character, category in zip(password, categories, strict=True)
    )
    prepared = unicodedata2.normalize("NFC", spaced).encode()
    if not 1 <= len(prepared) <= MAX_PREPARED:
        raise WardkeyError("password-format", "not 1 to 1024 bytes")
    return prepared
