"""Opening a session: the keys of all its generations (SPEC sections 12.6 and 12.7)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
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
    keys: dict[int, bytes]
    """By generation."""
    broken: dict[int, WardkeyError]
    """Why the key of a generation didn't open by that after it."""

    def why_closed(self, generation: int) -> WardkeyError | None:
        """What the nearest one, from itself up, ended in."""
        if generation in self.keys:
            return None
        return next((self.broken[n] for n in sorted(self.broken) if n >= generation), None)

    def generation_of(self, key_id: bytes) -> int:
        for number, stanzas in self.stanzas.items():
            if stanzas.key_id == key_id:
                if number in self.keys:
                    return number
                raise self.why_closed(number) or WardkeyError("not-a-recipient", "a later key")
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


def _stanzas_for(stanzas: Stanzas, parties: Sequence[Party]) -> list[tuple[Place, bytes | None]]:
    """The user's own before those of his groups."""
    return [stanzas.by_party[one] for one in parties if one in stanzas.by_party]


def _find_stanza(stanzas: dict[int, Stanzas], parties: Sequence[Party]) -> tuple[int, Place, bytes]:
    """Step 3: the newest generation with a stanza."""
    for number in sorted(stanzas, reverse=True):
        found = _stanzas_for(stanzas[number], parties)
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


class _Opening:
    """Steps 3 to 5."""

    def __init__(
        self,
        session_id: bytes,
        stanzas: dict[int, Stanzas],
        parties: Sequence[Party],
        key_pairs: Sequence[KeyPair],
    ) -> None:
        self.session_id = session_id
        self.stanzas = stanzas
        self.parties = parties
        self.key_pairs = key_pairs
        self.keys: dict[int, bytes] = {}
        self.broken: dict[int, WardkeyError] = {}

    def open_from(self, number: int, place: Place, body: bytes) -> None:
        """The stanza's generation, and those before down to where one doesn't open."""
        named = self.stanzas[number]
        key = _unwrap(self.session_id, number, named, place, body, self.key_pairs)
        self.keys[number] = key
        for above in range(number, 0, -1):
            try:
                key = _key_before(self.session_id, above, key, self.stanzas)
            except WardkeyError as error:
                self.broken[above - 1] = error
                return
            self.keys[above - 1] = key

    def open_all(self) -> None:
        newest, *first = _find_stanza(self.stanzas, self.parties)
        self.open_from(newest, *first)
        for number in range(newest - 1, -1, -1):
            if number in self.keys:
                continue
            found = _stanzas_for(self.stanzas[number], self.parties)
            given = [(place, body) for place, body in found if body is not None]
            if given:
                with suppress(WardkeyError):  # passed over
                    self.open_from(number, *given[0])


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
    opening = _Opening(log.session_id, stanzas, parties, key_pairs)
    opening.open_all()
    return Session(log, stanzas, opening.keys, opening.broken)


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
    if newest.sequence == 0:
        return False
    # Whoever makes a generation has its key.
    at, counts = newest.sequence - 1, confirmed.confirmed(log)
    before = confirmed.confirmed_states(log, counts)[at]
    return not (counts[at] and log.entries[at].party in rights.readers(before.rights))
