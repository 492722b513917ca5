"""The log of a key server (SPEC section 14.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from . import cbor, merkle
from .errors import require
from .identity import Identity
from .journal import JournalEntry, Subject, read_entry
from .signed import HASH, KIB, Signed, without_rest

MAX_COUNT = 2**32 - 1

Place = tuple[int, bytes]
"""The number of a row, and its header's hash."""


@dataclass(frozen=True)
class RowHeader:
    number: int
    previous: bytes | None
    time: int
    count: int
    root: bytes
    signer: bytes

    def cbor(self) -> cbor.Value:
        return {
            1: self.number,
            2: self.previous,
            3: self.time,
            4: self.count,
            5: self.root,
            6: self.signer,
        }


def _read_header(reader: cbor.Reader) -> RowHeader:
    reader.map(6)
    reader.key(1)
    number = reader.unsigned()
    require(number >= 1, "invalid-format", "row 0")
    reader.key(2)
    previous = None if reader.null() else reader.bytes(HASH)
    require((previous is None) == (number == 1), "invalid-format", "null is for number 1")
    reader.key(3)
    time = reader.unsigned()
    reader.key(4)
    count = reader.unsigned()
    require(1 <= count <= MAX_COUNT, "invalid-format", "a row of no entries, or of too many")
    reader.key(5)
    root = reader.bytes(HASH)
    reader.key(6)
    return RowHeader(number, previous, time, count, root, reader.bytes(HASH))


HEADER = without_rest("journal-row", 8 * KIB, _read_header, RowHeader.cbor)


def entry_hash(entry: bytes) -> bytes:
    return sha256(b"wardkey/v1/journal\x00" + entry).digest()


def leaf(entry: bytes) -> bytes:
    return merkle.leaf_hash(entry_hash(entry))


def read_header(data: bytes, key_server: Identity, minimum: int = 1) -> Signed[RowHeader, None]:
    """A header whose signature is good."""
    header = HEADER.read(data, minimum)
    header.verify(key_server.signing_key(header.payload.signer))
    return header


class Log:
    """A log that is verified row by row."""

    def __init__(self, kept: Iterable[Place] = ()) -> None:
        self.kept: dict[int, bytes] = {}
        for number, header_hash in kept:
            known = self.kept.setdefault(number, header_hash)
            require(known == header_hash, "fork", "two headers of one number were kept")
        self.place: Place | None = None
        self.time = 0
        self.newest: dict[Subject, JournalEntry] = {}

    def take(self, header_bytes: bytes, entries: Sequence[bytes], key_server: Identity) -> None:
        header = read_header(header_bytes, key_server)
        says = header.payload
        kept = self.kept.get(says.number, header.hash)
        require(kept == header.hash, "fork", "another header than the one that was kept")
        before, previous = self.place or (0, None)
        follows = (says.number, says.previous) == (before + 1, previous)
        require(follows, "bad-signature", "a header that doesn't follow")
        require(says.time >= self.time, "bad-signature", "a time before the one before")
        require(len(entries) == says.count, "bad-signature", "another count")
        root = merkle.root([leaf(entry) for entry in entries])
        require(root == says.root, "bad-signature", "another root")
        for entry in entries:
            self._follow(read_entry(entry))
        self.place, self.time = (says.number, header.hash), says.time

    def _follow(self, entry: JournalEntry) -> None:
        last = self.newest.get(entry.subject)
        expected = (last.sequence + 1, last.hash) if last else (1, None)
        follows = (entry.sequence, entry.previous) == expected
        require(follows, "bad-signature", "not the sequence and hash that follow")
        rises = last is None or entry.time >= last.time
        require(rises, "bad-signature", "a time before the one before")
        self.newest[entry.subject] = entry

    def finish(self) -> Place | None:
        end = self.place[0] if self.place else 0
        require(max(self.kept, default=0) <= end, "rollback", "the log ends before")
        return self.place


@dataclass(frozen=True)
class Proof:
    header: bytes
    index: int
    path: tuple[bytes, ...]


def verify_proofs(proved: Sequence[tuple[bytes, Proof]], key_server: Identity) -> Place | None:
    """Entries that follow one another in a journal. Gives the newest row's place."""
    place: Place | None = None
    last = (0, 0)
    for entry, proof in proved:
        header = HEADER.read(proof.header)
        says = header.payload
        in_row = proof.index < says.count
        require(in_row, "bad-signature", "an index beyond the row")
        length = merkle.path_length(proof.index, says.count)
        require(len(proof.path) == length, "bad-signature", "a path of another length")
        root = merkle.root_from_path(leaf(entry), proof.index, says.count, proof.path)
        require(root == says.root, "bad-signature", "another root")
        header.verify(key_server.signing_key(says.signer))
        if place and place[0] == says.number:
            require(place[1] == header.hash, "fork", "two rows of one number")
        at = (says.number, proof.index)
        require(place is None or at > last, "bad-signature", "rows in another order")
        place, last = (says.number, header.hash), at
    return place
