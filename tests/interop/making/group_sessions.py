"""`group_session.json`: sessions that groups take part in (SPEC sections 12.3 to 12.7 and 13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wardkey_format import author, epoch, party, rights
from wardkey_format.action import Assignment, Grant, Revoke, RevokeAll
from wardkey_format.entry import Authority
from wardkey_format.errors import Code
from wardkey_format.member import ADMIN, MEMBER
from wardkey_format.operation import Add
from wardkey_format.party import Group, Party
from wardkey_format.private_key import KeyPair
from wardkey_format.randomness import draw

from .cast import Cast
from .entries import Entries, Json
from .group_maker import GroupMaker, roles
from .logs import grants, replayed
from .openings import opened
from .person import Person
from .session_maker import SessionMaker

READ, FORWARD, ALL = rights.READ, rights.FORWARD, rights.ALL


@dataclass(frozen=True)
class Ward:
    """A group as it is after an operation, with the keys that its members are given."""

    made: GroupMaker
    keys: bytes

    @property
    def party(self) -> Group:
        return Group(self.made.group_id)

    @property
    def key_pair(self) -> KeyPair:
        return epoch.key_pair(self.made.secrets[-1])

    def at(self, sequence: int) -> Authority:
        return Authority(self.made.group_id, sequence, self.made.hashes[sequence])

    def trailer(self, sequence: int) -> bytes:
        return author.authority_of_group(self.made.group_id, sequence, self.made.hashes[sequence])

    def json(self, *, keys: bool) -> Json:
        log = self.made.log()
        copied = {name: log[name] for name in ("group_id", "genesis", "operations")}
        return {**copied, "keys": self.keys.hex() if keys else None}

    def opens(self, session: SessionMaker, member: Person, **changes: Any) -> Json:
        """As a member opens the session who knows the group like this."""
        groups = [self.json(keys=True)]
        return session.session(member, self.party, **{"groups": groups, **changes})

    def known(self, session: SessionMaker, reader: Person, **changes: Any) -> Json:
        """As somebody does who is no member."""
        return session.session(reader, **{"groups": [self.json(keys=False)], **changes})


@dataclass
class Scene:
    """Before and after anna removed ben from the ward, and with dora, who came then."""

    cast: Cast
    before: Ward
    after: Ward
    joined: Ward

    @classmethod
    def new(cls, cast: Cast) -> Scene:
        anna, ben, cleo, dora = cast.anna, cast.ben, cast.cleo, cast.dora
        made = GroupMaker(anna, cast.people)
        made.begin(roles({anna: ADMIN, ben: MEMBER, cleo: MEMBER}))
        before = Ward(made.copy(), made.keys(anna, [anna, ben, cleo]))
        made.remove(anna, ben)
        after = Ward(made.copy(), made.keys(anna, [anna, cleo], only_for=cleo))
        made.add(anna, Add(roles({dora: MEMBER})))
        return cls(cast, before, after, Ward(made.copy(), made.keys(anna, [dora])))

    def session(self, held: dict[Party, int], ward: Ward | None = None) -> SessionMaker:
        """By anna; what is wrapped for the group is for this epoch of it."""
        session = SessionMaker(self.cast.anna, self.cast.people)
        self.turn(session, ward or self.before)
        placeholder = self.cast.placeholder
        session.known_keys[placeholder] = self.cast.server.key_pair
        held = {self.cast.anna.party: ALL, **held}
        session.begin(held)
        readers = [one for one, number in held.items() if number & READ]
        session.add_wraps(self.cast.anna, 0, readers)
        return session

    @staticmethod
    def turn(session: SessionMaker, ward: Ward) -> None:
        session.known_keys[ward.party] = ward.key_pair


def message_of(by: Person, text: bytes, generation: int) -> Json:
    written_by = {"user_id": by.user_id, "fingerprint": by.fingerprint.hex()}
    return {"plaintext": text.hex(), "author": written_by, "generation": generation}


def two_epochs(entries: Entries, scene: Scene) -> None:
    """A session that outlives ben's time in the ward."""
    cast, before, after, joined = scene.cast, scene.before, scene.after, scene.joined
    anna, ben, cleo, dora = cast.anna, cast.ben, cast.cleo, cast.dora
    group = before.party
    session = scene.session({group: READ})
    both: list[Party] = [anna.party, group]
    one = opened(session, 1, [both], due=False)
    due = opened(session, 1, [both], due=True)
    entries.good("session", "a member, rsa-3072", before.opens(session, ben), one)
    entries.good("session", "a newer epoch", after.opens(session, cleo), due)
    entries.good("session", "a newer epoch, no member", after.known(session, anna), due)
    unknown = session.session(anna, groups=[])
    entries.good("session", "of no log is known", unknown, one)
    first = session.message(ben, b"first", generation=0, view=0, authority=before.trailer(0))

    scene.turn(session, after)
    session.generation(anna, both)
    second = session.message(cleo, b"second", generation=1, view=1, authority=after.trailer(1))
    two = opened(session, 2, [both, both], due=False)
    for name, ward, reader in (("a member", after, cleo), ("a newcomer", joined, dora)):
        given = ward.opens(session, reader)
        entries.good("session", f"two epochs, {name}", given, two)
        for sealed, by, text, generation in (
            (first, ben, b"first", 0),
            (second, cleo, b"second", 1),
        ):
            read = {**given, "sealed": sealed.hex(), "context": {}}
            expected = message_of(by, text, generation)
            entries.good("message", f"two epochs, {name}, {text.decode()}", read, expected)

    entries.bad("session", "who left", before.opens(session, ben), "not-a-recipient")
    entries.bad("session", "who left and knows it", after.opens(session, ben), "revoked")
    keyless = after.opens(session, cleo, groups=[after.json(keys=False)])
    entries.bad("session", "no keys of the group", keyless, "not-a-recipient")

    def bad(name: str, code: Code, by: Person, trailer: bytes, **options: Any) -> None:
        place = {"generation": 1, "view": 1, **options}
        sealed = session.message(by, b"x", authority=trailer, **place)
        given = after.known(session, anna, sealed=sealed.hex(), context={})
        entries.bad("message", f"author: {name}", given, code)

    group_id = before.made.group_id
    bad("who left, by the state after", "forbidden", ben, after.trailer(1))
    bad("never a member", "forbidden", cast.eve, before.trailer(0))
    bad("not yet known", "rollback", dora, joined.trailer(2))
    forked = author.authority_of_group(group_id, 1, draw(32))
    bad("of another history", "fork", cleo, forked)
    unheard_of = author.authority_of_group(draw(32), 0, draw(32))
    bad("of another group", "unknown-group", cleo, unheard_of)
    bad("in her own right", "forbidden", cleo, author.SIGNER_HIMSELF)
    bad("an old key", "forbidden", cleo, after.trailer(1), generation=0)
    bad("an old view", "forbidden", cleo, after.trailer(1), view=0)


