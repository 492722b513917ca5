"""Actions: what an entry of a session's log does (SPEC section 12.2)."""

from __future__ import annotations

from dataclasses import dataclass

from . import cbor, party, rights
from .errors import WardkeyError, require
from .party import Party, Placeholder

GRANT, REVOKE, REVOKE_ALL, GENERATION, ASSIGNMENT = 1, 2, 3, 4, 5
ITEMS = {GRANT: 2, REVOKE: 2, REVOKE_ALL: 1, GENERATION: 3, ASSIGNMENT: 3}


@dataclass(frozen=True)
class Grant:
    rights: tuple[tuple[Party, int], ...]

    def cbor(self) -> list[cbor.Value]:
        return [GRANT, rights.list_cbor(self.rights)]


@dataclass(frozen=True)
class Revoke:
    parties: tuple[Party, ...]

    def cbor(self) -> list[cbor.Value]:
        return [REVOKE, [one.cbor() for one in self.parties]]


@dataclass(frozen=True)
class RevokeAll:
    def cbor(self) -> list[cbor.Value]:
        return [REVOKE_ALL]


@dataclass(frozen=True)
class Generation:
    number: int
    key_commitment: bytes

    def cbor(self) -> list[cbor.Value]:
        return [GENERATION, self.number, self.key_commitment]


@dataclass(frozen=True)
class Assignment:
    placeholder: Placeholder
    group_id: bytes

    def cbor(self) -> list[cbor.Value]:
        return [ASSIGNMENT, self.placeholder.cbor(), self.group_id]


Action = Grant | Revoke | RevokeAll | Generation | Assignment


def read(reader: cbor.Reader) -> Action:
    items = reader.array()
    require(items > 0, "invalid-format", "an empty action")
    number = reader.unsigned()
    require(number in ITEMS, "unsupported-version", f"action {number}")
    require(items == ITEMS[number], "invalid-format", "an action of another length")
    if number == GRANT:
        return Grant(rights.read_list(reader))
    if number == REVOKE:
        parties = tuple(party.read(reader) for _ in range(party.read_count(reader)))
        party.check_sorted(parties)
        return Revoke(parties)
    if number == REVOKE_ALL:
        return RevokeAll()
    if number == GENERATION:
        return Generation(reader.unsigned(), reader.bytes(32))
    if number == ASSIGNMENT:
        return Assignment(party.placeholder(party.read(reader)), reader.bytes(32))
    raise WardkeyError("unsupported-version", f"action {number}")
