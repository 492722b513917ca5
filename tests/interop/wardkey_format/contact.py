"""The contact: where one-time codes go (SPEC section 11.5)."""

from __future__ import annotations

from dataclasses import dataclass

from . import app_id, cbor, email, user_id
from .errors import require
from .identity import Identity
from .signed import HASH, KIB, without_rest


@dataclass(frozen=True)
class Contact:
    app_id: str
    user_id: str
    version: int
    """Of the backup with which it was written."""
    email: str
    signer: bytes

    def cbor(self) -> cbor.Value:
        return {1: self.app_id, 2: self.user_id, 3: self.version, 4: self.email, 5: self.signer}


def _read_payload(reader: cbor.Reader) -> Contact:
    reader.map(5)
    reader.key(1)
    app = app_id.read(reader)
    reader.key(2)
    user = reader.text()
    user_id.check(user, "invalid-format")
    reader.key(3)
    version = reader.unsigned()
    require(version >= 1, "invalid-format", "version 0")
    reader.key(4)
    address = reader.text()
    email.check(address, "invalid-format")
    reader.key(5)
    return Contact(app, user, version, address, reader.bytes(HASH))


FORM = without_rest("contact", 8 * KIB, _read_payload, Contact.cbor)


def verify(data: bytes, signer: Identity, version: int, minimum: int = 1) -> Contact:
    """The contact of the user, written with the backup of this version, and signed by the newest
    bundle of `signer`."""
    signed = FORM.read(data, minimum)
    contact = signed.payload
    named = (contact.app_id, contact.user_id, contact.version)
    asked_for = (signer.app_id, signer.user_id, version)
    require(named == asked_for, "key-mismatch", "another app, user or version")
    require(contact.signer == signer.newest_hash, "bad-signature", "not the newest bundle")
    signed.verify(signer.newest.signing_key)
    return contact
