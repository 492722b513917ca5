"""Which members of an entity are sealed, and how they are put back (SPEC section 18.10)."""

from __future__ import annotations

import copy
import json
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from .entity_content import MAX_STEPS, Member, Path
from .entity_form import RESERVED, Json, parse_json
from .errors import WardkeyError, require

ANY, EACH = object(), object()
Step = str | object
MAX_PATHS = 1000


def _read_path(text: str) -> tuple[list[Step], bool]:
    optional = text.endswith("?")
    steps: list[Step] = []
    for part in text.removesuffix("?").split("."):
        name = part.split("[", 1)[0]
        arrays = part[len(name) :]
        bad = any(one in ".[]*?" or unicodedata.category(one) == "Cc" for one in name)
        good = name == "*" or (name and not bad)
        require(bool(good), "invalid-argument", "no name")
        require(arrays == "[]" * (len(arrays) // 2), "invalid-argument", "brackets")
        steps += [ANY if name == "*" else name] + [EACH] * (len(arrays) // 2)
    fits = len(steps) <= MAX_STEPS and steps[-1] is not EACH and steps[0] not in RESERVED
    require(fits, "invalid-argument", "too long, an element itself, or a reserved name")
    return steps, optional


def _matches(value: Any, steps: Sequence[Step], path: Path = ()) -> Iterator[Path]:
    """Where the steps lead to."""
    if not steps:
        yield path
        return
    step, rest = steps[0], steps[1:]
    if step is EACH:
        if isinstance(value, list):
            for place, element in enumerate(value):
                yield from _matches(element, rest, (*path, place))
    elif isinstance(value, dict):
        names = [name for name in value if step in (ANY, name)]
        for name in names:
            if not (step is ANY and not path and name in RESERVED):
                yield from _matches(value[name], rest, (*path, name))


def _paths_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """All members and elements, in the order in which they stand."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield (*path, name)
            yield from _paths_in(one, (*path, name))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield (*path, place)
            yield from _paths_in(one, (*path, place))


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def apply(entity: Json, paths: Sequence[str]) -> tuple[Json, list[Member]]:
    """What stays clear, and what is sealed."""
    require(len(paths) <= MAX_PATHS, "invalid-argument", "over 1,000 paths")
    matched: set[Path] = set()
    for steps, optional in [_read_path(path) for path in paths]:
        found = set(_matches(entity, steps))
        require(optional or bool(found), "invalid-argument", "a path that matches nothing")
        matched |= found
    outermost = {
        path for path in matched if not any(path[:end] in matched for end in range(1, len(path)))
    }
    sealed = [path for path in _paths_in(entity) if path in outermost]
    members: list[Member] = [(path, json.dumps(_at(entity, path))) for path in sealed]
    clear = copy.deepcopy(entity)
    for path in sealed:
        del _at(clear, path[:-1])[path[-1]]
    return clear, members


def _check_paths(paths: list[Path]) -> None:
    for path in paths:
        first, last = path[0], path[-1]
        good = isinstance(first, str) and first not in RESERVED and isinstance(last, str)
        require(good, "invalid-format", "a path that no manifest gives")
    whole = set(paths)
    begun = any(path[:end] in whole for path in paths for end in range(1, len(path)))
    require(len(whole) == len(paths) and not begun, "invalid-format", "paths inside one another")


def put_back(clear: Json, members: Sequence[Member]) -> Json:
    entity = copy.deepcopy(clear)
    _check_paths([path for path, _ in members])
    # Places in their order, so that an array is continued at its end.
    for path, text in sorted(members, key=_order):
        value = parse_json(text)
        at: Any = entity
        for step, following in zip(path, path[1:], strict=False):
            empty: Any = {} if isinstance(following, str) else []
            if isinstance(step, str):
                require(isinstance(at, dict), "invalid-format", "no object on the way")
                at = at.setdefault(step, empty)
            else:
                require(isinstance(at, list), "invalid-format", "no array on the way")
                require(step <= len(at), "invalid-format", "a gap")
                if step == len(at):
                    at.append(empty)
                at = at[step]
        if not isinstance(at, dict):
            raise WardkeyError("invalid-format", "no object on the way")
        at[path[-1]] = value
    return entity


def _order(member: Member) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (0, step) for step in member[0]]
