"""Receipts: the key server says that a code was right (SPEC section 11.6)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from . import app_id, cbor, identity, pin, user_id
from .errors import require
from .signed import HASH, KIB, without_rest

RECOVERY_ID = 16


@dataclass(frozen=True)
class Receipt:
    app_id: str
    user_id: str
    recovery_id: bytes
    end: int
    signer: bytes

    def cbor(self) -> cbor.Value:
        return {1: self.app_id, 2: self.user_id, 3: self.recovery_id, 4: self.end, 5: self.signer}


def _read_payload(reader: cbor.Reader) -> Receipt:
    reader.map(5)
    reader.key(1)
    app = app_id.read(reader)
    reader.key(2)
    user = reader.text()
    user_id.check(user, "invalid-format")
    reader.key(3)
    recovery_id = reader.bytes(RECOVERY_ID)
    reader.key(4)
    end = reader.unsigned()
    reader.key(5)
    return Receipt(app, user, recovery_id, end, reader.bytes(HASH))


FORM = without_rest("receipt", 8 * KIB, _read_payload, Receipt.cbor)


def verify(
    data: bytes,
    key_server: Sequence[bytes],
    anchor: bytes,
    app: str,
    user: str,
    now: int,
    used: Collection[bytes] = (),
    minimum: int = 1,
) -> Receipt:
    """As the application checks it. `used`: the recoveries of which it took a receipt before."""
    signed = FORM.read(data, minimum)
    server = identity.verify(key_server, app, None)
    pin.compare(server, None, anchor)
    receipt = signed.payload
    signed.verify(server.signing_key(receipt.signer))
    named = (receipt.app_id, receipt.user_id)
    require(named == (app, user), "key-mismatch", "another app or user")
    require(now < receipt.end, "otp-expired", "the receipt has ended")
    require(receipt.recovery_id not in used, "otp-expired", "a receipt was used before")
    return receipt
