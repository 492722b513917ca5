"""The key server's share: a wrap set, the share as its data key (SPEC sections 11.5, 11.6)."""

from __future__ import annotations

from . import base64url, wrap
from .private_key import KeyPair
from .public_key import PublicKey


def context(
    app_id: str, user_id: str, version: int, recovery_id: bytes | None = None
) -> dict[str, str]:
    """In a recovery the share is wrapped for the client, and its context names the recovery."""
    entries = {"app": app_id, "user": user_id, "version": str(version)}
    if recovery_id is not None:
        entries["recovery"] = base64url.encode(recovery_id)
    return entries


def wrap_share(share: bytes, recipient: PublicKey, bound: dict[str, str]) -> bytes:
    return wrap.wrap(share, [recipient], bound)


def open_share(wrapped: bytes, key_pair: KeyPair, bound: dict[str, str]) -> bytes:
    return wrap.unwrap(wrapped, key_pair, bound)
