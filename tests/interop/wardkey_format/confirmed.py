"""Confirmed entries, and who keys are wrapped for (SPEC section 12.4)."""

from __future__ import annotations

from collections.abc import Sequence

from . import replay, rights
from .action import Generation
from .party import Party
from .replay import Log, SessionState


def confirmed(log: Log) -> list[bool]:
    """Whether each entry is confirmed, by what the verifier knows of the groups."""
    result = [True] * log.sequence
    vouched: dict[bytes, set[Party]] = {}
    for at in reversed(range(log.sequence)):
        replayed = log.entries[at]
        authority = replayed.payload.authority
        if authority is None:
            continue
        known = vouched.setdefault(
            authority.group_id, set(log.groups.newest(authority.group_id).members)
        )
        result[at] = replayed.signer.party in known
        if result[at]:
            named = log.groups.state(authority.group_id, authority.sequence, authority.hash)
            known |= named.members
    return result


def without_groups(log: Log) -> list[bool]:
    """As if no entry with authority of a group were confirmed."""
    return [replayed.payload.authority is None for replayed in log.entries]


def confirmed_states(log: Log, counts: Sequence[bool]) -> list[SessionState]:
    """By sequence: the replay in which only entries that count have an effect."""
    states = [log.states[0]]
    for replayed, counting in zip(log.entries, counts, strict=True):
        state, payload = states[-1], replayed.payload
        always = isinstance(payload.action, Generation)
        effective = always or (counting and not replay.lacks(state, replayed.party, payload))
        states.append(replay.after(state, payload) if effective else state)
    return states


def wrapped_readers(log: Log) -> set[Party]:
    """Who a new generation is wrapped for."""
    state = confirmed_states(log, confirmed(log))[-1]
    return rights.readers(state.rights) & rights.readers(log.state.rights)


def unconfirmed(log: Log) -> set[Party]:
    """Who has rights by the full replay only."""
    state = confirmed_states(log, confirmed(log))[-1]
    return set(log.state.rights) - set(state.rights)
