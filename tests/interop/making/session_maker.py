"""Writes a session as its members do, or as nobody should: any entry by anyone, any wraps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from wardkey_format import author, cbor, cobblestone, derive, entry, genesis, party, wrap, wraps
from wardkey_format.action import Action, Generation
from wardkey_format.entry import Authority, Entry
from wardkey_format.genesis import Genesis
from wardkey_format.party import Party
from wardkey_format.private_key import KeyPair
from wardkey_format.randomness import draw
from wardkey_format.wraps import Place, Wraps

from .entries import Json
from .forging import changed, signed
from .person import APP, Person

START = 1_790_000_000_000
MINUTE = 60_000


@dataclass
class SessionMaker:
    """Parties are given with the key pair for which is wrapped."""

    creator: Person
    people: list[Person]
    """Whose identities are given to who opens."""
    session_id: bytes = b""
    genesis: bytes = b""
    entries: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    wraps: list[bytes] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    known_keys: dict[Party, KeyPair] = field(default_factory=dict)
    """What is wrapped for."""
    random: bytes = b""

    def __post_init__(self) -> None:
        if not self.keys:
            self.keys.append(draw(32))
        self.random = self.random or draw(16)
        for person in self.people:
            if person.user_id is not None:
                self.known_keys.setdefault(person.party, person.key_pair)

    def copy(self) -> SessionMaker:
        return SessionMaker(
            self.creator,
            [*self.people],
            self.session_id,
            self.genesis,
            [*self.entries],
            [*self.hashes],
            [*self.wraps],
            [*self.keys],
            dict(self.known_keys),
            self.random,
        )

    # Genesis.

    def genesis_payload(self, rights: dict[Party, int]) -> Genesis:
        return Genesis(
            APP,
            self.creator.hash,
            self.random,
            START,
            derive.key_commitment(self.keys[0]),
            tuple(party.in_order(rights)),
        )

    def begin(self, rights: dict[Party, int], **fields: Any) -> None:
        """The genesis; `_4=…` puts something else into field 4."""
        payload = cbor.encode(changed(self.genesis_payload(rights), **fields))
        self.genesis = signed(genesis.FORM, self.creator.seed, payload)
        self.session_id = genesis.FORM.hash(payload)
        self.hashes = [self.session_id]

    # Entries.

    def payload(self, signer: Person, action: Action, authority: Authority | None = None) -> Entry:
        sequence = len(self.entries) + 1
        time = START + sequence * MINUTE
        previous = self.hashes[-1]
        return Entry(self.session_id, sequence, previous, time, signer.hash, authority, action)

    def add(
        self,
        signer: Person,
        action: Action,
        authority: Authority | None = None,
        seed: bytes | None = None,
        **fields: Any,
    ) -> int:
        """An entry; its sequence."""
        payload = cbor.encode(changed(self.payload(signer, action, authority), **fields))
        self.entries.append(signed(entry.FORM, seed or signer.seed, payload))
        self.hashes.append(entry.FORM.hash(payload))
        return len(self.entries)

    def add_generation(self, signer: Person, **fields: Any) -> int:
        self.keys.append(draw(32))
        commitment = derive.key_commitment(self.keys[-1])
        return self.add(signer, Generation(len(self.keys) - 1, commitment), **fields)

    # Wraps.

    def stanzas(
        self, parties: Iterable[Party], generation: int, key: bytes
    ) -> tuple[tuple[Place, ...], list[bytes]]:
        """`key` is wrapped under the names of the newest generation's."""
        newest = self.keys[-1]
        named = (derive.key_id(newest), derive.key_commitment(newest))
        context = wraps.stanza_context(self.session_id, generation)
        places, bodies = [], []
        for one in sorted(parties, key=party.encode):
            pair = self.known_keys[one]
            body = wrap.seal_stanza(key, pair.public_key, *named, context).body
            fingerprint, suite = pair.public_key.fingerprint, pair.suite
            places.append(Place(one, fingerprint, suite, sha256(body).digest()))
            bodies.append(body)
        return tuple(places), bodies

    def sealed_previous(self, generation: int, **other: Any) -> bytes | None:
        """The key before the newest, sealed; None for generation 0."""
        if not generation:
            return None
        before = other.get("key", self.keys[generation - 1])
        commitment = derive.key_commitment(self.keys[generation - 1])
        bound = wraps.previous_key_context(self.session_id, generation, commitment)
        return cobblestone.seal(self.keys[generation], other.get("context", bound), before)

    def add_wraps(
        self,
        signer: Person,
        sequence: int,
        parties: Iterable[Party],
        *,
        bodies: Sequence[bytes | None] | None = None,
        only_for: Iterable[Party] | None = None,
        seed: bytes | None = None,
        previous: bytes | None = None,
        wrapped_key: bytes | None = None,
        **fields: Any,
    ) -> None:
        """Of the entry with this sequence, for the newest generation. `only_for`: whose bodies
        stand there, the others being null."""
        generation = len(self.keys) - 1
        key = self.keys[generation]
        places, made = self.stanzas(parties, generation, wrapped_key or key)
        payload = Wraps(
            self.session_id,
            sequence,
            generation,
            derive.key_id(key),
            derive.key_commitment(key),
            previous,
            signer.hash,
            places,
        )
        given: list[bytes | None] = [*made] if bodies is None else [*bodies]
        if only_for is not None:
            keep = set(only_for)
            given = [
                body if place.party in keep else None
                for place, body in zip(places, given, strict=True)
            ]
        data = cbor.encode(changed(payload, **fields))
        self.wraps.append(signed(wraps.FORM, seed or signer.seed, data, given))

    def generation(
        self,
        signer: Person,
        parties: Iterable[Party],
        authority: Authority | None = None,
        **options: Any,
    ) -> int:
        """A generation with its wraps."""
        sequence = self.add_generation(signer, authority=authority)
        previous = self.sealed_previous(len(self.keys) - 1)
        self.add_wraps(signer, sequence, parties, **{"previous": previous, **options})
        return sequence

    # Messages.

    def message(
        self,
        signer: Person,
        text: bytes,
        *,
        generation: int,
        view: int,
        key: bytes | None = None,
        session_id: bytes | None = None,
        log_hash: bytes | None = None,
        authority: bytes = author.SIGNER_HIMSELF,
        seed: bytes | None = None,
        context: dict[str, str] | None = None,
    ) -> bytes:
        by = author.Signer(
            seed or signer.seed, signer.hash, view, log_hash or self.hash_at(view), authority
        )
        draft = author.Draft(text, context or {})
        session = session_id or self.session_id
        return author.seal_batch(by, key or self.keys[generation], session, [draft])[0]

    def hash_at(self, sequence: int) -> bytes:
        return self.hashes[sequence] if sequence < len(self.hashes) else draw(32)

    # The inputs of `kinds.py`.

    def log(self, **changes: Any) -> Json:
        return {
            "app_id": APP,
            "session_id": self.session_id.hex(),
            "genesis": self.genesis.hex(),
            "entries": [data.hex() for data in self.entries],
            "identities": [person.bundles for person in self.people],
            "pins": {},
            "escrow_key": None,
            "refuse_first_use": False,
            "seen": [],
            "minimum": 1,
            **changes,
        }

    def session(self, reader: Person, *others: Party, **changes: Any) -> Json:
        """As `reader` opens it, with his groups."""
        return {
            **self.log(),
            "wraps": [data.hex() for data in self.wraps],
            "parties": [party.encode(one).hex() for one in (reader.party, *others)],
            "keys": reader.private_keys,
            **changes,
        }

    def read_message(
        self, reader: Person, sealed: bytes, context: dict[str, str] | None = None, **changes: Any
    ) -> Json:
        given = self.session(reader, **changes)
        return {**given, "sealed": sealed.hex(), "context": context or {}}
