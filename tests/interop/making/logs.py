"""Logs of sessions: what a replay gives, and what it refuses (SPEC sections 12.1 to 12.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kinds import pin_json
from wardkey_format import cbor, derive, ed25519, entry, party, rights
from wardkey_format.action import Assignment, Generation, Grant, Revoke, RevokeAll
from wardkey_format.entry import Authority
from wardkey_format.errors import Code
from wardkey_format.party import Party, Placeholder
from wardkey_format.pin import Pin
from wardkey_format.randomness import draw
from wardkey_format.suite import Suite

from .cast import Cast
from .entries import Entries, Json
from .forging import flipped, long_head, signed
from .identities import pin_of
from .session_maker import SessionMaker

ALL, READ, FORWARD, REVOKE, MANAGE = (
    rights.ALL,
    rights.READ,
    rights.FORWARD,
    rights.REVOKE,
    rights.MANAGE,
)


def replayed(made: SessionMaker, held: dict[Party, int], generation: tuple[int, int]) -> Json:
    """`generation`: its number and its entry's sequence."""
    number, sequence = generation
    return {
        "hashes": [one.hex() for one in made.hashes],
        "creator": made.creator.user_id,
        "rights": [
            {"party": party.encode(one).hex(), "rights": number}
            for one, number in party.in_order(held)
        ],
        "generation": {
            "number": number,
            "commitment": derive.key_commitment(made.keys[number]).hex(),
            "sequence": sequence,
        },
    }


def grants(*given: tuple[Party, int]) -> Grant:
    return Grant(tuple(party.in_order(dict(given))))


def good_logs(entries: Entries, cast: Cast) -> None:
    anna, ben, cleo, dora = cast.anna, cast.ben, cast.cleo, cast.dora

    made, held = cast.whole_session()
    entries.good("log", "every action", made.log(), replayed(made, held, (3, 9)))
    seen = [{"sequence": at, "hash": made.hashes[at].hex()} for at in (0, 4, len(made.entries))]
    pins = {"anna": pin_json(pin_of(anna, 1)), "ben": pin_json(pin_of(ben))}
    known = made.log(seen=seen, pins=pins, escrow_key=cast.server.fingerprint.hex())
    entries.good("log", "seen before, pinned and anchored", known, replayed(made, held, (3, 9)))

    alone = cast.session({ben.party: ALL})
    expected = replayed(alone, {ben.party: ALL}, (0, 0))
    entries.good("log", "a creator without rights", alone.log(), expected)

    ended = cast.session({ben.party: ALL, cleo.party: READ})
    ended.add(ben, RevokeAll())
    entries.good("log", "revoked all", ended.log(), replayed(ended, {}, (0, 0)))

    survives = cast.session({anna.party: ALL, ben.party: READ | FORWARD})
    survives.add(ben, grants((cleo.party, READ | FORWARD)))
    survives.add(anna, Revoke((ben.party,)))
    survives.add(cleo, grants((dora.party, READ)))
    after = {anna.party: ALL, cleo.party: READ | FORWARD, dora.party: READ}
    entries.good(
        "log", "grants survive their granter", survives.log(), replayed(survives, after, (0, 0))
    )

    himself = cast.session({anna.party: ALL, ben.party: ALL})
    himself.add(anna, Revoke((anna.party,)))
    expected = replayed(himself, {ben.party: ALL}, (0, 0))
    entries.good("log", "a manager revokes himself", himself.log(), expected)

    nothing_new = cast.session({anna.party: ALL, ben.party: READ | FORWARD})
    nothing_new.add(ben, grants((anna.party, READ)))
    held = {anna.party: ALL, ben.party: READ | FORWARD}
    expected = replayed(nothing_new, held, (0, 0))
    entries.good("log", "a grant of what was there", nothing_new.log(), expected)

    moved = cast.session({anna.party: ALL, cast.placeholder: READ, cast.group: FORWARD})
    moved.add(cast.server, Assignment(cast.placeholder, cast.group.group_id))
    after = {anna.party: ALL, cast.group: READ | FORWARD}
    expected = replayed(moved, after, (0, 0))
    entries.good("log", "an assignment adds to the group's rights", moved.log(), expected)

    every = {
        p: r
        for p, r in zip(
            [Placeholder(f"p{r}", cast.server.fingerprint) for r in (*range(1, 8), ALL)],
            (*range(1, 8), ALL),
            strict=True,
        )
    }
    sums = cast.session(dict(every))
    entries.good("log", "every sum of rights", sums.log(), replayed(sums, dict(every), (0, 0)))


