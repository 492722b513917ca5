"""Signed objects that no honest writer makes: any payload, any outer form."""

from __future__ import annotations

from typing import Any

from wardkey_format import cbor, ed25519
from wardkey_format.signed import VERSION, Form

SMALL_ORDER_POINT = b"\x01" + bytes(31)
L = 2**252 + 27742317777372353535851937790883648493


def sign_raw(form: Form[Any, Any], seed: bytes, payload: bytes) -> bytes:
    return ed25519.sign(seed, form.signed_text(payload))


def signed(
    form: Form[Any, Any],
    seed: bytes,
    payload: cbor.Value | bytes,
    *rest: cbor.Value,
    version: int = VERSION,
) -> bytes:
    """An object with a good signature around whatever payload."""
    data = payload if isinstance(payload, bytes) else cbor.encode(payload)
    return cbor.encode([version, data, sign_raw(form, seed, data), *rest])


def changed(payload: Any, **fields: Any) -> dict[int, Any]:
    """The map of a payload with other fields: `_4=None` for field 4."""
    result: dict[int, Any] = dict(payload.cbor())
    result.update({int(name[1:]): value for name, value in fields.items()})
    return result


def flipped(data: bytes, at: int) -> bytes:
    """One bit is another."""
    changed_byte = bytes([data[at] ^ 1])
    return data[:at] + changed_byte + (data[at + 1 :] if at != -1 else b"")


def with_s_plus_order(data: bytes, signature: bytes) -> bytes:
    """The signature in an encoding of S that isn't canonical."""
    s = int.from_bytes(signature[32:], "little") + L
    return data.replace(signature, signature[:32] + s.to_bytes(32, "little"))


def long_head(data: bytes) -> bytes:
    """The outer array's length in two bytes where one would do."""
    return bytes([0x98, data[0] & 0x1F]) + data[1:]


def end_of_payload(data: bytes) -> int:
    """Where the last byte of a payload of 256 to 65,535 bytes stands in its object."""
    assert data[2] == 0x59, "a byte string with a length of two bytes"
    return 4 + int.from_bytes(data[3:5], "big")
