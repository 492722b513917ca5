"""What a session's rules ask of groups (SPEC sections 12.3 step 4, 12.4 and 12.7).

The states are those of logs that were replayed (`of_logs`), or what a test makes up; without them,
a rule that needs a group is `unknown-group`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .errors import WardkeyError, require
from .group_replay import GroupLog
from .party import User


@dataclass(frozen=True)
class GroupState:
    hash: bytes
    members: frozenset[User]


@dataclass(frozen=True)
class Groups:
    """The states of each group, by sequence; and the fingerprint of its newest epoch's key."""

    states: dict[bytes, list[GroupState]] = field(default_factory=dict)
    keys: dict[bytes, bytes] = field(default_factory=dict)

    def state(self, group_id: bytes, sequence: int, expected: bytes) -> GroupState:
        known = self.states.get(group_id)
        if not known:
            raise WardkeyError("unknown-group", "no state of this group")
        require(sequence < len(known), "rollback", "a state beyond the group's log")
        found = known[sequence]
        require(found.hash == expected, "fork", "another state of the group")
        return found

    def newest(self, group_id: bytes) -> GroupState:
        known = self.states.get(group_id)
        if not known:
            raise WardkeyError("unknown-group", "no state of this group")
        return known[-1]


def of_logs(logs: Iterable[GroupLog]) -> Groups:
    groups = Groups()
    for log in logs:
        states = [GroupState(state.hash, frozenset(state.members)) for state in log.states]
        groups.states[log.group_id] = states
        groups.keys[log.group_id] = log.epochs[-1].public_key.fingerprint
    return groups


NO_GROUPS = Groups()