def bad_geneses(entries: Entries, cast: Cast) -> None:
    anna, ben = cast.anna, cast.ben
    held: dict[Party, int] = {anna.party: ALL, ben.party: READ}

    def bad(name: str, code: Code, made: SessionMaker, **changes: Any) -> None:
        entries.bad("log", f"genesis: {name}", made.log(**changes), code)

    def forged(name: str, code: Code, **fields: Any) -> None:
        made = SessionMaker(anna, cast.people)
        made.begin(held, **fields)
        bad(name, code, made)

    a, b = ([one.cbor(), 1] for one in sorted(held, key=party.encode))
    forged("no party", "invalid-format", _6=[])
    forged("not sorted", "invalid-format", _6=[b, a])
    forged("a party twice", "invalid-format", _6=[a, a])
    for number in (0, 8, 9, 14, 16, 31, 2**63):
        forged(f"rights {number}", "invalid-format", _6=[[a[0], number]])
    forged("no reader", "invalid-format", _6=[[a[0], FORWARD], [b[0], REVOKE]])
    forged("a random of 15 bytes", "invalid-format", _3=bytes(15))
    forged("no time", "invalid-format", _4=None)
    forged("a commitment of 31 bytes", "invalid-format", _5=bytes(31))
    forged("another field", "invalid-format", _7=None)
    forged("party of another type", "invalid-format", _6=[[[3, "x"], 1]])
    forged("of another app", "key-mismatch", _1="other")
    forged("without app", "invalid-format", _1="")
    forged("a creator whom nobody knows", "bad-signature", _2=draw(32))
    forged("signed by another than it names", "bad-signature", _2=ben.hash)

    good = cast.session(held)
    bad("another session asked for", "key-mismatch", good, session_id=draw(32).hex())
    bad("an entry in its place", "invalid-format", good, genesis=_entry(good, cast).hex())
    changed_bit = flipped(good.genesis, -1)
    bad("a flipped signature", "bad-signature", good, genesis=changed_bit.hex())
    bad("cut", "invalid-format", good, genesis=good.genesis[:-1].hex())
    bad("a long head", "invalid-format", good, genesis=long_head(good.genesis).hex())
    version_2 = b"\x83\x02" + good.genesis[2:]
    bad("version 2", "unsupported-version", good, genesis=version_2.hex())
    bad("below the minimum", "downgrade", good, minimum=2)
    bad("the creator isn't there", "bad-signature", good, identities=[ben.bundles])
    bad("the creator isn't pinned", "not-certified", good, refuse_first_use=True)
    other = Pin(draw(32), 1, None, Suite.HYBRID)
    bad("another creator is pinned", "pin-mismatch", good, pins={"anna": pin_json(other)})
    newer = Pin(anna.fingerprint, 9, draw(32), Suite.HYBRID)
    bad("a newer creator is pinned", "rollback", good, pins={"anna": pin_json(newer)})
    forked = Pin(anna.fingerprint, 2, draw(32), Suite.HYBRID)
    bad("a fork of the creator is pinned", "fork", good, pins={"anna": pin_json(forked)})

    by_server = SessionMaker(cast.server, cast.people)
    by_server.begin(held)
    bad("by the key server", "forbidden", by_server)


def _entry(made: SessionMaker, cast: Cast) -> bytes:
    again = made.copy()
    again.add(cast.anna, RevokeAll())
    return again.entries[-1]


