"""Draws from the system's generator (SPEC section 8).

SPEC also says what RSA generation, OAEP and encapsulations take their bytes from; here these belong
to OpenSSL. That changes no byte that a reader could see.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import shake_256

from .errors import WardkeyError, require

CHECKED = 16
_before = b""
_seeded: Seeded | None = None


class Seeded:
    """Draws that a seed gives, so that a maker gives the same bytes again."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._drawn = 0

    def draw(self, length: int) -> bytes:
        self._drawn += 1
        return shake_256(self._seed + b"\x00" + self._drawn.to_bytes(8, "big")).digest(length)


@contextmanager
def seeded(seed: str) -> Iterator[None]:
    """Inside, `draw` gives what the seed gives. (Encapsulations and OAEP stay random: they belong
    to OpenSSL.)"""
    global _seeded
    before, _seeded = _seeded, Seeded(seed)
    try:
        yield
    finally:
        _seeded = before


def draw(length: int) -> bytes:
    """`length` random bytes; a generator that fails or is visibly stuck is `rng`."""
    global _before
    if _seeded:
        return _seeded.draw(length)
    try:
        drawn = os.urandom(length)
    except (OSError, NotImplementedError) as failure:
        raise WardkeyError("rng", "the system's generator failed") from failure
    if length >= CHECKED:
        require(any(drawn), "rng", "the system's generator gave only zeros")
        require(drawn[:CHECKED] != _before, "rng", "the system's generator repeats itself")
        _before = drawn[:CHECKED]
    return drawn
