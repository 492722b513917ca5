"""The genesis of a group (SPEC section 12.8)."""

from __future__ import annotations

from dataclasses import dataclass

import unicodedata2

from . import app_id, cbor, epoch, member
from .epoch import Epoch
from .errors import require
from .member import Roles
from .signed import HASH, MIB, Signed, without_rest

RANDOM = 16
MAX_NAME = 128
MAX_HOURS = 2_160
MAX_DAYS = 90


@dataclass(frozen=True)
class GroupGenesis:
    app_id: str
    creator: bytes
    """The hash of the bundle that signs."""
    random: bytes
    time: int
    name: str
    roles: Roles
    epoch: Epoch
    head_hours: int
    admin_days: int

    def cbor(self) -> cbor.Value:
        return {
            1: self.app_id,
            2: self.creator,
            3: self.random,
            4: self.time,
            5: self.name,
            6: member.roles_cbor(self.roles),
            7: self.epoch.cbor(),
            8: self.head_hours,
            9: self.admin_days,
        }


def is_name(text: str) -> bool:
    control = any(unicodedata2.category(character) == "Cc" for character in text)
    return 1 <= len(text.encode()) <= MAX_NAME and not control


def _read_payload(reader: cbor.Reader) -> GroupGenesis:
    reader.map(9)
    reader.key(1)
    app = app_id.read(reader)
    reader.key(2)
    creator = reader.bytes(HASH)
    reader.key(3)
    random = reader.bytes(RANDOM)
    reader.key(4)
    time = reader.unsigned()
    reader.key(5)
    name = reader.text()
    require(is_name(name), "invalid-format", "no name of a group")
    reader.key(6)
    roles = member.read_roles(reader)
    reader.key(7)
    first = epoch.read(reader, first=True)
    reader.key(8)
    hours = reader.unsigned()
    require(1 <= hours <= MAX_HOURS, "invalid-format", "not 1 to 2,160 hours")
    reader.key(9)
    days = reader.unsigned()
    require(1 <= days <= MAX_DAYS, "invalid-format", "not 1 to 90 days")
    return GroupGenesis(app, creator, random, time, name, roles, first, hours, days)


FORM = without_rest("group", 4 * MIB, _read_payload, GroupGenesis.cbor)


def read(data: bytes, minimum: int = 1) -> Signed[GroupGenesis, None]:
    """Its hash is the group id."""
    return FORM.read(data, minimum)
