"""Entries of a session's log (SPEC section 12.2)."""

from __future__ import annotations

from dataclasses import dataclass

from . import action, cbor
from .action import Action
from .errors import require
from .signed import HASH, MIB, Signed, without_rest


@dataclass(frozen=True)
class Authority:
    """The state of the group for which the signer acts."""

    group_id: bytes
    sequence: int
    hash: bytes

    def cbor(self) -> list[cbor.Value]:
        return [self.group_id, self.sequence, self.hash]


@dataclass(frozen=True)
class Entry:
    session_id: bytes
    sequence: int
    previous: bytes
    time: int
    signer: bytes
    authority: Authority | None
    """None: the signer himself."""
    action: Action

    def cbor(self) -> cbor.Value:
        return {
            1: self.session_id,
            2: self.sequence,
            3: self.previous,
            4: self.time,
            5: self.signer,
            6: self.authority and self.authority.cbor(),
            7: self.action.cbor(),
        }


def read_authority(reader: cbor.Reader) -> Authority | None:
    if reader.null():
        return None
    reader.array(3)
    return Authority(reader.bytes(HASH), reader.unsigned(), reader.bytes(HASH))


def _read_payload(reader: cbor.Reader) -> Entry:
    reader.map(7)
    reader.key(1)
    session_id = reader.bytes(HASH)
    reader.key(2)
    sequence = reader.unsigned()
    require(sequence >= 1, "invalid-format", "sequence 0 is the genesis")
    reader.key(3)
    previous = reader.bytes(HASH)
    reader.key(4)
    time = reader.unsigned()
    reader.key(5)
    signer = reader.bytes(HASH)
    reader.key(6)
    authority = read_authority(reader)
    reader.key(7)
    done = action.read(reader)
    return Entry(session_id, sequence, previous, time, signer, authority, done)


FORM = without_rest("entry", 4 * MIB, _read_payload, Entry.cbor)


def read(data: bytes, minimum: int = 1) -> Signed[Entry, None]:
    return FORM.read(data, minimum)
