"""Wraps and the opening of sessions (SPEC sections 12.5 and 12.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from wardkey_format import derive, party, rights
from wardkey_format.action import Assignment, Grant, Revoke, RevokeAll
from wardkey_format.errors import Code
from wardkey_format.party import Party
from wardkey_format.randomness import draw

from .cast import Cast
from .entries import Entries, Json
from .forging import end_of_payload, flipped, long_head
from .person import Person
from .session_maker import SessionMaker

READ, FORWARD, ALL = rights.READ, rights.FORWARD, rights.ALL

Stanzas = list[Iterable[Party]]


def opened(made: SessionMaker, keys: int, stanzas: Stanzas, *, due: bool) -> Json:
    """`keys`: of how many generations."""
    return {
        "keys": [key.hex() for key in made.keys[:keys]],
        "stanzas": [
            [party.encode(p).hex() for p in sorted(one, key=party.encode)] for one in stanzas
        ],
        "due": due,
    }


def good_openings(entries: Entries, cast: Cast) -> None:
    anna, ben, cleo, dora = (p.party for p in (cast.anna, cast.ben, cast.cleo, cast.dora))
    made, _ = cast.whole_session()
    stanzas: Stanzas = [
        [anna, ben, cast.placeholder, cleo, dora],
        [anna, ben, dora, cast.placeholder, cast.group],
        [anna, ben, dora, cast.group],
        [anna, ben, cast.group],
    ]
    result = opened(made, 4, stanzas, due=False)
    entries.good("session", "every action, by its creator", made.session(cast.anna), result)
    entries.good("session", "every action, by rsa-3072", made.session(cast.ben), result)
    backwards = made.session(cast.ben)
    backwards["wraps"].reverse()
    entries.good("session", "wraps in another order", backwards, result)

    def example(
        name: str,
        held: dict[Party, int],
        steps: Callable[[SessionMaker], Any],
        reader: Person,
        expected: Stanzas,
        **options: Any,
    ) -> None:
        session = cast.session(held)
        steps(session)
        keys = options.pop("keys", len(session.keys))
        due = options.pop("due")
        given = session.session(reader, **options)
        entries.good("session", name, given, opened(session, keys, expected, due=due))

    example("genesis only", {anna: ALL}, lambda s: None, cast.anna, [[anna]], due=False)

    def granted(s: SessionMaker) -> None:
        s.add(cast.anna, Grant(((cleo, READ),)))
        s.add_wraps(cast.anna, 1, [cleo])

    example("by a grant, rsa-4096", {anna: ALL}, granted, cast.cleo, [[anna, cleo]], due=False)

    def forward_only(s: SessionMaker) -> None:
        s.add(cast.anna, Grant(((cleo, FORWARD),)))

    example(
        "a grant without read has no wraps",
        {anna: ALL},
        forward_only,
        cast.anna,
        [[anna]],
        due=False,
    )

    def read_twice(s: SessionMaker) -> None:
        granted(s)
        s.add(cast.anna, Grant(tuple(party.in_order({cleo: READ, dora: READ}))))
        s.add_wraps(cast.anna, 2, [dora])

    example(
        "who has a stanza gets no second",
        {anna: ALL},
        read_twice,
        cast.dora,
        [[anna, cleo, dora]],
        due=False,
    )

    def revoked(s: SessionMaker) -> None:
        granted(s)
        s.add(cast.anna, Revoke((cleo,)))

    example("due after a revocation", {anna: ALL}, revoked, cast.anna, [[anna, cleo]], due=True)

    def back_again(s: SessionMaker) -> None:
        revoked(s)
        s.add(cast.anna, Grant(((cleo, READ),)))

    example(
        "granted again in one generation",
        {anna: ALL},
        back_again,
        cast.cleo,
        [[anna, cleo]],
        due=True,
    )

    def rotated(s: SessionMaker) -> None:
        back_again(s)
        s.generation(cast.cleo, [anna, cleo])

    example(
        "after a rotation by who came later",
        {anna: ALL},
        rotated,
        cast.cleo,
        [[anna, cleo], [anna, cleo]],
        due=False,
    )

    def assigned(s: SessionMaker) -> None:
        s.add(cast.server, Assignment(cast.placeholder, cast.group.group_id))
        s.add_wraps(cast.server, 1, [cast.group])

    held: dict[Party, int] = {anna: ALL, cast.placeholder: READ}
    everyone = [anna, cast.placeholder, cast.group]
    example("due after an assignment", held, assigned, cast.anna, [everyone], due=True)

    def assigned_without_wraps(s: SessionMaker) -> None:
        s.add(cast.server, Assignment(cast.placeholder, cast.group.group_id))

    held = {anna: ALL, cast.placeholder: FORWARD}
    example(
        "an assignment without read has no wraps",
        held,
        assigned_without_wraps,
        cast.anna,
        [[anna]],
        due=True,
    )
    held = {anna: ALL, cast.placeholder: READ, cast.group: READ}
    example(
        "an assignment to a group with a stanza",
        held,
        assigned_without_wraps,
        cast.anna,
        [everyone],
        due=True,
    )

    # The bodies of others are null.
    private = SessionMaker(cast.anna, cast.people)
    private.begin({anna: ALL, ben: READ})
    private.add_wraps(cast.anna, 0, [anna, ben], only_for=[ben])
    given = private.session(cast.ben)
    entries.good(
        "session", "others' bodies are null", given, opened(private, 1, [[anna, ben]], due=False)
    )

    # An older key than the newest bundle's.
    older = SessionMaker(cast.anna, cast.people)
    older.known_keys[anna] = cast.anna.keys[0]
    older.begin({anna: ALL})
    older.add_wraps(cast.anna, 0, [anna])
    given = older.session(cast.anna)
    entries.good(
        "session", "for a key before the renewal", given, opened(older, 1, [[anna]], due=False)
    )

    # Made off line before a renewal, wrapped after it.
    waiting = SessionMaker(cast.anna.before_renewal(), cast.people)
    waiting.begin({anna: ALL, ben: READ})
    waiting.add_wraps(cast.anna, 0, [anna, ben])
    result = opened(waiting, 1, [[anna, ben]], due=False)
    for reader in (cast.anna, cast.ben):
        name = f"sent after a renewal: {reader.user_id}"
        entries.good("session", name, waiting.session(reader), result)


def bad_openings(entries: Entries, cast: Cast) -> None:
    anna, ben, cleo = (p.party for p in (cast.anna, cast.ben, cast.cleo))
    base = cast.session({anna: ALL, ben: READ})

    def bad(
        name: str, code: Code, made: SessionMaker, reader: Person = cast.anna, **changes: Any
    ) -> None:
        entries.bad("session", name, made.session(reader, **changes), code)

    # Who may not open.
    bad("a stranger", "not-a-recipient", base, cast.eve)
    no_read = cast.session({anna: ALL, ben: FORWARD})
    bad("without read", "not-a-recipient", no_read, cast.ben)
    revoked = base.copy()
    revoked.add(cast.anna, Revoke((ben,)))
    bad("a revoked reader", "revoked", revoked, cast.ben)
    ended = base.copy()
    ended.add(cast.anna, RevokeAll())
    bad("after the end", "revoked", ended)
    without_creator = cast.session({ben: ALL})
    bad("the creator, who isn't a reader", "not-a-recipient", without_creator)
    of_another = Person.new("anna")
    bad("another identity of the name", "not-a-recipient", base, of_another)
    bad("without the private key", "not-a-recipient", base, keys=cast.eve.private_keys)
    by_group = cast.session({anna: ALL, cast.group: READ})
    member = [party.encode(cast.eve.party).hex(), party.encode(cast.group).hex()]
    bad("by a group only", "not-a-recipient", by_group, cast.eve, parties=member)

    # Genesis wraps, made wrong.
    def genesis(
        name: str,
        code: Code,
        parties: Iterable[Party] = (anna, ben),
        held: dict[Party, int] | None = None,
        by: Person | None = None,
        sequence: int = 0,
        **options: Any,
    ) -> None:
        made = SessionMaker(cast.anna, cast.people)
        made.known_keys[cast.group] = cast.group_keys
        made.begin(held or {anna: ALL, ben: READ})
        made.add_wraps(by or cast.anna, sequence, parties, **options)
        bad(f"genesis's wraps: {name}", code, made)

    genesis("of another session", "key-mismatch", _1=draw(32))
    genesis("of an entry that isn't there", "bad-signature", sequence=1)
    genesis("with a key before", "bad-signature", previous=bytes(104))
    genesis("a key before of 103 bytes", "invalid-format", previous=bytes(103))
    genesis("of generation 1", "key-mismatch", _3=1)
    genesis("of another commitment", "key-mismatch", _5=draw(32))
    genesis("of another key id", "unwrap-failed", _4=draw(16))
    genesis("a key id of 15 bytes", "invalid-format", _4=bytes(15))
    genesis("by another signer", "bad-signature", by=cast.ben)
    genesis("by an earlier bundle", "bad-signature", by=cast.anna.before_renewal())
    waiting = SessionMaker(cast.anna.before_renewal(), cast.people)
    waiting.begin({anna: ALL, ben: READ})
    for name, by, seed in (
        ("of another name", cast.ben, None),
        ("of nobody's", Person.new("anna"), None),
        ("that another signed", cast.anna, cast.ben.seed),
    ):
        made = waiting.copy()
        made.add_wraps(by, 0, [anna, ben], seed=seed)
        bad(f"sent after a renewal: by a bundle {name}", "bad-signature", made)
    waiting.add_wraps(waiting.creator, 0, [anna, ben])
    waiting.add(waiting.creator, Grant(((cleo, READ),)))
    waiting.add_wraps(cast.anna, 1, [cleo])
    bad("a grant, wrapped after a renewal", "bad-signature", waiting)
    genesis("signed by another than it names", "bad-signature", seed=draw(32))
    genesis("a reader is missing", "bad-signature", [anna])
    genesis("one too many", "bad-signature", [anna, ben, cleo])
    genesis("who has forward only", "bad-signature", held={anna: ALL, ben: FORWARD})
    genesis("another key", "key-mismatch", wrapped_key=draw(32))
    genesis("no party", "invalid-format", _8=[])
    genesis("null in the reader's place", "bad-signature", only_for=[ben])
    genesis("no bodies", "invalid-format", bodies=[])
    genesis("a body too many", "invalid-format", bodies=[None] * 3)
    genesis("a body of another length", "invalid-format", bodies=[None, bytes(1_167)])
    genesis("a body of zero bytes", "bad-signature", bodies=[None, bytes(1_168)])
    genesis("another field", "invalid-format", _9=None)

    def places(change: Callable[[list[Any]], Any]) -> list[Any]:
        made = base.stanzas([anna, ben], 0, base.keys[0])[0]
        return [*change([place.cbor() for place in made])]

    genesis("not sorted", "invalid-format", _8=places(reversed))
    genesis("a party twice", "invalid-format", _8=places(lambda p: [p[0], p[0]]))
    for suite in (0, 2, 5):
        genesis(
            f"suite {suite}",
            "invalid-format",
            _8=places(lambda p, s=suite: [p[0], [*p[1][:2], s, p[1][3]]]),
        )
    with_hash = places(lambda p: [[*p[0][:3], draw(32)], p[1]])
    genesis("another hash than the body's", "bad-signature", _8=with_hash)

    def swapped(p: list[Any]) -> list[Any]:
        return [[p[0][0], *p[1][1:]], [p[1][0], *p[0][1:]]]

    genesis("bodies of others' suites", "invalid-format", _8=places(swapped))

    # Objects changed on the way.
    def object_changed(
        name: str, code: Code, change: Callable[[bytes], bytes], **options: Any
    ) -> None:
        made = base.copy()
        made.wraps[0] = change(made.wraps[0])
        bad(f"genesis's wraps: {name}", code, made, **options)

    object_changed("a flipped body", "bad-signature", lambda data: flipped(data, -1))
    object_changed(
        "a flipped payload", "bad-signature", lambda data: flipped(data, end_of_payload(data))
    )
    object_changed("cut", "invalid-format", lambda data: data[:-1])
    object_changed("a long head", "invalid-format", long_head)
    object_changed("version 2", "unsupported-version", lambda data: b"\x84\x02" + data[2:])
    none = base.copy()
    none.wraps.clear()
    bad("no wraps", "bad-signature", none)
    twice = base.copy()
    twice.wraps *= 2
    bad("wraps twice", "bad-signature", twice)
    foreign = base.copy()
    foreign.wraps = [cast.session({anna: ALL, ben: READ}).wraps[0]]
    bad("wraps of another session", "key-mismatch", foreign)

    # Grants.
    def grant(
        name: str,
        code: Code,
        change: Callable[[SessionMaker], Any],
        *given: tuple[Party, int],
        **options: Any,
    ) -> None:
        made = base.copy()
        made.add(cast.anna, Grant(tuple(party.in_order(dict(given or ((cleo, READ),))))))
        change(made)
        bad(f"grant: {name}", code, made, **options)

    grant("its wraps are missing", "bad-signature", lambda made: None)
    grant(
        "for another party",
        "bad-signature",
        lambda made: made.add_wraps(cast.anna, 1, [cast.dora.party]),
    )
    grant(
        "for who has a stanza",
        "bad-signature",
        lambda made: made.add_wraps(cast.anna, 1, [ben, cleo]),
        (ben, READ),
        (cleo, READ),
    )
    grant(
        "nobody needs a stanza",
        "bad-signature",
        lambda made: made.add_wraps(cast.anna, 1, [ben]),
        (ben, READ),
    )
    grant(
        "of forward",
        "bad-signature",
        lambda made: made.add_wraps(cast.anna, 1, [cleo]),
        (cleo, FORWARD),
    )
    grant(
        "one of two is missing",
        "bad-signature",
        lambda made: made.add_wraps(cast.anna, 1, [cleo]),
        (cleo, READ),
        (cast.dora.party, READ),
    )
    grant("by another reader", "bad-signature", lambda made: made.add_wraps(cast.ben, 1, [cleo]))
    grant(
        "another key id",
        "key-mismatch",
        lambda made: made.add_wraps(cast.anna, 1, [cleo], _4=draw(16)),
    )
    grant(
        "with a key before",
        "bad-signature",
        lambda made: made.add_wraps(cast.anna, 1, [cleo], previous=bytes(104)),
    )
    grant(
        "another key, for its party",
        "key-mismatch",
        lambda made: made.add_wraps(cast.anna, 1, [cleo], wrapped_key=draw(32)),
        reader=cast.cleo,
    )
    of_revocation = revoked.copy()
    of_revocation.add_wraps(cast.anna, 1, [anna])
    bad("wraps of a revocation", "bad-signature", of_revocation)

    # Assignments.
    placeholder = cast.session({anna: ALL, cast.placeholder: READ})

    def assignment(name: str, code: Code, change: Callable[[SessionMaker], Any]) -> None:
        made = placeholder.copy()
        made.add(cast.server, Assignment(cast.placeholder, cast.group.group_id))
        change(made)
        bad(f"assignment: {name}", code, made)

    assignment("its wraps are missing", "bad-signature", lambda made: None)
    assignment(
        "for another party", "bad-signature", lambda made: made.add_wraps(cast.server, 1, [cleo])
    )
    assignment(
        "by a manager", "bad-signature", lambda made: made.add_wraps(cast.anna, 1, [cast.group])
    )

    # Generations.
    def generation(
        name: str, code: Code, change: Callable[[SessionMaker], Any], reader: Person = cast.anna
    ) -> None:
        made = base.copy()
        change(made)
        bad(f"generation: {name}", code, made, reader)

    both = [anna, ben]
    generation(
        "its wraps are missing", "bad-signature", lambda made: made.add_generation(cast.anna)
    )
    generation(
        "no key before",
        "bad-signature",
        lambda made: made.generation(cast.anna, both, previous=None),
    )
    generation(
        "a reader is missing", "bad-signature", lambda made: made.generation(cast.anna, [anna])
    )
    generation(
        "who isn't a reader",
        "bad-signature",
        lambda made: made.generation(cast.anna, [*both, cleo]),
    )
    generation(
        "by another reader",
        "bad-signature",
        lambda made: (
            sequence := made.add_generation(cast.anna),
            made.add_wraps(cast.ben, sequence, both, previous=made.sealed_previous(1)),
        ),
    )
    generation(
        "of generation 0", "key-mismatch", lambda made: made.generation(cast.anna, both, _3=0)
    )
    generation(
        "the commitment of generation 0",
        "key-mismatch",
        lambda made: made.generation(cast.anna, both, _5=derive.key_commitment(made.keys[0])),
    )
    generation(
        "another key before", "key-mismatch", lambda made: _previous(made, cast, both, key=draw(32))
    )
    generation(
        "a key before that doesn't open",
        "decryption-failed",
        lambda made: made.generation(cast.anna, both, previous=bytes(104)),
    )
    generation(
        "a key before under another context",
        "decryption-failed",
        lambda made: _previous(made, cast, both, context=b"other"),
    )

    def revoked_before(made: SessionMaker) -> None:
        made.add(cast.anna, Revoke((ben,)))
        made.generation(cast.anna, both)

    generation("for who was revoked", "bad-signature", revoked_before)
    generation(
        "a stanza for generation 0", "unwrap-failed", lambda made: _old_stanzas(made, cast, both)
    )


def _previous(made: SessionMaker, cast: Cast, parties: list[Party], **other: Any) -> None:
    """A generation whose key before is sealed otherwise."""
    sequence = made.add_generation(cast.anna)
    made.add_wraps(cast.anna, sequence, parties, previous=made.sealed_previous(1, **other))


def _old_stanzas(made: SessionMaker, cast: Cast, parties: list[Party]) -> None:
    """A generation whose stanzas are bound to the one before."""
    sequence = made.add_generation(cast.anna)
    places, bodies = made.stanzas(parties, 0, made.keys[1])
    previous = made.sealed_previous(1)
    made.add_wraps(
        cast.anna,
        sequence,
        parties,
        previous=previous,
        bodies=bodies,
        _8=[place.cbor() for place in places],
    )


def make(entries: Entries, cast: Cast) -> None:
    good_openings(entries, cast)
    bad_openings(entries, cast)
