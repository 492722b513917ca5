"""Wraps: the key of a generation for its readers (SPEC section 12.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from . import base64url, cbor, confirmed, party, rights, wrap
from .action import Assignment, Generation, Grant
from .errors import WardkeyError, require
from .party import Group, Party
from .private_key import KeyPair
from .replay import Log
from .signed import HASH, MIB, Form, Signed
from .suite import Suite

KEY_ID = 16
SEALED_KEY = 104
SUITES = frozenset({Suite.HYBRID, Suite.RSA_3072, Suite.RSA_4096})


@dataclass(frozen=True)
class Place:
    """For whom a stanza is; its body stands elsewhere, or was left out."""

    party: Party
    key_fingerprint: bytes
    suite: Suite
    body_hash: bytes

    def cbor(self) -> list[cbor.Value]:
        return [self.party.cbor(), self.key_fingerprint, self.suite, self.body_hash]


@dataclass(frozen=True)
class Wraps:
    session_id: bytes
    sequence: int
    generation: int
    key_id: bytes
    key_commitment: bytes
    previous: bytes | None
    signer: bytes
    places: tuple[Place, ...]

    def cbor(self) -> cbor.Value:
        return {
            1: self.session_id,
            2: self.sequence,
            3: self.generation,
            4: self.key_id,
            5: self.key_commitment,
            6: self.previous,
            7: self.signer,
            8: [place.cbor() for place in self.places],
        }


Bodies = tuple[bytes | None, ...]


def _read_place(reader: cbor.Reader) -> Place:
    reader.array(4)
    named, fingerprint, number = party.read(reader), reader.bytes(HASH), reader.unsigned()
    require(number in SUITES, "invalid-format", "not a suite of wraps")
    return Place(named, fingerprint, Suite(number), reader.bytes(HASH))


def read_places(reader: cbor.Reader) -> tuple[Place, ...]:
    places = tuple(_read_place(reader) for _ in range(party.read_count(reader)))
    party.check_sorted([place.party for place in places])
    return places


def _read_payload(reader: cbor.Reader) -> Wraps:
    reader.map(8)
    reader.key(1)
    session_id = reader.bytes(HASH)
    reader.key(2)
    sequence = reader.unsigned()
    reader.key(3)
    generation = reader.unsigned()
    reader.key(4)
    key_id = reader.bytes(KEY_ID)
    reader.key(5)
    commitment = reader.bytes(32)
    reader.key(6)
    previous = None if reader.null() else reader.bytes(SEALED_KEY)
    reader.key(7)
    signer = reader.bytes(HASH)
    reader.key(8)
    places = read_places(reader)
    return Wraps(session_id, sequence, generation, key_id, commitment, previous, signer, places)


def read_bodies(reader: cbor.Reader) -> Bodies:
    return tuple(None if reader.null() else reader.bytes() for _ in range(reader.array()))


FORM: Form[Wraps, Bodies] = Form(
    "wraps", 16 * MIB, _read_payload, Wraps.cbor, 1, read_bodies, lambda bodies: [bodies]
)


def read(data: bytes, minimum: int = 1) -> Signed[Wraps, Bodies]:
    signed = FORM.read(data, minimum)
    check_bodies(signed.payload.places, signed.rest)
    return signed


def check_bodies(places: Sequence[Place], bodies: Bodies) -> None:
    require(len(bodies) == len(places), "invalid-format", "not a place for each stanza")
    for place, body in zip(places, bodies, strict=True):
        fits = body is None or len(body) == wrap.BODY_LENGTH[place.suite]
        require(fits, "invalid-format", "a body not of its suite's length")


def unwrap(
    place: Place,
    body: bytes,
    key_id: bytes,
    key_commitment: bytes,
    context: dict[str, str],
    key_pairs: Sequence[KeyPair],
) -> bytes:
    """The key in a stanza (section 12.6 step 3)."""
    pair = next((p for p in key_pairs if p.public_key.fingerprint == place.key_fingerprint), None)
    if pair is None:
        raise WardkeyError("not-a-recipient", "no private key for the stanza")
    stanza = wrap.Stanza(place.suite, place.key_fingerprint, body)
    wrapped = wrap.WrapSet(key_id, key_commitment, (stanza,))
    return wrap.unwrap(wrapped.encode(), pair, context)


def stanza_context(session_id: bytes, generation: int) -> dict[str, str]:
    return {"session": base64url.encode(session_id), "generation": str(generation)}


def previous_key_context(session_id: bytes, generation: int, previous_commitment: bytes) -> bytes:
    """Under which the key of generation n − 1 is sealed for n."""
    label = "wardkey/v1/previous-key"
    return cbor.encode([label, session_id, generation - 1, generation, previous_commitment])


@dataclass
class Stanzas:
    """All stanzas of a generation, from all its wraps objects."""

    key_id: bytes
    key_commitment: bytes
    previous: bytes | None
    by_party: dict[Party, tuple[Place, bytes | None]]


def wanted(log: Log, sequence: int, have: set[Party]) -> set[Party]:
    """The parties of the wraps object of a genesis, grant or assignment, if it has one. `have`:
    those with a stanza of the newest generation before it."""
    replayed = log.entry_at(sequence)
    if replayed is None:
        return rights.readers(log.states[0].rights)
    match replayed.payload.action:
        case Grant(given):
            return {one for one, number in given if number & rights.READ} - have
        case Assignment(placeholder, group_id):
            read = rights.has(log.states[sequence - 1].rights, placeholder, rights.READ)
            return {Group(group_id)} - have if read else set()
    return set()


class _Verifying:
    """Verifies the wraps objects of a log in the order of their entries."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.generations: dict[int, Stanzas] = {}
        self.last = -1
        """The last sequence that was looked at."""
        self.least = confirmed.confirmed_states(log, confirmed.without_groups(log))

    def _have(self, sequence: int) -> set[Party]:
        """Who has a stanza of the newest generation so far."""
        known = self.generations.get(self.log.states[sequence].generation.number)
        return set(known.by_party) if known else set()

    def pass_over(self, end: int) -> None:
        """No entry before `end` that wasn't looked at yet has wraps."""
        for sequence in range(self.last + 1, end):
            replayed = self.log.entry_at(sequence)
            generation = replayed and isinstance(replayed.payload.action, Generation)
            missing = generation or wanted(self.log, sequence, self._have(sequence))
            require(not missing, "bad-signature", "wraps that aren't there")
            self.last = sequence

    def _check_place(self, payload: Wraps) -> None:
        """Step 1."""
        log, sequence = self.log, payload.sequence
        same = payload.session_id == log.session_id
        require(same, "key-mismatch", "wraps of another session")
        require(sequence <= log.sequence, "bad-signature", "of an entry that isn't in the log")
        replayed = log.entry_at(sequence)
        action = replayed.payload.action if replayed else None
        has_wraps = action is None or isinstance(action, Grant | Generation | Assignment)
        require(has_wraps, "bad-signature", "of an entry that has no wraps")
        right = (payload.previous is not None) == isinstance(action, Generation)
        require(right, "bad-signature", "the key before belongs to a generation")
        require(sequence != self.last, "bad-signature", "a second one of this entry")

    def _check_parties(self, payload: Wraps) -> None:
        """Step 4, but for the key id."""
        log, sequence = self.log, payload.sequence
        have = self._have(sequence)
        found = {place.party for place in payload.places}
        if payload.previous is not None:
            readers = rights.readers(log.states[sequence].rights)
            at_least = readers & rights.readers(self.least[sequence].rights)
            require(found <= readers, "bad-signature", "a stanza for who isn't a reader")
            require(found >= at_least, "bad-signature", "no stanza for a reader")
        else:
            exactly = found == wanted(log, sequence, have)
            require(exactly, "bad-signature", "not the parties that it is for")
        require(not found & have, "bad-signature", "a second stanza of a party")

    def _signing_key(self, payload: Wraps) -> bytes:
        """Step 2: the entry's signer's; of a genesis, also that of a later bundle of the creator."""
        signer, signing_key = self.log.signer_key_at(payload.sequence)
        if payload.signer == signer:
            return signing_key
        creator = self.log.creator
        first, later = creator.version_of(signer), creator.version_of(payload.signer)
        is_later = payload.sequence == 0 and first and later and later > first
        require(bool(is_later), "bad-signature", "not by the entry's signer")
        return creator.signing_key(payload.signer)

    def add(self, signed: Signed[Wraps, Bodies]) -> None:
        payload, sequence = signed.payload, signed.payload.sequence
        self._check_place(payload)
        self.pass_over(sequence)
        self.last = sequence

        signed.verify(self._signing_key(payload))

        newest = self.log.states[sequence].generation
        named = (payload.generation, payload.key_commitment)
        expected = (newest.number, newest.key_commitment)
        require(named == expected, "key-mismatch", "another generation than the newest")

        self._check_parties(payload)
        stanzas = self.generations.setdefault(
            payload.generation,
            Stanzas(payload.key_id, payload.key_commitment, payload.previous, {}),
        )
        require(stanzas.key_id == payload.key_id, "key-mismatch", "another key id")
        for place, body in zip(payload.places, signed.rest, strict=True):
            good = body is None or sha256(body).digest() == place.body_hash
            require(good, "bad-signature", "another body than the one signed for")
            stanzas.by_party[place.party] = (place, body)


def verify_all(log: Log, objects: Sequence[bytes], minimum: int = 1) -> dict[int, Stanzas]:
    """The stanzas by generation; all wraps that belong to the log's entries have to be there."""
    signed_ones = [read(data, minimum) for data in objects]
    verifying = _Verifying(log)
    for signed in sorted(signed_ones, key=lambda signed: signed.payload.sequence):
        verifying.add(signed)
    verifying.pass_over(log.sequence + 1)
    return verifying.generations
