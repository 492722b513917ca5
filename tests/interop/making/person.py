"""Someone with an identity: his bundles and all their private keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from wardkey_format import bundle, ed25519
from wardkey_format.bundle import Bundle
from wardkey_format.party import User
from wardkey_format.private_key import KeyPair
from wardkey_format.randomness import draw
from wardkey_format.suite import Suite

APP = "clinic"
RSA = Path(__file__).resolve().parents[3] / "testdata" / "rsa"


@cache
def rsa_key_pair(suite: Suite) -> KeyPair:
    """The key of `testdata/rsa` of this suite: making one is slow."""
    pem = (RSA / f"{suite.rsa_bits}.pem").read_bytes()
    key = load_pem_private_key(pem, None)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(suite, der)


def key_pair(suite: Suite) -> KeyPair:
    return KeyPair.generate(suite) if suite == Suite.HYBRID else rsa_key_pair(suite)


@dataclass(eq=False)
class Person:
    """`user_id` None: the key server. Versions count from 1."""

    user_id: str | None
    app_id: str = APP
    keys: list[KeyPair] = field(default_factory=list)
    seeds: list[bytes] = field(default_factory=list)
    objects: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)

    @classmethod
    def new(cls, user_id: str | None, suite: Suite = Suite.HYBRID, app_id: str = APP) -> Person:
        person = cls(user_id, app_id)
        person.renew(suite)
        return person

    def next_bundle(self, pair: KeyPair, seed: bytes) -> Bundle:
        return Bundle(
            self.app_id,
            self.user_id,
            len(self.keys) + 1,
            self.hashes[-1] if self.hashes else None,
            pair.public_key.encode(),
            ed25519.public_key(seed),
        )

    def renew(self, suite: Suite = Suite.HYBRID) -> None:
        pair, seed = key_pair(suite), draw(32)
        payload = self.next_bundle(pair, seed)
        self.objects.append(bundle.make(payload, seed, self.seeds[-1] if self.seeds else None))
        self.hashes.append(bundle.FORM.hash(bundle.FORM.encode_payload(payload)))
        self.keys.append(pair)
        self.seeds.append(seed)

    def before_renewal(self) -> Person:
        """As of the version before the newest."""
        lists = (self.keys, self.seeds, self.objects, self.hashes)
        keys, seeds, objects, hashes = (one[:-1] for one in lists)
        return Person(self.user_id, self.app_id, keys, seeds, objects, hashes)

    def copy(self) -> Person:
        """As of now; both can be renewed on their own."""
        return Person(
            self.user_id, self.app_id, [*self.keys], [*self.seeds], [*self.objects], [*self.hashes]
        )

    @property
    def fingerprint(self) -> bytes:
        return self.hashes[0]

    @property
    def party(self) -> User:
        assert self.user_id is not None
        return User(self.user_id, self.fingerprint)

    @property
    def bundles(self) -> list[str]:
        return [data.hex() for data in self.objects]

    @property
    def key_pair(self) -> KeyPair:
        """The newest."""
        return self.keys[-1]

    @property
    def hash(self) -> bytes:
        """Of the newest bundle."""
        return self.hashes[-1]

    @property
    def seed(self) -> bytes:
        """That signs for the newest bundle."""
        return self.seeds[-1]

    @property
    def private_keys(self) -> list[dict[str, str]]:
        return [{"suite": pair.suite.label, "private": pair.private.hex()} for pair in self.keys]
