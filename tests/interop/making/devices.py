"""`device.json`: what a client keeps on its device (SPEC section 15). Nothing there is refused:
what isn't good counts as not there."""

from __future__ import annotations

from typing import Any

from wardkey_format import cbor, derive, device
from wardkey_format.device import CachedKey, Life, Owner, Resume, Unpublished
from wardkey_format.party import User
from wardkey_format.randomness import draw

from .entries import Entries, Json
from .person import APP
from .session_maker import MINUTE, START

LIFE = Life(START, START + 60 * MINUTE)
AGES = {"at its beginning": START, "at its last moment": LIFE.end - 1}
OUTSIDE = {"before its beginning": START - 1, "at its end": LIFE.end}


class _Kind:
    """Entries of one kind that are good at first, and whatever is done to them."""

    def __init__(self, entries: Entries, kind: str, given: Json, opened: Any) -> None:
        self.entries, self.kind, self.given, self.opened = entries, kind, given, opened

    def good(self, name: str, **changes: Any) -> None:
        expected = {"opened": self.opened}
        self.entries.good(self.kind, name, {**self.given, **changes}, expected)

    def gone(self, name: str, **changes: Any) -> None:
        self.entries.good(self.kind, name, {**self.given, **changes}, {"opened": None})

    def sealed_changes(self) -> None:
        data = bytes.fromhex(self.given["entry"])
        self.gone("empty", entry="")
        self.gone("cut", entry=data[:-1].hex())
        self.gone("another version", entry=(bytes([data[0] + 1]) + data[1:]).hex())
        self.gone(
            "a flipped byte in the clear", entry=(data[:2] + bytes([data[2] ^ 1]) + data[3:]).hex()
        )
        self.gone("a flipped byte at the end", entry=(data[:-1] + bytes([data[-1] ^ 1])).hex())
        self.gone("of another app", app_id="other")
        self.gone("of another user", user_id="ben")


def make() -> Entries:
    entries = Entries()
    owner = Owner(APP, "anna", draw(32))
    owned: Json = {"app_id": APP, "user_id": "anna", "cache_key": owner.cache_key.hex()}
    session_id, key, state = draw(32), draw(32), draw(300)

    browser_key = draw(32)
    resume = Resume(draw(200), draw(32), state, 7)
    sealed = device.seal_resume(browser_key, APP, "anna", LIFE.end, resume)
    found = {
        "keys_payload": resume.keys_payload.hex(),
        "state_key": resume.state_key.hex(),
        "state_payload": state.hex(),
        "backup_version": 7,
    }
    given: Json = {
        "app_id": APP,
        "user_id": "anna",
        "browser_key": browser_key.hex(),
        "now": START,
        "entry": sealed.hex(),
    }
    kind = _Kind(entries, "resume", given, found)
    kind.good("in time")
    kind.good("at its last moment", now=LIFE.end - 1)
    kind.gone("at its end", now=LIFE.end)
    kind.gone("another browser's key", browser_key=draw(32).hex())
    kind.sealed_changes()

    sealed = device.seal_unsent(owner, state)
    kind = _Kind(entries, "unsent", {**owned, "entry": sealed.hex()}, state.hex())
    kind.good("pins")
    kind.gone("another cache key", cache_key=draw(32).hex())
    kind.sealed_changes()

    unpublished = Unpublished(draw(400), key)
    sealed = device.seal_outbox(owner, session_id, unpublished)
    found = {
        "session_id": session_id.hex(),
        "genesis": unpublished.genesis.hex(),
        "key": key.hex(),
    }
    kind = _Kind(entries, "outbox", {**owned, "entry": sealed.hex()}, found)
    kind.good("a session")
    kind.gone("another cache key", cache_key=draw(32).hex())
    kind.sealed_changes()

    cached = CachedKey(key, session_id, 2, User("anna", draw(32)))
    payload = cbor.encode(cached.cbor())
    key_id = derive.key_id(key)
    sealed = device.seal_cache_entry(owner, key_id, LIFE, payload)
    found = {
        "key": key.hex(),
        "session_id": session_id.hex(),
        "generation": 2,
        "party": cbor.encode(cached.party.cbor()).hex(),
    }
    given = {**owned, "key_id": key_id.hex(), "now": START, "entry": sealed.hex()}
    kind = _Kind(entries, "cached-key", given, found)
    for name, now in AGES.items():
        kind.good(name, now=now)
    for name, now in OUTSIDE.items():
        kind.gone(name, now=now)
    kind.gone("under another id", key_id=draw(16).hex())
    kind.gone("another cache key", cache_key=draw(32).hex())
    kind.sealed_changes()

    session_payload = draw(500)
    text = device.serialize(owner, session_id, LIFE, session_payload, [payload], "cursor-1")
    given = {**owned, "now": START, "text": text}
    found = {
        "session_id": session_id.hex(),
        "session": session_payload.hex(),
        "keys": [payload.hex()],
        "cursor": "cursor-1",
    }
    kind = _Kind(entries, "serialized", given, found)
    for name, now in AGES.items():
        kind.good(name, now=now)
    for name, now in OUTSIDE.items():
        kind.gone(name, now=now)
    kind.gone("another user's", user_id="ben")
    kind.gone("another cache key", cache_key=draw(32).hex())
    kind.gone("cut", text=text[:-4])
    kind.gone("not base64url", text=text + "=")
    kind.gone("empty", text="")
    return entries
