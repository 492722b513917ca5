"""Identities: chains of bundles (SPEC section 10.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import bundle, party
from .bundle import Bundle
from .errors import WardkeyError, require
from .public_key import PublicKey
from .signed import Signed
from .suite import Suite

MAX_BUNDLES = 64
STRENGTH = {Suite.RSA_3072: 0, Suite.RSA_4096: 1, Suite.HYBRID: 2}


@dataclass(frozen=True)
class Identity:
    """Bundles that were verified; nothing says yet that they are the right ones (`pin`)."""

    app_id: str
    user_id: str | None
    bundles: tuple[Bundle, ...]
    hashes: tuple[bytes, ...]
    keys: tuple[PublicKey, ...]

    @property
    def fingerprint(self) -> bytes:
        return self.hashes[0]

    @property
    def version(self) -> int:
        """The newest."""
        return len(self.bundles)

    @property
    def newest(self) -> Bundle:
        return self.bundles[-1]

    @property
    def newest_hash(self) -> bytes:
        return self.hashes[-1]

    @property
    def public_key(self) -> PublicKey:
        """What is wrapped for."""
        return self.keys[-1]

    @property
    def suite(self) -> Suite:
        return self.public_key.suite

    @property
    def party(self) -> party.User | None:
        """The key server has none."""
        return None if self.user_id is None else party.User(self.user_id, self.fingerprint)

    def version_of(self, bundle_hash: bytes) -> int | None:
        """The version of the bundle with this hash."""
        return self.hashes.index(bundle_hash) + 1 if bundle_hash in self.hashes else None

    def signing_key(self, bundle_hash: bytes) -> bytes:
        version = self.version_of(bundle_hash)
        if version is None:
            raise WardkeyError("bad-signature", "the signer's bundle isn't known")
        return self.bundles[version - 1].signing_key


def _read(data: bytes, minimum: int) -> tuple[Signed[Bundle, bytes | None], PublicKey]:
    """Step 1, for one bundle."""
    signed = bundle.read(data, minimum)
    key = PublicKey.decode(signed.payload.encryption_key)
    require(key.suite != Suite.RSA_2048, "key-policy", "rsa-2048 in a bundle")
    return signed, key


def _check_chain(bundles: Sequence[Signed[Bundle, bytes | None]]) -> None:
    """Step 3."""
    before: Signed[Bundle, bytes | None] | None = None
    for number, signed in enumerate(bundles, 1):
        payload = signed.payload
        previous = before.hash if before else None
        follows = payload.version == number and payload.previous == previous
        require(follows, "bad-signature", "not the version and the hash that follow")
        signed.verify(payload.signing_key)
        if before:
            assert signed.rest is not None, "the form says so"
            signed.verify(before.payload.signing_key, signed.rest)
        before = signed


def _verify(
    objects: Sequence[bytes],
    app_id: str,
    user_id: str | None,
    minimum: int,
    by_hash: bytes | None = None,
) -> Identity:
    require(len(objects) > 0, "invalid-format", "no bundle")
    require(len(objects) <= MAX_BUNDLES, "limit", "over 64 bundles")
    read = [_read(data, minimum) for data in objects]
    bundles = [signed for signed, _ in read]
    keys = tuple(key for _, key in read)
    if by_hash is not None:
        user_id = bundles[0].payload.user_id
    for signed in bundles:
        named = (signed.payload.app_id, signed.payload.user_id)
        require(named == (app_id, user_id), "key-mismatch", "another app or user")
    _check_chain(bundles)
    hashes = tuple(signed.hash for signed in bundles)
    strongest = 0
    for key in keys:
        require(STRENGTH[key.suite] >= strongest, "downgrade", "a weaker suite than before")
        strongest = STRENGTH[key.suite]
    found = by_hash is None or by_hash in hashes
    require(found, "bad-signature", "the bundle asked for isn't in the identity")
    payloads = tuple(signed.payload for signed in bundles)
    return Identity(app_id, user_id, payloads, hashes, keys)


def verify(
    objects: Sequence[bytes], app_id: str, user_id: str | None, minimum: int = 1
) -> Identity:
    """Steps 1 to 4, for an app id and a user id (None: the key server)."""
    return _verify(objects, app_id, user_id, minimum)


def verify_by_hash(
    objects: Sequence[bytes], app_id: str, bundle_hash: bytes, minimum: int = 1
) -> Identity:
    """Steps 1 to 4, where a bundle was asked for by its hash."""
    return _verify(objects, app_id, None, minimum, bundle_hash)
