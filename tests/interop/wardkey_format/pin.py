"""Pins: what is remembered of an identity (SPEC section 10.4)."""

from __future__ import annotations

from dataclasses import dataclass

from . import cbor
from .bundle import MAX_VERSION
from .errors import WardkeyError, require
from .identity import STRENGTH, Identity
from .signed import HASH
from .suite import Suite


@dataclass(frozen=True)
class Pin:
    fingerprint: bytes
    version: int
    hash: bytes | None
    """None if and only if the version is 1: then the fingerprint is the hash."""
    suite: Suite

    def cbor(self) -> list[cbor.Value]:
        return [self.fingerprint, self.version, self.hash, self.suite]

    @property
    def version_hash(self) -> bytes:
        """The hash of the version, also of version 1."""
        return self.hash or self.fingerprint

    @classmethod
    def of(cls, identity: Identity) -> Pin:
        version_hash = None if identity.version == 1 else identity.newest_hash
        return cls(identity.fingerprint, identity.version, version_hash, identity.suite)


def read(reader: cbor.Reader) -> Pin:
    reader.array(4)
    fingerprint, version = reader.bytes(HASH), reader.unsigned()
    require(1 <= version <= MAX_VERSION, "invalid-format", "not version 1 to 64")
    version_hash = None if reader.null() else reader.bytes(HASH)
    first = version == 1
    require((version_hash is None) == first, "invalid-format", "null is for version 1")
    number = reader.unsigned()
    require(number in set(STRENGTH), "invalid-format", "not the suite of a bundle")
    return Pin(fingerprint, version, version_hash, Suite(number))


def stronger(one: Suite, other: Suite) -> Suite:
    return max(one, other, key=STRENGTH.__getitem__)


def compare(
    identity: Identity,
    pin: Pin | None,
    anchor: bytes | None = None,
    *,
    refuse_first_use: bool = False,
) -> Pin:
    """The pin afterwards. If there was a lower one, the application is told."""
    if pin:
        weaker = STRENGTH[identity.suite] < STRENGTH[pin.suite]
        require(not weaker, "downgrade", "a weaker suite than the pin's")
    known = {anchor, pin and pin.fingerprint} - {None}
    require(known <= {identity.fingerprint}, "pin-mismatch", "another fingerprint")
    if pin:
        require(identity.version >= pin.version, "rollback", "the pin's version is missing")
        same = identity.hashes[pin.version - 1] == pin.version_hash
        require(same, "fork", "another bundle of the pin's version")
    if not known and refuse_first_use:
        raise WardkeyError("not-certified", "neither anchor nor pin")
    return Pin.of(identity)


def compare_key_server(identity: Identity, pin: Pin | None, escrow_key: bytes | None) -> Pin:
    """SPEC section 10.5: the first one seen is pinned if no `escrowKey` is configured."""
    return compare(identity, pin, escrow_key)
