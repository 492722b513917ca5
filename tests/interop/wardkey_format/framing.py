"""Magic and version, the first five bytes of every stored object (end of SPEC section 1)."""

from __future__ import annotations

from .errors import require

MESSAGE = b"WKMS"
PUBLIC_KEY = b"WKPK"
WRAP_SET = b"WKWS"
BACKUP = b"WKBK"

VERSION = 0x01
LENGTH = 5


def frame(magic: bytes, content: bytes) -> bytes:
    return magic + bytes([VERSION]) + content


def unframe(magic: bytes, data: bytes) -> bytes:
    """What follows magic and version."""
    require(data[:4] == magic, "invalid-format", f"doesn't begin with {magic.decode()}")
    require(len(data) > 4, "truncated", "nothing after the magic")
    require(data[4] == VERSION, "unsupported-version", f"version {data[4]}")
    return data[LENGTH:]
