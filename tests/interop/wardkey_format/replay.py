"""Replaying a session's log (SPEC section 12.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from . import entry, genesis, rights
from .action import Assignment, Generation, Grant, Revoke, RevokeAll
from .directory import Directory
from .entry import Authority, Entry
from .errors import WardkeyError, require
from .genesis import Genesis
from .groups import NO_GROUPS, Groups
from .identity import Identity
from .party import Group, Party
from .rights import ALL, FORWARD, MANAGE, READ, REVOKE, RightsByParty
from .signed import Signed

MAX_ENTRIES = 10_000


@dataclass(frozen=True)
class NewestGeneration:
    number: int
    key_commitment: bytes
    sequence: int
    """Of its entry; 0: the genesis."""


@dataclass(frozen=True)
class SessionState:
    """After an entry."""

    rights: RightsByParty
    generation: NewestGeneration


@dataclass(frozen=True)
class Replayed:
    """A verified entry, and for whom it was signed."""

    payload: Entry
    hash: bytes
    signer: Identity
    party: Party | None
    """The authority's party; None: the key server."""


@dataclass
class Log:
    """A log that was replayed."""

    session_id: bytes
    genesis: Genesis
    creator: Identity
    entries: list[Replayed] = field(default_factory=list)
    states: list[SessionState] = field(default_factory=list)
    """By sequence; 0 is after the genesis."""
    groups: Groups = NO_GROUPS

    @property
    def sequence(self) -> int:
        """Of the newest entry."""
        return len(self.entries)

    @property
    def state(self) -> SessionState:
        return self.states[-1]

    def hash_at(self, sequence: int) -> bytes:
        return self.entries[sequence - 1].hash if sequence else self.session_id

    def entry_at(self, sequence: int) -> Replayed | None:
        """None for the genesis."""
        return self.entries[sequence - 1] if sequence else None

    def signer_key_at(self, sequence: int) -> tuple[bytes, bytes]:
        """The hash of the bundle that signed there, and its signing key."""
        replayed = self.entry_at(sequence)
        if replayed is None:
            return self.genesis.creator, self.creator.signing_key(self.genesis.creator)
        return replayed.payload.signer, replayed.signer.signing_key(replayed.payload.signer)


def authority_party(signer: Identity, authority: Authority | None, groups: Groups) -> Party | None:
    """For whom the signer acts (step 4, without the comparison with entries before)."""
    if authority is None:
        return signer.party
    state = groups.state(authority.group_id, authority.sequence, authority.hash)
    member = signer.party in state.members
    require(member, "forbidden", "the signer is no member of the group")
    return Group(authority.group_id)


def lacks(state: SessionState, party: Party | None, payload: Entry) -> bool:
    """Whether P lacks a right that the table asks for (step 5)."""
    held = state.rights
    match payload.action:
        case Grant(given):
            asked_for = FORWARD
            for _, number in given:
                asked_for |= number
            return not rights.has(held, party, asked_for)
        case Revoke(parties):
            manager = any(rights.has(held, one, MANAGE) for one in parties)
            return not rights.has(held, party, REVOKE | MANAGE * manager)
        case RevokeAll():
            return not rights.has(held, party, MANAGE)
        case Generation():
            return not rights.has(held, party, READ)
        case Assignment():
            return False
    raise AssertionError("an unknown action")


def _check_others(state: SessionState, signer: Identity, payload: Entry) -> None:
    """The other conditions of the table."""
    match payload.action:
        case Revoke(parties):
            all_have = all(one in state.rights for one in parties)
            require(all_have, "forbidden", "a party that has no rights")
        case Generation(number):
            follows = number == state.generation.number + 1
            require(follows, "forbidden", "not the generation that follows")
        case Assignment(placeholder):
            is_key_server = signer.user_id is None
            same = signer.fingerprint == placeholder.escrow_fingerprint
            by_whom = is_key_server and same and payload.authority is None
            require(by_whom, "forbidden", "not by the placeholder's key server")
            has_rights = placeholder in state.rights
            require(has_rights, "forbidden", "the placeholder has no rights")


