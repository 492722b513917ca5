"""The key server's journal of a user or a session (SPEC section 14.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from . import cbor, user_id
from .errors import require
from .identity import Identity
from .signed import HASH, KIB, Signed, without_rest

NO_ENTRY = bytes(HASH)

Subject = str | bytes
"""A user id or a session id."""


@dataclass(frozen=True)
class JournalEntry:
    subject: Subject
    sequence: int
    previous: bytes | None
    time: int
    actor: str | None
    action: str
    detail: dict[str, str]

    def cbor(self) -> cbor.Value:
        return {
            1: self.subject,
            2: self.sequence,
            3: self.previous,
            4: self.time,
            5: self.actor,
            6: self.action,
            7: self.detail,
        }

    def encode(self) -> bytes:
        return cbor.encode(self.cbor())

    @property
    def hash(self) -> bytes:
        return sha256(b"wardkey/v1/journal\x00" + self.encode()).digest()


@dataclass(frozen=True)
class Head:
    subject: Subject
    sequence: int
    hash: bytes
    time: int
    signer: bytes

    def cbor(self) -> cbor.Value:
        return {1: self.subject, 2: self.sequence, 3: self.hash, 4: self.time, 5: self.signer}


def _read_subject(reader: cbor.Reader) -> Subject:
    if reader.next_is(cbor.BYTES):
        return reader.bytes(HASH)
    name = reader.text()
    user_id.check(name, "invalid-format")
    return name


def read_entry(data: bytes) -> JournalEntry:
    reader = cbor.Reader(data)
    reader.map(7)
    reader.key(1)
    subject = _read_subject(reader)
    reader.key(2)
    sequence = reader.unsigned()
    require(sequence >= 1, "invalid-format", "sequence 0")
    reader.key(3)
    previous = None if reader.null() else reader.bytes(HASH)
    first = sequence == 1
    require((previous is None) == first, "invalid-format", "null is for sequence 1")
    reader.key(4)
    time = reader.unsigned()
    reader.key(5)
    actor = None if reader.null() else reader.text()
    if actor is not None:
        user_id.check(actor, "invalid-format")
    reader.key(6)
    action = reader.text()
    reader.key(7)
    detail: dict[str, str] = {}
    for _ in range(reader.entries()):
        name = reader.text()
        detail[name] = reader.text()
    entry = JournalEntry(subject, sequence, previous, time, actor, action, detail)
    reader.finish(entry.cbor())
    return entry


def _read_head(reader: cbor.Reader) -> Head:
    reader.map(5)
    reader.key(1)
    subject = _read_subject(reader)
    reader.key(2)
    sequence = reader.unsigned()
    reader.key(3)
    entry_hash = reader.bytes(HASH)
    empty = sequence == 0
    require(not empty or entry_hash == NO_ENTRY, "invalid-format", "the hash of no entry")
    reader.key(4)
    time = reader.unsigned()
    reader.key(5)
    return Head(subject, sequence, entry_hash, time, reader.bytes(HASH))


HEAD = without_rest("journal-head", 8 * KIB, _read_head, Head.cbor)


def _check_chain(entries: Sequence[JournalEntry], head: Head) -> None:
    for one, following in pairwise(entries):
        follows = (following.sequence, following.previous) == (one.sequence + 1, one.hash)
        require(follows, "bad-signature", "not the sequence and hash that follow")
        require(following.time >= one.time, "bad-signature", "a time before the one before")
    if entries:
        last = entries[-1]
        named = (last.sequence, last.hash)
        require(named == (head.sequence, head.hash), "bad-signature", "not the head's entry")


def verify(
    entries: Sequence[bytes],
    head: bytes,
    subject: Subject,
    key_server: Identity,
    *,
    after: int = 0,
    remembered: tuple[int, bytes] | None = None,
    minimum: int = 1,
) -> list[JournalEntry]:
    """The entries after `after`, all of them to the head. `remembered`: a sequence and its hash."""
    read = [read_entry(data) for data in entries]
    signed: Signed[Head, None] = HEAD.read(head, minimum)
    newest = signed.payload
    for one in [*read, newest]:
        require(one.subject == subject, "key-mismatch", "the journal of another subject")

    require(not read or read[0].sequence == after + 1, "bad-signature", "a gap at the start")
    _check_chain(read, newest)
    if not read:
        require(newest.sequence <= after, "bad-signature", "entries that aren't there")
    signed.verify(key_server.signing_key(newest.signer))

    if remembered:
        _check_remembered(read, newest, *remembered)
    return read


def _check_remembered(
    entries: Sequence[JournalEntry], head: Head, sequence: int, expected: bytes
) -> None:
    require(head.sequence >= sequence, "rollback", "a head below one that is remembered")
    known = {head.sequence: head.hash}
    for entry in entries:
        known[entry.sequence] = entry.hash
        known[entry.sequence - 1] = entry.previous or NO_ENTRY
    same = known.get(sequence, expected) == expected
    require(same, "fork", "another entry than the one that is remembered")
