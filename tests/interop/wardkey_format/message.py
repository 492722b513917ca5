"""Messages: header, body and where the trailer stands (SPEC section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from . import cbor, cobblestone, derive, framing, padding
from .context import Context, checked
from .errors import require

PADDED, SIGNED, IN_SESSION = 0x01, 0x02, 0x04
KNOWN_FLAGS = PADDED | SIGNED | IN_SESSION

KEY_ID = 16
SESSION_ID = 32
BUNDLE_HASH = 32
HASH = 32
MAX_PATH = 32
TRAILER_WITHOUT_PATH = 184


class SignerInHeader(NamedTuple):
    """What the header says of the signer."""

    bundle_hash: bytes
    path_length: int


@dataclass(frozen=True)
class Header:
    key_id: bytes
    padded: bool = False
    session_id: bytes | None = None
    signer: SignerInHeader | None = None

    def encode(self) -> bytes:
        in_session = self.session_id is not None
        flags = PADDED * self.padded | SIGNED * (self.signer is not None) | IN_SESSION * in_session
        content = bytes([flags]) + self.key_id + (self.session_id or b"")
        if self.signer:
            content += self.signer.bundle_hash + bytes([self.signer.path_length])
        return framing.frame(framing.MESSAGE, content)

    @property
    def length(self) -> int:
        """22, 54 or 87 bytes."""
        return len(self.encode())

    @property
    def trailer_length(self) -> int:
        return TRAILER_WITHOUT_PATH + HASH * self.signer.path_length if self.signer else 0

    @classmethod
    def read(cls, message: bytes) -> Header:
        """The header at the start of a message, checked in the order of SPEC section 4."""
        content = framing.unframe(framing.MESSAGE, message)
        require(len(content) > 0, "truncated", "nothing after the version")
        flags = content[0]
        require(flags & ~KNOWN_FLAGS == 0, "unsupported-version", f"flags {flags:#04x}")
        padded, signed, in_session = (bool(flags & flag) for flag in (PADDED, SIGNED, IN_SESSION))
        require(in_session or not signed, "invalid-format", "signed, but in no session")

        at = 1

        def take(length: int) -> bytes:
            nonlocal at
            require(len(content) >= at + length, "truncated", "the header is cut")
            at += length
            return content[at - length : at]

        key_id = take(KEY_ID)
        session_id = take(SESSION_ID) if in_session else None
        signer = SignerInHeader(take(BUNDLE_HASH), take(1)[0]) if signed else None
        if signer:
            require(signer.path_length <= MAX_PATH, "invalid-format", "a path over 32")
        return cls(key_id, padded, session_id, signer)


class Parts(NamedTuple):
    """A message taken apart; nothing of it is verified."""

    header: Header
    header_bytes: bytes
    body: bytes
    trailer: bytes


def split(message: bytes) -> Parts:
    header = Header.read(message)
    start, end = header.length, len(message) - header.trailer_length
    require(end >= start, "truncated", "less than a trailer after the header")
    cobblestone.check_body_length(end - start)
    return Parts(header, message[:start], message[start:end], message[end:])


def body_context(header_bytes: bytes, context: Context) -> bytes:
    """The context under which a body is sealed (SPEC section 4.1)."""
    return cbor.encode(["wardkey/v1/message", header_bytes, checked(context)])


def seal_with_header(
    key: bytes, header: Header, plaintext: bytes, context: Context, salt: bytes | None = None
) -> bytes:
    """Header ‖ body."""
    header_bytes = header.encode()
    data = padding.pad(plaintext) if header.padded else plaintext
    sealed = cobblestone.seal(key, body_context(header_bytes, context), data, salt)
    return header_bytes + sealed


def seal(
    key: bytes,
    plaintext: bytes,
    context: Context | None = None,
    *,
    padded: bool = False,
    session_id: bytes | None = None,
) -> bytes:
    """An unsigned message. Signed ones are made by `author.seal_batch`."""
    header = Header(derive.key_id(key), padded, session_id)
    return seal_with_header(key, header, plaintext, context or {})


def open_message(key: bytes, message: bytes, context: Context | None = None) -> bytes:
    """The data, as the holder of K alone opens it: that says nothing of the author."""
    parts = split(message)
    plaintext = cobblestone.open_body(
        key, body_context(parts.header_bytes, context or {}), parts.body
    )
    return padding.unpad(plaintext) if parts.header.padded else plaintext
