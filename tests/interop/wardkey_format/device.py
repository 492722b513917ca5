"""What a client keeps on its device (SPEC section 15).

Nobody else reads it and it isn't part of the frozen format; `None` is "counts as not there".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from . import base64url, cbor, cobblestone, party
from .errors import WardkeyError, require
from .party import Party
from .randomness import draw

T = TypeVar("T")

RESUME_VERSION, UNSENT_VERSION, OUTBOX_VERSION, CACHE_VERSION, SERIALIZED_VERSION = 1, 1, 1, 2, 1
IV = 12
SESSION_ID = 32


@dataclass(frozen=True)
class Owner:
    """Whose they are, and the cache key of his state."""

    app_id: str
    user_id: str
    cache_key: bytes

    def context(self, label: str, *bound: cbor.Value) -> bytes:
        return cbor.encode([f"wardkey/v1/{label}", self.app_id, self.user_id, *bound])


@dataclass(frozen=True)
class Life:
    """An entry is used while fetched ≤ now < end."""

    fetched: int
    end: int

    def encode(self) -> bytes:
        return self.fetched.to_bytes(8, "big") + self.end.to_bytes(8, "big")

    @classmethod
    def decode(cls, data: bytes) -> Life:
        return cls(int.from_bytes(data[:8], "big"), int.from_bytes(data[8:16], "big"))

    def holds(self, now: int) -> bool:
        return self.fetched <= now < self.end


def _or_none(read: Callable[[], T]) -> T | None:
    """Whatever doesn't open counts as not there."""
    try:
        return read()
    except (WardkeyError, InvalidTag):
        return None


def _split(data: bytes, version: int, clear: int) -> tuple[bytes, bytes]:
    """The clear part after the version, and what is sealed."""
    good = data[:1] == bytes([version]) and len(data) >= 1 + clear
    require(good, "invalid-format", "another version, or cut")
    return data[1 : 1 + clear], data[1 + clear :]


# Resume entry: under the browser's key, here given by its bytes.


@dataclass(frozen=True)
class Resume:
    keys_payload: bytes
    state_key: bytes
    state_payload: bytes
    backup_version: int

    def cbor(self) -> cbor.Value:
        return {
            1: self.keys_payload,
            2: self.state_key,
            3: self.state_payload,
            4: self.backup_version,
        }


def _resume_data(app_id: str, user_id: str, end: int) -> bytes:
    return cbor.encode(["wardkey/v1/resume", app_id, user_id, end])


def seal_resume(browser_key: bytes, app_id: str, user_id: str, end: int, entry: Resume) -> bytes:
    iv = draw(IV)
    data = _resume_data(app_id, user_id, end)
    sealed = AESGCM(browser_key).encrypt(iv, cbor.encode(entry.cbor()), data)
    return bytes([RESUME_VERSION]) + end.to_bytes(8, "big") + iv + sealed


def open_resume(
    browser_key: bytes, app_id: str, user_id: str, now: int, data: bytes
) -> Resume | None:
    def read() -> Resume:
        clear, sealed = _split(data, RESUME_VERSION, 8 + IV)
        end = int.from_bytes(clear[:8], "big")
        require(now < end, "invalid-format", "it has ended")
        bound = _resume_data(app_id, user_id, end)
        reader = cbor.Reader(AESGCM(browser_key).decrypt(clear[8:], sealed, bound))
        reader.map(4)
        reader.key(1)
        keys = reader.bytes()
        reader.key(2)
        state_key = reader.bytes(32)
        reader.key(3)
        state = reader.bytes()
        reader.key(4)
        entry = Resume(keys, state_key, state, reader.unsigned())
        reader.finish(entry.cbor())
        return entry

    return _or_none(read)


# Unsent pins.


def seal_unsent(owner: Owner, state_payload: bytes) -> bytes:
    sealed = cobblestone.seal(owner.cache_key, owner.context("unsent"), state_payload)
    return bytes([UNSENT_VERSION]) + sealed


def open_unsent(owner: Owner, data: bytes) -> bytes | None:
    def read() -> bytes:
        _, sealed = _split(data, UNSENT_VERSION, 0)
        return cobblestone.open_body(owner.cache_key, owner.context("unsent"), sealed)

    return _or_none(read)


# Outbox entry.


