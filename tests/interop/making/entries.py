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

    def good(self, kind: str, name: str, given: Json, expected: Json) -> None:
        self.vectors.append({"name": name, "kind": kind, "input": given, "expected": expected})

    def bad(self, kind: str, name: str, given: Json, error: Code) -> None:
        self.invalid.append({"name": name, "kind": kind, "input": given, "error": error})

    def json(self) -> Json:
        return {"vectors": self.vectors, "invalid": self.invalid}
