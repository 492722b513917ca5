"""Entities: reading and writing (SPEC sections 18.11 and 18.12)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import base64url, entity_content, entity_form, exchange_key, manifest
from .entity_content import Closed, Content, Of, pad_id, unpad_id
from .entity_form import DELEGATIONS, FOREIGN, KEYS, MAX_ID, MAX_TYPE, RESERVED, Json, Stored
from .errors import WardkeyError, require
from .exchange_chain import Opened
from .randomness import draw

NO_KEYS = WardkeyError("not-a-recipient", "no exchange key of this pair")


@dataclass
class Ring:
    """A reader's parties, by their texts, and what he opened."""

    users: list[str]
    groups: list[str]
    former: list[str] = field(default_factory=list)
    keys: dict[str, Opened] = field(default_factory=dict)

    def sealing(self, pair: str) -> bytes:
        """The key under which is sealed."""
        if not self.keys.get(pair):
            raise NO_KEYS
        newest = self.keys[pair][-1]
        if isinstance(newest, WardkeyError):
            raise newest
        return newest


def _of(stored: Stored) -> Of:
    return Of(stored.id, stored.entity_type)


def _pairs_to(stored: Stored, names: Sequence[str]) -> list[str]:
    pairs = sorted(stored.maps[KEYS], key=str.encode)
    return [pair for pair in pairs if exchange_key.split_pair(pair)[1] in names]


def readers_pair(ring: Ring, stored: Stored) -> tuple[str, bytes]:
    """Section 18.11: the pair, and the entity's key."""
    pairs = _pairs_to(stored, ring.users) + _pairs_to(stored, ring.groups)
    if not pairs:
        left = bool(_pairs_to(stored, ring.former))
        raise WardkeyError("revoked" if left else "not-a-recipient", "no pair of the reader's")
    first: WardkeyError | None = None
    for pair in pairs:
        keys = ring.keys.get(pair)
        if keys is None:
            first = first or NO_KEYS
            continue
        try:
            return pair, _of(stored).open(KEYS, pair, keys, stored.maps[KEYS][pair][0])
        except Closed as closed:
            first = first or closed
    assert first
    raise first


def _open_ids(ring: Ring, stored: Stored, which: str, pair: str) -> list[str]:
    values = stored.maps[which].get(pair, [])
    opened = [_of(stored).open(which, pair, ring.keys[pair], value) for value in values]
    return sorted({unpad_id(one) for one in opened}, key=str.encode)


@dataclass(frozen=True)
class OpenedEntity:
    stored: Stored
    pair: str
    key: bytes
    content: Content


def open_entity(ring: Ring, text: str) -> OpenedEntity:
    stored = entity_form.read(text)
    pair, key = readers_pair(ring, stored)
    content = entity_content.open_content(key, _of(stored), stored.encrypted_self)
    parents = _open_ids(ring, stored, FOREIGN, pair)
    require(parents == list(content.parents), "key-mismatch", "other parents than sealed")
    clear = sorted(stored.secret_foreign_keys, key=str.encode)
    require(clear == list(content.secret_foreign_keys), "key-mismatch", "other links than sealed")
    return OpenedEntity(stored, pair, key, content)


def decrypt(ring: Ring, text: str) -> Json:
    opened = open_entity(ring, text)
    members = opened.stored.members.items()
    clear = {name: value for name, value in members if name == "id" or name not in RESERVED}
    return manifest.put_back(clear, opened.content.members)


def parent_ids(ring: Ring, text: str) -> list[str]:
    return list(open_entity(ring, text).content.parents)


def secret_foreign_keys(ring: Ring, text: str) -> list[str]:
    stored = entity_form.read(text)
    pair, _ = readers_pair(ring, stored)
    return _open_ids(ring, stored, DELEGATIONS, pair)


def _check_plain(entity: Json) -> str:
    reserved = [name for name in entity if name in RESERVED and name != "id"]
    require(not reserved, "invalid-argument", "a reserved member")
    entity_id = entity.get("id")
    require(entity_form.length_fits(entity_id, MAX_ID), "invalid-argument", "no id")
    return str(entity_id)


