"""Recovery proofs: who recovered could open the backup (SPEC section 11.6)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from . import cbor
from .errors import require
from .identity import Identity
from .receipt import RECOVERY_ID
from .signed import HASH, KIB, without_rest


@dataclass(frozen=True)
class RecoveryProof:
    recovery_id: bytes
    backup_hash: bytes
    signer: bytes

    def cbor(self) -> cbor.Value:
        return {1: self.recovery_id, 2: self.backup_hash, 3: self.signer}


def _read_payload(reader: cbor.Reader) -> RecoveryProof:
    reader.map(3)
    reader.key(1)
    recovery_id = reader.bytes(RECOVERY_ID)
    reader.key(2)
    backup_hash = reader.bytes(HASH)
    reader.key(3)
    return RecoveryProof(recovery_id, backup_hash, reader.bytes(HASH))


FORM = without_rest("recovery-proof", 8 * KIB, _read_payload, RecoveryProof.cbor)


def verify(
    data: bytes, signer: Identity, recovery_id: bytes, backup: bytes, minimum: int = 1
) -> RecoveryProof:
    """The proof for this recovery and pending backup, by the newest bundle of `signer`."""
    signed = FORM.read(data, minimum)
    proof = signed.payload
    named = (proof.recovery_id, proof.backup_hash)
    asked_for = (recovery_id, sha256(backup).digest())
    require(named == asked_for, "key-mismatch", "another recovery or backup")
    require(proof.signer == signer.newest_hash, "bad-signature", "not the newest bundle")
    signed.verify(signer.newest.signing_key)
    return proof
