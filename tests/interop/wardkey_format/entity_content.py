"""What is sealed in an entity: values under exchange keys, the content under the entity's own
(SPEC sections 18.8 and 18.9)."""

from __future__ import annotations

from dataclasses import dataclass

from . import cbor, cobblestone, entity_form, padding
from .entity_form import MAX_ID, MAX_VALUES
from .errors import WardkeyError, require
from .exchange_chain import Opened

BLOCK, LEAST, LENGTH_FIELD = 64, 128, 2
MAX_STEPS = 32
MAX_PLACE = 2**32 - 1

Path = tuple[str | int, ...]
Member = tuple[Path, str]
"""A path, and JSON."""


def _padded_length(length: int) -> int:
    blocks = -(-(length + LENGTH_FIELD) // BLOCK)
    return max(LEAST, blocks * BLOCK)


def pad_id(text: str) -> bytes:
    data = text.encode()
    zeros = _padded_length(len(data)) - len(data) - LENGTH_FIELD
    return data + bytes(zeros) + len(data).to_bytes(LENGTH_FIELD, "big")


def unpad_id(plaintext: bytes) -> str:
    """Anything that `pad_id` doesn't give is `decryption-failed`."""
    length = int.from_bytes(plaintext[-LENGTH_FIELD:], "big")
    fits = 1 <= length <= MAX_ID and len(plaintext) == _padded_length(length)
    require(fits, "decryption-failed", "not the padded length of an id")
    require(not any(plaintext[length:-LENGTH_FIELD]), "decryption-failed", "padding isn't zero")
    try:
        return plaintext[:length].decode()
    except UnicodeDecodeError as failure:
        raise WardkeyError("decryption-failed", "an id that isn't UTF-8") from failure


@dataclass(frozen=True)
class Of:
    """The entity that something is bound to."""

    id: str
    entity_type: str

    def value_context(self, field: str, pair: str) -> bytes:
        return cbor.encode(["wardkey/v1/delegation", self.id, self.entity_type, field, pair])

    def content_context(self) -> bytes:
        return cbor.encode(["wardkey/v1/entity", self.id, self.entity_type])

    def seal(self, field: str, pair: str, exchange_key: bytes, value: bytes) -> bytes:
        return cobblestone.seal(exchange_key, self.value_context(field, pair), value)

    def open(self, field: str, pair: str, keys: Opened, value: bytes) -> bytes:
        """By the version whose commitment is the value's. `Closed` where versions are."""
        bound = self.value_context(field, pair)
        for key in reversed(keys):
            if isinstance(key, bytes):
                derived = cobblestone.derive(key, value[: cobblestone.SALT], bound)
                if derived.commitment == value[cobblestone.SALT : cobblestone.START]:
                    return cobblestone.open_body(key, bound, value)
        closed = [key for key in keys if isinstance(key, WardkeyError)]
        if closed:
            raise Closed(closed[-1])
        raise WardkeyError("decryption-failed", "no version opens it")


class Closed(WardkeyError):
    """A value that stays closed because a version of the exchange key does."""

    def __init__(self, why: WardkeyError) -> None:
        super().__init__(why.code, "the exchange key stays closed")


@dataclass(frozen=True)
class Content:
    members: tuple[Member, ...]
    parents: tuple[str, ...]
    secret_foreign_keys: tuple[str, ...]

    def cbor(self) -> cbor.Value:
        return {
            1: [[list(path), value] for path, value in self.members],
            2: [pad_id(one) for one in self.parents],
            3: list(self.secret_foreign_keys),
        }

    def seal(self, key: bytes, of: Of) -> bytes:
        padded = padding.pad(cbor.encode(self.cbor()))
        return cobblestone.seal(key, of.content_context(), padded)


def _read_step(reader: cbor.Reader) -> str | int:
    if reader.next_is(cbor.TEXT):
        return reader.text()
    place = reader.unsigned()
    require(place <= MAX_PLACE, "invalid-format", "a place of more than 32 bits")
    return place


def _read_member(reader: cbor.Reader) -> Member:
    reader.array(2)
    path = tuple(_read_step(reader) for _ in range(reader.array()))
    require(1 <= len(path) <= MAX_STEPS, "invalid-format", "a path not of 1 to 32 steps")
    return path, reader.text()


def _read_parent(reader: cbor.Reader) -> str:
    try:
        return unpad_id(reader.bytes())
    except WardkeyError as failure:
        raise WardkeyError("invalid-format", "a parent that isn't padded") from failure


def _check_ids(ids: tuple[str, ...]) -> None:
    good = entity_form.is_sorted(list(ids))
    good = good and all(entity_form.length_fits(one, MAX_ID) for one in ids)
    require(good, "invalid-format", "ids not sorted, one twice, or of another length")


def _count(reader: cbor.Reader) -> int:
    count = reader.array()
    require(count <= MAX_VALUES, "invalid-format", "more than 64 ids")
    return count


def open_content(key: bytes, of: Of, sealed: bytes) -> Content:
    encoded = padding.unpad(cobblestone.open_body(key, of.content_context(), sealed))
    reader = cbor.Reader(encoded)
    reader.map(3)
    reader.key(1)
    members = tuple(_read_member(reader) for _ in range(reader.array()))
    reader.key(2)
    parents = tuple(_read_parent(reader) for _ in range(_count(reader)))
    reader.key(3)
    foreign = tuple(reader.text() for _ in range(_count(reader)))
    _check_ids(parents)
    _check_ids(foreign)
    content = Content(members, parents, foreign)
    reader.finish(content.cbor())
    return content
