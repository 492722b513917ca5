"""Public encryption keys (SPEC section 5)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from . import base64url, cbor, framing, x25519
from .errors import WardkeyError, require
from .suite import Suite

MAX_ENCODED = 4_096
HYBRID_LENGTH = 1_216
ML_KEM_LENGTH = 1_184
ML_KEM_COEFFICIENTS = 1_152
ML_KEM_Q = 3_329
EXPONENT = 65_537
PEM = re.compile(
    r"\s*-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END PUBLIC KEY-----\s*"
)


def ml_kem_in_range(encapsulation_key: bytes) -> bool:
    """The modulus check of FIPS 203 section 7.2: every 12-bit number is below q."""
    for at in range(0, ML_KEM_COEFFICIENTS, 3):
        pair = int.from_bytes(encapsulation_key[at : at + 3], "little")
        if pair & 0xFFF >= ML_KEM_Q or pair >> 12 >= ML_KEM_Q:
            return False
    return True


def _check_hybrid(raw: bytes) -> None:
    require(len(raw) == HYBRID_LENGTH, "key-policy", "a hybrid key isn't 1216 bytes")
    require(ml_kem_in_range(raw[:ML_KEM_LENGTH]), "key-policy", "ML-KEM: a number over q")
    low = x25519.is_low_order(raw[ML_KEM_LENGTH:])
    require(not low, "key-policy", "X25519: a point of low order")
    number = int.from_bytes(raw[ML_KEM_LENGTH:], "little")
    require(number < 2**255 - 19, "key-policy", "X25519: not below 2^255 - 19")


def spki(key: RSAPublicKey) -> bytes:
    """The canonical DER of a SubjectPublicKeyInfo with rsaEncryption and NULL."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _read_rsa(raw: bytes) -> RSAPublicKey:
    try:
        key = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm) as failure:
        raise WardkeyError("key-policy", "no SubjectPublicKeyInfo") from failure
    if not isinstance(key, RSAPublicKey):
        raise WardkeyError("key-policy", "not an RSA key")
    require(spki(key) == raw, "key-policy", "not the canonical DER")
    return key


def _check_rsa(key: RSAPublicKey, bits: int) -> None:
    numbers = key.public_numbers()
    require(numbers.n.bit_length() == bits, "key-policy", f"a modulus not of {bits} bits")
    require(numbers.n % 2 == 1, "key-policy", "an even modulus")
    require(numbers.e == EXPONENT, "key-policy", "an exponent other than 65537")


@dataclass(frozen=True)
class PublicKey:
    """A public key; `raw` is the column "public key" of the table."""

    suite: Suite
    raw: bytes

    def __post_init__(self) -> None:
        if self.suite == Suite.HYBRID:
            _check_hybrid(self.raw)
        else:
            _check_rsa(_read_rsa(self.raw), self.suite.rsa_bits)

    def encode(self) -> bytes:
        return framing.frame(framing.PUBLIC_KEY, cbor.encode([self.suite, self.raw]))

    @property
    def fingerprint(self) -> bytes:
        return sha256(self.encode()).digest()

    @property
    def text(self) -> str:
        return base64url.encode(self.encode())

    @property
    def rsa(self) -> RSAPublicKey:
        return _read_rsa(self.raw)

    @property
    def hpke(self) -> MLKEM768X25519PublicKey:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(self.raw[:ML_KEM_LENGTH]),
            X25519PublicKey.from_public_bytes(self.raw[ML_KEM_LENGTH:]),
        )

    @classmethod
    def decode(cls, data: bytes) -> PublicKey:
        require(len(data) <= MAX_ENCODED, "limit", "a public key over 4096 bytes")
        content = framing.unframe(framing.PUBLIC_KEY, data)
        reader = cbor.Reader(content)
        reader.array(2)
        number, raw = reader.unsigned(), reader.bytes()
        reader.finish([number, raw])
        require(number in set(Suite), "unsupported-version", f"suite {number}")
        return cls(Suite(number), raw)

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Reads what `text` gives, or PEM."""
        pem = PEM.fullmatch(text)
        return cls._of_pem_content(pem[1]) if pem else cls.decode(base64url.decode(text))

    @classmethod
    def _of_pem_content(cls, content: str) -> PublicKey:
        try:
            raw = base64.b64decode(re.sub(r"[\r\n]", "", content), validate=True)
        except binascii.Error as failure:
            raise WardkeyError("invalid-format", "PEM without base64") from failure
        require(len(raw) <= MAX_ENCODED, "limit", "a public key over 4096 bytes")
        bits = _read_rsa(raw).public_numbers().n.bit_length()
        return cls(Suite.of_rsa_bits(bits), raw)
