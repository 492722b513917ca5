"""Exchange keys: what one party seals for another is sealed under one (SPEC sections 18.1, 18.2)."""

from __future__ import annotations

from dataclasses import dataclass

from . import app_id, base64url, cbor, party, user_id, wraps
from .entry import Authority, read_authority
from .errors import WardkeyError, require
from .party import Group, Party, Placeholder, User
from .signed import HASH, KIB, Form, Signed
from .wraps import KEY_ID, SEALED_KEY, Bodies, Place

ARROW = "→"


def name_of(one: Party) -> str:
    match one:
        case User(name, _):
            return name
        case Group(group_id):
            return base64url.encode(group_id)
    raise WardkeyError("invalid-argument", "a placeholder")


def pair_of(delegator: Party, delegate: Party) -> str:
    return name_of(delegator) + ARROW + name_of(delegate)


def _is_group(name: str) -> bool:
    if len(name) != user_id.LENGTH_OF_A_HASH:
        return False
    try:
        return len(base64url.decode(name)) == HASH
    except WardkeyError:
        return False


def split_pair(text: str) -> tuple[str, str]:
    """Delegator and delegate of a pair's text."""
    halves = text.split(ARROW)
    good = len(halves) == 2 and all(_is_group(one) or user_id.is_user_id(one) for one in halves)
    require(good, "invalid-format", "not a pair")
    return halves[0], halves[1]


@dataclass(frozen=True)
class ExchangeKey:
    app_id: str
    delegator: Party
    delegate: Party
    version: int
    previous: bytes | None
    time: int
    signer: bytes
    authority: Authority | None
    key_id: bytes
    key_commitment: bytes
    previous_key: bytes | None
    places: tuple[Place, ...]
    epochs: tuple[int | None, ...]

    def cbor(self) -> cbor.Value:
        return {
            1: self.app_id,
            2: self.delegator.cbor(),
            3: self.delegate.cbor(),
            4: self.version,
            5: self.previous,
            6: self.time,
            7: self.signer,
            8: self.authority and self.authority.cbor(),
            9: self.key_id,
            10: self.key_commitment,
            11: self.previous_key,
            12: [place.cbor() for place in self.places],
            13: list(self.epochs),
        }

    @property
    def pair(self) -> str:
        return pair_of(self.delegator, self.delegate)


def _read_payload(reader: cbor.Reader) -> ExchangeKey:
    reader.map(13)
    reader.key(1)
    app = app_id.read(reader)
    reader.key(2)
    delegator = party.read(reader)
    reader.key(3)
    delegate = party.read(reader)
    reader.key(4)
    version = reader.unsigned()
    reader.key(5)
    previous = None if reader.null() else reader.bytes(HASH)
    reader.key(6)
    time = reader.unsigned()
    reader.key(7)
    signer = reader.bytes(HASH)
    reader.key(8)
    authority = read_authority(reader)
    reader.key(9)
    key_id = reader.bytes(KEY_ID)
    reader.key(10)
    commitment = reader.bytes(32)
    reader.key(11)
    previous_key = None if reader.null() else reader.bytes(SEALED_KEY)
    reader.key(12)
    places = wraps.read_places(reader)
    reader.key(13)
    epochs = tuple(
        None if reader.null() else reader.unsigned() for _ in range(reader.array(len(places)))
    )
    found = ExchangeKey(
        app,
        delegator,
        delegate,
        version,
        previous,
        time,
        signer,
        authority,
        key_id,
        commitment,
        previous_key,
        places,
        epochs,
    )
    _check(found)
    return found


def _check(found: ExchangeKey) -> None:
    both = {found.delegator, found.delegate}
    placeholder = any(isinstance(one, Placeholder) for one in both)
    require(not placeholder, "invalid-format", "a placeholder")
    first = found.version == 1
    require(found.version >= 1, "invalid-format", "version 0")
    require((found.previous is None) == first, "invalid-format", "the version before")
    none_before = not first or found.previous_key is None
    require(none_before, "invalid-format", "a key before the first")
    parties = [place.party for place in found.places]
    require(set(parties) == both, "invalid-format", "stanzas not of both parties")
    for one, epoch in zip(parties, found.epochs, strict=True):
        fits = isinstance(one, Group) == (epoch is not None)
        require(fits, "invalid-format", "an epoch of a user, or none of a group")


FORM: Form[ExchangeKey, Bodies] = Form(
    "exchange-key",
    8 * KIB,
    _read_payload,
    ExchangeKey.cbor,
    1,
    wraps.read_bodies,
    lambda bodies: [bodies],
)


def read(data: bytes, minimum: int = 1) -> Signed[ExchangeKey, Bodies]:
    signed = FORM.read(data, minimum)
    wraps.check_bodies(signed.payload.places, signed.rest)
    return signed


def stanza_context(pair: str, version: int) -> dict[str, str]:
    return {"exchange": pair, "version": str(version)}


def previous_context(
    delegator: Party, delegate: Party, version: int, previous_commitment: bytes
) -> bytes:
    """For field 11 of this version."""
    label = "wardkey/v1/previous-exchange-key"
    parties = [delegator.cbor(), delegate.cbor()]
    return cbor.encode([label, *parties, version - 1, version, previous_commitment])