def back_dated(entries: Entries, scene: Scene) -> None:
    """ben, who left, lets eve in by a state in which he was there."""
    cast, before, after = scene.cast, scene.before, scene.after
    anna, ben, cleo, eve = cast.anna, cast.ben, cast.cleo, cast.eve
    group = before.party
    held: dict[Party, int] = {group: ALL, ben.party: READ}
    session = scene.session(held, after)
    everyone: list[Party] = [anna.party, ben.party, group]
    session.add(ben, Grant(((eve.party, READ),)), before.at(0))
    session.add_wraps(ben, 1, [eve.party])
    found = [party.encode(eve.party).hex()]
    entries.good("unconfirmed", "back-dated", after.known(session, anna), found)
    entries.good("unconfirmed", "back-dated, unaware", before.known(session, anna), [])
    result = opened(session, 1, [[*everyone, eve.party]], due=True)
    entries.good("session", "back-dated", after.opens(session, cleo), result)

    confirmed = session.copy()
    confirmed.add(cleo, Grant(((cleo.party, FORWARD),)), before.at(0))
    entries.good("unconfirmed", "confirmed later", after.known(confirmed, anna), [])
    after_both = {anna.party: ALL, **held, eve.party: READ, cleo.party: FORWARD}
    log = after.known(confirmed, anna)
    entries.good("log", "confirmed later", log, replayed(confirmed, after_both, (0, 0)))

    session.generation(cleo, everyone, authority=after.at(1))
    stanzas = [[*everyone, eve.party], everyone]
    result = opened(session, 2, stanzas, due=False)
    entries.good("session", "back-dated and left out", after.opens(session, cleo), result)
    hers = opened(session, 1, stanzas, due=False)
    entries.good("session", "back-dated, what eve has", after.known(session, eve), hers)
    session.add(anna, Grant(((eve.party, READ),)))
    session.add_wraps(anna, 3, [eve.party])
    entries.good("unconfirmed", "back-dated and replaced", after.known(session, anna), [])
    stanzas = [stanzas[0], [*everyone, eve.party]]
    result = opened(session, 2, stanzas, due=False)
    entries.good("session", "back-dated and replaced", after.known(session, eve), result)

    begun = scene.session(held, after)
    begun.generation(ben, everyone, authority=before.at(0))
    result = opened(begun, 2, [everyone, everyone], due=True)
    entries.good("session", "begun by who left", after.opens(begun, cleo), result)


def escrow(entries: Entries, scene: Scene) -> None:
    cast, ward = scene.cast, scene.before
    anna, cleo, server = cast.anna, cast.cleo, cast.server
    group, placeholder = ward.party, cast.placeholder
    session = scene.session({placeholder: READ})
    waiting = session.copy()
    session.add(server, Assignment(placeholder, group.group_id))
    session.add_wraps(server, 1, [group])
    first: list[Party] = [anna.party, placeholder, group]
    result = opened(session, 1, [first], due=True)
    entries.good("session", "assigned", ward.opens(session, cleo), result)
    session.generation(cleo, [anna.party, group], authority=ward.at(0))
    result = opened(session, 2, [first, [anna.party, group]], due=False)
    entries.good("session", "assigned, and a generation later", ward.opens(session, cleo), result)
    entries.bad("session", "not assigned yet", ward.opens(waiting, cleo), "not-a-recipient")

    def bad(name: str, parties: list[Party], by: Person) -> None:
        made = waiting.copy()
        made.add(server, Assignment(placeholder, group.group_id))
        if parties:
            made.add_wraps(by, 1, parties)
        entries.bad("session", f"assigned: {name}", ward.opens(made, cleo), "bad-signature")

    bad("without wraps", [], server)
    bad("wrapped for a member", [cleo.party], server)
    bad("wrapped for more", [cleo.party, group], server)
    bad("wrapped by a manager", [group], anna)


