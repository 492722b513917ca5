"""Encrypted entities as the application stores them (SPEC sections 18.1, 18.6 and 18.7)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from . import base64url, exchange_key
from .errors import WardkeyError, require

Json = dict[str, Any]
Map = dict[str, list[bytes]]
"""The text of a pair, to values."""

KEYS, DELEGATIONS, FOREIGN = "encryptionKeys", "delegations", "cryptedForeignKeys"
RESERVED = (
    "id",
    "entityType",
    "encryptedSelf",
    KEYS,
    DELEGATIONS,
    FOREIGN,
    "secretForeignKeys",
)
MAX_NESTING = 128
MAX_ID, MAX_TYPE = 1024, 128
MAX_PAIRS, MAX_VALUES, MAX_DISTANCE = 1000, 64, 8
SEALED_KEY = 104
OVERHEAD = 72


def _members(pairs: list[tuple[str, Any]]) -> Json:
    names = [name for name, _ in pairs]
    require(len(set(names)) == len(names), "invalid-format", "a name twice")
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as failure:
            raise WardkeyError("invalid-format", "a lone surrogate in a name") from failure
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise WardkeyError("invalid-format", f"{name} is no JSON")


def _check_nesting(value: Any, left: int) -> None:
    if isinstance(value, dict | list):
        require(left > 0, "limit", "nested deeper than 128")
        for one in value.values() if isinstance(value, dict) else value:
            _check_nesting(one, left - 1)


def parse_json(text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_no_constant)
    except json.JSONDecodeError as failure:
        raise WardkeyError("invalid-format", "no JSON") from failure
    except RecursionError as failure:
        raise WardkeyError("limit", "nested far too deep") from failure
    _check_nesting(value, MAX_NESTING)
    return value


def parse_object(text: str) -> Json:
    value = parse_json(text)
    if not isinstance(value, dict):
        raise WardkeyError("invalid-format", "no object")
    return value


def length_fits(text: object, most: int) -> bool:
    if not isinstance(text, str):
        return False
    try:
        return 1 <= len(text.encode()) <= most
    except UnicodeEncodeError:
        return False


def _value_fits(field: str, value: bytes) -> bool:
    if field == KEYS:
        return len(value) == SEALED_KEY
    blocks, rest = divmod(len(value) - OVERHEAD, 64)
    return rest == 0 and 2 <= blocks <= 17


def _read_map(entity: Json, field: str) -> Map:
    given = entity.get(field)
    if not isinstance(given, dict):
        raise WardkeyError("invalid-format", f"{field} is no map")
    require(len(given) <= MAX_PAIRS, "limit", "over 1,000 pairs")
    most = 1 if field == KEYS else MAX_VALUES
    found: Map = {}
    for pair, values in given.items():
        exchange_key.split_pair(pair)
        texts = isinstance(values, list) and all(isinstance(one, str) for one in values)
        require(texts, "invalid-format", "values that aren't texts")
        count = 1 <= len(values) <= most and len(set(values)) == len(values)
        require(count, "invalid-format", "too few values, too many, or one twice")
        found[pair] = [base64url.decode(one) for one in values]
        fits = all(_value_fits(field, one) for one in found[pair])
        require(fits, "invalid-format", "a value of another length")
    return found


@dataclass(frozen=True)
class Stored:
    members: Json
    id: str
    entity_type: str
    encrypted_self: bytes
    maps: dict[str, Map]
    secret_foreign_keys: list[str]


def _text(entity: Json, name: str, most: int | None = None) -> str:
    text = entity.get(name)
    good = isinstance(text, str) if most is None else length_fits(text, most)
    require(good, "invalid-format", f"{name} is missing, or not as it should be")
    return str(text)


def read(text: str) -> Stored:
    """Section 18.7."""
    entity = parse_object(text)
    entity_id, entity_type = _text(entity, "id", MAX_ID), _text(entity, "entityType", MAX_TYPE)
    encrypted_self = base64url.decode(_text(entity, "encryptedSelf"))
    maps = {field: _read_map(entity, field) for field in (KEYS, DELEGATIONS, FOREIGN)}
    foreign = entity.get("secretForeignKeys")
    if not isinstance(foreign, list) or len(foreign) > MAX_VALUES:
        raise WardkeyError("invalid-format", "secretForeignKeys is no array of at most 64")
    fit = all(length_fits(one, MAX_ID) for one in foreign)
    require(fit and len(set(foreign)) == len(foreign), "invalid-format", "a secret foreign key")

    halves = {name for pair in maps[KEYS] for name in exchange_key.split_pair(pair)}
    require(entity_id not in halves, "invalid-argument", "a party with the entity's id")
    check_pairs(set(maps[KEYS]))
    same = set(maps[DELEGATIONS]) == set(maps[KEYS])
    same = same and set(maps[FOREIGN]) in (set(), set(maps[KEYS]))
    require(same, "forbidden", "maps of different pairs")
    return Stored(entity, entity_id, entity_type, encrypted_self, maps, foreign)


def check_pairs(pairs: set[str]) -> None:
    """Step 3: by ways from the self pair on."""
    split = [exchange_key.split_pair(pair) for pair in pairs]
    own = [delegator for delegator, delegate in split if delegator == delegate]
    require(len(own) == 1, "forbidden", "not one self pair")
    others = [pair for pair in split if pair[0] != pair[1]]
    distance = {own[0]: 0}
    for step in range(1, len(others) + 2):
        nearer = {to for of, to in others if distance.get(of) == step - 1 and to not in distance}
        distance.update(dict.fromkeys(nearer, step))
    reached = all(of in distance for of, _ in others)
    require(reached, "forbidden", "a pair from nowhere")
    require(max(distance.values()) <= MAX_DISTANCE, "forbidden", "too far from the first")
    left = list(others)
    while left:
        delegates = {to for _, to in left}
        kept = [pair for pair in left if pair[0] in delegates]
        require(len(kept) < len(left), "forbidden", "pairs that go round")
        left = kept


def is_sorted(texts: list[str]) -> bool:
    """None twice, by their bytes."""
    return all(one.encode() < other.encode() for one, other in pairwise(texts))
