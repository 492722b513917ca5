"""Wrap sets: one data key for one or more public keys (SPEC section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest
from itertools import pairwise
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import padding

from . import cbor, derive, framing, x25519
from .context import Context, checked
from .errors import WardkeyError, require
from .private_key import KeyPair
from .public_key import PublicKey
from .suite import Suite

MAX_ENCODED = 16 * 1024 * 1024
MAX_STANZAS = 10_000
MAX_FOREIGN_BODY = 4_096
ENC_ML_KEM = 1_088
ENC = 1_120
BODY_LENGTH = {Suite.HYBRID: 1_168, Suite.RSA_2048: 256, Suite.RSA_3072: 384, Suite.RSA_4096: 512}

HYBRID = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class Stanza(NamedTuple):
    suite: int
    fingerprint: bytes
    body: bytes


class WrapSet(NamedTuple):
    key_id: bytes
    key_commitment: bytes
    stanzas: tuple[Stanza, ...]

    def _cbor(self) -> cbor.Value:
        stanzas: list[cbor.Value] = [list(stanza) for stanza in self.stanzas]
        return {1: self.key_id, 2: self.key_commitment, 3: stanzas}

    def encode(self) -> bytes:
        return framing.frame(framing.WRAP_SET, cbor.encode(self._cbor()))

    @classmethod
    def read(cls, data: bytes) -> WrapSet:
        require(len(data) <= MAX_ENCODED, "limit", "a wrap set over 16 MiB")
        reader = cbor.Reader(framing.unframe(framing.WRAP_SET, data))
        reader.map(3)
        reader.key(1)
        key_id = reader.bytes(16)
        reader.key(2)
        commitment = reader.bytes(32)
        reader.key(3)
        count = reader.array()
        require(1 <= count <= MAX_STANZAS, "invalid-format", "no stanza, or too many")
        wrap_set = cls(key_id, commitment, tuple(_read_stanza(reader) for _ in range(count)))
        reader.finish(wrap_set._cbor())
        rising = all(a.fingerprint < b.fingerprint for a, b in pairwise(wrap_set.stanzas))
        require(rising, "invalid-format", "stanzas not sorted, or a fingerprint twice")
        return wrap_set


def _read_stanza(reader: cbor.Reader) -> Stanza:
    reader.array(3)
    stanza = Stanza(reader.unsigned(), reader.bytes(32), reader.bytes())
    length = len(stanza.body)
    if stanza.suite in BODY_LENGTH:
        fits = length == BODY_LENGTH[Suite(stanza.suite)]
    else:
        fits = 1 <= length <= MAX_FOREIGN_BODY
    require(fits, "invalid-format", "a body not of its suite's length")
    return stanza


def _info(
    suite: int, fingerprint: bytes, key_id: bytes, commitment: bytes, context: Context
) -> bytes:
    bound: list[cbor.Value] = ["wardkey/v1/wrap", suite, fingerprint, key_id, commitment]
    bound.append(checked(context))
    return sha256(cbor.encode(bound)).digest()


def _oaep(label: bytes) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label)


def seal_stanza(
    key: bytes, recipient: PublicKey, key_id: bytes, commitment: bytes, context: Context
) -> Stanza:
    """The key for one recipient, bound to the names that it is given."""
    suite, fingerprint = recipient.suite, recipient.fingerprint
    info = _info(suite, fingerprint, key_id, commitment, context)
    if suite == Suite.HYBRID:
        body = HYBRID.encrypt(key, recipient.hpke, info)  # enc ‖ ct
    else:
        body = recipient.rsa.encrypt(key, _oaep(info))
    return Stanza(suite, fingerprint, body)


def wrap(
    key: bytes,
    recipients: Sequence[PublicKey],
    context: Context | None = None,
    *,
    allow_legacy: bool = False,
) -> bytes:
    """A wrap set of `key` for all recipients."""
    require(len(recipients) > 0, "invalid-argument", "no recipient")
    require(len(recipients) <= MAX_STANZAS, "limit", "too many recipients")
    legacy = any(recipient.suite == Suite.RSA_2048 for recipient in recipients)
    require(allow_legacy or not legacy, "key-policy", "rsa-2048 has to be allowed")
    twice = len(set(recipients)) < len(recipients)
    require(not twice, "invalid-argument", "a recipient twice")

    key_id, commitment = derive.key_id(key), derive.key_commitment(key)
    stanzas = [
        seal_stanza(key, recipient, key_id, commitment, context or {}) for recipient in recipients
    ]
    stanzas.sort(key=lambda stanza: stanza.fingerprint)
    return WrapSet(key_id, commitment, tuple(stanzas)).encode()


def _open_body(body: bytes, key_pair: KeyPair, info: bytes) -> bytes:
    """The key in a stanza; all failures look alike."""
    failed = "the stanza doesn't open"
    try:
        if key_pair.suite == Suite.HYBRID:
            low = x25519.is_low_order(body[ENC_ML_KEM:ENC])
            require(not low, "unwrap-failed", failed)
            key = HYBRID.decrypt(body, key_pair.hpke, info)
        else:
            key = key_pair.rsa.decrypt(body, _oaep(info))
    except (InvalidTag, ValueError) as failure:
        raise WardkeyError("unwrap-failed", failed) from failure
    require(len(key) == 32, "unwrap-failed", failed)
    return key


def unwrap(wrapped: bytes, key_pair: KeyPair, context: Context | None = None) -> bytes:
    """The data key, opened with the stanza of this key pair."""
    wrap_set = WrapSet.read(wrapped)
    fingerprint = key_pair.public_key.fingerprint
    stanza = next((s for s in wrap_set.stanzas if s.fingerprint == fingerprint), None)
    if stanza is None:
        raise WardkeyError("not-a-recipient", "no stanza for this key pair")
    require(stanza.suite == key_pair.suite, "unwrap-failed", "the stanza doesn't open")
    key_id, commitment = wrap_set.key_id, wrap_set.key_commitment
    info = _info(stanza.suite, fingerprint, key_id, commitment, context or {})
    key = _open_body(stanza.body, key_pair, info)
    named = compare_digest(derive.key_id(key), key_id)
    bound = compare_digest(derive.key_commitment(key), commitment)
    require(named and bound, "key-mismatch", "not the key that the wrap set names")
    return key