def broken(entries: Entries, scene: Scene) -> None:
    """ben seals something else as the key before generation 1."""
    cast, ward = scene.cast, scene.before
    anna, ben, cleo, dora = cast.anna, cast.ben, cast.cleo, cast.dora
    everyone: list[Party] = [anna.party, ben.party, ward.party]
    codes: list[tuple[str, Code, Json]] = [
        ("junk", "decryption-failed", {"context": b"other"}),
        ("another key", "key-mismatch", {"key": draw(32)}),
    ]
    for name, code, sealed_as in codes:
        session = scene.session({ben.party: READ, ward.party: READ})
        first = session.message(anna, b"first", generation=0, view=0)
        sequence = session.add_generation(ben)
        previous = session.sealed_previous(1, **sealed_as)
        session.add_wraps(ben, sequence, everyone, previous=previous)
        session.add(anna, Grant(((dora.party, READ),)))
        session.add_wraps(anna, sequence + 1, [dora.party])
        both = [{"key": key.hex(), "error": None} for key in session.keys]
        for reader in (ben, cleo):
            given = ward.opens(session, reader)
            title = f"broken by {name}, {reader.user_id}"
            entries.good("keys", title, given, both)
            read = {**given, "sealed": first.hex(), "context": {}}
            entries.good("message", title, read, message_of(anna, b"first", 0))
        later = ward.known(session, dora)
        closed = [{"key": None, "error": code}, both[1]]
        entries.good("keys", f"broken by {name}, later", later, closed)
        read = {**later, "sealed": first.hex(), "context": {}}
        entries.bad("message", f"broken by {name}, later", read, code)


def authorities(entries: Entries, scene: Scene) -> None:
    """Entries in the ward's right."""
    cast, before, after, joined = scene.cast, scene.before, scene.after, scene.joined
    anna, ben, cleo, dora, eve = cast.anna, cast.ben, cast.cleo, cast.dora, cast.eve
    group = before.party
    to_eve, forward = grants((eve.party, READ)), grants((eve.party, FORWARD))
    session = scene.session({group: ALL})
    session.add(cleo, to_eve, after.at(1))
    session.add_wraps(cleo, 1, [eve.party])
    session.add(dora, Revoke((anna.party,)), joined.at(2))
    held: dict[Party, int] = {group: ALL, eve.party: READ}
    given = joined.known(session, anna)
    entries.good("log", "in the group's right", given, replayed(session, held, (0, 0)))
    session.add(dora, RevokeAll(), joined.at(2))
    given = joined.known(session, anna)
    entries.good("log", "the end, in the group's right", given, replayed(session, {}, (0, 0)))

    def bad(
        name: str,
        code: Code,
        *steps: tuple[Person, Grant, Authority | None],
        rights: int = ALL,
        ward: Ward = after,
        **changes: Any,
    ) -> None:
        made = scene.session({group: rights, ben.party: ALL})
        for signer, action, authority in steps:
            made.add(signer, action, authority)
        given = {**ward.known(made, anna), **changes}
        entries.bad("log", f"authority: {name}", given, code)

    group_id = group.group_id
    bad("no log", "unknown-group", (cleo, to_eve, before.at(0)), groups=[])
    bad("another group", "unknown-group", (cleo, to_eve, Authority(draw(32), 0, draw(32))))
    bad("beyond the log", "rollback", (dora, to_eve, joined.at(2)))
    bad("another history", "fork", (cleo, to_eve, Authority(group_id, 1, draw(32))))
    bad("a stranger", "forbidden", (eve, to_eve, before.at(0)))
    bad("who left", "forbidden", (ben, to_eve, after.at(1)))
    bad("not yet a member", "forbidden", (dora, to_eve, after.at(1)), ward=joined)
    bad("the key server", "forbidden", (cast.server, to_eve, before.at(0)))
    falling = ((cleo, to_eve, after.at(1)), (ben, forward, before.at(0)))
    bad("a falling sequence", "rollback", *falling)
    bad("what the group hasn't", "forbidden", (cleo, to_eve, before.at(0)), rights=FORWARD)
    bad("his own rights", "forbidden", (ben, to_eve, before.at(0)), rights=READ)
    bad("the group's in his own", "forbidden", (cleo, to_eve, None))


def make() -> Entries:
    entries, scene = Entries(), Scene.new(Cast.new())
    two_epochs(entries, scene)
    back_dated(entries, scene)
    escrow(entries, scene)
    authorities(entries, scene)
    broken(entries, scene)
    return entries