def bad_entries(entries: Entries, cast: Cast) -> None:
    anna, ben, cleo, dora = cast.anna, cast.ben, cast.cleo, cast.dora
    held: dict[Party, int] = {
        anna.party: ALL,
        ben.party: READ | FORWARD,
        cleo.party: FORWARD | REVOKE,
        cast.placeholder: READ,
    }
    base = cast.session(held)
    base.add(ben, grants((dora.party, READ)))

    def bad(name: str, code: Code, change: Callable[[SessionMaker], Any], **changes: Any) -> None:
        made = base.copy()
        change(made)
        entries.bad("log", f"entry: {name}", made.log(**changes), code)

    grant = grants((dora.party, READ))

    def form(name: str, code: Code, **fields: Any) -> None:
        bad(name, code, lambda made: made.add(anna, grant, **fields))

    user = dora.party.cbor()
    form("sequence 0", "invalid-format", _2=0)
    form("an action that is a number", "invalid-format", _7=3)
    form("an empty action", "invalid-format", _7=[])
    form("action 0", "unsupported-version", _7=[0])
    form("action 6", "unsupported-version", _7=[6, "later"])
    form("a grant to nobody", "invalid-format", _7=[1, []])
    form("a grant of nothing", "invalid-format", _7=[1, [[user, 0]]])
    form("a grant twice", "invalid-format", _7=[1, [[user, 1], [user, 2]]])
    form("a grant with something more", "invalid-format", _7=[1, [[user, 1]], None])
    form("a revocation of nobody", "invalid-format", _7=[2, []])
    form("a revocation twice", "invalid-format", _7=[2, [user, user]])
    form("a revocation of all of something", "invalid-format", _7=[3, []])
    form("a generation without commitment", "invalid-format", _7=[4, 1])
    form("an assignment of a user", "invalid-format", _7=[5, user, bytes(32)])
    form("an authority of two items", "invalid-format", _6=[bytes(32), 1])
    form("an authority of zero bytes", "invalid-format", _6=bytes(72))
    form("a signer of 31 bytes", "invalid-format", _5=bytes(31))
    form("another field", "invalid-format", _8=None)
    form("of another session", "key-mismatch", _1=draw(32))
    form("a sequence before", "bad-signature", _2=1)
    form("a sequence left out", "bad-signature", _2=3)
    form("another entry before", "bad-signature", _3=draw(32))
    form("the genesis before", "bad-signature", _3=base.session_id)
    form("a signer whom nobody knows", "bad-signature", _5=draw(32))
    form("signed by another than it names", "bad-signature", _5=ben.hash)
    bad("by another key", "bad-signature", lambda made: made.add(anna, grant, seed=draw(32)))

    def as_session(made: SessionMaker) -> None:
        payload = cbor.encode(made.payload(anna, grant).cbor())
        signature = ed25519.sign(anna.seed, b"wardkey/v1/session\x00" + payload)
        made.entries.append(cbor.encode([1, payload, signature]))

    bad("signed as a genesis", "bad-signature", as_session)

    def flip(made: SessionMaker) -> None:
        made.add(anna, grant)
        made.entries[-1] = flipped(made.entries[-1], -1)

    bad("a flipped signature", "bad-signature", flip)

    def version_2(made: SessionMaker) -> None:
        payload = cbor.encode(made.payload(anna, grant).cbor())
        made.entries.append(signed(entry.FORM, anna.seed, payload, version=2))

    bad("version 2", "unsupported-version", version_2)
    bad("twice", "bad-signature", lambda made: made.entries.append(made.entries[-1]))
    bad("missing", "bad-signature", lambda made: (made.add(anna, grant), made.entries.pop(0)))

    # Bundles of signers.
    old = anna.copy()
    for values in (old.keys, old.seeds, old.objects, old.hashes):
        values.pop()
    bad("an older bundle than the genesis's", "rollback", lambda made: made.add(old, grant))
    fresh = anna.copy()
    fresh.renew()
    people = [fresh.bundles, *(person.bundles for person in cast.people if person is not anna)]

    def older_after_newer(made: SessionMaker) -> None:
        made.add(fresh, grant)
        made.add(anna, grant)

    bad("an older bundle than before", "rollback", older_after_newer, identities=people)

    # Authority.
    authority = Authority(draw(32), 0, draw(32))
    bad("for a group", "unknown-group", lambda made: made.add(anna, grant, authority))
    bad(
        "for a group, unsigned",
        "bad-signature",
        lambda made: made.add(anna, grant, authority, draw(32)),
    )

    # What P may do.
    def forbidden(name: str, change: Callable[[SessionMaker], Any]) -> None:
        bad(name, "forbidden", change)

    forbidden("a grant without forward", lambda made: made.add(dora, grant))
    forbidden(
        "a grant by a stranger", lambda made: made.add(cast.eve, grants((cast.eve.party, READ)))
    )
    forbidden(
        "a grant of what one hasn't",
        lambda made: made.add(ben, grants((dora.party, READ | REVOKE))),
    )
    forbidden(
        "a grant of read without read", lambda made: made.add(cleo, grants((dora.party, READ)))
    )
    forbidden("a grant of manage without it", lambda made: made.add(ben, grants((dora.party, ALL))))
    forbidden(
        "one grant of two too many",
        lambda made: made.add(ben, grants((dora.party, READ), (cast.eve.party, ALL))),
    )
    forbidden("a grant by the key server", lambda made: made.add(cast.server, grant))
    forbidden("a revocation without revoke", lambda made: made.add(ben, Revoke((dora.party,))))
    forbidden(
        "a revocation of a manager without manage",
        lambda made: made.add(cleo, Revoke((anna.party,))),
    )
    forbidden(
        "a revocation of who has no rights", lambda made: made.add(anna, Revoke((cast.eve.party,)))
    )
    forbidden(
        "a revocation, one of two without rights",
        lambda made: made.add(
            anna, Revoke(tuple(sorted((dora.party, cast.eve.party), key=party.encode)))
        ),
    )
    forbidden(
        "a second revocation",
        lambda made: (made.add(anna, Revoke((dora.party,))), made.add(anna, Revoke((dora.party,)))),
    )
    forbidden("revoke all without manage", lambda made: made.add(cleo, RevokeAll()))
    forbidden("a generation without read", lambda made: made.add_generation(cleo))
    for number in (0, 2):
        forbidden(
            f"generation {number} after 0",
            lambda made, n=number: made.add(anna, Generation(n, draw(32))),
        )
    forbidden(
        "anything after the end", lambda made: (made.add(anna, RevokeAll()), made.add(anna, grant))
    )
    forbidden(
        "by a revoked manager",
        lambda made: (made.add(anna, Revoke((anna.party,))), made.add(anna, grant)),
    )

    assignment = Assignment(cast.placeholder, cast.group.group_id)
    forbidden("an assignment by a manager", lambda made: made.add(anna, assignment))
    unknown = Assignment(Placeholder("other", cast.server.fingerprint), cast.group.group_id)
    forbidden("an assignment without rights", lambda made: made.add(cast.server, unknown))
    nobodys = Placeholder(cast.placeholder.name, cast.server.fingerprint)
    another_contact = Assignment(nobodys, cast.group.group_id)
    forbidden(
        "an assignment with another contact", lambda made: made.add(cast.server, another_contact)
    )
    forbidden(
        "an assignment twice",
        lambda made: (made.add(cast.server, assignment), made.add(cast.server, assignment)),
    )
    elsewhere = Placeholder("elsewhere", draw(32))

    def foreign_escrow(made: SessionMaker) -> None:
        made.add(anna, grants((elsewhere, READ)))
        made.add(cast.server, Assignment(elsewhere, cast.group.group_id))

    forbidden("an assignment of another escrow", foreign_escrow)
    bad(
        "an assignment for a group",
        "unknown-group",
        lambda made: made.add(cast.server, assignment, authority),
    )
    bad(
        "an assignment by another key server than configured",
        "pin-mismatch",
        lambda made: made.add(cast.server, assignment),
        escrow_key=draw(32).hex(),
    )

    # What was seen.
    def seen(sequence: int, expected: bytes) -> Json:
        return {"seen": [{"sequence": sequence, "hash": expected.hex()}]}

    bad("a shorter log than seen", "rollback", lambda made: None, **seen(2, draw(32)))
    bad("another entry than seen", "fork", lambda made: None, **seen(1, draw(32)))
    bad(
        "a longer log, another entry than seen",
        "fork",
        lambda made: made.add(anna, grant),
        **seen(1, draw(32)),
    )


def make(entries: Entries, cast: Cast) -> None:
    good_logs(entries, cast)
    bad_geneses(entries, cast)
    bad_entries(entries, cast)
