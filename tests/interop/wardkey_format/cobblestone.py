"""Cobblestone-256, the chunked encryption under everything (SPEC section 3)."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from .errors import WardkeyError, require
from .randomness import draw

PREFIX = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
SALT = 24
COMMITMENT = 32
START = SALT + COMMITMENT
TAG = 16
CHUNK = 16_384
SEALED_CHUNK = CHUNK + TAG
SHORTEST = START + TAG
MAX_CHUNKS = 2**38


class Keys(NamedTuple):
    """What the input key, the salt and the context give."""

    key: bytes
    base_nonce: bytes
    commitment: bytes

    def nonce(self, chunk_number: int) -> bytes:
        number = int.from_bytes(self.base_nonce, "big") ^ chunk_number
        return number.to_bytes(12, "big")


def derive(input_key: bytes, salt: bytes, context: bytes) -> Keys:
    require(len(input_key) == 32, "invalid-argument", "a key isn't 32 bytes")
    derived = HKDFExpand(hashes.SHA512(), 76, PREFIX + salt + context).derive(input_key)
    return Keys(derived[:32], derived[32:44], derived[44:])


def body_length(plaintext_length: int) -> int:
    """The length of the body of a plaintext; over 2³⁸ chunks it is `limit`."""
    chunks = plaintext_length // CHUNK + 1
    require(chunks <= MAX_CHUNKS, "limit", "too many chunks")
    return START + plaintext_length + TAG * chunks


def check_body_length(length: int) -> None:
    """A length that no plaintext gives is `truncated`."""
    possible = length >= SHORTEST and (length - START) % SEALED_CHUNK >= TAG
    require(possible, "truncated", "no body has this length")
    require((length - START) // SEALED_CHUNK < MAX_CHUNKS, "limit", "too many chunks")


def sealed_chunks(body: bytes) -> Iterator[bytes]:
    """The chunks of a body, each with its tag."""
    for start in range(START, len(body), SEALED_CHUNK):
        yield body[start : start + SEALED_CHUNK]


def seal(input_key: bytes, context: bytes, plaintext: bytes, salt: bytes | None = None) -> bytes:
    """`seal(K, C, plaintext)`. Only a check that makes known bytes again gives the salt."""
    if salt is None:
        salt = draw(SALT)
    keys = derive(input_key, salt, context)
    cipher = AESGCM(keys.key)
    body = [salt, keys.commitment]
    for number, start in enumerate(range(0, len(plaintext) + 1, CHUNK)):
        chunk = plaintext[start : start + CHUNK]
        body.append(cipher.encrypt(keys.nonce(number), chunk, None))
    # A multiple of the chunk size ends the loop with the empty last chunk.
    sealed = b"".join(body)
    assert len(sealed) == body_length(len(plaintext))
    return sealed


def open_body(input_key: bytes, context: bytes, body: bytes) -> bytes:
    """The plaintext of a body, given out only when every chunk was verified."""
    check_body_length(len(body))
    keys = derive(input_key, body[:SALT], context)
    if not hmac.compare_digest(keys.commitment, body[SALT:START]):
        raise WardkeyError("decryption-failed", "another key, context or commitment")
    cipher = AESGCM(keys.key)
    try:
        return b"".join(
            cipher.decrypt(keys.nonce(number), chunk, None)
            for number, chunk in enumerate(sealed_chunks(body))
        )
    except InvalidTag as failure:
        raise WardkeyError("decryption-failed", "a chunk doesn't verify") from failure
