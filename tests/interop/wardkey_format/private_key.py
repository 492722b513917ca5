"""Key pairs: private encryption keys and the public keys they give (SPEC section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import shake_256
from math import lcm

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from .errors import WardkeyError, require
from .public_key import EXPONENT, PublicKey, spki
from .randomness import draw
from .suite import Suite

SEED = 32
# INTEGER 0, then the AlgorithmIdentifier of rsaEncryption with NULL: how a PKCS#8 key goes on
# after the head of its outer SEQUENCE. (A PKCS#1 key, which OpenSSL would also take, doesn't.)
PKCS8_RSA = bytes.fromhex("020100 300d 06092a864886f70d010101 0500")
OUTER_HEAD = 4  # 30 82 and two bytes of length, at every size allowed here


class _Halves:
    """Both private halves of an X-Wing key, expanded from its seed."""

    def __init__(self, seed: bytes) -> None:
        require(len(seed) == SEED, "invalid-format", "an X-Wing seed isn't 32 bytes")
        expanded = shake_256(seed).digest(96)
        self.ml_kem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        self.x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])

    @property
    def public(self) -> bytes:
        x25519 = self.x25519.public_key().public_bytes_raw()
        return self.ml_kem.public_key().public_bytes_raw() + x25519


def _read_pkcs8(private: bytes) -> rsa.RSAPrivateKey:
    """An RSA key as it stands there, without a check of its numbers."""
    found = private[OUTER_HEAD:].startswith(PKCS8_RSA)
    require(found, "invalid-format", "no PKCS#8 with an RSA key")
    try:
        key = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, UnsupportedAlgorithm) as failure:
        raise WardkeyError("invalid-format", "no PKCS#8 with an RSA key") from failure
    if not isinstance(key, rsa.RSAPrivateKey):
        raise WardkeyError("invalid-format", "not an RSA key")
    return key


def _numbers_fit(numbers: rsa.RSAPrivateNumbers) -> bool:
    """Whether modulus, exponents and primes fit together."""
    p, q, d, public = numbers.p, numbers.q, numbers.d, numbers.public_numbers
    return (
        p > 1
        and q > 1
        and p * q == public.n
        and public.e * d % lcm(p - 1, q - 1) == 1
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and numbers.iqmp * q % p == 1
    )


def _read_rsa(private: bytes, bits: int) -> rsa.RSAPrivateKey:
    key = _read_pkcs8(private)
    numbers = key.private_numbers()
    require(_numbers_fit(numbers), "key-mismatch", "the numbers don't fit together")
    public = numbers.public_numbers
    require(public.n.bit_length() == bits, "key-policy", f"a modulus not of {bits} bits")
    require(public.e == EXPONENT, "key-policy", "an exponent other than 65537")
    try:
        checked = load_der_private_key(private, None)  # looks whether the primes are prime
    except ValueError as failure:
        raise WardkeyError("key-mismatch", "OpenSSL finds the key invalid") from failure
    assert isinstance(checked, rsa.RSAPrivateKey)
    return checked


@dataclass(frozen=True)
class KeyPair:
    """A key pair; `private` is the column "private key" of the table."""

    suite: Suite
    private: bytes

    def __post_init__(self) -> None:
        _ = self.public_key  # reads the private key, and so checks it

    @cached_property
    def rsa(self) -> rsa.RSAPrivateKey:
        return _read_rsa(self.private, self.suite.rsa_bits)

    @cached_property
    def hpke(self) -> MLKEM768X25519PrivateKey:
        halves = _Halves(self.private)
        return MLKEM768X25519PrivateKey(halves.ml_kem, halves.x25519)

    @cached_property
    def public_key(self) -> PublicKey:
        if self.suite == Suite.HYBRID:
            return PublicKey(self.suite, _Halves(self.private).public)
        return PublicKey(self.suite, spki(self.rsa.public_key()))

    @classmethod
    def generate(cls, suite: Suite) -> KeyPair:
        if suite == Suite.HYBRID:
            return cls(suite, draw(SEED))
        key = rsa.generate_private_key(EXPONENT, suite.rsa_bits)
        pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return cls(suite, pkcs8)
