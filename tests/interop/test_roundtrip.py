"""What `make.py` writes, opened by the checks that the recorded vectors also go through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import make
from conftest import Fails
from vectors import Entry, check_invalid, check_valid
from wardkey_format import backup
from wardkey_format.errors import WardkeyError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Entry]]:
    directory: Path = tmp_path_factory.mktemp("made")
    make.write_all(directory)
    files = sorted(directory.glob("*.json"))
    return {file.name: json.loads(file.read_text(encoding="utf-8"))["vectors"] for file in files}


@pytest.mark.parametrize(
    ("file_name", "at_least"), [("message.json", 50), ("wrap.json", 6), ("backup.json", 10)]
)
def test_all_that_is_made_opens(
    made: dict[str, list[Entry]], file_name: str, at_least: int
) -> None:
    entries = made[file_name]
    assert len(entries) >= at_least
    assert len({entry["name"] for entry in entries}) == len(entries)
    for entry in entries:
        check_valid(file_name, entry)


def test_each_kind_of_message_is_there(made: dict[str, list[Entry]]) -> None:
    entries = made["message.json"]
    lengths = {len(entry["plaintext"]) // 2 for entry in entries}
    assert {0, 1, 248, 249, 1_000, 16_384, 16_385, 40_000} <= lengths
    sizes = {entry["author"]["size"] for entry in entries if entry["author"]}
    assert sizes == {1, 3, 5, 8}
    assert any(entry["session"] and not entry["author"] for entry in entries)


def test_no_two_runs_are_alike(made: dict[str, list[Entry]]) -> None:
    again = list(make.messages())
    assert not {entry["sealed"] for entry in again} & {e["sealed"] for e in made["message.json"]}


# The checks themselves have to fail where they should.


@pytest.mark.parametrize(
    ("file_name", "field"),
    [
        ("message.json", "plaintext"),
        ("message.json", "session"),
        ("wrap.json", "key"),
        ("backup.json", "version"),
        ("backup.json", "two_man"),
        ("backup.json", "keys"),
        ("backup.json", "signing"),
    ],
)
def test_an_entry_with_a_field_of_another_fails(
    made: dict[str, list[Entry]], file_name: str, field: str
) -> None:
    first, last = made[file_name][0], made[file_name][-1]
    assert first[field] != last[field]
    with pytest.raises((AssertionError, WardkeyError)):
        check_valid(file_name, {**first, field: last[field]})


@pytest.mark.parametrize(
    "field", ["bundle_hash", "sequence", "log_hash", "authority", "index", "size"]
)
def test_an_author_with_a_field_of_another_fails(made: dict[str, list[Entry]], field: str) -> None:
    signed = [entry for entry in made["message.json"] if entry["author"]]
    entry = next(e for e in signed if e["author"]["index"] == 1 and any(e["author"]["authority"]))
    other = next(e for e in signed if e["author"][field] != entry["author"][field])
    changed = {**entry, "author": {**entry["author"], field: other["author"][field]}}
    check_valid("message.json", entry)
    with pytest.raises(AssertionError):
        check_valid("message.json", changed)


def test_an_invalid_entry_that_opens_or_ends_otherwise_fails(
    made: dict[str, list[Entry]], fails: Fails
) -> None:
    entry = made["message.json"][0]
    with pytest.raises(pytest.fail.Exception):
        check_invalid("message.json", {**entry, "error": "decryption-failed"})
    wrong_key = {**entry, "key": "00" * 32}
    check_invalid("message.json", {**wrong_key, "error": "decryption-failed"})
    with pytest.raises(AssertionError):
        check_invalid("message.json", {**wrong_key, "error": "truncated"})


def test_an_invalid_backup_with_shares_is_opened_by_two_men(made: dict[str, list[Entry]]) -> None:
    entry = made["backup.json"][-1]
    assert backup.Envelope.read(bytes.fromhex(entry["backup"])).root_by_two_men
    shares = {**entry["two_man"], "server": "00" * 32}
    changed = {**entry, "two_man": shares, "password": "not asked for"}
    check_invalid("backup.json", {**changed, "error": "decryption-failed"})
