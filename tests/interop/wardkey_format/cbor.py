"""CBOR in the core deterministic encoding (SPEC section 1, "CBOR"; RFC 8949 section 4.2.1).

Only what SPEC uses: unsigned integers, byte strings, text strings, arrays, maps, null. `Reader` is
told at every step what to expect, so nothing else is ever decoded. It takes a number in any of
its lengths; `finish` then refuses what would not encode to the same bytes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .errors import WardkeyError, require

Value = (
    int
    | bytes
    | str
    | None
    | Sequence["Value"]
    | Mapping[int, "Value"]
    | Mapping[str, "Value"]
    | Mapping[bytes, "Value"]
)

UNSIGNED, BYTES, TEXT, ARRAY, MAP = 0, 2, 3, 4, 5
NULL = 0xF6
MAX_UNSIGNED = 2**64 - 1


def _head(major: int, argument: int) -> bytes:
    """A data item's head: the major type and the shortest form of its argument."""
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * width:
            return bytes([major << 5 | info]) + argument.to_bytes(width, "big")
    raise ValueError("an integer over 64 bits")


def encode(value: Value) -> bytes:
    """The one deterministic encoding of `value`."""
    match value:
        case None:
            return bytes([NULL])
        case bool():
            raise TypeError("SPEC uses no booleans")
        case int() if value >= 0:
            return _head(UNSIGNED, value)
        case bytes():
            return _head(BYTES, len(value)) + value
        case str():
            text = value.encode()
            return _head(TEXT, len(text)) + text
        case list() | tuple():
            return _head(ARRAY, len(value)) + b"".join(map(encode, value))
        case dict():
            entries = sorted((encode(key), encode(item)) for key, item in value.items())
            return _head(MAP, len(entries)) + b"".join(key + item for key, item in entries)
    raise TypeError(f"SPEC uses no {type(value).__name__} like this")


class Reader:
    """Reads one encoded object from its start. Whatever doesn't fit is `invalid-format`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, length: int) -> bytes:
        require(length <= len(self._data) - self._at, "invalid-format", "CBOR: cut")
        self._at += length
        return self._data[self._at - length : self._at]

    def _argument(self, major: int) -> int:
        first = self._take(1)[0]
        require(first >> 5 == major, "invalid-format", "CBOR: another type was expected")
        info = first & 0x1F
        if info < 24:
            return info
        require(info < 28, "invalid-format", "CBOR: an indefinite or reserved length")
        return int.from_bytes(self._take(1 << info - 24), "big")

    def unsigned(self) -> int:
        return self._argument(UNSIGNED)

    def bytes(self, length: int | None = None) -> bytes:
        """A byte string, of exactly `length` bytes if that is given."""
        found = self._argument(BYTES)
        require(length in (None, found), "invalid-format", "CBOR: bytes of another length")
        return self._take(found)

    def text(self) -> str:
        try:
            return self._take(self._argument(TEXT)).decode()
        except UnicodeDecodeError as failure:
            raise WardkeyError("invalid-format", "CBOR: text that isn't UTF-8") from failure

    def null(self) -> bool:
        """Steps over a null and says whether there was one."""
        found = self._data[self._at : self._at + 1] == bytes([NULL])
        self._at += found
        return found

    def array(self, length: int | None = None) -> int:
        """Steps into an array, of exactly `length` items if that is given; says how many."""
        found = self._argument(ARRAY)
        require(length in (None, found), "invalid-format", "CBOR: an array of another length")
        return found

    def map(self, length: int) -> None:
        """Steps into a map of exactly `length` entries, whose keys SPEC names."""
        require(self._argument(MAP) == length, "invalid-format", "CBOR: not the named map keys")

    def entries(self) -> int:
        """Steps into a map whose keys are data; says how many entries it has."""
        return self._argument(MAP)

    def next_is(self, major: int) -> bool:
        """Whether the next item is of this major type."""
        following = self._data[self._at : self._at + 1]
        return bool(following) and following[0] >> 5 == major

    def key(self, expected: int) -> None:
        """Steps over the next map key, which is `expected`."""
        require(self.unsigned() == expected, "invalid-format", "CBOR: not the named map key")

    def finish(self, value: Value) -> None:
        """Nothing is left over, and `value`, which was read, encodes to the same bytes again."""
        require(self._at == len(self._data), "invalid-format", "CBOR: something is left over")
        require(encode(value) == self._data, "invalid-format", "CBOR: not the canonical encoding")
