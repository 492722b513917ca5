"""Opens every vector that the Rust code recorded in `testdata/`.

A file that is missing, or without vectors, fails: it would else pass unseen. `WARDKEY_TESTDATA`
names another folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import recorded
from vectors import CHECKS, Entry, check_invalid, check_valid

HERE = Path(__file__).resolve().parents[2] / "testdata"
TESTDATA = Path(os.environ.get("WARDKEY_TESTDATA", HERE))
LISTS: dict[str, Callable[[str, Entry], None]] = {"vectors": check_valid, "invalid": check_invalid}


def entries(file_name: str) -> Iterator[tuple[str, Entry]]:
    """Every entry of a file, with the list in which it stands."""
    content = json.loads((TESTDATA / file_name).read_text(encoding="utf-8"))
    for list_name in LISTS:
        for entry in content[list_name]:
            yield list_name, entry


def present() -> Iterator[object]:
    """All entries of the files that are there, as parameters of a test."""
    for file_name in CHECKS:
        if (TESTDATA / file_name).exists():
            for list_name, entry in entries(file_name):
                name = f"{file_name}-{list_name}-{entry['name']}"
                yield pytest.param(file_name, list_name, entry, id=name)


@pytest.mark.parametrize("file_name", [*CHECKS, *recorded.CHECKS])
def test_file_holds_vectors(file_name: str) -> None:
    found = [list_name for list_name, _ in entries(file_name)]
    assert "vectors" in found


ENTRIES = list(present())

if ENTRIES:  # without any, the test above fails six times

    @pytest.mark.parametrize(("file_name", "list_name", "entry"), ENTRIES)
    def test_entry(file_name: str, list_name: str, entry: Entry) -> None:
        LISTS[list_name](file_name, entry)


def objects() -> Iterator[object]:
    """The entries of sections 9 to 15."""
    for file_name in recorded.CHECKS:
        if (TESTDATA / file_name).exists():
            for list_name, entry in entries(file_name):
                name = f"{file_name}-{list_name}-{entry['name']}"
                yield pytest.param(file_name, entry, id=name)


OBJECTS = list(objects())

if OBJECTS:

    @pytest.mark.parametrize(("file_name", "entry"), OBJECTS)
    def test_object(file_name: str, entry: Entry) -> None:
        recorded.replay(file_name, entry)