def _add(maps: Json, ring: Ring, of: Of, pair: str, plain: dict[str, list[bytes]]) -> None:
    exchange = ring.sealing(pair)
    for which, values in plain.items():
        if values:
            sealed = [base64url.encode(of.seal(which, pair, exchange, one)) for one in values]
            maps[which][pair] = sorted(sealed)
            maps[which] = dict(sorted(maps[which].items(), key=lambda one: one[0].encode()))


def _plain(key: bytes, secret_ids: Sequence[str], parents: Sequence[str]) -> dict[str, list[bytes]]:
    return {
        KEYS: [key],
        DELEGATIONS: [pad_id(one) for one in secret_ids],
        FOREIGN: [pad_id(one) for one in parents],
    }


def encrypt(
    ring: Ring,
    by: str,
    others: Sequence[str],
    entity_type: str,
    text: str,
    paths: Sequence[str],
    parent: str | None = None,
) -> str:
    require(entity_form.length_fits(entity_type, MAX_TYPE), "invalid-argument", "no type")
    plain = entity_form.parse_object(text)
    entity_id = _check_plain(plain)
    clear, members = manifest.apply(plain, paths)
    parents: list[str] = []
    foreign: list[str] = []
    if parent is not None:
        parents = [open_entity(ring, parent).stored.id]
        foreign = secret_foreign_keys(ring, parent)[:1]
    names = {by, *others}
    require(not names & {entity_id, *parents}, "invalid-argument", "a party with an entity's id")
    key, secret_id = draw(32), base64url.encode(draw(16))
    of = Of(entity_id, entity_type)
    maps: Json = {KEYS: {}, DELEGATIONS: {}, FOREIGN: {}}
    for name in sorted(names, key=str.encode):
        pair = by + exchange_key.ARROW + name
        _add(maps, ring, of, pair, _plain(key, [secret_id], parents))
    entity_form.check_pairs(set(maps[KEYS]))
    sealed = Content(tuple(members), tuple(parents), tuple(foreign)).seal(key, of)
    return json.dumps(
        {
            **clear,
            "entityType": entity_type,
            "encryptedSelf": base64url.encode(sealed),
            **maps,
            "secretForeignKeys": foreign,
        }
    )


def update(ring: Ring, previous: str, text: str, paths: Sequence[str]) -> str:
    before = open_entity(ring, previous)
    plain = entity_form.parse_object(text)
    same = _check_plain(plain) == before.stored.id
    require(same, "invalid-argument", "another id")
    clear, members = manifest.apply(plain, paths)
    links = (before.content.parents, before.content.secret_foreign_keys)
    sealed = Content(tuple(members), *links).seal(before.key, _of(before.stored))
    kept = {name: before.stored.members[name] for name in RESERVED if name != "id"}
    return json.dumps({**clear, **kept, "encryptedSelf": base64url.encode(sealed)})


def _comes_before(pairs: set[str], name: str, delegate: str) -> bool:
    before = {delegate}
    split = [exchange_key.split_pair(pair) for pair in pairs]
    for _ in pairs:
        before |= {of for of, to in split if to in before}
    return name in before


def _is_closed(ring: Ring, stored: Stored, pair: str) -> bool:
    keys = ring.keys.get(pair)
    if keys is None:
        return True
    for which, values in stored.maps.items():
        for value in values.get(pair, []):
            try:
                _of(stored).open(which, pair, keys, value)
            except Closed:
                return True
            except WardkeyError:
                pass
    return False


def share(ring: Ring, text: str, parties: Sequence[str]) -> str:
    opened = open_entity(ring, text)
    stored, delegate = opened.stored, exchange_key.split_pair(opened.pair)[1]
    secret_ids = _open_ids(ring, stored, DELEGATIONS, opened.pair)
    parents = opened.content.parents
    ids = {stored.id, *parents}
    require(not ids & set(parties), "invalid-argument", "a party with an entity's id")
    members: dict[str, Any] = dict(stored.members)
    for which in (KEYS, DELEGATIONS, FOREIGN):
        members[which] = dict(members[which])
    for name in sorted(set(parties), key=str.encode):
        pair = delegate + exchange_key.ARROW + name
        has_it = _comes_before(set(members[KEYS]), name, delegate)
        if pair in stored.maps[KEYS]:
            has_it = has_it or not _is_closed(ring, stored, pair)
        if not has_it:
            _add(members, ring, _of(stored), pair, _plain(opened.key, secret_ids, parents))
    entity_form.check_pairs(set(members[KEYS]))
    return json.dumps(members)
