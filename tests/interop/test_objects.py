"""What `making/` makes, opened by `kinds.py`: good ones give what was put in, bad ones a code."""

from __future__ import annotations

import json
from functools import cache

import pytest

import recorded
from kinds import KINDS
from make import as_recorded, objects
from making.entries import Json, without_made
from wardkey_format.errors import WardkeyError


@cache
def made() -> dict[str, Json]:
    # Through JSON, as the Rust code gets it.
    return {
        file_name: {
            which: json.loads(json.dumps([*map(without_made, entries)]))
            for which, entries in content.items()
        }
        for file_name, content in objects().items()
    }


@pytest.mark.parametrize("file_name", objects())
def test_names_differ(file_name: str) -> None:
    entries = [entry for entries in made()[file_name].values() for entry in entries]
    names = [(entry["kind"], entry["name"]) for entry in entries]
    assert len(names) == len(set(names)) > 0


def test_every_kind_is_there() -> None:
    kinds = {entry["kind"] for content in made().values() for entry in content["vectors"]}
    assert kinds == set(KINDS)


def _entries(which: str) -> list[object]:
    return [
        pytest.param(entry, id=f"{file_name}-{entry['kind']}-{entry['name']}")
        for file_name, content in made().items()
        for entry in content[which]
    ]


@pytest.mark.parametrize("entry", _entries("vectors"))
def test_opens(entry: Json) -> None:
    assert KINDS[entry["kind"]](entry["input"]) == entry["expected"]


@pytest.mark.parametrize("entry", _entries("invalid"))
def test_is_refused(entry: Json) -> None:
    with pytest.raises(WardkeyError) as failure:
        KINDS[entry["kind"]](entry["input"])
    assert failure.value.code == entry["error"], failure.value


def _recorded_entries() -> list[object]:
    return [
        pytest.param(file_name, entry, id=f"{file_name}-{which}-{entry['name']}")
        for file_name, content in as_recorded().items()
        for which, entries in content.items()
        for entry in entries
    ]


@pytest.mark.parametrize(("file_name", "entry"), _recorded_entries())
def test_as_recorded(file_name: str, entry: Json) -> None:
    recorded.replay(file_name, json.loads(json.dumps(entry)))


def test_as_recorded_is_every_file() -> None:
    """But the log of journals, which only a key server makes: it is read here, and not made."""
    assert as_recorded().keys() == recorded.CHECKS.keys() - {"journal_log.json"}
