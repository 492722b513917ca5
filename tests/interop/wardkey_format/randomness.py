"""Draws from the system's generator (SPEC section 8).

SPEC also says what RSA generation, OAEP and encapsulations take their bytes from; here these belong
to OpenSSL. That changes no byte that a reader could see.
"""

from __future__ import annotations

import os

from .errors import WardkeyError, require

CHECKED = 16
_before = b""


def draw(length: int) -> bytes:
    """`length` random bytes; a generator that fails or is visibly stuck is `rng`."""
    global _before
    try:
        drawn = os.urandom(length)
    except (OSError, NotImplementedError) as failure:
        raise WardkeyError("rng", "the system's generator failed") from failure
    if length >= CHECKED:
        require(any(drawn), "rng", "the system's generator gave only zeros")
        require(drawn[:CHECKED] != _before, "rng", "the system's generator repeats itself")
        _before = drawn[:CHECKED]
    return drawn
