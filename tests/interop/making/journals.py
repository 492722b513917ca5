"""`journal.json`: the key server's journal (SPEC section 14.1)."""

from __future__ import annotations

from typing import Any

from kinds import journal_json
from wardkey_format import cbor, journal
from wardkey_format.errors import Code
from wardkey_format.journal import HEAD, NO_ENTRY, Head, JournalEntry, Subject
from wardkey_format.randomness import draw

from .entries import Entries, Json
from .forging import changed, flipped, signed
from .person import APP, Person
from .session_maker import MINUTE, START

SESSION_ACTIONS = [
    ("create", {"entry": "0"}),
    ("release", {"generation": "0"}),
    ("grant", {"entry": "1"}),
    ("revoke", {"entry": "2"}),
    ("generation", {"entry": "3"}),
    ("assign", {"entry": "4"}),
    ("revoke-all", {"entry": "5"}),
]
USER_ACTIONS = [
    ("register", {"version": "1"}),
    ("backup-pending", {"version": "2"}),
    ("backup-active", {"version": "2"}),
    ("renew", {"version": "2"}),
    ("contact", {"version": "2"}),
    ("recovery-start", {"recovery": "AAAAAAAAAAAAAAAAAAAAAA"}),
    ("recovery-wrong", {"recovery": "AAAAAAAAAAAAAAAAAAAAAA"}),
    ("recovery-release", {"recovery": "AAAAAAAAAAAAAAAAAAAAAA"}),
    ("of a later version", {}),
    ("of a later version", {"b": "", "a": "1", "aa": "é"}),
]


def chain(subject: Subject, actions: list[tuple[str, dict[str, str]]]) -> list[JournalEntry]:
    entries: list[JournalEntry] = []
    for number, (action, detail) in enumerate(actions, 1):
        previous = entries[-1].hash if entries else None
        actor = None if number % 3 == 0 else "anna"
        # Two entries of one moment are in order, too.
        time = START + number // 2 * MINUTE
        entries.append(JournalEntry(subject, number, previous, time, actor, action, detail))
    return entries


def head_of(server: Person, entries: list[JournalEntry], subject: Subject) -> Head:
    sequence, entry_hash = (entries[-1].sequence, entries[-1].hash) if entries else (0, NO_ENTRY)
    return Head(subject, sequence, entry_hash, START + 60 * MINUTE, server.hash)


