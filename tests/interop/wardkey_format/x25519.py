"""Points of low order on Curve25519 (SPEC sections 5 and 6)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

# Any private key will do: all give zero for such a point, and none does for another.
_ANY = X25519PrivateKey.from_private_bytes(bytes(32))


def is_low_order(point: bytes) -> bool:
    """Whether every private key gives the all-zero output."""
    try:
        _ANY.exchange(X25519PublicKey.from_public_bytes(point))
    except ValueError:  # what OpenSSL makes of an all-zero output
        return True
    return False
