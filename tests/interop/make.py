"""Makes vectors with fresh randomness, for the Rust code to open.

    python tests/interop/make.py OUTDIR

writes the files of `testdata/` in their schema (see `vectors.py` and `recorded.py`), and into
`OUTDIR/objects` all of sections 9 to 15 and 18, in the schema of `kinds.py`: `identity.json`,
`account.json`, `session.json`, `group.json`, `group_session.json`, `journal.json`, `device.json`
and `delegation.json`, each with bad entries, too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from making import accounts, delegations, devices, group_sessions, groups, identities, journals, sessions
from making.as_recorded import converted
from making.entries import without_made
from wardkey_format import author, backup, ed25519, message, wrap
from wardkey_format.private_key import KeyPair
from wardkey_format.randomness import draw, seeded
from wardkey_format.slow_key import Argon2idKdf, Kdf, Pbkdf2Kdf
from wardkey_format.suite import Suite

Entry = dict[str, Any]
Files = dict[str, list[Entry]]

PLAIN_SIZES = (0, 11, 16_383, 16_384, 16_385, 40_000)
PADDED_SIZES = (0, 1, 248, 249, 1_000, 40_000)
BATCH_SIZES = (1, 3, 5, 8)

CONTEXTS: dict[str, dict[str, str]] = {
    "small": {"patient": "p-1", "field": "notes"},
    # Sorted by their encodings: shorter keys first, and those of one length by their UTF-8.
    "lengths": {"z" * 24: "24", "a" * 23: "23", "aa": "2", "b": "1", "": "empty", "c": ""},
    "languages": {"naïve": "é", "Zoë": "ÿ", "患者": "記録", "пациент": "запись", "z": "last?"},
    # Four bytes of UTF-8 each, which put the second first; UTF-16 would put the first first.
    "utf-16": {"\U00010000": "four bytes", "\uff5ea": "three and one"},
    # Two keys: nothing is normalised.
    "not normalised": {"\u00e9": "composed", "e\u0301": "decomposed"},
    "long value": {"letter": "ä" * 20_000},
}


def seal_entry(name: str, plaintext: bytes, context: dict[str, str], **options: Any) -> Entry:
    """An unsigned message."""
    key = draw(32)
    session = options.get("session_id")
    return {
        "name": name,
        "key": key.hex(),
        "context": context,
        "plaintext": plaintext.hex(),
        "sealed": message.seal(key, plaintext, context, **options).hex(),
        "author": None,
        "session": session.hex() if session else None,
    }


def signed_entries(name: str, drafts: list[author.Draft], authority: bytes) -> Iterator[Entry]:
    """The messages of one batch."""
    key, session = draw(32), draw(32)
    sequence = int.from_bytes(draw(8), "big")
    signer = author.Signer(draw(32), draw(32), sequence, draw(32), authority)
    sealed = author.seal_batch(signer, key, session, drafts)
    for index, (draft, one) in enumerate(zip(drafts, sealed, strict=True)):
        yield {
            "name": f"{name}, item {index}",
            "key": key.hex(),
            "context": dict(draft.context),
            "plaintext": draft.plaintext.hex(),
            "sealed": one.hex(),
            "author": {
                "public_key": ed25519.public_key(signer.seed).hex(),
                "bundle_hash": signer.bundle_hash.hex(),
                "sequence": str(sequence),
                "log_hash": signer.log_hash.hex(),
                "authority": authority.hex(),
                "index": index,
                "size": len(drafts),
            },
            "session": session.hex(),
        }


def messages() -> Iterator[Entry]:
    for size in PLAIN_SIZES:
        yield seal_entry(f"{size} bytes", draw(size), {})
    for size in PADDED_SIZES:
        yield seal_entry(f"{size} bytes, padded", draw(size), {}, padded=True)
    for name, context in CONTEXTS.items():
        yield seal_entry(f"context: {name}", b"under a context", context)
    yield seal_entry("in a session", b"unsigned", CONTEXTS["small"], session_id=draw(32))
    options = {"session_id": draw(32), "padded": True}
    yield seal_entry("in a session, padded", b"unsigned", {}, **options)

    group = author.authority_of_group(draw(32), 7, draw(32))
    for size in BATCH_SIZES:
        drafts = [
            author.Draft(draw(6_000 * index), CONTEXTS["languages"], padded=index % 2 == 1)
            for index in range(size)
        ]
        yield from signed_entries(f"batch of {size}, himself", drafts, author.SIGNER_HIMSELF)
        yield from signed_entries(f"batch of {size}, for a group", drafts, group)
    two_chunks = [author.Draft(draw(16_384))]
    yield from signed_entries("signed, 16384 bytes", two_chunks, author.SIGNER_HIMSELF)


def wrap_entry(name: str, recipients: list[KeyPair], context: dict[str, str]) -> Entry:
    key = draw(32)
    public_keys = [recipient.public_key for recipient in recipients]
    wrapped = wrap.wrap(key, public_keys, context, allow_legacy=True)
    return {
        "name": name,
        "key": key.hex(),
        "context": context,
        "recipients": [
            {
                "suite": recipient.suite.label,
                "private": recipient.private.hex(),
                "text": recipient.public_key.text,
            }
            for recipient in recipients
        ],
        "wrapped": wrapped.hex(),
    }


def wraps(rsa_keys: dict[Suite, KeyPair]) -> Iterator[Entry]:
    hybrid = [KeyPair.generate(Suite.HYBRID) for _ in range(3)]
    yield wrap_entry("hybrid, 1 recipient", hybrid[:1], {})
    yield wrap_entry("hybrid, 3 recipients", hybrid, CONTEXTS["small"])
    for suite, pair in rsa_keys.items():
        yield wrap_entry(suite.label, [pair], CONTEXTS["languages"])
    yield wrap_entry("all suites", [*hybrid[:2], *rsa_keys.values()], CONTEXTS["lengths"])


def backup_entry(
    name: str,
    password: str,
    kdf: Kdf,
    contents: backup.Contents,
    user: str,
    app_id: str = "",
    version: int = 1,
    two_man: backup.TwoManShares | None = None,
) -> Entry:
    sealed = backup.seal(
        contents, password, kdf, user=user, app_id=app_id, version=version, two_man=two_man
    )
    shares = two_man and {
        "application": two_man.application.hex(),
        "server": two_man.key_server.hex(),
    }
    return {
        "name": name,
        "password": password,
        "app_id": app_id,
        "user_id": user,
        "version": version,
        "two_man": shares,
        "keys": [
            {
                "suite": pair.suite.label,
                "private": pair.private.hex(),
                "fingerprint": pair.public_key.fingerprint.hex(),
            }
            for pair in contents.keys
        ],
        "signing": [
            {"public": key.public.hex(), "seed": key.seed.hex()} for key in contents.signing
        ],
        "backup": sealed.hex(),
    }


def signing_key() -> backup.SigningKey:
    seed = draw(32)
    return backup.SigningKey(ed25519.public_key(seed), seed)


def cheapest_argon2id(salt_length: int = 32) -> Argon2idKdf:
    return Argon2idKdf(19_456, 2, draw(salt_length))


def cheapest_pbkdf2(salt_length: int = 32) -> Pbkdf2Kdf:
    return Pbkdf2Kdf(600_000, draw(salt_length))


def backups(rsa_keys: dict[Suite, KeyPair]) -> Iterator[Entry]:
    hybrid = KeyPair.generate(Suite.HYBRID)
    one = backup.Contents((hybrid,))
    anna = "anna@example.org"
    yield backup_entry("argon2id", "correct horse", cheapest_argon2id(), one, anna)
    yield backup_entry("pbkdf2", "correct horse", cheapest_pbkdf2(), one, anna)
    yield backup_entry("shortest salt", "p", cheapest_argon2id(16), one, anna)
    yield backup_entry("longest salt", "p", cheapest_pbkdf2(64), one, anna)
    # No-break and ideographic space, and a decomposed letter: all of them are prepared.
    unprepared = " Zoe\u0308\u00a0\u3000𝔘 "
    yield backup_entry("prepared password", unprepared, cheapest_argon2id(), one, "Zoë 患者")
    for suite, pair in rsa_keys.items():
        contents = backup.Contents((pair,))
        yield backup_entry(suite.label, "correct horse", cheapest_argon2id(), contents, anna)

    older = [KeyPair.generate(Suite.HYBRID), *rsa_keys.values()]
    several = backup.Contents((hybrid, *older), (signing_key(), signing_key()))
    app: dict[str, Any] = {"user": anna, "app_id": "clinic", "version": 2**40}
    yield backup_entry("several keys", "correct horse", cheapest_argon2id(), several, **app)
    shares = backup.TwoManShares(draw(32), draw(32))
    yield backup_entry(
        "two men", "correct horse", cheapest_pbkdf2(), several, **app, two_man=shares
    )


def all_files() -> dict[str, list[Entry]]:
    """The vectors of every file, by the file's name."""
    rsa_suites = (Suite.RSA_2048, Suite.RSA_3072, Suite.RSA_4096)
    rsa_keys = {suite: KeyPair.generate(suite) for suite in rsa_suites}
    return {
        "message.json": list(messages()),
        "wrap.json": list(wraps(rsa_keys)),
        "backup.json": list(backups(rsa_keys)),
    }


