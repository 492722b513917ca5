"""Ed25519, verified strictly (SPEC section 4.3, "Verifying"; RFC 8032 section 5.1).

OpenSSL refuses an S that isn't canonical and compares R byte by byte, but takes points of small
order, so these are looked for here.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

P = 2**255 - 19
ORDER_8_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
Y_OF_SMALL_ORDER = frozenset({1, P - 1, 0, ORDER_8_Y, P - ORDER_8_Y})  # orders 1, 2, 4, 8, 8


def _y(point: bytes) -> int:
    """The encoded y, without the sign of x."""
    return int.from_bytes(point, "little") & (1 << 255) - 1


def is_small_order(point: bytes) -> bool:
    """Whether an encoded point has order 1, 2, 4 or 8, in whichever encoding."""
    return _y(point) % P in Y_OF_SMALL_ORDER


def public_key(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, statement: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(statement)


def verify(public: bytes, statement: bytes, signature: bytes) -> bool:
    """Whether the signature verifies strictly."""
    if is_small_order(public) or is_small_order(signature[:32]) or _y(public) >= P:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True
