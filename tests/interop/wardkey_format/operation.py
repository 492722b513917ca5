"""Operations of a group's log (SPEC section 12.9)."""

from __future__ import annotations

from dataclasses import dataclass

from . import cbor, epoch, member
from .epoch import Epoch
from .errors import WardkeyError, require
from .member import Roles
from .party import User
from .signed import HASH, MIB, Signed, without_rest

ADD, REMOVE, GIVE_ROLES, ROTATE = 1, 2, 3, 4
ITEMS = {ADD: 2, REMOVE: 3, GIVE_ROLES: 2, ROTATE: 2}


@dataclass(frozen=True)
class Add:
    roles: Roles

    def cbor(self) -> list[cbor.Value]:
        return [ADD, member.roles_cbor(self.roles)]


@dataclass(frozen=True)
class Remove:
    members: tuple[User, ...]
    epoch: Epoch

    def cbor(self) -> list[cbor.Value]:
        return [REMOVE, [one.cbor() for one in self.members], self.epoch.cbor()]


@dataclass(frozen=True)
class GiveRoles:
    roles: Roles

    def cbor(self) -> list[cbor.Value]:
        return [GIVE_ROLES, member.roles_cbor(self.roles)]


@dataclass(frozen=True)
class Rotate:
    epoch: Epoch

    def cbor(self) -> list[cbor.Value]:
        return [ROTATE, self.epoch.cbor()]


GroupAction = Add | Remove | GiveRoles | Rotate


@dataclass(frozen=True)
class Operation:
    group_id: bytes
    sequence: int
    previous: bytes
    time: int
    signer: bytes
    action: GroupAction

    def cbor(self) -> cbor.Value:
        return {
            1: self.group_id,
            2: self.sequence,
            3: self.previous,
            4: self.time,
            5: self.signer,
            6: self.action.cbor(),
        }


def _read_action(reader: cbor.Reader) -> GroupAction:
    items = reader.array()
    require(items > 0, "invalid-format", "an empty action")
    number = reader.unsigned()
    require(number in ITEMS, "unsupported-version", f"action {number}")
    require(items == ITEMS[number], "invalid-format", "an action of another length")
    if number == ADD:
        return Add(member.read_roles(reader))
    if number == REMOVE:
        members = member.read_list(reader)
        return Remove(members, epoch.read(reader, first=False))
    if number == GIVE_ROLES:
        return GiveRoles(member.read_roles(reader))
    if number == ROTATE:
        return Rotate(epoch.read(reader, first=False))
    raise WardkeyError("unsupported-version", f"action {number}")


def _read_payload(reader: cbor.Reader) -> Operation:
    reader.map(6)
    reader.key(1)
    group_id = reader.bytes(HASH)
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
    return Operation(group_id, sequence, previous, time, signer, _read_action(reader))


FORM = without_rest("operation", 4 * MIB, _read_payload, Operation.cbor)


def read(data: bytes, minimum: int = 1) -> Signed[Operation, None]:
    return FORM.read(data, minimum)