@cache
def objects(seed: str = "wardkey") -> dict[str, Files]:
    """The files of sections 9 to 15 and 18, good and bad entries. The seed gives all but encapsulations
    and OAEP."""
    makers = {
        "identity.json": identities.make,
        "account.json": accounts.make,
        "session.json": sessions.make,
        "group.json": groups.make,
        "group_session.json": group_sessions.make,
        "journal.json": journals.make,
        "device.json": devices.make,
        "delegation.json": delegations.make,
    }
    files: dict[str, Files] = {}
    for file_name, maker in makers.items():
        with seeded(f"{seed} {file_name}"):
            made = maker()
        files[file_name] = {"vectors": made.vectors, "invalid": made.invalid}
    return files


@cache
def as_recorded() -> dict[str, Files]:
    """The same in the schema of `testdata/`, as far as that has one."""
    files: dict[str, Files] = {}
    for content in objects().values():
        for which, entries in content.items():
            for file_name, entry in converted(entries):
                file = files.setdefault(file_name, {"vectors": [], "invalid": []})
                file[which].append(entry)
    return files


def _write(path: Path, content: Files) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_all(directory: Path) -> None:
    files = {name: {"vectors": entries, "invalid": []} for name, entries in all_files().items()}
    for file_name, content in {**files, **as_recorded()}.items():
        _write(directory / file_name, content)
    for file_name, content in objects().items():
        clean = {which: [*map(without_made, entries)] for which, entries in content.items()}
        _write(directory / "objects" / file_name, clean)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make.py OUTDIR")
    write_all(Path(sys.argv[1]))
