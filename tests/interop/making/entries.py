"""The entries of a file, as they are collected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wardkey_format.errors import Code

Json = dict[str, Any]


@dataclass
class Entries:
    """One file: what opens, and what has to be refused."""

    vectors: list[Json] = field(default_factory=list)
    invalid: list[Json] = field(default_factory=list)
    made: Json = field(default_factory=dict)
    """What went into the entries that follow; `as_recorded` asks for it."""

    def good(self, kind: str, name: str, given: Json, expected: Json | list[Json]) -> None:
        entry = {"name": name, "kind": kind, "input": given, "expected": expected}
        self.vectors.append({**entry, "made": {**self.made}})

    def bad(self, kind: str, name: str, given: Json, error: Code) -> None:
        entry = {"name": name, "kind": kind, "input": given, "error": error}
        self.invalid.append({**entry, "made": {**self.made}})


def without_made(entry: Json) -> Json:
    return {name: value for name, value in entry.items() if name != "made"}
