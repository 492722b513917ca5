"""Opening a session: the keys of all its generations (SPEC sections 12.6 and 12.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest

from . import cobblestone, confirmed, derive, rights, wraps
from .action import Assignment, Revoke, RevokeAll
from .errors import Code, WardkeyError, require
from .groups import Groups
from .party import Group, Party
from .private_key import KeyPair
from .replay import Log
from .wraps import Place, Stanzas


@dataclass(frozen=True)
class Session:
    """A session that was opened."""

    log: Log
    stanzas: dict[int, Stanzas]
    keys: tuple[bytes, ...]
    """By generation, from 0 to the newest one that could be opened."""

    def generation_of(self, key_id: bytes) -> int:
        for number, key in enumerate(self.keys):
            if derive.key_id(key) == key_id:
                return number
        raise WardkeyError("not-a-recipient", "no key with this id")


def _check_reader(log: Log, parties: Sequence[Party]) -> None:
    """Step 2."""

    def reads(state_number: int) -> bool:
        held = log.states[state_number].rights
        return any(rights.has(held, one, rights.READ) for one in parties)

    if not reads(log.sequence):
        was = any(reads(sequence) for sequence in range(log.sequence))
        code: Code = "revoked" if was else "not-a-recipient"
        raise WardkeyError(code, "no party of this client is a reader")


def _find_stanza(stanzas: dict[int, Stanzas], parties: Sequence[Party]) -> tuple[int, Place, bytes]:
    """Step 3: the newest generation with a stanza, the user's own before those of his groups."""
    for number in sorted(stanzas, reverse=True):
        found = [stanzas[number].by_party[p] for p in parties if p in stanzas[number].by_party]
        if not found:
            continue
        for place, body in found:
            if body is not None:
                return number, place, body
        raise WardkeyError("bad-signature", "only null in the stanza's place")
    raise WardkeyError("not-a-recipient", "no stanza for a party of this client")


def _unwrap(
    session_id: bytes,
    number: int,
    named: Stanzas,
    place: Place,
    body: bytes,
    key_pairs: Sequence[KeyPair],
) -> bytes:
    context = wraps.stanza_context(session_id, number)
    return wraps.unwrap(place, body, named.key_id, named.key_commitment, context, key_pairs)


def _key_before(session_id: bytes, number: int, key: bytes, stanzas: dict[int, Stanzas]) -> bytes:
    """Step 4: the key of the generation before `number`."""
    before, sealed = stanzas[number - 1], stanzas[number].previous
    assert sealed is not None, "verified with the wraps"
    bound = wraps.previous_key_context(session_id, number, before.key_commitment)
    opened = cobblestone.open_body(key, bound, sealed)
    named = compare_digest(derive.key_id(opened), before.key_id)
    committed = compare_digest(derive.key_commitment(opened), before.key_commitment)
    require(named and committed, "key-mismatch", "another key than that of the generation")
    return opened


def open_session(
    log: Log,
    objects: Sequence[bytes],
    parties: Sequence[Party],
    key_pairs: Sequence[KeyPair],
    minimum: int = 1,
) -> Session:
    """`parties`: the client's user, then his groups; `key_pairs`: all of his, and those of the
    groups' epochs that he opened."""
    stanzas = wraps.verify_all(log, objects, minimum)
    _check_reader(log, parties)
    number, place, body = _find_stanza(stanzas, parties)
    keys = [_unwrap(log.session_id, number, stanzas[number], place, body, key_pairs)]
    for above in range(number, 0, -1):
        keys.append(_key_before(log.session_id, above, keys[-1], stanzas))
    return Session(log, stanzas, tuple(reversed(keys)))


def _is_outdated(place: Place, groups: Groups) -> bool:
    """Whether the stanza is for another key of a group than that of the newest epoch known."""
    if not isinstance(place.party, Group):
        return False
    newest = groups.keys.get(place.party.group_id)
    return newest is not None and place.key_fingerprint != newest


def generation_is_due(log: Log, stanzas: dict[int, Stanzas]) -> bool:
    """Whether a new generation has to be made before a message (SPEC section 12.7)."""
    newest = log.state.generation
    wrapped_for = stanzas[newest.number].by_party
    if not wrapped_for.keys() <= confirmed.wrapped_readers(log):
        return True
    if any(_is_outdated(place, log.groups) for place, _ in wrapped_for.values()):
        return True
    later = [replayed.payload.action for replayed in log.entries[newest.sequence :]]
    if any(isinstance(action, Revoke | RevokeAll | Assignment) for action in later):
        return True
    return newest.sequence > 0 and not confirmed.confirmed(log)[newest.sequence - 1]