def after(state: SessionState, payload: Entry) -> SessionState:
    """What the entry does, its conditions being met."""
    held = dict(state.rights)
    match payload.action:
        case Grant(given):
            for one, number in given:
                held[one] = held.get(one, 0) | number
        case Revoke(parties):
            for one in parties:
                held.pop(one, None)
        case RevokeAll():
            held.clear()
        case Generation(number, commitment):
            return SessionState(held, NewestGeneration(number, commitment, payload.sequence))
        case Assignment(placeholder, group_id):
            moved = held.pop(placeholder, 0)
            if moved:
                group = Group(group_id)
                held[group] = held.get(group, 0) | moved
    assert all(rights.is_rights(number) and number <= ALL for number in held.values())
    return SessionState(held, state.generation)


@dataclass
class _Before:
    """What entries before say of their signers and groups."""

    versions: dict[bytes, int] = field(default_factory=dict)
    groups: dict[bytes, int] = field(default_factory=dict)

    def check_signer(self, signer: Identity, bundle_hash: bytes) -> None:
        version = signer.version_of(bundle_hash) or 0
        highest = self.versions.get(signer.fingerprint, 0)
        require(version >= highest, "rollback", "an older bundle than in an entry before")
        self.versions[signer.fingerprint] = version

    def check_authority(self, authority: Authority | None) -> None:
        if authority:
            highest = self.groups.get(authority.group_id, 0)
            rising = authority.sequence >= highest
            require(rising, "rollback", "an older state of the group than in an entry before")
            self.groups[authority.group_id] = authority.sequence


def _first(
    data: bytes, session_id: bytes, directory: Directory, minimum: int, groups: Groups
) -> Log:
    """Step 1."""
    signed: Signed[Genesis, None] = genesis.read(data, minimum)
    require(signed.hash == session_id, "key-mismatch", "the genesis of another session")
    payload = signed.payload
    require(payload.app_id == directory.app_id, "key-mismatch", "a session of another app")
    creator = directory.find(payload.creator)
    signed.verify(creator.signing_key(payload.creator))
    require(creator.user_id is not None, "forbidden", "a session by the key server")
    generation = NewestGeneration(0, payload.key_commitment, 0)
    state = SessionState(dict(payload.rights), generation)
    return Log(session_id, payload, creator, [], [state], groups)


def _append(log: Log, data: bytes, directory: Directory, minimum: int, before: _Before) -> None:
    """Steps 2 to 5."""
    signed = entry.read(data, minimum)
    payload = signed.payload
    same = payload.session_id == log.session_id
    require(same, "key-mismatch", "an entry of another session")
    place = (payload.sequence, payload.previous)
    follows = place == (log.sequence + 1, log.hash_at(log.sequence))
    require(follows, "bad-signature", "not the sequence and hash that follow")
    signer = directory.find(payload.signer)
    signed.verify(signer.signing_key(payload.signer))
    before.check_signer(signer, payload.signer)
    party = authority_party(signer, payload.authority, log.groups)
    before.check_authority(payload.authority)
    require(not lacks(log.state, party, payload), "forbidden", "a right is missing")
    _check_others(log.state, signer, payload)
    log.states.append(after(log.state, payload))
    log.entries.append(Replayed(payload, signed.hash, signer, party))


def replay(
    session_id: bytes,
    genesis_object: bytes,
    entries: Sequence[bytes],
    directory: Directory,
    *,
    seen: Mapping[int, bytes] | None = None,
    groups: Groups = NO_GROUPS,
    minimum: int = 1,
) -> Log:
    """The log of the session asked for. `seen`: hashes of entries that were seen before."""
    require(len(entries) <= MAX_ENTRIES, "limit", "over 10,000 entries")
    log = _first(genesis_object, session_id, directory, minimum, groups)
    before = _Before()
    before.check_signer(log.creator, log.genesis.creator)
    for data in entries:
        _append(log, data, directory, minimum, before)
    for sequence, expected in (seen or {}).items():  # step 6
        require(sequence <= log.sequence, "rollback", "a shorter log than one seen before")
        require(log.hash_at(sequence) == expected, "fork", "another entry than one seen before")
    return log


def compare(one: Log, other: Log) -> None:
    """Two verified logs of one session: one sequence has one entry."""
    if one.session_id != other.session_id:
        raise WardkeyError("key-mismatch", "logs of two sessions")
    common = min(one.sequence, other.sequence)
    for sequence in range(1, common + 1):
        same = one.hash_at(sequence) == other.hash_at(sequence)
        require(same, "fork", "two entries of one sequence")
