"""`session.json`: logs, wraps, keys and messages of sessions (SPEC sections 12 and 13)."""

from __future__ import annotations

from . import logs, openings, session_messages
from .cast import Cast
from .entries import Entries


def make() -> Entries:
    entries, cast = Entries(), Cast.new()
    logs.make(entries, cast)
    openings.make(entries, cast)
    session_messages.make(entries, cast)
    return entries
