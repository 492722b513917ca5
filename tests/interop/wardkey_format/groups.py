"""What a session's rules ask of groups (SPEC sections 12.3 step 4 and 12.4).

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
    """The states of each group, by sequence."""

    states: dict[bytes, list[GroupState]] = field(default_factory=dict)

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
    states = {
        log.group_id: [GroupState(state.hash, frozenset(state.members)) for state in log.states]
        for log in logs
    }
    return Groups(states)


NO_GROUPS = Groups()
