"""Members of a group and their roles (SPEC section 12.8)."""

from __future__ import annotations

from collections.abc import Sequence

from . import cbor, party
from .errors import WardkeyError, require
from .party import User

MEMBER, ADMIN = 0, 1

RoleByMember = dict[User, int]
Roles = tuple[tuple[User, int], ...]


def read(reader: cbor.Reader) -> User:
    named = party.read(reader)
    if not isinstance(named, User):
        raise WardkeyError("invalid-format", "a member who isn't a user")
    return named


def check_list(members: Sequence[User]) -> None:
    party.check_sorted(members)
    names = {one.user_id for one in members}
    require(len(names) == len(members), "invalid-format", "a user id twice in a list")


def read_list(reader: cbor.Reader) -> tuple[User, ...]:
    """`[party, …]`, sorted."""
    members = tuple(read(reader) for _ in range(party.read_count(reader)))
    check_list(members)
    return members


def read_roles(reader: cbor.Reader) -> Roles:
    """`[[party, role], …]`, sorted by party."""
    entries = []
    for _ in range(party.read_count(reader)):
        reader.array(2)
        named, role = read(reader), reader.unsigned()
        require(role in (MEMBER, ADMIN), "invalid-format", "no role")
        entries.append((named, role))
    check_list([named for named, _ in entries])
    return tuple(entries)


def roles_cbor(roles: Roles) -> list[cbor.Value]:
    return [[named.cbor(), role] for named, role in roles]
