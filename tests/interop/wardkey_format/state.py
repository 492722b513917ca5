"""The state of an account, which its backup keeps, and its merging (SPEC section 11.2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from . import cbor, pin, user_id
from .errors import WardkeyError, require
from .pin import Pin
from .signed import HASH

MAX_ENCODED = 768 * 1024


@dataclass(frozen=True)
class Seen:
    """The highest that was seen of a log."""

    sequence: int
    hash: bytes

    def cbor(self) -> list[cbor.Value]:
        return [self.sequence, self.hash]


@dataclass(frozen=True)
class State:
    pins: dict[str, Pin]
    cache_key: bytes
    minimum: int = 1
    groups: dict[bytes, Seen] = field(default_factory=dict)
    key_server: Pin | None = None

    def cbor(self) -> cbor.Value:
        return {
            1: {name: pin.cbor() for name, pin in self.pins.items()},
            2: self.cache_key,
            3: self.minimum,
            4: {group: seen.cbor() for group, seen in self.groups.items()},
            5: self.key_server and self.key_server.cbor(),
        }

    def encode(self) -> bytes:
        encoded = cbor.encode(self.cbor())
        require(len(encoded) <= MAX_ENCODED, "limit", "a state over 768 KiB")
        return encoded


def read(data: bytes, own: str) -> State:
    """The state of the account of `own`, whose pin is in it."""
    require(len(data) <= MAX_ENCODED, "limit", "a state over 768 KiB")
    reader = cbor.Reader(data)
    reader.map(5)
    reader.key(1)
    pins: dict[str, Pin] = {}
    for _ in range(reader.entries()):
        name = reader.text()
        user_id.check(name, "invalid-format")
        pins[name] = pin.read(reader)
    reader.key(2)
    cache_key = reader.bytes(32)
    reader.key(3)
    minimum = reader.unsigned()
    require(minimum >= 1, "invalid-format", "a minimum of 0")
    reader.key(4)
    groups: dict[bytes, Seen] = {}
    for _ in range(reader.entries()):
        group = reader.bytes(HASH)
        reader.array(2)
        groups[group] = Seen(reader.unsigned(), reader.bytes(HASH))
    reader.key(5)
    key_server = None if reader.null() else pin.read(reader)
    state = State(pins, cache_key, minimum, groups, key_server)
    reader.finish(state.cbor())  # a key that stands twice was kept once, so it differs
    require(own in pins, "invalid-format", "a state without the own pin")
    return state


def _merge_pins(one: Pin | None, other: Pin | None) -> Pin | None:
    if one is None or other is None:
        return one or other
    require(one.fingerprint == other.fingerprint, "pin-mismatch", "two identities of one name")
    if one.version == other.version:
        require(one.hash == other.hash, "fork", "two bundles of one version")
    higher = max(one, other, key=lambda pin: pin.version)
    return replace(higher, suite=pin.stronger(one.suite, other.suite))


def _merge_seen(one: Seen | None, other: Seen | None) -> Seen:
    if one is None or other is None:
        found = one or other
        assert found is not None
        return found
    if one.sequence == other.sequence:
        require(one.hash == other.hash, "fork", "two entries of one sequence")
    return max(one, other, key=lambda seen: seen.sequence)


def merge(newer: State, older: State) -> State:
    """Two states of one account; `newer` is that of the backup with the higher version."""
    names = newer.pins.keys() | older.pins.keys()
    pins: dict[str, Pin] = {}
    for name in names:
        merged = _merge_pins(newer.pins.get(name), older.pins.get(name))
        if merged is None:
            raise WardkeyError("invalid-format", "a name without a pin")
        pins[name] = merged
    groups = {
        group: _merge_seen(newer.groups.get(group), older.groups.get(group))
        for group in newer.groups.keys() | older.groups.keys()
    }
    return State(
        pins,
        newer.cache_key,
        max(newer.minimum, older.minimum),
        groups,
        _merge_pins(newer.key_server, older.key_server),
    )
