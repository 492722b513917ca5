"""Rights in a session (SPEC section 12.1)."""

from __future__ import annotations

from . import cbor, party
from .errors import require
from .party import Party

READ, FORWARD, REVOKE, MANAGE = 1, 2, 4, 8
ALL = READ | FORWARD | REVOKE | MANAGE
NONE = 0

RightsByParty = dict[Party, int]


def is_rights(number: int) -> bool:
    return 1 <= number < MANAGE or number == ALL


def read_list(reader: cbor.Reader) -> tuple[tuple[Party, int], ...]:
    """`[[party, rights], …]`, sorted by party."""
    entries = []
    for _ in range(party.read_count(reader)):
        reader.array(2)
        named, number = party.read(reader), reader.unsigned()
        require(is_rights(number), "invalid-format", "no rights")
        entries.append((named, number))
    party.check_sorted([named for named, _ in entries])
    return tuple(entries)


def list_cbor(entries: tuple[tuple[Party, int], ...]) -> list[cbor.Value]:
    return [[named.cbor(), number] for named, number in entries]


def has(rights: RightsByParty, one: Party | None, asked_for: int) -> bool:
    """Whether a party has all of these rights. Who is no party has none."""
    return one is not None and rights.get(one, NONE) & asked_for == asked_for


def readers(rights: RightsByParty) -> set[Party]:
    return {one for one, number in rights.items() if number & READ}
