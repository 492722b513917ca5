"""The author of a message: trailer, batch and signature (SPEC section 4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from . import cbor, cobblestone, derive, ed25519, merkle
from .context import Context
from .errors import require
from .message import (
    HASH,
    Header,
    Parts,
    SignerInHeader,
    open_message,
    seal_with_header,
    split,
)

AUTHORITY = 72
GROUP_ID = 32
SIGNER_HIMSELF = bytes(AUTHORITY)
SIGNATURE = 64
MAX_BATCH = 2**32 - 1


def authority_of_group(group_id: bytes, sequence: int, group_hash: bytes) -> bytes:
    return group_id + sequence.to_bytes(8, "big") + group_hash


@dataclass(frozen=True)
class Trailer:
    log_sequence: int
    log_hash: bytes
    authority: bytes
    index: int
    batch_size: int
    path: tuple[bytes, ...]
    signature: bytes

    def encode(self) -> bytes:
        return b"".join(
            [
                self.log_sequence.to_bytes(8, "big"),
                self.log_hash,
                self.authority,
                self.index.to_bytes(4, "big"),
                self.batch_size.to_bytes(4, "big"),
                *self.path,
                self.signature,
            ]
        )

    @classmethod
    def decode(cls, trailer: bytes) -> Trailer:
        """Takes the bytes apart; `message.split` saw to their number."""
        hashes = trailer[120:-SIGNATURE]
        return cls(
            log_sequence=int.from_bytes(trailer[:8], "big"),
            log_hash=trailer[8:40],
            authority=trailer[40:112],
            index=int.from_bytes(trailer[112:116], "big"),
            batch_size=int.from_bytes(trailer[116:120], "big"),
            path=tuple(hashes[at : at + HASH] for at in range(0, len(hashes), HASH)),
            signature=trailer[-SIGNATURE:],
        )

    def statement(self, root: bytes) -> bytes:
        """What is signed."""
        return cbor.encode(
            [
                "wardkey/v1/author",
                self.log_sequence,
                self.log_hash,
                self.authority,
                self.batch_size,
                root,
            ]
        )


def leaf(header_bytes: bytes, body: bytes) -> bytes:
    """The leaf hash of a message."""
    chunks = b"".join(sha256(chunk).digest() for chunk in cobblestone.sealed_chunks(body))
    start = header_bytes + body[: cobblestone.START]
    return merkle.leaf_hash(sha256(start).digest() + sha256(chunks).digest())


@dataclass(frozen=True)
class Signer:
    """Who signs, and what he knows of the session."""

    seed: bytes
    bundle_hash: bytes
    log_sequence: int
    log_hash: bytes
    authority: bytes = SIGNER_HIMSELF


@dataclass(frozen=True)
class Draft:
    """A message that will be part of a batch."""

    plaintext: bytes
    context: Context = field(default_factory=dict)
    padded: bool = False


def seal_batch(
    signer: Signer, key: bytes, session_id: bytes, drafts: Sequence[Draft]
) -> list[bytes]:
    """Signed messages under one signature."""
    size = len(drafts)
    require(size > 0, "invalid-argument", "an empty batch")
    require(size <= MAX_BATCH, "limit", "too many messages for one signature")
    sealed, leaves = [], []
    for index, draft in enumerate(drafts):
        in_header = SignerInHeader(signer.bundle_hash, merkle.path_length(index, size))
        header = Header(derive.key_id(key), draft.padded, session_id, in_header)
        header_and_body = seal_with_header(key, header, draft.plaintext, draft.context)
        sealed.append(header_and_body)
        leaves.append(leaf(header_and_body[: header.length], header_and_body[header.length :]))

    root = merkle.root(leaves)
    messages = []
    for index, header_and_body in enumerate(sealed):
        unsigned = Trailer(
            signer.log_sequence,
            signer.log_hash,
            signer.authority,
            index,
            size,
            tuple(merkle.path(index, leaves)),
            signature=b"",
        )
        signature = ed25519.sign(signer.seed, unsigned.statement(root))
        messages.append(header_and_body + unsigned.encode() + signature)
    return messages


def _check(parts: Parts, public_key: bytes) -> Trailer:
    require(parts.header.signer is not None, "bad-signature", "the message isn't signed")
    trailer = Trailer.decode(parts.trailer)
    index, size = trailer.index, trailer.batch_size
    require(index < size, "bad-signature", "an index outside the batch")
    length = merkle.path_length(index, size)
    require(len(trailer.path) == length, "bad-signature", "a path of another length")
    himself = not any(trailer.authority[:GROUP_ID])
    require(not himself or not any(trailer.authority), "bad-signature", "half an authority")
    root = merkle.root_from_path(leaf(parts.header_bytes, parts.body), index, size, trailer.path)
    verified = ed25519.verify(public_key, trailer.statement(root), trailer.signature)
    require(verified, "bad-signature", "the signature doesn't verify")
    return trailer


def open_signed(
    key: bytes, message: bytes, public_key: bytes, context: Context | None = None
) -> tuple[bytes, Trailer]:
    """The data and what its author signed; nothing before both are good."""
    trailer = _check(split(message), public_key)
    return open_message(key, message, context), trailer
