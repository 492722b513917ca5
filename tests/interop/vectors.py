"""Checks one entry of a vector file: everything in it is derived or opened again.

Used on `testdata/*.json`, which the Rust code recorded (`test_vectors.py`), and on what `make.py`
writes (`test_roundtrip.py`). All bytes are lowercase hex. An entry of `vectors` must open to what
it says; an entry of `invalid` must end in exactly the `error` that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wardkey_format import author, backup, derive, message, password, wrap
from wardkey_format.errors import WardkeyError
from wardkey_format.private_key import KeyPair
from wardkey_format.public_key import PublicKey
from wardkey_format.suite import Suite

Entry = dict[str, Any]
unhex = bytes.fromhex


def read_key_pair(entry: Entry) -> KeyPair:
    return KeyPair(Suite.labelled(entry["suite"]), unhex(entry["private"]))


# derive.json


def check_derive(entry: Entry) -> None:
    key = unhex(entry["key"])
    assert derive.key_id(key).hex() == entry["id"]
    assert derive.key_commitment(key).hex() == entry["commitment"]
    assert derive.cache_seal(key).hex() == entry["cache_seal"]


def try_derive(entry: Entry) -> None:
    derive.key_id(unhex(entry["key"]))


# message.json


def check_message(entry: Entry) -> None:
    key, context, plaintext = unhex(entry["key"]), entry["context"], unhex(entry["plaintext"])
    sealed = unhex(entry["sealed"])
    parts = message.split(sealed)
    header = parts.header
    assert header.key_id == derive.key_id(key)
    assert (header.session_id.hex() if header.session_id else None) == entry["session"]
    assert header.encode() == parts.header_bytes
    assert message.open_message(key, sealed, context) == plaintext

    # With its salt, the same bytes come out again.
    again = message.seal_with_header(key, header, plaintext, context, parts.body[:24])
    assert again == parts.header_bytes + parts.body

    expected = entry["author"]
    if expected is None:
        assert header.signer is None
        return
    opened, trailer = author.open_signed(key, sealed, unhex(expected["public_key"]), context)
    assert opened == plaintext
    assert header.signer is not None
    assert header.signer.bundle_hash.hex() == expected["bundle_hash"]
    assert header.signer.path_length == len(trailer.path)
    assert trailer.encode() == parts.trailer
    assert trailer.log_sequence == int(expected["sequence"])
    assert trailer.log_hash.hex() == expected["log_hash"]
    assert trailer.authority.hex() == expected["authority"]
    assert (trailer.index, trailer.batch_size) == (expected["index"], expected["size"])


def try_message(entry: Entry) -> None:
    key, sealed, context = unhex(entry["key"]), unhex(entry["sealed"]), entry["context"]
    if entry["author"] is None:
        message.open_message(key, sealed, context)
    else:
        author.open_signed(key, sealed, unhex(entry["author"]["public_key"]), context)


# public_key.json


def check_public_key(entry: Entry) -> None:
    derived = read_key_pair(entry).public_key
    parsed = PublicKey.parse(entry["text"])
    assert parsed == derived
    assert parsed.fingerprint.hex() == entry["fingerprint"]
    if not entry["text"].lstrip().startswith("-----BEGIN"):
        assert derived.text == entry["text"]


def try_public_key(entry: Entry) -> None:
    PublicKey.parse(entry["text"])


# wrap.json


def check_wrap(entry: Entry) -> None:
    key, context, wrapped = unhex(entry["key"]), entry["context"], unhex(entry["wrapped"])
    wrap_set = wrap.WrapSet.read(wrapped)
    assert wrap_set.encode() == wrapped
    assert wrap_set.key_id == derive.key_id(key)
    assert wrap_set.key_commitment == derive.key_commitment(key)
    for recipient in entry["recipients"]:
        key_pair = read_key_pair(recipient)
        assert key_pair.public_key.text == recipient["text"]
        assert wrap.unwrap(wrapped, key_pair, context) == key


def try_wrap(entry: Entry) -> None:
    key_pair = read_key_pair(entry["recipient"])
    wrap.unwrap(unhex(entry["wrapped"]), key_pair, entry["context"])


# backup.json


def read_two_man(entry: Entry) -> backup.TwoManShares | None:
    shares = entry.get("two_man")
    if shares is None:
        return None
    return backup.TwoManShares(unhex(shares["application"]), unhex(shares["server"]))


def check_backup(entry: Entry) -> None:
    sealed, app_id, user = unhex(entry["backup"]), entry["app_id"], entry["user_id"]
    envelope = backup.Envelope.read(sealed)
    assert envelope.encode() == sealed
    assert (envelope.app_id, envelope.user_id) == (app_id, user)
    assert envelope.version == int(entry["version"])
    opened = backup.open_with_password(sealed, entry["password"], user=user, app_id=app_id)

    expected = [(key["suite"], key["private"], key["fingerprint"]) for key in entry["keys"]]
    found = [
        (key.suite.label, key.private.hex(), key.public_key.fingerprint.hex())
        for key in opened.keys
    ]
    assert found == expected
    expected_signing = [(key["public"], key["seed"]) for key in entry["signing"]]
    assert [(key.public.hex(), key.seed.hex()) for key in opened.signing] == expected_signing

    two_man = read_two_man(entry)
    assert (envelope.root_by_two_men is None) == (two_man is None)
    if two_man:
        assert backup.open_by_two_men(sealed, two_man, user=user, app_id=app_id) == opened


def try_backup(entry: Entry) -> None:
    """With shares in the entry, the backup is opened by two men instead of by password."""
    sealed, app_id, user = unhex(entry["backup"]), entry["app_id"], entry["user_id"]
    two_man = read_two_man(entry)
    if two_man:
        backup.open_by_two_men(sealed, two_man, user=user, app_id=app_id)
    else:
        backup.open_with_password(sealed, entry["password"], user=user, app_id=app_id)


# password.json


def check_password(entry: Entry) -> None:
    assert password.prepare(entry["password"]).hex() == entry["prepared"]


def try_password(entry: Entry) -> None:
    password.prepare(entry["password"])


CHECKS: dict[str, tuple[Callable[[Entry], None], Callable[[Entry], None]]] = {
    "derive.json": (check_derive, try_derive),
    "message.json": (check_message, try_message),
    "public_key.json": (check_public_key, try_public_key),
    "wrap.json": (check_wrap, try_wrap),
    "backup.json": (check_backup, try_backup),
    "password.json": (check_password, try_password),
}


def check_valid(file_name: str, entry: Entry) -> None:
    CHECKS[file_name][0](entry)


def check_invalid(file_name: str, entry: Entry) -> None:
    with pytest.raises(WardkeyError) as failure:
        CHECKS[file_name][1](entry)
    assert failure.value.code == entry["error"]
