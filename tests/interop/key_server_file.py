"""What `wardkey-server` keeps in SQLite, as far as it is needed to read without it.

The tables are described in `docs/guide/leaving.md`; whatever is read of them is an object of SPEC.
"""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from wardkey_format import base64url, bundle, cbor, ed25519, exchange_key, group_keys, message, party, wraps
from wardkey_format.bundle import Bundle
from wardkey_format.errors import WardkeyError
from wardkey_format.party import Party
from wardkey_format.private_key import KeyPair
from wardkey_format.signed import Form
from wardkey_format.suite import Suite

ENTRY, BODY = 3, 4
"""Kinds of pieces."""

Piece = tuple[int, bytes, int, int | None, bytes | None, bytes | None]
"""Kind, party, sequence, n, data and wraps."""


class KeyServerFile:
    def __init__(self, path: Path) -> None:
        self._sqlite = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    def _rows(self, sql: str, *values: object) -> list[tuple]:
        return self._sqlite.execute(sql, values).fetchall()

    def backups(self, user: str) -> list[bytes]:
        """The active backup, and the pending one if there is one."""
        found = self._rows("SELECT account FROM account WHERE user_id = ?", user)
        if not found:
            raise WardkeyError("no-backup", "no account of this name")
        account = json.loads(found[0][0])
        pending = account["pending"]
        kept = [account["active"], *([pending["backup"]] if pending else [])]
        return [base64url.decode(one["bytes"]) for one in kept]

    def identities(self) -> list[list[bytes]]:
        """The bundles of each user, from version 1 on."""
        by_user: dict[str, list[bytes]] = {}
        for user, data in self._rows("SELECT user_id, object FROM bundle ORDER BY version"):
            by_user.setdefault(user, []).append(data)
        return list(by_user.values())

    def session(self, session_id: bytes, parties: list[Party]) -> tuple[list[bytes], list[bytes]]:
        """The log, its genesis first, and the wraps with the bodies for these parties."""
        own = [party.encode(one) for one in parties]
        pieces = sorted(self._pieces(session_id), key=lambda piece: piece[2])
        log = [data for kind, *_, data, _ in pieces if kind == ENTRY and data is not None]
        objects = []
        for kind, _, sequence, _, _, signed in pieces:
            if kind == ENTRY and signed is not None:
                bodies = {n: data for k, of, at, n, data, _ in pieces if (k, at) == (BODY, sequence) and of in own}
                objects.append(_with_bodies(wraps.FORM, signed, bodies))
        return log, objects

    def _pieces(self, session_id: bytes) -> list[Piece]:
        """One row has all those of a short session; of others, and of what older servers kept, each is a row."""
        if self._rows("SELECT name FROM sqlite_master WHERE name = 'packed'"):
            for (row,) in self._rows("SELECT pieces FROM packed WHERE session = ?", session_id):
                return _unpack(row)
        return self._rows("SELECT kind, party, sequence, n, data, wraps FROM piece WHERE session = ?", session_id)

    def groups(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """Each group's id and log, its genesis first."""
        for (group,) in self._rows("SELECT DISTINCT group_id FROM operation"):
            rows = self._rows("SELECT object FROM operation WHERE group_id = ? ORDER BY sequence", group)
            yield group, [data for (data,) in rows]

    def group_keys(self, group: bytes, member: Party) -> bytes | None:
        """The newest object with a stanza for this member."""
        rows = self._rows(
            "SELECT k.signed, b.place, b.body FROM group_body AS b JOIN group_keys AS k ON k.group_id = b.group_id AND k.sequence = b.sequence "
            "WHERE b.group_id = ? AND b.party = ? ORDER BY b.sequence DESC LIMIT 1",
            group,
            party.encode(member),
        )
        return _with_bodies(group_keys.FORM, rows[0][0], {rows[0][1]: rows[0][2]}) if rows else None

    def exchange_keys(self) -> Iterator[tuple[str, list[bytes]]]:
        """All versions of each pair's key. Every party is given the same objects."""
        for (pair,) in self._rows("SELECT DISTINCT pair FROM exchange_key"):
            rows = self._rows("SELECT object FROM exchange_key WHERE pair = ? ORDER BY version", pair)
            yield pair, [data for (data,) in rows]

    def key_server(self, app: str, operators_secret: bytes) -> list[bytes]:
        """The bundles of the key server itself, made again from its private keys."""
        ((sealed,),) = self._rows("SELECT value FROM server WHERE name = 'secrets'")
        context = {"app": app, "what": "wardkey/v1/key-server"}
        secrets = message.open_message(operators_secret, sealed, context)
        # Version 1, a name of 16 bytes, two secrets of 32, how many keys, each two seeds of 32.
        at, count = 1 + 16 + 2 * 32 + 1, secrets[1 + 16 + 2 * 32]
        made: list[bytes] = []
        previous, before = None, None
        for version in range(1, count + 1):
            seed, signing = secrets[at : at + 32], secrets[at + 32 : at + 64]
            at += 64
            key = KeyPair(Suite.HYBRID, seed).public_key.encode()
            one = Bundle(app, None, version, previous, key, ed25519.public_key(signing))
            made.append(bundle.make(one, signing, before))
            previous, before = bundle.read(made[-1]).hash, signing
        return made


def _unpack(row: bytes) -> list[Piece]:
    """The pieces of a row of `packed`."""
    if row[0] != 1:
        raise WardkeyError("unsupported-version", "a session's row of another version")
    rest = io.BytesIO(row[1:])

    def number(size: int = 8) -> int:
        return int.from_bytes(rest.read(size), "big")

    def data() -> bytes:
        return rest.read(number(4))

    pieces = []
    while head := rest.read(2):
        kind, has = head
        of, sequence = data(), number()
        # Two numbers, the signer, data and wraps: a bit for each, from the lowest.
        reads = (number, number, data, data, data)
        n, _, _, entry, wrapped = (read() if has >> place & 1 else None for place, read in enumerate(reads))
        pieces.append((kind, of, sequence, n, entry, wrapped))
    return pieces


def _with_bodies(form: Form, signed: bytes, bodies: dict[int, bytes]) -> bytes:
    """The object as it was signed, with what is there of its last element."""
    read = form.read(signed)
    places = [bodies.get(place) for place in range(len(read.rest))]
    return cbor.encode([1, read.payload_bytes, read.signature, places])


def parties_of(objects: list[bytes]) -> tuple[Party, Party]:
    """Between whom an exchange key is."""
    payload = exchange_key.read(objects[0]).payload
    return payload.delegator, payload.delegate
