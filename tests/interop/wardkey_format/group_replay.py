"""Replaying a group's log (SPEC section 12.10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from . import group_genesis, operation
from .directory import Directory
from .epoch import Epoch
from .errors import require
from .group_genesis import GroupGenesis
from .identity import Identity
from .member import ADMIN, RoleByMember
from .operation import Add, GiveRoles, GroupAction, Operation, Remove, Rotate
from .party import Party

MAX_OPERATIONS = 10_000
MAX_MEMBERS = 10_000


@dataclass(frozen=True)
class GroupState:
    """After an operation."""

    hash: bytes
    """Of the operation."""
    members: RoleByMember
    epoch: int
    """The newest."""

    def is_admin(self, one: Party | None) -> bool:
        return any(one == named and role == ADMIN for named, role in self.members.items())


@dataclass(frozen=True)
class ReplayedOperation:
    """A verified operation, and who signed it."""

    payload: Operation
    signer: Identity


@dataclass
class GroupLog:
    """A log that was replayed."""

    group_id: bytes
    genesis: GroupGenesis
    creator: Identity
    epochs: list[Epoch]
    operations: list[ReplayedOperation] = field(default_factory=list)
    states: list[GroupState] = field(default_factory=list)
    """By sequence; 0 is after the genesis."""

    @property
    def sequence(self) -> int:
        """Of the newest operation."""
        return len(self.operations)

    @property
    def state(self) -> GroupState:
        return self.states[-1]

    def action_at(self, sequence: int) -> GroupAction | None:
        """None for the genesis."""
        return self.operations[sequence - 1].payload.action if sequence else None

    def signer_at(self, sequence: int) -> tuple[bytes, Identity]:
        """The hash of the bundle that signed there, and its identity."""
        if not sequence:
            return self.genesis.creator, self.creator
        replayed = self.operations[sequence - 1]
        return replayed.payload.signer, replayed.signer

    def signed(self) -> list[tuple[int, Identity]]:
        """The times of the genesis and of all operations, with their signers."""
        first = (self.genesis.time, self.creator)
        return [first, *((one.payload.time, one.signer) for one in self.operations)]


def _after(members: RoleByMember, action: GroupAction, signer: Party | None) -> RoleByMember:
    """Step 5: the members after an operation that was allowed."""
    after = dict(members)
    match action:
        case Add(roles):
            names = {one.user_id for one in members}
            fresh = all(one.user_id not in names for one, _ in roles)
            require(fresh, "forbidden", "a member's user id")
            after.update(roles)
        case Remove(removed):
            require(signer not in removed, "forbidden", "who begins the epoch is removed")
            for one in removed:
                require(one in members, "forbidden", "who isn't a member is removed")
                del after[one]
        case GiveRoles(roles):
            for one, role in roles:
                other = one in members and members[one] != role
                require(other, "forbidden", "not a member with the other role")
                after[one] = role
        case Rotate():
            pass
    require(ADMIN in after.values(), "forbidden", "no admin is left")
    require(len(after) <= MAX_MEMBERS, "forbidden", "over 10,000 members")
    return after


class _Replaying:
    def __init__(self, directory: Directory, minimum: int) -> None:
        self._directory = directory
        self._minimum = minimum
        self._versions: dict[bytes, int] = {}

    def _check_version(self, signer: Identity, bundle_hash: bytes) -> None:
        """Step 3."""
        version = signer.version_of(bundle_hash) or 0
        highest = self._versions.get(signer.fingerprint, 0)
        require(version >= highest, "rollback", "an older bundle than in an operation before")
        self._versions[signer.fingerprint] = version

    def first(self, group_id: bytes, data: bytes) -> GroupLog:
        """Step 1."""
        signed = group_genesis.read(data, self._minimum)
        require(signed.hash == group_id, "key-mismatch", "the genesis of another group")
        payload = signed.payload
        same = payload.app_id == self._directory.app_id
        require(same, "key-mismatch", "a group of another app")
        creator = self._directory.find(payload.creator)
        signed.verify(creator.signing_key(payload.creator))
        state = GroupState(signed.hash, dict(payload.roles), 0)
        require(state.is_admin(creator.party), "forbidden", "a creator who isn't an admin")
        self._check_version(creator, payload.creator)
        return GroupLog(group_id, payload, creator, [payload.epoch], [], [state])

    def append(self, log: GroupLog, data: bytes) -> None:
        """Steps 2 to 6."""
        signed = operation.read(data, self._minimum)
        payload = signed.payload
        require(payload.group_id == log.group_id, "key-mismatch", "of another group")
        place = (payload.sequence, payload.previous)
        follows = place == (log.sequence + 1, log.state.hash)
        require(follows, "bad-signature", "not the sequence and hash that follow")
        signer = self._directory.find(payload.signer)
        signed.verify(signer.signing_key(payload.signer))
        self._check_version(signer, payload.signer)
        require(log.state.is_admin(signer.party), "forbidden", "the signer is no admin")
        members = _after(log.state.members, payload.action, signer.party)
        if isinstance(payload.action, Remove | Rotate):
            log.epochs.append(payload.action.epoch)
        log.states.append(GroupState(signed.hash, members, len(log.epochs) - 1))
        log.operations.append(ReplayedOperation(payload, signer))


def replay(
    group_id: bytes,
    genesis_object: bytes,
    operations: Sequence[bytes],
    directory: Directory,
    *,
    seen: Mapping[int, bytes] | None = None,
    minimum: int = 1,
) -> GroupLog:
    """The log of the group asked for. `seen`: hashes of operations that were seen before."""
    require(len(operations) <= MAX_OPERATIONS, "limit", "over 10,000 operations")
    replaying = _Replaying(directory, minimum)
    log = replaying.first(group_id, genesis_object)
    for data in operations:
        replaying.append(log, data)
    for sequence, expected in (seen or {}).items():  # step 7
        require(sequence <= log.sequence, "rollback", "a shorter log than one seen before")
        same = log.states[sequence].hash == expected
        require(same, "fork", "another operation than one seen before")
    return log
