"""The slow derivation from a password (SPEC section 7, "Slow key")."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from . import cbor
from .errors import WardkeyError, require

ARGON2ID, PBKDF2 = 1, 2
SALT = range(16, 64 + 1)
MEMORY_KIB = range(19_456, 262_144 + 1)
PASSES = range(2, 10 + 1)
ITERATIONS = range(600_000, 5_000_000 + 1)


@dataclass(frozen=True)
class Argon2idKdf:
    memory_kib: int
    passes: int
    salt: bytes

    def cbor(self) -> list[int | bytes]:
        return [ARGON2ID, self.memory_kib, self.passes, self.salt]

    def check(self) -> None:
        within = self.memory_kib in MEMORY_KIB and self.passes in PASSES
        require(within and len(self.salt) in SALT, "kdf-policy", "Argon2id out of bounds")

    def derive(self, prepared_password: bytes) -> bytes:
        argon2id = Argon2id(
            salt=self.salt,
            length=32,
            iterations=self.passes,
            lanes=1,
            memory_cost=self.memory_kib,
        )
        return argon2id.derive(prepared_password)


@dataclass(frozen=True)
class Pbkdf2Kdf:
    iterations: int
    salt: bytes

    def cbor(self) -> list[int | bytes]:
        return [PBKDF2, self.iterations, self.salt]

    def check(self) -> None:
        within = self.iterations in ITERATIONS
        require(within and len(self.salt) in SALT, "kdf-policy", "PBKDF2 out of bounds")

    def derive(self, prepared_password: bytes) -> bytes:
        pbkdf2 = PBKDF2HMAC(hashes.SHA256(), 32, self.salt, self.iterations)
        return pbkdf2.derive(prepared_password)


Kdf = Argon2idKdf | Pbkdf2Kdf


def read(reader: cbor.Reader) -> Kdf:
    """A kdf of a backup, refused as soon as it is read (SPEC section 7, "Opening", step 1)."""
    items = reader.array()
    require(items > 0, "invalid-format", "an empty kdf")
    number = reader.unsigned()
    kdf: Kdf
    if number == ARGON2ID:
        require(items == 4, "invalid-format", "Argon2id has four numbers")
        kdf = Argon2idKdf(reader.unsigned(), reader.unsigned(), reader.bytes())
    elif number == PBKDF2:
        require(items == 3, "invalid-format", "PBKDF2 has three numbers")
        kdf = Pbkdf2Kdf(reader.unsigned(), reader.bytes())
    else:
        raise WardkeyError("kdf-policy", f"kdf {number}")
    kdf.check()
    return kdf
