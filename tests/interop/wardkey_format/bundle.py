"""Bundles: the public half of an identity (SPEC section 10.2)."""

from __future__ import annotations

from dataclasses import dataclass

from . import app_id, cbor, user_id
from .errors import require
from .signed import HASH, KIB, SIGNATURE, Form, Signed

MAX_VERSION = 64


@dataclass(frozen=True)
class Bundle:
    app_id: str
    user_id: str | None
    """None: the key server."""
    version: int
    previous: bytes | None
    encryption_key: bytes
    """The whole of section 5, not looked into."""
    signing_key: bytes

    def cbor(self) -> cbor.Value:
        return {
            1: self.app_id,
            2: self.user_id,
            3: self.version,
            4: self.previous,
            5: self.encryption_key,
            6: self.signing_key,
        }


def _read_payload(reader: cbor.Reader) -> Bundle:
    reader.map(6)
    reader.key(1)
    app = app_id.read(reader)
    reader.key(2)
    user = None if reader.null() else reader.text()
    if user is not None:
        user_id.check(user, "invalid-format")
    reader.key(3)
    version = reader.unsigned()
    require(1 <= version <= MAX_VERSION, "invalid-format", "not version 1 to 64")
    reader.key(4)
    previous = None if reader.null() else reader.bytes(HASH)
    first = version == 1
    require((previous is None) == first, "invalid-format", "null is for version 1")
    reader.key(5)
    encryption_key = reader.bytes()
    reader.key(6)
    return Bundle(app, user, version, previous, encryption_key, reader.bytes(HASH))


def _read_rest(reader: cbor.Reader) -> bytes | None:
    return None if reader.null() else reader.bytes(SIGNATURE)


FORM: Form[Bundle, bytes | None] = Form(
    "bundle", 8 * KIB, _read_payload, Bundle.cbor, 1, _read_rest, lambda signature: [signature]
)


def make(bundle: Bundle, seed: bytes, predecessors_seed: bytes | None) -> bytes:
    """A bundle; a renewal is signed by its predecessor, too."""
    second = FORM.sign(predecessors_seed, bundle) if predecessors_seed else None
    return FORM.make(seed, bundle, second)


def read(data: bytes, minimum: int = 1) -> Signed[Bundle, bytes | None]:
    signed = FORM.read(data, minimum)
    first = signed.payload.version == 1
    require((signed.rest is None) == first, "invalid-format", "a predecessor's signature")
    return signed
