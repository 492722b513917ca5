"""What `making/` makes, opened by `kinds.py`: good ones give what was put in, bad ones their code."""

from __future__ import annotations

import json
from functools import cache

import pytest

from kinds import KINDS
from make import objects
from making.entries import Json
from wardkey_format.errors import WardkeyError


@cache
def made() -> dict[str, Json]:
    # Through JSON, as the Rust code gets it.
    return json.loads(json.dumps(objects()))


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
