"""Writes the versions of an exchange key as delegators do, or as nobody should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from wardkey_format import cbor, cobblestone, derive, epoch, exchange_key, party, wrap
from wardkey_format.entry import Authority
from wardkey_format.exchange_key import ExchangeKey
from wardkey_format.party import Group, Party
from wardkey_format.public_key import PublicKey
from wardkey_format.randomness import draw
from wardkey_format.wraps import Place

from .entries import Json
from .forging import changed, signed
from .group_maker import START, GroupMaker
from .person import APP, Person


@dataclass(frozen=True)
class To:
    """Somebody whom a version is wrapped for."""

    party: Party
    key: PublicKey
    epoch: int | None = None


def to_person(person: Person) -> To:
    return To(person.party, person.key_pair.public_key)


def to_group(group: GroupMaker) -> To:
    """Its newest epoch."""
    key = epoch.key_pair(group.secrets[-1]).public_key
    return To(Group(group.group_id), key, len(group.secrets) - 1)


def right_of(group: GroupMaker) -> Authority:
    return Authority(group.group_id, group.sequence, group.hashes[-1])


@dataclass
class ExchangeMaker:
    delegator: Party
    delegate: Party
    keys: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    objects: list[bytes] = field(default_factory=list)

    @property
    def pair(self) -> str:
        return exchange_key.pair_of(self.delegator, self.delegate)

    def copy(self) -> ExchangeMaker:
        lists = ([*self.keys], [*self.hashes], [*self.objects])
        return ExchangeMaker(self.delegator, self.delegate, *lists)

    def _previous(self, version: int, key: bytes) -> bytes | None:
        if not self.keys:
            return None
        before = self.keys[-1]
        parties = (self.delegator, self.delegate)
        commitment = derive.key_commitment(before)
        bound = exchange_key.previous_context(*parties, version, commitment)
        return cobblestone.seal(key, bound, before)

    def add(
        self,
        signer: Person,
        to: Sequence[To],
        authority: Authority | None = None,
        *,
        seed: bytes | None = None,
        wrapped: bytes | None = None,
        **fields: Any,
    ) -> ExchangeMaker:
        """The next version; `_4=…` puts something else into field 4."""
        version, key = len(self.keys) + 1, draw(32)
        named = (derive.key_id(key), derive.key_commitment(key))
        context = exchange_key.stanza_context(self.pair, version)
        stanzas = []
        for one in sorted(to, key=lambda one: party.encode(one.party)):
            body = wrap.seal_stanza(wrapped or key, one.key, *named, context).body
            digest = sha256(body).digest()
            place = Place(one.party, one.key.fingerprint, one.key.suite, digest)
            stanzas.append((place, one.epoch, body))
        made = ExchangeKey(
            APP,
            self.delegator,
            self.delegate,
            version,
            self.hashes[-1] if self.hashes else None,
            START + version,
            signer.hash,
            authority,
            *named,
            self._previous(version, key),
            tuple(place for place, _, _ in stanzas),
            tuple(number for _, number, _ in stanzas),
        )
        payload = cbor.encode(changed(made, **fields))
        bodies: list[cbor.Value] = [body for _, _, body in stanzas]
        data = signed(exchange_key.FORM, seed or signer.seed, payload, bodies)
        self.keys.append(key)
        self.hashes.append(exchange_key.FORM.hash(payload))
        self.objects.append(data)
        return self

    def versions(self) -> Json:
        return {
            "delegator": party.encode(self.delegator).hex(),
            "delegate": party.encode(self.delegate).hex(),
            "objects": [data.hex() for data in self.objects],
        }
