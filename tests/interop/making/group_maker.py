"""Writes a group as its admins do, or as nobody should: any operation, keys and heads by anyone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from wardkey_format import (
    cbor,
    derive,
    epoch,
    group_genesis,
    group_head,
    group_keys,
    operation,
    party,
    wrap,
)
from wardkey_format.epoch import Epoch
from wardkey_format.group_genesis import GroupGenesis
from wardkey_format.group_head import HOUR, GroupHead
from wardkey_format.group_keys import GroupKeys
from wardkey_format.member import Roles
from wardkey_format.operation import GroupAction, Operation, Remove, Rotate
from wardkey_format.randomness import draw
from wardkey_format.wraps import Place

from .entries import Json
from .forging import changed, signed
from .person import APP, Person

START = 1_790_000_000_000


def roles(given: dict[Person, int]) -> Roles:
    listed = [(person.party, role) for person, role in given.items()]
    return tuple(sorted(listed, key=lambda entry: party.encode(entry[0])))


@dataclass
class GroupMaker:
    creator: Person
    people: list[Person]
    """Whose identities are given to who reads."""
    group_id: bytes = b""
    genesis: bytes = b""
    operations: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    secrets: list[bytes] = field(default_factory=list)

    def copy(self) -> GroupMaker:
        return GroupMaker(
            self.creator,
            [*self.people],
            self.group_id,
            self.genesis,
            [*self.operations],
            [*self.hashes],
            [*self.secrets],
        )

    def begin(self, listed: Roles, **fields: Any) -> None:
        """The genesis; `_4=…` puts something else into field 4."""
        self.secrets = [draw(32)]
        first = epoch.make(b"", 0, self.secrets[0], None)
        creator = self.creator.hash
        made = GroupGenesis(APP, creator, draw(16), START, "Ward 7 → OP", listed, first, 24, 7)
        payload = cbor.encode(changed(made, **fields))
        self.genesis = signed(group_genesis.FORM, self.creator.seed, payload)
        self.group_id = group_genesis.FORM.hash(payload)
        self.hashes = [self.group_id]

    @property
    def sequence(self) -> int:
        return len(self.operations)

    def payload(self, signer: Person, action: GroupAction) -> Operation:
        sequence = self.sequence + 1
        time = START + sequence
        return Operation(self.group_id, sequence, self.hashes[-1], time, signer.hash, action)

    def add(
        self, signer: Person, action: GroupAction, *, seed: bytes | None = None, **fields: Any
    ) -> None:
        """An operation."""
        payload = cbor.encode(changed(self.payload(signer, action), **fields))
        self.operations.append(signed(operation.FORM, seed or signer.seed, payload))
        self.hashes.append(operation.FORM.hash(payload))

    def next_epoch(self) -> Epoch:
        """Its secret is the newest from here on."""
        before, secret = self.secrets[-1], draw(32)
        self.secrets.append(secret)
        return epoch.make(self.group_id, len(self.secrets) - 1, secret, before)

    def remove(self, signer: Person, *people: Person) -> None:
        removed = tuple(sorted((person.party for person in people), key=party.encode))
        self.add(signer, Remove(removed, self.next_epoch()))

    def rotate(self, signer: Person) -> None:
        self.add(signer, Rotate(self.next_epoch()))

    # Group keys.

    def keys(
        self,
        signer: Person,
        people: Iterable[Person],
        *,
        only_for: Person | None = None,
        wrapped: bytes | None = None,
        also: tuple[Place, ...] = (),
        **fields: Any,
    ) -> bytes:
        """Those of the newest operation. `also`: places of others, with null for a body."""
        number, secret = len(self.secrets) - 1, self.secrets[-1]
        named = (derive.key_id(secret), derive.key_commitment(secret))
        context = group_keys.stanza_context(self.group_id, number)
        stanzas: list[tuple[Place, bytes | None]] = [(place, None) for place in also]
        for person in people:
            public = person.key_pair.public_key
            body = wrap.seal_stanza(wrapped or secret, public, *named, context).body
            place = Place(person.party, public.fingerprint, public.suite, sha256(body).digest())
            stanzas.append((place, body if only_for in (None, person) else None))
        stanzas.sort(key=lambda stanza: party.encode(stanza[0].party))
        places = tuple(place for place, _ in stanzas)
        made = GroupKeys(self.group_id, self.sequence, number, *named, signer.hash, places)
        payload = changed(made, **fields)
        return signed(group_keys.FORM, signer.seed, payload, [body for _, body in stanzas])

    # Heads.

    def head(
        self,
        signer: Person,
        time: int,
        hours: int = 24,
        *,
        seed: bytes | None = None,
        **fields: Any,
    ) -> bytes:
        end = time + hours * HOUR
        made = GroupHead(self.group_id, self.sequence, self.hashes[-1], time, end, signer.hash)
        return signed(group_head.FORM, seed or signer.seed, changed(made, **fields))

    # The inputs of `kinds.py`.

    def log(self, **changes: Any) -> Json:
        return {
            "app_id": APP,
            "identities": [person.bundles for person in self.people],
            "pins": {},
            "escrow_key": None,
            "refuse_first_use": False,
            "minimum": 1,
            "group_id": self.group_id.hex(),
            "genesis": self.genesis.hex(),
            "operations": [data.hex() for data in self.operations],
            "seen": [],
            **changes,
        }

    def opening(self, reader: Person, keys: bytes) -> Json:
        encoded = party.encode(reader.party).hex()
        return self.log(keys=keys.hex(), party=encoded, pairs=reader.private_keys)

    def fresh(self, now: int, *heads: bytes) -> Json:
        return self.log(heads=[data.hex() for data in heads], now=now)
