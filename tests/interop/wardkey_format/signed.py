"""What one party says to others: a payload with a signature (SPEC section 9).

A type says by a `Form` how its object is written. `read` gives what isn't verified; each type's own
module verifies it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeVar

from . import cbor, ed25519
from .errors import require

VERSION = 1
SIGNATURE = 64
HASH = 32
KIB, MIB = 1024, 1024 * 1024

Payload = TypeVar("Payload")
Rest = TypeVar("Rest")


@dataclass(frozen=True)
class Form(Generic[Payload, Rest]):
    """How the objects of one type are written."""

    label: str
    max_encoded: int
    # Reads the payload from its map on; what it gave is encoded again by `payload_cbor`.
    read_payload: Callable[[cbor.Reader], Payload]
    payload_cbor: Callable[[Payload], cbor.Value]
    # What follows the signature: the number of items, how they are read and written.
    rest_items: int
    read_rest: Callable[[cbor.Reader], Rest]
    rest_cbor: Callable[[Rest], list[cbor.Value]]

    def signed_text(self, payload: bytes) -> bytes:
        return f"wardkey/v1/{self.label}".encode() + b"\x00" + payload

    def hash(self, payload: bytes) -> bytes:
        return sha256(self.signed_text(payload)).digest()

    def sign(self, seed: bytes, payload: Payload) -> bytes:
        return ed25519.sign(seed, self.signed_text(self.encode_payload(payload)))

    def encode_payload(self, payload: Payload) -> bytes:
        return cbor.encode(self.payload_cbor(payload))

    def make(self, seed: bytes, payload: Payload, rest: Rest) -> bytes:
        """The object, signed."""
        signature = self.sign(seed, payload)
        outer = [VERSION, self.encode_payload(payload), signature, *self.rest_cbor(rest)]
        return cbor.encode(outer)

    def decode_payload(self, payload: bytes) -> Payload:
        reader = cbor.Reader(payload)
        decoded = self.read_payload(reader)
        reader.finish(self.payload_cbor(decoded))
        return decoded

    def read(self, data: bytes, minimum: int = VERSION) -> Signed[Payload, Rest]:
        """Everything but what the type's own section asks for. `minimum` is the state's."""
        require(len(data) <= self.max_encoded, "limit", f"a {self.label} that is too large")
        reader = cbor.Reader(data)
        items = reader.array()
        require(items > 0, "invalid-format", "an empty array")
        version = reader.unsigned()
        require(version == VERSION, "unsupported-version", f"version {version}")
        expected = 3 + self.rest_items
        require(items == expected, "invalid-format", "an object of another length")
        payload_bytes, signature = reader.bytes(), reader.bytes(SIGNATURE)
        rest = self.read_rest(reader)
        reader.finish([version, payload_bytes, signature, *self.rest_cbor(rest)])
        payload = self.decode_payload(payload_bytes)
        require(version >= minimum, "downgrade", "below the minimum of the state")
        return Signed(self, payload_bytes, payload, signature, rest)


@dataclass(frozen=True)
class Signed(Generic[Payload, Rest]):
    """A signed object that was read; its signature isn't verified."""

    form: Form[Payload, Rest]
    payload_bytes: bytes
    payload: Payload
    signature: bytes
    rest: Rest

    @property
    def hash(self) -> bytes:
        return self.form.hash(self.payload_bytes)

    def verify(self, public_key: bytes, signature: bytes | None = None) -> None:
        """The signature over the payload as received, or another one over the same text."""
        signed_text = self.form.signed_text(self.payload_bytes)
        good = ed25519.verify(public_key, signed_text, signature or self.signature)
        require(good, "bad-signature", f"the signature of a {self.form.label}")


def no_rest(_: cbor.Reader) -> None:
    """For types of which nothing follows the signature."""


def without_rest(
    label: str,
    max_encoded: int,
    read_payload: Callable[[cbor.Reader], Payload],
    payload_cbor: Callable[[Payload], cbor.Value],
) -> Form[Payload, None]:
    return Form(label, max_encoded, read_payload, payload_cbor, 0, no_rest, lambda _: [])
