"""Opening an account: which of its backups, and whether all fits together (SPEC section 11.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from . import backup, bundle, identity, pin, state
from .backup import Contents, Envelope, TwoManShares
from .errors import Code, WardkeyError, require
from .identity import Identity
from .pin import Pin
from .slow_key import Kdf
from .state import State

Next = Literal["nothing", "activate", "finish"]
"""What step 6 asks for."""


@dataclass(frozen=True)
class Stored:
    """What the key server has of an account."""

    active: bytes | None
    pending: bytes | None
    bundles: Sequence[bytes]
    """The own identity, as far as it is active."""
    renewal: bytes | None
    """What is pending with the pending backup."""
    key_server: Sequence[bytes]


@dataclass(frozen=True)
class Account:
    contents: Contents
    state: State
    version: int
    pending: bool
    """Whether it was the pending backup that opened."""
    identity: Identity
    own_pin: Pin
    key_server_pin: Pin
    next: Next


def _step_5(
    stored: Stored, envelope: Envelope, contents: Contents, pending: bool, escrow: bytes | None
) -> tuple[State, Identity, Pin, Pin]:
    app, user = envelope.app_id, envelope.user_id
    found = state.read(contents.state, user)
    bundles = [*stored.bundles]
    if pending and stored.renewal:
        bundles.append(stored.renewal)
    own = identity.verify(bundles, app, user, found.minimum)
    own_pin = pin.compare(own, found.pins[user])
    encryption = contents.keys[0].public_key == own.public_key
    signing = bool(contents.signing) and contents.signing[0].public == own.newest.signing_key
    require(encryption and signing, "key-mismatch", "the newest bundle's keys aren't the first")
    server = identity.verify(stored.key_server, app, None, found.minimum)
    return found, own, own_pin, pin.compare_key_server(server, found.key_server, escrow)


def _open(
    stored: Stored,
    envelopes: tuple[Envelope, Envelope | None],
    opener: Callable[[Envelope], Contents],
    failure_code: Code,
    remembered: int,
    escrow: bytes | None,
) -> Account:
    """Steps 3 to 6."""
    active, pending = envelopes
    by_pending = False
    envelope = active
    try:
        contents = opener(active)
    except WardkeyError as failure:
        if failure.code != failure_code or pending is None:
            raise
        by_pending, envelope = True, pending
        contents = opener(pending)
    newer = envelope.version >= remembered
    require(newer, "backup-rollback", "an older backup than remembered")
    checked = _step_5(stored, envelope, contents, by_pending, escrow)
    following: Next = "activate" if by_pending else "nothing"
    if pending and not by_pending and _opens(opener, pending):
        following = "finish"
    return Account(contents, checked[0], envelope.version, by_pending, *checked[1:], following)


def _opens(opener: Callable[[Envelope], Contents], envelope: Envelope) -> bool:
    try:
        opener(envelope)
    except WardkeyError:
        return False
    return True


def _envelopes(stored: Stored, app: str, user: str) -> tuple[Envelope, Envelope | None]:
    """Steps 1 and 2."""
    if stored.active is None:
        raise WardkeyError("no-backup", "no active backup")
    active = backup.read_asked_for(stored.active, app, user)
    pending = stored.pending and backup.read_asked_for(stored.pending, app, user)
    return active, pending or None


def open_off_line(
    copy: bytes, app: str, user: str, password: str, derived_with: Kdf, *, remembered: int = 0
) -> tuple[Contents, State, int]:
    """The copy on the device: the own keys are compared with the own pin, and all else waits. Says
    its version, too."""
    envelope = backup.read_asked_for(copy, app, user)
    require(envelope.kdf == derived_with, "kdf-policy", "another kdf than was derived with")
    slow = backup.slow_key_of(password, derived_with)
    contents = backup.open_with_slow_key(envelope, slow)
    require(envelope.version >= remembered, "backup-rollback", "an older backup")
    found = state.read(contents.state, user)
    _check_keys_by_pin(contents, app, user, found.pins[user])
    return contents, found, envelope.version


def _check_keys_by_pin(contents: Contents, app: str, user: str, own: Pin) -> None:
    """The bundles, made again from the private keys, are those of the pin: a bundle has no field
    that doesn't follow from app, user and keys."""
    hashes: list[bytes] = []
    pairs = zip(reversed(contents.keys), reversed(contents.signing), strict=False)
    for version, (key, signing) in enumerate(pairs, 1):
        previous = hashes[-1] if hashes else None
        encoded = key.public_key.encode()
        payload = bundle.Bundle(app, user, version, previous, encoded, signing.public)
        hashes.append(bundle.FORM.hash(bundle.FORM.encode_payload(payload)))
    same = (
        len(contents.keys) == len(contents.signing) == len(hashes)
        and hashes[0] == own.fingerprint
        and hashes[-1] == own.version_hash
    )
    require(same, "key-mismatch", "other keys than those of the pinned bundle")


def open_with_password(
    stored: Stored,
    app: str,
    user: str,
    password: str,
    derived_with: Kdf,
    *,
    remembered: int = 0,
    escrow_key: bytes | None = None,
) -> Account:
    envelopes = _envelopes(stored, app, user)
    for envelope in envelopes:
        same = envelope is None or envelope.kdf == derived_with
        require(same, "kdf-policy", "another kdf than the one that was derived with")
    slow = backup.slow_key_of(password, derived_with)

    def opener(envelope: Envelope) -> Contents:
        return backup.open_with_slow_key(envelope, slow)

    return _open(stored, envelopes, opener, "wrong-password", remembered, escrow_key)


def recover(
    stored: Stored,
    app: str,
    user: str,
    active_shares: TwoManShares,
    pending_shares: TwoManShares | None = None,
    *,
    remembered: int = 0,
    escrow_key: bytes | None = None,
) -> Account:
    """By two men (SPEC section 11.6, step 4). Each backup has its own share of the key server; the
    application's is the newest that it was given."""
    envelopes = _envelopes(stored, app, user)

    def opener(envelope: Envelope) -> Contents:
        shares = active_shares if envelope is envelopes[0] else pending_shares
        if shares is None:
            raise WardkeyError("decryption-failed", "no share for the pending backup")
        return backup.open_envelope_by_two_men(envelope, shares)

    account = _open(stored, envelopes, opener, "decryption-failed", remembered, escrow_key)
    return account
