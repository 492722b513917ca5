"""The genesis of a session (SPEC section 12.1)."""

from __future__ import annotations

from dataclasses import dataclass

from . import app_id, cbor, rights
from .errors import require
from .party import Party
from .signed import HASH, MIB, Signed, without_rest

RANDOM = 16
COMMITMENT = 32


@dataclass(frozen=True)
class Genesis:
    app_id: str
    creator: bytes
    """The hash of the bundle that signs."""
    random: bytes
    time: int
    key_commitment: bytes
    """Of generation 0."""
    rights: tuple[tuple[Party, int], ...]

    def cbor(self) -> cbor.Value:
        return {
            1: self.app_id,
            2: self.creator,
            3: self.random,
            4: self.time,
            5: self.key_commitment,
            6: rights.list_cbor(self.rights),
        }


def _read_payload(reader: cbor.Reader) -> Genesis:
    reader.map(6)
    reader.key(1)
    app = app_id.read(reader)
    reader.key(2)
    creator = reader.bytes(HASH)
    reader.key(3)
    random = reader.bytes(RANDOM)
    reader.key(4)
    time = reader.unsigned()
    reader.key(5)
    commitment = reader.bytes(COMMITMENT)
    reader.key(6)
    listed = rights.read_list(reader)
    someone = any(number & rights.READ for _, number in listed)
    require(someone, "invalid-format", "a session without a reader")
    return Genesis(app, creator, random, time, commitment, listed)


FORM = without_rest("session", 4 * MIB, _read_payload, Genesis.cbor)


def read(data: bytes, minimum: int = 1) -> Signed[Genesis, None]:
    """Its hash is the session id."""
    return FORM.read(data, minimum)
