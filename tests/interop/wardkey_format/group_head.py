"""Heads: that a member knew this state at that time (SPEC section 12.12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import cbor
from .directory import Directory
from .errors import require
from .group_replay import GroupLog
from .identity import Identity
from .signed import HASH, KIB, Signed, without_rest

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True)
class GroupHead:
    group_id: bytes
    sequence: int
    hash: bytes
    time: int
    end: int
    signer: bytes

    def cbor(self) -> cbor.Value:
        return {
            1: self.group_id,
            2: self.sequence,
            3: self.hash,
            4: self.time,
            5: self.end,
            6: self.signer,
        }


def _read_payload(reader: cbor.Reader) -> GroupHead:
    reader.map(6)
    reader.key(1)
    group_id = reader.bytes(HASH)
    reader.key(2)
    sequence = reader.unsigned()
    reader.key(3)
    operation_hash = reader.bytes(HASH)
    reader.key(4)
    time = reader.unsigned()
    reader.key(5)
    end = reader.unsigned()
    require(end > time, "invalid-format", "an end that isn't after the time")
    reader.key(6)
    return GroupHead(group_id, sequence, operation_hash, time, end, reader.bytes(HASH))


FORM = without_rest("group-head", 8 * KIB, _read_payload, GroupHead.cbor)


@dataclass(frozen=True)
class Verified:
    """A verified head, and who signed it."""

    payload: GroupHead
    signer: Identity


def verify(log: GroupLog, data: bytes, directory: Directory, minimum: int = 1) -> Verified:
    signed: Signed[GroupHead, None] = FORM.read(data, minimum)
    payload = signed.payload
    require(payload.group_id == log.group_id, "key-mismatch", "a head of another group")
    require(payload.sequence <= log.sequence, "rollback", "a head of what isn't in the log")
    state = log.states[payload.sequence]
    require(payload.hash == state.hash, "fork", "a head of another operation")
    in_time = payload.end - payload.time <= log.genesis.head_hours * HOUR
    require(in_time, "forbidden", "an end too late")
    signer = directory.find(payload.signer)
    signed.verify(signer.signing_key(payload.signer))
    require(signer.party in state.members, "forbidden", "the signer is no member")
    return Verified(payload, signer)


def check_fresh(log: GroupLog, heads: Sequence[Verified], now: int) -> None:
    """`stale` unless the state is fresh; `heads` are whatever heads of the group are known."""
    newest = [head for head in heads if head.payload.sequence == log.sequence]
    good = any(
        head.payload.time <= now + 5 * MINUTE and now < head.payload.end for head in newest
    )
    require(good, "stale", "no head of the newest operation that is good")
    signed = [*log.signed(), *((head.payload.time, head.signer) for head in newest)]
    after = now - log.genesis.admin_days * DAY
    lately = [signer for time, signer in signed if after < time <= now + 5 * MINUTE]
    admin = any(log.state.is_admin(signer.party) for signer in lately)
    require(admin, "stale", "no admin has signed lately")
