"""Epochs of a group: their secrets, and what the log says of them (SPEC sections 12.8, 12.9 and
12.11)."""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest

from . import cbor, cobblestone, derive
from .errors import WardkeyError, require
from .private_key import KeyPair
from .public_key import PublicKey
from .suite import Suite

MAX_PUBLIC_KEY = 2048
SEALED_SECRET = 104


@dataclass(frozen=True)
class Epoch:
    key_commitment: bytes
    public_key: PublicKey
    previous: bytes | None
    """The secret of the epoch before, sealed; None for epoch 0, and where the maker hadn't it."""

    def cbor(self) -> list[cbor.Value]:
        return [self.key_commitment, self.public_key.encode(), self.previous]


def read(reader: cbor.Reader, *, first: bool) -> Epoch:
    """`first`: epoch 0, which has none before it."""
    reader.array(3)
    commitment, encoded = reader.bytes(32), reader.bytes()
    require(len(encoded) <= MAX_PUBLIC_KEY, "invalid-format", "a public key over 2 KiB")
    public_key = PublicKey.decode(encoded)
    hybrid = public_key.suite == Suite.HYBRID
    require(hybrid, "invalid-format", "an epoch's key that isn't hybrid")
    null = reader.null()
    require(null or not first, "invalid-format", "epoch 0 has none before it")
    return Epoch(commitment, public_key, None if null else reader.bytes(SEALED_SECRET))


def key_pair(secret: bytes) -> KeyPair:
    return KeyPair(Suite.HYBRID, derive.expand(secret, "epoch-key-pair", 32))


def previous_context(group_id: bytes, number: int, previous_commitment: bytes) -> bytes:
    """Under which the secret of epoch n − 1 is sealed for n."""
    label = "wardkey/v1/previous-epoch"
    return cbor.encode([label, group_id, number - 1, number, previous_commitment])


def make(group_id: bytes, number: int, secret: bytes, previous: bytes | None) -> Epoch:
    """`previous`: the secret of the epoch before, for all but epoch 0."""
    sealed = None
    if previous is not None:
        bound = previous_context(group_id, number, derive.key_commitment(previous))
        sealed = cobblestone.seal(secret, bound, previous)
    return Epoch(derive.key_commitment(secret), key_pair(secret).public_key, sealed)


def secret_before(group_id: bytes, number: int, secret: bytes, above: Epoch, epoch: Epoch) -> bytes:
    """The secret of `epoch`, the one before number `number`, which is `above` and has `secret`."""
    if above.previous is None:
        raise WardkeyError("decryption-failed", "nothing was sealed")
    bound = previous_context(group_id, number, epoch.key_commitment)
    opened = cobblestone.open_body(secret, bound, above.previous)
    committed = compare_digest(derive.key_commitment(opened), epoch.key_commitment)
    require(committed, "key-mismatch", "another secret than the epoch's")
    check_key_pair(opened, epoch)
    return opened


def check_key_pair(secret: bytes, epoch: Epoch) -> None:
    same = key_pair(secret).public_key == epoch.public_key
    require(same, "key-mismatch", "another public key than the epoch's")