@dataclass(frozen=True)
class Unpublished:
    genesis: bytes
    key: bytes

    def cbor(self) -> cbor.Value:
        return {1: self.genesis, 2: self.key}


def seal_outbox(owner: Owner, session_id: bytes, entry: Unpublished) -> bytes:
    bound = owner.context("outbox", session_id)
    sealed = cobblestone.seal(owner.cache_key, bound, cbor.encode(entry.cbor()))
    return bytes([OUTBOX_VERSION]) + session_id + sealed


def open_outbox(owner: Owner, data: bytes) -> tuple[bytes, Unpublished] | None:
    def read() -> tuple[bytes, Unpublished]:
        session_id, sealed = _split(data, OUTBOX_VERSION, SESSION_ID)
        bound = owner.context("outbox", session_id)
        reader = cbor.Reader(cobblestone.open_body(owner.cache_key, bound, sealed))
        reader.map(2)
        reader.key(1)
        genesis = reader.bytes()
        reader.key(2)
        entry = Unpublished(genesis, reader.bytes(32))
        reader.finish(entry.cbor())
        return session_id, entry

    return _or_none(read)


# Entries `k.<key id>` and `s.<session id>`: the same around two payloads.


def seal_cache_entry(owner: Owner, name: bytes, life: Life, payload: bytes) -> bytes:
    """`name`: the key id or the session id."""
    bound = owner.context("cache-entry", name, life.fetched, life.end)
    sealed = cobblestone.seal(owner.cache_key, bound, payload)
    return bytes([CACHE_VERSION]) + life.encode() + sealed


def open_cache_entry(owner: Owner, name: bytes, now: int, data: bytes) -> bytes | None:
    def read() -> bytes:
        clear, sealed = _split(data, CACHE_VERSION, 16)
        life = Life.decode(clear)
        require(life.holds(now), "invalid-format", "it has ended")
        bound = owner.context("cache-entry", name, life.fetched, life.end)
        return cobblestone.open_body(owner.cache_key, bound, sealed)

    return _or_none(read)


@dataclass(frozen=True)
class CachedKey:
    """The payload of a `k.` entry."""

    key: bytes
    session_id: bytes
    generation: int
    party: Party

    def cbor(self) -> cbor.Value:
        return {1: self.key, 2: self.session_id, 3: self.generation, 4: self.party.cbor()}


def read_cached_key(payload: bytes) -> CachedKey:
    reader = cbor.Reader(payload)
    reader.map(4)
    reader.key(1)
    key = reader.bytes(32)
    reader.key(2)
    session_id = reader.bytes(SESSION_ID)
    reader.key(3)
    generation = reader.unsigned()
    reader.key(4)
    cached = CachedKey(key, session_id, generation, party.read(reader))
    reader.finish(cached.cbor())
    return cached


# Serialized session.


def serialize(
    owner: Owner, session_id: bytes, life: Life, session: bytes, keys: list[bytes], cursor: str
) -> str:
    """`session` and `keys`: payloads of the `s.` entry and of the `k.` entries."""
    bound = owner.context("serialized", session_id, life.fetched, life.end)
    payload = cbor.encode({1: session, 2: keys, 3: cursor})
    sealed = cobblestone.seal(owner.cache_key, bound, payload)
    return base64url.encode(bytes([SERIALIZED_VERSION]) + session_id + life.encode() + sealed)


def deserialize(owner: Owner, now: int, text: str) -> tuple[bytes, bytes, list[bytes], str] | None:
    def read() -> tuple[bytes, bytes, list[bytes], str]:
        clear, sealed = _split(base64url.decode(text), SERIALIZED_VERSION, SESSION_ID + 16)
        session_id, life = clear[:SESSION_ID], Life.decode(clear[SESSION_ID:])
        require(life.holds(now), "invalid-format", "it has ended")
        bound = owner.context("serialized", session_id, life.fetched, life.end)
        reader = cbor.Reader(cobblestone.open_body(owner.cache_key, bound, sealed))
        reader.map(3)
        reader.key(1)
        session = reader.bytes()
        reader.key(2)
        keys = [reader.bytes() for _ in range(reader.array())]
        reader.key(3)
        cursor = reader.text()
        reader.finish({1: session, 2: keys, 3: cursor})
        return session_id, session, keys, cursor

    return _or_none(read)
