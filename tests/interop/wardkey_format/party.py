"""Parties: who has rights in a session (SPEC section 10.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from . import cbor, email, user_id
from .errors import WardkeyError, require

USER, GROUP, PLACEHOLDER = 0, 1, 2
HASH = 32
MAX_LIST = 10_000

T = TypeVar("T")


@dataclass(frozen=True)
class User:
    user_id: str
    fingerprint: bytes

    def cbor(self) -> list[cbor.Value]:
        return [USER, self.user_id, self.fingerprint]


@dataclass(frozen=True)
class Group:
    group_id: bytes

    def cbor(self) -> list[cbor.Value]:
        return [GROUP, self.group_id]


@dataclass(frozen=True)
class Placeholder:
    name: str
    escrow_fingerprint: bytes
    contact: str | None = None

    def cbor(self) -> list[cbor.Value]:
        return [PLACEHOLDER, self.name, self.escrow_fingerprint, self.contact]


Party = User | Group | Placeholder


def encode(party: Party) -> bytes:
    return cbor.encode(party.cbor())


def read(reader: cbor.Reader) -> Party:
    items, kind = reader.array(), reader.unsigned()
    lengths = {USER: 3, GROUP: 2, PLACEHOLDER: 4}
    require(lengths.get(kind) == items, "invalid-format", "no party")
    if kind == GROUP:
        return Group(reader.bytes(HASH))
    name, fingerprint = reader.text(), reader.bytes(HASH)
    user_id.check(name, "invalid-format")
    if kind == USER:
        return User(name, fingerprint)
    contact = None if reader.null() else reader.text()
    if contact is not None:
        email.check(contact, "invalid-format")
    return Placeholder(name, fingerprint, contact)


def read_count(reader: cbor.Reader) -> int:
    """Steps into a list of parties."""
    count = reader.array()
    require(1 <= count <= MAX_LIST, "invalid-format", "not 1 to 10,000 parties")
    return count


def check_sorted(parties: Sequence[Party]) -> None:
    rising = all(encode(a) < encode(b) for a, b in pairwise(parties))
    require(rising, "invalid-format", "parties not sorted, or one twice")


def decode(data: bytes) -> Party:
    """A party that stands alone."""
    reader = cbor.Reader(data)
    party = read(reader)
    reader.finish(party.cbor())
    return party


def in_order(entries: dict[Party, T]) -> list[tuple[Party, T]]:
    """Entries by party, sorted as a list of parties is."""
    return sorted(entries.items(), key=lambda entry: encode(entry[0]))


def placeholder(party: Party) -> Placeholder:
    if not isinstance(party, Placeholder):
        raise WardkeyError("invalid-format", "not a placeholder's party")
    return party