def make() -> Entries:
    made = Entries()
    server = Person.new(None)
    server.renew()
    session_id = draw(32)
    of_session, of_user = chain(session_id, SESSION_ACTIONS), chain("anna", USER_ACTIONS)

    def given(listed: list[JournalEntry], head: bytes | None = None, **changes: Any) -> Json:
        subject = listed[0].subject if listed else session_id
        head = head or HEAD.make(server.seed, head_of(server, listed, subject), None)
        return {
            "app_id": APP,
            "key_server": server.bundles,
            "user_id": subject if isinstance(subject, str) else None,
            "session_id": subject.hex() if isinstance(subject, bytes) else None,
            "entries": [one.encode().hex() for one in listed],
            "head": head.hex(),
            "after": 0,
            "remembered": None,
            **changes,
        }

    def remember(entry: JournalEntry, other: bytes | None = None) -> Json:
        return {"sequence": entry.sequence, "hash": (other or entry.hash).hex()}

    def good(name: str, listed: list[JournalEntry], **changes: Any) -> None:
        newest = of_session[-1] if changes.get("after") == 7 else (listed or [None])[-1]
        made.made = {
            "place": [str(newest.sequence), newest.hash.hex()] if newest else ["0", NO_ENTRY.hex()]
        }
        made.good("journal", name, given(listed, **changes), journal_json(listed))

    good("of a session", of_session)
    good("of a user", of_user)
    good("empty", [])
    good("from the middle, nothing remembered", of_session[3:], after=3)
    good("from what is remembered", of_session[3:], after=3, remembered=remember(of_session[2]))
    good("remembered in the middle", of_session, remembered=remember(of_session[4]))
    head = HEAD.make(server.seed, head_of(server, of_session, session_id), None)
    good("nothing new", [], head=head, after=7, remembered=remember(of_session[6]))
    old_head = head_of(server, of_session, session_id)
    old = HEAD.make(server.seeds[0], Head(session_id, 7, old_head.hash, 1, server.hashes[0]), None)
    good("a head by an older bundle", of_session, head=old)

    def bad(name: str, code: Code, listed: list[JournalEntry] = of_session, **changes: Any) -> None:
        made.bad("journal", name, given(listed, **changes), code)

    texts = [one.encode() for one in of_session]

    def replaced(at: int, entry: bytes) -> Json:
        return {"entries": [data.hex() for data in [*texts[:at], entry, *texts[at + 1 :]]]}

    def form(name: str, **fields: Any) -> None:
        bad(name, "invalid-format", **replaced(2, cbor.encode(changed(of_session[2], **fields))))

    form("sequence 0", _2=0)
    form("null for the entry before", _3=None)
    form("a subject of 31 bytes", _1=bytes(31))
    form("a time that is text", _4="now")
    form("an actor who is no user id", _5="")
    form("no action", _6=None)
    form("a detail of numbers", _7={"entry": 1})
    form("another field", _8=None)
    bad("cut", "invalid-format", **replaced(2, texts[2][:-1]))
    bad("left over", "invalid-format", **replaced(2, texts[2] + b"\x00"))
    first = cbor.encode(changed(of_session[0], _3=bytes(32)))
    bad("an entry before the first", "invalid-format", **replaced(0, first))
    bad("another subject asked for", "key-mismatch", session_id=draw(32).hex())
    bad("a user asked for", "key-mismatch", user_id="anna", session_id=None)
    foreign = cbor.encode(changed(of_session[2], _1=draw(32)))
    bad("an entry of another subject", "key-mismatch", **replaced(2, foreign))
    later = cbor.encode(changed(of_session[2], _6="grants"))
    bad("another action", "bad-signature", **replaced(2, later))
    last = cbor.encode(changed(of_session[6], _6="create"))
    bad("another action at the end", "bad-signature", **replaced(6, last))
    bad("a gap", "bad-signature", entries=[t.hex() for t in [*texts[:2], *texts[3:]]])
    bad("an entry twice", "bad-signature", entries=[t.hex() for t in [*texts[:2], *texts[1:]]])
    bad("the end is missing", "bad-signature", entries=[t.hex() for t in texts[:-1]])
    bad("the beginning is missing", "bad-signature", entries=[t.hex() for t in texts[1:]])
    bad("all is missing", "bad-signature", entries=[])
    falling = chain(session_id, SESSION_ACTIONS[:2])
    early = JournalEntry(session_id, 3, falling[1].hash, START, None, "release", {})
    bad("a time that falls", "bad-signature", [*falling, early])

    def forged(name: str, code: Code, seed: bytes = server.seed, **fields: Any) -> None:
        payload = changed(old_head, **fields)
        bad(f"head: {name}", code, head=signed(HEAD, seed, payload))

    forged("of another subject", "key-mismatch", _1=draw(32))
    forged("of another sequence", "bad-signature", _2=8)
    forged("of another hash", "bad-signature", _3=draw(32))
    forged("by a bundle that isn't there", "bad-signature", _5=draw(32))
    forged("by another key", "bad-signature", draw(32))
    forged("of no entry, with a hash", "invalid-format", _2=0)
    forged("another field", "invalid-format", _6=None)
    bad("head: flipped", "bad-signature", head=flipped(head, -1))
    bad("head: version 2", "unsupported-version", head=b"\x83\x02" + head[2:])
    user = Person.new("mallory")
    bad("by a user", "key-mismatch", key_server=user.bundles)

    beyond = JournalEntry(session_id, 8, of_session[6].hash, START, None, "x", {})
    bad("shorter than remembered", "rollback", remembered=remember(beyond))
    for at in (0, 4, 6):
        name = f"another entry {at + 1} than remembered"
        bad(name, "fork", remembered=remember(of_session[at], draw(32)))
    bad(
        "another entry before the first",
        "fork",
        of_session[3:],
        after=3,
        remembered=remember(of_session[2], draw(32)),
    )
    bad(
        "nothing new, another hash",
        "fork",
        [],
        head=head,
        after=7,
        remembered=remember(of_session[6], draw(32)),
    )
    assert journal.read_entry(texts[0]) == of_session[0]
    return made
