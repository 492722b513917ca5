"""What a session's rules ask of groups (SPEC section 12.8).

Logs of groups have no format yet, so there is only what a test makes up; without it, a rule that
needs a group is `unknown-group`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import WardkeyError, require
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
        known = self.states.get(group_id, [])
        require(sequence < len(known), "unknown-group", "no state of this group")
        found = known[sequence]
        require(found.hash == expected, "fork", "another state of the group")
        return found

    def newest(self, group_id: bytes) -> GroupState:
        known = self.states.get(group_id)
        if not known:
            raise WardkeyError("unknown-group", "no state of this group")
        return known[-1]


NO_GROUPS = Groups()
